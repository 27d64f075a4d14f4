#include "debugger/internal/tensor_rules.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <set>

namespace clary::debugger {

Result<Selection> Selection::From(const RuleSettings& settings, std::string_view rule,
                                  std::string_view fallback) {
  Selection out = OfExpressions(settings, "tensor_regex");
  for (std::string& name : settings.List("collection_names")) {
    out.sources_.push_back({std::move(name), std::nullopt, "collection_names", true});
  }
  if (!out.sources_.empty()) return out;
  if (fallback.empty()) {
    return Fail(Code::kInvalidArgument, "BadRuleParameter",
                fmt::format("rule {} needs collection_names or tensor_regex", rule));
  }
  return OfCollections({fallback});
}

Selection Selection::OfExpressions(const RuleSettings& settings, std::string_view parameter) {
  Selection out;
  for (std::string& text : settings.Expressions(parameter)) {
    auto pattern = NamePattern::Compile(text);
    if (!pattern) continue;  // checked when the settings were read
    out.sources_.push_back(
        {std::move(text), *std::move(pattern), std::string(parameter), settings.Given(parameter)});
  }
  return out;
}

Selection Selection::OfCollections(const std::vector<std::string_view>& names) {
  Selection out;
  for (const std::string_view name : names) out.AddCollection(name);
  return out;
}

void Selection::AddCollection(std::string_view name) {
  sources_.push_back({std::string(name), std::nullopt, "collection", false});
}

std::vector<Selection::Chosen> Selection::At(const Trial& trial, int64_t step) const {
  std::map<std::string, std::vector<size_t>> names;
  std::vector<std::string> all;  // for the expressions
  for (size_t i = 0; i < sources_.size(); ++i) {
    const Source& source = sources_[i];
    if (!source.pattern) {
      for (const std::string& name : trial.TensorNames(source.text)) names[name].push_back(i);
      continue;
    }
    if (all.empty()) all = trial.TensorNames();
    for (const std::string& name : all) {
      if (source.pattern->Matches(name)) names[name].push_back(i);
    }
  }
  std::vector<Chosen> out;
  for (auto& [name, sources] : names) {
    if (IsForReport(name)) {  // what a rule is about are the tensors of the job
      std::erase_if(sources, [&](size_t i) { return !sources_[i].text.contains(kReport); });
    }
    if (!sources.empty() && !name.starts_with("smdebug/reductions/") && trial.Has(name, step)) {
      out.push_back({name, std::move(sources)});
    }
  }
  return out;
}

void Selection::Saw(const Chosen& chosen) {
  for (const size_t i : chosen.sources) sources_[i].seen = true;
}

std::vector<std::string> Selection::Unseen() const {
  std::vector<std::string> given, all;
  bool any = false;
  for (const Source& source : sources_) {
    any |= source.seen;
    if (source.seen) continue;
    std::string named = fmt::format("{} '{}'", source.parameter, source.text);
    if (std::ranges::find(all, named) != all.end()) continue;
    if (source.given) given.push_back(named);
    all.push_back(std::move(named));
  }
  return !given.empty() || any ? given : all;
}

double Mean(const std::vector<double>& v) {
  double sum = 0;
  for (const double x : v) sum += x;
  return v.empty() ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(v.size());
}

double Variance(const std::vector<double>& v) {
  const double mean = Mean(v);
  double sum = 0;
  for (const double x : v) sum += (x - mean) * (x - mean);
  return sum / static_cast<double>(v.size());
}

bool AllClose(const std::vector<double>& a, const std::vector<double>& b, double rtol, double atol,
              bool equal_nan) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) || std::isnan(b[i])) {
      if (!(equal_nan && std::isnan(a[i]) && std::isnan(b[i]))) return false;
    } else if (a[i] != b[i] && !(std::abs(a[i] - b[i]) <= atol + rtol * std::abs(b[i]))) {
      return false;
    }
  }
  return true;
}

const std::pair<int64_t, std::vector<double>>* History::Before(const std::string& name,
                                                               int64_t step, int64_t steps) const {
  const auto it = values_.find(name);
  if (it == values_.end()) return nullptr;
  const std::pair<int64_t, std::vector<double>>* found = nullptr;
  for (const auto& entry : it->second) {
    if (entry.first <= step - steps) found = &entry;
  }
  return found;
}

void History::Add(const std::string& name, int64_t step, std::vector<double> v,
                  int64_t keep_steps) {
  auto& list = values_[name];
  while (list.size() > 1 && list[1].first <= step - keep_steps) list.erase(list.begin());
  list.emplace_back(step, std::move(v));
}

std::span<const RuleEntry> Rules() {
  static const std::vector<RuleEntry> kAll = [] {
    std::vector<RuleEntry> all;
    for (const auto family :
         {AnyTensorRules(), LossRules(), LabelRules(), TreeRules(), NetworkRules()}) {
      all.insert(all.end(), family.begin(), family.end());
    }
    return all;
  }();
  return kAll;
}

}  // namespace clary::debugger
