#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <optional>

#include "base/strings.h"
#include "exec/internal/launch_dir.h"
#include "exec/local_executor.h"

namespace clary::exec {
namespace fs = std::filesystem;
namespace {

// Standard error is the launch's output file.
void Say(const std::string& text) {
  const std::string line = "clary supervise: " + text + "\n";
  [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, line.data(), line.size());
}

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> out;
  out.reserve(strings.size() + 1);
  for (const std::string& s : strings) out.push_back(const_cast<char*>(s.c_str()));
  out.push_back(nullptr);
  return out;
}

// In the child: becomes the command, or ends with 127 (not found) or 126 as a shell does.
[[noreturn]] void Become(const LaunchSpec& spec, pid_t supervisor) {
  ::setsid();
  // The command must not outlive its supervisor: without one its exit code would be lost.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != supervisor) ::_exit(126);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::chdir(spec.directory.c_str()) != 0) {
    Say("cannot enter " + spec.directory + ": " + std::strerror(errno));
    ::_exit(126);
  }
  auto argv = Pointers(spec.argv);
  auto env = Pointers(spec.env);
  ::execve(argv[0], argv.data(), env.data());
  const int err = errno;
  Say("cannot run " + spec.argv[0] + ": " + std::strerror(err));
  ::_exit(err == ENOENT ? 127 : 126);
}

// The pids that are children of this process now (orphans of the command become ours).
std::vector<pid_t> Children() {
  std::vector<pid_t> out;
  const auto text = ReadFile("/proc/thread-self/children", 1 << 20);
  if (!text) return out;
  for (const std::string_view part : Split(Trim(*text), ' ')) {
    if (const auto pid = ParseInt(part)) out.push_back(static_cast<pid_t>(*pid));
  }
  return out;
}

