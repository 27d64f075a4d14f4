#include "objects/internal/object_index.h"

#include <algorithm>

#include "base/clock.h"
#include "base/strings.h"

namespace clary::objects {
namespace {

constexpr size_t kMaxBatch = 256;
constexpr const char* kTagging = "x-amz-tagging";
constexpr const char* kUpload = "clary-upload";

// Version 1.
constexpr std::string_view kTables = R"sql(
CREATE TABLE buckets (name TEXT PRIMARY KEY, region TEXT NOT NULL, created INTEGER NOT NULL)
  WITHOUT ROWID;
CREATE TABLE objects (
  bucket TEXT NOT NULL, key BLOB NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
  modified INTEGER NOT NULL, checksum TEXT NOT NULL, headers TEXT NOT NULL, parts TEXT NOT NULL,
  blob TEXT NOT NULL, PRIMARY KEY (bucket, key)) WITHOUT ROWID;
CREATE INDEX objects_blob ON objects (blob);
CREATE TABLE uploads (
  id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key BLOB NOT NULL, started INTEGER NOT NULL,
  checksum TEXT NOT NULL, headers TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE parts (
  upload TEXT NOT NULL, number INTEGER NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
  modified INTEGER NOT NULL, checksum TEXT NOT NULL, boot TEXT NOT NULL, blob TEXT NOT NULL,
  PRIMARY KEY (upload, number)) WITHOUT ROWID;
CREATE INDEX parts_blob ON parts (blob);
)sql";

// Version 2: settings of buckets, checksums of a multipart object's parts.
constexpr std::string_view kSettingsAndSums = R"sql(
ALTER TABLE buckets ADD COLUMN settings TEXT NOT NULL DEFAULT '';
CREATE TABLE part_sums (blob TEXT PRIMARY KEY, sums TEXT NOT NULL) WITHOUT ROWID;
)sql";

// Small values of the index. Headers: "name=value&..." percent-encoded. Checksums: "CRC32:value".
// Part sizes: "8388608*127,123".
// Tags are kept among the headers, as x-amz-tagging, and so is the upload that made an object.
std::string EncodePairs(const std::map<std::string, std::string>& pairs) {
  std::string out;
  for (const auto& [name, value] : pairs) {
    if (!out.empty()) out += '&';
    out += UriEncode(name) + "=" + UriEncode(value);
  }
  return out;
}

std::map<std::string, std::string> DecodePairs(std::string_view text) {
  std::map<std::string, std::string> out;
  for (const std::string_view pair : Split(text, '&')) {
    const size_t eq = pair.find('=');
    if (eq == std::string_view::npos) continue;
    out[UriDecode(pair.substr(0, eq)).value_or("")] = UriDecode(pair.substr(eq + 1)).value_or("");
  }
  return out;
}

std::string EncodeHeaders(std::map<std::string, std::string> headers, const Tags& tags,
                          const std::string& upload = "") {
  if (!tags.empty()) headers[kTagging] = FormatTagging(tags);
  if (!upload.empty()) headers[kUpload] = upload;
  return EncodePairs(headers);
}

struct StoredHeaders {
  std::map<std::string, std::string> headers;
  Tags tags;
  std::string upload;
};

StoredHeaders DecodeHeaders(std::string_view text) {
  StoredHeaders out{.headers = DecodePairs(text)};
  if (const auto it = out.headers.find(kTagging); it != out.headers.end()) {
    out.tags = ParseTagging(it->second).value_or(Tags());
    out.headers.erase(it);
  }
  if (auto upload = out.headers.extract(kUpload)) out.upload = std::move(upload.mapped());
  return out;
}

std::string EncodeChecksum(const std::optional<Checksum>& c) {
  return c ? std::string(NameOf(c->kind).name) + ":" + c->value : "";
}

std::optional<Checksum> DecodeChecksum(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const ChecksumName* name = FindChecksumName(text.substr(0, colon));
  if (name == nullptr) return std::nullopt;
  return Checksum{name->kind, std::string(text.substr(colon + 1))};
}

std::string EncodeSizes(const std::vector<PartInfo>& parts) {
  std::string out;
  for (size_t i = 0; i < parts.size();) {
    size_t n = 1;
    while (i + n < parts.size() && parts[i + n].size == parts[i].size) ++n;
    if (!out.empty()) out += ',';
    out += std::to_string(parts[i].size);
    if (n > 1) out += "*" + std::to_string(n);
    i += n;
  }
  return out;
}

std::vector<uint64_t> DecodeSizes(std::string_view text) {
  std::vector<uint64_t> out;
  if (text.empty()) return out;
  for (const std::string_view run : Split(text, ',')) {
    const auto pair = Split(run, '*');
    const uint64_t n = pair.size() > 1 ? ParseUint(pair[1]).value_or(1) : 1;
    out.insert(out.end(), std::min<uint64_t>(n, kMaxPartNumber), ParseUint(pair[0]).value_or(0));
  }
  return out;
}

// Of an upload: "CRC32" or "CRC32:full".
std::string EncodeUploadChecksum(const UploadInfo& o) {
  if (!o.checksum_kind) return "";
  return std::string(NameOf(*o.checksum_kind).name) + (o.full_object_checksum ? ":full" : "");
}

constexpr std::string_view kObjectColumns = "key,size,etag,modified,checksum,headers,parts,blob";

Row ReadRow(const sqlite::Statement& s) {
  Row row;
  row.info.key = s.Text(0);
  row.info.size = static_cast<uint64_t>(s.Int(1));
  row.info.etag = s.Text(2);
  row.info.last_modified = FromMillis(s.Int(3));
  row.info.checksum = DecodeChecksum(s.Text(4));
  auto [headers, tags, upload] = DecodeHeaders(s.Text(5));
  row.info.headers = std::move(headers);
  row.info.upload_id = std::move(upload);
  row.info.tag_count = tags.size();
  row.tags = std::move(tags);
  row.info.part_sizes = DecodeSizes(s.Text(6));
  row.blob = s.Text(7);
  return row;
}

UploadInfo ReadUpload(const sqlite::Statement& s) {
  UploadInfo u;
  u.id = s.Text(0);
  u.key = s.Text(1);
  u.started = FromMillis(s.Int(2));
  std::string checksum = s.Text(3);
  u.full_object_checksum = checksum.ends_with(":full");
  if (u.full_object_checksum) checksum.resize(checksum.size() - 5);
  if (const ChecksumName* name = FindChecksumName(checksum)) u.checksum_kind = name->kind;
  auto [headers, tags, unused] = DecodeHeaders(s.Text(4));
  u.headers = std::move(headers);
  u.tags = std::move(tags);
  return u;
}

StoredPart ReadPart(const sqlite::Statement& s) {
  StoredPart p;
  p.info.number = static_cast<int>(s.Int(0));
  p.info.size = static_cast<uint64_t>(s.Int(1));
  p.info.etag = s.Text(2);
  p.info.last_modified = FromMillis(s.Int(3));
  p.info.checksum = DecodeChecksum(s.Text(4));
  p.boot = s.Text(5);
  p.blob = s.Text(6);
  return p;
}

}  // namespace

