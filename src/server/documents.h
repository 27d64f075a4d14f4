// The forms that the same document takes in the protocols of AWS: Query's forms and XML, CBOR,
// gzip.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/error.h"
#include "net/http.h"

namespace clary::server {

// "A.member.1.B=x" -> {"A": [{"B": "x"}]}; all values are texts. Parameters may come in any order.
// kInvalidArgument "ValidationError" for one that is given twice, for a list with a gap, and for
// names that do not fit together.
Result<nlohmann::json> FormToJson(const net::Query& form);

// Members whose name begins or ends with "Timestamp" are times, epoch seconds here.
std::string JsonToXml(const nlohmann::json& document);

// kInvalidArgument "SerializationException".
Result<nlohmann::json> CborToJson(std::string_view bytes);
std::string JsonToCbor(const nlohmann::json& document);

// kInvalidArgument "SerializationException"; kResourceExhausted "RequestEntityTooLarge" beyond
// `max`.
Result<std::string> Gunzip(std::string_view bytes, size_t max);

}  // namespace clary::server
