// What a job's processes use of the machine, sampled while they run: the system files of
// docs/formats/profiler-output.md.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace clary::runner {

// Reads the kernel's counters of one process and all its descendants. A counter that cannot be read
// (a process that just ended, a kernel without it) counts as zero. One thread at a time.
class Monitor {
 public:
  struct Options {
    pid_t root = 0;             // the first process
    std::vector<int> cores;     // those that the job may use; empty: all that this process may
    uint64_t memory_bytes = 0;  // what 100 % of memory is; 0: the machine's
    Duration interval{500};
    std::string host = "algo-1";
    std::filesystem::path directory;  // profiler-output/
    std::filesystem::path proc = "/proc";
  };
  Monitor(Options options, Clock& clock);

  // Adds one sample of everything to the lines that Flush will write; nothing if the root has
  // ended. The first call only sets the starting point of what is counted up.
  void Sample();
  // Appends what was sampled to the file of its minute.
  Status Flush();
  // Samples every `interval` (more often in the first second) until stopped, and writes about every
  // two seconds. kResourceExhausted "DiskFull" and the like end it.
  Status Run(std::stop_token stop);

 private:
  struct Counters {
    double time = 0;                       // seconds since 1970
    std::map<pid_t, uint64_t> thread_ns;   // CPU time of each thread
    std::map<int, uint64_t> core_busy_ns;  // added up since the last sample, by core
    uint64_t read_bytes = 0;
    uint64_t write_bytes = 0;
    uint64_t received = 0;
    uint64_t sent = 0;
    std::map<int, std::pair<uint64_t, uint64_t>> core_wait;  // waiting for I/O, all; in ticks
  };
  void ReadThreads(pid_t pid, Counters& now);
  void ReadIo(pid_t pid);
  void Emit(const char* type, const std::string& name, const char* dimension, double value);

  const Options options_;
  Clock& clock_;
  std::vector<int> cores_;
  uint64_t memory_bytes_ = 0;
  bool started_ = false;
  Counters last_;
  std::map<pid_t, std::pair<uint64_t, uint64_t>> io_;  // bytes read and written by each process
  uint64_t read_total_ = 0;                            // by all, also those that have ended
  uint64_t write_total_ = 0;
  std::string file_;  // of the minute that lines_ belong to, below the directory
  std::string lines_;
  Status broken_;
};

}  // namespace clary::runner
