// Rules for neural networks. Conditions and defaults: SageMaker Debugger's
// documentation and rulesconfig, where they differ the code's.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/strings.h"
#include "debugger/internal/tensor_rules.h"

namespace clary::debugger {
namespace {

// The value of rank floor(q * n), sorted ascending.
double OrderStatistic(std::vector<double> v, double q) {
  const auto k = std::min(v.size() - 1, static_cast<size_t>(q * static_cast<double>(v.size())));
  std::nth_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(k), v.end());
  return v[k];
}

class VanishingGradient final : public SelectingRule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<VanishingGradient>();
    rule->selection_ = Selection::OfCollections({"gradients"});
    rule->threshold_ = s.Number("threshold");
    return rule;
  }
  Result<Met> Step(Trial& trial, int64_t step) override {
    return ForEach(selection_, trial, step,
                   [&](const std::string& name, std::vector<double> v) -> Met {
                     for (double& x : v) x = std::abs(x);
                     const double mean = Mean(v);
                     if (!(mean < threshold_)) return std::nullopt;
                     return fmt::format("the mean absolute gradient {} is {:.3g} at step {}", name,
                                        mean, step);
                   });
  }

 private:
  double threshold_ = 0;
};

class WeightUpdateRatio final : public SelectingRule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<WeightUpdateRatio>();
    rule->selection_ = Selection::OfCollections({"weights"});
    if (s.Given("num_steps")) rule->num_steps_ = s.Whole("num_steps");
    rule->large_ = s.Number("large_threshold");
    rule->small_ = s.Number("small_threshold");
    rule->epsilon_ = s.Number("epsilon");
    return rule;
  }
  Result<Met> Step(Trial& trial, int64_t step) override {
    return ForEach(selection_, trial, step, [&](const std::string& name, const auto& v) -> Met {
      Met met;
      const auto* before = history_.Before(name, step, num_steps_);
      if (before != nullptr && before->second.size() == v.size()) {
        double update = 0;
        double weight = 0;
        for (size_t i = 0; i < v.size(); ++i) {
          update += std::abs(v[i] - before->second[i]);
          weight += std::abs(v[i]);
        }
        const double ratio = update / (weight + epsilon_);
        if (ratio > large_ || ratio < small_) {
          met = fmt::format("{} changed by {:.3g} of its size up to step {}", name, ratio, step);
        }
      }
      history_.Add(name, step, v, num_steps_);
      return met;
    });
  }

 private:
  int64_t num_steps_ = 1;
  double large_ = 0;
  double small_ = 0;
  double epsilon_ = 0;
  History history_;
};

// A layer in which more than threshold_layer percent of the elements are outside of [low, high] or,
// for ReLU, zero.
class InactiveNeurons final : public SelectingRule {
 public:
  static Result<std::unique_ptr<Rule>> MakeRelu(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<InactiveNeurons>();
    CLARY_CHECK_OK(rule->Read(s));
    return rule;
  }
  static Result<std::unique_ptr<Rule>> MakeSaturated(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<InactiveNeurons>();
    CLARY_CHECK_OK(rule->Read(s));
    for (const auto& [kind, low, high] :
         {std::tuple("tanh", "threshold_tanh_min", "threshold_tanh_max"),
          std::tuple("sigmoid", "threshold_sigmoid_min", "threshold_sigmoid_max")}) {
      Range r{.kind = kind};
      r.low = s.Number(low);
      r.high = s.Number(high);
      rule->ranges_.push_back(r);
    }
    return rule;
  }
  Result<Met> Step(Trial& trial, int64_t step) override {
    return ForEach(selection_, trial, step, [&](const std::string& name, const auto& v) -> Met {
      double share = 0;
      if (ranges_.empty()) {
        share = Share(v, [](double x) { return x <= 0; });
      } else {
        for (const Range& r : ranges_) {
          if (ranges_.size() > 1 && name.find(r.kind) == std::string::npos) continue;
          share = std::max(share, Share(v, [&](double x) { return x <= r.low || x >= r.high; }));
        }
      }
      if (share * 100 < inactivity_ || share * 100 <= layer_) return std::nullopt;
      return fmt::format("{:.3g} % of the neurons of {} are {} at step {}", share * 100, name,
                         ranges_.empty() ? "dead" : "saturated", step);
    });
  }

 private:
  struct Range {
    std::string_view kind;
    double low = 0;
    double high = 0;
  };
  Status Read(const RuleSettings& s) {
    selection_ = Selection::OfExpressions(s, "tensor_regex");
    inactivity_ = s.Number("threshold_inactivity");
    layer_ = s.Number("threshold_layer");
    return {};
  }
  double inactivity_ = 0;
  double layer_ = 0;
  std::vector<Range> ranges_;
};

