#include "objects/internal/blob_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <memory>
#include <set>
#include <span>
#include <system_error>

#include "base/log.h"
#include "base/strings.h"

namespace clary::objects {
namespace fs = std::filesystem;
namespace {

constexpr size_t kCopyBytes = 256 << 10;

// The end of a key as part of a file name, for people who look into the directory.
std::string SafeBasename(std::string_view key) {
  while (key.ends_with('/')) key.remove_suffix(1);
  const size_t slash = key.rfind('/');
  if (slash != std::string_view::npos) key.remove_prefix(slash + 1);
  if (key.size() > 64) key.remove_prefix(key.size() - 64);
  std::string out(key);
  for (char& c : out) {
    const bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '.' || c == '-' || c == '_';
    if (!ok) c = '_';
  }
  return out;
}

// Changes with every boot: unsynced files of this boot are whole, of an earlier one perhaps not.
std::string BootId() {
  auto id = ReadFile("/proc/sys/kernel/random/boot_id", 100);
  return id ? std::string(Trim(*id)) : RandomId();
}

}  // namespace

void NewBlob::Remove(const fs::path& path) { ::unlink(path.c_str()); }

BlobFiles::BlobFiles(fs::path dir, std::function<Status(std::string_view step)> fault)
    : dir_(std::move(dir)), fault_(std::move(fault)), boot_(BootId()) {}

Status BlobFiles::MakeDirectories() const {
  CLARY_CHECK_OK(clary::MakeDirectories(dir_ / "tmp", 0700));
  constexpr std::string_view kHex = "0123456789abcdef";
  for (const char a : kHex) {
    for (const char b : kHex) {
      CLARY_CHECK_OK(clary::MakeDirectories(dir_ / "blobs" / std::string{a, b}, 0700));
    }
  }
  CLARY_CHECK_OK(SyncDirectory(dir_ / "blobs"));
  return SyncDirectory(dir_);
}

Result<NewBlob> BlobFiles::Create(std::string_view key) {
  CLARY_CHECK_OK(Step("create"));
  NewBlob blob;
  const std::string id = HexEncode(RandomBytes(12));
  blob.name = id.substr(0, 2) + "/" + id.substr(2) + "-" + SafeBasename(key);
  const fs::path path = dir_ / "tmp" / id;
  CLARY_TRY(blob.fd, OpenFile(path, O_RDWR | O_CREAT | O_EXCL, 0444));
  blob.path = path;
  if (::flock(blob.fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return std::unexpected(ErrnoError(errno, "locking a new file"));
  }
  return blob;
}

Status BlobFiles::Settle(NewBlob& blob, bool sync) {
  if (sync) {
    CLARY_CHECK_OK(Step("sync"));
    CLARY_CHECK_OK(SyncFile(blob.fd.get()));
  }
  CLARY_CHECK_OK(Step("rename"));
  const fs::path to = dir_ / "blobs" / blob.name;
  if (::rename(blob.path.c_str(), to.c_str()) != 0) {
    return std::unexpected(ErrnoError(errno, "rename to " + to.string()));
  }
  blob.path = to;
  if (sync) {
    CLARY_CHECK_OK(Step("sync-directory"));
    CLARY_CHECK_OK(SyncDirectory(to.parent_path()));
  }
  return {};
}

Result<BlobFiles::Written> BlobFiles::Write(NewBlob& blob, ByteSource& body, BodyDigest digest) {
  Written out;
  const auto buffer = std::make_unique_for_overwrite<char[]>(kCopyBytes);
  for (;;) {
    // Fill the buffer: a network source gives small pieces.
    size_t have = 0;
    while (have < kCopyBytes) {
      CLARY_TRY(const size_t n, body.Read(std::span<char>(buffer.get() + have, kCopyBytes - have)));
      if (n == 0) break;
      have += n;
    }
    if (have == 0) break;
    const std::string_view bytes(buffer.get(), have);
    digest.Update(bytes);
    CLARY_CHECK_OK(Step("write"));
    CLARY_CHECK_OK(WriteAll(blob.fd.get(), bytes));
    out.size += have;
    if (have < kCopyBytes) break;
  }
  CLARY_TRY(out.digests, digest.Finish());
  return out;
}

void BlobFiles::Unlink(const std::vector<std::string>& blobs) const {
  for (const std::string& blob : blobs) ::unlink((dir_ / "blobs" / blob).c_str());
}

Status BlobFiles::AppendPart(NewBlob& blob, const StoredPart& part, Hasher* full) {
  const auto broken = [&] {
    return Fail(Code::kInvalidArgument, "InvalidPart",
                "Part " + std::to_string(part.info.number) +
                    " was damaged by a crash of the machine; upload it again");
  };
  CLARY_CHECK_OK(Step("write"));
  const auto from = OpenFile(dir_ / "blobs" / part.blob, O_RDONLY);
  if (!from && from.error().code == Code::kNotFound) return std::unexpected(broken().error());
  if (!from) return std::unexpected(from.error());
  const bool suspect = part.boot != boot_;
  uint64_t left = part.info.size;
  if (full == nullptr && !suspect) {
    while (left > 0) {
      const ssize_t n = ::copy_file_range(from->get(), nullptr, blob.fd.get(), nullptr,
                                          static_cast<size_t>(left), 0);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)) {
        break;  // this file system cannot: copy by hand from where it stands
      }
      if (n < 0) return std::unexpected(ErrnoError(errno, "copying a part"));
      if (n == 0) return std::unexpected(broken().error());
      left -= static_cast<uint64_t>(n);
    }
    if (left == 0) return {};
  }
  Hasher md5(HashKind::kMd5);
  const auto buffer = std::make_unique_for_overwrite<char[]>(kCopyBytes);
  while (left > 0) {
    const ssize_t n = ::read(from->get(), buffer.get(), std::min<uint64_t>(kCopyBytes, left));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::unexpected(ErrnoError(errno, "reading a part"));
    if (n == 0) return std::unexpected(broken().error());
    const std::string_view bytes(buffer.get(), static_cast<size_t>(n));
    if (suspect) md5.Update(bytes);
    if (full != nullptr) full->Update(bytes);
    CLARY_CHECK_OK(WriteAll(blob.fd.get(), bytes));
    left -= bytes.size();
  }
  if (suspect && HexEncode(md5.Finish()) != part.info.etag) {
    return std::unexpected(broken().error());
  }
  return {};
}

