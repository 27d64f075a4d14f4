#include "objects/file_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <set>
#include <span>
#include <unordered_map>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/sqlite.h"
#include "base/strings.h"
#include "objects/rules.h"

namespace clary::objects {
namespace fs = std::filesystem;
namespace {

constexpr size_t kCopyBytes = 256 << 10;
constexpr size_t kMaxBatch = 256;
constexpr const char* kTagging = "x-amz-tagging";

constexpr std::string_view kSchema = R"sql(
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

// Small values of the index. Headers: "name=value&..." percent-encoded. Checksums: "CRC32:value".
// Part sizes: "8388608*127,123".
// Tags are kept among the headers, as x-amz-tagging.
std::string EncodeHeaders(std::map<std::string, std::string> headers, const Tags& tags) {
  std::string out;
  if (!tags.empty()) headers[kTagging] = FormatTagging(tags);
  for (const auto& [name, value] : headers) {
    if (!out.empty()) out += '&';
    out += UriEncode(name) + "=" + UriEncode(value);
  }
  return out;
}

struct StoredHeaders {
  std::map<std::string, std::string> headers;
  Tags tags;
};

StoredHeaders DecodeHeaders(std::string_view text) {
  StoredHeaders out;
  if (text.empty()) return out;
  for (const std::string_view pair : Split(text, '&')) {
    const size_t eq = pair.find('=');
    if (eq == std::string_view::npos) continue;
    const std::string name = UriDecode(pair.substr(0, eq)).value_or("");
    const std::string value = UriDecode(pair.substr(eq + 1)).value_or("");
    if (name == kTagging) {
      out.tags = ParseTagging(value).value_or(Tags());
    } else {
      out.headers[name] = value;
    }
  }
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
std::string EncodeUploadChecksum(const PutOptions& o) {
  if (!o.checksum_kind) return "";
  return std::string(NameOf(*o.checksum_kind).name) + (o.full_object_checksum ? ":full" : "");
}

// The end of a key as part of a file name, for people who look into the directory.
std::string SafeBasename(std::string_view key) {
  while (key.ends_with('/')) key.remove_suffix(1);
  const size_t slash = key.rfind('/');
  if (slash != std::string_view::npos) key.remove_prefix(slash + 1);
  if (key.size() > 64) key.remove_prefix(key.size() - 64);
  std::string out(key);
  for (char& c : out) {
    const bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '.' || c == '-' || c == '_';
    if (!ok) c = '_';
  }
  return out;
}

// Changes with every boot: unsynced files of this boot are whole, of an earlier one perhaps not.
std::string BootId() {
  auto id = ReadFile("/proc/sys/kernel/random/boot_id", 100);
  return id ? std::string(Trim(*id)) : RandomId();
}

constexpr std::string_view kObjectColumns = "key,size,etag,modified,checksum,headers,parts,blob";

struct Row {
  ObjectInfo info;
  Tags tags;
  std::string blob;
};

Row ReadRow(const sqlite::Statement& s) {
  Row row;
  row.info.key = s.Text(0);
  row.info.size = static_cast<uint64_t>(s.Int(1));
  row.info.etag = s.Text(2);
  row.info.last_modified = FromMillis(s.Int(3));
  row.info.checksum = DecodeChecksum(s.Text(4));
  auto [headers, tags] = DecodeHeaders(s.Text(5));
  row.info.headers = std::move(headers);
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
  auto [headers, tags] = DecodeHeaders(s.Text(4));
  u.headers = std::move(headers);
  u.tags = std::move(tags);
  return u;
}

struct StoredPart {
  PartInfo info;
  std::string boot;
  std::string blob;
};

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

// One connection to the index with its prepared statements.
struct Connection {
  sqlite::Database db;
  std::unordered_map<std::string, sqlite::Statement> statements;

  // Reset and ready to bind. The pointer lives as long as the connection.
  Result<sqlite::Statement*> Use(const std::string& sql) {
    auto it = statements.find(sql);
    if (it == statements.end()) {
      CLARY_TRY(sqlite::Statement s, db.Prepare(sql));
      it = statements.emplace(sql, std::move(s)).first;
    }
    it->second.Reset();
    return &it->second;
  }
};

// Resets a statement at the end of its use, so that it holds no read transaction open.
class Borrowed {
 public:
  explicit Borrowed(sqlite::Statement* s) : s_(s) {}
  ~Borrowed() { s_->Reset(); }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;
  sqlite::Statement* operator->() const { return s_; }
  sqlite::Statement& operator*() const { return *s_; }

 private:
  sqlite::Statement* s_;
};

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

class IndexCursor final : public KeyCursor {
 public:
  IndexCursor(Connection& c, const std::string& bucket) : c_(c), bucket_(bucket) {}
  ~IndexCursor() override {
    if (s_ != nullptr) s_->Reset();
  }
  Status Seek(const std::string& key, bool after, const std::optional<std::string>& end) override {
    std::string sql = "SELECT " + std::string(kObjectColumns) +
                      " FROM objects WHERE bucket=? AND key" + (after ? ">" : ">=") + "?" +
                      (end ? " AND key<?" : "") + " ORDER BY key";
    if (s_ != nullptr) s_->Reset();
    CLARY_TRY(s_, c_.Use(sql));
    s_->Bind(1, bucket_).BindBlob(2, key);
    if (end) s_->BindBlob(3, *end);
    return {};
  }
  Result<std::optional<ObjectInfo>> Next() override {
    CLARY_TRY(const bool found, s_->Step());
    if (!found) return std::nullopt;
    return ReadRow(*s_).info;
  }

 private:
  Connection& c_;
  const std::string& bucket_;
  sqlite::Statement* s_ = nullptr;
};

// A file being written: in tmp/ first, then, whole, under its own name in blobs/. It is locked
// (flock) until it is in the index or gone, which is how CollectGarbage knows it from an orphan.
struct NewBlob {
  Fd fd;
  fs::path path;     // where it is now; removed at the end of life unless kept
  std::string name;  // below blobs/
  bool kept = false;

  NewBlob() = default;
  NewBlob(NewBlob&& o) noexcept
      : fd(std::move(o.fd)), path(std::move(o.path)), name(std::move(o.name)), kept(o.kept) {
    o.kept = true;
  }
  NewBlob& operator=(NewBlob&&) = delete;
  ~NewBlob() {
    if (!kept && !path.empty()) ::unlink(path.c_str());
  }
};

}  // namespace

struct FileStore::State {
  fs::path dir;
  Clock& clock;
  Options options;
  std::string boot;

