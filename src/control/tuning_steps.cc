// The steps of tuning jobs. A suggestion is a pure function of the trials' records
// (tuning/strategy.h), so a restart goes on where it was.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "api/rule_spec.h"
#include "base/float_text.h"
#include "base/hash.h"
#include "base/strings.h"
#include "control/internal/metrics.h"
#include "control/internal/programs.h"
#include "control/internal/steps.h"
#include "control/internal/training_job.h"
#include "control/internal/tuning_host.h"
#include "control/internal/tuning_job.h"
#include "control/internal/tuning_request.h"
#include "tuning/folds.h"
#include "tuning/stopping.h"
#include "tuning/strategy.h"

namespace clary::control {
namespace tuning_job {
namespace {

using nlohmann::json;

constexpr size_t kDoomed = 5;             // trials without one success, after which it fails
constexpr int64_t kLookMs = 50;           // between looks at the curves of running trials
constexpr size_t kMedianPeers = 5;        // ended trials that the median rule needs
constexpr size_t kMedianGrace = 3;        // reports before it
constexpr size_t kConvergenceLeast = 10;  // ended trials
constexpr double kRaceConfidence = 0.99;  // that a trial is not the best, to end it between folds
constexpr size_t kTransferred = 3;        // best trials of each parent that are tried first

// What a process knows of a running tuning job beside its record.
struct Known {
  struct Trial {
    tuning::Trial seen;
    size_t judged = 0;            // reports of its curve that were looked at
    std::vector<double> at_rung;  // of Hyperband: what it reported at each rung that it has reached
    bool in_median = false;
    bool ended = false;
    // Of cross validation, minimised: the folds that it has finished, up to the one after which it
    // was given up.
    std::vector<double> folds;
  };
  int64_t created_ms = 0;  // of the record: a later one may have the same name
  json request;
  std::vector<TrialDefinition> definitions;
  std::vector<std::unique_ptr<tuning::Strategy>> strategies;  // by definition
  std::vector<std::vector<tuning::Trial>> parents;            // by definition
  // By definition: the place of num_round, if trials pass what shorter ones would have.
  std::vector<std::optional<size_t>> rounds;
  std::vector<size_t> folds;                       // by definition: of cross validation, or 0
  std::vector<Trial> trials;                       // by number - 1
  std::vector<std::string> names;                  // of the trials, and the next ones
  std::vector<tuning::SuccessiveHalving> halving;  // by definition
  std::vector<tuning::MedianRule> median;          // by definition
  std::vector<size_t> lengths;                     // of completed trials' curves
  bool looked = false;                             // all curves were looked at once since the start
  int64_t next_look_ms = 0;
  uint64_t stamp = 0;
  bool exhausted = false;  // a space has no other configuration
  size_t most = 0, parallel = 0;
  bool hosts = false;  // its trials share a process
  bool seeded = false, maximise = false, hyperband = false, stops_early = false;
};

uint64_t SeedOf(const Record& record, const json& request) {
  const json& config = ConfigOf(request);
  if (const auto seed = config.find("RandomSeed"); seed != config.end()) {
    return seed->get<uint64_t>();
  }
  uint64_t seed = 0;
  for (const char c : Hash(HashKind::kXxh64, TrialName(record, 0))) {
    seed = seed << 8 | static_cast<unsigned char>(c);
  }
  return seed;
}

// What each parent of a warm start has found.
std::vector<std::vector<tuning::Trial>> ParentTrials(const Context& context, const json& request,
                                                     const TrialDefinition& definition) {
  std::vector<std::vector<tuning::Trial>> out;
  const auto warm = request.find("WarmStartConfig");
  if (warm == request.end()) return out;
  for (const json& parent : warm->at("ParentHyperParameterTuningJobs")) {
    const SnapshotPtr found = context.records.Find(
        kTuningJob, ToLower(parent.value("HyperParameterTuningJobName", std::string())));
    if (!found) continue;
    auto& theirs = out.emplace_back();
    for (const SnapshotPtr& one : Trials(context, found->record)) {
      const auto value = ObjectiveValue(one->record);
      const auto config = ReadConfig(definition, one->record.Request().at("HyperParameters"));
      if (!value || !config || Failed(one->record)) continue;
      theirs.push_back({.config = *config, .value = definition.maximise ? -*value : *value});
    }
  }
  return out;
}

Result<std::unique_ptr<tuning::Strategy>> MakeStrategy(
    const Known& known, size_t i, uint64_t seed, std::vector<tuning::Suggestion> start,
    std::vector<std::vector<tuning::Trial>> other) {
  const TrialDefinition& definition = known.definitions[i];
  const std::string name = ConfigOf(known.request).at("Strategy");
  if (name == "Grid") return tuning::MakeGrid(definition.space, seed);
  // Hyperband's configurations come from a model of what was reported at one rung (Falkner 2018).
  if (name == "Random") return tuning::MakeRandom(definition.space, seed);
  return tuning::MakeBayesian(
      definition.space, {.seed = seed,
                         .start = std::move(start),
                         .budget = known.most / known.definitions.size() + known.parents[i].size(),
                         .parents = std::move(other)});
}

// The place of num_round in the space if a trial of r rounds shows after each round what a trial of
// as many would have: the built-in algorithm, one model a trial.
std::optional<size_t> RoundsPassed(const json& request, size_t i,
                                   const TrialDefinition& definition) {
  const json trial = TrialRequest(request, i, "trial", {});
  const auto choice = ChooseProgram(trial);
  const json& fixed = trial.at("HyperParameters");
  if (!choice || choice->program != "xgboost" || fixed.contains("_kfold") ||
      fixed.contains("early_stopping_rounds")) {
    return std::nullopt;
  }
  const auto& all = definition.space.parameters();
  const auto found = std::ranges::find(all, "num_round", &tuning::Parameter::name);
  if (found == all.end() || found->type != tuning::Parameter::Type::kInteger) return std::nullopt;
  return static_cast<size_t>(found - all.begin());
}

// How many folds a trial's value is the mean of; 0: it is none of the built-in algorithm's means.
size_t FoldsOf(const json& request, size_t i) {
  const json trial = TrialRequest(request, i, "trial", {});
  const auto choice = ChooseProgram(trial);
  const json& fixed = trial.at("HyperParameters");
  const auto folds = fixed.find("_kfold");
  if (!choice || choice->program != "xgboost" || folds == fixed.end()) return 0;
  return ParseUint(folds->get<std::string>()).value_or(0);
}

Status Learn(const Context& context, const Record& record, Known& known) {
  known = Known();
  known.created_ms = record.created_ms;
  known.request = record.Request();
  const json& config = ConfigOf(known.request);
  const json& limits = config.at("ResourceLimits");
  known.most = limits.at("MaxNumberOfTrainingJobs").get<size_t>();
  known.parallel = limits.at("MaxParallelTrainingJobs").get<size_t>();
  known.seeded = config.contains("RandomSeed");
  known.maximise = Maximises(known.request);
  known.hyperband = IsHyperband(known.request);
  known.hosts = context.options.host_trials && MayShareHost(known.request);
  known.stops_early = config.at("TrainingJobEarlyStoppingType") == "Auto";
  known.definitions = Definitions(known.request);
  const uint64_t seed = SeedOf(record, known.request);
  const auto warm = known.request.find("WarmStartConfig");
  const bool transfer =
      warm != known.request.end() && warm->at("WarmStartType") == "TransferLearning";
  for (size_t i = 0; i < known.definitions.size(); ++i) {
    const TrialDefinition& definition = known.definitions[i];
    auto start = FirstConfigs(known.request, i, definition);
    auto parents = ParentTrials(context, known.request, definition);
    auto& same = known.parents.emplace_back();
    if (transfer) {
      // Other data, where values are others: what was good there is tried here, after the defaults.
      if (start.size() > 1) start.resize(1);
      for (const std::vector<tuning::Trial>& theirs : parents) {
        std::vector<const tuning::Trial*> best;
        for (const tuning::Trial& t : theirs) best.push_back(&t);
        std::ranges::stable_sort(best, {}, [](const tuning::Trial* t) { return *t->value; });
        if (best.size() > kTransferred) best.resize(kTransferred);
        for (const tuning::Trial* t : best) start.push_back({t->config, "parent"});
      }
    } else {
      for (const auto& theirs : std::exchange(parents, {})) {
        same.insert(same.end(), theirs.begin(), theirs.end());
      }
    }
    CLARY_TRY(auto strategy,
              MakeStrategy(known, i, seed + i, std::move(start), std::move(parents)));
    known.strategies.push_back(std::move(strategy));
    if (known.hyperband) {
      known.halving.emplace_back(definition.first_reports, definition.reports);
    }
    known.median.emplace_back();
    known.folds.push_back(known.hyperband ? 0 : FoldsOf(known.request, i));
    known.rounds.push_back(ConfigOf(known.request).at("Strategy") == "Bayesian"
                               ? RoundsPassed(known.request, i, definition)
                               : std::nullopt);
  }
  return {};
}

// The values that a trial has reported, minimised.
Result<std::vector<double>> Curve(const Context& context, const Known& known, const Record& trial,
                                  size_t definition) {
  const auto metrics = TrialMetrics(known.request, definition);
  const auto objective = std::ranges::find(metrics, known.definitions[definition].metric,
                                           &api::MetricDefinition::name);
  std::vector<double> curve;
  if (objective == metrics.end() || trial.launches.empty()) return curve;
  CLARY_TRY(const auto series,
            ScanMetrics(context.env.logs, trial.launches.front().log_streams, {*objective}));
  for (const MetricSeries& s : series) {
    for (const MetricPoint& p : s.points) {
      // What an earlier start has reported is in the same log.
      if (trial.started_ms == 0 || ToMillis(p.time) < trial.started_ms) continue;
      curve.push_back(known.maximise ? -p.value : p.value);
    }
  }
  return curve;
}

// The best value that an ended trial had before its last round.
Result<std::optional<tuning::Trial::Passed>> PassedBy(const Context& context, const Known& known,
                                                      const Record& job, size_t definition,
                                                      const tuning::Config& config) {
  const size_t place = *known.rounds[definition];
  CLARY_TRY(const std::vector<double> curve, Curve(context, known, job, definition));
  const auto fewest =
      static_cast<size_t>(known.definitions[definition].space.parameters()[place].min);
  if (curve.size() <= std::max<size_t>(fewest, 1)) return std::nullopt;
  const auto begin = curve.begin() + static_cast<ptrdiff_t>(std::max<size_t>(fewest, 1) - 1);
  const auto best = std::min_element(begin, curve.end() - 1);
  if (best == curve.end() - 1 || *best >= curve.back()) return std::nullopt;
  tuning::Trial::Passed passed{.config = config, .value = *best};
  passed.config[place] = static_cast<double>(best - curve.begin() + 1);
  return passed;
}

// The folds that a trial has finished, minimised.
Result<std::vector<double>> Folds(const Context& context, const Known& known, const Record& trial,
                                  size_t definition) {
  const auto metrics = TrialMetrics(known.request, definition);
  const auto objective = std::ranges::find(metrics, known.definitions[definition].metric,
                                           &api::MetricDefinition::name);
  if (objective == metrics.end() || trial.launches.empty()) return std::vector<double>();
  CLARY_TRY(std::vector<double> folds,
            FoldValues(context.env.logs, trial.launches.front().log_streams, *objective));
  if (known.maximise) {
    for (double& v : folds) v = -v;
  }
  return folds;
}

// Trials of cross validation race: after how many folds one is given up, since it is worse than the
// best on the same folds; 0: it is not. It runs against those alone whose results must be there
// when it starts, so that the same trials give the same race.
size_t OutAfter(const Known& known, size_t number, size_t definition,
                std::span<const double> folds) {
  const Known::Trial* best = nullptr;
  size_t most = 0;
  for (size_t n = 1; n + known.parallel <= number; ++n) {
    const Known::Trial& trial = known.trials[n - 1];
    if (DefinitionOf(known.request, n) != definition || !trial.ended || !trial.seen.value) continue;
    if (trial.folds.size() < most) continue;  // it was given up itself
    if (trial.folds.size() > most || *trial.seen.value < *best->seen.value) best = &trial;
    most = trial.folds.size();
  }
  for (size_t n = 2; n <= folds.size() && n < most; ++n) {
    if (!tuning::FoldsMayEqual(folds.first(n), std::span(best->folds).first(n),
                               known.folds[definition], kRaceConfidence)) {
      return n;
    }
  }
  return 0;
}

// What an ended trial of cross validation has shown.
Status TakeFolds(const Context& context, const Known& known, const Record& job, size_t number,
                 size_t definition, Known::Trial& trial) {
  CLARY_TRY(trial.folds, Folds(context, known, job, definition));
  if (job.status == "Completed") return {};
  if (const size_t out = OutAfter(known, number, definition, trial.folds);
      known.stops_early && out > 0) {
    trial.folds.resize(out);
  }
  // Its last line is one of a fold.
  trial.seen.failed = trial.seen.failed || trial.folds.empty();
  trial.seen.value.reset();
  if (trial.seen.failed) return {};
  double mean = 0;
  for (const double v : trial.folds) mean += v / static_cast<double>(trial.folds.size());
  trial.seen.value = mean;
  return {};
}

// Takes what is new in the trials' records.
Status Refresh(const Context& context, const std::vector<SnapshotPtr>& trials, Known& known) {
  for (size_t n = known.trials.size(); n < trials.size(); ++n) {
    const size_t definition = DefinitionOf(known.request, n + 1);
    const json request = trials[n]->record.Request();
    auto config = ReadConfig(known.definitions[definition], request.at("HyperParameters"));
    Known::Trial& trial = known.trials.emplace_back();
    trial.seen.config = config ? *std::move(config)
                               : known.definitions[definition].space.Decode(std::vector<double>(
                                     known.definitions[definition].space.size(), 0.5));
  }
  for (size_t n = 0; n < trials.size(); ++n) {
    Known::Trial& trial = known.trials[n];
    const Record& job = trials[n]->record;
    if (trial.ended || !job.terminal()) continue;
    const auto value = ObjectiveValue(job);
    const bool failed = Failed(job) || !value;
    const size_t d = DefinitionOf(known.request, n + 1);
    if (known.rounds[d] && !failed) {
      CLARY_TRY(trial.seen.passed, PassedBy(context, known, job, d, trial.seen.config));
    }
    trial.ended = true;
    trial.seen.failed = failed;
    if (value) trial.seen.value = known.maximise ? -*value : *value;
    if (known.folds[d] > 0) CLARY_CHECK_OK(TakeFolds(context, known, job, n + 1, d, trial));
  }
  return {};
}

// `why` is what the trial's history says of it.
Status StopTrial(Context& context, const Record& trial, const std::string& why) {
  if (trial.status != "InProgress" || trial.stop_requested_ms > 0) return {};
  return Write(context, kTrainingJob, {{"TrainingJobName", trial.name}},
               [&](Record& now) -> Status {
                 if (now.status == "InProgress" && now.stop_requested_ms == 0) {
                   now.stop_requested_ms = context.Now();
                   now.Edit<TrainingFacts>().stop_message = why;
                 }
                 return {};
               });
}

// Looks at the curves of trials that run or have just ended, and gives up those that promise
// nothing.
Status WatchCurves(Context& context, const std::vector<SnapshotPtr>& trials, Known& known) {
  const bool first = !known.looked;
  for (size_t n = 0; n < trials.size(); ++n) {
    Known::Trial& trial = known.trials[n];
    if (trial.in_median) continue;
    const Record& job = trials[n]->record;
    const size_t d = DefinitionOf(known.request, n + 1);
    if (known.folds[d] > 0) {
      trial.in_median = job.terminal();  // nothing to be looked at any more
      if (job.terminal()) continue;
      CLARY_TRY(const std::vector<double> folds, Folds(context, known, job, d));
      if (folds.size() == trial.judged) continue;
      trial.judged = folds.size();
      if (const size_t out = OutAfter(known, n + 1, d, folds); out > 0) {
        CLARY_CHECK_OK(StopTrial(context, job,
                                 "Training job stopped after " + std::to_string(out) +
                                     " folds of cross validation: " +
                                     "on the same folds the best training job is better (corrected "
                                     "paired t-test, 1 %)"));
      }
      continue;
    }
    CLARY_TRY(const std::vector<double> curve, Curve(context, known, job, d));
    bool stop = false;
    std::string why;
    const auto value = [&](size_t reports) {
      const double minimised = curve[reports - 1];
      std::string text = known.definitions[d].metric + " ";
      AppendFloat(text, known.maximise ? -minimised : minimised);
      return text + " after " + std::to_string(reports) + " reports";
    };
    if (known.hyperband) {
      tuning::SuccessiveHalving& halving = known.halving[d];
      for (size_t e = trial.judged + 1; e <= curve.size(); ++e) {
        if (std::ranges::binary_search(halving.rungs(), e)) trial.at_rung.push_back(curve[e - 1]);
        if (halving.Report(e, curve[e - 1])) continue;
        if (!stop) {
          why = e >= known.definitions[d].reports
                    ? "Training job stopped by Hyperband: it has had MaxResource, " +
                          std::to_string(e) + " reports"
                    : "Training job stopped by Hyperband: " + value(e) +
                          " is not among the best third of those that reported as often";
        }
        stop = true;
      }
      // What was decided before a restart stays decided.
      stop = stop && (!first || curve.size() >= known.definitions[d].reports);
    } else if (curve.size() > trial.judged && n >= known.parallel && !job.terminal() &&
               known.lengths.size() >= kMedianPeers) {
      std::vector<size_t> lengths = known.lengths;
      std::ranges::sort(lengths);
      const size_t grace = std::max(kMedianGrace, lengths[lengths.size() / 2] / 10);
      stop = curve.size() >= grace && known.median[d].ShouldStop(curve);
      why = "Training job stopped by the median rule: with " + value(curve.size()) +
            " its best is worse than the median of what earlier training jobs had by then";
    }
    trial.judged = curve.size();
    if (job.terminal()) {
      trial.in_median = true;
      if (!known.hyperband && !curve.empty() && !Failed(job)) {
        known.median[d].Ended(curve);
        known.lengths.push_back(curve.size());
      }
    } else if (stop) {
      CLARY_CHECK_OK(StopTrial(context, job, why));
    }
  }
  known.looked = true;
  return {};
}

// Why no trial is to start any more; empty: go on.
struct End {
  std::string status;
  std::string reason;  // of a failure
};

End HowItFailed(const std::vector<SnapshotPtr>& trials) {
  std::map<std::string, int> reasons;
  for (const SnapshotPtr& one : trials) {
    if (!one->record.failure_reason.empty()) ++reasons[one->record.failure_reason];
  }
  if (reasons.empty()) {
    return {.status = "Failed",
            .reason = "No objective metrics found after running " + std::to_string(trials.size()) +
                      " training jobs. Please ensure that the custom algorithm is emitting the "
                      "objective metric as defined by the regular expression provided."};
  }
  const auto most =
      std::ranges::max_element(reasons, {}, [](const auto& reason) { return reason.second; });
  return {.status = "Failed",
          .reason = "No training job succeeded after " +
                    std::to_string(std::min(kDoomed, trials.size())) +
                    " attempts. Please take a look at the training job failures to get more "
                    "details. " +
                    std::to_string(most->second) + " of " + std::to_string(trials.size()) +
                    " ended with: " + most->first};
}

bool Converged(const Known& known, const Tally& tally) {
  size_t dimensions = 0;
  for (const TrialDefinition& d : known.definitions) dimensions += d.space.size();
  return tally.ended >= std::max(kConvergenceLeast, 3 * dimensions) && tally.successes > 0 &&
         tally.not_improving >= std::max(kConvergenceLeast, 2 * dimensions);
}

std::optional<End> Ends(const Record& record, const std::vector<SnapshotPtr>& trials,
                        const Known& known, const Tally& tally, int64_t now_ms) {
  const json& config = ConfigOf(known.request);
  if (tally.successes == 0 && tally.ended >= std::min(kDoomed, known.most)) {
    return HowItFailed(trials);
  }
  const End completed = {.status = "Completed", .reason = ""};
  const bool all = tally.trials >= known.most || known.exhausted;
  if (all && tally.ended == tally.trials) {
    return tally.successes > 0 ? completed : HowItFailed(trials);
  }
  const json& limits = config.at("ResourceLimits");
  if (const auto limit = limits.find("MaxRuntimeInSeconds");
      limit != limits.end() && now_ms - record.created_ms >= limit->get<int64_t>() * 1000) {
    return completed;
  }
  const auto criteria = config.find("TuningJobCompletionCriteria");
  if (criteria == config.end()) return std::nullopt;
  if (const auto target = criteria->find("TargetObjectiveMetricValue");
      target != criteria->end() && tally.best != nullptr) {
    const double wanted = target->get<double>();
    if (known.maximise ? tally.best_value >= wanted : tally.best_value <= wanted) return completed;
  }
  if (const auto limit = criteria->find("BestObjectiveNotImproving"); limit != criteria->end()) {
    const auto most = limit->value("MaxNumberOfTrainingJobsNotImproving", size_t{0});
    if (most > 0 && tally.not_improving >= most) return completed;
  }
  const json convergence = criteria->value("ConvergenceDetected", json::object());
  if (convergence.value("CompleteOnConvergence", "Disabled") == "Enabled" &&
      Converged(known, tally)) {
    return completed;
  }
  return std::nullopt;
}

// What is known when trial `number` is chosen. With a seed results count from the time when they
// must be there, not from when they happen to be: so the order in which trials end changes nothing.
// Of Hyperband, values can be compared at one rung only: the highest that enough trials have
// reached.
std::vector<tuning::Trial> History(const Known& known, size_t number, size_t definition) {
  std::vector<const Known::Trial*> trials;  // null: its results do not count yet
  std::vector<tuning::Trial> history = known.parents[definition];
  const size_t parents = history.size();
  for (size_t n = 1; n < number; ++n) {
    if (DefinitionOf(known.request, n) != definition) continue;
    const Known::Trial& trial = known.trials[n - 1];
    history.push_back(trial.seen);
    const bool counts = !known.seeded || n + known.parallel <= number;
    trials.push_back(counts ? &trial : nullptr);
    if (counts) continue;
    history.back().value.reset();
    history.back().passed.reset();
    history.back().failed = false;
  }
  if (known.folds[definition] > 0) {
    std::vector<std::vector<double>> folds;
    for (const Known::Trial* t : trials) folds.push_back(t ? t->folds : std::vector<double>());
    const std::vector<double> errors = tuning::PairedErrors(folds);
    for (size_t i = 0; i < errors.size(); ++i) history[parents + i].deviation = errors[i];
  }
  if (!known.hyperband) return history;
  const auto reached = [&](size_t rungs) {
    return static_cast<size_t>(std::ranges::count_if(
        trials, [&](const Known::Trial* t) { return t != nullptr && t->at_rung.size() >= rungs; }));
  };
  size_t rungs = known.halving[definition].rungs().size();
  while (rungs > 0 && reached(rungs) < known.definitions[definition].space.size() + 2) --rungs;
  for (size_t i = 0; i < history.size(); ++i) {
    const Known::Trial* trial = i < parents ? nullptr : trials[i - parents];
    if (i >= parents && trial == nullptr) continue;
    const bool there = rungs > 0 && trial != nullptr && trial->at_rung.size() >= rungs;
    history[i].value.reset();
    if (there) history[i].value = trial->at_rung[rungs - 1];
    history[i].failed = !there && (trial == nullptr || trial->ended);
  }
  return history;
}

// Asks again for what was suggested before a restart, as far as the next suggestions depend on it.
void Replay(Known& known) {
  if (!known.seeded) return;
  for (size_t number = 1; number <= known.trials.size(); ++number) {
    const size_t d = DefinitionOf(known.request, number);
    const size_t left = (known.trials.size() - number) / known.definitions.size();
    if (left < tuning::kSuggestionsRemembered)
      known.strategies[d]->Suggest(History(known, number, d));
  }
}

Status StartTrials(Context& context, const Record& record, Known& known, size_t running) {
  while (running < known.parallel && known.trials.size() < known.most && !known.exhausted) {
    const size_t number = known.trials.size() + 1;
    if (known.seeded && number > known.parallel &&
        !known.trials[number - known.parallel - 1].ended) {
      break;
    }
    const size_t d = DefinitionOf(known.request, number);
    const auto next = known.strategies[d]->Suggest(History(known, number, d));
    if (!next) {
      known.exhausted = true;
      break;
    }
    json child = TrialRequest(known.request, d, TrialName(record, number),
                              Render(known.definitions[d], next->config));
    json tags = TagsToJson(context.records.Tags(record.arn));
    if (!tags.empty()) child["Tags"] = std::move(tags);
    auto facts = std::make_shared<TrainingFacts>();
    facts->origin = next->origin;
    CLARY_CHECK_OK(CreateChild(context, kTrainingJob, child,
                               {.owner = record.arn, .bound = false, .facts = std::move(facts)}));
    context.bell->Ring(false);
    const SnapshotPtr made = context.records.Find(kTrainingJob, TrialName(record, number));
    if (!made) break;
    // What is in the record counts: it may be there since before a crash.
    Known::Trial& trial = known.trials.emplace_back();
    const auto kept =
        ReadConfig(known.definitions[d], made->record.Request().at("HyperParameters"));
    trial.seen.config = kept ? *kept : next->config;
    ++running;
  }
  return {};
}

void Close(const Context& context, Record& record, const json& request, int64_t now_ms) {
  const std::string ending = FactsOf(record).ending;
  const json outcome = Outcome(context, record, request);
  auto& facts = record.Edit<TuningFacts>();
  facts.outcome = outcome.dump();
  record.status = record.status == "Stopping" ? "Stopped" : ending;
  record.ended_ms = std::max(now_ms, record.created_ms);
  record.modified_ms = std::max(record.modified_ms, record.ended_ms);
}

}  // namespace

Status Step(Steps& steps, const SnapshotPtr& given) {
  Context& context = steps.context;
  const int64_t now = steps.now_ms();
  Known& known = steps.Keep<Known>(given->record);
  const bool first = known.created_ms != given->record.created_ms;
  if (first) CLARY_CHECK_OK(Learn(context, given->record, known));
  SnapshotPtr snapshot = given;
  if (known.hosts) {
    CLARY_TRY(snapshot, StepHost(steps, given));
  }
  const Record& current = snapshot->record;
  const uint64_t stamp = context.records.Stamp(current.arn);
  const bool look = (known.hyperband || known.stops_early) && now >= known.next_look_ms;
  const json& limits = ConfigOf(known.request).at("ResourceLimits");
  const bool late =
      now - current.created_ms >= limits.value("MaxRuntimeInSeconds", INT64_MAX / 2000) * 1000;
  if (stamp == known.stamp && !look && !late) {
    known.hyperband || known.stops_early ? steps.Rest(known.next_look_ms) : steps.Doze();
    return {};
  }

  const std::vector<SnapshotPtr> trials = Trials(context, current);
  CLARY_CHECK_OK(Refresh(context, trials, known));
  if (first) Replay(known);
  const Tally tally = Count(trials, known.maximise, known.hyperband);
  Record record = current;
  if (record.status == "InProgress" && FactsOf(record).ending.empty()) {
    if (look) {
      known.next_look_ms = now + kLookMs;
      CLARY_CHECK_OK(WatchCurves(context, trials, known));
    }
    if (FactsOf(record).converged_ms == 0 && Converged(known, tally)) {
      record.Edit<TuningFacts>().converged_ms = now;
    }
    auto end = Ends(record, trials, known, tally, now);
    if (!end) {
      const Status started = StartTrials(context, record, known, tally.trials - tally.ended);
      if (!started && started.error().code == Code::kInvalidArgument) {
        end = {.status = "Failed", .reason = started.error().message};
      } else if (!started) {
        return started;
      } else if (known.exhausted && tally.ended == tally.trials) {
        end = Ends(record, trials, known, tally, now);
      }
    }
    if (end) {
      record.Edit<TuningFacts>().ending = end->status;
      record.failure_reason = api::CutText(end->reason, kMaxFailureReason);
      record.modified_ms = std::max(record.modified_ms, now);
    }
  }
  known.stamp = stamp;
  if (record.status == "Stopping" || !FactsOf(record).ending.empty()) {
    if (tally.ended == tally.trials) {
      CLARY_CHECK_OK(EndHost(steps, record));
      Close(context, record, known.request, now);
    } else {
      for (const SnapshotPtr& one : trials) {
        CLARY_CHECK_OK(
            StopTrial(context, one->record, "Training job stopped: its tuning job ends"));
      }
    }
  }
  const bool changed = record.status != current.status ||
                       FactsOf(record).ending != FactsOf(current).ending ||
                       FactsOf(record).converged_ms != FactsOf(current).converged_ms;
  if (!changed) return {};
  const bool ended = record.terminal();
  CLARY_CHECK_OK(context.records.Update(snapshot, std::move(record)));
  if (ended) known = Known();
  return {};
}

}  // namespace tuning_job
}  // namespace clary::control
