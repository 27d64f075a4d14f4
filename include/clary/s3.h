// Files to and from S3, whichever service holds it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "clary/error.h"

namespace clary {

// s3://bucket/key. The key may be empty or a prefix.
struct S3Uri {
  std::string bucket;
  std::string key;
  // kInvalidArgument "BadS3Uri".
  static Result<S3Uri> parse(std::string_view uri);
  std::string str() const { return "s3://" + bucket + "/" + key; }
  S3Uri join(std::string_view name) const;  // with exactly one '/' between
};

struct S3Object {
  std::string key;
  uint64_t size = 0;
  std::string etag;
  int64_t last_modified_ms = 0;  // since 1970, UTC
};

struct S3Bucket {
  std::string name;
  int64_t created_ms = 0;
};

// A handle to a Session's S3; copies are cheap and share it. Any thread. Errors: kNotFound
// "NoSuchBucket" | "NoSuchKey", kPermissionDenied, kUnavailable, and so on; bodies are streamed.
class S3 {
 public:
  Result<std::vector<S3Bucket>> list_buckets() const;
  Status create_bucket(const std::string& name) const;  // your own existing bucket is fine
  Status delete_bucket(const std::string& name) const;  // must be empty

  struct Listing {
    std::vector<S3Object> objects;
    std::vector<std::string> folders;  // common prefixes up to the next '/'; empty if recursive
  };
  // Everything below the prefix `uri.key`, or one level of it.
  Result<Listing> list(const S3Uri& uri, bool recursive = true) const;

  Result<std::string> read(const S3Uri& uri, uint64_t max_bytes = 64 << 20) const;
  Status write(const S3Uri& uri, std::string body) const;
  Status upload_file(const std::filesystem::path& from, const S3Uri& to) const;
  // Complete or absent: written beside `to` and renamed. Makes directories as needed.
  // kInvalidArgument "NotAFile" for a directory, a device, a pipe.
  Status download_file(const S3Uri& from, const std::filesystem::path& to) const;
  Status copy(const S3Uri& from, const S3Uri& to) const;
  Status remove(const S3Uri& uri) const;  // a missing object is fine

  // Not for use: a Session makes it.
  struct Impl;
  explicit S3(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace clary
