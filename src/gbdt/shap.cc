#include "gbdt/shap.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>

namespace clary::gbdt {
namespace {

constexpr size_t kBlock = 4096;  // rows that share one tree's tables
// Patterns of more features than this are worked out anew for each row.
constexpr size_t kMaxTableFeatures = 8;

// One tree as its leaves see it.
struct Paths {
  // Splits, each with a bit in a row's `decisions`: set if the row goes left.
  struct Split {
    uint32_t feature = 0;
    float threshold = 0;
    bool default_left = false;
    bool is_categorical = false;
    std::span<const uint32_t> right;
  };
  // Bits that a row's decisions must have in one word.
  struct Condition {
    uint32_t word = 0;
    uint64_t mask = 0;
    uint64_t want = 0;
  };
  // All splits of one feature on the way to a leaf.
  struct Element {
    uint32_t feature = 0;
    double zero = 1;  // share of the cover that passes when the feature does not take part
    uint32_t condition_begin = 0;
    uint32_t condition_end = 0;
  };
  struct Leaf {
    double value = 0;
    uint32_t element_begin = 0;
    uint32_t elements = 0;
    size_t table = 0;   // of patterns * width items
    size_t filled = 0;  // of patterns flags
  };

  std::vector<Split> splits;
  std::vector<Condition> conditions;
  std::vector<Element> elements;
  std::vector<Leaf> leaves;
  double mean = 0;  // of the leaves, by cover
  size_t table_size = 0;
  size_t pattern_count = 0;
};

// Items that a leaf with `n` features keeps for a pattern.
size_t Width(size_t n, bool pairs) { return pairs ? n * (n - 1) / 2 : n; }

class PathBuilder {
 public:
  PathBuilder(const Tree& tree, float weight, bool pairs)
      : tree_(tree), weight_(static_cast<double>(weight)), pairs_(pairs) {}

  Paths Build() {
    Walk(0, 1.0);
    return std::move(paths_);
  }

 private:
  struct Step {
    uint32_t feature;
    double zero;
    std::vector<Paths::Condition> conditions;
  };

  // Depth is bounded by the number of nodes, but trees may be deep: an explicit stack.
  void Walk(NodeId root, double) {
    struct Frame {
      NodeId node;
      std::vector<Step> path;
      double reach;  // share of the tree's cover
    };
    std::vector<Frame> stack;
    stack.push_back({root, {}, 1});
    while (!stack.empty()) {
      Frame frame = std::move(stack.back());
      stack.pop_back();
      const auto n = static_cast<size_t>(frame.node);
      if (tree_.left[n] == kNoNode) {
        AddLeaf(static_cast<double>(tree_.threshold[n]) * weight_, frame.path, frame.reach);
        continue;
      }
      const auto [is_categorical, right] = tree_.RightCategories(frame.node);
      const auto bit = paths_.splits.size();
      paths_.splits.push_back({.feature = tree_.feature[n],
                               .threshold = tree_.threshold[n],
                               .default_left = tree_.default_left[n] != 0,
                               .is_categorical = is_categorical,
                               .right = right});
      for (const int side : {1, 0}) {
        const NodeId child = tree_.left[n] + side;
        // A file may hold anything: a share stays a share.
        const double share =
            tree_.cover[n] > 0
                ? std::clamp(static_cast<double>(tree_.cover[static_cast<size_t>(child)]) /
                                 static_cast<double>(tree_.cover[n]),
                             0.0, 1.0)
                : 0.5;
        Frame next{child, frame.path, frame.reach * share};
        auto step = std::find_if(next.path.begin(), next.path.end(),
                                 [&](const Step& s) { return s.feature == tree_.feature[n]; });
        if (step == next.path.end()) {
          next.path.push_back({tree_.feature[n], 1, {}});
          step = std::prev(next.path.end());
        }
        step->zero *= share;
        const auto word = static_cast<uint32_t>(bit / 64);
        const uint64_t mask = uint64_t{1} << (bit % 64);
        auto condition = std::find_if(step->conditions.begin(), step->conditions.end(),
                                      [&](const Paths::Condition& c) { return c.word == word; });
        if (condition == step->conditions.end()) {
          step->conditions.push_back({word, 0, 0});
          condition = std::prev(step->conditions.end());
        }
        condition->mask |= mask;
        if (side == 0) condition->want |= mask;
        stack.push_back(std::move(next));
      }
    }
  }

