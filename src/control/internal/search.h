// The Search operation: expressions over the JSON views of resources.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace clary::control {

// Whether `view` (a Describe answer plus Tags) satisfies a SearchExpression that has passed
// validation. Property names are paths: "TrainingJobStatus", "ResourceConfig.InstanceType",
// "InputDataConfig.DataSource.S3DataSource.S3Uri" (any element of a list), "HyperParameters.eta",
// "Metrics.validation:auc", "Tags.team". A value compares as a number where the property is one, as
// a time where it is one, else as text.
bool Matches(const nlohmann::json& view, const nlohmann::json& expression);

// The value that SortBy `path` names, or null.
nlohmann::json PropertyOf(const nlohmann::json& view, std::string_view path);

}  // namespace clary::control
