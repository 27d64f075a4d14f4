#include "api/notify_settings.h"

#include <nlohmann/json.hpp>

#include "base/file.h"

namespace clary::api {
namespace {

constexpr uint64_t kMaxNotifySettings = 1 << 16;

std::string TextOfMember(const nlohmann::json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

}  // namespace

Result<NotifySettings> ReadNotifySettings(const std::filesystem::path& file) {
  const auto text = ReadFile(file, kMaxNotifySettings);
  if (!text && text.error().code == Code::kNotFound) return NotifySettings();
  if (!text) {
    return Fail(Code::kFailedPrecondition, "NotConfigured",
                "the notification settings of the service cannot be read");
  }
  const nlohmann::json config = nlohmann::json::parse(*text, nullptr, false);
  if (!config.is_object()) {
    return Fail(Code::kFailedPrecondition, "NotConfigured",
                "the notification settings of the service are no JSON object");
  }
  NotifySettings out{.webhook = TextOfMember(config, "webhook"), .smtp = {}};
  if (const auto mail = config.find("smtp"); mail != config.end() && mail->is_object()) {
    out.smtp = {.url = TextOfMember(*mail, "url"),
                .from = TextOfMember(*mail, "from"),
                .user = TextOfMember(*mail, "user"),
                .password = TextOfMember(*mail, "password")};
  }
  return out;
}

}  // namespace clary::api
