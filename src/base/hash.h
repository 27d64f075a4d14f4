// Digests and checksums, one-shot and streaming. Digests are raw bytes; see strings.h for hex and
// base64.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace clary {

enum class HashKind {
  kMd5,
  kSha1,
  kSha256,
  kSha512,
  kCrc32,
  kCrc32c,
  kCrc64Nvme,
  kXxh64,  // the three of xxHash with seed 0
  kXxh3,
  kXxh128,
};

// Streaming hash. CRCs and xxHashes come out big-endian, as S3's checksum headers carry them.
class Hasher {
 public:
  explicit Hasher(HashKind kind);
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  void Update(std::string_view bytes);
  std::string Finish();  // once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string Hash(HashKind kind, std::string_view bytes);
inline std::string Sha256(std::string_view bytes) { return Hash(HashKind::kSha256, bytes); }
std::string HmacSha256(std::string_view key, std::string_view bytes);
std::string HmacSha1(std::string_view key, std::string_view bytes);

// CRC-32C (Castagnoli) of `bytes`, continuing from `crc`.
uint32_t Crc32c(std::string_view bytes, uint32_t crc = 0);

// Takes the same time for every pair of equal length.
bool ConstantTimeEqual(std::string_view a, std::string_view b);

std::string RandomBytes(size_t n);  // from the operating system
std::string RandomId();             // UUID version 4

}  // namespace clary
