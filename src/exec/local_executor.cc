#include "exec/local_executor.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>

#include "base/mutex.h"
#include "base/strings.h"
#include "exec/internal/launch_dir.h"

namespace clary::exec {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kForgotten = ".forgotten-";
constexpr unsigned kForgetsBetweenSweeps = 1000;

// glibc 2.36 declares pidfd_open without extern "C", so C++ cannot link it.
Fd OpenPidfd(pid_t pid) { return Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

// posix_spawn's attributes and file actions, freed on every way out.
struct SpawnPlan {
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t files;
  SpawnPlan() {
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_init(&files);
  }
  ~SpawnPlan() {
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
};

// A process in a session of its own with nothing of ours but `lock` as kLockFd.
Result<pid_t> Spawn(std::vector<std::string> argv, const std::string& output, int lock) {
  SpawnPlan plan;
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&plan.attributes, &none);
  posix_spawnattr_setsigdefault(&plan.attributes, &all);
  posix_spawnattr_setflags(
      &plan.attributes,
      static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID));
  const char* out = output.empty() ? "/dev/null" : output.c_str();
  posix_spawn_file_actions_addopen(&plan.files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&plan.files, 1, out, O_WRONLY | O_CREAT | O_APPEND, 0644);
  posix_spawn_file_actions_adddup2(&plan.files, 1, 2);
  // If lock == kLockFd, dup2 to itself still clears close-on-exec in posix_spawn.
  posix_spawn_file_actions_adddup2(&plan.files, lock, kLockFd);
  posix_spawn_file_actions_addclosefrom_np(&plan.files, kLockFd + 1);
  std::vector<char*> pointers;
  for (std::string& a : argv) pointers.push_back(a.data());
  pointers.push_back(nullptr);
  char* env[] = {nullptr};
  pid_t pid = 0;
  const int err =
      ::posix_spawn(&pid, argv[0].c_str(), &plan.files, &plan.attributes, pointers.data(), env);
  if (err != 0) return std::unexpected(ErrnoError(err, "starting " + argv[0] + " to " + out));
  return pid;
}

}  // namespace

// Waits for supervisors to end, reaps those that are our children, and calls the wake function.
// Owns one thread.
class LocalExecutor::Watcher {
 public:
  explicit Watcher(Fd event)
      : event_(std::move(event)), thread_([this](std::stop_token stop) { Run(stop); }) {}
  ~Watcher() {
    thread_.request_stop();
    Nudge();
  }
  void Watch(Fd pidfd) {
    {
      MutexLock lock(mu_);
      added_.push_back(std::move(pidfd));
    }
    Nudge();
  }
  void SetWake(std::function<void()> wake) {
    MutexLock lock(mu_);
    wake_ = std::move(wake);
  }

 private:
  void Nudge() {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = ::write(event_.get(), &one, sizeof one);
  }
  void Run(const std::stop_token& stop) {
    std::vector<Fd> watched;
    std::vector<pollfd> polls;
    while (!stop.stop_requested()) {
      {
        MutexLock lock(mu_);
        for (Fd& fd : added_) watched.push_back(std::move(fd));
        added_.clear();
      }
      polls.assign(1, {event_.get(), POLLIN, 0});
      for (const Fd& fd : watched) polls.push_back({fd.get(), POLLIN, 0});
      ::poll(polls.data(), polls.size(), -1);
      uint64_t count = 0;
      [[maybe_unused]] const ssize_t n = ::read(event_.get(), &count, sizeof count);
      const size_t before = watched.size();
      for (size_t i = before; i-- > 0;) {
        if (polls[i + 1].revents == 0) continue;
        siginfo_t info{};
        ::waitid(P_PIDFD, static_cast<id_t>(watched[i].get()), &info, WEXITED | WNOHANG);
        watched.erase(watched.begin() + static_cast<std::ptrdiff_t>(i));
      }
      if (watched.size() == before) continue;
      std::function<void()> wake;
      {
        MutexLock lock(mu_);
        wake = wake_;
      }
      if (wake) wake();
    }
  }

