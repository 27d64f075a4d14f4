// Rules as launches of their own: started with the training, ended with a result, never left over.
#include "control/internal/rules.h"

#include <gmock/gmock.h>

#include <set>

#include "control/testing/world.h"

namespace clary::control {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

json RuleJson(const std::string& name, const std::string& invoked) {
  return {
      {"RuleConfigurationName", name},
      {"RuleEvaluatorImage", "1.dkr.ecr.us-east-1.amazonaws.com/sagemaker-debugger-rules:latest"},
      {"RuleParameters", {{"rule_to_invoke", invoked}}}};
}

class Rules : public testing::Test {
 protected:
  json Request(const std::string& job, std::initializer_list<std::string> rules) {
    json request = World::Request(job);
    request["DebugRuleConfigurations"] = json::array();
    for (const std::string& rule : rules) {
      request["DebugRuleConfigurations"].push_back(RuleJson(rule, rule));
    }
    return request;
  }
  void StartTraining(const std::string& job) {
    w.service->Reconcile();
    w.Phase(job, "Downloading");
    w.Phase(job, "Training");
    w.service->Reconcile();
    w.service->Reconcile();
  }
  void Finish(const std::string& job) {
    w.Artifact(job);
    w.End(job, 0);
    w.executor.Exit(w.Key(job), 0);
    w.service->Reconcile();
    w.service->Reconcile();
  }
  json Statuses(const std::string& job) {
    return w.Describe(job).value("DebugRuleEvaluationStatuses", json::array());
  }
  std::string StatusOf(const std::string& job, size_t i = 0) {
    return Statuses(job).at(i).at("RuleEvaluationStatus");
  }
  std::string Details(const std::string& job, size_t i = 0) {
    return Statuses(job).at(i).value("StatusDetails", "");
  }
  std::string ProcessingJob(const std::string& job, size_t i = 0) {
    const std::string arn = Statuses(job).at(i).at("RuleEvaluationJobArn");
    return arn.substr(arn.rfind('/') + 1);
  }
  std::filesystem::path RuleDir(const std::string& job, size_t i = 0) {
    return w.JobDir(job) / "rules" / ProcessingJob(job, i);
  }
  std::string RuleKey(const std::string& job, size_t i = 0) {
    for (const auto& launch : w.executor.launches()) {
      if (launch.key.starts_with(ProcessingJob(job, i))) return launch.key;
    }
    return "";
  }
  // What the rule's process does last.
  void Report(const std::string& job, const api::RuleResult& result, size_t i = 0) {
    ASSERT_TRUE(WriteFileAtomic(RuleDir(job, i) / "result.json", result.ToJson()));
  }
  void EndRule(const std::string& job, const api::RuleResult& result, size_t i = 0) {
    Report(job, result, i);
    w.executor.Exit(RuleKey(job, i), 0);
    w.service->Reconcile();
    w.service->Reconcile();
  }
  api::RuleContext Context(const std::string& job) {
    return *api::RuleContext::FromJson(*ReadFile(w.JobDir(job) / "rules/context.json", 1 << 20));
  }
  World w;
};

TEST_F(Rules, StartWithTheTrainingAndOutliveTheJob) {
  json request = Request("my-job", {"Overfit"});
  request["DebugHookConfig"] = {{"S3OutputPath", "s3://bkt/tensors/"}};
  w.Create(request);
  w.service->Reconcile();
  w.Phase("my-job", "Downloading");
  w.service->Reconcile();
  EXPECT_EQ(RuleKey("my-job"), "") << "nothing to look at yet";
  w.Phase("my-job", "Training");
  w.service->Reconcile();
  ASSERT_NE(RuleKey("my-job"), "");
  EXPECT_EQ(StatusOf("my-job"), "InProgress");
  EXPECT_THAT(ProcessingJob("my-job"), testing::MatchesRegex("my-job-overfit-[0-9a-f]{8}"));

  const auto spec = api::RuleSpec::FromJson(*ReadFile(RuleDir("my-job") / "rule.json", 1 << 20));
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->Invoked(), "Overfit");
  EXPECT_EQ(spec->tensors_uri, "s3://bkt/tensors/my-job/debug-output");
  EXPECT_EQ(spec->output_uri, "s3://bkt/out/my-job/rule-output/Overfit");
  EXPECT_FALSE(Context("my-job").job_ended);

  Finish("my-job");
  EXPECT_EQ(w.StatusOf("my-job"), "Completed/Completed") << "the job does not wait for its rules";
  EXPECT_EQ(StatusOf("my-job"), "InProgress");
  EXPECT_TRUE(Context("my-job").job_ended);
  EXPECT_EQ(Context("my-job").status, "Completed");

