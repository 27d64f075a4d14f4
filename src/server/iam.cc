#include "server/iam.h"

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "api/page.h"
#include "api/tags.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/strings.h"
#include "server/internal/policy.h"
#include "server/internal/query.h"
#include "server/internal/record_body.h"

namespace clary::server {
namespace {

using nlohmann::json;

constexpr std::string_view kRolesTable = "iam_roles";
constexpr size_t kMaxRoleTags = 50;  // of a role
constexpr std::string_view kUserName = "clary";
constexpr std::string_view kFullAccess = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess";
constexpr std::string_view kTrust =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"sagemaker.amazonaws.com"},"Action":"sts:AssumeRole"}]})";

std::string NewId(std::string_view prefix) {
  std::string id(prefix);
  for (const char c : RandomBytes(17)) {
    id += "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[static_cast<unsigned char>(c) % 32];
  }
  return id;
}

struct Role {
  std::string name;
  std::string path = "/";
  std::string id;
  int64_t created_ms = 0;
  std::string trust;
  std::string description;
  int64_t max_session = 3600;
  std::vector<std::string> policies;  // ARNs
  std::vector<std::pair<std::string, std::string>> tags;

  std::string Arn(const Account& account) const {
    return "arn:aws:iam::" + account.id + ":role" + path + name;
  }

  std::string ToBody() const {
    return json{{"path", path},
                {"id", id},
                {"created_ms", created_ms},
                {"trust", trust},
                {"description", description},
                {"max_session", max_session},
                {"policies", policies},
                {"tags", tags}}
        .dump();
  }

  static Result<Role> FromRecord(const meta::Record& record) {
    CLARY_TRY(const json body, BodyOf(kRolesTable, record));
    Role role{.name = record.key,
              .path = TextIn(body, "path"),
              .id = TextIn(body, "id"),
              .created_ms = IntIn(body, "created_ms"),
              .trust = TextIn(body, "trust"),
              .description = TextIn(body, "description"),
              .max_session = IntIn(body, "max_session", 3600)};
    for (const json& policy : ListIn(body, "policies")) {
      if (policy.is_string()) role.policies.push_back(policy.get<std::string>());
    }
    for (const json& tag : ListIn(body, "tags")) {
      if (tag.is_array() && tag.size() == 2 && tag[0].is_string() && tag[1].is_string()) {
        role.tags.emplace_back(tag[0].get<std::string>(), tag[1].get<std::string>());
      }
    }
    return role;
  }

  // What lists show; GetRole adds the tags.
  std::string ToXml(const Account& account) const {
    std::string xml = XmlElement("Path", path) + XmlElement("RoleName", name) +
                      XmlElement("RoleId", id) + XmlElement("Arn", Arn(account)) +
                      XmlElement("CreateDate", FormatIso8601(FromMillis(created_ms))) +
                      XmlElement("AssumeRolePolicyDocument", UriEncode(trust));
    if (!description.empty()) xml += XmlElement("Description", description);
    return xml + XmlElement("MaxSessionDuration", std::to_string(max_session));
  }
};

Result<std::pair<Role, int64_t>> LoadRole(meta::MetadataStore& records, std::string_view name) {
  auto record = records.Get(kRolesTable, name);
  if (!record && record.error().code == Code::kNotFound) {
    return Fail(Code::kNotFound, "NoSuchEntity",
                "The role with name " + std::string(name) + " cannot be found.");
  }
  if (!record) return std::unexpected(std::move(record).error());
  CLARY_TRY(Role role, Role::FromRecord(*record));
  return std::pair(std::move(role), record->version);
}

std::string TagsXml(const Role& role) {
  std::string members;
  for (const auto& [key, value] : role.tags) {
    members += XmlWrap("member", XmlElement("Key", key) + XmlElement("Value", value));
  }
  return members.empty() ? members : XmlWrap("Tags", members);
}

Error InvalidIam(std::string_view code, std::string message) {
  return {Code::kInvalidArgument, std::string(code), std::move(message)};
}

Status CheckPolicyArn(std::string_view arn) {
  if (arn.starts_with("arn:") && arn.contains(":policy/") && arn.size() >= 20) return {};
  return std::unexpected(InvalidIam("InvalidInput", "ARN " + std::string(arn) + " is not valid."));
}

