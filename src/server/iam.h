// IAM: a small table of roles (MetadataStore table "iam_roles"), and the access keys of Identity.
// Policies are kept by name but not evaluated: a known key may do everything.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "meta/metadata_store.h"
#include "net/http.h"
#include "server/identity.h"

namespace clary::server {

class IamFront {
 public:
  // Creates the account's default role if it is not there.
  static Result<std::unique_ptr<IamFront>> Open(Identity& identity, meta::MetadataStore& records,
                                                Clock& clock = Clock::System());

  // The XML inside <ActionResult>; empty if the action has none. kInvalidArgument "InvalidAction";
  // kNotFound "NoSuchEntity". Any thread.
  Result<std::string> Handle(std::string_view action, const net::Query& form);

  // "AROA...". kNotFound "NoSuchEntity".
  Result<std::string> RoleId(std::string_view name);
  // Empty if there is none.
  std::string RoleArn(std::string_view name);

 private:
  friend struct IamActions;
  IamFront(Identity& identity, meta::MetadataStore& records, Clock& clock)
      : identity_(identity), records_(records), clock_(clock) {}
  Identity& identity_;
  meta::MetadataStore& records_;
  Clock& clock_;
};

}  // namespace clary::server
