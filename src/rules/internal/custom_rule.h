// Rules of users: a Python class over smdebug, run in the sandbox.
#pragma once

#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>

#include "api/rule_spec.h"
#include "base/clock.h"
#include "base/error.h"
#include "objects/object_store.h"

namespace clary::rules {

struct CustomRuleEnvironment {
  objects::ObjectStore& store;
  Clock& clock;
  std::function<bool()> job_ended;
  std::function<void(const std::string& line)> log;
  std::stop_token stop;
};

// Runs the class rule_to_invoke of the Python file at parameter source_s3_uri until it fires or the
// job has ended. In the sandbox, without network, it sees the job's tensors as they come, as
// /opt/ml/input/tensors, and gets the other parameters by name. The rule's own exception is an
// Error in the result. kFailedPrecondition "NoPython" says what to install.
// Call it while the process has few threads: it forks.
Result<api::RuleResult> RunCustomRule(const api::RuleSpec& spec,
                                      const std::filesystem::path& rule_dir,
                                      const CustomRuleEnvironment& environment);

}  // namespace clary::rules
