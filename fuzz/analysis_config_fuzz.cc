// Any bytes as an analysis configuration; what is refused is refused in words.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "clarify/analysis_config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto config = clary::clarify::ParseAnalysisConfig(text);
  if (!config && (config.error().message.empty() || config.error().reason != "ClientError")) {
    std::abort();
  }
  return 0;
}
