// Tuning jobs, told as stories: the test is the runner of every trial.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <set>

#include "api/rule_spec.h"
#include "base/testing/golden.h"
#include "control/testing/tuning_world.h"

namespace clary::control {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

constexpr char kArn[] = "arn:aws:sagemaker:us-east-1:123456789012:hyper-parameter-tuning-job/";

TEST(Tuning, FindsTheBestOfManyTrials) {
  TuningWorld w;
  json request = Tuning("Hpt", 12, 2);
  request["Tags"] = {{{"Key", "team"}, {"Value", "a"}}};
  w.Start(request);
  EXPECT_EQ(w.Running("hpt").size(), 2u);
  const json before = w.See("HPT");  // names differ whatever their case
  EXPECT_EQ(before["HyperParameterTuningJobArn"], std::string(kArn) + "hpt");
  EXPECT_EQ(before["TrainingJobStatusCounters"]["InProgress"], 2);
  EXPECT_FALSE(before.contains("BestTrainingJob"));
  // What attach() of the SDK reads without asking.
  const json& definition = before["TrainingJobDefinition"];
  EXPECT_EQ(definition["StaticHyperParameters"]["_tuning_objective_metric"], "validation:auc");
  EXPECT_EQ(definition["AlgorithmSpecification"]["MetricDefinitions"].back()["Name"],
            "ObjectiveMetric");
  EXPECT_EQ(before["HyperParameterTuningJobConfig"]["TrainingJobEarlyStoppingType"], "Off");

  const std::string first = w.Running("hpt").front();
  EXPECT_THAT(first, StartsWith("Hpt-001-"));
  const json child = w.Describe(first);
  EXPECT_EQ(child["TuningJobArn"], std::string(kArn) + "hpt");
  EXPECT_EQ(child["HyperParameters"]["num_round"], "10");
  EXPECT_EQ(child["HyperParameters"]["_tuning_objective_metric"], "validation:auc");
  EXPECT_EQ(w.Spec(first).cpus, 4) << "two at once share eight cores";
  EXPECT_EQ(w.Call("ListTags", {{"ResourceArn", child["TrainingJobArn"]}})->at("Tags"),
            request["Tags"]);
  EXPECT_THAT(w.Refusal("DeleteTrainingJob", {{"TrainingJobName", first}}),
              StartsWith("ResourceInUse"));

  w.RunAll("hpt");
  const json after = w.See("hpt");
  EXPECT_EQ(after["HyperParameterTuningJobStatus"], "Completed");
  EXPECT_EQ(after["TrainingJobStatusCounters"]["Completed"], 12);
  EXPECT_EQ(after["ObjectiveStatusCounters"]["Succeeded"], 12);
  const json trials = w.List("hpt");
  ASSERT_EQ(trials.size(), 12u);
  double best = 0;
  std::string name;
  for (const json& t : trials) {
    EXPECT_EQ(t["ObjectiveStatus"], "Succeeded");
    const double value = t["FinalHyperParameterTuningJobObjectiveMetric"]["Value"];
    EXPECT_EQ(value, static_cast<float>(w.Value(t["TrainingJobName"])));
    if (value > best) {
      best = value;
      name = t["TrainingJobName"];
    }
  }
  EXPECT_EQ(after["BestTrainingJob"]["TrainingJobName"], name);
  EXPECT_GT(best, 0.9) << "the model finds what is good";
  const json sorted =
      w.List("hpt", {{"SortBy", "FinalObjectiveMetricValue"}, {"SortOrder", "Descending"}});
  EXPECT_EQ(sorted.front()["TrainingJobName"], name);
  // Pages.
  json input = {{"HyperParameterTuningJobName", "hpt"}, {"MaxResults", 5}};
  std::vector<size_t> pages;
  std::set<std::string> seen;
  do {
    const json page = *w.Call("ListTrainingJobsForHyperParameterTuningJob", input);
    pages.push_back(page["TrainingJobSummaries"].size());
    for (const json& t : page["TrainingJobSummaries"]) seen.insert(t["TrainingJobName"]);
    input["NextToken"] = page.value("NextToken", "");
  } while (input["NextToken"] != "");
  EXPECT_EQ(pages, (std::vector<size_t>{5, 5, 2}));
  EXPECT_EQ(seen.size(), 12u);
  // Search finds it and its trials.
  EXPECT_EQ(w.Call("Search", {{"Resource", "HyperParameterTuningJob"}})->at("Results").size(), 1u);
  const json of_job = *w.Call(
      "Search",
      {{"Resource", "TrainingJob"},
       {"SearchExpression",
        {{"Filters", {{{"Name", "TuningJobArn"}, {"Value", std::string(kArn) + "hpt"}}}}}}});
  EXPECT_EQ(of_job["Results"].size(), 12u);
  const json listed = w.Call("ListHyperParameterTuningJobs", json::object())
                          ->at("HyperParameterTuningJobSummaries");
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0]["TrainingJobStatusCounters"]["Completed"], 12);
  // Trials go without the outcome, the tuning job without its trials.
  ASSERT_TRUE(w.Call("DeleteTrainingJob", {{"TrainingJobName", name}}));
  w.service->Reconcile();
  EXPECT_EQ(w.See("hpt")["BestTrainingJob"]["TrainingJobName"], name);
  EXPECT_EQ(w.List("hpt").size(), 11u);
  w.EndReports();
  ASSERT_TRUE(w.Call("DeleteHyperParameterTuningJob", {{"HyperParameterTuningJobName", "hpt"}}));
  w.service->Reconcile();
  EXPECT_THAT(
      w.Refusal("DescribeHyperParameterTuningJob", {{"HyperParameterTuningJobName", "hpt"}}),
      HasSubstr("can't find a tuning job called hpt"));
  EXPECT_EQ(w.Describe(first)["TrainingJobStatus"], "Completed");
  // The next one of its name has trials of its own.
  w.Start(Tuning("hpt", 3, 1));
  EXPECT_EQ(w.List("hpt").size(), 1u);
  EXPECT_NE(w.Running("hpt").front(), "h" + first.substr(1));
}