// Changes a role by `change`, which may refuse; again if another came between.
Status ChangeRole(meta::MetadataStore& records, const std::string& name,
                  const std::function<Status(Role&)>& change) {
  for (int attempt = 0; attempt < 5; ++attempt) {
    CLARY_TRY(auto loaded, LoadRole(records, name));
    auto& [role, version] = loaded;
    CLARY_CHECK_OK(change(role));
    const auto put = records.Put(std::string(kRolesTable), name, role.ToBody(), version);
    if (put) return {};
    if (put.error().code != Code::kConflict) return std::unexpected(put.error());
  }
  return Fail(Code::kUnavailable, "ServiceUnavailable", "role " + name + " is changing: retry");
}

// One page of `all`, which is sorted by name, after the request's Marker.
template <typename T, typename Name, typename Xml>
Result<std::string> PageXml(const json& input, std::string_view list, const std::vector<T>& all,
                            const Name& name, const Xml& xml) {
  const auto limit = input.value("MaxItems", int64_t{100});
  size_t i = 0;
  if (input.contains("Marker")) {
    const auto after = api::ReadPageToken(list, input, input.value("Marker", ""));
    if (!after || !after->is_string()) {
      return std::unexpected(InvalidIam("InvalidInput", "Invalid Marker."));
    }
    while (i < all.size() && name(all[i]) <= after->get_ref<const std::string&>()) ++i;
  }
  std::string members;
  const size_t end = std::min(all.size(), i + static_cast<size_t>(limit));
  for (; i < end; ++i) members += XmlWrap("member", xml(all[i]));
  std::string out = XmlElement("IsTruncated", end < all.size() ? "true" : "false");
  if (end < all.size()) {
    out += XmlElement("Marker", api::MakePageToken(list, input, name(all[end - 1])));
  }
  return out + XmlWrap(list, members);
}

// There is one user, who has all the lasting keys.
Status CheckUser(const json& input) {
  const std::string user = input.value("UserName", std::string(kUserName));
  if (user == kUserName) return {};
  return Fail(Code::kNotFound, "NoSuchEntity", "The user with name " + user + " cannot be found.");
}

Result<std::vector<std::pair<std::string, std::string>>> RoleTags(const json& input) {
  std::vector<std::pair<std::string, std::string>> tags;
  std::vector<std::string> keys;
  for (const json& tag : input.value("Tags", json::array())) {
    keys.push_back(tag.at("Key"));
    tags.emplace_back(keys.back(), tag.at("Value").get<std::string>());
  }
  if (tags.size() > kMaxRoleTags) {
    return Fail(Code::kResourceExhausted, "LimitExceeded",
                "Cannot exceed quota for TagsPerRole: " + std::to_string(kMaxRoleTags));
  }
  // Keys that differ by case only are the same to IAM.
  if (std::string fault = api::TagFault(keys, /*fold_case=*/true); !fault.empty()) {
    return std::unexpected(InvalidIam("InvalidInput", std::move(fault)));
  }
  return tags;
}

std::string KeyXml(const AccessKey& key) {
  return XmlElement("UserName", kUserName) + XmlElement("AccessKeyId", key.id) +
         XmlElement("Status", "Active");
}

}  // namespace

struct IamActions {
  static Result<std::string> GetRole(IamFront& iam, const json& input, const AccessKey&) {
    const std::string name = input.at("RoleName");
    CLARY_TRY(const auto role, LoadRole(iam.records_, name));
    return XmlWrap("Role", role.first.ToXml(iam.identity_.account()) + TagsXml(role.first));
  }

  static Result<std::string> ListRoles(IamFront& iam, const json& input, const AccessKey&) {
    const std::string prefix = input.value("PathPrefix", "/");
    CLARY_TRY(const auto records, iam.records_.List(kRolesTable));
    std::vector<Role> roles;
    for (const meta::Record& record : records) {
      CLARY_TRY(Role role, Role::FromRecord(record));
      if (role.path.starts_with(prefix)) roles.push_back(std::move(role));
    }
    return PageXml(
        input, "Roles", roles, [](const Role& role) { return role.name; },
        [&](const Role& role) { return role.ToXml(iam.identity_.account()); });
  }

