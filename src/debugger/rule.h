// Debugger rules: conditions over the tensors of a job, looked at while it trains.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "debugger/trial.h"

namespace clary::debugger {

// One parameter of a rule. An empty default means "not given".
struct RuleParameter {
  std::string_view name;
  std::string_view default_value;
  std::string_view doc;
};

class RuleSettings;

// A rule with its state. Steps come in order, each once.
class Rule {
 public:
  virtual ~Rule() = default;
  // What condition is met at this step, in a sentence for StatusDetails; nullopt if none. An error
  // ends the rule as Error.
  virtual Result<std::optional<std::string>> Step(Trial& trial, int64_t step) = 0;
  // Called when no new step has come for `quiet`; for rules about time.
  virtual std::optional<std::string> Waiting(Duration quiet) {
    (void)quiet;
    return std::nullopt;
  }
};

// What a rule may open beside its own trial: the trees of other jobs, by path or s3:// URI.
using TrialOpener = std::function<Result<std::unique_ptr<Trial>>(const std::string& path)>;

struct RuleEntry {
  std::string_view name;        // the value of rule_to_invoke
  std::string_view applies_to;  // "any tensor", "XGBoost", "neural networks"
  std::string_view condition;   // when it fires, for the documentation
  std::span<const RuleParameter> parameters;
  Result<std::unique_ptr<Rule>> (*make)(const RuleSettings& settings, const TrialOpener& open);
};

// The closed set of tensor rules; the documentation (docs/rules.md) is made from it.
std::span<const RuleEntry> Rules();
const RuleEntry* FindRule(std::string_view name);
std::string RulesMarkdown();

// A rule's parameters as given, typed on reading, with the entry's defaults. Names the entry does
// not know are ignored, as SageMaker does.
class RuleSettings {
 public:
  RuleSettings(const RuleEntry& entry, std::map<std::string, std::string> given);
  // Each fails with kInvalidArgument "BadRuleParameter" naming rule, parameter and value.
  Result<double> Number(std::string_view name) const;
  Result<std::optional<double>> OptionalNumber(std::string_view name) const;
  Result<int64_t> Whole(std::string_view name) const;
  Result<bool> Flag(std::string_view name) const;
  std::string Text(std::string_view name) const;
  std::vector<std::string> List(std::string_view name) const;  // at commas, trimmed

 private:
  const RuleEntry& entry_;
  std::map<std::string, std::string> given_;
};

// kNotFound "NoRule" lists the known names.
Result<std::unique_ptr<Rule>> MakeRule(const std::string& name,
                                       std::map<std::string, std::string> parameters,
                                       const TrialOpener& open = nullptr);

struct RuleOutcome {
  bool fired = false;
  int64_t step = -1;    // where it fired; the last step seen otherwise
  std::string details;  // for StatusDetails
};

struct FollowOptions {
  Duration poll{200};
  std::stop_token stop;  // kCancelled
  // Whether the job has ended, marker or not: asked before each look; none: only the marker tells.
  std::function<bool()> job_ended;
};

// Looks at every step of `trial` as it appears, until the rule fires or the trial has ended.
// kFailedPrecondition "NoTensors" if it ended without a step. Blocks.
Result<RuleOutcome> FollowTrial(Rule& rule, Trial& trial, Clock& clock,
                                const FollowOptions& options = {});

}  // namespace clary::debugger