  void AddLeaf(double value, const std::vector<Step>& path, double reach) {
    paths_.mean += value * reach;
    Paths::Leaf leaf;
    leaf.value = value;
    leaf.element_begin = static_cast<uint32_t>(paths_.elements.size());
    leaf.elements = static_cast<uint32_t>(path.size());
    for (const Step& step : path) {
      const auto begin = static_cast<uint32_t>(paths_.conditions.size());
      paths_.conditions.insert(paths_.conditions.end(), step.conditions.begin(),
                               step.conditions.end());
      paths_.elements.push_back(
          {step.feature, step.zero, begin, static_cast<uint32_t>(paths_.conditions.size())});
    }
    if (path.size() <= kMaxTableFeatures) {
      leaf.table = paths_.table_size;
      leaf.filled = paths_.pattern_count;
      paths_.table_size += Width(path.size(), pairs_) << path.size();
      paths_.pattern_count += size_t{1} << path.size();
    }
    paths_.leaves.push_back(leaf);
  }

  const Tree& tree_;
  const double weight_;
  const bool pairs_;
  Paths paths_;
};

// k! (n - 1 - k)! / n!: the share of orders in which k given players of n come before another one.
class OrderShares {
 public:
  std::span<const double> Of(size_t n) {
    while (shares_.size() <= n) {
      const size_t players = shares_.size();
      std::vector<double> of(players);
      double share = players == 0 ? 0 : 1.0 / static_cast<double>(players);
      for (size_t k = 0; k < players; ++k) {
        of[k] = share;
        if (k + 1 < players) {
          share *= static_cast<double>(k + 1) / static_cast<double>(players - 1 - k);
        }
      }
      shares_.push_back(std::move(of));
    }
    return shares_[n];
  }

 private:
  std::vector<std::vector<double>> shares_;
};

// Works out leaves' shares. The coalitions of a leaf's features are summed as the coefficients of
// the polynomial prod (zero_j + one_j y), whose power counts who takes part; one_j is 1 if the row
// satisfies feature j and 0 otherwise. Leaving one feature out divides by its factor.
class Shares {
 public:
  // contributions: out[i] for each element.
  void Contributions(const Paths& paths, const Paths::Leaf& leaf, std::span<const uint8_t> one,
                     float* out) {
    const size_t n = leaf.elements;
    Expand(paths, leaf, one);
    const std::span<const double> share = orders_.Of(n);
    double all = 0;
    for (size_t k = 0; k < n; ++k) all += share[k] * product_[k];
    for (size_t i = 0; i < n; ++i) {
      const double zero = paths.elements[leaf.element_begin + i].zero;
      if (one[i] == 0) {
        // (0 - zero) * (product / zero)
        out[i] = static_cast<float>(-leaf.value * all);
        continue;
      }
      double q = product_[n];
      double sum = share[n - 1] * q;
      for (size_t k = n - 1; k > 0; --k) {
        q = product_[k] - zero * q;
        sum += share[k - 1] * q;
      }
      out[i] = static_cast<float>(leaf.value * (1 - zero) * sum);
    }
  }

  // Interactions: out for each pair i < j, in order; half of what the pair shares.
  void Pairs(const Paths& paths, const Paths::Leaf& leaf, std::span<const uint8_t> one,
             float* out) {
    const size_t n = leaf.elements;
    if (n < 2) return;
    Expand(paths, leaf, one);
    const std::span<const double> share = orders_.Of(n - 1);
    for (size_t i = 0; i < n; ++i) {
      const double zero_i = paths.elements[leaf.element_begin + i].zero;
      Divide(product_, n, zero_i, one[i], without_i_);
      for (size_t j = i + 1; j < n; ++j) {
        const double zero_j = paths.elements[leaf.element_begin + j].zero;
        Divide(without_i_, n - 1, zero_j, one[j], without_ij_);
        double sum = 0;
        for (size_t k = 0; k + 1 < n; ++k) sum += share[k] * without_ij_[k];
        *out++ = static_cast<float>(leaf.value * (one[i] - zero_i) * (one[j] - zero_j) * sum / 2);
      }
    }
  }

