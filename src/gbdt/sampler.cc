#include "gbdt/sampler.h"

#include <algorithm>
#include <cmath>

namespace clary::gbdt {
namespace {

// x <- 16807 x mod 2^63: cheap to skip ahead in, so that any thread can start at any row.
constexpr uint64_t kMultiplier = 16807;
constexpr uint64_t kModulus = uint64_t{1} << 63;
using RowEngine = std::linear_congruential_engine<uint64_t, kMultiplier, 0, kModulus>;

uint64_t SkipAhead(uint64_t seed, uint64_t steps) {
  uint64_t power = kMultiplier;
  uint64_t state = seed;
  for (; steps != 0; steps >>= 1) {
    if ((steps & 1) != 0) state *= power;
    power *= power;
  }
  return state % kModulus;  // arithmetic modulo 2^64 keeps the low 63 bits right
}

}  // namespace

void RowSampler::Draw(RandomEngine& engine, ThreadPool& pool) {
  if (!active()) return;
  const uint64_t seed = engine();
  constexpr size_t kBlock = 65536;
  const size_t blocks = (rows_ + kBlock - 1) / kBlock;
  std::vector<std::vector<uint32_t>> kept(blocks);
  std::vector<std::vector<uint32_t>> dropped(blocks);
  pool.ForEach(blocks, [&](size_t b, int) {
    RowEngine rng(SkipAhead(seed, b * kBlock));
    std::bernoulli_distribution keep(rate_);
    for (size_t r = b * kBlock; r < std::min(rows_, (b + 1) * kBlock); ++r) {
      (keep(rng) ? kept[b] : dropped[b]).push_back(static_cast<uint32_t>(r));
    }
  });
  kept_.clear();
  dropped_.clear();
  for (size_t b = 0; b < blocks; ++b) {
    kept_.insert(kept_.end(), kept[b].begin(), kept[b].end());
    dropped_.insert(dropped_.end(), dropped[b].begin(), dropped[b].end());
  }
}

FeatureSampler::FeatureSampler(const TrainParams& params, uint32_t features, RandomEngine& engine)
    : by_tree_(params.colsample_bytree),
      by_level_(params.colsample_bylevel),
      by_node_(params.colsample_bynode),
      engine_(engine()) {
  for (uint32_t f = 0; f < features; ++f) all_.push_back(f);
  const bool hist =
      params.tree_method == TreeMethod::kHist || params.tree_method == TreeMethod::kAuto;
  if (params.version >= 2 && hist) StartTree();
}

void FeatureSampler::Shrink(std::vector<uint32_t>& set, float rate) {
  if (rate == 1.0F) return;
  std::shuffle(set.begin(), set.end(), engine_);
  const auto n = static_cast<size_t>(rate * static_cast<float>(set.size()));
  set.resize(std::max<size_t>(1, n));
  std::ranges::sort(set);
}

void FeatureSampler::StartTree() {
  tree_ = all_;
  Shrink(tree_, by_tree_);
  level_.clear();
}

std::span<const uint32_t> FeatureSampler::ForNode(int depth) {
  if (by_level_ == 1.0F && by_node_ == 1.0F) return tree_;
  const auto d = static_cast<size_t>(depth);
  if (level_.size() <= d) level_.resize(d + 1);
  if (level_[d].empty()) {
    level_[d] = tree_;
    Shrink(level_[d], by_level_);
  }
  if (by_node_ == 1.0F) return level_[d];
  node_ = level_[d];
  Shrink(node_, by_node_);
  return node_;
}

std::vector<uint32_t> AllowedFeatures(const std::vector<std::vector<uint32_t>>& groups,
                                      std::span<const uint32_t> path,
                                      std::span<const uint32_t> sampled) {
  std::vector<uint32_t> allowed(path.begin(), path.end());
  for (const auto& group : groups) {
    const bool holds_path = std::ranges::all_of(
        path, [&](uint32_t f) { return std::ranges::find(group, f) != group.end(); });
    if (holds_path) allowed.insert(allowed.end(), group.begin(), group.end());
  }
  std::ranges::sort(allowed);
  std::vector<uint32_t> both;
  for (const uint32_t f : sampled) {
    if (path.empty() || std::ranges::binary_search(allowed, f)) both.push_back(f);
  }
  return both;
}

}  // namespace clary::gbdt
