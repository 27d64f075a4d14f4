// One rule of a training job, from rule.json to result.json: the body of `clary rule RULEDIR`.
//
// Like the runner of a job (runner/runner.h), the process opens the object store and its log stream
// itself and goes on while the service is away. It follows the job's tensors or profile in the
// store while the job trains. That the job has ended it learns from context.json in the directory
// above RULEDIR, which control replaces (api/rule_spec.h), so that a job whose host died is noticed
// too.
#pragma once

#include <filesystem>
#include <stop_token>

#include "api/rule_spec.h"
#include "base/clock.h"
#include "base/error.h"
#include "meta/log_store.h"
#include "objects/object_store.h"

namespace clary::rules {

// What a rule needs from outside. Everything is borrowed.
struct RuleEnvironment {
  objects::ObjectStore& store;
  meta::LogWriter log;
  Clock& clock;
};

// Evaluates the rule of `spec` until it fires or its job has ended, and does its actions. Reports
// go to spec.output_uri, by way of rule_dir/output. Every failure is an Error in the result, with
// "ClientError: " in front if the request is to blame; `stop` gives Stopped.
api::RuleResult EvaluateRule(const api::RuleSpec& spec, const std::filesystem::path& rule_dir,
                             RuleEnvironment environment, std::stop_token stop = {});

// `clary rule RULEDIR`. SIGTERM stops the rule. Returns the process's exit status, which is 0
// whenever result.json could be written.
int RunRule(const std::filesystem::path& rule_dir);

}  // namespace clary::rules
