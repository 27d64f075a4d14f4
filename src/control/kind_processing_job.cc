// Processing jobs: those of users, and those that evaluate a rule of the training job that owns
// them (rules.cc).
#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/rule_spec.h"
#include "control/internal/experiments.h"
#include "control/internal/processing_job.h"
#include "control/internal/processing_request.h"
#include "control/internal/programs.h"
#include "control/internal/rules.h"
#include "control/internal/training_request.h"

namespace clary::control {
namespace processing_job {
namespace {

using nlohmann::json;

constexpr size_t kMaxExitMessage = 1024;

// --- Create.

Status CreateRule(json request, Record& job) {
  const std::string training_job = job.owner.substr(job.owner.rfind('/') + 1);
  job.launches.push_back({.directory = training_job + "/rules/" + job.name});
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
  const std::string type = request.at("ProcessingResources").at("ClusterConfig").at("InstanceType");
  // '_' is in no name of a training job, whose directories lie beside it.
  job.launches.push_back({.directory = "processing_jobs/" + job.name,
                          .cpus = std::clamp(InstanceCpus(type), 1, context.capacity)});
  job.status = "InProgress";
  job.request = request.dump();
  return {};
}

// --- Step, of a user's.

void Close(Record& job, std::string_view status, int64_t ms) {
  job.status = status;
  if (job.ended_ms == 0) job.ended_ms = ms;
  job.ended_ms = std::max({job.ended_ms, job.created_ms, job.started_ms});
  job.modified_ms = std::max(job.modified_ms, job.ended_ms);
}

void Fold(Record& job, const api::JobEvent& event) {
  switch (event.kind) {
    case api::JobEvent::Kind::kPhase:
      if (job.started_ms == 0) job.started_ms = std::max(event.time_ms, job.created_ms);
      return;
    case api::JobEvent::Kind::kArtifact:
      return;
    case api::JobEvent::Kind::kEnd:
      job.ended_ms = std::max(event.time_ms, job.started_ms);
      job.Edit<ProcessingFacts>().exit_message = api::CutText(event.message, kMaxExitMessage);
      return;
  }
}

Status StepRunning(Steps& steps, const SnapshotPtr& job) {
  Context& context = steps.context;
  Record record = job->record;
  const int64_t now = steps.now_ms();
  CLARY_TRY(const Progress progress,
            FollowRunner(
                steps, record,
                [&] {
                  return RunnerProgram(MakeProcessingSpec(record, context.env, context.options),
                                       record, record.As<ProcessingFacts>().max_runtime_s,
                                       context.options);
                },
                [&record](const api::JobEvent& event) { Fold(record, event); }));
  using State = Progress::State;
  const Launch& launch = record.launches.front();
  switch (progress.state) {
    case State::kWaits:
      return {};
    case State::kRuns:
      // Intent, so that its cause needs no word of its own: both end in Stopped.
      if (record.status == "InProgress" && record.started_ms > 0 &&
          now - record.started_ms >= record.As<ProcessingFacts>().max_runtime_s * 1000) {
        record.status = "Stopping";
        record.modified_ms = std::max(record.modified_ms, now);
      }
      break;
    case State::kEnded:
      if (record.status == "Stopping") {
        Close(record, "Stopped", now);
      } else if (launch.exit_code != 0) {
        record.failure_reason = FailureReason(launch.exit_code, launch.detail);
        Close(record, "Failed", now);
      } else {
        Close(record, "Completed", now);
      }
      break;
    case State::kStopped:
      Close(record, "Stopped", now);
      break;
    case State::kFailed:
      record.failure_reason = api::CutText(progress.reason, kMaxFailureReason);
      Close(record, "Failed", now);
      break;
  }
  const bool stop = record.status == "Stopping";
  if (record.status != job->record.status ||
      launch.events_offset != job->record.launches.front().events_offset) {
    CLARY_CHECK_OK(context.records.Update(job, std::move(record)));
  }
  return stop ? steps.Stop(job->record.launches.front(), kRunnerGrace) : Status();
}

Status Step(Steps& steps, const SnapshotPtr& job) {
  if (IsRule(job->record)) return StepRule(steps, job);
  if (job->record.has_launch()) return StepRunning(steps, job);
  Context& context = steps.context;
  Record record = job->record;
  if (record.status == "Stopping") {
    Close(record, "Stopped", steps.now_ms());
  } else if (steps.Admit(record.launches.front())) {
    steps.Prepare(record, record.launches.front());
    CLARY_TRY(const SnapshotPtr next, context.records.Update(job, std::move(record)));
    return StepRunning(steps, next);
  } else {
    return {};
  }
  CLARY_CHECK_OK(context.records.Update(job, std::move(record)));
  return {};
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
  if (IsRule(job)) view["TrainingJobArn"] = job.owner;
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
              "The processing job evaluates a rule of " + job.owner +
                  " and is deleted with that training job.");
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
