// Where boosting starts from, and the quantiles that it and refitted leaves are made of.
#pragma once

#include <cstddef>
#include <span>

#include "base/thread_pool.h"
#include "clary/gbdt.h"
#include "gbdt/objective.h"

namespace clary::gbdt {

// The value that the share `q` of the weight lies at or below. Without weights (any other length
// than that of `values`), between the two nearest ranks of (n + 1) q. 0 of nothing.
double WeightedQuantile(std::span<const float> values, std::span<const float> weights, double q);

// The intercept, in the space of predictions, when none is given: one for all `outputs`, as files
// that every release reads can hold. Sums run in row order, so they do not depend on threads.
float EstimateBaseScore(const TrainParams& params, Objective& objective, const Dataset& train,
                        size_t outputs, ThreadPool& pool);

}  // namespace clary::gbdt
