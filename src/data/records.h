// The rows of one file that is a table, one after another, as texts.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "data/read.h"

namespace clary::data {

namespace internal {
class TableRows;
}

// csv: RFC 4180 with commas, quoted line ends, BOM, gzip and zstd by content; empty lines are none
// and all records are as long as the first. parquet: flat columns of numbers, booleans or texts;
// numbers have all their digits (integers no point, others one), booleans are True and False, and a
// column has at most 2^24 different values. One thread.
class Records {
 public:
  // kCsv or kParquet. `name`: of the file, for messages. Errors, also of Next(), are
  // kInvalidArgument "BadData" with the place, and "NoData" for an empty csv file.
  static Result<std::unique_ptr<Records>> Open(ContentType type, const std::filesystem::path& path,
                                               std::string name);
  ~Records();

  // csv: the first record, which may be a header or not; parquet: the columns' names.
  const std::vector<std::string>& first() const { return first_; }
  // The next row (csv: the first call gives the second record); false at the end.
  Result<bool> Next();
  // Of the last Next(), valid until the next one. Without quotes and the blanks around; "" if there
  // is no value.
  std::string_view Text(size_t column);
  std::string Place() const;  // "train.csv, line 12"

 private:
  explicit Records(std::unique_ptr<internal::TableRows> rows);
  std::unique_ptr<internal::TableRows> rows_;
  std::vector<std::string> first_;
};

}  // namespace clary::data
