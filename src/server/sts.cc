#include "server/sts.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/strings.h"
#include "server/internal/query.h"

namespace clary::server {

namespace {

// A session policy may only take rights away. None is evaluated here, so a key that one restricts
// would be able to do what it must not; only a policy that takes nothing away is true.
Status CheckSessionPolicy(const net::Query& form) {
  const auto text = net::FindParam(form, "Policy");
  if (!text) return {};
  const auto everything = [](const nlohmann::json& statement) {
    const auto is_star = [&](const char* name) {
      const auto it = statement.find(name);
      return it != statement.end() && (*it == "*" || *it == nlohmann::json::array({"*"}));
    };
    return statement.is_object() && statement.size() - statement.count("Sid") == 3 &&
           statement.value("Effect", "") == "Allow" && is_star("Action") && is_star("Resource");
  };
  const auto policy = nlohmann::json::parse(*text, nullptr, false);
  if (!policy.is_object()) {
    return Fail(Code::kInvalidArgument, "MalformedPolicyDocument", "The policy is not valid JSON");
  }
  const auto statements = policy.find("Statement");
  if (statements != policy.end()) {
    const bool list = statements->is_array();
    if (list ? !statements->empty() && std::ranges::all_of(*statements, everything)
             : everything(*statements)) {
      return {};
    }
  }
  return Fail(Code::kInvalidArgument, "ValidationError",
              "The parameter Policy is not supported here unless it allows every action on every "
              "resource: policies are not evaluated, so the key would not be restricted");
}

}  // namespace

struct StsActions {
  static Result<std::string> GetCallerIdentity(StsFront& sts, const net::Query&,
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

  static Result<std::string> AssumeRole(StsFront& sts, const net::Query& form,
                                        const AccessKey& caller) {
    CLARY_TRY(const std::string arn, RequiredParam(form, "RoleArn"));
    CLARY_TRY(const std::string session, RequiredParam(form, "RoleSessionName"));
    CLARY_TRY(const int64_t seconds, IntParam(form, "DurationSeconds", 3600, 900, 43'200));
    CLARY_CHECK_OK(CheckSessionPolicy(form));
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
    if (const auto source = net::FindParam(form, "SourceIdentity")) {
      xml += XmlElement("SourceIdentity", *source);
    }
    return xml;
  }

  static Result<std::string> GetSessionToken(StsFront& sts, const net::Query& form,
                                             const AccessKey& caller) {
    CLARY_TRY(const int64_t seconds, IntParam(form, "DurationSeconds", 43'200, 900, 129'600));
    CLARY_CHECK_OK(CheckLasting("GetSessionToken", caller));
    CLARY_TRY(const AccessKey key,
              sts.identity_.CreateSession(caller.role_name, caller.session_name,
                                          Duration(seconds * 1000)));
    return Credentials(key);
  }

  static Result<std::string> GetFederationToken(StsFront& sts, const net::Query& form,
                                                const AccessKey& caller) {
    CLARY_TRY(const std::string name, RequiredParam(form, "Name"));
    CLARY_TRY(const int64_t seconds, IntParam(form, "DurationSeconds", 43'200, 900, 129'600));
    CLARY_CHECK_OK(CheckSessionPolicy(form));
    CLARY_CHECK_OK(CheckLasting("GetFederationToken", caller));
    CLARY_TRY(const AccessKey key, sts.identity_.CreateSession("", name, Duration(seconds * 1000)));
    return Credentials(key) +
           XmlWrap("FederatedUser",
                   XmlElement("FederatedUserId", sts.identity_.account().id + ":" + name) +
                       XmlElement("Arn", sts.identity_.CallerArn(key)));
  }

  static Result<std::string> GetAccessKeyInfo(StsFront& sts, const net::Query& form,
                                              const AccessKey&) {
    CLARY_TRY(const std::string id, RequiredParam(form, "AccessKeyId"));
    if (!sts.identity_.Find(id)) {
      return Fail(Code::kInvalidArgument, "ValidationError",
                  "The access key id " + id + " is not one of this service");
    }
    return XmlElement("Account", sts.identity_.account().id);
  }

 private:
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

Result<std::string> StsFront::Handle(std::string_view action, const net::Query& form,
                                     const AccessKey& caller) {
  using Function = Result<std::string> (*)(StsFront&, const net::Query&, const AccessKey&);
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
    if (entry.name == action) return entry.function(*this, form, caller);
  }
  return Fail(Code::kInvalidArgument, "InvalidAction",
              "Could not find operation " + std::string(action) + " for version 2011-06-15");
}

}  // namespace clary::server
