#include "debugger/report_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "debugger/internal/report_json.h"

namespace clary::debugger {
using reports::DumpJson;
using reports::Verdict;
using reports::VerdictJson;
namespace {
using json = reports::Json;

constexpr size_t kCurvePoints = 300;
constexpr size_t kShapFeatures = 20;
constexpr size_t kShapPoints = 500;  // rows drawn a feature
constexpr size_t kShapClasses = 6;   // with points of their own
constexpr size_t kTreeBytes = 500'000;
constexpr size_t kTableFeatures = 1000;
constexpr size_t kOtherJobs = 50;
constexpr size_t kLinePoints = 2000;
constexpr size_t kCategoryTexts = 5000;  // of all columns

// Rounded to `digits` significant digits: a chart shows no more, and the page stays small.
double Sig(double v, int digits = 5) {
  if (v == 0 || !std::isfinite(v)) return v;
  const double scale = std::pow(10, digits - 1 - std::floor(std::log10(std::abs(v))));
  if (!std::isfinite(scale)) return v;
  return std::round(v * scale) / scale;
}

json Pairs(const std::vector<std::pair<double, double>>& line) {
  json out = json::array();
  for (const auto& [x, y] : line) out.push_back({Sig(x), Sig(y)});
  return out;
}

json HistogramJson(const Histogram& h) { return {{"edges", h.edges}, {"counts", h.counts}}; }

json Metrics(const TrainingData& data) {
  json series = json::array();
  for (const MetricSeries& s : data.metrics) {
    const size_t stride = s.steps.size() / kLinePoints + 1;
    json points = json::array();
    for (size_t i = 0; i < s.steps.size(); ++i) {
      if (i % stride == 0 || i + 1 == s.steps.size() || i == s.Best()) {
        points.push_back({s.steps[i], Sig(s.values[i], 6)});
      }
    }
    json one = {{"name", s.name},
                {"data", s.data},
                {"metric", s.metric},
                {"maximize", IsMaximized(s.metric)},
                {"points", std::move(points)}};
    if (const size_t best = s.Best(); best < s.values.size()) {
      one["best"] = {s.steps[best], s.values[best]};
    }
    if (const size_t now = s.UpTo(data.delivered_round); now < s.values.size()) {
      one["now"] = {s.steps[now], s.values[now]};
    }
    series.push_back(std::move(one));
  }
  json out = {{"series", std::move(series)}};
  if (const MetricSeries* deciding = DecidingSeries(data)) out["deciding"] = deciding->name;
  return out;
}

json PrecisionRecallJson(const PrecisionRecall& s) { return {s.precision, s.recall, s.f1}; }

json Classification(const TrainingFigures& f) {
  json classes = json::array();
  for (const ClassScores& c : f.classification.classes) {
    classes.push_back(
        {{"id", c.id}, {"scores", PrecisionRecallJson(c.scores)}, {"support", c.support}});
  }
  json out = {{"classes", f.classes},
              {"counts", f.confusion->counts},
              {"accuracy", f.classification.accuracy},
              {"rows", f.classification.rows},
              {"report", std::move(classes)},
              {"micro", PrecisionRecallJson(f.classification.micro)},
              {"macro", PrecisionRecallJson(f.classification.macro)},
              {"weighted", PrecisionRecallJson(f.classification.weighted)}};
  if (f.classes > 40) out["counts"] = json::array();  // too many cells to draw
  return out;
}

json Curves(const TrainingFigures& f) {
  json out = json::array();
  const size_t most = f.curves.size() > 4 ? kCurvePoints / 3 : kCurvePoints;
  for (size_t i = 0; i < std::min<size_t>(f.curves.size(), 20); ++i) {
    const BinaryCurve& c = f.curves[i];
    if (c.positives == 0 || c.negatives == 0) continue;
    std::vector<std::pair<double, double>> roc{{0, 0}};
    for (const CurvePoint& p : c.points) {
      const auto tp = static_cast<double>(p.tp), fp = static_cast<double>(p.fp);
      roc.emplace_back(fp / static_cast<double>(c.negatives),
                       tp / static_cast<double>(c.positives));
    }
    out.push_back({{"id", f.curves.size() == 1 ? 1 : i},
                   {"positives", c.positives},
                   {"negatives", c.negatives},
                   {"auc", c.auc},
                   {"averagePrecision", c.average_precision},
                   {"roc", Pairs(ThinLine(roc, most))},
                   {"pr", Pairs(ThinLine(PrecisionRecallLine(c), most))}});
  }
  return out;
}

json CalibrationJson(const Calibration& c) {
  json bins = json::array();
  for (const CalibrationBin& b : c.bins) {
    bins.push_back({b.low, b.high, b.rows, Sig(b.predicted), Sig(b.observed)});
  }
  return {{"brier", c.brier}, {"error", c.error}, {"bins", std::move(bins)}};
}

json Numbers(const TrainingData& data, const TrainingFigures& f) {
  const Scorecard& s = *f.scorecard;
  json groups = json::array(), scatter = json::array(), errors = json::array();
  for (const Group& g : f.groups) groups.push_back({g.rows, Sig(g.predicted), Sig(g.observed)});
  for (const auto& [y, p] : f.scatter) {
    scatter.push_back({Sig(static_cast<double>(y)), Sig(static_cast<double>(p))});
  }
  for (size_t i = 0; i < f.bin_errors.rows.size(); ++i) {
    errors.push_back({Sig(f.bin_errors.edges[i]), Sig(f.bin_errors.edges[i + 1]),
                      f.bin_errors.rows[i], Sig(f.bin_errors.errors[i])});
  }
  json out = {{"mae", s.mae},
              {"rmse", s.rmse},
              {"r2", s.r2},
              {"mape", s.mape},
              {"mapeRows", s.mape_rows},
              {"medianError", s.median_error},
              {"maxError", s.max_error},
              {"bias", s.bias},
              {"labelMean", s.label_mean},
              {"labelStd", s.label_std},
              {"groups", std::move(groups)},
              {"scatter", std::move(scatter)},
              {"binErrors", std::move(errors)}};
  if (data.task == Task::kCount) out["poissonDeviance"] = f.poisson_deviance;
  return out;
}

json LinesOf(const TrainingFigures& f) {
  json lines = json::array();
  for (const StepLine& line : f.lines) {
    json values = json::array();
    for (const double v : line.values) values.push_back(Sig(v));
    lines.push_back({{"name", line.name}, {"values", std::move(values)}});
  }
  return {{"steps", f.line_steps}, {"lines", std::move(lines)}};
}

json Importance(const TrainingData& data) {
  json out = json::object();
  for (const auto& [type, list] : data.importance) {
    json rows = json::array();
    for (size_t i = 0; i < std::min<size_t>(list.size(), 100); ++i) {
      rows.push_back({list[i].first, Sig(list[i].second)});
    }
    out[type] = std::move(rows);
  }
  return out;
}

// Mean |contribution| of each feature to each class.
std::vector<std::vector<double>> MeanContributions(const Shap& s) {
  std::vector<std::vector<double>> out(s.features, std::vector<double>(s.classes));
  for (size_t row = 0; row < s.rows; ++row) {
    for (size_t k = 0; k < s.classes; ++k) {
      for (size_t f = 0; f < s.features; ++f) {
        out[f][k] += std::abs(static_cast<double>(s.at(row, k, f)));
      }
    }
  }
  for (auto& means : out) {
    for (double& m : means) m /= static_cast<double>(s.rows);
  }
  return out;
}

json ShapJson(const TrainingData& data) {
  const Shap& s = data.shap;
  const auto means = MeanContributions(s);
  const auto total = [&](size_t f) {
    return std::accumulate(means[f].begin(), means[f].end(), 0.0);
  };
  std::vector<size_t> order(s.features);
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return total(a) > total(b); });
  while (!order.empty() && (order.size() > kShapFeatures || total(order.back()) == 0)) {
    order.pop_back();
  }
  const size_t classes = std::min(s.classes, kShapClasses);
  const size_t points = std::min(s.rows, kShapPoints);
  json features = json::array();
  for (const size_t f : order) {
    json inputs = json::array(), contributions = json::array(), mean = json::array();
    for (const double m : means[f]) mean.push_back(Sig(m));
    for (size_t i = 0; i < points; ++i) {
      inputs.push_back(Sig(static_cast<double>(s.inputs[i * s.rows / points * s.features + f])));
    }
    for (size_t k = 0; k < classes; ++k) {
      json of_class = json::array();
      for (size_t i = 0; i < points; ++i) {
        of_class.push_back(Sig(static_cast<double>(s.at(i * s.rows / points, k, f)), 4));
      }
      contributions.push_back(std::move(of_class));
    }
    features.push_back({{"name", data.features[f]},
                        {"mean", std::move(mean)},
                        {"inputs", std::move(inputs)},
                        {"contributions", std::move(contributions)}});
  }
  return {{"rows", s.rows},
          {"ofRows", data.validated ? data.validation_rows : data.train_rows},
          {"points", points},
          {"classes", s.classes},
          {"pointClasses", classes},
          {"features", std::move(features)}};
}

