#include "clarify/internal/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "base/quote.h"
#include "clarify/bias.h"

namespace clary::clarify {
namespace {

using reports::Finding;
using reports::Json;
using reports::Level;

constexpr size_t kFewRows = 30;
constexpr double kFourFifths = 0.8;
constexpr double kGap = 0.05;
constexpr double kProxy = 0.8;
constexpr size_t kNamedFeatures = 5;

// A metric of one facet's group, with its interval.
struct Value {
  std::optional<double> value, low, high;
};

double NumberOf(const Json& j) {
  if (j.is_number()) return j.get<double>();
  if (j == "Infinity") return INFINITY;
  if (j == "-Infinity") return -INFINITY;
  return NAN;
}

std::string Percent(double share) { return fmt::format("{:.1f} %", share * 100); }

class Findings {
 public:
  explicit Findings(const AnalysisResults& results) : results_(results) {}

  reports::Verdict Verdict() {
    const Json& bias = results_.bias.extras;
    if (!bias.is_null()) {
      size_t i = 0;
      for (const Json& facet : bias["facets"]) OfFacet(facet, i++);
      Proxies();
    }
    OfExplanations();
    for (const std::string& warning : results_.warnings) {
      if (warning.find(" is taken as ") != std::string::npos) {
        Add(Level::kNotice, "type-guess", "A column's meaning was guessed", warning,
            "Write a range as \"(40, inf)\", or give several values, to say what is meant.",
            "settings");
      } else if (warning.find("No Label values") != std::string::npos) {
        Add(Level::kWarning, "no-positive", "The model predicts no positive outcome", warning,
            "Look at probability_threshold and label_values_or_threshold.", "groups");
      } else if (warning.find("nothing tells groups apart") != std::string::npos) {
        Add(Level::kWarning, "one-class", "The label has one class", warning,
            "Look at label_values_or_threshold.", "groups");
      }
    }
    std::ranges::stable_sort(findings_, std::greater<>(), &Finding::level);
    reports::Verdict out;
    for (const Finding& f : findings_) out.level = std::max(out.level, f.level);
    if (out.level == Level::kNotice) out.level = Level::kGood;
    out.headline = Headline(out.level);
    out.summary = Summary();
    out.findings = std::move(findings_);
    return out;
  }

 private:
  void Add(Level level, std::string id, std::string title, std::string detail, std::string advice,
           std::string section) {
    findings_.push_back({level, std::move(id), std::move(title), std::move(detail),
                         std::move(advice), std::move(section)});
  }

  // Metric `name` of the i-th facet group.
  Value Metric(const Json& facet, size_t i, std::string_view name) const {
    Value out;
    for (const Json* section : {&results_.bias.pre, &results_.bias.post}) {
      if (section->is_null()) continue;
      // Groups of a column stand in its list in their order.
      size_t at = 0;
      for (size_t before = 0; before < i; ++before) {
        if (results_.bias.extras["facets"][before]["facet"] == facet["facet"]) ++at;
      }
      for (const Json& m : (*section)["facets"][facet["facet"].get<std::string>()][at]["metrics"]) {
        if (m["name"] == name && !m["value"].is_null()) out.value = NumberOf(m["value"]);
      }
    }
    const Json& intervals = facet["intervals_95"];
    if (const auto found = intervals.find(std::string(name)); found != intervals.end()) {
      out.low = NumberOf((*found)[0]);
      out.high = NumberOf((*found)[1]);
    }
    return out;
  }

  static std::string Name(const Json& facet) {
    const std::string group = facet["value_or_threshold"].get<std::string>();
    return facet["facet"].get<std::string>() + (group.empty() ? "" : " " + Printable(group, 40));
  }

  static std::string Interval(const Value& v) {
    if (!v.low || !v.high) return "";
    return fmt::format(" (95 % of draws: {:.3f} to {:.3f})", *v.low, *v.high);
  }

