// Any bytes as the body of any operation: decoded, validated and, where that works, decoded again
// from their own text with the same result.
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "api/job_spec.h"
#include "api/sagemaker.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  for (const char* operation : {"CreateTrainingJob", "ListTrainingJobs", "Search", "AddTags"}) {
    const auto decoded = clary::api::Decode(operation, body);
    if (!decoded) {
      if (decoded.error().reason != "SerializationException" &&
          decoded.error().reason != "ValidationException") {
        std::abort();
      }
      continue;
    }
    const auto valid = clary::api::Validate(operation, *decoded);
    if (!valid && valid.error().message.empty()) std::abort();
    const auto again = clary::api::Decode(operation, decoded->dump());
    if (!again || *again != *decoded) std::abort();
  }
  (void)clary::api::JobSpec::FromJson(body);
  (void)clary::api::JobEvent::FromJson(body);
  return 0;
}
