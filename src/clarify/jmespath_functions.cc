#include "clarify/internal/jmespath_functions.h"

#include <fast_float/fast_float.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/strings.h"
#include "base/suggest.h"

namespace clary::clarify {
namespace {

using nlohmann::json;
using Arguments = std::vector<JmespathArgument>;

// What an argument may be, a letter each: n number, s string, b boolean, a array, o object, z null,
// N array of numbers, S array of strings, e expression, * any value.
struct Function {
  std::string_view name;
  std::vector<std::string_view> types;
  bool more = false;  // the last type repeats
  Result<json> (*call)(const Arguments& arguments);
};

bool AllOf(const json& list, bool (*is)(const json&)) {
  return list.is_array() && std::ranges::all_of(list, is);
}
bool IsNumber(const json& v) { return v.is_number(); }
bool IsText(const json& v) { return v.is_string(); }

bool Fits(const JmespathArgument& argument, std::string_view types) {
  const json& v = argument.value;
  for (const char type : types) {
    if (argument.expression) {
      if (type == 'e') return true;
      continue;
    }
    switch (type) {
      case 'n':
        if (v.is_number()) return true;
        break;
      case 's':
        if (v.is_string()) return true;
        break;
      case 'b':
        if (v.is_boolean()) return true;
        break;
      case 'a':
        if (v.is_array()) return true;
        break;
      case 'o':
        if (v.is_object()) return true;
        break;
      case 'z':
        if (v.is_null()) return true;
        break;
      case 'N':
        if (AllOf(v, IsNumber)) return true;
        break;
      case 'S':
        if (AllOf(v, IsText)) return true;
        break;
      case '*':
        return true;
      default:
        break;
    }
  }
  return false;
}

const std::string& Text(const json& v) { return v.get_ref<const std::string&>(); }

// A whole number stays one.
json Number(double value) {
  constexpr double kExact = 9007199254740992.0;
  if (std::isfinite(value) && value == std::floor(value) && std::abs(value) < kExact) {
    return static_cast<int64_t>(value);
  }
  return value;
}

std::vector<size_t> Utf8Starts(std::string_view text) {
  std::vector<size_t> starts;
  for (size_t i = 0; i < text.size();) {
    starts.push_back(i);
    i += std::max<size_t>(1, Utf8Length(text.substr(i)));
  }
  return starts;
}

std::unexpected<Error> BadCall(std::string message) {
  return Fail(Code::kInvalidArgument, "BadJmespath", std::move(message));
}

Result<json> Extreme(const Arguments& a, bool max) {
  const json& list = a[0].value;
  if (list.empty()) return json();
  return json(max ? *std::ranges::max_element(list) : *std::ranges::min_element(list));
}

// The keys that `expression` finds in the elements: all numbers or all texts.
Result<std::vector<json>> Keys(const json& list, const JmespathArgument& by) {
  std::vector<json> keys;
  for (const json& element : list) {
    CLARY_TRY(json key, by.expression(element));
    if (!key.is_number() && !key.is_string())
      return BadCall("its expression gives no number or text");
    if (!keys.empty() && key.is_number() != keys[0].is_number()) {
      return BadCall("its expression gives numbers and texts");
    }
    keys.push_back(std::move(key));
  }
  return keys;
}

Result<json> ExtremeBy(const Arguments& a, bool max) {
  CLARY_TRY(const auto keys, Keys(a[0].value, a[1]));
  if (keys.empty()) return json();
  const auto at = max ? std::ranges::max_element(keys) : std::ranges::min_element(keys);
  return a[0].value[static_cast<size_t>(at - keys.begin())];
}

Result<json> Contains(const Arguments& a) {
  const json& in = a[0].value;
  const json& what = a[1].value;
  if (in.is_string())
    return json(what.is_string() && Text(in).find(Text(what)) != std::string::npos);
  return json(std::ranges::find(in, what) != in.end());
}

Result<json> JoinTexts(const Arguments& a) {
  return json(Join(a[1].value.get<std::vector<std::string>>(), Text(a[0].value)));
}

Result<json> Length(const Arguments& a) {
  const json& v = a[0].value;
  return json(v.is_string() ? Utf8Starts(Text(v)).size() : v.size());
}

Result<json> Map(const Arguments& a) {
  json out = json::array();
  for (const json& element : a[1].value) {
    CLARY_TRY(json found, a[0].expression(element));
    out.push_back(std::move(found));
  }
  return out;
}

Result<json> Merge(const Arguments& a) {
  json out = json::object();
  for (const auto& one : a) out.update(one.value);
  return out;
}

Result<json> FirstThere(const Arguments& a) {
  for (const auto& one : a) {
    if (!one.value.is_null()) return one.value;
  }
  return json();
}

Result<json> Reverse(const Arguments& a) {
  json out = a[0].value;
  if (!out.is_string()) {
    std::reverse(out.begin(), out.end());
    return out;
  }
  const std::string& text = Text(out);
  std::string back;
  auto starts = Utf8Starts(text);
  for (size_t i = starts.size(); i-- > 0;) {
    const size_t end = i + 1 < starts.size() ? starts[i + 1] : text.size();
    back += text.substr(starts[i], end - starts[i]);
  }
  return json(std::move(back));
}

Result<json> Sort(const Arguments& a) {
  json out = a[0].value;
  std::sort(out.begin(), out.end());
  return out;
}

Result<json> SortBy(const Arguments& a) {
  CLARY_TRY(const auto keys, Keys(a[0].value, a[1]));
  std::vector<size_t> order(keys.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::stable_sort(order, [&](size_t x, size_t y) { return keys[x] < keys[y]; });
  json out = json::array();
  for (const size_t i : order) out.push_back(a[0].value[i]);
  return out;
}

double SumOf(const json& list) {
  double sum = 0;
  for (const json& v : list) sum += v.get<double>();
  return sum;
}

Result<json> ToNumber(const Arguments& a) {
  const json& v = a[0].value;
  if (v.is_number()) return v;
  if (!v.is_string()) return json();
  const std::string& text = Text(v);
  double value = 0;
  const auto [end, error] = fast_float::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return json();
  if (!std::isfinite(value)) return json();
  return Number(value);
}

Result<json> TypeName(const Arguments& a) {
  const json& v = a[0].value;
  return json(v.is_null()      ? "null"
              : v.is_boolean() ? "boolean"
              : v.is_number()  ? "number"
              : v.is_string()  ? "string"
              : v.is_array()   ? "array"
                               : "object");
}

Result<json> KeysOf(const Arguments& a) {
  json out = json::array();
  for (const auto& [name, value] : a[0].value.items()) out.push_back(name);
  return out;
}
Result<json> ValuesOf(const Arguments& a) {
  json out = json::array();
  for (const auto& [name, value] : a[0].value.items()) out.push_back(value);
  return out;
}

const std::vector<Function>& Functions() {
  static const std::vector<Function> kAll = {
      {"abs",
       {"n"},
       false,
       [](const Arguments& a) -> Result<json> {
         return Number(std::abs(a[0].value.get<double>()));
       }},
      {"avg",
       {"N"},
       false,
       [](const Arguments& a) -> Result<json> {
         if (a[0].value.empty()) return json();
         return json(SumOf(a[0].value) / static_cast<double>(a[0].value.size()));
       }},
      {"ceil",
       {"n"},
       false,
       [](const Arguments& a) -> Result<json> {
         return Number(std::ceil(a[0].value.get<double>()));
       }},
      {"contains", {"as", "*"}, false, Contains},
      {"ends_with",
       {"s", "s"},
       false,
       [](const Arguments& a) -> Result<json> {
         return json(Text(a[0].value).ends_with(Text(a[1].value)));
       }},
      {"floor",
       {"n"},
       false,
       [](const Arguments& a) -> Result<json> {
         return Number(std::floor(a[0].value.get<double>()));
       }},
      {"join", {"s", "S"}, false, JoinTexts},
      {"keys", {"o"}, false, KeysOf},
      {"length", {"sao"}, false, Length},
      {"map", {"e", "a"}, false, Map},
      {"max", {"NS"}, false, [](const Arguments& a) { return Extreme(a, true); }},
      {"max_by", {"a", "e"}, false, [](const Arguments& a) { return ExtremeBy(a, true); }},
      {"merge", {"o"}, true, Merge},
      {"min", {"NS"}, false, [](const Arguments& a) { return Extreme(a, false); }},
      {"min_by", {"a", "e"}, false, [](const Arguments& a) { return ExtremeBy(a, false); }},
      {"not_null", {"*"}, true, FirstThere},
      {"reverse", {"as"}, false, Reverse},
      {"sort", {"NS"}, false, Sort},
      {"sort_by", {"a", "e"}, false, SortBy},
      {"starts_with",
       {"s", "s"},
       false,
       [](const Arguments& a) -> Result<json> {
         return json(Text(a[0].value).starts_with(Text(a[1].value)));
       }},
      {"sum",
       {"N"},
       false,
       [](const Arguments& a) -> Result<json> { return Number(SumOf(a[0].value)); }},
      {"to_array",
       {"*"},
       false,
       [](const Arguments& a) -> Result<json> {
         return a[0].value.is_array() ? a[0].value : json::array({a[0].value});
       }},
      {"to_number", {"*"}, false, ToNumber},
      {"to_string",
       {"*"},
       false,
       [](const Arguments& a) -> Result<json> {
         if (a[0].value.is_string()) return a[0].value;
         return json(a[0].value.dump(-1, ' ', false, json::error_handler_t::replace));
       }},
      {"type", {"*"}, false, TypeName},
      {"values", {"o"}, false, ValuesOf},
  };
  return kAll;
}

const Function* FindFunction(std::string_view name) {
  for (const Function& f : Functions()) {
    if (f.name == name) return &f;
  }
  return nullptr;
}

}  // namespace

std::string JmespathCallFault(std::string_view name, size_t arguments) {
  const Function* f = FindFunction(name);
  if (f == nullptr) {
    std::vector<std::string_view> names;
    for (const Function& known : Functions()) names.push_back(known.name);
    return fmt::format("there is no function '{}'.{}", name, DidYouMean(name, names));
  }
  if (arguments == f->types.size() || (f->more && arguments > f->types.size())) return "";
  return fmt::format("{}() takes {}{} argument(s), not {}", name, f->more ? "at least " : "",
                     f->types.size(), arguments);
}

Result<json> CallJmespathFunction(std::string_view name, const Arguments& arguments) {
  const Function& f = *FindFunction(name);
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view types = f.types[std::min(i, f.types.size() - 1)];
    if (!Fits(arguments[i], types)) {
      return BadCall(
          fmt::format("{}(): argument {} is of another type than it takes", name, i + 1));
    }
  }
  return f.call(arguments);
}

}  // namespace clary::clarify
