#include "debugger/rule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>

#include "base/file.h"
#include "base/testing/manual_clock.h"
#include "debugger/profiler_rules.h"
#include "debugger/tensor_writer.h"

namespace clary::debugger {
namespace {

using Parameters = std::map<std::string, std::string>;
// One step: collection and tensor.
using StepTensors = std::vector<std::pair<std::string, Tensor>>;

constexpr const char* kCollections =
    R"({"CollectionConfigurations": [
      {"CollectionName": "metrics", "CollectionParameters": {"save_interval": "1"}},
      {"CollectionName": "losses", "CollectionParameters": {"save_interval": "1"}},
      {"CollectionName": "labels", "CollectionParameters": {"save_interval": "1"}},
      {"CollectionName": "predictions", "CollectionParameters": {"save_interval": "1"}},
      {"CollectionName": "feature_importance", "CollectionParameters": {"save_interval": "1"}},
      {"CollectionName": "hyperparameters", "CollectionParameters": {"save_interval": "1"}},
      {"CollectionName": "trees", "CollectionParameters": {"save_interval": "1"}},
      {"CollectionName": "gradients", "CollectionParameters": {"save_interval": "1"}},
      {"CollectionName": "weights", "CollectionParameters": {"save_interval": "1"}},
      {"CollectionName": "clary_report", "CollectionParameters": {"save_interval": "1"}},
      {"CollectionName": "default", "CollectionParameters": {"save_interval": "1", "include_regex": ".*"}}]})";

// A finished trial with these steps.
TempDir WriteTrial(const std::vector<StepTensors>& steps) {
  auto dir = TempDir::Make();
  ManualClock clock;
  auto writer = TensorWriter::Open(dir->path(), *HookConfig::FromJson(kCollections), clock);
  for (size_t step = 0; step < steps.size(); ++step) {
    for (const auto& [collection, tensor] : steps[step]) (*writer)->Add(collection, tensor);
    EXPECT_TRUE((*writer)->FinishStep(static_cast<int64_t>(step)));
  }
  EXPECT_TRUE((*writer)->Close());
  return std::move(*dir);
}

Result<RuleOutcome> Evaluate(const std::string& rule, const Parameters& parameters,
                             const std::vector<StepTensors>& steps,
                             const TrialOpener& open = nullptr) {
  const TempDir dir = WriteTrial(steps);
  Trial trial(NewLocalTrialFiles(dir.path()));
  ManualClock clock;
  CLARY_TRY(const auto made, MakeRule(rule, parameters, open));
  return FollowTrial(*made, trial, clock);
}

// `values[i]` as a scalar tensor of step i.
std::vector<StepTensors> Series(const std::string& collection, const std::string& name,
                                const std::vector<double>& values) {
  std::vector<StepTensors> steps;
  for (const double v : values) steps.push_back({{collection, Scalar(name, v)}});
  return steps;
}

std::vector<StepTensors> Labelled(std::vector<float> labels, std::vector<float> predictions) {
  return {{{"labels", Vector("labels", std::move(labels))},
           {"predictions", Vector("predictions", std::move(predictions))}}};
}

std::vector<float> Repeat(const std::vector<std::pair<float, size_t>>& runs) {
  std::vector<float> out;
  for (const auto& [value, n] : runs) out.insert(out.end(), n, value);
  return out;
}

struct RuleCase {
  std::string rule;
  Parameters parameters;
  std::vector<StepTensors> steps;
  bool fires;
  std::string detail;  // must be in the details
};

