#include "clary/gbdt.h"
namespace clary::gbdt {
Status TrainParams::Validate() const { return {}; }
Result<Model> Train(const TrainParams& params, const Dataset&, const std::vector<EvalSet>&,
                    const TrainOptions&) {
  CLARY_CHECK_OK(params.Validate());
  return Fail(Code::kUnimplemented, "Unimplemented", "training");
}
bool MetricIsMaximized(std::string_view name) { return name == "auc"; }
Result<double> EvalMetric(std::string_view, std::span<const float>, const Dataset&) {
  return Fail(Code::kUnimplemented, "Unimplemented", "metrics");
}
}  // namespace clary::gbdt
