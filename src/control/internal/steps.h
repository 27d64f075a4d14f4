// What moves records on: one pass over all that are not settled, and what a kind's step may do in
// it. Launches of all kinds are started, followed, stopped and forgotten here.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/job_spec.h"
#include "control/internal/context.h"
#include "control/internal/file_bell.h"

namespace clary::control {

// What a launch runs: `spec` is written as `file` into its directory, and `command` is run on that
// directory; what the process itself prints goes to `log` there.
struct Program {
  std::vector<std::string> command;
  const char* file = "";
  std::string spec;
  const char* log = "";
  std::vector<exec::HostNeed> hosts = {};  // what it needs of a cluster; empty: it runs here always
};

// Below the jobs directory: trial hosts, by the key of their launch.
inline constexpr std::string_view kHostsDirectory = "tuning_jobs";

// How a launch was seen.
struct Sighting {
  enum class State {
    kWaits,  // it could not be started and is tried again later
    kRuns,
    kEnded,        // its process is gone; `how` says how
    kNever,        // it was never started, and may not be any more
    kCannotStart,  // the executor refused it too often; `how` says why
    kRefused,      // there is no program to start, for a reason of its user's; `how` says it
  };
  State state = State::kRuns;
  std::string how;
  bool lost = false;  // kEnded: nobody saw its end
};

// The reconciler's hands in one pass. One thread.
class Steps {
 public:
  explicit Steps(Context& given) : context(given) {}

  Context& context;
  int64_t now_ms() const { return now_ms_; }

  // Whether this launch may begin now; it holds its cores from then on. First come, first served: a
  // small launch does not overtake a large one that waits. One that takes no cores (a rule) is only
  // counted.
  bool Admit(const Launch& launch);
  // A write for a record that only waits: false when this pass has done enough of them.
  bool MayNote() { return notes_left_-- > 0; }
  // Gives `launch`, which is one of `record`, a new key, and log streams unless it has them. The
  // record must be written before Follow() starts it.
  void Prepare(Record& record, Launch& launch, size_t hosts = 1) const;
  // Starts the launch if nothing is known of it and `may_start`, and looks how it is. An error is
  // one of the executor or of `program`: try again in the next pass. kInvalidArgument of `program`
  // is final.
  Result<Sighting> Follow(const Launch& launch, bool may_start,
                          const std::function<Result<Program>()>& program);
  // Takes the facts of its events.jsonl that are new into `launch`, and hands each to `fold`.
  Status FoldEvents(Launch& launch,
                    const std::function<void(const api::JobEvent& event)>& fold) const;
  // Once: SIGTERM, and SIGKILL after `grace`.
  Status Stop(const Launch& launch, std::chrono::milliseconds grace);
  std::filesystem::path Directory(const Launch& launch) const;
  // Called by a step that has nothing to do until something rings (a write, a line in a watched
  // file, the end of a launch), or until `ms`.
  void Rest(int64_t ms = INT64_MAX) {
    ++resting_;
    wake_ms_ = std::min(wake_ms_, ms);
  }
  // The same of one that a watched file wakes, which may be missed: some tenths of a second.
  void Doze() {
    if (context.file_bell && context.file_bell->hears()) Rest(now_ms_ + kDozeMs);
  }
  // A number that a kind keeps with a record in this process only; 0 at first.
  uint64_t& Note(const Record& record) { return memory_[record.arn].note; }
  // What a kind keeps with a record in this process only, of the kind's type T: a new one at first,
  // and after a record of this ARN was deleted the one of that.
  template <typename T>
  T& Keep(const Record& record) {
    auto& kept = memory_[record.arn].kept;
    if (!kept) kept = std::make_shared<T>();
    return *std::static_pointer_cast<T>(kept);
  }

  size_t Pass();  // returns how many are neither settled nor at rest
  // When one of those at rest wants to be looked at; INT64_MAX: never.
  int64_t wake_ms() const { return wake_ms_; }

 private:
  static constexpr int64_t kDozeMs = 100;
  // What is known in this process only.
  struct LaunchMemory {
    bool launched = false;  // the executor has it
    bool stop_sent = false;
    bool look = false;  // it may have ended
    int failures = 0;   // of launching, in a row
    int64_t retry_ms = 0;
  };
  struct Memory {
    bool complained = false;  // one log line per trouble
    uint64_t note = 0;
    std::shared_ptr<void> kept;
  };

  // Asked before something is done that no fence holds back: kConflict if another service leads.
  Status StillLeads() const;
  void Step(const SnapshotPtr& record);
  Status StepOne(const SnapshotPtr& record);
  // Forgets the launches of a record that has ended.
  Status CleanUp(const SnapshotPtr& record);
  Status Delete(const SnapshotPtr& record);
  Status StopIfStarted(const Launch& launch, std::chrono::milliseconds grace);
  void DropMemory(const std::vector<SnapshotPtr>& active);
  // Whether the executor, or its host, was told of the launch before.
  Result<bool> IsKnown(const Launch& launch) const;
  Status Start(const Launch& launch, const Program& program) const;
  std::filesystem::path OrdersFor(const Launch& launch) const;

  uint64_t passes_ = 0;
  int64_t now_ms_ = 0;
  size_t resting_ = 0;
  int64_t wake_ms_ = INT64_MAX;
  bool look_ = false;
  int cores_in_use_ = 0;
  int light_running_ = 0;  // launches without cores
  bool queue_blocked_ = false;
  int notes_left_ = 0;
  std::map<std::string, Memory> memory_;          // by ARN
  std::map<std::string, LaunchMemory> launches_;  // by key
};

}  // namespace clary::control
