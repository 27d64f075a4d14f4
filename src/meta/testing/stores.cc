#include "meta/testing/stores.h"

namespace clary::meta {

Result<Record> MemoryStore::Get(std::string_view table, std::string_view key) {
  MutexLock lock(mu_);
  if (const auto t = tables_.find(table); t != tables_.end()) {
    if (const auto r = t->second.find(key); r != t->second.end()) return r->second;
  }
  return Fail(Code::kNotFound, "NoRecord", "no record '" + std::string(key) + "'");
}

Result<std::vector<Record>> MemoryStore::List(std::string_view table, std::string_view from,
                                              size_t limit) {
  MutexLock lock(mu_);
  std::vector<Record> records;
  const auto t = tables_.find(table);
  if (t == tables_.end()) return records;
  for (auto r = t->second.lower_bound(from); r != t->second.end() && records.size() < limit; ++r) {
    records.push_back(r->second);
  }
  return records;
}

Result<std::vector<int64_t>> MemoryStore::ApplyAll(const std::vector<Write>& writes) {
  MutexLock lock(mu_);
  auto changed = tables_;
  std::vector<int64_t> versions;
  for (const Write& write : writes) {
    Table& table = changed[write.table];
    const auto found = table.find(write.key);
    const int64_t current = found != table.end() ? found->second.version : 0;
    CLARY_CHECK_OK(CheckVersion(write, current));
    if (write.check) {
      versions.push_back(current);
      continue;
    }
    if (write.body) {
      table[write.key] = {.key = write.key, .version = current + 1, .body = *write.body};
    } else {
      table.erase(write.key);
    }
    versions.push_back(write.body ? current + 1 : 0);
  }
  tables_ = std::move(changed);
  for (const Write& write : writes) {
    if (!write.check) log_.emplace_back(write.table, write.key);
  }
  written_.notify_all();
  return versions;
}

Result<int64_t> MemoryStore::Newest() {
  MutexLock lock(mu_);
  return static_cast<int64_t>(log_.size());
}

Result<Changes> MemoryStore::Since(int64_t position) {
  MutexLock lock(mu_);
  Changes out{.next = static_cast<int64_t>(log_.size())};
  for (auto at = static_cast<size_t>(position); at < log_.size(); ++at) {
    const auto& [table, key] = log_[at];
    const auto& records = tables_[table];
    const auto record = records.find(key);
    const bool gone = record == records.end();
    out.changes.push_back(
        {.table = table, .record = gone ? Record{.key = key} : record->second, .gone = gone});
  }
  return out;
}

void MemoryStore::Wait(Duration limit, const std::stop_token& stop) {
  MutexLock lock(mu_);
  written_.wait_for(lock, stop, limit,
                    [this, seen = log_.size()]() REQUIRES(mu_) { return log_.size() != seen; });
}

Status FaultyStore::Count() {
  int left = left_;
  while (left > 0 && !left_.compare_exchange_weak(left, left == 1 ? -1 : left - 1)) {
  }
  if (left == 1) return Fail(Code::kUnavailable, "Injected", "injected fault");
  return {};
}

Result<Record> FaultyStore::Get(std::string_view table, std::string_view key) {
  CLARY_CHECK_OK(Count());
  return inner_.Get(table, key);
}
Result<std::vector<Record>> FaultyStore::List(std::string_view table, std::string_view from,
                                              size_t limit) {
  CLARY_CHECK_OK(Count());
  return inner_.List(table, from, limit);
}
Result<std::vector<int64_t>> FaultyStore::ApplyAll(const std::vector<Write>& writes) {
  CLARY_CHECK_OK(Count());
  return inner_.Apply(writes);
}

}  // namespace clary::meta
