// The half of AutoscalingFront that acts.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/hash.h"
#include "base/log.h"
#include "base/strings.h"
#include "server/autoscaling.h"
#include "server/internal/record_body.h"
#include "server/internal/scaling.h"
#include "server/step_scaling.h"

namespace clary::server {

using nlohmann::json;

std::unexpected<Error> BadScaling(std::string message) {
  return Fail(Code::kInvalidArgument, "ValidationException", std::move(message));
}

Result<Scaled> ReadResource(const std::string& resource, const std::string& dimension) {
  const auto parts = Split(resource, '/');
  if (dimension == kInstances && parts.size() == 4 && parts[0] == "endpoint" &&
      parts[2] == "variant") {
    return Scaled{.endpoint = std::string(parts[1]), .name = std::string(parts[3])};
  }
  if (dimension == kCopies && parts.size() == 2 && parts[0] == "inference-component") {
    return Scaled{.name = std::string(parts[1])};
  }
  if (dimension != kInstances && dimension != kCopies) {
    return BadScaling("The ScalableDimension " + dimension + " is not supported; there are " +
                      kInstances + " and " + kCopies + ".");
  }
  return BadScaling("The ResourceId " + resource + " does not fit the ScalableDimension " +
                    dimension + ": it is endpoint/NAME/variant/NAME, or inference-component/NAME.");
}

Result<Capacity> ReadCapacity(const SageMakerCall& sagemaker, const Scaled& scaled) {
  if (scaled.endpoint.empty()) {
    CLARY_TRY(const json component,
              sagemaker("DescribeInferenceComponent", {{"InferenceComponentName", scaled.name}}));
    return Capacity{.desired = component.at("RuntimeConfig").at("DesiredCopyCount"),
                    .endpoint = component.at("EndpointName"),
                    .may_be_zero = true};
  }
  CLARY_TRY(const json endpoint,
            sagemaker("DescribeEndpoint", {{"EndpointName", scaled.endpoint}}));
  // While the first fleet comes up it is shown as a pending one.
  const json pending = endpoint.value("PendingDeploymentSummary", json::object());
  for (const json* shown : {&endpoint, &pending}) {
    for (const json& v : shown->value("ProductionVariants", json::array())) {
      if (v.at("VariantName") != scaled.name) continue;
      if (!v.contains("DesiredInstanceCount")) {
        return BadScaling("Variant " + scaled.name + " is serverless: it has no instances.");
      }
      return Capacity{.desired = v["DesiredInstanceCount"],
                      .endpoint = scaled.endpoint,
                      .may_be_zero = endpoint.contains("AsyncInferenceConfig")};
    }
  }
  return Fail(Code::kNotFound, "ValidationException",
              "Endpoint " + scaled.endpoint + " has no variant " + scaled.name + ".");
}

Status CheckRange(const json& settings, bool may_be_zero) {
  const int64_t low = settings.at("MinCapacity");
  const int64_t high = settings.at("MaxCapacity");
  if (low > high) return BadScaling("Maximum capacity cannot be less than minimum capacity");
  if (low < 0 || (low == 0 && !may_be_zero)) {
    return BadScaling(
        "MinCapacity is at least 1: only asynchronous endpoints and inference components may "
        "have none.");
  }
  return {};
}

Time SecondsIn(const json& settings, const char* member, Time otherwise) {
  const auto it = settings.find(member);
  return it == settings.end() ? otherwise : FromMillis(std::llround(it->get<double>() * 1000));
}

Result<Schedule> ScheduleOf(const json& settings) {
  const std::string zone = settings.value("Timezone", "UTC");
  const TimeZone* clocks = nullptr;
  if (zone != "UTC") {
    CLARY_TRY(clocks, TimeZone::Find(zone));
  }
  return Schedule::Parse(TextIn(settings, "Schedule"), clocks);
}

std::optional<Time> DueAfter(const json& settings, int64_t created_ms, Time after) {
  const auto schedule = ScheduleOf(settings);
  if (!schedule) return std::nullopt;
  const Time start = SecondsIn(settings, "StartTime", FromMillis(created_ms));
  // A StartTime is a time at which it may be due.
  const auto due = schedule->Next(std::max(after, start - Duration(1)), start);
  return due && *due <= SecondsIn(settings, "EndTime", Time::max()) ? due : std::nullopt;
}

namespace {

constexpr int64_t kScalingMinuteMs = 60'000;
constexpr int kMinutesOut = 3;  // in a row above the target
constexpr int kMinutesIn = 15;  // in a row below
constexpr double kBelow = 0.9;  // of the target
constexpr int64_t kCooldownSeconds = 300;
constexpr size_t kMostActivities = 500;

Status SetCapacity(const SageMakerCall& sagemaker, const Scaled& scaled, int64_t desired) {
  const auto done =
      scaled.endpoint.empty()
          ? sagemaker("UpdateInferenceComponentRuntimeConfig",
                      {{"InferenceComponentName", scaled.name},
                       {"DesiredRuntimeConfig", {{"CopyCount", desired}}}})
          : sagemaker("UpdateEndpointWeightsAndCapacities",
                      {{"EndpointName", scaled.endpoint},
                       {"DesiredWeightsAndCapacities",
                        {{{"VariantName", scaled.name}, {"DesiredInstanceCount", desired}}}}});
  return done ? Status() : std::unexpected(done.error());
}

// The metric that a policy looks at, and the statistic of a minute.
struct Watched {
  MetricKey key;
  std::string statistic;
  bool none_is_zero = false;
};

Watched MetricOf(const json& tracking, const Scaled& scaled, const std::string& endpoint) {
  if (tracking.contains("PredefinedMetricSpecification")) {
    return {.key = {.space = "AWS/SageMaker",
                    .name = "InvocationsPerInstance",
                    .dimensions = {{"EndpointName", endpoint}, {"VariantName", scaled.name}}},
            .statistic = "Sum",
            .none_is_zero = true};
  }
  const json& metric = tracking["CustomizedMetricSpecification"];
  Watched out{.key = {.space = metric.at("Namespace"), .name = metric.at("MetricName")},
              .statistic = metric.at("Statistic")};
  for (const json& d : metric.value("Dimensions", json::array())) {
    out.key.dimensions.emplace_back(d.at("Name"), d.at("Value"));
  }
  std::ranges::sort(out.key.dimensions);
  return out;
}

// The values of the last whole minutes, the newest first; nothing where there is none.
std::vector<std::optional<double>> LastMinutes(MetricStore& store, const Watched& metric, Time now,
                                               int minutes) {
  std::vector<std::optional<double>> out(static_cast<size_t>(minutes));
  const int64_t end = ToMillis(now) / kScalingMinuteMs * kScalingMinuteMs;
  const auto samples =
      store.Read(metric.key, FromMillis(end - minutes * kScalingMinuteMs), FromMillis(end));
  struct Minute {
    double count = 0, sum = 0, low = INFINITY, high = -INFINITY;
  };
  std::vector<Minute> all(out.size());
  if (samples) {
    for (const MetricSample& s : *samples) {
      const auto i = static_cast<size_t>((end - 1 - ToMillis(s.time)) / kScalingMinuteMs);
      if (i >= all.size()) continue;
      all[i].count += s.count;
      all[i].sum += s.sum;
      all[i].low = std::min(all[i].low, s.low);
      all[i].high = std::max(all[i].high, s.high);
    }
  }
  for (size_t i = 0; i < all.size(); ++i) {
    const Minute& m = all[i];
    if (m.count == 0) {
      if (metric.none_is_zero) out[i] = 0;
      continue;
    }
    out[i] = metric.statistic == "Sum"           ? m.sum
             : metric.statistic == "Minimum"     ? m.low
             : metric.statistic == "Maximum"     ? m.high
             : metric.statistic == "SampleCount" ? m.count
                                                 : m.sum / m.count;
  }
  return out;
}

}  // namespace

// What a target's policies want.
struct AutoscalingFront::Scale {
  int64_t desired = 0;
  std::string cause;
};

std::optional<AutoscalingFront::Scale> AutoscalingFront::Stepped(const Target& target,
                                                                 const Policy& policy,
                                                                 int64_t current) {
  const json& steps = policy.settings.at(kSteps);
  const int64_t low = target.settings.at("MinCapacity");
  const int64_t high = target.settings.at("MaxCapacity");
  // An alarm has a new value a minute.
  const int64_t pause_ms =
      std::max(kScalingMinuteMs, 1000 * steps.value("Cooldown", kCooldownSeconds));
  const bool cooled = ToMillis(parts_.clock.Now()) - target.changed_ms >= pause_ms;
  // What was added counts as done already, so that only a larger step adds more.
  const int64_t from = !cooled && target.added > 0 ? current - target.added : current;
  std::optional<Scale> out;
  for (const PolicyAlarm& alarm : parts_.alarms(policy.arn, true)) {
    if (!alarm.acts || alarm.values.empty()) continue;
    const auto to = StepTo(steps, from, alarm.values, alarm.threshold);
    if (!to) continue;
    const int64_t desired =
        *to > current ? std::max(current, std::min({*to, high, parts_.cores})) : std::max(*to, low);
    if (desired == current || (desired < current && (!cooled || from != current))) continue;
    if (out && out->desired >= desired) continue;
    out = {desired, fmt::format("monitor alarm {} triggered policy {}", alarm.name,
                                TextIn(policy.settings, "PolicyName"))};
  }
  return out;
}

std::optional<AutoscalingFront::Scale> AutoscalingFront::Wanted(const Target& target,
                                                                int64_t current,
                                                                const std::string& endpoint) {
  const auto scaled = ReadResource(TextIn(target.settings, "ResourceId"),
                                   TextIn(target.settings, "ScalableDimension"));
  const json suspended = target.settings.value("SuspendedState", json::object());
  const int64_t low = target.settings.at("MinCapacity");
  const int64_t high = target.settings.at("MaxCapacity");
  const int64_t now_ms = ToMillis(parts_.clock.Now());
  if (current < low || current > high) {
    return Scale{.desired = std::clamp(current, low, high),
                 .cause = "the capacity is outside of MinCapacity and MaxCapacity"};
  }
  std::optional<Scale> out;
  std::optional<Scale> in;
  std::optional<Scale> tracked_in;
  bool all_in = true;  // of target tracking; a step down waits for nobody
  for (const auto& [name, policy] : target.policies) {
    if (!policy.settings.contains(kTracking)) {
      const auto step = Stepped(target, policy, current);
      auto& way = step && step->desired > current ? out : in;
      if (step && (!way || step->desired > way->desired)) way = step;
      continue;
    }
    const json& tracking = policy.settings.at(kTracking);
    const double goal = tracking.at("TargetValue");
    const Watched metric = MetricOf(tracking, *scaled, endpoint);
    const auto minutes = LastMinutes(parts_.metrics, metric, parts_.clock.Now(), kMinutesIn);
    const auto cooled = [&](const char* member) {
      return now_ms - target.changed_ms >= 1000 * tracking.value(member, kCooldownSeconds);
    };
    const auto in_a_row = [&](int count, const auto& holds) {
      return std::all_of(minutes.begin(), minutes.begin() + count,
                         [&](const auto& value) { return value && holds(*value); });
    };
    const bool above = in_a_row(kMinutesOut, [&](double v) { return v > goal; });
    // What was before the policy says nothing: its variant may be as new.
    const bool below = now_ms - policy.created_ms >= kMinutesIn * kScalingMinuteMs &&
                       in_a_row(kMinutesIn, [&](double v) { return v < kBelow * goal; });
    const bool may_in =
        below && !tracking.value("DisableScaleIn", false) && cooled("ScaleInCooldown");
    all_in = all_in && may_in;
    if (!above && !may_in) continue;
    const double value = *minutes[0];
    const auto fits = static_cast<int64_t>(
        std::ceil(static_cast<double>(std::max<int64_t>(1, current)) * value / goal));
    const std::string cause = fmt::format("policy {}: {} is {:.6g}, its target is {:.6g}", name,
                                          metric.key.name, value, goal);
    if (above && cooled("ScaleOutCooldown")) {
      const int64_t desired = std::min({std::max(fits, current + 1), high, parts_.cores});
      if (desired > current && (!out || desired > out->desired)) out = {desired, cause};
    } else if (may_in) {
      const int64_t desired = std::clamp(fits, low, std::max(low, current - 1));
      if (desired < current && (!tracked_in || desired > tracked_in->desired)) {
        tracked_in = {desired, cause};
      }
    }
  }
  if (tracked_in && all_in && (!in || tracked_in->desired > in->desired)) in = tracked_in;
  if (out && !suspended.value("DynamicScalingOutSuspended", false)) return out;
  if (in && !suspended.value("DynamicScalingInSuspended", false)) return in;
  return std::nullopt;
}

void AutoscalingFront::Note(const Key& key, const std::string& description,
                            const std::string& cause, const Status& done) {
  const double now = ToSeconds(parts_.clock.Now());
  json activity = {{"ActivityId", RandomId()},
                   {"ServiceNamespace", "sagemaker"},
                   {"ResourceId", key.first},
                   {"ScalableDimension", key.second},
                   {"Description", description},
                   {"Cause", cause},
                   {"StartTime", now},
                   {"EndTime", now},
                   {"StatusCode", done ? "Successful" : "Failed"},
                   {"StatusMessage", done ? "Successfully changed." : done.error().message}};
  activities_.push_front(std::move(activity));
  if (activities_.size() > kMostActivities) activities_.pop_back();
}

// Does the actions that are due, in the order of their times.
void AutoscalingFront::DoScheduled(const Key& key, Target& target) {
  const Time now = parts_.clock.Now();
  std::vector<std::pair<Time, Action*>> due;
  for (auto& [name, action] : target.actions) {
    // Of all times that have passed, the last one alone counts.
    std::optional<Time> last;
    for (auto next = DueAfter(action.settings, action.created_ms, FromMillis(action.done_ms));
         next && *next <= now; next = DueAfter(action.settings, action.created_ms, *next)) {
      last = next;
    }
    if (last) due.emplace_back(*last, &action);
  }
  std::ranges::stable_sort(due, {}, &std::pair<Time, Action*>::first);
  const json suspended = target.settings.value("SuspendedState", json::object());
  for (const auto& [when, action] : due) {
    const std::string name = TextIn(action->settings, "ScheduledActionName");
    Action done = *action;
    done.done_ms = ToMillis(now);
    if (const Status saved = Save(key, done); !saved) {
      LOG(kWarn, "a scheduled action waits", {"name", name}, {"message", saved.error().message});
      continue;  // it would be done again after a restart
    }
    action->done_ms = done.done_ms;
    if (suspended.value("ScheduledScalingSuspended", false)) continue;
    Target changed = target;
    changed.settings.update(action->settings.at("ScalableTargetAction"));
    Status set = CheckRange(changed.settings, true);
    if (set) set = Save(key, changed);
    if (set) target.settings = changed.settings;
    Note(key,
         fmt::format("Setting min capacity to {} and max capacity to {}",
                     changed.settings.at("MinCapacity").get<int64_t>(),
                     changed.settings.at("MaxCapacity").get<int64_t>()),
         "scheduled action name " + name + " was triggered", set);
  }
}

void AutoscalingFront::EvaluateOne(const Key& key) {
  Target target;
  {
    const MutexLock lock(mu_);
    const auto it = targets_.find(key);
    if (it == targets_.end()) return;
    DoScheduled(key, it->second);
    target = it->second;
  }
  const auto scaled = ReadResource(key.first, key.second);
  if (!scaled) return;
  const auto capacity = ReadCapacity(parts_.sagemaker, *scaled);
  if (!capacity) {
    if (!capacity.error().message.starts_with("Could not find")) return;
    // It goes with what it scales.
    const MutexLock lock(mu_);
    if (Drop(key, target)) targets_.erase(key);
    return;
  }
  const auto wanted = Wanted(target, capacity->desired, capacity->endpoint);
  if (!wanted || wanted->desired == capacity->desired) return;
  const Status done = SetCapacity(parts_.sagemaker, *scaled, wanted->desired);
  // An update that is under way is waited for.
  if (!done && done.error().message.contains("in-progress")) return;
  const MutexLock lock(mu_);
  if (const auto it = targets_.find(key); it != targets_.end()) {
    it->second.changed_ms = ToMillis(parts_.clock.Now());
    it->second.added = wanted->desired - capacity->desired;
  }
  Note(key,
       fmt::format("Setting desired {} count to {}.",
                   scaled->endpoint.empty() ? "copy" : "instance", wanted->desired),
       wanted->cause, done);
}

void AutoscalingFront::Evaluate() {
  std::vector<Key> keys;
  {
    const MutexLock lock(mu_);
    for (const auto& [key, target] : targets_) keys.push_back(key);
  }
  for (const Key& key : keys) EvaluateOne(key);
}

}  // namespace clary::server
