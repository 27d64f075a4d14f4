#include "xgboost/internal/tensor_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <numeric>

#include "base/clock.h"
#include "base/file.h"
#include "debugger/trial.h"

namespace clary::xgboost {
namespace {

namespace fs = std::filesystem;

class TensorQueueTest : public testing::Test {
 protected:
  std::unique_ptr<TensorQueue> Open() {
    const auto config = debugger::HookConfig::FromJson(R"({"CollectionConfigurations": [
      {"CollectionName": "metrics", "CollectionParameters": {"save_interval": "1"}}]})");
    return std::make_unique<TensorQueue>(
        *debugger::TensorWriter::Open(dir(), *config, Clock::System()));
  }
  Status Step(TensorQueue& queue, int64_t step, size_t size = 1) {
    queue.Add("metrics", debugger::Vector("metrics/a", std::vector<float>(size, 1)));
    return queue.FinishStep(step);
  }
  std::vector<int64_t> Written() const {
    debugger::Trial trial(debugger::NewLocalTrialFiles(dir()));
    return trial.Refresh() ? trial.Steps("metrics/a") : std::vector<int64_t>{-1};
  }
  fs::path dir() const { return temp_->path() / "tensors"; }

  Result<TempDir> temp_ = TempDir::Make(testing::TempDir(), "queue");
};

TEST_F(TensorQueueTest, WritesEveryStep) {
  std::vector<int64_t> steps(300);
  std::iota(steps.begin(), steps.end(), 0);
  const auto queue = Open();
  EXPECT_TRUE(queue->Flush());
  // Large ones fill the queue, so that the next waits.
  for (const int64_t s : steps) ASSERT_TRUE(Step(*queue, s, s % 100 == 0 ? 9'000'000 : 1));
  ASSERT_TRUE(queue->Flush());
  EXPECT_EQ(Written(), steps);
}

TEST_F(TensorQueueTest, WritesWhatWaitsWhenItEnds) {
  auto queue = Open();
  for (const int64_t s : {3, 5, 8}) ASSERT_TRUE(Step(*queue, s));
  queue.reset();
  EXPECT_THAT(Written(), testing::ElementsAre(3, 5, 8));
}

TEST_F(TensorQueueTest, AFailureStaysAndNothingFollows) {
  const auto queue = Open();
  ASSERT_TRUE(Step(*queue, 0));
  ASSERT_TRUE(queue->Flush());
  // Where step 1's folder belongs there is a file.
  std::ofstream(dir() / "events/000000000001") << "x";
  ASSERT_TRUE(Step(*queue, 1));
  EXPECT_FALSE(queue->Flush());
  EXPECT_FALSE(Step(*queue, 2));
  EXPECT_FALSE(queue->Flush());
  EXPECT_THAT(Written(), testing::ElementsAre(0));
}

}  // namespace
}  // namespace clary::xgboost
