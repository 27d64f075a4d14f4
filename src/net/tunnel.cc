#include "net/internal/tunnel.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <vector>

namespace clary::net::internal {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr int kTickMillis = 100;  // how soon a stop is seen

}  // namespace

Result<Fd> Connect(const std::string& host, const std::string& port, Duration timeout,
                   const std::stop_token& stop) {
  const auto failed = [&](const std::string& why) {
    return Fail(Code::kUnavailable, "CouldNotConnect",
                "cannot connect to " + host + ":" + port + ": " + why);
  };
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int e = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); e != 0) {
    return failed(::gai_strerror(e));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> guard(found, ::freeaddrinfo);
  int last = ECONNREFUSED;
  for (const addrinfo* a = found; a != nullptr; a = a->ai_next) {
    Fd fd(::socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) continue;
    if (::connect(fd.get(), a->ai_addr, a->ai_addrlen) == 0) return fd;
    last = errno;
    if (last != EINPROGRESS) continue;
    const auto end = SteadyClock::now() + timeout;
    pollfd p{fd.get(), POLLOUT, 0};
    int ready = 0;
    while (ready == 0 && !stop.stop_requested() && SteadyClock::now() < end) {
      ready = ::poll(&p, 1, kTickMillis);
    }
    if (ready <= 0) return failed(stop.stop_requested() ? "the server stops" : "it took too long");
    socklen_t length = sizeof last;
    ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &last, &length);
    if (last == 0) return fd;
  }
  return failed(std::generic_category().message(last));
}

void RunTunnel(Transport& client, const std::string& host, const std::string& port,
               const TunnelLimits& limits, const std::stop_token& stop) {
  auto upstream = Connect(host, port, limits.connect_timeout, stop);
  if (!upstream) {
    const std::string text = upstream.error().message + "\n";
    (void)Waiter(client, limits.connect_timeout)
        .Write(
            "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain\r\nConnection: close\r\n"
            "Content-Length: " +
                std::to_string(text.size()) + "\r\n\r\n",
            text);
    client.ShutdownWrite();
    return;
  }
  const auto server = NewPlainTransport(*std::move(upstream));
  if (!Waiter(client, limits.idle_timeout).Write("HTTP/1.1 200 Connection established\r\n\r\n")) {
    return;
  }
  CopyBothWays(client, *server, limits, stop);
}

void CopyBothWays(Transport& client, Transport& server, const TunnelLimits& limits,
                  const std::stop_token& stop) {
  Transport* ends[2] = {&client, &server};
  bool open[2] = {true, true};  // ends[i] may still send
  std::vector<char> buffer(64 * 1024);
  auto deadline = SteadyClock::now() + limits.idle_timeout;
  while ((open[0] || open[1]) && !stop.stop_requested() && SteadyClock::now() < deadline) {
    pollfd p[2];
    for (int i = 0; i < 2; ++i) {
      p[i] = {open[i] ? ends[i]->fd() : -1, POLLIN, 0};
    }
    if (::poll(p, 2, kTickMillis) <= 0) continue;
    for (int i = 0; i < 2; ++i) {
      if (p[i].revents == 0) continue;
      const IoResult r = ends[i]->Read(buffer);
      if (r.state == IoResult::State::kWantRead) continue;
      if (r.state == IoResult::State::kError) return;
      if (r.state == IoResult::State::kEnd) {
        open[i] = false;
        ends[1 - i]->ShutdownWrite();
        continue;
      }
      if (!Waiter(*ends[1 - i], limits.idle_timeout).Write({buffer.data(), r.bytes})) return;
      deadline = SteadyClock::now() + limits.idle_timeout;
    }
  }
}

}  // namespace clary::net::internal