  void OfFacet(const Json& facet, size_t i) {
    const std::string name = Name(facet);
    const Json& group = facet["groups"][0];
    const Json& rest = facet["groups"][1];
    const size_t rows = std::min(group["rows"].get<size_t>(), rest["rows"].get<size_t>());
    if (rows < kFewRows) {
      Add(Level::kWarning, "small-group", name + ": too few rows",
          fmt::format("One of the two sides has {} row{}.", rows, rows == 1 ? "" : "s"),
          "Collect more rows before concluding anything about this group.", "groups");
    }
    if (const size_t missing = facet["missing"]; missing > 0) {
      Add(Level::kNotice, "missing-facet", name + ": the facet is missing in some rows",
          fmt::format("{} rows count to everybody else.", missing),
          "Fill the values in, or leave these rows out.", "groups");
    }
    if (rows < kFewRows) return;
    const Value di = Metric(facet, i, "DI");
    if (di.value && (*di.value < kFourFifths || *di.value > 1 / kFourFifths) && di.low && di.high &&
        (*di.high < 1 || *di.low > 1)) {
      Add(Level::kProblem, "four-fifths",
          fmt::format("{}: {} positive outcomes than everybody else", name,
                      *di.value < 1 ? "far fewer" : "far more"),
          fmt::format("Its rate is {:.2f} of everybody else's{}: {} against {}.", *di.value,
                      Interval(di), Percent(group["predicted_rate"]),
                      Percent(rest["predicted_rate"])),
          "Move the threshold below, weigh or resample the training rows, or leave out what stands "
          "for the facet; then compare accuracy and recall of both sides.",
          "threshold");
    }
    const Value dpl = Metric(facet, i, "DPL");
    const Value dppl = Metric(facet, i, "DPPL");
    const auto beyond = [](const Value& v) {
      return v.value && v.low && v.high && (*v.low > 0 || *v.high < 0) && std::abs(*v.value) > kGap;
    };
    if (beyond(dpl)) {
      Add(Level::kWarning, "label-bias", name + ": the labels differ already",
          fmt::format("{} of the group and {} of everybody else have the positive label; DPL "
                      "{:.3f}{}.",
                      Percent(group["label_rate"]), Percent(rest["label_rate"]), *dpl.value,
                      Interval(dpl)),
          "Ask whether the labels are what happened or what somebody decided. A model learns "
          "either.",
          "metrics");
    }
    if (dpl.value && dppl.value && std::abs(*dppl.value) > std::abs(*dpl.value) && dppl.low &&
        (std::abs(*dpl.value) <
         std::abs(std::abs(*dppl.low) < std::abs(*dppl.high) ? *dppl.low : *dppl.high))) {
      Add(Level::kWarning, "amplified", name + ": the model widens the gap of the labels",
          fmt::format("DPL {:.3f} became DPPL {:.3f}{}.", *dpl.value, *dppl.value, Interval(dppl)),
          "Look at the features that make the difference, and at the threshold.", "shap");
    }
    for (const auto& [metric, what] :
         {std::pair{"RD", "recall"}, std::pair{"AD", "accuracy"}, std::pair{"SD", "specificity"}}) {
      const Value v = Metric(facet, i, metric);
      if (!beyond(v)) continue;
      Add(Level::kWarning, "gap", fmt::format("{}: {} differs", name, what),
          fmt::format("{} {:.3f}{}.", metric, *v.value, Interval(v)),
          "Compare both sides' errors below; more rows or features of the side that fares worse "
          "help most.",
          "groups");
    }
    OfCalibration(name, group, rest);
    OfLastRun(facet, i, name);
    for (const char* metric : {"KL", "TVD"}) {
      const Json& all = facet.contains("divergences_of_all_outcomes")
                            ? facet["divergences_of_all_outcomes"]
                            : Json();
      const Value v = Metric(facet, i, metric);
      if (!v.value || !all.is_object() || all[metric].is_null()) continue;
      if (std::abs(NumberOf(all[metric]) - *v.value) < 1e-9) continue;
      Add(Level::kNotice, "no-support", name + ": one side lacks an outcome",
          fmt::format("{} leaves that outcome out, as Clarify does: {:.3f}; with it, it is {}.",
                      metric, *v.value,
                      all[metric].is_number() ? fmt::format("{:.3f}", all[metric].get<double>())
                                              : std::string("infinite")),
          "", "metrics");
      break;
    }
  }

