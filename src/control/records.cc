#include <nlohmann/json.hpp>

#include "base/log.h"
#include "control/internal/state.h"

namespace clary::control {
namespace {

using nlohmann::json;

constexpr size_t kLoadPage = 1000;
constexpr size_t kMaxTexts = 512;  // answers kept; when full, all are dropped

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

Status Records::Load() {
  std::string from;
  for (;;) {
    CLARY_TRY(const auto page, store_.List(kJobsTable, from, kLoadPage));
    for (const meta::Record& stored : page) {
      auto record = JobRecord::FromJson(stored.body);
      if (!record && record.error().code == Code::kDataLoss) {
        // One broken record must not keep all others from being served.
        LOG(kError, "skipping a broken job record", {"job", stored.key},
            {"why", record.error().message});
        continue;
      }
      if (!record) return std::unexpected(std::move(record).error().With("job " + stored.key));
      FoldIntent(*record);
      auto snapshot = std::make_shared<const Snapshot>(*std::move(record), stored.version);
      MutexLock lock(mu_);
      Install(std::move(snapshot));
    }
    if (page.size() < kLoadPage) break;
    from = page.back().key + '\0';
  }
  CLARY_TRY(const auto tagged, store_.List(kTagsTable));
  MutexLock lock(mu_);
  for (const meta::Record& stored : tagged) {
    const json list = json::parse(stored.body, nullptr, false);
    if (list.is_array()) tags_[stored.key] = TagsFromJson(list);
  }
  return {};
}

namespace {
std::vector<std::string> RuleJobs(const JobRecord& record) {
  std::vector<std::string> names;
  record.ForEachRule([&](const RuleStatus& rule, bool) { names.push_back(rule.job_name()); });
  return names;
}
}  // namespace

void Records::Install(SnapshotPtr snapshot) {
  const JobRecord& r = snapshot->record;
  SnapshotPtr& slot = jobs_[r.name];
  if (!slot) {
    for (std::string& rule : RuleJobs(r)) rule_jobs_.insert_or_assign(std::move(rule), r.name);
  }
  if (slot && slot->version >= snapshot->version) return;
  const TimeKey key{r.created_ms, r.name};
  by_creation_[key] = snapshot;
  if (!r.settled()) {
    active_.insert(key);
  } else {
    active_.erase(key);
  }
  slot = std::move(snapshot);
}

Status Records::Reload(const std::string& name) {
  MutexLock no_removal(rare_);
  CLARY_TRY(const meta::Record stored, store_.Get(kJobsTable, name));
  CLARY_TRY(JobRecord record, JobRecord::FromJson(stored.body));
  FoldIntent(record);
  MutexLock lock(mu_);
  Install(std::make_shared<const Snapshot>(std::move(record), stored.version));
  return {};
}

SnapshotPtr Records::Find(std::string_view name) const {
  MutexLock lock(mu_);
  const auto it = jobs_.find(name);
  return it != jobs_.end() ? it->second : nullptr;
}

SnapshotPtr Records::FindByRule(std::string_view processing_job) const {
  MutexLock lock(mu_);
  const auto it = rule_jobs_.find(processing_job);
  return it != rule_jobs_.end() ? jobs_.find(it->second)->second : nullptr;
}

Status Records::Create(JobRecord record, const std::string& tags_json) {
  std::vector<meta::Write> writes = {{kJobsTable, record.name, record.ToJson(), 0}};
  if (!tags_json.empty()) writes.push_back({kTagsTable, record.arn, tags_json, std::nullopt});
  const auto written = store_.Apply(writes);
  if (!written) {
    if (written.error().code == Code::kAlreadyExists) (void)Reload(record.name);
    return std::unexpected(written.error());
  }
  MutexLock lock(mu_);
  if (!tags_json.empty()) tags_[record.arn] = TagsFromJson(json::parse(tags_json, nullptr, false));
  Install(std::make_shared<const Snapshot>(std::move(record), (*written)[0]));
  return {};
}

Result<SnapshotPtr> Records::Update(const SnapshotPtr& base, JobRecord record) {
  const auto version = store_.Put(kJobsTable, record.name, record.ToJson(), base->version);
  if (!version) {
    if (version.error().code == Code::kConflict) (void)Reload(record.name);
    return std::unexpected(version.error());
  }
  FoldIntent(record);
  auto snapshot = std::make_shared<const Snapshot>(std::move(record), *version);
  MutexLock lock(mu_);
  Install(snapshot);
  return snapshot;
}

Status Records::Remove(const SnapshotPtr& base) {
  const JobRecord& r = base->record;
  MutexLock alone(rare_);
  CLARY_CHECK_OK(store_.Apply({{kJobsTable, r.name, std::nullopt, base->version},
                               {kTagsTable, r.arn, std::nullopt, std::nullopt}}));
  MutexLock lock(mu_);
  for (const std::string& rule : RuleJobs(r)) rule_jobs_.erase(rule);
  jobs_.erase(r.name);
  by_creation_.erase({r.created_ms, r.name});
  active_.erase({r.created_ms, r.name});
  tags_.erase(r.arn);
  return {};
}

std::vector<SnapshotPtr> Records::Active() const {
  MutexLock lock(mu_);
  std::vector<SnapshotPtr> out;
  out.reserve(active_.size());
  for (const TimeKey& key : active_) out.push_back(jobs_.find(key.second)->second);
  return out;
}

TagMap Records::Tags(const std::string& arn) const {
  MutexLock lock(mu_);
  const auto it = tags_.find(arn);
  return it != tags_.end() ? it->second : TagMap{};
}

Result<TagMap> Records::ChangeTags(const std::string& arn,
                                   const std::function<Status(TagMap& tags)>& change) {
  MutexLock one_at_a_time(rare_);
  TagMap tags = Tags(arn);
  CLARY_CHECK_OK(change(tags));
  CLARY_CHECK_OK(store_.Put(kTagsTable, arn, TagsToJson(tags).dump(), std::nullopt));
  MutexLock lock(mu_);
  tags_[arn] = tags;
  return tags;
}

std::shared_ptr<const std::string> Records::DescribeText(const SnapshotPtr& job) const {
  {
    MutexLock lock(text_mu_);
    const auto it = texts_.find(job->record.name);
    if (it != texts_.end() && it->second.of == job) return it->second.text;
  }
  json view = BareView(job->record);
  AddMetricDefinitions(view);
  auto text = std::make_shared<const std::string>(
      view.dump(-1, ' ', false, json::error_handler_t::replace));
  MutexLock lock(text_mu_);
  if (texts_.size() >= kMaxTexts) texts_.clear();
  texts_.insert_or_assign(job->record.name, Text{.of = job, .text = text});
  return text;
}

}  // namespace clary::control
