#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <mutex>
#include <optional>
#include <shared_mutex>

#include "data/internal/kernels.h"
#include "data/internal/number.h"
#include "data/internal/readers.h"
#include "data/internal/text.h"

namespace clary::data::internal {
namespace {

Error BadData(std::string_view file, uint64_t line, std::string_view what) {
  return {Code::kInvalidArgument, "BadData", fmt::format("{}, row {}{}", file, line, what)};
}

std::vector<std::string_view> Fields(std::string_view row, char delimiter) {
  std::vector<std::string_view> fields;
  for (;;) {
    const size_t end = row.find(delimiter);
    fields.push_back(row.substr(0, end));
    if (end == std::string_view::npos) return fields;
    row.remove_prefix(end + 1);
  }
}

std::string_view FirstRow(std::string_view text) {
  const size_t begin = text.find_first_not_of("\r\n");
  if (begin == std::string_view::npos) return {};
  text.remove_prefix(begin);
  return text.substr(0, text.find_first_of("\r\n"));
}

// What separates the fields of this line; '\0' if nothing does.
char FindDelimiter(std::string_view line) {
  for (const char c : {',', '\t', ';', '|'}) {
    if (line.find(c) != std::string_view::npos) return c;
  }
  const size_t first = line.find_first_not_of(' ');
  const size_t last = line.find_last_not_of(' ');
  if (first == std::string_view::npos) return '\0';
  line = line.substr(first, last - first + 1);
  if (line.find(':') != std::string_view::npos) return ':';
  return line.find(' ') != std::string_view::npos ? ' ' : '\0';
}

std::string_view DelimiterName(char c) {
  switch (c) {
    case ',':
      return "','";
    case '\t':
      return "a tab";
    case ';':
      return "';'";
    case '|':
      return "'|'";
    case ':':
      return "':'";
    default:
      return "a space";
  }
}

// For fields separated by spaces: the text with one space for a run of them, and none at the ends
// of a line.
std::string_view CollapseSpaces(std::string_view text, Buffer<char>& storage) {
  storage.Resize(text.size() + 2 * kPadding);
  char* const begin = storage.data() + kPadding;
  char* to = begin;
  bool pending = false;
  bool at_start = true;
  for (const char c : text) {
    if (c == ' ') {
      pending = true;
      continue;
    }
    const bool line_end = c == '\n' || c == '\r';
    // A line of nothing else keeps one, so that it stays a (wrong) row.
    if (pending && at_start == line_end) *to++ = ' ';
    pending = false;
    at_start = line_end;
    *to++ = c;
  }
  *to = '\n';
  return {begin, static_cast<size_t>(to - begin)};
}

// What all parsers of one ReadCsv() share. Guarded by the order in which blocks take their places,
// but for the buffers' memory: a thread that writes holds `memory` shared, one that grows them
// alone.
struct Shared {
  const BlockReader& reader;
  const ReadOptions& options;
  Matrix& matrix;
  char delimiter = '\0';
  uint32_t cols = 0;
  uint32_t lead = 1;       // columns before the features
  std::string shape_from;  // where `cols` was seen
  std::shared_mutex memory;
};

class CsvParser final : public BlockParser {
 public:
  explicit CsvParser(Shared& shared) : shared_(shared) {}

  LineCount Count(const TextBlock& block) override { return CountLines(block.text); }

  Status Place(const TextBlock& block, LineCount shape, uint64_t first_row,
               uint64_t first_line) override {
    rows_ = shape.rows;
    first_row_ = first_row;
    first_line_ = first_line;
    if (rows_ == 0) return {};
    if (shared_.cols == 0) CLARY_CHECK_OK(FindShape(block));
    Matrix& m = shared_.matrix;
    AddOrigins(block.text, shape, block.file, first_row, first_line, m.origins);
    const size_t rows = first_row + rows_;
    if (m.rows == 0) {
      const double per_byte = static_cast<double>(rows_) / static_cast<double>(block.text.size());
      Grow(std::max(rows,
                    static_cast<size_t>(1.02 * per_byte *
                                        static_cast<double>(shared_.reader.expected_bytes()))));
    }
    if (rows > capacity_of(m)) Grow(rows + rows / 2);
    m.rows = rows;
    return {};
  }

  Status Parse(const TextBlock& block) override {
    if (rows_ == 0) return {};
    const std::shared_lock lock(shared_.memory);
    Matrix& m = shared_.matrix;
    scratch_.Resize(2 * (block.text.size() + 66));
    const CsvTarget target{
        .labels = m.labels.data() + first_row_,
        .weights = shared_.options.csv_weights ? m.weights.data() + first_row_ : nullptr,
        .features = m.values.data() + first_row_ * shared_.cols,
        .cols = shared_.cols,
        .delimiter = shared_.delimiter,
        .scratch = scratch_.data()};
    const std::string_view text =
        shared_.delimiter == ' ' ? CollapseSpaces(block.text, collapsed_) : block.text;
    const char* const bad = BestKernels().csv(text.data(), text.data() + text.size(), target);
    if (bad == nullptr) return {};
    const auto at = static_cast<size_t>(bad - text.data());
    const LineCount before = CountLines(text.substr(0, at));
    return std::unexpected(
        Explain(block.file, FirstRow(text.substr(at)), first_line_ + before.lines));
  }

 private:
  static size_t capacity_of(const Matrix& m) { return m.labels.size(); }

  void Grow(size_t rows) {
    const std::unique_lock lock(shared_.memory);
    Matrix& m = shared_.matrix;
    m.labels.Resize(rows);
    if (shared_.options.csv_weights) m.weights.Resize(rows);
    m.values.Resize(rows * shared_.cols);
  }

