#include "control/internal/job_record.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace clary::control {
namespace {

using nlohmann::json;

constexpr int kSchema = 1;

double Seconds(int64_t ms) { return static_cast<double>(ms) / 1000.0; }

json RulesToJson(const std::vector<RuleStatus>& rules) {
  json out = json::array();
  for (const RuleStatus& r : rules) {
    out.push_back({{"name", r.name},
                   {"arn", r.arn},
                   {"status", r.status},
                   {"details", r.details},
                   {"modified_ms", r.modified_ms},
                   {"stop_requested_ms", r.stop_requested_ms},
                   {"launch_key", r.launch_key},
                   {"log_stream", r.log_stream},
                   {"started_ms", r.started_ms},
                   {"ended_ms", r.ended_ms}});
  }
  return out;
}

std::vector<RuleStatus> RulesFromJson(const json& list) {
  std::vector<RuleStatus> out;
  for (const json& r : list) {
    out.push_back({.name = r.at("name"),
                   .arn = r.at("arn"),
                   .status = r.at("status"),
                   .details = r.at("details"),
                   .modified_ms = r.at("modified_ms"),
                   // Release 0.1 had no launches of rules.
                   .stop_requested_ms = r.value("stop_requested_ms", int64_t{0}),
                   .launch_key = r.value("launch_key", ""),
                   .log_stream = r.value("log_stream", ""),
                   .started_ms = r.value("started_ms", int64_t{0}),
                   .ended_ms = r.value("ended_ms", int64_t{0})});
  }
  return out;
}

JobRecord Parse(const json& j) {  // throws what nlohmann throws
  JobRecord r;
  r.name = j.at("name");
  r.arn = j.at("arn");
  r.request = j.at("request");
  r.cpus = j.at("cpus");
  r.created_ms = j.at("created_ms");
  r.max_runtime_s = j.at("max_runtime_s");
  r.max_wait_s = j.at("max_wait_s");
  r.max_pending_s = j.at("max_pending_s");
  r.stop_requested_ms = j.at("stop_requested_ms");
  r.delete_requested_ms = j.value("delete_requested_ms", int64_t{0});  // since 0.2
  r.status = j.at("status");
  r.secondary = j.at("secondary");
  for (const json& t : j.at("transitions")) {
    r.transitions.push_back({.status = t.at("status"),
                             .message = t.at("message"),
                             .start_ms = t.at("start_ms"),
                             .end_ms = t.at("end_ms")});
  }
  r.modified_ms = j.at("modified_ms");
  r.training_start_ms = j.at("training_start_ms");
  r.training_end_ms = j.at("training_end_ms");
  r.failure_reason = j.at("failure_reason");
  for (const json& m : j.at("final_metrics")) {
    r.final_metrics.push_back(
        {.name = m.at("name"), .value = m.at("value"), .time_ms = m.at("time_ms")});
  }
  r.debug_rules = RulesFromJson(j.at("debug_rules"));
  r.profiler_rules = RulesFromJson(j.at("profiler_rules"));
  r.launch_key = j.at("launch_key");
  r.log_stream = j.at("log_stream");
  r.events_offset = j.at("events_offset");
  r.artifact_uri = j.at("artifact_uri");
  r.runner_ended = j.at("runner_ended");
  r.exit_code = j.at("exit_code");
  r.end_detail = j.at("end_detail");
  r.stop_cause = j.at("stop_cause");
  return r;
}

json RuleViews(const std::vector<RuleStatus>& rules) {
  json out = json::array();
  for (const RuleStatus& r : rules) {
    json view = {{"RuleConfigurationName", r.name},
                 {"RuleEvaluationJobArn", r.arn},
                 {"RuleEvaluationStatus", r.status},
                 {"LastModifiedTime", Seconds(r.modified_ms)}};
    if (!r.details.empty()) view["StatusDetails"] = r.details;
    out.push_back(std::move(view));
  }
  return out;
}

struct Phase {
  std::string_view name;
  std::string_view message;
};
constexpr Phase kPhases[] = {
    {"Downloading", "Downloading input data..."},
    {"Training", "Training image download completed. Training in progress."},
    {"Uploading", "Uploading generated training model"},
};

}  // namespace

