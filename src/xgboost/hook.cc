#include "xgboost/hook.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <limits>
#include <numeric>

#include "base/file.h"
#include "base/strings.h"
#include "debugger/trial.h"
#include "gbdt/tree.h"
#include "xgboost/hyperparameters.h"
#include "xgboost/internal/job_files.h"

namespace clary::xgboost {
namespace fs = std::filesystem;
using debugger::Collection;
using debugger::Scalar;
using debugger::Tensor;
using debugger::Vector;
using std::chrono::steady_clock;
namespace {

constexpr uint64_t kMaxConfig = 1 << 20;
constexpr std::string_view kReport = "clary_report";
constexpr size_t kMaxTrainLabels = 100'000;
constexpr size_t kMaxShapRows = 1000;
constexpr size_t kMaxShapValues = 4'000'000;
// How long contributions for the report may take: this part of the time of training, but always
// this long.
constexpr int kShapShare = 40;
constexpr std::chrono::milliseconds kShapTime(50);
constexpr size_t kShapProbe = 8;  // rows that tell what a row costs
constexpr size_t kMaxTreeBytes = 2'000'000;
constexpr int kReportRounds = 50;  // whose trees the report gets
constexpr size_t kShapChunk = 8192;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct ImportanceKind {
  const char* name;
  bool mean;
  int of;  // 0 splits, 1 gain, 2 cover
};
constexpr ImportanceKind kImportance[] = {{"weight", false, 0},
                                          {"gain", true, 1},
                                          {"cover", true, 2},
                                          {"total_gain", false, 1},
                                          {"total_cover", false, 2}};

bool IsBuiltIn(const Collection& c) {
  return std::ranges::any_of(debugger::kXgboostCollections, [&](const auto& e) {
    return e.name == c.name && c.include_regex.size() == 1 && c.include_regex[0] == e.include_regex;
  });
}

bool IsLoss(std::string_view metric) {
  return !metric.ends_with("auc") && !metric.ends_with("map");
}

// `count` of [0, total), evenly spaced, ascending.
std::vector<uint32_t> Spread(size_t total, size_t count) {
  count = std::min(count, total);
  std::vector<uint32_t> out(count);
  for (size_t i = 0; i < count; ++i) out[i] = static_cast<uint32_t>(i * total / count);
  return out;
}

// A matrix [rows, columns], one-dimensional where there is one column.
Tensor Rows(std::string name, std::vector<float> values, size_t rows) {
  const size_t columns = rows == 0 ? 0 : values.size() / rows;
  std::vector<int64_t> shape = {static_cast<int64_t>(rows)};
  if (columns > 1) shape.push_back(static_cast<int64_t>(columns));
  return {std::move(name), std::move(shape), std::move(values)};
}

std::string TreeJson(const gbdt::Forest& forest, size_t t, int round) {
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
                   tree.feature[n], left, left + 1, left + (tree.default_left[n] != 0 ? 0 : 1),
                   tree.gain[n], tree.cover[n]);
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
std::vector<std::string> ReportTrees(const gbdt::Forest& forest) {
  const int rounds = forest.booster == gbdt::Booster::kGblinear ? 0 : forest.num_round();
  if (rounds == 0 || forest.trees.empty()) return {};
  std::string last = TreeJson(forest, forest.trees.size() - 1, rounds - 1);
  size_t bytes = last.size();
  std::vector<std::string> out;
  for (int r = 0; r < std::min(rounds, kReportRounds); ++r) {
    const auto i = static_cast<size_t>(r);
    for (size_t t = forest.round_begin[i]; t < forest.round_begin[i + 1]; ++t) {
      if (t + 1 == forest.trees.size()) break;
      std::string text = TreeJson(forest, t, r);
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

// Statistics of each column of the training data.
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
  const auto add = [&](size_t c, float x) {
    if (std::isnan(x)) return;
    // Around a value of the column, so that squares do not cancel.
    if (std::isnan(shift[c])) shift[c] = x;
    const double d = static_cast<double>(x) - shift[c];
    count[c] += 1;
    sum[c] += d;
    squares[c] += d * d;
    low[c] = std::min(low[c], x);
    high[c] = std::max(high[c], x);
  };
  if (data.is_sparse()) {
    const auto csr = data.csr();
    for (size_t i = 0; i < csr.value.size(); ++i) add(csr.column[i], csr.value[i]);
  } else {
    const auto values = data.dense();
    for (size_t r = 0; r < rows; ++r) {
      for (size_t c = 0; c < columns; ++c) add(c, values[r * columns + c]);
    }
  }
  ColumnStatistics out;
  for (size_t c = 0; c < columns; ++c) {
    const bool any = count[c] > 0;
    const double mean = any ? sum[c] / count[c] : kNaN;
    out.missing.push_back(1 - count[c] / static_cast<double>(rows));
    out.mean.push_back(any ? shift[c] + mean : kNaN);
    out.std.push_back(any ? std::sqrt(std::max(0.0, squares[c] / count[c] - mean * mean)) : kNaN);
    out.min.push_back(any ? low[c] : kNaN);
    out.max.push_back(any ? high[c] : kNaN);
  }
  return out;
}

}  // namespace

Hook::Hook(Inputs inputs, debugger::HookConfig config,
           std::unique_ptr<debugger::TensorWriter> writer)
    : inputs_(std::move(inputs)), config_(std::move(config)), writer_(std::move(writer)) {
  const gbdt::Dataset& train = inputs_.sets.front().data;
  features_ = train.fields().feature_names;
  for (size_t f = features_.size(); f < train.columns(); ++f) {
    features_.push_back(fmt::format("f{}", f));
  }
}

Result<std::unique_ptr<Hook>> Hook::Open(const fs::path& base, Inputs inputs, Clock& clock) {
  const char* use = std::getenv("USE_SMDEBUG");
  if (use != nullptr && (std::string_view(use) == "0" || EqualsIgnoreCase(use, "false"))) {
    return nullptr;
  }
  const auto text = ReadFile(base / "input/config/debughookconfig.json", kMaxConfig);
  if (!text && text.error().code == Code::kNotFound) return nullptr;
  if (!text) return std::unexpected(text.error());
  CLARY_TRY(auto config, debugger::HookConfig::FromJson(*text));
  CLARY_TRY(auto writer,
            debugger::TensorWriter::Open(PlaceInJob(base, config.local_path), config, clock));
  return std::unique_ptr<Hook>(new Hook(std::move(inputs), std::move(config), std::move(writer)));
}

const Hook::Collections& Hook::Takers(std::string_view kind, const std::string& name) {
  auto of_kind = takers_.find(kind);
  if (of_kind == takers_.end()) of_kind = takers_.try_emplace(std::string(kind)).first;
  const auto [it, fresh] = of_kind->second.try_emplace(name);
  if (fresh) {
    for (const Collection& c : config_.collections) {
      const bool takes =
          IsBuiltIn(c) ? c.name == kind : std::ranges::any_of(c.include_regex, [&](const auto& re) {
            return debugger::NameMatches(re, name);
          });
      if (takes) it->second.push_back(&c);
    }
  }
  return it->second;
}

bool Hook::Wanted(std::string_view kind, const std::string& name) {
  return std::ranges::any_of(Takers(kind, name), [&](const Collection* c) {
    return std::ranges::find(active_, c) != active_.end();
  });
}

void Hook::Offer(std::string_view kind, Tensor tensor) {
  for (const Collection* c : Takers(kind, tensor.name)) {
    if (std::ranges::find(active_, c) != active_.end()) writer_.Add(c->name, tensor);
  }
}

Status Hook::Round(const gbdt::RoundReport& report, bool last) {
  const bool first = report.round == 0;
  step_ = inputs_.first_step + report.round;
  for (const gbdt::MetricValue& m : report.metrics) {
    // The values of the last set come last, so the last match is the one that counts.
    if (m.dataset != inputs_.sets.back().name ||
        (m.metric != inputs_.best_metric && !inputs_.best_metric.empty()) ||
        (inputs_.best_metric.empty() && &m != &report.metrics.back())) {
      continue;
    }
    const bool better =
        gbdt::MetricIsMaximized(m.metric) ? m.value > best_value_ : m.value < best_value_;
    if ((best_round_ < 0 && !std::isnan(m.value)) || better) {
      best_round_ = step_;
      best_value_ = m.value;
    }
  }
  active_.clear();
  for (const Collection& c : config_.collections) {
    // Readers want to know the objective before anything else.
    if (writer_.Saves(c.name, step_, last) || (first && c.name == "hyperparameters")) {
      active_.push_back(&c);
    }
  }
  if (active_.empty() && !(first && config_.Find(kReport) != nullptr)) return {};
  Hyperparameters();
  Metrics(report);
  Predictions(report);
  FeatureImportance(report.model);
  Trees(report.model);
  CLARY_CHECK_OK(Shap(report.model));
  if (first) ReportData();
  open_ = last;
  return last ? Status() : writer_.FinishStep(step_);
}

Status Hook::Finish(const gbdt::Model& model) {
  if (open_) {
    open_ = false;
    if (config_.Find(kReport) != nullptr) CLARY_CHECK_OK(ReportModel(model));
    CLARY_CHECK_OK(writer_.FinishStep(step_));
  }
  return writer_.Flush();
}

void Hook::Hyperparameters() {
  auto given = inputs_.hyperparameters;
  given.try_emplace("objective", inputs_.objective);
  for (const auto& [key, text] : given) {
    if (key.starts_with("sagemaker_")) continue;
    std::string name = "hyperparameters/" + key;
    if (!Wanted("hyperparameters", name)) continue;
    switch (HyperparameterValue(key)) {
      case HyperparameterKind::kInteger:
        if (const auto v = ParseInt(Trim(text))) {
          Offer("hyperparameters", Vector<int64_t>(std::move(name), {*v}));
          continue;
        }
        break;
      case HyperparameterKind::kNumber: {
        char* end = nullptr;
        const double v = std::strtod(text.c_str(), &end);
        if (end != text.c_str()) {
          Offer("hyperparameters", Scalar(std::move(name), v));
          continue;
        }
        break;
      }
      case HyperparameterKind::kList: {
        std::vector<std::string> items;
        for (const std::string_view item : Split(text, ',')) items.emplace_back(Trim(item));
        Offer("hyperparameters", Vector(std::move(name), std::move(items)));
        continue;
      }
      case HyperparameterKind::kText:
        break;
    }
    Offer("hyperparameters", Vector<std::string>(std::move(name), {text}));
  }
}

void Hook::Metrics(const gbdt::RoundReport& report) {
  for (const gbdt::MetricValue& m : report.metrics) {
    Tensor tensor = Scalar(m.dataset + "-" + m.metric, m.value);
    if (IsLoss(m.metric)) Offer("losses", tensor);
    Offer("metrics", std::move(tensor));
  }
}

void Hook::Predictions(const gbdt::RoundReport& report) {
  const gbdt::Dataset& data = inputs_.sets.back().data;
  if (Wanted("predictions", "predictions")) {
    const auto margins = report.margins.back();
    Offer("predictions",
          Rows("predictions", report.model.FromMargins({margins.begin(), margins.end()}),
               data.rows()));
  }
  if (Wanted("labels", "labels") && !data.fields().label.empty()) {
    Offer("labels", Rows("labels", data.fields().label, data.rows()));
  }
}

void Hook::FeatureImportance(const gbdt::Model& model) {
  const gbdt::Forest& forest = model.forest();
  if (inputs_.trees_change || splits_.empty()) {
    trees_seen_ = 0;
    for (auto* v : {&splits_, &gain_, &cover_}) v->assign(features_.size(), 0);
  }
  bool wanted = false;
  for (const Collection* c : active_) wanted |= c->name == "feature_importance" || !IsBuiltIn(*c);
  if (!wanted) return;
  for (; trees_seen_ < forest.trees.size(); ++trees_seen_) {
    const gbdt::Tree& tree = forest.trees[trees_seen_];
    for (size_t n = 0; n < tree.size(); ++n) {
      const size_t f = tree.feature[n];
      if (tree.left[n] == gbdt::kNoNode || f >= features_.size()) continue;
      splits_[f] += 1;
      gain_[f] += tree.gain[n];
      cover_[f] += tree.cover[n];
    }
  }
  for (const ImportanceKind& kind : kImportance) {
    const std::vector<double>& of = kind.of == 0 ? splits_ : (kind.of == 1 ? gain_ : cover_);
    const auto value = [&](size_t f) { return kind.mean ? of[f] / splits_[f] : of[f]; };
    double total = 0;
    for (size_t f = 0; f < features_.size(); ++f) total += splits_[f] > 0 ? value(f) : 0;
    std::vector<std::string>& names = importance_names_[kind.name];
    for (size_t f = names.size(); f < features_.size(); ++f) {
      names.push_back(fmt::format("feature_importance/{}/{}", kind.name, features_[f]));
    }
    for (size_t f = 0; f < features_.size(); ++f) {
      if (splits_[f] == 0 || !Wanted("feature_importance", names[f])) continue;
      Offer("feature_importance", Scalar(names[f], total > 0 ? value(f) / total : 0));
    }
  }
}

void Hook::Trees(const gbdt::Model& model) {
  const gbdt::Forest& forest = model.forest();
  const auto round = static_cast<size_t>(step_);
  if (!Wanted("trees", "trees/Tree") || forest.booster == gbdt::Booster::kGblinear ||
      round + 1 >= forest.round_begin.size()) {
    return;
  }
  std::vector<int64_t> number, node;
  std::vector<std::string> id, feature, yes, no, missing;
  std::vector<double> split, gain, cover;
  for (size_t t = forest.round_begin[round]; t < forest.round_begin[round + 1]; ++t) {
    const gbdt::Tree& tree = forest.trees[t];
    const auto name = [&](gbdt::NodeId n) { return fmt::format("{}-{}", t, n); };
    for (size_t n = 0; n < tree.size(); ++n) {
      const bool leaf = tree.left[n] == gbdt::kNoNode;
      number.push_back(static_cast<int64_t>(t));
      node.push_back(static_cast<int64_t>(n));
      id.push_back(name(static_cast<gbdt::NodeId>(n)));
      cover.push_back(tree.cover[n]);
      if (leaf) {
        feature.emplace_back("Leaf");
        for (auto* column : {&yes, &no, &missing}) column->emplace_back("nan");
        split.push_back(kNaN);
        gain.push_back(tree.threshold[n]);
        continue;
      }
      const gbdt::NodeId left = tree.left[n];
      feature.push_back(tree.feature[n] < features_.size() ? features_[tree.feature[n]]
                                                           : fmt::format("f{}", tree.feature[n]));
      yes.push_back(name(left));
      no.push_back(name(left + 1));
      missing.push_back(name(left + (tree.default_left[n] != 0 ? 0 : 1)));
      split.push_back(tree.threshold[n]);
      gain.push_back(tree.gain[n]);
    }
  }
  std::vector<std::string> category(id.size(), "nan");
  Offer("trees", Vector("trees/Tree", std::move(number)));
  Offer("trees", Vector("trees/Node", std::move(node)));
  Offer("trees", Vector("trees/ID", std::move(id)));
  Offer("trees", Vector("trees/Feature", std::move(feature)));
  Offer("trees", Vector("trees/Split", std::move(split)));
  Offer("trees", Vector("trees/Yes", std::move(yes)));
  Offer("trees", Vector("trees/No", std::move(no)));
  Offer("trees", Vector("trees/Missing", std::move(missing)));
  Offer("trees", Vector("trees/Gain", std::move(gain)));
  Offer("trees", Vector("trees/Cover", std::move(cover)));
  Offer("trees", Vector("trees/Category", std::move(category)));
}

Status Hook::Shap(const gbdt::Model& model) {
  const gbdt::Dataset& train = inputs_.sets.front().data;
  const size_t features = features_.size();
  const auto outputs = static_cast<size_t>(model.num_output());
  std::vector<size_t> full;  // features whose whole column is asked for
  bool average = false;
  for (size_t f = 0; f < features; ++f) {
    if (Wanted("full_shap", "full_shap/" + features_[f])) full.push_back(f);
    average |= Wanted("average_shap", "average_shap/" + features_[f]);
  }
  if (full.empty() && !average) return {};
  std::vector<double> sums(features, 0);
  std::vector<std::vector<float>> columns(full.size());
  for (auto& column : columns) column.reserve(train.rows() * outputs);
  for (size_t begin = 0; begin < train.rows(); begin += kShapChunk) {
    std::vector<uint32_t> rows(std::min(kShapChunk, train.rows() - begin));
    std::iota(rows.begin(), rows.end(), static_cast<uint32_t>(begin));
    CLARY_TRY(const auto values,
              model.Predict(train.Subset(rows), {.kind = gbdt::PredictKind::kContributions,
                                                 .threads = inputs_.threads}));
    const size_t width = values.size() / (rows.size() * outputs);
    for (size_t r = 0; r < rows.size() * outputs; ++r) {
      const float* row = values.data() + r * width;
      for (size_t f = 0; f < features; ++f) sums[f] += row[f];
      for (size_t k = 0; k < full.size(); ++k) columns[k].push_back(row[full[k]]);
    }
  }
  for (size_t k = 0; k < full.size(); ++k) {
    Offer("full_shap",
          Rows("full_shap/" + features_[full[k]], std::move(columns[k]), train.rows()));
  }
  const auto count = static_cast<double>(train.rows() * outputs);
  for (size_t f = 0; f < features; ++f) {
    Offer("average_shap",
          Vector<float>("average_shap/" + features_[f], {static_cast<float>(sums[f] / count)}));
  }
  return {};
}

void Hook::ReportData() {
  if (config_.Find(kReport) == nullptr) return;
  const gbdt::Dataset& train = inputs_.sets.front().data;
  const auto add = [&](const char* name, auto values) {
    writer_.Add(kReport, Vector(fmt::format("{}/{}", kReport, name), std::move(values)));
  };
  add("feature_names", features_);
  const size_t validation = inputs_.sets.size() > 1 ? inputs_.sets.back().data.rows() : 0;
  add("rows",
      std::vector<double>{static_cast<double>(train.rows()), static_cast<double>(validation)});
  ColumnStatistics s = Describe(train);
  add("data/missing", std::move(s.missing));
  add("data/mean", std::move(s.mean));
  add("data/std", std::move(s.std));
  add("data/min", std::move(s.min));
  add("data/max", std::move(s.max));
  std::vector<float> labels;
  for (const uint32_t i : Spread(train.fields().label.size(), kMaxTrainLabels)) {
    labels.push_back(train.fields().label[i]);
  }
  add("train_labels", std::move(labels));
}

Result<size_t> Hook::ShapRows(const gbdt::Model& model) const {
  const gbdt::Dataset& data = inputs_.sets.back().data;
  const size_t row = (data.columns() + size_t{1}) * static_cast<size_t>(model.num_output());
  const size_t most = std::clamp<size_t>(kMaxShapValues / row, 1, kMaxShapRows);
  const std::vector<uint32_t> probe = Spread(data.rows(), std::min(most, kShapProbe));
  const auto begin = steady_clock::now();
  CLARY_CHECK_OK(model.Predict(data.Subset(probe), {.kind = gbdt::PredictKind::kContributions}));
  const auto end = steady_clock::now();
  const auto budget = std::max((end - opened_) / kShapShare, steady_clock::duration(kShapTime));
  // The first rows are the dearest.
  const auto fit = static_cast<size_t>(
      budget / std::max((end - begin) / std::ssize(probe), steady_clock::duration(1)));
  return std::clamp<size_t>(fit, probe.size(), most);
}

Status Hook::ReportModel(const gbdt::Model& model) {
  const gbdt::Dataset& data = inputs_.sets.back().data;
  const auto outputs = static_cast<size_t>(model.num_output());
  const size_t width = data.columns() + 1;
  CLARY_TRY(const size_t most, ShapRows(model));
  const std::vector<uint32_t> rows = Spread(data.rows(), most);
  const auto add = [&](const char* name, std::vector<int64_t> shape, auto values) {
    writer_.Add(kReport,
                Tensor{fmt::format("{}/{}", kReport, name), std::move(shape), std::move(values)});
  };
  const auto m = static_cast<int64_t>(rows.size());
  const auto f = static_cast<int64_t>(width - 1);
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
  add("shap_rows", {m}, std::vector<int64_t>(rows.begin(), rows.end()));
  std::vector<std::string> trees = ReportTrees(model.forest());
  std::vector<int64_t> count = {static_cast<int64_t>(trees.size())};
  add("trees", std::move(count), std::move(trees));
  const int64_t best = model.best_iteration() ? *model.best_iteration() : best_round_;
  if (best >= 0) add("best_round", {1}, std::vector<int64_t>{best});
  return {};
}

}  // namespace clary::xgboost
