// Bias metrics of SageMaker Clarify: how unlike the outcomes of one group of people (d, the facet)
// and of everybody else (a) are, in the labels and in a model's predictions.
//
// Names, definitions, directions and error texts are those of Clarify's analysis.json; formulas:
// Das et al. 2021, "Fairness Measures for Machine Learning in Finance", and Hardt et al. 2021,
// "Amazon SageMaker Clarify". Where a ratio has no denominator, 0/0 is 0 and x/0 infinite.
// Everything here is a pure function of its arguments: any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "clarify/column.h"

namespace clary::clarify {

// Whether values of a column are compared one by one, or with a threshold.
enum class DataKind { kCategorical, kContinuous };

// Clarify's rule: several `values` make it categorical; so does text, unless it reads as integers;
// integers (also as text) are continuous if at least 5 % of those that are there are distinct; real
// numbers always are. So the same column may change its kind with the number of rows.
DataKind KindOf(const Column& column, size_t values);

// One group of rows, and how the analysis prints it: "Female", "Black,Other", "(40, 90]".
struct Group {
  std::string text;
  std::vector<bool> member;  // a row each; missing values are in no group
};

// The group of `values` in `column`. Categorical: the rows that equal one of them, as given or else
// converted to the column's type; no values: one group for each value, in order of appearance
// ("nan" for missing ones, which nobody is in). Continuous: those above the first value, up to the
// largest of the column and of `also`. kInvalidArgument "ClientError" with Clarify's text.
Result<std::vector<Group>> GroupsOf(const Column& column, std::span<const Value> values,
                                    const Column* also = nullptr);

struct Metric {
  std::string_view name;         // "DPL"
  std::string_view description;  // "Difference in Positive Proportions in Labels (DPL)"
  std::optional<double> value;   // may be infinite; none: see error
  std::string error;
};

// Everything that the metrics look at, a row each. `predicted` is empty if there are no
// predictions.
struct BiasData {
  std::vector<bool> facet;              // d
  std::vector<bool> label;              // the positive outcome was observed
  std::vector<bool> predicted;          // the positive outcome was predicted
  const Column* group = nullptr;        // group_variable; none: CDDL and CDDPL are errors
  std::vector<const Column*> features;  // for FlipTest
  int threads = 0;                      // of FlipTest; 0: one per core
};

enum class BiasStage { kPreTraining, kPostTraining };
// The names of a stage's metrics, in the order of analysis.json: alphabetical.
std::vector<std::string_view> MetricNames(BiasStage stage);

// The metrics of a stage: all, or those that `methods` names (in alphabetical order as well).
// kInvalidArgument "ClientError" for a name that is none, in Clarify's words.
Result<std::vector<Metric>> BiasMetrics(BiasStage stage, const BiasData& data,
                                        std::span<const std::string> methods = {});

// Between these lie 95 of 100 draws of a metric.
struct MetricInterval {
  double low = 0;
  double high = 0;  // either may be infinite
};
// Intervals of the metrics that BiasMetrics() gives, in their order: percentiles of `draws`
// multinomial draws of the counts that they depend on (facet x label x prediction; for CDDL and
// CDDPL the table of groups), the same for the same seed. None for FT, for a metric without a
// value, and where one draw in twenty has none.
std::vector<std::optional<MetricInterval>> BiasIntervals(BiasStage stage, const BiasData& data,
                                                         std::span<const std::string> methods = {},
                                                         size_t draws = 2000, uint64_t seed = 0);

// What the model does for everybody: accuracy, rates, ratios and F1, under Clarify's names.
std::vector<Metric> PerformanceMetrics(const std::vector<bool>& label,
                                       const std::vector<bool>& predicted);

}  // namespace clary::clarify
