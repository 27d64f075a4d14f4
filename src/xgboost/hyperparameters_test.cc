#include "xgboost/hyperparameters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/file.h"
#include "clary/gbdt.h"

namespace clary::xgboost {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Map = std::map<std::string, std::string>;

XgboostParams Parse(Map given, std::string_view version = "") {
  given.emplace("num_round", "10");
  auto p = ParseHyperparameters(given, version);
  EXPECT_TRUE(p) << p.error().message;
  return p ? *p : XgboostParams{};
}

std::string ErrorOf(Map given, std::string_view version = "") {
  given.emplace("num_round", "10");
  const auto p = ParseHyperparameters(given, version);
  return p ? "no error" : p.error().message;
}

TEST(Hyperparameters, TutorialsSetIsAccepted) {
  const auto p = Parse({{"max_depth", "5"},
                        {"eta", "0.2"},
                        {"gamma", "4"},
                        {"min_child_weight", "6"},
                        {"subsample", "0.7"},
                        {"objective", "binary:logistic"},
                        {"num_round", "1000"}});
  EXPECT_EQ(p.num_round, 1000);
  EXPECT_EQ(p.objective, "binary:logistic");
  EXPECT_EQ(p.engine, (Map{{"max_depth", "5"},
                           {"eta", "0.2"},
                           {"gamma", "4"},
                           {"min_child_weight", "6"},
                           {"subsample", "0.7"},
                           {"objective", "binary:logistic"},
                           {"num_round", "1000"}}));
  EXPECT_TRUE(p.warnings.empty());
}

TEST(Hyperparameters, MissingAndExtraneousNames) {
  const auto missing = ParseHyperparameters({{"eta", "9"}});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message, "Missing required hyperparameter: num_round");
  EXPECT_EQ(missing.error().reason, "MissingHyperparameter");
  EXPECT_EQ(ErrorOf({{"device", "cpu"}}), "Extraneous hyperparameter found: device");
  EXPECT_EQ(ErrorOf({{"sagemaker_program", "x"}}), "no error");  // injected by SDKs
}

// The container's own words come first: clients match them.
TEST(Hyperparameters, WhatWasMeant) {
  EXPECT_EQ(ErrorOf({{"max_dept", "3"}}),
            "Extraneous hyperparameter found: max_dept. Did you mean max_depth?");
  EXPECT_EQ(ErrorOf({{"learnin_rate", "3"}}),
            "Extraneous hyperparameter found: learnin_rate. Did you mean learning_rate?");
  // Not what this image does not know.
  EXPECT_EQ(ErrorOf({{"sampling_metod", "uniform"}}, "1.2-1"),
            "Extraneous hyperparameter found: sampling_metod");
  EXPECT_THAT(ErrorOf({{"objective", "binary:logistc"}}),
              testing::EndsWith("'survival:cox']. Did you mean binary:logistic?"));
  EXPECT_THAT(ErrorOf({{"eval_metric", "rmse,logos"}}), testing::EndsWith("Did you mean logloss?"));
  EXPECT_THAT(ErrorOf({{"eval_metric", "ndgc@5"}}), testing::EndsWith("Did you mean ndcg?"));
  EXPECT_THAT(ErrorOf({{"_tuning_objective_metric", "validation:acu"}}),
              testing::EndsWith("Did you mean auc?"));
  EXPECT_THAT(ErrorOf({{"updater", "grow_histmakr"}}),
              testing::EndsWith("Did you mean grow_histmaker?"));
}

