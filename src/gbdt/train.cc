// Boosting: rounds of gradients, trees and metrics.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <numeric>
#include <string>

#include "base/thread_pool.h"
#include "clary/gbdt.h"
#include "gbdt/metric.h"
#include "gbdt/objective.h"
#include "gbdt/phases.h"
#include "gbdt/sampler.h"
#include "gbdt/tree.h"
#include "gbdt/tree_builder.h"

namespace clary::gbdt {
namespace {

constexpr size_t kMaxRows = size_t{1} << 30;

ObjectiveConfig MakeConfig(const TrainParams& p) {
  ObjectiveConfig c;
  c.name = p.objective;
  c.num_class = p.objective.starts_with("multi:") ? p.num_class : 0;
  c.scale_pos_weight = p.scale_pos_weight;
  c.max_delta_step = p.max_delta_step;
  c.tweedie_variance_power = p.tweedie_variance_power;
  c.huber_slope = p.huber_slope;
  c.quantile_alpha = p.quantile_alpha;
  c.aft_loss_distribution = p.aft_loss_distribution;
  c.aft_loss_distribution_scale = p.aft_loss_distribution_scale;
  return c;
}

// The value that the share `q` of the weight lies at or below. Without weights, between the two
// nearest ranks of (n + 1) q.
double WeightedQuantile(std::span<const float> values, std::span<const float> weights, double q) {
  const size_t n = values.size();
  if (n == 0) return 0;
  std::vector<uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, [&](uint32_t a, uint32_t b) { return values[a] < values[b]; });
  if (weights.size() != n) {
    const double rank = q * static_cast<double>(n + 1);
    if (rank <= 1) return values[order.front()];
    if (rank >= static_cast<double>(n)) return values[order.back()];
    const auto k = static_cast<size_t>(rank);
    const double low = values[order[k - 1]];
    return low + (rank - static_cast<double>(k)) * (values[order[k]] - low);
  }
  double total = 0;
  for (const float w : weights) total += w;
  double sum = 0;
  for (const uint32_t i : order) {
    sum += weights[i];
    if (sum >= q * total) return values[i];
  }
  return values[order.back()];
}

// The intercept in the space of predictions when none is given. Sums run in row order, so they do
// not depend on threads.
float EstimateBaseScore(const TrainParams& params, Objective& objective, const Dataset& train,
                        size_t outputs, ThreadPool& pool) {
  constexpr float kDefault = 0.5F;
  if (objective.intercept_is_fixed()) return kDefault;
  const RowFields& f = train.fields();
  if (const float share = objective.leaf_quantile(0); share > 0) {
    // Upstream averages over workers by weight, which rounds even when there is one worker.
    double total = 0;
    for (size_t i = 0; i < f.label.size(); ++i) total += f.weight.empty() ? 1.0 : f.weight[i];
    const auto quantile = static_cast<float>(WeightedQuantile(f.label, f.weight, share));
    return quantile * static_cast<float>(total) / static_cast<float>(total);
  }
  if (params.version < 2) {
    // 1.x takes the logit of it and later releases do not; this value is its own logit.
    return params.objective == "binary:logitraw" ? 0.6590461F : kDefault;
  }
  if (objective.intercept_is_mean()) {
    double sum = 0;
    double total = 0;
    for (size_t i = 0; i < f.label.size(); ++i) {
      const double w = f.weight.size() == f.label.size() ? f.weight[i] : 1.0;
      sum += w * f.label[i];
      total += w;
    }
    const auto mean = static_cast<float>(sum / total);
    // A single class would have no finite margin.
    if (!std::isfinite(objective.ToMargin(mean))) {
      return std::clamp(mean, 1e-6F, 1.0F - 1e-6F);
    }
    return mean;
  }
  // One Newton step from margin 0.
  std::vector<float> margin(train.rows() * outputs, 0);
  std::vector<float> grad(margin.size());
  std::vector<float> hess(margin.size());
  objective.Gradient(margin, train, 0, pool, grad, hess);
  double g = 0;
  double h = 0;
  for (size_t i = 0; i < grad.size(); ++i) {
    g += grad[i];
    h += hess[i];
  }
  return objective.FromMargin(static_cast<float>(-g / std::max(h, 1e-6)));
}

// A set that metrics are computed on, with its margins kept up to date.
struct Watched {
  std::string name;
  Dataset data;
  bool is_train = false;  // shares the margins of training
  size_t number = 0;      // of the builder
  std::vector<float> margin;
};

class Training {
 public:
  Training(const TrainParams& params, const Dataset& train, const TrainOptions& options)
      : params_(params),
        train_(train),
        options_(options),
        pool_(params.nthread),
        config_(MakeConfig(params)),
        engine_(static_cast<uint32_t>(params.seed)) {}