  Mutex pool_mu;
  std::vector<std::unique_ptr<Connection>> pool GUARDED_BY(pool_mu);

  // Group commit: the first waiting caller commits for all that queue up meanwhile.
  struct Change {
    std::function<Status(Connection&)> apply;
    Status result;
    bool done = false;
  };
  Mutex commit_mu;
  std::condition_variable_any committed;
  std::vector<Change*> queue GUARDED_BY(commit_mu);
  bool committing GUARDED_BY(commit_mu) = false;

  State(fs::path d, Clock& c, Options o)
      : dir(std::move(d)), clock(c), options(std::move(o)), boot(BootId()) {}

  Status Step(std::string_view step) { return options.fault ? options.fault(step) : Status(); }

  Result<std::unique_ptr<Connection>> Connect() {
    CLARY_TRY(sqlite::Database db, sqlite::Database::Open(dir / "index.db"));
    return std::make_unique<Connection>(std::move(db));
  }

  // Runs `f(Connection&)` on a connection of its own.
  template <typename F>
  auto With(F&& f) -> decltype(f(std::declval<Connection&>())) {
    std::unique_ptr<Connection> c;
    {
      MutexLock lock(pool_mu);
      if (!pool.empty()) {
        c = std::move(pool.back());
        pool.pop_back();
      }
    }
    if (!c) {
      CLARY_TRY(c, Connect());
    }
    auto result = f(*c);
    MutexLock lock(pool_mu);
    pool.push_back(std::move(c));
    return result;
  }

  // One transaction over `batch`; a change that fails is undone alone.
  Status ApplyBatch(Connection& c, std::span<Change* const> batch) {
    return c.db.Transaction([&]() -> Status {
      for (Change* change : batch) {
        CLARY_CHECK_OK(c.db.Execute("SAVEPOINT change"));
        change->result = change->apply(c);
        if (!change->result) CLARY_CHECK_OK(c.db.Execute("ROLLBACK TO change"));
        CLARY_CHECK_OK(c.db.Execute("RELEASE change"));
      }
      return Step("commit");
    });
  }

