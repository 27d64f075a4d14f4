#include "gbdt/cuts.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <span>

#include "data/buffer.h"
#include "gbdt/internal/radix_sort.h"
#include "gbdt/kernels.h"
#include "gbdt/key_quantiles.h"

namespace clary::gbdt {
namespace {

constexpr size_t kSampledPerBin = 768;  // a sample has up to twice as many values
constexpr size_t kSampledWeights = 786'432;
constexpr uint32_t kStripColumns = 48;  // three cache lines of a dense row
constexpr size_t kBlockRows = 256;

// Even samples of rows: at level k, one of each 2^k rows in a row. Which one is drawn by a hash
// (any fixed step could meet a period of the data), level by level, so that the rows of a level are
// among those of the levels below.
class RowSamples {
 public:
  explicit RowSamples(size_t rows) : rows_(rows) {}

  size_t size(int level) const { return ((rows_ - 1) >> level) + 1; }
  // The position among the rows of level `to` of the i-th row of level `from` >= `to`.
  size_t Position(size_t i, int from, int to) const {
    for (int level = from; level > to; --level) {
      i = 2 * i + (Draw(i, level) && 2 * i + 1 < size(level - 1) ? 1 : 0);
    }
    return i;
  }

 private:
  static bool Draw(size_t i, int level) {
    uint64_t x = (uint64_t{i} + (static_cast<uint64_t>(level) << 56)) * 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93U;
    return (x >> 63) != 0;
  }

  size_t rows_;
};

// What all values of each feature say.
struct Survey {
  std::vector<float> least;       // +inf without values
  std::vector<float> most;        // -inf
  std::vector<uint32_t> missing;  // rows

  explicit Survey(size_t columns)
      : least(columns, std::numeric_limits<float>::infinity()),
        most(columns, -std::numeric_limits<float>::infinity()),
        missing(columns, 0) {}
  void Add(size_t f, float low, float top, uint32_t without) {
    least[f] = std::min(least[f], low);
    most[f] = std::max(most[f], top);
    missing[f] += without;
  }
};

Survey SurveyDense(const Dataset& data, ThreadPool& pool) {
  const size_t columns = data.columns();
  // As many rows at once as fill whole vectors.
  const size_t joined = columns >= 256 ? 1 : 16 >> std::min(std::countr_zero(columns), 4);
  const size_t width = joined * columns;
  std::vector<Survey> per_thread(static_cast<size_t>(pool.size()), Survey(width));
  constexpr size_t kRows = 4096;  // a multiple of `joined`
  pool.ForEach((data.rows() + kRows - 1) / kRows, [&](size_t task, int thread) {
    Survey& s = per_thread[static_cast<size_t>(thread)];
    const size_t begin = task * kRows;
    const size_t rows = std::min(kRows, data.rows() - begin);
    const float* const values = data.dense().data() + begin * columns;
    const size_t whole = rows / joined;
    const auto range = BestKernels().column_range;
    range(values, whole, width, s.least.data(), s.most.data(), s.missing.data());
    range(values + whole * width, 1, (rows - whole * joined) * columns, s.least.data(),
          s.most.data(), s.missing.data());
  });
  Survey all(columns);
  for (const Survey& s : per_thread) {
    for (size_t i = 0; i < width; ++i) all.Add(i % columns, s.least[i], s.most[i], s.missing[i]);
  }
  return all;
}

// Distinct values (as keys) with their total weights, ascending.
struct Summary {
  std::vector<uint32_t> key;
  std::vector<double> weight;
};

// KeyQuantiles::Find of weighted values: with more than `bins + 1` distinct ones this takes, for
// k = 1 .. bins - 1, the value whose rank range is nearest to k / bins of the way from the first
// value's rank to the last one's.
bool FindWeighted(const Summary& s, size_t bins, std::vector<uint32_t>& out) {
  const size_t n = s.key.size();
  if (n <= bins + 1) {
    out = s.key;
    return true;
  }
  out.clear();
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
      out.push_back(s.key[pick]);
      last = pick;
    }
  }
  return false;
}

