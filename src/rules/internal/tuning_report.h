// The process that writes the report of a tuning job: what it reads beside tuning.json.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "api/rule_spec.h"
#include "base/clock.h"
#include "meta/log_store.h"
#include "objects/object_store.h"
#include "toolkit/metric_pattern.h"
#include "toolkit/trial_log.h"
#include "tuning/report.h"

namespace clary::rules {

// Follows the trials of a tuning job: reads each log where it stopped, and asks once for the size
// of each model. One thread.
class TrialFollower {
 public:
  TrialFollower(std::string log_root, objects::ObjectStore& store)
      : logs_(std::move(log_root)), store_(store) {}

  // The report's input as it stands now. Errors of the log store; a log that is not there is empty,
  // a model that is not there has no size.
  Result<tuning::ReportInput> Read(const api::TuningContext& context, const std::string& region);

 private:
  struct Followed {
    toolkit::TrialLog log;
    uint64_t position = 0;
    bool complete = false;  // read after the trial's end
    std::optional<uint64_t> model_bytes;
  };
  Status Follow(const api::TuningContext::Definition& definition,
                const api::TuningContext::Trial& trial,
                std::vector<toolkit::MetricPattern>& patterns, Followed& followed);

  meta::LogStore logs_;
  objects::ObjectStore& store_;
  std::map<std::string, Followed> trials_;                     // by name
  std::vector<std::vector<toolkit::MetricPattern>> patterns_;  // by definition
};

}  // namespace clary::rules
