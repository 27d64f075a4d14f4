#include "serving/local_model.h"

#include <memory>
#include <utility>

#include "api/server_spec.h"
#include "base/file.h"
#include "base/log.h"
#include "serving/container.h"
#include "serving/internal/container_host.h"
#include "serving/xgboost_model.h"

namespace clary::serving {
namespace fs = std::filesystem;
namespace {

constexpr uint64_t kMostModelBytes = uint64_t{64} << 20;
constexpr uint64_t kMostLocalBody = 64 << 10;

bool IsSmall(const fs::path& folder) {
  std::error_code ec;
  const uint64_t bytes = FolderBytes(folder, ec);
  return !ec && bytes <= kMostModelBytes;
}

}  // namespace

LocalModel LoadLocalModel(const fs::path& directory) {
  const auto text = ReadFile(directory / "server.json", kMaxSpecBytes);
  if (!text) return nullptr;
  const auto spec = api::ServerSpec::FromJson(*text);
  if (!spec || spec->containers.size() != 1) return nullptr;
  const api::ContainerSpec& container = spec->containers[0];
  const fs::path folder = WorkOf(directory, 0) / "model";
  if (container.program != "xgboost" || container.multi_model || !IsSmall(folder)) return nullptr;
  auto loaded = XgboostModel::Load(folder, {.environment = container.environment});
  if (!loaded) return nullptr;  // its container has loaded it: the instance has just ended
  LOG(kInfo, "a model answers in this process", {"endpoint", spec->endpoint},
      {"instance", spec->instance}, {"model", (*loaded)->Describe()});
  const uint64_t limit = std::min(kMostLocalBody, MaxBodyBytes(container.environment));
  return [model = std::shared_ptr<const XgboostModel>(*std::move(loaded)), limit](
             std::string_view content_type, std::string_view accept,
             std::string_view body) -> std::optional<net::Response> {
    if (body.size() > limit) return std::nullopt;
    Reply reply = model->Invoke(content_type, accept, body);
    if (reply.status != 200) return std::nullopt;
    net::Response response{.body = std::move(reply.body)};
    response.headers.Set("Content-Type", std::move(reply.content_type));
    return response;
  };
}

}  // namespace clary::serving
