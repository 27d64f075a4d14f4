// What every Executor must do. A test binary instantiates it:
//   INSTANTIATE_TEST_SUITE_P(Local, ExecutorContract, testing::Values(&MakeLocalWorld));
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

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

class ExecutorContract : public testing::TestWithParam<std::unique_ptr<ExecutorWorld> (*)()> {
 protected:
  ExecutorContract() : world_(GetParam()()) {}
  Executor& executor() { return world_->executor(); }
  // Waits until the launch is no longer running; fails the test after 20 s.
  LaunchState WaitForEnd(const std::string& key);
  std::unique_ptr<ExecutorWorld> world_;
};

}  // namespace clary::exec
