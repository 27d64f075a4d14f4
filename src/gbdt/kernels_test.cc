// Every instruction set gives what the plainest loop gives.
#include "gbdt/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

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

PackedGrad Pack(int32_t g, int32_t h) {
  return (static_cast<uint64_t>(static_cast<uint32_t>(g)) << 32) + static_cast<uint32_t>(h);
}

// XGBoost's score in the order in which it looks at positions.
ScanBest ScanByDefinition(const ScanInput& in) {
  const auto shrink = [&](double g) {
    return g > in.alpha ? g - in.alpha : (g < -in.alpha ? g + in.alpha : 0.0);
  };
  const auto term = [&](double g, double h) {
    return static_cast<float>(shrink(g) * shrink(g) / (h + in.lambda));
  };
  ScanBest best;
  const auto consider = [&](PackedGrad left, int32_t bin, bool default_left) {
    const double gl = GradOf(left) * in.grad_unit;
    const double hl = HessOf(left) * in.hess_unit;
    const double gr = GradOf(in.total) * in.grad_unit - gl;
    const double hr = HessOf(in.total) * in.hess_unit - hl;
    if (hl <= 0 || hr <= 0 || hl < in.min_child_weight || hr < in.min_child_weight) return;
    const float score = term(gl, hl) + term(gr, hr);
    if (score > best.score) best = {score, bin, default_left, left};
  };
  std::vector<PackedGrad> prefix;
  PackedGrad sum = 0;
  for (uint32_t i = 0; i < in.bins; ++i) {
    sum += in.hist[i];
    prefix.push_back(sum);
    consider(sum, static_cast<int32_t>(i), false);
  }
  if (in.missing == 0) return best;
  for (auto i = static_cast<int32_t>(in.bins) - 2; i >= -1; --i) {
    consider((i < 0 ? 0 : prefix[static_cast<size_t>(i)]) + in.missing, i, true);
  }
  return best;
}

TEST(Kernels, ScanFindsTheFirstBestPosition) {
  std::mt19937 rng(11);
  const auto draw = [&](int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(rng);
  };
  for (int trial = 0; trial < 3000; ++trial) {
    const auto bins = static_cast<uint32_t>(draw(1, trial % 3 == 0 ? 5 : 256));
    const int scale = 1 << draw(0, 20);
    const int empty = draw(0, 9);  // of ten bins
    std::vector<PackedGrad> hist(bins, 0);
    PackedGrad total = 0;
    for (PackedGrad& slot : hist) {
      if (draw(0, 9) >= empty) slot = Pack(draw(-3 * scale, 3 * scale), draw(0, 4 * scale));
      total += slot;
    }
    PackedGrad missing = draw(0, 1) == 0 ? 0 : Pack(draw(-9 * scale, 9 * scale), draw(0, scale));
    total += missing;
    const double unit = std::exp2(-draw(0, 30));
    constexpr double kLambdas[] = {0, 1, 0.37, 1e15};
    constexpr double kAlphas[] = {0, 0, 0, 0.5};
    constexpr double kLeast[] = {0, 1, 1, 50};
    const ScanInput in{.hist = hist.data(),
                       .bins = bins,
                       .missing = missing,
                       .total = total,
                       .grad_unit = unit,
                       .hess_unit = unit,
                       .lambda = kLambdas[draw(0, 3)],
                       .alpha = kAlphas[draw(0, 3)],
                       .min_child_weight = kLeast[draw(0, 3)]};
    const ScanBest want = ScanByDefinition(in);
    // From far below the best score to just below it, and above.
    const float known[] = {0, want.score / 2, std::nextafter(want.score, -1.0F), want.score * 1.1F};
    const int level = draw(0, 3);
    for (const Kernels* k : Sets()) {
      ScanInput given = in;
      given.at_least = known[level];
      if (trial % 2 == 0) {  // the sum of the missing rows can be left to the scan
        given.missing = 0;
        given.missing_is_rest = true;
      }
      const ScanBest got = k->scan(given);
      if (level == 3 && want.score >= 0) {
        ASSERT_LE(got.score, want.score) << k->name << " trial " << trial;
        continue;
      }
      ASSERT_EQ(got.score, want.score) << k->name << " trial " << trial;
      ASSERT_EQ(got.left, want.left) << k->name << " trial " << trial;
      if (want.score < 0) continue;
      ASSERT_EQ(got.bin, want.bin) << k->name << " trial " << trial;
      ASSERT_EQ(got.default_left, want.default_left) << k->name << " trial " << trial;
    }
  }
}

TEST(Kernels, DivideIsStable) {
  std::mt19937 rng(12);
  for (const size_t count : {0, 1, 15, 16, 17, 1000}) {
    for (const bool contiguous : {true, false}) {
      for (const bool by_row : {true, false}) {
        std::vector<uint32_t> rows;
        uint32_t row = 3;
        for (size_t i = 0; i < count; ++i) {
          rows.push_back(row);
          row += contiguous ? 1U : static_cast<uint32_t>(1 + rng() % 3);
        }
        std::vector<uint8_t> column((by_row ? row : count) + 3);
        for (uint8_t& c : column) c = static_cast<uint8_t>(rng() % 11);
        for (const uint32_t missing : {10U, UINT32_MAX}) {
          for (const int32_t bin : {-1, 4, 9}) {
            std::vector<uint32_t> left;
            std::vector<uint32_t> right;
            for (size_t i = 0; i < count; ++i) {
              const uint32_t code = column[by_row ? rows[i] : i];
              const bool to_left = static_cast<int32_t>(code) <= bin || code == missing;
              (to_left ? left : right).push_back(rows[i]);
            }
            for (const Kernels* k : Sets()) {
              std::vector<uint32_t> in_place = rows;
              std::vector<uint32_t> rest(count);
              const uint32_t n = k->divide(in_place.data(), static_cast<uint32_t>(count),
                                           column.data(), by_row, bin, missing, rest.data());
              in_place.resize(n);
              rest.resize(count - n);
              EXPECT_EQ(in_place, left) << k->name;
              EXPECT_EQ(rest, right) << k->name;
            }
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace clary::gbdt
