#include "objects/internal/s3_operations.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "base/strings.h"
#include "objects/internal/error_details.h"
#include "objects/internal/s3_call.h"
#include "objects/internal/s3_request.h"
#include "objects/rules.h"

namespace clary::objects {
namespace {

using net::Request;

constexpr std::string_view kNoAcl = "The bucket does not allow ACLs";
constexpr std::string_view kNoLock = "Bucket is missing Object Lock Configuration";
constexpr std::string_view kNoCustomerKeys =
    "This service does not have encryption with customer-provided keys (SSE-C)";
constexpr std::string_view kNoMfa = "This service does not have multi-factor authentication";

constexpr Input kInputs[] = {
    // Of every operation.
    {"x-id", Does::kIgnored, {}, {}, "SDKs repeat the operation's name in it"},
    {"x-amz-date"},
    {"x-amz-content-sha256"},
    {"x-amz-security-token"},
    {"x-amz-decoded-content-length"},
    {"x-amz-trailer"},
    {"x-amz-sdk-checksum-algorithm"},
    {"x-amz-expected-bucket-owner"},
    {"x-amz-te", Does::kIgnored, {}, {}, "a trailing MD5 that the client does without as well"},
    {"x-amz-user-agent", Does::kIgnored, {}, {}, "a browser's name of the client"},
    {"x-amz-request-payer", Does::kOnly, "requester", "InvalidArgument",
     "Invalid value for x-amz-request-payer (nobody is charged here)"},

    // Conditions and ranges.
    {"if-match"},
    {"if-none-match"},
    {"if-modified-since"},
    {"if-unmodified-since"},
    {"if-range"},
    {"range"},
    {"content-range",
     Does::kRefused,
     {},
     "NotImplemented",
     "A header you provided implies functionality that is not implemented"},
    {"x-amz-if-match-last-modified-time"},
    {"x-amz-if-match-size"},
    {"x-amz-if-match-initiated-time"},

    // Checksums.
    {"x-amz-checksum-mode", Does::kOnly, "ENABLED|enabled", "InvalidArgument",
     "x-amz-checksum-mode can only be ENABLED"},
    {"x-amz-checksum-algorithm"},
    {"x-amz-checksum-type"},
    {"x-amz-checksum-crc32"},
    {"x-amz-checksum-crc32c"},
    {"x-amz-checksum-crc64nvme"},
    {"x-amz-checksum-sha1"},
    {"x-amz-checksum-sha256"},
    {"x-amz-checksum-sha512"},
    {"x-amz-checksum-md5"},
    {"x-amz-checksum-xxhash64"},
    {"x-amz-checksum-xxhash3"},
    {"x-amz-checksum-xxhash128"},
    {"x-amz-mp-object-size"},

    // What is stored with an object.
    {"x-amz-meta-*"},
    {"x-amz-tagging"},
    {"x-amz-storage-class", Does::kOnly,
     "STANDARD|REDUCED_REDUNDANCY|STANDARD_IA|ONEZONE_IA|INTELLIGENT_TIERING|GLACIER_IR|GLACIER|"
     "DEEP_ARCHIVE",
     "InvalidStorageClass", "The storage class you specified is not valid"},
    {"x-amz-website-redirect-location"},
    {"x-amz-server-side-encryption", Does::kOnly, "AES256|aws:kms|aws:kms:dsse", "InvalidArgument",
     "The encryption method specified is not supported"},
    {"x-amz-server-side-encryption-aws-kms-key-id"},
    {"x-amz-server-side-encryption-bucket-key-enabled", Does::kOnly, "true|false",
     "InvalidArgument", "x-amz-server-side-encryption-bucket-key-enabled must be true or false"},
    {"x-amz-server-side-encryption-context",
     Does::kIgnored,
     {},
     {},
     "kept and answered is only that encryption was asked for: nothing is encrypted here"},
    {"x-amz-server-side-encryption-customer-*",
     Does::kRefused,
     {},
     "NotImplemented",
     kNoCustomerKeys},
    {"x-amz-copy-source-server-side-encryption-customer-*",
     Does::kRefused,
     {},
     "NotImplemented",
     kNoCustomerKeys},
    {"x-amz-acl", Does::kOnly, "private|bucket-owner-full-control", "AccessControlListNotSupported",
     kNoAcl},
    {"x-amz-grant-*", Does::kRefused, {}, "AccessControlListNotSupported", kNoAcl},
    {"x-amz-object-lock-*", Does::kRefused, {}, "InvalidRequest", kNoLock},
    {"x-amz-write-offset-bytes",
     Does::kRefused,
     {},
     "NotImplemented",
     "This service does not append to objects"},

    // Copies.
    {"x-amz-copy-source"},
    {"x-amz-copy-source-range"},
    {"x-amz-copy-source-if-match"},
    {"x-amz-copy-source-if-none-match"},
    {"x-amz-copy-source-if-modified-since"},
    {"x-amz-copy-source-if-unmodified-since"},
    {"x-amz-source-expected-bucket-owner"},
    {"x-amz-metadata-directive", Does::kOnly, "COPY|REPLACE", "InvalidArgument",
     "Unknown metadata directive."},
    {"x-amz-tagging-directive", Does::kOnly, "COPY|REPLACE", "InvalidArgument",
     "Unknown tagging directive."},
    {"x-amz-object-annotation-directive", Does::kOnly, "COPY|EXCLUDE", "InvalidArgument",
     "Unknown annotation directive (no object has annotations here)."},

    // Deletes.
    {"x-amz-mfa", Does::kRefused, {}, "NotImplemented", kNoMfa},
    {"x-amz-bypass-governance-retention", Does::kOnly, "false", "InvalidArgument",
     "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets"},

    // Buckets.
    {"x-amz-bucket-object-lock-enabled", Does::kOnly, "false", "NotImplemented",
     "This service does not have object lock"},
    {"x-amz-object-ownership", Does::kOnly, "BucketOwnerEnforced", "NotImplemented",
     "This service has no ACLs, so a bucket's ownership is always BucketOwnerEnforced"},
    {"x-amz-skip-destination-validation",
     Does::kIgnored,
     {},
     {},
     "no destination of notifications can be set"},
    {"x-amz-bucket-namespace", Does::kOnly, "global", "NotImplemented",
     "This service has one namespace of buckets, global"},
    {"prefix"},
    {"continuation-token"},
    {"max-buckets"},
    {"bucket-region"},

    // Listings.
    {"delimiter"},
    {"encoding-type"},
    {"max-keys"},
    {"marker"},
    {"start-after"},
    {"fetch-owner", Does::kOnly, "true|false", "InvalidArgument",
     "fetch-owner must be true or false"},
    {"key-marker"},
    {"version-id-marker"},
    {"max-uploads"},
    {"upload-id-marker"},
    {"max-parts"},
    {"part-number-marker"},
    {"x-amz-optional-object-attributes", Does::kOnly, "RestoreStatus", "InvalidArgument",
     "Invalid attribute name specified (no object is ever being restored here)."},

    // Objects.
    {"versionId"},
    {"partNumber"},
    {"response-content-type"},
    {"response-content-language"},
    {"response-expires"},
    {"response-cache-control"},
    {"response-content-disposition"},
    {"response-content-encoding"},
    {"x-amz-object-attributes"},
    {"x-amz-max-parts"},
    {"x-amz-part-number-marker"},
};

constexpr std::string_view kEverywhere[] = {
    "x-id",
    "x-amz-date",
    "x-amz-content-sha256",
    "x-amz-security-token",
    "x-amz-decoded-content-length",
    "x-amz-trailer",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-expected-bucket-owner",
    "x-amz-te",
    "x-amz-user-agent",
    "x-amz-request-payer",
};
constexpr std::string_view kStored[] = {
    "x-amz-meta-*",
    "x-amz-tagging",
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-bucket-key-enabled",
    "x-amz-server-side-encryption-context",
    "x-amz-acl",
};
constexpr std::string_view kSums[] = {"x-amz-checksum-crc32",     "x-amz-checksum-crc32c",
                                      "x-amz-checksum-crc64nvme", "x-amz-checksum-sha1",
                                      "x-amz-checksum-sha256",    "x-amz-checksum-sha512",
                                      "x-amz-checksum-md5",       "x-amz-checksum-xxhash64",
                                      "x-amz-checksum-xxhash3",   "x-amz-checksum-xxhash128"};
constexpr std::string_view kPutSum[] = {"x-amz-checksum-algorithm", "if-match", "if-none-match"};
constexpr std::string_view kForm[] = {"x-amz-checksum-algorithm"};
constexpr std::string_view kCopy[] = {"x-amz-copy-source",
                                      "x-amz-copy-source-if-match",
                                      "x-amz-copy-source-if-none-match",
                                      "x-amz-copy-source-if-modified-since",
                                      "x-amz-copy-source-if-unmodified-since",
                                      "x-amz-source-expected-bucket-owner",
                                      "x-amz-metadata-directive",
                                      "x-amz-tagging-directive",
                                      "x-amz-object-annotation-directive",
                                      "x-amz-checksum-algorithm",
                                      "if-match",
                                      "if-none-match"};
constexpr std::string_view kPartCopy[] = {"x-amz-copy-source",
                                          "x-amz-copy-source-range",
                                          "x-amz-copy-source-if-match",
                                          "x-amz-copy-source-if-none-match",
                                          "x-amz-copy-source-if-modified-since",
                                          "x-amz-copy-source-if-unmodified-since",
                                          "x-amz-source-expected-bucket-owner"};
constexpr std::string_view kPart[] = {"partNumber"};
constexpr std::string_view kCreateUpload[] = {"x-amz-checksum-algorithm", "x-amz-checksum-type"};
constexpr std::string_view kComplete[] = {"x-amz-checksum-type", "x-amz-mp-object-size", "if-match",
                                          "if-none-match"};
constexpr std::string_view kAbort[] = {"x-amz-if-match-initiated-time"};
constexpr std::string_view kListParts[] = {"max-parts", "part-number-marker", "encoding-type"};
constexpr std::string_view kGet[] = {"versionId",
                                     "partNumber",
                                     "response-content-type",
                                     "response-content-language",
                                     "response-expires",
                                     "response-cache-control",
                                     "response-content-disposition",
                                     "response-content-encoding",
                                     "if-match",
                                     "if-none-match",
                                     "if-modified-since",
                                     "if-unmodified-since",
                                     "if-range",
                                     "range",
                                     "x-amz-checksum-mode"};
constexpr std::string_view kDelete[] = {"versionId", "if-match",
                                        "x-amz-if-match-last-modified-time", "x-amz-if-match-size",
                                        "x-amz-bypass-governance-retention"};
constexpr std::string_view kVersion[] = {"versionId"};
constexpr std::string_view kAttributes[] = {"versionId", "x-amz-object-attributes",
                                            "x-amz-max-parts", "x-amz-part-number-marker"};
constexpr std::string_view kNotify[] = {"x-amz-skip-destination-validation"};
constexpr std::string_view kAclInputs[] = {"x-amz-acl"};
constexpr std::string_view kBypass[] = {"x-amz-bypass-governance-retention"};
constexpr std::string_view kCreateBucket[] = {"x-amz-acl", "x-amz-bucket-object-lock-enabled",
                                              "x-amz-object-ownership", "x-amz-bucket-namespace"};
constexpr std::string_view kBuckets[] = {"prefix", "continuation-token", "max-buckets",
                                         "bucket-region"};
constexpr std::string_view kList[] = {"prefix", "delimiter", "encoding-type", "max-keys",
                                      "x-amz-optional-object-attributes"};
constexpr std::string_view kListV1[] = {"marker"};
constexpr std::string_view kListV2[] = {"continuation-token", "fetch-owner", "start-after"};
constexpr std::string_view kListVersions[] = {"key-marker", "version-id-marker"};
constexpr std::string_view kListUploads[] = {"prefix",     "delimiter",   "encoding-type",
                                             "key-marker", "max-uploads", "upload-id-marker"};

constexpr auto kService = Level::kService;
constexpr auto kBucket = Level::kBucket;
constexpr auto kObject = Level::kObject;

constexpr std::string_view kAnalytics = "analytics, inventory, metrics and tiering of buckets";
constexpr std::string_view kTables = "metadata tables";
constexpr std::string_view kAnnotations = "annotations of objects";
constexpr std::string_view kLock = "object lock: retention and legal holds";
constexpr std::string_view kCors = "cross-origin rules (CORS)";
constexpr std::string_view kLifecycle = "lifecycle rules";
constexpr std::string_view kPolicy = "bucket policies";
constexpr std::string_view kReplication = "replication";
constexpr std::string_view kWebsite = "static websites";
constexpr std::string_view kDirectory = "directory buckets";

// clang-format off: a row a line
constexpr Operation kOperations[] = {
    {"ListBuckets", "GET", kService, "", "", {kBuckets}, &Call::ListBuckets},

    {"CreateBucket", "PUT", kBucket, "", "", {kCreateBucket, kSums}, &Call::CreateBucket},
    {"HeadBucket", "HEAD", kBucket, "", "", {}, &Call::HeadBucket},
    {"DeleteBucket", "DELETE", kBucket, "", "", {}, &Call::DeleteBucket},
    {"ListObjects", "GET", kBucket, "", "", {kList, kListV1}, &Call::ListV1},
    {"ListObjectsV2", "GET", kBucket, "list-type", "", {kList, kListV2}, &Call::ListV2},
    {"ListObjectVersions", "GET", kBucket, "versions", "", {kList, kListVersions},
     &Call::ListVersions},
    {"ListMultipartUploads", "GET", kBucket, "uploads", "", {kListUploads}, &Call::ListUploads},
    {"DeleteObjects", "POST", kBucket, "delete", "", {kSums, kBypass}, &Call::DeleteObjects},
    {"PostObject", "POST", kBucket, "", "", {kStored, kSums, kForm}, &Call::PostWithoutForm},

    {"GetBucketLocation", "GET", kBucket, "location", "", {}, &Call::GetLocation},
    {"GetBucketAcl", "GET", kBucket, "acl", "", {}, &Call::GetBucketAcl},
    {"PutBucketAcl", "PUT", kBucket, "acl", "", {kAclInputs, kSums}, &Call::PutBucketAcl},
    {"GetBucketTagging", "GET", kBucket, "tagging", "", {}, &Call::GetBucketTagging},
    {"PutBucketTagging", "PUT", kBucket, "tagging", "", {kSums}, &Call::PutBucketTagging},
    {"DeleteBucketTagging", "DELETE", kBucket, "tagging", "", {}, &Call::DeleteSetting},
    {"GetBucketVersioning", "GET", kBucket, "versioning", "", {}, &Call::GetSetting},
    {"PutBucketVersioning", "PUT", kBucket, "versioning", "", {kSums}, &Call::PutSetting},
    {"GetBucketEncryption", "GET", kBucket, "encryption", "", {}, &Call::GetSetting},
    {"PutBucketEncryption", "PUT", kBucket, "encryption", "", {kSums}, &Call::PutSetting},
    {"DeleteBucketEncryption", "DELETE", kBucket, "encryption", "", {}, &Call::DeleteSetting},
    {"GetPublicAccessBlock", "GET", kBucket, "publicAccessBlock", "", {}, &Call::GetSetting},
    {"PutPublicAccessBlock", "PUT", kBucket, "publicAccessBlock", "", {kSums}, &Call::PutSetting},
    {"DeletePublicAccessBlock", "DELETE", kBucket, "publicAccessBlock", "", {},
     &Call::DeleteSetting},
    {"GetBucketOwnershipControls", "GET", kBucket, "ownershipControls", "", {}, &Call::GetSetting},
    {"PutBucketOwnershipControls", "PUT", kBucket, "ownershipControls", "", {kSums},
     &Call::PutSetting},
    {"DeleteBucketOwnershipControls", "DELETE", kBucket, "ownershipControls", "", {},
     &Call::DeleteSetting},
    {"GetBucketRequestPayment", "GET", kBucket, "requestPayment", "", {}, &Call::GetSetting},
    {"PutBucketRequestPayment", "PUT", kBucket, "requestPayment", "", {kSums}, &Call::PutSetting},
    {"GetBucketAccelerateConfiguration", "GET", kBucket, "accelerate", "", {}, &Call::GetSetting},
    {"PutBucketAccelerateConfiguration", "PUT", kBucket, "accelerate", "", {kSums},
     &Call::PutSetting},
    {"GetBucketLogging", "GET", kBucket, "logging", "", {}, &Call::GetSetting},
    {"PutBucketLogging", "PUT", kBucket, "logging", "", {kSums}, &Call::PutSetting},
    {"GetBucketNotification", "GET", kBucket, "notification", "", {}, &Call::GetSetting},
    {"PutBucketNotification", "PUT", kBucket, "notification", "", {kSums, kNotify},
     &Call::PutSetting},
    {"GetBucketCors", "GET", kBucket, "cors", "", {}, &Call::GetSetting},
    {"PutBucketCors", "PUT", kBucket, "cors", "", {}, nullptr, kCors},
    {"DeleteBucketCors", "DELETE", kBucket, "cors", "", {}, &Call::DeleteSetting},
    {"GetBucketLifecycle", "GET", kBucket, "lifecycle", "", {}, &Call::GetSetting},
    {"PutBucketLifecycle", "PUT", kBucket, "lifecycle", "", {}, nullptr, kLifecycle},
    {"DeleteBucketLifecycle", "DELETE", kBucket, "lifecycle", "", {}, &Call::DeleteSetting},
    {"GetBucketPolicy", "GET", kBucket, "policy", "", {}, &Call::GetSetting},
    {"PutBucketPolicy", "PUT", kBucket, "policy", "", {}, nullptr, kPolicy},
    {"DeleteBucketPolicy", "DELETE", kBucket, "policy", "", {}, &Call::DeleteSetting},
    {"GetBucketPolicyStatus", "GET", kBucket, "policyStatus", "", {}, &Call::GetSetting},
    {"GetBucketReplication", "GET", kBucket, "replication", "", {}, &Call::GetSetting},
    {"PutBucketReplication", "PUT", kBucket, "replication", "", {}, nullptr, kReplication},
    {"DeleteBucketReplication", "DELETE", kBucket, "replication", "", {}, &Call::DeleteSetting},
    {"GetBucketWebsite", "GET", kBucket, "website", "", {}, &Call::GetSetting},
    {"PutBucketWebsite", "PUT", kBucket, "website", "", {}, nullptr, kWebsite},
    {"DeleteBucketWebsite", "DELETE", kBucket, "website", "", {}, &Call::DeleteSetting},
    {"GetObjectLockConfiguration", "GET", kBucket, "object-lock", "", {}, &Call::GetSetting},
    {"PutObjectLockConfiguration", "PUT", kBucket, "object-lock", "", {}, nullptr, kLock},
    {"GetBucketAbac", "GET", kBucket, "abac", "", {}, &Call::GetSetting},
    {"PutBucketAbac", "PUT", kBucket, "abac", "", {kSums}, &Call::PutSetting},
    {"GetBucketAnalyticsConfiguration", "GET", kBucket, "analytics", "", {}, nullptr, kAnalytics},
    {"PutBucketAnalyticsConfiguration", "PUT", kBucket, "analytics", "", {}, nullptr, kAnalytics},
    {"DeleteBucketAnalyticsConfiguration", "DELETE", kBucket, "analytics", "", {}, nullptr,
     kAnalytics},
    {"GetBucketInventoryConfiguration", "GET", kBucket, "inventory", "", {}, nullptr, kAnalytics},
    {"PutBucketInventoryConfiguration", "PUT", kBucket, "inventory", "", {}, nullptr, kAnalytics},
    {"DeleteBucketInventoryConfiguration", "DELETE", kBucket, "inventory", "", {}, nullptr,
     kAnalytics},
    {"GetBucketMetricsConfiguration", "GET", kBucket, "metrics", "", {}, nullptr, kAnalytics},
    {"PutBucketMetricsConfiguration", "PUT", kBucket, "metrics", "", {}, nullptr, kAnalytics},
    {"DeleteBucketMetricsConfiguration", "DELETE", kBucket, "metrics", "", {}, nullptr, kAnalytics},
    {"GetBucketIntelligentTieringConfiguration", "GET", kBucket, "intelligent-tiering", "", {},
     nullptr, kAnalytics},
    {"PutBucketIntelligentTieringConfiguration", "PUT", kBucket, "intelligent-tiering", "", {},
     nullptr, kAnalytics},
    {"DeleteBucketIntelligentTieringConfiguration", "DELETE", kBucket, "intelligent-tiering", "",
     {}, nullptr, kAnalytics},
    {"GetBucketMetadataConfiguration", "GET", kBucket, "metadataConfiguration", "", {}, nullptr,
     kTables},
    {"CreateBucketMetadataConfiguration", "POST", kBucket, "metadataConfiguration", "", {},
     nullptr, kTables},
    {"DeleteBucketMetadataConfiguration", "DELETE", kBucket, "metadataConfiguration", "", {},
     nullptr, kTables},
    {"GetBucketMetadataTableConfiguration", "GET", kBucket, "metadataTable", "", {}, nullptr,
     kTables},
    {"CreateBucketMetadataTableConfiguration", "POST", kBucket, "metadataTable", "", {}, nullptr,
     kTables},
    {"DeleteBucketMetadataTableConfiguration", "DELETE", kBucket, "metadataTable", "", {},
     nullptr, kTables},
    {"UpdateBucketMetadataAnnotationTableConfiguration", "PUT", kBucket,
     "metadataAnnotationTable", "", {}, nullptr, kTables},
    {"UpdateBucketMetadataInventoryTableConfiguration", "PUT", kBucket, "metadataInventoryTable",
     "", {}, nullptr, kTables},
    {"UpdateBucketMetadataJournalTableConfiguration", "PUT", kBucket, "metadataJournalTable", "",
     {}, nullptr, kTables},
    {"CreateSession", "GET", kBucket, "session", "", {}, nullptr, kDirectory},

    {"PutObject", "PUT", kObject, "", "", {kStored, kSums, kPutSum}, &Call::Put},
    {"CopyObject", "PUT", kObject, "", "x-amz-copy-source", {kStored, kCopy}, &Call::Copy},
    {"GetObject", "GET", kObject, "", "", {kGet}, &Call::Get},
    {"HeadObject", "HEAD", kObject, "", "", {kGet}, &Call::Get},
    {"DeleteObject", "DELETE", kObject, "", "", {kDelete}, &Call::Delete},
    {"GetObjectTagging", "GET", kObject, "tagging", "", {kVersion}, &Call::GetTagging},
    {"PutObjectTagging", "PUT", kObject, "tagging", "", {kVersion, kSums}, &Call::PutTagging},
    {"DeleteObjectTagging", "DELETE", kObject, "tagging", "", {kVersion}, &Call::DeleteTagging},
    {"GetObjectAcl", "GET", kObject, "acl", "", {kVersion}, &Call::GetObjectAcl},
    {"PutObjectAcl", "PUT", kObject, "acl", "", {kAclInputs, kSums, kVersion}, &Call::PutObjectAcl},
    {"GetObjectAttributes", "GET", kObject, "attributes", "", {kAttributes}, &Call::GetAttributes},
    {"CreateMultipartUpload", "POST", kObject, "uploads", "", {kStored, kCreateUpload},
     &Call::CreateUpload},
    {"UploadPart", "PUT", kObject, "uploadId", "", {kPart, kSums}, &Call::UploadPart},
    {"UploadPartCopy", "PUT", kObject, "uploadId", "x-amz-copy-source", {kPart, kPartCopy},
     &Call::UploadPartCopy},
    {"CompleteMultipartUpload", "POST", kObject, "uploadId", "", {kSums, kComplete},
     &Call::CompleteUpload},
    {"AbortMultipartUpload", "DELETE", kObject, "uploadId", "", {kAbort}, &Call::AbortUpload},
    {"ListParts", "GET", kObject, "uploadId", "", {kListParts}, &Call::ListParts},
    {"GetObjectTorrent", "GET", kObject, "torrent", "", {}, nullptr, "torrents"},
    {"RestoreObject", "POST", kObject, "restore", "", {}, nullptr,
     "archives to restore from: objects of every class can be read at once"},
    {"SelectObjectContent", "POST", kObject, "select", "", {}, nullptr, "SQL over objects"},
    {"GetObjectLegalHold", "GET", kObject, "legal-hold", "", {}, nullptr, kLock},
    {"PutObjectLegalHold", "PUT", kObject, "legal-hold", "", {}, nullptr, kLock},
    {"GetObjectRetention", "GET", kObject, "retention", "", {}, nullptr, kLock},
    {"PutObjectRetention", "PUT", kObject, "retention", "", {}, nullptr, kLock},
    {"UpdateObjectEncryption", "PUT", kObject, "encryption", "", {}, nullptr,
     "changing an object's encryption in place: copy it onto itself"},
    {"GetObjectAnnotation", "GET", kObject, "annotation", "", {}, nullptr, kAnnotations},
    {"PutObjectAnnotation", "PUT", kObject, "annotation", "", {}, nullptr, kAnnotations},
    {"DeleteObjectAnnotation", "DELETE", kObject, "annotation", "", {}, nullptr, kAnnotations},
    {"RenameObject", "PUT", kObject, "renameObject", "", {}, nullptr,
     "renaming in place: copy and delete"},
};
// clang-format on

// "x-amz-meta-*" names every header that begins so.
bool Covers(std::string_view pattern, std::string_view name) {
  if (!pattern.ends_with('*')) return pattern == name;
  return name.starts_with(pattern.substr(0, pattern.size() - 1));
}

const Input* FindInput(std::string_view name) {
  const Input* found = nullptr;
  for (const Input& input : kInputs) {
    const bool closer = found == nullptr || input.name.size() > found->name.size();
    if (Covers(input.name, name) && closer) found = &input;
  }
  return found;
}

bool Knows(const Operation& operation, std::string_view pattern) {
  if (std::ranges::find(kEverywhere, pattern) != std::end(kEverywhere)) return true;
  return std::ranges::any_of(operation.inputs, [&](Names names) {
    return std::ranges::find(names, pattern) != names.end();
  });
}

// Headers that can change what a request means. The others are HTTP's, or kept with the object.
bool IsMeaningful(std::string_view lower) {
  return lower.starts_with("x-amz-") || lower.starts_with("if-") || lower == "range" ||
         lower == "content-range";
}

bool Accepts(const Input& input, std::string_view value) {
  return std::ranges::any_of(Split(input.values, '|'),
                             [&](std::string_view good) { return good == Trim(value); });
}

// `what` is "header" or "query parameter".
Status CheckInput(const Operation& operation, std::string_view what, const std::string& name,
                  std::string_view value) {
  const Input* input = FindInput(name);
  const ErrorDetails argument = {{"ArgumentName", name}, {"ArgumentValue", std::string(value)}};
  if (input == nullptr) {
    return FailWith(
        Code::kUnimplemented, "NotImplemented",
        "A " + std::string(what) + " you provided implies functionality that is not implemented",
        {{what == "header" ? "Header" : "Parameter", name}});
  }
  const Code code = input->code == "NotImplemented" ? Code::kUnimplemented : Code::kInvalidArgument;
  if (input->does == Does::kRefused ||
      (input->does == Does::kOnly && Knows(operation, input->name) && !Accepts(*input, value))) {
    return FailWith(code, std::string(input->code), std::string(input->note), argument);
  }
  if (Knows(operation, input->name)) return {};
  return FailWith(Code::kInvalidArgument, "InvalidArgument",
                  name + " " + std::string(what) + " is not supported for this operation.",
                  argument);
}

bool IsSelector(std::string_view name) {
  return !name.empty() &&
         std::ranges::any_of(kOperations, [&](const Operation& o) { return o.selector == name; });
}

// JavaScript's SDK signs the checksum of the body that it does not have yet into a URL for an
// upload. Such a sum says nothing of the body that comes; another one is compared with it.
bool IsEmptyBodySum(std::string_view header, std::string_view value) {
  const auto* sum = std::ranges::find(kChecksumNames, header, &ChecksumName::header);
  return sum != std::end(kChecksumNames) && value == Base64Encode(Hash(sum->kind, ""));
}

std::string_view ResourceType(Level level) {
  constexpr std::string_view kNames[] = {"SERVICE", "BUCKET", "OBJECT"};
  return kNames[static_cast<size_t>(level)];
}

}  // namespace

std::span<const Input> AllInputs() { return kInputs; }
std::span<const Operation> AllOperations() { return kOperations; }

Status MoveSignedQuery(Request& r) {
  constexpr std::string_view kSignature[] = {
      "X-Amz-Algorithm",     "X-Amz-Credential",     "X-Amz-Date",           "X-Amz-Expires",
      "X-Amz-SignedHeaders", "X-Amz-Security-Token", "X-Amz-Content-Sha256", "X-Amz-Signature"};
  const bool v4 = net::FindParam(r.query, "X-Amz-Signature").has_value();
  const bool v2 = net::FindParam(r.query, "Signature") && net::FindParam(r.query, "AWSAccessKeyId");
  if (v4 + v2 + r.headers.Find("authorization").has_value() > 1) {
    return Fail(Code::kInvalidArgument, "InvalidArgument",
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, "
                "Signature query string parameter or the Authorization header should be specified");
  }
  net::Query rest;
  for (auto& [name, value] : r.query) {
    if (v4 && std::ranges::find(kSignature, name) != std::end(kSignature)) continue;
    if (v2 && (name == "Signature" || name == "AWSAccessKeyId" || name == "Expires")) continue;
    const std::string lower = ToLower(name);
    // Version 2 signs these two as well, wherever they are.
    const bool header =
        lower.starts_with("x-amz-") || (v2 && (lower == "content-type" || lower == "content-md5"));
    if (!header) {
      rest.emplace_back(std::move(name), std::move(value));
      continue;
    }
    if (!IsHeaderValue(value)) {
      return Fail(Code::kInvalidArgument, "InvalidArgument",
                  lower + " holds characters that no header may");
    }
    if (IsEmptyBodySum(lower, value)) continue;
    const auto given = r.headers.Find(lower);
    if (given && *given != value) {
      return Fail(Code::kInvalidArgument, "InvalidRequest",
                  "The header " + lower + " has another value in the query");
    }
    if (!given) r.headers.Add(lower, std::move(value));
  }
  r.query = std::move(rest);
  return {};
}

Result<const Operation*> FindOperation(const Request& r, Level level) {
  std::vector<std::string> selectors;
  for (const auto& [name, value] : r.query) {
    if (IsSelector(name) && std::ranges::find(selectors, name) == selectors.end()) {
      selectors.push_back(name);
    }
  }
  if (selectors.size() > 1) {
    return FailWith(Code::kInvalidArgument, "InvalidArgument",
                    "Conflicting query string parameters: " + Join(selectors, ", "),
                    {{"ArgumentName", "ResourceType"}, {"ArgumentValue", selectors[0]}});
  }
  const std::string_view selector = selectors.empty() ? std::string_view() : selectors[0];
  const Operation* found = nullptr;
  bool other_method = false;
  for (const Operation& o : kOperations) {
    if (o.level != level || o.selector != selector) continue;
    if (o.method != r.method) {
      other_method = true;
    } else if (o.by_header.empty() ? found == nullptr : r.headers.Find(o.by_header).has_value()) {
      found = &o;
    }
  }
  if (found != nullptr) return found;
  if (!other_method) {
    return FailWith(Code::kUnimplemented, "NotImplemented",
                    "A query parameter you provided implies functionality that is not implemented",
                    {{"Parameter", std::string(selector)}});
  }
  return FailWith(Code::kInvalidArgument, "MethodNotAllowed",
                  "The specified method is not allowed against this resource.",
                  {{"Method", r.method}, {"ResourceType", std::string(ResourceType(level))}});
}

Status CheckInputs(const Request& r, const Operation& operation) {
  const auto twice = [](std::string_view what, const std::string& name, const std::string& value) {
    return FailWith(Code::kInvalidArgument, "InvalidArgument",
                    "The " + std::string(what) + " " + name + " is given twice, with other values",
                    {{"ArgumentName", name}, {"ArgumentValue", value}});
  };
  for (const auto& [name, value] : r.query) {
    if (net::FindParam(r.query, name) != value) return twice("query parameter", name, value);
    if (IsMeaningful(ToLower(name))) {  // a header's name, which nobody looks for here
      return FailWith(
          Code::kUnimplemented, "NotImplemented",
          "A query parameter you provided implies functionality that is not implemented",
          {{"Parameter", name}});
    }
    if (name.empty() || name != operation.selector) {  // plain operations have an empty selector
      CLARY_CHECK_OK(CheckInput(operation, "query parameter", name, value));
    }
  }
  for (const auto& [name, value] : r.headers.all()) {
    const std::string lower = ToLower(name);
    const bool is_list = lower == "x-amz-object-attributes" || lower.starts_with("x-amz-meta-");
    if ((IsMeaningful(lower) || lower == "content-md5") && !is_list &&
        r.headers.Find(lower) != value) {
      return twice("header", lower, value);
    }
    if (IsMeaningful(lower)) CLARY_CHECK_OK(CheckInput(operation, "header", lower, value));
  }
  return {};
}

bool TakesBody(const Operation& operation) {
  return std::ranges::any_of(operation.inputs, [](Names names) { return names.data() == kSums; });
}

std::string DescribeOperations() {
  std::string out =
      "# S3: what is done, ignored and refused\n\n"
      "Made from the service's own table by the test `S3Operations.TheDocumentIsTheTable`; run it\n"
      "with `CLARY_UPDATE_GOLDEN=1` to write it anew. The rule: an operation, a query parameter or "
      "an\n"
      "`x-amz-`, `if-` or range header that is not listed is refused (501 NotImplemented, or 400 "
      "if\n"
      "another operation has it), and a refused request changes nothing. `x-amz-*` parameters of "
      "a\n"
      "query count as headers, as in presigned URLs.\n\n"
      "Clary's store serves training: no versions, one owner, no encryption at rest. A bucket's\n"
      "settings are AWS's defaults; setting one to its default again is answered as done, "
      "anything\n"
      "else is refused. Storage classes are kept and listed, and objects of all of them can be "
      "read\n"
      "at once. `x-amz-server-side-encryption` is kept and answered; nothing is encrypted by "
      "it.\n\n"
      "## Done\n\n| operation | request | parameters and headers it knows |\n|---|---|---|\n";
  const auto resource = [](const Operation& o) {
    std::string text = std::string(o.method) + " /";
    if (o.level != Level::kService) text += "bucket";
    if (o.level == Level::kObject) text += "/key";
    if (!o.selector.empty()) text += "?" + std::string(o.selector);
    return text;
  };
  for (const Operation& o : kOperations) {
    if (o.run == nullptr) continue;
    std::string inputs;
    for (const Names& names : o.inputs) {
      if (names.data() == kSums) {  // all ten
        inputs += (inputs.empty() ? "" : ", ") + std::string("x-amz-checksum-(algorithm)");
        continue;
      }
      for (const std::string_view name : names) {
        inputs += (inputs.empty() ? "" : ", ") + std::string(name);
      }
    }
    out += "| " + std::string(o.name) + " | `" + resource(o) + "` | " + inputs + " |\n";
  }
  out += "\nEvery operation knows ";
  for (const std::string_view name : kEverywhere) {
    out += (name == kEverywhere[0] ? "" : ", ") + std::string(name);
  }
  out +=
      ".\nA form of `PostObject` has the fields that S3 documents; they mean what the headers of\n"
      "`PutObject` mean. Checksums: " +
      ChecksumList() +
      ". In a\npresigned URL the checksum of an empty body is not compared: JavaScript's SDK signs "
      "it for a\n"
      "body that it does not have yet. As in S3, a copy heeds the headers of metadata only with\n"
      "`x-amz-metadata-directive: REPLACE`, those of tags only with `x-amz-tagging-directive: "
      "REPLACE`.\n\n## Values\n\n"
      "| parameter or header | accepted | else |\n|---|---|---|\n";
  for (const Input& input : kInputs) {
    if (input.does != Does::kOnly) continue;
    std::string values(input.values);
    for (size_t at = 0; (at = values.find('|', at)) != std::string::npos;)
      values.replace(at, 1, ", ");
    out += "| " + std::string(input.name) + " | " + values + " | " + std::string(input.code) +
           ": " + std::string(input.note) + " |\n";
  }
  out += "\n## Ignored, whatever the value\n\n| parameter or header | why |\n|---|---|\n";
  for (const Input& input : kInputs) {
    if (input.does != Does::kIgnored) continue;
    out += "| " + std::string(input.name) + " | " + std::string(input.note) + " |\n";
  }
  out += "\n## Refused\n\n| header | answer |\n|---|---|\n";
  for (const Input& input : kInputs) {
    if (input.does != Does::kRefused) continue;
    out += "| " + std::string(input.name) + " | " + std::string(input.code) + ": " +
           std::string(input.note) + " |\n";
  }
  out += "\n| not here | operations |\n|---|---|\n";
  std::vector<std::string_view> notes;
  for (const Operation& o : kOperations) {
    if (o.run == nullptr && std::ranges::find(notes, o.note) == notes.end())
      notes.push_back(o.note);
  }
  for (const std::string_view note : notes) {
    std::string names;
    for (const Operation& o : kOperations) {
      if (o.run == nullptr && o.note == note) {
        names += (names.empty() ? "" : ", ") + std::string(o.name);
      }
    }
    out += "| " + std::string(note) + " | " + names + " |\n";
  }
  return out +
         "\nAlso refused: versioning that is Enabled, S3 Control, access points, Outposts, "
         "Express,\n"
         "table and vector buckets (by their host names), Signature Version 2 in a header. Who "
         "needs\n"
         "more puts another S3 behind the service.\n";
}

}  // namespace clary::objects
