// An Executor in memory: a launch runs until the test ends it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "exec/executor.h"

namespace clary::exec {

class FakeExecutor : public Executor {
 public:
  Status Launch(const LaunchSpec& spec) override;
  Result<std::optional<LaunchState>> Find(const std::string& key) override;
  Status Stop(const std::string& key, std::chrono::milliseconds grace) override;
  Status Forget(const std::string& key) override;
  void OnExit(std::function<void()> wake) override;

  // The test's side. An unknown or ended key aborts the test binary.
  void Exit(const std::string& key, int code);
  // As if the supervisor had been killed.
  void Lose(const std::string& key, const std::string& why = "");
  void Refuse(const std::string& key, const std::string& why);
  void ExitAll(int code = 0);
  std::vector<LaunchSpec> launches() const;  // in order; forgotten ones too
  bool IsRunning(const std::string& key) const;
  // The grace of a stop that was asked for.
  std::optional<std::chrono::milliseconds> stop_grace(const std::string& key) const;
  // The next `n` calls of Launch fail with kUnavailable and start nothing.
  void FailLaunches(int n);

 private:
  struct Entry {
    LaunchState state;
    std::optional<std::chrono::milliseconds> stop;
  };
  void End(const std::string& key, LaunchState state);
  mutable Mutex mu_;
  std::map<std::string, Entry> entries_ GUARDED_BY(mu_);
  std::vector<LaunchSpec> launches_ GUARDED_BY(mu_);
  int failures_ GUARDED_BY(mu_) = 0;
  std::function<void()> wake_ GUARDED_BY(mu_);
};

}  // namespace clary::exec
