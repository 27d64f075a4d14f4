// Outbound HTTP and HTTPS.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "base/stream.h"
#include "net/http.h"
#include "net/sigv4.h"

namespace clary::net {

namespace internal {
class LocalClient;
}

struct ClientRequest {
  std::string method = "GET";
  std::string url;  // http:// or https://, percent-encoded; sent as it is
  Headers headers;
  std::string body;                       // used when `upload` is null
  std::string_view borrowed;              // instead of `body`, until Send() or Open() returns
  ByteSource* upload = nullptr;           // borrowed likewise
  std::optional<uint64_t> upload_length;  // absent: chunked
  Duration timeout{0};                    // of this request with its answer; 0: the client's
  std::stop_token stop;                   // ends it with kCancelled "Stopped", within a second

  std::string_view content() const { return borrowed.empty() ? body : borrowed; }
};

// Adds the headers of SigV4 and Host. An `upload` is sent unsigned to S3, unless the request
// carries an X-Amz-Content-Sha256 header; other services get `body`.
void SignRequest(ClientRequest& request, const Signer& signer, Time now);

struct HttpClientOptions {
  // A socket that every request goes to, whatever host its URL names; a path of any length.
  std::filesystem::path unix_socket;
  std::filesystem::path ca_bundle;  // PEM roots to trust; empty: the system's
  Duration connect_timeout{5000};
  Duration stall_timeout{120'000};     // no byte moves for this long
  Duration total_timeout{0};           // of one request with its answer; 0: none
  uint64_t max_body_bytes = 64 << 20;  // of Send()
  size_t max_idle = 16;                // kept connections
};

// Any thread; keeps connections alive between requests. Follows no redirects, decodes no content
// coding, and any status is an answer. Errors: kUnavailable "CouldNotConnect", "CouldNotResolve",
// "Disconnected"; kDeadlineExceeded "Timeout"; kFailedPrecondition "TlsVerification";
// kInvalidArgument "BadUrl"; kResourceExhausted "TooLarge"; and what `upload` fails with.
class HttpClient {
 public:
  static Result<std::unique_ptr<HttpClient>> Create(HttpClientOptions options = {});
  ~HttpClient();

  // The whole answer, with its body in Response::body.
  Result<Response> Send(const ClientRequest& request);
  // Returns when the answer's headers have come and the upload has ended; Response::stream pulls
  // the body, on one thread at a time. Dropping it early cuts the connection.
  Result<Response> Open(const ClientRequest& request);

 private:
  class Impl;
  class Transfer;
  HttpClient(std::shared_ptr<Impl> impl, std::shared_ptr<internal::LocalClient> local);
  std::shared_ptr<Impl> impl_;
  std::shared_ptr<internal::LocalClient> local_;  // of a Unix socket; else null
};

}  // namespace clary::net