TEST(Hyperparameters, CategoriesNeedTreesOfANewerImage) {
  EXPECT_EQ(WhyNoCategories(Parse({})), "");
  EXPECT_EQ(WhyNoCategories(Parse({{"booster", "dart"}, {"tree_method", "approx"}})), "");
  EXPECT_THAT(WhyNoCategories(Parse({{"booster", "gblinear"}})), HasSubstr("gblinear"));
  EXPECT_THAT(WhyNoCategories(Parse({{"tree_method", "exact"}})), HasSubstr("exact"));
  const auto old = ParseHyperparameters({{"num_round", "1"}}, "1.5-1");
  ASSERT_TRUE(old);
  EXPECT_EQ(WhyNoCategories(*old), "image 1.5-1 cannot train on categories; 1.7-1 and later can");
  const auto newer = ParseHyperparameters({{"num_round", "1"}}, "1.7-1");
  EXPECT_EQ(WhyNoCategories(*newer), "");
}

TEST(Hyperparameters, ImagesDiffer) {
  EXPECT_EQ(
      ErrorOf({{"silent", "0"}}, "1.2-1"),
      "Extraneous hyperparameter found: silent. Image 1.2-1 does not know it; 0.90-1 to 1.0-1 "
      "do");
  EXPECT_EQ(ErrorOf({{"silent", "0"}}, "1.0-1"), "no error");
  EXPECT_EQ(
      ErrorOf({{"sampling_method", "uniform"}}, "1.2-1"),
      "Extraneous hyperparameter found: sampling_method. Image 1.2-1 does not know it; 1.3-1 to "
      "3.2-0 do");
  EXPECT_EQ(ErrorOf({{"sampling_method", "uniform"}}, "1.3-1"), "no error");
  EXPECT_EQ(ErrorOf({{"sampling_method", "uniform"}}, "9.9-1"), "no error");
}

TEST(Hyperparameters, Aliases) {
  const auto p = Parse({{"learning_rate", "0.1"},
                        {"eta", "0.5"},
                        {"reg_lambda", "2"},
                        {"reg_alpha", "3"},
                        {"min_split_loss", "4"}});
  EXPECT_EQ(p.engine.at("eta"), "0.1");
  EXPECT_EQ(p.engine.at("lambda"), "2");
  EXPECT_EQ(p.engine.at("alpha"), "3");
  EXPECT_EQ(p.engine.at("gamma"), "4");
  EXPECT_EQ(p.engine.count("learning_rate"), 0U);
}

TEST(Hyperparameters, ParseMessages) {
  EXPECT_EQ(ErrorOf({{"max_depth", "5.0"}}),
            "Hyperparameter max_depth: could not parse value (caused by ValueError)");
  EXPECT_EQ(ErrorOf({{"eta", "fast"}}),
            "Hyperparameter eta: could not parse value (caused by ValueError)");
  EXPECT_EQ(ErrorOf({{"eta", ""}}),
            "Hyperparameter eta: could not parse value (caused by ValueError)");
  EXPECT_EQ(Parse({{"max_depth", " +5 "}}).engine.at("max_depth"), "5");
  EXPECT_EQ(Parse({{"eta", "1e-3"}}).engine.at("eta"), "0.001");
  EXPECT_EQ(Parse({{"max_depth", "1_0"}, {"lambda", "1_000.5"}}).engine.at("lambda"), "1000.5");
  for (const char* bad : {"_1", "1_", "1__0", "\"5\"", "'5'", "5,"}) {
    EXPECT_THAT(ErrorOf({{"max_depth", bad}}), HasSubstr("could not parse value")) << bad;
  }
}

