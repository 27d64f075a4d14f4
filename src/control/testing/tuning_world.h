// Tuning jobs in a test's world: the test is the runner of every trial.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "control/testing/world.h"

namespace clary::control {

inline json Tuning(const std::string& name, int most, int parallel) {
  json training = World::Request("x");
  json channel = training["InputDataConfig"][0];
  channel["ChannelName"] = "validation";
  training["InputDataConfig"].push_back(channel);
  return {{"HyperParameterTuningJobName", name},
          {"HyperParameterTuningJobConfig",
           {{"Strategy", "Bayesian"},
            {"HyperParameterTuningJobObjective",
             {{"Type", "Maximize"}, {"MetricName", "validation:auc"}}},
            {"ResourceLimits",
             {{"MaxNumberOfTrainingJobs", most}, {"MaxParallelTrainingJobs", parallel}}},
            {"RandomSeed", 7},
            {"ParameterRanges",
             {{"ContinuousParameterRanges",
               {{{"Name", "eta"},
                 {"MinValue", "0.01"},
                 {"MaxValue", "0.50"},
                 {"ScalingType", "Logarithmic"}}}},
              {"IntegerParameterRanges",
               {{{"Name", "max_depth"}, {"MinValue", "2"}, {"MaxValue", "10"}}}},
              {"CategoricalParameterRanges",
               {{{"Name", "booster"}, {"Values", {"gbtree", "dart"}}}}}}}}},
          {"TrainingJobDefinition",
           {{"StaticHyperParameters", {{"objective", "binary:logistic"}, {"num_round", "10"}}},
            {"AlgorithmSpecification", training["AlgorithmSpecification"]},
            {"RoleArn", training["RoleArn"]},
            {"InputDataConfig", training["InputDataConfig"]},
            {"OutputDataConfig", training["OutputDataConfig"]},
            {"ResourceConfig", training["ResourceConfig"]},
            {"StoppingCondition", training["StoppingCondition"]}}}};
}

class TuningWorld : public World {
 public:
  void Start(const json& request) {
    const auto made = Call("CreateHyperParameterTuningJob", request);
    ASSERT_TRUE(made) << made.error().message;
    service->Reconcile();
    service->Reconcile();
  }
  json See(const std::string& name) {
    const auto out =
        Call("DescribeHyperParameterTuningJob", {{"HyperParameterTuningJobName", name}});
    EXPECT_TRUE(out) << out.error().message;
    return out ? *out : json();
  }
  std::string StatusOfTuning(const std::string& name) {
    return See(name).value("HyperParameterTuningJobStatus", "");
  }
  json List(const std::string& name, const json& more = json::object()) {
    json input = {{"HyperParameterTuningJobName", name}, {"MaxResults", 100}};
    input.update(more);
    return Call("ListTrainingJobsForHyperParameterTuningJob", input)->at("TrainingJobSummaries");
  }
  std::vector<std::string> Running(const std::string& name) {
    std::vector<std::string> out;
    for (const json& trial : List(name, {{"StatusEquals", "InProgress"}})) {
      out.push_back(trial["TrainingJobName"]);
    }
    return out;
  }
  void Train(const std::string& trial, const std::vector<double>& values) {
    Phase(trial, "Downloading");
    Phase(trial, "Training");
    Report(trial, values);
  }
  void Report(const std::string& trial, const std::vector<double>& values) {
    std::vector<std::string> lines;
    for (const double v : values) {
      lines.push_back("[" + std::to_string(reported[trial]++) +
                      "]#011train-auc:0.5#011validation-auc:" + json(v).dump());
    }
    Log(trial, lines);
    clock.Advance(seconds(1));
    service->Reconcile();
  }
  void Complete(const std::string& trial) {
    Artifact(trial);
    Finish(trial, 0);
  }
  void Finish(const std::string& trial, int code, const std::string& detail = "") {
    clock.Advance(seconds(1));
    End(trial, code, detail);
    executor.Exit(Key(trial), code);
    for (int i = 0; i < 3; ++i) service->Reconcile();
  }
  // How good a trial is: best at eta 0.1, depth 6, dart.
  double Value(const std::string& trial) {
    const json h = Describe(trial)["HyperParameters"];
    const double eta = std::stod(h["eta"].get<std::string>());
    const double depth = std::stod(h["max_depth"].get<std::string>());
    return 0.9 - 0.02 * std::pow(std::log(eta / 0.1), 2) - 0.001 * std::pow(depth - 6, 2) +
           (h["booster"] == "dart" ? 0.01 : 0);
  }
  void RunAll(const std::string& name, bool restarts = false, bool newest_first = false) {
    for (auto running = Running(name); !running.empty(); running = Running(name)) {
      if (restarts) Restart();
      service->Reconcile();
      const std::string trial = newest_first ? running.back() : running.front();
      Train(trial, {0.5, Value(trial)});
      Complete(trial);
    }
  }
  // What the processes that write reports do in the end.
  void EndReports() {
    for (const auto& launch : executor.launches()) {
      if (launch.key.contains("-tuning-report-") && executor.IsRunning(launch.key)) {
        executor.Exit(launch.key, 0);
      }
    }
    for (int i = 0; i < 3; ++i) service->Reconcile();
  }
  std::map<std::string, int> reported;
};

inline json TunedOf(const json& trials) {
  json out = json::array();
  for (const json& t : trials) out.push_back(t["TunedHyperParameters"]);
  return out;
}

}  // namespace clary::control