 private:
  void Expand(const Paths& paths, const Paths::Leaf& leaf, std::span<const uint8_t> one) {
    const size_t n = leaf.elements;
    product_.assign(n + 1, 0);
    product_[0] = 1;
    for (size_t j = 0; j < n; ++j) {
      const double zero = paths.elements[leaf.element_begin + j].zero;
      for (size_t k = j + 1; k > 0; --k) {
        product_[k] = zero * product_[k] + (one[j] != 0 ? product_[k - 1] : 0);
      }
      product_[0] *= zero;
    }
  }

  // `from`, of degree n, by (zero + one y). Of no interest if both are 0: nothing is shared then.
  static void Divide(const std::vector<double>& from, size_t n, double zero, uint8_t one,
                     std::vector<double>& to) {
    to.assign(n, 0);
    if (one == 0) {
      if (zero == 0) return;
      for (size_t k = 0; k < n; ++k) to[k] = from[k] / zero;
      return;
    }
    double q = from[n];
    to[n - 1] = q;
    for (size_t k = n - 1; k > 0; --k) {
      q = from[k] - zero * q;
      to[k - 1] = q;
    }
  }

  OrderShares orders_;
  std::vector<double> product_;
  std::vector<double> without_i_;
  std::vector<double> without_ij_;
};

// One thread's work on one block of rows.
class BlockExplainer {
 public:
  BlockExplainer(const Forest& forest, PredictKind kind)
      : forest_(forest), kind_(kind), features_(forest.num_feature) {}

  // rows: [count * columns]. contributions: [count * outputs * (features + 1)]. interactions:
  // [count * outputs * (features + 1)^2] or nullptr. Adds to both.
  void Run(size_t first, size_t last, const float* rows, size_t count, size_t columns,
           float* contributions, float* interactions) {
    const auto outputs = static_cast<size_t>(forest_.num_output());
    const size_t width = features_ + 1;
    for (size_t t = first; t < last; ++t) {
      const auto output = static_cast<size_t>(forest_.tree_output[t]);
      const float weight = forest_.tree_weight.empty() ? 1.0F : forest_.tree_weight[t];
      if (kind_ == PredictKind::kApproxContributions) {
        const std::vector<double> means = Means(forest_.trees[t]);
        for (size_t r = 0; r < count; ++r) {
          Approximate(forest_.trees[t], means, weight, {rows + r * columns, columns},
                      contributions + (r * outputs + output) * width);
        }
        continue;
      }
      const Paths single = PathBuilder(forest_.trees[t], weight, false).Build();
      Add(single, false, rows, count, columns,
          [&](size_t r) { return contributions + (r * outputs + output) * width; });
      if (interactions == nullptr) continue;
      const Paths pairs = PathBuilder(forest_.trees[t], weight, true).Build();
      Add(pairs, true, rows, count, columns,
          [&](size_t r) { return interactions + (r * outputs + output) * width * width; });
    }
  }

