#include "control/internal/search.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/strings.h"

namespace clary::control {
namespace {

using nlohmann::json;

// All values that `path` reaches in `value`; a list stands for each of its elements. Keys may hold
// dots ("Tags.a.b"), so every way to split the path is tried.
void Reach(const json& value, std::string_view path, std::vector<json>& out) {
  if (value.is_array()) {
    for (const json& item : value) Reach(item, path, out);
    return;
  }
  if (path.empty()) {
    if (!value.is_object()) out.push_back(value);
    return;
  }
  if (!value.is_object()) return;
  for (size_t dot = path.find('.');; dot = path.find('.', dot + 1)) {
    const auto it = value.find(std::string(path.substr(0, dot)));
    const bool last = dot == std::string_view::npos;
    if (it != value.end()) Reach(*it, last ? std::string_view() : path.substr(dot + 1), out);
    if (last) return;
  }
}

std::vector<json> Values(const json& view, std::string_view path) {
  std::vector<json> out;
  const size_t dot = path.find('.');
  const std::string_view first = path.substr(0, dot);
  const std::string_view rest =
      dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  if (first == "Metrics" && !rest.empty()) {
    for (const json& m : view.value("FinalMetricDataList", json::array())) {
      if (m.at("MetricName") == rest) out.push_back(m.at("Value"));
    }
  } else if (first == "Tags" && !rest.empty()) {
    for (const json& t : view.value("Tags", json::array())) {
      if (t.at("Key") == rest) out.push_back(t.at("Value"));
    }
  } else if (EqualsIgnoreCase(first, "HyperParameters") && !rest.empty()) {
    const auto hps = view.find("HyperParameters");
    if (hps != view.end() && hps->contains(rest)) out.push_back((*hps)[std::string(rest)]);
  } else {
    Reach(view, path, out);
  }
  return out;
}

std::optional<double> Number(std::string_view text) {
  const std::string copy(text);
  char* end = nullptr;
  const double value = std::strtod(copy.c_str(), &end);
  if (copy.empty() || end != copy.c_str() + copy.size()) return std::nullopt;
  return value;
}

std::string AsText(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

// <0, 0, >0, or nullopt where the two cannot be compared.
std::optional<int> Compare(const json& property, const std::string& wanted) {
  const auto order = [](const auto& a, const auto& b) { return a < b ? -1 : (b < a ? 1 : 0); };
  if (property.is_number()) {
    auto number = Number(wanted);
    if (!number) {
      if (const auto time = ParseIso8601(wanted)) number = ToSeconds(*time);
    }
    if (!number) return std::nullopt;
    return order(property.get<double>(), *number);
  }
  const std::string text = AsText(property);
  // Hyperparameters are texts that often are numbers.
  const auto a = Number(text);
  const auto b = Number(wanted);
  if (a && b) return order(*a, *b);
  return order(text, wanted);
}

bool Holds(const json& property, std::string_view op, const std::string& wanted) {
  if (op == "Contains") return AsText(property).find(wanted) != std::string::npos;
  if (op == "In") {
    return std::ranges::any_of(Split(wanted, ','), [&](std::string_view one) {
      return Compare(property, std::string(Trim(one))) == 0;
    });
  }
  const auto order = Compare(property, wanted);
  if (!order) return false;
  if (op == "Equals") return *order == 0;
  if (op == "GreaterThan") return *order > 0;
  if (op == "GreaterThanOrEqualTo") return *order >= 0;
  if (op == "LessThan") return *order < 0;
  return *order <= 0;  // LessThanOrEqualTo
}

bool MatchesFilter(const json& view, const json& filter) {
  const std::string op = filter.value("Operator", "Equals");
  const std::string wanted = filter.value("Value", "");
  const auto values = Values(view, filter.at("Name").get_ref<const std::string&>());
  if (op == "Exists") return !values.empty();
  if (op == "NotExists") return values.empty();
  const bool negated = op == "NotEquals";
  const bool any = std::ranges::any_of(
      values, [&](const json& v) { return Holds(v, negated ? "Equals" : op, wanted); });
  return negated ? !any : any;
}

// One element of the named list must satisfy all filters together.
bool MatchesNested(const json& view, const json& nested) {
  const std::string property = nested.at("NestedPropertyName");
  const json* at = &view;
  for (const std::string_view part : Split(property, '.')) {
    const auto it = at->is_object() ? at->find(std::string(part)) : at->end();
    if (!at->is_object() || it == at->end()) return false;
    at = &*it;
  }
  if (!at->is_array()) return false;
  return std::ranges::any_of(*at, [&](const json& element) {
    return std::ranges::all_of(nested.at("Filters"), [&](json filter) {
      std::string name = filter.at("Name");
      if (name.starts_with(property + ".")) name = name.substr(property.size() + 1);
      filter["Name"] = name;
      return MatchesFilter(element, filter);
    });
  });
}

}  // namespace

bool Matches(const json& view, const json& expression) {
  const bool any = expression.value("Operator", "And") == "Or";
  bool seen = false;
  bool all_true = true;
  bool one_true = false;
  const auto take = [&](bool holds) {
    seen = true;
    all_true = all_true && holds;
    one_true = one_true || holds;
  };
  for (const json& f : expression.value("Filters", json::array())) take(MatchesFilter(view, f));
  for (const json& n : expression.value("NestedFilters", json::array())) {
    take(MatchesNested(view, n));
  }
  for (const json& e : expression.value("SubExpressions", json::array())) take(Matches(view, e));
  return !seen || (any ? one_true : all_true);
}

json PropertyOf(const json& view, std::string_view path) {
  const auto values = Values(view, path);
  return values.empty() ? json() : values.front();
}

}  // namespace clary::control
