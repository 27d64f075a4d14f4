// An object store in a directory: an index in SQLite, and one file per object that holds exactly
// the object's bytes. Layout, durability and crash behaviour: docs/formats/object-store.md.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "objects/object_store.h"

namespace clary::objects {

// Any thread, and several processes at once on the same directory. A put that has returned
// survives a power cut; a part of an unfinished upload survives the death of the process, and
// after a power cut it is read again before it is used.
class FileStore final : public ObjectStore {
 public:
  struct Options {
    // Tests: called before each step that touches the disk ("create", "write", "sync", "rename",
    // "sync-directory", "commit"); an error takes the step's place.
    std::function<Status(std::string_view step)> fault;
  };

  // Opens or creates `dir`. Keeps `clock`. kFailedPrecondition "NewerSchema".
  static Result<std::unique_ptr<FileStore>> Open(const std::filesystem::path& dir,
                                                 Clock& clock = Clock::System(),
                                                 Options options = {});
  ~FileStore() override;

  // The file that holds exactly the object's bytes, to be read, hard-linked or shown; never to be
  // written, not even through a link. It goes when the object is replaced or deleted, so open or
  // link it at once, and ask again on ENOENT. "NoSuchBucket", "NoSuchKey".
  Result<std::filesystem::path> BlobPath(const ObjectRef& ref);

  // Removes files that a crash left behind; what another thread or process is still writing stays.
  // Returns their number. Meant for the service, once after its start.
  Result<size_t> CollectGarbage(std::stop_token stop = {});

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
  Result<std::vector<Status>> DeleteMany(const std::string& bucket,
                                         const std::vector<KeyToDelete>& keys) override;
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
  struct State;
  explicit FileStore(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace clary::objects
