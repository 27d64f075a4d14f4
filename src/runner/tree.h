// A job's directory tree seen safely from outside the sandbox. The job may put symbolic links and
// special files anywhere in it, so nothing here resolves a link: every step is an openat(2) with
// O_NOFOLLOW from a directory that is already open.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"

namespace clary::runner {

// Opens `relative` below the directory `root`, which is trusted. kNotFound if it is missing;
// kPermissionDenied "SymbolicLink" if any step is a link.
Result<Fd> OpenBeneath(const std::filesystem::path& root, const std::filesystem::path& relative,
                       int flags);

struct TreeEntry {
  std::string path;  // relative to the root, '/' between parts
  bool directory = false;
  uint64_t size = 0;
  int64_t mtime_ns = 0;
  uint32_t mode = 0;  // permission bits
};

struct TreeListing {
  std::vector<TreeEntry> entries;    // regular files and directories, in byte order of the path
  std::vector<std::string> skipped;  // links, FIFOs, sockets, devices
};

// Everything below root/relative; a missing directory is empty.
Result<TreeListing> ListTree(const std::filesystem::path& root,
                             const std::filesystem::path& relative);

// What the files below `root` take of the disk, in bytes. Those that cannot be looked at, or are
// deeper than 64 folders, count nothing; of a file with several names each name has its part.
uint64_t BytesOnDisk(const std::filesystem::path& root);

}  // namespace clary::runner
