// Any bytes as the body of any operation whose shape is known: what conforms must conform again
// unchanged, have its values and members judged, and come back from its own text.
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "api/job_spec.h"
#include "api/members.h"
#include "api/sagemaker.h"
#include "api/shapes.h"

namespace {

void Check(const clary::api::Operation& operation, const nlohmann::json& document) {
  using namespace clary::api;
  nlohmann::json once = document;
  if (const auto done = Conform(once, *operation.input); !done) {
    if (done.error().message.empty()) std::abort();
    return;
  }
  if (const auto valid = CheckValues(once, *operation.input);
      !valid && valid.error().message.empty()) {
    std::abort();
  }
  (void)CheckMembers(SageMakerMembers(), *operation.input, once);
  (void)NotProvided(SageMakerMembers(), *operation.input, once);
  auto twice = ParseDocument(once.dump());
  if (!twice || !Conform(*twice, *operation.input) || *twice != once) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  if (const auto document = clary::api::ParseDocument(body)) {
    for (const auto& operation : clary::api::SageMakerOperations()) Check(operation, *document);
  } else if (document.error().reason != "SerializationException") {
    std::abort();
  }
  (void)clary::api::JobSpec::FromJson(body);
  (void)clary::api::JobEvent::FromJson(body);
  return 0;
}
