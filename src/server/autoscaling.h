// Application Auto Scaling for endpoints: scalable targets, target-tracking and step policies,
// scheduled actions, and the loop that follows them by changing how many instances of a variant, or
// copies of an inference component, there are.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "base/mutex.h"
#include "meta/metadata_store.h"
#include "server/alarms.h"
#include "server/identity.h"
#include "server/metric_store.h"

namespace clary::server {

// A metric is looked at by whole minutes, as AWS's alarms do: three in a row above the target add
// instances, fifteen in a row below nine tenths of it take some away, and a cooldown passes between
// two changes. A step policy acts while an alarm that names it is in the state that names it: its
// next step is taken when the cooldown has passed, or at once if it is a larger one up. What is
// asked for stays between the target's MinCapacity and MaxCapacity, and is
// never raised above the machine's cores. A scheduled action sets the target's MinCapacity and
// MaxCapacity when it is due; one that came due while no service ran is done once. Any thread.
class AutoscalingFront {
 public:
  // Borrowed.
  struct Parts {
    // One call of SageMaker's API.
    std::function<Result<nlohmann::json>(std::string_view operation, const nlohmann::json& input)>
        sagemaker;
    MetricStore& metrics;
    // AlarmBook::AlarmsOf().
    std::function<std::vector<PolicyAlarm>(const std::string& policy, bool values)> alarms;
    // Tables "scalable_targets", "scaling_policies" and "scheduled_actions".
    meta::MetadataStore& records;
    int64_t cores = 1;
    Clock& clock;
  };
  static Result<std::unique_ptr<AutoscalingFront>> Open(Parts parts, const Account& account);

  // One call, on a document that Understand() has passed. kInvalidArgument "ValidationException";
  // kNotFound "ObjectNotFoundException"; kInvalidArgument "InvalidNextTokenException".
  Result<nlohmann::json> Handle(std::string_view operation, const nlohmann::json& input)
      EXCLUDES(mu_);

  // Reads all that is kept anew: another service may have written it.
  Status Reload() EXCLUDES(mu_);
  // For housekeeping, every few seconds.
  void Evaluate() EXCLUDES(mu_);

 private:
  friend struct AutoscalingOperations;
  struct Policy {
    nlohmann::json settings;  // the members of PutScalingPolicy
    std::string arn;
    int64_t created_ms = 0;
  };
  struct Action {
    nlohmann::json settings;  // the members of PutScheduledAction
    std::string arn;
    int64_t created_ms = 0;
    int64_t done_ms = 0;  // when it was done last
  };
  struct Target {
    nlohmann::json settings;  // the members of RegisterScalableTarget
    std::string arn;
    int64_t created_ms = 0;
    std::map<std::string, Policy> policies;
    std::map<std::string, Action> actions;
    int64_t changed_ms = 0;  // the last change of ours, in this process
    int64_t added = 0;       // by it
  };
  using Key = std::pair<std::string, std::string>;  // ResourceId, ScalableDimension

  AutoscalingFront(Parts parts, const Account& account)
      : parts_(std::move(parts)), account_(account) {}
  Status Save(const Key& key, const Target& target) REQUIRES(mu_);
  Status Save(const Key& key, const Action& action) REQUIRES(mu_);
  Status Drop(const Key& key, const Target& target) REQUIRES(mu_);
  struct Scale;
  std::optional<Scale> Stepped(const Target& target, const Policy& policy, int64_t current);
  std::optional<Scale> Wanted(const Target& target, int64_t current, const std::string& endpoint);
  void EvaluateOne(const Key& key) EXCLUDES(mu_);
  void DoScheduled(const Key& key, Target& target) REQUIRES(mu_);
  void Note(const Key& key, const std::string& description, const std::string& cause,
            const Status& done) REQUIRES(mu_);

  const Parts parts_;
  const Account account_;
  Mutex mu_;
  std::map<Key, Target> targets_ GUARDED_BY(mu_);
  std::deque<nlohmann::json> activities_ GUARDED_BY(mu_);  // newest first, of this process
};

}  // namespace clary::server
