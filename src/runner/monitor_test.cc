// The sampler on a real process and on counters of our own making.
#include "runner/internal/monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "base/file.h"
#include "base/testing/manual_clock.h"
#include "debugger/profiler_files.h"
#include "runner/usage.h"

namespace clary::runner {
namespace {
namespace fs = std::filesystem;
using debugger::SystemSample;

class MonitorTest : public testing::Test {
 protected:
  fs::path proc() const { return temp_.path() / "proc"; }
  fs::path out() const { return temp_.path() / "out"; }
  void Write(const std::string& path, const std::string& text) {
    ASSERT_TRUE(MakeDirectories((proc() / path).parent_path()));
    std::ofstream(proc() / path) << text;
  }
  // A process with one thread that ran last on `core`.
  void Process(int pid, int core, uint64_t cpu_ns, uint64_t pages, uint64_t read,
               const char* children) {
    const std::string p = std::to_string(pid);
    const std::string stat =
        p +
        " (a b) c) R 1 1 1 0 -1 0 0 0 0 0 7 3 0 0 20 0 1 0 5 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 17 " +
        std::to_string(core) + " 0 0 0 0 0\n";
    Write(p + "/stat", stat);
    Write(p + "/task/" + p + "/stat", stat);
    Write(p + "/task/" + p + "/schedstat", std::to_string(cpu_ns) + " 0 1\n");
    Write(p + "/task/" + p + "/children", children);
    Write(p + "/statm", "999 " + std::to_string(pages) + " 0 0 0 0 0\n");
    Write(p + "/io", "rchar: 1\nwchar: 1\nsyscr: 1\nsyscw: 1\nread_bytes: " + std::to_string(read) +
                         "\nwrite_bytes: 0\ncancelled_write_bytes: 0\n");
    Write(p + "/net/dev", "Inter-|\n face |bytes\n    lo: 900 1 0 0 0 0 0 0 900 1\n  eth0: " +
                              std::to_string(read) + " 1 0 0 0 0 0 0 5 1 0 0 0 0 0 0\n");
  }
  void Machine(uint64_t wait0) {
    Write("stat", "cpu 1 2 3 4 5 6 7 8 0 0\ncpu0 0 0 0 " + std::to_string(1000 - wait0) + " " +
                      std::to_string(wait0) + " 0 0 0 0 0\ncpu1 0 0 0 0 0 0 0 0 0 0\n");
  }
  std::vector<SystemSample> Samples() {
    std::vector<SystemSample> all;
    if (!fs::exists(out())) return all;
    for (const auto& e : fs::recursive_directory_iterator(out())) {
      if (!e.is_regular_file()) continue;
      const auto parsed = debugger::ParseSystemFile(*ReadFile(e.path(), 1 << 20));
      EXPECT_TRUE(parsed);
      all.insert(all.end(), parsed->begin(), parsed->end());
    }
    return all;
  }
  double Value(const std::string& name, const std::string& dimension) {
    for (const SystemSample& s : Samples()) {
      if (s.name == name && s.dimension == dimension) return s.value;
    }
    ADD_FAILURE() << "no sample of " << name;
    return -1;
  }

