#include "server/kms.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "api/page.h"
#include "api/tags.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/strings.h"
#include "server/internal/policy.h"
#include "server/internal/record_body.h"

namespace clary::server {
namespace {

using nlohmann::json;

constexpr const char* kKeys = "kms_keys";
constexpr const char* kAliases = "kms_aliases";
constexpr int64_t kKeyDayMs = 86'400'000;

std::unexpected<Error> BadKey(std::string reason, std::string message) {
  return Fail(Code::kInvalidArgument, std::move(reason), std::move(message));
}

// A page of `names`, which are sorted.
template <typename Show>
Result<json> KeyPage(std::string_view operation, const json& input, std::string_view list,
                     const std::vector<std::string>& names, const Show& show) {
  const auto limit = static_cast<size_t>(input.value("Limit", int64_t{100}));
  auto first = names.begin();
  if (input.contains("Marker")) {
    const auto after = api::ReadPageToken(operation, input, input.value("Marker", ""));
    if (!after || !after->is_string()) {
      return BadKey("InvalidMarkerException", "The marker is not valid");
    }
    first = std::ranges::upper_bound(names, after->get<std::string>());
  }
  json out = {{std::string(list), json::array()}, {"Truncated", false}};
  json& items = out[std::string(list)];
  for (auto it = first; it != names.end(); ++it) {
    if (items.size() == limit) {
      out["Truncated"] = true;
      out["NextMarker"] = api::MakePageToken(operation, input, *(it - 1));
      break;
    }
    items.push_back(show(*it));
  }
  return out;
}

}  // namespace

struct KmsOperations {
  using Out = Result<json>;

  struct Key {
    std::string id;
    int64_t created_ms = 0;
    int64_t deletion_ms = 0;  // 0: not scheduled
    std::string description;
    std::string policy;  // JSON text
    bool enabled = true;
    std::map<std::string, std::string> tags;
  };

  static std::string Arn(const KmsFront& kms, const std::string& resource) {
    return "arn:aws:kms:" + kms.account_.region + ":" + kms.account_.id + ":" + resource;
  }

  static Result<json> Body(KmsFront& kms, const char* table, const std::string& key) {
    CLARY_TRY(const meta::Record record, kms.records_.Get(table, key));
    return BodyOf(table, record);
  }

  // The key that an id, an ARN, an alias or an alias's ARN names.
  static Result<Key> Find(KmsFront& kms, const std::string& name) {
    std::string id = name;
    const std::string prefix = Arn(kms, "");
    if (name.starts_with("arn:")) {
      if (!name.starts_with(prefix)) return NotFound("Invalid arn " + name);
      id = name.substr(prefix.size());
      if (id.starts_with("key/")) id = id.substr(4);
    }
    if (id.starts_with("alias/")) {
      const auto alias = Body(kms, kAliases, id);
      if (!alias && alias.error().code == Code::kNotFound) {
        return NotFound("Alias " + Arn(kms, id) + " is not found.");
      }
      CLARY_CHECK_OK(alias);
      id = TextIn(*alias, "key_id");
    }
    auto body = Body(kms, kKeys, id);
    if (!body && body.error().code == Code::kNotFound) {
      return NotFound("Key '" + Arn(kms, "key/" + id) + "' does not exist");
    }
    if (!body) return std::unexpected(std::move(body).error());
    Key key{.id = id,
            .created_ms = IntIn(*body, "created_ms"),
            .deletion_ms = IntIn(*body, "deletion_ms"),
            .description = TextIn(*body, "description"),
            .policy = TextIn(*body, "policy"),
            .enabled = IntIn(*body, "enabled", 1) != 0};
    if (const auto tags = body->find("tags"); tags != body->end() && tags->is_object()) {
      for (const auto& [name_of, value] : tags->items()) {
        if (value.is_string()) key.tags[name_of] = value.get<std::string>();
      }
    }
    if (key.deletion_ms > 0 && key.deletion_ms <= ToMillis(kms.clock_.Now())) {
      CLARY_CHECK_OK(Remove(kms, key));
      return NotFound("Key '" + Arn(kms, "key/" + id) + "' does not exist");
    }
    return key;
  }
  static Result<Key> Given(KmsFront& kms, const json& input) {
    return Find(kms, input.value("KeyId", ""));
  }

