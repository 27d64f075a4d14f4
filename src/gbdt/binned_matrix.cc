#include "gbdt/binned_matrix.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "gbdt/kernels.h"

namespace clary::gbdt {
namespace {

constexpr size_t kBlockRows = 512;
constexpr size_t kInnerCuts = 255;

size_t PaddedStride(uint32_t features, bool wide) {
  const size_t bytes = size_t{features} * (wide ? 2 : 1);
  size_t padded = 8;
  while (padded < bytes && padded < 64) padded *= 2;
  if (padded < bytes) padded = (bytes + 15) / 16 * 16;
  return padded / (wide ? 2 : 1);
}

}  // namespace

BinnedMatrix::BinnedMatrix(const Dataset& data, std::shared_ptr<const Cuts> cuts, bool columns,
                           ThreadPool& pool)
    : cuts_(std::move(cuts)), rows_(data.rows()), wide_(false) {
  hist_offset_.push_back(0);
  for (uint32_t f = 0; f < features(); ++f) {
    const uint32_t codes = cuts_->bins(f) + 1;
    wide_ = wide_ || cuts_->bins(f) > 256 || (codes > 256 && cuts_->has_missing[f] != 0);
    hist_offset_.push_back(hist_offset_.back() + codes);
  }
  // A byte code for "missing" must exist for data seen later, such as evaluation sets: 256 bins
  // without missing values leave none.
  if (!columns) {
    for (uint32_t f = 0; f < features(); ++f) wide_ = wide_ || cuts_->bins(f) > 255;
  }
  stride_ = PaddedStride(features(), wide_);
  const size_t width = wide_ ? 2 : 1;
  row_bytes_.Resize(rows_ * stride_ * width + 64);
  if (columns) column_bytes_.Resize(rows_ * features() * width + 64);
  if (wide_) {
    Fill<uint16_t>(data, pool);
  } else {
    Fill<uint8_t>(data, pool);
  }
}

size_t BinnedMatrix::HistSize() const {
  return wide_ ? hist_offset_.back() : size_t{features()} * 256;
}

template <typename Bin>
void BinnedMatrix::Fill(const Dataset& data, ThreadPool& pool) {
  const uint32_t columns = std::min(features(), data.columns());
  const Kernels& kernels = BestKernels();
  // Cuts without each feature's last one, padded for a search without branches.
  std::vector<float> padded;
  if constexpr (sizeof(Bin) == 1) {
    padded.assign(size_t{features()} * kInnerCuts, std::numeric_limits<float>::infinity());
    for (uint32_t f = 0; f < features(); ++f) {
      const auto cuts = cuts_->of(f);
      std::copy(cuts.begin(), cuts.end() - 1, padded.begin() + size_t{f} * kInnerCuts);
    }
  }
  auto* const row_major = reinterpret_cast<Bin*>(row_bytes_.data());
  auto* const column_major = reinterpret_cast<Bin*>(column_bytes_.data());
  pool.ForEach((rows_ + kBlockRows - 1) / kBlockRows, [&](size_t block, int) {
    const size_t begin = block * kBlockRows;
    const size_t count = std::min(kBlockRows, rows_ - begin);
    std::vector<float> row_values;
    if (data.is_sparse()) {
      row_values.resize(count * data.columns());
      for (size_t i = 0; i < count; ++i) {
        data.CopyRow(begin + i, std::span(row_values).subspan(i * data.columns(), data.columns()));
      }
    }
    const float* values =
        data.is_sparse() ? row_values.data() : data.dense().data() + begin * data.columns();
    Bin codes[kBlockRows];
    for (uint32_t f = 0; f < features(); ++f) {
      const auto missing = static_cast<Bin>(MissingCode(f));
      if (f >= columns) {
        std::fill(codes, codes + count, missing);
      } else if constexpr (sizeof(Bin) == 1) {
        kernels.bin_bytes(values + f, data.columns(), count, &padded[size_t{f} * kInnerCuts],
                          missing, codes);
      } else {
        const auto cuts = cuts_->of(f);
        for (size_t i = 0; i < count; ++i) {
          const float x = values[i * data.columns() + f];
          codes[i] = std::isnan(x)
                         ? missing
                         : static_cast<Bin>(std::upper_bound(cuts.begin(), cuts.end() - 1, x) -
                                            cuts.begin());
        }
      }
      if (cuts_->is_categorical(f) && f < columns) {
        const auto unknown = static_cast<Bin>(cuts_->categories(f));
        for (size_t i = 0; i < count; ++i) {
          if (values[i * data.columns() + f] < 0) codes[i] = unknown;
        }
      }
      Bin* out = row_major + begin * stride_ + f;
      for (size_t i = 0; i < count; ++i) out[i * stride_] = codes[i];
      if (!column_bytes_.empty()) {
        std::copy(codes, codes + count, column_major + size_t{f} * rows_ + begin);
      }
    }
  });
}

}  // namespace clary::gbdt
