#include "debugger/report_findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace clary::debugger {
using reports::Finding;
using reports::Level;
using reports::Verdict;
namespace {

// A metric's course on the validation data.
struct Course {
  const MetricSeries* series = nullptr;
  size_t first = 0, best = 0, last = 0;  // indices of finite values
  bool up = false;                       // larger is better
  double gain = 0;                       // from the first value to the best, positive

  double At(size_t i) const { return series->values[i]; }
  int64_t Round(size_t i) const { return series->steps[i]; }
  double Better(size_t a, size_t b) const { return up ? At(a) - At(b) : At(b) - At(a); }
};

std::optional<Course> CourseOf(const MetricSeries* series) {
  if (!series) return std::nullopt;
  const auto& v = series->values;
  const auto finite = [](double x) { return std::isfinite(x); };
  const auto first = std::find_if(v.begin(), v.end(), finite);
  if (first == v.end()) return std::nullopt;
  Course c{.series = series, .first = static_cast<size_t>(first - v.begin())};
  c.last = v.size() - 1;
  while (!std::isfinite(v[c.last])) --c.last;
  c.best = series->Best();
  c.up = IsMaximized(series->metric);
  c.gain = c.Better(c.best, c.first);
  return c;
}

class Judgement {
 public:
  Judgement(const TrainingData& data, const TrainingFigures& figures, const ReportContext& context)
      : data_(data),
        figures_(figures),
        context_(context),
        deciding_(DecidingSeries(data)),
        course_(CourseOf(deciding_)) {}

  Verdict Run() {
    if (context_.status == "Failed") {
      Add(Level::kProblem, "job-failed", "The job failed",
          context_.failure_reason.empty() ? "No reason was given." : context_.failure_reason,
          "The report shows what was saved until then.", "job");
    }
    if (data_.steps.empty()) {
      Add(Level::kProblem, "no-tensors", "No tensors were saved",
          "Without saved tensors there is nothing to show.",
          "Give the job a DebugHookConfig (the SDKs send one with any rule) and let it run for at "
          "least one round.",
          "job");
    }
    Overfitting();
    MoreRounds();
    Plateau();
    Gap();
    NoValidation();
    Imbalance();
    Leakage();
    NoBetterThanGuessing();
    WeakClasses();
    Shift();
    Calibrated();
    Target();
    Columns();
    Rules();
    std::stable_sort(verdict_.findings.begin(), verdict_.findings.end(),
                     [](const Finding& a, const Finding& b) { return a.level > b.level; });
    if (!verdict_.findings.empty()) verdict_.level = verdict_.findings.front().level;
    Headline();
    return std::move(verdict_);
  }

 private:
  void Add(Level level, std::string id, std::string title, std::string detail, std::string advice,
           std::string section) {
    verdict_.findings.push_back({level, std::move(id), std::move(title), std::move(detail),
                                 std::move(advice), std::move(section)});
  }
  std::string Parameter(const std::string& name, const std::string& otherwise) const {
    const auto it = data_.hyperparameters.find(name);
    return it == data_.hyperparameters.end() || it->second.empty() ? otherwise : it->second;
  }
  // The best round of a course: the exact one, where it lies between the saved steps beside the
  // best.
  int64_t BestRound(const Course& c) const {
    const int64_t from = c.best > 0 ? c.Round(c.best - 1) : -1;
    const bool exact =
        data_.best_round > from && c.best < c.last && data_.best_round < c.Round(c.best + 1);
    return exact ? data_.best_round : c.Round(c.best);
  }
  bool IsValidation() const { return deciding_ && deciding_->data != "train"; }

