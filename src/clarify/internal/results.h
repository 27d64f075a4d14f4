// What an analysis has found, on its way into files.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "clarify/analysis.h"
#include "clarify/bias_analysis.h"
#include "clarify/explain.h"
#include "clarify/feature_space.h"
#include "clarify/pdp.h"
#include "clarify/text_units.h"

namespace clary::clarify {

// What a unit of text adds on average, of one feature and one output.
struct TextValue {
  std::string text;
  double value = 0;
  size_t rows = 0;  // that have it
};

struct ShapResults {
  ShapValues values;
  std::vector<double> global;  // feature after feature, an output each
  std::vector<std::string> score_names;
  std::vector<double> baseline;     // rows of the feature space
  std::unique_ptr<TextPlay> texts;  // of free texts; null: no feature is one
  // Of each free text and each output, the largest first.
  std::map<size_t, std::vector<std::vector<TextValue>>> top_text;
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
  reports::Json last;      // analysis.json of the run before with this configuration; null: none
};

// The value that a metric had in `last`; null: there is none.
reports::Json LastValue(const reports::Json& last, std::string_view stage, const std::string& facet,
                        const std::string& group, const std::string& metric);

// The report's files. Nothing if none is asked for.
Status WriteReport(const AnalysisResults& results, const std::filesystem::path& directory);

}  // namespace clary::clarify
