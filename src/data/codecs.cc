#include "data/internal/codecs.h"

#include <fmt/format.h>
#include <snappy-c.h>
#include <zlib.h>
#include <zstd.h>

#include <iterator>
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

}  // namespace

std::string_view CodecName(int codec) {
  constexpr std::string_view kNames[] = {"UNCOMPRESSED", "SNAPPY", "GZIP", "LZO",
                                         "BROTLI",       "LZ4",    "ZSTD", "LZ4_RAW"};
  return codec >= 0 && codec < static_cast<int>(std::size(kNames)) ? kNames[codec] : "unknown";
}

bool IsSupportedCodec(int codec) {
  return codec == static_cast<int>(Codec::kNone) || codec == static_cast<int>(Codec::kSnappy) ||
         codec == static_cast<int>(Codec::kGzip) || codec == static_cast<int>(Codec::kZstd);
}

Status Decompress(Codec codec, std::string_view from, char* to, size_t size) {
  bool done = false;
  switch (codec) {
    case Codec::kSnappy:
      done = Unsnappy(from, to, size);
      break;
    case Codec::kGzip:
      done = Gunzip(from, to, size);
      break;
    case Codec::kZstd:
      done = Unzstd(from, to, size);
      break;
    case Codec::kNone:
      break;
  }
  if (done) return {};
  return Fail(Code::kInvalidArgument, "BadData",
              fmt::format("the {} data of a page is damaged", CodecName(static_cast<int>(codec))));
}

}  // namespace clary::data::internal
