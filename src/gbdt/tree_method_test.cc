// Tree methods exact and approx, and categorical features.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "clary/gbdt.h"
#include "gbdt/tree.h"

namespace clary::gbdt {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
using Text = std::map<std::string, std::string>;

Result<Model> TryTrain(Text text, const Dataset& data) {
  text.try_emplace("num_round", "1");
  text.try_emplace("base_score", "0.5");
  auto params = TrainParams::FromMap(text);
  EXPECT_TRUE(params.has_value()) << params.error().message;
  return Train(*params, data, {{"train", data}});
}

Model MustTrain(const Text& text, const Dataset& data) {
  auto model = TryTrain(text, data);
  EXPECT_TRUE(model.has_value()) << model.error().message;
  return *std::move(model);
}

Dataset Make(std::vector<float> values, uint32_t columns, RowFields fields) {
  const size_t rows = values.size() / columns;
  auto data = Dataset::FromDense(std::move(values), rows, columns, std::move(fields));
  EXPECT_TRUE(data.has_value()) << data.error().message;
  return *std::move(data);
}

TEST(Exact, ThresholdsLieMidwayAndDenseColumnsSendMissingLeft) {
  const Dataset data = Make({0, 1, 2, 3}, 1, {.label = {0, 0, 1, 1}});
  const Model model = MustTrain({{"tree_method", "exact"}, {"max_depth", "1"}}, data);
  const Tree& tree = model.forest().trees[0];
  ASSERT_EQ(tree.size(), 3U);
  EXPECT_EQ(tree.threshold[0], 1.5F);
  EXPECT_EQ(tree.default_left[0], 1);
  EXPECT_FLOAT_EQ(tree.gain[0], 2.0F / 3.0F);
}

TEST(Exact, MissingValuesCanBeSplitFromAllOthers) {
  const Dataset data = Make({4, 4, 6, kNaN, kNaN}, 1, {.label = {1, 1, 1, 0, 0}});
  const Model model = MustTrain({{"tree_method", "exact"}, {"max_depth", "1"}}, data);
  const Tree& tree = model.forest().trees[0];
  ASSERT_EQ(tree.size(), 3U);
  EXPECT_FLOAT_EQ(tree.cover[1] + tree.cover[2], 5);
  EXPECT_FLOAT_EQ(std::min(tree.cover[1], tree.cover[2]), 2);
}

// An exclusive or whose first split gains next to nothing and whose second ones gain much.
Dataset ExclusiveOr() {
  std::vector<float> values;
  RowFields fields;
  for (int i = 0; i < 41; ++i) {
    const int a = i % 2;
    const int b = i / 2 % 2;
    values.push_back(static_cast<float>(a));
    values.push_back(static_cast<float>(b));
    fields.label.push_back(a != b ? 10.0F : -10.0F);
  }
  return Make(std::move(values), 2, std::move(fields));
}

TEST(Exact, GammaPrunesAfterwardsWhereHistNeverSplits) {
  const Dataset data = ExclusiveOr();
  const auto nodes = [&](const char* method, const char* gamma) {
    return MustTrain({{"tree_method", method}, {"gamma", gamma}}, data).forest().trees[0].size();
  };
  EXPECT_EQ(nodes("hist", "100"), 1U);
  EXPECT_EQ(nodes("approx", "100"), 1U);
  EXPECT_EQ(nodes("exact", "100"), 7U);
  EXPECT_EQ(nodes("exact", "1e9"), 1U);  // everything is taken back
}

TEST(Exact, RefusesWhatItCannotDo) {
  const Dataset data = Make({0, 1, 2, 3}, 1, {.label = {0, 0, 1, 1}});
  const auto error = [&](Text text) {
    text["tree_method"] = "exact";
    const auto model = TryTrain(text, data);
    return model.has_value() ? std::string("none") : model.error().message;
  };
  EXPECT_THAT(error({{"max_depth", "0"}}), HasSubstr("max_depth"));
  EXPECT_THAT(error({{"colsample_bynode", "0.5"}}), HasSubstr("by node"));
  const Dataset categories = Make({0, 1, 2, 3}, 1, {.label = {0, 0, 1, 1}, .feature_types = {"c"}});
  const auto model = TryTrain({{"tree_method", "exact"}}, categories);
  ASSERT_FALSE(model.has_value());
  EXPECT_THAT(model.error().message, HasSubstr("categories"));
}

TEST(Categories, OneAgainstTheRest) {
  // Category 1 alone has label 1.
  const Dataset data =
      Make({0, 1, 2, 0, 1, 2}, 1, {.label = {0, 1, 0, 0, 1, 0}, .feature_types = {"c"}});
  const Model model = MustTrain({{"max_depth", "1"}, {"max_cat_to_onehot", "4"}}, data);
  const Tree& tree = model.forest().trees[0];
  ASSERT_EQ(tree.size(), 3U);
  const auto [is_categorical, right] = tree.RightCategories(0);
  EXPECT_TRUE(is_categorical);
  EXPECT_THAT(right, ElementsAre(1));
}

TEST(Categories, SortedByWeightAndCutInTwo) {
  // 5 categories with means 0, 4, 1, 5, 2: the best cut has the low ones on the right.
  const float mean[] = {0, 4, 1, 5, 2};
  std::vector<float> values;
  RowFields fields{.feature_types = {"c"}};
  for (int i = 0; i < 50; ++i) {
    values.push_back(static_cast<float>(i % 5));
    fields.label.push_back(mean[i % 5]);
  }
  const Dataset data = Make(values, 1, fields);
  const Model model = MustTrain({{"max_depth", "1"}, {"max_cat_to_onehot", "1"}}, data);
  const auto [is_categorical, right] = model.forest().trees[0].RightCategories(0);
  EXPECT_TRUE(is_categorical);
  EXPECT_THAT(right, ElementsAre(0, 2, 4));
}

TEST(Categories, UnknownOnesGoLeftAndMissingOnesToTheDefault) {
  std::vector<float> values;
  RowFields fields{.feature_types = {"c"}};
  for (int i = 0; i < 60; ++i) {
    values.push_back(i % 6 == 5 ? kNaN : static_cast<float>(i % 6));
    fields.label.push_back(i % 6 < 2 ? 1.0F : 0.0F);
  }
  const Dataset data = Make(values, 1, fields);
  const Dataset other = Make({7, 70000, -1, kNaN}, 1, {.label = {0, 0, 0, 0}});
  auto params = TrainParams::FromMap({{"num_round", "3"}, {"max_cat_to_onehot", "1"}});
  std::vector<float> watched;
  auto trained =
      Train(*params, data, {{"other", other}}, {.on_round = [&](const RoundReport& report) {
        watched.assign(report.margins[0].begin(), report.margins[0].end());
        return true;
      }});
  ASSERT_TRUE(trained.has_value()) << trained.error().message;
  const auto margin = trained->Predict(other, {.kind = PredictKind::kMargin});
  ASSERT_TRUE(margin.has_value());
  EXPECT_EQ(*margin, watched);  // by value and by bin
  EXPECT_EQ((*margin)[0], (*margin)[1]);
  EXPECT_EQ((*margin)[0], (*margin)[2]);
  const Tree& tree = trained->forest().trees[0];
  const float seven[] = {7};
  const float none[] = {kNaN};
  EXPECT_EQ(tree.FindLeaf(seven), tree.left[0]);
  EXPECT_EQ(tree.FindLeaf(none), tree.left[0] + (tree.default_left[0] != 0 ? 0 : 1));
}

TEST(Categories, MustBeNumbersFromZero) {
  const Dataset data = Make({0, 1, -1, 2}, 1, {.label = {0, 0, 1, 1}, .feature_types = {"c"}});
  const auto model = TryTrain({}, data);
  ASSERT_FALSE(model.has_value());
  EXPECT_EQ(model.error().reason, "BadCategory");
  EXPECT_THAT(model.error().message, HasSubstr("row 2"));
}

// Everything at once: two numeric columns (one sparse), two categorical ones, weights.
Dataset Mixed(size_t rows, bool categories) {
  std::mt19937 rng(7);
  std::normal_distribution<float> normal;
  std::vector<float> values;
  RowFields fields;
  if (categories) fields.feature_types = {"q", "q", "c", "c"};
  for (size_t r = 0; r < rows; ++r) {
    const float a = normal(rng);
    const float b = rng() % 3 == 0 ? std::round(normal(rng) * 5) : kNaN;
    const auto c = static_cast<float>(rng() % 3);
    const auto d = static_cast<float>(rng() % 400);
    values.insert(values.end(), {a, b, c, rng() % 10 == 0 ? kNaN : d});
    const float score = a + (std::isnan(b) ? 0 : b / 5) + (c == 1 ? 1.0F : 0.0F) +
                        (static_cast<int>(d) * 37 % 11 < 4 ? 1.0F : -1.0F) + normal(rng) / 3;
    fields.label.push_back(score > 0 ? 1.0F : 0.0F);
    fields.weight.push_back(static_cast<float>(1 + rng() % 3));
  }
  return Make(std::move(values), 4, std::move(fields));
}

Dataset Sparse(const Dataset& dense) {
  std::vector<uint64_t> row_begin = {0};
  std::vector<uint32_t> column;
  std::vector<float> value;
  for (size_t r = 0; r < dense.rows(); ++r) {
    for (uint32_t f = 0; f < dense.columns(); ++f) {
      const float x = dense.dense()[r * dense.columns() + f];
      if (std::isnan(x)) continue;
      column.push_back(f);
      value.push_back(x);
    }
    row_begin.push_back(value.size());
  }
  auto data = Dataset::FromCsr(row_begin, column, value, dense.columns(), dense.fields());
  EXPECT_TRUE(data.has_value());
  return *std::move(data);
}

class EveryMethod : public testing::TestWithParam<std::tuple<const char*, bool>> {};

TEST_P(EveryMethod, SameBytesForAnyThreadsAndLayout) {
  const auto& [method, categories] = GetParam();
  const Dataset data = Mixed(20000, categories);
  const auto bytes = [&](const char* threads, const Dataset& of) {
    return MustTrain({{"tree_method", method},
                      {"objective", "binary:logistic"},
                      {"num_round", "4"},
                      {"max_depth", "5"},
                      {"subsample", "0.7"},
                      {"colsample_bytree", "0.8"},
                      {"gamma", "0.1"},
                      {"nthread", threads}},
                     of)
        .ToUbjson();
  };
  const std::string one = bytes("1", data);
  EXPECT_EQ(one, bytes("3", data));
  EXPECT_EQ(one, bytes("1", Sparse(data)));
}

TEST_P(EveryMethod, MarginsKeptDuringTrainingAreThoseOfTheModel) {
  const auto& [method, categories] = GetParam();
  const Dataset data = Mixed(3000, categories);
  auto params = TrainParams::FromMap({{"tree_method", method},
                                      {"objective", "multi:softprob"},
                                      {"num_class", "2"},
                                      {"num_round", "5"},
                                      {"subsample", "0.6"},
                                      {"gamma", "0.5"}});
  std::vector<float> kept;
  auto model = Train(*params, data, {{"train", data}}, {.on_round = [&](const RoundReport& report) {
    kept.assign(report.margins[0].begin(), report.margins[0].end());
    return true;
  }});
  ASSERT_TRUE(model.has_value()) << model.error().message;
  const auto read = Model::Parse(model->ToJson());
  ASSERT_TRUE(read.has_value());
  const auto margin = read->Predict(data, {.kind = PredictKind::kMargin});
  ASSERT_TRUE(margin.has_value());
  ASSERT_EQ(margin->size(), kept.size());
  for (size_t i = 0; i < kept.size(); ++i) EXPECT_NEAR((*margin)[i], kept[i], 1e-5) << i;
}

INSTANTIATE_TEST_SUITE_P(Methods, EveryMethod,
                         testing::Values(std::tuple{"hist", false}, std::tuple{"hist", true},
                                         std::tuple{"approx", false}, std::tuple{"approx", true},
                                         std::tuple{"exact", false}));

TEST(SharedBins, GiveTheModelThatBinsOfItsOwnGive) {
  std::mt19937 random(1);
  std::vector<float> values;
  std::vector<float> label;
  for (int r = 0; r < 500; ++r) {
    for (int c = 0; c < 3; ++c) values.push_back(static_cast<float>(random() % 1000));
    if (r % 7 == 0) values.back() = kNaN;
    label.push_back(static_cast<float>(random() % 2));
  }
  const Dataset data = Make(values, 3, {.label = label});
  const Dataset other = Make(values, 3, {.label = label});
  const std::vector<uint32_t> some = {1, 5, 9, 77, 200};
  const std::vector<EvalSet> sets = {{"train", data}, {"validation", data.Subset(some)}};
  auto params =
      *TrainParams::FromMap({{"num_round", "5"}, {"max_bin", "32"}, {"subsample", "0.8"}});
  const auto bins = Bins::Make(params, data, sets);
  ASSERT_TRUE(bins);
  EXPECT_TRUE(bins->Fit(params, data));
  EXPECT_FALSE(bins->Fit(params, other)) << "other data, whatever its values";
  EXPECT_FALSE(Bins().Fit(params, data));
  TrainOptions options;
  options.bins = *bins;
  for (const int max_bin : {32, 16}) {
    params.max_bin = max_bin;
    params.max_depth = max_bin / 8;
    EXPECT_EQ(bins->Fit(params, data), max_bin == 32);
    EXPECT_EQ(Train(params, data, sets, options)->ToUbjson(),
              Train(params, data, sets)->ToUbjson());
  }
}

}  // namespace
}  // namespace clary::gbdt
