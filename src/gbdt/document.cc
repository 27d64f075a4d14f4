#include "gbdt/internal/document.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

namespace clary::gbdt {

std::unexpected<Error> BadModel(std::string message) {
  return Fail(Code::kDataLoss, "BadModel", "not a model file of XGBoost: " + std::move(message));
}

const Value* Value::Find(std::string_view key) const {
  for (const Member& m : members) {
    if (m.key == key) return &m.value;
  }
  return nullptr;
}

namespace {

constexpr int kMaxDepth = 64;                   // of nested documents
constexpr double kMaxExact = 9007199254740992;  // 2^53: from here on doubles skip integers

class JsonReader {
 public:
  explicit JsonReader(std::string_view text)
      : begin_(text.data()), p_(begin_), end_(p_ + text.size()) {}

  Result<Value> Read() {
    Value v;
    CLARY_CHECK_OK(ReadValue(v, 0));
    SkipBlanks();
    if (p_ != end_) return Bad("something after the end of the document");
    return v;
  }

 private:
  std::unexpected<Error> Bad(std::string_view what) const {
    return BadModel(std::string(what) + " at byte " + std::to_string(p_ - begin_));
  }
  void SkipBlanks() {
    while (p_ != end_ && (*p_ == ' ' || *p_ == '\n' || *p_ == '\r' || *p_ == '\t')) ++p_;
  }
  bool Take(char c) {
    SkipBlanks();
    if (p_ == end_ || *p_ != c) return false;
    ++p_;
    return true;
  }
  bool TakeWord(std::string_view word) {
    if (static_cast<size_t>(end_ - p_) < word.size() || std::string_view(p_, word.size()) != word) {
      return false;
    }
    p_ += word.size();
    return true;
  }

  Status ReadString(std::string& out) {
    if (!Take('"')) return Bad("no string where one is needed");
    for (; p_ != end_ && *p_ != '"'; ++p_) {
      if (*p_ != '\\') {
        out += *p_;
        continue;
      }
      if (++p_ == end_) break;
      switch (*p_) {
        case 'n':
          out += '\n';
          break;
        case 'r':
          out += '\r';
          break;
        case 't':
          out += '\t';
          break;
        case 'b':
          out += '\b';
          break;
        case 'f':
          out += '\f';
          break;
        case 'u':  // XGBoost keeps it as it is
          out += "\\u";
          break;
        default:
          out += *p_;
      }
    }
    if (p_ == end_) return Bad("a string without an end");
    ++p_;
    return {};
  }

  // A number, a boolean or one of the words for special values; false if there is none.
  // `exact` is given an integer that no double may hold.
  bool ReadNumber(double& out, std::optional<int64_t>& exact) {
    if (TakeWord("true")) return out = 1, true;
    if (TakeWord("false")) return out = 0, true;
    if (TakeWord("NaN")) return out = std::numeric_limits<double>::quiet_NaN(), true;
    if (TakeWord("Infinity")) return out = std::numeric_limits<double>::infinity(), true;
    if (TakeWord("-Infinity")) return out = -std::numeric_limits<double>::infinity(), true;
    if (p_ != end_ && *p_ != '-' && (*p_ < '0' || *p_ > '9')) return false;
    const auto [next, ec] = std::from_chars(p_, end_, out);
    if (ec == std::errc::invalid_argument) return false;
    if (std::fabs(out) >= kMaxExact) {
      int64_t whole = 0;
      const auto [end, problem] = std::from_chars(p_, next, whole);
      if (problem == std::errc() && end == next) exact = whole;
    }
    p_ = next;
    return true;
  }

