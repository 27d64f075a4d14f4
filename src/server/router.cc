#include "server/router.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/errors.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/strings.h"
#include "objects/s3_front.h"
#include "server/internal/query.h"

namespace clary::server {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxBody = uint64_t{4} << 20;  // of all services but S3

struct TargetPrefix {
  std::string_view prefix;
  std::string_view service;
  Wire wire;
};
constexpr TargetPrefix kTargets[] = {
    {"SageMaker", "sagemaker", Wire::kJson11},
    {"Logs_20140328", "logs", Wire::kJson11},
    {"GraniteServiceVersion20100801", "monitoring", Wire::kJson10},
};

// Services without X-Amz-Target: by the name in the credential scope, the first label of the host
// name, or the Version of a form.
struct ServiceEntry {
  std::string_view service;
  std::string_view host;
  std::string_view version;
  std::string_view xml_namespace;
  Wire wire;
};
constexpr ServiceEntry kServices[] = {
    {"sts", "sts.", "2011-06-15", "https://sts.amazonaws.com/doc/2011-06-15/", Wire::kQuery},
    {"iam", "iam.", "2010-05-08", "https://iam.amazonaws.com/doc/2010-05-08/", Wire::kQuery},
    {"monitoring", "monitoring.", "2010-08-01", "http://monitoring.amazonaws.com/doc/2010-08-01/",
     Wire::kQuery},
    {"s3", "s3.", "", "", Wire::kS3},
    {"logs", "logs.", "", "", Wire::kJson11},
    {"sagemaker", "api.sagemaker.", "", "", Wire::kRestJson},
    {"sagemaker", "runtime.sagemaker.", "", "", Wire::kRestJson},
    {"sagemaker", "metrics.sagemaker.", "", "", Wire::kRestJson},
};

const ServiceEntry* FindService(std::string_view name) {
  const auto* it = std::ranges::find(kServices, name, &ServiceEntry::service);
  return it == std::end(kServices) ? nullptr : it;
}

// What a failed signature check is called: our reason, and the code and status of each protocol.
struct AuthWords {
  std::string_view reason;
  std::string_view json;  // status 400
  std::string_view query;
  int query_status;
  std::string_view s3;       // its status is in objects' table
  std::string_view message;  // empty: the error's own
};
constexpr AuthWords kAuthWords[] = {
    {"MissingAuthenticationToken", "MissingAuthenticationTokenException",
     "MissingAuthenticationToken", 403, "AccessDenied", "Request is missing Authentication Token"},
    {"UnknownKey", "UnrecognizedClientException", "InvalidClientTokenId", 403, "InvalidAccessKeyId",
     "The security token included in the request is invalid."},
    {"BadToken", "UnrecognizedClientException", "InvalidClientTokenId", 403, "InvalidToken",
     "The security token included in the request is invalid."},
    {"ExpiredToken", "ExpiredTokenException", "ExpiredToken", 403, "ExpiredToken",
     "The security token included in the request is expired"},
    {"SignatureDoesNotMatch", "InvalidSignatureException", "SignatureDoesNotMatch", 403,
     "SignatureDoesNotMatch",
     "The request signature we calculated does not match the signature you provided. Check your "
     "AWS Secret Access Key and signing method."},
    {"XAmzContentSHA256Mismatch", "InvalidSignatureException", "SignatureDoesNotMatch", 403,
     "XAmzContentSHA256Mismatch", ""},
    {"WrongScope", "InvalidSignatureException", "SignatureDoesNotMatch", 403,
     "AuthorizationHeaderMalformed", ""},
    {"RequestTimeTooSkewed", "InvalidSignatureException", "SignatureDoesNotMatch", 403,
     "RequestTimeTooSkewed", ""},
    {"ExpiredPresign", "InvalidSignatureException", "SignatureDoesNotMatch", 403, "AccessDenied",
     "Request has expired"},
    {"HeadersNotSigned", "InvalidSignatureException", "SignatureDoesNotMatch", 403, "AccessDenied",
     ""},
    {"IncompleteSignature", "IncompleteSignatureException", "IncompleteSignature", 400,
     "AuthorizationHeaderMalformed", ""},
    {"AuthorizationHeaderMalformed", "IncompleteSignatureException", "IncompleteSignature", 400,
     "AuthorizationHeaderMalformed", ""},
    {"AuthorizationQueryParametersError", "IncompleteSignatureException", "IncompleteSignature",
     400, "AuthorizationQueryParametersError", ""},
};

const AuthWords* FindWords(const Error& error) {
  const auto* it =
      std::ranges::find(kAuthWords, std::string_view(error.reason), &AuthWords::reason);
  return it == std::end(kAuthWords) ? nullptr : it;
}

std::string_view ContentType(Wire wire) {
  switch (wire) {
    case Wire::kJson10:
      return "application/x-amz-json-1.0";
    case Wire::kJson11:
      return "application/x-amz-json-1.1";
    case Wire::kQuery:
      return "text/xml";
    case Wire::kCbor:
      return "application/cbor";
    case Wire::kRestJson:
      return "application/json";
    case Wire::kS3:
      return "application/xml";
  }
  return "text/plain";
}

net::Response Answer(const Route& route, int status, std::string body,
                     const std::string& request_id) {
  net::Response response{.status = status, .body = std::move(body)};
  response.headers.Set("Content-Type", std::string(ContentType(route.wire)));
  response.headers.Set("x-amzn-RequestId", request_id);
  if (route.wire == Wire::kCbor) response.headers.Set("smithy-protocol", "rpc-v2-cbor");
  return response;
}

std::string QueryAnswer(const Route& route, const std::string& result,
                        const std::string& request_id) {
  const ServiceEntry* service = FindService(route.service);
  std::string xml = "<" + route.operation + "Response xmlns=\"" +
                    std::string(service ? service->xml_namespace : "") + "\">";
  if (!result.empty()) xml += XmlWrap(route.operation + "Result", result);
  xml += XmlWrap("ResponseMetadata", XmlElement("RequestId", request_id));
  return xml + "</" + route.operation + "Response>\n";
}

// `error` in the form of the route's protocol. Internal errors keep their text for the log.
net::Response ErrorAnswer(const Route& route, Error error, bool head,
                          const std::string& request_id) {
  api::ApiError wire = api::ToApiError(error);
  if (const AuthWords* words = FindWords(error)) {
    if (!words->message.empty()) error.message = words->message;
    if (route.wire == Wire::kS3) {
      error.reason = words->s3;
    } else {
      const bool query = route.wire == Wire::kQuery;
      wire = {.code = std::string(query ? words->query : words->json),
              .status = query ? words->query_status : 400};
    }
  }
  if (route.wire == Wire::kS3) {
    net::Response response = objects::S3ErrorResponse(error, "", head, request_id);
    response.headers.Set("x-amz-request-id", request_id);
    return response;
  }
  if (wire.status >= 500 && error.code != Code::kUnavailable) {
    LOG(kError, "internal failure", {"request", request_id}, {"service", route.service},
        {"operation", route.operation}, {"code", CodeName(error.code)}, {"reason", error.reason},
        {"message", error.message});
    error.message =
        "We encountered an internal error. Please try again. The service's log has more "
        "under request " +
        request_id + ".";
  }
  if (route.wire == Wire::kQuery) {
    const ServiceEntry* service = FindService(route.service);
    std::string xml =
        "<ErrorResponse xmlns=\"" + std::string(service ? service->xml_namespace : "") + "\">";
    xml +=
        XmlWrap("Error", XmlElement("Type", wire.status >= 500 ? "Receiver" : "Sender") +
                             XmlElement("Code", wire.code) + XmlElement("Message", error.message));
    xml += XmlElement("RequestId", request_id) + "</ErrorResponse>\n";
    return Answer(route, wire.status, std::move(xml), request_id);
  }
  json body = {{"__type", wire.code}, {"message", error.message}};
  // SageMaker's modeled errors spell the member with a capital; clients look for either.
  if (route.service == "sagemaker") body["Message"] = error.message;
  const auto text = route.wire == Wire::kCbor
                        ? JsonToCbor(body)
                        : body.dump(-1, ' ', false, json::error_handler_t::replace);
  net::Response response = Answer(route, wire.status, text, request_id);
  response.headers.Set("x-amzn-ErrorType", wire.code);
  if (route.wire == Wire::kRestJson) response.headers.Set("x-amzn-errortype", wire.code);
  if (route.wire == Wire::kJson10) {
    // Clients that know the Query protocol's codes read them from here.
    response.headers.Set("x-amzn-query-error", wire.code + ";Sender");
  }
  return response;
}

bool IsSigned(const net::Request& request) {
  return request.headers.Find("Authorization") ||
         net::FindParam(request.query, "X-Amz-Signature") ||
         net::FindParam(request.query, "Signature");
}

// What needs no signature: liveness, a page for people, the SDK's telemetry.
std::optional<net::Response> OpenAnswer(const net::Request& request) {
  const bool reads = request.method == "GET" || request.method == "HEAD";
  net::Response response;
  if (request.host.starts_with("sm-pysdk-t-")) return response;
  if (!reads || IsSigned(request) || request.host.contains(".amazonaws.")) return std::nullopt;
  if (request.path == "/health") {
    response.headers.Set("Content-Type", "application/json");
    response.body = "{\"status\":\"ok\",\"version\":\"" CLARY_VERSION "\"}\n";
    return response;
  }
  const bool person = request.headers.Get("Accept").contains("text/html") ||
                      request.headers.Get("User-Agent").starts_with("curl/");
  if (person && request.path == "/" && request.query.empty()) {
    response.headers.Set("Content-Type", "text/html; charset=utf-8");
    response.body =
        "<!doctype html><title>Clary</title><meta name=viewport content=\"width=device-width\">"
        "<style>body{font:16px/1.5 system-ui;max-width:40em;margin:4em auto;padding:0 1em}"
        "code{background:#eee;padding:.1em .3em}</style>"
        "<h1>Clary " CLARY_VERSION
        "</h1><p>This is a model-training service that speaks Amazon "
        "SageMaker's protocols. It is running.</p><p>Point any AWS client at it with "
        "<code>eval \"$(clary env)\"</code>, or run a program with "
        "<code>clary exec -- python tutorial.py</code>.</p>\n";
    return response;
  }
  return std::nullopt;
}

}  // namespace

