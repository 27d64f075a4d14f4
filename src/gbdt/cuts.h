// Quantile cuts: where each feature's values are divided into bins.
//
// Bin i of a feature holds the values in [cut i-1, cut i). The cuts are XGBoost's: with at most
// max_bin distinct values, the second to the last of them, so that each has a bin of its own; else
// values at evenly spaced (weighted) ranks. The last cut lies above every value.
//
// Ranks are exact in sparse data, and in dense data up to a limit: a feature that has values in
// more than 1536 max_bin rows (at least 393,216; 1,572,864 if there are weights) takes them from
// half of those rows, or a quarter, and so on, so that at least half the limit remain. The rows are
// drawn evenly, one of each 2, 4, ... successive ones, and always the same. The rows in a bin then
// differ by 3 to 4 % (a standard deviation) from those of exact ranks, as those of XGBoost's sketch
// do (docs/benchmarks.md). Of a feature with more than max_bin distinct values of which the sample
// has no more than that, each sampled value gets a bin, and the others share that of the next lower
// one.
//
// A categorical feature has a bin for each category 0 .. k - 1, whatever max_bin says, and one more
// for values that are no category of the training data (see BinnedMatrix).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "clary/gbdt.h"

namespace clary::gbdt {

struct Cuts {
  std::vector<uint32_t> begin;       // [features + 1]: feature f owns cuts [begin[f], begin[f + 1])
  std::vector<float> value;          // ascending within a feature
  std::vector<float> min_value;      // [features]: a threshold below every value
  std::vector<uint8_t> has_missing;  // [features]: some row has no value
  std::vector<uint8_t> categorical;  // [features], or empty if no feature is
  std::vector<float> present_share;  // [features]: of the rows, those with a value

  uint32_t features() const { return static_cast<uint32_t>(begin.size()) - 1; }
  uint32_t bins(uint32_t f) const { return begin[f + 1] - begin[f]; }
  std::span<const float> of(uint32_t f) const {
    return std::span(value).subspan(begin[f], bins(f));
  }
  bool is_categorical(uint32_t f) const { return !categorical.empty() && categorical[f] != 0; }
  // How many categories the training data has of feature f, counting those below the largest.
  uint32_t categories(uint32_t f) const { return bins(f) - 1; }
  uint32_t max_bins() const;
};

// `weights` is empty or [rows]; rows of weight 0 make no cuts, but lie between the first and the
// last. The result does not depend on the size of the pool. A feature with
// missing values and more than 255 distinct ones gets at most 255 bins if max_bin is 256, so that
// a bin and "missing" fit one byte.
Cuts ComputeCuts(const Dataset& data, std::span<const float> weights, int max_bin,
                 ThreadPool& pool);

}  // namespace clary::gbdt
