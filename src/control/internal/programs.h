// What a job runs and what it needs for that, seen from its request: which program, which Python
// stands for its image, whether its code and data are there. For training and processing jobs.
#pragma once

#include <chrono>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "api/job_spec.h"
#include "base/error.h"
#include "control/internal/steps.h"
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

// The runner's launch for job.json `spec`. A user's program gets its Python, its network and keys
// of its own, which this call makes, for a job that may run for `max_runtime_s`. kInvalidArgument:
// there is no Python for its image (any more).
Result<Program> RunnerProgram(api::JobSpec spec, const Record& job, int64_t max_runtime_s,
                              const Options& options);

// Between the SIGTERM that a runner gets and SIGKILL. The runner itself gives its program 120 s; it
// must live on to upload what is there, so this is only for one that hangs.
inline constexpr std::chrono::minutes kRunnerGrace{32};

// A runner's launch as it stands now.
struct Progress {
  enum class State {
    kWaits,    // it could not be started, and is again later
    kRuns,     //
    kEnded,    // it has reported its end: Launch::ended
    kStopped,  // it is gone, or never was, and was to stop
    kFailed,   // it is gone without a report, or cannot be started
  };
  State state = State::kRuns;
  std::string reason;  // kFailed: a FailureReason
  bool lost = false;   // kFailed: nobody knows how it ended; as when the machine went down
};
// Starts the runner of a job if need be, takes what it has reported into the record by `fold`, and
// looks how it is. What it was lent is taken back when it does not run (any more). Errors as
// Steps::Follow().
Result<Progress> FollowRunner(Steps& steps, Record& record,
                              const std::function<Result<Program>()>& program,
                              const std::function<void(const api::JobEvent& event)>& fold);

// A job without states of its own between the queue and its end: InProgress, Stopping, then
// Completed, Failed or Stopped.
struct PlainJob {
  std::function<Result<Program>(const Record& job)> program;
  void (*fold)(Record& job, const api::JobEvent& event) = nullptr;  // beside its begin and end
  // When nothing of it runs any more, before anybody sees its end: gives back what it has taken.
  Status (*release)(Context& context, const Record& job) = nullptr;
  size_t hosts = 1;                                // each has a log stream
  int64_t max_runtime_s = 0;                       // then it is stopped; 0: never
  std::chrono::milliseconds grace = kRunnerGrace;  // between SIGTERM and SIGKILL
};
Status StepPlainJob(Steps& steps, const SnapshotPtr& job, const PlainJob& plain);

// FailureReason of a runner that ended with `exit_code` and left `detail`: the failure text, or a
// whole reason with its prefix.
std::string FailureReason(int exit_code, std::string_view detail);
inline constexpr size_t kMaxFailureReason = 1024;
inline constexpr std::string_view kInternalError =
    "InternalServerError: We encountered an internal error. Please try again.";

// Refuses an S3Uri of `what` ("input data source", ...) below which there is no object.
Status CheckHasData(const std::string& uri, bool manifest, const std::string& role_arn,
                    const Environment& environment, const Options& options);
// Refuses a URI of `member` that is none, or whose bucket does not exist.
Status CheckTarget(const std::string& uri, std::string_view member, const Environment& environment);

// A member that is a text, or `fallback`.
std::string TextOf(const nlohmann::json& object, const char* name, const char* fallback = "");

}  // namespace clary::control
