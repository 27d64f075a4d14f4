// What every object store decides alike: names, conditions, ranges, digests, listing, and how
// parts become an object.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "objects/object_store.h"

namespace clary::objects {

inline constexpr size_t kMaxKeyBytes = 1024;
inline constexpr uint64_t kMinPartBytes = uint64_t{5} << 20;
inline constexpr int kMaxPartNumber = 10'000;
inline constexpr size_t kMaxTags = 10;  // of an object
inline constexpr size_t kMaxBucketTags = 50;
inline constexpr size_t kMaxTagKey = 128;    // characters
inline constexpr size_t kMaxTagValue = 256;  // characters

struct ChecksumName {
  HashKind kind;
  std::string_view name;    // in x-amz-checksum-algorithm
  std::string_view header;  // lower case
  std::string_view element;
  bool full = false;      // may be of the whole of a multipart object
  bool composite = true;  // may be of its parts' checksums
};
inline constexpr ChecksumName kChecksumNames[] = {
    {HashKind::kCrc32, "CRC32", "x-amz-checksum-crc32", "ChecksumCRC32", true},
    {HashKind::kCrc32c, "CRC32C", "x-amz-checksum-crc32c", "ChecksumCRC32C", true},
    {HashKind::kCrc64Nvme, "CRC64NVME", "x-amz-checksum-crc64nvme", "ChecksumCRC64NVME", true,
     false},
    {HashKind::kSha1, "SHA1", "x-amz-checksum-sha1", "ChecksumSHA1"},
    {HashKind::kSha256, "SHA256", "x-amz-checksum-sha256", "ChecksumSHA256"},
    {HashKind::kSha512, "SHA512", "x-amz-checksum-sha512", "ChecksumSHA512"},
    {HashKind::kMd5, "MD5", "x-amz-checksum-md5", "ChecksumMD5"},
    {HashKind::kXxh64, "XXHASH64", "x-amz-checksum-xxhash64", "ChecksumXXHASH64"},
    {HashKind::kXxh3, "XXHASH3", "x-amz-checksum-xxhash3", "ChecksumXXHASH3"},
    {HashKind::kXxh128, "XXHASH128", "x-amz-checksum-xxhash128", "ChecksumXXHASH128"},
};
const ChecksumName& NameOf(HashKind kind);                    // `kind` is one of the table's
const ChecksumName* FindChecksumName(std::string_view name);  // without case; null: none
std::string ChecksumList();                                   // "CRC32, CRC32C, ... or SHA1"

// A time in either of S3's two forms, RFC 1123 and ISO 8601.
std::optional<Time> ParseS3Time(std::string_view text);

// S3's rules for general purpose buckets; "InvalidBucketName".
Status CheckBucketName(std::string_view name);
// 1 to 1,024 bytes; "KeyTooLongError" or "InvalidArgument".
Status CheckKey(std::string_view key);

// What S3 takes for tags: at most `most` ("BadRequest"), each key with 1 to 128 and each
// value with at most 256 characters out of letters, digits, spaces and _ . : / = + - @, and no key
// that begins with "aws:" ("InvalidTag").
Status CheckTags(const Tags& tags, size_t most = kMaxTags);
// The same of what a client listed; a key that comes twice is an "InvalidTag".
Result<Tags> TagsOf(const std::vector<std::pair<std::string, std::string>>& listed,
                    size_t most = kMaxTags);
// x-amz-tagging, "a=b&c=d" percent-encoded. "InvalidArgument" if it is not, or has a key twice.
Result<Tags> ParseTagging(std::string_view header, size_t most = kMaxTags);
std::string FormatTagging(const Tags& tags);

// RFC 9110 section 13.2.2 as S3 applies it: "PreconditionFailed" or, for what HTTP answers with
// 304, "NotModified". Times compare in whole seconds.
Status CheckForRead(const Conditions& conditions, const ObjectInfo& now);
// `now` is null if the key is free; If-Match then gives "NoSuchKey".
Status CheckForWrite(const Conditions& conditions, const ObjectInfo* now);
// The same of a delete; without conditions a free key is fine.
Status CheckForDelete(const Conditions& conditions, const ObjectInfo* now);

struct Extent {
  uint64_t first = 0;
  uint64_t length = 0;
};
// "InvalidRange" if nothing of the object lies in `range`.
Result<Extent> ResolveRange(const std::optional<ByteRange>& range, uint64_t size);

// The smallest byte string greater than all that begin with `prefix`; nullopt if there is none.
std::optional<std::string> AfterPrefix(std::string prefix);

// Digests a body in one pass and holds it against what the caller promised.
class BodyDigest {
 public:
  // Keeps a reference to `options`. `kind` is computed even if the caller asked for no checksum.
  explicit BodyDigest(const PutOptions& options, std::optional<HashKind> kind = std::nullopt);
  void Update(std::string_view bytes);
  struct Digests {
    std::string etag;
    std::optional<Checksum> checksum;
  };
  // Once, at the end of the body. "BadDigest", "InvalidDigest" (content_md5 is no MD5).
  Result<Digests> Finish();

 private:
  const PutOptions& options_;
  Hasher md5_;
  std::map<HashKind, Hasher> hashers_;
  std::optional<HashKind> stored_;
};

// A forward cursor over a bucket's keys in byte order.
class KeyCursor {
 public:
  virtual ~KeyCursor() = default;
  // Goes to the first key >= `key` (> if `after`) that is below `end`.
  virtual Status Seek(const std::string& key, bool after,
                      const std::optional<std::string>& end) = 0;
  virtual Result<std::optional<ObjectInfo>> Next() = 0;  // nullopt: no more
};
// One page; skips over each common prefix with one Seek.
Result<ListPage> ListKeys(KeyCursor& cursor, const ListOptions& options);

// What an upload's object will be, before its bytes are put together.
struct Assembly {
  std::vector<PartInfo> parts;
  uint64_t size = 0;
  std::string etag;
  std::optional<Checksum> checksum;   // composite
  std::optional<HashKind> full_kind;  // to be computed over the whole object instead
};
// `stored`: parts by number.
Result<Assembly> AssembleParts(const UploadInfo& upload, const std::map<int, PartInfo>& stored,
                               const std::vector<CompletedPart>& wanted, const PutOptions& options);

// Whether completing `upload` of the parts `wanted` made the object `now` already (null: there is
// none): "NoSuchUpload", "InvalidPart".
Status CheckRepeated(const ObjectInfo* now, const std::string& upload,
                     const std::vector<CompletedPart>& wanted);

// Numbered parts of a multipart object; `sums` may be empty.
std::vector<PartInfo> PartsOf(const ObjectInfo& info, const std::vector<std::string>& sums);

Error NoSuchBucket(std::string_view bucket);
Error NoSuchKey(std::string_view key);
Error NoSuchUpload(std::string_view id);

}  // namespace clary::objects
