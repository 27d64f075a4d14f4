// Partial dependence: what a model answers on average when one feature has a value in every row.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "clarify/feature_space.h"
#include "clarify/model_access.h"

namespace clary::clarify {

struct PartialDependence {
  size_t feature = 0;
  bool categorical = false;
  std::vector<std::string> categories;  // sorted; or
  std::vector<double> grid;             // the middles of equal parts of the feature's range
  std::vector<double> distribution;     // the share of rows in each
  std::vector<std::vector<double>> predictions;  // [output][grid]: means
  std::vector<std::vector<double>> curves;       // of single rows, the first output
  std::string error;                             // why there is none: a text that is no category
};

// Of each of `features`: texts, booleans and integers with at most twenty values are categories.
// Rows are drawn (by `seed`) if all of them would be more than 10^7 questions. Errors: the model's.
Result<std::vector<PartialDependence>> DependenceOf(ModelAccess& model, const FeatureSpace& space,
                                                    std::span<const double> rows,
                                                    std::span<const size_t> features, size_t grid,
                                                    uint64_t seed);

}  // namespace clary::clarify
