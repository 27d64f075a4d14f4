// Pages and filters that the List operations share.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/error.h"

namespace clary::control {

inline constexpr size_t kDefaultPage = 10;

// MaxResults, or `fallback`.
size_t PageSize(const nlohmann::json& input, size_t fallback);

// A NextToken says behind which item the next page begins, and for which order it is good.
std::string MakeToken(const nlohmann::json& content);
// The token's list of `length` members, whose first is `order`; null without a token.
// "ValidationException".
Result<nlohmann::json> ReadToken(const nlohmann::json& input, const std::string& order,
                                 size_t length);

// The conditions that List operations share.
class ListFilter {
 public:
  explicit ListFilter(const nlohmann::json& input);
  bool operator()(const std::string& name, const std::string& status, int64_t created_ms,
                  int64_t modified_ms) const;

 private:
  std::string contains_, status_;
  int64_t after_, before_, modified_after_, modified_before_;
};

}  // namespace clary::control
