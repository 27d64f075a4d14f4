#include "base/log.h"

#include <unistd.h>

#include <atomic>

#include "base/clock.h"
#include "base/strings.h"

namespace clary {
namespace {
std::atomic<LogLevel> g_level = LogLevel::kInfo;
constexpr std::string_view kNames[] = {"debug", "info", "warn", "error"};
}  // namespace

void SetLogLevel(LogLevel level) { g_level = level; }
bool LogEnabled(LogLevel level) { return level >= g_level.load(std::memory_order_relaxed); }

void WriteLog(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  std::string line = "{\"ts\":\"" + FormatIso8601(Clock::System().Now()) + "\",\"level\":\"";
  line.append(kNames[static_cast<size_t>(level)]).append("\",\"event\":");
  line += JsonQuote(event);
  for (const LogField& f : fields) {
    line.append(",").append(JsonQuote(f.name)).append(":");
    line += f.number ? f.value : JsonQuote(f.value);
  }
  line += "}\n";
  // A full or closed stderr must never stop the service.
  [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace clary
