#include "gbdt/binned_matrix.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "gbdt/kernels.h"

namespace clary::gbdt {
namespace {

constexpr size_t kMaxBlockRows = 256;
constexpr size_t kBlockValues = 131072;  // transposed at a time, within the second-level cache
constexpr size_t kTaskRows = 2048;
constexpr size_t kFetchAhead = 4;  // columns
// A tile ends where its part of a histogram outgrows the second-level cache's share, unless rows
// would have too few entries in it to pay for looking them up.
constexpr uint32_t kTileSlots = 16384;
constexpr float kTileEntries = 8;
constexpr uint32_t kMaxTileSlots = 65000;  // a slot is 16 bits
constexpr size_t kMaxTileRows = 1U << 26;  // row_begin is 32 bits
constexpr uint32_t kPaddedEntries = 4;

constexpr uint32_t kDense = UINT32_MAX;
// Where the codes of a feature go.
struct Home {
  uint32_t tile = kDense;
  uint32_t place = 0;  // in a row, or of its first slot in the tile
};

size_t PaddedStride(size_t features, bool wide) {
  const size_t bytes = features * (wide ? 2 : 1);
  size_t padded = bytes == 0 ? 0 : 8;
  while (padded < bytes && padded < 64) padded *= 2;
  if (padded < bytes) padded = (bytes + 15) / 16 * 16;
  return padded / (wide ? 2 : 1);
}

}  // namespace

BinnedMatrix::BinnedMatrix(const Dataset& data, std::shared_ptr<const Cuts> cuts, bool columns,
                           ThreadPool& pool, float rare)
    : cuts_(std::move(cuts)), rows_(data.rows()), wide_(false) {
  ChooseLayout(columns, rare);
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
    cut_tables_.Resize(features() * kCutTable);
    for (uint32_t f = 0; f < features(); ++f) {
      FillCutTable(cuts_->of(f).first(cuts_->bins(f) - 1), cut_tables_.data() + f * kCutTable);
    }
  }
  if (wide_) {
    data.is_sparse() ? FillFromCsr<uint16_t>(data, pool) : FillDense<uint16_t>(data, pool);
  } else {
    data.is_sparse() ? FillFromCsr<uint8_t>(data, pool) : FillDense<uint8_t>(data, pool);
    if (!tiles_.empty()) FillLists(pool);
    if (histogram_tiles_ < tiles_.size()) SortRareColumns(pool);
  }
  cut_tables_ = {};
}

