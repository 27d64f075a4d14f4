#include "server/documents.h"

#include <zlib.h>

#include <bit>
#include <cmath>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/clock.h"
#include "base/strings.h"
#include "server/internal/query.h"

namespace clary::server {
namespace {

using nlohmann::json;

constexpr size_t kMaxFormDepth = 16;

// A form's parameters as a tree, before lists are told from structures.
struct Node {
  std::optional<std::string> value;
  std::map<std::string, Node, std::less<>> members;
  std::map<uint64_t, Node> items;  // of "member.<n>"; clients send them in any order
};

std::unexpected<Error> BadForm(std::string_view name, std::string_view what) {
  return Fail(Code::kInvalidArgument, "ValidationError",
              "The parameter '" + std::string(name) + "' " + std::string(what));
}

Status AddParameter(Node& root, const std::string& name, const std::string& value) {
  Node* at = &root;
  const auto parts = Split(name, '.');
  if (parts.size() > kMaxFormDepth) return BadForm(name, "is nested too deeply");
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].empty()) return BadForm(name, "has an empty part");
    if (parts[i] != "member" || i + 1 == parts.size()) {
      at = &at->members[std::string(parts[i])];
      continue;
    }
    const auto index = ParseUint(parts[++i]);
    if (!index || *index < 1) return BadForm(name, "needs a number from 1 after 'member.'");
    at = &at->items[*index];
  }
  if (at->value) return BadForm(name, "is given twice");
  if (!IsUtf8(name) || !IsUtf8(value) || value.contains('\0')) {
    return BadForm(name, "is not text: it must be UTF-8, without U+0000");
  }
  at->value = value;
  return {};
}

Result<json> ToJson(const Node& node, const std::string& name) {
  const int kinds =
      int{node.value.has_value()} + int{!node.members.empty()} + int{!node.items.empty()};
  if (kinds > 1) return BadForm(name, "is a value and has members at once");
  if (node.value) return json(*node.value);
  json out = node.items.empty() ? json::object() : json::array();
  for (const auto& [index, item] : node.items) {
    if (index != out.size() + 1) {
      return BadForm(name, "has no member " + std::to_string(out.size() + 1));
    }
    CLARY_TRY(json value, ToJson(item, name));
    out.push_back(std::move(value));
  }
  for (const auto& [key, member] : node.members) {
    CLARY_TRY(out[key], ToJson(member, name.empty() ? key : name + "." + key));
  }
  return out;
}

}  // namespace

Result<json> FormToJson(const net::Query& form) {
  Node root;
  for (const auto& [name, value] : form) CLARY_CHECK_OK(AddParameter(root, name, value));
  return ToJson(root, "");
}

Result<std::string> Gunzip(std::string_view bytes, size_t max) {
  z_stream z{};
  if (::inflateInit2(&z, 15 + 16) != Z_OK) return Fail(Code::kInternal, "Zlib", "inflateInit");
  const std::unique_ptr<z_stream, decltype(&::inflateEnd)> guard(&z, ::inflateEnd);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  int rc = Z_OK;
  while (rc == Z_OK) {
    char buffer[16384];
    z.next_out = reinterpret_cast<Bytef*>(buffer);
    z.avail_out = sizeof buffer;
    rc = ::inflate(&z, Z_NO_FLUSH);
    out.append(buffer, sizeof buffer - z.avail_out);
    if (out.size() > max) {
      return Fail(
          Code::kResourceExhausted, "RequestEntityTooLarge",
          "the request is larger than " + std::to_string(max) + " bytes once it is decompressed");
    }
  }
  if (rc != Z_STREAM_END || z.avail_in != 0) {
    return Fail(Code::kInvalidArgument, "SerializationException",
                "the request body is not what its Content-Encoding gzip says");
  }
  return out;
}

namespace {

bool IsTime(std::string_view name) {
  return name.starts_with("Timestamp") || name.ends_with("Timestamp");
}

std::string Number(const json& value) { return value.dump(); }

void AppendXml(std::string& out, std::string_view name, const json& value, bool time) {
  std::string inner;
  if (value.is_object()) {
    for (const auto& [key, member] : value.items()) AppendXml(inner, key, member, IsTime(key));
  } else if (value.is_array()) {
    for (const json& member : value) AppendXml(inner, "member", member, time);
  } else if (time && value.is_number()) {
    inner = FormatIso8601(FromMillis(std::llround(value.get<double>() * 1000.0)));
  } else if (value.is_string()) {
    inner = XmlEscape(value.get_ref<const std::string&>());
  } else if (value.is_number() || value.is_boolean()) {
    inner = Number(value);
  }
  out += XmlWrap(name, inner);
}

void AppendHead(std::string& out, int major, uint64_t n) {
  const auto type = static_cast<unsigned>(major) << 5;
  int bytes = 8;
  unsigned info = 27;
  if (n < 24) {
    bytes = 0;
    info = static_cast<unsigned>(n);
  } else if (n <= 0xFF) {
    bytes = 1;
    info = 24;
  } else if (n <= 0xFFFF) {
    bytes = 2;
    info = 25;
  } else if (n <= 0xFFFF'FFFF) {
    bytes = 4;
    info = 26;
  }
  out += static_cast<char>(type | info);
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>((n >> (8 * i)) & 0xFF);
}

void AppendCbor(std::string& out, const json& value, bool time) {
  if (value.is_object()) {
    AppendHead(out, 5, value.size());
    for (const auto& [key, member] : value.items()) {
      AppendCbor(out, key, false);
      AppendCbor(out, member, IsTime(key));
    }
  } else if (value.is_array()) {
    AppendHead(out, 4, value.size());
    for (const json& member : value) AppendCbor(out, member, time);
  } else if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    AppendHead(out, 3, text.size());
    out += text;
  } else if (value.is_boolean()) {
    out += value.get<bool>() ? '\xF5' : '\xF4';
  } else if (value.is_number_float() || (time && value.is_number())) {
    if (time) out += '\xC1';  // epoch time
    out += '\xFB';
    const auto bits = std::bit_cast<uint64_t>(value.get<double>());
    for (int i = 7; i >= 0; --i) out += static_cast<char>((bits >> (8 * i)) & 0xFF);
  } else if (value.is_number_integer()) {
    const auto n = value.get<int64_t>();
    n >= 0 ? AppendHead(out, 0, static_cast<uint64_t>(n))
           : AppendHead(out, 1, static_cast<uint64_t>(-1 - n));
  } else {
    out += '\xF6';
  }
}

}  // namespace

