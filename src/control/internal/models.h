// Models as those who run them see them.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "api/server_spec.h"
#include "control/internal/context.h"

namespace clary::control {

// The containers of a CreateModel request in the order of their calls, as ContainerDefinitions that
// name an Image: those that name a model package are replaced by its own, with the environment of
// the request laid over. "ValidationException": such a package is not there, or not approved.
Result<nlohmann::json> ResolveContainers(const Context& context, const nlohmann::json& model);

// Whether one of them serves many models, of which each request names one.
bool HasManyModels(const nlohmann::json& containers);

// The names of the same containers, as messages say them.
std::vector<std::string> ContainerNames(const nlohmann::json& containers);

// The same containers as server.json and transform.json have them. kInvalidArgument: there is no
// Python for a script (any more).
Result<std::vector<api::ContainerSpec>> MakeContainers(const Context& context,
                                                       const nlohmann::json& containers);

// What scripts among them may reach, with keys of `owner` that act as the model's role. Ends with
// Options::take_back_keys(owner).
Result<api::ScriptAccess> MakeAccess(const Context& context,
                                     const std::vector<api::ContainerSpec>& containers,
                                     bool isolated, const std::string& owner,
                                     const std::string& role_arn);

// Why these containers cannot run, in words that clients know; empty: nothing is known against it.
Result<std::string> WhatIsWrongWith(const Context& context, const nlohmann::json& containers);

// The containers of the package that `container`, a ContainerDefinition, names.
Result<nlohmann::json> PackageContainers(const Context& context, const nlohmann::json& container);

}  // namespace clary::control
