// The service as a job calls it: with the keys that the job was lent.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/error.h"
#include "net/http.h"
#include "objects/object_store.h"

namespace clary::analyzer {

// A member that is a text; "" if there is none.
std::string TextIn(const nlohmann::json& object, const char* name);

class ServiceCalls {
 public:
  // Of AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN.
  // kFailedPrecondition "NoService": there is no endpoint (network isolation) or are no keys.
  static Result<std::unique_ptr<ServiceCalls>> Make(
      const std::map<std::string, std::string>& environment);
  ~ServiceCalls();

  // An operation of SageMaker's. The error has the service's code as its reason.
  Result<nlohmann::json> SageMaker(std::string_view operation, const nlohmann::json& input);
  // The body of an answer of 200. kInvalidArgument "ModelError" for another one: what the model
  // said.
  Result<std::string> Invoke(const std::string& endpoint, const net::Headers& headers,
                             const std::string& body);
  objects::ObjectStore& store();

 private:
  struct Parts;
  explicit ServiceCalls(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace clary::analyzer
