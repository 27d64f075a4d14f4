// Warm pools: what a training job with a KeepAlivePeriodInSeconds leaves when it ends, and the next
// one that fits takes over: WarmPoolStatus as SageMaker has it, and a folder that its jobs share
// (TrainingFacts::pool_cache). A launch takes milliseconds with or without.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>

#include "control/internal/context.h"

namespace clary::control {

// WarmPoolStatus of a job at `now_ms`; null: it has none. `request` is the job's.
nlohmann::json WarmPoolStatus(const Record& job, const nlohmann::json& request, int64_t now_ms);

// Whether the job has ended and its pool, if nobody takes it, ends as time goes by: what is said of
// it cannot be kept.
bool LeavesWarmPool(const Record& job);

// Gives a new job the pool of an ended one whose request agrees in all that SageMaker asks for, if
// there is one.
void PlanWarmPool(Context& context, Record& job, const nlohmann::json& request, Plan& plan);

// A new KeepAlivePeriodInSeconds, in `request`, of a job that has ended: 0 ends its pool. Refused
// if it has none.
Status UpdateWarmPool(Record& job, const nlohmann::json& request, int64_t now_ms);

// Removes the folders of pools that have ended.
void RemovePoolFolders(const Context& context);

}  // namespace clary::control
