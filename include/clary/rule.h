// Debugger rules for a training job, as sagemaker.debugger.Rule and rule_configs.
//
//   .rules = {Rule::sagemaker(rule_configs::create_xgboost_report()),
//             Rule::sagemaker(rule_configs::overfit(), {.actions = {RuleAction::stop_training()}})}
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace clary {

using Parameters = std::map<std::string, std::string>;

// Which tensors a rule needs and how often they are saved.
struct CollectionConfig {
  std::string name;
  Parameters parameters;  // save_interval, save_steps, start_step, include_regex, ...
};

// A built-in rule with its parameters. `rule_parameters` may be changed before use.
struct RuleConfig {
  std::string name;  // CreateXgboostReport
  Parameters rule_parameters;
  std::vector<CollectionConfig> collections;
  bool profiler = false;
};

namespace rule_configs {

// What trees can be checked for, and the report; with the tensors they read, at intervals that
// suit trees. Their thresholds are in docs/rules.md.
RuleConfig create_xgboost_report();
RuleConfig class_imbalance();
RuleConfig confusion();
RuleConfig feature_importance_overweight();
RuleConfig loss_not_decreasing();
RuleConfig overfit();
RuleConfig overtraining();
RuleConfig tree_depth();
RuleConfig profiler_report();
// Any built-in rule by name ("LossNotDecreasing" or "loss_not_decreasing"); nullopt if there is
// none. `names` lists them.
std::optional<RuleConfig> find(std::string_view name);
std::vector<std::string> names();

}  // namespace rule_configs

// What a service does when a rule fires.
struct RuleAction {
  std::string name;    // stoptraining, email, sms
  std::string target;  // address or number; for stoptraining the job, empty: the rule's own
  static RuleAction stop_training() { return {.name = "stoptraining", .target = {}}; }
  static RuleAction email(std::string address) { return {"email", std::move(address)}; }
  static RuleAction sms(std::string phone_number) { return {"sms", std::move(phone_number)}; }
};

// A rule as it is attached to a job.
struct Rule {
  std::string name;       // RuleConfigurationName: also the folder below rule-output/
  Parameters parameters;  // with rule_to_invoke
  std::vector<CollectionConfig> collections;
  std::string image_uri;      // empty: the built-in evaluator of the region
  std::string instance_type;  // empty: managed by the service
  std::string s3_output_path;
  bool profiler = false;
  std::vector<RuleAction> actions;

  struct Options {
    std::string name;                                   // empty: the rule's own name
    Parameters rule_parameters;                         // added to the rule's own
    std::vector<CollectionConfig> collections_to_save;  // in place of the rule's own
    std::string s3_output_path;
    std::vector<RuleAction> actions;
  };
  static Rule sagemaker(const RuleConfig& config, const Options& options);
  static Rule sagemaker(const RuleConfig& config) { return sagemaker(config, Options()); }
};

}  // namespace clary
