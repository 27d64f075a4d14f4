#include "exec/local_executor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <thread>

#include "base/file.h"
#include "base/strings.h"
#include "exec/internal/launch_dir.h"
#include "exec/testing/executor_contract.h"
#include "exec/testing/fake_executor.h"

namespace clary::exec {
namespace fs = std::filesystem;
using namespace std::chrono_literals;

template <typename Condition>
bool WaitFor(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

class FakeWorld : public ExecutorWorld {
 public:
  Executor& executor() override { return executor_; }
  LaunchSpec Command(const std::string& key) override {
    return {.key = key, .argv = {"/bin/true"}};
  }
  void End(const std::string& key, int code) override { executor_.Exit(key, code); }
  int runs(const std::string& key) override {
    int n = 0;
    for (const LaunchSpec& spec : executor_.launches()) n += spec.key == key;
    return n;
  }

 private:
  FakeExecutor executor_;
};

class LocalWorld : public ShellWorld {
 public:
  LocalWorld() : executor_(*LocalExecutor::Open(file("exec"))) {}
  ~LocalWorld() override { KillAll(); }
  Executor& executor() override { return *executor_; }
  void Reopen() {
    executor_.reset();
    executor_ = *LocalExecutor::Open(file("exec"));
  }
  fs::path launch_dir(const std::string& key) const { return file("exec") / key; }
  pid_t supervisor(const std::string& key) {
    std::optional<int64_t> pid;
    WaitFor([&] { return (pid = ReadNumber(launch_dir(key) / kStartedFile)).has_value(); });
    return static_cast<pid_t>(pid.value_or(0));
  }

 private:
  void KillAll() {
    std::error_code ec;
    for (const auto& entry : fs::directory_iterator(file("exec"), ec)) {
      const std::string key = entry.path().filename().string();
      (void)executor_->Stop(key, 0ms);
      WaitFor([&] {
        const auto state = executor_->Find(key);
        return !state || !*state || (*state)->phase != LaunchPhase::kRunning;
      });
    }
  }
  std::unique_ptr<LocalExecutor> executor_;
};

INSTANTIATE_TEST_SUITE_P(Fake, ExecutorContract, testing::Values(+[] {
                           return std::unique_ptr<ExecutorWorld>(new FakeWorld);
                         }));
INSTANTIATE_TEST_SUITE_P(Local, ExecutorContract, testing::Values(+[] {
                           return std::unique_ptr<ExecutorWorld>(new LocalWorld);
                         }));

class LocalExecutorTest : public testing::Test {
 protected:
  LaunchState WaitForEnd(const std::string& key) {
    LaunchState out;
    EXPECT_TRUE(WaitFor([&] {
      const auto state = world_.executor().Find(key);
      if (!state || !*state || (*state)->phase == LaunchPhase::kRunning) return false;
      out = **state;
      return true;
    })) << key;
    return out;
  }
  LocalWorld world_;
};

TEST_F(LocalExecutorTest, InheritsNothing) {
  ::setenv("CLARY_SECRET", "leaks", 1);
  const Fd held = *OpenFile(world_.file("held"), O_RDWR | O_CREAT);
  const Fd plain(::dup(held.get()));  // without close-on-exec, as a careless library would
  auto spec = world_.Shell("e", "env; pwd; ls -l /proc/self/fd; cat /proc/self/stat");
  ASSERT_TRUE(world_.executor().Launch(spec).has_value());
  EXPECT_EQ(WaitForEnd("e").exit_code, 0);
  const std::string out = world_.Output("e");
  EXPECT_EQ(out.find("CLARY_SECRET"), std::string::npos) << out;
  EXPECT_EQ(out.find("/held"), std::string::npos) << out;
  EXPECT_EQ(out.find("/lock"), std::string::npos) << out;
  EXPECT_NE(out.find(fs::canonical(spec.directory).string()), std::string::npos) << out;
}

TEST_F(LocalExecutorTest, SignalsBecome128PlusTheirNumber) {
  ASSERT_TRUE(world_.executor().Launch(world_.Shell("s", "kill -ABRT $$")).has_value());
  EXPECT_EQ(WaitForEnd("s").exit_code, 128 + SIGABRT);
}

TEST_F(LocalExecutorTest, AMissingProgramExits127AndSaysSo) {
  auto spec = world_.Shell("m", "");
  spec.argv = {"/nowhere/at/all"};
  ASSERT_TRUE(world_.executor().Launch(spec).has_value());
  EXPECT_EQ(WaitForEnd("m").exit_code, 127);
  EXPECT_NE(world_.Output("m").find("/nowhere/at/all"), std::string::npos);
}

TEST_F(LocalExecutorTest, AnOutputThatCannotBeOpenedFailsTheLaunch) {
  auto spec = world_.Shell("o", "true");
  spec.output = "/nowhere/at/all/out";
  EXPECT_FALSE(world_.executor().Launch(spec).has_value());
  // Nothing ran, so the key is free.
  EXPECT_EQ(*world_.executor().Find("o"), std::nullopt);
  EXPECT_TRUE(world_.executor().Launch(world_.Shell("o", "exit 3")).has_value());
  EXPECT_EQ(WaitForEnd("o").exit_code, 3);
}

TEST_F(LocalExecutorTest, StopSendsSigtermFirst) {
  ASSERT_TRUE(
      world_.executor()
          .Launch(world_.Shell("t", "trap 'exit 9' TERM; echo up; while :; do sleep 0.01; done"))
          .has_value());
  ASSERT_TRUE(WaitFor([&] { return world_.Output("t") == "up\n"; }));
  ASSERT_TRUE(world_.executor().Stop("t", 60s).has_value());
  EXPECT_EQ(WaitForEnd("t").exit_code, 9);
}

TEST_F(LocalExecutorTest, StopKillsTheWholeGroupAfterTheGrace) {
  ASSERT_TRUE(
      world_.executor()
          .Launch(world_.Shell("k", "trap '' TERM; setsid sleep 1000 & echo $!; sleep 1000"))
          .has_value());
  ASSERT_TRUE(WaitFor([&] { return world_.Output("k").ends_with("\n"); }));
  const auto stray = ParseInt(Trim(world_.Output("k")));
  ASSERT_TRUE(stray.has_value());
  ASSERT_TRUE(world_.executor().Stop("k", 60s).has_value());
  ASSERT_TRUE(world_.executor().Stop("k", 20ms).has_value());  // shorter wins
  ASSERT_TRUE(world_.executor().Stop("k", 60s).has_value());   // longer does not
  EXPECT_EQ(WaitForEnd("k").exit_code, 128 + SIGKILL);
  // Even a grandchild in a session of its own is gone.
  EXPECT_TRUE(WaitFor([&] { return ::kill(static_cast<pid_t>(*stray), 0) != 0; }));
}

TEST_F(LocalExecutorTest, AKilledSupervisorIsLostAndTakesTheCommandWithIt) {
  ASSERT_TRUE(world_.executor().Launch(world_.Shell("l", "echo $$; exec sleep 1000")).has_value());
  ASSERT_TRUE(WaitFor([&] { return world_.Output("l").ends_with("\n"); }));
  const auto command = ParseInt(Trim(world_.Output("l")));
  ::kill(world_.supervisor("l"), SIGKILL);
  EXPECT_EQ(WaitForEnd("l").phase, LaunchPhase::kLost);
  EXPECT_TRUE(WaitFor([&] { return ::kill(static_cast<pid_t>(*command), 0) != 0; }));
  // It may have run: a second launch does nothing.
  ASSERT_TRUE(world_.executor().Launch(world_.Shell("l", "true")).has_value());
  EXPECT_EQ(WaitForEnd("l").phase, LaunchPhase::kLost);
}

TEST_F(LocalExecutorTest, AnotherExecutorFindsWhatRunsAndSeesItEnd) {
  ASSERT_TRUE(world_.executor().Launch(world_.Command("r")).has_value());
  world_.supervisor("r");
  world_.Reopen();
  std::atomic<int> wakes = 0;
  world_.executor().OnExit([&] { ++wakes; });
  const auto state = world_.executor().Find("r");
  ASSERT_TRUE(state && *state);
  EXPECT_EQ((*state)->phase, LaunchPhase::kRunning);
  ASSERT_TRUE(world_.executor().Launch(world_.Command("r")).has_value());
  world_.End("r", 5);
  EXPECT_EQ(WaitForEnd("r").exit_code, 5);
  EXPECT_TRUE(WaitFor([&] { return wakes > 0; }));
  EXPECT_EQ(world_.runs("r"), 1);
  world_.executor().OnExit(nullptr);
}

// One of several services on the directory was paused before its Launch, and comes when another has
// launched, followed and forgotten the key.
TEST_F(LocalExecutorTest, AKeyThatWasForgottenIsRememberedWhereSeveralLaunch) {
  const fs::path dir = world_.file("shared");
  const auto open = [&](std::chrono::seconds remember) {
    return *LocalExecutor::Open(dir, {"/proc/self/exe", "supervise"}, {.remember = remember});
  };
  const LaunchSpec spec = world_.Shell("once", "echo run >> once.runs");
  const auto late = open(1h);
  const auto leader = open(1h);
  ASSERT_TRUE(leader->Launch(spec).has_value());
  ASSERT_TRUE(WaitFor([&] { return (*leader->Find("once"))->phase == LaunchPhase::kExited; }));
  ASSERT_TRUE(leader->Forget("once").has_value());
  ASSERT_TRUE(leader->Forget("once").has_value());
  EXPECT_TRUE(late->Launch(spec).has_value());
  EXPECT_FALSE(late->Find("once")->has_value());
  EXPECT_EQ(*ReadFile(world_.file("once.runs"), 100), "run\n");
  EXPECT_TRUE(fs::exists(dir / ".forgotten-once"));
  EXPECT_TRUE(fs::is_empty(dir / ".forgotten-once"));  // nothing that it was told stays
  open(0s);
  EXPECT_FALSE(fs::exists(dir / ".forgotten-once"));
}

TEST_F(LocalExecutorTest, AnIntentWithoutAProcessMayBeLaunchedAgain) {
  // The service died between writing the intent and starting the supervisor.
  const LaunchSpec spec = world_.Command("i");
  const fs::path dir = world_.launch_dir("i");
  ASSERT_TRUE(MakeDirectories(dir).has_value());
  std::string boot = *ReadFile("/proc/sys/kernel/random/boot_id", 256);
  boot = Trim(boot);
  ASSERT_TRUE(WriteFileAtomic(dir / kSpecFile, SpecToJson({spec, boot})).has_value());
  EXPECT_EQ(*world_.executor().Find("i"), std::nullopt);
  ASSERT_TRUE(world_.executor().Launch(spec).has_value());
  world_.End("i", 0);
  EXPECT_EQ(WaitForEnd("i").exit_code, 0);
  EXPECT_EQ(world_.runs("i"), 1);
}

TEST_F(LocalExecutorTest, AnIntentOfAnEarlierBootIsLost) {
  const LaunchSpec spec = world_.Command("b");
  const fs::path dir = world_.launch_dir("b");
  ASSERT_TRUE(MakeDirectories(dir).has_value());
  ASSERT_TRUE(WriteFileAtomic(dir / kSpecFile, SpecToJson({spec, "another boot"})).has_value());
  EXPECT_EQ(WaitForEnd("b").phase, LaunchPhase::kLost);
  ASSERT_TRUE(world_.executor().Launch(spec).has_value());
  EXPECT_EQ(world_.runs("b"), 0);
}

// Kills a service process at varying instants around a launch; then the next one must be able to
// bring the launch to exactly one run.
TEST_F(LocalExecutorTest, KillingTheServiceAtAnyInstantRunsTheCommandOnce) {
  for (int i = 0; i < 30; ++i) {
    const std::string key = "z" + std::to_string(i);
    const LaunchSpec spec = world_.Shell(key, "echo run >> " + key + ".runs");
    std::string exec_dir = world_.file("exec").string();
    std::string output = spec.output;
    std::string script = spec.argv[2];
    std::string self = "/proc/self/exe";
    std::string verb = "launch";
    std::string key_arg = key;
    std::string cwd = spec.directory;
    char* argv[] = {self.data(),   verb.data(), exec_dir.data(), key_arg.data(),
                    script.data(), cwd.data(),  output.data(),   nullptr};
    char* env[] = {nullptr};
    pid_t service = 0;
    ASSERT_EQ(::posix_spawn(&service, self.c_str(), nullptr, nullptr, argv, env), 0);
    std::this_thread::sleep_for(std::chrono::microseconds(300 * i));
    ::kill(service, SIGKILL);
    ::waitpid(service, nullptr, 0);
    // What the reconciler does after a restart.
    const auto found = world_.executor().Find(key);
    ASSERT_TRUE(found.has_value()) << found.error().message;
    if (!*found) {
      ASSERT_TRUE(world_.executor().Launch(spec).has_value());
    }
    const LaunchState end = WaitForEnd(key);
    EXPECT_EQ(end.phase, LaunchPhase::kExited) << i;
    EXPECT_EQ(world_.runs(key), 1) << i;
  }
}

TEST_F(LocalExecutorTest, AHandStartedSupervisorDoesNothing) {
  ASSERT_TRUE(MakeDirectories(world_.launch_dir("h")).has_value());
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::close(kLockFd);
    ::_exit(RunSupervisor("/nowhere"));
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 1);
}

TEST(LaunchDir, TornOrForeignSpecsAreErrors) {
  for (const char* text : {"", "{", "[]", "{\"key\":1}", "{\"argv\":[]}", "\xff\xfe"}) {
    const auto spec = SpecFromJson(text);
    ASSERT_FALSE(spec.has_value()) << text;
    EXPECT_EQ(spec.error().reason, "BadLaunchSpec");
  }
}

}  // namespace clary::exec

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "supervise") == 0) {
    return clary::exec::RunSupervisor(argv[2]);
  }
  if (argc == 7 && std::strcmp(argv[1], "launch") == 0) {
    auto executor = clary::exec::LocalExecutor::Open(argv[2]);
    if (!executor) return 1;
    return (*executor)->Launch({.key = argv[3],
                                .argv = {"/bin/sh", "-c", argv[4]},
                                .directory = argv[5],
                                .output = argv[6]})
               ? 0
               : 1;
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
