#include "debugger/rule.h"

#include <fast_float/fast_float.h>
#include <fmt/format.h>

#include "base/strings.h"
#include "debugger/profiler_rules.h"

namespace clary::debugger {
namespace {

std::unexpected<Error> BadParameter(std::string_view rule, std::string_view name,
                                    std::string_view value, std::string_view want) {
  return Fail(Code::kInvalidArgument, "BadRuleParameter",
              fmt::format("rule {}: {} is '{}', but must be {}", rule, name, value, want));
}

std::optional<double> ParseDouble(std::string_view s) {
  s = Trim(s);
  double v = 0;
  const auto [end, ec] = fast_float::from_chars(s.data(), s.data() + s.size(), v);
  if (ec != std::errc() || end != s.data() + s.size()) return std::nullopt;
  return v;
}

}  // namespace

RuleSettings::RuleSettings(const RuleEntry& entry, std::map<std::string, std::string> given)
    : entry_(entry), given_(std::move(given)) {}

std::string RuleSettings::Text(std::string_view name) const {
  if (const auto it = given_.find(std::string(name)); it != given_.end()) {
    // The SDK sends Python's None for "not given".
    return it->second == "None" ? std::string() : it->second;
  }
  for (const RuleParameter& p : entry_.parameters) {
    if (p.name == name) return std::string(p.default_value);
  }
  return {};
}

Result<std::optional<double>> RuleSettings::OptionalNumber(std::string_view name) const {
  const std::string text = Text(name);
  if (Trim(text).empty()) return std::nullopt;
  const auto v = ParseDouble(text);
  if (!v) return BadParameter(entry_.name, name, text, "a number");
  return v;
}

Result<double> RuleSettings::Number(std::string_view name) const {
  CLARY_TRY(const auto v, OptionalNumber(name));
  if (!v) return BadParameter(entry_.name, name, "", "a number");
  return *v;
}

Result<int64_t> RuleSettings::Whole(std::string_view name) const {
  const std::string text = Text(name);
  const auto v = ParseInt(Trim(text));
  if (!v || *v < 0) return BadParameter(entry_.name, name, text, "a whole number");
  return *v;
}

Result<bool> RuleSettings::Flag(std::string_view name) const {
  const std::string text = ToLower(Trim(Text(name)));
  if (text == "true" || text == "1" || text == "yes") return true;
  if (text == "false" || text == "0" || text == "no" || text.empty()) return false;
  return BadParameter(entry_.name, name, text, "True or False");
}

std::vector<std::string> RuleSettings::List(std::string_view name) const {
  std::vector<std::string> out;
  const std::string text = Text(name);
  for (const std::string_view part : Split(text, ',')) {
    if (const std::string_view word = Trim(part); !word.empty()) out.emplace_back(word);
  }
  return out;
}

const RuleEntry* FindRule(std::string_view name) {
  for (const RuleEntry& e : Rules()) {
    if (e.name == name) return &e;
  }
  return nullptr;
}

Result<std::unique_ptr<Rule>> MakeRule(const std::string& name,
                                       std::map<std::string, std::string> parameters,
                                       const TrialOpener& open) {
  const RuleEntry* entry = FindRule(name);
  if (entry == nullptr) {
    std::vector<std::string> known;
    for (const RuleEntry& e : Rules()) known.emplace_back(e.name);
    return Fail(Code::kNotFound, "NoRule",
                fmt::format("no rule is named '{}'; known are {}", name, Join(known, ", ")));
  }
  return entry->make(RuleSettings(*entry, std::move(parameters)), open);
}

Result<RuleOutcome> FollowTrial(Rule& rule, Trial& trial, Clock& clock,
                                const FollowOptions& options) {
  RuleOutcome outcome;
  size_t seen = 0;
  Time last = clock.Now();
  for (;;) {
    const bool job_ended = options.job_ended && options.job_ended();
    CLARY_CHECK_OK(trial.Refresh());
    if (job_ended) trial.MarkEnded();
    const bool ended = trial.ended();
    const std::vector<int64_t> steps = trial.Steps();
    for (; seen < steps.size(); ++seen) {
      if (options.stop.stop_requested()) return Fail(Code::kCancelled, "Stopped", "rule stopped");
      outcome.step = steps[seen];
      last = clock.Now();
      CLARY_TRY(const auto met, rule.Step(trial, outcome.step));
      if (met) {
        outcome.fired = true;
        outcome.details = *met;
        return outcome;
      }
    }
    if (ended) {
      if (steps.empty()) {
        return Fail(
            Code::kFailedPrecondition, "NoTensors",
            "the job saved no tensors: give DebugHookConfig the collections this rule reads");
      }
      return outcome;
    }
    if (options.stop.stop_requested()) return Fail(Code::kCancelled, "Stopped", "rule stopped");
    if (const auto met = rule.Waiting(clock.Now() - last)) {
      outcome.fired = true;
      outcome.details = *met;
      return outcome;
    }
    clock.Sleep(options.poll, options.stop);
  }
}

std::string RulesMarkdown() {
  std::string out =
      "# Debugger rules\n\n"
      "Made from the table in `src/debugger/tensor_rules.cc`; do not edit by hand. A rule is "
      "chosen "
      "by\n`rule_to_invoke`; values are text; names that a rule does not know are ignored.\n";
  const auto section = [&](const RuleEntry& e) {
    out += fmt::format("\n## {}\nFor {}. Fires when {}.\n", e.name, e.applies_to, e.condition);
    if (e.parameters.empty()) return;
    out += "\n| parameter | default | meaning |\n|---|---|---|\n";
    for (const RuleParameter& p : e.parameters) {
      out += fmt::format(
          "| {} | {} | {} |\n", p.name,
          p.default_value.empty() ? std::string("none") : fmt::format("`{}`", p.default_value),
          p.doc);
    }
  };
  for (const RuleEntry& e : Rules()) section(e);
  out +=
      "\n# Profiler rules\n\n"
      "From the table in `src/debugger/profiler_rules.cc`: conditions over system metrics and the "
      "time line\nof a job. `ProfilerReport` runs all of them; it takes their parameters as "
      "`<Rule>_<parameter>`.\n";
  for (const ProfilerRuleEntry& e : ProfilerRules()) section(e.rule);
  return out;
}

}  // namespace clary::debugger