  // Scores that mean something else for the group than for everybody else.
  void OfCalibration(const std::string& name, const Json& group, const Json& rest) {
    if (!group.contains("calibration") || !rest.contains("calibration")) return;
    const double gap = group["calibration"].get<double>() - rest["calibration"].get<double>();
    const double half = std::hypot(group["calibration_half_95"].get<double>(),
                                   rest["calibration_half_95"].get<double>());
    if (std::abs(gap) < kGap || std::abs(gap) < half) return;
    Add(Level::kWarning, "calibration-gap", name + ": a score does not mean the same",
        fmt::format("Scores lie {:.3f} above the outcomes in the group and {:.3f} among everybody "
                    "else (95 % of the difference: {:.3f} to {:.3f}).",
                    group["calibration"].get<double>(), rest["calibration"].get<double>(),
                    gap - half, gap + half),
        "Calibrate the scores of each group by itself, or give the model the features that it "
        "lacks for this one, before the same threshold is used for both.",
        "groups");
  }

  // What an earlier run with this configuration found otherwise.
  void OfLastRun(const Json& facet, size_t i, const std::string& name) {
    if (results_.last.is_null()) return;
    std::string moved;
    for (const auto& [stage, metric] :
         {std::pair{"pre", "DPL"}, std::pair{"post", "DPPL"}, std::pair{"post", "DI"},
          std::pair{"post", "AD"}, std::pair{"post", "RD"}}) {
      const Value now = Metric(facet, i, metric);
      const double before = NumberOf(
          LastValue(results_.last, stage, facet["facet"], facet["value_or_threshold"], metric));
      if (!now.value || !now.low || !now.high || std::isnan(before)) continue;
      if (before >= *now.low && before <= *now.high) continue;
      moved += fmt::format("{}{} from {:.3f} to {:.3f}", moved.empty() ? "" : ", ", metric, before,
                           *now.value);
    }
    if (moved.empty()) return;
    Add(Level::kNotice, "changed", name + ": other than in the last run",
        "The run before with the same configuration lies outside of what chance explains: " +
            moved + ".",
        "Look at what changed: the data, or the model.", "metrics");
  }

  // Whether a feature says by itself who is in the facet.
  void Proxies() {
    const Dataset& d = results_.dataset;
    std::vector<size_t> seen;
    for (size_t f = 0; f < d.facets.size(); ++f) {
      if (std::ranges::find(seen, d.facets[f]) != seen.end()) continue;
      seen.push_back(d.facets[f]);
      const auto groups = GroupsOf(d.columns[d.facets[f]], results_.input.config.facets[f].values);
      if (!groups || groups->empty()) continue;
      double best = kProxy;
      size_t feature = SIZE_MAX;
      for (const size_t c : d.features) {
        if (c == d.facets[f]) continue;
        const double auc = Separation(d.columns[c], groups->front().member);
        if (auc <= best) continue;
        best = auc;
        feature = c;
      }
      if (feature == SIZE_MAX) continue;
      Add(Level::kWarning, "proxy",
          fmt::format("{} stands for {}", d.columns[feature].name, d.columns[d.facets[f]].name),
          fmt::format("It alone tells who is in the group with an AUC of {:.2f}.", best),
          "A model without the facet still knows it. Leave the feature out and compare.", "shap");
    }
  }

  // AUC of a column's values (of a text: of the group's share among its rows) for membership.
  static double Separation(const Column& column, const std::vector<bool>& member) {
    std::map<double, std::pair<double, double>> counts;  // [value] out, in
    std::map<std::string, std::pair<double, double>> texts;
    double in = 0;
    for (size_t r = 0; r < member.size(); ++r) {
      in += member[r] ? 1 : 0;
      if (column.type == Column::Type::kText) {
        auto& one = texts[column.Text(r)];
        (member[r] ? one.second : one.first) += 1;
      } else {
        auto& one = counts[std::isnan(column.numbers[r]) ? -INFINITY : column.numbers[r]];
        (member[r] ? one.second : one.first) += 1;
      }
    }
    const double out = static_cast<double>(member.size()) - in;
    if (in == 0 || out == 0) return 0;
    // Texts of one row each tell everything and mean nothing.
    if (texts.size() * 2 > member.size()) return 0;
    for (const auto& [text, n] : texts) {
      auto& one = counts[n.second / (n.first + n.second)];
      one.first += n.first;
      one.second += n.second;
    }
    double below = 0, area = 0;
    for (const auto& [value, n] : counts) {
      area += n.second * (below + n.first / 2);
      below += n.first;
    }
    area /= in * out;
    return std::max(area, 1 - area);
  }