std::string JobRecord::ToJson() const {
  json history = json::array();
  for (const Transition& t : transitions) {
    history.push_back({{"status", t.status},
                       {"message", t.message},
                       {"start_ms", t.start_ms},
                       {"end_ms", t.end_ms}});
  }
  json metrics = json::array();
  for (const FinalMetric& m : final_metrics) {
    metrics.push_back({{"name", m.name}, {"value", m.value}, {"time_ms", m.time_ms}});
  }
  const json out = {{"schema", kSchema},
                    {"name", name},
                    {"arn", arn},
                    {"request", request},
                    {"cpus", cpus},
                    {"created_ms", created_ms},
                    {"max_runtime_s", max_runtime_s},
                    {"max_wait_s", max_wait_s},
                    {"max_pending_s", max_pending_s},
                    {"stop_requested_ms", stop_requested_ms},
                    {"delete_requested_ms", delete_requested_ms},
                    {"status", status},
                    {"secondary", secondary},
                    {"transitions", std::move(history)},
                    {"modified_ms", modified_ms},
                    {"training_start_ms", training_start_ms},
                    {"training_end_ms", training_end_ms},
                    {"failure_reason", failure_reason},
                    {"final_metrics", std::move(metrics)},
                    {"debug_rules", RulesToJson(debug_rules)},
                    {"profiler_rules", RulesToJson(profiler_rules)},
                    {"launch_key", launch_key},
                    {"log_stream", log_stream},
                    {"events_offset", events_offset},
                    {"artifact_uri", artifact_uri},
                    {"runner_ended", runner_ended},
                    {"exit_code", exit_code},
                    {"end_detail", end_detail},
                    {"stop_cause", stop_cause}};
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<JobRecord> JobRecord::FromJson(std::string_view text) {
  const json j = json::parse(text, nullptr, false);
  if (!j.is_object()) return Fail(Code::kDataLoss, "BadRecord", "a job record is no JSON object");
  if (j.value("schema", json(0)) != json(kSchema)) {
    return Fail(Code::kFailedPrecondition, "NewerSchema",
                "a job record is of another release: schema " + j.value("schema", json(0)).dump());
  }
  try {
    return Parse(j);
  } catch (const json::exception& e) {
    return Fail(Code::kDataLoss, "BadRecord", std::string("a job record is broken: ") + e.what());
  }
}

void Enter(JobRecord& record, std::string_view status, std::string_view secondary,
           std::string_view message, int64_t ms) {
  auto& history = record.transitions;
  if (!history.empty()) ms = std::max({ms, history.back().start_ms, record.modified_ms});
  record.status = status;
  record.secondary = secondary;
  record.modified_ms = ms;
  if (!history.empty() && history.back().status == secondary) {
    history.back().message = message;
    return;
  }
  if (!history.empty()) history.back().end_ms = ms;
  history.push_back(
      {.status = std::string(secondary), .message = std::string(message), .start_ms = ms});
}

bool JobRecord::rules_settled() const {
  bool settled = true;
  ForEachRule([&](const RuleStatus& rule, bool) {
    settled = settled && rule.ended() && rule.launch_key.empty();
  });
  return settled;
}

void FoldIntent(JobRecord& record) {
  record.ForEachRule([](RuleStatus& rule, bool) {
    if (rule.stop_requested_ms == 0 || rule.status != "InProgress") return;
    rule.status = "Stopping";
    rule.modified_ms = rule.stop_requested_ms;
  });
  if (record.delete_requested_ms > 0) record.status = "Deleting";
  if (record.stop_requested_ms == 0 || record.status != "InProgress") return;
  record.stop_cause = "Stopped";
  Enter(record, "Stopping", "Stopping", "Stopping the training job", record.stop_requested_ms);
}

void FoldEvent(JobRecord& record, const api::JobEvent& event) {
  switch (event.kind) {
    case api::JobEvent::Kind::kPhase: {
      const Phase* phase = std::ranges::find(kPhases, event.phase, &Phase::name);
      if (phase == std::end(kPhases)) return;  // of a later release
      if (record.training_start_ms == 0) {
        record.training_start_ms = std::max(event.time_ms, record.created_ms);
      }
      if (record.status != "InProgress") return;  // a job that stops stays Stopping
      Enter(record, "InProgress", phase->name, phase->message, event.time_ms);
      return;
    }
    case api::JobEvent::Kind::kArtifact:
      record.artifact_uri = event.detail;
      return;
    case api::JobEvent::Kind::kEnd:
      record.runner_ended = true;
      record.exit_code = event.exit_code;
      record.end_detail = event.detail;
      record.training_end_ms =
          std::max({event.time_ms, record.training_start_ms, record.modified_ms});
      return;
  }
}

std::vector<api::MetricDefinition> OwnMetricDefinitions(const json& request) {
  std::vector<api::MetricDefinition> out;
  const json& algorithm = request.at("AlgorithmSpecification");
  if (const auto given = algorithm.find("MetricDefinitions"); given != algorithm.end()) {
    for (const json& d : *given) {
      out.push_back({.name = d.at("Name"), .regex = d.at("Regex"), .literal = ""});
    }
  }
  return out;
}

std::vector<api::MetricDefinition> MetricDefinitions(const json& request) {
  auto out = OwnMetricDefinitions(request);
  const auto image =
      api::ResolveImage(request.at("AlgorithmSpecification").value("TrainingImage", ""));
  if (!image) return out;
  const size_t own = out.size();
  for (auto& d : api::BuiltInMetrics(*image)) {
    const bool taken = std::any_of(out.begin(), out.begin() + static_cast<ptrdiff_t>(own),
                                   [&](const auto& o) { return o.name == d.name; });
    if (!taken) out.push_back(std::move(d));
  }
  return out;
}

void AddMetricDefinitions(json& view) {
  json definitions = json::array();
  for (auto& d : MetricDefinitions(view)) {
    json& item = definitions.emplace_back(json::object());
    item["Name"] = std::move(d.name);
    item["Regex"] = std::move(d.regex);
  }
  view["AlgorithmSpecification"]["MetricDefinitions"] = std::move(definitions);
}

std::string ModelUri(const JobRecord& record, const json& request) {
  const json& output = request.at("OutputDataConfig");
  std::string uri = output.at("S3OutputPath");
  while (uri.ends_with('/')) uri.pop_back();
  const bool plain = output.value("CompressionType", "GZIP") == "NONE";
  return uri + "/" + record.name + (plain ? "/output/model" : "/output/model.tar.gz");
}

json BareView(const JobRecord& record) {
  json view = json::parse(record.request, nullptr, false);
  if (!view.is_object()) view = json::object();
  view["ModelArtifacts"] = {{"S3ModelArtifacts", ModelUri(record, view)}};
  view["TrainingJobArn"] = record.arn;
  view["TrainingJobStatus"] = record.status;
  view["SecondaryStatus"] = record.secondary;
  if (!record.failure_reason.empty()) view["FailureReason"] = record.failure_reason;
  view["CreationTime"] = Seconds(record.created_ms);
  view["LastModifiedTime"] = Seconds(record.modified_ms);
  if (record.training_start_ms > 0) view["TrainingStartTime"] = Seconds(record.training_start_ms);
  if (record.training_end_ms > 0 && record.terminal()) {
    view["TrainingEndTime"] = Seconds(record.training_end_ms);
    if (record.training_start_ms > 0) {
      // Whole seconds, never 0: clients divide by it.
      const int64_t seconds =
          std::max<int64_t>(1, (record.training_end_ms - record.training_start_ms + 500) / 1000);
      view["TrainingTimeInSeconds"] = seconds;
      view["BillableTimeInSeconds"] = seconds;
    }
  }
  json transitions = json::array();
  for (const Transition& t : record.transitions) {
    json item = {
        {"Status", t.status}, {"StartTime", Seconds(t.start_ms)}, {"StatusMessage", t.message}};
    if (t.end_ms > 0) item["EndTime"] = Seconds(t.end_ms);
    transitions.push_back(std::move(item));
  }
  view["SecondaryStatusTransitions"] = std::move(transitions);
  if (!record.final_metrics.empty()) {
    json metrics = json::array();
    for (const FinalMetric& m : record.final_metrics) {
      metrics.push_back(
          {{"MetricName", m.name}, {"Value", m.value}, {"Timestamp", Seconds(m.time_ms)}});
    }
    view["FinalMetricDataList"] = std::move(metrics);
  }
  if (!record.debug_rules.empty()) {
    view["DebugRuleEvaluationStatuses"] = RuleViews(record.debug_rules);
  }
  if (!record.profiler_rules.empty()) {
    view["ProfilerRuleEvaluationStatuses"] = RuleViews(record.profiler_rules);
  }
  const auto profiler = view.find("ProfilerConfig");
  const bool profiling = profiler != view.end() && !profiler->value("DisableProfiler", false);
  view["ProfilingStatus"] = profiling ? "Enabled" : "Disabled";
  return view;
}

json SummaryView(const JobRecord& record) {
  json view = {{"TrainingJobName", record.name},
               {"TrainingJobArn", record.arn},
               {"CreationTime", Seconds(record.created_ms)},
               {"LastModifiedTime", Seconds(record.modified_ms)},
               {"TrainingJobStatus", record.status},
               {"SecondaryStatus", record.secondary}};
  if (record.training_end_ms > 0 && record.terminal()) {
    view["TrainingEndTime"] = Seconds(record.training_end_ms);
  }
  return view;
}

}  // namespace clary::control
