#include "serving/transform_job.h"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>

#include "base/file.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/strings.h"
#include "net/client.h"
#include "objects/open_store.h"
#include "runner/channels.h"
#include "runner/host.h"
#include "runner/job_log.h"
#include "serving/internal/container_host.h"
#include "serving/internal/transform_object.h"

namespace clary::serving {
namespace fs = std::filesystem;
using api::JobEvent;
using api::TransformSpec;
using objects::ObjectRef;
namespace {

constexpr uint64_t kMaxManifest = 64 << 20;
constexpr uint64_t kMebi = uint64_t{1} << 20;
constexpr uint64_t kWholeObject = 2048 * kMebi;  // what MaxPayloadInMB 0 comes to
constexpr size_t kMaxParallelObjects = 4;
constexpr auto kStartupTimeout = std::chrono::seconds(240);

// How a job ends: beginnings of its FailureReason.
constexpr char kInternalError[] = "InternalServerError: ";

End ClientError(const std::string& why) { return {1, "ClientError: " + why}; }
End AlgorithmError(const std::string& why) { return {1, "AlgorithmError: " + why}; }

// The job's data log: what was sent and what came of it.
class DataLog {
 public:
  DataLog(meta::LogWriter writer) : log_(std::move(writer), Clock::System()) {}
  void Say(std::string_view text) {
    std::string time = FormatIso8601(Clock::System().Now());
    if (time.ends_with('Z')) time.pop_back();
    log_.Write(runner::CleanLine(fmt::format("{}:[sagemaker logs]: {}", time, text)));
  }
  void Failed(const ObjectRef& object, const Error& error) {
    const std::string name = object.bucket + "/" + object.key;
    const bool named = error.reason.find(' ') != std::string::npos;
    Say(fmt::format("{}: {}", name, named ? error.reason : "ClientError: " + error.reason));
    Say(name + ": ");
    Say(name + ": Message:");
    for (const std::string_view line : Split(error.message, '\n')) {
      Say(fmt::format("{}: {}", name, line));
    }
  }

