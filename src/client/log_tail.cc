#include "client/internal/log_tail.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "client/internal/answer.h"

namespace clary::client {

Result<bool> LogTail::Drain(size_t hosts, const Tell& tell) {
  if (streams_.size() < hosts) CLARY_CHECK_OK(FindStreams());
  bool any = false;
  for (auto& stream : streams_) {
    CLARY_TRY(const bool some, DrainStream(stream, tell));
    any = any || some;
  }
  return any;
}

Status LogTail::FindStreams() {
  std::string next;
  do {
    nlohmann::json request = {{"logGroupName", group_},
                              {"logStreamNamePrefix", job_ + "/"},
                              {"orderBy", "LogStreamName"}};
    if (!next.empty()) request["nextToken"] = next;
    const auto answer = aws_.Json(Service::kLogs, "DescribeLogStreams", request);
    if (!answer) {
      if (answer.error().code == Code::kNotFound) return {};
      return std::unexpected(answer.error());
    }
    for (const auto& s : List(*answer, "logStreams")) {
      auto name = Text(s, "logStreamName");
      const bool known = std::ranges::any_of(streams_, [&](auto& k) { return k.name == name; });
      if (known) continue;
      // <job>/algo-<host>-<epoch>
      int host = 1;
      if (const auto at = name.rfind("/algo-"); at != std::string::npos) {
        std::from_chars(name.data() + at + 6, name.data() + name.size(), host);
      }
      streams_.push_back({.name = std::move(name), .host = host, .token = {}});
    }
    next = Text(*answer, "nextToken");
  } while (!next.empty());
  return {};
}

Result<bool> LogTail::DrainStream(Stream& stream, const Tell& tell) {
  bool any = false;
  for (;;) {
    nlohmann::json request = {
        {"logGroupName", group_}, {"logStreamName", stream.name}, {"startFromHead", true}};
    if (!stream.token.empty()) request["nextToken"] = stream.token;
    CLARY_TRY(const auto answer, aws_.Json(Service::kLogs, "GetLogEvents", request));
    const auto& events = List(answer, "events");
    for (const auto& e : events) {
      const auto at = e.find("timestamp");
      tell(stream.host, {.timestamp_ms = at != e.end() && at->is_number() ? at->get<int64_t>() : 0,
                         .message = Text(e, "message")});
      any = true;
    }
    auto token = Text(answer, "nextForwardToken");
    const bool same = token == stream.token;
    if (!token.empty()) stream.token = std::move(token);
    if (events.empty() || same) return any;
  }
}

}  // namespace clary::client