  Status ReadArray(Value& v, int depth) {
    v.kind = Value::Kind::kNumbers;  // an empty one, too
    if (Take(']')) return {};
    for (;;) {
      SkipBlanks();
      double number;
      std::optional<int64_t> exact;
      if (v.items.empty() && ReadNumber(number, exact)) {
        if (exact) v.exact.emplace_back(v.numbers.size(), *exact);
        v.numbers.push_back(number);
      } else {
        if (!v.numbers.empty()) return Bad("an array of several types");
        v.kind = Value::Kind::kArray;
        CLARY_CHECK_OK(ReadValue(v.items.emplace_back(), depth));
      }
      if (Take(']')) return {};
      if (!Take(',')) return Bad("no ',' or ']' in an array");
    }
  }

  Status ReadValue(Value& v, int depth) {
    if (depth > kMaxDepth) return Bad("too many levels");
    SkipBlanks();
    if (p_ == end_) return Bad("no value");
    if (*p_ == '"') {
      v.kind = Value::Kind::kString;
      return ReadString(v.text);
    }
    if (Take('[')) return ReadArray(v, depth + 1);
    if (!Take('{')) {
      if (TakeWord("null")) return {};
      v.kind = Value::Kind::kNumber;
      std::optional<int64_t> exact;
      if (!ReadNumber(v.number, exact)) return Bad("no value");
      return {};
    }
    v.kind = Value::Kind::kObject;
    if (Take('}')) return {};
    for (;;) {
      auto& [key, value] = v.members.emplace_back();
      CLARY_CHECK_OK(ReadString(key));
      if (!Take(':')) return Bad("no ':' after a key");
      CLARY_CHECK_OK(ReadValue(value, depth + 1));
      if (Take('}')) return {};
      if (!Take(',')) return Bad("no ',' or '}' in an object");
    }
  }

  const char* const begin_;
  const char* p_;
  const char* const end_;
};

class UbjsonReader {
 public:
  explicit UbjsonReader(std::string_view bytes) : bytes_(bytes) {}

  Result<Value> Read() {
    Value v;
    CLARY_TRY(const char type, Byte());
    CLARY_CHECK_OK(ReadValue(type, v, 0));
    return v;
  }

 private:
  std::unexpected<Error> Bad(std::string_view what) const {
    return BadModel(std::string(what) + " at byte " + std::to_string(at_));
  }
  Result<char> Byte() {
    if (at_ == bytes_.size()) return Bad("the file ends too early");
    return bytes_[at_++];
  }

  static size_t Width(char type) {
    switch (type) {
      case 'i':
      case 'U':
        return 1;
      case 'I':
        return 2;
      case 'l':
      case 'd':
        return 4;
      case 'L':
      case 'D':
        return 8;
      default:
        return 0;
    }
  }
  template <typename U>
  U BigEndian(const char* p) const {
    U v = 0;
    for (size_t i = 0; i < sizeof(U); ++i) {
      v = static_cast<U>((uint64_t{v} << 8) | static_cast<unsigned char>(p[i]));
    }
    return v;
  }
  // The number of the type at `p`, which has Width(type) bytes.
  double Number(char type, const char* p) const {
    switch (type) {
      case 'i':
        return static_cast<int8_t>(*p);
      case 'U':
        return static_cast<uint8_t>(*p);
      case 'I':
        return static_cast<int16_t>(BigEndian<uint16_t>(p));
      case 'l':
        return static_cast<int32_t>(BigEndian<uint32_t>(p));
      case 'L':
        return static_cast<double>(static_cast<int64_t>(BigEndian<uint64_t>(p)));
      case 'd':
        return static_cast<double>(std::bit_cast<float>(BigEndian<uint32_t>(p)));
      default:
        return std::bit_cast<double>(BigEndian<uint64_t>(p));
    }
  }

  void Append(char type, const char* p, Value& array) const {
    const double number = Number(type, p);
    if (type == 'L' && std::fabs(number) >= kMaxExact) {
      array.exact.emplace_back(array.numbers.size(), static_cast<int64_t>(BigEndian<uint64_t>(p)));
    }
    array.numbers.push_back(number);
  }