class PoorWeightInitialization final : public Rule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<PoorWeightInitialization>();
    rule->inputs_ = Selection::OfExpressions(s, "activation_inputs_regex");
    rule->inputs_given_ = s.Given("activation_inputs_regex");
    rule->gradients_ = Selection::OfCollections({"gradients"});
    rule->losses_ = Selection::OfCollections({"losses"});
    rule->threshold_ = s.Number("threshold");
    rule->range_ = s.Number("distribution_range");
    rule->patience_ = s.Whole("patience");
    rule->steps_ = s.Whole("steps");
    return rule;
  }
  Result<Met> Step(Trial& trial, int64_t step) override {
    if (++seen_ > steps_) return Met();  // initialisation shows at the start or not at all
    double least = std::numeric_limits<double>::infinity();
    double most = 0;
    CLARY_CHECK_OK(ForEach(inputs_, trial, step, [&](const std::string&, const auto& v) -> Met {
      const double variance = Variance(v);
      least = std::min(least, variance);
      most = std::max(most, variance);
      return std::nullopt;
    }));
    if (least > 0 && most / least > threshold_ && std::isfinite(least)) {
      return fmt::format(
          "the variance of activation inputs differs by a factor of {:.3g} between layers at step "
          "{}",
          most / least, step);
    }
    CLARY_TRY(Met met,
              ForEach(gradients_, trial, step, [&](const std::string& name, const auto& v) -> Met {
                const double width = OrderStatistic(v, 0.95) - OrderStatistic(v, 0.05);
                if (!(width < range_)) return std::nullopt;
                return fmt::format("the gradients {} spread over only {:.3g} at step {}", name,
                                   width, step);
              }));
    if (met) return met;
    return ForEach(losses_, trial, step, [&](const std::string& name, const auto& v) -> Met {
      const double loss = Mean(v);
      Flat& flat = flat_[name];
      flat.steps = loss < flat.best ? 0 : flat.steps + 1;
      flat.best = std::min(flat.best, loss);
      if (flat.steps <= patience_) return std::nullopt;
      return fmt::format("{} has not decreased in the first {} saved steps", name, seen_);
    });
  }

  std::vector<std::string> Unseen() const override {
    auto unseen = inputs_.Unseen();
    if (unseen.empty() || inputs_given_) return unseen;
    for (const Selection* other : {&gradients_, &losses_}) {
      auto more = other->Unseen();
      if (more.empty()) return {};
      unseen.insert(unseen.end(), more.begin(), more.end());
    }
    return unseen;
  }

 private:
  struct Flat {
    double best = std::numeric_limits<double>::infinity();
    int64_t steps = 0;
  };
  Selection inputs_;
  bool inputs_given_ = false;
  Selection gradients_;
  Selection losses_;
  double threshold_ = 0;
  double range_ = 0;
  int64_t patience_ = 0;
  int64_t steps_ = 0;
  int64_t seen_ = 0;
  std::map<std::string, Flat> flat_;
};

class CheckInputImages final : public SelectingRule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<CheckInputImages>();
    rule->selection_ = Selection::OfExpressions(s, "regex");
    rule->mean_ = s.Number("threshold_mean");
    rule->samples_ = s.Whole("threshold_samples");
    return rule;
  }
  Result<Met> Step(Trial& trial, int64_t step) override {
    for (const Selection::Chosen& chosen : selection_.At(trial, step)) {
      CLARY_TRY(const Tensor t, trial.Value(chosen.name, step));
      const std::vector<double> v = t.AsDoubles();
      if (!v.empty()) selection_.Saw(chosen);
      for (const double x : v) sum_ += x;
      elements_ += static_cast<double>(v.size());
      images_ += t.shape.empty() ? 1 : t.shape[0];
      if (images_ >= samples_ && elements_ > 0 && std::abs(sum_ / elements_) > mean_) {
        return fmt::format(
            "the mean pixel of {} images is {:.3g}; normalise the input to mean zero", images_,
            sum_ / elements_);
      }
    }
    return Met();
  }

 private:
  double mean_ = 0;
  int64_t samples_ = 0;
  int64_t images_ = 0;
  double sum_ = 0;
  double elements_ = 0;
};

