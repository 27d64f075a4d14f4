#include "control/internal/metrics.h"

#include <algorithm>
#include <functional>

#include "toolkit/metric_pattern.h"
#include "toolkit/trial_log.h"

namespace clary::control {
namespace {

constexpr size_t kMaxFinalMetrics = 40;

Status ForEachPage(const meta::LogStore& logs, const std::vector<std::string>& streams,
                   const std::function<void(const meta::LogPage& page)>& visit) {
  for (const std::string& stream : streams) {
    meta::LogStore::ReadOptions options;
    for (;;) {
      const auto page = logs.Read(kTrainingLogGroup, stream, options);
      if (!page && page.error().code == Code::kNotFound) break;
      if (!page) return std::unexpected(page.error());
      visit(*page);
      if (page->next == options.position) break;
      options.position = page->next;
    }
  }
  return {};
}

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
    const meta::LogStore& logs, const std::vector<std::string>& streams,
    const std::vector<api::MetricDefinition>& definitions) {
  std::vector<toolkit::MetricPattern> patterns;
  for (const auto& d : definitions) patterns.emplace_back(d.regex, d.literal);
  std::vector<MetricSeries> found(definitions.size());
  CLARY_CHECK_OK(ForEachPage(logs, streams, [&](const meta::LogPage& page) {
    for (const meta::LogEventRecord& event : page.events) {
      for (size_t i = 0; i < patterns.size(); ++i) {
        if (const auto value = patterns[i].Find(event.message)) {
          found[i].points.push_back({.time = FromMillis(event.timestamp_ms), .value = *value});
        }
      }
    }
  }));
  std::vector<MetricSeries> out;
  for (size_t i = 0; i < found.size(); ++i) {
    if (found[i].points.empty()) continue;
    found[i].name = definitions[i].name;
    if (streams.size() > 1) std::ranges::stable_sort(found[i].points, {}, &MetricPoint::time);
    out.push_back(std::move(found[i]));
  }
  return out;
}

Result<std::vector<double>> FoldValues(const meta::LogStore& logs,
                                       const std::vector<std::string>& streams,
                                       const api::MetricDefinition& definition) {
  toolkit::MetricPattern pattern(definition.regex, definition.literal);
  toolkit::TrialLog log;
  CLARY_CHECK_OK(ForEachPage(logs, streams, [&](const meta::LogPage& page) {
    for (const meta::LogEventRecord& event : page.events) log.Add(event.message, pattern, nullptr);
  }));
  return log.folds();
}

Result<std::vector<FinalMetric>> FinalMetrics(
    const meta::LogStore& logs, const std::vector<std::string>& streams,
    const std::vector<api::MetricDefinition>& definitions) {
  std::vector<FinalMetric> last;
  for (const auto& d : definitions) last.push_back({.name = d.name, .value = 0, .time_ms = -1});
  std::vector<toolkit::MetricPattern> patterns;
  for (const auto& d : definitions) patterns.emplace_back(d.regex, d.literal);
  CLARY_CHECK_OK(ForEachPage(logs, streams, [&](const meta::LogPage& page) {
    for (size_t i = 0; i < patterns.size(); ++i) {
      // From the end: most lines need no look at an expression.
      for (size_t e = page.events.size(); e-- > 0;) {
        const auto value = patterns[i].Find(page.events[e].message);
        if (!value) continue;
        if (page.events[e].timestamp_ms < last[i].time_ms) break;  // another host was later
        last[i].value = *value;
        last[i].time_ms = page.events[e].timestamp_ms;
        break;
      }
    }
  }));
  std::erase_if(last, [](const FinalMetric& m) { return m.time_ms < 0; });
  if (last.size() > kMaxFinalMetrics) last.resize(kMaxFinalMetrics);
  return last;
}

}  // namespace clary::control
