// The profiler's files: traces that parse must survive being written and parsed again.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "debugger/profiler_files.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace clary::debugger;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto samples = ParseSystemFile(text)) {
    std::string again;
    for (const SystemSample& s : *samples) again += SystemSampleLine(s);
    const auto back = ParseSystemFile(again);
    if (!back || back->size() != samples->size()) std::abort();
  }
  if (const auto events = ParseTrace(text, "0-algo-1")) {
    const auto back = ParseTrace(WriteTrace(*events), "0-algo-1");
    if (!back || back->size() != events->size()) std::abort();
  }
  return 0;
}
