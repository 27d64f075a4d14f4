#include "clary/training_job.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "client/internal/answer.h"
#include "client/internal/listing.h"
#include "client/internal/log_tail.h"
#include "client/internal/pauses.h"
#include "client/internal/session_impl.h"

namespace clary {
namespace {

using nlohmann::json;

constexpr std::string_view kLogGroup = "/aws/sagemaker/TrainingJobs";
// How long a job's end waits for log lines that AWS still holds back.
constexpr Duration kRemoteFlush{10'000};

using client::Child;
using client::Int;
using client::List;
using client::Millis;
using client::Text;

void AddRules(const json& list, std::vector<RuleStatus>& out) {
  for (const auto& r : list) {
    out.push_back({.name = Text(r, "RuleConfigurationName"),
                   .status = Text(r, "RuleEvaluationStatus"),
                   .details = Text(r, "StatusDetails"),
                   .job_arn = Text(r, "RuleEvaluationJobArn")});
  }
}

TrainingJobDescription Decode(const json& j) {
  TrainingJobDescription d;
  d.name = Text(j, "TrainingJobName");
  d.arn = Text(j, "TrainingJobArn");
  d.status = Text(j, "TrainingJobStatus");
  d.secondary_status = Text(j, "SecondaryStatus");
  d.failure_reason = Text(j, "FailureReason");
  d.image_uri = Text(Child(j, "AlgorithmSpecification"), "TrainingImage");
  d.role = Text(j, "RoleArn");
  d.instance_type = Text(Child(j, "ResourceConfig"), "InstanceType");
  d.instance_count = std::max(1, Int(Child(j, "ResourceConfig"), "InstanceCount"));
  const auto groups = List(Child(j, "ResourceConfig"), "InstanceGroups");
  if (!groups.empty()) {
    d.instance_type = Text(groups.front(), "InstanceType");
    d.instance_count = 0;
    for (const auto& group : groups) d.instance_count += std::max(1, Int(group, "InstanceCount"));
  }
  d.output_path = Text(Child(j, "OutputDataConfig"), "S3OutputPath");
  d.model_data = Text(Child(j, "ModelArtifacts"), "S3ModelArtifacts");
  for (const auto& [name, value] : Child(j, "HyperParameters").items()) {
    if (value.is_string()) d.hyperparameters.emplace(name, value.get<std::string>());
  }
  for (const auto& t : List(j, "SecondaryStatusTransitions")) {
    d.transitions.push_back({.status = Text(t, "Status"),
                             .message = Text(t, "StatusMessage"),
                             .start_ms = Millis(t, "StartTime"),
                             .end_ms = Millis(t, "EndTime")});
  }
  for (const auto& m : List(j, "FinalMetricDataList")) {
    const auto value = m.find("Value");
    if (value == m.end() || !value->is_number()) continue;
    d.final_metrics.push_back({.name = Text(m, "MetricName"), .value = value->get<double>()});
  }
  AddRules(List(j, "DebugRuleEvaluationStatuses"), d.rules);
  AddRules(List(j, "ProfilerRuleEvaluationStatuses"), d.rules);
  d.created_ms = Millis(j, "CreationTime");
  d.started_ms = Millis(j, "TrainingStartTime");
  d.ended_ms = Millis(j, "TrainingEndTime");
  d.modified_ms = Millis(j, "LastModifiedTime");
  d.training_seconds = Int(j, "TrainingTimeInSeconds");
  d.billable_seconds = Int(j, "BillableTimeInSeconds");
  d.json = j.dump();
  return d;
}

// Tells an observer what has changed between two descriptions.
class ChangeTeller {
 public:
  // Statuses that come before the program's log lines; all of them if `last` is true, then with the
  // rules' statuses.
  void Tell(const TrainingJobDescription& job, bool last, TrainingObserver& observer) {
    const auto& list = job.transitions;
    if (seen_ > 0 && seen_ <= list.size() && list[seen_ - 1].message != last_message_) {
      last_message_ = list[seen_ - 1].message;
      observer.on_status(job, list[seen_ - 1]);
    }
    while (seen_ < list.size() && (last || !ComesAfterTheLog(list[seen_].status))) {
      last_message_ = list[seen_].message;
      observer.on_status(job, list[seen_++]);
    }
    if (!last) return;
    for (size_t i = 0; i < job.rules.size(); ++i) {
      if (i >= rules_.size() || rules_[i] != job.rules[i].status) observer.on_rule(job.rules[i]);
    }
    rules_.clear();
    for (const auto& rule : job.rules) rules_.push_back(rule.status);
  }

 private:
  static bool ComesAfterTheLog(std::string_view status) {
    return status == "Uploading" || status == "Completed" || status == "Failed" ||
           status == "Stopped" || status == "MaxRuntimeExceeded";
  }

  size_t seen_ = 0;
  std::string last_message_;
  std::vector<std::string> rules_;
};

std::string FormatUtc(int64_t ms) {
  const std::time_t seconds = ms / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  const auto n = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
  return {text, n};
}

class StdoutPrinter : public TrainingObserver {
 public:
  void on_status(const TrainingJobDescription& job, const StatusTransition& t) override {
    std::printf("%s %s - %s\n", FormatUtc(job.modified_ms).c_str(), t.status.c_str(),
                t.message.c_str());
    std::fflush(stdout);
  }
  void on_log(int host, const LogEvent& event) override {
    if (hosts_seen_ < host) hosts_seen_ = host;
    if (hosts_seen_ > 1) std::printf("[algo-%d] ", host);
    std::printf("%s\n", event.message.c_str());
    std::fflush(stdout);
  }
  void on_rule(const RuleStatus& rule) override {
    std::printf("%s: %s\n", rule.name.c_str(), rule.status.c_str());
    std::fflush(stdout);
  }

 private:
  int hosts_seen_ = 1;
};

class Silent : public TrainingObserver {};

std::optional<double> NumberOf(std::string_view text) {
  double value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

void TrainingObserver::on_status(const TrainingJobDescription&, const StatusTransition&) {}
void TrainingObserver::on_log(int, const LogEvent&) {}
void TrainingObserver::on_rule(const RuleStatus&) {}

std::unique_ptr<TrainingObserver> print_to_stdout() { return std::make_unique<StdoutPrinter>(); }

std::optional<RoundMetrics> parse_round(std::string_view line) {
  // Hosts may put words in front: "[2026-11-23 17:11:35] [0]\ttrain-auc:0.9".
  RoundMetrics out;
  size_t at = std::string_view::npos;
  size_t tab = std::string_view::npos;
  for (const std::string_view sep : {"]\t", "]#011"}) {
    if (const auto found = line.find(sep); found < at) {
      at = found;
      tab = found + 1;
    }
  }
  if (at == std::string_view::npos) return std::nullopt;
  const auto open = line.rfind('[', at);
  if (open == std::string_view::npos) return std::nullopt;
  const auto number = ParseInt(line.substr(open + 1, at - open - 1));
  if (!number || *number < 0 || *number > INT32_MAX) return std::nullopt;
  out.round = static_cast<int>(*number);
  auto rest = line.substr(tab);
  while (!rest.empty()) {
    if (rest.starts_with("#011")) {
      rest.remove_prefix(4);
    } else if (rest.front() == '\t') {
      rest.remove_prefix(1);
    } else {
      return std::nullopt;
    }
    const auto end = std::min({rest.size(), rest.find('\t'), rest.find("#011")});
    const auto field = rest.substr(0, end);
    rest.remove_prefix(end);
    const auto colon = field.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto text = Trim(field.substr(colon + 1));
    const auto value = NumberOf(text);
    if (!value) return std::nullopt;
    out.metrics.push_back({.name = std::string(field.substr(0, colon)), .value = *value});
  }
  if (out.metrics.empty()) return std::nullopt;
  return out;
}

std::optional<KeptRounds> parse_kept_rounds(std::string_view line) {
  constexpr std::string_view kBegin = "] Early stopping kept ";
  constexpr std::string_view kWith = ", with ";
  const auto begin = line.find(kBegin);
  const auto with = line.find(kWith);
  if (begin == std::string_view::npos || with == std::string_view::npos || with < begin) {
    return std::nullopt;
  }
  // "12", "of", "22", "rounds,", ...
  const auto words = Split(line.substr(begin + kBegin.size(), with - begin - kBegin.size()), ' ');
  if (words.size() < 4 || words[1] != "of" || words[3] != "rounds,") return std::nullopt;
  const auto kept = ParseInt(words[0]);
  const auto trained = ParseInt(words[2]);
  if (!kept || !trained || *kept < 1 || *kept > *trained || *trained > INT32_MAX) {
    return std::nullopt;
  }
  KeptRounds out{.kept = static_cast<int>(*kept), .trained = static_cast<int>(*trained)};
  for (const std::string_view part : Split(line.substr(with + kWith.size()), ',')) {
    const std::string_view metric = Trim(part);
    const auto space = metric.rfind(' ');
    if (space == std::string_view::npos) return std::nullopt;
    const auto value = NumberOf(metric.substr(space + 1));
    if (!value) return std::nullopt;
    out.metrics.push_back({.name = std::string(metric.substr(0, space)), .value = *value});
  }
  return out;
}

std::optional<int64_t> parse_memory(std::string_view line) {
  constexpr std::string_view kEnd = " MB of memory";
  if (!line.ends_with(kEnd) || line.find("] Round ") == std::string_view::npos) return std::nullopt;
  line.remove_suffix(kEnd.size());
  const auto number = ParseInt(line.substr(line.rfind(' ') + 1));
  return number && *number > 0 ? std::optional(*number) : std::nullopt;
}

Result<TrainingJobDescription> TrainingJob::describe() const {
  CLARY_TRY(const auto answer, session_.impl().aws.Json(Service::kSageMaker, "DescribeTrainingJob",
                                                        {{"TrainingJobName", name_}}));
  return Decode(answer);
}

Status TrainingJob::stop() const {
  CLARY_CHECK_OK(session_.impl().aws.Json(Service::kSageMaker, "StopTrainingJob",
                                          {{"TrainingJobName", name_}}));
  return {};
}

Result<TrainingJobDescription> TrainingJob::wait(const WaitOptions& options) const {
  auto& aws = session_.impl().aws;
  auto& clock = aws.clock();
  const auto printer = options.observer == nullptr && options.logs ? print_to_stdout() : nullptr;
  Silent silent;
  TrainingObserver& observer = options.observer != nullptr ? *options.observer
                               : printer != nullptr        ? *printer
                                                           : silent;
  client::Pauses pauses(aws);
  client::LogTail tail(aws, std::string(kLogGroup), name_);
  const auto told = [&observer](int host, const LogEvent& event) { observer.on_log(host, event); };
  ChangeTeller teller;
  bool stopping = false;
  client::Absence absence;

  const auto look = [&]() -> Result<TrainingJobDescription> {
    CLARY_TRY(auto job, describe());
    const auto hosts = static_cast<size_t>(job.instance_count);
    teller.Tell(job, false, observer);
    if (options.logs) CLARY_CHECK_OK(tail.Drain(hosts, told));
    if (job.finished() && options.logs && !aws.is_local()) {
      clock.Sleep(kRemoteFlush);
      CLARY_CHECK_OK(tail.Drain(hosts, told));
    }
    teller.Tell(job, true, observer);
    return job;
  };

  for (;;) {
    if (options.stop.stop_requested() && !stopping) {
      stopping = true;
      // An error here means that the job has just ended by itself, or shows up in the next look.
      (void)stop();
    }
    auto job = look();
    if (job) {
      absence.Ended();
      if (job->finished()) return job;
    } else if (job.error().code != Code::kUnavailable || absence.TooLong(clock.Now())) {
      return std::unexpected(std::move(job).error().With("waiting for training job " + name_));
    }
    pauses.Sleep(stopping ? std::stop_token() : options.stop);
  }
}

Status TrainingJob::logs(TrainingObserver& observer, bool follow, std::stop_token stop) const {
  auto& aws = session_.impl().aws;
  client::LogTail tail(aws, std::string(kLogGroup), name_);
  const auto told = [&observer](int host, const LogEvent& event) { observer.on_log(host, event); };
  for (;;) {
    CLARY_TRY(const auto job, describe());
    CLARY_CHECK_OK(tail.Drain(static_cast<size_t>(job.instance_count), told));
    if (!follow || job.finished() || stop.stop_requested()) return {};
    aws.clock().Sleep(Duration(aws.is_local() ? 100 : 5'000), stop);
  }
}

Result<std::vector<RuleStatus>> TrainingJob::rule_job_summary() const {
  CLARY_TRY(auto job, describe());
  return std::move(job.rules);
}

Result<std::vector<RuleStatus>> TrainingJob::wait_for_rules(std::stop_token stop) const {
  auto& aws = session_.impl().aws;
  client::Pauses pauses(aws, Duration(20), Duration(200));
  for (;;) {
    CLARY_TRY(auto rules, rule_job_summary());
    if (std::ranges::all_of(rules, &RuleStatus::finished) || stop.stop_requested()) return rules;
    pauses.Sleep(stop);
  }
}

Result<std::vector<TrainingJobSummary>> list_training_jobs(const Session& session,
                                                           const ListJobsOptions& options) {
  CLARY_TRY(const auto jobs, client::ListNewest(session.impl().aws, "ListTrainingJobs",
                                                "TrainingJobSummaries", options));
  std::vector<TrainingJobSummary> out;
  for (const auto& j : jobs) {
    out.push_back({.name = Text(j, "TrainingJobName"),
                   .arn = Text(j, "TrainingJobArn"),
                   .status = Text(j, "TrainingJobStatus"),
                   .created_ms = Millis(j, "CreationTime"),
                   .ended_ms = Millis(j, "TrainingEndTime")});
  }
  return out;
}

}  // namespace clary
