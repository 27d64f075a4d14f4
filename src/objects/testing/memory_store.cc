#include "objects/testing/memory_store.h"

#include <algorithm>
#include <tuple>

#include "base/strings.h"
#include "objects/rules.h"

namespace clary::objects {
namespace {

constexpr uint64_t kMaxBytes = uint64_t{1} << 30;

class MapCursor final : public KeyCursor {
 public:
  using Map = std::vector<ObjectInfo>;
  explicit MapCursor(Map all) : all_(std::move(all)) {}
  Status Seek(const std::string& key, bool after, const std::optional<std::string>& end) override {
    at_ = after ? std::ranges::upper_bound(all_, key, {}, &ObjectInfo::key)
                : std::ranges::lower_bound(all_, key, {}, &ObjectInfo::key);
    end_ = end;
    return {};
  }
  Result<std::optional<ObjectInfo>> Next() override {
    if (at_ == all_.end() || (end_ && at_->key >= *end_)) return std::nullopt;
    return *at_++;
  }

 private:
  Map all_;
  Map::iterator at_;
  std::optional<std::string> end_;
};

}  // namespace

Result<MemoryStore::Bucket*> MemoryStore::Find(const std::string& bucket) {
  const auto it = buckets_.find(bucket);
  if (it == buckets_.end()) return std::unexpected(NoSuchBucket(bucket));
  return &it->second;
}

Result<MemoryStore::Upload*> MemoryStore::FindUpload(const ObjectRef& ref, const std::string& id) {
  CLARY_TRY(Bucket * bucket, Find(ref.bucket));
  const auto it = bucket->uploads.find(id);
  if (it == bucket->uploads.end() || it->second.info.key != ref.key) {
    return std::unexpected(NoSuchUpload(id));
  }
  return &it->second;
}

Status MemoryStore::Store(const ObjectRef& ref, const Conditions& conditions, Object object) {
  CLARY_TRY(Bucket * bucket, Find(ref.bucket));
  const auto it = bucket->objects.find(ref.key);
  CLARY_CHECK_OK(
      CheckForWrite(conditions, it == bucket->objects.end() ? nullptr : &it->second.info));
  bucket->objects[ref.key] = std::move(object);
  return {};
}

Status MemoryStore::CreateBucket(const std::string& bucket, const std::string& region) {
  CLARY_CHECK_OK(CheckBucketName(bucket));
  MutexLock lock(mu_);
  if (buckets_.contains(bucket)) {
    return Fail(Code::kAlreadyExists, "BucketAlreadyOwnedByYou", "you already own " + bucket);
  }
  buckets_[bucket].info = {.name = bucket, .created = clock_.Now(), .region = region};
  return {};
}

Status MemoryStore::DeleteBucket(const std::string& bucket) {
  MutexLock lock(mu_);
  CLARY_TRY(Bucket * found, Find(bucket));
  if (!found->objects.empty()) {
    return Fail(Code::kFailedPrecondition, "BucketNotEmpty", bucket + " is not empty");
  }
  buckets_.erase(bucket);
  return {};
}

Result<BucketInfo> MemoryStore::HeadBucket(const std::string& bucket) {
  MutexLock lock(mu_);
  CLARY_TRY(Bucket * found, Find(bucket));
  return found->info;
}

Result<std::vector<BucketInfo>> MemoryStore::ListBuckets() {
  MutexLock lock(mu_);
  std::vector<BucketInfo> out;
  for (const auto& [name, bucket] : buckets_) out.push_back(bucket.info);
  return out;
}

Result<Settings> MemoryStore::GetSettings(const std::string& bucket) {
  MutexLock lock(mu_);
  CLARY_TRY(Bucket * found, Find(bucket));
  return found->settings;
}

Status MemoryStore::SetSetting(const std::string& bucket, const std::string& name,
                               const std::optional<std::string>& value) {
  MutexLock lock(mu_);
  CLARY_TRY(Bucket * found, Find(bucket));
  if (value) {
    found->settings[name] = *value;
  } else {
    found->settings.erase(name);
  }
  return {};
}

Result<ObjectInfo> MemoryStore::Put(const ObjectRef& ref, ByteSource& body,
                                    const PutOptions& options) {
  CLARY_CHECK_OK(CheckKey(ref.key));
  CLARY_CHECK_OK(CheckTags(options.tags));
  CLARY_CHECK_OK(HeadBucket(ref.bucket));
  CLARY_TRY(std::string bytes, ReadAll(body, kMaxBytes));
  BodyDigest digest(options);
  digest.Update(bytes);
  CLARY_TRY(auto digests, digest.Finish());
  Object object{.info = {.key = ref.key,
                         .size = bytes.size(),
                         .etag = digests.etag,
                         .last_modified = clock_.Now(),
                         .headers = options.headers,
                         .checksum = digests.checksum,
                         .part_sizes = {},
                         .tag_count = options.tags.size()},
                .tags = options.tags,
                .bytes = std::move(bytes),
                .part_sums = {}};
  ObjectInfo info = object.info;
  MutexLock lock(mu_);
  CLARY_CHECK_OK(Store(ref, options.conditions, std::move(object)));
  return info;
}

Result<GetResult> MemoryStore::Get(const ObjectRef& ref, const GetOptions& options) {
  MutexLock lock(mu_);
  CLARY_TRY(Bucket * bucket, Find(ref.bucket));
  const auto it = bucket->objects.find(ref.key);
  if (it == bucket->objects.end()) return std::unexpected(NoSuchKey(ref.key));
  CLARY_CHECK_OK(CheckForRead(options.conditions, it->second.info));
  CLARY_TRY(const Extent extent, ResolveRange(options.range, it->second.info.size));
  GetResult out;
  out.info = it->second.info;
  out.first = extent.first;
  out.length = extent.length;
  out.body = NewStringSource(it->second.bytes.substr(extent.first, extent.length));
  return out;
}

Result<ObjectInfo> MemoryStore::Head(const ObjectRef& ref, const Conditions& conditions) {
  CLARY_TRY(const GetResult got, Get(ref, {.range = std::nullopt, .conditions = conditions}));
  return got.info;
}

Result<std::vector<PartInfo>> MemoryStore::GetParts(const ObjectRef& ref) {
  MutexLock lock(mu_);
  CLARY_TRY(Bucket * bucket, Find(ref.bucket));
  const auto it = bucket->objects.find(ref.key);
  if (it == bucket->objects.end()) return std::unexpected(NoSuchKey(ref.key));
  return PartsOf(it->second.info, it->second.part_sums);
}

Status MemoryStore::Delete(const ObjectRef& ref, const Conditions& conditions) {
  MutexLock lock(mu_);
  CLARY_TRY(Bucket * bucket, Find(ref.bucket));
  const auto it = bucket->objects.find(ref.key);
  CLARY_CHECK_OK(
      CheckForDelete(conditions, it == bucket->objects.end() ? nullptr : &it->second.info));
  bucket->objects.erase(ref.key);
  return {};
}

Result<ListPage> MemoryStore::List(const std::string& bucket, const ListOptions& options) {
  std::vector<ObjectInfo> all;
  {
    MutexLock lock(mu_);
    CLARY_TRY(Bucket * found, Find(bucket));
    for (const auto& [key, object] : found->objects) all.push_back(object.info);
  }
  MapCursor cursor(std::move(all));
  return ListKeys(cursor, options);
}

Result<Tags> MemoryStore::GetTags(const ObjectRef& ref) {
  MutexLock lock(mu_);
  CLARY_TRY(Bucket * bucket, Find(ref.bucket));
  const auto it = bucket->objects.find(ref.key);
  if (it == bucket->objects.end()) return std::unexpected(NoSuchKey(ref.key));
  return it->second.tags;
}

Status MemoryStore::SetTags(const ObjectRef& ref, const Tags& tags) {
  CLARY_CHECK_OK(CheckTags(tags));
  MutexLock lock(mu_);
  CLARY_TRY(Bucket * bucket, Find(ref.bucket));
  const auto it = bucket->objects.find(ref.key);
  if (it == bucket->objects.end()) return std::unexpected(NoSuchKey(ref.key));
  it->second.tags = tags;
  it->second.info.tag_count = tags.size();
  return {};
}

Result<UploadInfo> MemoryStore::CreateUpload(const ObjectRef& ref, const PutOptions& options) {
  CLARY_CHECK_OK(CheckKey(ref.key));
  CLARY_CHECK_OK(CheckTags(options.tags));
  MutexLock lock(mu_);
  CLARY_TRY(Bucket * bucket, Find(ref.bucket));
  UploadInfo info{.key = ref.key,
                  .id = RandomId(),
                  .started = clock_.Now(),
                  .headers = options.headers,
                  .tags = options.tags,
                  .checksum_kind = options.checksum_kind,
                  .full_object_checksum = options.full_object_checksum};
  bucket->uploads[info.id].info = info;
  return info;
}

Result<PartInfo> MemoryStore::UploadPart(const ObjectRef& ref, const std::string& upload_id,
                                         int number, ByteSource& body, const PutOptions& options) {
  if (number < 1 || number > kMaxPartNumber) {
    return Fail(Code::kInvalidArgument, "InvalidArgument", "part numbers are 1 to 10000");
  }
  std::optional<HashKind> kind;
  {
    MutexLock lock(mu_);
    CLARY_TRY(Upload * upload, FindUpload(ref, upload_id));
    kind = upload->info.checksum_kind;
  }
  CLARY_TRY(std::string bytes, ReadAll(body, kMaxBytes));
  BodyDigest digest(options, kind);
  digest.Update(bytes);
  CLARY_TRY(auto digests, digest.Finish());
  PartInfo info{.number = number,
                .size = bytes.size(),
                .etag = digests.etag,
                .last_modified = clock_.Now(),
                .checksum = digests.checksum};
  MutexLock lock(mu_);
  CLARY_TRY(Upload * upload, FindUpload(ref, upload_id));
  upload->parts[number] = {info, std::move(bytes)};
  return info;
}

Result<ObjectInfo> MemoryStore::CompleteUpload(const ObjectRef& ref, const std::string& upload_id,
                                               const std::vector<CompletedPart>& parts,
                                               const PutOptions& options) {
  MutexLock lock(mu_);
  const auto open = FindUpload(ref, upload_id);
  if (!open && open.error().reason == "NoSuchUpload") {
    auto& objects = buckets_[ref.bucket].objects;
    const auto now = objects.find(ref.key);
    CLARY_CHECK_OK(
        CheckRepeated(now == objects.end() ? nullptr : &now->second.info, upload_id, parts));
    return now->second.info;
  }
  CLARY_TRY(Upload * upload, open);
  std::map<int, PartInfo> stored;
  for (const auto& [number, part] : upload->parts) stored[number] = part.info;
  CLARY_TRY(Assembly assembly, AssembleParts(upload->info, stored, parts, options));
  Object object{.info = {.key = ref.key,
                         .size = assembly.size,
                         .etag = assembly.etag,
                         .last_modified = clock_.Now(),
                         .headers = upload->info.headers,
                         .checksum = assembly.checksum,
                         .part_sizes = {},
                         .tag_count = upload->info.tags.size(),
                         .upload_id = upload_id},
                .tags = upload->info.tags,
                .bytes = {},
                .part_sums = {}};
  for (const PartInfo& part : assembly.parts) {
    object.info.part_sizes.push_back(part.size);
    if (part.checksum) object.part_sums.push_back(part.checksum->value);
    object.bytes += upload->parts[part.number].bytes;
  }
  if (assembly.full_kind) {
    object.info.checksum =
        Checksum{*assembly.full_kind, Base64Encode(Hash(*assembly.full_kind, object.bytes))};
    if (options.checksum && options.checksum->kind == object.info.checksum->kind &&
        options.checksum->value != object.info.checksum->value) {
      return Fail(Code::kInvalidArgument, "BadDigest", "the object's checksum does not match");
    }
  }
  ObjectInfo info = object.info;
  CLARY_CHECK_OK(Store(ref, options.conditions, std::move(object)));
  buckets_[ref.bucket].uploads.erase(upload_id);
  return info;
}

Status MemoryStore::AbortUpload(const ObjectRef& ref, const std::string& upload_id) {
  MutexLock lock(mu_);
  CLARY_CHECK_OK(FindUpload(ref, upload_id));
  buckets_[ref.bucket].uploads.erase(upload_id);
  return {};
}

Result<std::vector<PartInfo>> MemoryStore::ListParts(const ObjectRef& ref,
                                                     const std::string& upload_id) {
  MutexLock lock(mu_);
  CLARY_TRY(Upload * upload, FindUpload(ref, upload_id));
  std::vector<PartInfo> out;
  for (const auto& [number, part] : upload->parts) out.push_back(part.info);
  return out;
}

Result<std::vector<UploadInfo>> MemoryStore::ListUploads(const std::string& bucket) {
  MutexLock lock(mu_);
  CLARY_TRY(Bucket * found, Find(bucket));
  std::vector<UploadInfo> out;
  for (const auto& [id, upload] : found->uploads) out.push_back(upload.info);
  std::ranges::sort(out, {}, [](const UploadInfo& u) { return std::tie(u.key, u.started, u.id); });
  return out;
}

}  // namespace clary::objects