  w.clock.Advance(seconds(2));
  EndRule("my-job", {.status = "NoIssuesFound"});
  EXPECT_EQ(StatusOf("my-job"), "NoIssuesFound");
  EXPECT_EQ(w.service->Reconcile(), 0u) << "nothing is left to do";
  EXPECT_FALSE(*w.executor.Find(RuleKey("my-job"))) << "its launch is forgotten";
}

TEST_F(Rules, AFindingIsShownWithItsDetails) {
  w.Create(Request("j", {"Overfit", "LossNotDecreasing"}));
  StartTraining("j");
  EndRule("j", {.status = "IssuesFound", .details = "RuleEvaluationConditionMet: step 3"}, 1);
  EXPECT_EQ(StatusOf("j", 0), "InProgress");
  EXPECT_EQ(StatusOf("j", 1), "IssuesFound");
  EXPECT_EQ(Details("j", 1), "RuleEvaluationConditionMet: step 3");
  EXPECT_EQ(w.StatusOf("j"), "InProgress/Training") << "without an action the job goes on";
  EXPECT_EQ(Context("j").rules.at(1).status, "IssuesFound");
}

TEST_F(Rules, TheStopActionStopsTheJobLikeItsUser) {
  w.Create(Request("j", {"Overfit"}));
  StartTraining("j");
  EndRule("j", {.status = "IssuesFound", .details = "d", .stop_job = true});
  EXPECT_EQ(w.StatusOf("j"), "Stopping/Stopping");
  EXPECT_TRUE(w.executor.stop_grace(w.Key("j")));
  w.End("j", 0);
  w.executor.Exit(w.Key("j"), 0);
  w.service->Reconcile();
  EXPECT_EQ(w.StatusOf("j"), "Stopped/Stopped");
}

TEST_F(Rules, AServiceThatDiesFindsThemAgain) {
  w.Create(Request("j", {"Overfit", "Confusion"}));
  StartTraining("j");
  const size_t launches = w.executor.launches().size();
  w.Restart();
  w.service->Reconcile();
  EXPECT_EQ(w.executor.launches().size(), launches) << "nothing runs twice";
  // One ends while the service is away.
  Report("j", {.status = "NoIssuesFound"});
  const std::string key = RuleKey("j");
  w.service.reset();
  w.executor.Exit(key, 0);
  w.Restart();
  w.service->Reconcile();
  EXPECT_EQ(StatusOf("j", 0), "NoIssuesFound");
  EXPECT_EQ(StatusOf("j", 1), "InProgress");
}

TEST_F(Rules, AProcessThatDiesLeavesAnError) {
  w.Create(Request("j", {"Overfit", "Confusion"}));
  StartTraining("j");
  w.executor.Exit(RuleKey("j", 0), 137);
  w.executor.Lose(RuleKey("j", 1));
  w.service->Reconcile();
  EXPECT_EQ(StatusOf("j", 0), "Error");
  EXPECT_THAT(Details("j", 0), HasSubstr("ended with code 137"));
  EXPECT_EQ(StatusOf("j", 1), "Error");
  EXPECT_THAT(Details("j", 1), HasSubstr("was lost"));
  EXPECT_EQ(w.StatusOf("j"), "InProgress/Training");
}

TEST_F(Rules, AJobThatNeverTrainsEndsThem) {
  w.Create(Request("failed", {"Overfit"}));
  w.Create(Request("stopped", {"Overfit"}));
  ASSERT_TRUE(w.Stop("stopped"));
  w.service->Reconcile();
  w.Phase("failed", "Downloading");
  w.End("failed", 1, "ClientError: no such data");
  w.executor.Exit(w.Key("failed"), 1);
  w.service->Reconcile();
  w.service->Reconcile();
  EXPECT_EQ(StatusOf("failed"), "Error");
  EXPECT_THAT(Details("failed"), HasSubstr("No debugging data was saved"));
  EXPECT_EQ(StatusOf("stopped"), "Stopped");
  EXPECT_EQ(w.service->Reconcile(), 0u);
}

TEST_F(Rules, OneThatHangsIsStoppedAfterItsJob) {
  w.Create(Request("j", {"Overfit"}));
  StartTraining("j");
  Finish("j");
  w.clock.Advance(std::chrono::minutes(29));
  w.service->Reconcile();
  EXPECT_FALSE(w.executor.stop_grace(RuleKey("j")));
  w.clock.Advance(std::chrono::minutes(2));
  w.service->Reconcile();
  EXPECT_TRUE(w.executor.stop_grace(RuleKey("j")));
  EndRule("j", {.status = "Stopped"});
  EXPECT_EQ(StatusOf("j"), "Error");
  EXPECT_THAT(Details("j"), HasSubstr("did not end in time"));
}

