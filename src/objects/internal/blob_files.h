// The files of a FileStore: written under tmp/, then moved to blobs/, whole.
#pragma once

#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/stream.h"
#include "objects/internal/object_index.h"
#include "objects/rules.h"

namespace clary::objects {

// A file being written: in tmp/ first, then, whole, under its own name in blobs/. It is locked
// (flock) until it is in the index or gone, which is how CollectGarbage knows it from an orphan.
struct NewBlob {
  Fd fd;
  std::filesystem::path path;  // where it is now; removed at the end of life unless kept
  std::string name;            // below blobs/
  bool kept = false;

  static void Remove(const std::filesystem::path& path);
  NewBlob() = default;
  NewBlob(NewBlob&& o) noexcept
      : fd(std::move(o.fd)), path(std::move(o.path)), name(std::move(o.name)), kept(o.kept) {
    o.kept = true;
  }
  NewBlob& operator=(NewBlob&&) = delete;
  ~NewBlob() {
    if (!kept && !path.empty()) Remove(path);
  }
};

// Any thread.
class BlobFiles {
 public:
  // `fault` may fail a step before it touches the disk; for tests.
  BlobFiles(std::filesystem::path dir, std::function<Status(std::string_view step)> fault);

  Status MakeDirectories() const;
  std::filesystem::path PathOf(const std::string& blob) const { return dir_ / "blobs" / blob; }
  // Names this boot: its unsynced files are whole, those of an earlier one perhaps not.
  const std::string& boot() const { return boot_; }

  // `key` is for people who look into the directory.
  Result<NewBlob> Create(std::string_view key);
  struct Written {
    uint64_t size = 0;
    BodyDigest::Digests digests;
  };
  Result<Written> Write(NewBlob& blob, ByteSource& body, BodyDigest digest);
  // Appends one part; reads it whole, and compares its MD5, if an earlier boot wrote it, and
  // digests it if `full` is not null. "InvalidPart".
  Status AppendPart(NewBlob& blob, const StoredPart& part, Hasher* full);
  // Moves a written blob to its place; durable on return if `sync`.
  Status Settle(NewBlob& blob, bool sync);
  // Removes blobs that no row names any more; readers that have them open keep them.
  void Unlink(const std::vector<std::string>& blobs) const;

  // Removes the files that nobody writes and that `index` does not name. Returns their number.
  Result<size_t> CollectGarbage(ObjectIndex& index, std::stop_token stop);

  Status Step(std::string_view step) const { return fault_ ? fault_(step) : Status(); }

 private:
  Result<size_t> CollectIn(ObjectIndex& index, const std::filesystem::path& in, bool temporary);

  const std::filesystem::path dir_;
  const std::function<Status(std::string_view step)> fault_;
  const std::string boot_;
};

}  // namespace clary::objects
