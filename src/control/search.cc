#include "control/internal/search.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/strings.h"
#include "base/suggest.h"
#include "control/internal/kind.h"

namespace clary::control {
namespace {

using nlohmann::json;
using PropertyType = Property::Type;

std::optional<double> NumberOf(std::string_view text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || at != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

const api::Member* AnyCase(const api::Shape& structure, std::string_view name) {
  const auto members = api::Members(structure);
  const auto it = std::ranges::find_if(
      members, [&](const api::Member& m) { return EqualsIgnoreCase(m.name, name); });
  return it == members.end() ? nullptr : &*it;
}

PropertyType TypeOf(const api::Shape& shape) {
  switch (shape.type) {
    case api::Type::kInteger:
    case api::Type::kLong:
    case api::Type::kFloat:
    case api::Type::kDouble:
      return PropertyType::kNumber;
    case api::Type::kTimestamp:
      return PropertyType::kTime;
    case api::Type::kBoolean:
      return PropertyType::kFlag;
    case api::Type::kList:
      return TypeOf(*shape.item);
    case api::Type::kMap:
    case api::Type::kStructure:
      return PropertyType::kGroup;
    default:
      return PropertyType::kText;
  }
}

// "Metrics.<name>" and "Tags.<key>": elements of a list by the name that they have.
std::optional<Property> OfNamedElement(const api::Shape& shape, std::string_view first,
                                       std::string_view rest) {
  if (EqualsIgnoreCase(first, "Tags") && AnyCase(shape, "Tags")) {
    return Property{.path = {"Tags"}, .key = "Key", .name = std::string(rest), .value = "Value"};
  }
  if (!EqualsIgnoreCase(first, "Metrics")) return std::nullopt;
  Property out{.type = PropertyType::kNumber, .key = "MetricName", .name = std::string(rest)};
  if (AnyCase(shape, "FinalMetricDataList")) {
    out.path = {"FinalMetricDataList"};
    out.value = "Value";
    return out;
  }
  const api::Member* metrics = AnyCase(shape, "Metrics");
  if (!metrics || metrics->shape->type != api::Type::kList) return std::nullopt;
  const api::Shape& metric = *metrics->shape->item;
  if (AnyCase(metric, rest)) return std::nullopt;  // "Metrics.MetricName" is a path
  out.path = {"Metrics"};
  out.value = "Last";
  if (const size_t dot = rest.rfind('.'); dot != std::string_view::npos) {
    const api::Member* statistic = AnyCase(metric, rest.substr(dot + 1));
    if (statistic && TypeOf(*statistic->shape) == PropertyType::kNumber) {
      out.name = rest.substr(0, dot);
      out.value = statistic->name;
    }
  }
  return out;
}

std::optional<Property> Resolve(const api::Shape& root, std::string_view name) {
  const size_t first_dot = name.find('.');
  if (first_dot != std::string_view::npos && first_dot + 1 < name.size()) {
    auto named = OfNamedElement(root, name.substr(0, first_dot), name.substr(first_dot + 1));
    if (named) return named;
  }
  Property out;
  const api::Shape* shape = &root;
  std::string_view rest = name;
  while (true) {
    while (shape->type == api::Type::kList) shape = shape->item;
    const size_t dot = rest.find('.');
    const std::string_view part = rest.substr(0, dot);
    if (part.empty()) return std::nullopt;
    if (shape->type == api::Type::kMap) {
      // A key may hold dots, so it ends at a member of its value, or with the text.
      const api::Shape& item = *shape->item;
      const size_t last = rest.rfind('.');
      const api::Member* below =
          item.type == api::Type::kStructure && last != std::string_view::npos
              ? AnyCase(item, rest.substr(last + 1))
              : nullptr;
      out.path.emplace_back(below ? rest.substr(0, last) : rest);
      if (below) out.path.emplace_back(below->name);
      out.type = TypeOf(below ? *below->shape : item);
      // Whether a text is a number is its own matter.
      if (out.type == PropertyType::kText) out.type = PropertyType::kAny;
      if (!below && item.name == "TrialComponentParameterValue") out.type = PropertyType::kAny;
      return out;
    }
    if (shape->type != api::Type::kStructure) return std::nullopt;
    const api::Member* member = AnyCase(*shape, part);
    if (!member) return std::nullopt;
    out.path.emplace_back(member->name);
    shape = member->shape;
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  out.type = TypeOf(*shape);
  return out;
}

std::unexpected<Error> UnknownProperty(const api::Shape& shape, const std::string& name) {
  std::vector<std::string_view> known;
  for (const api::Member& member : api::Members(shape)) known.push_back(member.name);
  return Invalid("Search: '" + name + "' is no property of " + std::string(shape.name) +
                 DidYouMean(name, known));
}

Result<Property> Find(const api::Shape& shape, const std::string& name) {
  auto found = Resolve(shape, name);
  if (!found) return UnknownProperty(shape, name);
  return *std::move(found);
}

std::string_view NameOf(PropertyType type) {
  switch (type) {
    case PropertyType::kText:
      return "a text";
    case PropertyType::kNumber:
      return "a number";
    case PropertyType::kTime:
      return "a time";
    case PropertyType::kFlag:
      return "true or false";
    case PropertyType::kAny:
      return "a text or a number";
    case PropertyType::kGroup:
      return "a group of other properties";
  }
  return "";
}

// Calls visit(value) for each value of the property in `view`, until it says true.
bool AnyValue(const json& view, const Property& property, size_t step,
              const std::function<bool(const json&)>& visit) {
  if (view.is_array()) {
    return std::ranges::any_of(
        view, [&](const json& item) { return AnyValue(item, property, step, visit); });
  }
  if (step < property.path.size()) {
    if (!view.is_object()) return false;
    const auto it = view.find(property.path[step]);
    return it != view.end() && AnyValue(*it, property, step + 1, visit);
  }
  if (property.key.empty()) {
    if (property.type != PropertyType::kAny || !view.is_object()) return visit(view);
    // A parameter of a trial component: {"NumberValue": 1} or {"StringValue": "a"}.
    return view.size() == 1 && visit(view.front());
  }
  const auto key = view.find(property.key);
  const auto value = view.find(property.value);
  return key != view.end() && *key == property.name && value != view.end() && visit(*value);
}

}  // namespace

Result<SearchQuery::Filter> SearchQuery::ReadFilter(const api::Shape& shape, const json& filter,
                                                    const std::string& prefix) {
  std::string name = filter.at("Name");
  const std::string whole = name;
  if (!prefix.empty() && EqualsIgnoreCase(name.substr(0, prefix.size()), prefix)) {
    name.erase(0, prefix.size());
  }
  Filter out;
  CLARY_TRY(out.property, Find(shape, name));
  struct Row {
    std::string_view name;
    Op op;
  };
  static constexpr Row kOps[] = {
      {"Equals", Op::kEquals},       {"NotEquals", Op::kNotEquals},
      {"GreaterThan", Op::kGreater}, {"GreaterThanOrEqualTo", Op::kGreaterOrEqual},
      {"LessThan", Op::kLess},       {"LessThanOrEqualTo", Op::kLessOrEqual},
      {"Contains", Op::kContains},   {"Exists", Op::kExists},
      {"NotExists", Op::kNotExists}, {"In", Op::kIn}};
  const std::string word = filter.value("Operator", "Equals");
  const auto* row = std::ranges::find(kOps, word, &Row::name);
  if (row == std::end(kOps)) return Invalid("Search: there is no operator '" + word + "'");
  out.op = row->op;
  if (out.op == Op::kExists || out.op == Op::kNotExists) return out;

  const PropertyType type = out.property.type;
  const bool text = type == PropertyType::kText || type == PropertyType::kAny;
  const bool equality = out.op == Op::kEquals || out.op == Op::kNotEquals;
  const bool of_texts = out.op == Op::kContains || out.op == Op::kIn;
  const bool fits = equality   ? type != PropertyType::kGroup
                    : of_texts ? text
                               : type == PropertyType::kNumber || type == PropertyType::kTime ||
                                     type == PropertyType::kAny;
  if (!fits) {
    return Invalid("Search: the operator " + word + " does not fit the property '" + whole +
                   "', which is " + std::string(NameOf(type)));
  }
  const auto value = filter.find("Value");
  if (value == filter.end()) {
    return Invalid("Search: the filter of '" + whole + "' with the operator " + word +
                   " needs a Value");
  }
  out.texts = {value->get<std::string>()};
  if (out.op == Op::kIn) {
    const std::string list = std::move(out.texts.front());
    out.texts.clear();
    for (const std::string_view one : Split(list, ',')) out.texts.emplace_back(Trim(one));
    return out;
  }
  if (out.op == Op::kContains) return out;
  const std::string& given = out.texts.front();
  out.number = NumberOf(given);
  if (type == PropertyType::kTime && !out.number) {
    if (const auto time = ParseIso8601(given)) out.number = ToSeconds(*time);
  }
  const bool needs_number = type == PropertyType::kNumber || type == PropertyType::kTime ||
                            (type == PropertyType::kAny && !equality);
  if (needs_number && !out.number) {
    return Invalid(
        "Search: the value '" + given + "' for '" + whole + "' is no " +
        (type == PropertyType::kTime ? "time; write it as 2026-01-31T12:00:00Z" : "number"));
  }
  if (type == PropertyType::kFlag) {
    if (!EqualsIgnoreCase(given, "true") && !EqualsIgnoreCase(given, "false")) {
      return Invalid("Search: the value '" + given + "' for '" + whole +
                     "' is neither true nor false");
    }
    out.texts.front() = ToLower(given);
  }
  return out;
}

Result<SearchQuery::Expression> SearchQuery::Read(const api::Shape& shape, const json& given) {
  Expression out{.any = given.value("Operator", "And") == "Or"};
  const auto list = [&](const json& object, const char* name) {
    return object.value(name, json::array());
  };
  for (const json& f : list(given, "Filters")) {
    CLARY_TRY(Filter filter, ReadFilter(shape, f, ""));
    asked_.push_back(Join(filter.property.path, "."));
    out.filters.push_back(std::move(filter));
  }
  for (const json& n : list(given, "NestedFilters")) {
    const std::string name = n.at("NestedPropertyName");
    Nested nested;
    CLARY_TRY(nested.list, Find(shape, name));
    const api::Shape* at = &shape;
    for (const std::string& step : nested.list.path) {
      while (at->type == api::Type::kList) at = at->item;
      const api::Member* member =
          at->type == api::Type::kStructure ? api::FindMember(*at, step) : nullptr;
      if (!member) break;
      at = member->shape;
    }
    if (at->type != api::Type::kList || at->item->type != api::Type::kStructure) {
      return Invalid("Search: the nested property '" + name + "' is no list of structures");
    }
    for (const json& f : list(n, "Filters")) {
      CLARY_TRY(Filter filter, ReadFilter(*at->item, f, name + "."));
      asked_.push_back(Join(nested.list.path, ".") + "." + Join(filter.property.path, "."));
      nested.filters.push_back(std::move(filter));
    }
    out.nested.push_back(std::move(nested));
  }
  for (const json& e : list(given, "SubExpressions")) {
    CLARY_TRY(Expression below, Read(shape, e));
    out.below.push_back(std::move(below));
  }
  return out;
}

Result<SearchQuery> SearchQuery::Parse(const api::Shape& shape, const json& input) {
  SearchQuery out;
  CLARY_TRY(out.root_, out.Read(shape, input.value("SearchExpression", json::object())));
  if (const auto given = input.find("SortBy"); given != input.end()) {
    const std::string name = *given;
    CLARY_TRY(out.sort_, Find(shape, name));
    if (out.sort_.type == PropertyType::kGroup) {
      return Invalid("Search: SortBy names '" + name + "', which is " +
                     std::string(NameOf(out.sort_.type)));
    }
  } else {
    out.sort_ = {.type = PropertyType::kTime, .path = {"LastModifiedTime"}};
  }
  out.asked_.push_back(Join(out.sort_.path, "."));
  return out;
}

bool SearchQuery::Asks(std::string_view path) const {
  return std::ranges::any_of(asked_, [&](const std::string& asked) {
    return asked == path || asked.starts_with(std::string(path) + ".") ||
           path.starts_with(asked + ".");
  });
}

json SearchQuery::SortKey(const json& view) const {
  json key;
  AnyValue(view, sort_, 0, [&](const json& value) {
    key = value;
    return true;
  });
  if (sort_.type == PropertyType::kAny && key.is_string()) {
    if (const auto number = NumberOf(key.get_ref<const std::string&>())) key = *number;
  }
  return key;
}

bool SearchQuery::Holds(const Filter& filter, const json& view) {
  const auto order = [&](double value) {
    switch (filter.op) {
      case Op::kGreater:
        return value > *filter.number;
      case Op::kGreaterOrEqual:
        return value >= *filter.number;
      case Op::kLess:
        return value < *filter.number;
      case Op::kLessOrEqual:
        return value <= *filter.number;
      default:
        return value == *filter.number;
    }
  };
  const auto same_text = [&](const std::string& value) {
    return std::ranges::any_of(filter.texts, [&](const std::string& text) {
      if (value == text) return true;
      if (filter.property.type != PropertyType::kAny) return false;
      const auto a = NumberOf(value);
      return a && a == NumberOf(text);
    });
  };
  const bool found = AnyValue(view, filter.property, 0, [&](const json& value) {
    if (filter.op == Op::kExists || filter.op == Op::kNotExists) return true;
    if (value.is_boolean()) return filter.texts.front() == (value.get<bool>() ? "true" : "false");
    if (value.is_number()) {
      if (filter.op == Op::kContains || filter.op == Op::kIn) return same_text(value.dump());
      return filter.number && order(value.get<double>());
    }
    if (!value.is_string()) return false;
    const auto& text = value.get_ref<const std::string&>();
    switch (filter.op) {
      case Op::kContains:
        return text.contains(filter.texts.front());
      case Op::kEquals:
      case Op::kNotEquals:
      case Op::kIn:
        return same_text(text);
      default: {
        const auto number = NumberOf(text);
        return number && order(*number);
      }
    }
  });
  return found != (filter.op == Op::kNotEquals || filter.op == Op::kNotExists);
}

bool SearchQuery::Holds(const Expression& expression, const json& view) {
  const size_t parts =
      expression.filters.size() + expression.nested.size() + expression.below.size();
  if (parts == 0) return true;
  const auto holds = [&](const Filter& filter) { return Holds(filter, view); };
  // One element of the list must satisfy all filters together.
  const auto nested_holds = [&](const Nested& nested) {
    return AnyValue(view, nested.list, 0, [&](const json& element) {
      return std::ranges::all_of(nested.filters,
                                 [&](const Filter& filter) { return Holds(filter, element); });
    });
  };
  const auto below_holds = [&](const Expression& below) { return Holds(below, view); };
  if (expression.any) {
    return std::ranges::any_of(expression.filters, holds) ||
           std::ranges::any_of(expression.nested, nested_holds) ||
           std::ranges::any_of(expression.below, below_holds);
  }
  return std::ranges::all_of(expression.filters, holds) &&
         std::ranges::all_of(expression.nested, nested_holds) &&
         std::ranges::all_of(expression.below, below_holds);
}

}  // namespace clary::control
