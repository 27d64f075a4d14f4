// Tuning jobs: they try hyperparameters in training jobs of their own, several at once, until
// enough has been tried. A suggestion is a pure function of the trials' records
// (tuning/strategy.h), so a restart goes on where it was.
#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "api/rule_spec.h"
#include "base/hash.h"
#include "base/strings.h"
#include "control/internal/metrics.h"
#include "control/internal/paging.h"
#include "control/internal/programs.h"
#include "control/internal/steps.h"
#include "control/internal/training_job.h"
#include "control/internal/tuning_job.h"
#include "control/internal/tuning_request.h"
#include "tuning/stopping.h"
#include "tuning/strategy.h"

namespace clary::control {
namespace tuning_job {
namespace {

using nlohmann::json;

constexpr size_t kDoomed = 5;             // trials without one success, after which it fails
constexpr double kImprovement = 0.01;     // share of the best value; less is none
constexpr int64_t kLookMs = 50;           // between looks at the curves of running trials
constexpr size_t kMedianPeers = 5;        // ended trials that the median rule needs
constexpr size_t kMedianGrace = 3;        // reports before it
constexpr size_t kConvergenceLeast = 10;  // ended trials
constexpr size_t kTransferred = 3;        // best trials of each parent that are tried first

const TuningFacts& FactsOf(const Record& record) { return record.As<TuningFacts>(); }

const json& ConfigOf(const json& request) { return request.at("HyperParameterTuningJobConfig"); }

// --- Create.

Status CheckParents(const Context& context, const json& request) {
  const auto warm = request.find("WarmStartConfig");
  if (warm == request.end()) return {};
  if (request.contains("TrainingJobDefinitions")) {
    return Invalid("WarmStartConfig is for tuning jobs with one TrainingJobDefinition.");
  }
  const json& definition = request.at("TrainingJobDefinition");
  const json& objective = ConfigOf(request).at("HyperParameterTuningJobObjective");
  const auto names_of = [](const json& of) {
    std::set<std::string> names;
    for (const auto& [name, value] :
         of.at("TrainingJobDefinition").at("StaticHyperParameters").items()) {
      names.insert(name);
    }
    const json& ranges = ConfigOf(of).at("ParameterRanges");
    for (const char* member :
         {"IntegerParameterRanges", "ContinuousParameterRanges", "CategoricalParameterRanges"}) {
      for (const json& range : ranges.at(member)) names.insert(range.at("Name"));
    }
    return names;
  };
  for (const json& parent : warm->at("ParentHyperParameterTuningJobs")) {
    const std::string name = parent.value("HyperParameterTuningJobName", "");
    const SnapshotPtr found = context.records.Find(kTuningJob, ToLower(name));
    if (!found) return std::unexpected(Say(kTuningJob.not_found, name));
    if (!found->record.terminal()) {
      return Invalid("The parent tuning job " + name + " is in status " + found->record.status +
                     ". Only jobs that are Completed, Failed or Stopped can be parents.");
    }
    const json theirs = found->record.Request();
    if (theirs.contains("TrainingJobDefinitions")) {
      return Invalid("The parent tuning job " + name +
                     " has several TrainingJobDefinitions; it cannot be a parent.");
    }
    if (ConfigOf(theirs).at("HyperParameterTuningJobObjective") != objective) {
      return Invalid("The parent tuning job " + name + " has another objective.");
    }
    const auto mine = names_of(request), parents = names_of(theirs);
    if (mine != parents) {
      std::string differing;
      const auto tell = [&](const auto& one, const auto& other) {
        for (const std::string& n : one) {
          if (!other.contains(n)) differing += (differing.empty() ? "" : ", ") + n;
        }
      };
      tell(mine, parents);
      tell(parents, mine);
      return Invalid(
          "The set of tunable plus static HyperParameter names is not the same across current and "
          "parent tuning jobs. Please ensure this set is constant when warm starting. Note that "
          "previously static HyperParameters can be tuned in warm start jobs and vice versa. "
          "Differing from " +
          name + ": " + differing + ".");
    }
    if (warm->at("WarmStartType") != "IdenticalDataAndAlgorithm") continue;
    const json& old = theirs.at("TrainingJobDefinition");
    for (const char* member : {"AlgorithmSpecification", "InputDataConfig"}) {
      const auto a = definition.find(member), b = old.find(member);
      const bool same = a == definition.end() ? b == old.end() : b != old.end() && *a == *b;
      if (same) continue;
      return Invalid(std::string("WarmStartType IdenticalDataAndAlgorithm needs the same ") +
                     member + " as that of the parent tuning job " + name +
                     "; use TransferLearning, or leave it as it was.");
    }
  }
  return {};
}

Status Create(Context& context, json request, Record& record, Plan& /*plan*/) {
  CLARY_CHECK_OK(CheckTuningRequest(context, request));
  CLARY_CHECK_OK(CheckParents(context, request));
  record.Edit<TuningFacts>();
  record.status = "InProgress";
  record.request = request.dump();
  return {};
}

// --- What has become of the trials.

bool Failed(const Record& trial) { return trial.status == "Failed"; }

// A trial whose model may be the best one. Hyperband stops those that it is done with.
bool MayBeBest(const Record& trial, bool hyperband) {
  return trial.status == "Completed" || (hyperband && trial.status == "Stopped");
}

struct Tally {
  json statuses, objectives;  // counters
  size_t trials = 0, ended = 0, successes = 0;
  const Record* best = nullptr;
  double best_value = 0;
  size_t not_improving = 0;  // trials that have ended since the best value got better

