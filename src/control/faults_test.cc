// What a job becomes when things break: each call to the store fails once, the executor refuses,
// the service dies at every step.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "control/testing/world.h"

namespace clary::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// One whole job as a list of steps, so that a test can put a fault between any two.
const std::vector<std::function<void(World&)>>& Steps() {
  static const std::vector<std::function<void(World&)>> steps = {
      [](World& w) { w.service->Reconcile(); },
      [](World& w) { w.Phase("j", "Downloading"); },
      [](World& w) { w.service->Reconcile(); },
      [](World& w) {
        w.Phase("j", "Training");
        w.Log("j", {"[0]\ttrain-auc:0.5"});
      },
      [](World& w) { w.service->Reconcile(); },
      [](World& w) { w.Phase("j", "Uploading"); },
      [](World& w) { w.Artifact("j"); },
      [](World& w) { w.service->Reconcile(); },
      [](World& w) { w.End("j", 0); },
      [](World& w) { w.service->Reconcile(); },
      [](World& w) { w.executor.Exit(w.Key("j"), 0); },
      [](World& w) { w.service->Reconcile(); },
      [](World& w) { w.service->Reconcile(); },
  };
  return steps;
}

void ExpectGoodEnd(World& w) {
  EXPECT_EQ(w.StatusOf("j"), "Completed/Completed");
  EXPECT_THAT(w.History("j"), ElementsAre(HasSubstr("Starting: "), HasSubstr("Downloading: "),
                                          HasSubstr("Training: "), HasSubstr("Uploading: "),
                                          HasSubstr("Completed: ")));
  EXPECT_EQ(w.Describe("j")["FinalMetricDataList"].size(), 1u);
  EXPECT_EQ(w.executor.launches().size(), 1u) << "launched twice";
}

TEST(Faults, TheNthFailureOfTheStoreIsSurvived) {
  bool fired = true;
  int n = 1;
  for (; fired; ++n) {
    World w;
    w.Create("j");
    w.faulty.FailAt(n);
    for (const auto& step : Steps()) {
      step(w);
      // A failed pass is repeated, as the reconciler's thread would.
      w.clock.Advance(seconds(1));
      w.service->Reconcile();
    }
    fired = w.faulty.fired();
    ExpectGoodEnd(w);
    EXPECT_EQ(w.service->Reconcile(), 0u);
  }
  EXPECT_GE(n, 4);  // the loop did inject something
}

TEST(Faults, ACreateThatCannotBeStoredLeavesNothing) {
  World w;
  w.faulty.FailAt(1);
  EXPECT_THAT(w.Refusal("CreateTrainingJob", World::Request("j")), HasSubstr("Injected"));
  EXPECT_TRUE(w.service->JobNames().empty());
  w.Create("j");  // the name is still free
}

TEST(Faults, AStopThatCannotBeStoredIsAnError) {
  World w;
  w.Create("j");
  w.faulty.FailAt(1);
  EXPECT_FALSE(w.Stop("j"));
  EXPECT_EQ(w.StatusOf("j"), "InProgress/Starting");
  EXPECT_TRUE(w.Stop("j"));
}

TEST(Faults, TheServiceMayDieAtEveryStep) {
  for (size_t at = 0; at <= Steps().size(); ++at) {
    World w;
    w.Create("j");
    for (size_t i = 0; i < Steps().size(); ++i) {
      if (i == at) w.Restart();
      Steps()[i](w);
    }
    w.service->Reconcile();
    w.service->Reconcile();
    ExpectGoodEnd(w);
  }
}

// A job whose first start is lost, told as steps.
std::vector<std::function<void(World&)>> StepsOfTwoStarts() {
  const auto pass = [](World& w) { w.service->Reconcile(); };
  return {pass,
          [](World& w) { w.Phase("j", "Training"); },
          pass,
          [](World& w) { w.executor.Lose(w.Key("j")); },
          pass,
          pass,
          [](World& w) { w.Phase("j", "Training"); },
          pass,
          [](World& w) { w.Artifact("j"); },
          [](World& w) { w.End("j", 0); },
          [](World& w) { w.executor.Exit(w.Key("j"), 0); },
          pass,
          pass};
}

void CreateForTwoStarts(World& w) {
  json request = World::Request("j");
  request["RetryStrategy"] = {{"MaximumRetryAttempts", 1}};
  w.Create(request);
}

TEST(Faults, AJobStartsAgainOnceWhateverFails) {
  bool fired = true;
  for (int n = 1; fired; ++n) {
    World w;
    CreateForTwoStarts(w);
    w.faulty.FailAt(n);
    for (const auto& step : StepsOfTwoStarts()) {
      step(w);
      w.clock.Advance(seconds(1));
      w.service->Reconcile();
    }
    fired = w.faulty.fired();
    EXPECT_EQ(w.StatusOf("j"), "Completed/Completed") << n;
    EXPECT_EQ(w.executor.launches().size(), 2u) << n;
    EXPECT_EQ(w.service->Reconcile(), 0u);
  }
  const size_t steps = StepsOfTwoStarts().size();
  for (size_t at = 0; at <= steps; ++at) {
    World w;
    CreateForTwoStarts(w);
    for (size_t i = 0; i < steps; ++i) {
      if (i == at) w.Restart();
      StepsOfTwoStarts()[i](w);
    }
    EXPECT_EQ(w.StatusOf("j"), "Completed/Completed") << at;
    EXPECT_EQ(w.executor.launches().size(), 2u) << at;
  }
}

