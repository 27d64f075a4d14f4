#include "control/internal/tuning_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/hash.h"
#include "base/strings.h"
#include "control/internal/processing_job.h"
#include "control/internal/programs.h"
#include "control/internal/rules.h"
#include "control/internal/training_job.h"
#include "control/internal/training_request.h"
#include "control/internal/tuning_job.h"
#include "control/internal/tuning_request.h"

namespace clary::control {
namespace tuning_report {
namespace {

using nlohmann::json;
using tuning_job::ConfigOf;

constexpr char kReportRule[] = "CreateTuningReport";  // rule_to_invoke of its process
constexpr int64_t kFirstMs = 3000;  // a tuning job that is shorter has one report, after its end
constexpr int64_t kPauseMs = 2000;  // between two versions of tuning.json
constexpr size_t kTrialsAPause = 1000;  // and for so many trials as long again

const json& FirstDefinition(const json& request) {
  const auto several = request.find("TrainingJobDefinitions");
  return several != request.end() ? several->front() : request.at("TrainingJobDefinition");
}

api::TuningContext::Definition DefinitionOf(const json& request, size_t i,
                                            const TrialDefinition& parsed) {
  constexpr const char* kTypes[] = {"continuous", "integer", "categorical"};
  constexpr const char* kScales[] = {"linear", "log", "reverse-log"};
  api::TuningContext::Definition out{.name = parsed.name, .metric = parsed.metric};
  out.maximise = parsed.maximise;
  const auto choice = ChooseProgram(TrialRequest(request, i, "trial", {}));
  out.built_in = choice && choice->program == "xgboost";
  for (const tuning::Parameter& p : parsed.space.parameters()) {
    out.parameters.push_back({.name = p.name,
                              .type = kTypes[static_cast<size_t>(p.type)],
                              .scale = kScales[static_cast<size_t>(p.scale)],
                              .min = p.min,
                              .max = p.max,
                              .values = p.values});
  }
  // The objective, and the same of the training rows.
  const auto metrics = TrialMetrics(request, i);
  const std::string of_rows = parsed.metric.substr(parsed.metric.find(':') + 1);
  for (const std::string& name : {parsed.metric, "train:" + of_rows}) {
    const auto found = std::ranges::find(metrics, name, &api::MetricDefinition::name);
    if (found == metrics.end() || (name != parsed.metric && of_rows == parsed.metric)) continue;
    if (!out.metrics.empty() && out.metrics.front().name == name) continue;
    out.metrics.push_back({.name = name, .regex = found->regex, .literal = found->literal});
  }
  const auto first = FirstConfigs(request, i, parsed);
  if (!first.empty()) out.defaults = Render(parsed, first.front().config);
  return out;
}

api::TuningContext::Trial TrialOf(const Record& trial, size_t number,
                                  const TrialDefinition& definition) {
  const auto& facts = trial.As<TrainingFacts>();
  api::TuningContext::Trial out{.name = trial.name, .definition = number};
  out.status = trial.status;
  if (!facts.transitions.empty()) out.message = facts.transitions.back().message;
  out.failure_reason = trial.failure_reason;
  out.created_ms = trial.created_ms;
  out.started_ms = trial.started_ms;
  if (trial.terminal()) {
    out.ended_ms = trial.ended_ms;
    if (const auto value = ObjectiveValue(trial)) out.value = {*value};
  }
  const json hyperparameters = trial.Request().at("HyperParameters");
  if (auto config = ReadConfig(definition, hyperparameters)) {
    out.config = *std::move(config);
  } else {
    out.config.assign(definition.space.size(), 0.0);
  }
  for (const tuning::Parameter& p : definition.space.parameters()) {
    out.tuned[p.name] = TextOf(hyperparameters, p.name.c_str());
  }
  for (const FinalMetric& m : facts.final_metrics) {
    if (m.name != kObjectiveMetric) out.metrics[m.name] = m.value;
  }
  if (!trial.launches.empty()) out.log_stream = trial.launches.front().log_stream();
  out.model_uri = facts.artifact_uri;
  out.origin = facts.origin;
  return out;
}

// What this process remembers of a report beside its record.
struct Known {
  uint64_t stamp = 0;  // of the tuning job when tuning.json was written
  int64_t written_ms = 0;
};

Status WriteTuningContext(Steps& steps, const Record& report, const Record& tuning) {
  const Context& context = steps.context;
  Known& known = steps.Keep<Known>(report);
  const uint64_t stamp = context.records.Stamp(tuning.arn);
  if (known.stamp == stamp) return {};
  if (!tuning.terminal() && steps.now_ms() < known.written_ms) return {};
  const auto directory = steps.Directory(report.launches.front());
  CLARY_CHECK_OK(MakeDirectories(directory));
  const api::TuningContext now = MakeTuningContext(context, tuning);
  CLARY_CHECK_OK(WriteFileAtomic(directory / "tuning.json", now.ToJson()));
  known.stamp = stamp;
  known.written_ms =
      steps.now_ms() + kPauseMs * static_cast<int64_t>(1 + now.trials.size() / kTrialsAPause);
  return {};
}

}  // namespace
}  // namespace tuning_report

std::string TuningReportUri(const std::string& job, const nlohmann::json& request) {
  return JobUri(tuning_report::FirstDefinition(request).at("OutputDataConfig").at("S3OutputPath"),
                job, "tuning-report");
}

Status PlanTuningReport(Context& context, const Record& tuning, const nlohmann::json& request,
                        Plan& plan) {
  const std::string name =
      tuning.name.substr(0, 32) + "-tuning-report-" + HexEncode(Sha256(tuning.arn)).substr(0, 8);
  const nlohmann::json child = {
      {"ProcessingJobName", name},
      {"RoleArn", tuning_report::FirstDefinition(request).at("RoleArn")},
      {"AppSpecification",
       {{"ImageUri", "503895931360.dkr.ecr." + context.options.region +
                         ".amazonaws.com/sagemaker-debugger-rules:latest"}}},
      {"Environment", {{"rule_to_invoke", tuning_report::kReportRule}}},
      {"ProcessingOutputConfig",
       {{"Outputs",
         {{{"OutputName", "report"},
           {"AppManaged", false},
           {"S3Output",
            {{"S3Uri", TuningReportUri(tuning.name, request)},
             {"LocalPath", "/opt/ml/processing/output/report"},
             {"S3UploadMode", "Continuous"}}}}}}}},
      {"ProcessingResources",
       {{"ClusterConfig",
         {{"InstanceCount", 1}, {"InstanceType", "ml.t3.medium"}, {"VolumeSizeInGB", 10}}}}},
      {"StoppingCondition", {{"MaxRuntimeInSeconds", 86'400}}}};
  auto facts = std::make_shared<ProcessingFacts>();
  facts->rule = "TuningReport";
  CLARY_CHECK_OK(PlanCreate(context, kProcessingJob, child,
                            {.owner = tuning.arn, .bound = true, .facts = std::move(facts)}, plan));
  return {};
}

api::TuningContext MakeTuningContext(const Context& context, const Record& tuning) {
  using tuning_report::ConfigOf;
  const nlohmann::json request = tuning.Request();
  const nlohmann::json& config = ConfigOf(request);
  const nlohmann::json& first = tuning_report::FirstDefinition(request);
  api::TuningContext out{.job_name = tuning.name, .arn = tuning.arn};
  out.status = tuning.status;
  out.failure_reason = tuning.failure_reason;
  out.strategy = config.at("Strategy");
  const std::string image = first.at("AlgorithmSpecification").value("TrainingImage", "");
  const auto known = api::ResolveImage(image);
  out.image = known ? known->program + ":" + known->version : image;
  out.instance = std::to_string(first.at("ResourceConfig").value("InstanceCount", 1)) + " x " +
                 TextOf(first.at("ResourceConfig"), "InstanceType");
  out.output_uri = first.at("OutputDataConfig").at("S3OutputPath");
  out.request = tuning.request;
  if (const auto seed = config.find("RandomSeed"); seed != config.end()) out.seed = seed->dump();
  out.job_ended = tuning.terminal();
  out.early_stopping = config.at("TrainingJobEarlyStoppingType") == "Auto";
  out.created_ms = tuning.created_ms;
  if (tuning.terminal()) out.ended_ms = tuning.ended_ms;
  const nlohmann::json& limits = config.at("ResourceLimits");
  out.most = limits.at("MaxNumberOfTrainingJobs").get<uint64_t>();
  out.parallel = limits.at("MaxParallelTrainingJobs").get<uint64_t>();
  const std::vector<TrialDefinition> definitions = Definitions(request);
  for (size_t i = 0; i < definitions.size(); ++i) {
    out.definitions.push_back(tuning_report::DefinitionOf(request, i, definitions[i]));
  }
  for (const SnapshotPtr& trial : Trials(context, tuning)) {
    const size_t d = tuning_job::DefinitionOf(request, tuning_job::NumberOf(tuning, trial->record));
    out.trials.push_back(tuning_report::TrialOf(trial->record, d, definitions[d]));
  }
  return out;
}

Status StepTuningReport(Steps& steps, const SnapshotPtr& report) {
  Records& records = steps.context.records;
  const SnapshotPtr tuning = records.FindArn(report->record.owner);
  const int64_t now = steps.now_ms();
  const auto run = [&](const SnapshotPtr& launched) {
    return RunRule(
        steps, launched, tuning,
        [&] { return tuning_report::WriteTuningContext(steps, launched->record, tuning->record); },
        [&] {
          api::RuleSpec spec;
          spec.job_name = tuning->record.name;
          spec.name = launched->record.As<ProcessingFacts>().rule;
          spec.parameters = {{"rule_to_invoke", tuning_report::kReportRule}};
          spec.output_uri = TuningReportUri(tuning->record.name, tuning->record.Request());
          FillRuleSpec(launched->record, steps.context, spec);
          return spec;
        });
  };
  if (tuning && report->record.has_launch()) return run(report);
  Record record = report->record;
  if (!tuning) {
    EndRule(record, "Error", "InternalServerError: the report's tuning job is not there", now);
  } else if (record.status == "Stopping") {
    EndRule(record, "Stopped", "The report was stopped before it was begun.", now);
  } else if (tuning->record.terminal() ||
             now - tuning->record.created_ms >= tuning_report::kFirstMs) {
    if (!steps.Admit(record.launches.front())) return {};
    record.started_ms = now;
    steps.Prepare(record, record.launches.front());
    CLARY_TRY(const SnapshotPtr next, records.Update(report, std::move(record)));
    return run(next);
  } else {
    steps.Doze();
    return {};
  }
  CLARY_CHECK_OK(records.Update(report, std::move(record)));
  return {};
}

}  // namespace clary::control
