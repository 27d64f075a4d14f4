// JSON that users give.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/nesting.h"
#include "base/quote.h"

namespace clary::clarify {

// kInvalidArgument "BadJson" with the place; so is one that nests more than 100 deep, which nothing
// that is meant does.
inline Result<nlohmann::json> ParseJson(std::string_view text) {
  constexpr int kMaxDepth = 100;
  if (NestsDeeper(text, kMaxDepth)) {
    return Fail(Code::kInvalidArgument, "BadJson", "it nests too deep");
  }
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::exception& e) {
    return Fail(Code::kInvalidArgument, "BadJson", Printable(e.what(), 300));
  }
}

}  // namespace clary::clarify
