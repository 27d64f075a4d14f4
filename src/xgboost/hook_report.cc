// What the training report wants to know beside the nine collections: the collection clary_report.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <string>

#include "base/quote.h"
#include "gbdt/tree.h"
#include "xgboost/hook.h"

namespace clary::xgboost {
using debugger::Tensor;
using debugger::Vector;
using std::chrono::steady_clock;
namespace {

constexpr size_t kMaxTrainLabels = 100'000;
constexpr size_t kMaxClasses = 1000;
constexpr size_t kMaxNames = 1000;  // of one column's texts; others are shown by number
constexpr size_t kMaxNameBytes = 60;
constexpr size_t kLeastShapRows = 500;  // a swarm of fewer says little
constexpr size_t kMaxShapRows = 1000;
constexpr size_t kMaxShapValues = 8'000'000;
// How long contributions for the report may take beyond the least: this part of the time of
// training, but always this long.
constexpr int kShapShare = 40;
constexpr std::chrono::milliseconds kShapTime(50);
constexpr size_t kShapProbe = 8;  // rows that tell what a row costs
constexpr size_t kMaxTreeBytes = 2'000'000;
constexpr int kReportRounds = 50;  // whose trees the report gets
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// A split's feature: its name where columns have names, else its number.
std::string FeatureJson(uint32_t feature, std::span<const std::string> names) {
  const std::string number = fmt::format("{}", feature);
  if (feature >= names.size() || names[feature] == "f" + number) return number;
  return nlohmann::json(names[feature])
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string TreeJson(const gbdt::Forest& forest, std::span<const std::string> names, size_t t,
                     int round) {
  const gbdt::Tree& tree = forest.trees[t];
  std::string out =
      fmt::format(R"({{"round":{},"class":{},"nodes":[)", round, forest.tree_output[t]);
  for (size_t n = 0; n < tree.size(); ++n) {
    if (n > 0) out += ',';
    if (tree.left[n] == gbdt::kNoNode) {
      fmt::format_to(std::back_inserter(out), R"({{"v":{},"c":{}}})", tree.threshold[n],
                     tree.cover[n]);
      continue;
    }
    const gbdt::NodeId left = tree.left[n];
    fmt::format_to(std::back_inserter(out), R"({{"f":{},"y":{},"n":{},"m":{},"g":{},"c":{},)",
                   FeatureJson(tree.feature[n], names), left, left + 1,
                   left + (tree.default_left[n] != 0 ? 0 : 1), tree.gain[n], tree.cover[n]);
    const auto [categorical, right] = tree.RightCategories(static_cast<gbdt::NodeId>(n));
    if (categorical) {
      fmt::format_to(std::back_inserter(out), R"("in":[{}]}})", fmt::join(right, ","));
    } else {
      fmt::format_to(std::back_inserter(out), R"("t":{}}})", tree.threshold[n]);
    }
  }
  return out + "]}";
}

// The trees of rounds [0, kReportRounds) and the last one, as far as they fit.
std::vector<std::string> ReportTrees(const gbdt::Forest& forest,
                                     std::span<const std::string> names) {
  const int rounds = forest.booster == gbdt::Booster::kGblinear ? 0 : forest.num_round();
  if (rounds == 0 || forest.trees.empty()) return {};
  std::string last = TreeJson(forest, names, forest.trees.size() - 1, rounds - 1);
  size_t bytes = last.size();
  std::vector<std::string> out;
  for (int r = 0; r < std::min(rounds, kReportRounds); ++r) {
    const auto i = static_cast<size_t>(r);
    for (size_t t = forest.round_begin[i]; t < forest.round_begin[i + 1]; ++t) {
      if (t + 1 == forest.trees.size()) break;
      std::string text = TreeJson(forest, names, t, r);
      bytes += text.size();
      if (bytes > kMaxTreeBytes) {
        out.push_back(std::move(last));
        return out;
      }
      out.push_back(std::move(text));
    }
  }
  if (last.size() <= kMaxTreeBytes) out.push_back(std::move(last));
  return out;
}

// Calls add(column, value) for every value that is there.
template <typename F>
void ForEachValue(const gbdt::Dataset& data, F&& add) {
  const size_t columns = data.columns();
  if (data.is_sparse()) {
    const auto csr = data.csr();
    for (size_t i = 0; i < csr.value.size(); ++i) {
      if (!std::isnan(csr.value[i])) add(csr.column[i], csr.value[i]);
    }
    return;
  }
  const auto values = data.dense();
  for (size_t r = 0; r < data.rows(); ++r) {
    for (size_t c = 0; c < columns; ++c) {
      const float x = values[r * columns + c];
      if (!std::isnan(x)) add(c, x);
    }
  }
}

// Statistics of each column. Categories have no mean, and are no larger than one another.
struct ColumnStatistics {
  std::vector<double> missing, mean, std, min, max;
};
ColumnStatistics Describe(const gbdt::Dataset& data) {
  const size_t columns = data.columns();
  const size_t rows = data.rows();
  std::vector<double> count(columns, 0);
  std::vector<double> sum(columns, 0);
  std::vector<double> squares(columns, 0);
  std::vector<float> shift(columns, std::numeric_limits<float>::quiet_NaN());
  std::vector<float> low(columns, std::numeric_limits<float>::infinity());
  std::vector<float> high(columns, -std::numeric_limits<float>::infinity());
  ForEachValue(data, [&](size_t c, float x) {
    // Around a value of the column, so that squares do not cancel.
    if (std::isnan(shift[c])) shift[c] = x;
    const double d = static_cast<double>(x) - shift[c];
    count[c] += 1;
    sum[c] += d;
    squares[c] += d * d;
    low[c] = std::min(low[c], x);
    high[c] = std::max(high[c], x);
  });
  ColumnStatistics out;
  const auto& types = data.fields().feature_types;
  for (size_t c = 0; c < columns; ++c) {
    const bool any = count[c] > 0 && (types.empty() || types[c] != "c");
    const double mean = any ? sum[c] / count[c] : kNaN;
    out.missing.push_back(1 - count[c] / static_cast<double>(rows));
    out.mean.push_back(any ? shift[c] + mean : kNaN);
    out.std.push_back(any ? std::sqrt(std::max(0.0, squares[c] / count[c] - mean * mean)) : kNaN);
    out.min.push_back(any ? low[c] : kNaN);
    out.max.push_back(any ? high[c] : kNaN);
  }
  return out;
}

// Of each column, the share of the values in `other` that `train` has no like of: numbers beyond
// its smallest and largest, categories it does not have. NaN without values.
std::vector<double> OutsideShares(const gbdt::Dataset& train, const ColumnStatistics& s,
                                  const gbdt::Dataset& other) {
  const size_t columns = other.columns();
  const auto& types = train.fields().feature_types;
  const auto categorical = [&](size_t c) { return c < types.size() && types[c] == "c"; };
  std::vector<std::set<float>> seen(columns);
  if (std::ranges::find(types, "c") != types.end()) {
    ForEachValue(train, [&](size_t c, float x) {
      if (categorical(c)) seen[c].insert(x);
    });
  }
  std::vector<double> values(columns, 0);
  std::vector<double> outside(columns, 0);
  ForEachValue(other, [&](size_t c, float x) {
    values[c] += 1;
    const bool known =
        categorical(c) ? seen[c].contains(x) : c < s.min.size() && x >= s.min[c] && x <= s.max[c];
    outside[c] += known ? 0 : 1;
  });
  for (size_t c = 0; c < columns; ++c) outside[c] = values[c] > 0 ? outside[c] / values[c] : kNaN;
  return outside;
}

// Rows of each class; empty if a label is no class.
std::vector<int64_t> ClassCounts(std::span<const float> labels) {
  std::vector<int64_t> out;
  for (const float y : labels) {
    if (!(y >= 0) || y >= kMaxClasses || y != std::floor(y)) return {};
    const auto c = static_cast<size_t>(y);
    if (c >= out.size()) out.resize(c + 1);
    ++out[c];
  }
  return out;
}

// Names as far as a page can show them.
std::vector<std::string> Named(const std::vector<std::string>& names) {
  std::vector<std::string> out;
  for (size_t i = 0; i < std::min(names.size(), kMaxNames); ++i) {
    out.push_back(Printable(names[i], kMaxNameBytes));
  }
  return out;
}

bool Weighted(const gbdt::Dataset& data) {
  const auto& w = data.fields().weight;
  return std::ranges::any_of(w, [&](float x) { return x != w[0]; });
}

}  // namespace

void Hook::RecordMetrics(const gbdt::RoundReport& report) {
  if (config_.Find(kReportCollection) == nullptr) return;
  metric_values_.resize(report.metrics.size());
  metric_names_.resize(report.metrics.size());
  for (size_t i = 0; i < report.metrics.size(); ++i) {
    const gbdt::MetricValue& m = report.metrics[i];
    if (metric_names_[i].empty()) metric_names_[i] = m.dataset + "-" + m.metric;
    metric_values_[i].push_back(m.value);
  }
}

void Hook::ReportData(const gbdt::RoundReport& report) {
  if (config_.Find(kReportCollection) == nullptr) return;
  const gbdt::Dataset& train = inputs_.sets.front().data;
  const gbdt::Dataset& other = inputs_.sets.back().data;
  const bool validated = inputs_.sets.size() > 1;
  const auto add = [&](const char* name, auto values) {
    writer_.Add(kReportCollection,
                Vector(fmt::format("{}/{}", kReportCollection, name), std::move(values)));
  };
  add("feature_names", features_);
  if (inputs_.columns) {
    if (!inputs_.columns->classes.empty()) add("class_names", Named(inputs_.columns->classes));
    size_t f = 0;
    for (const data::Column& column : inputs_.columns->features) {
      const std::string name = fmt::format("categories/{}", f++);
      if (column.is_category) add(name.c_str(), Named(column.categories));
    }
  }
  add("rows", std::vector<double>{static_cast<double>(train.rows()),
                                  static_cast<double>(validated ? other.rows() : 0)});
  add("weighted", std::vector<int64_t>{Weighted(train), validated && Weighted(other)});
  add("sparse", std::vector<int64_t>{train.is_sparse()});
  if (!report.metrics.empty()) {
    const std::string metric =
        inputs_.best_metric.empty() ? report.metrics.back().metric : inputs_.best_metric;
    add("deciding_metric", std::vector<std::string>{inputs_.sets.back().name + "-" + metric});
  }
  ColumnStatistics s = Describe(train);
  if (validated && other.columns() == train.columns()) {
    add("validation/outside", OutsideShares(train, s, other));
    ColumnStatistics v = Describe(other);
    add("validation/missing", std::move(v.missing));
    add("validation/min", std::move(v.min));
    add("validation/max", std::move(v.max));
  }
  add("data/missing", std::move(s.missing));
  add("data/mean", std::move(s.mean));
  add("data/std", std::move(s.std));
  add("data/min", std::move(s.min));
  add("data/max", std::move(s.max));
  add("train_class_rows", ClassCounts(train.fields().label));
  std::vector<float> labels;
  for (const uint32_t i : EvenSample(train.fields().label.size(), kMaxTrainLabels)) {
    labels.push_back(train.fields().label[i]);
  }
  add("train_labels", std::move(labels));
}

Result<size_t> Hook::ShapRows(const gbdt::Model& model) const {
  const gbdt::Dataset& data = inputs_.sets.back().data;
  const size_t row = (data.columns() + size_t{1}) * static_cast<size_t>(model.num_output());
  const size_t most = std::clamp<size_t>(kMaxShapValues / row, 1, kMaxShapRows);
  if (std::min(most, data.rows()) <= kLeastShapRows) return most;
  const std::vector<uint32_t> probe = EvenSample(data.rows(), kShapProbe);
  const auto begin = steady_clock::now();
  CLARY_CHECK_OK(model.Predict(
      data.Subset(probe), {.kind = gbdt::PredictKind::kContributions, .threads = inputs_.threads}));
  const auto end = steady_clock::now();
  const auto budget = std::max((end - opened_) / kShapShare, steady_clock::duration(kShapTime));
  // The first rows are the dearest.
  const auto fit = static_cast<size_t>(
      budget / std::max((end - begin) / std::ssize(probe), steady_clock::duration(1)));
  return std::clamp<size_t>(fit, kLeastShapRows, most);
}

Status Hook::ReportModel(const gbdt::Model& model) {
  const gbdt::Dataset& data = inputs_.sets.back().data;
  const auto add = [&](std::string_view name, std::vector<int64_t> shape, auto values) {
    writer_.Add(kReportCollection, Tensor{fmt::format("{}/{}", kReportCollection, name),
                                          std::move(shape), std::move(values)});
  };
  const auto row = [&](std::string_view name, auto values) {
    const auto n = static_cast<int64_t>(values.size());
    add(name, {n}, std::move(values));
  };
  // Early stopping cuts the model to its best round.
  const int64_t delivered = model.best_iteration() ? *model.best_iteration() : step_;
  row("delivered_rounds", std::vector<int64_t>{delivered + 1});
  if (delivered != step_) {
    CLARY_TRY(auto predictions, model.Predict(data, {.threads = inputs_.threads}));
    const auto n = static_cast<int64_t>(data.rows());
    std::vector<int64_t> shape = {n};
    if (const auto columns = std::ssize(predictions) / std::max<int64_t>(n, 1); columns > 1) {
      shape.push_back(columns);
    }
    add("predictions", std::move(shape), std::move(predictions));
    for (const auto& [kind, shares] : ImportanceShares(model)) {
      row(fmt::format("importance/{}", kind), shares);
    }
  }
  for (size_t i = 0; i < metric_names_.size(); ++i) {
    row("metrics/" + metric_names_[i], std::move(metric_values_[i]));
  }
  const int64_t best = model.best_iteration() ? *model.best_iteration() : best_round_;
  if (best >= 0) row("best_round", std::vector<int64_t>{best});

  const auto outputs = static_cast<size_t>(model.num_output());
  CLARY_TRY(const size_t most, ShapRows(model));
  const std::vector<uint32_t> rows = EvenSample(data.rows(), most);
  const auto m = static_cast<int64_t>(rows.size());
  const auto f = static_cast<int64_t>(data.columns());
  const gbdt::Dataset sample = data.Subset(rows);
  CLARY_TRY(auto shap, model.Predict(sample, {.kind = gbdt::PredictKind::kContributions,
                                              .threads = inputs_.threads}));
  std::vector<int64_t> shape = {m, f + 1};
  if (outputs > 1) shape.insert(shape.begin() + 1, static_cast<int64_t>(outputs));
  add("shap", std::move(shape), std::move(shap));
  std::vector<float> values(rows.size() * data.columns());
  for (size_t i = 0; i < rows.size(); ++i) {
    sample.CopyRow(i, std::span(values).subspan(i * data.columns(), data.columns()));
  }
  add("shap_features", {m, f}, std::move(values));
  row("shap_rows", std::vector<int64_t>(rows.begin(), rows.end()));
  row("trees", ReportTrees(model.forest(), features_));
  row("tree_count", std::vector<int64_t>{std::ssize(model.forest().trees)});
  return {};
}

}  // namespace clary::xgboost
