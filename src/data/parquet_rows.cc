#include "data/internal/parquet_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "data/internal/text.h"

namespace clary::data::internal {
namespace {

// Rows read at a time: their columns fit the cache.
constexpr size_t kRowsAtOnce = 1024;

}  // namespace

Result<std::unique_ptr<ParquetRows>> ParquetRows::Open(const std::filesystem::path& path,
                                                       std::string name, Numbers numbers) {
  auto stream = ByteStream::Open(path);
  if (!stream) return std::unexpected(std::move(stream).error().With(name));
  if (!(*stream)->is_plain()) {
    return Fail(
        Code::kInvalidArgument, "BadData",
        name + " is compressed as a whole: decompress it (Parquet compresses its own pages)");
  }
  std::unique_ptr<ParquetRows> rows(new ParquetRows(std::move(*stream), std::move(name)));
  auto footer = ReadParquetFooter(rows->bytes_, ParquetTake::kTexts);
  if (!footer) return std::unexpected(std::move(footer).error().With(rows->name()));
  rows->footer_ = std::move(*footer);
  rows->columns_.resize(rows->footer_.columns.size());
  for (ParquetColumn& column : rows->footer_.columns) {
    column.as_text = numbers == Numbers::kExact && !column.is_text;
  }
  return rows;
}

Result<std::vector<std::string>> ParquetRows::Header() {
  std::vector<std::string> names;
  for (const ParquetColumn& column : footer_.columns) names.push_back(column.name);
  return names;
}

Status ParquetRows::Select(std::span<const size_t> columns) {
  for (const size_t c : columns) {
    const ParquetColumn& column = footer_.columns[c];
    if (!column.refused.empty()) {
      return Fail(
          Code::kInvalidArgument, "BadData",
          fmt::format("{}: column '{}' holds {}; convert it to numbers or texts, or leave it "
                      "out with --drop '{}'",
                      name(), Shown(column.name), column.refused, Shown(column.name)));
    }
    columns_[c] = std::make_unique<Column>();
    if (column.is_text || column.as_text) columns_[c]->scratch.texts = &columns_[c]->texts;
    columns_[c]->values.Resize(kRowsAtOnce);
  }
  return {};
}

Status ParquetRows::OpenGroup() {
  const ParquetRowGroup& group = footer_.groups[group_];
  for (size_t c = 0; c < columns_.size(); ++c) {
    if (!columns_[c]) continue;
    const ParquetChunk& chunk = group.chunks[c];
    if (chunk.offset > bytes_.size() || chunk.size > bytes_.size() - chunk.offset) {
      return Fail(Code::kDataLoss, "FileShrank", name() + " changed while it was read");
    }
    auto reader = ParquetColumnReader::Open(bytes_, footer_.columns[c], chunk, columns_[c]->scratch,
                                            columns_[c]->window);
    if (!reader) {
      return std::unexpected(std::move(reader).error().With(
          fmt::format("{}, column '{}'", name(), Shown(footer_.columns[c].name))));
    }
    columns_[c]->reader = std::make_unique<ParquetColumnReader>(std::move(*reader));
  }
  group_left_ = group.rows;
  ++group_;
  return {};
}

Status ParquetRows::ReadBlock() {
  block_rows_ = static_cast<size_t>(std::min<uint64_t>(kRowsAtOnce, group_left_));
  for (size_t c = 0; c < columns_.size(); ++c) {
    if (!columns_[c]) continue;
    const auto kinds = columns_[c]->reader->Read(block_rows_, columns_[c]->values.data());
    if (!kinds) {
      Error error = kinds.error();
      return std::unexpected(std::move(error).With(
          fmt::format("{}, column '{}'", name(), Shown(footer_.columns[c].name))));
    }
  }
  group_left_ -= block_rows_;
  row_ = 0;
  return {};
}

Result<bool> ParquetRows::Next() {
  if (row_ == block_rows_) {
    while (group_left_ == 0) {
      if (group_ == footer_.groups.size()) return false;
      CLARY_CHECK_OK(OpenGroup());
    }
    CLARY_CHECK_OK(ReadBlock());
  }
  ++row_;
  ++rows_done_;
  return true;
}

NumberKind ParquetRows::KindOf(size_t column) {
  const float value = columns_[column]->values[row_ - 1];
  if (std::isnan(value)) return NumberKind::kMissing;
  if (footer_.columns[column].is_text) {
    // A writer without nulls has these.
    const std::string_view text = TextOf(column);
    return text.empty() || IsMissingWord(text) ? NumberKind::kMissing : NumberKind::kText;
  }
  return std::isinf(value) ? NumberKind::kInfinite : NumberKind::kValue;
}

std::string_view ParquetRows::TextOf(size_t column) {
  Column& c = *columns_[column];
  const float value = c.values[row_ - 1];
  if (std::isnan(value)) return {};
  const ParquetColumn& of = footer_.columns[column];
  if (of.as_text && of.type == ParquetType::kBoolean) return value != 0 ? "True" : "False";
  if (of.is_text || of.as_text) return c.texts.Text(static_cast<size_t>(value));
  c.text.clear();
  fmt::format_to(std::back_inserter(c.text), "{}", value);
  return c.text;
}

std::string ParquetRows::Place() const { return fmt::format("{}, row {}", name(), rows_done_); }

}  // namespace clary::data::internal
