#include "api/sagemaker.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/shapes.h"

namespace clary::api {
namespace {

using nlohmann::json;

// The operations that control answers.
constexpr std::string_view kServed[] = {"AddTags",
                                        "CreateTrainingJob",
                                        "DeleteTags",
                                        "DeleteTrainingJob",
                                        "DescribeTrainingJob",
                                        "DescribeProcessingJob",
                                        "ListProcessingJobs",
                                        "ListTags",
                                        "ListTrainingJobs",
                                        "Search",
                                        "StopProcessingJob",
                                        "StopTrainingJob",
                                        "UpdateTrainingJob"};

Result<const Shape*> InputOf(std::string_view operation) {
  const Operation* known = FindOperation(SageMakerOperations(), operation);
  if (known != nullptr && IsOperation(operation)) return known->input;
  return Fail(
      Code::kInvalidArgument, "UnknownOperationException",
      "The requested operation '" + std::string(operation) + "' is not supported by this service.");
}

}  // namespace

bool IsOperation(std::string_view operation) {
  return std::ranges::find(kServed, operation) != std::end(kServed);
}

Result<json> Decode(std::string_view operation, std::string_view body) {
  CLARY_TRY(const Shape* shape, InputOf(operation));
  CLARY_TRY(json value, ParseDocument(body));
  CLARY_CHECK_OK(Conform(value, *shape));
  return value;
}

Status Validate(std::string_view operation, const json& input) {
  CLARY_TRY(const Shape* shape, InputOf(operation));
  return CheckValues(input, *shape);
}

}  // namespace clary::api
