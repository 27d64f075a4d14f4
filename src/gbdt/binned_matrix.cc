#include "gbdt/binned_matrix.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "gbdt/kernels.h"

namespace clary::gbdt {
namespace {

constexpr size_t kBlockRows = 512;
constexpr size_t kPaddedCuts = 256;
// A tile ends where its part of a histogram outgrows the second-level cache's share, unless rows
// would have too few entries in it to pay for looking them up.
constexpr uint32_t kTileSlots = 16384;
constexpr float kTileEntries = 8;
constexpr uint32_t kMaxTileSlots = 65000;  // a slot is 16 bits
constexpr size_t kMaxTileRows = 1U << 26;  // row_begin is 32 bits
constexpr uint32_t kPaddedEntries = 4;

size_t PaddedStride(size_t features, bool wide) {
  const size_t bytes = features * (wide ? 2 : 1);
  size_t padded = bytes == 0 ? 0 : 8;
  while (padded < bytes && padded < 64) padded *= 2;
  if (padded < bytes) padded = (bytes + 15) / 16 * 16;
  return padded / (wide ? 2 : 1);
}

}  // namespace

BinnedMatrix::BinnedMatrix(const Dataset& data, std::shared_ptr<const Cuts> cuts, bool columns,
                           ThreadPool& pool)
    : cuts_(std::move(cuts)), rows_(data.rows()), wide_(false) {
  ChooseLayout(columns);
  const size_t width = wide_ ? 2 : 1;
  row_bytes_.Resize(rows_ * stride_ * width + 64);
  size_t stored = 0;
  column_at_.assign(features(), kNoColumn);
  if (columns) {
    for (uint32_t f = 0; f < features(); ++f) {
      if (!is_thin(f) || cuts_->present_share[f] >= kListShare) column_at_[f] = stored++;
    }
    column_bytes_.Resize(rows_ * stored * width + 64);
  }
  if (!wide_) {
    padded_cuts_.assign(size_t{features()} * kPaddedCuts, std::numeric_limits<float>::infinity());
    for (uint32_t f = 0; f < features(); ++f) {
      const auto of = cuts_->of(f);
      float* const padded = &padded_cuts_[size_t{f} * kPaddedCuts];
      std::copy(of.begin(), of.end() - 1, padded);
      padded[kPaddedCuts - 1] = std::numeric_limits<float>::quiet_NaN();
    }
  }
  if (wide_) {
    data.is_sparse() ? FillFromCsr<uint16_t>(data, pool) : FillDense<uint16_t>(data, pool);
  } else {
    data.is_sparse() ? FillFromCsr<uint8_t>(data, pool) : FillDense<uint8_t>(data, pool);
    if (!tiles_.empty()) FillThinColumns(pool);
  }
  padded_cuts_ = {};
}

void BinnedMatrix::ChooseLayout(bool columns) {
  for (uint32_t f = 0; f < features(); ++f) {
    const uint32_t codes = cuts_->bins(f) + 1;
    wide_ = wide_ || cuts_->bins(f) > 256 || (codes > 256 && cuts_->has_missing[f] != 0);
    // A byte code for "missing" must exist for data seen later, such as evaluation sets: 256 bins
    // without missing values leave none.
    wide_ = wide_ || (!columns && cuts_->bins(f) > 255);
  }
  thin_.assign(features(), 0);
  for (uint32_t f = 0; f < features(); ++f) {
    if (columns && !wide_ && rows_ <= kMaxTileRows && !cuts_->is_categorical(f) &&
        cuts_->present_share[f] < kThinShare) {
      thin_[f] = 1;
    } else {
      dense_.push_back(f);
    }
  }
  stride_ = PaddedStride(dense_.size(), wide_);

  hist_offset_.assign(features(), 0);
  for (const uint32_t f : dense_) {
    hist_offset_[f] = hist_size_;
    hist_size_ += wide_ ? cuts_->bins(f) + 1 : 256;
  }
  float entries = 0;  // of a row in the open tile, on average
  const auto close = [&] {
    if (tiles_.empty()) return;
    Tile& tile = tiles_.back();
    tile.feature_of.push_back(UINT32_MAX);
    tile.slots = static_cast<uint32_t>(tile.feature_of.size());
    tile.pad = entries < kTileEntries ? 1 : kPaddedEntries;
    hist_size_ += tile.slots;
  };
  for (uint32_t f = 0; f < features(); ++f) {
    if (!is_thin(f)) continue;
    const auto open = static_cast<uint32_t>(tiles_.empty() ? 0 : tiles_.back().feature_of.size());
    const uint32_t after = open + cuts_->bins(f);
    if (tiles_.empty() || after > kMaxTileSlots ||
        (after > kTileSlots && entries >= kTileEntries)) {
      close();
      tiles_.emplace_back().hist_begin = hist_size_;
      entries = 0;
    }
    Tile& tile = tiles_.back();
    hist_offset_[f] = tile.hist_begin + tile.feature_of.size();
    tile.features.push_back(f);
    tile.feature_of.resize(tile.feature_of.size() + cuts_->bins(f), f);
    entries += cuts_->present_share[f];
  }
  close();
}

template <typename Bin>
void BinnedMatrix::CodesOf(uint32_t f, const float* values, size_t stride, size_t count,
                           Bin* codes) const {
  const auto missing = static_cast<Bin>(MissingCode(f));
  if constexpr (sizeof(Bin) == 1) {
    BestKernels().bin_bytes(values, stride, count, &padded_cuts_[size_t{f} * kPaddedCuts], missing,
                            codes);
  } else {
    const auto cuts = cuts_->of(f);
    for (size_t i = 0; i < count; ++i) {
      const float x = values[i * stride];
      codes[i] =
          std::isnan(x)
              ? missing
              : static_cast<Bin>(std::upper_bound(cuts.begin(), cuts.end() - 1, x) - cuts.begin());
    }
  }
  if (cuts_->is_categorical(f)) {
    const auto unknown = static_cast<Bin>(cuts_->categories(f));
    for (size_t i = 0; i < count; ++i) {
      if (values[i * stride] < 0) codes[i] = unknown;
    }
  }
}

template <typename Bin>
void BinnedMatrix::FillDense(const Dataset& data, ThreadPool& pool) {
  const uint32_t given = std::min(features(), data.columns());
  auto* const row_major = reinterpret_cast<Bin*>(row_bytes_.data());
  auto* const column_major = reinterpret_cast<Bin*>(column_bytes_.data());
  pool.ForEach((rows_ + kBlockRows - 1) / kBlockRows, [&](size_t block, int) {
    const size_t begin = block * kBlockRows;
    const size_t count = std::min(kBlockRows, rows_ - begin);
    const float* values = data.dense().data() + begin * data.columns();
    Bin codes[kBlockRows];
    for (size_t k = 0; k < dense_.size(); ++k) {
      const uint32_t f = dense_[k];
      if (f >= given) {
        std::fill(codes, codes + count, static_cast<Bin>(MissingCode(f)));
      } else {
        CodesOf(f, values + f, data.columns(), count, codes);
      }
      Bin* out = row_major + begin * stride_ + k;
      for (size_t i = 0; i < count; ++i) out[i * stride_] = codes[i];
      if (column_at_[f] != kNoColumn) {
        std::copy(codes, codes + count, column_major + column_at_[f] * rows_ + begin);
      }
    }
  });
  if constexpr (sizeof(Bin) == 1) {
    if (!tiles_.empty()) FillTiles(data, pool);
  }
}

void BinnedMatrix::FillTiles(const Dataset& data, ThreadPool& pool) {
  const size_t columns = data.columns();
  const float* const values = data.dense().data();
  const size_t blocks = (rows_ + kBlockRows - 1) / kBlockRows;
  for (Tile& tile : tiles_) tile.row_begin.Resize(rows_ + 1);
  pool.ForEach(blocks, [&](size_t block, int) {
    const size_t end = std::min(rows_, (block + 1) * kBlockRows);
    for (size_t r = block * kBlockRows; r < end; ++r) {
      for (Tile& tile : tiles_) {
        const float* const row = values + r * columns;
        uint32_t present = 0;
        for (const uint32_t f : tile.features) present += row[f] == row[f] ? 1 : 0;
        tile.row_begin[r] = (present + tile.pad - 1) / tile.pad;
      }
    }
  });
  pool.ForEach(tiles_.size(), [&](size_t t, int) {
    Tile& tile = tiles_[t];
    uint32_t sum = 0;
    for (size_t r = 0; r < rows_; ++r) sum += std::exchange(tile.row_begin[r], sum);
    tile.row_begin[rows_] = sum;
    tile.entries.Resize(size_t{sum} * tile.pad + kPaddedEntries);
  });
  pool.ForEach(blocks, [&](size_t block, int) {
    const size_t begin = block * kBlockRows;
    const size_t count = std::min(kBlockRows, rows_ - begin);
    std::vector<uint8_t> codes;
    std::vector<uint16_t> line;
    for (Tile& tile : tiles_) {
      const size_t width = tile.features.size();
      codes.resize(width * kBlockRows);
      line.resize(width + kPaddedEntries);
      for (size_t k = 0; k < width; ++k) {
        const uint32_t f = tile.features[k];
        CodesOf(f, values + begin * columns + f, columns, count, &codes[k * kBlockRows]);
      }
      for (size_t i = 0; i < count; ++i) {
        size_t n = 0;
        for (size_t k = 0; k < width; ++k) {
          const uint32_t f = tile.features[k];
          const uint32_t code = codes[k * kBlockRows + i];
          line[n] = static_cast<uint16_t>(hist_offset_[f] - tile.hist_begin + code);
          n += code != MissingCode(f) ? 1 : 0;
        }
        while (n % tile.pad != 0) line[n++] = static_cast<uint16_t>(tile.slots - 1);
        std::copy_n(line.data(), n,
                    tile.entries.data() + size_t{tile.row_begin[begin + i]} * tile.pad);
      }
    }
  });
}

template <typename Bin>
void BinnedMatrix::FillFromCsr(const Dataset& data, ThreadPool& pool) {
  constexpr uint32_t kDense = UINT32_MAX;
  std::vector<uint32_t> tile_of(features(), kDense);
  std::vector<uint32_t> place(features(), 0);
  for (uint32_t k = 0; k < dense_.size(); ++k) place[dense_[k]] = k;
  for (uint32_t t = 0; t < tiles_.size(); ++t) {
    for (const uint32_t f : tiles_[t].features) tile_of[f] = t;
  }
  const auto csr = data.csr();
  const auto for_row = [&](size_t r, auto&& visit) {
    for (uint64_t k = csr.row_begin[r]; k < csr.row_begin[r + 1]; ++k) {
      if (csr.column[k] < features() && !std::isnan(csr.value[k])) {
        visit(csr.column[k], csr.value[k]);
      }
    }
  };
  const size_t blocks = (rows_ + kBlockRows - 1) / kBlockRows;
  for (Tile& tile : tiles_) tile.row_begin.Resize(rows_ + 1);
  if (!tiles_.empty()) {
    pool.ForEach(blocks, [&](size_t block, int) {
      std::vector<uint32_t> present(tiles_.size());
      const size_t end = std::min(rows_, (block + 1) * kBlockRows);
      for (size_t r = block * kBlockRows; r < end; ++r) {
        std::ranges::fill(present, 0U);
        for_row(r, [&](uint32_t f, float) {
          if (tile_of[f] != kDense) ++present[tile_of[f]];
        });
        for (size_t t = 0; t < tiles_.size(); ++t) {
          tiles_[t].row_begin[r] = (present[t] + tiles_[t].pad - 1) / tiles_[t].pad;
        }
      }
    });
    pool.ForEach(tiles_.size(), [&](size_t t, int) {
      Tile& tile = tiles_[t];
      uint32_t sum = 0;
      for (size_t r = 0; r < rows_; ++r) sum += std::exchange(tile.row_begin[r], sum);
      tile.row_begin[rows_] = sum;
      tile.entries.Resize(size_t{sum} * tile.pad + kPaddedEntries);
      std::ranges::fill(tile.entries, static_cast<uint16_t>(tile.slots - 1));
    });
  }
  auto* const row_major = reinterpret_cast<Bin*>(row_bytes_.data());
  auto* const column_major = reinterpret_cast<Bin*>(column_bytes_.data());
  pool.ForEach(blocks, [&](size_t block, int) {
    const size_t begin = block * kBlockRows;
    const size_t end = std::min(rows_, begin + kBlockRows);
    for (size_t k = 0; k < dense_.size(); ++k) {
      const uint32_t f = dense_[k];
      const auto missing = static_cast<Bin>(MissingCode(f));
      for (size_t r = begin; r < end; ++r) row_major[r * stride_ + k] = missing;
      if (column_at_[f] != kNoColumn) {
        Bin* const column = column_major + column_at_[f] * rows_;
        std::fill(column + begin, column + end, missing);
      }
    }
    std::vector<uint16_t*> next(tiles_.size());
    for (size_t r = begin; r < end; ++r) {
      for (size_t t = 0; t < tiles_.size(); ++t) {
        next[t] = tiles_[t].entries.data() + size_t{tiles_[t].row_begin[r]} * tiles_[t].pad;
      }
      for_row(r, [&](uint32_t f, float x) {
        Bin code;
        CodesOf(f, &x, 1, 1, &code);
        const uint32_t t = tile_of[f];
        if (t != kDense) {
          *next[t]++ = static_cast<uint16_t>(hist_offset_[f] - tiles_[t].hist_begin + code);
          return;
        }
        row_major[r * stride_ + place[f]] = code;
        if (column_at_[f] != kNoColumn) {
          column_major[column_at_[f] * rows_ + r] = code;
        }
      });
    }
  });
}

void BinnedMatrix::FillThinColumns(ThreadPool& pool) {
  lists_.resize(features());
  pool.ForEach(tiles_.size(), [&](size_t t, int) {
    const Tile& tile = tiles_[t];
    for (const uint32_t f : tile.features) {
      if (column_at_[f] != kNoColumn) {
        std::fill_n(column_bytes_.data() + column_at_[f] * rows_, rows_,
                    static_cast<uint8_t>(MissingCode(f)));
        continue;
      }
      const auto expected =
          static_cast<size_t>(cuts_->present_share[f] * static_cast<float>(rows_));
      lists_[f].rows.reserve(expected + expected / 64 + 16);
      lists_[f].codes.reserve(expected + expected / 64 + 16);
    }
    for (size_t r = 0; r < rows_; ++r) {
      const size_t last = size_t{tile.row_begin[r + 1]} * tile.pad;
      for (size_t k = size_t{tile.row_begin[r]} * tile.pad; k < last; ++k) {
        const uint32_t f = tile.feature_of[tile.entries[k]];
        if (f == UINT32_MAX) break;
        const auto code = static_cast<uint8_t>(tile.hist_begin + tile.entries[k] - hist_offset_[f]);
        if (column_at_[f] != kNoColumn) {
          column_bytes_[column_at_[f] * rows_ + r] = code;
        } else {
          lists_[f].rows.push_back(static_cast<uint32_t>(r));
          lists_[f].codes.push_back(code);
        }
      }
    }
  });
}

void BinnedMatrix::CopyCodes(size_t r, uint8_t* out) const {
  const uint8_t* const codes = row<uint8_t>(r);
  for (size_t k = 0; k < dense_.size(); ++k) out[dense_[k]] = codes[k];
  for (const Tile& tile : tiles_) {
    for (const uint32_t f : tile.features) out[f] = static_cast<uint8_t>(MissingCode(f));
    const size_t last = size_t{tile.row_begin[r + 1]} * tile.pad;
    for (size_t k = size_t{tile.row_begin[r]} * tile.pad; k < last; ++k) {
      const uint32_t f = tile.feature_of[tile.entries[k]];
      if (f == UINT32_MAX) break;
      out[f] = static_cast<uint8_t>(tile.hist_begin + tile.entries[k] - hist_offset_[f]);
    }
  }
}

void BinnedMatrix::ReadColumn(uint32_t f, std::span<const uint32_t> rows, uint8_t* out) const {
  const std::vector<uint32_t>& present = lists_[f].rows;
  const auto missing = static_cast<uint8_t>(MissingCode(f));
  // Both lists ascend: gallop through the present rows from where the last search ended.
  auto at = present.begin();
  for (size_t i = 0; i < rows.size(); ++i) {
    std::ptrdiff_t step = 1;
    while (present.end() - at > step && at[step] < rows[i]) step *= 2;
    at = std::lower_bound(at, present.end() - at > step ? at + step + 1 : present.end(), rows[i]);
    out[i] = at != present.end() && *at == rows[i]
                 ? lists_[f].codes[static_cast<size_t>(at - present.begin())]
                 : missing;
  }
}

}  // namespace clary::gbdt
