#include "net/sigv4.h"

#include <algorithm>
#include <array>
#include <vector>

#include "net/internal/signing.h"

namespace clary::net {
namespace {

using internal::HexHmac;
using internal::HexSha256;

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr uint64_t kMaxPresignSeconds = 7 * 24 * 3600;

struct PayloadWord {
  std::string_view word;
  PayloadKind kind;
};
constexpr PayloadWord kPayloadWords[] = {
    {kUnsignedPayload, PayloadKind::kUnsigned},
    {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", PayloadKind::kSignedChunks},
    {"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", PayloadKind::kSignedTrailer},
    {"STREAMING-UNSIGNED-PAYLOAD-TRAILER", PayloadKind::kUnsignedTrailer},
};

// ---- canonical forms ----

// Every client agrees on the encoding of its own bytes, but some send other bytes than they sign:
// kDecoded decodes what was sent and encodes it by the book; kAsSent takes the bytes as they are.
enum class Form { kDecoded, kAsSent };

std::string Reencode(std::string_view raw, bool keep_slash) {
  return UriEncode(UriDecode(raw).value_or(std::string(raw)), keep_slash);
}

// Removes empty, "." and ".." segments (RFC 3986, 5.2.4), as all services but S3 do.
std::string NormalPath(std::string_view path) {
  std::vector<std::string> kept;
  for (const std::string_view segment : Split(path, '/')) {
    if (segment.empty() || segment == ".") continue;
    if (segment == "..") {
      if (!kept.empty()) kept.pop_back();
    } else {
      kept.emplace_back(segment);
    }
  }
  std::string out = "/" + Join(kept, "/");
  if (path.ends_with('/') && !kept.empty()) out += '/';
  return out;
}

std::string CanonicalPath(std::string_view path, bool s3, Form form) {
  if (path.empty()) return "/";
  if (!s3) return UriEncode(NormalPath(path), true);
  return form == Form::kAsSent ? std::string(path) : Reencode(path, true);
}

std::string CanonicalQuery(std::string_view raw, std::string_view without, Form form) {
  std::vector<std::pair<std::string, std::string>> parts;
  for (const std::string_view part : Split(raw, '&')) {
    if (part.empty()) continue;
    const size_t eq = part.find('=');
    const std::string_view name = part.substr(0, eq);
    const std::string_view value = eq == std::string_view::npos ? "" : part.substr(eq + 1);
    if (!without.empty() && name == without) continue;
    if (form == Form::kAsSent) {
      parts.emplace_back(name, value);
    } else {
      parts.emplace_back(Reencode(name, false), Reencode(value, false));
    }
  }
  std::ranges::sort(parts);
  std::string out;
  for (const auto& [name, value] : parts) {
    if (!out.empty()) out += '&';
    out.append(name).append("=").append(value);
  }
  return out;
}

// Trimmed, with every run of spaces inside made one.
void AppendFolded(std::string& out, std::string_view value) {
  value = Trim(value);
  for (size_t i = 0; i < value.size(); ++i) {
    if (value[i] == ' ' && value[i - 1] == ' ') continue;
    out += value[i];
  }
}

// `names` are lower case and sorted.
std::string CanonicalHeaders(const Headers& headers, const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) {
    out.append(name).append(":");
    bool first = true;
    for (const auto& [key, value] : headers.all()) {
      if (!EqualsIgnoreCase(key, name)) continue;
      if (!first) out += ',';
      first = false;
      AppendFolded(out, value);
    }
    out += '\n';
  }
  return out;
}

std::string CanonicalRequest(const SignInput& in, const std::vector<std::string>& names,
                             std::string_view payload_hash, bool s3, std::string_view without,
                             Form form) {
  std::string out(in.method);
  out.append("\n").append(CanonicalPath(in.path, s3, form));
  out.append("\n").append(CanonicalQuery(in.raw_query, without, form));
  out.append("\n").append(CanonicalHeaders(*in.headers, names));
  out.append("\n").append(Join(names, ";"));
  out.append("\n").append(payload_hash);
  return out;
}

// The key of a secret for a day, a region and a service. Four digests, and a thread is asked for
// the same ones again and again, so it keeps the last few.
std::string SigningKey(std::string_view secret, std::string_view date, std::string_view region,
                       std::string_view service) {
  struct Known {
    std::string secret, date, region, service, key;
  };
  constexpr size_t kKept = 8;
  thread_local std::array<Known, kKept> known;
  thread_local size_t next = 0;
  for (const Known& k : known) {
    if (k.date == date && k.region == region && k.service == service && k.secret == secret) {
      return k.key;
    }
  }
  const std::string k1 = HmacSha256("AWS4" + std::string(secret), date);
  const std::string k2 = HmacSha256(k1, region);
  std::string key = HmacSha256(HmacSha256(k2, service), "aws4_request");
  known[next++ % kKept] = {std::string(secret), std::string(date), std::string(region),
                           std::string(service), key};
  return key;
}

std::string StringToSign(std::string_view amz_date, std::string_view scope,
                         std::string_view canonical_request) {
  std::string out(kAlgorithm);
  out.append("\n").append(amz_date).append("\n").append(scope).append("\n");
  return out + HexSha256(canonical_request);
}

std::string ScopeOf(const Signer& signer, std::string_view amz_date) {
  return std::string(amz_date.substr(0, 8)) + "/" + signer.region + "/" + signer.service +
         "/aws4_request";
}

std::string SignCanonical(const Signer& signer, std::string_view amz_date,
                          std::string_view canonical) {
  const std::string key =
      SigningKey(signer.secret_key, amz_date.substr(0, 8), signer.region, signer.service);
  return HexHmac(key, StringToSign(amz_date, ScopeOf(signer, amz_date), canonical));
}

// Headers that a proxy or the HTTP library may change on the way.
bool IsUnsignable(std::string_view lower) {
  constexpr std::array<std::string_view, 8> kNames = {
      "authorization",     "connection",     "expect", "user-agent", "keep-alive", "te",
      "transfer-encoding", "x-amzn-trace-id"};
  return std::ranges::find(kNames, lower) != kNames.end();
}

std::vector<std::string> SignableNames(const Headers& headers) {
  std::vector<std::string> names;
  for (const auto& [name, value] : headers.all()) {
    std::string lower = ToLower(name);
    if (!IsUnsignable(lower)) names.push_back(std::move(lower));
  }
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

// ---- what a request claims ----

struct Claim {
  std::string access_key;
  std::string date;  // of the scope
  std::string region;
  std::string service;
  std::vector<std::string> signed_headers;
  std::string signature;
  std::string amz_date;
  std::string session_token;
  bool presigned = false;
  uint64_t expires = 0;  // seconds; of presigned
  bool s3() const { return service == "s3"; }
};

bool IsV4Query(const Request& r) { return FindParam(r.query, "X-Amz-Algorithm").has_value(); }
bool IsV2Query(const Request& r) {
  return FindParam(r.query, "AWSAccessKeyId") && FindParam(r.query, "Signature");
}

std::unexpected<Error> Malformed(bool s3, std::string message) {
  return Fail(Code::kInvalidArgument, s3 ? "AuthorizationHeaderMalformed" : "IncompleteSignature",
              std::move(message));
}
std::unexpected<Error> BadParam(std::string message) {
  return Fail(Code::kInvalidArgument, "AuthorizationQueryParametersError", std::move(message));
}

// access-key/date/region/service/aws4_request; an access key may hold '/', in theory.
bool ParseCredential(std::string_view text, Claim& claim) {
  const auto parts = Split(text, '/');
  if (parts.size() != 5 || parts[4] != "aws4_request" || parts[0].empty() || parts[1].size() != 8 ||
      parts[2].size() > 64 || parts[3].empty() || parts[3].size() > 64 || parts[0].size() > 128) {
    return false;
  }
  claim.access_key = parts[0];
  claim.date = parts[1];
  claim.region = parts[2];
  claim.service = parts[3];
  return true;
}

// Lower-case names, sorted: the order is a part of what is signed.
std::vector<std::string> ParseNames(std::string_view text) {
  std::vector<std::string> names;
  for (const std::string_view name : Split(text, ';')) {
    if (!name.empty()) names.push_back(ToLower(name));
  }
  std::ranges::sort(names);
  return names;
}

Result<Claim> ParseHeaderClaim(const Request& r) {
  const std::string_view header = r.headers.Get("Authorization");
  Claim claim;
  bool s3 = true;
  if (!header.starts_with(kAlgorithm) || header.size() > 16 * 1024) {
    return Fail(Code::kInvalidArgument, "UnsupportedMechanism",
                "The authorization mechanism you have provided is not supported. Please use "
                "AWS4-HMAC-SHA256.");
  }
  std::string_view rest = header.substr(kAlgorithm.size());
  std::string_view credential;
  std::string_view names;
  for (std::string_view part : Split(rest, ',')) {
    part = Trim(part);
    const size_t eq = part.find('=');
    if (eq == std::string_view::npos) continue;
    const std::string_view key = part.substr(0, eq);
    const std::string_view value = part.substr(eq + 1);
    if (key == "Credential") credential = value;
    if (key == "SignedHeaders") names = value;
    if (key == "Signature") claim.signature = value;
  }
  if (!ParseCredential(credential, claim)) {
    return Malformed(credential.find("/s3/") != std::string_view::npos,
                     "the credential of the Authorization header must be "
                     "ACCESS_KEY/YYYYMMDD/REGION/SERVICE/aws4_request");
  }
  s3 = claim.s3();
  claim.signed_headers = ParseNames(names);
  if (claim.signature.empty() || claim.signed_headers.empty()) {
    return Malformed(s3, "the Authorization header needs Credential, SignedHeaders and Signature");
  }
  claim.amz_date = r.headers.Get("X-Amz-Date");
  if (claim.amz_date.empty()) {
    const auto date = ParseRfc1123(r.headers.Get("Date"));
    if (!date) return Malformed(s3, "the request needs an X-Amz-Date or a Date header");
    claim.amz_date = FormatAmzDate(*date);
  }
  claim.session_token = r.headers.Get("X-Amz-Security-Token");
  return claim;
}

Result<Claim> ParseQueryClaim(const Request& r) {
  const auto param = [&](std::string_view name) {
    return FindParam(r.query, name).value_or(std::string_view());
  };
  Claim claim;
  claim.presigned = true;
  if (param("X-Amz-Algorithm") != kAlgorithm) {
    return BadParam("X-Amz-Algorithm must be AWS4-HMAC-SHA256");
  }
  if (!ParseCredential(param("X-Amz-Credential"), claim)) {
    return BadParam("X-Amz-Credential must be ACCESS_KEY/YYYYMMDD/REGION/SERVICE/aws4_request");
  }
  claim.signed_headers = ParseNames(param("X-Amz-SignedHeaders"));
  claim.signature = param("X-Amz-Signature");
  claim.amz_date = param("X-Amz-Date");
  claim.session_token = param("X-Amz-Security-Token");
  if (claim.signed_headers.empty() || claim.signature.empty() || claim.amz_date.empty()) {
    return BadParam("a presigned URL needs X-Amz-SignedHeaders, X-Amz-Date and X-Amz-Signature");
  }
  const auto expires = ParseUint(param("X-Amz-Expires"));
  // Only S3 insists on it; elsewhere a signature lives for the time of the skew.
  if (!expires && (claim.s3() || !param("X-Amz-Expires").empty())) {
    return BadParam("X-Amz-Expires must be a number of seconds");
  }
  claim.expires = expires.value_or(900);
  if (claim.expires < 1 || claim.expires > kMaxPresignSeconds) {
    return BadParam("X-Amz-Expires must be from 1 to 604800 seconds");
  }
  return claim;
}

Result<Claim> ParseClaim(const Request& r) {
  if (r.headers.Find("Authorization")) return ParseHeaderClaim(r);
  return ParseQueryClaim(r);
}

Status CheckTime(const Claim& claim, Time now, Duration max_skew) {
  const auto date = ParseAmzDate(claim.amz_date);
  if (!date) {
    if (claim.presigned) return BadParam("X-Amz-Date must look like 20261123T171135Z");
    return Malformed(claim.s3(), "X-Amz-Date must look like 20261123T171135Z");
  }
  if (claim.amz_date.substr(0, 8) != claim.date) {
    if (claim.presigned) return BadParam("the date of X-Amz-Credential is not that of X-Amz-Date");
    return Malformed(claim.s3(), "the date of the credential is not that of the request");
  }
  if (*date - now > max_skew || (!claim.presigned && now - *date > max_skew)) {
    return Fail(Code::kPermissionDenied, "RequestTimeTooSkewed",
                "the request is dated " + FormatIso8601(*date) + " and the time here is " +
                    FormatIso8601(now) + "; they may differ by 15 minutes");
  }
  if (claim.presigned && now - *date > std::chrono::seconds(claim.expires)) {
    return Fail(Code::kPermissionDenied, "ExpiredPresign", "the presigned URL has expired");
  }
  return {};
}

// x-amz-* headers that a request may carry outside of its signature.
constexpr std::string_view kBoundElsewhere[] = {
    "x-amz-content-sha256",  // a line of what is signed; ResolvePayload() checks it in a presigned
                             // one
    "x-amz-user-agent",      // PHP's client leaves it out; it means nothing here
};

Status CheckSignedHeaders(const Request& r, const Claim& claim) {
  const auto is_signed = [&](const std::string& lower) {
    return std::ranges::binary_search(claim.signed_headers, lower);
  };
  if (!is_signed("host")) {
    return Fail(Code::kPermissionDenied, "HeadersNotSigned", "the Host header must be signed");
  }
  for (const auto& [name, value] : r.headers.all()) {
    const std::string lower = ToLower(name);
    if (!lower.starts_with("x-amz-") || is_signed(lower)) continue;
    if (std::ranges::find(kBoundElsewhere, lower) != std::end(kBoundElsewhere)) continue;
    return Fail(Code::kPermissionDenied, "HeadersNotSigned",
                "There were headers present in the request which were not signed: " + lower);
  }
  return {};
}

bool IsHexDigest(std::string_view s) { return s.size() == 64 && HexDecode(s).has_value(); }

// What an X-Amz-Content-Sha256 promises of the body goes into `out`.
Status ReadPayloadWord(std::string_view word, bool s3, VerifiedIdentity& out) {
  for (const PayloadWord& w : kPayloadWords) {
    if (word != w.word) continue;
    if (!s3 && w.kind != PayloadKind::kUnsigned) break;
    out.payload = w.kind;
    return {};
  }
  if (!IsHexDigest(word)) {
    return Malformed(s3,
                     "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a STREAMING-... "
                     "word, or the SHA-256 of the body in hexadecimal");
  }
  out.payload = PayloadKind::kHashed;
  out.payload_hash = ToLower(word);
  return {};
}

// The same for a header that the signature does not prove: what it says holds as well.
Status ReadUnsignedPayloadWord(std::string_view word, bool s3, VerifiedIdentity& out) {
  CLARY_CHECK_OK(ReadPayloadWord(word, s3, out));
  if (out.payload != PayloadKind::kSignedChunks && out.payload != PayloadKind::kSignedTrailer) {
    return {};
  }
  return Fail(Code::kPermissionDenied, "HeadersNotSigned",
              "the header x-amz-content-sha256 promises signed chunks and is not signed itself");
}

// The last line of the canonical request, and what it promises of the body.
Status ResolvePayload(const Request& r, const Claim& claim, const VerifyOptions& options,
                      std::string& word, VerifiedIdentity& out) {
  const std::string_view header = r.headers.Get("X-Amz-Content-Sha256");
  word = header;
  if (claim.presigned) {
    const bool header_signed =
        std::ranges::binary_search(claim.signed_headers, "x-amz-content-sha256");
    if (const auto param = FindParam(r.query, "X-Amz-Content-Sha256")) {
      word = *param;
    } else if (!header_signed) {
      word = claim.s3() ? kUnsignedPayload : std::string_view();
    }
  }
  if (!word.empty()) {
    CLARY_CHECK_OK(ReadPayloadWord(word, claim.s3(), out));
  } else if (claim.s3()) {
    return Malformed(true, "the request needs an x-amz-content-sha256 header");
  } else if (!options.body) {
    return Fail(Code::kInternal, "BodyNeeded", "the body was not read before Verify()");
  } else {
    word = HexSha256(*options.body);  // the signature itself proves the body
  }
  // A presigned request may have a header that says more of the body than its signature does, but
  // none that contradicts it.
  if (header.empty() || EqualsIgnoreCase(header, word)) return {};
  if (out.payload == PayloadKind::kUnsigned) {
    return ReadUnsignedPayloadWord(header, claim.s3(), out);
  }
  return Fail(Code::kPermissionDenied, "HeadersNotSigned",
              "the header x-amz-content-sha256 is not signed, and is not what the signature says "
              "of the body");
}

Result<VerifiedIdentity> VerifyV4(const Request& r, const KeyLookup& lookup, Clock& clock,
                                  const VerifyOptions& options) {
  CLARY_TRY(const Claim claim, ParseClaim(r));
  const auto secret = lookup(claim.access_key);
  if (!secret) {
    return Fail(Code::kUnauthenticated, "UnknownKey", "the access key is not known here");
  }
  CLARY_CHECK_OK(CheckTime(claim, clock.Now(), options.max_skew));
  CLARY_CHECK_OK(CheckSignedHeaders(r, claim));

  VerifiedIdentity out;
  out.access_key = claim.access_key;
  out.session_token = claim.session_token;
  out.region = claim.region;
  out.service = claim.service;
  out.presigned = claim.presigned;
  out.signature = claim.signature;
  out.amz_date = claim.amz_date;
  out.scope = claim.date + "/" + claim.region + "/" + claim.service + "/aws4_request";
  out.signing_key = SigningKey(*secret, claim.date, claim.region, claim.service);
  std::string payload;
  CLARY_CHECK_OK(ResolvePayload(r, claim, options, payload, out));

  const SignInput in{r.method, r.path, r.raw_query, &r.headers};
  const std::string_view without = claim.presigned ? "X-Amz-Signature" : "";
  bool good = false;
  for (const Form form : {Form::kDecoded, Form::kAsSent}) {
    const std::string canonical =
        CanonicalRequest(in, claim.signed_headers, payload, claim.s3(), without, form);
    const std::string expected =
        HexHmac(out.signing_key, StringToSign(claim.amz_date, out.scope, canonical));
    good = ConstantTimeEqual(expected, claim.signature) || good;
    if (good) break;
  }
  if (!good) {
    return Fail(Code::kPermissionDenied, "SignatureDoesNotMatch",
                "the signature computed here is not the one provided; check the secret key and "
                "that nothing changed the request on its way");
  }
  if (options.body && out.payload == PayloadKind::kHashed &&
      HexSha256(*options.body) != out.payload_hash) {
    return Fail(Code::kInvalidArgument, "XAmzContentSHA256Mismatch",
                "x-amz-content-sha256 is not the digest of the body");
  }
  return out;
}

// ---- Signature Version 2 in a query ----

// The parameters that are a part of the resource, sorted.
constexpr std::string_view kSubResources[] = {"accelerate",
                                              "acl",
                                              "cors",
                                              "defaultObjectAcl",
                                              "delete",
                                              "lifecycle",
                                              "location",
                                              "logging",
                                              "notification",
                                              "partNumber",
                                              "policy",
                                              "replication",
                                              "requestPayment",
                                              "response-cache-control",
                                              "response-content-disposition",
                                              "response-content-encoding",
                                              "response-content-language",
                                              "response-content-type",
                                              "response-expires",
                                              "restore",
                                              "tagging",
                                              "torrent",
                                              "uploadId",
                                              "uploads",
                                              "versionId",
                                              "versioning",
                                              "versions",
                                              "website"};

std::string V2StringToSign(const Request& r, std::string_view expires, std::string_view bucket) {
  // A presigned URL carries signed headers as parameters.
  const auto header_or_param = [&](std::string_view name) {
    if (const auto value = r.headers.Find(name)) return std::string(*value);
    for (const auto& [key, value] : r.query) {
      if (EqualsIgnoreCase(key, name)) return value;
    }
    return std::string();
  };
  std::string out = r.method + "\n" + header_or_param("content-md5") + "\n" +
                    header_or_param("content-type") + "\n" + std::string(expires) + "\n";
  std::vector<std::pair<std::string, std::string>> amz;
  const auto add = [&](const std::string& name, const std::string& value) {
    std::string lower = ToLower(name);
    if (!lower.starts_with("x-amz-")) return;
    const auto same = std::ranges::find(amz, lower, &std::pair<std::string, std::string>::first);
    if (same == amz.end()) {
      amz.emplace_back(std::move(lower), Trim(value));
    } else {
      same->second.append(",").append(Trim(value));
    }
  };
  for (const auto& [name, value] : r.headers.all()) add(name, value);
  for (const auto& [name, value] : r.query) {
    if (!r.headers.Find(name)) add(name, value);
  }
  std::ranges::sort(amz);
  for (const auto& [name, value] : amz) out.append(name).append(":").append(value).append("\n");
  if (!bucket.empty()) out.append("/").append(bucket);
  out += r.path;
  char separator = '?';
  for (const std::string_view name : kSubResources) {
    for (const std::string_view part : Split(r.raw_query, '&')) {
      const size_t eq = part.find('=');
      if (part.substr(0, eq) != name) continue;
      out.append(1, separator).append(name);
      separator = '&';
      if (eq != std::string_view::npos) {
        out.append("=").append(UriDecode(part.substr(eq + 1)).value_or(""));
      }
    }
  }
  return out;
}

Result<VerifiedIdentity> VerifyV2(const Request& r, const KeyLookup& lookup, Clock& clock,
                                  const VerifyOptions& options) {
  const std::string_view access_key = *FindParam(r.query, "AWSAccessKeyId");
  const std::string_view expires = FindParam(r.query, "Expires").value_or("");
  const auto until = ParseInt(expires);
  if (!until || *until < 0 || *until > 253402300799) {
    return BadParam("Expires must be a time in seconds since 1970");
  }
  const auto secret = lookup(access_key);
  if (!secret) {
    return Fail(Code::kUnauthenticated, "UnknownKey", "the access key is not known here");
  }
  if (clock.Now() > FromMillis(*until * 1000)) {
    return Fail(Code::kPermissionDenied, "ExpiredPresign", "the presigned URL has expired");
  }
  const std::string expected =
      Base64Encode(HmacSha1(*secret, V2StringToSign(r, expires, options.virtual_bucket)));
  // A '+' that its client did not encode must not cost the URL.
  std::string given(*FindParam(r.query, "Signature"));
  std::ranges::replace(given, ' ', '+');
  if (!ConstantTimeEqual(expected, given)) {
    return Fail(Code::kPermissionDenied, "SignatureDoesNotMatch",
                "the signature computed here is not the one provided");
  }
  VerifiedIdentity out;
  out.access_key = access_key;
  out.session_token = FindParam(r.query, "x-amz-security-token").value_or("");
  out.service = "s3";
  out.presigned = true;
  if (const auto word = r.headers.Find("X-Amz-Content-Sha256")) {
    CLARY_CHECK_OK(ReadUnsignedPayloadWord(*word, true, out));
  }
  return out;
}

Result<VerifiedIdentity> VerifyPolicyV4(const Query& fields, const KeyLookup& lookup,
                                        Clock& clock) {
  Claim claim;
  claim.presigned = true;
  claim.expires = kMaxPresignSeconds;  // as long as a signing key is good; the policy may say less
  claim.amz_date = FindParam(fields, "x-amz-date").value_or("");
  if (FindParam(fields, "x-amz-algorithm") != kAlgorithm) {
    return BadParam("x-amz-algorithm must be AWS4-HMAC-SHA256");
  }
  if (!ParseCredential(FindParam(fields, "x-amz-credential").value_or(""), claim)) {
    return BadParam("x-amz-credential must be ACCESS_KEY/YYYYMMDD/REGION/SERVICE/aws4_request");
  }
  const auto secret = lookup(claim.access_key);
  if (!secret) {
    return Fail(Code::kUnauthenticated, "UnknownKey", "the access key is not known here");
  }
  CLARY_CHECK_OK(CheckTime(claim, clock.Now(), VerifyOptions().max_skew));
  const std::string key = SigningKey(*secret, claim.date, claim.region, claim.service);
  const std::string expected = HexHmac(key, FindParam(fields, "policy").value_or(""));
  if (!ConstantTimeEqual(expected, *FindParam(fields, "x-amz-signature"))) {
    return Fail(Code::kPermissionDenied, "SignatureDoesNotMatch",
                "the signature of the policy is not the one provided");
  }
  VerifiedIdentity out;
  out.access_key = claim.access_key;
  out.session_token = FindParam(fields, "x-amz-security-token").value_or("");
  out.region = claim.region;
  out.service = claim.service;
  out.presigned = true;
  return out;
}

Result<VerifiedIdentity> VerifyPolicyV2(const Query& fields, const KeyLookup& lookup) {
  const std::string_view access_key = *FindParam(fields, "awsaccesskeyid");
  const auto secret = lookup(access_key);
  if (!secret) {
    return Fail(Code::kUnauthenticated, "UnknownKey", "the access key is not known here");
  }
  const std::string expected =
      Base64Encode(HmacSha1(*secret, FindParam(fields, "policy").value_or("")));
  if (!ConstantTimeEqual(expected, *FindParam(fields, "signature"))) {
    return Fail(Code::kPermissionDenied, "SignatureDoesNotMatch",
                "the signature of the policy is not the one provided");
  }
  VerifiedIdentity out;
  out.access_key = access_key;
  out.session_token = FindParam(fields, "x-amz-security-token").value_or("");
  out.service = "s3";
  out.presigned = true;
  return out;
}

// Fails the last read of a body whose digest is not the announced one.
class DigestCheckedSource final : public ByteSource {
 public:
  DigestCheckedSource(std::unique_ptr<ByteSource> source, std::string expected,
                      std::optional<uint64_t> length)
      : source_(std::move(source)), expected_(std::move(expected)), left_(length) {}

  Result<size_t> Read(std::span<char> buffer) override {
    if (checked_) return Check(0);
    CLARY_TRY(const size_t n, source_->Read(buffer));
    hasher_.Update({buffer.data(), n});
    if (left_) *left_ -= std::min<uint64_t>(*left_, n);
    if (n > 0 && left_ != 0u) return n;
    good_ = HexEncode(hasher_.Finish()) == expected_;
    checked_ = true;
    return Check(n);
  }

 private:
  Result<size_t> Check(size_t n) const {
    if (good_) return n;
    return Fail(Code::kInvalidArgument, "XAmzContentSHA256Mismatch",
                "x-amz-content-sha256 is not the digest of the body");
  }
  const std::unique_ptr<ByteSource> source_;
  const std::string expected_;
  std::optional<uint64_t> left_;
  Hasher hasher_{HashKind::kSha256};
  bool checked_ = false;
  bool good_ = false;
};

}  // namespace

Headers SignHeaders(const Signer& signer, const SignInput& input, std::string_view payload_hash,
                    Time now) {
  const std::string amz_date = FormatAmzDate(now);
  Headers added;
  added.Add("X-Amz-Date", amz_date);
  if (!signer.session_token.empty()) added.Add("X-Amz-Security-Token", signer.session_token);
  if (signer.service == "s3" && !input.headers->Find("X-Amz-Content-Sha256")) {
    added.Add("X-Amz-Content-Sha256", std::string(payload_hash));
  }
  Headers all = *input.headers;
  for (const auto& [name, value] : added.all()) all.Set(name, value);
  const auto names = SignableNames(all);
  const SignInput in{input.method, input.path, input.raw_query, &all};
  const std::string canonical =
      CanonicalRequest(in, names, payload_hash, signer.service == "s3", "", Form::kDecoded);
  added.Add("Authorization", std::string(kAlgorithm) + " Credential=" + signer.access_key + "/" +
                                 ScopeOf(signer, amz_date) + ", SignedHeaders=" + Join(names, ";") +
                                 ", Signature=" + SignCanonical(signer, amz_date, canonical));
  return added;
}

std::string PresignQuery(const Signer& signer, const SignInput& input, Duration expires, Time now) {
  const std::string amz_date = FormatAmzDate(now);
  const auto names = SignableNames(*input.headers);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(expires).count();
  std::string query(input.raw_query);
  const auto add = [&](std::string_view name, std::string_view value) {
    if (!query.empty()) query += '&';
    query.append(name).append("=").append(UriEncode(value));
  };
  add("X-Amz-Algorithm", kAlgorithm);
  add("X-Amz-Credential", signer.access_key + "/" + ScopeOf(signer, amz_date));
  add("X-Amz-Date", amz_date);
  add("X-Amz-Expires", std::to_string(seconds));
  add("X-Amz-SignedHeaders", Join(names, ";"));
  if (!signer.session_token.empty()) add("X-Amz-Security-Token", signer.session_token);
  const bool s3 = signer.service == "s3";
  const SignInput in{input.method, input.path, query, input.headers};
  const std::string canonical = CanonicalRequest(
      in, names, s3 ? std::string(kUnsignedPayload) : HexSha256(""), s3, "", Form::kDecoded);
  add("X-Amz-Signature", SignCanonical(signer, amz_date, canonical));
  return query;
}

std::optional<ClaimedScope> ClaimedScopeOf(const Request& request) {
  if (!request.headers.Find("Authorization") && !IsV4Query(request)) {
    if (!IsV2Query(request)) return std::nullopt;
    return ClaimedScope{std::string(*FindParam(request.query, "AWSAccessKeyId")), "", "s3"};
  }
  // The credential alone: whether the rest is there is for Verify() to say.
  std::string_view credential;
  if (const auto header = request.headers.Find("Authorization")) {
    constexpr std::string_view kCredential = "Credential=";
    const size_t at = header->find(kCredential);
    if (!header->starts_with(kAlgorithm) || at == std::string_view::npos) return std::nullopt;
    credential = header->substr(at + kCredential.size());
    credential = Trim(credential.substr(0, credential.find(',')));
  } else {
    credential = FindParam(request.query, "X-Amz-Credential").value_or("");
  }
  Claim claim;
  if (!ParseCredential(credential, claim)) return std::nullopt;
  return ClaimedScope{std::move(claim.access_key), std::move(claim.region),
                      std::move(claim.service)};
}

Result<VerifiedIdentity> VerifyPolicy(const Query& fields, const KeyLookup& lookup, Clock& clock) {
  const auto missing = [](std::string_view field) {
    return Fail(Code::kInvalidArgument, "MissingField",
                "Bucket POST must contain a field named '" + std::string(field) +
                    "'.  If it is specified, please check the order of the fields.");
  };
  const auto has = [&](std::string_view field) { return FindParam(fields, field).has_value(); };
  if (!has("policy")) {
    return Fail(Code::kUnauthenticated, "MissingAuthenticationToken", "the form has no policy");
  }
  if (has("x-amz-credential") || has("x-amz-algorithm") || has("x-amz-signature")) {
    for (const std::string_view field : {"x-amz-signature", "x-amz-credential", "x-amz-date"}) {
      if (!has(field)) return missing(field);
    }
    return VerifyPolicyV4(fields, lookup, clock);
  }
  if (!has("awsaccesskeyid")) return missing("AWSAccessKeyId");
  if (!has("signature")) return missing("signature");
  return VerifyPolicyV2(fields, lookup);
}

Result<VerifiedIdentity> Verify(const Request& request, const KeyLookup& lookup, Clock& clock,
                                const VerifyOptions& options) {
  if (request.headers.Find("Authorization") || IsV4Query(request)) {
    return VerifyV4(request, lookup, clock, options);
  }
  if (IsV2Query(request)) return VerifyV2(request, lookup, clock, options);
  return Fail(Code::kUnauthenticated, "MissingAuthenticationToken", "the request is not signed");
}

Result<std::function<Headers()>> GuardBody(Request& request, const VerifiedIdentity& identity) {
  std::function<Headers()> none;
  if (identity.payload == PayloadKind::kUnsigned) return none;
  if (identity.payload == PayloadKind::kHashed) {
    request.body = std::make_unique<DigestCheckedSource>(
        std::move(request.body), identity.payload_hash, request.content_length);
    return none;
  }
  const auto length = ParseUint(request.headers.Get("X-Amz-Decoded-Content-Length"));
  if (!length) {
    return Fail(Code::kInvalidArgument, "MissingContentLength",
                "an aws-chunked body needs the header x-amz-decoded-content-length");
  }
  std::vector<std::string> announced;
  for (const std::string_view name : Split(request.headers.Get("X-Amz-Trailer"), ',')) {
    announced.push_back(ToLower(Trim(name)));
  }
  auto trailers = std::make_shared<Headers>();
  request.body = internal::NewAwsChunkedSource(std::move(request.body), identity, *length,
                                               std::move(announced), trailers);
  request.content_length = length;
  std::vector<std::string> codings;
  for (const std::string_view coding : Split(request.headers.Get("Content-Encoding"), ',')) {
    const std::string_view name = Trim(coding);
    if (!name.empty() && !EqualsIgnoreCase(name, "aws-chunked")) codings.emplace_back(name);
  }
  request.headers.Remove("Content-Encoding");
  if (!codings.empty()) request.headers.Set("Content-Encoding", Join(codings, ","));
  return std::function<Headers()>([trailers] { return *trailers; });
}

}  // namespace clary::net
