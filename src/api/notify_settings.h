// notify.json: where the operator wants messages to people to go (docs/operations.md,
// "Notifications").
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/error.h"

namespace clary::api {

struct NotifySettings {
  struct MailServer {
    std::string url, from, user, password;
  };
  std::string webhook;  // a URL; empty: none
  std::optional<MailServer> smtp;
};

// No file: no settings. kFailedPrecondition "NotConfigured" if it cannot be understood; the message
// holds nothing of it.
Result<NotifySettings> ReadNotifySettings(const std::filesystem::path& file);

}  // namespace clary::api