// With a seed the same trials, whatever dies and however they end.
TEST(Tuning, SameSeedSameTrials) {
  json expected;
  for (int variant = 0; variant < 4; ++variant) {
    TuningWorld w;
    json request = Tuning("t", 14, 3);
    if (variant == 3) request["HyperParameterTuningJobConfig"]["RandomSeed"] = 8;
    w.Start(request);
    w.RunAll("t", variant == 1, variant == 2);
    EXPECT_EQ(w.StatusOfTuning("t"), "Completed");
    const json tuned = TunedOf(w.List("t"));
    EXPECT_EQ(tuned.size(), 14u);
    if (variant == 0) expected = tuned;
    EXPECT_EQ(tuned == expected, variant != 3) << variant;
  }
}

TEST(Tuning, ATrialIsMadeOnceWhateverTheStoreDoes) {
  for (int failing = 1; failing < 12; ++failing) {
    TuningWorld w;
    json request = Tuning("t", 3, 2);
    request["HyperParameterTuningJobConfig"].erase("RandomSeed");
    ASSERT_TRUE(w.Call("CreateHyperParameterTuningJob", request));
    w.faulty.FailAt(failing);
    for (int i = 0; i < 4; ++i) w.service->Reconcile();
    w.faulty.FailAt(0);
    w.Restart();
    for (int i = 0; i < 4; ++i) w.service->Reconcile();
    w.RunAll("t");
    EXPECT_EQ(w.StatusOfTuning("t"), "Completed") << failing;
    EXPECT_EQ(w.Call("ListTrainingJobs", json::object())->at("TrainingJobSummaries").size(), 3u);
  }
}

TEST(Tuning, FailsIfTheFirstFiveFail) {
  TuningWorld w;
  w.Start(Tuning("t", 20, 2));
  for (int i = 0; i < 5; ++i) w.Finish(w.Running("t").front(), 1, "no such column");
  EXPECT_EQ(w.StatusOfTuning("t"), "InProgress") << "one still runs";
  EXPECT_EQ(w.Running("t").size(), 0u) << "it was told to stop";
  for (const json& t : w.List("t")) {
    if (t["TrainingJobStatus"] == "Stopping") w.Finish(t["TrainingJobName"], 0);
  }
  const json failed = w.See("t");
  EXPECT_EQ(failed["HyperParameterTuningJobStatus"], "Failed");
  EXPECT_THAT(failed["FailureReason"].get<std::string>(),
              StartsWith("No training job succeeded after 5 attempts. Please take a look at the "
                         "training job failures to get more details."));
  EXPECT_THAT(failed["FailureReason"].get<std::string>(), HasSubstr("no such column"));
  EXPECT_EQ(failed["TrainingJobStatusCounters"]["NonRetryableError"], 5);
  EXPECT_EQ(failed["TrainingJobStatusCounters"]["Stopped"], 1);
}

TEST(Tuning, FailsIfTheObjectiveNeverAppears) {
  TuningWorld w;
  w.Start(Tuning("t", 2, 1));
  for (int i = 0; i < 2; ++i) {
    const std::string trial = w.Running("t").front();
    w.Phase(trial, "Training");
    w.Log(trial, {"[0]#011train-auc:0.5#011validation-auc:nan"});
    w.Complete(trial);
  }
  const json failed = w.See("t");
  EXPECT_EQ(failed["HyperParameterTuningJobStatus"], "Failed");
  EXPECT_THAT(failed["FailureReason"].get<std::string>(),
              StartsWith("No objective metrics found after running 2 training jobs."));
  EXPECT_EQ(failed["ObjectiveStatusCounters"]["Failed"], 2);
}

TEST(Tuning, StopsWithItsTrials) {
  TuningWorld w;
  const json name = {{"HyperParameterTuningJobName", "t"}};
  w.Start(Tuning("t", 5, 2));
  const auto running = w.Running("t");
  w.Train(running[0], {0.7});
  EXPECT_THAT(w.Refusal("DeleteHyperParameterTuningJob", name), StartsWith("ResourceInUse"));
  ASSERT_TRUE(w.Call("StopHyperParameterTuningJob", name));
  EXPECT_EQ(w.StatusOfTuning("t"), "Stopping");
  EXPECT_TRUE(w.Call("StopHyperParameterTuningJob", name)) << "once more";
  w.service->Reconcile();
  EXPECT_TRUE(w.Call("StopHyperParameterTuningJob", name));
  w.Restart();
  w.service->Reconcile();
  for (const std::string& trial : running) {
    EXPECT_EQ(w.Describe(trial)["TrainingJobStatus"], "Stopping");
    w.Finish(trial, 0);
  }
  const json stopped = w.See("t");
  EXPECT_EQ(stopped["HyperParameterTuningJobStatus"], "Stopped");
  EXPECT_EQ(stopped["TrainingJobStatusCounters"]["Stopped"], 2);
  EXPECT_EQ(stopped["ObjectiveStatusCounters"]["Succeeded"], 1);
  EXPECT_EQ(w.List("t").size(), 2u) << "none started any more";
  EXPECT_THAT(w.Refusal("StopHyperParameterTuningJob", name), StartsWith("ValidationException"));
}

TEST(Tuning, StopsAtOnce) {
  TuningWorld w;
  ASSERT_TRUE(w.Call("CreateHyperParameterTuningJob", Tuning("t", 5, 2)));
  ASSERT_TRUE(w.Call("StopHyperParameterTuningJob", {{"HyperParameterTuningJobName", "t"}}));
  for (int i = 0; i < 3; ++i) w.service->Reconcile();
  EXPECT_EQ(w.StatusOfTuning("t"), "Stopped");
  EXPECT_EQ(w.List("t").size(), 0u);
}

