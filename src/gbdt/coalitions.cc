#include "gbdt/coalitions.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "gbdt/predict.h"

namespace clary::gbdt {
namespace {

constexpr size_t kTable = 32;

constexpr auto kShares = [] {
  std::array<std::array<double, kTable>, kTable> table{};
  for (size_t i = 1; i < kTable; ++i) {
    double binomial = 1;
    for (size_t j = 0; j < kTable; ++j) {
      if (j > 0) binomial *= static_cast<double>(i + j) / static_cast<double>(j);
      table[i][j] = 1 / (static_cast<double>(i) * binomial);
    }
  }
  return table;
}();

// 1 / (a C(a + b, a)): what each of `a` players gets of a leaf that `b` others stay out of; 0 if
// there is none.
double LeafShare(size_t a, size_t b) {
  if (a < kTable && b < kTable) return kShares[a][b];
  if (a == 0) return 0;
  const auto x = static_cast<double>(a), y = static_cast<double>(b);
  return std::exp(std::lgamma(x) + std::lgamma(y + 1) - std::lgamma(x + y + 1));
}

}  // namespace

struct Coalitions::Walk {
  std::span<const float> x, b;
  const One& tree;
  size_t outputs;
  std::span<double> out;
  Scratch& scratch;
};

Result<Coalitions> Coalitions::Make(const Forest& forest) {
  if (forest.booster == Booster::kGblinear) {
    return Fail(Code::kUnimplemented, "Unimplemented", "a linear model has no trees");
  }
  CLARY_TRY(const std::vector<float> base, BaseMargins(forest));
  Coalitions out;
  size_t nodes = 0;
  for (const Tree& tree : forest.trees) nodes += tree.size();
  out.nodes_.reserve(nodes);
  out.trees_.reserve(forest.trees.size());
  out.features_ = forest.num_feature;
  out.base_.assign(base.begin(), base.end());
  for (size_t t = 0; t < forest.trees.size(); ++t) {
    const Tree& tree = forest.trees[t];
    out.trees_.push_back({.tree = &tree,
                          .first = out.nodes_.size(),
                          .output = static_cast<size_t>(forest.tree_output[t]),
                          .weight = forest.tree_weight.empty() ? 1.0 : forest.tree_weight[t]});
    for (size_t n = 0; n < tree.size(); ++n) {
      const auto id = static_cast<NodeId>(n);
      const bool sets = !tree.IsLeaf(id) && tree.RightCategories(id).first;
      out.nodes_.push_back({.threshold = tree.threshold[n],
                            .feature = tree.feature[n] | (sets ? kCategorical : 0),
                            .left = tree.IsLeaf(id) ? -1 : tree.left[n],
                            .default_left = tree.default_left[n] != 0});
    }
  }
  return out;
}

inline bool Coalitions::GoesLeft(const One& tree, int32_t node, const Node& n, float value) {
  if ((n.feature & kCategorical) != 0) [[unlikely]]
    return tree.tree->Child(node, value) == n.left;
  return std::isnan(value) ? n.default_left : value < n.threshold;
}

inline int32_t Coalitions::Child(const One& tree, int32_t node, float value) const {
  const Node& n = nodes_[tree.first + static_cast<size_t>(node)];
  return n.left + (GoesLeft(tree, node, n, value) ? 0 : 1);
}

// Which mixtures reach which leaves: a player in `with` takes x's value, one in `without` b's.
void Coalitions::Masks(const Walk& w, int32_t node, uint32_t with, uint32_t without) const {
  for (;;) {
    const Node& n = nodes_[w.tree.first + static_cast<size_t>(node)];
    if (n.left < 0) {
      // [B outside of S] is the alternating sum over the subsets T of B of [T in S], so that one
      // pass over all sets at the end adds everything up.
      const double value = n.threshold * w.tree.weight;
      for (uint32_t t = without;; t = (t - 1) & without) {
        const double sign = std::popcount(t) % 2 == 0 ? value : -value;
        w.out[(with | t) * w.outputs + w.tree.output] += sign;
        if (t == 0) break;
      }
      return;
    }
    const uint32_t feature = n.feature & ~kCategorical;
    const float xv = feature < w.x.size() ? w.x[feature] : NAN;
    const float bv = feature < w.b.size() ? w.b[feature] : NAN;
    const int32_t b_child = Child(w.tree, node, bv);
    const int32_t player = w.scratch.player[feature];
    if (player < 0) {
      node = b_child;
      continue;
    }
    const int32_t x_child = Child(w.tree, node, xv);
    const uint32_t bit = 1U << static_cast<uint32_t>(player);
    if (x_child == b_child || (without & bit) != 0) {
      node = b_child;
    } else if ((with & bit) != 0) {
      node = x_child;
    } else {
      Masks(w, x_child, with | bit, without);
      without |= bit;
      node = b_child;
    }
  }
}

template <typename BLeft>
Coalitions::Shares Coalitions::Paths(const Walk& w, const Node* nodes, const BLeft& b_left,
                                     int32_t node, size_t with, size_t without) const {
  for (;;) {
    const Node& n = nodes[node];
    if (n.left < 0) {
      const double value = n.threshold * w.tree.weight;
      return {.with = value * LeafShare(with, without),
              .without = value * LeafShare(without, with)};
    }
    const uint32_t feature = n.feature & ~kCategorical;
    const float xv = feature < w.x.size() ? w.x[feature] : NAN;
    const bool x_left = GoesLeft(w.tree, node, n, xv);
    const bool left = b_left(node, n);
    const int32_t b_child = n.left + (left ? 0 : 1);
    if (x_left == left) {
      node = b_child;
      continue;
    }
    const int32_t player = w.scratch.player[feature];
    if (player < 0) {
      node = b_child;
      continue;
    }
    const int32_t x_child = n.left + (x_left ? 0 : 1);
    uint8_t& taken = w.scratch.taken[static_cast<size_t>(player)];
    if (taken == 2) {
      node = b_child;
    } else if (taken == 1) {
      node = x_child;
    } else {
      // All leaves below the one child have the player in their X, below the other in their B.
      taken = 1;
      const Shares x = Paths(w, nodes, b_left, x_child, with + 1, without);
      taken = 2;
      const Shares b = Paths(w, nodes, b_left, b_child, with, without + 1);
      taken = 0;
      w.out[static_cast<size_t>(player) * w.outputs + w.tree.output] += x.with - b.without;
      return {.with = x.with + b.with, .without = x.without + b.without};
    }
  }
}

void Coalitions::Number(std::span<const uint32_t> players, Scratch& scratch) const {
  scratch.player.resize(std::max<size_t>(features_, 1), -1);
  scratch.taken.assign(players.size(), 0);
  for (size_t p = 0; p < players.size(); ++p) {
    if (players[p] < scratch.player.size()) scratch.player[players[p]] = static_cast<int32_t>(p);
  }
}

void Coalitions::Forget(std::span<const uint32_t> players, Scratch& scratch) {
  for (const uint32_t f : players) {
    if (f < scratch.player.size()) scratch.player[f] = -1;
  }
}

void Coalitions::Margins(std::span<const float> x, std::span<const float> b,
                         std::span<const uint32_t> players, std::span<double> margins,
                         Scratch& scratch) const {
  Number(players, scratch);
  std::ranges::fill(margins, 0.0);
  for (size_t k = 0; k < base_.size(); ++k) margins[k] = base_[k];
  for (const One& tree : trees_) {
    Masks(
        {.x = x, .b = b, .tree = tree, .outputs = base_.size(), .out = margins, .scratch = scratch},
        0, 0, 0);
  }
  // f(S): the sum over the subsets of S.
  const size_t sets = size_t{1} << players.size();
  const size_t outputs = base_.size();
  for (size_t bit = 1; bit < sets; bit *= 2) {
    for (size_t s = 0; s < sets; ++s) {
      if ((s & bit) == 0) continue;
      for (size_t k = 0; k < outputs; ++k) {
        margins[s * outputs + k] += margins[(s ^ bit) * outputs + k];
      }
    }
  }
  Forget(players, scratch);
}

void Coalitions::AddShapley(std::span<const float> x, std::span<const float> b,
                            std::span<const uint32_t> players, std::span<double> values,
                            Scratch& scratch) const {
  Number(players, scratch);
  for (const One& tree : trees_) {
    const auto b_left = [&](int32_t node, const Node& n) {
      const uint32_t feature = n.feature & ~kCategorical;
      return GoesLeft(tree, node, n, feature < b.size() ? b[feature] : NAN);
    };
    Paths(
        {.x = x, .b = b, .tree = tree, .outputs = base_.size(), .out = values, .scratch = scratch},
        &nodes_[tree.first], b_left, 0, 0, 0);
  }
  Forget(players, scratch);
}

Coalitions::Ways Coalitions::WaysOf(std::span<const float> b) const {
  Ways out;
  out.nodes_ = nodes_;
  for (const One& tree : trees_) {
    for (size_t n = tree.first; n < tree.first + tree.tree->size(); ++n) {
      if (nodes_[n].left < 0) continue;
      const uint32_t feature = nodes_[n].feature & ~kCategorical;
      out.nodes_[n].b_left = GoesLeft(tree, static_cast<int32_t>(n - tree.first), nodes_[n],
                                      feature < b.size() ? b[feature] : NAN);
    }
  }
  return out;
}

void Coalitions::AddShapley(std::span<const float> x, const Ways& b,
                            std::span<const uint32_t> players, std::span<double> values,
                            Scratch& scratch) const {
  Number(players, scratch);
  for (const One& tree : trees_) {
    Paths(
        {.x = x, .b = {}, .tree = tree, .outputs = base_.size(), .out = values, .scratch = scratch},
        &b.nodes_[tree.first], [](int32_t, const Node& n) { return n.b_left; }, 0, 0, 0);
  }
  Forget(players, scratch);
}

}  // namespace clary::gbdt
