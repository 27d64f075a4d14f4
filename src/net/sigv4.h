// AWS request signatures: Signature Version 4 on both sides, and Version 2 in a query as S3's older
// presigned URLs carry it. Facts from AWS's public description of the protocol and its examples.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "net/http.h"

namespace clary::net {

inline constexpr std::string_view kUnsignedPayload = "UNSIGNED-PAYLOAD";

// Who signs, and for which service.
struct Signer {
  std::string access_key;
  std::string secret_key;
  std::string session_token = {};  // of temporary keys
  std::string region;
  std::string service;  // "s3" has path and payload rules of its own
};

// A request as it will be sent.
struct SignInput {
  std::string_view method;
  std::string_view path;       // percent-encoded, without query; "/" at least
  std::string_view raw_query;  // percent-encoded, without '?'
  const Headers* headers;      // those to be signed: Host must be one of them. Borrowed
};

// The headers to add: X-Amz-Date, Authorization, and where they apply X-Amz-Security-Token and
// X-Amz-Content-Sha256 (S3). `payload_hash` is the hexadecimal SHA-256 of the body, or
// kUnsignedPayload for S3. Of `input.headers`, all but hop-by-hop ones and User-Agent are signed.
Headers SignHeaders(const Signer& signer, const SignInput& input, std::string_view payload_hash,
                    Time now);

// The query with a signature appended; valid for `expires` from `now`, at most seven days. The
// payload is unsigned for S3 and empty for other services.
std::string PresignQuery(const Signer& signer, const SignInput& input, Duration expires, Time now);

enum class PayloadKind {
  kUnsigned,         // nothing to check
  kHashed,           // `payload_hash` holds the digest
  kSignedChunks,     // aws-chunked, each chunk signed
  kSignedTrailer,    // the same, with signed trailing headers
  kUnsignedTrailer,  // aws-chunked without signatures, with trailing headers
};

struct VerifiedIdentity {
  std::string access_key;
  std::string session_token;  // as sent; for the caller to check against the key
  std::string region;         // of the credential scope; empty for SigV2
  std::string service;        // likewise; "s3" for SigV2
  bool presigned = false;
  PayloadKind payload = PayloadKind::kUnsigned;
  std::string payload_hash;  // hexadecimal, of kHashed
  // For the chunks' chain of signatures.
  std::string signature;
  std::string signing_key;
  std::string amz_date;
  std::string scope;
};

struct VerifyOptions {
  Duration max_skew = std::chrono::minutes(15);
  // The whole body, if it was read already. Services other than S3 sign its digest, mostly
  // without sending that, so for them it is needed; it is checked too.
  std::optional<std::string_view> body;
  // The bucket that Host names in virtual-host style: SigV2 signs it as a part of the path.
  std::string_view virtual_bucket;
};

// The secret of an access key, or nullopt.
using KeyLookup = std::function<std::optional<std::string>(std::string_view access_key)>;

// What a request claims, before any check; for routing. nullopt for an unsigned request.
struct ClaimedScope {
  std::string access_key;
  std::string region;
  std::string service;
};
std::optional<ClaimedScope> ClaimedScopeOf(const Request& request);

// Checks the signature of a request: Authorization header, X-Amz-* query, or SigV2 query. Reads
// `request.body` not at all: see GuardBody(). Errors, whose reasons are our own words:
//   kUnauthenticated   MissingAuthenticationToken, UnknownKey
//   kInvalidArgument   AuthorizationHeaderMalformed (S3), IncompleteSignature (others),
//                      UnsupportedMechanism (an Authorization that is not AWS4-HMAC-SHA256),
//                      AuthorizationQueryParametersError
//   kPermissionDenied  SignatureDoesNotMatch, RequestTimeTooSkewed, ExpiredPresign,
//                      HeadersNotSigned (an x-amz-* header that the signature leaves out)
// Signatures are compared in constant time. Any thread.
Result<VerifiedIdentity> Verify(const Request& request, const KeyLookup& lookup, Clock& clock,
                                const VerifyOptions& options = {});

// Checks the signature of an HTML form's policy, Version 4 or 2: `fields` by lower-case names.
// Errors as Verify(); kInvalidArgument "MissingField".
Result<VerifiedIdentity> VerifyPolicy(const Query& fields, const KeyLookup& lookup, Clock& clock);

// Wraps `request.body`, after Verify(), so that it is checked while it is read, and takes the
// aws-chunked coding off: then content_length is the decoded one, and Content-Encoding loses
// "aws-chunked". The read that would return the last byte fails instead when the check does, so
// nothing may be committed before the whole body is read:
//   kInvalidArgument   XAmzContentSHA256Mismatch, IncompleteBody, BadChunk, MalformedTrailer
//   kPermissionDenied  SignatureDoesNotMatch (of a chunk, or of the trailers)
// Fails at once, kInvalidArgument "MissingContentLength", if the decoded length is not announced.
// Returns what gives the trailing headers once the body has ended; null if none can come.
Result<std::function<Headers()>> GuardBody(Request& request, const VerifiedIdentity& identity);

}  // namespace clary::net
