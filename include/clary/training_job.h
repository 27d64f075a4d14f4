// A training job of a service: its description, logs, waiting for its end, stopping it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "clary/error.h"
#include "clary/session.h"

namespace clary {

// Times are milliseconds since 1970, UTC; 0 is "not yet".
struct StatusTransition {
  std::string status;  // Starting, Downloading, Training, Uploading, Completed, ...
  std::string message;
  int64_t start_ms = 0;
  int64_t end_ms = 0;
};

struct MetricValue {
  std::string name;  // "validation:logloss"
  double value = 0;
};

struct RuleStatus {
  std::string name;
  std::string status;  // InProgress, NoIssuesFound, IssuesFound, Stopping, Stopped, Error
  std::string details;
  std::string job_arn;

  bool finished() const { return status != "InProgress" && status != "Stopping"; }
};

// What DescribeTrainingJob tells. `json` is the whole answer.
struct TrainingJobDescription {
  std::string name;
  std::string arn;
  std::string status;  // InProgress, Completed, Failed, Stopping, Stopped
  std::string secondary_status;
  std::string failure_reason;
  std::string image_uri;
  std::string role;
  std::string instance_type;  // of instance groups: the first one's
  int instance_count = 1;     // of all groups
  std::string output_path;
  std::string model_data;  // s3://.../output/model.tar.gz
  std::map<std::string, std::string> hyperparameters;
  std::vector<StatusTransition> transitions;
  std::vector<MetricValue> final_metrics;
  std::vector<RuleStatus> rules;
  int64_t created_ms = 0;
  int64_t started_ms = 0;
  int64_t ended_ms = 0;
  int64_t modified_ms = 0;
  int training_seconds = 0;
  int billable_seconds = 0;
  std::string json;

  bool finished() const {
    return status == "Completed" || status == "Failed" || status == "Stopped";
  }
};

struct TrainingJobSummary {
  std::string name;
  std::string arn;
  std::string status;
  int64_t created_ms = 0;
  int64_t ended_ms = 0;
};

struct LogEvent {
  int64_t timestamp_ms = 0;
  std::string message;
};

// The evaluation line of one boosting round: "[12]\ttrain-logloss:0.31\tvalidation-auc:0.92".
struct RoundMetrics {
  int round = 0;
  std::vector<MetricValue> metrics;  // "train-logloss", ...
};
// nullopt for any other log line. A TAB may also be the text "#011", as log stores keep it.
std::optional<RoundMetrics> parse_round(std::string_view line);

// What early stopping left of the model, as the built-in algorithm tells at the end: "[...:INFO]
// Early stopping kept 12 of 22 rounds, the best by validation-auc, with train-auc 0.96097,
// validation-auc 0.92144". The metrics are those of the last round kept.
struct KeptRounds {
  int kept = 0;
  int trained = 0;
  std::vector<MetricValue> metrics;  // "train-auc", ...
};
// nullopt for any other log line.
std::optional<KeptRounds> parse_kept_rounds(std::string_view line);

// The memory in MB that the built-in algorithm's progress lines tell, one every ten seconds:
// "[...:INFO] Round 500 of 1000: 812 rounds a second, 12 s left, 212 MB of memory". nullopt for any
// other log line.
std::optional<int64_t> parse_memory(std::string_view line);

// Sees a job run. Called on the thread that waits, in order; must not block for long.
class TrainingObserver {
 public:
  virtual ~TrainingObserver() = default;
  // Each new transition of the job, and the last one again when only its message changed.
  virtual void on_status(const TrainingJobDescription& job, const StatusTransition& transition);
  // Every log line once, in order within its host. `host` is 1 for algo-1.
  virtual void on_log(int host, const LogEvent& event);
  virtual void on_rule(const RuleStatus& rule);
};

// Prints as the Python SDK does: status lines with the time, then the job's log lines.
std::unique_ptr<TrainingObserver> print_to_stdout();

struct WaitOptions {
  bool logs = true;
  TrainingObserver* observer = nullptr;  // borrowed; null: prints to standard output if `logs`
  // When requested: stops the job, once, and goes on waiting for its end.
  std::stop_token stop;
};

// A handle to a job by name; copies are cheap.
class TrainingJob {
 public:
  TrainingJob(Session session, std::string name)
      : session_(std::move(session)), name_(std::move(name)) {}
  const std::string& name() const { return name_; }
  const Session& session() const { return session_; }

  Result<TrainingJobDescription> describe() const;
  // Asks for the end; the job is Stopping, then Stopped, and keeps what model it has.
  Status stop() const;
  // Until the job has ended: its last description, whatever the outcome. A network error or a
  // throttled call is retried for some time; observers see each fact once all the same.
  Result<TrainingJobDescription> wait(const WaitOptions& options = {}) const;
  // The log lines so far; with `follow` also those to come until the job ends.
  Status logs(TrainingObserver& observer, bool follow = false, std::stop_token stop = {}) const;
  Result<std::vector<RuleStatus>> rule_job_summary() const;
  // Until every rule of the job has ended, which is some time after the job itself, or `stop` is
  // requested. The last summary.
  Result<std::vector<RuleStatus>> wait_for_rules(std::stop_token stop = {}) const;

 private:
  Session session_;
  std::string name_;
};

struct ListJobsOptions {
  std::string name_contains;
  std::string status;  // InProgress, Completed, ...; empty: any
  int max_results = 100;
};
// Newest first.
Result<std::vector<TrainingJobSummary>> list_training_jobs(const Session& session,
                                                           const ListJobsOptions& options = {});

}  // namespace clary
