#include "server/router.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>

#include "api/errors.h"
#include "api/shapes.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/strings.h"
#include "objects/s3_front.h"
#include "server/documents.h"
#include "server/internal/query.h"
#include "server/served.h"

namespace clary::server {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxBody = uint64_t{4} << 20;  // of all services but S3

struct RestOperation {
  std::string_view method;
  std::string_view
      path;  // a segment in braces is any text: "/endpoints/{EndpointName}/invocations"
  std::string_view operation;
};

using Answered = Result<net::Response>;

Answered Text(Result<std::string> body) {
  if (!body) return std::unexpected(std::move(body).error());
  return net::Response{.body = *std::move(body)};
}

// A document in the form of the call's protocol.
Answered Document(Wire wire, const Result<json>& document) {
  if (!document) return std::unexpected(document.error());
  if (wire == Wire::kQuery) return Text(JsonToXml(*document));
  if (wire == Wire::kCbor) return Text(JsonToCbor(*document));
  return Text(document->dump(-1, ' ', false, json::error_handler_t::replace));
}

// What a request of these protocols says, whatever the protocol.
Result<json> DocumentOf(Wire wire, const std::string& body, const net::Query& form) {
  if (wire == Wire::kCbor) return CborToJson(body);
  if (wire != Wire::kQuery) return api::ParseDocument(body);
  net::Query parameters;
  for (const auto& [name, value] : form) {
    const bool own = name == "Action" || name == "Version" || name.starts_with("X-Amz-");
    if (!own) parameters.emplace_back(name, value);
  }
  return FormToJson(parameters);
}

constexpr RestOperation kMetricsOperations[] = {
    {"PUT", "/BatchPutMetrics", "BatchPutMetrics"},
    {"POST", "/BatchGetMetrics", "BatchGetMetrics"},
};

constexpr RestOperation kRuntimeOperations[] = {
    {"POST", "/endpoints/{EndpointName}/invocations", "InvokeEndpoint"},
    {"POST", "/endpoints/{EndpointName}/invocations-response-stream",
     "InvokeEndpointWithResponseStream"},
    {"POST", "/endpoints/{EndpointName}/async-invocations", "InvokeEndpointAsync"},
};

Answered CallSageMaker(const Router::Parts& parts, const Call& call) {
  return Text(parts.sagemaker(call.operation, call.body));
}

}  // namespace

// The services of the port. A service may have several rows, which share its name: requests are
// told apart by target, path or host.
struct Front {
  std::string_view service;  // as in credential scopes
  std::string_view host;     // its host names begin so
  Wire wire;
  std::string_view target = {};         // X-Amz-Target: "<target>.<operation>"; the path of CBOR
  bool cbor = false;                    // speaks RPC v2 CBOR, too
  Wire target_wire = Wire::kJson11;     // of requests with a target
  std::string_view version = {};        // of Query
  std::string_view xml_namespace = {};  // of Query
  std::span<const RestOperation> operations = {};  // of kRestJson
  uint64_t max_body = kMaxBody;
  // The answer to a request that is authenticated and whose body was read; a content type is added
  // if it has none. Null: S3, which reads its bodies itself.
  Answered (*call)(const Router::Parts&, const Call&) = nullptr;
};

