#include "clary/tuning_job.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "client/internal/answer.h"
#include "client/internal/listing.h"
#include "client/internal/pauses.h"
#include "client/internal/session_impl.h"

namespace clary {
namespace {

using client::Child;
using client::Int;
using client::List;
using client::Millis;
using client::Text;
using nlohmann::json;

TuningTrial TrialIn(const json& j) {
  TuningTrial t;
  t.name = Text(j, "TrainingJobName");
  t.status = Text(j, "TrainingJobStatus");
  t.objective_status = Text(j, "ObjectiveStatus");
  t.failure_reason = Text(j, "FailureReason");
  t.definition = Text(j, "TrainingJobDefinitionName");
  for (const auto& [name, value] : Child(j, "TunedHyperParameters").items()) {
    if (value.is_string()) t.hyperparameters.emplace(name, value.get<std::string>());
  }
  const json& metric = Child(j, "FinalHyperParameterTuningJobObjectiveMetric");
  if (const auto value = metric.find("Value"); value != metric.end() && value->is_number()) {
    t.value = value->get<double>();
  }
  t.created_ms = Millis(j, "CreationTime");
  t.started_ms = Millis(j, "TrainingStartTime");
  t.ended_ms = Millis(j, "TrainingEndTime");
  return t;
}

// The counters of a description and of a summary.
template <typename Target>
void Count(const json& j, Target& out) {
  const json& counters = Child(j, "TrainingJobStatusCounters");
  out.completed = Int(counters, "Completed");
  out.in_progress = Int(counters, "InProgress");
  out.stopped = Int(counters, "Stopped");
  out.failed = Int(counters, "NonRetryableError") + Int(counters, "RetryableError");
}

TuningJobDescription DescriptionIn(const json& j) {
  TuningJobDescription d;
  d.name = Text(j, "HyperParameterTuningJobName");
  d.arn = Text(j, "HyperParameterTuningJobArn");
  d.status = Text(j, "HyperParameterTuningJobStatus");
  d.failure_reason = Text(j, "FailureReason");
  const json& config = Child(j, "HyperParameterTuningJobConfig");
  const json& several = List(j, "TrainingJobDefinitions");
  const json& definition = several.empty() ? Child(j, "TrainingJobDefinition") : several.front();
  const json& objective = several.empty() ? Child(config, "HyperParameterTuningJobObjective")
                                          : Child(definition, "TuningObjective");
  d.strategy = Text(config, "Strategy");
  d.objective_metric_name = Text(objective, "MetricName");
  d.maximize = Text(objective, "Type") == "Maximize";
  for (const auto& [name, value] : Child(definition, "StaticHyperParameters").items()) {
    if (value.is_string()) d.static_hyperparameters.emplace(name, value.get<std::string>());
  }
  d.max_jobs = Int(Child(config, "ResourceLimits"), "MaxNumberOfTrainingJobs");
  d.max_parallel_jobs = Int(Child(config, "ResourceLimits"), "MaxParallelTrainingJobs");
  Count(j, d);
  if (const json& best = Child(j, "BestTrainingJob"); !best.empty()) d.best = TrialIn(best);
  d.created_ms = Millis(j, "CreationTime");
  d.ended_ms = Millis(j, "HyperParameterTuningEndTime");
  std::string output = Text(Child(definition, "OutputDataConfig"), "S3OutputPath");
  while (output.ends_with('/')) output.pop_back();
  d.report_path = output + "/" + d.name + "/tuning-report";
  d.json = j.dump();
  return d;
}

}  // namespace

Result<TuningJobDescription> TuningJob::describe() const {
  CLARY_TRY(const auto answer,
            session_.impl().aws.Json(Service::kSageMaker, "DescribeHyperParameterTuningJob",
                                     {{"HyperParameterTuningJobName", name_}}));
  return DescriptionIn(answer);
}

Result<std::vector<TuningTrial>> TuningJob::trials() const {
  std::vector<TuningTrial> out;
  json request = {{"HyperParameterTuningJobName", name_}, {"MaxResults", 100}};
  for (;;) {
    CLARY_TRY(const auto answer,
              session_.impl().aws.Json(Service::kSageMaker,
                                       "ListTrainingJobsForHyperParameterTuningJob", request));
    for (const json& one : List(answer, "TrainingJobSummaries")) out.push_back(TrialIn(one));
    const auto next = Text(answer, "NextToken");
    if (next.empty()) return out;
    request["NextToken"] = next;
  }
}

Status TuningJob::stop() const {
  CLARY_CHECK_OK(session_.impl().aws.Json(Service::kSageMaker, "StopHyperParameterTuningJob",
                                          {{"HyperParameterTuningJobName", name_}}));
  return {};
}

Result<TuningJobDescription> TuningJob::wait(const TuningWaitOptions& options) const {
  auto& aws = session_.impl().aws;
  client::Pauses pauses(aws);
  bool stopping = false;
  client::Absence absence;
  for (;;) {
    if (options.stop.stop_requested() && !stopping) {
      stopping = true;
      (void)stop();  // an error: it has just ended by itself, or the next look shows it
    }
    auto job = describe();
    if (job) {
      absence.Ended();
      if (options.on_look) options.on_look(*job);
      if (job->finished()) return job;
    } else if (job.error().code != Code::kUnavailable || absence.TooLong(aws.clock().Now())) {
      return std::unexpected(std::move(job).error().With("waiting for tuning job " + name_));
    }
    pauses.Sleep(stopping ? std::stop_token() : options.stop);
  }
}

// The report is a processing job of the service's (ADR 35).
Result<bool> TuningJob::wait_for_report(std::stop_token stop) const {
  auto& aws = session_.impl().aws;
  client::Pauses pauses(aws);
  const std::string begin = name_ + "-tuning-report-";
  for (;;) {
    CLARY_TRY(const auto answer, aws.Json(Service::kSageMaker, "ListProcessingJobs",
                                          {{"NameContains", begin}, {"MaxResults", 100}}));
    std::string status;
    for (const json& job : List(answer, "ProcessingJobSummaries")) {
      if (Text(job, "ProcessingJobName").starts_with(begin)) {
        status = Text(job, "ProcessingJobStatus");
      }
    }
    if (status != "InProgress" && status != "Stopping") return status == "Completed";
    if (stop.stop_requested()) return false;
    pauses.Sleep(stop);
  }
}

Result<std::vector<TuningJobSummary>> list_tuning_jobs(const Session& session,
                                                       const ListJobsOptions& options) {
  CLARY_TRY(const auto jobs, client::ListNewest(session.impl().aws, "ListHyperParameterTuningJobs",
                                                "HyperParameterTuningJobSummaries", options));
  std::vector<TuningJobSummary> out;
  for (const json& j : jobs) {
    auto& job = out.emplace_back();
    job.name = Text(j, "HyperParameterTuningJobName");
    job.status = Text(j, "HyperParameterTuningJobStatus");
    job.strategy = Text(j, "Strategy");
    Count(j, job);
    job.max_jobs = Int(Child(j, "ResourceLimits"), "MaxNumberOfTrainingJobs");
    job.created_ms = Millis(j, "CreationTime");
    job.ended_ms = Millis(j, "HyperParameterTuningEndTime");
  }
  return out;
}

}  // namespace clary
