// Rows that weigh nothing, lists of parameters against the data, and default metrics by release.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <random>

#include "clary/gbdt.h"
#include "gbdt/binned_matrix.h"
#include "gbdt/cuts.h"
#include "gbdt/histogram.h"
#include "gbdt/tree.h"

namespace clary::gbdt {
namespace {

using testing::HasSubstr;
using Map = std::map<std::string, std::string>;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// Rows in their two forms: all of them, and those that weigh something.
struct Pair {
  Dataset all;
  Dataset weighted;
};

struct Rows {
  uint32_t columns = 0;
  std::vector<float> values;
  RowFields fields;

  Dataset Make(bool sparse) const {
    const size_t rows = values.size() / columns;
    if (!sparse) return *Dataset::FromDense(values, rows, columns, fields);
    std::vector<uint64_t> row_begin = {0};
    std::vector<uint32_t> column;
    std::vector<float> value;
    for (size_t r = 0; r < rows; ++r) {
      for (uint32_t c = 0; c < columns; ++c) {
        if (std::isnan(values[r * columns + c])) continue;
        column.push_back(c);
        value.push_back(values[r * columns + c]);
      }
      row_begin.push_back(value.size());
    }
    return *Dataset::FromCsr(row_begin, column, value, columns, fields);
  }
};

// Two of five rows weigh nothing, have features of their own, and labels that pull the other way.
Pair MakePair(size_t rows, bool sparse, float label_scale, bool whole_labels) {
  constexpr uint32_t kColumns = 5;
  std::mt19937 rng(11);
  std::normal_distribution<float> normal;
  Rows all{.columns = kColumns, .values = {}, .fields = {}};
  Rows weighted = all;
  for (size_t r = 0; r < rows; ++r) {
    const bool nothing = rng() % 5 < 2;
    float score = 0;
    std::vector<float> x;
    for (uint32_t c = 0; c < kColumns; ++c) {
      const float v = nothing ? 50 * normal(rng) : std::round(normal(rng) * 20);
      x.push_back(rng() % 6 == 0 ? kNaN : v);
      if (!std::isnan(x.back())) score += x.back() * static_cast<float>(c);
    }
    float y = 1 / (1 + std::exp((nothing ? 1.0F : -1.0F) * score / 50));
    if (whole_labels) y = std::round(y);
    const float w = nothing ? 0 : static_cast<float>(1 + rng() % 3);
    for (Rows* to : {&all, &weighted}) {
      if (to == &weighted && nothing) continue;
      to->values.insert(to->values.end(), x.begin(), x.end());
      to->fields.label.push_back(y * label_scale + (label_scale > 1 ? 0.5F : 0.0F));
      to->fields.weight.push_back(w);
    }
  }
  return {all.Make(sparse), weighted.Make(sparse)};
}

std::string Bytes(const Map& text, const Dataset& data, int version = 300) {
  TrainParams params = *TrainParams::FromMap(text);
  params.version = version;
  const auto model = Train(params, data);
  EXPECT_TRUE(model) << model.error().message;
  return model ? model->ToJson() : "";
}

std::string ErrorOf(const Map& text, const Dataset& data) {
  const auto model = Train(*TrainParams::FromMap(text), data);
  return model ? "" : model.error().message;
}

TEST(ZeroWeights, AreAsIfTheRowsWereNotThere) {
  const Map base = {{"num_round", "4"}, {"max_depth", "4"}, {"max_bin", "16"}};
  const std::vector<Map> variants = {
      {{"tree_method", "hist"}},
      {{"tree_method", "approx"}},
      {{"tree_method", "exact"}},
      {{"tree_method", "hist"}, {"subsample", "0.6"}, {"colsample_bytree", "0.6"}},
      {{"tree_method", "approx"}, {"subsample", "0.6"}},
      {{"tree_method", "exact"}, {"subsample", "0.6"}},
      {{"subsample", "0.4"}, {"sampling_method", "gradient_based"}},
      {{"grow_policy", "lossguide"}, {"max_leaves", "7"}, {"num_parallel_tree", "2"}},
      {{"booster", "dart"}, {"rate_drop", "0.5"}},
      {{"booster", "gblinear"}},
      {{"objective", "binary:logistic"}, {"scale_pos_weight", "3"}},
      {{"objective", "binary:logistic"}, {"tree_method", "approx"}},
      {{"objective", "binary:hinge"}, {"tree_method", "approx"}},
      {{"objective", "multi:softprob"}, {"num_class", "2"}},
      {{"objective", "reg:absoluteerror"}},
      {{"objective", "reg:absoluteerror"}, {"num_parallel_tree", "2"}},
      {{"objective", "reg:quantileerror"}, {"quantile_alpha", "0.2,0.7"}},
      {{"objective", "reg:gamma"}},
      {{"objective", "survival:cox"}},
  };
  for (const bool sparse : {false, true}) {
    for (Map text : variants) {
      text.insert(base.begin(), base.end());
      const std::string objective = text.contains("objective") ? text["objective"] : "";
      const bool positive = objective == "reg:gamma";
      const bool whole = objective.starts_with("binary") || objective.starts_with("multi");
      const Pair data = MakePair(900, sparse, positive ? 3.0F : 1.0F, whole);
      for (const int version : {107, 300}) {
        const std::string without = Bytes(text, data.weighted, version);
        EXPECT_EQ(Bytes(text, data.all, version), without)
            << testing::PrintToString(text) << (sparse ? " sparse" : " dense");
        text["nthread"] = "3";
        EXPECT_EQ(Bytes(text, data.all, version), without);
      }
    }
  }
}

TEST(ZeroWeights, OfQueriesAndOfRows) {
  std::mt19937 rng(3);
  Rows all{.columns = 2, .values = {}, .fields = {}};
  Rows kept = all;
  for (int q = 0; q < 40; ++q) {
    const float w = q % 3 == 1 ? 0 : static_cast<float>(1 + q % 2);
    for (Rows* to : {&all, &kept}) {
      if (to == &kept && w == 0) continue;
      to->fields.group_sizes.push_back(8);
      to->fields.weight.push_back(w);
    }
    for (int d = 0; d < 8; ++d) {
      const auto x = static_cast<float>(rng() % 30);
      const auto noise = static_cast<float>(rng() % 5);
      for (Rows* to : {&all, &kept}) {
        if (to == &kept && w == 0) continue;
        to->values.insert(to->values.end(), {x, noise});
        to->fields.label.push_back(x > 20 ? 1 : 0);
      }
    }
  }
  for (const char* objective : {"rank:ndcg", "rank:pairwise", "rank:map"}) {
    const Map text = {{"objective", objective}, {"num_round", "3"}};
    EXPECT_EQ(Bytes(text, all.Make(false)), Bytes(text, kept.Make(false)));
  }
  // A query may also lose some rows only.
  const Map text = {{"objective", "reg:squarederror"}, {"num_round", "1"}};
  Rows rows{.columns = 1,
            .values = {1, 2, 3, 4},
            .fields = {.label = {0, 1, 5, 1}, .weight = {1, 1, 0, 1}, .group_sizes = {1, 3}}};
  const Dataset weighted = rows.Make(false).Weighted();
  EXPECT_THAT(weighted.fields().group_sizes, testing::ElementsAre(1, 2));
  EXPECT_THAT(weighted.fields().label, testing::ElementsAre(0, 1, 1));
  EXPECT_THAT(ErrorOf({{"objective", "rank:ndcg"}}, rows.Make(false)),
              HasSubstr("ranking needs a weight for each query, not for each row: there are 4 "
                        "weights and 2 queries"));
}

TEST(ZeroWeights, OfAllRowsLeaveNothingToLearn) {
  Rows rows{.columns = 1, .values = {1, 2}, .fields = {.label = {0, 1}, .weight = {0, 0}}};
  EXPECT_EQ(ErrorOf({{"num_round", "1"}}, rows.Make(false)),
            "every row of the training data has weight 0, so there is nothing to learn from");
}

TEST(ZeroWeights, MetricsOfTheTrainingDataAreOfAllItsRows) {
  const Pair data = MakePair(300, false, 1, true);
  TrainParams params = *TrainParams::FromMap(
      {{"objective", "binary:logistic"}, {"num_round", "2"}, {"eval_metric", "logloss,accuracy"}});
  std::vector<double> values;
  size_t margins = 0;
  const auto model = Train(params, data.all, {{"train", data.all}, {"weighted", data.weighted}},
                           {.stop = {}, .on_round = [&](const RoundReport& report) {
                              values.clear();
                              for (const auto& m : report.metrics) values.push_back(m.value);
                              margins = report.margins[0].size();
                              return true;
                            }});
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(margins, data.all.rows());
  EXPECT_NEAR(values[0], values[2], 1e-9);  // weighted
  EXPECT_NE(values[1], values[3]);          // not weighted
}

// Sums of several trees at once are those of one after the other.
TEST(Roots, AreTheSameTogether) {
  std::mt19937_64 rng(8);
  Rows rows{.columns = 5, .values = {}, .fields = {}};
  constexpr size_t kRows = 1300;
  for (size_t i = 0; i < 5 * kRows; ++i) {
    rows.values.push_back(rng() % 9 == 0 ? kNaN
                                         : static_cast<float>(rng() % (i % 5 < 2 ? 9 : 700)));
  }
  const Dataset data = rows.Make(false);
  ThreadPool one(1);
  const auto cuts = std::make_shared<const Cuts>(ComputeCuts(data, {}, 256, one));
  const BinnedMatrix bins(data, cuts, true, one);
  std::vector<uint32_t> all(kRows);
  std::iota(all.begin(), all.end(), 0U);
  for (const size_t trees : {1U, 2U, 3U, 5U, 8U, 9U, 12U, 17U}) {
    std::vector<std::vector<PackedGrad>> packed(trees, std::vector<PackedGrad>(kRows));
    std::vector<const PackedGrad*> pointers;
    for (auto& of : packed) {
      std::ranges::generate(of, [&] { return rng() & 0x0000ffff0000ffffU; });
      pointers.push_back(of.data());
    }
    for (const int threads : {1, 3, 8}) {
      ThreadPool pool(threads);
      HistogramBuilder builder(bins, pool);
      ASSERT_TRUE(builder.can_build_roots());
      std::vector<Histogram> together;
      for (size_t k = 0; k < trees; ++k) together.push_back(builder.storage().Take());
      builder.BuildRoots(pointers, together);
      for (size_t k = 0; k < trees; ++k) {
        Histogram alone = builder.storage().Take();
        const HistogramBuilder::Task task{.rows = all, .out = &alone};
        builder.Build({&task, 1}, pointers[k]);
        for (uint32_t f = 0; f < bins.features(); ++f) {
          for (size_t slot = 0; slot < bins.HistSlots(f); ++slot) {
            const size_t at = bins.HistOffset(f) + slot;
            ASSERT_EQ(together[k][at], alone[at]) << trees << " " << k << " " << f << " " << slot;
          }
        }
      }
    }
  }
}

// Only values that weigh something make cuts; all lie between the first and the last.
TEST(ZeroWeights, MakeNoCuts) {
  for (const bool sparse : {false, true}) {
    Rows rows{.columns = 1, .values = {}, .fields = {}};
    std::vector<float> weight;
    for (int i = 0; i < 40; ++i) {
      rows.values.push_back(static_cast<float>(i));
      weight.push_back(i >= 10 && i < 30 && i % 4 == 0 ? 2 : 0);
    }
    ThreadPool pool(2);
    const Cuts cuts = ComputeCuts(rows.Make(sparse), weight, 256, pool);
    ASSERT_EQ(cuts.bins(0), 5U);  // 12 16 20 24 28
    EXPECT_THAT(cuts.of(0).first(4), testing::ElementsAre(16, 20, 24, 28));
    EXPECT_GT(cuts.of(0)[4], 39);
    EXPECT_LT(cuts.min_value[0], 0);
    EXPECT_EQ(cuts.has_missing[0], 0);
  }
}

TEST(ListParameters, AreComparedWithTheData) {
  Rows rows{.columns = 3, .values = {}, .fields = {}};
  for (int i = 0; i < 60; ++i) {
    rows.values.insert(rows.values.end(), {static_cast<float>(i % 7), static_cast<float>(i % 5),
                                           static_cast<float>(i % 11)});
    rows.fields.label.push_back(static_cast<float>(i % 7 * (i % 5)));
  }
  const Dataset data = rows.Make(false);
  for (const char* method : {"hist", "exact", "approx"}) {
    const auto train = [&](const char* name, const char* value) {
      return Bytes({{"num_round", "2"}, {"tree_method", method}, {name, value}}, data);
    };
    EXPECT_EQ(
        ErrorOf(
            {{"num_round", "1"}, {"tree_method", method}, {"monotone_constraints", "(0,0,0,1)"}},
            data),
        "monotone_constraints has 4 items, but the data has 3 features: The size of monotone "
        "constraint should be less or equal to the number of features.");
    EXPECT_EQ(train("monotone_constraints", "(1)"), train("monotone_constraints", "(1,0,0)"));
    EXPECT_EQ(train("monotone_constraints", "1,0,-1,"), train("monotone_constraints", "(1,0,-1)"));
    EXPECT_EQ(train("monotone_constraints", "()"), train("seed", "0"));
    // Without groups no two features meet; groups may name features that are not there.
    const std::string apart = train("interaction_constraints", "[[0],[1],[2]]");
    EXPECT_NE(apart, train("seed", "0"));
    for (const char* value : {"[]", "[[]]", "[[0,7]]", "[[9]]"}) {
      EXPECT_EQ(train("interaction_constraints", value), apart) << value;
    }
    EXPECT_EQ(train("interaction_constraints", ""), train("seed", "0"));
  }
}

// As releases 0.90, 1.0.2, 1.2.0, 1.3.3, 1.5.2, 1.7.6 and 3.2.0 print them.
TEST(DefaultMetric, FollowsTheRelease) {
  struct Row {
    const char* objective;
    std::vector<std::string> by_release;
  };
  const std::vector<int> releases = {90, 100, 102, 103, 105, 107, 300};
  const auto always = [&](const char* metric) {
    return std::vector<std::string>(releases.size(), metric);
  };
  const std::vector<std::string> classes = {"merror",   "merror",   "merror",  "mlogloss",
                                            "mlogloss", "mlogloss", "mlogloss"};
  const std::vector<std::string> ranks = {"map", "map", "map", "map", "map", "map", "ndcg@32"};
  const std::vector<Row> rows = {
      {"reg:squarederror", always("rmse")},
      {"reg:linear", always("rmse")},
      {"reg:squaredlogerror", always("rmsle")},
      {"reg:logistic", always("rmse")},
      {"reg:pseudohubererror", always("mphe")},
      {"reg:absoluteerror", always("mae")},
      {"binary:logistic", {"error", "error", "error", "logloss", "logloss", "logloss", "logloss"}},
      {"binary:logitraw", {"auc", "auc", "auc", "auc", "logloss", "logloss", "logloss"}},
      {"binary:hinge", always("error")},
      {"count:poisson", always("poisson-nloglik")},
      {"reg:gamma",
       {"gamma-nloglik", "gamma-nloglik", "gamma-nloglik", "gamma-nloglik", "gamma-nloglik",
        "gamma-nloglik", "gamma-deviance"}},
      {"reg:tweedie", always("tweedie-nloglik@1.5")},
      {"multi:softmax", classes},
      {"multi:softprob", classes},
      {"survival:cox", always("cox-nloglik")},
      {"survival:aft", always("aft-nloglik")},
      {"rank:pairwise", ranks},
      {"rank:ndcg", ranks},
      {"rank:map", {"map", "map", "map", "map", "map", "map", "map@32"}},
  };
  const Dataset data = *Dataset::FromDense({1, 2, 3, 4}, 4, 1,
                                           {.label = {1, 0.0F, 1, 0.0F},
                                            .weight = {},
                                            .group_sizes = {},
                                            .label_lower = {1, 2, 1, 2},
                                            .label_upper = {1, 2, 1, 2}});
  const Dataset positive = *Dataset::FromDense({1, 2, 3, 4}, 4, 1, {.label = {1, 2, 1, 2}});
  for (const Row& row : rows) {
    const bool gamma = std::string_view(row.objective) == "reg:gamma";
    const Dataset& of = gamma ? positive : data;
    for (size_t i = 0; i < releases.size(); ++i) {
      Map text = {{"objective", row.objective}, {"num_round", "1"}};
      if (std::string_view(row.objective).starts_with("multi")) text["num_class"] = "2";
      TrainParams params = *TrainParams::FromMap(text);
      params.version = releases[i];
      std::string metric;
      const auto model = Train(params, of, {{"train", of}},
                               {.stop = {}, .on_round = [&](const RoundReport& report) {
                                  metric = report.metrics[0].metric;
                                  return true;
                                }});
      ASSERT_TRUE(model) << row.objective << ": " << model.error().message;
      EXPECT_EQ(metric, row.by_release[i]) << row.objective << " " << releases[i];
    }
  }
}

// Values of XGBoost 1.7.6 and 3.2.0 on the same predictions are in tests/compat.
TEST(OneAgainstTheRest, Averages) {
  // Class 0 is frequent and ranked well; class 2 has one row, ranked last but one.
  const std::vector<float> label = {0, 0, 0, 0, 0, 1, 1, 2};
  const std::vector<float> p = {0.9F, 0.05F, 0.05F, 0.8F, 0.1F, 0.1F, 0.7F,  0.2F,
                                0.1F, 0.6F,  0.3F,  0.1F, 0.2F, 0.4F, 0.4F,  0.3F,
                                0.6F, 0.1F,  0.1F,  0.2F, 0.7F, 0.5F, 0.45F, 0.05F};
  const auto of_class = [&](const char* metric, size_t c) {
    std::vector<float> y;
    std::vector<float> score;
    for (size_t r = 0; r < label.size(); ++r) {
      y.push_back(label[r] == static_cast<float>(c) ? 1 : 0);
      score.push_back(p[3 * r + c]);
    }
    const Dataset data = *Dataset::FromDense(std::vector<float>(8), 8, 1, {.label = y});
    return *EvalMetric(metric, score, data);
  };
  const Dataset data = *Dataset::FromDense(std::vector<float>(8), 8, 1, {.label = label});
  EXPECT_NEAR(*EvalMetric("aucpr", p, data),
              (of_class("aucpr", 0) + of_class("aucpr", 1) + of_class("aucpr", 2)) / 3, 1e-12);
  EXPECT_NEAR(*EvalMetric("auc", p, data),
              (5 * of_class("auc", 0) + 2 * of_class("auc", 1) + of_class("auc", 2)) / 8, 1e-12);
  // A class without rows has no area.
  const Dataset two =
      *Dataset::FromDense(std::vector<float>(8), 8, 1, {.label = {0, 0, 0, 0, 0, 1, 1, 1}});
  EXPECT_TRUE(std::isnan(*EvalMetric("auc", p, two)));
  EXPECT_TRUE(std::isnan(*EvalMetric("aucpr", p, two)));
}

}  // namespace
}  // namespace clary::gbdt
