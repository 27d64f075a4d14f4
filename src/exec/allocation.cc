#include "exec/allocation.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/strings.h"
#include "exec/internal/launch_dir.h"
#include "exec/slurm_executor.h"

namespace clary::exec {
namespace {

Result<std::string> AddressOf(const std::string& name) {
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(name.c_str(), nullptr, &hints, &found);
  if (failed != 0 || found == nullptr) {
    return Fail(Code::kUnavailable, "NoAddress",
                "the address of node " + name + " cannot be told: " + ::gai_strerror(failed));
  }
  char text[INET_ADDRSTRLEN] = {};
  const auto* at = reinterpret_cast<const sockaddr_in*>(found->ai_addr);
  ::inet_ntop(AF_INET, &at->sin_addr, text, sizeof text);
  ::freeaddrinfo(found);
  return std::string(text);
}

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

int AllocatedCores() {
  if (Variable(kStopVariable).empty()) return 0;
  return static_cast<int>(ParseInt(Variable("SLURM_CPUS_PER_TASK")).value_or(1));
}

bool TakenByCluster() {
  const std::string stop = Variable(kStopVariable);
  return !stop.empty() && ::access(stop.c_str(), F_OK) != 0;
}

Result<std::vector<AllocatedHost>> AllocatedHosts() {
  const std::string nodes = Variable("SLURM_JOB_NODELIST");
  const auto answer = SystemTools()({"sinfo", "-h", "-N", "-n", nodes, "-o", "%N %o"});
  if (!answer || answer->code != 0) {
    return Fail(Code::kUnavailable, "SlurmAway",
                "sinfo does not tell of this job's nodes, " + nodes + ": " +
                    (answer ? std::string(Trim(answer->output)) : answer.error().message));
  }
  std::vector<AllocatedHost> out;
  for (const std::string_view line : Split(answer->output, '\n')) {
    const size_t space = line.find(' ');
    if (space == std::string_view::npos) continue;
    const std::string node(line.substr(0, space));
    // A node is told once for each of its partitions.
    if (std::ranges::find(out, node, &AllocatedHost::node) != out.end()) continue;
    CLARY_TRY(std::string address, AddressOf(std::string(Trim(line.substr(space)))));
    out.push_back({node, std::move(address)});
  }
  const std::string here = Variable("SLURMD_NODENAME");
  const auto self = std::ranges::find(out, here, &AllocatedHost::node);
  if (self == out.end()) {
    return Fail(Code::kUnavailable, "SlurmAway",
                "this node is not among those of its job, " + nodes);
  }
  std::rotate(out.begin(), self, self + 1);
  return out;
}

std::vector<std::string> CommandOn(const AllocatedHost& host, std::vector<std::string> argv) {
  const std::string cpus = Variable("SLURM_CPUS_PER_TASK");
  std::vector<std::string> out = {"/usr/bin/env", "srun",
                                  "--export=ALL", "--nodes=1",
                                  "--ntasks=1",   "--nodelist=" + host.node,
                                  "--overlap",    "--mpi=none",
                                  "--unbuffered", "--kill-on-bad-exit=0",
                                  "--chdir=/",    "--cpus-per-task=" + (cpus.empty() ? "1" : cpus)};
  out.insert(out.end(), argv.begin(), argv.end());
  return out;
}

}  // namespace clary::exec
