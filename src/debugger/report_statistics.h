// The figures of the training report as pure functions. Definitions are scikit-learn's unless said
// otherwise; tests/compat compares them. Nothing here fails: a statistic that does not exist for
// its input is NaN. Labels, scores and predictions are finite.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace clary::debugger {

// --- classification ---

struct Confusion {
  size_t classes = 0;
  std::vector<int64_t> counts;  // [classes * classes], row: true class, column: predicted
  int64_t at(size_t truth, size_t predicted) const { return counts[truth * classes + predicted]; }
};
// Ids outside [0, classes) are left out.
Confusion Confuse(std::span<const int> truth, std::span<const int> predicted, size_t classes);

struct PrecisionRecall {
  // Precision of a class that nothing is predicted as, recall of one without rows: NaN.
  double precision = 0, recall = 0, f1 = 0;
};
struct ClassScores {
  size_t id = 0;
  PrecisionRecall scores;
  int64_t support = 0;
};
struct ClassificationScores {
  int64_t rows = 0;
  double accuracy = 0;
  std::vector<ClassScores> classes;        // those that occur as label or as prediction
  PrecisionRecall micro, macro, weighted;  // what is NaN counts as 0, scikit-learn's default
};
ClassificationScores Score(const Confusion& confusion);
// The text of sklearn.metrics.classification_report with two digits.
std::string ClassificationText(const ClassificationScores& scores);

// Rows with a score of at least `threshold`: how many are positive and negative.
struct CurvePoint {
  double threshold = 0;
  int64_t tp = 0, fp = 0;
};
struct BinaryCurve {
  int64_t positives = 0, negatives = 0;
  std::vector<CurvePoint> points;  // one a distinct score, descending; without the origin
  double auc = 0;                  // area under ROC, ties count half; NaN without both classes
  double average_precision = 0;    // sum of (recall step) * precision; NaN without positives
};
BinaryCurve MakeCurve(std::span<const float> scores, std::span<const uint8_t> positive);

// (recall, precision) from the best-scored row on, which starts at recall 0 with the precision of
// the rows with the best score. Empty without positives.
std::vector<std::pair<double, double>> PrecisionRecallLine(const BinaryCurve& curve);

// At most about `most` points that keep the shape of (x, y); the first and the last stay.
std::vector<std::pair<double, double>> ThinLine(const std::vector<std::pair<double, double>>& line,
                                                size_t most);

struct CalibrationBin {
  double low = 0, high = 0;
  int64_t rows = 0;
  double predicted = 0, observed = 0;  // means; NaN in an empty bin
};
struct Calibration {
  std::vector<CalibrationBin> bins;  // equal width over [0, 1]
  double brier = 0;                  // mean squared difference
  double error = 0;  // expected calibration error: row-weighted |predicted - observed|
};
Calibration Calibrate(std::span<const float> probability, std::span<const uint8_t> positive,
                      size_t bins = 10);

// Of the best-scored `share` of rows: the share of all positives among them, for share = 0, 0.01,
// ..., 1. Within equal scores positives are spread evenly. Empty without positives.
std::vector<double> CumulativeGains(const BinaryCurve& curve);

// --- numbers ---

struct Scorecard {
  double mae = 0, rmse = 0, r2 = 0, median_error = 0, max_error = 0,
         bias = 0;  // bias: mean of predicted - true
  double mape = 0;  // over the rows whose label is not 0, a fraction; NaN if every label is
  int64_t mape_rows = 0;
  double skew = 0;  // of the labels: third standardised moment; like r2 NaN if all are equal
  double label_mean = 0, label_std = 0, label_min = 0, label_max = 0;
};
Scorecard ScoreNumbers(std::span<const float> labels, std::span<const float> predictions);

struct Histogram {
  std::vector<int64_t> counts;
  std::vector<double> edges;  // counts.size() + 1
};
// numpy.histogram(bins="auto"): the smaller bin width of Sturges and Freedman-Diaconis; at most
// 1000 bins. Values that are not finite are left out.
Histogram AutoHistogram(std::span<const double> values);
Histogram MakeHistogram(std::span<const float> values, double low, double high, size_t bins);

// numpy.quantile of sorted values, linear between neighbours. NaN without values.
double Quantile(std::span<const double> sorted, double q);

// Equal-width bins between the smallest and the largest label: mean |prediction - label| in each,
// NaN where there is no row.
struct BinErrors {
  std::vector<double> edges;
  std::vector<int64_t> rows;
  std::vector<double> errors;
};
BinErrors ErrorsByLabel(std::span<const float> labels, std::span<const float> predictions,
                        size_t bins = 10);

// Rows in groups of about equal size by ascending prediction; equal predictions stay together, so
// that there may be fewer groups.
struct Group {
  int64_t rows = 0;
  double predicted = 0, observed = 0;  // means
};
std::vector<Group> GroupsByPrediction(std::span<const float> labels,
                                      std::span<const float> predictions, size_t groups = 10);

// Where such groups end: rows [ends[g-1], ends[g]) of `ascending` are group g.
std::vector<size_t> GroupEnds(std::span<const float> ascending, size_t groups);

// Difference of two distributions over the same bins (population stability index): below 0.1 none
// to speak of, above 0.25 a large one. NaN if one is empty.
double StabilityIndex(std::span<const int64_t> a, std::span<const int64_t> b);

// --- survival: time |label|, an event if label > 0, censored otherwise ---

// Harrell's concordance of `risk` with the order of events; NaN without comparable pairs.
double Concordance(std::span<const float> labels, std::span<const float> risk);
// Kaplan-Meier: (time, share that survives it), a step function that starts at (0, 1).
std::vector<std::pair<double, double>> KaplanMeier(std::vector<float> labels);

}  // namespace clary::debugger
