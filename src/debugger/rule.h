// Debugger rules: conditions over the tensors of a job, looked at while it trains.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
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

// Which values a parameter of a rule may have. Lists are split at commas.
struct RuleValues {
  enum Kind : uint8_t { kText, kNumber, kWhole, kFlag, kNames, kExpression, kExpressions };
  Kind kind = kText;
  double low = -std::numeric_limits<double>::infinity();  // of numbers
  double high = std::numeric_limits<double>::infinity();
};
inline constexpr RuleValues kAnyNumber{RuleValues::kNumber};
inline constexpr RuleValues kFromZero{RuleValues::kNumber, 0};
inline constexpr RuleValues kShare{RuleValues::kNumber, 0, 1};
inline constexpr RuleValues kPercent{RuleValues::kNumber, 0, 100};
inline constexpr RuleValues kWholeFromZero{RuleValues::kWhole, 0, 9e15};
inline constexpr RuleValues kWholeFromOne{RuleValues::kWhole, 1, 9e15};
inline constexpr RuleValues kTrueOrFalse{RuleValues::kFlag};
inline constexpr RuleValues kNameList{RuleValues::kNames};
inline constexpr RuleValues kOneExpression{RuleValues::kExpression};
inline constexpr RuleValues kExpressionList{RuleValues::kExpressions};

// One parameter of a rule. An empty default means "not given".
struct RuleParameter {
  std::string_view name;
  std::string_view default_value;
  std::string_view doc;
  RuleValues values;
};

class RuleSettings;

// A rule with its state. Steps come in order, each once.
class Rule {
 public:
  virtual ~Rule() = default;
  std::string_view entry_name;  // MakeRule sets it
  // What condition is met at this step, in a sentence for StatusDetails; nullopt if none. An error
  // ends the rule as Error.
  virtual Result<std::optional<std::string>> Step(Trial& trial, int64_t step) = 0;
  // What the rule is about and has not found in any step so far, each as the user or the rule's
  // documentation names it: "tensor_regex 'loss.*'". Empty if it could judge.
  virtual std::vector<std::string> Unseen() const { return {}; }
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

// A rule's parameters as given, with the entry's defaults, and each within its values. Names the
// entry does not know are ignored, as SageMaker does; "None", as Python sends it, is "not given".
class RuleSettings {
 public:
  // kInvalidArgument "BadRuleParameter" names rule, parameter and value.
  static Result<RuleSettings> Read(const RuleEntry& entry,
                                   std::map<std::string, std::string> given);

  // For parameters of the entry, of that kind.
  double Number(std::string_view name) const;
  std::optional<double> OptionalNumber(std::string_view name) const;
  int64_t Whole(std::string_view name) const;
  bool Flag(std::string_view name) const;
  std::string Text(std::string_view name) const;
  std::vector<std::string> List(std::string_view name) const;         // at commas, trimmed
  std::vector<std::string> Expressions(std::string_view name) const;  // one, or a list
  bool Given(std::string_view name) const;                            // by the user

 private:
  RuleSettings(const RuleEntry& entry, std::map<std::string, std::string> given);

  const RuleEntry* entry_;
  std::map<std::string, std::string> given_;
};

// kNotFound "NoRule" lists the known names; kInvalidArgument "BadRuleParameter".
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
// kFailedPrecondition "NoTensors" if it ended without a step, "UnseenTensors" if it ended and the
// rule never saw what it is about: the message says what that is, and what was saved. Blocks.
Result<RuleOutcome> FollowTrial(Rule& rule, Trial& trial, Clock& clock,
                                const FollowOptions& options = {});

}  // namespace clary::debugger
