// Bias metrics and explanations, in the words of sagemaker.clarify.
//
//   clary::clarify::Processor processor(session, {});
//   CLARY_CHECK_OK(processor.run_bias(
//       {.s3_data_input_path = train, .s3_output_path = out, .label = "income", .headers = names},
//       {.label_values_or_threshold = {1}, .facets = {{"sex", {"Female"}}}},
//       {.model_name = "census"}));
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "clary/error.h"
#include "clary/processor.h"
#include "clary/session.h"

namespace clary::clarify {

// A value or a threshold of the configuration.
using ConfigValue = std::variant<int64_t, double, std::string>;

struct DataConfig {
  std::string s3_data_input_path;
  std::string s3_output_path;
  std::string label;  // a column's name; empty: none
  std::vector<std::string> headers;
  std::string dataset_type = "text/csv";
  std::string features;  // JMESPath, of JSON data
  std::vector<std::string> excluded_columns;
  std::string predicted_label;  // a column of the data; empty: the model is asked
};

struct BiasFacet {
  std::string name;
  std::vector<ConfigValue> values_or_threshold;  // empty: each value in turn
};

struct BiasConfig {
  std::vector<ConfigValue> label_values_or_threshold;
  std::vector<BiasFacet> facets;
  std::string group_name;  // for CDDL and CDDPL; empty: none
};

struct ModelConfig {
  std::string model_name;  // or endpoint_name, which wins
  std::string instance_type = "ml.m5.xlarge";
  int instance_count = 1;
  std::string endpoint_name;
  std::string content_type = "text/csv";
  std::string accept_type = "text/csv";
  std::string content_template;
  std::string record_template;
  // ModelPredictedLabelConfig's: where labels and scores stand in an answer.
  std::string label;
  std::string probability;
  std::vector<std::string> label_headers;
  double probability_threshold = 0.5;
};

// How features of free text are cut into what is explained.
struct TextConfig {
  std::string granularity = "token";  // or sentence, paragraph
  std::string language = "english";   // or its ISO code
};

struct SHAPConfig {
  std::string baseline_uri;                        // s3://...; or
  std::vector<std::vector<ConfigValue>> baseline;  // rows of features; both empty: of clusters
  int num_clusters = 0;                            // 0: as many as there seem to be
  int num_samples = 0;                             // 0: the service's own
  std::string agg_method = "mean_abs";
  bool use_logit = false;
  bool save_local_shap_values = true;
  std::optional<int64_t> seed;
  std::optional<TextConfig> text_config;         // none: texts are categories
  std::vector<std::string> features_to_explain;  // empty: all; not with text_config
};

struct PDPConfig {
  std::vector<std::string> features;  // empty: those that SHAP finds to matter most
  int grid_resolution = 15;
  int top_k_features = 10;
};

struct ProcessorOptions {
  std::string role;  // empty: Session::get_execution_role()
  std::string instance_type = "ml.m5.xlarge";
  int max_runtime = 0;          // seconds; 0: the service's default
  std::string job_name_prefix;  // empty: SageMaker's: "Clarify-Bias", ...
};

struct RunOptions {
  std::vector<std::string> pre_training_methods;   // empty: all
  std::vector<std::string> post_training_methods;  // likewise
  bool wait = true;  // print the log until the end; a job that failed is then
                     // kFailedPrecondition "ProcessingJobFailed"
};

// One thread at a time.
class Processor {
 public:
  Processor(Session session, ProcessorOptions options)
      : session_(std::move(session)), options_(std::move(options)) {}

  // Each puts analysis_config.json below s3_output_path and creates a job, whose results land
  // there.
  Status run_pre_training_bias(const DataConfig& data, const BiasConfig& bias,
                               const RunOptions& run = {});
  Status run_bias(const DataConfig& data, const BiasConfig& bias, const ModelConfig& model,
                  const RunOptions& run = {});
  Status run_explainability(const DataConfig& data, const ModelConfig& model,
                            const std::optional<SHAPConfig>& shap,
                            const std::optional<PDPConfig>& pdp = {}, const RunOptions& run = {});
  Status run_bias_and_explainability(const DataConfig& data, const BiasConfig& bias,
                                     const ModelConfig& model,
                                     const std::optional<SHAPConfig>& shap,
                                     const std::optional<PDPConfig>& pdp = {},
                                     const RunOptions& run = {});

  const std::optional<ProcessingJob>& latest_job() const { return job_; }

 private:
  struct Analysis;
  Status Run(const Analysis& analysis, const RunOptions& run);

  Session session_;
  ProcessorOptions options_;
  std::optional<ProcessingJob> job_;
};

}  // namespace clary::clarify
