#include "server/runtime.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "base/strings.h"
#include "server/async.h"
#include "server/capture.h"
#include "server/event_stream.h"
#include "server/invocation_metrics.h"
#include "server/shadow_traffic.h"

namespace clary::server {
namespace {

using SteadyClock = std::chrono::steady_clock;
using control::EndpointRoute;
using control::EndpointRoutes;
using control::VariantRoute;

constexpr int kAttempts = 3;  // while all instances refuse the connection

constexpr const char* kTargetModel = "X-Amzn-SageMaker-Target-Model";
constexpr const char* kEnableExplanations = "X-Amzn-SageMaker-Enable-Explanations";

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

// Headers that an endpoint has no use for; the endpoint's name stands for the braces.
struct Unused {
  const char* header;
  const char* text;
};
constexpr Unused kUnused[] = {
    {kTargetModel,
     "Endpoint {} is not a multi-model endpoint and does not support target model header."},
    {"X-Amzn-SageMaker-Target-Container-Hostname",
     "Endpoint {} does not invoke containers directly and does not support target container "
     "hostname header."},
    {kEnableExplanations, "Endpoint {} has no explainer: EnableExplanations is not available."},
    {"X-Amzn-SageMaker-Session-Id", "Endpoint {} keeps no sessions: SessionId is not available."},
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

Status CheckUnused(const net::Request& request, const EndpointRoute& route,
                   const VariantRoute& variant) {
  const bool names_model = request.headers.Find(kTargetModel).has_value();
  if (variant.multi_model && !names_model) {
    return Invalid("Request is missing a target model header: endpoint " + route.name +
                   " is a multi-model endpoint, and TargetModel names the model that answers.");
  }
  for (const Unused& unused : kUnused) {
    if (!request.headers.Find(unused.header)) continue;
    if (unused.header == kTargetModel && variant.multi_model) continue;
    if (unused.header == kEnableExplanations && route.explains) continue;
    return Invalid(fmt::format(fmt::runtime(unused.text), route.name));
  }
  return {};
}

// The variant that answers: one of the production variants, or the inference component that the
// request names.
Result<const VariantRoute*> Choose(const EndpointRoute& route, std::string_view target,
                                   std::string_view component) {
  if (!component.empty()) {
    const auto it = std::ranges::find(route.components, component, &VariantRoute::name);
    if (it != route.components.end()) return &*it;
    return Invalid(
        route.takes_components
            ? fmt::format("Inference Component {} of endpoint {} not found.", component, route.name)
            : fmt::format("Endpoint {} has no inference components.", route.name));
  }
  if (route.takes_components) {
    return Invalid(
        "Inference Component Name header is required for endpoints to which you plan to deploy "
        "inference components. Please include Inference Component Name header or consider using "
        "SageMaker models.");
  }
  const VariantRoute* variant = PickVariant(route, target);
  if (variant != nullptr) return variant;
  if (!target.empty()) {
    return Invalid(fmt::format("Variant {} not found for endpoint {}.", target, route.name));
  }
  return Invalid(fmt::format(
      "Every variant of endpoint {} has the weight 0: name one by TargetVariant.", route.name));
}

void CountInvocation(InvocationMetrics* metrics, const EndpointRoute& route,
                     const VariantRoute& variant, const Result<net::Response>& answer,
                     SteadyClock::duration model, SteadyClock::duration overhead) {
  if (metrics == nullptr) return;
  using std::chrono::duration_cast;
  using std::chrono::microseconds;
  metrics->Count(route.name, variant.name,
                 {.status = answer ? answer->status : 503,
                  .model_client_error = answer && answer->body.starts_with(
                                                      "{\"ErrorCode\":\"CLIENT_ERROR_FROM_MODEL"),
                  .instances = variant.instances.size(),
                  .model_latency = duration_cast<microseconds>(model),
                  .overhead = duration_cast<microseconds>(overhead)});
}

// The container's stream as the client gets it: events.
void ToEvents(net::Response& response) {
  response.status = 200;
  response.headers.Set("X-Amzn-SageMaker-Content-Type",
                       std::string(response.headers.Get("Content-Type")));
  response.headers.Set("Content-Type", "application/vnd.amazon.eventstream");
  response.stream = NewPayloadParts(std::move(response.stream));
  response.stream_length.reset();
}

}  // namespace

bool IsInvocation(const net::Request& request) {
  const std::string_view path = request.path;
  return path.starts_with("/endpoints/") &&
         (path.ends_with("/invocations") || path.ends_with("/async-invocations") ||
          path.ends_with("/invocations-response-stream"));
}

Error RuntimeFront::NotFound(std::string_view endpoint) const {
  return {Code::kInvalidArgument, "ValidationError",
          fmt::format("Endpoint {} of account {} not found.", endpoint, account_.id)};
}

Result<net::Response> RuntimeFront::Invoke(std::string_view operation, const std::string& endpoint,
                                           const net::Request& request, std::string_view body) {
  const auto began = SteadyClock::now();
  CLARY_CHECK_OK(CheckHeaders(request));
  const bool stream = operation == "InvokeEndpointWithResponseStream";
  const bool async = operation == "InvokeEndpointAsync";
  const std::string_view target = request.headers.Get("X-Amzn-SageMaker-Target-Variant");
  const std::string_view component = request.headers.Get("X-Amzn-SageMaker-Inference-Component");
  ModelRequest asked{
      .headers = {},
      .accept = std::string(request.headers.Get(stream ? "X-Amzn-SageMaker-Accept" : "Accept")),
      .target_model = std::string(request.headers.Get(kTargetModel)),
      .body = body,
      .stream = stream};
  for (const char* name : {"Content-Type", "X-Amzn-SageMaker-Custom-Attributes",
                           "X-Amzn-SageMaker-Inference-Id", kEnableExplanations}) {
    if (const auto value = request.headers.Find(name)) {
      asked.headers.Add(name, std::string(*value));
    }
  }
  std::string why;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const auto routes = parts_.routes();
    parts_.models.Prune(routes);
    const auto it = routes->find(endpoint);
    if (it == routes->end() || !it->second->in_service) return std::unexpected(NotFound(endpoint));
    const EndpointRoute& route = *it->second;
    if (async != route.async.has_value()) {
      return Invalid("Endpoint " + endpoint +
                     (async ? " is not asynchronous: InvokeEndpoint invokes it, this operation "
                              "does not."
                            : " is asynchronous: InvokeEndpointAsync invokes it, this operation "
                              "does not."));
    }
    if (async) {
      if (parts_.async == nullptr) return std::unexpected(NotFound(endpoint));
      return parts_.async->Take(route, request, body);
    }
    CLARY_TRY(const VariantRoute* const variant, Choose(route, target, component));
    CLARY_CHECK_OK(CheckUnused(request, route, *variant));
    if (stream && route.explains) {
      return Invalid("Endpoint " + endpoint +
                     " has an explainer, whose answers are not streamed: InvokeEndpoint has them.");
    }
    const auto sent = SteadyClock::now();
    auto answer = parts_.models.Call(route, *variant, asked);
    const auto answered = SteadyClock::now();
    const bool not_sent = !answer && WasNotSent(answer.error());
    if (!not_sent || attempt + 1 == kAttempts) {
      CountInvocation(parts_.metrics, route, *variant, answer, answered - sent, sent - began);
    }
    if (answer && answer->status < 300) {
      answer->headers.Set("x-Amzn-Invoked-Production-Variant", variant->name);
      if (!stream && route.capture && parts_.capture != nullptr) {
        parts_.capture->Take(
            *route.capture,
            {.endpoint = route.name,
             .variant = variant->name,
             .inference_id = request.headers.Get("X-Amzn-SageMaker-Inference-Id"),
             .custom_attributes = request.headers.Get("X-Amzn-SageMaker-Custom-Attributes"),
             .input = {request.headers.Get("Content-Type"), body},
             .output = {answer->headers.Get("Content-Type"), answer->body}});
      }
      if (!route.shadows.empty() && parts_.shadows != nullptr && target.empty()) {
        parts_.shadows->Take(it->second, asked);
      }
      if (stream) ToEvents(*answer);
    }
    if (answer || answer.error().code != Code::kUnavailable) return answer;
    why = answer.error().message;
    // What has been sent may have been done, and must not be done twice.
    if (!not_sent) break;
  }
  LOG(kWarn, "no instance answers", {"endpoint", endpoint}, {"why", why});
  return Fail(
      Code::kUnavailable, "ServiceUnavailable",
      fmt::format("No instance of endpoint {} answers at the moment; try again.", endpoint));
}

}  // namespace clary::server
