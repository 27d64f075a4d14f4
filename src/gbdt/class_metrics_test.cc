// Values of scikit-learn 1.x for the same labels and predictions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gbdt/metric.h"

namespace clary::gbdt {
namespace {

double Of(std::string_view name, const TrainParams& params, std::vector<float> predictions,
          std::vector<float> labels) {
  const size_t rows = labels.size();
  // Weights change nothing.
  std::vector<float> weights(rows, 1);
  weights[0] = 100;
  const auto data = Dataset::FromDense(std::vector<float>(rows), rows, 1,
                                       {.label = std::move(labels), .weight = std::move(weights)});
  const auto metric = MakeMetric(name, &params);
  ThreadPool pool(1);
  return metric && data ? (*metric)->Evaluate(predictions, *data, pool) : -1;
}

TEST(ClassMetrics, OfTwoClasses) {
  TrainParams params{.objective = "binary:logistic"};
  const std::vector<float> labels = {0, 1, 1, 0, 1, 1, 0, 1};
  const std::vector<float> p = {.2F, .9F, .4F, .6F, .7F, .5F, .1F, .8F};
  const std::pair<const char*, double> expected[] = {{"accuracy", 0.625},
                                                     {"balanced_accuracy", 0.63333333},
                                                     {"f1", 0.61904762},
                                                     {"f1_macro", 0.61904762},
                                                     {"f1_binary", 0.66666667},
                                                     {"precision", 0.75},
                                                     {"precision_macro", 0.625},
                                                     {"precision_micro", 0.625},
                                                     {"recall", 0.6},
                                                     {"recall_macro", 0.63333333},
                                                     {"recall_micro", 0.625}};
  for (const auto& [name, value] : expected) {
    EXPECT_NEAR(Of(name, params, p, labels), value, 1e-8) << name;
    EXPECT_TRUE(MetricIsMaximized(name)) << name;
  }
  // Raw scores: the same rows on the same side.
  params.objective = "binary:logitraw";
  std::vector<float> margins;
  for (const float v : p) margins.push_back(v - 0.5F);
  EXPECT_NEAR(Of("f1_binary", params, margins, labels), 0.66666667, 1e-8);
  // Nothing is predicted to be 1.
  EXPECT_EQ(Of("precision", params, {-1, -1}, {1, 0}), 0);
}

TEST(ClassMetrics, OfManyClasses) {
  const std::vector<float> labels = {0, 1, 2, 2, 1, 0, 2};
  const std::vector<float> classes = {0, 2, 2, 1, 1, 3, 2};
  std::vector<float> probabilities;
  for (const float c : classes) {
    for (float k = 0; k < 4; ++k) probabilities.push_back(k == c ? 0.7F : 0.1F);
  }
  for (const char* objective : {"multi:softmax", "multi:softprob"}) {
    const TrainParams params{.objective = objective, .num_class = 4};
    const auto& p = params.objective == "multi:softmax" ? classes : probabilities;
    EXPECT_NEAR(Of("accuracy", params, p, labels), 0.57142857, 1e-8);
    EXPECT_NEAR(Of("balanced_accuracy", params, p, labels), 0.55555556, 1e-8);
    EXPECT_NEAR(Of("f1", params, p, labels), 0.45833333, 1e-8);
    EXPECT_NEAR(Of("precision_macro", params, p, labels), 0.54166667, 1e-8);
    EXPECT_NEAR(Of("recall_macro", params, p, labels), 0.41666667, 1e-8);
    EXPECT_THAT(MakeMetric("f1_binary", &params).error().message,
                testing::HasSubstr("Target is multiclass but average='binary'"));
  }
}

TEST(ClassMetrics, R2) {
  const TrainParams params;
  EXPECT_NEAR(Of("r2", params, {1.5F, 2, 2.5F, 5}, {1, 2, 3, 4}), 0.7, 1e-8);
  EXPECT_EQ(Of("r2", params, {1, 1}, {1, 1}), 1);
  EXPECT_EQ(Of("r2", params, {1, 2}, {1, 1}), 0);
}

}  // namespace
}  // namespace clary::gbdt
