// CloudWatch alarms on one metric each: kept in the MetadataStore, table "alarms", and evaluated
// over the windows of their periods. What a state asks for is told to who acts on it: the only
// actions that are accepted are scaling policies.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/mutex.h"
#include "meta/metadata_store.h"
#include "server/identity.h"
#include "server/metric_store.h"

namespace clary::server {

// An alarm that names a scaling policy as an action.
struct PolicyAlarm {
  std::string name;
  std::string arn;
  bool acts = false;  // its present state's actions have the policy
  double threshold = 0;
  std::vector<double> values;  // of its metric, the newest first, at most one an evaluation period
};

class AlarmBook {
 public:
  using Reader =
      std::function<Result<std::vector<MetricSample>>(const MetricKey& key, Time start, Time end)>;

  // Keeps all of them; loads the alarms.
  static Result<std::unique_ptr<AlarmBook>> Open(Reader reader, meta::MetadataStore& records,
                                                 const Account& account, Clock& clock);

  // One call of PutMetricAlarm, DescribeAlarms, DescribeAlarmHistory, DeleteAlarms or
  // SetAlarmState; errors as CloudWatchFront::Handle(). Any thread.
  Result<nlohmann::json> Handle(std::string_view operation, const nlohmann::json& input);

  // "OK", "ALARM" or "INSUFFICIENT_DATA"; empty: there is no alarm of that name. Any thread.
  std::string StateOf(const std::string& name) EXCLUDES(mu_);

  // The alarms that name `policy`, an ARN, by name. Values are read of those that act, and if they
  // are wanted. Any thread.
  std::vector<PolicyAlarm> AlarmsOf(const std::string& policy, bool values) const EXCLUDES(mu_);

  // Reads all alarms anew: another service may have written them. Any thread.
  Status Reload() EXCLUDES(mu_);

  // Brings every alarm to the state that its metric's windows up to now mean. Any thread.
  void Evaluate();

 private:
  friend struct AlarmOperations;
  struct Event {
    int64_t ms = 0;
    std::string type, summary, data;
  };
  struct Alarm {
    nlohmann::json settings;  // the members of PutMetricAlarm
    std::string state = "INSUFFICIENT_DATA";
    std::string reason = "Unchecked: Initial alarm creation";
    std::string reason_data;
    int64_t configured_ms = 0;
    int64_t updated_ms = 0;       // of state or reason
    int64_t transitioned_ms = 0;  // of the state
    std::vector<Event> history;   // newest last; at most 100
  };
  struct Verdict {
    std::string state, reason, data;
  };
  struct Point {
    Time begin;
    double value;
    bool breaching;
  };

  AlarmBook(Reader reader, meta::MetadataStore& records, Account account, Clock& clock)
      : reader_(std::move(reader)),
        records_(records),
        account_(std::move(account)),
        clock_(clock) {}
  Status Save(const std::string& name, const Alarm& alarm) REQUIRES(mu_);
  std::string ArnOf(const std::string& name) const;
  nlohmann::json Show(const std::string& name, const Alarm& alarm) const;
  void SetState(const std::string& name, Alarm& alarm, Verdict verdict) const;
  // The newest EvaluationPeriods points that there are, the newest first.
  Result<std::vector<Point>> Points(const nlohmann::json& settings) const;
  // nullopt: the state stays.
  Result<std::optional<Verdict>> Judge(const nlohmann::json& settings,
                                       const std::string& state) const;

  const Reader reader_;
  meta::MetadataStore& records_;
  const Account account_;
  Clock& clock_;
  mutable Mutex mu_;  // also over writes of records, so that they come in the order of the changes
  std::map<std::string, Alarm> alarms_ GUARDED_BY(mu_);
};

}  // namespace clary::server
