#include "api/job_spec.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "api/internal/json_codec.h"
#include "api/internal/program_codec.h"
#include "base/file.h"
#include "base/strings.h"

namespace clary::api {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxEventBytes = 1 << 20;  // read at once; more is read by the next call

}  // namespace

template <typename Io>
void Fields(Io& io, ChannelSpec& c) {
  io("name", c.name);
  io("s3_uri", c.s3_uri);
  io("s3_data_type", c.s3_data_type);
  io("distribution", c.distribution);
  io("content_type", c.content_type);
  io("compression", c.compression);
  io("record_wrapper", c.record_wrapper);
  io("input_mode", c.input_mode);
  io("groups", c.groups);
  io("shuffle", c.shuffle);
  io("shuffle_seed", c.shuffle_seed);
}

template <typename Io>
void Fields(Io& io, HostGroup& g) {
  io("name", g.name);
  io("instance_type", g.instance_type);
  io("cpus", g.cpus);
  io("hosts", g.hosts);
}

template <typename Io>
void Fields(Io& io, ProcessingInput& i) {
  io("name", i.name);
  io("s3_uri", i.s3_uri);
  io("local_path", i.local_path);
  io("s3_data_type", i.s3_data_type);
  io("distribution", i.distribution);
}

template <typename Io>
void Fields(Io& io, ProcessingOutput& o) {
  io("name", o.name);
  io("s3_uri", o.s3_uri);
  io("local_path", o.local_path);
  io("upload_mode", o.upload_mode);
}

template <typename Io>
void Fields(Io& io, JobSpec& s) {
  io("job_name", s.job_name);
  io("job_arn", s.job_arn);
  io("region", s.region);
  io("contract", s.contract);
  io("program", s.program);
  io("image", s.image);
  io("image_version", s.image_version);
  io("entrypoint", s.entrypoint);
  io("arguments", s.arguments);
  io("python", s.python);
  io("instance_type", s.instance_type);
  io("hosts", s.hosts);
  io("groups", s.groups);
  io("hyperparameters", s.hyperparameters);
  io("hyperparameter_order", s.hyperparameter_order);
  io("environment", s.environment);
  io("channels", s.channels);
  io("output_uri", s.output_uri);
  io("output_compression", s.output_compression);
  io("checkpoint_uri", s.checkpoint_uri);
  io("checkpoint_path", s.checkpoint_path);
  io("debug_hook_json", s.debug_hook_json);
  io("report_tensors", s.report_tensors);
  io("profiler_json", s.profiler_json);
  io("tensorboard_json", s.tensorboard_json);
  io("network_isolation", s.network_isolation);
  io("network", s.network);
  io("endpoint", s.endpoint);
  io("contact", s.contact);
  io("ca_bundle", s.ca_bundle);
  io("credentials", s.credentials);
  io("inputs", s.inputs);
  io("outputs", s.outputs);
  io("request_json", s.request_json);
  io("notices", s.notices);
  io("store", s.store);
  io("log_root", s.log_root);
  io("log_group", s.log_group);
  io("log_stream", s.log_stream);
  io("log_streams", s.log_streams);
  io("volume_gb", s.volume_gb);
  io("cache", s.cache);
  io("cpus", s.cpus);
  io("memory_bytes", s.memory_bytes);
}

std::string JobSpec::ToJson() const { return WriteDocument(*this); }

Result<JobSpec> JobSpec::FromJson(std::string_view text) {
  constexpr char kReason[] = "BadJobSpec";
  CLARY_TRY(JobSpec spec, ReadDocument<JobSpec>(text, "job.json", kReason));
  if (spec.job_name.empty() || spec.program.empty()) {
    return Fail(Code::kDataLoss, kReason, "job.json: job_name or program is missing");
  }
  if (spec.hosts.empty() ||
      (spec.hosts.size() > 1 && spec.log_streams.size() != spec.hosts.size())) {
    return Fail(Code::kDataLoss, kReason,
                "job.json: hosts is empty, or log_streams has not one for each of them");
  }
  return spec;
}

std::vector<HostGroup> JobSpec::host_groups() const {
  if (!groups.empty()) return groups;
  return {{.instance_type = instance_type, .cpus = 0, .hosts = hosts}};
}

