#include "exec/slurm_executor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "base/file.h"
#include "base/strings.h"
#include "base/testing/manual_clock.h"
#include "exec/internal/launch_dir.h"
#include "exec/internal/slurm_cli.h"
#include "exec/testing/executor_contract.h"

namespace clary::exec {
namespace fs = std::filesystem;
using namespace std::chrono_literals;
namespace {

bool Within60s(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

// ---- Slurm's words ----

TEST(SlurmCli, ReadsTheQueue) {
  const auto jobs = ParseQueue(
      "12|RUNNING|None|n[1-2]|/a b/c|d\n"
      "nonsense\n"
      "13|PENDING|Resources||/x\n"
      "0|RUNNING|None||/zero\n"
      "14|COMPLETED|None|n1|/x\n"
      "15|FAILED|NonZeroExitCode|n1|/y\n"
      "16|CANCELLED|None||/y\n"
      "17|RUNNING|No");
  ASSERT_EQ(jobs.size(), 3u);
  EXPECT_EQ(jobs.at("/a b/c|d").nodes, "n[1-2]");
  EXPECT_EQ(jobs.at("/x").id, 13u);  // the one that has not ended
  EXPECT_EQ(jobs.at("/y").id, 16u);  // the last
  EXPECT_EQ(Describe(jobs.at("/y")), "Slurm: CANCELLED of job 16");
  EXPECT_EQ(Describe({12, "NODE_FAIL", "NodeDown", "n2", ""}),
            "Slurm: NODE_FAIL (NodeDown) of job 12 on n2");
  EXPECT_TRUE(HasEnded({.state = "NODE_FAIL"}));
  EXPECT_FALSE(HasEnded({.state = "COMPLETING"}));
  EXPECT_TRUE(IsHopeless({.state = "PENDING", .reason = "PartitionNodeLimit"}));
  EXPECT_FALSE(IsHopeless({.state = "PENDING", .reason = "Resources"}));
}

TEST(SlurmCli, TellsARefusalFromABadMoment) {
  EXPECT_EQ(ParseSubmission(0, "123\n").id, 123u);
  EXPECT_EQ(ParseSubmission(0, "a notice\n123;cluster\n").id, 123u);
  const auto refused = ParseSubmission(
      1,
      "sbatch: error: invalid partition specified: no\n"
      "sbatch: error: Batch job submission failed: Invalid partition name specified\n");
  EXPECT_EQ(refused.id, 0u);
  EXPECT_TRUE(refused.refused);
  EXPECT_EQ(refused.why,
            "invalid partition specified: no; Batch job submission failed: Invalid partition name "
            "specified");
  for (const char* errors :
       {"sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect "
        "failure)",
        "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation",
        "sbatch: error: Munge encode failed: Failed to access \"/run/munge\": No such file",
        "sbatch: error: Batch job submission failed: Connection reset by peer",
        "sbatch: error: Batch job submission failed: Invalid authentication credential",
        "sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying", ""}) {
    EXPECT_FALSE(ParseSubmission(1, errors).refused) << errors;
    EXPECT_EQ(ParseSubmission(1, errors).passing, *errors != '\0') << errors;
  }
  EXPECT_FALSE(ParseSubmission(137, "sbatch: error: something half said").refused);
  EXPECT_FALSE(ParseSubmission(0, "12x\n").refused);  // it may have been accepted
  EXPECT_EQ(ParseSubmission(0, "12x\n").id, 0u);
}

TEST(SlurmTable, GivesATypeItsRow) {
  const auto table = SlurmTable::Parse(R"({"version": 1, "types": {
      "ml.m5.large": {"cpus": 3},
      "ml.p3.*": {"partition": "gpu", "options": ["--gres=gpu:1"], "memory_mb": 8000},
      "*": {"constraint": "cpu"}}})");
  ASSERT_TRUE(table.has_value()) << table.error().message;
  EXPECT_EQ(table->Find("ml.m5.large").cpus, 3);
  EXPECT_EQ(table->Find("ml.p3.2xlarge").partition, "gpu");
  EXPECT_EQ(table->Find("ml.c5.large").constraint, "cpu");

