// The SageMaker API's requests: which operations this release serves, and the two checks that every
// request passes. Shapes are a table of their own (api/shapes.h).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "base/error.h"

namespace clary::api {

// True for operations that this release serves. Shapes are known of more.
bool IsOperation(std::string_view operation);

// The request document: an object whose members all have the types of the operation's input shape,
// without those that are null. An empty body is an empty object. Errors are those of ParseDocument
// and Conform (api/shapes.h), and kInvalidArgument "UnknownOperationException".
Result<nlohmann::json> Decode(std::string_view operation, std::string_view body);

// Required members, lengths, ranges, patterns and enums of a decoded document. kInvalidArgument
// "ValidationException" with all violations in one message.
Status Validate(std::string_view operation, const nlohmann::json& input);

}  // namespace clary::api
