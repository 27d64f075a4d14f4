#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <mutex>

#include "base/strings.h"
#include "data/internal/kernels.h"
#include "data/internal/number.h"
#include "data/internal/readers.h"
#include "data/internal/text.h"

namespace clary::data::internal {
namespace {

// One block's rows, until all blocks are known.
struct Piece {
  std::vector<Matrix::Origin> origins;  // rows are counted within the piece
  Buffer<float> labels;
  Buffer<float> weights;
  Buffer<uint64_t> queries;
  Buffer<uint32_t> lengths;
  Buffer<uint32_t> columns;
  Buffer<float> values;
  uint32_t max_column = 0;
};

struct Shared {
  const BlockReader& reader;
  std::mutex mu;
  std::vector<Piece> pieces;  // by block
};

Error BadRow(std::string_view file, uint64_t line, std::string_view what) {
  return {Code::kInvalidArgument, "BadData", fmt::format("{}, row {}{}", file, line, what)};
}

// Says what is wrong with one row: the token's number is its 1-based column.
std::string Explain(std::string_view row) {
  row = row.substr(0, row.find('#'));
  size_t column = 0;
  for (size_t at = row.find_first_not_of(" \t"); at != std::string_view::npos;
       at = row.find_first_not_of(" \t", at)) {
    const size_t end = std::min(row.find_first_of(" \t", at), row.size());
    const std::string_view token = row.substr(at, end - at);
    at = end;
    ++column;
    const std::string where = fmt::format(", column {}: ", column);
    const size_t colon = token.find(':');
    const std::string_view head = token.substr(0, colon);
    float value;
    if (column == 1) {
      if (ParseNumber(head, &value) != NumberKind::kValue) {
        return where + fmt::format("the label '{}' is not a number", Shown(head));
      }
      if (colon != std::string_view::npos &&
          ParseNumber(token.substr(colon + 1), &value) != NumberKind::kValue) {
        return where + fmt::format("the weight in '{}' is not a number", Shown(token));
      }
      continue;
    }
    if (colon == std::string_view::npos) {
      return where + fmt::format("'{}' is not index:value", Shown(token));
    }
    if (column == 2 && head == "qid") {
      if (!ParseUint(token.substr(colon + 1))) {
        return where + fmt::format("'{}' is not qid: and a whole number", Shown(token));
      }
      continue;
    }
    const auto index = ParseUint(head);
    if (!index) {
      return where + fmt::format("the index in '{}' is not a whole number", Shown(token));
    }
    if (*index > kMaxColumn) {
      return where + fmt::format("the index in '{}' is larger than {}", Shown(token), kMaxColumn);
    }
    const std::string_view text = token.substr(colon + 1);
    const NumberKind kind = ParseNumber(text, &value);
    if (text.empty() || kind == NumberKind::kText) {
      return where + fmt::format("the value in '{}' is not a number", Shown(token));
    }
    if (kind == NumberKind::kInfinite) {
      return where + fmt::format("the value in '{}' is infinite or too large for a 32-bit float",
                                 Shown(token));
    }
  }
  return " is not 'label index:value ...'";
}

class LibsvmParser final : public BlockParser {
 public:
  explicit LibsvmParser(Shared& shared) : shared_(shared) {}

  // A line may hold no row but a comment, so rows are known only after parsing: every line counts.
  LineCount Count(const TextBlock& block) override { return CountLines(block.text); }

  Status Place(const TextBlock& block, LineCount, uint64_t, uint64_t first_line) override {
    first_line_ = first_line;
    const std::lock_guard lock(shared_.mu);
    shared_.pieces.resize(std::max(shared_.pieces.size(), block.index + 1));
    return {};
  }

