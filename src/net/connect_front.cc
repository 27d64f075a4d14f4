#include "net/internal/connect_front.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <pthread.h>
#include <sys/socket.h>

#include <algorithm>
#include <csignal>

#include "base/strings.h"
#include "net/internal/response_writer.h"
#include "net/internal/tunnel.h"

namespace clary::net::internal {

bool IsOurs(const ConnectFront& front, std::string_view host) {
  return std::ranges::any_of(front.domains, [&](const std::string& domain) {
    return host == domain || (host.ends_with(domain) && host.size() > domain.size() &&
                              host[host.size() - domain.size() - 1] == '.');
  });
}

bool IsLocal(const std::string& host) {
  unsigned char address[16];
  return host == "localhost" || ::inet_pton(AF_INET, host.c_str(), address) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), address) == 1;
}

std::optional<std::string> PortOfConnect(const Request& request) {
  const std::string_view target = request.path;
  const size_t colon = target.rfind(':');
  const uint64_t port =
      colon == std::string_view::npos ? 0 : ParseUint(target.substr(colon + 1)).value_or(0);
  if (port == 0 || port > 65535 || request.host.empty()) return std::nullopt;
  return std::to_string(port);
}

Response ConnectRefusal(const ConnectFront& front, const std::string& host) {
  return TextResponse(403, fmt::format("Clary answers for {} only, and does not forward to {}. Add "
                                       "that host to NO_PROXY, or allow tunnels.",
                                       fmt::join(front.domains, ", "), host));
}

Response ForwardRefusal(const ConnectFront& front, const std::string& host) {
  return TextResponse(403, fmt::format("Clary answers for {} only, and does not forward to {}. "
                                       "Unset HTTP_PROXY, or add that host to NO_PROXY.",
                                       fmt::join(front.domains, ", "), host));
}

bool Tunnels::Start(size_t max, const std::function<std::unique_ptr<Transport>()>& take,
                    std::string host, std::string port) {
  const MutexLock lock(mu_);
  std::erase_if(tunnels_, [](const auto& t) { return t->done.load(); });
  if (tunnels_.size() >= max) return false;
  auto tunnel = std::make_unique<Tunnel>();
  Tunnel* t = tunnel.get();
  t->client = take();
  t->thread = std::jthread(
      [t, host = std::move(host), port = std::move(port)](const std::stop_token& stop) {
        NameThread("clary-tunnel");
        RunTunnel(*t->client, host, port, {}, stop);
        ::shutdown(t->client->fd(), SHUT_RDWR);
        t->done = true;
      });
  tunnels_.push_back(std::move(tunnel));
  return true;
}

void Tunnels::Stop() {
  std::vector<std::unique_ptr<Tunnel>> tunnels;
  {
    const MutexLock lock(mu_);
    tunnels.swap(tunnels_);
  }
  for (const auto& t : tunnels) t->thread.request_stop();
}

void NameThread(const char* name) {
  ::pthread_setname_np(::pthread_self(), name);
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
}

}  // namespace clary::net::internal
