// Any bytes as the file of a log stream: reads end and find their way, and what is put behind them
// is read again.
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/file.h"
#include "meta/log_store.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace clary;
  static const TempDir dir = *TempDir::Make();
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const meta::LogStore store(dir.path());
  if (!store.RemoveGroup("g") || !store.CreateGroup("g") || !store.CreateStream("g", "s")) {
    std::abort();
  }
  if (!WriteFileAtomic(dir.path() / "g" / "%" / "s.log", bytes)) std::abort();
  for (const bool backward : {false, true}) {
    uint64_t at = backward ? UINT64_MAX : 0;
    for (size_t pages = 0; pages <= size; ++pages) {
      const auto page =
          store.Read("g", "s", {.position = at, .backward = backward, .max_events = 2});
      if (!page) std::abort();
      if (page->events.empty()) break;
      at = backward ? page->previous : page->next;
    }
  }
  (void)store.Read("g", "s", {.start_ms = 5, .end_ms = 1000});
  const std::string message = "a\\n\n" + std::string(bytes.substr(0, 20));
  if (!store.Put("g", "s", {{INT64_MAX - 1, message}})) std::abort();
  const auto last =
      store.Read("g", "s", {.position = UINT64_MAX, .backward = true, .max_events = 1});
  if (!last || last->events.size() != 1) std::abort();
  if (last->events[0].timestamp_ms == INT64_MAX - 1 && last->events[0].message != message) {
    std::abort();
  }
  if (!store.Trim("g", "s", 1000)) std::abort();
  return 0;
}
