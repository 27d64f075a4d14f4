#include "clary/rule.h"

#include <cctype>
#include <span>
#include <utility>

namespace clary {
namespace {

struct CollectionEntry {
  std::string_view name;
  std::string_view parameter;
  std::string_view value;
};

// The report's are SageMaker's. Its catalogue gives other rules an interval of 500 or no tensors at
// all, and most jobs on trees end before step 500: these are what the rules need to see something.
constexpr CollectionEntry kReport[] = {{"metrics", "save_interval", "5"},
                                       {"feature_importance", "save_interval", "5"},
                                       {"hyperparameters", "save_steps", "0"},
                                       {"predictions", "save_interval", "5"},
                                       {"labels", "save_interval", "5"}};
constexpr CollectionEntry kLosses[] = {{"losses", "save_interval", "1"}};
constexpr CollectionEntry kMetrics[] = {{"metrics", "save_interval", "1"}};
constexpr CollectionEntry kPredictions[] = {{"predictions", "save_interval", "5"},
                                            {"labels", "save_interval", "5"}};
constexpr CollectionEntry kImportance[] = {{"feature_importance", "save_interval", "5"}};
constexpr CollectionEntry kTrees[] = {{"trees", "save_interval", "5"}};
constexpr CollectionEntry kGradients[] = {{"gradients", "save_interval", "500"}};
constexpr CollectionEntry kWeights[] = {{"weights", "save_interval", "500"}};
constexpr CollectionEntry kReluOutput[] = {{"relu_output", "save_interval", "500"}};
constexpr CollectionEntry kReluInput[] = {{"relu_input", "save_interval", "500"}};

// Built-in rules and the tensors they look at.
struct BuiltIn {
  std::string_view name;
  std::span<const CollectionEntry> collections = {};
  bool profiler = false;
};

constexpr BuiltIn kBuiltIn[] = {
    {"AllZero"},
    {"ClassImbalance", kPredictions},
    {"Confusion", kPredictions},
    {"CreateXgboostReport", kReport},
    {"DeadRelu", kReluOutput},
    {"ExplodingTensor"},
    {"FeatureImportanceOverweight", kImportance},
    {"LossNotDecreasing", kLosses},
    {"NLPSequenceRatio"},
    {"Overfit", kMetrics},
    {"Overtraining", kMetrics},
    {"PoorWeightInitialization", kReluInput},
    {"SaturatedActivation"},
    {"SimilarAcrossRuns"},
    {"StalledTrainingRule"},
    {"TensorVariance"},
    {"TreeDepth", kTrees},
    {"UnchangedTensor"},
    {"VanishingGradient", kGradients},
    {"WeightUpdateRatio", kWeights},
    {"BatchSize", {}, true},
    {"CPUBottleneck", {}, true},
    {"Dataloader", {}, true},
    {"GPUMemoryIncrease", {}, true},
    {"IOBottleneck", {}, true},
    {"LoadBalancing", {}, true},
    {"LowGPUUtilization", {}, true},
    {"MaxInitializationTime", {}, true},
    {"OverallFrameworkMetrics", {}, true},
    {"OverallSystemUsage", {}, true},
    {"ProfilerReport", {}, true},
    {"StepOutlier", {}, true},
};

// "LossNotDecreasing" and "loss_not_decreasing" name the same rule.
bool SameName(std::string_view given, std::string_view name) {
  size_t i = 0;
  for (const char c : given) {
    if (c == '_') continue;
    if (i == name.size() || std::tolower(static_cast<unsigned char>(c)) !=
                                std::tolower(static_cast<unsigned char>(name[i]))) {
      return false;
    }
    ++i;
  }
  return i == name.size();
}

RuleConfig Make(const BuiltIn& entry) {
  RuleConfig config{.name = std::string(entry.name),
                    .rule_parameters = {{"rule_to_invoke", std::string(entry.name)}},
                    .collections = {},
                    .profiler = entry.profiler};
  for (const auto& c : entry.collections) {
    config.collections.push_back(
        {.name = std::string(c.name),
         .parameters = {{std::string(c.parameter), std::string(c.value)}}});
  }
  return config;
}

}  // namespace

namespace rule_configs {

std::optional<RuleConfig> find(std::string_view name) {
  for (const auto& entry : kBuiltIn) {
    if (SameName(name, entry.name)) return Make(entry);
  }
  return std::nullopt;
}

std::vector<std::string> names() {
  std::vector<std::string> all;
  for (const auto& entry : kBuiltIn) all.emplace_back(entry.name);
  return all;
}

// Each name is in the table (rule_test).
RuleConfig create_xgboost_report() { return *find("CreateXgboostReport"); }
RuleConfig class_imbalance() { return *find("ClassImbalance"); }
RuleConfig confusion() { return *find("Confusion"); }
RuleConfig feature_importance_overweight() { return *find("FeatureImportanceOverweight"); }
RuleConfig loss_not_decreasing() { return *find("LossNotDecreasing"); }
RuleConfig overfit() { return *find("Overfit"); }
RuleConfig overtraining() { return *find("Overtraining"); }
RuleConfig tree_depth() { return *find("TreeDepth"); }
RuleConfig profiler_report() { return *find("ProfilerReport"); }

}  // namespace rule_configs

Rule Rule::sagemaker(const RuleConfig& config, const Options& options) {
  Rule rule{.name = options.name.empty() ? config.name : options.name,
            .parameters = config.rule_parameters,
            .collections = options.collections_to_save.empty() ? config.collections
                                                               : options.collections_to_save,
            .image_uri = {},
            .instance_type = {},
            .s3_output_path = options.s3_output_path,
            .profiler = config.profiler,
            .actions = options.actions};
  for (const auto& [name, value] : options.rule_parameters) rule.parameters[name] = value;
  return rule;
}

}  // namespace clary