  static Status Save(KmsFront& kms, const Key& key) {
    const json body = {{"created_ms", key.created_ms},   {"deletion_ms", key.deletion_ms},
                       {"description", key.description}, {"policy", key.policy},
                       {"enabled", int{key.enabled}},    {"tags", key.tags}};
    CLARY_CHECK_OK(kms.records_.Put(kKeys, key.id, body.dump(), std::nullopt));
    return {};
  }

  // The key and what points at it.
  static Status Remove(KmsFront& kms, const Key& key) {
    std::vector<meta::Write> writes = {{.table = kKeys, .key = key.id}};
    CLARY_TRY(const auto aliases, kms.records_.List(kAliases));
    for (const meta::Record& alias : aliases) {
      const auto body = BodyOf(kAliases, alias);
      if (body && TextIn(*body, "key_id") == key.id) {
        writes.push_back({.table = kAliases, .key = alias.key});
      }
    }
    CLARY_CHECK_OK(kms.records_.Apply(writes));
    return {};
  }

  static json Metadata(const KmsFront& kms, const Key& key) {
    json out = {{"AWSAccountId", kms.account_.id},
                {"KeyId", key.id},
                {"Arn", Arn(kms, "key/" + key.id)},
                {"CreationDate", ToSeconds(FromMillis(key.created_ms))},
                {"Enabled", key.enabled && key.deletion_ms == 0},
                {"Description", key.description},
                {"KeyUsage", "ENCRYPT_DECRYPT"},
                {"KeyState", key.deletion_ms > 0 ? "PendingDeletion"
                             : key.enabled       ? "Enabled"
                                                 : "Disabled"},
                {"Origin", "AWS_KMS"},
                {"KeyManager", "CUSTOMER"},
                {"CustomerMasterKeySpec", "SYMMETRIC_DEFAULT"},
                {"KeySpec", "SYMMETRIC_DEFAULT"},
                {"EncryptionAlgorithms", json::array({"SYMMETRIC_DEFAULT"})},
                {"MultiRegion", false}};
    if (key.deletion_ms > 0) out["DeletionDate"] = ToSeconds(FromMillis(key.deletion_ms));
    return out;
  }