// A set of a few hundred keys.
class KeySet {
 public:
  void Assign(std::span<const uint32_t> keys) {
    keys_.assign(keys.begin(), keys.end());
    Rehash(std::max<size_t>(1024, std::bit_ceil(4 * keys.size())));
  }
  // Up to `limit` keys in all; false, with nothing added, if this were one more.
  bool Add(uint32_t key, size_t limit) {
    const size_t at = Find(key);
    if (slots_[at] == key) return true;
    if (keys_.size() == limit) return false;
    keys_.push_back(key);
    slots_[at] = key;
    if (keys_.size() > slots_.size() / 2) Rehash(4 * slots_.size());
    return true;
  }
  std::vector<uint32_t>& keys() { return keys_; }

 private:
  void Rehash(size_t slots) {
    slots_.assign(slots, 0);
    for (const uint32_t key : keys_) slots_[Find(key)] = key;
  }
  size_t Find(uint32_t key) const {
    const size_t mask = slots_.size() - 1;
    size_t at = (key * 0x9e3779b1U) >> 12 & mask;
    while (slots_[at] != 0 && slots_[at] != key) at = (at + 1) & mask;
    return at;
  }

  std::vector<uint32_t> keys_;
  std::vector<uint32_t> slots_;  // 0 is no key
};

struct FeatureCuts {
  std::vector<float> cuts;
  float min_value = 0;
  float most = 0;  // the greatest value
  uint32_t missing = 0;
};

// Finds the cuts of one feature at a time.
class CutFinder {
 public:
  explicit CutFinder(size_t max_bin) : max_bin_(max_bin) {}

  // Of values of which `missing` are missing. True if each of those given got a bin of its own, or
  // all but two: values() are those. Else they are the cuts.
  bool Find(std::span<const uint32_t> keys, uint32_t missing) {
    repeated_ = quantiles_.Find(keys, Bins(missing), values_);
    least_ = keys.empty() ? 0 : FromKey(quantiles_.least());
    most_ = keys.empty() ? 0 : FromKey(quantiles_.most());
    return repeated_;
  }
  // The same for keys with the bits of their weights in the low half. What weighs nothing makes no
  // cuts; only the least and the greatest value are of all.
  bool Find(std::span<const uint64_t> pairs, uint32_t missing) {
    pairs_.assign(pairs.begin(), pairs.end());
    RadixSort(pairs_, scratch_);
    least_ = pairs.empty() ? 0 : FromKey(static_cast<uint32_t>(pairs_.front() >> 32));
    most_ = pairs.empty() ? 0 : FromKey(static_cast<uint32_t>(pairs_.back() >> 32));
    std::erase_if(pairs_, [](uint64_t pair) { return static_cast<uint32_t>(pair) == 0; });
    summary_.key.clear();
    summary_.weight.clear();
    for (size_t i = 0; i < pairs_.size();) {
      double weight = 0;
      size_t j = i;
      for (; j < pairs_.size() && pairs_[j] >> 32 == pairs_[i] >> 32; ++j) {
        weight += std::bit_cast<float>(static_cast<uint32_t>(pairs_[j]));
      }
      summary_.key.push_back(static_cast<uint32_t>(pairs_[i] >> 32));
      summary_.weight.push_back(weight);
      i = j;
    }
    repeated_ = FindWeighted(summary_, Bins(missing), values_);
    return repeated_;
  }

  std::vector<uint32_t>& values() { return values_; }
  float least() const { return least_; }
  float most() const { return most_; }

  // The cuts that the last Find and the feature's least and greatest value make.
  FeatureCuts Make(float least, float most, uint32_t missing) const {
    FeatureCuts out{.cuts = {}, .min_value = 0, .most = most, .missing = missing};
    const size_t end = repeated_ ? std::min(values_.size(), Bins(missing)) : values_.size();
    out.cuts.reserve(end + 1);
    for (size_t i = repeated_ ? 1 : 0; i < end; ++i) out.cuts.push_back(FromKey(values_[i]));
    const auto margin = [](double x) { return std::fabs(x) + 1e-5; };
    out.cuts.push_back(static_cast<float>(most + margin(most)));
    out.min_value = static_cast<float>(least - margin(least));
    return out;
  }

 private:
  // A byte must hold a code for missing, too.
  size_t Bins(uint32_t missing) const { return missing != 0 && max_bin_ == 256 ? 255 : max_bin_; }

