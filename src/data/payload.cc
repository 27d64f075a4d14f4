#include "data/payload.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/strings.h"
#include "data/internal/kernels.h"
#include "data/internal/number.h"
#include "data/internal/readers.h"
#include "data/internal/text.h"

namespace clary::data {
namespace {

using internal::NumberKind;

std::unexpected<Error> BadPayload(size_t row, size_t column, std::string_view what) {
  return Fail(Code::kInvalidArgument, "BadData",
              fmt::format("{} (row {}, column {})", what, row + 1, column + 1));
}

// Calls row(line) for each line of `text` that is not empty, until one fails.
template <typename Row>
Status ForEachLine(std::string_view text, Row&& row) {
  while (!text.empty()) {
    const auto* end = static_cast<const char*>(std::memchr(text.data(), '\n', text.size()));
    std::string_view line = end ? text.substr(0, static_cast<size_t>(end - text.data())) : text;
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) CLARY_CHECK_OK(row(line));
  }
  return {};
}

Status AddCsvField(std::string_view field, size_t column, Matrix& m) {
  float value;
  const NumberKind kind = internal::ParseNumber(field, &value);
  if (kind == NumberKind::kInfinite) {
    return BadPayload(
        m.rows, column,
        fmt::format("'{}' is infinite or too large for a 32-bit float", internal::Shown(field)));
  }
  if (kind == NumberKind::kText && !internal::IsMissingWord(field)) {
    return BadPayload(
        m.rows, column,
        fmt::format("could not convert string to float: '{}'", internal::Shown(field)));
  }
  m.values.PushBack(value);
  return {};
}

// One row of CSV behind the others of `m`, whose width the first one gives.
Status AddCsvRow(std::string_view line, char delimiter, Matrix& m) {
  if (delimiter == ' ') line = Trim(line);
  size_t columns = 0;
  for (;;) {
    const auto* end = static_cast<const char*>(std::memchr(line.data(), delimiter, line.size()));
    const size_t size = end ? static_cast<size_t>(end - line.data()) : line.size();
    if (delimiter != ' ' || size > 0) {  // a run of spaces is one
      CLARY_CHECK_OK(AddCsvField(line.substr(0, size), columns, m));
      ++columns;
    }
    if (!end) break;
    line.remove_prefix(size + 1);
  }
  if (m.rows == 0) m.cols = columns;
  if (columns != m.cols) {
    return Fail(Code::kInvalidArgument, "BadData",
                fmt::format("row {} has {} columns, the rows before it have {}", m.rows + 1,
                            columns, m.cols));
  }
  ++m.rows;
  return {};
}

// Whole lines through the kernels that training data goes through, which know a label: here it is
// the first feature. False, and nothing added, for lines that need the reader above.
class FastCsv {
 public:
  bool Add(std::string_view lines, char delimiter, Matrix& m) {
    const size_t features = m.cols - 1;
    text_.Resize(lines.size() + 2 * internal::kPadding);
    char* const begin = text_.data() + internal::kPadding;
    std::memcpy(begin, lines.data(), lines.size());
    char* end = begin + lines.size();
    if (end[-1] == '\n') --end;
    *end = '\n';
    const auto size = static_cast<size_t>(end - begin);
    const size_t rows = internal::BestKernels().count(begin, size).rows;
    first_.Resize(rows);
    others_.Resize(rows * features);
    scratch_.Resize(2 * (size + 66));
    const internal::CsvTarget target{.labels = first_.data(),
                                     .weights = nullptr,
                                     .features = others_.data(),
                                     .cols = static_cast<uint32_t>(features),
                                     .delimiter = delimiter,
                                     .scratch = scratch_.data()};
    if (internal::BestKernels().csv(begin, end, target) != nullptr) return false;
    const size_t at = m.values.size();
    m.values.Resize(at + rows * m.cols);
    float* to = m.values.data() + at;
    for (size_t r = 0; r < rows; ++r) {
      *to++ = first_[r];
      to = std::copy_n(others_.data() + r * features, features, to);
    }
    m.rows += rows;
    return true;
  }

