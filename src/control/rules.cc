#include "control/internal/rules.h"

#include <re2/re2.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/hash.h"
#include "base/strings.h"
#include "control/internal/processing_job.h"
#include "control/internal/training_job.h"
#include "control/internal/training_request.h"
#include "control/internal/tuning_report.h"

namespace clary::control {
namespace {

using nlohmann::json;

constexpr char kDebug[] = "DebugRuleConfigurations";
constexpr char kProfiler[] = "ProfilerRuleConfigurations";
constexpr std::chrono::seconds kRuleGrace{30};  // between SIGTERM and SIGKILL
constexpr int64_t kRuleLimitMs = 30 * 60'000;   // a rule may work on so long after its job
constexpr uint64_t kMaxResultBytes = 1 << 20;
constexpr size_t kMaxOtherJobs = 20;       // compared with in a report
constexpr size_t kMaxJobsLookedAt = 2000;  // for them
constexpr int kRuleVolumeGb = 10;          // of rules that name none, likewise
constexpr char kRuleInstance[] = "ml.t3.medium";
constexpr char kTensorsPath[] = "/opt/ml/processing/input/tensors";
constexpr char kProfilerPath[] = "/opt/ml/processing/input/profiler";
constexpr char kOutputPath[] = "/opt/ml/processing/output/rule";

// The element of DebugRuleConfigurations or ProfilerRuleConfigurations behind a rule.
json Configuration(const json& request, std::string_view name, bool profiler) {
  for (const json& r : request.value(profiler ? kProfiler : kDebug, json::array())) {
    if (r.at("RuleConfigurationName") == name) return r;
  }
  return json::object();
}

// The processing job's name: what AWS makes of job and rule, and always a valid name.
std::string ProcessingJob(const std::string& job, const std::string& rule, bool profiler) {
  std::string id = ToLower(rule.substr(0, 26));
  std::ranges::replace_if(id, [](unsigned char c) { return std::isalnum(c) == 0; }, '-');
  const std::string salt = job + (profiler ? "//" : "/") + rule;
  return job.substr(0, 26) + "-" + id + "-" + HexEncode(Sha256(salt)).substr(0, 8);
}

std::string Member(const json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

// S3OutputPath of a part of the request, or that of the job's output.
std::string OutputPath(const json& request, const char* part) {
  if (const auto it = request.find(part); it != request.end()) {
    if (const std::string path = Member(*it, "S3OutputPath"); !path.empty()) return path;
  }
  return request.at("OutputDataConfig").at("S3OutputPath");
}

// What the request of a job says of one of its rules.
api::RuleSpec SpecOf(const std::string& job, const json& request, const std::string& rule,
                     bool profiler) {
  const json configuration = Configuration(request, rule, profiler);
  api::RuleSpec spec;
  spec.job_name = job;
  spec.name = rule;
  spec.profiler = profiler;
  spec.image = Member(configuration, "RuleEvaluatorImage");
  if (const auto given = configuration.find("RuleParameters"); given != configuration.end()) {
    spec.parameters = given->get<std::map<std::string, std::string>>();
  }
  spec.tensors_uri = JobUri(OutputPath(request, "DebugHookConfig"), job, "debug-output");
  spec.profiler_uri = JobUri(OutputPath(request, "ProfilerConfig"), job, "profiler-output");
  std::string output = Member(configuration, "S3OutputPath");
  if (output.empty()) output = request.at("OutputDataConfig").at("S3OutputPath");
  spec.output_uri = JobUri(output, job, "rule-output/" + rule);
  return spec;
}

json InputView(const char* name, const std::string& uri, const char* path) {
  return {{"InputName", name},
          {"AppManaged", false},
          {"S3Input",
           {{"S3Uri", uri},
            {"LocalPath", path},
            {"S3DataType", "S3Prefix"},
            {"S3InputMode", "File"},
            {"S3DataDistributionType", "FullyReplicated"},
            {"S3CompressionType", "None"}}}};
}

// The rules among the children of a job, as the request lists them: Debugger's, then profiler's.
std::vector<SnapshotPtr> RulesOf(const Records& records, const Record& job) {
  std::vector<SnapshotPtr> rules;
  for (SnapshotPtr& child : records.Children(job.arn)) {
    if (IsRule(child->record)) rules.push_back(std::move(child));
  }
  std::ranges::sort(rules, {}, [](const SnapshotPtr& rule) {
    const auto& facts = rule->record.As<ProcessingFacts>();
    return std::pair(facts.profiler, facts.place);
  });
  return rules;
}

// A RuleEvaluationStatus.
std::string EvaluationOf(const Record& rule) {
  return rule.terminal() ? rule.As<ProcessingFacts>().evaluation : rule.status;
}

std::string DetailsOf(const Record& rule) {
  return rule.status == "Failed" ? rule.failure_reason : rule.As<ProcessingFacts>().exit_message;
}

api::RuleContext MakeRuleContext(const Records& records, const Record& job) {
  const json request = job.Request();
  api::RuleContext c;
  c.job_name = job.name;
  c.base_job_name = BaseJobName(job.name);
  c.job_ended = job.terminal();
  c.status = job.status;
  c.failure_reason = job.failure_reason;
  const std::string image = request.at("AlgorithmSpecification").value("TrainingImage", "");
  const auto known = api::ResolveImage(image);
  c.image = known ? known->program + ":" + known->version : image;
  const json& resources = request.at("ResourceConfig");
  c.instance = std::to_string(resources.value("InstanceCount", 1)) + " x " +
               Member(resources, "InstanceType");
  c.created_ms = job.created_ms;
  c.started_ms = job.started_ms;
  if (job.terminal()) c.ended_ms = job.ended_ms;
  c.hyperparameters = request.at("HyperParameters").get<std::map<std::string, std::string>>();
  for (const json& channel : request.value("InputDataConfig", json::array())) {
    c.channels.push_back(
        {.name = Member(channel, "ChannelName"),
         .s3_uri = Member(channel.at("DataSource").value("S3DataSource", json::object()), "S3Uri"),
         .content_type = Member(channel, "ContentType")});
  }
  for (const SnapshotPtr& rule : RulesOf(records, job)) {
    const auto& facts = rule->record.As<ProcessingFacts>();
    const json parameters =
        Configuration(request, facts.rule, facts.profiler).value("RuleParameters", json::object());
    c.rules.push_back({.name = facts.rule,
                       .rule = parameters.value("rule_to_invoke", facts.rule),
                       .status = EvaluationOf(rule->record),
                       .details = DetailsOf(rule->record)});
  }
  return c;
}

// Ended jobs of the same base name, newest first.
std::vector<api::RuleContext::OtherJob> OtherJobs(const Records& records, const Record& record) {
  const std::string base(BaseJobName(record.name));
  std::vector<SnapshotPtr> jobs;
  if (base == record.name) return {};
  size_t looked_at = 0;
  records.ByKey(kTrainingJob, true, base, [&](const SnapshotPtr& job) {
    const std::string& name = job->record.name;
    if (BaseJobName(name) == base && name != record.name && job->record.terminal()) {
      jobs.push_back(job);
    }
    return name.starts_with(base) && ++looked_at < kMaxJobsLookedAt;
  });
  std::ranges::sort(jobs, std::greater<>(),
                    [](const SnapshotPtr& j) { return j->record.created_ms; });
  if (jobs.size() > kMaxOtherJobs) jobs.resize(kMaxOtherJobs);
  std::vector<api::RuleContext::OtherJob> out;
  for (const SnapshotPtr& job : jobs) {
    const Record& r = job->record;
    auto& other = out.emplace_back();
    other.name = r.name;
    other.status = r.status;
    other.ended_ms = r.ended_ms;
    for (const FinalMetric& m : r.As<TrainingFacts>().final_metrics) {
      other.metrics[m.name] = m.value;
    }
    other.hyperparameters =
        r.Request().at("HyperParameters").get<std::map<std::string, std::string>>();
  }
  return out;
}

// The job as its rules see it, again when it or one of them has changed.
Status WriteContext(Steps& steps, const Record& job) {
  const Records& records = steps.context.records;
  const uint64_t stamp = records.Stamp(job.arn);
  uint64_t& written = steps.Note(job);
  if (written == stamp) return {};
  const auto directory = steps.Directory(job.launches.front()) / "rules";
  CLARY_CHECK_OK(MakeDirectories(directory));
  api::RuleContext context = MakeRuleContext(records, job);
  context.other_jobs = OtherJobs(records, job);
  CLARY_CHECK_OK(WriteFileAtomic(directory / "context.json", context.ToJson()));
  written = stamp;
  return {};
}

// Takes the end of a rule's process into the record. `how` is the end of the process itself.
// Returns whether the rule asks for its job's end.
bool FoldEnd(const Steps& steps, Record& rule, const Record& job, const std::string& how) {
  const int64_t now = steps.now_ms();
  const bool stopping = rule.status == "Stopping";
  const auto text =
      ReadFile(steps.Directory(rule.launches.front()) / "result.json", kMaxResultBytes);
  const auto result = text ? api::RuleResult::FromJson(*text)
                           : Result<api::RuleResult>(std::unexpected(text.error()));
  if (!result && stopping) {
    EndRule(rule, "Stopped", "The rule was stopped.", now);
  } else if (!result) {
    EndRule(rule, "Error",
            "InternalServerError: the rule's process " + how + " before it reported a result" +
                (text ? ": " + result.error().message : ""),
            now);
  } else if (result->status == "Stopped" && !stopping) {
    EndRule(rule, "Error",
            job.terminal() ? "InternalServerError: the rule did not end in time after its job"
                           : "InternalServerError: the rule's process was stopped from outside",
            now);
  } else {
    EndRule(rule, result->status, result->details, now);
    return result->stop_job;
  }
  return false;
}

}  // namespace

void EndRule(Record& rule, const std::string& evaluation, std::string_view details, int64_t now) {
  auto& facts = rule.Edit<ProcessingFacts>();
  facts.evaluation = evaluation;
  const bool failed = evaluation == "Error";
  rule.status = failed ? "Failed" : evaluation == "Stopped" ? "Stopped" : "Completed";
  (failed ? rule.failure_reason : facts.exit_message) =
      api::CutText(details, api::kMaxStatusDetails);
  rule.modified_ms = std::max(now, rule.modified_ms);
  rule.ended_ms = rule.modified_ms;
}

bool IsRule(const Record& record) {
  return record.kind == &kProcessingJob && !record.As<ProcessingFacts>().rule.empty();
}

std::string RuleName(const Record& record) {
  return IsRule(record) ? record.As<ProcessingFacts>().rule : record.name;
}

std::string_view BaseJobName(std::string_view job) {
  static const re2::RE2 kTime(R"((.+)-(?:\d{4}(?:-\d\d){5}-\d{3}|\d{14}))");
  std::string_view base = job;
  re2::StringPiece part;
  if (re2::RE2::FullMatch(re2::StringPiece(job.data(), job.size()), kTime, &part)) {
    base = std::string_view(part.data(), part.size());
  }
  return base;
}

json RuleRequest(const std::string& job, const json& request, const std::string& rule,
                 bool profiler) {
  const json configuration = Configuration(request, rule, profiler);
  const api::RuleSpec spec = SpecOf(job, request, rule, profiler);
  return {{"ProcessingJobName", ProcessingJob(job, rule, profiler)},
          {"RoleArn", request.at("RoleArn")},
          {"AppSpecification", {{"ImageUri", spec.image}}},
          {"Environment", spec.parameters},
          {"ProcessingInputs",
           json::array({profiler ? InputView("profiler", spec.profiler_uri, kProfilerPath)
                                 : InputView("tensors", spec.tensors_uri, kTensorsPath)})},
          {"ProcessingOutputConfig",
           {{"Outputs",
             {{{"OutputName", "rule"},
               {"AppManaged", false},
               {"S3Output",
                {{"S3Uri", spec.output_uri},
                 {"LocalPath", kOutputPath},
                 {"S3UploadMode", "Continuous"}}}}}}}},
          {"ProcessingResources",
           {{"ClusterConfig",
             {{"InstanceCount", 1},
              {"InstanceType", configuration.value("InstanceType", kRuleInstance)},
              {"VolumeSizeInGB", configuration.value("VolumeSizeInGB", kRuleVolumeGb)}}}}},
          {"StoppingCondition",
           {{"MaxRuntimeInSeconds", request.at("StoppingCondition").at("MaxRuntimeInSeconds")}}}};
}

Status PlanRules(Context& context, const Record& job, json& request, Plan& plan) {
  const auto config = request.find("ProfilerConfig");
  const bool profiled = config != request.end() && !config->value("DisableProfiler", false);
  if (profiled && context.options.profiler_report &&
      request.value(kProfiler, json::array()).empty()) {
    request[kProfiler] = {
        {{"RuleConfigurationName", "ProfilerReport-" + std::to_string(job.created_ms / 1000)},
         {"RuleEvaluatorImage", "503895931360.dkr.ecr." + context.options.region +
                                    ".amazonaws.com/sagemaker-debugger-rules:latest"},
         {"RuleParameters", {{"rule_to_invoke", "ProfilerReport"}}}}};
  }
  for (const bool profiler : {false, true}) {
    int place = 0;
    for (const json& r : request.value(profiler ? kProfiler : kDebug, json::array())) {
      auto facts = std::make_shared<ProcessingFacts>();
      facts->rule = r.at("RuleConfigurationName");
      facts->profiler = profiler;
      facts->place = place++;
      const json child = RuleRequest(job.name, request, facts->rule, profiler);
      CLARY_CHECK_OK(PlanCreate(context, kProcessingJob, child,
                                {.owner = job.arn, .bound = true, .facts = std::move(facts)},
                                plan));
    }
  }
  return {};
}

json RuleStatuses(const Context& context, const Record& job, bool profiler) {
  json out = json::array();
  for (const SnapshotPtr& rule : RulesOf(context.records, job)) {
    const Record& r = rule->record;
    if (r.As<ProcessingFacts>().profiler != profiler) continue;
    json& view = out.emplace_back();
    view = {{"RuleConfigurationName", r.As<ProcessingFacts>().rule},
            {"RuleEvaluationJobArn", r.arn},
            {"RuleEvaluationStatus", EvaluationOf(r)},
            {"LastModifiedTime", Seconds(r.modified_ms)}};
    if (std::string details = DetailsOf(r); !details.empty()) view["StatusDetails"] = details;
  }
  return out;
}

api::RuleSpec MakeRuleSpec(const Record& job, const Record& rule, const Context& context) {
  const auto& facts = rule.As<ProcessingFacts>();
  api::RuleSpec spec = SpecOf(job.name, job.Request(), facts.rule, facts.profiler);
  FillRuleSpec(rule, context, spec);
  return spec;
}

void FillRuleSpec(const Record& rule, const Context& context, api::RuleSpec& spec) {
  const Options& options = context.options;
  spec.region = options.region;
  spec.store = options.object_root;
  spec.log_root = context.env.logs.root().string();
  spec.log_group = kProcessingLogGroup;
  spec.log_stream = rule.launches.front().log_stream();
  spec.notify_file = options.notify_file.string();
  spec.python = options.rule_python;
}

Status RunRule(Steps& steps, const SnapshotPtr& rule, const SnapshotPtr& job,
               const std::function<Status()>& write_context,
               const std::function<api::RuleSpec()>& spec) {
  Context& context = steps.context;
  const Record& current = rule->record;
  const Launch& launch = current.launches.front();
  const int64_t now = steps.now_ms();
  const bool stopping = current.status == "Stopping";
  // Before the first launch, so that a rule always finds it.
  CLARY_CHECK_OK(write_context());
  CLARY_TRY(const Sighting sighting, steps.Follow(launch, !stopping, [&] {
    return Program{.command = context.options.rule_command,
                   .file = "rule.json",
                   .spec = spec().ToJson(),
                   .log = "rule.log"};
  }));
  Record record = current;
  bool stop_job = false;
  switch (sighting.state) {
    case Sighting::State::kWaits:
      return {};
    case Sighting::State::kRuns:
      if (stopping || (job->record.terminal() && now - job->record.ended_ms > kRuleLimitMs)) {
        return steps.Stop(launch, kRuleGrace);
      }
      steps.Doze();
      return {};
    case Sighting::State::kNever:
      EndRule(record, "Stopped", "The rule was stopped before its evaluation began.", now);
      break;
    case Sighting::State::kCannotStart:
    case Sighting::State::kRefused:
      EndRule(record, "Error", "InternalServerError: starting the rule's process: " + sighting.how,
              now);
      break;
    case Sighting::State::kEnded:
      stop_job = FoldEnd(steps, record, job->record, sighting.how);
      break;
  }
  Plan plan;
  plan.Update(rule, std::move(record));
  // As StopTrainingJob would: intent only.
  if (stop_job && job->record.status == "InProgress") {
    Record stopped = job->record;
    stopped.stop_requested_ms = now;
    plan.Update(job, std::move(stopped));
  }
  return context.records.Apply(std::move(plan));
}

Status StepRule(Steps& steps, const SnapshotPtr& rule) {
  if (ParseArn(rule->record.owner).kind == &kTuningJob) return StepTuningReport(steps, rule);
  Records& records = steps.context.records;
  const SnapshotPtr job = records.FindArn(rule->record.owner);
  const int64_t now = steps.now_ms();
  const auto run = [&](const SnapshotPtr& launched) {
    return RunRule(
        steps, launched, job, [&] { return WriteContext(steps, job->record); },
        [&] { return MakeRuleSpec(job->record, launched->record, steps.context); });
  };
  if (job && rule->record.has_launch()) return run(rule);
  Record record = rule->record;
  if (!job) {
    EndRule(record, "Error", "InternalServerError: the rule's training job is not there", now);
  } else if (record.status == "Stopping") {
    EndRule(record, "Stopped", "The rule was stopped before its evaluation began.", now);
  } else if (job->record.As<TrainingFacts>().has_trained()) {
    if (!steps.Admit(record.launches.front())) return {};
    record.started_ms = now;
    steps.Prepare(record, record.launches.front());
    CLARY_TRY(const SnapshotPtr next, records.Update(rule, std::move(record)));
    return run(next);
  } else if (job->record.status == "Stopped") {
    EndRule(record, "Stopped", "The training job was stopped before it began to train.", now);
  } else if (job->record.terminal()) {
    EndRule(
        record, "Error",
        "ClientError: No debugging data was saved by the training job: it ended before it began to "
        "train.",
        now);
  } else {
    return {};
  }
  CLARY_CHECK_OK(records.Update(rule, std::move(record)));
  return {};
}

}  // namespace clary::control
