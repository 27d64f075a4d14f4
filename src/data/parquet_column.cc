#include "data/internal/parquet_column.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <span>
#include <utility>

namespace clary::data::internal {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr size_t kSlack = HybridDecoder::kSlack;
constexpr size_t kMinWindow = size_t{8} << 10;
constexpr size_t kHeaderBytes = 512;                  // enough for most page headers
constexpr size_t kMaxHeaderBytes = size_t{16} << 20;  // statistics may be long
constexpr size_t kBatch = 1024;
constexpr std::string_view kMagic = "PAR1";
constexpr size_t kTail = 8;  // length of the footer, then the magic
constexpr uint64_t kMaxFooterBytes = uint64_t{512} << 20;

std::unexpected<Error> Bad(std::string_view what) {
  return Fail(Code::kInvalidArgument, "BadData", std::string(what));
}
std::unexpected<Error> DamagedPage() { return Bad("a page is damaged"); }

template <typename T>
T Load(const void* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

// Groups of eight integers of W bits. Reads up to seven bytes beyond the last.
template <size_t W>
void UnpackGroups(const uint8_t* from, size_t groups, uint32_t* to) {
  constexpr uint64_t kMask = (uint64_t{1} << W) - 1;
  for (; groups > 0; --groups, from += W, to += 8) {
    for (size_t i = 0; i < 8; ++i) {
      const size_t bit = i * W;
      to[i] = static_cast<uint32_t>(Load<uint64_t>(from + bit / 8) >> (bit % 8) & kMask);
    }
  }
}
using Unpack = void(const uint8_t*, size_t, uint32_t*);
template <size_t... W>
constexpr std::array<Unpack*, sizeof...(W)> Unpackers(std::index_sequence<W...>) {
  return {&UnpackGroups<W>...};
}
constexpr auto kUnpack = Unpackers(std::make_index_sequence<33>());

// The bits of each byte, lowest first, as eight bytes of 0 or 1.
void UnpackFlags(const uint8_t* from, size_t groups, uint8_t* to) {
  for (; groups > 0; --groups, ++from, to += 8) {
    const uint64_t one_each = (*from * 0x0101010101010101U) & 0x8040201008040201U;
    const uint64_t flags = (one_each + 0x7f7f7f7f7f7f7f7fU) >> 7 & 0x0101010101010101U;
    std::memcpy(to, &flags, sizeof flags);
  }
}

// Room for `size` elements of no value; what was there is lost.
template <typename T>
void Refill(Buffer<T>& buffer, size_t size) {
  if (buffer.size() < size) buffer = Buffer<T>(size);
}

bool Varint(const uint8_t*& at, const uint8_t* end, uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64 && at < end; shift += 7) {
    const uint8_t byte = *at++;
    value |= uint64_t{byte & 0x7fU} << shift;
    if (byte < 0x80) return true;
  }
  return false;
}
int64_t ZigZag(uint64_t v) { return static_cast<int64_t>(v >> 1) ^ -static_cast<int64_t>(v & 1); }

float HalfToFloat(uint16_t half) {
  const uint32_t sign = uint32_t{half & 0x8000U} << 16;
  const uint32_t exponent = half >> 10 & 0x1f;
  const uint32_t fraction = half & 0x3ff;
  if (exponent == 0) {
    const float value = static_cast<float>(fraction) * 0x1p-24F;
    return sign != 0 ? -value : value;
  }
  const uint32_t wide = exponent == 0x1f ? 0xffU : exponent + 112;
  return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

// A signed big-endian integer times `scale`.
double DecimalValue(const char* from, size_t width, double scale) {
  const bool negative = (static_cast<uint8_t>(from[0]) & 0x80) != 0;
  // The magnitude: doubles hold each byte exactly, so only the sum rounds.
  double value = 0;
  for (size_t i = 0; i < width; ++i) {
    const auto byte = static_cast<uint8_t>(from[i]);
    value = value * 256 + static_cast<double>(negative ? uint8_t(~byte) : byte);
  }
  return (negative ? -(value + 1) : value) * scale;
}

template <typename T>
void Convert(const char* from, size_t n, float* to, double scale) {
  if (scale == 1) {
    for (size_t i = 0; i < n; ++i) to[i] = static_cast<float>(Load<T>(from + i * sizeof(T)));
  } else {
    for (size_t i = 0; i < n; ++i) {
      to[i] = static_cast<float>(static_cast<double>(Load<T>(from + i * sizeof(T))) * scale);
    }
  }
}

// `n` PLAIN values of a column's type but booleans.
void ConvertPlain(const ParquetColumn& c, const char* from, size_t n, float* to) {
  if (n == 0) return;  // pointers may be null then
  switch (c.type) {
    case ParquetType::kFloat:
      std::memcpy(to, from, n * sizeof(float));
      return;
    case ParquetType::kDouble:
      return BestKernels().narrow(from, n, to);
    case ParquetType::kInt32:
      return c.is_unsigned ? Convert<uint32_t>(from, n, to, c.scale)
                           : Convert<int32_t>(from, n, to, c.scale);
    case ParquetType::kInt64:
      return c.is_unsigned ? Convert<uint64_t>(from, n, to, c.scale)
                           : Convert<int64_t>(from, n, to, c.scale);
    case ParquetType::kFixedBytes:
      for (size_t i = 0; i < n; ++i, from += c.width) {
        to[i] = c.is_half ? HalfToFloat(Load<uint16_t>(from))
                          : static_cast<float>(DecimalValue(from, c.width, c.scale));
      }
      return;
    default:
      return;
  }
}

// A number's shortest text, with a point unless it is an integer.
template <typename T>
std::string RealText(T value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_not_of("-0123456789") == std::string::npos) text += ".0";
  return text;
}
template <typename T>
std::string IntegerText(const char* from, double scale) {
  const T value = Load<T>(from);
  return scale == 1 ? fmt::format("{}", value) : RealText(static_cast<double>(value) * scale);
}

// One PLAIN value of a column's type but booleans.
std::string NumberText(const ParquetColumn& c, const char* from) {
  switch (c.type) {
    case ParquetType::kFloat:
      return RealText(Load<float>(from));
    case ParquetType::kDouble:
      return RealText(Load<double>(from));
    case ParquetType::kInt32:
      return c.is_unsigned ? IntegerText<uint32_t>(from, c.scale)
                           : IntegerText<int32_t>(from, c.scale);
    case ParquetType::kInt64:
      return c.is_unsigned ? IntegerText<uint64_t>(from, c.scale)
                           : IntegerText<int64_t>(from, c.scale);
    case ParquetType::kFixedBytes:
      return c.is_half ? RealText(HalfToFloat(Load<uint16_t>(from)))
                       : RealText(DecimalValue(from, c.width, c.scale));
    default:
      return "";
  }
}

}  // namespace

