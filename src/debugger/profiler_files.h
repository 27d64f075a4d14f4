// A job's profiler-output: docs/formats/profiler-output.md.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "debugger/trial.h"

namespace clary::debugger {

// One value of a system metric.
struct SystemSample {
  double time = 0;        // seconds since 1970
  std::string type;       // "cpu", "memory", "gpu", "i/o", "network"
  std::string name;       // "cpu0", "MemoryUsedPercent", ...
  std::string dimension;  // "CPUUtilization", ...; may be empty
  std::string node;       // "algo-1"
  double value = 0;
};

// One event of a trace.
struct TraceEvent {
  std::string name;      // "Step:ModeKeys.TRAIN", "histogram", ...
  std::string process;   // the row of the trace that it stands in
  std::string node;      // "0-algo-1"
  int64_t begin_us = 0;  // since 1970
  int64_t duration_us = 0;
  int64_t step = -1;    // -1: of no step
  int64_t worker = -1;  // the operating system's number of the process it ran in; -1: not told
  bool is_step() const { return name.starts_with("Step:ModeKeys"); }
};

// One sample as a line of a system file, with the line end.
std::string SystemSampleLine(const SystemSample& sample);
// Whole lines of a system file; a last one without its end is left out. kDataLoss "BadProfile" for
// what is no sample.
Result<std::vector<SystemSample>> ParseSystemFile(std::string_view text);
// A trace file of events in any order. Nodes are not in it: its name says them.
std::string WriteTrace(const std::vector<TraceEvent>& events);
// The complete events ("ph": "X") of a trace file; others are left out. kDataLoss "BadProfile".
Result<std::vector<TraceEvent>> ParseTrace(std::string_view text, std::string_view node);

// "system/incremental/2026112310/1795428180.algo-1.json"
std::string SystemFileName(Time time, std::string_view host);
// "framework/pevents/2026112310/1795428188000000_0-algo-1_pythontimeline.json"
std::string TraceFileName(int64_t end_us, std::string_view host, std::string_view kind);

// What has been profiled so far. One thread at a time.
class Profile {
 public:
  // `files` has the root profiler-output/.
  explicit Profile(std::unique_ptr<TrialFiles> files) : files_(std::move(files)) {}

  // Reads what is new. Broken files: kDataLoss "BadProfile".
  Status Refresh();

  bool ended() const { return ended_; }  // the end marker was there at the last Refresh
  const std::vector<SystemSample>& system() const { return system_; }  // ascending in time
  const std::vector<TraceEvent>& events() const { return events_; }    // ascending in begin_us

 private:
  std::unique_ptr<TrialFiles> files_;
  std::map<std::string, size_t> taken_;  // of a system file: how many samples
  std::set<std::string> complete_;       // files that are not read again
  std::vector<SystemSample> system_;
  std::vector<TraceEvent> events_;
  bool ended_ = false;
};

}  // namespace clary::debugger
