#include "control/internal/records.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/log.h"

namespace clary::control {
namespace {

using nlohmann::json;

constexpr size_t kLoadPage = 1000;
constexpr size_t kMaxTexts = 4096;   // answers kept; when full, all are dropped
constexpr size_t kFirstChunk = 32;   // of a walk: what a page needs
constexpr size_t kLargeChunk = 256;  // of a long one

// Copies the next values of `map` behind `after` in the direction of travel, at most `limit`.
template <typename Map, typename Key, typename Get>
std::vector<SnapshotPtr> Chunk(const Map& map, bool ascending, const std::optional<Key>& after,
                               size_t limit, Get&& get) {
  std::vector<SnapshotPtr> out;
  out.reserve(std::min(limit, map.size()));
  if (ascending) {
    auto it = after ? map.upper_bound(*after) : map.begin();
    for (; it != map.end() && out.size() < limit; ++it) out.push_back(get(it->second));
  } else {
    auto it = after ? map.lower_bound(*after) : map.end();
    while (it != map.begin() && out.size() < limit) out.push_back(get((--it)->second));
  }
  return out;
}

// Visits chunk after chunk; next(after, limit) copies one, key_of says where it ended.
template <typename Key, typename Next, typename KeyOf>
void Walk(std::optional<Key> after, const std::function<bool(const SnapshotPtr&)>& visit,
          Next&& next, KeyOf&& key_of) {
  for (size_t limit = kFirstChunk;; limit = kLargeChunk) {
    const std::vector<SnapshotPtr> chunk = next(after, limit);
    for (const SnapshotPtr& snapshot : chunk) {
      if (!visit(snapshot)) return;
    }
    if (chunk.size() < limit) return;
    after = key_of(chunk.back()->record);
  }
}

Result<SnapshotPtr> Parsed(const Kind& kind, const meta::Record& stored) {
  CLARY_TRY(Record record, RecordFromJson(kind, json::parse(stored.body, nullptr, false)));
  FoldIntent(record);
  return std::make_shared<const Snapshot>(std::move(record), stored.version);
}

}  // namespace

TagMap TagsFromJson(const json& list) {
  TagMap tags;
  for (const json& t : list) tags[t.at("Key")] = t.at("Value");
  return tags;
}

json TagsToJson(const TagMap& tags) {
  json list = json::array();
  for (const auto& [key, value] : tags) list.push_back({{"Key", key}, {"Value", value}});
  return list;
}

void Plan::Create(Record record, TagMap tags) {
  changes_.push_back({.base = nullptr, .record = std::move(record), .tags = std::move(tags)});
}
void Plan::Update(SnapshotPtr base, Record record) {
  changes_.push_back({.base = std::move(base), .record = std::move(record), .tags = {}});
}
void Plan::Remove(SnapshotPtr base) {
  changes_.push_back({.base = std::move(base), .record = std::nullopt, .tags = {}});
}

Records::Records(meta::MetadataStore& store) : store_(store), tables_(Kinds().size()) {}

Status Records::LoadKind(const Kind& kind) {
  std::string from;
  for (;;) {
    CLARY_TRY(const auto page, store_.List(kind.table, from, kLoadPage));
    for (const meta::Record& stored : page) {
      const json j = json::parse(stored.body, nullptr, false);
      const bool old = kind.upgrade != nullptr && j.is_object() && j.value("schema", json()) == 1;
      Result<std::vector<Record>> records = std::vector<Record>();
      if (old) {
        records = kind.upgrade(j);
      } else if (auto record = RecordFromJson(kind, j)) {
        records->push_back(*std::move(record));
      } else {
        records = std::unexpected(std::move(record).error());
      }
      if (!records && records.error().code == Code::kDataLoss) {
        // One broken record must not keep all others from being served.
        LOG(kError, "skipping a broken record", {"kind", kind.noun}, {"key", stored.key},
            {"why", records.error().message});
        continue;
      }
      if (!records) {
        return std::unexpected(
            std::move(records).error().With(std::string(kind.noun) + " " + stored.key));
      }
      std::vector<int64_t> versions = {stored.version};
      if (old) {
        std::vector<meta::Write> writes;
        for (const Record& r : *records) {
          writes.push_back({r.kind->table, r.key, r.ToJson(), std::nullopt});
        }
        writes.front().expected_version = stored.version;
        CLARY_TRY(versions, store_.Apply(writes));
      }
      MutexLock lock(mu_);
      for (size_t i = 0; i < records->size(); ++i) {
        FoldIntent((*records)[i]);
        Install(std::make_shared<const Snapshot>(std::move((*records)[i]), versions[i]), true);
      }
    }
    if (page.size() < kLoadPage) break;
    from = page.back().key + '\0';
  }
  return {};
}

Status Records::Load() {
  for (const Kind* kind : Kinds()) CLARY_CHECK_OK(LoadKind(*kind));
  CLARY_TRY(const auto tagged, store_.List(kTagsTable));
  MutexLock lock(mu_);
  for (const meta::Record& stored : tagged) {
    const json list = json::parse(stored.body, nullptr, false);
    if (list.is_array()) tags_[stored.key] = TagsFromJson(list);
  }
  return {};
}

const Records::Slot* Records::SlotOf(std::string_view arn) const {
  const ArnParts parts = ParseArn(arn);
  if (parts.kind == nullptr) return nullptr;
  const auto& table = tables_[IndexOf(*parts.kind)].by_key;
  const auto it = table.find(parts.key);
  return it != table.end() && it->second.snapshot->record.arn == arn ? &it->second : nullptr;
}

void Records::Touch(const std::string& arn) {
  if (arn.empty()) return;
  if (auto* slot = const_cast<Slot*>(SlotOf(arn))) slot->stamp = ++stamps_;
}

void Records::Install(SnapshotPtr snapshot, bool is_new) {
  const Record& r = snapshot->record;
  const size_t kind = IndexOf(*r.kind);
  Table& table = tables_[kind];
  const auto it = table.by_key.find(r.key);
  if (it == table.by_key.end() && !is_new) return;  // it has been removed meanwhile
  Slot& slot = it != table.by_key.end() ? it->second : table.by_key[r.key];
  if (slot.snapshot && slot.snapshot->version >= snapshot->version) return;
  // A late version of a removed record is not one of its successor.
  if (slot.snapshot && slot.snapshot->record.created_ms != r.created_ms && !is_new) return;
  table.by_creation[{r.created_ms, r.key}] = snapshot;
  const ActiveKey active(r.created_ms, kind, r.key);
  if (r.settled()) {
    active_.erase(active);
  } else {
    active_[active] = snapshot;
  }
  if (!r.owner.empty()) children_[r.owner].insert({kind, r.key});
  slot.stamp = ++stamps_;
  Touch(r.owner);
  slot.snapshot = std::move(snapshot);
}

void Records::Erase(const Record& r) {
  const size_t kind = IndexOf(*r.kind);
  tables_[kind].by_creation.erase({r.created_ms, r.key});
  active_.erase({r.created_ms, kind, r.key});
  if (const auto it = children_.find(r.owner); it != children_.end()) {
    it->second.erase({kind, r.key});
    if (it->second.empty()) children_.erase(it);
  }
  tags_.erase(r.arn);
  Touch(r.owner);
  tables_[kind].by_key.erase(r.key);
}

// What is read after `before` was seen is not older than it. No removal of this service comes in
// between (rare_); whoever installs something newer meanwhile has the last word.
Status Records::Reload(const Kind& kind, const std::string& key) {
  MutexLock no_removal(rare_);
  for (;;) {
    const SnapshotPtr before = Find(kind, key);
    const auto stored = store_.Get(kind.table, key);
    if (!stored && stored.error().code != Code::kNotFound) return std::unexpected(stored.error());
    SnapshotPtr now;
    if (stored) {
      CLARY_TRY(now, Parsed(kind, *stored));
    }
    // One that was made anew has tags of its own, which may have come before it.
    json tags;
    if (before && now && now->record.created_ms != before->record.created_ms) {
      if (const auto kept = store_.Get(kTagsTable, now->record.arn)) {
        tags = json::parse(kept->body, nullptr, false);
      }
    }
    MutexLock lock(mu_);
    const auto& table = tables_[IndexOf(kind)].by_key;
    const auto it = table.find(key);
    if ((it != table.end() ? it->second.snapshot : nullptr) != before) continue;
    if (before && (!now || now->record.created_ms != before->record.created_ms)) {
      const Record gone = before->record;
      Erase(gone);
    }
    if (tags.is_array()) tags_[now->record.arn] = TagsFromJson(tags);
    if (now) Install(std::move(now), true);
    return {};
  }
}

Result<SnapshotPtr> Records::Absorb(const meta::Change& change) {
  if (change.table == kTagsTable) {
    MutexLock no_removal(rare_);
    const json list = json::parse(change.record.body, nullptr, false);
    MutexLock lock(mu_);
    if (change.gone || !list.is_array()) {
      tags_.erase(change.record.key);
    } else {
      tags_[change.record.key] = TagsFromJson(list);
    }
    return nullptr;
  }
  const auto found = std::ranges::find(Kinds(), change.table, &Kind::table);
  if (found == Kinds().end()) return nullptr;
  const Kind& kind = **found;
  const SnapshotPtr known = Find(kind, change.record.key);
  if (known ? !change.gone && known->version == change.record.version : change.gone) return nullptr;
  if (known && !change.gone && change.record.version > known->version) {
    const auto parsed = Parsed(kind, change.record);
    if (parsed && (*parsed)->record.created_ms == known->record.created_ms) {
      MutexLock lock(mu_);
      Install(*parsed, false);
      return *parsed;
    }
  }
  if (const Status done = Reload(kind, change.record.key); !done) {
    if (done.error().code == Code::kUnavailable) return std::unexpected(done.error());
    LOG(kError, "a record that another service wrote cannot be read", {"kind", kind.noun},
        {"key", change.record.key}, {"why", done.error().message});
    return nullptr;
  }
  const SnapshotPtr now = Find(kind, change.record.key);
  return now == known ? nullptr : now ? now : known;
}

SnapshotPtr Records::Find(const Kind& kind, std::string_view key) const {
  const size_t index = IndexOf(kind);
  MutexLock lock(mu_);
  const auto& table = tables_[index].by_key;
  const auto it = table.find(key);
  return it != table.end() ? it->second.snapshot : nullptr;
}

SnapshotPtr Records::FindArn(std::string_view arn) const {
  MutexLock lock(mu_);
  const Slot* slot = SlotOf(arn);
  return slot != nullptr ? slot->snapshot : nullptr;
}

std::vector<SnapshotPtr> Records::Children(const std::string& arn) const {
  std::vector<SnapshotPtr> out;
  MutexLock lock(mu_);
  const auto it = children_.find(arn);
  if (it == children_.end()) return out;
  for (const auto& [kind, key] : it->second) {
    out.push_back(tables_[kind].by_key.find(key)->second.snapshot);
  }
  return out;
}

uint64_t Records::Stamp(std::string_view arn) const {
  MutexLock lock(mu_);
  const Slot* slot = SlotOf(arn);
  return slot != nullptr ? slot->stamp : 0;
}

Status Records::Apply(Plan plan) {
  if (plan.changes_.empty()) return {};
  std::vector<meta::Write> writes;
  bool removes = false;
  for (const Plan::Change& change : plan.changes_) {
    const Record& r = change.record ? *change.record : change.base->record;
    writes.push_back({r.kind->table, r.key,
                      change.record ? std::optional(change.record->ToJson()) : std::nullopt,
                      change.base ? change.base->version : 0});
  }
  const size_t of_records = writes.size();
  for (const Plan::Change& change : plan.changes_) {
    if (!change.record) {
      removes = true;
      writes.push_back({kTagsTable, change.base->record.arn, std::nullopt, std::nullopt});
    } else if (!change.tags.empty()) {
      writes.push_back(
          {kTagsTable, change.record->arn, TagsToJson(change.tags).dump(), std::nullopt});
    }
  }
  std::unique_lock<Mutex> alone(rare_, std::defer_lock);
  if (removes) alone.lock();
  const auto written = store_.Apply(writes);
  if (!written) {
    if (alone) alone.unlock();
    const Code code = written.error().code;
    if (code == Code::kAlreadyExists || code == Code::kConflict) {
      for (size_t i = 0; i < of_records; ++i) {
        const Record& r =
            plan.changes_[i].record ? *plan.changes_[i].record : plan.changes_[i].base->record;
        (void)Reload(*r.kind, r.key);
      }
    }
    return std::unexpected(written.error());
  }
  MutexLock lock(mu_);
  for (size_t i = 0; i < of_records; ++i) {
    Plan::Change& change = plan.changes_[i];
    if (!change.record) {
      Erase(change.base->record);
      continue;
    }
    if (!change.tags.empty()) tags_[change.record->arn] = std::move(change.tags);
    FoldIntent(*change.record);
    Install(std::make_shared<const Snapshot>(*std::move(change.record), (*written)[i]),
            change.base == nullptr);
  }
  return {};
}

Result<SnapshotPtr> Records::Update(const SnapshotPtr& base, Record record) {
  const auto version = store_.Put(record.kind->table, record.key, record.ToJson(), base->version);
  if (!version) {
    if (version.error().code == Code::kConflict) (void)Reload(*record.kind, record.key);
    return std::unexpected(version.error());
  }
  FoldIntent(record);
  auto snapshot = std::make_shared<const Snapshot>(std::move(record), *version);
  MutexLock lock(mu_);
  Install(snapshot, false);
  return snapshot;
}

Status Records::Show(const SnapshotPtr& base, Record record) {
  auto snapshot = std::make_shared<const Snapshot>(std::move(record), base->version);
  const Record& r = snapshot->record;
  const size_t kind = IndexOf(*r.kind);
  MutexLock lock(mu_);
  Table& table = tables_[kind];
  const auto it = table.by_key.find(r.key);
  if (it == table.by_key.end() || it->second.snapshot != base) {
    return Fail(Code::kConflict, "Version", "record " + r.key + " has changed");
  }
  table.by_creation[{r.created_ms, r.key}] = snapshot;
  if (!r.settled()) active_[ActiveKey(r.created_ms, kind, r.key)] = snapshot;
  it->second.stamp = ++stamps_;
  it->second.snapshot = std::move(snapshot);
  return {};
}

std::vector<SnapshotPtr> Records::Active() const {
  std::vector<SnapshotPtr> out;
  MutexLock lock(mu_);
  out.reserve(active_.size());
  for (const auto& [key, snapshot] : active_) out.push_back(snapshot);
  return out;
}

void Records::ByCreation(const Kind& kind, bool ascending, std::optional<TimeKey> after,
                         const std::function<bool(const SnapshotPtr&)>& visit) const {
  Walk(
      std::move(after), visit,
      [&](const std::optional<TimeKey>& from, size_t limit) {
        MutexLock lock(mu_);
        return Chunk(tables_[IndexOf(kind)].by_creation, ascending, from, limit,
                     [](const SnapshotPtr& s) { return s; });
      },
      [](const Record& r) { return TimeKey(r.created_ms, r.key); });
}

void Records::ByKey(const Kind& kind, bool ascending, std::optional<std::string> after,
                    const std::function<bool(const SnapshotPtr&)>& visit) const {
  Walk(
      std::move(after), visit,
      [&](const std::optional<std::string>& from, size_t limit) {
        MutexLock lock(mu_);
        return Chunk(tables_[IndexOf(kind)].by_key, ascending, from, limit,
                     [](const Slot& s) { return s.snapshot; });
      },
      [](const Record& r) { return r.key; });
}

TagMap Records::Tags(const std::string& arn) const {
  MutexLock lock(mu_);
  const auto it = tags_.find(arn);
  return it != tags_.end() ? it->second : TagMap{};
}

Result<TagMap> Records::ChangeTags(const std::string& arn,
                                   const std::function<Status(TagMap& tags)>& change) {
  MutexLock one_at_a_time(rare_);
  TagMap tags;
  for (;;) {  // other services change tags, too
    const auto stored = store_.Get(kTagsTable, arn);
    if (!stored && stored.error().code != Code::kNotFound) return std::unexpected(stored.error());
    const json list = stored ? json::parse(stored->body, nullptr, false) : json();
    tags = list.is_array() ? TagsFromJson(list) : TagMap{};
    CLARY_CHECK_OK(change(tags));
    const auto put =
        store_.Put(kTagsTable, arn, TagsToJson(tags).dump(), stored ? stored->version : 0);
    if (put) break;
    const Code code = put.error().code;
    if (code != Code::kConflict && code != Code::kAlreadyExists) {
      return std::unexpected(put.error());
    }
  }
  MutexLock lock(mu_);
  tags_[arn] = tags;
  return tags;
}

std::shared_ptr<const std::string> Records::Text(
    const Kind& kind, std::string_view key,
    const std::function<std::string(const Record& record)>& make) const {
  Slot of;  // as it is now; what changes while `make` looks makes the next call do so again
  {
    MutexLock lock(mu_);
    const auto& table = tables_[IndexOf(kind)].by_key;
    const auto it = table.find(key);
    if (it == table.end()) return nullptr;
    of = it->second;
  }
  const Record& record = of.snapshot->record;
  {
    MutexLock lock(text_mu_);
    const auto it = texts_.find(record.arn);
    if (it != texts_.end() && it->second.stamp == of.stamp) return it->second.text;
  }
  auto text = std::make_shared<const std::string>(make(record));
  MutexLock lock(text_mu_);
  if (texts_.size() >= kMaxTexts) texts_.clear();
  texts_.insert_or_assign(record.arn, CachedText{.stamp = of.stamp, .text = text});
  return text;
}

}  // namespace clary::control