Status ByteRange::Read(char* to, size_t size, uint64_t offset) const {
  if (size == 0) return {};
  if (file_ == nullptr) {
    std::memcpy(to, bytes_.data() + offset, size);
    return {};
  }
  CLARY_TRY(const size_t got, file_->ReadAt(to, size, offset));
  if (got < size) {
    return Fail(Code::kDataLoss, "FileShrank", "the file became shorter while it was read");
  }
  return {};
}

Result<ParquetFooter> ReadParquetFooter(const ByteRange& file, ParquetTake take) {
  if (file.size() < kMagic.size() + kTail) return Bad("this is not a Parquet file");
  char tail[kTail];
  CLARY_CHECK_OK(file.Read(tail, kTail, file.size() - kTail));
  const std::string_view magic(tail + 4, 4);
  if (magic == "PARE") return Bad("the file is encrypted, which is not supported");
  if (magic != kMagic) return Bad("this is not a Parquet file, or it is cut off");
  uint32_t length;
  std::memcpy(&length, tail, sizeof length);
  if (length > file.size() - kTail - kMagic.size() || length > kMaxFooterBytes) {
    return Bad("the Parquet footer is damaged");
  }
  Buffer<char> bytes(length);
  CLARY_CHECK_OK(file.Read(bytes.data(), length, file.size() - kTail - length));
  return ParseParquetFooter({bytes.data(), length}, file.size(), take);
}

