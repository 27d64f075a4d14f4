// Signed calls of AWS services, at one endpoint (Clary) or at each service's own (AWS).
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "clary/session.h"
#include "net/http.h"

namespace clary::net {
class HttpClient;
}

namespace clary {

enum class Service { kSageMaker, kLogs, kSts, kIam, kRuntime };

// Any thread.
class AwsClient {
 public:
  // `http` and `clock` are kept.
  AwsClient(Connection connection, std::shared_ptr<net::HttpClient> http, Clock& clock);

  // awsJson1.1. An answer with an error code becomes an Error whose reason is that code. Throttling
  // and 5xx are retried with back-off; a lost connection too, unless the operation creates.
  Result<nlohmann::json> Json(Service service, std::string_view operation,
                              const nlohmann::json& body);
  // AWS Query: the XML of the answer.
  Result<std::string> Query(Service service, std::string_view action, std::string_view version,
                            const std::map<std::string, std::string>& parameters = {});

  // A POST of a REST service to `path`, percent-encoded; retried as Json(), for an answer changes
  // nothing. The whole answer.
  Result<net::Response> Post(Service service, const std::string& path,
                             std::vector<std::pair<std::string, std::string>> headers,
                             const std::string& body);

  const Connection& connection() const { return connection_; }
  Clock& clock() { return clock_; }
  // A service on this machine: cheap to poll.
  bool is_local() const { return local_; }
  // "https://s3.us-east-1.amazonaws.com", or the connection's own endpoint.
  static std::string EndpointOf(const Connection& connection, std::string_view service);

 private:
  Result<net::Response> Send(Service service, const std::string& path,
                             std::vector<std::pair<std::string, std::string>> headers,
                             const std::string& body, bool creates);

  Connection connection_;
  std::shared_ptr<net::HttpClient> http_;
  Clock& clock_;
  bool local_;
};

// The text of the first element of that name, entities read; "" if there is none. Enough for the
// flat answers of STS and IAM.
std::string XmlElementText(std::string_view xml, std::string_view name);

}  // namespace clary
