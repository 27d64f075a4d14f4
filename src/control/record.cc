#include "control/internal/record.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "control/internal/kind.h"

namespace clary::control {
namespace {

using nlohmann::json;

constexpr int kSchema = 2;

json LaunchToJson(const Launch& l) {
  return {{"key", l.key},      {"directory", l.directory},
          {"host", l.host},    {"log_streams", l.log_streams},
          {"cpus", l.cpus},    {"events_offset", l.events_offset},
          {"ended", l.ended},  {"exit_code", l.exit_code},
          {"detail", l.detail}};
}

Launch LaunchFromJson(const json& j) {  // throws what nlohmann throws
  return {.key = j.at("key"),
          .directory = j.at("directory"),
          .host = j.value("host", ""),
          .log_streams = j.at("log_streams"),
          .cpus = j.at("cpus"),
          .events_offset = j.at("events_offset"),
          .ended = j.at("ended"),
          .exit_code = j.at("exit_code"),
          .detail = j.at("detail")};
}

Record Parse(const Kind& kind, const json& j) {  // throws what nlohmann throws
  Record r;
  r.kind = &kind;
  r.name = j.at("name");
  r.key = j.at("key");
  r.arn = j.at("arn");
  r.owner = j.at("owner");
  r.bound = j.at("bound");
  r.request = j.at("request");
  r.created_ms = j.at("created_ms");
  r.modified_ms = j.at("modified_ms");
  r.started_ms = j.at("started_ms");
  r.ended_ms = j.at("ended_ms");
  r.stop_requested_ms = j.at("stop_requested_ms");
  r.delete_requested_ms = j.at("delete_requested_ms");
  r.status = j.at("status");
  r.failure_reason = j.at("failure_reason");
  r.launches_made = j.at("launches_made");
  for (const json& launch : j.at("launches")) r.launches.push_back(LaunchFromJson(launch));
  if (kind.facts != nullptr) r.facts = kind.facts(j.at("facts"));
  return r;
}

}  // namespace

json Record::Request() const {
  json document = json::parse(request, nullptr, false);
  return document.is_object() ? document : json::object();
}

bool Record::terminal() const { return std::ranges::find(kind->ends, status) != kind->ends.end(); }

bool Record::has_launch() const {
  return std::ranges::any_of(launches, [](const Launch& l) { return !l.key.empty(); });
}

bool Record::settled() const {
  return (kind->step == nullptr && delete_requested_ms == 0) || (terminal() && !has_launch());
}

std::string Record::ToJson() const {
  json all = json::array();
  for (const Launch& launch : launches) all.push_back(LaunchToJson(launch));
  json out = {{"schema", kSchema},
              {"name", name},
              {"key", key},
              {"arn", arn},
              {"owner", owner},
              {"bound", bound},
              {"request", request},
              {"created_ms", created_ms},
              {"modified_ms", modified_ms},
              {"started_ms", started_ms},
              {"ended_ms", ended_ms},
              {"stop_requested_ms", stop_requested_ms},
              {"delete_requested_ms", delete_requested_ms},
              {"status", status},
              {"failure_reason", failure_reason},
              {"launches_made", launches_made},
              {"launches", std::move(all)}};
  if (facts) out["facts"] = facts->ToJson();
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<Record> RecordFromJson(const Kind& kind, const json& j) {
  if (!j.is_object()) return Fail(Code::kDataLoss, "BadRecord", "a record is no JSON object");
  if (j.value("schema", json(0)) != json(kSchema)) {
    return Fail(Code::kFailedPrecondition, "NewerSchema",
                "a record is of another release: schema " + j.value("schema", json(0)).dump());
  }
  try {
    return Parse(kind, j);
  } catch (const json::exception& e) {
    return Fail(Code::kDataLoss, "BadRecord", std::string("a record is broken: ") + e.what());
  }
}

void FoldIntent(Record& record) {
  const bool in_progress = record.status == "InProgress";
  if (record.stop_requested_ms > 0 && in_progress) {
    record.status = "Stopping";
    record.modified_ms = std::max(record.modified_ms, record.stop_requested_ms);
    if (record.kind->on_stop != nullptr) record.kind->on_stop(record);
  }
  if (record.delete_requested_ms > 0) record.status = "Deleting";
}

}  // namespace clary::control
