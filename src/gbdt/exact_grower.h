// Grows one tree by scanning every distinct value (tree_method=exact).
//
// Each column is sorted once. A level's nodes are searched together: a scan of a sorted column
// meets the rows of all of them in order of value, and keeps one running sum per node. Thresholds
// lie midway between neighbouring values. Growth ignores gamma; afterwards splits whose children
// are leaves and that gain less than gamma are taken back, from the bottom up.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "clary/gbdt.h"
#include "gbdt/kernels.h"
#include "gbdt/sampler.h"
#include "gbdt/split.h"
#include "gbdt/tree.h"

namespace clary::gbdt {

class ExactGrower {
 public:
  // All are borrowed. Takes 8 bytes per present value. params.max_depth > 0; grow_policy and
  // max_leaves are not used, as upstream.
  ExactGrower(const TrainParams& params, const Dataset& data, ThreadPool& pool);

  // `packed` [rows]; rows in `dropped` (ascending) count for nothing, but are led to a leaf. Leaf
  // values include eta / num_parallel_tree.
  Tree Grow(const PackedGrad* packed, const GradScale& scale, std::span<const uint32_t> dropped,
            FeatureSampler& features);

  // The leaf of each row in the last tree; [rows].
  std::span<const NodeId> leaf_of() const { return node_of_; }
  // The rows of each leaf but the dropped ones. The spans live until the next Grow.
  std::vector<LeafRows> leaves();

 private:
  struct Entry {
    float value;
    uint32_t row;
  };
  struct Candidate {
    float gain = 0;
    uint32_t feature = 0;
    float threshold = 0;
    bool default_left = false;
    PackedGrad left = 0;
    bool Beats(const Candidate& other) const {
      return gain > other.gain || (gain == other.gain && gain > 0 && feature < other.feature);
    }
  };
  struct OpenNode {
    NodeId id = 0;
    PackedGrad total = 0;
    WeightBounds bounds;
    float own_gain = 0;
    std::vector<uint32_t> path;    // features above it, ascending
    std::vector<uint8_t> may_use;  // [features], or empty if all of the level's are allowed
    Candidate best;
  };
  // A row's part in the level that is searched.
  struct RowState {
    PackedGrad grad;
    uint32_t slot;  // of its open node; kNoSlot if it counts for none
  };
  // An open node's running state within a scan.
  struct Running {
    PackedGrad sum = 0;
    float last = 0;
    Candidate best;
  };
  static constexpr uint32_t kNoSlot = UINT32_MAX;

  std::span<const Entry> column(uint32_t f) const {
    return std::span(entries_).subspan(begin_[f], begin_[f + 1] - begin_[f]);
  }
  void Search(std::span<OpenNode> level, std::span<const uint32_t> features);
  template <bool kForward>
  void Scan(std::span<const OpenNode> level, uint32_t f, std::span<Running> running) const;
  // Leads the rows of split nodes to their children, whose slots `slot_of` gives by node.
  void MoveRows(const Tree& tree, std::span<const OpenNode> split,
                std::span<const uint32_t> slot_of);
  void MakeLeaf(Tree& tree, const OpenNode& node) const;
  Tree Prune(Tree tree);

  const TrainParams& params_;
  ThreadPool& pool_;
  SplitScorer scorer_;
  float eta_;
  size_t rows_;
  std::vector<size_t> begin_;  // [features + 1], in entries_
  std::vector<Entry> entries_;

  GradScale scale_;
  std::vector<RowState> state_;
  std::vector<NodeId> node_of_;
  std::vector<uint8_t> is_dropped_;  // empty if none is
  std::vector<uint32_t> leaf_rows_;
};

}  // namespace clary::gbdt
