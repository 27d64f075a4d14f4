// Evaluation metrics, as XGBoost computes and prints them.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "clary/gbdt.h"

namespace clary::gbdt {

class Metric {
 public:
  virtual ~Metric() = default;
  // Of transformed predictions [rows * outputs]; weighted by the rows' weights. NaN where the
  // metric is not defined (auc of one class).
  virtual double Evaluate(std::span<const float> predictions, const Dataset& data) const = 0;
};

// kInvalidArgument "UnknownMetric" or "BadMetric" (its parameter); kUnimplemented for those this
// version lacks. The metric may be used with any data of the same number of outputs.
Result<std::unique_ptr<Metric>> MakeMetric(std::string_view name);

}  // namespace clary::gbdt
