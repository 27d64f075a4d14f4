// The trial host of a tuning job: the launch in which its trials run (docs/adr/0034).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "control/internal/context.h"
#include "control/internal/steps.h"

namespace clary::control {

// Whether trials of this tuning job, whose request has passed its checks, can share a process.
bool MayShareHost(const nlohmann::json& request);

// Starts the tuning job's host if it is to have one and has none, and takes note of its end.
// Returns the newest version of the record.
Result<SnapshotPtr> StepHost(Steps& steps, SnapshotPtr tuning);
// Tells the host that no trial will follow.
Status EndHost(Steps& steps, const Record& tuning);

// Where a training job that waits is to run.
struct Place {
  bool wait = false;  // that is not known yet
  std::string host;   // key of the launch in which; empty: in one of its own
};
Result<Place> PlaceOf(const Context& context, const Record& job);

}  // namespace clary::control
