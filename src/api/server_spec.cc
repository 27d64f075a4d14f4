#include "api/server_spec.h"

#include "api/internal/json_codec.h"
#include "api/internal/program_codec.h"

namespace clary::api {
namespace {

constexpr char kBadServerFile[] = "BadServerFile";

}  // namespace

template <typename Io>
void Fields(Io& io, ContainerSpec& v) {
  io("name", v.name);
  io("program", v.program);
  io("image", v.image);
  io("image_version", v.image_version);
  io("model_uri", v.model_uri);
  io("model_folder", v.model_folder);
  io("multi_model", v.multi_model);
  io("keep_models", v.keep_models);
  io("environment", v.environment);
  io("python", v.python);
  io("baseline_uri", v.baseline_uri);
}

template <typename Io>
void Fields(Io& io, ScriptAccess& v) {
  io("network", v.network);
  io("endpoint", v.endpoint);
  io("contact", v.contact);
  io("ca_bundle", v.ca_bundle);
  io("credentials", v.credentials);
}

template <typename Io>
void Fields(Io& io, ServerSpec& v) {
  io("endpoint", v.endpoint);
  io("variant", v.variant);
  io("instance", v.instance);
  io("region", v.region);
  io("instance_type", v.instance_type);
  io("containers", v.containers);
  io("startup_timeout_s", v.startup_timeout_s);
  io("invocation_timeout_s", v.invocation_timeout_s);
  io("network_isolation", v.network_isolation);
  io("access", v.access);
  io("notices", v.notices);
  io("store", v.store);
  io("log_root", v.log_root);
  io("log_group", v.log_group);
  io("log_stream", v.log_stream);
  io("cpus", v.cpus);
  io("memory_bytes", v.memory_bytes);
}

template <typename Io>
void Fields(Io& io, TransformSpec& v) {
  io("job_name", v.job_name);
  io("job_arn", v.job_arn);
  io("region", v.region);
  io("instance_type", v.instance_type);
  io("containers", v.containers);
  io("input_uri", v.input_uri);
  io("s3_data_type", v.s3_data_type);
  io("content_type", v.content_type);
  io("compression", v.compression);
  io("split_type", v.split_type);
  io("output_uri", v.output_uri);
  io("accept", v.accept);
  io("assemble_with", v.assemble_with);
  io("batch_strategy", v.batch_strategy);
  io("max_concurrent_transforms", v.max_concurrent_transforms);
  io("max_payload_mb", v.max_payload_mb);
  io("invocation_timeout_s", v.invocation_timeout_s);
  io("invocation_retries", v.invocation_retries);
  io("input_filter", v.input_filter);
  io("output_filter", v.output_filter);
  io("join_source", v.join_source);
  io("network_isolation", v.network_isolation);
  io("access", v.access);
  io("notices", v.notices);
  io("store", v.store);
  io("log_root", v.log_root);
  io("log_group", v.log_group);
  io("log_stream", v.log_stream);
  io("cpus", v.cpus);
  io("memory_bytes", v.memory_bytes);
}

template <typename Io>
void Fields(Io& io, InstanceUsage& v) {
  io("time_ms", v.time_ms);
  io("cpu_percent", v.cpu_percent);
  io("memory_percent", v.memory_percent);
  io("disk_percent", v.disk_percent);
  io("multi_model", v.multi_model);
  io("loaded_models", v.loaded_models);
  io("unloads_us", v.unloads_us);
}

namespace {

Status CheckContainers(const std::vector<ContainerSpec>& containers, const char* file) {
  if (containers.empty()) {
    return Fail(Code::kDataLoss, kBadServerFile, std::string(file) + ": containers is missing");
  }
  for (const ContainerSpec& c : containers) {
    if (c.program.empty()) {
      return Fail(Code::kDataLoss, kBadServerFile,
                  std::string(file) + ": containers.program is missing");
    }
  }
  return {};
}

}  // namespace

std::filesystem::path SocketOf(const std::filesystem::path& directory, size_t index) {
  return directory / ("container-" + std::to_string(index + 1) + ".sock");
}

std::string InstanceUsage::ToJson() const { return WriteDocument(*this); }

Result<InstanceUsage> InstanceUsage::FromJson(std::string_view text) {
  return ReadDocument<InstanceUsage>(text, "usage.json", kBadServerFile);
}

std::string ServerSpec::ToJson() const { return WriteDocument(*this); }

Result<ServerSpec> ServerSpec::FromJson(std::string_view text) {
  CLARY_TRY(ServerSpec spec, ReadDocument<ServerSpec>(text, "server.json", kBadServerFile));
  if (spec.endpoint.empty()) {
    return Fail(Code::kDataLoss, kBadServerFile, "server.json: endpoint is missing");
  }
  CLARY_CHECK_OK(CheckContainers(spec.containers, "server.json"));
  return spec;
}

std::string TransformSpec::ToJson() const { return WriteDocument(*this); }

Result<TransformSpec> TransformSpec::FromJson(std::string_view text) {
  CLARY_TRY(TransformSpec spec,
            ReadDocument<TransformSpec>(text, "transform.json", kBadServerFile));
  if (spec.job_name.empty() || spec.input_uri.empty() || spec.output_uri.empty()) {
    return Fail(Code::kDataLoss, kBadServerFile,
                "transform.json: job_name, input_uri or output_uri is missing");
  }
  CLARY_CHECK_OK(CheckContainers(spec.containers, "transform.json"));
  return spec;
}

}  // namespace clary::api
