// Rules over labels and predictions. Conditions and defaults: SageMaker Debugger's
// documentation and rulesconfig, where they differ the code's.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "debugger/internal/tensor_rules.h"

namespace clary::debugger {
namespace {

constexpr int64_t kMostLabelClasses = 1000;

// Class of each row: the largest of a row of scores, else a probability above one half or a class
// number rounded.
std::vector<int64_t> Classes(const Tensor& t) {
  const std::vector<double> v = t.AsDoubles();
  std::vector<int64_t> out;
  if (t.shape.size() == 2 && t.shape[1] > 1) {
    const auto k = static_cast<size_t>(t.shape[1]);
    for (size_t i = 0; i + k <= v.size(); i += k) {
      const auto begin = v.begin() + static_cast<std::ptrdiff_t>(i);
      out.push_back(std::max_element(begin, begin + static_cast<std::ptrdiff_t>(k)) - begin);
    }
  } else {
    for (const double x : v) {
      out.push_back(std::isfinite(x) && std::abs(x) < 1e6 ? std::llround(x) : -1);
    }
  }
  return out;
}

// Labels as classes: whole numbers from 0.
Result<std::vector<int64_t>> LabelClasses(const Tensor& t, std::string_view rule) {
  for (const double x : t.AsDoubles()) {
    if (x < 0 || x != std::floor(x) || !std::isfinite(x)) {
      return Fail(Code::kFailedPrecondition, "NoClasses",
                  fmt::format("rule {} is about classes, and tensor {} holds {:.6g}, which is none",
                              rule, t.name, x));
    }
  }
  return Classes(t);
}

// Predictions as classes: scores of each, probabilities of the second of two, or class numbers.
Result<std::vector<int64_t>> PredictedClasses(const Tensor& t, std::string_view rule) {
  if (t.shape.size() == 2 && t.shape[1] > 1) return Classes(t);
  bool probabilities = true;
  bool numbers = true;
  for (const double x : t.AsDoubles()) {
    if (!std::isfinite(x)) continue;
    probabilities = probabilities && x >= 0 && x <= 1;
    numbers = numbers && x >= 0 && x == std::floor(x);
    if (!probabilities && !numbers) {
      return Fail(Code::kFailedPrecondition, "NoClasses",
                  fmt::format("rule {} is about classes, and tensor {} holds neither probabilities "
                              "nor numbers of classes but, for example, {:.6g}",
                              rule, t.name, x));
    }
  }
  return Classes(t);
}

std::unexpected<Error> BadSizes(std::string_view rule, const Tensor& labels,
                                const Tensor& predictions, int64_t step) {
  return Fail(Code::kFailedPrecondition, "BadSizes",
              fmt::format("rule {}: tensor {} has {} values and {} has predictions of {} rows, at "
                          "step {}",
                          rule, labels.name, labels.size(), predictions.name,
                          Classes(predictions).size(), step));
}

class ClassImbalance final : public Rule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<ClassImbalance>();
    rule->imbalance_ = s.Number("threshold_imbalance");
    rule->misprediction_ = s.Number("threshold_misprediction");
    rule->samples_ = s.Whole("samples");
    rule->labels_ = Selection::OfExpressions(s, "labels_regex");
    rule->predictions_ = Selection::OfExpressions(s, "predictions_regex");
    return rule;
  }
  Result<Met> Step(Trial& trial, int64_t step) override {
    const auto label_names = labels_.At(trial, step);
    const auto prediction_names = predictions_.At(trial, step);
    if (label_names.empty()) return Met();
    labels_.Saw(label_names[0]);
    CLARY_TRY(const Tensor label_tensor, trial.Value(label_names[0].name, step));
    CLARY_TRY(const std::vector<int64_t> labels, LabelClasses(label_tensor, entry_name));
    std::vector<int64_t> predictions;
    if (!prediction_names.empty()) {
      predictions_.Saw(prediction_names[0]);
      CLARY_TRY(const Tensor t, trial.Value(prediction_names[0].name, step));
      CLARY_TRY(predictions, PredictedClasses(t, entry_name));
      if (predictions.size() != labels.size()) return BadSizes(entry_name, label_tensor, t, step);
    }
    for (size_t i = 0; i < labels.size(); ++i) {
      Count& c = counts_[labels[i]];
      ++c.rows;
      if (!predictions.empty()) c.wrong += predictions[i] != labels[i];
    }
    total_ += static_cast<int64_t>(labels.size());
    if (total_ < samples_) return Met();
    judged_ = true;
    const auto less = [](const auto& a, const auto& b) { return a.second.rows < b.second.rows; };
    const auto [rare, common] = std::minmax_element(counts_.begin(), counts_.end(), less);
    const double ratio =
        static_cast<double>(common->second.rows) / static_cast<double>(rare->second.rows);
    if (ratio > imbalance_) {
      return fmt::format("class {} has {:.3g} times the rows of class {}", common->first, ratio,
                         rare->first);
    }
    for (const auto& [label, c] : counts_) {
      const double wrong = static_cast<double>(c.wrong) / static_cast<double>(c.rows);
      if (wrong > misprediction_) {
        return fmt::format("{:.3g} % of class {} are mispredicted at step {}", wrong * 100, label,
                           step);
      }
    }
    counts_.clear();  // judge the next samples by the model as it is then
    total_ = 0;
    return Met();
  }
  std::vector<std::string> Unseen() const override {
    auto unseen = labels_.Unseen();
    for (std::string& what : predictions_.Unseen()) unseen.push_back(std::move(what));
    if (unseen.empty() && !judged_) {
      unseen.push_back(fmt::format("more than {} labels, where samples is {}", total_, samples_));
    }
    return unseen;
  }

