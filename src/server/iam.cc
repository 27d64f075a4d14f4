#include "server/iam.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/hash.h"
#include "base/log.h"
#include "base/strings.h"
#include "server/internal/query.h"

namespace clary::server {
namespace {

using nlohmann::json;

constexpr std::string_view kRolesTable = "iam_roles";
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
                {"policies", policies}}
        .dump();
  }

  static Result<Role> FromRecord(const meta::Record& record) {
    const json body = json::parse(record.body, nullptr, false);
    if (!body.is_object()) {
      return Fail(Code::kDataLoss, "BadRecord",
                  "the record of role '" + record.key + "' is damaged");
    }
    Role role{.name = record.key};
    const auto text = [&](const char* name) {
      const auto it = body.find(name);
      return it != body.end() && it->is_string() ? it->get<std::string>() : std::string();
    };
    const auto number = [&](const char* name, int64_t fallback) {
      const auto it = body.find(name);
      return it != body.end() && it->is_number_integer() ? it->get<int64_t>() : fallback;
    };
    role.path = text("path");
    role.id = text("id");
    role.trust = text("trust");
    role.description = text("description");
    role.created_ms = number("created_ms", 0);
    role.max_session = number("max_session", 3600);
    if (const auto it = body.find("policies"); it != body.end() && it->is_array()) {
      for (const json& policy : *it) {
        if (policy.is_string()) role.policies.push_back(policy.get<std::string>());
      }
    }
    return role;
  }

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

bool IsRoleName(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](unsigned char c) {
    return std::isalnum(c) || std::string_view("_+=,.@-").contains(static_cast<char>(c));
  });
}

std::string KeyXml(const AccessKey& key) {
  return XmlElement("UserName", kUserName) + XmlElement("AccessKeyId", key.id) +
         XmlElement("Status", "Active");
}

}  // namespace

struct IamActions {
  static Result<std::string> GetRole(IamFront& iam, const net::Query& form) {
    CLARY_TRY(const std::string name, RequiredParam(form, "RoleName"));
    CLARY_TRY(const auto role, LoadRole(iam.records_, name));
    return XmlWrap("Role", role.first.ToXml(iam.identity_.account()));
  }

  static Result<std::string> ListRoles(IamFront& iam, const net::Query& form) {
    CLARY_TRY(const int64_t limit, IntParam(form, "MaxItems", 100, 1, 1000));
    const auto prefix = net::FindParam(form, "PathPrefix").value_or("/");
    CLARY_TRY(const auto records,
              iam.records_.List(kRolesTable, net::FindParam(form, "Marker").value_or("")));
    std::string members;
    int64_t count = 0;
    std::string marker;
    for (const meta::Record& record : records) {
      CLARY_TRY(const Role role, Role::FromRecord(record));
      if (!role.path.starts_with(prefix)) continue;
      if (count++ == limit) {
        marker = role.name;
        break;
      }
      members += XmlWrap("member", role.ToXml(iam.identity_.account()));
    }
    std::string xml = XmlElement("IsTruncated", marker.empty() ? "false" : "true");
    if (!marker.empty()) xml += XmlElement("Marker", marker);
    return xml + XmlWrap("Roles", members);
  }