  // Delimiter and number of columns, from the first row of all.
  Status FindShape(const TextBlock& block) {
    const std::string_view row = FirstRow(block.text);
    const std::string& file = shared_.reader.names()[block.file];
    shared_.delimiter = FindDelimiter(row);
    const char* const label = shared_.options.csv_weights ? "a label and a weight" : "a label";
    if (shared_.delimiter == '\0') {
      return std::unexpected(BadData(
          file, first_line_,
          fmt::format(": no delimiter found in '{}'; a row is {} and then features, separated by "
                      "commas",
                      Shown(row), label)));
    }
    shared_.lead = shared_.options.csv_weights ? 2 : 1;
    size_t count;
    if (shared_.delimiter == ' ') {
      const auto fields = Fields(row, ' ');
      count = static_cast<size_t>(std::count_if(fields.begin(), fields.end(),
                                                [](std::string_view f) { return !f.empty(); }));
    } else {
      count = static_cast<size_t>(std::count(row.begin(), row.end(), shared_.delimiter)) + 1;
    }
    if (count <= shared_.lead) {
      return std::unexpected(BadData(
          file, first_line_,
          fmt::format(" has {} columns; it needs {} and at least one feature", count, label)));
    }
    shared_.cols = static_cast<uint32_t>(count - shared_.lead);
    shared_.matrix.cols = shared_.cols;
    shared_.shape_from = fmt::format("{}, row {}", file, first_line_);
    return {};
  }

  Error Explain(uint32_t file_index, std::string_view row, uint64_t line) const {
    const std::string& file = shared_.reader.names()[file_index];
    const std::vector<std::string_view> fields = Fields(row, shared_.delimiter);
    const size_t expected = shared_.cols + shared_.lead;
    size_t texts = 0;
    std::optional<Error> first;
    for (size_t i = 0; i < fields.size(); ++i) {
      float value;
      const NumberKind kind = ParseNumber(fields[i], &value);
      const std::string at = fmt::format(", column {}", i + 1);
      texts += kind == NumberKind::kText;
      if (first) continue;
      if (kind == NumberKind::kText) {
        first = BadData(file, line, fmt::format("{}: '{}' is not a number", at, Shown(fields[i])));
      } else if (kind == NumberKind::kInfinite) {
        first = BadData(file, line,
                        fmt::format("{}: '{}' is infinite or too large for a 32-bit float", at,
                                    Shown(fields[i])));
      } else if (kind == NumberKind::kMissing && i < shared_.lead) {
        first = BadData(file, line,
                        fmt::format("{}: the {} is missing", at, i == 0 ? "label" : "weight"));
      }
    }
    if (line == 1 && texts > 0 && texts * 2 >= fields.size()) {
      first->message +=
          "; this looks like a header line, which training data must not have: remove it";
      return *first;
    }
    if (fields.size() != expected) {
      return BadData(file, line,
                     fmt::format(" has {} columns, separated by {}; {} has {}: every row needs the "
                                 "same number",
                                 fields.size(), DelimiterName(shared_.delimiter),
                                 shared_.shape_from, expected));
    }
    if (first) return *first;
    return {Code::kInternal, "Csv", fmt::format("{}, row {} could not be read", file, line)};
  }

  Shared& shared_;
  size_t rows_ = 0;
  uint64_t first_row_ = 0;
  uint64_t first_line_ = 1;
  Buffer<char> collapsed_;
  Buffer<uint32_t> scratch_;
};

// The first column that is missing in every row, if there is one.
std::optional<size_t> EmptyColumn(const Matrix& m) {
  std::vector<size_t> unseen(m.cols);
  for (size_t c = 0; c < m.cols; ++c) unseen[c] = c;
  for (size_t r = 0; r < m.rows && !unseen.empty(); ++r) {
    const float* row = m.values.data() + r * m.cols;
    std::erase_if(unseen, [&](size_t c) { return !std::isnan(row[c]); });
  }
  if (unseen.empty()) return std::nullopt;
  return unseen.front();
}

}  // namespace

Result<Matrix> ReadCsv(const std::vector<std::filesystem::path>& files,
                       const ReadOptions& options) {
  BlockReader reader(files);
  Matrix m;
  m.files = reader.names();
  Shared shared{.reader = reader, .options = options, .matrix = m};
  CLARY_CHECK_OK(
      ParseBlocks(reader, options.threads, [&] { return std::make_unique<CsvParser>(shared); }));
  if (m.rows == 0) {
    return Fail(
        Code::kInvalidArgument, "NoData",
        files.size() == 1 ? fmt::format("{} has no rows", m.files[0]) : "the files have no rows");
  }
  m.labels.Resize(m.rows);
  if (options.csv_weights) m.weights.Resize(m.rows);
  m.values.Resize(m.rows * m.cols);
  m.labels.ShrinkToFit();
  m.weights.ShrinkToFit();
  m.values.ShrinkToFit();
  if (!options.allow_empty_columns) {
    if (const auto column = EmptyColumn(m)) {
      return Fail(
          Code::kInvalidArgument, "BadData",
          fmt::format("{}: column {} is missing in all {} rows, from row {}, so nothing can be "
                      "learned from it; fill the column in, or remove it",
                      m.files.size() == 1 ? m.files[0] : m.files[0] + " and the files after it",
                      *column + shared.lead + 1, m.rows, m.origins.front().first_line));
    }
  }
  return m;
}

}  // namespace clary::data::internal