size_t TextCodes::Code(std::string_view text) {
  if (const auto found = codes_.find(text); found != codes_.end()) return found->second;
  if (texts_.size() == kMax) return kMax;
  const size_t code = texts_.size();
  codes_.emplace(texts_.emplace_back(text), code);
  return code;
}

HybridDecoder::HybridDecoder(std::string_view bytes, uint32_t width)
    : at_(reinterpret_cast<const uint8_t*>(bytes.data())),
      end_(at_ + bytes.size()),
      width_(width) {}

bool HybridDecoder::NextRun() {
  uint64_t head;
  if (!Varint(at_, end_, head)) return false;
  packed_ = (head & 1) != 0;
  const uint64_t count = head >> 1;
  const auto have = static_cast<size_t>(end_ - at_);
  if (packed_) {
    // The last group may lack the bytes that nothing needs.
    if (width_ > 0 && count > have / width_ + 1) return false;
    if (count > INT32_MAX / 8) return false;
    const size_t bytes = std::min(static_cast<size_t>(count) * width_, have);
    left_ = width_ == 0 ? static_cast<size_t>(count) * 8
                        : std::min(static_cast<size_t>(count) * 8, bytes * 8 / width_);
    packed_at_ = at_;
    packed_index_ = 0;
    at_ += bytes;
  } else {
    const size_t bytes = (width_ + 7) / 8;
    if (have < bytes) return false;
    value_ = 0;
    std::memcpy(&value_, at_, bytes);
    value_ &= static_cast<uint32_t>((uint64_t{1} << width_) - 1);  // no more than a packed one has
    at_ += bytes;
    left_ = static_cast<size_t>(std::min<uint64_t>(count, INT32_MAX));
  }
  return true;
}

bool HybridDecoder::SkipRun(size_t n, uint32_t value) {
  while (left_ == 0) {
    if (!NextRun()) return false;
  }
  if (packed_ || left_ < n || value_ != value) return false;
  left_ -= n;
  return true;
}

template <typename T>
bool HybridDecoder::ReadRuns(size_t n, T* to, void (*unpack)(const uint8_t*, size_t, T*)) {
  while (n > 0) {
    if (left_ == 0) {
      if (!NextRun()) return false;
      continue;
    }
    const size_t take = std::min(n, left_);
    if (!packed_) {
      std::fill_n(to, take, static_cast<T>(value_));
    } else {
      size_t done = 0;
      T group[8];
      const auto one_by_one = [&](size_t until) {
        if (done == until) return;
        unpack(packed_at_ + packed_index_ / 8 * width_, 1, group);
        for (; done < until; ++done) to[done] = group[packed_index_++ % 8];
      };
      one_by_one(std::min(take, (8 - packed_index_ % 8) % 8));
      const size_t groups = (take - done) / 8;
      unpack(packed_at_ + packed_index_ / 8 * width_, groups, to + done);
      done += 8 * groups;
      packed_index_ += 8 * groups;
      one_by_one(take);
    }
    to += take;
    n -= take;
    left_ -= take;
  }
  return true;
}

bool HybridDecoder::Read(size_t n, uint32_t* to) { return ReadRuns(n, to, kUnpack[width_]); }

bool HybridDecoder::ReadFlags(size_t n, uint8_t* to) { return ReadRuns(n, to, &UnpackFlags); }

Result<ParquetColumnReader> ParquetColumnReader::Open(const ByteRange& file,
                                                      const ParquetColumn& column,
                                                      const ParquetChunk& chunk,
                                                      ParquetScratch& scratch,
                                                      Buffer<char>& shared_window) {
  if (!IsSupportedCodec(chunk.codec)) {
    return Bad(
        fmt::format("compression {} is not supported; write the file with snappy, gzip, "
                    "brotli, lz4, zstd or none",
                    CodecName(chunk.codec)));
  }
  ParquetColumnReader reader(file, column, chunk, scratch);
  reader.codec_ = static_cast<Codec>(chunk.codec);
  reader.window_ = reader.codec_ == Codec::kNone ? &scratch.window : &shared_window;
  return reader;
}

