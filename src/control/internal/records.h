// All records of all kinds in memory, written through to the store, versioned. Any thread. No lock
// that a reader holds is held for longer than it takes to copy some pointers.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "control/internal/kind.h"
#include "control/internal/record.h"
#include "meta/metadata_store.h"

namespace clary::control {

inline constexpr char kTagsTable[] = "tags";

using TagMap = std::map<std::string, std::string>;
TagMap TagsFromJson(const nlohmann::json& list);
nlohmann::json TagsToJson(const TagMap& tags);

// Changes of records that happen together or not at all.
class Plan {
 public:
  void Create(Record record, TagMap tags = {});
  void Update(SnapshotPtr base, Record record);
  void Remove(SnapshotPtr base);  // and its tags
  size_t size() const { return changes_.size(); }

 private:
  friend class Records;
  struct Change {
    SnapshotPtr base;              // null: the record is new
    std::optional<Record> record;  // nothing: it goes
    TagMap tags;                   // of a new one
  };
  std::vector<Change> changes_;
};

class Records {
 public:
  explicit Records(meta::MetadataStore& store);
  // Reads all kinds; rows of older schemas are written anew.
  Status Load();

  SnapshotPtr Find(const Kind& kind, std::string_view key) const;  // null: no such one
  SnapshotPtr FindArn(std::string_view arn) const;
  // Whose owner is `arn`, of any kind, by kind and key.
  std::vector<SnapshotPtr> Children(const std::string& arn) const;
  // Grows whenever the record or one of its children changes; 0: no such one.
  uint64_t Stamp(std::string_view arn) const;

  // One write. kAlreadyExists; kConflict: somebody else wrote, the newer ones have been read, look
  // again.
  Status Apply(Plan plan);
  // Replaces the version that `base` is, and returns the new one. kConflict as above.
  Result<SnapshotPtr> Update(const SnapshotPtr& base, Record record);
  // The same for readers only, of what is written down elsewhere and will be folded in again from
  // there after a restart. Its owner has nothing to do for it: no stamp but its own grows.
  // kConflict: `base` is not the newest.
  Status Show(const SnapshotPtr& base, Record record);

  // What another service that shares the store has written, or this one itself: the record of a
  // kind's table, or the tags of an ARN. Null: no record changed here; else the record, or the one
  // that is gone. kUnavailable: the store is away.
  Result<SnapshotPtr> Absorb(const meta::Change& change);

  // Records that are not settled, oldest first.
  std::vector<SnapshotPtr> Active() const;

  using TimeKey = std::pair<int64_t, std::string>;  // creation time, key
  // Calls visit(snapshot) in order of creation or of key, from behind `after` on (in the direction
  // of travel), until it returns false. No lock is held meanwhile.
  void ByCreation(const Kind& kind, bool ascending, std::optional<TimeKey> after,
                  const std::function<bool(const SnapshotPtr&)>& visit) const;
  void ByKey(const Kind& kind, bool ascending, std::optional<std::string> after,
             const std::function<bool(const SnapshotPtr&)>& visit) const;

  TagMap Tags(const std::string& arn) const;
  // Replaces the tags of `arn` by what `change` makes of them. Returns the new ones. No record is
  // removed while `change` runs.
  Result<TagMap> ChangeTags(const std::string& arn,
                            const std::function<Status(TagMap& tags)>& change);

  // The text that `make` makes of a record and its children, made once for each state of them;
  // null: no such record.
  std::shared_ptr<const std::string> Text(
      const Kind& kind, std::string_view key,
      const std::function<std::string(const Record& record)>& make) const;

 private:
  struct Slot {
    SnapshotPtr snapshot;
    uint64_t stamp = 0;
  };
  struct Table {
    std::map<std::string, Slot, std::less<>> by_key;
    std::map<TimeKey, SnapshotPtr> by_creation;
  };
  using ActiveKey = std::tuple<int64_t, size_t, std::string>;  // creation time, kind, key

  Status LoadKind(const Kind& kind);
  void Install(SnapshotPtr snapshot, bool is_new) REQUIRES(mu_);
  void Erase(const Record& record) REQUIRES(mu_);
  void Touch(const std::string& arn) REQUIRES(mu_);
  const Slot* SlotOf(std::string_view arn) const REQUIRES(mu_);
  // Makes the record here what the store has.
  Status Reload(const Kind& kind, const std::string& key);

  meta::MetadataStore& store_;
  mutable Mutex mu_;
  std::vector<Table> tables_ GUARDED_BY(mu_);  // by kind
  std::map<ActiveKey, SnapshotPtr> active_ GUARDED_BY(mu_);
  std::map<std::string, std::set<std::pair<size_t, std::string>>, std::less<>> children_
      GUARDED_BY(mu_);
  std::map<std::string, TagMap> tags_ GUARDED_BY(mu_);
  uint64_t stamps_ GUARDED_BY(mu_) = 0;
  // Held over the store's reads and writes by what is rare: changes of tags, conflicts, removals.
  // So nothing brings a removed record back.
  Mutex rare_;
  struct CachedText {
    uint64_t stamp = 0;
    std::shared_ptr<const std::string> text;
  };
  mutable Mutex text_mu_;
  mutable std::unordered_map<std::string, CachedText> texts_ GUARDED_BY(text_mu_);  // by ARN
};

}  // namespace clary::control
