#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "tuning/report.h"

namespace clary::tuning {
namespace {

using nlohmann::json;
using reports::Finding;
using reports::Level;
using reports::Verdict;

constexpr double kUnimportant = 0.02;  // of the variance, at the upper end of its interval
constexpr double kWorthwhile = 0.01;   // of the spread of the better half: a gain to speak of
constexpr size_t kStaleTrials = 10;    // and a third of all, without a better value
constexpr double kFlatPart = 0.4;      // of a logarithmic range
constexpr double kWiden = 3;           // a bound moves by this factor, or by half of the range

std::string Number(double v) { return fmt::format("{:.5g}", v); }

class Judge {
 public:
  Judge(const ReportInput& input, const TuningFigures& figures) : in_(input), figures_(figures) {}

  Verdict Run() {
    Counts();
    Failures();
    for (size_t d = 0; d < in_.definitions.size(); ++d) OfDefinition(d);
    std::ranges::stable_sort(verdict_.findings, std::greater<>(), &Finding::level);
    for (const Finding& f : verdict_.findings) {
      if (f.level >= Level::kWarning) verdict_.level = std::max(verdict_.level, f.level);
    }
    Headline();
    return std::move(verdict_);
  }

 private:
  void Add(Level level, std::string id, std::string title, std::string detail, std::string advice,
           std::string section) {
    verdict_.findings.push_back({.level = level,
                                 .id = std::move(id),
                                 .title = std::move(title),
                                 .detail = std::move(detail),
                                 .advice = std::move(advice),
                                 .section = std::move(section)});
  }

  void Counts() {
    for (const ReportTrial& t : in_.trials) ++statuses_[t.status];
  }

  void Failures() {
    if (in_.status == "Failed") {
      Add(Level::kProblem, "job-failed", "The tuning job failed",
          in_.failure_reason.empty() ? "No reason was given." : in_.failure_reason,
          "The table of trials has the reason of each.", "trials");
    }
    const size_t failed = Of("Failed");
    if (failed == 0 || in_.status == "Failed") return;
    std::map<std::string, size_t> reasons;
    for (const ReportTrial& t : in_.trials) {
      if (t.status == "Failed") ++reasons[t.failure_reason];
    }
    const auto most = std::ranges::max_element(reasons, {}, [](const auto& r) { return r.second; });
    Add(4 * failed >= in_.trials.size() ? Level::kWarning : Level::kNotice, "failed-trials",
        fmt::format("{} of {} trials failed", failed, in_.trials.size()),
        fmt::format("{} of them with: {}", most->second, most->first),
        "Failed trials say nothing about their values to the search: keep it away from what "
        "cannot train.",
        "trials");
  }

  size_t Of(const std::string& status) const {
    const auto found = statuses_.find(status);
    return found == statuses_.end() ? 0 : found->second;
  }

  // "eta of linear: " for one definition of several, else empty.
  std::string Prefix(size_t d) const {
    return in_.definitions.size() > 1 ? in_.definitions[d].name + ": " : "";
  }

  void OfDefinition(size_t d) {
    const ReportDefinition& definition = in_.definitions[d];
    const DefinitionFigures& f = figures_.definitions[d];
    if (!f.best) {
      if (in_.ended && in_.status != "Failed") {
        Add(Level::kProblem, "no-value", Prefix(d) + "No trial has a value of the objective",
            "Nothing was measured that could be compared.",
            "See in a trial's log whether " + definition.metric + " is printed.", "trials");
      }
      return;
    }
    if (f.measured.size() < kTrialsForImportance) {
      Add(Level::kNotice, "few-trials",
          fmt::format("{}{} trials are too few to tell which parameters matter", Prefix(d),
                      f.measured.size()),
          fmt::format("Importance is computed from {} trials with a value on.",
                      kTrialsForImportance),
          in_.ended ? "Go on from here with more trials." : "", "importance");
    }
    Edges(d);
    Gains(d);
    Equal(d);
    Unimportant(d);
    Flat(d);
    Stale(d);
  }

  void Edges(size_t d) {
    const ReportDefinition& definition = in_.definitions[d];
    const ReportTrial& best = in_.trials[*figures_.definitions[d].best];
    for (size_t j = 0; j < definition.parameters.size(); ++j) {
      const int edge = AtEdge(definition, j, best.config);
      if (edge == 0) continue;
      const Parameter& p = definition.parameters[j];
      Add(Level::kNotice, "at-edge",
          fmt::format("{}The best {} is at the {} end of its range", Prefix(d), p.name,
                      edge < 0 ? "lower" : "upper"),
          fmt::format("{} = {} in a range from {} to {}.", p.name, best.tuned.at(p.name),
                      Number(p.min), Number(p.max)),
          fmt::format("Widen the range {}: what lies beyond was not tried.",
                      edge < 0 ? "downwards" : "upwards"),
          "parameters");
    }
  }

