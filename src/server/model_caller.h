// From the service to a model server: picks an instance of a variant, and asks its containers one
// after the other over connections that are kept. Invocations of all sorts go through here.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "base/stream.h"
#include "control/routes.h"
#include "net/http.h"
#include "server/identity.h"
#include "server/local_model.h"

namespace clary::server {

// The largest body of an invocation and of its answer, unless the answer is streamed.
inline constexpr uint64_t kMaxInvocationBytes = uint64_t{25} << 20;

class InvocationMetrics;

struct CallerOptions {
  Duration timeout{60'000};          // of a container's answer
  Duration stream_timeout{480'000};  // of all of a stream
  LocalModels local = {};            // null: instances answer everything
};

struct ModelRequest {
  net::Headers headers;           // that the containers get; not Accept
  std::string accept;             // of the last container; empty: none
  std::string target_model = {};  // which of a multi-model variant's answers; others do not get it
  std::string_view body;
  ByteSource* upload = nullptr;  // instead of `body`, for one container; read at most once
  uint64_t upload_length = 0;
  // The answer's body is Response::stream, and may take the stream_timeout.
  bool stream = false;
  Duration timeout{0};  // of a container's answer; 0: CallerOptions'
  std::stop_token stop;
};

// How an error of a call says that the request has not been sent: it may be sent again.
bool WasNotSent(const Error& error);

// Any thread.
class ModelCaller {
 public:
  // `metrics`, borrowed, may be null: it is told of models that were loaded for a request.
  explicit ModelCaller(const Account& account, const CallerOptions& options = {},
                       InvocationMetrics* metrics = nullptr);
  ~ModelCaller();

  // Asks one instance of the variant; one that refuses the connection is left for another. What a
  // container refuses is an answer, too (ModelError, status 424), as are more requests than a
  // serverless variant takes at once (status 429). kInvalidArgument "ValidationError" if there is
  // no model of that name. Headers of the answer: Content-Type, and what the container tells the
  // client. Errors: kUnavailable, if no instance answers; kCancelled.
  Result<net::Response> Call(const control::EndpointRoute& endpoint,
                             const control::VariantRoute& variant, const ModelRequest& request);

  // Forgets connections to instances that no route names any more.
  void Prune(const std::shared_ptr<const control::EndpointRoutes>& routes);

 private:
  class Instances;
  struct Held;
  Result<net::Response> Ask(const control::EndpointRoute& endpoint,
                            const control::VariantRoute& variant,
                            const control::InstanceRoute& route, const ModelRequest& request);
  net::Response ModelError(const std::string& endpoint, const std::string& container, int status,
                           const std::string& message) const;

  const Account account_;
  const CallerOptions options_;
  InvocationMetrics* const metrics_;
  const std::unique_ptr<Instances> instances_;
};

// A variant of `name`, or of any name by weight; nullptr if there is none.
const control::VariantRoute* PickVariant(const control::EndpointRoute& endpoint,
                                         std::string_view name);
// A number of [0, 1).
double RandomShare();

}  // namespace clary::server
