// What a step scaling policy of Application Auto Scaling makes of an alarm: how far the metric is
// beyond the alarm's threshold says by how much a capacity changes.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>

#include "base/error.h"

namespace clary::server {

// Whether StepScalingPolicyConfiguration can be followed: an AdjustmentType, and StepAdjustments
// whose intervals neither overlap nor leave gaps, open to the sides on which there are any.
// kInvalidArgument "ValidationException".
Status CheckSteps(const nlohmann::json& configuration);

// The capacity that such a configuration wants where there are `current`, when the alarm's values
// (at least one) stand so against its threshold; nullopt: no step is for that. The values are
// aggregated by MetricAggregationType (Average). Percentages are rounded as Application Auto
// Scaling says: towards zero, but to one at least; MinAdjustmentMagnitude is the least they change.
std::optional<int64_t> StepTo(const nlohmann::json& configuration, int64_t current,
                              std::span<const double> values, double threshold);

}  // namespace clary::server
