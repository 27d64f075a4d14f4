#include "xgboost/internal/job_files.h"

#include <fcntl.h>

#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/file.h"

namespace clary::xgboost {
namespace fs = std::filesystem;
using nlohmann::json;

constexpr uint64_t kMaxConfigBytes = 16 << 20;

Result<json> ReadConfig(const fs::path& base, const char* name) {
  CLARY_TRY(const std::string text, ReadFile(base / "input/config" / name, kMaxConfigBytes));
  json doc = json::parse(text, nullptr, false);
  if (!doc.is_object()) {
    return Fail(Code::kInvalidArgument, "UserError", std::string(name) + " is not a JSON object");
  }
  return doc;
}

std::string ConfigText(const json& object, const char* name, const char* fallback) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : fallback;
}

fs::path PlaceInJob(const fs::path& base, std::string_view path) {
  constexpr std::string_view kBase = "/opt/ml/";
  return path.starts_with(kBase) ? base / path.substr(kBase.size()) : fs::path(path);
}

Status ReplaceFile(const fs::path& path, std::string_view bytes) {
  const fs::path temp = path.string() + ".sagemaker-ignore";
  {
    CLARY_TRY(const Fd fd, OpenFile(temp, O_WRONLY | O_CREAT | O_TRUNC));
    CLARY_CHECK_OK(WriteAll(fd.get(), bytes));
  }
  if (::rename(temp.c_str(), path.c_str()) != 0) {
    return std::unexpected(ErrnoError(errno, path.string()));
  }
  return {};
}

}  // namespace clary::xgboost
