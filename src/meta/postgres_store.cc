#include "meta/postgres_store.h"

#include <libpq-fe.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <utility>

#include "base/hash.h"
#include "base/strings.h"

namespace clary::meta {
namespace {

constexpr size_t kMostIdle = 8;
constexpr int64_t kWindow = 500;  // commits that one reading of the feed looks at
constexpr Duration kFirstPause{10};
constexpr Duration kLongestPause{300};
constexpr Duration kStopLook{100};  // how late a stop is seen by Wait()

// One write is one call of this function, so that a client that pauses holds no lock. The row of
// clary.state is locked first: writers follow each other, and `seq` is in the order of commits. A
// call with a token that was used is told what that one answered. A record that is deleted stays as
// one without a body until Purge().
constexpr const char* kMigrations[] = {R"sql(
CREATE SCHEMA clary;
CREATE TABLE clary.state (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  schema int NOT NULL,
  seq bigint NOT NULL,
  purged bigint NOT NULL);
INSERT INTO clary.state (schema, seq, purged) VALUES (0, 0, 0);
CREATE TABLE clary.records (
  tbl text COLLATE "C" NOT NULL,
  key bytea NOT NULL,
  version bigint NOT NULL,
  body bytea,
  seq bigint NOT NULL,
  changed timestamptz NOT NULL,
  PRIMARY KEY (tbl, key));
CREATE INDEX records_by_seq ON clary.records (seq);
CREATE TABLE clary.done (
  token bigint PRIMARY KEY,
  versions text NOT NULL,
  made timestamptz NOT NULL);
CREATE INDEX done_by_time ON clary.done (made);
CREATE FUNCTION clary.apply(tbls text[], keys bytea[], bodies bytea[], expected bigint[],
                            checks boolean[], tok bigint) RETURNS text LANGUAGE plpgsql AS $body$
DECLARE
  n bigint;
  cur bigint;
  versions text := '';
BEGIN
  UPDATE clary.state SET seq = seq + 1 RETURNING seq INTO n;
  SELECT d.versions INTO versions FROM clary.done d WHERE d.token = tok;
  IF FOUND THEN RETURN versions; END IF;
  versions := '';
  FOR i IN 1 .. cardinality(tbls) LOOP
    SELECT r.version INTO cur FROM clary.records r
      WHERE r.tbl = tbls[i] AND r.key = keys[i] AND r.body IS NOT NULL;
    cur := coalesce(cur, 0);
    IF expected[i] <> cur THEN
      RAISE EXCEPTION USING ERRCODE = 'CL001', MESSAGE = (i - 1) || ' ' || cur;
    END IF;
    IF checks[i] THEN
      NULL;
    ELSIF bodies[i] IS NULL THEN
      UPDATE clary.records r SET body = NULL, seq = n, changed = now()
        WHERE r.tbl = tbls[i] AND r.key = keys[i] AND r.body IS NOT NULL;
      cur := 0;
    ELSE
      cur := cur + 1;
      INSERT INTO clary.records AS r VALUES (tbls[i], keys[i], cur, bodies[i], n, now())
        ON CONFLICT (tbl, key) DO UPDATE SET version = cur, body = bodies[i], seq = n,
                                             changed = now();
    END IF;
    versions := versions || cur || ' ';
  END LOOP;
  INSERT INTO clary.done VALUES (tok, versions, now());
  PERFORM pg_notify('clary', '');
  RETURN versions;
END $body$;
)sql"};

constexpr int kSchema = static_cast<int>(std::size(kMigrations));

int64_t ToInt(const pg_result* result, int row, int column) {
  if (PQgetisnull(result, row, column) != 0 || PQgetlength(result, row, column) != 8) return 0;
  uint64_t big = 0;
  std::memcpy(&big, PQgetvalue(result, row, column), sizeof big);
  return static_cast<int64_t>(std::endian::native == std::endian::little ? __builtin_bswap64(big)
                                                                         : big);
}

std::string ToText(const pg_result* result, int row, int column) {
  return {PQgetvalue(result, row, column), static_cast<size_t>(PQgetlength(result, row, column))};
}

std::string Hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(2 * bytes.size());
  for (const char c : bytes) {
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

// A PostgreSQL array in its text form; elements need no quotes but those of `quoted`.
class ArrayText {
 public:
  void Add(std::string_view element) { (text_ += text_.size() > 1 ? "," : "") += element; }
  void AddQuoted(std::string_view element) {
    std::string out = "\"";
    for (const char c : element) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    Add(out + "\"");
  }
  void AddBytes(std::string_view bytes) { Add("\"\\\\x" + Hex(bytes) + "\""); }
  std::string End() && { return std::move(text_) + "}"; }

 private:
  std::string text_ = "{";
};

// The first line of what the server or libpq said; neither repeats a password.
std::string FirstLine(const char* text) {
  std::string_view line = text == nullptr ? "" : text;
  line = line.substr(0, line.find('\n'));
  return std::string(line.empty() ? "no reason given" : line);
}

std::string StateOf(const pg_result* result) {
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  return state == nullptr ? "" : state;
}

// Whether the same statement may pass when it is made again at once: it lost against another.
bool IsRace(std::string_view state) { return state == "40001" || state == "40P01"; }

// The server goes, comes, or has no room for another connection.
bool IsAway(std::string_view state) {
  return state.empty() || state.starts_with("08") || state.starts_with("57P") || state == "53300" ||
         state == "25006";
}

Error Refused(const pg_result* result) {
  const std::string state = StateOf(result);
  const std::string message =
      "PostgreSQL: " + FirstLine(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)) +
      " (SQLSTATE " + state + ")";
  if (state.starts_with("53")) return {Code::kResourceExhausted, "DiskFull", message};
  if (state.starts_with("28") || state.starts_with("42") || state.starts_with("3")) {
    return {Code::kPermissionDenied, "PostgresRefused", message};
  }
  if (state.starts_with("57")) return {Code::kUnavailable, "PostgresAway", message};
  return {Code::kInternal, "Postgres", message};
}

Status CheckUrl(const std::string& url) {
  char* said = nullptr;
  PQconninfoOption* parsed = PQconninfoParse(url.c_str(), &said);
  if (parsed == nullptr) {
    Error bad{Code::kInvalidArgument, "BadUrl",
              "the URL of the state is none of PostgreSQL's (postgres://user@host/database): " +
                  FirstLine(said)};
    PQfreemem(said);
    return std::unexpected(std::move(bad));
  }
  PQconninfoFree(parsed);
  return {};
}

using PgConnection = std::unique_ptr<pg_conn, internal::PgCloser>;
using PgAnswer = std::unique_ptr<pg_result, internal::PgCloser>;

// What the URL says comes last and counts.
Result<PgConnection> ConnectTo(const std::string& url) {
  const char* const names[] = {
      "connect_timeout", "tcp_user_timeout", "keepalives_idle", "application_name",
      "client_encoding", "options",          "dbname",          nullptr};
  const char* const values[] = {
      "2", "5000", "5", "clary", "UTF8", "-c statement_timeout=15s", url.c_str(), nullptr};
  PgConnection connection(PQconnectdbParams(names, values, /*expand_dbname=*/1));
  if (connection && PQstatus(connection.get()) == CONNECTION_OK) {
    PQsetNoticeProcessor(connection.get(), [](void*, const char*) {}, nullptr);
    return connection;
  }
  const std::string message = "PostgreSQL: " + FirstLine(PQerrorMessage(connection.get()));
  // libpq keeps no SQLSTATE of a connection that failed; its words for what waiting does not mend:
  for (const char* final : {"authentication failed", "does not exist", "no password supplied",
                            "no pg_hba.conf entry", "permission denied for database"}) {
    if (message.contains(final) && !message.contains("No such file")) {
      return Fail(Code::kPermissionDenied, "PostgresRefused", message);
    }
  }
  return Fail(Code::kUnavailable, "PostgresAway", message);
}

// One statement, or several, in text form.
Result<PgAnswer> Execute(const PgConnection& connection, const char* statements) {
  PgAnswer answer(PQexec(connection.get(), statements));
  const ExecStatusType status = PQresultStatus(answer.get());
  if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) return answer;
  return std::unexpected(Refused(answer.get()));
}

}  // namespace

