#include "server/identity.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/hash.h"
#include "base/strings.h"
#include "server/internal/record_body.h"

namespace clary::server {
namespace {

using nlohmann::json;

constexpr std::string_view kKeysTable = "access_keys";
constexpr std::string_view kDefaultRole = "ClaryExecutionRole";
constexpr std::string_view kDefaultSession = "clary";
constexpr std::string_view kIdLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

// `n` random characters of `letters`, whose size divides 256.
std::string RandomText(size_t n, std::string_view letters) {
  std::string out = RandomBytes(n);
  for (char& c : out) c = letters[static_cast<unsigned char>(c) % letters.size()];
  return out;
}

std::string NewKeyId(std::string_view prefix) {
  return std::string(prefix) + RandomText(16, kIdLetters);
}

std::string NewSecret() {
  return RandomText(40, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
}

std::string NewAccountId() {
  std::string id = RandomBytes(12);
  for (char& c : id) c = static_cast<char>('0' + static_cast<unsigned char>(c) % 10);
  if (id[0] == '0') id[0] = '7';  // a leading zero is lost by tools that read a number
  return id;
}

std::string ToBody(const AccessKey& key) {
  json body = {{"secret", key.secret},
               {"created_ms", ToMillis(key.created)},
               {"role_name", key.role_name},
               {"session_name", key.session_name}};
  if (key.expires) {
    body["expires_ms"] = ToMillis(*key.expires);
    body["session_token"] = key.session_token;
    if (!key.job.empty()) body["job"] = key.job;
  }
  return body.dump();
}

std::optional<AccessKey> FromRecord(const meta::Record& record) {
  const json body = json::parse(record.body, nullptr, false);
  if (!body.is_object()) return std::nullopt;
  AccessKey key{.id = record.key,
                .secret = TextIn(body, "secret"),
                .session_token = TextIn(body, "session_token"),
                .role_name = TextIn(body, "role_name"),
                .session_name = TextIn(body, "session_name"),
                .job = TextIn(body, "job")};
  if (key.secret.empty()) return std::nullopt;
  if (const auto it = body.find("created_ms"); it != body.end() && it->is_number_integer()) {
    key.created = FromMillis(it->get<int64_t>());
  }
  if (const auto it = body.find("expires_ms"); it != body.end() && it->is_number_integer()) {
    key.expires = FromMillis(it->get<int64_t>());
  }
  return key;
}

}  // namespace

std::string_view RoleNameOf(std::string_view arn) {
  const size_t role = arn.find(":role/");
  if (!arn.starts_with("arn:") || role == std::string_view::npos) return {};
  return arn.substr(arn.rfind('/') + 1);
}

Result<Account> LoadOrCreateAccount(const std::filesystem::path& home) {
  const std::filesystem::path path = home / "credentials.json";
  const auto text = ReadFile(path, 1 << 16);
  if (text) {
    const json body = json::parse(*text, nullptr, false);
    Account account;
    if (body.is_object()) {
      account = {.id = TextIn(body, "account_id"),
                 .region = TextIn(body, "region"),
                 .role_arn = TextIn(body, "role_arn"),
                 .access_key_id = TextIn(body, "access_key_id"),
                 .secret_access_key = TextIn(body, "secret_access_key")};
    }
    if (account.id.size() != 12 || account.region.empty() || account.access_key_id.empty() ||
        account.secret_access_key.empty() || RoleNameOf(account.role_arn).empty()) {
      return Fail(Code::kDataLoss, "BadCredentials",
                  path.string() +
                      " is damaged: it must hold account_id, region, role_arn, access_key_id and "
                      "secret_access_key; restore it, or remove it to get a new identity");
    }
    return account;
  }
  if (text.error().code != Code::kNotFound) return std::unexpected(text.error());
  Account account{
      .id = NewAccountId(), .access_key_id = NewKeyId("AKIA"), .secret_access_key = NewSecret()};
  account.role_arn = "arn:aws:iam::" + account.id + ":role/" + std::string(kDefaultRole);
  const json body = {{"version", 1},
                     {"account_id", account.id},
                     {"region", account.region},
                     {"role_arn", account.role_arn},
                     {"access_key_id", account.access_key_id},
                     {"secret_access_key", account.secret_access_key}};
  CLARY_CHECK_OK(MakeDirectories(home, 0700));
  CLARY_CHECK_OK(WriteFileAtomic(path, body.dump(2) + "\n", 0600));
  return account;
}

Result<std::unique_ptr<Identity>> Identity::Open(const std::filesystem::path& home,
                                                 meta::MetadataStore& records, Clock& clock) {
  CLARY_TRY(Account account, LoadOrCreateAccount(home));
  CLARY_TRY(const auto stored, records.List(kKeysTable));
  std::unique_ptr<Identity> identity(new Identity(std::move(account), records, clock));
  std::vector<meta::Write> drop;
  {
    MutexLock lock(identity->mu_);
    for (const meta::Record& record : stored) {
      auto key = FromRecord(record);
      if (!key || (key->expires && *key->expires <= clock.Now())) {
        drop.push_back({.table = std::string(kKeysTable), .key = record.key});
        continue;
      }
      identity->keys_.emplace(record.key, *std::move(key));
    }
    const Account& own = identity->account_;
    identity->keys_[own.access_key_id] = {.id = own.access_key_id,
                                          .secret = own.secret_access_key,
                                          .role_name = std::string(RoleNameOf(own.role_arn)),
                                          .session_name = std::string(kDefaultSession)};
  }
  if (!drop.empty()) CLARY_CHECK_OK(records.Apply(drop));
  return identity;
}

std::optional<AccessKey> Identity::Find(std::string_view access_key_id) const {
  {
    MutexLock lock(mu_);
    const auto it = keys_.find(access_key_id);
    if (it != keys_.end()) return it->second;
  }
  if (records_.feed() == nullptr) return std::nullopt;
  const auto record = records_.Get(kKeysTable, access_key_id);
  return record ? FromRecord(*record) : std::nullopt;
}

void Identity::Absorb(const meta::Change& change) {
  auto key = change.gone ? std::nullopt : FromRecord(change.record);
  MutexLock lock(mu_);
  if (change.record.key == account_.access_key_id) return;
  if (key) {
    keys_.insert_or_assign(change.record.key, *std::move(key));
  } else {
    keys_.erase(change.record.key);
  }
}

Status Identity::Save(const AccessKey& key) {
  CLARY_CHECK_OK(records_.Put(std::string(kKeysTable), key.id, ToBody(key), 0));
  MutexLock lock(mu_);
  keys_[key.id] = key;
  return {};
}

Result<AccessKey> Identity::CreateKey() {
  AccessKey key{.id = NewKeyId("AKIA"),
                .secret = NewSecret(),
                .created = clock_.Now(),
                .role_name = std::string(RoleNameOf(account_.role_arn)),
                .session_name = std::string(kDefaultSession)};
  CLARY_CHECK_OK(Save(key));
  return key;
}

std::vector<AccessKey> Identity::ListKeys() const {
  MutexLock lock(mu_);
  std::vector<AccessKey> keys;
  for (const auto& [id, key] : keys_) {
    if (!key.expires) keys.push_back(key);
  }
  std::ranges::sort(keys, {}, [&](const AccessKey& key) {
    return std::tuple(key.id != account_.access_key_id, key.created, key.id);
  });
  return keys;
}

Status Identity::DeleteKey(std::string_view access_key_id) {
  if (access_key_id == account_.access_key_id) {
    return Fail(Code::kConflict, "DeleteConflict",
                "access key " + std::string(access_key_id) +
                    " is the default key of credentials.json and cannot be deleted");
  }
  const auto key = Find(access_key_id);
  if (!key || key->expires) {
    return Fail(Code::kNotFound, "NoSuchEntity",
                "The Access Key with id " + std::string(access_key_id) + " cannot be found.");
  }
  CLARY_CHECK_OK(records_.Apply({{.table = std::string(kKeysTable), .key = key->id}}));
  MutexLock lock(mu_);
  keys_.erase(key->id);
  return {};
}

Result<AccessKey> Identity::CreateSession(std::string role_name, std::string session_name,
                                          Duration lifetime, std::string job) {
  const Time now = clock_.Now();
  AccessKey key{.id = NewKeyId("ASIA"),
                .secret = NewSecret(),
                .session_token = Base64Encode(RandomBytes(96)),
                .expires = now + lifetime,
                .created = now,
                .role_name = std::move(role_name),
                .session_name = std::move(session_name),
                .job = std::move(job)};
  CLARY_CHECK_OK(Save(key));
  // Sessions that ended an hour ago go, so that the table does not grow with use.
  std::vector<meta::Write> drop;
  {
    MutexLock lock(mu_);
    std::erase_if(keys_, [&](const auto& entry) {
      const bool old = entry.second.expires && *entry.second.expires + Duration(3'600'000) < now;
      if (old) drop.push_back({.table = std::string(kKeysTable), .key = entry.first});
      return old;
    });
  }
  if (!drop.empty()) CLARY_CHECK_OK(records_.Apply(drop));
  return key;
}

Status Identity::EndWhere(const std::function<bool(const AccessKey& key)>& which) {
  std::vector<meta::Write> drop;
  {
    MutexLock lock(mu_);
    for (const auto& [id, key] : keys_) {
      if (key.temporary() && which(key)) {
        drop.push_back({.table = std::string(kKeysTable), .key = id});
      }
    }
  }
  if (drop.empty()) return {};
  CLARY_CHECK_OK(records_.Apply(drop));
  MutexLock lock(mu_);
  for (const meta::Write& write : drop) keys_.erase(write.key);
  return {};
}

Status Identity::EndSessions(std::string_view role_name) {
  return EndWhere([&](const AccessKey& key) { return key.role_name == role_name; });
}

Status Identity::EndJobSessions(std::string_view job) {
  return EndWhere([&](const AccessKey& key) { return !key.job.empty() && key.job == job; });
}

std::string Identity::CallerArn(const AccessKey& key) const {
  if (key.federated()) {
    return "arn:aws:sts::" + account_.id + ":federated-user/" + key.session_name;
  }
  return "arn:aws:sts::" + account_.id + ":assumed-role/" + key.role_name + "/" + key.session_name;
}

}  // namespace clary::server
