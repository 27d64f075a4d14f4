// The bytes of one file, decompressed if it is compressed.
#pragma once

#include <zlib.h>
#include <zstd.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/file.h"

namespace clary::data::internal {

// A regular file or a FIFO; a regular one that begins with gzip's or zstd's magic is decompressed,
// several members (frames) one after another.
class ByteStream {
 public:
  static Result<std::unique_ptr<ByteStream>> Open(const std::filesystem::path& path);
  ~ByteStream();
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;

  // Up to `size` bytes; 0 is the end. kDataLoss "BadGzip", "BadZstd".
  Result<size_t> Read(char* to, size_t size);
  // `size` bytes, or fewer at the end.
  Result<size_t> ReadFully(char* to, size_t size);

  // Regular and not compressed: it may be read by offset instead.
  bool is_plain() const { return plain_; }
  uint64_t size() const { return size_; }  // if plain
  // As pread(2), but fewer bytes only at the end. Any thread.
  Result<size_t> ReadAt(char* to, size_t size, uint64_t offset) const;

 private:
  ByteStream() = default;
  Result<size_t> ReadFile(void* to, size_t size);
  Result<size_t> ReadGzip(char* to, size_t size);
  Result<size_t> ReadZstd(char* to, size_t size);

  Fd fd_;
  bool plain_ = false;
  bool gzip_ = false;
  uint64_t size_ = 0;
  z_stream zlib_ = {};
  ZSTD_DCtx* zstd_ = nullptr;  // owned
  ZSTD_inBuffer zstd_in_ = {};
  std::vector<unsigned char> compressed_;
  bool member_done_ = false;
  bool end_ = false;
};

}  // namespace clary::data::internal