std::vector<RuleCase> Cases() {
  const double inf = std::numeric_limits<double>::infinity();
  const auto tensor = [](const std::string& name, std::vector<double> v) {
    return std::vector<StepTensors>{{{"default", Vector(name, std::move(v))}}};
  };
  std::vector<StepTensors> overfit;
  std::vector<StepTensors> fit;
  for (int i = 0; i < 6; ++i) {
    const double train = 0.5 - 0.05 * i;
    overfit.push_back({{"metrics", Scalar("train-logloss", train)},
                       {"metrics", Scalar("validation-logloss", 0.5)}});
    fit.push_back({{"metrics", Scalar("train-logloss", train)},
                   {"metrics", Scalar("validation-logloss", train * 1.05)}});
  }
  const auto importance = [](const std::vector<double>& shares) {
    StepTensors step;
    for (size_t i = 0; i < shares.size(); ++i) {
      step.emplace_back("feature_importance",
                        Scalar("feature_importance/weight/f" + std::to_string(i), shares[i]));
    }
    return std::vector<StepTensors>{step};
  };
  const auto tree = [](int64_t nodes) {
    std::vector<int64_t> ids(static_cast<size_t>(nodes));
    for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int64_t>(i);
    return std::vector<StepTensors>{{{"trees", Vector("trees/Node", ids)}}};
  };
  return {
      {"AllZero", {{"tensor_regex", "x"}}, tensor("x", {0, 0}), true, "100 % of x"},
      {"AllZero", {{"tensor_regex", "x"}}, tensor("x", {0, 1}), false, ""},
      {"AllZero", {{"tensor_regex", "x"}, {"threshold", "50"}}, tensor("x", {0, 1}), true, "50 %"},
      {"ExplodingTensor", {{"tensor_regex", "x"}}, tensor("x", {1, inf}), true, "infinite"},
      {"ExplodingTensor",
       {{"tensor_regex", "x"}, {"only_nan", "True"}},
       tensor("x", {1, inf}),
       false,
       ""},
      {"TensorVariance",
       {{"tensor_regex", "x"}, {"max_threshold", "1"}},
       tensor("x", {0, 4}),
       true,
       "variance of x is 4"},
      {"TensorVariance",
       {{"tensor_regex", "x"}, {"max_threshold", "4"}},
       tensor("x", {0, 4}),
       false,
       ""},
      {"UnchangedTensor",
       {{"tensor_regex", "x"}},
       Series("default", "x", {1, 2, 3, 1}),
       true,
       "from step 0 to step 3"},
      {"UnchangedTensor",
       {{"tensor_regex", "x"}},
       Series("default", "x", {1, 2, 3, 4, 5}),
       false,
       ""},
      {"LossNotDecreasing",
       {{"num_steps", "2"}},
       Series("losses", "train-rmse", {5, 4, 3, 2}),
       false,
       ""},
      {"LossNotDecreasing",
       {{"num_steps", "2"}},
       Series("losses", "train-rmse", {5, 4, 5.5}),
       true,
       "rose by 10 %"},
      {"LossNotDecreasing",
       {{"num_steps", "2"}},
       Series("losses", "train-rmse", {5, 4, 4.999}),
       true,
       "fell by only"},
      {"Overfit", {}, overfit, true, "validation-logloss"},
      {"Overfit", {{"ratio_threshold", "5"}}, overfit, false, ""},
      {"Overfit", {}, fit, false, ""},
      {"Overtraining",
       {{"patience_train", "2"}},
       Series("metrics", "train-logloss", {0.5, 0.495, 0.494, 0.493}),
       true,
       "has not improved on 0.5"},
      {"Overtraining", {}, fit, false, ""},
      {"ClassImbalance",
       {{"samples", "100"}},
       Labelled(Repeat({{0, 110}, {1, 10}}), Repeat({{0, 110}, {1, 10}})),
       true,
       "class 0 has 11 times"},
      {"ClassImbalance",
       {{"samples", "100"}},
       Labelled(Repeat({{0, 60}, {1, 60}}), Repeat({{0, 60}, {0.2F, 60}})),
       true,
       "of class 1 are mispredicted"},
      {"ClassImbalance",
       {{"samples", "100"}},
       Labelled(Repeat({{0, 60}, {1, 60}}), Repeat({{0.1F, 60}, {0.9F, 60}})),
       false,
       ""},
      {"Confusion", {}, Labelled({0, 0, 1, 1}, {0, 0, 1, 0}), true, "predicted as class 0"},
      {"Confusion", {}, Labelled({0, 0, 1, 1}, {0.1F, 0.2F, 0.8F, 1}), false, ""},
      {"FeatureImportanceOverweight", {}, importance({0.5, 0.3, 0.1, 0.1}), true, "f0, f1, f3"},
      {"FeatureImportanceOverweight", {}, importance({0.25, 0.25, 0.25, 0.25}), false, ""},
      {"TreeDepth", {}, tree(32), true, "depth 5"},
      {"TreeDepth", {}, tree(31), false, ""},
      {"DeadRelu", {}, tensor("layer_relu_output", {0, 0, 0, 1}), true, "75 %"},
      {"DeadRelu", {}, tensor("layer_relu_output", {0, 1, 1, 1}), false, ""},
      {"PoorWeightInitialization",
       {},
       {{{"default", Vector<double>("a_relu_input", {0, 100})},
         {"default", Vector<double>("b_relu_input", {0, 1})}}},
       true,
       "factor of 1e+04"},
      {"PoorWeightInitialization",
       {},
       {{{"default", Vector<double>("a_relu_input", {0, 1})},
         {"default", Vector<double>("b_relu_input", {0, 1})},
         {"gradients", Vector<double>("g", {-1, 0, 1})}}},
       false,
       ""},
      {"SaturatedActivation", {}, tensor("x_tanh_input", {10, -10, 0}), true, "saturated"},
      {"SaturatedActivation", {}, tensor("x_tanh_input", {1, -10, 0}), false, ""},
      {"VanishingGradient",
       {},
       {{{"gradients", Vector<double>("g", {1e-9, -1e-9})}}},
       true,
       "mean absolute gradient g"},
      {"VanishingGradient", {}, {{{"gradients", Vector<double>("g", {1e-3, -1e-3})}}}, false, ""},
      {"WeightUpdateRatio", {}, Series("weights", "w", {1, 1}), true, "w changed by"},
      {"WeightUpdateRatio", {}, Series("weights", "w", {1, 1.1}), false, ""},
      {"CheckInputImages",
       {{"regex", "image"}, {"threshold_samples", "2"}},
       {{{"default", Tensor{"image", {2, 2}, std::vector<float>{100, 100, 100, 100}}}}},
       true,
       "mean pixel"},
      {"CheckInputImages",
       {{"regex", "image"}, {"threshold_samples", "2"}},
       {{{"default", Tensor{"image", {2, 2}, std::vector<float>{-1, 1, 1, -1}}}}},
       false,
       ""},
      {"NLPSequenceRatio", {{"tensor_regex", "ids"}}, tensor("ids", {0, 0, 5}), true, "token 0"},
      {"NLPSequenceRatio", {{"tensor_regex", "ids"}}, tensor("ids", {0, 4, 5}), false, ""},
  };
}