  const SlurmRow standard{.partition = "std", .account = "me"};
  EXPECT_EQ(*ResourceOptions({{"ml.p3.2xlarge", 8, 2}}, *table, standard),
            (std::vector<std::string>{"--nodes=2", "--ntasks-per-node=1", "--cpus-per-task=8",
                                      "--exclusive", "--mem=8000M", "--partition=gpu",
                                      "--account=me", "--gres=gpu:1"}));
  // Of two kinds of hosts the larger counts; what cannot be one job is refused.
  EXPECT_EQ(
      ResourceOptions({{"ml.m5.large", 2, 1}, {"ml.m5.large", 2, 2}}, *table, standard)->at(0),
      "--nodes=3");
  const auto mixed = ResourceOptions({{"ml.m5.large", 2, 1}, {"ml.p3.x", 2, 1}}, *table, standard);
  ASSERT_FALSE(mixed.has_value());
  EXPECT_NE(mixed.error().message.find("ml.p3.x"), std::string::npos);
}

TEST(SlurmTable, SaysWhatIsWrongAndWhere) {
  const std::pair<const char*, const char*> kWrong[] = {
      {"", "no JSON"},
      {"[]", "not a JSON object"},
      {R"({"types": {}})", "version is missing"},
      {R"({"version": 2})", "version is not 1"},
      {R"({"version": 1, "type": {}})", "type is not known"},
      {R"({"version": 1, "types": {"a*b": {}}})", "types.a*b"},
      {R"({"version": 1, "types": {"a": {"cpu": 1}}})", "types.a.cpu is not known"},
      {R"({"version": 1, "types": {"a": {"cpus": 0}}})", "types.a.cpus"},
      {R"({"version": 1, "types": {"a": {"cpus": 1.5}}})", "types.a.cpus"},
      {R"({"version": 1, "types": {"a": {"partition": "x y"}}})", "white space"},
      {R"({"version": 1, "types": {"a": {"options": ["-p x"]}}})", "begins with --"}};
  for (const auto& [text, what] : kWrong) {
    const auto table = SlurmTable::Parse(text);
    ASSERT_FALSE(table.has_value()) << text;
    if (*text != '\0') {
      EXPECT_NE(table.error().message.find(what), std::string::npos) << table.error().message;
    }
  }
}

// ---- The executor over a Slurm of words ----

class FakeSlurm {
 public:
  Result<ToolOutcome> Run(const std::vector<std::string>& argv) {
    calls.push_back(argv);
    if (argv.size() == 2 && argv[1] == "--version") return ToolOutcome{0, "slurm 22\n"};
    if (away) return ToolOutcome{1, "error: Unable to contact slurm controller\n"};
    if (argv[0] == "sinfo") return ToolOutcome{0, "debug\nsmall\n"};
    if (argv[0] == "squeue") {
      ToolOutcome answer;
      for (const SlurmJob& j : jobs) {
        answer.output += std::to_string(j.id) + "|" + j.state + "|" + j.reason + "|" + j.nodes +
                         "|" + j.comment + "\n";
      }
      return answer;
    }
    if (argv[0] == "sbatch") {
      if (!refusal.empty()) return ToolOutcome{1, "sbatch: error: " + refusal + "\n"};
      SlurmJob job{.id = ++last, .state = "PENDING", .reason = "Priority"};
      for (const std::string& word : argv) {
        if (word.starts_with("--comment=")) job.comment = word.substr(10);
      }
      jobs.push_back(job);
      if (answers_get_lost) return ToolOutcome{137, ""};
      return ToolOutcome{0, std::to_string(job.id) + "\n"};
    }
    for (size_t i = 1; i < argv.size(); ++i) {
      for (SlurmJob& job : jobs) {
        if (std::to_string(job.id) == argv[i]) job.state = "CANCELLED";
      }
    }
    return ToolOutcome{};
  }
  int Calls(const std::string& tool) const {
    int n = 0;
    for (const auto& call : calls) n += call[0] == tool && call.back() != "--version";
    return n;
  }