 private:
  struct Count {
    int64_t rows = 0;
    int64_t wrong = 0;
  };
  double imbalance_ = 0;
  double misprediction_ = 0;
  int64_t samples_ = 0;
  int64_t total_ = 0;
  bool judged_ = false;
  Selection labels_;
  Selection predictions_;
  std::map<int64_t, Count> counts_;
};

class ConfusionRule final : public Rule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<ConfusionRule>();
    rule->categories_ = s.Whole("category_no");
    rule->labels_ = s.Text("labels");
    rule->predictions_ = s.Text("predictions");
    rule->min_diag_ = s.Number("min_diag");
    rule->max_off_diag_ = s.Number("max_off_diag");
    return rule;
  }
  Result<Met> Step(Trial& trial, int64_t step) override {
    if (!trial.Has(labels_, step) || !trial.Has(predictions_, step)) return Met();
    CLARY_TRY(const Tensor label_tensor, trial.Value(labels_, step));
    CLARY_TRY(const Tensor prediction_tensor, trial.Value(predictions_, step));
    CLARY_TRY(const auto labels, LabelClasses(label_tensor, entry_name));
    CLARY_TRY(const auto predictions, PredictedClasses(prediction_tensor, entry_name));
    if (labels.size() != predictions.size()) {
      return BadSizes(entry_name, label_tensor, prediction_tensor, step);
    }
    if (labels.empty()) return Met();
    seen_ = true;
    int64_t k = categories_;
    if (k == 0)
      k = std::min(kMostLabelClasses,
                   std::max(std::ranges::max(labels), std::ranges::max(predictions)) + 1);
    if (k <= 0) return Met();
    const auto at = [&](int64_t row, int64_t column) {
      return static_cast<size_t>(row * k + column);
    };
    std::vector<double> cells(static_cast<size_t>(k * k));  // [label][prediction]
    for (size_t i = 0; i < labels.size(); ++i) {
      if (std::min(labels[i], predictions[i]) >= 0 && std::max(labels[i], predictions[i]) < k) {
        ++cells[at(labels[i], predictions[i])];
      }
    }
    // Rows of the transposed matrix: of what is predicted i, how much is labelled i, and how much
    // j.
    for (int64_t i = 0; i < k; ++i) {
      double predicted = 0;
      for (int64_t j = 0; j < k; ++j) predicted += cells[at(j, i)];
      if (predicted == 0) continue;
      const double right = cells[at(i, i)] / predicted;
      if (right < min_diag_) {
        return fmt::format(
            "of the rows predicted as class {}, {:.3g} % are of that class, below {:.3g} %, at "
            "step {}",
            i, right * 100, min_diag_ * 100, step);
      }
      for (int64_t j = 0; j < k; ++j) {
        const double wrong = cells[at(j, i)] / predicted;
        if (j != i && wrong > max_off_diag_) {
          return fmt::format(
              "{:.3g} % of the rows predicted as class {} are of class {}, at step {}", wrong * 100,
              i, j, step);
        }
      }
    }
    return Met();
  }
  std::vector<std::string> Unseen() const override {
    if (seen_) return {};
    return {fmt::format("labels '{}' and predictions '{}' at one step", labels_, predictions_)};
  }

 private:
  bool seen_ = false;
  int64_t categories_ = 0;  // 0: as many as there are
  std::string labels_;
  std::string predictions_;
  double min_diag_ = 0;
  double max_off_diag_ = 0;
};

constexpr RuleParameter kClassImbalance[] = {
    {"threshold_imbalance", "10", "rows of the largest class over those of the smallest",
     kFromZero},
    {"threshold_misprediction", "0.7", "share of a class that is predicted wrong", kShare},
    {"samples", "500", "labels to see before judging", kWholeFromOne},
    {"labels_regex", ".*labels", "the tensor of labels", kOneExpression},
    {"predictions_regex", ".*predictions", "the tensor of predictions", kOneExpression}};
constexpr RuleParameter kConfusion[] = {
    {"category_no", "", "number of classes; the largest seen plus one if not given",
     RuleValues{RuleValues::kWhole, 1, kMostLabelClasses}},
    {"labels", "labels", "the tensor of labels", {}},
    {"predictions", "predictions", "the tensor of predictions", {}},
    {"min_diag", "0.9", "least share that is right among the rows predicted as a class", kShare},
    {"max_off_diag", "0.1", "largest share of one other class among them", kShare}};

constexpr RuleEntry kLabelRules[] = {
    {"ClassImbalance", "any classifier",
     "one class has too many rows, or too many of a class are predicted wrong", kClassImbalance,
     ClassImbalance::Make},
    {"Confusion", "any classifier", "a cell of the confusion matrix is out of bounds", kConfusion,
     ConfusionRule::Make},
};

}  // namespace

std::span<const RuleEntry> LabelRules() { return kLabelRules; }

}  // namespace clary::debugger
