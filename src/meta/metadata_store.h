// Typed records with versions: the seam to the service's durable state.
//
// A record is (table, key) -> body, an opaque JSON text whose schema its owner documents in
// docs/formats/. Every write is one transaction and durable when the call returns. Optimistic
// concurrency: a write names the version it read, and gets kConflict "Version" if another came
// first; nothing is half done. Every method may be called by any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace clary::meta {

struct Record {
  std::string key;
  int64_t version = 0;  // 1 after the first write, +1 with each
  std::string body;
};

struct Write {
  std::string table;
  std::string key;
  // nullopt deletes the record.
  std::optional<std::string> body;
  // 0: the record must not exist (kAlreadyExists "Exists" if it does); nullopt: whatever is there.
  std::optional<int64_t> expected_version;
  // Nothing is written, the version is only held to `expected_version`: kConflict "Fenced".
  bool check = false;
};

// While one lives, every write of its thread is made only if the record is at `version`, else
// nothing is: kConflict "Fenced". They do not nest.
class Fence {
 public:
  Fence(std::string table, std::string key, int64_t version);
  ~Fence();
  Fence(const Fence&) = delete;
  Fence& operator=(const Fence&) = delete;

 private:
  friend class MetadataStore;
  const Write check_;
};

// What is known of a record that has been written since some position of a feed, as it is now.
struct Change {
  std::string table;
  Record record;
  bool gone = false;  // it has been deleted; its body is empty
};

struct Changes {
  std::vector<Change> changes;  // in the order of their last writes
  int64_t next = 0;             // the position behind them
  bool more = false;            // there is more behind that
};

// What other processes write to a store that several share. Any thread.
class ChangeFeed {
 public:
  virtual ~ChangeFeed() = default;
  // The position behind all that has been written.
  virtual Result<int64_t> Newest() = 0;
  // kFailedPrecondition "Behind": what was deleted since then is not known any more, or the store
  // is an older one than it was: read everything anew.
  virtual Result<Changes> Since(int64_t position) = 0;
  // Returns when something may have been written, after `limit`, or on a stop. One thread.
  virtual void Wait(Duration limit, const std::stop_token& stop) = 0;
};

// What every store answers to `write` when the record is at version `current` (0: not there).
Status CheckVersion(const Write& write, int64_t current);

class MetadataStore {
 public:
  virtual ~MetadataStore() = default;
  // kNotFound "NoRecord".
  virtual Result<Record> Get(std::string_view table, std::string_view key) = 0;
  // Records with key >= `from`, in byte order of the key, at most `limit`.
  virtual Result<std::vector<Record>> List(std::string_view table, std::string_view from = "",
                                           size_t limit = SIZE_MAX) = 0;
  // All of `writes` or none, in one transaction. Returns the new versions (0 for a deletion).
  Result<std::vector<int64_t>> Apply(const std::vector<Write>& writes);
  // Null: no other process writes to it.
  virtual ChangeFeed* feed() { return nullptr; }

  Result<int64_t> Put(std::string table, std::string key, std::string body,
                      std::optional<int64_t> expected_version) {
    CLARY_TRY(const auto versions,
              Apply({Write{std::move(table), std::move(key), std::move(body), expected_version}}));
    return versions[0];
  }

 protected:
  virtual Result<std::vector<int64_t>> ApplyAll(const std::vector<Write>& writes) = 0;
};

}  // namespace clary::meta
