// One S3 request on its way through: a member function for each operation of the table
// (s3_operations.h), in the file of its resource.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "net/http.h"
#include "objects/internal/s3_request.h"
#include "objects/object_store.h"
#include "objects/s3_front.h"

namespace clary::objects {

class Call {
 public:
  // Keeps references to all but `target`.
  Call(ObjectStore& store, net::Request& request, const Caller& caller, Target target)
      : store_(store), r_(request), caller_(caller), t_(std::move(target)) {}

  // s3_buckets.cc
  Result<net::Response> ListBuckets();
  Result<net::Response> CreateBucket();
  Result<net::Response> HeadBucket();
  Result<net::Response> DeleteBucket();
  Result<net::Response> GetLocation();

  // s3_settings.cc
  Result<net::Response> GetSetting();
  Result<net::Response> PutSetting();
  Result<net::Response> DeleteSetting();
  Result<net::Response> GetBucketTagging();
  Result<net::Response> PutBucketTagging();
  Result<net::Response> GetBucketAcl();
  Result<net::Response> PutBucketAcl();
  Result<net::Response> GetObjectAcl();
  Result<net::Response> PutObjectAcl();

  // s3_listing.cc
  Result<net::Response> ListV1();
  Result<net::Response> ListV2();
  Result<net::Response> ListVersions();
  Result<net::Response> ListUploads();

  // s3_objects.cc
  Result<net::Response> Put();
  // PostObject is S3Front::HandleForm; this is what comes without a form.
  Result<net::Response> PostWithoutForm();
  Result<net::Response> Get();
  Result<net::Response> Copy();
  Result<net::Response> Delete();
  Result<net::Response> DeleteObjects();
  Result<net::Response> GetAttributes();
  Result<net::Response> GetTagging();
  Result<net::Response> PutTagging();
  Result<net::Response> DeleteTagging();

  // s3_multipart.cc
  Result<net::Response> CreateUpload();
  Result<net::Response> UploadPart();
  Result<net::Response> UploadPartCopy();
  Result<net::Response> CompleteUpload();
  Result<net::Response> AbortUpload();
  Result<net::Response> ListParts();

 private:
  Result<net::Response> List(bool v2);
  // Every object is its own only version, "null"; another fails with "NoSuchVersion".
  Status CheckVersion();
  Result<int> PartNumber();
  Status CheckDefaultAcl();
  // If-Match and If-None-Match of what writes an object.
  Result<Conditions> WriteConditions();

  struct Source {
    ObjectRef ref;
    GetResult got;
  };
  // The object that x-amz-copy-source names, after its conditions.
  Result<Source> OpenCopySource(const std::optional<ByteRange>& range);

  // Whether listings show keys percent-encoded.
  Result<bool> EncodesUrls();
  static std::string Shown(std::string_view text, bool url);
  // A list by what makes it this list, for its page tokens.
  static std::string ListName(std::initializer_list<std::string_view> parts);
  // What the request's token says that its page comes after; nullopt without one.
  Result<std::optional<std::string>> ContinuationToken(std::string_view list);

  ObjectStore& store_;
  net::Request& r_;
  const Caller& caller_;
  const Target t_;
};

}  // namespace clary::objects
