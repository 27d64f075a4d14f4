// A state directory of an earlier release (testing/state-0.2) opens and goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "api/rule_spec.h"
#include "control/testing/world.h"

namespace clary::control {
namespace {

class Release02 : public testing::Test {
 protected:
  Release02() {
    w.service.reset();
    PutRows(w);
    std::filesystem::copy(root / "jobs", w.dir.path() / "jobs",
                          std::filesystem::copy_options::recursive);
    for (const std::string& key : running) {
      EXPECT_TRUE(w.executor.Launch({.key = key, .argv = {"/clary"}}));
    }
    views = json::parse(Text("views.json"));
    w.clock.Advance(milliseconds(8001));
    w.Restart();
  }
  std::string Text(const std::string& name) const { return *ReadFile(root / name, 1 << 20); }
  void PutRows(World& world) const {
    std::ifstream file(root / "records.jsonl");
    for (std::string line; std::getline(file, line);) {
      const json row = json::parse(line);
      EXPECT_TRUE(world.records.Put(row.at("table"), row.at("key"), row.at("body"), 0));
    }
  }
  json Processing(const std::string& name) {
    return *w.Call("DescribeProcessingJob", {{"ProcessingJobName", name}});
  }
  void Reconcile() {
    for (int i = 0; i < 3; ++i) w.service->Reconcile();
  }
  std::string RuleStatus(int i) {
    return w.Describe("running")["DebugRuleEvaluationStatuses"][i]["RuleEvaluationStatus"];
  }
  void ExpectViews() {
    for (const auto& [name, view] : views["training"].items()) {
      json now = w.Describe(name);
      now["AlgorithmSpecification"].erase("MetricDefinitions");
      EXPECT_EQ(now, view) << json::diff(view, now);
    }
    for (const auto& [name, view] : views["processing"].items()) {
      EXPECT_EQ(Processing(name), view) << json::diff(view, Processing(name));
    }
    const json listed = *w.Call("ListProcessingJobs", {{"MaxResults", 100}});
    EXPECT_EQ(listed["ProcessingJobSummaries"].size(), views["processing"].size());
  }

  World w;
  const std::filesystem::path root =
      std::filesystem::path(CLARY_SOURCE_DIR) / "src/control/testing/state-0.2";
  const std::string overfit = "running-overfit-8ac0d06c";
  const std::string confusion = "running-confusion-9ee86318";
  const std::string report = "running-profilerreport-1795000006-5384c422";
  const std::vector<std::string> running = {"running-1795000006000", confusion + "-1795000006000",
                                            report + "-1795000006000", "stopping-1795000007000"};
  json views;
};

TEST_F(Release02, LooksTheSame) {
  ExpectViews();
  w.Restart();  // now from rows of this release
  ExpectViews();
  const std::string arn = w.Describe("done")["TrainingJobArn"];
  EXPECT_EQ(w.Call("ListTags", {{"ResourceArn", arn}})->at("Tags"),
            json::parse(R"([{"Key":"team","Value":"done"}])"));
  const auto rows = w.records.List("training_jobs", "", 100);
  for (const meta::Record& row : *rows) EXPECT_EQ(json::parse(row.body)["schema"], 2) << row.key;
  EXPECT_EQ(w.records.List("processing_jobs", "", 100)->size(), views["processing"].size());
}

TEST_F(Release02, RunningJobsAndRulesGoOn) {
  Reconcile();
  EXPECT_EQ(w.executor.launches().size(), running.size()) << "something was launched again";
  EXPECT_TRUE(w.executor.stop_grace(running[1]));
  EXPECT_FALSE(w.executor.stop_grace(running[2]));
  EXPECT_TRUE(w.executor.stop_grace(running[3]));
  EXPECT_THAT(w.Refusal("DescribeTrainingJob", {{"TrainingJobName", "deleted"}}),
              testing::HasSubstr("not found"));

  // Events go on where the old release stopped reading.
  w.clock.Advance(seconds(1));
  w.Phase("running", "Uploading");
  w.Artifact("running");
  w.End("running", 0);
  w.End("stopping", 0);
  w.executor.Exit(running[0], 0);
  w.executor.Exit(running[1], 0);  // stopped, without a last word
  w.executor.Exit(running[3], 0);
  Reconcile();
  EXPECT_EQ(w.StatusOf("running"), "Completed/Completed");
  EXPECT_EQ(w.Describe("running")["SecondaryStatusTransitions"].size(), 5u);
  EXPECT_EQ(w.StatusOf("stopping"), "Stopped/Stopped");
  EXPECT_EQ(RuleStatus(0), "NoIssuesFound");
  EXPECT_EQ(RuleStatus(1), "Stopped");
  EXPECT_EQ(Processing(report)["ProcessingJobStatus"], "InProgress");

  ASSERT_TRUE(MakeDirectories(w.JobDir("running") / "rules" / report));
  ASSERT_TRUE(WriteFileAtomic(w.JobDir("running") / "rules" / report / "result.json",
                              api::RuleResult{.status = "NoIssuesFound"}.ToJson()));
  w.executor.Exit(running[2], 0);
  Reconcile();
  EXPECT_EQ(Processing(report)["ProcessingJobStatus"], "Completed");
  EXPECT_EQ(w.StatusOf("queued"), "InProgress/Pending");
  EXPECT_EQ(w.executor.launches().size(), running.size() + 1);  // its turn has come
  EXPECT_EQ(w.Spec("queued").cpus, 4);
  for (const std::string& key : running) EXPECT_EQ(w.executor.Find(key), std::nullopt) << key;

  EXPECT_TRUE(w.Call("DeleteTrainingJob", {{"TrainingJobName", "running"}}));
  Reconcile();
  EXPECT_THAT(w.Refusal("DescribeProcessingJob", {{"ProcessingJobName", overfit}}),
              testing::HasSubstr("Could not find"));
}

// The service dies while it writes rows anew: each job is carried over once, with its rules.
TEST_F(Release02, MayFailAtAnyWrite) {
  bool fired = true;
  for (int n = 1; fired; ++n) {
    World world;
    world.service.reset();
    PutRows(world);
    world.faulty.FailAt(n);
    (void)Service::Start({.records = world.faulty,
                          .objects = world.objects,
                          .executor = world.executor,
                          .logs = world.logs,
                          .clock = world.clock},
                         world.options);
    fired = world.faulty.fired();
    world.faulty.FailAt(0);
    world.Restart();
    for (const auto& [name, view] : views["processing"].items()) {
      const auto now = world.Call("DescribeProcessingJob", {{"ProcessingJobName", name}});
      ASSERT_TRUE(now) << name << " " << n;
      EXPECT_EQ(*now, view);
    }
  }
}

}  // namespace
}  // namespace clary::control
