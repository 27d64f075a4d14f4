// What all strategies share: no configuration is suggested twice.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <span>

#include "tuning/strategy.h"

namespace clary::tuning {

// The configurations that were tried or are pending.
std::set<Config> Taken(std::span<const Trial> trials);

// The first of candidate(0), candidate(1), ... that is not in `taken`; after many that are, the
// first other one in the space's order; none if there is no other one.
std::optional<Config> FirstFresh(const Space& space, const std::set<Config>& taken,
                                 const std::function<Config(size_t attempt)>& candidate);

// As a point of the Sobol sequence.
std::optional<Suggestion> SobolSuggestion(std::optional<Config> config);

// Configuration number `index` of a space without continuous ranges, the last parameter fastest.
Config NthConfiguration(const Space& space, uint64_t index);

}  // namespace clary::tuning
