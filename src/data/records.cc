#include "data/records.h"

#include <numeric>

#include "data/internal/csv_records.h"
#include "data/internal/parquet_rows.h"
#include "data/internal/table_rows.h"

namespace clary::data {

Records::Records(std::unique_ptr<internal::TableRows> rows) : rows_(std::move(rows)) {}
Records::~Records() = default;

Result<std::unique_ptr<Records>> Records::Open(ContentType type, const std::filesystem::path& path,
                                               std::string name) {
  std::unique_ptr<internal::TableRows> rows;
  if (type == ContentType::kCsv) {
    CLARY_TRY(rows, internal::CsvRecords::Open(path, std::move(name), ','));
  } else if (type == ContentType::kParquet) {
    CLARY_TRY(rows, internal::ParquetRows::Open(path, std::move(name),
                                                internal::ParquetRows::Numbers::kExact));
  } else {
    CLARY_TRY(rows, internal::TableRows::Open(type, path, std::move(name)));  // says what has none
  }
  std::unique_ptr<Records> out(new Records(std::move(rows)));
  CLARY_TRY(out->first_, out->rows_->Header());
  std::vector<size_t> all(out->first_.size());
  std::iota(all.begin(), all.end(), 0);
  CLARY_CHECK_OK(out->rows_->Select(all));
  return out;
}

Result<bool> Records::Next() { return rows_->Next(); }

std::string_view Records::Text(size_t column) { return rows_->TextOf(column); }

std::string Records::Place() const { return rows_->Place(); }

}  // namespace clary::data
