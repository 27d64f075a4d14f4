// What Slurm's commands tell.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "doctor/facts.h"

namespace clary::doctor {

// `sinfo -h -N -o kSinfoFormat`; a line that is none is passed over, a node of several partitions
// is taken once.
inline constexpr char kSinfoFormat[] = "%N|%P|%T|%c|%m|%E";
std::vector<SlurmNode> ParseSinfo(std::string_view text);
// Seconds of `MinJobAge = 300 sec` in `scontrol show config`.
std::optional<int64_t> ParseMinJobAge(std::string_view config);

Slurm LookAtSlurm(const std::string& partition);

}  // namespace clary::doctor
