#include "clary/clarify.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "client/internal/job_name.h"
#include "client/internal/processing.h"
#include "client/internal/session_impl.h"

namespace clary::clarify {
namespace {

using nlohmann::json;

json ValueJson(const ConfigValue& value) {
  return std::visit([](const auto& v) { return json(v); }, value);
}
json ValuesJson(const std::vector<ConfigValue>& values) {
  json out = json::array();
  for (const ConfigValue& v : values) out.push_back(ValueJson(v));
  return out;
}

// A place in a line of csv is a number, a JMESPath a text.
json PlaceJson(const std::string& text, const std::string& type) {
  const bool digits =
      !text.empty() && text.find_first_not_of("0123456789") == std::string::npos && text.size() < 9;
  return type == "text/csv" && digits ? json(std::stoi(text)) : json(text);
}

json Methods(const std::vector<std::string>& names) {
  return {{"methods", names.empty() ? json("all") : json(names)}};
}

void AddData(const DataConfig& data, json& config) {
  config["dataset_type"] = data.dataset_type;
  if (!data.headers.empty()) config["headers"] = data.headers;
  if (!data.label.empty()) config["label"] = data.label;
  if (!data.features.empty()) config["features"] = data.features;
  if (!data.excluded_columns.empty()) config["excluded_columns"] = data.excluded_columns;
  if (!data.predicted_label.empty()) config["predicted_label"] = data.predicted_label;
}

void AddBias(const BiasConfig& bias, json& config) {
  config["label_values_or_threshold"] = ValuesJson(bias.label_values_or_threshold);
  json facets = json::array();
  for (const BiasFacet& f : bias.facets) {
    json one = {{"name_or_index", f.name}};
    if (!f.values_or_threshold.empty()) {
      one["value_or_threshold"] = ValuesJson(f.values_or_threshold);
    }
    facets.push_back(std::move(one));
  }
  config["facet"] = std::move(facets);
  if (!bias.group_name.empty()) config["group_variable"] = bias.group_name;
}

void AddModel(const ModelConfig& model, json& config) {
  json p = {{"content_type", model.content_type}, {"accept_type", model.accept_type}};
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) p[name] = value;
  };
  add("model_name", model.model_name);
  add("endpoint_name", model.endpoint_name);
  if (model.endpoint_name.empty()) {
    p["instance_type"] = model.instance_type;
    p["initial_instance_count"] = model.instance_count;
  }
  add("content_template", model.content_template);
  add("record_template", model.record_template);
  if (!model.label.empty()) p["label"] = PlaceJson(model.label, model.accept_type);
  if (!model.probability.empty()) {
    p["probability"] = PlaceJson(model.probability, model.accept_type);
  }
  if (!model.label_headers.empty()) p["label_headers"] = model.label_headers;
  config["predictor"] = std::move(p);
  config["probability_threshold"] = model.probability_threshold;
}

json ShapJson(const SHAPConfig& shap) {
  json out = {{"agg_method", shap.agg_method},
              {"use_logit", shap.use_logit},
              {"save_local_shap_values", shap.save_local_shap_values}};
  if (!shap.baseline_uri.empty()) {
    out["baseline"] = shap.baseline_uri;
  } else if (!shap.baseline.empty()) {
    json rows = json::array();
    for (const auto& row : shap.baseline) rows.push_back(ValuesJson(row));
    out["baseline"] = std::move(rows);
  }
  if (shap.num_clusters > 0) out["num_clusters"] = shap.num_clusters;
  if (shap.num_samples > 0) out["num_samples"] = shap.num_samples;
  if (shap.seed) out["seed"] = *shap.seed;
  if (shap.text_config) {
    out["text_config"] = {{"granularity", shap.text_config->granularity},
                          {"language", shap.text_config->language}};
  }
  if (!shap.features_to_explain.empty()) out["features_to_explain"] = shap.features_to_explain;
  return out;
}

json PdpJson(const PDPConfig& pdp) {
  json out = {{"grid_resolution", pdp.grid_resolution}, {"top_k_features", pdp.top_k_features}};
  if (!pdp.features.empty()) out["features"] = pdp.features;
  return out;
}

}  // namespace

struct Processor::Analysis {
  const DataConfig& data;
  json config;
  const char* name;
};

