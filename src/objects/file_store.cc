#include "objects/file_store.h"

#include <fcntl.h>

#include <utility>

#include "base/file.h"
#include "base/strings.h"
#include "objects/internal/blob_files.h"
#include "objects/internal/object_index.h"
#include "objects/rules.h"

namespace clary::objects {
namespace fs = std::filesystem;

struct FileStore::State {
  Clock& clock;
  Options options;
  BlobFiles files;
  ObjectIndex index;

  State(const fs::path& dir, Clock& c, Options o)
      : clock(c),
        options(std::move(o)),
        files(dir, options.fault),
        index(dir / "index.db", [this] { return files.Step("commit"); }) {}

  // Commits a change of rows, then unlinks the blobs that it leaves without a row.
  Status Change(const std::function<Status(Connection&, std::vector<std::string>& old)>& apply) {
    std::vector<std::string> old;
    CLARY_CHECK_OK(index.Commit([&](Connection& c) {
      old.clear();
      return apply(c, old);
    }));
    files.Unlink(old);
    return {};
  }

  Result<std::pair<Row, Fd>> OpenObject(const ObjectRef& ref, const Conditions& conditions);
};

FileStore::FileStore(std::unique_ptr<State> state) : state_(std::move(state)) {}
FileStore::~FileStore() = default;

Result<std::unique_ptr<FileStore>> FileStore::Open(const fs::path& dir, Clock& clock,
                                                   Options options) {
  CLARY_CHECK_OK(MakeDirectories(dir, 0700));
  auto state = std::make_unique<State>(dir, clock, std::move(options));
  CLARY_TRY(const int64_t version, state->index.SchemaVersion());
  // Directories first: who sees the schema can rely on them.
  if (version == 0) CLARY_CHECK_OK(state->files.MakeDirectories());
  CLARY_CHECK_OK(state->index.Migrate());
  return std::unique_ptr<FileStore>(new FileStore(std::move(state)));
}

Status FileStore::CreateBucket(const std::string& bucket, const std::string& region) {
  CLARY_CHECK_OK(CheckBucketName(bucket));
  const BucketInfo info{.name = bucket, .created = state_->clock.Now(), .region = region};
  return state_->index.Commit([&](Connection& c) { return InsertBucket(c, info); });
}

Status FileStore::DeleteBucket(const std::string& bucket) {
  return state_->Change(
      [&](Connection& c, std::vector<std::string>& old) { return RemoveBucket(c, bucket, old); });
}

Result<BucketInfo> FileStore::HeadBucket(const std::string& bucket) {
  return state_->index.With([&](Connection& c) { return FindBucket(c, bucket); });
}

Result<std::vector<BucketInfo>> FileStore::ListBuckets() {
  return state_->index.With([](Connection& c) { return FindBuckets(c); });
}

Result<Settings> FileStore::GetSettings(const std::string& bucket) {
  return state_->index.With([&](Connection& c) { return FindSettings(c, bucket); });
}

Status FileStore::SetSetting(const std::string& bucket, const std::string& name,
                             const std::optional<std::string>& value) {
  return state_->index.Commit([&](Connection& c) -> Status {
    CLARY_TRY(Settings settings, FindSettings(c, bucket));
    if (value) {
      settings[name] = *value;
    } else {
      settings.erase(name);
    }
    return UpdateSettings(c, bucket, settings);
  });
}

Result<ObjectInfo> FileStore::Put(const ObjectRef& ref, ByteSource& body,
                                  const PutOptions& options) {
  CLARY_CHECK_OK(CheckKey(ref.key));
  CLARY_CHECK_OK(CheckTags(options.tags));
  // Fail early what can only fail; the commit checks again.
  CLARY_CHECK_OK(state_->index.With([&](Connection& c) -> Status {
    CLARY_CHECK_OK(FindBucket(c, ref.bucket));
    CLARY_TRY(const auto now, FindObject(c, ref));
    return CheckForWrite(options.conditions, now ? &now->info : nullptr);
  }));
  CLARY_TRY(NewBlob blob, state_->files.Create(ref.key));
  CLARY_TRY(auto written, state_->files.Write(blob, body, BodyDigest(options)));
  CLARY_CHECK_OK(state_->files.Settle(blob, /*sync=*/true));
  ObjectInfo info{.key = ref.key,
                  .size = written.size,
                  .etag = std::move(written.digests.etag),
                  .last_modified = state_->clock.Now(),
                  .headers = options.headers,
                  .checksum = std::move(written.digests.checksum),
                  .part_sizes = {},
                  .tag_count = options.tags.size()};
  const NewObject object{info, options.tags, {}, blob.name};
  CLARY_CHECK_OK(state_->Change([&](Connection& c, std::vector<std::string>& old) {
    return InsertObject(c, ref, options.conditions, object, old);
  }));
  blob.kept = true;
  return info;
}

Result<std::pair<Row, Fd>> FileStore::State::OpenObject(const ObjectRef& ref,
                                                        const Conditions& conditions) {
  std::string missing;
  for (;;) {
    CLARY_TRY(auto row, index.With([&](Connection& c) -> Result<Row> {
      CLARY_CHECK_OK(FindBucket(c, ref.bucket));
      CLARY_TRY(auto found, FindObject(c, ref));
      if (!found) return std::unexpected(NoSuchKey(ref.key));
      return *std::move(found);
    }));
    CLARY_CHECK_OK(CheckForRead(conditions, row.info));
    auto fd = OpenFile(files.PathOf(row.blob), O_RDONLY);
    if (fd) return std::pair(std::move(row), *std::move(fd));
    if (fd.error().code != Code::kNotFound) return std::unexpected(std::move(fd).error());
    // Replaced between the two reads, so the index names another file now.
    if (row.blob == missing) {
      return Fail(Code::kDataLoss, "LostObject",
                  "the file of " + ref.Uri() + " is gone from the store: " + row.blob);
    }
    missing = row.blob;
  }
}

Result<GetResult> FileStore::Get(const ObjectRef& ref, const GetOptions& options) {
  CLARY_TRY(auto opened, state_->OpenObject(ref, options.conditions));
  auto& [row, fd] = opened;
  CLARY_TRY(const Extent extent, ResolveRange(options.range, row.info.size));
  GetResult out;
  out.info = std::move(row.info);
  out.first = extent.first;
  out.length = extent.length;
  out.body = NewFileSource(std::move(fd), extent.first, extent.length);
  return out;
}

Result<ObjectInfo> FileStore::Head(const ObjectRef& ref, const Conditions& conditions) {
  return state_->index.With([&](Connection& c) -> Result<ObjectInfo> {
    CLARY_CHECK_OK(FindBucket(c, ref.bucket));
    CLARY_TRY(auto row, FindObject(c, ref));
    if (!row) return std::unexpected(NoSuchKey(ref.key));
    CLARY_CHECK_OK(CheckForRead(conditions, row->info));
    return std::move(row->info);
  });
}

Result<fs::path> FileStore::BlobPath(const ObjectRef& ref) {
  return state_->index.With([&](Connection& c) -> Result<fs::path> {
    CLARY_CHECK_OK(FindBucket(c, ref.bucket));
    CLARY_TRY(auto row, FindObject(c, ref));
    if (!row) return std::unexpected(NoSuchKey(ref.key));
    return state_->files.PathOf(row->blob);
  });
}

Result<std::vector<PartInfo>> FileStore::GetParts(const ObjectRef& ref) {
  return state_->index.With([&](Connection& c) -> Result<std::vector<PartInfo>> {
    CLARY_CHECK_OK(FindBucket(c, ref.bucket));
    CLARY_TRY(const auto row, FindObject(c, ref));
    if (!row) return std::unexpected(NoSuchKey(ref.key));
    CLARY_TRY(const auto sums, FindPartSums(c, row->blob));
    return PartsOf(row->info, sums);
  });
}

Status FileStore::Delete(const ObjectRef& ref, const Conditions& conditions) {
  CLARY_TRY(const auto done, DeleteMany(ref.bucket, {{ref.key, conditions}}));
  return done[0];
}

Result<std::vector<Status>> FileStore::DeleteMany(const std::string& bucket,
                                                  const std::vector<KeyToDelete>& keys) {
  std::vector<Status> out(keys.size());
  // Nothing to do for missing keys, so no commit either.
  CLARY_TRY(const bool any, state_->index.With([&](Connection& c) -> Result<bool> {
    CLARY_CHECK_OK(FindBucket(c, bucket));
    bool found = false;
    for (size_t i = 0; i < keys.size(); ++i) {
      CLARY_TRY(const auto row, FindObject(c, {bucket, keys[i].key}));
      out[i] = CheckForDelete(keys[i].conditions, row ? &row->info : nullptr);
      found = found || (row && out[i]);
    }
    return found;
  }));
  if (!any) return out;
  const Status done = state_->Change([&](Connection& c, std::vector<std::string>& old) -> Status {
    for (size_t i = 0; i < keys.size(); ++i) {
      const ObjectRef ref{bucket, keys[i].key};
      CLARY_TRY(const auto row, FindObject(c, ref));
      out[i] = CheckForDelete(keys[i].conditions, row ? &row->info : nullptr);
      if (row && out[i]) CLARY_CHECK_OK(RemoveObject(c, ref, *row, old));
    }
    return {};
  });
  if (!done) return std::vector<Status>(keys.size(), done);
  return out;
}

Result<ListPage> FileStore::List(const std::string& bucket, const ListOptions& options) {
  return state_->index.With([&](Connection& c) -> Result<ListPage> {
    CLARY_CHECK_OK(FindBucket(c, bucket));
    IndexCursor cursor(c, bucket);
    return ListKeys(cursor, options);
  });
}

Result<Tags> FileStore::GetTags(const ObjectRef& ref) {
  return state_->index.With([&](Connection& c) -> Result<Tags> {
    CLARY_CHECK_OK(FindBucket(c, ref.bucket));
    CLARY_TRY(auto row, FindObject(c, ref));
    if (!row) return std::unexpected(NoSuchKey(ref.key));
    return std::move(row->tags);
  });
}

Status FileStore::SetTags(const ObjectRef& ref, const Tags& tags) {
  CLARY_CHECK_OK(CheckTags(tags));
  return state_->index.Commit([&](Connection& c) -> Status {
    CLARY_CHECK_OK(FindBucket(c, ref.bucket));
    CLARY_TRY(const auto row, FindObject(c, ref));
    if (!row) return std::unexpected(NoSuchKey(ref.key));
    return UpdateTags(c, ref, *row, tags);
  });
}

Result<UploadInfo> FileStore::CreateUpload(const ObjectRef& ref, const PutOptions& options) {
  CLARY_CHECK_OK(CheckKey(ref.key));
  CLARY_CHECK_OK(CheckTags(options.tags));
  UploadInfo upload{.key = ref.key,
                    .id = HexEncode(RandomBytes(24)),
                    .started = state_->clock.Now(),
                    .headers = options.headers,
                    .tags = options.tags,
                    .checksum_kind = options.checksum_kind,
                    .full_object_checksum = options.full_object_checksum};
  CLARY_CHECK_OK(
      state_->index.Commit([&](Connection& c) { return InsertUpload(c, ref.bucket, upload); }));
  return upload;
}

Result<PartInfo> FileStore::UploadPart(const ObjectRef& ref, const std::string& upload_id,
                                       int number, ByteSource& body, const PutOptions& options) {
  if (number < 1 || number > kMaxPartNumber) {
    return Fail(Code::kInvalidArgument, "InvalidArgument",
                "Part number must be an integer between 1 and 10000, inclusive");
  }
  CLARY_TRY(const UploadInfo upload,
            state_->index.With([&](Connection& c) { return FindUpload(c, ref, upload_id); }));
  CLARY_TRY(NewBlob blob, state_->files.Create("part" + std::to_string(number)));
  CLARY_TRY(auto written,
            state_->files.Write(blob, body, BodyDigest(options, upload.checksum_kind)));
  CLARY_CHECK_OK(state_->files.Settle(blob, /*sync=*/false));
  const StoredPart part{.info = {.number = number,
                                 .size = written.size,
                                 .etag = std::move(written.digests.etag),
                                 .last_modified = state_->clock.Now(),
                                 .checksum = std::move(written.digests.checksum)},
                        .boot = state_->files.boot(),
                        .blob = blob.name};
  CLARY_CHECK_OK(state_->Change([&](Connection& c, std::vector<std::string>& old) -> Status {
    CLARY_CHECK_OK(FindUpload(c, ref, upload_id));
    return InsertPart(c, upload_id, part, old);
  }));
  blob.kept = true;
  return part.info;
}

Result<ObjectInfo> FileStore::CompleteUpload(const ObjectRef& ref, const std::string& upload_id,
                                             const std::vector<CompletedPart>& parts,
                                             const PutOptions& options) {
  struct Found {
    UploadInfo upload;
    std::map<int, StoredPart> parts;
    std::optional<ObjectInfo> done;  // the upload was completed before
  };
  CLARY_TRY(const Found found, state_->index.With([&](Connection& c) -> Result<Found> {
    Found f;
    CLARY_TRY(auto now, FindObject(c, ref));
    auto upload = FindUpload(c, ref, upload_id);
    if (!upload && upload.error().reason == "NoSuchUpload") {
      CLARY_CHECK_OK(CheckRepeated(now ? &now->info : nullptr, upload_id, parts));
      f.done = std::move(now->info);
      return f;
    }
    CLARY_TRY(f.upload, std::move(upload));
    CLARY_TRY(f.parts, FindParts(c, upload_id));
    CLARY_CHECK_OK(CheckForWrite(options.conditions, now ? &now->info : nullptr));
    return f;
  }));
  if (found.done) return *found.done;
  std::map<int, PartInfo> stored;
  for (const auto& [number, part] : found.parts) stored.emplace(number, part.info);
  CLARY_TRY(Assembly assembly, AssembleParts(found.upload, stored, parts, options));

  CLARY_TRY(NewBlob blob, state_->files.Create(ref.key));
  std::optional<Hasher> full;
  if (assembly.full_kind) full.emplace(*assembly.full_kind);
  for (const PartInfo& part : assembly.parts) {
    CLARY_CHECK_OK(
        state_->files.AppendPart(blob, found.parts.at(part.number), full ? &*full : nullptr));
  }
  if (full) {
    assembly.checksum = Checksum{*assembly.full_kind, Base64Encode(full->Finish())};
    if (options.checksum && options.checksum->kind == assembly.checksum->kind &&
        options.checksum->value != assembly.checksum->value) {
      return Fail(Code::kInvalidArgument, "BadDigest",
                  "The checksum you specified did not match the calculated checksum; send the "
                  "object again");
    }
  }
  CLARY_CHECK_OK(state_->files.Settle(blob, /*sync=*/true));
  ObjectInfo info{.key = ref.key,
                  .size = assembly.size,
                  .etag = std::move(assembly.etag),
                  .last_modified = state_->clock.Now(),
                  .headers = found.upload.headers,
                  .checksum = std::move(assembly.checksum),
                  .part_sizes = {},
                  .tag_count = found.upload.tags.size(),
                  .upload_id = upload_id};
  const NewObject object{info, found.upload.tags, assembly.parts, blob.name};
  CLARY_CHECK_OK(state_->Change([&](Connection& c, std::vector<std::string>& old) -> Status {
    // Another Complete or Abort may have been first, or a part sent again.
    CLARY_CHECK_OK(FindUpload(c, ref, upload_id));
    CLARY_TRY(const auto now, FindParts(c, upload_id));
    for (const PartInfo& part : assembly.parts) {
      const auto it = now.find(part.number);
      if (it == now.end() || it->second.blob != found.parts.at(part.number).blob) {
        return Fail(Code::kConflict, "OperationAborted",
                    "A part was uploaded again while the upload was being completed");
      }
    }
    CLARY_CHECK_OK(InsertObject(c, ref, options.conditions, object, old));
    return RemoveUpload(c, upload_id, old);
  }));
  blob.kept = true;
  for (const PartInfo& part : assembly.parts) info.part_sizes.push_back(part.size);
  return info;
}

Status FileStore::AbortUpload(const ObjectRef& ref, const std::string& upload_id) {
  return state_->Change([&](Connection& c, std::vector<std::string>& old) -> Status {
    CLARY_CHECK_OK(FindUpload(c, ref, upload_id));
    return RemoveUpload(c, upload_id, old);
  });
}

Result<std::vector<PartInfo>> FileStore::ListParts(const ObjectRef& ref,
                                                   const std::string& upload_id) {
  return state_->index.With([&](Connection& c) -> Result<std::vector<PartInfo>> {
    CLARY_CHECK_OK(FindUpload(c, ref, upload_id));
    CLARY_TRY(auto parts, FindParts(c, upload_id));
    std::vector<PartInfo> out;
    for (auto& [number, part] : parts) out.push_back(std::move(part.info));
    return out;
  });
}

Result<std::vector<UploadInfo>> FileStore::ListUploads(const std::string& bucket) {
  return state_->index.With([&](Connection& c) { return FindUploads(c, bucket); });
}

Result<size_t> FileStore::CollectGarbage(std::stop_token stop) {
  return state_->files.CollectGarbage(state_->index, stop);
}

}  // namespace clary::objects
