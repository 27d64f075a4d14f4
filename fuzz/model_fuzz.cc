// Model files of all three formats: what reads must be safe to use.
#include <cmath>
#include <cstdlib>
#include <string_view>

#include "gbdt/model_io.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace clary::gbdt;
  const auto model = Model::Parse({reinterpret_cast<const char*>(data), size});
  if (!model) return 0;
  if (model->num_feature() > 100 || model->num_output() > 10) return 0;
  std::vector<float> row(std::max(1U, model->num_feature()), 0.5F);
  if (row.size() > 1) row[1] = std::nanf("");
  const auto rows = Dataset::FromDense(row, 1, static_cast<uint32_t>(row.size()));
  if (!rows || model->num_feature() == 0) return 0;
  for (const PredictKind kind :
       {PredictKind::kValue, PredictKind::kLeaf, PredictKind::kContributions,
        PredictKind::kApproxContributions, PredictKind::kInteractions}) {
    (void)model->Predict(*rows, {.kind = kind, .threads = 1});
  }
  (void)model->FeatureImportance(Importance::kGain);
  (void)model->FeatureImportance(Importance::kWeight);
  for (const std::string& again : {model->ToUbjson(), model->ToJson()}) {
    if (!Model::Parse(again)) std::abort();
  }
  const int rounds = model->num_round();
  (void)model->Slice(rounds / 2, rounds).Predict(*rows, {.threads = 1});
  return 0;
}
