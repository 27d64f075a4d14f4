#include "control/internal/rules.h"

#include <re2/re2.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/strings.h"
#include "control/internal/create.h"
#include "control/internal/state.h"

namespace clary::control {
namespace {

using nlohmann::json;

constexpr char kDebug[] = "DebugRuleConfigurations";
constexpr char kProfiler[] = "ProfilerRuleConfigurations";
constexpr std::chrono::seconds kRuleGrace{30};  // between SIGTERM and SIGKILL
constexpr int64_t kRuleLimitMs = 30 * 60'000;   // a rule may work on so long after its job
constexpr int kMaxRuleLaunchFailures = 5;
constexpr int64_t kFirstRuleRetryMs = 100;  // doubles with each failure
constexpr uint64_t kMaxResultBytes = 1 << 20;
constexpr size_t kMaxOtherJobs = 20;       // compared with in a report
constexpr size_t kMaxJobsLookedAt = 2000;  // for them

bool HasTrained(const JobRecord& record) {
  return std::ranges::find(record.transitions, "Training", &Transition::status) !=
         record.transitions.end();
}

void EndRule(RuleStatus& rule, std::string_view status, std::string_view details, int64_t now) {
  rule.status = status;
  rule.details = api::CutText(details, api::kMaxStatusDetails);
  rule.modified_ms = std::max(now, rule.modified_ms);
  rule.ended_ms = rule.modified_ms;
}

// The processing job's name: what AWS makes of job and rule, and always a valid name.
std::string ProcessingJob(const std::string& job, const std::string& rule, bool profiler) {
  std::string id = ToLower(rule.substr(0, 26));
  std::ranges::replace_if(id, [](unsigned char c) { return std::isalnum(c) == 0; }, '-');
  const std::string salt = job + (profiler ? "//" : "/") + rule;
  return job.substr(0, 26) + "-" + id + "-" + HexEncode(Sha256(salt)).substr(0, 8);
}

std::vector<RuleStatus> NewRules(const JobRecord& record, const json& request, bool profiler,
                                 const Options& options) {
  std::vector<RuleStatus> rules;
  const auto list = request.find(profiler ? kProfiler : kDebug);
  if (list == request.end()) return rules;
  for (const json& r : *list) {
    RuleStatus& rule = rules.emplace_back();
    rule.name = r.at("RuleConfigurationName");
    rule.arn = "arn:aws:sagemaker:" + options.region + ":" + options.account_id +
               ":processing-job/" + ProcessingJob(record.name, rule.name, profiler);
    rule.status = "InProgress";
    rule.modified_ms = record.created_ms;
  }
  return rules;
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

api::RuleContext MakeRuleContext(const JobRecord& record) {
  const json request = json::parse(record.request, nullptr, false);
  api::RuleContext c;
  c.job_name = record.name;
  c.base_job_name = BaseJobName(record.name);
  c.job_ended = record.terminal();
  c.status = record.status;
  c.failure_reason = record.failure_reason;
  const std::string image = request.at("AlgorithmSpecification").value("TrainingImage", "");
  const auto known = api::ResolveImage(image);
  c.image = known ? known->program + ":" + known->version : image;
  const json& resources = request.at("ResourceConfig");
  c.instance = std::to_string(resources.value("InstanceCount", 1)) + " x " +
               Member(resources, "InstanceType");
  c.created_ms = record.created_ms;
  c.started_ms = record.training_start_ms;
  if (record.terminal()) c.ended_ms = record.training_end_ms;
  c.hyperparameters = request.at("HyperParameters").get<std::map<std::string, std::string>>();
  for (const json& channel : request.value("InputDataConfig", json::array())) {
    c.channels.push_back(
        {.name = Member(channel, "ChannelName"),
         .s3_uri = Member(channel.at("DataSource").value("S3DataSource", json::object()), "S3Uri"),
         .content_type = Member(channel, "ContentType")});
  }
  record.ForEachRule([&](const RuleStatus& rule, bool profiler) {
    const json configuration = RuleConfiguration(request, rule.name, profiler);
    const json parameters = configuration.value("RuleParameters", json::object());
    c.rules.push_back({.name = rule.name,
                       .rule = parameters.value("rule_to_invoke", rule.name),
                       .status = rule.status,
                       .details = rule.details});
  });
  return c;
}

// Ended jobs of the same base name, newest first.
std::vector<api::RuleContext::OtherJob> OtherJobs(const Records& records, const JobRecord& record) {
  const std::string base(BaseJobName(record.name));
  std::vector<SnapshotPtr> jobs;
  if (base == record.name) return {};
  size_t looked_at = 0;
  records.ByName(true, base, [&](const SnapshotPtr& job) {
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
    const JobRecord& r = job->record;
    auto& other = out.emplace_back();
    other.name = r.name;
    other.status = r.status;
    other.ended_ms = r.training_end_ms;
    for (const FinalMetric& m : r.final_metrics) other.metrics[m.name] = m.value;
    const json request = json::parse(r.request, nullptr, false);
    other.hyperparameters = request.at("HyperParameters").get<std::map<std::string, std::string>>();
  }
  return out;
}

}  // namespace

std::string_view BaseJobName(std::string_view job) {
  static const re2::RE2 kTime(R"((.+)-(?:\d{4}(?:-\d\d){5}-\d{3}|\d{14}))");
  std::string_view base = job;
  re2::StringPiece part;
  if (re2::RE2::FullMatch(re2::StringPiece(job.data(), job.size()), kTime, &part)) {
    base = std::string_view(part.data(), part.size());
  }
  return base;
}

json RuleConfiguration(const json& request, std::string_view name, bool profiler) {
  for (const json& r : request.value(profiler ? kProfiler : kDebug, json::array())) {
    if (r.at("RuleConfigurationName") == name) return r;
  }
  return json::object();
}

void AddRules(JobRecord& record, json& request, const Options& options) {
  const auto profiler = request.find("ProfilerConfig");
  const bool profiled = profiler != request.end() && !profiler->value("DisableProfiler", false);
  if (profiled && options.profiler_report && request.value(kProfiler, json::array()).empty()) {
    request[kProfiler] = {
        {{"RuleConfigurationName", "ProfilerReport-" + std::to_string(record.created_ms / 1000)},
         {"RuleEvaluatorImage", "503895931360.dkr.ecr." + options.region +
                                    ".amazonaws.com/sagemaker-debugger-rules:latest"},
         {"RuleParameters", {{"rule_to_invoke", "ProfilerReport"}}}}};
  }
  record.debug_rules = NewRules(record, request, false, options);
  record.profiler_rules = NewRules(record, request, true, options);
}

api::RuleSpec MakeRuleSpec(const JobRecord& record, const RuleStatus& rule, bool profiler,
                           const Environment& environment, const Options& options) {
  const json request = json::parse(record.request, nullptr, false);
  const json configuration = RuleConfiguration(request, rule.name, profiler);
  api::RuleSpec spec;
  spec.job_name = record.name;
  spec.name = rule.name;
  spec.profiler = profiler;
  spec.image = Member(configuration, "RuleEvaluatorImage");
  if (const auto given = configuration.find("RuleParameters"); given != configuration.end()) {
    spec.parameters = given->get<std::map<std::string, std::string>>();
  }
  spec.tensors_uri = JobUri(OutputPath(request, "DebugHookConfig"), record.name, "debug-output");
  spec.profiler_uri = JobUri(OutputPath(request, "ProfilerConfig"), record.name, "profiler-output");
  std::string output = Member(configuration, "S3OutputPath");
  if (output.empty()) output = request.at("OutputDataConfig").at("S3OutputPath");
  spec.output_uri = JobUri(output, record.name, "rule-output/" + rule.name);
  spec.region = options.region;
  spec.store = options.object_root.string();
  spec.log_root = environment.logs.root().string();
  spec.log_group = kProcessingLogGroup;
  spec.log_stream = rule.log_stream;
  spec.notify_file = options.notify_file.string();
  spec.python = options.rule_python;
  return spec;
}

void Reconciler::PassRules(bool look) {
  const auto active = records_.Active();
  rules_running_ = 0;
  for (const SnapshotPtr& job : active) {
    job->record.ForEachRule([&](const RuleStatus& rule, bool) {
      if (!rule.launch_key.empty() && !rule.ended()) ++rules_running_;
    });
  }
  for (const SnapshotPtr& job : active) {
    if (!job->record.has_rules()) continue;
    Memory& memory = memory_[job->record.name];
    memory.look_at_rules = memory.look_at_rules || look;
    const Status done = StepRules(job, memory);
    if (!done && done.error().code != Code::kConflict && !memory.complained) {
      memory.complained = true;
      LOG(kError, "the rules of a training job cannot be moved on; trying again",
          {"job", job->record.name}, {"why", done.error().message});
    }
  }
}

Status Reconciler::StepRules(SnapshotPtr job, Memory& memory) {
  CLARY_TRY(job, AdmitRules(job));
  bool running = false;
  job->record.ForEachRule([&](const RuleStatus& rule, bool) {
    running = running || (!rule.launch_key.empty() && !rule.ended());
  });
  if (running) {
    // Before the first launch, so that a rule always finds it.
    if (memory.context_version != job->version) {
      CLARY_CHECK_OK(WriteContext(job->record));
      memory.context_version = job->version;
    }
    CLARY_TRY(job, RunRules(job, memory));
  }
  return ForgetRules(job);
}

Result<SnapshotPtr> Reconciler::AdmitRules(const SnapshotPtr& job) {
  const JobRecord& current = job->record;
  const bool trained = HasTrained(current);
  bool changes = false;
  int free = options_.max_rules - rules_running_;
  const auto admissible = [&](const RuleStatus& rule) {
    if (rule.ended() || !rule.launch_key.empty()) return false;
    if (rule.status == "Stopping") return true;
    return trained ? free > 0 : current.terminal();
  };
  current.ForEachRule([&](const RuleStatus& rule, bool) { changes = changes || admissible(rule); });
  if (!changes) return job;

  const int64_t now = ToMillis(env_.clock.Now());
  JobRecord record = current;
  record.ForEachRule([&](RuleStatus& rule, bool) {
    if (!admissible(rule)) return;
    if (rule.status == "Stopping") {
      EndRule(rule, "Stopped", "The rule was stopped before its evaluation began.", now);
    } else if (trained) {
      --free;
      ++rules_running_;
      rule.started_ms = now;
      rule.launch_key = rule.job_name() + "-" + std::to_string(record.created_ms);
      rule.log_stream = rule.job_name() + "/algo-1-" + std::to_string(now / 1000);
    } else if (record.status == "Stopped") {
      EndRule(rule, "Stopped", "The training job was stopped before it began to train.", now);
    } else {
      EndRule(rule, "Error",
              "ClientError: No debugging data was saved by the training job: it ended before it "
              "began to train.",
              now);
    }
  });
  return records_.Update(job, std::move(record));
}

Result<SnapshotPtr> Reconciler::RunRules(const SnapshotPtr& job, Memory& memory) {
  const bool look = memory.look_at_rules;
  const int64_t now = ToMillis(env_.clock.Now());
  const bool overdue = job->record.terminal() && now - job->record.training_end_ms > kRuleLimitMs;
  bool busy = look;
  job->record.ForEachRule([&](const RuleStatus& rule, bool) {
    if (rule.launch_key.empty() || rule.ended()) return;
    const RuleMemory& known = memory.rules[rule.job_name()];
    busy = busy || !known.launched || ((rule.status == "Stopping" || overdue) && !known.stop_sent);
  });
  if (!busy) return job;

  JobRecord record = job->record;
  Status trouble;
  bool changed = false;
  record.ForEachRule([&](RuleStatus& rule, bool profiler) {
    if (rule.launch_key.empty() || rule.ended()) return;
    RuleMemory& known = memory.rules[rule.job_name()];
    Status done = FollowRule(record, rule, profiler, known, look);
    if (done && !rule.ended() && known.launched && !known.stop_sent &&
        (rule.status == "Stopping" || overdue)) {
      done = env_.executor.Stop(rule.launch_key, kRuleGrace);
      known.stop_sent = done.has_value();
    }
    if (!done && trouble) trouble = done;
    changed = changed || rule.ended();
  });
  SnapshotPtr next = job;
  if (changed) {
    CLARY_TRY(next, records_.Update(job, std::move(record)));
  }
  CLARY_CHECK_OK(trouble);
  memory.look_at_rules = false;
  return next;
}

Status Reconciler::FollowRule(JobRecord& record, RuleStatus& rule, bool profiler,
                              RuleMemory& memory, bool look) const {
  const int64_t now = ToMillis(env_.clock.Now());
  if (!memory.launched) {
    if (now < memory.retry_ms) return {};
    CLARY_TRY(const auto found, env_.executor.Find(rule.launch_key));
    if (!found) {
      if (const Status started = LaunchRule(record, rule, profiler); !started) {
        memory.retry_ms = now + (kFirstRuleRetryMs << memory.failures);
        if (++memory.failures < kMaxRuleLaunchFailures) return started;
        EndRule(rule, "Error",
                "InternalServerError: starting the rule's process: " + started.error().message,
                now);
        return {};
      }
    }
    memory.launched = true;
    look = true;
  }
  if (!look) return {};
  CLARY_TRY(const auto state, env_.executor.Find(rule.launch_key));
  if (state && state->phase == exec::LaunchPhase::kRunning) return {};
  FoldRuleEnd(record, rule,
              state && state->phase == exec::LaunchPhase::kExited
                  ? "ended with code " + std::to_string(state->exit_code)
                  : std::string("was lost"));
  return {};
}

Status Reconciler::LaunchRule(const JobRecord& record, const RuleStatus& rule,
                              bool profiler) const {
  return LaunchIn(RuleDirectory(record, rule), rule.launch_key, options_.rule_command, "rule.json",
                  MakeRuleSpec(record, rule, profiler, env_, options_).ToJson(), "rule.log");
}

// Takes the end of a rule's process into the record. `how` is the end of the process itself.
void Reconciler::FoldRuleEnd(JobRecord& record, RuleStatus& rule, const std::string& how) const {
  const int64_t now = ToMillis(env_.clock.Now());
  const auto text = ReadFile(RuleDirectory(record, rule) / "result.json", kMaxResultBytes);
  const auto result = text ? api::RuleResult::FromJson(*text)
                           : Result<api::RuleResult>(std::unexpected(text.error()));
  if (!result) {
    if (rule.status == "Stopping") {
      EndRule(rule, "Stopped", "The rule was stopped.", now);
    } else {
      EndRule(rule, "Error",
              "InternalServerError: the rule's process " + how + " before it reported a result" +
                  (text ? ": " + result.error().message : ""),
              now);
    }
    return;
  }
  if (result->status == "Stopped" && rule.status != "Stopping") {
    EndRule(rule, "Error",
            record.terminal()
                ? "InternalServerError: the rule did not end in time after its training job"
                : "InternalServerError: the rule's process was stopped from outside",
            now);
    return;
  }
  EndRule(rule, result->status, result->details, now);
  // As StopTrainingJob would: intent only.
  if (result->stop_job && record.status == "InProgress" && record.stop_requested_ms == 0) {
    record.stop_requested_ms = now;
  }
}

Status Reconciler::ForgetRules(const SnapshotPtr& job) {
  bool all_ended = job->record.terminal() && !job->record.rules_settled();
  job->record.ForEachRule(
      [&](const RuleStatus& rule, bool) { all_ended = all_ended && rule.ended(); });
  if (!all_ended) return {};
  JobRecord record = job->record;
  Status trouble;
  record.ForEachRule([&](RuleStatus& rule, bool) {
    if (rule.launch_key.empty() || !trouble) return;
    if (trouble = env_.executor.Forget(rule.launch_key); trouble) rule.launch_key.clear();
  });
  CLARY_CHECK_OK(trouble);
  CLARY_CHECK_OK(records_.Update(job, std::move(record)));
  return {};
}

Status Reconciler::WriteContext(const JobRecord& record) const {
  const auto directory = Directory(record) / "rules";
  CLARY_CHECK_OK(MakeDirectories(directory));
  api::RuleContext context = MakeRuleContext(record);
  context.other_jobs = OtherJobs(records_, record);
  return WriteFileAtomic(directory / "context.json", context.ToJson());
}

}  // namespace clary::control
