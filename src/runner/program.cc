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

#include "base/message_socket.h"
#include "base/strings.h"
#include "net/forwarder.h"
#include "runner/internal/sandbox.h"

namespace clary::runner {
namespace fs = std::filesystem;
namespace {

constexpr char kSelf[] = "/proc/self/exe";      // also when an upgrade has replaced the file
constexpr char kInside[] = "/run/clary/clary";  // this executable as the sandbox shows it
constexpr rlim_t kMaxFiles = 65536;
constexpr rlim_t kMaxProcesses = 8192;  // against fork bombs, far above honest use

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

// What bubblewrap reads goes through memory: its arguments (--args), so that the environment of the
// job never becomes that of bwrap (LD_PRELOAD) and is not on a command line that others can read.
Result<Fd> MemoryFile(const std::string& text) {
  Fd fd(::memfd_create("clary", MFD_CLOEXEC));
  if (!fd) return std::unexpected(ErrnoError(errno, "memfd"));
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

// The processes that `pid` has started, and those that they have; in a sandbox, whose init takes
// over every orphan, all there are.
std::vector<pid_t> DescendantsOf(pid_t pid) {
  std::vector<pid_t> out = {pid};
  for (size_t i = 0; i < out.size(); ++i) {
    const std::string tasks = "/proc/" + std::to_string(out[i]) + "/task";
    std::error_code ec;
    for (fs::directory_iterator it(tasks, ec); !ec && it != fs::directory_iterator();
         it.increment(ec)) {
      const auto text = ReadFile(it->path() / "children", 1 << 20);
      if (!text) continue;
      for (const std::string_view part : Split(Trim(*text), ' ')) {
        if (const auto child = ParseInt(part)) out.push_back(static_cast<pid_t>(*child));
      }
    }
  }
  out.erase(out.begin());
  return out;
}

// Forks the process that carries connections from our socket to the program, whose network this
// process has already. It dies with the program.
bool StartRelay(const Served& served) {
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid != 0) return pid > 0;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  // It keeps nothing else open, the program's output least of all.
  const int null = ::open("/dev/null", O_RDWR);
  for (const int fd : {0, 1, 2, 3}) ::dup2(fd < 3 ? null : served.listener, fd);
  ::close_range(4, ~0U, 0);
  std::vector<net::Forwarder::Route> routes;
  routes.push_back({Fd(3), "127.0.0.1", std::to_string(served.port)});
  const auto forwarder = net::Forwarder::Start(std::move(routes));
  while (forwarder) ::pause();
  ::_exit(1);
}

// What the child of Program::Start tells before it becomes the program: a text if something went
// wrong, else "+" and its listening sockets.
Result<std::vector<Fd>> Hear(int socket, size_t count) {
  auto message = ReceiveMessage(socket);
  if (message && message->text == "+" && message->fds.size() == count) {
    return std::move(message->fds);
  }
  return Fail(Code::kFailedPrecondition, "NoNamespaces",
              message && message->text.size() > 1
                  ? message->text
                  : std::string("the job's namespaces could not be made"));
}

}  // namespace

SandboxProbe SandboxProbe::Start(Network network) {
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
    const ProgramSpec spec{.network = network};
    Prepare(parent, pipe->write.get(), spec);
    if (HasNamespaces(spec)) {
      if (const auto entered = EnterNamespaces(spec); !entered) {
        (void)WriteAll(2, entered.error().message);
        ::_exit(1);
      }
    }
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
  std::error_code ec;
  const std::string self_path = fs::read_symlink(kSelf, ec).string();
  CLARY_TRY(Pipe output, MakePipe());
  CLARY_TRY(Pipe info, MakePipe());
  std::vector<Fd> read_by_bwrap;
  std::vector<std::string> argv;
  std::vector<std::string> env;
  const char* executable = kBwrap;
  if (spec.sandbox) {
    std::vector<std::string> inside = SandboxArguments(spec.network, spec.root, spec.host);
    const auto add = [&](std::initializer_list<std::string> what) {
      inside.insert(inside.end(), what);
    };
    const std::string work = spec.work.string();
    for (const PrivateFile& file : PrivateFiles(spec)) {
      CLARY_TRY(Fd content, MemoryFile(file.text));
      add({"--perms", "0644", "--file", std::to_string(content.get()), file.path});
      read_by_bwrap.push_back(std::move(content));
    }
    add({"--bind", work, "/opt/ml"});
    if (spec.input_read_only) add({"--ro-bind", work + "/input", "/opt/ml/input"});
    add({"--bind", spec.temp.string(), "/tmp"});
    if (!spec.home.empty()) add({"--bind", spec.home.string(), "/root"});
    if (ours && !IsSelf(self_path)) {
      CLARY_TRY(Fd self, OpenFile(kSelf, O_RDONLY));
      add({"--perms", "0755", "--ro-bind-data", std::to_string(self.get()), kInside});
      read_by_bwrap.push_back(std::move(self));
    } else if (ours) {
      add({"--ro-bind", self_path, kInside});
    }
    for (const Shown& shown : spec.shown) {
      add({shown.writable ? "--bind-try" : "--ro-bind-try", shown.from.string(),
           shown.to.string()});
    }
    add({"--chdir", spec.directory, "--clearenv"});
    for (const std::string& e : spec.env) {
      const size_t equals = e.find('=');
      add({"--setenv", e.substr(0, equals), e.substr(equals + 1)});
    }
    std::string text;
    for (const std::string& argument : inside) text.append(argument).push_back('\0');
    CLARY_TRY(Fd arguments, MemoryFile(text));
    argv = {"bwrap",
            "--args",
            std::to_string(arguments.get()),
            "--info-fd",
            std::to_string(info.write.get()),
            "--"};
    read_by_bwrap.push_back(std::move(arguments));
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

  const bool namespaces = spec.sandbox && HasNamespaces(spec);
  MessagePair ends;
  if (namespaces) {
    CLARY_TRY(ends, MakeMessagePair());
  }

  Program program;
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return std::unexpected(ErrnoError(errno, "fork"));
  if (pid == 0) {
    Prepare(parent, output.write.get(), spec);
    if (namespaces) {
      const auto entered = EnterNamespaces(spec);
      if (!entered) {
        (void)SendMessage(ends.theirs.get(), entered.error().message);
        ::_exit(126);
      }
      if (spec.served && !StartRelay(*spec.served)) {
        (void)SendMessage(ends.theirs.get(), "the program cannot be served: fork failed");
        ::_exit(126);
      }
      (void)SendMessage(ends.theirs.get(), "+", *entered);
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // other credentials may have undone it
    }
    for (const int fd : spec.inherited) ::fcntl(fd, F_SETFD, 0);
    if (spec.sandbox) {
      for (const Fd& fd : read_by_bwrap) ::fcntl(fd.get(), F_SETFD, 0);
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
  if (namespaces) {
    ends.theirs = Fd();
    auto heard = Hear(ends.ours.get(), spec.reach.size());
    if (!heard) {
      program.Kill();
      ::waitpid(pid, nullptr, 0);
      return std::unexpected(std::move(heard).error());
    }
    program.listeners_ = *std::move(heard);
  }
  ::fcntl(output.read.get(), F_SETFL, O_NONBLOCK);
  ::fcntl(info.read.get(), F_SETFL, O_NONBLOCK);
  program.output_ = std::move(output.read);
  program.info_ = std::move(info.read);
  return program;
}

bool Program::Terminate() {
  if (!sandbox_) return ::kill(-pid_, SIGTERM) == 0;
  char buffer[256];
  ssize_t n = 0;
  while ((n = ::read(info_.get(), buffer, sizeof buffer)) > 0) {
    info_text_.append(buffer, static_cast<size_t>(n));
  }
  // {"child-pid": 123, ...}: the sandbox's own init, as pid 1 immune to SIGTERM; the program
  // is what it has started.
  constexpr std::string_view kKey = "\"child-pid\":";
  const size_t at = info_text_.find(kKey);
  if (at == std::string::npos || info_text_.find('}', at) == std::string::npos) return false;
  const size_t begin = at + kKey.size();
  const auto init = ParseInt(Trim(
      std::string_view(info_text_).substr(begin, info_text_.find_first_of(",}", begin) - begin)));
  if (!init) return false;
  const auto all = DescendantsOf(static_cast<pid_t>(*init));
  for (const pid_t pid : all) ::kill(pid, SIGTERM);
  return !all.empty();
}

size_t Program::CountTasks() const {
  size_t count = 0;
  auto all = DescendantsOf(pid_);
  all.push_back(pid_);
  for (const pid_t pid : all) {
    std::error_code ec;
    const fs::directory_iterator tasks("/proc/" + std::to_string(pid) + "/task", ec);
    if (!ec) count += static_cast<size_t>(std::distance(begin(tasks), end(tasks)));
  }
  return count;
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
