// Runs launches as processes of this machine. Each launch gets a small supervisor process
// (`clary supervise DIR`) in a session of its own: it outlives the service, holds the proof of life
// (a lock), records the exit code and keeps the deadline of a stop. docs/formats/executor.md.
#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "exec/executor.h"

namespace clary::exec {

struct LocalExecutorOptions {
  // For so long a key that was forgotten is not launched again: where several services share the
  // directory, one that paused may come too late with it.
  std::chrono::seconds remember{0};
};

class LocalExecutor : public Executor {
 public:
  // Opens or creates `dir` and finds the launches that an earlier service left running. Of
  // several services on one directory one at a time launches, stops and forgets. `supervisor` is a
  // command line that ends up in RunSupervisor with the launch's directory appended;
  // "/proc/self/exe" is this executable, even if its file has been replaced meanwhile.
  static Result<std::unique_ptr<LocalExecutor>> Open(
      std::filesystem::path dir,
      std::vector<std::string> supervisor = {"/proc/self/exe", "supervise"},
      LocalExecutorOptions options = {});
  ~LocalExecutor() override;  // launches run on

  Status Launch(const LaunchSpec& spec) override;
  Result<std::optional<LaunchState>> Find(const std::string& key) override;
  Status Stop(const std::string& key, std::chrono::milliseconds grace) override;
  Status Forget(const std::string& key) override;
  void OnExit(std::function<void()> wake) override;
  // Whether this key was launched and forgotten (LocalExecutorOptions::remember).
  bool IsForgotten(const std::string& key) const;

 private:
  class Watcher;
  LocalExecutor(std::filesystem::path dir, std::vector<std::string> supervisor,
                LocalExecutorOptions options);
  void SweepForgotten();
  std::filesystem::path dir_;
  std::vector<std::string> supervisor_;
  const LocalExecutorOptions options_;
  std::string boot_id_;
  std::atomic<unsigned> forgets_ = 0;
  std::unique_ptr<Watcher> watcher_;
};

// The body of `clary supervise DIR`: runs the command of DIR/spec.json once, writes DIR/exit, ends.
// Returns the process's exit status, which nobody reads. Call it from a process with one thread.
int RunSupervisor(const std::filesystem::path& dir);

}  // namespace clary::exec
