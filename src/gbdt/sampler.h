// Sampling of rows and features, draw for draw as XGBoost's hist method does it, so that the same
// seed gives the same samples. Needs libstdc++'s distributions.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "clary/gbdt.h"
#include "gbdt/shard.h"

namespace clary::gbdt {

// The run's one source of randomness.
using RandomEngine = std::mt19937;

// One output's gradients, [rows] each.
struct OutputGradients {
  std::span<const float> grad;
  std::span<const float> hess;
};

// Which rows a tree is grown on, and with which gradients.
//
// uniform keeps each row with probability `subsample`. gradient_based keeps row i with probability
// p_i = min(1, s_i / t), s_i = sqrt(g_i^2 + 0.1 h_i^2), and divides its gradients by p_i; t makes
// the p_i sum to subsample * rows (Ibragimov and Gusev, "Minimal Variance Sampling in Stochastic
// Gradient Boosting", 2019). Rows of weight 0 are never kept by it.
class RowSampler {
 public:
  // `rows` of this host, those of `shard`.
  RowSampler(const TrainParams& params, size_t rows, const Shard& shard)
      : rate_(params.subsample), method_(params.sampling_method), rows_(rows), shard_(shard) {}

  // Draws the next tree's rows. Gives back the gradients to grow on: the given ones, or a copy kept
  // here that is 0 for dropped rows. Draws nothing, and kept() is empty, when every row is kept
  // (active() is false).
  OutputGradients Draw(RandomEngine& engine, ThreadPool& pool, const OutputGradients& gradients);
  bool active() const { return rate_ < 1; }
  std::span<const uint32_t> kept() const { return {kept_.data(), kept_count_}; }  // ascending
  std::span<const uint32_t> dropped() const { return {dropped_.data(), dropped_count_}; }

 private:
  // Fills kept_ and dropped_; keep(block) makes a function that is asked row by row.
  template <typename KeepOf>
  void Divide(ThreadPool& pool, KeepOf&& keep_of);

  float rate_;
  SamplingMethod method_;
  size_t rows_;
  const Shard shard_;
  std::vector<uint32_t> kept_;  // [rows], of which the first kept_count_ count
  std::vector<uint32_t> dropped_;
  size_t kept_count_ = 0;
  size_t dropped_count_ = 0;
  std::vector<float> grad_;  // of gradient_based
  std::vector<float> hess_;
};

// The t for which the sum of min(1, score / t) is `target`, which is at least 0 and less than the
// number of scores. 0 if no more than `target` scores are positive: all of them are kept. Reorders
// `score`, which is not negative.
float SamplingThreshold(std::vector<float>& score, double target);

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
