// A host of a job on several machines: a process of the host set's launcher that starts the runner
// and carries words between the two.
#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "base/file.h"
#include "base/log.h"
#include "base/message_socket.h"
#include "base/strings.h"
#include "exec/allocation.h"
#include "runner/host.h"
#include "runner/internal/host_set.h"
#include "runner/runner.h"

namespace clary::runner {
namespace fs = std::filesystem;
namespace {

constexpr uint64_t kMaxJobJson = 16 << 20;

// The interface of this machine that has the address, or whose network it is in.
std::string InterfaceOf(const std::string& address) {
  in_addr wanted{};
  ifaddrs* all = nullptr;
  if (::inet_pton(AF_INET, address.c_str(), &wanted) != 1 || ::getifaddrs(&all) != 0) return "eth0";
  std::string exact;
  std::string near;
  for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr || one->ifa_netmask == nullptr ||
        one->ifa_addr->sa_family != AF_INET) {
      continue;
    }
    const auto own = reinterpret_cast<const sockaddr_in*>(one->ifa_addr)->sin_addr.s_addr;
    const auto mask = reinterpret_cast<const sockaddr_in*>(one->ifa_netmask)->sin_addr.s_addr;
    if (own == wanted.s_addr) exact = one->ifa_name;
    if ((own & mask) == (wanted.s_addr & mask)) near = one->ifa_name;
  }
  ::freeifaddrs(all);
  if (!exact.empty()) return exact;
  return near.empty() ? "eth0" : near;
}

Result<int> StartOnNode(const fs::path& job_dir, const std::string& name,
                        const std::string& addresses) {
  CLARY_TRY(const std::string text, ReadFile(job_dir / "job.json", kMaxJobJson));
  CLARY_TRY(const api::JobSpec whole, api::JobSpec::FromJson(text));
  const auto at = std::ranges::find(whole.hosts, name);
  const auto parts = Split(addresses, ',');
  if (at == whole.hosts.end() || parts.size() != whole.hosts.size()) {
    return Fail(Code::kInvalidArgument, "Hosts",
                "this command is started by a runner, not by hand");
  }
  const auto index = static_cast<size_t>(at - whole.hosts.begin());
  api::JobSpec spec = whole.OfHost(index);
  int wanted = spec.cpus;
  for (const api::HostGroup& group : whole.groups) {
    if (std::ranges::find(group.hosts, name) != group.hosts.end()) wanted = group.cpus;
  }
  spec.cpus = std::max(1, exec::AllocatedCores());
  spec.interface = InterfaceOf(std::string(parts[index]));
  HostRole role{.hosts = {}, .joined = {}, .cores = {}, .note = "", .first = index == 0};
  for (size_t i = 0; i < parts.size(); ++i) {
    role.hosts.push_back({whole.hosts[i], std::string(parts[i])});
  }
  if (UsableCores(spec.cpus) < wanted) {
    role.note = "[clary] NOTE: this host has " + std::to_string(UsableCores(spec.cpus)) +
                " of the " + std::to_string(wanted) + " cores that " + spec.instance_type + " has";
  }
  CLARY_TRY(MessagePair ends, MakeMessagePair());
  role.gate = ends.theirs.get();
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return std::unexpected(ErrnoError(errno, "fork"));
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    const int null = ::open("/dev/null", O_RDONLY);
    ::dup2(null, 0);
    ::dup2(2, 1);  // the host set's is for words
    ::_exit(BeHost(spec, job_dir / "hosts" / name, {}, role));
  }
  ends.theirs = Fd();
  const Fd runner(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!runner) return std::unexpected(ErrnoError(errno, "pidfd_open"));
  std::string from_set;
  std::string from_runner;
  bool heard = true;  // the runner may have more to say
  for (;;) {
    pollfd polls[] = {
        {0, POLLIN, 0}, {heard ? ends.ours.get() : -1, POLLIN, 0}, {runner.get(), POLLIN, 0}};
    ::poll(polls, 3, -1);
    if (polls[1].revents != 0) {
      const auto words = HearWords(ends.ours.get(), from_runner);
      heard = words.has_value();
      for (const auto& word : words.value_or(std::vector<std::string>())) {
        (void)WriteAll(1, word + "\n");
      }
      continue;
    }
    if (polls[0].revents != 0) {
      const auto words = HearWords(0, from_set);
      if (!words) {  // nobody wants the rest
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
        return 1;
      }
      for (const std::string& word : *words) {
        // SIGTERM comes of Slurm, too, and means another thing.
        if (word == kEnd) {
          ::kill(pid, SIGINT);
        } else {
          (void)SayWord(ends.ours.get(), word);
        }
      }
      continue;
    }
    if (polls[2].revents != 0) break;
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

int RunOnNode(const fs::path& job_dir, const std::string& name, const std::string& addresses) {
  ::signal(SIGPIPE, SIG_IGN);
  const auto ended = StartOnNode(job_dir, name, addresses);
  if (ended) return *ended;
  LOG(kError, "a host's runner failed", {"host", name}, {"error", ended.error().message});
  return AppendFailure(job_dir / "hosts" / name, "InternalServerError: " + ended.error().message);
}

}  // namespace clary::runner
