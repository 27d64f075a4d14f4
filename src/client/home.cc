#include "client/home.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/file.h"

namespace clary::client {
namespace {

std::string EnvOr(const char* name, const char* fallback) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : fallback;
}

}  // namespace

std::filesystem::path ResolveHome(const std::filesystem::path& home) {
  if (!home.empty()) return std::filesystem::absolute(home);
  if (const auto set = EnvOr("CLARY_HOME", ""); !set.empty()) return std::filesystem::absolute(set);
  return std::filesystem::path(EnvOr("HOME", "/")) / ".clary";
}

Result<HomeIdentity> ReadIdentity(const std::filesystem::path& home) {
  const auto path = home / "credentials.json";
  auto text = ReadFile(path, 1 << 20);
  if (!text) {
    if (text.error().code != Code::kNotFound) return std::unexpected(std::move(text).error());
    return Fail(Code::kFailedPrecondition, "NoIdentity",
                "no identity in " + home.string() + ": start `clary serve` there once");
  }
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  const auto field = [&](const char* name) {
    const auto it = json.find(name);
    return it != json.end() && it->is_string() ? it->get<std::string>() : std::string();
  };
  if (!json.is_object() || field("access_key_id").empty() || field("secret_access_key").empty()) {
    return Fail(Code::kDataLoss, "BadCredentials", path.string() + " does not hold a key");
  }
  return HomeIdentity{.credentials = {.access_key = field("access_key_id"),
                                      .secret_key = field("secret_access_key"),
                                      .session_token = {}},
                      .account_id = field("account_id"),
                      .region = field("region"),
                      .role_arn = field("role_arn")};
}

Result<std::string> LiveEndpoint(const std::filesystem::path& home) {
  const auto none = [&] {
    return Fail(Code::kFailedPrecondition, "NoService",
                "no service is running on " + home.string() + ": start one with `clary serve`");
  };
  const auto text = ReadFile(home / "service.json", 1 << 16);
  if (!text) return none();
  const auto json = nlohmann::json::parse(*text, nullptr, false);
  if (!json.is_object() || !json.contains("endpoint") || !json["endpoint"].is_string() ||
      !json.contains("pid") || !json["pid"].is_number_integer()) {
    return none();
  }
  // Of several services the one that leads; it may be on another machine, where no pid tells.
  char host[256] = {};
  (void)::gethostname(host, sizeof host - 1);
  const auto there = json.find("host");
  if (there != json.end() && there->is_string() && *there != host) {
    return json["endpoint"].get<std::string>();
  }
  const auto pid = json["pid"].get<int64_t>();
  if (pid <= 0 || (kill(static_cast<pid_t>(pid), 0) != 0 && errno != EPERM)) return none();
  return json["endpoint"].get<std::string>();
}

}  // namespace clary::client