  static Result<std::string> CreateRole(IamFront& iam, const json& input, const AccessKey&) {
    Role role;
    role.name = input.at("RoleName");
    role.trust = input.at("AssumeRolePolicyDocument");
    role.max_session = input.value("MaxSessionDuration", int64_t{3600});
    role.path = input.value("Path", "/");
    role.description = input.value("Description", "");
    CLARY_CHECK_OK(CheckTrust(role.trust));
    CLARY_TRY(role.tags, RoleTags(input));
    role.id = NewId("AROA");
    role.created_ms = ToMillis(iam.clock_.Now());
    const MutexLock lock(iam.create_mu_);
    CLARY_TRY(const auto others, iam.records_.List(kRolesTable));
    // Names are unique whatever their case.
    if (std::ranges::any_of(others, [&](const meta::Record& other) {
          return EqualsIgnoreCase(other.key, role.name);
        })) {
      return Fail(Code::kAlreadyExists, "EntityAlreadyExists",
                  "Role with name " + role.name + " already exists.");
    }
    CLARY_CHECK_OK(iam.records_.Put(std::string(kRolesTable), role.name, role.ToBody(), 0));
    return XmlWrap("Role", role.ToXml(iam.identity_.account()) + TagsXml(role));
  }

  static Result<std::string> DeleteRole(IamFront& iam, const json& input, const AccessKey&) {
    const std::string name = input.at("RoleName");
    if (name == RoleNameOf(iam.identity_.account().role_arn)) {
      return Fail(Code::kConflict, "DeleteConflict",
                  "Cannot delete role " + name +
                      ": it is the default role of credentials.json, which the default key and new "
                      "jobs use");
    }
    CLARY_TRY(const auto loaded, LoadRole(iam.records_, name));
    const auto& [role, version] = loaded;
    if (!role.policies.empty()) {
      return Fail(Code::kConflict, "DeleteConflict",
                  "Cannot delete entity, must detach all policies first.");
    }
    const auto gone = iam.records_.Apply(
        {{.table = std::string(kRolesTable), .key = name, .expected_version = version}});
    if (!gone && gone.error().code == Code::kConflict) {
      return Fail(Code::kConflict, "DeleteConflict", "role " + name + " is changing: retry");
    }
    CLARY_CHECK_OK(gone);
    // The role's id is a part of its sessions' identity: a new role of this name is another one.
    CLARY_CHECK_OK(iam.identity_.EndSessions(name));
    return std::string();
  }

  static Result<std::string> UpdateRole(IamFront& iam, const json& input, const AccessKey&) {
    const std::string name = input.at("RoleName");
    CLARY_CHECK_OK(ChangeRole(iam.records_, name, [&](Role& role) -> Status {
      role.max_session = input.value("MaxSessionDuration", role.max_session);
      role.description = input.value("Description", role.description);
      return {};
    }));
    return std::string("\n");  // its result is there, and empty
  }

  static Result<std::string> UpdateAssumeRolePolicy(IamFront& iam, const json& input,
                                                    const AccessKey&) {
    const std::string name = input.at("RoleName");
    const std::string trust = input.at("PolicyDocument");
    CLARY_CHECK_OK(CheckTrust(trust));
    CLARY_CHECK_OK(ChangeRole(iam.records_, name, [&](Role& role) -> Status {
      role.trust = trust;
      return {};
    }));
    return std::string();
  }

  static Result<std::string> AttachRolePolicy(IamFront& iam, const json& input, const AccessKey&) {
    const std::string name = input.at("RoleName");
    const std::string arn = input.at("PolicyArn");
    CLARY_CHECK_OK(CheckPolicyArn(arn));
    CLARY_CHECK_OK(ChangeRole(iam.records_, name, [&](Role& role) -> Status {
      if (std::ranges::find(role.policies, arn) != role.policies.end()) return {};
      if (role.policies.size() >= kMaxPolicies) {
        return Fail(Code::kResourceExhausted, "LimitExceeded",
                    "Cannot exceed quota for PoliciesPerRole: " + std::to_string(kMaxPolicies));
      }
      role.policies.push_back(arn);
      return {};
    }));
    return std::string();
  }