std::string JsonToXml(const json& document) {
  std::string out;
  for (const auto& [key, member] : document.items()) AppendXml(out, key, member, IsTime(key));
  return out;
}

namespace {

// CBOR as far as documents need it: no byte strings and no texts in pieces. Depth is bounded, since
// the bytes are foreign.
class CborReader {
 public:
  explicit CborReader(std::string_view bytes) : rest_(bytes) {}
  bool done() const { return rest_.empty(); }

  std::optional<json> Value(int depth = 0) {
    const auto head = Head();
    if (!head || depth > 16) return std::nullopt;
    switch (head->major) {
      case 0:
        return json(head->n);
      case 1:
        if (head->n > INT64_MAX) return std::nullopt;
        return json(-1 - static_cast<int64_t>(head->n));
      case 3: {
        auto text = Text(*head);
        if (!text) return std::nullopt;
        return json(*std::move(text));
      }
      case 4:
      case 5:
        return Container(*head, depth);
      case 6:  // a tag says nothing that the member's name does not
        return Value(depth + 1);
      case 7:
        return Simple(*head);
      default:
        return std::nullopt;
    }
  }

 private:
  struct Item {
    int major = 0;
    int info = 0;
    uint64_t n = 0;
  };
  static constexpr int kIndefinite = 31;

  std::optional<Item> Head() {
    if (rest_.empty()) return std::nullopt;
    const auto first = static_cast<unsigned char>(rest_[0]);
    rest_.remove_prefix(1);
    Item item{.major = first >> 5, .info = first & 31};
    if (item.info < 24) {
      item.n = static_cast<uint64_t>(item.info);
    } else if (item.info <= 27) {
      const size_t bytes = size_t{1} << (item.info - 24);
      if (rest_.size() < bytes) return std::nullopt;
      for (size_t i = 0; i < bytes; ++i) {
        item.n = (item.n << 8) | static_cast<unsigned char>(rest_[i]);
      }
      rest_.remove_prefix(bytes);
    } else if (item.info != kIndefinite) {
      return std::nullopt;
    }
    return item;
  }

  std::optional<std::string> Text(const Item& head) {
    if (head.info == kIndefinite || head.n > rest_.size()) return std::nullopt;
    std::string text(rest_.substr(0, head.n));
    rest_.remove_prefix(head.n);
    if (!IsUtf8(text) || text.contains('\0')) return std::nullopt;
    return text;
  }

  bool AtBreak() {
    if (!rest_.starts_with('\xFF')) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::optional<json> Container(const Item& head, int depth) {
    const bool map = head.major == 5;
    json out = map ? json::object() : json::array();
    for (uint64_t i = 0;; ++i) {
      if (head.info == kIndefinite ? AtBreak() : i == head.n) return out;
      std::string key;
      if (map) {
        const auto key_head = Head();
        auto text = key_head && key_head->major == 3 ? Text(*key_head) : std::nullopt;
        if (!text) return std::nullopt;
        key = *std::move(text);
      }
      auto value = Value(depth + 1);
      if (!value) return std::nullopt;
      if (map) {
        if (!out.emplace(std::move(key), *std::move(value)).second) return std::nullopt;
      } else {
        out.push_back(*std::move(value));
      }
    }
  }

  // IEEE 754 binary16 (RFC 8949, appendix D).
  static double HalfFloat(uint16_t bits) {
    const int exponent = (bits >> 10) & 0x1F;
    const int mantissa = bits & 0x3FF;
    double value = 0;
    if (exponent == 0) {
      value = std::ldexp(mantissa, -24);
    } else if (exponent < 31) {
      value = std::ldexp(mantissa + 1024, exponent - 25);
    } else {
      value = mantissa == 0 ? HUGE_VAL : std::nan("");
    }
    return (bits & 0x8000) != 0 ? -value : value;
  }

  static std::optional<json> Simple(const Item& head) {
    switch (head.info) {
      case 20:
        return json(false);
      case 21:
        return json(true);
      case 22:
      case 23:
        return json(nullptr);
      case 25:
        return json(HalfFloat(static_cast<uint16_t>(head.n)));
      case 26:
        return json(static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(head.n))));
      case 27:
        return json(std::bit_cast<double>(head.n));
      default:
        return std::nullopt;
    }
  }

  std::string_view rest_;
};

}  // namespace

Result<json> CborToJson(std::string_view bytes) {
  if (bytes.empty()) return json::object();
  CborReader reader(bytes);
  auto document = reader.Value();
  if (!document || !document->is_object() || !reader.done()) {
    return Fail(
        Code::kInvalidArgument, "SerializationException",
        "the request body is not a CBOR map of plain values and texts in UTF-8, each name once");
  }
  return *std::move(document);
}

std::string JsonToCbor(const json& document) {
  std::string out;
  AppendCbor(out, document, false);
  return out;
}

}  // namespace clary::server
