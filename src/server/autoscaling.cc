#include "server/autoscaling.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "api/page.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/strings.h"
#include "server/internal/record_body.h"
#include "server/schedule.h"

namespace clary::server {
namespace {

using nlohmann::json;

constexpr char kTargets[] = "scalable_targets";
constexpr char kPolicies[] = "scaling_policies";
constexpr char kActions[] = "scheduled_actions";
constexpr char kInstances[] = "sagemaker:variant:DesiredInstanceCount";
constexpr char kCopies[] = "sagemaker:inference-component:DesiredCopyCount";
constexpr int64_t kScalingMinuteMs = 60'000;
constexpr int kMinutesOut = 3;  // in a row above the target
constexpr int kMinutesIn = 15;  // in a row below
constexpr double kBelow = 0.9;  // of the target
constexpr int64_t kCooldownSeconds = 300;
constexpr size_t kMostActivities = 500;
constexpr size_t kMostTargets = 1000;
constexpr size_t kMostPolicies = 50;  // of a target
constexpr size_t kMostActions = 200;  // likewise

std::unexpected<Error> BadScaling(std::string message) {
  return Fail(Code::kInvalidArgument, "ValidationException", std::move(message));
}

std::unexpected<Error> NoObject(std::string message) {
  return Fail(Code::kNotFound, "ObjectNotFoundException", std::move(message));
}

// What a target scales: a variant of an endpoint, or an inference component.
struct Scaled {
  std::string endpoint;  // empty: a component
  std::string name;      // of the variant or the component
};

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

// How many there are asked for, of whom.
struct Capacity {
  int64_t desired = 0;
  std::string endpoint;
  bool may_be_zero = false;
};

using Call = std::function<Result<json>(std::string_view operation, const nlohmann::json& input)>;

Result<Capacity> ReadCapacity(const Call& sagemaker, const Scaled& scaled) {
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

Status SetCapacity(const Call& sagemaker, const Scaled& scaled, int64_t desired) {
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

Status CheckTracking(const json& input) {
  if (input.value("PolicyType", "StepScaling") != "TargetTrackingScaling") {
    return BadScaling(
        "Only policies of PolicyType TargetTrackingScaling are supported: alarms of this service "
        "take no actions, so a step policy would never act.");
  }
  const json tracking = input.value("TargetTrackingScalingPolicyConfiguration", json::object());
  if (tracking.value("TargetValue", 0.0) <= 0) {
    return BadScaling("TargetTrackingScalingPolicyConfiguration needs a TargetValue above 0.");
  }
  const bool predefined = tracking.contains("PredefinedMetricSpecification");
  if (predefined == tracking.contains("CustomizedMetricSpecification")) {
    return BadScaling(
        "TargetTrackingScalingPolicyConfiguration needs either a PredefinedMetricSpecification or "
        "a CustomizedMetricSpecification.");
  }
  const bool copies = input.at("ScalableDimension") == kCopies;
  if (predefined) {
    const char* fits = copies ? "SageMakerInferenceComponentInvocationsPerCopy"
                              : "SageMakerVariantInvocationsPerInstance";
    if (tracking["PredefinedMetricSpecification"].at("PredefinedMetricType") != fits) {
      return BadScaling(std::string("The PredefinedMetricType of this dimension is ") + fits + ".");
    }
    return {};
  }
  const json& metric = tracking["CustomizedMetricSpecification"];
  for (const char* member : {"MetricName", "Namespace", "Statistic"}) {
    if (metric.contains(member)) continue;
    return BadScaling(std::string("CustomizedMetricSpecification needs a ") + member + ".");
  }
  return {};
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

std::string TargetKey(const std::string& resource, const std::string& dimension) {
  return resource + "|" + dimension;
}

// A range of capacities that `input` makes of a target's.
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

// When an action is due for the first time after `after`; nullopt: never.
std::optional<Time> DueAfter(const json& settings, int64_t created_ms, Time after) {
  const auto schedule = Schedule::Parse(TextIn(settings, "Schedule"));
  if (!schedule) return std::nullopt;
  const Time start = SecondsIn(settings, "StartTime", FromMillis(created_ms));
  // A StartTime is a time at which it may be due.
  const auto due = schedule->Next(std::max(after, start - Duration(1)), start);
  return due && *due <= SecondsIn(settings, "EndTime", Time::max()) ? due : std::nullopt;
}

}  // namespace

// What a target's policies want.
struct AutoscalingFront::Scale {
  int64_t desired = 0;
  std::string cause;
};

struct AutoscalingOperations {
  using Out = Result<json>;
  using Target = AutoscalingFront::Target;
  using Key = AutoscalingFront::Key;

  static Key KeyOf(const json& input) {
    return {input.at("ResourceId"), input.at("ScalableDimension")};
  }

  static std::string NoTarget(const json& input) {
    return "No scalable target registered for service namespace: sagemaker, resource ID: " +
           input.at("ResourceId").get<std::string>() +
           ", scalable dimension: " + input.at("ScalableDimension").get<std::string>();
  }

  static Status Save(AutoscalingFront& front, const Key& key, const Target& target) {
    const json body = {
        {"settings", target.settings}, {"arn", target.arn}, {"created_ms", target.created_ms}};
    const auto saved = front.parts_.records.Put(kTargets, TargetKey(key.first, key.second),
                                                body.dump(), std::nullopt);
    return saved ? Status() : std::unexpected(saved.error());
  }

  static Status Drop(AutoscalingFront& front, const Key& key, const Target& target) {
    const std::string id = TargetKey(key.first, key.second);
    std::vector<meta::Write> writes = {{.table = kTargets, .key = id}};
    for (const auto& [name, policy] : target.policies) {
      writes.push_back({.table = kPolicies, .key = id + "|" + name});
    }
    for (const auto& [name, action] : target.actions) {
      writes.push_back({.table = kActions, .key = id + "|" + name});
    }
    const auto done = front.parts_.records.Apply(writes);
    return done ? Status() : std::unexpected(done.error());
  }

  static Out Register(AutoscalingFront& front, const json& input) {
    const Key key = KeyOf(input);
    CLARY_TRY(const Scaled scaled, ReadResource(key.first, key.second));
    const auto capacity = ReadCapacity(front.parts_.sagemaker, scaled);
    if (!capacity) return BadScaling(capacity.error().message);
    const MutexLock lock(front.mu_);
    const auto it = front.targets_.find(key);
    Target target = it != front.targets_.end() ? it->second : Target();
    if (it == front.targets_.end()) {
      if (front.targets_.size() >= kMostTargets) {
        return Fail(Code::kResourceExhausted, "LimitExceededException", "Too many targets.");
      }
      target.created_ms = ToMillis(front.parts_.clock.Now());
      target.arn = fmt::format("arn:aws:application-autoscaling:{}:{}:scalable-target/{}",
                               front.account_.region, front.account_.id, RandomId());
    }
    for (const auto& [member, value] : input.items()) target.settings[member] = value;
    if (!target.settings.contains("MinCapacity") || !target.settings.contains("MaxCapacity")) {
      return BadScaling("A new scalable target needs a MinCapacity and a MaxCapacity.");
    }
    CLARY_CHECK_OK(CheckRange(target.settings, capacity->may_be_zero));
    CLARY_CHECK_OK(Save(front, key, target));
    const std::string arn = target.arn;
    front.targets_[key] = std::move(target);
    return json{{"ScalableTargetARN", arn}};
  }

  static Out Deregister(AutoscalingFront& front, const json& input) {
    const MutexLock lock(front.mu_);
    const auto it = front.targets_.find(KeyOf(input));
    if (it == front.targets_.end()) return NoObject(NoTarget(input));
    CLARY_CHECK_OK(Drop(front, it->first, it->second));
    front.targets_.erase(it);
    return json::object();
  }

  static Out PutPolicy(AutoscalingFront& front, const json& input) {
    CLARY_CHECK_OK(ReadResource(input.at("ResourceId"), input.at("ScalableDimension")));
    CLARY_CHECK_OK(CheckTracking(input));
    const MutexLock lock(front.mu_);
    const auto it = front.targets_.find(KeyOf(input));
    if (it == front.targets_.end()) return NoObject(NoTarget(input));
    const std::string name = input.at("PolicyName");
    auto& policies = it->second.policies;
    const auto known = policies.find(name);
    if (known == policies.end() && policies.size() >= kMostPolicies) {
      return Fail(Code::kResourceExhausted, "LimitExceededException", "Too many policies.");
    }
    AutoscalingFront::Policy policy =
        known != policies.end()
            ? known->second
            : AutoscalingFront::Policy{
                  .arn = fmt::format(
                      "arn:aws:autoscaling:{}:{}:scalingPolicy:{}:resource/sagemaker/{}:policyName/"
                      "{}",
                      front.account_.region, front.account_.id, RandomId(), it->first.first, name),
                  .created_ms = ToMillis(front.parts_.clock.Now())};
    policy.settings = input;
    const json body = {
        {"settings", policy.settings}, {"arn", policy.arn}, {"created_ms", policy.created_ms}};
    CLARY_CHECK_OK(front.parts_.records.Put(
        kPolicies, TargetKey(it->first.first, it->first.second) + "|" + name, body.dump(),
        std::nullopt));
    const std::string arn = policy.arn;
    policies[name] = std::move(policy);
    return json{{"PolicyARN", arn}, {"Alarms", json::array()}};
  }

  static Out DeletePolicy(AutoscalingFront& front, const json& input) {
    const MutexLock lock(front.mu_);
    const auto it = front.targets_.find(KeyOf(input));
    const std::string name = input.at("PolicyName");
    if (it == front.targets_.end() || !it->second.policies.contains(name)) {
      return NoObject("No scaling policy found for service namespace: sagemaker, resource ID: " +
                      input.at("ResourceId").get<std::string>() + ", policy name: " + name);
    }
    CLARY_CHECK_OK(front.parts_.records.Apply(
        {{.table = kPolicies, .key = TargetKey(it->first.first, it->first.second) + "|" + name}}));
    it->second.policies.erase(name);
    return json::object();
  }

  static Status SaveAction(AutoscalingFront& front, const Key& key,
                           const AutoscalingFront::Action& action) {
    const json body = {{"settings", action.settings},
                       {"arn", action.arn},
                       {"created_ms", action.created_ms},
                       {"done_ms", action.done_ms}};
    const auto saved = front.parts_.records.Put(
        kActions,
        TargetKey(key.first, key.second) + "|" + TextIn(action.settings, "ScheduledActionName"),
        body.dump(), std::nullopt);
    return saved ? Status() : std::unexpected(saved.error());
  }

  static Out PutAction(AutoscalingFront& front, const json& input) {
    const Key key = KeyOf(input);
    CLARY_TRY(const Scaled scaled, ReadResource(key.first, key.second));
    const std::string zone = input.value("Timezone", "UTC");
    if (zone != "UTC" && zone != "Etc/UTC") {
      return BadScaling("The Timezone " + zone + " is not supported: schedules are in UTC here.");
    }
    const auto capacity = ReadCapacity(front.parts_.sagemaker, scaled);
    const Time now = front.parts_.clock.Now();
    const MutexLock lock(front.mu_);
    const auto it = front.targets_.find(key);
    if (it == front.targets_.end()) return NoObject(NoTarget(input));
    if (!capacity) return BadScaling(capacity.error().message);
    Target& target = it->second;
    const std::string name = input.at("ScheduledActionName");
    const auto known = target.actions.find(name);
    if (known == target.actions.end() && target.actions.size() >= kMostActions) {
      return Fail(Code::kResourceExhausted, "LimitExceededException",
                  "Too many scheduled actions.");
    }
    AutoscalingFront::Action action =
        known != target.actions.end()
            ? known->second
            : AutoscalingFront::Action{
                  .arn = fmt::format("arn:aws:autoscaling:{}:{}:scheduledAction:{}:resource/"
                                     "sagemaker/{}:scheduledActionName/{}",
                                     front.account_.region, front.account_.id, RandomId(),
                                     key.first, name),
                  .created_ms = ToMillis(now)};
    for (const auto& [member, value] : input.items()) action.settings[member] = value;
    const json change = action.settings.value("ScalableTargetAction", json::object());
    if (!action.settings.contains("Schedule") || change.empty()) {
      return BadScaling(
          "A new scheduled action needs a Schedule and a ScalableTargetAction with a MinCapacity "
          "or a MaxCapacity.");
    }
    CLARY_CHECK_OK(Schedule::Parse(TextIn(action.settings, "Schedule")));
    if (SecondsIn(action.settings, "EndTime", Time::max()) <=
        SecondsIn(action.settings, "StartTime", Time::min())) {
      return BadScaling("EndTime is after StartTime.");
    }
    if (!DueAfter(action.settings, action.created_ms, now)) {
      return BadScaling("The Schedule " + TextIn(action.settings, "Schedule") +
                        " is never due from now on.");
    }
    json range = target.settings;
    range.update(change);
    // One alone may be due when another one has set the other.
    if (change.size() == 2) CLARY_CHECK_OK(CheckRange(range, capacity->may_be_zero));
    action.done_ms = ToMillis(now);
    CLARY_CHECK_OK(SaveAction(front, key, action));
    target.actions[name] = std::move(action);
    return json::object();
  }

  static Out DeleteAction(AutoscalingFront& front, const json& input) {
    const Key key = KeyOf(input);
    const MutexLock lock(front.mu_);
    const auto it = front.targets_.find(key);
    const std::string name = input.at("ScheduledActionName");
    if (it == front.targets_.end() || !it->second.actions.contains(name)) {
      return NoObject("No scheduled action found for service namespace: sagemaker, resource ID: " +
                      key.first + ", scheduled action name: " + name);
    }
    CLARY_CHECK_OK(front.parts_.records.Apply(
        {{.table = kActions, .key = TargetKey(key.first, key.second) + "|" + name}}));
    it->second.actions.erase(name);
    return json::object();
  }

  // A page of `all`, whose elements have their place in `ids`.
  static Out Page(std::string_view operation, const json& input, const char* member,
                  const std::vector<std::pair<std::string, json>>& all) {
    const auto limit = static_cast<size_t>(input.value("MaxResults", int64_t{50}));
    size_t begin = 0;
    if (input.contains("NextToken")) {
      const auto after = api::ReadPageToken(operation, input, input.value("NextToken", ""));
      if (!after || !after->is_string()) {
        return Fail(Code::kInvalidArgument, "InvalidNextTokenException", "Invalid next token");
      }
      while (begin < all.size() && all[begin].first != after->get<std::string>()) ++begin;
      if (begin < all.size()) ++begin;
    }
    json out = {{member, json::array()}};
    for (size_t i = begin; i < all.size(); ++i) {
      if (out[member].size() == limit) {
        out["NextToken"] = api::MakePageToken(operation, input, all[i - 1].first);
        break;
      }
      out[member].push_back(all[i].second);
    }
    return out;
  }

  static bool Asked(const json& input, const Key& key) {
    if (const auto ids = input.find("ResourceIds"); ids != input.end() && !ids->empty()) {
      if (std::ranges::find(*ids, json(key.first)) == ids->end()) return false;
    }
    return input.value("ResourceId", key.first) == key.first &&
           input.value("ScalableDimension", key.second) == key.second;
  }

  static json Shown(const json& settings, std::initializer_list<const char*> members) {
    json out = json::object();
    for (const char* member : members) {
      if (settings.contains(member)) out[member] = settings[member];
    }
    return out;
  }

  static Out DescribeTargets(AutoscalingFront& front, const json& input) {
    std::vector<std::pair<std::string, json>> all;
    const MutexLock lock(front.mu_);
    for (const auto& [key, target] : front.targets_) {
      if (!Asked(input, key)) continue;
      json one =
          Shown(target.settings, {"ServiceNamespace", "ResourceId", "ScalableDimension",
                                  "MinCapacity", "MaxCapacity", "RoleARN", "SuspendedState"});
      if (!one.contains("RoleARN")) {
        one["RoleARN"] = "arn:aws:iam::" + front.account_.id +
                         ":role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
                         "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint";
      }
      one.emplace("SuspendedState", json{{"DynamicScalingInSuspended", false},
                                         {"DynamicScalingOutSuspended", false},
                                         {"ScheduledScalingSuspended", false}});
      one["ScalableTargetARN"] = target.arn;
      one["CreationTime"] = static_cast<double>(target.created_ms) / 1000;
      all.emplace_back(TargetKey(key.first, key.second), std::move(one));
    }
    return Page("DescribeScalableTargets", input, "ScalableTargets", all);
  }

  static Out DescribePolicies(AutoscalingFront& front, const json& input) {
    std::vector<std::pair<std::string, json>> all;
    const json names = input.value("PolicyNames", json::array());
    const MutexLock lock(front.mu_);
    for (const auto& [key, target] : front.targets_) {
      if (!Asked(input, key)) continue;
      for (const auto& [name, policy] : target.policies) {
        if (!names.empty() && std::ranges::find(names, json(name)) == names.end()) continue;
        json one = policy.settings;
        one["PolicyARN"] = policy.arn;
        one["Alarms"] = json::array();
        one["CreationTime"] = static_cast<double>(policy.created_ms) / 1000;
        all.emplace_back(TargetKey(key.first, key.second) + "|" + name, std::move(one));
      }
    }
    return Page("DescribeScalingPolicies", input, "ScalingPolicies", all);
  }

  static Out DescribeActions(AutoscalingFront& front, const json& input) {
    std::vector<std::pair<std::string, json>> all;
    const json names = input.value("ScheduledActionNames", json::array());
    const MutexLock lock(front.mu_);
    for (const auto& [key, target] : front.targets_) {
      if (!Asked(input, key)) continue;
      for (const auto& [name, action] : target.actions) {
        if (!names.empty() && std::ranges::find(names, json(name)) == names.end()) continue;
        json one = action.settings;
        one["ScheduledActionARN"] = action.arn;
        one["CreationTime"] = static_cast<double>(action.created_ms) / 1000;
        all.emplace_back(TargetKey(key.first, key.second) + "|" + name, std::move(one));
      }
    }
    return Page("DescribeScheduledActions", input, "ScheduledActions", all);
  }

  static Out DescribeActivities(AutoscalingFront& front, const json& input) {
    std::vector<std::pair<std::string, json>> all;
    const MutexLock lock(front.mu_);
    for (const json& activity : front.activities_) {
      if (!Asked(input, {activity.at("ResourceId"), activity.at("ScalableDimension")})) continue;
      all.emplace_back(activity.at("ActivityId"), activity);
    }
    return Page("DescribeScalingActivities", input, "ScalingActivities", all);
  }
};

Result<std::unique_ptr<AutoscalingFront>> AutoscalingFront::Open(Parts parts,
                                                                 const Account& account) {
  std::unique_ptr<AutoscalingFront> front(new AutoscalingFront(std::move(parts), account));
  CLARY_CHECK_OK(front->Reload());
  return front;
}

Status AutoscalingFront::Reload() {
  const MutexLock lock(mu_);
  std::map<std::string_view, std::vector<meta::Record>> all;
  for (const char* table : {kTargets, kPolicies, kActions}) {
    CLARY_TRY(all[table], parts_.records.List(table));
  }
  std::map<Key, Target> before;
  before.swap(targets_);
  for (const char* table : {kTargets, kPolicies, kActions}) {
    for (const meta::Record& record : all[table]) {
      const auto body = BodyOf(table, record);
      const json settings = body ? body->value("settings", json::object()) : json();
      const Key key{TextIn(settings, "ResourceId"), TextIn(settings, "ScalableDimension")};
      if (!body || key.first.empty()) {
        LOG(kError, "a record of autoscaling is damaged", {"table", table}, {"key", record.key});
        continue;
      }
      if (table == kTargets) {
        targets_[key] = {.settings = settings,
                         .arn = TextIn(*body, "arn"),
                         .created_ms = IntIn(*body, "created_ms"),
                         .changed_ms = before[key].changed_ms};
        continue;
      }
      const auto target = targets_.find(key);
      if (target == targets_.end()) continue;
      if (table == kPolicies) {
        target->second.policies[TextIn(settings, "PolicyName")] = {
            .settings = settings,
            .arn = TextIn(*body, "arn"),
            .created_ms = IntIn(*body, "created_ms")};
      } else {
        target->second.actions[TextIn(settings, "ScheduledActionName")] = {
            .settings = settings,
            .arn = TextIn(*body, "arn"),
            .created_ms = IntIn(*body, "created_ms"),
            .done_ms = IntIn(*body, "done_ms")};
      }
    }
  }
  return {};
}

Result<json> AutoscalingFront::Handle(std::string_view operation, const json& input) {
  using Operations = AutoscalingOperations;
  struct Row {
    std::string_view name;
    Result<json> (*run)(AutoscalingFront& front, const json& input);
  };
  constexpr Row kRows[] = {{"DeleteScalingPolicy", Operations::DeletePolicy},
                           {"DeleteScheduledAction", Operations::DeleteAction},
                           {"DeregisterScalableTarget", Operations::Deregister},
                           {"DescribeScalableTargets", Operations::DescribeTargets},
                           {"DescribeScalingActivities", Operations::DescribeActivities},
                           {"DescribeScalingPolicies", Operations::DescribePolicies},
                           {"DescribeScheduledActions", Operations::DescribeActions},
                           {"PutScalingPolicy", Operations::PutPolicy},
                           {"PutScheduledAction", Operations::PutAction},
                           {"RegisterScalableTarget", Operations::Register}};
  if (input.value("ServiceNamespace", "") != "sagemaker") {
    return BadScaling("Only the ServiceNamespace sagemaker is served here.");
  }
  const auto* row = std::ranges::find(kRows, operation, &Row::name);
  if (row == std::end(kRows)) {
    return Fail(Code::kInvalidArgument, "UnknownOperationException",
                "this service has no operation '" + std::string(operation) + "'");
  }
  return row->run(*this, input);
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
  bool all_in = !target.policies.empty();
  for (const auto& [name, policy] : target.policies) {
    const json& tracking = policy.settings.at("TargetTrackingScalingPolicyConfiguration");
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
      if (desired < current && (!in || desired > in->desired)) in = {desired, cause};
    }
  }
  if (out && !suspended.value("DynamicScalingOutSuspended", false)) return out;
  if (in && all_in && !suspended.value("DynamicScalingInSuspended", false)) return in;
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
    if (const Status saved = AutoscalingOperations::SaveAction(*this, key, done); !saved) {
      LOG(kWarn, "a scheduled action waits", {"name", name}, {"message", saved.error().message});
      continue;  // it would be done again after a restart
    }
    action->done_ms = done.done_ms;
    if (suspended.value("ScheduledScalingSuspended", false)) continue;
    Target changed = target;
    changed.settings.update(action->settings.at("ScalableTargetAction"));
    Status set = CheckRange(changed.settings, true);
    if (set) set = AutoscalingOperations::Save(*this, key, changed);
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
    if (AutoscalingOperations::Drop(*this, key, target)) targets_.erase(key);
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
