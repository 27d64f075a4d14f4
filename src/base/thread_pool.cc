#include "base/thread_pool.h"

#include <algorithm>

namespace clary {
namespace {

constexpr int kSpins = 4000;  // some tens of microseconds, then park

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
  if (threads <= 0) threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  workers_.reserve(static_cast<size_t>(threads) - 1);
  for (int t = 1; t < threads; ++t) workers_.emplace_back([this] { Work(); });
}

ThreadPool::~ThreadPool() {
  stop_.store(true, std::memory_order_relaxed);
  epoch_.fetch_add(1, std::memory_order_release);
  epoch_.notify_all();
}

int ThreadPool::Claim(uint32_t epoch) {
  uint64_t next = next_.load(std::memory_order_acquire);
  while (next >> 32 == epoch && (next & UINT32_MAX) <= workers_.size()) {
    if (next_.compare_exchange_weak(next, next + 1, std::memory_order_acq_rel,
                                    std::memory_order_acquire)) {
      return static_cast<int>(next & UINT32_MAX);
    }
  }
  return -1;
}

void ThreadPool::Start(Call call, void* body) {
  call_ = call;
  body_ = body;
  done_.store(0, std::memory_order_relaxed);
  const uint32_t epoch = epoch_.load(std::memory_order_relaxed) + 1;
  next_.store(uint64_t{epoch} << 32 | 1, std::memory_order_release);
  epoch_.store(epoch, std::memory_order_release);
  epoch_.notify_all();
  call(body, 0);
  auto others = static_cast<uint32_t>(workers_.size());
  for (int part; (part = Claim(epoch)) >= 0; --others) call(body, part);
  int spins = 0;
  for (uint32_t done; (done = done_.load(std::memory_order_acquire)) != others;) {
    if (++spins < kSpins) {
      Pause();
    } else {
      done_.wait(done, std::memory_order_acquire);
    }
  }
}

void ThreadPool::Work() {
  uint32_t seen = 0;
  for (;;) {
    int spins = 0;
    uint32_t epoch;
    while ((epoch = epoch_.load(std::memory_order_acquire)) == seen) {
      if (++spins < kSpins) {
        Pause();
      } else {
        epoch_.wait(seen, std::memory_order_acquire);
      }
    }
    seen = epoch;
    if (stop_.load(std::memory_order_relaxed)) return;
    for (int part; (part = Claim(epoch)) >= 0;) {
      call_(body_, part);
      done_.fetch_add(1, std::memory_order_acq_rel);
      done_.notify_one();
    }
  }
}

}  // namespace clary