Route Classify(const net::Request& request) {
  if (const auto target = request.headers.Find("X-Amz-Target")) {
    const size_t dot = target->find('.');
    const std::string_view prefix = target->substr(0, dot);
    const std::string operation(dot == std::string_view::npos ? "" : target->substr(dot + 1));
    for (const TargetPrefix& entry : kTargets) {
      if (entry.prefix == prefix) {
        return {.service = std::string(entry.service), .wire = entry.wire, .operation = operation};
      }
    }
    const auto claimed = net::ClaimedScopeOf(request);
    return {.service = claimed ? claimed->service : "",
            .wire = request.headers.Get("Content-Type").contains("json-1.0") ? Wire::kJson10
                                                                             : Wire::kJson11,
            .operation = std::string(*target)};
  }
  constexpr std::string_view kCborPath = "/service/GraniteServiceVersion20100801/operation/";
  if (request.path.starts_with(kCborPath) && request.headers.Find("smithy-protocol")) {
    return {.service = "monitoring",
            .wire = Wire::kCbor,
            .operation = request.path.substr(kCborPath.size())};
  }
  const bool form =
      request.headers.Get("Content-Type").starts_with("application/x-www-form-urlencoded");
  if (const auto claimed = net::ClaimedScopeOf(request)) {
    if (const ServiceEntry* entry = FindService(claimed->service)) {
      return {.service = std::string(entry->service), .wire = entry->wire};
    }
    // A service that we do not have.
    return {.service = claimed->service, .wire = form ? Wire::kQuery : Wire::kRestJson};
  }
  if (request.host.contains(".amazonaws.") || request.host.ends_with(".api.aws")) {
    for (const ServiceEntry& entry : kServices) {
      if (request.host.starts_with(entry.host)) {
        return {.service = std::string(entry.service), .wire = entry.wire};
      }
    }
  }
  if (form && request.path == "/" && request.method == "POST") {
    return {.service = "sts", .wire = Wire::kQuery};
  }
  return {.service = "s3", .wire = Wire::kS3};
}

