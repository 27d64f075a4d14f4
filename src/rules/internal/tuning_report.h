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
#include "tuning/report.h"

namespace clary::rules {

// What a trial's log says of its metrics, line by line. Cross validation of the built-in algorithm
// logs one fold after the other: their last values are kept, and the curve is the mean over them.
class TrialLog {
 public:
  // `training` may be null. Both are borrowed for the call.
  void Add(const std::string& line, toolkit::MetricPattern& objective,
           toolkit::MetricPattern* training);

  std::vector<double> Curve() const { return curve_.Get(); }
  std::vector<double> TrainingCurve() const { return training_.Get(); }
  const std::vector<double>& folds() const { return folds_; }
  size_t folds_a_round() const { return folds_a_round_; }

 private:
  // Means over the folds, of as many rounds as all of them have; without folds every value.
  class Course {
   public:
    void Add(double value);
    void NextFold();
    std::vector<double> Get() const;

   private:
    std::vector<double> sums_, now_;
    size_t folds_ = 0;  // in sums_
  };
  void EndFold();

  Course curve_, training_;
  bool in_fold_ = false, after_folds_ = false;
  std::vector<double> last_;  // of the fold under way: its last value, or none
  std::vector<double> folds_;
  size_t folds_a_round_ = 0;
};

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
    TrialLog log;
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
