// Pages and filters that the List operations share.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/error.h"

namespace clary::control {

inline constexpr size_t kDefaultPage = 10;

// MaxResults, or `fallback`.
size_t PageSize(const nlohmann::json& input, size_t fallback);

// The NextToken of `operation` for the question that `input` asks: it says behind which item the
// next page begins.
std::string MakeToken(std::string_view operation, const nlohmann::json& input,
                      const nlohmann::json& position);
// The position of the request's token, a list of `length` members; null without a token.
// "ValidationException".
Result<nlohmann::json> ReadToken(std::string_view operation, const nlohmann::json& input,
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
