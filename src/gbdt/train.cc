// Boosting: rounds of gradients, trees and metrics.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>
#include <string>

#include "base/thread_pool.h"
#include "clary/gbdt.h"
#include "gbdt/gradient_booster.h"
#include "gbdt/intercept.h"
#include "gbdt/internal/objective_impl.h"
#include "gbdt/metric.h"
#include "gbdt/objective.h"
#include "gbdt/phases.h"
#include "gbdt/tree.h"
#include "gbdt/tree_update.h"

namespace clary::gbdt {
namespace {

constexpr size_t kMaxRows = size_t{1} << 30;
constexpr int kMostThreads = 1024;

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
  if (p.objective.starts_with("rank:") && p.lambdarank_unbiased) {
    c.lambdarank = {{"lambdarank_pair_method", p.lambdarank_pair_method},
                    {"lambdarank_num_pair_per_sample",
                     std::to_string(p.lambdarank_num_pair_per_sample > 0
                                        ? p.lambdarank_num_pair_per_sample
                                        : (p.lambdarank_pair_method == "topk" ? 32 : 1))},
                    {"lambdarank_unbiased", "1"},
                    {"lambdarank_bias_norm", std::to_string(p.lambdarank_bias_norm)},
                    {"ndcg_exp_gain", p.ndcg_exp_gain ? "1" : "0"}};
  }
  return c;
}

// A set that metrics are computed on.
struct Watched {
  std::string name;
  size_t set = 0;  // of Training::sets_
};

class Training {
 public:
  Training(const TrainParams& params, const Dataset& train, const TrainOptions& options)
      : params_(params),
        given_(train),
        weighted_(train.Weighted()),
        train_(weighted_),
        options_(options),
        hosts_(options.hosts == nullptr ? alone_ : *options.hosts),
        pool_(std::min(params.nthread, kMostThreads)),
        config_(MakeConfig(params)),
        engine_(static_cast<uint32_t>(params.seed)) {}

  Result<Model> Run(const std::vector<EvalSet>& evals);

 private:
  // What can be told from this host's rows; makes the objective.
  Status Check(const std::vector<EvalSet>& evals);
  Status SetUp(const std::vector<EvalSet>& evals);
  Status CheckConstraints() const;
  // Whether hosts can grow the model together, each looking at its own rows alone.
  bool grows_together() const;
  Result<SharedRows> Share(const Dataset& given);
  Status CheckData(std::string_view name, const Dataset& data) const;
  std::string DefaultMetric(const Objective& objective) const;
  Status SetUpModel(const Dataset& whole);
  Status Track(SharedRows rows);
  Result<std::vector<float>> StartMargins(const Dataset& data) const;
  bool updates() const { return params_.process_type == ProcessType::kUpdate; }
  void TakeGradient(int round, bool changed, std::span<float> grad, std::span<float> hess);
  void Evaluate();
  // Whether this is so on any host.
  bool OnAny(bool mine) const;
  // True if training should end: no improvement for long enough.
  bool CheckEarlyStop(int round);

  TrainParams params_;
  const Dataset& given_;
  const Dataset weighted_;  // of the given rows those that weigh something
  Dataset train_;           // the same, or what this host has of those of all
  const TrainOptions& options_;
  const Bins no_bins_;
  collective::Collective alone_;
  collective::Collective& hosts_;
  size_t rows_ = 0;  // of all hosts
  PhaseClock phases_;
  ThreadPool pool_;
  ObjectiveConfig config_;
  RandomEngine engine_;
  size_t outputs_ = 1;  // margins of a row
  size_t targets_ = 1;  // labels of a row
  std::unique_ptr<Objective> objective_;
  std::vector<std::string> metric_names_;
  std::vector<std::unique_ptr<Metric>> metrics_;
  std::vector<TrackedSet> sets_;  // the training data first
  std::vector<Watched> watched_;
  std::unique_ptr<GradientBooster> booster_;
  std::vector<std::vector<float>>
      predictions_;  // of sets after a round; empty if not watched, or the margins
  std::vector<MetricValue> values_;
  Model model_;

