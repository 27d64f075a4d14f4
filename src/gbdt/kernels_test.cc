// Every instruction set gives what the plainest loop gives.
#include "gbdt/kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "gbdt/internal/radix_sort.h"

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

TEST(Kernels, SoftmaxIsItsDefinition) {
  std::mt19937 rng(5);
  constexpr size_t kClasses = 7;
  constexpr size_t kRows = 300;
  std::normal_distribution<float> normal(0, 4);
  std::vector<float> margin(kRows * kClasses);
  std::vector<float> label(kRows);
  std::vector<float> weight(kRows);
  for (float& m : margin) m = normal(rng);
  margin[3] = -200;  // a probability of nothing
  for (size_t r = 0; r < kRows; ++r) {
    label[r] = static_cast<float>(rng() % kClasses);
    weight[r] = 0.5F + static_cast<float>(rng() % 8);
  }
  std::vector<float> first_grad;
  std::vector<float> first_hess;
  for (const Kernels* k : Sets()) {
    SCOPED_TRACE(k->name);
    std::vector<float> grad(kClasses * kRows);
    std::vector<float> hess(kClasses * kRows);
    k->softmax(margin.data(), label.data(), weight.data(), kClasses, kRows, kRows, grad.data(),
               hess.data());
    for (size_t r = 0; r < kRows; ++r) {
      double sum = 0;
      for (size_t c = 0; c < kClasses; ++c) sum += std::exp(double{margin[r * kClasses + c]});
      for (size_t c = 0; c < kClasses; ++c) {
        const double p = std::exp(double{margin[r * kClasses + c]}) / sum;
        const double w = weight[r];
        EXPECT_NEAR(grad[c * kRows + r], (p - (label[r] == static_cast<float>(c) ? 1 : 0)) * w,
                    1e-6 * w);
        EXPECT_NEAR(hess[c * kRows + r], std::max(2 * p * (1 - p) * w, 1e-16), 1e-6 * w);
        EXPECT_GT(hess[c * kRows + r], 0);
      }
    }
    if (first_grad.empty()) {
      first_grad = grad;
      first_hess = hess;
    }
    EXPECT_EQ(grad, first_grad);
    EXPECT_EQ(hess, first_hess);
  }
}

TEST(Kernels, AbsoluteSumsAreTheSameInEverySet) {
  std::mt19937 rng(6);
  std::normal_distribution<float> normal;
  for (const size_t count : {size_t{0}, size_t{5}, size_t{4096}, size_t{1001}}) {
    std::vector<float> grad(count);
    std::vector<float> hess(count);
    double g = 0;
    double h = 0;
    for (size_t i = 0; i < count; ++i) {
      grad[i] = normal(rng);
      hess[i] = std::fabs(normal(rng));
      g += std::fabs(double{grad[i]});
      h += hess[i];
    }
    double first[2] = {-1, -1};
    for (const Kernels* k : Sets()) {
      double sums[2];
      k->absolute_sums(grad.data(), hess.data(), count, &sums[0], &sums[1]);
      EXPECT_NEAR(sums[0], g, 1e-9 * g);
      EXPECT_NEAR(sums[1], h, 1e-9 * h);
      if (first[0] < 0) std::copy_n(sums, 2, first);
      EXPECT_EQ(sums[0], first[0]) << k->name;
      EXPECT_EQ(sums[1], first[1]) << k->name;
    }
  }
}