namespace {

constexpr Front kFronts[] = {
    {.service = "sts",
     .host = "sts.",
     .wire = Wire::kQuery,
     .version = "2011-06-15",
     .xml_namespace = "https://sts.amazonaws.com/doc/2011-06-15/",
     .call = [](const Router::Parts& parts,
                const Call& c) { return Text(parts.sts.Handle(c.operation, c.input, c.caller)); }},
    {.service = "iam",
     .host = "iam.",
     .wire = Wire::kQuery,
     .version = "2010-05-08",
     .xml_namespace = "https://iam.amazonaws.com/doc/2010-05-08/",
     .call = [](const Router::Parts& parts,
                const Call& c) { return Text(parts.iam.Handle(c.operation, c.input, c.caller)); }},
    {.service = "monitoring",
     .host = "monitoring.",
     .wire = Wire::kQuery,
     .target = "GraniteServiceVersion20100801",
     .cbor = true,
     .target_wire = Wire::kJson10,
     .version = "2010-08-01",
     .xml_namespace = "http://monitoring.amazonaws.com/doc/2010-08-01/",
     .call =
         [](const Router::Parts& parts, const Call& c) {
           return Document(c.wire, parts.cloudwatch.Handle(c.operation, c.input));
         }},
    {.service = "s3", .host = "s3.", .wire = Wire::kS3},
    {.service = "logs",
     .host = "logs.",
     .wire = Wire::kJson11,
     .target = "Logs_20140328",
     .call =
         [](const Router::Parts& parts, const Call& c) {
           return Document(c.wire, parts.logs.Handle(c.operation, c.input));
         }},
    {.service = "kms",
     .host = "kms.",
     .wire = Wire::kJson11,
     .target = "TrentService",
     .call =
         [](const Router::Parts& parts, const Call& c) {
           return Document(c.wire, parts.kms.Handle(c.operation, c.input));
         }},
    {.service = "application-autoscaling",
     .host = "application-autoscaling.",
     .wire = Wire::kJson11,
     .target = "AnyScaleFrontendService",
     .call =
         [](const Router::Parts& parts, const Call& c) {
           return Document(c.wire, parts.autoscaling.Handle(c.operation, c.input));
         }},
    {.service = "sagemaker",
     .host = "api.sagemaker.",
     .wire = Wire::kRestJson,
     .target = "SageMaker",
     .call = CallSageMaker},
    {.service = "sagemaker",
     .host = "metrics.sagemaker.",
     .wire = Wire::kRestJson,
     .operations = kMetricsOperations,
     .call = CallSageMaker},
    {.service = "sagemaker",
     .host = "runtime.sagemaker.",
     .wire = Wire::kRestJson,
     .operations = kRuntimeOperations,
     .max_body = kMaxInvocationBytes,
     .call =
         [](const Router::Parts& parts, const Call& c) {
           const auto endpoint = net::FindParam(c.form, "EndpointName").value_or("");
           return parts.runtime.Invoke(c.operation, std::string(endpoint), c.request, c.body);
         }},
};

// Whether `path` has the segments of `pattern`; what its braces match goes into `labels`.
bool MatchPath(std::string_view pattern, std::string_view path, net::Query* labels) {
  for (;;) {
    const size_t end = std::min(pattern.find('/'), pattern.size());
    const size_t path_end = std::min(path.find('/'), path.size());
    const std::string_view wanted = pattern.substr(0, end);
    const std::string_view part = path.substr(0, path_end);
    if (!wanted.starts_with('{')) {
      if (wanted != part) return false;
    } else if (labels == nullptr && !part.contains('%')) {
      if (part.empty()) return false;
    } else {
      auto value = UriDecode(part);
      if (!value || value->empty()) return false;
      if (labels) labels->emplace_back(wanted.substr(1, wanted.size() - 2), *std::move(value));
    }
    const bool last = end == pattern.size();
    if (last || path_end == path.size()) return last && path_end == path.size();
    pattern.remove_prefix(end + 1);
    path.remove_prefix(path_end + 1);
  }
}

// The operation of `front` at this method and path; what the path's braces match goes into
// `labels`.
const RestOperation* FindRest(const Front& front, const net::Request& request, net::Query* labels) {
  for (const RestOperation& operation : front.operations) {
    if (operation.method != request.method) continue;
    net::Query found;
    if (!MatchPath(operation.path, request.path, labels ? &found : nullptr)) continue;
    if (labels) *labels = std::move(found);
    return &operation;
  }
  return nullptr;
}

// The row that answers for a service: by the path, else by the host, else the first.
const Front* FindFront(std::string_view service, const net::Request& request) {
  const Front* first = nullptr;
  const Front* by_host = nullptr;
  for (const Front& front : kFronts) {
    if (front.service != service) continue;
    if (FindRest(front, request, nullptr)) return &front;
    if (!first) first = &front;
    if (!by_host && request.host.starts_with(front.host)) by_host = &front;
  }
  return by_host ? by_host : first;
}

Route RouteTo(const Front& front, const net::Request& request) {
  Route route{.front = &front, .service = std::string(front.service), .wire = front.wire};
  if (const RestOperation* rest = FindRest(front, request, nullptr)) {
    route.operation = rest->operation;
  }
  return route;
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
    {"MissingField", "IncompleteSignatureException", "IncompleteSignature", 400, "InvalidArgument",
     ""},
    {"UnsupportedMechanism", "IncompleteSignatureException", "IncompleteSignature", 400,
     "InvalidRequest", ""},
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

// A failed signature check as S3 calls it.
Error S3Words(Error error) {
  if (const AuthWords* words = FindWords(error)) {
    error.reason = words->s3;
    if (!words->message.empty()) error.message = words->message;
  }
  return error;
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

net::Response Answer(const Route& route, net::Response response, const std::string& request_id) {
  if (!response.headers.Find("Content-Type")) {
    response.headers.Set("Content-Type", std::string(ContentType(route.wire)));
  }
  response.headers.Set("x-amzn-RequestId", request_id);
  if (route.wire == Wire::kCbor) response.headers.Set("smithy-protocol", "rpc-v2-cbor");
  return response;
}

std::string QueryAnswer(const Route& route, const std::string& result,
                        const std::string& request_id) {
  std::string xml = "<" + route.operation + "Response xmlns=\"" +
                    std::string(route.front ? route.front->xml_namespace : "") + "\">";
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
      error = S3Words(std::move(error));
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
  error.message = CleanText(error.message);  // it may quote the request
  if (route.wire == Wire::kQuery) {
    std::string xml = "<ErrorResponse xmlns=\"" +
                      std::string(route.front ? route.front->xml_namespace : "") + "\">";
    xml +=
        XmlWrap("Error", XmlElement("Type", wire.status >= 500 ? "Receiver" : "Sender") +
                             XmlElement("Code", wire.code) + XmlElement("Message", error.message));
    xml += XmlElement("RequestId", request_id) + "</ErrorResponse>\n";
    return Answer(route, {.status = wire.status, .body = std::move(xml)}, request_id);
  }
  json body = {{"__type", wire.code}, {"message", error.message}};
  // SageMaker's modeled errors spell the member with a capital; clients look for either.
  if (route.service == "sagemaker") body["Message"] = error.message;
  auto text = route.wire == Wire::kCbor ? JsonToCbor(body)
                                        : body.dump(-1, ' ', false, json::error_handler_t::replace);
  net::Response response =
      Answer(route, {.status = wire.status, .body = std::move(text)}, request_id);
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
  const auto claimed = net::ClaimedScopeOf(request);
  if (const auto target = request.headers.Find("X-Amz-Target")) {
    const size_t dot = target->find('.');
    const std::string_view prefix = target->substr(0, dot);
    const std::string operation(dot == std::string_view::npos ? "" : target->substr(dot + 1));
    for (const Front& front : kFronts) {
      if (!front.target.empty() && front.target == prefix) {
        return {.front = &front,
                .service = std::string(front.service),
                .wire = front.target_wire,
                .operation = operation};
      }
    }
    return {.service = claimed ? claimed->service : "",
            .wire = request.headers.Get("Content-Type").contains("json-1.0") ? Wire::kJson10
                                                                             : Wire::kJson11,
            .operation = std::string(*target)};
  }
  if (request.headers.Find("smithy-protocol") && request.path.starts_with("/service/")) {
    for (const Front& front : kFronts) {
      const std::string path = "/service/" + std::string(front.target) + "/operation/";
      if (front.cbor && request.path.starts_with(path)) {
        return {.front = &front,
                .service = std::string(front.service),
                .wire = Wire::kCbor,
                .operation = request.path.substr(path.size())};
      }
    }
  }
  const bool form =
      request.headers.Get("Content-Type").starts_with("application/x-www-form-urlencoded");
  if (claimed) {
    if (const Front* front = FindFront(claimed->service, request)) return RouteTo(*front, request);
    // A service that we do not have.
    return {.service = claimed->service, .wire = form ? Wire::kQuery : Wire::kRestJson};
  }
  if (request.host.contains(".amazonaws.") || request.host.ends_with(".api.aws")) {
    for (const Front& front : kFronts) {
      if (request.host.starts_with(front.host)) return RouteTo(front, request);
    }
  }
  return RouteTo(
      *FindFront(form && request.path == "/" && request.method == "POST" ? "sts" : "s3", request),
      request);
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
  return CheckKey(std::move(verified), std::move(key), service);
}

Result<Router::Caller> Router::AuthenticateForm(const net::Query& fields) const {
  std::optional<AccessKey> key;
  CLARY_TRY(auto verified, net::VerifyPolicy(
                               fields,
                               [&](std::string_view id) -> std::optional<std::string> {
                                 key = parts_.identity.Find(id);
                                 if (!key) return std::nullopt;
                                 return key->secret;
                               },
                               parts_.clock));
  return CheckKey(std::move(verified), std::move(key), "s3");
}

Result<Router::Caller> Router::CheckKey(net::VerifiedIdentity verified,
                                        std::optional<AccessKey> key,
                                        std::string_view service) const {
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
  const bool head = request.method == "HEAD";
  const Account& account = parts_.identity.account();
  // A form from a browser is signed in its fields.
  if (request.method == "POST" && !IsSigned(request) &&
      request.headers.Get("Content-Type").starts_with("multipart/form-data")) {
    return parts_.s3.HandleForm(request, [&](const net::Query& fields) -> Result<objects::Caller> {
      const auto form_caller = AuthenticateForm(fields);
      if (!form_caller) return std::unexpected(S3Words(form_caller.error()));
      return objects::Caller{.account_id = account.id, .region = account.region};
    });
  }
  const auto refuse = [&](Error error) {
    const auto claimed = net::ClaimedScopeOf(request);
    const auto skew = std::chrono::duration_cast<Duration>(net::VerifyOptions().max_skew);
    net::Response response =
        objects::S3ErrorResponse(S3Words(std::move(error)), request.path, head, request_id,
                                 {{"AWSAccessKeyId", claimed ? claimed->access_key : ""},
                                  {"RequestTime", std::string(request.headers.Get("X-Amz-Date"))},
                                  {"ServerTime", FormatIso8601(parts_.clock.Now())},
                                  {"MaxAllowedSkewMilliseconds", std::to_string(skew.count())}});
    response.headers.Set("x-amz-request-id", request_id);
    return response;
  };
  const auto caller = Authenticate(request, "s3", std::nullopt);
  if (!caller) return refuse(caller.error());
  auto trailers = net::GuardBody(request, caller->verified);
  if (!trailers) return refuse(std::move(trailers).error());
  const std::string& scope = caller->verified.region;  // of the endpoint that the client means
  net::Response response =
      parts_.s3.Handle(request, {.account_id = account.id,
                                 .region = scope.empty() ? account.region : scope,
                                 .trailers = *std::move(trailers)});
  if (!response.headers.Find("x-amz-request-id")) {
    response.headers.Set("x-amz-request-id", request_id);
  }
  return response;
}

// Authenticates and calls, all protocols but S3.
Result<net::Response> Router::CallFront(Route& route, const net::Request& request,
                                        const std::string& body) const {
  std::optional<std::string> plain;  // the body without its coding; a container's stays as it is
  if (const auto coding = request.headers.Find("Content-Encoding");
      coding && route.wire != Wire::kRestJson) {
    if (*coding != "gzip") {
      return Fail(Code::kInvalidArgument, "SerializationException",
                  "the Content-Encoding '" + std::string(*coding) + "' is not supported; gzip is");
    }
    CLARY_TRY(plain, Gunzip(body, kMaxBody));
  }
  const std::string& decoded = plain ? *plain : body;
  if (route.wire == Wire::kCbor && request.headers.Get("smithy-protocol") != "rpc-v2-cbor") {
    return Fail(Code::kInvalidArgument, "SerializationException",
                "the smithy-protocol '" + std::string(request.headers.Get("smithy-protocol")) +
                    "' is not supported; rpc-v2-cbor is");
  }
  net::Query form;
  if (route.wire == Wire::kQuery) {
    auto parsed = request.method == "POST" && !body.empty() ? net::ParseQuery(decoded, true)
                                                            : Result<net::Query>(request.query);
    if (!parsed) {
      return Fail(Code::kInvalidArgument, "MalformedQueryString", parsed.error().message);
    }
    form = *std::move(parsed);
    for (const char* name : {"Action", "Version"}) {
      if (std::ranges::count(form, name, &net::Query::value_type::first) > 1) {
        return Fail(Code::kInvalidArgument, "MalformedQueryString",
                    std::string("the parameter ") + name + " is given twice");
      }
    }
    route.operation = net::FindParam(form, "Action").value_or("");
    if (!net::ClaimedScopeOf(request)) {  // the error of an unsigned call has its service's form
      const auto version = net::FindParam(form, "Version").value_or("");
      for (const Front& front : kFronts) {
        if (front.version.empty() || front.version != version) continue;
        route.front = &front;
        route.service = front.service;
      }
    }
  }
  CLARY_TRY(const Caller caller, Authenticate(request, route.service, body));
  if (route.wire == Wire::kQuery) {
    // An element is named after the action, so only a name may become one.
    if (route.operation.empty() ||
        !std::ranges::all_of(route.operation, [](unsigned char c) { return std::isalnum(c); })) {
      return Fail(Code::kInvalidArgument, "InvalidAction", "The request names no Action");
    }
    const auto version = net::FindParam(form, "Version").value_or("NO_VERSION_SPECIFIED");
    if (route.front && version != route.front->version) {
      return Fail(
          Code::kInvalidArgument, "InvalidAction",
          "Could not find operation " + route.operation + " for version " + std::string(version));
    }
  } else if (route.wire == Wire::kRestJson && route.front) {
    (void)FindRest(*route.front, request, &form);
    form.insert(form.end(), request.query.begin(), request.query.end());
  }
  if (!route.front || !route.front->call ||
      (route.wire == Wire::kRestJson && route.operation.empty())) {
    return Fail(
        Code::kInvalidArgument, "UnknownOperationException",
        "this service has no operation '" + route.operation + "' of '" + route.service + "'" +
            (route.wire == Wire::kRestJson ? " at " + request.method + " " + request.path : ""));
  }
  json input;
  if (IsServed(route.service)) {
    CLARY_TRY(json document, DocumentOf(route.wire, decoded, form));
    CLARY_TRY(input, Understand(route.service, route.operation, std::move(document),
                                route.wire == Wire::kQuery));
  }
  CLARY_TRY(net::Response response, route.front->call(parts_, {.operation = route.operation,
                                                               .wire = route.wire,
                                                               .request = request,
                                                               .body = decoded,
                                                               .form = form,
                                                               .input = input,
                                                               .caller = caller.key}));
  return response;
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
    const uint64_t max_body = route.front ? route.front->max_body : kMaxBody;
    const auto too_large = [&] {
      return ErrorAnswer(route,
                         {Code::kResourceExhausted, "RequestEntityTooLarge",
                          "the request is larger than " + std::to_string(max_body) + " bytes"},
                         false, request_id);
    };
    if (request.content_length.value_or(0) > max_body) return too_large();
    auto body = ReadAll(*request.body, max_body);
    if (!body && body.error().reason == "TooLarge") return too_large();
    if (!body) {  // it ended too early or is malformed: the client's doing
      return ErrorAnswer(
          route,
          {Code::kInvalidArgument, "SerializationException", std::move(body).error().message},
          false, request_id);
    }
    auto result = CallFront(route, request, *body);
    if (!result) {
      response = ErrorAnswer(route, std::move(result).error(), false, request_id);
    } else {
      if (route.wire == Wire::kQuery) result->body = QueryAnswer(route, result->body, request_id);
      response = Answer(route, *std::move(result), request_id);
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
