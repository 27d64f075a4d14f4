#include "debugger/report_findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace clary::debugger {
using reports::Finding;
using reports::Level;
using reports::Verdict;
namespace {

// A metric's course on the validation data.
struct Course {
  const MetricSeries* series = nullptr;
  // Indices of finite values: `now` is of the delivered model, `last` of the last round.
  size_t first = 0, best = 0, now = 0, last = 0;
  bool up = false;  // larger is better
  double gain = 0;  // from the first value to the best, positive

  double At(size_t i) const { return series->values[i]; }
  int64_t Round(size_t i) const { return series->steps[i]; }
  double Better(size_t a, size_t b) const { return up ? At(a) - At(b) : At(b) - At(a); }
};

std::optional<Course> CourseOf(const MetricSeries* series, int64_t delivered) {
  if (!series) return std::nullopt;
  const auto& v = series->values;
  const auto finite = [](double x) { return std::isfinite(x); };
  const auto first = std::find_if(v.begin(), v.end(), finite);
  if (first == v.end()) return std::nullopt;
  Course c{.series = series, .first = static_cast<size_t>(first - v.begin())};
  c.last = v.size() - 1;
  while (!std::isfinite(v[c.last])) --c.last;
  c.now = std::min(series->UpTo(delivered), c.last);
  while (c.now > c.first && !std::isfinite(v[c.now])) --c.now;
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
        course_(CourseOf(deciding_, data.delivered_round)) {}

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
    LeftOut();
    FeatureRange();
    EarlyStopping();
    Overfitting();
    MoreRounds();
    Plateau();
    Gap();
    NoValidation();
    Weights();
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
  bool EarlyStops() const {
    return IsValidation() && !Parameter("early_stopping_rounds", "").empty();
  }
  // What the figures are of, as text.
  std::string Rows() const { return data_.validated ? "validation rows" : "training rows"; }
  // The share of all gain that features with these names bring; NaN if it is not known.
  double GainOf(const std::vector<std::string>& names) const {
    for (const char* type : {"total_gain", "gain"}) {
      const auto it = data_.importance.find(type);
      if (it == data_.importance.end() || it->second.empty()) continue;
      double sum = 0;
      for (const auto& [name, share] : it->second) {
        if (std::find(names.begin(), names.end(), name) != names.end()) sum += share;
      }
      return sum;
    }
    return std::numeric_limits<double>::quiet_NaN();
  }
  bool IsValidation() const { return deciding_ && deciding_->data != "train"; }
  static std::string List(std::vector<std::string> names) {
    const size_t n = names.size();
    if (n > 6) names.resize(6);
    return fmt::format("{}{}", fmt::join(names, ", "),
                       n > 6 ? fmt::format(" and {} more", n - 6) : "");
  }

  void LeftOut() {
    if (figures_.left_out == 0) return;
    Add(Level::kProblem, "not-finite", "Predictions that are no numbers",
        fmt::format("{} of {} {} have a prediction or a label that is NaN or infinite; the figures "
                    "leave them out.",
                    figures_.left_out, figures_.rows + figures_.left_out, Rows()),
        "Look for labels that do not fit the objective, or for an eta that is too large.", "worst");
  }

  // Validation values that training rows had no like of: trees cannot tell what lies beyond.
  void FeatureRange() {
    const FeatureSummary& d = data_.summary;
    std::vector<std::string> names, details;
    double worst = 0;
    for (size_t f = 0; f < std::min(d.outside.size(), d.missing.size()); ++f) {
      // Of rows like the training rows about two in (n + 1) lie beyond.
      const double values = data_.train_rows * (1 - d.missing[f]);
      const double outside = d.outside[f];
      const bool leaves = outside > std::max(0.05, 8 / (values + 1)) && values > 0;
      const bool gone =
          f < d.validation_missing.size() && d.missing[f] == 0 && d.validation_missing[f] > 0.05;
      if (!leaves && !gone) continue;
      names.push_back(data_.features[f]);
      worst = std::max(worst, leaves ? outside : d.validation_missing[f]);
      details.push_back(
          leaves ? fmt::format("{}: {:.3g} to {:.3g} in training, {:.3g} to {:.3g} in validation, "
                               "{:.0f} % of the values beyond",
                               names.back(), d.min[f], d.max[f], d.validation_min[f],
                               d.validation_max[f], outside * 100)
                 : fmt::format("{}: never missing in training, {:.0f} % in validation",
                               names.back(), d.validation_missing[f] * 100));
    }
    if (names.empty()) return;
    const double gain = GainOf(names);
    const bool used = !(gain < 0.01);
    shifted_ = used ? names : std::vector<std::string>();
    std::string detail = fmt::format(
        "{}.", fmt::join(details.begin(),
                         details.begin() + std::min<std::ptrdiff_t>(6, std::ssize(details)), "; "));
    if (details.size() > 6) detail += fmt::format(" And {} more features.", details.size() - 6);
    if (!std::isnan(gain)) detail += fmt::format(" They bring {:.0f} % of the gain.", gain * 100);
    Add(!used          ? Level::kNotice
        : worst >= 0.2 ? Level::kProblem
                       : Level::kWarning,
        "feature-range",
        names.size() == 1
            ? fmt::format("Validation values of {} leave the training range", names[0])
            : fmt::format("Validation values of {} features leave the training range",
                          names.size()),
        detail,
        "A tree gives every value beyond its last split the same answer, so the model has learned "
        "nothing about these rows. If the split is by time, leave out what only counts on (dates, "
        "ids, row numbers) or make it recur (month, weekday); else draw both channels from the "
        "same source. Judge overfitting after that.",
        "data");
  }

  void EarlyStopping() {
    if (!data_.cut() || !course_) return;
    const Course& c = *course_;
    const int64_t kept = data_.delivered_round + 1;
    Add(Level::kNotice, "early-stopped",
        fmt::format("Early stopping kept {} of {} rounds", kept, data_.trained_rounds),
        fmt::format(
            "{} was best at round {} ({:.5g}) and ended at {:.5g}. The model holds {}; all "
            "figures are of it.",
            deciding_->name, c.Round(c.best), c.At(c.best), c.At(c.last),
            kept == 1 ? std::string("round 0 alone") : fmt::format("rounds 0 to {}", kept - 1)),
        kept >= 20 || !shifted_.empty()
            ? std::string()
            : fmt::format("So few rounds learn coarsely: try a smaller eta (now {}), a "
                          "smaller max_depth (now {}) or a larger min_child_weight (now {}).",
                          Parameter("eta", Parameter("learning_rate", "0.3")),
                          Parameter("max_depth", "6"), Parameter("min_child_weight", "1")),
        "loss");
  }

  void Overfitting() {
    if (!course_ || !IsValidation() || course_->best == course_->last || course_->gain < 0) return;
    if (data_.cut()) return;  // what went wrong is not in the model
    const Course& c = *course_;
    const double lost = c.Better(c.best, c.last);
    const auto rounds = c.Round(c.last) + 1;
    const auto since = c.Round(c.last) - c.Round(c.best);
    const double scale = std::max(std::abs(c.At(c.best)), 1e-12);
    const bool matters = lost > 0.02 * c.gain || lost > 0.005 * scale;
    if (!matters || since < std::max<int64_t>(3, rounds / 20)) return;
    const MetricSeries* train = TrainingSeries(data_, *deciding_);
    const auto t = CourseOf(train, data_.delivered_round);
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
    if (!shifted_.empty()) {
      Add(Level::kNotice, "overfitting",
          fmt::format("Validation got worse from round {} on", c.Round(c.best)),
          fmt::format("{} was best at round {} ({:.5g}) and ended at {:.5g}{}.", deciding_->name,
                      c.Round(c.best), c.At(c.best), c.At(c.last), meanwhile),
          fmt::format("That may not be overfitting: see first to {}, whose validation values leave "
                      "the training range.",
                      List(shifted_)),
          "loss");
      return;
    }
    const std::string stopping = Parameter("early_stopping_rounds", "");
    Add(lost > 0.1 * c.gain || lost > 0.05 * scale ? Level::kProblem : Level::kWarning,
        "overfitting", fmt::format("Overfitting from round {} on", c.Round(c.best)),
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
                              std::clamp<int64_t>(rounds / 10, 5, 50), c.Round(c.best) + 1)
                : fmt::format("early_stopping_rounds={} was set, but the model holds every round; "
                              "num_round={} would end at the best one.",
                              stopping, c.Round(c.best) + 1),
            Parameter("eta", Parameter("learning_rate", "0.3")), Parameter("max_depth", "6"),
            Parameter("min_child_weight", "1")),
        "loss");
  }

  void MoreRounds() {
    if (!course_ || !IsValidation() || !data_.ended || context_.status == "Failed") return;
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
            "Raise num_round (now {}), for example to {}{}; or a larger eta (now {}) for the same "
            "number of rounds.",
            rounds, rounds * 3,
            EarlyStops() ? std::string()
                         : fmt::format(", with early_stopping_rounds={} so that it ends by itself",
                                       std::clamp<int64_t>(rounds / 10, 5, 50)),
            Parameter("eta", Parameter("learning_rate", "0.3"))),
        "loss");
  }

  void Plateau() {
    if (!course_ || !IsValidation() || improving_ || overfits_ || !data_.ended) return;
    const Course& c = *course_;
    if (c.gain <= 0 || c.now - c.first < 8) return;
    size_t flat = c.first;
    while (c.Better(c.best, flat) > 0.01 * c.gain) ++flat;
    const auto rounds = c.Round(c.now) + 1;
    if (c.Round(flat) * 2 > rounds) return;
    Add(Level::kNotice, "plateau", fmt::format("Nearly all was learned by round {}", c.Round(flat)),
        fmt::format("99 % of the improvement of {} came in the first {} of {} rounds.",
                    deciding_->name, c.Round(flat) + 1, rounds),
        EarlyStops()
            ? fmt::format("num_round={} would give nearly the same quality in less time, and a "
                          "model that predicts faster.",
                          c.Round(flat) + 1)
            : fmt::format("early_stopping_rounds={} would give the same quality in less time, and "
                          "a model that predicts faster.",
                          std::clamp<int64_t>(rounds / 10, 5, 50)),
        "loss");
  }

  void Gap() {
    if (!course_ || !IsValidation() || overfits_ || !shifted_.empty()) return;
    const MetricSeries* train = TrainingSeries(data_, *deciding_);
    const auto t = CourseOf(train, data_.delivered_round);
    if (!t || course_->gain <= 0) return;
    const double gap = course_->up ? t->At(t->now) - course_->At(course_->now)
                                   : course_->At(course_->now) - t->At(t->now);
    const double share = gap / std::max(t->Better(t->best, t->first), 1e-12);
    if (share < 0.3) return;
    Add(Level::kNotice, "gap", "Much better on the training rows than on the validation rows",
        fmt::format("{} is {:.5g}, {} is {:.5g}.", train->name, t->At(t->now), deciding_->name,
                    course_->At(course_->now)),
        fmt::format("If more rows can be had, they should help. A smaller max_depth (now {}), a "
                    "larger min_child_weight (now {}) or subsample below 1 narrow the gap; look at "
                    "the validation metric while you change them, it alone counts.",
                    Parameter("max_depth", "6"), Parameter("min_child_weight", "1")),
        "loss");
  }

  void NoValidation() {
    if (data_.steps.empty() || data_.validated) return;
    Add(Level::kWarning, "no-validation", "Nothing was held out",
        "The job had no validation channel: every figure is of the training rows, which the model "
        "has seen.",
        "Add a validation channel: without one, neither overfitting nor the quality on new data "
        "can "
        "be seen, and early stopping has nothing to look at.",
        "loss");
  }

  void Weights() {
    if (figures_.rows == 0) return;
    if (!(data_.validated ? data_.validation_weighted : data_.train_weighted)) return;
    Add(Level::kNotice, "weights", fmt::format("The {} have weights", Rows()),
        "The metrics by round weigh the rows, as training does. The figures below them count each "
        "row once, so that the same statistic may differ.",
        "", "loss");
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
                    ClassName(static_cast<size_t>(most - counts.begin())), always * 100);
    if (data_.task == Task::kBinary) {
      advice += fmt::format(
          "Judge by precision, recall and eval_metric=aucpr, and choose the threshold by your "
          "costs (slider below).{}",
          Weighted()
              ? std::string()
              : fmt::format(" If only the order of the scores matters, try "
                            "scale_pos_weight={:.3g}; it makes probabilities {}, so leave it "
                            "at 1 where they are used as probabilities.",
                            static_cast<double>(counts[0]) /
                                static_cast<double>(std::max<int64_t>(counts[1], 1)),
                            counts[1] < counts[0] ? "too high" : "too low"));
    } else if (data_.train_weighted) {
      advice += "Judge by macro F1 and the recall of each class.";
    } else {
      advice +=
          "Judge by macro F1 and the recall of each class. Give rare classes a larger instance "
          "weight (csv_weights=1 with a weight column), or collect more of their rows.";
    }
    // Weights may balance what rows do not.
    Add(ratio >= 20 && !data_.train_weighted ? Level::kWarning : Level::kNotice, "class-imbalance",
        fmt::format("Classes are unbalanced, {:.3g} to 1", ratio),
        fmt::format("Among {}{} class {} has {} rows, class {} has {}.{}",
                    labels.train_sampled ? "a sample of the " : "the ",
                    labels.train.empty() ? Rows() : "training rows",
                    ClassName(static_cast<size_t>(most - counts.begin())), *most, ClassName(rare),
                    least,
                    data_.train_weighted
                        ? " The rows have weights, which may balance them; here each counts once."
                        : ""),
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
    if (!data_.validated) return;  // a model may well know the rows it learned from
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
    if (figures_.curves.size() == 1 && !std::isnan(figures_.curves[0].auc) &&
        figures_.curves[0].points.size() == 1 && figures_.rows > 1) {
      Add(Level::kProblem, "same-answer", "The model gives every row the same prediction",
          fmt::format("The score is {:.5g} for each of the {} {}, so that it orders nothing.",
                      figures_.curves[0].points[0].threshold, figures_.rows, Rows()),
          "Check that the features are there; gamma, min_child_weight or max_depth may forbid "
          "every "
          "split.",
          "roc");
      return;
    }
    if (data_.task == Task::kBinary && figures_.curves.size() == 1 &&
        figures_.curves[0].positives > 0 && figures_.curves[0].negatives > 0) {
      const double auc = figures_.curves[0].auc;
      if (auc >= 0.6) return;
      Add(Level::kProblem, "weak", "Hardly better than guessing",
          fmt::format("The area under the ROC curve is {:.4f} on the {}; guessing has 0.5.", auc,
                      Rows()),
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
          fmt::format("R² is {:.4f} on the {}.", figures_.scorecard->r2, Rows()),
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
        weak.push_back(fmt::format("{} ({:.0f} %)", ClassName(static_cast<size_t>(c.id)),
                                   c.scores.recall * 100));
      }
    }
    if (weak.empty() || weak.size() == figures_.classification.classes.size()) return;
    if (weak.size() > 8) weak.resize(8);
    Add(Level::kNotice, "weak-classes", "Some classes are recognised less than half the time",
        fmt::format("Recall on the {}: {}.", Rows(), fmt::join(weak, ", ")),
        "See in the confusion matrix what they are taken for. More rows of these classes, a larger "
        "instance weight for them, or features that tell the two apart help.",
        "confusion");
  }

  void Shift() {
    const LabelDistribution& labels = figures_.labels;
    if (labels.train.empty() || !(labels.stability >= 0.1)) return;
    Add(labels.stability > 0.25 ? Level::kWarning : Level::kNotice, "label-shift",
        "Training and validation labels are distributed differently",
        fmt::format("Population stability index {:.3f} (above 0.25 is large).", labels.stability),
        "Split the data at random, stratified by label; unless the difference is meant, as in a "
        "split by time.",
        "labels");
  }

  void Calibrated() {
    if (!figures_.calibration || !data_.validated) return;
    if (figures_.rows < 200 || !(figures_.calibration->error >= 0.05)) return;
    Add(figures_.calibration->error > 0.1 ? Level::kWarning : Level::kNotice, "calibration",
        "Probabilities are off",
        fmt::format("On average they differ from what happened by {:.3f}.",
                    figures_.calibration->error),
        fmt::format("{}Where they are used as probabilities, fit a calibration (isotonic or Platt) "
                    "on held-out rows.",
                    WhyOff()),
        "calibration");
  }

  std::string ClassName(size_t id) const {
    return id < data_.class_names.size() ? fmt::format("'{}'", data_.class_names[id])
                                         : std::to_string(id);
  }

  bool Weighted() const {
    const std::string weight = Parameter("scale_pos_weight", "1");
    return weight != "1" && weight != "1.0";
  }

  // What the other findings say of the course decides: no advice goes against theirs.
  std::string WhyOff() const {
    if (Weighted()) {
      return "scale_pos_weight shifts probabilities; without it they are nearer. ";
    }
    if (!shifted_.empty()) {
      return fmt::format("The model has not seen rows like these: see first to {}. ",
                         List(shifted_));
    }
    if (overfits_) return "Overfitting makes a model too sure: see to it first. ";
    if (improving_) return "Training ended early: more rounds bring them nearer. ";
    return {};
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
    if (data_.validated && std::abs(s.bias) > 0.1 * s.label_std && s.label_std > 0) {
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
      // Columns of libsvm files often count from 1: there is no column 0 then.
      if (share >= 1 && f == 0 && data_.sparse && data_.features[f] == "f0") continue;
      if (share >= 1) {
        empty.push_back(data_.features[f]);
      } else if (!d.min.empty() && !d.max.empty() && d.min[f] == d.max[f] && share == 0) {
        constant.push_back(data_.features[f]);
      }
    }
    if (empty.empty() && constant.empty()) return;
    std::string detail;
    if (!constant.empty())
      detail += fmt::format("The same value in every row: {}. ", List(constant));
    if (!empty.empty()) detail += fmt::format("Missing in every row: {}.", List(empty));
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
      const int64_t rounds = c.Round(c.now) + 1;
      verdict_.summary = fmt::format("{} is {:.5g} after {} {}", deciding_->name, c.At(c.now),
                                     rounds, rounds == 1 ? "round" : "rounds");
      if (c.At(c.best) != c.At(c.now)) {
        verdict_.summary +=
            fmt::format("; it was best at round {} with {:.5g}.", c.Round(c.best), c.At(c.best));
      } else if (c.best == c.now) {
        verdict_.summary += ", its best value.";
      } else {
        verdict_.summary +=
            fmt::format(", its best value, which round {} had first.", c.Round(c.best));
      }
      if (data_.cut()) {
        verdict_.summary += fmt::format(
            " Training went on to round {}; early stopping left the later rounds out of the model.",
            data_.trained_rounds - 1);
      }
    } else if (deciding_) {
      verdict_.summary = fmt::format("{} was a number in no round.", deciding_->name);
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
  std::vector<std::string> shifted_;  // features of FeatureRange that the model uses
  Verdict verdict_;
};

}  // namespace

Verdict Judge(const TrainingData& data, const TrainingFigures& figures,
              const ReportContext& context) {
  return Judgement(data, figures, context).Run();
}

}  // namespace clary::debugger
