// The program of a trial host (docs/formats/job-directory.md, "Trial hosts"): the built-in
// algorithm once for many trials that share their channels.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace clary::xgboost {

// Serves `socket` until its other end is closed. Trial <number> is a process of its own, forked
// from this one with the channels of `base` in memory, that does what RunAlgorithm() does on the
// directory base/trials/<number> and reads no channels unless reading them goes wrong, for which it
// has the words itself. Returns the exit status: 0, or 1 if the socket cannot be read. Call it
// while the process has one thread.
int RunTrials(const std::filesystem::path& base, const std::string& version, int socket);

// The same with the base directory and version as for RunAlgorithm(), and the socket's number from
// CLARY_TRIAL_SOCKET: what `clary algorithm xgboost-trials` calls.
int RunTrials();

// A message to the program.
struct TrialCommand {
  enum class Kind { kRun, kStop, kKill };
  Kind kind = Kind::kRun;
  int number = 0;
  int cores = 0;          // kRun: threads
  std::vector<int> pins;  // kRun: the cores that it may run on; empty: all
};
// "run 3 1 0", "stop 3", "kill 3". kInvalidArgument "BadCommand".
Result<TrialCommand> ParseTrialCommand(std::string_view text);

}  // namespace clary::xgboost
