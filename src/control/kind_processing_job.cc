// Processing jobs: those of users, those that evaluate a rule of the training job that owns them
// (rules.cc), and those that write the report of a tuning job (tuning_report.cc).
#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/images.h"
#include "api/rule_spec.h"
#include "control/internal/experiments.h"
#include "control/internal/hosts.h"
#include "control/internal/processing_job.h"
#include "control/internal/processing_request.h"
#include "control/internal/programs.h"
#include "control/internal/rules.h"

namespace clary::control {
namespace processing_job {
namespace {

using nlohmann::json;

constexpr size_t kMaxExitMessage = 1024;
// '_' is in no name of a training job, whose directories lie beside it.
const std::string kOwnDirectories = "processing_jobs/";

// --- Create.

Status CreateRule(json request, Record& job) {
  const ArnParts owner = ParseArn(job.owner);
  job.launches.push_back({.directory = owner.kind == &kTrainingJob
                                           ? std::string(owner.key) + "/rules/" + job.name
                                           : kOwnDirectories + job.name});
  job.status = "InProgress";
  job.request = request.dump();
  return {};
}

Status Create(Context& context, json request, Record& job, Plan& plan) {
  if (job.facts) return CreateRule(std::move(request), job);
  CLARY_CHECK_OK(CheckProcessingRequest(request, context.env, context.options));
  FillProcessingDefaults(request);
  CLARY_CHECK_OK(PlanProcessingComponent(context, job, request, plan));
  auto& facts = job.Edit<ProcessingFacts>();
  facts.max_runtime_s = request.at("StoppingCondition").at("MaxRuntimeInSeconds");
  job.launches.push_back({.directory = kOwnDirectories + job.name,
                          .cpus = CoresOf(ProcessingHosts(request), context.job_capacity)});
  job.status = "InProgress";
  job.request = request.dump();
  return {};
}

// --- Step.

void Fold(Record& job, const api::JobEvent& event) {
  if (event.kind != api::JobEvent::Kind::kEnd) return;
  job.Edit<ProcessingFacts>().exit_message = api::CutText(event.message, kMaxExitMessage);
}

// What an analysis has created for itself (analyzer/internal/job_model.h) goes with it: the
// endpoint that it asked, which it deletes itself unless it was ended before.
constexpr char kOwnerTag[] = "clary:processing-job";

Status Release(Context& context, const Record& job) {
  const auto owned = [&](const Kind& kind) {
    std::vector<std::string> names;
    context.records.ByKey(kind, true, std::nullopt, [&](const SnapshotPtr& one) {
      const TagMap tags = context.records.Tags(one->record.arn);
      const auto owner = tags.find(kOwnerTag);
      if (owner != tags.end() && owner->second == job.arn) names.push_back(one->record.name);
      return true;
    });
    return names;
  };
  for (const Kind* kind : {&kEndpoint, &kEndpointConfig}) {
    for (const std::string& name : owned(*kind)) {
      const Handler* remove = FindHandler("Delete" + std::string(kind->stem));
      const auto removed = (*remove)(context, {{std::string(kind->name_member), name}});
      if (!removed && removed.error().code != Code::kNotFound) {
        return std::unexpected(removed.error());
      }
    }
  }
  return {};
}

std::string ImageOf(const Record& job) {
  return TextOf(job.Request().at("AppSpecification"), "ImageUri");
}

Status Step(Steps& steps, const SnapshotPtr& job) {
  if (IsRule(job->record)) return StepRule(steps, job);
  const Context& context = steps.context;
  const int64_t max_runtime_s = job->record.As<ProcessingFacts>().max_runtime_s;
  return StepPlainJob(steps, job,
                      {.program =
                           [&](const Record& record) {
                             return RunnerProgram(
                                 MakeProcessingSpec(record, context.env, context.options), record,
                                 max_runtime_s, context.options);
                           },
                       .fold = Fold,
                       .release = api::IsClarifyImage(ImageOf(job->record)) ? Release : nullptr,
                       .hosts = CountHosts(ProcessingHosts(job->record.Request())),
                       .max_runtime_s = max_runtime_s});
}

// --- Views.

json Summary(const Context& /*context*/, const Record& job) {
  json view = {{"ProcessingJobName", job.name},
               {"ProcessingJobArn", job.arn},
               {"ProcessingJobStatus", job.status},
               {"CreationTime", Seconds(job.created_ms)},
               {"LastModifiedTime", Seconds(job.modified_ms)}};
  if (job.ended_ms > 0 && job.terminal()) view["ProcessingEndTime"] = Seconds(job.ended_ms);
  if (!job.failure_reason.empty()) view["FailureReason"] = job.failure_reason;
  const std::string& message = job.As<ProcessingFacts>().exit_message;
  if (!message.empty()) view["ExitMessage"] = message;
  return view;
}

json View(const Context& context, const Record& job, Show /*show*/) {
  json view = job.Request();
  view.update(Summary(context, job));
  if (job.started_ms > 0) view["ProcessingStartTime"] = Seconds(job.started_ms);
  if (IsRule(job) && ParseArn(job.owner).kind == &kTrainingJob) {
    view["TrainingJobArn"] = job.owner;
  }
  return view;
}

// --- Other operations.

Status MayDelete(const Context& /*context*/, const Record& job) {
  if (!job.terminal()) {
    return Fail(Code::kFailedPrecondition, "ResourceInUse",
                "The processing job is in status " + job.status +
                    ". Only jobs that are Completed, Failed or Stopped can be deleted.");
  }
  if (!job.bound) return {};
  return Fail(Code::kFailedPrecondition, "ResourceInUse",
              "The processing job belongs to " + job.owner + " and is deleted with it.");
}

constexpr std::string_view kEnds[] = {"Completed", "Failed", "Stopped"};

}  // namespace
}  // namespace processing_job

nlohmann::json ProcessingFacts::ToJson() const {
  nlohmann::json out = {{"exit_message", exit_message}};
  if (max_runtime_s > 0) out["max_runtime_s"] = max_runtime_s;
  if (!rule.empty()) {
    out["rule"] = {
        {"name", rule}, {"profiler", profiler}, {"place", place}, {"evaluation", evaluation}};
  }
  return out;
}

FactsPtr ProcessingFacts::FromJson(const nlohmann::json& j) {
  auto facts = std::make_shared<ProcessingFacts>();
  facts->exit_message = j.at("exit_message");
  facts->max_runtime_s = j.value("max_runtime_s", int64_t{0});
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
    .verbs = kCreate | kDescribe | kList | kStop | kDelete,
    .ends = processing_job::kEnds,
    .log_group = kProcessingLogGroup,
    .stop_grace = kRunnerGrace,
    .summaries = "ProcessingJobSummaries",
    .sort_order = "Ascending",
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
    .may_delete = processing_job::MayDelete,
};

}  // namespace clary::control
