// The rules over tensors and their table. Conditions and defaults: SageMaker Debugger's
// documentation and rulesconfig, where they differ the code's.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "base/strings.h"
#include "debugger/rule.h"

namespace clary::debugger {
namespace {

using Met = std::optional<std::string>;

// The tensors a rule looks at, chosen by collection_names and tensor_regex.
struct Selection {
  std::vector<std::string> collections;
  std::vector<std::string> expressions;

  static Result<Selection> From(const RuleSettings& settings, std::string_view rule,
                                std::string_view fallback = "") {
    Selection s{settings.List("collection_names"), settings.List("tensor_regex")};
    if (s.collections.empty() && s.expressions.empty()) {
      if (fallback.empty()) {
        return Fail(Code::kInvalidArgument, "BadRuleParameter",
                    fmt::format("rule {} needs collection_names or tensor_regex", rule));
      }
      s.collections.emplace_back(fallback);
    }
    return s;
  }

  // Those saved at `step`, sorted, without reductions.
  std::vector<std::string> At(const Trial& trial, int64_t step) const {
    std::set<std::string> names;
    for (const std::string& c : collections) {
      for (std::string& name : trial.TensorNames(c)) names.insert(std::move(name));
    }
    if (!expressions.empty()) {
      for (const std::string& name : trial.TensorNames()) {
        for (const std::string& re : expressions) {
          if (NameMatches(re, name)) names.insert(name);
        }
      }
    }
    std::vector<std::string> out;
    for (const std::string& name : names) {
      if (!name.starts_with("smdebug/reductions/") && trial.Has(name, step)) out.push_back(name);
    }
    return out;
  }
};

// Calls `body(name, values)` for each selected numeric tensor of a step until one is met.
template <typename F>
Result<Met> ForEach(const Selection& selection, Trial& trial, int64_t step, F&& body) {
  for (const std::string& name : selection.At(trial, step)) {
    CLARY_TRY(const Tensor t, trial.Value(name, step));
    const std::vector<double> values = t.AsDoubles();
    if (values.empty()) continue;
    if (Met met = body(name, values)) return met;
  }
  return Met();
}

double Mean(const std::vector<double>& v) {
  double sum = 0;
  for (const double x : v) sum += x;
  return v.empty() ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(v.size());
}

double Variance(const std::vector<double>& v) {
  const double mean = Mean(v);
  double sum = 0;
  for (const double x : v) sum += (x - mean) * (x - mean);
  return sum / static_cast<double>(v.size());
}

double Share(const std::vector<double>& v, auto&& predicate) {
  return static_cast<double>(std::count_if(v.begin(), v.end(), predicate)) /
         static_cast<double>(v.size());
}

// The value of rank floor(q * n), sorted ascending.
double Quantile(std::vector<double> v, double q) {
  const auto k = std::min(v.size() - 1, static_cast<size_t>(q * static_cast<double>(v.size())));
  std::nth_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(k), v.end());
  return v[k];
}

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

// Remembers, per tensor, the values of earlier steps.
class History {
 public:
  // The newest value at least `steps` steps before `step`, if there is one.
  const std::pair<int64_t, std::vector<double>>* Before(const std::string& name, int64_t step,
                                                        int64_t steps) const {
    const auto it = values_.find(name);
    if (it == values_.end()) return nullptr;
    const std::pair<int64_t, std::vector<double>>* found = nullptr;
    for (const auto& entry : it->second) {
      if (entry.first <= step - steps) found = &entry;
    }
    return found;
  }
  void Add(const std::string& name, int64_t step, std::vector<double> v, int64_t keep_steps) {
    auto& list = values_[name];
    while (list.size() > 1 && list[1].first <= step - keep_steps) list.erase(list.begin());
    list.emplace_back(step, std::move(v));
  }

