#include "server/model_caller.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <vector>

#include "api/server_spec.h"
#include "base/mutex.h"
#include "base/strings.h"
#include "net/client.h"
#include "server/event_stream.h"
#include "server/invocation_metrics.h"

namespace clary::server {
namespace {

using control::EndpointRoute;
using control::EndpointRoutes;
using control::InstanceRoute;
using control::VariantRoute;

constexpr size_t kMaxQuoted = 16 << 10;  // of a container's words in an error
constexpr size_t kIdleConnections = 64;  // kept to each instance

std::string Quoted(std::string_view text) {
  return std::string(text.substr(0, std::min(text.size(), kMaxQuoted)));
}

// Copies the headers that a container and a client may tell each other.
void CopyHeaders(const net::Headers& from, std::initializer_list<const char*> names,
                 net::Headers& to) {
  for (const char* name : names) {
    if (const auto value = from.Find(name)) to.Set(name, std::string(*value));
  }
}

struct Counted {
  explicit Counted(std::atomic<int>& counted) : n(counted), now(++n) {}
  ~Counted() { --n; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  std::atomic<int>& n;
  const int now;
};

// Counts a request until its answer's stream has been read.
class CountedStream final : public ByteSource {
 public:
  CountedStream(std::unique_ptr<ByteSource> source, std::shared_ptr<void> held)
      : held_(std::move(held)), source_(std::move(source)) {}
  Result<size_t> Read(std::span<char> buffer) override { return source_->Read(buffer); }

 private:
  const std::shared_ptr<void> held_;  // goes after the stream
  const std::unique_ptr<ByteSource> source_;
};

net::Response Throttled(const std::string& message) {
  net::Response response{.status = 429};
  response.headers.Set("Content-Type", "application/json");
  response.headers.Set("x-amzn-ErrorType", "ThrottlingException");
  response.body = fmt::format(R"({{"Message":{}}})", JsonQuote(message));
  return response;
}

// What api::kModelLoadHeader says, as metrics; of an answer without it nothing.
void CountLoading(InvocationMetrics& metrics, const std::string& endpoint,
                  const std::string& variant, std::string_view told) {
  struct Metric {
    std::string_view key;
    const char* name;
  };
  constexpr Metric kLoading[] = {{"wait", "ModelLoadingWaitTime"},
                                 {"download", "ModelDownloadingTime"},
                                 {"load", "ModelLoadingTime"}};
  if (told.empty()) return;
  metrics.Add(endpoint, variant, "ModelCacheHit", "None", told == "hit" ? 1 : 0);
  for (const std::string_view word : Split(told, ' ')) {
    const size_t equals = word.find('=');
    if (equals == std::string_view::npos) continue;
    const auto micros = ParseUint(word.substr(equals + 1));
    const auto* metric = std::ranges::find(kLoading, word.substr(0, equals), &Metric::key);
    if (metric == std::end(kLoading) || !micros || *micros == 0) continue;
    metrics.Add(endpoint, variant, metric->name, "Microseconds", static_cast<double>(*micros));
  }
}

}  // namespace

bool WasNotSent(const Error& error) { return error.reason == "CouldNotConnect"; }

double RandomShare() {
  thread_local std::minstd_rand random(std::random_device{}());
  return std::uniform_real_distribution<double>(0, 1)(random);
}

// A variant of `name`, or of any name by weight; nullptr if there is none.
const VariantRoute* PickVariant(const EndpointRoute& endpoint, std::string_view name) {
  double sum = 0;
  const VariantRoute* only = nullptr;
  for (const VariantRoute& v : endpoint.variants) {
    if (!name.empty() && v.name != name) continue;
    sum += v.weight;
    // Of variants that nobody reaches by weight, the first that is targeted and answers.
    if (!name.empty() && (only == nullptr || only->instances.empty())) only = &v;
  }
  if (sum <= 0) return only;
  double share = RandomShare() * sum;
  const VariantRoute* last = nullptr;
  for (const VariantRoute& v : endpoint.variants) {
    if ((!name.empty() && v.name != name) || v.weight <= 0) continue;
    last = &v;
    share -= v.weight;
    if (share < 0) break;
  }
  return last;
}

// Connections to model servers. Any thread.
class ModelCaller::Instances {
 public:
  struct Instance {
    std::vector<std::unique_ptr<net::HttpClient>> containers;  // in their order
    LocalModel local;                                          // null: there is none
    std::atomic<int> outstanding = 0;
  };

