#include "control/internal/tuning_job.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/strings.h"
#include "control/internal/training_job.h"
#include "control/internal/tuning_request.h"

namespace clary::control {
namespace {

using nlohmann::json;

constexpr double kImprovement = 0.01;  // share of the best value; less is none

}  // namespace

json TuningFacts::ToJson() const {
  return {{"ending", ending},
          {"converged_ms", converged_ms},
          {"outcome", outcome},
          {"hosts_lost", hosts_lost}};
}

FactsPtr TuningFacts::FromJson(const json& j) {
  auto facts = std::make_shared<TuningFacts>();
  facts->ending = j.at("ending");
  facts->converged_ms = j.at("converged_ms");
  facts->outcome = j.at("outcome");
  facts->hosts_lost = j.value("hosts_lost", 0);
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
  std::vector<std::pair<size_t, SnapshotPtr>> numbered;
  for (SnapshotPtr& child : context.records.Children(tuning.arn)) {
    // A tuning job of the same name may have left its own.
    if (child->record.kind != &kTrainingJob || child->record.created_ms < tuning.created_ms) {
      continue;
    }
    const size_t number = tuning_job::NumberOf(tuning, child->record);
    numbered.emplace_back(number, std::move(child));
  }
  std::ranges::sort(numbered, {}, &std::pair<size_t, SnapshotPtr>::first);
  std::vector<SnapshotPtr> out;
  out.reserve(numbered.size());
  for (auto& [number, trial] : numbered) out.push_back(std::move(trial));
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
  const json request = tuning.Request();
  const int parallel = static_cast<int>(std::min<int64_t>(tuning_job::ConfigOf(request)
                                                              .at("ResourceLimits")
                                                              .at("MaxParallelTrainingJobs")
                                                              .get<int64_t>(),
                                                          context.job_capacity));
  return std::clamp(context.job_capacity / parallel, 1, std::max(1, cpus));
}

namespace tuning_job {

const TuningFacts& FactsOf(const Record& record) { return record.As<TuningFacts>(); }

const json& ConfigOf(const json& request) { return request.at("HyperParameterTuningJobConfig"); }

bool Failed(const Record& trial) { return trial.status == "Failed"; }

namespace {

// A trial whose model may be the best one. Hyperband stops those that it is done with.
bool MayBeBest(const Record& trial, bool hyperband) {
  return trial.status == "Completed" || (hyperband && trial.status == "Stopped");
}

}  // namespace

json Tally::ToJson() const {
  return {{"TrainingJobStatusCounters",
           {{"Completed", completed},
            {"InProgress", running},
            {"RetryableError", retryable},
            {"NonRetryableError", failed},
            {"Stopped", stopped}}},
          {"ObjectiveStatusCounters",
           {{"Succeeded", succeeded}, {"Pending", running}, {"Failed", missing}}}};
}

Tally Count(const std::vector<SnapshotPtr>& trials, bool maximise, bool hyperband) {
  Tally tally;
  tally.trials = trials.size();
  std::vector<const Record*> ended;
  for (const SnapshotPtr& one : trials) {
    const Record& trial = one->record;
    if (!trial.terminal()) {
      ++tally.running;
      continue;
    }
    ended.push_back(&trial);
    const auto value = ObjectiveValue(trial);
    value ? ++tally.succeeded : ++tally.missing;
    if (Failed(trial)) {
      trial.failure_reason.starts_with("InternalServerError") ? ++tally.retryable : ++tally.failed;
    } else {
      trial.status == "Completed" ? ++tally.completed : ++tally.stopped;
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

size_t DefinitionOf(const json& request, size_t number) {
  const auto several = request.find("TrainingJobDefinitions");
  return several == request.end() ? 0 : (number - 1) % several->size();
}

size_t NumberOf(const Record& tuning, const Record& trial) {
  const std::string_view rest = std::string_view(trial.name).substr(tuning.name.size() + 1);
  return ParseUint(rest.substr(0, rest.find('-'))).value_or(1);
}

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

}  // namespace tuning_job
}  // namespace clary::control
