#include "runner/internal/training_log.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/clock.h"
#include "base/file.h"

namespace clary::runner {
namespace {

void Log(std::string_view level, std::string_view text) {
  std::string stamp = FormatIso8601(Clock::System().Now()).substr(0, 19);
  std::ranges::replace(stamp, 'T', ':');
  PrintLine("[" + stamp + ":" + std::string(level) + "] " + std::string(text));
}

}  // namespace

void PrintLine(std::string line) {
  line += '\n';
  (void)WriteAll(STDOUT_FILENO, line);
}

void LogInfo(std::string_view text) { Log("INFO", text); }
void LogWarning(std::string_view text) { Log("WARNING", text); }
void LogError(std::string_view text) { Log("ERROR", text); }

std::string MetricText(const gbdt::MetricValue& metric) {
  char value[64] = "nan";
  if (!std::isnan(metric.value)) std::snprintf(value, sizeof value, "%.5f", metric.value);
  return "\t" + metric.dataset + "-" + metric.metric + ":" + value;
}

std::string RoundLine(int round, std::span<const gbdt::MetricValue> metrics) {
  std::string line = "[" + std::to_string(round) + "]";
  for (const gbdt::MetricValue& m : metrics) line += MetricText(m);
  return line;
}

std::unexpected<Error> UserError(std::string message) {
  return Fail(Code::kInvalidArgument, "UserError", std::move(message));
}

}  // namespace clary::runner
