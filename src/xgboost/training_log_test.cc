#include "xgboost/internal/training_log.h"

#include <gtest/gtest.h>

namespace clary::xgboost {

TEST(Progress, TellsSpeedTimeLeftAndMemory) {
  EXPECT_EQ(ProgressText(500, 1000, 2, 212 << 20),
            "Round 500 of 1000: 250 rounds a second, 2 s left, 212 MB of memory");
  EXPECT_EQ(ProgressText(3, 1003, 6, 0),
            "Round 3 of 1003: 0.5 rounds a second, 33 m 20 s left, 0 MB of memory");
  EXPECT_EQ(ProgressText(1, 8001, 1, 1),
            "Round 1 of 8001: 1.0 rounds a second, 2 h 13 m 20 s left, 0 MB of memory");
  EXPECT_GT(ResidentBytes(), uint64_t{1} << 20);
}

TEST(EarlyStopping, TellsWhatIsKeptAndTheMetricsOfIt) {
  const std::vector<gbdt::MetricValue> metrics = {{"train", "auc", 0.96097},
                                                  {"validation", "auc", 0.92144}};
  EXPECT_EQ(EarlyStoppingText(12, 22, "auc", metrics),
            "Early stopping kept 12 of 22 rounds, the best by validation-auc, with train-auc "
            "0.96097, validation-auc 0.92144");
}

}  // namespace clary::xgboost
