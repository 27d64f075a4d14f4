// Carries connections from listening sockets to services elsewhere. The sockets may be those of
// another network namespace: whoever connects there reaches the service and nothing else.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"

namespace clary::net {

class Forwarder {
 public:
  struct Route {
    Fd listener;  // a listening stream socket
    std::string host;
    std::string port;
    // Asked before each connection: changes them if the service is elsewhere now. Any thread.
    std::function<void(std::string& host, std::string& port)> moved = {};
  };
  // At most kMaxConnections at once, over all routes; one more waits in its listener's backlog. If
  // the service cannot be reached the connection is closed.
  static constexpr size_t kMaxConnections = 128;
  static Result<std::unique_ptr<Forwarder>> Start(std::vector<Route> routes);
  ~Forwarder();  // ends every connection; joins

 private:
  struct Impl;
  explicit Forwarder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace clary::net
