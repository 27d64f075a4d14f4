// Small pure-Python modules under the names that scripts for SageMaker's XGBoost images import,
// in our own words (src/toolkit/stand_ins/).
#pragma once

#include <span>
#include <string_view>

namespace clary::toolkit {

struct StandIn {
  std::string_view path;  // "sagemaker_xgboost_container/checkpointing.py"
  std::string_view text;
};
std::span<const StandIn> StandIns();

}  // namespace clary::toolkit
