#include "gbdt/sampler.h"

#include <algorithm>
#include <cmath>

namespace clary::gbdt {
namespace {

// x <- 16807 x mod 2^63: cheap to skip ahead in, so that any thread can start at any row.
constexpr uint64_t kMultiplier = 16807;
constexpr uint64_t kModulus = uint64_t{1} << 63;

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

// libstdc++'s bernoulli_distribution(rate) keeps a row if the draw less 1, rounded to a double, is
// below rate * 2^63. These are the draws below this one.
uint64_t KeptBelow(double rate) {
  uint64_t low = 1;  // draws are at least 1
  uint64_t high = kModulus;
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    if (static_cast<double>(middle - 1) * 0x1p-63 < rate) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

// Says row by row whether it is kept. The generator's next states are computed some ahead, each
// from the one kAhead rows before, so that multiplications do not wait for each other.
class UniformRows {
 public:
  UniformRows(uint64_t seed, uint64_t bound) : bound_(bound) {
    if (seed == 0) seed = 1;  // as the standard's engine has it
    for (uint64_t& s : next_) s = seed = seed * kMultiplier % kModulus;
  }
  bool operator()(size_t) {
    uint64_t& state = next_[at_++ % kAhead];
    const bool keep = state < bound_;
    state = state * kJump % kModulus;
    return keep;
  }

 private:
  static constexpr size_t kAhead = 8;
  static constexpr uint64_t kJump = [] {
    uint64_t power = 1;
    for (size_t i = 0; i < kAhead; ++i) power *= kMultiplier;
    return power;
  }();
  uint64_t next_[kAhead];
  size_t at_ = 0;
  uint64_t bound_;
};

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
  kept_.resize(rows_);
  dropped_.resize(rows_);
  std::vector<size_t> kept(blocks);
  pool.ForEach(blocks, [&](size_t b, int) {
    auto keep = keep_of(b);
    const size_t begin = b * kBlock;
    const size_t count = std::min(rows_ - begin, kBlock);
    uint32_t* const in = kept_.data() + begin;
    uint32_t* const out = dropped_.data() + begin;
    size_t found = 0;
    for (size_t i = 0; i < count; ++i) {  // no branch: it could not be predicted
      in[found] = out[i - found] = static_cast<uint32_t>(begin + i);
      found += static_cast<size_t>(keep(begin + i));
    }
    kept[b] = found;
  });
  // Every block's part moves down to the end of the one before.
  kept_count_ = dropped_count_ = 0;
  const auto move = [](std::vector<uint32_t>& rows, size_t from, size_t count, size_t& to) {
    if (from != to) std::copy_n(rows.data() + from, count, rows.data() + to);
    to += count;
  };
  for (size_t b = 0; b < blocks; ++b) {
    const size_t begin = b * kBlock;
    move(kept_, begin, kept[b], kept_count_);
    move(dropped_, begin, std::min(rows_ - begin, kBlock) - kept[b], dropped_count_);
  }
}

OutputGradients RowSampler::Draw(RandomEngine& engine, ThreadPool& pool,
                                 const OutputGradients& gradients) {
  if (!active()) return gradients;
  const uint64_t seed = engine();
  if (method_ == SamplingMethod::kUniform) {
    const uint64_t bound = KeptBelow(rate_);
    Divide(pool, [&](size_t block) {
      return UniformRows(SkipAhead(seed, shard_.first + block * kBlock), bound);
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
  std::vector<float> scratch =
      shard_.alone() ? score : shard_.hosts->Gather(std::span<const float>(score), shard_.rows);
  const float threshold =
      SamplingThreshold(scratch, double{rate_} * static_cast<double>(shard_.rows));
  Divide(pool, [&](size_t) {
    return [&](size_t r) {
      const float p = score[r] > threshold ? 1.0F : (score[r] > 0 ? score[r] / threshold : 0.0F);
      if (p < 1 && !(UniformOf(seed, shard_.first + r) < p)) {
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
  if (params.version >= 200 && hist) StartTree();
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