 private:
  runner::JobLog log_;
};

// The part of the input's keys that outputs do not repeat.
Result<std::string> InputPrefix(const TransformSpec& spec, objects::ObjectStore& store) {
  CLARY_TRY(const auto uri, ObjectRef::ParseUri(spec.input_uri));
  if (spec.s3_data_type != "ManifestFile") return uri.key;
  CLARY_TRY(auto object, store.Get(uri));
  CLARY_TRY(const std::string text, ReadAll(*object.body, kMaxManifest));
  CLARY_TRY(const auto manifest, runner::ParseManifest(text));
  return manifest.prefix;
}

// What the container says of itself, where the request does not.
struct ExecutionParameters {
  int64_t concurrency = 1;
  bool multi_record = true;
  int64_t payload_mb = 6;
};
ExecutionParameters AskParameters(net::HttpClient& client) {
  ExecutionParameters out;
  const auto answer = client.Send({.url = "http://model.aws.local/execution-parameters"});
  if (!answer || answer->status != 200) return out;
  const auto json = nlohmann::json::parse(answer->body, nullptr, false);
  if (!json.is_object()) return out;
  const auto number = [&](const char* name, int64_t least, int64_t fallback) {
    const auto it = json.find(name);
    return it != json.end() && it->is_number_integer() && it->get<int64_t>() >= least
               ? it->get<int64_t>()
               : fallback;
  };
  out.concurrency = std::min<int64_t>(number("MaxConcurrentTransforms", 1, 1), 100);
  out.payload_mb = number("MaxPayloadInMB", 0, 6);
  const auto strategy = json.find("BatchStrategy");
  out.multi_record = strategy == json.end() || *strategy != "SINGLE_RECORD";
  return out;
}

Result<TransformPlan> MakePlan(const TransformSpec& spec, const ExecutionParameters& container) {
  TransformPlan plan{.assemble_lines = spec.assemble_with == "Line",
                     .retries = spec.invocation_retries,
                     .content_type = spec.content_type,
                     .accept = spec.accept};
  const auto split = SplitOf(spec.split_type);
  if (!split) {
    return Fail(Code::kInvalidArgument, "BadSplit", "SplitType " + spec.split_type + " is unknown");
  }
  plan.split = *split;
  plan.multi_record =
      spec.batch_strategy.empty() ? container.multi_record : spec.batch_strategy == "MultiRecord";
  plan.concurrency = static_cast<size_t>(std::clamp<int64_t>(
      spec.max_concurrent_transforms > 0 ? spec.max_concurrent_transforms : container.concurrency,
      1, 100));
  const int64_t mb = spec.max_payload_mb >= 0 ? spec.max_payload_mb : container.payload_mb;
  plan.payload_bytes = mb == 0 ? kWholeObject : static_cast<uint64_t>(mb) * kMebi;
  // Records are not kept together for the sake of an unlimited payload.
  if (mb == 0 && plan.split != SplitType::kNone) plan.payload_bytes = 64 * kMebi;
  plan.join = spec.join_source == "Input";
  const bool filters = spec.input_filter != "$" || spec.output_filter != "$";
  if (!plan.join && !filters) return plan;
  const auto kind = RecordKindOf(spec.content_type);
  const auto answer_kind = spec.accept.empty() ? kind : RecordKindOf(spec.accept);
  if (!kind || !answer_kind) {
    return Fail(Code::kInvalidArgument, "BadDataProcessing",
                "DataProcessing needs a ContentType and an Accept of text/csv, application/json or "
                "application/jsonlines");
  }
  if (plan.join && *kind != *answer_kind) {
    return Fail(Code::kInvalidArgument, "BadDataProcessing",
                "JoinSource Input needs a ContentType and an Accept of one kind: both CSV, or both "
                "JSON");
  }
  plan.kind = plan.join ? *kind : *answer_kind;
  CLARY_TRY(plan.input_filter, DataFilter::Parse(spec.input_filter, *kind));
  CLARY_TRY(plan.output_filter, DataFilter::Parse(spec.output_filter, plan.kind));
  if (plan.input_filter->everything()) plan.input_filter.reset();
  if (plan.output_filter->everything()) plan.output_filter.reset();
  return plan;
}

// Sends requests through the containers, one after another.
class Pipeline {
 public:
  static Result<std::unique_ptr<Pipeline>> Connect(const TransformSpec& spec,
                                                   const fs::path& directory) {
    auto out = std::make_unique<Pipeline>();
    for (size_t i = 0; i < spec.containers.size(); ++i) {
      CLARY_TRY(auto client, net::HttpClient::Create(
                                 {.unix_socket = api::SocketOf(directory, i),
                                  .total_timeout = std::chrono::seconds(spec.invocation_timeout_s),
                                  .max_body_bytes = kWholeObject,
                                  .max_idle = 100}));
      out->containers_.push_back(std::move(client));
    }
    return out;
  }
  net::HttpClient& first() { return *containers_.front(); }
  Result<net::Response> Send(const net::ClientRequest& request) const {
    if (containers_.size() == 1) return containers_.front()->Send(request);
    net::ClientRequest next = request;
    for (size_t i = 0;; ++i) {
      next.headers.Remove("Accept");
      if (i + 1 == containers_.size() && request.headers.Find("Accept")) {
        next.headers.Set("Accept", std::string(request.headers.Get("Accept")));
      }
      CLARY_TRY(auto answer, containers_[i]->Send(next));
      if (i + 1 == containers_.size() || answer.status < 200 || answer.status >= 300) return answer;
      next.headers.Set("Content-Type",
                       std::string(answer.headers.Get("Content-Type", "application/octet-stream")));
      next.body = std::move(answer.body);
    }
  }

 private:
  std::vector<std::unique_ptr<net::HttpClient>> containers_;
};

// The whole job on a thread of its own, beside the one that takes lines to the log.
class Transform {
 public:
  Transform(const TransformSpec& spec, const fs::path& directory, objects::ObjectStore& store,
            DataLog& log, runner::EventFile& events)
      : spec_(spec), directory_(directory), store_(store), log_(log), events_(events) {}