Status Processor::Run(const Analysis& analysis, const RunOptions& run) {
  auto& aws = session_.impl().aws;
  const std::string& output = analysis.data.s3_output_path;
  constexpr std::string_view kScheme = "s3://";
  if (!output.starts_with(kScheme)) {
    return Fail(Code::kInvalidArgument, "BadUri", "'" + output + "' is not s3://bucket/prefix");
  }
  json config = analysis.config;
  AddData(analysis.data, config);
  config["methods"]["report"] = {{"name", "report"}, {"title", "Analysis Report"}};
  const size_t slash = output.find('/', kScheme.size());
  std::string key = slash == std::string::npos ? "" : output.substr(slash + 1);
  if (!key.empty() && !key.ends_with('/')) key += '/';
  const std::string bucket = output.substr(kScheme.size(), slash - kScheme.size());
  CLARY_TRY(
      const std::string config_uri,
      session_.upload_string_as_file_body(config.dump(2), bucket, key + "analysis_config.json"));
  if (options_.role.empty()) {
    CLARY_TRY(options_.role, session_.get_execution_role());
  }
  const std::string name =
      client::NameAt(options_.job_name_prefix.empty() ? analysis.name : options_.job_name_prefix,
                     aws.clock().Now());
  json request = {
      {"ProcessingJobName", name},
      {"AppSpecification",
       {{"ImageUri", "205585389593.dkr.ecr." + session_.region_name() +
                         ".amazonaws.com/sagemaker-clarify-processing:1.0"}}},
      {"ProcessingInputs",
       {client::InputOf("dataset", analysis.data.s3_data_input_path,
                        "/opt/ml/processing/input/data"),
        client::InputOf("analysis_config", config_uri, "/opt/ml/processing/input/config")}},
      {"ProcessingOutputConfig",
       {{"Outputs",
         {{{"OutputName", "analysis_result"},
           {"S3Output",
            {{"S3Uri", output},
             {"LocalPath", "/opt/ml/processing/output"},
             {"S3UploadMode", "EndOfJob"}}}}}}}},
      {"ProcessingResources",
       {{"ClusterConfig",
         {{"InstanceCount", 1},
          {"InstanceType", options_.instance_type},
          {"VolumeSizeInGB", 30}}}}},
      {"RoleArn", options_.role}};
  if (options_.max_runtime > 0) {
    request["StoppingCondition"] = {{"MaxRuntimeInSeconds", options_.max_runtime}};
  }
  auto created = aws.Json(Service::kSageMaker, "CreateProcessingJob", request);
  if (!created) {
    return std::unexpected(std::move(created).error().With("creating a processing job"));
  }
  job_.emplace(session_, name);
  if (!run.wait) return {};
  CLARY_TRY(const auto job, job_->wait([](const LogEvent& event) {
    std::printf("%s\n", event.message.c_str());
    std::fflush(stdout);
  }));
  if (job.status != "Failed") return {};
  return Fail(Code::kFailedPrecondition, "ProcessingJobFailed",
              "processing job " + name + " failed: " + job.failure_reason);
}

Status Processor::run_pre_training_bias(const DataConfig& data, const BiasConfig& bias,
                                        const RunOptions& run) {
  Analysis a{.data = data, .config = {}, .name = "Clarify-Pretraining-Bias"};
  AddBias(bias, a.config);
  a.config["methods"]["pre_training_bias"] = Methods(run.pre_training_methods);
  return Run(a, run);
}

Status Processor::run_bias(const DataConfig& data, const BiasConfig& bias, const ModelConfig& model,
                           const RunOptions& run) {
  Analysis a{.data = data, .config = {}, .name = "Clarify-Bias"};
  AddBias(bias, a.config);
  AddModel(model, a.config);
  a.config["methods"]["pre_training_bias"] = Methods(run.pre_training_methods);
  a.config["methods"]["post_training_bias"] = Methods(run.post_training_methods);
  return Run(a, run);
}

Status Processor::run_explainability(const DataConfig& data, const ModelConfig& model,
                                     const std::optional<SHAPConfig>& shap,
                                     const std::optional<PDPConfig>& pdp, const RunOptions& run) {
  Analysis a{.data = data, .config = {}, .name = "Clarify-Explainability"};
  AddModel(model, a.config);
  if (shap) a.config["methods"]["shap"] = ShapJson(*shap);
  if (pdp) a.config["methods"]["pdp"] = PdpJson(*pdp);
  return Run(a, run);
}

Status Processor::run_bias_and_explainability(const DataConfig& data, const BiasConfig& bias,
                                              const ModelConfig& model,
                                              const std::optional<SHAPConfig>& shap,
                                              const std::optional<PDPConfig>& pdp,
                                              const RunOptions& run) {
  Analysis a{.data = data, .config = {}, .name = "Clarify-Bias-And-Explainability"};
  AddBias(bias, a.config);
  AddModel(model, a.config);
  a.config["methods"]["pre_training_bias"] = Methods(run.pre_training_methods);
  a.config["methods"]["post_training_bias"] = Methods(run.post_training_methods);
  if (shap) a.config["methods"]["shap"] = ShapJson(*shap);
  if (pdp) a.config["methods"]["pdp"] = PdpJson(*pdp);
  return Run(a, run);
}

}  // namespace clary::clarify