  // Applies one change to the index, durably. `apply` runs on some thread of this store while the
  // caller waits; its error undoes it and is returned.
  Status Commit(std::function<Status(Connection&)> apply) {
    Change change{.apply = std::move(apply), .result = {}};
    MutexLock lock(commit_mu);
    queue.push_back(&change);
    while (!change.done) {
      if (committing) {
        committed.wait(lock);
        continue;
      }
      committing = true;
      std::vector<Change*> batch;
      const size_t n = std::min(queue.size(), kMaxBatch);
      batch.assign(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(n));
      queue.erase(queue.begin(), queue.begin() + static_cast<std::ptrdiff_t>(n));
      lock.unlock();
      Status whole = With([&](Connection& c) { return ApplyBatch(c, batch); });
      lock.lock();
      for (Change* each : batch) {
        if (!whole && each->result) each->result = whole;
        each->done = true;
      }
      committing = false;
      committed.notify_all();
    }
    return std::move(change.result);
  }

  Result<NewBlob> Create(std::string_view key) {
    CLARY_CHECK_OK(Step("create"));
    NewBlob blob;
    const std::string id = HexEncode(RandomBytes(12));
    blob.name = id.substr(0, 2) + "/" + id.substr(2) + "-" + SafeBasename(key);
    const fs::path path = dir / "tmp" / id;
    CLARY_TRY(blob.fd, OpenFile(path, O_RDWR | O_CREAT | O_EXCL, 0444));
    blob.path = path;
    if (::flock(blob.fd.get(), LOCK_EX | LOCK_NB) != 0) {
      return std::unexpected(ErrnoError(errno, "locking a new file"));
    }
    return blob;
  }

  // Moves a written blob to its place; durable on return if `sync`.
  Status Settle(NewBlob& blob, bool sync) {
    if (sync) {
      CLARY_CHECK_OK(Step("sync"));
      CLARY_CHECK_OK(SyncFile(blob.fd.get()));
    }
    CLARY_CHECK_OK(Step("rename"));
    const fs::path to = dir / "blobs" / blob.name;
    if (::rename(blob.path.c_str(), to.c_str()) != 0) {
      return std::unexpected(ErrnoError(errno, "rename to " + to.string()));
    }
    blob.path = to;
    if (sync) {
      CLARY_CHECK_OK(Step("sync-directory"));
      CLARY_CHECK_OK(SyncDirectory(to.parent_path()));
    }
    return {};
  }

  struct Written {
    uint64_t size = 0;
    BodyDigest::Digests digests;
  };
  Result<Written> Write(NewBlob& blob, ByteSource& body, BodyDigest digest) {
    Written out;
    const auto buffer = std::make_unique_for_overwrite<char[]>(kCopyBytes);
    for (;;) {
      // Fill the buffer: a network source gives small pieces.
      size_t have = 0;
      while (have < kCopyBytes) {
        CLARY_TRY(const size_t n,
                  body.Read(std::span<char>(buffer.get() + have, kCopyBytes - have)));
        if (n == 0) break;
        have += n;
      }
      if (have == 0) break;
      const std::string_view bytes(buffer.get(), have);
      digest.Update(bytes);
      CLARY_CHECK_OK(Step("write"));
      CLARY_CHECK_OK(WriteAll(blob.fd.get(), bytes));
      out.size += have;
      if (have < kCopyBytes) break;
    }
    CLARY_TRY(out.digests, digest.Finish());
    return out;
  }

  // Unlinks blobs that no row names any more; readers that have them open keep them.
  void Unlink(const std::vector<std::string>& blobs) {
    for (const std::string& blob : blobs) ::unlink((dir / "blobs" / blob).c_str());
  }

  // Puts a row for `info`, whose bytes are in `blob`, in place of what the key has now.
  Status InsertObject(Connection& c, const ObjectRef& ref, const Conditions& conditions,
                      const ObjectInfo& info, const Tags& tags, const std::string& sizes,
                      const std::string& blob, std::vector<std::string>& old) {
    CLARY_CHECK_OK(FindBucket(c, ref.bucket));
    CLARY_TRY(const auto now, FindObject(c, ref));
    CLARY_CHECK_OK(CheckForWrite(conditions, now ? &now->info : nullptr));
    if (now) old.push_back(now->blob);
    CLARY_TRY(sqlite::Statement * raw,
              c.Use("INSERT OR REPLACE INTO objects "
                    "(bucket,key,size,etag,modified,checksum,headers,parts,blob) "
                    "VALUES (?,?,?,?,?,?,?,?,?)"));
    const Borrowed s(raw);
    s->Bind(1, ref.bucket)
        .BindBlob(2, ref.key)
        .Bind(3, static_cast<int64_t>(info.size))
        .Bind(4, info.etag)
        .Bind(5, ToMillis(info.last_modified))
        .Bind(6, EncodeChecksum(info.checksum))
        .Bind(7, EncodeHeaders(info.headers, tags))
        .Bind(8, sizes)
        .Bind(9, blob);
    return s->Run();
  }