  std::vector<std::vector<std::string>> calls;
  std::vector<SlurmJob> jobs;
  uint64_t last = 100;
  bool away = false;
  bool answers_get_lost = false;
  std::string refusal;
};

class SlurmExecutorTest : public testing::Test {
 protected:
  SlurmExecutorTest() { Reopen(); }
  void Reopen() {
    executor_.reset();
    auto opened = SlurmExecutor::Open(dir(), *LocalExecutor::Open(dir()), Options());
    if (!opened) ADD_FAILURE() << opened.error().message;
    executor_ = *std::move(opened);
  }
  SlurmOptions Options() {
    return {.table = temp_.path() / "slurm.json",
            .supervisor = {"/bin/clary", "supervise"},
            .settle = 10s,
            .tools = [this](const auto& argv) { return slurm_.Run(argv); },
            .start_thread = false,
            .clock = &clock_};
  }
  fs::path dir() const { return temp_.path() / "exec"; }
  void Launch(const std::string& key) {
    ASSERT_TRUE(executor_
                    ->Launch({.key = key,
                              .argv = {"/bin/true"},
                              .output = "/tmp/100%",
                              .hosts = {{"ml.m5.large", 2, 1}}})
                    .has_value());
  }
  LaunchState State(const std::string& key) {
    const auto state = executor_->Find(key);
    if (!state || !*state) {
      ADD_FAILURE() << key << " is not known";
      return {};
    }
    return **state;
  }
  void Start(const std::string& key) { (void)WriteNumber(dir() / key / kStartedFile, 1); }
  void PassAfter(std::chrono::seconds time) {
    clock_.Advance(time);
    executor_->Pass();
  }

