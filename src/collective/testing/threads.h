// Hosts that are threads of one process, with faults.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "collective/transport.h"

namespace clary::collective {

// Where a host fails: at its n-th Exchange, from 1.
struct Fault {
  int rank = 0;
  int64_t at = 0;  // 0: nowhere
};

// One end for each of `size` hosts, for a thread each.
std::vector<std::unique_ptr<Transport>> MakeThreads(int size, Fault fault = {});

}  // namespace clary::collective
