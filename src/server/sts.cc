#include "server/sts.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/tags.h"
#include "base/strings.h"
#include "server/internal/policy.h"
#include "server/internal/query.h"

namespace clary::server {

namespace {

using nlohmann::json;

// A session policy may only take rights away. None is evaluated here, so a key that one restricts
// would be able to do what it must not; only a policy that takes nothing away is true.
Status CheckSessionPolicy(const json& input) {
  if (!input.contains("Policy")) return {};
  const std::string text = input.value("Policy", "");
  if (std::string fault = PolicyFault(text, PolicyOf::kSession); !fault.empty()) {
    return Fail(Code::kInvalidArgument, "MalformedPolicyDocument", std::move(fault));
  }
  const auto everything = [](const json& statement) {
    const auto is_star = [&](const char* name) {
      const auto it = statement.find(name);
      return it != statement.end() && (*it == "*" || *it == json::array({"*"}));
    };
    return statement.size() - statement.count("Sid") == 3 &&
           statement.value("Effect", "") == "Allow" && is_star("Action") && is_star("Resource");
  };
  const json statements = json::parse(text, nullptr, false).at("Statement");
  if (statements.is_array() ? std::ranges::all_of(statements, everything)
                            : everything(statements)) {
    return {};
  }
  return Fail(Code::kInvalidArgument, "ValidationError",
              "The parameter Policy is not supported here unless it allows every action on every "
              "resource: policies are not evaluated, so the key would not be restricted");
}

}  // namespace

struct StsActions {
  static Result<std::string> GetCallerIdentity(StsFront& sts, const json&,
                                               const AccessKey& caller) {
    const std::string& account = sts.identity_.account().id;
    std::string id = account;
    if (!caller.federated()) {
      CLARY_TRY(const auto role, sts.iam_.FindRole(caller.role_name));
      id = role.id;
    }
    return XmlElement("Arn", sts.identity_.CallerArn(caller)) +
           XmlElement("UserId", id + ":" + caller.session_name) + XmlElement("Account", account);
  }

  static Result<std::string> AssumeRole(StsFront& sts, const json& input, const AccessKey& caller) {
    const std::string arn = input.at("RoleArn");
    const std::string session = input.at("RoleSessionName");
    const auto seconds = input.value("DurationSeconds", int64_t{3600});
    CLARY_CHECK_OK(CheckSessionPolicy(input));
    CLARY_CHECK_OK(CheckSessionTags(input));
    const std::string name(RoleNameOf(arn));
    const auto role = sts.iam_.FindRole(name);
    if (!role || role->arn != arn || caller.federated()) {
      return Fail(Code::kPermissionDenied, "AccessDenied",
                  "User: " + sts.identity_.CallerArn(caller) +
                      " is not authorized to perform: sts:AssumeRole on resource: " + arn);
    }
    if (caller.temporary() && seconds > 3600) {
      return Fail(
          Code::kInvalidArgument, "ValidationError",
          "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed "
          "by role chaining");
    }
    if (seconds > role->max_session_s) {
      return Fail(
          Code::kInvalidArgument, "ValidationError",
          "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
    }
    CLARY_TRY(const AccessKey key,
              sts.identity_.CreateSession(name, session, Duration(seconds * 1000), caller.job));
    std::string xml =
        Credentials(key) +
        XmlWrap("AssumedRoleUser", XmlElement("AssumedRoleId", role->id + ":" + session) +
                                       XmlElement("Arn", sts.identity_.CallerArn(key)));
    if (input.contains("SourceIdentity")) {
      xml += XmlElement("SourceIdentity", input.value("SourceIdentity", ""));
    }
    return xml;
  }

  static Result<std::string> GetSessionToken(StsFront& sts, const json& input,
                                             const AccessKey& caller) {
    const auto seconds = input.value("DurationSeconds", int64_t{43'200});
    CLARY_CHECK_OK(CheckLasting("GetSessionToken", caller));
    CLARY_TRY(const AccessKey key,
              sts.identity_.CreateSession(caller.role_name, caller.session_name,
                                          Duration(seconds * 1000)));
    return Credentials(key);
  }

  static Result<std::string> GetFederationToken(StsFront& sts, const json& input,
                                                const AccessKey& caller) {
    const std::string name = input.at("Name");
    const auto seconds = input.value("DurationSeconds", int64_t{43'200});
    CLARY_CHECK_OK(CheckSessionPolicy(input));
    CLARY_CHECK_OK(CheckSessionTags(input));
    CLARY_CHECK_OK(CheckLasting("GetFederationToken", caller));
    CLARY_TRY(const AccessKey key, sts.identity_.CreateSession("", name, Duration(seconds * 1000)));
    return Credentials(key) +
           XmlWrap("FederatedUser",
                   XmlElement("FederatedUserId", sts.identity_.account().id + ":" + name) +
                       XmlElement("Arn", sts.identity_.CallerArn(key)));
  }

  static Result<std::string> GetAccessKeyInfo(StsFront& sts, const json& input, const AccessKey&) {
    const std::string id = input.at("AccessKeyId");
    if (!sts.identity_.Find(id)) {
      return Fail(Code::kInvalidArgument, "ValidationError",
                  "The access key id " + id + " is not one of this service");
    }
    return XmlElement("Account", sts.identity_.account().id);
  }

 private:
  // They take effect nowhere, and are checked all the same.
  static Status CheckSessionTags(const json& input) {
    std::vector<std::string> keys;
    for (const json& tag : input.value("Tags", json::array())) keys.push_back(tag.at("Key"));
    std::string fault = api::TagFault(keys, /*fold_case=*/true);
    if (fault.empty()) return {};
    return Fail(Code::kInvalidArgument, "ValidationError", std::move(fault));
  }

  static Status CheckLasting(std::string_view action, const AccessKey& caller) {
    if (!caller.temporary()) return {};
    return Fail(Code::kPermissionDenied, "AccessDenied",
                "Cannot call " + std::string(action) + " with session credentials");
  }

  static std::string Credentials(const AccessKey& key) {
    return XmlWrap("Credentials", XmlElement("AccessKeyId", key.id) +
                                      XmlElement("SecretAccessKey", key.secret) +
                                      XmlElement("SessionToken", key.session_token) +
                                      XmlElement("Expiration", FormatIso8601(*key.expires)));
  }
};

Result<std::string> StsFront::Handle(std::string_view action, const json& input,
                                     const AccessKey& caller) {
  using Function = Result<std::string> (*)(StsFront&, const json&, const AccessKey&);
  struct Entry {
    std::string_view name;
    Function function;
  };
  static constexpr Entry kActions[] = {
      {"AssumeRole", StsActions::AssumeRole},
      {"GetAccessKeyInfo", StsActions::GetAccessKeyInfo},
      {"GetCallerIdentity", StsActions::GetCallerIdentity},
      {"GetFederationToken", StsActions::GetFederationToken},
      {"GetSessionToken", StsActions::GetSessionToken},
  };
  for (const Entry& entry : kActions) {
    if (entry.name == action) return entry.function(*this, input, caller);
  }
  return Fail(Code::kInvalidArgument, "InvalidAction",
              "Could not find operation " + std::string(action) + " for version 2011-06-15");
}

}  // namespace clary::server
