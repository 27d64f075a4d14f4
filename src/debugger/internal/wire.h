// The few pieces of the protocol-buffer wire format that event records need.
// https://protobuf.dev/programming-guides/encoding/
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace clary::debugger::wire {

static_assert(std::endian::native == std::endian::little, "fixed fields are copied as they are");

enum Type : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

inline void PutVarint(std::string& out, uint64_t v) {
  for (; v >= 0x80; v >>= 7) out += static_cast<char>(v | 0x80);
  out += static_cast<char>(v);
}
inline void PutTag(std::string& out, uint32_t field, Type type) {
  PutVarint(out, field << 3 | type);
}
inline void PutInt(std::string& out, uint32_t field, int64_t v) {
  PutTag(out, field, kVarint);
  PutVarint(out, static_cast<uint64_t>(v));
}
inline void PutDouble(std::string& out, uint32_t field, double v) {
  PutTag(out, field, kFixed64);
  out.append(reinterpret_cast<const char*>(&v), sizeof v);
}
inline void PutFloat(std::string& out, uint32_t field, float v) {
  PutTag(out, field, kFixed32);
  out.append(reinterpret_cast<const char*>(&v), sizeof v);
}
// What goes before `size` bytes of a field.
inline void PutHead(std::string& out, uint32_t field, size_t size) {
  PutTag(out, field, kBytes);
  PutVarint(out, size);
}
inline void PutBytes(std::string& out, uint32_t field, std::string_view bytes) {
  PutHead(out, field, bytes.size());
  out += bytes;
}

// One field of a message.
struct Field {
  uint32_t number = 0;
  Type type = kVarint;
  uint64_t value = 0;      // kVarint, and the raw bits of fixed fields
  std::string_view bytes;  // kBytes

  double AsDouble() const { return std::bit_cast<double>(value); }
};

// Walks the fields of a message. Next() is nullopt at the end and on broken bytes; ok() tells
// which.
class Reader {
 public:
  explicit Reader(std::string_view message) : rest_(message) {}
  bool ok() const { return ok_; }

  std::optional<Field> Next() {
    if (rest_.empty() || !ok_) return std::nullopt;
    Field f;
    const uint64_t tag = Varint();
    f.number = static_cast<uint32_t>(tag >> 3);
    f.type = static_cast<Type>(tag & 7);
    switch (f.type) {
      case kVarint:
        f.value = Varint();
        break;
      case kFixed64:
        f.value = Fixed<uint64_t>();
        break;
      case kFixed32:
        f.value = Fixed<uint32_t>();
        break;
      case kBytes: {
        const uint64_t n = Varint();
        if (n > rest_.size()) ok_ = false;
        if (!ok_) return std::nullopt;
        f.bytes = rest_.substr(0, n);
        rest_.remove_prefix(n);
        break;
      }
      default:
        ok_ = false;
    }
    if (!ok_ || f.number == 0) {
      ok_ = false;
      return std::nullopt;
    }
    return f;
  }

 private:
  uint64_t Varint() {
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      v |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return v;
    }
    ok_ = false;
    return 0;
  }
  template <typename T>
  T Fixed() {
    T v{};
    if (rest_.size() < sizeof v) {
      ok_ = false;
      return v;
    }
    std::memcpy(&v, rest_.data(), sizeof v);
    rest_.remove_prefix(sizeof v);
    return v;
  }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace clary::debugger::wire
