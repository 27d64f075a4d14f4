// Building histograms is where training spends its time. The inner loop is one 64-bit addition in
// memory per row and feature: bins of a row are read eight at a time into a register and shifted
// out, a node's gradients are gathered once per block of rows, and rows are fetched ahead.
#include "gbdt/histogram.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace clary::gbdt {
namespace {

constexpr size_t kBlockRows = 1024;  // gradients of a block fit the first-level cache
constexpr size_t kTiledRows = 4096;  // with thin features, whose tiles want more reuse
constexpr size_t kPrefetchRows = 24;
// Features of a tile of wider rows: 32 KB of histogram, and two words of a row that begin where
// words do. (Tiles of 18 were half as fast: their words straddle cache lines.)
constexpr uint32_t kTileFeatures = 16;
constexpr uint32_t kWholeRowFeatures = 20;  // up to here a row is done at once
constexpr size_t kRowsPerThread = 512;      // fewer rows are not worth waking a thread

// Adds `count` rows to the `kFeatures` features that start at `bins`; hist has 256 slots each.
// kGather takes the rows' gradients from packed[row] and leaves them in `grad`; else they are
// there.
template <uint32_t kFeatures, bool kGather>
void AddByteRows(const uint8_t* bins, size_t stride, const uint32_t* rows, size_t count,
                 const PackedGrad* packed, PackedGrad* grad, PackedGrad* hist) {
  for (size_t i = 0; i < count; ++i) {
    __builtin_prefetch(bins + rows[i + kPrefetchRows] * stride);
    const uint8_t* row = bins + rows[i] * stride;
    if constexpr (kGather) {
      __builtin_prefetch(packed + rows[i + kPrefetchRows]);
      grad[i] = packed[rows[i]];
    }
    const PackedGrad g = grad[i];
#pragma GCC unroll 4
    for (uint32_t f = 0; f < kFeatures; f += 8) {
      uint64_t word;
      std::memcpy(&word, row + f, sizeof word);
#pragma GCC unroll 8
      for (uint32_t j = 0; j < 8; ++j) {
        if (f + j >= kFeatures) break;
        hist[(f + j) * 256 + (word & 0xff)] += g;
        word >>= 8;
      }
    }
  }
}

using AddByteRowsFn = void (*)(const uint8_t*, size_t, const uint32_t*, size_t, const PackedGrad*,
                               PackedGrad*, PackedGrad*);
template <bool kGather, size_t... kCounts>
constexpr std::array<AddByteRowsFn, sizeof...(kCounts)> MakeTable(std::index_sequence<kCounts...>) {
  return {&AddByteRows<static_cast<uint32_t>(kCounts) + 1, kGather>...};
}
constexpr auto kAddFirst = MakeTable<true>(std::make_index_sequence<kWholeRowFeatures>());
constexpr auto kAddNext = MakeTable<false>(std::make_index_sequence<kTileFeatures>());

// Adds `count` rows to a tile of thin features. Entries of a row come kPad at a time.
template <uint32_t kPad>
void AddEntries(const BinnedMatrix::Tile& tile, const uint32_t* rows, size_t count,
                const PackedGrad* grad, PackedGrad* hist) {
  const uint32_t* const begin = tile.row_begin.data();
  const uint16_t* const entries = tile.entries.data();
  for (size_t i = 0; i < count; ++i) {
    __builtin_prefetch(begin + rows[i + kPrefetchRows]);
    __builtin_prefetch(entries + size_t{begin[rows[i + kPrefetchRows / 2]]} * kPad);
    const uint16_t* entry = entries + size_t{begin[rows[i]]} * kPad;
    const uint16_t* const end = entries + size_t{begin[rows[i] + 1]} * kPad;
    const PackedGrad g = grad[i];
    for (; entry != end; entry += kPad) {
      if constexpr (kPad == 4) {
        uint64_t word;
        std::memcpy(&word, entry, sizeof word);
        hist[word & 0xffff] += g;
        hist[(word >> 16) & 0xffff] += g;
        hist[(word >> 32) & 0xffff] += g;
        hist[word >> 48] += g;
      } else {
        hist[*entry] += g;
      }
    }
  }
}

}  // namespace