  End Run(const std::stop_token& stop) {
    for (size_t i = 0; i < spec_.containers.size(); ++i) {
      const Status healthy = AwaitPing(api::SocketOf(directory_, i), kStartupTimeout, stop);
      if (!healthy) {
        return AlgorithmError("Model container failed to respond to ping: " +
                              healthy.error().message);
      }
    }
    auto pipeline = Pipeline::Connect(spec_, directory_);
    if (!pipeline) return {1, "InternalServerError: " + pipeline.error().message};
    const auto plan = MakePlan(spec_, AskParameters((*pipeline)->first()));
    if (!plan) return ClientError(plan.error().message);
    const auto inputs = runner::ChannelObjects(
        {.s3_uri = spec_.input_uri, .s3_data_type = spec_.s3_data_type}, store_);
    if (!inputs) return ClientError(inputs.error().message);
    const auto prefix = InputPrefix(spec_, store_);
    if (!prefix) return ClientError(prefix.error().message);
    const auto output = ObjectRef::ParseUri(spec_.output_uri);
    if (!output) return ClientError(output.error().message);
    if (const auto bucket = store_.HeadBucket(output->bucket); !bucket) {
      return ClientError("S3OutputPath: " + bucket.error().message);
    }
    (void)events_.Append({.kind = JobEvent::Kind::kPhase, .phase = "Transforming"});
    log_.Say(fmt::format("MaxConcurrentTransforms={}, MaxPayloadInMB={}, BatchStrategy={}",
                         plan->concurrency, plan->payload_bytes / kMebi,
                         plan->multi_record ? "MULTI_RECORD" : "SINGLE_RECORD"));

    const size_t parallel = std::min({inputs->size(), plan->concurrency, kMaxParallelObjects});
    TransformPlan share = *plan;
    share.concurrency = std::max<size_t>(1, plan->concurrency / parallel);
    std::atomic<size_t> next = 0;
    {
      std::vector<std::jthread> threads;
      for (size_t t = 0; t < parallel; ++t) {
        threads.emplace_back([&] {
          for (size_t i; !stop.stop_requested() && (i = next++) < inputs->size();) {
            const ObjectRef& from = (*inputs)[i];
            const ObjectRef to{.bucket = output->bucket,
                               .key = OutputKey(output->key, *prefix, from.key)};
            const Status done = One(from, to, share, **pipeline);
            if (!done && !stop.stop_requested()) NoteFailure(from, done.error());
          }
        });
      }
    }
    const MutexLock lock(mu_);
    return end_;
  }

 private:
  Status One(const ObjectRef& from, const ObjectRef& to, const TransformPlan& plan,
             const Pipeline& pipeline) {
    CLARY_TRY(auto object, store_.Get(from));
    auto input = std::move(object.body);
    if (spec_.compression == "Gzip") input = NewGunzipSource(std::move(input));
    const auto source = NewTransformSource(
        std::move(input), plan,
        [&pipeline](const net::ClientRequest& request) { return pipeline.Send(request); });
    objects::PutOptions options;
    if (!plan.accept.empty()) options.headers["content-type"] = plan.accept;
    const auto put = store_.Put(to, *source, options);
    if (!put) return std::unexpected(put.error());
    return {};
  }

  void NoteFailure(const ObjectRef& object, const Error& error) {
    log_.Failed(object, error);
    const bool algorithm = error.code == Code::kUnavailable || error.code == Code::kInternal;
    const std::string why = fmt::format("See job logs for more information. {}: {}: {}",
                                        object.Uri(), error.reason, error.message.substr(0, 300));
    const MutexLock lock(mu_);
    if (end_.detail.empty()) end_ = algorithm ? AlgorithmError(why) : ClientError(why);
  }

