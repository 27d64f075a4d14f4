#include "server/runtime.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <random>

#include "api/server_spec.h"
#include "base/log.h"
#include "base/strings.h"
#include "net/client.h"
#include "server/capture.h"
#include "server/event_stream.h"
#include "server/invocation_metrics.h"

namespace clary::server {
namespace {

using SteadyClock = std::chrono::steady_clock;
using control::EndpointRoute;
using control::EndpointRoutes;
using control::InstanceRoute;
using control::VariantRoute;

constexpr size_t kMaxQuoted = 16 << 10;  // of a container's words in an error
constexpr int kAttempts = 3;             // of instances that refuse the connection
constexpr size_t kIdleConnections = 64;  // kept to each instance
constexpr char kPrefix[] = "X-Amzn-SageMaker-";

struct HeaderLimit {
  const char* header;
  const char* member;
  size_t most;
  size_t least;
};
constexpr HeaderLimit kLimits[] = {
    {"Content-Type", "contentType", 1024, 0},
    {"Accept", "accept", 1024, 0},
    {"X-Amzn-SageMaker-Accept", "accept", 1024, 0},
    {"X-Amzn-SageMaker-Custom-Attributes", "customAttributes", 1024, 0},
    {"X-Amzn-SageMaker-Target-Model", "targetModel", 1024, 1},
    {"X-Amzn-SageMaker-Target-Variant", "targetVariant", 63, 0},
    {"X-Amzn-SageMaker-Target-Container-Hostname", "targetContainerHostname", 63, 0},
    {"X-Amzn-SageMaker-Inference-Id", "inferenceId", 64, 1},
    {"X-Amzn-SageMaker-Enable-Explanations", "enableExplanations", 64, 1},
    {"X-Amzn-SageMaker-Inference-Component", "inferenceComponentName", 63, 0},
    {"X-Amzn-SageMaker-Session-Id", "sessionId", 256, 0},
};

std::unexpected<Error> Invalid(std::string message) {
  return Fail(Code::kInvalidArgument, "ValidationError", std::move(message));
}

Status CheckHeaders(const net::Request& request) {
  for (const HeaderLimit& limit : kLimits) {
    const auto value = request.headers.Find(limit.header);
    if (!value || (value->size() <= limit.most && value->size() >= limit.least)) continue;
    return Invalid(fmt::format(
        "1 validation error detected: Value '{}' at '{}' failed to satisfy constraint: Member must "
        "have length {} than or equal to {}",
        *value, limit.member, value->size() > limit.most ? "less" : "greater",
        value->size() > limit.most ? limit.most : limit.least));
  }
  return {};
}

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

}  // namespace

bool IsInvocation(const net::Request& request) {
  const std::string_view path = request.path;
  return path.starts_with("/endpoints/") &&
         (path.ends_with("/invocations") || path.ends_with("/async-invocations") ||
          path.ends_with("/invocations-response-stream"));
}

// Connections to model servers. Any thread.
class RuntimeFront::Instances {
 public:
  struct Instance {
    std::vector<std::unique_ptr<net::HttpClient>> containers;  // in their order
    std::atomic<int> outstanding = 0;
  };

  // The instance's connections, made when it is first asked for. kUnavailable if its directory is
  // gone.
  Result<std::shared_ptr<Instance>> Find(const InstanceRoute& route, size_t containers,
                                         const RuntimeOptions& options) EXCLUDES(mu_) {
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
    const MutexLock lock(mu_);
    return instances_.emplace(route.id, std::move(made)).first->second;
  }

