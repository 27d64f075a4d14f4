// A tree method at work: from gradients to trees, and from trees to margins.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "clary/gbdt.h"
#include "gbdt/binned_matrix.h"
#include "gbdt/phases.h"
#include "gbdt/sampler.h"
#include "gbdt/shard.h"
#include "gbdt/tree.h"

namespace clary::gbdt {

struct Bins::Data {
  Dataset train;
  int max_bin = 0;
  float rare = 0;  // of BinnedMatrix
  std::shared_ptr<const Cuts> cuts;
  std::shared_ptr<const BinnedMatrix> bins;  // of `train`
  struct Watched {
    Dataset data;
    std::shared_ptr<const BinnedMatrix> bins;
  };
  std::vector<Watched> watched;
};

// The rows that a tree is grown on, and the others; both ascending. Both empty: every row.
struct RowSample {
  std::span<const uint32_t> kept;
  std::span<const uint32_t> dropped;
  // nullopt if every row is kept; a sample may have no rows.
  std::optional<std::span<const uint32_t>> sample() const {
    if (dropped.empty()) return std::nullopt;
    return kept;
  }
};

// One per training run; not for several threads at once.
class TreeBuilder {
 public:
  struct Options {
    // leaves() will be asked for (objectives that refit leaves).
    bool leaf_rows = false;
    PhaseClock* phases = nullptr;  // learns where the time goes, as far as the method tells
    Bins bins = {};                // for hist, as far as they fit
    Shard shard;                   // that `train` is a part of
  };
  // The builder of params.tree_method. Borrows everything; takes the draws from `engine` that
  // upstream's method takes when it is set up. kInvalidArgument for what the method cannot do (the
  // message says what to change) and for values of a categorical feature that are no categories.
  static Result<std::unique_ptr<TreeBuilder>> Make(const TrainParams& params, const Dataset& train,
                                                   RandomEngine& engine, ThreadPool& pool,
                                                   const Options& options);
  virtual ~TreeBuilder() = default;

  // Says what the next calls of Grow, one for each item and without a sample of rows, will get:
  // some work can be done for all at once. Need not be called.
  virtual void Prepare(std::span<const OutputGradients> /*gradients*/,
                       std::span<const uint32_t> /*seeds*/) {}
  // Leaf values include eta / num_parallel_tree. `seed` keys the rounding of gradients.
  virtual Tree Grow(const OutputGradients& gradients, uint32_t seed, const RowSample& rows) = 0;
  // The rows of each leaf of the last tree, of those it was grown on.
  virtual std::vector<LeafRows> leaves() = 0;
  // Adds the last tree's leaf values (`tree` may have others by now) to margin[row * stride] for
  // every row of the training data.
  virtual void AddTo(const Tree& tree, float* margin, size_t stride) = 0;

  // Prepares another dataset (kept as a handle) for AddToWatched; returns its number.
  virtual size_t Watch(const Dataset& data) = 0;
  // The same as AddTo for a watched dataset.
  virtual void AddToWatched(size_t set, const Tree& tree, float* margin, size_t stride) = 0;
};

// Adds each row's leaf value to margin[row * stride], by values rather than bins.
void AddLeaves(const Tree& tree, const Dataset& data, float* margin, size_t stride,
               ThreadPool& pool);

}  // namespace clary::gbdt