  Status DeleteUploadRows(Connection& c, const std::string& id, std::vector<std::string>& old) {
    CLARY_TRY(const auto parts, FindParts(c, id));
    for (const auto& [number, part] : parts) old.push_back(part.blob);
    for (const char* sql : {"DELETE FROM parts WHERE upload=?", "DELETE FROM uploads WHERE id=?"}) {
      CLARY_TRY(sqlite::Statement * s, c.Use(sql));
      s->Bind(1, id);
      CLARY_CHECK_OK(s->Run());
    }
    return {};
  }

  // Appends one part to `blob`; reads it whole, and compares its MD5, if an earlier boot wrote it.
  Status AppendPart(NewBlob& blob, const StoredPart& part, Hasher* full);
  Result<std::pair<Row, Fd>> OpenObject(const ObjectRef& ref, const Conditions& conditions);
  Result<size_t> CollectIn(const fs::path& in, bool temporary);
};

FileStore::FileStore(std::unique_ptr<State> state) : state_(std::move(state)) {}
FileStore::~FileStore() = default;

Result<std::unique_ptr<FileStore>> FileStore::Open(const fs::path& dir, Clock& clock,
                                                   Options options) {
  CLARY_CHECK_OK(MakeDirectories(dir, 0700));
  auto state = std::make_unique<State>(dir, clock, std::move(options));
  CLARY_TRY(auto connection, state->Connect());
  CLARY_TRY(const int64_t version, connection->db.SchemaVersion());
  if (version == 0) {  // directories first: who sees the schema can rely on them
    CLARY_CHECK_OK(MakeDirectories(dir / "tmp", 0700));
    constexpr std::string_view kHex = "0123456789abcdef";
    for (const char a : kHex) {
      for (const char b : kHex) {
        CLARY_CHECK_OK(MakeDirectories(dir / "blobs" / std::string{a, b}, 0700));
      }
    }
    CLARY_CHECK_OK(SyncDirectory(dir / "blobs"));
    CLARY_CHECK_OK(SyncDirectory(dir));
  }
  CLARY_CHECK_OK(connection->db.Migrate({kSchema}));
  {
    MutexLock lock(state->pool_mu);
    state->pool.push_back(std::move(connection));
  }
  return std::unique_ptr<FileStore>(new FileStore(std::move(state)));
}

Status FileStore::CreateBucket(const std::string& bucket, const std::string& region) {
  CLARY_CHECK_OK(CheckBucketName(bucket));
  const Time now = state_->clock.Now();
  return state_->Commit([&](Connection& c) -> Status {
    if (FindBucket(c, bucket)) {
      return Fail(Code::kAlreadyExists, "BucketAlreadyOwnedByYou",
                  "Your previous request to create the named bucket succeeded and you already "
                  "own it.");
    }
    CLARY_TRY(sqlite::Statement * s,
              c.Use("INSERT INTO buckets (name,region,created) VALUES (?,?,?)"));
    s->Bind(1, bucket).Bind(2, region).Bind(3, ToMillis(now));
    return s->Run();
  });
}

Status FileStore::DeleteBucket(const std::string& bucket) {
  std::vector<std::string> old;
  CLARY_CHECK_OK(state_->Commit([&](Connection& c) -> Status {
    old.clear();
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
    std::vector<std::string> uploads;
    {
      CLARY_TRY(sqlite::Statement * raw, c.Use("SELECT id FROM uploads WHERE bucket=?"));
      const Borrowed s(raw);
      s->Bind(1, bucket);
      for (;;) {
        CLARY_TRY(const bool more, s->Step());
        if (!more) break;
        uploads.push_back(s->Text(0));
      }
    }
    for (const std::string& id : uploads) CLARY_CHECK_OK(state_->DeleteUploadRows(c, id, old));
    CLARY_TRY(sqlite::Statement * s, c.Use("DELETE FROM buckets WHERE name=?"));
    s->Bind(1, bucket);
    return s->Run();
  }));
  state_->Unlink(old);
  return {};
}

Result<BucketInfo> FileStore::HeadBucket(const std::string& bucket) {
  return state_->With([&](Connection& c) { return FindBucket(c, bucket); });
}

Result<std::vector<BucketInfo>> FileStore::ListBuckets() {
  return state_->With([&](Connection& c) -> Result<std::vector<BucketInfo>> {
    CLARY_TRY(sqlite::Statement * raw,
              c.Use("SELECT name,region,created FROM buckets ORDER BY name"));
    const Borrowed s(raw);
    std::vector<BucketInfo> out;
    for (;;) {
      CLARY_TRY(const bool more, s->Step());
      if (!more) return out;
      out.push_back({.name = s->Text(0), .created = FromMillis(s->Int(2)), .region = s->Text(1)});
    }
  });
}

Result<ObjectInfo> FileStore::Put(const ObjectRef& ref, ByteSource& body,
                                  const PutOptions& options) {
  CLARY_CHECK_OK(CheckKey(ref.key));
  CLARY_CHECK_OK(CheckTags(options.tags));
  // Fail early what can only fail; the commit checks again.
  CLARY_CHECK_OK(state_->With([&](Connection& c) -> Status {
    CLARY_CHECK_OK(FindBucket(c, ref.bucket));
    CLARY_TRY(const auto now, FindObject(c, ref));
    return CheckForWrite(options.conditions, now ? &now->info : nullptr);
  }));
  CLARY_TRY(NewBlob blob, state_->Create(ref.key));
  CLARY_TRY(auto written, state_->Write(blob, body, BodyDigest(options)));
  CLARY_CHECK_OK(state_->Settle(blob, /*sync=*/true));
  ObjectInfo info{.key = ref.key,
                  .size = written.size,
                  .etag = std::move(written.digests.etag),
                  .last_modified = state_->clock.Now(),
                  .headers = options.headers,
                  .checksum = std::move(written.digests.checksum),
                  .part_sizes = {},
                  .tag_count = options.tags.size()};
  std::vector<std::string> old;
  CLARY_CHECK_OK(state_->Commit([&](Connection& c) -> Status {
    old.clear();
    return state_->InsertObject(c, ref, options.conditions, info, options.tags, "", blob.name, old);
  }));
  blob.kept = true;
  state_->Unlink(old);
  return info;
}

Result<std::pair<Row, Fd>> FileStore::State::OpenObject(const ObjectRef& ref,
                                                        const Conditions& conditions) {
  std::string missing;
  for (;;) {
    CLARY_TRY(auto row, With([&](Connection& c) -> Result<Row> {
                CLARY_CHECK_OK(FindBucket(c, ref.bucket));
                CLARY_TRY(auto found, FindObject(c, ref));
                if (!found) return std::unexpected(NoSuchKey(ref.key));
                return *std::move(found);
              }));
    CLARY_CHECK_OK(CheckForRead(conditions, row.info));
    auto fd = OpenFile(dir / "blobs" / row.blob, O_RDONLY);
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
  return state_->With([&](Connection& c) -> Result<ObjectInfo> {
    CLARY_CHECK_OK(FindBucket(c, ref.bucket));
    CLARY_TRY(auto row, FindObject(c, ref));
    if (!row) return std::unexpected(NoSuchKey(ref.key));
    CLARY_CHECK_OK(CheckForRead(conditions, row->info));
    return std::move(row->info);
  });
}

Result<fs::path> FileStore::BlobPath(const ObjectRef& ref) {
  return state_->With([&](Connection& c) -> Result<fs::path> {
    CLARY_CHECK_OK(FindBucket(c, ref.bucket));
    CLARY_TRY(auto row, FindObject(c, ref));
    if (!row) return std::unexpected(NoSuchKey(ref.key));
    return state_->dir / "blobs" / row->blob;
  });
}

Status FileStore::Delete(const ObjectRef& ref) {
  CLARY_TRY(const auto done, DeleteMany(ref.bucket, {ref.key}));
  return done[0];
}

Result<std::vector<Status>> FileStore::DeleteMany(const std::string& bucket,
                                                  const std::vector<std::string>& keys) {
  // Nothing to do for missing keys, so no commit either.
  CLARY_TRY(const auto there, state_->With([&](Connection& c) -> Result<std::vector<ObjectRef>> {
    CLARY_CHECK_OK(FindBucket(c, bucket));
    std::vector<ObjectRef> found;
    for (const std::string& key : keys) {
      CLARY_TRY(const auto row, FindObject(c, {bucket, key}));
      if (row) found.push_back({bucket, key});
    }
    return found;
  }));
  if (there.empty()) return std::vector<Status>(keys.size());
  std::vector<std::string> old;
  const Status done = state_->Commit([&](Connection& c) -> Status {
    old.clear();
    for (const ObjectRef& ref : there) {
      CLARY_TRY(const auto row, FindObject(c, ref));
      if (!row) continue;
      old.push_back(row->blob);
      CLARY_TRY(sqlite::Statement * s, c.Use("DELETE FROM objects WHERE bucket=? AND key=?"));
      s->Bind(1, ref.bucket).BindBlob(2, ref.key);
      CLARY_CHECK_OK(s->Run());
    }
    return {};
  });
  if (done) state_->Unlink(old);
  return std::vector<Status>(keys.size(), done);
}

Result<ListPage> FileStore::List(const std::string& bucket, const ListOptions& options) {
  return state_->With([&](Connection& c) -> Result<ListPage> {
    CLARY_CHECK_OK(FindBucket(c, bucket));
    IndexCursor cursor(c, bucket);
    return ListKeys(cursor, options);
  });
}

Result<Tags> FileStore::GetTags(const ObjectRef& ref) {
  return state_->With([&](Connection& c) -> Result<Tags> {
    CLARY_CHECK_OK(FindBucket(c, ref.bucket));
    CLARY_TRY(auto row, FindObject(c, ref));
    if (!row) return std::unexpected(NoSuchKey(ref.key));
    return std::move(row->tags);
  });
}

Status FileStore::SetTags(const ObjectRef& ref, const Tags& tags) {
  CLARY_CHECK_OK(CheckTags(tags));
  return state_->Commit([&](Connection& c) -> Status {
    CLARY_CHECK_OK(FindBucket(c, ref.bucket));
    CLARY_TRY(const auto row, FindObject(c, ref));
    if (!row) return std::unexpected(NoSuchKey(ref.key));
    CLARY_TRY(sqlite::Statement * s,
              c.Use("UPDATE objects SET headers=? WHERE bucket=? AND key=?"));
    s->Bind(1, EncodeHeaders(row->info.headers, tags)).Bind(2, ref.bucket).BindBlob(3, ref.key);
    return s->Run();
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
  CLARY_CHECK_OK(state_->Commit([&](Connection& c) -> Status {
    CLARY_CHECK_OK(FindBucket(c, ref.bucket));
    CLARY_TRY(sqlite::Statement * s,
              c.Use("INSERT INTO uploads (id,bucket,key,started,checksum,headers) "
                    "VALUES (?,?,?,?,?,?)"));
    s->Bind(1, upload.id)
        .Bind(2, ref.bucket)
        .BindBlob(3, ref.key)
        .Bind(4, ToMillis(upload.started))
        .Bind(5, EncodeUploadChecksum(options))
        .Bind(6, EncodeHeaders(options.headers, options.tags));
    return s->Run();
  }));
  return upload;
}

Result<PartInfo> FileStore::UploadPart(const ObjectRef& ref, const std::string& upload_id,
                                       int number, ByteSource& body, const PutOptions& options) {
  if (number < 1 || number > kMaxPartNumber) {
    return Fail(Code::kInvalidArgument, "InvalidArgument",
                "Part number must be an integer between 1 and 10000, inclusive");
  }
  CLARY_TRY(const UploadInfo upload,
            state_->With([&](Connection& c) { return FindUpload(c, ref, upload_id); }));
  CLARY_TRY(NewBlob blob, state_->Create("part" + std::to_string(number)));
  CLARY_TRY(auto written, state_->Write(blob, body, BodyDigest(options, upload.checksum_kind)));
  CLARY_CHECK_OK(state_->Settle(blob, /*sync=*/false));
  PartInfo part{.number = number,
                .size = written.size,
                .etag = std::move(written.digests.etag),
                .last_modified = state_->clock.Now(),
                .checksum = std::move(written.digests.checksum)};
  std::vector<std::string> old;
  CLARY_CHECK_OK(state_->Commit([&](Connection& c) -> Status {
    old.clear();
    CLARY_CHECK_OK(FindUpload(c, ref, upload_id));
    {
      CLARY_TRY(sqlite::Statement * raw,
                c.Use("SELECT blob FROM parts WHERE upload=? AND number=?"));
      const Borrowed s(raw);
      s->Bind(1, upload_id).Bind(2, int64_t{number});
      CLARY_TRY(const bool found, s->Step());
      if (found) old.push_back(s->Text(0));
    }
    CLARY_TRY(sqlite::Statement * s, c.Use("INSERT OR REPLACE INTO parts "
                                           "(upload,number,size,etag,modified,checksum,boot,blob) "
                                           "VALUES (?,?,?,?,?,?,?,?)"));
    s->Bind(1, upload_id)
        .Bind(2, int64_t{number})
        .Bind(3, static_cast<int64_t>(part.size))
        .Bind(4, part.etag)
        .Bind(5, ToMillis(part.last_modified))
        .Bind(6, EncodeChecksum(part.checksum))
        .Bind(7, state_->boot)
        .Bind(8, blob.name);
    return s->Run();
  }));
  blob.kept = true;
  state_->Unlink(old);
  return part;
}

Status FileStore::State::AppendPart(NewBlob& blob, const StoredPart& part, Hasher* full) {
  const auto broken = [&] {
    return Fail(Code::kInvalidArgument, "InvalidPart",
                "Part " + std::to_string(part.info.number) +
                    " was damaged by a crash of the machine; upload it again");
  };
  CLARY_CHECK_OK(Step("write"));
  const auto from = OpenFile(dir / "blobs" / part.blob, O_RDONLY);
  if (!from && from.error().code == Code::kNotFound) return std::unexpected(broken().error());
  if (!from) return std::unexpected(from.error());
  const bool suspect = part.boot != boot;
  uint64_t left = part.info.size;
  if (full == nullptr && !suspect) {
    while (left > 0) {
      const ssize_t n = ::copy_file_range(from->get(), nullptr, blob.fd.get(), nullptr,
                                          static_cast<size_t>(left), 0);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)) {
        break;  // this file system cannot: copy by hand from where it stands
      }
      if (n < 0) return std::unexpected(ErrnoError(errno, "copying a part"));
      if (n == 0) return std::unexpected(broken().error());
      left -= static_cast<uint64_t>(n);
    }
    if (left == 0) return {};
  }
  Hasher md5(HashKind::kMd5);
  const auto buffer = std::make_unique_for_overwrite<char[]>(kCopyBytes);
  while (left > 0) {
    const ssize_t n = ::read(from->get(), buffer.get(), std::min<uint64_t>(kCopyBytes, left));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::unexpected(ErrnoError(errno, "reading a part"));
    if (n == 0) return std::unexpected(broken().error());
    const std::string_view bytes(buffer.get(), static_cast<size_t>(n));
    if (suspect) md5.Update(bytes);
    if (full != nullptr) full->Update(bytes);
    CLARY_CHECK_OK(WriteAll(blob.fd.get(), bytes));
    left -= bytes.size();
  }
  if (suspect && HexEncode(md5.Finish()) != part.info.etag) {
    return std::unexpected(broken().error());
  }
  return {};
}

Result<ObjectInfo> FileStore::CompleteUpload(const ObjectRef& ref, const std::string& upload_id,
                                             const std::vector<CompletedPart>& parts,
                                             const PutOptions& options) {
  struct Found {
    UploadInfo upload;
    std::map<int, StoredPart> parts;
  };
  CLARY_TRY(const Found found, state_->With([&](Connection& c) -> Result<Found> {
    Found f;
    CLARY_TRY(f.upload, FindUpload(c, ref, upload_id));
    CLARY_TRY(f.parts, FindParts(c, upload_id));
    CLARY_TRY(const auto now, FindObject(c, ref));
    CLARY_CHECK_OK(CheckForWrite(options.conditions, now ? &now->info : nullptr));
    return f;
  }));
  std::map<int, PartInfo> stored;
  for (const auto& [number, part] : found.parts) stored.emplace(number, part.info);
  CLARY_TRY(Assembly assembly, AssembleParts(found.upload, stored, parts, options));

  CLARY_TRY(NewBlob blob, state_->Create(ref.key));
  std::optional<Hasher> full;
  if (assembly.full_kind) full.emplace(*assembly.full_kind);
  for (const PartInfo& part : assembly.parts) {
    CLARY_CHECK_OK(state_->AppendPart(blob, found.parts.at(part.number), full ? &*full : nullptr));
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
  CLARY_CHECK_OK(state_->Settle(blob, /*sync=*/true));
  ObjectInfo info{.key = ref.key,
                  .size = assembly.size,
                  .etag = std::move(assembly.etag),
                  .last_modified = state_->clock.Now(),
                  .headers = found.upload.headers,
                  .checksum = std::move(assembly.checksum),
                  .part_sizes = {},
                  .tag_count = found.upload.tags.size()};
  const std::string sizes = EncodeSizes(assembly.parts);
  std::vector<std::string> old;
  CLARY_CHECK_OK(state_->Commit([&](Connection& c) -> Status {
    old.clear();
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
    CLARY_CHECK_OK(state_->InsertObject(c, ref, options.conditions, info, found.upload.tags, sizes,
                                        blob.name, old));
    return state_->DeleteUploadRows(c, upload_id, old);
  }));
  blob.kept = true;
  state_->Unlink(old);
  for (const PartInfo& part : assembly.parts) info.part_sizes.push_back(part.size);
  return info;
}

Status FileStore::AbortUpload(const ObjectRef& ref, const std::string& upload_id) {
  std::vector<std::string> old;
  CLARY_CHECK_OK(state_->Commit([&](Connection& c) -> Status {
    old.clear();
    CLARY_CHECK_OK(FindUpload(c, ref, upload_id));
    return state_->DeleteUploadRows(c, upload_id, old);
  }));
  state_->Unlink(old);
  return {};
}

Result<std::vector<PartInfo>> FileStore::ListParts(const ObjectRef& ref,
                                                   const std::string& upload_id) {
  return state_->With([&](Connection& c) -> Result<std::vector<PartInfo>> {
    CLARY_CHECK_OK(FindUpload(c, ref, upload_id));
    CLARY_TRY(auto parts, FindParts(c, upload_id));
    std::vector<PartInfo> out;
    for (auto& [number, part] : parts) out.push_back(std::move(part.info));
    return out;
  });
}

Result<std::vector<UploadInfo>> FileStore::ListUploads(const std::string& bucket) {
  return state_->With([&](Connection& c) -> Result<std::vector<UploadInfo>> {
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
  });
}

// Removes the files of directory `in` that nobody writes and no row names. A writer holds its
// file's lock until the row is committed, so: lock first, then ask the index.
Result<size_t> FileStore::State::CollectIn(const fs::path& in, bool temporary) {
  std::vector<std::string> names;
  {
    const std::unique_ptr<DIR, int (*)(DIR*)> d(::opendir(in.c_str()), ::closedir);
    if (!d) return std::unexpected(ErrnoError(errno, in.string()));
    while (const dirent* e = ::readdir(d.get())) {
      if (e->d_name[0] != '.') names.emplace_back(e->d_name);
    }
  }
  if (names.empty()) return 0;
  const std::string shard = in.filename().string() + "/";
  std::set<std::string> live;
  if (!temporary) {
    CLARY_CHECK_OK(With([&](Connection& c) -> Status {
      for (const char* table : {"objects", "parts"}) {
        CLARY_TRY(sqlite::Statement * raw,
                  c.Use("SELECT blob FROM " + std::string(table) + " WHERE blob>=? AND blob<?"));
        const Borrowed s(raw);
        s->Bind(1, shard).Bind(2, *AfterPrefix(shard));
        for (;;) {
          CLARY_TRY(const bool more, s->Step());
          if (!more) break;
          live.insert(s->Text(0).substr(shard.size()));
        }
      }
      return {};
    }));
  }
  size_t removed = 0;
  for (const std::string& name : names) {
    if (live.contains(name)) continue;
    const fs::path path = in / name;
    auto fd = OpenFile(path, O_RDONLY);
    if (!fd) continue;  // renamed or removed meanwhile
    if (temporary) {
      // A file is created a moment before it is locked.
      struct stat st{};
      if (::fstat(fd->get(), &st) != 0 || ::time(nullptr) - st.st_ctim.tv_sec < 10) continue;
    }
    if (::flock(fd->get(), LOCK_EX | LOCK_NB) != 0) continue;
    if (!temporary) {
      CLARY_TRY(const bool named, With([&](Connection& c) -> Result<bool> {
                  for (const char* table : {"objects", "parts"}) {
                    CLARY_TRY(sqlite::Statement * raw,
                              c.Use("SELECT 1 FROM " + std::string(table) + " WHERE blob=?"));
                    const Borrowed s(raw);
                    s->Bind(1, shard + name);
                    CLARY_TRY(const bool found, s->Step());
                    if (found) return true;
                  }
                  return false;
                }));
      if (named) continue;
    }
    if (::unlink(path.c_str()) == 0) ++removed;
  }
  return removed;
}

Result<size_t> FileStore::CollectGarbage(std::stop_token stop) {
  CLARY_TRY(size_t removed, state_->CollectIn(state_->dir / "tmp", /*temporary=*/true));
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(state_->dir / "blobs", ec)) {
    if (stop.stop_requested()) return removed;
    CLARY_TRY(const size_t n, state_->CollectIn(entry.path(), /*temporary=*/false));
    removed += n;
  }
  if (ec) return std::unexpected(ErrnoError(ec.value(), (state_->dir / "blobs").string()));
  if (removed > 0) LOG(kInfo, "removed files left by a crash", {"files", removed});
  return removed;
}

}  // namespace clary::objects
