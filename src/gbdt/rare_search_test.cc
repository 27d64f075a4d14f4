// Rare features are searched in another way; that must not show in the trees.
#include "gbdt/rare_search.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "gbdt/grower.h"

namespace clary::gbdt {
namespace {

constexpr size_t kRows = 4000;
constexpr uint32_t kColumns = 70;

// Feature f has a value in one row of 2 + f, one of few or of many.
Dataset MakeData() {
  std::mt19937 rng(5);
  std::vector<float> values(kRows * kColumns, std::numeric_limits<float>::quiet_NaN());
  for (size_t r = 0; r < kRows; ++r) {
    for (uint32_t f = 0; f < kColumns; ++f) {
      if (rng() % (2 + f) == 0) {
        values[r * kColumns + f] = static_cast<float>(rng() % (f % 4 == 0 ? 3U : 900U));
      }
    }
  }
  return *Dataset::FromDense(values, kRows, kColumns, {});
}

std::shared_ptr<const Cuts> CutsOf(const Dataset& data, ThreadPool& pool) {
  return std::make_shared<const Cuts>(ComputeCuts(data, {}, 200, pool));
}

constexpr float kAll = 1e9F;  // every feature whose column is a list is rare

TEST(RareSearch, RareFeaturesHaveTheSameCodesAndNoHistogram) {
  const Dataset data = MakeData();
  ThreadPool pool(2);
  const auto cuts = CutsOf(data, pool);
  const BinnedMatrix plain(data, cuts, false, pool);
  const BinnedMatrix without(data, cuts, true, pool);
  const BinnedMatrix bins(data, cuts, true, pool, kAll);
  size_t values = 0;
  size_t slots = 0;
  for (size_t r = 0; r < kRows; ++r) {
    std::vector<uint8_t> codes(kColumns);
    bins.CopyCodes(r, codes.data());
    ASSERT_EQ(codes, std::vector<uint8_t>(plain.row<uint8_t>(r), plain.row<uint8_t>(r) + kColumns));
  }
  for (uint32_t f = 0; f < kColumns; ++f) {
    ASSERT_EQ(bins.is_rare(f), cuts->present_share[f] < BinnedMatrix::kListShare);
    ASSERT_FALSE(without.is_rare(f));
    if (!bins.is_rare(f)) continue;
    slots += cuts->bins(f);
    const auto column = bins.sorted(f);
    values += column.count;
    for (size_t i = 0; i < column.count; ++i) {
      ASSERT_EQ(column.codes[i], plain.row<uint8_t>(column.rows[i])[f]);
      if (i == 0) continue;
      ASSERT_LE(column.codes[i - 1], column.codes[i]);
      ASSERT_TRUE(column.codes[i - 1] < column.codes[i] || column.rows[i - 1] < column.rows[i]);
    }
    ASSERT_GE(bins.HistOffset(f), bins.HistSize());
  }
  EXPECT_GT(values, kRows);
  EXPECT_LT(bins.HistSize() + slots, without.HistSize() + 10);
}

// Grows trees with histograms of everything and with as many rare features as there can be.
void ExpectSameTrees(const TrainParams& params, int threads,
                     std::optional<std::span<const uint32_t>> rows = std::nullopt) {
  const Dataset data = MakeData();
  ThreadPool one(1);
  ThreadPool pool(threads);
  const auto cuts = CutsOf(data, pool);
  const BinnedMatrix plain(data, cuts, true, one);
  const BinnedMatrix rare(data, cuts, true, pool, kAll);
  RandomEngine engine_a(1);
  RandomEngine engine_b(1);
  FeatureSampler features_a(params, kColumns, engine_a);
  FeatureSampler features_b(params, kColumns, engine_b);
  TreeGrower a(params, plain, features_a, one, false, {});
  TreeGrower b(params, rare, features_b, pool, false, {});
  std::mt19937 rng(6);
  std::vector<PackedGrad> packed(kRows);
  for (int tree = 0; tree < 4; ++tree) {
    for (PackedGrad& p : packed) {
      const int32_t g = static_cast<int32_t>(rng() % 401) - 200;
      const auto h = static_cast<uint32_t>(tree % 2 == 0 ? rng() % 64 : rng() % 2);  // 0, too
      p = (static_cast<uint64_t>(static_cast<uint32_t>(tree == 3 ? g / 100 : g)) << 32) + h;
    }
    const GradScale scale{.grad_unit = 1.0 / 64, .hess_unit = 1.0 / 64};
    const Tree want = a.Grow(packed.data(), scale, rows);
    const Tree got = b.Grow(packed.data(), scale, rows);
    ASSERT_GT(want.size(), 1);
    EXPECT_EQ(got.left, want.left);
    EXPECT_EQ(got.feature, want.feature);
    EXPECT_EQ(got.threshold, want.threshold);
    EXPECT_EQ(got.default_left, want.default_left);
    EXPECT_EQ(got.gain, want.gain);
    EXPECT_EQ(got.cover, want.cover);
    std::vector<float> margin_a(kRows, 0);
    std::vector<float> margin_b(kRows, 0);
    a.AddTo(want, margin_a.data(), 1);
    b.AddTo(got, margin_b.data(), 1);
    EXPECT_EQ(margin_a, margin_b);
  }
}

TEST(RareSearch, TreesAreTheSame) {
  for (const int threads : {1, 3}) {
    for (const int depth : {3, 11}) {
      TrainParams params;
      params.max_depth = depth;
      ExpectSameTrees(params, threads);
      params.min_child_weight = 0;
      params.lambda = 0.3F;
      ExpectSameTrees(params, threads);
    }
  }
}

TEST(RareSearch, TreesAreTheSameWithOtherParameters) {
  TrainParams params;
  params.alpha = 0.5F;
  ExpectSameTrees(params, 2);
  params.colsample_bytree = 0.7F;
  params.colsample_bylevel = 0.7F;
  ExpectSameTrees(params, 1);
  TrainParams lossguide;
  lossguide.grow_policy = GrowPolicy::kLossguide;
  lossguide.max_depth = 0;
  lossguide.max_leaves = 40;
  ExpectSameTrees(lossguide, 2);
}

TEST(RareSearch, TreesAreTheSameOnSomeRows) {
  std::vector<uint32_t> rows;
  for (uint32_t r = 0; r < kRows; r += 1 + r % 3) rows.push_back(r);
  ExpectSameTrees({}, 1, rows);
  ExpectSameTrees({}, 3, rows);
}

TEST(RareSearch, IsNotAskedForWhatItCannotDo) {
  TrainParams params;
  const float usual = RareSearch::ValuesPerBin(params);
  EXPECT_GT(usual, 0);
  params.max_depth = 9;  // more nodes with empty slots
  EXPECT_GT(RareSearch::ValuesPerBin(params), usual);
  params.colsample_bynode = 0.5F;
  EXPECT_EQ(RareSearch::ValuesPerBin(params), 0);
  params = {};
  params.monotone_constraints = {0, 1};
  EXPECT_EQ(RareSearch::ValuesPerBin(params), 0);
  params = {};
  params.interaction_constraints = {{0, 1}};
  EXPECT_EQ(RareSearch::ValuesPerBin(params), 0);
  params = {};
  params.max_delta_step = 1;
  EXPECT_EQ(RareSearch::ValuesPerBin(params), 0);
}

}  // namespace
}  // namespace clary::gbdt
