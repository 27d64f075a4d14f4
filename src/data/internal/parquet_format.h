// The metadata of Parquet files: footers and page headers, checked. Format:
// https://github.com/apache/parquet-format (parquet.thrift, Encodings.md).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace clary::data::internal {

enum class ParquetType : uint8_t {
  kBoolean = 0,
  kInt32 = 1,
  kInt64 = 2,
  kInt96 = 3,
  kFloat = 4,
  kDouble = 5,
  kBytes = 6,
  kFixedBytes = 7,
};

enum class ParquetEncoding : uint8_t {
  kPlain = 0,
  kPlainDictionary = 2,
  kRle = 3,
  kBitPacked = 4,
  kDeltaBinaryPacked = 5,
  kDeltaLengthBytes = 6,
  kDeltaBytes = 7,
  kRleDictionary = 8,
  kByteStreamSplit = 9,
};
std::string_view ParquetEncodingName(int encoding);

// A column that is a number, or if wanted a text, in every row.
struct ParquetColumn {
  std::string name;
  ParquetType type = ParquetType::kFloat;
  uint32_t width = 4;        // bytes of a value; 0 for booleans
  bool optional = false;     // may be null
  bool is_unsigned = false;  // integers
  bool is_half = false;      // fixed bytes: a 16-bit float, else a big-endian decimal
  double scale = 1;          // of decimals: what the integer is multiplied by
  bool is_text = false;      // kBytes
  bool as_text = false;      // the number is read as its text, which has all its digits
  std::string_view refused;  // what it holds that is neither; empty for what can be read
};

struct ParquetChunk {
  int codec = 0;  // as in the file
  uint64_t values = 0;
  uint64_t offset = 0;  // of its first page
  uint64_t size = 0;    // bytes of all its pages
};

struct ParquetRowGroup {
  uint64_t rows = 0;
  std::vector<ParquetChunk> chunks;  // as ParquetFooter::columns
};

struct ParquetFooter {
  std::vector<ParquetColumn> columns;
  std::vector<ParquetRowGroup> groups;
  uint64_t rows = 0;
};

// Of a file of `file_size` bytes. The index of a pandas frame is left out, as pandas does it.
// kInvalidArgument "BadData" for a footer that is not one and for columns that are no numbers; the
// message names the column. With kTexts columns of texts are taken, and all others, marked.
enum class ParquetTake : uint8_t { kNumbers, kTexts };
Result<ParquetFooter> ParseParquetFooter(std::string_view bytes, uint64_t file_size,
                                         ParquetTake take = ParquetTake::kNumbers);

struct ParquetPage {
  enum class Kind : uint8_t { kData, kDataV2, kDictionary, kOther };
  Kind kind = Kind::kOther;
  uint32_t size = 0;  // in the file
  uint32_t uncompressed_size = 0;
  uint32_t values = 0;  // nulls too
  int encoding = 0;
  int level_encoding = 0;     // v1
  uint32_t level_bytes = 0;   // v2: of definition levels, which come first
  bool has_nulls = true;      // v2 knows
  bool is_compressed = true;  // v2: values
};

// Reads the header at the front of `bytes`. kDataLoss "Truncated" if more bytes are needed.
Result<ParquetPage> ParseParquetPage(std::string_view bytes, size_t* header_size);

}  // namespace clary::data::internal
