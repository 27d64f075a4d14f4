#include "runner/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace clary::runner {
namespace fs = std::filesystem;
namespace {

constexpr int kMaxDepth = 64;

Error StepError(int err, const std::string& path) {
  if (err == ELOOP || err == ENOTDIR) {
    return Error{Code::kPermissionDenied, "SymbolicLink",
                 path + ": a symbolic link or a file where a directory was expected"};
  }
  return ErrnoError(err, path);
}

struct Closer {
  void operator()(DIR* d) const { ::closedir(d); }
};

uint64_t BytesBelow(Fd fd, int depth) {
  constexpr uint64_t kBlock = 512;  // what st_blocks counts
  if (depth > kMaxDepth) return 0;
  const std::unique_ptr<DIR, Closer> dir(::fdopendir(fd.get()));
  if (!dir) return 0;
  const int at = fd.release();
  uint64_t sum = 0;
  while (const dirent* entry = ::readdir(dir.get())) {
    const std::string_view name = entry->d_name;
    struct stat st{};
    if (name == "." || name == ".." ||
        ::fstatat(at, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
      continue;
    }
    const bool folder = S_ISDIR(st.st_mode);
    const uint64_t names = folder ? 1 : std::max<uint64_t>(1, st.st_nlink);
    sum += static_cast<uint64_t>(st.st_blocks) * kBlock / names;
    if (!folder) continue;
    Fd sub(::openat(at, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (sub) sum += BytesBelow(std::move(sub), depth + 1);
  }
  return sum;
}

Status ListInto(Fd fd, const std::string& prefix, int depth, TreeListing& out) {
  if (depth > kMaxDepth) {
    return Fail(Code::kInvalidArgument, "TooDeep",
                prefix + " is deeper than " + std::to_string(kMaxDepth) + " directories");
  }
  const std::unique_ptr<DIR, Closer> dir(::fdopendir(fd.get()));
  if (!dir) return std::unexpected(ErrnoError(errno, prefix));
  (void)fd.release();
  const int at = ::dirfd(dir.get());
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(dir.get());
    if (entry == nullptr) {
      if (errno != 0) return std::unexpected(ErrnoError(errno, prefix));
      return {};
    }
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    const std::string path = prefix.empty() ? name : prefix + "/" + name;
    struct stat st{};
    if (::fstatat(at, name.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) continue;  // removed while we look
      return std::unexpected(ErrnoError(errno, path));
    }
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
      out.skipped.push_back(path);
      continue;
    }
    out.entries.push_back(
        {.path = path,
         .directory = S_ISDIR(st.st_mode),
         .size = S_ISDIR(st.st_mode) ? 0 : static_cast<uint64_t>(st.st_size),
         .mtime_ns = static_cast<int64_t>(st.st_mtim.tv_sec) * 1'000'000'000 + st.st_mtim.tv_nsec,
         .mode = st.st_mode & 07777});
    if (!S_ISDIR(st.st_mode)) continue;
    Fd sub(::openat(at, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!sub) {
      if (errno == ENOENT) continue;
      return std::unexpected(StepError(errno, path));
    }
    CLARY_CHECK_OK(ListInto(std::move(sub), path, depth + 1, out));
  }
}

}  // namespace

Result<Fd> OpenBeneath(const fs::path& root, const fs::path& relative, int flags) {
  CLARY_TRY(Fd at, OpenFile(root, O_RDONLY | O_DIRECTORY));
  std::vector<std::string> parts;
  for (const fs::path& part : relative) {
    if (!part.empty() && part != ".") parts.push_back(part.string());
  }
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i] == ".." || parts[i] == "/") {
      return Fail(Code::kInvalidArgument, "BadPath", relative.string() + " leaves its directory");
    }
    const int step = i + 1 < parts.size() ? O_RDONLY | O_DIRECTORY : flags;
    Fd next(::openat(at.get(), parts[i].c_str(), step | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    if (!next) return std::unexpected(StepError(errno, (root / relative).string()));
    at = std::move(next);
  }
  return at;
}

uint64_t BytesOnDisk(const fs::path& root) {
  auto fd = OpenFile(root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  return fd ? BytesBelow(std::move(*fd), 0) : 0;
}

Result<TreeListing> ListTree(const fs::path& root, const fs::path& relative) {
  TreeListing out;
  auto fd = OpenBeneath(root, relative, O_RDONLY | O_DIRECTORY);
  if (!fd) {
    if (fd.error().code == Code::kNotFound) return out;
    return std::unexpected(std::move(fd).error());
  }
  CLARY_CHECK_OK(ListInto(std::move(*fd), "", 0, out));
  std::ranges::sort(out.entries, {}, &TreeEntry::path);
  std::ranges::sort(out.skipped);
  return out;
}

}  // namespace clary::runner
