// A Parquet file as rows of numbers and texts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "data/internal/byte_stream.h"
#include "data/internal/parquet_column.h"
#include "data/internal/table_rows.h"

namespace clary::data::internal {

class ParquetRows : public TableRows {
 public:
  // kFloats: numbers as models see them. kExact: all their digits, booleans as True and False;
  // KindOf() is not for these.
  enum class Numbers : uint8_t { kFloats, kExact };
  static Result<std::unique_ptr<ParquetRows>> Open(const std::filesystem::path& path,
                                                   std::string name,
                                                   Numbers numbers = Numbers::kFloats);

  Result<std::vector<std::string>> Header() override;
  Status Select(std::span<const size_t> columns) override;
  Result<bool> Next() override;
  NumberKind KindOf(size_t column) override;
  std::string_view TextOf(size_t column) override;
  std::string Place() const override;

 private:
  // A selected column: what its reader needs, and its part of the block.
  struct Column {
    ParquetScratch scratch;
    Buffer<char> window;
    TextCodes texts;
    std::unique_ptr<ParquetColumnReader> reader;
    Buffer<float> values;
    std::string text;  // of the number asked for last
  };

  ParquetRows(std::unique_ptr<ByteStream> stream, std::string name)
      : TableRows(std::move(name)), stream_(std::move(stream)), bytes_(*stream_) {}
  Status OpenGroup();
  Status ReadBlock();

  std::unique_ptr<ByteStream> stream_;
  ByteRange bytes_;
  ParquetFooter footer_;
  std::vector<std::unique_ptr<Column>> columns_;  // by place in the header; null: not selected
  size_t group_ = 0;                              // the next one
  uint64_t group_left_ = 0;                       // rows of the open one that are in no block yet
  size_t block_rows_ = 0;
  size_t row_ = 0;          // in the block; of the next row
  uint64_t rows_done_ = 0;  // in the file
};

}  // namespace clary::data::internal
