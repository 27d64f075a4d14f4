// What a runner holds of its host while a job runs: the job's events, the signal that stops it, the
// cores that it has for itself.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "api/job_spec.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"

namespace clary::runner {

// events.jsonl: whole lines, each in one write.
class EventFile {
 public:
  static Result<EventFile> Open(const std::filesystem::path& path, Clock& clock);
  Status Append(api::JobEvent event);
  Status Sync() { return SyncFile(fd_.get()); }

 private:
  EventFile(Fd fd, Clock& clock) : fd_(std::move(fd)), clock_(&clock) {}
  Fd fd_;
  Clock* clock_;
};

// For a process that could not run the launch in `directory` and has told of no end: without one it
// would only be lost, so this appends one with `detail`, if the disk lets us. Returns the process's
// exit status.
int AppendFailure(const std::filesystem::path& directory, std::string detail);

// SIGTERM, or SIGINT, as something to poll. A SIGTERM of a cluster that takes its machine back
// (exec/allocation.h) ends the process. Blocks the signal for the process (and threads made later).
class StopSignal {
 public:
  static Result<StopSignal> Make();
  int fd() const { return fd_.get(); }
  bool Requested();
  // Before an end is told: on a cluster, waits a moment for its SIGTERM, since that of the program
  // may have come first.
  void AwaitCluster();

 private:
  explicit StopSignal(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
  bool requested_ = false;
};

// Cores of this machine that this job has for itself: a lock file per core under `dir`, held by
// the runner. Empty (no pinning) when the job wants all cores or too few are free.
struct Cores {
  std::vector<int> cores;
  std::vector<Fd> locks;
};
Cores ClaimCores(const std::filesystem::path& dir, int wanted);

// The cores that this process may use.
std::vector<int> MachineCores();

// The cores that a job may use which asks for `wanted` (0: all).
int UsableCores(int wanted);

}  // namespace clary::runner
