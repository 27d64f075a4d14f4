#include "runner/program.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>

#include "base/strings.h"

namespace clary::runner {
namespace fs = std::filesystem;
namespace {

constexpr char kBwrap[] = "/usr/bin/bwrap";
constexpr char kSelf[] = "/proc/self/exe";      // also when an upgrade has replaced the file
constexpr char kInside[] = "/run/clary/clary";  // this executable as the sandbox shows it
constexpr rlim_t kMaxFiles = 65536;
constexpr rlim_t kMaxProcesses = 16384;  // against fork bombs, far above honest use

// What of the host a program may see, read-only. Nothing of /home, /root, /var or our own state,
// and of /etc only what the C library, TLS and Python read.
constexpr const char* kShown[] = {"/usr",
                                  "/etc/ld.so.cache",
                                  "/etc/alternatives",
                                  "/etc/ssl",
                                  "/etc/ca-certificates",
                                  "/etc/hosts",
                                  "/etc/resolv.conf",
                                  "/etc/nsswitch.conf",
                                  "/etc/localtime",
                                  "/etc/mime.types"};
constexpr const char* kRoots[] = {"/bin", "/sbin", "/lib", "/lib32", "/lib64"};

std::vector<std::string> SandboxArguments(bool network) {
  std::vector<std::string> out = {"--unshare-user",
                                  "--unshare-pid",
                                  "--unshare-ipc",
                                  "--unshare-uts",
                                  "--hostname",
                                  "algo-1",
                                  "--unshare-cgroup-try",
                                  "--die-with-parent",
                                  "--new-session",
                                  "--cap-drop",
                                  "ALL"};
  if (!network) out.push_back("--unshare-net");
  for (const char* path : kShown) out.insert(out.end(), {"--ro-bind-try", path, path});
  for (const char* root : kRoots) {
    std::error_code ec;
    if (fs::is_symlink(root, ec)) {
      out.insert(out.end(), {"--symlink", fs::read_symlink(root, ec).string(), root});
    } else {
      out.insert(out.end(), {"--ro-bind-try", root, root});
    }
  }
  out.insert(out.end(), {"--proc", "/proc", "--dev", "/dev"});
  return out;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (std::string& s : strings) out.push_back(s.data());
  out.push_back(nullptr);
  return out;
}

struct Pipe {
  Fd read;
  Fd write;
};
Result<Pipe> MakePipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return std::unexpected(ErrnoError(errno, "pipe"));
  return Pipe{Fd(fds[0]), Fd(fds[1])};
}

void Limit(int what, rlim_t value) {
  rlimit now{};
  if (::getrlimit(static_cast<__rlimit_resource_t>(what), &now) != 0) return;
  value = std::min(value, now.rlim_max);
  const rlimit next{value, value};
  ::setrlimit(static_cast<__rlimit_resource_t>(what), &next);
}

// In the child, before exec: a clean process with limits, which dies with its parent.
void Prepare(pid_t parent, int output, const ProgramSpec& spec) {
  ::setsid();
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(126);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int s : {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGCHLD}) ::signal(s, SIG_DFL);
  const int null = ::open("/dev/null", O_RDONLY);
  ::dup2(null, 0);
  ::dup2(output, 1);
  ::dup2(output, 2);
  Limit(RLIMIT_CORE, 0);
  Limit(RLIMIT_NOFILE, kMaxFiles);
  Limit(RLIMIT_NPROC, kMaxProcesses);
  // Not the address space: allocators and runtimes reserve far more of it than they use.
  if (spec.memory_bytes > 0) Limit(RLIMIT_DATA, spec.memory_bytes);
  if (!spec.cores.empty()) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const int core : spec.cores) CPU_SET(static_cast<size_t>(core), &set);
    ::sched_setaffinity(0, sizeof set, &set);
  }
}

