// The front of SageMaker's runtime: an invocation goes to a model server of the endpoint, and the
// answer of its containers back to the client. It keeps no state.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"
#include "control/routes.h"
#include "net/http.h"
#include "server/identity.h"
#include "server/model_caller.h"

namespace clary::server {

class AsyncInvocations;
class Capture;
class InvocationMetrics;
class ShadowTraffic;

// Whether a request is an invocation, by its path: such wait for a model and have handlers of their
// own.
bool IsInvocation(const net::Request& request);

// Any thread.
class RuntimeFront {
 public:
  // Borrowed. Null: nothing is captured, counted, copied to shadows; no endpoint is asynchronous.
  struct Parts {
    // The newest ones; any thread.
    std::function<std::shared_ptr<const control::EndpointRoutes>()> routes;
    ModelCaller& models;
    Capture* capture = nullptr;
    InvocationMetrics* metrics = nullptr;
    ShadowTraffic* shadows = nullptr;
    AsyncInvocations* async = nullptr;
  };
  RuntimeFront(const Account& account, Parts parts) : account_(account), parts_(std::move(parts)) {}

  // InvokeEndpoint, InvokeEndpointWithResponseStream and InvokeEndpointAsync of `endpoint`. What a
  // container refuses is an answer, too (ModelError, status 424). Errors: kInvalidArgument
  // "ValidationError" in AWS's words, kUnavailable "ServiceUnavailable" if no instance answers; the
  // latter may be tried again.
  Result<net::Response> Invoke(std::string_view operation, const std::string& endpoint,
                               const net::Request& request, std::string_view body);

 private:
  Error NotFound(std::string_view endpoint) const;

  const Account account_;
  const Parts parts_;
};

}  // namespace clary::server
