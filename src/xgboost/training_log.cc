#include "xgboost/internal/training_log.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "base/file.h"
#include "base/strings.h"

namespace clary::xgboost {
namespace {

std::optional<std::vector<KeptLog::Line>> kept;

void Log(std::string_view level, std::string_view text) {
  if (kept) {
    kept->push_back({std::string(level), std::string(text)});
    return;
  }
  std::string stamp = FormatIso8601(Clock::System().Now()).substr(0, 19);
  std::ranges::replace(stamp, 'T', ':');
  PrintLine("[" + stamp + ":" + std::string(level) + "] " + std::string(text));
}

}  // namespace

void PrintLine(std::string line) {
  line += '\n';
  (void)WriteAll(STDOUT_FILENO, line);
}

KeptLog::KeptLog() { kept.emplace(); }
KeptLog::~KeptLog() { kept.reset(); }
std::vector<KeptLog::Line> KeptLog::Take() { return std::move(*kept); }
void LogKept(const KeptLog::Line& line) { Log(line.level, line.text); }

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

std::string ProgressText(int done, int rounds, double seconds, uint64_t resident_bytes) {
  const double speed = done / std::max(seconds, 1e-3);
  const auto left = static_cast<int64_t>(std::ceil((rounds - done) / speed));
  std::string time = std::to_string(left % 60) + " s";
  if (left >= 60) time = std::to_string(left / 60 % 60) + " m " + time;
  if (left >= 3600) time = std::to_string(left / 3600) + " h " + time;
  char text[160];
  std::snprintf(text, sizeof text,
                "Round %d of %d: %.*f rounds a second, %s left, %.0f MB of memory", done, rounds,
                speed < 10 ? 1 : 0, speed, time.c_str(),
                static_cast<double>(resident_bytes) / (1 << 20));
  return text;
}

std::string EarlyStoppingText(int kept, int trained, std::string_view metric,
                              std::span<const gbdt::MetricValue> metrics) {
  std::string text = "Early stopping kept " + std::to_string(kept) + " of " +
                     std::to_string(trained) + " rounds, the best by " + metrics.back().dataset +
                     "-" + std::string(metric.empty() ? metrics.back().metric : metric) + ", with";
  for (size_t i = 0; i < metrics.size(); ++i) {
    std::string value = MetricText(metrics[i]).substr(1);
    value[value.rfind(':')] = ' ';
    text += (i == 0 ? " " : ", ") + value;
  }
  return text;
}

uint64_t ResidentBytes() {
  const auto statm = ReadFile("/proc/self/statm", 4096);
  if (!statm) return 0;
  const std::vector<std::string_view> words = Split(*statm, ' ');
  const auto pages = words.size() > 1 ? ParseUint(words[1]) : std::nullopt;
  return pages.value_or(0) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::unexpected<Error> UserError(std::string message) {
  return Fail(Code::kInvalidArgument, "UserError", std::move(message));
}

}  // namespace clary::xgboost
