#include "objects/s3_front.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <span>
#include <utility>

#include "base/hash.h"
#include "base/strings.h"
#include "objects/internal/s3_answer.h"
#include "objects/internal/s3_call.h"
#include "objects/internal/s3_form.h"
#include "objects/internal/s3_operations.h"
#include "objects/internal/s3_request.h"
#include "objects/rules.h"
#include "objects/s3_xml.h"

namespace clary::objects {

using net::Request;
using net::Response;

namespace {

std::string NewRequestId() {
  std::string id = HexEncode(RandomBytes(8));
  std::ranges::transform(id, id.begin(),
                         [](char c) { return c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c; });
  return id;
}

}  // namespace

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

bool IsOtherS3Host(std::string_view host) {
  if (!host.contains(".amazonaws.com") && !host.ends_with(".api.aws") &&
      !host.ends_with(".localhost")) {
    return false;
  }
  constexpr std::string_view kOther[] = {
      "s3-control", "s3-accesspoint", "s3-object-lambda", "s3-outposts", "s3express",
      "s3tables",   "s3vectors",      "s3files",          "s3-website",  "s3-global"};
  const auto labels = Split(host, '.');
  // The last label that names a service; those before it are a bucket or an account.
  const auto service = std::find_if(labels.rbegin(), labels.rend(),
                                    [](std::string_view l) { return l.starts_with("s3"); });
  return service != labels.rend() && std::ranges::any_of(kOther, [&](std::string_view other) {
           return *service == other ||
                  (service->starts_with(other) && (*service)[other.size()] == '-');
         });
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

namespace {

Status CheckHost(std::string_view host) {
  if (!IsOtherS3Host(host)) return {};
  return Fail(
      Code::kUnimplemented, "NotImplemented",
      "This service has S3 itself only: not S3 Control, access points, Outposts, Express or "
      "websites");
}

// A checksum that a header promises is there. (In a presigned URL the promise may be that of an
// empty body, which is dropped with the checksum that it had.)
Status CheckPromisedSum(const Request& r) {
  if (!r.headers.Find("x-amz-sdk-checksum-algorithm") || r.headers.Find("x-amz-trailer") ||
      std::ranges::any_of(kChecksumNames, [&](const ChecksumName& name) {
        return r.headers.Find(name.header).has_value();
      })) {
    return {};
  }
  return Bad("InvalidRequest",
             "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or "
             "x-amz-trailer headers were found.");
}

Result<Response> Run(ObjectStore& store, Request& request, const Caller& caller) {
  CLARY_CHECK_OK(CheckHost(request.host));
  CLARY_CHECK_OK(CheckPromisedSum(request));
  CLARY_CHECK_OK(MoveSignedQuery(request));
  CLARY_TRY(Target target, ParseTarget(request));
  if (target.bucket.empty() && !target.key.empty()) {
    return Bad("InvalidURI", "Couldn't parse the specified URI.");
  }
  if (const auto owner = request.headers.Find("x-amz-expected-bucket-owner");
      owner && *owner != caller.account_id) {
    return Fail(Code::kPermissionDenied, "AccessDenied", "Access Denied");
  }
  const Level level = target.bucket.empty() ? Level::kService
                      : target.key.empty()  ? Level::kBucket
                                            : Level::kObject;
  CLARY_TRY(const Operation* operation, FindOperation(request, level));
  if (operation->run == nullptr) {
    CLARY_CHECK_OK(store.HeadBucket(target.bucket));
    return Fail(Code::kUnimplemented, "NotImplemented",
                "This service does not have " + std::string(operation->note));
  }
  CLARY_CHECK_OK(CheckInputs(request, *operation));
  // The others look at it themselves.
  if (request.headers.Find("content-md5") && request.body && !TakesBody(*operation)) {
    CLARY_TRY([[maybe_unused]] const std::string body, ReadXml(request, caller));
  }
  Call call(store, request, caller, std::move(target));
  return (call.*operation->run)();
}

// What the request says of itself, for the details of its error.
ErrorDetails ContextOf(const Request& r) {
  ErrorDetails out;
  if (const auto target = ParseTarget(r)) {
    out = {{"BucketName", target->bucket}, {"Key", target->key}};
  }
  for (const auto& [param, name] :
       {std::pair("uploadId", "UploadId"), std::pair("versionId", "VersionId")}) {
    if (const auto value = net::FindParam(r.query, param)) out.emplace_back(name, *value);
  }
  for (const auto& [header, name] :
       {std::pair("range", "RangeRequested"), std::pair("content-md5", "Content-MD5")}) {
    if (const auto value = r.headers.Find(header)) out.emplace_back(name, *value);
  }
  return out;
}

// Fails a file of a form that is not as long as its policy wants.
class SizedSource final : public ByteSource {
 public:
  SizedSource(ByteSource& inner, uint64_t min, uint64_t max)
      : inner_(inner), min_(min), max_(max) {}
  Result<size_t> Read(std::span<char> buffer) override {
    CLARY_TRY(const size_t n, inner_.Read(buffer));
    seen_ += n;
    const bool large = seen_ > max_;
    if (large || (n == 0 && seen_ < min_)) {
      return FailWith(
          Code::kInvalidArgument, large ? "EntityTooLarge" : "EntityTooSmall",
          large ? "Your proposed upload exceeds the maximum allowed size"
                : "Your proposed upload is smaller than the minimum allowed size",
          {{"ProposedSize", std::to_string(seen_)},
           {large ? "MaxSizeAllowed" : "MinSizeAllowed", std::to_string(large ? max_ : min_)}});
    }
    return n;
  }

 private:
  ByteSource& inner_;
  const uint64_t min_;
  const uint64_t max_;
  uint64_t seen_ = 0;
};

// The fields of a form as the headers that a PutObject would have.
Result<net::Headers> HeadersOfForm(const net::Query& fields) {
  net::Headers out;
  constexpr std::string_view kSignature[] = {"x-amz-algorithm", "x-amz-credential", "x-amz-date",
                                             "x-amz-signature", "x-amz-security-token"};
  constexpr std::string_view kKept[] = {
      "content-type",     "cache-control", "content-disposition", "content-encoding",
      "content-language", "expires",       "content-md5"};
  for (const auto& [name, value] : fields) {
    if (!IsHeaderValue(value) && name != "tagging") {
      return BadArgument(name, value, "The field holds characters that no header may");
    }
    if (name == "acl") {
      out.Add("x-amz-acl", value);
    } else if (name == "tagging") {
      CLARY_TRY(const auto listed, ParseTagSet(value));
      CLARY_TRY(const Tags tags, TagsOf(listed));
      out.Add("x-amz-tagging", FormatTagging(tags));
    } else if (name.starts_with("x-amz-")
                   ? std::ranges::find(kSignature, name) == std::end(kSignature)
                   : std::ranges::find(kKept, name) != std::end(kKept)) {
      out.Add(name, value);
    }
  }
  return out;
}

// What the form asks to be answered after the object was put.
Response AnswerForm(const Request& r, const net::Query& fields, const Target& t,
                    const net::Headers& put) {
  const std::string etag(put.Get("ETag"));
  Response out = Empty(204);
  out.headers = put;
  const std::string location = (r.tls ? "https://" : "http://") +
                               std::string(r.headers.Get("host")) + "/" + t.bucket + "/" +
                               UriEncode(t.key, /*keep_slash=*/true);
  auto redirect = net::FindParam(fields, "success_action_redirect");
  if (!redirect) redirect = net::FindParam(fields, "redirect");
  // As S3: what is no URL is as if it were not there.
  if (redirect && (redirect->starts_with("http://") || redirect->starts_with("https://"))) {
    out.status = 303;
    out.headers.Set("Location", std::string(*redirect) + (redirect->contains('?') ? "&" : "?") +
                                    "bucket=" + UriEncode(t.bucket) + "&key=" + UriEncode(t.key) +
                                    "&etag=" + UriEncode(etag));
    return out;
  }
  out.headers.Set("Location", location);
  const auto status = net::FindParam(fields, "success_action_status");
  if (status == "200") out.status = 200;
  if (status == "201") {
    XmlWriter xml("PostResponse", /*with_namespace=*/false);
    xml.Element("Location", location)
        .Element("Bucket", t.bucket)
        .Element("Key", t.key)
        .Element("ETag", etag);
    out.status = 201;
    out.headers.Set("Content-Type", "application/xml");
    out.body = xml.Finish();
  }
  return out;
}

Result<Response> RunForm(ObjectStore& store, Clock& clock, Request& request,
                         const std::function<Result<Caller>(const net::Query&)>& verify) {
  CLARY_CHECK_OK(CheckHost(request.host));
  CLARY_TRY(Target target, ParseTarget(request));
  if (target.bucket.empty() || !target.key.empty() || !request.query.empty()) {
    return Fail(Code::kInvalidArgument, "MethodNotAllowed",
                "The specified method is not allowed against this resource.");
  }
  CLARY_TRY(const auto reader,
            FormReader::Create(request.headers.Get("content-type"), *request.body));
  CLARY_TRY(net::Query fields, reader->ReadFields());
  CLARY_TRY(const Caller caller, verify(fields));
  auto key = std::ranges::find(fields, "key", &net::Query::value_type::first);
  if (key == fields.end() || key->second.empty()) {
    return BadArgument("key", "",
                       "Bucket POST must contain a field named 'key'.  If it is specified, please "
                       "check the order of the fields.");
  }
  constexpr std::string_view kFilename = "${filename}";
  if (const size_t at = key->second.find(kFilename); at != std::string::npos) {
    key->second.replace(at, kFilename.size(), reader->filename());
  }
  target.key = key->second;
  if (!IsUtf8(target.key)) return Bad("InvalidURI", "Couldn't parse the specified URI.");
  CLARY_CHECK_OK(CheckKey(target.key));
  CLARY_TRY(const PostPolicy policy,
            PostPolicy::Parse(net::FindParam(fields, "policy").value_or("")));
  if (const auto bucket = net::FindParam(fields, "bucket"); bucket && *bucket != target.bucket) {
    return Fail(Code::kPermissionDenied, "AccessDenied",
                "Invalid according to Policy: the field 'bucket' is not the bucket of the URL");
  }
  if (!net::FindParam(fields, "bucket")) fields.emplace_back("bucket", target.bucket);
  CLARY_CHECK_OK(policy.Check(fields, clock.Now()));

  Request put;
  put.method = "POST";
  put.path = request.path;
  put.host = request.host;
  CLARY_TRY(put.headers, HeadersOfForm(fields));
  CLARY_TRY(const Operation* operation, FindOperation(put, Level::kBucket));
  CLARY_CHECK_OK(CheckInputs(put, *operation));
  put.body = std::make_unique<SizedSource>(reader->file(), policy.min_bytes(), policy.max_bytes());
  Call call(store, put, caller, target);
  CLARY_TRY(const Response done, call.Put());
  return AnswerForm(request, fields, target, done.headers);
}

Response Finish(Result<Response> result, Request& request) {
  const std::string id = NewRequestId();
  Response out = result ? *std::move(result)
                        : S3ErrorResponse(result.error(), request.path, request.method == "HEAD",
                                          id, ContextOf(request));
  out.headers.Set("x-amz-request-id", id);
  out.headers.Set("x-amz-id-2", id);
  out.headers.Set("Server", "clary");
  return out;
}

}  // namespace

Response S3Front::HandleForm(Request& request,
                             const std::function<Result<Caller>(const net::Query&)>& verify) {
  return Finish(RunForm(store_, clock_, request, verify), request);
}

Response S3Front::Handle(Request& request, const Caller& caller) {
  return Finish(Run(store_, request, caller), request);
}

}  // namespace clary::objects
