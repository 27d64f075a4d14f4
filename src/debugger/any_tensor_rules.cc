// Rules over any tensor. Conditions and defaults: SageMaker Debugger's
// documentation and rulesconfig, where they differ the code's.
#include <fmt/format.h>

#include <cmath>

#include "base/strings.h"
#include "debugger/internal/tensor_rules.h"

namespace clary::debugger {
namespace {

class AllZero final : public SelectingRule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<AllZero>();
    CLARY_TRY(rule->selection_, Selection::From(s, "AllZero"));
    rule->threshold_ = s.Number("threshold");
    return rule;
  }
  Result<Met> Step(Trial& trial, int64_t step) override {
    return ForEach(selection_, trial, step, [&](const std::string& name, const auto& v) -> Met {
      const double zeros = 100 * Share(v, [](double x) { return x == 0; });
      if (zeros < threshold_) return std::nullopt;
      return fmt::format("{:.4g} % of {} are zero at step {}", zeros, name, step);
    });
  }

 private:
  double threshold_ = 0;
};

class ExplodingTensor final : public SelectingRule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<ExplodingTensor>();
    CLARY_TRY(rule->selection_, Selection::From(s, "ExplodingTensor", "default"));
    rule->only_nan_ = s.Flag("only_nan");
    return rule;
  }
  Result<Met> Step(Trial& trial, int64_t step) override {
    return ForEach(selection_, trial, step, [&](const std::string& name, const auto& v) -> Met {
      for (const double x : v) {
        if (std::isnan(x)) return fmt::format("{} holds NaN at step {}", name, step);
        if (!only_nan_ && std::isinf(x))
          return fmt::format("{} is infinite at step {}", name, step);
      }
      return std::nullopt;
    });
  }

 private:
  bool only_nan_ = false;
};

class TensorVariance final : public SelectingRule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<TensorVariance>();
    CLARY_TRY(rule->selection_, Selection::From(s, "TensorVariance"));
    rule->most_ = s.OptionalNumber("max_threshold");
    rule->least_ = s.OptionalNumber("min_threshold");
    return rule;
  }
  Result<Met> Step(Trial& trial, int64_t step) override {
    return ForEach(selection_, trial, step, [&](const std::string& name, const auto& v) -> Met {
      const double variance = Variance(v);
      if (most_ && variance > *most_) {
        return fmt::format("the variance of {} is {:.4g} at step {}, above {:.4g}", name, variance,
                           step, *most_);
      }
      if (least_ && variance < *least_) {
        return fmt::format("the variance of {} is {:.4g} at step {}, below {:.4g}", name, variance,
                           step, *least_);
      }
      return std::nullopt;
    });
  }

 private:
  std::optional<double> most_;
  std::optional<double> least_;
};

class UnchangedTensor final : public SelectingRule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<UnchangedTensor>();
    CLARY_TRY(rule->selection_, Selection::From(s, "UnchangedTensor"));
    rule->num_steps_ = s.Whole("num_steps");
    rule->rtol_ = s.Number("rtol");
    rule->atol_ = s.Number("atol");
    rule->equal_nan_ = s.Flag("equal_nan");
    return rule;
  }
  Result<Met> Step(Trial& trial, int64_t step) override {
    return ForEach(selection_, trial, step, [&](const std::string& name, const auto& v) -> Met {
      const auto* before = history_.Before(name, step, num_steps_);
      Met met;
      if (before != nullptr && AllClose(v, before->second, rtol_, atol_, equal_nan_)) {
        met = fmt::format("{} did not change from step {} to step {}", name, before->first, step);
      }
      history_.Add(name, step, v, num_steps_);
      return met;
    });
  }

 private:
  int64_t num_steps_ = 0;
  double rtol_ = 0;
  double atol_ = 0;
  bool equal_nan_ = false;
  History history_;
};