  // The instance's connections, made when it is first asked for. kUnavailable if its directory is
  // gone.
  Result<std::shared_ptr<Instance>> Find(const InstanceRoute& route, size_t containers,
                                         const CallerOptions& options) EXCLUDES(mu_) {
    {
      const MutexLock lock(mu_);
      if (const auto it = instances_.find(route.id); it != instances_.end()) return it->second;
    }
    auto made = std::make_shared<Instance>();
    for (size_t i = 0; i < containers; ++i) {
      auto client = net::HttpClient::Create({.unix_socket = api::SocketOf(route.directory, i),
                                             .connect_timeout = Duration(250),
                                             .stall_timeout = options.stream_timeout,
                                             .max_body_bytes = kMaxInvocationBytes,
                                             .max_idle = kIdleConnections});
      if (!client) return Fail(Code::kUnavailable, "CouldNotConnect", client.error().message);
      made->containers.push_back(*std::move(client));
    }
    if (options.local) made->local = options.local(route.directory);
    const MutexLock lock(mu_);
    return instances_.emplace(route.id, std::move(made)).first->second;
  }

  // Of those that have not refused, the one with the least to do, from a random place on; null:
  // there is none.
  const InstanceRoute* Choose(const VariantRoute& variant,
                              const std::vector<const InstanceRoute*>& refused) EXCLUDES(mu_) {
    const size_t count = variant.instances.size();
    if (count == 1) return refused.empty() ? &variant.instances.front() : nullptr;
    const auto first = static_cast<size_t>(RandomShare() * static_cast<double>(count));
    const InstanceRoute* chosen = nullptr;
    int least = 0;
    for (size_t i = 0; i < count; ++i) {
      const InstanceRoute& candidate = variant.instances[(first + i) % count];
      if (std::ranges::find(refused, &candidate) != refused.end()) continue;
      const int busy = Outstanding(candidate.id);
      if (chosen != nullptr && busy >= least) continue;
      chosen = &candidate;
      least = busy;
    }
    return chosen;
  }

  // Forgets what no route names any more, when there are new routes.
  void Prune(const std::shared_ptr<const EndpointRoutes>& routes) EXCLUDES(mu_) {
    const MutexLock lock(mu_);
    if (routes == pruned_by_) return;
    pruned_by_ = routes;
    std::erase_if(instances_, [&](const auto& known) {
      for (const auto& [name, endpoint] : *routes) {
        for (const VariantRoute& v : endpoint->variants) {
          if (std::ranges::find(v.instances, known.first, &InstanceRoute::id) !=
              v.instances.end()) {
            return false;
          }
        }
      }
      return true;
    });
  }

 private:
  int Outstanding(const std::string& id) EXCLUDES(mu_) {
    const MutexLock lock(mu_);
    const auto it = instances_.find(id);
    return it == instances_.end() ? 0 : it->second->outstanding.load();
  }