Histogram HistogramPool::Take() {
  if (free_.empty()) return Histogram(size_);
  Histogram h = std::move(free_.back());
  free_.pop_back();
  return h;
}

HistogramBuilder::HistogramBuilder(const BinnedMatrix& bins, ThreadPool& pool)
    : bins_(bins), pool_(pool), storage_(bins.HistSize()) {
  for (int t = 1; t < pool.size(); ++t) partial_.emplace_back(bins.HistSize());
}

template <typename Op>
void HistogramBuilder::ForUsedSlots(Op&& op) const {
  if (bins_.wide()) {
    op(0, bins_.HistSize());
    return;
  }
  for (const uint32_t f : bins_.dense()) {
    op(bins_.HistOffset(f), size_t{std::min(256U, bins_.cuts().bins(f) + 1)});
  }
  for (const auto& tile : bins_.histogram_tiles()) op(tile.hist_begin, size_t{tile.slots});
}

void HistogramBuilder::Clear(Histogram& h) const {
  ForUsedSlots([&](size_t first, size_t count) {
    std::memset(h.data() + first, 0, count * sizeof(PackedGrad));
  });
}

void HistogramBuilder::AddRows(std::span<const uint32_t> rows, const PackedGrad* packed,
                               Histogram& h) const {
  PackedGrad grad[kTiledRows];
  // Row numbers of a block, with some to prefetch beyond its end.
  uint32_t index[kTiledRows + kPrefetchRows];
  const size_t block = bins_.histogram_tiles().empty() ? kBlockRows : kTiledRows;
  for (size_t begin = 0; begin < rows.size(); begin += block) {
    const size_t count = std::min(block, rows.size() - begin);
    const size_t ahead = std::min(rows.size() - begin, count + kPrefetchRows);
    std::copy_n(rows.data() + begin, ahead, index);
    std::fill(index + ahead, index + count + kPrefetchRows, index[ahead - 1]);
    const auto features = static_cast<uint32_t>(bins_.dense().size());
    if (bins_.wide()) {
      for (size_t i = 0; i < count; ++i) {
        const PackedGrad g = packed[index[i]];
        const uint16_t* row = bins_.row<uint16_t>(index[i]);
        for (uint32_t f = 0; f < features; ++f) h[bins_.HistOffset(f) + row[f]] += g;
      }
      continue;
    }
    const uint32_t width = features <= kWholeRowFeatures ? features : kTileFeatures;
    if (features == 0) {
      for (size_t i = 0; i < count; ++i) grad[i] = packed[index[i]];
    } else {
      kAddFirst[width - 1](bins_.row_bytes(), bins_.stride(), index, count, packed, grad, h.data());
    }
    for (uint32_t f = width; f < features; f += width) {
      kAddNext[std::min(width, features - f) - 1](bins_.row_bytes() + f, bins_.stride(), index,
                                                  count, packed, grad, h.data() + size_t{f} * 256);
    }
    for (const auto& tile : bins_.histogram_tiles()) {
      const auto add = tile.pad == 4 ? AddEntries<4> : AddEntries<1>;
      add(tile, index, count, grad, h.data() + tile.hist_begin);
    }
  }
}

