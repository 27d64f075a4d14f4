// The index of a FileStore: its rows in SQLite, and group commit. docs/formats/object-store.md.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/mutex.h"
#include "base/sqlite.h"
#include "objects/object_store.h"
#include "objects/rules.h"

namespace clary::objects {

struct Row {
  ObjectInfo info;
  Tags tags;
  std::string blob;
};

struct StoredPart {
  PartInfo info;
  std::string boot;
  std::string blob;
};

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

// Rows. A missing bucket or upload is an error ("NoSuchBucket", "NoSuchUpload"), a missing object
// is nullopt.
Result<BucketInfo> FindBucket(Connection& c, const std::string& bucket);
Result<std::vector<BucketInfo>> FindBuckets(Connection& c);
Result<Settings> FindSettings(Connection& c, const std::string& bucket);
Result<std::optional<Row>> FindObject(Connection& c, const ObjectRef& ref);
// Checksums of a multipart object's parts, by its blob; none if they were not kept.
Result<std::vector<std::string>> FindPartSums(Connection& c, const std::string& blob);
Result<UploadInfo> FindUpload(Connection& c, const ObjectRef& ref, const std::string& id);
Result<std::vector<UploadInfo>> FindUploads(Connection& c, const std::string& bucket);
Result<std::map<int, StoredPart>> FindParts(Connection& c, const std::string& upload);
// Does an object or a part name this blob?
Result<bool> IsNamed(Connection& c, const std::string& blob);
// The blobs that begin with `prefix`, of objects and parts.
Result<std::vector<std::string>> FindBlobs(Connection& c, const std::string& prefix);

// Changes, for ObjectIndex::Commit. Those that replace or remove rows add the blobs that no row
// names any more to `old`.
struct NewObject {
  ObjectInfo info;
  Tags tags;
  std::vector<PartInfo> parts;  // of a multipart object
  std::string blob;
};
Status InsertBucket(Connection& c, const BucketInfo& bucket);
Status UpdateSettings(Connection& c, const std::string& bucket, const Settings& settings);
// "BucketNotEmpty".
Status RemoveBucket(Connection& c, const std::string& bucket, std::vector<std::string>& old);
Status InsertObject(Connection& c, const ObjectRef& ref, const Conditions& conditions,
                    const NewObject& object, std::vector<std::string>& old);
Status UpdateTags(Connection& c, const ObjectRef& ref, const Row& row, const Tags& tags);
Status RemoveObject(Connection& c, const ObjectRef& ref, const Row& row,
                    std::vector<std::string>& old);
Status InsertUpload(Connection& c, const std::string& bucket, const UploadInfo& upload);
Status InsertPart(Connection& c, const std::string& upload, const StoredPart& part,
                  std::vector<std::string>& old);
Status RemoveUpload(Connection& c, const std::string& id, std::vector<std::string>& old);

// A bucket's keys. Borrows its arguments.
class IndexCursor final : public KeyCursor {
 public:
  IndexCursor(Connection& c, const std::string& bucket) : c_(c), bucket_(bucket) {}
  ~IndexCursor() override;
  Status Seek(const std::string& key, bool after, const std::optional<std::string>& end) override;
  Result<std::optional<ObjectInfo>> Next() override;

 private:
  Connection& c_;
  const std::string& bucket_;
  sqlite::Statement* s_ = nullptr;
};

// Any thread.
class ObjectIndex {
 public:
  // `before_commit` is asked in every transaction; its error undoes it.
  ObjectIndex(std::filesystem::path file, std::function<Status()> before_commit)
      : file_(std::move(file)), before_commit_(std::move(before_commit)) {}

  // Opens the file; 0 if it is new.
  Result<int64_t> SchemaVersion();
  // Makes the tables, or brings them up to date. "NewerSchema".
  Status Migrate();

  // Runs `f(Connection&)` on a connection of its own.
  template <typename F>
  auto With(F&& f) -> decltype(f(std::declval<Connection&>())) {
    std::unique_ptr<Connection> c;
    {
      MutexLock lock(pool_mu_);
      if (!pool_.empty()) {
        c = std::move(pool_.back());
        pool_.pop_back();
      }
    }
    if (!c) {
      CLARY_TRY(sqlite::Database db, sqlite::Database::Open(file_));
      c = std::make_unique<Connection>(std::move(db));
    }
    auto result = f(*c);
    MutexLock lock(pool_mu_);
    pool_.push_back(std::move(c));
    return result;
  }

  // Applies one change, durably. `apply` runs on some thread while the caller waits; its error
  // undoes it and is returned. Waiting callers share a transaction.
  Status Commit(std::function<Status(Connection&)> apply);

 private:
  struct Change {
    std::function<Status(Connection&)> apply;
    Status result;
    bool done = false;
  };
  Status ApplyBatch(Connection& c, std::span<Change* const> batch);

  const std::filesystem::path file_;
  const std::function<Status()> before_commit_;
  Mutex pool_mu_;
  std::vector<std::unique_ptr<Connection>> pool_ GUARDED_BY(pool_mu_);
  Mutex commit_mu_;
  std::condition_variable_any committed_;
  std::vector<Change*> queue_ GUARDED_BY(commit_mu_);
  bool committing_ GUARDED_BY(commit_mu_) = false;
};

}  // namespace clary::objects
