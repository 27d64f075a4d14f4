#include "debugger/report_figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "base/strings.h"

namespace clary::debugger {
namespace {

constexpr size_t kMostClasses = 1000;  // a confusion matrix beyond is of no use and 8 MB
constexpr size_t kScatterPoints = 1500;
constexpr size_t kWorstRows = 20;
constexpr size_t kExplainedRows = 12;
constexpr double kLeastProbability = 1e-7;

bool IsWhole(float v) { return std::isfinite(v) && v == std::round(v); }

// The classes of labels, or nullopt if they are none: 0, 1, 2, ...
std::optional<std::vector<int>> Classes(std::span<const float> labels, size_t most) {
  std::vector<int> out;
  out.reserve(labels.size());
  for (const float y : labels) {
    if (!IsWhole(y) || y < 0 || y >= static_cast<float>(most)) return std::nullopt;
    out.push_back(static_cast<int>(y));
  }
  return out;
}

size_t NumClass(const TrainingData& data) {
  const auto it = data.hyperparameters.find("num_class");
  const auto n = it == data.hyperparameters.end() ? std::nullopt : ParseInt(it->second);
  return n && *n > 0 ? static_cast<size_t>(*n) : 0;
}

double ToProbability(double margin) { return 1 / (1 + std::exp(-margin)); }

// The score of class 1, a probability where the objective has one.
std::vector<float> PositiveScore(const TrainingData& data, const Output& output) {
  std::vector<float> out(output.rows());
  for (size_t i = 0; i < out.size(); ++i) {
    const float v = output.values[i * output.classes + (output.classes > 1 ? 1 : 0)];
    out[i] = data.objective == "binary:logitraw" ? static_cast<float>(ToProbability(v)) : v;
  }
  return out;
}

// The class each row was given: the most probable one, the class id, or score > 0.5 (rounding half
// to even, as AWS's report does).
std::vector<int> PredictedClasses(const TrainingData& data, const Output& output) {
  std::vector<int> out(output.rows());
  if (data.task == Task::kBinary) {
    const std::vector<float> score = PositiveScore(data, output);
    for (size_t i = 0; i < out.size(); ++i) out[i] = score[i] > 0.5F;
    return out;
  }
  for (size_t i = 0; i < out.size(); ++i) {
    const float* row = &output.values[i * output.classes];
    out[i] = output.classes == 1
                 ? static_cast<int>(std::lround(row[0]))
                 : static_cast<int>(std::max_element(row, row + output.classes) - row);
  }
  return out;
}

// One number a row: the prediction, of several quantiles the one nearest to the median.
std::vector<float> PredictedNumbers(const TrainingData& data, const Output& output) {
  if (output.classes == 1) return output.values;
  size_t column = 0;
  if (const auto it = data.hyperparameters.find("quantile_alpha");
      it != data.hyperparameters.end()) {
    std::string text = it->second;
    std::erase_if(text, [](char c) { return c == '[' || c == ']' || c == ' '; });
    double nearest = 2;
    const auto alphas = Split(text, ',');
    for (size_t a = 0; a < std::min(alphas.size(), output.classes); ++a) {
      const double distance = std::abs(std::atof(std::string(alphas[a]).c_str()) - 0.5);
      if (distance < nearest) nearest = distance, column = a;
    }
  }
  std::vector<float> out(output.rows());
  for (size_t i = 0; i < out.size(); ++i) out[i] = output.values[i * output.classes + column];
  return out;
}

std::vector<WorstRow> Worst(std::vector<WorstRow> rows, size_t keep) {
  keep = std::min(keep, rows.size());
  std::partial_sort(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(keep), rows.end(),
                    [](const WorstRow& a, const WorstRow& b) {
                      return std::pair(-a.loss, a.row) < std::pair(-b.loss, b.row);
                    });
  rows.resize(keep);
  return rows;
}

void KeepWorst(std::vector<WorstRow> rows, const TrainingData& data, const Output& last,
               TrainingFigures& out) {
  for (WorstRow& row : rows) row.row = last.row_of[row.row];
  std::vector<int64_t> ids = data.shap.row_ids;
  std::sort(ids.begin(), ids.end());
  std::vector<WorstRow> explained;
  std::copy_if(rows.begin(), rows.end(), std::back_inserter(explained), [&](const WorstRow& r) {
    return std::binary_search(ids.begin(), ids.end(), static_cast<int64_t>(r.row));
  });
  out.explained = Worst(std::move(explained), kExplainedRows);
  out.worst = Worst(std::move(rows), kWorstRows);
}

void SetResiduals(const std::vector<double>& residuals, TrainingFigures& out) {
  out.residuals = AutoHistogram(residuals);
  const auto n = static_cast<double>(residuals.size());
  out.residual_mean = std::accumulate(residuals.begin(), residuals.end(), 0.0) / n;
  double squares = 0;
  for (const double r : residuals) squares += (r - out.residual_mean) * (r - out.residual_mean);
  out.residual_std = std::sqrt(squares / n);
}

void LabelsAsClasses(const std::vector<int>& truth, const TrainingData& data,
                     TrainingFigures& out) {
  LabelDistribution& d = out.labels;
  if (data.validated) {
    d.train = data.train_class_rows;
    if (d.train.empty()) {
      for (const int c : Classes(data.train_labels, kMostClasses).value_or(std::vector<int>())) {
        d.train.resize(std::max(d.train.size(), static_cast<size_t>(c) + 1));
        ++d.train[static_cast<size_t>(c)];
      }
      d.train_sampled = static_cast<double>(data.train_labels.size()) < data.train_rows;
    }
  }
  const size_t classes = std::max(out.classes, d.train.size());
  d.validation.resize(classes);
  for (const int c : truth) ++d.validation[static_cast<size_t>(c)];
  if (!d.train.empty()) d.train.resize(classes);
  d.stability = StabilityIndex(d.validation, d.train);
  for (size_t c = 0; c < classes; ++c) d.names.push_back(std::to_string(c));
}

void LabelsAsNumbers(const Output& last, const TrainingData& data, TrainingFigures& out) {
  LabelDistribution& d = out.labels;
  std::set<float> values(last.labels.begin(), last.labels.end());
  const bool few = values.size() <= 20 && std::all_of(values.begin(), values.end(), IsWhole) &&
                   *values.begin() >= 0 && *values.rbegin() < 50;
  if (few) {
    out.classes = static_cast<size_t>(*values.rbegin()) + 1;
    LabelsAsClasses(*Classes(last.labels, kMostClasses), data, out);
    out.classes = 0;
    return;
  }
  double low = *values.begin(), high = *values.rbegin();
  for (const float y : data.train_labels) {
    if (!std::isfinite(y)) continue;
    low = std::min<double>(low, y);
    high = std::max<double>(high, y);
  }
  size_t bins = std::clamp<size_t>(
      AutoHistogram(std::vector<double>(last.labels.begin(), last.labels.end())).counts.size(), 10,
      60);
  if (std::all_of(values.begin(), values.end(), IsWhole) && high > low) {
    // Bins of whole widths around whole numbers, or some would hold one more of them than others.
    const double width = std::ceil((high - low + 1) / static_cast<double>(bins));
    bins = static_cast<size_t>(std::ceil((high - low + 1) / width));
    low -= 0.5;
    high = low + width * static_cast<double>(bins);
  }
  const Histogram validation = MakeHistogram(last.labels, low, high, bins);
  d.edges = validation.edges;
  d.validation = validation.counts;
  d.stability = std::numeric_limits<double>::quiet_NaN();
  if (data.validated && !data.train_labels.empty()) {
    d.train_sampled = static_cast<double>(data.train_labels.size()) < data.train_rows;
    d.train = MakeHistogram(data.train_labels, low, high, bins).counts;
    d.stability = StabilityIndex(MakeHistogram(last.labels, low, high, 10).counts,
                                 MakeHistogram(data.train_labels, low, high, 10).counts);
  }
}

void BinaryFigures(const TrainingData& data, const Output& last, const std::vector<int>& truth,
                   TrainingFigures& out) {
  const std::vector<float> score = PositiveScore(data, last);
  const std::vector<uint8_t> positive(truth.begin(), truth.end());
  std::vector<WorstRow> worst;
  for (size_t i = 0; i < score.size(); ++i) {
    const double p =
        std::clamp<double>(positive[i] ? score[i] : 1 - score[i], kLeastProbability, 1);
    worst.push_back(
        {i, static_cast<double>(truth[i]), static_cast<double>(score[i]), -std::log(p)});
  }
  KeepWorst(std::move(worst), data, last, out);
  out.probabilities = data.objective != "binary:hinge";
  if (!out.probabilities) return;
  out.curves.push_back(MakeCurve(score, positive));
  out.calibration = Calibrate(score, positive);
  out.gains = CumulativeGains(out.curves[0]);
  size_t next = 0;
  const std::vector<CurvePoint>& points = out.curves[0].points;
  out.tp_at.assign(1001, 0);
  out.fp_at.assign(1001, 0);
  for (int i = 1000; i >= 0; --i) {
    while (next < points.size() && points[next].threshold >= i / 1000.0) ++next;
    if (next == 0) continue;
    out.tp_at[static_cast<size_t>(i)] = points[next - 1].tp;
    out.fp_at[static_cast<size_t>(i)] = points[next - 1].fp;
  }
  for (const int c : {0, 1}) {
    std::vector<float> of;
    for (size_t i = 0; i < score.size(); ++i) {
      if (positive[i] == c) of.push_back(score[i]);
    }
    out.score_histograms.push_back(MakeHistogram(of, 0, 1, 40));
  }
}

void MulticlassFigures(const TrainingData& data, const Output& last, const std::vector<int>& truth,
                       TrainingFigures& out) {
  std::vector<WorstRow> worst;
  if (last.classes == 1) {  // class ids only: all that is wrong is equally wrong
    for (size_t i = 0; i < truth.size(); ++i) {
      const double y = truth[i], p = last.values[i];
      if (y != p) worst.push_back({i, y, p, 1});
    }
    KeepWorst(std::move(worst), data, last, out);
    return;
  }
  out.probabilities = true;
  std::vector<float> score(truth.size()), chosen(truth.size());
  std::vector<uint8_t> positive(truth.size()), right(truth.size());
  for (size_t c = 0; c < last.classes; ++c) {
    for (size_t i = 0; i < truth.size(); ++i) {
      score[i] = last.values[i * last.classes + c];
      positive[i] = truth[i] == static_cast<int>(c);
    }
    out.curves.push_back(MakeCurve(score, positive));
  }
  for (size_t i = 0; i < truth.size(); ++i) {
    const float* row = &last.values[i * last.classes];
    const auto best = static_cast<size_t>(std::max_element(row, row + last.classes) - row);
    chosen[i] = row[best];
    right[i] = truth[i] == static_cast<int>(best);
    const auto y = static_cast<size_t>(truth[i]);
    const double p = y < last.classes ? static_cast<double>(row[y]) : 0;
    worst.push_back({i, static_cast<double>(y), static_cast<double>(best),
                     -std::log(std::clamp(p, kLeastProbability, 1.0))});
  }
  out.calibration = Calibrate(chosen, right);
  KeepWorst(std::move(worst), data, last, out);
}

void NumberFigures(const TrainingData& data, const Output& last, TrainingFigures& out) {
  const std::vector<float> predicted = PredictedNumbers(data, last);
  out.scorecard = ScoreNumbers(last.labels, predicted);
  out.groups = GroupsByPrediction(last.labels, predicted);
  out.bin_errors = ErrorsByLabel(last.labels, predicted);
  const size_t n = last.rows();
  const size_t points = std::min(n, kScatterPoints);
  for (size_t i = 0; i < points; ++i) {
    const size_t row = i * n / points;
    out.scatter.emplace_back(last.labels[row], predicted[row]);
  }
  std::vector<WorstRow> worst;
  for (size_t i = 0; i < n; ++i) {
    const double y = last.labels[i], p = predicted[i];
    worst.push_back({i, y, p, std::abs(p - y)});
    if (data.task == Task::kCount) {
      out.poisson_deviance += p > 0 ? 2 * ((y > 0 ? y * std::log(y / p) : 0) - y + p)
                                    : std::numeric_limits<double>::quiet_NaN();
    }
  }
  out.poisson_deviance /= static_cast<double>(n);
  KeepWorst(std::move(worst), data, last, out);
}

void RankingFigures(const Output& last, TrainingFigures& out) {
  std::map<float, std::vector<double>> by_grade;
  for (size_t i = 0; i < last.rows(); ++i) by_grade[last.labels[i]].push_back(last.values[i]);
  if (by_grade.size() > 40) return;  // no grades but numbers
  for (auto& [grade, scores] : by_grade) {
    std::sort(scores.begin(), scores.end());
    out.grades.push_back({.grade = grade,
                          .rows = static_cast<int64_t>(scores.size()),
                          .p5 = Quantile(scores, 0.05),
                          .p25 = Quantile(scores, 0.25),
                          .p50 = Quantile(scores, 0.5),
                          .p75 = Quantile(scores, 0.75),
                          .p95 = Quantile(scores, 0.95)});
  }
}

// Cox: negative labels are censored. AFT: only lower bounds are known here, all taken as events.
void SurvivalFigures(const TrainingData& data, const Output& last, TrainingFigures& out) {
  const bool times = data.objective == "survival:aft";  // predictions are times, not hazards
  std::vector<float> risk(last.rows());
  for (size_t i = 0; i < risk.size(); ++i) {
    risk[i] = times ? -last.values[i * last.classes] : last.values[i * last.classes];
  }
  out.concordance = Concordance(last.labels, risk);
  std::vector<uint32_t> order(last.rows());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return risk[a] < risk[b]; });
  std::vector<float> ascending;
  for (const uint32_t i : order) ascending.push_back(risk[i]);
  constexpr std::array<const char*, 4> kNames = {"lowest risk", "below the middle",
                                                 "above the middle", "highest risk"};
  size_t begin = 0;
  for (const size_t end : GroupEnds(ascending, kNames.size())) {
    // Named by where its middle lies: equal risks may have made groups fewer and larger.
    const size_t quarter = (begin + end) * 2 / order.size();
    std::vector<float> labels;
    for (; begin < end; ++begin) labels.push_back(last.labels[order[begin]]);
    const auto rows = static_cast<int64_t>(labels.size());
    out.survival.push_back({kNames[std::min<size_t>(quarter, 3)], rows,
                            ThinLine(KaplanMeier(std::move(labels)), 300)});
  }
}

