// The hook over real training, read back as a trial.
#include "xgboost/hook.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>

#include "base/file.h"
#include "base/testing/golden.h"
#include "base/testing/manual_clock.h"
#include "debugger/trial.h"

namespace clary::xgboost {
namespace {
namespace fs = std::filesystem;
using debugger::Tensor;
using debugger::Trial;
using nlohmann::json;
using testing::ElementsAre;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

gbdt::Dataset Random(size_t rows, uint32_t columns, unsigned seed, int classes) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> uniform(0, 1);
  std::vector<float> values(rows * columns);
  gbdt::RowFields fields;
  for (size_t r = 0; r < rows; ++r) {
    float sum = 0;
    for (uint32_t c = 0; c < columns; ++c) {
      values[r * columns + c] = c == 2 && r % 4 == 0 ? kNaN : uniform(engine);
      if (c < 2) sum += values[r * columns + c];
    }
    fields.label.push_back(std::floor(std::min(sum / 2, 0.999F) * static_cast<float>(classes)));
  }
  return *gbdt::Dataset::FromDense(std::move(values), rows, columns, std::move(fields));
}

class HookTest : public testing::Test {
 protected:
  fs::path base() const { return temp_.path(); }
  // Trains with `collections` as the hook configuration; `stop_after` rounds, as a signal would.
  gbdt::Model Train(std::map<std::string, std::string> parameters, const json& collections,
                    const json& hook_parameters = json::object(), int stop_after = 0,
                    int early_stopping = 0) {
    const int classes = parameters.contains("num_class") ? std::stoi(parameters["num_class"]) : 2;
    sets_ = {{"train", Random(400, 4, 1, classes)}, {"validation", Random(60, 4, 2, classes)}};
    return TrainSets(std::move(parameters), collections, hook_parameters, stop_after,
                     early_stopping);
  }
  gbdt::Model TrainSets(std::map<std::string, std::string> parameters, const json& collections,
                        const json& hook_parameters = json::object(), int stop_after = 0,
                        int early_stopping = 0) {
    EXPECT_TRUE(MakeDirectories(base() / "input/config").has_value());
    const json config = {{"LocalPath", "/opt/ml/output/tensors"},
                         {"HookParameters", hook_parameters},
                         {"CollectionConfigurations", collections}};
    std::ofstream(base() / "input/config/debughookconfig.json") << config.dump();
    const auto params = gbdt::TrainParams::FromMap(parameters);
    auto hook = Hook::Open(
        base(), {.sets = sets_, .hyperparameters = parameters, .objective = params->objective},
        clock_);
    EXPECT_TRUE(hook && *hook) << (hook ? "no hook" : hook.error().message);
    if (!hook || !*hook) return gbdt::Model();
    auto model = gbdt::Train(*params, sets_[0].data, sets_,
                             {.on_round =
                                  [&](const gbdt::RoundReport& r) {
                                    const bool stop = r.round + 1 == stop_after;
                                    EXPECT_TRUE((*hook)->Round(r, r.last || stop));
                                    return !stop;
                                  },
                              .early_stopping_rounds = early_stopping});
    EXPECT_TRUE(model) << model.error().message;
    EXPECT_TRUE((*hook)->Finish(*model));
    trial_ = std::make_unique<Trial>(debugger::NewLocalTrialFiles(base() / "output/tensors"));
    EXPECT_TRUE(trial_->Refresh());
    return std::move(*model);
  }
  static json Collection(const char* name, json parameters = json::object()) {
    return {{"CollectionName", name}, {"CollectionParameters", std::move(parameters)}};
  }
  Tensor Value(const std::string& name, int64_t step) {
    auto value = trial_->Value(name, step);
    EXPECT_TRUE(value) << value.error().message;
    return value ? *value : Tensor{};
  }
  std::vector<float> Floats(const std::string& name, int64_t step) {
    const Tensor t = Value(name, step);
    const auto* v = std::get_if<std::vector<float>>(&t.values);
    EXPECT_NE(v, nullptr) << name << " holds no float32";
    return v != nullptr ? *v : std::vector<float>();
  }