TEST(Hyperparameters, RangeMessages) {
  EXPECT_EQ(ErrorOf({{"eta", "1.5"}}), "Hyperparameter eta: 1.5 is not in [0, 1]");
  EXPECT_EQ(ErrorOf({{"eta", "2"}}), "Hyperparameter eta: 2.0 is not in [0, 1]");
  EXPECT_EQ(ErrorOf({{"eta", "nan"}}), "Hyperparameter eta: nan is not in [0, 1]");
  EXPECT_EQ(ErrorOf({{"subsample", "0"}}), "Hyperparameter subsample: 0.0 is not in (0, 1]");
  EXPECT_EQ(ErrorOf({{"num_round", "0"}}), "Hyperparameter num_round: 0 is not in [1, +inf)");
  EXPECT_EQ(ErrorOf({{"num_round", "99999999999"}}),
            "Hyperparameter num_round: 99999999999 is not in [1, 2147483647]");
  EXPECT_EQ(ErrorOf({{"max_bin", "1"}}), "Hyperparameter max_bin: 1 is not in [2, +inf)");
  EXPECT_EQ(ErrorOf({{"max_bin", "65536"}}), "Hyperparameter max_bin: 65536 is not in [2, 65535]");
  EXPECT_EQ(ErrorOf({{"gamma", "1e300"}}), "Hyperparameter gamma: 1e+300 is not in [0, 1e+30]");
  EXPECT_EQ(ErrorOf({{"gamma", "inf"}}), "Hyperparameter gamma: inf is not in [0, 1e+30]");
  EXPECT_EQ(ErrorOf({{"subsample", "1e-60"}}),
            "Hyperparameter subsample: 1e-60 is too close to the end of (0, 1]");
  EXPECT_EQ(ErrorOf({{"max_depth", "-1"}}), "Hyperparameter max_depth: -1 is not in [0, +inf)");
  EXPECT_EQ(ErrorOf({{"seed", "2147483647"}}),
            "Hyperparameter seed: 2147483647 is not in (-2147483648, 2147483647)");
  EXPECT_EQ(ErrorOf({{"tweedie_variance_power", "2"}}),
            "Hyperparameter tweedie_variance_power: 2.0 is not in (1, 2)");
  EXPECT_EQ(ErrorOf({{"booster", "gbtre"}}),
            "Hyperparameter booster: gbtre is not in ['gbtree', 'gblinear', 'dart']. Did you mean "
            "gbtree?");
  EXPECT_THAT(ErrorOf({{"objective", "reg:quantileerror"}}),
              HasSubstr("Hyperparameter objective: reg:quantileerror is not in ["));
  EXPECT_THAT(
      ErrorOf({{"eval_metric", "rmse,foo"}}),
      HasSubstr("Hyperparameter eval_metric: value ['rmse', 'foo'] not in range ['accuracy', "));
  EXPECT_EQ(ErrorOf({{"monotone_constraints", "(2,0)"}, {"tree_method", "hist"}}),
            "Hyperparameter monotone_constraints: value (2, 0) not in range [-1, 0, 1]");
  EXPECT_THAT(ErrorOf({{"_tuning_objective_metric", "train:auc"}}),
              HasSubstr("is not in ['validation:accuracy'"));
}

TEST(Hyperparameters, FirstViolationByStepThenName) {
  EXPECT_EQ(ErrorOf({{"eta", "2"}, {"objective", "multi:softmax"}}),
            "Hyperparameter eta: 2.0 is not in [0, 1]");
  EXPECT_EQ(ErrorOf({{"zeta", "2"}, {"alpha", "x"}}),
            "Hyperparameter alpha: could not parse value (caused by ValueError)");
}

