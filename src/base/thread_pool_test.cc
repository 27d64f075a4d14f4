#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <chrono>
#include <numeric>
#include <thread>
#include <vector>

namespace clary {
namespace {

TEST(ThreadPool, EveryPartOnce) {
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    ASSERT_EQ(pool.size(), threads);
    std::vector<int> calls(static_cast<size_t>(threads), 0);  // unguarded: a part is one thread's
    for (int run = 1; run <= 2000; ++run) {
      pool.Run([&](int part) { ++calls[static_cast<size_t>(part)]; });
      for (const int c : calls) ASSERT_EQ(c, run);
    }
  }
}

TEST(ThreadPool, EveryTaskOnceAndScratchByPart) {
  ThreadPool pool(4);
  for (const size_t tasks : {size_t{0}, size_t{1}, size_t{3}, size_t{5000}}) {
    std::vector<int> calls(tasks, 0);
    std::vector<size_t> sums(static_cast<size_t>(pool.size()), 0);
    pool.ForEach(tasks, [&](size_t task, int part) {
      ++calls[task];
      sums[static_cast<size_t>(part)] += task;
    });
    for (const int c : calls) ASSERT_EQ(c, 1);
    EXPECT_EQ(std::accumulate(sums.begin(), sums.end(), size_t{0}),
              tasks == 0 ? 0 : tasks * (tasks - 1) / 2);
  }
}

// Threads that are late for a run must not take part in it, nor disturb the next one.
TEST(ThreadPool, RunsFollowEachOtherWhileThreadsSleep) {
  ThreadPool pool(3);
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // the others park
    for (int run = 0; run < 50; ++run) {
      std::vector<int> seen(3, -1);
      pool.Run([&, run](int part) { seen[static_cast<size_t>(part)] = run; });
      ASSERT_EQ(seen, std::vector<int>(3, run));
    }
  }
}

}  // namespace
}  // namespace clary
