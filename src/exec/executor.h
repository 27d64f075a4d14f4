// Runs a command and keeps track of it across restarts of the caller. Knows nothing of training.
//
// A launch is named by its key. Launch is idempotent: the same key never runs twice. The process
// outlives this one; after a crash, an Executor over the same state directory finds it again.
// Every method may be called by any thread and none blocks on the command.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace clary::exec {

// Hosts of one kind that a launch needs.
struct HostNeed {
  std::string type;  // a name that the executor's operator knows: an instance type
  int cpus = 1;      // of each
  int count = 1;
};

struct LaunchSpec {
  std::string key;                // [A-Za-z0-9._-]+, unique for ever
  std::vector<std::string> argv;  // argv[0] is a path
  std::vector<std::string> env;   // "NAME=value"; nothing is inherited
  std::string directory = "/";    // working directory
  std::string output;             // file that gets stdout and stderr, appended
  // What it needs where an executor has other machines: one host of them runs the command, which
  // reaches the others by exec/allocation.h. Empty: it runs on this machine in any case.
  std::vector<HostNeed> hosts = {};
};

enum class LaunchPhase {
  kRunning,  // or waits for its turn
  kExited,
  kLost,     // it ended without leaving an exit code
  kRefused,  // it never ran and cannot: `why` says what is wrong with what it needs
};

struct LaunchState {
  LaunchPhase phase = LaunchPhase::kRunning;
  int exit_code = 0;     // kExited: 0..255, or 128 + signal
  std::string why = {};  // kLost, kRefused: for people; may be empty
};

class Executor {
 public:
  virtual ~Executor() = default;
  // Starts the command, or does nothing if `spec.key` has been launched before.
  virtual Status Launch(const LaunchSpec& spec) = 0;
  // nullopt: this key was never launched. kLost: it was, but ended without leaving its exit code
  // (the machine was restarted, its supervisor was killed, its node died).
  virtual Result<std::optional<LaunchState>> Find(const std::string& key) = 0;
  // SIGTERM now, SIGKILL to the whole process group after `grace`. Idempotent; an ended launch is
  // fine. A later call may only shorten the time left.
  virtual Status Stop(const std::string& key, std::chrono::milliseconds grace) = 0;
  // Drops what is kept of an ended launch.
  virtual Status Forget(const std::string& key) = 0;
  // Called from an executor thread whenever some launch may have ended; set once, before use.
  virtual void OnExit(std::function<void()> wake) = 0;
};

}  // namespace clary::exec
