#include "net/internal/transport.h"

#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

namespace clary::net::internal {
namespace {

using State = IoResult::State;

IoResult FromCall(ssize_t n, State blocked) {
  if (n > 0) return {State::kOk, static_cast<size_t>(n)};
  if (n == 0) return {State::kEnd};
  if (errno == EAGAIN || errno == EWOULDBLOCK) return {blocked};
  return {State::kError};
}

class PlainTransport final : public Transport {
 public:
  using Transport::Transport;
  IoResult Read(std::span<char> buffer) override {
    ssize_t n;
    do {
      n = ::recv(fd(), buffer.data(), buffer.size(), 0);
    } while (n < 0 && errno == EINTR);
    return FromCall(n, State::kWantRead);
  }
  IoResult Write(std::string_view a, std::string_view b, bool more) override {
    iovec parts[2] = {{const_cast<char*>(a.data()), a.size()},
                      {const_cast<char*>(b.data()), b.size()}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = b.empty() ? 1 : 2;
    ssize_t n;
    do {
      n = ::sendmsg(fd(), &message, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
    } while (n < 0 && errno == EINTR);
    if (n == 0) return {State::kOk};
    return FromCall(n, State::kWantWrite);
  }
  bool can_send_file() const override { return true; }
  IoResult SendFile(int file, uint64_t offset, uint64_t length) override {
    auto at = static_cast<off_t>(offset);
    ssize_t n;
    do {
      n = ::sendfile(fd(), file, &at, std::min<uint64_t>(length, 1 << 30));
    } while (n < 0 && errno == EINTR);
    return FromCall(n, State::kWantWrite);
  }
};

std::unexpected<Error> Disconnected() {
  return Fail(Code::kUnavailable, "Disconnected", "the peer closed the connection");
}

}  // namespace

IoResult Transport::SendFile(int, uint64_t, uint64_t) { return {State::kError}; }

void Transport::ShutdownWrite() { ::shutdown(fd(), SHUT_WR); }

std::unique_ptr<Transport> NewPlainTransport(Fd fd) {
  return std::make_unique<PlainTransport>(std::move(fd));
}

void Waiter::Moved(size_t bytes) {
  left_ = std::min(left_ + Duration(static_cast<int64_t>(bytes)), budget_);
}

Status Waiter::Wait(State state) {
  if (state == State::kError || state == State::kEnd) return Disconnected();
  using SteadyClock = std::chrono::steady_clock;
  pollfd p{transport_.fd(), static_cast<short>(state == State::kWantWrite ? POLLOUT : POLLIN), 0};
  const auto begin = SteadyClock::now();
  const int64_t left = std::clamp<int64_t>(left_.count(), 0, 1 << 30);
  const int n = ::poll(&p, 1, static_cast<int>(left));
  left_ -= std::chrono::floor<Duration>(SteadyClock::now() - begin);
  if (n > 0 || (n < 0 && errno == EINTR)) return {};
  if (n == 0) {
    return Fail(Code::kDeadlineExceeded, "RequestTimeout",
                "the peer did not send or take bytes in time");
  }
  return std::unexpected(ErrnoError(errno, "poll"));
}

Result<size_t> Waiter::Read(std::span<char> buffer) {
  for (;;) {
    const IoResult r = transport_.Read(buffer);
    if (r.state == State::kEnd) return 0;
    if (r.state == State::kOk) {
      Moved(r.bytes);
      return r.bytes;
    }
    CLARY_CHECK_OK(Wait(r.state));
  }
}

Status Waiter::Write(std::string_view a, std::string_view b, bool more) {
  while (!a.empty() || !b.empty()) {
    if (a.empty()) {
      a = b;
      b = {};
    }
    const IoResult r = transport_.Write(a, b, more);
    if (r.state != State::kOk) {
      CLARY_CHECK_OK(Wait(r.state));
      continue;
    }
    Moved(r.bytes);
    const size_t of_a = std::min(r.bytes, a.size());
    a.remove_prefix(of_a);
    b.remove_prefix(std::min(r.bytes - of_a, b.size()));
  }
  return {};
}

Status Waiter::SendFile(int fd, uint64_t offset, uint64_t length) {
  while (length > 0) {
    const IoResult r = transport_.SendFile(fd, offset, length);
    if (r.state != State::kOk) {
      CLARY_CHECK_OK(Wait(r.state));  // kEnd: the file is shorter than promised
      continue;
    }
    Moved(r.bytes);
    offset += r.bytes;
    length -= r.bytes;
  }
  return {};
}

}  // namespace clary::net::internal