int ExitCode(int wait_status) {
  return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

// On Slurm: how often DIR/stop is looked for, which another machine writes.
constexpr int kStopLook = 500;    // ms
constexpr int kLateSignal = 100;  // ms

struct Watched {
  int signals = -1;
  int directory = -1;     // inotify; -1: what another machine writes is seen by nobody
  bool on_slurm = false;  // DIR/stop holds the grace in ms, from when it is seen
};

// Waits for `command`, obeying DIR/stop. Returns its exit code; nullopt: Slurm has ended it.
std::optional<int> Supervise(const fs::path& dir, pid_t command, const Watched& watched) {
  bool told = false;
  bool killed = false;
  bool taken = false;
  std::optional<int64_t> deadline;
  std::optional<int64_t> grace;
  std::optional<int> code;
  while (!code) {
    auto stop = ReadNumber(dir / kStopFile);
    if (stop && watched.on_slurm) {
      const bool shorter = !grace || *stop < *grace;
      grace = *stop;
      stop = shorter ? std::optional(BootMillis() + *stop) : std::nullopt;
    }
    if (stop) deadline = deadline ? std::min(*deadline, *stop) : *stop;
    if (deadline && !told) {
      ::kill(command, SIGTERM);
      told = true;
    }
    int timeout = watched.on_slurm ? kStopLook : -1;
    if (deadline && !killed) {
      const int64_t left = *deadline - BootMillis();
      if (left <= 0) {
        ::kill(-command, SIGKILL);
        ::kill(command, SIGKILL);
        killed = true;
      } else {
        timeout = static_cast<int>(std::min<int64_t>(left, timeout < 0 ? INT_MAX : timeout));
      }
    }
    pollfd polls[] = {{watched.signals, POLLIN, 0}, {watched.directory, POLLIN, 0}};
    ::poll(polls, 2, timeout);
    char sink[4096];
    while (watched.directory >= 0 && ::read(watched.directory, sink, sizeof sink) > 0) continue;
    signalfd_siginfo info{};
    while (::read(watched.signals, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      if (info.ssi_signo != SIGTERM) continue;
      if (watched.on_slurm && !deadline) {
        // A limit, a preemption, a lost node: Slurm knows why, and the command must not take it for
        // a stop of ours and tell of an end of its own.
        taken = true;
        ::kill(-command, SIGKILL);
        ::kill(command, SIGKILL);
      } else {
        // A shutdown of the machine reaches every process: pass it on.
        ::kill(command, SIGTERM);
      }
    }
    int status = 0;
    for (pid_t pid; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      if (pid == command) code = ExitCode(status);
    }
  }
  // Nothing that the command started may go on after it.
  ::kill(-command, SIGKILL);
  for (auto left = Children(); !left.empty(); left = Children()) {
    for (const pid_t pid : left) ::kill(pid, SIGKILL);
    ::waitpid(-1, nullptr, 0);
  }
  if (watched.on_slurm && !deadline && !taken) {
    // Slurm signals all processes one by one: the command may have been the first.
    pollfd late{watched.signals, POLLIN, 0};
    signalfd_siginfo info{};
    while (!taken && ::poll(&late, 1, kLateSignal) > 0 &&
           ::read(watched.signals, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      taken = info.ssi_signo == SIGTERM;
    }
  }
  if (taken) return std::nullopt;
  return code;
}

// This launch, for this process alone: the lock that the executor has passed on, already taken.
Status ClaimLock() {
  // Taking it again says whether it is there.
  if (::fcntl(kLockFd, F_SETFD, FD_CLOEXEC) != 0) {
    return Fail(Code::kFailedPrecondition, "NoLock",
                "this command is started by the service, not by hand");
  }
  CLARY_TRY(const bool locked, TryLock(kLockFd));
  if (!locked) return Fail(Code::kFailedPrecondition, "NoLock", "another supervisor runs it");
  return {};
}

// On Slurm: `started` is made by one of those that any node starts for it.
Status ClaimByFile(const fs::path& dir) {
  const int fd =
      ::open((dir / kStartedFile).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return std::unexpected(ErrnoError(errno, "claiming the launch " + dir.string()));
  const Fd file(fd);
  return WriteAll(file.get(), std::to_string(::getpid()) + "\n");
}

// What exec/allocation.h reads: Slurm's own variables, and where a stop is seen.
void AddSlurmVariables(const fs::path& dir, std::vector<std::string>& env) {
  env.push_back(std::string(kStopVariable) + "=" + (dir / kStopFile).string());
  for (char** one = environ; *one != nullptr; ++one) {
    if (std::string_view(*one).starts_with("SLURM")) env.emplace_back(*one);
  }
}

Status Run(const fs::path& dir) {
  ::close_range(kLockFd + 1, UINT_MAX, 0);
  CLARY_TRY(const std::string text, ReadFile(dir / kSpecFile, kMaxSpecBytes));
  CLARY_TRY(StoredSpec stored, SpecFromJson(text));
  const bool on_slurm = stored.boot_id == kOnSlurm;
  if (!on_slurm) CLARY_CHECK_OK(ClaimLock());
  if (::access((dir / kStartedFile).c_str(), F_OK) == 0) {
    return Fail(Code::kFailedPrecondition, "Started", "this launch has been started before");
  }
  if (on_slurm) {
    ::close(kLockFd);
    CLARY_CHECK_OK(ClaimByFile(dir));
    if (::access((dir / kStopFile).c_str(), F_OK) == 0) {
      return WriteNumber(dir / kExitFile, 128 + SIGTERM);
    }
    AddSlurmVariables(dir, stored.spec.env);
  }

  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  sigset_t mask;
  sigemptyset(&mask);
  for (const int s : {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGPIPE}) sigaddset(&mask, s);
  ::sigprocmask(SIG_BLOCK, &mask, nullptr);
  const Fd signals(::signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK));
  const Fd watch(on_slurm ? -1 : ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!signals || (!watch && !on_slurm)) {
    return std::unexpected(ErrnoError(errno, "signalfd or inotify"));
  }
  if (!on_slurm && ::inotify_add_watch(watch.get(), dir.c_str(), IN_MOVED_TO) < 0) {
    return std::unexpected(ErrnoError(errno, "watching " + dir.string()));
  }

  const pid_t self = ::getpid();
  if (!on_slurm) CLARY_CHECK_OK(WriteNumber(dir / kStartedFile, self));
  const pid_t command = ::fork();
  if (command < 0) {
    const Error error = ErrnoError(errno, "fork");
    CLARY_CHECK_OK(WriteNumber(dir / kExitFile, 126));
    return std::unexpected(error);
  }
  if (command == 0) Become(stored.spec, self);
  const auto code = Supervise(dir, command, {signals.get(), watch.get(), on_slurm});
  if (!code) return Fail(Code::kUnavailable, "Taken", "Slurm has ended this launch");
  return WriteNumber(dir / kExitFile, *code);
}

}  // namespace

int RunSupervisor(const fs::path& dir) {
  const Status done = Run(dir);
  if (done) return 0;
  Say(done.error().message);
  return 1;
}

}  // namespace clary::exec
