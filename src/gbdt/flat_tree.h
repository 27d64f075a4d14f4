// Trees laid out for walking: a node in 16 bytes, leaves that lead to themselves, so that several
// rows or several trees are walked in step, without branches and with their loads overlapping.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "gbdt/tree.h"

namespace clary::gbdt {

// Where value x of a categorical feature stands in a set of bits: at its category if that is below
// `categories`, else at one of the two places behind those, for no category and for NaN.
inline uint32_t CategoryCode(float x, uint32_t categories) {
  const uint32_t absent = categories + (x != x ? 1U : 0U);
  return x >= 0 && x < static_cast<float>(categories) ? static_cast<uint32_t>(x) : absent;
}

class FlatTrees {
 public:
  struct Node {
    float threshold = 0;
    uint32_t feature = 0;  // with kDefaultLeft and kCategorical
    uint32_t left = 0;     // its own number for a leaf
    uint32_t step = 0;     // kInner unless it is a leaf; the rest is where the node's set begins
  };
  static constexpr uint32_t kDefaultLeft = 1U << 31;
  static constexpr uint32_t kCategorical = 1U << 30;
  static constexpr uint32_t kFeature = kCategorical - 1;
  static constexpr uint32_t kInner = 1;

  // Nodes of a tree follow each other in its order, from `first` on.
  struct Root {
    uint32_t first = 0;
    uint32_t depth = 0;
  };

  explicit FlatTrees(std::span<const Tree> trees);

  const std::vector<Root>& roots() const { return roots_; }
  const std::vector<Node>& nodes() const { return nodes_; }
  // How sets of categories are kept. As bits: categorical values are replaced by codes beforehand,
  // see Encode. As lists, where a category has a large number or a feature is split both ways.
  enum class Sets : uint8_t { kNone, kBits, kLists };
  Sets sets() const { return kind_; }
  // kBits: replaces the values of the categorical features of a row by NaN with a code in its low
  // bits: the category, or one of the two places behind the last for no category and for NaN.
  void Encode(std::span<float> row) const {
    for (const uint32_t f : categorical_) {
      if (f >= row.size()) break;
      row[f] = std::bit_cast<float>(kCoded | CategoryCode(row[f], categories_));
    }
  }
  // Rows [count * columns] as FindLeaves takes them: themselves, or a copy in `storage`.
  std::span<const float> Encoded(std::span<const float> rows, size_t columns,
                                 std::vector<float>& storage) const;
  // What Walk and Next take for a feature that a row does not have.
  float Missing(uint32_t feature) const;
  // Where a row with value x of the node's feature goes.
  template <Sets kKind>
  uint32_t Next(const Node& n, float x) const {
    const uint32_t left = (x < n.threshold) | ((x != x) & (n.feature >= kDefaultLeft));
    uint32_t right = left ^ 1;
    if constexpr (kKind == Sets::kBits) {  // numeric nodes have the empty set, others go left above
      const uint32_t code = std::bit_cast<uint32_t>(x) % kMaxCodes;
      right |= static_cast<uint32_t>(sets_[n.step / 2 + code / 64] >> code % 64 & 1);
    } else if constexpr (kKind == Sets::kLists) {
      if ((n.feature & kCategorical) != 0) right = GoesRight(n, x) ? 1 : 0;
    }
    return n.left + (n.step & right);
  }
  // The same of a categorical node and a value that is not encoded, by whatever kind of sets.
  bool GoesRight(const Node& n, float x) const;

  // leaf[i] = the node of tree `t` that row i ends in. rows is [count * columns], encoded if sets()
  // is kBits; features at or beyond `columns` are missing. Any thread.
  void FindLeaves(size_t t, const float* rows, size_t columns, size_t count, NodeId* leaf) const;

 private:
  bool SplitsBothWays(std::span<const Tree> trees) const;
  void Add(const Tree& tree);
  template <Sets kKind>
  void Walk(const Root& root, const float* rows, size_t columns, size_t count, NodeId* leaf) const;

  static constexpr uint32_t kMaxCodes = 1024;
  static constexpr uint32_t kCoded = 0x7fc00000;

  std::vector<Node> nodes_;
  std::vector<Root> roots_;
  std::vector<uint32_t> categorical_;  // features, ascending
  Sets kind_ = Sets::kNone;
  uint32_t categories_ = 0;  // one more than the largest in a set
  // kBits: sets of categories_ + 2 bits, the first of kMaxCodes and empty. kLists: how many
  // categories, then those, ascending.
  std::vector<uint64_t> sets_;
};

}  // namespace clary::gbdt
