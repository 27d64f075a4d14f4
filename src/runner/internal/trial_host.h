// The runner of a tuning job's trials: one program for all of them (ADR 34).
#pragma once

#include <chrono>
#include <filesystem>
#include <vector>

#include "api/job_spec.h"
#include "base/clock.h"
#include "base/error.h"
#include "objects/object_store.h"

namespace clary::runner {

struct HostOptions {
  std::vector<std::string> program;                             // as RunOptions::program
  std::chrono::milliseconds grace = std::chrono::seconds(120);  // of a trial, as RunOptions::grace
  std::chrono::milliseconds idle = std::chrono::minutes(10);    // without a trial it ends then
  bool sandbox = true;                                          // false: do not even try
};

// Brings the channels of `spec`, starts the program and follows `dir`/orders.jsonl: each trial
// leaves in its own directory, log and output what a runner of its own would leave. Ends at
// SIGTERM, which stops the trials that run, and when it has had nothing to do for long. If the
// program dies, trials that have not ended are left without an end.
//
// Returns the exit code of its own end event, 0 if it ended by itself. An error means that the
// events could not be written. Call it while the process has one thread.
Result<int> HostTrials(const api::JobSpec& spec, const std::filesystem::path& dir,
                       objects::ObjectStore& store, Clock& clock, const HostOptions& options = {});

}  // namespace clary::runner
