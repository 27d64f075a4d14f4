// An endpoint that answers: SageMaker's InvokeEndpoint. The words are those of sagemaker.Predictor.
//
//   clary::Predictor predictor(session, "my-endpoint");
//   CLARY_TRY(auto answer, predictor.predict("5.1,3.5,1.4,0.2\n"));
//   std::puts(answer.body.c_str());
#pragma once

#include <string>

#include "clary/error.h"
#include "clary/session.h"

namespace clary {

struct PredictOptions {
  std::string content_type = "text/csv";
  std::string accept = {};             // empty: the model's own
  std::string target_variant = {};     // empty: by the variants' weights
  std::string inference_id = {};       // kept with captured data
  std::string custom_attributes = {};  // passed to the container
};

struct Prediction {
  std::string body;
  std::string content_type;
  std::string production_variant;  // the one that answered
  std::string custom_attributes;   // as the container set them
};

// Copies are cheap. Any thread.
class Predictor {
 public:
  Predictor(Session session, std::string endpoint_name)
      : session_(std::move(session)), endpoint_name_(std::move(endpoint_name)) {}

  const std::string& endpoint_name() const { return endpoint_name_; }

  // `data` is what the model reads: rows of CSV, by default. Throttling and instances that are away
  // are waited for. kInvalidArgument "ModelError" with the container's words if it refuses, and
  // "ValidationError" if there is no such endpoint in service.
  Result<Prediction> predict(const std::string& data, const PredictOptions& options = {}) const;

  // Deletes the endpoint and, if that is there, its configuration.
  Status delete_endpoint(bool delete_endpoint_config = true) const;

 private:
  Session session_;
  std::string endpoint_name_;
};

}  // namespace clary