TEST(Hyperparameters, DependencyMessages) {
  EXPECT_EQ(ErrorOf({{"objective", "multi:softprob"}}),
            "Require input for parameter 'num_class' for multi-classification");
  EXPECT_THAT(ErrorOf({{"num_class", "3"}, {"objective", "binary:logistic"}}),
              HasSubstr("'num_class'"));
  EXPECT_EQ(ErrorOf({{"eval_metric", "auc"}, {"objective", "reg:squarederror"}}),
            "Metric 'auc' can only be applied for classification and ranking problems.");
  EXPECT_EQ(ErrorOf({{"eval_metric", "auc"}}),
            "Metric 'auc' can only be applied for classification and ranking problems.");
  EXPECT_EQ(ErrorOf({{"eval_metric", "rmse"}}), "no error");  // upstream dies of a KeyError here
  EXPECT_EQ(ErrorOf({{"eval_metric", "aft-nloglik"}, {"objective", "survival:cox"}}),
            "Metric 'aft-nloglik' can only be applied for 'survival:aft' objective.");
  EXPECT_EQ(
      ErrorOf({{"eval_metric", "rmse@2"}}),
      "Metric 'rmse@2' is not supported. Parameter 'eval_metric' with customized threshold should "
      "be one of these options: 'error', 'ndcg', 'map'.");
  EXPECT_EQ(ErrorOf({{"eval_metric", "error@x"}}),
            "Threshold value 't' in 'error@t' expects float input.");
  EXPECT_EQ(ErrorOf({{"eval_metric", "<function f>"}}),
            "User defined evaluation metric <function f> is not supported yet.");
  EXPECT_EQ(ErrorOf({{"monotone_constraints", "(1)"}}),
            "monotone_constraints can be used only when the tree_method parameter is set to either "
            "'exact' or 'hist'.");
  EXPECT_EQ(
      ErrorOf({{"interaction_constraints", "[[0,1]]"}, {"tree_method", "auto"}}),
      "interaction_constraints can be used only when the tree_method parameter is set to either "
      "'exact', 'hist' or 'approx'.");
}

TEST(Hyperparameters, UpdaterRules) {
  EXPECT_EQ(ErrorOf({{"updater", "refresh,grow_histmaker"}, {"process_type", "update"}}),
            "process_type 'update' can only be used with updater 'refresh' and 'prune'");
  EXPECT_EQ(ErrorOf({{"updater", "refresh,prune"}, {"process_type", "update"}}), "no error");
  EXPECT_EQ(ErrorOf({{"updater", "shotgun"}}),
            "Tree updater should be selected from these options: 'grow_colmaker', 'distcol', "
            "'grow_histmaker', 'grow_skmaker', 'sync', 'refresh', 'prune'.");
  EXPECT_EQ(
      ErrorOf({{"updater", "grow_colmaker,grow_histmaker"}}),
      "Only one tree grow plugin can be selected. Choose one from thefollowing: 'grow_colmaker', "
      "'distcol', 'grow_histmaker', 'grow_skmaker'");
  EXPECT_EQ(ErrorOf({{"updater", "shotgun,coord_descent"}, {"booster", "gblinear"}}),
            "Linear updater should be one of these options: 'shotgun', 'coord_descent'.");
  EXPECT_EQ(ErrorOf({{"updater", "shotgun"}, {"booster", "gblinear"}}), "no error");
  EXPECT_THAT(ErrorOf({{"updater", "grow_quantile_histmaker"}}), HasSubstr("not in range"));
}