  TempDir temp_ = *TempDir::Make();
  ManualClock clock_;
};

TEST_F(MonitorTest, CountsTheWholeTree) {
  Monitor monitor({.root = 10,
                   .cores = {0, 1},
                   .memory_bytes = 100'000 * 4096,
                   .directory = out(),
                   .proc = proc()},
                  clock_);
  Process(10, 0, 1'000'000, 1000, 0, "11 ");
  Process(11, 1, 0, 2000, 100, "");
  Machine(0);
  monitor.Sample();
  ASSERT_TRUE(monitor.Flush());
  EXPECT_TRUE(Samples().empty());  // a starting point only
  clock_.Advance(Duration(500));
  Process(10, 0, 101'000'000, 1000, 0, "11 ");
  Process(11, 1, 500'000'000, 9000, 1100, "");
  Write("stat", "cpu0 0 0 0 1025 75 0 0 0 0 0\n");
  monitor.Sample();
  ASSERT_TRUE(monitor.Flush());
  EXPECT_EQ(Value("cpu0", "CPUUtilization"), 20);
  EXPECT_EQ(Value("cpu1", "CPUUtilization"), 100);
  EXPECT_EQ(Value("cpu0", "I/OWaitPercentage"), 75);
  EXPECT_EQ(Value("cpu1", "I/OWaitPercentage"), 0);
  EXPECT_NEAR(Value("MemoryUsedPercent", ""),
              10.0 * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 4096, 1e-9);
  EXPECT_EQ(Value("ReadThroughputInBytesPerSecond", ""), 2000);
  EXPECT_EQ(Value("WriteThroughputInBytesPerSecond", ""), 0);
  EXPECT_EQ(Value("ReceiveBytesPerSecond", "Algorithm"), 2000);
  for (const SystemSample& s : Samples()) {
    EXPECT_EQ(s.node, "algo-1");
    EXPECT_EQ(s.time, ToSeconds(clock_.Now()));
  }
}

TEST_F(MonitorTest, AProcessThatEndsTakesNothingBack) {
  Monitor monitor(
      {.root = 10, .cores = {0}, .memory_bytes = 1 << 30, .directory = out(), .proc = proc()},
      clock_);
  Process(10, 0, 0, 1, 0, "11");
  Process(11, 0, 900'000'000, 1, 5000, "");
  monitor.Sample();
  clock_.Advance(Duration(1000));
  fs::remove_all(proc() / "11");
  Process(10, 0, 100'000'000, 1, 10, "");
  monitor.Sample();
  ASSERT_TRUE(monitor.Flush());
  EXPECT_EQ(Value("cpu0", "CPUUtilization"), 10);
  EXPECT_EQ(Value("ReadThroughputInBytesPerSecond", ""), 10);
}

TEST_F(MonitorTest, AMinuteHasAFileAndAnEndedJobNoSamples) {
  Monitor monitor({.root = 10, .cores = {0}, .memory_bytes = 1, .directory = out(), .proc = proc()},
                  clock_);
  Process(10, 0, 0, 1, 0, "");
  monitor.Sample();
  for (int i = 0; i < 4; ++i) {
    clock_.Advance(Duration(30'000));
    monitor.Sample();
  }
  ASSERT_TRUE(monitor.Flush());
  size_t files = 0;
  for (const auto& e : fs::recursive_directory_iterator(out()))
    files += e.is_regular_file() ? 1 : 0;
  EXPECT_GE(files, 2U);
  EXPECT_LE(files, 3U);
  const size_t before = Samples().size();
  fs::remove_all(proc() / "10");
  clock_.Advance(Duration(500));
  monitor.Sample();
  ASSERT_TRUE(monitor.Flush());
  EXPECT_EQ(Samples().size(), before);
}

TEST_F(MonitorTest, ARealProcessUsesItsCore) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    for (;;) (void)::getppid();
  }
  Monitor monitor({.root = pid, .directory = out()}, Clock::System());
  monitor.Sample();
  double cpu = 0;
  // However busy the machine is, at some time the child ran.
  for (int i = 0; i < 200 && cpu == 0; ++i) {
    Clock::System().Sleep(Duration(20));
    monitor.Sample();
    ASSERT_TRUE(monitor.Flush());
    for (const SystemSample& s : Samples()) {
      if (s.dimension == "CPUUtilization") cpu += s.value;
    }
  }
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  EXPECT_GT(cpu, 0);
  EXPECT_GT(Value("MemoryUsedPercent", ""), 0);
}

// The counters of Process(): 7 ticks of its own, 3 of the system.
TEST_F(MonitorTest, UsageIsOfAProcessAndAllBelowIt) {
  Process(1, 0, 0, 10, 0, "2 3");
  Process(2, 0, 0, 20, 0, "4");
  Process(3, 0, 0, 30, 0, "");
  Process(4, 0, 0, 40, 0, "");
  const double tick = 1.0 / static_cast<double>(::sysconf(_SC_CLK_TCK));
  const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  const Usage all = UsageBelow(1, proc());
  EXPECT_NEAR(all.cpu_seconds, 40 * tick, 1e-9);
  EXPECT_EQ(all.resident_bytes, 100 * page);
  EXPECT_EQ(UsageBelow(2, proc()).resident_bytes, 60 * page);
  EXPECT_EQ(UsageBelow(9, proc()).resident_bytes, 0U);
}

}  // namespace
}  // namespace clary::runner
