// The object-store seam: what S3 promises and Clary needs. Whole-object atomic put, strong
// read-after-write and list-after-write, streaming bodies.
//
// Errors: kNotFound "NoSuchBucket" | "NoSuchKey" | "NoSuchUpload"; kAlreadyExists
// "BucketAlreadyOwnedByYou"; kFailedPrecondition "PreconditionFailed" | "BucketNotEmpty";
// kInvalidArgument with S3's own code as reason ("InvalidBucketName", "BadDigest", "InvalidPart",
// "EntityTooSmall", ...); kResourceExhausted "DiskFull". Every method may be called by any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/stream.h"

namespace clary::objects {

struct ObjectRef {
  std::string bucket;
  std::string key;  // any bytes, 1 to 1,024 of them
  // "s3://bucket/key"; kInvalidArgument "InvalidUri". The key may be empty (a prefix of all).
  static Result<ObjectRef> ParseUri(std::string_view uri);
  std::string Uri() const { return "s3://" + bucket + "/" + key; }
  friend bool operator==(const ObjectRef&, const ObjectRef&) = default;
};

// A checksum stored with an object: base64 of the big-endian value, or "base64-N" for a composite
// over N parts.
struct Checksum {
  HashKind kind = HashKind::kCrc32;
  std::string value;
};

// An object's tags by key, as CheckTags (rules.h) allows them.
using Tags = std::map<std::string, std::string>;

struct ObjectInfo {
  std::string key;
  uint64_t size = 0;
  std::string etag;  // as AWS computes it, without quotes: md5 hex, or md5-of-md5s "-N"
  Time last_modified{};
  // Lower-case names: system headers (content-type, cache-control, ...) and user metadata
  // (x-amz-meta-...), returned as they were given.
  std::map<std::string, std::string> headers;
  std::optional<Checksum> checksum;
  std::vector<uint64_t> part_sizes;  // of a multipart object, in order
  size_t tag_count = 0;              // GetTags has the tags
  std::string upload_id = {};        // of the upload that made it, if the store keeps that
};

// Conditions on the object as it is now; all that are given must hold, else "PreconditionFailed"
// (or kFailedPrecondition "NotModified" for the two that S3 answers with 304 on reads).
struct Conditions {
  std::string if_match;       // ETag or "*"; empty: none
  std::string if_none_match;  // ETag or "*"
  std::optional<Time> if_modified_since;
  std::optional<Time> if_unmodified_since;
  // Of deletes, which heed these two and if_match only.
  std::optional<uint64_t> if_match_size;
  std::optional<Time> if_match_modified;  // to the second
};

struct KeyToDelete {
  std::string key;
  Conditions conditions = {};
};

struct PutOptions {
  std::map<std::string, std::string> headers;
  Tags tags = {};
  std::optional<Checksum> checksum;       // verified: "BadDigest" if it does not match
  std::optional<HashKind> checksum_kind;  // computed and stored when no value is given
  // For a checksum that follows the body: asked once, when the body has ended, then verified.
  std::function<Result<std::optional<Checksum>>()> trailing_checksum;
  // Of an upload: its checksum is over the whole object, not over the checksums of its parts.
  bool full_object_checksum = false;
  std::string content_md5;  // base64; verified if given
  Conditions conditions;
};

// Offsets as in an HTTP Range: first..last, both included; `suffix` for the last N bytes.
struct ByteRange {
  uint64_t first = 0;
  std::optional<uint64_t> last;
  std::optional<uint64_t> suffix;
};

struct GetOptions {
  std::optional<ByteRange> range;  // kInvalidArgument "InvalidRange" if it lies outside
  Conditions conditions;
};

struct GetResult {
  ObjectInfo info;
  uint64_t first = 0;   // offset of the first byte returned
  uint64_t length = 0;  // bytes that `body` yields
  std::unique_ptr<ByteSource> body;
};

struct ListOptions {
  std::string prefix;
  std::string delimiter;
  std::string start_after;  // keys (and common prefixes) greater than this
  size_t max_keys = 1000;
};

struct ListPage {
  std::vector<ObjectInfo> objects;  // key, size, etag, last_modified, checksum; in byte order
  std::vector<std::string> common_prefixes;
  bool truncated = false;
  std::string next;  // pass as start_after for the next page
};

struct BucketInfo {
  std::string name;
  Time created{};
  std::string region;
};

struct PartInfo {
  int number = 0;  // 1 to 10,000
  uint64_t size = 0;
  std::string etag;
  Time last_modified{};
  std::optional<Checksum> checksum;
};

// What a bucket was told of itself, by name ("tagging", "versioning"); it means nothing to a store.
using Settings = std::map<std::string, std::string>;

struct UploadInfo {
  std::string key;
  std::string id;
  Time started{};
  std::map<std::string, std::string> headers;
  Tags tags = {};
  std::optional<HashKind> checksum_kind;
  bool full_object_checksum = false;
};

struct CompletedPart {
  int number = 0;
  std::string etag;
  std::optional<Checksum> checksum;  // compared with the stored part's if given
};

class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  virtual Status CreateBucket(const std::string& bucket, const std::string& region) = 0;
  virtual Status DeleteBucket(const std::string& bucket) = 0;
  virtual Result<BucketInfo> HeadBucket(const std::string& bucket) = 0;
  virtual Result<std::vector<BucketInfo>> ListBuckets() = 0;
  // Settings of buckets. A store without them says kUnimplemented "NotImplemented".
  virtual Result<Settings> GetSettings(const std::string& bucket);
  virtual Status SetSetting(const std::string& bucket, const std::string& name,
                            const std::optional<std::string>& value);  // nullopt: removes it

