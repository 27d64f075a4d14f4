// A job on several hosts of this machine (ADR 42): the host set makes their network, starts a
// runner for each, and stands for all of them towards control.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "api/job_spec.h"
#include "base/clock.h"
#include "base/error.h"
#include "runner/program.h"
#include "runner/runner.h"

namespace clary::runner {

// What a host's runner has from its host set, beside the job as its host has it (JobSpec::OfHost).
struct HostRole {
  std::vector<HostAddress> hosts;  // all of the job's
  JoinedNetwork joined;            // none: it stands in the network of its machine
  std::vector<int> cores;          // empty: it has none for itself
  std::string note;                // for its log; empty: nothing to say
  bool first = true;               // tells what is to be told once
  // A socket to the host set, with a word a line. From the runner: kReady when its program could
  // start, kFailed when that has failed by itself. From the host set: kGo.
  int gate = -1;
  bool private_network() const { return joined.user >= 0; }
};
inline constexpr char kReady[] = "ready";
inline constexpr char kFailed[] = "failed";
inline constexpr char kGo[] = "go";
inline constexpr char kEnd[] = "end";  // to a host on another machine: SIGTERM, here
Status SayWord(int gate, std::string_view word);
// The words that have come, or come next; `rest` keeps what is not whole yet. kUnavailable "Gone".
Result<std::vector<std::string>> HearWords(int gate, std::string& rest);

// The runner of one host, in a process of its own: RunJob() (runner.h) without what is done for all
// hosts together. `dir` is the host's directory; what its program leaves stays in its work/.
Result<int> RunHost(const api::JobSpec& spec, const std::filesystem::path& dir,
                    RunEnvironment environment, const RunOptions& options, const HostRole& role);

// In a child process: as RunHost(), but opens the stores itself. Returns its exit status.
int BeHost(const api::JobSpec& spec, const std::filesystem::path& dir, const RunOptions& options,
           const HostRole& role);

// The host set: as RunJob(), of which it has the contract, but opens the stores itself, in each
// process.
Result<int> RunHosts(const api::JobSpec& spec, const std::filesystem::path& job_dir, Clock& clock,
                     const RunOptions& options = {});

// Parts of a job's cores.
struct CoreShare {
  int count = 1;           // cores that the host counts as its own
  std::vector<int> cores;  // to run on; empty: any
};
// Shares `total` cores (`pinned`: which they are; empty: any of the machine) between hosts that
// want `wanted` each: at least one each, more in proportion, and no more than wanted. Hosts that
// are more than the cores share all of them.
std::vector<CoreShare> ShareCores(const std::vector<int>& pinned, int total,
                                  const std::vector<int>& wanted);

// Of the end of one host as the end of its job: the host's name goes before the text.
std::string NamedDetail(const std::string& host, const std::string& detail);

}  // namespace clary::runner
