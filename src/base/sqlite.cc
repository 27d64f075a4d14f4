#include "base/sqlite.h"

#include <sqlite3.h>

namespace clary::sqlite {
namespace {

Error FromSqlite(sqlite3* db, std::string_view doing) {
  const int rc = db != nullptr ? sqlite3_errcode(db) : SQLITE_NOMEM;
  Error e{Code::kInternal, "Sqlite",
          std::string(doing) + ": " + (db != nullptr ? sqlite3_errmsg(db) : "out of memory")};
  switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      e.code = Code::kConflict;
      e.reason = "Busy";
      break;
    case SQLITE_CONSTRAINT:
      e.code = Code::kAlreadyExists;
      e.reason = "Constraint";
      break;
    case SQLITE_FULL:
      e.code = Code::kResourceExhausted;
      e.reason = "DiskFull";
      e.message += "; free some space and try again";
      break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      e.code = Code::kDataLoss;
      e.reason = "Corrupt";
      break;
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      e.code = Code::kPermissionDenied;
      break;
    default:
      break;
  }
  return e;
}

}  // namespace

void Statement::Closer::operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
void Database::Closer::operator()(sqlite3* db) const { sqlite3_close_v2(db); }

Statement& Statement::Bind(int index, std::string_view text) {
  sqlite3_bind_text64(stmt_.get(), index, text.data() != nullptr ? text.data() : "", text.size(),
                      SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}
Statement& Statement::BindBlob(int index, std::string_view bytes) {
  sqlite3_bind_blob64(stmt_.get(), index, bytes.data() != nullptr ? bytes.data() : "", bytes.size(),
                      SQLITE_TRANSIENT);
  return *this;
}
Statement& Statement::Bind(int index, int64_t value) {
  sqlite3_bind_int64(stmt_.get(), index, value);
  return *this;
}
Statement& Statement::BindDouble(int index, double value) {
  sqlite3_bind_double(stmt_.get(), index, value);
  return *this;
}
Statement& Statement::BindNull(int index) {
  sqlite3_bind_null(stmt_.get(), index);
  return *this;
}

Result<bool> Statement::Step() {
  const int rc = sqlite3_step(stmt_.get());
  if (rc == SQLITE_ROW) return true;
  if (rc == SQLITE_DONE) return false;
  Error e = FromSqlite(db_, sqlite3_sql(stmt_.get()));
  Reset();
  return std::unexpected(std::move(e));
}

Status Statement::Run() {
  for (;;) {
    CLARY_TRY(const bool row, Step());
    if (!row) break;
  }
  Reset();
  return {};
}

void Statement::Reset() {
  sqlite3_reset(stmt_.get());
  sqlite3_clear_bindings(stmt_.get());
}

std::string Statement::Text(int column) const {
  const void* data = sqlite3_column_blob(stmt_.get(), column);
  const int n = sqlite3_column_bytes(stmt_.get(), column);
  return data != nullptr ? std::string(static_cast<const char*>(data), static_cast<size_t>(n))
                         : std::string();
}
int64_t Statement::Int(int column) const { return sqlite3_column_int64(stmt_.get(), column); }
double Statement::Double(int column) const { return sqlite3_column_double(stmt_.get(), column); }
bool Statement::IsNull(int column) const {
  return sqlite3_column_type(stmt_.get(), column) == SQLITE_NULL;
}

Result<Database> Database::Open(const std::filesystem::path& path) {
  sqlite3* raw = nullptr;
  const int rc =
      sqlite3_open_v2(path.c_str(), &raw,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  Database db(raw);
  db.path_ = path.string();
  if (rc != SQLITE_OK) return std::unexpected(FromSqlite(raw, "opening " + db.path_));
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, 10'000);
  Status ready =
      db.Execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON");
  if (!ready) return std::unexpected(std::move(ready).error().With("opening " + db.path_));
  return db;
}

Result<Statement> Database::Prepare(std::string_view sql) {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v3(db_.get(), sql.data(), static_cast<int>(sql.size()),
                         SQLITE_PREPARE_PERSISTENT, &raw, nullptr) != SQLITE_OK) {
    return std::unexpected(FromSqlite(db_.get(), sql));
  }
  return Statement(db_.get(), raw);
}

Status Database::Execute(std::string_view sql) {
  if (sqlite3_exec(db_.get(), std::string(sql).c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return std::unexpected(FromSqlite(db_.get(), sql));
  }
  return {};
}

int Database::Changes() const { return sqlite3_changes(db_.get()); }

Result<int64_t> Database::SchemaVersion() {
  CLARY_TRY(Statement s, Prepare("PRAGMA user_version"));
  CLARY_CHECK_OK(s.Step());
  return s.Int(0);
}

Status Database::Migrate(std::initializer_list<std::string_view> migrations) {
  CLARY_TRY(int64_t version, SchemaVersion());
  const auto latest = static_cast<int64_t>(migrations.size());
  if (version > latest) {
    return Fail(Code::kFailedPrecondition, "NewerSchema",
                path_ + " has schema version " + std::to_string(version) +
                    ", but this release knows only " + std::to_string(latest) +
                    "; use the release that wrote it, or another directory");
  }
  for (; version < latest; ++version) {
    CLARY_CHECK_OK(Transaction([&]() -> Status {
      CLARY_TRY(const int64_t now, SchemaVersion());  // another process may have been first
      if (now > version) return {};
      CLARY_CHECK_OK(Execute(*(migrations.begin() + version)));
      return Execute("PRAGMA user_version=" + std::to_string(version + 1));
    }));
  }
  return {};
}

}  // namespace clary::sqlite
