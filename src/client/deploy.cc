// A training job's model, where it answers.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "clary/estimator.h"
#include "client/internal/answer.h"
#include "client/internal/job_name.h"
#include "client/internal/session_impl.h"
#include "client/internal/source_code.h"

namespace clary {
namespace {

using nlohmann::json;

constexpr size_t kMaxName = 63;
constexpr char kProgram[] = "SAGEMAKER_PROGRAM";
constexpr char kCode[] = "SAGEMAKER_SUBMIT_DIRECTORY";

Result<json> WaitForEndpoint(AwsClient& aws, const std::string& name) {
  const Duration longest{aws.is_local() ? 100 : 30'000};
  Duration pause{aws.is_local() ? 5 : 5'000};
  for (;;) {
    CLARY_TRY(auto now,
              aws.Json(Service::kSageMaker, "DescribeEndpoint", {{"EndpointName", name}}));
    const std::string status = client::Text(now, "EndpointStatus");
    if (status != "Creating" && !status.ends_with("Updating") && status != "RollingBack") {
      return now;
    }
    aws.clock().Sleep(pause);
    pause = std::min(longest, pause * 2);
  }
}

// The text that a hyperparameter of script mode is: JSON.
std::string ScriptValue(const std::map<std::string, std::string>& hyperparameters,
                        const char* name) {
  const auto it = hyperparameters.find(name);
  if (it == hyperparameters.end()) return {};
  const json value = json::parse(it->second, nullptr, false);
  return value.is_string() ? value.get<std::string>() : it->second;
}

// What tells a container of a framework which script serves.
Status AddScript(const Session& session, const std::string& name, const ModelOptions& options,
                 const std::map<std::string, std::string>& trained_by,
                 std::map<std::string, std::string>& environment) {
  std::string program;
  std::string code;
  if (!options.entry_point.empty()) {
    const client::SourceCode source = {.entry_point = options.entry_point,
                                       .source_dir = options.source_dir,
                                       .dependencies = options.dependencies};
    CLARY_TRY(code, client::StoreSourceCode(session, source, name, true));
    program = client::ProgramOf(source);
  } else {
    program = ScriptValue(trained_by, "sagemaker_program");
    code = ScriptValue(trained_by, "sagemaker_submit_directory");
    if (program.empty()) return {};
    if (!code.starts_with("s3://")) {
      return Fail(Code::kInvalidArgument, "NoScript",
                  "the script that has trained lies at " + code +
                      ", where no endpoint finds it: give the entry_point of one that serves");
    }
  }
  environment.emplace(kProgram, program);
  environment.emplace(kCode, code);
  environment.emplace("SAGEMAKER_CONTAINER_LOG_LEVEL", "20");
  environment.emplace("SAGEMAKER_REGION", session.region_name());
  return {};
}

}  // namespace

Result<std::string> Estimator::CreateModel(const std::string& base,
                                           const ModelOptions& options) const {
  if (!job_) {
    return Fail(Code::kFailedPrecondition, "NoTrainingJob",
                "no training job yet: call fit() first");
  }
  CLARY_TRY(const auto trained, job_->describe());
  if (trained.model_data.empty() || trained.status != "Completed") {
    return Fail(Code::kFailedPrecondition, "NotCompleted",
                "training job '" + trained.name + "' is " + trained.status +
                    ": only a Completed one has a model");
  }
  auto& aws = session_.impl().aws;
  const std::string name = client::NameAt(base.empty() ? trained.name : base, aws.clock().Now());
  auto environment = options.environment;
  CLARY_CHECK_OK(AddScript(session_, name, options, trained.hyperparameters, environment));
  json container = {{"Image", trained.image_uri}, {"ModelDataUrl", trained.model_data}};
  if (!environment.empty()) container["Environment"] = environment;
  auto created = aws.Json(Service::kSageMaker, "CreateModel",
                          {{"ModelName", name},
                           {"ExecutionRoleArn", trained.role},
                           {"PrimaryContainer", std::move(container)}});
  if (!created) return std::unexpected(std::move(created).error().With("creating a model"));
  return name;
}

Result<Predictor> Estimator::deploy(const DeployOptions& options) const {
  auto& aws = session_.impl().aws;
  std::string endpoint = options.endpoint_name;
  if (endpoint.empty() && job_) endpoint = job_->name().substr(0, kMaxName);
  CLARY_TRY(const std::string name, CreateModel(endpoint, options.model));
  const json variants = {{{"VariantName", "AllTraffic"},
                          {"ModelName", name},
                          {"InitialInstanceCount", options.initial_instance_count},
                          {"InstanceType", options.instance_type}}};
  CLARY_CHECK_OK(aws.Json(Service::kSageMaker, "CreateEndpointConfig",
                          {{"EndpointConfigName", name}, {"ProductionVariants", variants}}));
  const bool update =
      options.update_endpoint &&
      aws.Json(Service::kSageMaker, "DescribeEndpoint", {{"EndpointName", endpoint}}).has_value();
  auto made = aws.Json(Service::kSageMaker, update ? "UpdateEndpoint" : "CreateEndpoint",
                       {{"EndpointName", endpoint}, {"EndpointConfigName", name}});
  if (!made) return std::unexpected(std::move(made).error().With("deploying a model"));
  if (!options.wait) return Predictor(session_, endpoint);
  CLARY_TRY(const json now, WaitForEndpoint(aws, endpoint));
  const std::string status = client::Text(now, "EndpointStatus");
  const std::string reason = client::Text(now, "FailureReason");
  if (status != "InService" || !reason.empty()) {
    return Fail(Code::kFailedPrecondition, "EndpointFailed",
                "endpoint " + endpoint + " is " + status + ": " + reason);
  }
  return Predictor(session_, endpoint);
}

Result<Transformer> Estimator::transformer(TransformerOptions options,
                                           const ModelOptions& model) const {
  CLARY_TRY(options.model_name, CreateModel(options.base_transform_job_name, model));
  return Transformer(session_, std::move(options));
}

}  // namespace clary
