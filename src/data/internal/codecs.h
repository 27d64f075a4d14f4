// Whole blocks of compressed bytes, as Parquet's pages are.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/error.h"

namespace clary::data::internal {

// Parquet's CompressionCodec.
enum class Codec : int {
  kNone = 0,
  kSnappy = 1,
  kGzip = 2,
  kBrotli = 4,
  kLz4Hadoop = 5,  // LZ4 blocks between lengths, as Hadoop frames them; or one bare block
  kZstd = 6,
  kLz4 = 7,  // one LZ4 block
};

// "LZ4_RAW": also of those that are not supported.
std::string_view CodecName(int codec);
bool IsSupportedCodec(int codec);

// Whether so many bytes can become `size`: no codec makes more of a byte than it allows. Ask before
// there is memory for the result.
bool CanExpandTo(Codec codec, size_t bytes, size_t size);

// Decompresses `from` into exactly `size` bytes at `to`; not for kNone.
// kInvalidArgument "BadData" if it is not compressed so, or to another size.
Status Decompress(Codec codec, std::string_view from, char* to, size_t size);

}  // namespace clary::data::internal
