// Connections that are copied to another host: CONNECT to a host that is not ours, and Forwarder.
#pragma once

#include <stop_token>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "net/internal/transport.h"

namespace clary::net::internal {

struct TunnelLimits {
  Duration connect_timeout{10'000};
  Duration idle_timeout{300'000};  // no byte in either direction
};

// Connects, answers the CONNECT (200, or 502 with the reason), and copies bytes both ways until
// both sides have ended, one breaks, none moves for the idle time, or `stop`. Blocks.
void RunTunnel(Transport& client, const std::string& host, const std::string& port,
               const TunnelLimits& limits, const std::stop_token& stop);

// A connected, non-blocking socket; kUnavailable "CouldNotConnect". Blocks.
Result<Fd> Connect(const std::string& host, const std::string& port, Duration timeout,
                   const std::stop_token& stop);

// Copies bytes both ways until both sides have ended, one breaks, none moves for the idle time, or
// `stop`. Blocks.
void CopyBothWays(Transport& client, Transport& server, const TunnelLimits& limits,
                  const std::stop_token& stop);

}  // namespace clary::net::internal