  static Out CreateKey(KmsFront& kms, const json& input) {
    const std::string spec = input.value("KeySpec", input.value("CustomerMasterKeySpec", ""));
    if (input.value("KeyUsage", "ENCRYPT_DECRYPT") != "ENCRYPT_DECRYPT" ||
        (!spec.empty() && spec != "SYMMETRIC_DEFAULT") ||
        input.value("Origin", "AWS_KMS") != "AWS_KMS") {
      return BadKey(
          "UnsupportedOperationException",
          "Only symmetric keys for encryption (SYMMETRIC_DEFAULT, ENCRYPT_DECRYPT, origin "
          "AWS_KMS) can be made here; a key is a name, and nothing is encrypted with it");
    }
    const std::string everyone =
        R"({"Version":"2012-10-17","Id":"key-default-1","Statement":[{"Sid":"Enable IAM User )"
        R"(Permissions","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::)" +
        kms.account_.id + R"(:root"},"Action":"kms:*","Resource":"*"}]})";
    const std::string policy = input.value("Policy", everyone);
    CLARY_CHECK_OK(CheckPolicy(policy));
    Key key{.id = RandomId(),
            .created_ms = ToMillis(kms.clock_.Now()),
            .description = input.value("Description", ""),
            .policy = policy};
    CLARY_CHECK_OK(AddTags(key, input));
    CLARY_CHECK_OK(Save(kms, key));
    LOG(kWarn, "a KMS key was made, which encrypts nothing here", {"key", key.id});
    return json{{"KeyMetadata", Metadata(kms, key)}};
  }

  static Out DescribeKey(KmsFront& kms, const json& input) {
    CLARY_TRY(const Key key, Given(kms, input));
    return json{{"KeyMetadata", Metadata(kms, key)}};
  }

  static Out ListKeys(KmsFront& kms, const json& input) {
    CLARY_TRY(const auto records, kms.records_.List(kKeys));
    std::vector<std::string> ids;
    for (const meta::Record& record : records) {
      if (Find(kms, record.key)) ids.push_back(record.key);
    }
    return KeyPage("ListKeys", input, "Keys", ids, [&](const std::string& id) {
      return json{{"KeyId", id}, {"KeyArn", Arn(kms, "key/" + id)}};
    });
  }

  static Out CreateAlias(KmsFront& kms, const json& input) {
    const std::string alias = input.value("AliasName", "");
    CLARY_CHECK_OK(CheckAlias(alias));
    CLARY_TRY(const Key key, Find(kms, input.value("TargetKeyId", "")));
    CLARY_CHECK_OK(CheckUsable(kms, key));
    const int64_t now = ToMillis(kms.clock_.Now());
    const json body = {{"key_id", key.id}, {"created_ms", now}, {"updated_ms", now}};
    const auto put = kms.records_.Put(kAliases, alias, body.dump(), 0);
    if (!put && put.error().code == Code::kAlreadyExists) {
      return Fail(Code::kAlreadyExists, "AlreadyExistsException",
                  "An alias with the name " + Arn(kms, alias) + " already exists");
    }
    CLARY_CHECK_OK(put);
    return json::object();
  }

  static Out UpdateAlias(KmsFront& kms, const json& input) {
    const std::string alias = input.value("AliasName", "");
    CLARY_TRY(const Key key, Find(kms, input.value("TargetKeyId", "")));
    CLARY_CHECK_OK(CheckUsable(kms, key));
    auto body = Body(kms, kAliases, alias);
    if (!body && body.error().code == Code::kNotFound) {
      return NotFound("Alias " + Arn(kms, alias) + " is not found.");
    }
    CLARY_CHECK_OK(body);
    (*body)["key_id"] = key.id;
    (*body)["updated_ms"] = ToMillis(kms.clock_.Now());
    CLARY_CHECK_OK(kms.records_.Put(kAliases, alias, body->dump(), std::nullopt));
    return json::object();
  }

  static Out DeleteAlias(KmsFront& kms, const json& input) {
    const std::string alias = input.value("AliasName", "");
    const auto body = Body(kms, kAliases, alias);
    if (!body && body.error().code == Code::kNotFound) {
      return NotFound("Alias " + Arn(kms, alias) + " is not found.");
    }
    CLARY_CHECK_OK(kms.records_.Apply({{.table = kAliases, .key = alias}}));
    return json::object();
  }

  static Out ListAliases(KmsFront& kms, const json& input) {
    std::string wanted;
    if (input.contains("KeyId")) {
      CLARY_TRY(const Key key, Given(kms, input));
      wanted = key.id;
    }
    CLARY_TRY(const auto records, kms.records_.List(kAliases));
    std::vector<std::string> names;
    std::map<std::string, json> bodies;
    for (const meta::Record& record : records) {
      CLARY_TRY(json body, BodyOf(kAliases, record));
      if (!wanted.empty() && TextIn(body, "key_id") != wanted) continue;
      names.push_back(record.key);
      bodies[record.key] = std::move(body);
    }
    return KeyPage("ListAliases", input, "Aliases", names, [&](const std::string& name) {
      const json& body = bodies[name];
      return json{{"AliasName", name},
                  {"AliasArn", Arn(kms, name)},
                  {"TargetKeyId", TextIn(body, "key_id")},
                  {"CreationDate", ToSeconds(FromMillis(IntIn(body, "created_ms")))},
                  {"LastUpdatedDate", ToSeconds(FromMillis(IntIn(body, "updated_ms")))}};
    });
  }

  static Out GetKeyPolicy(KmsFront& kms, const json& input) {
    CLARY_TRY(const Key key, Given(kms, input));
    CLARY_CHECK_OK(CheckPolicyName(input));
    return json{{"Policy", key.policy}, {"PolicyName", "default"}};
  }

  static Out PutKeyPolicy(KmsFront& kms, const json& input) {
    CLARY_TRY(Key key, Given(kms, input));
    CLARY_CHECK_OK(CheckPolicyName(input));
    const std::string policy = input.value("Policy", "");
    CLARY_CHECK_OK(CheckPolicy(policy));
    key.policy = policy;
    CLARY_CHECK_OK(Save(kms, key));
    return json::object();
  }

  static Out EnableKey(KmsFront& kms, const json& input) { return SetEnabled(kms, input, true); }
  static Out DisableKey(KmsFront& kms, const json& input) { return SetEnabled(kms, input, false); }

  static Out ScheduleKeyDeletion(KmsFront& kms, const json& input) {
    CLARY_TRY(Key key, Given(kms, input));
    CLARY_CHECK_OK(CheckUsable(kms, key));
    const auto days = input.value("PendingWindowInDays", int64_t{30});
    if (days < 7 || days > 30) {
      return BadKey("ValidationException", "PendingWindowInDays must be from 7 to 30");
    }
    key.deletion_ms = ToMillis(kms.clock_.Now()) + days * kKeyDayMs;
    CLARY_CHECK_OK(Save(kms, key));
    return json{{"KeyId", Arn(kms, "key/" + key.id)},
                {"DeletionDate", ToSeconds(FromMillis(key.deletion_ms))},
                {"KeyState", "PendingDeletion"},
                {"PendingWindowInDays", days}};
  }

  static Out CancelKeyDeletion(KmsFront& kms, const json& input) {
    CLARY_TRY(Key key, Given(kms, input));
    if (key.deletion_ms == 0) {
      return Fail(Code::kConflict, "KMSInvalidStateException",
                  Arn(kms, "key/" + key.id) + " is not pending deletion.");
    }
    key.deletion_ms = 0;
    key.enabled = false;  // as in KMS, it is to be enabled by hand
    CLARY_CHECK_OK(Save(kms, key));
    return json{{"KeyId", Arn(kms, "key/" + key.id)}};
  }

  static Out UpdateKeyDescription(KmsFront& kms, const json& input) {
    CLARY_TRY(Key key, Given(kms, input));
    key.description = input.value("Description", "");
    CLARY_CHECK_OK(Save(kms, key));
    return json::object();
  }

  static Out TagResource(KmsFront& kms, const json& input) {
    CLARY_TRY(Key key, Given(kms, input));
    CLARY_CHECK_OK(AddTags(key, input));
    CLARY_CHECK_OK(Save(kms, key));
    return json::object();
  }

  static Out UntagResource(KmsFront& kms, const json& input) {
    CLARY_TRY(Key key, Given(kms, input));
    for (const json& name : input.at("TagKeys")) key.tags.erase(name.get<std::string>());
    CLARY_CHECK_OK(Save(kms, key));
    return json::object();
  }

  static Out ListResourceTags(KmsFront& kms, const json& input) {
    CLARY_TRY(const Key key, Given(kms, input));
    std::vector<std::string> names;
    for (const auto& [name, value] : key.tags) names.push_back(name);
    return KeyPage("ListResourceTags", input, "Tags", names, [&](const std::string& name) {
      return json{{"TagKey", name}, {"TagValue", key.tags.at(name)}};
    });
  }

 private:
  static std::unexpected<Error> NotFound(std::string message) {
    return Fail(Code::kNotFound, "NotFoundException", std::move(message));
  }

  static Status CheckPolicy(const std::string& policy) {
    std::string fault = PolicyFault(policy, PolicyOf::kKey);
    if (fault.empty()) return {};
    return BadKey("MalformedPolicyDocumentException", std::move(fault));
  }

  static Status CheckPolicyName(const json& input) {
    if (input.value("PolicyName", "default") == "default") return {};
    return NotFound("No such policy exists: the only one of a key is 'default'");
  }

  static Status CheckAlias(const std::string& alias) {
    if (alias.starts_with("alias/aws/")) {
      return BadKey("NotAuthorizedException", "Aliases that begin with alias/aws/ are reserved");
    }
    if (alias.starts_with("alias/") && alias.size() > 6) return {};
    return BadKey("ValidationException",
                  "Alias must start with the prefix \"alias/\". Please see "
                  "https://docs.aws.amazon.com/kms/latest/developerguide/"
                  "kms-alias.html");
  }

  static Status CheckUsable(KmsFront& kms, const Key& key) {
    if (key.deletion_ms == 0) return {};
    return Fail(Code::kConflict, "KMSInvalidStateException",
                Arn(kms, "key/" + key.id) + " is pending deletion.");
  }

  static Out SetEnabled(KmsFront& kms, const json& input, bool enabled) {
    CLARY_TRY(Key key, Given(kms, input));
    CLARY_CHECK_OK(CheckUsable(kms, key));
    key.enabled = enabled;
    CLARY_CHECK_OK(Save(kms, key));
    return json::object();
  }

  static Status AddTags(Key& key, const json& input) {
    std::vector<std::string> names;
    for (const json& tag : input.value("Tags", json::array())) {
      names.push_back(tag.at("TagKey"));
      key.tags[names.back()] = tag.at("TagValue").get<std::string>();
    }
    if (std::string fault = api::TagFault(names); !fault.empty()) {
      return BadKey("TagException", std::move(fault));
    }
    if (key.tags.size() <= 50) return {};
    return BadKey("LimitExceededException", "A key has at most 50 tags");
  }
};

