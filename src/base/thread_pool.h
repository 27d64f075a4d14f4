// A fixed team of threads for data-parallel loops. Waking it costs about a microsecond while it
// spins, so that a loop of some tens of microseconds is worth sharing. Who has time takes the next
// part: a thread that the machine keeps busy with something else holds up nobody.
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

  // Calls body(part) once for every part in [0, size()) and waits for all. The caller has part 0,
  // and those that no other thread has begun when it is done with that.
  template <typename Body>
  void Run(Body&& body) {
    if (workers_.empty()) {
      body(0);
      return;
    }
    using Plain = std::remove_reference_t<Body>;
    Start([](void* b, int part) { (*static_cast<Plain*>(b))(part); },
          const_cast<void*>(static_cast<const void*>(&body)));
  }

  // Calls body(task, part) for every task in [0, tasks); which part gets which is not defined, but
  // never two at a time, so that it can have scratch of its own. Runs on the caller alone if there
  // is one task.
  template <typename Body>
  void ForEach(size_t tasks, Body&& body) {
    if (workers_.empty() || tasks <= 1) {
      for (size_t task = 0; task < tasks; ++task) body(task, 0);
      return;
    }
    std::atomic<size_t> next{0};
    Run([&](int part) {
      for (size_t task; (task = next.fetch_add(1, std::memory_order_relaxed)) < tasks;) {
        body(task, part);
      }
    });
  }

 private:
  using Call = void (*)(void* body, int part);
  void Start(Call call, void* body);
  void Work();
  // The next part of run `epoch` that nobody has begun, or -1.
  int Claim(uint32_t epoch);

  // Written before next_ starts a run, read by whoever has claimed a part of it.
  Call call_ = nullptr;
  void* body_ = nullptr;
  alignas(64) std::atomic<uint64_t> next_{0};   // the run, above 32 bits of its next part
  alignas(64) std::atomic<uint32_t> epoch_{0};  // the run again, to wait for
  alignas(64) std::atomic<uint32_t> done_{0};   // parts that others than the caller have done
  std::atomic<bool> stop_{false};
  std::vector<std::jthread> workers_;  // last: joined before what they use goes
};

}  // namespace clary
