#include "toolkit/internal/tool.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>

#include "base/file.h"

namespace clary::toolkit {
namespace {

constexpr size_t kMaxOutput = 4 << 20;
constexpr int kPollMs = 200;
constexpr int kGracePolls = 15;  // of kPollMs, between SIGTERM and SIGKILL

}  // namespace

Result<ToolOutcome> RunTool(const std::vector<std::string>& argv,
                            const std::vector<std::string>& env, int output,
                            const std::stop_token& stop) {
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
  ToolOutcome out;
  int status = 0;
  int asked = 0;
  for (;;) {
    pollfd polls[] = {{read_end.get(), POLLIN, 0}, {ended.get(), POLLIN, 0}};
    // The pipe has nothing to tell when the output goes elsewhere.
    ::poll(output < 0 ? polls : polls + 1, output < 0 ? 2 : 1, kPollMs);
    if (output < 0 && polls[0].revents != 0) {
      char buffer[4096];
      const ssize_t n = ::read(read_end.get(), buffer, sizeof buffer);
      if (n > 0 && out.output.size() < kMaxOutput)
        out.output.append(buffer, static_cast<size_t>(n));
      if (n > 0) continue;
    }
    const pid_t done = ::waitpid(pid, &status, WNOHANG);
    if (done == pid) break;
    if (!stop.stop_requested()) continue;
    if (asked == 0) ::kill(-pid, SIGTERM);
    if (++asked == kGracePolls) ::kill(-pid, SIGKILL);
  }
  ::kill(-pid, SIGKILL);  // what it left behind
  if (stop.stop_requested()) return Fail(Code::kCancelled, "Stopped", "stopped");
  out.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return out;
}

std::vector<std::string> ToolEnvironment() {
  std::vector<std::string> out;
  for (char** v = environ; *v != nullptr; ++v) {
    const std::string_view text(*v);
    if (text.starts_with("PYTHON") || text.starts_with("VIRTUAL_ENV=") ||
        text.starts_with("PIP_REQUIRE_VIRTUALENV=") || text.starts_with("PIP_TARGET=") ||
        text.starts_with("PIP_USER=") || text.starts_with("PIP_PREFIX=")) {
      continue;
    }
    out.emplace_back(text);
  }
  out.emplace_back("PIP_DISABLE_PIP_VERSION_CHECK=1");
  return out;
}

Scaffold::~Scaffold() {
  if (!kept_) (void)RemoveTree(dir_);
}

}  // namespace clary::toolkit
