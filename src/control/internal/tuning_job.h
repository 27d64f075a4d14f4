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

}  // namespace clary::control
