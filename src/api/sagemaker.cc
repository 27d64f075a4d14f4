#include "api/sagemaker.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/members.h"
#include "api/shapes.h"

namespace clary::api {
namespace {

using nlohmann::json;

Result<const Shape*> InputOf(std::string_view operation) {
  const Operation* known = FindOperation(SageMakerOperations(), operation);
  if (known == nullptr) known = FindOperation(MetricsOperations(), operation);
  if (known != nullptr && IsOperation(operation)) return known->input;
  return Fail(
      Code::kInvalidArgument, "UnknownOperationException",
      "The requested operation '" + std::string(operation) + "' is not supported by this service.");
}

}  // namespace

bool IsOperation(std::string_view operation) {
  const auto served = SageMakerMembers().operations;
  return std::ranges::find(served, operation) != served.end();
}

Result<json> Decode(std::string_view operation, std::string_view body) {
  CLARY_TRY(const Shape* shape, InputOf(operation));
  CLARY_TRY(json value, ParseDocument(body));
  CLARY_CHECK_OK(Conform(value, *shape));
  return value;
}

Status Validate(std::string_view operation, const json& input) {
  CLARY_TRY(const Shape* shape, InputOf(operation));
  CLARY_CHECK_OK(CheckValues(input, *shape));
  return CheckMembers(SageMakerMembers(), *shape, input);
}

std::vector<std::string> Notices(std::string_view operation, const json& input) {
  const auto shape = InputOf(operation);
  if (!shape) return {};
  return NotProvided(SageMakerMembers(), **shape, input);
}

}  // namespace clary::api
