// What both halves of AutoscalingFront know of a target: its operations, and its loop.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "server/schedule.h"

namespace clary::server {

inline constexpr char kInstances[] = "sagemaker:variant:DesiredInstanceCount";
inline constexpr char kCopies[] = "sagemaker:inference-component:DesiredCopyCount";
inline constexpr char kSteps[] = "StepScalingPolicyConfiguration";
inline constexpr char kTracking[] = "TargetTrackingScalingPolicyConfiguration";

std::unexpected<Error> BadScaling(std::string message);

// What a target scales: a variant of an endpoint, or an inference component.
struct Scaled {
  std::string endpoint;  // empty: a component
  std::string name;      // of the variant or the component
};

// kInvalidArgument "ValidationException".
Result<Scaled> ReadResource(const std::string& resource, const std::string& dimension);

// How many there are asked for, of whom.
struct Capacity {
  int64_t desired = 0;
  std::string endpoint;
  bool may_be_zero = false;
};

using SageMakerCall =
    std::function<Result<nlohmann::json>(std::string_view operation, const nlohmann::json& input)>;

Result<Capacity> ReadCapacity(const SageMakerCall& sagemaker, const Scaled& scaled);

// Whether a target's settings, or what they would become, are a range of capacities.
Status CheckRange(const nlohmann::json& settings, bool may_be_zero);

// A member of an action in seconds since 1970.
Time SecondsIn(const nlohmann::json& settings, const char* member, Time otherwise);
Result<Schedule> ScheduleOf(const nlohmann::json& settings);
// When an action is due for the first time after `after`; nullopt: never.
std::optional<Time> DueAfter(const nlohmann::json& settings, int64_t created_ms, Time after);

}  // namespace clary::server
