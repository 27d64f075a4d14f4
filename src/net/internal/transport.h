// A connected stream socket, plain or TLS, for non-blocking use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"

namespace clary::net::internal {

struct IoResult {
  enum class State { kOk, kEnd, kWantRead, kWantWrite, kError };
  State state = State::kOk;
  size_t bytes = 0;  // moved, if kOk
};

// Not thread-safe. The calls never block; on kWant* wait for the socket, then call again with the
// same bytes. Threads that call it must have SIGPIPE blocked.
class Transport {
 public:
  explicit Transport(Fd fd) : fd_(std::move(fd)) {}
  virtual ~Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  virtual IoResult Read(std::span<char> buffer) = 0;
  // Writes from the front of `a`, then `b`. `more` holds a short segment back for what follows.
  virtual IoResult Write(std::string_view a, std::string_view b, bool more) = 0;
  // sendfile(2); only if can_send_file().
  virtual IoResult SendFile(int fd, uint64_t offset, uint64_t length);
  virtual bool can_send_file() const { return false; }
  virtual bool tls() const { return false; }
  // The peer sees the end; reading goes on.
  virtual void ShutdownWrite();
  int fd() const { return fd_.get(); }
  // Gives the socket up, to be wrapped anew.
  Fd TakeFd() { return std::move(fd_); }

 private:
  Fd fd_;
};

std::unique_ptr<Transport> NewPlainTransport(Fd fd);  // of a non-blocking socket

// Blocks on a transport, with a budget for the time spent waiting: `budget` at first and at most;
// each KiB that moves gives a second back. So a pause may be as long as the budget, and a peer
// that drips bytes slower than that is cut.
class Waiter {
 public:
  Waiter(Transport& transport, Duration budget)
      : transport_(transport), budget_(budget), left_(budget) {}
  void set_budget(Duration budget) { budget_ = left_ = budget; }
  // kDeadlineExceeded "RequestTimeout" when the budget is used up.
  Status Wait(IoResult::State state);
  // Reads at least a byte; 0 is the end. kUnavailable "Disconnected".
  Result<size_t> Read(std::span<char> buffer);
  Status Write(std::string_view a, std::string_view b = {}, bool more = false);
  Status SendFile(int fd, uint64_t offset, uint64_t length);

 private:
  void Moved(size_t bytes);

  Transport& transport_;
  Duration budget_;
  Duration left_;
};

}  // namespace clary::net::internal
