// Shapes of AWS Identity and Access Management, as botocore 1.44.5 states them.
// Made by tools/api_shapes.py from tools/api_shapes.toml: edit that, not this.
// clang-format off
#include "api/internal/shape_rows.h"
#include "api/shapes.h"

namespace clary::api::iam {
namespace {

[[maybe_unused]] constexpr Shape kNothing = Structure("Nothing");
constexpr Shape kroleNameType = String(1, 64, R"([\w+=,.@-]+)");
constexpr Shape karnType = String(20, 2048);
constexpr Member kAttachRolePolicyRequestMembers[] = {
    {"RoleName", &kroleNameType, true}, {"PolicyArn", &karnType, true}};
constexpr Shape kAttachRolePolicyRequest = Structure("AttachRolePolicyRequest", kAttachRolePolicyRequestMembers);
constexpr Shape kexistingUserNameType = String(1, 128, R"([\w+=,.@-]+)");
constexpr Member kCreateAccessKeyRequestMembers[] = {{"UserName", &kexistingUserNameType}};
constexpr Shape kCreateAccessKeyRequest = Structure("CreateAccessKeyRequest", kCreateAccessKeyRequestMembers);
constexpr Shape kuserNameType = String(1, 64);
constexpr Shape kaccessKeyIdType = String(16, 128, R"([\w]+)");
constexpr std::string_view kstatusTypeValues[] = {"Active", "Inactive", "Expired"};
constexpr Shape kstatusType = Enum(kstatusTypeValues);
constexpr Shape kaccessKeySecretType = String();
constexpr Shape kdateType = Timestamp();
constexpr Member kAccessKeyMembers[] = {
    {"UserName", &kuserNameType, true}, {"AccessKeyId", &kaccessKeyIdType, true},
    {"Status", &kstatusType, true}, {"SecretAccessKey", &kaccessKeySecretType, true},
    {"CreateDate", &kdateType}};
constexpr Shape kAccessKey = Structure("AccessKey", kAccessKeyMembers);
constexpr Member kCreateAccessKeyResponseMembers[] = {{"AccessKey", &kAccessKey, true}};
constexpr Shape kCreateAccessKeyResponse = Structure("CreateAccessKeyResponse", kCreateAccessKeyResponseMembers);
constexpr Shape kpathType = String(1, 512, R"((\x{002F})|(\x{002F}[\x{0021}-\x{007E}]+\x{002F}))", R"((\u002F)|(\u002F[\u0021-\u007E]+\u002F))");
constexpr Shape kpolicyDocumentType = String(1, 131072, R"([\x{0009}\x{000A}\x{000D}\x{0020}-\x{00FF}]+)", R"([\u0009\u000A\u000D\u0020-\u00FF]+)");
constexpr Shape kroleDescriptionType = String(kNoMin, 1000, R"([\x{0009}\x{000A}\x{000D}\x{0020}-\x{007E}\x{00A1}-\x{00FF}]*)", R"([\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*)");
constexpr Shape kroleMaxSessionDurationType = Integer(3600, 43200);
constexpr Shape ktagKeyType = String(1, 128, R"([\p{L}\p{Z}\p{N}_.:/=+\-@]+)");
constexpr Shape ktagValueType = String(0, 256, R"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)");
constexpr Member kTagMembers[] = {{"Key", &ktagKeyType, true}, {"Value", &ktagValueType, true}};
constexpr Shape kTag = Structure("Tag", kTagMembers);
constexpr Shape ktagListType = List(&kTag, kNoMin, 50);
constexpr Member kCreateRoleRequestMembers[] = {
    {"Path", &kpathType}, {"RoleName", &kroleNameType, true},
    {"AssumeRolePolicyDocument", &kpolicyDocumentType, true},
    {"Description", &kroleDescriptionType}, {"MaxSessionDuration", &kroleMaxSessionDurationType},
    {"PermissionsBoundary", &karnType}, {"Tags", &ktagListType}};
constexpr Shape kCreateRoleRequest = Structure("CreateRoleRequest", kCreateRoleRequestMembers);
constexpr Shape kidType = String(16, 128);
constexpr std::string_view kPermissionsBoundaryAttachmentTypeValues[] = {
    "PermissionsBoundaryPolicy"};
constexpr Shape kPermissionsBoundaryAttachmentType = Enum(kPermissionsBoundaryAttachmentTypeValues);
constexpr Member kAttachedPermissionsBoundaryMembers[] = {
    {"PermissionsBoundaryType", &kPermissionsBoundaryAttachmentType},
    {"PermissionsBoundaryArn", &karnType}};
constexpr Shape kAttachedPermissionsBoundary = Structure("AttachedPermissionsBoundary", kAttachedPermissionsBoundaryMembers);
constexpr Shape kstringType = String();
constexpr Member kRoleLastUsedMembers[] = {{"LastUsedDate", &kdateType}, {"Region", &kstringType}};
constexpr Shape kRoleLastUsed = Structure("RoleLastUsed", kRoleLastUsedMembers);
constexpr Shape kintegerType = Integer();
constexpr Member kSourceRoleTemplateMembers[] = {
    {"TemplateArn", &karnType, true}, {"TemplateMinorVersion", &kintegerType, true}};
constexpr Shape kSourceRoleTemplate = Structure("SourceRoleTemplate", kSourceRoleTemplateMembers);
constexpr Member kRoleMembers[] = {
    {"Path", &kpathType, true}, {"RoleName", &kroleNameType, true}, {"RoleId", &kidType, true},
    {"Arn", &karnType, true}, {"CreateDate", &kdateType, true},
    {"AssumeRolePolicyDocument", &kpolicyDocumentType}, {"Description", &kroleDescriptionType},
    {"MaxSessionDuration", &kroleMaxSessionDurationType},
    {"PermissionsBoundary", &kAttachedPermissionsBoundary}, {"Tags", &ktagListType},
    {"RoleLastUsed", &kRoleLastUsed}, {"SourceRoleTemplate", &kSourceRoleTemplate}};
constexpr Shape kRole = Structure("Role", kRoleMembers);
constexpr Member kCreateRoleResponseMembers[] = {{"Role", &kRole, true}};
constexpr Shape kCreateRoleResponse = Structure("CreateRoleResponse", kCreateRoleResponseMembers);
constexpr Member kDeleteAccessKeyRequestMembers[] = {
    {"UserName", &kexistingUserNameType}, {"AccessKeyId", &kaccessKeyIdType, true}};
constexpr Shape kDeleteAccessKeyRequest = Structure("DeleteAccessKeyRequest", kDeleteAccessKeyRequestMembers);
constexpr Member kDeleteRoleRequestMembers[] = {{"RoleName", &kroleNameType, true}};
constexpr Shape kDeleteRoleRequest = Structure("DeleteRoleRequest", kDeleteRoleRequestMembers);
constexpr Member kDetachRolePolicyRequestMembers[] = {
    {"RoleName", &kroleNameType, true}, {"PolicyArn", &karnType, true}};
constexpr Shape kDetachRolePolicyRequest = Structure("DetachRolePolicyRequest", kDetachRolePolicyRequestMembers);
constexpr Member kGetRoleRequestMembers[] = {{"RoleName", &kroleNameType, true}};
constexpr Shape kGetRoleRequest = Structure("GetRoleRequest", kGetRoleRequestMembers);
constexpr Member kGetRoleResponseMembers[] = {{"Role", &kRole, true}};
constexpr Shape kGetRoleResponse = Structure("GetRoleResponse", kGetRoleResponseMembers);
constexpr Shape kmarkerType = String(1, 320, R"([\x{0020}-\x{00FF}]+)", R"([\u0020-\u00FF]+)");
constexpr Shape kmaxItemsType = Integer(1, 1000);
constexpr Member kListAccessKeysRequestMembers[] = {
    {"UserName", &kexistingUserNameType}, {"Marker", &kmarkerType}, {"MaxItems", &kmaxItemsType}};
constexpr Shape kListAccessKeysRequest = Structure("ListAccessKeysRequest", kListAccessKeysRequestMembers);
constexpr Member kAccessKeyMetadataMembers[] = {
    {"UserName", &kuserNameType}, {"AccessKeyId", &kaccessKeyIdType}, {"Status", &kstatusType},
    {"CreateDate", &kdateType}};
constexpr Shape kAccessKeyMetadata = Structure("AccessKeyMetadata", kAccessKeyMetadataMembers);
constexpr Shape kaccessKeyMetadataListType = List(&kAccessKeyMetadata);
constexpr Shape kbooleanType = Boolean();
constexpr Shape kresponseMarkerType = String();
constexpr Member kListAccessKeysResponseMembers[] = {
    {"AccessKeyMetadata", &kaccessKeyMetadataListType, true}, {"IsTruncated", &kbooleanType},
    {"Marker", &kresponseMarkerType}};
constexpr Shape kListAccessKeysResponse = Structure("ListAccessKeysResponse", kListAccessKeysResponseMembers);
constexpr Shape kpolicyPathType = String(1, 512, R"(((/[A-Za-z0-9\.,\+@=_-]+)*)/)");
constexpr Member kListAttachedRolePoliciesRequestMembers[] = {
    {"RoleName", &kroleNameType, true}, {"PathPrefix", &kpolicyPathType}, {"Marker", &kmarkerType},
    {"MaxItems", &kmaxItemsType}};
constexpr Shape kListAttachedRolePoliciesRequest = Structure("ListAttachedRolePoliciesRequest", kListAttachedRolePoliciesRequestMembers);
constexpr Shape kpolicyNameType = String(1, 128, R"([\w+=,.@-]+)");
constexpr Member kAttachedPolicyMembers[] = {
    {"PolicyName", &kpolicyNameType}, {"PolicyArn", &karnType}};
constexpr Shape kAttachedPolicy = Structure("AttachedPolicy", kAttachedPolicyMembers);
constexpr Shape kattachedPoliciesListType = List(&kAttachedPolicy);
constexpr Member kListAttachedRolePoliciesResponseMembers[] = {
    {"AttachedPolicies", &kattachedPoliciesListType}, {"IsTruncated", &kbooleanType},
    {"Marker", &kresponseMarkerType}};
constexpr Shape kListAttachedRolePoliciesResponse = Structure("ListAttachedRolePoliciesResponse", kListAttachedRolePoliciesResponseMembers);
constexpr Shape kpathPrefixType = String(1, 512, R"(\x{002F}[\x{0021}-\x{007F}]*)", R"(\u002F[\u0021-\u007F]*)");
constexpr Member kListRolesRequestMembers[] = {
    {"PathPrefix", &kpathPrefixType}, {"Marker", &kmarkerType}, {"MaxItems", &kmaxItemsType}};
constexpr Shape kListRolesRequest = Structure("ListRolesRequest", kListRolesRequestMembers);
constexpr Shape kroleListType = List(&kRole);
constexpr Member kListRolesResponseMembers[] = {
    {"Roles", &kroleListType, true}, {"IsTruncated", &kbooleanType},
    {"Marker", &kresponseMarkerType}};
constexpr Shape kListRolesResponse = Structure("ListRolesResponse", kListRolesResponseMembers);
constexpr Shape kSimulationPolicyListType = List(&kpolicyDocumentType);
constexpr std::string_view kPolicyIdentifierPolicyTypeValues[] = {
    "inline", "aws-managed", "user-managed", "permission-boundary", "scp", "rcp"};
constexpr Shape kPolicyIdentifierPolicyType = Enum(kPolicyIdentifierPolicyTypeValues);
constexpr std::string_view kAttachmentTypeValues[] = {"user", "group", "role"};
constexpr Shape kAttachmentType = Enum(kAttachmentTypeValues);
constexpr Shape kAttachmentName = String(1, 128, R"([\w+=,.@-]+)");
constexpr Member kInlinePolicyIdentifierTypeMembers[] = {
    {"PolicyName", &kpolicyNameType, true}, {"AttachmentType", &kAttachmentType, true},
    {"AttachmentName", &kAttachmentName, true}};
constexpr Shape kInlinePolicyIdentifierType = Structure("InlinePolicyIdentifierType", kInlinePolicyIdentifierTypeMembers);
constexpr Member kPolicyIdentifierMembers[] = {
    {"PolicyType", &kPolicyIdentifierPolicyType}, {"PolicyArn", &karnType},
    {"InlinePolicyIdentifier", &kInlinePolicyIdentifierType}};
constexpr Shape kPolicyIdentifier = Union("PolicyIdentifier", kPolicyIdentifierMembers);
constexpr Shape kPolicyExclusionsListType = List(&kPolicyIdentifier, kNoMin, 256);
constexpr Shape kActionNameType = String(3, 128);
constexpr Shape kActionNameListType = List(&kActionNameType);
constexpr Shape kResourceNameType = String(1, 2048);
constexpr Shape kResourceNameListType = List(&kResourceNameType);
constexpr Shape kContextKeyNameType = String(5, 256);
constexpr Shape kContextKeyValueType = String();
constexpr Shape kContextKeyValueListType = List(&kContextKeyValueType);
constexpr std::string_view kContextKeyTypeEnumValues[] = {
    "string", "stringList", "numeric", "numericList", "boolean", "booleanList", "ip", "ipList",
    "binary", "binaryList", "date", "dateList"};
constexpr Shape kContextKeyTypeEnum = Enum(kContextKeyTypeEnumValues);
constexpr Member kContextEntryMembers[] = {
    {"ContextKeyName", &kContextKeyNameType}, {"ContextKeyValues", &kContextKeyValueListType},
    {"ContextKeyType", &kContextKeyTypeEnum}};
constexpr Shape kContextEntry = Structure("ContextEntry", kContextEntryMembers);
constexpr Shape kContextEntryListType = List(&kContextEntry);
constexpr Shape kResourceHandlingOptionType = String(1, 64);
constexpr Member kSimulatePrincipalPolicyRequestMembers[] = {
    {"PolicySourceArn", &karnType, true}, {"PolicyInputList", &kSimulationPolicyListType},
    {"PermissionsBoundaryPolicyInputList", &kSimulationPolicyListType},
    {"PolicyExclusionList", &kPolicyExclusionsListType},
    {"ActionNames", &kActionNameListType, true}, {"ResourceArns", &kResourceNameListType},
    {"ResourcePolicy", &kpolicyDocumentType}, {"ResourceOwner", &kResourceNameType},
    {"CallerArn", &kResourceNameType}, {"ContextEntries", &kContextEntryListType},
    {"ResourceHandlingOption", &kResourceHandlingOptionType}, {"MaxItems", &kmaxItemsType},
    {"Marker", &kmarkerType}};
constexpr Shape kSimulatePrincipalPolicyRequest = Structure("SimulatePrincipalPolicyRequest", kSimulatePrincipalPolicyRequestMembers);
constexpr std::string_view kPolicyEvaluationDecisionTypeValues[] = {
    "allowed", "explicitDeny", "implicitDeny"};
constexpr Shape kPolicyEvaluationDecisionType = Enum(kPolicyEvaluationDecisionTypeValues);
constexpr Shape kPolicyIdentifierType = String();
constexpr std::string_view kPolicySourceTypeValues[] = {
    "user", "group", "role", "aws-managed", "user-managed", "resource", "none"};
constexpr Shape kPolicySourceType = Enum(kPolicySourceTypeValues);
constexpr Shape kLineNumber = Integer();
constexpr Shape kColumnNumber = Integer();
constexpr Member kPositionMembers[] = {{"Line", &kLineNumber}, {"Column", &kColumnNumber}};
constexpr Shape kPosition = Structure("Position", kPositionMembers);
constexpr Member kStatementMembers[] = {
    {"SourcePolicyId", &kPolicyIdentifierType}, {"SourcePolicyType", &kPolicySourceType},
    {"StartPosition", &kPosition}, {"EndPosition", &kPosition}};
constexpr Shape kStatement = Structure("Statement", kStatementMembers);
constexpr Shape kStatementListType = List(&kStatement);
constexpr Shape kContextKeyNamesResultListType = List(&kContextKeyNameType);
constexpr Member kOrganizationsDecisionDetailMembers[] = {
    {"AllowedByOrganizations", &kbooleanType}};
constexpr Shape kOrganizationsDecisionDetail = Structure("OrganizationsDecisionDetail", kOrganizationsDecisionDetailMembers);
constexpr Member kPermissionsBoundaryDecisionDetailMembers[] = {
    {"AllowedByPermissionsBoundary", &kbooleanType}};
constexpr Shape kPermissionsBoundaryDecisionDetail = Structure("PermissionsBoundaryDecisionDetail", kPermissionsBoundaryDecisionDetailMembers);
constexpr Shape kEvalDecisionSourceType = String(3, 256);
constexpr Shape kEvalDecisionDetailsType = Map(&kEvalDecisionSourceType, &kPolicyEvaluationDecisionType);
constexpr Member kResourceSpecificResultMembers[] = {
    {"EvalResourceName", &kResourceNameType, true},
    {"EvalResourceDecision", &kPolicyEvaluationDecisionType, true},
    {"MatchedStatements", &kStatementListType},
    {"MissingContextValues", &kContextKeyNamesResultListType},
    {"EvalDecisionDetails", &kEvalDecisionDetailsType},
    {"PermissionsBoundaryDecisionDetail", &kPermissionsBoundaryDecisionDetail}};
constexpr Shape kResourceSpecificResult = Structure("ResourceSpecificResult", kResourceSpecificResultMembers);
constexpr Shape kResourceSpecificResultListType = List(&kResourceSpecificResult);
constexpr Member kEvaluationResultMembers[] = {
    {"EvalActionName", &kActionNameType, true}, {"EvalResourceName", &kResourceNameType},
    {"EvalDecision", &kPolicyEvaluationDecisionType, true},
    {"MatchedStatements", &kStatementListType},
    {"MissingContextValues", &kContextKeyNamesResultListType},
    {"OrganizationsDecisionDetail", &kOrganizationsDecisionDetail},
    {"PermissionsBoundaryDecisionDetail", &kPermissionsBoundaryDecisionDetail},
    {"EvalDecisionDetails", &kEvalDecisionDetailsType},
    {"ResourceSpecificResults", &kResourceSpecificResultListType}};
constexpr Shape kEvaluationResult = Structure("EvaluationResult", kEvaluationResultMembers);
constexpr Shape kEvaluationResultsListType = List(&kEvaluationResult);
constexpr Member kSimulatePolicyResponseMembers[] = {
    {"EvaluationResults", &kEvaluationResultsListType}, {"IsTruncated", &kbooleanType},
    {"Marker", &kresponseMarkerType}};
constexpr Shape kSimulatePolicyResponse = Structure("SimulatePolicyResponse", kSimulatePolicyResponseMembers);
constexpr Member kUpdateAssumeRolePolicyRequestMembers[] = {
    {"RoleName", &kroleNameType, true}, {"PolicyDocument", &kpolicyDocumentType, true}};
constexpr Shape kUpdateAssumeRolePolicyRequest = Structure("UpdateAssumeRolePolicyRequest", kUpdateAssumeRolePolicyRequestMembers);
constexpr Member kUpdateRoleRequestMembers[] = {
    {"RoleName", &kroleNameType, true}, {"Description", &kroleDescriptionType},
    {"MaxSessionDuration", &kroleMaxSessionDurationType}};
constexpr Shape kUpdateRoleRequest = Structure("UpdateRoleRequest", kUpdateRoleRequestMembers);
constexpr Shape kUpdateRoleResponse = Structure("UpdateRoleResponse");

constexpr Operation kOperations[] = {
    {"AttachRolePolicy", &kAttachRolePolicyRequest, &kNothing},
    {"CreateAccessKey", &kCreateAccessKeyRequest, &kCreateAccessKeyResponse},
    {"CreateRole", &kCreateRoleRequest, &kCreateRoleResponse},
    {"DeleteAccessKey", &kDeleteAccessKeyRequest, &kNothing},
    {"DeleteRole", &kDeleteRoleRequest, &kNothing},
    {"DetachRolePolicy", &kDetachRolePolicyRequest, &kNothing},
    {"GetRole", &kGetRoleRequest, &kGetRoleResponse},
    {"ListAccessKeys", &kListAccessKeysRequest, &kListAccessKeysResponse},
    {"ListAttachedRolePolicies", &kListAttachedRolePoliciesRequest, &kListAttachedRolePoliciesResponse},
    {"ListRoles", &kListRolesRequest, &kListRolesResponse},
    {"SimulatePrincipalPolicy", &kSimulatePrincipalPolicyRequest, &kSimulatePolicyResponse},
    {"UpdateAssumeRolePolicy", &kUpdateAssumeRolePolicyRequest, &kNothing},
    {"UpdateRole", &kUpdateRoleRequest, &kUpdateRoleResponse}};

}  // namespace
}  // namespace clary::api::iam

namespace clary::api {

std::span<const Operation> IamOperations() { return iam::kOperations; }

}  // namespace clary::api
