#include "client/internal/aws_client.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/hash.h"
#include "base/strings.h"
#include "client/internal/regions.h"
#include "net/client.h"
#include "net/sigv4.h"
#include "objects/s3_xml.h"

namespace clary {
namespace {

constexpr int kAttempts = 5;

struct ServiceEntry {
  std::string_view host;     // before the region
  std::string_view signing;  // service name of the credential scope
  std::string_view target;   // before the operation in X-Amz-Target
};

constexpr ServiceEntry kServices[] = {{"api.sagemaker", "sagemaker", "SageMaker."},
                                      {"logs", "logs", "Logs_20140328."},
                                      {"sts", "sts", ""},
                                      {"iam", "iam", ""},
                                      {"runtime.sagemaker", "sagemaker", ""}};

const ServiceEntry& EntryOf(Service service) { return kServices[static_cast<size_t>(service)]; }

bool Has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// What the caller should do next about an error code of AWS.
Code CodeOf(int status, std::string_view reason, std::string_view message) {
  if (Has(message, "Requested resource not found") || Has(reason, "NotFound") ||
      Has(reason, "NoSuch") || Has(reason, "DoesNotExist")) {
    return Code::kNotFound;
  }
  if (Has(reason, "Throttl") || Has(reason, "TooManyRequests") || Has(reason, "SlowDown") ||
      status == 429) {
    return Code::kUnavailable;
  }
  if (Has(reason, "ResourceInUse") || Has(reason, "AlreadyExists")) return Code::kAlreadyExists;
  if (Has(reason, "LimitExceeded")) return Code::kResourceExhausted;
  if (Has(reason, "UnrecognizedClient") || Has(reason, "InvalidClientTokenId") ||
      Has(reason, "ExpiredToken") || Has(reason, "Signature") ||
      Has(reason, "AuthenticationToken") || Has(reason, "RequestExpired")) {
    return Code::kUnauthenticated;
  }
  if (Has(reason, "AccessDenied") || status == 403) return Code::kPermissionDenied;
  if (Has(reason, "UnknownOperation")) return Code::kUnimplemented;
  return status >= 500 ? Code::kUnavailable : Code::kInvalidArgument;
}

Error ErrorOf(const net::Response& answer) {
  std::string reason;
  std::string message;
  if (const auto json = nlohmann::json::parse(answer.body, nullptr, false); json.is_object()) {
    const auto field = [&](const char* name) {
      const auto it = json.find(name);
      return it != json.end() && it->is_string() ? it->get<std::string>() : std::string();
    };
    reason = field("__type");
    if (reason.empty()) reason = answer.headers.Get("x-amzn-ErrorType");
    message = field("message").empty() ? field("Message") : field("message");
    if (const auto hash = reason.find('#'); hash != std::string::npos) reason.erase(0, hash + 1);
  } else {
    reason = XmlElementText(answer.body, "Code");
    message = XmlElementText(answer.body, "Message");
  }
  if (reason.empty()) reason = "Http" + std::to_string(answer.status);
  if (message.empty()) {
    message = "the service answered " + std::to_string(answer.status) + " " +
              std::string(net::ReasonPhrase(answer.status));
  }
  const auto code = CodeOf(answer.status, reason, message);
  return Error{code, std::move(reason), std::move(message)};
}

bool IsLoopback(std::string_view endpoint) {
  const auto host = endpoint.substr(std::min(endpoint.size(), endpoint.find("://") + 3));
  return host.starts_with("127.") || host.starts_with("localhost") || host.starts_with("[::1]");
}

}  // namespace

AwsClient::AwsClient(Connection connection, std::shared_ptr<net::HttpClient> http, Clock& clock)
    : connection_(std::move(connection)),
      http_(std::move(http)),
      clock_(clock),
      local_(IsLoopback(connection_.endpoint)) {}

std::string AwsClient::EndpointOf(const Connection& connection, std::string_view service) {
  if (!connection.endpoint.empty()) {
    std::string endpoint = connection.endpoint;
    while (endpoint.ends_with('/')) endpoint.pop_back();
    return endpoint;
  }
  return std::string("https://")
      .append(service)
      .append(".")
      .append(connection.region)
      .append(".")
      .append(client::DomainOf(connection.region));
}

Result<net::Response> AwsClient::Send(Service service, const std::string& path,
                                      std::vector<std::pair<std::string, std::string>> headers,
                                      const std::string& body, bool creates) {
  const auto& entry = EntryOf(service);
  const std::string endpoint = EndpointOf(connection_, entry.host);
  Duration pause{50};
  for (int attempt = 1;; ++attempt) {
    net::ClientRequest request{.method = "POST", .url = endpoint + path};
    for (const auto& [name, value] : headers) request.headers.Add(name, value);
    request.body = body;
    net::SignRequest(request,
                     {.access_key = connection_.credentials.access_key,
                      .secret_key = connection_.credentials.secret_key,
                      .session_token = connection_.credentials.session_token,
                      .region = connection_.region,
                      .service = std::string(entry.signing)},
                     clock_.Now());
    auto answer = http_->Send(request);
    Error error;
    bool retry = false;
    if (answer) {
      if (answer->status < 300) return answer;
      error = ErrorOf(*answer);
      retry = error.code == Code::kUnavailable;
    } else {
      error = std::move(answer).error();
      // A request that never got an answer may have been carried out.
      retry = error.code == Code::kUnavailable && !creates;
    }
    if (!retry || attempt == kAttempts) return std::unexpected(std::move(error));
    clock_.Sleep(pause);
    pause = std::min(pause * 3, Duration(5000));
  }
}

Result<nlohmann::json> AwsClient::Json(Service service, std::string_view operation,
                                       const nlohmann::json& body) {
  CLARY_TRY(const auto answer,
            Send(service, "/",
                 {{"content-type", "application/x-amz-json-1.1"},
                  {"x-amz-target", std::string(EntryOf(service).target).append(operation)}},
                 body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
                 operation.starts_with("Create")));
  if (answer.body.empty()) return nlohmann::json::object();
  auto json = nlohmann::json::parse(answer.body, nullptr, false);
  if (json.is_discarded()) {
    return Fail(
        Code::kDataLoss, "BadAnswer",
        std::string(operation) + ": the answer of " + connection_.endpoint + " is not JSON");
  }
  return json;
}

Result<std::string> AwsClient::Query(Service service, std::string_view action,
                                     std::string_view version,
                                     const std::map<std::string, std::string>& parameters) {
  std::string form = std::string("Action=").append(action).append("&Version=").append(version);
  for (const auto& [name, value] : parameters) form += "&" + name + "=" + UriEncode(value);
  CLARY_TRY(
      auto answer,
      Send(service, "/", {{"content-type", "application/x-www-form-urlencoded; charset=utf-8"}},
           form, action.starts_with("Create")));
  return std::move(answer.body);
}

Result<net::Response> AwsClient::Post(Service service, const std::string& path,
                                      std::vector<std::pair<std::string, std::string>> headers,
                                      const std::string& body) {
  return Send(service, path, std::move(headers), body, false);
}

std::string XmlElementText(std::string_view xml, std::string_view name) {
  const std::string open = "<" + std::string(name) + ">";
  const auto at = xml.find(open);
  if (at == std::string_view::npos) return {};
  const std::string close = "</" + std::string(name) + ">";
  const auto end = xml.find(close, at);
  if (end == std::string_view::npos) return {};
  const std::string element(xml.substr(at, end + close.size() - at));
  const auto parsed = objects::ParseFlat("<Of>" + element + "</Of>");
  return parsed ? parsed->at(std::string(name)) : std::string();
}

}  // namespace clary
