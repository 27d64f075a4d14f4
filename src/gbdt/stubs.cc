#include "gbdt/model_io.h"
#include "gbdt/predict.h"
namespace clary::gbdt {
Result<Forest> ReadModel(std::string_view) {
  return Fail(Code::kUnimplemented, "Unimplemented", "reading models");
}
std::string WriteJson(const Forest&) { return "{}"; }
std::string WriteUbjson(const Forest&) { return "{}"; }
Result<std::vector<float>> Predict(const Forest&, const Dataset&, const PredictOptions&) {
  return Fail(Code::kUnimplemented, "Unimplemented", "prediction");
}
}  // namespace clary::gbdt