 private:
  template <typename OutOf>
  void Add(const Paths& paths, bool pairs, const float* rows, size_t count, size_t columns,
           const OutOf& out_of) {
    table_.resize(paths.table_size);
    filled_.assign(paths.pattern_count, 0);
    decisions_.resize((paths.splits.size() + 63) / 64);
    for (size_t r = 0; r < count; ++r) {
      const float* row = rows + r * columns;
      Decide(paths, row, columns);
      float* out = out_of(r);
      if (!pairs) out[features_] += static_cast<float>(paths.mean);
      for (const Paths::Leaf& leaf : paths.leaves) {
        const size_t n = leaf.elements;
        const Paths::Element* const element = paths.elements.data() + leaf.element_begin;
        if (n > kMaxTableFeatures) {
          one_.resize(n);
          for (size_t i = 0; i < n; ++i) one_[i] = Satisfied(paths, element[i]) ? 1 : 0;
          own_.resize(Width(n, pairs));
          Work(paths, leaf, pairs, own_.data());
          Scatter(element, n, pairs, own_.data(), out);
          continue;
        }
        size_t pattern = 0;
        for (size_t i = 0; i < n; ++i) {
          pattern |= size_t{Satisfied(paths, element[i])} << i;
        }
        float* const items = table_.data() + leaf.table + pattern * Width(n, pairs);
        if (uint8_t& filled = filled_[leaf.filled + pattern]; filled == 0) [[unlikely]] {
          one_.resize(n);
          for (size_t i = 0; i < n; ++i) one_[i] = static_cast<uint8_t>(pattern >> i & 1);
          Work(paths, leaf, pairs, items);
          filled = 1;
        }
        Scatter(element, n, pairs, items, out);
      }
    }
  }

  void Work(const Paths& paths, const Paths::Leaf& leaf, bool pairs, float* items) {
    if (pairs) {
      shares_.Pairs(paths, leaf, one_, items);
    } else {
      shares_.Contributions(paths, leaf, one_, items);
    }
  }

  void Scatter(const Paths::Element* element, size_t n, bool pairs, const float* items,
               float* out) const {
    if (!pairs) {
      for (size_t i = 0; i < n; ++i) out[element[i].feature] += items[i];
      return;
    }
    const size_t width = features_ + 1;
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = i + 1; j < n; ++j) {
        out[element[i].feature * width + element[j].feature] += *items;
        out[element[j].feature * width + element[i].feature] += *items++;
      }
    }
  }

  bool Satisfied(const Paths& paths, const Paths::Element& e) const {
    bool ok = true;
    for (uint32_t c = e.condition_begin; c < e.condition_end; ++c) {
      const Paths::Condition& condition = paths.conditions[c];
      ok &= (decisions_[condition.word] & condition.mask) == condition.want;
    }
    return ok;
  }

  void Decide(const Paths& paths, const float* row, size_t columns) {
    std::fill(decisions_.begin(), decisions_.end(), 0);
    for (size_t s = 0; s < paths.splits.size(); ++s) {
      const Paths::Split& split = paths.splits[s];
      const float x =
          split.feature < columns ? row[split.feature] : std::numeric_limits<float>::quiet_NaN();
      bool left = x < split.threshold;
      if (std::isnan(x)) {
        left = split.default_left;
      } else if (split.is_categorical) {
        left = GoesLeft(x, split.right);
      }
      decisions_[s / 64] |= uint64_t{left} << (s % 64);
    }
  }

  static bool GoesLeft(float x, std::span<const uint32_t> right) {
    return !(x >= 0 && x < 16777216.0F) ||
           !std::binary_search(right.begin(), right.end(), static_cast<uint32_t>(x));
  }

  // The mean of the leaves below each node, by cover.
  static std::vector<double> Means(const Tree& tree) {
    std::vector<double> mean(tree.size());
    for (size_t n = tree.size(); n-- > 0;) {  // children come after their parent
      if (tree.left[n] == kNoNode) {
        mean[n] = static_cast<double>(tree.threshold[n]);
        continue;
      }
      const auto left = static_cast<size_t>(tree.left[n]);
      mean[n] = (mean[left] * static_cast<double>(tree.cover[left]) +
                 mean[left + 1] * static_cast<double>(tree.cover[left + 1])) /
                static_cast<double>(tree.cover[n]);
    }
    return mean;
  }

