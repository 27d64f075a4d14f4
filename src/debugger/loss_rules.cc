// Rules over losses. Conditions and defaults: SageMaker Debugger's
// documentation and rulesconfig, where they differ the code's.
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "debugger/internal/tensor_rules.h"
#include "debugger/report_data.h"

namespace clary::debugger {
namespace {

// "logloss" of "validation-logloss".
std::string_view MetricOf(std::string_view tensor) { return tensor.substr(tensor.find('-') + 1); }

class LossNotDecreasing final : public SelectingRule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<LossNotDecreasing>();
    CLARY_TRY(rule->selection_, Selection::From(s, "LossNotDecreasing", "losses"));
    rule->chosen_ = s.Given("collection_names") || s.Given("tensor_regex");
    if (s.Flag("use_losses_collection")) rule->selection_.AddCollection("losses");
    rule->num_steps_ = s.Whole("num_steps");
    rule->diff_percent_ = s.Number("diff_percent");
    rule->increase_percent_ = s.Number("increase_threshold_percent");
    return rule;
  }
  Result<Met> Step(Trial& trial, int64_t step) override {
    return ForEach(selection_, trial, step, [&](const std::string& name, const auto& v) -> Met {
      // The collection losses holds every metric but auc and map, also those that should rise.
      if (!chosen_ && IsMaximized(MetricOf(name))) return std::nullopt;
      const double loss = Mean(v);
      Met met;
      if (const auto* before = history_.Before(name, step, num_steps_)) {
        const double old = before->second[0];
        const double decrease = old == 0 ? 0 : (old - loss) / std::abs(old) * 100;
        if (decrease < -increase_percent_) {
          met = fmt::format("{} rose by {:.3g} % from step {} to step {}", name, -decrease,
                            before->first, step);
        } else if (decrease < diff_percent_) {
          met = fmt::format("{} {} {:.3g} % from step {} to step {}", name,
                            decrease < 0 ? "did not fall but rose by" : "fell by only",
                            std::abs(decrease), before->first, step);
        }
      }
      history_.Add(name, step, {loss}, num_steps_);
      return met;
    });
  }

 private:
  bool chosen_ = false;  // the user said which tensors are losses
  int64_t num_steps_ = 0;
  double diff_percent_ = 0;
  double increase_percent_ = 0;
  History history_;
};

// The losses of the training and of the validation data at one step, by metric name. XGBoost names
// them train-<metric> and validation-<metric> in one mode; other frameworks use modes.
struct LossPair {
  double train = std::numeric_limits<double>::quiet_NaN();
  double validation = train;
};

Result<std::map<std::string, LossPair>> Losses(Selection& selection, Trial& trial, int64_t step) {
  std::map<std::string, LossPair> out;
  CLARY_CHECK_OK(
      ForEach(selection, trial, step, [&](const std::string& name, const auto& v) -> Met {
        const std::string metric(MetricOf(name));
        if (metric.size() < name.size() && !IsMaximized(metric)) {
          (name.starts_with("train") ? out[metric].train : out[metric].validation) = Mean(v);
        }
        return std::nullopt;
      }));
  return out;
}

class Overfit final : public SelectingRule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<Overfit>();
    rule->given_ = s.Given("tensor_regex");
    rule->selection_ = rule->given_ ? Selection::OfExpressions(s, "tensor_regex")
                                    : Selection::OfCollections({"losses", "metrics"});
    rule->start_step_ = s.Whole("start_step");
    rule->patience_ = s.Whole("patience");
    rule->ratio_ = s.Number("ratio_threshold");
    return rule;
  }
  Result<Met> Step(Trial& trial, int64_t step) override {
    if (step < start_step_) return Met();
    CLARY_TRY(const auto losses, Losses(selection_, trial, step));
    for (const auto& [name, loss] : losses) {
      compared_ |= !std::isnan(loss.train) && !std::isnan(loss.validation);
      const double ratio = (loss.validation - loss.train) / std::abs(loss.train);
      int64_t& over = over_[name];
      over = ratio > ratio_ ? over + 1 : 0;  // NaN: not over
      if (over > patience_) {
        return fmt::format(
            "validation-{0} is {1:.4g}, {2:.3g} % above train-{0}, at step {3} and {4} saved steps "
            "before",
            name, loss.validation, ratio * 100, step, over - 1);
      }
    }
    return Met();
  }
  std::vector<std::string> Unseen() const override {
    auto unseen = SelectingRule::Unseen();
    if (!compared_) {
      if (!given_) unseen.clear();
      unseen.push_back(
          fmt::format("a loss of both the training and the validation data, from start_step {} on",
                      start_step_));
    }
    return unseen;
  }

 private:
  bool given_ = false;  // tensor_regex is the user's
  bool compared_ = false;
  int64_t start_step_ = 0;
  int64_t patience_ = 0;
  double ratio_ = 0;
  std::map<std::string, int64_t> over_;
};

