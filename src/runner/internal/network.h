// Networks of programs, made without privileges in user namespaces: a program's own (ADR 23), and
// the joined ones of a job's hosts (ADR 42).
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "runner/program.h"

namespace clary::runner {

std::unexpected<Error> NoNamespaces(const std::string& what, int err);

// In a forked child: enters a new user namespace, in which it is root, with the others of `flags`.
// kFailedPrecondition "NoNamespaces", as everything here.
Status EnterUserNamespace(int flags);

// The address that a host has on eth0: number `index` of a job's, the first where there is one.
std::string AddressOfHost(size_t index = 0);
inline constexpr size_t kMaxHosts = 200;

// The address that stands for reach[i] in a program's network.
std::string AddressOfReach(const std::vector<Reach>& reach, size_t i);
// Whether that is the program's own loopback, and needs no name.
bool IsThisMachine(const std::string& host);
bool IsAddress(const std::string& host);

// In the program's network namespace: its interfaces, unless it was joined, and the listening
// sockets of spec.reach, in its order.
Result<std::vector<Fd>> SetUpNetwork(const ProgramSpec& spec);

// A network namespace for each host of a job, in their order: with lo, eth0 of AddressOfHost(), and
// all ports for everybody. They last as long as these descriptors, or processes in them.
struct HostNetworks {
  Fd user;                // the user namespace that owns them
  Fd bridge;              // the namespace of the bridge that joins them
  std::vector<Fd> hosts;  // at most kMaxHosts
};
// Forks: call it while this process has one thread.
Result<HostNetworks> MakeHostNetworks(size_t hosts);

}  // namespace clary::runner