TEST(Kernels, BinsAreThoseOfASearch) {
  std::mt19937 rng(13);
  std::normal_distribution<float> normal;
  constexpr size_t kFeatures = 40;
  std::vector<std::vector<float>> cuts(kFeatures);
  std::vector<float> tables(kFeatures * kCutTable);
  for (size_t f = 0; f < kFeatures; ++f) {
    cuts[f].resize(f == 0 ? 0 : f == 1 ? 255 : rng() % 256);
    for (float& c : cuts[f]) c = std::round(normal(rng) * 100) / 50;
    std::ranges::sort(cuts[f]);
    FillCutTable(cuts[f], &tables[f * kCutTable]);
  }
  const auto code_of = [&](uint32_t f, float x) {
    return static_cast<uint8_t>(std::ranges::upper_bound(cuts[f], x) - cuts[f].begin());
  };
  for (const size_t count : {0, 1, 15, 16, 17, 300, 1003}) {
    std::vector<float> value(count);
    std::vector<uint32_t> column(count);
    for (size_t i = 0; i < count; ++i) {
      const auto kind = rng() % 8;
      value[i] = kind == 0   ? NAN
                 : kind == 1 ? normal(rng) * 1e9F
                             : std::round(normal(rng) * 100) / 50;
      column[i] = static_cast<uint32_t>(rng() % kFeatures);
    }
    for (const Kernels* k : Sets()) {
      std::vector<uint8_t> out(count + 16);
      for (uint32_t f = 0; f < kFeatures; ++f) {
        const float* const table = &tables[f * kCutTable];
        std::vector<uint8_t> want;
        std::vector<uint8_t> want_present;
        std::vector<uint16_t> want_at;
        for (size_t i = 0; i < count; ++i) {
          want.push_back(std::isnan(value[i]) ? uint8_t{99} : code_of(f, value[i]));
          if (std::isnan(value[i])) continue;
          want_present.push_back(want.back());
          want_at.push_back(static_cast<uint16_t>(i));
        }
        k->bin_bytes(value.data(), 1, count, table, 99, out.data());
        EXPECT_EQ(std::vector(out.begin(), out.begin() + std::ssize(want)), want) << k->name;
        std::vector<uint16_t> words(count);
        k->bin_words(value.data(), count, cuts[f].data(), cuts[f].size(), 99, words.data());
        EXPECT_EQ(words, std::vector<uint16_t>(want.begin(), want.end())) << k->name;
        if (count > 512) continue;
        std::vector<uint16_t> at(count + 16);
        std::vector<uint8_t> all(count);
        const bool whole = f % 2 == 0;
        const size_t n = k->bin_present(value.data(), count, table, 99, at.data(), out.data(),
                                        whole ? all.data() : nullptr);
        at.resize(n);
        EXPECT_EQ(at, want_at) << k->name;
        EXPECT_EQ(std::vector(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(n)),
                  want_present)
            << k->name;
        EXPECT_EQ(all, whole ? want : std::vector<uint8_t>(count)) << k->name;
      }
      k->bin_entries(column.data(), value.data(), count, tables.data(), out.data());
      for (size_t i = 0; i < count; ++i) {
        if (std::isnan(value[i])) continue;
        EXPECT_EQ(out[i], code_of(column[i], value[i])) << k->name;
      }
    }
  }
}

TEST(Kernels, TransposeMovesEveryItem) {
  std::mt19937 rng(14);
  for (const size_t rows : {1, 15, 16, 50, 128}) {
    for (const size_t columns : {1, 3, 4, 15, 16, 28, 33}) {
      std::vector<float> values(rows * columns);
      for (float& v : values) v = static_cast<float>(rng() % 1000);
      std::vector<const float*> row;
      for (size_t r = 0; r < rows + 16; ++r) row.push_back(&values[r % rows * columns]);
      std::vector<uint8_t> codes((columns + 15) / 16 * 16 * 128);
      for (uint8_t& c : codes) c = static_cast<uint8_t>(rng());
      const size_t stride = columns <= 8 ? 8 : (columns + 15) / 16 * 16 + 16;
      for (const Kernels* k : Sets()) {
        constexpr float kUntouched = -1;
        std::vector<float> out(columns * 128, kUntouched);
        k->transpose(row.data(), rows, columns, 128, out.data());
        std::vector<uint8_t> bytes(rows * stride + 1, 77);
        k->transpose_bytes(codes.data(), 128, rows, columns, bytes.data(), stride);
        for (size_t r = 0; r < rows; ++r) {
          for (size_t c = 0; c < columns; ++c) {
            ASSERT_EQ(out[c * 128 + r], values[r * columns + c]) << k->name;
            ASSERT_EQ(bytes[r * stride + c], codes[c * 128 + r]) << k->name;
          }
        }
        for (size_t c = 0; c < columns && rows < 128; ++c) {
          EXPECT_EQ(out[c * 128 + rows], kUntouched) << k->name;
        }
        EXPECT_EQ(bytes.back(), 77) << k->name;
      }
    }
  }
}

