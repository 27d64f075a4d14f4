// One client's connection and the request that it is at: what the io thread and a handler hand to
// each other.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "net/http.h"
#include "net/internal/request_parser.h"
#include "net/internal/transport.h"

namespace clary::net::internal {

// Deadlines of sockets follow the steady clock: a step of the wall clock must not cut connections.
using SteadyClock = std::chrono::steady_clock;

constexpr size_t kBufferBytes = 128 * 1024;

// Bytes that have arrived and wait for a reader.
class InBuffer {
 public:
  std::string_view view() const { return std::string_view(bytes_).substr(at_); }
  bool empty() const { return at_ == bytes_.size(); }
  void Append(std::string_view bytes) {
    if (at_ > 0) {
      bytes_.erase(0, at_);
      at_ = 0;
    }
    bytes_.append(bytes);
  }
  void Consume(size_t n) {
    at_ += n;
    if (empty()) {
      at_ = 0;
      bytes_.clear();
      if (bytes_.capacity() > kBufferBytes) bytes_.shrink_to_fit();
    }
  }

 private:
  std::string bytes_;
  size_t at_ = 0;
};

enum class ConnState { kIdle, kHead, kBusy, kLinger };

struct Connection {
  uint64_t id = 0;
  std::string peer;
  // Guarded by the server's mutex; the rest belongs to the polling thread that has taken it, or
  // while kBusy to a handler.
  ConnState state = ConnState::kIdle;
  SteadyClock::time_point deadline;
  bool taken = false;  // a polling thread is at it

  std::unique_ptr<Transport> transport;  // replaced under the mutex only
  bool fresh = true;                     // no byte has come: it may turn out to be TLS
  std::string connect_host;              // the name that a CONNECT asked for
  InBuffer in;
  std::unique_ptr<RequestParser> parser;
  Head head;
};

// One buffer of kBufferBytes a thread, for bytes on their way.
std::span<char> ThreadBuffer();

// Reads the body of the request in `c.head`; `c` must outlive it. One thread at a time.
class BodyReader {
 public:
  // `budget` is how long it may wait for the peer.
  BodyReader(Connection& c, Duration budget);

  bool done() const { return c_.head.chunked ? c_.parser->body_done() : left_ == 0; }
  bool failed() const { return error_.has_value(); }
  // The client still waits for permission to send its body.
  bool awaits_continue() const { return expect_; }
  uint64_t left() const { return left_; }

  // As ByteSource::Read(); an error stays.
  Result<size_t> Read(std::span<char> out);
  // Drops what has arrived already. Never blocks.
  void SkipArrived();
  // Reads and drops the rest, for at most `budget` of waiting.
  bool Drain(Duration budget);

 private:
  Result<size_t> Next(std::span<char> out);
  Result<size_t> Receive(std::span<char> out);

  Connection& c_;
  Waiter waiter_;
  uint64_t left_;
  bool expect_;
  std::optional<Error> error_;
};

}  // namespace clary::net::internal