Result<std::string_view> ParquetColumnReader::Peek(size_t size) {
  if (size > end_ - at_) return DamagedPage();
  if (at_ < window_at_ || at_ + size > window_at_ + window_size_) {
    const auto want =
        static_cast<size_t>(std::min<uint64_t>(std::max(size, read_ahead_), end_ - at_));
    Refill(*window_, want + kSlack);
    CLARY_CHECK_OK(file_->Read(window_->data(), want, at_));
    window_at_ = at_;
    window_size_ = want;
  }
  return std::string_view(window_->data() + (at_ - window_at_), size);
}

Status ParquetColumnReader::NextPage() {
  // Others may have used a window that is not this reader's own.
  if (page_left_ == 0 && codec_ != Codec::kNone) window_size_ = 0;
  while (page_left_ == 0) {
    if (at_ >= end_) return Bad("its pages have fewer values than there are rows");
    size_t header_size = 0;
    ParquetPage page;
    for (size_t want = kHeaderBytes;; want *= 8) {
      const size_t have = static_cast<size_t>(std::min<uint64_t>(want, end_ - at_));
      CLARY_TRY(const std::string_view bytes, Peek(have));
      auto parsed = ParseParquetPage(bytes, &header_size);
      if (parsed) {
        page = *parsed;
        break;
      }
      if (parsed.error().reason != "Truncated") return std::unexpected(std::move(parsed).error());
      if (have < want || want > kMaxHeaderBytes) return DamagedPage();
    }
    at_ += header_size;
    CLARY_TRY(const std::string_view bytes, Peek(page.size));
    switch (page.kind) {
      case ParquetPage::Kind::kDictionary:
        CLARY_CHECK_OK(StartDictionary(page, bytes));
        break;
      case ParquetPage::Kind::kData:
      case ParquetPage::Kind::kDataV2:
        CLARY_CHECK_OK(StartPage(page, bytes));
        break;
      case ParquetPage::Kind::kOther:
        break;
    }
    at_ += page.size;
    // The next page is likely as large.
    if (codec_ != Codec::kNone) read_ahead_ = std::max(page.size + kHeaderBytes, kMinWindow);
  }
  return {};
}

Result<std::string_view> ParquetColumnReader::Uncompressed(std::string_view bytes, size_t prefix,
                                                           size_t size, bool compressed) {
  if (codec_ == Codec::kNone) {
    if (bytes.size() != size) return DamagedPage();
    return bytes;
  }
  const std::string_view rest = bytes.substr(prefix);
  const size_t rest_size = size - prefix;
  if (!CanExpandTo(compressed ? codec_ : Codec::kNone, rest.size(), rest_size)) {
    return DamagedPage();
  }
  Buffer<char>& plain = scratch_->plain;
  Refill(plain, size + kSlack);
  std::copy_n(bytes.data(), prefix, plain.data());
  if (!compressed) {
    std::copy(rest.begin(), rest.end(), plain.data() + prefix);
  } else if (rest_size > 0) {
    CLARY_CHECK_OK(Decompress(codec_, rest, plain.data() + prefix, rest_size));
  }
  return std::string_view(plain.data(), size);
}