TEST(Hyperparameters, Constraints) {
  const auto p = Parse({{"tree_method", "hist"},
                        {"monotone_constraints", "[1, 0,-1]"},
                        {"interaction_constraints", " [[0, 2],[3] ]"}});
  EXPECT_EQ(p.engine.at("monotone_constraints"), "(1, 0, -1)");
  EXPECT_EQ(p.engine.at("interaction_constraints"), "[[0, 2], [3]]");
  // All that Python reads as a tuple, or as lists.
  for (const char* form :
       {"1,0,-1", " 1, 0, -1 ", "(1,0,-1,)", "[1,0,-1]", "((1,0,-1))", "+1,0,-1"}) {
    const auto q = Parse({{"tree_method", "hist"}, {"monotone_constraints", form}});
    EXPECT_EQ(q.engine.at("monotone_constraints"), "(1, 0, -1)") << form;
  }
  EXPECT_EQ(Parse({{"tree_method", "hist"}, {"monotone_constraints", "()"}})
                .engine.at("monotone_constraints"),
            "()");
  for (const char* bad :
       {"", "1,,0", "(1,0", "1,0)", "(,)", "1 0", "[1,[0]]", "(1;0)", "'(1,0)'"}) {
    EXPECT_EQ(ErrorOf({{"tree_method", "hist"}, {"monotone_constraints", bad}}),
              "Hyperparameter monotone_constraints: could not parse value (caused by ValueError)")
        << bad;
  }
  for (const char* form :
       {"[[0,1],[2]]", "[[0,1],[2],]", "((0,1),(2,))", "[0,1],[2]", "[(0,1),[2]]"}) {
    const auto q = Parse({{"tree_method", "hist"}, {"interaction_constraints", form}});
    EXPECT_EQ(q.engine.at("interaction_constraints"), "[[0, 1], [2]]") << form;
  }
  for (const char* none : {"[]", "()", "[ ]"}) {
    const auto q = Parse({{"tree_method", "hist"}, {"interaction_constraints", none}});
    EXPECT_EQ(q.engine.at("interaction_constraints"), "[]") << none;
  }
  EXPECT_EQ(ErrorOf({{"tree_method", "hist"}, {"interaction_constraints", "[[-1, 0]]"}}),
            "Hyperparameter interaction_constraints: value [-1, 0] not in range [0, +inf)");
  for (const char* bad : {"[[0,1]", "[0,1]", "[[a]]", "[[1.5]]", "", "[[1][2]]", "__import__('os')",
                          "1", "[[[[[[[[[[[[0]]]]]]]]]]]]"}) {
    EXPECT_EQ(
        ErrorOf({{"tree_method", "hist"}, {"interaction_constraints", bad}}),
        "Hyperparameter interaction_constraints: could not parse value (caused by ValueError)")
        << bad;
  }
}

TEST(Hyperparameters, ToolkitsOwn) {
  const auto p = Parse({{"csv_weights", "1"},
                        {"early_stopping_rounds", "7"},
                        {"_kfold", "5"},
                        {"_num_cv_round", "2"},
                        {"save_model_on_termination", "true"},
                        {"eval_metric", "rmse,mae"},
                        {"_tuning_objective_metric", "validation:logloss"}});
  EXPECT_TRUE(p.csv_weights);
  EXPECT_EQ(p.early_stopping_rounds, 7);
  EXPECT_EQ(p.kfold, 5);
  EXPECT_EQ(p.num_cv_round, 2);
  EXPECT_TRUE(p.save_model_on_termination);
  EXPECT_THAT(p.eval_metric, ElementsAre("logloss", "mae", "rmse"));
  EXPECT_EQ(p.engine, (Map{{"num_round", "10"}, {"eval_metric", "logloss,mae,rmse"}}));
  EXPECT_THAT(ErrorOf({{"use_dask_gpu_training", "true"}}), HasSubstr("CPUs only"));
}

TEST(Hyperparameters, OrderOfMetricsIsKeptWithoutATuningMetric) {
  EXPECT_THAT(Parse({{"eval_metric", "rmse,mae,error@0.6"}}).eval_metric,
              ElementsAre("rmse", "mae", "error@0.6"));
  EXPECT_THAT(Parse({{"eval_metric", "error@0.50,error@0.70,error@-1,ndcg@2.0"}}).eval_metric,
              ElementsAre("error", "error@0.7", "error@-1", "ndcg@2.0"));
  EXPECT_THAT(Parse({{"_tuning_objective_metric", "validation:auc"}}).eval_metric,
              ElementsAre("auc"));
}

TEST(Hyperparameters, WhatUpstreamIgnoresGivesItsWarning) {
  const auto p = Parse({{"sketch_eps", "0.1"}, {"predictor", "cpu_predictor"}});
  EXPECT_THAT(p.warnings,
              ElementsAre("Parameters: { \"predictor\", \"sketch_eps\" } are not used."));
  EXPECT_EQ(p.engine.size(), 1U);
  EXPECT_EQ(Parse({{"early_stopping_rounds", "3"}}).warnings.size(), 1U);
}

