// One program of a job on its way from start to end: what it prints goes to the log, a stop reaches
// it, and it is ended before it has filled the disk.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "runner/host.h"
#include "runner/job_log.h"
#include "runner/program.h"

namespace clary::runner {

class Pipes;

// What a program may keep in its folders.
struct DiskQuota {
  uint64_t bytes = 0;  // 0: no limit
  std::vector<std::filesystem::path> folders = {};
};

// How a program ended, as far as its contract asks.
struct Ended {
  int exit_code = 0;
  bool stopped = false;             // it was told to
  bool out_of_memory = false;       // the kernel ended it for the memory that it used
  bool disk_filled = false;         // it was ended for that
  bool over_quota = false;          // likewise
  bool too_many_processes = false;  // likewise
  bool timed_out = false;           // likewise: FollowOptions::limit
  std::string last_output;          // the end of what it printed
};

struct FollowOptions {
  StopSignal& stop;
  JobLog& log;
  std::chrono::milliseconds grace;     // between SIGTERM and SIGKILL
  std::chrono::milliseconds limit{0};  // it is told to stop after that; 0: never
  bool guard_disk = false;             // end a program that leaves too little of its disk
  DiskQuota quota = {};                // end a program that keeps more
  size_t max_processes = 0;            // end a program that has more, threads included; 0: no limit
  std::filesystem::path contact;       // JobSpec::contact
  Pipes* pipes = nullptr;              // fed while it runs; one that breaks ends the program
  std::function<void(pid_t pid)> started = {};  // called once it runs
};

// What a user's program may not do to the machine: leave the service too little of the disk, which
// it writes to as well, or have too many processes. Looks are cheap; take one every kLook.
class Guard {
 public:
  static constexpr std::chrono::milliseconds kLook{200};
  enum class Verdict { kFine, kDiskFilled, kTooManyProcesses };

  // Of `disk`, with guard_disk and max_processes as FollowOptions has them. Make it before the
  // program starts.
  Guard(const std::filesystem::path& disk, bool guard_disk, size_t max_processes);
  bool watches() const { return reserve_ > 0 || max_processes_ > 0; }
  Verdict Look(const Program& program) const;

 private:
  std::filesystem::path disk_;
  uint64_t reserve_ = 0;  // bytes left to the service; 0: not looked at
  size_t max_processes_ = 0;
  size_t tasks_before_ = 0;  // of the machine
};

// Blocks until the program has ended. Forks: call it while this process has one thread.
Result<Ended> Follow(const ProgramSpec& program, const FollowOptions& options);

// Bytes of the disk of `path` that its user may still write.
uint64_t FreeDisk(const std::filesystem::path& path);

}  // namespace clary::runner
