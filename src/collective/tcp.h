// Hosts that pass bytes over TCP, each to each.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "collective/transport.h"

namespace clary::collective {

struct TcpOptions {
  std::vector<std::string> hosts;  // names or addresses, by rank
  int rank = 0;
  // Of rank 0, where the others report; their own ports are whatever is free.
  uint16_t port = 0;
  // Hosts of one job know it; whoever does not is not let in.
  std::string secret;
  std::chrono::seconds meet{300};  // how long to wait for the others to come
  // How long nothing may move while a host is waited for: a slow round, but not a dead host.
  std::chrono::seconds patience{1800};
  // How long a host's kernel may acknowledge nothing: its network has split, or it is down. More
  // than the two minutes between probes of a host that computes and reads nothing.
  std::chrono::seconds silence{150};
};

// Waits until all hosts have met. kInvalidArgument for options that make no sense,
// kUnavailable "HostLost" if a host does not come, kPermissionDenied "BadHost" if one is of another
// job. Of a failed meeting nothing stays open.
Result<std::unique_ptr<Transport>> MeetOverTcp(const TcpOptions& options);

}  // namespace clary::collective
