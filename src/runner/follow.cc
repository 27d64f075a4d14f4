#include "runner/follow.h"

#include <poll.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <optional>

#include "base/file.h"
#include "base/strings.h"
#include "runner/internal/pipes.h"
#include "runner/tree.h"
#include "runner/user_program.h"

namespace clary::runner {
namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
namespace {

constexpr milliseconds kTermRetry(5);
constexpr uint64_t kDiskReserve = 1 << 30;  // left to the service by users' programs
constexpr size_t kTail = 64 << 10;          // of a program's output, where causes are looked for

// What a program prints, on its way to the log.
struct Output {
  LineSplitter splitter;
  std::vector<char> buffer = std::vector<char>(1 << 18);
  std::string tail;
  bool ended = false;

  void Take(std::vector<std::string> lines, JobLog& log) {
    for (const std::string& line : lines) tail.append(line).push_back('\n');
    if (tail.size() > 2 * kTail) tail.erase(0, tail.size() - kTail);
    log.WriteOutput(std::move(lines));
  }
};

// Takes what is in the pipe now to the log; of a program that never pauses, a part.
void Drain(const Program& program, Output& output, JobLog& log) {
  constexpr int kReads = 64;  // then the other things have their turn
  for (int i = 0; i < kReads && !output.ended; ++i) {
    const ssize_t n = ::read(program.output(), output.buffer.data(), output.buffer.size());
    if (n > 0) {
      output.Take(output.splitter.Feed({output.buffer.data(), static_cast<size_t>(n)}), log);
    } else if (n == 0) {
      output.ended = true;
    } else if (errno != EINTR) {
      return;
    }
  }
}

// How many processes of this machine the kernel has killed for want of memory.
int64_t OomKills() {
  const auto text = ReadFile("/proc/vmstat", 1 << 20);
  constexpr std::string_view kName = "\noom_kill ";
  const size_t at = text ? text->find(kName) : std::string::npos;
  if (at == std::string::npos) return 0;
  return ParseInt(text->substr(at + kName.size(), text->find('\n', at + 1) - at - kName.size()))
      .value_or(0);
}

// How much of the disk a user's program leaves to the service, which writes to it too: without
// room, no record and no log. Less where there was not much to begin with.
uint64_t DiskReserve(const fs::path& path) {
  struct statvfs disk{};
  if (::statvfs(path.c_str(), &disk) != 0) return 0;
  constexpr uint64_t kPart = 50;
  constexpr uint64_t kHalf = 2;
  return std::min(
      {kDiskReserve, disk.f_blocks * disk.f_frsize / kPart, disk.f_bavail * disk.f_frsize / kHalf});
}

// Processes and threads of this machine; 0 if nobody tells.
size_t TasksOfMachine() {
  const auto text = ReadFile("/proc/loadavg", 256);
  const size_t slash = text ? text->find('/') : std::string::npos;
  if (slash == std::string::npos) return 0;
  return ParseUint(text->substr(slash + 1, text->find(' ', slash) - slash - 1)).value_or(0);
}

// Counting files takes time, so it is done when the whole disk has lost as much as the program may
// still add: before that it cannot have added it.
class QuotaWatch {
 public:
  QuotaWatch(const DiskQuota& quota, const fs::path& disk)
      : quota_(quota), disk_(disk), free_(FreeDisk(disk)), left_(quota.bytes) {}

  bool Exceeded() {
    const uint64_t now = FreeDisk(disk_);
    free_ = std::max(free_, now);
    if (quota_.bytes == 0 || free_ - now <= left_) return false;
    uint64_t used = 0;
    for (const fs::path& folder : quota_.folders) used += BytesOnDisk(folder);
    if (used > quota_.bytes) return true;
    constexpr uint64_t kPart = 64;  // of the quota, by which it may be exceeded
    free_ = now;
    left_ = std::max(quota_.bytes - used, quota_.bytes / kPart);
    return false;
  }

