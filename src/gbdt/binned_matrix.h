// A dataset with each value replaced by the number of its bin.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "base/thread_pool.h"
#include "clary/gbdt.h"
#include "data/buffer.h"
#include "gbdt/cuts.h"

namespace clary::gbdt {

// Bins are one byte, or two if a feature needs more than 256 codes. The code of a missing value is
// the feature's number of bins, one past the last. The code of a category is the category; one that
// the cuts don't know, or a negative value, gets the last bin, which no training row is in.
//
// Rows are stored twice: row-major for histograms, and (for training) column-major for deciding
// which way a node's rows go. Both together are half the size of the float matrix.
class BinnedMatrix {
 public:
  // `columns` = false leaves the column-major copy out; enough for FindLeaf.
  BinnedMatrix(const Dataset& data, std::shared_ptr<const Cuts> cuts, bool columns,
               ThreadPool& pool);

  size_t rows() const { return rows_; }
  uint32_t features() const { return cuts_->features(); }
  const Cuts& cuts() const { return *cuts_; }
  bool wide() const { return wide_; }
  uint32_t MissingCode(uint32_t f) const { return cuts_->bins(f); }

  // Row r starts at row_major() + r * stride(), in bins of the width; the stride is padded so that
  // a row of up to 64 bytes never straddles a cache line.
  const uint8_t* row_bytes() const { return row_bytes_.data(); }
  size_t stride() const { return stride_; }
  template <typename Bin>
  const Bin* row(size_t r) const {
    return reinterpret_cast<const Bin*>(row_bytes_.data()) + r * stride_;
  }
  template <typename Bin>
  const Bin* column(uint32_t f) const {
    return reinterpret_cast<const Bin*>(column_bytes_.data()) + size_t{f} * rows_;
  }

  // Where feature f starts in a histogram, in slots; bytes have 256 slots each.
  size_t HistOffset(uint32_t f) const { return wide_ ? hist_offset_[f] : size_t{f} * 256; }
  size_t HistSize() const;

 private:
  template <typename Bin>
  void Fill(const Dataset& data, ThreadPool& pool);

  std::shared_ptr<const Cuts> cuts_;
  size_t rows_;
  bool wide_;
  size_t stride_;
  std::vector<size_t> hist_offset_;
  data::Buffer<uint8_t> row_bytes_;
  data::Buffer<uint8_t> column_bytes_;
};

}  // namespace clary::gbdt