  Status Parse(const TextBlock& block) override {
    const std::string_view text = block.text;
    const size_t max_rows = CountLines(text).rows + 1;
    const size_t max_entries = text.size() / 2 + 2;
    labels_.Resize(max_rows);
    weights_.Resize(max_rows);
    queries_.Resize(max_rows);
    lengths_.Resize(max_rows);
    starts_.Resize(max_rows);
    columns_.Resize(max_entries);
    values_.Resize(max_entries);
    LibsvmTarget to{.labels = labels_.data(),
                    .weights = weights_.data(),
                    .queries = queries_.data(),
                    .lengths = lengths_.data(),
                    .starts = starts_.data(),
                    .columns = columns_.data(),
                    .values = values_.data()};
    const std::string& file = shared_.reader.names()[block.file];
    const char* const bad = BestKernels().libsvm(text.data(), text.data() + text.size(), to);
    if (bad != nullptr) {
      const std::string_view rest = text.substr(static_cast<size_t>(bad - text.data()));
      return std::unexpected(BadRow(file, LineAt(text, static_cast<size_t>(bad - text.data())),
                                    Explain(rest.substr(0, rest.find_first_of("\r\n")))));
    }
    Piece piece;
    AddOriginsOf(text, block.file, to.rows, piece.origins);
    piece.max_column = to.max_column;
    piece.labels.Append({to.labels, to.rows});
    piece.weights.Append({to.weights, to.rows});
    piece.queries.Append({to.queries, to.rows});
    piece.lengths.Append({to.lengths, to.rows});
    piece.columns.Append({to.columns, to.entries});
    piece.values.Append({to.values, to.entries});
    if (!to.ascending) CLARY_CHECK_OK(SortRows(text, file, piece));
    const std::lock_guard lock(shared_.mu);
    shared_.pieces[block.index] = std::move(piece);
    return {};
  }

 private:
  uint64_t LineAt(std::string_view text, size_t offset) const {
    return first_line_ + CountLines(text.substr(0, offset)).lines;
  }

  void AddOriginsOf(std::string_view text, uint32_t file, size_t rows,
                    std::vector<Matrix::Origin>& origins) const {
    uint64_t line = first_line_;
    size_t at = 0;
    for (size_t r = 0; r < rows; ++r) {
      line += CountLines(text.substr(at, starts_[r] - at)).lines;
      at = starts_[r];
      if (r > 0 && line - origins.back().first_line == r - origins.back().first_row) continue;
      origins.push_back({.first_row = r, .file = file, .first_line = line});
    }
  }

  // Rare: columns of some row do not ascend.
  Status SortRows(std::string_view text, const std::string& file, Piece& piece) const {
    std::vector<std::pair<uint32_t, float>> entries;
    size_t at = 0;
    for (size_t r = 0; r < piece.lengths.size(); ++r) {
      const size_t length = piece.lengths[r];
      entries.clear();
      for (size_t i = at; i < at + length; ++i) {
        entries.emplace_back(piece.columns[i], piece.values[i]);
      }
      std::sort(entries.begin(), entries.end(),
                [](const auto& a, const auto& b) { return a.first < b.first; });
      for (size_t i = 0; i < length; ++i) {
        if (i > 0 && entries[i].first == entries[i - 1].first) {
          return std::unexpected(BadRow(file, LineAt(text, starts_[r]),
                                        fmt::format(": index {} occurs twice", entries[i].first)));
        }
        piece.columns[at + i] = entries[i].first;
        piece.values[at + i] = entries[i].second;
      }
      at += length;
    }
    return {};
  }

