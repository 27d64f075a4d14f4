#include "clary/rule.h"

#include <iterator>
#include <utility>

namespace clary {
namespace {

struct CollectionEntry {
  std::string_view name;
  std::string_view parameter;
  std::string_view value;
};

constexpr CollectionEntry kReport[] = {{"metrics", "save_interval", "5"},
                                       {"feature_importance", "save_interval", "5"},
                                       {"hyperparameters", "save_steps", "0"},
                                       {"predictions", "save_interval", "5"},
                                       {"labels", "save_interval", "5"}};
constexpr CollectionEntry kLosses[] = {{"losses", "save_interval", "500"}};
constexpr CollectionEntry kImportance[] = {{"feature_importance", "save_interval", "500"}};
constexpr CollectionEntry kGradients[] = {{"gradients", "save_interval", "500"}};
constexpr CollectionEntry kWeights[] = {{"weights", "save_interval", "500"}};

// Built-in rules and the tensors they look at, as the service's own catalogue has them.
struct BuiltIn {
  std::string_view name;
  const CollectionEntry* collections = nullptr;
  size_t count = 0;
  bool profiler = false;
};

constexpr BuiltIn kBuiltIn[] = {
    {"AllZero"},
    {"ClassImbalance"},
    {"Confusion"},
    {"CreateXgboostReport", kReport, std::size(kReport)},
    {"ExplodingTensor"},
    {"FeatureImportanceOverweight", kImportance, 1},
    {"LossNotDecreasing", kLosses, 1},
    {"Overfit"},
    {"Overtraining"},
    {"ProfilerReport", nullptr, 0, true},
    {"SimilarAcrossRuns"},
    {"StalledTrainingRule"},
    {"TensorVariance"},
    {"TreeDepth"},
    {"UnchangedTensor"},
    {"VanishingGradient", kGradients, 1},
    {"WeightUpdateRatio", kWeights, 1},
};

RuleConfig Make(const BuiltIn& entry) {
  RuleConfig config{.name = std::string(entry.name),
                    .rule_parameters = {{"rule_to_invoke", std::string(entry.name)}},
                    .collections = {},
                    .profiler = entry.profiler};
  for (size_t i = 0; i < entry.count; ++i) {
    const auto& c = entry.collections[i];
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
    if (entry.name == name) return Make(entry);
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
            .profiler = config.profiler};
  for (const auto& [name, value] : options.rule_parameters) rule.parameters[name] = value;
  return rule;
}

}  // namespace clary
