// JSON that users give.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/quote.h"

namespace clary::clarify {

// kInvalidArgument "BadJson" with the place; so is one that nests more than 100 deep, which nothing
// that is meant does.
inline Result<nlohmann::json> ParseJson(std::string_view text) {
  constexpr int kMaxDepth = 100;
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
      continue;
    }
    quoted = c == '"';
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    if (depth > kMaxDepth) {
      return Fail(Code::kInvalidArgument, "BadJson", "it nests too deep");
    }
  }
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::exception& e) {
    return Fail(Code::kInvalidArgument, "BadJson", Printable(e.what(), 300));
  }
}

}  // namespace clary::clarify
