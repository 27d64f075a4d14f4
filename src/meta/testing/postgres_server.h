// A PostgreSQL server of a test's own, in a temporary directory, reached by a Unix socket only.
// Runs as an ordinary user: as "postgres" or "nobody" when the test is root.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "base/error.h"
#include "base/file.h"

namespace clary::meta {

class PostgresServer {
 public:
  // Null where PostgreSQL is not installed; says so on standard error.
  static std::unique_ptr<PostgresServer> Make();
  ~PostgresServer();

  // Of an empty database `name`, which is made.
  std::string NewDatabase(const std::string& name);
  std::string Url(const std::string& database) const;
  void Start();
  void Stop();  // at once, as a crash: connections break
  // Runs one statement in `database` and returns the first column of its rows, joined by commas.
  std::string Run(const std::string& database, const std::string& statement) const;

 private:
  PostgresServer(TempDir dir, std::string programs)
      : dir_(std::move(dir)), programs_(std::move(programs)) {}

  TempDir dir_;
  std::string programs_;  // the folder of initdb and postgres
  pid_t pid_ = 0;
};

}  // namespace clary::meta