  // What more trials are expected to bring, in parts of the spread of the better half.
  double Spread(size_t d) const {
    std::vector<double> values;
    for (const size_t i : figures_.definitions[d].measured) values.push_back(*in_.trials[i].value);
    if (!in_.definitions[d].maximise) {
      for (double& v : values) v = -v;
    }
    std::ranges::sort(values, std::greater<>());
    return values.front() - values[values.size() / 2];
  }

  void Gains(size_t d) {
    const DefinitionFigures& f = figures_.definitions[d];
    if (f.marginals.empty() || f.measured.size() < kTrialsForImportance || !in_.ended) return;
    const double spread = Spread(d);
    if (!(spread > 0)) return;
    const bool worth = f.gain.mean > kWorthwhile * spread;
    Add(Level::kNotice, worth ? "more-trials" : "exhausted",
        worth ? fmt::format("{}{} more trials may bring about {}", Prefix(d), kMoreTrials,
                            Number(f.gain.mean))
              : Prefix(d) + "More trials in these ranges would bring little",
        fmt::format("The expected gain of {} more trials is {} ({} to {}), while the better half "
                    "of the trials so far is spread over {}.",
                    kMoreTrials, Number(f.gain.mean), Number(f.gain.low), Number(f.gain.high),
                    Number(spread)),
        worth ? "The request below goes on from this job."
              : "Change what is tuned, the data or the features instead.",
        "next");
  }

  void Equal(size_t d) {
    const DefinitionFigures& f = figures_.definitions[d];
    if (f.equal.size() < 2 || f.measured.size() < kTrialsForImportance) return;
    const ReportTrial& best = in_.trials[*f.best];
    std::string advice = "Choose among them by what else counts: size, speed, or fewer rounds.";
    if (f.smallest && *f.smallest != *f.best && best.model_bytes) {
      advice = fmt::format("{} has the smallest model of them: {} instead of {} bytes.",
                           in_.trials[*f.smallest].name, *in_.trials[*f.smallest].model_bytes,
                           *best.model_bytes);
    }
    Add(Level::kNotice, "equal-to-best",
        fmt::format("{}{} trials may be as good as the best one", Prefix(d), f.equal.size()),
        f.equal_by_folds ? "By the paired differences of their folds, at 5 % on one side."
                         : "By the surrogate model's posterior difference, at 5 % on one side.",
        advice, "best");
  }

  void Unimportant(size_t d) {
    const DefinitionFigures& f = figures_.definitions[d];
    if (f.local.empty()) return;
    std::vector<std::string> names;
    for (size_t j = 0; j < f.local.size(); ++j) {
      double pairs = 0;  // of its strongest interaction
      for (const auto& pair : f.global.pairs) {
        if (pair.a == j || pair.b == j) pairs = std::max(pairs, pair.share.high);
      }
      if (f.global.single[j].high < kUnimportant && pairs < 2 * kUnimportant) {
        names.push_back(in_.definitions[d].parameters[j].name);
      }
    }
    if (names.empty() || names.size() == f.local.size()) return;
    Add(Level::kNotice, "unimportant",
        Prefix(d) + "Of no consequence: " + fmt::format("{}", fmt::join(names, ", ")),
        fmt::format("Less than {:.0f} % of the variance is theirs, alone or with another.",
                    200 * kUnimportant),
        "Leave them at the best trial's values: fewer dimensions are searched better.",
        "importance");
  }

  // A logarithmic range whose lower part makes no difference.
  void Flat(size_t d) {
    const DefinitionFigures& f = figures_.definitions[d];
    if (f.measured.size() < kTrialsForImportance) return;
    for (size_t j = 0; j < f.marginals.size(); ++j) {
      const Parameter& p = in_.definitions[d].parameters[j];
      const Landscape::Marginal& m = f.marginals[j];
      if (p.scale != Scale::kLog || p.max < 100 * p.min || m.at.size() < 10) continue;
      const auto part = static_cast<size_t>(kFlatPart * static_cast<double>(m.at.size()));
      const auto [low, high] =
          std::minmax_element(m.mean.begin(), m.mean.begin() + static_cast<std::ptrdiff_t>(part));
      const auto [least, most] = std::minmax_element(m.mean.begin(), m.mean.end());
      const double all = *most - *least;
      if (!(all > 0) || *high - *low > 0.05 * all || all < 0.2 * Spread(d)) continue;
      Add(Level::kNotice, "flat-range",
          fmt::format("{}{} makes no difference below {}", Prefix(d), p.name, Number(m.at[part])),
          fmt::format("{:.0f} % of its logarithmic range act alike.", 100 * kFlatPart),
          "Begin the range there: the search then spends its trials where they tell something.",
          "parameters");
    }
  }

