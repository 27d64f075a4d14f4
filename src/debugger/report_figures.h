// What the training report shows, computed once and read by the page, the side files and the
// findings. What makes no sense for the objective, or has no tensors, stays empty.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "debugger/report_data.h"
#include "debugger/report_statistics.h"

namespace clary::debugger {

// One line over the saved steps: a class's recall, the error of a bin of labels.
struct StepLine {
  std::string name;
  std::vector<double> values;  // as long as the steps; NaN where there is nothing to say
};

// Labels in validation and, where known, training data. Classes have names and no edges; numbers
// have edges and no names.
struct LabelDistribution {
  std::vector<std::string> names;
  std::vector<double> edges;
  std::vector<int64_t> validation, train;  // `train` may be empty, as it is without validation
  bool train_sampled = false;              // `train` is of an even sample of the training rows
  double stability = 0;                    // StabilityIndex; NaN without training labels
};

// Of the scores of the rows with one relevance grade.
struct GradeScores {
  double grade = 0;
  int64_t rows = 0;
  double p5 = 0, p25 = 0, p50 = 0, p75 = 0, p95 = 0;
};

struct SurvivalGroup {
  std::string name;  // "lowest risk"
  int64_t rows = 0;
  std::vector<std::pair<double, double>> curve;
};

struct WorstRow {
  size_t row = 0;  // in the validation set
  double label = 0, prediction = 0;
  double loss = 0;  // what the rows are ordered by: log loss, absolute error, ...
};

struct TrainingFigures {
  // The round after which everything below is, the delivered model's; -1: no labels and
  // predictions.
  int64_t step = -1;
  size_t rows = 0;      // that were evaluated
  size_t left_out = 0;  // more rows, without a finite label or prediction
  LabelDistribution labels;

  // Classification.
  size_t classes = 0;
  bool probabilities = false;  // scores are probabilities
  std::optional<Confusion> confusion;
  ClassificationScores classification;
  std::vector<BinaryCurve> curves;  // binary: of class 1; softprob: each class against the rest
  std::optional<Calibration> calibration;   // of class 1; softprob: of the class that was chosen
  std::vector<double> gains;                // binary: CumulativeGains
  std::vector<int64_t> tp_at, fp_at;        // binary: score >= i / 1000, i = 0..1000
  std::vector<Histogram> score_histograms;  // binary: of the negatives, of the positives; [0, 1]

  // Numbers.
  std::optional<Scorecard> scorecard;
  std::vector<Group> groups;
  BinErrors bin_errors;
  std::vector<std::pair<float, float>> scatter;  // label, prediction: a sample
  double poisson_deviance = 0;  // mean; counts only; NaN if a prediction is not above 0

  Histogram residuals;  // prediction - label; classes as numbers, as AWS has it
  double residual_mean = 0, residual_std = 0;
  std::vector<int64_t> line_steps;  // up to `step`
  std::vector<StepLine> lines;      // recall of each class, or mean error of each bin of labels

  std::vector<GradeScores> grades;  // ranking
  std::optional<double> concordance;
  std::vector<SurvivalGroup> survival;  // quarters by risk

  std::vector<WorstRow> worst;      // at most 20, the worst first
  std::vector<WorstRow> explained;  // at most 12, the worst of those with contributions
};

// Reads the outputs of every saved step, one at a time.
Result<TrainingFigures> ComputeFigures(Trial& trial, const TrainingData& data);

// The series that decides what round is best: the one that the hook named; else of the last metric
// of eval_metric, as early stopping does, on the first data set that is not "train"; the training
// data's if there is no other. nullptr without metrics.
const MetricSeries* DecidingSeries(const TrainingData& data);
// The same metric on the training data; nullptr if that is `series` or missing.
const MetricSeries* TrainingSeries(const TrainingData& data, const MetricSeries& series);

}  // namespace clary::debugger
