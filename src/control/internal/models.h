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

// The same containers as server.json and transform.json have them.
std::vector<api::ContainerSpec> MakeContainers(const nlohmann::json& containers);

// Why these containers cannot run, in words that clients know; empty: nothing is known against it.
Result<std::string> WhatIsWrongWith(const Context& context, const nlohmann::json& containers);

// The containers of the package that `container`, a ContainerDefinition, names.
Result<nlohmann::json> PackageContainers(const Context& context, const nlohmann::json& container);

}  // namespace clary::control
