// Models and endpoint configurations: kinds that only are. What runs of them keeps a copy, so both
// may be deleted at any time.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "api/images.h"
#include "control/internal/models.h"
#include "control/internal/programs.h"
#include "toolkit/frameworks.h"

namespace clary::control {
namespace model {
namespace {

using nlohmann::json;

json Head(const Record& r) {
  return {{r.kind->name_member, r.name},
          {r.kind->arn_member, r.arn},
          {"CreationTime", Seconds(r.created_ms)}};
}

json Summary(const Context& /*context*/, const Record& r) { return Head(r); }

// --- Models.

bool IsMultiModel(const json& container) {
  return container.value("Mode", "SingleModel") == "MultiModel";
}

// Whether the model is all that is below a prefix.
bool IsFolder(const json& container) {
  const json source = container.value("ModelDataSource", json::object());
  return source.contains("S3DataSource") &&
         source["S3DataSource"].value("S3DataType", "") == "S3Prefix";
}

Status CheckContainer(const json& container, const std::string& where) {
  const bool image = container.contains("Image");
  if (image == container.contains("ModelPackageName")) {
    return Invalid(where + " needs either an Image or a ModelPackageName.");
  }
  if (container.contains("ModelDataUrl") && container.contains("ModelDataSource")) {
    return Invalid(where + " may have a ModelDataUrl or a ModelDataSource, not both.");
  }
  if (IsMultiModel(container) && !container.contains("ModelDataUrl")) {
    return Invalid(where +
                   " has Mode MultiModel: it needs a ModelDataUrl, the S3 prefix of its models.");
  }
  if (!IsMultiModel(container) && container.contains("MultiModelConfig")) {
    return Invalid(where + ".MultiModelConfig is for Mode MultiModel.");
  }
  const json source = container.value("ModelDataSource", json::object());
  if (source.contains("S3DataSource")) {
    const json& s3 = source["S3DataSource"];
    const bool folder = s3.at("S3DataType") == "S3Prefix";
    if (folder != (s3.at("CompressionType") == "None")) {
      return Invalid(where +
                     ".ModelDataSource.S3DataSource is supported with S3DataType S3Object and "
                     "CompressionType Gzip, a model.tar.gz, and with S3Prefix and None, all files "
                     "below a prefix.");
    }
    if (folder && !s3.at("S3Uri").get<std::string>().ends_with('/')) {
      return Invalid(where +
                     ".ModelDataSource.S3DataSource.S3Uri of an S3Prefix ends with a slash.");
    }
  }
  return {};
}

Status CreateModel(Context& context, json request, Record& record, Plan& /*plan*/) {
  const bool primary = request.contains("PrimaryContainer");
  const json containers = request.value("Containers", json::array());
  if (primary == !containers.empty()) {
    return Invalid("A model needs either a PrimaryContainer or Containers.");
  }
  if (primary) CLARY_CHECK_OK(CheckContainer(request["PrimaryContainer"], "PrimaryContainer"));
  size_t named = 0;
  for (size_t i = 0; i < containers.size(); ++i) {
    const std::string where = "Containers[" + std::to_string(i) + "]";
    CLARY_CHECK_OK(CheckContainer(containers[i], where));
    if (IsMultiModel(containers[i]) && containers.size() > 1) {
      return Invalid(where +
                     " has Mode MultiModel, which this release serves in a model of one "
                     "container only.");
    }
    named += containers[i].contains("ContainerHostname") ? 1 : 0;
  }
  if (named != 0 && named != containers.size()) {
    return Invalid("Give every one of Containers a ContainerHostname, or none of them.");
  }
  if (const auto role = request.find("ExecutionRoleArn"); role != request.end()) {
    CLARY_CHECK_OK(CheckRole(*role, context.options));
  }
  CLARY_CHECK_OK(ResolveContainers(context, request));
  request.emplace("EnableNetworkIsolation", false);
  record.request = request.dump();
  return {};
}

json ModelView(const Context& context, const Record& r, Show show) {
  json view = r.Request();
  view.update(Head(r));
  if (show != Show::kSearch) return view;
  // Search's answer has a model within a summary of all that is about it.
  view["Tags"] = TagsToJson(context.records.Tags(r.arn));
  return {{"Model", std::move(view)}};
}

std::string ContainerName(const json& containers, size_t index) {
  const std::string host = containers.at(index).value("ContainerHostname", "");
  if (!host.empty()) return host;
  return containers.size() == 1 ? "primary" : "container-" + std::to_string(index + 1);
}

// s3://... of a container's model.tar.gz; empty: it names none.
std::string ModelUriOf(const json& container) {
  if (const auto source = container.find("ModelDataSource"); source != container.end()) {
    return source->at("S3DataSource").at("S3Uri");
  }
  return container.value("ModelDataUrl", "");
}

std::string CannotDownload(size_t index, const std::string& uri) {
  return "Failed to download model data for container \"container_" + std::to_string(index + 1) +
         "\" from URL: \"" + uri +
         "\". Please ensure that there is an object located at the URL and that the role passed to "
         "CreateModel has permissions to download the object.";
}

std::string VariableOf(const json& container, const char* name) {
  return TextOf(container.value("Environment", json::object()), name);
}

// What answers for a container: an image's own algorithm where there is no script, else the image
// itself where it was imported, else a script in the Python that stands for the image.
// "ValidationException": none of them is here.
Result<api::Image> ChooseServer(const Context& context, const json& container) {
  const std::string image = container.at("Image");
  const bool script = !VariableOf(container, "SAGEMAKER_PROGRAM").empty();
  const auto known = api::ResolveImage(image);
  if (known && !script) return known;
  if (context.options.find_python) {
    const auto found = context.options.find_python(image, "");
    if (found && !found->container.root.empty()) {
      if (IsMultiModel(container)) {
        return Invalid("\"" + image +
                       "\" is a container image of its own, which this release does not serve with "
                       "Mode MultiModel.");
      }
      return api::Image{.program = "image", .version = ""};
    }
  }
  const auto framework = toolkit::ParseFrameworkImage(image);
  if (framework && framework->framework == "tensorflow") {
    return Invalid("\"" + image +
                   "\" serves with TensorFlow Serving, which this release does not have; a script "
                   "that loads the model with the image of another framework is served.");
  }
  if (script || framework) return api::Image{.program = "script", .version = ""};
  return Invalid("\"" + image +
                 "\" is an image that is not served here. Without more this service serves: " +
                 api::KnownImages() +
                 ". With any other image give an inference script, too (SAGEMAKER_PROGRAM, the "
                 "SDK's entry_point); or bring the image itself from podman or docker: clary "
                 "environments import IMAGE.");
}

Result<std::string> WhatIsWrongWithOne(const Context& context, const json& container,
                                       size_t index) {
  const auto not_here = [](const Error& why) {
    return "Please make sure all images included in the model exist, and that the execution role "
           "used to create the model has permissions to access them. " +
           why.message;
  };
  const auto server = ChooseServer(context, container);
  if (!server) return not_here(server.error());
  if (server->program == "script") {
    if (context.options.find_python) {
      const auto python = context.options.find_python(container.at("Image"), "");
      if (!python) return not_here(python.error());
    }
    const std::string code = VariableOf(container, "SAGEMAKER_SUBMIT_DIRECTORY");
    const auto ref = objects::ObjectRef::ParseUri(code);
    if (code.starts_with("s3://") && (!ref || !context.env.objects.Head(*ref))) {
      return "The code of the inference script is not there: SAGEMAKER_SUBMIT_DIRECTORY is \"" +
             code + "\".";
    }
  }
  if (server->program != "xgboost" && !container.contains("ModelDataUrl") &&
      !container.contains("ModelDataSource")) {
    return std::string();  // all of it may be in the code
  }
  const std::string uri = ModelUriOf(container);
  if (IsMultiModel(container)) {
    // Its models may come later; where they will be has to be there.
    const auto prefix = objects::ObjectRef::ParseUri(uri.ends_with('/') ? uri : uri + "/");
    if (prefix && context.env.objects.HeadBucket(prefix->bucket)) return std::string();
    return CannotDownload(index, uri);
  }
  const auto ref = objects::ObjectRef::ParseUri(uri);
  if (!ref) return CannotDownload(index, uri);
  if (IsFolder(container)) {
    const auto page = context.env.objects.List(ref->bucket, {.prefix = ref->key, .max_keys = 1});
    return page && !page->objects.empty() ? std::string() : CannotDownload(index, uri);
  }
  const auto info = context.env.objects.Head(*ref);
  if (info) return std::string();
  if (info.error().code == Code::kNotFound || info.error().code == Code::kInvalidArgument) {
    return CannotDownload(index, uri);
  }
  return std::unexpected(info.error());
}

// --- Endpoint configurations.

Status CheckServerless(const json& request, const json& variant, const std::string& where) {
  if (request.at("ProductionVariants").size() > 1) {
    return Invalid("An endpoint configuration with a ServerlessConfig has one variant.");
  }
  for (const char* member : {"InitialInstanceCount", "InstanceType"}) {
    if (variant.contains(member)) {
      return Invalid(where + " has a ServerlessConfig: it has no " + member + ".");
    }
  }
  const json& serverless = variant.at("ServerlessConfig");
  if (serverless.at("MemorySizeInMB").get<int>() % 1024 != 0) {
    return Invalid(where +
                   ".ServerlessConfig.MemorySizeInMB is 1024, 2048, 3072, 4096, 5120 or 6144.");
  }
  if (serverless.value("ProvisionedConcurrency", 0) > serverless.at("MaxConcurrency").get<int>()) {
    return Invalid(where +
                   ".ServerlessConfig.ProvisionedConcurrency may not be above MaxConcurrency.");
  }
  for (const char* member : {"DataCaptureConfig", "VpcConfig", "AsyncInferenceConfig",
                             "ShadowProductionVariants", "ExplainerConfig"}) {
    if (request.contains(member)) {
      return Invalid(std::string(member) + " is not supported with a ServerlessConfig.");
    }
  }
  return {};
}

// A configuration whose variants have no models: they are for inference components.
Status CheckHosts(const json& request, const Options& options) {
  for (const json& variant : request.at("ProductionVariants")) {
    if (variant.contains("ModelName")) {
      return Invalid("Give every one of ProductionVariants a ModelName, or none of them.");
    }
    if (variant.contains("ServerlessConfig")) {
      return Invalid(
          "A variant without a ModelName is for inference components, which a "
          "ServerlessConfig cannot host.");
    }
  }
  for (const char* member :
       {"AsyncInferenceConfig", "ShadowProductionVariants", "ExplainerConfig"}) {
    if (!request.contains(member)) continue;
    return Invalid(std::string(member) + " needs ProductionVariants with a ModelName.");
  }
  if (!request.contains("ExecutionRoleArn")) {
    return Invalid(
        "Variants without a ModelName are for inference components: such a "
        "configuration needs an ExecutionRoleArn.");
  }
  return CheckRole(request["ExecutionRoleArn"], options);
}

Status CheckShadows(const json& request) {
  const auto shadows = request.find("ShadowProductionVariants");
  if (shadows == request.end()) return {};
  if (request.at("ProductionVariants").size() != 1 || shadows->size() != 1) {
    return Invalid("ShadowProductionVariants has one variant, beside one of ProductionVariants.");
  }
  if (request.contains("AsyncInferenceConfig")) {
    return Invalid("ShadowProductionVariants is not supported with an AsyncInferenceConfig.");
  }
  return {};
}

Status CheckAsync(const Context& context, const json& request) {
  const auto async = request.find("AsyncInferenceConfig");
  if (async == request.end()) return {};
  const json output = async->at("OutputConfig");
  if (!output.contains("S3OutputPath")) {
    return Invalid("AsyncInferenceConfig.OutputConfig needs an S3OutputPath.");
  }
  for (const char* member : {"S3OutputPath", "S3FailurePath"}) {
    if (!output.contains(member)) continue;
    CLARY_CHECK_OK(CheckTarget(
        output[member], std::string("AsyncInferenceConfig.OutputConfig.") + member, context.env));
  }
  return {};
}

// Whether its expressions can be read, the explainer finds when it starts.
Status CheckExplainer(const json& request) {
  const auto given = request.find("ExplainerConfig");
  if (given == request.end()) return {};
  if (!given->contains("ClarifyExplainerConfig")) {
    return Invalid("ExplainerConfig needs a ClarifyExplainerConfig.");
  }
  if (request.contains("AsyncInferenceConfig")) {
    return Invalid("ExplainerConfig is not supported with an AsyncInferenceConfig.");
  }
  const json& baseline =
      given->at("ClarifyExplainerConfig").at("ShapConfig").at("ShapBaselineConfig");
  if (baseline.contains("ShapBaseline") == baseline.contains("ShapBaselineUri")) {
    return Invalid(
        "ClarifyExplainerConfig.ShapConfig.ShapBaselineConfig needs a ShapBaseline or a "
        "ShapBaselineUri, and not both.");
  }
  return {};
}

Status CreateEndpointConfig(Context& context, json request, Record& record, Plan& /*plan*/) {
  const bool hosts = !request.at("ProductionVariants").front().contains("ModelName");
  if (hosts) CLARY_CHECK_OK(CheckHosts(request, context.options));
  CLARY_CHECK_OK(CheckShadows(request));
  CLARY_CHECK_OK(CheckAsync(context, request));
  CLARY_CHECK_OK(CheckExplainer(request));
  std::set<std::string> names;
  for (const char* list : {"ProductionVariants", "ShadowProductionVariants"}) {
    if (!request.contains(list)) continue;
    size_t index = 0;
    for (json& variant : request[list]) {
      const std::string where = std::string(list) + "[" + std::to_string(index++) + "]";
      if (!names.insert(variant.at("VariantName")).second) {
        return Invalid(where + ".VariantName is that of another variant.");
      }
      if (!hosts && !variant.contains("ModelName")) return Invalid(where + " needs a ModelName.");
      if (!hosts) CLARY_CHECK_OK(Named(context, kModel, variant));
      if (variant.contains("ServerlessConfig")) {
        CLARY_CHECK_OK(CheckServerless(request, variant, where));
      } else if (!variant.contains("InitialInstanceCount") || !variant.contains("InstanceType")) {
        return Invalid(where +
                       " needs InitialInstanceCount and InstanceType, or a ServerlessConfig.");
      }
      variant.emplace("InitialVariantWeight", 1.0);
    }
  }
  request.emplace("EnableNetworkIsolation", false);
  record.request = request.dump();
  return {};
}

json EndpointConfigView(const Context& /*context*/, const Record& r, Show /*show*/) {
  json view = r.Request();
  view.update(Head(r));
  return view;
}

}  // namespace
}  // namespace model

Result<nlohmann::json> ResolveContainers(const Context& context, const nlohmann::json& model) {
  const auto primary = model.find("PrimaryContainer");
  const nlohmann::json given = primary != model.end()
                                   ? nlohmann::json::array({*primary})
                                   : model.value("Containers", nlohmann::json::array());
  nlohmann::json out = nlohmann::json::array();
  for (const nlohmann::json& container : given) {
    if (!container.contains("ModelPackageName")) {
      out.push_back(container);
      continue;
    }
    CLARY_TRY(nlohmann::json packaged, PackageContainers(context, container));
    for (nlohmann::json& one : packaged) {
      one["Environment"].update(container.value("Environment", nlohmann::json::object()));
      out.push_back(std::move(one));
    }
  }
  return out;
}

bool HasManyModels(const nlohmann::json& containers) {
  return std::ranges::any_of(containers, model::IsMultiModel);
}

std::vector<std::string> ContainerNames(const nlohmann::json& containers) {
  std::vector<std::string> out;
  for (size_t i = 0; i < containers.size(); ++i) {
    out.push_back(model::ContainerName(containers, i));
  }
  return out;
}

Result<std::vector<api::ContainerSpec>> MakeContainers(const Context& context,
                                                       const nlohmann::json& containers) {
  std::vector<api::ContainerSpec> out;
  for (size_t i = 0; i < containers.size(); ++i) {
    const nlohmann::json& container = containers[i];
    CLARY_TRY(const api::Image server, model::ChooseServer(context, container));
    api::ContainerSpec spec = {
        .name = model::ContainerName(containers, i),
        .program = server.program,
        .image = container.at("Image"),
        .image_version = server.version,
        .model_uri = model::ModelUriOf(container),
        .model_folder = model::IsFolder(container),
        .multi_model = model::IsMultiModel(container),
        .keep_models = container.value("MultiModelConfig", nlohmann::json::object())
                           .value("ModelCacheSetting", "Enabled") != "Disabled",
        .environment = container.value("Environment", std::map<std::string, std::string>())};
    if (spec.program != "xgboost" && context.options.find_python) {
      CLARY_TRY(spec.python, context.options.find_python(spec.image, ""));
    }
    out.push_back(std::move(spec));
  }
  return out;
}

Result<api::ScriptAccess> MakeAccess(const Context& context,
                                     const std::vector<api::ContainerSpec>& containers,
                                     bool isolated, const std::string& owner,
                                     const std::string& role_arn) {
  constexpr std::chrono::hours kLong{10 * 365 * 24};  // an endpoint runs until it is deleted
  const Options& options = context.options;
  api::ScriptAccess access{.network = options.job_network};
  if (isolated || options.job_network == "none" ||
      std::ranges::none_of(containers, [](const auto& c) {
        return c.program == "script" || c.program == "image";
      })) {
    return access;
  }
  access.endpoint = options.endpoint;
  access.contact = options.contact.string();
  access.ca_bundle = options.ca_bundle.string();
  if (options.lend_keys && !role_arn.empty()) {
    CLARY_TRY(access.credentials, options.lend_keys(owner, role_arn, kLong));
  }
  return access;
}

Result<std::string> WhatIsWrongWith(const Context& context, const nlohmann::json& containers) {
  size_t index = 0;
  for (const nlohmann::json& container : containers) {
    CLARY_TRY(std::string wrong, model::WhatIsWrongWithOne(context, container, index++));
    if (!wrong.empty()) return wrong;
  }
  return std::string();
}

constinit const Kind kModel = {
    .stem = "Model",
    .name_member = "ModelName",
    .arn_member = "ModelArn",
    .segment = "model",
    .table = "models",
    .noun = "model",
    .verbs = kCreate | kDescribe | kList | kDelete,
    .summaries = "Models",
    .search_resource = "Model",
    .not_found = {Code::kNotFound, "ValidationException", "Could not find model \"{arn}\"."},
    // SDKs look for these words and go on with the model that is there.
    .exists = {Code::kAlreadyExists, "ValidationException",
               "Cannot create already existing model \"{arn}\"."},
    .create = model::CreateModel,
    .view = model::ModelView,
    .summary = model::Summary,
};

constinit const Kind kEndpointConfig = {
    .stem = "EndpointConfig",
    .name_member = "EndpointConfigName",
    .arn_member = "EndpointConfigArn",
    .segment = "endpoint-config",
    .table = "endpoint_configs",
    .noun = "endpoint configuration",
    .verbs = kCreate | kDescribe | kList | kDelete,
    .summaries = "EndpointConfigs",
    .not_found = {Code::kNotFound, "ValidationException",
                  "Could not find endpoint configuration \"{arn}\"."},
    .exists = {Code::kAlreadyExists, "ValidationException",
               "Cannot create already existing endpoint configuration \"{arn}\"."},
    .create = model::CreateEndpointConfig,
    .view = model::EndpointConfigView,
    .summary = model::Summary,
};

}  // namespace clary::control
