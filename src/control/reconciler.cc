#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "control/internal/steps.h"

namespace clary::control {
namespace {

constexpr int kMaxLaunchFailures = 5;
constexpr int64_t kFirstRetryMs = 100;  // doubles with each failure
constexpr int64_t kLingerMs = 60'000;   // a launch that stays after its record's end is stopped
constexpr uint64_t kLookEvery = 100;    // passes between looks at launches nobody reported ended
constexpr std::chrono::seconds kEndGrace{5};
constexpr int kNotes = 64;  // a long queue must not keep what runs from being looked after

// Throws away what a runner that was killed has left; another one has left nothing. False: it is
// dying still.
bool RemoveRests(Trash& trash, const std::filesystem::path& directory) {
  const std::filesystem::path lock = directory / api::kRunnerLock;
  std::error_code ec;
  if (std::filesystem::exists(lock, ec) && !FileLock::Acquire(lock)) return false;
  bool all = true;
  for (const std::string_view folder : api::kRunnerFolders) {
    all = trash.Take(directory / folder).has_value() && all;
  }
  return all;
}

bool Goes(const Record& r) { return r.has_launch() || r.delete_requested_ms > 0; }

}  // namespace

size_t Steps::Pass() {
  look_ = context.bell->TakeLaunchEnded() || passes_ % kLookEvery == 0;
  ++passes_;
  resting_ = 0;
  wake_ms_ = INT64_MAX;
  const auto active = context.records.Active();
  DropMemory(active);
  // What runs first: what it frees, others may take in the same pass.
  for (const SnapshotPtr& one : active) {
    if (Goes(one->record)) Step(one);
  }
  cores_in_use_ = 0;
  light_running_ = 0;
  queue_blocked_ = false;
  notes_left_ = kNotes;
  for (const SnapshotPtr& one : context.records.Active()) {
    for (const Launch& launch : one->record.launches) {
      if (launch.key.empty()) continue;
      const bool elsewhere = context.options.cluster && !one->record.kind->serves;
      if (!elsewhere) cores_in_use_ += launch.cpus;
      if (launch.cpus == 0 && !one->record.kind->serves && !one->record.terminal()) {
        ++light_running_;
      }
    }
  }
  for (const SnapshotPtr& one : active) {
    if (!Goes(one->record)) Step(one);
  }
  return std::max(context.records.Active().size(), resting_) - resting_;
}

// Drops what is known of records that have ended, now and then.
void Steps::DropMemory(const std::vector<SnapshotPtr>& active) {
  if (std::max(memory_.size(), launches_.size()) <= 4 * active.size() + 16) return;
  std::map<std::string, Memory> memory;
  std::map<std::string, LaunchMemory> launches;
  for (const SnapshotPtr& one : active) {
    if (auto known = memory_.extract(one->record.arn)) memory.insert(std::move(known));
    for (const Launch& launch : one->record.launches) {
      if (auto known = launches_.extract(launch.key)) launches.insert(std::move(known));
    }
  }
  memory_ = std::move(memory);
  launches_ = std::move(launches);
}

Status Steps::StillLeads() const {
  const meta::Lease* lease = context.env.lease;
  if (lease == nullptr || lease->Held()) return {};
  return Fail(Code::kConflict, "Fenced", "another service leads");
}

void Steps::Step(const SnapshotPtr& record) {
  const Record& r = record->record;
  now_ms_ = context.Now();
  const Status done = StepOne(record);
  const auto known = memory_.find(r.arn);
  if (done) {
    if (known != memory_.end()) known->second.complained = false;
    return;
  }
  if (done.error().code == Code::kConflict) return;
  if (std::exchange(memory_[r.arn].complained, true)) return;
  LOG(kError, "a resource cannot be moved on; trying again", {"kind", r.kind->noun},
      {"name", r.name}, {"why", done.error().message});
}

Status Steps::StepOne(const SnapshotPtr& record) {
  CLARY_CHECK_OK(StillLeads());
  const Record& r = record->record;
  if (r.delete_requested_ms > 0) return Delete(record);
  if (r.terminal()) return CleanUp(record);
  return r.kind->step(*this, record);
}

bool Steps::Admit(const Launch& launch) {
  if (launch.cpus == 0) {
    if (light_running_ >= context.options.max_rules) return false;
    ++light_running_;
    return true;
  }
  if (context.options.cluster) return true;
  if (queue_blocked_ || (cores_in_use_ > 0 && cores_in_use_ + launch.cpus > context.capacity)) {
    queue_blocked_ = true;
    return false;
  }
  cores_in_use_ += launch.cpus;
  return true;
}

void Steps::Prepare(Record& record, Launch& launch, size_t hosts) const {
  launch.key = record.key + "-" + std::to_string(record.created_ms);
  // Other kinds may have the same names. (Training jobs have the keys that release 0.1 gave them.)
  if (record.kind != &kTrainingJob) launch.key += "-" + std::string(record.kind->segment);
  if (const int n = record.launches_made++; n > 0) launch.key += "-" + std::to_string(n);
  // A launch that follows on another goes on in its streams: who tails them sees both.
  if (launch.log_streams.size() == hosts) return;
  launch.log_streams.clear();
  for (size_t host = 1; host <= hosts; ++host) {
    launch.log_streams.push_back(record.name + "/algo-" + std::to_string(host) + "-" +
                                 std::to_string(now_ms_ / 1000));
  }
}

std::filesystem::path Steps::Directory(const Launch& launch) const {
  return context.options.jobs_directory / launch.directory;
}

Status Steps::Start(const Launch& launch, const Program& program) const {
  const std::filesystem::path directory = Directory(launch);
  CLARY_CHECK_OK(MakeDirectories(directory));
  if (!launch.host.empty()) {
    // If it does not outlive a crash of the machine, nor does the host that is to read it.
    CLARY_TRY(const Fd file,
              OpenFile(directory / program.file, O_WRONLY | O_CREAT | O_TRUNC, 0600));
    CLARY_CHECK_OK(WriteAll(file.get(), program.spec));
    return api::AppendOrder(
        OrdersFor(launch),
        {.kind = api::TrialOrder::Kind::kRun, .key = launch.key, .directory = directory.string()});
  }
  CLARY_CHECK_OK(WriteFileAtomic(directory / program.file, program.spec, 0600));
  exec::LaunchSpec spec;
  spec.key = launch.key;
  spec.argv = program.command;
  spec.argv.push_back(directory.string());
  spec.env = context.options.runner_environment;
  spec.directory = directory.string();
  spec.output = (directory / program.log).string();
  if (context.options.cluster) spec.hosts = program.hosts;
  CLARY_CHECK_OK(StillLeads());
  return context.env.executor.Launch(spec);
}

std::filesystem::path Steps::OrdersFor(const Launch& launch) const {
  return context.options.jobs_directory / kHostsDirectory / launch.host / "orders.jsonl";
}

Result<bool> Steps::IsKnown(const Launch& launch) const {
  if (launch.host.empty()) {
    CLARY_TRY(const auto found, context.env.executor.Find(launch.key));
    return found.has_value();
  }
  uint64_t offset = 0;
  for (uint64_t before = UINT64_MAX; before != offset;) {
    before = offset;
    CLARY_TRY(const auto orders, api::ReadOrders(OrdersFor(launch), &offset));
    if (std::ranges::find(orders, launch.key, &api::TrialOrder::key) != orders.end()) return true;
  }
  return false;
}

Result<Sighting> Steps::Follow(const Launch& launch, bool may_start,
                               const std::function<Result<Program>()>& program) {
  using State = Sighting::State;
  LaunchMemory& memory = launches_[launch.key];
  const std::string& process = launch.host.empty() ? launch.key : launch.host;
  if (!memory.launched) {
    if (now_ms_ < memory.retry_ms) return Sighting{.state = State::kWaits, .how = ""};
    // After a restart: the launch may be running, ended, or never have happened.
    CLARY_TRY(const bool found, IsKnown(launch));
    if (!found && !may_start) return Sighting{.state = State::kNever, .how = ""};
    if (!found && !launch.host.empty()) {
      CLARY_TRY(const auto host, context.env.executor.Find(launch.host));
      if (!host || host->phase != exec::LaunchPhase::kRunning) {
        return Sighting{.state = State::kEnded, .how = "was never asked for", .lost = true};
      }
    }
    if (!found) {
      const auto made = program();
      if (!made && made.error().code == Code::kInvalidArgument) {
        return Sighting{.state = State::kRefused, .how = made.error().message};
      }
      if (const Status started = made ? Start(launch, *made) : std::unexpected(made.error());
          !started) {
        memory.retry_ms = now_ms_ + (kFirstRetryMs << memory.failures);
        if (++memory.failures < kMaxLaunchFailures) return std::unexpected(started.error());
        return Sighting{.state = State::kCannotStart, .how = started.error().message};
      }
    }
    memory.launched = true;
    memory.look = true;
  }
  memory.look = memory.look || look_;
  if (!memory.look) return Sighting{.state = State::kRuns, .how = ""};
  CLARY_TRY(const auto state, context.env.executor.Find(process));
  if (state && state->phase == exec::LaunchPhase::kRunning) {
    memory.look = false;
    return Sighting{.state = State::kRuns, .how = ""};
  }
  if (state && state->phase == exec::LaunchPhase::kRefused) {
    return Sighting{.state = State::kCannotStart, .how = state->why};
  }
  std::string lost = "was lost";
  if (state && !state->why.empty()) lost += " (" + state->why + ")";
  return Sighting{.state = State::kEnded,
                  .how = state && state->phase == exec::LaunchPhase::kExited
                             ? "ended with code " + std::to_string(state->exit_code)
                             : lost,
                  .lost = !state || state->phase != exec::LaunchPhase::kExited};
}

Status Steps::FoldEvents(Launch& launch,
                         const std::function<void(const api::JobEvent& event)>& fold) const {
  for (uint64_t before = UINT64_MAX; before != launch.events_offset;) {
    before = launch.events_offset;
    CLARY_TRY(const auto events,
              api::ReadEvents(Directory(launch) / "events.jsonl", &launch.events_offset));
    for (const api::JobEvent& event : events) {
      if (event.kind == api::JobEvent::Kind::kEnd) {
        launch.ended = true;
        launch.exit_code = event.exit_code;
        launch.detail = event.detail;
      }
      fold(event);
    }
  }
  return {};
}

Status Steps::Stop(const Launch& launch, std::chrono::milliseconds grace) {
  LaunchMemory& memory = launches_[launch.key];
  if (memory.stop_sent) return {};
  CLARY_CHECK_OK(StillLeads());
  if (launch.host.empty()) {
    CLARY_CHECK_OK(context.env.executor.Stop(launch.key, grace));
  } else {
    CLARY_CHECK_OK(api::AppendOrder(
        OrdersFor(launch),
        {.kind = api::TrialOrder::Kind::kStop, .key = launch.key, .directory = ""}));
  }
  memory.stop_sent = true;
  return {};
}

// One that was never started, as its record changed first, is as good as stopped.
Status Steps::StopIfStarted(const Launch& launch, std::chrono::milliseconds grace) {
  if (launch.key.empty()) return {};
  const Status stopped = Stop(launch, grace);
  if (!stopped && stopped.error().code != Code::kNotFound) return stopped;
  return {};
}

Status Steps::CleanUp(const SnapshotPtr& record) {
  Record next = record->record;
  bool changed = false;
  for (Launch& launch : next.launches) {
    if (launch.key.empty()) continue;
    if (!launch.host.empty()) {  // its host forgets it by itself
      launch.key.clear();
      changed = true;
      continue;
    }
    CLARY_TRY(const auto state, context.env.executor.Find(launch.key));
    if (state && state->phase == exec::LaunchPhase::kRunning) {
      if (now_ms_ - next.modified_ms > kLingerMs) {
        CLARY_CHECK_OK(context.env.executor.Stop(launch.key, kEndGrace));
      }
      continue;
    }
    CLARY_CHECK_OK(StillLeads());
    if (!RemoveRests(context.trash, Directory(launch)) && now_ms_ - next.modified_ms < kLingerMs)
      continue;
    if (state) CLARY_CHECK_OK(context.env.executor.Forget(launch.key));
    if (next.kind->serves && context.options.take_back_keys) {
      CLARY_CHECK_OK(context.options.take_back_keys(launch.key));
    }
    launch.key.clear();
    changed = true;
  }
  if (changed) CLARY_CHECK_OK(context.records.Update(record, std::move(next)));
  return {};
}

// The records go last, so that a crash before it leaves a deletion that is still asked for.
Status Steps::Delete(const SnapshotPtr& record) {
  const Record& r = record->record;
  if (r.has_launch()) {
    for (const Launch& launch : r.launches)
      CLARY_CHECK_OK(StopIfStarted(launch, r.kind->stop_grace));
    return CleanUp(record);
  }
  // What goes with it and runs (the report of a tuning job) ends first.
  bool ends = false;
  for (const SnapshotPtr& one : GoingWith(context, record)) {
    if (one->record.terminal() || !one->record.has_launch()) continue;
    for (const Launch& launch : one->record.launches)
      CLARY_CHECK_OK(StopIfStarted(launch, kEndGrace));
    ends = true;
  }
  if (ends) return {};
  Plan plan;
  CLARY_CHECK_OK(StillLeads());
  for (const SnapshotPtr& one : GoingWith(context, record)) {
    for (const Launch& launch : one->record.launches) {
      if (!launch.key.empty() && launch.host.empty()) {
        CLARY_CHECK_OK(context.env.executor.Forget(launch.key));
      }
      CLARY_CHECK_OK(context.trash.Take(Directory(launch)));
    }
    // A later one of this name must not be taken for this one by who tails "<name>/".
    if (!one->record.launches.empty() && !one->record.kind->log_group.empty()) {
      CLARY_CHECK_OK(
          context.env.logs.Remove(std::string(one->record.kind->log_group), one->record.name));
    }
    plan.Remove(one);
  }
  return context.records.Apply(std::move(plan));
}

}  // namespace clary::control
