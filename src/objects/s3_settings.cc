// The settings of buckets: what a new bucket has, what may be set (only that again, or tags), and
// what is answered.
#include <algorithm>
#include <iterator>
#include <span>
#include <utility>

#include "base/strings.h"
#include "objects/internal/error_details.h"
#include "objects/internal/s3_answer.h"
#include "objects/internal/s3_call.h"
#include "objects/rules.h"
#include "objects/s3_xml.h"

namespace clary::objects {

using net::Response;

namespace {

using Leaves = std::vector<std::pair<std::string, std::string>>;

struct Leaf {
  std::string_view path;
  std::string_view values;  // "a|b"
  std::string_view others;  // that S3 knows, and this service does not have
  bool required = true;
};
constexpr Leaf kAccelerateLeaves[] = {{"Status", "Suspended", "Enabled"}};
constexpr Leaf kAbacLeaves[] = {{"Status", "Disabled", "Enabled"}};
constexpr Leaf kEncryptionLeaves[] = {
    {"Rule/ApplyServerSideEncryptionByDefault/SSEAlgorithm", "AES256",
     "aws:fsx|aws:backup|aws:kms|aws:kms:dsse"},
    {"Rule/BucketKeyEnabled", "true|false", "", false},
    {"Rule/BlockedEncryptionTypes/EncryptionType", "SSE-C", "NONE", false}};
constexpr Leaf kOwnershipLeaves[] = {
    {"Rule/ObjectOwnership", "BucketOwnerEnforced", "BucketOwnerPreferred|ObjectWriter"}};
constexpr Leaf kPaymentLeaves[] = {{"Payer", "BucketOwner", "Requester"}};
constexpr Leaf kBlockLeaves[] = {{"BlockPublicAcls", "true|TRUE", "false|FALSE"},
                                 {"IgnorePublicAcls", "true|TRUE", "false|FALSE"},
                                 {"BlockPublicPolicy", "true|TRUE", "false|FALSE"},
                                 {"RestrictPublicBuckets", "true|TRUE", "false|FALSE"}};
constexpr Leaf kVersioningLeaves[] = {{"Status", "Suspended", "Enabled"},
                                      {"MfaDelete", "Disabled", "Enabled", false}};

constexpr std::string_view kEncryption =
    "<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>"
    "</ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled></Rule>";
constexpr std::string_view kOwnership =
    "<Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule>";
constexpr std::string_view kBlock =
    "<BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls>"
    "<BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true</"
    "RestrictPublicBuckets>";

struct Setting {
  std::string_view name;     // the sub-resource
  std::string_view root;     // of its document
  std::string_view initial;  // what is in the document of a new bucket; with `code`: there is none
  std::string_view set;      // after it was set
  std::string_view code;     // 404, of a bucket that does not have it
  std::string_view message;
  std::span<const Leaf> accepts = {};  // the document that may be set: the default
};
constexpr std::string_view kAbsent = "-";         // for `initial`
constexpr std::string_view kRemoved = "removed";  // kept in the store; anything else: was set
constexpr Setting kSettings[] = {
    {"abac", "AbacStatus", "<Status>Disabled</Status>", "<Status>Disabled</Status>", "", "",
     kAbacLeaves},
    {"accelerate", "AccelerateConfiguration", "", "<Status>Suspended</Status>", "", "",
     kAccelerateLeaves},
    {"cors", "", kAbsent, "", "NoSuchCORSConfiguration", "The CORS configuration does not exist"},
    {"encryption", "ServerSideEncryptionConfiguration", kEncryption, kEncryption, "", "",
     kEncryptionLeaves},
    {"lifecycle", "", kAbsent, "", "NoSuchLifecycleConfiguration",
     "The lifecycle configuration does not exist"},
    {"logging", "BucketLoggingStatus", "", "", "", ""},
    {"notification", "NotificationConfiguration", "", "", "", ""},
    {"object-lock", "", kAbsent, "", "ObjectLockConfigurationNotFoundError",
     "Object Lock configuration does not exist for this bucket"},
    {"ownershipControls", "OwnershipControls", kOwnership, kOwnership,
     "OwnershipControlsNotFoundError", "The bucket ownership controls were not found",
     kOwnershipLeaves},
    {"policy", "", kAbsent, "", "NoSuchBucketPolicy", "The bucket policy does not exist"},
    {"policyStatus", "", kAbsent, "", "NoSuchBucketPolicy", "The bucket policy does not exist"},
    {"publicAccessBlock", "PublicAccessBlockConfiguration", kBlock, kBlock,
     "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found",
     kBlockLeaves},
    {"replication", "", kAbsent, "", "ReplicationConfigurationNotFoundError",
     "The replication configuration was not found"},
    {"requestPayment", "RequestPaymentConfiguration", "<Payer>BucketOwner</Payer>",
     "<Payer>BucketOwner</Payer>", "", "", kPaymentLeaves},
    {"tagging", "", kAbsent, "", "NoSuchTagSet", "The TagSet does not exist"},
    {"versioning", "VersioningConfiguration", "", "<Status>Suspended</Status>", "", "",
     kVersioningLeaves},
    {"website", "", kAbsent, "", "NoSuchWebsiteConfiguration",
     "The specified bucket does not have a website configuration"},
};

const Setting& SettingOf(const net::Request& r) {
  return *std::ranges::find_if(kSettings, [&](const Setting& s) { return Has(r, s.name); });
}

bool IsOneOf(std::string_view text, std::string_view values) {
  const auto all = Split(values, '|');
  return std::ranges::find(all, Trim(text)) != all.end();
}

// Has each element that `accepts` names, and that is there, a value that S3 knows, once?
bool IsWellFormed(const Leaves& leaves, std::span<const Leaf> accepts) {
  return std::ranges::all_of(accepts, [&](const Leaf& leaf) {
    return std::ranges::count(leaves, leaf.path, &Leaves::value_type::first) <= 1 &&
           std::ranges::all_of(leaves, [&](const auto& given) {
             return leaf.path != given.first || IsOneOf(given.second, leaf.values) ||
                    IsOneOf(given.second, leaf.others);
           });
  });
}

// Is `leaves` what `accepts` describes?
bool IsAccepted(const Leaves& leaves, std::span<const Leaf> accepts) {
  const bool known = std::ranges::all_of(leaves, [&](const auto& given) {
    return std::ranges::any_of(accepts, [&](const Leaf& leaf) {
      return leaf.path == given.first && IsOneOf(given.second, leaf.values);
    });
  });
  return known && std::ranges::all_of(accepts, [&](const Leaf& leaf) {
           const auto n = std::ranges::count(leaves, leaf.path, &Leaves::value_type::first);
           return n == 1 || (n == 0 && !leaf.required);
         });
}

}  // namespace

Result<Response> Call::GetSetting() {
  CLARY_TRY(const auto settings, store_.GetSettings(t_.bucket));
  const Setting& setting = SettingOf(r_);
  const auto it = settings.find(std::string(setting.name));
  const bool removed = it != settings.end() && it->second == kRemoved;
  if (removed || (it == settings.end() && setting.initial == kAbsent)) {
    return Fail(Code::kNotFound, std::string(setting.code), std::string(setting.message));
  }
  XmlWriter xml(setting.root);
  return Xml(xml.Raw(it == settings.end() ? setting.initial : setting.set).Finish());
}

Result<Response> Call::PutSetting() {
  CLARY_CHECK_OK(store_.HeadBucket(t_.bucket));
  const Setting& setting = SettingOf(r_);
  CLARY_TRY(const std::string body, ReadXml(r_, caller_));
  CLARY_TRY(const Leaves leaves, ParseLeaves(body, setting.root));
  if (!IsWellFormed(leaves, setting.accepts)) {
    return Bad("MalformedXML",
               "The XML you provided was not well-formed or did not validate against our "
               "published schema");
  }
  if (!IsAccepted(leaves, setting.accepts)) {
    return Fail(Code::kUnimplemented, "NotImplemented",
                "This service does not have ?" + std::string(setting.name) +
                    " of buckets other than the default; nothing was changed");
  }
  CLARY_CHECK_OK(store_.SetSetting(t_.bucket, std::string(setting.name), "set"));
  return Empty();
}

Result<Response> Call::DeleteSetting() {
  CLARY_TRY(const auto settings, store_.GetSettings(t_.bucket));
  const Setting& setting = SettingOf(r_);
  // Who deletes the default of what has a "none" gets that; the others go back to the default.
  const bool none = !setting.code.empty() && setting.initial != kAbsent;
  if (none || settings.contains(std::string(setting.name))) {
    CLARY_CHECK_OK(store_.SetSetting(t_.bucket, std::string(setting.name),
                                     none ? std::optional(std::string(kRemoved)) : std::nullopt));
  }
  return Empty(204);
}

Result<Response> Call::GetBucketTagging() {
  CLARY_TRY(const auto settings, store_.GetSettings(t_.bucket));
  const auto it = settings.find("tagging");
  if (it == settings.end()) {
    return Fail(Code::kNotFound, "NoSuchTagSet", "The TagSet does not exist");
  }
  CLARY_TRY(const Tags tags, ParseTagging(it->second, kMaxBucketTags));
  return Xml(WriteTagSet(tags));
}

Result<Response> Call::PutBucketTagging() {
  CLARY_TRY(const std::string body, ReadXml(r_, caller_));
  CLARY_TRY(const auto listed, ParseTagSet(body));
  CLARY_TRY(const Tags tags, TagsOf(listed, kMaxBucketTags));
  CLARY_CHECK_OK(store_.SetSetting(t_.bucket, "tagging", FormatTagging(tags)));
  return Empty(204);
}

// Only the default, as a canned name or as a document, in whatever way it is written.
Status Call::CheckDefaultAcl() {
  CLARY_TRY(const std::string body, ReadXml(r_, caller_));
  const bool canned = r_.headers.Find("x-amz-acl").has_value();  // its value was checked
  if (Trim(std::string_view(body)).empty()) {
    if (canned) return {};
    return Bad("MissingSecurityHeader", "Your request was missing a required header");
  }
  if (canned) {
    return Bad("UnexpectedContent", "This request does not support content");
  }
  const auto leaves = ParseLeaves(body, "AccessControlPolicy");
  if (!leaves) {
    return Bad("MalformedACLError",
               "The XML you provided was not well-formed or did not validate against our "
               "published schema");
  }
  const std::string owner = OwnerId(caller_);
  constexpr std::string_view kGrant = "AccessControlList/Grant/";
  for (const auto& [path, text] : *leaves) {
    const bool id = path == "Owner/ID" || path == std::string(kGrant) + "Grantee/ID";
    const bool name =
        path == "Owner/DisplayName" || path == std::string(kGrant) + "Grantee/DisplayName";
    const bool permission = path == std::string(kGrant) + "Permission";
    if (permission && !IsOneOf(text, "FULL_CONTROL|WRITE|WRITE_ACP|READ|READ_ACP")) {
      return Bad("MalformedACLError",
                 "The XML you provided was not well-formed or did not validate against our "
                 "published schema");
    }
    if ((id && text == owner) || name || (permission && text == "FULL_CONTROL")) continue;
    return Bad("AccessControlListNotSupported", "The bucket does not allow ACLs");
  }
  const auto n = [&](std::string_view path) {
    return std::ranges::count(*leaves, path, &Leaves::value_type::first);
  };
  if (n("AccessControlList/Grant/Grantee/ID") != 1 ||
      n("AccessControlList/Grant/Permission") != 1) {
    return Bad("AccessControlListNotSupported", "The bucket does not allow ACLs");
  }
  return {};
}

Result<Response> Call::GetBucketAcl() {
  CLARY_CHECK_OK(store_.HeadBucket(t_.bucket));
  return AclAnswer(caller_);
}

Result<Response> Call::PutBucketAcl() {
  CLARY_CHECK_OK(store_.HeadBucket(t_.bucket));
  CLARY_CHECK_OK(CheckDefaultAcl());
  return Empty();
}

Result<Response> Call::GetObjectAcl() {
  CLARY_CHECK_OK(CheckVersion());
  CLARY_CHECK_OK(store_.Head(t_.ref()));
  return AclAnswer(caller_);
}

Result<Response> Call::PutObjectAcl() {
  CLARY_CHECK_OK(CheckVersion());
  CLARY_CHECK_OK(store_.Head(t_.ref()));
  CLARY_CHECK_OK(CheckDefaultAcl());
  return Empty();
}

}  // namespace clary::objects
