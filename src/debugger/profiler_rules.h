// The profiler rules: what the system metrics and the time line of a job tell.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "debugger/profiler_files.h"
#include "debugger/rule.h"

namespace clary::debugger {

// What a rule found: the content of profiler-reports/<Rule>.json.
struct ProfilerRuleResult {
  std::string rule;
  int64_t triggered = 0;   // how often the condition was met; > 0 is IssuesFound
  int64_t violations = 0;  // how many data points met it
  int64_t datapoints = 0;
  std::string details = "{}";                                   // a JSON object
  std::vector<std::pair<std::string, std::string>> parameters;  // in the documented order
  std::string message;  // for StatusDetails: what was found, or why nothing could be

  // {"RuleTriggered", "Violations", "Details", "Datapoints", "RuleParameters": "k:v\nk:v"}, one
  // line.
  std::string ToJson() const;
};

struct ProfilerRuleEntry {
  // name, condition and parameters; `make` is null: a profiler rule is a function of a profile.
  RuleEntry rule;
  std::string_view description;     // for the report's rule table
  std::string_view recommendation;  // what to do when it triggers
  Result<ProfilerRuleResult> (*evaluate)(const RuleSettings& settings, const Profile& profile);
};

// The closed set: the eleven rules of the report, in its order. ProfilerReport itself, which runs
// all of them, is not in it.
std::span<const ProfilerRuleEntry> ProfilerRules();
const ProfilerRuleEntry* FindProfilerRule(std::string_view name);

// Evaluates one rule on all that has been profiled so far. Parameters that it does not know are
// ignored. kNotFound "NoRule" lists the known names; kInvalidArgument "BadRuleParameter".
Result<ProfilerRuleResult> EvaluateProfilerRule(
    const std::string& name, const std::map<std::string, std::string>& parameters,
    const Profile& profile);

// All of them, as ProfilerReport does: its parameters may override those of a rule as
// "<Rule>_<parameter>" (case of the rule's name does not matter).
Result<std::vector<ProfilerRuleResult>> EvaluateProfilerRules(
    const std::map<std::string, std::string>& parameters, const Profile& profile);

}  // namespace clary::debugger