// Every number that the table allows can be trained with, and the next one beyond is refused with
// the range.
TEST(Hyperparameters, RangesAreThoseThatWork) {
  std::vector<float> x;
  gbdt::RowFields fields;
  for (int i = 0; i < 24; ++i) {
    x.push_back(static_cast<float>(i % 9));
    x.push_back(static_cast<float>(i % 5));
    fields.label.push_back(static_cast<float>(i % 2));
    fields.label_lower.push_back(static_cast<float>(1 + i % 7));
    fields.label_upper.push_back(static_cast<float>(1 + i % 7));
  }
  const auto data = *gbdt::Dataset::FromDense(x, 24, 2, fields);
  const std::map<std::string_view, Map> companions = {
      {"num_class", {{"objective", "multi:softprob"}}},
      {"tweedie_variance_power", {{"objective", "reg:tweedie"}}},
      {"aft_loss_distribution_scale", {{"objective", "survival:aft"}}},
      {"rate_drop", {{"booster", "dart"}}},
      {"one_drop", {{"booster", "dart"}}},
      {"skip_drop", {{"booster", "dart"}, {"rate_drop", "0.5"}}},
      {"monotone_constraints", {{"tree_method", "hist"}}},
      {"interaction_constraints", {{"tree_method", "hist"}}},
      {"refresh_leaf", {{"updater", "grow_histmaker,refresh"}}},
  };
  size_t trained = 0;
  for (const HyperparameterEnds& h : HyperparametersWithRanges()) {
    const std::string name(h.name);
    const char* const version = h.name == "silent" ? "1.0-1" : "";
    Map given = {{"num_round", "2"}};
    if (const auto more = companions.find(h.name); more != companions.end()) {
      given.insert(more->second.begin(), more->second.end());
    }
    for (const std::string& value : {h.least, h.most}) {
      given[name] = value;
      const auto p = ParseHyperparameters(given, version);
      ASSERT_TRUE(p) << name << "=" << value << ": " << p.error().message;
      auto params = gbdt::TrainParams::FromMap(p->engine);
      ASSERT_TRUE(params) << name << "=" << value << ": " << params.error().message;
      params->nthread = std::min(params->nthread, 2);
      bool finite = true;
      const auto model = gbdt::Train(*params, data, {{"train", data}},
                                     {.stop = {}, .on_round = [&](const gbdt::RoundReport& report) {
                                        for (const auto& m : report.metrics) {
                                          finite = finite && std::isfinite(m.value);
                                        }
                                        return report.round < 1;
                                      }});
      ASSERT_TRUE(model) << name << "=" << value << ": " << model.error().message;
      EXPECT_TRUE(finite) << name << "=" << value;
      const auto predicted = model->Predict(data);
      ASSERT_TRUE(predicted);
      EXPECT_TRUE(
          std::ranges::all_of(*predicted, [](float margin) { return std::isfinite(margin); }))
          << name << "=" << value;
      ++trained;
    }
    for (const std::string& value : {h.below, h.above}) {
      given[name] = value;
      const std::string error = ErrorOf(given, version);
      EXPECT_THAT(error, testing::AnyOf(HasSubstr(" is not in "), HasSubstr(" not in range ")))
          << name << "=" << value;
      EXPECT_LT(error.size(), 120U) << error;
    }
  }
  EXPECT_GT(trained, 70U);
}

// CLARY_UPDATE_GOLDEN=1 writes the page instead.
TEST(Hyperparameters, DocumentationIsUpToDate) {
  const std::string path = CLARY_SOURCE_DIR "/docs/parameters.md";
  if (std::getenv("CLARY_UPDATE_GOLDEN") != nullptr) {
    ASSERT_TRUE(WriteFileAtomic(path, ParametersMarkdown()));
  }
  const auto page = ReadFile(path, 1 << 20);
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(*page, ParametersMarkdown()) << "run this test with CLARY_UPDATE_GOLDEN=1";
}

}  // namespace
}  // namespace clary::xgboost
