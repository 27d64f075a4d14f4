#include "base/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#define XXH_INLINE_ALL  // no library to link
#include <xxhash.h>
#include <zlib.h>

#include <array>
#include <cstdlib>
#include <cstring>

#include "base/strings.h"

namespace clary {
namespace {

// Slicing-by-8 tables for a reflected CRC of `Word` bits.
template <typename Word, Word kPoly>
struct CrcTables {
  std::array<std::array<Word, 256>, 8> t{};
  constexpr CrcTables() {
    for (unsigned i = 0; i < 256; ++i) {
      Word c = i;
      for (int k = 0; k < 8; ++k) c = c & 1 ? (c >> 1) ^ kPoly : c >> 1;
      t[0][i] = c;
    }
    for (unsigned i = 0; i < 256; ++i) {
      for (size_t s = 1; s < 8; ++s) t[s][i] = (t[s - 1][i] >> 8) ^ t[0][t[s - 1][i] & 255];
    }
  }
};

template <typename Word, Word kPoly>
Word UpdateCrc(Word crc, std::string_view bytes) {
  static constexpr CrcTables<Word, kPoly> kTables;
  const auto& t = kTables.t;
  crc = static_cast<Word>(~crc);
  const char* p = bytes.data();
  size_t n = bytes.size();
  for (; n >= 8; p += 8, n -= 8) {
    uint64_t v;
    std::memcpy(&v, p, 8);  // little endian
    v ^= crc;
    crc = t[7][v & 255] ^ t[6][v >> 8 & 255] ^ t[5][v >> 16 & 255] ^ t[4][v >> 24 & 255] ^
          t[3][v >> 32 & 255] ^ t[2][v >> 40 & 255] ^ t[1][v >> 48 & 255] ^ t[0][v >> 56];
  }
  for (; n > 0; ++p, --n) {
    crc = (crc >> 8) ^ t[0][(crc ^ static_cast<unsigned char>(*p)) & 255];
  }
  return static_cast<Word>(~crc);
}

template <typename Word>
std::string BigEndian(Word v) {
  std::string out(sizeof(Word), '\0');
  for (size_t i = 0; i < sizeof(Word); ++i) {
    out[sizeof(Word) - 1 - i] = static_cast<char>(v >> (8 * i) & 255);
  }
  return out;
}

// Fetched once: EVP_sha256() and its like are looked up anew at each use.
const EVP_MD* Digest(HashKind kind) {
  switch (kind) {
    case HashKind::kMd5: {
      static const EVP_MD* const md = EVP_MD_fetch(nullptr, "MD5", nullptr);
      return md;
    }
    case HashKind::kSha1: {
      static const EVP_MD* const md = EVP_MD_fetch(nullptr, "SHA1", nullptr);
      return md;
    }
    case HashKind::kSha256: {
      static const EVP_MD* const md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
      return md;
    }
    case HashKind::kSha512: {
      static const EVP_MD* const md = EVP_MD_fetch(nullptr, "SHA512", nullptr);
      return md;
    }
    default:
      return nullptr;
  }
}

// The digest of `a` and `b` behind each other, with a context that the thread keeps.
std::string Digest(const EVP_MD* md, std::string_view a, std::string_view b) {
  struct Context {
    EVP_MD_CTX* ctx = EVP_MD_CTX_new();
    ~Context() { EVP_MD_CTX_free(ctx); }
  };
  thread_local const Context context;
  std::string out(EVP_MAX_MD_SIZE, '\0');
  unsigned int n = 0;
  EVP_DigestInit_ex(context.ctx, md, nullptr);
  EVP_DigestUpdate(context.ctx, a.data(), a.size());
  EVP_DigestUpdate(context.ctx, b.data(), b.size());
  EVP_DigestFinal_ex(context.ctx, reinterpret_cast<unsigned char*>(out.data()), &n);
  out.resize(n);
  return out;
}

// RFC 2104. OpenSSL's own costs four times as much for messages of this size, most of it for
// finding itself.
std::string Hmac(HashKind kind, std::string_view key, std::string_view bytes) {
  constexpr size_t kBlock = 64;  // of MD5, SHA-1 and SHA-256
  const EVP_MD* md = Digest(kind);
  std::string block(key.size() > kBlock ? Digest(md, key, {}) : key);
  block.resize(kBlock, '\0');
  for (char& c : block) c ^= 0x36;
  const std::string inner = Digest(md, block, bytes);
  for (char& c : block) c ^= 0x36 ^ 0x5c;
  std::string out = Digest(md, block, inner);
  OPENSSL_cleanse(block.data(), block.size());
  return out;
}

}  // namespace

struct Hasher::State {
  HashKind kind;
  EVP_MD_CTX* ctx = nullptr;
  uint32_t crc32 = 0;
  uint64_t crc64 = 0;
  XXH64_state_t* xxh64 = nullptr;
  XXH3_state_t* xxh3 = nullptr;  // of both widths

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    EVP_MD_CTX_free(ctx);
    XXH64_freeState(xxh64);
    XXH3_freeState(xxh3);
  }
};

