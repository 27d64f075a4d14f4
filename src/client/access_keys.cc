#include "client/access_keys.h"

#include "base/strings.h"
#include "client/internal/session_impl.h"

namespace clary::client {
namespace {

constexpr std::string_view kVersion = "2010-05-08";

}  // namespace

Result<std::vector<AccessKeyInfo>> ListAccessKeys(const Session& session) {
  CLARY_TRY(const auto xml, session.impl().aws.Query(Service::kIam, "ListAccessKeys", kVersion));
  std::vector<AccessKeyInfo> keys;
  std::string_view rest = xml;
  for (;;) {
    const auto at = rest.find("<member>");
    if (at == std::string_view::npos) return keys;
    rest.remove_prefix(at + 8);
    const auto member = rest.substr(0, rest.find("</member>"));
    keys.push_back({.id = XmlElementText(member, "AccessKeyId"),
                    .created = XmlElementText(member, "CreateDate")});
  }
}

Result<Credentials> CreateAccessKey(const Session& session) {
  CLARY_TRY(const auto xml, session.impl().aws.Query(Service::kIam, "CreateAccessKey", kVersion));
  return Credentials{.access_key = XmlElementText(xml, "AccessKeyId"),
                     .secret_key = XmlElementText(xml, "SecretAccessKey"),
                     .session_token = {}};
}

Status DeleteAccessKey(const Session& session, const std::string& id) {
  CLARY_CHECK_OK(
      session.impl().aws.Query(Service::kIam, "DeleteAccessKey", kVersion, {{"AccessKeyId", id}}));
  return {};
}

}  // namespace clary::client
