// The SageMaker API's input shapes as tables, and the two checks that every request passes: Decode
// (is it a document of this shape?) and Validate (are its values allowed?). Texts as AWS's own.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "base/error.h"

namespace clary::api {

constexpr size_t kMaxRequestBytes = 4 << 20;
constexpr int kMaxRequestDepth = 32;

// True for operations that this release has a shape for.
bool IsOperation(std::string_view operation);

// The request document: an object whose members all have the types of the operation's input shape.
// Members that are null or that the shape does not have are dropped, as AWS does. An empty body is
// an empty object. kInvalidArgument "SerializationException", naming the member; also when the body
// is larger or deeper than the limits above. kInvalidArgument "UnknownOperationException".
Result<nlohmann::json> Decode(std::string_view operation, std::string_view body);

// Required members, lengths, ranges, patterns and enums of a decoded document. kInvalidArgument
// "ValidationException" with all violations in one message.
Status Validate(std::string_view operation, const nlohmann::json& input);

}  // namespace clary::api
