// Any bytes as a model's answer, in each form: scores are as many as rows, or there is a reason.
// The same bytes as a data set's cells and as a baseline.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "clarify/dataset.h"
#include "clarify/model_access.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace clary;
  using namespace clary::clarify;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const Column numbers{.name = "n", .type = Column::Type::kInteger, .numbers = {1, 2, 3}};
  const std::vector<const Column*> columns = {&numbers};
  FeatureSpace space(columns);
  const auto rows = space.Rows(columns);
  for (const char* accept : {"text/csv", "application/jsonlines", "application/json"}) {
    PredictorConfig config{.content_type = "text/csv", .accept_type = accept};
    if (std::string_view(accept) != "text/csv") config.probability = "p";
    const auto model = ModelAccess::Make(
        config, space, {.invoke = [&](const std::string&) -> Result<std::string> { return text; }});
    if (!model) std::abort();
    const auto answers = (*model)->Ask(rows);
    if (!answers) {
      if (answers.error().message.empty()) std::abort();
      continue;
    }
    if (answers->rows != 3 || answers->scores.size() != 3 * answers->outputs) std::abort();
    for (const double s : answers->scores) {
      if (!std::isfinite(s)) std::abort();
    }
  }
  Dataset dataset{.rows = 3, .columns = {numbers}, .features = {0}};
  for (const DatasetType type : {DatasetType::kCsv, DatasetType::kJsonLines, DatasetType::kJson}) {
    AnalysisConfig config;
    config.dataset_type = type;
    config.features = "f";
    for (const bool given : {true, false}) {
      const auto baseline = ReadBaseline(config, dataset, {.text = text, .inline_json = given});
      if (baseline && baseline->size() != 1) std::abort();
    }
  }
  return 0;
}
