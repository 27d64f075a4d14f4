#include "xgboost/internal/checkpoints.h"

#include <map>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/strings.h"
#include "xgboost/internal/job_files.h"
#include "xgboost/internal/training_log.h"

namespace clary::xgboost {
namespace fs = std::filesystem;
using std::chrono::steady_clock;
namespace {

constexpr std::string_view kPrefix = "xgboost-checkpoint";
constexpr int kKept = 5;
// Saving takes as long as the model is large: never more than a small share of the time.
constexpr std::chrono::seconds kPeriod{5};
constexpr uint64_t kMaxModelBytes = uint64_t{4} << 30;

std::optional<int> Number(const std::string& name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  std::string_view rest = std::string_view(name).substr(kPrefix.size());
  if (rest.empty() || (rest[0] != '.' && rest[0] != '_')) return std::nullopt;
  const bool callback = rest[0] == '_';
  rest.remove_prefix(1);
  if (callback) {
    if (!rest.ends_with(".json") && !rest.ends_with(".ubj")) return std::nullopt;
    rest = rest.substr(0, rest.find('.'));
  }
  const auto number = ParseInt(rest);
  if (!number || *number < 0 || *number > INT32_MAX) return std::nullopt;
  return static_cast<int>(*number);
}

bool IsUploading(const fs::path& file) {
  std::error_code ec;
  return fs::exists(file.string() + ".sagemaker-uploading", ec) &&
         !fs::exists(file.string() + ".sagemaker-uploaded", ec);
}

}  // namespace

std::optional<Checkpoints> Checkpoints::Open(const fs::path& base, const std::string& folder) {
  const auto doc = ReadConfig(base, "checkpointconfig.json");
  if (!doc) return std::nullopt;
  fs::path path = PlaceInJob(base, ConfigText(*doc, "LocalPath", "/opt/ml/checkpoints"));
  if (!folder.empty()) path /= folder;
  if (!MakeDirectories(path)) return std::nullopt;
  return Checkpoints(path);
}

std::optional<gbdt::Model> Checkpoints::Newest() {
  std::map<int, fs::path> found;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(dir_, ec)) {
    if (const auto n = Number(entry.path().filename().string())) found[*n] = entry.path();
  }
  for (auto it = found.rbegin(); it != found.rend(); ++it) {
    const auto bytes = ReadFile(it->second, kMaxModelBytes);
    auto model = bytes ? gbdt::Model::Parse(*bytes) : std::unexpected(bytes.error());
    if (model && model->num_round() == it->first + 1) return std::move(*model);
    LogWarning("Checkpoint " + it->second.filename().string() + " cannot be used" +
               (model ? std::string() : ": " + model.error().message));
  }
  return std::nullopt;
}

Status Checkpoints::Save(const gbdt::Model& model, bool now) {
  const auto time = steady_clock::now();
  if (!now && time - saved_ < kPeriod) return {};
  saved_ = time;
  const fs::path file = dir_ / (std::string(kPrefix) + "." + std::to_string(model.num_round() - 1));
  CLARY_CHECK_OK(ReplaceFile(file, model.ToUbjson()));
  ours_.push_back(file);
  std::error_code ec;
  while (std::ssize(ours_) > kKept && !IsUploading(ours_.front())) {
    fs::remove(ours_.front(), ec);
    ours_.erase(ours_.begin());
  }
  return {};
}

}  // namespace clary::xgboost
