#include "server/logs.h"

#include <algorithm>
#include <deque>
#include <nlohmann/json.hpp>

#include "api/page.h"
#include "base/hash.h"
#include "base/strings.h"
#include "server/internal/logs_input.h"

namespace clary::server {
namespace {

using nlohmann::json;

constexpr size_t kMaxEvents = 10'000;
constexpr size_t kPageBytes = 1 << 20;
constexpr int64_t kMaxTimestamp = INT64_MAX;

std::unexpected<Error> BadToken() { return Invalid("The specified nextToken is invalid."); }

// The position of the request's token; null without one.
Result<json> PositionOf(const char* operation, const Input& input) {
  CLARY_TRY(const std::string token, input.Text("nextToken"));
  if (!input.Find("nextToken")) return json();
  auto position = api::ReadPageToken(operation, input.document(), token);
  if (!position || !position->is_array()) return BadToken();
  return *std::move(position);
}

// The page of `all` behind the request's token, and the token of the next one, if there is more:
// one client repeats a call that has one for ever. `all` is sorted by key(item), descending if so
// said; a key is a time or 0, and a name.
template <typename T, typename Key>
Result<std::pair<std::vector<T>, std::string>> Page(std::vector<T> all, const char* operation,
                                                    const Input& input, size_t limit,
                                                    bool descending, Key key) {
  CLARY_TRY(const json position, PositionOf(operation, input));
  if (!position.is_null()) {
    if (position.size() != 2 || !position[0].is_number_integer() || !position[1].is_string()) {
      return BadToken();
    }
    const std::pair after(position[0].get<int64_t>(), position[1].get<std::string>());
    std::erase_if(
        all, [&](const T& item) { return descending ? key(item) >= after : key(item) <= after; });
  }
  std::string next;
  if (all.size() > limit) {
    all.resize(limit);
    const auto last = key(all.back());
    next = api::MakePageToken(operation, input.document(), json::array({last.first, last.second}));
  }
  return std::pair(std::move(all), std::move(next));
}

// Tokens of GetLogEvents are positions in a stream, in a direction. They are good for the stream,
// whatever else is asked: followers widen and narrow what they ask for.
std::string StreamToken(const json& stream, bool backward, uint64_t at) {
  return api::MakePageToken("GetLogEvents", stream, json::array({backward, at}));
}

// The simple form of filter patterns: terms that must all be there, -terms that must not, ?terms of
// which one must; a term may be quoted.
class TextFilter {
 public:
  static Result<TextFilter> Parse(std::string_view pattern) {
    TextFilter filter;
    std::string_view rest = Trim(pattern);
    if (rest.starts_with('{') || rest.starts_with('[') || rest.starts_with('%')) {
      return Invalid(
          "filterPattern: only text patterns are supported, not JSON, columns or regular "
          "expressions");
    }
    while (!rest.empty()) {
      std::vector<std::string>* target = &filter.all_;
      if (rest[0] == '-' || rest[0] == '?') {
        target = rest[0] == '-' ? &filter.none_ : &filter.any_;
        rest.remove_prefix(1);
      }
      size_t end = 0;
      if (rest.starts_with('"')) {
        end = rest.find('"', 1);
        if (end == std::string_view::npos) return Invalid("filterPattern: a quote is not closed");
        target->emplace_back(rest.substr(1, end - 1));
        ++end;
      } else {
        end = std::min(rest.find(' '), rest.size());
        target->emplace_back(rest.substr(0, end));
      }
      rest = Trim(rest.substr(end));
    }
    return filter;
  }

  bool Matches(std::string_view message) const {
    const auto has = [&](const std::string& term) { return message.contains(term); };
    return std::ranges::all_of(all_, has) && std::ranges::none_of(none_, has) &&
           (any_.empty() || std::ranges::any_of(any_, has));
  }

