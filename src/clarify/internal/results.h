// What an analysis has found, on its way into files.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "clarify/analysis.h"
#include "clarify/bias_analysis.h"
#include "clarify/explain.h"
#include "clarify/feature_space.h"
#include "clarify/pdp.h"

namespace clary::clarify {

struct ShapResults {
  ShapValues values;
  std::vector<double> global;  // feature after feature, an output each
  std::vector<std::string> score_names;
  std::vector<double> baseline;  // rows of the feature space
  double residual = 0;           // the largest gap between a row's values and its prediction
};

struct AnalysisResults {
  const AnalysisInput& input;
  const Dataset& dataset;
  const FeatureSpace& space;
  const std::vector<double>& rows;  // of the space
  BiasSections bias;
  std::optional<ShapResults> shap;
  std::vector<PartialDependence> pdp;
  std::vector<std::string> warnings;
  reports::Json analysis;  // analysis.json
  reports::Json extras;    // clary_analysis.json
};

// The report's files. Nothing if none is asked for.
Status WriteReport(const AnalysisResults& results, const std::filesystem::path& directory);

}  // namespace clary::clarify
