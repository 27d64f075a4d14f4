#include "server/step_scaling.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <vector>

namespace clary::server {
namespace {

using nlohmann::json;

constexpr double kMostCapacity = 1e6;

std::unexpected<Error> BadSteps(const std::string& message) {
  return Fail(Code::kInvalidArgument, "ValidationException",
              "StepScalingPolicyConfiguration: " + message);
}

struct Step {
  double low = -INFINITY;
  double high = INFINITY;
  int64_t adjustment = 0;
};

std::vector<Step> StepsOf(const json& configuration) {
  std::vector<Step> out;
  for (const json& s : configuration.value("StepAdjustments", json::array())) {
    out.push_back({.low = s.value("MetricIntervalLowerBound", -INFINITY),
                   .high = s.value("MetricIntervalUpperBound", INFINITY),
                   .adjustment = s.at("ScalingAdjustment")});
  }
  std::ranges::sort(out, {}, &Step::low);
  return out;
}

double Aggregated(const json& configuration, std::span<const double> values) {
  const std::string how = configuration.value("MetricAggregationType", "Average");
  if (how == "Minimum") return *std::ranges::min_element(values);
  if (how == "Maximum") return *std::ranges::max_element(values);
  return std::reduce(values.begin(), values.end()) / static_cast<double>(values.size());
}

}  // namespace

Status CheckSteps(const json& configuration) {
  const std::string type = configuration.value("AdjustmentType", "");
  if (type.empty()) {
    return BadSteps(
        "it needs an AdjustmentType: ChangeInCapacity, ExactCapacity or PercentChangeInCapacity.");
  }
  if (configuration.contains("MinAdjustmentMagnitude") && type != "PercentChangeInCapacity") {
    return BadSteps("MinAdjustmentMagnitude is for the AdjustmentType PercentChangeInCapacity.");
  }
  const std::vector<Step> steps = StepsOf(configuration);
  if (steps.empty()) return BadSteps("it needs StepAdjustments.");
  for (size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].low >= steps[i].high) {
      return BadSteps("a step's MetricIntervalLowerBound is less than its upper one.");
    }
    if (type == "ExactCapacity" && steps[i].adjustment < 0) {
      return BadSteps("an ExactCapacity is not negative.");
    }
    if (i > 0 && steps[i].low != steps[i - 1].high) {
      return BadSteps("the steps' intervals may neither overlap nor leave a gap.");
    }
  }
  if (steps.front().low < 0 && steps.front().low != -INFINITY) {
    return BadSteps(
        "where a MetricIntervalLowerBound is negative, one step has none: it is for all below.");
  }
  if (steps.back().high > 0 && steps.back().high != INFINITY) {
    return BadSteps(
        "where a MetricIntervalUpperBound is positive, one step has none: it is for all above.");
  }
  return {};
}

std::optional<int64_t> StepTo(const json& configuration, int64_t current,
                              std::span<const double> values, double threshold) {
  const double beyond = Aggregated(configuration, values) - threshold;
  // A bound belongs to the step that is farther from the threshold.
  const auto holds = [beyond](const Step& s) {
    return beyond >= 0 ? s.low <= beyond && beyond < s.high : s.low < beyond && beyond <= s.high;
  };
  const std::vector<Step> steps = StepsOf(configuration);
  const auto step = std::ranges::find_if(steps, holds);
  if (step == steps.end()) return std::nullopt;
  const auto adjustment = static_cast<double>(step->adjustment);
  const auto now = static_cast<double>(current);
  const std::string type = configuration.at("AdjustmentType");
  double wanted = now + adjustment;
  if (type == "ExactCapacity") wanted = adjustment;
  if (type == "PercentChangeInCapacity" && step->adjustment != 0) {
    const auto least =
        static_cast<double>(configuration.value("MinAdjustmentMagnitude", int64_t{1}));
    const double size = std::trunc(std::abs(now * adjustment / 100));
    wanted = now + std::copysign(std::max({size, least, 1.0}), adjustment);
  }
  return static_cast<int64_t>(std::clamp(wanted, 0.0, kMostCapacity));
}

}  // namespace clary::server
