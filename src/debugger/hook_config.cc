#include "debugger/hook_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "debugger/trial.h"

namespace clary::debugger {
namespace {

using nlohmann::json;
using Parameters = std::map<std::string, std::string>;

constexpr std::string_view kReductions[] = {"min", "max", "mean",     "prod", "std",
                                            "sum", "l1",  "variance", "l2"};

std::unexpected<Error> BadHook(std::string_view where, std::string_view what) {
  return Fail(Code::kInvalidArgument, "BadHookConfig",
              fmt::format("debug hook configuration, {}: {}", where, what));
}

// XGBoost has one mode, so a parameter may carry the prefix "global." and others do not matter.
Result<Parameters> ReadParameters(const json& object, std::string_view where) {
  Parameters out;
  if (object.is_null()) return out;
  if (!object.is_object()) return BadHook(where, "parameters must be an object of strings");
  for (const auto& [key, value] : object.items()) {
    if (!value.is_string()) return BadHook(where, fmt::format("{} must be a string", key));
    std::string_view name = key;
    if (name.starts_with("train.") || name.starts_with("eval.") || name.starts_with("predict.")) {
      continue;
    }
    if (name.starts_with("global.")) name.remove_prefix(7);
    out[std::string(name)] = value.get<std::string>();
  }
  return out;
}

Result<int64_t> Whole(std::string_view where, std::string_view name, std::string_view text,
                      int64_t least) {
  const auto v = ParseInt(Trim(text));
  if (!v || *v < least) {
    return BadHook(where, fmt::format("{} is '{}', but must be a whole number of at least {}", name,
                                      text, least));
  }
  return *v;
}

std::vector<std::string> List(std::string_view text) {
  std::vector<std::string> out;
  for (const std::string_view part : Split(text, ',')) {
    if (const std::string_view word = Trim(part); !word.empty()) out.emplace_back(word);
  }
  return out;
}

// What matches nothing because it is no expression would save nothing, unnoticed.
Result<std::vector<std::string>> Expressions(std::string_view where, std::string_view text) {
  std::vector<std::string> out = List(text);
  for (const std::string& expression : out) {
    if (const auto pattern = NamePattern::Compile(expression); !pattern) {
      return BadHook(where, "include_regex: " + pattern.error().message);
    }
  }
  return out;
}

Status Apply(const Parameters& parameters, std::string_view where, Collection& c) {
  for (const auto& [name, text] : parameters) {
    if (name == "save_interval") {
      CLARY_TRY(c.save.save_interval, Whole(where, name, text, 1));
    } else if (name == "start_step") {
      CLARY_TRY(c.save.start_step, Whole(where, name, text, 0));
    } else if (name == "end_step") {
      CLARY_TRY(c.save.end_step, Whole(where, name, text, 0));
    } else if (name == "save_steps") {
      c.save.save_steps.clear();
      for (const std::string& step : List(text)) {
        CLARY_TRY(const int64_t n, Whole(where, name, step, 0));
        c.save.save_steps.push_back(n);
      }
    } else if (name == "reductions") {
      c.reductions = List(text);
      for (const std::string& r : c.reductions) {
        if (!IsReduction(r)) return BadHook(where, fmt::format("'{}' is not a reduction", r));
      }
    } else if (name == "save_raw_tensor") {
      c.save_raw_tensor = !EqualsIgnoreCase(Trim(text), "false");
    }
    // include_regex is read by the caller; the rest (save_shape, save_histogram,
    // export_tensorboard, include_workers, ...) changes nothing in what one XGBoost worker saves.
  }
  return {};
}

}  // namespace

bool SaveConfig::Saves(int64_t step) const {
  if (std::find(save_steps.begin(), save_steps.end(), step) != save_steps.end()) return true;
  return step >= start_step && (!end_step || step < *end_step) && step % save_interval == 0;
}

bool IsReduction(std::string_view name) {
  if (name.starts_with("abs_")) name.remove_prefix(4);
  return std::find(std::begin(kReductions), std::end(kReductions), name) != std::end(kReductions);
}

const Collection* HookConfig::Find(std::string_view name) const {
  const auto it = std::find_if(collections.begin(), collections.end(),
                               [&](const Collection& c) { return c.name == name; });
  return it == collections.end() ? nullptr : &*it;
}

Result<HookConfig> HookConfig::FromJson(std::string_view text) {
  const json doc = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!doc.is_object()) return BadHook("document", "not a JSON object");
  HookConfig config;
  if (const auto path = doc.find("LocalPath"); path != doc.end() && path->is_string()) {
    config.local_path = path->get<std::string>();
  }
  CLARY_TRY(const Parameters hook,
            ReadParameters(doc.value("HookParameters", json()), "HookParameters"));
  Collection defaults;
  CLARY_CHECK_OK(Apply(hook, "HookParameters", defaults));

  std::map<std::string, Collection> wanted;
  const auto want = [&](const std::string& name) -> Collection& {
    auto [it, fresh] = wanted.try_emplace(name, defaults);
    if (fresh) {
      it->second.name = name;
      for (const CollectionEntry& e : kXgboostCollections) {
        if (e.name == name) it->second.include_regex = {std::string(e.include_regex)};
      }
    }
    return it->second;
  };
  const json list = doc.value("CollectionConfigurations", json::array());
  if (!list.is_null() && !list.is_array()) return BadHook("CollectionConfigurations", "not a list");
  for (const json& entry : list) {
    if (!entry.is_object() || !entry.contains("CollectionName") ||
        !entry["CollectionName"].is_string()) {
      return BadHook("CollectionConfigurations", "an entry has no CollectionName");
    }
    const auto name = entry["CollectionName"].get<std::string>();
    const std::string where = "collection " + name;
    CLARY_TRY(const Parameters own,
              ReadParameters(entry.value("CollectionParameters", json()), where));
    Collection& c = want(name);
    CLARY_CHECK_OK(Apply(own, where, c));
    if (const auto it = own.find("include_regex"); it != own.end()) {
      CLARY_TRY(c.include_regex, Expressions(where, it->second));
    }
  }
  const auto save_all = hook.find("save_all");
  if (save_all != hook.end() && EqualsIgnoreCase(Trim(save_all->second), "true")) {
    for (const CollectionEntry& e : kXgboostCollections) want(std::string(e.name));
  }
  if (const auto it = hook.find("include_regex"); it != hook.end()) {
    CLARY_TRY(want("default").include_regex, Expressions("HookParameters", it->second));
  }
  want("metrics");  // what the hook saves when nothing is configured

  for (const CollectionEntry& e : kXgboostCollections) {
    if (const auto it = wanted.find(std::string(e.name)); it != wanted.end()) {
      config.collections.push_back(std::move(it->second));
      wanted.erase(it);
    }
  }
  for (auto& [name, c] : wanted) config.collections.push_back(std::move(c));
  return config;
}

}  // namespace clary::debugger