  TempDir temp_ = *TempDir::Make();
  ManualClock clock_;
  FakeSlurm slurm_;
  std::unique_ptr<SlurmExecutor> executor_;
};

TEST_F(SlurmExecutorTest, SubmitsWhatIsNeeded) {
  Launch("a");
  EXPECT_EQ(State("a").phase, LaunchPhase::kRunning);
  executor_->Pass();
  const auto& argv = slurm_.calls.back();
  const std::vector<std::string> expected = {"sbatch",
                                             "--parsable",
                                             "--no-requeue",
                                             "--job-name=clary-a",
                                             "--comment=" + (dir() / "a").string(),
                                             "--export=ALL",
                                             "--open-mode=append",
                                             "--output=/tmp/100%%",
                                             "--chdir=/",
                                             "--nodes=1",
                                             "--ntasks-per-node=1",
                                             "--cpus-per-task=2",
                                             (dir() / "a/batch.sh").string()};
  EXPECT_EQ(argv, expected);
  EXPECT_EQ(*ReadFile(dir() / "a/batch.sh", 1000),
            "#!/bin/sh\nexec '/bin/clary' 'supervise' '" + (dir() / "a").string() + "'\n");
  // The operator's table takes effect with the next launch; a wrong one does not.
  ASSERT_TRUE(WriteFileAtomic(temp_.path() / "slurm.json",
                              R"({"version":1,"types":{"ml.m5.*":{"partition":"small"}}})"));
  Launch("b");
  executor_->Pass();
  EXPECT_EQ(slurm_.calls.back()[12], "--partition=small");
  ASSERT_TRUE(WriteFileAtomic(temp_.path() / "slurm.json", "{"));
  fs::last_write_time(temp_.path() / "slurm.json", fs::file_time_type::clock::now() + 5s);
  Launch("c");
  executor_->Pass();
  EXPECT_EQ(slurm_.calls.back()[12], "--partition=small");
}

TEST_F(SlurmExecutorTest, ALostAnswerIsNoSecondJob) {
  slurm_.answers_get_lost = true;
  Launch("a");
  executor_->Pass();
  PassAfter(5s);
  PassAfter(20s);
  EXPECT_EQ(slurm_.Calls("sbatch"), 1);
  Reopen();  // nor is another service's life
  EXPECT_EQ(State("a").phase, LaunchPhase::kRunning);
  PassAfter(20s);
  EXPECT_EQ(slurm_.Calls("sbatch"), 1);
}

TEST_F(SlurmExecutorTest, WhatSlurmWasNotToldOrHasForgottenIsSubmittedAgain) {
  slurm_.away = true;
  Launch("a");
  executor_->Pass();
  EXPECT_EQ(slurm_.Calls("sbatch"), 1);
  PassAfter(100s);
  EXPECT_EQ(State("a").phase, LaunchPhase::kRunning);
  slurm_.away = false;
  PassAfter(1s);
  EXPECT_EQ(slurm_.Calls("sbatch"), 2);
  slurm_.jobs.clear();  // a slurmctld that was killed before it had saved
  PassAfter(1s);
  EXPECT_EQ(slurm_.Calls("sbatch"), 2);
  PassAfter(10s);
  EXPECT_EQ(slurm_.Calls("sbatch"), 3);
  Start("a");
  slurm_.jobs.clear();
  PassAfter(1s);
  PassAfter(9s);
  EXPECT_EQ(State("a").phase, LaunchPhase::kRunning);
  PassAfter(1s);
  EXPECT_EQ(State("a").phase, LaunchPhase::kLost);
  EXPECT_EQ(State("a").why, "Slurm no longer knows its job");
  EXPECT_EQ(slurm_.Calls("sbatch"), 3);
}

TEST_F(SlurmExecutorTest, AnIntentOfAServiceThatDiedIsSubmitted) {
  Launch("a");
  Reopen();
  EXPECT_EQ(State("a").phase, LaunchPhase::kRunning);
  executor_->Pass();
  EXPECT_EQ(slurm_.Calls("squeue"), 1);  // it might have been
  EXPECT_EQ(slurm_.Calls("sbatch"), 1);
}

TEST_F(SlurmExecutorTest, ARefusalIsTold) {
  slurm_.refusal = "Batch job submission failed: Invalid account or account/partition combination";
  Launch("a");
  executor_->Pass();
  EXPECT_EQ(State("a").phase, LaunchPhase::kRefused);
  EXPECT_EQ(State("a").why, "sbatch: " + slurm_.refusal);
  slurm_.refusal = "Batch job submission failed: Socket timed out on send/recv operation";
  Launch("b");
  executor_->Pass();
  EXPECT_EQ(State("b").phase, LaunchPhase::kRunning);
  slurm_.refusal = "Batch job submission failed: the moon is wrong";
  for (int i = 0; i < 7; ++i) PassAfter(100s);
  EXPECT_EQ(State("b").phase, LaunchPhase::kRunning);
  PassAfter(100s);
  EXPECT_EQ(State("b").phase, LaunchPhase::kRefused);
}

TEST_F(SlurmExecutorTest, WhatCanNeverRunIsTaken) {
  Launch("a");
  executor_->Pass();
  slurm_.jobs[0].reason = "PartitionNodeLimit";
  executor_->Pass();
  EXPECT_EQ(State("a").phase, LaunchPhase::kRunning);
  executor_->Pass();
  EXPECT_EQ(State("a").phase, LaunchPhase::kRefused);
  EXPECT_NE(State("a").why.find("PartitionNodeLimit"), std::string::npos);
  EXPECT_EQ(slurm_.jobs[0].state, "CANCELLED");
}

TEST_F(SlurmExecutorTest, ALostNodeIsTheReasonUnlessThereIsAnEnd) {
  std::string wakes;
  executor_->OnExit([&] { wakes += "w"; });
  for (const char* key : {"a", "b"}) {
    Launch(key);
    executor_->Pass();
    Start(key);
  }
  for (SlurmJob& job : slurm_.jobs) {
    job.state = "NODE_FAIL";
    job.reason = "NodeDown";
    job.nodes = "n2";
  }
  executor_->Pass();
  PassAfter(9s);
  EXPECT_EQ(wakes, "");
  ASSERT_TRUE(WriteNumber(dir() / "b" / kExitFile, 3));  // seen late
  PassAfter(1s);
  EXPECT_EQ(wakes, "w");
  EXPECT_EQ(State("a").phase, LaunchPhase::kLost);
  EXPECT_EQ(State("a").why, "Slurm: NODE_FAIL (NodeDown) of job 101 on n2");
  EXPECT_EQ(State("b").phase, LaunchPhase::kExited);
  EXPECT_EQ(State("b").exit_code, 3);
  ASSERT_TRUE(WriteNumber(dir() / "a" / kExitFile, 0));  // a node that comes back changes nothing
  EXPECT_EQ(State("a").phase, LaunchPhase::kLost);
  EXPECT_TRUE(executor_->Forget("a").has_value());
  EXPECT_FALSE(executor_->Find("a")->has_value());
  executor_->OnExit(nullptr);
}

TEST_F(SlurmExecutorTest, AStopCancelsWhatPends) {
  Launch("a");
  Launch("b");
  executor_->Pass();
  Start("b");
  slurm_.jobs[1].state = "RUNNING";
  Launch("c");
  for (const char* key : {"a", "b", "c"}) ASSERT_TRUE(executor_->Stop(key, 5s).has_value());
  PassAfter(1s);
  EXPECT_EQ(slurm_.calls.back(), (std::vector<std::string>{"scancel", "--state=PENDING", "101"}));
  EXPECT_EQ(State("c").exit_code, 128 + SIGTERM);  // was never asked for
  EXPECT_EQ(slurm_.Calls("sbatch"), 2);
  PassAfter(1s);
  PassAfter(10s);
  EXPECT_EQ(State("a").exit_code, 128 + SIGTERM);
  EXPECT_EQ(State("b").phase, LaunchPhase::kRunning);  // its supervisor keeps the grace
  PassAfter(60s);
  EXPECT_EQ(slurm_.calls.back(), (std::vector<std::string>{"scancel", "102"}));  // it does not hear
}

TEST_F(SlurmExecutorTest, ManyLaunchesAreOneQuestion) {
  for (int i = 0; i < 50; ++i) Launch("k" + std::to_string(i));
  executor_->Pass();
  EXPECT_EQ(slurm_.Calls("squeue"), 0);
  for (SlurmJob& job : slurm_.jobs) job.state = "RUNNING";
  executor_->Pass();
  EXPECT_EQ(slurm_.Calls("squeue"), 1);
  EXPECT_EQ(slurm_.Calls("sbatch"), 50);
}

TEST_F(SlurmExecutorTest, WithoutNeedsItRunsHere) {
  ASSERT_TRUE(executor_->Launch({.key = "here", .argv = {"/bin/sh", "-c", "exit 4"}}).has_value());
  ASSERT_TRUE(Within60s([&] { return State("here").phase == LaunchPhase::kExited; }));
  EXPECT_EQ(State("here").exit_code, 4);
  executor_->Pass();
  EXPECT_EQ(slurm_.Calls("sbatch"), 0);
}

TEST_F(SlurmExecutorTest, ChecksWhatItWasStartedWith) {
  executor_.reset();
  const auto open = [&](const SlurmOptions& options) {
    auto opened = SlurmExecutor::Open(dir(), *LocalExecutor::Open(dir()), options);
    return opened ? std::string() : opened.error().message;
  };
  SlurmOptions options = Options();
  options.partition = "gpu";
  EXPECT_EQ(open(options), "Slurm has no partition \"gpu\"; it has debug, small");
  options.partition = "small";
  EXPECT_EQ(open(options), "");
  slurm_.away = true;
  EXPECT_EQ(open(options), "");
  ASSERT_TRUE(WriteFileAtomic(options.table, R"({"version":1,"types":{"a":{"cpu":1}}})"));
  EXPECT_NE(open(options).find("slurm.json: types.a.cpu is not known"), std::string::npos);
  options = Options();
  options.table.clear();
  options.tools = [](const std::vector<std::string>& argv) -> Result<ToolOutcome> {
    return Fail(Code::kNotFound, "NoFile", "starting " + argv[0] + ": no such file");
  };
  EXPECT_NE(open(options).find("sbatch cannot be run"), std::string::npos);
}

// ---- A real one ----

bool Installed() { return ::access("/usr/sbin/slurmctld", X_OK) == 0; }

// The cluster of this test's process.
class TestCluster {
 public:
  static TestCluster& Get() {
    static TestCluster cluster;
    return cluster;
  }
  int Do(const std::string& command) const {
    const std::string line = std::string(CLARY_SOURCE_DIR "/tests/slurm/cluster.sh ") +
                             temp_.path().string() + " " + command;
    return std::system(line.c_str());
  }
  fs::path folder() const { return temp_.path(); }

