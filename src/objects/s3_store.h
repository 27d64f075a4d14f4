// An ObjectStore on any S3 endpoint: AWS, Clary, MinIO, ...
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "net/client.h"
#include "net/sigv4.h"
#include "objects/object_store.h"

namespace clary::objects {

struct S3StoreOptions {
  std::string endpoint;  // "http://127.0.0.1:8460", "https://s3.eu-west-1.amazonaws.com"
  std::string region = "us-east-1";
  std::string access_key;
  std::string secret_key;
  std::string session_token;
  bool virtual_host = false;  // bucket in the host name instead of the path
  // How long a request is sent again while the service is away or busy; 0: it is sent once.
  Duration patience{700};
  net::HttpClientOptions http;
};

// Any thread. A body of more than 8 MiB goes up in parts of that size, so memory is one part a
// call. Its checksums are verified here, before the object appears. On AWS the caller's clock must
// be right to 15 minutes.
class S3Store final : public ObjectStore {
 public:
  // kInvalidArgument "BadEndpoint" if it is not http(s)://host[:port].
  static Status CheckEndpoint(std::string_view endpoint);
  // Keeps `clock`. kInvalidArgument "BadEndpoint".
  static Result<std::unique_ptr<S3Store>> Open(S3StoreOptions options,
                                               Clock& clock = Clock::System());
  ~S3Store() override;

  Status CreateBucket(const std::string& bucket, const std::string& region) override;
  Status DeleteBucket(const std::string& bucket) override;
  Result<BucketInfo> HeadBucket(const std::string& bucket) override;
  Result<std::vector<BucketInfo>> ListBuckets() override;
  Result<ObjectInfo> Put(const ObjectRef& ref, ByteSource& body,
                         const PutOptions& options = {}) override;
  Result<GetResult> Get(const ObjectRef& ref, const GetOptions& options = {}) override;
  Result<ObjectInfo> Head(const ObjectRef& ref, const Conditions& conditions = {}) override;
  Status Delete(const ObjectRef& ref, const Conditions& conditions = {}) override;
  Result<ListPage> List(const std::string& bucket, const ListOptions& options) override;
  Result<Tags> GetTags(const ObjectRef& ref) override;
  Status SetTags(const ObjectRef& ref, const Tags& tags) override;
  Result<UploadInfo> CreateUpload(const ObjectRef& ref, const PutOptions& options) override;
  // The part is held in memory: at most 512 MiB, else "EntityTooLarge".
  Result<PartInfo> UploadPart(const ObjectRef& ref, const std::string& upload_id, int number,
                              ByteSource& body, const PutOptions& options) override;
  Result<ObjectInfo> CompleteUpload(const ObjectRef& ref, const std::string& upload_id,
                                    const std::vector<CompletedPart>& parts,
                                    const PutOptions& options = {}) override;
  Status AbortUpload(const ObjectRef& ref, const std::string& upload_id) override;
  Result<std::vector<PartInfo>> ListParts(const ObjectRef& ref,
                                          const std::string& upload_id) override;
  // Without the uploads' headers, which S3 does not list.
  Result<std::vector<UploadInfo>> ListUploads(const std::string& bucket) override;

 private:
  struct Call;
  S3Store(S3StoreOptions options, Clock& clock, std::unique_ptr<net::HttpClient> http);
  Result<net::Response> Send(const Call& call, bool stream = false);
  Result<PartInfo> SendPart(const ObjectRef& ref, const std::string& upload_id, int number,
                            std::string bytes, const std::optional<Checksum>& checksum);
  Result<ObjectInfo> PutInParts(const ObjectRef& ref, std::string head, ByteSource& body,
                                const PutOptions& options);

  const S3StoreOptions options_;
  Clock& clock_;
  const std::unique_ptr<net::HttpClient> http_;
};

}  // namespace clary::objects