class Overtraining final : public SelectingRule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<Overtraining>();
    rule->selection_ = Selection::OfCollections({"losses", "metrics"});
    rule->patience_[0] = s.Whole("patience_train");
    rule->patience_[1] = s.Whole("patience_validation");
    rule->delta_ = s.Number("delta");
    return rule;
  }
  Result<Met> Step(Trial& trial, int64_t step) override {
    CLARY_TRY(const auto losses, Losses(selection_, trial, step));
    for (const auto& [name, loss] : losses) {
      for (const bool validation : {false, true}) {
        const double now = validation ? loss.validation : loss.train;
        if (std::isnan(now)) continue;
        seen_ = true;
        Best& best = best_[(validation ? "validation-" : "train-") + name];
        if (now < best.value - delta_) {
          best = {now, 0};
        } else if (++best.waited > patience_[validation ? 1 : 0]) {
          return fmt::format(
              "{}-{} has not improved on {:.4g} by more than {} for {} saved steps, at step {}",
              validation ? "validation" : "train", name, best.value, delta_, best.waited, step);
        }
      }
    }
    return Met();
  }
  std::vector<std::string> Unseen() const override {
    return seen_ ? std::vector<std::string>() : std::vector<std::string>{"a loss"};
  }

 private:
  struct Best {
    double value = std::numeric_limits<double>::infinity();
    int64_t waited = 0;
  };
  bool seen_ = false;
  int64_t patience_[2] = {0, 0};
  double delta_ = 0;
  std::map<std::string, Best> best_;
};

constexpr RuleParameter kLossNotDecreasing[] = {
    kCollectionNames,
    kTensorRegex,
    {"use_losses_collection", "True", "look at the collection losses too", kTrueOrFalse},
    {"num_steps", "10", "steps to look back", kWholeFromOne},
    {"diff_percent", "0.1", "least decrease in percent", kAnyNumber},
    {"increase_threshold_percent", "5", "largest increase in percent", kFromZero}};
constexpr RuleParameter kOverfit[] = {
    kTensorRegex,
    {"start_step", "0", "first step to look at", kWholeFromZero},
    {"patience", "1", "saved steps that may be over the ratio", kWholeFromZero},
    {"ratio_threshold", "0.1", "(validation - train) / train", kAnyNumber}};
constexpr RuleParameter kOvertraining[] = {
    {"patience_train", "5", "saved steps without improvement on training data", kWholeFromZero},
    {"patience_validation", "10", "the same on validation data", kWholeFromZero},
    {"delta", "0.01", "least improvement that counts", kFromZero}};

constexpr RuleEntry kLossRules[] = {
    {"LossNotDecreasing", "any loss", "a loss has hardly fallen, or has risen", kLossNotDecreasing,
     LossNotDecreasing::Make},
    {"Overfit", "any loss", "validation loss stays above training loss by the given ratio",
     kOverfit, Overfit::Make},
    {"Overtraining", "any loss", "a loss has stopped to improve", kOvertraining,
     Overtraining::Make},
};

}  // namespace

std::span<const RuleEntry> LossRules() { return kLossRules; }

}  // namespace clary::debugger
