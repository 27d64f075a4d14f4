#include "xgboost/internal/kfold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "xgboost/internal/input.h"

namespace clary::xgboost {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(MakeFolds, ClassesAreSpreadEvenly) {
  std::vector<float> labels(103, 0);
  for (size_t i = 0; i < labels.size(); i += 5) labels[i] = 1;
  const auto folds = MakeFolds(labels, 4, true, 1);
  ASSERT_TRUE(folds);
  std::map<std::pair<float, uint32_t>, int> count;
  std::map<uint32_t, int> size;
  for (size_t i = 0; i < labels.size(); ++i) {
    ++count[{labels[i], (*folds)[i]}];
    ++size[(*folds)[i]];
  }
  for (const auto& [key, n] : count) {
    const int whole = key.first == 1 ? 21 / 4 : 82 / 4;
    EXPECT_TRUE(n == whole || n == whole + 1) << n;
  }
  for (const auto& [fold, n] : size) EXPECT_TRUE(n == 25 || n == 26) << fold << " " << n;
  EXPECT_EQ(size.size(), 4U);
}

TEST(MakeFolds, OneSeedOneDraw) {
  const std::vector<float> labels(50, 1);
  EXPECT_EQ(*MakeFolds(labels, 5, false, 3), *MakeFolds(labels, 5, false, 3));
  EXPECT_NE(*MakeFolds(labels, 5, false, 3), *MakeFolds(labels, 5, false, 4));
  // Not just a pattern over the rows.
  EXPECT_NE(*MakeFolds(labels, 2, false, 3), *MakeFolds(labels, 2, false, 4));
}

TEST(MakeFolds, TooFewRows) {
  EXPECT_THAT(MakeFolds(std::vector<float>{1, 2}, 3, false, 0).error().message,
              HasSubstr("n_splits=3 greater than the number of samples: n_samples=2"));
  EXPECT_THAT(MakeFolds(std::vector<float>{1, 2, 3, 1}, 3, true, 0).error().message,
              HasSubstr("n_splits=3 cannot be greater than the number of members in each class"));
}

TEST(Concatenate, DenseAndSparse) {
  data::Matrix dense;
  dense.rows = 2;
  dense.cols = 2;
  dense.values = {1, 2, 3, 4};
  dense.labels = {0, 1};
  dense.files = {"a"};
  dense.origins = {{.first_row = 0, .file = 0, .first_line = 1}};
  data::Matrix sparse;
  sparse.rows = 2;
  sparse.cols = 5;
  sparse.sparse = true;
  sparse.row_begin = {0, 1, 1};
  sparse.column = {4};
  sparse.values = {9};
  sparse.labels = {1, 0};
  sparse.weights = {2, 3};
  sparse.files = {"b"};
  sparse.origins = {{.first_row = 0, .file = 0, .first_line = 7}};
  const data::Matrix both = Concatenate(dense, sparse);
  EXPECT_TRUE(both.sparse);
  EXPECT_EQ(both.rows, 4U);
  EXPECT_EQ(both.cols, 5U);
  EXPECT_THAT(both.row_begin.span(), ElementsAre(0, 2, 4, 5, 5));
  EXPECT_THAT(both.column.span(), ElementsAre(0, 1, 0, 1, 4));
  EXPECT_THAT(both.values.span(), ElementsAre(1, 2, 3, 4, 9));
  EXPECT_THAT(both.weights.span(), ElementsAre(1, 1, 2, 3));
  EXPECT_THAT(both.labels.span(), ElementsAre(0, 1, 1, 0));
  EXPECT_EQ(both.Where(1), "a, row 2");
  EXPECT_EQ(both.Where(3), "b, row 8");
  const data::Matrix twice = Concatenate(dense, dense);
  EXPECT_FALSE(twice.sparse);
  EXPECT_TRUE(twice.weights.empty());
  EXPECT_THAT(twice.values.span(), ElementsAre(1, 2, 3, 4, 1, 2, 3, 4));
}

}  // namespace
}  // namespace clary::xgboost