 private:
  std::vector<std::string> all_, none_, any_;
};

// One stream in a merge by time.
struct Cursor {
  std::string stream;
  uint64_t position = 0;  // where the next page begins
  std::deque<meta::LogEventRecord> events;
};

std::string EventId(const Cursor& cursor, const meta::LogEventRecord& event) {
  // As long as CloudWatch's, and the same whenever this line is read.
  std::string id = std::to_string(event.timestamp_ms) +
                   std::to_string(100'000'000'000 + Crc32c(cursor.stream)) +
                   std::to_string(1'000'000'000'000'000 + event.position);
  if (id.size() < 56) id.insert(0, 56 - id.size(), '3');
  return id;
}

}  // namespace

struct LogsOperations {
  static std::string GroupArn(LogsFront& front, const std::string& group) {
    return "arn:aws:logs:" + front.account_.region + ":" + front.account_.id +
           ":log-group:" + group;
  }

  static Result<json> DescribeLogGroups(LogsFront& front, const Input& input) {
    CLARY_TRY(const std::string prefix, input.Text("logGroupNamePrefix"));
    CLARY_TRY(const std::string pattern, input.Text("logGroupNamePattern"));
    CLARY_TRY(const int64_t limit, input.Integer("limit", 50, 1, 50));
    if (!prefix.empty() && !pattern.empty()) {
      return Invalid(
          "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.");
    }
    CLARY_TRY(auto groups, front.logs_.Groups(prefix));
    std::erase_if(groups, [&](const std::string& group) {
      return !ToLower(group).contains(ToLower(pattern));
    });
    std::ranges::sort(groups);
    CLARY_TRY(const auto found,
              Page(std::move(groups), "DescribeLogGroups", input, static_cast<size_t>(limit), false,
                   [](const std::string& group) { return std::pair(int64_t{0}, group); }));
    const auto& [page, next] = found;
    json out = {{"logGroups", json::array()}};
    for (const std::string& group : page) {
      const auto facts = front.FactsOf(group);
      out["logGroups"].push_back({{"logGroupName", group},
                                  {"creationTime", facts.created_ms},
                                  {"metricFilterCount", 0},
                                  {"arn", GroupArn(front, group) + ":*"},
                                  {"logGroupArn", GroupArn(front, group)},
                                  {"storedBytes", 0},
                                  {"logGroupClass", "STANDARD"}});
      if (facts.retention_days > 0) {
        out["logGroups"].back()["retentionInDays"] = facts.retention_days;
      }
    }
    if (!next.empty()) out["nextToken"] = next;
    return out;
  }

  static Result<json> DescribeLogStreams(LogsFront& front, const Input& input) {
    CLARY_TRY(const std::string group, input.Group());
    CLARY_TRY(const std::string prefix, input.Text("logStreamNamePrefix"));
    CLARY_TRY(const std::string order, input.Text("orderBy"));
    CLARY_TRY(const bool descending, input.Flag("descending"));
    CLARY_TRY(const int64_t limit, input.Integer("limit", 50, 1, 50));
    if (!order.empty() && order != "LogStreamName" && order != "LastEventTime") {
      return Invalid("1 validation error detected: Value '" + order +
                     "' at 'orderBy' failed to satisfy constraint: Member must satisfy enum value "
                     "set: [LogStreamName, LastEventTime]");
    }
    if (order == "LastEventTime" && !prefix.empty()) {
      return Invalid("Cannot order by LastEventTime with a logStreamNamePrefix.");
    }
    auto streams = front.logs_.Streams(group, prefix);
    if (!streams && streams.error().code == Code::kNotFound) return NoGroup();
    if (!streams) return std::unexpected(std::move(streams).error());
    const auto key = [&](const meta::LogStreamInfo& s) {
      return std::pair(order == "LastEventTime" ? s.last_event_ms : 0, s.name);
    };
    std::ranges::sort(*streams, {}, key);
    if (descending) std::ranges::reverse(*streams);
    CLARY_TRY(const auto found, Page(*std::move(streams), "DescribeLogStreams", input,
                                     static_cast<size_t>(limit), descending, key));
    const auto& [page, next] = found;
    json out = {{"logStreams", json::array()}};
    for (const meta::LogStreamInfo& stream : page) {
      json item = {{"logStreamName", stream.name},
                   {"creationTime", stream.first_event_ms},
                   {"arn", GroupArn(front, group) + ":log-stream:" + stream.name},
                   {"storedBytes", 0},
                   {"uploadSequenceToken", "0"}};
      if (stream.bytes > 0) {
        item["firstEventTimestamp"] = stream.first_event_ms;
        item["lastEventTimestamp"] = stream.last_event_ms;
        item["lastIngestionTime"] = stream.last_event_ms;
      }
      out["logStreams"].push_back(std::move(item));
    }
    if (!next.empty()) out["nextToken"] = next;
    return out;
  }

  static Result<json> GetLogEvents(LogsFront& front, const Input& input) {
    CLARY_TRY(const std::string group, input.Group());
    CLARY_TRY(const std::string stream, input.Text("logStreamName"));
    CLARY_TRY(const std::string token, input.Text("nextToken"));
    CLARY_TRY(const bool from_head, input.Flag("startFromHead"));
    CLARY_TRY(const int64_t limit,
              input.Integer("limit", static_cast<int64_t>(kMaxEvents), 1, kMaxEvents));
    meta::LogStore::ReadOptions options{.max_events = static_cast<size_t>(limit),
                                        .max_bytes = kPageBytes};
    CLARY_TRY(options.start_ms, input.Integer("startTime", 0, 0, kMaxTimestamp));
    CLARY_TRY(options.end_ms, input.Integer("endTime", kMaxTimestamp, 0, kMaxTimestamp));
    if (stream.empty()) {
      return Invalid(
          "1 validation error detected: Value null at 'logStreamName' failed to satisfy "
          "constraint: Member must not be null");
    }
    options.start_ms = std::max(options.start_ms, front.Cutoff(group));
    options.backward = !from_head;
    options.position = from_head ? 0 : UINT64_MAX;
    const json of_stream = {{"group", group}, {"stream", stream}};
    if (input.Find("nextToken")) {
      const auto position = api::ReadPageToken("GetLogEvents", of_stream, token);
      if (!position || !position->is_array() || position->size() != 2 ||
          !(*position)[0].is_boolean() || !(*position)[1].is_number_unsigned()) {
        return BadToken();
      }
      options.backward = (*position)[0].get<bool>();
      options.position = (*position)[1].get<uint64_t>();
    }
    auto page = front.logs_.Read(group, stream, options);
    if (!page && page.error().code == Code::kNotFound) {
      if (!front.logs_.Streams(group, "/")) return NoGroup();
      return NoStream();
    }
    if (!page && page.error().reason == "BadPosition") return BadToken();
    if (!page) return std::unexpected(std::move(page).error());
    json events = json::array();
    for (meta::LogEventRecord& event : page->events) {
      events.push_back({{"timestamp", event.timestamp_ms},
                        {"message", std::move(event.message)},
                        {"ingestionTime", event.timestamp_ms}});
    }
    return json{{"events", std::move(events)},
                {"nextForwardToken", StreamToken(of_stream, false, page->next)},
                {"nextBackwardToken", StreamToken(of_stream, true, page->previous)}};
  }

  static Result<json> FilterLogEvents(LogsFront& front, const Input& input) {
    CLARY_TRY(const std::string group, input.Group());
    CLARY_TRY(const std::string prefix, input.Text("logStreamNamePrefix"));
    CLARY_TRY(const std::string pattern, input.Text("filterPattern"));
    CLARY_TRY(const int64_t limit,
              input.Integer("limit", static_cast<int64_t>(kMaxEvents), 1, kMaxEvents));
    CLARY_TRY(int64_t start_ms, input.Integer("startTime", 0, 0, kMaxTimestamp));
    start_ms = std::max(start_ms, front.Cutoff(group));
    CLARY_TRY(int64_t end_ms, input.Integer("endTime", kMaxTimestamp, 0, kMaxTimestamp));
    if (end_ms != kMaxTimestamp) ++end_ms;  // inclusive here, unlike in GetLogEvents
    CLARY_TRY(const TextFilter filter, TextFilter::Parse(pattern));
    CLARY_TRY(std::deque<Cursor> cursors, Cursors(front, input, group, prefix));

    const auto refill = [&](Cursor& cursor) -> Status {
      cursor.events.clear();
      auto page = front.logs_.Read(group, cursor.stream,
                                   {.position = cursor.position,
                                    .start_ms = start_ms,
                                    .end_ms = end_ms,
                                    .max_events = kMaxEvents,
                                    .max_bytes = 64 * 1024});
      if (!page && page.error().code == Code::kNotFound) return {};  // it went meanwhile
      if (!page && page.error().reason == "BadPosition") return BadToken();
      if (!page) return std::unexpected(std::move(page).error());
      cursor.position = page->next;
      cursor.events.assign(std::make_move_iterator(page->events.begin()),
                           std::make_move_iterator(page->events.end()));
      return {};
    };
    for (Cursor& cursor : cursors) CLARY_CHECK_OK(refill(cursor));

    json events = json::array();
    size_t scanned = 0;
    size_t bytes = 0;
    while (true) {
      Cursor* next = nullptr;
      for (Cursor& cursor : cursors) {
        if (!cursor.events.empty() &&
            (!next || cursor.events.front().timestamp_ms < next->events.front().timestamp_ms)) {
          next = &cursor;
        }
      }
      if (!next) break;  // every stream has been read to its end
      if (events.size() == static_cast<size_t>(limit) || bytes >= kPageBytes ||
          scanned >= 10 * kPageBytes) {
        return json{{"events", std::move(events)},
                    {"searchedLogStreams", json::array()},
                    {"nextToken", Token(input, cursors)}};
      }
      const meta::LogEventRecord event = std::move(next->events.front());
      next->events.pop_front();
      scanned += event.message.size() + 32;
      if (filter.Matches(event.message)) {
        bytes += event.message.size() + 32;
        events.push_back({{"logStreamName", next->stream},
                          {"timestamp", event.timestamp_ms},
                          {"message", event.message},
                          {"ingestionTime", event.timestamp_ms},
                          {"eventId", EventId(*next, event)}});
      }
      if (next->events.empty()) CLARY_CHECK_OK(refill(*next));
    }
    return json{{"events", std::move(events)}, {"searchedLogStreams", json::array()}};
  }

 private:
  // The streams that FilterLogEvents was asked for, at their beginnings or where `token` left off.
  static Result<std::deque<Cursor>> Cursors(LogsFront& front, const Input& input,
                                            const std::string& group, const std::string& prefix) {
    std::deque<Cursor> cursors;
    CLARY_TRY(const json positions, PositionOf("FilterLogEvents", input));
    for (const json& at : positions) {
      if (!at.is_array() || at.size() != 2 || !at[0].is_string() || !at[1].is_number_unsigned()) {
        return BadToken();
      }
      cursors.push_back({.stream = at[0].get<std::string>(), .position = at[1].get<uint64_t>()});
    }
    if (!cursors.empty()) return cursors;
    auto streams = front.logs_.Streams(group, prefix);
    if (!streams && streams.error().code == Code::kNotFound) return NoGroup();
    if (!streams) return std::unexpected(std::move(streams).error());
    std::vector<std::string> wanted;
    if (const json* names = input.Find("logStreamNames")) {
      if (!names->is_array() || !prefix.empty()) {
        return Invalid("Give either a list of logStreamNames or a logStreamNamePrefix.");
      }
      for (const json& name : *names) {
        if (!name.is_string()) return Invalid("logStreamNames must be a list of strings.");
        wanted.push_back(name.get<std::string>());
      }
    }
    for (const std::string& name : wanted) {
      if (std::ranges::find(*streams, name, &meta::LogStreamInfo::name) == streams->end()) {
        return NoStream();
      }
    }
    for (const meta::LogStreamInfo& stream : *streams) {
      if (wanted.empty() || std::ranges::find(wanted, stream.name) != wanted.end()) {
        cursors.push_back({.stream = stream.name});
      }
    }
    return cursors;
  }

  static std::string Token(const Input& input, const std::deque<Cursor>& cursors) {
    json positions = json::array();
    for (const Cursor& cursor : cursors) {
      if (cursor.events.empty()) continue;
      positions.push_back({cursor.stream, cursor.events.front().position});
    }
    return api::MakePageToken("FilterLogEvents", input.document(), positions);
  }
};

Result<json> LogsFront::Handle(std::string_view operation, const json& document) {
  using Function = Result<json> (*)(LogsFront&, const Input&);
  struct Entry {
    std::string_view name;
    Function function;
  };
  static constexpr Entry kOperations[] = {
      {"CreateLogGroup", LogGroupOperations::CreateLogGroup},
      {"CreateLogStream", LogGroupOperations::CreateLogStream},
      {"DeleteLogGroup", LogGroupOperations::DeleteLogGroup},
      {"DeleteLogStream", LogGroupOperations::DeleteLogStream},
      {"DeleteRetentionPolicy", LogGroupOperations::DeleteRetentionPolicy},
      {"DescribeLogGroups", LogsOperations::DescribeLogGroups},
      {"DescribeLogStreams", LogsOperations::DescribeLogStreams},
      {"FilterLogEvents", LogsOperations::FilterLogEvents},
      {"GetLogEvents", LogsOperations::GetLogEvents},
      {"ListTagsForResource", LogGroupOperations::ListTagsForResource},
      {"PutLogEvents", LogGroupOperations::PutLogEvents},
      {"PutRetentionPolicy", LogGroupOperations::PutRetentionPolicy},
      {"TagResource", LogGroupOperations::TagResource},
      {"UntagResource", LogGroupOperations::UntagResource},
  };
  for (const Entry& entry : kOperations) {
    if (entry.name != operation) continue;
    return entry.function(*this, Input(document, account_));
  }
  return Fail(Code::kInvalidArgument, "UnknownOperationException",
              "CloudWatch Logs has no operation '" + std::string(operation) + "' here");
}

}  // namespace clary::server