// A row's largest contributions, the rest in one number.
json Explanation(const TrainingData& data, size_t row, size_t k) {
  const Shap& s = data.shap;
  std::vector<size_t> order(s.features);
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::abs(s.at(row, k, a)) > std::abs(s.at(row, k, b));
  });
  json parts = json::array();
  double rest = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    const size_t f = order[i];
    if (i < 9) {
      parts.push_back({data.features[f], Sig(static_cast<double>(s.inputs[row * s.features + f])),
                       Sig(static_cast<double>(s.at(row, k, f)))});
    } else {
      rest += static_cast<double>(s.at(row, k, f));
    }
  }
  return {{"base", Sig(static_cast<double>(s.at(row, k, s.features)))},
          {"parts", std::move(parts)},
          {"rest", Sig(rest)}};
}

json WorstJson(const TrainingData& data, const TrainingFigures& f) {
  const auto one = [](const WorstRow& w) {
    return json{{"row", w.row},
                {"label", Sig(w.label, 6)},
                {"prediction", Sig(w.prediction, 6)},
                {"loss", Sig(w.loss)}};
  };
  json rows = json::array(), explained = json::array();
  for (const WorstRow& w : f.worst) rows.push_back(one(w));
  const auto& ids = data.shap.row_ids;
  for (const WorstRow& w : f.explained) {
    const auto at = std::find(ids.begin(), ids.end(), static_cast<int64_t>(w.row));
    if (at == ids.end()) continue;
    // Of several classes the one that was wrongly chosen is explained.
    const auto k = data.shap.classes > 1 ? static_cast<size_t>(w.prediction) : 0;
    if (k >= data.shap.classes) continue;
    json row = one(w);
    row["why"] = Explanation(data, static_cast<size_t>(at - ids.begin()), k);
    explained.push_back(std::move(row));
  }
  return {{"rows", std::move(rows)}, {"explained", std::move(explained)}};
}

