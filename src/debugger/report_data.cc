#include "debugger/report_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/strings.h"

namespace clary::debugger {
namespace {

std::unexpected<Error> BadTensor(std::string_view tensor, std::string_view what) {
  return Fail(Code::kDataLoss, "BadTrial", fmt::format("tensor {}: {}", tensor, what));
}

// A tensor's value at the last step that has it; nullopt if no step does.
Result<std::optional<Tensor>> Last(Trial& trial, std::string_view name) {
  const std::vector<int64_t> steps = trial.Steps(name);
  if (steps.empty()) return std::nullopt;
  CLARY_TRY(Tensor t, trial.Value(name, steps.back()));
  return std::optional(std::move(t));
}

std::vector<float> AsFloats(const Tensor& t) {
  if (const auto* f = std::get_if<std::vector<float>>(&t.values)) return *f;
  const std::vector<double> d = t.AsDoubles();
  return {d.begin(), d.end()};
}

std::string AsText(const Tensor& t) {
  if (const auto* s = std::get_if<std::vector<std::string>>(&t.values)) return Join(*s, ",");
  if (const auto* i = std::get_if<std::vector<int64_t>>(&t.values)) {
    return fmt::format("{}", fmt::join(*i, ","));
  }
  return fmt::format("{}", fmt::join(t.AsDoubles(), ","));
}

Result<std::vector<double>> Doubles(Trial& trial, std::string_view name) {
  CLARY_TRY(const auto t, Last(trial, name));
  return t ? t->AsDoubles() : std::vector<double>{};
}

Status ReadHyperparameters(Trial& trial, TrainingData& out) {
  constexpr std::string_view kPrefix = "hyperparameters/";
  for (const std::string& name : trial.TensorNames("hyperparameters")) {
    if (!name.starts_with(kPrefix)) continue;
    CLARY_TRY(const auto t, Last(trial, name));
    if (t) out.hyperparameters[name.substr(kPrefix.size())] = AsText(*t);
  }
  return {};
}

// The place of a metric in eval_metric, which XGBoost's order of evaluation follows.
size_t MetricOrder(const std::vector<std::string_view>& order, std::string_view metric) {
  return static_cast<size_t>(std::find_if(order.begin(), order.end(),
                                          [&](std::string_view m) { return Trim(m) == metric; }) -
                             order.begin());
}

// What the hook says at its end of every round of its run, in place of the saved ones.
Status ReadEveryRound(Trial& trial, TrainingData& out) {
  for (MetricSeries& series : out.metrics) {
    const std::string name = "clary_report/metrics/" + series.name;
    CLARY_TRY(const auto t, Last(trial, name));
    if (!t) continue;
    const std::vector<double> values = t->AsDoubles();
    const int64_t first = trial.Steps(name).back() + 1 - std::ssize(values);
    const auto from = std::lower_bound(series.steps.begin(), series.steps.end(), first);
    series.values.resize(static_cast<size_t>(from - series.steps.begin()));
    series.steps.erase(from, series.steps.end());
    for (size_t i = 0; i < values.size(); ++i) {
      series.steps.push_back(first + static_cast<int64_t>(i));
      series.values.push_back(values[i]);
    }
  }
  return {};
}

Status ReadMetrics(Trial& trial, TrainingData& out) {
  std::vector<std::string> names = trial.TensorNames("metrics");
  for (std::string& name : trial.TensorNames("losses")) names.push_back(std::move(name));
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  for (const std::string& name : names) {
    const size_t dash = name.find('-');
    if (dash == std::string::npos || dash == 0) continue;
    MetricSeries series{.name = name,
                        .data = name.substr(0, dash),
                        .metric = name.substr(dash + 1),
                        .steps = {},
                        .values = {}};
    for (const int64_t step : trial.Steps(name)) {
      CLARY_TRY(const Tensor t, trial.Value(name, step));
      const std::vector<double> v = t.AsDoubles();
      if (v.size() != 1) continue;
      series.steps.push_back(step);
      series.values.push_back(v[0]);
    }
    if (!series.steps.empty()) out.metrics.push_back(std::move(series));
  }
  CLARY_CHECK_OK(ReadEveryRound(trial, out));
  const auto given = out.hyperparameters.find("eval_metric");
  std::string text = given == out.hyperparameters.end() ? "" : given->second;
  std::erase_if(text, [](char c) { return c == '[' || c == ']' || c == '"' || c == '\''; });
  const std::vector<std::string_view> order = Split(text, ',');
  std::stable_sort(out.metrics.begin(), out.metrics.end(), [&](const auto& a, const auto& b) {
    const size_t ia = MetricOrder(order, a.metric), ib = MetricOrder(order, b.metric);
    return std::tie(ia, a.metric, a.data) < std::tie(ib, b.metric, b.data);
  });
  return {};
}

std::string FeatureName(const TrainingData& data, size_t f) {
  return f < data.features.size() ? data.features[f] : fmt::format("f{}", f);
}

Status ReadImportance(Trial& trial, TrainingData& out) {
  constexpr std::string_view kPrefix = "feature_importance/";
  int64_t last = -1;
  std::map<std::string, std::vector<int64_t>> found;
  for (const std::string& name : trial.TensorNames("feature_importance")) {
    if (!name.starts_with(kPrefix)) continue;
    std::vector<int64_t> steps = trial.Steps(name);
    if (steps.empty()) continue;
    last = std::max(last, steps.back());
    found[name] = std::move(steps);
  }
  for (const auto& [name, steps] : found) {
    if (steps.back() != last) continue;
    const std::string rest = name.substr(kPrefix.size());
    const size_t slash = rest.find('/');
    if (slash == std::string::npos) continue;
    CLARY_TRY(const Tensor t, trial.Value(name, last));
    const std::vector<double> v = t.AsDoubles();
    if (v.size() == 1)
      out.importance[rest.substr(0, slash)].emplace_back(rest.substr(slash + 1), v[0]);
  }
  // The model's own, where it has fewer rounds than the last step.
  constexpr std::string_view kDelivered = "clary_report/importance/";
  for (const std::string& name : trial.TensorNames("clary_report")) {
    if (!name.starts_with(kDelivered)) continue;
    CLARY_TRY(const std::vector<double> shares, Doubles(trial, name));
    auto& list = out.importance[name.substr(kDelivered.size())];
    list.clear();
    for (size_t f = 0; f < shares.size(); ++f) {
      if (shares[f] > 0) list.emplace_back(FeatureName(out, f), shares[f]);
    }
  }
  for (auto& [type, list] : out.importance) {
    std::stable_sort(list.begin(), list.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
  }
  return {};
}

Status ReadShap(Trial& trial, TrainingData& out) {
  CLARY_TRY(const auto values, Last(trial, "clary_report/shap"));
  CLARY_TRY(const auto inputs, Last(trial, "clary_report/shap_features"));
  if (!values || !inputs) return {};
  Shap& s = out.shap;
  const std::vector<int64_t>& shape = values->shape;
  if ((shape.size() != 2 && shape.size() != 3) || inputs->shape.size() != 2) {
    return BadTensor(values->name, "must have two or three dimensions, and shap_features two");
  }
  s.rows = static_cast<size_t>(shape[0]);
  s.classes = shape.size() == 3 ? static_cast<size_t>(shape[1]) : 1;
  s.features = static_cast<size_t>(inputs->shape[1]);
  s.values = AsFloats(*values);
  s.inputs = AsFloats(*inputs);
  if (s.classes == 0 || s.values.size() != s.rows * s.classes * (s.features + 1) ||
      s.inputs.size() != s.rows * s.features) {
    return BadTensor(values->name, fmt::format("{} values for {} rows of {} features",
                                               s.values.size(), s.rows, s.features));
  }
  CLARY_TRY(const auto rows, Last(trial, "clary_report/shap_rows"));
  if (const auto* ids = rows ? std::get_if<std::vector<int64_t>>(&rows->values) : nullptr;
      ids && ids->size() == s.rows) {
    s.row_ids = *ids;
  } else {
    for (size_t i = 0; i < s.rows; ++i) s.row_ids.push_back(static_cast<int64_t>(i));
  }
  return {};
}

Status ReadSummary(Trial& trial, TrainingData& out) {
  const auto strings = [&](std::string_view name) -> Result<std::vector<std::string>> {
    CLARY_TRY(const auto t, Last(trial, name));
    const auto* s = t ? std::get_if<std::vector<std::string>>(&t->values) : nullptr;
    return s ? *s : std::vector<std::string>{};
  };
  CLARY_TRY(out.features, strings("clary_report/feature_names"));
  CLARY_TRY(out.class_names, strings("clary_report/class_names"));
  constexpr std::string_view kCategories = "clary_report/categories/";
  for (const std::string& name : trial.TensorNames("clary_report")) {
    if (!name.starts_with(kCategories)) continue;
    if (const auto f = ParseUint(std::string_view(name).substr(kCategories.size()))) {
      CLARY_TRY(out.categories[*f], strings(name));
    }
  }
  CLARY_TRY(out.trees, strings("clary_report/trees"));
  CLARY_TRY(const auto rows, Doubles(trial, "clary_report/rows"));
  if (!rows.empty()) out.train_rows = rows[0];
  if (rows.size() > 1) out.validation_rows = rows[1];
  out.trained_rounds = out.steps.empty() ? 0 : out.steps.back() + 1;
  CLARY_TRY(const auto delivered, Doubles(trial, "clary_report/delivered_rounds"));
  out.delivered_round =
      delivered.empty() ? out.trained_rounds - 1 : static_cast<int64_t>(delivered[0]) - 1;
  CLARY_TRY(const auto count, Doubles(trial, "clary_report/tree_count"));
  if (!count.empty()) out.tree_count = static_cast<int64_t>(count[0]);
  CLARY_TRY(const auto weighted, Doubles(trial, "clary_report/weighted"));
  out.train_weighted = !weighted.empty() && weighted[0] != 0;
  out.validation_weighted = weighted.size() > 1 && weighted[1] != 0;
  CLARY_TRY(const auto sparse, Doubles(trial, "clary_report/sparse"));
  out.sparse = !sparse.empty() && sparse[0] != 0;
  CLARY_TRY(const auto deciding, strings("clary_report/deciding_metric"));
  if (!deciding.empty()) out.deciding_metric = deciding[0];
  CLARY_TRY(const auto classes, Doubles(trial, "clary_report/train_class_rows"));
  out.train_class_rows.assign(classes.begin(), classes.end());
  CLARY_TRY(const auto labels, Last(trial, "clary_report/train_labels"));
  if (labels) out.train_labels = AsFloats(*labels);
  const std::array<std::pair<std::string_view, std::vector<double>*>, 9> parts{
      {{"clary_report/data/missing", &out.summary.missing},
       {"clary_report/data/mean", &out.summary.mean},
       {"clary_report/data/std", &out.summary.std_dev},
       {"clary_report/data/min", &out.summary.min},
       {"clary_report/data/max", &out.summary.max},
       {"clary_report/validation/outside", &out.summary.outside},
       {"clary_report/validation/missing", &out.summary.validation_missing},
       {"clary_report/validation/min", &out.summary.validation_min},
       {"clary_report/validation/max", &out.summary.validation_max}}};
  for (const auto& [name, to] : parts) {
    CLARY_TRY(*to, Doubles(trial, name));
    if (!to->empty() && to->size() != out.summary.missing.size()) {
      return BadTensor(name, fmt::format("{} features, where clary_report/data/missing has {}",
                                         to->size(), out.summary.missing.size()));
    }
  }
  const size_t features =
      std::max({out.features.size(), out.shap.features, out.summary.missing.size()});
  for (size_t f = out.features.size(); f < features; ++f) {
    out.features.push_back(fmt::format("f{}", f));
  }
  return {};
}

}  // namespace

Task TaskOf(std::string_view objective) {
  if (objective.starts_with("binary:")) return Task::kBinary;
  if (objective.starts_with("multi:")) return Task::kMulticlass;
  if (objective.starts_with("rank:")) return Task::kRanking;
  if (objective.starts_with("survival:")) return Task::kSurvival;
  if (objective == "count:poisson") return Task::kCount;
  return Task::kRegression;
}

std::string_view TaskName(Task task) {
  constexpr std::array<std::string_view, 6> kNames = {"binary", "multiclass", "regression",
                                                      "count",  "ranking",    "survival"};
  return kNames[static_cast<size_t>(task)];
}

bool IsMaximized(std::string_view metric) {
  constexpr std::array<std::string_view, 14> kMaximized = {"auc",
                                                           "aucpr",
                                                           "map",
                                                           "ndcg",
                                                           "pre",
                                                           "accuracy",
                                                           "f1",
                                                           "f1_binary",
                                                           "f1_macro",
                                                           "precision",
                                                           "precision_macro",
                                                           "recall",
                                                           "recall_macro",
                                                           "balanced_accuracy"};
  const std::string_view base = metric.substr(0, metric.find('@'));
  return base == "r2" || std::find(kMaximized.begin(), kMaximized.end(), base) != kMaximized.end();
}

size_t MetricSeries::UpTo(int64_t round) const {
  const auto after = std::upper_bound(steps.begin(), steps.end(), round);
  return after == steps.begin() ? steps.size() : static_cast<size_t>(after - steps.begin()) - 1;
}

size_t MetricSeries::Best() const {
  const bool up = IsMaximized(metric);
  size_t best = values.size();
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) continue;
    if (best == values.size() || (up ? values[i] > values[best] : values[i] < values[best])) {
      best = i;
    }
  }
  return best;
}

