// The report of a tuning job: a processing job that is bound to it and runs like a rule of a
// training job (rules.h, ADR 35). It follows the trials and rewrites the report while they run.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "api/rule_spec.h"
#include "control/internal/steps.h"

namespace clary::control {

// s3://bucket/prefix/<tuning job>/tuning-report. `request` is the tuning job's.
std::string TuningReportUri(const std::string& job, const nlohmann::json& request);

// Plans the report's processing job with a new tuning job.
Status PlanTuningReport(Context& context, const Record& tuning, const nlohmann::json& request,
                        Plan& plan);

// tuning.json as it stands.
api::TuningContext MakeTuningContext(const Context& context, const Record& tuning);

Status StepTuningReport(Steps& steps, const SnapshotPtr& report);

}  // namespace clary::control
