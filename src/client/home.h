// The client's view of a Clary home: which service listens on it, and its default key.
#pragma once

#include <filesystem>
#include <string>

#include "clary/session.h"

namespace clary::client {

// `home` if given, else $CLARY_HOME, else ~/.clary.
std::filesystem::path ResolveHome(const std::filesystem::path& home = {});

struct HomeIdentity {
  Credentials credentials;
  std::string account_id;
  std::string region;
  std::string role_arn;
};
// credentials.json. kFailedPrecondition "NoIdentity" before the first start.
Result<HomeIdentity> ReadIdentity(const std::filesystem::path& home);

// The endpoint in service.json if the process that wrote it lives. kFailedPrecondition "NoService".
Result<std::string> LiveEndpoint(const std::filesystem::path& home);

}  // namespace clary::client
