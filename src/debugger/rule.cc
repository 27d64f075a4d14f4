#include "debugger/rule.h"

#include <fast_float/fast_float.h>
#include <fmt/format.h>

#include <cmath>

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

std::vector<std::string> SplitList(std::string_view text) {
  std::vector<std::string> out;
  for (const std::string_view part : Split(text, ',')) {
    if (const std::string_view word = Trim(part); !word.empty()) out.emplace_back(word);
  }
  return out;
}

std::string Describe(const RuleValues& values) {
  switch (values.kind) {
    case RuleValues::kNumber:
    case RuleValues::kWhole: {
      const std::string_view what =
          values.kind == RuleValues::kNumber ? "a number" : "a whole number";
      if (std::isinf(values.low)) return std::string(what);
      if (values.high > 1e15) return fmt::format("{} from {}", what, values.low);
      return fmt::format("{} from {} to {}", what, values.low, values.high);
    }
    case RuleValues::kFlag:
      return "True or False";
    case RuleValues::kNames:
      return "names, by comma";
    case RuleValues::kExpression:
      return "a regular expression";
    case RuleValues::kExpressions:
      return "regular expressions, by comma";
    case RuleValues::kText:
      break;
  }
  return "text";
}

std::optional<bool> ParseFlag(std::string_view text) {
  const std::string word = ToLower(Trim(text));
  if (word == "true" || word == "1" || word == "yes") return true;
  if (word == "false" || word == "0" || word == "no") return false;
  return std::nullopt;
}

Status Check(std::string_view rule, const RuleParameter& p, const std::string& text) {
  const auto bad = [&] { return BadParameter(rule, p.name, text, Describe(p.values)); };
  const bool optional = p.default_value.empty();
  if (optional && Trim(text).empty()) return {};
  switch (p.values.kind) {
    case RuleValues::kNumber: {
      const auto v = ParseDouble(text);
      if (!v || !std::isfinite(*v) || *v < p.values.low || *v > p.values.high) return bad();
      break;
    }
    case RuleValues::kWhole: {
      const auto v = ParseInt(Trim(text));
      if (!v || static_cast<double>(*v) < p.values.low || static_cast<double>(*v) > p.values.high) {
        return bad();
      }
      break;
    }
    case RuleValues::kFlag:
      if (!ParseFlag(text)) return bad();
      break;
    case RuleValues::kExpression:
    case RuleValues::kExpressions: {
      const bool one = p.values.kind == RuleValues::kExpression;
      const auto expressions = one ? std::vector{text} : SplitList(text);
      if (expressions.empty() || Trim(text).empty()) return bad();
      for (const std::string& expression : expressions) {
        if (const auto pattern = NamePattern::Compile(expression); !pattern) {
          return Fail(Code::kInvalidArgument, "BadRuleParameter",
                      fmt::format("rule {}: {}: {}", rule, p.name, pattern.error().message));
        }
      }
      break;
    }
    case RuleValues::kText:
    case RuleValues::kNames:
      if (SplitList(text).empty()) return bad();
      break;
  }
  return {};
}

}  // namespace

RuleSettings::RuleSettings(const RuleEntry& entry, std::map<std::string, std::string> given)
    : entry_(&entry), given_(std::move(given)) {}

Result<RuleSettings> RuleSettings::Read(const RuleEntry& entry,
                                        std::map<std::string, std::string> given) {
  std::erase_if(given, [](const auto& p) { return Trim(p.second) == "None"; });
  RuleSettings settings(entry, std::move(given));
  for (const RuleParameter& p : entry.parameters) {
    CLARY_CHECK_OK(Check(entry.name, p, settings.Text(p.name)));
  }
  return settings;
}

bool RuleSettings::Given(std::string_view name) const {
  const auto it = given_.find(std::string(name));
  return it != given_.end() && !Trim(it->second).empty();
}

std::string RuleSettings::Text(std::string_view name) const {
  if (const auto it = given_.find(std::string(name)); it != given_.end()) return it->second;
  for (const RuleParameter& p : entry_->parameters) {
    if (p.name == name) return std::string(p.default_value);
  }
  return {};
}

std::optional<double> RuleSettings::OptionalNumber(std::string_view name) const {
  return ParseDouble(Text(name));
}

double RuleSettings::Number(std::string_view name) const {
  return OptionalNumber(name).value_or(0);
}

int64_t RuleSettings::Whole(std::string_view name) const {
  return ParseInt(Trim(Text(name))).value_or(0);
}

bool RuleSettings::Flag(std::string_view name) const {
  return ParseFlag(Text(name)).value_or(false);
}

std::vector<std::string> RuleSettings::Expressions(std::string_view name) const {
  for (const RuleParameter& p : entry_->parameters) {
    if (p.name == name && p.values.kind == RuleValues::kExpression) return {Text(name)};
  }
  return List(name);
}

std::vector<std::string> RuleSettings::List(std::string_view name) const {
  return SplitList(Text(name));
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
  CLARY_TRY(const RuleSettings settings, RuleSettings::Read(*entry, std::move(parameters)));
  CLARY_TRY(auto rule, entry->make(settings, open));
  rule->entry_name = entry->name;
  return rule;
}

namespace {

// "It saved the collections losses, metrics with the tensors train-logloss, ..."
std::string WhatWasSaved(const Trial& trial) {
  constexpr size_t kMost = 8;
  std::vector<std::string> collections;
  for (std::string& name : trial.Collections()) {
    if (name != kReport && !trial.TensorNames(name).empty()) collections.push_back(std::move(name));
  }
  std::vector<std::string> names = trial.TensorNames();
  std::erase_if(names, IsForReport);
  if (names.empty()) return "It saved nothing else that rules read.";
  const size_t more = names.size() - std::min(names.size(), kMost);
  names.resize(names.size() - more);
  return fmt::format("It saved the collections {} with the tensors {}{}.", Join(collections, ", "),
                     Join(names, ", "), more > 0 ? fmt::format(" and {} more", more) : "");
}

}  // namespace

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
      if (const std::vector<std::string> unseen = rule.Unseen(); !unseen.empty()) {
        return Fail(Code::kFailedPrecondition, "UnseenTensors",
                    fmt::format("rule {} had nothing to judge: the job saved no tensor for {}. {}",
                                rule.entry_name, Join(unseen, ", "), WhatWasSaved(trial)));
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
      "Made from the tables in `src/debugger/*_rules.cc`; do not edit by hand. A rule is chosen "
      "by\n`rule_to_invoke`; values are text; names that a rule does not know are ignored.\n\n"
      "A value that a parameter cannot have, an expression that is none, and expressions, "
      "collections\nor tensors of which the job saved nothing make the rule end as `Error`, whose "
      "details name them.\n";
  const auto section = [&](const RuleEntry& e) {
    out += fmt::format("\n## {}\nFor {}. Fires when {}.\n", e.name, e.applies_to, e.condition);
    if (e.parameters.empty()) return;
    out += "\n| parameter | default | values | meaning |\n|---|---|---|---|\n";
    for (const RuleParameter& p : e.parameters) {
      out += fmt::format(
          "| {} | {} | {} | {} |\n", p.name,
          p.default_value.empty() ? std::string("none") : fmt::format("`{}`", p.default_value),
          Describe(p.values), p.doc);
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
