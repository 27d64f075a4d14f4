// What control tells the process that evaluates a rule, and what that process tells control: files
// (docs/formats/job-directory.md, "Rules").
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace clary::api {

// Whether a RuleEvaluationStatus is one that a rule ends in.
bool IsFinalRuleStatus(std::string_view status);
constexpr size_t kMaxStatusDetails = 1024;

// rule.json: written once, before the launch.
struct RuleSpec {
  std::string job_name;
  std::string name;       // RuleConfigurationName
  bool profiler = false;  // of ProfilerRuleConfigurations
  std::string image;      // RuleEvaluatorImage
  std::map<std::string, std::string> parameters;
  std::string tensors_uri;   // s3://.../<job>/debug-output
  std::string profiler_uri;  // s3://.../<job>/profiler-output
  std::string output_uri;    // s3://.../<job>/rule-output/<name>
  std::string region;
  std::string store;        // location of the object store (objects/open_store.h)
  std::string log_root;     // root directory of the log store
  std::string log_group;    // "/aws/sagemaker/ProcessingJobs"
  std::string log_stream;   // "<processing job>/algo-1-<epoch>"
  std::string notify_file;  // the operator's settings for notifications; may be missing
  std::string python;       // interpreter for rules of users

  // rule_to_invoke, or the configuration's name without one.
  std::string Invoked() const;

  std::string ToJson() const;
  static Result<RuleSpec> FromJson(std::string_view text);
};

// context.json: the job as its rules see it, one file for all of them. Control replaces it when
// something in it changes; `job_ended` is how a rule learns that nothing more will be saved.
struct RuleContext {
  struct Channel {
    std::string name;
    std::string s3_uri;
    std::string content_type;
  };
  struct Rule {
    std::string name;
    std::string rule;  // rule_to_invoke
    std::string status;
    std::string details;
  };
  struct OtherJob {
    std::string name;
    std::string status;
    int64_t ended_ms = 0;
    std::map<std::string, double> metrics;
    std::map<std::string, std::string> hyperparameters;
  };
  std::string job_name;
  std::string base_job_name;  // without the time that clients put behind it
  bool job_ended = false;
  std::string status;
  std::string failure_reason;
  std::string image;     // "xgboost:1.7-1"
  std::string instance;  // "1 x ml.m5.xlarge"
  int64_t created_ms = 0;
  int64_t started_ms = 0;  // 0: not yet
  int64_t ended_ms = 0;
  std::map<std::string, std::string> hyperparameters;
  std::vector<Channel> channels;
  std::vector<Rule> rules;
  std::vector<OtherJob> other_jobs;  // of the same base name, newest first

  std::string ToJson() const;
  static Result<RuleContext> FromJson(std::string_view text);
};

// tuning.json: a tuning job and its trials as the process that writes its report sees them. Control
// replaces it, at a bounded rate while the job runs.
struct TuningContext {
  struct Metric {
    std::string name, regex, literal;  // of a MetricDefinition
  };
  struct Parameter {
    std::string name;
    std::string type;   // "continuous", "integer" or "categorical"
    std::string scale;  // "linear", "log" or "reverse-log"
    double min = 0, max = 0;
    std::vector<std::string> values;  // of a categorical one
  };
  struct Definition {
    std::string name;    // DefinitionName; empty: it is the only one
    std::string metric;  // the objective's
    bool maximise = false;
    bool built_in = false;        // trained by the built-in algorithm
    std::vector<Metric> metrics;  // those that the report reads from logs: the objective first
    std::vector<Parameter> parameters;
    std::map<std::string, std::string> defaults;  // of the built-in algorithm, by parameter
  };
  struct Trial {
    std::string name;
    uint64_t definition = 0;
    std::string status;
    std::string message;  // of its last status
    std::string failure_reason;
    int64_t created_ms = 0;
    int64_t started_ms = 0;      // 0: not yet
    int64_t ended_ms = 0;        // 0: not yet
    std::vector<double> value;   // the last one of the objective; empty: none yet
    std::vector<double> config;  // by parameter: its number, or the place of its category
    std::map<std::string, std::string> tuned;
    std::map<std::string, double> metrics;  // last values
    std::string origin;      // who suggested it (tuning/strategy.h); empty: not known
    std::string log_stream;  // empty: none yet
    std::string model_uri;   // empty: it left no model
  };
  std::string job_name, arn, status, failure_reason;
  std::string strategy, image, instance, output_uri;
  std::string request;  // as Describe shows it, JSON
  std::string seed;     // RandomSeed; empty: none
  bool job_ended = false;
  bool early_stopping = false;
  int64_t created_ms = 0;
  int64_t ended_ms = 0;
  uint64_t most = 0, parallel = 0;
  std::vector<Definition> definitions;
  std::vector<Trial> trials;  // in order of their numbers

  std::string ToJson() const;
  // Also kDataLoss if a trial is of no definition.
  static Result<TuningContext> FromJson(std::string_view text);
};

// result.json: how a rule ended; the last thing its process writes, atomically.
struct RuleResult {
  std::string status;     // NoIssuesFound, IssuesFound, Error or Stopped
  std::string details;    // StatusDetails, at most kMaxStatusDetails bytes
  bool stop_job = false;  // the rule's StopTraining action: control stops the job

  std::string ToJson() const;
  static Result<RuleResult> FromJson(std::string_view text);
};

// At most `limit` bytes of `text`, cut between two characters.
std::string CutText(std::string_view text, size_t limit);

}  // namespace clary::api
