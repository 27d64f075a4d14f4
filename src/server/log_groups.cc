// The operations of CloudWatch Logs that write: groups, streams and events of users. The limits and
// texts are those of AWS's public documentation of PutLogEvents.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/tags.h"
#include "base/log.h"
#include "base/strings.h"
#include "server/internal/logs_input.h"
#include "server/internal/record_body.h"
#include "server/logs.h"

namespace clary::server {
namespace {

using nlohmann::json;

constexpr std::string_view kGroupsTable = "log_groups";
constexpr std::string_view kOwnGroups = "/aws/sagemaker/";
constexpr int64_t kDayMs = 86'400'000;
constexpr size_t kMaxBatchBytes = 1'048'576;
constexpr size_t kMaxEventBytes = 262'144;
constexpr size_t kEventOverhead = 26;
constexpr size_t kMaxTags = 50;
constexpr int64_t kRetentions[] = {1,   3,   5,   7,   14,   30,   60,   90,   120,  150,  180,
                                   365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653};

std::unexpected<Error> Exists(std::string message) {
  return Fail(Code::kAlreadyExists, "ResourceAlreadyExistsException", std::move(message));
}

Status CheckUsers(std::string_view group) {
  if (!group.starts_with(kOwnGroups)) return {};
  return Invalid("The log group " + std::string(group) + " is this service's: groups below " +
                 std::string(kOwnGroups) +
                 " hold the output of jobs, which only jobs write, and which goes with them");
}

// A name that the store cannot hold is the caller's.
Status Stored(Status status, const std::string& name) {
  if (status || status.error().reason != "BadName") return status;
  return Invalid("The name '" + name +
                 "' is too long: its parts between slashes may have 250 bytes");
}

Result<std::map<std::string, std::string>> TagsOf(const Input& input) {
  std::map<std::string, std::string> tags;
  const json* given = input.Find("tags");
  if (!given) return tags;
  std::vector<std::string> keys;
  for (const auto& [key, value] : given->items()) {
    keys.push_back(key);
    tags[key] = value.get<std::string>();
  }
  if (std::string fault = api::TagFault(keys); !fault.empty()) return Invalid(std::move(fault));
  return tags;
}

struct Batch {
  std::vector<meta::LogEventRecord> events;
  json rejected = json::object();
};

// The events of a request, those that are too new or too old left out and told of.
Result<Batch> ReadBatch(const json& given, int64_t now_ms, int64_t cutoff_ms, bool expires) {
  Batch batch;
  size_t bytes = 0;
  int64_t first_ms = 0;
  int64_t last_ms = 0;
  int64_t too_old = -1;
  int64_t expired = -1;
  for (size_t i = 0; i < given.size(); ++i) {
    const auto& message = given[i].at("message").get_ref<const std::string&>();
    const size_t size = message.size() + kEventOverhead;
    if (size > kMaxEventBytes) {
      return Invalid("Log event too large: " + std::to_string(size) + " bytes exceeds limit of " +
                     std::to_string(kMaxEventBytes));
    }
    bytes += size;
    const auto ms = given[i].at("timestamp").get<int64_t>();
    if (i == 0) first_ms = last_ms = ms;
    if (ms < last_ms) {
      return Invalid("Log events in a single PutLogEvents request must be in chronological order.");
    }
    last_ms = ms;
    if (last_ms - first_ms > kDayMs) {
      return Invalid(
          "The batch of log events in a single PutLogEvents request cannot span more than 24 "
          "hours.");
    }
    const auto index = static_cast<int64_t>(i);
    if (expires && ms < cutoff_ms) {
      expired = index;
    } else if (ms < now_ms - 14 * kDayMs) {
      too_old = index;
    } else if (ms > now_ms + 2 * 3'600'000) {
      if (!batch.rejected.contains("tooNewLogEventStartIndex")) {
        batch.rejected["tooNewLogEventStartIndex"] = index;
      }
    } else {
      batch.events.push_back({.timestamp_ms = ms, .message = message});
    }
  }
  if (bytes > kMaxBatchBytes) {
    return Invalid("Upload too large: " + std::to_string(bytes) + " bytes exceeds limit of " +
                   std::to_string(kMaxBatchBytes));
  }
  // The end of a range is the index after it.
  if (too_old >= 0) batch.rejected["tooOldLogEventEndIndex"] = too_old + 1;
  if (expired >= 0) batch.rejected["expiredLogEventEndIndex"] = expired + 1;
  return batch;
}

}  // namespace

Result<std::unique_ptr<LogsFront>> LogsFront::Open(const meta::LogStore& logs,
                                                   meta::MetadataStore& records,
                                                   const Account& account, Clock& clock) {
  std::unique_ptr<LogsFront> front(new LogsFront(logs, records, account, clock));
  CLARY_CHECK_OK(front->Reload());
  return front;
}

Status LogsFront::Reload() {
  const MutexLock no_change(write_mu_);
  CLARY_TRY(const auto stored, records_.List(kGroupsTable));
  const MutexLock lock(mu_);
  groups_.clear();
  for (const meta::Record& record : stored) {
    const auto body = BodyOf(kGroupsTable, record);
    if (!body) {
      LOG(kError, "a log group's record is damaged", {"group", record.key});
      continue;
    }
    GroupFacts facts{.created_ms = IntIn(*body, "created_ms"),
                     .retention_days = IntIn(*body, "retention_days")};
    if (const auto tags = body->find("tags"); tags != body->end() && tags->is_object()) {
      for (const auto& [key, value] : tags->items()) {
        if (value.is_string()) facts.tags[key] = value.get<std::string>();
      }
    }
    groups_[record.key] = std::move(facts);
  }
  return {};
}

LogsFront::GroupFacts LogsFront::FactsOf(const std::string& group) const {
  const MutexLock lock(mu_);
  const auto it = groups_.find(group);
  return it == groups_.end() ? GroupFacts{} : it->second;
}

Status LogsFront::Save(const std::string& group, GroupFacts facts) {
  const json body = {{"created_ms", facts.created_ms},
                     {"retention_days", facts.retention_days},
                     {"tags", facts.tags}};
  CLARY_CHECK_OK(records_.Put(std::string(kGroupsTable), group, body.dump(), std::nullopt));
  const MutexLock lock(mu_);
  groups_[group] = std::move(facts);
  return {};
}

int64_t LogsFront::Cutoff(const std::string& group) const {
  const int64_t days = FactsOf(group).retention_days;
  return days == 0 ? 0 : std::max<int64_t>(0, ToMillis(clock_.Now()) - days * kDayMs);
}

void LogsFront::Sweep() {
  std::vector<std::string> groups;
  {
    const MutexLock lock(mu_);
    for (const auto& [group, facts] : groups_) {
      if (facts.retention_days > 0) groups.push_back(group);
    }
  }
  for (const std::string& group : groups) {
    const int64_t cutoff = Cutoff(group);
    const auto streams = logs_.Streams(group, "");
    if (!streams) continue;
    for (const meta::LogStreamInfo& stream : *streams) {
      if (stream.bytes == 0 || stream.first_event_ms >= cutoff) continue;
      const MutexLock lock(write_mu_);
      const auto trimmed = logs_.Trim(group, stream.name, cutoff);
      if (!trimmed && trimmed.error().code != Code::kNotFound) {
        LOG(kWarn, "a log stream was not trimmed", {"group", group}, {"stream", stream.name},
            {"message", trimmed.error().message});
      }
    }
  }
}

LogGroupOperations::Result LogGroupOperations::CreateLogGroup(LogsFront& front,
                                                              const Input& input) {
  CLARY_TRY(const std::string group, input.Group());
  if (ToLower(group).starts_with("aws/")) {
    return Invalid("Log groups starting with AWS/ are reserved for AWS.");
  }
  CLARY_TRY(auto tags, TagsOf(input));
  CLARY_TRY(const std::string kind, input.Text("logGroupClass"));
  if (!kind.empty() && kind != "STANDARD") {
    return Invalid("logGroupClass: only STANDARD is supported here, not " + kind);
  }
  CLARY_TRY(const bool kept, input.Flag("deletionProtectionEnabled"));
  if (kept) return Invalid("deletionProtectionEnabled is not supported here");
  const MutexLock lock(front.write_mu_);
  if (front.logs_.HasGroup(group)) return Exists("The specified log group already exists");
  CLARY_CHECK_OK(Stored(front.logs_.CreateGroup(group), group));
  if (!group.starts_with(kOwnGroups)) {
    const Status saved =
        front.Save(group, {.created_ms = ToMillis(front.clock_.Now()), .tags = std::move(tags)});
    if (!saved) {
      (void)front.logs_.RemoveGroup(group);
      return std::unexpected(saved.error());
    }
  }
  if (input.Find("kmsKeyId")) {
    LOG(kWarn, "a log group names a KMS key, which encrypts nothing here", {"group", group});
  }
  return json::object();
}

LogGroupOperations::Result LogGroupOperations::DeleteLogGroup(LogsFront& front,
                                                              const Input& input) {
  CLARY_TRY(const std::string group, input.Group());
  CLARY_CHECK_OK(CheckUsers(group));
  const MutexLock lock(front.write_mu_);
  if (!front.logs_.HasGroup(group)) return NoGroup();
  CLARY_CHECK_OK(front.records_.Apply({{.table = std::string(kGroupsTable), .key = group}}));
  {
    const MutexLock facts(front.mu_);
    front.groups_.erase(group);
  }
  CLARY_CHECK_OK(front.logs_.RemoveGroup(group));
  return json::object();
}

LogGroupOperations::Result LogGroupOperations::CreateLogStream(LogsFront& front,
                                                               const Input& input) {
  CLARY_TRY(const std::string group, input.Group());
  CLARY_TRY(const std::string stream, input.Text("logStreamName"));
  CLARY_CHECK_OK(CheckUsers(group));
  const MutexLock lock(front.write_mu_);
  if (!front.logs_.HasGroup(group)) return NoGroup();
  if (front.logs_.HasStream(group, stream))
    return Exists("The specified log stream already exists");
  CLARY_CHECK_OK(Stored(front.logs_.CreateStream(group, stream), stream));
  return json::object();
}

LogGroupOperations::Result LogGroupOperations::DeleteLogStream(LogsFront& front,
                                                               const Input& input) {
  CLARY_TRY(const std::string group, input.Group());
  CLARY_TRY(const std::string stream, input.Text("logStreamName"));
  CLARY_CHECK_OK(CheckUsers(group));
  const MutexLock lock(front.write_mu_);
  if (!front.logs_.HasGroup(group)) return NoGroup();
  if (!front.logs_.HasStream(group, stream)) return NoStream();
  CLARY_CHECK_OK(front.logs_.RemoveStream(group, stream));
  return json::object();
}

LogGroupOperations::Result LogGroupOperations::PutLogEvents(LogsFront& front, const Input& input) {
  CLARY_TRY(const std::string group, input.Group());
  CLARY_TRY(const std::string stream, input.Text("logStreamName"));
  CLARY_CHECK_OK(CheckUsers(group));
  const int64_t cutoff = front.Cutoff(group);
  const json* events = input.Find("logEvents");
  CLARY_TRY(const Batch batch,
            ReadBatch(events ? *events : json(), ToMillis(front.clock_.Now()), cutoff, cutoff > 0));
  const MutexLock lock(front.write_mu_);
  if (!front.logs_.HasGroup(group)) return NoGroup();
  if (!front.logs_.HasStream(group, stream)) return NoStream();
  CLARY_CHECK_OK(front.logs_.Put(group, stream, batch.events));
  json out = {{"nextSequenceToken", "0"}};  // sequence tokens mean nothing any more
  if (!batch.rejected.empty()) out["rejectedLogEventsInfo"] = batch.rejected;
  return out;
}

LogGroupOperations::Result LogGroupOperations::PutRetentionPolicy(LogsFront& front,
                                                                  const Input& input) {
  CLARY_TRY(const std::string group, input.Group());
  CLARY_TRY(const int64_t days, input.Integer("retentionInDays", 0, INT64_MIN, INT64_MAX));
  CLARY_CHECK_OK(CheckUsers(group));
  if (std::ranges::find(kRetentions, days) == std::end(kRetentions)) {
    std::string all;
    for (const int64_t d : kRetentions) all += (all.empty() ? "" : ", ") + std::to_string(d);
    return Invalid("1 validation error detected: Value '" + std::to_string(days) +
                   "' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum "
                   "value set: [" +
                   all + "]");
  }
  const MutexLock lock(front.write_mu_);
  if (!front.logs_.HasGroup(group)) return NoGroup();
  LogsFront::GroupFacts facts = front.FactsOf(group);
  facts.retention_days = days;
  CLARY_CHECK_OK(front.Save(group, std::move(facts)));
  return json::object();
}

LogGroupOperations::Result LogGroupOperations::DeleteRetentionPolicy(LogsFront& front,
                                                                     const Input& input) {
  CLARY_TRY(const std::string group, input.Group());
  CLARY_CHECK_OK(CheckUsers(group));
  const MutexLock lock(front.write_mu_);
  if (!front.logs_.HasGroup(group)) return NoGroup();
  LogsFront::GroupFacts facts = front.FactsOf(group);
  facts.retention_days = 0;
  CLARY_CHECK_OK(front.Save(group, std::move(facts)));
  return json::object();
}

LogGroupOperations::Result LogGroupOperations::ListTagsForResource(LogsFront& front,
                                                                   const Input& input) {
  CLARY_TRY(const std::string group, input.GroupOfResource());
  const MutexLock lock(front.write_mu_);
  if (!front.logs_.HasGroup(group)) return NoGroup();
  return json{{"tags", front.FactsOf(group).tags}};
}

LogGroupOperations::Result LogGroupOperations::TagResource(LogsFront& front, const Input& input) {
  CLARY_TRY(const std::string group, input.GroupOfResource());
  CLARY_TRY(auto tags, TagsOf(input));
  CLARY_CHECK_OK(CheckUsers(group));
  const MutexLock lock(front.write_mu_);
  if (!front.logs_.HasGroup(group)) return NoGroup();
  LogsFront::GroupFacts facts = front.FactsOf(group);
  for (auto& [key, value] : tags) facts.tags[key] = std::move(value);
  if (facts.tags.size() > kMaxTags) {
    return Fail(Code::kInvalidArgument, "TooManyTagsException",
                "The resource would have more than 50 tags.");
  }
  CLARY_CHECK_OK(front.Save(group, std::move(facts)));
  return json::object();
}

LogGroupOperations::Result LogGroupOperations::UntagResource(LogsFront& front, const Input& input) {
  CLARY_TRY(const std::string group, input.GroupOfResource());
  CLARY_CHECK_OK(CheckUsers(group));
  const json* keys = input.Find("tagKeys");
  const MutexLock lock(front.write_mu_);
  if (!front.logs_.HasGroup(group)) return NoGroup();
  LogsFront::GroupFacts facts = front.FactsOf(group);
  for (const json& key : *keys) {
    facts.tags.erase(key.get<std::string>());
  }
  CLARY_CHECK_OK(front.Save(group, std::move(facts)));
  return json::object();
}

}  // namespace clary::server