  const Fd event_;
  Mutex mu_;
  std::vector<Fd> added_ GUARDED_BY(mu_);
  std::function<void()> wake_ GUARDED_BY(mu_);
  std::jthread thread_;  // last: joined before what it uses goes
};

LocalExecutor::LocalExecutor(fs::path dir, std::vector<std::string> supervisor,
                             LocalExecutorOptions options)
    : dir_(std::move(dir)), supervisor_(std::move(supervisor)), options_(options) {}
LocalExecutor::~LocalExecutor() = default;

Result<std::unique_ptr<LocalExecutor>> LocalExecutor::Open(fs::path dir,
                                                           std::vector<std::string> supervisor,
                                                           LocalExecutorOptions options) {
  CLARY_CHECK_OK(MakeDirectories(dir, 0700));
  std::error_code ec;
  dir = fs::absolute(dir, ec);
  std::unique_ptr<LocalExecutor> self(new LocalExecutor(dir, std::move(supervisor), options));
  CLARY_TRY(const std::string boot, ReadFile("/proc/sys/kernel/random/boot_id", 256));
  self->boot_id_ = Trim(boot);
  Fd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!event) return std::unexpected(ErrnoError(errno, "eventfd"));
  self->watcher_ = std::make_unique<Watcher>(std::move(event));
  for (const auto& entry : fs::directory_iterator(dir, ec)) {
    const fs::path& path = entry.path();
    if (path.filename().string().starts_with(kForgotten)) continue;
    // A pid is of use only while the lock proves that its process lives: ask after opening it.
    const auto pid = ReadNumber(path / kStartedFile);
    if (!pid) continue;
    Fd pidfd = OpenPidfd(static_cast<pid_t>(*pid));
    const auto alive = IsLocked(path / kLockFile);
    if (pidfd && alive && *alive) self->watcher_->Watch(std::move(pidfd));
  }
  if (ec) return std::unexpected(ErrnoError(ec.value(), "listing " + dir.string()));
  self->SweepForgotten();
  return self;
}

bool LocalExecutor::IsForgotten(const std::string& key) const {
  return options_.remember.count() > 0 &&
         ::access((dir_ / (std::string(kForgotten) + key)).c_str(), F_OK) == 0;
}

// Those that are old enough, and what a Forget that was cut short has left of them.
void LocalExecutor::SweepForgotten() {
  const auto oldest = fs::file_time_type::clock::now() - options_.remember;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(dir_, ec)) {
    if (!entry.path().filename().string().starts_with(kForgotten)) continue;
    const auto when = fs::last_write_time(entry.path(), ec);
    if (!ec && when <= oldest) (void)RemoveTree(entry.path());
  }
}

Status LocalExecutor::Launch(const LaunchSpec& spec) {
  CLARY_CHECK_OK(CheckKey(spec.key));
  if (spec.argv.empty()) return Fail(Code::kInvalidArgument, "NoCommand", "argv is empty");
  const fs::path dir = dir_ / spec.key;
  if (::mkdir(dir.c_str(), 0700) != 0 && errno != EEXIST) {
    return std::unexpected(ErrnoError(errno, "launching " + spec.key));
  }
  CLARY_TRY(const Fd lock, OpenFile(dir / kLockFile, O_RDWR | O_CREAT, 0600));
  CLARY_TRY(const bool mine, TryLock(lock.get()));
  if (!mine) return {};         // running, or being launched by another thread
  if (IsForgotten(spec.key)) {  // asked with the lock: no other launches it now
    (void)RemoveTree(dir);
    return {};
  }
  for (const char* file : {kStartedFile, kExitFile}) {
    if (::access((dir / file).c_str(), F_OK) == 0) return {};  // ran before; Find says how it went
  }
  // An intent of an earlier life of the machine may have run: Find calls it lost.
  if (const auto text = ReadFile(dir / kSpecFile, kMaxSpecBytes)) {
    CLARY_TRY(const StoredSpec stored, SpecFromJson(*text));
    if (stored.boot_id != boot_id_) return {};
  }
  CLARY_CHECK_OK(WriteFileAtomic(dir / kSpecFile, SpecToJson({spec, boot_id_}), 0600));
  auto command = supervisor_;
  command.push_back(dir.string());
  CLARY_TRY(const pid_t pid, Spawn(std::move(command), spec.output, lock.get()));
  // Our copy of the lock closes on return; the supervisor's goes on holding it.
  Fd pidfd = OpenPidfd(pid);
  if (!pidfd) return std::unexpected(ErrnoError(errno, "pidfd_open"));
  watcher_->Watch(std::move(pidfd));
  return {};
}

