#include "hidden.h"

#include <cstdio>
#include <cstring>

#include "analyzer/analyzer.h"
#include "analyzer/explainer.h"
#include "exec/local_executor.h"
#include "rules/rule_runner.h"
#include "runner/runner.h"
#include "serving/container.h"
#include "serving/model_server.h"
#include "serving/transform_job.h"
#include "xgboost/algorithm.h"
#include "xgboost/trials.h"

namespace clary::cli {

std::optional<int> RunHidden(int argc, char** argv) {
  if (argc < 3) return std::nullopt;
  if (std::strcmp(argv[1], "supervise") == 0) return exec::RunSupervisor(argv[2]);
  if (std::strcmp(argv[1], "runner") == 0) return runner::Run(argv[2]);
  if (std::strcmp(argv[1], "host") == 0 && argc == 5) {
    return runner::RunOnNode(argv[2], argv[3], argv[4]);
  }
  if (std::strcmp(argv[1], "rule") == 0) return rules::RunRule(argv[2]);
  if (std::strcmp(argv[1], "model-server") == 0) return serving::RunModelServer(argv[2]);
  if (std::strcmp(argv[1], "transform-job") == 0) return serving::RunTransformJob(argv[2]);
  if (std::strcmp(argv[1], "algorithm") == 0) {
    if (std::strcmp(argv[2], "xgboost") == 0) return xgboost::RunAlgorithm();
    if (std::strcmp(argv[2], "xgboost-trials") == 0) return xgboost::RunTrials();
    if (std::strcmp(argv[2], "clarify") == 0) return analyzer::RunAnalyzer();
    if (std::strcmp(argv[2], "xgboost-serve") == 0) return serving::RunXgboostContainer();
    if (std::strcmp(argv[2], "explainer-serve") == 0) return analyzer::RunExplainer();
  }
  return std::nullopt;
}

}  // namespace clary::cli
