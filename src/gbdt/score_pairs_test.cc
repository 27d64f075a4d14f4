// Areas under curves from pairs in buckets.
#include "gbdt/score_pairs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace clary::gbdt {
namespace {

struct Areas {
  uint64_t twice_right = 0;
  double precision_recall = 0;
};

// By definition, over the scores in descending order.
Areas ByDefinition(std::span<const float> score, std::span<const float> label, float positive) {
  std::vector<size_t> order(score.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, [&](size_t a, size_t b) { return score[a] > score[b]; });
  const auto total = static_cast<double>(std::ranges::count(label, positive));
  Areas areas;
  double tp = 0;
  double fp = 0;
  for (size_t i = 0; i < order.size();) {
    double g = 0;
    double n = 0;
    for (const float at = score[order[i]]; i < order.size() && score[order[i]] == at; ++i) {
      (label[order[i]] == positive ? g : n) += 1;
    }
    areas.twice_right += static_cast<uint64_t>(n * (2 * tp + g));
    if (g > 0) {
      const double h = n / g;
      const double b = 1 + h;
      const double a = (fp - h * tp) / total;
      const double from = tp / total;
      const double to = (tp + g) / total;
      areas.precision_recall +=
          a == 0 ? (to - from) / b
                 : (to - from - a / b * (std::log(b * to + a) - std::log(b * from + a))) / b;
    }
    tp += g;
    fp += n;
  }
  return areas;
}

TEST(ScorePairs, AreThoseOfSortedRows) {
  std::mt19937 rng(2);
  std::normal_distribution<float> normal;
  ThreadPool one(1);
  ThreadPool three(3);
  ScorePairs pairs;
  for (const size_t rows : {16U, 100U, 5000U, 60'000U}) {
    for (const int kind : {0, 1, 2, 3, 4, 5}) {
      for (const uint32_t share : {2U, 40U}) {
        std::vector<float> score;
        std::vector<float> label;
        for (size_t r = 0; r < rows; ++r) {
          label.push_back(rng() % share == 0 ? 1 : 0);
          const float z = normal(rng) + label.back();
          score.push_back(kind == 0   ? 1 / (1 + std::exp(-z))  // probabilities
                          : kind == 1 ? z                       // of both signs
                          : kind == 2 ? std::round(2 * z)       // few scores
                          : kind == 3 ? 0.25F                   // one score
                          : kind == 4 ? (rng() % 3 == 0 ? z * 1e-30F : 0.0F)
                                      : std::exp(30 * z));  // over all exponents
        }
        const Areas want = ByDefinition(score, label, 1);
        ASSERT_TRUE(pairs.Arrange(score, label, 1, true, one));
        EXPECT_EQ(pairs.positives() + pairs.negatives(), rows);
        EXPECT_EQ(pairs.TwiceRightPairs(one), want.twice_right) << rows << " " << kind;
        const double area = pairs.PrecisionRecallArea(one);
        if (pairs.positives() == 0) {
          EXPECT_TRUE(std::isnan(area));
        } else {
          EXPECT_NEAR(area, want.precision_recall, 1e-9) << rows << " " << kind;
        }
        ASSERT_TRUE(pairs.Arrange(score, label, 1, true, three));
        EXPECT_EQ(pairs.TwiceRightPairs(three), want.twice_right);
        const double again = pairs.PrecisionRecallArea(three);
        EXPECT_TRUE(again == area || std::isnan(area));
      }
    }
  }
}

TEST(ScorePairs, KnowWhatTheyCannotDo) {
  ThreadPool pool(1);
  ScorePairs pairs;
  std::vector<float> score(50, 0.5F);
  std::vector<float> label(50, 1);
  EXPECT_TRUE(pairs.Arrange(score, label, 1, true, pool));
  label[49] = 0.5F;
  EXPECT_FALSE(pairs.Arrange(score, label, 1, true, pool));
  EXPECT_TRUE(pairs.Arrange(score, label, 1, false, pool));
  EXPECT_EQ(pairs.negatives(), 1U);
  score[20] = NAN;
  EXPECT_FALSE(pairs.Arrange(score, label, 1, false, pool));
}

}  // namespace
}  // namespace clary::gbdt