  void Overfitting() {
    if (!course_ || !IsValidation() || course_->best == course_->last || course_->gain < 0) return;
    const Course& c = *course_;
    const double lost = c.Better(c.best, c.last);
    const auto rounds = c.Round(c.last) + 1;
    const auto since = c.Round(c.last) - c.Round(c.best);
    const double scale = std::max(std::abs(c.At(c.best)), 1e-12);
    const bool matters = lost > 0.02 * c.gain || lost > 0.005 * scale;
    if (!matters || since < std::max<int64_t>(3, rounds / 20)) return;
    const MetricSeries* train = TrainingSeries(data_, *deciding_);
    const auto t = CourseOf(train);
    std::string meanwhile;
    if (t) {
      const auto at = static_cast<size_t>(
          std::lower_bound(train->steps.begin(), train->steps.end(), c.Round(c.best)) -
          train->steps.begin());
      if (at >= train->values.size() || t->Better(t->last, at) <= 0) return;  // not overfitting
      meanwhile = fmt::format(", while {} went on from {:.5g} to {:.5g}", train->name,
                              train->values[at], t->At(t->last));
    }
    overfits_ = true;
    const std::string stopping = Parameter("early_stopping_rounds", "");
    Add(lost > 0.1 * c.gain || lost > 0.05 * scale ? Level::kProblem : Level::kWarning,
        "overfitting", fmt::format("Overfitting from round {} on", BestRound(c)),
        fmt::format("{} was best at round {} ({:.5g}) and ended at {:.5g}{}: the last {} rounds "
                    "learned the training rows by heart.",
                    deciding_->name, c.Round(c.best), c.At(c.best), c.At(c.last), meanwhile, since),
        fmt::format(
            "{} To get below the best value, make each tree weaker: a smaller eta (now {}) with "
            "more rounds, a smaller max_depth (now {}), a larger min_child_weight (now {}), gamma "
            "or "
            "lambda, or subsample and colsample_bytree between 0.6 and 0.9. More training rows "
            "help "
            "most.",
            stopping.empty()
                ? fmt::format("Set early_stopping_rounds={}: training ends by itself and the model "
                              "keeps its best round. Or set num_round={}.",
                              std::clamp<int64_t>(rounds / 10, 5, 50), BestRound(c) + 1)
                : fmt::format("early_stopping_rounds={} was set; a smaller value stops sooner.",
                              stopping),
            Parameter("eta", Parameter("learning_rate", "0.3")), Parameter("max_depth", "6"),
            Parameter("min_child_weight", "1")),
        "loss");
  }

  void MoreRounds() {
    if (!course_ || !data_.ended || context_.status == "Failed") return;
    const Course& c = *course_;
    if (c.best != c.last || c.gain <= 0 || c.last - c.first < 4) return;
    const size_t from = c.last - (c.last - c.first) / 5;  // the last fifth of the steps
    if (from == c.last) return;
    const double late = c.Better(c.last, from) / c.gain;
    if (late < 0.01) return;
    improving_ = true;
    const auto rounds = c.Round(c.last) + 1;
    Add(Level::kNotice, "still-improving", "Still improving when training ended",
        fmt::format("{} was best in the last round, and the last fifth of the rounds brought "
                    "{:.1f} % of all improvement.",
                    deciding_->name, late * 100),
        fmt::format(
            "Raise num_round (now {}), for example to {}, with early_stopping_rounds={} so "
            "that it ends by itself; or a larger eta (now {}) for the same number of rounds.",
            rounds, rounds * 3, std::clamp<int64_t>(rounds / 10, 5, 50),
            Parameter("eta", Parameter("learning_rate", "0.3"))),
        "loss");
  }

  void Plateau() {
    if (!course_ || improving_ || overfits_ || !data_.ended) return;
    const Course& c = *course_;
    if (c.gain <= 0 || c.last - c.first < 8) return;
    size_t flat = c.first;
    while (c.Better(c.best, flat) > 0.01 * c.gain) ++flat;
    const auto rounds = c.Round(c.last) + 1;
    if (c.Round(flat) * 2 > rounds) return;
    Add(Level::kNotice, "plateau", fmt::format("Nearly all was learned by round {}", c.Round(flat)),
        fmt::format("99 % of the improvement of {} came in the first {} of {} rounds.",
                    deciding_->name, c.Round(flat) + 1, rounds),
        fmt::format(
            "early_stopping_rounds={} would give the same quality in less time, and a model "
            "that predicts faster.",
            std::clamp<int64_t>(rounds / 10, 5, 50)),
        "loss");
  }

  void Gap() {
    if (!course_ || !IsValidation() || overfits_) return;
    const MetricSeries* train = TrainingSeries(data_, *deciding_);
    const auto t = CourseOf(train);
    if (!t || course_->gain <= 0) return;
    const double gap = course_->up ? t->At(t->last) - course_->At(course_->last)
                                   : course_->At(course_->last) - t->At(t->last);
    const double share = gap / std::max(t->Better(t->best, t->first), 1e-12);
    if (share < 0.3) return;
    Add(Level::kNotice, "gap", "Much better on the training rows than on the validation rows",
        fmt::format("{} is {:.5g}, {} is {:.5g}.", train->name, t->At(t->last), deciding_->name,
                    course_->At(course_->last)),
        fmt::format("If more rows can be had, they should help. A smaller max_depth (now {}), a "
                    "larger min_child_weight (now {}) or subsample below 1 narrow the gap; look at "
                    "the validation metric while you change them, it alone counts.",
                    Parameter("max_depth", "6"), Parameter("min_child_weight", "1")),
        "loss");
  }