TEST(Kernels, ColumnsAreCounted) {
  std::mt19937 rng(15);
  for (const size_t count : {1, 16, 39, 500}) {
    std::vector<float> value(count);
    std::vector<uint32_t> counts(count);
    for (size_t i = 0; i < count; ++i) {
      const auto kind = rng() % 4;
      value[i] = kind == 0   ? NAN
                 : kind == 1 ? 0.0F
                 : kind == 2 ? -0.0F
                             : -5 + static_cast<float>(rng() % 10);
      counts[i] = static_cast<uint32_t>(rng() % 2);
    }
    std::vector<uint32_t> want_keys;
    uint32_t want_sum = 0;
    for (size_t i = 0; i < count; ++i) {
      if (std::isnan(value[i])) continue;
      want_keys.push_back(ToKey(value[i]));
      want_sum += counts[i];
    }
    for (const Kernels* k : Sets()) {
      std::vector<uint32_t> keys(count + 16);
      keys.resize(k->present_keys(value.data(), count, keys.data()));
      EXPECT_EQ(keys, want_keys) << k->name;
      std::vector<float> label(keys.size());
      std::vector<uint32_t> want_positive;
      std::vector<uint32_t> want_others;
      for (size_t i = 0; i < keys.size(); ++i) {
        label[i] = keys[i] % 3 == 0 ? 2 : std::numeric_limits<float>::quiet_NaN();
        (label[i] == 2 ? want_positive : want_others).push_back(keys[i]);
      }
      std::vector<uint32_t> positive(keys.size() + 16);
      std::vector<uint32_t> others(keys.size() + 16);
      const size_t n =
          k->split_keys(keys.data(), label.data(), keys.size(), 2, positive.data(), others.data());
      positive.resize(n);
      others.resize(keys.size() - n);
      EXPECT_EQ(positive, want_positive) << k->name;
      EXPECT_EQ(others, want_others) << k->name;
      EXPECT_EQ(k->count_present(value.data(), counts.data(), count), want_sum) << k->name;
      float least = 3;
      float most = 1;
      uint32_t missing = 5;
      k->column_range(value.data(), count, 1, &least, &most, &missing);
      float want_least = 3;
      float want_most = 1;
      for (const float x : value) {
        if (std::isnan(x)) continue;
        want_least = std::min(want_least, x);
        want_most = std::max(want_most, x);
      }
      EXPECT_EQ(least, want_least) << k->name;
      EXPECT_EQ(most, want_most) << k->name;
      EXPECT_EQ(missing, 5 + count - want_keys.size()) << k->name;
    }
  }
}