Result<std::optional<LaunchState>> LocalExecutor::Find(const std::string& key) {
  CLARY_CHECK_OK(CheckKey(key));
  const fs::path dir = dir_ / key;
  if (::access((dir / kSpecFile).c_str(), F_OK) != 0) return std::nullopt;
  const auto exited = [&]() -> std::optional<LaunchState> {
    const auto code = ReadNumber(dir / kExitFile);
    if (!code) return std::nullopt;
    return LaunchState{LaunchPhase::kExited, static_cast<int>(*code)};
  };
  if (auto state = exited()) return state;
  CLARY_TRY(const bool locked, IsLocked(dir / kLockFile));
  if (locked) return LaunchState{LaunchPhase::kRunning};
  // The exit code is written before the lock goes, so look once more.
  if (auto state = exited()) return state;
  if (::access((dir / kStartedFile).c_str(), F_OK) == 0) return LaunchState{LaunchPhase::kLost};
  // The intent is there, and nothing ran: in this life of the machine it may still be launched.
  CLARY_TRY(const std::string text, ReadFile(dir / kSpecFile, kMaxSpecBytes));
  CLARY_TRY(const StoredSpec stored, SpecFromJson(text));
  if (stored.boot_id != boot_id_) return LaunchState{LaunchPhase::kLost};
  return std::nullopt;
}

Status LocalExecutor::Stop(const std::string& key, std::chrono::milliseconds grace) {
  CLARY_TRY(const auto state, Find(key));
  if (!state) return Fail(Code::kNotFound, "NoSuchLaunch", "launch " + key + " is not known");
  if (state->phase != LaunchPhase::kRunning) return {};
  const fs::path file = dir_ / key / kStopFile;
  const int64_t deadline = BootMillis() + grace.count();
  const auto earlier = ReadNumber(file);
  if (earlier && *earlier <= deadline) return {};
  return WriteNumber(file, deadline);
}

Status LocalExecutor::Forget(const std::string& key) {
  CLARY_TRY(const auto state, Find(key));
  if (state && state->phase == LaunchPhase::kRunning) {
    return Fail(Code::kFailedPrecondition, "Running", "launch " + key + " is still running");
  }
  // In one step out of sight, so that a crash never leaves half a launch under its key.
  const fs::path trash = dir_ / (std::string(kForgotten) + key);
  if (::access((dir_ / key).c_str(), F_OK) != 0 && errno == ENOENT) return {};
  CLARY_CHECK_OK(RemoveTree(trash));
  if (::rename((dir_ / key).c_str(), trash.c_str()) != 0) {
    if (errno == ENOENT) return {};
    return std::unexpected(ErrnoError(errno, "forgetting launch " + key));
  }
  if (options_.remember.count() == 0) return RemoveTree(trash);
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(trash, ec)) ::unlink(entry.path().c_str());
  if (forgets_++ % kForgetsBetweenSweeps == kForgetsBetweenSweeps - 1) SweepForgotten();
  return {};
}

void LocalExecutor::OnExit(std::function<void()> wake) { watcher_->SetWake(std::move(wake)); }

}  // namespace clary::exec
