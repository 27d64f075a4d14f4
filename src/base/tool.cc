#include "base/tool.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

#include "base/file.h"

namespace clary {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr size_t kMaxOutput = 4 << 20;
constexpr int kPollMs = 200;
constexpr std::chrono::seconds kGrace{3};  // between SIGTERM and SIGKILL

}  // namespace

Result<ToolOutcome> RunTool(const std::vector<std::string>& argv,
                            const std::vector<std::string>& env, int output,
                            const std::stop_token& stop, std::chrono::milliseconds limit) {
  const auto until = SteadyClock::now() + limit;
  int pipe_fds[2] = {-1, -1};
  if (::pipe2(pipe_fds, O_CLOEXEC) != 0) return std::unexpected(ErrnoError(errno, "pipe"));
  const Fd read_end(pipe_fds[0]);
  Fd write_end(pipe_fds[1]);
  std::vector<std::string> words = argv;
  std::vector<std::string> variables = env;
  std::vector<char*> args;
  std::vector<char*> environment;
  for (std::string& w : words) args.push_back(w.data());
  for (std::string& v : variables) environment.push_back(v.data());
  args.push_back(nullptr);
  environment.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return std::unexpected(ErrnoError(errno, "fork"));
  if (pid == 0) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(126);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    const int null = ::open("/dev/null", O_RDONLY);
    ::dup2(null, 0);
    ::dup2(output < 0 ? write_end.get() : output, 1);
    if (output != kToolOutput) ::dup2(1, 2);
    ::execvpe(args[0], args.data(), environment.data());
    ::_exit(errno == ENOENT ? 127 : 126);
  }
  ::setpgid(pid, pid);
  write_end = Fd();
  const Fd ended(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  ::fcntl(read_end.get(), F_SETFL, O_NONBLOCK);
  ToolOutcome out;
  bool open = output < 0;
  const auto read = [&] {
    char buffer[4096];
    const ssize_t n = ::read(read_end.get(), buffer, sizeof buffer);
    if (n > 0 && out.output.size() < kMaxOutput) out.output.append(buffer, static_cast<size_t>(n));
    open = n > 0 || (n < 0 && errno == EAGAIN);
    return n > 0;
  };
  int status = 0;
  bool timed_out = false;
  std::optional<SteadyClock::time_point> asked;
  for (;;) {
    pollfd polls[] = {{ended.get(), POLLIN, 0}, {read_end.get(), POLLIN, 0}};
    ::poll(polls, open ? 2 : 1, kPollMs);
    if (open && polls[1].revents != 0) read();
    if (::waitpid(pid, &status, WNOHANG) == pid) break;
    timed_out = timed_out || (limit.count() > 0 && SteadyClock::now() > until);
    if (!stop.stop_requested() && !timed_out) continue;
    if (!asked) {
      asked = SteadyClock::now();
      ::kill(-pid, SIGTERM);
    } else if (SteadyClock::now() - *asked > kGrace) {
      ::kill(-pid, SIGKILL);
    }
  }
  ::kill(-pid, SIGKILL);  // what it left behind
  while (open && read()) continue;
  if (stop.stop_requested()) return Fail(Code::kCancelled, "Stopped", "stopped");
  if (timed_out) {
    return Fail(Code::kDeadlineExceeded, "Timeout",
                argv[0] + " did not end within " + std::to_string(limit.count() / 1000) + " s");
  }
  out.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return out;
}

std::vector<std::string> OwnEnvironment() {
  std::vector<std::string> out;
  for (char** v = environ; *v != nullptr; ++v) out.emplace_back(*v);
  return out;
}

}  // namespace clary
