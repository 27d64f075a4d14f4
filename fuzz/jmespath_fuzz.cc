// Any text as a JMESPath expression: what parses finds something in a document, or says why not.
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "clarify/jmespath.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const nlohmann::json kDocument = nlohmann::json::parse(
      R"({"a": [1, 2.5, {"b": "x", "c": [[1], [2, 3]]}], "b": {"c": "text"}, "d": null, "e": true})");
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto path = clary::clarify::Jmespath::Compile(text);
  if (!path) {
    if (path.error().message.empty()) std::abort();
    return 0;
  }
  const auto once = path->Search(kDocument);
  const auto again = path->Search(kDocument);
  if (once.has_value() != again.has_value() || (once && *once != *again)) std::abort();
  return 0;
}
