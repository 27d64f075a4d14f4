// What the profiling report shows, computed from a profile.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "debugger/profiler_files.h"
#include "debugger/report_context.h"
#include "debugger/report_statistics.h"

namespace clary::debugger {

struct PhaseSeconds {
  std::string name;
  double seconds = 0;
};

struct RoundTime {
  int64_t round = 0;
  double milliseconds = 0;
  std::map<std::string, double> phases;  // milliseconds
};

// A metric over time, in at most about 300 points, each the mean of its time.
struct TimeLine {
  std::string name;
  std::vector<std::pair<double, double>> points;  // seconds since `begin`, value
};
struct TimeLines {
  std::string id;  // "cpu", "memory", "disk", "network", "wait", "gpu"
  std::string unit;
  std::vector<TimeLine> lines;
};

struct UsageRow {
  std::string node, metric, unit;
  double max = 0, p99 = 0, p95 = 0, p50 = 0, min = 0;
  size_t samples = 0;
};

struct ProfileFigures {
  double begin = 0;                  // seconds since 1970
  double seconds = 0;                // from the first thing seen to the last
  std::vector<PhaseSeconds> job;     // download, load, rounds, ..., other; they sum to `seconds`
  std::vector<PhaseSeconds> engine;  // phases of the rounds, summed over all, and other
  std::vector<std::pair<std::string, std::pair<double, double>>> spans;  // name: begin, seconds
  std::vector<RoundTime> rounds;                                         // ascending
  double round_mean = 0, round_std = 0;                                  // milliseconds; population
  std::vector<double> round_sorted;                                      // milliseconds, ascending
  std::vector<size_t> outliers;  // of `rounds`: over mean + 3 std, the slowest first, at most 20
  double core_bucket = 0;        // seconds a column
  std::vector<std::string> cores;
  std::vector<std::vector<double>> core_percent;  // [core][column]; NaN without a sample
  std::vector<TimeLines> lines;
  std::vector<UsageRow> usage;
  double memory_max = 0;     // percent
  double memory_growth = 0;  // percent points a minute over the second half; 0 if too short
};

ProfileFigures ComputeProfile(const Profile& profile, const ReportContext& context);

}  // namespace clary::debugger