struct PostgresStore::Parameter {
  std::optional<std::string> value;  // as text, or bytes
  bool binary = false;

  static Parameter Bytes(std::string_view bytes) { return {std::string(bytes), true}; }
  static Parameter Number(int64_t n) { return {std::to_string(n), false}; }
};

void internal::PgCloser::operator()(pg_conn* connection) const { PQfinish(connection); }
void internal::PgCloser::operator()(pg_result* result) const { PQclear(result); }

PostgresStore::~PostgresStore() = default;

Result<std::unique_ptr<PostgresStore>> PostgresStore::Open(Options options, Clock& clock) {
  CLARY_CHECK_OK(CheckUrl(options.url));
  std::unique_ptr<PostgresStore> store(new PostgresStore(std::move(options), clock));
  CLARY_CHECK_OK(store->MakeSchema());
  return store;
}

Result<PostgresStore::Connection> PostgresStore::Connect() const {
  CLARY_TRY(PgConnection connection, ConnectTo(options_.url));
  return connection;
}

Result<PostgresStore::Answer> PostgresStore::CallOnce(const char* statement,
                                                      const std::vector<Parameter>& parameters) {
  Connection connection;
  {
    MutexLock lock(mu_);
    if (!idle_.empty()) {
      connection = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (!connection) {
    CLARY_TRY(connection, Connect());
  }
  std::vector<const char*> values;
  std::vector<int> lengths;
  std::vector<int> formats;
  for (const Parameter& p : parameters) {
    values.push_back(p.value ? p.value->data() : nullptr);
    lengths.push_back(p.value ? static_cast<int>(p.value->size()) : 0);
    formats.push_back(p.binary ? 1 : 0);
  }
  Answer answer;
  if (PQsendQueryParams(connection.get(), statement, static_cast<int>(parameters.size()), nullptr,
                        values.data(), lengths.data(), formats.data(), /*binary=*/1) == 1) {
    if (options_.cut && options_.cut()) {
      (void)PQflush(connection.get());
      ::shutdown(PQsocket(connection.get()), SHUT_RDWR);
    }
    while (Answer next{PQgetResult(connection.get())}) answer = std::move(next);
  }
  if (!answer || PQstatus(connection.get()) != CONNECTION_OK) {
    const bool said = answer && PQresultStatus(answer.get()) == PGRES_FATAL_ERROR;
    // All idle ones were made before; the server that broke this one has broken them.
    MutexLock lock(mu_);
    idle_.clear();
    return Fail(Code::kUnavailable, "PostgresAway",
                "PostgreSQL: " + FirstLine(said ? PQresultErrorMessage(answer.get())
                                                : PQerrorMessage(connection.get())));
  }
  MutexLock lock(mu_);
  if (idle_.size() < kMostIdle) idle_.push_back(std::move(connection));
  return answer;
}

Result<PostgresStore::Answer> PostgresStore::Call(const char* statement,
                                                  const std::vector<Parameter>& parameters) {
  // One call finds out that the server is away; those that come while it is do not wait in line.
  const Time until = clock_.Now() + (away_ ? Duration(0) : options_.patience);
  for (Duration pause = kFirstPause;; pause = std::min(pause * 2, kLongestPause)) {
    auto answer = CallOnce(statement, parameters);
    if (!answer && answer.error().code != Code::kUnavailable) return answer;
    if (answer) {
      const ExecStatusType status = PQresultStatus(answer->get());
      away_ = false;
      if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) return answer;
      const std::string state = StateOf(answer->get());
      if (state == "CL001") return answer;
      if (!IsRace(state) && !IsAway(state)) return std::unexpected(Refused(answer->get()));
      answer = std::unexpected(
          Error{Code::kUnavailable, "PostgresAway", Refused(answer->get()).message});
    }
    if (clock_.Now() >= until) {
      away_ = true;
      return std::unexpected(
          std::move(answer).error().With("the state's database does not answer; trying again"));
    }
    clock_.Sleep(pause);
  }
}

Status PostgresStore::MakeSchema() {
  CLARY_TRY(const Connection connection, Connect());
  const auto run = [&](const char* statements) { return Execute(connection, statements); };
  // One at a time; the lock goes with the transaction.
  CLARY_CHECK_OK(run("BEGIN; SELECT pg_advisory_xact_lock(7089221)"));
  CLARY_TRY(const Answer there, run("SELECT to_regclass('clary.state') IS NOT NULL"));
  int schema = 0;
  if (PQgetvalue(there.get(), 0, 0)[0] == 't') {
    CLARY_TRY(const Answer version, run("SELECT schema FROM clary.state"));
    schema =
        static_cast<int>(ParseInt(std::string_view(PQgetvalue(version.get(), 0, 0))).value_or(0));
  }
  if (schema > kSchema) {
    return Fail(Code::kFailedPrecondition, "NewerSchema",
                "the database is of a later release (schema " + std::to_string(schema) +
                    ", this one knows " + std::to_string(kSchema) + "): use that release");
  }
  for (; schema < kSchema; ++schema) {
    CLARY_CHECK_OK(run(kMigrations[schema]));
    CLARY_CHECK_OK(run(("UPDATE clary.state SET schema = " + std::to_string(schema + 1)).c_str()));
  }
  CLARY_CHECK_OK(run("COMMIT"));
  return {};
}

Result<Record> PostgresStore::Get(std::string_view table, std::string_view key) {
  CLARY_TRY(const Answer answer, Call("SELECT version, body FROM clary.records"
                                      " WHERE tbl = $1 AND key = $2::bytea AND body IS NOT NULL",
                                      {Parameter{std::string(table)}, Parameter::Bytes(key)}));
  if (PQntuples(answer.get()) == 0) {
    return Fail(Code::kNotFound, "NoRecord",
                "no record '" + std::string(key) + "' in " + std::string(table));
  }
  return Record{.key = std::string(key),
                .version = ToInt(answer.get(), 0, 0),
                .body = ToText(answer.get(), 0, 1)};
}

Result<std::vector<Record>> PostgresStore::List(std::string_view table, std::string_view from,
                                                size_t limit) {
  CLARY_TRY(const Answer answer,
            Call("SELECT key, version, body FROM clary.records WHERE tbl = $1"
                 " AND key >= $2::bytea AND body IS NOT NULL ORDER BY key LIMIT $3::bigint",
                 {Parameter{std::string(table)}, Parameter::Bytes(from),
                  Parameter::Number(static_cast<int64_t>(std::min<size_t>(limit, INT64_MAX)))}));
  std::vector<Record> records;
  records.reserve(static_cast<size_t>(PQntuples(answer.get())));
  for (int row = 0; row < PQntuples(answer.get()); ++row) {
    records.push_back({.key = ToText(answer.get(), row, 0),
                       .version = ToInt(answer.get(), row, 1),
                       .body = ToText(answer.get(), row, 2)});
  }
  return records;
}

Result<std::vector<int64_t>> PostgresStore::ApplyAll(const std::vector<Write>& writes) {
  if (writes.empty()) return std::vector<int64_t>();
  ArrayText tables;
  ArrayText keys;
  ArrayText bodies;
  ArrayText expected;
  ArrayText checks;
  for (const Write& write : writes) {
    tables.AddQuoted(write.table);
    keys.AddBytes(write.key);
    if (write.body) {
      bodies.AddBytes(*write.body);
    } else {
      bodies.Add("NULL");
    }
    expected.Add(write.expected_version ? std::to_string(*write.expected_version) : "NULL");
    checks.Add(write.check ? "t" : "f");
  }
  int64_t token = 0;
  std::memcpy(&token, RandomBytes(sizeof token).data(), sizeof token);
  CLARY_TRY(const Answer answer,
            Call("SELECT clary.apply($1::text[], $2::bytea[], $3::bytea[], $4::bigint[],"
                 " $5::boolean[], $6::bigint)",
                 {Parameter{std::move(tables).End()}, Parameter{std::move(keys).End()},
                  Parameter{std::move(bodies).End()}, Parameter{std::move(expected).End()},
                  Parameter{std::move(checks).End()}, Parameter::Number(token)}));
  if (PQresultStatus(answer.get()) == PGRES_FATAL_ERROR) {  // CL001: "index version"
    const std::string_view said(PQresultErrorField(answer.get(), PG_DIAG_MESSAGE_PRIMARY));
    const size_t space = std::min(said.find(' '), said.size() - 1);
    const auto index = ParseUint(said.substr(0, space));
    const auto current = ParseInt(said.substr(space + 1));
    if (index && *index < writes.size() && current) {
      CLARY_CHECK_OK(CheckVersion(writes[*index], *current));
    }
    return Fail(Code::kInternal, "Postgres", "clary.apply: " + std::string(said));
  }
  std::vector<int64_t> versions;
  const std::string all = ToText(answer.get(), 0, 0);
  for (std::string_view rest = all; !rest.empty();) {
    const size_t space = rest.find(' ');
    versions.push_back(ParseInt(rest.substr(0, space)).value_or(0));
    rest.remove_prefix(space + 1);
  }
  if (versions.size() != writes.size()) {
    return Fail(Code::kInternal, "Postgres", "clary.apply answered " + all);
  }
  return versions;
}

Result<int64_t> PostgresStore::Newest() {
  CLARY_TRY(const Answer answer, Call("SELECT seq FROM clary.state", {}));
  return ToInt(answer.get(), 0, 0);
}

Result<Changes> PostgresStore::Since(int64_t position) {
  CLARY_TRY(const Answer answer,
            Call("SELECT s.seq, s.purged, r.tbl, r.key, r.version, r.body FROM clary.state s"
                 " LEFT JOIN clary.records r ON r.seq > $1::bigint AND r.seq <= $2::bigint"
                 " ORDER BY r.seq",
                 {Parameter::Number(position), Parameter::Number(position + kWindow)}));
  const int64_t newest = ToInt(answer.get(), 0, 0);
  const int64_t purged = ToInt(answer.get(), 0, 1);
  if (newest < position || purged > position) {
    return Fail(Code::kFailedPrecondition, "Behind",
                newest < position
                    ? "the database has been put back to an older state: start this service anew"
                    : "this service has not read changes for too long: start it anew");
  }
  Changes out{.next = std::min(newest, position + kWindow), .more = newest > position + kWindow};
  for (int row = 0; row < PQntuples(answer.get()); ++row) {
    if (PQgetisnull(answer.get(), row, 2) != 0) continue;
    const bool gone = PQgetisnull(answer.get(), row, 5) != 0;
    out.changes.push_back({.table = ToText(answer.get(), row, 2),
                           .record = {.key = ToText(answer.get(), row, 3),
                                      .version = gone ? 0 : ToInt(answer.get(), row, 4),
                                      .body = ToText(answer.get(), row, 5)},
                           .gone = gone});
  }
  return out;
}

void PostgresStore::Wait(Duration limit, const std::stop_token& stop) {
  const Time until = clock_.Now() + limit;
  if (!listener_) {
    auto connection = Connect();
    if (!connection || PQresultStatus(Answer(PQexec(connection->get(), "LISTEN clary")).get()) !=
                           PGRES_COMMAND_OK) {
      clock_.Sleep(std::min(limit, kLongestPause), stop);
      return;
    }
    listener_ = *std::move(connection);
    return;  // something may have been written before
  }
  while (!stop.stop_requested()) {
    bool heard = false;
    while (PGnotify* notice = PQnotifies(listener_.get())) {
      heard = true;
      PQfreemem(notice);
    }
    const auto left = until - clock_.Now();
    if (heard || left <= Duration(0)) return;
    pollfd socket{.fd = PQsocket(listener_.get()), .events = POLLIN, .revents = 0};
    const int ready =
        ::poll(&socket, 1, static_cast<int>(std::min<Duration>(left, kStopLook).count()));
    if (ready > 0 && PQconsumeInput(listener_.get()) == 0) {
      listener_.reset();
      return;
    }
  }
}

Status PostgresStore::Purge(std::chrono::seconds age) {
  CLARY_TRY(const Answer answer,
            Call("WITH gone AS (DELETE FROM clary.records WHERE body IS NULL"
                 " AND changed < now() - make_interval(secs => $1::bigint) RETURNING seq)"
                 " UPDATE clary.state SET purged = greatest(purged, (SELECT max(seq) FROM gone))",
                 {Parameter::Number(age.count())}));
  // Tokens are of use while a call is tried.
  CLARY_CHECK_OK(Call("DELETE FROM clary.done WHERE made < now() - interval '10 minutes'", {}));
  return {};
}

Result<PostgresFacts> LookAtPostgres(const std::string& url, Clock& clock) {
  CLARY_CHECK_OK(CheckUrl(url));
  CLARY_TRY(const PgConnection connection, ConnectTo(url));
  const Time before = clock.Now();
  CLARY_CHECK_OK(Execute(connection, "SELECT 1"));
  PostgresFacts out{.answer = clock.Now() - before, .known_schema = kSchema};
  CLARY_TRY(const PgAnswer answer, Execute(connection, R"sql(
SELECT current_setting('server_version'), current_database(), current_user,
  floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint,
  pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on',
  current_setting('fsync') = 'on' AND current_setting('synchronous_commit') <> 'off',
  has_database_privilege(current_database(), 'CREATE'),
  to_regclass('clary.state') IS NOT NULL,
  inet_server_addr() IS NULL OR inet_server_addr() = inet_client_addr(),
  current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
    - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'))sql"));
  const auto text = [&](int column) { return std::string(PQgetvalue(answer.get(), 0, column)); };
  const auto truth = [&](int column) { return text(column) == "t"; };
  out.version = text(0);
  out.version = out.version.substr(0, out.version.find(' '));
  out.database = text(1);
  out.user = text(2);
  out.now = FromMillis(ParseInt(text(3)).value_or(0));
  out.read_only = truth(4);
  out.durable = truth(5);
  out.may_create = truth(6);
  out.encrypted = PQsslInUse(connection.get()) != 0;
  out.local = truth(8);
  out.connections_free = ParseInt(text(9)).value_or(0);
  if (truth(7)) {
    CLARY_TRY(const PgAnswer schema, Execute(connection, "SELECT schema FROM clary.state"));
    out.schema =
        static_cast<int>(ParseInt(std::string_view(PQgetvalue(schema.get(), 0, 0))).value_or(0));
  }
  return out;
}

}  // namespace clary::meta
