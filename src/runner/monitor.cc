#include "runner/internal/monitor.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "base/file.h"
#include "base/strings.h"
#include "debugger/profiler_files.h"
#include "runner/internal/proc.h"

namespace clary::runner {
namespace fs = std::filesystem;
namespace {

// So that the shortest job has samples, too; doubled until it is the interval asked for.
constexpr Duration kFirstInterval(10);
constexpr auto kFlushPeriod = std::chrono::seconds(2);

double Rate(uint64_t now, uint64_t before, double seconds) {
  return now > before && seconds > 0 ? static_cast<double>(now - before) / seconds : 0;
}

}  // namespace

Monitor::Monitor(Options options, Clock& clock) : options_(std::move(options)), clock_(clock) {
  cores_ = options_.cores;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (cores_.empty() && ::sched_getaffinity(0, sizeof set, &set) == 0) {
    for (int c = 0; c < CPU_SETSIZE; ++c) {
      if (CPU_ISSET(static_cast<size_t>(c), &set)) cores_.push_back(c);
    }
  }
  memory_bytes_ = options_.memory_bytes;
  if (memory_bytes_ == 0)
    memory_bytes_ = After(ReadProc(options_.proc / "meminfo"), "MemTotal:") * 1024;
}

void Monitor::ReadThreads(pid_t pid, Counters& now) {
  const fs::path tasks = options_.proc / std::to_string(pid) / "task";
  for (const pid_t tid : Numbers(tasks)) {
    const std::string stat = ReadProc(tasks / std::to_string(tid) / "stat");
    const auto fields = StatFields(stat);
    constexpr size_t kUser = 11;  // fields 14, 15 and 39 of proc(5)
    constexpr size_t kProcessor = 36;
    if (fields.size() <= kProcessor) continue;
    const std::string schedstat = ReadProc(tasks / std::to_string(tid) / "schedstat");
    const auto times = Words(schedstat);
    const uint64_t tick_ns =
        1'000'000'000 / static_cast<uint64_t>(std::max(1L, ::sysconf(_SC_CLK_TCK)));
    const uint64_t ns =
        times.empty() ? (Uint(fields[kUser]) + Uint(fields[kUser + 1])) * tick_ns : Uint(times[0]);
    now.thread_ns[tid] = ns;
    const auto before = last_.thread_ns.find(tid);
    const uint64_t since = before == last_.thread_ns.end() ? 0 : before->second;
    // All of the interval is put down to the core that the thread ran on last.
    if (started_ && ns > since) {
      now.core_busy_ns[static_cast<int>(Uint(fields[kProcessor]))] += ns - since;
    }
  }
}

void Monitor::ReadIo(pid_t pid) {
  const std::string text = ReadProc(options_.proc / std::to_string(pid) / "io");
  if (text.empty()) return;
  const std::pair<uint64_t, uint64_t> now = {After(text, "\nread_bytes:"),
                                             After(text, "\nwrite_bytes:")};
  auto& before = io_[pid];
  if (now.first >= before.first) read_total_ += now.first - before.first;
  if (now.second >= before.second) write_total_ += now.second - before.second;
  before = now;
}

void Monitor::Emit(const char* type, const std::string& name, const char* dimension, double value) {
  lines_ += debugger::SystemSampleLine({.time = last_.time,
                                        .type = type,
                                        .name = name,
                                        .dimension = dimension,
                                        .node = options_.host,
                                        .value = value});
}

void Monitor::Sample() {
  // A job that has ended would look idle.
  const fs::path root = options_.proc / std::to_string(options_.root);
  if (StatFields(ReadProc(root / "stat")).empty()) return;
  Counters now;
  const Time time = clock_.Now();
  now.time = ToSeconds(time);
  const std::vector<pid_t> processes = ProcessesBelow(options_.root, options_.proc);
  uint64_t pages = 0;
  for (const pid_t pid : processes) {
    ReadThreads(pid, now);
    ReadIo(pid);
    const std::string statm = ReadProc(options_.proc / std::to_string(pid) / "statm");
    if (const auto words = Words(statm); words.size() > 1) pages += Uint(words[1]);
  }
  now.read_bytes = read_total_;
  now.write_bytes = write_total_;
  // The last process is the deepest: it is inside the sandbox's network.
  const std::string net = ReadProc(options_.proc / std::to_string(processes.back()) / "net/dev");
  for (const std::string_view line : Split(net, '\n')) {
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || Trim(line.substr(0, colon)) == "lo") continue;
    const auto words = Words(line.substr(colon + 1));
    if (words.size() < 9) continue;
    now.received += Uint(words[0]);
    now.sent += Uint(words[8]);
  }
  const std::string stat = ReadProc(options_.proc / "stat");
  for (const std::string_view line : Split(stat, '\n')) {
    const auto words = Words(line);
    if (words.size() < 9 || !words[0].starts_with("cpu") || words[0] == "cpu") continue;
    auto& [wait, all] = now.core_wait[static_cast<int>(Uint(words[0].substr(3)))];
    wait = Uint(words[5]);
    for (size_t i = 1; i < 9; ++i) all += Uint(words[i]);
  }

