// A fixed team of threads for data-parallel loops. Waking it costs about a microsecond while it
// spins, so that a loop of some tens of microseconds is worth sharing.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <thread>
#include <type_traits>
#include <vector>

namespace clary {

// Used by one thread at a time, which takes part in the work. No allocation in Run.
class ThreadPool {
 public:
  // A team of `threads` (at least 1; 0 means one per core), counting the caller.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls body(thread) once on every thread, thread 0 being the caller, and waits for all.
  template <typename Body>
  void Run(Body&& body) {
    if (workers_.empty()) {
      body(0);
      return;
    }
    using Plain = std::remove_reference_t<Body>;
    Start([](void* b, int thread) { (*static_cast<Plain*>(b))(thread); },
          const_cast<void*>(static_cast<const void*>(&body)));
  }

  // Calls body(task, thread) for every task in [0, tasks); which thread gets which is not defined.
  // Runs on the caller alone if there is one task.
  template <typename Body>
  void ForEach(size_t tasks, Body&& body) {
    if (workers_.empty() || tasks <= 1) {
      for (size_t task = 0; task < tasks; ++task) body(task, 0);
      return;
    }
    std::atomic<size_t> next{0};
    Run([&](int thread) {
      for (size_t task; (task = next.fetch_add(1, std::memory_order_relaxed)) < tasks;) {
        body(task, thread);
      }
    });
  }

 private:
  using Call = void (*)(void* body, int thread);
  void Start(Call call, void* body);
  void Work(int thread);

  Call call_ = nullptr;  // written before epoch_ grows, read after
  void* body_ = nullptr;
  alignas(64) std::atomic<uint32_t> epoch_{0};
  alignas(64) std::atomic<uint32_t> running_{0};
  std::atomic<bool> stop_{false};
  std::vector<std::jthread> workers_;  // last: joined before what they use goes
};

}  // namespace clary