  Mutex mu_;
  std::map<std::string, std::shared_ptr<Instance>> instances_ GUARDED_BY(mu_);
  std::shared_ptr<const EndpointRoutes> pruned_by_ GUARDED_BY(mu_);
};

// An instance that is asked: it lives until its answer has been read.
struct ModelCaller::Held {
  explicit Held(std::shared_ptr<Instances::Instance> asked)
      : instance(std::move(asked)), count(instance->outstanding) {}
  const std::shared_ptr<Instances::Instance> instance;
  const Counted count;
};

ModelCaller::ModelCaller(const Account& account, const CallerOptions& options,
                         InvocationMetrics* metrics)
    : account_(account),
      options_(options),
      metrics_(metrics),
      instances_(std::make_unique<Instances>()) {}
ModelCaller::~ModelCaller() = default;

void ModelCaller::Prune(const std::shared_ptr<const EndpointRoutes>& routes) {
  instances_->Prune(routes);
}

net::Response ModelCaller::ModelError(const std::string& endpoint, const std::string& container,
                                      int status, const std::string& message) const {
  const std::string group = "/aws/sagemaker/Endpoints/" + endpoint;
  const bool client = status >= 400 && status < 500;
  const std::string text = fmt::format(
      "Received {} error ({}) from {} with message \"{}\". See the log group {} in account {} for "
      "more information.",
      client ? "client" : "server", status, container, message, group, account_.id);
  net::Response response{.status = 424};
  response.headers.Set("Content-Type", "application/json");
  response.headers.Set("x-amzn-ErrorType", "ModelError");
  response.body =
      fmt::format(R"({{"ErrorCode":"{}","LogStreamArn":{},"Message":{},"OriginalMessage":{},)"
                  R"("OriginalStatusCode":{}}})",
                  client ? "CLIENT_ERROR_FROM_MODEL" : "INTERNAL_FAILURE_FROM_MODEL",
                  JsonQuote(fmt::format("arn:aws:logs:{}:{}:log-group:{}", account_.region,
                                        account_.id, group)),
                  JsonQuote(text), JsonQuote(message), status);
  return response;
}

Result<net::Response> ModelCaller::Call(const EndpointRoute& endpoint, const VariantRoute& variant,
                                        const ModelRequest& request) {
  // One that has died has nothing to do, and would be chosen again and again.
  std::vector<const InstanceRoute*> refused;
  std::string why = "no instance";
  for (;;) {
    const InstanceRoute* const chosen = instances_->Choose(variant, refused);
    if (chosen == nullptr) return Fail(Code::kUnavailable, "CouldNotConnect", std::move(why));
    auto answer = Ask(endpoint, variant, *chosen, request);
    if (answer || !WasNotSent(answer.error())) return answer;
    refused.push_back(chosen);
    why = std::move(answer.error().message);
  }
}

Result<net::Response> ModelCaller::Ask(const EndpointRoute& endpoint, const VariantRoute& variant,
                                       const InstanceRoute& route, const ModelRequest& request) {
  CLARY_TRY(const auto instance, instances_->Find(route, variant.containers.size(), options_));
  const auto held = std::make_shared<Held>(instance);
  if (variant.max_concurrency > 0 && held->count.now > variant.max_concurrency) {
    return Throttled(fmt::format(
        "Rate exceeded: variant {} of endpoint {} takes {} requests at once (MaxConcurrency).",
        variant.name, endpoint.name, variant.max_concurrency));
  }

  if (instance->local && request.upload == nullptr && !request.stream) {
    auto answer =
        instance->local(request.headers.Get("Content-Type"), request.accept, request.body);
    if (answer) return *std::move(answer);
  }

  net::ClientRequest out{.method = "POST",
                         .url = "http://model.aws.local/invocations",
                         .headers = request.headers,
                         .borrowed = request.body,
                         .upload = request.upload,
                         .stop = request.stop};
  if (request.upload != nullptr) out.upload_length = request.upload_length;
  if (variant.multi_model) {
    out.headers.Set("X-Amzn-SageMaker-Target-Model", request.target_model);
  }
  const size_t last = instance->containers.size() - 1;
  for (size_t i = 0;; ++i) {
    const std::string& name = variant.containers[i];
    if (i == last && !request.accept.empty()) out.headers.Set("Accept", request.accept);
    const bool streams = i == last && request.stream;
    out.timeout = request.timeout.count() > 0 ? request.timeout
                  : streams                   ? options_.stream_timeout
                                              : options_.timeout;
    auto got = instance->containers[i]->Open(out);
    if (got && (!streams || got->status >= 300)) {
      auto body = ReadAll(*got->stream, kMaxInvocationBytes);
      got->stream.reset();
      got->stream_length.reset();
      if (body) {
        got->body = *std::move(body);
      } else if (body.error().code == Code::kDeadlineExceeded ||
                 body.error().code == Code::kCancelled) {
        got = std::unexpected(body.error());
      } else {
        return ModelError(endpoint.name, name, got->status,
                          Quoted(got->body) + " and could not load the entire response body");
      }
    }
    if (!got && got.error().code == Code::kDeadlineExceeded) {
      return ModelError(endpoint.name, name, 0,
                        fmt::format("Your invocation timed out while waiting for a response from "
                                    "container {}. Review the latency metrics for each container "
                                    "in Amazon CloudWatch, resolve the issue, and try again.",
                                    name));
    }
    if (!got && i > 0 && got.error().code != Code::kCancelled) {
      // What came before may not be done twice.
      return Fail(
          Code::kUnavailable, "ServiceUnavailable",
          fmt::format("the container {} of the endpoint {} went away", name, endpoint.name));
    }
    if (!got) return std::unexpected(std::move(got).error());
    if (variant.multi_model && metrics_ != nullptr) {
      CountLoading(*metrics_, endpoint.name, variant.name, got->headers.Get(api::kModelLoadHeader));
    }
    if (variant.multi_model && got->headers.Get("X-Clary-Model") == "missing") {
      return Fail(Code::kInvalidArgument, "ValidationError", got->body);
    }
    if (got->status >= 300 || got->status < 200) {
      return ModelError(endpoint.name, name, got->status, Quoted(got->body));
    }
    if (i == last) {
      net::Response response{.status = got->status};
      CopyHeaders(got->headers,
                  {"X-Amzn-SageMaker-Custom-Attributes", "X-Amzn-SageMaker-New-Session-Id",
                   "X-Amzn-SageMaker-Closed-Session-Id"},
                  response.headers);
      response.headers.Set("Content-Type", std::string(got->headers.Get(
                                               "Content-Type", "application/octet-stream")));
      if (streams) {
        response.stream = std::make_unique<CountedStream>(std::move(got->stream), held);
        response.stream_length = got->stream_length;
      } else {
        response.body = std::move(got->body);
      }
      return response;
    }
    // The answer of one container is the request of the next.
    out.headers.Set("Content-Type",
                    std::string(got->headers.Get("Content-Type", "application/octet-stream")));
    out.body = std::move(got->body);
    out.borrowed = {};
    out.upload = nullptr;
    out.upload_length.reset();
  }
}

}  // namespace clary::server