 private:
  const DiskQuota& quota_;
  const fs::path& disk_;
  uint64_t free_;  // when files were counted last, and what was freed since
  uint64_t left_;  // what the program might add since then
};

}  // namespace

uint64_t FreeDisk(const fs::path& path) {
  struct statvfs disk{};
  return ::statvfs(path.c_str(), &disk) == 0 ? disk.f_bavail * disk.f_frsize : UINT64_MAX;
}

Guard::Guard(const fs::path& disk, bool guard_disk, size_t max_processes)
    : disk_(disk),
      reserve_(guard_disk ? DiskReserve(disk) : 0),
      max_processes_(max_processes),
      tasks_before_(max_processes > 0 ? TasksOfMachine() : 0) {}

Guard::Verdict Guard::Look(const Program& program) const {
  if (reserve_ > 0 && FreeDisk(disk_) < reserve_) return Verdict::kDiskFilled;
  // Counting its own takes time: only when the whole machine has many more than before.
  if (max_processes_ > 0 && TasksOfMachine() > tasks_before_ + max_processes_ / 2 &&
      program.CountTasks() > max_processes_) {
    return Verdict::kTooManyProcesses;
  }
  return Verdict::kFine;
}

Result<Ended> Follow(const ProgramSpec& program_spec, const FollowOptions& options) {
  const int64_t out_of_memory = OomKills();
  const Guard guard(program_spec.work, options.guard_disk, options.max_processes);
  QuotaWatch quota(options.quota, program_spec.work);
  const bool watched = guard.watches() || options.quota.bytes > 0;
  Ended ended;
  CLARY_TRY(Program program, Program::Start(program_spec));
  // After the fork, so that the child was made by a process with one thread.
  CLARY_TRY(const auto forwarder, Forward(program_spec, program, options.contact));
  if (options.pipes != nullptr) options.pipes->Start();
  if (options.started) options.started(program.pid());
  Output output;
  std::optional<int> code;
  std::optional<steady_clock::time_point> deadline;
  const auto begin = steady_clock::now();
  bool told = false;
  bool broken = false;  // a pipe
  while (!code) {
    int timeout = watched ? static_cast<int>(Guard::kLook.count()) : -1;
    const auto now = steady_clock::now();
    if (options.limit.count() > 0 && !deadline) {
      const auto left = std::chrono::ceil<milliseconds>(begin + options.limit - now);
      ended.timed_out = left.count() <= 0;
      timeout =
          static_cast<int>(std::clamp<int64_t>(left.count(), 0, timeout < 0 ? INT_MAX : timeout));
    }
    if (options.stop.Requested() || ended.timed_out) {
      if (!deadline) deadline = now + options.grace;
      if (!told) told = program.Terminate();
      if (now >= *deadline) program.Kill();
      auto wait = std::max(
          std::chrono::duration_cast<milliseconds>(*deadline - now) + milliseconds(1), kTermRetry);
      if (!told) wait = kTermRetry;
      timeout = static_cast<int>(std::min<int64_t>(wait.count(), timeout < 0 ? INT_MAX : timeout));
    }
    pollfd polls[] = {{program.output(), POLLIN, 0},
                      {program.pidfd(), POLLIN, 0},
                      {options.stop.fd(), POLLIN, 0},
                      {options.pipes != nullptr ? options.pipes->failed_fd() : -1, POLLIN, 0}};
    if (output.ended) polls[0].fd = -1;
    if (broken) polls[3].fd = -1;
    ::poll(polls, 4, timeout);
    if (polls[3].revents != 0) {
      program.Kill();  // it would wait for data for ever
      broken = true;
    }
    if (quota.Exceeded()) {
      ended.over_quota = true;
      program.Kill();
    }
    if (const auto verdict = guard.Look(program); verdict != Guard::Verdict::kFine) {
      (verdict == Guard::Verdict::kDiskFilled ? ended.disk_filled : ended.too_many_processes) =
          true;
      program.Kill();
    }
    Drain(program, output, options.log);
    if (polls[1].revents != 0) code = program.Wait();
  }
  // What the program wrote just before its end. Whoever may still hold the pipe is dead, or, in a
  // plain process that left its group, not worth waiting for.
  Drain(program, output, options.log);
  output.Take(output.splitter.Finish(), options.log);
  if (options.pipes != nullptr) options.pipes->Stop();
  constexpr int kKilled = 128 + SIGKILL;
  ended.exit_code = *code;
  ended.stopped = deadline.has_value() && !ended.timed_out;
  ended.out_of_memory = *code == kKilled && !deadline && OomKills() > out_of_memory;
  ended.last_output = std::move(output.tail);
  return ended;
}

}  // namespace clary::runner
