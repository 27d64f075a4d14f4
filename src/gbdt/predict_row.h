// Margins of one row at a time, where AVX-512 can look bytes up (VBMI).
//
// The row's values become bytes, as in predict_fast.h, and together they fit two registers. A tree
// is 2^depth - 1 splits: one lookup fetches the byte that each of them asks about, one comparison
// decides them all, and the bits of the result lead to the leaf. For a split by categories, a table
// by the row's category holds the bits of all such splits of a tree on that feature.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "gbdt/tree.h"

namespace clary::gbdt {

class RowForest {
 public:
  static constexpr int kMaxDepth = 6;
  static constexpr size_t kMaxColumns = 128;

  // nullptr where the processor has no VBMI, a tree is deeper than kMaxDepth, features ask for more
  // than kMaxColumns bytes, one has more than 254 thresholds, or tables would grow large.
  static std::unique_ptr<RowForest> Prepare(const Forest& forest);

  // Adds the row's leaves to margins [outputs], tree by tree. row has every feature. Any thread.
  void Add(std::span<const float> row, float* margins) const;

  // A tree's splits in level order, one item each.
  struct alignas(64) Splits {
    uint8_t column[64];
    uint8_t threshold[64];  // right iff the column's byte is not below it
    float leaf[64];
  };

 private:
  RowForest() = default;
  size_t ColumnOf(size_t value, bool missing_left);
  void AddTree(const Tree& tree, float weight, const std::vector<std::vector<float>>& thresholds);

  struct Column {
    uint32_t value;   // which of numeric_
    uint8_t missing;  // the byte of a missing value: 255 goes right, 0 left
  };
  struct Members {   // the splits of a tree by the categories of one feature
    uint32_t coded;  // which of coded_
    uint32_t table;  // of bits_, by code
  };

  int depth_ = 1;
  uint32_t categories_ = 0;  // one more than the largest in a set
  std::vector<Column> columns_;
  std::vector<uint32_t> numeric_;   // features with thresholds
  std::vector<uint32_t> table_of_;  // [numeric_]: 0, 1, ...
  std::vector<float> tables_;       // see kernels.h, one a numeric feature
  std::vector<uint32_t> coded_;     // features with categories
  std::vector<Splits> splits_;      // [trees]
  std::vector<uint32_t> output_;    // [trees]
  std::vector<Members> members_;
  std::vector<uint32_t> members_begin_;  // [trees + 1]
  std::vector<uint64_t> bits_;
};

// What predict_row_avx512.cc does: for each tree, which splits send the row right, a bit each.
// `bytes` [RowForest::kMaxColumns] is aligned to 64.
void DecideSplits(const uint8_t* bytes, std::span<const RowForest::Splits> trees,
                  uint64_t* decisions);

}  // namespace clary::gbdt
