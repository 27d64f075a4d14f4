#include "xgboost/internal/shap_average.h"

#include <fmt/format.h>

#include <algorithm>

namespace clary::xgboost {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kShare = 20;       // of the time of training that may be spent
constexpr size_t kLeast = 8;     // rows that are kept in any case
constexpr size_t kProbe = 8;     // rows that tell what a row costs
constexpr size_t kChunk = 4096;  // rows at a time
constexpr size_t kMaxSums = 4'000'000;

}  // namespace

std::vector<uint32_t> EvenSample(size_t total, size_t count) {
  count = std::min(count, total);
  std::vector<uint32_t> out(count);
  for (size_t i = 0; i < count; ++i) out[i] = static_cast<uint32_t>(i * total / count);
  return out;
}

ShapAverage::ShapAverage(gbdt::Dataset train, bool adds, int threads)
    : train_(std::move(train)), adds_(adds), threads_(threads), columns_(train_.columns()) {}

Status ShapAverage::Add(const gbdt::Model& model, int begin, int end, size_t from, size_t to) {
  const auto outputs = static_cast<size_t>(model.num_output());
  for (; from < to; from += kChunk) {
    const size_t n = std::min(kChunk, to - from);
    const std::span<const uint32_t> rows(rows_.data() + from, n);
    CLARY_TRY(const auto values,
              model.Predict(train_.Subset(rows), {.kind = gbdt::PredictKind::kContributions,
                                                  .round_begin = begin,
                                                  .round_end = end,
                                                  .threads = threads_}));
    const size_t width = values.size() / (n * outputs);
    for (size_t r = 0; r < n * outputs; ++r) {
      double* const sums = &sums_[(from + r / outputs) * columns_];
      for (size_t f = 0; f < columns_; ++f) sums[f] += values[r * width + f];
    }
  }
  return {};
}

void ShapAverage::Halve() {
  const size_t kept = (rows_.size() + 1) / 2;
  for (size_t i = 1; i < kept; ++i) {
    rows_[i] = rows_[2 * i];
    std::copy_n(sums_.begin() + static_cast<std::ptrdiff_t>(2 * i * columns_), columns_,
                sums_.begin() + static_cast<std::ptrdiff_t>(i * columns_));
  }
  rows_.resize(kept);
  sums_.resize(kept * columns_);
}

Result<std::vector<float>> ShapAverage::After(const gbdt::RoundReport& report,
                                              Clock::duration elapsed) {
  const Clock::time_point began = Clock::now();
  const int rounds = report.model.num_round();
  if (rows_.empty()) {
    // The share of the time so far and of the rounds to come, as long as this one, buys how many
    // rows?
    rows_ = EvenSample(train_.rows(), kProbe);
    sums_.assign(rows_.size() * columns_, 0);
    CLARY_CHECK_OK(Add(report.model, 0, rounds, 0, rows_.size()));
    const Clock::duration probe = Clock::now() - began;
    double round = 0;
    for (const gbdt::PhaseTime& phase : report.phases) {
      if (phase.name != "binning") round += phase.seconds;
    }
    const double row = std::chrono::duration<double>(probe).count() /
                       static_cast<double>(rows_.size() * static_cast<size_t>(rounds));
    const double fit = round / kShare / std::max(row, 1e-9);
    const size_t most = std::min(kMost, std::max(kMaxSums / std::max<size_t>(columns_, 1), kLeast));
    rows_ =
        EvenSample(train_.rows(), static_cast<size_t>(std::clamp(fit, static_cast<double>(kLeast),
                                                                 static_cast<double>(most))));
    sums_.assign(rows_.size() * columns_, 0);
  }
  if (!adds_) {
    seen_ = 0;
    std::ranges::fill(sums_, 0);
  }
  // Behind its time: half of the rows must do from here on.
  if (spent_ * kShare > elapsed && rows_.size() > kLeast) Halve();
  CLARY_CHECK_OK(Add(report.model, seen_, rounds, 0, rows_.size()));
  seen_ = rounds;
  std::vector<double> sum(columns_, 0);
  for (size_t i = 0; i < sums_.size(); ++i) sum[i % columns_] += sums_[i];
  const auto count =
      static_cast<double>(rows_.size() * static_cast<size_t>(report.model.num_output()));
  std::vector<float> means(columns_);
  for (size_t f = 0; f < columns_; ++f) means[f] = static_cast<float>(sum[f] / count);
  spent_ += Clock::now() - began;
  return means;
}

std::string ShapAverage::Said() const {
  return fmt::format("Debugger: average_shap is of {} of {} training rows, evenly spaced.",
                     rows_.size(), train_.rows());
}

}  // namespace clary::xgboost
