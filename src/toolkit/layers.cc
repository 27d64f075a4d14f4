#include "toolkit/layers.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <vector>

namespace clary::toolkit {
namespace fs = std::filesystem;
namespace {

// Folders on their way out: no key begins so.
constexpr char kGone[] = ".gone-";

uint64_t SizeOf(const fs::path& dir) {
  uint64_t bytes = 0;
  std::error_code ec;
  for (fs::recursive_directory_iterator it(dir, ec), end; !ec && it != end; it.increment(ec)) {
    struct stat st{};
    if (::lstat(it->path().c_str(), &st) == 0) bytes += static_cast<uint64_t>(st.st_blocks) * 512;
  }
  return bytes;
}

}  // namespace

std::optional<HeldLayer> LayerCache::Find(const std::string& key) const {
  const fs::path path = dir_ / key;
  Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::flock(fd.get(), LOCK_SH) != 0) return std::nullopt;
  // Whoever makes room may have moved it away before it was locked.
  struct stat held{};
  struct stat there{};
  if (::fstat(fd.get(), &held) != 0 || ::stat(path.c_str(), &there) != 0 ||
      held.st_ino != there.st_ino) {
    return std::nullopt;
  }
  ::futimens(fd.get(), nullptr);  // when it was last used
  return HeldLayer{path, std::move(fd)};
}

Result<HeldLayer> LayerCache::Add(const std::string& key, const fs::path& made) const {
  CLARY_CHECK_OK(MakeDirectories(dir_));
  std::error_code ec;
  fs::rename(made, dir_ / key, ec);
  auto held = Find(key);
  if (!held) return std::unexpected(ErrnoError(ec ? ec.value() : ENOENT, (dir_ / key).string()));
  MakeRoom();
  return *std::move(held);
}

void LayerCache::MakeRoom() const {
  struct Layer {
    fs::path path;
    int64_t used_ns = 0;
    uint64_t bytes = 0;
  };
  std::vector<Layer> layers;
  uint64_t sum = 0;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(dir_, ec)) {
    // The rest of an earlier call that was killed.
    if (entry.path().filename().string().starts_with(kGone)) {
      (void)RemoveTree(entry.path());
      continue;
    }
    struct stat st{};
    if (::lstat(entry.path().c_str(), &st) != 0 || !S_ISDIR(st.st_mode)) continue;
    layers.push_back({entry.path(), st.st_mtim.tv_sec * 1'000'000'000 + st.st_mtim.tv_nsec,
                      SizeOf(entry.path())});
    sum += layers.back().bytes;
  }
  std::ranges::sort(layers, {}, &Layer::used_ns);
  for (const Layer& layer : layers) {
    if (sum <= max_bytes_) return;
    const Fd fd(::open(layer.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd || ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) continue;  // a job runs with it
    const fs::path gone = dir_ / (kGone + layer.path.filename().string());
    fs::rename(layer.path, gone, ec);
    if (ec || !RemoveTree(gone)) continue;
    sum -= layer.bytes;
  }
}

}  // namespace clary::toolkit