 private:
  std::map<std::string, std::vector<std::pair<int64_t, std::vector<double>>>> values_;
};

// --- rules over any tensor ---------------------------------------------------------------------

class AllZero final : public Rule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<AllZero>();
    CLARY_TRY(rule->selection_, Selection::From(s, "AllZero"));
    CLARY_TRY(rule->threshold_, s.Number("threshold"));
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
  Selection selection_;
  double threshold_ = 0;
};

class ExplodingTensor final : public Rule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<ExplodingTensor>();
    CLARY_TRY(rule->selection_, Selection::From(s, "ExplodingTensor", "default"));
    CLARY_TRY(rule->only_nan_, s.Flag("only_nan"));
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
  Selection selection_;
  bool only_nan_ = false;
};

class TensorVariance final : public Rule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<TensorVariance>();
    CLARY_TRY(rule->selection_, Selection::From(s, "TensorVariance"));
    CLARY_TRY(rule->most_, s.OptionalNumber("max_threshold"));
    CLARY_TRY(rule->least_, s.OptionalNumber("min_threshold"));
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
  Selection selection_;
  std::optional<double> most_;
  std::optional<double> least_;
};

// numpy.allclose(a, b)
bool AllClose(const std::vector<double>& a, const std::vector<double>& b, double rtol, double atol,
              bool equal_nan) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) || std::isnan(b[i])) {
      if (!(equal_nan && std::isnan(a[i]) && std::isnan(b[i]))) return false;
    } else if (a[i] != b[i] && !(std::abs(a[i] - b[i]) <= atol + rtol * std::abs(b[i]))) {
      return false;
    }
  }
  return true;
}

class UnchangedTensor final : public Rule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<UnchangedTensor>();
    CLARY_TRY(rule->selection_, Selection::From(s, "UnchangedTensor"));
    CLARY_TRY(rule->num_steps_, s.Whole("num_steps"));
    CLARY_TRY(rule->rtol_, s.Number("rtol"));
    CLARY_TRY(rule->atol_, s.Number("atol"));
    CLARY_TRY(rule->equal_nan_, s.Flag("equal_nan"));
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
  Selection selection_;
  int64_t num_steps_ = 0;
  double rtol_ = 0;
  double atol_ = 0;
  bool equal_nan_ = false;
  History history_;
};

class SimilarAcrossRuns final : public Rule {
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
      if (compared && equal) {
        return fmt::format("the tensors of step {} equal those of {}", step, paths_[i]);
      }
    }
    return Met();
  }

 private:
  Selection selection_;
  std::vector<std::string> paths_;
  std::vector<std::unique_ptr<Trial>> others_;
};

class StalledTraining final : public Rule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<StalledTraining>();
    CLARY_TRY(rule->seconds_, s.Number("threshold"));
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

// --- rules over losses and metrics -------------------------------------------------------------

class LossNotDecreasing final : public Rule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<LossNotDecreasing>();
    CLARY_TRY(rule->selection_, Selection::From(s, "LossNotDecreasing", "losses"));
    CLARY_TRY(const bool losses, s.Flag("use_losses_collection"));
    if (losses) rule->selection_.collections.emplace_back("losses");
    CLARY_TRY(rule->num_steps_, s.Whole("num_steps"));
    CLARY_TRY(rule->diff_percent_, s.Number("diff_percent"));
    CLARY_TRY(rule->increase_percent_, s.Number("increase_threshold_percent"));
    return rule;
  }
  Result<Met> Step(Trial& trial, int64_t step) override {
    return ForEach(selection_, trial, step, [&](const std::string& name, const auto& v) -> Met {
      const double loss = Mean(v);
      Met met;
      if (const auto* before = history_.Before(name, step, num_steps_)) {
        const double old = before->second[0];
        const double decrease = old == 0 ? 0 : (old - loss) / std::abs(old) * 100;
        if (decrease < -increase_percent_) {
          met = fmt::format("{} rose by {:.3g} % from step {} to step {}", name, -decrease,
                            before->first, step);
        } else if (decrease < diff_percent_) {
          met = fmt::format("{} fell by only {:.3g} % from step {} to step {}", name, decrease,
                            before->first, step);
        }
      }
      history_.Add(name, step, {loss}, num_steps_);
      return met;
    });
  }

 private:
  Selection selection_;
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