Result<std::optional<Row>> FindObject(Connection& c, const ObjectRef& ref) {
  static const std::string kSql =
      "SELECT " + std::string(kObjectColumns) + " FROM objects WHERE bucket=? AND key=?";
  CLARY_TRY(sqlite::Statement * raw, c.Use(kSql));
  const Borrowed s(raw);
  s->Bind(1, ref.bucket).BindBlob(2, ref.key);
  CLARY_TRY(const bool found, s->Step());
  if (!found) return std::nullopt;
  return ReadRow(*s);
}

Result<std::vector<BucketInfo>> FindBuckets(Connection& c) {
  CLARY_TRY(sqlite::Statement * raw,
            c.Use("SELECT name,region,created FROM buckets ORDER BY name"));
  const Borrowed s(raw);
  std::vector<BucketInfo> out;
  for (;;) {
    CLARY_TRY(const bool more, s->Step());
    if (!more) return out;
    out.push_back({.name = s->Text(0), .created = FromMillis(s->Int(2)), .region = s->Text(1)});
  }
}

Result<Settings> FindSettings(Connection& c, const std::string& bucket) {
  CLARY_TRY(sqlite::Statement * raw, c.Use("SELECT settings FROM buckets WHERE name=?"));
  const Borrowed s(raw);
  s->Bind(1, bucket);
  CLARY_TRY(const bool found, s->Step());
  if (!found) return std::unexpected(NoSuchBucket(bucket));
  return DecodePairs(s->Text(0));
}

Result<std::vector<std::string>> FindPartSums(Connection& c, const std::string& blob) {
  CLARY_TRY(sqlite::Statement * raw, c.Use("SELECT sums FROM part_sums WHERE blob=?"));
  const Borrowed s(raw);
  s->Bind(1, blob);
  CLARY_TRY(const bool found, s->Step());
  std::vector<std::string> out;
  if (!found) return out;
  const std::string sums = s->Text(0);
  for (const std::string_view sum : Split(sums, ',')) out.emplace_back(sum);
  return out;
}

