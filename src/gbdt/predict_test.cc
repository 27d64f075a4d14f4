// Prediction of many rows against walking each tree.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

#include "gbdt/tree.h"

namespace clary::gbdt {
namespace {

// Trees of random shape over `features`; thresholds from a set of `distinct` values.
Forest RandomForest(std::mt19937_64& rng, size_t trees, int depth, uint32_t features, int distinct,
                    int outputs, uint32_t categories = 0, bool mixed = false) {
  Forest f;
  f.num_feature = features;
  f.base_score = {0.5F};
  if (outputs > 1) {
    f.objective.name = "multi:softprob";
    f.objective.num_class = outputs;
  }
  const auto below = [&](uint64_t n) { return rng() % n; };
  for (size_t t = 0; t < trees; ++t) {
    Tree tree;
    tree.AddNode(kNoNode);
    std::vector<std::pair<NodeId, int>> open = {{0, 0}};
    while (!open.empty()) {
      const auto [node, at] = open.back();
      open.pop_back();
      if (at == depth || below(8) == 0) {
        tree.threshold[static_cast<size_t>(node)] = static_cast<float>(below(2000)) / 999 - 1;
        continue;
      }
      const auto value = static_cast<float>(below(static_cast<uint64_t>(distinct))) /
                             static_cast<float>(distinct) * 8 -
                         4;
      const auto feature = static_cast<uint32_t>(below(features));
      NodeId left = kNoNode;
      if (categories != 0 && feature % 3 == 0 && !(mixed && below(2) == 0)) {
        std::vector<uint32_t> right = {static_cast<uint32_t>(below(categories))};
        for (uint64_t k = below(4); k != 0; --k) {
          right.push_back(right.back() + 1 + static_cast<uint32_t>(below(3)));
        }
        left = tree.SplitByCategories(node, feature, right, below(2) == 0);
      } else {
        left = tree.Split(node, feature, value, below(2) == 0);
      }
      open.emplace_back(left, at + 1);
      open.emplace_back(left + 1, at + 1);
    }
    for (float& c : tree.cover) c = 1;
    f.trees.push_back(std::move(tree));
    f.tree_output.push_back(static_cast<int>(t) % outputs);
    if ((t + 1) % static_cast<size_t>(outputs) == 0) f.round_begin.push_back(t + 1);
  }
  return f;
}

std::vector<float> RandomRows(std::mt19937_64& rng, size_t rows, uint32_t columns) {
  std::vector<float> values(rows * columns);
  for (float& v : values) {
    v = rng() % 5 == 0 ? std::nanf("") : static_cast<float>(rng() % 9000) / 1000 - 4.5F;
  }
  // Some exactly at thresholds.
  for (size_t i = 0; i < values.size(); i += 7)
    values[i] = static_cast<float>(rng() % 20) * 0.4F - 4;
  return values;
}

struct Case {
  size_t trees;
  int depth;
  uint32_t features;
  int distinct;
  int outputs;
  uint32_t categories;  // 0: none
  bool mixed;           // features split both by categories and by thresholds
  bool dart;
};

class PredictManyRows : public testing::TestWithParam<Case> {};

TEST_P(PredictManyRows, HasTheBitsOfWalkingEveryTree) {
  const Case c = GetParam();
  std::mt19937_64 rng(17);
  Forest forest =
      RandomForest(rng, c.trees, c.depth, c.features, c.distinct, c.outputs, c.categories, c.mixed);
  if (c.dart) {
    forest.booster = Booster::kDart;
    for (size_t t = 0; t < c.trees; ++t) {
      forest.tree_weight.push_back(static_cast<float>(rng() % 100) / 99);
    }
  }
  const Model model(std::make_unique<Forest>(std::move(forest)));
  const size_t rows = 1301;
  const uint32_t columns = c.features - 1;  // the last feature is missing everywhere
  std::vector<float> values = RandomRows(rng, rows, columns);
  for (size_t i = 0; i < values.size() && c.categories != 0; ++i) {
    if (i % columns % 3 != 0 || std::isnan(values[i])) continue;
    values[i] = static_cast<float>(rng() % (c.categories + 8)) - 2;  // some are no category
    if (rng() % 40 == 0) values[i] += 0.5F;
    if (rng() % 80 == 0) values[i] = 1e10F;
  }
  const auto all = Dataset::FromDense(values, rows, columns);
  ASSERT_TRUE(all);
  const Predictor predictor(model);
  for (const int threads : {1, 3}) {
    const auto fast = model.Predict(*all, {.kind = PredictKind::kMargin, .threads = threads});
    ASSERT_TRUE(fast) << fast.error().message;
    const auto outputs = static_cast<size_t>(c.outputs);
    ASSERT_EQ(fast->size(), rows * outputs);
    for (size_t r = 0; r < rows; ++r) {
      std::vector<float> sum(outputs, 0.5F);
      const std::span<const float> row = std::span(values).subspan(r * columns, columns);
      for (size_t t = 0; t < c.trees; ++t) {
        const Tree& tree = model.forest().trees[t];
        const float weight = c.dart ? model.forest().tree_weight[t] : 1.0F;
        sum[t % outputs] += weight * tree.threshold[static_cast<size_t>(tree.FindLeaf(row))];
      }
      std::vector<float> single(outputs);
      predictor.Margins(row, single);
      ASSERT_EQ(single, sum) << "row " << r;
      for (size_t k = 0; k < outputs; ++k) {
        ASSERT_EQ(std::bit_cast<uint32_t>((*fast)[r * outputs + k]),
                  std::bit_cast<uint32_t>(sum[k]))
            << "row " << r;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Forests, PredictManyRows,
    testing::Values(
        Case{30, 6, 6, 100, 1, 0, false, false}, Case{9, 1, 3, 10, 1, 0, false, false},
        Case{5, 0, 2, 10, 1, 0, false, false}, Case{40, 8, 4, 5000, 1, 0, false, false},
        Case{30, 4, 9, 50, 3, 0, false, false}, Case{24, 11, 5, 500, 1, 0, false, false},
        Case{30, 6, 6, 100, 3, 20, false, true}, Case{12, 7, 40, 300, 1, 0, false, true},
        Case{30, 6, 9, 100, 1, 60, true, false}, Case{20, 6, 9, 50, 1, 245, false, false},
        Case{20, 6, 9, 50, 1, 250, false, false}, Case{20, 5, 9, 50, 1, 1010, false, false},
        Case{20, 6, 9, 50, 2, 5000, false, false}, Case{20, 11, 9, 50, 1, 70, false, false},
        Case{20, 11, 9, 50, 1, 3000, true, false}, Case{80, 6, 60, 20, 1, 0, false, false},
        Case{9, 14, 30, 900, 3, 0, false, true}, Case{70, 5, 55, 20, 2, 30, true, true}));

TEST(Predict, LeavesAndRangesOfRounds) {
  std::mt19937_64 rng(3);
  const Model model(std::make_unique<Forest>(RandomForest(rng, 10, 4, 4, 30, 1)));
  const std::vector<float> values = RandomRows(rng, 500, 4);
  const auto data = Dataset::FromDense(values, 500, 4);
  ASSERT_TRUE(data);
  const auto some =
      model.Predict(*data, {.kind = PredictKind::kMargin, .round_begin = 2, .round_end = 5});
  const auto leaf = model.Predict(*data, {.kind = PredictKind::kLeaf});
  ASSERT_TRUE(some && leaf);
  for (size_t r = 0; r < 500; ++r) {
    float sum = 0.5F;
    for (size_t t = 0; t < 10; ++t) {
      const Tree& tree = model.forest().trees[t];
      const NodeId n = tree.FindLeaf(std::span(values).subspan(r * 4, 4));
      ASSERT_EQ((*leaf)[r * 10 + t], static_cast<float>(n));
      if (t >= 2 && t < 5) sum += tree.threshold[static_cast<size_t>(n)];
    }
    ASSERT_EQ((*some)[r], sum);
  }
}

// Contributions add up to the margin, whatever the depth; tables and direct work agree.
TEST(Explain, ContributionsAndInteractionsAddUp) {
  std::mt19937_64 rng(5);
  for (const int depth : {3, 7, 10}) {
    Forest forest = RandomForest(rng, 6, depth, 12, 40, 2, depth == 7 ? 4 : 0);
    for (Tree& tree : forest.trees) {
      // Covers as of rows: a parent has what its children have.
      for (size_t n = tree.size(); n-- > 0;) {
        const bool leaf = tree.left[n] == kNoNode;
        const auto left = static_cast<size_t>(std::max(tree.left[n], 0));
        tree.cover[n] =
            leaf ? static_cast<float>(1 + rng() % 50) : tree.cover[left] + tree.cover[left + 1];
      }
    }
    const Model model(std::make_unique<Forest>(std::move(forest)));
    const auto data = Dataset::FromDense(RandomRows(rng, 40, 12), 40, 12);
    ASSERT_TRUE(data);
    const auto margin = model.Predict(*data, {.kind = PredictKind::kMargin});
    const auto share = model.Predict(*data, {.kind = PredictKind::kContributions});
    const auto approximate = model.Predict(*data, {.kind = PredictKind::kApproxContributions});
    const auto pairs = model.Predict(*data, {.kind = PredictKind::kInteractions, .threads = 2});
    ASSERT_TRUE(margin && share && approximate && pairs);
    for (size_t i = 0; i < 40 * 2; ++i) {
      float sum = 0;
      float sum_approximate = 0;
      for (size_t f = 0; f < 13; ++f) {
        sum += (*share)[i * 13 + f];
        sum_approximate += (*approximate)[i * 13 + f];
        float row = 0;
        for (size_t g = 0; g < 13; ++g) {
          row += (*pairs)[(i * 13 + f) * 13 + g];
          ASSERT_NEAR((*pairs)[(i * 13 + f) * 13 + g], (*pairs)[(i * 13 + g) * 13 + f], 1e-6);
        }
        ASSERT_NEAR(row, (*share)[i * 13 + f], 1e-5);
      }
      ASSERT_NEAR(sum, (*margin)[i], 1e-4);
      ASSERT_NEAR(sum_approximate, (*margin)[i], 1e-4);
    }
  }
}

}  // namespace
}  // namespace clary::gbdt