Result<std::map<std::string, LossPair>> Losses(Trial& trial, int64_t step,
                                               const std::vector<std::string>& expressions) {
  Selection selection{.collections = {}, .expressions = expressions};
  if (expressions.empty()) selection.collections = {"losses", "metrics"};
  std::map<std::string, LossPair> out;
  for (const std::string& name : selection.At(trial, step)) {
    const size_t dash = name.find('-');
    if (dash == std::string::npos || name.ends_with("auc") || name.ends_with("map")) continue;
    CLARY_TRY(const Tensor t, trial.Value(name, step));
    LossPair& pair = out[name.substr(dash + 1)];
    (name.starts_with("train") ? pair.train : pair.validation) = Mean(t.AsDoubles());
  }
  return out;
}

class Overfit final : public Rule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<Overfit>();
    rule->expressions_ = s.List("tensor_regex");
    CLARY_TRY(rule->start_step_, s.Whole("start_step"));
    CLARY_TRY(rule->patience_, s.Whole("patience"));
    CLARY_TRY(rule->ratio_, s.Number("ratio_threshold"));
    return rule;
  }
  Result<Met> Step(Trial& trial, int64_t step) override {
    if (step < start_step_) return Met();
    CLARY_TRY(const auto losses, Losses(trial, step, expressions_));
    for (const auto& [name, loss] : losses) {
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

 private:
  std::vector<std::string> expressions_;
  int64_t start_step_ = 0;
  int64_t patience_ = 0;
  double ratio_ = 0;
  std::map<std::string, int64_t> over_;
};

class Overtraining final : public Rule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<Overtraining>();
    CLARY_TRY(rule->patience_[0], s.Whole("patience_train"));
    CLARY_TRY(rule->patience_[1], s.Whole("patience_validation"));
    CLARY_TRY(rule->delta_, s.Number("delta"));
    return rule;
  }
  Result<Met> Step(Trial& trial, int64_t step) override {
    CLARY_TRY(const auto losses, Losses(trial, step, {}));
    for (const auto& [name, loss] : losses) {
      for (const bool validation : {false, true}) {
        const double now = validation ? loss.validation : loss.train;
        if (std::isnan(now)) continue;
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

 private:
  struct Best {
    double value = std::numeric_limits<double>::infinity();
    int64_t waited = 0;
  };
  int64_t patience_[2] = {0, 0};
  double delta_ = 0;
  std::map<std::string, Best> best_;
};

// --- rules over labels and predictions ---------------------------------------------------------

class ClassImbalance final : public Rule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<ClassImbalance>();
    CLARY_TRY(rule->imbalance_, s.Number("threshold_imbalance"));
    CLARY_TRY(rule->misprediction_, s.Number("threshold_misprediction"));
    CLARY_TRY(rule->samples_, s.Whole("samples"));
    rule->labels_.expressions = {s.Text("labels_regex")};
    rule->predictions_.expressions = {s.Text("predictions_regex")};
    return rule;
  }
  Result<Met> Step(Trial& trial, int64_t step) override {
    const auto label_names = labels_.At(trial, step);
    const auto prediction_names = predictions_.At(trial, step);
    if (label_names.empty()) return Met();
    CLARY_TRY(const Tensor label_tensor, trial.Value(label_names[0], step));
    const std::vector<int64_t> labels = Classes(label_tensor);
    std::vector<int64_t> predictions;
    if (!prediction_names.empty()) {
      CLARY_TRY(const Tensor t, trial.Value(prediction_names[0], step));
      predictions = Classes(t);
    }
    for (size_t i = 0; i < labels.size(); ++i) {
      Count& c = counts_[labels[i]];
      ++c.rows;
      if (predictions.size() == labels.size()) c.wrong += predictions[i] != labels[i];
    }
    total_ += static_cast<int64_t>(labels.size());
    if (total_ < samples_) return Met();
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

 private:
  struct Count {
    int64_t rows = 0;
    int64_t wrong = 0;
  };
  double imbalance_ = 0;
  double misprediction_ = 0;
  int64_t samples_ = 0;
  int64_t total_ = 0;
  Selection labels_;
  Selection predictions_;
  std::map<int64_t, Count> counts_;
};

class Confusion final : public Rule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<Confusion>();
    CLARY_TRY(const auto categories, s.OptionalNumber("category_no"));
    if (categories && !(*categories >= 1 && *categories <= kMost)) {
      return Fail(Code::kInvalidArgument, "BadRuleParameter",
                  fmt::format("rule Confusion: category_no must be from 1 to {}", kMost));
    }
    rule->categories_ = categories ? static_cast<int64_t>(*categories) : 0;
    rule->labels_ = s.Text("labels");
    rule->predictions_ = s.Text("predictions");
    CLARY_TRY(rule->min_diag_, s.Number("min_diag"));
    CLARY_TRY(rule->max_off_diag_, s.Number("max_off_diag"));
    return rule;
  }
  Result<Met> Step(Trial& trial, int64_t step) override {
    if (!trial.Has(labels_, step) || !trial.Has(predictions_, step)) return Met();
    CLARY_TRY(const Tensor label_tensor, trial.Value(labels_, step));
    CLARY_TRY(const Tensor prediction_tensor, trial.Value(predictions_, step));
    const auto labels = Classes(label_tensor);
    const auto predictions = Classes(prediction_tensor);
    if (labels.size() != predictions.size() || labels.empty()) return Met();
    int64_t k = categories_;
    if (k == 0)
      k = std::min(kMost, std::max(std::ranges::max(labels), std::ranges::max(predictions)) + 1);
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

 private:
  static constexpr int64_t kMost = 1000;
  int64_t categories_ = 0;
  std::string labels_;
  std::string predictions_;
  double min_diag_ = 0;
  double max_off_diag_ = 0;
};

