// A MetadataStore in memory and one that fails when told to, for tests of this module and above.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <utility>

#include "base/mutex.h"
#include "meta/metadata_store.h"

namespace clary::meta {

// Several services may share one: its feed has all writes.
class MemoryStore final : public MetadataStore, public ChangeFeed {
 public:
  Result<Record> Get(std::string_view table, std::string_view key) override;
  Result<std::vector<Record>> List(std::string_view table, std::string_view from,
                                   size_t limit) override;
  ChangeFeed* feed() override { return this; }

  Result<int64_t> Newest() override;
  Result<Changes> Since(int64_t position) override;
  void Wait(Duration limit, const std::stop_token& stop) override;

 protected:
  Result<std::vector<int64_t>> ApplyAll(const std::vector<Write>& writes) override;

 private:
  using Table = std::map<std::string, Record, std::less<>>;
  Mutex mu_;
  std::condition_variable_any written_;
  std::map<std::string, Table, std::less<>> tables_ GUARDED_BY(mu_);
  std::vector<std::pair<std::string, std::string>> log_ GUARDED_BY(mu_);  // table, key
};

// Passes calls on, except the one that FailAt() named: that one does nothing and returns
// kUnavailable "Injected".
class FaultyStore final : public MetadataStore {
 public:
  explicit FaultyStore(MetadataStore& inner) : inner_(inner) {}
  // Fails the `n`-th call from now (1 is the next one); 0 for none.
  void FailAt(int n) { left_ = n; }
  bool fired() const { return left_ < 0; }

  Result<Record> Get(std::string_view table, std::string_view key) override;
  Result<std::vector<Record>> List(std::string_view table, std::string_view from,
                                   size_t limit) override;
  ChangeFeed* feed() override { return inner_.feed(); }

 protected:
  Result<std::vector<int64_t>> ApplyAll(const std::vector<Write>& writes) override;

 private:
  Status Count();
  MetadataStore& inner_;
  std::atomic<int> left_ = 0;  // -1: has fired
};

}  // namespace clary::meta
