// What each feature adds to a prediction: path-dependent TreeSHAP and its approximation.
#pragma once

#include <cstddef>
#include <vector>

#include "base/thread_pool.h"
#include "clary/gbdt.h"
#include "gbdt/tree.h"

namespace clary::gbdt {

// Contributions or interactions of trees [first, last), as PredictKind says, on top of `start`: the
// margins [rows * outputs] before the first tree, which become the bias.
//
// Shapley values of the game in which a feature that does not take part sends a row down both sides
// of its splits, weighted by cover (Lundberg et al., "Consistent individualized feature attribution
// for tree ensembles", 2018). Not their recursion: a leaf's share depends only on which of its at
// most depth features the row satisfies, so it is worked out once for each such pattern and then
// looked up. The values are float32 sums in tree order: the same for any number of threads.
std::vector<float> Explain(const Forest& forest, size_t first, size_t last, const Dataset& data,
                           PredictKind kind, const std::vector<float>& start, ThreadPool& pool);

}  // namespace clary::gbdt