  void NoValidation() {
    if (data_.metrics.empty() || IsValidation()) return;
    Add(Level::kWarning, "no-validation", "Nothing was held out",
        "The job had no validation channel, so that every figure is about rows the model has seen.",
        "Add a validation channel: without one, neither overfitting nor the quality on new data "
        "can "
        "be seen, and early stopping has nothing to look at.",
        "loss");
  }

  void Imbalance() {
    const LabelDistribution& labels = figures_.labels;
    if (!figures_.confusion || figures_.rows == 0) return;
    const auto& counts = labels.train.empty() ? labels.validation : labels.train;
    const auto most = std::max_element(counts.begin(), counts.end());
    int64_t total = 0, least = *most;
    size_t rare = 0;
    for (size_t c = 0; c < counts.size(); ++c) {
      total += counts[c];
      if (counts[c] > 0 && counts[c] <= least) least = counts[c], rare = c;
    }
    const double ratio = static_cast<double>(*most) / static_cast<double>(least);
    if (ratio < (data_.task == Task::kBinary ? 3 : 10)) return;
    const double always = static_cast<double>(*most) / static_cast<double>(total);
    std::string advice =
        fmt::format("Accuracy alone misleads: always answering {} is right in {:.1f} % of rows. ",
                    most - counts.begin(), always * 100);
    if (data_.task == Task::kBinary) {
      advice += fmt::format(
          "Judge by precision, recall and eval_metric=aucpr, and choose the threshold by your "
          "costs "
          "(slider below). If only the order of the scores matters, try scale_pos_weight={:.3g}; "
          "it "
          "makes probabilities {}, so leave it at 1 where they are used as probabilities.",
          static_cast<double>(counts[0]) / static_cast<double>(std::max<int64_t>(counts[1], 1)),
          counts[1] < counts[0] ? "too high" : "too low");
    } else {
      advice +=
          "Judge by macro F1 and the recall of each class. Give rare classes a larger instance "
          "weight (csv_weights=1 with a weight column), or collect more of their rows.";
    }
    Add(ratio >= 20 ? Level::kWarning : Level::kNotice, "class-imbalance",
        fmt::format("Classes are unbalanced, {:.3g} to 1", ratio),
        fmt::format("Class {} has {} rows, class {} has {}.", most - counts.begin(), *most, rare,
                    least),
        advice, "labels");
  }

  // Share of one feature in all gain; its name.
  std::pair<double, std::string> Strongest() const {
    for (const char* type : {"total_gain", "gain"}) {
      const auto it = data_.importance.find(type);
      if (it == data_.importance.end() || it->second.empty()) continue;
      return {it->second[0].second, it->second[0].first};
    }
    return {0, ""};
  }

  void Leakage() {
    const bool binary = figures_.curves.size() == 1 && data_.task == Task::kBinary;
    const double auc = binary && figures_.curves[0].positives > 0 ? figures_.curves[0].auc : 0;
    const double r2 = figures_.scorecard ? figures_.scorecard->r2 : 0;
    const double accuracy = figures_.confusion ? figures_.classification.accuracy : 0;
    const auto [share, name] = Strongest();
    const bool perfect = auc > 0.999 || r2 > 0.999 || (!binary && accuracy > 0.999);
    const bool good = auc > 0.98 || r2 > 0.98 || (!binary && accuracy > 0.98);
    if (!perfect && !(good && share > 0.8)) return;
    const std::string score = auc > 0  ? fmt::format("AUC {:.5f}", auc)
                              : r2 > 0 ? fmt::format("R² {:.5f}", r2)
                                       : fmt::format("accuracy {:.5f}", accuracy);
    Add(Level::kWarning, "leakage", "Too good to be true? Look for leakage",
        share > 0.5
            ? fmt::format("{}, and {} alone brings {:.0f} % of the gain.", score, name, share * 100)
            : fmt::format("{} on the validation rows.", score),
        share > 0.5
            ? fmt::format(
                  "Check whether {} is known at the time of prediction, or was derived from "
                  "the label. Train once without it and compare.",
                  name)
            : "Check that no column is derived from the label, and that no row (or near duplicate) "
              "is in both channels.",
        "importance");
  }

