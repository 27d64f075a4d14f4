#include "toolkit/internal/python_value.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>

#include "base/float_text.h"
#include "base/strings.h"

namespace clary::toolkit {
namespace {

constexpr int kMaxDepth = 200;  // of brackets; Python's limit is near 1000

// repr() of a text: in single quotes, or double ones if only those need no escape.
std::string TextRepr(const std::string& text) {
  const bool single = text.find('\'') == std::string::npos || text.find('"') != std::string::npos;
  const char quote = single ? '\'' : '"';
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote || c == '\\') {
      out += {'\\', c};
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      constexpr char kHex[] = "0123456789abcdef";
      out += {'\\', 'x', kHex[c >> 4], kHex[c & 15]};
    } else {
      out += c;
    }
  }
  return out + quote;
}

std::string Repr(const Value& value) {
  if (value.is_string()) return TextRepr(value.get_ref<const std::string&>());
  if (value.is_array()) {
    std::string out;
    for (const Value& item : value) out += (out.empty() ? "" : ", ") + Repr(item);
    return "[" + out + "]";
  }
  if (value.is_object()) {
    std::string out;
    for (const auto& [key, item] : value.items()) {
      out += (out.empty() ? "" : ", ") + TextRepr(key) + ": " + Repr(item);
    }
    return "{" + out + "}";
  }
  if (value.is_null()) return "None";
  return PythonStr(value);
}

void Write(const Value& value, bool indent, int depth, std::string& out) {
  const auto line = [&](int level) {
    if (indent) out += "\n" + std::string(static_cast<size_t>(level) * 4, ' ');
  };
  if (value.is_array()) {
    out += '[';
    for (size_t i = 0; i < value.size(); ++i) {
      if (i > 0) out += ',';
      line(depth + 1);
      Write(value[i], indent, depth + 1, out);
    }
    if (!value.empty()) line(depth);
    out += ']';
  } else if (value.is_object()) {
    std::map<std::string, const Value*> sorted;
    for (const auto& [key, item] : value.items()) sorted[key] = &item;
    out += '{';
    bool first = true;
    for (const auto& [key, item] : sorted) {
      if (!first) out += ',';
      first = false;
      line(depth + 1);
      out += Value(key).dump(-1, ' ', true, Value::error_handler_t::replace);
      out += indent ? ": " : ":";
      Write(*item, indent, depth + 1, out);
    }
    if (!sorted.empty()) line(depth);
    out += '}';
  } else if (value.is_number_float()) {
    const double d = value.get<double>();
    if (std::isfinite(d)) {
      AppendFloat(out, d);
    } else {
      out += std::isnan(d) ? "NaN" : d < 0 ? "-Infinity" : "Infinity";
    }
  } else {
    out += value.dump(-1, ' ', true, Value::error_handler_t::replace);
  }
}

// Whether `text` is an integer that 64 bits do not hold: its digits would be lost in a double.
bool IsHugeInteger(std::string_view text, const Value& value) {
  return value.is_number_float() && text.find_first_of(".eE") == std::string_view::npos;
}

}  // namespace

Value ParseJson(std::string_view text) {
  bool deep = false;
  const auto watch = [&](int depth, Value::parse_event_t, Value&) {
    deep = deep || depth > kMaxDepth;
    return true;
  };
  Value value = Value::parse(text, watch, false);
  return deep ? Value(Value::value_t::discarded) : value;
}

Value DecodeOrText(std::string_view text) {
  const std::string_view bare = Trim(text);
  if (bare == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (bare == "Infinity") return std::numeric_limits<double>::infinity();
  if (bare == "-Infinity") return -std::numeric_limits<double>::infinity();
  Value value = ParseJson(text);
  if (value.is_discarded() || IsHugeInteger(bare, value)) return std::string(text);
  return value;
}

std::string PythonStr(const Value& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "True" : "False";
  if (value.is_number_float()) {
    std::string text;
    AppendFloat(text, value.get<double>());
    return text;
  }
  if (value.is_number()) return value.dump();
  return Repr(value);
}

std::string PythonJson(const Value& value, bool indent) {
  std::string out;
  Write(value, indent, 0, out);
  return out;
}

}  // namespace clary::toolkit
