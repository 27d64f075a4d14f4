// A tuning job and its trials, which are training jobs that it owns. What was tried and how it went
// is in the trials' records only: the tuning job's facts say what has been decided.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "control/internal/context.h"
#include "control/internal/record.h"

namespace clary::control {

struct TuningFacts : Facts {
  std::string ending;        // the status in which it will end: no trial starts any more
  int64_t converged_ms = 0;  // when it was seen that nothing gets better; 0: not yet
  // Trials made, counters and the best one as Describe shows them, once it has ended: trials may be
  // deleted then. JSON text; empty before.
  std::string outcome;
  int hosts_lost = 0;  // trial hosts that ended by themselves

  nlohmann::json ToJson() const override;
  static FactsPtr FromJson(const nlohmann::json& j);  // throws what nlohmann throws
};

// The training job of trial `number`, from 1 on: the same name for the same tuning job, so that a
// trial is made once, whatever dies in between.
std::string TrialName(const Record& tuning, size_t number);
// All trials in order of number. While the tuning job runs none is missing.
std::vector<SnapshotPtr> Trials(const Context& context, const Record& tuning);
// The last value of the objective; none: there is none (yet).
std::optional<double> ObjectiveValue(const Record& trial);

// The tuning job that made this training job; null: none did, or it is deleted.
SnapshotPtr TuningJobOf(const Context& context, const Record& trial);
// Cores of one trial, of `cpus` that its instance type has: as many trials as may run at once share
// the machine.
int TrialCpus(const Context& context, const Record& tuning, int cpus);

// What a tuning job's files share. `request` is the tuning job's, as stored.
namespace tuning_job {

const TuningFacts& FactsOf(const Record& record);
const nlohmann::json& ConfigOf(const nlohmann::json& request);
bool Maximises(const nlohmann::json& request);
bool IsHyperband(const nlohmann::json& request);
// Trials take turns over the definitions.
size_t DefinitionOf(const nlohmann::json& request, size_t number);
// The number in a trial's name, "<tuning job>-<number>-<8 digits>".
size_t NumberOf(const Record& tuning, const Record& trial);
bool Failed(const Record& trial);

struct Tally {
  int running = 0, completed = 0, stopped = 0;
  int retryable = 0, failed = 0;   // of status Failed: through a fault of ours, and others
  int succeeded = 0, missing = 0;  // ended with a value of the objective, and without
  size_t trials = 0, ended = 0;
  size_t successes = 0;          // ended well, with a value
  const Record* best = nullptr;  // one of the trials counted
  double best_value = 0;
  size_t not_improving = 0;  // trials that have ended since the best value got better

  nlohmann::json ToJson() const;  // the two counters of Describe
};
Tally Count(const std::vector<SnapshotPtr>& trials, bool maximise, bool hyperband);

// An element of ListTrainingJobsForHyperParameterTuningJob, and BestTrainingJob.
nlohmann::json TrialSummary(const nlohmann::json& request, const Record& tuning,
                            const Record& trial);
// Counters and best trial as Describe shows them, "Trials" (made) and "NotImproving".
nlohmann::json Outcome(const Context& context, const Record& tuning, const nlohmann::json& request);

Status Step(Steps& steps, const SnapshotPtr& snapshot);  // Kind::step

}  // namespace tuning_job

}  // namespace clary::control
