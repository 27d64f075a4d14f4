// analysis_config.json: what a Clarify job is asked for, in the schema that the SageMaker SDKs
// check it with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/error.h"
#include "clarify/column.h"

namespace clary::clarify {

// A column by its place or its name; of JSON data also a JMESPath.
using ColumnRef = std::variant<int64_t, std::string>;
std::string RefText(const ColumnRef& ref);

enum class DatasetType { kCsv, kJsonLines, kJson, kParquet };
std::string_view DatasetTypeName(DatasetType type);  // "text/csv", ...

struct FacetConfig {
  ColumnRef column;
  std::vector<Value> values;  // values or one threshold; empty: each value in turn
};

struct SegmentConfig {
  ColumnRef column;
  std::vector<std::vector<Value>> segments;  // values, or intervals as text "(2, 5]"
  std::string name;
  std::vector<std::string> aliases;  // one each, and one for the rest; or none
};

struct PredictorConfig {
  std::string model_name;  // or endpoint_name, which wins
  std::string instance_type;
  int initial_instance_count = 1;
  std::string endpoint_name;
  std::string endpoint_name_prefix = "sm-clarify";
  std::string target_model;
  std::string custom_attributes;
  std::string content_type;  // filled in: that of the data
  std::string accept_type;   // filled in: content_type
  std::string content_template;
  std::string record_template;
  std::optional<ColumnRef> label;
  std::optional<ColumnRef> probability;
  std::vector<std::string> label_headers;
};

enum class AggregationMethod { kMeanAbs, kMedian, kMeanSquare };

enum class TextGranularity { kToken, kSentence, kParagraph };

// Free texts are explained by their units.
struct FreeTextConfig {
  TextGranularity granularity = TextGranularity::kToken;
  std::string language;  // its ISO code
  int64_t max_top_tokens = 50;
};
// The ISO code of a language that a configuration may name, or whose code it gives; "": none.
std::string_view LanguageCode(std::string_view language);

struct ShapConfig {
  std::string baseline_uri;   // "s3://..."
  std::string baseline_json;  // rows or objects as given; both empty: rows are found
  std::optional<int64_t> num_clusters;
  std::optional<int64_t> num_samples;
  AggregationMethod agg_method = AggregationMethod::kMeanAbs;
  bool use_logit = false;
  bool save_local_shap_values = false;
  std::optional<int64_t> seed;
  std::vector<ColumnRef> features_to_explain;  // empty: all
  std::optional<FreeTextConfig> text;
};

struct PdpConfig {
  int64_t grid_resolution = 15;
  std::vector<ColumnRef> features;  // empty: the top_k_features of SHAP
  int64_t top_k_features = 10;
};

struct ReportConfig {
  std::string name = "report";
  std::string title = "Analysis Report";
};

struct AnalysisConfig {
  DatasetType dataset_type = DatasetType::kCsv;
  std::string dataset_uri;
  std::vector<std::string> headers;
  std::optional<ColumnRef> label;
  std::string features;  // JMESPath of JSON data
  std::optional<ColumnRef> predicted_label;
  std::string predicted_label_dataset_uri;
  std::vector<std::string> predicted_label_headers;
  std::string facet_dataset_uri;
  std::vector<std::string> facet_headers;
  std::optional<ColumnRef> joinsource;
  std::vector<ColumnRef> excluded_columns;
  std::vector<Value> label_values;  // label_values_or_threshold
  std::vector<FacetConfig> facets;
  std::optional<ColumnRef> group_variable;
  double probability_threshold = 0.5;
  std::vector<SegmentConfig> segments;
  std::optional<PredictorConfig> predictor;

  // Methods; names of metrics, empty for all.
  std::optional<std::vector<std::string>> pre_training_bias;
  std::optional<std::vector<std::string>> post_training_bias;
  std::optional<ShapConfig> shap;
  std::optional<PdpConfig> pdp;
  std::optional<ReportConfig> report;

  bool asks_bias() const { return pre_training_bias || post_training_bias; }
  // Whether a model must answer: for predicted labels or for explanations.
  bool asks_model() const { return shap || pdp || (post_training_bias && !predicted_label); }
};

// kInvalidArgument "ClientError": AWS's sentence ("Unable to load analysis configuration as JSON.",
// "Analysis configuration schema validation error.") and behind it everything that is wrong, each
// with its path, what was found and what is allowed. What this service does not do yet (images,
// time series) is refused by the key that asks for it.
Result<AnalysisConfig> ParseAnalysisConfig(std::string_view json);

}  // namespace clary::clarify
