#include "objects/internal/s3_request.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <span>

#include "base/strings.h"
#include "objects/internal/error_details.h"
#include "objects/rules.h"
#include "objects/s3_xml.h"

namespace clary::objects {

using net::FindParam;
using net::Request;

std::unexpected<Error> Bad(std::string reason, std::string message) {
  return FailWith(Code::kInvalidArgument, std::move(reason), std::move(message), {});
}

std::unexpected<Error> BadArgument(std::string_view name, std::string_view value,
                                   std::string message) {
  return FailWith(Code::kInvalidArgument, "InvalidArgument", std::move(message),
                  {{"ArgumentName", std::string(name)}, {"ArgumentValue", std::string(value)}});
}

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
  if (!IsUtf8(t.key)) return Bad("InvalidURI", "Couldn't parse the specified URI.");
  if (!t.key.empty()) CLARY_CHECK_OK(CheckKey(t.key));
  return t;
}

Conditions ParseConditions(const net::Headers& h, std::string_view prefix) {
  const auto get = [&](std::string_view name) {
    return std::string(h.Get(std::string(prefix) + std::string(name)));
  };
  // A broken time is ignored, as HTTP says.
  return {.if_match = get("if-match"),
          .if_none_match = get("if-none-match"),
          .if_modified_since = ParseS3Time(get("if-modified-since")),
          .if_unmodified_since = ParseS3Time(get("if-unmodified-since"))};
}

Result<std::optional<Time>> StrictTimeHeader(const net::Headers& h, std::string_view name) {
  const auto text = h.Find(name);
  if (!text) return std::nullopt;
  const auto time = ParseS3Time(*text);
  if (!time) return BadArgument(name, *text, std::string(name) + " is not a time");
  return time;
}

Result<Conditions> ParseDeleteConditions(const net::Headers& h) {
  Conditions out;
  out.if_match = h.Get("if-match");
  CLARY_TRY(out.if_match_modified, StrictTimeHeader(h, "x-amz-if-match-last-modified-time"));
  if (const auto size = h.Find("x-amz-if-match-size")) {
    out.if_match_size = ParseUint(*size);
    if (!out.if_match_size) {
      return BadArgument("x-amz-if-match-size", *size, "x-amz-if-match-size is not a number");
    }
  }
  return out;
}

namespace {

constexpr size_t kMaxMetadataBytes = 2048;
constexpr std::string_view kMetaPrefix = "x-amz-meta-";
constexpr std::string_view kKeptHeaders[] = {
    "content-type",     "cache-control", "content-disposition",
    "content-language", "expires",       kRedirect,
};

bool Listed(std::span<const std::string_view> list, std::string_view name) {
  return std::ranges::find(list, name) != list.end();
}

Status CheckObjectHeaders(const std::map<std::string, std::string>& headers) {
  const auto get = [&](std::string_view name) {
    const auto it = headers.find(std::string(name));
    return it == headers.end() ? std::string_view() : std::string_view(it->second);
  };
  const std::string_view redirect = get(kRedirect);
  if (!redirect.empty() && !redirect.starts_with('/') && !redirect.starts_with("http://") &&
      !redirect.starts_with("https://")) {
    return Bad("InvalidRedirectLocation",
               "The website redirect location must have a prefix of 'http://' or 'https://' or "
               "'/'.");
  }
  const std::string_view key = get(kEncryptionHeaders[1]);
  if (!key.empty() && !get(kEncryptionHeaders[0]).starts_with("aws:kms")) {
    return BadArgument(kEncryptionHeaders[1], key,
                       "Server Side Encryption with AWS KMS managed key requires HTTP header "
                       "x-amz-server-side-encryption : aws:kms");
  }
  return {};
}

}  // namespace

Result<std::map<std::string, std::string>> ParseObjectHeaders(const net::Headers& h) {
  std::map<std::string, std::string> out;
  size_t meta_bytes = 0;
  for (const auto& [raw_name, value] : h.all()) {
    std::string name = ToLower(raw_name);
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
    } else if (name == kStorageClass) {
      if (value != "STANDARD") out[name] = value;  // S3 answers the others only
    } else if (Listed(kKeptHeaders, name) || Listed(kEncryptionHeaders, name)) {
      out[name] = value;
    }
  }
  if (meta_bytes > kMaxMetadataBytes) {
    return FailWith(Code::kInvalidArgument, "MetadataTooLarge",
                    "Your metadata headers exceed the maximum allowed metadata size",
                    {{"Size", std::to_string(meta_bytes)},
                     {"MaxSizeAllowed", std::to_string(kMaxMetadataBytes)}});
  }
  CLARY_CHECK_OK(CheckObjectHeaders(out));
  return out;
}