  size_t max_bin_;
  KeyQuantiles quantiles_;
  bool repeated_ = false;
  std::vector<uint32_t> values_;
  float least_ = 0;
  float most_ = 0;
  Summary summary_;  // scratch, as the rest
  std::vector<uint64_t> pairs_;
  std::vector<uint64_t> scratch_;
};

// The cuts of dense features, a strip of neighbours at a time. Item: what is gathered of a value,
// its key or its key and weight.
template <typename Item>
class DenseStrips {
 public:
  DenseStrips(const Dataset& data, std::span<const float> weights, size_t max_bin, ThreadPool& pool)
      : data_(data),
        weights_(weights),
        max_bin_(max_bin),
        target_(weights.empty() ? kSampledPerBin * std::max<size_t>(max_bin, 256)
                                : kSampledWeights),
        samples_(data.rows()),
        survey_(data.rows() / 2 < target_ ? Survey(0) : SurveyDense(data, pool)) {}

  void Find(std::vector<FeatureCuts>& found, ThreadPool& pool) {
    const uint32_t columns = data_.columns();
    const auto threads = static_cast<uint32_t>(pool.size());
    // A strip for every thread, if there are enough features, and none too large to keep.
    const size_t most_items = (size_t{1} << 24) * sizeof(uint32_t) / sizeof(Item);
    const auto most_width = static_cast<uint32_t>(
        std::clamp<size_t>(most_items / std::min(data_.rows(), 2 * target_), 1, kStripColumns));
    uint32_t strips = (columns + most_width - 1) / most_width;
    strips = std::min(columns, (strips + threads - 1) / threads * threads);
    std::vector<Scratch> scratch;
    for (uint32_t t = 0; t < threads; ++t) scratch.emplace_back(max_bin_);
    pool.ForEach(strips, [&](size_t strip, int thread) {
      const auto begin = static_cast<uint32_t>(uint64_t{strip} * columns / strips);
      const auto end = static_cast<uint32_t>(uint64_t{strip + 1} * columns / strips);
      FindStrip(begin, end - begin, scratch[static_cast<size_t>(thread)], found);
    });
  }

 private:
  struct Scratch {
    explicit Scratch(size_t max_bin) : finder(max_bin) {}
    CutFinder finder;
    data::Buffer<Item> items;   // by column of the strip ...
    std::vector<size_t> begin;  // [strip] ... column j has `count` from here
    std::vector<size_t> count;
    data::Buffer<float> block;  // [strip, kBlockRows]
  };

  bool surveyed() const { return !survey_.missing.empty(); }
  size_t Present(uint32_t f) const { return data_.rows() - survey_.missing[f]; }
  // The finest sample that has no more than twice as many values as wanted.
  int Level(uint32_t f) const {
    if (!surveyed()) return 0;
    return std::max(0, static_cast<int>(std::bit_width(Present(f) / target_)) - 1);
  }

  // Calls visit(first, count) for blocks of the rows of a level, having transposed them.
  template <typename Visit>
  void ForBlocks(uint32_t first, uint32_t width, int level, data::Buffer<float>& block,
                 const Visit& visit) const {
    const size_t columns = data_.columns();
    const float* const values = data_.dense().data() + first;
    const size_t rows = samples_.size(level);
    block.Resize(width * kBlockRows);
    const float* row[kBlockRows + 16];
    size_t known = 0;  // items of `row`
    for (size_t begin = 0; begin < rows; begin += kBlockRows) {
      const size_t count = std::min(kBlockRows, rows - begin);
      for (; known < kBlockRows + 16; ++known) {
        const size_t i = std::min(begin + known, rows - 1);
        row[known] = values + samples_.Position(i, level, 0) * columns;
      }
      BestKernels().transpose(row, count, width, kBlockRows, block.data());
      visit(begin, count);
      std::copy_n(row + kBlockRows, 16, row);
      known = 16;
    }
  }

  // Appends the present ones of `value` [count], at positions from `begin` of the level.
  void Append(const float* value, size_t begin, size_t count, int level, Item* to,
              size_t& used) const {
    if constexpr (sizeof(Item) == sizeof(uint32_t)) {
      used += BestKernels().present_keys(value, count, to + used);
    } else {
      for (size_t i = 0; i < count; ++i) {
        if (std::isnan(value[i])) continue;
        const float weight = weights_[samples_.Position(begin + i, level, 0)];
        to[used++] = uint64_t{ToKey(value[i])} << 32 | std::bit_cast<uint32_t>(weight);
      }
    }
  }

