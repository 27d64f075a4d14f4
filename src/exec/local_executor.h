// Runs launches as processes of this machine. Each launch gets a small supervisor process
// (`clary supervise DIR`) in a session of its own: it outlives the service, holds the proof of life
// (a lock), records the exit code and keeps the deadline of a stop. docs/formats/executor.md.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "exec/executor.h"

namespace clary::exec {

class LocalExecutor : public Executor {
 public:
  // Opens or creates `dir` and finds the launches that an earlier service left running. One
  // LocalExecutor per directory at a time. `supervisor` is a command line that ends up in
  // RunSupervisor with the launch's directory appended; "/proc/self/exe" is this executable, even
  // if its file has been replaced meanwhile.
  static Result<std::unique_ptr<LocalExecutor>> Open(std::filesystem::path dir,
                                                     std::vector<std::string> supervisor = {
                                                         "/proc/self/exe", "supervise"});
  ~LocalExecutor() override;  // launches run on

  Status Launch(const LaunchSpec& spec) override;
  Result<std::optional<LaunchState>> Find(const std::string& key) override;
  Status Stop(const std::string& key, std::chrono::milliseconds grace) override;
  Status Forget(const std::string& key) override;
  void OnExit(std::function<void()> wake) override;

 private:
  class Watcher;
  LocalExecutor(std::filesystem::path dir, std::vector<std::string> supervisor);
  std::filesystem::path dir_;
  std::vector<std::string> supervisor_;
  std::string boot_id_;
  std::unique_ptr<Watcher> watcher_;
};

// The body of `clary supervise DIR`: runs the command of DIR/spec.json once, writes DIR/exit, ends.
// Returns the process's exit status, which nobody reads. Call it from a process with one thread.
int RunSupervisor(const std::filesystem::path& dir);

}  // namespace clary::exec
