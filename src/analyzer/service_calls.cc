#include "analyzer/internal/service_calls.h"

#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/quote.h"
#include "base/strings.h"
#include "net/client.h"
#include "objects/s3_store.h"

namespace clary::analyzer {
namespace {

using nlohmann::json;

constexpr int kTries = 5;
constexpr Duration kFirstPause{100};
constexpr size_t kShown = 200;

std::string Variable(const std::map<std::string, std::string>& all, const char* name) {
  const auto it = all.find(name);
  return it != all.end() ? it->second : std::string();
}

}  // namespace

struct ServiceCalls::Parts {
  std::string endpoint;
  net::Signer signer;
  std::unique_ptr<net::HttpClient> http;
  std::unique_ptr<objects::S3Store> store;

  // Sent again while the service is busy.
  Result<net::Response> Send(const std::string& path, const net::Headers& headers,
                             const std::string& body) const {
    Duration pause = kFirstPause;
    for (int attempt = 1;; ++attempt) {
      net::ClientRequest request{
          .method = "POST", .url = endpoint + path, .headers = headers, .body = body};
      net::SignRequest(request, signer, Clock::System().Now());
      auto answer = http->Send(request);
      const bool busy = answer ? answer->status == 503 || answer->status == 429
                               : answer.error().code == Code::kUnavailable;
      if (!busy || attempt == kTries) return answer;
      Clock::System().Sleep(pause);
      pause *= 3;
    }
  }
};

std::string TextIn(const json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

ServiceCalls::ServiceCalls(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
ServiceCalls::~ServiceCalls() = default;

Result<std::unique_ptr<ServiceCalls>> ServiceCalls::Make(
    const std::map<std::string, std::string>& environment) {
  auto parts = std::make_unique<Parts>();
  parts->endpoint = Variable(environment, "AWS_ENDPOINT_URL");
  while (parts->endpoint.ends_with('/')) parts->endpoint.pop_back();
  parts->signer = {.access_key = Variable(environment, "AWS_ACCESS_KEY_ID"),
                   .secret_key = Variable(environment, "AWS_SECRET_ACCESS_KEY"),
                   .session_token = Variable(environment, "AWS_SESSION_TOKEN"),
                   .region = Variable(environment, "AWS_REGION"),
                   .service = "sagemaker"};
  if (parts->endpoint.empty() || parts->signer.access_key.empty()) {
    return Fail(Code::kFailedPrecondition, "NoService",
                "the job cannot call the service: it has a network of its own "
                "(EnableNetworkIsolation) or no keys; turn isolation off, or give everything that "
                "is needed as inputs");
  }
  CLARY_TRY(parts->http, net::HttpClient::Create({.stall_timeout = std::chrono::minutes(10),
                                                  .max_body_bytes = uint64_t{256} << 20}));
  CLARY_TRY(parts->store, objects::S3Store::Open({.endpoint = parts->endpoint,
                                                  .region = parts->signer.region,
                                                  .access_key = parts->signer.access_key,
                                                  .secret_key = parts->signer.secret_key,
                                                  .session_token = parts->signer.session_token}));
  return std::unique_ptr<ServiceCalls>(new ServiceCalls(std::move(parts)));
}

Result<json> ServiceCalls::SageMaker(std::string_view operation, const json& input) {
  net::Headers headers;
  headers.Set("Content-Type", "application/x-amz-json-1.1");
  headers.Set("X-Amz-Target", "SageMaker." + std::string(operation));
  CLARY_TRY(const auto answer, parts_->Send("/", headers, input.dump()));
  json body = json::parse(answer.body.empty() ? "{}" : answer.body, nullptr, false);
  if (answer.status == 200 && !body.is_discarded()) return body;
  std::string reason, message;
  if (body.is_object()) {
    reason = body.value("__type", "");
    message = body.value("message", body.value("Message", ""));
  }
  return Fail(answer.status < 500 ? Code::kInvalidArgument : Code::kUnavailable,
              reason.empty() ? fmt::format("Http{}", answer.status) : reason,
              fmt::format("{}: {}", operation,
                          message.empty() ? fmt::format("HTTP {}", answer.status) : message));
}

Result<std::string> ServiceCalls::Invoke(const std::string& endpoint, const net::Headers& headers,
                                         const std::string& body) {
  CLARY_TRY(auto answer,
            parts_->Send("/endpoints/" + UriEncode(endpoint) + "/invocations", headers, body));
  if (answer.status == 200) return std::move(answer.body);
  const json said = json::parse(answer.body, nullptr, false);
  std::string message = answer.body;
  if (said.is_object()) message = said.value("OriginalMessage", said.value("Message", message));
  return Fail(
      Code::kInvalidArgument, "ModelError",
      fmt::format("the model failed with HTTP {}: {}", answer.status, Printable(message, kShown)));
}

objects::ObjectStore& ServiceCalls::store() { return *parts_->store; }

}  // namespace clary::analyzer
