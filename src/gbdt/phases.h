// Where the time of training goes.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

#include "clary/gbdt.h"

namespace clary::gbdt {

enum class Phase : uint8_t {
  kBinning,
  kGradient,
  kHistogram,
  kSplit,
  kPartition,
  kPredict,
  kEvaluate,
  kOther,  // not reported: the observer's own time
};
inline constexpr std::string_view kPhaseNames[] = {"binning",   "gradient", "histogram", "split",
                                                   "partition", "predict",  "evaluate"};

// A stopwatch that is always in exactly one phase. Changing it costs one reading of the clock (some
// 30 ns), a few dozen times a round. For the thread that drives training.
class PhaseClock {
 public:
  void Enter(Phase phase) {
    const auto now = std::chrono::steady_clock::now();
    spent_[static_cast<size_t>(current_)] += now - since_;
    since_ = now;
    current_ = phase;
  }
  // What each phase took since the last call, in the order of the enumeration, without those that
  // took nothing.
  std::vector<PhaseTime> Take() {
    Enter(current_);
    std::vector<PhaseTime> out;
    for (size_t p = 0; p < std::size(kPhaseNames); ++p) {
      if (spent_[p].count() > 0) {
        out.push_back({kPhaseNames[p], std::chrono::duration<double>(spent_[p]).count()});
      }
    }
    spent_ = {};
    return out;
  }

 private:
  Phase current_ = Phase::kBinning;
  std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
  std::array<std::chrono::steady_clock::duration, std::size(kPhaseNames) + 1> spent_{};
};

}  // namespace clary::gbdt