Result<TrainingData> ReadTrainingData(Trial& trial, const ReportContext& context) {
  TrainingData out;
  out.steps = trial.Steps();
  out.ended = trial.ended();
  CLARY_CHECK_OK(ReadHyperparameters(trial, out));
  for (const auto& [name, value] : context.hyperparameters) out.hyperparameters[name] = value;
  if (const auto it = out.hyperparameters.find("objective"); it != out.hyperparameters.end()) {
    out.objective = it->second;
  }
  out.task = TaskOf(out.objective);
  CLARY_CHECK_OK(ReadMetrics(trial, out));
  CLARY_CHECK_OK(ReadShap(trial, out));
  CLARY_CHECK_OK(ReadSummary(trial, out));
  CLARY_CHECK_OK(ReadImportance(trial, out));
  const bool held_out =
      out.metrics.empty() || std::any_of(out.metrics.begin(), out.metrics.end(),
                                         [](const MetricSeries& m) { return m.data != "train"; });
  out.validated = out.train_rows > 0 ? out.validation_rows > 0 : held_out;
  const std::vector<int64_t> labels = trial.Steps("labels");
  for (const int64_t step : trial.Steps("predictions")) {
    if (std::binary_search(labels.begin(), labels.end(), step)) out.output_steps.push_back(step);
  }
  return out;
}