// Recall of each class, or error of each bin of the last step's labels, at every saved step.
Status Lines(Trial& trial, const TrainingData& data, TrainingFigures& out) {
  const bool numbers = !out.confusion;
  const size_t lines = numbers ? out.bin_errors.rows.size() : out.classes;
  if (lines == 0 || lines > 100) return {};
  for (size_t i = 0; i < lines; ++i) {
    out.lines.push_back({numbers ? fmt::format("{:.5f}-{:.5f}", out.bin_errors.edges[i],
                                               out.bin_errors.edges[i + 1])
                                 : std::to_string(i),
                         {}});
  }
  std::vector<int64_t> steps = data.output_steps;
  std::erase_if(steps, [&](int64_t step) { return step >= out.step; });
  steps.push_back(out.step);  // of the delivered model
  for (const int64_t step : steps) {
    CLARY_TRY(const Output output,
              step == out.step ? ReadDeliveredOutput(trial, data) : ReadOutput(trial, step));
    if (output.rows() == 0) continue;
    if (numbers) {
      const BinErrors errors = ErrorsByLabel(output.labels, PredictedNumbers(data, output), lines);
      for (size_t i = 0; i < lines; ++i) out.lines[i].values.push_back(errors.errors[i]);
    } else {
      const auto truth = Classes(output.labels, kMostClasses);
      if (!truth) continue;
      const Confusion c = Confuse(*truth, PredictedClasses(data, output), lines);
      for (size_t i = 0; i < lines; ++i) {
        int64_t support = 0;
        for (size_t p = 0; p < lines; ++p) support += c.at(i, p);
        out.lines[i].values.push_back(support ? static_cast<double>(c.at(i, i)) /
                                                    static_cast<double>(support)
                                              : std::numeric_limits<double>::quiet_NaN());
      }
    }
    out.line_steps.push_back(step);
  }
  return {};
}

}  // namespace

