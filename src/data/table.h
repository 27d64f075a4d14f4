// Tables as people have them, with named columns and texts, into the channels that the built-in
// algorithm reads: label first, numbers alone, and beside them what they stand for.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "data/columns.h"
#include "data/read.h"

namespace clary::data {

struct TableOptions {
  ContentType type = ContentType::kCsv;  // or kParquet
  std::string label;                     // name of the column to learn
  std::vector<std::string> drop;         // names of columns to leave out
};

struct Table {
  Columns columns;
  std::vector<std::string> warnings;
};

// The names in the header of a CSV file, in order. Empty if the first line is none: it
// has a number, control characters, or no word.
Result<std::vector<std::string>> ReadHeader(const std::filesystem::path& file);

// Looks at every row of CSV files with a header line each: a column whose values are all numbers
// is one, another is a category of its texts. Later files' columns are found by name. Reads the
// files once, or twice if a column has numbers and texts, in memory that does not grow with them.
//
// The text is RFC 4180's, separated by commas, tabs, semicolons or bars (whichever the header has
// most of), lines ending in any way, a BOM skipped, gzip and zstd recognised. Blanks around a field
// without quotes do not count. Missing are an empty field, nan, and NA, N/A, #N/A, <NA>, null, None
// and ? in letters of any case.
//
// kInvalidArgument "BadData" with file and line: a header with no name, a name twice or not in
// UTF-8, rows of another length, a quote that does not end or has text behind it, an infinite
// number, a label that is missing, more than kMaxCategories texts in a column. "NoColumn" if the
// label or a column to drop is not there. "NoData" without rows.
Result<Table> ScanTable(const std::vector<std::filesystem::path>& files,
                        const TableOptions& options);

struct WrittenTable {
  uint64_t rows = 0;
  std::vector<uint64_t> missing;  // [features], with the texts that are new
  std::vector<std::string> warnings;
};

// Writes the rows of such files as a channel's CSV, through `write`, in columns' order: numbers as
// they stand there, texts as their place in the column's list. Columns that `columns` has not are
// left out. A text that its column has not is missing, with a warning for each such column.
// kInvalidArgument as above; "BadData" too for a text in a column of numbers, and for a label that
// is none of the classes.
Result<WrittenTable> WriteTable(const std::vector<std::filesystem::path>& files, ContentType type,
                                const Columns& columns,
                                const std::function<Status(std::string_view)>& write);

// Reads the features of such rows, with their label or without: values [rows * features],
// row-major, NaN for missing, some whole rows at a time. Otherwise as WriteTable.
Result<WrittenTable> ReadTable(const std::vector<std::filesystem::path>& files, ContentType type,
                               const Columns& columns,
                               const std::function<Status(std::span<const float>)>& take);

}  // namespace clary::data
