#include "gbdt/cuts.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <span>
#include <string>

#include "gbdt/internal/radix_sort.h"

namespace clary::gbdt {
namespace {

constexpr size_t kSampleRows = 1'000'000;
constexpr uint32_t kBlockFeatures = 16;  // a cache line of a dense row

// Distinct values with their total weights, ascending.
struct Summary {
  std::vector<float> value;
  std::vector<double> weight;
};

// The inner cuts of a feature (all but the last, which lies above every value).
//
// With more than `bins + 1` distinct values this takes, for k = 1 .. bins - 1, the value whose rank
// range is nearest to k / bins of the way from the first value's rank to the last one's.
void InnerCuts(const Summary& s, size_t bins, std::vector<float>& cuts) {
  const size_t n = s.value.size();
  if (n <= bins + 1) {
    cuts.insert(cuts.end(), s.value.begin() + 1,
                s.value.begin() + static_cast<std::ptrdiff_t>(std::min(n, bins)));
    return;
  }
  double total = 0;
  for (const double w : s.weight) total += w;
  const double first = s.weight.front();
  const double range = total - s.weight.back() - first;
  double below = first;  // weight before value i
  size_t i = 1;
  size_t last = 0;
  for (size_t k = 1; k < bins; ++k) {
    const double target = first + static_cast<double>(k) * range / static_cast<double>(bins);
    // Step while the middle of the next value's rank range is not beyond the target.
    while (i + 1 < n && target >= below + s.weight[i] + s.weight[i + 1] / 2) {
      below += s.weight[i];
      ++i;
    }
    if (i + 1 == n) break;
    const size_t pick = target < below + s.weight[i] ? i : i + 1;
    if (pick != last) {
      cuts.push_back(s.value[pick]);
      last = pick;
    }
  }
}

// The inner cuts of many unweighted values without sorting them. InnerCuts' rule then picks the
// value at sorted position floor(target): the one whose ranks hold the target. Their top 16 bits
// are counted, and only values that share them with a target are looked at again.
class Selector {
 public:
  // Appends to `cuts` and sets the least and the greatest value. False, with nothing changed, if
  // there might be no more than bins + 1 distinct values.
  bool Find(std::span<const uint32_t> keys, size_t bins, std::vector<float>& cuts, float& low,
            float& top) {
    counts_.assign(kBuckets, 0);
    for (const uint32_t key : keys) ++counts_[key >> 16];
    const auto used = kBuckets - static_cast<size_t>(std::ranges::count(counts_, 0U));
    if (used <= bins + 1) return false;
    uint32_t least = UINT32_MAX;
    uint32_t most = 0;
    for (const uint32_t key : keys) {
      least = std::min(least, key);
      most = std::max(most, key);
    }
    low = FromKey(least);
    top = FromKey(most);
    const auto first = static_cast<double>(std::ranges::count(keys, least));
    const auto last = static_cast<double>(std::ranges::count(keys, most));
    const double range = static_cast<double>(keys.size()) - last - first;

    slot_.assign(kBuckets, kNone);
    lists_.clear();
    size_t bucket = 0;
    size_t before = 0;  // keys in lower buckets
    size_t collected = 0;
    for (size_t k = 1; k < bins; ++k) {
      const auto at =
          static_cast<size_t>(first + static_cast<double>(k) * range / static_cast<double>(bins));
      while (before + counts_[bucket] <= at) before += counts_[bucket++];
      if (slot_[bucket] == kNone) {
        slot_[bucket] = static_cast<uint16_t>(lists_.size());
        lists_.push_back({.begin = collected, .end = collected, .wanted = {}});
        collected += counts_[bucket];
      }
      lists_.back().wanted.push_back(at - before);
    }
    picked_.resize(collected);
    for (const uint32_t key : keys) {
      if (const uint16_t slot = slot_[key >> 16]; slot != kNone) picked_[lists_[slot].end++] = key;
    }
    const size_t start = cuts.size();
    for (const List& list : lists_) {
      size_t from = list.begin;
      for (const size_t wanted : list.wanted) {
        const auto begin = picked_.begin();
        const size_t at = list.begin + wanted;
        std::nth_element(begin + static_cast<std::ptrdiff_t>(from),
                         begin + static_cast<std::ptrdiff_t>(at),
                         begin + static_cast<std::ptrdiff_t>(list.end));
        from = at;
        const float value = FromKey(picked_[at]);
        if (cuts.size() == start || cuts.back() != value) cuts.push_back(value);
      }
    }
    return true;
  }

