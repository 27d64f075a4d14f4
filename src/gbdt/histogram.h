// Histograms of gradient pairs per feature and bin, and their exact integer arithmetic.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "data/buffer.h"
#include "gbdt/binned_matrix.h"
#include "gbdt/kernels.h"
#include "gbdt/shard.h"

namespace clary::gbdt {

// One node's histogram: BinnedMatrix::HistSize() slots; feature f owns those from HistOffset(f),
// its bins first, then, unless it is thin, one slot for missing values: those of a thin one are
// what its bins lack of the node's total. Slots outside those are not defined.
using Histogram = data::Buffer<PackedGrad>;

// Keeps histograms for reuse, so that growing a tree allocates nothing after the first.
class HistogramPool {
 public:
  explicit HistogramPool(size_t size) : size_(size) {}
  Histogram Take();
  void Give(Histogram h) { free_.push_back(std::move(h)); }

 private:
  size_t size_;
  std::vector<Histogram> free_;
};

// Builds histograms over one binned matrix. Sums are exact, so the result does not
// depend on the number of threads.
class HistogramBuilder {
 public:
  HistogramBuilder(const BinnedMatrix& bins, ThreadPool& pool);

  // A node's rows (ascending) and where their histogram goes.
  struct Task {
    std::span<const uint32_t> rows;
    Histogram* out;
  };
  // Sets each task's histogram to the sum of packed[row] over its rows.
  void Build(std::span<const Task> tasks, const PackedGrad* packed);

  // Whether BuildRoots can: no feature is thin, and a code is one byte.
  bool can_build_roots() const { return !bins_.wide() && bins_.tiles().empty(); }
  // Sets out[k] to the sum of packed[k][row] over all rows. Several at a time, since a row's bins
  // are the same for all, and a bin's sums can lie side by side in a vector.
  void BuildRoots(std::span<const PackedGrad* const> packed, std::span<Histogram> out);

  // Adds up what the hosts have built, each of its rows.
  void Sum(std::span<Histogram* const> built, const Shard& shard);

  HistogramPool& storage() { return storage_; }

 private:
  void Clear(Histogram& h) const;
  void AddRows(std::span<const uint32_t> rows, const PackedGrad* packed, Histogram& h) const;
  template <typename Op>
  void ForUsedSlots(Op&& op) const;  // op(first, count) for each feature's slots

  const BinnedMatrix& bins_;
  ThreadPool& pool_;
  HistogramPool storage_;
  std::vector<Histogram> partial_;  // one per thread but the first
  std::vector<Histogram> joint_;    // scratch of BuildRoots, one per thread
  std::vector<PackedGrad> sent_;    // scratch of Sum
};

}  // namespace clary::gbdt
