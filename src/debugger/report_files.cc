#include "debugger/report_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "debugger/internal/report_json.h"

namespace clary::debugger {
using reports::DumpJson;
using reports::Verdict;
using reports::VerdictJson;
namespace {
using json = reports::Json;

// Five decimals, as SageMaker's files have.
double Round(double v) { return std::round(v * 1e5) / 1e5; }

json Rounded(const std::vector<double>& values) {
  json out = json::array();
  for (const double v : values) out.push_back(Round(v));
  return out;
}

json Scores(const PrecisionRecall& s) {
  return {
      {"precision", Round(s.precision)}, {"recall", Round(s.recall)}, {"f1_score", Round(s.f1)}};
}

std::string BinName(const std::vector<double>& edges, size_t i) {
  return fmt::format("{:.5f}-{:.5f}", edges[i], edges[i + 1]);
}

json LabelsDistribution(const TrainingFigures& f) {
  json rows = json::array();
  for (size_t i = 0; i < f.labels.validation.size(); ++i) {
    rows.push_back(
        {{"labels", f.labels.names.empty() ? BinName(f.labels.edges, i) : f.labels.names[i]},
         {"num_samples_per_label", static_cast<double>(f.labels.validation[i])}});
  }
  return {{"labels_and_samples", std::move(rows)}};
}

json LossData(const TrainingData& data) {
  json rows = json::array();
  for (const MetricSeries& series : data.metrics) {
    for (size_t i = 0; i < series.steps.size(); ++i) {
      rows.push_back({{"steps", series.steps[i]},
                      {"loss", Round(series.values[i])},
                      {"category", series.name}});
    }
  }
  return {{"category_loss_per_step", std::move(rows)}};
}

json FeatureImportance(const TrainingData& data) {
  json types = json::object();
  for (const char* type : {"weight", "gain", "cover", "total_gain", "total_cover"}) {
    const auto it = data.importance.find(type);
    if (it == data.importance.end()) continue;
    json rows = json::array();
    for (const auto& [feature, share] : it->second) {
      rows.push_back({{"feature", feature}, {"importance", Round(share * 100)}});
    }
    types[type] = std::move(rows);
  }
  return {{"features", std::move(types)}};
}

json ConfusionMatrix(const TrainingData& data, const TrainingFigures& f) {
  const Confusion& c = *f.confusion;
  json labels = json::array(), percentages = json::array();
  const bool binary = data.task == Task::kBinary;
  for (size_t i = 0; i < c.counts.size(); ++i) {
    constexpr const char* kNames[] = {"True Negative", "False Positive", "False Negative",
                                      "True Positive"};
    labels.push_back(binary ? kNames[i] : "");
    percentages.push_back(static_cast<double>(c.counts[i]) /
                          static_cast<double>(std::max<int64_t>(1, f.classification.rows)));
  }
  json stats = {{"accuracy", Round(f.classification.accuracy)}};
  if (binary) {
    for (const ClassScores& s : f.classification.classes) {
      if (s.id == 1)
        stats.update({{"precision", Round(s.scores.precision)},
                      {"recall", Round(s.scores.recall)},
                      {"f1", Round(s.scores.f1)}});
    }
    for (const char* name : {"precision", "recall", "f1"}) {
      if (!stats.contains(name)) stats[name] = nullptr;  // class 1 occurs nowhere
    }
  }
  return {{"group_labels", std::move(labels)},
          {"group_counts", c.counts},
          {"group_percentages", std::move(percentages)},
          {"stats", std::move(stats)}};
}

json EvaluationMetrics(const TrainingFigures& f) {
  return {{"overall_accuracy", Round(f.classification.accuracy)},
          {"classification_report", ClassificationText(f.classification)},
          {"micro_performance_metrics", Scores(f.classification.micro)},
          {"macro_performance_metrics", Scores(f.classification.macro)},
          {"weighted_performance_metrics", Scores(f.classification.weighted)}};
}

json AccuracyBySteps(const TrainingFigures& f) {
  json out = json::object();
  for (const StepLine& line : f.lines) out[line.name] = Rounded(line.values);
  return out;
}

json ResidualDistribution(const TrainingFigures& f) {
  const Histogram& h = f.residuals;
  double total = 0;
  for (const int64_t n : h.counts) total += static_cast<double>(n);
  std::vector<double> density;
  for (size_t i = 0; i < h.counts.size(); ++i) {
    density.push_back(static_cast<double>(h.counts[i]) / (total * (h.edges[i + 1] - h.edges[i])));
  }
  std::vector<double> x;
  const double low = h.edges.front(), high = h.edges.back();
  for (int i = 0; i < 50; ++i) x.push_back(low + (high - low) * i / 49);
  return {{"plot_step", f.step},   {"hist", density},        {"edges", h.edges}, {"x", x},
          {"mu", f.residual_mean}, {"sigma", f.residual_std}};
}

// A class's name in the files about curves: 1 for the only curve of a binary model.
std::string CurveName(const TrainingFigures& f, size_t i) {
  return std::to_string(f.curves.size() == 1 ? 1 : i);
}

// Points of a curve with the corners only: those between two others on a line are left out.
std::vector<CurvePoint> Corners(const BinaryCurve& curve) {
  std::vector<CurvePoint> out;
  for (const CurvePoint& p : curve.points) {
    while (out.size() >= 2) {
      const CurvePoint &a = out[out.size() - 2], &b = out.back();
      if ((b.tp - a.tp) * (p.fp - b.fp) != (p.tp - b.tp) * (b.fp - a.fp)) break;
      out.pop_back();
    }
    out.push_back(p);
  }
  return out;
}

json RocCurve(const TrainingFigures& f) {
  json curves = json::array();
  for (size_t i = 0; i < f.curves.size(); ++i) {
    const BinaryCurve& c = f.curves[i];
    const auto n = static_cast<double>(std::max<int64_t>(c.negatives, 1)),
               p = static_cast<double>(std::max<int64_t>(c.positives, 1));
    json x = json::array({0}), y = json::array({0}), thresholds = json::array({nullptr});
    for (const CurvePoint& point : Corners(c)) {
      if (std::isnan(c.auc)) break;  // one class has no curve
      x.push_back(Round(static_cast<double>(point.fp) / n));
      y.push_back(Round(static_cast<double>(point.tp) / p));
      thresholds.push_back(Round(point.threshold));
    }
    curves.push_back({{"category", CurveName(f, i)},
                      {"auc", c.auc},
                      {"false_positive_rate", std::move(x)},
                      {"true_positive_rate", std::move(y)},
                      {"threshold", std::move(thresholds)}});
  }
  return {{"curves", std::move(curves)}};
}

json PrecisionRecallCurve(const TrainingFigures& f) {
  json curves = json::array();
  for (size_t i = 0; i < f.curves.size(); ++i) {
    const BinaryCurve& c = f.curves[i];
    std::vector<std::pair<double, double>> line;
    for (const auto& point : PrecisionRecallLine(c)) line.push_back(point);
    json x = json::array(), y = json::array();
    for (const auto& [recall, precision] : ThinLine(line, 2000)) {
      x.push_back(Round(recall));
      y.push_back(Round(precision));
    }
    curves.push_back({{"category", CurveName(f, i)},
                      {"average_precision", c.average_precision},
                      {"recall", std::move(x)},
                      {"precision", std::move(y)}});
  }
  return {{"curves", std::move(curves)}};
}

json CalibrationFile(const Calibration& c) {
  json bins = json::array();
  for (const CalibrationBin& b : c.bins) {
    bins.push_back({{"low", b.low},
                    {"high", b.high},
                    {"rows", b.rows},
                    {"predicted", b.predicted},
                    {"observed", b.observed}});
  }
  return {
      {"brier_score", c.brier}, {"expected_calibration_error", c.error}, {"bins", std::move(bins)}};
}

json GainsAndLift(const TrainingFigures& f) {
  json share = json::array(), gain = json::array(), lift = json::array();
  for (size_t i = 0; i < f.gains.size(); ++i) {
    share.push_back(static_cast<double>(i) / 100);
    gain.push_back(Round(f.gains[i]));
    lift.push_back(i ? json(Round(f.gains[i] * 100 / static_cast<double>(i))) : json());
  }
  return {{"share_of_rows", std::move(share)},
          {"share_of_positives", std::move(gain)},
          {"lift", std::move(lift)}};
}

json ThresholdCounts(const TrainingFigures& f) {
  json thresholds = json::array();
  for (size_t i = 0; i < f.tp_at.size(); ++i) thresholds.push_back(static_cast<double>(i) / 1000);
  return {{"positives", f.curves[0].positives},
          {"negatives", f.curves[0].negatives},
          {"threshold", std::move(thresholds)},
          {"true_positives", f.tp_at},
          {"false_positives", f.fp_at}};
}

json RegressionScores(const TrainingData& data, const TrainingFigures& f) {
  const Scorecard& s = *f.scorecard;
  json out = {{"rows", f.rows},
              {"mean_absolute_error", s.mae},
              {"root_mean_squared_error", s.rmse},
              {"r2", s.r2},
              {"mean_absolute_percentage_error", s.mape},
              {"median_absolute_error", s.median_error},
              {"max_error", s.max_error},
              {"mean_error", s.bias}};
  if (data.task == Task::kCount) out["mean_poisson_deviance"] = f.poisson_deviance;
  return out;
}

json PredictedVersusTrue(const TrainingFigures& f) {
  json groups = json::array(), labels = json::array(), predictions = json::array();
  for (const Group& g : f.groups) {
    groups.push_back({{"rows", g.rows}, {"predicted", g.predicted}, {"observed", g.observed}});
  }
  for (const auto& [label, prediction] : f.scatter) {
    labels.push_back(label);
    predictions.push_back(prediction);
  }
  return {{"groups_by_prediction", std::move(groups)},
          {"sample", {{"label", std::move(labels)}, {"prediction", std::move(predictions)}}}};
}

json ShapSummary(const TrainingData& data) {
  const Shap& s = data.shap;
  json features = json::array();
  for (size_t feature = 0; feature < s.features; ++feature) {
    json means = json::array();
    for (size_t k = 0; k < s.classes; ++k) {
      double sum = 0;
      for (size_t row = 0; row < s.rows; ++row) {
        sum += std::abs(static_cast<double>(s.at(row, k, feature)));
      }
      means.push_back(sum / static_cast<double>(s.rows));
    }
    features.push_back({{"feature", data.features[feature]}, {"mean_abs_shap", std::move(means)}});
  }
  json bias = json::array();
  for (size_t k = 0; k < s.classes; ++k) bias.push_back(s.at(0, k, s.features));
  return {{"rows", s.rows},
          {"of_rows", data.validated ? data.validation_rows : data.train_rows},
          {"expected_value", std::move(bias)},
          {"features", std::move(features)}};
}

json WorstPredictions(const TrainingFigures& f) {
  json rows = json::array();
  for (const WorstRow& w : f.worst) {
    rows.push_back(
        {{"row", w.row}, {"label", w.label}, {"prediction", w.prediction}, {"loss", w.loss}});
  }
  return {{"rows", std::move(rows)}};
}

json GradesFile(const TrainingFigures& f) {
  json rows = json::array();
  for (const GradeScores& g : f.grades) {
    rows.push_back({{"label", g.grade},
                    {"rows", g.rows},
                    {"p5", g.p5},
                    {"p25", g.p25},
                    {"p50", g.p50},
                    {"p75", g.p75},
                    {"p95", g.p95}});
  }
  return {{"scores_by_label", std::move(rows)}};
}

json SurvivalFile(const TrainingFigures& f) {
  json groups = json::array();
  for (const SurvivalGroup& g : f.survival) {
    json time = json::array(), share = json::array();
    for (const auto& [t, s] : g.curve) {
      time.push_back(t);
      share.push_back(Round(s));
    }
    groups.push_back({{"group", g.name},
                      {"rows", g.rows},
                      {"time", std::move(time)},
                      {"survival", std::move(share)}});
  }
  return {{"concordance", *f.concordance}, {"groups", std::move(groups)}};
}

}  // namespace

std::vector<ReportFile> TrainingReportFiles(const TrainingData& data, const TrainingFigures& f,
                                            const Verdict& verdict) {
  std::vector<ReportFile> out;
  const auto add = [&](const char* name, const json& value) {
    out.push_back({name, DumpJson(value, 2) + "\n"});
  };
  add("Findings.json", VerdictJson(verdict));
  add("LossData.json", LossData(data));
  add("FeatureImportance.json", FeatureImportance(data));
  if (data.shap.rows > 0) add("ShapSummary.json", ShapSummary(data));
  if (f.step < 0) return out;
  add("LabelsDistribution.json", LabelsDistribution(f));
  if (f.confusion) {
    add("ConfusionMatrix.json", ConfusionMatrix(data, f));
    add("EvaluationMetrics.json", EvaluationMetrics(f));
    add("IterativeClassAccuracy.json", AccuracyBySteps(f));
  }
  if (!f.curves.empty()) {
    add("ROCCurve.json", RocCurve(f));
    add("PrecisionRecallCurve.json", PrecisionRecallCurve(f));
  }
  if (f.calibration) add("Calibration.json", CalibrationFile(*f.calibration));
  if (!f.gains.empty()) add("GainsAndLift.json", GainsAndLift(f));
  if (!f.tp_at.empty()) add("ThresholdCounts.json", ThresholdCounts(f));
  if (f.scorecard) {
    add("RegressionScores.json", RegressionScores(data, f));
    add("PredictedVersusTrue.json", PredictedVersusTrue(f));
    add("LabelBinErrors.json", {{"edges", f.bin_errors.edges},
                                {"rows", f.bin_errors.rows},
                                {"errors", f.bin_errors.errors},
                                {"steps", f.line_steps},
                                {"errors_by_step", AccuracyBySteps(f)}});
  }
  if (!f.residuals.counts.empty()) add("ResidualDistribution.json", ResidualDistribution(f));
  if (!f.grades.empty()) add("ScoresByLabel.json", GradesFile(f));
  if (f.concordance) add("Survival.json", SurvivalFile(f));
  if (!f.worst.empty()) add("WorstPredictions.json", WorstPredictions(f));
  return out;
}

}  // namespace clary::debugger
