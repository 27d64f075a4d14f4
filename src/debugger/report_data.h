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
  // Index of the last round up to `round`; steps.size() if there is none.
  size_t UpTo(int64_t round) const;
};

// A validation set's output at one step. Rows whose label or prediction is no finite number are
// left out.
struct Output {
  int64_t step = -1;
  size_t classes = 1;            // columns of `values`
  std::vector<float> labels;     // [n]
  std::vector<float> values;     // [n * classes], row-major, as the objective predicts
  std::vector<uint32_t> row_of;  // [n]: number in the set
  size_t left_out = 0;
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
  std::vector<double> missing, mean, std_dev, min, max;  // [F] each, or empty; training rows
  // Of the validation rows; `outside`: share of values beyond the training range.
  std::vector<double> outside, validation_missing, validation_min, validation_max;
};

struct TrainingData {
  std::string objective;  // "" if not known
  Task task = Task::kRegression;
  std::map<std::string, std::string> hyperparameters;
  std::vector<int64_t> steps;
  bool ended = false;
  // In the order of eval_metric, a data set after the other. Every round, once the job's hook has
  // told them at the end; the saved ones before.
  std::vector<MetricSeries> metrics;
  // The tensor whose best value tells the best round, as the hook says; "" if it does not.
  std::string deciding_metric;
  int64_t trained_rounds = 0;    // up to the last step
  int64_t delivered_round = -1;  // the model's last; while training goes on, that of the last step
  // Early stopping left rounds out of the model.
  bool cut() const { return delivered_round + 1 < trained_rounds; }
  // By type (weight, gain, cover, total_gain, total_cover): feature and share of 1, of the last
  // step that has them, largest first.
  std::map<std::string, std::vector<std::pair<std::string, double>>> importance;
  std::vector<std::string> features;  // "" never; f<N> where no name is known
  // What classes and codes of categories (by feature) are called, as far as known and few enough.
  std::vector<std::string> class_names;
  std::map<size_t, std::vector<std::string>> categories;
  double train_rows = 0, validation_rows = 0;                // 0 if not known, or if there is none
  bool train_weighted = false, validation_weighted = false;  // rows have different weights
  bool sparse = false;                                       // libsvm and the like
  // Whether predictions, labels and the deciding metric are of rows that were held out.
  bool validated = false;
  std::vector<int64_t> train_class_rows;  // of all rows, by class; empty if labels are no classes
  std::vector<float> train_labels;        // evenly spaced, at most 100,000
  FeatureSummary summary;
  Shap shap;
  std::vector<std::string> trees;     // one JSON text a tree, round after round
  int64_t tree_count = -1;            // of the model; -1 if not known
  std::vector<int64_t> output_steps;  // that have both labels and predictions
};

// Reads everything but the predictions. Tensors whose shapes do not fit each other are kDataLoss
// "BadTrial" naming them.
Result<TrainingData> ReadTrainingData(Trial& trial, const ReportContext& context);

// The output at one of `output_steps`.
Result<Output> ReadOutput(Trial& trial, int64_t step);
// The output of the model that the job delivers. There must be an output step.
Result<Output> ReadDeliveredOutput(Trial& trial, const TrainingData& data);

}  // namespace clary::debugger
