// Explanations as files.
#pragma once

#include <filesystem>
#include <map>
#include <vector>

#include "base/error.h"
#include "clarify/internal/results.h"
#include "reports/json.h"

namespace clary::clarify {

// What follows is of results.shap, which must be there.

// Units of text that are alike, over all rows: mean size (or square) of what they add to a row, a
// row without one counting as 0; their median over the rows that have one. The configuration's
// max_top_tokens of each feature and output.
std::map<size_t, std::vector<std::vector<TextValue>>> TopText(const AnalysisResults& results);

// explanations.kernel_shap of analysis.json.
reports::Json ShapJson(const AnalysisResults& results);

// explanations_shap/: baseline.csv, and out.csv or (with free texts) out.jsonl if asked for.
Status WriteShapFiles(const AnalysisResults& results, const std::filesystem::path& directory);

}  // namespace clary::clarify
