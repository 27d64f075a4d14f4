// The rows of one file that is a table, whatever its format.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "data/internal/number.h"
#include "data/read.h"

namespace clary::data::internal {

class TableRows {
 public:
  // kCsv or kParquet. `name`: of the file, for messages. Errors are kInvalidArgument "BadData", of
  // this and of all other calls.
  static Result<std::unique_ptr<TableRows>> Open(ContentType type,
                                                 const std::filesystem::path& path,
                                                 std::string name);
  explicit TableRows(std::string name) : name_(std::move(name)) {}
  virtual ~TableRows() = default;

  // What the columns are called, each by another name. Once, before anything else.
  virtual Result<std::vector<std::string>> Header() = 0;
  // Only these columns (places in the header) are asked for. Before the first Next().
  virtual Status Select(std::span<const size_t> columns) = 0;
  // The next row; false at the end.
  virtual Result<bool> Next() = 0;
  // Of the last Next(): what stands in a column, and its text, valid until the next one. The text
  // of a number is the number; a missing value has none.
  virtual NumberKind KindOf(size_t column) = 0;
  virtual std::string_view TextOf(size_t column) = 0;
  // Where the last Next() was: "train.csv, line 12".
  virtual std::string Place() const = 0;

  const std::string& name() const { return name_; }
  Error Bad(std::string_view what) const {  // "train.csv, line 12: what"
    return {Code::kInvalidArgument, "BadData", Place() + ": " + std::string(what)};
  }

 private:
  std::string name_;
};

}  // namespace clary::data::internal