 private:
  static constexpr size_t kBuckets = 65536;
  static constexpr uint16_t kNone = UINT16_MAX;
  struct List {
    size_t begin;  // in picked_
    size_t end;
    std::vector<size_t> wanted;  // positions among its sorted keys, ascending
  };
  std::vector<uint32_t> counts_;
  std::vector<uint16_t> slot_;
  std::vector<List> lists_;
  std::vector<uint32_t> picked_;
};

// Collects the values of up to kBlockFeatures features over the chosen rows.
struct Columns {
  std::vector<std::vector<uint32_t>> keys;
  std::vector<std::vector<uint32_t>> rows;  // filled only if weights matter
};

class CutFinder {
 public:
  CutFinder(const Dataset& data, std::span<const float> weights, size_t max_bin)
      : data_(data), weights_(weights), max_bin_(max_bin) {
    sampled_ = std::min(data.rows(), kSampleRows);
  }

  struct FeatureCuts {
    std::vector<float> cuts;
    float min_value = 0;
    uint32_t missing = 0;

    // Adds what depends on the least and the greatest value alone.
    void Bound(double low, double top) {
      cuts.push_back(static_cast<float>(top + (std::fabs(top) + 1e-5)));
      min_value = static_cast<float>(low - (std::fabs(low) + 1e-5));
    }
  };

  // `keys` of the sampled rows that have a value, with the rows' numbers if there are weights.
  FeatureCuts Find(uint32_t f, std::vector<uint32_t>& keys, const std::vector<uint32_t>& rows,
                   uint32_t missing) {
    Summary& s = summary_;
    s.value.clear();
    s.weight.clear();
    constexpr size_t kSelectKeys = 65536;  // from here on selecting beats sorting
    FeatureCuts out;
    out.missing = missing;
    if (weights_.empty() && keys.size() >= kSelectKeys) {
      float low = 0;
      float top = 0;
      const bool needs_byte = missing != 0 && max_bin_ == 256;
      if (selector_.Find(keys, needs_byte ? 255 : max_bin_, out.cuts, low, top)) {
        out.Bound(low, top);
        return out;
      }
    }
    if (weights_.empty()) {
      RadixSort(keys, scratch32_);
      for (size_t i = 0; i < keys.size();) {
        size_t j = i + 1;
        while (j < keys.size() && keys[j] == keys[i]) ++j;
        s.value.push_back(FromKey(keys[i]));
        s.weight.push_back(static_cast<double>(j - i));
        i = j;
      }
    } else {
      pairs_.resize(keys.size());
      for (size_t i = 0; i < keys.size(); ++i) {
        pairs_[i] = uint64_t{keys[i]} << 32 | std::bit_cast<uint32_t>(weights_[rows[i]]);
      }
      RadixSort(pairs_, scratch64_);
      for (size_t i = 0; i < pairs_.size();) {
        double weight = 0;
        size_t j = i;
        for (; j < pairs_.size() && pairs_[j] >> 32 == pairs_[i] >> 32; ++j) {
          weight += std::bit_cast<float>(static_cast<uint32_t>(pairs_[j]));
        }
        s.value.push_back(FromKey(static_cast<uint32_t>(pairs_[i] >> 32)));
        s.weight.push_back(weight);
        i = j;
      }
    }
    // Rare values that the sample has missed: take them all as long as each gets its own bin.
    if (sampled_ < data_.rows() && s.value.size() <= max_bin_) AddUnsampled(f, s);

    if (s.value.empty()) {
      out.cuts = {1e-5F};
      out.min_value = -1e-5F;
      return out;
    }
    const bool needs_byte = missing != 0 && max_bin_ == 256 && s.value.size() > 255;
    InnerCuts(s, needs_byte ? 255 : max_bin_, out.cuts);
    out.Bound(s.value.front(), s.value.back());
    return out;
  }