// --- rules over trees --------------------------------------------------------------------------

class FeatureImportanceOverweight final : public Rule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<FeatureImportanceOverweight>();
    rule->selection_.expressions = {s.Text("tensor_regex")};
    CLARY_TRY(rule->threshold_, s.Number("threshold"));
    CLARY_TRY(rule->nfeatures_, s.Whole("nfeatures"));
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
  Selection selection_;
  double threshold_ = 0;
  int64_t nfeatures_ = 0;
};

class TreeDepth final : public Rule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<TreeDepth>();
    CLARY_TRY(rule->depth_, s.Whole("depth"));
    return rule;
  }
  Result<Met> Step(Trial& trial, int64_t step) override {
    if (!trial.Has("trees/Node", step)) return Met();
    CLARY_TRY(const Tensor t, trial.Value("trees/Node", step));
    const std::vector<double> nodes = t.AsDoubles();
    if (nodes.empty()) return Met();
    // As the original: the depth of a complete tree with that largest node number (from 0).
    const auto depth = static_cast<int64_t>(std::floor(std::log2(std::ranges::max(nodes) + 1)));
    if (depth <= depth_) return Met();
    return fmt::format("the tree of step {} has depth {}, more than {}", step, depth, depth_);
  }

 private:
  int64_t depth_ = 0;
};

// --- rules for neural networks -----------------------------------------------------------------

class VanishingGradient final : public Rule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<VanishingGradient>();
    rule->selection_.collections = {"gradients"};
    CLARY_TRY(rule->threshold_, s.Number("threshold"));
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
  Selection selection_;
  double threshold_ = 0;
};

