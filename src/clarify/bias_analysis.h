// The bias sections of an analysis: every facet of the configuration, in the words and the order of
// analysis.json, and what is ours beside them.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "clarify/analysis_config.h"
#include "clarify/dataset.h"
#include "reports/json.h"

namespace clary::clarify {

// What a model says of each row.
struct Predictions {
  Column labels;               // of the label's type where that loses nothing
  std::vector<double> scores;  // of the positive outcome, in [0, 1]; empty: not known
};

struct BiasSections {
  reports::Json pre;   // pre_training_bias_metrics; null if not asked for
  reports::Json post;  // post_training_bias_metrics; likewise
  // Of clary_analysis.json: label, facets (counts, rates, kinds, intervals, performance), segments,
  // intersections, thresholds; null without bias methods.
  reports::Json extras;
  std::vector<std::string> warnings;  // for the log and the page
};

// `predictions` is null if there are none (post-training metrics are not asked for then).
// kInvalidArgument "ClientError" with column and value; a metric that has no value is none: it has
// its error in the section.
Result<BiasSections> AnalyseBias(const AnalysisConfig& config, const Dataset& dataset,
                                 const Predictions* predictions, int threads = 0);

// Infinities as "Infinity" and "-Infinity", NaN as null.
reports::Json MetricNumber(double value);

}  // namespace clary::clarify
