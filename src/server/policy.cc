#include "server/internal/policy.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>

#include "api/shapes.h"

namespace clary::server {
namespace {

using nlohmann::json;

// One text, or a list of some.
bool AreTexts(const json& value) {
  if (value.is_string()) return !value.get_ref<const std::string&>().empty();
  return value.is_array() && !value.empty() &&
         std::ranges::all_of(value, [](const json& one) { return one.is_string(); });
}

bool IsPrincipal(const json& value) {
  if (value.is_string()) return value == "*";
  constexpr std::string_view kTypes[] = {"AWS", "Service", "Federated", "CanonicalUser"};
  if (!value.is_object() || value.empty()) return false;
  return std::ranges::all_of(value.items(), [&](const auto& item) {
    return std::ranges::find(kTypes, item.key()) != std::end(kTypes) && AreTexts(item.value());
  });
}

std::string StatementFault(const json& statement, PolicyOf kind) {
  if (!statement.is_object()) return "Syntax errors in policy.";
  const auto find = [&](const char* name) -> const json* {
    const auto it = statement.find(name);
    return it == statement.end() ? nullptr : &*it;
  };
  constexpr std::string_view kFields[] = {"Sid",       "Effect",      "Action",
                                          "NotAction", "Principal",   "NotPrincipal",
                                          "Resource",  "NotResource", "Condition"};
  for (const auto& [name, value] : statement.items()) {
    if (std::ranges::find(kFields, name) == std::end(kFields)) return "Syntax errors in policy.";
  }
  const json* effect = find("Effect");
  if (!effect) return "Missing required field Effect";
  if (*effect != "Allow" && *effect != "Deny") return "Invalid effect: it is Allow or Deny";
  const auto one_of = [&](const char* name, const char* opposite, bool wanted,
                          bool (*valid)(const json&)) -> std::string {
    const json* plain = find(name);
    const json* negated = find(opposite);
    if (!wanted && (plain || negated)) return "Has prohibited field " + std::string(name);
    if (!wanted) return "";
    if (!plain && !negated) return "Missing required field " + std::string(name);
    if (plain && negated) return "Syntax errors in policy.";
    return valid(plain ? *plain : *negated) ? "" : "Invalid " + std::string(name) + " in policy";
  };
  std::string fault = one_of("Action", "NotAction", true, AreTexts);
  if (fault.empty()) {
    fault = one_of("Principal", "NotPrincipal", kind != PolicyOf::kSession, IsPrincipal);
  }
  if (fault.empty()) {
    fault = one_of("Resource", "NotResource", kind != PolicyOf::kTrust, AreTexts);
  }
  if (!fault.empty()) return fault;
  if (const json* condition = find("Condition"); condition && !condition->is_object()) {
    return "Syntax errors in policy.";
  }
  if (kind != PolicyOf::kTrust) return "";
  const json* actions = find("Action");
  if (!actions) return "AssumeRole policy may only specify STS AssumeRole actions.";
  const auto sts = [](const json& action) {
    return action.get_ref<const std::string&>().starts_with("sts:");
  };
  const bool all = actions->is_string() ? sts(*actions) : std::ranges::all_of(*actions, sts);
  return all ? "" : "AssumeRole policy may only specify STS AssumeRole actions.";
}

}  // namespace

std::string PolicyFault(const std::string& text, PolicyOf kind) {
  const auto document = api::ParseDocument(text);
  if (!document || !document->is_object()) return "This policy contains invalid Json";
  for (const auto& [name, value] : document->items()) {
    if (name != "Version" && name != "Id" && name != "Statement") {
      return "Syntax errors in policy.";
    }
  }
  const auto version = document->find("Version");
  if (version != document->end() && *version != "2012-10-17" && *version != "2008-10-17") {
    return "The policy must contain a valid version string";
  }
  const auto statements = document->find("Statement");
  if (statements == document->end()) return "Missing required field Statement";
  if (statements->is_object()) return StatementFault(*statements, kind);
  if (!statements->is_array() || statements->empty()) return "Syntax errors in policy.";
  for (const json& statement : *statements) {
    if (std::string fault = StatementFault(statement, kind); !fault.empty()) return fault;
  }
  return "";
}

}  // namespace clary::server
