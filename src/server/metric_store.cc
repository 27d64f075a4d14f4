#include "server/metric_store.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace clary::server {
namespace {

using nlohmann::json;

constexpr std::string_view kSchema = R"(
CREATE TABLE metrics (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  namespace TEXT NOT NULL,
  name TEXT NOT NULL,
  dimensions TEXT NOT NULL,
  last_ms INTEGER NOT NULL,
  UNIQUE (namespace, name, dimensions));
CREATE TABLE samples (
  metric INTEGER NOT NULL,
  time_ms INTEGER NOT NULL,
  unit TEXT NOT NULL,
  count REAL NOT NULL,
  sum REAL NOT NULL,
  low REAL NOT NULL,
  high REAL NOT NULL);
CREATE INDEX samples_by_time ON samples (metric, time_ms);
)";

// The dimensions as one text: [["Name","value"], ...].
std::string TextOf(const MetricKey& key) { return json(key.dimensions).dump(); }

std::vector<std::pair<std::string, std::string>> DimensionsOf(const std::string& text) {
  std::vector<std::pair<std::string, std::string>> dimensions;
  const json parsed = json::parse(text, nullptr, false);
  if (!parsed.is_array()) return dimensions;
  for (const json& pair : parsed) {
    if (pair.is_array() && pair.size() == 2 && pair[0].is_string() && pair[1].is_string()) {
      dimensions.emplace_back(pair[0].get<std::string>(), pair[1].get<std::string>());
    }
  }
  return dimensions;
}

}  // namespace

Result<std::unique_ptr<MetricStore>> MetricStore::Open(const std::filesystem::path& path) {
  CLARY_TRY(sqlite::Database db, sqlite::Database::Open(path));
  CLARY_CHECK_OK(db.Migrate({kSchema}));
  CLARY_TRY(auto find, db.Prepare("SELECT id FROM metrics WHERE namespace = ?1 AND name = ?2 AND "
                                  "dimensions = ?3"));
  CLARY_TRY(auto create, db.Prepare("INSERT INTO metrics (namespace, name, dimensions, last_ms) "
                                    "VALUES (?1, ?2, ?3, 0)"));
  CLARY_TRY(auto touch, db.Prepare("UPDATE metrics SET last_ms = max(last_ms, ?2) WHERE id = ?1"));
  CLARY_TRY(auto add, db.Prepare("INSERT INTO samples VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"));
  CLARY_TRY(auto read,
            db.Prepare("SELECT time_ms, unit, count, sum, low, high FROM samples WHERE metric = ?1 "
                       "AND time_ms >= ?2 AND time_ms < ?3 ORDER BY time_ms, rowid"));
  CLARY_TRY(auto list, db.Prepare("SELECT id, namespace, name, dimensions, last_ms FROM metrics "
                                  "WHERE id > ?1 AND (?2 = '' OR namespace = ?2) AND (?3 = '' OR "
                                  "name = ?3) ORDER BY id LIMIT ?4"));
  CLARY_TRY(auto drop, db.Prepare("DELETE FROM samples WHERE time_ms < ?1"));
  CLARY_TRY(auto prune, db.Prepare("DELETE FROM metrics WHERE last_ms < ?1"));
  return std::unique_ptr<MetricStore>(new MetricStore(std::move(db), {.find = std::move(find),
                                                                      .create = std::move(create),
                                                                      .touch = std::move(touch),
                                                                      .add = std::move(add),
                                                                      .read = std::move(read),
                                                                      .list = std::move(list),
                                                                      .drop = std::move(drop),
                                                                      .prune = std::move(prune)}));
}

Result<std::optional<int64_t>> MetricStore::Find(const MetricKey& key) {
  sqlite::Statement& find = statements_.find;
  find.Reset();
  find.Bind(1, key.space).Bind(2, key.name).Bind(3, TextOf(key));
  CLARY_TRY(const bool there, find.Step());
  const std::optional<int64_t> id = there ? std::optional(find.Int(0)) : std::nullopt;
  find.Reset();
  return id;
}

Status MetricStore::Put(const std::vector<MetricDatum>& data) {
  const MutexLock lock(mu_);
  return db_.Transaction([&]() REQUIRES(mu_) -> Status {
    for (const MetricDatum& datum : data) {
      CLARY_TRY(auto id, Find(datum.key));
      if (!id) {
        CLARY_CHECK_OK(statements_.create.Bind(1, datum.key.space)
                           .Bind(2, datum.key.name)
                           .Bind(3, TextOf(datum.key))
                           .Run());
        CLARY_TRY(id, Find(datum.key));
      }
      int64_t last_ms = 0;
      for (const MetricSample& sample : datum.samples) {
        last_ms = std::max(last_ms, ToMillis(sample.time));
        CLARY_CHECK_OK(statements_.add.Bind(1, *id)
                           .Bind(2, ToMillis(sample.time))
                           .Bind(3, sample.unit)
                           .BindDouble(4, sample.count)
                           .BindDouble(5, sample.sum)
                           .BindDouble(6, sample.low)
                           .BindDouble(7, sample.high)
                           .Run());
      }
      CLARY_CHECK_OK(statements_.touch.Bind(1, *id).Bind(2, last_ms).Run());
    }
    return {};
  });
}

Result<std::vector<MetricSample>> MetricStore::Read(const MetricKey& key, Time start, Time end) {
  const MutexLock lock(mu_);
  std::vector<MetricSample> samples;
  CLARY_TRY(const auto id, Find(key));
  if (!id) return samples;
  sqlite::Statement& read = statements_.read;
  read.Reset();
  read.Bind(1, *id).Bind(2, ToMillis(start)).Bind(3, ToMillis(end));
  while (true) {
    CLARY_TRY(const bool more, read.Step());
    if (!more) break;
    samples.push_back({.time = FromMillis(read.Int(0)),
                       .unit = read.Text(1),
                       .count = read.Double(2),
                       .sum = read.Double(3),
                       .low = read.Double(4),
                       .high = read.Double(5)});
  }
  read.Reset();
  return samples;
}

Result<std::vector<MetricStore::Listed>> MetricStore::List(std::string_view space,
                                                           std::string_view name, int64_t after,
                                                           size_t limit) {
  const MutexLock lock(mu_);
  std::vector<Listed> out;
  sqlite::Statement& list = statements_.list;
  list.Reset();
  list.Bind(1, after).Bind(2, space).Bind(3, name).Bind(4, static_cast<int64_t>(limit));
  while (true) {
    CLARY_TRY(const bool more, list.Step());
    if (!more) break;
    out.push_back({.id = list.Int(0),
                   .key = {.space = list.Text(1),
                           .name = list.Text(2),
                           .dimensions = DimensionsOf(list.Text(3))},
                   .last = FromMillis(list.Int(4))});
  }
  list.Reset();
  return out;
}

Status MetricStore::DropBefore(Time time) {
  const MutexLock lock(mu_);
  return db_.Transaction([&]() REQUIRES(mu_) -> Status {
    CLARY_CHECK_OK(statements_.drop.Bind(1, ToMillis(time)).Run());
    return statements_.prune.Bind(1, ToMillis(time)).Run();
  });
}

}  // namespace clary::server
