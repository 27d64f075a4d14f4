// Rules of a training job: processing jobs of their own, owned by it. They start when it trains,
// may stop it, and go on after its end.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "api/rule_spec.h"
#include "control/internal/steps.h"

namespace clary::control {

// Plans the processing jobs of a new job's rules. A job that is profiled and names no profiler rule
// gets a ProfilerReport, in its request too, unless the options say no.
Status PlanRules(Context& context, const Record& job, nlohmann::json& request, Plan& plan);
// The CreateProcessingJob request of one rule of a job's `request`.
nlohmann::json RuleRequest(const std::string& job, const nlohmann::json& request,
                           const std::string& rule, bool profiler);

// Whether it evaluates a rule of a training job, or writes the report of a tuning job.
bool IsRule(const Record& record);
// RuleConfigurationName; the name of what is no rule.
std::string RuleName(const Record& record);
// DebugRuleEvaluationStatuses or ProfilerRuleEvaluationStatuses of a job.
nlohmann::json RuleStatuses(const Context& context, const Record& job, bool profiler);

// rule.json of one rule, which has been given its log stream.
api::RuleSpec MakeRuleSpec(const Record& job, const Record& rule, const Context& context);

Status StepRule(Steps& steps, const SnapshotPtr& rule);

// What the process of a rule needs to know of the service: everything in rule.json that is not of
// its job. `rule` has been given its log stream.
void FillRuleSpec(const Record& rule, const Context& context, api::RuleSpec& spec);
// Starts the process of a rule that has been given its launch if need be, and looks how it is;
// takes its end into the records. `write_context` is called before it is first started and in every
// pass.
Status RunRule(Steps& steps, const SnapshotPtr& rule, const SnapshotPtr& job,
               const std::function<Status()>& write_context,
               const std::function<api::RuleSpec()>& spec);
// `evaluation`: the RuleEvaluationStatus that it ends in.
void EndRule(Record& rule, const std::string& evaluation, std::string_view details, int64_t now);

// A job's name without the time that SDKs put behind it: "census" of
// "census-2026-11-26-10-40-00-123" and of "census-20261126104000".
std::string_view BaseJobName(std::string_view job);

}  // namespace clary::control
