#include "xgboost/timeline.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "xgboost/internal/job_files.h"

namespace clary::xgboost {
namespace fs = std::filesystem;
using nlohmann::json;
namespace {

constexpr int64_t kFlushUs = 30'000'000;
constexpr int64_t kShortestUs = 10'000;  // of an event that adds up phases
constexpr int64_t kShare = 2000;         // ... and at least the job's time divided by this
constexpr int64_t kAllRounds = 20'000;   // that are told one by one
constexpr int64_t kSomeRounds = 64;      // after these, one of so many
constexpr Duration kScalarPeriod(2000);
constexpr char kStep[] = "Step:ModeKeys.TRAIN";
constexpr char kHost[] = "algo-1";

}  // namespace

Timeline::Timeline(fs::path directory, Clock& clock)
    : directory_(std::move(directory)),
      start_us_(ToMillis(clock.Now()) * 1000),
      start_(std::chrono::steady_clock::now()) {
  last_us_ = flushed_us_ = told_us_ = start_us_;
}

std::unique_ptr<Timeline> Timeline::Open(const fs::path& base, Clock& clock) {
  const auto doc = ReadConfig(base, "profilerconfig.json");
  if (!doc) return nullptr;
  const auto off = doc->find("DisableProfiler");
  if (off != doc->end() && *off == true) return nullptr;
  return std::unique_ptr<Timeline>(new Timeline(base / "output/profiler", clock));
}

int64_t Timeline::Now() const {
  return start_us_ + std::chrono::duration_cast<std::chrono::microseconds>(
                         std::chrono::steady_clock::now() - start_)
                         .count();
}

void Timeline::Add(std::string_view name, int64_t begin_us) {
  last_us_ = told_us_ = Now();
  events_.push_back({.name = std::string(name),
                     .process = "job",
                     .begin_us = begin_us,
                     .duration_us = last_us_ - begin_us});
}

void Timeline::Round(int64_t step, std::span<const gbdt::PhaseTime> phases) {
  const int64_t now = Now();
  for (const gbdt::PhaseTime& p : phases) {
    const auto us = static_cast<int64_t>(p.seconds * 1e6);
    if (p.name == "binning") {  // before the first round
      events_.push_back(
          {.name = "binning", .process = "job", .begin_us = last_us_, .duration_us = us});
      last_us_ = std::min(last_us_ + us, now);
      told_us_ = last_us_;
      continue;
    }
    const auto known = std::ranges::find(phases_, p.name, &std::pair<std::string, double>::first);
    if (known != phases_.end()) {
      known->second += p.seconds;
    } else {
      phases_.emplace_back(p.name, p.seconds);
    }
  }
  if (rounds_++ < kAllRounds || rounds_ % kSomeRounds == 0) {
    events_.push_back({.name = kStep,
                       .process = kStep,
                       .begin_us = last_us_,
                       .duration_us = now - last_us_,
                       .step = step});
  }
  last_us_ = now;
  if (now - told_us_ < std::max(kShortestUs, (now - start_us_) / kShare)) return;
  int64_t at = told_us_;
  for (const auto& [name, seconds] : phases_) {
    const auto us = static_cast<int64_t>(seconds * 1e6);
    events_.push_back(
        {.name = name, .process = "engine", .begin_us = at, .duration_us = us, .step = step});
    at += us;
  }
  phases_.clear();
  told_us_ = now;
}

Status Timeline::Flush(bool end) {
  const int64_t now = Now();
  if (events_.empty() || (!end && now - flushed_us_ < kFlushUs)) return {};
  if (end && !phases_.empty()) {
    int64_t at = told_us_;
    for (const auto& [name, seconds] : phases_) {
      const auto us = static_cast<int64_t>(seconds * 1e6);
      events_.push_back({.name = name,
                         .process = "engine",
                         .begin_us = at,
                         .duration_us = us,
                         .step = std::max<int64_t>(rounds_ - 1, 0)});
      at += us;
    }
    phases_.clear();
  }
  int64_t last = 0;
  for (const auto& e : events_) last = std::max(last, e.begin_us + e.duration_us);
  flushed_us_ = now;
  const std::string text = debugger::WriteTrace(events_);
  events_.clear();
  const fs::path file = directory_ / debugger::TraceFileName(last, kHost, "pythontimeline");
  CLARY_CHECK_OK(MakeDirectories(file.parent_path()));
  return ReplaceFile(file, text);
}

std::unique_ptr<TensorBoardLog> TensorBoardLog::Open(const fs::path& base, Clock& clock) {
  const auto doc = ReadConfig(base, "tensorboardoutputconfig.json");
  if (!doc) return nullptr;
  const std::string path = ConfigText(*doc, "LocalPath", "/opt/ml/output/tensorboard");
  return std::unique_ptr<TensorBoardLog>(new TensorBoardLog(PlaceInJob(base, path), clock));
}

Status TensorBoardLog::Round(int64_t step, std::span<const gbdt::MetricValue> metrics, bool last) {
  for (const gbdt::MetricValue& m : metrics) {
    auto& run = runs_[m.dataset];
    if (!run) {
      CLARY_TRY(run, debugger::ScalarWriter::Open(directory_ / m.dataset, kHost, clock_));
    }
    run->Add(m.metric, step, m.value);
  }
  if (!last && clock_.Now() - flushed_ < kScalarPeriod) return {};
  flushed_ = clock_.Now();
  for (const auto& [name, run] : runs_) CLARY_CHECK_OK(run->Flush());
  return {};
}

}  // namespace clary::xgboost
