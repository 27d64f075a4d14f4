// The cache of layers (toolkit/python.h): what requirements files asked for, kept for the jobs that
// bring the same file again, in bounded room (docs/formats/environments.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/file.h"

namespace clary::toolkit {

// A layer that stays where it is as long as this lives, whatever other processes do.
struct HeldLayer {
  std::filesystem::path path;
  Fd lock;
};

// Many processes share the folder; each has its own object.
class LayerCache {
 public:
  // `max_bytes`: what layers may take in sum before the ones not used for longest go. A single
  // larger one is kept until the next is added.
  explicit LayerCache(std::filesystem::path dir, uint64_t max_bytes = uint64_t{16} << 30)
      : dir_(std::move(dir)), max_bytes_(max_bytes) {}

  // The layer of that key, and that it is used now; nullopt: there is none.
  std::optional<HeldLayer> Find(const std::string& key) const;
  // Moves the folder `made`, on the same file system, in as `key`; another process may have been
  // first, then `made` stays and theirs is taken. Then makes room.
  Result<HeldLayer> Add(const std::string& key, const std::filesystem::path& made) const;

 private:
  void MakeRoom() const;

  std::filesystem::path dir_;
  uint64_t max_bytes_;
};

}  // namespace clary::toolkit
