// A whole analysis: a configuration, data and a model in, the files of a Clarify job out.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "clarify/analysis_config.h"
#include "clarify/dataset.h"
#include "clarify/model_access.h"
#include "reports/json.h"

namespace clary::clarify {

struct AnalysisInput {
  AnalysisConfig config;
  std::string config_text;  // as it was given
  DatasetFiles files;
  std::string baseline_text;  // of shap.baseline_uri
  // Opens the model; called once, and only if it is asked.
  std::function<Result<ModelOptions>()> open_model;
  std::string job_name;        // for the report
  std::string dataset_source;  // likewise: an S3 URI
  // analysis.json and clary_analysis.json that an earlier run left where this one's will be; the
  // report compares with them if their configuration was the same. Empty: there are none.
  std::string last_analysis;
  std::string last_extras;
  bool parts = false;  // out.csv is a folder of parts, as several instances leave it
  int threads = 0;     // 0: one per core
  std::function<void(const std::string& line)> log;
};

// Writes into `directory`:
//   analysis.json                    as Clarify's
//   clary_analysis.json              docs/formats/clarify-output.md
//   explanations_shap/baseline.csv   the baseline's rows, with a header
//   explanations_shap/out.csv        values of each row, if asked for
//   <report>.html, .ipynb, .pdf      if a report is asked for
// kInvalidArgument "ClientError": what is wrong with data, configuration or model, naming column,
// row and value. Other errors are those of the disk, and of open_model.
Status RunAnalysis(const AnalysisInput& input, const std::filesystem::path& directory);

}  // namespace clary::clarify
