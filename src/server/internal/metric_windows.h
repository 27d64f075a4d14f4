// Statistics over windows of time, for queries and alarms.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "server/metric_store.h"

namespace clary::server {

// The samples of one window.
class MetricWindow {
 public:
  void Add(const MetricSample& sample);
  bool empty() const { return count_ == 0; }

  // "Average", "Sum", "Minimum", "Maximum", "SampleCount", or a percentile "p0" to "p100" with up
  // to ten decimals, linear between the nearest ranks. nullopt without samples, for percentiles of
  // statistic sets, which have lost them, and for what is no statistic.
  std::optional<double> Value(std::string_view statistic) const;

 private:
  double count_ = 0;
  double sum_ = 0;
  double low_ = 0;
  double high_ = 0;
  bool spread_ = false;                            // a statistic set of different values is in it
  std::vector<std::pair<double, double>> values_;  // and their counts
};

// nullopt for a text that is no percentile.
std::optional<double> PercentileOf(std::string_view statistic);
bool IsStatistic(std::string_view name);  // one of the five words, or a percentile

// The key that the members Namespace, MetricName and Dimensions name. kInvalidArgument
// "InvalidParameterValue" for a dimension that is given twice.
Result<MetricKey> KeyOf(const nlohmann::json& metric);
nlohmann::json DimensionsJson(const MetricKey& key);

}  // namespace clary::server