[[noreturn]] void FailExec(const char* path) {
  const int err = errno;
  const std::string text = std::string("cannot run ") + path + ": " + std::strerror(err) + "\n";
  [[maybe_unused]] const ssize_t n = ::write(2, text.data(), text.size());
  ::_exit(err == ENOENT ? 127 : 126);
}

// A file in memory with NUL-terminated arguments for bwrap's --args, so that the environment of the
// job never becomes that of bwrap (LD_PRELOAD) and is not on a command line that others can read.
Result<Fd> ArgumentFile(const std::vector<std::string>& arguments) {
  Fd fd(::memfd_create("args", MFD_CLOEXEC));
  if (!fd) return std::unexpected(ErrnoError(errno, "memfd"));
  std::string text;
  for (const std::string& a : arguments) text.append(a).push_back('\0');
  CLARY_CHECK_OK(WriteAll(fd.get(), text));
  if (::lseek(fd.get(), 0, SEEK_SET) != 0) return std::unexpected(ErrnoError(errno, "lseek"));
  return fd;
}

// Whether `path` still is this executable, or an upgrade has put another there.
bool IsSelf(const std::string& path) {
  struct stat here{};
  struct stat self{};
  return ::stat(path.c_str(), &here) == 0 && ::stat(kSelf, &self) == 0 &&
         here.st_dev == self.st_dev && here.st_ino == self.st_ino;
}

std::vector<pid_t> ChildrenOf(pid_t pid) {
  std::vector<pid_t> out;
  const std::string p = std::to_string(pid);
  const auto text = ReadFile("/proc/" + p + "/task/" + p + "/children", 1 << 16);
  if (!text) return out;
  for (const std::string_view part : Split(Trim(*text), ' ')) {
    if (const auto child = ParseInt(part)) out.push_back(static_cast<pid_t>(*child));
  }
  return out;
}

}  // namespace

SandboxProbe SandboxProbe::Start(bool network) {
  SandboxProbe probe;
  if (::access(kBwrap, X_OK) != 0) {
    probe.failure_ = "bubblewrap (bwrap) is not installed";
    return probe;
  }
  auto pipe = MakePipe();
  if (!pipe) {
    probe.failure_ = pipe.error().message;
    return probe;
  }
  std::vector<std::string> argv = SandboxArguments(network);
  argv.insert(argv.begin(), kBwrap);
  argv.push_back("/usr/bin/true");
  auto pointers = Pointers(argv);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) {
    probe.failure_ = "cannot fork";
    return probe;
  }
  if (pid == 0) {
    Prepare(parent, pipe->write.get(), {});
    char* env[] = {nullptr};
    ::execve(kBwrap, pointers.data(), env);
    FailExec(kBwrap);
  }
  probe.pid_ = pid;
  probe.output_ = std::move(pipe->read);
  return probe;
}

std::string SandboxProbe::Wait() {
  if (pid_ < 0) return failure_;
  std::string said;
  char buffer[1024];
  ssize_t n = 0;
  while ((n = ::read(output_.get(), buffer, sizeof buffer)) > 0 || (n < 0 && errno == EINTR)) {
    if (n > 0 && said.size() < 1024) said.append(buffer, static_cast<size_t>(n));
  }
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
  pid_ = -1;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  failure_ = said.empty() ? "bubblewrap failed" : std::string(Trim(said));
  return failure_;
}

