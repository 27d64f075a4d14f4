// What a process and all its descendants use of the machine.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>

namespace clary::runner {

struct Usage {
  double cpu_seconds = 0;       // since they began, and of those that have ended
  uint64_t resident_bytes = 0;  // now; what several share counts for each
};
// What cannot be read counts as nothing.
Usage UsageBelow(pid_t root, const std::filesystem::path& proc = "/proc");

}  // namespace clary::runner
