#include "control/internal/training_request.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "api/sagemaker.h"
#include "base/hash.h"
#include "base/strings.h"
#include "control/internal/context.h"
#include "control/internal/kind.h"
#include "control/internal/metrics.h"
#include "control/internal/training_job.h"

namespace clary::control {
namespace {

using nlohmann::json;

constexpr int64_t kDefaultMaxRuntime = 86'400;

struct S3Location {
  std::string bucket;
  std::string key;  // may be empty
};

Result<S3Location> ParseLocation(std::string_view uri) {
  constexpr std::string_view kScheme = "s3://";
  if (!uri.starts_with(kScheme)) {
    return Invalid("The URL '" + std::string(uri) + "' is not of the form s3://bucket/prefix");
  }
  uri.remove_prefix(kScheme.size());
  const size_t slash = uri.find('/');
  if (slash == std::string_view::npos) return S3Location{.bucket = std::string(uri), .key = ""};
  return S3Location{.bucket = std::string(uri.substr(0, slash)),
                    .key = std::string(uri.substr(slash + 1))};
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
  const std::string uri = s3->at("S3Uri");
  CLARY_TRY(const S3Location at, ParseLocation(uri));
  bool found = false;
  if (type == "S3Prefix") {
    CLARY_TRY(found, HasObjects(environment.objects, uri));
  } else {
    const auto manifest = environment.objects.Head({.bucket = at.bucket, .key = at.key});
    if (!manifest && manifest.error().code != Code::kNotFound &&
        manifest.error().code != Code::kInvalidArgument) {
      return std::unexpected(manifest.error());
    }
    found = manifest.has_value();
  }
  if (found) return {};
  return Invalid("No S3 objects found under S3 URL \"" + uri +
                 "\" given in input data source. Please ensure that the bucket exists in the "
                 "selected region (" +
                 options.region +
                 "), that objects exist under that S3 prefix, and that the role \"" +
                 request.at("RoleArn").get<std::string>() +
                 "\" has \"s3:ListBucket\" permissions on bucket \"" + at.bucket + "\".");
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
  if (const auto hps = request.find("HyperParameters"); hps != request.end()) {
    for (const char* name : {"sagemaker_program", "sagemaker_submit_directory"}) {
      if (hps->contains(name)) {
        return Invalid(std::string("Script mode (hyperparameter '") + name +
                       "') is not supported by this release; leave out the entry point to run the "
                       "built-in algorithm");
      }
    }
  }
  const json& resources = request.at("ResourceConfig");
  if (!resources.contains("InstanceType")) {
    return Invalid("You must specify ResourceConfig.InstanceType");
  }
  if (resources.value("InstanceCount", 1) != 1) {
    return Invalid(
        "ResourceConfig.InstanceCount: this release trains on one instance; set it to 1");
  }
  return {};
}

std::string DumpMember(const json& request, const char* name) {
  const auto it = request.find(name);
  return it != request.end() ? it->dump() : "";
}

std::string Text(const json& object, const char* name, const char* fallback = "") {
  const auto it = object.find(name);
  return it != object.end() ? it->get<std::string>() : fallback;
}

}  // namespace

std::string JobUri(std::string base, const std::string& job, std::string_view leaf) {
  while (base.ends_with('/')) base.pop_back();
  return base + "/" + job + "/" + std::string(leaf);
}

Result<bool> HasObjects(objects::ObjectStore& store, std::string_view s3_uri) {
  CLARY_TRY(const S3Location at, ParseLocation(s3_uri));
  const auto page = store.List(at.bucket, {.prefix = at.key, .max_keys = 1});
  if (page) return !page->objects.empty();
  const Code code = page.error().code;
  if (code == Code::kNotFound || code == Code::kInvalidArgument) return false;
  return std::unexpected(page.error());
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
  CLARY_CHECK_OK(api::ResolveImage(
      request.at("AlgorithmSpecification").at("TrainingImage").get_ref<const std::string&>()));
  CLARY_CHECK_OK(CheckMetricDefinitions(OwnMetricDefinitions(request)));
  CLARY_CHECK_OK(CheckStopping(request));
  CLARY_CHECK_OK(CheckRules(request));
  CLARY_CHECK_OK(CheckRole(request.at("RoleArn"), options));
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
  const std::string output = request.at("OutputDataConfig").at("S3OutputPath");
  CLARY_TRY(const S3Location target, ParseLocation(output));
  const auto bucket = environment.objects.HeadBucket(target.bucket);
  if (!bucket &&
      (bucket.error().code == Code::kNotFound || bucket.error().code == Code::kInvalidArgument)) {
    return Invalid("The bucket \"" + target.bucket +
                   "\" of OutputDataConfig.S3OutputPath does not exist. Please create it first.");
  }
  if (!bucket) return std::unexpected(bucket.error());
  return {};
}

void FillTrainingDefaults(json& request) {
  request["OutputDataConfig"].emplace("KmsKeyId", "");
  request["ResourceConfig"].emplace("InstanceCount", 1);
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
  if (const auto image = api::ResolveImage(Text(algorithm, "TrainingImage"))) {
    spec.program = image->program;
    spec.image_version = image->version;
  }
  spec.instance_type = Text(request.at("ResourceConfig"), "InstanceType");
  spec.hyperparameters = request.at("HyperParameters").get<std::map<std::string, std::string>>();
  if (const auto env = request.find("Environment"); env != request.end()) {
    spec.environment = env->get<std::map<std::string, std::string>>();
  }
  for (const json& c : request.value("InputDataConfig", json::array())) {
    const json& s3 = c.at("DataSource").at("S3DataSource");
    std::string mode = Text(c, "InputMode", Text(algorithm, "TrainingInputMode").c_str());
    // FastFile looks like File to the program, and File's links are as lazy (ADR 15).
    if (mode != "Pipe") mode = "File";
    spec.channels.push_back({.name = Text(c, "ChannelName"),
                             .s3_uri = Text(s3, "S3Uri"),
                             .s3_data_type = Text(s3, "S3DataType"),
                             .distribution = Text(s3, "S3DataDistributionType", "FullyReplicated"),
                             .content_type = Text(c, "ContentType"),
                             .compression = Text(c, "CompressionType", "None"),
                             .record_wrapper = Text(c, "RecordWrapperType", "None"),
                             .input_mode = mode});
  }
  const json& output = request.at("OutputDataConfig");
  spec.output_uri = Text(output, "S3OutputPath");
  while (spec.output_uri.ends_with('/')) spec.output_uri.pop_back();
  spec.output_compression = Text(output, "CompressionType", "GZIP");
  if (const auto checkpoint = request.find("CheckpointConfig"); checkpoint != request.end()) {
    spec.checkpoint_uri = Text(*checkpoint, "S3Uri");
    spec.checkpoint_path = Text(*checkpoint, "LocalPath");
  }
  spec.debug_hook_json = DumpMember(request, "DebugHookConfig");
  for (const json& rule : request.value("DebugRuleConfigurations", json::array())) {
    const json parameters = rule.value("RuleParameters", json::object());
    spec.report_tensors |= Text(parameters, "rule_to_invoke") == "CreateXgboostReport";
  }
  spec.profiler_json = DumpMember(request, "ProfilerConfig");
  spec.tensorboard_json = DumpMember(request, "TensorBoardOutputConfig");
  spec.network_isolation = request.value("EnableNetworkIsolation", false);
  spec.notices = api::Notices("CreateTrainingJob", request);
  spec.store = options.object_root.string();
  spec.log_root = environment.logs.root().string();
  spec.log_group = kTrainingLogGroup;
  spec.log_stream = job.launches.front().log_stream();
  spec.cpus = job.launches.front().cpus;
  return spec;
}

}  // namespace clary::control
