#include "control/internal/training_request.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "api/local_path.h"
#include "api/sagemaker.h"
#include "base/hash.h"
#include "base/strings.h"
#include "control/internal/context.h"
#include "control/internal/hosts.h"
#include "control/internal/kind.h"
#include "control/internal/metrics.h"
#include "control/internal/programs.h"
#include "control/internal/training_job.h"

namespace clary::control {
namespace {

using nlohmann::json;

constexpr int64_t kDefaultMaxRuntime = 86'400;

// The groups of instances that a channel is for must be there.
Status CheckChannelGroups(const std::string& name, const json& s3, const json& request) {
  const auto groups = HostGroupsOf(request.at("ResourceConfig"));
  for (const auto& group : s3.value("InstanceGroupNames", std::vector<std::string>())) {
    if (std::ranges::find(groups, group, &api::HostGroup::name) != groups.end()) continue;
    return Invalid("Channel '" + name + "': InstanceGroupNames has '" + group +
                   "', which ResourceConfig.InstanceGroups has not");
  }
  return {};
}

Status CheckChannel(const json& channel, const json& request, const Environment& environment,
                    const Options& options) {
  const std::string name = channel.at("ChannelName");
  const json& source = channel.at("DataSource");
  const auto s3 = source.find("S3DataSource");
  if (s3 == source.end()) {
    return Invalid("Channel '" + name + "': only S3DataSource is supported as data source");
  }
  const std::string type = s3->at("S3DataType");
  if (type == "AugmentedManifestFile") {
    return Invalid(
        "Channel '" + name +
        "': S3DataType 'AugmentedManifestFile' is for algorithms that read a stream of "
        "files and their labels, which XGBoost is not; use 'S3Prefix' or 'ManifestFile'");
  }
  if (type != "S3Prefix" && type != "ManifestFile") {
    return Invalid("Channel '" + name + "': S3DataType '" + type +
                   "' is not supported by this release; use 'S3Prefix' or 'ManifestFile'");
  }
  CLARY_CHECK_OK(CheckChannelGroups(name, *s3, request));
  return CheckHasData(s3->at("S3Uri"), type == "ManifestFile", request.at("RoleArn"), environment,
                      options);
}

// The name of a rule is its folder below rule-output/.
Status CheckRules(const json& request) {
  for (const char* member : {"DebugRuleConfigurations", "ProfilerRuleConfigurations"}) {
    std::set<std::string> names;
    for (const json& rule : request.value(member, json::array())) {
      const std::string name = rule.at("RuleConfigurationName");
      if (!names.insert(name).second) {
        return Invalid("RuleConfigurationName '" + name + "' is given twice in " + member);
      }
      if (name.find('/') != std::string::npos || name == "." || name == "..") {
        return Invalid("RuleConfigurationName '" + name + "' in " + member +
                       " is no name for a folder; use letters, digits, '-', '_' and '.'");
      }
    }
  }
  return {};
}

Status CheckStopping(const json& request) {
  const auto stopping = request.find("StoppingCondition");
  const bool spot = request.value("EnableManagedSpotTraining", false);
  const json none = json::object();
  const json& s = stopping != request.end() ? *stopping : none;
  const auto wait = s.find("MaxWaitTimeInSeconds");
  if (spot && (wait == s.end() ||
               wait->get<int64_t>() < s.value("MaxRuntimeInSeconds", kDefaultMaxRuntime))) {
    return Invalid(
        "Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to "
        "MaxRuntimeInSeconds");
  }
  if (!spot && wait != s.end()) {
    return Invalid(
        "Invalid MaxWaitTimeInSeconds. It is only allowed when EnableManagedSpotTraining is true");
  }
  return {};
}

// What the table of members (api/sagemaker_members.cc) cannot say.
Status CheckSupported(const json& request) {
  const json& algorithm = request.at("AlgorithmSpecification");
  if (!algorithm.contains("TrainingImage")) {
    return Invalid("You must specify AlgorithmSpecification.TrainingImage");
  }
  return {};
}

std::string DumpMember(const json& request, const char* name) {
  const auto it = request.find(name);
  return it != request.end() ? it->dump() : "";
}

}  // namespace

std::string JobUri(std::string base, const std::string& job, std::string_view leaf) {
  while (base.ends_with('/')) base.pop_back();
  return base + "/" + job + "/" + std::string(leaf);
}

int InstanceCpus(std::string_view instance_type) {
  const std::string_view size = instance_type.substr(instance_type.rfind('.') + 1);
  struct Size {
    std::string_view name;
    int cpus;
  };
  constexpr Size kSizes[] = {{"medium", 1}, {"large", 2}, {"xlarge", 4}, {"metal", 96}};
  for (const Size& s : kSizes) {
    if (s.name == size) return s.cpus;
  }
  constexpr std::string_view kXlarge = "xlarge";
  if (size.ends_with(kXlarge)) {
    const auto n = ParseInt(size.substr(0, size.size() - kXlarge.size()));
    if (n && *n >= 1 && *n <= 1000) return static_cast<int>(*n) * 4;
  }
  return 4;
}

Status CheckTrainingRequest(const json& request, const Environment& environment,
                            const Options& options) {
  CLARY_CHECK_OK(CheckSupported(request));
  CLARY_CHECK_OK(CheckHosts(request.at("ResourceConfig"), "ResourceConfig", options));
  CLARY_CHECK_OK(CheckMetricDefinitions(OwnMetricDefinitions(request)));
  CLARY_CHECK_OK(CheckStopping(request));
  CLARY_CHECK_OK(CheckRules(request));
  CLARY_CHECK_OK(CheckRole(request.at("RoleArn"), options));
  CLARY_CHECK_OK(CheckProgram(request, environment, options));
  const auto channels = request.find("InputDataConfig");
  if (channels != request.end()) {
    std::vector<std::string> names;
    for (const json& channel : *channels) {
      const std::string name = channel.at("ChannelName");
      if (std::ranges::find(names, name) != names.end()) {
        return Invalid("Channel name '" + name + "' is given twice in InputDataConfig");
      }
      names.push_back(name);
      CLARY_CHECK_OK(CheckChannel(channel, request, environment, options));
    }
  }
  CLARY_CHECK_OK(CheckTarget(request.at("OutputDataConfig").at("S3OutputPath"),
                             "OutputDataConfig.S3OutputPath", environment));
  if (const auto checkpoint = request.find("CheckpointConfig"); checkpoint != request.end()) {
    CLARY_CHECK_OK(CheckTarget(checkpoint->at("S3Uri"), "CheckpointConfig.S3Uri", environment));
  }
  for (const char* member : {"CheckpointConfig", "DebugHookConfig", "TensorBoardOutputConfig"}) {
    const auto given = request.find(member);
    const std::string path = given != request.end() ? TextOf(*given, "LocalPath") : "";
    if (path.empty()) continue;
    const auto place = api::PlaceLocalPath(path, (std::string(member) + ".LocalPath").c_str());
    if (!place) return Invalid(place.error().message);
  }
  return {};
}

void FillTrainingDefaults(json& request) {
  request["OutputDataConfig"].emplace("KmsKeyId", "");
  if (request["ResourceConfig"].contains("InstanceType")) {
    request["ResourceConfig"].emplace("InstanceCount", 1);
  }
  request["ResourceConfig"].emplace("VolumeSizeInGB", 30);
  request["StoppingCondition"].emplace("MaxRuntimeInSeconds", kDefaultMaxRuntime);
  request["AlgorithmSpecification"].emplace("EnableSageMakerMetricsTimeSeries", false);
  for (const char* name : {"EnableNetworkIsolation", "EnableInterContainerTrafficEncryption",
                           "EnableManagedSpotTraining"}) {
    request.emplace(name, false);
  }
  request.emplace("HyperParameters", json::object());
  if (const auto checkpoint = request.find("CheckpointConfig"); checkpoint != request.end()) {
    checkpoint->emplace("LocalPath", "/opt/ml/checkpoints");
  }
}

api::JobSpec MakeJobSpec(const Record& job, const Environment& environment,
                         const Options& options) {
  const json request = job.Request();
  api::JobSpec spec;
  spec.job_name = job.name;
  spec.job_arn = job.arn;
  spec.region = options.region;
  const json& algorithm = request.at("AlgorithmSpecification");
  if (auto choice = ChooseProgram(request)) {
    spec.program = std::move(choice->program);
    spec.image_version = std::move(choice->version);
  }
  spec.image = TextOf(algorithm, "TrainingImage");
  for (const auto& [member, words] : {std::pair("ContainerEntrypoint", &spec.entrypoint),
                                      std::pair("ContainerArguments", &spec.arguments)}) {
    *words = algorithm.value(member, json::array()).get<std::vector<std::string>>();
  }
  FillHosts(HostGroupsOf(request.at("ResourceConfig")), job.launches.front(), spec);
  spec.hyperparameters = request.at("HyperParameters").get<std::map<std::string, std::string>>();
  spec.hyperparameter_order = job.As<TrainingFacts>().hyperparameter_order;
  if (const auto env = request.find("Environment"); env != request.end()) {
    spec.environment = env->get<std::map<std::string, std::string>>();
  }
  for (const json& c : request.value("InputDataConfig", json::array())) {
    const json& s3 = c.at("DataSource").at("S3DataSource");
    std::string mode = TextOf(c, "InputMode", TextOf(algorithm, "TrainingInputMode").c_str());
    // FastFile looks like File to the program, and File's links are as lazy (ADR 15).
    if (mode != "Pipe") mode = "File";
    spec.channels.push_back(
        {.name = TextOf(c, "ChannelName"),
         .s3_uri = TextOf(s3, "S3Uri"),
         .s3_data_type = TextOf(s3, "S3DataType"),
         .distribution = TextOf(s3, "S3DataDistributionType", "FullyReplicated"),
         .content_type = TextOf(c, "ContentType"),
         .compression = TextOf(c, "CompressionType", "None"),
         .record_wrapper = TextOf(c, "RecordWrapperType", "None"),
         .input_mode = mode,
         .groups = s3.value("InstanceGroupNames", std::vector<std::string>())});
    if (const auto shuffle = c.find("ShuffleConfig"); shuffle != c.end()) {
      spec.channels.back().shuffle = true;
      spec.channels.back().shuffle_seed = shuffle->at("Seed");
    }
  }
  const json& output = request.at("OutputDataConfig");
  spec.output_uri = TextOf(output, "S3OutputPath");
  while (spec.output_uri.ends_with('/')) spec.output_uri.pop_back();
  spec.output_compression = TextOf(output, "CompressionType", "GZIP");
  if (const auto checkpoint = request.find("CheckpointConfig"); checkpoint != request.end()) {
    spec.checkpoint_uri = TextOf(*checkpoint, "S3Uri");
    spec.checkpoint_path = TextOf(*checkpoint, "LocalPath");
  }
  spec.debug_hook_json = DumpMember(request, "DebugHookConfig");
  for (const json& rule : request.value("DebugRuleConfigurations", json::array())) {
    const json parameters = rule.value("RuleParameters", json::object());
    spec.report_tensors |= TextOf(parameters, "rule_to_invoke") == "CreateXgboostReport";
  }
  spec.profiler_json = DumpMember(request, "ProfilerConfig");
  spec.tensorboard_json = DumpMember(request, "TensorBoardOutputConfig");
  spec.network_isolation = request.value("EnableNetworkIsolation", false);
  spec.notices = api::Notices("CreateTrainingJob", request);
  spec.store = options.object_root;
  spec.log_root = environment.logs.root().string();
  spec.log_group = kTrainingLogGroup;
  spec.volume_gb = request.at("ResourceConfig").value("VolumeSizeInGB", uint64_t{0});
  if (const std::string& cache = job.As<TrainingFacts>().pool_cache; !cache.empty()) {
    spec.cache = (options.pools_directory / cache).string();
  }
  spec.cpus = job.launches.front().cpus;
  return spec;
}

}  // namespace clary::control