// Values of a feature in several nodes, in the order of their bins.
TEST(Kernels, NodesWithAGoodSplitAreFlagged) {
  std::mt19937 rng(13);
  const auto draw = [&](int low, int high) {
    return std::uniform_int_distribution<int>(low, high)(rng);
  };
  int flagged = 0;
  int not_flagged = 0;
  for (int trial = 0; trial < 2000; ++trial) {
    const auto nodes = static_cast<size_t>(draw(1, 12));
    const auto count = static_cast<size_t>(draw(1, 60));
    const int scale = 1 << draw(0, 20);
    std::vector<uint32_t> bin(count);
    for (uint32_t& b : bin) b = static_cast<uint32_t>(draw(0, 20));
    std::ranges::sort(bin);
    std::vector<uint8_t> node(count);
    std::vector<PackedGrad> sum(count);
    std::vector<PackedGrad> total(nodes);
    std::vector<PackedGrad> present(nodes, 0);
    std::vector<std::vector<PackedGrad>> hist(nodes, std::vector<PackedGrad>(21, 0));
    for (size_t i = 0; i < count; ++i) {
      const auto n = static_cast<size_t>(draw(0, static_cast<int>(nodes) - 1));
      const PackedGrad g = Pack(draw(-3 * scale, 3 * scale), draw(0, 4 * scale));
      node[i] = static_cast<uint8_t>(n);
      hist[n][bin[i]] += g;
      sum[i] = present[n] += g;
    }
    std::vector<ScanBest> want;
    std::vector<ScanInput> inputs;
    std::vector<float> bar;
    const double unit = std::exp2(-draw(0, 30));
    constexpr double kLambdas[] = {0, 1, 0.37};
    constexpr double kLeast[] = {0, 1, 50};
    const double lambda = kLambdas[draw(0, 2)];
    const double least = kLeast[draw(0, 2)];
    const double alpha = draw(0, 3) == 0 ? scale * unit : 0;
    RoughScale rough{};
    for (size_t n = 0; n < nodes; ++n) {
      total[n] = present[n];
      if (draw(0, 3) != 0) total[n] += Pack(draw(-50 * scale, 50 * scale), draw(0, 50 * scale));
      ScanInput in{.hist = hist[n].data(),
                   .bins = 21,
                   .missing = total[n] - present[n],
                   .total = total[n],
                   .grad_unit = unit,
                   .hess_unit = unit,
                   .lambda = lambda,
                   .alpha = alpha,
                   .min_child_weight = least};
      want.push_back(ScanByDefinition(in));
      constexpr float kKnown[] = {0.5F, 1, 1.001F};
      in.at_least = want[n].score < 0 ? 0 : want[n].score * kKnown[draw(0, 2)];
      inputs.push_back(in);
      rough = RoughScaleOf(in);
      bar.push_back(rough.bar);
    }
    const NodesOfScan given{.total = total.data(),
                            .present = present.data(),
                            .bar = bar.data(),
                            .lambda = rough.lambda,
                            .least = rough.least};
    for (const Kernels* k : Sets()) {
      std::vector<uint8_t> flag(nodes, 0);
      k->reaching_nodes(sum.data(), node.data(), count, given, flag.data());
      for (size_t n = 0; n < nodes; ++n) {
        (flag[n] != 0 ? flagged : not_flagged) += 1;
        if (want[n].score >= 0 && want[n].score >= inputs[n].at_least) {
          ASSERT_EQ(flag[n], 1) << k->name << " trial " << trial << " node " << n;
        }
        // The last value of a bin makes the position.
        std::vector<PackedGrad> sums;
        std::vector<uint8_t> bins;
        for (size_t i = 0; i < count; ++i) {
          if (node[i] != n) continue;
          if (bins.empty() || bins.back() != bin[i]) {
            bins.push_back(static_cast<uint8_t>(bin[i]));
            sums.emplace_back();
          }
          sums.back() = sum[i];
        }
        ScanInput all = inputs[n];
        all.at_least = 0;
        const ScanBest got = k->scan_positions(
            all,
            {.sum = sums.data(), .bin = bins.data(), .count = static_cast<uint32_t>(sums.size())});
        ASSERT_EQ(got.score, want[n].score) << k->name << " trial " << trial;
        if (got.score < 0) continue;
        ASSERT_EQ(got.left, want[n].left) << k->name << " trial " << trial;
        ASSERT_EQ(got.bin, want[n].bin) << k->name << " trial " << trial;
        ASSERT_EQ(got.default_left, want[n].default_left) << k->name << " trial " << trial;
      }
    }
  }
  EXPECT_GT(flagged, 1000);
  EXPECT_GT(not_flagged, 1000);
}

