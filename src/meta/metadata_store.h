// Typed records with versions: the seam to the service's durable state.
//
// A record is (table, key) -> body, an opaque JSON text whose schema its owner documents in
// docs/formats/. Every write is one transaction and durable when the call returns. Optimistic
// concurrency: a write names the version it read, and gets kConflict "Version" if another came
// first; nothing is half done. Every method may be called by any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
  virtual Result<std::vector<int64_t>> Apply(const std::vector<Write>& writes) = 0;

  Result<int64_t> Put(std::string table, std::string key, std::string body,
                      std::optional<int64_t> expected_version) {
    CLARY_TRY(const auto versions,
              Apply({Write{std::move(table), std::move(key), std::move(body), expected_version}}));
    return versions[0];
  }
};

}  // namespace clary::meta