class WeightUpdateRatio final : public Rule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<WeightUpdateRatio>();
    rule->selection_.collections = {"weights"};
    CLARY_TRY(const auto steps, s.OptionalNumber("num_steps"));
    rule->num_steps_ = steps ? static_cast<int64_t>(*steps) : 1;
    CLARY_TRY(rule->large_, s.Number("large_threshold"));
    CLARY_TRY(rule->small_, s.Number("small_threshold"));
    CLARY_TRY(rule->epsilon_, s.Number("epsilon"));
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
  Selection selection_;
  int64_t num_steps_ = 1;
  double large_ = 0;
  double small_ = 0;
  double epsilon_ = 0;
  History history_;
};

// A layer in which more than threshold_layer percent of the elements are outside of [low, high] or,
// for ReLU, zero.
class InactiveNeurons final : public Rule {
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
      CLARY_TRY(r.low, s.Number(low));
      CLARY_TRY(r.high, s.Number(high));
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
    selection_.expressions = s.List("tensor_regex");
    CLARY_TRY(inactivity_, s.Number("threshold_inactivity"));
    CLARY_TRY(layer_, s.Number("threshold_layer"));
    return {};
  }
  Selection selection_;
  double inactivity_ = 0;
  double layer_ = 0;
  std::vector<Range> ranges_;
};

class PoorWeightInitialization final : public Rule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<PoorWeightInitialization>();
    rule->inputs_.expressions = s.List("activation_inputs_regex");
    rule->gradients_.collections = {"gradients"};
    rule->losses_.collections = {"losses"};
    CLARY_TRY(rule->threshold_, s.Number("threshold"));
    CLARY_TRY(rule->range_, s.Number("distribution_range"));
    CLARY_TRY(rule->patience_, s.Whole("patience"));
    CLARY_TRY(rule->steps_, s.Whole("steps"));
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
                const double width = Quantile(v, 0.95) - Quantile(v, 0.05);
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

 private:
  struct Flat {
    double best = std::numeric_limits<double>::infinity();
    int64_t steps = 0;
  };
  Selection inputs_;
  Selection gradients_;
  Selection losses_;
  double threshold_ = 0;
  double range_ = 0;
  int64_t patience_ = 0;
  int64_t steps_ = 0;
  int64_t seen_ = 0;
  std::map<std::string, Flat> flat_;
};

