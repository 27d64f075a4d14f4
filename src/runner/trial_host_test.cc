// A trial host with real processes; this executable is its program, too.
#include "runner/internal/trial_host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <map>

#include "base/message_socket.h"
#include "base/strings.h"
#include "runner/testing/job_world.h"

namespace clary::runner {
namespace {

namespace fs = std::filesystem;
using api::JobEvent;
using testing::HasSubstr;
using namespace std::chrono_literals;

// Trials do what their hyperparameters say: "ok" leaves a model, "fail" a failure file, "wait"
// waits for its stop and leaves a model, "deaf" waits for its end, "die" takes the program along.
[[noreturn]] void BeTheProgram(int socket) {
  const fs::path base = ::getenv("SAGEMAKER_BASE_DIR");
  std::map<std::string, Fd> outputs;
  for (;;) {
    auto message = ReceiveMessage(socket);
    if (!message) ::_exit(0);
    const auto words = Split(message->text, ' ');
    const std::string number(words.at(1));
    const fs::path trial = base / "trials" / number;
    const auto end = [&](int code) {
      outputs.erase(number);
      (void)SendMessage(socket, "end " + number + " " + std::to_string(code));
    };
    if (words[0] == "run") {
      const std::string text = *ReadFile(trial / "input/config/hyperparameters.json", 4096);
      Fd& output = outputs[number] = std::move(message->fds.at(0));
      const std::string data = *ReadFile(base / "input/data/train/train.csv", 4096);
      (void)WriteAll(output.get(), "trial " + number + " has " + data);
      if (text.find("ok") != std::string::npos) {
        std::ofstream(trial / "model/m") << number;
        end(0);
      } else if (text.find("fail") != std::string::npos) {
        std::ofstream(trial / "output/failure") << "row 7 is bad";
        end(3);
      } else if (text.find("die") != std::string::npos) {
        ::_exit(9);
      }
    } else if (words[0] == "stop") {
      const std::string text = *ReadFile(trial / "input/config/hyperparameters.json", 4096);
      if (text.find("deaf") != std::string::npos) continue;
      std::ofstream(trial / "model/m") << "stopped";
      end(0);
    } else {
      end(128 + SIGKILL);
    }
  }
}

[[maybe_unused]] const bool kProgram = [] {
  const char* socket = ::getenv("CLARY_TRIAL_SOCKET");
  if (socket != nullptr) BeTheProgram(::atoi(socket));
  return false;
}();

class TrialHostTest : public JobWorld, public testing::TestWithParam<bool> {  // in the sandbox?
 protected:
  void SetUp() override {
    if (GetParam() && !HasSandbox()) GTEST_SKIP() << "bubblewrap is missing or not allowed here";
    MakeWorld();
    host_.program = {"clary"};
    host_.sandbox = GetParam();
    ASSERT_TRUE(MakeDirectories(dir()));
    spec_.contract = "trials";
    spec_.program = "xgboost";
  }
  void TearDown() override {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      (void)Wait(pid_);
    }
  }
  fs::path dir() const { return home() / "jobs/tuning_jobs/h"; }
  fs::path TrialDir(const std::string& name) const { return home() / "jobs" / name; }

  void StartHost() {
    pid_ = ::fork();
    if (pid_ != 0) return;
    auto store = objects::FileStore::Open(spec_.store);
    const auto ended = HostTrials(spec_, dir(), **store, Clock::System(), host_);
    ::_exit(ended ? *ended : 98);
  }
  int WaitHost() { return Wait(std::exchange(pid_, -1)); }
  void Order(const std::string& name, const std::string& what) {
    api::JobSpec trial = spec_;
    trial.contract = "training";
    trial.job_name = name;
    trial.log_stream = name + "/algo-1-1";
    trial.hyperparameters = {{"do", what}};
    trial.notices = {"VpcConfig: there is none"};
    ASSERT_TRUE(MakeDirectories(TrialDir(name)));
    std::ofstream(TrialDir(name) / "job.json") << trial.ToJson();
    ASSERT_TRUE(api::AppendOrder(
        dir() / "orders.jsonl",
        {.kind = api::TrialOrder::Kind::kRun, .key = "k-" + name, .directory = TrialDir(name)}));
  }
  void OrderStop(const std::string& name) {
    ASSERT_TRUE(api::AppendOrder(
        dir() / "orders.jsonl",
        {.kind = api::TrialOrder::Kind::kStop, .key = "k-" + name, .directory = ""}));
  }
  std::vector<JobEvent> EventsOf(const fs::path& directory) {
    uint64_t offset = 0;
    return api::ReadEvents(directory / "events.jsonl", &offset).value_or(std::vector<JobEvent>());
  }
  bool HasEnded(const std::string& name) {
    const auto events = EventsOf(TrialDir(name));
    return !events.empty() && events.back().kind == JobEvent::Kind::kEnd;
  }
  JobEvent EndOf(const std::string& name) {
    EXPECT_TRUE(WaitFor([&] { return HasEnded(name); })) << name;
    const auto events = EventsOf(TrialDir(name));
    return events.empty() ? JobEvent{} : events.back();
  }
  std::string LogOf(const std::string& name) {
    spec_.log_stream = name + "/algo-1-1";
    return Log();
  }

