// One handler for the one port: says which service a request is for, checks who signed it, bounds
// its body, calls that service's front, and writes its answer or error in that service's protocol.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "net/http.h"
#include "net/sigv4.h"
#include "server/autoscaling.h"
#include "server/cloudwatch.h"
#include "server/iam.h"
#include "server/identity.h"
#include "server/kms.h"
#include "server/logs.h"
#include "server/runtime.h"
#include "server/sts.h"

namespace clary::objects {
class S3Front;
}

namespace clary::server {

// How a service speaks; decides the form of answers and errors.
enum class Wire { kJson10, kJson11, kQuery, kCbor, kRestJson, kS3 };

struct Front;  // a row of the table of services in router.cc

// What a request asks for.
struct Route {
  const Front* front = nullptr;  // null: a service that we do not have
  std::string service;           // as in credential scopes: "sagemaker", "s3", "monitoring", ...
  Wire wire = Wire::kS3;
  std::string operation;  // empty for kRestJson and kS3, and for kQuery until the form is read
};

// An authenticated request, as its front sees it.
struct Call {
  std::string_view operation;
  Wire wire = Wire::kJson11;
  const net::Request& request;  // its body has been read
  std::string_view body;
  const net::Query& form;       // of kQuery; of kRestJson the labels of the path, then the query
  const nlohmann::json& input;  // of a service of served.h: the document that was understood
  const AccessKey& caller;
};

// From X-Amz-Target, the credential scope, the path, the host name, in this order.
Route Classify(const net::Request& request);

class Router {
 public:
  // Borrowed; they must outlive the router.
  struct Parts {
    Identity& identity;
    Clock& clock;
    IamFront& iam;
    StsFront& sts;
    LogsFront& logs;
    CloudWatchFront& cloudwatch;
    KmsFront& kms;
    AutoscalingFront& autoscaling;
    RuntimeFront& runtime;
    objects::S3Front& s3;
    // SageMaker: JSON text to JSON text.
    std::function<Result<std::string>(std::string_view operation, std::string_view body)> sagemaker;
  };
  explicit Router(Parts parts) : parts_(std::move(parts)) {}

  // Any thread. Never fails: every error becomes an answer with a request id.
  net::Response Handle(net::Request& request) const;

  // The answer of an overloaded server, in the form of the request's protocol. Reads no body.
  static net::Response Throttled(const net::Request& request);

 private:
  struct Caller {
    AccessKey key;
    net::VerifiedIdentity verified;
  };
  // `body` is the whole body, or nullopt for S3, whose bodies are checked while they are read.
  // The error's reason is one of the words of kAuthWords in the .cc file.
  Result<Caller> Authenticate(const net::Request& request, std::string_view service,
                              std::optional<std::string_view> body) const;
  // By the policy of an HTML form.
  Result<Caller> AuthenticateForm(const net::Query& fields) const;
  Result<Caller> CheckKey(net::VerifiedIdentity verified, std::optional<AccessKey> key,
                          std::string_view service) const;
  net::Response HandleS3(net::Request& request, const std::string& request_id) const;
  Result<net::Response> CallFront(Route& route, const net::Request& request,
                                  const std::string& body) const;
  Parts parts_;
};

}  // namespace clary::server