  Result<size_t> Length() {
    CLARY_TRY(const char type, Byte());
    const size_t width = Width(type);
    if (width == 0 || type == 'd' || type == 'D') return Bad("no length");
    if (bytes_.size() - at_ < width) return Bad("the file ends too early");
    const double n = Number(type, bytes_.data() + at_);
    at_ += width;
    if (n < 0 || n > static_cast<double>(bytes_.size())) return Bad("an impossible length");
    return static_cast<size_t>(n);
  }
  Status ReadText(std::string& out) {
    CLARY_TRY(const size_t n, Length());
    if (bytes_.size() - at_ < n) return Bad("the file ends too early");
    out.assign(bytes_, at_, n);
    at_ += n;
    return {};
  }

  Status ReadArray(Value& v, int depth) {
    v.kind = Value::Kind::kNumbers;
    char type = 0;
    bool counted = false;
    size_t count = 0;
    if (at_ < bytes_.size() && bytes_[at_] == '$') {
      ++at_;
      CLARY_TRY(type, Byte());
    }
    if (at_ < bytes_.size() && bytes_[at_] == '#') {
      ++at_;
      CLARY_TRY(count, Length());
      counted = true;
    }
    if (type != 0) {
      const size_t width = Width(type);
      if (width == 0 || !counted) return Bad("an array of an unknown type");
      if ((bytes_.size() - at_) / width < count) return Bad("the file ends too early");
      v.numbers.reserve(count);
      for (size_t i = 0; i < count; ++i, at_ += width) {
        Append(type, bytes_.data() + at_, v);
      }
      return {};
    }
    for (size_t i = 0; !counted || i < count; ++i) {
      CLARY_TRY(const char item, Byte());
      if (!counted && item == ']') break;
      if (const size_t width = Width(item); width != 0 && v.items.empty()) {
        if (bytes_.size() - at_ < width) return Bad("the file ends too early");
        Append(item, bytes_.data() + at_, v);
        at_ += width;
        continue;
      }
      Value value;
      CLARY_CHECK_OK(ReadValue(item, value, depth));
      if (value.kind == Value::Kind::kNumber && v.items.empty()) {  // a boolean
        v.numbers.push_back(value.number);
      } else {
        if (!v.numbers.empty()) return Bad("an array of several types");
        v.kind = Value::Kind::kArray;
        v.items.push_back(std::move(value));
      }
    }
    return {};
  }

  Status ReadValue(char type, Value& v, int depth) {
    if (depth > kMaxDepth) return Bad("too many levels");
    switch (type) {
      case 'Z':
      case 'N':
        return {};
      case 'T':
      case 'F':
        v.kind = Value::Kind::kNumber;
        v.number = type == 'T' ? 1 : 0;
        return {};
      case 'S':
        v.kind = Value::Kind::kString;
        return ReadText(v.text);
      case '[':
        return ReadArray(v, depth + 1);
      case '{':
        break;
      default: {
        const size_t width = Width(type);
        if (width == 0) return Bad("an unknown type");
        if (bytes_.size() - at_ < width) return Bad("the file ends too early");
        v.kind = Value::Kind::kNumber;
        v.number = Number(type, bytes_.data() + at_);
        at_ += width;
        return {};
      }
    }
    v.kind = Value::Kind::kObject;
    for (;;) {
      if (at_ < bytes_.size() && bytes_[at_] == '}') {
        ++at_;
        return {};
      }
      auto& [key, value] = v.members.emplace_back();
      CLARY_CHECK_OK(ReadText(key));
      CLARY_TRY(const char item, Byte());
      CLARY_CHECK_OK(ReadValue(item, value, depth + 1));
    }
  }

  std::string_view bytes_;
  size_t at_ = 0;
};

}  // namespace

Result<Value> ReadJson(std::string_view text) { return JsonReader(text).Read(); }
Result<Value> ReadUbjson(std::string_view bytes) { return UbjsonReader(bytes).Read(); }

}  // namespace clary::gbdt