Result<Router::Caller> Router::Authenticate(const net::Request& request, std::string_view service,
                                            std::optional<std::string_view> body) const {
  std::optional<AccessKey> key;
  const auto lookup = [&](std::string_view id) -> std::optional<std::string> {
    key = parts_.identity.Find(id);
    if (!key) return std::nullopt;
    return key->secret;
  };
  const auto bucket =
      service == "s3" ? objects::BucketOfHost(request.host) : std::optional<std::string>();
  CLARY_TRY(auto verified,
            net::Verify(request, lookup, parts_.clock,
                        {.body = body, .virtual_bucket = bucket ? std::string_view(*bucket) : ""}));
  if (!key) return Fail(Code::kUnauthenticated, "UnknownKey", "");
  if (verified.service != service) {
    return Fail(Code::kPermissionDenied, "WrongScope",
                "Credential should be scoped to correct service: '" + std::string(service) + "'.");
  }
  if (!ConstantTimeEqual(verified.session_token, key->session_token)) {
    return Fail(Code::kUnauthenticated, "BadToken", "");
  }
  if (key->expires && *key->expires <= parts_.clock.Now()) {
    return Fail(Code::kUnauthenticated, "ExpiredToken", "");
  }
  return Caller{.key = *std::move(key), .verified = std::move(verified)};
}

