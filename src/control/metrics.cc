#include "control/internal/metrics.h"

#include "toolkit/metric_pattern.h"

namespace clary::control {
namespace {

constexpr size_t kMaxFinalMetrics = 40;

}  // namespace

Status CheckMetricDefinitions(const std::vector<api::MetricDefinition>& definitions) {
  for (const auto& d : definitions) {
    if (const std::string fault = toolkit::MetricPattern(d.regex, d.literal).Fault();
        !fault.empty()) {
      return Fail(
          Code::kInvalidArgument, "ValidationException",
          "Metric definition '" + d.name + "': regular expression '" + d.regex + "' " + fault);
    }
  }
  return {};
}

Result<std::vector<MetricSeries>> ScanMetrics(
    const meta::LogStore& logs, const std::string& stream,
    const std::vector<api::MetricDefinition>& definitions) {
  std::vector<toolkit::MetricPattern> patterns;
  for (const auto& d : definitions) patterns.emplace_back(d.regex, d.literal);
  std::vector<MetricSeries> found(definitions.size());
  meta::LogStore::ReadOptions options;
  while (!stream.empty()) {
    const auto page = logs.Read(kTrainingLogGroup, stream, options);
    if (!page && page.error().code == Code::kNotFound) break;
    if (!page) return std::unexpected(page.error());
    for (const meta::LogEventRecord& event : page->events) {
      for (size_t i = 0; i < patterns.size(); ++i) {
        if (const auto value = patterns[i].Find(event.message)) {
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