Result<Program> Program::Start(const ProgramSpec& spec) {
  const bool ours = spec.argv[0] == "clary";
  Fd self;  // where bubblewrap takes this executable from; none: from its path
  std::error_code ec;
  const std::string self_path = fs::read_symlink(kSelf, ec).string();
  if (ours && spec.sandbox && !IsSelf(self_path)) {
    CLARY_TRY(self, OpenFile(kSelf, O_RDONLY));
  }
  CLARY_TRY(Pipe output, MakePipe());
  CLARY_TRY(Pipe info, MakePipe());
  Fd arguments;
  std::vector<std::string> argv;
  std::vector<std::string> env;
  const char* executable = kBwrap;
  if (spec.sandbox) {
    std::vector<std::string> inside = SandboxArguments(spec.network);
    const std::string work = spec.work.string();
    inside.insert(inside.end(),
                  {"--bind", work, "/opt/ml", "--ro-bind", work + "/input", "/opt/ml/input",
                   "--bind", spec.temp.string(), "/tmp", "--chdir", "/opt/ml", "--clearenv"});
    if (self) {
      inside.insert(inside.end(),
                    {"--perms", "0755", "--ro-bind-data", std::to_string(self.get()), kInside});
    } else if (ours) {
      inside.insert(inside.end(), {"--ro-bind", self_path, kInside});
    }
    for (const std::string& path : spec.shown) {
      inside.insert(inside.end(), {"--ro-bind-try", path, path});
    }
    for (const std::string& e : spec.env) {
      const size_t equals = e.find('=');
      inside.insert(inside.end(), {"--setenv", e.substr(0, equals), e.substr(equals + 1)});
    }
    CLARY_TRY(arguments, ArgumentFile(inside));
    argv = {"bwrap",
            "--args",
            std::to_string(arguments.get()),
            "--info-fd",
            std::to_string(info.write.get()),
            "--"};
    argv.insert(argv.end(), spec.argv.begin(), spec.argv.end());
    if (ours) argv[6] = kInside;
  } else {
    argv = spec.argv;
    env = spec.env;
    if (ours) argv[0] = self_path;
    executable = ours ? kSelf : argv[0].c_str();
  }
  auto argv_pointers = Pointers(argv);
  auto env_pointers = Pointers(env);

  Program program;
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return std::unexpected(ErrnoError(errno, "fork"));
  if (pid == 0) {
    Prepare(parent, output.write.get(), spec);
    if (spec.sandbox) {
      ::fcntl(arguments.get(), F_SETFD, 0);
      if (self) ::fcntl(self.get(), F_SETFD, 0);
      ::fcntl(info.write.get(), F_SETFD, 0);
    } else if (::chdir(spec.work.c_str()) != 0) {
      FailExec(spec.work.c_str());
    }
    ::execve(executable, argv_pointers.data(), env_pointers.data());
    FailExec(executable);
  }
  program.pid_ = pid;
  program.sandbox_ = spec.sandbox;
  program.pidfd_ = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!program.pidfd_) {
    const Error error = ErrnoError(errno, "pidfd_open");
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return std::unexpected(error);
  }
  ::fcntl(output.read.get(), F_SETFL, O_NONBLOCK);
  ::fcntl(info.read.get(), F_SETFL, O_NONBLOCK);
  program.output_ = std::move(output.read);
  program.info_ = std::move(info.read);
  return program;
}

bool Program::Terminate() {
  if (!sandbox_) return ::kill(pid_, SIGTERM) == 0;
  char buffer[256];
  ssize_t n = 0;
  while ((n = ::read(info_.get(), buffer, sizeof buffer)) > 0) {
    info_text_.append(buffer, static_cast<size_t>(n));
  }
  // {"child-pid": 123, ...}: the sandbox's own init, as pid 1 immune to SIGTERM; its first child is
  // the program.
  constexpr std::string_view kKey = "\"child-pid\":";
  const size_t at = info_text_.find(kKey);
  if (at == std::string::npos || info_text_.find('}', at) == std::string::npos) return false;
  const size_t begin = at + kKey.size();
  const auto init = ParseInt(Trim(
      std::string_view(info_text_).substr(begin, info_text_.find_first_of(",}", begin) - begin)));
  if (!init) return false;
  const auto children = ChildrenOf(static_cast<pid_t>(*init));
  return !children.empty() && ::kill(children.front(), SIGTERM) == 0;
}

void Program::Kill() {
  // The sandbox's init dies with bubblewrap, and takes the whole pid namespace with it.
  ::kill(-pid_, SIGKILL);
  ::kill(pid_, SIGKILL);
}

std::optional<int> Program::Wait() {
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  ::kill(-pid_, SIGKILL);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace clary::runner
