// What a report says of a job beside the tensors and profiler files it left.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace clary::debugger {

// A Debugger or profiler rule of the job, as DescribeTrainingJob shows it.
struct RuleResult {
  std::string name;     // the rule configuration's name
  std::string rule;     // rule_to_invoke: "Overfit"
  std::string status;   // InProgress, NoIssuesFound, IssuesFound, Error, Stopping, Stopped
  std::string details;  // StatusDetails; may be empty
};

// Another job with the same base name, for comparison.
struct OtherJob {
  std::string name;
  std::string status;
  std::optional<Time> ended;
  std::map<std::string, double> metrics;  // final ones: "validation:auc"
  std::map<std::string, std::string> hyperparameters;
};

struct ReportChannel {
  std::string name;          // "train"
  std::string source;        // s3:// URI
  std::string content_type;  // "text/csv"; may be empty
};

// Every field may be empty: a report leaves out what it is not told. All text is data from users
// and may hold any bytes; what is no UTF-8 is shown as U+FFFD.
struct ReportContext {
  std::string job_name;
  std::string base_job_name;  // "census" of "census-2026-11-26-10-40-00-123"
  std::string status;         // the job's: InProgress, Completed, Failed, Stopped
  std::string failure_reason;
  std::string image;     // "xgboost:1.7-1"
  std::string instance;  // "1 x ml.m5.xlarge"
  std::optional<Time> created;
  std::optional<Time> started;
  std::optional<Time> ended;
  std::map<std::string, std::string> hyperparameters;
  std::vector<ReportChannel> channels;
  std::vector<RuleResult> rules;
  std::vector<OtherJob> other_jobs;  // without this job; the newest first
  Time written{};                    // now
};

}  // namespace clary::debugger
