// Rows that earlier releases wrote, as records of this one.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "control/internal/record.h"

namespace clary::control {

// A training job of schema 1 (releases 0.1 and 0.2), and the processing jobs of its rules, which
// were a part of it. kDataLoss "BadRecord".
Result<std::vector<Record>> UpgradeTrainingJob(const nlohmann::json& old);

}  // namespace clary::control
