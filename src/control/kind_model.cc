// Models and endpoint configurations: kinds that only are. What runs of them keeps a copy, so both
// may be deleted at any time.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "api/images.h"
#include "control/internal/models.h"

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

Status CheckContainer(const json& container, const std::string& where) {
  const bool image = container.contains("Image");
  if (image == container.contains("ModelPackageName")) {
    return Invalid(where + " needs either an Image or a ModelPackageName.");
  }
  if (container.contains("ModelDataUrl") && container.contains("ModelDataSource")) {
    return Invalid(where + " may have a ModelDataUrl or a ModelDataSource, not both.");
  }
  const json source = container.value("ModelDataSource", json::object());
  if (source.contains("S3DataSource")) {
    const json& s3 = source["S3DataSource"];
    if (s3.at("CompressionType") != "Gzip" || s3.at("S3DataType") != "S3Object") {
      return Invalid(where +
                     ".ModelDataSource.S3DataSource is supported with S3DataType S3Object and "
                     "CompressionType Gzip only: give the URI of a model.tar.gz.");
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
    CLARY_CHECK_OK(CheckContainer(containers[i], "Containers[" + std::to_string(i) + "]"));
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

Result<std::string> WhatIsWrongWithOne(const Context& context, const json& container,
                                       size_t index) {
  if (const auto known = api::ResolveImage(container.at("Image").get<std::string>()); !known) {
    return "Please make sure all images included in the model exist, and that the execution role "
           "used to create the model has permissions to access them. " +
           known.error().message;
  }
  if (container.value("Environment", json::object()).contains("SAGEMAKER_PROGRAM")) {
    return std::string(
        "The model has an inference script (SAGEMAKER_PROGRAM), and this release serves models of "
        "built-in algorithms only.");
  }
  const std::string uri = ModelUriOf(container);
  const auto ref = objects::ObjectRef::ParseUri(uri);
  if (!ref) return CannotDownload(index, uri);
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
  for (const char* member : {"DataCaptureConfig", "VpcConfig", "AsyncInferenceConfig"}) {
    if (request.contains(member)) {
      return Invalid(std::string(member) + " is not supported with a ServerlessConfig.");
    }
  }
  return {};
}

Status CreateEndpointConfig(Context& context, json request, Record& record, Plan& /*plan*/) {
  std::set<std::string> names;
  size_t index = 0;
  for (json& variant : request.at("ProductionVariants")) {
    const std::string where = "ProductionVariants[" + std::to_string(index++) + "]";
    if (!names.insert(variant.at("VariantName")).second) {
      return Invalid(where + ".VariantName is that of another variant.");
    }
    if (!variant.contains("ModelName")) {
      return Invalid(where +
                     " needs a ModelName: inference components, which stand for one elsewhere, are "
                     "not supported by this release.");
    }
    CLARY_CHECK_OK(Named(context, kModel, variant));
    if (variant.contains("ServerlessConfig")) {
      CLARY_CHECK_OK(CheckServerless(request, variant, where));
    } else if (!variant.contains("InitialInstanceCount") || !variant.contains("InstanceType")) {
      return Invalid(where +
                     " needs InitialInstanceCount and InstanceType, or a ServerlessConfig.");
    }
    variant.emplace("InitialVariantWeight", 1.0);
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

std::vector<api::ContainerSpec> MakeContainers(const nlohmann::json& containers) {
  std::vector<api::ContainerSpec> out;
  for (size_t i = 0; i < containers.size(); ++i) {
    const nlohmann::json& container = containers[i];
    const std::string image = container.at("Image");
    const auto known = api::ResolveImage(image);
    out.push_back(
        {.name = model::ContainerName(containers, i),
         .program = known ? known->program : "",
         .image = image,
         .image_version = known ? known->version : "",
         .model_uri = model::ModelUriOf(container),
         .environment = container.value("Environment", std::map<std::string, std::string>())});
  }
  return out;
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
