#include "clary/gbdt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "gbdt/cuts.h"
#include "gbdt/kernels.h"
#include "gbdt/key_quantiles.h"
#include "gbdt/tree.h"

namespace clary::gbdt {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

Dataset Make(std::vector<float> values, uint32_t columns, RowFields fields) {
  const size_t rows = values.size() / columns;
  auto data = Dataset::FromDense(std::move(values), rows, columns, std::move(fields));
  EXPECT_TRUE(data.has_value()) << data.error().message;
  return *std::move(data);
}

TrainParams Params(std::map<std::string, std::string> text) {
  auto params = TrainParams::FromMap(text);
  EXPECT_TRUE(params.has_value()) << params.error().message;
  return *std::move(params);
}

Model MustTrain(const TrainParams& params, const Dataset& data,
                const std::vector<EvalSet>& evals = {}, const TrainOptions& options = {}) {
  auto model = Train(params, data, evals, options);
  EXPECT_TRUE(model.has_value()) << model.error().message;
  return *std::move(model);
}

// Mixed columns with weights, missing values and a label that depends on them.
Dataset Random(size_t rows, uint32_t columns, uint32_t seed, int classes = 2) {
  std::mt19937 rng(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(rows * columns);
  RowFields fields;
  for (size_t r = 0; r < rows; ++r) {
    float score = 0;
    for (uint32_t c = 0; c < columns; ++c) {
      float x = normal(rng);
      if (c % 3 == 1) x = std::round(x * 3);
      score += x * static_cast<float>(c % 4);
      values[r * columns + c] = c % 3 == 2 && rng() % 4 == 0 ? kNaN : x;
    }
    score = score / static_cast<float>(columns) + normal(rng) * 0.3F;
    fields.label.push_back(std::clamp(std::floor(score + static_cast<float>(classes) / 2), 0.0F,
                                      static_cast<float>(classes - 1)));
    fields.weight.push_back(static_cast<float>(1 + rng() % 3));
  }
  return Make(std::move(values), columns, std::move(fields));
}

TEST(Tree, OneSplitByHand) {
  // Residuals from 0.5: -.5 -.5 +.5 +.5 in the order of x, so the split is between 1 and 2.
  // Gain 1/(2+1) + 1/(2+1) - 0; leaves -(G)/(2+1) * eta.
  const Dataset data = Make({0, 1, 2, 3}, 1, {.label = {0, 0, 1, 1}});
  const Model model = MustTrain(
      Params({{"num_round", "1"}, {"eta", "0.5"}, {"max_depth", "1"}, {"base_score", "0.5"}}),
      data);
  const Tree& tree = model.forest().trees[0];
  ASSERT_EQ(tree.size(), 3U);
  EXPECT_EQ(tree.threshold[0], 2.0F);  // a cut is a value of the data
  EXPECT_EQ(tree.default_left[0], 0);
  EXPECT_FLOAT_EQ(tree.gain[0], 2.0F / 3.0F);
  EXPECT_FLOAT_EQ(tree.cover[0], 4);
  EXPECT_FLOAT_EQ(tree.threshold[1], -0.5F / 3.0F);
  EXPECT_FLOAT_EQ(tree.threshold[2], 0.5F / 3.0F);
}

TEST(Tree, MissingValuesLearnTheirSide) {
  const Dataset data = Make({0, 1, 2, 3, kNaN, kNaN}, 1, {.label = {0, 0, 1, 1, 0, 0}});
  const Model model =
      MustTrain(Params({{"num_round", "1"}, {"max_depth", "1"}, {"base_score", "0.5"}}), data);
  EXPECT_EQ(model.forest().trees[0].default_left[0], 1);
  EXPECT_EQ(model.forest().trees[0].threshold[0], 2.0F);
}

TEST(Tree, GammaStopsASplitThatGainsLess) {
  const Dataset data = Make({0, 1, 2, 3}, 1, {.label = {0, 0, 1, 1}});
  const Model model =
      MustTrain(Params({{"num_round", "1"}, {"gamma", "0.7"}, {"base_score", "0.5"}}), data);
  EXPECT_EQ(model.forest().trees[0].size(), 1U);
}

TEST(Tree, AlphaAndLambdaShrinkTheLeaf) {
  // One leaf, G = -2 * 0.5 (labels 1 from 0.5): -(G + alpha) / (H + lambda).
  const Dataset data = Make({1, 1}, 1, {.label = {1, 1}});
  const auto leaf = [&](const char* alpha, const char* lambda) {
    return MustTrain(Params({{"num_round", "1"},
                             {"eta", "1"},
                             {"alpha", alpha},
                             {"lambda", lambda},
                             {"base_score", "0.5"}}),
                     data)
        .forest()
        .trees[0]
        .threshold[0];
  };
  EXPECT_FLOAT_EQ(leaf("0", "0"), 0.5F);
  EXPECT_FLOAT_EQ(leaf("0.2", "0"), 0.4F);
  EXPECT_FLOAT_EQ(leaf("0.2", "2"), 0.2F);
}

TEST(Train, SameBytesForAnyNumberOfThreads) {
  const Dataset data = Random(20'000, 40, 7, 3);
  for (const char* policy : {"depthwise", "lossguide"}) {
    std::vector<std::string> models;
    for (const char* threads : {"1", "2", "3", "5"}) {
      models.push_back(MustTrain(Params({{"objective", "multi:softprob"},
                                         {"num_class", "3"},
                                         {"num_round", "3"},
                                         {"subsample", "0.7"},
                                         {"colsample_bynode", "0.7"},
                                         {"grow_policy", policy},
                                         {"max_leaves", "40"},
                                         {"nthread", threads}}),
                                 data)
                           .ToUbjson());
    }
    EXPECT_THAT(models, testing::Each(models[0]));
  }
}

TEST(Train, WideBinsSplitFinerThanBytes) {
  std::vector<float> x(5000);
  RowFields fields;
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(i);
    fields.label.push_back(i < 4321 ? 0.0F : 1.0F);
  }
  const Dataset data = Make(std::move(x), 1, std::move(fields));
  const Model model = MustTrain(
      Params({{"num_round", "1"}, {"max_depth", "1"}, {"max_bin", "5000"}, {"nthread", "2"}}),
      data);
  EXPECT_EQ(model.forest().trees[0].threshold[0], 4321.0F);
}

TEST(Train, CachedMarginsEqualPrediction) {
  const Dataset train = Random(3000, 10, 1);
  const Dataset valid = Random(500, 10, 2);
  std::vector<float> cached;
  const Model model = MustTrain(
      Params({{"objective", "binary:logistic"}, {"num_round", "5"}, {"subsample", "0.6"}}), train,
      {{"train", train}, {"valid", valid}}, {.on_round = [&](const RoundReport& report) {
        cached.assign(report.margins[1].begin(), report.margins[1].end());
        return true;
      }});
  const auto again = model.Predict(valid, {.kind = PredictKind::kMargin});
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(*again, cached);
}

TEST(Train, EarlyStoppingKeepsTheBestRound) {
  const Dataset train = Random(400, 6, 3);
  const Dataset valid = Random(200, 6, 4);
  std::vector<double> seen;
  const Model model =
      MustTrain(Params({{"objective", "binary:logistic"}, {"num_round", "500"}, {"eta", "1"}}),
                train, {{"train", train}, {"valid", valid}},
                {.on_round =
                     [&](const RoundReport& report) {
                       seen.push_back(report.metrics[1].value);
                       return true;
                     },
                 .early_stopping_rounds = 5});
  const auto best = std::ranges::min_element(seen) - seen.begin();
  EXPECT_EQ(model.best_iteration(), static_cast<int>(best));
  EXPECT_EQ(model.num_round(), static_cast<int>(best) + 1);
  EXPECT_EQ(seen.size(), static_cast<size_t>(best) + 6);
}

TEST(Train, ContinuesFromAModel) {
  const Dataset data = Random(1000, 6, 5);
  const auto params = [&](const char* rounds) {
    return Params({{"objective", "binary:logistic"}, {"num_round", rounds}});
  };
  const Model all = MustTrain(params("6"), data);
  const Model first = MustTrain(params("3"), data);
  const Model second = MustTrain(params("3"), data, {}, {.initial = &first});
  EXPECT_EQ(second.num_round(), 6);
  EXPECT_EQ(*second.Predict(data), *all.Predict(data));
}

TEST(Train, StopsWhenAsked) {
  const Dataset data = Random(100, 3, 6);
  std::stop_source stop;
  const auto result = Train(Params({{"num_round", "50"}}), data, {},
                            {.stop = stop.get_token(), .on_round = [&](const RoundReport& r) {
                               if (r.round == 3) stop.request_stop();
                               return true;
                             }});
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, Code::kCancelled);
}

TEST(Train, ReportsSayWhichRoundIsLastAndWhereTimeWent) {
  const Dataset data = Random(2000, 5, 6);
  std::vector<bool> last;
  std::vector<std::set<std::string_view>> phases;
  MustTrain(Params({{"num_round", "3"}}), data, {{"train", data}},
            {.on_round = [&](const RoundReport& r) {
              last.push_back(r.last);
              auto& names = phases.emplace_back();
              for (const PhaseTime& p : r.phases) {
                names.insert(p.name);
                EXPECT_GT(p.seconds, 0) << p.name;
              }
              return true;
            }});
  EXPECT_THAT(last, testing::ElementsAre(false, false, true));
  ASSERT_EQ(phases.size(), 3U);
  EXPECT_THAT(phases[0], testing::UnorderedElementsAre("binning", "gradient", "histogram", "split",
                                                       "partition", "predict", "evaluate"));
  EXPECT_FALSE(phases[1].contains("binning"));
  last.clear();
  MustTrain(Params({{"num_round", "300"}, {"eval_metric", "rmse"}, {"eta", "1"}}), data,
            {{"train", data}, {"validation", Random(200, 5, 7)}},
            {.on_round =
                 [&](const RoundReport& r) {
                   last.push_back(r.last);
                   return true;
                 },
             .early_stopping_rounds = 2});
  EXPECT_LT(last.size(), 300U);
  EXPECT_TRUE(last.back());
  EXPECT_EQ(std::ranges::count(last, true), 1);
}

TEST(Train, RefusesWhatItCannotDo) {
  const Dataset data = Random(100, 3, 6);
  const auto error = [&](std::map<std::string, std::string> text) {
    const auto result = Train(Params(std::move(text)), data);
    return result ? "" : result.error().reason;
  };
  EXPECT_EQ(error({{"objective", "no:such"}}), "UnknownObjective");
  EXPECT_EQ(error({{"eval_metric", "nonsense"}}), "UnknownMetric");
  EXPECT_EQ(error({{"eval_metric", "error@x"}}), "BadMetric");
  EXPECT_EQ(error({{"eval_metric", "rmse@1"}}), "BadMetric");
  for (const char* number : {"-1", "nan", "inf", "1e30"}) {
    EXPECT_EQ(error({{"eval_metric", "ndcg@" + std::string(number)}}), "BadMetric") << number;
    EXPECT_EQ(error({{"eval_metric", "error@" + std::string(number)}}), "") << number;
    EXPECT_EQ(error({{"eval_metric", "tweedie-nloglik@" + std::string(number)}}), "BadMetric");
  }
  EXPECT_EQ(error({{"eval_metric", "tweedie-nloglik@2"}}), "BadMetric");
  EXPECT_EQ(error({{"objective", "multi:softmax"}}), "BadParameter");
  EXPECT_EQ(error({{"objective", "binary:logistic"}, {"base_score", "1"}}), "BadParameter");
  const Dataset labels = Make({1, 2}, 1, {.label = {0, 2}});
  EXPECT_EQ(Train(Params({{"objective", "binary:logistic"}}), labels).error().reason, "BadLabel");
}

TEST(Params, ReadsXgboostsForms) {
  const TrainParams p = Params({{"learning_rate", "0.1"},
                                {"reg_lambda", "2"},
                                {"eval_metric", "auc, error@0.7"},
                                {"monotone_constraints", "(1,0,-1)"},
                                {"interaction_constraints", "[[0, 1], [2]]"}});
  EXPECT_FLOAT_EQ(p.eta, 0.1F);
  EXPECT_FLOAT_EQ(p.lambda, 2);
  EXPECT_THAT(p.eval_metric, testing::ElementsAre("auc", "error@0.7"));
  EXPECT_THAT(p.monotone_constraints, testing::ElementsAre(1, 0, -1));
  EXPECT_THAT(p.interaction_constraints,
              testing::ElementsAre(testing::ElementsAre(0, 1), testing::ElementsAre(2)));
  EXPECT_EQ(TrainParams::FromMap({{"etaa", "1"}}).error().reason, "UnknownParameter");
  EXPECT_EQ(TrainParams::FromMap({{"eta", "x"}}).error().reason, "BadParameter");
  EXPECT_EQ(TrainParams::FromMap({{"max_depth", "1.5"}}).error().reason, "BadParameter");
  EXPECT_EQ(TrainParams::FromMap({{"subsample", "0"}}).error().message,
            "parameter subsample: '0' is not in (0, 1]");
}

TEST(Metric, KnownValues) {
  const Dataset data = Make({0, 0, 0, 0}, 1, {.label = {0, 0, 1, 1}, .weight = {1, 1, 1, 3}});
  const std::vector<float> p = {0.1F, 0.6F, 0.4F, 0.8F};
  const auto value = [&](std::string_view name) { return EvalMetric(name, p, data).value(); };
  EXPECT_NEAR(value("rmse"), std::sqrt((0.01 + 0.36 + 0.36 + 3 * 0.04) / 6), 1e-7);
  EXPECT_NEAR(value("mae"), (0.1 + 0.6 + 0.6 + 3 * 0.2) / 6, 1e-7);
  EXPECT_NEAR(value("error"), 2.0 / 6, 1e-12);
  EXPECT_NEAR(value("error@0.7"), 1.0 / 6, 1e-12);
  EXPECT_NEAR(value("logloss"),
              -(std::log(0.9) + std::log(0.4) + std::log(0.4) + 3 * std::log(0.8)) / 6, 1e-7);
  EXPECT_NEAR(value("auc"), (1 + 2 * 3) / 8.0, 1e-12);  // 0.4 beats one of two, 0.8 (3x) both
  const Dataset one = Make({0, 0}, 1, {.label = {1, 1}});
  EXPECT_TRUE(std::isnan(EvalMetric("auc", std::vector<float>{0.1F, 0.2F}, one).value()));
}

// Unweighted labels of 0 and 1 take a way of their own, also with certain and wrong predictions.
TEST(Metric, LogLossOfBlocksOfRowsIsTheSumOfTheRows) {
  for (const size_t rows : {1, 15, 16, 17, 50}) {
    std::vector<float> p, y;
    for (size_t i = 0; i < rows; ++i) {
      p.push_back(i % 5 == 0 ? static_cast<float>(i % 2)
                             : 0.02F * static_cast<float>(i + 1) / 1.1F);
      y.push_back(i % 3 == 0 ? 1.0F : 0.0F);
    }
    double sum = 0;
    for (size_t i = 0; i < rows; ++i) {
      const double right = y[i] == 1 ? p[i] : 1 - static_cast<double>(p[i]);
      sum -= std::log(std::max(right, 1e-16));
    }
    const double mean = sum / static_cast<double>(rows);
    const std::vector<float> x(rows, 0.0F);
    EXPECT_NEAR(EvalMetric("logloss", p, Make(x, 1, {.label = y})).value(), mean, 1e-12 * mean);
    const std::vector<float> ones(rows, 1.0F);
    EXPECT_NEAR(EvalMetric("logloss", p, Make(x, 1, {.label = y, .weight = ones})).value(), mean,
                1e-12 * mean);
  }
}

TEST(Metric, AucCountsPairs) {
  // Pairs (positive, negative): 0.4>0.1 yes, 0.4>0.6 no, 0.8 above both: 3 of 4; a tie is half.
  const Dataset data = Make({0, 0, 0, 0}, 1, {.label = {0, 0, 1, 1}});
  EXPECT_DOUBLE_EQ(EvalMetric("auc", std::vector<float>{.1F, .6F, .4F, .8F}, data).value(), 0.75);
  EXPECT_DOUBLE_EQ(EvalMetric("auc", std::vector<float>{.1F, .4F, .4F, .8F}, data).value(), 0.875);
}

TEST(Metric, AucIsTheSameWithWeightsOfOne) {
  // Without weights it sorts bits; a score below zero or a label between 0 and 1 prevents that.
  std::mt19937 rng(31);
  std::vector<float> p, y;
  for (int i = 0; i < 3000; ++i) {
    p.push_back(static_cast<float>(rng() % 700) / 700);  // with ties
    y.push_back(static_cast<float>(rng() % 3 == 0));
  }
  const std::vector<float> x(p.size(), 0.0F);
  const std::vector<float> ones(p.size(), 1.0F);
  const auto both = [&](std::string_view name) {
    const double plain = EvalMetric(name, p, Make(x, 1, {.label = y})).value();
    EXPECT_DOUBLE_EQ(plain, EvalMetric(name, p, Make(x, 1, {.label = y, .weight = ones})).value());
    return plain;
  };
  const double auc = both("auc");
  double pairs = 0;
  double right = 0;
  for (size_t i = 0; i < p.size(); ++i) {
    for (size_t j = 0; j < p.size(); ++j) {
      if (y[i] <= y[j]) continue;
      pairs += 1;
      right += p[i] > p[j] ? 1 : (p[i] == p[j] ? 0.5 : 0);
    }
  }
  EXPECT_DOUBLE_EQ(auc, right / pairs);
  for (float& v : p) v -= 0.5F;
  EXPECT_NEAR(both("auc"), auc, 1e-12);
  y[7] = 0.5F;
  EXPECT_NEAR(both("auc"), auc, 1e-3);
  both("logloss");
  both("rmse");
}

TEST(Cuts, FewValuesGiveABinEach) {
  const Dataset data = Make({3, 1, kNaN, 2, 1, 3}, 1, {});
  ThreadPool pool(2);
  const Cuts cuts = ComputeCuts(data, {}, 256, pool);
  EXPECT_THAT(cuts.of(0).first(2), testing::ElementsAre(2.0F, 3.0F));
  EXPECT_GT(cuts.of(0)[2], 3.0F);
  EXPECT_LT(cuts.min_value[0], 1.0F);
  EXPECT_EQ(cuts.has_missing[0], 1);
}

TEST(Cuts, ManyValuesGiveEvenBins) {
  std::vector<float> x(100'000);
  std::mt19937 rng(1);
  for (float& v : x) v = std::exp(static_cast<float>(rng() % 1'000'000) / 1e5F);
  const Dataset data = Make(x, 1, {});
  ThreadPool pool(1);
  const Cuts cuts = ComputeCuts(data, {}, 64, pool);
  ASSERT_EQ(cuts.bins(0), 64U);
  std::vector<int> count(64);
  for (const float v : x) {
    ++count[static_cast<size_t>(std::ranges::upper_bound(cuts.of(0), v) - cuts.of(0).begin())];
  }
  for (const int c : count) EXPECT_NEAR(c, 100'000 / 64, 40);
}

// Which bin a value falls into, over every row.
std::vector<int> BinCounts(const Dataset& data, const Cuts& cuts, uint32_t f) {
  std::vector<int> count(cuts.bins(f));
  for (size_t r = 0; r < data.rows(); ++r) {
    const float v = data.dense()[r * data.columns() + f];
    if (std::isnan(v)) continue;
    ++count.at(static_cast<size_t>(std::ranges::upper_bound(cuts.of(f), v) - cuts.of(f).begin()));
  }
  return count;
}

// Features of a million rows: 0 has a different value in every row, 1 the same in nearly all and
// two rare ones, 2 is mostly missing, 3 has more rare values than bins, 4 none at all, 5 repeats
// with a period of four.
Dataset ManyRows() {
  constexpr size_t kManyRows = 1'000'000;
  std::vector<float> x;
  std::mt19937 rng(1);
  for (size_t r = 0; r < kManyRows; ++r) {
    const auto row = static_cast<float>(r);
    x.push_back(r == 12'345 ? -1e30F : r == 777'777 ? 1e30F : std::exp(row / 1e5F));
    x.push_back(r == 400'001 ? 7.0F : r == 999'999 ? 5.0F : 6.0F);
    x.push_back(rng() % 100 == 0 ? row : kNaN);
    x.push_back(r % 2000 == 0 ? row : 1.0F);
    x.push_back(kNaN);
    x.push_back(static_cast<float>(r % 4 * 1'000'000 + rng() % 1'000'000));
  }
  return Make(std::move(x), 6, {});
}

TEST(Cuts, OfManyRowsComeFromASample) {
  const Dataset data = ManyRows();
  ThreadPool pool(1);
  const Cuts cuts = ComputeCuts(data, {}, 256, pool);
  // Every value is below the last cut and above the least threshold, however rare.
  EXPECT_GT(cuts.of(0).back(), 1e30F);
  EXPECT_LT(cuts.min_value[0], -1e30F);
  ASSERT_EQ(cuts.bins(0), 256U);
  for (const int c : BinCounts(data, cuts, 0)) EXPECT_NEAR(c, 1e6 / 256, 1e6 / 256 / 4);
  // Rare values have bins as long as all have.
  EXPECT_THAT(cuts.of(1).first(2), testing::ElementsAre(6.0F, 7.0F));
  EXPECT_GT(cuts.of(1)[2], 7.0F);
  EXPECT_EQ(cuts.has_missing[1], 0);
  // The present values are too few for a sample.
  EXPECT_EQ(cuts.has_missing[2], 1);
  ASSERT_EQ(cuts.bins(2), 255U);
  for (const int c : BinCounts(data, cuts, 2)) EXPECT_NEAR(c, 1e4 / 255, 3);
  EXPECT_NEAR(cuts.present_share[2], 0.01, 0.001);
  EXPECT_LE(cuts.bins(3), 256U);
  EXPECT_GT(cuts.of(3).back(), 998'000.0F);
  EXPECT_EQ(cuts.bins(4), 1U);
  for (const int c : BinCounts(data, cuts, 5)) EXPECT_NEAR(c, 1e6 / 256, 1e6 / 256 / 4);
  for (const int threads : {2, 5}) {
    ThreadPool other(threads);
    const Cuts same = ComputeCuts(data, {}, 256, other);
    EXPECT_EQ(same.value, cuts.value) << threads << " threads";
    EXPECT_EQ(same.min_value, cuts.min_value) << threads << " threads";
  }
}

TEST(Cuts, WeightsOfOneChangeNothing) {
  std::vector<float> x;
  std::mt19937 rng(4);
  std::normal_distribution<float> normal;
  for (size_t r = 0; r < 20'000; ++r) {
    x.push_back(normal(rng));
    x.push_back(static_cast<float>(rng() % 100));
    x.push_back(rng() % 3 == 0 ? kNaN : std::round(normal(rng) * 100));
  }
  const Dataset data = Make(std::move(x), 3, {});
  ThreadPool pool(2);
  const std::vector<float> ones(20'000, 1.0F);
  for (const int bins : {2, 16, 256, 1000}) {
    const Cuts plain = ComputeCuts(data, {}, bins, pool);
    const Cuts weighted = ComputeCuts(data, ones, bins, pool);
    EXPECT_EQ(plain.begin, weighted.begin) << bins;
    EXPECT_EQ(plain.value, weighted.value) << bins;
  }
}

// The rule, from sorted keys.
TEST(Cuts, RanksAreThoseOfSortedKeys) {
  std::mt19937 rng(5);
  KeyQuantiles quantiles;
  for (int trial = 0; trial < 400; ++trial) {
    const size_t n = 1 + rng() % (trial % 4 == 0 ? 20'000 : 1500);
    const size_t bins = 1 + rng() % 300;
    std::vector<uint32_t> keys(n);
    const uint32_t distinct = 1 + static_cast<uint32_t>(rng() % (trial % 3 == 0 ? 400 : 100'000));
    for (uint32_t& key : keys) {
      switch (trial % 5) {
        case 0:
          key = static_cast<uint32_t>(rng());
          break;
        case 1:
          key = 5 + static_cast<uint32_t>(rng()) % distinct;
          break;
        case 2:
          key = UINT32_MAX - (static_cast<uint32_t>(rng()) % distinct << 12);
          break;
        case 3:
          key = 77U << (rng() % 25);
          break;
        default:  // mostly one value
          key = rng() % 10 != 0 ? 0x80000000U : static_cast<uint32_t>(rng()) % (distinct * 1000);
      }
    }
    std::vector<uint32_t> got;
    const bool few = quantiles.Find(keys, bins, got);
    std::ranges::sort(keys);
    EXPECT_EQ(quantiles.least(), keys.front());
    EXPECT_EQ(quantiles.most(), keys.back());
    std::vector<uint32_t> want = keys;
    want.erase(std::unique(want.begin(), want.end()), want.end());
    ASSERT_EQ(few, want.size() <= bins + 1) << trial;
    if (!few) {
      const auto first = std::ranges::count(keys, keys.front());
      const auto last = std::ranges::count(keys, keys.back());
      want.clear();
      for (size_t k = 1; k < bins; ++k) {
        const double range = static_cast<double>(std::ssize(keys) - first - last);
        const double at =
            static_cast<double>(first) + static_cast<double>(k) * range / static_cast<double>(bins);
        want.push_back(keys[static_cast<size_t>(at)]);
      }
      want.erase(std::unique(want.begin(), want.end()), want.end());
    }
    ASSERT_EQ(got, want) << trial;
  }
}

TEST(Kernels, EverySetGivesTheSameBits) {
  std::vector<const Kernels*> sets = {&kPortableKernels};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) sets.push_back(&kAvx2Kernels);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")) {
    sets.push_back(&kAvx512Kernels);
  }
#endif
  std::mt19937 rng(9);
  std::normal_distribution<float> normal;
  constexpr size_t kRows = 1003;
  std::vector<float> margin(kRows), label(kRows);
  for (size_t i = 0; i < kRows; ++i) {
    margin[i] = normal(rng) * 5;
    label[i] = static_cast<float>(rng() % 2);
  }
  std::vector<std::vector<float>> grads;
  std::vector<std::vector<PackedGrad>> packs;
  std::vector<std::vector<uint8_t>> codes;
  std::vector<float> scores;
  for (const Kernels* k : sets) {
    std::vector<float> g(kRows), h(kRows);
    k->logistic(margin.data(), label.data(), kRows, g.data(), h.data());
    for (size_t i = 0; i < kRows; ++i) {
      EXPECT_NEAR(g[i], 1 / (1 + std::exp(-margin[i])) - label[i], 1e-6);
    }
    std::vector<PackedGrad> packed(kRows);
    k->quantize(g.data(), h.data(), kRows, 77, 5, 65536, 4096, packed.data());
    std::vector<float> cuts;
    for (int i = 0; i < 100; ++i) cuts.push_back(static_cast<float>(i - 50) / 7);
    std::vector<float> table(kCutTable);
    FillCutTable(cuts, table.data());
    std::vector<uint8_t> code(kRows);
    k->bin_bytes(margin.data(), 1, kRows, table.data(), 101, code.data());
    PackedGrad total = 0;
    for (size_t i = 0; i < 200; ++i) total += packed[i];
    const ScanBest best = k->scan({.hist = packed.data(),
                                   .bins = 190,
                                   .missing = packed[195],
                                   .total = total,
                                   .grad_unit = 1.0 / 65536,
                                   .hess_unit = 1.0 / 4096,
                                   .lambda = 1,
                                   .alpha = 0.1,
                                   .min_child_weight = 1});
    scores.push_back(best.score + static_cast<float>(best.bin));
    grads.push_back(std::move(g));
    packs.push_back(std::move(packed));
    codes.push_back(std::move(code));
  }
  EXPECT_THAT(grads, testing::Each(grads[0]));
  EXPECT_THAT(packs, testing::Each(packs[0]));
  EXPECT_THAT(codes, testing::Each(codes[0]));
  EXPECT_THAT(scores, testing::Each(scores[0]));
}

TEST(Dataset, RefusesBadShapes) {
  const auto reason = [](const Result<Dataset>& r) { return r ? "" : r.error().reason; };
  EXPECT_EQ(reason(Dataset::FromDense({1, 2, 3}, 2, 2)), "BadShape");
  EXPECT_EQ(reason(Dataset::FromDense({1, 2}, 2, 1, {.label = {1, 2, 3}})), "BadShape");
  EXPECT_EQ(reason(Dataset::FromDense({1, 2}, 2, 1, {.weight = {1, -1}})), "BadWeight");
  EXPECT_EQ(reason(Dataset::FromDense({1, INFINITY}, 2, 1)), "BadValue");
  EXPECT_EQ(reason(Dataset::FromDense({1, 2}, 2, 1, {.group_sizes = {3}})), "BadShape");
  EXPECT_EQ(reason(Dataset::FromCsr({0, 1, 2}, {0, 5}, {1, 1}, 2)), "BadShape");
  EXPECT_EQ(reason(Dataset::FromCsr({0, 2}, {1, 0}, {1, 1}, 2)), "BadShape");
}

TEST(Dataset, SparseAndDenseTrainTheSame) {
  const Dataset dense = Random(500, 9, 11);
  std::vector<uint64_t> begin = {0};
  std::vector<uint32_t> column;
  std::vector<float> value;
  for (size_t r = 0; r < 500; ++r) {
    for (uint32_t c = 0; c < 9; ++c) {
      if (const float x = dense.dense()[r * 9 + c]; !std::isnan(x)) {
        column.push_back(c);
        value.push_back(x);
      }
    }
    begin.push_back(value.size());
  }
  auto sparse = Dataset::FromCsr(begin, column, value, 9, dense.fields());
  ASSERT_TRUE(sparse.has_value());
  const TrainParams params = Params({{"objective", "binary:logistic"}, {"num_round", "3"}});
  EXPECT_EQ(MustTrain(params, dense).ToJson(), MustTrain(params, *sparse).ToJson());
}

}  // namespace
}  // namespace clary::gbdt