  double best_score_ = 0;
  int best_round_ = -1;
  std::vector<float> best_snapshot_;
};

Result<std::vector<float>> Training::StartMargins(const Dataset& data) const {
  const size_t size = data.rows() * outputs_;
  if (options_.initial != nullptr && !updates()) {
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

Status Training::CheckData(std::string_view name, const Dataset& data) const {
  const RowFields& f = data.fields();
  if (f.label.size() != data.rows() * targets_ && params_.objective != "survival:aft") {
    return Fail(
        Code::kInvalidArgument, "BadLabel",
        std::string(name) +
            (f.label.empty() ? " has no labels" : " has other labels than the objective needs"));
  }
  return objective_->CheckLabels(data);
}

// Lists that have an item a feature. Groups of features may name some that the data lacks: they
// meet none.
Status Training::CheckConstraints() const {
  const size_t given = params_.monotone_constraints.size();
  if (given <= train_.columns()) return {};
  return Fail(Code::kInvalidArgument, "BadParameter",
              "monotone_constraints has " + std::to_string(given) + " items, but the data has " +
                  std::to_string(train_.columns()) +
                  " features: The size of monotone constraint should be less or equal to the "
                  "number of features.");
}

std::string Training::DefaultMetric(const Objective& objective) const {
  struct Former {
    std::string_view objective;
    std::string_view metric;
    int until;  // the first release that has the present one
  };
  constexpr Former kFormer[] = {
      {"binary:logistic", "error", 103},   {"binary:logitraw", "auc", 104},
      {"multi:softmax", "merror", 103},    {"multi:softprob", "merror", 103},
      {"reg:gamma", "gamma-nloglik", 201}, {"rank:pairwise", "map", 200},
      {"rank:ndcg", "map", 200},           {"rank:map", "map", 200}};
  const auto* former = std::ranges::find(kFormer, params_.objective, &Former::objective);
  const bool was = former != std::end(kFormer) && params_.version < former->until;
  return std::string(was ? former->metric : objective.default_metric());
}

Status Training::SetUpModel(const Dataset& whole) {
  Forest& forest = model_.forest();
  if (options_.initial != nullptr) {
    const Forest& old = options_.initial->forest();
    if (options_.initial->num_output() != static_cast<int>(outputs_) ||
        old.num_feature < train_.columns()) {
      return Fail(Code::kInvalidArgument, "BadShape",
                  "the model to continue from has other outputs or features than the data");
    }
    if (old.booster != params_.booster) {
      return Fail(Code::kInvalidArgument, "BadParameter",
                  "the model to continue from was made by another booster");
    }
    if (updates() && params_.num_round > old.num_round()) {
      return Fail(Code::kInvalidArgument, "BadParameter",
                  "process_type=update with num_round " + std::to_string(params_.num_round) +
                      ", but the model has " + std::to_string(old.num_round()) + " rounds");
    }
    model_ = options_.initial->Slice(0, updates() ? 0 : old.num_round());
    return {};
  }
  if (updates()) {
    return Fail(
        Code::kInvalidArgument, "BadParameter",
        "process_type=update changes the trees of a model, and there is none to start from");
  }
  forest.objective = config_;
  forest.booster = params_.booster;
  forest.num_feature = train_.columns();
  forest.num_target = config_.num_class > 1 ? 1 : static_cast<int>(outputs_);
  forest.feature_names = train_.fields().feature_names;
  forest.feature_types = train_.fields().feature_types;
  forest.num_parallel_tree = params_.num_parallel_tree;
  forest.base_score_estimated = !params_.base_score.has_value();
  float base = params_.base_score.value_or(0);
  if (!params_.base_score) {
    // On an objective of its own: gradients may leave something behind in it.
    CLARY_TRY(const auto objective, MakeObjective(config_, &params_));
    base = EstimateBaseScore(params_, *objective, whole, outputs_, pool_);
  }
  if (!std::isfinite(objective_->ToMargin(base))) {
    const bool logistic = params_.objective.ends_with(":logistic");
    return Fail(
        Code::kInvalidArgument, "BadParameter",
        "base_score must be " +
            (logistic ? "in (0,1) for logistic loss" : "greater than 0 for " + params_.objective) +
            ", got: " + ShortText(base));
  }
  forest.base_score = {base};
  return {};
}

Status Training::Track(SharedRows rows) {
  CLARY_TRY(auto margin, StartMargins(rows.mine));
  sets_.push_back({.data = std::move(rows.mine),
                   .margin = std::move(margin),
                   .whole = std::move(rows.whole),
                   .shard = rows.shard});
  return {};
}

bool Training::OnAny(bool mine) const {
  if (hosts_.alone()) return mine;
  const auto all = hosts_.GatherEach(static_cast<uint8_t>(mine ? 1 : 0));
  return std::ranges::find(all, 1) != all.end();
}

bool Training::grows_together() const {
  return params_.booster != Booster::kGblinear && !updates() &&
         std::ranges::find(params_.updater, "refresh") == params_.updater.end();
}

Result<SharedRows> Training::Share(const Dataset& given) {
  if (grows_together()) return ShareRows(given, hosts_);
  CLARY_TRY(Dataset all, GatherRows(given, hosts_));
  return SharedRows{.mine = all, .whole = all, .shard = {.rows = all.rows()}};
}

Status Training::Check(const std::vector<EvalSet>& evals) {
  CLARY_CHECK_OK(params_.Validate());
  CLARY_TRY(const UpdaterPlan plan, PlanUpdaters(params_));
  params_.tree_method = plan.tree_method;
  // exact prunes by gamma unless an updater sequence leaves that out.
  if (plan.tree_method == TreeMethod::kExact && !params_.updater.empty() &&
      std::ranges::find(plan.after, "prune") == plan.after.end()) {
    params_.gamma = 0;
  }
  if (params_.tree_method == TreeMethod::kExact && !hosts_.alone()) {
    return Fail(Code::kUnimplemented, "Unimplemented",
                "tree_method=exact sorts all rows on one host: with several, use hist or approx");
  }
  if (hosts_.alone() && (given_.rows() == 0 || given_.columns() == 0)) {
    return Fail(Code::kInvalidArgument, "NoData", "there is nothing to train on");
  }
  if (options_.initial != nullptr && !updates()) {
    const ObjectiveConfig& old = options_.initial->forest().objective;
    config_.position_bias_high = old.position_bias_high;
    config_.position_bias_low = old.position_bias_low;
  }
  CLARY_TRY(objective_, MakeObjective(config_, &params_));
  if (objective_->takes_targets() && train_.rows() > 0) {
    targets_ = std::max<size_t>(1, train_.fields().label.size() / train_.rows());
  }
  CLARY_CHECK_OK(CheckData("the training data", given_));
  for (const EvalSet& set : evals) CLARY_CHECK_OK(CheckData(set.name, set.data));
  return {};
}

Status Training::SetUp(const std::vector<EvalSet>& evals) {
  CLARY_CHECK_OK(hosts_.Agree(Check(evals)));
  CLARY_TRY(SharedRows train, Share(weighted_));
  train_ = train.mine;
  rows_ = train.shard.rows;
  if (rows_ == 0) {
    const auto given = hosts_.GatherEach(uint64_t{given_.rows()});
    if (std::ranges::count(given, 0U) == std::ssize(given)) {
      return Fail(Code::kInvalidArgument, "NoData", "there is nothing to train on");
    }
    return Fail(Code::kInvalidArgument, "BadWeight",
                "every row of the training data has weight 0, so there is nothing to learn from");
  }
  CLARY_CHECK_OK(CheckConstraints());
  if (rows_ > kMaxRows) {
    return Fail(Code::kUnimplemented, "Unimplemented", "more than 2^30 rows");
  }
  if (objective_->takes_targets()) {
    targets_ = std::max<size_t>(1, train.whole.fields().label.size() / rows_);
  }
  outputs_ = objective_->OutputsFor(targets_);
  metric_names_ = params_.eval_metric;
  if (metric_names_.empty()) metric_names_.push_back(DefaultMetric(*objective_));
  for (const std::string& name : metric_names_) {
    CLARY_TRY(auto metric, MakeMetric(name, &params_));
    if (params_.quantile_alpha.size() > 1 && name != "quantile") {
      return Fail(Code::kInvalidArgument, "BadMetric",
                  "metric '" + name + "' has no meaning for several quantiles");
    }
    CLARY_CHECK_OK(CheckMetric(name, params_.objective, outputs_, targets_));
    metrics_.push_back(std::move(metric));
  }
  CLARY_CHECK_OK(SetUpModel(train.whole));

  CLARY_CHECK_OK(Track(std::move(train)));
  for (const EvalSet& set : evals) {
    if (!OnAny(!set.data.SameAs(weighted_))) {
      watched_.push_back({.name = set.name, .set = 0});
      continue;
    }
    watched_.push_back({.name = set.name, .set = sets_.size()});
    CLARY_TRY(SharedRows rows, Share(set.data));
    if (rows.mine.columns() > train_.columns()) {
      return Fail(Code::kInvalidArgument, "BadShape",
                  set.name + " has " + std::to_string(rows.mine.columns()) +
                      " features, the training data " + std::to_string(train_.columns()));
    }
    CLARY_CHECK_OK(Track(std::move(rows)));
  }
  const BoostContext context{.params = params_,
                             .objective = *objective_,
                             .outputs = outputs_,
                             .engine = engine_,
                             .pool = pool_,
                             .phases = phases_,
                             .forest = model_.forest(),
                             .sets = sets_,
                             .bins = hosts_.alone() ? options_.bins : no_bins_};
  if (updates()) {
    booster_ = MakeUpdateBooster(context, options_.initial->forest());
  } else if (params_.booster == Booster::kGblinear) {
    booster_ = MakeLinearBooster(context);
  } else {
    CLARY_TRY(booster_, MakeTreeBooster(context));
  }
  return {};
}

void Training::TakeGradient(int round, bool changed, std::span<float> grad, std::span<float> hess) {
  const TrackedSet& set = sets_[0];
  if (set.shard.alone() || objective_->rows_apart()) {
    if (!changed && !predictions_[0].empty() && objective_->knows_gradient_of_predictions()) {
      objective_->GradientOf(predictions_[0], set.data, pool_, grad, hess);
    } else {
      objective_->Gradient(set.margin, set.data, round, pool_, grad, hess);
    }
    return;
  }
  // Every host takes the gradient of all rows, and keeps that of its own.
  const size_t all = set.shard.rows;
  const std::vector<float> margin =
      hosts_.Gather(std::span<const float>(set.margin), all * outputs_);
  std::vector<float> of_all(2 * margin.size());
  const std::span<float> all_grad = std::span(of_all).first(margin.size());
  const std::span<float> all_hess = std::span(of_all).subspan(margin.size());
  objective_->Gradient(margin, set.whole, round, pool_, all_grad, all_hess);
  const size_t own = set.data.rows();
  for (size_t k = 0; k < outputs_; ++k) {
    std::ranges::copy(all_grad.subspan(k * all + set.shard.first, own),
                      grad.begin() + static_cast<std::ptrdiff_t>(k * own));
    std::ranges::copy(all_hess.subspan(k * all + set.shard.first, own),
                      hess.begin() + static_cast<std::ptrdiff_t>(k * own));
  }
}

void Training::Evaluate() {
  values_.clear();
  for (const Watched& w : watched_) {
    const TrackedSet& set = sets_[w.set];
    std::span<const float> predictions = set.margin;
    if (objective_->transforms()) {
      // Where the next round's gradient is of them, those of the training data are no extra cost.
      const bool for_gradient = w.set == 0 && objective_->knows_gradient_of_predictions() &&
                                params_.booster != Booster::kDart;
      if (for_gradient) phases_.Enter(Phase::kGradient);
      predictions_[w.set].resize(set.margin.size());
      objective_->Transform(set.margin, predictions_[w.set], pool_);
      predictions = predictions_[w.set];
      if (for_gradient) phases_.Enter(Phase::kEvaluate);
    }
    std::vector<float> of_all;
    if (!set.shard.alone()) {
      if (std::ranges::all_of(metrics_, [](const auto& m) { return m->by_blocks(); })) {
        of_all.resize(set.shard.rows * outputs_);
        std::ranges::copy(predictions,
                          of_all.begin() + static_cast<std::ptrdiff_t>(set.shard.first * outputs_));
      } else {
        of_all = hosts_.Gather(predictions, set.shard.rows * outputs_);
      }
      predictions = of_all;
    }
    for (size_t m = 0; m < metrics_.size(); ++m) {
      metrics_[m]->Share(set.shard);
      values_.push_back({.dataset = w.name,
                         .metric = metric_names_[m],
                         .value = metrics_[m]->Evaluate(predictions, set.whole, pool_)});
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
    best_snapshot_ = booster_->Snapshot();
  }
  return round - best_round_ >= options_.early_stopping_rounds;
}

Result<Model> Training::Run(const std::vector<EvalSet>& evals) {
  CLARY_CHECK_OK(SetUp(evals));
  const int kept_rounds = model_.num_round();
  std::vector<std::span<const float>> margins;
  for (const Watched& w : watched_) margins.emplace_back(sets_[w.set].margin);
  std::vector<float> grad(sets_[0].margin.size());
  std::vector<float> hess(grad.size());
  predictions_.resize(sets_.size());
  for (int round = 0; round < params_.num_round; ++round) {
    if (OnAny(options_.stop.stop_requested())) {
      return Fail(Code::kCancelled, "Stopped",
                  "training was stopped after " + std::to_string(round) + " rounds");
    }
    phases_.Enter(Phase::kPredict);
    const bool changed = booster_->StartRound();
    phases_.Enter(Phase::kGradient);
    TakeGradient(kept_rounds + round, changed, grad, hess);
    booster_->Boost(round, grad, hess);
    objective_->Save(model_.forest().objective);
    phases_.Enter(Phase::kEvaluate);
    Evaluate();
    phases_.Enter(Phase::kOther);
    const std::vector<PhaseTime> phases = phases_.Take();
    const bool stop = CheckEarlyStop(round);
    std::vector<std::vector<float>> of_all;
    for (size_t w = 0; options_.all_margins && w < watched_.size(); ++w) {
      const TrackedSet& set = sets_[watched_[w].set];
      if (set.shard.alone()) continue;
      margins[w] = of_all.emplace_back(
          hosts_.Gather(std::span<const float>(set.margin), set.shard.rows * outputs_));
    }
    CLARY_CHECK_OK(hosts_.status());
    if (OnAny(options_.on_round &&
              !options_.on_round({.round = round,
                                  .rounds = params_.num_round,
                                  .last = stop || round + 1 == params_.num_round,
                                  .metrics = values_,
                                  .margins = margins,
                                  .phases = phases,
                                  .model = model_}))) {
      break;
    }
    if (stop) break;
  }
  if (best_round_ < 0) return std::move(model_);
  char score[32];
  const auto end = std::to_chars(score, score + sizeof score, best_score_).ptr;
  model_.attributes()["best_iteration"] = std::to_string(kept_rounds + best_round_);
  model_.attributes()["best_score"] = std::string(score, end);
  booster_->Restore(std::move(best_snapshot_));
  if (params_.booster == Booster::kGblinear) {
    model_.forest().linear_rounds = kept_rounds + best_round_ + 1;
  }
  return model_.Slice(0, kept_rounds + best_round_ + 1);
}

}  // namespace

Result<Model> Train(const TrainParams& params, const Dataset& train,
                    const std::vector<EvalSet>& evals, const TrainOptions& options) {
  return Training(params, train, options).Run(evals);
}

}  // namespace clary::gbdt
