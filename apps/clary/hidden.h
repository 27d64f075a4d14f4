// Subcommands that the service starts and people do not: runner, rule,
// model-server, transform-job, supervise, algorithm.
#pragma once

#include <optional>

namespace clary::cli {

// The exit status if argv names one of them.
std::optional<int> RunHidden(int argc, char** argv);

}  // namespace clary::cli