Result<json> KmsFront::Handle(std::string_view operation, const json& input) {
  using Function = Result<json> (*)(KmsFront&, const json&);
  struct Entry {
    std::string_view name;
    Function function;
  };
  static constexpr Entry kOperations[] = {
      {"CancelKeyDeletion", KmsOperations::CancelKeyDeletion},
      {"CreateAlias", KmsOperations::CreateAlias},
      {"CreateKey", KmsOperations::CreateKey},
      {"DeleteAlias", KmsOperations::DeleteAlias},
      {"DescribeKey", KmsOperations::DescribeKey},
      {"DisableKey", KmsOperations::DisableKey},
      {"EnableKey", KmsOperations::EnableKey},
      {"GetKeyPolicy", KmsOperations::GetKeyPolicy},
      {"ListAliases", KmsOperations::ListAliases},
      {"ListKeys", KmsOperations::ListKeys},
      {"ListResourceTags", KmsOperations::ListResourceTags},
      {"PutKeyPolicy", KmsOperations::PutKeyPolicy},
      {"ScheduleKeyDeletion", KmsOperations::ScheduleKeyDeletion},
      {"TagResource", KmsOperations::TagResource},
      {"UntagResource", KmsOperations::UntagResource},
      {"UpdateAlias", KmsOperations::UpdateAlias},
      {"UpdateKeyDescription", KmsOperations::UpdateKeyDescription},
  };
  for (const Entry& entry : kOperations) {
    if (entry.name != operation) continue;
    const MutexLock lock(mu_);
    return entry.function(*this, input);
  }
  return BadKey("UnknownOperationException",
                "KMS has no operation '" + std::string(operation) + "' here");
}

}  // namespace clary::server
