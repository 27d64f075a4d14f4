// CloudWatch: the metrics of training jobs as their log lines carry them, metrics that users put,
// and alarms on both.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "control/service.h"
#include "server/alarms.h"
#include "server/metric_store.h"

namespace clary::server {

class CloudWatchFront {
 public:
  struct Source {
    // The series of one job, all if `name` is empty. kNotFound for an unknown job.
    std::function<Result<std::vector<control::MetricSeries>>(const std::string& job,
                                                             std::string_view name)>
        series;
    std::function<std::vector<std::string>()> jobs;  // newest first
  };
  // Keeps all of them.
  static Result<std::unique_ptr<CloudWatchFront>> Open(Source source, MetricStore& store,
                                                       meta::MetadataStore& records,
                                                       const Account& account,
                                                       Clock& clock = Clock::System());

  // One call, on a document that Understand() has passed. Times are epoch seconds; in the answer in
  // members whose name begins or ends with "Timestamp". kInvalidArgument
  // "UnknownOperationException" | "ValidationError" | "InvalidParameterValue" |
  // "InvalidParameterCombination" | "MissingParameter"; kNotFound "ResourceNotFound". Any thread.
  Result<nlohmann::json> Handle(std::string_view operation, const nlohmann::json& input);

  // Evaluates the alarms. Any thread; for housekeeping, every few seconds.
  void EvaluateAlarms() { alarms_->Evaluate(); }
  // As AlarmBook's. Any thread.
  Status ReloadAlarms() { return alarms_->Reload(); }
  std::vector<PolicyAlarm> AlarmsOf(const std::string& policy, bool values) const {
    return alarms_->AlarmsOf(policy, values);
  }
  std::string AlarmState(const std::string& name) const { return alarms_->StateOf(name); }

 private:
  friend struct CloudWatchOperations;
  CloudWatchFront(Source source, MetricStore& store, Clock& clock)
      : source_(std::move(source)), store_(store), clock_(clock) {}

  // The samples of one metric in [start, end); none for an unknown one, as in CloudWatch.
  Result<std::vector<MetricSample>> Samples(const MetricKey& key, Time start, Time end);

  Source source_;
  MetricStore& store_;
  Clock& clock_;
  std::unique_ptr<AlarmBook> alarms_;
};

}  // namespace clary::server