net::Response Router::HandleS3(net::Request& request, const std::string& request_id) const {
  const Route route{.service = "s3", .wire = Wire::kS3};
  const bool head = request.method == "HEAD";
  const auto caller = Authenticate(request, "s3", std::nullopt);
  if (!caller) return ErrorAnswer(route, caller.error(), head, request_id);
  auto trailers = net::GuardBody(request, caller->verified);
  if (!trailers) return ErrorAnswer(route, std::move(trailers).error(), head, request_id);
  const Account& account = parts_.identity.account();
  net::Response response = parts_.s3.Handle(
      request,
      {.account_id = account.id, .region = account.region, .trailers = *std::move(trailers)});
  if (!response.headers.Find("x-amz-request-id")) {
    response.headers.Set("x-amz-request-id", request_id);
  }
  return response;
}

// The body of the answer to an authenticated or failed call, all protocols but S3.
Result<std::string> Router::Call(Route& route, const net::Request& request,
                                 const std::string& body) const {
  net::Query form;
  if (route.wire == Wire::kQuery) {
    auto parsed = request.method == "POST" && !body.empty() ? net::ParseQuery(body, true)
                                                            : Result<net::Query>(request.query);
    if (!parsed) {
      return Fail(Code::kInvalidArgument, "MalformedQueryString", parsed.error().message);
    }
    form = *std::move(parsed);
    route.operation = net::FindParam(form, "Action").value_or("");
    if (!net::ClaimedScopeOf(request)) {  // the error of an unsigned call has its service's form
      const auto version = net::FindParam(form, "Version").value_or("");
      for (const ServiceEntry& entry : kServices) {
        if (!entry.version.empty() && entry.version == version) route.service = entry.service;
      }
    }
  }
  CLARY_TRY(const Caller caller, Authenticate(request, route.service, body));
  if (route.wire == Wire::kQuery) {
    const std::string name = route.operation;
    // An element is named after the action, so only a name may become one.
    if (name.empty() ||
        !std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c); })) {
      return Fail(Code::kInvalidArgument, "InvalidAction", "The request names no Action");
    }
    if (route.service == "sts") return parts_.sts.Handle(name, form, caller.key);
    if (route.service == "iam") return parts_.iam.Handle(name, form);
    if (route.service == "monitoring") {
      CLARY_TRY(const json out, parts_.cloudwatch.Handle(name, FormToJson(form)));
      return JsonToXml(out);
    }
  } else if (route.service == "sagemaker" && route.wire == Wire::kJson11) {
    return parts_.sagemaker(route.operation, body);
  } else if (route.service == "logs" && route.wire == Wire::kJson11) {
    CLARY_TRY(const json out, parts_.logs.Handle(route.operation, body));
    return out.dump(-1, ' ', false, json::error_handler_t::replace);
  } else if (route.service == "monitoring" && route.wire == Wire::kCbor) {
    CLARY_TRY(const json input, CborToJson(body));
    CLARY_TRY(const json out, parts_.cloudwatch.Handle(route.operation, input));
    return JsonToCbor(out);
  } else if (route.service == "monitoring") {
    const json input = body.empty() ? json::object() : json::parse(body, nullptr, false);
    CLARY_TRY(const json out, parts_.cloudwatch.Handle(route.operation, input));
    return out.dump(-1, ' ', false, json::error_handler_t::replace);
  }
  return Fail(Code::kInvalidArgument, "UnknownOperationException",
              "this service has no operation '" + route.operation + "' of '" + route.service + "'" +
                  (route.wire == Wire::kRestJson ? " at " + request.method + " " + request.path
                                                 : std::string()));
}

