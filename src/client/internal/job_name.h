// Names of jobs that are not given one.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"

namespace clary::client {

// "<base>-2026-11-23-17-11-35-534", at most 63 characters.
std::string NameAt(std::string_view base, Time now);

}  // namespace clary::client
