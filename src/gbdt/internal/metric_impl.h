// What the metrics share, and makers of those in other files.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/thread_pool.h"
#include "gbdt/metric.h"
#include "gbdt/shard.h"

namespace clary::gbdt {

inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// Ranking data has weights per query, which row-wise metrics do not use.
inline float WeightOf(const RowFields& f, size_t row) {
  return f.weight.size() == f.label.size() ? f.weight[row] : 1.0F;
}

// The sum of body(begin, end) over blocks of [0, count), always in the same order. `count` is a
// multiple of the rows of `shard`, of which each host asks for its own.
template <typename Sum, typename Body>
Sum SumBlocks(ThreadPool& pool, const Shard& shard, size_t count, Body&& body) {
  const auto [first, last] = shard.BlocksOf(count);
  std::vector<Sum> sums(last - first);
  pool.ForEach(sums.size(), [&](size_t k, int) {
    const size_t b = first + k;
    sums[k] = body(b * kSumBlock, std::min(count, (b + 1) * kSumBlock));
  });
  if constexpr (std::is_trivially_copyable_v<Sum>) {
    if (!shard.alone()) {
      sums = shard.hosts->Gather(std::span<const Sum>(sums), (count + kSumBlock - 1) / kSumBlock);
    }
  }
  Sum sum{};
  for (const Sum& s : sums) sum += s;
  return sum;
}

// What stays the same for a dataset from round to round.
template <typename T>
class PerDataset {
 public:
  // make() at the first call for `data`.
  template <typename Make>
  const T& Of(const Dataset& data, Make&& make) {
    for (const auto& known : known_) {
      if (known->data.SameAs(data)) return known->value;
    }
    known_.push_back(std::make_unique<Known>(data, make()));
    return known_.back()->value;
  }

 private:
  struct Known {
    Known(const Dataset& of, T is) : data(of), value(std::move(is)) {}
    Dataset data;
    T value;
  };
  std::vector<std::unique_ptr<Known>> known_;
};

enum class RankScore : uint8_t { kNdcg, kMap, kPrecision };

// `as_1x`: releases before 2.0 leave the queries' weights out, and divide map by all relevant
// documents and pre by `cut`, where later ones look only at what the cut leaves.
std::unique_ptr<Metric> MakeRankMetric(RankScore score, size_t cut, bool empty_is_zero,
                                       bool exponential, bool as_1x);
std::unique_ptr<Metric> MakeAuc();
std::unique_ptr<Metric> MakeAucPr();

}  // namespace clary::gbdt
