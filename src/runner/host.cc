#include "runner/host.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <string>
#include <utility>

#include "exec/allocation.h"

namespace clary::runner {
namespace fs = std::filesystem;

Result<EventFile> EventFile::Open(const fs::path& path, Clock& clock) {
  CLARY_TRY(Fd fd, OpenFile(path, O_RDWR | O_CREAT | O_APPEND));
  return EventFile(std::move(fd), clock);
}

Status EventFile::Append(api::JobEvent event) {
  event.time_ms = ToMillis(clock_->Now());
  return WriteAll(fd_.get(), event.ToJsonLine());
}

int AppendFailure(const fs::path& directory, std::string detail) {
  if (auto events = EventFile::Open(directory / "events.jsonl", Clock::System())) {
    (void)events->Append(
        {.kind = api::JobEvent::Kind::kEnd, .detail = std::move(detail), .exit_code = 1});
  }
  return 1;
}

Result<StopSignal> StopSignal::Make() {
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGTERM);
  sigaddset(&mask, SIGINT);
  ::sigprocmask(SIG_BLOCK, &mask, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  Fd fd(::signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return std::unexpected(ErrnoError(errno, "signalfd"));
  return StopSignal(std::move(fd));
}

bool StopSignal::Requested() {
  signalfd_siginfo info{};
  while (::read(fd_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
    // The launch is lost, and its end must not be told as one of the program's.
    if (info.ssi_signo == SIGTERM && exec::TakenByCluster()) ::kill(::getpid(), SIGKILL);
    requested_ = true;
  }
  return requested_;
}

void StopSignal::AwaitCluster() {
  constexpr int kLateSignalMs = 200;
  if (exec::AllocatedCores() == 0) return;
  pollfd late{fd_.get(), POLLIN, 0};
  if (::poll(&late, 1, kLateSignalMs) > 0) Requested();
}

Cores ClaimCores(const fs::path& dir, int wanted) {
  Cores out;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (exec::AllocatedCores() > 0) return out;  // the cluster has done that
  if (wanted <= 0 || ::sched_getaffinity(0, sizeof set, &set) != 0) return out;
  if (wanted >= CPU_COUNT(&set) || !MakeDirectories(dir)) return out;
  for (int core = 0; core < CPU_SETSIZE && std::ssize(out.cores) < wanted; ++core) {
    if (!CPU_ISSET(static_cast<size_t>(core), &set)) continue;
    auto fd = OpenFile(dir / std::to_string(core), O_RDWR | O_CREAT, 0600);
    if (!fd || ::flock(fd->get(), LOCK_EX | LOCK_NB) != 0) continue;
    out.cores.push_back(core);
    out.locks.push_back(std::move(*fd));
  }
  if (std::ssize(out.cores) < wanted) return {};
  return out;
}

std::vector<int> MachineCores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> out;
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return out;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(static_cast<size_t>(core), &set)) out.push_back(core);
  }
  return out;
}

int UsableCores(int wanted) {
  cpu_set_t set;
  CPU_ZERO(&set);
  const int here = ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  return wanted > 0 ? std::min(wanted, here) : here;
}

}  // namespace clary::runner
