// Debugger event records: whatever parses must survive being written and parsed again.
#include <cstdint>
#include <cstdlib>

#include "debugger/event_record.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace clary::debugger;
  const auto event = ParseEventRecord({reinterpret_cast<const char*>(data), size});
  if (!event) return 0;
  std::string again;
  AppendEventRecord(*event, again);
  if (!ParseEventRecord(again)) std::abort();
  return 0;
}