TEST(Rules, FireWhenTheirConditionIsMetAndNotOtherwise) {
  for (const RuleCase& c : Cases()) {
    const auto outcome = Evaluate(c.rule, c.parameters, c.steps);
    ASSERT_TRUE(outcome) << c.rule << ": " << outcome.error().message;
    EXPECT_EQ(outcome->fired, c.fires) << c.rule << ": " << outcome->details;
    EXPECT_NE(outcome->details.find(c.detail), std::string::npos)
        << c.rule << ": " << outcome->details;
  }
}

TEST(Rules, EveryRuleHasACaseThatFiresAndOneThatDoesNot) {
  const std::vector<RuleCase> cases = Cases();
  for (const RuleEntry& e : Rules()) {
    if (e.name == "SimilarAcrossRuns" || e.name == "StalledTrainingRule") continue;  // below
    for (const bool fires : {true, false}) {
      EXPECT_TRUE(std::ranges::any_of(
          cases, [&](const RuleCase& c) { return c.rule == e.name && c.fires == fires; }))
          << e.name << (fires ? " never fires" : " always fires");
    }
  }
}

TEST(Rules, SimilarAcrossRunsComparesWithAnotherJob) {
  for (const bool same : {true, false}) {
    const TempDir other = WriteTrial(Series("default", "w", {1, same ? 2.0 : 3.0}));
    const TrialOpener open = [&](const std::string&) -> Result<std::unique_ptr<Trial>> {
      return std::make_unique<Trial>(NewLocalTrialFiles(other.path()));
    };
    const auto outcome =
        Evaluate("SimilarAcrossRuns", {{"other_trials", "x"}, {"tensor_regex", "w"}},
                 Series("default", "w", {0, 2}), open);
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_EQ(outcome->fired, same);
  }
}

