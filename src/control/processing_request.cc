#include "control/internal/processing_request.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "api/images.h"
#include "api/sagemaker.h"
#include "base/strings.h"
#include "control/internal/context.h"
#include "control/internal/hosts.h"
#include "control/internal/kind.h"
#include "control/internal/processing_job.h"
#include "control/internal/programs.h"

namespace clary::control {
namespace {

using nlohmann::json;

constexpr std::string_view kProcessingRoot = "/opt/ml/processing/";
constexpr int kDefaultProcessingSeconds = 86'400;

Status CheckImage(const json& request, const Options& options) {
  const json& app = request.at("AppSpecification");
  const std::string image = TextOf(app, "ImageUri");
  const std::string_view name = std::string_view(image).substr(image.rfind('/') + 1);
  if (name.starts_with("sagemaker-spark-processing")) {
    return Invalid("The image '" + image +
                   "' needs Spark on a cluster of SageMaker's, which this service has not; run the "
                   "script with ScriptProcessor and pyspark in local mode instead.");
  }
  if (api::IsClarifyImage(image)) {
    for (const char* member : {"ContainerEntrypoint", "ContainerArguments"}) {
      if (!app.contains(member)) continue;
      return Invalid("AppSpecification." + std::string(member) + " is not for the image '" + image +
                     "', whose program is an analysis; leave it out");
    }
    return {};
  }
  api::PythonSpec python;
  Status found;
  if (options.find_python) {
    auto answer = options.find_python(image, "");
    if (answer) python = *std::move(answer);
    if (!answer) found = std::unexpected(std::move(answer).error());
  }
  const api::ImageSpec& container = python.container;
  if (!app.contains("ContainerEntrypoint") && container.entrypoint.empty() &&
      (container.root.empty() ||
       (container.command.empty() && !app.contains("ContainerArguments")))) {
    return Invalid("The image '" + image +
                   "' has no program of its own that this service could run; give "
                   "AppSpecification.ContainerEntrypoint, as ScriptProcessor does.");
  }
  return found;
}

// `what` names the input or output.
Status CheckLocalPath(const json& s3, const std::string& what) {
  const std::string path = TextOf(s3, "LocalPath");
  if (path.empty()) return Invalid(what + ": LocalPath is required unless AppManaged is true");
  const auto parts = Split(path, '/');
  const bool inside = path.starts_with(kProcessingRoot) && path.size() > kProcessingRoot.size();
  if (inside &&
      std::ranges::none_of(parts, [](auto part) { return part == ".." || part == "."; }) &&
      !path.contains('\0')) {
    return {};
  }
  return Invalid(what + ": LocalPath '" + path + "' is not below " + std::string(kProcessingRoot));
}

Status CheckInput(const json& input, const std::string& role_arn, const Environment& environment,
                  const Options& options) {
  const std::string what = "ProcessingInput '" + TextOf(input, "InputName") + "'";
  const auto s3 = input.find("S3Input");
  if (s3 == input.end()) return Invalid(what + ": S3Input is required");
  if (TextOf(*s3, "S3InputMode", "File") != "File") {
    return Invalid(what +
                   ": S3InputMode 'Pipe' is not supported by this release for processing jobs; use "
                   "'File'");
  }
  if (TextOf(*s3, "S3CompressionType", "None") != "None") {
    return Invalid(what +
                   ": S3CompressionType 'Gzip' is for S3InputMode 'Pipe' only; use 'None' and let "
                   "the program unpack its files");
  }
  if (input.value("AppManaged", false)) return {};
  CLARY_CHECK_OK(CheckLocalPath(*s3, what));
  return CheckHasData(TextOf(*s3, "S3Uri"), TextOf(*s3, "S3DataType") == "ManifestFile", role_arn,
                      environment, options);
}

Status CheckOutput(const json& output, const Environment& environment) {
  const std::string what = "ProcessingOutput '" + TextOf(output, "OutputName") + "'";
  const auto s3 = output.find("S3Output");
  if (s3 == output.end()) return Invalid(what + ": S3Output is required");
  if (output.value("AppManaged", false)) return {};
  CLARY_CHECK_OK(CheckLocalPath(*s3, what));
  return CheckTarget(TextOf(*s3, "S3Uri"), what, environment);
}

// What an analysis reads and where it writes.
Status CheckClarify(const json& request) {
  const auto named = [](const json& list, const char* member, std::string_view name) {
    return std::ranges::any_of(list, [&](const json& one) { return TextOf(one, member) == name; });
  };
  if (!named(request.value("ProcessingInputs", json::array()), "InputName", "analysis_config")) {
    return Invalid(
        "ProcessingInputs: the input 'analysis_config' is required by SageMaker Clarify: the S3 "
        "URI of the analysis configuration");
  }
  const json outputs =
      request.value("ProcessingOutputConfig", json::object()).value("Outputs", json::array());
  if (outputs.size() == 1 || named(outputs, "OutputName", "analysis_result")) return {};
  return Invalid(
      "ProcessingOutputConfig: the output 'analysis_result' is required by SageMaker Clarify");
}

// processingjobconfig.json, with the members that SageMaker writes as null.
json ConfigDocument(const Record& job, const json& request) {
  const json& app = request.at("AppSpecification");
  const auto or_null = [](const json& object, const char* name) {
    return object.value(name, json());
  };
  json inputs = request.value("ProcessingInputs", json::array());
  for (json& input : inputs) {
    input.erase("AppManaged");
    if (input.contains("S3Input")) input["S3Input"]["S3DownloadMode"] = "StartOfJob";
  }
  json outputs = request.at("ProcessingOutputConfig");
  for (json& output : outputs["Outputs"]) output.erase("AppManaged");
  outputs.emplace("KmsKeyId", nullptr);
  json resources = request.at("ProcessingResources");
  resources["ClusterConfig"].emplace("VolumeKmsKeyId", nullptr);
  return {{"ProcessingJobArn", job.arn},
          {"ProcessingJobName", job.name},
          {"AppSpecification",
           {{"ImageUri", app.at("ImageUri")},
            {"ContainerEntrypoint", or_null(app, "ContainerEntrypoint")},
            {"ContainerArguments", or_null(app, "ContainerArguments")}}},
          {"Environment", request.value("Environment", json::object())},
          {"ProcessingInputs", std::move(inputs)},
          {"ProcessingOutputConfig", std::move(outputs)},
          {"ProcessingResources", std::move(resources)},
          {"RoleArn", request.at("RoleArn")},
          {"StoppingCondition", request.at("StoppingCondition")}};
}

}  // namespace

Status CheckProcessingRequest(const json& request, const Environment& environment,
                              const Options& options) {
  const json& cluster = request.at("ProcessingResources").at("ClusterConfig");
  CLARY_CHECK_OK(CheckHosts(cluster, "ProcessingResources.ClusterConfig", options));
  CLARY_CHECK_OK(CheckOnNodes(
      cluster, "ProcessingResources.ClusterConfig",
      request.value("NetworkConfig", json::object()).value("EnableNetworkIsolation", false),
      options));
  CLARY_CHECK_OK(CheckImage(request, options));
  const bool clarify = api::IsClarifyImage(TextOf(request.at("AppSpecification"), "ImageUri"));
  if (clarify) CLARY_CHECK_OK(CheckClarify(request));
  const std::string role = TextOf(request, "RoleArn");
  CLARY_CHECK_OK(CheckRole(role, options));
  std::set<std::string> names;
  for (const json& input : request.value("ProcessingInputs", json::array())) {
    if (!names.insert(TextOf(input, "InputName")).second) {
      return Invalid("InputName '" + TextOf(input, "InputName") +
                     "' is given twice in ProcessingInputs");
    }
    CLARY_CHECK_OK(CheckInput(input, role, environment, options));
  }
  names.clear();
  const json config = request.value("ProcessingOutputConfig", json::object());
  for (const json& output : config.value("Outputs", json::array())) {
    if (!names.insert(TextOf(output, "OutputName")).second) {
      return Invalid("OutputName '" + TextOf(output, "OutputName") +
                     "' is given twice in ProcessingOutputConfig");
    }
    CLARY_CHECK_OK(CheckOutput(output, environment));
  }
  return {};
}

void FillProcessingDefaults(json& request) {
  request["StoppingCondition"].emplace("MaxRuntimeInSeconds", kDefaultProcessingSeconds);
  request["ProcessingOutputConfig"].emplace("Outputs", json::array());
  request["ProcessingResources"]["ClusterConfig"].emplace("InstanceCount", 1);
}

std::vector<api::HostGroup> ProcessingHosts(const json& request) {
  json cluster = request.at("ProcessingResources").at("ClusterConfig");
  // An analysis is one process, however many instances it is told to share.
  if (api::IsClarifyImage(TextOf(request.at("AppSpecification"), "ImageUri"))) {
    cluster["InstanceCount"] = 1;
  }
  return HostGroupsOf(cluster);
}

api::JobSpec MakeProcessingSpec(const Record& job, const Environment& environment,
                                const Options& options) {
  const json request = job.Request();
  const json& app = request.at("AppSpecification");
  api::JobSpec spec;
  spec.contract = "processing";
  spec.program = api::IsClarifyImage(TextOf(app, "ImageUri")) ? "clarify" : "command";
  spec.job_name = job.name;
  spec.job_arn = job.arn;
  spec.region = options.region;
  spec.image = TextOf(app, "ImageUri");
  for (const auto& [member, words] : {std::pair("ContainerEntrypoint", &spec.entrypoint),
                                      std::pair("ContainerArguments", &spec.arguments)}) {
    *words = app.value(member, json::array()).get<std::vector<std::string>>();
  }
  FillHosts(ProcessingHosts(request), job.launches.front(), spec);
  spec.volume_gb =
      request.at("ProcessingResources").at("ClusterConfig").value("VolumeSizeInGB", uint64_t{0});
  spec.environment =
      request.value("Environment", json::object()).get<std::map<std::string, std::string>>();
  for (const json& input : request.value("ProcessingInputs", json::array())) {
    if (input.value("AppManaged", false)) continue;
    const json& s3 = input.at("S3Input");
    spec.inputs.push_back(
        {.name = TextOf(input, "InputName"),
         .s3_uri = TextOf(s3, "S3Uri"),
         .local_path = TextOf(s3, "LocalPath"),
         .s3_data_type = TextOf(s3, "S3DataType"),
         .distribution = TextOf(s3, "S3DataDistributionType", "FullyReplicated")});
  }
  for (const json& output : request.at("ProcessingOutputConfig").at("Outputs")) {
    if (output.value("AppManaged", false)) continue;
    const json& s3 = output.at("S3Output");
    spec.outputs.push_back({.name = TextOf(output, "OutputName"),
                            .s3_uri = TextOf(s3, "S3Uri"),
                            .local_path = TextOf(s3, "LocalPath"),
                            .upload_mode = TextOf(s3, "S3UploadMode")});
  }
  spec.request_json = ConfigDocument(job, request).dump();
  spec.network_isolation =
      request.value("NetworkConfig", json::object()).value("EnableNetworkIsolation", false);
  spec.notices = api::Notices("CreateProcessingJob", request);
  spec.store = options.object_root;
  spec.log_root = environment.logs.root().string();
  spec.log_group = kProcessingLogGroup;
  spec.cpus = job.launches.front().cpus;
  return spec;
}

}  // namespace clary::control