void BinnedMatrix::ChooseLayout(bool columns, float rare) {
  for (uint32_t f = 0; f < features(); ++f) {
    const uint32_t codes = cuts_->bins(f) + 1;
    wide_ = wide_ || cuts_->bins(f) > 256 || (codes > 256 && cuts_->has_missing[f] != 0);
    // A byte code for "missing" must exist for data seen later, such as evaluation sets: 256 bins
    // without missing values leave none.
    wide_ = wide_ || (!columns && cuts_->bins(f) > 255);
  }
  thin_.assign(features(), 0);
  rare_.assign(features(), 0);
  for (uint32_t f = 0; f < features(); ++f) {
    if (columns && !wide_ && rows_ <= kMaxTileRows && !cuts_->is_categorical(f) &&
        cuts_->present_share[f] < kThinShare) {
      thin_[f] = 1;
      const float share = cuts_->present_share[f];
      const float a_bin = share * static_cast<float>(rows_) / static_cast<float>(cuts_->bins(f));
      rare_[f] = share < kListShare && a_bin < rare ? 1 : 0;
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
  size_t next_slot = hist_size_;
  for (const bool rare_ones : {false, true}) {
    bool open = false;
    float entries = 0;  // of a row in the open tile, on average
    const auto close = [&] {
      if (!open) return;
      Tile& tile = tiles_.back();
      tile.feature_of.push_back(UINT32_MAX);
      tile.slots = static_cast<uint32_t>(tile.feature_of.size());
      tile.pad = rare_ones || entries < kTileEntries ? 1 : kPaddedEntries;
      next_slot += tile.slots;
      open = false;
    };
    for (uint32_t f = 0; f < features(); ++f) {
      if (!is_thin(f) || is_rare(f) != rare_ones) continue;
      const auto used = static_cast<uint32_t>(open ? tiles_.back().feature_of.size() : 0);
      const uint32_t after = used + cuts_->bins(f);
      if (after > kMaxTileSlots || (!rare_ones && after > kTileSlots && entries >= kTileEntries)) {
        close();
      }
      if (!open) {
        tiles_.emplace_back().hist_begin = next_slot;
        open = true;
        entries = 0;
      }
      Tile& tile = tiles_.back();
      hist_offset_[f] = tile.hist_begin + tile.feature_of.size();
      tile.features.push_back(f);
      tile.feature_of.resize(tile.feature_of.size() + cuts_->bins(f), f);
      entries += cuts_->present_share[f];
    }
    close();
    if (!rare_ones) {
      histogram_tiles_ = tiles_.size();
      hist_size_ = next_slot;
    }
  }
}

void BinnedMatrix::PlaceEntries(ThreadPool& pool) {
  pool.ForEach(tiles_.size(), [&](size_t t, int) {
    Tile& tile = tiles_[t];
    uint32_t sum = 0;
    for (size_t r = 0; r < rows_; ++r) {
      const uint32_t entries = std::exchange(tile.row_begin[r], sum);
      sum += (entries + tile.pad - 1) / tile.pad;
    }
    tile.row_begin[rows_] = sum;
    tile.entries.Resize(size_t{sum} * tile.pad + kPaddedEntries);
  });
}

template <typename Bin>
void BinnedMatrix::CodesOf(uint32_t f, const float* values, size_t count, Bin* codes) const {
  const auto missing = static_cast<Bin>(MissingCode(f));
  if constexpr (sizeof(Bin) == 1) {
    BestKernels().bin_bytes(values, 1, count, cut_tables_.data() + f * kCutTable, missing, codes);
  } else {
    BestKernels().bin_words(values, count, cuts_->of(f).data(), cuts_->bins(f) - 1, missing, codes);
  }
  if (cuts_->is_categorical(f)) {
    const auto unknown = static_cast<Bin>(cuts_->categories(f));
    for (size_t i = 0; i < count; ++i) {
      if (values[i] < 0) codes[i] = unknown;
    }
  }
}

struct BinnedMatrix::Block {
  size_t rows;                          // capacity: a multiple of sixteen
  data::Buffer<float> values;           // [given features, rows]
  data::Buffer<uint8_t> codes;          // [dense features, rows], in bins
  uint16_t at[kMaxBlockRows + 16];      // of a thin feature: rows that have it
  uint8_t present[kMaxBlockRows + 16];  // and their codes
  uint16_t* next[kMaxBlockRows];        // each row's next entry
};

template <typename Bin>
void BinnedMatrix::FillDense(const Dataset& data, ThreadPool& pool) {
  if (!tiles_.empty()) CountDense(data, pool);
  const uint32_t given = std::min(features(), data.columns());
  const size_t block_rows =
      std::clamp<size_t>(kBlockValues / std::max(given, 1U) / 16 * 16, 16, kMaxBlockRows);
  const size_t task_rows = kTaskRows / block_rows * block_rows;
  std::vector<Block> blocks(static_cast<size_t>(pool.size()));
  for (Block& block : blocks) {
    block.rows = block_rows;
    block.values.Resize(given * block_rows);
    block.codes.Resize((dense_.size() + 15) / 16 * 16 * block_rows * sizeof(Bin));
    std::ranges::fill(block.codes, uint8_t{0});
  }
  pool.ForEach((rows_ + task_rows - 1) / task_rows, [&](size_t task, int thread) {
    const size_t end = std::min(rows_, (task + 1) * task_rows);
    for (size_t r = task * task_rows; r < end; r += block_rows) {
      FillBlock<Bin>(data, r, std::min(block_rows, end - r), blocks[static_cast<size_t>(thread)]);
    }
  });
}

void BinnedMatrix::CountDense(const Dataset& data, ThreadPool& pool) {
  // 1 for the features of a tile, from its first one to its last.
  std::vector<std::vector<uint32_t>> counts;
  for (Tile& tile : tiles_) {
    tile.row_begin.Resize(rows_ + 1);
    auto& of = counts.emplace_back(tile.features.back() - tile.features.front() + 1, 0);
    for (const uint32_t f : tile.features) of[f - tile.features.front()] = 1;
  }
  const size_t columns = data.columns();
  pool.ForEach((rows_ + kTaskRows - 1) / kTaskRows, [&](size_t task, int) {
    const size_t end = std::min(rows_, (task + 1) * kTaskRows);
    for (size_t r = task * kTaskRows; r < end; ++r) {
      const float* const row = data.dense().data() + r * columns;
      for (size_t t = 0; t < tiles_.size(); ++t) {
        tiles_[t].row_begin[r] = BestKernels().count_present(row + tiles_[t].features.front(),
                                                             counts[t].data(), counts[t].size());
      }
    }
  });
  PlaceEntries(pool);
}

// Rows of a column are written where other blocks' lie between: their cache lines come slowly.
template <typename Bin>
void BinnedMatrix::FetchColumn(uint32_t f, size_t begin, size_t count) const {
  if (column_at_[f] == kNoColumn) return;
  const uint8_t* const at = column_bytes_.data() + (column_at_[f] * rows_ + begin) * sizeof(Bin);
  for (size_t i = 0; i < count * sizeof(Bin) + 63; i += 64) __builtin_prefetch(at + i, 1);
}

template <typename Bin>
void BinnedMatrix::FillBlock(const Dataset& data, size_t begin, size_t count, Block& block) {
  const uint32_t given = std::min(features(), data.columns());
  const float* row[kMaxBlockRows + 16];
  for (size_t i = 0; i < block.rows + 16; ++i) {
    row[i] = data.dense().data() + std::min(begin + i, rows_ - 1) * data.columns();
  }
  BestKernels().transpose(row, count, given, block.rows, block.values.data());
  auto* const codes = reinterpret_cast<Bin*>(block.codes.data());
  for (size_t k = 0; k < dense_.size(); ++k) {
    const uint32_t f = dense_[k];
    Bin* const of = codes + k * block.rows;
    if (f >= given) {
      std::fill_n(of, count, static_cast<Bin>(MissingCode(f)));
    } else {
      CodesOf(f, block.values.data() + f * block.rows, count, of);
    }
    if (k + kFetchAhead < dense_.size()) FetchColumn<Bin>(dense_[k + kFetchAhead], begin, count);
    if (column_at_[f] != kNoColumn) {
      auto* const column = reinterpret_cast<Bin*>(column_bytes_.data()) + column_at_[f] * rows_;
      std::copy_n(of, count, column + begin);
    }
  }
  Bin* const out = reinterpret_cast<Bin*>(row_bytes_.data()) + begin * stride_;
  if constexpr (sizeof(Bin) == 1) {
    BestKernels().transpose_bytes(codes, block.rows, count, dense_.size(), out, stride_);
    for (Tile& tile : tiles_) FillTile(tile, begin, count, block);
  } else {
    for (size_t i = 0; i < count; ++i) {
      for (size_t k = 0; k < dense_.size(); ++k) out[i * stride_ + k] = codes[k * block.rows + i];
    }
  }
}

void BinnedMatrix::FillTile(Tile& tile, size_t begin, size_t count, Block& block) {
  for (size_t i = 0; i < count; ++i) {
    block.next[i] = tile.entries.data() + size_t{tile.row_begin[begin + i]} * tile.pad;
  }
  const auto& features = tile.features;
  for (size_t k = 0; k < features.size(); ++k) {
    if (k + kFetchAhead < features.size()) {
      FetchColumn<uint8_t>(features[k + kFetchAhead], begin, count);
    }
    const uint32_t f = features[k];
    uint8_t* const column =
        column_at_[f] == kNoColumn ? nullptr : column_bytes_.data() + column_at_[f] * rows_ + begin;
    const size_t n = BestKernels().bin_present(
        block.values.data() + f * block.rows, count, cut_tables_.data() + f * kCutTable,
        static_cast<uint8_t>(MissingCode(f)), block.at, block.present, column);
    const auto base = static_cast<uint32_t>(hist_offset_[f] - tile.hist_begin);
    for (size_t j = 0; j < n; ++j) {
      *block.next[block.at[j]]++ = static_cast<uint16_t>(base + block.present[j]);
    }
  }
  const auto padding = static_cast<uint16_t>(tile.slots - 1);
  for (size_t i = 0; i < count; ++i) {
    std::fill(block.next[i], tile.entries.data() + size_t{tile.row_begin[begin + i + 1]} * tile.pad,
              padding);
  }
}

template <typename Bin>
void BinnedMatrix::CodesOfEntries(const Dataset::Csr& csr, uint64_t first,
                                  std::vector<Bin>& codes) const {
  const size_t count = codes.size();
  std::span<const uint32_t> column = csr.column.subspan(first, count);
  const std::span<const float> value = csr.value.subspan(first, count);
  std::vector<uint32_t> known;  // any feature will do for those that the cuts don't know
  if (std::ranges::any_of(column, [&](uint32_t f) { return f >= features(); })) {
    for (const uint32_t f : column) known.push_back(std::min(f, features() - 1));
    column = known;
  }
  if constexpr (sizeof(Bin) == 1) {
    BestKernels().bin_entries(column.data(), value.data(), count, cut_tables_.data(), codes.data());
    if (cuts_->categorical.empty()) return;
    for (size_t k = 0; k < count; ++k) {
      if (value[k] < 0 && cuts_->is_categorical(column[k])) {
        codes[k] = static_cast<Bin>(cuts_->categories(column[k]));
      }
    }
  } else {
    for (size_t k = 0; k < count; ++k) CodesOf(column[k], &value[k], 1, &codes[k]);
  }
}

template <typename Bin>
void BinnedMatrix::FillFromCsr(const Dataset& data, ThreadPool& pool) {
  std::vector<Home> homes(features());
  for (uint32_t k = 0; k < dense_.size(); ++k) homes[dense_[k]].place = k;
  for (uint32_t t = 0; t < tiles_.size(); ++t) {
    for (const uint32_t f : tiles_[t].features) {
      homes[f] = {t, static_cast<uint32_t>(hist_offset_[f] - tiles_[t].hist_begin)};
    }
  }
  const auto csr = data.csr();
  const auto known = [&](uint64_t k) {
    return csr.column[k] < features() && !std::isnan(csr.value[k]);
  };
  const size_t tasks = (rows_ + kMaxBlockRows - 1) / kMaxBlockRows;
  if (!tiles_.empty()) {
    for (Tile& tile : tiles_) tile.row_begin.Resize(rows_ + 1);
    pool.ForEach(tasks, [&](size_t task, int) {
      std::vector<uint32_t> present(tiles_.size());
      const size_t end = std::min(rows_, (task + 1) * kMaxBlockRows);
      for (size_t r = task * kMaxBlockRows; r < end; ++r) {
        std::ranges::fill(present, 0U);
        for (uint64_t k = csr.row_begin[r]; k < csr.row_begin[r + 1]; ++k) {
          if (!known(k)) continue;
          if (const Home home = homes[csr.column[k]]; home.tile != kDense) ++present[home.tile];
        }
        for (size_t t = 0; t < tiles_.size(); ++t) tiles_[t].row_begin[r] = present[t];
      }
    });
    PlaceEntries(pool);
  }
  auto* const row_major = reinterpret_cast<Bin*>(row_bytes_.data());
  auto* const column_major = reinterpret_cast<Bin*>(column_bytes_.data());
  pool.ForEach(tasks, [&](size_t task, int) {
    const size_t begin = task * kMaxBlockRows;
    const size_t end = std::min(rows_, begin + kMaxBlockRows);
    for (size_t r = begin; r < end; ++r) {
      for (size_t k = 0; k < dense_.size(); ++k) {
        row_major[r * stride_ + k] = static_cast<Bin>(MissingCode(dense_[k]));
      }
    }
    for (uint32_t f = 0; f < features(); ++f) {
      if (column_at_[f] == kNoColumn) continue;
      Bin* const column = column_major + column_at_[f] * rows_;
      std::fill(column + begin, column + end, static_cast<Bin>(MissingCode(f)));
    }
    const uint64_t block = csr.row_begin[begin];
    std::vector<Bin> codes(csr.row_begin[end] - block);
    CodesOfEntries(csr, block, codes);
    std::vector<uint16_t*> next(tiles_.size());
    for (size_t r = begin; r < end; ++r) {
      for (size_t t = 0; t < tiles_.size(); ++t) {
        next[t] = tiles_[t].entries.data() + size_t{tiles_[t].row_begin[r]} * tiles_[t].pad;
      }
      for (uint64_t k = csr.row_begin[r]; k < csr.row_begin[r + 1]; ++k) {
        if (!known(k)) continue;
        const uint32_t f = csr.column[k];
        const Bin code = codes[k - block];
        const Home home = homes[f];
        if (column_at_[f] != kNoColumn) column_major[column_at_[f] * rows_ + r] = code;
        if (home.tile == kDense) {
          row_major[r * stride_ + home.place] = code;
        } else {
          *next[home.tile]++ = static_cast<uint16_t>(home.place + code);
        }
      }
      for (size_t t = 0; t < tiles_.size(); ++t) {
        std::fill(next[t],
                  tiles_[t].entries.data() + size_t{tiles_[t].row_begin[r + 1]} * tiles_[t].pad,
                  static_cast<uint16_t>(tiles_[t].slots - 1));
      }
    }
  });
}

void BinnedMatrix::FillLists(ThreadPool& pool) {
  const auto is_list = [&](uint32_t f) { return column_at_[f] == kNoColumn; };
  lists_.resize(features());
  pool.ForEach(tiles_.size(), [&](size_t t, int) {
    const Tile& tile = tiles_[t];
    if (std::ranges::none_of(tile.features, is_list)) return;
    const uint32_t first = tile.features.front();
    const size_t entries = size_t{tile.row_begin[rows_]} * tile.pad;
    std::vector<uint32_t> count(tile.slots, 0);
    for (const uint16_t entry : tile.entries.span().first(entries)) ++count[entry];
    struct Next {
      uint32_t* row = nullptr;
      uint8_t* code = nullptr;
    };
    std::vector<Next> next(tile.features.back() - first + 1);
    for (const uint32_t f : tile.features) {
      if (!is_list(f)) continue;
      const auto* const of = count.data() + (hist_offset_[f] - tile.hist_begin);
      lists_[f].rows.resize(std::accumulate(of, of + cuts_->bins(f), 0U));
      lists_[f].codes.resize(lists_[f].rows.size());
      next[f - first] = {lists_[f].rows.data(), lists_[f].codes.data()};
    }
    for (size_t r = 0; r < rows_; ++r) {
      const size_t last = size_t{tile.row_begin[r + 1]} * tile.pad;
      for (size_t k = size_t{tile.row_begin[r]} * tile.pad; k < last; ++k) {
        const uint32_t f = tile.feature_of[tile.entries[k]];
        if (f == UINT32_MAX) break;
        Next& to = next[f - first];
        if (to.row == nullptr) continue;
        *to.row++ = static_cast<uint32_t>(r);
        *to.code++ = static_cast<uint8_t>(tile.hist_begin + tile.entries[k] - hist_offset_[f]);
      }
    }
  });
}

void BinnedMatrix::SortRareColumns(ThreadPool& pool) {
  sorted_at_.assign(features(), 0);
  size_t values = 0;
  for (uint32_t f = 0; f < features(); ++f) {
    sorted_at_[f] = values;
    if (is_rare(f)) values += lists_[f].rows.size();
  }
  sorted_rows_.Resize(values);
  sorted_codes_.Resize(values);
  pool.ForEach(features(), [&](size_t f, int) {
    if (rare_[f] == 0) return;
    const List& list = lists_[f];
    uint32_t next[257] = {};
    for (const uint8_t code : list.codes) ++next[code + 1U];
    for (size_t code = 0; code < 256; ++code) next[code + 1] += next[code];
    for (size_t i = 0; i < list.rows.size(); ++i) {
      const size_t at = sorted_at_[f] + next[list.codes[i]]++;
      sorted_rows_[at] = list.rows[i];
      sorted_codes_[at] = list.codes[i];
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