  static Result<std::string> DetachRolePolicy(IamFront& iam, const json& input, const AccessKey&) {
    const std::string name = input.at("RoleName");
    const std::string arn = input.at("PolicyArn");
    CLARY_CHECK_OK(CheckPolicyArn(arn));
    CLARY_CHECK_OK(ChangeRole(iam.records_, name, [&](Role& role) -> Status {
      if (std::erase(role.policies, arn) > 0) return {};
      return Fail(Code::kNotFound, "NoSuchEntity", "Policy " + arn + " was not found.");
    }));
    return std::string();
  }

  static Result<std::string> ListAttachedRolePolicies(IamFront& iam, const json& input,
                                                      const AccessKey&) {
    const std::string name = input.at("RoleName");
    const std::string prefix = input.value("PathPrefix", "/");
    CLARY_TRY(auto role, LoadRole(iam.records_, name));
    std::vector<std::string>& policies = role.first.policies;
    std::erase_if(policies, [&](const std::string& arn) {
      const size_t at = arn.find(":policy/");
      return at == std::string::npos || !arn.substr(at + 7).starts_with(prefix);
    });
    return PageXml(
        input, "AttachedPolicies", policies, [](const std::string& arn) { return arn; },
        [](const std::string& arn) {
          return XmlElement("PolicyName", arn.substr(arn.rfind('/') + 1)) +
                 XmlElement("PolicyArn", arn);
        });
  }

  // Every known key may do everything, so every action is allowed.
  static Result<std::string> SimulatePrincipalPolicy(IamFront&, const json& input,
                                                     const AccessKey&) {
    json resources = input.value("ResourceArns", json::array());
    if (resources.empty()) resources.push_back("*");
    std::string members;
    for (const std::string action : input.at("ActionNames")) {
      for (const std::string resource : resources) {
        members += XmlWrap(
            "member", XmlElement("EvalActionName", action) + XmlElement("EvalDecision", "allowed") +
                          XmlElement("EvalResourceName", resource) +
                          XmlWrap("MatchedStatements", "") + XmlWrap("MissingContextValues", ""));
      }
    }
    return XmlElement("IsTruncated", "false") + XmlWrap("EvaluationResults", members);
  }

  static Result<std::string> CreateAccessKey(IamFront& iam, const json& input,
                                             const AccessKey& caller) {
    CLARY_CHECK_OK(CheckUser(input));
    CLARY_CHECK_OK(MayChangeKeys(iam, "iam:CreateAccessKey", caller));
    CLARY_TRY(const AccessKey key, iam.identity_.CreateKey());
    LOG(kInfo, "access key created", {"key", key.id});
    return XmlWrap("AccessKey", KeyXml(key) + XmlElement("SecretAccessKey", key.secret) +
                                    XmlElement("CreateDate", FormatIso8601(key.created)));
  }

  static Result<std::string> ListAccessKeys(IamFront& iam, const json& input, const AccessKey&) {
    CLARY_CHECK_OK(CheckUser(input));
    return PageXml(
        input, "AccessKeyMetadata", iam.identity_.ListKeys(),
        [](const AccessKey& key) { return key.id; },
        [](const AccessKey& key) {
          return KeyXml(key) + XmlElement("CreateDate", FormatIso8601(key.created));
        });
  }

  static Result<std::string> DeleteAccessKey(IamFront& iam, const json& input,
                                             const AccessKey& caller) {
    const std::string id = input.at("AccessKeyId");
    CLARY_CHECK_OK(CheckUser(input));
    CLARY_CHECK_OK(MayChangeKeys(iam, "iam:DeleteAccessKey", caller));
    CLARY_CHECK_OK(iam.identity_.DeleteKey(id));
    LOG(kInfo, "access key deleted", {"key", id});
    return std::string();
  }

 private:
  static constexpr size_t kMaxPolicies = 20;