Hasher::Hasher(HashKind kind) : state_(std::make_unique<State>()) {
  state_->kind = kind;
  if (const EVP_MD* md = Digest(kind)) {
    state_->ctx = EVP_MD_CTX_new();
    EVP_DigestInit_ex(state_->ctx, md, nullptr);
  } else if (kind == HashKind::kXxh64) {
    state_->xxh64 = XXH64_createState();
    XXH64_reset(state_->xxh64, 0);
  } else if (kind == HashKind::kXxh3) {
    state_->xxh3 = XXH3_createState();
    XXH3_64bits_reset(state_->xxh3);
  } else if (kind == HashKind::kXxh128) {
    state_->xxh3 = XXH3_createState();
    XXH3_128bits_reset(state_->xxh3);
  }
}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::Update(std::string_view bytes) {
  State& s = *state_;
  switch (s.kind) {
    case HashKind::kCrc32:
      s.crc32 = static_cast<uint32_t>(
          crc32_z(s.crc32, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
      break;
    case HashKind::kCrc32c:
      s.crc32 = Crc32c(bytes, s.crc32);
      break;
    case HashKind::kCrc64Nvme:
      s.crc64 = UpdateCrc<uint64_t, 0x9A6C9329AC4BC9B5ULL>(s.crc64, bytes);
      break;
    case HashKind::kXxh64:
      XXH64_update(s.xxh64, bytes.data(), bytes.size());
      break;
    case HashKind::kXxh3:
      XXH3_64bits_update(s.xxh3, bytes.data(), bytes.size());
      break;
    case HashKind::kXxh128:
      XXH3_128bits_update(s.xxh3, bytes.data(), bytes.size());
      break;
    default:
      EVP_DigestUpdate(s.ctx, bytes.data(), bytes.size());
  }
}

std::string Hasher::Finish() {
  State& s = *state_;
  if (s.kind == HashKind::kCrc64Nvme) return BigEndian(s.crc64);
  if (s.kind == HashKind::kXxh64) return BigEndian(uint64_t{XXH64_digest(s.xxh64)});
  if (s.kind == HashKind::kXxh3) return BigEndian(uint64_t{XXH3_64bits_digest(s.xxh3)});
  if (s.kind == HashKind::kXxh128) {
    const XXH128_hash_t h = XXH3_128bits_digest(s.xxh3);
    return BigEndian(uint64_t{h.high64}) + BigEndian(uint64_t{h.low64});
  }
  if (s.ctx == nullptr) return BigEndian(s.crc32);
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned int n = 0;
  EVP_DigestFinal_ex(s.ctx, out, &n);
  return {reinterpret_cast<char*>(out), n};
}

std::string Hash(HashKind kind, std::string_view bytes) {
  if (const EVP_MD* md = Digest(kind)) return Digest(md, bytes, {});
  Hasher h(kind);
  h.Update(bytes);
  return h.Finish();
}

std::string HmacSha256(std::string_view key, std::string_view bytes) {
  return Hmac(HashKind::kSha256, key, bytes);
}
std::string HmacSha1(std::string_view key, std::string_view bytes) {
  return Hmac(HashKind::kSha1, key, bytes);
}

uint32_t Crc32c(std::string_view bytes, uint32_t crc) {
  return UpdateCrc<uint32_t, 0x82F63B78U>(crc, bytes);
}

bool ConstantTimeEqual(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string RandomBytes(size_t n) {
  std::string out(n, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(n)) != 1) {
    std::abort();  // no randomness: no key is safe
  }
  return out;
}

std::string RandomId() {
  std::string b = RandomBytes(16);
  b[6] = static_cast<char>((b[6] & 0x0f) | 0x40);
  b[8] = static_cast<char>((b[8] & 0x3f) | 0x80);
  std::string h = HexEncode(b);
  for (const size_t at : {8, 13, 18, 23}) h.insert(at, 1, '-');
  return h;
}

}  // namespace clary
