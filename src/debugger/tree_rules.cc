// Rules over trees. Conditions and defaults: SageMaker Debugger's
// documentation and rulesconfig, where they differ the code's.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/strings.h"
#include "debugger/internal/tensor_rules.h"

namespace clary::debugger {
namespace {

class FeatureImportanceOverweight final : public SelectingRule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<FeatureImportanceOverweight>();
    rule->selection_ = Selection::OfExpressions(s, "tensor_regex");
    rule->threshold_ = s.Number("threshold");
    rule->nfeatures_ = s.Whole("nfeatures");
    return rule;
  }
  Result<Met> Step(Trial& trial, int64_t step) override {
    std::vector<std::pair<double, std::string>> features;
    double sum = 0;
    CLARY_CHECK_OK(
        ForEach(selection_, trial, step, [&](const std::string& name, const auto& v) -> Met {
          features.emplace_back(v[0], name.substr(name.rfind('/') + 1));
          sum += v[0];
          return std::nullopt;
        }));
    const auto n = static_cast<size_t>(nfeatures_);
    if (features.size() <= n || sum <= 0) return Met();  // few features always weigh everything
    std::sort(features.rbegin(), features.rend());
    double top = 0;
    std::vector<std::string> names;
    for (size_t i = 0; i < n; ++i) {
      top += features[i].first;
      names.push_back(features[i].second);
    }
    if (top / sum <= threshold_) return Met();
    return fmt::format("{} carry {:.3g} % of the importance at step {}", Join(names, ", "),
                       top / sum * 100, step);
  }

 private:
  double threshold_ = 0;
  int64_t nfeatures_ = 0;
};

class TreeDepth final : public Rule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<TreeDepth>();
    rule->depth_ = s.Whole("depth");
    return rule;
  }
  Result<Met> Step(Trial& trial, int64_t step) override {
    if (!trial.Has("trees/Node", step)) return Met();
    seen_ = true;
    CLARY_TRY(const Tensor t, trial.Value("trees/Node", step));
    const std::vector<double> nodes = t.AsDoubles();
    if (nodes.empty()) return Met();
    // As the original: the depth of a complete tree with that largest node number (from 0).
    const auto depth = static_cast<int64_t>(std::floor(std::log2(std::ranges::max(nodes) + 1)));
    if (depth <= depth_) return Met();
    return fmt::format("the tree of step {} has depth {}, more than {}", step, depth, depth_);
  }

  std::vector<std::string> Unseen() const override {
    return seen_ ? std::vector<std::string>() : std::vector<std::string>{"collection 'trees'"};
  }

 private:
  bool seen_ = false;
  int64_t depth_ = 0;
};

constexpr RuleParameter kOverweight[] = {
    {"threshold", "0.8", "share of the importance", kShare},
    {"nfeatures", "3", "number of top features", kWholeFromOne},
    {"tensor_regex", ".*feature_importance/weight", "the importance to look at", kOneExpression}};
constexpr RuleParameter kTreeDepth[] = {
    {"depth", "4", "deepest tree that is fine", kWholeFromZero}};

constexpr RuleEntry kTreeRules[] = {
    {"FeatureImportanceOverweight", "XGBoost", "a few features carry nearly all importance",
     kOverweight, FeatureImportanceOverweight::Make},
    {"TreeDepth", "XGBoost", "a tree is deeper than given", kTreeDepth, TreeDepth::Make},
};

}  // namespace

std::span<const RuleEntry> TreeRules() { return kTreeRules; }

}  // namespace clary::debugger