TEST(Tuning, MedianRuleGivesUpWhatIsWorse) {
  TuningWorld w;
  json request = Tuning("t", 7, 1);
  request["HyperParameterTuningJobConfig"]["TrainingJobEarlyStoppingType"] = "Auto";
  w.Start(request);
  for (int i = 0; i < 5; ++i) {
    const std::string trial = w.Running("t").front();
    w.Train(trial, {0.6, 0.7, 0.8, 0.81});
    EXPECT_EQ(w.Running("t").size(), 1u);
    w.Complete(trial);
  }
  const std::string bad = w.Running("t").front();
  w.Train(bad, {0.5, 0.5});
  EXPECT_EQ(w.Running("t").size(), 1u) << "not before its third report";
  w.Report(bad, {0.51});
  EXPECT_EQ(w.Running("t").size(), 0u);
  w.service->Reconcile();
  w.Finish(bad, 0);
  EXPECT_EQ(w.Describe(bad)["TrainingJobStatus"], "Stopped");
  const std::string good = w.Running("t").front();
  w.Train(good, {0.7, 0.8, 0.85});
  EXPECT_EQ(w.Running("t").size(), 1u);
  w.Complete(good);
  const json done = w.See("t");
  EXPECT_EQ(done["HyperParameterTuningJobStatus"], "Completed");
  EXPECT_EQ(done["TrainingJobStatusCounters"]["Stopped"], 1);
  EXPECT_EQ(done["BestTrainingJob"]["TrainingJobName"], good);
}

TEST(Tuning, HyperbandStopsAtRungs) {
  TuningWorld w;
  json request = Tuning("t", 4, 1);
  json& config = request["HyperParameterTuningJobConfig"];
  config["Strategy"] = "Hyperband";
  config["StrategyConfig"] = {
      {"HyperbandStrategyConfig", {{"MinResource", 2}, {"MaxResource", 6}}}};
  w.Start(request);
  EXPECT_EQ(
      w.See("t")["TrainingJobDefinition"]["StaticHyperParameters"]["save_model_on_termination"],
      "true");
  // Three reports at the first rung are needed before any is worse.
  for (const double value : {0.8, 0.7}) {
    const std::string trial = w.Running("t").front();
    w.Train(trial, {0.5, value, value, value, value});
    EXPECT_EQ(w.Running("t").size(), 1u);
    w.Report(trial, {value + 0.01});
    EXPECT_EQ(w.Running("t").size(), 0u) << "it has had its resource";
    w.Finish(trial, 0);
  }
  w.Restart();
  w.service->Reconcile();
  const std::string worse = w.Running("t").front();
  w.Train(worse, {0.5, 0.75});
  EXPECT_EQ(w.Running("t").size(), 0u);
  w.Finish(worse, 0);
  const std::string best = w.Running("t").front();
  w.Train(best, {0.5, 0.85});
  EXPECT_EQ(w.Running("t").size(), 1u);
  w.Report(best, {0.9, 0.9, 0.9, 0.9});
  w.Finish(best, 0);
  const json done = w.See("t");
  EXPECT_EQ(done["HyperParameterTuningJobStatus"], "Completed");
  EXPECT_EQ(done["BestTrainingJob"]["TrainingJobName"], best);
}

TEST(Tuning, CriteriaEndIt) {
  const std::map<std::string, json> criteria = {
      {"target", {{"TargetObjectiveMetricValue", 0.8}}},
      {"not improving",
       {{"BestObjectiveNotImproving", {{"MaxNumberOfTrainingJobsNotImproving", 3}}}}}};
  for (const auto& [name, criterion] : criteria) {
    TuningWorld w;
    json request = Tuning("t", 50, 1);
    request["HyperParameterTuningJobConfig"]["TuningJobCompletionCriteria"] = criterion;
    w.Start(request);
    for (const double value : {0.7, 0.705, 0.6, 0.701, 0.85}) {
      const auto running = w.Running("t");
      if (running.empty()) break;
      w.Train(running[0], {value});
      w.Complete(running[0]);
    }
    EXPECT_EQ(w.StatusOfTuning("t"), "Completed") << name;
    EXPECT_EQ(w.List("t").size(), name == "target" ? 5u : 4u) << name;
  }
}

TEST(Tuning, TimeEndsIt) {
  TuningWorld w;
  json request = Tuning("t", 50, 1);
  request["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxRuntimeInSeconds"] = 120;
  request["TrainingJobDefinition"]["StoppingCondition"]["MaxRuntimeInSeconds"] = 1000;
  w.Start(request);
  const std::string first = w.Running("t").front();
  w.Train(first, {0.7});
  w.Complete(first);
  const std::string second = w.Running("t").front();
  w.Train(second, {0.6});
  w.clock.Advance(seconds(120));
  w.service->Reconcile();
  w.service->Reconcile();
  EXPECT_EQ(w.Describe(second)["TrainingJobStatus"], "Stopping");
  w.Finish(second, 0);
  EXPECT_EQ(w.StatusOfTuning("t"), "Completed");
  EXPECT_EQ(w.See("t")["BestTrainingJob"]["TrainingJobName"], first);
}

TEST(Tuning, GridTriesEverythingOnce) {
  TuningWorld w;
  json request = Tuning("t", 4, 2);
  json& config = request["HyperParameterTuningJobConfig"];
  config["Strategy"] = "Grid";
  config["ResourceLimits"].erase("MaxNumberOfTrainingJobs");
  config["ParameterRanges"] = {{"CategoricalParameterRanges",
                                {{{"Name", "booster"}, {"Values", {"gbtree", "dart"}}},
                                 {{"Name", "max_depth"}, {"Values", {"3", "6", "9"}}},
                                 {{"Name", "eta"}, {"Values", {"0.1"}}}}}};
  w.Start(request);
  EXPECT_EQ(
      w.See("t")["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxNumberOfTrainingJobs"], 6);
  w.RunAll("t");
  std::set<std::string> tried;
  for (const json& tuned : TunedOf(w.List("t"))) tried.insert(tuned.dump());
  EXPECT_EQ(tried.size(), 6u);
  EXPECT_EQ(w.StatusOfTuning("t"), "Completed");
}