  void Stale(size_t d) {
    const DefinitionFigures& f = figures_.definitions[d];
    const size_t n = f.measured.size();
    size_t place = 0;
    for (size_t i = 0; i < n; ++i) {
      if (f.measured[i] == *f.best) place = i;
    }
    const size_t since = n - 1 - place;
    if (since < std::max(kStaleTrials, n / 3)) return;
    Add(Level::kNotice, "no-better-since",
        fmt::format("{}The best trial was found {} trials before the last one", Prefix(d), since),
        "None since was better.",
        "A completion criterion would have ended the job earlier: BestObjectiveNotImproving or "
        "ConvergenceDetected.",
        "progress");
  }

  void Headline() {
    const size_t ended = in_.trials.size() - Of("InProgress") - Of("Stopping");
    if (!figures_.best) {
      verdict_.headline =
          in_.ended ? "No trial has a value" : "No trial has ended with a value yet";
      verdict_.summary = fmt::format("{} of {} trials have ended.", ended, in_.most);
      return;
    }
    const ReportTrial& best = in_.trials[*figures_.best];
    const ReportDefinition& definition = in_.definitions[best.definition];
    verdict_.headline = fmt::format("{} {} in trial {}", definition.metric, Number(*best.value),
                                    *figures_.best + 1);
    verdict_.summary = fmt::format(
        "The {} of {} trials with a value{}.", definition.maximise ? "largest" : "smallest",
        figures_.definitions[best.definition].measured.size(),
        in_.ended ? "" : fmt::format("; {} of {} have ended", ended, in_.most));
    const auto& standard = figures_.definitions[best.definition].standard;
    if (standard && *standard != *figures_.best) {
      const double gain = std::abs(*best.value - *in_.trials[*standard].value);
      verdict_.summary += fmt::format(" The algorithm's defaults had {}: a gain of {}.",
                                      Number(*in_.trials[*standard].value), Number(gain));
    } else if (standard && ended > 1) {
      verdict_.summary += " It is the one with the algorithm's defaults.";
    }
  }

  const ReportInput& in_;
  const TuningFigures& figures_;
  std::map<std::string, size_t> statuses_;
  Verdict verdict_;
};

// The ranges of the request with the bounds moved at which the best trial lies.
void MoveBounds(const ReportDefinition& definition, const ReportTrial& best, json& ranges) {
  for (size_t j = 0; j < definition.parameters.size(); ++j) {
    const Parameter& p = definition.parameters[j];
    const int edge = AtEdge(definition, j, best.config);
    if (edge == 0) continue;
    const bool integer = p.type == Parameter::Type::kInteger;
    const char* list = integer ? "IntegerParameterRanges" : "ContinuousParameterRanges";
    if (!ranges.contains(list)) continue;
    for (json& range : ranges[list]) {
      if (range.value("Name", "") != p.name) continue;
      const bool log = p.scale == Scale::kLog;
      if (p.scale == Scale::kReverseLog) continue;
      double bound = edge < 0 ? (log ? p.min / kWiden : p.min - (p.max - p.min) / 2)
                              : (log ? p.max * kWiden : p.max + (p.max - p.min) / 2);
      if (edge < 0 && p.min > 0) bound = std::max(bound, log ? 1e-9 : 0.0);
      if (integer) bound = std::round(edge < 0 ? std::max(bound, std::min(1.0, p.min)) : bound);
      if (definition.fractions && p.name == "eta") bound = std::min(bound, 1.0);
      range[edge < 0 ? "MinValue" : "MaxValue"] =
          integer ? std::to_string(static_cast<int64_t>(bound)) : fmt::format("{:.6g}", bound);
    }
  }
}

}  // namespace

Verdict JudgeTuning(const ReportInput& input, const TuningFigures& figures) {
  return Judge(input, figures).Run();
}

std::string NextRequest(const ReportInput& input, const TuningFigures& figures) {
  if (input.definitions.size() != 1 || !figures.best || !input.ended) return "";
  json request = json::parse(input.request, nullptr, false);
  if (!request.is_object() || !request.contains("HyperParameterTuningJobConfig")) return "";
  // Names have 32 characters at most.
  const std::string base = input.job.substr(0, 29);
  request["HyperParameterTuningJobName"] = base + (base.ends_with('-') ? "x2" : "-2");
  request["WarmStartConfig"] = {
      {"ParentHyperParameterTuningJobs", {{{"HyperParameterTuningJobName", input.job}}}},
      {"WarmStartType", "IdenticalDataAndAlgorithm"}};
  json& config = request["HyperParameterTuningJobConfig"];
  if (input.strategy == "Grid") return "";
  config["ResourceLimits"]["MaxNumberOfTrainingJobs"] = kMoreTrials;
  config["ResourceLimits"]["MaxParallelTrainingJobs"] = std::min(input.parallel, kMoreTrials);
  MoveBounds(input.definitions[0], input.trials[*figures.best], config["ParameterRanges"]);
  request.erase("Autotune");
  return request.dump(2, ' ', false, json::error_handler_t::replace);
}

}  // namespace clary::tuning
