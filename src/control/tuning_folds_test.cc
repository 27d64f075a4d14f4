// Tuning jobs whose trials are cross-validated: the test writes what the algorithm logs of folds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/testing/tuning_world.h"

namespace clary::control {
namespace {

using testing::HasSubstr;

class FoldsWorld : public TuningWorld {
 public:
  static json Request(int most, int parallel) {
    json request = Tuning("t", most, parallel);
    request["TrainingJobDefinition"]["StaticHyperParameters"]["_kfold"] = "4";
    request["HyperParameterTuningJobConfig"]["TrainingJobEarlyStoppingType"] = "Auto";
    return request;
  }
  void Begin(const std::string& trial) {
    Phase(trial, "Training");
    Log(trial, {"Run 1-round of 4-fold cross validation with 100 rows"});
  }
  // One more fold, of two rounds; the next one is begun.
  void Fold(const std::string& trial, int number, double value) {
    Log(trial, {"Train cross validation fold " + std::to_string(number), Line(0, value - 0.1),
                Line(1, value)});
  }
  void Means(const std::string& trial, double mean) {
    Log(trial, {"The metrics of round 1 cross validation", Line(10, mean)});
    Complete(trial);
  }
  void Whole(const std::string& trial, const std::vector<double>& folds) {
    Begin(trial);
    double mean = 0;
    for (size_t i = 0; i < folds.size(); ++i) {
      Fold(trial, static_cast<int>(i) + 1, folds[i]);
      mean += folds[i] / static_cast<double>(folds.size());
    }
    Means(trial, mean);
  }
  void Look() {
    clock.Advance(seconds(1));
    service->Reconcile();
  }

 private:
  static std::string Line(int round, double value) {
    return "[" + std::to_string(round) +
           "]#011train-auc:0.9#011validation-auc:" + json(value).dump();
  }
};

TEST(TuningFolds, ATrialThatLosesOnTheSameFoldsIsStopped) {
  FoldsWorld w;
  w.Start(FoldsWorld::Request(3, 1));
  w.Whole(w.Running("t").front(), {0.80, 0.70, 0.75, 0.77});
  const std::string bad = w.Running("t").front();
  w.Begin(bad);
  w.Fold(bad, 1, 0.601);
  w.Look();
  w.Fold(bad, 2, 0.50);  // ends the first
  w.Look();
  EXPECT_EQ(w.Describe(bad)["TrainingJobStatus"], "InProgress") << "one fold says nothing";
  w.Fold(bad, 3, 0.551);
  w.Look();
  EXPECT_EQ(w.Describe(bad)["TrainingJobStatus"], "Stopping") << "two are all the same 0.2 worse";
  w.Finish(bad, 0);
  EXPECT_THAT(w.History(bad).back(), HasSubstr("after 2 folds of cross validation"));
  // A trial that is about as good on each fold is not.
  const std::string close = w.Running("t").front();
  w.Begin(close);
  const double values[] = {0.79, 0.71, 0.74, 0.775};
  for (int fold = 1; fold <= 4; ++fold) {
    w.Fold(close, fold, values[fold - 1]);
    w.Look();
  }
  EXPECT_EQ(w.Describe(close)["TrainingJobStatus"], "InProgress");
  w.Means(close, 0.75375);
  const json done = w.See("t");
  EXPECT_EQ(done["HyperParameterTuningJobStatus"], "Completed");
  EXPECT_EQ(done["TrainingJobStatusCounters"]["Stopped"], 1);
  EXPECT_EQ(done["TrainingJobStatusCounters"]["Completed"], 2);
}

// With a seed, what comes after a trial that was given up does not depend on when it was.
TEST(TuningFolds, TheNextTrialsAreTheSameHoweverLateAStopIs) {
  const auto run = [](int folds_before_the_stop, bool restart) {
    FoldsWorld w;
    w.Start(FoldsWorld::Request(14, 1));
    std::vector<json> tried;
    for (int number = 1; number <= 14; ++number) {
      const std::string trial = w.Running("t").front();
      json h = w.Describe(trial)["HyperParameters"];
      tried.push_back({h["eta"], h["max_depth"], h["booster"]});
      if (number % 4 == 2) {
        w.Begin(trial);
        const double values[] = {0.601, 0.50, 0.551, 0.57};
        for (int fold = 1; fold <= folds_before_the_stop; ++fold) {
          w.Fold(trial, fold, values[fold - 1]);
        }
        if (restart) w.Restart();
        w.Look();
        EXPECT_EQ(w.Describe(trial)["TrainingJobStatus"], "Stopping");
        w.Finish(trial, 0);
      } else {
        const double v = w.Value(trial) - 0.1;
        w.Whole(trial, {v + 0.05, v - 0.05, v + 0.001 * number, v});
      }
    }
    return tried;
  };
  const auto early = run(3, false);
  EXPECT_EQ(run(4, false), early);
  EXPECT_EQ(run(4, true), early);
}

TEST(TuningFolds, WithoutEarlyStoppingNoneIsStopped) {
  FoldsWorld w;
  json request = FoldsWorld::Request(2, 1);
  request["HyperParameterTuningJobConfig"]["TrainingJobEarlyStoppingType"] = "Off";
  w.Start(request);
  w.Whole(w.Running("t").front(), {0.80, 0.70, 0.75, 0.77});
  const std::string bad = w.Running("t").front();
  w.Begin(bad);
  for (int fold = 1; fold <= 4; ++fold) w.Fold(bad, fold, 0.5);
  w.Look();
  EXPECT_EQ(w.Describe(bad)["TrainingJobStatus"], "InProgress");
}

}  // namespace
}  // namespace clary::control
