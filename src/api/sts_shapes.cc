// Shapes of AWS Security Token Service, as botocore 1.44.5 states them.
// Made by tools/api_shapes.py from tools/api_shapes.toml: edit that, not this.
// clang-format off
#include "api/internal/shape_rows.h"
#include "api/shapes.h"

namespace clary::api::sts {
namespace {

[[maybe_unused]] constexpr Shape kNothing = Structure("Nothing");
constexpr Shape karnType = String(20, 2048, R"([\x{0009}\x{000A}\x{000D}\x{0020}-\x{007E}\x{0085}\x{00A0}-\x{D7FF}\x{E000}-\x{FFFD}\x{1000}0-\x{10FF}FF]+)", R"([\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]+)");
constexpr Shape kroleSessionNameType = String(2, 64, R"([\w+=,.@-]*)");
constexpr Member kPolicyDescriptorTypeMembers[] = {{"arn", &karnType}};
constexpr Shape kPolicyDescriptorType = Structure("PolicyDescriptorType", kPolicyDescriptorTypeMembers);
constexpr Shape kpolicyDescriptorListType = List(&kPolicyDescriptorType);
constexpr Shape kunrestrictedSessionPolicyDocumentType = String(1, kNoMax, R"([\x{0009}\x{000A}\x{000D}\x{0020}-\x{00FF}]+)", R"([\u0009\u000A\u000D\u0020-\u00FF]+)");
constexpr Shape kroleDurationSecondsType = Integer(900, 43200);
constexpr Shape ktagKeyType = String(1, 128, R"([\p{L}\p{Z}\p{N}_.:/=+\-@]+)");
constexpr Shape ktagValueType = String(0, 256, R"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)");
constexpr Member kTagMembers[] = {{"Key", &ktagKeyType, true}, {"Value", &ktagValueType, true}};
constexpr Shape kTag = Structure("Tag", kTagMembers);
constexpr Shape ktagListType = List(&kTag, kNoMin, 50);
constexpr Shape ktagKeyListType = List(&ktagKeyType, kNoMin, 50);
constexpr Shape kexternalIdType = String(2, 1224, R"([\w+=,.@:\/-]*)");
constexpr Shape kserialNumberType = String(9, 256, R"([\w+=/:,.@-]*)");
constexpr Shape ktokenCodeType = String(6, 6, R"([\d]*)");
constexpr Shape ksourceIdentityType = String(2, 64, R"([\w+=,.@-]*)");
constexpr Shape kcontextAssertionType = String(4, 2048);
constexpr Member kProvidedContextMembers[] = {
    {"ProviderArn", &karnType}, {"ContextAssertion", &kcontextAssertionType}};
constexpr Shape kProvidedContext = Structure("ProvidedContext", kProvidedContextMembers);
constexpr Shape kProvidedContextsListType = List(&kProvidedContext, 1, 5);
constexpr Shape kminimumSessionTokenSizeType = Integer(0, 4096);
constexpr Member kAssumeRoleRequestMembers[] = {
    {"RoleArn", &karnType, true}, {"RoleSessionName", &kroleSessionNameType, true},
    {"PolicyArns", &kpolicyDescriptorListType}, {"Policy", &kunrestrictedSessionPolicyDocumentType},
    {"DurationSeconds", &kroleDurationSecondsType}, {"Tags", &ktagListType},
    {"TransitiveTagKeys", &ktagKeyListType}, {"ExternalId", &kexternalIdType},
    {"SerialNumber", &kserialNumberType}, {"TokenCode", &ktokenCodeType},
    {"SourceIdentity", &ksourceIdentityType}, {"ProvidedContexts", &kProvidedContextsListType},
    {"MinimumSessionTokenSize", &kminimumSessionTokenSizeType}};
constexpr Shape kAssumeRoleRequest = Structure("AssumeRoleRequest", kAssumeRoleRequestMembers);
constexpr Shape kaccessKeyIdType = String(16, 128, R"([\w]*)");
constexpr Shape kaccessKeySecretType = String();
constexpr Shape ktokenType = String();
constexpr Shape kdateType = Timestamp();
constexpr Member kCredentialsMembers[] = {
    {"AccessKeyId", &kaccessKeyIdType, true}, {"SecretAccessKey", &kaccessKeySecretType, true},
    {"SessionToken", &ktokenType, true}, {"Expiration", &kdateType, true}};
constexpr Shape kCredentials = Structure("Credentials", kCredentialsMembers);
constexpr Shape kassumedRoleIdType = String(2, 193);
constexpr Member kAssumedRoleUserMembers[] = {
    {"AssumedRoleId", &kassumedRoleIdType, true}, {"Arn", &karnType, true}};
constexpr Shape kAssumedRoleUser = Structure("AssumedRoleUser", kAssumedRoleUserMembers);
constexpr Shape knonNegativeIntegerType = Integer(0);
constexpr Shape ksessionTokenUtilizationType = Integer(0);
constexpr Shape ksessionTokenSizeType = Integer(0);
constexpr Member kAssumeRoleResponseMembers[] = {
    {"Credentials", &kCredentials}, {"AssumedRoleUser", &kAssumedRoleUser},
    {"PackedPolicySize", &knonNegativeIntegerType}, {"SourceIdentity", &ksourceIdentityType},
    {"SessionTokenUtilization", &ksessionTokenUtilizationType},
    {"SessionTokenSize", &ksessionTokenSizeType}};
constexpr Shape kAssumeRoleResponse = Structure("AssumeRoleResponse", kAssumeRoleResponseMembers);
constexpr Member kGetAccessKeyInfoRequestMembers[] = {{"AccessKeyId", &kaccessKeyIdType, true}};
constexpr Shape kGetAccessKeyInfoRequest = Structure("GetAccessKeyInfoRequest", kGetAccessKeyInfoRequestMembers);
constexpr Shape kaccountType = String();
constexpr Member kGetAccessKeyInfoResponseMembers[] = {{"Account", &kaccountType}};
constexpr Shape kGetAccessKeyInfoResponse = Structure("GetAccessKeyInfoResponse", kGetAccessKeyInfoResponseMembers);
constexpr Shape kGetCallerIdentityRequest = Structure("GetCallerIdentityRequest");
constexpr Shape kuserIdType = String();
constexpr Member kGetCallerIdentityResponseMembers[] = {
    {"UserId", &kuserIdType}, {"Account", &kaccountType}, {"Arn", &karnType}};
constexpr Shape kGetCallerIdentityResponse = Structure("GetCallerIdentityResponse", kGetCallerIdentityResponseMembers);
constexpr Shape kuserNameType = String(2, 32, R"([\w+=,.@-]*)");
constexpr Shape ksessionPolicyDocumentType = String(1, 2048, R"([\x{0009}\x{000A}\x{000D}\x{0020}-\x{00FF}]+)", R"([\u0009\u000A\u000D\u0020-\u00FF]+)");
constexpr Shape kdurationSecondsType = Integer(900, 129600);
constexpr Member kGetFederationTokenRequestMembers[] = {
    {"Name", &kuserNameType, true}, {"Policy", &ksessionPolicyDocumentType},
    {"PolicyArns", &kpolicyDescriptorListType}, {"DurationSeconds", &kdurationSecondsType},
    {"Tags", &ktagListType}, {"MinimumSessionTokenSize", &kminimumSessionTokenSizeType}};
constexpr Shape kGetFederationTokenRequest = Structure("GetFederationTokenRequest", kGetFederationTokenRequestMembers);
constexpr Shape kfederatedIdType = String(2, 193);
constexpr Member kFederatedUserMembers[] = {
    {"FederatedUserId", &kfederatedIdType, true}, {"Arn", &karnType, true}};
constexpr Shape kFederatedUser = Structure("FederatedUser", kFederatedUserMembers);
constexpr Member kGetFederationTokenResponseMembers[] = {
    {"Credentials", &kCredentials}, {"FederatedUser", &kFederatedUser},
    {"PackedPolicySize", &knonNegativeIntegerType},
    {"SessionTokenUtilization", &ksessionTokenUtilizationType},
    {"SessionTokenSize", &ksessionTokenSizeType}};
constexpr Shape kGetFederationTokenResponse = Structure("GetFederationTokenResponse", kGetFederationTokenResponseMembers);
constexpr Member kGetSessionTokenRequestMembers[] = {
    {"DurationSeconds", &kdurationSecondsType}, {"SerialNumber", &kserialNumberType},
    {"TokenCode", &ktokenCodeType}, {"MinimumSessionTokenSize", &kminimumSessionTokenSizeType}};
constexpr Shape kGetSessionTokenRequest = Structure("GetSessionTokenRequest", kGetSessionTokenRequestMembers);
constexpr Member kGetSessionTokenResponseMembers[] = {
    {"Credentials", &kCredentials}, {"SessionTokenUtilization", &ksessionTokenUtilizationType},
    {"SessionTokenSize", &ksessionTokenSizeType}};
constexpr Shape kGetSessionTokenResponse = Structure("GetSessionTokenResponse", kGetSessionTokenResponseMembers);

constexpr Operation kOperations[] = {
    {"AssumeRole", &kAssumeRoleRequest, &kAssumeRoleResponse},
    {"GetAccessKeyInfo", &kGetAccessKeyInfoRequest, &kGetAccessKeyInfoResponse},
    {"GetCallerIdentity", &kGetCallerIdentityRequest, &kGetCallerIdentityResponse},
    {"GetFederationToken", &kGetFederationTokenRequest, &kGetFederationTokenResponse},
    {"GetSessionToken", &kGetSessionTokenRequest, &kGetSessionTokenResponse}};

}  // namespace
}  // namespace clary::api::sts

namespace clary::api {

std::span<const Operation> StsOperations() { return sts::kOperations; }

}  // namespace clary::api