TEST(Tuning, WarmStartKnowsWhatItsParentsFound) {
  TuningWorld w;
  w.Start(Tuning("parent", 12, 2));
  w.RunAll("parent");
  const json best = w.See("parent")["BestTrainingJob"];
  json request = Tuning("child", 2, 1);
  request["WarmStartConfig"] = {
      {"ParentHyperParameterTuningJobs", {{{"HyperParameterTuningJobName", "parent"}}}},
      {"WarmStartType", "IdenticalDataAndAlgorithm"}};
  w.Start(request);
  const std::string first = w.Running("child").front();
  EXPECT_GT(w.Value(first), 0.87) << "it begins where the parent was good";
  w.Train(first, {0.5});
  w.Complete(first);
  w.RunAll("child");
  const json seen = w.See("child");
  EXPECT_EQ(seen["HyperParameterTuningJobStatus"], "Completed");
  ASSERT_TRUE(seen.contains("OverallBestTrainingJob"));
  const bool parents =
      seen["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] <=
      best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"];
  EXPECT_EQ(seen["OverallBestTrainingJob"]["TuningJobName"], parents ? "parent" : "child");

  json transfer = Tuning("other", 5, 1);
  transfer["WarmStartConfig"] = request["WarmStartConfig"];
  transfer["WarmStartConfig"]["WarmStartType"] = "TransferLearning";
  w.Start(transfer);
  const std::string defaults = w.Running("other").front();
  w.Train(defaults, {0.5});
  w.Complete(defaults);
  EXPECT_EQ(w.List("other").back()["TunedHyperParameters"], best["TunedHyperParameters"]);

  json differs = request;
  differs["HyperParameterTuningJobName"] = "third";
  differs["TrainingJobDefinition"]["StaticHyperParameters"]["gamma"] = "1";
  EXPECT_THAT(w.Refusal("CreateHyperParameterTuningJob", differs),
              testing::AllOf(HasSubstr("The set of tunable plus static HyperParameter names is not "
                                       "the same across current and parent tuning jobs."),
                             HasSubstr("gamma")));
  differs = request;
  differs["WarmStartConfig"]["ParentHyperParameterTuningJobs"][0]["HyperParameterTuningJobName"] =
      "nobody";
  differs["HyperParameterTuningJobName"] = "third";
  EXPECT_THAT(w.Refusal("CreateHyperParameterTuningJob", differs), HasSubstr("can't find"));
}

// A longer trial shows on its way what shorter ones would have.
TEST(Tuning, WhatATrialHasPassedIsTriedNext) {
  TuningWorld w;
  json request = Tuning("t", 8, 1);
  request["TrainingJobDefinition"]["StaticHyperParameters"].erase("num_round");
  request["HyperParameterTuningJobConfig"]["ParameterRanges"]["IntegerParameterRanges"].push_back(
      {{"Name", "num_round"}, {"MinValue", "2"}, {"MaxValue", "6"}});
  w.Start(request);
  const std::string first = w.Running("t").front();
  json expected = w.Describe(first)["HyperParameters"];
  EXPECT_EQ(expected["num_round"], "6");
  w.Train(first, {0.9, 0.5, 0.5, 0.8, 0.6, 0.55});  // one round is not in the range
  w.Restart();
  w.Complete(first);
  expected["num_round"] = "4";
  const auto next = [&] { return w.Describe(w.Running("t").front())["HyperParameters"]; };
  for (int i = 0; i < 5 && next() != expected; ++i) {  // what every search begins with
    const std::string other = w.Running("t").front();
    w.Train(other, {0.4, 0.4});
    w.Complete(other);
  }
  EXPECT_EQ(next(), expected);
}

TEST(Tuning, WarmStartsHaveLimits) {
  TuningWorld w;
  json parent = Tuning("parent", 1, 1);
  json& statics = parent["TrainingJobDefinition"]["StaticHyperParameters"];
  const std::vector<std::string> names = {
      "alpha",    "colsample_bylevel", "colsample_bynode", "colsample_bytree", "gamma",
      "lambda",   "max_delta_step",    "max_leaves",       "min_child_weight", "seed",
      "subsample"};
  for (const std::string& name : names) statics[name] = "1";
  w.Start(parent);
  w.RunAll("parent");
  json child = parent;
  child["HyperParameterTuningJobName"] = "child";
  child["WarmStartConfig"] = {
      {"ParentHyperParameterTuningJobs", {{{"HyperParameterTuningJobName", "parent"}}}},
      {"WarmStartType", "TransferLearning"}};
  json typed = child;
  json& ranges = typed["HyperParameterTuningJobConfig"]["ParameterRanges"];
  ranges["CategoricalParameterRanges"].push_back({{"Name", "max_depth"}, {"Values", {"3", "4"}}});
  ranges["IntegerParameterRanges"] = json::array();
  EXPECT_THAT(w.Refusal("CreateHyperParameterTuningJob", typed),
              HasSubstr("max_depth is in CategoricalParameterRanges, and was in "
                        "IntegerParameterRanges of the parent tuning job parent"));
  json& changed = child["TrainingJobDefinition"]["StaticHyperParameters"];
  for (const std::string& name : names) changed[name] = "0";
  changed["subsample"] = changed["colsample_bytree"] = changed["colsample_bylevel"] =
      changed["colsample_bynode"] = "0.5";
  EXPECT_THAT(w.Refusal("CreateHyperParameterTuningJob", child),
              testing::AllOf(HasSubstr("at most 10 hyperparameters"), HasSubstr("11 are changed"),
                             HasSubstr("alpha, ")));
  changed["alpha"] = "1";
  EXPECT_EQ(w.Refusal("CreateHyperParameterTuningJob", child), "accepted");
}

TEST(Tuning, DefinitionsTakeTurns) {
  TuningWorld w;
  json request = Tuning("t", 4, 1);
  json& config = request["HyperParameterTuningJobConfig"];
  json definition = request["TrainingJobDefinition"];
  definition["TuningObjective"] = config["HyperParameterTuningJobObjective"];
  definition["HyperParameterRanges"] = config["ParameterRanges"];
  config.erase("HyperParameterTuningJobObjective");
  config.erase("ParameterRanges");
  request.erase("TrainingJobDefinition");
  for (const char* name : {"a", "b"}) {
    definition["DefinitionName"] = name;
    request["TrainingJobDefinitions"].push_back(definition);
  }
  w.Start(request);
  w.RunAll("t");
  std::vector<std::string> names;
  for (const json& trial : w.List("t")) names.push_back(trial["TrainingJobDefinitionName"]);
  EXPECT_EQ(names, (std::vector<std::string>{"a", "b", "a", "b"}));
  EXPECT_EQ(w.See("t")["TrainingJobDefinitions"][1]["AlgorithmSpecification"]["MetricDefinitions"]
                .back()["Name"],
            "ObjectiveMetric");
}

struct Refused {
  const char* what;
  std::function<void(json& request, json& config)> change;
  const char* answer;
};

TEST(Tuning, RefusesWhatItCannotDo) {
  TuningWorld w;
  w.options.check_hyperparameters = [](const std::string&,
                                       const std::map<std::string, std::string>& given) -> Status {
    if (std::stod(given.at("eta")) > 1) {
      return Fail(Code::kInvalidArgument, "BadHyperparameter", "eta is above 1");
    }
    return {};
  };
  w.Restart();
  const auto range = [](json& config, const char* member, const char* value) {
    config["ParameterRanges"]["ContinuousParameterRanges"][0][member] = value;
  };
  const std::vector<Refused> table = {
      {"no definition", [](json& r, json&) { r.erase("TrainingJobDefinition"); },
       "either TrainingJobDefinition or TrainingJobDefinitions"},
      {"no ranges", [](json&, json& c) { c.erase("ParameterRanges"); },
       "name at least one hyperparameter to tune"},
      {"static and tuned",
       [](json& r, json&) { r["TrainingJobDefinition"]["StaticHyperParameters"]["eta"] = "1"; },
       "Hyperparameter 'eta' is in StaticHyperParameters and has a range, too."},
      {"twice",
       [](json&, json& c) { c["ParameterRanges"]["IntegerParameterRanges"][0]["Name"] = "eta"; },
       "Hyperparameter 'eta' has two ranges."},
      {"upside down", [&](json&, json& c) { range(c, "MinValue", "0.6"); },
       "MinValue 0.6 of the range of hyperparameter 'eta' is greater than its MaxValue 0.50."},
      {"no number", [&](json&, json& c) { range(c, "MinValue", "nan"); }, "is no finite number"},
      {"log of 0", [&](json&, json& c) { range(c, "MinValue", "0"); },
       "has ScalingType Logarithmic, which needs a MinValue greater than 0, not 0."},
      {"reverse",
       [&](json&, json& c) {
         range(c, "ScalingType", "ReverseLogarithmic");
         range(c, "MaxValue", "1");
       },
       "0 <= x < 1"},
      {"an integer that is none",
       [](json&, json& c) {
         c["ParameterRanges"]["IntegerParameterRanges"][0]["MinValue"] = "2.5";
       },
       "is no integer"},
      {"grid of numbers", [](json&, json& c) { c["Strategy"] = "Grid"; },
       "Strategy Grid takes CategoricalParameterRanges only"},
      {"hyperband and early stopping",
       [](json&, json& c) {
         c["Strategy"] = "Hyperband";
         c["TrainingJobEarlyStoppingType"] = "Auto";
       },
       "must be Off for Strategy Hyperband"},
      {"hyperband without resource",
       [](json& r, json& c) {
         c["Strategy"] = "Hyperband";
         r["TrainingJobDefinition"]["StaticHyperParameters"].erase("num_round");
       },
       "MaxResource parameter is not provided and could not be inferred"},
      {"too few",
       [](json&, json& c) {
         c["ParameterRanges"].erase("ContinuousParameterRanges");
         c["ResourceLimits"]["MaxNumberOfTrainingJobs"] = 100;
       },
       "The total number of hyperparameter combinations for the provided ranges [18.0] must be "
       "equal or greater than the value of MaxNumberOfJobs, [100]."},
      {"more at once than in all",
       [](json&, json& c) { c["ResourceLimits"]["MaxParallelTrainingJobs"] = 11; },
       "MaxParallelTrainingJobs 11"},
      {"too many", [](json&, json& c) { c["ResourceLimits"]["MaxNumberOfTrainingJobs"] = 10'001; },
       "at most 10000"},
      {"no end", [](json&, json& c) { c["ResourceLimits"].erase("MaxNumberOfTrainingJobs"); },
       "something else must end the tuning job"},
      {"no such metric",
       [](json&, json& c) {
         c["HyperParameterTuningJobObjective"]["MetricName"] = "validation:wit";
       },
       "A metric is required for this hyperparameter tuning job objective."},
      {"the wrong way",
       [](json&, json& c) { c["HyperParameterTuningJobObjective"]["Type"] = "Minimize"; },
       "use Maximize"},
      {"no validation channel",
       [](json& r, json&) { r["TrainingJobDefinition"]["InputDataConfig"].erase(1); },
       "needs a channel 'validation'"},
      {"untunable",
       [](json& r, json& c) {
         r["TrainingJobDefinition"]["StaticHyperParameters"].erase("objective");
         c["ParameterRanges"]["CategoricalParameterRanges"][0] = {
             {"Name", "objective"}, {"Values", {"binary:logistic", "reg:logistic"}}};
       },
       "untunable hyperparameters: [objective]"},
      {"what the algorithm refuses", [&](json&, json& c) { range(c, "MaxValue", "1.5"); },
       "eta is above 1"},
      {"two places to run",
       [](json& r, json&) {
         r["TrainingJobDefinition"]["HyperParameterTuningResourceConfig"] = {
             {"InstanceType", "ml.m5.large"}, {"InstanceCount", 1}};
       },
       "either ResourceConfig or HyperParameterTuningResourceConfig"},
      {"no data",
       [](json& r, json&) {
         r["TrainingJobDefinition"]["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] =
             "s3://bkt/nothing";
       },
       "No S3 objects found"},
  };
  for (const Refused& row : table) {
    json request = Tuning("t", 10, 2);
    row.change(request, request["HyperParameterTuningJobConfig"]);
    const std::string answer = w.Refusal("CreateHyperParameterTuningJob", request);
    EXPECT_THAT(answer, StartsWith("ValidationException: ")) << row.what;
    EXPECT_THAT(answer, HasSubstr(row.answer)) << row.what;
  }
  w.Start(Tuning("t", 10, 2));
  EXPECT_EQ(w.Refusal("CreateHyperParameterTuningJob", Tuning("T", 10, 2)),
            "ResourceInUse: A hyperparameter tuning job with the name, T, already exists. Choose a "
            "different name.");
}

// Names that only the algorithm's own table knows, as the service asks it.
TEST(Tuning, RefusesHyperparametersThatTheAlgorithmDoesNotKnow) {
  TuningWorld w;
  w.options.check_hyperparameters = [](const std::string&,
                                       const std::map<std::string, std::string>& given) -> Status {
    if (!given.contains("etta")) return {};
    return Fail(Code::kInvalidArgument, "BadHyperparameter", "there is no hyperparameter 'etta'");
  };
  w.Restart();
  json request = Tuning("t", 4, 1);
  request["HyperParameterTuningJobConfig"]["ParameterRanges"]["ContinuousParameterRanges"][0]
         ["Name"] = "etta";
  EXPECT_THAT(w.Refusal("CreateHyperParameterTuningJob", request), HasSubstr("'etta'"));
  EXPECT_THAT(w.Refusal("DescribeHyperParameterTuningJob", {{"HyperParameterTuningJobName", "t"}}),
              HasSubstr("can't find"))
      << "nothing of it is left";
}

TEST(Tuning, ThirtyHyperparametersAndNoMore) {
  TuningWorld w;
  json request = Tuning("t", 4, 2);
  json& ranges = request["HyperParameterTuningJobConfig"]["ParameterRanges"];
  const json range = ranges["ContinuousParameterRanges"][0];
  ranges = {{"ContinuousParameterRanges", json::array()}};
  // A program of the user's, whose hyperparameters nobody here knows.
  request["TrainingJobDefinition"]["AlgorithmSpecification"] = {
      {"TrainingImage", "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"},
      {"TrainingInputMode", "File"},
      {"MetricDefinitions", {{{"Name", "m"}, {"Regex", "m=(.*)"}}}}};
  request["TrainingJobDefinition"]["StaticHyperParameters"] = {
      {"sagemaker_program", "\"a.py\""},
      {"sagemaker_submit_directory", "\"s3://bkt/in/train.csv\""}};
  request["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["MetricName"] = "m";
  w.options.find_python = [](const std::string&, const std::string&) -> Result<api::PythonSpec> {
    return api::PythonSpec{.environment = "default", .interpreter = "/usr/bin/python3"};
  };
  w.Restart();
  for (int i = 0; i < 31; ++i) {
    json one = range;
    one["Name"] = "p" + std::to_string(i);
    ranges["ContinuousParameterRanges"].push_back(one);
  }
  EXPECT_THAT(w.Refusal("CreateHyperParameterTuningJob", request),
              HasSubstr("ParameterRanges"));  // the shape's own limit
  ranges["ContinuousParameterRanges"].erase(30);
  ranges["CategoricalParameterRanges"] = {{{"Name", "q"}, {"Values", {"a", "b"}}}};
  EXPECT_THAT(w.Refusal("CreateHyperParameterTuningJob", request),
              HasSubstr("At most 30 hyperparameters can be tuned, not 31."));
  ranges.erase("CategoricalParameterRanges");
  w.Start(request);
  EXPECT_EQ(w.List("t")[0]["TunedHyperParameters"].size(), 30u);
}

TEST(Tuning, TakesTenThousandTrials) {
  TuningWorld w;
  for (const char* strategy : {"Random", "Bayesian"}) {
    json request = Tuning(strategy, 10'000, 2);
    request["HyperParameterTuningJobConfig"]["Strategy"] = strategy;
    w.Start(request);
    EXPECT_EQ(w.List(strategy).size(), 2u);
  }
}

TEST(Tuning, ParentsMustFit) {
  TuningWorld w;
  w.Start(Tuning("parent", 2, 1));
  json request = Tuning("child", 2, 1);
  request["WarmStartConfig"] = {
      {"ParentHyperParameterTuningJobs", {{{"HyperParameterTuningJobName", "parent"}}}},
      {"WarmStartType", "IdenticalDataAndAlgorithm"}};
  EXPECT_THAT(w.Refusal("CreateHyperParameterTuningJob", request),
              HasSubstr("The parent tuning job parent is in status InProgress."));
  w.RunAll("parent");
  const auto refusal = [&](const std::function<void(json & r, json & config)>& change) {
    json changed = request;
    change(changed, changed["HyperParameterTuningJobConfig"]);
    return w.Refusal("CreateHyperParameterTuningJob", changed);
  };
  EXPECT_THAT(refusal([](json&, json& c) {
                c["HyperParameterTuningJobObjective"] = {{"Type", "Minimize"},
                                                         {"MetricName", "validation:logloss"}};
              }),
              HasSubstr("The parent tuning job parent has another objective."));
  EXPECT_THAT(refusal([](json& r, json&) {
                r["TrainingJobDefinition"]["InputDataConfig"][0]["ContentType"] = "text/csv";
              }),
              HasSubstr("needs the same InputDataConfig"));
  const std::string transfer = refusal([](json& r, json&) {
    r["TrainingJobDefinition"]["InputDataConfig"][0]["ContentType"] = "text/csv";
    r["WarmStartConfig"]["WarmStartType"] = "TransferLearning";
    r["HyperParameterTuningJobName"] = "other";
  });
  EXPECT_EQ(transfer, "accepted");
  EXPECT_THAT(refusal([](json& r, json&) {
                json& parents = r["WarmStartConfig"]["ParentHyperParameterTuningJobs"];
                for (int i = 0; i < 5; ++i) parents.push_back(parents[0]);
              }),
              HasSubstr("ValidationException"));
}

TEST(Tuning, AutotuneChoosesRanges) {
  TuningWorld w;
  json request = Tuning("t", 10, 1);
  json& config = request["HyperParameterTuningJobConfig"];
  request["Autotune"] = {{"Mode", "Enabled"}};
  config["ParameterRanges"] = {{"AutoParameters", {{{"Name", "num_round"}, {"ValueHint", "10"}}}}};
  request["TrainingJobDefinition"]["StaticHyperParameters"].erase("num_round");
  w.Start(request);
  const json shown = w.See("t")["HyperParameterTuningJobConfig"]["ParameterRanges"];
  EXPECT_EQ(shown["IntegerParameterRanges"][0]["MinValue"], "1");
  EXPECT_EQ(shown["IntegerParameterRanges"][0]["MaxValue"], "2000");

  request["HyperParameterTuningJobName"] = "u";
  config.erase("ParameterRanges");
  w.Start(request);
  EXPECT_EQ(w.List("u")[0]["TunedHyperParameters"].size(), 9u);
}

// Requests of real SDKs: taken, and Describe has what attach() of the SDK reads.
TEST(Tuning, RequestsOfSdks) {
  const fs::path directory = GoldenPath("wire/tuning");
  if (!fs::exists(directory)) GTEST_SKIP() << "no golden files (CLARY_SHARED)";
  TuningWorld w;
  w.options.find_python = [](const std::string&, const std::string&) -> Result<api::PythonSpec> {
    return api::PythonSpec{.environment = "default", .interpreter = "/usr/bin/python3"};
  };
  w.Restart();
  const std::string bucket = "sagemaker-us-east-1-111122223333";
  EXPECT_TRUE(w.objects.CreateBucket(bucket, "us-east-1"));
  const auto put = [&](const std::string& key) {
    auto body = NewStringSource("1,2\n");
    EXPECT_TRUE(w.objects.Put({bucket, key}, *body));
  };
  for (const char* key : {"d/train.csv", "d/val.csv"}) put(key);
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(directory)) files.push_back(entry.path());
  std::ranges::sort(files);
  size_t taken = 0;
  for (const fs::path& file : files) {
    const json request = json::parse(*ReadFile(file, 1 << 24));
    if (!request.is_object() || !request.contains("HyperParameterTuningJobConfig")) continue;
    SCOPED_TRACE(file.stem());
    const std::string name = request["HyperParameterTuningJobName"];
    const bool several = request.contains("TrainingJobDefinitions");
    for (const json& definition : several ? request["TrainingJobDefinitions"]
                                          : json::array({request["TrainingJobDefinition"]})) {
      const std::string code =
          definition["StaticHyperParameters"].value("sagemaker_submit_directory", "");
      const size_t at = code.find(bucket + "/");
      if (at == std::string::npos) continue;
      std::string key = code.substr(at + bucket.size() + 1);
      if (key.ends_with('"')) key.pop_back();
      put(key);
      put(key.substr(0, key.find("/sourcedir")) + "/sm_drivers/x");
      put(key.substr(0, key.find("/sourcedir.tar")).substr(0, key.rfind("/sourcedir/")) +
          "/sm_drivers/x");
    }
    if (const auto warm = request.find("WarmStartConfig"); warm != request.end()) {
      for (const json& parent : warm->at("ParentHyperParameterTuningJobs")) {
        w.Call("StopHyperParameterTuningJob", parent);
        for (int i = 0; i < 3; ++i) w.service->Reconcile();
      }
    }
    const std::string answer = w.Refusal("CreateHyperParameterTuningJob", request);
    EXPECT_EQ(answer, "accepted");
    if (answer != "accepted") continue;
    ++taken;
    const json shown = w.See(name);
    const json& config = shown["HyperParameterTuningJobConfig"];
    EXPECT_TRUE(config["ResourceLimits"].contains("MaxNumberOfTrainingJobs"));
    EXPECT_TRUE(config.contains("TrainingJobEarlyStoppingType"));
    for (const json& definition : several ? shown["TrainingJobDefinitions"]
                                          : json::array({shown["TrainingJobDefinition"]})) {
      EXPECT_TRUE(definition["ResourceConfig"].contains("InstanceType"));
      EXPECT_TRUE(definition["StaticHyperParameters"].contains("_tuning_objective_metric"));
      EXPECT_EQ(definition["AlgorithmSpecification"]["MetricDefinitions"].back()["Name"],
                "ObjectiveMetric");
      const json& ranges = several ? definition["HyperParameterRanges"] : config["ParameterRanges"];
      for (const char* member :
           {"IntegerParameterRanges", "ContinuousParameterRanges", "CategoricalParameterRanges"}) {
        EXPECT_TRUE(ranges.contains(member)) << member;
      }
    }
    w.Call("StopHyperParameterTuningJob", {{"HyperParameterTuningJobName", name}});
    for (int i = 0; i < 3; ++i) w.service->Reconcile();
  }
  EXPECT_GE(taken, 20u);
}

// The report is a processing job of the tuning job's: started while it runs, told how it stands,
// and gone with it.
TEST(Tuning, HasAReport) {
  TuningWorld w;
  w.Start(Tuning("Hpt", 3, 1));
  const auto report = [&]() -> json {
    const json listed = *w.Call("ListProcessingJobs", json::object());
    const json& jobs = listed.at("ProcessingJobSummaries");
    if (jobs.empty()) return json();
    return *w.Call("DescribeProcessingJob",
                   {{"ProcessingJobName", jobs.front()["ProcessingJobName"]}});
  };
  const std::string name = report()["ProcessingJobName"];
  EXPECT_THAT(name, StartsWith("Hpt-tuning-report-"));
  EXPECT_EQ(report()["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"],
            "s3://bkt/out/Hpt/tuning-report");
  EXPECT_FALSE(report().contains("TrainingJobArn"));
  EXPECT_FALSE(report().contains("ProcessingStartTime")) << "not before the job runs for a while";
  EXPECT_THAT(w.Refusal("DeleteProcessingJob", {{"ProcessingJobName", name}}),
              HasSubstr("ResourceInUse"));

  const std::string first = w.Running("hpt").front();
  w.Train(first, {0.5, 0.6});
  w.Complete(first);
  w.Train(w.Running("hpt").front(), {0.5});
  w.clock.Advance(seconds(3));
  for (int i = 0; i < 3; ++i) w.service->Reconcile();
  EXPECT_TRUE(report().contains("ProcessingStartTime"));
  const fs::path directory = w.dir.path() / "jobs/processing_jobs" / name;
  const auto spec = api::RuleSpec::FromJson(*ReadFile(directory / "rule.json", 1 << 20));
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->Invoked(), "CreateTuningReport");
  EXPECT_EQ(spec->output_uri, "s3://bkt/out/Hpt/tuning-report");
  const auto context = [&] {
    return *api::TuningContext::FromJson(*ReadFile(directory / "tuning.json", 1 << 20));
  };
  EXPECT_FALSE(context().job_ended);
  ASSERT_EQ(context().trials.size(), 2u);
  const auto trial = context().trials[0];
  EXPECT_EQ(trial.status, "Completed");
  EXPECT_EQ(trial.value, std::vector<double>{0.6});
  EXPECT_EQ(trial.model_uri, "s3://bkt/out/" + first + "/output/model.tar.gz");
  EXPECT_FALSE(trial.log_stream.empty());
  EXPECT_EQ(trial.metrics.at("train:auc"), 0.5);
  const auto definition = context().definitions[0];
  EXPECT_EQ(definition.metrics[0].name, "validation:auc");
  EXPECT_EQ(definition.metrics[1].name, "train:auc");
  EXPECT_EQ(definition.parameters[0].name, "max_depth");
  EXPECT_EQ(definition.parameters[1].scale, "log");
  EXPECT_EQ(definition.defaults.at("max_depth"), "6");
  EXPECT_TRUE(definition.built_in);
  EXPECT_EQ(context().seed, "7");

  // A restart neither loses nor doubles it.
  w.Restart();
  w.RunAll("hpt");
  w.service->Reconcile();
  EXPECT_EQ(w.StatusOfTuning("hpt"), "Completed");
  EXPECT_TRUE(context().job_ended);
  EXPECT_EQ(context().trials.size(), 3u);
  EXPECT_EQ(report()["ProcessingJobStatus"], "InProgress") << "a job does not wait for its report";
  const std::string key = w.Key(name.substr(0, name.size()));
  ASSERT_TRUE(WriteFileAtomic(directory / "result.json",
                              api::RuleResult{.status = "NoIssuesFound"}.ToJson()));
  w.executor.Exit(key, 0);
  for (int i = 0; i < 3; ++i) w.service->Reconcile();
  EXPECT_EQ(report()["ProcessingJobStatus"], "Completed");
  ASSERT_TRUE(w.Call("DeleteHyperParameterTuningJob", {{"HyperParameterTuningJobName", "hpt"}}));
  for (int i = 0; i < 3; ++i) w.service->Reconcile();
  EXPECT_TRUE(report().is_null());
  EXPECT_FALSE(fs::exists(directory));
}

TEST(Tuning, IsDeletedWhileItsReportIsWritten) {
  TuningWorld w;
  w.Start(Tuning("t", 1, 1));
  w.RunAll("t");
  w.service->Reconcile();
  std::string key;
  for (const auto& launch : w.executor.launches()) {
    if (launch.key.contains("tuning-report")) key = launch.key;
  }
  ASSERT_FALSE(key.empty());
  ASSERT_TRUE(w.Call("DeleteHyperParameterTuningJob", {{"HyperParameterTuningJobName", "t"}}));
  for (int i = 0; i < 3; ++i) w.service->Reconcile();
  EXPECT_EQ(w.StatusOfTuning("t"), "Deleting");
  w.executor.Exit(key, 0);
  for (int i = 0; i < 5; ++i) w.service->Reconcile();
  EXPECT_THAT(w.Refusal("DescribeHyperParameterTuningJob", {{"HyperParameterTuningJobName", "t"}}),
              HasSubstr("can't find"));
  EXPECT_EQ(w.Call("ListProcessingJobs", json::object())->at("ProcessingJobSummaries").size(), 0u);
}

}  // namespace
}  // namespace clary::control