  json ToJson() const {
    return {{"TrainingJobStatusCounters", statuses}, {"ObjectiveStatusCounters", objectives}};
  }
};

Tally Count(const std::vector<SnapshotPtr>& trials, bool maximise, bool hyperband) {
  int completed = 0, running = 0, retryable = 0, failed = 0, stopped = 0;
  int succeeded = 0, pending = 0, missing = 0;
  Tally tally;
  tally.trials = trials.size();
  std::vector<const Record*> ended;
  for (const SnapshotPtr& one : trials) {
    const Record& trial = one->record;
    if (!trial.terminal()) {
      ++running;
      ++pending;
      continue;
    }
    ended.push_back(&trial);
    const auto value = ObjectiveValue(trial);
    value ? ++succeeded : ++missing;
    if (Failed(trial)) {
      trial.failure_reason.starts_with("InternalServerError") ? ++retryable : ++failed;
    } else {
      trial.status == "Completed" ? ++completed : ++stopped;
    }
    if (!value || Failed(trial)) continue;
    ++tally.successes;
    if (!MayBeBest(trial, hyperband)) continue;
    if (tally.best == nullptr ||
        (maximise ? *value > tally.best_value : *value < tally.best_value)) {
      tally.best = &trial;
      tally.best_value = *value;
    }
  }
  tally.ended = ended.size();
  std::ranges::stable_sort(ended, {}, &Record::ended_ms);
  std::optional<double> best;
  for (const Record* trial : ended) {
    const auto value = ObjectiveValue(*trial);
    const double gain = value && best ? (maximise ? *value - *best : *best - *value) : 0;
    if (value && (!best || gain > 0)) {
      const bool better = !best || gain > kImprovement * std::abs(*best);
      best = value;
      if (better) {
        tally.not_improving = 0;
        continue;
      }
    }
    ++tally.not_improving;
  }
  tally.statuses = {{"Completed", completed},
                    {"InProgress", running},
                    {"RetryableError", retryable},
                    {"NonRetryableError", failed},
                    {"Stopped", stopped}};
  tally.objectives = {{"Succeeded", succeeded}, {"Pending", pending}, {"Failed", missing}};
  return tally;
}

bool Maximises(const json& request) {
  const auto several = request.find("TrainingJobDefinitions");
  const json& objective = several != request.end()
                              ? several->front().at("TuningObjective")
                              : ConfigOf(request).at("HyperParameterTuningJobObjective");
  return objective.at("Type") == "Maximize";
}

bool IsHyperband(const json& request) { return ConfigOf(request).at("Strategy") == "Hyperband"; }

// Trials take turns over the definitions.
size_t DefinitionOf(const json& request, size_t number) {
  const auto several = request.find("TrainingJobDefinitions");
  return several == request.end() ? 0 : (number - 1) % several->size();
}

// The number in a trial's name, "<tuning job>-<number>-<8 digits>".
size_t NumberOf(const Record& tuning, const Record& trial) {
  const std::string_view rest = std::string_view(trial.name).substr(tuning.name.size() + 1);
  return ParseUint(rest.substr(0, rest.find('-'))).value_or(1);
}

// An element of ListTrainingJobsForHyperParameterTuningJob, and BestTrainingJob.
json TrialSummary(const json& request, const Record& tuning, const Record& trial) {
  const size_t definition = DefinitionOf(request, NumberOf(tuning, trial));
  const auto several = request.find("TrainingJobDefinitions");
  const json& ranges = several != request.end() ? several->at(definition).at("HyperParameterRanges")
                                                : ConfigOf(request).at("ParameterRanges");
  const json& objective = several != request.end()
                              ? several->at(definition).at("TuningObjective")
                              : ConfigOf(request).at("HyperParameterTuningJobObjective");
  json summary = {{"TrainingJobName", trial.name},
                  {"TrainingJobArn", trial.arn},
                  {"CreationTime", Seconds(trial.created_ms)},
                  {"TrainingJobStatus", trial.status}};
  if (several != request.end()) {
    summary["TrainingJobDefinitionName"] = several->at(definition).at("DefinitionName");
  }
  if (trial.started_ms > 0) summary["TrainingStartTime"] = Seconds(trial.started_ms);
  if (trial.ended_ms > 0 && trial.terminal()) {
    summary["TrainingEndTime"] = Seconds(trial.ended_ms);
  }
  if (!trial.failure_reason.empty()) summary["FailureReason"] = trial.failure_reason;
  json& tuned = summary["TunedHyperParameters"] = json::object();
  const json trial_request = trial.Request();
  const json& all = trial_request.at("HyperParameters");
  for (const char* member :
       {"IntegerParameterRanges", "ContinuousParameterRanges", "CategoricalParameterRanges"}) {
    for (const json& range : ranges.at(member)) {
      const std::string name = range.at("Name");
      if (all.contains(name)) tuned[name] = all.at(name);
    }
  }
  const auto value = ObjectiveValue(trial);
  if (value && trial.terminal()) {
    // The API's values have the precision of a float.
    summary["FinalHyperParameterTuningJobObjectiveMetric"] = {
        {"Type", objective.at("Type")},
        {"MetricName", objective.at("MetricName")},
        {"Value", static_cast<double>(static_cast<float>(*value))}};
  }
  summary["ObjectiveStatus"] = !trial.terminal() ? "Pending" : value ? "Succeeded" : "Failed";
  return summary;
}

// Counters and best trial as Describe shows them.
json Outcome(const Context& context, const Record& record, const json& request) {
  const std::string& kept = FactsOf(record).outcome;
  if (!kept.empty()) return json::parse(kept, nullptr, false);
  const auto trials = Trials(context, record);
  const Tally tally = Count(trials, Maximises(request), IsHyperband(request));
  json out = tally.ToJson();
  out["Trials"] = tally.trials;
  out["NotImproving"] = tally.not_improving;
  if (tally.best != nullptr) out["BestTrainingJob"] = TrialSummary(request, record, *tally.best);
  return out;
}

// --- Step.

// What a process knows of a running tuning job beside its record.
struct Known {
  struct Trial {
    tuning::Trial seen;
    size_t judged = 0;  // reports of its curve that were looked at
    bool in_median = false;
    bool ended = false;
  };
  int64_t created_ms = 0;  // of the record: a later one may have the same name
  json request;
  std::vector<TrialDefinition> definitions;
  std::vector<std::unique_ptr<tuning::Strategy>> strategies;  // by definition
  std::vector<std::vector<tuning::Trial>> parents;            // by definition
  std::vector<Trial> trials;                                  // by number - 1
  std::vector<tuning::SuccessiveHalving> halving;             // by definition
  std::vector<tuning::MedianRule> median;                     // by definition
  std::vector<size_t> lengths;                                // of completed trials' curves
  bool looked = false;  // all curves were looked at once since the start
  int64_t next_look_ms = 0;
  uint64_t stamp = 0;
  bool exhausted = false;  // a space has no other configuration
  size_t most = 0, parallel = 0;
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

// What the parents of a warm start have found, best first.
std::vector<tuning::Trial> ParentTrials(const Context& context, const json& request,
                                        const TrialDefinition& definition, bool best_only) {
  std::vector<tuning::Trial> out;
  const auto warm = request.find("WarmStartConfig");
  if (warm == request.end()) return out;
  for (const json& parent : warm->at("ParentHyperParameterTuningJobs")) {
    const SnapshotPtr found = context.records.Find(
        kTuningJob, ToLower(parent.value("HyperParameterTuningJobName", std::string())));
    if (!found) continue;
    std::vector<tuning::Trial> theirs;
    for (const SnapshotPtr& one : Trials(context, found->record)) {
      const auto value = ObjectiveValue(one->record);
      const auto config = ReadConfig(definition, one->record.Request().at("HyperParameters"));
      if (!value || !config || Failed(one->record)) continue;
      theirs.push_back({.config = *config, .value = definition.maximise ? -*value : *value});
    }
    if (best_only) {
      std::ranges::stable_sort(theirs, {}, [](const tuning::Trial& t) { return *t.value; });
      if (theirs.size() > kTransferred) theirs.resize(kTransferred);
    }
    out.insert(out.end(), theirs.begin(), theirs.end());
  }
  return out;
}

Result<std::unique_ptr<tuning::Strategy>> MakeStrategy(const Known& known, size_t i, uint64_t seed,
                                                       std::vector<tuning::Config> start) {
  const TrialDefinition& definition = known.definitions[i];
  const std::string name = ConfigOf(known.request).at("Strategy");
  if (name == "Grid") return tuning::MakeGrid(definition.space, seed);
  if (name != "Bayesian") return tuning::MakeRandom(definition.space, seed);
  return tuning::MakeBayesian(definition.space, {.seed = seed,
                                                 .start = std::move(start),
                                                 .budget = known.most / known.definitions.size() +
                                                           known.parents[i].size()});
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
  known.stops_early = config.at("TrainingJobEarlyStoppingType") == "Auto";
  known.definitions = Definitions(known.request);
  const uint64_t seed = SeedOf(record, known.request);
  const auto warm = known.request.find("WarmStartConfig");
  const bool transfer =
      warm != known.request.end() && warm->at("WarmStartType") == "TransferLearning";
  for (size_t i = 0; i < known.definitions.size(); ++i) {
    const TrialDefinition& definition = known.definitions[i];
    auto start = FirstConfigs(known.request, i, definition);
    auto parents = ParentTrials(context, known.request, definition, transfer);
    if (transfer) {
      // Other data: what was good there is tried here, and its values mean nothing.
      for (const tuning::Trial& t : parents) start.push_back(t.config);
      parents.clear();
    }
    known.parents.push_back(std::move(parents));
    CLARY_TRY(auto strategy, MakeStrategy(known, i, seed + i, std::move(start)));
    known.strategies.push_back(std::move(strategy));
    if (known.hyperband) {
      known.halving.emplace_back(definition.first_reports, definition.reports);
    }
    known.median.emplace_back();
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
            ScanMetrics(context.env.logs, trial.launches.front().log_stream(), {*objective}));
  for (const MetricSeries& s : series) {
    for (const MetricPoint& p : s.points) curve.push_back(known.maximise ? -p.value : p.value);
  }
  return curve;
}

// Takes what is new in the trials' records.
void Refresh(const std::vector<SnapshotPtr>& trials, Known& known) {
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
    trial.ended = true;
    const auto value = ObjectiveValue(job);
    trial.seen.failed = Failed(job) || !value;
    if (value) trial.seen.value = known.maximise ? -*value : *value;
  }
}

Status StopTrial(Context& context, const Record& trial) {
  if (trial.status != "InProgress" || trial.stop_requested_ms > 0) return {};
  return Write(context, kTrainingJob, {{"TrainingJobName", trial.name}},
               [&](Record& now) -> Status {
                 if (now.status == "InProgress" && now.stop_requested_ms == 0) {
                   now.stop_requested_ms = context.Now();
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
    CLARY_TRY(const std::vector<double> curve, Curve(context, known, job, d));
    bool stop = false;
    if (known.hyperband) {
      tuning::SuccessiveHalving& halving = known.halving[d];
      for (size_t e = trial.judged + 1; e <= curve.size(); ++e) {
        if (!halving.Report(e, curve[e - 1])) stop = true;
      }
      // What was decided before a restart stays decided.
      stop = stop && (!first || curve.size() >= known.definitions[d].reports);
    } else if (curve.size() > trial.judged && n >= known.parallel && !job.terminal() &&
               known.lengths.size() >= kMedianPeers) {
      std::vector<size_t> lengths = known.lengths;
      std::ranges::sort(lengths);
      const size_t grace = std::max(kMedianGrace, lengths[lengths.size() / 2] / 10);
      stop = curve.size() >= grace && known.median[d].ShouldStop(curve);
    }
    trial.judged = curve.size();
    if (job.terminal()) {
      trial.in_median = true;
      if (!known.hyperband && !curve.empty() && !Failed(job)) {
        known.median[d].Ended(curve);
        known.lengths.push_back(curve.size());
      }
    } else if (stop) {
      CLARY_CHECK_OK(StopTrial(context, job));
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
std::vector<tuning::Trial> History(const Known& known, size_t number, size_t definition) {
  std::vector<tuning::Trial> history = known.parents[definition];
  for (size_t n = 1; n < number; ++n) {
    if (DefinitionOf(known.request, n) != definition) continue;
    tuning::Trial trial = known.trials[n - 1].seen;
    if (known.seeded && n + known.parallel > number) {
      trial.value.reset();
      trial.failed = false;
    }
    history.push_back(std::move(trial));
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
    const auto config = known.strategies[d]->Suggest(History(known, number, d));
    if (!config) {
      known.exhausted = true;
      break;
    }
    json child = TrialRequest(known.request, d, TrialName(record, number),
                              Render(known.definitions[d], *config));
    json tags = TagsToJson(context.records.Tags(record.arn));
    if (!tags.empty()) child["Tags"] = std::move(tags);
    CLARY_CHECK_OK(CreateChild(context, kTrainingJob, child, record.arn));
    const SnapshotPtr made = context.records.Find(kTrainingJob, TrialName(record, number));
    if (!made) break;
    // What is in the record counts: it may be there since before a crash.
    Known::Trial& trial = known.trials.emplace_back();
    const auto kept =
        ReadConfig(known.definitions[d], made->record.Request().at("HyperParameters"));
    trial.seen.config = kept ? *kept : *config;
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

Status Step(Steps& steps, const SnapshotPtr& snapshot) {
  Context& context = steps.context;
  const Record& current = snapshot->record;
  const int64_t now = steps.now_ms();
  Known& known = steps.Keep<Known>(current);
  const bool first = known.created_ms != current.created_ms;
  if (first) CLARY_CHECK_OK(Learn(context, current, known));
  const uint64_t stamp = context.records.Stamp(current.arn);
  const bool look = (known.hyperband || known.stops_early) && now >= known.next_look_ms;
  const json& limits = ConfigOf(known.request).at("ResourceLimits");
  const bool late =
      now - current.created_ms >= limits.value("MaxRuntimeInSeconds", INT64_MAX / 2000) * 1000;
  if (stamp == known.stamp && !look && !late) return {};

  const std::vector<SnapshotPtr> trials = Trials(context, current);
  Refresh(trials, known);
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
      Close(context, record, known.request, now);
    } else {
      for (const SnapshotPtr& one : trials) {
        CLARY_CHECK_OK(StopTrial(context, one->record));
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

// --- Views.

json Summary(const Context& context, const Record& record) {
  const json request = record.Request();
  const json outcome = Outcome(context, record, request);
  json view = {{"HyperParameterTuningJobName", record.name},
               {"HyperParameterTuningJobArn", record.arn},
               {"HyperParameterTuningJobStatus", record.status},
               {"Strategy", ConfigOf(request).at("Strategy")},
               {"CreationTime", Seconds(record.created_ms)},
               {"LastModifiedTime", Seconds(record.modified_ms)},
               {"ResourceLimits", ConfigOf(request).at("ResourceLimits")}};
  for (const char* member : {"TrainingJobStatusCounters", "ObjectiveStatusCounters"}) {
    view[member] = outcome.at(member);
  }
  if (record.ended_ms > 0) view["HyperParameterTuningEndTime"] = Seconds(record.ended_ms);
  return view;
}

void AddMetricDefinitions(json& view, json& definition, size_t i) {
  json metrics = json::array();
  for (const auto& metric : TrialMetrics(view, i)) {
    metrics.push_back({{"Name", metric.name}, {"Regex", metric.regex}});
  }
  definition["AlgorithmSpecification"]["MetricDefinitions"] = std::move(metrics);
}

json View(const Context& context, const Record& record, Show show) {
  json view = record.Request();
  const json outcome = Outcome(context, record, view);
  for (const auto& [member, value] : outcome.items()) {
    if (member != "Trials" && member != "NotImproving") view[member] = value;
  }
  if (show != Show::kMatch) {
    if (const auto one = view.find("TrainingJobDefinition"); one != view.end()) {
      AddMetricDefinitions(view, *one, 0);
    } else {
      json& several = view.at("TrainingJobDefinitions");
      for (size_t i = 0; i < several.size(); ++i) AddMetricDefinitions(view, several[i], i);
    }
  }
  const TuningFacts& facts = FactsOf(record);
  view["HyperParameterTuningJobArn"] = record.arn;
  view["HyperParameterTuningJobStatus"] = record.status;
  view["CreationTime"] = Seconds(record.created_ms);
  view["LastModifiedTime"] = Seconds(record.modified_ms);
  if (record.ended_ms > 0) view["HyperParameterTuningEndTime"] = Seconds(record.ended_ms);
  if (!record.failure_reason.empty()) view["FailureReason"] = record.failure_reason;
  json& details = view["TuningJobCompletionDetails"];
  details["NumberOfTrainingJobsObjectiveNotImproving"] = outcome.at("NotImproving");
  if (facts.converged_ms > 0) details["ConvergenceDetectedTime"] = Seconds(facts.converged_ms);
  const int64_t end = record.ended_ms > 0 ? record.ended_ms : context.Now();
  view["ConsumedResources"] = {
      {"RuntimeInSeconds", std::max<int64_t>(0, end - record.created_ms) / 1000}};
  // Of a warm start on the same data, the best of all.
  const auto warm = view.find("WarmStartConfig");
  if (warm == view.end() || warm->at("WarmStartType") != "IdenticalDataAndAlgorithm") return view;
  const bool maximise = Maximises(view);
  json overall = view.value("BestTrainingJob", json());
  const auto value_of = [](const json& best) {
    return best.at("FinalHyperParameterTuningJobObjectiveMetric").at("Value").get<double>();
  };
  if (!overall.is_null()) overall["TuningJobName"] = record.name;
  for (const json& parent : warm->at("ParentHyperParameterTuningJobs")) {
    const SnapshotPtr found = context.records.Find(
        kTuningJob, ToLower(parent.value("HyperParameterTuningJobName", std::string())));
    if (!found) continue;
    const json theirs = Outcome(context, found->record, found->record.Request());
    const auto best = theirs.find("BestTrainingJob");
    if (best == theirs.end()) continue;
    if (!overall.is_null() &&
        (maximise ? value_of(*best) <= value_of(overall) : value_of(*best) >= value_of(overall))) {
      continue;
    }
    overall = *best;
    overall["TuningJobName"] = found->record.name;
  }
  if (!overall.is_null()) view["OverallBestTrainingJob"] = std::move(overall);
  return view;
}

// --- Other operations.

Status MayDelete(const Context& /*context*/, const Record& record) {
  if (record.terminal()) return {};
  return Fail(Code::kFailedPrecondition, "ResourceInUse",
              "The hyperparameter tuning job is in status " + record.status +
                  ". Only jobs that are Completed, Failed or Stopped can be deleted.");
}

constexpr std::string_view kListTrials = "ListTrainingJobsForHyperParameterTuningJob";

Result<json> ListTrials(Context& context, const json& input) {
  CLARY_TRY(const SnapshotPtr tuning, Named(context, kTuningJob, input));
  const std::string sort_by = input.value("SortBy", "Name");
  const bool ascending = input.value("SortOrder", "Ascending") == "Ascending";
  const std::string status = input.value("StatusEquals", "");
  const size_t limit = PageSize(input, kDefaultPage);
  CLARY_TRY(const json token, ReadToken(kListTrials, input, 2));
  struct Item {
    json key;
    size_t number;
    SnapshotPtr trial;
  };
  std::vector<Item> items;
  for (const SnapshotPtr& one : Trials(context, tuning->record)) {
    const Record& trial = one->record;
    if (!status.empty() && trial.status != status) continue;
    json key;
    if (sort_by == "CreationTime") key = trial.created_ms;
    if (sort_by == "Status") key = trial.status;
    if (sort_by == "FinalObjectiveMetricValue") {
      const auto value = ObjectiveValue(trial);
      if (!value || !trial.terminal()) continue;
      key = *value;
    }
    items.push_back(
        {.key = std::move(key), .number = NumberOf(tuning->record, trial), .trial = one});
  }
  const auto before = [&](const json& key_a, size_t a, const json& key_b, size_t b) {
    if (key_a != key_b) return ascending ? key_a < key_b : key_b < key_a;
    return ascending ? a < b : b < a;
  };
  std::ranges::sort(items, [&](const Item& a, const Item& b) {
    return before(a.key, a.number, b.key, b.number);
  });
  json out = {{"TrainingJobSummaries", json::array()}};
  if (!token.is_null()) {
    if (!token[1].is_number_unsigned()) return Invalid("The provided NextToken is not valid.");
    std::erase_if(items, [&](const Item& item) {
      return !before(token[0], token[1].get<size_t>(), item.key, item.number);
    });
  }
  if (items.size() > limit) {
    items.resize(limit);
    out["NextToken"] =
        MakeToken(kListTrials, input, json::array({items.back().key, items.back().number}));
  }
  const json request = tuning->record.Request();
  for (const Item& item : items) {
    out["TrainingJobSummaries"].push_back(
        TrialSummary(request, tuning->record, item.trial->record));
  }
  return out;
}

constexpr Extra kExtras[] = {{kListTrials, ListTrials}};
constexpr std::string_view kEnds[] = {"Completed", "Failed", "Stopped"};
constexpr std::string_view kCostly[] = {
    "TrainingJobDefinition.AlgorithmSpecification.MetricDefinitions",
    "TrainingJobDefinitions.AlgorithmSpecification.MetricDefinitions"};

}  // namespace
}  // namespace tuning_job

nlohmann::json TuningFacts::ToJson() const {
  return {{"ending", ending}, {"converged_ms", converged_ms}, {"outcome", outcome}};
}

FactsPtr TuningFacts::FromJson(const nlohmann::json& j) {
  auto facts = std::make_shared<TuningFacts>();
  facts->ending = j.at("ending");
  facts->converged_ms = j.at("converged_ms");
  facts->outcome = j.at("outcome");
  return facts;
}

std::string TrialName(const Record& tuning, size_t number) {
  std::string digits = std::to_string(number);
  if (digits.size() < 3) digits.insert(0, 3 - digits.size(), '0');
  const std::string hash =
      HexEncode(Sha256(tuning.arn + " " + std::to_string(tuning.created_ms) + " " + digits));
  return tuning.name + "-" + digits + "-" + hash.substr(0, 8);
}

std::vector<SnapshotPtr> Trials(const Context& context, const Record& tuning) {
  std::vector<SnapshotPtr> out;
  const std::string& outcome = tuning.As<TuningFacts>().outcome;
  size_t made = 0;  // 0: until one is missing
  if (!outcome.empty()) {
    made = nlohmann::json::parse(outcome, nullptr, false).value("Trials", size_t{0});
    if (made == 0) return out;
  }
  for (size_t number = 1; made == 0 || number <= made; ++number) {
    SnapshotPtr trial = context.records.Find(kTrainingJob, TrialName(tuning, number));
    if (trial && trial->record.owner == tuning.arn) {
      out.push_back(std::move(trial));
    } else if (made == 0) {
      break;
    }
  }
  return out;
}

std::optional<double> ObjectiveValue(const Record& trial) {
  const auto& metrics = trial.As<TrainingFacts>().final_metrics;
  const auto found = std::ranges::find(metrics, kObjectiveMetric, &FinalMetric::name);
  if (found == metrics.end()) return std::nullopt;
  return found->value;
}

SnapshotPtr TuningJobOf(const Context& context, const Record& trial) {
  const ArnParts owner = ParseArn(trial.owner);
  if (owner.kind != &kTuningJob) return nullptr;
  SnapshotPtr tuning = context.records.Find(kTuningJob, owner.key);
  // A later tuning job may have the name of one that is deleted.
  if (tuning && tuning->record.created_ms > trial.created_ms) return nullptr;
  return tuning;
}

int TrialCpus(const Context& context, const Record& tuning, int cpus) {
  const nlohmann::json request = tuning.Request();
  const int parallel = static_cast<int>(std::min<int64_t>(tuning_job::ConfigOf(request)
                                                              .at("ResourceLimits")
                                                              .at("MaxParallelTrainingJobs")
                                                              .get<int64_t>(),
                                                          context.capacity));
  return std::clamp(context.capacity / parallel, 1, std::max(1, cpus));
}

constinit const Kind kTuningJob = {
    .stem = "HyperParameterTuningJob",
    .name_member = "HyperParameterTuningJobName",
    .arn_member = "HyperParameterTuningJobArn",
    .segment = "hyper-parameter-tuning-job",
    .table = "tuning_jobs",
    .noun = "hyperparameter tuning job",
    .verbs = kCreate | kDescribe | kList | kStop | kDelete,
    .extras = tuning_job::kExtras,
    .fold_case = true,
    .ends = tuning_job::kEnds,
    .summaries = "HyperParameterTuningJobSummaries",
    .sort_by = "Name",
    .sort_order = "Ascending",
    .search_resource = "HyperParameterTuningJob",
    .costly = tuning_job::kCostly,
    .not_found = {Code::kNotFound, "ResourceNotFound",
                  "Amazon SageMaker can't find a tuning job called {name}. Type another name."},
    .exists = {Code::kAlreadyExists, "ResourceInUse",
               "A hyperparameter tuning job with the name, {name}, already exists. Choose a "
               "different name."},
    .create = tuning_job::Create,
    .step = tuning_job::Step,
    .view = tuning_job::View,
    .summary = tuning_job::Summary,
    .facts = TuningFacts::FromJson,
    .may_delete = tuning_job::MayDelete,
};

}  // namespace clary::control
