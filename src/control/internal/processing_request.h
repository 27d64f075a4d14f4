// The way into the service for a user's processing job: the checks of CreateProcessingJob beyond
// its shape, the defaults, and what the runner is told.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "api/job_spec.h"
#include "base/error.h"
#include "control/internal/record.h"
#include "control/service.h"

namespace clary::control {

// Refuses, with "ValidationException", what the shape allows but the service cannot run: an image
// without a program, data that does not exist, paths outside of /opt/ml/processing.
Status CheckProcessingRequest(const nlohmann::json& request, const Environment& environment,
                              const Options& options);

// Members that clients read without asking whether they are there.
void FillProcessingDefaults(nlohmann::json& request);

// Where it runs.
std::vector<api::HostGroup> ProcessingHosts(const nlohmann::json& request);

// job.json for this record, whose launch has its key and log stream, but for what RunnerProgram()
// adds.
api::JobSpec MakeProcessingSpec(const Record& job, const Environment& environment,
                                const Options& options);

}  // namespace clary::control
