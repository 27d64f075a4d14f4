#include "exec/testing/executor_contract.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/strings.h"

namespace clary::exec {
using namespace std::chrono_literals;

LaunchSpec ShellWorld::Shell(const std::string& key, const std::string& script) const {
  return {.key = key,
          .argv = {"/bin/sh", "-c", script},
          .env = {"PATH=/usr/bin:/bin"},
          .directory = temp_.path().string(),
          .output = file(key + ".out").string(),
          .hosts = hosts_};
}

std::string ShellWorld::Output(const std::string& key) const {
  return ReadFile(file(key + ".out"), 1 << 20).value_or("");
}

LaunchSpec ShellWorld::Command(const std::string& key) {
  ::mkfifo(file(key + ".fifo").c_str(), 0600);
  return Shell(key, "echo run >> " + key + ".runs; read code < " + key + ".fifo; exit $code");
}

void ShellWorld::End(const std::string& key, int code) {
  const Fd fd = *OpenFile(file(key + ".fifo"), O_WRONLY);
  ASSERT_TRUE(WriteAll(fd.get(), std::to_string(code) + "\n").has_value());
}

int ShellWorld::runs(const std::string& key) {
  const auto text = ReadFile(file(key + ".runs"), 1 << 20);
  return text ? static_cast<int>(Split(*text, '\n').size()) - 1 : 0;
}

LaunchState ExecutorContract::WaitForEnd(const std::string& key) {
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  for (;;) {
    const auto state = executor().Find(key);
    if (state && *state && (*state)->phase != LaunchPhase::kRunning) return **state;
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << key << " did not end";
      return {};
    }
    std::this_thread::sleep_for(1ms);
  }
}

TEST_P(ExecutorContract, AnUnknownKeyIsNotFound) {
  const auto state = executor().Find("nobody");
  ASSERT_TRUE(state.has_value());
  EXPECT_FALSE(state->has_value());
  const Status stop = executor().Stop("nobody", 1s);
  ASSERT_FALSE(stop.has_value());
  EXPECT_EQ(stop.error().code, Code::kNotFound);
  EXPECT_TRUE(executor().Forget("nobody").has_value());
}

TEST_P(ExecutorContract, RunsAndReportsTheExitCode) {
  ASSERT_TRUE(executor().Launch(world_->Command("a")).has_value());
  const auto running = executor().Find("a");
  ASSERT_TRUE(running && *running);
  EXPECT_EQ((*running)->phase, LaunchPhase::kRunning);
  world_->End("a", 7);
  const LaunchState end = WaitForEnd("a");
  EXPECT_EQ(end.phase, LaunchPhase::kExited);
  EXPECT_EQ(end.exit_code, 7);
}

TEST_P(ExecutorContract, TheSameKeyNeverRunsTwice) {
  const LaunchSpec spec = world_->Command("once");
  ASSERT_TRUE(executor().Launch(spec).has_value());
  ASSERT_TRUE(executor().Launch(spec).has_value());
  world_->End("once", 0);
  WaitForEnd("once");
  ASSERT_TRUE(executor().Launch(spec).has_value());
  EXPECT_EQ(WaitForEnd("once").phase, LaunchPhase::kExited);
  EXPECT_EQ(world_->runs("once"), 1);
}

TEST_P(ExecutorContract, WakesItsOwnerWhenALaunchEnds) {
  std::mutex mu;
  std::condition_variable woken;
  int wakes = 0;
  executor().OnExit([&] {
    const std::lock_guard lock(mu);
    ++wakes;
    woken.notify_one();
  });
  ASSERT_TRUE(executor().Launch(world_->Command("w")).has_value());
  world_->End("w", 0);
  std::unique_lock lock(mu);
  EXPECT_TRUE(woken.wait_for(lock, 20s, [&] { return wakes > 0; }));
  lock.unlock();
  EXPECT_EQ(WaitForEnd("w").phase, LaunchPhase::kExited);
  executor().OnExit(nullptr);
}

TEST_P(ExecutorContract, ForgetsEndedLaunchesOnly) {
  ASSERT_TRUE(executor().Launch(world_->Command("f")).has_value());
  const Status early = executor().Forget("f");
  ASSERT_FALSE(early.has_value());
  EXPECT_EQ(early.error().reason, "Running");
  world_->End("f", 0);
  WaitForEnd("f");
  EXPECT_TRUE(executor().Stop("f", 1s).has_value());  // an ended launch is fine
  ASSERT_TRUE(executor().Forget("f").has_value());
  const auto gone = executor().Find("f");
  ASSERT_TRUE(gone.has_value());
  EXPECT_FALSE(gone->has_value());
}

TEST_P(ExecutorContract, RefusesBadKeysAndEmptyCommands) {
  LaunchSpec spec = world_->Command("x");
  spec.key = "../x";
  const Status bad = executor().Launch(spec);
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().code, Code::kInvalidArgument);
  const Status empty = executor().Launch({.key = "empty"});
  ASSERT_FALSE(empty.has_value());
  EXPECT_EQ(empty.error().code, Code::kInvalidArgument);
}

TEST_P(ExecutorContract, ManyLaunchesAtOnceFromManyThreads) {
  constexpr int kThreads = 4;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 5; ++i) {  // every thread launches the same five
          EXPECT_TRUE(executor().Launch(world_->Command("m" + std::to_string(i))).has_value());
        }
      });
    }
  }
  for (int i = 0; i < 5; ++i) {
    const std::string key = "m" + std::to_string(i);
    world_->End(key, i);
    EXPECT_EQ(WaitForEnd(key).exit_code, i);
    EXPECT_EQ(world_->runs(key), 1);
  }
}

}  // namespace clary::exec
