// The hosts of a launch that has several on other machines (LaunchSpec::hosts), as the command sees
// them that was launched.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace clary::exec {

struct AllocatedHost {
  std::string node;     // its name for who operates it
  std::string address;  // IPv4, at which the others reach it
};

// Cores that a cluster has set apart for this process on its machine; 0: no cluster has launched
// it.
int AllocatedCores();

// Whether a SIGTERM to this process came of the cluster itself (a limit, a preemption, a cancelled
// job), which sends it to every process of a launch, and not of Executor::Stop(): then the launch
// is lost, and this process must not tell of an end.
bool TakenByCluster();

// All hosts of this process's launch, this one first. Asks the cluster. kUnavailable.
Result<std::vector<AllocatedHost>> AllocatedHosts();

// The command line that runs `argv` on a host of this launch: it stays until that has ended, has
// its exit code, and passes standard input, output and errors through. A SIGTERM to it ends the
// command at once.
std::vector<std::string> CommandOn(const AllocatedHost& host, std::vector<std::string> argv);

}  // namespace clary::exec
