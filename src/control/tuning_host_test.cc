// Tuning jobs whose trials share a process, told as stories: the test is the trial host.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "control/testing/tuning_world.h"

namespace clary::control {
namespace {

class HostedWorld : public TuningWorld {
 public:
  HostedWorld() {
    options.host_trials = true;
    Restart();
  }
  // Keys of the hosts that were started, in order.
  std::vector<std::string> Hosts() const {
    std::vector<std::string> out;
    for (const exec::LaunchSpec& launch : executor.launches()) {
      if (launch.key.find("hyper-parameter-tuning-job") != std::string::npos) {
        out.push_back(launch.key);
      }
    }
    return out;
  }
  std::vector<api::TrialOrder> Orders(const std::string& host) const {
    uint64_t offset = 0;
    auto orders = api::ReadOrders(dir.path() / "jobs/tuning_jobs" / host / "orders.jsonl", &offset);
    EXPECT_TRUE(orders);
    return orders ? *orders : std::vector<api::TrialOrder>();
  }
  // Directories of the trials that `host` was asked to run; each key once.
  std::vector<std::string> Asked(const std::string& host) const {
    std::vector<std::string> out;
    std::set<std::string> keys;
    for (const api::TrialOrder& order : Orders(host)) {
      if (order.kind != api::TrialOrder::Kind::kRun) continue;
      EXPECT_TRUE(keys.insert(order.key).second) << order.key << " is ordered twice";
      out.push_back(std::filesystem::path(order.directory).filename());
    }
    return out;
  }
  size_t Stops(const std::string& host) const {
    const auto orders = Orders(host);
    return static_cast<size_t>(
        std::ranges::count(orders, api::TrialOrder::Kind::kStop, &api::TrialOrder::kind));
  }
  void EndHosted(const std::string& trial, int code = 0) {
    if (code == 0) Artifact(trial);
    clock.Advance(seconds(1));
    End(trial, code);
    Settle();
  }
  void Settle() {
    for (int i = 0; i < 4; ++i) service->Reconcile();
  }
  // All trials, as they come.
  void RunHosted(const std::string& name, bool restarts = false) {
    for (auto running = Running(name); !running.empty(); running = Running(name)) {
      if (restarts) Restart();
      Settle();
      Train(running.front(), {0.5, Value(running.front())});
      if (restarts) Restart();
      EndHosted(running.front());
    }
  }
};

TEST(TuningHost, RunsAllTrialsInOneLaunch) {
  HostedWorld w;
  w.Start(Tuning("Hpt", 5, 2));
  w.Settle();
  ASSERT_EQ(w.Hosts().size(), 1U);
  const std::string host = w.Hosts().front();
  const auto spec = api::JobSpec::FromJson(
      *ReadFile(w.dir.path() / "jobs/tuning_jobs" / host / "job.json", 1 << 20));
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->contract, "trials");
  EXPECT_EQ(spec->program, "xgboost");
  EXPECT_EQ(spec->channels.size(), 2U);
  EXPECT_EQ(w.Asked(host), w.Running("hpt"));
  EXPECT_EQ(w.Asked(host).size(), 2U);
  const std::string first = w.Asked(host).front();
  EXPECT_EQ(w.Spec(first).hyperparameters["objective"], "binary:logistic");
  EXPECT_EQ(w.StatusOf(first), "InProgress/Starting");