TEST_F(Rules, OnlySoManyRunAtOnce) {
  w.options.max_rules = 1;
  w.Restart();
  w.Create(Request("j", {"Overfit", "Confusion"}));
  StartTraining("j");
  EXPECT_NE(RuleKey("j", 0), "");
  EXPECT_EQ(RuleKey("j", 1), "");
  Finish("j");
  EndRule("j", {.status = "NoIssuesFound"}, 0);
  EXPECT_NE(RuleKey("j", 1), "") << "its turn came after the job had ended";
  EndRule("j", {.status = "NoIssuesFound"}, 1);
  EXPECT_EQ(StatusOf("j", 1), "NoIssuesFound");
}

TEST_F(Rules, OneThatCannotBeStartedIsAnError) {
  w.Create(Request("j", {"Overfit"}));
  w.service->Reconcile();
  w.Phase("j", "Training");
  w.executor.FailLaunches(100);
  for (int i = 0; i < 20; ++i) {
    w.clock.Advance(seconds(5));
    w.service->Reconcile();
  }
  EXPECT_EQ(StatusOf("j"), "Error");
  EXPECT_THAT(Details("j"), HasSubstr("starting the rule's process"));
}

TEST_F(Rules, TheStoreMayFailAtAnyWrite) {
  for (int n = 1; n <= 12; ++n) {
    World world;
    const std::string job = "j";
    json request = World::Request(job);
    request["DebugRuleConfigurations"] = {RuleJson("Overfit", "Overfit")};
    world.Create(request);
    world.service->Reconcile();
    world.Phase(job, "Training");
    world.faulty.FailAt(n);
    for (int i = 0; i < 5; ++i) world.service->Reconcile();
    world.faulty.FailAt(0);
    world.Restart();
    for (int i = 0; i < 3; ++i) world.service->Reconcile();
    const json rule = world.Describe(job)["DebugRuleEvaluationStatuses"][0];
    const std::string arn = rule["RuleEvaluationJobArn"];
    const std::string id = arn.substr(arn.rfind('/') + 1);
    int launches = 0;
    std::string key;
    for (const auto& launch : world.executor.launches()) {
      if (!launch.key.starts_with(id)) continue;
      ++launches;
      key = launch.key;
    }
    EXPECT_EQ(launches, 1) << n;
  }
}

TEST_F(Rules, AProfiledJobGetsAReportUnlessItSaysWhich) {
  const auto profiler_rules = [&](const std::string& job) {
    std::vector<std::string> names;
    const json d = w.Describe(job);
    for (const json& r : d.value("ProfilerRuleEvaluationStatuses", json::array())) {
      names.push_back(r["RuleConfigurationName"]);
    }
    return names;
  };
  json request = World::Request("plain");
  w.Create(request);
  EXPECT_THAT(profiler_rules("plain"), testing::IsEmpty());
  EXPECT_EQ(w.Describe("plain")["ProfilingStatus"], "Disabled");

  request = World::Request("profiled");
  request["ProfilerConfig"] = {{"S3OutputPath", "s3://bkt/p/"}};
  w.Create(request);
  const std::string epoch = std::to_string(ToMillis(w.clock.Now()) / 1000);
  EXPECT_THAT(profiler_rules("profiled"), testing::ElementsAre("ProfilerReport-" + epoch));

  request = World::Request("disabled");
  request["ProfilerConfig"] = {{"DisableProfiler", true}};
  w.Create(request);
  EXPECT_THAT(profiler_rules("disabled"), testing::IsEmpty());

  request = World::Request("named");
  request["ProfilerConfig"] = {{"DisableProfiler", false}};
  request["ProfilerRuleConfigurations"] = {RuleJson("cpu", "CPUBottleneck")};
  w.Create(request);
  EXPECT_THAT(profiler_rules("named"), testing::ElementsAre("cpu"));

  w.options.profiler_report = false;
  w.Restart();
  request = World::Request("turned-off");
  request["ProfilerConfig"] = json::object();
  w.Create(request);
  EXPECT_THAT(profiler_rules("turned-off"), testing::IsEmpty());

  // Where they read and write, without a path in ProfilerConfig.
  StartTraining("named");
  const auto rules = w.JobDir("named") / "rules";
  for (const auto& entry : std::filesystem::directory_iterator(rules)) {
    if (!entry.is_directory()) continue;
    const auto spec = api::RuleSpec::FromJson(*ReadFile(entry.path() / "rule.json", 1 << 20));
    EXPECT_TRUE(spec->profiler);
    EXPECT_EQ(spec->profiler_uri, "s3://bkt/out/named/profiler-output");
    EXPECT_EQ(spec->output_uri, "s3://bkt/out/named/rule-output/cpu");
  }
}