  // The change of the mean at each split goes to its feature (Saabas, 2014).
  void Approximate(const Tree& tree, const std::vector<double>& means, float weight,
                   std::span<const float> row, float* out) const {
    size_t n = 0;
    out[features_] += static_cast<float>(means[0] * static_cast<double>(weight));
    while (tree.left[n] != kNoNode) {
      const uint32_t feature = tree.feature[n];
      const float x = feature < row.size() ? row[feature] : std::numeric_limits<float>::quiet_NaN();
      bool left = tree.default_left[n] != 0;
      if (!std::isnan(x)) {
        const auto [is_categorical, right] = tree.RightCategories(static_cast<NodeId>(n));
        left = is_categorical ? GoesLeft(x, right) : x < tree.threshold[n];
      }
      const auto child = static_cast<size_t>(tree.left[n]) + (left ? 0 : 1);
      out[feature] += static_cast<float>((means[child] - means[n]) * static_cast<double>(weight));
      n = child;
    }
  }

  const Forest& forest_;
  const PredictKind kind_;
  const size_t features_;
  Shares shares_;
  std::vector<float> table_;
  std::vector<uint8_t> filled_;
  std::vector<uint64_t> decisions_;
  std::vector<uint8_t> one_;
  std::vector<float> own_;
};

// A linear model: each feature's share is its weight times its value.
void ExplainLinear(const Forest& forest, const float* row, size_t columns, float* out) {
  const auto outputs = static_cast<size_t>(forest.num_output());
  const size_t features = forest.num_feature;
  for (size_t k = 0; k < outputs; ++k) {
    float* const to = out + k * (features + 1);
    for (size_t f = 0; f < std::min(features, columns); ++f) {
      if (!std::isnan(row[f])) to[f] += row[f] * forest.linear_weights[f * outputs + k];
    }
    to[features] += forest.linear_weights[features * outputs + k];
  }
}

}  // namespace

std::vector<float> Explain(const Forest& forest, size_t first, size_t last, const Dataset& data,
                           PredictKind kind, const std::vector<float>& start, ThreadPool& pool) {
  const auto outputs = static_cast<size_t>(forest.num_output());
  const size_t width = size_t{forest.num_feature} + 1;
  const size_t rows = data.rows();
  const size_t columns = data.columns();
  const bool pairs = kind == PredictKind::kInteractions;
  std::vector<float> out(rows * outputs * width * (pairs ? width : 1));
  const size_t share =
      (rows + static_cast<size_t>(pool.size()) - 1) / static_cast<size_t>(pool.size());
  const size_t block = std::clamp<size_t>(share, 1, kBlock);
  pool.ForEach((rows + block - 1) / block, [&](size_t b, int) {
    const size_t begin = b * block;
    const size_t count = std::min(block, rows - begin);
    std::vector<float> dense;
    if (data.is_sparse()) {
      dense.resize(count * columns);
      for (size_t r = 0; r < count; ++r) {
        data.CopyRow(begin + r, std::span(dense).subspan(r * columns, columns));
      }
    }
    const float* const values =
        data.is_sparse() ? dense.data() : data.dense().data() + begin * columns;
    std::vector<float> single(pairs ? count * outputs * width : 0);
    float* const contributions = pairs ? single.data() : out.data() + begin * outputs * width;
    float* const interactions = pairs ? out.data() + begin * outputs * width * width : nullptr;
    if (forest.booster == Booster::kGblinear) {
      for (size_t r = 0; r < count; ++r) {
        ExplainLinear(forest, values + r * columns, columns, contributions + r * outputs * width);
      }
    } else {
      BlockExplainer(forest, kind)
          .Run(first, last, values, count, columns, contributions, interactions);
    }
    for (size_t i = 0; i < count * outputs; ++i) {
      contributions[i * width + width - 1] += start[begin * outputs + i];
      if (!pairs) continue;
      // What a feature does not share with others is its own.
      for (size_t f = 0; f < width; ++f) {
        float* const row = interactions + i * width * width + f * width;
        float own = contributions[i * width + f];
        for (size_t g = 0; g < width; ++g) {
          if (g != f) own -= row[g];
        }
        row[f] = own;
      }
    }
  });
  return out;
}

}  // namespace clary::gbdt
