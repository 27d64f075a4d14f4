// Files that readers may follow while they appear.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/error.h"

namespace clary::reports {

// Writes a file, complete or absent, making its directory; like WriteFileAtomic, but without fsync:
// what is published is uploaded soon after, and a job whose host dies has failed anyway.
Status PublishFile(const std::filesystem::path& path, std::string_view bytes);

}  // namespace clary::reports
