#include "server/autoscaling.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "api/page.h"
#include "base/hash.h"
#include "base/log.h"
#include "server/internal/record_body.h"
#include "server/internal/scaling.h"
#include "server/step_scaling.h"

namespace clary::server {
namespace {

using nlohmann::json;

constexpr char kTargets[] = "scalable_targets";
constexpr char kPolicies[] = "scaling_policies";
constexpr char kActions[] = "scheduled_actions";
constexpr char kStepScaling[] = "StepScaling";
constexpr char kTargetTracking[] = "TargetTrackingScaling";
constexpr size_t kMostTargets = 1000;
constexpr size_t kMostPolicies = 50;  // of a target
constexpr size_t kMostActions = 200;  // likewise

std::unexpected<Error> NoObject(std::string message) {
  return Fail(Code::kNotFound, "ObjectNotFoundException", std::move(message));
}

Status CheckPolicy(const json& input) {
  const std::string type = input.value("PolicyType", kStepScaling);
  for (const auto& [of, member] : {std::pair{kStepScaling, kSteps}, {kTargetTracking, kTracking}}) {
    if (input.contains(member) == (type == of)) continue;
    return BadScaling("A policy of PolicyType " + type + (type == of ? " needs a " : " has no ") +
                      member + ".");
  }
  if (type == kStepScaling) return CheckSteps(input[kSteps]);
  if (type != kTargetTracking) {
    return BadScaling("The PolicyType " + type + " is not supported; there are " + kStepScaling +
                      " and " + kTargetTracking + ".");
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

std::string TargetKey(const std::string& resource, const std::string& dimension) {
  return resource + "|" + dimension;
}

}  // namespace

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
    CLARY_CHECK_OK(front.Save(key, target));
    const std::string arn = target.arn;
    front.targets_[key] = std::move(target);
    return json{{"ScalableTargetARN", arn}};
  }

  static Out Deregister(AutoscalingFront& front, const json& input) {
    const MutexLock lock(front.mu_);
    const auto it = front.targets_.find(KeyOf(input));
    if (it == front.targets_.end()) return NoObject(NoTarget(input));
    CLARY_CHECK_OK(front.Drop(it->first, it->second));
    front.targets_.erase(it);
    return json::object();
  }

  // The alarms of users that name the policy; those of target tracking are no objects here.
  static json AlarmsJson(const AutoscalingFront& front, const std::string& policy) {
    json out = json::array();
    for (const PolicyAlarm& alarm : front.parts_.alarms(policy, false)) {
      out.push_back({{"AlarmName", alarm.name}, {"AlarmARN", alarm.arn}});
    }
    return out;
  }

  static Out PutPolicy(AutoscalingFront& front, const json& input) {
    CLARY_CHECK_OK(ReadResource(input.at("ResourceId"), input.at("ScalableDimension")));
    CLARY_CHECK_OK(CheckPolicy(input));
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
    policy.settings.emplace("PolicyType", kStepScaling);
    const json body = {
        {"settings", policy.settings}, {"arn", policy.arn}, {"created_ms", policy.created_ms}};
    CLARY_CHECK_OK(front.parts_.records.Put(
        kPolicies, TargetKey(it->first.first, it->first.second) + "|" + name, body.dump(),
        std::nullopt));
    const std::string arn = policy.arn;
    policies[name] = std::move(policy);
    return json{{"PolicyARN", arn}, {"Alarms", AlarmsJson(front, arn)}};
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

  static Out PutAction(AutoscalingFront& front, const json& input) {
    const Key key = KeyOf(input);
    CLARY_TRY(const Scaled scaled, ReadResource(key.first, key.second));
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
    CLARY_CHECK_OK(ScheduleOf(action.settings));
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
    CLARY_CHECK_OK(front.Save(key, action));
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
        one["Alarms"] = AlarmsJson(front, policy.arn);
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

Status AutoscalingFront::Save(const Key& key, const Target& target) {
  const json body = {
      {"settings", target.settings}, {"arn", target.arn}, {"created_ms", target.created_ms}};
  const auto saved =
      parts_.records.Put(kTargets, TargetKey(key.first, key.second), body.dump(), std::nullopt);
  return saved ? Status() : std::unexpected(saved.error());
}

Status AutoscalingFront::Drop(const Key& key, const Target& target) {
  const std::string id = TargetKey(key.first, key.second);
  std::vector<meta::Write> writes = {{.table = kTargets, .key = id}};
  for (const auto& [name, policy] : target.policies) {
    writes.push_back({.table = kPolicies, .key = id + "|" + name});
  }
  for (const auto& [name, action] : target.actions) {
    writes.push_back({.table = kActions, .key = id + "|" + name});
  }
  const auto done = parts_.records.Apply(writes);
  return done ? Status() : std::unexpected(done.error());
}

Status AutoscalingFront::Save(const Key& key, const Action& action) {
  const json body = {{"settings", action.settings},
                     {"arn", action.arn},
                     {"created_ms", action.created_ms},
                     {"done_ms", action.done_ms}};
  const auto saved = parts_.records.Put(
      kActions,
      TargetKey(key.first, key.second) + "|" + TextIn(action.settings, "ScheduledActionName"),
      body.dump(), std::nullopt);
  return saved ? Status() : std::unexpected(saved.error());
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
                         .changed_ms = before[key].changed_ms,
                         .added = before[key].added};
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

}  // namespace clary::server
