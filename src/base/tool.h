// Other people's programs that ours runs and waits for: pip, container engines, Slurm's commands.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <vector>

#include "base/error.h"

namespace clary {

struct ToolOutcome {
  int code = 0;  // as a shell tells it: 127, if there is no such program
  std::string output;
};

inline constexpr int kToolOutput = -1;  // keep standard output
inline constexpr int kToolBoth = -2;    // and standard error with it

// Runs `argv` in a process group of its own, which dies with this thread, until it ends, `stop` is
// requested (kCancelled "Stopped") or `limit` is over (kDeadlineExceeded "Timeout"; 0: none); three
// seconds later, if it does not heed SIGTERM. argv[0] is found by the PATH of this process.
// Its output is kept (kToolOutput, kToolBoth), 4 MiB of it, or goes to the descriptor `output`.
Result<ToolOutcome> RunTool(const std::vector<std::string>& argv,
                            const std::vector<std::string>& env, int output,
                            const std::stop_token& stop = {}, std::chrono::milliseconds limit = {});

// This process's variables, as RunTool() takes them.
std::vector<std::string> OwnEnvironment();

}  // namespace clary
