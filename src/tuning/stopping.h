// When to give a running trial up. Values are minimised. Pure functions of what was reported: one
// thread at a time.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <vector>

namespace clary::tuning {

// Asynchronous successive halving, its stopping variant (Li et al. 2020): at each rung a trial goes
// on if its value is among the best 1/eta of all that were reported there.
class SuccessiveHalving {
 public:
  // Rungs at `min` * eta^k below `max`. 0 < min <= max.
  SuccessiveHalving(size_t min, size_t max, size_t eta = 3);

  // A trial's value after `resource` units; each trial reports every rung once, growing. True: go
  // on. At `max` a trial has ended.
  bool Report(size_t resource, double value);
  std::span<const size_t> rungs() const { return rungs_; }

 private:
  size_t max_, eta_;
  std::vector<size_t> rungs_;
  std::map<size_t, std::vector<double>> values_;  // by rung, sorted
};

// SageMaker's early stopping "Auto": after `resource` reports a trial is given up if its best value
// so far is worse than the median of the running averages that ended trials had after as many
// (Golovin et al. 2017, 3.2.2).
class MedianRule {
 public:
  void Ended(std::span<const double> curve);  // a trial's values in order of its reports
  // Whether the trial with this curve so far is to be stopped. Never before three have ended.
  bool ShouldStop(std::span<const double> curve) const;

 private:
  std::vector<std::vector<double>> averages_;  // running averages of ended trials
};

}  // namespace clary::tuning
