// The front of SageMaker's runtime: an invocation goes to a model server of the endpoint, and the
// answer of its containers back to the client. It keeps no state but connections.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/mutex.h"
#include "control/routes.h"
#include "net/http.h"
#include "server/identity.h"

namespace clary::server {

class Capture;
class InvocationMetrics;

// The largest body of an invocation and of its answer.
inline constexpr uint64_t kMaxInvocationBytes = uint64_t{25} << 20;

// Whether a request is an invocation, by its path: such wait for a model and have handlers of their
// own.
bool IsInvocation(const net::Request& request);

struct RuntimeOptions {
  Duration timeout{60'000};          // of a container's answer
  Duration stream_timeout{480'000};  // of all of a stream
};

// Any thread.
class RuntimeFront {
 public:
  // `routes` gives the newest ones; any thread. `capture` and `metrics` are borrowed;
  // without them nothing is captured and counted.
  RuntimeFront(std::function<std::shared_ptr<const control::EndpointRoutes>()> routes,
               const Account& account, Capture* capture, InvocationMetrics* metrics,
               RuntimeOptions options = {});
  ~RuntimeFront();

  // InvokeEndpoint and InvokeEndpointWithResponseStream of `endpoint`. What a container refuses is
  // an answer, too (ModelError, status 424). Errors: kInvalidArgument "ValidationError" in AWS's
  // words, kUnavailable "ServiceUnavailable" if no instance answers; the latter may be tried again.
  Result<net::Response> Invoke(std::string_view operation, const std::string& endpoint,
                               const net::Request& request, std::string_view body);

 private:
  class Instances;
  struct Invocation;
  Result<net::Response> Send(const Invocation& invocation, const control::EndpointRoute& endpoint,
                             const control::VariantRoute& variant);
  Error NotFound(std::string_view endpoint) const;
  net::Response ModelError(const std::string& endpoint, const std::string& container, int status,
                           const std::string& message) const;

  const std::function<std::shared_ptr<const control::EndpointRoutes>()> routes_;
  const Account account_;
  Capture* const capture_;
  InvocationMetrics* const metrics_;
  const RuntimeOptions options_;
  const std::unique_ptr<Instances> instances_;
};

}  // namespace clary::server
