#include "control/internal/warm_pool.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "base/file.h"
#include "base/log.h"
#include "control/internal/training_job.h"

namespace clary::control {
namespace {

using nlohmann::json;

constexpr size_t kMaxPoolsLookedAt = 1000;  // jobs, newest first
constexpr char kKeepAlive[] = "KeepAlivePeriodInSeconds";

const TrainingFacts& PoolFacts(const Record& job) { return job.As<TrainingFacts>(); }

int64_t KeepAlive(const json& request) {
  return request.value("ResourceConfig", json::object()).value(kKeepAlive, int64_t{0});
}

// A job that ended by no fault of its own leaves no machine that could be used again.
bool LeavesMachine(const Record& job) {
  return job.terminal() && job.started_ms > 0 &&
         !job.failure_reason.starts_with("InternalServerError") &&
         !job.failure_reason.starts_with("CapacityError");
}

int64_t PoolEnd(const Record& job, const json& request) {
  const int64_t cut = PoolFacts(job).pool_end_ms;
  return cut > 0 ? cut : job.ended_ms + KeepAlive(request) * 1000;
}

bool Available(const Record& job, const json& request, int64_t now_ms) {
  return LeavesMachine(job) && PoolFacts(job).pool_end_ms == 0 && now_ms < PoolEnd(job, request);
}

// What must agree for a job to run on the pool of another.
bool Fits(const json& a, const json& b) {
  const auto same = [](const json& x, const json& y, const char* member) {
    return x.value(member, json()) == y.value(member, json());
  };
  const json& a_resources = a.at("ResourceConfig");
  const json& b_resources = b.at("ResourceConfig");
  return std::ranges::all_of(
             std::initializer_list<const char*>{"RoleArn", "VpcConfig", "EnableNetworkIsolation",
                                                "EnableInterContainerTrafficEncryption"},
             [&](const char* member) { return same(a, b, member); }) &&
         std::ranges::all_of(
             std::initializer_list<const char*>{"InstanceType", "InstanceCount", "InstanceGroups",
                                                "VolumeSizeInGB", "VolumeKmsKeyId"},
             [&](const char* member) { return same(a_resources, b_resources, member); });
}

}  // namespace

json WarmPoolStatus(const Record& job, const json& request, int64_t now_ms) {
  const TrainingFacts& facts = PoolFacts(job);
  if (KeepAlive(request) == 0 && !facts.on_pool && facts.pool_end_ms == 0) return nullptr;
  if (!job.terminal()) return {{"Status", "InUse"}};
  if (!LeavesMachine(job)) return {{"Status", "Terminated"}};
  const int64_t until = std::min(now_ms, PoolEnd(job, request));
  json status = {{"Status", Available(job, request, now_ms) ? "Available"
                            : facts.pool_job.empty()        ? "Terminated"
                                                            : "Reused"},
                 {"ResourceRetainedBillableTimeInSeconds",
                  std::max<int64_t>(0, (until - job.ended_ms) / 1000)}};
  if (!facts.pool_job.empty()) status["ReusedByJob"] = facts.pool_job;
  return status;
}

bool LeavesWarmPool(const Record& job) {
  // The text is looked into before it is parsed: nearly no job has a pool.
  return LeavesMachine(job) && PoolFacts(job).pool_end_ms == 0 &&
         job.request.contains(kKeepAlive) && KeepAlive(job.Request()) > 0;
}

void PlanWarmPool(Context& context, Record& job, const json& request, Plan& plan) {
  if (KeepAlive(request) == 0) return;
  SnapshotPtr found;
  size_t looked_at = 0;
  context.records.ByCreation(kTrainingJob, false, std::nullopt, [&](const SnapshotPtr& one) {
    const Record& other = one->record;
    if (LeavesWarmPool(other)) {
      const json theirs = other.Request();
      if (Available(other, theirs, job.created_ms) && Fits(theirs, request)) found = one;
    }
    return !found && ++looked_at < kMaxPoolsLookedAt;
  });
  auto& own = job.Edit<TrainingFacts>();
  // No other pool ever has this name: names of jobs may be given again.
  own.pool_cache = job.name + "-" + std::to_string(job.created_ms);
  if (!found) return;
  own.on_pool = true;
  if (!PoolFacts(found->record).pool_cache.empty()) {
    own.pool_cache = PoolFacts(found->record).pool_cache;
  }
  Record giver = found->record;
  auto& facts = giver.Edit<TrainingFacts>();
  facts.pool_job = job.name;
  facts.pool_end_ms = std::max(job.created_ms, giver.ended_ms);
  plan.Update(found, std::move(giver));
}

void RemovePoolFolders(const Context& context) {
  std::set<std::string> folders;
  std::error_code ec;
  for (const auto& entry : std::filesystem::directory_iterator(context.options.pools_directory, ec))
    folders.insert(entry.path().filename().string());
  if (folders.empty()) return;
  // From the oldest job on: a pool that is taken over meanwhile is seen with one of its two jobs.
  context.records.ByCreation(kTrainingJob, true, std::nullopt, [&](const SnapshotPtr& one) {
    const Record& job = one->record;
    const std::string& folder = PoolFacts(job).pool_cache;
    if (!folder.empty() && (!job.terminal() || Available(job, job.Request(), context.Now()))) {
      folders.erase(folder);
    }
    return true;
  });
  for (const std::string& folder : folders) {
    if (const Status done = RemoveTree(context.options.pools_directory / folder); !done) {
      LOG(kWarn, "a warm pool's folder not removed", {"folder", folder},
          {"message", done.error().message});
    }
  }
}

Status UpdateWarmPool(Record& job, const json& request, int64_t now_ms) {
  if (!Available(job, job.Request(), now_ms)) {
    return Invalid("The training job '" + job.name +
                   "' has ended and has no warm pool that is available; only then can its "
                   "KeepAlivePeriodInSeconds be changed.");
  }
  if (KeepAlive(request) == 0) job.Edit<TrainingFacts>().pool_end_ms = now_ms;
  return {};
}

}  // namespace clary::control
