#include "server/internal/metric_windows.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "base/strings.h"

namespace clary::server {

using nlohmann::json;

void MetricWindow::Add(const MetricSample& sample) {
  low_ = count_ == 0 ? sample.low : std::min(low_, sample.low);
  high_ = count_ == 0 ? sample.high : std::max(high_, sample.high);
  count_ += sample.count;
  sum_ += sample.sum;
  if (sample.low == sample.high) {
    values_.emplace_back(sample.low, sample.count);
  } else {
    spread_ = true;
  }
}

std::optional<double> PercentileOf(std::string_view statistic) {
  if (statistic.size() < 2 || statistic.size() > 14 || statistic[0] != 'p') return std::nullopt;
  double value = 0;
  const char* end = statistic.data() + statistic.size();
  const auto [at, ec] = std::from_chars(statistic.data() + 1, end, value, std::chars_format::fixed);
  if (ec != std::errc() || at != end || !(value >= 0 && value <= 100)) return std::nullopt;
  return value;
}

bool IsStatistic(std::string_view name) {
  return name == "Average" || name == "Sum" || name == "Minimum" || name == "Maximum" ||
         name == "SampleCount" || PercentileOf(name).has_value();
}

std::optional<double> MetricWindow::Value(std::string_view statistic) const {
  if (empty()) return std::nullopt;
  if (statistic == "Average") return sum_ / count_;
  if (statistic == "Sum") return sum_;
  if (statistic == "Minimum") return low_;
  if (statistic == "Maximum") return high_;
  if (statistic == "SampleCount") return count_;
  const auto percent = PercentileOf(statistic);
  if (!percent || spread_) return std::nullopt;
  auto values = values_;
  std::ranges::sort(values);
  // The value at rank r of 0 .. count - 1, ranks between two values being in between.
  const double rank = *percent / 100.0 * (count_ - 1);
  double before = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double last = before + values[i].second - 1;  // the rank of its last occurrence
    if (rank <= last || i + 1 == values.size()) return values[i].first;
    if (rank < last + 1) {
      return values[i].first + (values[i + 1].first - values[i].first) * (rank - last);
    }
    before = last + 1;
  }
  return std::nullopt;
}

Result<MetricKey> KeyOf(const json& metric) {
  MetricKey key{.space = metric.value("Namespace", ""), .name = metric.value("MetricName", "")};
  if (const auto it = metric.find("Dimensions"); it != metric.end()) {
    for (const json& dimension : *it) {
      key.dimensions.emplace_back(dimension.value("Name", ""), dimension.value("Value", ""));
    }
  }
  std::vector<std::string_view> names = {key.space, key.name};
  for (const auto& [name, value] : key.dimensions) names.insert(names.end(), {name, value});
  for (const std::string_view name : names) {
    if (CleanText(name) == name && !name.contains('\n') && !name.contains('\t')) continue;
    return Fail(Code::kInvalidArgument, "InvalidParameterValue",
                "The name '" + std::string(name) + "' of a metric holds control characters");
  }
  std::ranges::sort(key.dimensions);
  const auto twice = std::ranges::adjacent_find(
      key.dimensions, [](const auto& a, const auto& b) { return a.first == b.first; });
  if (twice != key.dimensions.end()) {
    return Fail(Code::kInvalidArgument, "InvalidParameterValue",
                "No more than one dimension may have the name '" + twice->first + "'");
  }
  return key;
}

json DimensionsJson(const MetricKey& key) {
  json out = json::array();
  for (const auto& [name, value] : key.dimensions)
    out.push_back({{"Name", name}, {"Value", value}});
  return out;
}

}  // namespace clary::server