  void Gather(uint32_t first, uint32_t width, Scratch& s) const {
    s.begin.clear();
    s.count.assign(width, 0);
    size_t room = 0;
    for (uint32_t j = 0; j < width; ++j) {
      s.begin.push_back(room);
      const size_t rows = samples_.size(Level(first + j));
      room += 16 + (surveyed() ? std::min(rows, Present(first + j)) : rows);
    }
    s.items.Resize(std::max(s.items.size(), room));
    int finest = Level(first);
    for (uint32_t j = 1; j < width; ++j) finest = std::min(finest, Level(first + j));
    ForBlocks(first, width, finest, s.block, [&](size_t begin, size_t count) {
      for (uint32_t j = 0; j < width; ++j) {
        const float* const value = s.block.data() + j * kBlockRows;
        const int coarser = Level(first + j) - finest;
        if (coarser == 0) {
          Append(value, begin, count, finest, s.items.data() + s.begin[j], s.count[j]);
          continue;
        }
        const int level = finest + coarser;
        float taken[kBlockRows];
        size_t n = 0;
        const size_t from = (begin + (size_t{1} << coarser) - 1) >> coarser;
        for (size_t i = from; i < samples_.size(level); ++i) {
          const size_t at = samples_.Position(i, level, finest);
          if (at >= begin + count) break;
          taken[n++] = value[at - begin];
        }
        Append(taken, from, n, level, s.items.data() + s.begin[j], s.count[j]);
      }
    });
  }

  void FindStrip(uint32_t first, uint32_t width, Scratch& s,
                 std::vector<FeatureCuts>& found) const {
    Gather(first, width, s);
    std::vector<uint32_t> repeated;  // features whose sample has a bin for every value
    std::vector<KeySet> values;
    for (uint32_t j = 0; j < width; ++j) {
      const uint32_t f = first + j;
      const auto items = s.items.span().subspan(s.begin[j], s.count[j]);
      const auto missing =
          surveyed() ? survey_.missing[f] : static_cast<uint32_t>(data_.rows() - s.count[j]);
      const bool few = s.finder.Find(items, missing);
      const bool sampled = Level(f) > 0;
      found[f] = Finish(f, missing, s.finder);
      if (few && sampled && s.finder.values().size() <= max_bin_) {
        repeated.push_back(j);
        values.emplace_back().Assign(s.finder.values());
      }
    }
    if (repeated.empty()) return;
    AddUnsampled(first, repeated, values, s);
    for (size_t k = 0; k < repeated.size(); ++k) {
      const uint32_t f = first + repeated[k];
      std::ranges::sort(values[k].keys());
      s.finder.Find(std::span<const uint32_t>(values[k].keys()), survey_.missing[f]);
      found[f] = Finish(f, survey_.missing[f], s.finder);
    }
  }

  FeatureCuts Finish(uint32_t f, uint32_t missing, const CutFinder& finder) const {
    if (!surveyed()) return finder.Make(finder.least(), finder.most(), missing);
    const bool empty = missing == data_.rows();
    return finder.Make(empty ? 0 : survey_.least[f], empty ? 0 : survey_.most[f], missing);
  }

  // Rare values that the sample lacks: adds them all, if each still gets a bin; else none.
  void AddUnsampled(uint32_t first, std::span<const uint32_t> repeated, std::span<KeySet> values,
                    Scratch& s) const {
    std::vector<size_t> sampled;
    for (KeySet& set : values) sampled.push_back(set.keys().size());
    std::vector<uint8_t> open(repeated.size(), 1);
    const uint32_t from = repeated.front();
    uint32_t keys[kBlockRows + 16];
    ForBlocks(first + from, repeated.back() - from + 1, 0, s.block, [&](size_t row, size_t count) {
      for (size_t k = 0; k < repeated.size(); ++k) {
        if (open[k] == 0) continue;
        float* const value = s.block.data() + (repeated[k] - from) * kBlockRows;
        for (size_t i = 0; i < count && !weights_.empty(); ++i) {
          if (weights_[row + i] == 0) value[i] = std::numeric_limits<float>::quiet_NaN();
        }
        const size_t n = BestKernels().present_keys(value, count, keys);
        for (size_t i = 0; i < n && open[k] != 0; ++i) {
          open[k] = values[k].Add(keys[i], max_bin_) ? 1 : 0;
        }
      }
    });
    for (size_t k = 0; k < repeated.size(); ++k) {
      if (open[k] == 0) values[k].keys().resize(sampled[k]);
    }
  }

