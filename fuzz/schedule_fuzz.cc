// Schedules of Application Auto Scaling: what is read says when it is due next, later each time.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "server/schedule.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace clary;
  const auto schedule = server::Schedule::Parse({reinterpret_cast<const char*>(data), size});
  if (!schedule) {
    if (schedule.error().message.empty()) std::abort();
    return 0;
  }
  const Time start = FromMillis(1'764'590'400'000);  // 2025-12-01T12:00:00Z
  Time after = start;
  for (int i = 0; i < 3; ++i) {
    const auto next = schedule->Next(after, start);
    if (!next) break;
    if (*next <= after) std::abort();
    after = *next;
  }
  return 0;
}
