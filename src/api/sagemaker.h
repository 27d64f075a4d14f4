// The SageMaker API's requests: which operations this release serves, and the checks that every
// request passes. Shapes are a table of their own (api/shapes.h), and so is what becomes of each
// member (api/members.h).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace clary::api {

struct MemberTable;

// What this release does with the requests of SageMaker's API.
const MemberTable& SageMakerMembers();

// True for operations that this release serves. Shapes are known of more.
bool IsOperation(std::string_view operation);

// The request document: an object whose members all have the types of the operation's input shape,
// without those that are null. An empty body is an empty object. Errors are those of ParseDocument
// and Conform (api/shapes.h), and kInvalidArgument "UnknownOperationException".
Result<nlohmann::json> Decode(std::string_view operation, std::string_view body);

// Required members, lengths, ranges, patterns and enums of a decoded document: kInvalidArgument
// "ValidationException" with all violations in one message. Then members that ask for what this
// release refuses: the same with the first.
Status Validate(std::string_view operation, const nlohmann::json& input);

// What a valid request asks for and does not get on a machine of one's own (encryption with KMS
// keys, a VPC, ...), one line each, for the log of the job that it makes. None for an operation
// that is not served.
std::vector<std::string> Notices(std::string_view operation, const nlohmann::json& input);

}  // namespace clary::api
