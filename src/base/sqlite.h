// A thin owner of one SQLite connection. One thread at a time may use a Database; open one per
// thread, or guard it with a Mutex.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace clary::sqlite {

class Database;

// A prepared statement, bound by position from 1. Reset() before the next use.
class Statement {
 public:
  Statement& Bind(int index, std::string_view text);
  Statement& BindBlob(int index, std::string_view bytes);
  Statement& Bind(int index, int64_t value);
  Statement& BindDouble(int index, double value);
  Statement& BindNull(int index);
  // True: a row is there; false: done. kConflict "Busy", kAlreadyExists "Constraint",
  // kResourceExhausted "DiskFull", kDataLoss "Corrupt".
  Result<bool> Step();
  Status Run();                        // Step to the end, then Reset
  void Reset();                        // also clears the bindings
  std::string Text(int column) const;  // bytes of a text or blob column
  int64_t Int(int column) const;
  double Double(int column) const;
  bool IsNull(int column) const;

 private:
  friend class Database;
  struct Closer {
    void operator()(sqlite3_stmt* s) const;
  };
  Statement(sqlite3* db, sqlite3_stmt* s) : db_(db), stmt_(s) {}
  sqlite3* db_;
  std::unique_ptr<sqlite3_stmt, Closer> stmt_;
};

class Database {
 public:
  // Opens or creates `path` (":memory:" for none) in WAL mode with synchronous=FULL and a busy
  // timeout of 10 s: every committed transaction survives a power cut.
  static Result<Database> Open(const std::filesystem::path& path);
  Result<Statement> Prepare(std::string_view sql);
  Status Execute(std::string_view sql);  // one or several statements without parameters
  int Changes() const;                   // rows of the last statement

  // Runs `body` between BEGIN IMMEDIATE and COMMIT; rolls back if it returns an error.
  template <typename F>
  auto Transaction(F&& body) -> decltype(body()) {
    CLARY_CHECK_OK(Execute("BEGIN IMMEDIATE"));
    auto result = body();
    if (!result) {
      (void)Execute("ROLLBACK");
      return result;
    }
    if (Status commit = Execute("COMMIT"); !commit) {
      (void)Execute("ROLLBACK");
      return std::unexpected(std::move(commit).error());
    }
    return result;
  }

  // The schema version of the file (PRAGMA user_version), 0 when new.
  Result<int64_t> SchemaVersion();
  // Runs migrations[version..] in order, each in a transaction that also raises the version.
  // kFailedPrecondition "NewerSchema" if the file is from a later release.
  Status Migrate(std::initializer_list<std::string_view> migrations);

 private:
  struct Closer {
    void operator()(sqlite3* db) const;
  };
  explicit Database(sqlite3* db) : db_(db) {}
  std::unique_ptr<sqlite3, Closer> db_;
  std::string path_;
};

}  // namespace clary::sqlite