  Shared& shared_;
  uint64_t first_line_ = 1;
  Buffer<float> labels_;
  Buffer<float> weights_;
  Buffer<uint64_t> queries_;
  Buffer<uint32_t> lengths_;
  Buffer<uint32_t> starts_;
  Buffer<uint32_t> columns_;
  Buffer<float> values_;
};

// Weights and queries belong to all rows or to none; rows of one query stand together.
Status CheckRows(Matrix& m, const Buffer<uint64_t>& queries) {
  const bool weighted = !std::isnan(m.weights[0]);
  const bool ranked = queries[0] != kNoQuery;
  for (size_t r = 0; r < m.rows; ++r) {
    if (!std::isnan(m.weights[r]) != weighted) {
      return Fail(
          Code::kInvalidArgument, "BadData",
          fmt::format("{} has {} weight, but {} has {}: give a weight to every row or to none",
                      m.Where(r), weighted ? "no" : "a", m.Where(0), weighted ? "one" : "none"));
    }
    if ((queries[r] != kNoQuery) != ranked) {
      return Fail(
          Code::kInvalidArgument, "BadData",
          fmt::format("{} has {} qid, but {} has {}: give a qid to every row or to none",
                      m.Where(r), ranked ? "no" : "a", m.Where(0), ranked ? "one" : "none"));
    }
    if (!ranked) continue;
    if (r > 0 && queries[r] < queries[r - 1]) {
      return Fail(Code::kInvalidArgument, "BadData",
                  fmt::format("{}: qid {} after {}: `qid` must be sorted in non-decreasing order",
                              m.Where(r), queries[r], queries[r - 1]));
    }
    if (r == 0 || queries[r] != queries[r - 1]) m.group_sizes.push_back(0);
    ++m.group_sizes.back();
  }
  if (!weighted) m.weights = {};
  return {};
}

}  // namespace

Result<Matrix> ReadLibsvm(const std::vector<std::filesystem::path>& files,
                          const ReadOptions& options) {
  BlockReader reader(files);
  Shared shared{.reader = reader};
  CLARY_CHECK_OK(
      ParseBlocks(reader, options.threads, [&] { return std::make_unique<LibsvmParser>(shared); }));
  Matrix m;
  m.sparse = true;
  m.files = reader.names();
  uint64_t entries = 0;
  bool any = false;
  for (const Piece& piece : shared.pieces) {
    for (Matrix::Origin origin : piece.origins) {
      origin.first_row += m.rows;
      const bool goes_on = !m.origins.empty() && m.origins.back().file == origin.file &&
                           origin.first_line - m.origins.back().first_line ==
                               origin.first_row - m.origins.back().first_row;
      if (!goes_on) m.origins.push_back(origin);
    }
    m.rows += piece.labels.size();
    entries += piece.values.size();
    any = any || piece.max_column > 0 || !piece.values.empty();
    m.cols = std::max<size_t>(m.cols, size_t{piece.max_column} + 1);
  }
  if (m.rows == 0) {
    return Fail(
        Code::kInvalidArgument, "NoData",
        files.size() == 1 ? fmt::format("{} has no rows", m.files[0]) : "the files have no rows");
  }
  if (!any) {
    return Fail(
        Code::kInvalidArgument, "BadData",
        fmt::format("{}: no row has a feature; a row is 'label index:value ...'", m.Where(0)));
  }
  m.labels.Resize(m.rows);
  m.weights.Resize(m.rows);
  m.row_begin.Resize(m.rows + 1);
  m.column.Resize(entries);
  m.values.Resize(entries);
  Buffer<uint64_t> queries(m.rows);
  size_t row = 0;
  uint64_t entry = 0;
  for (Piece& piece : shared.pieces) {
    const auto copy = [](const auto& from, auto& to, size_t at) {
      std::copy(from.begin(), from.end(), to.begin() + at);
    };
    copy(piece.labels, m.labels, row);
    copy(piece.weights, m.weights, row);
    copy(piece.queries, queries, row);
    copy(piece.columns, m.column, entry);
    copy(piece.values, m.values, entry);
    for (const uint32_t length : piece.lengths) {
      m.row_begin[row++] = entry;
      entry += length;
    }
    piece = {};
  }
  m.row_begin[row] = entry;
  CLARY_CHECK_OK(CheckRows(m, queries));
  return m;
}

}  // namespace clary::data::internal
