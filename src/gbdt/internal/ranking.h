// What ranking losses and metrics share: queries, ranks, gains and discounts.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "clary/gbdt.h"
#include "gbdt/internal/radix_sort.h"
#include "gbdt/kernels.h"

namespace clary::gbdt {

// [queries + 1] first rows; without groups all rows are one query.
inline std::vector<size_t> QueryBegins(const RowFields& f, size_t rows) {
  std::vector<size_t> begin = {0};
  for (const uint32_t size : f.group_sizes) begin.push_back(begin.back() + size);
  if (f.group_sizes.empty()) begin.push_back(rows);
  return begin;
}

// Calls put(rank, document) of each: ranks by descending score, equal scores in order. NaN: some
// ranks may be left out if there are at most kMaxRankByCount documents.
template <typename Put>
void ForRanks(std::span<const float> score, Put&& put) {
  const auto n = static_cast<uint32_t>(score.size());
  if (n <= kMaxRankByCount) {
    uint32_t rank[kMaxRankByCount];
    BestKernels().rank_by_count(score.data(), n, rank);
    for (uint32_t i = 0; i < n; ++i) put(rank[i], i);
    return;
  }
  std::vector<uint64_t> keyed(n);
  std::vector<uint64_t> scratch;
  for (uint32_t i = 0; i < n; ++i) keyed[i] = (uint64_t{~ToKey(score[i])} << 32) | i;
  RadixSort(keyed, scratch);
  for (uint32_t r = 0; r < n; ++r) put(r, static_cast<uint32_t>(keyed[r]));
}

// Document numbers by rank; 0 for ranks left out.
inline void RankByScore(std::span<const float> score, std::vector<uint32_t>& order) {
  order.assign(score.size(), 0);
  ForRanks(score, [&](uint32_t rank, uint32_t i) { order[rank] = i; });
}
// Ranks by document number.
inline void RanksByScore(std::span<const float> score, std::vector<uint32_t>& ranks) {
  ranks.resize(score.size());
  ForRanks(score, [&](uint32_t rank, uint32_t i) { ranks[i] = rank; });
}

inline double DcgGain(float label, bool exponential) {
  return exponential ? std::exp2(static_cast<double>(label)) - 1 : static_cast<double>(label);
}
inline double DcgDiscount(size_t rank) { return 1 / std::log2(static_cast<double>(rank) + 2); }

// The discounted gain of the best order, of its first `cut` ranks.
inline double BestDcg(std::span<const float> label, size_t cut, bool exponential) {
  std::vector<float> sorted(label.begin(), label.end());
  std::ranges::sort(sorted, std::greater<>());
  double sum = 0;
  for (size_t r = 0; r < std::min(cut, sorted.size()); ++r) {
    sum += DcgGain(sorted[r], exponential) * DcgDiscount(r);
  }
  return sum;
}

}  // namespace clary::gbdt