Status ParquetColumnReader::StartDictionary(const ParquetPage& page, std::string_view bytes) {
  if (page.encoding != static_cast<int>(ParquetEncoding::kPlain) &&
      page.encoding != static_cast<int>(ParquetEncoding::kPlainDictionary)) {
    return Bad(fmt::format("a dictionary in encoding {} is not supported",
                           ParquetEncodingName(page.encoding)));
  }
  dictionary_size_ = page.values;
  has_dictionary_ = true;
  if (column_->type == ParquetType::kFloat && !column_->as_text && codec_ != Codec::kNone &&
      page.uncompressed_size == page.values * sizeof(float) && page.values > 0 &&
      CanExpandTo(codec_, bytes.size(), page.uncompressed_size)) {
    // Straight to where it is wanted.
    Refill(scratch_->dictionary, page.values);
    return Decompress(codec_, bytes, reinterpret_cast<char*>(scratch_->dictionary.data()),
                      page.uncompressed_size);
  }
  CLARY_TRY(const std::string_view values, Uncompressed(bytes, 0, page.uncompressed_size, true));
  if (column_->is_text) {
    if (page.values > values.size() / 4) return DamagedPage();
    Refill(scratch_->dictionary, page.values);
    std::string_view rest = values;
    if (!TakeTexts(rest, page.values, scratch_->dictionary.data())) return DamagedPage();
    return {};
  }
  if (column_->width == 0 || values.size() / column_->width < page.values) return DamagedPage();
  Refill(scratch_->dictionary, page.values);
  if (!Numbers(*column_, values.data(), page.values, scratch_->dictionary.data())) {
    return DamagedPage();
  }
  return {};
}

Status ParquetColumnReader::StartPage(const ParquetPage& page, std::string_view bytes) {
  if (page.values > values_left_) return Bad("its pages have more values than there are rows");
  values_left_ -= page.values;
  encoding_ = static_cast<ParquetEncoding>(page.encoding);
  std::string_view levels;
  if (page.kind == ParquetPage::Kind::kDataV2) {
    if (page.level_bytes > bytes.size() || page.encoding < 0) return DamagedPage();
    CLARY_TRY(values_,
              Uncompressed(bytes, page.level_bytes, page.uncompressed_size, page.is_compressed));
    levels = values_.substr(0, page.level_bytes);
    values_.remove_prefix(page.level_bytes);
    has_nulls_ = column_->optional && page.has_nulls;
  } else {
    CLARY_TRY(values_, Uncompressed(bytes, 0, page.uncompressed_size, true));
    has_nulls_ = column_->optional;
    if (has_nulls_) {
      if (page.level_encoding != static_cast<int>(ParquetEncoding::kRle)) {
        return Bad(fmt::format("levels in encoding {} are not supported",
                               ParquetEncodingName(page.level_encoding)));
      }
      if (values_.size() < 4) return DamagedPage();
      const size_t size = Load<uint32_t>(values_.data());
      if (size > values_.size() - 4) return DamagedPage();
      levels = values_.substr(4, size);
      values_.remove_prefix(4 + size);
    }
  }
  if (has_nulls_) levels_ = HybridDecoder(levels, 1);
  page_left_ = page.values;
  value_index_ = 0;
  switch (encoding_) {
    case ParquetEncoding::kPlain:
      return {};
    case ParquetEncoding::kPlainDictionary:
    case ParquetEncoding::kRleDictionary: {
      if (!has_dictionary_) return Bad("a page needs a dictionary, but there is none before it");
      encoding_ = ParquetEncoding::kRleDictionary;
      if (values_.empty()) {  // all are null
        indices_ = {};
        return {};
      }
      const auto width = static_cast<uint8_t>(values_.front());
      if (width > 32) return DamagedPage();
      indices_ = HybridDecoder(values_.substr(1), width);
      return {};
    }
    case ParquetEncoding::kRle: {
      if (column_->type != ParquetType::kBoolean) break;
      if (values_.size() < 4) return DamagedPage();
      const size_t size = Load<uint32_t>(values_.data());
      if (size > values_.size() - 4) return DamagedPage();
      indices_ = HybridDecoder(values_.substr(4, size), 1);
      return {};
    }
    case ParquetEncoding::kDeltaBinaryPacked:
      if (column_->type != ParquetType::kInt32 && column_->type != ParquetType::kInt64) break;
      return StartDelta(page.values);
    case ParquetEncoding::kByteStreamSplit:
      if (column_->width == 0 || column_->width > 16) break;
      return {};
    default:
      break;
  }
  return Bad(fmt::format("encoding {} is not supported", ParquetEncodingName(page.encoding)));
}

