// An object store in memory, for tests of what is built on one.
#pragma once

#include <map>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "objects/object_store.h"

namespace clary::objects {

class MemoryStore : public ObjectStore {
 public:
  explicit MemoryStore(Clock& clock = Clock::System()) : clock_(clock) {}  // keeps it

  Status CreateBucket(const std::string& bucket, const std::string& region) override;
  Status DeleteBucket(const std::string& bucket) override;
  Result<BucketInfo> HeadBucket(const std::string& bucket) override;
  Result<std::vector<BucketInfo>> ListBuckets() override;
  Result<Settings> GetSettings(const std::string& bucket) override;
  Status SetSetting(const std::string& bucket, const std::string& name,
                    const std::optional<std::string>& value) override;
  Result<ObjectInfo> Put(const ObjectRef& ref, ByteSource& body,
                         const PutOptions& options = {}) override;
  Result<GetResult> Get(const ObjectRef& ref, const GetOptions& options = {}) override;
  Result<ObjectInfo> Head(const ObjectRef& ref, const Conditions& conditions = {}) override;
  Result<std::vector<PartInfo>> GetParts(const ObjectRef& ref) override;
  Status Delete(const ObjectRef& ref, const Conditions& conditions = {}) override;
  Result<ListPage> List(const std::string& bucket, const ListOptions& options) override;
  Result<Tags> GetTags(const ObjectRef& ref) override;
  Status SetTags(const ObjectRef& ref, const Tags& tags) override;
  Result<UploadInfo> CreateUpload(const ObjectRef& ref, const PutOptions& options) override;
  Result<PartInfo> UploadPart(const ObjectRef& ref, const std::string& upload_id, int number,
                              ByteSource& body, const PutOptions& options) override;
  Result<ObjectInfo> CompleteUpload(const ObjectRef& ref, const std::string& upload_id,
                                    const std::vector<CompletedPart>& parts,
                                    const PutOptions& options = {}) override;
  Status AbortUpload(const ObjectRef& ref, const std::string& upload_id) override;
  Result<std::vector<PartInfo>> ListParts(const ObjectRef& ref,
                                          const std::string& upload_id) override;
  Result<std::vector<UploadInfo>> ListUploads(const std::string& bucket) override;

 private:
  struct Object {
    ObjectInfo info;
    Tags tags;
    std::string bytes;
    std::vector<std::string> part_sums;
  };
  struct Part {
    PartInfo info;
    std::string bytes;
  };
  struct Upload {
    UploadInfo info;
    std::map<int, Part> parts;
  };
  struct Bucket {
    BucketInfo info;
    Settings settings;
    std::map<std::string, Object> objects;
    std::map<std::string, Upload> uploads;  // by id
  };
  Result<Bucket*> Find(const std::string& bucket) REQUIRES(mu_);
  Result<Upload*> FindUpload(const ObjectRef& ref, const std::string& id) REQUIRES(mu_);
  Status Store(const ObjectRef& ref, const Conditions& conditions, Object object) REQUIRES(mu_);

  Clock& clock_;
  Mutex mu_;
  std::map<std::string, Bucket> buckets_ GUARDED_BY(mu_);
};

}  // namespace clary::objects
