// What to save and when: debughookconfig.json as a training container gets it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace clary::debugger {

// The steps a collection saves: those of save_steps, and every save_interval-th step of
// [start_step, end_step).
struct SaveConfig {
  int64_t save_interval = 10;
  std::vector<int64_t> save_steps;
  int64_t start_step = 0;
  std::optional<int64_t> end_step;

  bool Saves(int64_t step) const;
};

// The reductions of smdebug, each also with "abs_" in front.
bool IsReduction(std::string_view name);

struct Collection {
  std::string name;
  std::vector<std::string> include_regex;
  SaveConfig save;
  bool save_raw_tensor = true;
  std::vector<std::string> reductions;
};

struct HookConfig {
  std::string local_path = "/opt/ml/output/tensors";
  // In the order in which a hook writes them. An include_regex of HookParameters is the collection
  // `default`: tensors saved beside those of the others.
  std::vector<Collection> collections;

  const Collection* Find(std::string_view name) const;

  // Reads {"LocalPath", "HookParameters", "CollectionConfigurations"}; every parameter is a string.
  // A collection's parameters override the hook's, which override the defaults (interval 10, only
  // `metrics`). Collections that no hook of ours knows are kept, with their own include_regex.
  // kInvalidArgument "BadHookConfig" names the collection, the parameter and its value.
  static Result<HookConfig> FromJson(std::string_view json);
};

// The nine collections of the XGBoost hook and the expressions that select their tensors.
struct CollectionEntry {
  std::string_view name;
  std::string_view include_regex;
};
inline constexpr CollectionEntry kXgboostCollections[] = {
    {"hyperparameters", "^hyperparameters/.*$"},
    {"metrics", "^[a-zA-z]+-[a-zA-z0-9]+$"},
    {"losses", "^[a-zA-z]+-.+(?<!(auc|map))$"},
    {"predictions", "^predictions$"},
    {"labels", "^labels$"},
    {"feature_importance", "^feature_importance/.*"},
    {"trees", "^trees/.*"},
    {"full_shap", "^full_shap/.*[^/bias]$"},
    {"average_shap", "^average_shap/.*[^/bias]$"},
};

}  // namespace clary::debugger