TEST_F(Rules, NamesMustBeFolders) {
  EXPECT_THAT(w.Refusal("CreateTrainingJob", Request("j", {"a", "a"})), HasSubstr("given twice"));
  EXPECT_THAT(w.Refusal("CreateTrainingJob", Request("j", {"a/../b"})), HasSubstr("no name"));
  EXPECT_THAT(w.Refusal("CreateTrainingJob", Request("j", {".."})), HasSubstr("no name"));
}

TEST_F(Rules, TheContextTellsOfJobsOfTheSameName) {
  const std::string old = "census-2026-11-26-10-40-00-123";
  const std::string now = "census-2026-11-26-10-41-00-456";
  w.Create(World::Request(old));
  w.RunToEnd(old);
  w.Create(World::Request("census-income-2026-11-26-10-40-00-123"));
  w.Create(Request(now, {"Overfit"}));
  w.service->Reconcile();
  w.Phase(now, "Training");
  w.service->Reconcile();
  w.service->Reconcile();
  const api::RuleContext context = Context(now);
  EXPECT_EQ(context.base_job_name, "census");
  ASSERT_EQ(context.other_jobs.size(), 1u);
  EXPECT_EQ(context.other_jobs[0].name, old);
  EXPECT_EQ(context.other_jobs[0].status, "Completed");
  EXPECT_EQ(context.other_jobs[0].hyperparameters.at("eta"), "0.3");
  EXPECT_EQ(context.image, "xgboost:1.7-1");
  EXPECT_EQ(context.instance, "1 x ml.m5.xlarge");
  EXPECT_EQ(context.channels.at(0).s3_uri, "s3://bkt/in/train.csv");
}

TEST(BaseJobName, IsWhatStandsBeforeTheTime) {
  EXPECT_EQ(BaseJobName("census-2026-11-26-10-40-00-123"), "census");
  EXPECT_EQ(BaseJobName("a-b-20261126104000"), "a-b");
  EXPECT_EQ(BaseJobName("by-hand-7"), "by-hand-7");
  EXPECT_EQ(BaseJobName("2026-11-26-10-40-00-123"), "2026-11-26-10-40-00-123");
}

TEST_F(Rules, GoWithTheirJob) {
  w.Create(Request("j", {"Overfit"}));
  StartTraining("j");
  Finish("j");
  EXPECT_THAT(w.Refusal("DeleteTrainingJob", {{"TrainingJobName", "j"}}),
              HasSubstr("still being evaluated"));
  const std::string first = RuleKey("j");
  const std::string processing_job = ProcessingJob("j");
  EndRule("j", {.status = "NoIssuesFound"});
  ASSERT_TRUE(w.Call("DeleteTrainingJob", {{"TrainingJobName", "j"}}));
  w.service->Reconcile();
  w.service->Reconcile();
  EXPECT_THAT(w.Refusal("DescribeProcessingJob", {{"ProcessingJobName", processing_job}}),
              HasSubstr("Could not find"));
  // A later job of that name has rules of its own.
  w.clock.Advance(seconds(1));
  w.Create(Request("j", {"Overfit"}));
  StartTraining("j");
  EXPECT_EQ(StatusOf("j"), "InProgress");
  EXPECT_TRUE(w.Call("DescribeProcessingJob", {{"ProcessingJobName", processing_job}}));
  EXPECT_NE(w.executor.launches().back().key, first);
}

// --- Processing jobs.