void HistogramBuilder::Build(std::span<const Task> tasks, const PackedGrad* packed) {
  size_t total = 0;
  for (const Task& task : tasks) total += task.rows.size();
  const auto threads = static_cast<size_t>(pool_.size());
  if (threads == 1 || total < threads * kRowsPerThread) {
    for (const Task& task : tasks) {
      Clear(*task.out);
      AddRows(task.rows, packed, *task.out);
    }
    return;
  }
  // The rows of all tasks, end to end, are cut into one piece per thread. The thread with a task's
  // first row writes to its histogram; one that starts in its middle has a partial one.
  const auto cut = [&](size_t t) { return total * t / threads; };
  pool_.Run([&](int thread) {
    const auto t = static_cast<size_t>(thread);
    const size_t begin = cut(t);
    const size_t end = cut(t + 1);
    size_t first = 0;  // of the task's rows
    for (const Task& task : tasks) {
      const size_t last = first + task.rows.size();
      const size_t from = std::max(begin, first);
      const size_t to = std::min(end, last);
      const bool empty = first == last && begin <= first && first < end;
      if (from < to || empty) {
        Histogram& h = from == first ? *task.out : partial_[t - 1];
        Clear(h);
        if (from < to) AddRows(task.rows.subspan(from - first, to - from), packed, h);
      }
      first = last;
    }
  });
  size_t first = 0;
  for (const Task& task : tasks) {
    const size_t last = first + task.rows.size();
    for (size_t t = 1; t < threads; ++t) {
      // Thread t started inside this task (and not at its first row).
      if (cut(t) > first && cut(t) < last && cut(t) < cut(t + 1)) {
        PackedGrad* to = task.out->data();
        const PackedGrad* from = partial_[t - 1].data();
        ForUsedSlots([&](size_t slot, size_t count) {
          for (size_t i = slot; i < slot + count; ++i) to[i] += from[i];
        });
      }
    }
    if (first == last && total == 0) Clear(*task.out);
    first = last;
  }
}

void HistogramBuilder::Sum(std::span<Histogram* const> built, const Shard& shard) {
  if (shard.alone()) return;
  sent_.clear();
  for (const Histogram* h : built) {
    ForUsedSlots([&](size_t first, size_t count) {
      sent_.insert(sent_.end(), h->data() + first, h->data() + first + count);
    });
  }
  shard.hosts->Sum(sent_);
  const PackedGrad* from = sent_.data();
  for (Histogram* h : built) {
    ForUsedSlots([&](size_t first, size_t count) {
      std::copy_n(from, count, h->data() + first);
      from += count;
    });
  }
}

void HistogramBuilder::BuildRoots(std::span<const PackedGrad* const> packed,
                                  std::span<Histogram> out) {
  constexpr size_t kMostLanes = 8;
  constexpr size_t kRootRows = 2048;  // whose gradients fit the second-level cache
  const auto threads = static_cast<size_t>(pool_.size());
  const std::span<const uint32_t> features = bins_.dense();
  joint_.resize(threads);
  // Each thread has some of the features, and all rows.
  pool_.ForEach(threads, [&](size_t part, int) {
    const std::span<const uint32_t> own =
        features.subspan(features.size() * part / threads,
                         features.size() * (part + 1) / threads - features.size() * part / threads);
    Histogram& joint = joint_[part];
    // The gradients of a block, side by side, then the sums.
    joint.Resize((kRootRows + own.size() * 256) * kMostLanes);
    PackedGrad* const grad = joint.data();
    PackedGrad* const sums = grad + kRootRows * kMostLanes;
    for (size_t first = 0; first < packed.size(); first += kMostLanes) {
      const size_t outputs = std::min(kMostLanes, packed.size() - first);
      const size_t lanes = outputs > 4 ? 8 : (outputs > 2 ? 4 : 2);
      std::fill_n(grad, kRootRows * lanes, 0);
      std::fill_n(sums, own.size() * 256 * lanes, 0);
      for (size_t begin = 0; begin < bins_.rows(); begin += kRootRows) {
        const size_t count = std::min(kRootRows, bins_.rows() - begin);
        for (size_t k = 0; k < outputs; ++k) {
          const PackedGrad* const from = packed[first + k] + begin;
          for (size_t i = 0; i < count; ++i) grad[i * lanes + k] = from[i];
        }
        for (size_t f = 0; f < own.size(); ++f) {
          BestKernels().add_lanes(bins_.column<uint8_t>(own[f]) + begin, count, grad, lanes,
                                  sums + f * 256 * lanes);
        }
      }
      for (size_t f = 0; f < own.size(); ++f) {
        const PackedGrad* const from = sums + f * 256 * lanes;
        for (size_t k = 0; k < outputs; ++k) {
          PackedGrad* const to = out[first + k].data() + bins_.HistOffset(own[f]);
          const size_t slots = bins_.HistSlots(own[f]);
          for (size_t b = 0; b < slots; ++b) to[b] = from[b * lanes + k];
        }
      }
    }
  });
}

}  // namespace clary::gbdt
