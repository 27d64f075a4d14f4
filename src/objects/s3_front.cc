#include "objects/s3_front.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <map>
#include <span>
#include <utility>

#include "base/hash.h"
#include "base/log.h"
#include "base/strings.h"
#include "objects/rules.h"
#include "objects/s3_xml.h"

namespace clary::objects {
namespace {

using net::FindParam;
using net::Request;
using net::Response;

constexpr uint64_t kMaxPutBytes = uint64_t{5} << 30;
constexpr size_t kMaxMetadataBytes = 2048;
constexpr size_t kMaxPage = 1000;

// ---- Errors ------------------------------------------------------------------------------------

struct ErrorRow {
  std::string_view code;
  int status;
  std::string_view message;  // S3's own text, where clients or people compare it
};

constexpr ErrorRow kErrors[] = {
    {"AccessDenied", 403, ""},
    {"AuthorizationHeaderMalformed", 400, ""},
    {"AuthorizationQueryParametersError", 400, ""},
    {"BadDigest", 400, ""},
    {"BadRequest", 400, ""},
    {"BucketAlreadyExists", 409, ""},
    {"BucketAlreadyOwnedByYou", 409,
     "Your previous request to create the named bucket succeeded and you already own it."},
    {"BucketNotEmpty", 409, "The bucket you tried to delete is not empty"},
    {"DiskFull", 507, ""},  // not 503: clients would send the whole body again at once
    {"EntityTooLarge", 400, ""},
    {"EntityTooSmall", 400, ""},
    {"ExpiredToken", 400, ""},
    {"IllegalLocationConstraintException", 400, ""},
    {"IncompleteBody", 400, ""},
    {"InvalidAccessKeyId", 403, ""},
    {"InvalidArgument", 400, ""},
    {"InvalidBucketName", 400, ""},
    {"InvalidDigest", 400, ""},
    {"InvalidLocationConstraint", 400, ""},
    {"InvalidPart", 400, ""},
    {"InvalidPartOrder", 400, ""},
    {"InvalidRange", 416, "The requested range is not satisfiable"},
    {"InvalidRequest", 400, ""},
    {"InvalidTag", 400, ""},
    {"InvalidToken", 400, ""},
    {"InvalidURI", 400, ""},
    {"KeyTooLongError", 400, "Your key is too long"},
    {"MalformedXML", 400, ""},
    {"MalformedTrailerError", 400, ""},
    {"MaxMessageLengthExceeded", 400, ""},
    {"MetadataTooLarge", 400, ""},
    {"MethodNotAllowed", 405, ""},
    {"MissingContentLength", 411, ""},
    {"MissingSecurityHeader", 400, ""},
    {"NoSuchBucket", 404, "The specified bucket does not exist"},
    {"NoSuchBucketPolicy", 404, ""},
    {"NoSuchCORSConfiguration", 404, ""},
    {"NoSuchKey", 404, "The specified key does not exist."},
    {"NoSuchLifecycleConfiguration", 404, ""},
    {"NoSuchPublicAccessBlockConfiguration", 404, ""},
    {"NoSuchTagSet", 404, ""},
    {"NoSuchUpload", 404, ""},
    {"NoSuchVersion", 404, ""},
    {"NoSuchWebsiteConfiguration", 404, ""},
    {"NotImplemented", 501, ""},
    {"NotModified", 304, ""},
    {"ObjectLockConfigurationNotFoundError", 404, ""},
    {"OperationAborted", 409, ""},
    {"OwnershipControlsNotFoundError", 404, ""},
    {"PreconditionFailed", 412, "At least one of the pre-conditions you specified did not hold"},
    {"ReplicationConfigurationNotFoundError", 404, ""},
    {"RequestTimeTooSkewed", 403, ""},
    {"RequestTimeout", 400, ""},
    {"ServerSideEncryptionConfigurationNotFoundError", 404, ""},
    {"SignatureDoesNotMatch", 403, ""},
    {"SlowDown", 503, ""},
    {"XAmzContentChecksumMismatch", 400, ""},
    {"XAmzContentSHA256Mismatch", 400, ""},
};

struct Answered {
  std::string code;
  int status;
  std::string message;
};

// A reason that is no S3 code is answered by its Code.
Answered Answer(const Error& e) {
  const auto* row = std::ranges::find(kErrors, std::string_view(e.reason), &ErrorRow::code);
  if (row != std::end(kErrors)) {
    return {std::string(row->code), row->status,
            std::string(row->message.empty() ? std::string_view(e.message) : row->message)};
  }
  switch (e.code) {
    case Code::kInvalidArgument:
      return {"InvalidRequest", 400, e.message};
    case Code::kUnauthenticated:
    case Code::kPermissionDenied:
      return {"AccessDenied", 403, e.message};
    case Code::kUnimplemented:
      return {"NotImplemented", 501, e.message};
    case Code::kConflict:
      return {"OperationAborted", 409, e.message};
    case Code::kUnavailable:
    case Code::kResourceExhausted:
    case Code::kDeadlineExceeded:
    case Code::kCancelled:
      return {"ServiceUnavailable", 503, e.message};
    default:
      return {"InternalError", 500, e.message};
  }
}

std::unexpected<Error> Bad(std::string reason, std::string message) {
  return Fail(Code::kInvalidArgument, std::move(reason), std::move(message));
}

std::unexpected<Error> Unsupported(std::string_view what) {
  return Fail(Code::kUnimplemented, "NotImplemented",
              "This service does not have " + std::string(what));
}

bool Listed(std::span<const std::string_view> list, std::string_view name) {
  return std::ranges::find(list, name) != list.end();
}

// ---- Reading requests --------------------------------------------------------------------------

struct Target {
  std::string bucket;
  std::string key;
  ObjectRef ref() const { return {bucket, key}; }
};

Result<Target> ParseTarget(const Request& r) {
  std::string_view path = r.path;
  if (path.starts_with('/')) path.remove_prefix(1);
  Target t;
  std::string_view key = path;
  if (auto bucket = BucketOfHost(r.host)) {
    t.bucket = *std::move(bucket);
  } else {
    const size_t slash = path.find('/');
    const auto bucket_name = UriDecode(path.substr(0, slash));
    if (!bucket_name) return Bad("InvalidURI", "Couldn't parse the specified URI.");
    t.bucket = *bucket_name;
    key = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
  const auto decoded = UriDecode(key);
  if (!decoded) return Bad("InvalidURI", "Couldn't parse the specified URI.");
  t.key = *decoded;
  if (!t.key.empty()) CLARY_CHECK_OK(CheckKey(t.key));
  return t;
}

// Clients send times of conditions in RFC 1123; a broken one is ignored, as HTTP says.
std::optional<Time> TimeHeader(const net::Headers& headers, std::string_view name) {
  const auto text = headers.Find(name);
  if (!text) return std::nullopt;
  if (auto t = ParseRfc1123(*text)) return *t;
  if (auto t = ParseIso8601(*text)) return *t;
  return std::nullopt;
}

Conditions ParseConditions(const net::Headers& h, std::string_view prefix = "") {
  const auto name = [&](std::string_view n) { return std::string(prefix) + std::string(n); };
  return {.if_match = std::string(h.Get(name("if-match"))),
          .if_none_match = std::string(h.Get(name("if-none-match"))),
          .if_modified_since = TimeHeader(h, name("if-modified-since")),
          .if_unmodified_since = TimeHeader(h, name("if-unmodified-since"))};
}

// Headers that are kept with an object and given back as they came.
constexpr std::string_view kSystemHeaders[] = {
    "content-type",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "expires",
    "x-amz-website-redirect-location",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-bucket-key-enabled",
};
constexpr std::string_view kEncryptionHeaders[] = {
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-bucket-key-enabled",
};
constexpr std::string_view kMetaPrefix = "x-amz-meta-";

Result<std::map<std::string, std::string>> ParseObjectHeaders(const net::Headers& h) {
  std::map<std::string, std::string> out;
  size_t meta_bytes = 0;
  for (const auto& [raw_name, value] : h.all()) {
    std::string name = ToLower(raw_name);
    if (name.starts_with("x-amz-server-side-encryption-customer-")) {
      return Unsupported("encryption with customer-provided keys (SSE-C)");
    }
    if (name.starts_with(kMetaPrefix)) {
      meta_bytes += name.size() - kMetaPrefix.size() + value.size();
      std::string& all = out[name];  // a repeated header is one list
      all = all.empty() ? value : all + "," + value;
    } else if (name == "content-encoding") {
      std::vector<std::string> kept;
      for (const std::string_view item : Split(value, ',')) {
        const std::string_view coding = Trim(item);
        if (!coding.empty() && coding != "aws-chunked") kept.emplace_back(coding);
      }
      if (!kept.empty()) out[name] = Join(kept, ",");
    } else if (Listed(kSystemHeaders, name)) {
      out[name] = value;
    }
  }
  if (meta_bytes > kMaxMetadataBytes) {
    return Bad("MetadataTooLarge",
               "Your metadata headers exceed the maximum allowed metadata size of 2048 bytes");
  }
  return out;
}

Result<std::optional<HashKind>> ParseAlgorithm(std::string_view name) {
  if (name.empty()) return std::nullopt;
  const ChecksumName* found = FindChecksumName(name);
  if (found == nullptr) {
    return Bad("InvalidRequest",
               "Checksum algorithm provided is unsupported: " + std::string(name) +
                   "; use CRC32, CRC32C, SHA1, SHA256 or CRC64NVME");
  }
  return found->kind;
}

// x-amz-checksum-<algorithm> of the headers; nullopt if there is none.
Result<std::optional<Checksum>> ParseChecksum(const net::Headers& h) {
  std::optional<Checksum> out;
  for (const ChecksumName& c : kChecksumNames) {
    const auto value = h.Find(c.header);
    if (!value) continue;
    if (out) return Bad("InvalidRequest", "Expecting a single x-amz-checksum- header");
    out = Checksum{c.kind, std::string(Trim(*value))};
  }
  return out;
}

// Whatever a body has to be held against: Content-MD5, x-amz-checksum-*, x-amz-trailer.
Result<PutOptions> ParseBodyChecks(const net::Headers& h, const Caller& caller) {
  PutOptions out;
  out.content_md5 = std::string(h.Get("content-md5"));
  if (h.Find("content-md5") && out.content_md5.empty()) {
    return Bad("InvalidDigest", "The Content-MD5 you specified is not valid");
  }
  CLARY_TRY(out.checksum, ParseChecksum(h));
  if (out.checksum) {
    const auto raw = Base64Decode(out.checksum->value);
    if (!raw || raw->size() != Hash(out.checksum->kind, "").size()) {
      return Bad("InvalidRequest", "Value for " + std::string(NameOf(out.checksum->kind).header) +
                                       " header is invalid.");
    }
  }
  std::string_view algorithm = h.Get("x-amz-sdk-checksum-algorithm");
  if (algorithm.empty()) algorithm = h.Get("x-amz-checksum-algorithm");
  CLARY_TRY(out.checksum_kind, ParseAlgorithm(algorithm));
  const std::string_view trailer = Trim(h.Get("x-amz-trailer"));
  if (!trailer.empty()) {
    const auto* name = std::ranges::find_if(
        kChecksumNames, [&](const ChecksumName& c) { return EqualsIgnoreCase(c.header, trailer); });
    if (name == std::end(kChecksumNames)) {
      return Bad("InvalidRequest",
                 "The value specified in the x-amz-trailer header is not "
                 "supported");
    }
    out.checksum_kind = name->kind;
    out.trailing_checksum = [name,
                             trailers = caller.trailers]() -> Result<std::optional<Checksum>> {
      const net::Headers got = trailers ? trailers() : net::Headers();
      const auto value = got.Find(name->header);
      if (!value) {
        return Bad("MalformedTrailerError", "The request announced a trailing " +
                                                std::string(name->header) +
                                                ", but none followed the body");
      }
      return Checksum{name->kind, std::string(Trim(*value))};
    };
  }
  return out;
}

// Fails with "IncompleteBody" if the body is not as long as announced.
class ExactSource final : public ByteSource {
 public:
  ExactSource(ByteSource& inner, std::optional<uint64_t> length) : inner_(inner), length_(length) {}
  Result<size_t> Read(std::span<char> buffer) override {
    CLARY_TRY(const size_t n, inner_.Read(buffer));
    seen_ += n;
    const uint64_t most = length_.value_or(kMaxPutBytes);
    if (seen_ > most || (n == 0 && length_ && seen_ < *length_)) {
      if (!length_) {
        return Bad("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size");
      }
      return Bad("IncompleteBody",
                 "You did not provide the number of bytes specified by the length header");
    }
    return n;
  }

 private:
  ByteSource& inner_;
  std::optional<uint64_t> length_;
  uint64_t seen_ = 0;
};

// The length of the object in the body, decoded; nullopt if the client did not say.
Result<std::optional<uint64_t>> BodyLength(const Request& r) {
  std::optional<uint64_t> length = r.content_length;
  if (const auto decoded = r.headers.Find("x-amz-decoded-content-length")) {
    length = ParseUint(*decoded);
    if (!length) return Bad("InvalidArgument", "x-amz-decoded-content-length is not a number");
  }
  if (length && *length > kMaxPutBytes) {
    return Bad("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size of 5 GiB");
  }
  return length;
}

// A small body, checked against its digests.
Result<std::string> ReadXml(Request& r, const Caller& caller) {
  CLARY_TRY(const PutOptions checks, ParseBodyChecks(r.headers, caller));
  auto xml = ReadAll(*r.body, kMaxXmlBytes);
  if (!xml) {
    if (xml.error().reason == "TooLarge") {
      return Bad("MaxMessageLengthExceeded", "Your request was too big.");
    }
    return std::unexpected(std::move(xml).error());
  }
  BodyDigest digest(checks);
  digest.Update(*xml);
  CLARY_CHECK_OK(digest.Finish());
  return *std::move(xml);
}

Result<uint64_t> NumberParam(const Request& r, std::string_view name, uint64_t fallback,
                             uint64_t most) {
  const auto text = FindParam(r.query, name);
  if (!text || text->empty()) return fallback;
  const auto value = ParseUint(*text);
  if (!value || *value > std::numeric_limits<int32_t>::max()) {
    return Bad("InvalidArgument",
               "Provided " + std::string(name) + " not an integer or within integer range");
  }
  return std::min(*value, most);
}

std::string Param(const Request& r, std::string_view name) {
  return std::string(FindParam(r.query, name).value_or(""));
}

bool Has(const Request& r, std::string_view name) { return FindParam(r.query, name).has_value(); }

// ---- Writing responses -------------------------------------------------------------------------

std::string Quoted(std::string_view etag) { return "\"" + std::string(etag) + "\""; }

// S3's owner id is 64 hex digits that say nothing else.
std::string OwnerId(const Caller& caller) {
  return HexEncode(Sha256("owner:" + caller.account_id));
}

void AddOwner(XmlWriter& xml, std::string_view element, const Caller& caller) {
  xml.Open(element).Element("ID", OwnerId(caller)).Element("DisplayName", "clary").Close();
}

Response Xml(std::string body, int status = 200) {
  Response r;
  r.status = status;
  r.headers.Add("Content-Type", "application/xml");
  r.body = std::move(body);
  return r;
}

Response Empty(int status = 200) {
  Response r;
  r.status = status;
  return r;
}

std::string_view TypeOf(const Checksum& c) {
  return c.value.find('-') == std::string::npos ? "FULL_OBJECT" : "COMPOSITE";
}

void AddChecksum(net::Headers& headers, const std::optional<Checksum>& c) {
  if (!c) return;
  headers.Set(NameOf(c->kind).header, c->value);
  headers.Set("x-amz-checksum-type", std::string(TypeOf(*c)));
}

void AddChecksum(XmlWriter& xml, const std::optional<Checksum>& c, bool with_type) {
  if (!c) return;
  xml.Element(NameOf(c->kind).element, c->value);
  if (with_type) xml.Element("ChecksumType", TypeOf(*c));
}

void EchoEncryption(net::Headers& headers, const std::map<std::string, std::string>& stored) {
  for (const std::string_view name : kEncryptionHeaders) {
    if (const auto it = stored.find(std::string(name)); it != stored.end()) {
      headers.Set(name, it->second);
    }
  }
}

// One request on its way through; holds what all operations look at.
class Call {
 public:
  Call(ObjectStore& store, Request& request, const Caller& caller, Target target)
      : store_(store), r_(request), caller_(caller), t_(std::move(target)) {}

  Result<Response> Run() {
    if (t_.bucket.empty()) {
      if (!t_.key.empty()) return Bad("InvalidURI", "Couldn't parse the specified URI.");
      if (r_.method == "GET") return ListBuckets();
      return NotAllowed();
    }
    if (const auto owner = r_.headers.Find("x-amz-expected-bucket-owner");
        owner && *owner != caller_.account_id) {
      return Fail(Code::kPermissionDenied, "AccessDenied", "Access Denied");
    }
    return t_.key.empty() ? RunBucket() : RunObject();
  }

 private:
  Result<Response> NotAllowed() {
    return Fail(Code::kInvalidArgument, "MethodNotAllowed",
                "The specified method is not allowed against this resource.");
  }

  // -- Buckets --
  Result<Response> RunBucket();
  Result<Response> ListBuckets();
  Result<Response> CreateBucket();
  Result<Response> HeadBucket();
  Result<Response> GetBucketConfiguration(std::string_view name);
  Result<Response> DeleteObjects();
  Result<Response> List(bool v2);
  Result<Response> ListVersions();
  Result<Response> ListUploads();

  // -- Objects --
  Result<Response> RunObject();
  Result<Response> Put();
  Result<Response> Get(bool head);
  Result<Response> Copy();
  Result<Response> CreateUpload();
  Result<Response> UploadPart();
  Result<Response> UploadPartCopy(int number);
  Result<Response> CompleteUpload();
  Result<Response> ListParts();
  Result<Response> ObjectAcl();
  Result<Response> Tagging();
  Status CheckVersion();

  struct Source {
    ObjectRef ref;
    GetResult got;
  };
  Result<Source> OpenCopySource(const std::optional<ByteRange>& range);

  // Percent-encodes what a listing shows if the client asked for that.
  Result<bool> EncodesUrls() {
    const auto type = FindParam(r_.query, "encoding-type");
    if (!type || type->empty()) return false;
    if (*type != "url")
      return Bad("InvalidArgument", "Invalid Encoding Method specified in Request");
    return true;
  }
  static std::string Shown(std::string_view text, bool url) {
    return url ? UriEncode(text, /*keep_slash=*/true) : std::string(text);
  }

  ObjectStore& store_;
  Request& r_;
  const Caller& caller_;
  const Target t_;
};

// ---- Buckets -----------------------------------------------------------------------------------

Result<Response> Call::ListBuckets() {
  CLARY_TRY(const auto buckets, store_.ListBuckets());
  const std::string prefix = Param(r_, "prefix");
  const std::string region = Param(r_, "bucket-region");
  const std::string after = Param(r_, "continuation-token");
  CLARY_TRY(const uint64_t most, NumberParam(r_, "max-buckets", 10'000, 10'000));
  XmlWriter xml("ListAllMyBucketsResult");
  AddOwner(xml, "Owner", caller_);
  xml.Open("Buckets");
  uint64_t n = 0;
  std::string last;
  bool truncated = false;
  for (const BucketInfo& b : buckets) {
    if (!b.name.starts_with(prefix) || b.name <= after) continue;
    if (!region.empty() && b.region != region) continue;
    if (n == most) {
      truncated = true;
      break;
    }
    xml.Open("Bucket")
        .Element("Name", b.name)
        .Element("CreationDate", FormatIso8601(b.created))
        .Element("BucketRegion", b.region)
        .Close();
    last = b.name;
    ++n;
  }
  xml.Close();
  if (!prefix.empty()) xml.Element("Prefix", prefix);
  if (truncated) xml.Element("ContinuationToken", last);
  return Xml(xml.Finish());
}

Result<Response> Call::CreateBucket() {
  CLARY_TRY(const std::string body, ReadXml(r_, caller_));
  CLARY_TRY(std::string region, ParseCreateBucket(body));
  if (region.empty()) region = caller_.region;
  if (region == "EU") region = "eu-west-1";
  const bool plain = region.size() <= 32 && std::ranges::all_of(region, [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
                     });
  if (!plain) {
    return Bad("InvalidLocationConstraint", "The specified location-constraint is not valid");
  }
  const Status made = store_.CreateBucket(t_.bucket, region);
  // us-east-1 answers the owner's second creation with 200, other regions do not.
  const bool again =
      !made && made.error().reason == "BucketAlreadyOwnedByYou" && region == "us-east-1";
  if (!made && !again) return std::unexpected(made.error());
  Response out = Empty();
  out.headers.Add("Location", "/" + t_.bucket);
  return out;
}

Result<Response> Call::HeadBucket() {
  CLARY_TRY(const BucketInfo bucket, store_.HeadBucket(t_.bucket));
  Response out = Empty();
  out.headers.Add("x-amz-bucket-region", bucket.region);
  out.headers.Add("x-amz-access-point-alias", "false");
  out.headers.Add("Content-Type", "application/xml");
  return out;
}

// Bucket sub-resources that this service does not keep, and what a bucket without them answers.
struct Absent {
  std::string_view name;
  std::string_view code;     // 404 with this code and message, or
  std::string_view message;  // the root element of an empty document if the code is empty
};
constexpr Absent kAbsent[] = {
    {"accelerate", "", "AccelerateConfiguration"},
    {"cors", "NoSuchCORSConfiguration", "The CORS configuration does not exist"},
    {"encryption", "ServerSideEncryptionConfigurationNotFoundError",
     "The server side encryption configuration was not found"},
    {"lifecycle", "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"},
    {"logging", "", "BucketLoggingStatus"},
    {"notification", "", "NotificationConfiguration"},
    {"object-lock", "ObjectLockConfigurationNotFoundError",
     "Object Lock configuration does not exist for this bucket"},
    {"ownershipControls", "OwnershipControlsNotFoundError",
     "The bucket ownership controls were not found"},
    {"policy", "NoSuchBucketPolicy", "The bucket policy does not exist"},
    {"policyStatus", "NoSuchBucketPolicy", "The bucket policy does not exist"},
    {"publicAccessBlock", "NoSuchPublicAccessBlockConfiguration",
     "The public access block configuration was not found"},
    {"replication", "ReplicationConfigurationNotFoundError",
     "The replication configuration was not found"},
    {"tagging", "NoSuchTagSet", "The TagSet does not exist"},
    {"versioning", "", "VersioningConfiguration"},
    {"website", "NoSuchWebsiteConfiguration",
     "The specified bucket does not have a website configuration"},
};
// Sub-resources, of buckets or objects, that are not here at all.
constexpr std::string_view kUnsupported[] = {
    "analytics", "attributes",    "intelligent-tiering", "inventory", "legal-hold",
    "metrics",   "restore",       "retention",           "select",    "torrent",
    "session",   "metadataTable",
};

Result<Response> Call::GetBucketConfiguration(std::string_view name) {
  CLARY_TRY(const BucketInfo bucket, store_.HeadBucket(t_.bucket));
  if (name == "location") {  // the root element holds the region; us-east-1 is none
    return Xml(XmlWriter("LocationConstraint")
                   .Text(bucket.region == "us-east-1" ? "" : bucket.region)
                   .Finish());
  }
  if (name == "acl") return ObjectAcl();
  if (name == "requestPayment") {
    XmlWriter xml("RequestPaymentConfiguration");
    return Xml(xml.Element("Payer", "BucketOwner").Finish());
  }
  const auto* absent = std::ranges::find(kAbsent, name, &Absent::name);
  if (absent == std::end(kAbsent)) return Unsupported("?" + std::string(name) + " of buckets");
  if (!absent->code.empty()) {
    return Fail(Code::kNotFound, std::string(absent->code), std::string(absent->message));
  }
  return Xml(XmlWriter(absent->message).Finish());
}

Result<Response> Call::ObjectAcl() {
  XmlWriter xml("AccessControlPolicy");
  AddOwner(xml, "Owner", caller_);
  xml.Open("AccessControlList").Open("Grant");
  xml.Raw(
      "<Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
      "xsi:type=\"CanonicalUser\"><ID>" +
      OwnerId(caller_) + "</ID><DisplayName>clary</DisplayName></Grantee>");
  xml.Element("Permission", "FULL_CONTROL");
  return Xml(xml.Finish());
}

Result<Response> Call::RunBucket() {
  std::string_view sub;
  for (const auto& [name, value] : r_.query) {
    const bool known = std::ranges::find(kAbsent, name, &Absent::name) != std::end(kAbsent) ||
                       name == "acl" || name == "location" || name == "requestPayment";
    if (known) sub = name;
    if (Listed(kUnsupported, name)) {
      return Unsupported("?" + name + " of buckets");
    }
  }
  const std::string& m = r_.method;
  if (m == "GET") {
    if (!sub.empty()) return GetBucketConfiguration(sub);
    if (Has(r_, "uploads")) return ListUploads();
    if (Has(r_, "versions")) return ListVersions();
    return List(Param(r_, "list-type") == "2");
  }
  if (m == "HEAD") return HeadBucket();
  if (m == "PUT") {
    if (sub.empty()) return CreateBucket();
    CLARY_CHECK_OK(store_.HeadBucket(t_.bucket));
    return Unsupported("?" + std::string(sub) + " of buckets");
  }
  if (m == "DELETE") {
    if (sub.empty()) {
      CLARY_CHECK_OK(store_.DeleteBucket(t_.bucket));
    } else {
      CLARY_CHECK_OK(store_.HeadBucket(t_.bucket));  // nothing is kept, so it is gone
    }
    return Empty(204);
  }
  if (m == "POST") {
    if (Has(r_, "delete")) return DeleteObjects();
    return Unsupported("uploads by HTML form");
  }
  return NotAllowed();
}

Result<Response> Call::DeleteObjects() {
  if (!r_.headers.Find("content-md5") && !r_.headers.Find("x-amz-trailer") &&
      !r_.headers.Find("x-amz-sdk-checksum-algorithm")) {
    CLARY_TRY(const auto sum, ParseChecksum(r_.headers));
    if (!sum) {
      return Bad("InvalidRequest",
                 "Missing required header for this request: Content-MD5 OR x-amz-checksum-*");
    }
  }
  CLARY_TRY(const std::string body, ReadXml(r_, caller_));
  CLARY_TRY(const DeleteRequest request, ParseDelete(body));
  std::vector<std::string> keys;
  std::vector<Status> invalid(request.items.size());
  for (size_t i = 0; i < request.items.size(); ++i) {
    const auto& item = request.items[i];
    invalid[i] = CheckKey(item.key);
    if (invalid[i] && !item.version.empty() && item.version != "null") {
      invalid[i] = Fail(Code::kNotFound, "NoSuchVersion", "The specified version does not exist.");
    }
    if (invalid[i] && !item.etag.empty()) {
      const auto now = store_.Head({t_.bucket, item.key}, {.if_match = item.etag});
      if (!now && now.error().reason != "NoSuchKey") invalid[i] = std::unexpected(now.error());
    }
    if (invalid[i]) keys.push_back(item.key);
  }
  CLARY_TRY(const auto done, store_.DeleteMany(t_.bucket, keys));
  XmlWriter xml("DeleteResult");
  for (size_t i = 0, next = 0; i < request.items.size(); ++i) {
    const Status& status = invalid[i] ? done[next++] : invalid[i];
    if (status && !request.quiet) {
      xml.Open("Deleted").Element("Key", request.items[i].key).Close();
    } else if (!status) {
      const Answered a = Answer(status.error());
      xml.Open("Error")
          .Element("Key", request.items[i].key)
          .Element("Code", a.code)
          .Element("Message", a.message)
          .Close();
    }
  }
  return Xml(xml.Finish());
}

Result<Response> Call::List(bool v2) {
  CLARY_TRY(const bool url, EncodesUrls());
  CLARY_TRY(const uint64_t most, NumberParam(r_, "max-keys", kMaxPage, kMaxPage));
  ListOptions options{.prefix = Param(r_, "prefix"),
                      .delimiter = Param(r_, "delimiter"),
                      .start_after = Param(r_, v2 ? "start-after" : "marker"),
                      .max_keys = static_cast<size_t>(most)};
  const auto token = v2 ? FindParam(r_.query, "continuation-token") : std::nullopt;
  if (token) {
    const auto key = Base64Decode(*token);
    if (!key || key->empty()) {
      return Bad("InvalidArgument", "The continuation token provided is incorrect");
    }
    options.start_after = *key;
  }
  CLARY_TRY(const ListPage page, store_.List(t_.bucket, options));
  XmlWriter xml("ListBucketResult");
  xml.Element("Name", t_.bucket).Element("Prefix", Shown(options.prefix, url));
  if (v2) {
    xml.Element("KeyCount", page.objects.size() + page.common_prefixes.size());
    if (token) xml.Element("ContinuationToken", *token);
    if (Has(r_, "start-after")) xml.Element("StartAfter", Shown(Param(r_, "start-after"), url));
  } else {
    xml.Element("Marker", Shown(options.start_after, url));
  }
  xml.Element("MaxKeys", most);
  if (!options.delimiter.empty()) xml.Element("Delimiter", Shown(options.delimiter, url));
  if (url) xml.Element("EncodingType", "url");
  xml.Flag("IsTruncated", page.truncated);
  if (page.truncated && v2) xml.Element("NextContinuationToken", Base64Encode(page.next));
  if (page.truncated && !v2 && !options.delimiter.empty()) {
    xml.Element("NextMarker", Shown(page.next, url));
  }
  const bool owner = !v2 || Param(r_, "fetch-owner") == "true";
  for (const ObjectInfo& o : page.objects) {
    xml.Open("Contents")
        .Element("Key", Shown(o.key, url))
        .Element("LastModified", FormatIso8601(o.last_modified))
        .Element("ETag", Quoted(o.etag));
    if (o.checksum) {
      xml.Element("ChecksumAlgorithm", NameOf(o.checksum->kind).name)
          .Element("ChecksumType", TypeOf(*o.checksum));
    }
    xml.Element("Size", o.size);
    if (owner) AddOwner(xml, "Owner", caller_);
    xml.Element("StorageClass", "STANDARD").Close();
  }
  for (const std::string& prefix : page.common_prefixes) {
    xml.Open("CommonPrefixes").Element("Prefix", Shown(prefix, url)).Close();
  }
  return Xml(xml.Finish());
}

// Without versioning every object is its own only version, "null".
Result<Response> Call::ListVersions() {
  CLARY_TRY(const bool url, EncodesUrls());
  CLARY_TRY(const uint64_t most, NumberParam(r_, "max-keys", kMaxPage, kMaxPage));
  const ListOptions options{.prefix = Param(r_, "prefix"),
                            .delimiter = Param(r_, "delimiter"),
                            .start_after = Param(r_, "key-marker"),
                            .max_keys = static_cast<size_t>(most)};
  CLARY_TRY(const ListPage page, store_.List(t_.bucket, options));
  XmlWriter xml("ListVersionsResult");
  xml.Element("Name", t_.bucket)
      .Element("Prefix", Shown(options.prefix, url))
      .Element("KeyMarker", Shown(options.start_after, url))
      .Element("VersionIdMarker", Param(r_, "version-id-marker"))
      .Element("MaxKeys", most);
  if (!options.delimiter.empty()) xml.Element("Delimiter", Shown(options.delimiter, url));
  if (url) xml.Element("EncodingType", "url");
  xml.Flag("IsTruncated", page.truncated);
  if (page.truncated) {
    xml.Element("NextKeyMarker", Shown(page.next, url)).Element("NextVersionIdMarker", "null");
  }
  for (const ObjectInfo& o : page.objects) {
    xml.Open("Version")
        .Element("Key", Shown(o.key, url))
        .Element("VersionId", "null")
        .Flag("IsLatest", true)
        .Element("LastModified", FormatIso8601(o.last_modified))
        .Element("ETag", Quoted(o.etag))
        .Element("Size", o.size);
    AddOwner(xml, "Owner", caller_);
    xml.Element("StorageClass", "STANDARD").Close();
  }
  for (const std::string& prefix : page.common_prefixes) {
    xml.Open("CommonPrefixes").Element("Prefix", Shown(prefix, url)).Close();
  }
  return Xml(xml.Finish());
}

Result<Response> Call::ListUploads() {
  CLARY_TRY(const bool url, EncodesUrls());
  CLARY_TRY(const uint64_t most, NumberParam(r_, "max-uploads", kMaxPage, kMaxPage));
  const std::string prefix = Param(r_, "prefix");
  const std::string delimiter = Param(r_, "delimiter");
  const std::string key_marker = Param(r_, "key-marker");
  const std::string id_marker = Param(r_, "upload-id-marker");
  CLARY_TRY(const auto all, store_.ListUploads(t_.bucket));
  std::vector<const UploadInfo*> shown;
  std::vector<std::string> prefixes;
  bool truncated = false;
  std::string next_key;
  std::string next_id;
  bool past = id_marker.empty();  // of the uploads of key_marker: those after id_marker
  for (const UploadInfo& u : all) {
    if (!u.key.starts_with(prefix) || u.key < key_marker) continue;
    if (u.key == key_marker && !key_marker.empty()) {
      if (id_marker.empty()) continue;
      if (!past) {
        past = u.id == id_marker;
        continue;
      }
    }
    std::string group;
    if (!delimiter.empty()) {
      const size_t at = u.key.find(delimiter, prefix.size());
      if (at != std::string::npos) group = u.key.substr(0, at + delimiter.size());
    }
    if (!group.empty() && ((!prefixes.empty() && prefixes.back() == group) || group <= key_marker))
      continue;
    if (shown.size() + prefixes.size() == most) {
      truncated = true;
      break;
    }
    next_key = group.empty() ? u.key : group;
    next_id = group.empty() ? u.id : "";
    if (group.empty()) {
      shown.push_back(&u);
    } else {
      prefixes.push_back(group);
    }
  }
  XmlWriter xml("ListMultipartUploadsResult");
  xml.Element("Bucket", t_.bucket)
      .Element("KeyMarker", Shown(key_marker, url))
      .Element("UploadIdMarker", id_marker)
      .Element("Prefix", Shown(prefix, url));
  if (!delimiter.empty()) xml.Element("Delimiter", Shown(delimiter, url));
  if (url) xml.Element("EncodingType", "url");
  xml.Element("MaxUploads", most).Flag("IsTruncated", truncated);
  if (truncated) {
    xml.Element("NextKeyMarker", Shown(next_key, url)).Element("NextUploadIdMarker", next_id);
  }
  for (const UploadInfo* u : shown) {
    xml.Open("Upload").Element("Key", Shown(u->key, url)).Element("UploadId", u->id);
    AddOwner(xml, "Initiator", caller_);
    AddOwner(xml, "Owner", caller_);
    xml.Element("StorageClass", "STANDARD").Element("Initiated", FormatIso8601(u->started));
    if (u->checksum_kind) {
      xml.Element("ChecksumAlgorithm", NameOf(*u->checksum_kind).name)
          .Element("ChecksumType", u->full_object_checksum ? "FULL_OBJECT" : "COMPOSITE");
    }
    xml.Close();
  }
  for (const std::string& p : prefixes) {
    xml.Open("CommonPrefixes").Element("Prefix", Shown(p, url)).Close();
  }
  return Xml(xml.Finish());
}

// ---- Objects -----------------------------------------------------------------------------------

Status Call::CheckVersion() {
  const auto version = FindParam(r_.query, "versionId");
  if (version && !version->empty() && *version != "null") {
    return Fail(Code::kNotFound, "NoSuchVersion", "The specified version does not exist.");
  }
  return {};
}

Result<Response> Call::RunObject() {
  const std::string& m = r_.method;
  for (const auto& [name, value] : r_.query) {
    if (Listed(kUnsupported, name)) {
      return Unsupported("?" + name + " of objects");
    }
  }
  CLARY_CHECK_OK(CheckVersion());
  const bool upload = Has(r_, "uploadId");
  if (Has(r_, "tagging")) return Tagging();
  if (Has(r_, "acl")) {
    CLARY_CHECK_OK(store_.Head(t_.ref()));
    return m == "GET" ? ObjectAcl() : Unsupported("access control lists");
  }
  if (m == "GET") return upload ? ListParts() : Get(/*head=*/false);
  if (m == "HEAD") return Get(/*head=*/true);
  if (m == "PUT") {
    if (upload || Has(r_, "partNumber")) return UploadPart();
    return r_.headers.Find("x-amz-copy-source") ? Copy() : Put();
  }
  if (m == "DELETE") {
    if (upload) {
      CLARY_CHECK_OK(store_.AbortUpload(t_.ref(), Param(r_, "uploadId")));
    } else {
      if (const auto match = r_.headers.Find("if-match")) {
        const auto now = store_.Head(t_.ref(), {.if_match = std::string(*match)});
        if (!now && now.error().reason != "NoSuchKey") return std::unexpected(now.error());
      }
      CLARY_CHECK_OK(store_.Delete(t_.ref()));
    }
    return Empty(204);
  }
  if (m == "POST") {
    if (Has(r_, "uploads")) return CreateUpload();
    if (upload) return CompleteUpload();
  }
  return NotAllowed();
}

Result<Response> Call::Tagging() {
  if (r_.method == "GET") {
    CLARY_TRY(const Tags tags, store_.GetTags(t_.ref()));
    return Xml(WriteTagSet(tags));
  }
  if (r_.method == "DELETE") {
    CLARY_CHECK_OK(store_.SetTags(t_.ref(), {}));
    return Empty(204);
  }
  if (r_.method != "PUT") return NotAllowed();
  CLARY_TRY(const std::string body, ReadXml(r_, caller_));
  CLARY_TRY(const auto listed, ParseTagSet(body));
  CLARY_TRY(const Tags tags, TagsOf(listed));
  CLARY_CHECK_OK(store_.SetTags(t_.ref(), tags));
  return Empty();
}

Result<Response> Call::Put() {
  CLARY_TRY(PutOptions options, ParseBodyChecks(r_.headers, caller_));
  CLARY_TRY(options.headers, ParseObjectHeaders(r_.headers));
  CLARY_TRY(options.tags, ParseTagging(r_.headers.Get("x-amz-tagging")));
  options.headers.try_emplace("content-type", "binary/octet-stream");
  options.conditions = ParseConditions(r_.headers);
  CLARY_TRY(const auto length, BodyLength(r_));
  ExactSource body(*r_.body, length);
  CLARY_TRY(const ObjectInfo info, store_.Put(t_.ref(), body, options));
  Response out = Empty();
  out.headers.Add("ETag", Quoted(info.etag));
  AddChecksum(out.headers, info.checksum);
  EchoEncryption(out.headers, info.headers);
  return out;
}

// Query parameters of a GET that replace stored headers.
constexpr std::pair<std::string_view, std::string_view> kOverrides[] = {
    {"response-content-type", "content-type"},
    {"response-content-language", "content-language"},
    {"response-expires", "expires"},
    {"response-cache-control", "cache-control"},
    {"response-content-disposition", "content-disposition"},
    {"response-content-encoding", "content-encoding"},
};

Result<Response> Call::Get(bool head) {
  GetOptions options{.range = ParseRange(r_.headers.Get("range")),
                     .conditions = ParseConditions(r_.headers)};
  std::optional<size_t> parts;
  if (const auto text = FindParam(r_.query, "partNumber")) {
    const auto number = ParseUint(*text);
    if (!number || *number < 1 || *number > kMaxPartNumber || options.range) {
      return Bad("InvalidArgument", "partNumber must be 1 to 10000, without a Range");
    }
    CLARY_TRY(const ObjectInfo info, store_.Head(t_.ref()));
    const std::vector<uint64_t> sizes =
        info.part_sizes.empty() ? std::vector<uint64_t>{info.size} : info.part_sizes;
    if (*number > sizes.size()) {
      return Bad("InvalidRange", "The requested partnumber is not satisfiable");
    }
    uint64_t first = 0;
    for (size_t i = 0; i + 1 < *number; ++i) first += sizes[i];
    const uint64_t length = sizes[*number - 1];
    if (length > 0) options.range = ByteRange{.first = first, .last = first + length - 1};
    options.conditions.if_match = info.etag;  // the parts are those of this object
    if (!info.part_sizes.empty()) parts = sizes.size();
  }

  // Answers that carry more than their error: 304 the validators, 416 the size.
  const auto refuse = [&](Error e) -> Result<Response> {
    if (e.reason != "NotModified" && e.reason != "InvalidRange") return std::unexpected(e);
    const auto now = store_.Head(t_.ref());
    if (!now) return std::unexpected(std::move(e));
    Response out = S3ErrorResponse(e, r_.path, head);
    if (out.status == 304) {
      out.headers.Set("Last-Modified", FormatRfc1123(now->last_modified));
      out.headers.Set("ETag", Quoted(now->etag));
    } else {
      out.headers.Set("Content-Range", "bytes */" + std::to_string(now->size));
    }
    return out;
  };
  GetResult got;
  if (head) {
    auto info = store_.Head(t_.ref(), options.conditions);
    if (!info) return refuse(std::move(info).error());
    got.info = *std::move(info);
    const auto extent = ResolveRange(options.range, got.info.size);
    if (!extent) return refuse(extent.error());
    got.first = extent->first;
    got.length = extent->length;
  } else {
    auto result = store_.Get(t_.ref(), options);
    if (!result) return refuse(std::move(result).error());
    got = *std::move(result);
  }
  const ObjectInfo& info = got.info;

  Response out;
  for (const auto& [name, value] : info.headers) out.headers.Set(name, value);
  for (const auto& [param, header] : kOverrides) {
    const auto value = FindParam(r_.query, param);
    if (!value) continue;
    if (std::ranges::any_of(*value, [](unsigned char c) { return c < 0x20 || c == 0x7f; })) {
      return Bad("InvalidArgument", std::string(param) + " holds characters that no header may");
    }
    out.headers.Set(header, std::string(*value));
  }
  out.headers.Set("Last-Modified", FormatRfc1123(info.last_modified));
  out.headers.Set("ETag", Quoted(info.etag));
  out.headers.Set("Accept-Ranges", "bytes");
  if (parts) out.headers.Set("x-amz-mp-parts-count", std::to_string(*parts));
  if (info.tag_count > 0) out.headers.Set("x-amz-tagging-count", std::to_string(info.tag_count));
  if (options.range) {
    out.status = 206;
    out.headers.Set("Content-Range", "bytes " + std::to_string(got.first) + "-" +
                                         std::to_string(got.first + got.length - 1) + "/" +
                                         std::to_string(info.size));
  } else if (EqualsIgnoreCase(r_.headers.Get("x-amz-checksum-mode"), "enabled")) {
    AddChecksum(out.headers, info.checksum);
  }
  if (head) {
    out.headers.Set("Content-Length", std::to_string(got.length));
  } else {
    out.stream = std::move(got.body);
    out.stream_length = got.length;
  }
  return out;
}

// The object that x-amz-copy-source names, after its conditions.
Result<Call::Source> Call::OpenCopySource(const std::optional<ByteRange>& range) {
  std::string_view text = r_.headers.Get("x-amz-copy-source");
  const auto invalid = [] {
    return Bad("InvalidArgument",
               "Copy Source must mention the source bucket and key: sourcebucket/sourcekey");
  };
  const size_t query = text.find('?');
  if (query != std::string_view::npos) {
    const std::string_view version = text.substr(query + 1);
    if (version.starts_with("versionId=") && version != "versionId=null") {
      return Fail(Code::kNotFound, "NoSuchVersion", "The specified version does not exist.");
    }
    text = text.substr(0, query);
  }
  const auto decoded = UriDecode(text);
  if (!decoded) return invalid();
  std::string_view path = *decoded;
  if (path.starts_with('/')) path.remove_prefix(1);
  const size_t slash = path.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == path.size()) return invalid();
  if (const auto owner = r_.headers.Find("x-amz-source-expected-bucket-owner");
      owner && *owner != caller_.account_id) {
    return Fail(Code::kPermissionDenied, "AccessDenied", "Access Denied");
  }
  Source out;
  out.ref = {std::string(path.substr(0, slash)), std::string(path.substr(slash + 1))};
  auto got = store_.Get(
      out.ref, {.range = range, .conditions = ParseConditions(r_.headers, "x-amz-copy-source-")});
  if (!got) {
    if (got.error().reason == "NotModified") {
      return Fail(Code::kFailedPrecondition, "PreconditionFailed", "the source is not modified");
    }
    return std::unexpected(std::move(got).error());
  }
  out.got = *std::move(got);
  return out;
}

Result<Response> Call::Copy() {
  CLARY_TRY(Source source, OpenCopySource(std::nullopt));
  if (source.got.info.size > kMaxPutBytes) {
    return Bad("InvalidRequest",
               "The specified copy source is larger than the maximum allowable size for a copy "
               "source: 5368709120");
  }
  const std::string_view directive = r_.headers.Get("x-amz-metadata-directive", "COPY");
  PutOptions options;
  CLARY_TRY(auto given, ParseObjectHeaders(r_.headers));
  if (directive == "REPLACE") {
    options.headers = std::move(given);
    options.headers.try_emplace("content-type", "binary/octet-stream");
  } else if (directive == "COPY") {
    if (source.ref == t_.ref()) {
      return Bad("InvalidRequest",
                 "This copy request is illegal because it is trying to copy an object to itself "
                 "without changing the object's metadata, storage class, website redirect location "
                 "or encryption attributes.");
    }
    options.headers = source.got.info.headers;
    for (const std::string_view name : kEncryptionHeaders) {
      options.headers.erase(std::string(name));
      if (const auto it = given.find(std::string(name)); it != given.end()) {
        options.headers.insert(*it);
      }
    }
  } else {
    return Bad("InvalidArgument", "Unknown metadata directive.");
  }
  const std::string_view tagging = r_.headers.Get("x-amz-tagging-directive", "COPY");
  if (tagging == "REPLACE") {
    CLARY_TRY(options.tags, ParseTagging(r_.headers.Get("x-amz-tagging")));
  } else if (tagging != "COPY") {
    return Bad("InvalidArgument", "Unknown tagging directive.");
  } else if (source.got.info.tag_count > 0) {
    CLARY_TRY(options.tags, store_.GetTags(source.ref));
  }
  CLARY_TRY(options.checksum_kind, ParseAlgorithm(r_.headers.Get("x-amz-checksum-algorithm")));
  if (!options.checksum_kind && source.got.info.checksum) {
    options.checksum_kind = source.got.info.checksum->kind;
  }
  options.conditions = {.if_match = std::string(r_.headers.Get("if-match")),
                        .if_none_match = std::string(r_.headers.Get("if-none-match"))};
  CLARY_TRY(const ObjectInfo info, store_.Put(t_.ref(), *source.got.body, options));
  XmlWriter xml("CopyObjectResult");
  xml.Element("LastModified", FormatIso8601(info.last_modified)).Element("ETag", Quoted(info.etag));
  AddChecksum(xml, info.checksum, /*with_type=*/true);
  Response out = Xml(xml.Finish());
  EchoEncryption(out.headers, info.headers);
  return out;
}

// ---- Multipart ---------------------------------------------------------------------------------

Result<Response> Call::CreateUpload() {
  PutOptions options;
  CLARY_TRY(options.headers, ParseObjectHeaders(r_.headers));
  CLARY_TRY(options.tags, ParseTagging(r_.headers.Get("x-amz-tagging")));
  options.headers.try_emplace("content-type", "binary/octet-stream");
  CLARY_TRY(options.checksum_kind, ParseAlgorithm(r_.headers.Get("x-amz-checksum-algorithm")));
  const std::string_view type = r_.headers.Get("x-amz-checksum-type");
  const bool crc64 = options.checksum_kind == HashKind::kCrc64Nvme;
  const bool sha =
      options.checksum_kind == HashKind::kSha1 || options.checksum_kind == HashKind::kSha256;
  if (!type.empty() && type != "FULL_OBJECT" && type != "COMPOSITE") {
    return Bad("InvalidRequest", "Value for x-amz-checksum-type header is invalid.");
  }
  if (!type.empty() && !options.checksum_kind) {
    return Bad("InvalidRequest",
               "The x-amz-checksum-type header can only be used with the "
               "x-amz-checksum-algorithm header.");
  }
  if ((crc64 && type == "COMPOSITE") || (sha && type == "FULL_OBJECT")) {
    return Bad("InvalidRequest",
               "The " + std::string(type) + " checksum type cannot be used with the " +
                   std::string(NameOf(*options.checksum_kind).name) + " checksum algorithm.");
  }
  options.full_object_checksum = crc64 || type == "FULL_OBJECT";
  CLARY_TRY(const UploadInfo upload, store_.CreateUpload(t_.ref(), options));
  XmlWriter xml("InitiateMultipartUploadResult");
  xml.Element("Bucket", t_.bucket).Element("Key", t_.key).Element("UploadId", upload.id);
  Response out = Xml(xml.Finish());
  if (upload.checksum_kind) {
    out.headers.Set("x-amz-checksum-algorithm", std::string(NameOf(*upload.checksum_kind).name));
    out.headers.Set("x-amz-checksum-type",
                    upload.full_object_checksum ? "FULL_OBJECT" : "COMPOSITE");
  }
  EchoEncryption(out.headers, options.headers);
  return out;
}

Result<Response> Call::UploadPart() {
  const auto number = ParseUint(Param(r_, "partNumber"));
  if (!number || *number < 1 || *number > kMaxPartNumber) {
    return Bad("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive");
  }
  if (!Has(r_, "uploadId")) {
    return Bad("InvalidArgument", "This operation does not accept partNumber without uploadId");
  }
  if (r_.headers.Find("x-amz-copy-source")) return UploadPartCopy(static_cast<int>(*number));
  CLARY_TRY(const PutOptions options, ParseBodyChecks(r_.headers, caller_));
  CLARY_TRY(const auto length, BodyLength(r_));
  ExactSource body(*r_.body, length);
  CLARY_TRY(const PartInfo part, store_.UploadPart(t_.ref(), Param(r_, "uploadId"),
                                                   static_cast<int>(*number), body, options));
  Response out = Empty();
  out.headers.Add("ETag", Quoted(part.etag));
  if (part.checksum)
    out.headers.Add(std::string(NameOf(part.checksum->kind).header), part.checksum->value);
  return out;
}

Result<Response> Call::UploadPartCopy(int number) {
  std::optional<ByteRange> range;
  if (const auto text = r_.headers.Find("x-amz-copy-source-range")) {
    range = ParseRange(*text);
    if (!range || range->suffix || !range->last) {
      return Bad("InvalidArgument",
                 "The x-amz-copy-source-range value must be of the form bytes=first-last where "
                 "first and last are the zero-based offsets of the first and last bytes to copy");
    }
  }
  CLARY_TRY(Source source, OpenCopySource(range));
  if (range && *range->last >= source.got.info.size) {
    return Bad("InvalidArgument", "Range specified is not valid for source object of size: " +
                                      std::to_string(source.got.info.size));
  }
  CLARY_TRY(const PartInfo part,
            store_.UploadPart(t_.ref(), Param(r_, "uploadId"), number, *source.got.body, {}));
  XmlWriter xml("CopyPartResult");
  xml.Element("LastModified", FormatIso8601(part.last_modified)).Element("ETag", Quoted(part.etag));
  AddChecksum(xml, part.checksum, /*with_type=*/false);
  return Xml(xml.Finish());
}

Result<Response> Call::CompleteUpload() {
  // The x-amz-checksum-* of this request is the object's, not of the XML.
  auto body = ReadAll(*r_.body, kMaxXmlBytes);
  if (!body && body.error().reason == "TooLarge") {
    return Bad("MaxMessageLengthExceeded", "Your request was too big.");
  }
  if (!body) return std::unexpected(std::move(body).error());
  CLARY_TRY(const auto parts, ParseCompleteUpload(*body));
  PutOptions options;
  CLARY_TRY(options.checksum, ParseChecksum(r_.headers));
  options.conditions = ParseConditions(r_.headers);
  const std::string id = Param(r_, "uploadId");
  if (const auto text = r_.headers.Find("x-amz-mp-object-size")) {
    CLARY_TRY(const auto stored, store_.ListParts(t_.ref(), id));
    uint64_t size = 0;
    for (const CompletedPart& part : parts) {
      const auto it = std::ranges::find(stored, part.number, &PartInfo::number);
      if (it != stored.end()) size += it->size;
    }
    if (ParseUint(*text) != size) {
      return Bad("InvalidRequest",
                 "The provided 'x-amz-mp-object-size' header does not match what was computed");
    }
  }
  CLARY_TRY(const ObjectInfo info, store_.CompleteUpload(t_.ref(), id, parts, options));
  XmlWriter xml("CompleteMultipartUploadResult");
  xml.Element("Location", (r_.tls ? "https://" : "http://") + std::string(r_.headers.Get("host")) +
                              "/" + t_.bucket + "/" + UriEncode(t_.key, /*keep_slash=*/true))
      .Element("Bucket", t_.bucket)
      .Element("Key", t_.key)
      .Element("ETag", Quoted(info.etag));
  AddChecksum(xml, info.checksum, /*with_type=*/true);
  Response out = Xml(xml.Finish());
  EchoEncryption(out.headers, info.headers);
  return out;
}

Result<Response> Call::ListParts() {
  CLARY_TRY(const bool url, EncodesUrls());
  CLARY_TRY(const uint64_t most, NumberParam(r_, "max-parts", kMaxPage, kMaxPage));
  CLARY_TRY(const uint64_t after, NumberParam(r_, "part-number-marker", 0, kMaxPartNumber));
  const std::string id = Param(r_, "uploadId");
  CLARY_TRY(const auto all, store_.ListParts(t_.ref(), id));
  std::vector<const PartInfo*> shown;
  bool truncated = false;
  for (const PartInfo& part : all) {
    if (static_cast<uint64_t>(part.number) <= after) continue;
    truncated = shown.size() == most;
    if (truncated) break;
    shown.push_back(&part);
  }
  XmlWriter xml("ListPartsResult");
  xml.Element("Bucket", t_.bucket).Element("Key", Shown(t_.key, url)).Element("UploadId", id);
  AddOwner(xml, "Initiator", caller_);
  AddOwner(xml, "Owner", caller_);
  xml.Element("StorageClass", "STANDARD")
      .Element("PartNumberMarker", after)
      .Element("NextPartNumberMarker",
               shown.empty() ? uint64_t{0} : static_cast<uint64_t>(shown.back()->number))
      .Element("MaxParts", most)
      .Flag("IsTruncated", truncated);
  for (const PartInfo* part : shown) {
    xml.Open("Part")
        .Element("PartNumber", static_cast<uint64_t>(part->number))
        .Element("LastModified", FormatIso8601(part->last_modified))
        .Element("ETag", Quoted(part->etag))
        .Element("Size", part->size);
    AddChecksum(xml, part->checksum, /*with_type=*/false);
    xml.Close();
  }
  return Xml(xml.Finish());
}

std::string NewRequestId() {
  std::string id = HexEncode(RandomBytes(8));
  std::ranges::transform(id, id.begin(),
                         [](char c) { return c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c; });
  return id;
}

}  // namespace

Response S3ErrorResponse(const Error& error, std::string_view resource, bool head,
                         std::string_view request_id) {
  const Answered a = Answer(error);
  Response out;
  out.status = a.status;
  if (a.status == 304) return out;
  if (a.status >= 500 && a.status != 501) {
    LOG(kError, "S3 request failed", {"request", request_id}, {"resource", resource},
        {"reason", error.reason}, {"message", error.message});
  }
  if (a.code == "InvalidRange") out.headers.Set("Accept-Ranges", "bytes");
  out.headers.Set("Content-Type", "application/xml");
  if (head) return out;
  XmlWriter xml("Error", /*with_namespace=*/false);
  xml.Element("Code", a.code).Element("Message", a.message).Element("Resource", resource);
  if (!request_id.empty()) xml.Element("RequestId", request_id);
  out.body = xml.Finish();
  return out;
}

std::optional<std::string> BucketOfHost(std::string_view host) {
  const auto cut = [&](std::string_view suffix) -> std::optional<std::string> {
    if (!host.ends_with(suffix)) return std::nullopt;
    return std::string(host.substr(0, host.size() - suffix.size()));
  };
  std::optional<std::string> rest;
  for (const std::string_view suffix : {".amazonaws.com", ".amazonaws.com.cn"}) {
    if (!rest) rest = cut(suffix);
  }
  if (rest) {  // "<bucket>.s3", "<bucket>.s3.<region>", "<bucket>.s3-<region>", "s3..."
    size_t at = std::max(rest->rfind(".s3.") + 1, rest->rfind(".s3-") + 1);
    if (rest->ends_with(".s3")) at = rest->size() - 2;
    if (at == 0) return std::nullopt;
    return rest->substr(0, at - 1);
  }
  rest = cut(".localhost");
  if (rest && rest->ends_with(".s3")) rest->resize(rest->size() - 3);
  if (!rest || rest->empty() || *rest == "s3") return std::nullopt;
  return rest;
}

std::optional<ByteRange> ParseRange(std::string_view header) {
  header = Trim(header);
  if (!ToLower(header.substr(0, 6)).starts_with("bytes=")) return std::nullopt;
  header = Trim(header.substr(6));
  const size_t dash = header.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const std::string_view first = Trim(header.substr(0, dash));
  const std::string_view last = Trim(header.substr(dash + 1));
  ByteRange out;
  if (first.empty()) {
    out.suffix = ParseUint(last);
    if (!out.suffix) return std::nullopt;
    return out;
  }
  const auto from = ParseUint(first);
  if (!from) return std::nullopt;
  out.first = *from;
  if (!last.empty()) {
    out.last = ParseUint(last);
    if (!out.last || *out.last < out.first) return std::nullopt;
  }
  return out;
}

Response S3Front::Handle(Request& request, const Caller& caller) {
  const std::string id = NewRequestId();
  const bool head = request.method == "HEAD";
  const auto answer = [&]() -> Result<Response> {
    CLARY_TRY(Target target, ParseTarget(request));
    return Call(store_, request, caller, std::move(target)).Run();
  };
  Result<Response> result = answer();
  Response out =
      result ? *std::move(result) : S3ErrorResponse(result.error(), request.path, head, id);
  out.headers.Set("x-amz-request-id", id);
  out.headers.Set("x-amz-id-2", id);
  out.headers.Set("Server", "clary");
  return out;
}

}  // namespace clary::objects
