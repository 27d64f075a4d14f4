// The AWS Query protocol: form parameters in, XML out. Shared by the fronts that speak it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "net/http.h"

namespace clary::server {

// "<name>escaped text</name>"
std::string XmlElement(std::string_view name, std::string_view text);

// "<name>inner</name>", `inner` being XML already.
std::string XmlWrap(std::string_view name, std::string_view inner);

// The values of name.member.1, name.member.2, ... without a gap.
std::vector<std::string> ListParam(const net::Query& form, std::string_view name);

// A parameter that must be there and not empty; kInvalidArgument "ValidationError".
Result<std::string> RequiredParam(const net::Query& form, std::string_view name);

// An optional integer in [low, high]; kInvalidArgument "ValidationError".
Result<int64_t> IntParam(const net::Query& form, std::string_view name, int64_t fallback,
                         int64_t low, int64_t high);

}  // namespace clary::server