  size_t sampled() const { return sampled_; }
  // Evenly spread; i < 2^20 and rows < 2^32, so the product fits.
  size_t SampleRow(size_t i) const {
    return sampled_ == data_.rows() ? i : i * data_.rows() / sampled_;
  }

 private:
  void AddUnsampled(uint32_t f, Summary& s) const {
    if (data_.is_sparse()) return;
    const auto dense = data_.dense();
    for (size_t r = 0; r < data_.rows() && s.value.size() <= max_bin_; ++r) {
      const float x = dense[r * data_.columns() + f];
      if (std::isnan(x)) continue;
      const auto at = std::ranges::lower_bound(s.value, x);
      if (at != s.value.end() && *at == x) continue;
      s.weight.insert(s.weight.begin() + (at - s.value.begin()), 1);
      s.value.insert(at, x);
    }
  }

  const Dataset& data_;
  std::span<const float> weights_;
  size_t max_bin_;
  size_t sampled_;
  Selector selector_;
  Summary summary_;  // scratch, as the rest
  std::vector<uint32_t> scratch32_;
  std::vector<uint64_t> pairs_;
  std::vector<uint64_t> scratch64_;
};

// How many values each feature of a dense matrix misses, over every row.
std::vector<uint32_t> CountMissing(const Dataset& data, ThreadPool& pool) {
  const uint32_t columns = data.columns();
  const auto dense = data.dense();
  std::vector<std::vector<uint32_t>> per_thread(static_cast<size_t>(pool.size()),
                                                std::vector<uint32_t>(columns, 0));
  constexpr size_t kRows = 4096;
  pool.ForEach((data.rows() + kRows - 1) / kRows, [&](size_t task, int thread) {
    uint32_t* missing = per_thread[static_cast<size_t>(thread)].data();
    const size_t end = std::min(data.rows(), (task + 1) * kRows);
    for (size_t r = task * kRows; r < end; ++r) {
      const float* row = dense.data() + r * columns;
      for (uint32_t f = 0; f < columns; ++f) missing[f] += row[f] != row[f] ? 1 : 0;
    }
  });
  for (size_t t = 1; t < per_thread.size(); ++t) {
    for (uint32_t f = 0; f < columns; ++f) per_thread[0][f] += per_thread[t][f];
  }
  return std::move(per_thread[0]);
}

// Bins by category: [0, 1), [1, 2), ... up to the largest, then the rest.
void CutByCategory(const Dataset& data, uint32_t f, CutFinder::FeatureCuts& out) {
  float largest = 0;
  if (data.is_sparse()) {
    const auto csr = data.csr();
    for (size_t k = 0; k < csr.value.size(); ++k) {
      if (csr.column[k] == f && csr.value[k] > largest) largest = csr.value[k];
    }
  } else {
    const auto dense = data.dense();
    for (size_t k = f; k < dense.size(); k += data.columns()) {
      if (dense[k] > largest) largest = dense[k];
    }
  }
  const auto count = static_cast<uint32_t>(largest) + 1;
  out.cuts.clear();
  for (uint32_t c = 1; c <= count + 1; ++c) out.cuts.push_back(static_cast<float>(c));
  out.min_value = 0;
}

}  // namespace

uint32_t Cuts::max_bins() const {
  uint32_t most = 0;
  for (uint32_t f = 0; f < features(); ++f) most = std::max(most, bins(f));
  return most;
}

Cuts ComputeCuts(const Dataset& data, std::span<const float> weights, int max_bin,
                 ThreadPool& pool) {
  const uint32_t columns = data.columns();
  const auto bins = static_cast<size_t>(max_bin);
  std::vector<CutFinder::FeatureCuts> found(columns);
  std::vector<CutFinder> finders(static_cast<size_t>(pool.size()), CutFinder(data, weights, bins));
  const bool weighted = !weights.empty();
  if (data.is_sparse()) {
    // By column, in row order.
    const auto csr = data.csr();
    std::vector<std::vector<uint32_t>> keys(columns);
    std::vector<std::vector<uint32_t>> rows(columns);
    for (size_t r = 0; r < data.rows(); ++r) {
      for (uint64_t k = csr.row_begin[r]; k < csr.row_begin[r + 1]; ++k) {
        if (std::isnan(csr.value[k])) continue;
        keys[csr.column[k]].push_back(ToKey(csr.value[k]));
        if (weighted) rows[csr.column[k]].push_back(static_cast<uint32_t>(r));
      }
    }
    pool.ForEach(columns, [&](size_t f, int thread) {
      found[f] = finders[static_cast<size_t>(thread)].Find(
          static_cast<uint32_t>(f), keys[f], rows[f],
          static_cast<uint32_t>(data.rows() - keys[f].size()));
      keys[f] = {};
    });
  } else {
    const auto missing = CountMissing(data, pool);
    const auto dense = data.dense();
    const uint32_t blocks = (columns + kBlockFeatures - 1) / kBlockFeatures;
    std::vector<Columns> scratch(static_cast<size_t>(pool.size()));
    // Few features: blocks of fewer columns, so that every thread has work.
    const uint32_t width = std::max(1U, blocks >= static_cast<uint32_t>(pool.size())
                                            ? kBlockFeatures
                                            : (columns + static_cast<uint32_t>(pool.size()) - 1) /
                                                  static_cast<uint32_t>(pool.size()));
    pool.ForEach((columns + width - 1) / width, [&](size_t block, int thread) {
      CutFinder& finder = finders[static_cast<size_t>(thread)];
      Columns& c = scratch[static_cast<size_t>(thread)];
      const auto first = static_cast<uint32_t>(block) * width;
      const uint32_t count = std::min(width, columns - first);
      c.keys.resize(width);
      c.rows.resize(width);
      for (uint32_t j = 0; j < count; ++j) {
        c.keys[j].resize(finder.sampled());
        c.rows[j].resize(weighted ? finder.sampled() : 0);
      }
      // By column within a block of rows that fits the first-level cache.
      constexpr size_t kGatherRows = 256;
      uint32_t filled[kBlockFeatures] = {};
      for (size_t begin = 0; begin < finder.sampled(); begin += kGatherRows) {
        const size_t taken = std::min(kGatherRows, finder.sampled() - begin);
        size_t row[kGatherRows];
        for (size_t i = 0; i < taken; ++i) row[i] = finder.SampleRow(begin + i);
        for (uint32_t j = 0; j < count; ++j) {
          uint32_t* const keys = c.keys[j].data();
          uint32_t at = filled[j];
          for (size_t i = 0; i < taken; ++i) {
            const float x = dense[row[i] * columns + first + j];
            keys[at] = ToKey(x);
            if (weighted) c.rows[j][at] = static_cast<uint32_t>(row[i]);
            at += x == x ? 1 : 0;
          }
          filled[j] = at;
        }
      }
      for (uint32_t j = 0; j < count; ++j) {
        c.keys[j].resize(filled[j]);
        if (weighted) c.rows[j].resize(filled[j]);
      }
      for (uint32_t j = 0; j < count; ++j) {
        found[first + j] = finder.Find(first + j, c.keys[j], c.rows[j], missing[first + j]);
      }
    });
  }

  Cuts cuts;
  const auto& types = data.fields().feature_types;
  if (std::ranges::find(types, "c") != types.end()) {
    cuts.categorical.resize(columns, 0);
    pool.ForEach(columns, [&](size_t f, int) {
      if (types[f] != "c") return;
      cuts.categorical[f] = 1;
      CutByCategory(data, static_cast<uint32_t>(f), found[f]);
    });
  }
  cuts.begin.push_back(0);
  for (const auto& f : found) {
    cuts.value.insert(cuts.value.end(), f.cuts.begin(), f.cuts.end());
    cuts.begin.push_back(static_cast<uint32_t>(cuts.value.size()));
    cuts.min_value.push_back(f.min_value);
    cuts.has_missing.push_back(f.missing != 0 ? 1 : 0);
    cuts.present_share.push_back(static_cast<float>(data.rows() - f.missing) /
                                 static_cast<float>(data.rows()));
  }
  return cuts;
}

}  // namespace clary::gbdt