 private:
  TestCluster() : temp_(*TempDir::Make()) {
    ::setenv("SLURM_CONF", (temp_.path() / "slurm.conf").c_str(), 1);
    if (Do("up " + std::to_string(::getpid())) != 0) ADD_FAILURE() << "Slurm does not start";
  }
  ~TestCluster() { Do("down"); }
  TempDir temp_;
};

class SlurmWorld : public ShellWorld {
 public:
  SlurmWorld() : ShellWorld({{"any", 1, 1}}), cluster_(TestCluster::Get()) { Reopen(); }
  ~SlurmWorld() override {
    executor_.reset();
    [[maybe_unused]] const auto cancelled = SystemTools()({"scancel", "--me"});
  }
  void Reopen() {
    executor_.reset();
    std::error_code ec;
    const fs::path dir = file("exec");
    auto opened = SlurmExecutor::Open(
        dir, *LocalExecutor::Open(dir),
        {.supervisor = {fs::read_symlink("/proc/self/exe", ec).string(), "supervise"},
         .poll = 100ms,
         .settle = 2s,
         .tools = SystemTools(10s)});
    if (!opened) ADD_FAILURE() << opened.error().message;
    executor_ = *std::move(opened);
  }
  Executor& executor() override { return *executor_; }
  TestCluster& cluster() { return cluster_; }

