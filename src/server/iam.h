// IAM: a small table of roles (MetadataStore table "iam_roles"), and the access keys of Identity.
// Policies are kept by name but not evaluated: a known key may do everything.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/mutex.h"
#include "meta/metadata_store.h"
#include "server/identity.h"

namespace clary::server {

class IamFront {
 public:
  // Creates the account's default role if it is not there.
  static Result<std::unique_ptr<IamFront>> Open(Identity& identity, meta::MetadataStore& records,
                                                Clock& clock = Clock::System());

  // The XML inside <ActionResult>, empty if the action has none, for a document that Understand()
  // has passed. kInvalidArgument "InvalidAction", "MalformedPolicyDocument", "InvalidInput";
  // kNotFound "NoSuchEntity"; kPermissionDenied "AccessDenied" for what a temporary key may not do.
  // Any thread.
  Result<std::string> Handle(std::string_view action, const nlohmann::json& input,
                             const AccessKey& caller);

  // What AssumeRole needs of a role. kNotFound "NoSuchEntity".
  struct RoleFacts {
    std::string id;  // "AROA..."
    std::string arn;
    int64_t max_session_s = 3600;
  };
  Result<RoleFacts> FindRole(std::string_view name);

  // Whether jobs may name this role: one of the table, under its own ARN; or a role of this account
  // with a name that AWS's console gives ("service-role/AmazonSageMaker-ExecutionRole-...").
  bool CanRunJobs(std::string_view arn);

 private:
  friend struct IamActions;
  IamFront(Identity& identity, meta::MetadataStore& records, Clock& clock)
      : identity_(identity), records_(records), clock_(clock) {}
  Identity& identity_;
  meta::MetadataStore& records_;
  Clock& clock_;
  Mutex create_mu_;  // one new name at a time
};

}  // namespace clary::server
