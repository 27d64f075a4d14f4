// Rules of a training job: their place in its record and what their processes are told.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "api/rule_spec.h"
#include "control/internal/job_record.h"
#include "control/service.h"

namespace clary::control {

inline constexpr char kProcessingLogGroup[] = "/aws/sagemaker/ProcessingJobs";

// The rules of a new job's `request`, all InProgress. A job that is profiled and names no profiler
// rule gets a ProfilerReport, in the request too, unless the options say no.
void AddRules(JobRecord& record, nlohmann::json& request, const Options& options);

// rule.json of one rule of the record, which has been given its log stream.
api::RuleSpec MakeRuleSpec(const JobRecord& record, const RuleStatus& rule, bool profiler,
                           const Environment& environment, const Options& options);

// The element of DebugRuleConfigurations or ProfilerRuleConfigurations behind a rule; null if none.
nlohmann::json RuleConfiguration(const nlohmann::json& request, std::string_view name,
                                 bool profiler);

// A job's name without the time that SDKs put behind it: "census" of
// "census-2026-11-26-10-40-00-123" and of "census-20261126104000".
std::string_view BaseJobName(std::string_view job);

}  // namespace clary::control