Result<std::optional<HashKind>> ParseAlgorithm(std::string_view name) {
  if (name.empty()) return std::nullopt;
  const ChecksumName* found = FindChecksumName(name);
  if (found == nullptr) {
    return Bad("InvalidRequest", "Checksum algorithm provided is unsupported: " +
                                     std::string(name) + "; use " + ChecksumList());
  }
  return found->kind;
}

// x-amz-checksum-<algorithm> of the headers; nullopt if there is none.
Result<std::optional<Checksum>> ParseChecksum(const net::Headers& h, bool of_parts) {
  std::optional<Checksum> out;
  for (const ChecksumName& c : kChecksumNames) {
    const auto value = h.Find(c.header);
    if (!value) continue;
    if (out) return Bad("InvalidRequest", "Expecting a single x-amz-checksum- header");
    out = Checksum{c.kind, std::string(Trim(*value))};
    std::string_view sum = out->value;
    if (of_parts) sum = sum.substr(0, sum.find('-'));  // "sum-N"
    const auto raw = Base64Decode(sum);
    if (!raw || raw->size() != Hash(c.kind, "").size()) {
      return Bad("InvalidRequest", "Value for " + std::string(c.header) + " header is invalid.");
    }
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
  std::string_view algorithm = h.Get("x-amz-sdk-checksum-algorithm");
  if (algorithm.empty()) algorithm = h.Get("x-amz-checksum-algorithm");
  CLARY_TRY(out.checksum_kind, ParseAlgorithm(algorithm));
  if (out.checksum && out.checksum_kind && out.checksum->kind != *out.checksum_kind) {
    return Bad("InvalidRequest", "Value for x-amz-sdk-checksum-algorithm header is invalid.");
  }
  const std::string_view trailer = Trim(h.Get("x-amz-trailer"));
  if (!trailer.empty()) {
    const auto* name = std::ranges::find_if(
        kChecksumNames, [&](const ChecksumName& c) { return EqualsIgnoreCase(c.header, trailer); });
    if (name == std::end(kChecksumNames)) {
      return Bad("InvalidRequest",
                 "The value specified in the x-amz-trailer header is not "
                 "supported");
    }
    if (out.checksum || (out.checksum_kind && *out.checksum_kind != name->kind)) {
      return Bad("InvalidRequest", "Expecting a single x-amz-checksum- header");
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

Result<size_t> ExactSource::Read(std::span<char> buffer) {
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

// The length of the object in the body, decoded; nullopt if the client did not say.
Result<std::optional<uint64_t>> BodyLength(const Request& r) {
  std::optional<uint64_t> length = r.content_length;
  if (const auto decoded = r.headers.Find("x-amz-decoded-content-length")) {
    length = ParseUint(*decoded);
    if (!length) return Bad("InvalidArgument", "x-amz-decoded-content-length is not a number");
  }
  if (length && *length > kMaxPutBytes) {
    return FailWith(Code::kInvalidArgument, "EntityTooLarge",
                    "Your proposed upload exceeds the maximum allowed size",
                    {{"ProposedSize", std::to_string(*length)},
                     {"MaxSizeAllowed", std::to_string(kMaxPutBytes)}});
  }
  return length;
}

Result<std::string> ReadSmallBody(Request& r) {
  auto body = ReadAll(*r.body, kMaxXmlBytes);
  if (!body && body.error().reason == "TooLarge") {
    return FailWith(Code::kInvalidArgument, "MaxMessageLengthExceeded", "Your request was too big.",
                    {{"MaxMessageLengthBytes", std::to_string(kMaxXmlBytes)}});
  }
  return body;
}

Result<std::string> ReadXml(Request& r, const Caller& caller) {
  CLARY_TRY(const PutOptions checks, ParseBodyChecks(r.headers, caller));
  CLARY_TRY(std::string xml, ReadSmallBody(r));
  BodyDigest digest(checks);
  digest.Update(xml);
  CLARY_CHECK_OK(digest.Finish());
  return xml;
}

Result<uint64_t> NumberParam(const Request& r, std::string_view name, uint64_t fallback,
                             uint64_t most) {
  const auto text = FindParam(r.query, name);
  if (!text || text->empty()) return fallback;
  const auto value = ParseUint(*text);
  if (!value || *value > std::numeric_limits<int32_t>::max()) {
    return BadArgument(name, *text,
                       "Provided " + std::string(name) + " not an integer or within integer range");
  }
  return std::min(*value, most);
}

bool IsHeaderValue(std::string_view text) {
  return std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

std::string Param(const Request& r, std::string_view name) {
  return std::string(FindParam(r.query, name).value_or(""));
}

bool Has(const Request& r, std::string_view name) { return FindParam(r.query, name).has_value(); }

}  // namespace clary::objects
