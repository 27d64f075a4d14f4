// Runs a script over data in S3, in the words of sagemaker.processing.ScriptProcessor.
//
//   clary::ScriptProcessor processor(session, {.image_uri = image});
//   CLARY_CHECK_OK(processor.run({.code = "prep.py",
//                                 .inputs = {{.source = "raw.csv", .name = "raw"}},
//                                 .outputs = {{.name = "clean"}}}));
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

struct ProcessingInput {
  std::string source;       // s3://..., or a file or folder of this machine, which is uploaded
  std::string name;         // empty: input-1, input-2, ...
  std::string destination;  // folder in the job; empty: /opt/ml/processing/input/<name>
};

struct ProcessingOutput {
  std::string name;         // empty: output-1, output-2, ...
  std::string destination;  // s3://... prefix; empty: s3://<default bucket>/<job>/output/<name>
  std::string source;       // folder in the job; empty: /opt/ml/processing/output/<name>
  bool continuous = false;  // upload while the job runs, not only at its end
};

// What DescribeProcessingJob tells. Times are milliseconds since 1970, UTC; 0 is "not yet".
struct ProcessingJobDescription {
  std::string name;
  std::string arn;
  std::string status;  // InProgress, Completed, Failed, Stopping, Stopped
  std::string exit_message;
  std::string failure_reason;
  std::vector<std::pair<std::string, std::string>> outputs;  // name, s3:// URI
  int64_t created_ms = 0;
  int64_t started_ms = 0;
  int64_t ended_ms = 0;
  std::string json;  // the whole answer

  bool finished() const {
    return status == "Completed" || status == "Failed" || status == "Stopped";
  }
};

// A handle to a job by name; copies are cheap.
class ProcessingJob {
 public:
  ProcessingJob(Session session, std::string name)
      : session_(std::move(session)), name_(std::move(name)) {}
  const std::string& name() const { return name_; }

  Result<ProcessingJobDescription> describe() const;
  Status stop() const;
  // Its log so far, or, with `follow`, until it has ended or `stop` is requested, which leaves the
  // job alone.
  Status logs(const std::function<void(const LogEvent& event)>& on_log, bool follow = false,
              std::stop_token stop = {}) const;
  // Until the job has ended: its last description, whatever the outcome. `on_log` sees every log
  // line once, on this thread. When `stop` is requested the job is stopped, and its end waited for.
  Result<ProcessingJobDescription> wait(const std::function<void(const LogEvent& event)>& on_log,
                                        std::stop_token stop = {}) const;

 private:
  Session session_;
  std::string name_;
};

struct ProcessingJobSummary {
  std::string name;
  std::string status;
  std::string exit_message;
  int64_t created_ms = 0;
  int64_t ended_ms = 0;
};
// Newest first.
Result<std::vector<ProcessingJobSummary>> list_processing_jobs(const Session& session,
                                                               const ListJobsOptions& options = {});

struct ScriptProcessorOptions {
  std::string image_uri;
  std::vector<std::string> command = {"python3"};  // in front of the script
  std::string role;                                // empty: Session::get_execution_role()
  std::string instance_type = "ml.m5.xlarge";
  int volume_size = 30;       // GB
  int max_runtime = 0;        // seconds; 0: the service's default
  std::string base_job_name;  // empty: "processing"
  std::map<std::string, std::string> environment;
  bool enable_network_isolation = false;
};

struct RunOptions {
  std::string code;  // file of this machine, or s3://...
  std::vector<ProcessingInput> inputs;
  std::vector<ProcessingOutput> outputs;
  std::vector<std::string> arguments;
  bool wait = true;
  std::string job_name;  // empty: <base_job_name>-<UTC time>
};

// One thread at a time.
class ScriptProcessor {
 public:
  ScriptProcessor(Session session, ScriptProcessorOptions options)
      : session_(std::move(session)), options_(std::move(options)) {}

  // Uploads what is local, creates the job and, with `wait`, prints its log until it has ended. A
  // job that failed is kFailedPrecondition "ProcessingJobFailed" with its reason.
  Status run(const RunOptions& options);
  const std::optional<ProcessingJob>& latest_job() const { return job_; }

 private:
  Session session_;
  ScriptProcessorOptions options_;
  std::optional<ProcessingJob> job_;
};

}  // namespace clary
