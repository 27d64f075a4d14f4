// Margins of many rows at once.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "gbdt/tree.h"

namespace clary::gbdt {

// Trees [first, last) of a forest, prepared for blocks of rows. Values of a block become bytes,
// each the number of the forest's thresholds for that feature that are not above it; then one
// instruction decides a split for 32 rows, and masks select each row's leaf. Trees deeper than 8
// levels or with categories are walked row by row. Sums have the bits that walking every tree in
// order gives.
class FastForest {
 public:
  static constexpr size_t kBlock = 512;  // rows

  // nullptr where this processor, or the forest, gains nothing by it.
  static std::unique_ptr<FastForest> Prepare(const Forest& forest, size_t first, size_t last);

  // Adds each row's leaves to `margins` [count * outputs]. values: [count * columns], count at
  // most kBlock. Any thread.
  void Add(std::span<const float> values, size_t count, size_t columns, float* margins) const;

 private:
  struct Cut {
    uint32_t column;     // of bytes: twice the slot of a feature, one more if missing goes left
    uint32_t threshold;  // four times the same byte: right iff not below it
  };
  struct FastTree {
    int depth;
    uint32_t output;
    size_t cuts;    // index of its 2^depth - 1 in level order
    size_t leaves;  // index of its 2^depth values
  };
  struct Slot {
    uint32_t feature;
    size_t cuts;  // where its table starts in feature_cuts_
  };
  // Successive trees that share thresholds in bytes, or that are walked.
  struct Group {
    size_t first;
    size_t last;  // of the forest
    bool fast;
    std::vector<FastTree> trees;
    std::vector<Slot> slots;
  };

  explicit FastForest(const Forest& forest) : forest_(forest) {}
  void AddGroup(size_t first, size_t last);
  void AddTree(const Tree& tree, size_t index, Group& group,
               const std::vector<std::vector<float>>& thresholds,
               const std::vector<uint32_t>& slot_of);

  const Forest& forest_;
  std::vector<Group> groups_;
  std::vector<Cut> cuts_;
  std::vector<float> leaves_;
  std::vector<float> feature_cuts_;  // tables, see kernels.h
};

// What predict_avx2.cc and predict_avx512.cc do: for rows in steps of 32 or 64, out[row] += leaf.
// A step may run past `rows`, within the block.
//   cut_words   column and threshold of 2^depth - 1 splits in level order
//   columns     bytes; column c is at columns + c * FastForest::kBlock
void AddLeavesAvx2(int depth, const uint32_t* cut_words, const float* leaves,
                   const uint8_t* columns, size_t rows, float* out);
void AddLeavesAvx512(int depth, const uint32_t* cut_words, const float* leaves,
                     const uint8_t* columns, size_t rows, float* out);

}  // namespace clary::gbdt
