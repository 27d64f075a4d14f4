// What the folds of cross validation say of a trial, and of two trials on the same folds.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace clary::tuning {

// Whether cross-validated results `other` may be as low as `best`, fold by fold the same rows: the
// one-sided corrected resampled t-test (Nadeau and Bengio 2003, eq. 9) does not reject it with this
// confidence. Both have the same number of values, 2 or more; a round of `folds` >= 2 holds every
// row out once.
bool FoldsMayEqual(std::span<const double> other, std::span<const double> best, size_t folds,
                   double confidence = 0.95);

// The standard error of each trial's mean over its folds, without what the folds do to all trials
// alike: that is taken out as the mean of those trials that have every fold, if there are three or
// more. Trials are of the same folds in the same order; one that was given up has the first of
// them. 0 of a trial with fewer than two.
std::vector<double> PairedErrors(std::span<const std::vector<double>> trials);

}  // namespace clary::tuning
