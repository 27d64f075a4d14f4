// Reading S3's requests: what the path, the query and the headers say.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/stream.h"
#include "net/http.h"
#include "objects/object_store.h"
#include "objects/s3_front.h"

namespace clary::objects {

inline constexpr uint64_t kMaxPutBytes = uint64_t{5} << 30;
inline constexpr size_t kMaxPage = 1000;
inline constexpr std::string_view kStorageClass = "x-amz-storage-class";
inline constexpr std::string_view kRedirect = "x-amz-website-redirect-location";
inline constexpr std::string_view kEncryptionHeaders[] = {
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-bucket-key-enabled",
};

// kInvalidArgument with S3's code.
std::unexpected<Error> Bad(std::string reason, std::string message);
// "InvalidArgument" about one parameter or header.
std::unexpected<Error> BadArgument(std::string_view name, std::string_view value,
                                   std::string message);

struct Target {
  std::string bucket;
  std::string key;
  ObjectRef ref() const { return {bucket, key}; }
};
// "InvalidURI"; keys that are no UTF-8 or too long are refused.
Result<Target> ParseTarget(const net::Request& r);

// Of the request, or with a prefix of a copy's source.
Conditions ParseConditions(const net::Headers& h, std::string_view prefix = "");

// Those of deletes; "InvalidArgument" if one is broken.
Result<Conditions> ParseDeleteConditions(const net::Headers& h);
// A time that must be one if it is there.
Result<std::optional<Time>> StrictTimeHeader(const net::Headers& h, std::string_view name);

// The headers that are kept with an object and given back as they came.
Result<std::map<std::string, std::string>> ParseObjectHeaders(const net::Headers& h);

Result<std::optional<HashKind>> ParseAlgorithm(std::string_view name);
// x-amz-checksum-<algorithm> of the headers; nullopt if there is none. "InvalidRequest" for
// several, or one that no checksum of its kind looks like; `of_parts` allows that over N parts,
// "sum-N".
Result<std::optional<Checksum>> ParseChecksum(const net::Headers& h, bool of_parts = false);
// Whatever a body has to be held against: Content-MD5, x-amz-checksum-*, x-amz-trailer.
Result<PutOptions> ParseBodyChecks(const net::Headers& h, const Caller& caller);

// Fails with "IncompleteBody" if the body is not as long as announced, with "EntityTooLarge" if it
// announced nothing and does not end.
class ExactSource final : public ByteSource {
 public:
  ExactSource(ByteSource& inner, std::optional<uint64_t> length) : inner_(inner), length_(length) {}
  Result<size_t> Read(std::span<char> buffer) override;

 private:
  ByteSource& inner_;
  std::optional<uint64_t> length_;
  uint64_t seen_ = 0;
};

// The length of the object in the body, decoded; nullopt if the client did not say.
Result<std::optional<uint64_t>> BodyLength(const net::Request& r);
// At most kMaxXmlBytes of body, unchecked; "MaxMessageLengthExceeded".
Result<std::string> ReadSmallBody(net::Request& r);
// The same, checked against its digests.
Result<std::string> ReadXml(net::Request& r, const Caller& caller);

// Whether a text may be the value of a header: it has no control characters.
bool IsHeaderValue(std::string_view text);

std::string Param(const net::Request& r, std::string_view name);
bool Has(const net::Request& r, std::string_view name);
// A number of the query; `fallback` if it is absent or empty, at most `most`.
Result<uint64_t> NumberParam(const net::Request& r, std::string_view name, uint64_t fallback,
                             uint64_t most);

}  // namespace clary::objects
