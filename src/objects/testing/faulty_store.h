// An object store whose N-th step fails, for loops over every failure a caller can meet.
#pragma once

#include <atomic>

#include "objects/object_store.h"

namespace clary::objects {

// Wraps `inner` (borrowed). Every call has two steps: before it (the call is not made) and after
// it (it was made, but the answer is lost). The step that brings the counter to 0 fails with
// kUnavailable "Injected"; steps before and after it work.
class FaultyStore final : public ObjectStore {
 public:
  explicit FaultyStore(ObjectStore& inner) : inner_(inner) {}
  void FailAt(int step) { left_ = step; }  // 1: the next one; 0: never
  bool failed() const { return failed_; }

  Status CreateBucket(const std::string& b, const std::string& region) override {
    return Call([&] { return inner_.CreateBucket(b, region); });
  }
  Status DeleteBucket(const std::string& b) override {
    return Call([&] { return inner_.DeleteBucket(b); });
  }
  Result<BucketInfo> HeadBucket(const std::string& b) override {
    return Call([&] { return inner_.HeadBucket(b); });
  }
  Result<std::vector<BucketInfo>> ListBuckets() override {
    return Call([&] { return inner_.ListBuckets(); });
  }
  Result<ObjectInfo> Put(const ObjectRef& ref, ByteSource& body,
                         const PutOptions& options = {}) override {
    return Call([&] { return inner_.Put(ref, body, options); });
  }
  Result<GetResult> Get(const ObjectRef& ref, const GetOptions& options = {}) override {
    return Call([&] { return inner_.Get(ref, options); });
  }
  Result<ObjectInfo> Head(const ObjectRef& ref, const Conditions& conditions = {}) override {
    return Call([&] { return inner_.Head(ref, conditions); });
  }
  Status Delete(const ObjectRef& ref, const Conditions& conditions = {}) override {
    return Call([&] { return inner_.Delete(ref, conditions); });
  }
  Result<ListPage> List(const std::string& b, const ListOptions& options) override {
    return Call([&] { return inner_.List(b, options); });
  }
  Result<Tags> GetTags(const ObjectRef& ref) override {
    return Call([&] { return inner_.GetTags(ref); });
  }
  Status SetTags(const ObjectRef& ref, const Tags& tags) override {
    return Call([&] { return inner_.SetTags(ref, tags); });
  }
  Result<UploadInfo> CreateUpload(const ObjectRef& ref, const PutOptions& options) override {
    return Call([&] { return inner_.CreateUpload(ref, options); });
  }
  Result<PartInfo> UploadPart(const ObjectRef& ref, const std::string& id, int number,
                              ByteSource& body, const PutOptions& options) override {
    return Call([&] { return inner_.UploadPart(ref, id, number, body, options); });
  }
  Result<ObjectInfo> CompleteUpload(const ObjectRef& ref, const std::string& id,
                                    const std::vector<CompletedPart>& parts,
                                    const PutOptions& options = {}) override {
    return Call([&] { return inner_.CompleteUpload(ref, id, parts, options); });
  }
  Status AbortUpload(const ObjectRef& ref, const std::string& id) override {
    return Call([&] { return inner_.AbortUpload(ref, id); });
  }
  Result<std::vector<PartInfo>> ListParts(const ObjectRef& ref, const std::string& id) override {
    return Call([&] { return inner_.ListParts(ref, id); });
  }
  Result<std::vector<UploadInfo>> ListUploads(const std::string& b) override {
    return Call([&] { return inner_.ListUploads(b); });
  }

 private:
  Status Step() {
    if (left_ > 0 && --left_ == 0) {
      failed_ = true;
      return Fail(Code::kUnavailable, "Injected", "a failure injected by the test");
    }
    return {};
  }
  template <typename F>
  auto Call(F&& f) -> decltype(f()) {
    CLARY_CHECK_OK(Step());
    auto result = f();
    CLARY_CHECK_OK(Step());
    return result;
  }

  ObjectStore& inner_;
  std::atomic<int> left_ = 0;
  std::atomic<bool> failed_ = false;
};

}  // namespace clary::objects