  const TransformSpec& spec_;
  const fs::path& directory_;
  objects::ObjectStore& store_;
  DataLog& log_;
  runner::EventFile& events_;
  Mutex mu_;
  End end_ GUARDED_BY(mu_);
};

Result<End> RunContainers(const TransformSpec& spec, const fs::path& directory,
                          objects::ObjectStore& store, const ServeOptions& options,
                          runner::EventFile& events, runner::StopSignal& stop) {
  HostOptions host_options = OptionsOf(spec, directory, options);
  for (api::ContainerSpec& c : host_options.containers) {
    c.environment["SAGEMAKER_BATCH"] = "true";
    if (spec.max_payload_mb >= 0) {
      c.environment["SAGEMAKER_MAX_PAYLOAD_IN_MB"] = std::to_string(spec.max_payload_mb);
    }
    if (!spec.batch_strategy.empty()) {
      c.environment["SAGEMAKER_BATCH_STRATEGY"] =
          spec.batch_strategy == "MultiRecord" ? "MULTI_RECORD" : "SINGLE_RECORD";
    }
    if (spec.max_concurrent_transforms > 0) {
      c.environment["SAGEMAKER_MAX_CONCURRENT_TRANSFORMS"] =
          std::to_string(spec.max_concurrent_transforms);
    }
  }
  auto host = ContainerHost::Prepare(std::move(host_options), store);
  if (!host) return ClientError(host.error().message);
  CLARY_TRY(auto writer,
            meta::LogWriter::Open(spec.log_root, spec.log_group, spec.log_stream + "/data-log"));
  DataLog log(std::move(writer));
  if (const Status started = (*host)->Start(stop); !started) {
    if (started.error().code == Code::kCancelled) return End{kStopped, ""};
    return started.error().code == Code::kInvalidArgument
               ? AlgorithmError("Model container failed to respond to ping: " +
                                started.error().message)
               : End{1, kInternalError + started.error().message};
  }
  const Fd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return std::unexpected(ErrnoError(errno, "eventfd"));
  Transform transform(spec, directory, store, log, events);
  End end;
  std::jthread worker([&](const std::stop_token& asked) {
    end = transform.Run(asked);
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = ::write(wake.get(), &one, sizeof one);
  });
  const bool runs = (*host)->Pump(stop, wake.get());
  const bool stopped = stop.Requested();
  if (!runs || stopped) worker.request_stop();
  (*host)->Stop(options.grace);  // requests that are on their way end with the containers
  worker.join();
  if (stopped) return End{kStopped, ""};
  // What the job found out about its data says more than how the container ended.
  if (!runs && (end.detail.empty() || end.detail.starts_with("AlgorithmError: Model container"))) {
    return AlgorithmError("Model container failed to respond to ping: " + (*host)->Cause());
  }
  return end;
}

}  // namespace

std::string OutputKey(std::string_view output_prefix, std::string_view input_prefix,
                      std::string_view key) {
  const size_t slash = input_prefix.rfind('/');
  const size_t cut = slash == std::string_view::npos ? 0 : slash + 1;
  while (output_prefix.ends_with('/')) output_prefix.remove_suffix(1);
  std::string out(output_prefix);
  if (!out.empty()) out += '/';
  return out.append(key.substr(std::min(cut, key.size()))).append(".out");
}

Result<int> RunTransform(const TransformSpec& spec, const fs::path& directory,
                         objects::ObjectStore& store, const ServeOptions& options) {
  return RunLaunch(directory, kInternalError,
                   [&](const fs::path& absolute, auto& events, auto& stop) {
                     return RunContainers(spec, absolute, store, options, events, stop);
                   });
}

namespace {

Result<int> RunTransformDirectory(const fs::path& directory) {
  CLARY_TRY(const std::string text, ReadFile(directory / "transform.json", kMaxSpecBytes));
  CLARY_TRY(const TransformSpec spec, TransformSpec::FromJson(text));
  CLARY_TRY(const auto store, objects::OpenStoreForJob(spec.store));
  return RunTransform(spec, directory, *store);
}

}  // namespace

int RunTransformJob(const fs::path& directory) {
  const auto ended = RunTransformDirectory(directory);
  if (ended) return *ended;
  LOG(kError, "batch transform failed", {"directory", directory.string()},
      {"error", ended.error().message});
  return runner::AppendFailure(directory, kInternalError + ended.error().message);
}

}  // namespace clary::serving