net::Response Router::Handle(net::Request& request) const {
  if (auto open = OpenAnswer(request)) return *std::move(open);
  const Time began = parts_.clock.Now();
  const std::string request_id = RandomId();
  Route route = Classify(request);
  net::Response response;
  if (route.wire == Wire::kS3) {
    response = HandleS3(request, request_id);
  } else {
    const auto too_large = [&] {
      return ErrorAnswer(route,
                         {Code::kResourceExhausted, "RequestEntityTooLarge",
                          "the request is larger than " + std::to_string(kMaxBody) + " bytes"},
                         false, request_id);
    };
    if (request.content_length.value_or(0) > kMaxBody) return too_large();
    auto body = ReadAll(*request.body, kMaxBody);
    if (!body && body.error().reason == "TooLarge") return too_large();
    if (!body) return ErrorAnswer(route, std::move(body).error(), false, request_id);
    auto result = Call(route, request, *body);
    if (!result) {
      response = ErrorAnswer(route, std::move(result).error(), false, request_id);
    } else {
      response = Answer(
          route, 200,
          route.wire == Wire::kQuery ? QueryAnswer(route, *result, request_id) : *std::move(result),
          request_id);
    }
  }
  LOG(kDebug, "request", {"request", request_id}, {"peer", request.peer},
      {"service", route.service}, {"method", request.method},
      {"operation", route.operation.empty() ? request.path : route.operation},
      {"status", response.status}, {"ms", ToMillis(parts_.clock.Now()) - ToMillis(began)});
  return response;
}

net::Response Router::Throttled(const net::Request& request) {
  const Route route = Classify(request);
  Error error{Code::kUnavailable, "ThrottlingException", "Rate exceeded"};
  if (route.wire == Wire::kS3)
    error = {Code::kUnavailable, "SlowDown", "Please reduce your request rate."};
  return ErrorAnswer(route, std::move(error), request.method == "HEAD", RandomId());
}

}  // namespace clary::server