JobSpec JobSpec::OfHost(size_t index) const {
  JobSpec out = *this;
  out.host = hosts[index];
  if (!log_streams.empty()) out.log_stream = log_streams[index];
  std::string group;
  for (const HostGroup& g : groups) {
    if (std::ranges::find(g.hosts, out.host) == g.hosts.end()) continue;
    group = g.name;
    out.instance_type = g.instance_type;
  }
  std::erase_if(out.channels, [&](const ChannelSpec& c) {
    return !c.groups.empty() && std::ranges::find(c.groups, group) == c.groups.end();
  });
  return out;
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
      if (!message.empty()) line["message"] = message;
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
  JsonReader r(line);
  r("kind", kind);
  r("time_ms", event.time_ms);
  r("phase", event.phase);
  r("detail", event.detail);
  r("etag", event.etag);
  r("message", event.message);
  r("exit_code", event.exit_code);
  event.detail = CleanText(event.detail);  // words of programs
  event.message = CleanText(event.message);
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

namespace {

// The whole lines of `file` from byte `*offset` on, each through T::FromJson.
template <typename T>
Result<std::vector<T>> ReadLines(const std::filesystem::path& file, uint64_t* offset) {
  std::vector<T> out;
  // Looked at all the time, and mostly there is nothing new.
  struct stat st{};
  if (::stat(file.c_str(), &st) != 0) {
    if (errno == ENOENT) return out;
    return std::unexpected(ErrnoError(errno, file.string()));
  }
  const auto size = static_cast<uint64_t>(st.st_size);
  if (size <= *offset) return out;
  CLARY_TRY(const Fd fd, OpenFile(file, O_RDONLY));
  std::string bytes(std::min(kMaxEventBytes, size - *offset), '\0');
  const ssize_t n = ::pread(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(*offset));
  if (n < 0) return std::unexpected(ErrnoError(errno, file.string()));
  std::string_view rest(bytes.data(), static_cast<size_t>(n));
  for (size_t lf; (lf = rest.find('\n')) != std::string_view::npos; rest.remove_prefix(lf + 1)) {
    auto line = T::FromJson(rest.substr(0, lf));
    if (line) out.push_back(*std::move(line));
    *offset += lf + 1;
  }
  // No end of a line in all that: it is none of ours.
  if (rest.size() == kMaxEventBytes) *offset += rest.size();
  return out;
}

}  // namespace

Result<std::vector<JobEvent>> ReadEvents(const std::filesystem::path& file, uint64_t* offset) {
  return ReadLines<JobEvent>(file, offset);
}

std::string TrialOrder::ToJsonLine() const {
  json j;
  if (kind == Kind::kRun) {
    j = {{"run", key}, {"directory", directory}};
  } else {
    j = {{"stop", key}};
  }
  return j.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<TrialOrder> TrialOrder::FromJson(std::string_view line) {
  const json j = json::parse(line, nullptr, false);
  const auto text = [&](const char* name) {
    const auto it = j.is_object() ? j.find(name) : j.end();
    return it != j.end() && it->is_string() ? it->get<std::string>() : std::string();
  };
  TrialOrder order{.kind = Kind::kRun, .key = text("run"), .directory = text("directory")};
  if (!order.key.empty() && order.directory.starts_with('/')) return order;
  order = {.kind = Kind::kStop, .key = text("stop"), .directory = ""};
  if (!order.key.empty()) return order;
  return Fail(Code::kDataLoss, "BadOrder", "a line of orders.jsonl is no order");
}

Result<std::vector<TrialOrder>> ReadOrders(const std::filesystem::path& file, uint64_t* offset) {
  return ReadLines<TrialOrder>(file, offset);
}

Status AppendOrder(const std::filesystem::path& file, const TrialOrder& order) {
  CLARY_TRY(const Fd fd, OpenFile(file, O_RDWR | O_CREAT | O_APPEND, 0600));
  const off_t size = ::lseek(fd.get(), 0, SEEK_END);
  char last = '\n';
  const bool torn = size > 0 && ::pread(fd.get(), &last, 1, size - 1) == 1 && last != '\n';
  return WriteAll(fd.get(), (torn ? "\n" : "") + order.ToJsonLine());
}

}  // namespace clary::api
