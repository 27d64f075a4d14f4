#include "api/tags.h"

#include <set>

#include "base/strings.h"

namespace clary::api {

std::string TagFault(std::span<const std::string> keys, bool fold_case) {
  std::set<std::string> seen;
  for (const std::string& key : keys) {
    const std::string lower = ToLower(key);
    if (lower.starts_with("aws:")) {
      return "aws: prefixed tag key names are not allowed for external use.";
    }
    if (!seen.insert(fold_case ? lower : key).second) {
      return "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
    }
  }
  return "";
}

}  // namespace clary::api