  w.RunHosted("hpt");
  EXPECT_EQ(w.StatusOfTuning("hpt"), "Completed");
  EXPECT_EQ(w.See("hpt")["TrainingJobStatusCounters"]["Completed"], 5);
  EXPECT_EQ(w.Asked(host).size(), 5U);
  EXPECT_EQ(w.executor.launches().size(), 2U) << "the host's and the report's, none of a trial";
  EXPECT_EQ(w.History(first),
            (std::vector<std::string>{
                "Starting: Preparing the instances for training...",
                "Downloading: Downloading input data...",
                "Training: Training image download completed. Training in progress.",
                "Completed: Training job completed"}));
  EXPECT_TRUE(w.executor.stop_grace(host)) << "the host is told that nothing follows";
  w.executor.Exit(host, 0);
  w.Settle();
  EXPECT_LE(w.service->Reconcile(), 1U) << "only the report goes on";
}

TEST(TuningHost, RestartsOrderNothingTwiceAndFindTheSameTrials) {
  HostedWorld calm;
  calm.Start(Tuning("hpt", 6, 2));
  calm.Settle();
  calm.RunHosted("hpt");
  HostedWorld w;
  w.Start(Tuning("hpt", 6, 2));
  w.Settle();
  w.RunHosted("hpt", true);
  EXPECT_EQ(w.StatusOfTuning("hpt"), "Completed");
  ASSERT_EQ(w.Hosts().size(), 1U);
  EXPECT_EQ(w.Asked(w.Hosts().front()).size(), 6U);
  EXPECT_EQ(TunedOf(w.List("hpt")), TunedOf(calm.List("hpt")));
}

TEST(TuningHost, TrialsOfALostHostRunOnceMoreByThemselves) {
  HostedWorld w;
  json request = Tuning("hpt", 6, 2);
  request["HyperParameterTuningJobConfig"].erase("RandomSeed");
  w.Start(request);
  w.Settle();
  const std::string first = w.Hosts().front();
  const auto lost = w.Asked(first);
  w.Train(lost[0], {0.5});
  w.Train(lost[1], {0.5});
  // One of them has told of its end, and nobody has looked yet.
  w.Artifact(lost[1]);
  w.End(lost[1], 0);
  w.executor.Lose(first);
  w.Settle();
  EXPECT_EQ(w.StatusOf(lost[1]), "Completed/Completed");
  EXPECT_EQ(w.StatusOf(lost[0]), "InProgress/Starting");
  EXPECT_TRUE(w.executor.IsRunning(w.Key(lost[0]))) << "it has a launch of its own";
  // The next one runs in the next host.
  ASSERT_EQ(w.Hosts().size(), 2U);
  const std::string second = w.Hosts().back();
  ASSERT_EQ(w.Asked(second).size(), 1U);
  w.Train(lost[0], {0.5, 0.6});
  w.Complete(lost[0]);
  EXPECT_EQ(w.StatusOf(lost[0]), "Completed/Completed");

  // After a second loss there is no third host.
  w.executor.Exit(second, 137);
  w.Settle();
  EXPECT_EQ(w.Hosts().size(), 2U);
  for (auto running = w.Running("hpt"); !running.empty(); running = w.Running("hpt")) {
    w.Train(running.front(), {0.5, 0.7});
    w.Complete(running.front());
  }
  EXPECT_EQ(w.StatusOfTuning("hpt"), "Completed");
  EXPECT_EQ(w.See("hpt")["TrainingJobStatusCounters"]["Completed"], 6);
  EXPECT_EQ(w.List("hpt").size(), 6U);
}

TEST(TuningHost, ATrialThatItsHostNeverHeardOfRunsByItself) {
  HostedWorld w;
  w.Start(Tuning("hpt", 1, 1));
  w.Settle();
  const std::string host = w.Hosts().front();
  const std::string trial = w.Asked(host).front();
  // As if the service had died between its write and the order.
  std::filesystem::remove(w.dir.path() / "jobs/tuning_jobs" / host / "orders.jsonl");
  w.executor.Lose(host);
  w.Restart();
  w.Settle();
  w.Train(trial, {0.5});
  w.Complete(trial);
  EXPECT_EQ(w.StatusOfTuning("hpt"), "Completed");
}

TEST(TuningHost, AHostThatEndedSinceItHadNothingToDoIsNotLost) {
  HostedWorld w;
  w.Start(Tuning("hpt", 9, 1));
  w.Settle();
  for (int i = 0; i < 4; ++i) {
    const std::string host = w.Hosts().back();
    std::ofstream(w.dir.path() / "jobs/tuning_jobs" / host / "events.jsonl", std::ios::app)
        << api::JobEvent{.kind = api::JobEvent::Kind::kEnd}.ToJsonLine();
    const std::string trial = w.Asked(host).back();
    w.Train(trial, {0.5});
    w.Artifact(trial);
    w.End(trial, 0);
    w.executor.Exit(host, 0);
    w.Settle();
    EXPECT_EQ(w.Hosts().size(), static_cast<size_t>(i) + 2);
  }
}

TEST(TuningHost, StopsOneTrialAndAll) {
  HostedWorld w;
  w.Start(Tuning("hpt", 50, 2));
  w.Settle();
  const std::string host = w.Hosts().front();
  const auto asked = w.Asked(host);
  for (const std::string& trial : asked) w.Train(trial, {0.5});
  ASSERT_TRUE(w.Stop(asked[0]));
  w.Settle();
  EXPECT_EQ(w.Stops(host), 1U);
  w.EndHosted(asked[0], 143);
  EXPECT_EQ(w.StatusOf(asked[0]), "Stopped/Stopped");
  ASSERT_TRUE(w.Call("StopHyperParameterTuningJob", {{"HyperParameterTuningJobName", "hpt"}}));
  w.Settle();
  for (const std::string& trial : w.Asked(host)) {
    if (w.Describe(trial)["TrainingJobStatus"] == "Stopping") w.EndHosted(trial, 143);
  }
  EXPECT_EQ(w.StatusOfTuning("hpt"), "Stopped");
  EXPECT_EQ(w.Stops(host), w.Asked(host).size());
  // Stopped while its host is lost: it is stopped.
  w.Start(Tuning("other", 50, 1));
  w.Settle();
  const std::string next = w.Hosts().back();
  const std::string trial = w.Asked(next).front();
  w.Train(trial, {0.5});
  ASSERT_TRUE(w.Stop(trial));
  w.executor.Lose(next);
  w.Settle();
  EXPECT_EQ(w.StatusOf(trial), "Stopped/Stopped");
}

TEST(TuningHost, OthersRunAsBefore) {
  for (const auto& [member, value] : std::vector<std::pair<std::string, json>>{
           {"Environment", {{"A", "b"}}},
           {"CheckpointConfig", {{"S3Uri", "s3://bkt/checkpoints"}}}}) {
    HostedWorld w;
    json request = Tuning("hpt", 2, 1);
    request["TrainingJobDefinition"][member] = value;
    w.Start(request);
    w.Settle();
    EXPECT_TRUE(w.Hosts().empty()) << member;
    w.RunAll("hpt");
    EXPECT_EQ(w.StatusOfTuning("hpt"), "Completed");
  }
  HostedWorld w;
  json request = Tuning("pipe", 2, 1);
  request["TrainingJobDefinition"]["InputDataConfig"][0]["InputMode"] = "Pipe";
  w.Start(request);
  w.Settle();
  EXPECT_TRUE(w.Hosts().empty());
}

TEST(TuningHost, AHostThatCannotBeStartedIsDoneWithout) {
  HostedWorld w;
  w.executor.FailLaunches(8);  // those of the host, and of the report between them
  w.Start(Tuning("hpt", 2, 1));
  for (int i = 0; i < 10; ++i) {
    w.clock.Advance(seconds(10));
    w.service->Reconcile();
  }
  EXPECT_TRUE(w.Hosts().empty());
  w.RunAll("hpt");
  EXPECT_EQ(w.StatusOfTuning("hpt"), "Completed");
}

}  // namespace
}  // namespace clary::control
