// Shapes of AWS Key Management Service, as botocore 1.44.5 states them.
// Made by tools/api_shapes.py from tools/api_shapes.toml: edit that, not this.
// clang-format off
#include "api/internal/shape_rows.h"
#include "api/shapes.h"

namespace clary::api::kms {
namespace {

[[maybe_unused]] constexpr Shape kNothing = Structure("Nothing");
constexpr Shape kKeyIdType = String(1, 2048);
constexpr Member kCancelKeyDeletionRequestMembers[] = {{"KeyId", &kKeyIdType, true}};
constexpr Shape kCancelKeyDeletionRequest = Structure("CancelKeyDeletionRequest", kCancelKeyDeletionRequestMembers);
constexpr Member kCancelKeyDeletionResponseMembers[] = {{"KeyId", &kKeyIdType}};
constexpr Shape kCancelKeyDeletionResponse = Structure("CancelKeyDeletionResponse", kCancelKeyDeletionResponseMembers);
constexpr Shape kAliasNameType = String(1, 256, "^[a-zA-Z0-9:/_-]+$");
constexpr Member kCreateAliasRequestMembers[] = {
    {"AliasName", &kAliasNameType, true}, {"TargetKeyId", &kKeyIdType, true}};
constexpr Shape kCreateAliasRequest = Structure("CreateAliasRequest", kCreateAliasRequestMembers);
constexpr Shape kPolicyType = String(1, 131072, R"([\x{0009}\x{000A}\x{000D}\x{0020}-\x{00FF}]+)", R"([\u0009\u000A\u000D\u0020-\u00FF]+)");
constexpr Shape kDescriptionType = String(0, 8192);
constexpr std::string_view kKeyUsageTypeValues[] = {
    "SIGN_VERIFY", "ENCRYPT_DECRYPT", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT",
    "ENCAPSULATE_DECAPSULATE"};
constexpr Shape kKeyUsageType = Enum(kKeyUsageTypeValues);
constexpr std::string_view kCustomerMasterKeySpecValues[] = {
    "RSA_2048", "RSA_3072", "RSA_4096", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521",
    "ECC_SECG_P256K1", "SYMMETRIC_DEFAULT", "HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512", "SM2"};
constexpr Shape kCustomerMasterKeySpec = Enum(kCustomerMasterKeySpecValues);
constexpr std::string_view kKeySpecValues[] = {
    "RSA_2048", "RSA_3072", "RSA_4096", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521",
    "ECC_SECG_P256K1", "SYMMETRIC_DEFAULT", "HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512", "SM2",
    "ML_DSA_44", "ML_DSA_65", "ML_DSA_87", "ECC_NIST_EDWARDS25519", "ML_KEM_512", "ML_KEM_768",
    "ML_KEM_1024"};
constexpr Shape kKeySpec = Enum(kKeySpecValues);
constexpr std::string_view kOriginTypeValues[] = {
    "AWS_KMS", "EXTERNAL", "AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"};
constexpr Shape kOriginType = Enum(kOriginTypeValues);
constexpr Shape kCustomKeyStoreIdType = String(1, 64);
constexpr Shape kBooleanType = Boolean();
constexpr Shape kTagKeyType = String(1, 128);
constexpr Shape kTagValueType = String(0, 256);
constexpr Member kTagMembers[] = {
    {"TagKey", &kTagKeyType, true}, {"TagValue", &kTagValueType, true}};
constexpr Shape kTag = Structure("Tag", kTagMembers);
constexpr Shape kTagList = List(&kTag);
constexpr Shape kNullableBooleanType = Boolean();
constexpr Shape kXksKeyIdType = String(1, 128, "^[a-zA-Z0-9-_.]+$");
constexpr Member kCreateKeyRequestMembers[] = {
    {"Policy", &kPolicyType}, {"Description", &kDescriptionType}, {"KeyUsage", &kKeyUsageType},
    {"CustomerMasterKeySpec", &kCustomerMasterKeySpec}, {"KeySpec", &kKeySpec},
    {"Origin", &kOriginType}, {"CustomKeyStoreId", &kCustomKeyStoreIdType},
    {"BypassPolicyLockoutSafetyCheck", &kBooleanType}, {"Tags", &kTagList},
    {"MultiRegion", &kNullableBooleanType}, {"XksKeyId", &kXksKeyIdType}};
constexpr Shape kCreateKeyRequest = Structure("CreateKeyRequest", kCreateKeyRequestMembers);
constexpr Shape kAWSAccountIdType = String();
constexpr Shape kArnType = String(20, 2048);
constexpr Shape kDateType = Timestamp();
constexpr std::string_view kKeyStateValues[] = {
    "Creating", "Enabled", "Disabled", "PendingDeletion", "PendingImport", "PendingReplicaDeletion",
    "Unavailable", "Updating"};
constexpr Shape kKeyState = Enum(kKeyStateValues);
constexpr Shape kCloudHsmClusterIdType = String(19, 24);
constexpr std::string_view kExpirationModelTypeValues[] = {
    "KEY_MATERIAL_EXPIRES", "KEY_MATERIAL_DOES_NOT_EXPIRE"};
constexpr Shape kExpirationModelType = Enum(kExpirationModelTypeValues);
constexpr std::string_view kKeyManagerTypeValues[] = {"AWS", "CUSTOMER"};
constexpr Shape kKeyManagerType = Enum(kKeyManagerTypeValues);
constexpr std::string_view kEncryptionAlgorithmSpecValues[] = {
    "SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256", "SM2PKE"};
constexpr Shape kEncryptionAlgorithmSpec = Enum(kEncryptionAlgorithmSpecValues);
constexpr Shape kEncryptionAlgorithmSpecList = List(&kEncryptionAlgorithmSpec);
constexpr std::string_view kSigningAlgorithmSpecValues[] = {
    "RSASSA_PSS_SHA_256", "RSASSA_PSS_SHA_384", "RSASSA_PSS_SHA_512", "RSASSA_PKCS1_V1_5_SHA_256",
    "RSASSA_PKCS1_V1_5_SHA_384", "RSASSA_PKCS1_V1_5_SHA_512", "ECDSA_SHA_256", "ECDSA_SHA_384",
    "ECDSA_SHA_512", "SM2DSA", "ML_DSA_SHAKE_256", "ED25519_SHA_512", "ED25519_PH_SHA_512"};
constexpr Shape kSigningAlgorithmSpec = Enum(kSigningAlgorithmSpecValues);
constexpr Shape kSigningAlgorithmSpecList = List(&kSigningAlgorithmSpec);
constexpr std::string_view kKeyAgreementAlgorithmSpecValues[] = {"ECDH"};
constexpr Shape kKeyAgreementAlgorithmSpec = Enum(kKeyAgreementAlgorithmSpecValues);
constexpr Shape kKeyAgreementAlgorithmSpecList = List(&kKeyAgreementAlgorithmSpec);
constexpr std::string_view kEncapsulationAlgorithmSpecValues[] = {"ML_KEM"};
constexpr Shape kEncapsulationAlgorithmSpec = Enum(kEncapsulationAlgorithmSpecValues);
constexpr Shape kEncapsulationAlgorithmSpecList = List(&kEncapsulationAlgorithmSpec);
constexpr std::string_view kMultiRegionKeyTypeValues[] = {"PRIMARY", "REPLICA"};
constexpr Shape kMultiRegionKeyType = Enum(kMultiRegionKeyTypeValues);
constexpr Shape kRegionType = String(1, 32);
constexpr Member kMultiRegionKeyMembers[] = {{"Arn", &kArnType}, {"Region", &kRegionType}};
constexpr Shape kMultiRegionKey = Structure("MultiRegionKey", kMultiRegionKeyMembers);
constexpr Shape kMultiRegionKeyList = List(&kMultiRegionKey);
constexpr Member kMultiRegionConfigurationMembers[] = {
    {"MultiRegionKeyType", &kMultiRegionKeyType}, {"PrimaryKey", &kMultiRegionKey},
    {"ReplicaKeys", &kMultiRegionKeyList}};
constexpr Shape kMultiRegionConfiguration = Structure("MultiRegionConfiguration", kMultiRegionConfigurationMembers);
constexpr Shape kPendingWindowInDaysType = Integer(1, 365);
constexpr std::string_view kMacAlgorithmSpecValues[] = {
    "HMAC_SHA_224", "HMAC_SHA_256", "HMAC_SHA_384", "HMAC_SHA_512"};
constexpr Shape kMacAlgorithmSpec = Enum(kMacAlgorithmSpecValues);
constexpr Shape kMacAlgorithmSpecList = List(&kMacAlgorithmSpec);
constexpr Member kXksKeyConfigurationTypeMembers[] = {{"Id", &kXksKeyIdType}};
constexpr Shape kXksKeyConfigurationType = Structure("XksKeyConfigurationType", kXksKeyConfigurationTypeMembers);
constexpr Shape kBackingKeyIdType = String(64, 64);
constexpr Member kKeyMetadataMembers[] = {
    {"AWSAccountId", &kAWSAccountIdType}, {"KeyId", &kKeyIdType, true}, {"Arn", &kArnType},
    {"CreationDate", &kDateType}, {"Enabled", &kBooleanType}, {"Description", &kDescriptionType},
    {"KeyUsage", &kKeyUsageType}, {"KeyState", &kKeyState}, {"DeletionDate", &kDateType},
    {"ValidTo", &kDateType}, {"Origin", &kOriginType}, {"CustomKeyStoreId", &kCustomKeyStoreIdType},
    {"CloudHsmClusterId", &kCloudHsmClusterIdType}, {"ExpirationModel", &kExpirationModelType},
    {"KeyManager", &kKeyManagerType}, {"CustomerMasterKeySpec", &kCustomerMasterKeySpec},
    {"KeySpec", &kKeySpec}, {"EncryptionAlgorithms", &kEncryptionAlgorithmSpecList},
    {"SigningAlgorithms", &kSigningAlgorithmSpecList},
    {"KeyAgreementAlgorithms", &kKeyAgreementAlgorithmSpecList},
    {"EncapsulationAlgorithms", &kEncapsulationAlgorithmSpecList},
    {"MultiRegion", &kNullableBooleanType},
    {"MultiRegionConfiguration", &kMultiRegionConfiguration},
    {"PendingDeletionWindowInDays", &kPendingWindowInDaysType},
    {"MacAlgorithms", &kMacAlgorithmSpecList}, {"XksKeyConfiguration", &kXksKeyConfigurationType},
    {"CurrentKeyMaterialId", &kBackingKeyIdType}};
constexpr Shape kKeyMetadata = Structure("KeyMetadata", kKeyMetadataMembers);
constexpr Member kCreateKeyResponseMembers[] = {{"KeyMetadata", &kKeyMetadata}};
constexpr Shape kCreateKeyResponse = Structure("CreateKeyResponse", kCreateKeyResponseMembers);
constexpr Member kDeleteAliasRequestMembers[] = {{"AliasName", &kAliasNameType, true}};
constexpr Shape kDeleteAliasRequest = Structure("DeleteAliasRequest", kDeleteAliasRequestMembers);
constexpr Shape kGrantTokenType = String(1, 8192);
constexpr Shape kGrantTokenList = List(&kGrantTokenType, 0, 10);
constexpr Member kDescribeKeyRequestMembers[] = {
    {"KeyId", &kKeyIdType, true}, {"GrantTokens", &kGrantTokenList}};
constexpr Shape kDescribeKeyRequest = Structure("DescribeKeyRequest", kDescribeKeyRequestMembers);
constexpr Member kDescribeKeyResponseMembers[] = {{"KeyMetadata", &kKeyMetadata}};
constexpr Shape kDescribeKeyResponse = Structure("DescribeKeyResponse", kDescribeKeyResponseMembers);
constexpr Member kDisableKeyRequestMembers[] = {{"KeyId", &kKeyIdType, true}};
constexpr Shape kDisableKeyRequest = Structure("DisableKeyRequest", kDisableKeyRequestMembers);
constexpr Member kEnableKeyRequestMembers[] = {{"KeyId", &kKeyIdType, true}};
constexpr Shape kEnableKeyRequest = Structure("EnableKeyRequest", kEnableKeyRequestMembers);
constexpr Shape kPolicyNameType = String(1, 128, R"([\w]+)");
constexpr Member kGetKeyPolicyRequestMembers[] = {
    {"KeyId", &kKeyIdType, true}, {"PolicyName", &kPolicyNameType}};
constexpr Shape kGetKeyPolicyRequest = Structure("GetKeyPolicyRequest", kGetKeyPolicyRequestMembers);
constexpr Member kGetKeyPolicyResponseMembers[] = {
    {"Policy", &kPolicyType}, {"PolicyName", &kPolicyNameType}};
constexpr Shape kGetKeyPolicyResponse = Structure("GetKeyPolicyResponse", kGetKeyPolicyResponseMembers);
constexpr Shape kLimitType = Integer(1, 1000);
constexpr Shape kMarkerType = String(1, 1024, R"([\x{0020}-\x{00FF}]*)", R"([\u0020-\u00FF]*)");
constexpr Member kListAliasesRequestMembers[] = {
    {"KeyId", &kKeyIdType}, {"Limit", &kLimitType}, {"Marker", &kMarkerType}};
constexpr Shape kListAliasesRequest = Structure("ListAliasesRequest", kListAliasesRequestMembers);
constexpr Member kAliasListEntryMembers[] = {
    {"AliasName", &kAliasNameType}, {"AliasArn", &kArnType}, {"TargetKeyId", &kKeyIdType},
    {"CreationDate", &kDateType}, {"LastUpdatedDate", &kDateType}};
constexpr Shape kAliasListEntry = Structure("AliasListEntry", kAliasListEntryMembers);
constexpr Shape kAliasList = List(&kAliasListEntry);
constexpr Member kListAliasesResponseMembers[] = {
    {"Aliases", &kAliasList}, {"NextMarker", &kMarkerType}, {"Truncated", &kBooleanType}};
constexpr Shape kListAliasesResponse = Structure("ListAliasesResponse", kListAliasesResponseMembers);
constexpr std::string_view kResourceOwnerTypeValues[] = {"SELF", "OTHER_ACCOUNTS_VIA_RAM"};
constexpr Shape kResourceOwnerType = Enum(kResourceOwnerTypeValues);
constexpr Shape kResourceOwnersList = List(&kResourceOwnerType, 1, 2);
constexpr Member kListKeysRequestMembers[] = {
    {"Limit", &kLimitType}, {"Marker", &kMarkerType}, {"ResourceOwners", &kResourceOwnersList}};
constexpr Shape kListKeysRequest = Structure("ListKeysRequest", kListKeysRequestMembers);
constexpr Member kKeyListEntryMembers[] = {{"KeyId", &kKeyIdType}, {"KeyArn", &kArnType}};
constexpr Shape kKeyListEntry = Structure("KeyListEntry", kKeyListEntryMembers);
constexpr Shape kKeyList = List(&kKeyListEntry);
constexpr Member kListKeysResponseMembers[] = {
    {"Keys", &kKeyList}, {"NextMarker", &kMarkerType}, {"Truncated", &kBooleanType}};
constexpr Shape kListKeysResponse = Structure("ListKeysResponse", kListKeysResponseMembers);
constexpr Member kListResourceTagsRequestMembers[] = {
    {"KeyId", &kKeyIdType, true}, {"Limit", &kLimitType}, {"Marker", &kMarkerType}};
constexpr Shape kListResourceTagsRequest = Structure("ListResourceTagsRequest", kListResourceTagsRequestMembers);
constexpr Member kListResourceTagsResponseMembers[] = {
    {"Tags", &kTagList}, {"NextMarker", &kMarkerType}, {"Truncated", &kBooleanType}};
constexpr Shape kListResourceTagsResponse = Structure("ListResourceTagsResponse", kListResourceTagsResponseMembers);
constexpr Member kPutKeyPolicyRequestMembers[] = {
    {"KeyId", &kKeyIdType, true}, {"PolicyName", &kPolicyNameType}, {"Policy", &kPolicyType, true},
    {"BypassPolicyLockoutSafetyCheck", &kBooleanType}};
constexpr Shape kPutKeyPolicyRequest = Structure("PutKeyPolicyRequest", kPutKeyPolicyRequestMembers);
constexpr Member kScheduleKeyDeletionRequestMembers[] = {
    {"KeyId", &kKeyIdType, true}, {"PendingWindowInDays", &kPendingWindowInDaysType}};
constexpr Shape kScheduleKeyDeletionRequest = Structure("ScheduleKeyDeletionRequest", kScheduleKeyDeletionRequestMembers);
constexpr Member kScheduleKeyDeletionResponseMembers[] = {
    {"KeyId", &kKeyIdType}, {"DeletionDate", &kDateType}, {"KeyState", &kKeyState},
    {"PendingWindowInDays", &kPendingWindowInDaysType}};
constexpr Shape kScheduleKeyDeletionResponse = Structure("ScheduleKeyDeletionResponse", kScheduleKeyDeletionResponseMembers);
constexpr Member kTagResourceRequestMembers[] = {
    {"KeyId", &kKeyIdType, true}, {"Tags", &kTagList, true}};
constexpr Shape kTagResourceRequest = Structure("TagResourceRequest", kTagResourceRequestMembers);
constexpr Shape kTagKeyList = List(&kTagKeyType);
constexpr Member kUntagResourceRequestMembers[] = {
    {"KeyId", &kKeyIdType, true}, {"TagKeys", &kTagKeyList, true}};
constexpr Shape kUntagResourceRequest = Structure("UntagResourceRequest", kUntagResourceRequestMembers);
constexpr Member kUpdateAliasRequestMembers[] = {
    {"AliasName", &kAliasNameType, true}, {"TargetKeyId", &kKeyIdType, true}};
constexpr Shape kUpdateAliasRequest = Structure("UpdateAliasRequest", kUpdateAliasRequestMembers);
constexpr Member kUpdateKeyDescriptionRequestMembers[] = {
    {"KeyId", &kKeyIdType, true}, {"Description", &kDescriptionType, true}};
constexpr Shape kUpdateKeyDescriptionRequest = Structure("UpdateKeyDescriptionRequest", kUpdateKeyDescriptionRequestMembers);

constexpr Operation kOperations[] = {
    {"CancelKeyDeletion", &kCancelKeyDeletionRequest, &kCancelKeyDeletionResponse},
    {"CreateAlias", &kCreateAliasRequest, &kNothing},
    {"CreateKey", &kCreateKeyRequest, &kCreateKeyResponse},
    {"DeleteAlias", &kDeleteAliasRequest, &kNothing},
    {"DescribeKey", &kDescribeKeyRequest, &kDescribeKeyResponse},
    {"DisableKey", &kDisableKeyRequest, &kNothing}, {"EnableKey", &kEnableKeyRequest, &kNothing},
    {"GetKeyPolicy", &kGetKeyPolicyRequest, &kGetKeyPolicyResponse},
    {"ListAliases", &kListAliasesRequest, &kListAliasesResponse},
    {"ListKeys", &kListKeysRequest, &kListKeysResponse},
    {"ListResourceTags", &kListResourceTagsRequest, &kListResourceTagsResponse},
    {"PutKeyPolicy", &kPutKeyPolicyRequest, &kNothing},
    {"ScheduleKeyDeletion", &kScheduleKeyDeletionRequest, &kScheduleKeyDeletionResponse},
    {"TagResource", &kTagResourceRequest, &kNothing},
    {"UntagResource", &kUntagResourceRequest, &kNothing},
    {"UpdateAlias", &kUpdateAliasRequest, &kNothing},
    {"UpdateKeyDescription", &kUpdateKeyDescriptionRequest, &kNothing}};

}  // namespace
}  // namespace clary::api::kms

namespace clary::api {

std::span<const Operation> KmsOperations() { return kms::kOperations; }

}  // namespace clary::api
