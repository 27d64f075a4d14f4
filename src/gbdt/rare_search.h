// The search for splits on rare features (BinnedMatrix), which have too few values to be worth a
// histogram in every node: its empty slots would have to be cleared, subtracted and scanned.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "clary/gbdt.h"
#include "gbdt/binned_matrix.h"
#include "gbdt/kernels.h"
#include "gbdt/split.h"

namespace clary::gbdt {

// For all nodes of a level at once, a feature's values are read in the order of their bins. Each
// adds its row's gradient to the sum of the node that the row is in; so each sum that is passed is
// that of a position which a scan of the node's histogram would find. Rough scores tell which nodes
// are worth an exact look.
class RareSearch {
 public:
  RareSearch(const TrainParams& params, const BinnedMatrix& bins, const SplitScorer& scorer,
             ThreadPool& pool);

  // Features with fewer values a bin than this are better off as rare ones; 0 where the parameters
  // ask for what this search can't do.
  static float ValuesPerBin(const TrainParams& params);

  struct Node {
    std::span<const uint32_t> rows;
    PackedGrad total;
    SplitCandidate* best;  // of the other features; replaced by a better one
  };
  // Searches the rare ones of `features`, which ascend. The nodes have no row in common. Ties go to
  // the lower feature, rare or not.
  void Improve(std::span<const Node> nodes, const PackedGrad* packed, const GradScale& scale,
               std::span<const uint32_t> features);

 private:
  struct Found {
    float gain;
    uint32_t feature;
    ScanBest split;
  };
  // Of one thread. Nodes count from 1; 0 stands for all rows that are in none of them.
  struct Scratch {
    std::vector<PackedGrad> present;  // [nodes]
    std::vector<float> bar;           // [nodes]
    std::vector<uint8_t> flag;        // [nodes]
    std::vector<Found> found;         // [nodes]
    std::vector<PackedGrad> sum;      // [values of a feature]
    std::vector<uint8_t> node;        // the same
  };

  // At most kNodesAtOnce nodes.
  void ImproveSome(std::span<const Node> nodes, const PackedGrad* packed, const GradScale& scale);
  void SumValues(const BinnedMatrix::SortedColumn& column, const PackedGrad* packed,
                 Scratch& scratch) const;
  // The best split of one node, from its values that SumValues has summed.
  ScanBest Look(const BinnedMatrix::SortedColumn& column, size_t node, const Scratch& scratch,
                const ScanInput& in) const;

  const TrainParams& params_;
  const BinnedMatrix& bins_;
  const SplitScorer& scorer_;
  ThreadPool& pool_;
  const Kernels& kernels_;
  std::vector<uint32_t> features_;  // the rare ones of those asked for
  std::vector<uint8_t> node_of_;    // [rows]
  std::vector<Scratch> scratch_;    // [threads]
};

}  // namespace clary::gbdt
