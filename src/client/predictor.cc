#include "clary/predictor.h"

#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "client/internal/answer.h"
#include "client/internal/aws_client.h"
#include "client/internal/session_impl.h"

namespace clary {

Result<Prediction> Predictor::predict(const std::string& data,
                                      const PredictOptions& options) const {
  std::vector<std::pair<std::string, std::string>> headers;
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) headers.emplace_back(name, value);
  };
  add("content-type", options.content_type);
  add("accept", options.accept);
  add("x-amzn-sagemaker-target-variant", options.target_variant);
  add("x-amzn-sagemaker-inference-id", options.inference_id);
  add("x-amzn-sagemaker-custom-attributes", options.custom_attributes);
  CLARY_TRY(auto answer,
            session_.impl().aws.Post(Service::kRuntime,
                                     "/endpoints/" + UriEncode(endpoint_name_) + "/invocations",
                                     std::move(headers), data));
  return Prediction{
      .body = std::move(answer.body),
      .content_type = std::string(answer.headers.Get("content-type")),
      .production_variant = std::string(answer.headers.Get("x-amzn-invoked-production-variant")),
      .custom_attributes = std::string(answer.headers.Get("x-amzn-sagemaker-custom-attributes"))};
}

Status Predictor::delete_endpoint(bool delete_endpoint_config) const {
  auto& aws = session_.impl().aws;
  CLARY_TRY(const auto endpoint,
            aws.Json(Service::kSageMaker, "DescribeEndpoint", {{"EndpointName", endpoint_name_}}));
  CLARY_CHECK_OK(
      aws.Json(Service::kSageMaker, "DeleteEndpoint", {{"EndpointName", endpoint_name_}}));
  const std::string config = client::Text(endpoint, "EndpointConfigName");
  if (!delete_endpoint_config || config.empty()) return {};
  const auto deleted =
      aws.Json(Service::kSageMaker, "DeleteEndpointConfig", {{"EndpointConfigName", config}});
  constexpr std::string_view kGone = "Could not find";
  if (!deleted && !deleted.error().message.starts_with(kGone)) {
    return std::unexpected(deleted.error());
  }
  return {};
}

}  // namespace clary