  TempDir temp_ = *TempDir::Make();
  ManualClock clock_;
  std::vector<gbdt::EvalSet> sets_;
  std::unique_ptr<Trial> trial_;
};

json AllNine(json parameters) {
  json out = json::array();
  for (const auto& c : debugger::kXgboostCollections) {
    out.push_back({{"CollectionName", std::string(c.name)}, {"CollectionParameters", parameters}});
  }
  return out;
}

TEST_F(HookTest, TheNineCollectionsSayWhatTheModelSays) {
  const gbdt::Model model = Train({{"objective", "binary:logistic"},
                                   {"num_round", "12"},
                                   {"eta", "0.3"},
                                   {"max_depth", "2"},
                                   {"eval_metric", "logloss,auc,error@0.7"}},
                                  AllNine(json::object({{"save_interval", "5"}})));
  EXPECT_THAT(trial_->Steps(), ElementsAre(0, 5, 10, 11));
  EXPECT_THAT(trial_->TensorNames("metrics"),
              testing::UnorderedElementsAre("train-logloss", "train-auc", "train-error@0.7",
                                            "validation-logloss", "validation-auc",
                                            "validation-error@0.7"));
  EXPECT_THAT(trial_->TensorNames("losses"),
              testing::UnorderedElementsAre("train-logloss", "train-error@0.7",
                                            "validation-logloss", "validation-error@0.7"));
  for (const int64_t step : {0, 5, 10, 11}) {
    const auto rounds = static_cast<int>(step) + 1;
    const auto predictions = *model.Predict(sets_[1].data, {.round_end = rounds});
    EXPECT_THAT(Floats("predictions", step),
                testing::Pointwise(testing::FloatNear(1e-6F), predictions));
    EXPECT_EQ(Floats("labels", step), sets_[1].data.fields().label);
    EXPECT_NEAR(Value("validation-logloss", step).AsDoubles()[0],
                *gbdt::EvalMetric("logloss", predictions, sets_[1].data), 1e-6);
    const gbdt::Model slice = model.Slice(0, rounds);
    const auto gain = slice.FeatureImportance(gbdt::Importance::kGain);
    const auto splits = slice.FeatureImportance(gbdt::Importance::kWeight);
    const auto sum = [](const auto& m) {
      double total = 0;
      for (const auto& [f, v] : m) total += v;
      return total;
    };
    for (uint32_t f = 0; f < 4; ++f) {
      const std::string name = "f" + std::to_string(f);
      EXPECT_EQ(trial_->Has("feature_importance/gain/" + name, step), gain.contains(f));
      if (!gain.contains(f)) continue;
      EXPECT_NEAR(Value("feature_importance/gain/" + name, step).AsDoubles()[0],
                  gain.at(f) / sum(gain), 1e-6);
      EXPECT_NEAR(Value("feature_importance/weight/" + name, step).AsDoubles()[0],
                  splits.at(f) / sum(splits), 1e-12);
    }
    const auto shap = *model.Predict(
        sets_[0].data, {.kind = gbdt::PredictKind::kContributions, .round_end = rounds});
    // As smdebug's own hook: the whole matrix, the bias last, under every name.
    for (const char* feature : {"full_shap/f1", "full_shap/f3"}) {
      EXPECT_THAT(Value(feature, step).shape, ElementsAre(400, 5));
      EXPECT_EQ(Floats(feature, step), shap);
    }
    EXPECT_TRUE(std::isfinite(Floats("average_shap/f1", step)[0]));
    EXPECT_EQ(Value("trees/Tree", step).AsDoubles()[0], static_cast<double>(step));
    EXPECT_EQ(Value("trees/Gain", step).size(), Value("trees/ID", step).size());
  }
  EXPECT_EQ(std::get<std::vector<std::string>>(Value("trees/ID", 5).values)[0], "5-0");
  // Typed as the container types them.
  using Words = std::vector<std::string>;
  EXPECT_EQ(std::get<Words>(Value("hyperparameters/objective", 0).values),
            Words{"binary:logistic"});
  EXPECT_EQ(std::get<Words>(Value("hyperparameters/eval_metric", 0).values),
            (Words{"logloss", "auc", "error@0.7"}));
  EXPECT_EQ(std::get<std::vector<double>>(Value("hyperparameters/eta", 0).values)[0], 0.3);
  EXPECT_EQ(std::get<std::vector<int64_t>>(Value("hyperparameters/max_depth", 0).values)[0], 2);
}

TEST_F(HookTest, NamesAndTypesAreThoseOfTheRealHook) {
  const fs::path golden = GoldenPath("smdebug/hook_all");
  if (!fs::exists(golden)) GTEST_SKIP() << "no golden tensors at " << golden;
  Train({{"objective", "binary:logistic"},
         {"num_round", "7"},
         {"eta", "0.3"},
         {"max_depth", "2"},
         {"eval_metric", "logloss,auc"}},
        AllNine(json::object({{"save_interval", "5"}})));
  Trial real(debugger::NewLocalTrialFiles(golden));
  ASSERT_TRUE(real.Refresh());
  size_t compared = 0;
  for (const std::string& name : real.TensorNames()) {
    ASSERT_TRUE(trial_->Has(name, 5)) << name;
    const Tensor theirs = *real.Value(name, 5);
    const Tensor ours = Value(name, 5);
    EXPECT_EQ(ours.values.index(), theirs.values.index()) << name;
    EXPECT_EQ(ours.shape.size(), theirs.shape.size()) << name;
    ++compared;
  }
  EXPECT_GT(compared, 30U);
}

// Sums over trees, round by round, are what the whole model says of these rows.
TEST(ShapAverage, IsTheMeanOverItsRowsAfterEveryRound) {
  for (const char* booster : {"gbtree", "dart"}) {
    const gbdt::Dataset train = Random(300, 4, 3, 2);
    ShapAverage average(train, booster == std::string("gbtree"), 1);
    std::vector<std::vector<float>> means;
    const auto params = gbdt::TrainParams::FromMap({{"num_round", "9"}, {"booster", booster}});
    const auto model =
        gbdt::Train(*params, train, {}, {.on_round = [&](const gbdt::RoundReport& r) {
          if (r.round % 3 == 2) means.push_back(*average.After(r, std::chrono::hours(1)));
          return true;
        }});
    ASSERT_TRUE(model);
    ASSERT_EQ(means.size(), 3U);
    ASSERT_GE(average.rows(), 8U);
    const auto rows = EvenSample(300, average.rows());
    const auto shap =
        *model->Predict(train.Subset(rows), {.kind = gbdt::PredictKind::kContributions});
    for (size_t f = 0; f < 4; ++f) {
      double sum = 0;
      for (size_t r = 0; r < rows.size(); ++r) sum += shap[r * 5 + f];
      EXPECT_NEAR(means.back()[f], sum / static_cast<double>(rows.size()), 1e-5) << booster;
    }
    EXPECT_THAT(average.Said(), testing::HasSubstr("of 300 training rows"));
  }
}

TEST(ShapAverage, GivesUpRowsWhenTimeRunsShort) {
  const gbdt::Dataset train = Random(300, 4, 3, 2);
  ShapAverage average(train, true, 1);
  const auto params = gbdt::TrainParams::FromMap({{"num_round", "12"}});
  const auto model = gbdt::Train(*params, train, {}, {.on_round = [&](const gbdt::RoundReport& r) {
    EXPECT_TRUE(average.After(r, std::chrono::nanoseconds(1)));
    return true;
  }});
  ASSERT_TRUE(model);
  EXPECT_EQ(average.rows(), 8U);
}

TEST_F(HookTest, SeveralClassesHaveAColumnEach) {
  const std::map<std::string, std::string> parameters = {
      {"objective", "multi:softprob"}, {"num_class", "3"}, {"num_round", "4"}};
  const gbdt::Model model =
      Train(parameters,
            {Collection("predictions", json::object({{"save_interval", "2"}})),
             Collection("full_shap", json::object({{"start_step", "3"}, {"save_interval", "3"}})),
             Collection("trees", json::object({{"save_steps", "1"}}))});
  EXPECT_THAT(trial_->Steps("predictions"), ElementsAre(0, 2, 3));
  EXPECT_THAT(trial_->Steps("full_shap/f0"), ElementsAre(3));
  EXPECT_THAT(trial_->Steps("trees/Tree"), ElementsAre(0, 1, 3));
  const Tensor predictions = Value("predictions", 3);
  EXPECT_THAT(predictions.shape, ElementsAre(60, 3));
  EXPECT_THAT(Floats("predictions", 3),
              testing::Pointwise(testing::FloatNear(1e-6F), *model.Predict(sets_[1].data)));
  EXPECT_THAT(Value("full_shap/f0", 3).shape, ElementsAre(400, 3, 5));
  // The trees of round 1 are the model's 3, 4 and 5.
  const auto numbers = std::get<std::vector<int64_t>>(Value("trees/Tree", 1).values);
  EXPECT_EQ(std::ranges::min(numbers), 3);
  EXPECT_EQ(std::ranges::max(numbers), 5);
}

TEST_F(HookTest, ExpressionsSelectAcrossCollections) {
  Train(
      {{"num_round", "6"}, {"eval_metric", "rmse,mae"}},
      {Collection("mine", json::object({{"include_regex", "validation-.*,^labels$"},
                                        {"save_interval", "4"}})),
       Collection("metrics", json::object({{"save_interval", "3"}, {"include_regex", ".*rmse"}}))},
      json::object({{"include_regex", "feature_importance/weight/.*"}, {"save_interval", "2"}}));
  EXPECT_THAT(trial_->Steps("validation-mae"), ElementsAre(0, 4, 5));
  EXPECT_THAT(trial_->Steps("train-mae"), testing::IsEmpty());
  EXPECT_THAT(trial_->Steps("train-rmse"), ElementsAre(0, 3, 5));
  EXPECT_THAT(trial_->Steps("labels"), ElementsAre(0, 4, 5));
  EXPECT_THAT(trial_->Steps("feature_importance/weight/f0"), ElementsAre(0, 2, 4, 5));
  EXPECT_THAT(trial_->Steps("feature_importance/gain/f0"), testing::IsEmpty());
  EXPECT_THAT(trial_->TensorNames("mine"),
              testing::UnorderedElementsAre("validation-rmse", "validation-mae", "labels"));
}

TEST_F(HookTest, TheRoundThatEndsTrainingIsSaved) {
  Train({{"num_round", "100"}}, json::array(), json::object(), 8);
  EXPECT_THAT(trial_->Steps(), ElementsAre(0, 7));
}

TEST_F(HookTest, TheReportGetsDataAndModel) {
  const gbdt::Model model = Train({{"objective", "binary:logistic"}, {"num_round", "60"}},
                                  json::array({Collection("clary_report")}));
  using Doubles = std::vector<double>;
  EXPECT_EQ(Value("clary_report/rows", 0).AsDoubles(), (Doubles{400, 60}));
  EXPECT_EQ(std::get<std::vector<std::string>>(Value("clary_report/feature_names", 0).values),
            (std::vector<std::string>{"f0", "f1", "f2", "f3"}));
  EXPECT_EQ(Value("clary_report/data/missing", 0).AsDoubles(), (Doubles{0, 0, 0.25, 0}));
  const auto values = sets_[0].data.dense();
  double sum = 0;
  double squares = 0;
  for (size_t r = 0; r < 400; ++r) sum += values[r * 4 + 1];
  for (size_t r = 0; r < 400; ++r) squares += std::pow(values[r * 4 + 1] - sum / 400, 2);
  EXPECT_NEAR(Value("clary_report/data/mean", 0).AsDoubles()[1], sum / 400, 1e-6);
  EXPECT_NEAR(Value("clary_report/data/std", 0).AsDoubles()[1], std::sqrt(squares / 400), 1e-6);
  EXPECT_EQ(Floats("clary_report/train_labels", 0), sets_[0].data.fields().label);

  const Tensor shap = Value("clary_report/shap", 59);
  const auto rows = std::get<std::vector<int64_t>>(Value("clary_report/shap_rows", 59).values);
  const auto count = static_cast<int64_t>(rows.size());  // as many as there was time for
  ASSERT_EQ(count, 60);                                  // all, where there are fewer than 500
  EXPECT_THAT(shap.shape, ElementsAre(count, 5));
  const auto contributions = Floats("clary_report/shap", 59);
  const auto features = Floats("clary_report/shap_features", 59);
  const auto margins = *model.Predict(sets_[1].data, {.kind = gbdt::PredictKind::kMargin});
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto r = static_cast<size_t>(rows[i]);
    EXPECT_EQ(r, i * 60 / rows.size());
    EXPECT_NEAR(std::accumulate(&contributions[i * 5], &contributions[i * 5] + 5, 0.0), margins[r],
                1e-4);
    const float value = sets_[1].data.dense()[r * 4 + 2];
    EXPECT_TRUE(features[i * 4 + 2] == value ||
                (std::isnan(value) && std::isnan(features[i * 4 + 2])));
  }
  const auto trees = std::get<std::vector<std::string>>(Value("clary_report/trees", 59).values);
  ASSERT_EQ(trees.size(), 51U);
  EXPECT_EQ(json::parse(trees[50])["round"], 59);
  // The first tree, walked, gives the first round's margin but for the intercept.
  const json nodes = json::parse(trees[0])["nodes"];
  const auto walk = [&](std::span<const float> row) {
    json node = nodes[0];
    while (!node.contains("v")) {
      const float x = row[node["f"].get<size_t>()];
      const char* next = std::isnan(x) ? "m" : (x < node["t"].get<float>() ? "y" : "n");
      node = nodes[node[next].get<size_t>()];
    }
    return node["v"].get<float>();
  };
  const auto first =
      *model.Predict(sets_[1].data, {.kind = gbdt::PredictKind::kMargin, .round_end = 1});
  const float intercept = first[0] - walk(sets_[1].data.dense().subspan(0, 4));
  for (size_t r = 0; r < 60; ++r) {
    EXPECT_NEAR(walk(sets_[1].data.dense().subspan(r * 4, 4)) + intercept, first[r], 1e-6);
  }
  EXPECT_GE(Value("clary_report/best_round", 59).AsDoubles()[0], 0);
}