 private:
  TestCluster& cluster_;
  std::unique_ptr<SlurmExecutor> executor_;
};

std::vector<std::unique_ptr<ExecutorWorld> (*)()> SlurmWorlds() {
  if (!Installed()) return {};
  return {+[] { return std::unique_ptr<ExecutorWorld>(new SlurmWorld); }};
}
INSTANTIATE_TEST_SUITE_P(Slurm, ExecutorContract, testing::ValuesIn(SlurmWorlds()));

class RealSlurm : public testing::Test {
 protected:
  void SetUp() override {
    if (!Installed()) {
      GTEST_SKIP() << "Slurm is not installed (munge slurmctld slurmd slurm-client)";
    }
    world_ = std::make_unique<SlurmWorld>();
  }
  LaunchState WaitForEnd(const std::string& key) {
    LaunchState out;
    EXPECT_TRUE(Within60s([&] {
      const auto state = world_->executor().Find(key);
      if (!state || !*state || (*state)->phase == LaunchPhase::kRunning) return false;
      out = **state;
      return true;
    })) << key;
    return out;
  }
  bool WaitForOutput(const std::string& key, const std::string& words) {
    return Within60s([&] { return world_->Output(key).find(words) != std::string::npos; });
  }
  std::unique_ptr<SlurmWorld> world_;
};

TEST_F(RealSlurm, InheritsNothingButSlurmsVariables) {
  ASSERT_TRUE(world_->executor().Launch(world_->Shell("e", "env; pwd")).has_value());
  EXPECT_EQ(WaitForEnd("e").exit_code, 0);
  bool found = false;
  const std::string output = world_->Output("e");
  for (const std::string_view line : Split(output, '\n')) {
    found = found || line.starts_with("SLURM_JOB_ID=");
    EXPECT_TRUE(line.empty() || line.starts_with("SLURM") || line.starts_with("P") ||
                line.starts_with("/") || line.starts_with("OLDPWD") ||
                line.starts_with("CLARY_STOP_FILE="))
        << line;
  }
  EXPECT_TRUE(found);
}

TEST_F(RealSlurm, StopsWithGraceWhileSlurmctldIsAway) {
  ASSERT_TRUE(world_->executor()
                  .Launch(world_->Shell("polite",
                                        "trap 'echo bye; exit 5' TERM; echo up; "
                                        "while :; do sleep 0.1; done"))
                  .has_value());
  ASSERT_TRUE(
      world_->executor()
          .Launch(world_->Shell("deaf", "trap '' TERM; echo up; while :; do sleep 0.1; done"))
          .has_value());
  ASSERT_TRUE(WaitForOutput("polite", "up\n"));
  ASSERT_TRUE(WaitForOutput("deaf", "up\n"));
  world_->cluster().Do("stop ctld");
  ASSERT_TRUE(world_->executor().Stop("polite", 1h).has_value());
  ASSERT_TRUE(world_->executor().Stop("deaf", 1h).has_value());
  EXPECT_EQ(WaitForEnd("polite").exit_code, 5);
  EXPECT_EQ(world_->Output("polite"), "up\nbye\n");
  ASSERT_TRUE(world_->executor().Stop("deaf", 20ms).has_value());  // shorter wins
  EXPECT_EQ(WaitForEnd("deaf").exit_code, 128 + SIGKILL);
  world_->cluster().Do("start ctld");
}

TEST_F(RealSlurm, WhatSlurmEndsIsLostWithItsReason) {
  // A program that ends well when it hears SIGTERM: that is not how the launch ended.
  ASSERT_TRUE(world_->executor()
                  .Launch(world_->Shell("c",
                                        "trap 'exit 0' TERM; echo up $SLURM_JOB_ID; "
                                        "while :; do sleep 0.1; done"))
                  .has_value());
  ASSERT_TRUE(WaitForOutput("c", "\n"));
  ASSERT_TRUE(SystemTools()({"scancel", "--name=clary-c"}).has_value());
  const LaunchState end = WaitForEnd("c");
  EXPECT_EQ(end.phase, LaunchPhase::kLost);
  EXPECT_NE(end.why.find("Slurm: CANCELLED of job"), std::string::npos) << end.why;
}

TEST_F(RealSlurm, ANodeThatGoesDownIsTheReason) {
  ASSERT_TRUE(world_->executor()
                  .Launch(world_->Shell("d", "echo up $SLURMD_NODENAME; exec sleep 1000"))
                  .has_value());
  ASSERT_TRUE(WaitForOutput("d", "\n"));
  const std::string node(Trim(world_->Output("d").substr(3)));
  ASSERT_TRUE(
      SystemTools()({"scontrol", "update", "nodename=" + node, "state=down", "reason=test"}));
  const LaunchState end = WaitForEnd("d");
  EXPECT_EQ(end.phase, LaunchPhase::kLost);
  EXPECT_NE(end.why.find("NODE_FAIL (NodeDown)"), std::string::npos) << end.why;
  EXPECT_NE(end.why.find("on " + node), std::string::npos) << end.why;
  world_->cluster().Do("resume");
}

TEST_F(RealSlurm, WhatItDoesNotHaveIsRefused) {
  LaunchSpec spec = world_->Shell("many", "true");
  spec.hosts = {{"any", 64, 1}};
  ASSERT_TRUE(world_->executor().Launch(spec).has_value());
  const LaunchState end = WaitForEnd("many");
  EXPECT_EQ(end.phase, LaunchPhase::kRefused);
  spec = world_->Shell("nine", "true");
  spec.hosts = {{"any", 1, 9}};
  ASSERT_TRUE(world_->executor().Launch(spec).has_value());
  EXPECT_EQ(WaitForEnd("nine").phase, LaunchPhase::kRefused);
}

// Daemons die at any time, and the service too: every launch runs at most once, and has an end.
TEST_F(RealSlurm, DaemonsThatAreKilledRunNothingTwice) {
  constexpr int kLaunches = 6;
  const auto key = [](int i) { return "x" + std::to_string(i); };
  uint32_t random = 12345;
  const char* const kDaemons[] = {"ctld", "n1", "ctld", "n2", "ctld", "n3"};
  for (int i = 0; i < kLaunches; ++i) {
    const LaunchSpec spec = world_->Shell(
        key(i), "echo run >> " + key(i) + ".runs; sleep 0.3; exit " + std::to_string(i));
    ASSERT_TRUE(world_->executor().Launch(spec).has_value());
    random = random * 1664525 + 1013904223;
    std::this_thread::sleep_for(std::chrono::milliseconds((random >> 20) % 700));
    if (i % 3 == 2) world_->Reopen();
    const std::string daemon = kDaemons[(random >> 16) % 6];
    world_->cluster().Do("kill " + daemon);
    if (i % 2 == 0) std::this_thread::sleep_for(200ms);
    world_->cluster().Do("start " + daemon);
    ASSERT_TRUE(world_->executor().Launch(spec).has_value());
  }
  // It drains nodes that report jobs which it has forgotten.
  std::jthread operator_([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) world_->cluster().Do("resume");
  });
  int exited = 0;
  for (int i = 0; i < kLaunches; ++i) {
    const LaunchState end = WaitForEnd(key(i));
    if (end.phase == LaunchPhase::kExited) {
      EXPECT_EQ(end.exit_code, i);
      EXPECT_EQ(world_->runs(key(i)), 1);
      ++exited;
    } else {
      // A slurmctld that forgot a job has it killed when its node reports it.
      EXPECT_EQ(end.phase, LaunchPhase::kLost) << end.why;
      EXPECT_LE(world_->runs(key(i)), 1);
    }
  }
  EXPECT_GT(exited, 0);
}

}  // namespace
}  // namespace clary::exec
