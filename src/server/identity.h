// Who may call: the account, its region and role, and the access keys that requests are signed
// with. The default key lives in credentials.json (docs/formats/state-directory.md), further ones
// and temporary ones in the MetadataStore, table "access_keys".
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/mutex.h"
#include "meta/metadata_store.h"

namespace clary::server {

struct Account {
  std::string id;                    // 12 digits
  std::string region = "us-east-1";  // of ARNs and of the exports of `clary env`
  std::string role_arn;              // the default execution role
  std::string access_key_id;         // the default key
  std::string secret_access_key;
};

struct AccessKey {
  std::string id;  // "AKIA..." for ever, "ASIA..." until `expires`
  std::string secret;
  std::string session_token;    // temporary keys only; the request must carry it
  std::optional<Time> expires;  // temporary keys only
  Time created{};
  std::string role_name;     // the role whose session this key is; empty: of a federated user
  std::string session_name;  // last part of the ARN
  std::string job;           // ARN of the job that it is lent to and ends with; empty: of none

  bool temporary() const { return expires.has_value(); }
  bool federated() const { return role_name.empty(); }
};

// "arn:aws:iam::123456789012:role/path/Name" -> "Name"; empty if it is no role's ARN.
std::string_view RoleNameOf(std::string_view arn);

// Reads `home`/credentials.json; creates account, key and role name on first use, with mode 0600.
// A client finds its credentials the same way. kDataLoss "BadCredentials" for a damaged file.
Result<Account> LoadOrCreateAccount(const std::filesystem::path& home);

// Any thread.
class Identity {
 public:
  // Keeps `records` and `clock`. Temporary keys that have expired are dropped.
  static Result<std::unique_ptr<Identity>> Open(const std::filesystem::path& home,
                                                meta::MetadataStore& records,
                                                Clock& clock = Clock::System());

  const Account& account() const { return account_; }

  // The key, also one that has expired; for the signature check. Where others share the records,
  // one that is not known here is looked up there.
  std::optional<AccessKey> Find(std::string_view access_key_id) const;

  // Takes what another service has written of a key.
  void Absorb(const meta::Change& change);

  Result<AccessKey> CreateKey();
  std::vector<AccessKey> ListKeys() const;  // not the temporary ones; the default key first
  // kNotFound "NoSuchEntity"; kConflict "DeleteConflict" for the default key.
  Status DeleteKey(std::string_view access_key_id);

  // A temporary key of a session of the role, or with no role of the federated user
  // `session_name`; it works until now + `lifetime`, and no longer than `job` if there is one.
  Result<AccessKey> CreateSession(std::string role_name, std::string session_name,
                                  Duration lifetime, std::string job = {});
  // Takes all sessions of a role back, or all of a job.
  Status EndSessions(std::string_view role_name);
  Status EndJobSessions(std::string_view job);

  // "arn:aws:sts::<account>:assumed-role/<role>/<session>", or
  // "arn:aws:sts::<account>:federated-user/<name>"
  std::string CallerArn(const AccessKey& key) const;

 private:
  Identity(Account account, meta::MetadataStore& records, Clock& clock)
      : account_(std::move(account)), records_(records), clock_(clock) {}
  Status Save(const AccessKey& key) EXCLUDES(mu_);
  Status EndWhere(const std::function<bool(const AccessKey& key)>& which) EXCLUDES(mu_);

  const Account account_;
  meta::MetadataStore& records_;
  Clock& clock_;
  mutable Mutex mu_;
  std::map<std::string, AccessKey, std::less<>> keys_ GUARDED_BY(mu_);
};

}  // namespace clary::server
