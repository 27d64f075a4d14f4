// The MetadataStore of one machine: a SQLite file (docs/formats/metadata.md).
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/sqlite.h"
#include "meta/metadata_store.h"

namespace clary::meta {

class SqliteStore final : public MetadataStore {
 public:
  // Opens or creates `path` (":memory:" for none) and migrates it. kFailedPrecondition
  // "NewerSchema" if it is from a later release.
  static Result<std::unique_ptr<SqliteStore>> Open(const std::filesystem::path& path);

  // Those that have records, sorted.
  Result<std::vector<std::string>> Tables();

  Result<Record> Get(std::string_view table, std::string_view key) override;
  Result<std::vector<Record>> List(std::string_view table, std::string_view from,
                                   size_t limit) override;

 protected:
  Result<std::vector<int64_t>> ApplyAll(const std::vector<Write>& writes) override;

 private:
  struct Statements {
    sqlite::Statement get, list, version, upsert, remove;
  };
  SqliteStore(sqlite::Database db, Statements statements)
      : db_(std::move(db)), statements_(std::move(statements)) {}
  Result<int64_t> ApplyOne(const Write& write) REQUIRES(mu_);

  Mutex mu_;
  sqlite::Database db_ GUARDED_BY(mu_);
  Statements statements_ GUARDED_BY(mu_);  // finalized before the database closes
};

}  // namespace clary::meta
