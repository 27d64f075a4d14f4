// What control knows of a training job beside what every record has, and how it looks from outside.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "api/images.h"
#include "api/job_spec.h"
#include "control/internal/record.h"

namespace clary::control {

struct Transition {
  std::string status;  // a SecondaryStatus
  std::string message;
  int64_t start_ms = 0;
  int64_t end_ms = 0;  // 0: still so
};

struct FinalMetric {
  std::string name;
  double value = 0;
  int64_t time_ms = 0;
};

struct TrainingFacts : Facts {
  int64_t max_runtime_s = 0;  // limits of the request's StoppingCondition; 0: none
  int64_t max_wait_s = 0;
  int64_t max_pending_s = 0;
  std::string secondary;  // SecondaryStatus
  std::vector<Transition> transitions;
  std::vector<FinalMetric> final_metrics;
  std::string artifact_uri;  // reported as uploaded; empty: none
  std::string stop_cause;  // secondary status that a stop ends in: "Stopped", "MaxRuntimeExceeded",
                           // "MaxWaitTimeExceeded"
  std::string stop_message;  // of "Stopped": why, if nobody asked for it; empty: a user did
  int retries = 0;           // starts after an internal error; interruptions of spot do not count
  int64_t ran_ms = 0;        // of earlier starts in sum, from their begin to their end
  bool on_pool = false;      // took over the warm pool of an earlier job
  int64_t pool_end_ms = 0;   // its own pool was taken over or given up; 0: neither
  std::string pool_job;      // the job that took it over; empty: none
  std::string pool_cache;    // the folder that jobs of its pool share; empty: it has none
  std::vector<std::string> hyperparameter_order;  // JobSpec's
  std::string origin;      // of a trial: who suggested its configuration (tuning/strategy.h)
  bool host_lost = false;  // its trial host was, in the middle of it: it runs in none again

  nlohmann::json ToJson() const override;
  static FactsPtr FromJson(const nlohmann::json& j);  // throws what nlohmann throws
  bool has_trained() const;                           // or trains
};

// What only the text of a CreateTrainingJob tells, which is known to be a JSON object: the order of
// its hyperparameters. Null: they are in byte order.
FactsPtr FactsOfTrainingText(std::string_view body);

// Moves the job into a state at `ms`: a new secondary status closes the last transition and appends
// one; the same one only changes its message. Time never goes back within the history.
void Enter(Record& job, std::string_view status, std::string_view secondary,
           std::string_view message, int64_t ms);

// Takes one fact of the runner into the record.
void FoldTrainingEvent(Record& job, const api::JobEvent& event);

// The metric definitions of the request itself.
std::vector<api::MetricDefinition> OwnMetricDefinitions(const nlohmann::json& request);
// Those in force: the request's, then the image's that it does not override.
std::vector<api::MetricDefinition> MetricDefinitions(const nlohmann::json& request);

// s3://bucket/prefix/<job>/output/model.tar.gz, or .../output/model if artifacts are not
// compressed.
std::string ModelUri(const std::string& job, const nlohmann::json& request);

}  // namespace clary::control