TEST_F(HookTest, TheReportGetsTheDeliveredModelOfEarlyStopping) {
  const gbdt::Model model = Train(
      {{"objective", "binary:logistic"},
       {"num_round", "200"},
       {"eta", "0.9"},
       {"eval_metric", "logloss"}},
      json::array({Collection("clary_report"), Collection("metrics", {{"save_interval", "50"}})}),
      json::object(), 0, 6);
  const int rounds = model.num_round();
  const int64_t last = trial_->Steps().back();
  ASSERT_EQ(last, rounds + 5) << "six rounds were given up";
  EXPECT_EQ(Value("clary_report/delivered_rounds", last).AsDoubles()[0], rounds);
  EXPECT_EQ(Value("clary_report/best_round", last).AsDoubles()[0], rounds - 1);
  EXPECT_EQ(Floats("clary_report/predictions", last), *model.Predict(sets_[1].data));
  const auto logloss = Value("clary_report/metrics/validation-logloss", last).AsDoubles();
  ASSERT_EQ(logloss.size(), static_cast<size_t>(last) + 1) << "of every round, saved or not";
  EXPECT_EQ(std::ranges::min_element(logloss) - logloss.begin(), rounds - 1);
  EXPECT_NEAR(logloss[static_cast<size_t>(rounds - 1)],
              *gbdt::EvalMetric("logloss", *model.Predict(sets_[1].data), sets_[1].data), 1e-6);
  const auto gain = model.FeatureImportance(gbdt::Importance::kTotalGain);
  double total = 0;
  for (const auto& [f, v] : gain) total += v;
  const auto shares = Value("clary_report/importance/total_gain", last).AsDoubles();
  for (uint32_t f = 0; f < 4; ++f) {
    EXPECT_NEAR(shares[f], gain.contains(f) ? gain.at(f) / total : 0, 1e-9);
  }
  EXPECT_EQ(Value("clary_report/tree_count", last).AsDoubles()[0], rounds);
}

