// The job's program as a child process, in a sandbox of its own.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"

namespace clary::runner {

struct ProgramSpec {
  // argv[0] "clary" stands for this executable, wherever it is; anything else is a path inside.
  std::vector<std::string> argv;
  std::vector<std::string> env;  // "NAME=value": the whole environment
  std::filesystem::path work;    // seen as /opt/ml, with input/ read-only
  std::filesystem::path temp;    // seen as /tmp
  bool network = true;
  uint64_t memory_bytes = 0;  // data segment and anonymous memory of each process; 0: no limit
  std::vector<int> cores;     // cores the program may run on; empty: all
  std::vector<std::string> shown = {};  // of the host, read-only, beside the system's own folders
  bool sandbox = true;                  // false: a plain process that sees the host's files
};

// Whether bubblewrap is installed and can make the namespaces a job needs, here and now. Starting
// the probe costs nothing; its answer takes a few milliseconds.
class SandboxProbe {
 public:
  static SandboxProbe Start(bool network);
  SandboxProbe(SandboxProbe&&) = default;
  SandboxProbe& operator=(SandboxProbe&&) = default;
  // Blocks until the probe has ended; empty: the sandbox works, else why not. Once.
  std::string Wait();

 private:
  SandboxProbe() = default;
  pid_t pid_ = -1;
  Fd output_;
  std::string failure_;
};

// A running program. Its end kills every process it started. If this process dies, so does it.
class Program {
 public:
  // Forks: call it while this process has one thread.
  static Result<Program> Start(const ProgramSpec& spec);
  Program(Program&&) = default;
  Program& operator=(Program&&) = default;

  pid_t pid() const { return pid_; }            // of the outermost process
  int output() const { return output_.get(); }  // standard output and error; non-blocking
  int pidfd() const { return pidfd_.get(); }    // readable when it has ended
  // SIGTERM to the program itself, not to its sandbox. False: it has not come up yet, try again.
  bool Terminate();
  void Kill();                // SIGKILL to everything
  std::optional<int> Wait();  // exit code once it has ended: 0..255, or 128 + signal; never blocks

 private:
  Program() = default;
  pid_t pid_ = -1;
  bool sandbox_ = false;
  Fd output_;
  Fd pidfd_;
  Fd info_;  // bubblewrap tells the pid of the sandbox's first process
  std::string info_text_;
};

}  // namespace clary::runner