  void OfExplanations() {
    if (!results_.shap) return;
    const ShapValues& values = results_.shap->values;
    if (values.sampled_rows > 0) {
      Add(Level::kNotice, "too-few-samples", "Some explanations are estimates",
          fmt::format("{} rows have more players than could be tried in all combinations.",
                      values.sampled_rows),
          "Raise num_samples, or explain fewer features.", "shap");
    }
    OfBaseline();
  }

  // A baseline beyond what the data has: the model is asked about rows that cannot be.
  void OfBaseline() {
    const FeatureSpace& space = results_.space;
    const std::vector<double>& baseline = results_.shap->baseline;
    const size_t width = space.size();
    std::string far;
    size_t count = 0;
    for (size_t f = 0; f < width; ++f) {
      double low = INFINITY, high = -INFINITY;
      std::set<double> texts;
      for (size_t r = f; r < results_.rows.size(); r += width) {
        if (std::isnan(results_.rows[r])) continue;
        low = std::min(low, results_.rows[r]);
        high = std::max(high, results_.rows[r]);
        if (space.is_text(f)) texts.insert(results_.rows[r]);
      }
      // A free text is replaced unit by unit, by what no row has.
      if (results_.shap->texts != nullptr && results_.shap->texts->IsFreeText(f)) continue;
      for (size_t b = f; b < baseline.size(); b += width) {
        const double v = baseline[b];
        const bool outside =
            !std::isnan(v) && (space.is_text(f) ? !texts.contains(v) : v < low || v > high);
        if (!outside) continue;
        if (++count <= kNamedFeatures) {
          far += fmt::format("{}{} = {}", far.empty() ? "" : ", ", Printable(space.name(f), 40),
                             Printable(space.Text(f, v), 40));
        }
        break;
      }
    }
    if (count == 0) return;
    Add(Level::kWarning, "baseline-far", "The baseline is not like the data",
        fmt::format("No row of the data goes so far in {} of {} features: {}{}.", count, width, far,
                    count > kNamedFeatures ? ", ..." : ""),
        "Explanations compare with the baseline: take a row that could occur, as medians and the "
        "most frequent values, or leave the baseline out.",
        "shap");
  }

  std::string Headline(Level level) const {
    if (results_.bias.extras.is_null()) return "What the model looks at";
    switch (level) {
      case Level::kProblem:
        return "Groups fare very differently";
      case Level::kWarning:
        return "Groups fare differently";
      default:
        return "No difference between the groups beyond chance";
    }
  }

  std::string Summary() const {
    std::string out = fmt::format("{} rows, {} features.", results_.dataset.rows,
                                  results_.dataset.features.size());
    const Json& bias = results_.bias.extras;
    if (!bias.is_null()) {
      const Json& label = bias["label"];
      out += fmt::format(" {} have the positive outcome of '{}'",
                         Percent(label["positive_rows"].get<double>() /
                                 std::max(1.0, label["rows"].get<double>())),
                         Printable(label["name"].get<std::string>(), 60));
      if (label.contains("predicted_positive_rows")) {
        out += fmt::format("; the model predicts it for {}",
                           Percent(label["predicted_positive_rows"].get<double>() /
                                   std::max(1.0, label["rows"].get<double>())));
      }
      out += ".";
    }
    if (results_.shap && !results_.shap->global.empty()) {
      const size_t outputs = results_.shap->values.explanations.outputs;
      size_t best = 0;
      std::vector<double> sums(results_.space.size());
      for (size_t i = 0; i < results_.shap->global.size(); ++i) {
        sums[i / outputs] += std::abs(results_.shap->global[i]);
        if (sums[i / outputs] > sums[best]) best = i / outputs;
      }
      out += fmt::format(" What moves its answers most is '{}'.",
                         Printable(results_.space.name(best), 60));
    }
    return out;
  }

  const AnalysisResults& results_;
  std::vector<Finding> findings_;
};

}  // namespace

reports::Verdict MakeVerdict(const AnalysisResults& results) { return Findings(results).Verdict(); }

}  // namespace clary::clarify
