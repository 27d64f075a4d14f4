// What the log of a training job says of the metrics that a tuning job is about.
#pragma once

#include <string>
#include <vector>

#include "toolkit/metric_pattern.h"

namespace clary::toolkit {

// What a trial's log says of its metrics, line by line. Cross validation of the built-in algorithm
// logs one fold after the other: their last values are kept, and the curve is the mean over them.
class TrialLog {
 public:
  // `training` may be null. Both are borrowed for the call.
  void Add(const std::string& line, MetricPattern& objective, MetricPattern* training);

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

}  // namespace clary::toolkit
