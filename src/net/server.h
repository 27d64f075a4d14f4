// An HTTP/1.1 server on one port: plain, and with a CertificateAuthority also TLS and a CONNECT
// front, so that clients reach it under names that it answers for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "net/http.h"

namespace clary::net {

class CertificateAuthority;

// Answers TLS, `CONNECT host:port` and absolute-form requests.
struct ConnectFront {
  std::shared_ptr<CertificateAuthority> ca;  // never null
  // Domains, with all below them, that this server answers for itself.
  std::vector<std::string> domains = {"amazonaws.com", "amazonaws.com.cn", "api.aws"};
  // What happens to a CONNECT to another host: refused with 403, or copied through.
  bool tunnel_others = false;
  size_t max_tunnels = 64;
};

// Requests that wait for handlers of their own, so that they never keep others from being handled,
// however long they take.
struct Lane {
  // Whether a request belongs here, by its head. Runs on a polling thread, so it must be quick.
  std::function<bool(const Request&)> takes;
  size_t handler_threads = 256;  // at most; made as they are needed
  size_t max_queue = 1024;       // more get `overloaded`
};

struct ServerOptions {
  std::string address = "127.0.0.1";  // name or number; one address
  uint16_t port = 0;                  // 0: any free one
  Fd listener = {};                   // a stream socket that listens already: served instead
  size_t handler_threads = 16;
  size_t max_queue = 256;  // requests that wait for a handler; more get `overloaded`
  // So many requests at once are served by the threads that poll, which spares each the hand-over
  // to another thread. For servers whose requests are many and short. Beside the handlers.
  size_t inline_handlers = 0;
  size_t max_connections = 2048;  // beyond them the longest idle one is closed, or clients queue
  size_t max_header_bytes = 64 * 1024;
  size_t max_header_count = 256;
  std::optional<uint64_t> max_content_length;  // a request that announces more gets 413
  Duration idle_timeout{75'000};               // between requests
  Duration head_timeout{10'000};  // first byte of a request to the end of its head; TLS handshake
  // How long a body may wait for the peer; each KiB that moves gives a second of it back.
  Duration stall_timeout{60'000};
  Duration stop_grace{10'000};  // Stop() cuts connections that are still busy after this
  // An unread request body of at most this size is read and dropped to keep the connection.
  uint64_t max_drain_bytes = 1 << 20;
  // The answer when the queue is full. Runs on a polling thread, so it must be quick. Null: plain
  // 503.
  std::function<Response(const Request&)> overloaded;
  std::optional<ConnectFront> front;
  std::optional<Lane> lane;
};

// One io thread accepts, and closes what has waited too long. A polling thread waits for requests
// on all connections and parses their heads; each request then has a handler thread to itself until
// its response is sent. Those of the lane have other threads than the rest. With inline_handlers
// there are as many polling threads more, and one serves the request that it has read itself as
// long as another one goes on polling.
//
// What a handler may rely on: `request.body` may be read, left alone, or moved into the response's
// stream (it dies with the response). Errors of reading it: kDataLoss "IncompleteBody" if the
// client went away, kDeadlineExceeded "RequestTimeout", kInvalidArgument "BadChunk".
// `Content-Length`, `Transfer-Encoding`, `Connection` and `Date` of a response are the server's,
// but a HEAD answer may set Content-Length. A stream that fails before its first byte becomes a
// 500; later, or when it is shorter than `stream_length`, the connection is cut, so the client
// notices.
class Server {
 public:
  // Listens, then serves until Stop() or destruction. kFailedPrecondition "AddressInUse" when
  // another process has the port; kInvalidArgument "BadAddress".
  static Result<std::unique_ptr<Server>> Start(ServerOptions options, Handler handler);
  virtual ~Server() = default;
  virtual uint16_t port() const = 0;
  // Stops accepting, lets requests that have arrived run to their end (at most stop_grace), and
  // joins all threads. Idempotent; not from a handler.
  virtual void Stop() = 0;
};

}  // namespace clary::net