// Decodes a whole page of deltas (Encodings.md, "Delta Encoding").
Status ParquetColumnReader::StartDelta(size_t max_values) {
  const auto* at = reinterpret_cast<const uint8_t*>(values_.data());
  const uint8_t* const end = at + values_.size();
  uint64_t block = 0;
  uint64_t minis = 0;
  uint64_t total = 0;
  uint64_t first = 0;
  if (!Varint(at, end, block) || !Varint(at, end, minis) || !Varint(at, end, total) ||
      !Varint(at, end, first) || total > max_values || minis == 0 || minis > 512 ||
      block > (1U << 20) || block % (minis * 8) != 0 || block == 0) {
    return DamagedPage();
  }
  const size_t per_mini = static_cast<size_t>(block / minis);
  delta_count_ = static_cast<size_t>(total);
  Refill(scratch_->deltas, delta_count_);
  int64_t* const deltas = scratch_->deltas.data();
  auto value = static_cast<uint64_t>(ZigZag(first));  // wraps around, as the format wants it
  size_t n = 0;
  if (total > 0) deltas[n++] = static_cast<int64_t>(value);
  while (n < total) {
    uint64_t minimum = 0;
    if (!Varint(at, end, minimum) || static_cast<uint64_t>(end - at) < minis) return DamagedPage();
    const auto base = static_cast<uint64_t>(ZigZag(minimum));
    const uint8_t* const widths = at;
    at += minis;
    for (size_t m = 0; m < minis && n < total; ++m) {
      const size_t width = widths[m];
      const size_t bytes = width * per_mini / 8;
      if (width > 64 || static_cast<size_t>(end - at) < bytes) return DamagedPage();
      const size_t count = std::min<size_t>(per_mini, static_cast<size_t>(total) - n);
      for (size_t i = 0; i < count; ++i) {
        uint64_t delta = 0;
        if (width > 0) {
          const size_t bit = i * width;
          const uint8_t* const from = at + bit / 8;
          const auto shift = static_cast<unsigned>(bit % 8);
          delta = Load<uint64_t>(from) >> shift;
          if (shift + width > 64) delta |= uint64_t{from[8]} << (64 - shift);
          if (width < 64) delta &= (uint64_t{1} << width) - 1;
        }
        value += base + delta;
        deltas[n++] = static_cast<int64_t>(value);
      }
      at += bytes;
    }
  }
  if (column_->type == ParquetType::kInt32) {
    for (int64_t& v : std::span(deltas, delta_count_)) {
      v = column_->is_unsigned ? int64_t{static_cast<uint32_t>(v)} : static_cast<int32_t>(v);
    }
  }
  return {};
}

bool ParquetColumnReader::Numbers(const ParquetColumn& column, const char* from, size_t n,
                                  float* to) const {
  if (!column_->as_text) {
    ConvertPlain(column, from, n, to);
    return true;
  }
  const size_t width = column.type == ParquetType::kInt64 ? sizeof(int64_t) : column.width;
  for (size_t i = 0; i < n; ++i, from += width) {
    const size_t code = scratch_->texts->Code(NumberText(column, from));
    if (code == TextCodes::kMax) return false;
    to[i] = static_cast<float>(code);
  }
  return true;
}

bool ParquetColumnReader::DecodePlain(size_t n, float* to) {
  if (column_->type == ParquetType::kBoolean) return DecodeBooleans(n, to);
  if (column_->is_text) return TakeTexts(values_, n, to);
  const size_t bytes = n * column_->width;
  if (values_.size() < bytes || !Numbers(*column_, values_.data(), n, to)) return false;
  values_.remove_prefix(bytes);
  return true;
}

bool ParquetColumnReader::TakeTexts(std::string_view& bytes, size_t n, float* to) const {
  for (size_t i = 0; i < n; ++i) {
    if (bytes.size() < 4) return false;
    const size_t size = Load<uint32_t>(bytes.data());
    if (size > bytes.size() - 4) return false;
    const size_t code = scratch_->texts->Code(bytes.substr(4, size));
    if (code == TextCodes::kMax) return false;
    to[i] = static_cast<float>(code);
    bytes.remove_prefix(4 + size);
  }
  return true;
}