Result<BucketInfo> FindBucket(Connection& c, const std::string& bucket) {
  CLARY_TRY(sqlite::Statement * raw, c.Use("SELECT region,created FROM buckets WHERE name=?"));
  const Borrowed s(raw);
  s->Bind(1, bucket);
  CLARY_TRY(const bool found, s->Step());
  if (!found) return std::unexpected(NoSuchBucket(bucket));
  return BucketInfo{.name = bucket, .created = FromMillis(s->Int(1)), .region = s->Text(0)};
}

Result<UploadInfo> FindUpload(Connection& c, const ObjectRef& ref, const std::string& id) {
  CLARY_CHECK_OK(FindBucket(c, ref.bucket));
  CLARY_TRY(sqlite::Statement * raw, c.Use("SELECT id,key,started,checksum,headers FROM uploads "
                                           "WHERE id=? AND bucket=? AND key=?"));
  const Borrowed s(raw);
  s->Bind(1, id).Bind(2, ref.bucket).BindBlob(3, ref.key);
  CLARY_TRY(const bool found, s->Step());
  if (!found) return std::unexpected(NoSuchUpload(id));
  return ReadUpload(*s);
}

Result<std::map<int, StoredPart>> FindParts(Connection& c, const std::string& upload) {
  CLARY_TRY(sqlite::Statement * raw,
            c.Use("SELECT number,size,etag,modified,checksum,boot,blob FROM parts "
                  "WHERE upload=? ORDER BY number"));
  const Borrowed s(raw);
  s->Bind(1, upload);
  std::map<int, StoredPart> out;
  for (;;) {
    CLARY_TRY(const bool more, s->Step());
    if (!more) return out;
    StoredPart part = ReadPart(*s);
    out.emplace(part.info.number, std::move(part));
  }
}

Result<std::vector<UploadInfo>> FindUploads(Connection& c, const std::string& bucket) {
  CLARY_CHECK_OK(FindBucket(c, bucket));
  CLARY_TRY(sqlite::Statement * raw,
            c.Use("SELECT id,key,started,checksum,headers FROM uploads WHERE bucket=? "
                  "ORDER BY key,started,id"));
  const Borrowed s(raw);
  s->Bind(1, bucket);
  std::vector<UploadInfo> out;
  for (;;) {
    CLARY_TRY(const bool more, s->Step());
    if (!more) return out;
    out.push_back(ReadUpload(*s));
  }
}

Result<bool> IsNamed(Connection& c, const std::string& blob) {
  for (const char* table : {"objects", "parts"}) {
    CLARY_TRY(sqlite::Statement * raw,
              c.Use("SELECT 1 FROM " + std::string(table) + " WHERE blob=?"));
    const Borrowed s(raw);
    s->Bind(1, blob);
    CLARY_TRY(const bool found, s->Step());
    if (found) return true;
  }
  return false;
}

Result<std::vector<std::string>> FindBlobs(Connection& c, const std::string& prefix) {
  std::vector<std::string> out;
  for (const char* table : {"objects", "parts"}) {
    CLARY_TRY(sqlite::Statement * raw,
              c.Use("SELECT blob FROM " + std::string(table) + " WHERE blob>=? AND blob<?"));
    const Borrowed s(raw);
    s->Bind(1, prefix).Bind(2, *AfterPrefix(prefix));
    for (;;) {
      CLARY_TRY(const bool more, s->Step());
      if (!more) break;
      out.push_back(s->Text(0));
    }
  }
  return out;
}

Status InsertBucket(Connection& c, const BucketInfo& bucket) {
  if (FindBucket(c, bucket.name)) {
    return Fail(Code::kAlreadyExists, "BucketAlreadyOwnedByYou",
                "Your previous request to create the named bucket succeeded and you already "
                "own it.");
  }
  CLARY_TRY(sqlite::Statement * s,
            c.Use("INSERT INTO buckets (name,region,created) VALUES (?,?,?)"));
  s->Bind(1, bucket.name).Bind(2, bucket.region).Bind(3, ToMillis(bucket.created));
  return s->Run();
}

Status UpdateSettings(Connection& c, const std::string& bucket, const Settings& settings) {
  CLARY_TRY(sqlite::Statement * s, c.Use("UPDATE buckets SET settings=? WHERE name=?"));
  s->Bind(1, EncodePairs(settings)).Bind(2, bucket);
  return s->Run();
}

