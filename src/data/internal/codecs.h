// Whole blocks of compressed bytes, as Parquet's pages are.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/error.h"

namespace clary::data::internal {

// Parquet's CompressionCodec.
enum class Codec : int { kNone = 0, kSnappy = 1, kGzip = 2, kZstd = 6 };

// "LZ4_RAW": also of those that are not supported.
std::string_view CodecName(int codec);
bool IsSupportedCodec(int codec);

// Decompresses `from` into exactly `size` bytes at `to`; not for kNone.
// kInvalidArgument "BadData" if it is not compressed so, or to another size.
Status Decompress(Codec codec, std::string_view from, char* to, size_t size);

}  // namespace clary::data::internal