class CheckInputImages final : public Rule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<CheckInputImages>();
    rule->selection_.expressions = {s.Text("regex")};
    CLARY_TRY(rule->mean_, s.Number("threshold_mean"));
    CLARY_TRY(rule->samples_, s.Whole("threshold_samples"));
    return rule;
  }
  Result<Met> Step(Trial& trial, int64_t step) override {
    for (const std::string& name : selection_.At(trial, step)) {
      CLARY_TRY(const Tensor t, trial.Value(name, step));
      const std::vector<double> v = t.AsDoubles();
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
  Selection selection_;
  double mean_ = 0;
  int64_t samples_ = 0;
  int64_t images_ = 0;
  double sum_ = 0;
  double elements_ = 0;
};

class NlpSequenceRatio final : public Rule {
 public:
  static Result<std::unique_ptr<Rule>> Make(const RuleSettings& s, const TrialOpener&) {
    auto rule = std::make_unique<NlpSequenceRatio>();
    rule->selection_.expressions = s.List("tensor_regex");
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
  Selection selection_;
  std::vector<std::pair<int64_t, int64_t>> limits_;
};

// --- the table ---------------------------------------------------------------------------------

constexpr RuleParameter kCollections = {"collection_names", "", "collections to look at, by comma"};
constexpr RuleParameter kRegex = {"tensor_regex", "", "expressions for tensor names, by comma"};

constexpr RuleParameter kAllZero[] = {
    kCollections, kRegex, {"threshold", "100", "share of zeros in percent"}};
constexpr RuleParameter kClassImbalance[] = {
    {"threshold_imbalance", "10", "rows of the largest class over those of the smallest"},
    {"threshold_misprediction", "0.7", "share of a class that is predicted wrong"},
    {"samples", "500", "labels to see before judging"},
    {"labels_regex", ".*labels", "the tensor of labels"},
    {"predictions_regex", ".*predictions", "the tensor of predictions"}};
constexpr RuleParameter kConfusion[] = {
    {"category_no", "", "number of classes; the largest seen plus one if not given"},
    {"labels", "labels", "the tensor of labels"},
    {"predictions", "predictions", "the tensor of predictions"},
    {"min_diag", "0.9", "least share that is right among the rows predicted as a class"},
    {"max_off_diag", "0.1", "largest share of one other class among them"}};
constexpr RuleParameter kLossNotDecreasing[] = {
    kCollections,
    kRegex,
    {"use_losses_collection", "True", "look at the collection losses too"},
    {"num_steps", "10", "steps to look back"},
    {"diff_percent", "0.1", "least decrease in percent"},
    {"increase_threshold_percent", "5", "largest increase in percent"}};
constexpr RuleParameter kOverfit[] = {kRegex,
                                      {"start_step", "0", "first step to look at"},
                                      {"patience", "1", "saved steps that may be over the ratio"},
                                      {"ratio_threshold", "0.1", "(validation - train) / train"}};
constexpr RuleParameter kOvertraining[] = {
    {"patience_train", "5", "saved steps without improvement on training data"},
    {"patience_validation", "10", "the same on validation data"},
    {"delta", "0.01", "least improvement that counts"}};
constexpr RuleParameter kSimilar[] = {
    {"other_trials", "", "debug-output of other jobs: paths or s3:// URIs, by comma"},
    kCollections,
    kRegex};
constexpr RuleParameter kStalled[] = {
    {"threshold", "1800", "seconds without a new step"},
    {"stop_training_on_fire", "False", "stop the training job when the rule fires"},
    {"training_job_name_prefix", "", "the job to stop"}};
constexpr RuleParameter kUnchanged[] = {kCollections,
                                        kRegex,
                                        {"num_steps", "3", "steps to look back"},
                                        {"rtol", "1e-05", "relative tolerance"},
                                        {"atol", "1e-08", "absolute tolerance"},
                                        {"equal_nan", "False", "whether NaN equals NaN"}};
constexpr RuleParameter kVariance[] = {kCollections,
                                       kRegex,
                                       {"max_threshold", "", "largest variance"},
                                       {"min_threshold", "", "least variance"}};
constexpr RuleParameter kOverweight[] = {
    {"threshold", "0.8", "share of the importance"},
    {"nfeatures", "3", "number of top features"},
    {"tensor_regex", ".*feature_importance/weight", "the importance to look at"}};
constexpr RuleParameter kTreeDepth[] = {{"depth", "4", "deepest tree that is fine"}};
constexpr RuleParameter kDeadRelu[] = {
    {"tensor_regex", ".*relu_output", "outputs of ReLU layers"},
    {"threshold_inactivity", "1.0", "inactive share in percent that counts at all"},
    {"threshold_layer", "50", "share of dead neurons in a layer, in percent"}};
constexpr RuleParameter kExploding[] = {
    kCollections, kRegex, {"only_nan", "False", "look for NaN but not for infinity"}};
constexpr RuleParameter kPoorWeights[] = {
    {"activation_inputs_regex", ".*relu_input", "inputs of activations"},
    {"threshold", "10", "variance of one layer over that of another"},
    {"distribution_range", "0.001", "least distance of the 5th and 95th percentile of gradients"},
    {"patience", "5", "saved steps in which the loss may be flat"},
    {"steps", "10", "saved steps to look at"}};
constexpr RuleParameter kSaturated[] = {
    {"tensor_regex", ".*tanh_input|.*sigmoid_input", "inputs of saturating activations"},
    {"threshold_tanh_min", "-9.4999", "saturated below"},
    {"threshold_tanh_max", "9.4999", "saturated above"},
    {"threshold_sigmoid_min", "-23", "saturated below"},
    {"threshold_sigmoid_max", "16.99999", "saturated above"},
    {"threshold_inactivity", "1.0", "saturated share in percent that counts at all"},
    {"threshold_layer", "50", "share of saturated neurons in a layer, in percent"}};
constexpr RuleParameter kVanishing[] = {{"threshold", "0.0000001", "mean absolute gradient"}};
constexpr RuleParameter kUpdateRatio[] = {
    {"num_steps", "", "steps to look back; the step before if not given"},
    {"large_threshold", "10", "largest ratio"},
    {"small_threshold", "0.00000001", "least ratio"},
    {"epsilon", "0.000000001", "added to the weights' size"}};
constexpr RuleParameter kImages[] = {
    {"threshold_mean", "0.2", "largest distance of the mean pixel from zero"},
    {"threshold_samples", "500", "images to see before judging"},
    {"regex", ".*hybridsequential0_input_0", "the tensor of images"}};
constexpr RuleParameter kSequence[] = {
    {"tensor_regex", ".*embedding0_input_0", "the tensor of token numbers"},
    {"token_values", "0", "tokens, by comma"},
    {"token_thresholds_percent", "50", "largest share of each, by comma"}};

constexpr RuleEntry kRules[] = {
    {"AllZero", "any tensor", "a tensor holds at least the given share of zeros", kAllZero,
     AllZero::Make},
    {"ClassImbalance", "any classifier",
     "one class has too many rows, or too many of a class are predicted wrong", kClassImbalance,
     ClassImbalance::Make},
    {"Confusion", "any classifier", "a cell of the confusion matrix is out of bounds", kConfusion,
     Confusion::Make},
    {"LossNotDecreasing", "any loss", "a loss has hardly fallen, or has risen", kLossNotDecreasing,
     LossNotDecreasing::Make},
    {"Overfit", "any loss", "validation loss stays above training loss by the given ratio",
     kOverfit, Overfit::Make},
    {"Overtraining", "any loss", "a loss has stopped to improve", kOvertraining,
     Overtraining::Make},
    {"SimilarAcrossRuns", "any tensor", "the tensors of a step equal those of another job",
     kSimilar, SimilarAcrossRuns::Make},
    {"StalledTrainingRule", "any job", "no step was saved for a time", kStalled,
     StalledTraining::Make},
    {"UnchangedTensor", "any tensor", "a tensor equals its value some steps before", kUnchanged,
     UnchangedTensor::Make},
    {"TensorVariance", "any tensor", "the variance of a tensor is out of bounds", kVariance,
     TensorVariance::Make},
    {"FeatureImportanceOverweight", "XGBoost", "a few features carry nearly all importance",
     kOverweight, FeatureImportanceOverweight::Make},
    {"TreeDepth", "XGBoost", "a tree is deeper than given", kTreeDepth, TreeDepth::Make},
    {"DeadRelu", "neural networks", "too many ReLU neurons of a layer are zero", kDeadRelu,
     InactiveNeurons::MakeRelu},
    {"ExplodingTensor", "any tensor", "a tensor holds NaN or infinity", kExploding,
     ExplodingTensor::Make},
    {"PoorWeightInitialization", "neural networks",
     "activations, gradients or losses of the first steps show badly initialised weights",
     kPoorWeights, PoorWeightInitialization::Make},
    {"SaturatedActivation", "neural networks", "too many neurons of a layer are saturated",
     kSaturated, InactiveNeurons::MakeSaturated},
    {"VanishingGradient", "neural networks", "the mean absolute gradient is near zero", kVanishing,
     VanishingGradient::Make},
    {"WeightUpdateRatio", "neural networks", "weights change too much or too little", kUpdateRatio,
     WeightUpdateRatio::Make},
    {"CheckInputImages", "neural networks", "input images are not normalised", kImages,
     CheckInputImages::Make},
    {"NLPSequenceRatio", "neural networks", "a token fills too much of the input", kSequence,
     NlpSequenceRatio::Make},
};

}  // namespace

std::span<const RuleEntry> Rules() { return kRules; }

}  // namespace clary::debugger
