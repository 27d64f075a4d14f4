// The built-in XGBoost's own account of its time: the traces of docs/formats/profiler-output.md,
// and the scalars of TensorBoard.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "clary/gbdt.h"
#include "debugger/profiler_files.h"
#include "debugger/tensorboard_writer.h"

namespace clary::xgboost {

// One thread at a time. A trace file holds half a minute, so that a report can follow. Rounds are
// told one by one at first; the phases of short rounds are added up, and of very many rounds only
// some are told: the files of a job stay below some ten megabytes.
class Timeline {
 public:
  // Null if input/config/profilerconfig.json is missing or disables the profiler.
  static std::unique_ptr<Timeline> Open(const std::filesystem::path& base, Clock& clock);

  int64_t Now() const;  // microseconds since 1970
  // Something that is of no round, from `begin_us` until now.
  void Add(std::string_view name, int64_t begin_us);
  // A round ends now. It began when the last one ended, or this timeline's last event.
  void Round(int64_t step, std::span<const gbdt::PhaseTime> phases);
  // Writes what was added, if half a minute has passed or it is the end.
  Status Flush(bool end);

 private:
  Timeline(std::filesystem::path directory, Clock& clock);

  const std::filesystem::path directory_;  // profiler-output/
  const int64_t start_us_;
  const std::chrono::steady_clock::time_point start_;
  std::vector<debugger::TraceEvent> events_;
  int64_t last_us_ = 0;  // the end of the last round or event
  int64_t flushed_us_ = 0;
  int64_t told_us_ = 0;  // up to here phases were told
  int64_t rounds_ = 0;
  std::vector<std::pair<std::string, double>> phases_;  // seconds since told_us_
};

// The metrics of each data set as a TensorBoard run of its own, tag = metric, step = round.
class TensorBoardLog {
 public:
  // Null if input/config/tensorboardoutputconfig.json is missing.
  static std::unique_ptr<TensorBoardLog> Open(const std::filesystem::path& base, Clock& clock);
  // Written about every two seconds, and with the last round.
  Status Round(int64_t step, std::span<const gbdt::MetricValue> metrics, bool last);

 private:
  TensorBoardLog(std::filesystem::path directory, Clock& clock)
      : directory_(std::move(directory)), clock_(clock), flushed_(clock.Now()) {}

  const std::filesystem::path directory_;
  Clock& clock_;
  Time flushed_;
  std::map<std::string, std::unique_ptr<debugger::ScalarWriter>> runs_;  // by data set
};

}  // namespace clary::xgboost