  // The object is there, whole and durable, when this returns; on any error the old one remains.
  virtual Result<ObjectInfo> Put(const ObjectRef& ref, ByteSource& body,
                                 const PutOptions& options = {}) = 0;
  virtual Result<GetResult> Get(const ObjectRef& ref, const GetOptions& options = {}) = 0;
  virtual Result<ObjectInfo> Head(const ObjectRef& ref, const Conditions& conditions = {}) = 0;
  // The parts of a multipart object in order, numbered from 1, with their checksums if the object
  // has one; empty for others. ETags and times of parts are not kept.
  virtual Result<std::vector<PartInfo>> GetParts(const ObjectRef& ref);
  // A missing key is fine, unless there are conditions: "NoSuchKey".
  virtual Status Delete(const ObjectRef& ref, const Conditions& conditions = {}) = 0;
  // One outcome a key, in order; as Delete, but in as few commits as the store can. The whole
  // fails with "NoSuchBucket".
  virtual Result<std::vector<Status>> DeleteMany(const std::string& bucket,
                                                 const std::vector<KeyToDelete>& keys);
  virtual Result<ListPage> List(const std::string& bucket, const ListOptions& options) = 0;

  // The tags of the object as it is now.
  virtual Result<Tags> GetTags(const ObjectRef& ref) = 0;
  // Replaces all of them (with none: removes them). The object stays the same one: its bytes, ETag
  // and last_modified.
  virtual Status SetTags(const ObjectRef& ref, const Tags& tags) = 0;

  // Multipart upload. Of `options`, CreateUpload reads headers, tags, checksum_kind and
  // full_object_checksum; UploadPart the checksums; CompleteUpload `checksum` (of the object) and
  // the conditions. Complete wants ascending part numbers ("InvalidPartOrder"), the ETags that
  // UploadPart gave ("InvalidPart") and 5 MiB in all parts but the last ("EntityTooSmall").
  // Complete again, while the object that it made is there, is the same answer: clients repeat what
  // they got no answer to.
  virtual Result<UploadInfo> CreateUpload(const ObjectRef& ref, const PutOptions& options) = 0;
  virtual Result<PartInfo> UploadPart(const ObjectRef& ref, const std::string& upload_id,
                                      int number, ByteSource& body, const PutOptions& options) = 0;
  virtual Result<ObjectInfo> CompleteUpload(const ObjectRef& ref, const std::string& upload_id,
                                            const std::vector<CompletedPart>& parts,
                                            const PutOptions& options = {}) = 0;
  virtual Status AbortUpload(const ObjectRef& ref, const std::string& upload_id) = 0;
  // Ascending by number.
  virtual Result<std::vector<PartInfo>> ListParts(const ObjectRef& ref,
                                                  const std::string& upload_id) = 0;
  // Ascending by key, then by start.
  virtual Result<std::vector<UploadInfo>> ListUploads(const std::string& bucket) = 0;
};

}  // namespace clary::objects
