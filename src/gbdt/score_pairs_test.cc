// Areas under curves from pairs in buckets, and the kernels that count them.
#include "gbdt/score_pairs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "gbdt/internal/radix_sort.h"
#include "gbdt/kernels.h"

namespace clary::gbdt {
namespace {

std::vector<const Kernels*> Sets() {
  std::vector<const Kernels*> sets = {&kPortableKernels};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) sets.push_back(&kAvx2Kernels);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    sets.push_back(&kAvx512Kernels);
  }
#endif
  return sets;
}

TEST(Kernels, LogarithmsAreThoseOfTheLibrary) {
  std::mt19937_64 rng(4);
  std::vector<double> x = {1,
                           0x1p-1022,
                           0x1p1023,
                           1e-16,
                           2,
                           0.5,
                           std::nextafter(1, 0),
                           std::nextafter(1, 2),
                           std::sqrt(0.5),
                           std::sqrt(2.0),
                           1.7976931348623157e308};
  std::uniform_real_distribution<double> power(-700, 700);
  std::uniform_real_distribution<double> near(-0.6, 0.6);
  for (int i = 0; i < 2000; ++i) x.push_back(std::exp(power(rng)));
  for (int i = 0; i < 2000; ++i) x.push_back(std::exp(near(rng)));
  std::vector<double> first;
  for (const Kernels* k : Sets()) {
    for (const size_t count : {x.size(), size_t{0}, size_t{1}, size_t{7}, size_t{9}}) {
      std::vector<double> out(count + 1, -7);
      k->log(x.data(), count, out.data());
      EXPECT_EQ(out[count], -7);
      for (size_t i = 0; i < count; ++i) {
        const double want = std::log(x[i]);
        ASSERT_NEAR(out[i], want, 3e-16 * std::max(1.0, std::fabs(want))) << k->name << " " << x[i];
      }
      if (count != x.size()) continue;
      out.pop_back();
      if (k == Sets().front()) first = out;
      EXPECT_EQ(out, first) << k->name;
    }
  }
}

TEST(Kernels, KeysAreComparedWithAllOthers) {
  std::mt19937 rng(9);
  for (const size_t a_count : {0U, 1U, 15U, 16U, 33U, 100U}) {
    for (const size_t b_count : {0U, 1U, 40U}) {
      std::vector<uint32_t> a(a_count + kPairLanes);
      std::vector<uint32_t> b(b_count);
      const auto draw = [&] {
        const uint32_t few[] = {0, UINT32_MAX, 0x7fffffff, 0x80000000, 5};
        return rng() % 2 == 0 ? few[rng() % 5] : rng();
      };
      std::ranges::generate(a, draw);
      std::ranges::generate(b, draw);
      uint64_t want = 0;
      std::vector<uint32_t> above(a_count);
      std::vector<uint32_t> equal(a_count);
      for (size_t i = 0; i < a_count; ++i) {
        for (const uint32_t other : b) {
          want += (a[i] > other ? 2U : 0U) + (a[i] == other ? 1U : 0U);
          above[i] += other > a[i] ? 1 : 0;
          equal[i] += other == a[i] ? 1 : 0;
        }
      }
      for (const Kernels* k : Sets()) {
        EXPECT_EQ(k->count_pairs(a.data(), a_count, b.data(), b_count), want) << k->name;
        std::vector<uint32_t> got_above(a_count + kPairLanes);
        std::vector<uint32_t> got_equal(a_count + kPairLanes);
        k->place_keys(a.data(), a_count, b.data(), b_count, got_above.data(), got_equal.data());
        got_above.resize(a_count);
        got_equal.resize(a_count);
        EXPECT_EQ(got_above, above) << k->name;
        EXPECT_EQ(got_equal, equal) << k->name;
      }
    }
  }
}

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
