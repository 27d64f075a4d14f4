// Dropout of trees, as the booster dart does it (Vinayak and Gilad-Bachrach, "DART: Dropouts meet
// Multiple Additive Regression Trees", 2015), with XGBoost's choices and its draws: the same seed
// drops the same trees.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "clary/gbdt.h"
#include "gbdt/sampler.h"

namespace clary::gbdt {

// The trees to leave out of this round, ascending. `weight` holds the weights of all trees. Draws
// nothing for trees that there are none of, one number for skip_drop if it is set, and one a tree.
std::vector<size_t> DrawDropped(const TrainParams& params, std::span<const float> weight,
                                RandomEngine& engine);

// The weights after a round: those of dropped trees shrink by `dropped`, new trees start at
// `fresh`.
struct DropScale {
  float dropped = 1;
  float fresh = 1;
};
DropScale ScaleAfter(const TrainParams& params, size_t dropped, size_t new_trees);

}  // namespace clary::gbdt