  int Outstanding(const std::string& id) EXCLUDES(mu_) {
    const MutexLock lock(mu_);
    const auto it = instances_.find(id);
    return it == instances_.end() ? 0 : it->second->outstanding.load();
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
  Mutex mu_;
  std::map<std::string, std::shared_ptr<Instance>> instances_ GUARDED_BY(mu_);
  std::shared_ptr<const EndpointRoutes> pruned_by_ GUARDED_BY(mu_);
};

struct RuntimeFront::Invocation {
  bool stream = false;
  std::string accept;
  const net::Request& request;
  std::string_view body;
};

RuntimeFront::RuntimeFront(std::function<std::shared_ptr<const EndpointRoutes>()> routes,
                           const Account& account, Capture* capture, InvocationMetrics* metrics,
                           RuntimeOptions options)
    : routes_(std::move(routes)),
      account_(account),
      capture_(capture),
      metrics_(metrics),
      options_(options),
      instances_(std::make_unique<Instances>()) {}
RuntimeFront::~RuntimeFront() = default;

Error RuntimeFront::NotFound(std::string_view endpoint) const {
  return {Code::kInvalidArgument, "ValidationError",
          fmt::format("Endpoint {} of account {} not found.", endpoint, account_.id)};
}

net::Response RuntimeFront::ModelError(const std::string& endpoint, const std::string& container,
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

Result<net::Response> RuntimeFront::Send(const Invocation& invocation,
                                         const EndpointRoute& endpoint,
                                         const VariantRoute& variant) {
  // The one with the least to do, from a random place on.
  const size_t count = variant.instances.size();
  const auto first = static_cast<size_t>(RandomShare() * static_cast<double>(count));
  const InstanceRoute* chosen = nullptr;
  int least = 0;
  for (size_t i = 0; i < count; ++i) {
    const InstanceRoute& candidate = variant.instances[(first + i) % count];
    const int busy = count == 1 ? 0 : instances_->Outstanding(candidate.id);
    if (chosen == nullptr || busy < least) {
      chosen = &candidate;
      least = busy;
    }
  }
  if (chosen == nullptr) return Fail(Code::kUnavailable, "CouldNotConnect", "no instance");
  CLARY_TRY(const auto instance, instances_->Find(*chosen, variant.containers.size(), options_));
  struct Count {
    explicit Count(std::atomic<int>& n) : n(n) { ++n; }
    ~Count() { --n; }
    std::atomic<int>& n;
  } const counted(instance->outstanding);

  net::ClientRequest out{.method = "POST", .url = "http://model.aws.local/invocations"};
  CopyHeaders(
      invocation.request.headers,
      {"Content-Type", "X-Amzn-SageMaker-Custom-Attributes", "X-Amzn-SageMaker-Inference-Id"},
      out.headers);
  if (variant.multi_model) {
    CopyHeaders(invocation.request.headers, {"X-Amzn-SageMaker-Target-Model"}, out.headers);
  }
  out.body = invocation.body;
  const size_t last = instance->containers.size() - 1;
  for (size_t i = 0;; ++i) {
    const std::string& name = variant.containers[i];
    if (i == last && !invocation.accept.empty()) out.headers.Set("Accept", invocation.accept);
    const bool streams = i == last && invocation.stream;
    out.timeout = streams ? options_.stream_timeout : options_.timeout;
    auto got = instance->containers[i]->Open(out);
    if (got && (!streams || got->status >= 300)) {
      auto body = ReadAll(*got->stream, kMaxInvocationBytes);
      got->stream.reset();
      got->stream_length.reset();
      if (body) {
        got->body = *std::move(body);
      } else if (body.error().code == Code::kDeadlineExceeded) {
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
    if (!got && i > 0) {  // what came before may not be done twice
      return Fail(
          Code::kUnavailable, "ServiceUnavailable",
          fmt::format("the container {} of the endpoint {} went away", name, endpoint.name));
    }
    if (!got) return std::unexpected(std::move(got).error());
    if (variant.multi_model && got->headers.Get("X-Clary-Model") == "missing") {
      return Invalid(got->body);
    }
    if (got->status >= 300 || got->status < 200) {
      return ModelError(endpoint.name, name, got->status, Quoted(got->body));
    }
    if (i == last) {
      net::Response response{.status = streams ? 200 : got->status};
      CopyHeaders(got->headers,
                  {"X-Amzn-SageMaker-Custom-Attributes", "X-Amzn-SageMaker-New-Session-Id",
                   "X-Amzn-SageMaker-Closed-Session-Id"},
                  response.headers);
      const std::string type(got->headers.Get("Content-Type", "application/octet-stream"));
      response.headers.Set("x-Amzn-Invoked-Production-Variant", variant.name);
      response.headers.Set("Content-Type", streams ? "application/vnd.amazon.eventstream" : type);
      if (streams) {
        response.headers.Set("X-Amzn-SageMaker-Content-Type", type);
        response.stream = NewPayloadParts(std::move(got->stream));
      } else {
        response.body = std::move(got->body);
      }
      return response;
    }
    // The answer of one container is the request of the next.
    out.headers.Set("Content-Type",
                    std::string(got->headers.Get("Content-Type", "application/octet-stream")));
    out.body = std::move(got->body);
  }
}

Result<net::Response> RuntimeFront::Invoke(std::string_view operation, const std::string& endpoint,
                                           const net::Request& request, std::string_view body) {
  const auto began = SteadyClock::now();
  CLARY_CHECK_OK(CheckHeaders(request));
  const bool stream = operation == "InvokeEndpointWithResponseStream";
  Invocation invocation{
      .stream = stream,
      .accept = std::string(request.headers.Get(stream ? "X-Amzn-SageMaker-Accept" : "Accept")),
      .request = request,
      .body = body};
  const std::string target(request.headers.Get("X-Amzn-SageMaker-Target-Variant"));
  std::string why;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const auto routes = routes_();
    instances_->Prune(routes);
    const auto it = routes->find(endpoint);
    if (it == routes->end() || !it->second->in_service) return std::unexpected(NotFound(endpoint));
    const EndpointRoute& route = *it->second;
    if (route.async) {
      return Invalid(fmt::format(
          "Endpoint {} is asynchronous: InvokeEndpointAsync invokes it, this operation does not.",
          endpoint));
    }
    const VariantRoute* variant = PickVariant(route, target);
    if (variant == nullptr && target.empty()) {
      return Invalid(
          fmt::format("Every variant of endpoint {} has the weight 0: name one by "
                      "TargetVariant.",
                      endpoint));
    }
    if (variant == nullptr) {
      return Invalid(fmt::format("Variant {} not found for endpoint {}.", target, endpoint));
    }
    struct Refused {
      const char* header;
      bool allowed;
      std::string text;
    };
    const Refused refused[] = {
        {"Target-Model", variant->multi_model,
         "Endpoint " + endpoint +
             " is not a multi-model endpoint and does not support target model header."},
        {"Target-Container-Hostname", false,
         "Endpoint " + endpoint +
             " does not invoke containers directly and does not support target container hostname "
             "header."},
        {"Inference-Component", false, "Endpoint " + endpoint + " has no inference components."},
        {"Enable-Explanations", false,
         "Endpoint " + endpoint + " has no explainer: EnableExplanations is not available."},
        {"Session-Id", false,
         "Endpoint " + endpoint + " keeps no sessions: SessionId is not available."},
    };
    for (const Refused& r : refused) {
      if (!r.allowed && request.headers.Find(kPrefix + std::string(r.header))) {
        return Invalid(r.text);
      }
    }
    if (variant->multi_model && !request.headers.Find("X-Amzn-SageMaker-Target-Model")) {
      return Invalid("Request is missing a target model header: endpoint " + endpoint +
                     " is a multi-model endpoint, and TargetModel names the model that answers.");
    }
    const auto asked = SteadyClock::now();
    auto answer = Send(invocation, route, *variant);
    const auto answered = SteadyClock::now();
    const bool refused_connection = !answer && answer.error().reason == "CouldNotConnect";
    if (metrics_ != nullptr && (!refused_connection || attempt + 1 == kAttempts)) {
      using std::chrono::duration_cast;
      using std::chrono::microseconds;
      metrics_->Count(
          route.name, variant->name,
          {.status = answer ? answer->status : 503,
           .model_client_error =
               answer && answer->body.starts_with("{\"ErrorCode\":\"CLIENT_ERROR_FROM_MODEL"),
           .instances = variant->instances.size(),
           .model_latency = duration_cast<microseconds>(answered - asked),
           .overhead = duration_cast<microseconds>(asked - began)});
    }
    if (answer && answer->status < 300 && !stream && route.capture && capture_ != nullptr) {
      capture_->Take(
          *route.capture,
          {.endpoint = route.name,
           .variant = variant->name,
           .inference_id = request.headers.Get("X-Amzn-SageMaker-Inference-Id"),
           .custom_attributes = request.headers.Get("X-Amzn-SageMaker-Custom-Attributes"),
           .input = {request.headers.Get("Content-Type"), body},
           .output = {answer->headers.Get("Content-Type"), answer->body}});
    }
    if (answer || answer.error().code != Code::kUnavailable) return answer;
    why = answer.error().message;
    // What has been sent may have been done, and must not be done twice.
    if (!refused_connection) break;
  }
  LOG(kWarn, "no instance answers", {"endpoint", endpoint}, {"why", why});
  return Fail(
      Code::kUnavailable, "ServiceUnavailable",
      fmt::format("No instance of endpoint {} answers at the moment; try again.", endpoint));
}

}  // namespace clary::server
