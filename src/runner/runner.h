// One job on one host, from job.json to its last event: the body of `clary runner JOBDIR`.
//
// The runner stands outside the sandbox (docs/adr/0005-runner-outside-the-sandbox.md). It opens the
// object store and the log of the state directory itself, so a job goes on while the service is
// away. Its only words to control are the lines of JOBDIR/events.jsonl.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "api/job_spec.h"
#include "base/clock.h"
#include "base/error.h"
#include "meta/log_store.h"
#include "objects/object_store.h"

namespace clary::runner {

struct RunOptions {
  // Instead of the program that JobSpec::program names; argv[0] as in ProgramSpec.
  std::vector<std::string> program;
  std::chrono::milliseconds grace = std::chrono::seconds(120);  // between SIGTERM and SIGKILL
  bool sandbox = true;                                          // false: do not even try
  // Processes and threads of a user's program. The kernel's own limit, at which forks fail, does
  // not hold for a service that runs as root.
  size_t max_processes = 8192;
  uint64_t volume_unit = uint64_t{1} << 30;  // bytes that VolumeSizeInGB counts
  uint64_t log_limit = uint64_t{1} << 30;    // bytes of the program's output that its log keeps
};

// What one run of a job needs from outside. Everything is borrowed.
struct RunEnvironment {
  objects::ObjectStore& store;
  meta::LogWriter log;
  Clock& clock;
};

// Runs the job of `spec` in `job_dir`, whose work/ it makes and removes, and appends its events to
// job_dir/events.jsonl, kEnd last. Blocks SIGTERM in this process: a SIGTERM stops the job (SIGTERM
// to the program, SIGKILL after the grace), and what it has left behind is still uploaded.
//
// kEnd carries the program's exit code. Its detail is the text of the failure file, or, where the
// program is not to blame, a whole FailureReason that begins with "ClientError: " (bad input) or
// "InternalServerError: ".
//
// Returns the exit code of kEnd. An error means that the events could not be written. Call it while
// the process has one thread.
Result<int> RunJob(const api::JobSpec& spec, const std::filesystem::path& job_dir,
                   RunEnvironment environment, const RunOptions& options = {});

// `clary runner JOBDIR`. Returns the process's exit status.
int Run(const std::filesystem::path& job_dir);

// `clary host JOBDIR NAME ADDRESSES`: the runner of the host NAME of a job on several machines, for
// the host set, which is at its standard input and output. ADDRESSES are those of all hosts, in
// their order, with commas between.
int RunOnNode(const std::filesystem::path& job_dir, const std::string& name,
              const std::string& addresses);

}  // namespace clary::runner
