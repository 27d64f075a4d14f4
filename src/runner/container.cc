#include "runner/internal/container.h"

#include <fcntl.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "api/local_path.h"
#include "base/file.h"
#include "runner/internal/contract.h"
#include "runner/tree.h"

namespace clary::runner {
namespace fs = std::filesystem;
using nlohmann::json;
namespace {

std::string Dump(const json& doc) {
  return doc.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<json> ParseObject(const std::string& text, const char* what) {
  json doc = json::parse(text, nullptr, false);
  if (!doc.is_object()) {
    return Fail(Code::kInvalidArgument, "BadConfig", std::string(what) + " is not a JSON object");
  }
  return doc;
}

json InputDataConfig(const api::JobSpec& spec) {
  json doc = json::object();
  for (const api::ChannelSpec& c : spec.channels) {
    json channel = {{"TrainingInputMode", c.input_mode},
                    {"S3DistributionType", c.distribution},
                    {"RecordWrapperType", c.record_wrapper}};
    if (!c.content_type.empty()) channel["ContentType"] = c.content_type;
    doc[c.name] = std::move(channel);
  }
  return doc;
}

// Hosts are in the order of their names, which is that of ranks: algo-10 before algo-2.
std::vector<std::string> Sorted(std::vector<std::string> hosts) {
  std::ranges::sort(hosts);
  return hosts;
}

json ResourceConfig(const api::JobSpec& spec) {
  json groups = json::array();
  std::string current;
  for (const api::HostGroup& group : spec.host_groups()) {
    groups.push_back({{"instance_group_name", group.name},
                      {"instance_type", group.instance_type},
                      {"hosts", Sorted(group.hosts)}});
    if (std::ranges::find(group.hosts, spec.current_host()) != group.hosts.end()) {
      current = group.name;
    }
  }
  return {{"current_host", spec.current_host()},  {"current_instance_type", spec.instance_type},
          {"current_group_name", current},        {"hosts", Sorted(spec.hosts)},
          {"instance_groups", std::move(groups)}, {"network_interface_name", spec.interface}};
}

// "train-data.v1" -> "TRAIN-DATA.V1", as the training toolkit names its variables.
std::string Upper(std::string s) {
  for (char& c : s) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return s;
}

std::string Member(const json& doc, const char* name, const char* fallback) {
  const auto it = doc.find(name);
  return it != doc.end() && it->is_string() ? it->get<std::string>() : fallback;
}

std::string WithoutSlashes(std::string s) {
  while (s.ends_with('/')) s.pop_back();
  return s;
}

// SDK v3's driver makes the script's arguments of it in the order of the file.
std::string HyperparametersFile(const api::JobSpec& spec) {
  nlohmann::ordered_json doc = nlohmann::ordered_json::object();
  for (const std::string& name : spec.hyperparameter_order) {
    const auto it = spec.hyperparameters.find(name);
    if (it != spec.hyperparameters.end()) doc[name] = it->second;
  }
  for (const auto& [name, value] : spec.hyperparameters) doc.emplace(name, value);
  return doc.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string CheckpointPath(const api::JobSpec& spec) {
  return spec.checkpoint_path.empty() ? "/opt/ml/checkpoints" : spec.checkpoint_path;
}

constexpr char kReport[] = "clary_report";
constexpr char kTensors[] = "/opt/ml/output/tensors";

Result<json> DebugHook(const api::JobSpec& spec) {
  CLARY_TRY(json doc, ParseObject(spec.debug_hook_json, "DebugHookConfig"));
  doc["LocalPath"] = Member(doc, "LocalPath", kTensors);
  if (!doc.contains("HookParameters")) doc["HookParameters"] = nullptr;
  json& collections = doc["CollectionConfigurations"];
  // Only our own hook knows this one.
  if (spec.report_tensors && spec.program == "xgboost") {
    if (!collections.is_array()) collections = json::array();
    const auto named = [](const json& c) { return Member(c, "CollectionName", "") == kReport; };
    if (std::ranges::none_of(collections, named)) {
      collections.push_back({{"CollectionName", kReport}, {"CollectionParameters", nullptr}});
    }
  }
  return doc;
}

Result<std::vector<MirrorSpec>> TrainingMirrors(const api::JobSpec& spec) {
  std::vector<MirrorSpec> out;
  if (!spec.checkpoint_uri.empty()) {
    CLARY_TRY(const api::LocalPlace at,
              api::PlaceLocalPath(CheckpointPath(spec), "CheckpointConfig.LocalPath"));
    out.push_back({.directory = at.directory,
                   .uri = WithoutSlashes(spec.checkpoint_uri),
                   .outside = at.outside,
                   .checkpoints = true});
  }
  const auto add = [&](const json& doc, const api::LocalPlace& at,
                       const char* folder) -> MirrorSpec* {
    const std::string to = Member(doc, "S3OutputPath", "");
    if (to.empty()) return nullptr;
    return &out.emplace_back(
        MirrorSpec{.directory = at.directory,
                   .uri = WithoutSlashes(to) + "/" + spec.job_name + "/" + folder,
                   .outside = at.outside});
  };
  if (!spec.debug_hook_json.empty()) {
    CLARY_TRY(const json doc, DebugHook(spec));
    CLARY_TRY(const api::LocalPlace at,
              api::PlaceLocalPath(Member(doc, "LocalPath", kTensors), "DebugHookConfig.LocalPath"));
    if (MirrorSpec* mirror = add(doc, at, "debug-output")) {
      mirror->end_marker = "training_job_end.ts";
      mirror->tensors = true;
    }
  }
  CLARY_TRY(const auto profiler, Profiler(spec));
  if (profiler) {
    out.push_back({.directory = "output/profiler",
                   .uri = profiler->uri,
                   .end_marker = "framework/training_job_end.ts"});
  }
  // Of reinforcement learning: what it leaves there while it runs.
  const auto intermediate = spec.hyperparameters.find("sagemaker_s3_output");
  if (intermediate != spec.hyperparameters.end()) {
    const json told = json::parse(intermediate->second, nullptr, false);
    const std::string to = told.is_string() ? told.get<std::string>() : intermediate->second;
    if (to.starts_with("s3://")) {
      out.push_back({.directory = "output/intermediate",
                     .uri = WithoutSlashes(to) + "/" + spec.job_name + "/output/intermediate"});
    }
  }
  if (!spec.tensorboard_json.empty()) {
    CLARY_TRY(const json doc, ParseObject(spec.tensorboard_json, "TensorBoardOutputConfig"));
    CLARY_TRY(const api::LocalPlace at,
              api::PlaceLocalPath(Member(doc, "LocalPath", "/opt/ml/output/tensorboard"),
                                  "TensorBoardOutputConfig.LocalPath"));
    add(doc, at, "tensorboard-output");
  }
  return out;
}

Status LayOutTraining(const api::JobSpec& spec, const fs::path& work) {
  const fs::path config = work / "input/config";
  for (const char* dir : {"input/config", "input/data", "model", "output/data", "output/tensors",
                          "output/metrics/sagemaker", "output/profiler", "checkpoints", "code"}) {
    CLARY_CHECK_OK(MakeDirectories(work / dir));
  }
  for (const api::ChannelSpec& c : spec.channels) {
    CLARY_CHECK_OK(MakeDirectories(work / "input/data" / c.name));
  }
  std::map<std::string, std::string> files = {
      {"hyperparameters.json", HyperparametersFile(spec)},
      {"inputdataconfig.json", Dump(InputDataConfig(spec))},
      {"resourceconfig.json", Dump(ResourceConfig(spec))},
      {"trainingjobconfig.json",
       Dump({{"TrainingJobName", spec.job_name}, {"TrainingJobArn", spec.job_arn}})},
      {"upstreamoutputdataconfig.json", "[]"},
  };
  if (!spec.checkpoint_uri.empty()) {
    files["checkpointconfig.json"] = Dump({{"LocalPath", CheckpointPath(spec)}});
  }
  if (!spec.debug_hook_json.empty()) {
    CLARY_TRY(const json doc, DebugHook(spec));
    files["debughookconfig.json"] = Dump(doc);
  }
  if (!spec.profiler_json.empty()) files["profilerconfig.json"] = spec.profiler_json;
  if (!spec.tensorboard_json.empty()) {
    files["tensorboardoutputconfig.json"] = spec.tensorboard_json;
  }
  return WriteConfig(config, files);
}

Result<std::vector<Input>> TrainingInputs(const api::JobSpec& spec) {
  std::vector<Input> out;
  for (const api::ChannelSpec& c : spec.channels) {
    if (c.input_mode != "Pipe") out.push_back({c, "input/data/" + c.name, "channel " + c.name});
  }
  return out;
}

Result<std::vector<std::string>> TrainingLeft(const api::JobSpec& /*spec*/) {
  return std::vector<std::string>{"model", "output/data"};
}

Result<objects::ObjectInfo> PutPack(const UploadContext& c, const std::vector<PackSource>& sources,
                                    const std::string& uri) {
  CLARY_TRY(const auto packed, Pack(c.work, sources, c.pack));
  for (const std::string& path : packed.skipped) {
    c.log.Write(CleanLine("[clary] WARNING: " + path +
                          " is a link or no plain file, so it is not in the archive"));
  }
  CLARY_TRY(const auto ref, objects::ObjectRef::ParseUri(uri));
  auto info = UploadFile(c.pack, ref, c.store);
  std::error_code ec;
  fs::remove(c.pack, ec);
  return info;
}

Status UploadTraining(const UploadContext& c, const Ended& ended) {
  const std::string base = c.spec.output_uri + "/" + c.spec.job_name + "/output/";
  const bool trees = c.spec.output_compression == "NONE";
  // The model of a program that failed may be half a model; one that was stopped may have left
  // none, and then there is no artifact.
  bool has_model = ended.exit_code == 0;
  if (ended.stopped) {
    CLARY_TRY(const auto left, ListTree(c.work, "model"));
    has_model = !left.entries.empty();
  }
  if (has_model) {
    api::JobEvent artifact{.kind = api::JobEvent::Kind::kArtifact};
    if (trees) {
      CLARY_TRY(const auto tree, UploadTree(c.work, "model", base + "model", c.store, c.stopped));
      TellSkipped(c, tree.skipped);
      artifact.detail = base + "model/";
    } else {
      CLARY_TRY(const auto info, PutPack(c, {{.directory = "model"}}, base + "model.tar.gz"));
      artifact.detail = base + "model.tar.gz";
      artifact.etag = info.etag;
    }
    CLARY_CHECK_OK(c.events.Append(std::move(artifact)));
  }
  if (trees) {
    CLARY_TRY(const auto tree,
              UploadTree(c.work, "output/data", base + "data", c.store, c.stopped));
    TellSkipped(c, tree.skipped);
    return {};
  }
  CLARY_TRY(const auto data, ListTree(c.work, "output/data"));
  const auto failure = OpenBeneath(c.work, "output/failure", O_RDONLY);
  if (data.entries.empty() && !failure) return {};
  CLARY_CHECK_OK(PutPack(c, {{.directory = "output/data"}, {.file = "output/failure"}},
                         base + "output.tar.gz"));
  return {};
}

}  // namespace

Result<std::optional<ProfilerSpec>> Profiler(const api::JobSpec& spec) {
  if (spec.profiler_json.empty()) return std::nullopt;
  CLARY_TRY(const json doc, ParseObject(spec.profiler_json, "ProfilerConfig"));
  const std::string to = Member(doc, "S3OutputPath", "");
  const auto off = doc.find("DisableProfiler");
  if (to.empty() || (off != doc.end() && *off == true)) return std::nullopt;
  ProfilerSpec out{.uri = WithoutSlashes(to) + "/" + spec.job_name + "/profiler-output"};
  const auto interval = doc.find("ProfilingIntervalInMilliseconds");
  if (interval != doc.end() && interval->is_number_integer()) {
    out.interval =
        std::chrono::milliseconds(std::clamp<int64_t>(interval->get<int64_t>(), 100, 60'000));
  }
  return out;
}

std::vector<std::string> Environment(const api::JobSpec& spec, const std::string& base, int cpus) {
  json channels = json::array();
  std::map<std::string, std::string> env = {
      {"PATH", "/usr/local/bin:/usr/bin:/bin"},
      {"HOME", "/tmp"},
      {"LANG", "C.UTF-8"},
      {"PYTHONUNBUFFERED", "1"},
      {"TRAINING_JOB_NAME", spec.job_name},
      {"TRAINING_JOB_ARN", spec.job_arn},
      {"AWS_REGION", spec.region},
      {"DMLC_INTERFACE", spec.interface},
      {"OMP_NUM_THREADS", std::to_string(cpus)},
      {"SAGEMAKER_METRICS_DIRECTORY", base + "/output/metrics/sagemaker"},
      {"SM_MODEL_DIR", base + "/model"},
      {"SM_INPUT_DIR", base + "/input"},
      {"SM_INPUT_CONFIG_DIR", base + "/input/config"},
      {"SM_OUTPUT_DIR", base + "/output"},
      {"SM_OUTPUT_DATA_DIR", base + "/output/data"},
      {"SM_CURRENT_HOST", spec.current_host()},
      {"SM_CURRENT_INSTANCE_TYPE", spec.instance_type},
      {"SM_HOSTS", Dump(Sorted(spec.hosts))},
      {"SM_NUM_GPUS", "0"},
      {"SM_NUM_NEURONS", "0"},
      {"SM_NUM_CPUS", std::to_string(cpus)},
      {"SM_LOG_LEVEL", "20"},
      {"SM_NETWORK_INTERFACE_NAME", spec.interface},
      {"SM_RESOURCE_CONFIG", Dump(ResourceConfig(spec))},
      {"SM_INPUT_DATA_CONFIG", Dump(InputDataConfig(spec))},
      {"SM_HPS", Dump(spec.hyperparameters)},
  };
  for (const api::ChannelSpec& c : spec.channels) {
    channels.push_back(c.name);
    env["SM_CHANNEL_" + Upper(c.name)] = base + "/input/data/" + c.name;
  }
  env["SM_CHANNELS"] = Dump(channels);
  for (const auto& [name, value] : spec.hyperparameters) {
    if (name.find('=') == std::string::npos) env["SM_HP_" + Upper(name)] = value;
  }
  // Of a program of ours that calls the service.
  if (!spec.endpoint.empty()) {
    env["AWS_ENDPOINT_URL"] = spec.endpoint;
    env["AWS_ACCESS_KEY_ID"] = spec.credentials.access_key_id;
    env["AWS_SECRET_ACCESS_KEY"] = spec.credentials.secret_access_key;
    env["AWS_SESSION_TOKEN"] = spec.credentials.session_token;
  }
  for (const auto& [name, value] : spec.environment) env[name] = value;
  env["SAGEMAKER_BASE_DIR"] = base;
  env["CLARY_IMAGE_VERSION"] = spec.image_version;
  std::vector<std::string> out;
  out.reserve(env.size());
  for (const auto& [name, value] : env) {
    // A NUL would end the variable early and could hide another one behind it.
    if (value.find('\0') == std::string::npos) out.push_back(name + "=" + value);
  }
  return out;
}

const Contract kTrainingContract = {
    .name = "training",
    .phase = "Training",
    .phase_text = "Training image download completed. Training in progress.",
    .upload_text = "Uploading generated training model",
    .lay_out = LayOutTraining,
    .inputs = TrainingInputs,
    .mirrors = TrainingMirrors,
    .left = TrainingLeft,
    .upload = UploadTraining,
};

}  // namespace clary::runner