  void NoBetterThanGuessing() {
    if (data_.task == Task::kBinary && figures_.curves.size() == 1 &&
        figures_.curves[0].positives > 0 && figures_.curves[0].negatives > 0) {
      const double auc = figures_.curves[0].auc;
      if (auc >= 0.6) return;
      Add(Level::kProblem, "weak", "Hardly better than guessing",
          fmt::format("The area under the ROC curve is {:.4f}; guessing has 0.5.", auc),
          auc < 0.45
              ? "Below 0.5 the order is reversed: check how the label is coded in each channel."
              : "Check that the label column is the first one and the features belong to its "
                "row; then look for features that say more.",
          "roc");
    } else if (figures_.scorecard && figures_.scorecard->r2 < 0.1 && figures_.rows > 20 &&
               data_.task == Task::kRegression) {
      Add(figures_.scorecard->r2 < 0 ? Level::kProblem : Level::kWarning, "weak",
          figures_.scorecard->r2 < 0 ? "Worse than always predicting the mean"
                                     : "Hardly better than predicting the mean",
          fmt::format("R² is {:.4f}.", figures_.scorecard->r2),
          "Check that the label column is the first one, and that training and validation data "
          "come from the same source; train for more rounds, or look for features that say more.",
          "scores");
    } else if (data_.task == Task::kMulticlass && figures_.confusion) {
      const auto& c = figures_.labels.validation;
      const double always = static_cast<double>(*std::max_element(c.begin(), c.end())) /
                            static_cast<double>(figures_.rows);
      if (figures_.classification.accuracy > always) return;
      Add(Level::kProblem, "weak", "Not better than always answering the largest class",
          fmt::format("Accuracy {:.4f}; the largest class alone gives {:.4f}.",
                      figures_.classification.accuracy, always),
          "Check the label column and num_class; train for more rounds.", "confusion");
    }
  }

  void WeakClasses() {
    if (!figures_.confusion || data_.task != Task::kMulticlass) return;
    std::vector<std::string> weak;
    for (const ClassScores& c : figures_.classification.classes) {
      if (c.support > 0 && c.scores.recall < 0.5) {
        weak.push_back(fmt::format("{} ({:.0f} %)", c.id, c.scores.recall * 100));
      }
    }
    if (weak.empty() || weak.size() == figures_.classification.classes.size()) return;
    if (weak.size() > 8) weak.resize(8);
    Add(Level::kNotice, "weak-classes", "Some classes are recognised less than half the time",
        fmt::format("Recall: {}.", fmt::join(weak, ", ")),
        "See in the confusion matrix what they are taken for. More rows of these classes, a larger "
        "instance weight for them, or features that tell the two apart help.",
        "confusion");
  }

  void Shift() {
    const LabelDistribution& labels = figures_.labels;
    if (labels.train.empty() || labels.stability < 0.1) return;
    Add(labels.stability > 0.25 ? Level::kWarning : Level::kNotice, "label-shift",
        "Training and validation labels are distributed differently",
        fmt::format("Population stability index {:.3f} (above 0.25 is large).", labels.stability),
        "Split the data at random, stratified by label; unless the difference is meant, as in a "
        "split by time.",
        "labels");
  }

  void Calibrated() {
    if (!figures_.calibration || figures_.rows < 200 || figures_.calibration->error < 0.05) return;
    const bool weighted = Parameter("scale_pos_weight", "1") != "1";
    Add(figures_.calibration->error > 0.1 ? Level::kWarning : Level::kNotice, "calibration",
        "Probabilities are off",
        fmt::format("On average they differ from what happened by {:.3f}.",
                    figures_.calibration->error),
        weighted ? "scale_pos_weight shifts probabilities: set it to 1, or fit a calibration "
                   "(isotonic or Platt) on held-out rows, before using them as probabilities."
        : overfits_
            ? "Overfitting makes a model too sure: stop earlier. Where probabilities matter, "
              "fit a calibration (isotonic or Platt) on held-out rows."
            : "Where they are used as probabilities, train for more rounds, or fit a "
              "calibration (isotonic or Platt) on held-out rows.",
        "calibration");
  }

