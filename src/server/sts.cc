#include "server/sts.h"

#include <algorithm>

#include "base/strings.h"
#include "server/internal/query.h"

namespace clary::server {

struct StsActions {
  static Result<std::string> GetCallerIdentity(StsFront& sts, const net::Query&,
                                               const AccessKey& caller) {
    CLARY_TRY(const std::string role_id, sts.iam_.RoleId(caller.role_name));
    return XmlElement("Arn", sts.identity_.CallerArn(caller)) +
           XmlElement("UserId", role_id + ":" + caller.session_name) +
           XmlElement("Account", sts.identity_.account().id);
  }

  static Result<std::string> AssumeRole(StsFront& sts, const net::Query& form,
                                        const AccessKey& caller) {
    CLARY_TRY(const std::string arn, RequiredParam(form, "RoleArn"));
    CLARY_TRY(const std::string session, RequiredParam(form, "RoleSessionName"));
    CLARY_TRY(const int64_t seconds, IntParam(form, "DurationSeconds", 3600, 900, 43'200));
    if (session.size() < 2 || session.size() > 64 ||
        !std::ranges::all_of(session, [](unsigned char c) {
          return std::isalnum(c) || std::string_view("_+=,.@-").contains(static_cast<char>(c));
        })) {
      return Fail(Code::kInvalidArgument, "ValidationError",
                  "1 validation error detected: Value '" + session +
                      "' at 'roleSessionName' failed to satisfy constraint: Member must satisfy "
                      "regular expression pattern: [\\w+=,.@-]*");
    }
    const std::string role(RoleNameOf(arn));
    const auto role_id = sts.iam_.RoleId(role);
    if (!role_id || sts.iam_.RoleArn(role) != arn) {
      return Fail(Code::kPermissionDenied, "AccessDenied",
                  "User: " + sts.identity_.CallerArn(caller) +
                      " is not authorized to perform: sts:AssumeRole on resource: " + arn);
    }
    CLARY_TRY(const AccessKey key,
              sts.identity_.CreateSession(role, session, Duration(seconds * 1000)));
    return Credentials(key) +
           XmlWrap("AssumedRoleUser", XmlElement("AssumedRoleId", *role_id + ":" + session) +
                                          XmlElement("Arn", sts.identity_.CallerArn(key)));
  }

  static Result<std::string> GetSessionToken(StsFront& sts, const net::Query& form,
                                             const AccessKey& caller) {
    CLARY_TRY(const int64_t seconds, IntParam(form, "DurationSeconds", 43'200, 900, 129'600));
    if (caller.expires) {
      return Fail(Code::kPermissionDenied, "AccessDenied",
                  "Cannot call GetSessionToken with session credentials");
    }
    CLARY_TRY(const AccessKey key,
              sts.identity_.CreateSession(caller.role_name, caller.session_name,
                                          Duration(seconds * 1000)));
    return Credentials(key);
  }

 private:
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
      {"GetCallerIdentity", StsActions::GetCallerIdentity},
      {"GetSessionToken", StsActions::GetSessionToken},
  };
  for (const Entry& entry : kActions) {
    if (entry.name == action) return entry.function(*this, form, caller);
  }
  return Fail(Code::kInvalidArgument, "InvalidAction",
              "Could not find operation " + std::string(action) + " for version 2011-06-15");
}

}  // namespace clary::server
