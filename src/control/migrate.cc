#include "control/internal/migrate.h"

#include <nlohmann/json.hpp>

#include "control/internal/kind.h"
#include "control/internal/processing_job.h"
#include "control/internal/rules.h"
#include "control/internal/training_job.h"

namespace clary::control {
namespace {

using nlohmann::json;

Record Job(const json& j) {  // throws what nlohmann throws, as all below
  Record r;
  r.kind = &kTrainingJob;
  r.name = j.at("name");
  r.key = r.name;
  r.arn = j.at("arn");
  r.request = j.at("request");
  r.created_ms = j.at("created_ms");
  r.modified_ms = j.at("modified_ms");
  r.started_ms = j.at("training_start_ms");
  r.ended_ms = j.at("training_end_ms");
  r.stop_requested_ms = j.at("stop_requested_ms");
  r.delete_requested_ms = j.value("delete_requested_ms", int64_t{0});  // since 0.2
  r.status = j.at("status");
  r.failure_reason = j.at("failure_reason");
  Launch launch = {.key = j.at("launch_key"),
                   .directory = r.name,
                   .cpus = j.at("cpus"),
                   .events_offset = j.at("events_offset"),
                   .ended = j.at("runner_ended"),
                   .exit_code = j.at("exit_code"),
                   .detail = j.at("end_detail")};
  if (const std::string stream = j.at("log_stream"); !stream.empty()) {
    launch.log_streams = {stream};
    r.launches_made = 1;
  }
  r.launches.push_back(std::move(launch));
  r.facts = TrainingFacts::FromJson(j);  // the same members, then beside the others
  return r;
}

Record Rule(const Record& job, const json& request, const json& j, bool profiler, int place) {
  Record r;
  r.kind = &kProcessingJob;
  r.arn = j.at("arn");
  r.name = r.arn.substr(r.arn.rfind('/') + 1);
  r.key = r.name;
  r.owner = job.arn;
  r.bound = true;
  r.created_ms = job.created_ms;
  r.modified_ms = j.at("modified_ms");
  // Release 0.1 had no launches of rules.
  r.started_ms = j.value("started_ms", int64_t{0});
  r.ended_ms = j.value("ended_ms", int64_t{0});
  r.stop_requested_ms = j.value("stop_requested_ms", int64_t{0});
  Launch launch = {.key = j.value("launch_key", ""), .directory = job.name + "/rules/" + r.name};
  if (const std::string stream = j.value("log_stream", ""); !stream.empty()) {
    launch.log_streams = {stream};
    r.launches_made = 1;
  }
  r.launches.push_back(std::move(launch));

  auto& facts = r.Edit<ProcessingFacts>();
  facts.rule = j.at("name");
  facts.profiler = profiler;
  facts.place = place;
  const std::string status = j.at("status");
  if (api::IsFinalRuleStatus(status)) facts.evaluation = status;
  r.status = status == "Error" ? "Failed" : status.ends_with("Found") ? "Completed" : status;
  (status == "Error" ? r.failure_reason : facts.exit_message) = j.at("details");
  json created = RuleRequest(job.name, request, facts.rule, profiler);
  created["ProcessingJobName"] = r.name;
  r.request = created.dump();
  return r;
}

}  // namespace

Result<std::vector<Record>> UpgradeTrainingJob(const json& old) {
  try {
    std::vector<Record> records = {Job(old)};
    const json request = records.front().Request();
    for (const bool profiler : {false, true}) {
      int place = 0;
      for (const json& rule : old.at(profiler ? "profiler_rules" : "debug_rules")) {
        records.push_back(Rule(records.front(), request, rule, profiler, place++));
      }
    }
    return records;
  } catch (const json::exception& e) {
    return Fail(Code::kDataLoss, "BadRecord", std::string("a job record is broken: ") + e.what());
  }
}

}  // namespace clary::control
