#include "gbdt/key_quantiles.h"

#include <algorithm>
#include <bit>

#include "gbdt/internal/radix_sort.h"
#include "gbdt/kernels.h"

namespace clary::gbdt {
namespace {

constexpr size_t kSortedKeys = 1024;  // up to here sorting is as fast
constexpr int kMaxCoarseBits = 11;
constexpr size_t kMaxSplits = 8192;  // buckets that coarse ones are divided into, about

// The position of the k-th of `bins` - 1 wanted ranks.
size_t RankAt(size_t k, size_t bins, size_t first, size_t range) {
  return static_cast<size_t>(static_cast<double>(first) + static_cast<double>(k) *
                                                              static_cast<double>(range) /
                                                              static_cast<double>(bins));
}

void AddNew(uint32_t key, std::vector<uint32_t>& out) {
  if (out.empty() || out.back() != key) out.push_back(key);
}

}  // namespace

bool KeyQuantiles::Find(std::span<const uint32_t> keys, size_t bins, std::vector<uint32_t>& out) {
  out.clear();
  if (keys.empty()) return true;
  if (keys.size() <= kSortedKeys) {
    sorted_.assign(keys.begin(), keys.end());
    RadixSort<8>(sorted_, scratch_);
    least_ = sorted_.front();
    most_ = sorted_.back();
    return FindSorted(bins, out);
  }
  BestKernels().key_range(keys.data(), keys.size(), &least_, &most_);
  CountBuckets(keys);
  const auto used = counts_.size() - static_cast<size_t>(std::ranges::count(counts_, 0U));
  if (used > bins + 1) {
    FindRanks(keys, bins, out);
    return false;
  }
  if (FindRepeated(keys, out)) return true;
  sorted_.assign(keys.begin(), keys.end());
  RadixSort(sorted_, scratch_);
  return FindSorted(bins, out);
}

bool KeyQuantiles::FindSorted(size_t bins, std::vector<uint32_t>& out) const {
  const size_t n = sorted_.size();
  for (size_t i = 0; i < n && out.size() <= bins + 1; ++i) AddNew(sorted_[i], out);
  if (out.size() <= bins + 1) return true;
  out.clear();
  const auto first =
      static_cast<size_t>(std::ranges::upper_bound(sorted_, least_) - sorted_.begin());
  const auto last = static_cast<size_t>(sorted_.end() - std::ranges::lower_bound(sorted_, most_));
  for (size_t k = 1; k < bins; ++k) AddNew(sorted_[RankAt(k, bins, first, n - first - last)], out);
  return false;
}

void KeyBuckets::Divide(std::span<const uint32_t> keys, size_t step, uint32_t least_key,
                        uint32_t most_key, size_t splits) {
  least = least_key;
  const uint32_t range = most_key - least;
  const int coarse = std::min(static_cast<int>(std::bit_width(keys.size())) - 3, kMaxCoarseBits);
  shift = static_cast<uint32_t>(std::max(0, static_cast<int>(std::bit_width(range)) - coarse));
  split.assign((range >> shift) + 1, 0);
  for (size_t i = 0; i < keys.size(); i += step) ++split[(keys[i] - least) >> shift];
  const double per_key = static_cast<double>(splits * step) / static_cast<double>(keys.size());
  count = 0;
  for (uint32_t& part : split) {
    const auto share = static_cast<uint32_t>(static_cast<double>(part) * per_key);
    const int bits = std::min(static_cast<int>(shift), static_cast<int>(std::bit_width(share)));
    part = count << 5 | (shift - static_cast<uint32_t>(bits));
    count += 1U << bits;
  }
}

void KeyQuantiles::CountBuckets(std::span<const uint32_t> keys) {
  buckets_.Divide(keys, std::clamp<size_t>(keys.size() / 4096, 1, 8), least_, most_,
                  std::min(std::bit_floor(keys.size() / 8), kMaxSplits));
  counts_.assign(buckets_.count, 0);
  bucket_.resize(keys.size());
  BestKernels().bucket_keys(keys.data(), keys.size(), least_, buckets_.shift, buckets_.split.data(),
                            counts_.data(), bucket_.data());
}

// The distinct keys, if no two share a bucket.
bool KeyQuantiles::FindRepeated(std::span<const uint32_t> keys, std::vector<uint32_t>& out) {
  slot_.resize(counts_.size());
  for (size_t i = 0; i < keys.size(); ++i) slot_[bucket_[i]] = keys[i];
  uint32_t differ = 0;
  for (size_t i = 0; i < keys.size(); ++i) differ |= slot_[bucket_[i]] ^ keys[i];
  if (differ != 0) return false;
  for (size_t b = 0; b < counts_.size(); ++b) {
    if (counts_[b] != 0) out.push_back(slot_[b]);
  }
  return true;
}

void KeyQuantiles::FindRanks(std::span<const uint32_t> keys, size_t bins,
                             std::vector<uint32_t>& out) {
  const Kernels& kernels = BestKernels();
  const size_t first = kernels.count_key(keys.data(), keys.size(), least_);
  const size_t last = kernels.count_key(keys.data(), keys.size(), most_);
  wanted_.clear();
  ranks_.clear();
  bits_.assign(counts_.size() / 32 + 1, 0);
  slot_.resize(counts_.size());  // of a wanted bucket: where its next key goes
  size_t bucket = 0;
  size_t before = 0;  // keys in lower buckets
  size_t picked = 0;
  for (size_t k = 1; k < bins; ++k) {
    const size_t at = RankAt(k, bins, first, keys.size() - first - last);
    while (before + counts_[bucket] <= at) before += counts_[bucket++];
    if (uint32_t& word = bits_[bucket / 32]; (word >> bucket % 32 & 1) == 0) {
      word |= 1U << bucket % 32;
      slot_[bucket] = static_cast<uint32_t>(picked);
      wanted_.push_back(
          {.begin = picked, .count = counts_[bucket], .first_rank = ranks_.size(), .ranks = 0});
      picked += counts_[bucket];
    }
    ranks_.push_back(at - before);
    ++wanted_.back().ranks;
  }
  scratch_.resize(picked + 16);
  from_.resize(picked + 16);
  kernels.pick_keys(keys.data(), bucket_.data(), keys.size(), bits_.data(), scratch_.data(),
                    from_.data());
  picked_.resize(picked);
  for (size_t i = 0; i < picked; ++i) picked_[slot_[from_[i]]++] = scratch_[i];
  for (const Wanted& w : wanted_) {
    const std::span<uint32_t> of = std::span(picked_).subspan(w.begin, w.count);
    // A value that many keys have may be alone in its bucket, and fill many bins.
    if (w.ranks > 1 && kernels.count_key(of.data(), of.size(), of[0]) == of.size()) {
      AddNew(of[0], out);
      continue;
    }
    if (w.ranks == 1 && w.count <= 64) {
      AddNew(kernels.key_at(of.data(), of.size(), ranks_[w.first_rank]), out);
      continue;
    }
    std::ranges::sort(of);
    for (size_t k = 0; k < w.ranks; ++k) AddNew(of[ranks_[w.first_rank + k]], out);
  }
}

}  // namespace clary::gbdt