TEST(Rules, StalledTrainingFiresWhenNoStepComes) {
  auto dir = TempDir::Make();
  ManualClock clock;
  auto writer = TensorWriter::Open(dir->path(), *HookConfig::FromJson("{}"), clock);
  Trial trial(NewLocalTrialFiles(dir->path()));
  auto rule = MakeRule("StalledTrainingRule", {{"threshold", "60"}});
  const auto outcome = FollowTrial(**rule, trial, clock, {.poll = Duration(1000)});
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->fired);
  EXPECT_EQ(outcome->details, "no new step for 60 s");
}

TEST(Rules, UnknownParametersAreToleratedAndBadValuesAreNamed) {
  EXPECT_TRUE(MakeRule("TreeDepth", {{"depth", "4"}, {"rule_to_invoke", "TreeDepth"}}));
  const auto bad = MakeRule("TreeDepth", {{"depth", "deep"}});
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().message,
            "rule TreeDepth: depth is 'deep', but must be a whole number from 0");
  EXPECT_EQ(MakeRule("NoSuchRule", {}).error().reason, "NoRule");
  EXPECT_FALSE(MakeRule("AllZero", {}));  // one of collection_names, tensor_regex is required
}

// For every parameter of every rule: values that it cannot have.
TEST(Rules, EveryParameterRefusesWhatItCannotBe) {
  const auto bad = [](const RuleParameter& p) -> std::vector<std::string> {
    switch (p.values.kind) {
      case RuleValues::kNumber:
      case RuleValues::kWhole: {
        std::vector<std::string> out = {"x", "nan", "inf", "1e", "1,2", "0x"};
        if (p.values.kind == RuleValues::kWhole) out.emplace_back("1.5");
        if (!std::isinf(p.values.low)) out.push_back(std::to_string(p.values.low - 1));
        if (p.values.high < 1e6) out.push_back(std::to_string(p.values.high + 1));
        return out;
      }
      case RuleValues::kFlag:
        return {"maybe", "2"};
      case RuleValues::kExpression:
      case RuleValues::kExpressions:
        return {"(", "a[", "*a", "a)(b", "(?!x)y"};
      case RuleValues::kText:
      case RuleValues::kNames:
        return {","};
    }
    return {};
  };
  const auto check = [&](const RuleEntry& entry) {
    for (const RuleParameter& p : entry.parameters) {
      for (const std::string& value : bad(p)) {
        const auto read = RuleSettings::Read(entry, {{std::string(p.name), value}});
        if (p.values.kind == RuleValues::kText && p.default_value.empty()) continue;
        ASSERT_FALSE(read) << entry.name << "." << p.name << " took '" << value << "'";
        EXPECT_EQ(read.error().reason, "BadRuleParameter");
        for (const std::string& part : {std::string(entry.name), std::string(p.name), value}) {
          EXPECT_NE(read.error().message.find(part), std::string::npos) << read.error().message;
        }
      }
      const auto none = RuleSettings::Read(entry, {{std::string(p.name), "None"}});
      ASSERT_TRUE(none) << none.error().message;
      EXPECT_EQ(none->Text(p.name), p.default_value);
    }
  };
  for (const RuleEntry& e : Rules()) check(e);
  for (const ProfilerRuleEntry& e : ProfilerRules()) check(e.rule);
}

