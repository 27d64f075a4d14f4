// The way into the service for a training job: the checks of CreateTrainingJob beyond its shape,
// the defaults, and what the runner is told.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "api/job_spec.h"
#include "base/error.h"
#include "control/internal/record.h"
#include "control/service.h"

namespace clary::control {

// Refuses, with "ValidationException", what the shape allows but the service cannot run: an unknown
// image, a feature of a later release, data that does not exist.
Status CheckTrainingRequest(const nlohmann::json& request, const Environment& environment,
                            const Options& options);

// Members that clients read without asking whether they are there.
void FillTrainingDefaults(nlohmann::json& request);

// job.json for this record, whose launch has its key and log stream, but for what RunnerProgram()
// adds.
api::JobSpec MakeJobSpec(const Record& job, const Environment& environment, const Options& options);

// vCPUs of an instance type by its size: "ml.m5.2xlarge" -> 8. Sizes that are not known count 4.
int InstanceCpus(std::string_view instance_type);

// "<base>/<job>/<leaf>", whether or not the base ends with a slash.
std::string JobUri(std::string base, const std::string& job, std::string_view leaf);

}  // namespace clary::control
