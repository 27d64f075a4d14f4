#include "hidden.h"

#include <cstdio>
#include <cstring>

#include "exec/local_executor.h"
#include "rules/rule_runner.h"
#include "runner/runner.h"
#include "xgboost/algorithm.h"

namespace clary::cli {

std::optional<int> RunHidden(int argc, char** argv) {
  if (argc < 3) return std::nullopt;
  if (std::strcmp(argv[1], "supervise") == 0) return exec::RunSupervisor(argv[2]);
  if (std::strcmp(argv[1], "runner") == 0) return runner::Run(argv[2]);
  if (std::strcmp(argv[1], "rule") == 0) return rules::RunRule(argv[2]);
  if (std::strcmp(argv[1], "algorithm") == 0 && std::strcmp(argv[2], "xgboost") == 0) {
    return xgboost::RunAlgorithm();
  }
  return std::nullopt;
}

}  // namespace clary::cli
