// What every Executor must do. A test binary instantiates it:
//   INSTANTIATE_TEST_SUITE_P(Local, ExecutorContract, testing::Values(&MakeLocalWorld));
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "exec/executor.h"

namespace clary::exec {

// An executor and the means to end what it runs.
class ExecutorWorld {
 public:
  virtual ~ExecutorWorld() = default;
  virtual Executor& executor() = 0;
  // A command that runs until End(key) tells it to exit with `code`.
  virtual LaunchSpec Command(const std::string& key) = 0;
  virtual void End(const std::string& key, int code) = 0;
  virtual int runs(const std::string& key) = 0;  // how often the command has been started
};

// One whose launches are shell scripts in a folder of its own.
class ShellWorld : public ExecutorWorld {
 public:
  // `hosts`: what each launch needs of other machines.
  explicit ShellWorld(std::vector<HostNeed> hosts = {}) : hosts_(std::move(hosts)) {}
  std::filesystem::path file(const std::string& name) const { return temp_.path() / name; }
  LaunchSpec Shell(const std::string& key, const std::string& script) const;
  std::string Output(const std::string& key) const;
  // Reads its exit code from a FIFO, so that it needs no polling.
  LaunchSpec Command(const std::string& key) override;
  void End(const std::string& key, int code) override;
  int runs(const std::string& key) override;

 private:
  TempDir temp_ = *TempDir::Make();
  const std::vector<HostNeed> hosts_;
};

class ExecutorContract : public testing::TestWithParam<std::unique_ptr<ExecutorWorld> (*)()> {
 protected:
  ExecutorContract() : world_(GetParam()()) {}
  Executor& executor() { return world_->executor(); }
  // Waits until the launch is no longer running; fails the test after 20 s.
  LaunchState WaitForEnd(const std::string& key);
  std::unique_ptr<ExecutorWorld> world_;
};

}  // namespace clary::exec
