#include "objects/s3_store.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/hash.h"
#include "base/strings.h"
#include "objects/rules.h"
#include "objects/s3_xml.h"

namespace clary::objects {
namespace {

constexpr Duration kFirstPause{100};
constexpr Duration kLongestPause{5'000};
constexpr size_t kPartBytes = 8 << 20;
constexpr uint64_t kMaxPartInMemory = uint64_t{512} << 20;
// Greater than every character of a key, so that a listing goes on behind a common prefix.
constexpr std::string_view kLastCharacter = "\xf4\x8f\xbf\xbf";

// What the status of an answer means to a caller; the reason is S3's own code.
Code CodeOf(int status, std::string_view reason) {
  if (reason == "BucketAlreadyOwnedByYou" || reason == "BucketAlreadyExists") {
    return Code::kAlreadyExists;
  }
  if (reason == "BucketNotEmpty") return Code::kFailedPrecondition;
  switch (status) {
    case 304:
    case 412:
      return Code::kFailedPrecondition;
    case 401:
    case 403:
      return Code::kPermissionDenied;
    case 404:
      return Code::kNotFound;
    case 409:
      return Code::kConflict;
    case 429:
      return Code::kUnavailable;
    case 501:
      return Code::kUnimplemented;
    case 507:
      return Code::kResourceExhausted;
    default:
      return status >= 500 ? Code::kUnavailable : Code::kInvalidArgument;
  }
}

Error ErrorOf(const net::Response& answer, std::string_view body, const std::string& what,
              bool object) {
  std::string reason;
  std::string message;
  if (const auto xml = ParseFlat(body); xml && xml->at("") == "Error") {
    if (const auto it = xml->find("Code"); it != xml->end()) reason = it->second;
    if (const auto it = xml->find("Message"); it != xml->end()) message = it->second;
  }
  if (reason.empty()) {  // an answer to HEAD has no body
    switch (answer.status) {
      case 304:
        reason = "NotModified";
        break;
      case 403:
        reason = "AccessDenied";
        break;
      case 404:
        reason = object ? "NoSuchKey" : "NoSuchBucket";
        break;
      case 412:
        reason = "PreconditionFailed";
        break;
      case 416:
        reason = "InvalidRange";
        break;
      default:
        reason = "Http" + std::to_string(answer.status);
    }
  }
  if (message.empty()) message = "HTTP status " + std::to_string(answer.status);
  return {CodeOf(answer.status, reason), reason, what + ": " + message + " (" + reason + ")"};
}

std::string Unquote(std::string_view etag) {
  if (etag.size() >= 2 && etag.front() == '"' && etag.back() == '"') {
    etag = etag.substr(1, etag.size() - 2);
  }
  return std::string(etag);
}

std::string Quoted(const std::string& etag) {
  return etag == "*" || etag.starts_with('"') ? etag : "\"" + etag + "\"";
}

void AddConditions(net::Headers& h, const Conditions& c) {
  if (!c.if_match.empty()) h.Set("If-Match", Quoted(c.if_match));
  if (!c.if_none_match.empty()) h.Set("If-None-Match", Quoted(c.if_none_match));
  if (c.if_modified_since) h.Set("If-Modified-Since", FormatRfc1123(*c.if_modified_since));
  if (c.if_unmodified_since) h.Set("If-Unmodified-Since", FormatRfc1123(*c.if_unmodified_since));
}

void AddObjectHeaders(net::Headers& h, const PutOptions& options) {
  for (const auto& [name, value] : options.headers) h.Set(name, value);
  if (!options.tags.empty()) h.Set("x-amz-tagging", FormatTagging(options.tags));
}

constexpr std::string_view kKeptHeaders[] = {
    "content-type",     "cache-control",    "content-disposition",
    "content-encoding", "content-language", "expires",
};

ObjectInfo InfoOf(const std::string& key, const net::Headers& h) {
  ObjectInfo info;
  info.key = key;
  info.etag = Unquote(h.Get("ETag"));
  info.size = ParseUint(h.Get("Content-Length")).value_or(0);
  info.last_modified = ParseRfc1123(h.Get("Last-Modified")).value_or(Time{});
  for (const auto& [raw, value] : h.all()) {
    std::string name = ToLower(raw);
    if (name.starts_with("x-amz-meta-") || name.starts_with("x-amz-server-side-encryption") ||
        std::ranges::find(kKeptHeaders, name) != std::end(kKeptHeaders)) {
      info.headers[std::move(name)] = value;
    }
  }
  info.tag_count = ParseUint(h.Get("x-amz-tagging-count")).value_or(0);
  for (const ChecksumName& c : kChecksumNames) {
    if (const auto value = h.Find(c.header)) info.checksum = Checksum{c.kind, std::string(*value)};
  }
  return info;
}

// Reads until `most` bytes or the end.
Result<std::string> ReadSome(ByteSource& body, size_t most) {
  std::string out;
  while (out.size() < most) {
    const size_t have = out.size();
    out.resize(std::min(most, have + (256 << 10)));
    auto n = body.Read(std::span<char>(out.data() + have, out.size() - have));
    if (!n) return std::unexpected(std::move(n).error());
    out.resize(have + *n);
    if (*n == 0) break;
  }
  return out;
}

}  // namespace

struct S3Store::Call {
  std::string method;
  std::string bucket = {};
  std::string key = {};
  std::vector<std::pair<std::string, std::string>> query = {};
  net::Headers headers = {};
  std::string body = {};
};

S3Store::S3Store(S3StoreOptions options, Clock& clock, std::unique_ptr<net::HttpClient> http)
    : options_(std::move(options)), clock_(clock), http_(std::move(http)) {}
S3Store::~S3Store() = default;

Status S3Store::CheckEndpoint(std::string_view endpoint) {
  std::string_view e = endpoint;
  while (e.ends_with('/')) e.remove_suffix(1);
  const size_t scheme = e.find("://");
  if ((e.starts_with("http://") || e.starts_with("https://")) && scheme + 3 < e.size() &&
      e.find('/', scheme + 3) == std::string_view::npos) {
    return {};
  }
  return Fail(Code::kInvalidArgument, "BadEndpoint",
              "'" + std::string(endpoint) + "' is no endpoint; give http://host:port");
}

Result<std::unique_ptr<S3Store>> S3Store::Open(S3StoreOptions options, Clock& clock) {
  while (options.endpoint.ends_with('/')) options.endpoint.pop_back();
  CLARY_CHECK_OK(CheckEndpoint(options.endpoint));
  CLARY_TRY(auto http, net::HttpClient::Create(options.http));
  return std::unique_ptr<S3Store>(new S3Store(std::move(options), clock, std::move(http)));
}

// One request, signed; tried again when the endpoint is away or busy.
Result<net::Response> S3Store::Send(const Call& call, bool stream) {
  std::string base = options_.endpoint;
  std::string path = "/";
  if (!call.bucket.empty()) {
    if (options_.virtual_host) {
      base.insert(base.find("://") + 3, call.bucket + ".");
    } else {
      path += call.bucket;
      if (!call.key.empty()) path += "/";
    }
    path += UriEncode(call.key, /*keep_slash=*/true);
  }
  std::string query;
  for (const auto& [name, value] : call.query) {
    query += (query.empty() ? "?" : "&") + UriEncode(name) + "=" + UriEncode(value);
  }
  const std::string url = base + path + query;
  Duration pause = kFirstPause;
  for (Duration waited{0};; waited += std::exchange(pause, std::min(2 * pause, kLongestPause))) {
    net::ClientRequest request{
        .method = call.method, .url = url, .headers = call.headers, .body = call.body};
    net::SignRequest(request,
                     {.access_key = options_.access_key,
                      .secret_key = options_.secret_key,
                      .session_token = options_.session_token,
                      .region = options_.region,
                      .service = "s3"},
                     clock_.Now());
    auto answer = stream ? http_->Open(request) : http_->Send(request);
    const bool retry = answer
                           ? answer->status == 500 || answer->status == 503 || answer->status == 429
                           : answer.error().code == Code::kUnavailable;
    if (retry && waited + pause <= options_.patience) {
      clock_.Sleep(pause);
      continue;
    }
    if (!answer) return answer;
    if (answer->status >= 200 && answer->status < 300) return answer;
    std::string body = std::move(answer->body);
    if (answer->stream) {
      auto read = ReadAll(*answer->stream, kMaxXmlBytes);
      if (read) body = *std::move(read);
    }
    return std::unexpected(ErrorOf(
        *answer, body, call.method + " s3://" + call.bucket + "/" + call.key, !call.key.empty()));
  }
}

Status S3Store::CreateBucket(const std::string& bucket, const std::string& region) {
  CLARY_CHECK_OK(CheckBucketName(bucket));
  Call call{.method = "PUT", .bucket = bucket};
  if (!region.empty() && region != "us-east-1") {
    call.body =
        XmlWriter("CreateBucketConfiguration").Element("LocationConstraint", region).Finish();
  }
  CLARY_CHECK_OK(Send(call));
  return {};
}

Status S3Store::DeleteBucket(const std::string& bucket) {
  CLARY_CHECK_OK(Send({.method = "DELETE", .bucket = bucket}));
  return {};
}

Result<BucketInfo> S3Store::HeadBucket(const std::string& bucket) {
  CLARY_TRY(const auto answer, Send({.method = "HEAD", .bucket = bucket}));
  return BucketInfo{.name = bucket,
                    .region = std::string(answer.headers.Get("x-amz-bucket-region", "us-east-1"))};
}

Result<std::vector<BucketInfo>> S3Store::ListBuckets() {
  CLARY_TRY(const auto answer, Send({.method = "GET"}));
  return ParseBuckets(answer.body);
}

Result<ObjectInfo> S3Store::Put(const ObjectRef& ref, ByteSource& body, const PutOptions& options) {
  CLARY_CHECK_OK(CheckKey(ref.key));
  CLARY_TRY(std::string head, ReadSome(body, kPartBytes));
  if (head.size() == kPartBytes) return PutInParts(ref, std::move(head), body, options);
  BodyDigest digest(options);
  digest.Update(head);
  CLARY_TRY(const auto digests, digest.Finish());
  Call call{.method = "PUT", .bucket = ref.bucket, .key = ref.key, .body = std::move(head)};
  AddObjectHeaders(call.headers, options);
  AddConditions(call.headers, options.conditions);
  if (digests.checksum) {
    call.headers.Set(NameOf(digests.checksum->kind).header, digests.checksum->value);
  }
  CLARY_TRY(const auto answer, Send(call));
  return ObjectInfo{.key = ref.key,
                    .size = call.body.size(),
                    .etag = Unquote(answer.headers.Get("ETag")),
                    .last_modified = clock_.Now(),
                    .headers = options.headers,
                    .checksum = digests.checksum,
                    .part_sizes = {},
                    .tag_count = options.tags.size()};
}

Result<ObjectInfo> S3Store::PutInParts(const ObjectRef& ref, std::string head, ByteSource& body,
                                       const PutOptions& options) {
  BodyDigest digest(options);
  PutOptions create{.headers = options.headers, .tags = options.tags};
  create.checksum_kind = options.checksum ? options.checksum->kind : options.checksum_kind;
  create.full_object_checksum = create.checksum_kind && NameOf(*create.checksum_kind).full;
  CLARY_TRY(const UploadInfo upload, CreateUpload(ref, create));
  const auto send = [&]() -> Result<ObjectInfo> {
    std::vector<CompletedPart> parts;
    while (!head.empty()) {
      digest.Update(head);
      std::optional<Checksum> checksum;
      if (create.checksum_kind) {
        checksum = Checksum{*create.checksum_kind, Base64Encode(Hash(*create.checksum_kind, head))};
      }
      const int number = static_cast<int>(parts.size()) + 1;
      CLARY_TRY(const PartInfo part, SendPart(ref, upload.id, number, std::move(head), checksum));
      parts.push_back({number, part.etag, checksum});
      CLARY_TRY(head, ReadSome(body, kPartBytes));
    }
    CLARY_CHECK_OK(digest.Finish());
    PutOptions complete;
    complete.conditions = options.conditions;
    return CompleteUpload(ref, upload.id, parts, complete);
  };
  auto done = send();
  if (!done) (void)AbortUpload(ref, upload.id);  // else its parts stay for ever
  return done;
}

Result<GetResult> S3Store::Get(const ObjectRef& ref, const GetOptions& options) {
  CLARY_CHECK_OK(CheckKey(ref.key));
  Call call{.method = "GET", .bucket = ref.bucket, .key = ref.key};
  AddConditions(call.headers, options.conditions);
  if (options.range) {
    const ByteRange& r = *options.range;
    call.headers.Set("Range", r.suffix ? "bytes=-" + std::to_string(*r.suffix)
                                       : "bytes=" + std::to_string(r.first) + "-" +
                                             (r.last ? std::to_string(*r.last) : ""));
  } else {
    call.headers.Set("x-amz-checksum-mode", "ENABLED");
  }
  CLARY_TRY(auto answer, Send(call, /*stream=*/true));
  GetResult out;
  out.info = InfoOf(ref.key, answer.headers);
  out.length = out.info.size;
  if (answer.status == 206) {  // Content-Range: bytes first-last/size
    const std::string_view range = answer.headers.Get("Content-Range");
    const size_t space = range.find(' ');
    const size_t dash = range.find('-');
    const size_t slash = range.find('/');
    if (space == std::string_view::npos || dash == std::string_view::npos ||
        slash == std::string_view::npos || space > dash) {
      return Fail(Code::kDataLoss, "BadAnswer", "the endpoint sent a part without Content-Range");
    }
    out.first = ParseUint(range.substr(space + 1, dash - space - 1)).value_or(0);
    out.info.size = ParseUint(range.substr(slash + 1)).value_or(0);
  }
  out.body = answer.stream ? std::move(answer.stream) : NewStringSource(std::move(answer.body));
  return out;
}

Result<ObjectInfo> S3Store::Head(const ObjectRef& ref, const Conditions& conditions) {
  CLARY_CHECK_OK(CheckKey(ref.key));
  Call call{.method = "HEAD", .bucket = ref.bucket, .key = ref.key};
  AddConditions(call.headers, conditions);
  call.headers.Set("x-amz-checksum-mode", "ENABLED");
  CLARY_TRY(const auto answer, Send(call));
  return InfoOf(ref.key, answer.headers);
}

Status S3Store::Delete(const ObjectRef& ref, const Conditions& conditions) {
  CLARY_CHECK_OK(CheckKey(ref.key));
  Call call{.method = "DELETE", .bucket = ref.bucket, .key = ref.key};
  if (!conditions.if_match.empty()) call.headers.Set("If-Match", Quoted(conditions.if_match));
  if (conditions.if_match_size) {
    call.headers.Set("x-amz-if-match-size", std::to_string(*conditions.if_match_size));
  }
  if (conditions.if_match_modified) {
    call.headers.Set("x-amz-if-match-last-modified-time",
                     FormatRfc1123(*conditions.if_match_modified));
  }
  CLARY_CHECK_OK(Send(call));
  return {};
}

Result<ListPage> S3Store::List(const std::string& bucket, const ListOptions& options) {
  if (options.max_keys == 0) {
    CLARY_CHECK_OK(HeadBucket(bucket));
    return ListPage();
  }
  Call call{.method = "GET", .bucket = bucket};
  call.query = {{"list-type", "2"},
                {"encoding-type", "url"},
                {"max-keys", std::to_string(std::min<size_t>(options.max_keys, 1000))}};
  if (!options.prefix.empty()) call.query.emplace_back("prefix", options.prefix);
  if (!options.delimiter.empty()) call.query.emplace_back("delimiter", options.delimiter);
  if (!options.start_after.empty()) call.query.emplace_back("start-after", options.start_after);
  CLARY_TRY(const auto answer, Send(call));
  CLARY_TRY(ListAnswer list, ParseListAnswer(answer.body));
  ListPage page = std::move(list.page);
  const bool ends_in_prefix =
      !page.common_prefixes.empty() && page.next == page.common_prefixes.back();
  if (ends_in_prefix) page.next += kLastCharacter;
  return page;
}

Result<Tags> S3Store::GetTags(const ObjectRef& ref) {
  CLARY_CHECK_OK(CheckKey(ref.key));
  CLARY_TRY(
      const auto answer,
      Send({.method = "GET", .bucket = ref.bucket, .key = ref.key, .query = {{"tagging", ""}}}));
  const auto listed = ParseTagSet(answer.body);
  if (!listed) return Fail(Code::kDataLoss, "BadAnswer", "the endpoint's answer is no set of tags");
  return Tags(listed->begin(), listed->end());
}

Status S3Store::SetTags(const ObjectRef& ref, const Tags& tags) {
  CLARY_CHECK_OK(CheckKey(ref.key));
  Call call{.method = tags.empty() ? "DELETE" : "PUT",
            .bucket = ref.bucket,
            .key = ref.key,
            .query = {{"tagging", ""}}};
  if (!tags.empty()) {
    call.body = WriteTagSet(tags);
    call.headers.Set("Content-MD5", Base64Encode(Hash(HashKind::kMd5, call.body)));
  }
  CLARY_CHECK_OK(Send(call));
  return {};
}

Result<UploadInfo> S3Store::CreateUpload(const ObjectRef& ref, const PutOptions& options) {
  CLARY_CHECK_OK(CheckKey(ref.key));
  Call call{.method = "POST", .bucket = ref.bucket, .key = ref.key, .query = {{"uploads", ""}}};
  AddObjectHeaders(call.headers, options);
  if (options.checksum_kind) {
    call.headers.Set("x-amz-checksum-algorithm", std::string(NameOf(*options.checksum_kind).name));
    call.headers.Set("x-amz-checksum-type",
                     options.full_object_checksum ? "FULL_OBJECT" : "COMPOSITE");
  }
  CLARY_TRY(const auto answer, Send(call));
  CLARY_TRY(auto xml, ParseFlat(answer.body));
  if (xml["UploadId"].empty()) {
    return Fail(Code::kDataLoss, "BadAnswer", "the endpoint gave no upload id");
  }
  return UploadInfo{.key = ref.key,
                    .id = xml["UploadId"],
                    .started = clock_.Now(),
                    .headers = options.headers,
                    .tags = options.tags,
                    .checksum_kind = options.checksum_kind,
                    .full_object_checksum = options.full_object_checksum};
}

Result<PartInfo> S3Store::SendPart(const ObjectRef& ref, const std::string& upload_id, int number,
                                   std::string bytes, const std::optional<Checksum>& checksum) {
  Call call{.method = "PUT",
            .bucket = ref.bucket,
            .key = ref.key,
            .query = {{"partNumber", std::to_string(number)}, {"uploadId", upload_id}},
            .body = std::move(bytes)};
  if (checksum) call.headers.Set(NameOf(checksum->kind).header, checksum->value);
  CLARY_TRY(const auto answer, Send(call));
  return PartInfo{.number = number,
                  .size = call.body.size(),
                  .etag = Unquote(answer.headers.Get("ETag")),
                  .last_modified = clock_.Now(),
                  .checksum = checksum};
}

Result<PartInfo> S3Store::UploadPart(const ObjectRef& ref, const std::string& upload_id, int number,
                                     ByteSource& body, const PutOptions& options) {
  auto bytes = ReadAll(body, kMaxPartInMemory);
  if (!bytes && bytes.error().reason == "TooLarge") {
    return Fail(Code::kInvalidArgument, "EntityTooLarge", "a part may have at most 512 MiB");
  }
  if (!bytes) return std::unexpected(std::move(bytes).error());
  BodyDigest digest(options);
  digest.Update(*bytes);
  CLARY_TRY(const auto digests, digest.Finish());
  return SendPart(ref, upload_id, number, *std::move(bytes), digests.checksum);
}

Result<ObjectInfo> S3Store::CompleteUpload(const ObjectRef& ref, const std::string& upload_id,
                                           const std::vector<CompletedPart>& parts,
                                           const PutOptions& options) {
  XmlWriter xml("CompleteMultipartUpload");
  for (const CompletedPart& part : parts) {
    xml.Open("Part").Element("PartNumber", static_cast<uint64_t>(part.number));
    xml.Element("ETag", Quoted(part.etag));
    if (part.checksum) xml.Element(NameOf(part.checksum->kind).element, part.checksum->value);
    xml.Close();
  }
  Call call{.method = "POST",
            .bucket = ref.bucket,
            .key = ref.key,
            .query = {{"uploadId", upload_id}},
            .body = xml.Finish()};
  AddConditions(call.headers, options.conditions);
  if (options.checksum) {
    call.headers.Set(NameOf(options.checksum->kind).header, options.checksum->value);
  }
  CLARY_TRY(const auto answer, Send(call));
  CLARY_TRY(auto result, ParseFlat(answer.body));
  if (result[""] == "Error") {  // S3 may find out after it has sent 200
    return std::unexpected(
        ErrorOf(answer, answer.body, "completing the upload of " + ref.Uri(), true));
  }
  return Head(ref);
}

Status S3Store::AbortUpload(const ObjectRef& ref, const std::string& upload_id) {
  CLARY_CHECK_OK(Send({.method = "DELETE",
                       .bucket = ref.bucket,
                       .key = ref.key,
                       .query = {{"uploadId", upload_id}}}));
  return {};
}

Result<std::vector<PartInfo>> S3Store::ListParts(const ObjectRef& ref,
                                                 const std::string& upload_id) {
  std::vector<PartInfo> out;
  Call call{.method = "GET", .bucket = ref.bucket, .key = ref.key};
  for (int marker = 0;;) {
    call.query = {{"uploadId", upload_id}, {"part-number-marker", std::to_string(marker)}};
    CLARY_TRY(const auto answer, Send(call));
    CLARY_TRY(auto page, ParsePartsAnswer(answer.body));
    std::ranges::move(page.parts, std::back_inserter(out));
    if (!page.truncated || page.next <= marker) return out;
    marker = page.next;
  }
}

Result<std::vector<UploadInfo>> S3Store::ListUploads(const std::string& bucket) {
  std::vector<UploadInfo> out;
  Call call{.method = "GET", .bucket = bucket};
  std::string key;
  std::string id;
  for (;;) {
    call.query = {{"uploads", ""}, {"encoding-type", "url"}};
    if (!key.empty()) {
      call.query.emplace_back("key-marker", key);
      call.query.emplace_back("upload-id-marker", id);
    }
    CLARY_TRY(const auto answer, Send(call));
    CLARY_TRY(auto page, ParseUploadsAnswer(answer.body));
    std::ranges::move(page.uploads, std::back_inserter(out));
    if (!page.truncated || (page.next_key == key && page.next_id == id)) return out;
    key = page.next_key;
    id = page.next_id;
  }
}

}  // namespace clary::objects
