#include "xgboost/internal/tensor_queue.h"

#include <utility>

namespace clary::xgboost {
namespace {

// Steps and bytes that may wait; a single step may be larger.
constexpr size_t kMaxSteps = 64;
constexpr size_t kMaxBytes = 64 << 20;

size_t BytesOf(const debugger::Tensor& tensor) {
  return std::visit(
      []<typename T>(const std::vector<T>& v) {
        size_t bytes = v.size() * sizeof(T);
        if constexpr (std::is_same_v<T, std::string>) {
          for (const std::string& s : v) bytes += s.size();
        }
        return bytes;
      },
      tensor.values);
}

}  // namespace

TensorQueue::TensorQueue(std::unique_ptr<debugger::TensorWriter> writer)
    : writer_(std::move(writer)) {}

TensorQueue::~TensorQueue() {
  {
    MutexLock lock(mu_);
    ended_ = true;
  }
  changed_.notify_all();
}

void TensorQueue::Add(std::string_view collection, debugger::Tensor tensor) {
  open_.bytes += BytesOf(tensor);
  open_.tensors.emplace_back(collection, std::move(tensor));
}

Status TensorQueue::FinishStep(int64_t number) {
  Step step = std::exchange(open_, {});
  step.number = number;
  {
    MutexLock lock(mu_);
    while (failure_ && !waiting_.empty() &&
           (waiting_.size() >= kMaxSteps || bytes_ + step.bytes > kMaxBytes)) {
      changed_.wait(lock);
    }
    if (!failure_) return failure_;
    bytes_ += step.bytes;
    waiting_.push_back(std::move(step));
  }
  changed_.notify_all();
  if (!thread_.joinable()) thread_ = std::jthread([this] { Work(); });
  return {};
}

Status TensorQueue::Flush() {
  MutexLock lock(mu_);
  while (failure_ && (writing_ || !waiting_.empty())) changed_.wait(lock);
  return failure_;
}

void TensorQueue::Work() {
  for (;;) {
    Step step;
    {
      MutexLock lock(mu_);
      while (waiting_.empty() && !ended_) changed_.wait(lock);
      if (waiting_.empty() || !failure_) return;
      step = std::move(waiting_.front());
      waiting_.pop_front();
      bytes_ -= step.bytes;
      writing_ = true;
    }
    changed_.notify_all();
    const Status done = Write(std::move(step));
    {
      MutexLock lock(mu_);
      writing_ = false;
      if (!done) failure_ = done;
    }
    changed_.notify_all();
  }
}

Status TensorQueue::Write(Step step) {
  for (auto& [collection, tensor] : step.tensors) writer_->Add(collection, std::move(tensor));
  return writer_->FinishStep(step.number);
}

}  // namespace clary::xgboost
