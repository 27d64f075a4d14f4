// STS: who am I, and temporary keys.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "server/iam.h"
#include "server/identity.h"

namespace clary::server {

class StsFront {
 public:
  StsFront(Identity& identity, IamFront& iam) : identity_(identity), iam_(iam) {}

  // The XML inside <ActionResult>, for a document that Understand() has passed. kInvalidArgument
  // "InvalidAction", "MalformedPolicyDocument", "ValidationError"; kPermissionDenied
  // "AccessDenied". Any thread.
  Result<std::string> Handle(std::string_view action, const nlohmann::json& input,
                             const AccessKey& caller);

 private:
  friend struct StsActions;
  Identity& identity_;
  IamFront& iam_;
};

}  // namespace clary::server
