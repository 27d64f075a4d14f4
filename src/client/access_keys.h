// The access keys of a service, through its IAM API.
#pragma once

#include <string>
#include <vector>

#include "clary/session.h"

namespace clary::client {

struct AccessKeyInfo {
  std::string id;
  std::string created;  // ISO 8601
};

Result<std::vector<AccessKeyInfo>> ListAccessKeys(const Session& session);
Result<Credentials> CreateAccessKey(const Session& session);  // the only time the secret is told
Status DeleteAccessKey(const Session& session, const std::string& id);

}  // namespace clary::client
