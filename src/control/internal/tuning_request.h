// What a CreateHyperParameterTuningJob asks for: the checks beyond its shape, defaults, the spaces
// that are searched, and the requests of the training jobs that try their points.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/images.h"
#include "control/internal/context.h"
#include "tuning/strategy.h"

namespace clary::control {

inline constexpr std::string_view kObjectiveMetric = "ObjectiveMetric";  // children's definition

// One training job definition as strategies see it.
struct TrialDefinition {
  std::string name;  // DefinitionName; empty: it is the only one
  std::string metric;
  bool maximise = false;
  tuning::Space space;
  std::vector<std::pair<std::string, std::string>> bounds;  // as given; by parameter
  size_t reports = 0;  // Hyperband's MaxResource, and its MinResource
  size_t first_reports = 0;
};

// Checks the request and fills in what the service adds: `request` is what Describe shows and what
// the other functions here read. "ValidationException".
Status CheckTuningRequest(Context& context, nlohmann::json& request);

// Those of a request that has passed the check, in its order.
std::vector<TrialDefinition> Definitions(const nlohmann::json& request);

// Values as the training job gets them, by name.
std::map<std::string, std::string> Render(const TrialDefinition& definition,
                                          const tuning::Config& config);
// The inverse; none if a name is missing or its value is not in the space's terms, as of another
// tuning job's training job. Bounds do not matter.
std::optional<tuning::Config> ReadConfig(const TrialDefinition& definition,
                                         const nlohmann::json& hyperparameters);

// The CreateTrainingJob request of one trial of definition number `definition`, without Tags.
nlohmann::json TrialRequest(const nlohmann::json& request, size_t definition,
                            const std::string& name,
                            const std::map<std::string, std::string>& tuned);
// The metrics of a definition's training jobs as Describe shows them, the objective last.
std::vector<api::MetricDefinition> TrialMetrics(const nlohmann::json& request, size_t definition);

// What to begin with (tuning/boosting.h): the built-in algorithm's defaults as far as they are in
// the ranges, and a portfolio. None for other programs.
std::vector<tuning::Suggestion> FirstConfigs(const nlohmann::json& request, size_t definition,
                                             const TrialDefinition& parsed);

}  // namespace clary::control
