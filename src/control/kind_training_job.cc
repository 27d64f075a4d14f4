// Training jobs: created with their rules, queued for cores, run by a runner, ended in one write.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/log.h"
#include "control/internal/experiments.h"
#include "control/internal/hosts.h"
#include "control/internal/metrics.h"
#include "control/internal/migrate.h"
#include "control/internal/programs.h"
#include "control/internal/rules.h"
#include "control/internal/steps.h"
#include "control/internal/training_job.h"
#include "control/internal/training_request.h"
#include "control/internal/tuning_host.h"
#include "control/internal/tuning_job.h"
#include "control/internal/warm_pool.h"

namespace clary::control {
namespace training_job {
namespace {

using nlohmann::json;

constexpr std::string_view kWaitedTooLong = "MaxWaitTimeExceeded";
constexpr std::string_view kPrepare = "Preparing the instances for training...";
constexpr std::string_view kWaiting = "Training job waiting for capacity...";
constexpr std::string_view kNoCapacity =
    "CapacityError: Unable to provision requested ML compute capacity. Please retry using a "
    "different ML instance type.";
const TrainingFacts& FactsOf(const Record& job) { return job.As<TrainingFacts>(); }

// --- Create.

Status Create(Context& context, json request, Record& job, Plan& plan) {
  CLARY_CHECK_OK(CheckTrainingRequest(request, context.env, context.options));
  FillTrainingDefaults(request);
  CLARY_CHECK_OK(PlanRules(context, job, request, plan));
  CLARY_CHECK_OK(PlanTrainingComponent(context, job, request, plan));
  PlanWarmPool(context, job, request, plan);
  auto& facts = job.Edit<TrainingFacts>();
  const json& stopping = request.at("StoppingCondition");
  facts.max_runtime_s = stopping.value("MaxRuntimeInSeconds", int64_t{0});
  facts.max_wait_s = stopping.value("MaxWaitTimeInSeconds", int64_t{0});
  facts.max_pending_s = stopping.value("MaxPendingTimeInSeconds", int64_t{0});
  int cpus = CoresOf(HostGroupsOf(request.at("ResourceConfig")), context.job_capacity);
  if (const auto tuning = TuningJobOf(context, job))
    cpus = TrialCpus(context, tuning->record, cpus);
  job.launches.push_back({.directory = job.name, .cpus = cpus});
  job.request = request.dump();
  Enter(job, "InProgress", "Starting", "Starting the training job...", job.created_ms);
  return {};
}

// --- Step.

void Close(const Context& context, Record& job, std::string_view status, std::string_view secondary,
           std::string_view message, int64_t ms) {
  Enter(job, status, secondary, message, ms);
  auto& facts = job.Edit<TrainingFacts>();
  if (job.ended_ms == 0) job.ended_ms = ms;
  facts.transitions.back().end_ms = facts.transitions.back().start_ms;
  auto metrics = FinalMetrics(context.env.logs, job.launches.front().log_streams,
                              MetricDefinitions(job.Request()));
  if (metrics) {
    facts.final_metrics = *std::move(metrics);
  } else {
    LOG(kError, "reading the metrics of a training job", {"job", job.name},
        {"why", metrics.error().message});
  }
}

void CloseFailed(const Context& context, Record& job, std::string reason, int64_t ms) {
  job.failure_reason = api::CutText(reason, kMaxFailureReason);
  Close(context, job, "Failed", "Failed", "Training job failed", ms);
}

void CloseStopped(const Context& context, Record& job, int64_t ms) {
  const std::string cause = FactsOf(job).stop_cause;
  const std::string why = FactsOf(job).stop_message;
  std::string_view message = "Training job stopped";
  if (cause == "Stopped" && !why.empty()) message = why;
  if (cause == "MaxRuntimeExceeded") {
    message = "Training job runtime exceeded MaxRuntimeInSeconds provided";
  } else if (cause == kWaitedTooLong) {
    message = "Training job wait time exceeded MaxWaitTimeInSeconds provided";
  }
  Close(context, job, "Stopped", cause, message, ms);
}

// What the job ran up to `ms`, over all its starts; 0: never.
int64_t RunTime(const Record& job, int64_t ms) {
  return FactsOf(job).ran_ms + (job.started_ms > 0 ? std::max<int64_t>(0, ms - job.started_ms) : 0);
}

// A job whose end is no fault of its own starts again: a spot job whose machine was taken from it
// as often as its MaxWaitTimeInSeconds allows, another as often as its RetryStrategy does. Its
// program finds its checkpoints.
bool MayStartAgain(const Record& job, std::string_view reason, bool lost) {
  if (job.status != "InProgress" || !reason.starts_with("InternalServerError")) return false;
  if (!job.launches.front().host.empty()) return true;  // as a job by itself, once
  const json request = job.Request();
  if (lost && request.value("EnableManagedSpotTraining", false)) return true;
  const json strategy = request.value("RetryStrategy", json::object());
  return FactsOf(job).retries < strategy.value("MaximumRetryAttempts", 0);
}

Status StartAgain(Steps& steps, const SnapshotPtr& base, Record job, bool lost) {
  Context& context = steps.context;
  const int64_t now = steps.now_ms();
  Launch& launch = job.launches.front();
  const bool hosted = !launch.host.empty();
  const bool interrupted = lost && job.Request().value("EnableManagedSpotTraining", false);
  LOG(kWarn, "a training job is started again", {"job", job.name},
      {"why", hosted        ? "its host is gone"
              : interrupted ? "interrupted"
                            : "internal error"});
  // The facts of this start go first: no later one may take them for its own.
  CLARY_CHECK_OK(RemoveTree(steps.Directory(launch) / "events.jsonl"));
  if (!hosted) {
    CLARY_TRY(const auto known, context.env.executor.Find(launch.key));
    if (known) CLARY_CHECK_OK(context.env.executor.Forget(launch.key));
  }
  auto& facts = job.Edit<TrainingFacts>();
  facts.ran_ms = RunTime(job, std::max(job.ended_ms, job.started_ms));
  facts.artifact_uri.clear();
  if (hosted) {
    facts.host_lost = true;
  } else if (!interrupted) {
    ++facts.retries;
  }
  job.started_ms = job.ended_ms = 0;
  launch = {.directory = launch.directory, .log_streams = launch.log_streams, .cpus = launch.cpus};
  if (interrupted) {
    Enter(job, "InProgress", "Interrupted",
          "The job's machine was lost; the job starts again from its checkpoints", now);
  }
  Enter(job, "InProgress", "Starting", "Starting the training job...", now);
  CLARY_CHECK_OK(context.records.Update(base, std::move(job)));
  return {};
}

// The runner has reported its end.
Status Finish(const Context& context, Record& job) {
  const int64_t end = job.ended_ms;
  const std::string uri = FactsOf(job).artifact_uri;
  // A tree may be empty, so there is nothing to look for.
  bool stored = uri.ends_with('/');
  if (!uri.empty() && !stored) {
    const auto ref = objects::ObjectRef::ParseUri(uri);
    const auto info = ref ? context.env.objects.Head(*ref)
                          : Result<objects::ObjectInfo>(std::unexpected(ref.error()));
    // Only an answer decides; a store that cannot answer now is asked again.
    if (!info && info.error().code != Code::kNotFound &&
        info.error().code != Code::kInvalidArgument) {
      return std::unexpected(info.error());
    }
    stored = info.has_value();
  }
  const Launch& launch = job.launches.front();
  if (job.status == "Stopping") {
    CloseStopped(context, job, end);
  } else if (launch.exit_code != 0) {
    CloseFailed(context, job, FailureReason(launch.exit_code, launch.detail), end);
  } else if (!stored) {
    CloseFailed(context, job,
                std::string(kInternalError) + " (the model artifact is not in the object store)",
                end);
  } else {
    Close(context, job, "Completed", "Completed", "Training job completed", end);
  }
  return {};
}

Status StepRunning(Steps& steps, const SnapshotPtr& job) {
  Context& context = steps.context;
  Record record = job->record;
  const int64_t now = steps.now_ms();
  CLARY_TRY(const Progress progress,
            FollowRunner(
                steps, record,
                [&] {
                  return RunnerProgram(MakeJobSpec(record, context.env, context.options), record,
                                       FactsOf(record).max_runtime_s, context.options);
                },
                [&record](const api::JobEvent& event) { FoldTrainingEvent(record, event); }));
  using State = Progress::State;
  const bool closed = progress.state != State::kRuns;
  switch (progress.state) {
    case State::kWaits:
      return {};
    case State::kRuns:
      break;
    case State::kEnded:
      if (MayStartAgain(record, record.launches.front().detail, false)) {
        return StartAgain(steps, job, std::move(record), false);
      }
      CLARY_CHECK_OK(Finish(context, record));
      break;
    case State::kStopped:
      CloseStopped(context, record, now);
      break;
    case State::kFailed:
      if (MayStartAgain(record, progress.reason, progress.lost)) {
        return StartAgain(steps, job, std::move(record), progress.lost);
      }
      CloseFailed(context, record, progress.reason, now);
      break;
  }
  if (closed) {
    Launch& launch = record.launches.front();
    if (!launch.host.empty()) launch.key.clear();  // its host forgets it by itself
    // Its tuning job has something to do.
    if (!record.owner.empty()) context.bell->Ring(false);
  }
  if (!closed && record.status == "InProgress") {
    const TrainingFacts& facts = FactsOf(record);
    std::string_view cause;
    if (record.started_ms > 0 && RunTime(record, now) >= facts.max_runtime_s * 1000) {
      cause = "MaxRuntimeExceeded";
    } else if (facts.max_wait_s > 0 && now - record.created_ms > facts.max_wait_s * 1000) {
      cause = kWaitedTooLong;
    }
    if (!cause.empty()) {
      record.Edit<TrainingFacts>().stop_cause = cause;
      Enter(record, "Stopping", "Stopping", "Stopping the training job", now);
    }
  }
  const bool stop = record.status == "Stopping";
  const bool folded =
      record.launches.front().events_offset != job->record.launches.front().events_offset;
  if (!closed && !stop && folded) {
    // Only what its events say, which are on disk.
    CLARY_CHECK_OK(context.records.Show(job, std::move(record)));
  } else if (!closed && !stop && !record.launches.front().host.empty()) {
    steps.Doze();  // its host tells of its end
  } else if (record.modified_ms != job->record.modified_ms || record.status != job->record.status ||
             folded) {
    // Before the stop itself, so that its cause outlives a crash in between.
    CLARY_CHECK_OK(context.records.Update(job, std::move(record)));
  }
  return stop ? steps.Stop(job->record.launches.front(), kRunnerGrace) : Status();
}

Status StepQueued(Steps& steps, const SnapshotPtr& job) {
  Context& context = steps.context;
  const Record& current = job->record;
  const TrainingFacts& facts = FactsOf(current);
  const int64_t now = steps.now_ms();
  const auto waited = [&](int64_t limit_s) {
    return limit_s > 0 && now - current.created_ms > limit_s * 1000;
  };
  Record record = current;
  if (current.status == "Stopping") {
    CloseStopped(context, record, now);
  } else if (waited(facts.max_wait_s)) {
    record.Edit<TrainingFacts>().stop_cause = kWaitedTooLong;
    CloseStopped(context, record, now);
  } else if (waited(facts.max_pending_s) && current.launches_made == 0) {
    CloseFailed(context, record, std::string(kNoCapacity), now);
  } else {
    CLARY_TRY(Place place, PlaceOf(context, current));
    if (place.wait) return {};
    if (steps.Admit(current.launches.front())) {
      Launch& launch = record.launches.front();
      const json request = record.Request();
      steps.Prepare(record, launch, CountHosts(HostGroupsOf(request.at("ResourceConfig"))));
      launch.host = std::move(place.host);
      Enter(record, "InProgress", facts.secondary, kPrepare, now);
      CLARY_TRY(const SnapshotPtr next, context.records.Update(job, std::move(record)));
      return StepRunning(steps, next);
    }
    if (facts.secondary != "Starting" || !steps.MayNote()) return {};
    Enter(record, "InProgress", "Pending", kWaiting, now);
  }
  CLARY_CHECK_OK(context.records.Update(job, std::move(record)));
  return {};
}

Status Step(Steps& steps, const SnapshotPtr& job) {
  return job->record.has_launch() ? StepRunning(steps, job) : StepQueued(steps, job);
}

void OnStop(Record& job) {
  job.Edit<TrainingFacts>().stop_cause = "Stopped";
  Enter(job, "Stopping", "Stopping", "Stopping the training job", job.stop_requested_ms);
}

// --- Views.

void AddMetricDefinitions(json& view) {
  json definitions = json::array();
  for (auto& d : MetricDefinitions(view)) {
    json& item = definitions.emplace_back(json::object());
    item["Name"] = std::move(d.name);
    item["Regex"] = std::move(d.regex);
  }
  view["AlgorithmSpecification"]["MetricDefinitions"] = std::move(definitions);
}

json View(const Context& context, const Record& job, Show show) {
  const TrainingFacts& facts = FactsOf(job);
  json view = job.Request();
  view["ModelArtifacts"] = {{"S3ModelArtifacts", ModelUri(job.name, view)}};
  view["TrainingJobArn"] = job.arn;
  if (ParseArn(job.owner).kind == &kTuningJob) view["TuningJobArn"] = job.owner;
  view["TrainingJobStatus"] = job.status;
  view["SecondaryStatus"] = facts.secondary;
  if (!job.failure_reason.empty()) view["FailureReason"] = job.failure_reason;
  view["CreationTime"] = Seconds(job.created_ms);
  view["LastModifiedTime"] = Seconds(job.modified_ms);
  if (job.started_ms > 0) view["TrainingStartTime"] = Seconds(job.started_ms);
  if (job.ended_ms > 0 && job.terminal()) {
    view["TrainingEndTime"] = Seconds(job.ended_ms);
    if (job.started_ms > 0 || facts.ran_ms > 0) {
      // Whole seconds, never 0: clients divide by it.
      const int64_t seconds = std::max<int64_t>(1, (RunTime(job, job.ended_ms) + 500) / 1000);
      view["TrainingTimeInSeconds"] = seconds;
      view["BillableTimeInSeconds"] = seconds;
    }
  }
  json transitions = json::array();
  for (const Transition& t : facts.transitions) {
    json item = {
        {"Status", t.status}, {"StartTime", Seconds(t.start_ms)}, {"StatusMessage", t.message}};
    if (t.end_ms > 0) item["EndTime"] = Seconds(t.end_ms);
    transitions.push_back(std::move(item));
  }
  view["SecondaryStatusTransitions"] = std::move(transitions);
  if (!facts.final_metrics.empty()) {
    json metrics = json::array();
    for (const FinalMetric& m : facts.final_metrics) {
      metrics.push_back(
          {{"MetricName", m.name}, {"Value", m.value}, {"Timestamp", Seconds(m.time_ms)}});
    }
    view["FinalMetricDataList"] = std::move(metrics);
  }
  for (const bool profiler : {false, true}) {
    if (show == Show::kMatch) break;
    json rules = RuleStatuses(context, job, profiler);
    if (rules.empty()) continue;
    view[profiler ? "ProfilerRuleEvaluationStatuses" : "DebugRuleEvaluationStatuses"] =
        std::move(rules);
  }
  const auto profiler = view.find("ProfilerConfig");
  const bool profiling = profiler != view.end() && !profiler->value("DisableProfiler", false);
  view["ProfilingStatus"] = profiling ? "Enabled" : "Disabled";
  if (json pool = WarmPoolStatus(job, view, context.Now()); !pool.is_null()) {
    view["WarmPoolStatus"] = std::move(pool);
  }
  if (show != Show::kMatch) AddMetricDefinitions(view);
  return view;
}

// Jobs without a word of warm pools are not parsed for them.
json PoolOf(const Context& context, const Record& job) {
  if (!job.request.contains("KeepAlivePeriodInSeconds")) return nullptr;
  return WarmPoolStatus(job, job.Request(), context.Now());
}

json Summary(const Context& context, const Record& job) {
  json view = {{"TrainingJobName", job.name},
               {"TrainingJobArn", job.arn},
               {"CreationTime", Seconds(job.created_ms)},
               {"LastModifiedTime", Seconds(job.modified_ms)},
               {"TrainingJobStatus", job.status},
               {"SecondaryStatus", FactsOf(job).secondary}};
  if (job.ended_ms > 0 && job.terminal()) view["TrainingEndTime"] = Seconds(job.ended_ms);
  if (json pool = PoolOf(context, job); !pool.is_null()) view["WarmPoolStatus"] = std::move(pool);
  return view;
}

// --- Other operations.

// This release has no training plans: nothing can have one.
Result<std::function<bool(const Record&)>> Filter(const Context& context, const json& input) {
  const bool none = input.contains("TrainingPlanArnEquals");
  const std::string pool = input.value("WarmPoolStatusEquals", "");
  return [&context, none, pool](const Record& job) {
    if (none || pool.empty()) return !none;
    const json status = PoolOf(context, job);
    return status.is_object() && status.at("Status") == pool;
  };
}

Status MayDelete(const Context& context, const Record& job) {
  if (!job.terminal()) {
    return Fail(Code::kFailedPrecondition, "ResourceInUse",
                "The training job is in status " + job.status +
                    ". Only jobs that are Completed, Failed or Stopped can be deleted.");
  }
  if (const auto tuning = TuningJobOf(context, job); tuning && !tuning->record.terminal()) {
    return Fail(Code::kFailedPrecondition, "ResourceInUse",
                "The training job is a trial of the hyperparameter tuning job " +
                    tuning->record.name + ", which has not ended.");
  }
  for (const SnapshotPtr& child : context.records.Children(job.arn)) {
    if (!child->record.bound || child->record.kind->step == nullptr || child->record.terminal()) {
      continue;
    }
    return Fail(
        Code::kFailedPrecondition, "ResourceInUse",
        "The rule " + RuleName(child->record) + " of the training job is still being evaluated.");
  }
  return {};
}

// The ProfilerConfig that a job is profiled by; null: it is not.
json ActiveProfiler(const json& request) {
  const auto config = request.find("ProfilerConfig");
  const bool active = config != request.end() && !config->value("DisableProfiler", false);
  return active ? *config : json();
}

// What a job was told at its launch it keeps.
Result<json> Update(Context& context, const json& input) {
  if (!input.value("ProfilerRuleConfigurations", json::array()).empty()) {
    return Invalid(
        "ProfilerRuleConfigurations cannot be added to a training job by this release; give them "
        "to CreateTrainingJob");
  }
  std::string arn;
  CLARY_CHECK_OK(Write(context, kTrainingJob, input, [&](Record& record) -> Status {
    json request = record.Request();
    if (record.terminal() && input.contains("ResourceConfig")) {
      request["ResourceConfig"].update(input["ResourceConfig"]);
      CLARY_CHECK_OK(UpdateWarmPool(record, request, context.Now()));
    } else {
      CLARY_CHECK_OK(CheckInProgress(record));
    }
    const json before = ActiveProfiler(request);
    for (const char* member : {"ProfilerConfig", "ResourceConfig", "RemoteDebugConfig"}) {
      const auto given = input.find(member);
      if (given != input.end()) request[member].update(*given);
    }
    const bool launched = std::ranges::any_of(
        record.launches, [](const Launch& launch) { return !launch.log_streams.empty(); });
    if (launched && ActiveProfiler(request) != before) {
      return Invalid(
          "ProfilerConfig of a training job that has started cannot be changed by this release; "
          "give it to CreateTrainingJob");
    }
    record.request = request.dump();
    record.modified_ms = std::max(record.modified_ms, context.Now());
    arn = record.arn;
    return {};
  }));
  return json{{"TrainingJobArn", arn}};
}

constexpr Extra kExtras[] = {{"UpdateTrainingJob", Update}};
constexpr std::string_view kCostly[] = {"AlgorithmSpecification.MetricDefinitions",
                                        "DebugRuleEvaluationStatuses",
                                        "ProfilerRuleEvaluationStatuses"};
constexpr std::string_view kEnds[] = {"Completed", "Failed", "Stopped"};

}  // namespace
}  // namespace training_job

constinit const Kind kTrainingJob = {
    .stem = "TrainingJob",
    .name_member = "TrainingJobName",
    .arn_member = "TrainingJobArn",
    .segment = "training-job",
    .table = "training_jobs",
    .noun = "training job",
    .verbs = kCreate | kDescribe | kList | kStop | kDelete,
    .extras = training_job::kExtras,
    .ends = training_job::kEnds,
    .log_group = kTrainingLogGroup,
    .stop_grace = kRunnerGrace,
    .summaries = "TrainingJobSummaries",
    .sort_order = "Ascending",
    .search_resource = "TrainingJob",
    .costly = training_job::kCostly,
    .not_found = {Code::kNotFound, "ValidationException", "Requested resource not found."},
    .exists = {Code::kAlreadyExists, "ResourceInUse",
               "Training job names must be unique within an AWS account and region, and a training "
               "job with this name already exists ({arn})"},
    .create = training_job::Create,
    .step = training_job::Step,
    .view = training_job::View,
    .summary = training_job::Summary,
    .facts = TrainingFacts::FromJson,
    .on_stop = training_job::OnStop,
    .may_delete = training_job::MayDelete,
    .filter = training_job::Filter,
    .upgrade = UpgradeTrainingJob,
};

}  // namespace clary::control