// Trees as the texts they came in, evenly chosen where they are too many; the page parses one when
// it draws it.
json Trees(const TrainingData& data) {
  size_t bytes = 0;
  for (const std::string& tree : data.trees) bytes += tree.size();
  const size_t n = data.trees.size();
  size_t keep = n;
  if (bytes > kTreeBytes) keep = std::max<size_t>(1, n * kTreeBytes / bytes);
  json list = json::array();
  size_t used = 0;
  for (size_t i = 0; i < keep; ++i) {
    const size_t at = keep == 1 ? 0 : i * (n - 1) / (keep - 1);
    used += data.trees[at].size();
    if (used > kTreeBytes * 3 / 2) break;
    list.push_back(data.trees[at]);
  }
  const size_t total = data.tree_count < 0 ? n : static_cast<size_t>(data.tree_count);
  return {{"total", total}, {"list", std::move(list)}};
}

json DataJson(const TrainingData& data) {
  const FeatureSummary& d = data.summary;
  json rows = json::array();
  const auto at = [](const std::vector<double>& v, size_t f) {
    return v.empty() ? json() : json(Sig(v[f]));
  };
  for (size_t f = 0; f < std::min(d.missing.size(), kTableFeatures); ++f) {
    rows.push_back({data.features[f], at(d.missing, f), at(d.mean, f), at(d.std_dev, f),
                    at(d.min, f), at(d.max, f), at(d.outside, f)});
  }
  return {{"features", std::max(data.features.size(), d.missing.size())},
          {"rows", std::move(rows)}};
}

// Other jobs beside this one: final metrics, and the hyperparameters in which any two differ.
json Comparison(const TrainingData& data, const ReportContext& context) {
  json jobs = json::array();
  json mine = json::object(), settings = json::object();
  for (const MetricSeries& s : data.metrics)
    mine[s.data + ":" + s.metric] = Sig(s.values.back(), 6);
  for (const auto& [name, value] : data.hyperparameters) settings[name] = value;
  jobs.push_back({{"name", context.job_name},
                  {"status", context.status},
                  {"ended", context.ended ? json(FormatIso8601(*context.ended)) : json()},
                  {"metrics", std::move(mine)},
                  {"hyperparameters", std::move(settings)}});
  for (size_t i = 0; i < std::min(context.other_jobs.size(), kOtherJobs); ++i) {
    const OtherJob& job = context.other_jobs[i];
    json metrics = json::object(), parameters = json::object();
    for (const auto& [name, value] : job.metrics) metrics[name] = Sig(value, 6);
    for (const auto& [name, value] : job.hyperparameters) parameters[name] = value;
    jobs.push_back({{"name", job.name},
                    {"status", job.status},
                    {"ended", job.ended ? json(FormatIso8601(*job.ended)) : json()},
                    {"metrics", std::move(metrics)},
                    {"hyperparameters", std::move(parameters)}});
  }
  return {{"total", context.other_jobs.size() + 1}, {"jobs", std::move(jobs)}};
}

