#include "net/forwarder.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include "net/internal/connect_front.h"
#include "net/internal/tunnel.h"

namespace clary::net {
namespace {

constexpr int kForwarderTickMillis = 100;  // how soon a stop is seen

struct ForwardedConnection {
  std::unique_ptr<internal::Transport> client;
  std::atomic<bool> done = false;
  std::jthread thread;  // last: joined before what it uses goes
};

// A request's last packet must not wait until the one before is acknowledged, 40 ms later.
void SendAtOnce(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void Forward(ForwardedConnection& c, const Forwarder::Route& route, const std::stop_token& stop) {
  const internal::TunnelLimits limits;
  std::string host = route.host;
  std::string port = route.port;
  if (route.moved) route.moved(host, port);
  if (auto fd = internal::Connect(host, port, limits.connect_timeout, stop)) {
    SendAtOnce(fd->get());
    const auto server = internal::NewPlainTransport(*std::move(fd));
    internal::CopyBothWays(*c.client, *server, limits, stop);
  }
  ::shutdown(c.client->fd(), SHUT_RDWR);
  c.done = true;
}

}  // namespace

struct Forwarder::Impl {
  void Accept(const std::stop_token& stop) {
    internal::NameThread("clary-forward");
    std::vector<std::unique_ptr<ForwardedConnection>> connections;
    std::vector<pollfd> polls;
    for (const Route& r : routes) polls.push_back({r.listener.get(), POLLIN, 0});
    while (!stop.stop_requested()) {
      const int ready = ::poll(polls.data(), polls.size(), kForwarderTickMillis);
      std::erase_if(connections, [](const auto& c) { return c->done.load(); });
      for (size_t i = 0; ready > 0 && i < polls.size(); ++i) {
        if (polls[i].revents == 0) continue;
        if (connections.size() >= kMaxConnections) {
          ::poll(nullptr, 0, kForwarderTickMillis);
          break;
        }
        Fd fd(::accept4(polls[i].fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!fd) continue;
        SendAtOnce(fd.get());
        auto connection = std::make_unique<ForwardedConnection>();
        connection->client = internal::NewPlainTransport(std::move(fd));
        ForwardedConnection* c = connection.get();
        c->thread = std::jthread([c, route = &routes[i]](const std::stop_token& stopping) {
          internal::NameThread("clary-forward");
          Forward(*c, *route, stopping);
        });
        connections.push_back(std::move(connection));
      }
    }
    for (const auto& c : connections) c->thread.request_stop();
  }

  std::vector<Route> routes;
  std::jthread thread;  // last: joined before what it uses goes
};

Forwarder::Forwarder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Forwarder::~Forwarder() = default;

Result<std::unique_ptr<Forwarder>> Forwarder::Start(std::vector<Route> routes) {
  for (const Route& r : routes) {
    if (::fcntl(r.listener.get(), F_SETFL, O_NONBLOCK) != 0) {
      return std::unexpected(ErrnoError(errno, "a listening socket"));
    }
  }
  auto impl = std::make_unique<Impl>();
  impl->routes = std::move(routes);
  if (!impl->routes.empty()) {
    impl->thread = std::jthread([i = impl.get()](const std::stop_token& stop) { i->Accept(stop); });
  }
  return std::unique_ptr<Forwarder>(new Forwarder(std::move(impl)));
}

}  // namespace clary::net
