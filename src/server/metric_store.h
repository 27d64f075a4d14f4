// CloudWatch metrics that users put, in a SQLite file (docs/formats/metrics.md).
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/mutex.h"
#include "base/sqlite.h"

namespace clary::server {

// What names a metric. Its dimensions are sorted by name, each name once.
struct MetricKey {
  std::string space;  // the namespace
  std::string name;
  std::vector<std::pair<std::string, std::string>> dimensions;
};

// One value, `count` equal values, or the statistics of a set of values.
struct MetricSample {
  Time time{};
  std::string unit = "None";
  double count = 1;  // > 0
  double sum = 0;
  double low = 0;
  double high = 0;
};

struct MetricDatum {
  MetricKey key;
  std::vector<MetricSample> samples;
};

// Any thread.
class MetricStore {
 public:
  // Opens or creates `path` (":memory:" for none). kFailedPrecondition "NewerSchema".
  static Result<std::unique_ptr<MetricStore>> Open(const std::filesystem::path& path);

  // All of them or none; durable when it returns.
  Status Put(const std::vector<MetricDatum>& data);

  // The samples of [start, end), in order of time. None for a metric that is not there.
  Result<std::vector<MetricSample>> Read(const MetricKey& key, Time start, Time end);

  struct Listed {
    int64_t id = 0;  // grows from one to the next
    MetricKey key;
    Time last{};  // of its latest sample
  };
  // Metrics with an id above `after`, by id, at most `limit`; empty names stand for all.
  Result<std::vector<Listed>> List(std::string_view space, std::string_view name, int64_t after,
                                   size_t limit);

  // Forgets samples before `time`, and metrics that have none left.
  Status DropBefore(Time time);

 private:
  struct Statements {
    sqlite::Statement find, create, touch, add, read, list, drop, prune;
  };
  MetricStore(sqlite::Database db, Statements statements)
      : db_(std::move(db)), statements_(std::move(statements)) {}
  Result<std::optional<int64_t>> Find(const MetricKey& key) REQUIRES(mu_);

  Mutex mu_;
  sqlite::Database db_ GUARDED_BY(mu_);
  Statements statements_ GUARDED_BY(mu_);  // finalized before the database closes
};

}  // namespace clary::server