TEST_F(HookTest, TheReportGetsWhatTheValidationRowsHaveBeyondTheTrainingRows) {
  sets_ = {{"train", *gbdt::Dataset::FromDense(
                         {1, 0, 5, 2, 1, 5, 3, 0, kNaN, 1, 1, 6}, 4, 3,
                         {.label = {0, 1, 0, 1}, .feature_types = {"float", "c", "float"}})},
           {"validation", *gbdt::Dataset::FromDense({4, 2, kNaN, 0, 1, kNaN}, 2, 3,
                                                    {.label = {0, 1}, .weight = {1, 2}})}};
  TrainSets({{"num_round", "1"}}, json::array({Collection("clary_report")}));
  const auto outside = Value("clary_report/validation/outside", 0).AsDoubles();
  EXPECT_EQ(outside[0], 1) << "4 and 0 are beyond 1 to 3";
  EXPECT_EQ(outside[1], 0.5) << "category 2 is new";
  EXPECT_TRUE(std::isnan(outside[2])) << "no value";
  using Doubles = std::vector<double>;
  EXPECT_EQ(Value("clary_report/validation/missing", 0).AsDoubles(), (Doubles{0, 0, 1}));
  EXPECT_EQ(Value("clary_report/weighted", 0).AsDoubles(), (Doubles{0, 1}));
  EXPECT_EQ(Value("clary_report/sparse", 0).AsDoubles(), (Doubles{0}));
  EXPECT_EQ(Value("clary_report/train_class_rows", 0).AsDoubles(), (Doubles{2, 2}));
  EXPECT_EQ(std::get<std::vector<std::string>>(Value("clary_report/deciding_metric", 0).values)[0],
            "validation-rmse");
}

TEST_F(HookTest, ABadConfigurationIsAnErrorAndNoneIsNoHook) {
  ASSERT_TRUE(MakeDirectories(base() / "input/config"));
  const Hook::Inputs inputs{.sets = {{"train", Random(10, 3, 1, 2)}}};
  EXPECT_EQ(*Hook::Open(base(), inputs, clock_), nullptr);
  std::ofstream(base() / "input/config/debughookconfig.json")
      << R"({"HookParameters":{"save_interval":"0"}})";
  EXPECT_EQ(Hook::Open(base(), inputs, clock_).error().reason, "BadHookConfig");
}

}  // namespace
}  // namespace clary::xgboost
