#include "base/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <vector>

#include "base/directory.h"
#include "base/hash.h"
#include "base/strings.h"

namespace clary {
namespace fs = std::filesystem;

Fd::~Fd() {
  if (fd_ >= 0) ::close(fd_);
}

Result<Fd> OpenFile(const fs::path& path, int flags, int mode) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  if (fd < 0) return std::unexpected(ErrnoError(errno, path.string()));
  return Fd(fd);
}

Status WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return std::unexpected(ErrnoError(errno, "write"));
    }
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

Status SyncFile(int fd) {
  if (::fsync(fd) != 0) return std::unexpected(ErrnoError(errno, "fsync"));
  return {};
}

Status SyncDirectory(const fs::path& dir) {
  CLARY_TRY(const Fd fd, OpenFile(dir, O_RDONLY | O_DIRECTORY));
  return SyncFile(fd.get());
}

Result<std::string> ReadFile(const fs::path& path, uint64_t max_bytes) {
  CLARY_TRY(const Fd fd, OpenFile(path, O_RDONLY));
  std::string out;
  char buffer[65536];
  for (;;) {
    const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n < 0) {
      if (errno == EINTR) continue;
      return std::unexpected(ErrnoError(errno, path.string()));
    }
    if (n == 0) return out;
    if (out.size() + static_cast<size_t>(n) > max_bytes) {
      return Fail(Code::kResourceExhausted, "TooLarge",
                  path.string() + " is larger than " + std::to_string(max_bytes) + " bytes");
    }
    out.append(buffer, static_cast<size_t>(n));
  }
}

Status CheckReplaceable(const fs::path& path) {
  std::error_code ignored;
  const auto there = fs::status(path, ignored);
  if (!fs::exists(there) || fs::is_regular_file(there)) return {};
  return Fail(Code::kInvalidArgument, "NotAFile",
              path.string() + " is no regular file: name one that may be made or replaced");
}

Status WriteFileAtomic(const fs::path& path, std::string_view bytes, int mode) {
  const fs::path dir = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const fs::path temp = dir / ("." + HexEncode(RandomBytes(8)) + ".tmp");
  Status done = [&]() -> Status {
    CLARY_TRY(const Fd fd, OpenFile(temp, O_WRONLY | O_CREAT | O_EXCL, mode));
    CLARY_CHECK_OK(WriteAll(fd.get(), bytes));
    CLARY_CHECK_OK(SyncFile(fd.get()));
    if (::rename(temp.c_str(), path.c_str()) != 0) {
      return std::unexpected(ErrnoError(errno, "rename to " + path.string()));
    }
    return SyncDirectory(dir);
  }();
  if (!done) {
    ::unlink(temp.c_str());
    return std::unexpected(std::move(done).error().With("writing " + path.string()));
  }
  return {};
}

Status MakeDirectories(const fs::path& dir, int mode) {
  // Most often it is there, or its parent is.
  if (::mkdir(dir.c_str(), static_cast<mode_t>(mode)) == 0) return {};
  const fs::path parent = dir.parent_path();
  if (errno == ENOENT && !parent.empty() && parent != dir) {
    CLARY_CHECK_OK(MakeDirectories(parent, mode));
    if (::mkdir(dir.c_str(), static_cast<mode_t>(mode)) == 0) return {};
  }
  std::error_code known;
  if (errno == EEXIST && fs::is_directory(dir, known)) return {};
  fs::path at;
  for (const fs::path& part : dir) {
    at /= part;
    if (::mkdir(at.c_str(), static_cast<mode_t>(mode)) != 0 && errno != EEXIST) {
      const int err = errno;
      if (!fs::is_directory(at)) return std::unexpected(ErrnoError(err, "mkdir " + at.string()));
    }
  }
  std::error_code ec;
  if (!fs::is_directory(dir, ec)) {
    return Fail(Code::kFailedPrecondition, "NotADirectory", dir.string() + " is not a directory");
  }
  return {};
}

namespace {

// Removes what a hostile program has left: folders without permissions and as deep as it liked. A
// folder in a folder is moved to the top, so that neither paths nor the stack grow with the depth.
Status RemoveHostileTree(const fs::path& dir) {
  ::chmod(dir.c_str(), 0700);
  CLARY_TRY(const Fd top, OpenFile(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  uint64_t moved = 0;
  std::vector<std::string> folders;
  const auto empty = [&](int at, bool is_top) -> Status {
    for (const std::string& name : NamesIn(at)) {
      if (::unlinkat(at, name.c_str(), 0) == 0 || errno == ENOENT) continue;
      struct stat st{};
      if (::fstatat(at, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(st.st_mode)) {
        return std::unexpected(ErrnoError(errno, "removing " + name));
      }
      ::fchmodat(at, name.c_str(), 0700, 0);
      if (::unlinkat(at, name.c_str(), AT_REMOVEDIR) == 0) continue;
      if (is_top) {
        folders.push_back(name);
        continue;
      }
      std::string free;
      do {
        free = ".removed-" + std::to_string(moved++);
      } while (::faccessat(top.get(), free.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0);
      if (::renameat(at, name.c_str(), top.get(), free.c_str()) != 0) {
        return std::unexpected(ErrnoError(errno, "removing " + name));
      }
      folders.push_back(std::move(free));
    }
    return {};
  };
  CLARY_CHECK_OK(empty(top.get(), true));
  while (!folders.empty()) {
    const std::string name = std::move(folders.back());
    folders.pop_back();
    const Fd fd(::openat(top.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) return std::unexpected(ErrnoError(errno, "removing " + name));
    CLARY_CHECK_OK(empty(fd.get(), false));
    if (::unlinkat(top.get(), name.c_str(), AT_REMOVEDIR) != 0) {
      return std::unexpected(ErrnoError(errno, "removing " + name));
    }
  }
  if (::rmdir(dir.c_str()) != 0) {
    return std::unexpected(ErrnoError(errno, "removing " + dir.string()));
  }
  return {};
}

}  // namespace

Status RemoveTree(const fs::path& dir) {
  struct stat st{};
  if (::lstat(dir.c_str(), &st) != 0 && errno == ENOENT) return {};
  if (S_ISDIR(st.st_mode)) return RemoveHostileTree(dir);
  std::error_code ec;
  fs::remove(dir, ec);
  if (ec) return std::unexpected(ErrnoError(ec.value(), "removing " + dir.string()));
  return {};
}

Result<TempDir> TempDir::Make(const fs::path& parent, std::string_view prefix) {
  std::string path = (parent / (std::string(prefix) + "XXXXXX")).string();
  if (::mkdtemp(path.data()) == nullptr) {
    return std::unexpected(ErrnoError(errno, "making a directory in " + parent.string()));
  }
  return TempDir(path);
}

TempDir::~TempDir() {
  if (!path_.empty()) {
    (void)RemoveTree(path_);
  }
}

Result<FileLock> FileLock::Acquire(const fs::path& path) {
  CLARY_TRY(Fd fd, OpenFile(path, O_RDWR | O_CREAT, 0600));
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) {
      return Fail(Code::kFailedPrecondition, "Locked",
                  path.string() + " is held by another process");
    }
    return std::unexpected(ErrnoError(errno, "locking " + path.string()));
  }
  return FileLock(std::move(fd));
}

}  // namespace clary