  Result<Model> Run(const std::vector<EvalSet>& evals);

 private:
  Status SetUp(const std::vector<EvalSet>& evals);
  Result<std::vector<float>> StartMargins(const Dataset& data) const;
  void GrowRound(int round);
  // Sets each leaf to the objective's quantile of its rows' residuals.
  void RefitLeaves(Tree& tree);
  void Evaluate();
  // True if training should end: no improvement for long enough.
  bool CheckEarlyStop(int round);

  const TrainParams& params_;
  const Dataset& train_;
  const TrainOptions& options_;
  PhaseClock phases_;
  ThreadPool pool_;
  ObjectiveConfig config_;
  RandomEngine engine_;
  size_t outputs_ = 1;
  std::unique_ptr<Objective> objective_;
  std::vector<std::string> metric_names_;
  std::vector<std::unique_ptr<Metric>> metrics_;
  std::unique_ptr<TreeBuilder> builder_;
  std::unique_ptr<RowSampler> rows_;
  std::vector<float> margin_;
  std::vector<float> grad_;
  std::vector<float> hess_;
  std::vector<Watched> watched_;
  std::vector<MetricValue> values_;
  Model model_;

  double best_score_ = 0;
  int best_round_ = -1;
};

Result<std::vector<float>> Training::StartMargins(const Dataset& data) const {
  const size_t size = data.rows() * outputs_;
  if (options_.initial != nullptr) {
    return options_.initial->Predict(data,
                                     {.kind = PredictKind::kMargin, .threads = params_.nthread});
  }
  const auto& given = data.fields().base_margin;
  if (!given.empty()) {
    if (given.size() != size) {
      return Fail(Code::kInvalidArgument, "BadShape",
                  "base_margin has " + std::to_string(given.size()) + " items, expected " +
                      std::to_string(size));
    }
    return given;
  }
  return std::vector<float>(size, objective_->ToMargin(model_.forest().base_score[0]));
}

Status Training::SetUp(const std::vector<EvalSet>& evals) {
  CLARY_CHECK_OK(params_.Validate());
  CLARY_TRY(objective_, MakeObjective(config_, &params_));
  outputs_ = static_cast<size_t>(std::max(1, config_.num_class));
  const auto check = [&](std::string_view name, const Dataset& data) -> Status {
    const RowFields& f = data.fields();
    const bool bounds = params_.objective == "survival:aft";
    if (f.label.size() != data.rows() && !bounds) {
      return Fail(Code::kInvalidArgument, "BadLabel", std::string(name) + " has no labels");
    }
    return objective_->CheckLabels(data);
  };
  if (train_.rows() == 0 || train_.columns() == 0) {
    return Fail(Code::kInvalidArgument, "NoData", "there is nothing to train on");
  }
  if (train_.rows() > kMaxRows) {
    return Fail(Code::kUnimplemented, "Unimplemented", "more than 2^30 rows");
  }
  CLARY_CHECK_OK(check("the training data", train_));
  metric_names_ = params_.eval_metric;
  if (metric_names_.empty()) metric_names_.emplace_back(objective_->default_metric());
  for (const std::string& name : metric_names_) {
    CLARY_TRY(auto metric, MakeMetric(name, &params_));
    metrics_.push_back(std::move(metric));
  }

  if (options_.initial != nullptr) {
    model_ = options_.initial->Slice(0, options_.initial->num_round());
    if (model_.num_output() != static_cast<int>(outputs_) ||
        model_.num_feature() < train_.columns()) {
      return Fail(Code::kInvalidArgument, "BadShape",
                  "the model to continue from has other outputs or features than the data");
    }
  } else {
    Forest& forest = model_.forest();
    forest.objective = config_;
    forest.booster = params_.booster;
    forest.num_feature = train_.columns();
    forest.feature_names = train_.fields().feature_names;
    forest.feature_types = train_.fields().feature_types;
    forest.num_parallel_tree = params_.num_parallel_tree;
    forest.base_score_estimated = !params_.base_score.has_value();
    const float base = params_.base_score.value_or(
        EstimateBaseScore(params_, *objective_, train_, outputs_, pool_));
    if (!std::isfinite(objective_->ToMargin(base))) {
      return Fail(Code::kInvalidArgument, "BadParameter",
                  "base_score must be in (0,1) for logistic loss, got: " + std::to_string(base));
    }
    forest.base_score = {base};
  }

  CLARY_TRY(builder_,
            TreeBuilder::Make(params_, train_, engine_, pool_,
                              {.leaf_rows = objective_->leaf_quantile(0) > 0, .phases = &phases_}));
  rows_ = std::make_unique<RowSampler>(params_, train_.rows());
  CLARY_TRY(margin_, StartMargins(train_));
  grad_.resize(margin_.size());
  hess_.resize(margin_.size());
  for (const EvalSet& set : evals) {
    CLARY_CHECK_OK(check(set.name, set.data));
    if (set.data.columns() > train_.columns()) {
      return Fail(Code::kInvalidArgument, "BadShape",
                  set.name + " has " + std::to_string(set.data.columns()) +
                      " features, the training data " + std::to_string(train_.columns()));
    }
    Watched w{.name = set.name, .data = set.data, .is_train = set.data.SameAs(train_)};
    if (!w.is_train) {
      w.number = builder_->Watch(set.data);
      CLARY_TRY(w.margin, StartMargins(set.data));
    }
    watched_.push_back(std::move(w));
  }
  return {};
}

void Training::GrowRound(int round) {
  Forest& forest = model_.forest();
  phases_.Enter(Phase::kGradient);
  objective_->Gradient(margin_, train_, round, pool_, grad_, hess_);
  for (size_t output = 0; output < outputs_; ++output) {
    for (int t = 0; t < params_.num_parallel_tree; ++t) {
      phases_.Enter(Phase::kGradient);
      rows_->Draw(engine_, pool_);
      // Any fixed mixing will do; it only has to differ from tree to tree.
      const uint32_t seed = static_cast<uint32_t>(params_.seed) * 0x9E3779B1U +
                            static_cast<uint32_t>(forest.trees.size()) * 0x85EBCA77U;
      Tree tree =
          builder_->Grow({.grad = grad_, .hess = hess_, .outputs = outputs_, .output = output},
                         seed, {.kept = rows_->kept(), .dropped = rows_->dropped()});
      phases_.Enter(Phase::kPredict);
      if (objective_->leaf_quantile(0) > 0) RefitLeaves(tree);
      builder_->AddTo(tree, margin_.data() + output, outputs_);
      for (Watched& w : watched_) {
        if (!w.is_train) builder_->AddToWatched(w.number, tree, w.margin.data() + output, outputs_);
      }
      forest.trees.push_back(std::move(tree));
      forest.tree_output.push_back(static_cast<int>(output));
    }
  }
  forest.round_begin.push_back(forest.trees.size());
}

void Training::RefitLeaves(Tree& tree) {
  const RowFields& f = train_.fields();
  const double share = objective_->leaf_quantile(0);
  // 1.x does not shrink refitted leaves.
  const float rate = params_.version < 2 ? 1.0F : params_.eta;
  const auto leaves = builder_->leaves();
  pool_.ForEach(leaves.size(), [&](size_t k, int) {
    if (leaves[k].rows.empty()) return;
    std::vector<float> residual;
    std::vector<float> weight;
    for (const uint32_t r : leaves[k].rows) {
      residual.push_back(f.label[r] - margin_[r]);
      if (f.weight.size() == train_.rows()) weight.push_back(f.weight[r]);
    }
    tree.threshold[static_cast<size_t>(leaves[k].node)] =
        rate * static_cast<float>(WeightedQuantile(residual, weight, share));
  });
}

void Training::Evaluate() {
  values_.clear();
  for (const Watched& w : watched_) {
    std::vector<float> predictions = w.is_train ? margin_ : w.margin;
    objective_->Transform(predictions, pool_);
    for (size_t m = 0; m < metrics_.size(); ++m) {
      values_.push_back({.dataset = w.name,
                         .metric = metric_names_[m],
                         .value = metrics_[m]->Evaluate(predictions, w.data)});
    }
  }
}

bool Training::CheckEarlyStop(int round) {
  if (options_.early_stopping_rounds <= 0 || watched_.empty()) return false;
  const std::string& metric = options_.early_stopping_metric.empty()
                                  ? metric_names_.back()
                                  : options_.early_stopping_metric;
  const auto it = std::ranges::find_if(values_, [&](const MetricValue& v) {
    return v.dataset == watched_.back().name && v.metric == metric;
  });
  if (it == values_.end()) return false;
  const bool maximize = options_.early_stopping_maximize.value_or(MetricIsMaximized(metric));
  const bool better = best_round_ < 0
                          ? !std::isnan(it->value)
                          : (maximize ? it->value > best_score_ : it->value < best_score_);
  if (better) {
    best_round_ = round;
    best_score_ = it->value;
  }
  return round - best_round_ >= options_.early_stopping_rounds;
}

Result<Model> Training::Run(const std::vector<EvalSet>& evals) {
  CLARY_CHECK_OK(SetUp(evals));
  const int kept_rounds = model_.num_round();
  std::vector<std::span<const float>> margins;
  for (const Watched& w : watched_) margins.emplace_back(w.is_train ? margin_ : w.margin);
  for (int round = 0; round < params_.num_round; ++round) {
    if (options_.stop.stop_requested()) {
      return Fail(Code::kCancelled, "Stopped",
                  "training was stopped after " + std::to_string(round) + " rounds");
    }
    GrowRound(kept_rounds + round);
    phases_.Enter(Phase::kEvaluate);
    Evaluate();
    phases_.Enter(Phase::kOther);
    const std::vector<PhaseTime> phases = phases_.Take();
    const bool stop = CheckEarlyStop(round);
    if (options_.on_round && !options_.on_round({.round = round,
                                                 .rounds = params_.num_round,
                                                 .last = stop || round + 1 == params_.num_round,
                                                 .metrics = values_,
                                                 .margins = margins,
                                                 .phases = phases,
                                                 .model = model_})) {
      break;
    }
    if (stop) break;
  }
  if (best_round_ >= 0) {
    char score[32];
    const auto end = std::to_chars(score, score + sizeof score, best_score_).ptr;
    model_.attributes()["best_iteration"] = std::to_string(kept_rounds + best_round_);
    model_.attributes()["best_score"] = std::string(score, end);
    return model_.Slice(0, kept_rounds + best_round_ + 1);
  }
  return std::move(model_);
}

}  // namespace