  static Result<std::string> CreateRole(IamFront& iam, const net::Query& form) {
    Role role;
    CLARY_TRY(role.name, RequiredParam(form, "RoleName"));
    CLARY_TRY(role.trust, RequiredParam(form, "AssumeRolePolicyDocument"));
    CLARY_TRY(role.max_session, IntParam(form, "MaxSessionDuration", 3600, 3600, 43'200));
    role.path = net::FindParam(form, "Path").value_or("/");
    role.description = net::FindParam(form, "Description").value_or("");
    if (!IsRoleName(role.name)) {
      return Fail(Code::kInvalidArgument, "ValidationError",
                  "The specified value for roleName is invalid. It must contain only alphanumeric "
                  "characters and/or the following: +=,.@_- and be at most 64 characters long");
    }
    if (!role.path.starts_with('/') || !role.path.ends_with('/') || role.path.size() > 512) {
      return Fail(Code::kInvalidArgument, "ValidationError",
                  "The specified value for path is invalid. It must begin and end with / and be at "
                  "most 512 characters long");
    }
    if (!json::accept(role.trust)) {
      return Fail(Code::kInvalidArgument, "MalformedPolicyDocument",
                  "AssumeRolePolicyDocument is not valid JSON");
    }
    role.id = NewId("AROA");
    role.created_ms = ToMillis(iam.clock_.Now());
    const auto put = iam.records_.Put(std::string(kRolesTable), role.name, role.ToBody(), 0);
    if (!put && put.error().code == Code::kAlreadyExists) {
      return Fail(Code::kAlreadyExists, "EntityAlreadyExists",
                  "Role with name " + role.name + " already exists.");
    }
    CLARY_CHECK_OK(put);
    return XmlWrap("Role", role.ToXml(iam.identity_.account()));
  }

  static Result<std::string> AttachRolePolicy(IamFront& iam, const net::Query& form) {
    CLARY_TRY(const std::string name, RequiredParam(form, "RoleName"));
    CLARY_TRY(const std::string arn, RequiredParam(form, "PolicyArn"));
    for (int attempt = 0; attempt < 5; ++attempt) {
      CLARY_TRY(auto loaded, LoadRole(iam.records_, name));
      auto& [role, version] = loaded;
      if (std::ranges::find(role.policies, arn) != role.policies.end()) return std::string();
      role.policies.push_back(arn);
      const auto put = iam.records_.Put(std::string(kRolesTable), name, role.ToBody(), version);
      if (put) return std::string();
      if (put.error().code != Code::kConflict) return std::unexpected(put.error());
    }
    return Fail(Code::kUnavailable, "ServiceUnavailable", "role " + name + " is changing: retry");
  }

  static Result<std::string> ListAttachedRolePolicies(IamFront& iam, const net::Query& form) {
    CLARY_TRY(const std::string name, RequiredParam(form, "RoleName"));
    CLARY_TRY(const auto role, LoadRole(iam.records_, name));
    std::string members;
    for (const std::string& arn : role.first.policies) {
      members += XmlWrap("member", XmlElement("PolicyName", arn.substr(arn.rfind('/') + 1)) +
                                       XmlElement("PolicyArn", arn));
    }
    return XmlElement("IsTruncated", "false") + XmlWrap("AttachedPolicies", members);
  }

  // Every known key may do everything, so every action is allowed.
  static Result<std::string> SimulatePrincipalPolicy(IamFront&, const net::Query& form) {
    CLARY_CHECK_OK(RequiredParam(form, "PolicySourceArn"));
    const auto actions = ListParam(form, "ActionNames");
    auto resources = ListParam(form, "ResourceArns");
    if (resources.empty()) resources.emplace_back("*");
    std::string members;
    for (const std::string& action : actions) {
      for (const std::string& resource : resources) {
        members += XmlWrap(
            "member", XmlElement("EvalActionName", action) + XmlElement("EvalDecision", "allowed") +
                          XmlElement("EvalResourceName", resource) +
                          XmlWrap("MatchedStatements", "") + XmlWrap("MissingContextValues", ""));
      }
    }
    return XmlElement("IsTruncated", "false") + XmlWrap("EvaluationResults", members);
  }

  static Result<std::string> CreateAccessKey(IamFront& iam, const net::Query&) {
    CLARY_TRY(const AccessKey key, iam.identity_.CreateKey());
    LOG(kInfo, "access key created", {"key", key.id});
    return XmlWrap("AccessKey", KeyXml(key) + XmlElement("SecretAccessKey", key.secret) +
                                    XmlElement("CreateDate", FormatIso8601(key.created)));
  }

  static Result<std::string> ListAccessKeys(IamFront& iam, const net::Query&) {
    std::string members;
    for (const AccessKey& key : iam.identity_.ListKeys()) {
      members +=
          XmlWrap("member", KeyXml(key) + XmlElement("CreateDate", FormatIso8601(key.created)));
    }
    return XmlElement("IsTruncated", "false") + XmlWrap("AccessKeyMetadata", members);
  }

  static Result<std::string> DeleteAccessKey(IamFront& iam, const net::Query& form) {
    CLARY_TRY(const std::string id, RequiredParam(form, "AccessKeyId"));
    CLARY_CHECK_OK(iam.identity_.DeleteKey(id));
    LOG(kInfo, "access key deleted", {"key", id});
    return std::string();
  }
};

Result<std::unique_ptr<IamFront>> IamFront::Open(Identity& identity, meta::MetadataStore& records,
                                                 Clock& clock) {
  std::unique_ptr<IamFront> iam(new IamFront(identity, records, clock));
  const std::string name(RoleNameOf(identity.account().role_arn));
  if (iam->RoleId(name)) return iam;
  const Role role{.name = name,
                  .id = NewId("AROA"),
                  .created_ms = ToMillis(clock.Now()),
                  .trust = std::string(kTrust),
                  .description = "Runs training jobs on Clary",
                  .policies = {std::string(kFullAccess)}};
  CLARY_CHECK_OK(records.Put(std::string(kRolesTable), name, role.ToBody(), 0));
  return iam;
}

Result<std::string> IamFront::RoleId(std::string_view name) {
  CLARY_TRY(auto role, LoadRole(records_, name));
  return std::move(role.first.id);
}

std::string IamFront::RoleArn(std::string_view name) {
  const auto role = LoadRole(records_, name);
  return role ? role->first.Arn(identity_.account()) : std::string();
}

Result<std::string> IamFront::Handle(std::string_view action, const net::Query& form) {
  using Function = Result<std::string> (*)(IamFront&, const net::Query&);
  struct Entry {
    std::string_view name;
    Function function;
  };
  static constexpr Entry kActions[] = {
      {"AttachRolePolicy", IamActions::AttachRolePolicy},
      {"CreateAccessKey", IamActions::CreateAccessKey},
      {"CreateRole", IamActions::CreateRole},
      {"DeleteAccessKey", IamActions::DeleteAccessKey},
      {"GetRole", IamActions::GetRole},
      {"ListAccessKeys", IamActions::ListAccessKeys},
      {"ListAttachedRolePolicies", IamActions::ListAttachedRolePolicies},
      {"ListRoles", IamActions::ListRoles},
      {"SimulatePrincipalPolicy", IamActions::SimulatePrincipalPolicy},
  };
  for (const Entry& entry : kActions) {
    if (entry.name == action) return entry.function(*this, form);
  }
  return Fail(Code::kInvalidArgument, "InvalidAction",
              "Could not find operation " + std::string(action) + " for version 2010-05-08");
}

}  // namespace clary::server
