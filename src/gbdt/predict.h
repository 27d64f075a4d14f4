// Prediction of a whole dataset.
#pragma once

#include <vector>

#include "clary/gbdt.h"
#include "gbdt/tree.h"

namespace clary::gbdt {

// See Model::Predict.
Result<std::vector<float>> Predict(const Forest& forest, const Dataset& data,
                                   const PredictOptions& options);

}  // namespace clary::gbdt
