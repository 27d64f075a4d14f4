// A hyperparameter tuning job of a service: its description, its trials, waiting for its end,
// stopping it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "clary/error.h"
#include "clary/session.h"
#include "clary/training_job.h"

namespace clary {

// One training job of a tuning job. Times are milliseconds since 1970, UTC; 0 is "not yet".
struct TuningTrial {
  std::string name;
  std::string status;            // InProgress, Completed, Failed, Stopping, Stopped
  std::string objective_status;  // Succeeded, Pending, Failed
  std::string failure_reason;
  std::string definition;                              // of a job with several; else empty
  std::map<std::string, std::string> hyperparameters;  // those that are tuned
  std::optional<double> value;                         // of the objective, once it has ended
  int64_t created_ms = 0;
  int64_t started_ms = 0;
  int64_t ended_ms = 0;
};

// What DescribeHyperParameterTuningJob tells. `json` is the whole answer.
struct TuningJobDescription {
  std::string name;
  std::string arn;
  std::string status;  // InProgress, Completed, Failed, Stopping, Stopped, Deleting
  std::string failure_reason;
  std::string strategy;
  std::string objective_metric_name;  // of the first definition, if there are several
  bool maximize = false;
  std::map<std::string, std::string> static_hyperparameters;  // likewise
  int max_jobs = 0;
  int max_parallel_jobs = 0;
  int completed = 0, in_progress = 0, stopped = 0, failed = 0;  // trials
  std::optional<TuningTrial> best;
  int64_t created_ms = 0;
  int64_t ended_ms = 0;
  std::string report_path;  // s3://.../<job>/tuning-report: the page, its figures, its table
  std::string json;

  bool finished() const {
    return status == "Completed" || status == "Failed" || status == "Stopped";
  }
};

struct TuningWaitOptions {
  // Called on the waiting thread after each look.
  std::function<void(const TuningJobDescription& job)> on_look;
  // When requested: stops the job, once, and goes on waiting for its end.
  std::stop_token stop;
};

// A handle to a job by name; copies are cheap.
class TuningJob {
 public:
  TuningJob(Session session, std::string name)
      : session_(std::move(session)), name_(std::move(name)) {}
  const std::string& name() const { return name_; }
  const Session& session() const { return session_; }

  Result<TuningJobDescription> describe() const;
  // All trials so far, in the order in which they began.
  Result<std::vector<TuningTrial>> trials() const;
  // Asks for the end: trials that run are stopped and keep what they have.
  Status stop() const;
  // Until the job has ended: its last description, whatever the outcome. A service that is away is
  // waited for for some time.
  Result<TuningJobDescription> wait(const TuningWaitOptions& options = {}) const;
  // Until the report of a job that has ended is written, which is some time after the job's end, or
  // `stop` is requested. False: it was not written, or the service writes none.
  Result<bool> wait_for_report(std::stop_token stop = {}) const;

 private:
  Session session_;
  std::string name_;
};

struct TuningJobSummary {
  std::string name;
  std::string status;
  std::string strategy;
  int completed = 0, in_progress = 0, stopped = 0, failed = 0;  // trials
  int max_jobs = 0;
  int64_t created_ms = 0;
  int64_t ended_ms = 0;
};
// Newest first.
Result<std::vector<TuningJobSummary>> list_tuning_jobs(const Session& session,
                                                       const ListJobsOptions& options = {});

}  // namespace clary
