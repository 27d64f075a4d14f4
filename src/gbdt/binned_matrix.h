// A dataset with each value replaced by the number of its bin.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "clary/gbdt.h"
#include "data/buffer.h"
#include "gbdt/cuts.h"

namespace clary::gbdt {

// Bins are one byte, or two if a feature needs more than 256 codes. The code of a missing value is
// the feature's number of bins, one past the last. The code of a category is the category; one that
// the cuts don't know, or a negative value, gets the last bin, which no training row is in.
//
// Rows are stored twice: row-major for histograms, and (for training) by column for deciding which
// way a node's rows go. For a feature that most rows have, both are arrays of codes, together half
// the size of the float matrix. For training, the row-major form of thin features, which less than
// kThinShare of the rows have, is one list of present values a row and tile; their columns are
// lists too where less than kListShare of the rows have them. Of those, features that would fill
// histograms with little more than empty slots can be declared rare: they are in no histogram, and
// their splits are searched for in columns sorted by bin (rare_search.h).
class BinnedMatrix {
 public:
  static constexpr float kThinShare = 0.55F;
  static constexpr float kListShare = 0.125F;

  // Thin features whose part of a histogram is accumulated together; or rare ones, which have slots
  // by the same rules but beyond the end of a histogram.
  struct Tile {
    std::vector<uint32_t> features;  // ascending
    size_t hist_begin = 0;  // its features' slots in a histogram, one after another, then one that
    uint32_t slots = 0;     // takes the padding: `slots` in all
    // A row's entries are slots of the tile; padded to a multiple of `pad`, in units of which
    // row_begin [rows + 1] counts.
    uint32_t pad = 1;
    data::Buffer<uint32_t> row_begin;
    data::Buffer<uint16_t> entries;
    std::vector<uint32_t> feature_of;  // [slots]: the feature, UINT32_MAX for padding
  };

  // The present values of a rare feature, by code, then by row.
  struct SortedColumn {
    const uint32_t* rows;
    const uint8_t* codes;
    size_t count;
  };

  // `columns` = false is for walking rows only: no columns and no thin features. Features whose
  // columns are lists with less than `rare` values a bin are rare.
  BinnedMatrix(const Dataset& data, std::shared_ptr<const Cuts> cuts, bool columns,
               ThreadPool& pool, float rare = 0);

  size_t rows() const { return rows_; }
  uint32_t features() const { return cuts_->features(); }
  const Cuts& cuts() const { return *cuts_; }
  bool wide() const { return wide_; }
  uint32_t MissingCode(uint32_t f) const { return cuts_->bins(f); }

  // The features that are not thin, ascending; item k has place k in a row.
  std::span<const uint32_t> dense() const { return dense_; }
  std::span<const Tile> tiles() const { return tiles_; }
  std::span<const Tile> histogram_tiles() const { return tiles().first(histogram_tiles_); }
  bool is_thin(uint32_t f) const { return thin_[f] != 0; }
  bool is_rare(uint32_t f) const { return rare_[f] != 0; }
  SortedColumn sorted(uint32_t f) const {
    return {sorted_rows_.data() + sorted_at_[f], sorted_codes_.data() + sorted_at_[f],
            lists_[f].rows.size()};
  }

  // Row r starts at row_major() + r * stride(), in bins of the width; the stride is padded so that
  // a row of up to 64 bytes never straddles a cache line.
  const uint8_t* row_bytes() const { return row_bytes_.data(); }
  size_t stride() const { return stride_; }
  // The codes of the dense features.
  template <typename Bin>
  const Bin* row(size_t r) const {
    return reinterpret_cast<const Bin*>(row_bytes_.data()) + r * stride_;
  }
  // All codes of a row, [features]; for a matrix with thin features.
  void CopyCodes(size_t r, uint8_t* out) const;

  // [rows] codes (with at least three readable bytes behind), or nullptr if they are a list.
  template <typename Bin>
  const Bin* column(uint32_t f) const {
    if (column_at_[f] == kNoColumn) return nullptr;
    return reinterpret_cast<const Bin*>(column_bytes_.data()) + column_at_[f] * rows_;
  }
  // out[i] = code of rows[i], for a column that is a list. `rows` ascend.
  void ReadColumn(uint32_t f, std::span<const uint32_t> rows, uint8_t* out) const;

  // Where feature f starts in a histogram, in slots. The k-th dense feature of a byte matrix has
  // those from 256 k.
  size_t HistOffset(uint32_t f) const { return hist_offset_[f]; }
  // How many it has: its bins, and, unless it is thin, one for missing values if it can have any.
  size_t HistSlots(uint32_t f) const {
    const size_t bins = cuts_->bins(f);
    return is_thin(f) ? bins : wide_ ? bins + 1 : std::min<size_t>(256, bins + 1);
  }
  size_t HistSize() const { return hist_size_; }

 private:
  static constexpr size_t kNoColumn = SIZE_MAX;
  // The values of a column that is a list.
  struct List {
    std::vector<uint32_t> rows;  // ascending
    std::vector<uint8_t> codes;
  };
  struct Block;  // scratch for some rows

  void ChooseLayout(bool columns, float rare);
  void SortRareColumns(ThreadPool& pool);
  // Room for the tiles' entries, of which row_begin[r] has the number of row r.
  void PlaceEntries(ThreadPool& pool);
  void CountDense(const Dataset& data, ThreadPool& pool);
  template <typename Bin>
  void FillDense(const Dataset& data, ThreadPool& pool);
  template <typename Bin>
  void FillBlock(const Dataset& data, size_t begin, size_t count, Block& block);
  template <typename Bin>
  void FetchColumn(uint32_t f, size_t begin, size_t count) const;
  void FillTile(Tile& tile, size_t begin, size_t count, Block& block);
  template <typename Bin>
  void FillFromCsr(const Dataset& data, ThreadPool& pool);
  // The codes of codes.size() entries from number `first`; of no meaning for NaN and for features
  // that the cuts don't know.
  template <typename Bin>
  void CodesOfEntries(const Dataset::Csr& csr, uint64_t first, std::vector<Bin>& codes) const;
  void FillLists(ThreadPool& pool);
  template <typename Bin>
  void CodesOf(uint32_t f, const float* values, size_t count, Bin* codes) const;

  std::shared_ptr<const Cuts> cuts_;
  size_t rows_;
  bool wide_;
  size_t stride_ = 0;
  std::vector<uint32_t> dense_;
  std::vector<uint8_t> thin_;  // [features]
  std::vector<Tile> tiles_;
  size_t histogram_tiles_ = 0;  // the first ones; those of rare features follow
  std::vector<size_t> hist_offset_;
  size_t hist_size_ = 0;
  std::vector<size_t> column_at_;  // [features]
  std::vector<List> lists_;        // [features], or empty
  std::vector<uint8_t> rare_;      // [features]
  // The sorted columns, one after another, and where each begins [features].
  data::Buffer<uint32_t> sorted_rows_;
  data::Buffer<uint8_t> sorted_codes_;
  std::vector<size_t> sorted_at_;
  data::Buffer<float> cut_tables_;  // of all features (kernels.h), while the matrix is filled
  data::Buffer<uint8_t> row_bytes_;
  data::Buffer<uint8_t> column_bytes_;
};

}  // namespace clary::gbdt
