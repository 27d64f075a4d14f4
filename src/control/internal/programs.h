// What a job runs and what it needs for that, seen from its request: which program, which Python
// stands for its image, whether its code and data are there. For training and processing jobs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "api/job_spec.h"
#include "base/error.h"
#include "control/internal/record.h"
#include "control/service.h"

namespace clary::control {

// Which program a training job runs. What the request itself brings comes first; an image's own
// program runs only where the request brings none.
struct Choice {
  std::string program;  // of JobSpec: "command", "script" or "xgboost"
  std::string version;  // of the built-in algorithm
};
// "ValidationException": nothing that could run. `request` is a CreateTrainingJob.
Result<Choice> ChooseProgram(const nlohmann::json& request);

// Refuses what a training job's program cannot do here, and code that is not there.
Status CheckProgram(const nlohmann::json& request, const Environment& environment,
                    const Options& options);

// The program's part of job.json: Python, network, the job's own keys, which this call makes.
// kInvalidArgument: there is no Python for its image (any more). `lifetime` is that of the keys.
Status FillProgram(api::JobSpec& spec, const Record& job, const std::string& role_arn,
                   Duration lifetime, const Options& options);

// Takes back all keys that FillProgram has made for a job; again is fine.
Status TakeBackKeys(const Record& job, const Options& options);

// Refuses an S3Uri of `what` ("input data source", ...) below which there is no object.
Status CheckHasData(const std::string& uri, bool manifest, const std::string& role_arn,
                    const Environment& environment, const Options& options);
// Refuses a URI of `member` that is none, or whose bucket does not exist.
Status CheckTarget(const std::string& uri, std::string_view member, const Environment& environment);

// A member that is a text, or `fallback`.
std::string TextOf(const nlohmann::json& object, const char* name, const char* fallback = "");

}  // namespace clary::control