// A writer holds its file's lock until the row is committed, so: lock first, then ask the index.
Result<size_t> BlobFiles::CollectIn(ObjectIndex& index, const fs::path& in, bool temporary) {
  std::vector<std::string> names;
  {
    const std::unique_ptr<DIR, int (*)(DIR*)> d(::opendir(in.c_str()), ::closedir);
    if (!d) return std::unexpected(ErrnoError(errno, in.string()));
    while (const dirent* e = ::readdir(d.get())) {
      if (e->d_name[0] != '.') names.emplace_back(e->d_name);
    }
  }
  if (names.empty()) return 0;
  const std::string shard = in.filename().string() + "/";
  std::set<std::string> live;
  if (!temporary) {
    CLARY_TRY(const auto blobs, index.With([&](Connection& c) { return FindBlobs(c, shard); }));
    for (const std::string& blob : blobs) live.insert(blob.substr(shard.size()));
  }
  size_t removed = 0;
  for (const std::string& name : names) {
    if (live.contains(name)) continue;
    const fs::path path = in / name;
    auto fd = OpenFile(path, O_RDONLY);
    if (!fd) continue;  // renamed or removed meanwhile
    if (temporary) {
      // A file is created a moment before it is locked.
      struct stat st{};
      if (::fstat(fd->get(), &st) != 0 || ::time(nullptr) - st.st_ctim.tv_sec < 10) continue;
    }
    if (::flock(fd->get(), LOCK_EX | LOCK_NB) != 0) continue;
    if (!temporary) {
      CLARY_TRY(const bool named,
                index.With([&](Connection& c) { return IsNamed(c, shard + name); }));
      if (named) continue;
    }
    if (::unlink(path.c_str()) == 0) ++removed;
  }
  return removed;
}

Result<size_t> BlobFiles::CollectGarbage(ObjectIndex& index, std::stop_token stop) {
  CLARY_TRY(size_t removed, CollectIn(index, dir_ / "tmp", /*temporary=*/true));
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(dir_ / "blobs", ec)) {
    if (stop.stop_requested()) return removed;
    CLARY_TRY(const size_t n, CollectIn(index, entry.path(), /*temporary=*/false));
    removed += n;
  }
  if (ec) return std::unexpected(ErrnoError(ec.value(), (dir_ / "blobs").string()));
  if (removed > 0) LOG(kInfo, "removed files left by a crash", {"files", removed});
  return removed;
}

}  // namespace clary::objects