class NlpSequenceRatio final : public SelectingRule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<NlpSequenceRatio>();
    rule->selection_ = Selection::OfExpressions(s, "tensor_regex");
    const auto tokens = s.List("token_values");
    const auto limits = s.List("token_thresholds_percent");
    if (tokens.empty() || tokens.size() != limits.size()) {
      return Fail(
          Code::kInvalidArgument, "BadRuleParameter",
          "rule NLPSequenceRatio: token_values and token_thresholds_percent must be lists of "
          "the same length");
    }
    for (size_t i = 0; i < tokens.size(); ++i) {
      const auto token = ParseInt(tokens[i]);
      const auto limit = ParseInt(limits[i]);
      if (!token || !limit) {
        return Fail(Code::kInvalidArgument, "BadRuleParameter",
                    fmt::format("rule NLPSequenceRatio: '{}' and '{}' must be whole numbers",
                                tokens[i], limits[i]));
      }
      rule->limits_.emplace_back(*token, *limit);
    }
    return rule;
  }
  Result<Met> Step(Trial& trial, int64_t step) override {
    return ForEach(selection_, trial, step, [&](const std::string& name, const auto& v) -> Met {
      for (const auto& [token, limit] : limits_) {
        const double share =
            100 * Share(v, [&](double x) { return x == static_cast<double>(token); });
        if (share > static_cast<double>(limit)) {
          return fmt::format("{:.3g} % of {} are token {} at step {}", share, name, token, step);
        }
      }
      return std::nullopt;
    });
  }

 private:
  std::vector<std::pair<int64_t, int64_t>> limits_;
};

constexpr RuleParameter kVanishing[] = {
    {"threshold", "0.0000001", "mean absolute gradient", kFromZero}};
constexpr RuleParameter kUpdateRatio[] = {
    {"num_steps", "", "steps to look back; the step before if not given", kWholeFromOne},
    {"large_threshold", "10", "largest ratio", kFromZero},
    {"small_threshold", "0.00000001", "least ratio", kFromZero},
    {"epsilon", "0.000000001", "added to the weights' size", kFromZero}};
constexpr RuleParameter kDeadRelu[] = {
    {"tensor_regex", ".*relu_output", "outputs of ReLU layers", kExpressionList},
    {"threshold_inactivity", "1.0", "inactive share in percent that counts at all", kPercent},
    {"threshold_layer", "50", "share of dead neurons in a layer, in percent", kPercent}};
constexpr RuleParameter kSaturated[] = {
    {"tensor_regex", ".*tanh_input|.*sigmoid_input", "inputs of saturating activations",
     kExpressionList},
    {"threshold_tanh_min", "-9.4999", "saturated below", kAnyNumber},
    {"threshold_tanh_max", "9.4999", "saturated above", kAnyNumber},
    {"threshold_sigmoid_min", "-23", "saturated below", kAnyNumber},
    {"threshold_sigmoid_max", "16.99999", "saturated above", kAnyNumber},
    {"threshold_inactivity", "1.0", "saturated share in percent that counts at all", kPercent},
    {"threshold_layer", "50", "share of saturated neurons in a layer, in percent", kPercent}};
constexpr RuleParameter kPoorWeights[] = {
    {"activation_inputs_regex", ".*relu_input", "inputs of activations", kExpressionList},
    {"threshold", "10", "variance of one layer over that of another", kFromZero},
    {"distribution_range", "0.001", "least distance of the 5th and 95th percentile of gradients",
     kFromZero},
    {"patience", "5", "saved steps in which the loss may be flat", kWholeFromZero},
    {"steps", "10", "saved steps to look at", kWholeFromOne}};
constexpr RuleParameter kImages[] = {
    {"threshold_mean", "0.2", "largest distance of the mean pixel from zero", kFromZero},
    {"threshold_samples", "500", "images to see before judging", kWholeFromOne},
    {"regex", ".*hybridsequential0_input_0", "the tensor of images", kOneExpression}};
constexpr RuleParameter kSequence[] = {
    {"tensor_regex", ".*embedding0_input_0", "the tensor of token numbers", kExpressionList},
    {"token_values", "0", "tokens", kNameList},
    {"token_thresholds_percent", "50", "largest share of each", kNameList}};

constexpr RuleEntry kNetworkRules[] = {
    {"VanishingGradient", "neural networks", "the mean absolute gradient is near zero", kVanishing,
     VanishingGradient::Make},
    {"WeightUpdateRatio", "neural networks", "weights change too much or too little", kUpdateRatio,
     WeightUpdateRatio::Make},
    {"DeadRelu", "neural networks", "too many ReLU neurons of a layer are zero", kDeadRelu,
     InactiveNeurons::MakeRelu},
    {"SaturatedActivation", "neural networks", "too many neurons of a layer are saturated",
     kSaturated, InactiveNeurons::MakeSaturated},
    {"PoorWeightInitialization", "neural networks",
     "activations, gradients or losses of the first steps show badly initialised weights",
     kPoorWeights, PoorWeightInitialization::Make},
    {"CheckInputImages", "neural networks", "input images are not normalised", kImages,
     CheckInputImages::Make},
    {"NLPSequenceRatio", "neural networks", "a token fills too much of the input", kSequence,
     NlpSequenceRatio::Make},
};

}  // namespace

std::span<const RuleEntry> NetworkRules() { return kNetworkRules; }

}  // namespace clary::debugger