namespace {

Result<Output> MakeOutput(int64_t step, const Tensor& labels, const Tensor& predictions) {
  Output out{
      .step = step, .classes = 1, .labels = AsFloats(labels), .values = AsFloats(predictions)};
  const size_t rows = out.labels.size();
  if (rows == 0 || out.values.size() % rows != 0 || out.values.empty()) {
    return BadTensor(predictions.name, fmt::format("{} values for {} labels at step {}",
                                                   out.values.size(), rows, step));
  }
  out.classes = out.values.size() / rows;
  size_t kept = 0;
  for (size_t i = 0; i < rows; ++i) {
    const auto row = out.values.begin() + static_cast<std::ptrdiff_t>(i * out.classes);
    const auto end = row + static_cast<std::ptrdiff_t>(out.classes);
    if (!std::isfinite(out.labels[i]) ||
        !std::all_of(row, end, [](float v) { return std::isfinite(v); })) {
      continue;
    }
    out.row_of.push_back(static_cast<uint32_t>(i));
    std::copy(row, end, out.values.begin() + static_cast<std::ptrdiff_t>(kept * out.classes));
    out.labels[kept++] = out.labels[i];
  }
  out.left_out = rows - kept;
  out.labels.resize(kept);
  out.values.resize(kept * out.classes);
  return out;
}

}  // namespace

Result<Output> ReadOutput(Trial& trial, int64_t step) {
  CLARY_TRY(const Tensor labels, trial.Value("labels", step));
  CLARY_TRY(const Tensor predictions, trial.Value("predictions", step));
  return MakeOutput(step, labels, predictions);
}

Result<Output> ReadDeliveredOutput(Trial& trial, const TrainingData& data) {
  const int64_t last = data.output_steps.back();
  CLARY_TRY(const auto predictions, Last(trial, "clary_report/predictions"));
  if (!predictions) return ReadOutput(trial, last);
  CLARY_TRY(const Tensor labels, trial.Value("labels", last));
  return MakeOutput(data.delivered_round, labels, *predictions);
}

}  // namespace clary::debugger
