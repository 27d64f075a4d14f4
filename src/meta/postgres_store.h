// The MetadataStore that several services share: the schema "clary" of a PostgreSQL database
// (docs/formats/metadata.md).
//
// Every method may be called by any thread. A call whose connection breaks is made again on another
// one, for as long as `patience`, or once if the server has been away for that long already; one
// that has been done is not done twice, even if its answer was lost. kUnavailable "PostgresAway":
// the server could not be reached, and whether a write was done is not known; a version that it
// expected tells when it is made again.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "meta/metadata_store.h"

struct pg_conn;
struct pg_result;

namespace clary::meta {

namespace internal {
struct PgCloser {
  void operator()(pg_conn* connection) const;
  void operator()(pg_result* result) const;
};
}  // namespace internal

class PostgresStore final : public MetadataStore, public ChangeFeed {
 public:
  struct Options {
    std::string url;           // postgres://user@host/database, or libpq's "host=... dbname=..."
    Duration patience{3'000};  // less than a client's own
    // Tests: called between a call that was sent and its answer; true cuts the connection there.
    std::function<bool()> cut;
  };

  // Makes the schema if there is none. Keeps `clock`. kInvalidArgument "BadUrl";
  // kFailedPrecondition "NewerSchema"; kPermissionDenied "PostgresRefused", also if there is no
  // such database.
  static Result<std::unique_ptr<PostgresStore>> Open(Options options,
                                                     Clock& clock = Clock::System());
  ~PostgresStore() override;

  Result<Record> Get(std::string_view table, std::string_view key) override;
  Result<std::vector<Record>> List(std::string_view table, std::string_view from,
                                   size_t limit) override;
  ChangeFeed* feed() override { return this; }

  Result<int64_t> Newest() override;
  Result<Changes> Since(int64_t position) override;
  void Wait(Duration limit, const std::stop_token& stop) override;

  // Drops what is known of records that were deleted more than `age` ago. For one service, now and
  // then: a feed whose position is older is "Behind".
  Status Purge(std::chrono::seconds age);

 protected:
  Result<std::vector<int64_t>> ApplyAll(const std::vector<Write>& writes) override;

 private:
  using Connection = std::unique_ptr<pg_conn, internal::PgCloser>;
  using Answer = std::unique_ptr<pg_result, internal::PgCloser>;
  struct Parameter;

  PostgresStore(Options options, Clock& clock) : options_(std::move(options)), clock_(clock) {}
  Result<Connection> Connect() const;
  // One statement, tried until it is answered or `patience` is over. Values of the answer are
  // binary.
  Result<Answer> Call(const char* statement, const std::vector<Parameter>& parameters);
  Result<Answer> CallOnce(const char* statement, const std::vector<Parameter>& parameters);
  Status MakeSchema();

  const Options options_;
  Clock& clock_;
  Mutex mu_;
  std::vector<Connection> idle_ GUARDED_BY(mu_);
  std::atomic<bool> away_ = false;  // the last call found the server away
  Connection listener_;             // Wait()'s
};

// A server as `clary doctor` finds it.
struct PostgresFacts {
  std::string version;
  std::string database;
  std::string user;
  Time now{};              // the server's clock
  Duration answer{0};      // how long a question takes
  bool read_only = false;  // a standby, or made so
  bool durable = true;     // fsync and synchronous_commit are on
  bool may_create = true;  // the role may make the schema
  int schema = -1;         // of the state there; -1: none yet
  int known_schema = 0;    // the newest that this release knows
  bool encrypted = false;
  bool local = false;  // of this machine
  int64_t connections_free = 0;
};
// Changes nothing there. Errors are those of PostgresStore::Open().
Result<PostgresFacts> LookAtPostgres(const std::string& url, Clock& clock = Clock::System());

}  // namespace clary::meta