  const Dataset& data_;
  std::span<const float> weights_;
  size_t max_bin_;
  size_t target_;  // values that cuts should come from
  RowSamples samples_;
  Survey survey_;  // of no features if no level but 0 can be wanted
};

// The cuts of sparse features, from every value.
template <typename Item>
void FindSparse(const Dataset& data, std::span<const float> weights, size_t max_bin,
                std::vector<FeatureCuts>& found, ThreadPool& pool) {
  const auto csr = data.csr();
  const size_t columns = data.columns();
  const size_t entries = csr.value.size();
  // Items by column, in row order: each part of the rows knows where its own go.
  const size_t parts =
      std::clamp<size_t>(entries / (4 * columns), 1, static_cast<size_t>(pool.size()));
  const auto part_row = [&](size_t part) { return part * data.rows() / parts; };
  std::vector<std::vector<uint64_t>> next(parts, std::vector<uint64_t>(columns, 0));
  pool.ForEach(parts, [&](size_t part, int) {
    for (uint64_t k = csr.row_begin[part_row(part)]; k < csr.row_begin[part_row(part + 1)]; ++k) {
      next[part][csr.column[k]] += std::isnan(csr.value[k]) ? 0 : 1;
    }
  });
  std::vector<uint64_t> begin(columns + 1, 0);
  for (size_t f = 0; f < columns; ++f) {
    uint64_t sum = begin[f];
    for (auto& of_part : next) sum += std::exchange(of_part[f], sum);
    begin[f + 1] = sum;
  }
  data::Buffer<Item> items(begin[columns]);
  pool.ForEach(parts, [&](size_t part, int) {
    uint64_t* const at = next[part].data();
    for (size_t r = part_row(part); r < part_row(part + 1); ++r) {
      for (uint64_t k = csr.row_begin[r]; k < csr.row_begin[r + 1]; ++k) {
        if (std::isnan(csr.value[k])) continue;
        Item item = ToKey(csr.value[k]);
        if constexpr (sizeof(Item) == sizeof(uint64_t)) {
          item = item << 32 | std::bit_cast<uint32_t>(weights[r]);
        }
        items[at[csr.column[k]]++] = item;
      }
    }
  });
  std::vector<CutFinder> finders(static_cast<size_t>(pool.size()), CutFinder(max_bin));
  constexpr size_t kColumns = 16;  // a task
  pool.ForEach((columns + kColumns - 1) / kColumns, [&](size_t task, int thread) {
    CutFinder& finder = finders[static_cast<size_t>(thread)];
    for (size_t f = task * kColumns; f < std::min(columns, (task + 1) * kColumns); ++f) {
      const std::span<const Item> of(items.data() + begin[f], begin[f + 1] - begin[f]);
      const auto missing = static_cast<uint32_t>(data.rows() - of.size());
      finder.Find(of, missing);
      found[f] = finder.Make(finder.least(), finder.most(), missing);
    }
  });
}

// Bins by category: [0, 1), [1, 2), ... up to the largest, then the rest.
void CutByCategory(FeatureCuts& out) {
  const auto count = static_cast<uint32_t>(std::max(out.most, 0.0F)) + 1;
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
  std::vector<FeatureCuts> found(columns);
  if (data.is_sparse()) {
    weights.empty() ? FindSparse<uint32_t>(data, weights, bins, found, pool)
                    : FindSparse<uint64_t>(data, weights, bins, found, pool);
  } else {
    weights.empty() ? DenseStrips<uint32_t>(data, weights, bins, pool).Find(found, pool)
                    : DenseStrips<uint64_t>(data, weights, bins, pool).Find(found, pool);
  }

  Cuts cuts;
  const auto& types = data.fields().feature_types;
  if (std::ranges::find(types, "c") != types.end()) {
    cuts.categorical.resize(columns, 0);
    for (uint32_t f = 0; f < columns; ++f) {
      if (types[f] != "c") continue;
      cuts.categorical[f] = 1;
      CutByCategory(found[f]);
    }
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
