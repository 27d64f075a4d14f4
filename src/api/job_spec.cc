#include "api/job_spec.h"

#include <fcntl.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "api/internal/json_reader.h"
#include "base/file.h"

namespace clary::api {
namespace {

constexpr uint64_t kMaxEventBytes = 1 << 20;  // read at once; more is read by the next call

}  // namespace

std::string JobSpec::ToJson() const {
  json list = json::array();
  for (const ChannelSpec& c : channels) {
    list.push_back({{"name", c.name},
                    {"s3_uri", c.s3_uri},
                    {"s3_data_type", c.s3_data_type},
                    {"distribution", c.distribution},
                    {"content_type", c.content_type},
                    {"compression", c.compression},
                    {"record_wrapper", c.record_wrapper},
                    {"input_mode", c.input_mode}});
  }
  return Dump({{"version", 1},
               {"job_name", job_name},
               {"job_arn", job_arn},
               {"region", region},
               {"program", program},
               {"image_version", image_version},
               {"instance_type", instance_type},
               {"hosts", hosts},
               {"hyperparameters", hyperparameters},
               {"environment", environment},
               {"channels", std::move(list)},
               {"output_uri", output_uri},
               {"output_compression", output_compression},
               {"checkpoint_uri", checkpoint_uri},
               {"checkpoint_path", checkpoint_path},
               {"debug_hook_json", debug_hook_json},
               {"report_tensors", report_tensors},
               {"profiler_json", profiler_json},
               {"tensorboard_json", tensorboard_json},
               {"network_isolation", network_isolation},
               {"notices", notices},
               {"store", store},
               {"log_root", log_root},
               {"log_group", log_group},
               {"log_stream", log_stream},
               {"cpus", cpus},
               {"memory_bytes", memory_bytes}});
}

Result<JobSpec> JobSpec::FromJson(std::string_view text) {
  const json document = json::parse(text, nullptr, false);
  if (!document.is_object()) {
    return Fail(Code::kDataLoss, "BadJobSpec", "job.json is no JSON object");
  }
  if (const auto v = document.find("version");
      v == document.end() || !v->is_number_integer() || *v != 1) {
    return Fail(Code::kFailedPrecondition, "BadJobSpec",
                "job.json is not of version 1; it was written by another release");
  }
  JobSpec spec;
  Reader r(document);
  r.Get("job_name", spec.job_name);
  r.Get("job_arn", spec.job_arn);
  r.Get("region", spec.region);
  r.Get("program", spec.program);
  r.Get("image_version", spec.image_version);
  r.Get("instance_type", spec.instance_type);
  r.Get("hosts", spec.hosts);
  r.Get("hyperparameters", spec.hyperparameters);
  r.Get("environment", spec.environment);
  r.Get("output_uri", spec.output_uri);
  r.Get("output_compression", spec.output_compression);
  r.Get("checkpoint_uri", spec.checkpoint_uri);
  r.Get("checkpoint_path", spec.checkpoint_path);
  r.Get("debug_hook_json", spec.debug_hook_json);
  r.Get("report_tensors", spec.report_tensors);
  r.Get("profiler_json", spec.profiler_json);
  r.Get("tensorboard_json", spec.tensorboard_json);
  r.Get("network_isolation", spec.network_isolation);
  r.Get("notices", spec.notices);
  r.Get("store", spec.store);
  r.Get("log_root", spec.log_root);
  r.Get("log_group", spec.log_group);
  r.Get("log_stream", spec.log_stream);
  r.Get("cpus", spec.cpus);
  r.Get("memory_bytes", spec.memory_bytes);
  std::string bad = r.bad();
  if (const json* list = r.Array("channels")) {
    for (const json& item : *list) {
      ChannelSpec c;
      if (!item.is_object()) {
        bad = "channels";
        break;
      }
      Reader cr(item);
      cr.Get("name", c.name);
      cr.Get("s3_uri", c.s3_uri);
      cr.Get("s3_data_type", c.s3_data_type);
      cr.Get("distribution", c.distribution);
      cr.Get("content_type", c.content_type);
      cr.Get("compression", c.compression);
      cr.Get("record_wrapper", c.record_wrapper);
      cr.Get("input_mode", c.input_mode);
      if (!cr.bad().empty()) bad = "channels." + cr.bad();
      spec.channels.push_back(std::move(c));
    }
  }
  if (!r.bad().empty()) bad = r.bad();
  if (!bad.empty()) {
    return Fail(Code::kDataLoss, "BadJobSpec", "job.json: member '" + bad + "' has a wrong type");
  }
  if (spec.job_name.empty() || spec.program.empty()) {
    return Fail(Code::kDataLoss, "BadJobSpec", "job.json: job_name or program is missing");
  }
  return spec;
}

std::string JobEvent::ToJsonLine() const {
  json line = {{"time_ms", time_ms}};
  switch (kind) {
    case Kind::kPhase:
      line["kind"] = "phase";
      line["phase"] = phase;
      break;
    case Kind::kArtifact:
      line["kind"] = "artifact";
      line["etag"] = etag;
      break;
    case Kind::kEnd:
      line["kind"] = "end";
      line["exit_code"] = exit_code;
      break;
  }
  if (!detail.empty()) line["detail"] = detail;
  return Dump(line) + "\n";
}

Result<JobEvent> JobEvent::FromJson(std::string_view text) {
  const json line = json::parse(text, nullptr, false);
  if (!line.is_object()) {
    return Fail(Code::kDataLoss, "BadJobEvent", "a line of events.jsonl is no JSON object");
  }
  JobEvent event;
  std::string kind;
  Reader r(line);
  r.Get("kind", kind);
  r.Get("time_ms", event.time_ms);
  r.Get("phase", event.phase);
  r.Get("detail", event.detail);
  r.Get("etag", event.etag);
  r.Get("exit_code", event.exit_code);
  if (kind == "phase") {
    event.kind = Kind::kPhase;
  } else if (kind == "artifact") {
    event.kind = Kind::kArtifact;
  } else if (kind == "end") {
    event.kind = Kind::kEnd;
  } else {
    return Fail(Code::kDataLoss, "BadJobEvent", "events.jsonl: unknown kind '" + kind + "'");
  }
  if (!r.bad().empty()) {
    return Fail(Code::kDataLoss, "BadJobEvent",
                "events.jsonl: member '" + r.bad() + "' has a wrong type");
  }
  return event;
}

Result<std::vector<JobEvent>> ReadEvents(const std::filesystem::path& file, uint64_t* offset) {
  std::vector<JobEvent> events;
  const auto fd = OpenFile(file, O_RDONLY);
  if (!fd && fd.error().code == Code::kNotFound) return events;
  if (!fd) return std::unexpected(fd.error());
  std::string bytes(kMaxEventBytes, '\0');
  const ssize_t n = ::pread(fd->get(), bytes.data(), bytes.size(), static_cast<off_t>(*offset));
  if (n < 0) return std::unexpected(ErrnoError(errno, file.string()));
  std::string_view rest(bytes.data(), static_cast<size_t>(n));
  for (size_t lf; (lf = rest.find('\n')) != std::string_view::npos; rest.remove_prefix(lf + 1)) {
    auto event = JobEvent::FromJson(rest.substr(0, lf));
    if (event) events.push_back(*std::move(event));
    *offset += lf + 1;
  }
  // No end of a line in all that: it cannot be an event.
  if (rest.size() == kMaxEventBytes) *offset += rest.size();
  return events;
}

}  // namespace clary::api
