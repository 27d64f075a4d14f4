#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/log.h"
#include "control/internal/create.h"
#include "control/internal/metrics.h"
#include "control/internal/rules.h"
#include "control/internal/state.h"

namespace clary::control {
namespace {

using nlohmann::json;

// The runner itself gives the program 120 s between SIGTERM and SIGKILL. It must live on to upload
// what is there, so the executor's own deadline is only for a runner that hangs.
constexpr std::chrono::minutes kStopGrace{32};
constexpr int kMaxLaunchFailures = 5;
constexpr int64_t kFirstRetryMs = 100;  // doubles with each failure
constexpr int64_t kLingerMs = 60'000;   // a runner that stays after its end event is stopped
constexpr uint64_t kLookEvery = 100;    // passes between looks at launches nobody reported ended
constexpr size_t kMaxFailureReason = 1024;

constexpr std::string_view kPrepare = "Preparing the instances for training...";
constexpr std::string_view kWaiting = "Training job waiting for capacity...";
constexpr std::string_view kInternal =
    "InternalServerError: We encountered an internal error. Please try again.";
constexpr std::string_view kNoCapacity =
    "CapacityError: Unable to provision requested ML compute capacity. Please retry using a "
    "different ML instance type.";
constexpr std::string_view kOutOfMemory =
    "Please use an instance type with more memory, or reduce the size of training data processed "
    "on an instance.";

// FailureReason of a runner that ended with `exit_code` and left `detail`: the failure file, or a
// whole reason with its prefix.
std::string FailureReason(int exit_code, std::string_view detail) {
  for (const std::string_view prefix :
       {"AlgorithmError:", "ClientError:", "InternalServerError:", "CapacityError:"}) {
    if (detail.starts_with(prefix)) return api::CutText(detail, kMaxFailureReason);
  }
  if (detail.empty() && exit_code == 137) detail = kOutOfMemory;
  const std::string tail = ", exit code: " + std::to_string(exit_code);
  const std::string head = "AlgorithmError: ";
  return head + api::CutText(detail, kMaxFailureReason - head.size() - tail.size()) + tail;
}

}  // namespace

size_t Reconciler::Pass() {
  const bool look = bell_.TakeLaunchEnded() || passes_ % kLookEvery == 0;
  ++passes_;
  const auto active = records_.Active();
  if (memory_.size() > 2 * active.size() + 16) {  // drop what is known of ended jobs
    std::map<std::string, Memory> kept;
    for (const SnapshotPtr& job : active) {
      if (auto known = memory_.extract(job->record.name)) kept.insert(std::move(known));
    }
    memory_ = std::move(kept);
  }
  int cpus_in_use = 0;
  const auto run = [&](const SnapshotPtr& job, auto&& step) {
    Memory& memory = memory_[job->record.name];
    const Result<bool> occupies = step(memory);
    if (!occupies && occupies.error().code != Code::kConflict && !memory.complained) {
      memory.complained = true;
      LOG(kError, "a training job cannot be moved on; trying again", {"job", job->record.name},
          {"why", occupies.error().message});
    }
    if (occupies) memory.complained = false;
    if (!records_.Find(job->record.name)) memory_.erase(job->record.name);  // the name is free
    if (occupies.value_or(!job->record.launch_key.empty())) cpus_in_use += job->record.cpus;
  };
  // Running jobs first: what they free, queued ones may take in the same pass.
  for (const SnapshotPtr& job : active) {
    if (job->record.launch_key.empty()) continue;
    run(job, [&](Memory& memory) { return StepRunning(job, memory, look); });
  }
  Queue queue;
  for (const SnapshotPtr& job : active) {
    if (!job->record.launch_key.empty() || job->record.terminal()) continue;
    run(job, [&](Memory& memory) { return StepQueued(job, memory, cpus_in_use, queue); });
  }
  PassRules(look);
  return records_.Active().size();
}

Result<bool> Reconciler::StepQueued(const SnapshotPtr& job, Memory& memory, int cpus_in_use,
                                    Queue& queue) {
  const JobRecord& current = job->record;
  if (current.delete_requested_ms > 0) return StepDeleting(job);
  const int64_t now = ToMillis(env_.clock.Now());
  const int64_t waited = now - current.created_ms;
  const bool waited_long = current.max_wait_s > 0 && waited > current.max_wait_s * 1000;
  const bool pended_long = current.max_pending_s > 0 && waited > current.max_pending_s * 1000;
  if (current.status == "Stopping" || waited_long || pended_long) {
    JobRecord record = current;
    if (record.status == "Stopping") {
      Close(record, "Stopped", "Stopped", "Training job stopped", now);
    } else if (waited_long) {
      Close(record, "Stopped", "MaxWaitTimeExceeded",
            "Training job wait time exceeded MaxWaitTimeInSeconds provided", now);
    } else {
      record.failure_reason = kNoCapacity;
      Close(record, "Failed", "Failed", "Training job failed", now);
    }
    CLARY_CHECK_OK(records_.Update(job, std::move(record)));
    return false;
  }
  // First come, first served: a small job does not overtake a large one that waits.
  if (queue.blocked || (cpus_in_use > 0 && cpus_in_use + current.cpus > capacity_)) {
    queue.blocked = true;
    if (current.secondary == "Starting" && queue.writes_left > 0) {
      --queue.writes_left;
      JobRecord record = current;
      Enter(record, "InProgress", "Pending", kWaiting, now);
      CLARY_CHECK_OK(records_.Update(job, std::move(record)));
    }
    return false;
  }
  JobRecord record = current;
  record.launch_key = record.name + "-" + std::to_string(record.created_ms);
  record.log_stream = record.name + "/algo-1-" + std::to_string(now / 1000);
  Enter(record, "InProgress", record.secondary, kPrepare, now);
  CLARY_TRY(const SnapshotPtr next, records_.Update(job, std::move(record)));
  return StepRunning(next, memory, false);
}

Status Reconciler::Launch(const JobRecord& record) {
  return LaunchIn(Directory(record), record.launch_key, options_.runner_command, "job.json",
                  MakeJobSpec(record, env_, options_).ToJson(), "runner.log");
}

Status Reconciler::LaunchIn(const std::filesystem::path& directory, const std::string& key,
                            const std::vector<std::string>& command, const char* file,
                            const std::string& spec, const char* log) const {
  CLARY_CHECK_OK(MakeDirectories(directory));
  CLARY_CHECK_OK(WriteFileAtomic(directory / file, spec));
  exec::LaunchSpec launch;
  launch.key = key;
  launch.argv = command;
  launch.argv.push_back(directory.string());
  launch.env = options_.runner_environment;
  launch.directory = directory.string();
  launch.output = (directory / log).string();
  return env_.executor.Launch(launch);
}

Status Reconciler::FoldEvents(JobRecord& record) const {
  for (uint64_t before = UINT64_MAX; before != record.events_offset;) {
    before = record.events_offset;
    CLARY_TRY(const auto events,
              api::ReadEvents(Directory(record) / "events.jsonl", &record.events_offset));
    for (const api::JobEvent& event : events) FoldEvent(record, event);
  }
  return {};
}

Result<bool> Reconciler::StepRunning(const SnapshotPtr& job, Memory& memory, bool look_for_exit) {
  if (job->record.delete_requested_ms > 0) return StepDeleting(job);
  if (job->record.terminal()) return CleanUp(job);
  JobRecord record = job->record;
  const int64_t now = ToMillis(env_.clock.Now());
  bool ended_silently = false;

  if (!memory.launched) {
    if (now < memory.retry_ms) return true;
    // After a restart: the launch may be running, ended, or never have happened.
    CLARY_TRY(const auto found, env_.executor.Find(record.launch_key));
    if (!found) {
      CLARY_CHECK_OK(FoldEvents(record));
      if (!record.runner_ended && record.status == "Stopping") {
        Close(record, "Stopped", record.stop_cause, "Training job stopped", now);
        CLARY_CHECK_OK(records_.Update(job, std::move(record)));
        return true;
      }
      if (!record.runner_ended) {
        if (const Status started = Launch(record); !started) {
          memory.retry_ms = now + (kFirstRetryMs << memory.failures);
          if (++memory.failures < kMaxLaunchFailures) return std::unexpected(started.error());
          record.failure_reason = api::CutText(
              std::string(kInternal) + " (starting the runner: " + started.error().message + ")",
              kMaxFailureReason);
          Close(record, "Failed", "Failed", "Training job failed", now);
          CLARY_CHECK_OK(records_.Update(job, std::move(record)));
          return true;
        }
      }
    }
    memory.launched = true;
    look_for_exit = true;
  }

  CLARY_CHECK_OK(FoldEvents(record));
  if (!record.runner_ended && look_for_exit) {
    CLARY_TRY(const auto state, env_.executor.Find(record.launch_key));
    if (!state || state->phase != exec::LaunchPhase::kRunning) {
      CLARY_CHECK_OK(FoldEvents(record));  // what it wrote just before its end
      ended_silently = !record.runner_ended;
      if (ended_silently) {
        const std::string how = state && state->phase == exec::LaunchPhase::kExited
                                    ? "ended with code " + std::to_string(state->exit_code)
                                    : "was lost";
        record.training_end_ms = std::max(now, record.training_start_ms);
        if (record.status == "Stopping") {
          Close(record, "Stopped", record.stop_cause, "Training job stopped", now);
        } else {
          record.failure_reason = std::string(kInternal) + " (the job's runner " + how +
                                  " before it reported the end of the job)";
          Close(record, "Failed", "Failed", "Training job failed", now);
        }
      }
    }
  }
  if (record.runner_ended) {
    CLARY_CHECK_OK(Finish(record));
  } else if (!ended_silently) {
    if (record.status == "InProgress" && record.training_start_ms > 0) {
      if (now - record.training_start_ms >= record.max_runtime_s * 1000) {
        record.stop_cause = "MaxRuntimeExceeded";
        Enter(record, "Stopping", "Stopping", "Stopping the training job", now);
      }
    }
  }
  const bool stop = record.status == "Stopping" && !memory.stop_sent;
  if (record.modified_ms != job->record.modified_ms || record.status != job->record.status ||
      record.events_offset != job->record.events_offset) {
    // Before the stop itself, so that its cause outlives a crash in between.
    CLARY_CHECK_OK(records_.Update(job, std::move(record)));
  }
  if (stop) {
    CLARY_CHECK_OK(env_.executor.Stop(job->record.launch_key, kStopGrace));
    memory.stop_sent = true;
  }
  return true;
}

Status Reconciler::Finish(JobRecord& record) const {
  bool stored = false;
  if (!record.artifact_uri.empty()) {
    if (record.artifact_uri.ends_with('/')) {
      stored = true;  // a tree may be empty, so there is nothing to look for
    } else {
      const auto ref = objects::ObjectRef::ParseUri(record.artifact_uri);
      const auto info =
          ref ? env_.objects.Head(*ref) : Result<objects::ObjectInfo>(std::unexpected(ref.error()));
      // Only an answer decides; a store that cannot answer now is asked again.
      if (!info && info.error().code != Code::kNotFound &&
          info.error().code != Code::kInvalidArgument) {
        return std::unexpected(info.error());
      }
      stored = info.has_value();
    }
  }
  const int64_t end = record.training_end_ms;
  if (record.status == "Stopping") {
    Close(record, "Stopped", record.stop_cause,
          record.stop_cause == "MaxRuntimeExceeded"
              ? "Training job runtime exceeded MaxRuntimeInSeconds provided"
              : "Training job stopped",
          end);
    return {};
  }
  if (record.exit_code == 0 && stored) {
    Close(record, "Completed", "Completed", "Training job completed", end);
    return {};
  }
  record.failure_reason =
      record.exit_code != 0
          ? FailureReason(record.exit_code, record.end_detail)
          : std::string(kInternal) + " (the model artifact is not in the object store)";
  Close(record, "Failed", "Failed", "Training job failed", end);
  return {};
}

void Reconciler::Close(JobRecord& record, std::string_view status, std::string_view secondary,
                       std::string_view message, int64_t ms) const {
  Enter(record, status, secondary, message, ms);
  if (record.training_end_ms == 0) record.training_end_ms = ms;
  record.transitions.back().end_ms = record.transitions.back().start_ms;
  const json request = json::parse(record.request, nullptr, false);
  const auto series = ScanMetrics(env_.logs, record.log_stream, MetricDefinitions(request));
  if (series) {
    record.final_metrics = FinalMetrics(*series);
  } else {
    LOG(kError, "reading the metrics of a training job", {"job", record.name},
        {"why", series.error().message});
  }
}

// The record goes last, so that a crash before it leaves a deletion that is still asked for.
Result<bool> Reconciler::StepDeleting(const SnapshotPtr& job) {
  if (!job->record.launch_key.empty()) return CleanUp(job);
  CLARY_CHECK_OK(RemoveTree(Directory(job->record)));
  // A later job of this name must not be taken for this one by who tails "<name>/".
  CLARY_CHECK_OK(env_.logs.Remove(std::string(kTrainingLogGroup), job->record.name));
  Status rules;
  job->record.ForEachRule([&](const RuleStatus& rule, bool) {
    if (rules && !rule.launch_key.empty()) rules = env_.executor.Forget(rule.launch_key);
    if (rules) rules = env_.logs.Remove(kProcessingLogGroup, rule.job_name());
  });
  CLARY_CHECK_OK(rules);
  CLARY_CHECK_OK(records_.Remove(job));
  return false;
}

Result<bool> Reconciler::CleanUp(const SnapshotPtr& job) {
  JobRecord record = job->record;
  CLARY_TRY(const auto state, env_.executor.Find(record.launch_key));
  if (state && state->phase == exec::LaunchPhase::kRunning) {
    if (ToMillis(env_.clock.Now()) - record.modified_ms > kLingerMs) {
      CLARY_CHECK_OK(env_.executor.Stop(record.launch_key, std::chrono::seconds(5)));
    }
    return true;
  }
  if (state) CLARY_CHECK_OK(env_.executor.Forget(record.launch_key));
  record.launch_key.clear();
  CLARY_CHECK_OK(records_.Update(job, std::move(record)));
  return false;
}

}  // namespace clary::control