class SimilarAcrossRuns final : public SelectingRule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener& open) {
    auto rule = std::make_unique<SimilarAcrossRuns>();
    CLARY_TRY(rule->selection_, Selection::From(s, "SimilarAcrossRuns", "default"));
    rule->paths_ = s.List("other_trials");
    if (rule->paths_.empty() || !open) {
      return Fail(Code::kInvalidArgument, "BadRuleParameter",
                  "rule SimilarAcrossRuns needs other_trials, the debug-output of another job");
    }
    for (const std::string& path : rule->paths_) {
      CLARY_TRY(auto trial, open(path));
      rule->others_.push_back(std::move(trial));
    }
    return rule;
  }
  Result<Met> Step(Trial& trial, int64_t step) override {
    compared_.resize(others_.size());
    for (size_t i = 0; i < others_.size(); ++i) {
      CLARY_CHECK_OK(others_[i]->Refresh());
      bool compared = false;
      bool equal = true;
      CLARY_CHECK_OK(
          ForEach(selection_, trial, step, [&](const std::string& name, const auto& v) -> Met {
            const auto other = others_[i]->Value(name, step);
            if (other) {
              compared = true;
              equal = equal && AllClose(v, other->AsDoubles(), 1e-5, 1e-8, true);
            }
            return std::nullopt;
          }));
      compared_[i] = compared_[i] || compared;
      if (compared && equal) {
        return fmt::format("the tensors of step {} equal those of {}", step, paths_[i]);
      }
    }
    return Met();
  }
  std::vector<std::string> Unseen() const override {
    auto unseen = SelectingRule::Unseen();
    for (size_t i = 0; i < paths_.size() && unseen.empty(); ++i) {
      if (i >= compared_.size() || !compared_[i]) {
        unseen.push_back(fmt::format("a step that other_trials '{}' has too", paths_[i]));
      }
    }
    return unseen;
  }

 private:
  std::vector<bool> compared_;  // with each of the others
  std::vector<std::string> paths_;
  std::vector<std::unique_ptr<Trial>> others_;
};

class StalledTraining final : public Rule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<StalledTraining>();
    rule->seconds_ = s.Number("threshold");
    return rule;
  }
  Result<Met> Step(Trial&, int64_t) override { return Met(); }
  Met Waiting(Duration quiet) override {
    if (static_cast<double>(quiet.count()) < seconds_ * 1000) return std::nullopt;
    return fmt::format("no new step for {:.0f} s", static_cast<double>(quiet.count()) / 1000);
  }

 private:
  double seconds_ = 0;
};

constexpr RuleParameter kAllZero[] = {
    kCollectionNames, kTensorRegex, {"threshold", "100", "share of zeros in percent", kPercent}};
constexpr RuleParameter kExploding[] = {
    kCollectionNames,
    kTensorRegex,
    {"only_nan", "False", "look for NaN but not for infinity", kTrueOrFalse}};
constexpr RuleParameter kVariance[] = {kCollectionNames,
                                       kTensorRegex,
                                       {"max_threshold", "", "largest variance", kFromZero},
                                       {"min_threshold", "", "least variance", kFromZero}};
constexpr RuleParameter kUnchanged[] = {
    kCollectionNames,
    kTensorRegex,
    {"num_steps", "3", "steps to look back", kWholeFromOne},
    {"rtol", "1e-05", "relative tolerance", kFromZero},
    {"atol", "1e-08", "absolute tolerance", kFromZero},
    {"equal_nan", "False", "whether NaN equals NaN", kTrueOrFalse}};
constexpr RuleParameter kSimilar[] = {
    {"other_trials", "", "debug-output of other jobs: paths or s3:// URIs", kNameList},
    kCollectionNames,
    kTensorRegex};
constexpr RuleParameter kStalled[] = {
    {"threshold", "1800", "seconds without a new step", kFromZero},
    {"stop_training_on_fire", "False", "stop the training job when the rule fires", kTrueOrFalse},
    {"training_job_name_prefix", "", "the job to stop", {}}};

constexpr RuleEntry kAnyTensorRules[] = {
    {"AllZero", "any tensor", "a tensor holds at least the given share of zeros", kAllZero,
     AllZero::Make},
    {"ExplodingTensor", "any tensor", "a tensor holds NaN or infinity", kExploding,
     ExplodingTensor::Make},
    {"TensorVariance", "any tensor", "the variance of a tensor is out of bounds", kVariance,
     TensorVariance::Make},
    {"UnchangedTensor", "any tensor", "a tensor equals its value some steps before", kUnchanged,
     UnchangedTensor::Make},
    {"SimilarAcrossRuns", "any tensor", "the tensors of a step equal those of another job",
     kSimilar, SimilarAcrossRuns::Make},
    {"StalledTrainingRule", "any job", "no step was saved for a time", kStalled,
     StalledTraining::Make},
};

}  // namespace

std::span<const RuleEntry> AnyTensorRules() { return kAnyTensorRules; }

}  // namespace clary::debugger