Status TrainParams::Validate() const {
  const auto unimplemented = [](std::string_view what) {
    return Fail(Code::kUnimplemented, "Unimplemented",
                std::string(what) + " is not in this version");
  };
  if (booster == Booster::kDart) return unimplemented("booster=dart");
  if (booster == Booster::kGblinear) return unimplemented("booster=gblinear");
  if (process_type == ProcessType::kUpdate) return unimplemented("process_type=update");
  if (sampling_method == SamplingMethod::kGradientBased && subsample < 1) {
    return unimplemented("sampling_method=gradient_based");
  }
  for (const std::string& u : updater) {
    if (u != "grow_quantile_histmaker") return unimplemented("updater=" + u);
  }
  if (objective.starts_with("multi:") && num_class < 2) {
    return Fail(Code::kInvalidArgument, "BadParameter",
                "Require input for parameter 'num_class' for multi-classification");
  }
  if (quantile_alpha.size() > 1) return unimplemented("more than one quantile_alpha");
  if (objective == "reg:quantileerror" && quantile_alpha.empty()) {
    return Fail(Code::kInvalidArgument, "BadParameter", "reg:quantileerror needs quantile_alpha");
  }
  if (objective.starts_with("rank:") && lambdarank_unbiased) {
    return unimplemented("lambdarank_unbiased");
  }
  if ((objective == "reg:absoluteerror" || objective == "reg:quantileerror") &&
      num_parallel_tree > 1) {
    return Fail(Code::kInvalidArgument, "BadParameter",
                objective + " refits leaves, so num_parallel_tree must be 1");
  }
  if (scale_pos_weight != 1 && objective.starts_with("multi:")) {
    return Fail(Code::kInvalidArgument, "BadParameter",
                "scale_pos_weight has no meaning for " + objective);
  }
  return {};
}

Result<Model> Train(const TrainParams& params, const Dataset& train,
                    const std::vector<EvalSet>& evals, const TrainOptions& options) {
  return Training(params, train, options).Run(evals);
}

}  // namespace clary::gbdt