// What rules are about and the job did not save: never NoIssuesFound.
TEST(Rules, OneThatSawNothingIsAnErrorThatNamesIt) {
  const auto losses = [] {
    std::vector<StepTensors> steps;
    for (int i = 0; i < 3; ++i) {
      steps.push_back({{"losses", Scalar("train-logloss", 1.0 / (i + 1))},
                       {"hyperparameters", Vector<std::string>("hyperparameters/objective", {"x"})},
                       {"labels", Vector<float>("labels", {0, 1})},
                       {"predictions", Vector<float>("predictions", {0, 1})}});
    }
    return steps;
  };
  struct Case {
    std::string rule;
    Parameters parameters;
    std::string names;
  };
  const std::vector<Case> cases = {
      {"AllZero", {{"tensor_regex", "nothing.*"}}, "tensor_regex 'nothing.*'"},
      {"AllZero", {{"collection_names", "gone"}}, "collection_names 'gone'"},
      {"AllZero", {{"collection_names", "losses,lossess"}}, "collection_names 'lossess'"},
      {"AllZero", {{"tensor_regex", "train-.*,validation-.*"}}, "tensor_regex 'validation-.*'"},
      {"ExplodingTensor", {{"tensor_regex", "hyperparameters/"}}, "'hyperparameters/'"},
      {"TensorVariance", {{"tensor_regex", "z"}, {"max_threshold", "1"}}, "'z'"},
      {"UnchangedTensor", {{"tensor_regex", "z"}}, "'z'"},
      {"LossNotDecreasing", {{"collection_names", "z"}}, "collection_names 'z'"},
      {"Overfit", {}, "both the training and the validation data"},
      {"Overfit", {{"start_step", "9"}}, "start_step 9"},
      {"Overfit", {{"tensor_regex", "z"}}, "tensor_regex 'z'"},
      {"ClassImbalance", {{"labels_regex", "z"}}, "labels_regex 'z'"},
      {"ClassImbalance", {{"predictions_regex", "z"}}, "predictions_regex 'z'"},
      {"ClassImbalance", {}, "more than 6 labels, where samples is 500"},
      {"Confusion", {{"labels", "z"}}, "labels 'z'"},
      {"FeatureImportanceOverweight", {}, "tensor_regex '.*feature_importance/weight'"},
      {"TreeDepth", {}, "collection 'trees'"},
      {"DeadRelu", {}, "tensor_regex '.*relu_output'"},
      {"SaturatedActivation", {}, "tensor_regex '.*tanh_input|.*sigmoid_input'"},
      {"PoorWeightInitialization", {{"activation_inputs_regex", "z"}}, "regex 'z'"},
      {"VanishingGradient", {}, "collection 'gradients'"},
      {"WeightUpdateRatio", {}, "collection 'weights'"},
      {"CheckInputImages", {}, "regex '.*hybridsequential0_input_0'"},
      {"NLPSequenceRatio", {}, "tensor_regex '.*embedding0_input_0'"},
  };
  for (const Case& c : cases) {
    const auto outcome = Evaluate(c.rule, c.parameters, losses());
    ASSERT_FALSE(outcome) << c.rule << " said " << outcome->fired;
    EXPECT_EQ(outcome.error().reason, "UnseenTensors") << c.rule;
    EXPECT_NE(outcome.error().message.find("rule " + c.rule), std::string::npos);
    EXPECT_NE(outcome.error().message.find(c.names), std::string::npos) << outcome.error().message;
    EXPECT_NE(outcome.error().message.find("train-logloss"), std::string::npos) << "what was saved";
  }
  EXPECT_TRUE(Evaluate("Overtraining", {}, losses()));
  EXPECT_FALSE(Evaluate("Overtraining", {}, Series("metrics", "train-auc", {0.5, 0.6})));
  EXPECT_FALSE(Evaluate("LossNotDecreasing", {}, Series("default", "x", {0.5, 0.6})));
}

