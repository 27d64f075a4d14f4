// What the families of tensor rules share: the choice of tensors, statistics over them, their
// tables.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "debugger/rule.h"

namespace clary::debugger {

// The entries of a family; Rules() is all of them.
std::span<const RuleEntry> AnyTensorRules();
std::span<const RuleEntry> LossRules();
std::span<const RuleEntry> LabelRules();
std::span<const RuleEntry> TreeRules();
std::span<const RuleEntry> NetworkRules();

using Met = std::optional<std::string>;  // the condition that is met, in a sentence

// The tensors that a rule looks at, by collections and expressions, and which of these it saw.
class Selection {
 public:
  // collection_names and tensor_regex of `settings`; the collection `fallback` if neither is given.
  // kInvalidArgument "BadRuleParameter" if there is no fallback.
  static Result<Selection> From(const RuleSettings& settings, std::string_view rule,
                                std::string_view fallback = "");
  // The expressions of one parameter, checked with the settings.
  static Selection OfExpressions(const RuleSettings& settings, std::string_view parameter);
  static Selection OfCollections(const std::vector<std::string_view>& names);
  // A collection that need not be there.
  void AddCollection(std::string_view name);

  struct Chosen {
    std::string name;
    std::vector<size_t> sources;  // what chose it
  };
  // Those saved at `step`, sorted by name, without reductions.
  std::vector<Chosen> At(const Trial& trial, int64_t step) const;
  // A tensor was one that the rule could judge.
  void Saw(const Chosen& chosen);

  // As Rule::Unseen: each source that the user named and nothing came of; all of them, if the rule
  // chose them itself and saw nothing at all.
  std::vector<std::string> Unseen() const;

 private:
  struct Source {
    std::string text;                    // a collection's name, an expression
    std::optional<NamePattern> pattern;  // of an expression
    std::string parameter;               // that named it
    bool given = false;                  // by the user
    bool seen = false;
  };
  std::vector<Source> sources_;
};

// Calls `body(name, values)` for each selected numeric tensor of a step until one is met.
template <typename F>
Result<Met> ForEach(Selection& selection, Trial& trial, int64_t step, F&& body) {
  for (const Selection::Chosen& chosen : selection.At(trial, step)) {
    CLARY_TRY(const Tensor t, trial.Value(chosen.name, step));
    const std::vector<double> values = t.AsDoubles();
    if (values.empty()) continue;
    selection.Saw(chosen);
    if (Met met = body(chosen.name, values)) return met;
  }
  return Met();
}

// A rule about the tensors of one selection.
class SelectingRule : public Rule {
 public:
  std::vector<std::string> Unseen() const override { return selection_.Unseen(); }

 protected:
  Selection selection_;
};

double Mean(const std::vector<double>& v);      // NaN without values
double Variance(const std::vector<double>& v);  // of the population
double Share(const std::vector<double>& v, auto&& predicate) {
  return static_cast<double>(std::count_if(v.begin(), v.end(), predicate)) /
         static_cast<double>(v.size());
}
// numpy.allclose(a, b)
bool AllClose(const std::vector<double>& a, const std::vector<double>& b, double rtol, double atol,
              bool equal_nan);

// Remembers, per tensor, the values of earlier steps.
class History {
 public:
  // The newest value at least `steps` steps before `step`, if there is one.
  const std::pair<int64_t, std::vector<double>>* Before(const std::string& name, int64_t step,
                                                        int64_t steps) const;
  void Add(const std::string& name, int64_t step, std::vector<double> v, int64_t keep_steps);

 private:
  std::map<std::string, std::vector<std::pair<int64_t, std::vector<double>>>> values_;
};

inline constexpr RuleParameter kCollectionNames = {"collection_names", "", "collections to look at",
                                                   kNameList};
inline constexpr RuleParameter kTensorRegex = {"tensor_regex", "", "tensors to look at, by name",
                                               kExpressionList};

}  // namespace clary::debugger