Status RemoveBucket(Connection& c, const std::string& bucket, std::vector<std::string>& old) {
  CLARY_CHECK_OK(FindBucket(c, bucket));
  {
    CLARY_TRY(sqlite::Statement * raw, c.Use("SELECT 1 FROM objects WHERE bucket=? LIMIT 1"));
    const Borrowed s(raw);
    s->Bind(1, bucket);
    CLARY_TRY(const bool any, s->Step());
    if (any) {
      return Fail(Code::kFailedPrecondition, "BucketNotEmpty",
                  "The bucket you tried to delete is not empty");
    }
  }
  CLARY_TRY(const auto uploads, FindUploads(c, bucket));
  for (const UploadInfo& upload : uploads) CLARY_CHECK_OK(RemoveUpload(c, upload.id, old));
  CLARY_TRY(sqlite::Statement * s, c.Use("DELETE FROM buckets WHERE name=?"));
  s->Bind(1, bucket);
  return s->Run();
}

namespace {

Status RemovePartSums(Connection& c, const Row& row) {
  if (row.info.part_sizes.empty()) return {};
  CLARY_TRY(sqlite::Statement * s, c.Use("DELETE FROM part_sums WHERE blob=?"));
  s->Bind(1, row.blob);
  return s->Run();
}

Status InsertPartSums(Connection& c, const std::string& blob, const std::vector<PartInfo>& parts) {
  std::vector<std::string> sums;
  for (const PartInfo& part : parts) {
    if (part.checksum) sums.push_back(part.checksum->value);
  }
  if (sums.empty() || sums.size() != parts.size()) return {};
  CLARY_TRY(sqlite::Statement * s, c.Use("INSERT INTO part_sums (blob,sums) VALUES (?,?)"));
  s->Bind(1, blob).Bind(2, Join(sums, ","));
  return s->Run();
}

}  // namespace

Status InsertObject(Connection& c, const ObjectRef& ref, const Conditions& conditions,
                    const NewObject& object, std::vector<std::string>& old) {
  CLARY_CHECK_OK(FindBucket(c, ref.bucket));
  CLARY_TRY(const auto now, FindObject(c, ref));
  CLARY_CHECK_OK(CheckForWrite(conditions, now ? &now->info : nullptr));
  if (now) {
    old.push_back(now->blob);
    CLARY_CHECK_OK(RemovePartSums(c, *now));
  }
  CLARY_CHECK_OK(InsertPartSums(c, object.blob, object.parts));
  CLARY_TRY(sqlite::Statement * raw,
            c.Use("INSERT OR REPLACE INTO objects "
                  "(bucket,key,size,etag,modified,checksum,headers,parts,blob) "
                  "VALUES (?,?,?,?,?,?,?,?,?)"));
  const Borrowed s(raw);
  s->Bind(1, ref.bucket)
      .BindBlob(2, ref.key)
      .Bind(3, static_cast<int64_t>(object.info.size))
      .Bind(4, object.info.etag)
      .Bind(5, ToMillis(object.info.last_modified))
      .Bind(6, EncodeChecksum(object.info.checksum))
      .Bind(7, EncodeHeaders(object.info.headers, object.tags, object.info.upload_id))
      .Bind(8, EncodeSizes(object.parts))
      .Bind(9, object.blob);
  return s->Run();
}

Status UpdateTags(Connection& c, const ObjectRef& ref, const Row& row, const Tags& tags) {
  CLARY_TRY(sqlite::Statement * s, c.Use("UPDATE objects SET headers=? WHERE bucket=? AND key=?"));
  s->Bind(1, EncodeHeaders(row.info.headers, tags, row.info.upload_id))
      .Bind(2, ref.bucket)
      .BindBlob(3, ref.key);
  return s->Run();
}

Status RemoveObject(Connection& c, const ObjectRef& ref, const Row& row,
                    std::vector<std::string>& old) {
  old.push_back(row.blob);
  CLARY_CHECK_OK(RemovePartSums(c, row));
  CLARY_TRY(sqlite::Statement * s, c.Use("DELETE FROM objects WHERE bucket=? AND key=?"));
  s->Bind(1, ref.bucket).BindBlob(2, ref.key);
  return s->Run();
}

Status InsertUpload(Connection& c, const std::string& bucket, const UploadInfo& upload) {
  CLARY_CHECK_OK(FindBucket(c, bucket));
  CLARY_TRY(sqlite::Statement * s,
            c.Use("INSERT INTO uploads (id,bucket,key,started,checksum,headers) "
                  "VALUES (?,?,?,?,?,?)"));
  s->Bind(1, upload.id)
      .Bind(2, bucket)
      .BindBlob(3, upload.key)
      .Bind(4, ToMillis(upload.started))
      .Bind(5, EncodeUploadChecksum(upload))
      .Bind(6, EncodeHeaders(upload.headers, upload.tags));
  return s->Run();
}

