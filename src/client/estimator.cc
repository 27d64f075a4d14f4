#include "clary/estimator.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "api/sagemaker.h"
#include "base/strings.h"
#include "client/internal/job_name.h"
#include "client/internal/regions.h"
#include "client/internal/session_impl.h"
#include "client/internal/source_code.h"

namespace clary {
namespace {

using nlohmann::json;

std::string WithoutSlash(std::string uri) {
  while (uri.ends_with('/') && uri != "s3://") uri.pop_back();
  return uri;
}

// "…/sagemaker-xgboost:1.7-1" -> "sagemaker-xgboost"
std::string RepositoryOf(std::string_view image) {
  if (const auto slash = image.rfind('/'); slash != std::string_view::npos) {
    image.remove_prefix(slash + 1);
  }
  return std::string(image.substr(0, image.find_first_of(":@")));
}

json CollectionsOf(const std::vector<Rule>& rules) {
  std::map<std::string, json> by_name;  // two rules may want the same collection
  for (const auto& rule : rules) {
    for (const auto& c : rule.collections) {
      by_name[c.name] = {{"CollectionName", c.name}, {"CollectionParameters", c.parameters}};
    }
  }
  json list = json::array();
  for (auto& [name, c] : by_name) list.push_back(std::move(c));
  return list;
}

// As SageMaker's SDK writes it: each quote behind a backslash.
std::string ActionJson(const std::vector<RuleAction>& actions, const std::string& job) {
  json list = json::array();
  for (const RuleAction& action : actions) {
    if (action.name == "stoptraining") {
      list.push_back({{"name", action.name},
                      {"training_job_prefix", action.target.empty() ? job : action.target}});
    } else {
      list.push_back({{"name", action.name}, {"endpoint", action.target}});
    }
  }
  std::string out;
  for (const char c : list.dump(-1, ' ', false, json::error_handler_t::replace)) {
    if (c == '"') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

HyperparameterValue::HyperparameterValue(double value) {
  char text[40];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  text_.assign(text, end);
}

HyperparameterValue HyperparameterValue::of_json(std::string json) {
  HyperparameterValue value(std::move(json));
  value.is_text_ = false;
  return value;
}

std::string HyperparameterValue::json() const { return is_text_ ? JsonQuote(text_) : text_; }

void Estimator::set_hyperparameters(const Hyperparameters& values) {
  const bool script = !options_.entry_point.empty();
  for (const auto& [name, value] : values) {
    hyperparameters_[name] = script ? value.json() : value.text();
  }
}

struct Estimator::Request {
  std::string name;
  json input;  // of CreateTrainingJob
};

Result<Estimator::Request> Estimator::MakeRequest(const Channels& inputs, const FitOptions& options,
                                                  bool store) {
  const auto& o = options_;
  auto& aws = session_.impl().aws;
  std::string name = options.job_name;
  if (name.empty()) {
    name = client::NameAt(base_name(), aws.clock().Now());
  }
  if (options_.role.empty()) {
    CLARY_TRY(options_.role, session_.get_execution_role());
  }
  if (options_.output_path.empty()) {
    CLARY_TRY(const auto bucket, session_.default_bucket());
    options_.output_path = "s3://" + bucket;
  }
  const std::string output = WithoutSlash(o.output_path);

  json channels = json::array();
  for (const auto& [channel, input] : inputs) {
    json c = {{"ChannelName", channel},
              {"DataSource",
               {{"S3DataSource",
                 {{"S3DataType", input.s3_data_type.empty() ? "S3Prefix" : input.s3_data_type},
                  {"S3Uri", input.s3_data},
                  {"S3DataDistributionType",
                   input.distribution.empty() ? "FullyReplicated" : input.distribution}}}}}};
    if (!input.content_type.empty()) c["ContentType"] = input.content_type;
    if (!input.compression.empty()) c["CompressionType"] = input.compression;
    if (!input.record_wrapping.empty()) c["RecordWrapperType"] = input.record_wrapping;
    if (!input.input_mode.empty()) c["InputMode"] = input.input_mode;
    if (!input.instance_groups.empty()) {
      c["DataSource"]["S3DataSource"]["InstanceGroupNames"] = input.instance_groups;
    }
    channels.push_back(std::move(c));
  }

  auto hyperparameters = hyperparameters_;
  if (!o.entry_point.empty()) {
    const client::SourceCode source = {
        .entry_point = o.entry_point, .source_dir = o.source_dir, .dependencies = o.dependencies};
    CLARY_TRY(std::string code, client::StoreSourceCode(session_, source, name, store));
    if (o.enable_network_isolation) {  // the job cannot fetch it
      channels.push_back({{"ChannelName", "code"},
                          {"DataSource",
                           {{"S3DataSource",
                             {{"S3DataType", "S3Prefix"},
                              {"S3Uri", code},
                              {"S3DataDistributionType", "FullyReplicated"}}}}}});
      code = "/opt/ml/input/data/code/sourcedir.tar.gz";
    }
    hyperparameters["sagemaker_submit_directory"] = JsonQuote(code);
    hyperparameters["sagemaker_program"] = JsonQuote(client::ProgramOf(source));
    hyperparameters["sagemaker_container_log_level"] = "20";
    hyperparameters["sagemaker_job_name"] = JsonQuote(name);
    hyperparameters["sagemaker_region"] = JsonQuote(session_.region_name());
  }

  json request = {
      {"TrainingJobName", name},
      {"AlgorithmSpecification", {{"TrainingImage", o.image_uri}, {"TrainingInputMode", "File"}}},
      {"RoleArn", o.role},
      {"OutputDataConfig", {{"S3OutputPath", output}}},
      {"ResourceConfig", {{"VolumeSizeInGB", o.volume_size}}},
      {"StoppingCondition", {{"MaxRuntimeInSeconds", o.max_run}}},
      {"HyperParameters", hyperparameters}};
  json& resources = request["ResourceConfig"];
  for (const InstanceGroup& group : o.instance_groups) {
    resources["InstanceGroups"].push_back({{"InstanceGroupName", group.name},
                                           {"InstanceType", group.instance_type},
                                           {"InstanceCount", group.instance_count}});
  }
  if (o.instance_groups.empty()) {
    resources["InstanceCount"] = o.instance_count;
    resources["InstanceType"] = o.instance_type;
  }
  if (!channels.empty()) request["InputDataConfig"] = std::move(channels);
  for (const auto& m : o.metric_definitions) {
    request["AlgorithmSpecification"]["MetricDefinitions"].push_back(
        {{"Name", m.name}, {"Regex", m.regex}});
  }
  if (!o.environment.empty()) request["Environment"] = o.environment;
  for (const auto& [key, value] : o.tags) {
    request["Tags"].push_back({{"Key", key}, {"Value", value}});
  }
  if (!o.checkpoint_s3_uri.empty()) request["CheckpointConfig"] = {{"S3Uri", o.checkpoint_s3_uri}};
  if (o.enable_network_isolation) request["EnableNetworkIsolation"] = true;

  for (const auto& rule : o.rules) {
    auto parameters = rule.parameters;
    if (!rule.actions.empty()) parameters["action_json"] = ActionJson(rule.actions, name);
    json r = {{"RuleConfigurationName", rule.name}, {"RuleParameters", std::move(parameters)}};
    if (!rule.image_uri.empty()) {
      r["RuleEvaluatorImage"] = rule.image_uri;
    } else {
      const auto* entry = client::FindRegion(session_.region_name());
      if (entry == nullptr || entry->debugger_account.empty()) {
        return Fail(Code::kInvalidArgument, "NoRulesInRegion",
                    "no rule evaluator is known for region '" + session_.region_name() +
                        "': set Rule::image_uri");
      }
      r["RuleEvaluatorImage"] = std::string(entry->debugger_account) + ".dkr.ecr." +
                                session_.region_name() + "." +
                                std::string(client::DomainOf(session_.region_name())) +
                                "/sagemaker-debugger-rules:latest";
    }
    if (!rule.instance_type.empty()) r["InstanceType"] = rule.instance_type;
    if (!rule.s3_output_path.empty()) r["S3OutputPath"] = rule.s3_output_path;
    request[rule.profiler ? "ProfilerRuleConfigurations" : "DebugRuleConfigurations"].push_back(
        std::move(r));
  }
  if (!o.rules.empty()) {
    request["DebugHookConfig"] = {{"S3OutputPath", output},
                                  {"CollectionConfigurations", CollectionsOf(o.rules)}};
    request["ProfilerConfig"] = {{"S3OutputPath", output}, {"DisableProfiler", false}};
  }
  return Request{.name = std::move(name), .input = std::move(request)};
}

Result<std::string> Estimator::TrainingRequest(const Channels& inputs, const FitOptions& options) {
  CLARY_TRY(const Request request, MakeRequest(inputs, options, true));
  return request.input.dump();
}

std::string Estimator::base_name() const {
  return options_.base_job_name.empty() ? RepositoryOf(options_.image_uri) : options_.base_job_name;
}

Status Estimator::check(const Channels& inputs, const FitOptions& options) {
  CLARY_TRY(const Request request, MakeRequest(inputs, options, false));
  return api::Validate("CreateTrainingJob", request.input);
}

Status Estimator::fit(const Channels& inputs, const FitOptions& options) {
  CLARY_TRY(const Request request, MakeRequest(inputs, options, true));
  const auto created =
      session_.impl().aws.Json(Service::kSageMaker, "CreateTrainingJob", request.input);
  if (!created) return std::unexpected(Error(created.error()).With("creating a training job"));
  job_.emplace(session_, request.name);
  if (!options.wait) return {};
  CLARY_TRY(const auto job,
            job_->wait({.logs = options.logs, .observer = options.observer, .stop = options.stop}));
  if (job.status == "Failed") {
    return Fail(Code::kFailedPrecondition, "TrainingJobFailed",
                "training job " + job.name + " failed: " + job.failure_reason);
  }
  return {};
}

Result<Estimator> Estimator::attach(const Session& session, const std::string& training_job_name) {
  TrainingJob job(session, training_job_name);
  CLARY_TRY(const auto d, job.describe());
  Estimator estimator(session, {.image_uri = d.image_uri,
                                .role = d.role,
                                .instance_count = d.instance_count,
                                .instance_type = d.instance_type,
                                .output_path = d.output_path});
  estimator.hyperparameters_ = d.hyperparameters;
  estimator.job_ = std::move(job);
  return estimator;
}

namespace {

std::unexpected<Error> NoJob() {
  return Fail(Code::kFailedPrecondition, "NoTrainingJob", "no training job yet: call fit() first");
}

}  // namespace

Result<std::string> Estimator::model_data() const {
  if (!job_) return NoJob();
  CLARY_TRY(const auto d, job_->describe());
  if (!d.model_data.empty()) return d.model_data;
  return WithoutSlash(d.output_path) + "/" + d.name + "/output/model.tar.gz";
}

Result<std::vector<RuleStatus>> Estimator::rule_job_summary() const {
  if (!job_) return NoJob();
  return job_->rule_job_summary();
}

Result<std::vector<RuleStatus>> Estimator::wait_for_rules(std::stop_token stop) const {
  if (!job_) return NoJob();
  return job_->wait_for_rules(std::move(stop));
}

Result<std::string> Estimator::latest_job_debugger_artifacts_path() const {
  if (!job_) return NoJob();
  return WithoutSlash(options_.output_path) + "/" + job_->name() + "/debug-output";
}

Result<std::string> Estimator::latest_job_rule_output_path() const {
  if (!job_) return NoJob();
  return WithoutSlash(options_.output_path) + "/" + job_->name() + "/rule-output";
}

Status Estimator::stop_training_job() const {
  if (!job_) return NoJob();
  return job_->stop();
}

}  // namespace clary
