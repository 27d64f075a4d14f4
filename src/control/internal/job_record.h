// One training job as control keeps it: what was asked, what happened. docs/formats/metadata.md has
// its JSON form.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "api/images.h"
#include "api/job_spec.h"
#include "api/rule_spec.h"
#include "base/error.h"

namespace clary::control {

struct Transition {
  std::string status;  // a SecondaryStatus
  std::string message;
  int64_t start_ms = 0;
  int64_t end_ms = 0;  // 0: still so
};

// A rule of a job, and the processing job that evaluates it.
struct RuleStatus {
  std::string name;
  std::string arn;
  std::string status;  // a RuleEvaluationStatus
  std::string details;
  int64_t modified_ms = 0;
  int64_t stop_requested_ms = 0;  // intent; written by request handlers
  std::string launch_key;         // empty: not launched, or its launch is forgotten
  std::string log_stream;         // empty: not launched
  int64_t started_ms = 0;         // 0: not yet
  int64_t ended_ms = 0;

  // The processing job's name: the last part of the ARN.
  std::string job_name() const { return arn.substr(arn.rfind('/') + 1); }
  bool ended() const { return api::IsFinalRuleStatus(status); }
};

struct FinalMetric {
  std::string name;
  double value = 0;
  int64_t time_ms = 0;
};

struct JobRecord {
  std::string name;
  std::string arn;
  std::string request;  // the request after defaults, without Tags: JSON text
  int cpus = 1;         // cores that it occupies while it runs
  int64_t created_ms = 0;
  int64_t max_runtime_s = 0;  // limits of the request's StoppingCondition; 0: none
  int64_t max_wait_s = 0;
  int64_t max_pending_s = 0;

  // Intent; written by request handlers.
  int64_t stop_requested_ms = 0;
  int64_t delete_requested_ms = 0;

  // Status; written by the reconciler.
  std::string status;     // TrainingJobStatus
  std::string secondary;  // SecondaryStatus
  std::vector<Transition> transitions;
  int64_t modified_ms = 0;
  int64_t training_start_ms = 0;  // 0: not yet
  int64_t training_end_ms = 0;
  std::string failure_reason;
  std::vector<FinalMetric> final_metrics;
  std::vector<RuleStatus> debug_rules;
  std::vector<RuleStatus> profiler_rules;

  // How far control got with the runner.
  std::string launch_key;      // empty: not launched, or its launch is forgotten
  std::string log_stream;      // empty: not launched
  uint64_t events_offset = 0;  // bytes of events.jsonl that are folded in
  std::string artifact_uri;    // reported as uploaded; empty: none
  bool runner_ended = false;   // its end event is folded in
  int exit_code = 0;
  std::string end_detail;
  std::string stop_cause;  // SecondaryStatus that a stop ends in: "Stopped", "MaxRuntimeExceeded"

  bool terminal() const {
    return status == "Completed" || status == "Failed" || status == "Stopped";
  }
  // Debugger rules, then profiler rules: visit(rule, profiler).
  template <typename Visit>
  void ForEachRule(Visit&& visit) {
    for (RuleStatus& rule : debug_rules) visit(rule, false);
    for (RuleStatus& rule : profiler_rules) visit(rule, true);
  }
  template <typename Visit>
  void ForEachRule(Visit&& visit) const {
    for (const RuleStatus& rule : debug_rules) visit(rule, false);
    for (const RuleStatus& rule : profiler_rules) visit(rule, true);
  }
  bool has_rules() const { return !debug_rules.empty() || !profiler_rules.empty(); }
  // Every rule has ended and its launch is forgotten.
  bool rules_settled() const;
  // Nothing is left to do for it.
  bool settled() const { return terminal() && launch_key.empty() && rules_settled(); }

  std::string ToJson() const;
  static Result<JobRecord> FromJson(std::string_view text);
};

// Moves the record into a state at `ms`: a new secondary status closes the last transition and
// appends one; the same one only changes its message. Time never goes back within the history.
void Enter(JobRecord& record, std::string_view status, std::string_view secondary,
           std::string_view message, int64_t ms);

// A stop of the job or of a rule that was asked for and not acted on shows as Stopping at once, a
// deletion as Deleting.
void FoldIntent(JobRecord& record);

// Takes one fact of the runner into the record.
void FoldEvent(JobRecord& record, const api::JobEvent& event);

// The metric definitions of the request itself.
std::vector<api::MetricDefinition> OwnMetricDefinitions(const nlohmann::json& request);
// Those in force: the request's, then the image's that it does not override.
std::vector<api::MetricDefinition> MetricDefinitions(const nlohmann::json& request);

// The answer to DescribeTrainingJob, but for the image's metric definitions: what Search looks at.
nlohmann::json BareView(const JobRecord& record);
// Adds them, which makes it the answer.
void AddMetricDefinitions(nlohmann::json& view);
// Its element in the answer to ListTrainingJobs.
nlohmann::json SummaryView(const JobRecord& record);

// s3://bucket/prefix/<job>/output/model.tar.gz, or .../output/model if artifacts are not
// compressed.
std::string ModelUri(const JobRecord& record, const nlohmann::json& request);

}  // namespace clary::control
