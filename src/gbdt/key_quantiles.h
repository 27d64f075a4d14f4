// Evenly spaced ranks of unsorted values, for the cuts of features with many distinct ones.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace clary::gbdt {

// Divides the range of some keys into buckets, narrow where keys are dense: evenly at first, then
// each part by the share of the keys that it holds, as some of them tell. For Kernels::bucket_keys.
struct KeyBuckets {
  uint32_t least = 0;
  uint32_t shift = 0;
  std::vector<uint32_t> split;
  uint32_t count = 0;  // buckets; more than `splits`, less than twice as many and 2^12

  // For keys in [least, most], at least 16 of them, of which every `step`-th tells. splits <= 2^14.
  void Divide(std::span<const uint32_t> keys, size_t step, uint32_t least_key, uint32_t most_key,
              size_t splits);
};

// Many keys are not sorted but counted in some thousand buckets, narrow where keys are dense; only
// the keys of buckets that hold a wanted rank are looked at again. Scratch is kept between calls.
class KeyQuantiles {
 public:
  // Of n keys with at most bins + 1 distinct ones: true, and those, ascending, in `out`. Else
  // false, and in `out`, each once, the keys at the sorted positions
  // floor(first + k (n - first - last) / bins), k = 1 .. bins - 1, where `first` and `last` are how
  // often the least and the greatest key occur. n < 2^31.
  bool Find(std::span<const uint32_t> keys, size_t bins, std::vector<uint32_t>& out);

  // Of the last call's keys, if there were any.
  uint32_t least() const { return least_; }
  uint32_t most() const { return most_; }

 private:
  // The wanted ranks of one bucket.
  struct Wanted {
    size_t begin;  // of the bucket's keys in picked_
    size_t count;
    size_t first_rank;  // in ranks_; ranks within the bucket
    size_t ranks;
  };

  bool FindSorted(size_t bins, std::vector<uint32_t>& out) const;
  void CountBuckets(std::span<const uint32_t> keys);
  bool FindRepeated(std::span<const uint32_t> keys, std::vector<uint32_t>& out);
  void FindRanks(std::span<const uint32_t> keys, size_t bins, std::vector<uint32_t>& out);

  uint32_t least_ = 0;
  uint32_t most_ = 0;
  std::vector<uint32_t> sorted_;
  std::vector<uint32_t> scratch_;
  KeyBuckets buckets_;
  std::vector<uint32_t> counts_;  // [buckets]
  std::vector<uint16_t> bucket_;  // [keys]
  std::vector<uint32_t> slot_;    // [buckets]
  std::vector<uint32_t> bits_;    // [buckets], in words of 32: wanted
  std::vector<uint16_t> from_;    // buckets of picked keys
  std::vector<uint32_t> picked_;  // by bucket
  std::vector<Wanted> wanted_;
  std::vector<size_t> ranks_;
};

}  // namespace clary::gbdt
