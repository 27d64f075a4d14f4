// How hosts that compute together pass bytes to each other: what the transports (a single host,
// threads in tests, TCP) have in common.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace clary::collective {

// One host's end; for one thread at a time.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual int rank() const = 0;  // in [0, size())
  virtual int size() const = 0;
  // Gives each host, by rank, its bytes of `to` [size()], and gives back what each had for this
  // one. Every host calls this in turn; it returns when all bytes for this host have come. What a
  // host has for itself comes back, too.
  // kUnavailable "HostLost" if another host has gone or its end was destroyed, kDeadlineExceeded
  // "HostLost" if one does not move for long. After a failure nothing more is passed: the ends of
  // others fail as well.
  virtual Result<std::vector<std::string>> Exchange(std::span<const std::string_view> to) = 0;
};

}  // namespace clary::collective
