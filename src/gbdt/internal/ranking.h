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

// Document numbers by descending score; equal scores stay in order.
inline void RankByScore(std::span<const float> score, std::vector<uint32_t>& order) {
  const auto n = static_cast<uint32_t>(score.size());
  order.resize(n);
  if (n <= kMaxRankByCount) {
    uint32_t rank[kMaxRankByCount];
    BestKernels().rank_by_count(score.data(), n, rank);
    std::ranges::fill(order, 0U);  // NaN: some ranks stay empty
    for (uint32_t i = 0; i < n; ++i) order[rank[i]] = i;
    return;
  }
  std::vector<uint64_t> keyed(n);
  std::vector<uint64_t> scratch;
  for (uint32_t i = 0; i < n; ++i) keyed[i] = (uint64_t{~ToKey(score[i])} << 32) | i;
  RadixSort(keyed, scratch);
  for (uint32_t r = 0; r < n; ++r) order[r] = static_cast<uint32_t>(keyed[r]);
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