bool ParquetColumnReader::DecodeBooleans(size_t n, float* to) {
  if ((value_index_ + n + 7) / 8 > values_.size()) return false;
  for (size_t i = 0; i < n; ++i, ++value_index_) {
    to[i] = static_cast<float>(
        static_cast<uint8_t>(values_[value_index_ / 8]) >> (value_index_ % 8) & 1);
  }
  return true;
}

bool ParquetColumnReader::DecodeDictionary(size_t n, float* to) {
  uint32_t index[kBatch];
  const std::span<const float> values(scratch_->dictionary.data(), dictionary_size_);
  while (n > 0) {
    const size_t take = std::min(n, kBatch);
    if (!indices_.Read(take, index)) return false;
    if (!kernels_->look_up(index, take, values, to)) return false;
    to += take;
    n -= take;
  }
  return true;
}

bool ParquetColumnReader::DecodeSplit(size_t n, float* to) {
  const size_t width = column_->width;
  const size_t stride = values_.size() / width;  // values in the page
  if (value_index_ + n > stride) return false;
  const char* from = values_.data() + value_index_;
  value_index_ += n;
  char batch[kBatch * 16];
  while (n > 0) {
    const size_t take = std::min(n, kBatch);
    for (size_t b = 0; b < width; ++b) {
      for (size_t i = 0; i < take; ++i) batch[i * width + b] = from[b * stride + i];
    }
    if (!Numbers(*column_, batch, take, to)) return false;
    from += take;
    to += take;
    n -= take;
  }
  return true;
}

Status ParquetColumnReader::Decode(size_t n, float* to) {
  if (n == 0) return {};
  bool ok = false;
  switch (encoding_) {
    case ParquetEncoding::kPlain:
      ok = DecodePlain(n, to);
      break;
    case ParquetEncoding::kRleDictionary:
      ok = DecodeDictionary(n, to);
      break;
    case ParquetEncoding::kByteStreamSplit:
      ok = DecodeSplit(n, to);
      break;
    case ParquetEncoding::kRle: {
      uint32_t bits[kBatch];
      ok = indices_.Read(n, bits);
      for (size_t i = 0; ok && i < n; ++i) to[i] = static_cast<float>(bits[i]);
      break;
    }
    default:  // deltas
      ok = delta_count_ - value_index_ >= n;
      if (!ok) break;
      ok = Numbers({.type = ParquetType::kInt64,
                    .is_unsigned = column_->is_unsigned,
                    .scale = column_->scale},
                   reinterpret_cast<const char*>(scratch_->deltas.data() + value_index_), n, to);
      value_index_ += n;
  }
  if (!ok) return DamagedPage();
  return {};
}

Result<FloatKinds> ParquetColumnReader::Read(size_t n, float* to) {
  FloatKinds kinds;
  while (n > 0) {
    CLARY_CHECK_OK(NextPage());
    const size_t take = std::min({n, page_left_, kBatch});
    if (!has_nulls_ || levels_.SkipRun(take, 1)) {
      CLARY_CHECK_OK(Decode(take, to));
    } else if (levels_.SkipRun(take, 0)) {
      std::fill_n(to, take, kNaN);
    } else {
      uint8_t present[kBatch];
      if (!levels_.ReadFlags(take, present)) return DamagedPage();
      uint32_t count = 0;
      for (size_t i = 0; i < take; ++i) count += present[i];
      CLARY_CHECK_OK(Decode(count, to));
      // To their rows, from the back, so that none is written over before it moves. Nulls come at
      // random: no branch on them.
      for (size_t i = take; i-- > 0;) {
        const uint32_t all = 0U - present[i];
        count -= present[i];
        const auto bits = std::bit_cast<uint32_t>(to[count]);
        to[i] = std::bit_cast<float>((bits & all) | (std::bit_cast<uint32_t>(kNaN) & ~all));
      }
    }
    kinds |= kernels_->kinds(to, take);
    to += take;
    n -= take;
    page_left_ -= take;
  }
  return kinds;
}

}  // namespace clary::data::internal