Status InsertPart(Connection& c, const std::string& upload, const StoredPart& part,
                  std::vector<std::string>& old) {
  {
    CLARY_TRY(sqlite::Statement * raw, c.Use("SELECT blob FROM parts WHERE upload=? AND number=?"));
    const Borrowed s(raw);
    s->Bind(1, upload).Bind(2, int64_t{part.info.number});
    CLARY_TRY(const bool found, s->Step());
    if (found) old.push_back(s->Text(0));
  }
  CLARY_TRY(sqlite::Statement * s, c.Use("INSERT OR REPLACE INTO parts "
                                         "(upload,number,size,etag,modified,checksum,boot,blob) "
                                         "VALUES (?,?,?,?,?,?,?,?)"));
  s->Bind(1, upload)
      .Bind(2, int64_t{part.info.number})
      .Bind(3, static_cast<int64_t>(part.info.size))
      .Bind(4, part.info.etag)
      .Bind(5, ToMillis(part.info.last_modified))
      .Bind(6, EncodeChecksum(part.info.checksum))
      .Bind(7, part.boot)
      .Bind(8, part.blob);
  return s->Run();
}

Status RemoveUpload(Connection& c, const std::string& id, std::vector<std::string>& old) {
  CLARY_TRY(const auto parts, FindParts(c, id));
  for (const auto& [number, part] : parts) old.push_back(part.blob);
  for (const char* sql : {"DELETE FROM parts WHERE upload=?", "DELETE FROM uploads WHERE id=?"}) {
    CLARY_TRY(sqlite::Statement * s, c.Use(sql));
    s->Bind(1, id);
    CLARY_CHECK_OK(s->Run());
  }
  return {};
}

IndexCursor::~IndexCursor() {
  if (s_ != nullptr) s_->Reset();
}

Status IndexCursor::Seek(const std::string& key, bool after,
                         const std::optional<std::string>& end) {
  std::string sql = "SELECT " + std::string(kObjectColumns) +
                    " FROM objects WHERE bucket=? AND key" + (after ? ">" : ">=") + "?" +
                    (end ? " AND key<?" : "") + " ORDER BY key";
  if (s_ != nullptr) s_->Reset();
  CLARY_TRY(s_, c_.Use(sql));
  s_->Bind(1, bucket_).BindBlob(2, key);
  if (end) s_->BindBlob(3, *end);
  return {};
}

Result<std::optional<ObjectInfo>> IndexCursor::Next() {
  CLARY_TRY(const bool found, s_->Step());
  if (!found) return std::nullopt;
  return ReadRow(*s_).info;
}

Result<int64_t> ObjectIndex::SchemaVersion() {
  return With([](Connection& c) { return c.db.SchemaVersion(); });
}

Status ObjectIndex::Migrate() {
  return With([](Connection& c) { return c.db.Migrate({kTables, kSettingsAndSums}); });
}

// One transaction over `batch`; a change that fails is undone alone.
Status ObjectIndex::ApplyBatch(Connection& c, std::span<Change* const> batch) {
  return c.db.Transaction([&]() -> Status {
    for (Change* change : batch) {
      CLARY_CHECK_OK(c.db.Execute("SAVEPOINT change"));
      change->result = change->apply(c);
      if (!change->result) CLARY_CHECK_OK(c.db.Execute("ROLLBACK TO change"));
      CLARY_CHECK_OK(c.db.Execute("RELEASE change"));
    }
    return before_commit_ ? before_commit_() : Status();
  });
}

Status ObjectIndex::Commit(std::function<Status(Connection&)> apply) {
  Change change{.apply = std::move(apply), .result = {}};
  MutexLock lock(commit_mu_);
  queue_.push_back(&change);
  while (!change.done) {
    if (committing_) {
      committed_.wait(lock);
      continue;
    }
    committing_ = true;
    std::vector<Change*> batch;
    const size_t n = std::min(queue_.size(), kMaxBatch);
    batch.assign(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(n));
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(n));
    lock.unlock();
    Status whole = With([&](Connection& c) { return ApplyBatch(c, batch); });
    lock.lock();
    for (Change* each : batch) {
      if (!whole && each->result) each->result = whole;
      each->done = true;
    }
    committing_ = false;
    committed_.notify_all();
  }
  return std::move(change.result);
}

}  // namespace clary::objects
