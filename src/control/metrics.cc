#include "control/internal/metrics.h"

#include <re2/re2.h>

#include <charconv>
#include <cmath>
#include <optional>
#include <system_error>

namespace clary::control {
namespace {

constexpr size_t kMaxFinalMetrics = 40;
constexpr int64_t kMaxRegexMemory = 1 << 20;  // per definition; a user's regex is foreign input

std::unique_ptr<RE2> Compile(const std::string& regex) {
  RE2::Options options(RE2::Quiet);
  options.set_max_mem(kMaxRegexMemory);
  return std::make_unique<RE2>(regex, options);
}

// The number that a group matched. The built-in definitions' "\\S+" runs on over the "#011" that
// stands for a TAB, so the text may go on with that.
std::optional<double> Number(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || !std::isfinite(value)) return std::nullopt;
  const std::string_view rest(end, static_cast<size_t>(text.data() + text.size() - end));
  if (!rest.empty() && !rest.starts_with("#011")) return std::nullopt;
  return value;
}

}  // namespace

Status CheckMetricDefinitions(const std::vector<api::MetricDefinition>& definitions) {
  for (const auto& d : definitions) {
    const auto re = Compile(d.regex);
    if (!re->ok()) {
      return Fail(Code::kInvalidArgument, "ValidationException",
                  "Metric definition '" + d.name + "': regular expression '" + d.regex +
                      "' is not valid: " + re->error());
    }
    if (re->NumberOfCapturingGroups() < 1) {
      return Fail(Code::kInvalidArgument, "ValidationException",
                  "Metric definition '" + d.name + "': regular expression '" + d.regex +
                      "' has no group '(...)' around the value");
    }
  }
  return {};
}

Result<std::vector<MetricSeries>> ScanMetrics(
    const meta::LogStore& logs, const std::string& stream,
    const std::vector<api::MetricDefinition>& definitions) {
  std::vector<std::unique_ptr<RE2>> compiled(definitions.size());  // when first needed
  std::vector<MetricSeries> found(definitions.size());
  meta::LogStore::ReadOptions options;
  while (!stream.empty()) {
    const auto page = logs.Read(kTrainingLogGroup, stream, options);
    if (!page && page.error().code == Code::kNotFound) break;
    if (!page) return std::unexpected(page.error());
    for (const meta::LogEventRecord& event : page->events) {
      for (size_t i = 0; i < definitions.size(); ++i) {
        const auto& d = definitions[i];
        if (!d.literal.empty() && event.message.find(d.literal) == std::string::npos) continue;
        if (!compiled[i]) compiled[i] = Compile(d.regex);
        std::string text;
        if (!RE2::PartialMatch(event.message, *compiled[i], &text)) continue;
        if (const auto value = Number(text)) {
          found[i].points.push_back({.time = FromMillis(event.timestamp_ms), .value = *value});
        }
      }
    }
    if (page->next == options.position) break;
    options.position = page->next;
  }
  std::vector<MetricSeries> out;
  for (size_t i = 0; i < found.size(); ++i) {
    if (found[i].points.empty()) continue;
    found[i].name = definitions[i].name;
    out.push_back(std::move(found[i]));
  }
  return out;
}

std::vector<FinalMetric> FinalMetrics(const std::vector<MetricSeries>& series) {
  std::vector<FinalMetric> out;
  for (const MetricSeries& s : series) {
    if (out.size() == kMaxFinalMetrics) break;
    const MetricPoint& last = s.points.back();
    out.push_back({.name = s.name, .value = last.value, .time_ms = ToMillis(last.time)});
  }
  return out;
}

}  // namespace clary::control