  static Status CheckTrust(const std::string& document) {
    std::string fault = PolicyFault(document, PolicyOf::kTrust);
    if (fault.empty()) return {};
    return std::unexpected(InvalidIam("MalformedPolicyDocument", std::move(fault)));
  }

  // Who has a key for an hour must not turn it into one for ever, nor lock the owner out.
  static Status MayChangeKeys(IamFront& iam, std::string_view action, const AccessKey& caller) {
    if (!caller.temporary()) return {};
    return Fail(Code::kPermissionDenied, "AccessDenied",
                "User: " + iam.identity_.CallerArn(caller) + " is not authorized to perform: " +
                    std::string(action) + " on resource: user " + std::string(kUserName) +
                    " because it uses a temporary key");
  }
};

Result<std::unique_ptr<IamFront>> IamFront::Open(Identity& identity, meta::MetadataStore& records,
                                                 Clock& clock) {
  std::unique_ptr<IamFront> iam(new IamFront(identity, records, clock));
  const std::string name(RoleNameOf(identity.account().role_arn));
  if (iam->FindRole(name)) return iam;
  const Role role{.name = name,
                  .id = NewId("AROA"),
                  .created_ms = ToMillis(clock.Now()),
                  .trust = std::string(kTrust),
                  .description = "Runs training jobs on Clary",
                  .policies = {std::string(kFullAccess)}};
  CLARY_CHECK_OK(records.Put(std::string(kRolesTable), name, role.ToBody(), 0));
  return iam;
}

Result<IamFront::RoleFacts> IamFront::FindRole(std::string_view name) {
  CLARY_TRY(auto role, LoadRole(records_, name));
  return RoleFacts{.id = std::move(role.first.id),
                   .arn = role.first.Arn(identity_.account()),
                   .max_session_s = role.first.max_session};
}

bool IamFront::CanRunJobs(std::string_view arn) {
  const Account& account = identity_.account();
  if (arn == account.role_arn) return true;
  if (arn.starts_with("arn:aws:iam::" + account.id +
                      ":role/service-role/AmazonSageMaker-ExecutionRole-")) {
    return true;
  }
  const auto role = FindRole(RoleNameOf(arn));
  return role && role->arn == arn;
}

Result<std::string> IamFront::Handle(std::string_view action, const json& input,
                                     const AccessKey& caller) {
  using Function = Result<std::string> (*)(IamFront&, const json&, const AccessKey&);
  struct Entry {
    std::string_view name;
    Function function;
  };
  // Who is inside a job must not change what is outside of it (ADR 22).
  constexpr std::string_view kReading[] = {"Get", "List", "Simulate"};
  if (!caller.job.empty() && std::ranges::none_of(kReading, [&](std::string_view beginning) {
        return action.starts_with(beginning);
      })) {
    return Fail(Code::kPermissionDenied, "AccessDenied",
                "User: " + identity_.CallerArn(caller) + " is not authorized to perform: iam:" +
                    std::string(action) + " because it uses a job's key");
  }
  static constexpr Entry kActions[] = {
      {"AttachRolePolicy", IamActions::AttachRolePolicy},
      {"CreateAccessKey", IamActions::CreateAccessKey},
      {"CreateRole", IamActions::CreateRole},
      {"DeleteAccessKey", IamActions::DeleteAccessKey},
      {"DeleteRole", IamActions::DeleteRole},
      {"DetachRolePolicy", IamActions::DetachRolePolicy},
      {"GetRole", IamActions::GetRole},
      {"ListAccessKeys", IamActions::ListAccessKeys},
      {"ListAttachedRolePolicies", IamActions::ListAttachedRolePolicies},
      {"ListRoles", IamActions::ListRoles},
      {"SimulatePrincipalPolicy", IamActions::SimulatePrincipalPolicy},
      {"UpdateAssumeRolePolicy", IamActions::UpdateAssumeRolePolicy},
      {"UpdateRole", IamActions::UpdateRole},
  };
  for (const Entry& entry : kActions) {
    if (entry.name == action) return entry.function(*this, input, caller);
  }
  return Fail(Code::kInvalidArgument, "InvalidAction",
              "Could not find operation " + std::string(action) + " for version 2010-05-08");
}

}  // namespace clary::server