  HostOptions host_;
  pid_t pid_ = -1;
};

INSTANTIATE_TEST_SUITE_P(Sandbox, TrialHostTest, testing::Values(true));
INSTANTIATE_TEST_SUITE_P(Plain, TrialHostTest, testing::Values(false));

TEST_P(TrialHostTest, TrialsLeaveWhatJobsLeave) {
  Order("a", "ok");  // before there is a host
  StartHost();
  EXPECT_EQ(EndOf("a").exit_code, 0);
  Order("b", "fail");
  Order("c", "ok");
  Order("b", "fail");  // again: the key is known
  EXPECT_EQ(EndOf("b").exit_code, 3);
  EXPECT_EQ(EndOf("b").detail, "row 7 is bad");
  EXPECT_EQ(EndOf("c").exit_code, 0);
  EXPECT_EQ(Unpack("out/a/output/model.tar.gz"), "./m 1\n");
  EXPECT_EQ(Object("out/b/output/model.tar.gz"), "!NoSuchKey");
  EXPECT_EQ(Unpack("out/b/output/output.tar.gz"), "./failure row 7 is bad\n");
  EXPECT_THAT(LogOf("a"), HasSubstr("NOTE: not provided on this machine: VpcConfig"));
  EXPECT_THAT(LogOf("a"), HasSubstr("trial 1 has 1,2\n0,3\n"));
  EXPECT_EQ(LogOf("a").find("without a sandbox") == std::string::npos, GetParam());
  std::string kinds;
  for (const JobEvent& e : EventsOf(TrialDir("a"))) {
    kinds += e.kind == JobEvent::Kind::kPhase ? e.phase + " " : "";
    if (e.kind == JobEvent::Kind::kArtifact) {
      EXPECT_EQ(e.etag, store_->Head({"bkt", "out/a/output/model.tar.gz"})->etag);
    }
  }
  EXPECT_EQ(kinds, "Downloading Training Uploading ");
  size_t told = 0;
  EXPECT_TRUE(WaitFor([&] {
    told = EventsOf(dir()).size();
    return told == 3;
  })) << told;
  ::kill(pid_, SIGTERM);
  EXPECT_EQ(WaitHost(), 0);
  EXPECT_EQ(EventsOf(dir()).back().kind, JobEvent::Kind::kEnd);
  EXPECT_FALSE(fs::exists(dir() / "work"));
}

TEST_P(TrialHostTest, StopsOneAndAll) {
  host_.grace = 50ms;
  StartHost();
  for (const char* name : {"a", "b"}) Order(name, "wait");
  Order("c", "deaf");
  ASSERT_TRUE(WaitFor([&] { return LogOf("c").find("trial 3") != std::string::npos; }));
  OrderStop("nobody");
  OrderStop("c");
  EXPECT_EQ(EndOf("c").exit_code, 128 + SIGKILL) << "after the grace";
  EXPECT_FALSE(HasEnded("a"));
  OrderStop("a");
  EXPECT_EQ(EndOf("a").exit_code, 0);
  EXPECT_EQ(Unpack("out/a/output/model.tar.gz"), "./m stopped\n");
  EXPECT_FALSE(HasEnded("b"));
  ::kill(pid_, SIGTERM);
  EXPECT_EQ(WaitHost(), 0);
  EXPECT_TRUE(HasEnded("b"));
}

TEST_P(TrialHostTest, EndsWhenThereIsNothingToDo) {
  host_.idle = 20ms;
  Order("a", "ok");
  StartHost();
  EXPECT_EQ(WaitHost(), 0);
  EXPECT_TRUE(HasEnded("a"));
  EXPECT_EQ(EventsOf(dir()).back().exit_code, 0);
}

TEST_P(TrialHostTest, TrialsOfAProgramThatDiesHaveNoEnd) {
  StartHost();
  Order("a", "wait");
  ASSERT_TRUE(WaitFor([&] { return !EventsOf(TrialDir("a")).empty(); }));
  Order("b", "die");
  EXPECT_EQ(WaitHost(), 1);
  EXPECT_FALSE(HasEnded("a"));
  EXPECT_FALSE(HasEnded("b"));
  EXPECT_THAT(EventsOf(dir()).back().detail, HasSubstr("the program of the trials ended"));
}

TEST_P(TrialHostTest, ATrialThatCannotBeStartedSaysSo) {
  StartHost();
  ASSERT_TRUE(MakeDirectories(TrialDir("x")));
  ASSERT_TRUE(api::AppendOrder(
      dir() / "orders.jsonl",
      {.kind = api::TrialOrder::Kind::kRun, .key = "x", .directory = TrialDir("x")}));
  EXPECT_THAT(EndOf("x").detail, testing::StartsWith("InternalServerError: "));
  Order("a", "ok");
  EXPECT_EQ(EndOf("a").exit_code, 0);
}

TEST_P(TrialHostTest, ChannelsThatAreNotThereEndIt) {
  spec_.channels[0].s3_uri = "s3://bkt/nothing-there";
  Order("a", "ok");
  StartHost();
  EXPECT_EQ(WaitHost(), 1);
  EXPECT_FALSE(HasEnded("a"));
}

}  // namespace
}  // namespace clary::runner
