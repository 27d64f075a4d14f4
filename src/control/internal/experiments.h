// Experiments as jobs see them: the trial component that a job with an ExperimentConfig makes, and
// the lineage of what has one.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "control/internal/context.h"

namespace clary::control {

// Plans the trial component of a new training, processing or transform job, associated with the
// trial that the request's ExperimentConfig names; with a new trial if it names an experiment only.
// Nothing without one.
Status PlanTrainingComponent(Context& context, const Record& job, const nlohmann::json& request,
                             Plan& plan);
Status PlanProcessingComponent(Context& context, const Record& job, const nlohmann::json& request,
                               Plan& plan);
Status PlanTransformComponent(Context& context, const Record& job, const nlohmann::json& request,
                              Plan& plan);

// The associations that the record is an end of.
std::vector<SnapshotPtr> Lineage(const Context& context, const Record& record);

}  // namespace clary::control
