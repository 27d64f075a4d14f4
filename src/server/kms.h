// KMS as far as set-ups need it: keys and aliases with their names, descriptions, policies and
// tags. There is no key material, and nothing is encrypted: whoever asks for that is told so.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "base/mutex.h"
#include "meta/metadata_store.h"
#include "server/identity.h"

namespace clary::server {

class KmsFront {
 public:
  // Keeps `records` (tables "kms_keys" and "kms_aliases", docs/formats/state-directory.md).
  KmsFront(meta::MetadataStore& records, const Account& account, Clock& clock = Clock::System())
      : records_(records), account_(account), clock_(clock) {}

  // One call, on a document that Understand() has passed. kInvalidArgument
  // "UnsupportedOperationException" | "ValidationException" |
  // "NotAuthorizedException" | "MalformedPolicyDocumentException" | "InvalidMarkerException";
  // kNotFound "NotFoundException"; kAlreadyExists "AlreadyExistsException"; kConflict
  // "KMSInvalidStateException". Any thread.
  Result<nlohmann::json> Handle(std::string_view operation, const nlohmann::json& input);

 private:
  friend struct KmsOperations;
  meta::MetadataStore& records_;
  const Account account_;
  Clock& clock_;
  Mutex mu_;  // one call at a time: keys and aliases refer to each other
};

}  // namespace clary::server
