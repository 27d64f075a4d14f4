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

// Rows that are drawn at a time.
constexpr size_t kBlock = 65536;

// A number in [0, 1) of row `row`, by counter (the finaliser of splitmix64).
float UniformOf(uint64_t seed, uint64_t row) {
  uint64_t x = (seed << 32) + row + 0x9E3779B97F4A7C15U;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  x ^= x >> 31;
  return static_cast<float>(x >> 40) * 0x1p-24F;
}

}  // namespace

template <typename KeepOf>
void RowSampler::Divide(ThreadPool& pool, KeepOf&& keep_of) {
  const size_t blocks = (rows_ + kBlock - 1) / kBlock;
  std::vector<std::vector<uint32_t>> kept(blocks);
  std::vector<std::vector<uint32_t>> dropped(blocks);
  pool.ForEach(blocks, [&](size_t b, int) {
    auto keep = keep_of(b);
    for (size_t r = b * kBlock; r < std::min(rows_, (b + 1) * kBlock); ++r) {
      (keep(r) ? kept[b] : dropped[b]).push_back(static_cast<uint32_t>(r));
    }
  });
  kept_.clear();
  dropped_.clear();
  for (size_t b = 0; b < blocks; ++b) {
    kept_.insert(kept_.end(), kept[b].begin(), kept[b].end());
    dropped_.insert(dropped_.end(), dropped[b].begin(), dropped[b].end());
  }
}

OutputGradients RowSampler::Draw(RandomEngine& engine, ThreadPool& pool,
                                 const OutputGradients& gradients) {
  if (!active()) return gradients;
  const uint64_t seed = engine();
  if (method_ == SamplingMethod::kUniform) {
    Divide(pool, [&](size_t block) {
      return [rng = RowEngine(SkipAhead(seed, block * kBlock)),
              keep = std::bernoulli_distribution(rate_)](size_t) mutable { return keep(rng); };
    });
    return gradients;
  }
  std::vector<float> score(rows_);
  grad_.resize(rows_);
  hess_.resize(rows_);
  const size_t blocks = (rows_ + kBlock - 1) / kBlock;
  pool.ForEach(blocks, [&](size_t b, int) {
    for (size_t r = b * kBlock; r < std::min(rows_, (b + 1) * kBlock); ++r) {
      grad_[r] = gradients.grad[r];
      hess_[r] = gradients.hess[r];
      score[r] = std::sqrt(grad_[r] * grad_[r] + 0.1F * hess_[r] * hess_[r]);
    }
  });
  std::vector<float> scratch = score;
  const float threshold = SamplingThreshold(scratch, double{rate_} * static_cast<double>(rows_));
  Divide(pool, [&](size_t) {
    return [&](size_t r) {
      const float p = score[r] > threshold ? 1.0F : (score[r] > 0 ? score[r] / threshold : 0.0F);
      if (p < 1 && !(UniformOf(seed, r) < p)) {
        grad_[r] = 0;
        hess_[r] = 0;
        return false;
      }
      grad_[r] /= p;
      hess_[r] /= p;
      return true;
    };
  });
  return {.grad = grad_, .hess = hess_};
}

float SamplingThreshold(std::vector<float>& score, double target) {
  // A search by halves over the scores in [begin, end). Those above are certain to be kept, the sum
  // of those below is known.
  auto begin = score.begin();
  auto end = score.end();
  double below = 0;
  double above = 0;
  while (begin != end) {
    const auto middle = begin + (end - begin) / 2;
    std::nth_element(begin, middle, end);
    const float pivot = *middle;
    double sum = below;
    for (auto it = begin; it != middle; ++it) sum += *it;
    // If the threshold were the pivot, this many would be kept.
    const double kept = above + static_cast<double>(end - middle) +
                        (pivot > 0 ? sum / static_cast<double>(pivot) : 0.0);
    if (kept > target) {
      // The threshold is higher, so the pivot is not certain to be kept.
      below = sum + static_cast<double>(pivot);
      begin = middle + 1;
    } else {
      above += static_cast<double>(end - middle);
      end = middle;
    }
  }
  return target > above ? static_cast<float>(below / (target - above)) : 0.0F;
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
