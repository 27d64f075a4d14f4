// One column of one row group of a Parquet file, read from front to back as floats. A text is the
// place that it has among those seen so far.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/error.h"
#include "data/buffer.h"
#include "data/internal/byte_stream.h"
#include "data/internal/codecs.h"
#include "data/internal/kernels.h"
#include "data/internal/parquet_format.h"

namespace clary::data::internal {

// Bytes by offset: a file, or a part of what a stream brought.
class ByteRange {
 public:
  explicit ByteRange(const ByteStream& file) : file_(&file), size_(file.size()) {}
  explicit ByteRange(std::string_view bytes) : bytes_(bytes), size_(bytes.size()) {}

  uint64_t size() const { return size_; }
  // [offset, offset + size) must be inside. Any thread.
  Status Read(char* to, size_t size, uint64_t offset) const;

 private:
  const ByteStream* file_ = nullptr;
  std::string_view bytes_;
  uint64_t size_;
};

// Runs and bit-packed groups of small integers (Encodings.md, "RLE / Bit-Packing Hybrid").
class HybridDecoder {
 public:
  HybridDecoder() = default;
  // kSlack readable bytes follow `bytes`. `width` in bits, at most 32.
  HybridDecoder(std::string_view bytes, uint32_t width);

  // The next `n` integers; false if there are no more.
  bool Read(size_t n, uint32_t* to);
  // The same of integers one bit wide.
  bool ReadFlags(size_t n, uint8_t* to);
  // True, and passed over, if the next `n` are one run of `value`.
  bool SkipRun(size_t n, uint32_t value);

  static constexpr size_t kSlack = 48;

 private:
  bool NextRun();
  // `unpack` makes of each group of bytes eight integers.
  template <typename T>
  bool ReadRuns(size_t n, T* to, void (*unpack)(const uint8_t* from, size_t groups, T* to));

  const uint8_t* at_ = nullptr;
  const uint8_t* end_ = nullptr;
  uint32_t width_ = 0;
  size_t left_ = 0;  // of the run
  bool packed_ = false;
  uint32_t value_ = 0;                  // of a run that is not packed
  const uint8_t* packed_at_ = nullptr;  // of a packed one: its bytes, and the next integer
  size_t packed_index_ = 0;
};

// The footer at the end of `file`.
Result<ParquetFooter> ReadParquetFooter(const ByteRange& file, ParquetTake take);

// Texts and the numbers that stand for them, in order of appearance.
class TextCodes {
 public:
  static constexpr size_t kMax = size_t{1} << 24;  // what floats tell apart
  // kMax: there are too many.
  size_t Code(std::string_view text);
  std::string_view Text(size_t code) const { return texts_[code]; }

 private:
  std::deque<std::string> texts_;
  std::unordered_map<std::string_view, size_t> codes_;  // of texts_
};

// Memory that one reader after another may use.
struct ParquetScratch {
  Buffer<char> window;  // bytes of a file that is not compressed
  Buffer<char> plain;   // a page that was
  Buffer<float> dictionary;
  Buffer<int64_t> deltas;
  TextCodes* texts = nullptr;  // of a column of texts, or of numbers that are read as such
};

// Not for several threads at once.
class ParquetColumnReader {
 public:
  // All arguments outlive the reader. `scratch` is this reader's alone from its first Read() to its
  // last, `shared_window` any reader's of the same thread.
  // kInvalidArgument "BadData" for an unsupported codec.
  static Result<ParquetColumnReader> Open(const ByteRange& file, const ParquetColumn& column,
                                          const ParquetChunk& chunk, ParquetScratch& scratch,
                                          Buffer<char>& shared_window);

  // Of the dictionary that pages read so far use.
  size_t dictionary_bytes() const { return dictionary_size_ * sizeof(float); }

  // The next `n` rows; NaN for null. There must be so many left. Values that a float cannot hold
  // become infinite. What kinds there are among them is told while they are in the cache.
  // kInvalidArgument "BadData" says what is damaged or not supported.
  Result<FloatKinds> Read(size_t n, float* to);

 private:
  ParquetColumnReader(const ByteRange& file, const ParquetColumn& column, const ParquetChunk& chunk,
                      ParquetScratch& scratch)
      : file_(&file),
        column_(&column),
        scratch_(&scratch),
        at_(chunk.offset),
        end_(chunk.offset + chunk.size),
        values_left_(chunk.values) {}

  // The first `size` bytes at at_, followed by HybridDecoder::kSlack readable ones.
  Result<std::string_view> Peek(size_t size);
  Status NextPage();
  Status StartPage(const ParquetPage& page, std::string_view bytes);
  Status StartDictionary(const ParquetPage& page, std::string_view bytes);
  // A page of `size` bytes before compression, which spared its first `prefix` bytes and, unless
  // `compressed`, the rest. Valid until the next call or, without a codec, the next Peek().
  Result<std::string_view> Uncompressed(std::string_view bytes, size_t prefix, size_t size,
                                        bool compressed);
  Status StartDelta(size_t max_values);
  // The next `n` values that are not null.
  Status Decode(size_t n, float* to);
  // `n` PLAIN numbers but booleans: as floats, or as codes of their texts. False: too many texts.
  bool Numbers(const ParquetColumn& column, const char* from, size_t n, float* to) const;
  bool DecodePlain(size_t n, float* to);
  bool DecodeDictionary(size_t n, float* to);
  bool DecodeSplit(size_t n, float* to);
  bool DecodeBooleans(size_t n, float* to);
  // PLAIN texts at the front of `bytes`, which they leave.
  bool TakeTexts(std::string_view& bytes, size_t n, float* to) const;

  const ByteRange* file_;
  const ParquetColumn* column_;
  ParquetScratch* scratch_;
  const Kernels* kernels_ = &BestKernels();
  uint64_t at_;  // of the next page
  uint64_t end_;
  uint64_t values_left_;  // of all pages to come
  Codec codec_ = Codec::kNone;

  Buffer<char>* window_ = nullptr;  // has file bytes [window_at_, window_at_ + window_size_)
  size_t read_ahead_ = size_t{128} << 10;
  uint64_t window_at_ = 0;
  size_t window_size_ = 0;
  size_t dictionary_size_ = 0;
  bool has_dictionary_ = false;

  size_t page_left_ = 0;  // values, nulls too
  ParquetEncoding encoding_ = ParquetEncoding::kPlain;
  bool has_nulls_ = false;
  HybridDecoder levels_;
  std::string_view values_;  // what is left of PLAIN; all of BYTE_STREAM_SPLIT
  size_t value_index_ = 0;   // BYTE_STREAM_SPLIT, booleans, deltas
  HybridDecoder indices_;
  size_t delta_count_ = 0;
};

}  // namespace clary::data::internal
