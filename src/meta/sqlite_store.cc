#include "meta/sqlite_store.h"

#include <algorithm>

namespace clary::meta {

Result<std::unique_ptr<SqliteStore>> SqliteStore::Open(const std::filesystem::path& path) {
  CLARY_TRY(sqlite::Database db, sqlite::Database::Open(path));
  CLARY_CHECK_OK(
      db.Migrate({"CREATE TABLE records (tbl TEXT NOT NULL, key TEXT NOT NULL,"
                  " version INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (tbl, key))"
                  " WITHOUT ROWID"}));
  CLARY_TRY(auto get, db.Prepare("SELECT version, body FROM records WHERE tbl=?1 AND key=?2"));
  CLARY_TRY(auto list, db.Prepare("SELECT key, version, body FROM records"
                                  " WHERE tbl=?1 AND key>=?2 ORDER BY key LIMIT ?3"));
  CLARY_TRY(auto version, db.Prepare("SELECT version FROM records WHERE tbl=?1 AND key=?2"));
  CLARY_TRY(auto upsert, db.Prepare("INSERT INTO records VALUES (?1, ?2, ?3, ?4)"
                                    " ON CONFLICT DO UPDATE SET version=?3, body=?4"));
  CLARY_TRY(auto remove, db.Prepare("DELETE FROM records WHERE tbl=?1 AND key=?2"));
  return std::unique_ptr<SqliteStore>(new SqliteStore(
      std::move(db),
      {std::move(get), std::move(list), std::move(version), std::move(upsert), std::move(remove)}));
}

Result<Record> SqliteStore::Get(std::string_view table, std::string_view key) {
  MutexLock lock(mu_);
  auto& s = statements_.get;
  s.Bind(1, table).Bind(2, key);
  CLARY_TRY(const bool found, s.Step());
  if (!found) {
    s.Reset();
    return Fail(Code::kNotFound, "NoRecord",
                "no record '" + std::string(key) + "' in " + std::string(table));
  }
  Record record{.key = std::string(key), .version = s.Int(0), .body = s.Text(1)};
  s.Reset();
  return record;
}

Result<std::vector<std::string>> SqliteStore::Tables() {
  MutexLock lock(mu_);
  CLARY_TRY(auto s, db_.Prepare("SELECT DISTINCT tbl FROM records ORDER BY tbl"));
  std::vector<std::string> tables;
  for (;;) {
    CLARY_TRY(const bool row, s.Step());
    if (!row) return tables;
    tables.emplace_back(s.Text(0));
  }
}

Result<std::vector<Record>> SqliteStore::List(std::string_view table, std::string_view from,
                                              size_t limit) {
  MutexLock lock(mu_);
  auto& s = statements_.list;
  s.Bind(1, table).Bind(2, from);
  s.Bind(3, static_cast<int64_t>(std::min<size_t>(limit, INT64_MAX)));
  std::vector<Record> records;
  for (;;) {
    CLARY_TRY(const bool row, s.Step());
    if (!row) break;
    records.push_back({.key = s.Text(0), .version = s.Int(1), .body = s.Text(2)});
  }
  s.Reset();
  return records;
}

Result<std::vector<int64_t>> SqliteStore::ApplyAll(const std::vector<Write>& writes) {
  MutexLock lock(mu_);
  // The analysis does not follow the lock into the function object, which runs before we return.
  return db_.Transaction([&]()
                             CLARY_TSA(no_thread_safety_analysis) -> Result<std::vector<int64_t>> {
                               std::vector<int64_t> versions;
                               versions.reserve(writes.size());
                               for (const Write& write : writes) {
                                 CLARY_TRY(const int64_t version, ApplyOne(write));
                                 versions.push_back(version);
                               }
                               return versions;
                             });
}

Result<int64_t> SqliteStore::ApplyOne(const Write& write) {
  statements_.version.Bind(1, write.table).Bind(2, write.key);
  CLARY_TRY(const bool found, statements_.version.Step());
  const int64_t current = found ? statements_.version.Int(0) : 0;
  statements_.version.Reset();
  CLARY_CHECK_OK(CheckVersion(write, current));
  if (write.check) return current;
  if (!write.body) {
    statements_.remove.Bind(1, write.table).Bind(2, write.key);
    CLARY_CHECK_OK(statements_.remove.Run());
    return 0;
  }
  auto& s = statements_.upsert;
  s.Bind(1, write.table).Bind(2, write.key).Bind(3, current + 1).Bind(4, *write.body);
  CLARY_CHECK_OK(s.Run());
  return current + 1;
}

}  // namespace clary::meta
