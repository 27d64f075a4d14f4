#include "clary/predictor.h"

#include "base/strings.h"
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

}  // namespace clary
