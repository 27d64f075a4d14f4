// Dataset: checks shapes and values once, so that nothing later has to.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "clary/gbdt.h"
#include "gbdt/internal/objective_impl.h"

namespace clary::gbdt {

struct Dataset::Data {
  size_t rows = 0;
  uint32_t columns = 0;
  bool sparse = false;
  std::span<const float> dense;
  Csr csr;
  std::shared_ptr<const void> owner;  // of the spans; null if the caller keeps them
  RowFields fields;
};

namespace {

Status BadShape(std::string message) {
  return Fail(Code::kInvalidArgument, "BadShape", std::move(message));
}

Status CheckLength(std::string_view what, size_t got, size_t want) {
  if (got == 0 || got == want) return {};
  return BadShape(std::string(what) + " has " + std::to_string(got) + " items, expected " +
                  std::to_string(want));
}

Status CheckFields(const RowFields& f, size_t rows, uint32_t columns) {
  if (!f.label.empty() && (rows == 0 || f.label.size() % rows != 0)) {
    CLARY_CHECK_OK(CheckLength("label", f.label.size(), rows));
  }
  CLARY_CHECK_OK(CheckLength("label_lower", f.label_lower.size(), rows));
  CLARY_CHECK_OK(CheckLength("label_upper", f.label_upper.size(), rows));
  if (!f.base_margin.empty() && (rows == 0 || f.base_margin.size() % rows != 0)) {
    CLARY_CHECK_OK(CheckLength("base_margin", f.base_margin.size(), rows));
  }
  CLARY_CHECK_OK(CheckLength("feature_names", f.feature_names.size(), columns));
  CLARY_CHECK_OK(CheckLength("feature_types", f.feature_types.size(), columns));
  if (f.weight.size() != f.group_sizes.size() || f.group_sizes.empty()) {
    CLARY_CHECK_OK(CheckLength("weight", f.weight.size(), rows));
  }
  for (size_t i = 0; i < f.weight.size(); ++i) {
    if (!(f.weight[i] >= 0) || std::isinf(f.weight[i])) {
      return Fail(Code::kInvalidArgument, "BadWeight",
                  "weight of row " + std::to_string(i) + " is " + ShortText(f.weight[i]) +
                      "; weights must be finite and not negative");
    }
  }
  if (!f.group_sizes.empty()) {
    const uint64_t sum = std::accumulate(f.group_sizes.begin(), f.group_sizes.end(), uint64_t{0});
    if (sum != rows) {
      return BadShape("group sizes sum to " + std::to_string(sum) + ", but there are " +
                      std::to_string(rows) + " rows");
    }
  }
  return {};
}

Status CheckFinite(std::span<const float> values, uint32_t columns) {
  constexpr size_t kBlock = 4096;
  for (size_t begin = 0; begin < values.size(); begin += kBlock) {
    const size_t end = std::min(values.size(), begin + kBlock);
    bool found = false;  // branch-free, so that it runs at the speed of memory
    for (size_t i = begin; i < end; ++i) {
      found |= std::fabs(values[i]) > std::numeric_limits<float>::max();
    }
    if (!found) continue;
    for (size_t i = begin; i < end; ++i) {
      if (std::isinf(values[i])) {
        return Fail(Code::kInvalidArgument, "BadValue",
                    "the data has an infinite value in row " + std::to_string(i / columns) +
                        ", column " + std::to_string(i % columns));
      }
    }
  }
  return {};
}

struct OwnedCsr {
  std::vector<uint64_t> row_begin;
  std::vector<uint32_t> column;
  std::vector<float> value;
  Dataset::Csr View() const { return {row_begin, column, value}; }
};

Status CheckCsr(const Dataset::Csr& csr, uint32_t columns) {
  const auto& [row_begin, column, value] = csr;
  if (row_begin.empty() || row_begin.front() != 0 || row_begin.back() != value.size() ||
      column.size() != value.size()) {
    return BadShape("row_begin must run from 0 to the number of entries, one column per value");
  }
  const auto entry = [&](size_t r, uint64_t k) {
    return "row " + std::to_string(r) + ", column " + std::to_string(column[k]);
  };
  for (size_t r = 0; r + 1 < row_begin.size(); ++r) {
    if (row_begin[r] > row_begin[r + 1] || row_begin[r + 1] > value.size()) {
      return BadShape("row_begin descends at row " + std::to_string(r));
    }
    for (uint64_t k = row_begin[r]; k < row_begin[r + 1]; ++k) {
      if (column[k] >= columns) {
        return BadShape(entry(r, k) + ": there are only " + std::to_string(columns) + " columns");
      }
      if (k > row_begin[r] && column[k] <= column[k - 1]) {
        return BadShape(entry(r, k) + ": columns of a row must ascend");
      }
      if (std::isinf(value[k])) {
        return Fail(Code::kInvalidArgument, "BadValue", entry(r, k) + " is infinite");
      }
    }
  }
  return {};
}

}  // namespace

Result<Dataset> Dataset::ViewDense(std::span<const float> values, size_t rows, uint32_t columns,
                                   RowFields fields, std::shared_ptr<const void> owner) {
  if (values.size() != rows * columns) {
    return Fail(Code::kInvalidArgument, "BadShape",
                std::to_string(values.size()) + " values do not make " + std::to_string(rows) +
                    " rows of " + std::to_string(columns) + " columns");
  }
  CLARY_CHECK_OK(CheckFields(fields, rows, columns));
  CLARY_CHECK_OK(CheckFinite(values, columns));
  return Dataset(std::make_shared<Data>(Data{.rows = rows,
                                             .columns = columns,
                                             .dense = values,
                                             .owner = std::move(owner),
                                             .fields = std::move(fields)}));
}

Result<Dataset> Dataset::FromDense(std::vector<float> values, size_t rows, uint32_t columns,
                                   RowFields fields) {
  const auto kept = std::make_shared<const std::vector<float>>(std::move(values));
  return ViewDense(*kept, rows, columns, std::move(fields), kept);
}

Result<Dataset> Dataset::ViewCsr(const Csr& csr, uint32_t columns, RowFields fields,
                                 std::shared_ptr<const void> owner) {
  CLARY_CHECK_OK(CheckCsr(csr, columns));
  const size_t rows = csr.row_begin.size() - 1;
  CLARY_CHECK_OK(CheckFields(fields, rows, columns));
  return Dataset(std::make_shared<Data>(Data{.rows = rows,
                                             .columns = columns,
                                             .sparse = true,
                                             .csr = csr,
                                             .owner = std::move(owner),
                                             .fields = std::move(fields)}));
}

Result<Dataset> Dataset::FromCsr(std::vector<uint64_t> row_begin, std::vector<uint32_t> column,
                                 std::vector<float> value, uint32_t columns, RowFields fields) {
  const auto kept = std::make_shared<const OwnedCsr>(
      OwnedCsr{std::move(row_begin), std::move(column), std::move(value)});
  return ViewCsr(kept->View(), columns, std::move(fields), kept);
}

size_t Dataset::rows() const { return data_->rows; }
uint32_t Dataset::columns() const { return data_->columns; }
bool Dataset::is_sparse() const { return data_->sparse; }
const RowFields& Dataset::fields() const { return data_->fields; }
std::span<const float> Dataset::dense() const { return data_->dense; }
Dataset::Csr Dataset::csr() const { return data_->csr; }

void Dataset::CopyRow(size_t row, std::span<float> out) const {
  if (!data_->sparse) {
    std::ranges::copy(data_->dense.subspan(row * data_->columns, data_->columns), out.begin());
    return;
  }
  const Csr& csr = data_->csr;
  std::ranges::fill(out.first(data_->columns), std::numeric_limits<float>::quiet_NaN());
  for (uint64_t k = csr.row_begin[row]; k < csr.row_begin[row + 1]; ++k) {
    out[csr.column[k]] = csr.value[k];
  }
}

Dataset Dataset::Subset(std::span<const uint32_t> index) const {
  const Data& from = *data_;
  Data part{.rows = index.size(), .columns = from.columns, .sparse = from.sparse};
  const auto take = [&](std::span<const float> all, size_t width) {
    std::vector<float> taken;
    taken.reserve(index.size() * width);
    for (const uint32_t r : index) {
      const auto row = all.subspan(r * width, width);
      taken.insert(taken.end(), row.begin(), row.end());
    }
    return taken;
  };
  const auto take_field = [&](const std::vector<float>& all) {
    return take(all, from.rows == 0 ? 0 : all.size() / from.rows);
  };
  part.fields.label = take_field(from.fields.label);
  if (from.fields.weight.size() == from.rows) part.fields.weight = take_field(from.fields.weight);
  part.fields.label_lower = take_field(from.fields.label_lower);
  part.fields.label_upper = take_field(from.fields.label_upper);
  part.fields.base_margin = take_field(from.fields.base_margin);
  part.fields.feature_names = from.fields.feature_names;
  part.fields.feature_types = from.fields.feature_types;
  if (from.sparse) {
    auto kept = std::make_shared<OwnedCsr>();
    kept->row_begin.push_back(0);
    for (const uint32_t r : index) {
      for (uint64_t k = from.csr.row_begin[r]; k < from.csr.row_begin[r + 1]; ++k) {
        kept->column.push_back(from.csr.column[k]);
        kept->value.push_back(from.csr.value[k]);
      }
      kept->row_begin.push_back(kept->value.size());
    }
    part.csr = kept->View();
    part.owner = std::move(kept);
  } else {
    auto kept = std::make_shared<std::vector<float>>(take(from.dense, from.columns));
    part.dense = *kept;
    part.owner = std::move(kept);
  }
  return Dataset(std::make_shared<Data>(std::move(part)));
}

Dataset Dataset::Weighted() const {
  const RowFields& from = data_->fields;
  if (std::ranges::find(from.weight, 0.0F) == from.weight.end()) return *this;
  std::vector<uint32_t> kept;
  std::vector<uint32_t> sizes;  // of queries that still have rows
  std::vector<float> query_weight;
  const bool by_query = from.weight.size() == from.group_sizes.size();
  uint32_t row = 0;
  const auto keep = [&](uint32_t rows, size_t query) {
    const size_t before = kept.size();
    for (const uint32_t end = row + rows; row < end; ++row) {
      if (from.weight[by_query ? query : row] != 0) kept.push_back(row);
    }
    if (kept.size() == before || from.group_sizes.empty()) return;
    sizes.push_back(static_cast<uint32_t>(kept.size() - before));
    if (by_query) query_weight.push_back(from.weight[query]);
  };
  if (from.group_sizes.empty()) {
    keep(static_cast<uint32_t>(data_->rows), 0);
  } else {
    for (size_t q = 0; q < from.group_sizes.size(); ++q) keep(from.group_sizes[q], q);
  }
  Data part = *Subset(kept).data_;
  part.fields.group_sizes = std::move(sizes);
  if (by_query) part.fields.weight = std::move(query_weight);
  return Dataset(std::make_shared<Data>(std::move(part)));
}

}  // namespace clary::gbdt