  const Counters before = std::exchange(last_, std::move(now));
  if (!std::exchange(started_, true)) return;
  const std::string file = debugger::SystemFileName(time, options_.host);
  if (file != file_) {
    if (!lines_.empty()) broken_ = Flush();
    file_ = file;
  }
  const double seconds = last_.time - before.time;
  if (seconds <= 0) return;
  for (const int core : cores_) {
    const std::string name = "cpu" + std::to_string(core);
    const auto busy = last_.core_busy_ns.find(core);
    const double ns = busy == last_.core_busy_ns.end() ? 0 : static_cast<double>(busy->second);
    Emit("cpu", name, "CPUUtilization", std::min(100.0, ns / 1e7 / seconds));
    const auto [wait, all] = last_.core_wait[core];
    const auto old = before.core_wait.find(core);
    const auto [old_wait, old_all] =
        old == before.core_wait.end() ? std::pair(wait, all) : old->second;
    const double share = Rate(wait, old_wait, static_cast<double>(all - std::min(all, old_all)));
    Emit("cpu", name, "I/OWaitPercentage", std::min(100.0, 100 * share));
  }
  const double resident = static_cast<double>(pages) * static_cast<double>(::sysconf(_SC_PAGESIZE));
  Emit("memory", "MemoryUsedPercent", "",
       memory_bytes_ == 0 ? 0
                          : std::min(100.0, 100 * resident / static_cast<double>(memory_bytes_)));
  Emit("i/o", "ReadThroughputInBytesPerSecond", "",
       Rate(last_.read_bytes, before.read_bytes, seconds));
  Emit("i/o", "WriteThroughputInBytesPerSecond", "",
       Rate(last_.write_bytes, before.write_bytes, seconds));
  Emit("network", "ReceiveBytesPerSecond", "Algorithm",
       Rate(last_.received, before.received, seconds));
  Emit("network", "TransmitBytesPerSecond", "Algorithm", Rate(last_.sent, before.sent, seconds));
}

Status Monitor::Flush() {
  if (lines_.empty()) return {};
  const fs::path path = options_.directory / file_;
  CLARY_CHECK_OK(MakeDirectories(path.parent_path()));
  CLARY_TRY(const Fd fd, OpenFile(path, O_WRONLY | O_CREAT | O_APPEND));
  const std::string lines = std::exchange(lines_, {});
  return WriteAll(fd.get(), lines);
}

Status Monitor::Run(std::stop_token stop) {
  Sample();
  Time flushed = clock_.Now();
  Duration interval = std::min(options_.interval, kFirstInterval);
  while (!stop.stop_requested()) {
    clock_.Sleep(interval, stop);
    interval = std::min(options_.interval, 2 * interval);
    Sample();
    if (!broken_) return broken_;
    if (clock_.Now() - flushed < kFlushPeriod) continue;
    CLARY_CHECK_OK(Flush());
    flushed = clock_.Now();
  }
  return Flush();
}

}  // namespace clary::runner
