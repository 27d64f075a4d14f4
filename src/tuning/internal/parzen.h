// Tree-structured Parzen estimator (Bergstra et al. 2011), multivariate: what is likely among the
// best trials and unlikely among the others.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "tuning/strategy.h"

namespace clary::tuning {

// A mixture over the space's cube: around each of some points a normal distribution cut to the
// interval, a category's own value with most of the weight, all coordinates from one component; and
// one component as wide as the cube. Older points count less where there are many (as in Optuna:
// the newest 25 fully).
class Parzen {
 public:
  // `configs` in order of age, oldest first; may be empty.
  Parzen(const Space& space, std::vector<Config> configs);

  double LogDensity(const Config& config) const;
  Config Draw(std::uint64_t seed) const;

 private:
  const Space& space_;
  std::vector<Config> configs_;
  std::vector<std::vector<double>> points_;  // encoded
  std::vector<double> weights_;              // of the components, the wide one last; they sum to 1
  double width_ = 1;                         // deviation of a point's component
};

// The best by the ratio of densities among draws from that of the best trials, of those that are
// not in `taken`; none if all of them are. Pending and failed trials count among the others.
std::optional<Config> SuggestByParzen(const Space& space, std::span<const Trial> trials,
                                      const std::set<Config>& taken, uint64_t seed);

}  // namespace clary::tuning
