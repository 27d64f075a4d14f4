// The CONNECT front: which hosts this server answers for, what it says of others, and its tunnels.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "net/http.h"
#include "net/internal/transport.h"
#include "net/server.h"

namespace clary::net::internal {

// One of the front's domains, or below one.
bool IsOurs(const ConnectFront& front, std::string_view host);

// A name of this machine, or an address: what reached us was meant for us.
bool IsLocal(const std::string& host);

// The port of `CONNECT host:port`; nullopt if either is missing or not a port.
std::optional<std::string> PortOfConnect(const Request& request);

// The answers to a CONNECT and to an absolute-form request for a host that is not ours.
Response ConnectRefusal(const ConnectFront& front, const std::string& host);
Response ForwardRefusal(const ConnectFront& front, const std::string& host);

// Connections that are copied to other hosts, each by a thread of its own. Any thread.
class Tunnels {
 public:
  // Starts one if fewer than `max` run: `take` gives the client's connection, which was not yet
  // answered. False, and `take` not called, if there is no room.
  bool Start(size_t max, const std::function<std::unique_ptr<Transport>()>& take, std::string host,
             std::string port);
  // Ends and joins all of them; nobody may start more.
  void Stop();

 private:
  struct Tunnel {
    std::unique_ptr<Transport> client;
    std::atomic<bool> done = false;
    std::jthread thread;  // last: joined before what it uses goes
  };
  Mutex mu_;
  std::vector<std::unique_ptr<Tunnel>> tunnels_ GUARDED_BY(mu_);
};

// Names the calling thread, and blocks SIGPIPE in it: a write to a closed socket is an error here.
void NameThread(const char* name);

}  // namespace clary::net::internal
