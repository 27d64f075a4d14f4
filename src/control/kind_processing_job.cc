// Processing jobs. In this release they are those of rules; users cannot create them.
#include <nlohmann/json.hpp>

#include "control/internal/processing_job.h"
#include "control/internal/rules.h"
#include "control/internal/steps.h"

namespace clary::control {
namespace processing_job {
namespace {

using nlohmann::json;

Status Create(Context& /*context*/, json request, Record& job, Plan& /*plan*/) {
  const std::string training_job = job.owner.substr(job.owner.rfind('/') + 1);
  job.launches.push_back({.directory = training_job + "/rules/" + job.name});
  job.status = "InProgress";
  job.request = request.dump();
  return {};
}

Status Step(Steps& steps, const SnapshotPtr& job) { return StepRule(steps, job); }

json Summary(const Context& /*context*/, const Record& job) {
  json view = {{"ProcessingJobName", job.name},
               {"ProcessingJobArn", job.arn},
               {"ProcessingJobStatus", job.status},
               {"CreationTime", Seconds(job.created_ms)},
               {"LastModifiedTime", Seconds(job.modified_ms)}};
  if (job.ended_ms > 0) view["ProcessingEndTime"] = Seconds(job.ended_ms);
  if (!job.failure_reason.empty()) view["FailureReason"] = job.failure_reason;
  const std::string& message = job.As<ProcessingFacts>().exit_message;
  if (!message.empty()) view["ExitMessage"] = message;
  return view;
}

json View(const Context& context, const Record& job, Show /*show*/) {
  json view = job.Request();
  view.update(Summary(context, job));
  if (job.started_ms > 0) view["ProcessingStartTime"] = Seconds(job.started_ms);
  if (IsRule(job)) view["TrainingJobArn"] = job.owner;
  return view;
}

constexpr std::string_view kEnds[] = {"Completed", "Failed", "Stopped"};

}  // namespace
}  // namespace processing_job

nlohmann::json ProcessingFacts::ToJson() const {
  nlohmann::json out = {{"exit_message", exit_message}};
  if (!rule.empty()) {
    out["rule"] = {
        {"name", rule}, {"profiler", profiler}, {"place", place}, {"evaluation", evaluation}};
  }
  return out;
}

FactsPtr ProcessingFacts::FromJson(const nlohmann::json& j) {
  auto facts = std::make_shared<ProcessingFacts>();
  facts->exit_message = j.at("exit_message");
  if (const auto rule = j.find("rule"); rule != j.end()) {
    facts->rule = rule->at("name");
    facts->profiler = rule->at("profiler");
    facts->place = rule->at("place");
    facts->evaluation = rule->at("evaluation");
  }
  return facts;
}

constinit const Kind kProcessingJob = {
    .stem = "ProcessingJob",
    .name_member = "ProcessingJobName",
    .arn_member = "ProcessingJobArn",
    .segment = "processing-job",
    .table = "processing_jobs",
    .noun = "processing job",
    .verbs = kDescribe | kList | kStop,
    .ends = processing_job::kEnds,
    .log_group = kProcessingLogGroup,
    .stop_grace = std::chrono::seconds(30),
    .summaries = "ProcessingJobSummaries",
    .not_found = {Code::kNotFound, "ValidationException",
                  "Could not find requested job with name: {name}"},
    .exists = {Code::kAlreadyExists, "ResourceInUse",
               "Processing job names must be unique within an AWS account and region, and a "
               "processing job with this name already exists ({arn})"},
    .create = processing_job::Create,
    .step = processing_job::Step,
    .view = processing_job::View,
    .summary = processing_job::Summary,
    .facts = ProcessingFacts::FromJson,
};

}  // namespace clary::control