TEST(Faults, TheServiceMayBeAwayUntilTheEnd) {
  World w;
  w.Create("j");
  w.service->Reconcile();
  w.service.reset();
  w.Phase("j", "Downloading");
  w.Phase("j", "Training");
  w.Log("j", {"[0]\ttrain-auc:0.5"});
  w.Phase("j", "Uploading");
  w.Artifact("j");
  w.End("j", 0);
  w.executor.Exit(w.Key("j"), 0);
  ASSERT_TRUE(w.executor.Forget(w.Key("j")));  // even its launch is not known any more
  w.Restart();
  w.service->Reconcile();
  w.service->Reconcile();
  ExpectGoodEnd(w);
  EXPECT_EQ(w.service->Reconcile(), 0u);
}

TEST(Faults, AStopSurvivesARestart) {
  World w;
  w.Create("j");
  w.service->Reconcile();
  w.Phase("j", "Training");
  ASSERT_TRUE(w.Stop("j"));
  w.Restart();
  EXPECT_EQ(w.StatusOf("j"), "Stopping/Stopping");
  w.service->Reconcile();
  EXPECT_TRUE(w.executor.stop_grace(w.Key("j")));
  w.executor.Exit(w.Key("j"), 137);  // killed after the grace, without a last word
  w.service->Reconcile();
  EXPECT_EQ(w.StatusOf("j"), "Stopped/Stopped");
}

TEST(Faults, LaunchesAreTriedAgainThenGivenUp) {
  {
    World w;
    w.executor.FailLaunches(2);
    w.Create("j");
    for (int i = 0; i < 10; ++i) {
      w.service->Reconcile();
      w.clock.Advance(seconds(1));
    }
    EXPECT_EQ(w.executor.launches().size(), 1u);
    EXPECT_EQ(w.StatusOf("j"), "InProgress/Starting");
  }
  World w;
  w.executor.FailLaunches(1000);
  w.Create("j");
  for (int i = 0; i < 20; ++i) {
    w.service->Reconcile();
    w.clock.Advance(seconds(1));
  }
  EXPECT_EQ(w.StatusOf("j"), "Failed/Failed");
  EXPECT_THAT(w.Describe("j")["FailureReason"].get<std::string>(),
              testing::StartsWith("InternalServerError: We encountered an internal error."));
  EXPECT_EQ(w.service->Reconcile(), 0u);
}

TEST(Faults, OneBrokenRecordDoesNotHideTheOthers) {
  World w;
  w.Create("j");
  ASSERT_TRUE(w.records.Put("training_jobs", "broken", "{\"schema\":1", std::nullopt));
  ASSERT_TRUE(w.records.Put("training_jobs", "partial", "{\"schema\":1}", std::nullopt));
  w.Restart();
  EXPECT_THAT(w.service->JobNames(), ElementsAre("j"));
}

TEST(Faults, ARecordOfALaterReleaseIsNotTouched) {
  World w;
  ASSERT_TRUE(w.records.Put("training_jobs", "later", "{\"schema\":3}", std::nullopt));
  const auto started = Service::Start({.records = w.records,
                                       .objects = w.objects,
                                       .executor = w.executor,
                                       .logs = w.logs,
                                       .clock = w.clock},
                                      w.options);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Code::kFailedPrecondition);
}

// The thread itself, on the real clock: woken by create and by the end of a launch.
TEST(Thread, MovesJobsOnAndStopsCleanly) {
  World w;
  w.options.start_reconciler = true;
  auto started = Service::Start({.records = w.records,
                                 .objects = w.objects,
                                 .executor = w.executor,
                                 .logs = w.logs,
                                 .clock = Clock::System()},
                                w.options);
  ASSERT_TRUE(started) << started.error().message;
  Service& service = **started;
  const auto wait_for = [&](const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + seconds(20);
    while (!done() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    return done();
  };
  const auto status = [&](const std::string& name) {
    return json::parse(*service.Call("DescribeTrainingJob",
                                     json{{"TrainingJobName", name}}.dump()))["TrainingJobStatus"]
        .get<std::string>();
  };
  std::vector<std::jthread> clients;
  for (int t = 0; t < 3; ++t) {
    clients.emplace_back([&, t] {
      for (int i = 0; i < 3; ++i) {
        const std::string name = "j" + std::to_string(t) + "-" + std::to_string(i);
        ASSERT_TRUE(service.Call("CreateTrainingJob", World::Request(name).dump()));
        ASSERT_TRUE(service.Call("ListTrainingJobs", "{}"));
        ASSERT_TRUE(service.Call("Search", R"({"Resource":"TrainingJob"})"));
        if (i == 1) {
          ASSERT_TRUE(service.Call("StopTrainingJob", json{{"TrainingJobName", name}}.dump()));
        }
      }
    });
  }
  clients.clear();
  // The rest are launched one after another: play their runners.
  ASSERT_TRUE(wait_for([&] {
    for (const auto& launch : w.executor.launches()) {
      if (!w.executor.IsRunning(launch.key)) continue;
      const std::string name = launch.key.substr(0, launch.key.rfind('-'));
      w.Phase(name, "Training");
      w.Artifact(name);
      w.End(name, 0);
      w.executor.Exit(launch.key, 0);
    }
    for (const auto& name : service.JobNames()) {
      if (status(name) != "Completed" && status(name) != "Stopped") return false;
    }
    return true;
  }));
  EXPECT_EQ(status("j0-0"), "Completed");
  EXPECT_EQ(status("j2-1"), "Stopped");
}

}  // namespace
}  // namespace clary::control
