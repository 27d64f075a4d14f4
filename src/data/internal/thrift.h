// Thrift's compact protocol, as far as Parquet's metadata needs it: a reader over bytes that may
// be anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace clary::data::internal {

enum class ThriftType : uint8_t {
  kStop = 0,
  kTrue = 1,
  kFalse = 2,
  kByte = 3,
  kInt16 = 4,
  kInt32 = 5,
  kInt64 = 6,
  kDouble = 7,
  kBinary = 8,
  kList = 9,
  kSet = 10,
  kMap = 11,
  kStruct = 12,
};

// After the first failure ok() is false and everything read is 0 or empty, so that a caller may ask
// once at the end; every loop over fields or items ends.
class ThriftReader {
 public:
  explicit ThriftReader(std::string_view bytes)
      : begin_(bytes.data()), at_(begin_), end_(begin_ + bytes.size()) {}

  bool ok() const { return ok_; }
  // ok() is false because the bytes end too early.
  bool truncated() const { return truncated_; }
  size_t used() const { return static_cast<size_t>(at_ - begin_); }

  // A struct's fields: for (ThriftReader::Field f; reader.Next(f);) with one call for the value,
  // Skip() if nothing else.
  struct Field {
    int id = 0;
    ThriftType type = ThriftType::kStop;
  };
  // False at the struct's end. `field` is what this struct's call before gave.
  bool Next(Field& field) {
    const uint8_t head = Byte();
    field.type = static_cast<ThriftType>(head & 0x0f);
    if (!ok_ || field.type == ThriftType::kStop) return false;
    if (field.type > ThriftType::kStruct) return Bad();
    const int delta = head >> 4;
    field.id = delta != 0 ? field.id + delta : static_cast<int>(ZigZag() & 0xffff);
    return ok_;
  }

  // Of a field of any integer type, or of a list's item of one.
  int64_t Integer(ThriftType type) {
    if (type == ThriftType::kByte) return static_cast<int8_t>(Byte());
    if (type < ThriftType::kInt16 || type > ThriftType::kInt64) return Bad();
    return ZigZag();
  }
  bool Bool(ThriftType type) {
    if (type != ThriftType::kTrue && type != ThriftType::kFalse) return Bad();
    return type == ThriftType::kTrue;
  }
  std::string_view Binary(ThriftType type) {
    if (type != ThriftType::kBinary) Bad();
    const uint64_t size = Varint();
    if (size > Left()) Truncated();
    if (!ok_) return {};
    at_ += size;
    return {at_ - size, static_cast<size_t>(size)};
  }
  // How many items follow, each of at least one byte, so no more than there are bytes.
  uint32_t List(ThriftType type, ThriftType* item) {
    if (type != ThriftType::kList && type != ThriftType::kSet) Bad();
    const uint8_t head = Byte();
    uint64_t size = head >> 4;
    if (size == 15) size = Varint();
    if (size > Left()) Truncated();
    *item = static_cast<ThriftType>(head & 0x0f);
    return ok_ ? static_cast<uint32_t>(size) : 0;
  }

  void Skip(ThriftType type, int depth = 0) {
    if (depth > kMaxDepth) Bad();
    if (!ok_) return;
    switch (type) {
      case ThriftType::kTrue:
      case ThriftType::kFalse:
        return;
      case ThriftType::kByte:
        Byte();
        return;
      case ThriftType::kInt16:
      case ThriftType::kInt32:
      case ThriftType::kInt64:
        Varint();
        return;
      case ThriftType::kDouble:
        if (Left() < 8) return Truncated();
        at_ += 8;
        return;
      case ThriftType::kBinary:
        Binary(type);
        return;
      case ThriftType::kList:
      case ThriftType::kSet: {
        ThriftType item;
        for (uint32_t n = List(type, &item); n > 0 && ok_; --n) SkipItem(item, depth);
        return;
      }
      case ThriftType::kMap: {
        const uint64_t size = Varint();
        if (size > Left()) Truncated();
        if (!ok_ || size == 0) return;
        const uint8_t types = Byte();
        for (uint64_t n = size; n > 0 && ok_; --n) {
          SkipItem(static_cast<ThriftType>(types >> 4), depth);
          SkipItem(static_cast<ThriftType>(types & 0x0f), depth);
        }
        return;
      }
      case ThriftType::kStruct:
        for (Field f; Next(f);) Skip(f.type, depth + 1);
        return;
      case ThriftType::kStop:
        break;
    }
    Bad();
  }

 private:
  static constexpr int kMaxDepth = 16;

  // In lists a bool takes a byte.
  void SkipItem(ThriftType type, int depth) {
    if (type == ThriftType::kTrue || type == ThriftType::kFalse) type = ThriftType::kByte;
    Skip(type, depth + 1);
  }
  size_t Left() const { return static_cast<size_t>(end_ - at_); }
  bool Bad() { return ok_ = false; }
  void Truncated() {
    truncated_ = truncated_ || ok_;
    ok_ = false;
  }
  uint8_t Byte() {
    if (at_ == end_) Truncated();
    return ok_ ? static_cast<uint8_t>(*at_++) : uint8_t{0};
  }
  uint64_t Varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const uint8_t byte = Byte();
      if (!ok_) return 0;
      value |= uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80) return value;
    }
    Bad();
    return 0;
  }
  int64_t ZigZag() {
    const uint64_t v = Varint();
    return static_cast<int64_t>(v >> 1) ^ -static_cast<int64_t>(v & 1);
  }

  const char* begin_;
  const char* at_;
  const char* end_;
  bool ok_ = true;
  bool truncated_ = false;
};

}  // namespace clary::data::internal
