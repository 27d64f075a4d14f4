// Training modes: dart, gblinear, process_type=update, sampling by gradient, several outputs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "base/thread_pool.h"
#include "clary/gbdt.h"
#include "gbdt/dart.h"
#include "gbdt/objective.h"
#include "gbdt/sampler.h"
#include "gbdt/tree.h"
#include "gbdt/tree_update.h"

namespace clary::gbdt {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

using Text = std::map<std::string, std::string>;

TrainParams Params(const Text& text) {
  auto params = TrainParams::FromMap(text);
  EXPECT_TRUE(params.has_value()) << params.error().message;
  return *std::move(params);
}

Dataset Make(std::vector<float> values, uint32_t columns, RowFields fields) {
  const size_t rows = values.size() / columns;
  auto data = Dataset::FromDense(std::move(values), rows, columns, std::move(fields));
  EXPECT_TRUE(data.has_value()) << data.error().message;
  return *std::move(data);
}

// Six features, a tenth missing; labels 0 to classes - 1, or real numbers if that is 0.
Dataset Draw(size_t rows, uint32_t seed, int classes = 0) {
  std::mt19937 rng(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values;
  RowFields fields;
  for (size_t r = 0; r < rows; ++r) {
    float score = normal(rng) * 0.3F;
    for (int c = 0; c < 6; ++c) {
      const float x = std::round(normal(rng) * 8) / 8;
      values.push_back(rng() % 10 == 0 ? std::nanf("") : x);
      score += x * static_cast<float>(c - 2) / 3;
    }
    fields.label.push_back(classes == 0
                               ? score
                               : std::clamp(std::floor(score + static_cast<float>(classes) / 2),
                                            0.0F, static_cast<float>(classes - 1)));
  }
  return Make(std::move(values), 6, std::move(fields));
}

Result<Model> TryTrain(const Text& text, const Dataset& data, const TrainOptions& options = {},
                       const std::vector<EvalSet>& evals = {}) {
  return Train(Params(text), data, evals, options);
}

Model MustTrain(const Text& text, const Dataset& data, const TrainOptions& options = {},
                const std::vector<EvalSet>& evals = {}) {
  auto model = TryTrain(text, data, options, evals);
  EXPECT_TRUE(model.has_value()) << model.error().message;
  return *std::move(model);
}

double Rmse(const Model& model, const Dataset& data) {
  return EvalMetric("rmse", *model.Predict(data), data).value();
}

TEST(Boosters, SameBytesForAnyNumberOfThreads) {
  const Dataset data = Draw(6000, 1, 3);
  const Model start = MustTrain({{"num_round", "4"}, {"max_depth", "4"}}, data);
  const Text modes[] = {
      {{"booster", "dart"}, {"rate_drop", "0.4"}, {"one_drop", "1"}},
      {{"booster", "dart"},
       {"rate_drop", "0.4"},
       {"sample_type", "weighted"},
       {"subsample", "0.6"}},
      {{"booster", "dart"}, {"rate_drop", "0.4"}, {"tree_method", "exact"}},
      {{"booster", "dart"}, {"rate_drop", "0.4"}, {"tree_method", "approx"}},
      {{"booster", "gblinear"}},
      {{"booster", "gblinear"}, {"objective", "multi:softprob"}, {"num_class", "3"}},
      {{"booster", "gblinear"}, {"updater", "coord_descent"}, {"feature_selector", "greedy"}},
      {{"booster", "gblinear"}, {"updater", "coord_descent"}, {"feature_selector", "random"}},
      {{"process_type", "update"}, {"updater", "refresh,prune"}, {"gamma", "0.5"}},
      {{"subsample", "0.3"}, {"sampling_method", "gradient_based"}},
      {{"updater", "grow_quantile_histmaker,refresh,prune"}, {"gamma", "0.1"}},
      {{"objective", "reg:quantileerror"}, {"quantile_alpha", "[0.2, 0.5, 0.9]"}},
      {{"objective", "rank:ndcg"}, {"lambdarank_unbiased", "1"}},
  };
  for (Text mode : modes) {
    mode.insert({"num_round", "4"});
    mode.insert({"max_depth", "4"});
    std::vector<std::string> models;
    for (const char* threads : {"1", "2", "3"}) {
      mode["nthread"] = threads;
      const bool update = mode.contains("process_type");
      models.push_back(MustTrain(mode, data, {.initial = update ? &start : nullptr}).ToUbjson());
    }
    EXPECT_THAT(models, Each(models[0])) << testing::PrintToString(mode);
  }
}

TEST(Dart, WeightsAfterARound) {
  const TrainParams tree = Params({{"eta", "0.3"}});
  EXPECT_FLOAT_EQ(ScaleAfter(tree, 0, 1).fresh, 1);
  // Two dropped, one new: k / (k + eta) and 1 / (k + eta).
  EXPECT_FLOAT_EQ(ScaleAfter(tree, 2, 1).dropped, 2 / 2.3F);
  EXPECT_FLOAT_EQ(ScaleAfter(tree, 2, 1).fresh, 1 / 2.3F);
  EXPECT_FLOAT_EQ(ScaleAfter(tree, 2, 3).fresh, 1 / 2.1F);  // eta is shared by three new trees
  const TrainParams forest = Params({{"eta", "0.3"}, {"normalize_type", "forest"}});
  EXPECT_FLOAT_EQ(ScaleAfter(forest, 5, 1).dropped, 1 / 1.3F);
  EXPECT_FLOAT_EQ(ScaleAfter(forest, 5, 1).fresh, 1 / 1.3F);
}

TEST(Dart, DrawsByTheParameters) {
  RandomEngine engine(1);
  const std::vector<float> weights(200, 1.0F);
  EXPECT_TRUE(DrawDropped(Params({}), weights, engine).empty());
  EXPECT_EQ(DrawDropped(Params({{"one_drop", "1"}}), weights, engine).size(), 1U);
  EXPECT_TRUE(DrawDropped(Params({{"one_drop", "1"}}), {}, engine).empty());
  EXPECT_EQ(DrawDropped(Params({{"rate_drop", "1"}}), weights, engine).size(), 200U);
  EXPECT_TRUE(
      DrawDropped(Params({{"rate_drop", "1"}, {"skip_drop", "1"}}), weights, engine).empty());
  const size_t some = DrawDropped(Params({{"rate_drop", "0.3"}}), weights, engine).size();
  EXPECT_GT(some, 30U);
  EXPECT_LT(some, 90U);
  // By weight: all of it is on the last tree, whose rate is 0.3 * 200.
  std::vector<float> one(200, 0.0F);
  one.back() = 1;
  EXPECT_THAT(DrawDropped(Params({{"rate_drop", "0.3"}, {"sample_type", "weighted"}}), one, engine),
              ElementsAre(199));
}

TEST(Dart, MarginsFollowTheWeights) {
  const Dataset train = Draw(500, 2);
  const Dataset valid = Draw(200, 3);
  const Text text = {
      {"booster", "dart"}, {"num_round", "15"}, {"rate_drop", "0.5"}, {"max_depth", "3"}};
  int rounds = 0;
  const Model model = MustTrain(
      text, train,
      {.on_round =
           [&](const RoundReport& report) {
             const std::pair<size_t, const Dataset*> sets[] = {{0, &train}, {1, &valid}};
             for (const auto& [i, data] : sets) {
               const auto now = report.model.Predict(*data, {.kind = PredictKind::kMargin});
               for (size_t r = 0; r < data->rows(); ++r) {
                 EXPECT_NEAR(report.margins[i][r], (*now)[r], 2e-6) << report.round << " " << r;
               }
             }
             ++rounds;
             return true;
           }},
      {{"train", train}, {"valid", valid}});
  EXPECT_EQ(rounds, 15);
  const auto& weight = model.forest().tree_weight;
  ASSERT_EQ(weight.size(), 15U);
  EXPECT_LT(*std::ranges::min_element(weight), 0.9F);

  // Contributions add up to the margin with the trees' weights in.
  const auto margin = model.Predict(valid, {.kind = PredictKind::kMargin});
  const auto shares = model.Predict(valid, {.kind = PredictKind::kContributions});
  for (size_t r = 0; r < valid.rows(); ++r) {
    EXPECT_NEAR(std::accumulate(&(*shares)[r * 7], &(*shares)[r * 7] + 7, 0.0), (*margin)[r], 1e-4);
  }
  // A slice predicts what a range of rounds does.
  const auto part =
      model.Predict(valid, {.kind = PredictKind::kMargin, .round_begin = 0, .round_end = 6});
  const auto sliced = model.Slice(0, 6).Predict(valid, {.kind = PredictKind::kMargin});
  EXPECT_EQ(*part, *sliced);
}

TEST(Dart, EarlyStoppingPutsBackTheWeightsOfTheBestRound) {
  const Dataset train = Draw(150, 4);
  const Dataset valid = Draw(300, 5);
  std::vector<double> seen;
  const Model model = MustTrain(
      {{"booster", "dart"}, {"num_round", "200"}, {"eta", "0.8"}, {"rate_drop", "0.3"}}, train,
      {.on_round =
           [&](const RoundReport& report) {
             seen.push_back(report.metrics[0].value);
             return true;
           },
       .early_stopping_rounds = 5},
      {{"valid", valid}});
  const auto best = std::ranges::min_element(seen) - seen.begin();
  ASSERT_LT(best, 150);
  EXPECT_EQ(model.num_round(), static_cast<int>(best) + 1);
  EXPECT_NEAR(Rmse(model, valid), seen[static_cast<size_t>(best)], 1e-5);
}

TEST(Dart, ContinuesWithTheSameTrees) {
  const Dataset data = Draw(400, 6);
  const auto text = [](const char* rounds) {
    return Text{{"booster", "dart"}, {"num_round", rounds}};  // nothing is dropped
  };
  const Model all = MustTrain(text("6"), data);
  const Model first = MustTrain(text("2"), data);
  const Model rest = MustTrain(text("4"), data, {.initial = &first});
  const auto a = *rest.Predict(data);
  const auto b = *all.Predict(data);
  for (size_t r = 0; r < a.size(); ++r) EXPECT_NEAR(a[r], b[r], 1e-5);
  EXPECT_EQ(TryTrain({{"num_round", "1"}}, data, {.initial = &first}).error().reason,
            "BadParameter");
}

TEST(Linear, OneRoundByHand) {
  // Margins start at 0: g = -y, h = 1. The bias moves by eta * mean(y) = 0.5 * 3. Then, with
  // residuals g = 1.5 - y: G = sum g x = -0.5 - 2.5 * 2 ... , H = sum x^2.
  const Dataset data = Make({0, 1, 2}, 1, {.label = {1, 3, 5}});
  const Model model = MustTrain({{"booster", "gblinear"},
                                 {"num_round", "1"},
                                 {"eta", "0.5"},
                                 {"base_score", "0"},
                                 {"alpha", "0.1"},
                                 {"lambda", "0.2"}},
                                data);
  const double g = (1.5 - 3) * 1 + (1.5 - 5) * 2;  // -8.5
  const double h = 1 + 4 + 3 * 0.2;                // penalties count per row
  EXPECT_FLOAT_EQ(model.forest().linear_weights[1], 1.5F);
  EXPECT_FLOAT_EQ(model.forest().linear_weights[0], static_cast<float>(0.5 * -(g + 3 * 0.1) / h));
  EXPECT_EQ(model.num_round(), 1);
  const auto margin = model.Predict(data, {.kind = PredictKind::kMargin});
  const float w = model.forest().linear_weights[0];
  EXPECT_THAT(*margin, ElementsAre(1.5F, 1.5F + w, 1.5F + 2 * w));
  const auto shares = model.Predict(data, {.kind = PredictKind::kContributions});
  EXPECT_THAT(*shares, ElementsAre(0, 1.5F, w, 1.5F, 2 * w, 1.5F));
  EXPECT_THAT(model.FeatureImportance(Importance::kWeight), ElementsAre(testing::Pair(0U, w)));
  EXPECT_TRUE(model.FeatureImportance(Importance::kGain).empty());
}

TEST(Linear, FindsTheLine) {
  std::mt19937 rng(7);
  std::normal_distribution<float> normal;
  std::vector<float> x;
  RowFields fields;
  for (int i = 0; i < 1000; ++i) {
    const float a = normal(rng), b = normal(rng);
    x.insert(x.end(), {a, b});
    fields.label.push_back(2 * a - 3 * b + 0.5F);
  }
  const Dataset data = Make(std::move(x), 2, std::move(fields));
  for (const char* updater : {"shotgun", "coord_descent"}) {
    const Model model =
        MustTrain({{"booster", "gblinear"}, {"updater", updater}, {"num_round", "60"}}, data);
    EXPECT_NEAR(model.forest().linear_weights[0], 2, 1e-3) << updater;
    EXPECT_NEAR(model.forest().linear_weights[1], -3, 1e-3) << updater;
    EXPECT_LT(Rmse(model, data), 1e-3) << updater;
  }
}

TEST(Linear, MissingAddsNothingAndSparseIsTheSame) {
  const Dataset dense = Draw(300, 8);
  std::vector<uint64_t> begin = {0};
  std::vector<uint32_t> column;
  std::vector<float> value;
  for (size_t r = 0; r < dense.rows(); ++r) {
    for (uint32_t c = 0; c < 6; ++c) {
      if (const float v = dense.dense()[r * 6 + c]; !std::isnan(v)) {
        column.push_back(c);
        value.push_back(v);
      }
    }
    begin.push_back(value.size());
  }
  const Dataset sparse = *Dataset::FromCsr(begin, column, value, 6, dense.fields());
  const Text text = {{"booster", "gblinear"}, {"num_round", "5"}};
  EXPECT_EQ(MustTrain(text, dense).ToJson(), MustTrain(text, sparse).ToJson());
}

TEST(Linear, EarlyStoppingPutsBackTheWeightsOfTheBestRound) {
  const Dataset train = Draw(30, 9);
  const Dataset valid = Draw(300, 10);
  std::vector<double> seen;
  const Model model =
      MustTrain({{"booster", "gblinear"}, {"num_round", "300"}, {"eta", "1"}}, train,
                {.on_round =
                     [&](const RoundReport& report) {
                       seen.push_back(report.metrics[0].value);
                       return true;
                     },
                 .early_stopping_rounds = 3},
                {{"valid", valid}});
  const auto best = std::ranges::min_element(seen);
  EXPECT_NEAR(Rmse(model, valid), *best, 1e-5);
  EXPECT_EQ(model.num_round(), static_cast<int>(best - seen.begin()) + 1);
}

TEST(Update, RefreshOnTheSameDataChangesNothingButRounding) {
  const Dataset data = Draw(800, 11);
  const Model first = MustTrain({{"num_round", "3"}, {"base_score", "0.5"}}, data);
  const Model again = MustTrain({{"num_round", "3"},
                                 {"base_score", "0.5"},
                                 {"process_type", "update"},
                                 {"updater", "refresh"}},
                                data, {.initial = &first});
  ASSERT_EQ(again.num_round(), 3);
  for (size_t t = 0; t < 3; ++t) {
    const Tree& a = first.forest().trees[t];
    const Tree& b = again.forest().trees[t];
    ASSERT_EQ(a.left, b.left);
    for (size_t n = 0; n < a.size(); ++n) {
      EXPECT_NEAR(a.threshold[n], b.threshold[n], 2e-4);
      EXPECT_NEAR(a.gain[n], b.gain[n], 2e-3 * std::max(1.0F, a.gain[n]));
      EXPECT_NEAR(a.cover[n], b.cover[n], 1e-3);
    }
  }
}

TEST(Update, RefreshKeepsLeavesWhenAsked) {
  const Dataset data = Draw(500, 12);
  const Model first = MustTrain({{"num_round", "2"}}, data);
  const Model again = MustTrain({{"num_round", "2"},
                                 {"process_type", "update"},
                                 {"updater", "refresh"},
                                 {"refresh_leaf", "0"}},
                                Draw(500, 13), {.initial = &first});
  EXPECT_EQ(again.forest().trees[1].threshold, first.forest().trees[1].threshold);
  EXPECT_NE(again.forest().trees[1].cover, first.forest().trees[1].cover);
}

// Root (gain 5) with a leaf on the left and on the right a split (gain 1) of two leaves.
Tree ThreeLeaves() {
  Tree tree;
  tree.AddNode(kNoNode);
  tree.Split(0, 0, 1.5F, true);
  tree.Split(2, 1, 2.5F, false);
  tree.gain = {5, 0, 1, 0, 0};
  tree.base_weight = {0, 0.1F, 0.2F, 0.3F, 0.4F};
  tree.threshold[1] = 10;
  tree.threshold[3] = 30;
  tree.threshold[4] = 40;
  return tree;
}

TEST(Update, PruneWorksFromTheLeavesUp) {
  Tree tree = ThreeLeaves();
  EXPECT_FALSE(PruneTree(Params({{"gamma", "1"}}), tree));
  EXPECT_EQ(tree.size(), 5U);
  EXPECT_TRUE(PruneTree(Params({{"gamma", "2"}, {"eta", "0.5"}}), tree));
  ASSERT_EQ(tree.size(), 3U);
  EXPECT_EQ(tree.threshold[0], 1.5F);
  EXPECT_EQ(tree.threshold[1], 10);
  EXPECT_FLOAT_EQ(tree.threshold[2], 0.5F * 0.2F);
  EXPECT_TRUE(PruneTree(Params({{"gamma", "6"}}), tree));
  EXPECT_EQ(tree.size(), 1U);

  // A good split below a bad one keeps it.
  tree = ThreeLeaves();
  tree.gain = {1, 0, 5, 0, 0};
  EXPECT_FALSE(PruneTree(Params({{"gamma", "2"}}), tree));

  tree = ThreeLeaves();
  EXPECT_TRUE(PruneTree(Params({{"max_depth", "1"}}), tree));
  EXPECT_EQ(tree.size(), 3U);
}

TEST(Update, SaysWhatItNeeds) {
  const Dataset data = Draw(50, 14);
  const Model first = MustTrain({{"num_round", "2"}}, data);
  const auto message = [&](Text text, const Model* initial) {
    const auto result = TryTrain(text, data, {.initial = initial});
    return result ? std::string("trained") : result.error().message;
  };
  const Text refresh = {{"num_round", "2"}, {"process_type", "update"}, {"updater", "refresh"}};
  EXPECT_THAT(message(refresh, nullptr), HasSubstr("none to start from"));
  EXPECT_EQ(message(refresh, &first), "trained");
  Text more = refresh;
  more["num_round"] = "3";
  EXPECT_THAT(message(more, &first), HasSubstr("the model has 2 rounds"));
  Text grow = refresh;
  grow["updater"] = "grow_quantile_histmaker";
  EXPECT_THAT(message(grow, &first), HasSubstr("cannot change trees"));
  grow.erase("updater");
  EXPECT_THAT(message(grow, &first), HasSubstr("'refresh' and 'prune'"));
}

TEST(Updaters, SequencesAsUpstream) {
  const auto plan = [](Text text) { return PlanUpdaters(Params(text)); };
  EXPECT_EQ(plan({{"updater", "grow_colmaker,prune"}})->tree_method, TreeMethod::kExact);
  EXPECT_THAT(plan({{"updater", "grow_colmaker,prune"}})->after, ElementsAre("prune"));
  EXPECT_EQ(plan({{"updater", "grow_histmaker"}, {"tree_method", "hist"}})->tree_method,
            TreeMethod::kApprox);
  EXPECT_EQ(plan({{"tree_method", "exact"}})->tree_method, TreeMethod::kExact);
  EXPECT_TRUE(plan({{"updater", "sync"}})->after.empty());
  EXPECT_FALSE(plan({{"updater", "prune"}}));
  EXPECT_FALSE(plan({{"updater", "grow_colmaker,grow_histmaker"}}));
  EXPECT_FALSE(plan({{"updater", "shotgun"}}));
  EXPECT_FALSE(plan({{"updater", "prune"}, {"booster", "gblinear"}}));
  EXPECT_FALSE(plan({{"updater", "nonsense"}}));
  EXPECT_FALSE(Params({{"booster", "gblinear"}, {"feature_selector", "greedy"}}).Validate());
}

TEST(Sampling, ThresholdGivesTheExpectedNumber) {
  std::mt19937 rng(15);
  for (int k = 0; k < 50; ++k) {
    std::vector<float> score(1 + rng() % 200);
    for (float& s : score)
      s = rng() % 4 == 0 ? 0 : std::exp(static_cast<float>(rng() % 1000) / 100);
    const double target =
        static_cast<double>(score.size()) * static_cast<double>(1 + rng() % 99) / 100;
    const auto positive =
        static_cast<double>(std::ranges::count_if(score, [](float s) { return s > 0; }));
    std::vector<float> scratch = score;
    const float threshold = SamplingThreshold(scratch, target);
    double expected = 0;
    for (const float s : score)
      expected += threshold > 0 ? std::min(1.0F, s / threshold) : (s > 0 ? 1 : 0);
    EXPECT_NEAR(expected, std::min(target, positive), 1e-3 * target + 1e-4);
  }
}

TEST(Sampling, UniformDrawsAsTheStandardLibraryDoes) {
  using Engine = std::linear_congruential_engine<uint64_t, 16807, 0, uint64_t{1} << 63>;
  for (const size_t rows : {1U, 7U, 200'000U}) {
    for (const float rate : {0.001F, 0.3F, 0.7F, 0.999F}) {
      RowSampler sampler(Params({{"subsample", std::to_string(rate)}}), rows, {.rows = rows});
      RandomEngine engine(5);
      Engine draws(RandomEngine(5)());
      std::bernoulli_distribution keep(rate);
      std::vector<uint32_t> kept;
      std::vector<uint32_t> dropped;
      for (uint32_t r = 0; r < rows; ++r) (keep(draws) ? kept : dropped).push_back(r);
      ThreadPool pool(2);
      sampler.Draw(engine, pool, {});
      EXPECT_TRUE(std::ranges::equal(sampler.kept(), kept)) << rows << " " << rate;
      EXPECT_TRUE(std::ranges::equal(sampler.dropped(), dropped)) << rows << " " << rate;
    }
  }
}

TEST(Sampling, ByGradientKeepsTheSums) {
  const size_t rows = 200'000;
  std::vector<float> grad(rows), hess(rows);
  std::mt19937 rng(16);
  std::normal_distribution<float> normal;
  double all = 0;
  for (size_t i = 0; i < rows; ++i) {
    grad[i] = normal(rng) + 0.2F;
    hess[i] = 0.5F;
    all += grad[i];
  }
  RowSampler sampler(Params({{"subsample", "0.2"}, {"sampling_method", "gradient_based"}}), rows,
                     {.rows = rows});
  RandomEngine engine(1);
  ThreadPool pool(2);
  const OutputGradients g = sampler.Draw(engine, pool, {.grad = grad, .hess = hess});
  EXPECT_NEAR(static_cast<double>(sampler.kept().size()), 0.2 * rows, 0.005 * rows);
  EXPECT_EQ(sampler.kept().size() + sampler.dropped().size(), rows);
  double sum_grad = 0;
  double sum_hess = 0;
  for (const uint32_t r : sampler.kept()) {
    sum_grad += g.grad[r];
    sum_hess += g.hess[r];
    EXPECT_GE(std::fabs(g.grad[r]), std::fabs(grad[r]));
  }
  // Unbiased: four standard deviations of the estimate of either sum.
  EXPECT_NEAR(sum_grad, all, 4 * 2.2 * std::sqrt(rows));
  EXPECT_NEAR(sum_hess, 0.5 * rows, 4 * 1.6 * std::sqrt(rows));
}

TEST(Sampling, ByGradientLearns) {
  const Dataset train = Draw(4000, 17);
  const Dataset valid = Draw(2000, 18);
  const Text text = {{"num_round", "30"}, {"max_depth", "4"}};
  Text sampled = text;
  sampled.insert({{"subsample", "0.2"}, {"sampling_method", "gradient_based"}});
  const double whole = Rmse(MustTrain(text, train), valid);
  EXPECT_LT(Rmse(MustTrain(sampled, train), valid), 1.15 * whole);
}

TEST(Outputs, SeveralQuantiles) {
  const Dataset data = Draw(3000, 19);
  const Model model = MustTrain({{"objective", "reg:quantileerror"},
                                 {"quantile_alpha", "[0.1, 0.5, 0.9]"},
                                 {"num_round", "60"},
                                 {"eta", "0.3"}},
                                data, {}, {{"train", data}});
  EXPECT_EQ(model.num_output(), 3);
  const auto value = *model.Predict(data);
  for (const auto& [output, share] : {std::pair{0, 0.1}, {1, 0.5}, {2, 0.9}}) {
    double below = 0;
    for (size_t r = 0; r < data.rows(); ++r) {
      below += data.fields().label[r] <= value[r * 3 + static_cast<size_t>(output)] ? 1 : 0;
    }
    EXPECT_NEAR(below / 3000, share, 0.05);
  }
  EXPECT_EQ(TryTrain({{"objective", "reg:quantileerror"},
                      {"quantile_alpha", "[0.1, 0.9]"},
                      {"eval_metric", "rmse"}},
                     data)
                .error()
                .reason,
            "BadMetric");
}

TEST(Outputs, TargetsLearnAsEachAlone) {
  const Dataset one = Draw(500, 20);
  RowFields fields;
  for (const float y : one.fields().label) fields.label.insert(fields.label.end(), {y, -2 * y});
  const Dataset both = Make({one.dense().begin(), one.dense().end()}, 6, std::move(fields));
  const Text text = {{"num_round", "5"}, {"base_score", "0.5"}};
  const auto joint = *MustTrain(text, both, {}, {{"train", both}}).Predict(both);
  const auto alone = *MustTrain(text, one).Predict(one);
  ASSERT_EQ(joint.size(), 2 * alone.size());
  for (size_t r = 0; r < alone.size(); ++r) EXPECT_NEAR(joint[2 * r], alone[r], 1e-3);
}

TEST(Ranking, LearnsWhatPositionsFavour) {
  // Clicks: relevance is the same everywhere, but the first of four documents is clicked most.
  std::mt19937 rng(21);
  std::normal_distribution<float> normal;
  std::vector<float> x;
  RowFields fields;
  for (int q = 0; q < 500; ++q) {
    fields.group_sizes.push_back(4);
    for (int i = 0; i < 4; ++i) {
      const float a = normal(rng);
      x.push_back(a);
      const bool seen = rng() % 4 >= static_cast<uint32_t>(i);
      fields.label.push_back(seen && a > 0 ? 1 : 0);
    }
  }
  const Dataset data = Make(std::move(x), 1, std::move(fields));
  const Text text = {{"objective", "rank:ndcg"},
                     {"num_round", "8"},
                     {"lambdarank_unbiased", "1"},
                     {"max_depth", "3"}};
  const Model model = MustTrain(text, data);
  const auto& bias = model.forest().objective.position_bias_high;
  ASSERT_EQ(bias.size(), 32U);
  EXPECT_EQ(bias[0], 1);
  EXPECT_LT(bias[3], 0.9F);
  // It is kept in the file and goes on from there.
  const Model read = *Model::Parse(model.ToUbjson());
  EXPECT_EQ(read.forest().objective.position_bias_high, bias);
  const Model more = MustTrain(text, data, {.initial = &read});
  EXPECT_LT(more.forest().objective.position_bias_high[3], 0.9F);
}

TEST(Ranking, PairsAreTheSameInBulkAndOneByOne) {
  // With a position bias that nothing is known about yet, pairs are taken one by one, and count as
  // they do without.
  std::mt19937 rng(22);
  std::normal_distribution<float> normal;
  RowFields fields;
  fields.group_sizes = {1, 5, 80, 0, 700, 2};
  std::vector<float> margin;
  for (const uint32_t size : fields.group_sizes) {
    fields.weight.push_back(1 + static_cast<float>(size % 3));
    for (uint32_t i = 0; i < size; ++i) {
      fields.label.push_back(static_cast<float>(rng() % 2));
      margin.push_back(normal(rng) * (size == 2 ? 300.0F : 1.0F));
    }
  }
  const Dataset data = Make(std::vector<float>(margin.size(), 1), 1, std::move(fields));
  ThreadPool pool(2);
  for (const std::string name : {"rank:ndcg", "rank:map", "rank:pairwise"}) {
    std::vector<float> grad[2];
    std::vector<float> hess[2];
    for (const bool single : {false, true}) {
      TrainParams params;
      params.objective = name;
      params.lambdarank_unbiased = single;
      ObjectiveConfig config;
      config.name = name;
      const auto objective = *MakeObjective(config, &params);
      grad[single].resize(margin.size());
      hess[single].resize(margin.size());
      objective->Gradient(margin, data, 0, pool, grad[single], hess[single]);
    }
    for (size_t i = 0; i < margin.size(); ++i) {
      EXPECT_NEAR(grad[0][i], grad[1][i], 1e-5 * (1e-2 + std::fabs(grad[1][i]))) << name << i;
      EXPECT_NEAR(hess[0][i], hess[1][i], 1e-5 * (1e-2 + std::fabs(hess[1][i]))) << name << i;
    }
  }
}

}  // namespace
}  // namespace clary::gbdt
