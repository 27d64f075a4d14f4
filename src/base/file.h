// Files: bounded reads, atomic durable writes, temporary directories, locks.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace clary {

// An owned file descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& o) noexcept : fd_(std::exchange(o.fd_, -1)) {}
  Fd& operator=(Fd&& o) noexcept {
    std::swap(fd_, o.fd_);
    return *this;
  }
  ~Fd();
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// open(2) with O_CLOEXEC; kNotFound, kPermissionDenied, ... with the path in the message.
Result<Fd> OpenFile(const std::filesystem::path& path, int flags, int mode = 0644);
// Writes all of `bytes`; kResourceExhausted "DiskFull" when the disk is.
Status WriteAll(int fd, std::string_view bytes);
Status SyncFile(int fd);
Status SyncDirectory(const std::filesystem::path& dir);

// Whether a file may be made or replaced at `path`. kInvalidArgument "NotAFile": there is a folder,
// a device, a pipe, which a rename would put an end to.
Status CheckReplaceable(const std::filesystem::path& path);

// The whole file; kResourceExhausted if it is larger than `max_bytes`.
Result<std::string> ReadFile(const std::filesystem::path& path, uint64_t max_bytes);
// Replaces `path` so that a crash leaves the old bytes or the new: temporary file in the same
// directory, fsync, rename, fsync of the directory.
Status WriteFileAtomic(const std::filesystem::path& path, std::string_view bytes, int mode = 0644);

Status MakeDirectories(const std::filesystem::path& dir, int mode = 0755);
// Removes a tree, of any depth and with any modes; a missing one is fine. Follows no links.
Status RemoveTree(const std::filesystem::path& dir);

// A fresh directory below `parent`, removed with everything in it at the end of life.
class TempDir {
 public:
  static Result<TempDir> Make(const std::filesystem::path& parent = "/tmp",
                              std::string_view prefix = "clary-");
  TempDir(TempDir&& o) noexcept : path_(std::exchange(o.path_, {})) {}
  TempDir& operator=(TempDir&& o) noexcept {
    std::swap(path_, o.path_);
    return *this;
  }
  ~TempDir();
  const std::filesystem::path& path() const { return path_; }

 private:
  explicit TempDir(std::filesystem::path p) : path_(std::move(p)) {}
  std::filesystem::path path_;
};

// An exclusive advisory lock on `path` (created if missing), held for the object's life and given
// up by the kernel if the process dies. kFailedPrecondition "Locked" if another process holds it.
class FileLock {
 public:
  static Result<FileLock> Acquire(const std::filesystem::path& path);

 private:
  explicit FileLock(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace clary
