#include "data/internal/codecs.h"

#include <brotli/decode.h>
#include <fmt/format.h>
#include <lz4.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <climits>
#include <cstdint>
#include <memory>

namespace clary::data::internal {
namespace {

bool Gunzip(std::string_view from, char* to, size_t size) {
  z_stream z = {};
  if (::inflateInit2(&z, 15 + 32) != Z_OK) return false;  // zlib's or gzip's header
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(from.data()));
  z.avail_in = static_cast<uInt>(from.size());
  z.next_out = reinterpret_cast<Bytef*>(to);
  z.avail_out = static_cast<uInt>(size);
  int rc = ::inflate(&z, Z_FINISH);
  while (rc == Z_STREAM_END && z.avail_in > 0 && z.avail_out > 0) {  // another member
    if (::inflateReset(&z) != Z_OK) break;
    rc = ::inflate(&z, Z_FINISH);
  }
  const bool whole = rc == Z_STREAM_END && z.avail_out == 0;
  ::inflateEnd(&z);
  return whole;
}

bool Unzstd(std::string_view from, char* to, size_t size) {
  struct Free {
    void operator()(ZSTD_DCtx* c) const { ::ZSTD_freeDCtx(c); }
  };
  thread_local const std::unique_ptr<ZSTD_DCtx, Free> context(::ZSTD_createDCtx());
  return ::ZSTD_decompressDCtx(context.get(), to, size, from.data(), from.size()) == size;
}

bool Unsnappy(std::string_view from, char* to, size_t size) {
  size_t length = 0;
  return ::snappy_uncompressed_length(from.data(), from.size(), &length) == SNAPPY_OK &&
         length == size && ::snappy_uncompress(from.data(), from.size(), to, &length) == SNAPPY_OK;
}

bool Unbrotli(std::string_view from, char* to, size_t size) {
  size_t length = size;
  return ::BrotliDecoderDecompress(from.size(), reinterpret_cast<const uint8_t*>(from.data()),
                                   &length, reinterpret_cast<uint8_t*>(to)) ==
             BROTLI_DECODER_RESULT_SUCCESS &&
         length == size;
}

bool Unlz4(std::string_view from, char* to, size_t size) {
  return from.size() <= INT_MAX && size <= INT_MAX &&
         ::LZ4_decompress_safe(from.data(), to, static_cast<int>(from.size()),
                               static_cast<int>(size)) == static_cast<int>(size);
}

uint32_t BigEndian(const char* from) {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(from[i]);
  return value;
}

// Hadoop's frames: length of what comes out, then blocks of a length and so many bytes until there
// is so much of it.
bool UnlzHadoop(std::string_view from, char* to, size_t size) {
  while (size > 0) {
    if (from.size() < 4) return false;
    size_t frame = BigEndian(from.data());
    from.remove_prefix(4);
    if (frame == 0 || frame > size) return false;
    while (frame > 0) {
      if (from.size() < 4) return false;
      const size_t length = BigEndian(from.data());
      from.remove_prefix(4);
      if (length == 0 || length > from.size() || length > INT_MAX || frame > INT_MAX) return false;
      const int got =
          ::LZ4_decompress_safe(from.data(), to, static_cast<int>(length), static_cast<int>(frame));
      if (got <= 0) return false;
      from.remove_prefix(length);
      to += got;
      size -= static_cast<size_t>(got);
      frame -= static_cast<size_t>(got);
    }
  }
  return from.empty();
}

// Older writers put a bare block where frames should be.
bool UnlzEither(std::string_view from, char* to, size_t size) {
  return UnlzHadoop(from, to, size) || Unlz4(from, to, size);
}

struct CodecEntry {
  std::string_view name;
  bool (*decompress)(std::string_view from, char* to, size_t size) = nullptr;  // not supported
  size_t most_of_a_byte = 0;  // what one may become; generous
};
// By number in the file. LZO has no library that Debian and its licence allow.
constexpr std::array<CodecEntry, 8> kCodecs = {{{"UNCOMPRESSED"},
                                                {"SNAPPY", Unsnappy, 70'000},
                                                {"GZIP", Gunzip, 70'000},
                                                {"LZO"},
                                                {"BROTLI", Unbrotli, 4'000'000},
                                                {"LZ4", UnlzEither, 70'000},
                                                {"ZSTD", Unzstd, 70'000},
                                                {"LZ4_RAW", Unlz4, 70'000}}};

}  // namespace

std::string_view CodecName(int codec) {
  return codec >= 0 && codec < static_cast<int>(kCodecs.size())
             ? kCodecs[static_cast<size_t>(codec)].name
             : "unknown";
}

bool IsSupportedCodec(int codec) {
  return codec == static_cast<int>(Codec::kNone) ||
         (codec > 0 && codec < static_cast<int>(kCodecs.size()) &&
          kCodecs[static_cast<size_t>(codec)].decompress != nullptr);
}

bool CanExpandTo(Codec codec, size_t bytes, size_t size) {
  return codec == Codec::kNone ? size == bytes
                               : size / kCodecs[static_cast<size_t>(codec)].most_of_a_byte <= bytes;
}

Status Decompress(Codec codec, std::string_view from, char* to, size_t size) {
  auto* const decompress = kCodecs[static_cast<size_t>(codec)].decompress;
  if (decompress != nullptr && decompress(from, to, size)) return {};
  return Fail(Code::kInvalidArgument, "BadData",
              fmt::format("the {} data of a page is damaged", CodecName(static_cast<int>(codec))));
}

}  // namespace clary::data::internal