Result<TrainingFigures> ComputeFigures(Trial& trial, const TrainingData& data) {
  TrainingFigures out;
  if (data.output_steps.empty()) return out;
  CLARY_TRY(const Output last, ReadDeliveredOutput(trial, data));
  out.left_out = last.left_out;
  if (last.rows() == 0) return out;
  out.step = last.step;
  out.rows = last.rows();
  const bool classification = data.task == Task::kBinary || data.task == Task::kMulticlass;
  const auto truth = classification
                         ? Classes(last.labels, data.task == Task::kBinary ? 2 : kMostClasses)
                         : std::nullopt;
  std::vector<double> residuals;
  residuals.reserve(last.rows());
  if (truth) {
    const std::vector<int> predicted = PredictedClasses(data, last);
    out.classes = data.task == Task::kBinary ? 2 : std::max(NumClass(data), last.classes);
    for (size_t i = 0; i < truth->size(); ++i) {
      const int largest = std::max((*truth)[i], predicted[i]);
      if (largest >= 0 && largest < static_cast<int>(kMostClasses)) {
        out.classes = std::max(out.classes, static_cast<size_t>(largest) + 1);
      }
      residuals.push_back(predicted[i] - (*truth)[i]);
    }
    out.confusion = Confuse(*truth, predicted, out.classes);
    out.classification = Score(*out.confusion);
    LabelsAsClasses(*truth, data, out);
    data.task == Task::kBinary ? BinaryFigures(data, last, *truth, out)
                               : MulticlassFigures(data, last, *truth, out);
  } else {
    LabelsAsNumbers(last, data, out);
    if (data.task == Task::kRanking) {
      RankingFigures(last, out);
    } else if (data.task == Task::kSurvival && data.objective != "survival:aft") {
      SurvivalFigures(data, last, out);
    } else {
      if (data.task == Task::kSurvival) SurvivalFigures(data, last, out);
      NumberFigures(data, last, out);
      const std::vector<float> predicted = PredictedNumbers(data, last);
      for (size_t i = 0; i < predicted.size(); ++i) {
        residuals.push_back(static_cast<double>(predicted[i]) -
                            static_cast<double>(last.labels[i]));
      }
    }
  }
  if (!residuals.empty()) SetResiduals(residuals, out);
  CLARY_CHECK_OK(Lines(trial, data, out));
  return out;
}

const MetricSeries* DecidingSeries(const TrainingData& data) {
  for (const MetricSeries& series : data.metrics) {
    if (series.name == data.deciding_metric) return &series;
  }
  const MetricSeries* chosen = nullptr;
  for (const MetricSeries& series : data.metrics) {
    const bool validation = series.data != "train";
    if (!chosen || validation || chosen->data == "train") {
      if (chosen && validation && chosen->data != "train" && chosen->metric == series.metric) {
        continue;  // the first data set stays
      }
      chosen = &series;
    }
  }
  return chosen;
}

const MetricSeries* TrainingSeries(const TrainingData& data, const MetricSeries& series) {
  for (const MetricSeries& other : data.metrics) {
    if (&other != &series && other.data == "train" && other.metric == series.metric) return &other;
  }
  return nullptr;
}

}  // namespace clary::debugger
