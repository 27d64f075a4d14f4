// Which parameters mattered, from ended trials. Pure functions; values are minimised and finite.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tuning/space.h"

namespace clary::tuning {

// A share in [0, 1] with an interval around it.
struct Share {
  double value = 0;
  double low = 0;
  double high = 0;
};

// From so many ended trials on the shares below mean something.
inline constexpr size_t kTrialsForImportance = 20;

// PED-ANOVA (Watanabe et al. 2023, eq. 16, within what was tried): how far the density of the best
// `top` of the trials differs from that of all, by parameter,
//   v_j = E_{x ~ p}[(p_top(x) / p(x) - 1)^2],
// as a share of the sum over the parameters. Densities are mixtures of truncated normal
// distributions, by Scott's rule, and one uniform component that counts as a trial, over cells of
// equal width: the parameter's own, or kPedCells. Interval: the 10 % and 90 % quantiles over
// `resamples` of the trials with replacement. All 0 below three trials or without any difference.
inline constexpr size_t kPedCells = 50;
std::vector<Share> PedAnova(const Space& space, std::span<const Config> configs,
                            std::span<const double> values, double top = 0.1,
                            size_t resamples = 100, uint64_t seed = 0);

// Functional ANOVA (Hutter et al. 2014) of a random forest: how much of the variance of the values
// over the whole space is that of one parameter's marginal, and of two parameters' together beyond
// their own. Intervals: mean -+ one standard deviation over the trees, cut to [0, 1].
struct FunctionalAnova {
  std::vector<Share> single;  // by parameter
  struct Pair {
    size_t a = 0, b = 0;
    Share share;
  };
  std::vector<Pair> pairs;  // of the kPairParameters most important, largest first
};
inline constexpr size_t kPairParameters = 8;
FunctionalAnova Fanova(const Space& space, std::span<const Config> configs,
                       std::span<const double> values, uint64_t seed = 0);

}  // namespace clary::tuning
