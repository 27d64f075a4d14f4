// What a forest says of rows that mix two: x on some features, b on the others. All mixtures at
// once, and their Shapley values, from one walk down each tree: only splits at which x and b part
// matter, so a leaf is reached by the mixtures that take x for some features (its X) and b for some
// others (its B), whatever they take for the rest.
//
// Margins of all coalitions: f(S) = sum of the leaves with X in S and B outside of S. Shapley
// values of that game: a leaf gives each of X its value times (|X|-1)! |B|! / (|X|+|B|)!, and takes
// from each of B its value times |X|! (|B|-1)! / (|X|+|B|)!: interventional TreeSHAP (Lundberg et
// al., "From local explanations to global understanding with explainable AI for trees", 2020).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/error.h"
#include "gbdt/tree.h"

namespace clary::gbdt {

// Const calls from any thread, each with a Scratch of its own. The forest must stay.
class Coalitions {
 public:
  static constexpr size_t kMaxPlayers = 24;  // of Margins()

  // kUnimplemented for gblinear, which has no trees.
  static Result<Coalitions> Make(const Forest& forest);

  struct Scratch {
    std::vector<int32_t> player;  // of a feature, or -1
    std::vector<uint8_t> taken;   // of a player: 0 not decided, 1 x, 2 b
  };

  // margins[S * outputs + k] for every set S of `players` (features, each once): bit i of S says
  // that players[i] takes x's value; all features that are no players must have the same value in
  // both, or take b's. NaN is a missing value. `margins`: 2^players x outputs.
  void Margins(std::span<const float> x, std::span<const float> b,
               std::span<const uint32_t> players, std::span<double> margins,
               Scratch& scratch) const;

  // Adds to values[i * outputs + k] the Shapley value of players[i] for the margin of x against b.
  void AddShapley(std::span<const float> x, std::span<const float> b,
                  std::span<const uint32_t> players, std::span<double> values,
                  Scratch& scratch) const;

  // Where one b goes at every split: for many x against it.
  class Ways;
  Ways WaysOf(std::span<const float> b) const;
  size_t BytesOfWays() const { return nodes_.size() * sizeof(Node); }
  // The same values as of WaysOf()'s b, sooner.
  void AddShapley(std::span<const float> x, const Ways& b, std::span<const uint32_t> players,
                  std::span<double> values, Scratch& scratch) const;

  size_t outputs() const { return base_.size(); }
  size_t features() const { return features_; }

 private:
  struct Node {
    float threshold = 0;   // a leaf's value
    uint32_t feature = 0;  // kCategorical: see the tree
    int32_t left = -1;     // in the tree; -1: a leaf
    bool default_left = false;
    bool b_left = false;  // of Ways
  };
  struct One {
    const Tree* tree = nullptr;
    size_t first = 0;  // node
    size_t output = 0;
    double weight = 1;
  };
  struct Walk;

  Coalitions() = default;
  int32_t Child(const One& tree, int32_t node, float value) const;
  static bool GoesLeft(const One& tree, int32_t node, const Node& n, float value);
  void Number(std::span<const uint32_t> players, Scratch& scratch) const;
  static void Forget(std::span<const uint32_t> players, Scratch& scratch);
  void Masks(const Walk& walk, int32_t node, uint32_t with, uint32_t without) const;
  // What the leaves below a node give to each of their X and take from each of their B, where so
  // many players are in these already.
  struct Shares {
    double with = 0;
    double without = 0;
  };
  template <typename BLeft>
  Shares Paths(const Walk& walk, const Node* nodes, const BLeft& b_left, int32_t node, size_t with,
               size_t without) const;

  static constexpr uint32_t kCategorical = 1U << 31;
  size_t features_ = 0;
  std::vector<double> base_;  // margins before the first tree
  std::vector<Node> nodes_;
  std::vector<One> trees_;
};

class Coalitions::Ways {
 private:
  friend class Coalitions;
  std::vector<Node> nodes_;
};

}  // namespace clary::gbdt