  void Target() {
    if (!figures_.scorecard || figures_.rows < 50) return;
    const Scorecard& s = *figures_.scorecard;
    if (data_.objective == "reg:squarederror" && s.label_min > 0 && s.skew > 2) {
      Add(Level::kNotice, "skewed-target", "The target has a long tail",
          fmt::format("Skewness {:.2f}, from {:.5g} to {:.5g}: the few large labels decide the "
                      "squared error.",
                      s.skew, s.label_min, s.label_max),
          "Train on the logarithm of the label, or use objective=reg:gamma, reg:squaredlogerror or "
          "reg:pseudohubererror.",
          "labels");
    }
    if (data_.objective == "reg:squarederror" && !figures_.labels.names.empty() &&
        figures_.labels.names.size() <= 2) {
      Add(Level::kNotice, "two-labels", "Only two labels: is this a classification?",
          "The label is 0 or 1.", "objective=binary:logistic gives probabilities.", "labels");
    }
    if (std::abs(s.bias) > 0.1 * s.label_std && s.label_std > 0) {
      Add(Level::kNotice, "bias",
          s.bias > 0 ? "Predictions are too high on average" : "Predictions are too low on average",
          fmt::format("By {:.5g}, where the labels' standard deviation is {:.5g}.",
                      std::abs(s.bias), s.label_std),
          "Check that training and validation data come from the same time and source; if training "
          "was short, more rounds or a larger eta remove it.",
          "residuals");
    }
  }

  void Columns() {
    const FeatureSummary& d = data_.summary;
    std::vector<std::string> constant, empty;
    for (size_t f = 0; f < d.missing.size(); ++f) {
      const double share = d.missing[f];
      if (share >= 1) {
        empty.push_back(data_.features[f]);
      } else if (!d.min.empty() && !d.max.empty() && d.min[f] == d.max[f] && share == 0) {
        constant.push_back(data_.features[f]);
      }
    }
    if (empty.empty() && constant.empty()) return;
    const auto list = [](std::vector<std::string> names) {
      const size_t n = names.size();
      if (n > 6) names.resize(6);
      return fmt::format("{}{}", fmt::join(names, ", "),
                         n > 6 ? fmt::format(" and {} more", n - 6) : "");
    };
    std::string detail;
    if (!constant.empty())
      detail += fmt::format("The same value in every row: {}. ", list(constant));
    if (!empty.empty()) detail += fmt::format("Missing in every row: {}.", list(empty));
    Add(Level::kNotice, "useless-columns", "Columns that say nothing", detail,
        "They do no harm; if they should hold data, look at how the file is made.", "data");
  }

  void Rules() {
    for (const RuleResult& rule : context_.rules) {
      if (rule.status != "IssuesFound") continue;
      Add(Level::kWarning, "rule", fmt::format("Rule {} found an issue", rule.name), rule.details,
          "", "rules");
    }
  }

  void Headline() {
    if (course_) {
      const Course& c = *course_;
      verdict_.summary = fmt::format("{} is {:.5g} after {} rounds", deciding_->name, c.At(c.last),
                                     c.Round(c.last) + 1);
      verdict_.summary += c.best == c.last ? ", its best value."
                                           : fmt::format("; it was best at round {} with {:.5g}.",
                                                         c.Round(c.best), c.At(c.best));
    }
    if (verdict_.level <= Level::kNotice) {
      verdict_.headline = data_.ended ? "No sign of trouble" : "Training, and no sign of trouble";
      const size_t notes = verdict_.findings.size();
      if (notes > 0) {
        verdict_.headline +=
            notes == 1 ? "; one thing to know" : fmt::format("; {} things to know", notes);
      }
      verdict_.level = Level::kGood;
    } else {
      verdict_.headline = verdict_.findings.front().title;
    }
  }

  const TrainingData& data_;
  const TrainingFigures& figures_;
  const ReportContext& context_;
  const MetricSeries* deciding_;
  const std::optional<Course> course_;
  bool overfits_ = false, improving_ = false;
  Verdict verdict_;
};

}  // namespace

Verdict Judge(const TrainingData& data, const TrainingFigures& figures,
              const ReportContext& context) {
  return Judgement(data, figures, context).Run();
}

}  // namespace clary::debugger
