#include "server/internal/query.h"

#include "base/strings.h"

namespace clary::server {

std::string XmlElement(std::string_view name, std::string_view text) {
  return XmlWrap(name, XmlEscape(text));
}

std::string XmlWrap(std::string_view name, std::string_view inner) {
  std::string out;
  out.reserve(inner.size() + 2 * name.size() + 5);
  out.append("<").append(name).append(">").append(inner);
  out.append("</").append(name).append(">");
  return out;
}

std::vector<std::string> ListParam(const net::Query& form, std::string_view name) {
  std::vector<std::string> values;
  while (true) {
    const auto value =
        net::FindParam(form, std::string(name) + ".member." + std::to_string(values.size() + 1));
    if (!value) return values;
    values.emplace_back(*value);
  }
}

Result<std::string> RequiredParam(const net::Query& form, std::string_view name) {
  const auto value = net::FindParam(form, name);
  if (value && !value->empty()) return std::string(*value);
  std::string member = ToLower(name.substr(0, 1)) + std::string(name.substr(1));
  return Fail(Code::kInvalidArgument, "ValidationError",
              "1 validation error detected: Value null at '" + member +
                  "' failed to satisfy constraint: Member must not be null");
}

Result<int64_t> IntParam(const net::Query& form, std::string_view name, int64_t fallback,
                         int64_t low, int64_t high) {
  const auto text = net::FindParam(form, name);
  if (!text) return fallback;
  const auto value = ParseInt(*text);
  if (value && *value >= low && *value <= high) return *value;
  return Fail(Code::kInvalidArgument, "ValidationError",
              "Value '" + std::string(*text) + "' at '" + std::string(name) +
                  "' must be an integer from " + std::to_string(low) + " to " +
                  std::to_string(high));
}

}  // namespace clary::server