json Labels(const TrainingFigures& f) {
  return {{"names", f.labels.names},
          {"edges", f.labels.edges},
          {"validation", f.labels.validation},
          {"train", f.labels.train},
          {"trainSampled", f.labels.train_sampled},
          {"stability", f.labels.stability}};
}

}  // namespace

std::string TrainingModelJson(const TrainingData& data, const TrainingFigures& f,
                              const Verdict& verdict, const ReportContext& context) {
  json job = JobJson(context);
  for (const auto& [name, value] : data.hyperparameters) job["hyperparameters"][name] = value;
  job["objective"] = data.objective;
  job["running"] = !data.ended;
  job["rounds"] = data.delivered_round + 1;
  job["trainedRounds"] = data.trained_rounds;
  job["validated"] = data.validated;
  job["weighted"] = data.validated ? data.validation_weighted : data.train_weighted;
  job["leftOut"] = f.left_out;
  job["trainRows"] = data.train_rows;
  job["validationRows"] = data.validation_rows > 0 || !data.validated
                              ? data.validation_rows
                              : static_cast<double>(f.rows + f.left_out);
  job["features"] = data.features.size();
  json out = {
      {"kind", "training"},    {"task", TaskName(data.task)},     {"step", f.step},
      {"job", std::move(job)}, {"verdict", VerdictJson(verdict)}, {"metrics", Metrics(data)}};
  if (!data.class_names.empty()) out["classNames"] = data.class_names;
  size_t texts = 0;
  for (const auto& [feature, names] : data.categories) {
    if (feature >= data.features.size() || (texts += names.size()) > kCategoryTexts) continue;
    out["categories"][data.features[feature]] = names;
  }
  const auto set = [&](const char* name, bool there, const auto& make) {
    if (there) out[name] = make();
  };
  set("labels", !f.labels.validation.empty(), [&] { return Labels(f); });
  set("classification", f.confusion.has_value(), [&] { return Classification(f); });
  set("curves", !f.curves.empty(), [&] { return Curves(f); });
  set("calibration", f.calibration.has_value(), [&] { return CalibrationJson(*f.calibration); });
  set("gains", !f.gains.empty(), [&] {
    json gains = json::array();
    for (const double g : f.gains) gains.push_back(Sig(g));
    return gains;
  });
  set("thresholds", !f.tp_at.empty(), [&] {
    return json{{"positives", f.curves[0].positives},
                {"negatives", f.curves[0].negatives},
                {"tp", f.tp_at},
                {"fp", f.fp_at}};
  });
  set("scores", f.score_histograms.size() == 2, [&] {
    return json::array(
        {HistogramJson(f.score_histograms[0]), HistogramJson(f.score_histograms[1])});
  });
  set("numbers", f.scorecard.has_value(), [&] { return Numbers(data, f); });
  set("residuals", !f.residuals.counts.empty(), [&] {
    json residuals = HistogramJson(f.residuals);
    residuals["mean"] = f.residual_mean;
    residuals["std"] = f.residual_std;
    return residuals;
  });
  set("lines", !f.lines.empty(), [&] { return LinesOf(f); });
  set("grades", !f.grades.empty(), [&] {
    json grades = json::array();
    for (const GradeScores& g : f.grades) {
      grades.push_back(
          {g.grade, g.rows, Sig(g.p5), Sig(g.p25), Sig(g.p50), Sig(g.p75), Sig(g.p95)});
    }
    return grades;
  });
  set("survival", f.concordance.has_value(), [&] {
    json groups = json::array();
    for (const SurvivalGroup& g : f.survival) {
      groups.push_back({{"name", g.name}, {"rows", g.rows}, {"curve", Pairs(g.curve)}});
    }
    return json{{"concordance", *f.concordance}, {"groups", std::move(groups)}};
  });
  set("importance", !data.importance.empty(), [&] { return Importance(data); });
  set("shap", data.shap.rows > 0, [&] { return ShapJson(data); });
  set("worst", !f.worst.empty(), [&] { return WorstJson(data, f); });
  set("trees", !data.trees.empty(), [&] { return Trees(data); });
  set("data", !data.summary.missing.empty(), [&] { return DataJson(data); });
  set("comparison", !context.other_jobs.empty(), [&] { return Comparison(data, context); });
  return DumpJson(out);
}

}  // namespace clary::debugger
