// Sampling of rows and features, draw for draw as XGBoost's hist method does it, so that the same
// seed gives the same samples. Needs libstdc++'s distributions.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "clary/gbdt.h"

namespace clary::gbdt {

// The run's one source of randomness.
using RandomEngine = std::mt19937;

// Which rows a tree is grown on.
class RowSampler {
 public:
  RowSampler(const TrainParams& params, size_t rows) : rate_(params.subsample), rows_(rows) {}
  // Draws the next tree's rows; ascending. Draws nothing and gives an empty list when every row is
  // kept (active() is false).
  void Draw(RandomEngine& engine, ThreadPool& pool);
  bool active() const { return rate_ < 1; }
  std::span<const uint32_t> kept() const { return kept_; }
  std::span<const uint32_t> dropped() const { return dropped_; }

 private:
  float rate_;
  size_t rows_;
  std::vector<uint32_t> kept_;
  std::vector<uint32_t> dropped_;
};

// Which features a tree, a level and a node may use. Rates of 1 draw nothing.
class FeatureSampler {
 public:
  // Takes one draw from `engine` to seed a generator of its own. With hist, releases 2.0 to 3.3
  // sample once more before the first tree.
  FeatureSampler(const TrainParams& params, uint32_t features, RandomEngine& engine);
  void StartTree();
  // The features of the next evaluated node of `depth`, ascending; valid until the next call.
  std::span<const uint32_t> ForNode(int depth);

 private:
  void Shrink(std::vector<uint32_t>& set, float rate);

  float by_tree_;
  float by_level_;
  float by_node_;
  std::mt19937 engine_;
  std::vector<uint32_t> all_;
  std::vector<uint32_t> tree_;
  std::vector<std::vector<uint32_t>> level_;  // empty until first used in the tree
  std::vector<uint32_t> node_;
};

// Those of `sampled` (ascending) that interaction constraints leave to a node below splits on the
// features `path` (ascending): all at the root; then those of the path, and of every group that
// holds the whole path.
std::vector<uint32_t> AllowedFeatures(const std::vector<std::vector<uint32_t>>& groups,
                                      std::span<const uint32_t> path,
                                      std::span<const uint32_t> sampled);

}  // namespace clary::gbdt