TEST(Kernels, DifferencesAreExact) {
  std::mt19937_64 rng(14);
  for (const size_t count : {0, 1, 7, 16, 257}) {
    std::vector<PackedGrad> a(count);
    std::vector<PackedGrad> b(count);
    std::vector<PackedGrad> want(count);
    for (size_t i = 0; i < count; ++i) {
      a[i] = rng();
      b[i] = rng();
      want[i] = a[i] - b[i];
    }
    for (const Kernels* k : Sets()) {
      std::vector<PackedGrad> apart(count);
      k->difference(a.data(), b.data(), count, apart.data());
      EXPECT_EQ(apart, want) << k->name;
      std::vector<PackedGrad> in_place = a;
      k->difference(in_place.data(), b.data(), count, in_place.data());
      EXPECT_EQ(in_place, want) << k->name;
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

TEST(Kernels, RankingCountsWhatComesBefore) {
  std::mt19937 rng(13);
  for (const uint32_t count : {0U, 1U, 7U, 16U, 17U, 80U, kMaxRankByCount}) {
    std::vector<float> score(count);
    for (float& s : score) s = static_cast<float>(rng() % (count / 2 + 2)) - 3;  // with ties
    std::vector<uint32_t> order(count);
    std::iota(order.begin(), order.end(), 0U);
    std::ranges::stable_sort(order, [&](uint32_t a, uint32_t b) { return score[a] > score[b]; });
    for (const Kernels* k : Sets()) {
      std::vector<uint32_t> rank(count);
      k->rank_by_count(score.data(), count, rank.data());
      for (uint32_t r = 0; r < count; ++r) EXPECT_EQ(rank[order[r]], r) << k->name << " " << count;
    }
  }
}

TEST(Kernels, ExponentialsAreLimited) {
  std::vector<float> x;
  for (int i = -200; i <= 200; ++i) x.push_back(static_cast<float>(i) * 0.61F);
  for (const Kernels* k : Sets()) {
    std::vector<float> out(x.size());
    k->exp(x.data(), 0.5F, -1, x.size(), out.data());
    for (size_t i = 0; i < x.size(); ++i) {
      const double want = std::exp(std::clamp(-(static_cast<double>(x[i]) - 0.5), -87.0, 87.0));
      EXPECT_NEAR(out[i] / want, 1, 1e-6) << k->name << " " << x[i];
    }
  }
}

TEST(Kernels, GradientsOfPredictionsAreThoseOfMargins) {
  std::mt19937 rng(16);
  std::normal_distribution<float> normal(0, 20);
  for (const size_t count : {0U, 1U, 17U, 1000U}) {
    std::vector<float> margin(count);
    std::vector<float> label(count);
    for (size_t i = 0; i < count; ++i) {
      margin[i] = normal(rng);
      label[i] = static_cast<float>(rng() % 2);
    }
    std::vector<float> first;
    for (const Kernels* k : Sets()) {
      std::vector<float> p(count), g(count), h(count), g_of(count), h_of(count);
      k->sigmoid(margin.data(), count, p.data());
      k->logistic(margin.data(), label.data(), count, g.data(), h.data());
      k->logistic_of(p.data(), label.data(), count, g_of.data(), h_of.data());
      EXPECT_EQ(g, g_of) << k->name;
      EXPECT_EQ(h, h_of) << k->name;
      if (k == Sets().front()) first = p;
      EXPECT_EQ(p, first) << k->name;
      std::vector<float> in_place = margin;
      k->sigmoid(in_place.data(), count, in_place.data());
      EXPECT_EQ(in_place, p) << k->name;
    }
  }
}

TEST(Kernels, LikelihoodIsAProduct) {
  std::mt19937 rng(15);
  for (const size_t count : {0U, 1U, 15U, 16U, 255U, 256U, 257U, 4096U}) {
    std::vector<float> p(count);
    std::vector<float> y(count);
    double want = 0;
    for (size_t i = 0; i < count; ++i) {
      p[i] = i % 9 == 0 ? static_cast<float>(rng() % 2) : static_cast<float>(rng()) * 0x1p-32F;
      y[i] = static_cast<float>(rng() % 2);
      want += std::log(std::max(y[i] == 1 ? p[i] : 1 - static_cast<double>(p[i]), 1e-16));
    }
    double first_mantissa = 0;
    int64_t first_exponent = 0;
    for (const Kernels* k : Sets()) {
      double mantissa = 0;
      int64_t exponent = 0;
      ASSERT_TRUE(k->likelihood(p.data(), y.data(), count, &mantissa, &exponent)) << k->name;
      EXPECT_NEAR(std::log(mantissa) + static_cast<double>(exponent) * std::log(2.0), want,
                  1e-12 * (1 - want))
          << k->name << " " << count;
      if (k == Sets().front()) {
        first_mantissa = mantissa;
        first_exponent = exponent;
      }
      EXPECT_EQ(mantissa, first_mantissa) << k->name;
      EXPECT_EQ(exponent, first_exponent) << k->name;
      for (const size_t at : {count / 2, count - 1}) {
        if (count == 0) break;
        std::vector<float> none = p;
        none[at] = NAN;
        EXPECT_FALSE(k->likelihood(none.data(), y.data(), count, &mantissa, &exponent));
      }
    }
  }
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

// The losses by the formulas that docs/gbdt.md has.
double LossByFormula(Loss loss, double p, double y, double parameter) {
  switch (loss) {
    case Loss::kSquared:
      return (y - p) * (y - p);
    case Loss::kAbsolute:
      return std::fabs(y - p);
    case Loss::kSquaredLog:
      return std::pow(std::log1p(p) - std::log1p(y), 2);
    case Loss::kRelative:
      return std::fabs((y - p) / y);
    case Loss::kHuber:
      return parameter * parameter * (std::sqrt(1 + std::pow((y - p) / parameter, 2)) - 1);
    case Loss::kError:
      return p > parameter ? 1 - y : y;
    case Loss::kPoisson:
      return std::max(p, 1e-16) - y * std::log(std::max(p, 1e-16));
    case Loss::kGamma:
      return y / std::max(p, 1e-6) + std::log(std::max(p, 1e-6));
    case Loss::kGammaDeviance:
      return std::log((p + 1e-6) / (y + 1e-6)) + (y + 1e-6) / (p + 1e-6) - 1;
    case Loss::kTweedie:
      return std::pow(p, 2 - parameter) / (2 - parameter) -
             y * std::pow(p, 1 - parameter) / (1 - parameter);
  }
  return NAN;
}

TEST(Kernels, LossesAreThoseOfTheFormulas) {
  struct Case {
    Loss loss;
    float parameter;
    double error = 1e-13;  // relative
  };
  const Case cases[] = {
      {Loss::kSquared, 0},          {Loss::kAbsolute, 0},  {Loss::kSquaredLog, 0},
      {Loss::kRelative, 0},         {Loss::kHuber, 0.75F}, {Loss::kError, 0.25F},
      {Loss::kPoisson, 0},          {Loss::kGamma, 0},     {Loss::kGammaDeviance, 0},
      {Loss::kTweedie, 1.5F, 1e-6}, {Loss::kTweedie, 1.3F}};
  std::mt19937 rng(21);
  std::uniform_real_distribution<float> any(0.01F, 5);
  for (const auto& [loss, parameter, error] : cases) {
    for (const size_t count : {0U, 1U, 7U, 16U, 17U, 63U, 64U, 200U, 257U}) {
      // With and without a prediction whose logarithm needs care.
      for (const float odd : {1.0F, 0.0F, std::numeric_limits<float>::infinity(), NAN}) {
        std::vector<float> p(count);
        std::vector<float> y(count);
        for (size_t i = 0; i < count; ++i) {
          p[i] = any(rng);
          y[i] = loss == Loss::kError ? static_cast<float>(rng() % 2) : any(rng);
        }
        if (count > 5 && odd != 1) p[count / 2] = odd;
        std::vector<double> first;
        double first_sum = 0;
        for (const Kernels* k : Sets()) {
          std::vector<double> out(count + 1, -7);
          k->losses(loss, p.data(), y.data(), parameter, count, out.data());
          EXPECT_EQ(out[count], -7);
          out.pop_back();
          const double sum = k->loss_sum(loss, p.data(), y.data(), parameter, count);
          double want = 0;
          for (size_t i = 0; i < count; ++i) {
            want += out[i];
            if (!std::isfinite(p[i]) || p[i] == 0)
              continue;  // XGBoost's formulas give what they give
            const double one = LossByFormula(loss, p[i], y[i], parameter);
            ASSERT_NEAR(out[i], one, error * std::max(1.0, std::fabs(one)))
                << k->name << " loss " << static_cast<int>(loss) << " " << p[i] << " " << y[i];
          }
          if (std::isfinite(want)) {
            EXPECT_NEAR(sum, want, 1e-12 * std::max(1.0, std::fabs(want))) << k->name;
          } else {
            EXPECT_EQ(std::isnan(sum), std::isnan(want)) << k->name;
            EXPECT_FALSE(std::isfinite(sum)) << k->name;
          }
          if (k == Sets().front()) {
            first = out;
            first_sum = sum;
          }
          const auto same = [](double a, double b) {
            return a == b || (std::isnan(a) && std::isnan(b));
          };
          EXPECT_TRUE(std::ranges::equal(out, first, same)) << k->name;
          EXPECT_TRUE(same(sum, first_sum)) << k->name << " " << sum << " " << first_sum;
        }
      }
    }
  }
}

TEST(Kernels, TimesAreAsLikelyAsTheFormulasSay) {
  const auto density = [](AftNoise noise, double z) {
    const double w = std::exp(z);
    if (noise == AftNoise::kNormal) return std::exp(-z * z / 2) / std::sqrt(2 * M_PI);
    if (noise == AftNoise::kExtreme) return std::isinf(w) ? 0 : w * std::exp(-w);
    return std::isinf(w * w) ? 0 : w / ((1 + w) * (1 + w));
  };
  const auto below = [](AftNoise noise, double z) {
    const double w = std::exp(z);
    if (noise == AftNoise::kNormal) return 0.5 * (1 + std::erf(z / std::sqrt(2.0)));
    if (noise == AftNoise::kExtreme) return 1 - std::exp(-w);
    return std::isinf(w) ? 1 : w / (1 + w);
  };
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  std::mt19937 rng(22);
  std::uniform_real_distribution<float> power(-6, 6);
  for (const AftNoise noise : {AftNoise::kNormal, AftNoise::kLogistic, AftNoise::kExtreme}) {
    for (const double scale : {1.0, 0.02, 2.5}) {
      for (const bool odd : {false, true}) {
        constexpr size_t kCount = 403;
        std::vector<float> lower(kCount), upper(kCount), p(kCount);
        for (size_t i = 0; i < kCount; ++i) {
          p[i] = std::exp(power(rng));
          lower[i] = upper[i] = std::exp(power(rng));
          if (i % 4 == 1) upper[i] = kInfinity;
          if (i % 4 == 2) lower[i] = 0;
          if (i % 4 == 3) upper[i] = lower[i] * 1.5F;
        }
        if (odd) p[77] = 0;  // an exponential that was too small
        std::vector<double> first;
        for (const Kernels* k : Sets()) {
          std::vector<double> out(kCount + 1, -7);
          const auto likelihood = [&](size_t from, size_t count, AftTimes::Kind kind, double* to) {
            k->aft_likelihood({.lower = lower.data() + from,
                               .upper = upper.data() + from,
                               .kind = kind,
                               .noise = noise,
                               .scale = scale},
                              p.data() + from, count, to);
          };
          likelihood(0, kCount, AftTimes::Kind::kAny, out.data());
          for (const size_t i : {0U, 1U, 76U, 77U}) {  // by themselves, kinds give the same
            double alone = 0;
            likelihood(i, 1, i % 4 == 0 ? AftTimes::Kind::kExact : AftTimes::Kind::kFromBelow,
                       &alone);
            if (!odd) {
              EXPECT_EQ(alone, out[i]) << k->name << " " << i;
            }
          }
          EXPECT_EQ(out[kCount], -7);
          out.pop_back();
          for (size_t i = 0; i < kCount; ++i) {
            const auto z = [&](float y) {
              return (std::log(static_cast<double>(y)) - std::log(static_cast<double>(p[i]))) /
                     scale;
            };
            double want = density(noise, z(lower[i])) / (scale * lower[i]);
            if (lower[i] != upper[i]) {
              want = (upper[i] == kInfinity ? 1 : below(noise, z(upper[i]))) -
                     (lower[i] == 0 ? 0 : below(noise, z(lower[i])));
            }
            want = std::max(want, 1e-12);
            // Of a difference of two probabilities, each within 2e-13.
            ASSERT_NEAR(out[i], want, 1e-12 * want + (lower[i] == upper[i] ? 2e-15 : 4e-13))
                << k->name << " " << p[i] << " in " << lower[i] << ", " << upper[i];
          }
          if (first.empty()) first = out;
          EXPECT_EQ(out, first) << k->name;
        }
      }
    }
  }
}

TEST(Kernels, PrecisionAreaIsThatOfTheSteps) {
  std::mt19937 rng(23);
  for (const size_t a_count : {1U, 15U, 16U, 17U, 40U}) {
    for (const size_t b_count : {0U, 1U, 33U}) {
      for (const uint32_t scores : {1000000U, 40U, 1U}) {  // ever more are equal
        std::vector<int32_t> a(a_count), b(b_count);
        const auto draw = [&] { return static_cast<int32_t>(rng() % scores) - 20; };
        std::ranges::generate(a, draw);
        std::ranges::generate(b, draw);
        constexpr double kA = 500;
        constexpr double kB = 700;
        double want = 0;
        for (const int32_t key : a) {
          const auto count = [&](const auto& of, auto&& is) {
            return static_cast<double>(std::ranges::count_if(of, is));
          };
          const auto above = [&](int32_t other) { return other > key; };
          const auto equal = [&](int32_t other) { return other == key; };
          const double p = kA + count(a, above);
          const double q = kB + count(b, above);
          const double g = count(a, equal);
          const double n = count(b, equal);
          const double share = g / (g + n);
          want += (share * g - (q - n / g * p) * share * share * std::log1p((g + n) / (p + q))) / g;
        }
        a.resize(a_count + kPairLanes, a[0]);
        const double first =
            kPortableKernels.precision_area(a.data(), a_count, b.data(), b_count, kA, kB);
        EXPECT_NEAR(first, want, 1e-13 * static_cast<double>(a_count));
        for (const Kernels* k : Sets()) {
          EXPECT_EQ(k->precision_area(a.data(), a_count, b.data(), b_count, kA, kB), first)
              << k->name;
        }
      }
    }
  }
}

TEST(Kernels, KeysAreComparedWithAllOthers) {
  std::mt19937 rng(9);
  for (const size_t a_count : {0U, 1U, 15U, 16U, 33U, 100U}) {
    for (const size_t b_count : {0U, 1U, 40U}) {
      std::vector<int32_t> a(a_count + kPairLanes);
      std::vector<int32_t> b(b_count);
      const auto draw = [&] {
        const int32_t few[] = {0, -1, INT32_MAX, INT32_MIN, 5};
        return rng() % 2 == 0 ? few[rng() % 5] : static_cast<int32_t>(rng());
      };
      std::ranges::generate(a, draw);
      std::ranges::generate(b, draw);
      uint64_t want = 0;
      for (size_t i = 0; i < a_count; ++i) {
        for (const int32_t other : b) {
          want += (a[i] > other ? 2U : 0U) + (a[i] == other ? 1U : 0U);
        }
      }
      for (const Kernels* k : Sets()) {
        EXPECT_EQ(k->count_pairs(a.data(), a_count, b.data(), b_count), want) << k->name;
      }
    }
  }
}

TEST(Kernels, PairsFollowTheFormulaOfLambdaMart) {
  std::mt19937 rng(14);
  std::uniform_real_distribution<float> uniform;
  for (const uint32_t count : {2U, 15U, 16U, 17U, 80U}) {
    for (const bool by_distance : {true, false}) {
      for (const bool by_dcg : {true, false}) {
        const size_t padded = (count + kPairLanes - 1) / kPairLanes * kPairLanes;
        // What is behind the last document must not matter.
        std::vector<float> score(padded, NAN);
        std::vector<float> up(padded, NAN);
        std::vector<float> down(padded, NAN);
        std::vector<float> gain(padded, NAN);
        std::vector<float> discount(padded, NAN);
        std::vector<float> delta(padded, NAN);
        for (uint32_t i = 0; i < count; ++i) {
          score[i] = (i == 0 ? 6 : score[i - 1]) - (rng() % 4 == 0 ? 0 : uniform(rng));
          up[i] = std::exp(score[i]);
          down[i] = std::exp(-score[i]);
          gain[i] = static_cast<float>(rng() % 3);
          discount[i] = 1 / std::log2(static_cast<float>(i) + 2);
          delta[i] = uniform(rng);
        }
        const uint32_t rank = count / 3;
        std::vector<double> grad(count, 0.25);
        std::vector<double> hess(count, 0.5);
        double size = 0;
        for (uint32_t b = rank + 1; b < count; ++b) {
          if (gain[rank] == gain[b]) continue;
          const uint32_t high = gain[rank] > gain[b] ? rank : b;
          const uint32_t low = high == b ? rank : b;
          double weight = by_dcg ? static_cast<double>(gain[high] - gain[low]) *
                                       (static_cast<double>(discount[rank]) - discount[b])
                                 : delta[b];
          const double difference = static_cast<double>(score[high]) - score[low];
          if (by_distance) weight /= std::fabs(difference) + 0.01;
          const double p = 1 / (1 + std::exp(-difference));
          grad[high] -= (1 - p) * weight;
          grad[low] += (1 - p) * weight;
          hess[high] += 2 * p * (1 - p) * weight;
          hess[low] += 2 * p * (1 - p) * weight;
          size += (1 - p) * weight;
        }
        std::vector<float> first_grad;
        std::vector<float> first_hess;
        for (const Kernels* k : Sets()) {
          std::vector<float> g(padded, 0.25F);
          std::vector<float> h(padded, 0.5F);
          const float got = k->lambda_pairs({.score = score.data(),
                                             .exp = up.data(),
                                             .inverse_exp = down.data(),
                                             .gain = gain.data(),
                                             .discount = discount.data(),
                                             .delta = by_dcg ? nullptr : delta.data(),
                                             .count = count,
                                             .rank = rank,
                                             .by_distance = by_distance,
                                             .grad = g.data(),
                                             .hess = h.data()});
          EXPECT_NEAR(got, size, 1e-5 * (1 + size)) << k->name;
          for (uint32_t i = 0; i < count; ++i) {
            EXPECT_NEAR(g[i], grad[i], 1e-5 * (1 + std::fabs(grad[i]))) << k->name << " " << i;
            EXPECT_NEAR(h[i], hess[i], 1e-5 * (1 + hess[i])) << k->name << " " << i;
          }
          if (first_grad.empty()) {
            first_grad = g;
            first_hess = h;
          }
          EXPECT_EQ(g, first_grad) << k->name;
          EXPECT_EQ(h, first_hess) << k->name;
        }
      }
    }
  }
}

}  // namespace
}  // namespace clary::gbdt