 private:
  Buffer<char> text_;
  Buffer<float> first_;
  Buffer<float> others_;
  Buffer<uint32_t> scratch_;
};

Result<Matrix> ReadCsvPayload(std::string_view text) {
  constexpr size_t kFew = 4096;  // bytes that are not worth the kernels' buffers
  constexpr size_t kChunk = 128 << 10;
  Matrix m;
  char delimiter = '\0';
  m.values.Reserve(text.size() / 8 + 16);
  const auto add = [&](std::string_view line) {
    if (m.rows == 0) delimiter = internal::FindDelimiter(line);
    if (delimiter == '\0') delimiter = ',';  // one feature
    return AddCsvRow(line, delimiter, m);
  };
  if (text.size() <= kFew) {
    CLARY_CHECK_OK(ForEachLine(text, add));
    return m;
  }
  FastCsv fast;
  while (!text.empty()) {
    // The first row alone, which says how wide they are; then many at once.
    const size_t want = m.rows == 0 ? 0 : std::min(kChunk, text.size() - 1);
    const size_t lf = text.find('\n', want);
    const std::string_view lines = text.substr(0, lf == std::string_view::npos ? lf : lf + 1);
    text.remove_prefix(lines.size());
    const bool can = m.rows > 0 && m.cols > 1 && delimiter != ' ' && lines.size() > 1;
    if (!can || !fast.Add(lines, delimiter, m)) CLARY_CHECK_OK(ForEachLine(lines, add));
  }
  return m;
}

Result<Matrix> ReadLibsvmPayload(std::string_view text) {
  Matrix m;
  m.sparse = true;
  m.row_begin.PushBack(0);
  std::vector<std::pair<uint32_t, float>> entries;
  CLARY_CHECK_OK(ForEachLine(text, [&](std::string_view line) -> Status {
    line = line.substr(0, line.find('#'));
    entries.clear();
    size_t token_number = 0;
    for (size_t at = line.find_first_not_of(" \t"); at != std::string_view::npos;
         at = line.find_first_not_of(" \t", at), ++token_number) {
      const size_t end = std::min(line.find_first_of(" \t", at), line.size());
      const std::string_view token = line.substr(at, end - at);
      at = end;
      const size_t colon = token.find(':');
      if (colon == std::string_view::npos || token.starts_with("qid:")) continue;
      const auto index = ParseUint(token.substr(0, colon));
      // "label:weight" stands first, where an index may stand, too: it is one.
      if (!index || *index > internal::kMaxColumn) {
        if (token_number == 0) continue;
        return BadPayload(m.rows, token_number,
                          fmt::format("'{}' is no index:value", internal::Shown(token)));
      }
      float value;
      const NumberKind kind = internal::ParseNumber(token.substr(colon + 1), &value);
      if (kind == NumberKind::kText || kind == NumberKind::kInfinite) {
        return BadPayload(m.rows, token_number,
                          fmt::format("could not convert string to float: '{}'",
                                      internal::Shown(token.substr(colon + 1))));
      }
      entries.emplace_back(static_cast<uint32_t>(*index), value);
    }
    std::ranges::stable_sort(entries, {}, &std::pair<uint32_t, float>::first);
    for (size_t i = 0; i < entries.size(); ++i) {
      if (i > 0 && entries[i].first == entries[i - 1].first) {
        return Fail(Code::kInvalidArgument, "BadData",
                    fmt::format("row {}: index {} occurs twice", m.rows + 1, entries[i].first));
      }
      m.column.PushBack(entries[i].first);
      m.values.PushBack(entries[i].second);
    }
    if (!entries.empty()) m.cols = std::max<size_t>(m.cols, size_t{entries.back().first} + 1);
    m.row_begin.PushBack(m.values.size());
    ++m.rows;
    return {};
  }));
  return m;
}

Result<Matrix> ReadAnyPayload(ContentType type, std::string_view bytes) {
  switch (type) {
    case ContentType::kCsv:
      return ReadCsvPayload(bytes);
    case ContentType::kLibsvm:
      return ReadLibsvmPayload(bytes);
    case ContentType::kRecordIo:
      return internal::ReadRecordIoPayload(bytes);
    case ContentType::kParquet:
      break;
  }
  return Fail(Code::kUnimplemented, "Unimplemented",
              "parquet is not read from requests here; send text/csv");
}

}  // namespace

Result<Matrix> ReadPayload(ContentType type, std::string_view bytes) {
  CLARY_TRY(Matrix m, ReadAnyPayload(type, bytes));
  if (m.rows == 0) {
    return Fail(Code::kInvalidArgument, "NoData", "there is no row of data");
  }
  return m;
}

Result<ContentType> PayloadContentType(std::string_view text) {
  const std::string_view type = Trim(text.substr(0, text.find(';')));
  return ParseContentType(type.empty() ? text : type);
}

}  // namespace clary::data
