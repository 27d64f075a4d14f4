// Archives that came from elsewhere, as files: models, source code.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/error.h"
#include "base/stream.h"

namespace clary::runner {

struct UnpackLimits {
  uint64_t bytes = uint64_t{64} << 30;  // of all files together
  size_t members = 100'000;
};

struct Unpacked {
  size_t files = 0;
  uint64_t bytes = 0;
};

// Unpacks a tar, compressed with gzip or not, into `directory`, which exists and is empty. Only
// files and folders: kInvalidArgument "BadArchive" for anything else in it (links, devices, a path
// that is absolute or has ".."), for what is no such archive, and for one that ends early.
// kResourceExhausted "TooLarge" beyond the limits, "DiskFull". What was unpacked before an error
// stays.
Result<Unpacked> UnpackTar(ByteSource& source, const std::filesystem::path& directory,
                           const UnpackLimits& limits = {});

}  // namespace clary::runner
