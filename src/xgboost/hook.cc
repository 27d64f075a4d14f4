#include "xgboost/hook.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <limits>

#include "base/file.h"
#include "base/strings.h"
#include "debugger/trial.h"
#include "gbdt/tree.h"
#include "xgboost/hyperparameters.h"
#include "xgboost/internal/job_files.h"
#include "xgboost/internal/training_log.h"

namespace clary::xgboost {
namespace fs = std::filesystem;
using debugger::Collection;
using debugger::Scalar;
using debugger::Tensor;
using debugger::Vector;
using std::chrono::steady_clock;
namespace {

constexpr uint64_t kMaxConfig = 1 << 20;
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

// A matrix [rows, columns], one-dimensional where there is one column.
Tensor Rows(std::string name, std::vector<float> values, size_t rows) {
  const size_t columns = rows == 0 ? 0 : values.size() / rows;
  std::vector<int64_t> shape = {static_cast<int64_t>(rows)};
  if (columns > 1) shape.push_back(static_cast<int64_t>(columns));
  return {std::move(name), std::move(shape), std::move(values)};
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

Result<bool> Hook::LooksAtRows(const fs::path& base) {
  constexpr std::string_view kWithout[] = {"hyperparameters", "metrics", "losses",
                                           "feature_importance", "trees"};
  const auto text = ReadFile(base / "input/config/debughookconfig.json", kMaxConfig);
  if (!text && text.error().code == Code::kNotFound) return false;
  if (!text) return std::unexpected(text.error());
  CLARY_TRY(const auto config, debugger::HookConfig::FromJson(*text));
  return std::ranges::any_of(config.collections, [&](const Collection& c) {
    return std::ranges::find(kWithout, c.name) == std::end(kWithout);
  });
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
  RecordMetrics(report);
  active_.clear();
  for (const Collection& c : config_.collections) {
    // Readers want to know the objective before anything else.
    if (writer_.Saves(c.name, step_, last) || (first && c.name == "hyperparameters")) {
      active_.push_back(&c);
    }
  }
  if (active_.empty() && !(first && config_.Find(kReportCollection) != nullptr)) return {};
  Hyperparameters();
  Metrics(report);
  Predictions(report);
  FeatureImportance(report.model);
  Trees(report.model);
  CLARY_CHECK_OK(Shap(report));
  if (first) ReportData(report);
  open_ = last;
  return last ? Status() : writer_.FinishStep(step_);
}

Status Hook::Finish(const gbdt::Model& model) {
  if (open_) {
    open_ = false;
    if (config_.Find(kReportCollection) != nullptr) CLARY_CHECK_OK(ReportModel(model));
    CLARY_CHECK_OK(writer_.FinishStep(step_));
    if (average_shap_) LogInfo(average_shap_->Said());
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

std::map<std::string_view, std::vector<double>> Hook::ImportanceShares(const gbdt::Model& model) {
  const gbdt::Forest& forest = model.forest();
  if (inputs_.trees_change || splits_.empty() || forest.trees.size() < trees_seen_) {
    trees_seen_ = 0;
    for (auto* v : {&splits_, &gain_, &cover_}) v->assign(features_.size(), 0);
  }
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
  std::map<std::string_view, std::vector<double>> out;
  for (const ImportanceKind& kind : kImportance) {
    const std::vector<double>& of = kind.of == 0 ? splits_ : (kind.of == 1 ? gain_ : cover_);
    std::vector<double>& shares = out[kind.name];
    double total = 0;
    for (size_t f = 0; f < features_.size(); ++f) {
      shares.push_back(splits_[f] == 0 ? 0 : (kind.mean ? of[f] / splits_[f] : of[f]));
      total += shares.back();
    }
    for (double& share : shares) share = total > 0 ? share / total : 0;
  }
  return out;
}

void Hook::FeatureImportance(const gbdt::Model& model) {
  bool wanted = false;
  for (const Collection* c : active_) wanted |= c->name == "feature_importance" || !IsBuiltIn(*c);
  if (!wanted) return;
  for (const auto& [kind, shares] : ImportanceShares(model)) {
    std::vector<std::string>& names = importance_names_[kind];
    for (size_t f = names.size(); f < features_.size(); ++f) {
      names.push_back(fmt::format("feature_importance/{}/{}", kind, features_[f]));
    }
    for (size_t f = 0; f < features_.size(); ++f) {
      if (splits_[f] == 0 || !Wanted("feature_importance", names[f])) continue;
      Offer("feature_importance", Scalar(names[f], shares[f]));
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

Status Hook::Shap(const gbdt::RoundReport& report) {
  const gbdt::Dataset& train = inputs_.sets.front().data;
  std::vector<size_t> average;  // features
  bool full = false;
  for (size_t f = 0; f < features_.size(); ++f) {
    if (Wanted("average_shap", "average_shap/" + features_[f])) average.push_back(f);
    full |= Wanted("full_shap", "full_shap/" + features_[f]);
  }
  if (full) CLARY_CHECK_OK(FullShap(report.model));
  if (average.empty()) return {};
  if (!average_shap_) {
    // A round of dart reweighs earlier trees, and linear weights are not added up.
    const bool adds =
        report.model.forest().booster == gbdt::Booster::kGbtree && !inputs_.trees_change;
    average_shap_.emplace(train, adds, inputs_.threads);
  }
  CLARY_TRY(const std::vector<float> means,
            average_shap_->After(report, steady_clock::now() - opened_));
  for (const size_t f : average) {
    Offer("average_shap", Vector<float>("average_shap/" + features_[f], {means[f]}));
  }
  return {};
}

// The whole matrix under every feature's name, as smdebug's own hook has it; written once.
Status Hook::FullShap(const gbdt::Model& model) {
  const gbdt::Dataset& train = inputs_.sets.front().data;
  CLARY_TRY(const std::vector<float> values,
            model.Predict(train,
                          {.kind = gbdt::PredictKind::kContributions, .threads = inputs_.threads}));
  const auto rows = static_cast<int64_t>(train.rows());
  std::vector<int64_t> shape = {rows, static_cast<int64_t>(train.columns()) + 1};
  if (model.num_output() > 1) shape.insert(shape.begin() + 1, model.num_output());
  for (const Collection* c : active_) {
    Tensor matrix{.name = "", .shape = shape, .values = values};
    for (const std::string& feature : features_) {
      const std::string name = "full_shap/" + feature;
      if (std::ranges::find(Takers("full_shap", name), c) == Takers("full_shap", name).end()) {
        continue;
      }
      (matrix.name.empty() ? matrix.name : matrix.aliases.emplace_back()) = name;
    }
    if (!matrix.name.empty()) writer_.Add(c->name, std::move(matrix));
  }
  return {};
}

}  // namespace clary::xgboost