TEST(Rules, MetricsThatShouldRiseAreNoLosses) {
  const auto rising = Series("losses", "train-accuracy", {0.5, 0.7, 0.9});
  EXPECT_FALSE(Evaluate("LossNotDecreasing", {{"num_steps", "1"}}, rising)->fired);
  const auto chosen = Evaluate("LossNotDecreasing",
                               {{"num_steps", "1"}, {"tensor_regex", "train-accuracy"}}, rising);
  EXPECT_TRUE(chosen->fired) << "the user says that it is one";
}

// What the report of a job is made from lies beside the tensors of the job.
TEST(Rules, ExpressionsDoNotReachTheTensorsOfTheReport) {
  std::vector<StepTensors> job =
      Labelled(Repeat({{0, 60}, {1, 60}}), Repeat({{0.1F, 60}, {0.9F, 60}}));
  job[0].push_back({"clary_report", Vector<float>("clary_report/train_labels", {0, 1, 1})});
  const auto balanced = Evaluate("ClassImbalance", {{"samples", "100"}}, job);
  ASSERT_TRUE(balanced) << balanced.error().message;
  EXPECT_FALSE(balanced->fired);
  job[0].clear();
  job[0].push_back({"clary_report", Vector<float>("clary_report/data/missing", {0, 0})});
  const auto zeros = Evaluate("AllZero", {{"tensor_regex", ".*"}}, job);
  ASSERT_FALSE(zeros);
  EXPECT_EQ(zeros.error().reason, "UnseenTensors");
  EXPECT_EQ(zeros.error().message.find("clary_report"), std::string::npos) << zeros.error().message;
  const auto named = Evaluate("AllZero", {{"tensor_regex", "clary_report/.*"}}, job);
  ASSERT_TRUE(named) << named.error().message;
  EXPECT_TRUE(named->fired);
}

TEST(Rules, LossesThatRiseALittleDoNotFall) {
  const auto outcome =
      Evaluate("LossNotDecreasing", {{"num_steps", "1"}}, Series("losses", "loss", {1, 1.001}));
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_NE(outcome->details.find("did not fall but rose by 0.1 %"), std::string::npos)
      << outcome->details;
}

TEST(Rules, ASourceIsNamedOnce) {
  const auto outcome = Evaluate("LossNotDecreasing", {}, Series("default", "x", {0.5, 0.6}));
  ASSERT_FALSE(outcome);
  const std::string& message = outcome.error().message;
  const size_t first = message.find("collection 'losses'");
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(message.find("collection 'losses'", first + 1), std::string::npos) << message;
}

TEST(Rules, LabelsThatAreNoClassesAreAnError) {
  for (const char* rule : {"ClassImbalance", "Confusion"}) {
    const auto outcome = Evaluate(rule, {}, Labelled({0.5F, 1}, {0, 1}));
    ASSERT_FALSE(outcome);
    EXPECT_NE(outcome.error().message.find("holds 0.5"), std::string::npos);
    const auto scores = Evaluate(rule, {}, Labelled({0, 1, 2}, {0.2F, 1.7F, -3}));
    ASSERT_FALSE(scores) << "of a ranking";
    EXPECT_NE(scores.error().message.find("tensor predictions holds neither"), std::string::npos);
    EXPECT_FALSE(Evaluate(rule, {}, Labelled({0, 1}, {0, 1, 1}))) << "sizes differ";
  }
}

TEST(Rules, ATrialWithoutStepsIsAnError) {
  const auto outcome = Evaluate("TreeDepth", {}, {});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().reason, "NoTensors");
}

TEST(Rules, TheirDocumentationIsCurrent) {
  const std::string path = CLARY_SOURCE_DIR "/docs/rules.md";
  if (std::getenv("CLARY_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << RulesMarkdown();
  }
  EXPECT_EQ(ReadFile(path, 1 << 20).value_or(""), RulesMarkdown())
      << "run this test with CLARY_UPDATE_GOLDEN=1";
}

}  // namespace
}  // namespace clary::debugger
