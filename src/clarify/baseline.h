// Rows that stand for a data set where no baseline is given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "clarify/feature_space.h"

namespace clary::clarify {

struct ClusterOptions {
  size_t clusters = 0;  // 0: one, unless the rows fall into 2 to 12 that lie well apart
  uint64_t seed = 0;
};

// Centres of `rows` (rows of the space) by k-prototypes (Huang 1998), k-means++ and ten starts:
// numbers count by standard deviations, texts and codes by whether they differ. A row could occur:
// medians of numbers (of integers one that there is), modes of texts and of integers with at most
// twenty values. As many rows as there are clusters, or fewer if rows are fewer. The same for the
// same seed.
std::vector<double> ClusterBaseline(const FeatureSpace& space, std::span<const double> rows,
                                    const ClusterOptions& options = {});

// Whether a feature's values are taken as categories: texts, booleans, integers with at most twenty
// values.
bool IsCategory(const FeatureSpace& space, std::span<const double> rows, size_t feature);

}  // namespace clary::clarify
