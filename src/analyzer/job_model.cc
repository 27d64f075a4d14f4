#include "analyzer/internal/job_model.h"

#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "api/images.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/quote.h"
#include "base/strings.h"
#include "clary/gbdt.h"
#include "runner/unpack.h"

namespace clary::analyzer {
namespace fs = std::filesystem;
namespace {

using nlohmann::json;

constexpr Duration kPoll{200};
constexpr Duration kMaxPoll{3000};
constexpr size_t kMaxEndpointName = 63;
// While a worker of the model computes, the next request is on its way to it.
constexpr unsigned kMostRequestsAtOnce = 8;

std::unexpected<Error> BadModel(std::string message) {
  return Fail(Code::kInvalidArgument, "ClientError", std::move(message));
}

// The container of a model that has one alone; null if it is a pipeline.
json OneContainer(const json& model) {
  if (model.contains("PrimaryContainer")) return model["PrimaryContainer"];
  const json all = model.value("Containers", json::array());
  return all.size() == 1 ? all[0] : json();
}

// Whether the model is an artefact of the built-in algorithm, without code of its user's.
bool IsOurs(const json& container) {
  if (!container.is_object() || !api::ResolveImage(TextIn(container, "Image"))) return false;
  if (TextIn(container, "ModelDataUrl").empty()) return false;
  const json environment = container.value("Environment", json::object());
  if (!TextIn(environment, "SAGEMAKER_PROGRAM").empty()) return false;
  return TextIn(container, "Mode") != "MultiModel";
}

}  // namespace

Result<std::unique_ptr<JobModel>> JobModel::Open(
    ServiceCalls& service, const clarify::PredictorConfig& config, const std::string& job_arn,
    const fs::path& folder, const std::function<void(const std::string&)>& log) {
  std::unique_ptr<JobModel> out(new JobModel(service, config));
  const auto describe = [&](const char* kind, const char* member,
                            const std::string& name) -> Result<json> {
    auto found = service.SageMaker(std::string("Describe") + kind, {{member, name}});
    if (found) return found;
    return BadModel(fmt::format("predictor: the {} '{}' cannot be asked: {}", ToLower(kind),
                                Printable(name, 80), found.error().message));
  };
  std::string model_name = config.model_name;
  if (!config.endpoint_name.empty()) {
    CLARY_TRY(const json endpoint, describe("Endpoint", "EndpointName", config.endpoint_name));
    out->endpoint_ = config.endpoint_name;
    log("WARNING: rows made up for explanations may enter the data that endpoint '" +
        config.endpoint_name + "' captures, if it captures any");
    CLARY_TRY(const json settings, describe("EndpointConfig", "EndpointConfigName",
                                            TextIn(endpoint, "EndpointConfigName")));
    const json variants = settings.value("ProductionVariants", json::array());
    model_name = variants.size() == 1 ? TextIn(variants[0], "ModelName") : "";
  }
  if (!model_name.empty()) {
    CLARY_TRY(const json model, describe("Model", "ModelName", model_name));
    const json container = OneContainer(model);
    if (IsOurs(container)) {
      const auto environment =
          container.value("Environment", json::object()).get<std::map<std::string, std::string>>();
      CLARY_CHECK_OK(out->LoadHere(TextIn(container, "ModelDataUrl"), environment, folder));
      out->endpoint_.clear();
      log(fmt::format("model '{}' is asked in this process: {}", model_name,
                      out->here_->Describe()));
      return out;
    }
  }
  if (out->endpoint_.empty()) {
    CLARY_CHECK_OK(out->CreateEndpoint(job_arn));
    log(fmt::format("model '{}' is asked at the endpoint '{}', which is this job's own",
                    config.model_name, out->endpoint_));
    CLARY_CHECK_OK(out->AwaitEndpoint());
  }
  return out;
}

JobModel::~JobModel() {
  if (!shadow_endpoint_.empty()) {
    (void)service_.SageMaker("DeleteEndpoint", {{"EndpointName", shadow_endpoint_}});
  }
  if (!shadow_config_.empty()) {
    (void)service_.SageMaker("DeleteEndpointConfig", {{"EndpointConfigName", shadow_config_}});
  }
}

Status JobModel::LoadHere(const std::string& archive_uri,
                          std::map<std::string, std::string> environment, const fs::path& folder) {
  const auto named = [&](Error error) {
    return BadModel(fmt::format("the model at {}: {}", archive_uri, error.message));
  };
  const auto ref = objects::ObjectRef::ParseUri(archive_uri);
  if (!ref) return named(ref.error());
  auto object = service_.store().Get(*ref);
  if (!object) return named(object.error());
  CLARY_CHECK_OK(MakeDirectories(folder));
  const auto unpacked = runner::UnpackTar(*object->body, folder);
  if (!unpacked) return named(unpacked.error());
  const auto threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  auto model = serving::XgboostModel::Load(
      folder, {.environment = std::move(environment), .threads = threads});
  if (!model) return named(model.error());
  here_ = *std::move(model);
  return {};
}

Status JobModel::CreateEndpoint(const std::string& job_arn) {
  const std::string stamp =
      fmt::format("{}-{}", ToMillis(Clock::System().Now()) / 1000, HexEncode(RandomBytes(2)));
  const json tags = json::array({{{"Key", kOwnerTag}, {"Value", job_arn}}});
  const std::string config = "sm-clarify-config-" + stamp;
  const size_t room = kMaxEndpointName - config_.endpoint_name_prefix.size() - stamp.size() - 2;
  std::string model = config_.model_name.substr(0, room);
  while (model.ends_with('-')) model.pop_back();
  const std::string endpoint = config_.endpoint_name_prefix + "-" + model + "-" + stamp;
  const auto made = service_.SageMaker(
      "CreateEndpointConfig", {{"EndpointConfigName", config},
                               {"ProductionVariants",
                                {{{"VariantName", "AllTraffic"},
                                  {"ModelName", config_.model_name},
                                  {"InstanceType", config_.instance_type},
                                  {"InitialInstanceCount", config_.initial_instance_count}}}},
                               {"Tags", tags}});
  if (!made) return BadModel(made.error().message);
  shadow_config_ = config;
  const auto begun = service_.SageMaker(
      "CreateEndpoint",
      {{"EndpointName", endpoint}, {"EndpointConfigName", config}, {"Tags", tags}});
  if (!begun) return BadModel(begun.error().message);
  shadow_endpoint_ = endpoint_ = endpoint;
  return {};
}

Status JobModel::AwaitEndpoint() {
  Duration pause = kPoll;
  for (;;) {
    const auto state = service_.SageMaker("DescribeEndpoint", {{"EndpointName", endpoint_}});
    if (!state) return BadModel(state.error().message);
    const std::string status = TextIn(*state, "EndpointStatus");
    if (status == "InService") return {};
    if (status != "Creating") {
      return BadModel(fmt::format("the model did not come up at endpoint '{}': {}", endpoint_,
                                  TextIn(*state, "FailureReason")));
    }
    Clock::System().Sleep(pause);
    pause = std::min(pause * 2, kMaxPoll);
  }
}

clarify::ModelOptions JobModel::Options() const {
  clarify::ModelOptions out;
  if (here_ != nullptr) {
    out.trees = here_->Plain();
    out.invoke = [this](const std::string& body) -> Result<std::string> {
      serving::Reply reply = here_->Invoke(config_.content_type, config_.accept_type, body);
      if (reply.status == 200) return std::move(reply.body);
      return Fail(Code::kInvalidArgument, "ModelError",
                  fmt::format("the model failed with HTTP {}: {}", reply.status,
                              Printable(reply.body, 200)));
    };
    return out;
  }
  net::Headers headers;
  headers.Set("Content-Type", config_.content_type);
  headers.Set("Accept", config_.accept_type);
  if (!config_.target_model.empty()) {
    headers.Set("X-Amzn-SageMaker-Target-Model", config_.target_model);
  }
  if (!config_.custom_attributes.empty()) {
    headers.Set("X-Amzn-SageMaker-Custom-Attributes", config_.custom_attributes);
  }
  // As many as an instance of ours has workers.
  out.requests_at_once = static_cast<int>(
      std::clamp(2 * std::thread::hardware_concurrency(), 1U, kMostRequestsAtOnce));
  out.invoke = [this, headers](const std::string& body) {
    return service_.Invoke(endpoint_, headers, body);
  };
  return out;
}

}  // namespace clary::analyzer
