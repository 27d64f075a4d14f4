// What ended trials tell about their space, for reports: a Gaussian process (gp.h) over them, asked
// for curves, comparisons and what more trials would bring. Values are minimised, in the
// objective's unit. Deterministic; one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tuning/gp.h"
#include "tuning/space.h"

namespace clary::tuning {

inline constexpr size_t kTrialsForLandscape = 5;

class Landscape {
 public:
  // None below kTrialsForLandscape trials, without a parameter, or if all values are the same. Of
  // many trials the best quarter of 300 and others evenly are used. `values` are finite.
  static std::optional<Landscape> Make(const Space& space, std::span<const Config> configs,
                                       std::span<const double> values, uint64_t seed = 0);

  // The expected objective by one parameter, the others averaged over their ranges (partial
  // dependence), and the standard deviation of that mean.
  struct Marginal {
    std::vector<double> at;  // in the parameter's own unit, or categories
    std::vector<double> mean;
    std::vector<double> low, high;  // one deviation around it
  };
  Marginal MarginalOf(size_t parameter) const;

  // The standard deviation that the process takes for noise, near the best values.
  double noise() const;

  // Whether the function at `config` may be as low as at `best`: the probability that it is not
  // above is at least 5 %.
  bool MayEqual(const Config& config, const Config& best) const;

  // Values at random points of the space, drawn from the process: what random search would meet.
  std::vector<double> RandomValues(size_t count) const;

  // How much lower the best value would be after `trials` more, all chosen now by expected
  // improvement: the mean over the process, and its 10 % and 90 % quantiles. Trials that learn from
  // each other do better.
  struct Gain {
    double mean = 0, low = 0, high = 0;
  };
  Gain ExpectedGain(size_t trials) const;

 private:
  Landscape(const Space& space, Gp gp) : space_(space), gp_(std::move(gp)) {}
  double ToUnit(double y) const;  // of the process's values, back

  Space space_;
  Gp gp_;
  Eigen::MatrixXd points_;
  std::vector<std::pair<double, double>> scale_;  // (process's value, objective's), sorted
  uint64_t seed_ = 0;
};

// Quantiles of the best of k = 1, 2, ..., `most` values drawn from `pool` with replacement: what
// random search has found after k trials. Exact: P(best of k <= x) = 1 - (1 - F(x))^k.
struct Best {
  double low = 0;  // 10 %
  double middle = 0;
  double high = 0;  // 90 %
};
std::vector<Best> BestOfRandom(std::vector<double> pool, size_t most);

}  // namespace clary::tuning
