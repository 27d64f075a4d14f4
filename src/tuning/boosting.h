// What a search for the hyperparameters of gradient boosting knows beforehand, under XGBoost's
// names.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tuning/strategy.h"

namespace clary::tuning {

// Where a search goes if nobody says where.
struct BoostingRange {
  std::string_view name;
  double min, max;
  bool integer, log;
  double usual;  // the algorithm's own default, which may be below `min`
};
std::span<const BoostingRange> BoostingRanges();
const BoostingRange* FindBoostingRange(std::string_view name);  // null: none of these

// A value for each of BoostingRanges(), in their order.
using BoostingPoint = std::vector<double>;

// Configurations that did best on other data as a set, the best first: of each data set the best of
// them counts (docs/benchmarks.md says which data, and how much it gains).
std::span<const BoostingPoint> BoostingPortfolio();

// What is tried first in `space`: the usual values, then the portfolio; parameters of other names
// are in the middle of their range. `fixed` has what is not tuned, by name: with a fixed number of
// rounds the rate is what makes up for it, and the other way round, since their product is what
// matters most. Each is a configuration that the space can suggest; none is there twice.
std::vector<Suggestion> BoostingStart(const Space& space,
                                      const std::map<std::string, double>& fixed,
                                      std::span<const BoostingPoint> portfolio);

}  // namespace clary::tuning
