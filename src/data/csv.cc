#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>

#include "base/strings.h"
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

// The fields of one column that are words for missing.
struct MissingWords {
  size_t count = 0;
  size_t row = SIZE_MAX;  // the first one's
  std::string word;
};
using MissingByColumn = std::map<size_t, MissingWords>;

// `text` with "nan" in place of every word for missing, in `storage`; counts them by column.
std::string_view ReplaceMissingWords(std::string_view text, char delimiter, size_t first_row,
                                     Buffer<char>& storage, MissingByColumn& found) {
  storage.Resize(2 * text.size() + 2 * kPadding);  // "?," becomes "nan,"
  char* const begin = storage.data() + kPadding;
  char* to = begin;
  size_t row = first_row;
  size_t column = 0;
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    while (end < text.size() && text[end] != delimiter && text[end] != '\n' && text[end] != '\r') {
      ++end;
    }
    const std::string_view field = text.substr(at, end - at);
    const bool is_word = IsMissingWord(field);
    if (is_word) {
      MissingWords& words = found[column];
      if (words.count++ == 0) words = {.count = 1, .row = row, .word = std::string(Trim(field))};
    }
    to = std::ranges::copy(is_word ? std::string_view("nan") : field, to).out;
    ++column;
    if (end < text.size()) {
      if (text[end] != delimiter) {
        row += column > 1 || !field.empty() ? 1 : 0;  // else the line is empty
        column = 0;
      }
      *to++ = text[end++];
    }
    at = end;
  }
  *to = '\n';
  return {begin, static_cast<size_t>(to - begin)};
}

// Whether the first line of a file has names for the columns: words alone, and a label that is one
// where the next line has a number.
bool IsHeader(std::span<const std::string_view> line, std::span<const std::string_view> next) {
  const auto is_text = [](std::string_view field) {
    float value;
    return ParseNumber(field, &value) == NumberKind::kText && !IsMissingWord(field);
  };
  return !next.empty() && is_text(line[0]) && !is_text(next[0]) &&
         std::ranges::all_of(
             line, [&](std::string_view field) { return Trim(field).empty() || is_text(field); });
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
  std::mutex mu;
  MissingByColumn missing;  // guarded by mu
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
    CsvTarget target{
        .labels = m.labels.data() + first_row_,
        .weights = shared_.options.csv_weights ? m.weights.data() + first_row_ : nullptr,
        .features = m.values.data() + first_row_ * shared_.cols,
        .cols = shared_.cols,
        .delimiter = shared_.delimiter,
        .scratch = nullptr};
    std::string_view text =
        shared_.delimiter == ' ' ? CollapseSpaces(block.text, collapsed_) : block.text;
    const auto parse = [&](std::string_view t) {
      scratch_.Resize(2 * (t.size() + 66));
      target.scratch = scratch_.data();
      return BestKernels().csv(t.data(), t.data() + t.size(), target);
    };
    const char* bad = parse(text);
    if (bad == nullptr) return {};
    MissingByColumn found;
    if (const std::string_view replaced =
            ReplaceMissingWords(text, shared_.delimiter, first_row_, replaced_, found);
        !found.empty()) {
      text = replaced;
      bad = parse(text);
    }
    if (bad == nullptr) {
      const std::lock_guard guard(shared_.mu);
      for (auto& [column, words] : found) {
        MissingWords& all = shared_.missing[column];
        const size_t count = all.count + words.count;
        if (words.row < all.row) all = std::move(words);
        all.count = count;
      }
      return {};
    }
    const auto at = static_cast<size_t>(bad - text.data());
    const LineCount before = CountLines(text.substr(0, at));
    return std::unexpected(Explain(block.file, text.substr(at), first_line_ + before.lines));
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

  // What is wrong with the first row of `text`, which is line `line` of its file.
  Error Explain(uint32_t file_index, std::string_view text, uint64_t line) const {
    const std::string& file = shared_.reader.names()[file_index];
    const std::string_view row = FirstRow(text);
    const std::vector<std::string_view> fields = Fields(row, shared_.delimiter);
    const size_t expected = shared_.cols + shared_.lead;
    std::optional<Error> first;
    for (size_t i = 0; i < fields.size(); ++i) {
      float value;
      const NumberKind kind = ParseNumber(fields[i], &value);
      const std::string at = fmt::format(", column {}", i + 1);
      if (first) break;
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
    if (line == 1) {
      const char* const end = row.data() + row.size();
      const std::string_view next = FirstRow({end, text.data() + text.size()});
      if (!next.empty() && IsHeader(fields, Fields(next, shared_.delimiter))) {
        first->message +=
            "; this looks like a header line, which training data must not have: remove it";
        return *first;
      }
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
  Buffer<char> replaced_;
  Buffer<uint32_t> scratch_;
};

// The columns that are missing in every row.
std::vector<size_t> EmptyColumns(const Matrix& m) {
  std::vector<size_t> unseen(m.cols);
  for (size_t c = 0; c < m.cols; ++c) unseen[c] = c;
  for (size_t r = 0; r < m.rows && !unseen.empty(); ++r) {
    const float* row = m.values.data() + r * m.cols;
    std::erase_if(unseen, [&](size_t c) { return !std::isnan(row[c]); });
  }
  return unseen;
}

// Leaves the first `cols` features.
void KeepColumns(Matrix& m, size_t cols) {
  for (size_t r = 0; r < m.rows; ++r) {
    const float* const row = m.values.data() + r * m.cols;
    std::copy(row, row + cols, m.values.data() + r * cols);
  }
  m.cols = cols;
  m.values.Resize(m.rows * cols);
}

// Columns without any value: a warning for those of training data, and the last ones are none.
Status CheckColumns(const ReadOptions& options, size_t lead, Matrix& m) {
  std::vector<size_t> empty = EmptyColumns(m);
  size_t cols = m.cols;
  while (!empty.empty() && empty.back() + 1 == cols && cols > options.features) {
    --cols;
    empty.pop_back();
  }
  if (cols == 0) {
    return Fail(Code::kInvalidArgument, "BadData",
                fmt::format("{}: no row has a value in any feature", m.Where(0)));
  }
  if (options.features == 0) {
    for (const size_t c : empty) {
      m.warnings.push_back(EmptyColumnWarning(m, std::to_string(c + lead + 1)));
    }
    if (cols < m.cols) {
      m.warnings.push_back(fmt::format(
          "{}: nothing stands behind column {} in any of the {} rows, so the data has {} features; "
          "does a delimiter end each line?",
          m.files[0], cols + lead, m.rows, cols));
    }
  }
  if (cols < m.cols) KeepColumns(m, cols);
  return {};
}

}  // namespace

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

std::string EmptyColumnWarning(const Matrix& m, std::string_view column) {
  return fmt::format(
      "{}: column {} is missing in all {} rows, so nothing can be learned from it; fill the column "
      "in, or remove it",
      m.files.size() == 1 ? m.files[0] : m.files[0] + " and the files after it", column, m.rows);
}

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
  for (const auto& [column, words] : shared.missing) {
    m.warnings.push_back(fmt::format(
        "{}, column {}: '{}' is read as a missing value{}", m.Where(words.row), column + 1,
        Shown(words.word),
        words.count == 1 ? "" : fmt::format(", as in {} rows of this column in all", words.count)));
  }
  CLARY_CHECK_OK(CheckColumns(options, shared.lead, m));
  return m;
}

}  // namespace clary::data::internal
