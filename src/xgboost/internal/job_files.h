// Files of the job's directory as the built-in algorithm reads and writes them.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/error.h"

namespace clary::xgboost {

// input/config/<name>: a JSON object of at most 16 MiB; kNotFound, kInvalidArgument "UserError" if
// it is none.
Result<nlohmann::json> ReadConfig(const std::filesystem::path& base, const char* name);

// The text under `name`; `fallback` if there is none.
std::string ConfigText(const nlohmann::json& object, const char* name, const char* fallback);

// Where a path of the container ("/opt/ml/output/tensors") is, with `base` for /opt/ml.
std::filesystem::path PlaceInJob(const std::filesystem::path& base, std::string_view path);

// Replaces `path` so that a reader, or whoever comes after a crash, finds the old or the new bytes.
// No fsync: the file lives in a job directory that a power cut ends anyway.
Status ReplaceFile(const std::filesystem::path& path, std::string_view bytes);

}  // namespace clary::xgboost
