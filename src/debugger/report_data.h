// A trial's tensors as plain arrays: what the training report is computed from.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "debugger/report_context.h"
#include "debugger/trial.h"

namespace clary::debugger {

enum class Task { kBinary, kMulticlass, kRegression, kCount, kRanking, kSurvival };

// Which figures make sense for an objective of XGBoost. Unknown ones are regression.
Task TaskOf(std::string_view objective);
std::string_view TaskName(Task task);  // "binary", "multiclass", "regression", ...

// Whether a larger value of an XGBoost (or SageMaker XGBoost) metric is better: "auc", "ndcg@5".
bool IsMaximized(std::string_view metric);

// One metric on one data set over the saved rounds.
struct MetricSeries {
  std::string name;    // the tensor's: "validation-logloss"
  std::string data;    // "validation": up to the first '-'
  std::string metric;  // "logloss"
  std::vector<int64_t> steps;
  std::vector<double> values;  // as long as `steps`

  // Index of the best finite value, the first if there are several; steps.size() if none is finite.
  size_t Best() const;
};

// A validation set's output at one step.
struct Output {
  int64_t step = -1;
  size_t classes = 1;         // columns of `values`
  std::vector<float> labels;  // [n]
  std::vector<float> values;  // [n * classes], row-major, as the objective predicts
  size_t rows() const { return labels.size(); }
};

// Contributions to the margin of some validation rows, by exact TreeSHAP.
struct Shap {
  size_t rows = 0;
  size_t classes = 1;
  size_t features = 0;
  std::vector<float> values;     // [rows * classes * (features + 1)], the bias last
  std::vector<float> inputs;     // [rows * features]; NaN is missing
  std::vector<int64_t> row_ids;  // [rows] in the validation set
  float at(size_t row, size_t k, size_t f) const {
    return values[(row * classes + k) * (features + 1) + f];
  }
};

struct FeatureSummary {
  std::vector<double> missing, mean, std_dev, min, max;  // [F] each, or empty
};

struct TrainingData {
  std::string objective;  // "" if not known
  Task task = Task::kRegression;
  std::map<std::string, std::string> hyperparameters;
  std::vector<int64_t> steps;
  bool ended = false;
  std::vector<MetricSeries> metrics;  // in the order of eval_metric, a data set after the other
  // By type (weight, gain, cover, total_gain, total_cover): feature and share of 1, of the last
  // step that has them, largest first.
  std::map<std::string, std::vector<std::pair<std::string, double>>> importance;
  std::vector<std::string> features;  // "" never; f<N> where no name is known
  double train_rows = 0, validation_rows = 0;
  std::vector<float> train_labels;  // evenly spaced, at most 100,000
  FeatureSummary summary;
  Shap shap;
  std::vector<std::string> trees;     // one JSON text a tree, round after round
  int64_t best_round = -1;            // by the deciding metric, over all rounds; -1 if not known
  std::vector<int64_t> output_steps;  // that have both labels and predictions
};

// Reads everything but the predictions. Tensors whose shapes do not fit each other are kDataLoss
// "BadTrial" naming them.
Result<TrainingData> ReadTrainingData(Trial& trial, const ReportContext& context);

// The output at one of `output_steps`.
Result<Output> ReadOutput(Trial& trial, int64_t step);

}  // namespace clary::debugger
