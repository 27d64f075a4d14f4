// Debugger's tensors on their way to disk, beside the training.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "debugger/tensor_writer.h"

namespace clary::xgboost {

// A TensorWriter on a thread of its own. Steps are written one by one in the order in which they
// were finished. What waits is bounded: FinishStep then blocks until there is room. After a failure
// nothing more is written. For one thread beside its own.
class TensorQueue {
 public:
  explicit TensorQueue(std::unique_ptr<debugger::TensorWriter> writer);
  // Writes what still waits.
  ~TensorQueue();

  // As in TensorWriter.
  bool Saves(std::string_view collection, int64_t step, bool last) const {
    return writer_->Saves(collection, step, last);
  }
  void Add(std::string_view collection, debugger::Tensor tensor);
  // Hands the step over. Fails if writing an earlier one failed.
  Status FinishStep(int64_t number);
  // Waits until everything is written.
  Status Flush();

 private:
  struct Step {
    int64_t number = 0;
    std::vector<std::pair<std::string, debugger::Tensor>> tensors;  // with their collections
    size_t bytes = 0;
  };
  void Work();
  Status Write(Step step);

  const std::unique_ptr<debugger::TensorWriter> writer_;  // used by the thread; Saves is constant
  Step open_;                                             // the step under way
  Mutex mu_;
  std::condition_variable_any changed_;
  std::deque<Step> waiting_ GUARDED_BY(mu_);
  size_t bytes_ GUARDED_BY(mu_) = 0;  // of the steps that wait
  bool writing_ GUARDED_BY(mu_) = false;
  bool ended_ GUARDED_BY(mu_) = false;
  Status failure_ GUARDED_BY(mu_);
  std::jthread thread_;  // from the first step on, so that it has the signals that training blocks
};

}  // namespace clary::xgboost
