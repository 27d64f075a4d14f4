// Margins of many rows at once.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "gbdt/flat_tree.h"
#include "gbdt/tree.h"

namespace clary::gbdt {

// A node of a tree that is walked, in 8 bytes. A leaf leads to itself: its threshold is NaN, and
// missing values go left.
struct DeepNode {
  static constexpr uint32_t kDefaultLeftBit = 16;
  static constexpr uint32_t kMaxNodes = 1U << kDefaultLeftBit;
  static constexpr uint32_t kMaxFeatures = 1U << 15;
  float threshold;
  uint32_t word;  // the left child, whether missing values go there, and above that the feature
};

// Trees [first, last) of a forest, prepared for blocks of rows. Values of a block become bytes,
// each the number of the forest's thresholds for that feature that are not above it; then one
// instruction decides a split for 32 rows, and masks select each row's leaf. A split by categories
// is decided beforehand: its column of bytes says which rows go right. Trees deeper than 8 levels
// are walked. Sums have the bits that walking every tree in order gives.
class FastForest {
 public:
  static constexpr size_t kBlock = 512;  // rows

  // nullptr where this processor, or the forest, gains nothing by it.
  static std::unique_ptr<FastForest> Prepare(const Forest& forest, size_t first, size_t last);

  // Adds each row's leaves to `margins` [count * outputs]. values: [count * columns], count at
  // most kBlock. Any thread.
  void Add(std::span<const float> values, size_t count, size_t columns, float* margins) const;

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Cut {
    uint32_t column;     // of bytes: twice the slot of a feature, one more if missing goes left;
                         // then the tree's splits by categories
    uint32_t threshold;  // four times the same byte: right iff not below it
  };
  struct FastTree {
    int depth;
    uint32_t output;
    size_t cuts;     // index of its 2^depth - 1 in level order
    size_t leaves;   // index of its 2^depth values
    size_t members;  // its splits by categories, [members, members_end)
    size_t members_end;
  };
  // A split by categories.
  struct Member {
    uint32_t feature;
    uint32_t codes;     // the column of its codes, or kNone if they do not fit bytes
    uint32_t node;      // of flat_
    uint8_t table[32];  // see MembersAvx2
  };
  struct Slot {
    uint32_t feature;
    size_t cuts;  // where its table starts in feature_cuts_
  };
  // Successive trees that share thresholds in bytes, or that are walked.
  struct Group {
    size_t first = 0;
    size_t last = 0;  // of the forest
    bool fast = false;
    size_t deep = kNone;  // not fast: its first tree in deep_trees_, if they are walked from there
    std::vector<FastTree> trees;
    std::vector<Slot> slots;
    std::vector<uint32_t> coded;  // features with columns of codes
    size_t most_members = 0;      // of a tree
  };

  FastForest(const Forest& forest, size_t first, size_t last)
      : forest_(forest),
        first_(first),
        flat_(std::span(forest.trees).subspan(first, last - first)) {}
  void AddGroup(size_t first, size_t last);
  void AddTree(const Tree& tree, size_t index, Group& group,
               const std::vector<std::vector<float>>& thresholds,
               const std::vector<uint32_t>& slot_of);
  // Prepares tree `index` for WalkAvx512; false if it can't be.
  bool AddDeep(size_t index);
  void AddMember(const Tree& tree, size_t index, NodeId node, Group& group);

  const Forest& forest_;
  const size_t first_;  // of its trees
  const FlatTrees flat_;
  std::vector<Group> groups_;
  std::vector<Cut> cuts_;
  std::vector<float> leaves_;
  std::vector<float> feature_cuts_;  // tables, see kernels.h
  std::vector<Member> members_;
  // Trees that are walked with AVX-512, in order of groups and trees; empty if none are.
  struct DeepTree {
    size_t first;  // in deep_nodes_ and deep_values_
    uint32_t depth;
  };
  std::vector<DeepTree> deep_trees_;
  std::vector<DeepNode> deep_nodes_;
  std::vector<float> deep_values_;  // of a leaf, by the tree's weight
};

// What predict_avx2.cc and predict_avx512.cc do: for rows in steps of 32 or 64, out[row] += leaf.
// A step may run past `rows`, within the block.
//   cut_words   column and threshold of 2^depth - 1 splits in level order
//   columns     bytes; column c is at columns + c * FastForest::kBlock
// And right[row] = 0xff for the FastForest::kBlock codes that are in a set of bytes, else 0: code c
// is in it iff bit c / 16 % 8 of table[c % 16 + (c < 128 ? 0 : 16)] is set.
void MembersAvx2(const uint8_t* codes, const uint8_t* table, uint8_t* right);
void AddLeavesAvx2(int depth, const uint32_t* cut_words, const float* leaves,
                   const uint8_t* columns, size_t rows, float* out);
// out[row] += values[leaf] for the leaf of one tree that each of `count` rows [count * columns]
// ends in.
void WalkAvx512(const DeepNode* nodes, uint32_t depth, const float* rows, size_t columns,
                size_t count, const float* values, float* out);
void AddLeavesAvx512(int depth, const uint32_t* cut_words, const float* leaves,
                     const uint8_t* columns, size_t rows, float* out);

}  // namespace clary::gbdt