TEST_F(Rules, AreProcessingJobs) {
  json request = Request("j", {"Overfit", "Confusion"});
  request["DebugHookConfig"] = {{"S3OutputPath", "s3://bkt/out"}};
  w.Create(request);
  StartTraining("j");
  json d = *w.Call("DescribeProcessingJob", {{"ProcessingJobName", ProcessingJob("j")}});
  EXPECT_EQ(d["ProcessingJobStatus"], "InProgress");
  EXPECT_EQ(d["ProcessingJobArn"], Statuses("j")[0]["RuleEvaluationJobArn"]);
  EXPECT_THAT(d["TrainingJobArn"].get<std::string>(), HasSubstr(":training-job/j"));
  EXPECT_EQ(d["Environment"]["rule_to_invoke"], "Overfit");
  EXPECT_EQ(d["ProcessingInputs"][0]["S3Input"]["S3Uri"], "s3://bkt/out/j/debug-output");
  EXPECT_EQ(d["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"],
            "s3://bkt/out/j/rule-output/Overfit");
  EndRule("j", {.status = "IssuesFound", .details = "found"}, 0);
  EndRule("j", {.status = "Error", .details = "broken"}, 1);
  d = *w.Call("DescribeProcessingJob", {{"ProcessingJobName", ProcessingJob("j", 0)}});
  EXPECT_EQ(d["ProcessingJobStatus"], "Completed");
  EXPECT_EQ(d["ExitMessage"], "found");
  EXPECT_TRUE(d.contains("ProcessingEndTime"));
  d = *w.Call("DescribeProcessingJob", {{"ProcessingJobName", ProcessingJob("j", 1)}});
  EXPECT_EQ(d["ProcessingJobStatus"], "Failed");
  EXPECT_EQ(d["FailureReason"], "broken");
  EXPECT_THAT(w.Refusal("DescribeProcessingJob", {{"ProcessingJobName", "none"}}),
              HasSubstr("Could not find requested job"));
}

TEST_F(Rules, AreListedPageByPage) {
  w.Create(Request("a", {"Overfit", "Confusion", "TreeDepth"}));
  w.clock.Advance(seconds(1));
  w.Create(Request("b", {"Overfit", "AllZero"}));
  StartTraining("b");
  EndRule("b", {.status = "Error"}, 1);
  for (const char* sort : {"CreationTime", "Name", "Status"}) {
    for (const char* order : {"Ascending", "Descending"}) {
      std::vector<std::string> all;
      json input = {{"SortBy", sort}, {"SortOrder", order}, {"MaxResults", 2}};
      for (int pages = 0; pages < 5; ++pages) {
        const json page = *w.Call("ListProcessingJobs", input);
        for (const json& s : page["ProcessingJobSummaries"]) all.push_back(s["ProcessingJobName"]);
        if (!page.contains("NextToken")) break;
        input["NextToken"] = page["NextToken"];
      }
      EXPECT_EQ(all.size(), 5u) << sort << order;
      EXPECT_EQ(std::set(all.begin(), all.end()).size(), 5u) << sort << order;
    }
  }
  const auto names = [&](const json& input) {
    std::vector<std::string> out;
    const json page = *w.Call("ListProcessingJobs", input);
    for (const json& s : page["ProcessingJobSummaries"]) out.push_back(s["ProcessingJobName"]);
    return out;
  };
  EXPECT_THAT(names({{"StatusEquals", "Failed"}}), testing::ElementsAre(StartsWith("b-allzero-")));
  EXPECT_THAT(names({{"NameContains", "confusion"}}), testing::SizeIs(1));
  EXPECT_THAT(names({{"CreationTimeAfter", ToSeconds(w.clock.Now()) - 0.5}}), testing::SizeIs(2));
  EXPECT_THAT(w.Refusal("ListProcessingJobs", {{"NextToken", "bm9uc2Vuc2U="}}),
              HasSubstr("NextToken"));
}

TEST_F(Rules, AreStoppedLikeProcessingJobs) {
  w.Create(Request("j", {"Overfit", "Confusion"}));
  // Before its evaluation began.
  ASSERT_TRUE(w.Call("StopProcessingJob", {{"ProcessingJobName", ProcessingJob("j", 1)}}));
  EXPECT_EQ(StatusOf("j", 1), "Stopping");
  StartTraining("j");
  EXPECT_EQ(StatusOf("j", 1), "Stopped");
  EXPECT_EQ(RuleKey("j", 1), "");
  // While it runs; the wish survives the service.
  ASSERT_TRUE(w.Call("StopProcessingJob", {{"ProcessingJobName", ProcessingJob("j", 0)}}));
  EXPECT_EQ(StatusOf("j", 0), "Stopping");
  w.Restart();
  w.service->Reconcile();
  EXPECT_TRUE(w.executor.stop_grace(RuleKey("j", 0)));
  EndRule("j", {.status = "Stopped"});
  EXPECT_EQ(StatusOf("j", 0), "Stopped");
  EXPECT_THAT(w.Refusal("StopProcessingJob", {{"ProcessingJobName", ProcessingJob("j", 0)}}),
              HasSubstr("is in status Stopped"));
  EXPECT_EQ(w.StatusOf("j"), "InProgress/Training");
}

}  // namespace
}  // namespace clary::control
