// Grows one tree on quantised gradients, by levels (depthwise) or by best gain first (lossguide).
//
// A step takes a batch of nodes that are to be split: their rows are divided in place, the smaller
// child's histogram is built and the larger one's is the parent's minus that, and both children are
// searched for their best split. Depthwise batches are whole levels; lossguide ones a single node.
// Several hosts add up the histograms that they build, each of its own rows, and search alike.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "clary/gbdt.h"
#include "gbdt/binned_matrix.h"
#include "gbdt/histogram.h"
#include "gbdt/phases.h"
#include "gbdt/rare_search.h"
#include "gbdt/sampler.h"
#include "gbdt/shard.h"
#include "gbdt/split.h"
#include "gbdt/tree.h"

namespace clary::gbdt {

// A grown tree over bins, for rows that are binned already.
struct BinnedTree {
  static constexpr int32_t kCategorical = std::numeric_limits<int32_t>::min();
  struct Node {
    NodeId left;  // its own id for a leaf
    uint32_t feature;
    int32_t bin;            // bins <= bin go left; INT32_MAX for a leaf; kCategorical
    uint32_t missing_left;  // the code that goes left too, or UINT32_MAX; if categorical, where in
                            // left_codes the node's bits begin
  };
  bool GoesLeft(const Node& node, uint32_t code) const {
    if (node.bin == kCategorical) {
      return (left_codes[node.missing_left + code / 64] >> (code % 64) & 1) != 0;
    }
    return static_cast<int32_t>(code) <= node.bin || code == node.missing_left;
  }
  // Adds a categorical node's bits, of `codes` codes: all but `right` go left.
  uint32_t AddLeftCodes(uint32_t codes, std::span<const uint32_t> right);

  std::vector<Node> nodes;
  std::vector<uint64_t> left_codes;  // empty if no node is categorical
  int depth = 0;
  // Adds each row's leaf value to margin[row * stride].
  void AddTo(const BinnedMatrix& bins, std::span<const float> leaf_value, float* margin,
             size_t stride, ThreadPool& pool) const;
  // The same for some rows only.
  void AddTo(const BinnedMatrix& bins, std::span<const uint32_t> rows,
             std::span<const float> leaf_value, float* margin, size_t stride,
             ThreadPool& pool) const;
};

class TreeGrower {
 public:
  // All are borrowed. `leaf_rows` asks that leaves() is complete after Grow (for refitted leaves);
  // otherwise rows below the last level are divided only when margins are updated. `phases`, if
  // given, learns where the time goes.
  TreeGrower(const TrainParams& params, const BinnedMatrix& bins, FeatureSampler& features,
             ThreadPool& pool, bool leaf_rows, const Shard& shard, PhaseClock* phases = nullptr);

  // `packed` [rows]; `rows` are those to grow on (ascending), or nullopt for all. Leaf values
  // include eta / num_parallel_tree.
  Tree Grow(const PackedGrad* packed, const GradScale& scale,
            std::optional<std::span<const uint32_t>> rows, Histogram root = {});

  // The histograms of the roots of several trees on all rows, faster than Grow builds each; for its
  // `root`. Empty if there is no faster way.
  std::vector<Histogram> Roots(std::span<const PackedGrad* const> packed);

  // The tree that was last grown, over bins.
  const BinnedTree& binned() const { return binned_; }
  // Adds the leaf values of the last tree to margin[row * stride] for the rows it was grown on.
  void AddTo(const Tree& tree, float* margin, size_t stride);

  std::vector<LeafRows> leaves() const;

 private:
  struct Node {
    NodeId id = 0;
    uint32_t begin = 0;  // its rows in rows_
    uint32_t end = 0;
    int depth = 0;
    PackedGrad total = 0;
    WeightBounds bounds;
    Histogram histogram;
    bool is_rest = false;  // the histogram is still the parent's, less that of the other child
    SplitCandidate best;
    std::vector<uint32_t> path;  // features above it, ascending; kept for interaction constraints
    uint32_t rows() const { return end - begin; }
  };
  // A part of a node's rows that one thread divides.
  struct Piece {
    size_t node;  // in the batch
    uint32_t begin;
    uint32_t end;
    uint32_t left = 0;  // how many went left
  };

  void GrowDepthwise(Tree& tree, std::vector<Node> level);
  void GrowLossguide(Tree& tree, Node root);
  // Splits every node of `batch` in the tree; returns their children, in pairs, searched for
  // splits where they may be split themselves.
  std::vector<Node> Expand(Tree& tree, std::vector<Node>& batch);
  bool MaySplit(const Node& node) const;
  bool ChildrenMaySplit(const Node& node) const;
  void DivideRows(std::span<const Node> batch, std::vector<Node>& children);
  // Builds the histograms of `tasks`, unless that is done, and searches `nodes`: the root, or the
  // children of nodes in pairs, one of each with its task.
  void FindSplits(std::span<Node*> nodes, std::span<const HistogramBuilder::Task> tasks,
                  bool built = false);
  // Whether the left child's histogram is the one to build.
  bool BuildsLeft(const Node& left, const Node& right) const;
  void FindInHistograms(std::span<Node*> nodes, std::span<const std::span<const uint32_t>> sets);
  void Finish(Tree& tree, Node& node);
  std::vector<Piece> CutIntoPieces(std::span<const Node> nodes) const;
  void Enter(Phase phase) {
    if (phases_ != nullptr) phases_->Enter(phase);
  }
  template <typename Bin>
  uint32_t AddStretch(const Node& node, uint32_t i, size_t limit, const Tree& tree, float* margin,
                      size_t stride);
  template <typename Bin>
  void DividePiece(const Node& node, Piece& piece);

  const TrainParams& params_;
  const BinnedMatrix& bins_;
  FeatureSampler& features_;
  ThreadPool& pool_;
  const bool leaf_rows_;
  const Shard shard_;
  const Kernels& kernels_;
  HistogramBuilder histograms_;
  SplitFinder finder_;
  RareSearch rare_;
  float eta_;
  PhaseClock* phases_;

  // State of the tree that is being grown.
  const PackedGrad* packed_ = nullptr;
  GradScale scale_;
  int leaf_count_ = 0;
  std::vector<uint32_t> rows_;
  std::vector<uint32_t> right_;  // scratch for dividing
  std::vector<uint8_t> codes_;   // scratch for columns that are lists
  std::vector<Node> leaf_nodes_;
  std::vector<Node> undivided_;  // split nodes both of whose children are leaves
  BinnedTree binned_;
};

}  // namespace clary::gbdt
