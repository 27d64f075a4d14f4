#include "rules/rule_runner.h"

#include <fmt/format.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <optional>
#include <thread>

#include "base/file.h"
#include "base/log.h"
#include "base/strings.h"
#include "debugger/profiler_report.h"
#include "debugger/rule.h"
#include "debugger/training_report.h"
#include "objects/open_store.h"
#include "rules/internal/custom_rule.h"
#include "rules/internal/rule_actions.h"
#include "rules/internal/tuning_report.h"
#include "runner/artifacts.h"
#include "runner/job_log.h"

namespace clary::rules {
namespace fs = std::filesystem;
using api::RuleContext;
using api::RuleResult;
using api::RuleSpec;
namespace {

constexpr Duration kPoll{100};
constexpr Duration kProfilePoll{1000};
constexpr Duration kMinReportPause{5000};    // between two versions of a report
constexpr int kReportShare = 20;             // a report may take 1/20 of the time
constexpr Duration kOtherRulesWait{10'000};  // a final report waits so long for the other rules
constexpr int kNice = 10;
constexpr uint64_t kMaxRuleFile = 16 << 20;
constexpr std::string_view kNoTensors =
    "ClientError: No debugging data was saved by the training job. Give DebugHookConfig the "
    "collections that the rule reads, and let the job train for at least one round.";
constexpr std::string_view kNoProfile =
    "ClientError: No profiling data was saved by the training job.";

// A file that control replaces, read again when it has been.
template <typename Document>
class Watch {
 public:
  explicit Watch(fs::path file) : file_(std::move(file)) {}
  const Document& Look() {
    struct stat now{};
    if (::stat(file_.c_str(), &now) != 0) return context_;
    if (now.st_ino == seen_.st_ino && now.st_mtim.tv_sec == seen_.st_mtim.tv_sec &&
        now.st_mtim.tv_nsec == seen_.st_mtim.tv_nsec) {
      return context_;
    }
    const auto text = ReadFile(file_, kMaxRuleFile);
    auto read = text ? Document::FromJson(*text) : Result<Document>(std::unexpected(text.error()));
    if (!read) {
      LOG(kWarn, "context of a rule not read", {"file", file_.string()},
          {"why", read.error().message});
      return context_;
    }
    context_ = *std::move(read);
    seen_ = now;
    return context_;
  }

 private:
  const fs::path file_;
  struct stat seen_{};
  Document context_;
};

std::optional<Time> TimeOf(int64_t ms) {
  return ms > 0 ? std::optional(FromMillis(ms)) : std::nullopt;
}

debugger::ReportContext ReportContextOf(const RuleContext& c, Time now) {
  debugger::ReportContext out{.job_name = c.job_name,
                              .base_job_name = c.base_job_name,
                              .status = c.status,
                              .failure_reason = c.failure_reason,
                              .image = c.image,
                              .instance = c.instance,
                              .created = TimeOf(c.created_ms),
                              .started = TimeOf(c.started_ms),
                              .ended = TimeOf(c.ended_ms),
                              .hyperparameters = c.hyperparameters,
                              .channels = {},
                              .rules = {},
                              .other_jobs = {},
                              .written = now};
  for (const auto& channel : c.channels) {
    out.channels.push_back({channel.name, channel.s3_uri, channel.content_type});
  }
  for (const auto& rule : c.rules) {
    out.rules.push_back({rule.name, rule.rule, rule.status, rule.details});
  }
  for (const auto& job : c.other_jobs) {
    out.other_jobs.push_back(
        {job.name, job.status, TimeOf(job.ended_ms), job.metrics, job.hyperparameters});
  }
  return out;
}

bool IsReport(std::string_view rule) {
  return rule == "CreateXgboostReport" || rule == "ProfilerReport";
}

RuleResult ErrorResult(std::string_view who, const Error& error) {
  return {.status = "Error", .details = std::string(who) + ": " + error.message};
}

// An error that the user's parameters caused, or one of ours.
RuleResult ErrorResult(const Error& error) {
  if (error.code == Code::kCancelled) {
    return {.status = "Stopped", .details = "The rule was stopped."};
  }
  if (error.reason == "NoTensors") return {.status = "Error", .details = std::string(kNoTensors)};
  const bool client = error.code == Code::kInvalidArgument || error.code == Code::kNotFound ||
                      error.code == Code::kFailedPrecondition;
  return ErrorResult(client ? "ClientError" : "InternalServerError", error);
}

Result<std::unique_ptr<debugger::TrialFiles>> OpenTree(objects::ObjectStore& store,
                                                       const std::string& uri) {
  CLARY_TRY(objects::ObjectRef root, objects::ObjectRef::ParseUri(uri));
  while (root.key.ends_with('/')) root.key.pop_back();
  return debugger::NewStoreTrialFiles(store, root.bucket, root.key);
}

class Evaluation {
 public:
  Evaluation(const RuleSpec& spec, const fs::path& dir, RuleEnvironment& environment,
             std::stop_token stop)
      : spec_(spec),
        dir_(dir),
        store_(environment.store),
        clock_(environment.clock),
        log_(std::move(environment.log), environment.clock),
        watch_(dir.parent_path() / "context.json"),
        stop_(std::move(stop)) {}

  RuleResult Run() {
    const std::string rule = spec_.Invoked();
    log_.Write(runner::CleanLine(
        fmt::format("Evaluating the rule {} ({}) of job {}", spec_.name, rule, spec_.job_name)));
    RuleResult result;
    if (auto actions = ParseActions(Parameter("action_json")); !actions) {
      result = ErrorResult(actions.error());
    } else {
      auto done = Dispatch(rule);
      result = done ? *std::move(done) : ErrorResult(done.error());
      if (result.status == "IssuesFound") Act(rule, *actions, result);
    }
    // Counted after cleaning: it may make a text longer.
    result.details = api::CutText(runner::CleanLine(result.details), api::kMaxStatusDetails);
    log_.Write(runner::CleanLine(result.status +
                                 (result.details.empty() ? std::string() : ": " + result.details)));
    return result;
  }

 private:
  std::string Parameter(const std::string& name) const {
    const auto it = spec_.parameters.find(name);
    return it != spec_.parameters.end() ? it->second : std::string();
  }

  Result<RuleResult> Dispatch(const std::string& rule) {
    if (!Parameter("source_s3_uri").empty()) {
      return RunCustomRule(spec_, dir_,
                           {.store = store_,
                            .clock = clock_,
                            .job_ended = [this] { return watch_.Look().job_ended; },
                            .log = [this](const std::string& line) { log_.Write(line); },
                            .stop = stop_});
    }
    if (rule == "CreateXgboostReport") return TrainingReport();
    if (rule == "ProfilerReport") return ProfilerReport();
    if (rule == "CreateTuningReport") return TuningReport();
    if (spec_.profiler) return ProfilerRule(rule);
    return TensorRule(rule);
  }

  Result<RuleResult> TensorRule(const std::string& name) {
    const debugger::TrialOpener open =
        [this](const std::string& path) -> Result<std::unique_ptr<debugger::Trial>> {
      if (!path.starts_with("s3://")) {
        return Fail(Code::kInvalidArgument, "BadRuleParameter",
                    "other_trials: '" + path + "' is no s3:// URI");
      }
      CLARY_TRY(auto files, OpenTree(store_, path));
      return std::make_unique<debugger::Trial>(std::move(files));
    };
    CLARY_TRY(const auto rule, debugger::MakeRule(name, Parameters(), open));
    CLARY_TRY(auto files, OpenTree(store_, spec_.tensors_uri));
    debugger::Trial trial(std::move(files));
    CLARY_TRY(const auto outcome,
              debugger::FollowTrial(*rule, trial, clock_,
                                    {.poll = kPoll, .stop = stop_, .job_ended = [this] {
                                       return watch_.Look().job_ended;
                                     }}));
    if (!outcome.fired) return RuleResult{.status = "NoIssuesFound", .details = ""};
    return RuleResult{
        .status = "IssuesFound",
        .details = fmt::format("RuleEvaluationConditionMet: Evaluation of the rule {} at step {} "
                               "resulted in the condition being met. {}",
                               name, outcome.step, outcome.details)};
  }

  // SDKs send the paths of other trials as other_trial_0, other_trial_1, ...
  std::map<std::string, std::string> Parameters() const {
    auto parameters = spec_.parameters;
    if (!parameters.contains("other_trials")) {
      std::vector<std::string> trials;
      for (int i = 0;; ++i) {
        const std::string path = Parameter("other_trial_" + std::to_string(i));
        if (path.empty()) break;
        trials.push_back(path);
      }
      if (!trials.empty()) parameters["other_trials"] = Join(trials, ",");
    }
    return parameters;
  }

  Result<RuleResult> TrainingReport() {
    CLARY_TRY(auto files, OpenTree(store_, spec_.tensors_uri));
    debugger::Trial trial(std::move(files));
    size_t written = 0;
    CLARY_CHECK_OK(KeepReport(
        OfTrainingJob(), [&] { return trial.Refresh(); },
        [&](bool final) -> Result<bool> {
          if (final) trial.MarkEnded();
          if (!final && trial.Steps().size() == written) return false;
          written = trial.Steps().size();
          CLARY_CHECK_OK(debugger::WriteTrainingReport(
              trial, ReportContextOf(watch_.Look(), clock_.Now()), dir_ / "output"));
          return true;
        }));
    if (written == 0) return RuleResult{.status = "Error", .details = std::string(kNoTensors)};
    return RuleResult{.status = "NoIssuesFound", .details = ""};
  }

  Result<RuleResult> ProfilerReport() {
    CLARY_TRY(auto files, OpenTree(store_, spec_.profiler_uri));
    debugger::Profile profile(std::move(files));
    std::vector<debugger::ProfilerRuleResult> results;
    CLARY_CHECK_OK(KeepReport(
        OfTrainingJob(), [&] { return profile.Refresh(); },
        [&](bool) -> Result<bool> {
          CLARY_TRY(results, debugger::EvaluateProfilerRules(spec_.parameters, profile));
          CLARY_CHECK_OK(debugger::WriteProfilerReport(profile, results,
                                                       ReportContextOf(watch_.Look(), clock_.Now()),
                                                       dir_ / "output" / "profiler-output"));
          return true;
        }));
    return ProfilerOutcome(profile, results);
  }

  Result<RuleResult> TuningReport() {
    Watch<api::TuningContext> job(dir_ / "tuning.json");
    TrialFollower follower(spec_.log_root, store_);
    CLARY_CHECK_OK(KeepReport(
        {.ended = [&] { return job.Look().job_ended; }, .settle = [] {}}, [] { return Status(); },
        [&](bool) -> Result<bool> {
          CLARY_TRY(const tuning::ReportInput input, follower.Read(job.Look(), spec_.region));
          CLARY_CHECK_OK(tuning::WriteTuningReport(input, clock_.Now(), dir_ / "output"));
          return true;
        }));
    return RuleResult{.status = "NoIssuesFound", .details = ""};
  }

  // One of the rules that ProfilerReport runs, on its own.
  Result<RuleResult> ProfilerRule(const std::string& name) {
    CLARY_TRY(auto files, OpenTree(store_, spec_.profiler_uri));
    debugger::Profile profile(std::move(files));
    for (;;) {
      const bool ended = watch_.Look().job_ended;
      CLARY_CHECK_OK(profile.Refresh());
      CLARY_TRY(const auto result, debugger::EvaluateProfilerRule(name, spec_.parameters, profile));
      if (ended || result.triggered > 0) return ProfilerOutcome(profile, {result});
      if (stop_.stop_requested()) return Fail(Code::kCancelled, "Stopped", "rule stopped");
      clock_.Sleep(kProfilePoll, stop_);
    }
  }

  static RuleResult ProfilerOutcome(const debugger::Profile& profile,
                                    const std::vector<debugger::ProfilerRuleResult>& results) {
    if (profile.system().empty() && profile.events().empty()) {
      return {.status = "Error", .details = std::string(kNoProfile)};
    }
    std::vector<std::string> found;
    for (const auto& result : results) {
      if (result.triggered > 0) found.push_back(result.rule + ": " + result.message);
    }
    if (found.empty()) return {.status = "NoIssuesFound", .details = ""};
    return {.status = "IssuesFound", .details = "RuleEvaluationConditionMet: " + Join(found, " ")};
  }

  // The job that a report is of.
  struct Subject {
    std::function<bool()> ended;
    std::function<void()> settle;  // called once it has ended, before the last version
  };
  Subject OfTrainingJob() {
    return {.ended = [this] { return watch_.Look().job_ended; },
            .settle = [this] { AwaitOtherRules(); }};
  }

  // Calls refresh() often and write(final) at a bounded rate while the job runs, then both once
  // more. write() returns whether there is something new to upload.
  Status KeepReport(const Subject& subject, const std::function<Status()>& refresh,
                    const std::function<Result<bool>(bool final)>& write) {
    const fs::path output = dir_ / "output";
    CLARY_CHECK_OK(MakeDirectories(output));
    runner::Mirror mirror(dir_, "output", spec_.output_uri, store_);
    Time next = clock_.Now() + kMinReportPause;
    bool warned = false;
    while (!subject.ended()) {
      if (stop_.stop_requested()) return Fail(Code::kCancelled, "Stopped", "rule stopped");
      const Time before = clock_.Now();
      if (before >= next) {
        Status done = refresh();
        if (done) {
          const auto fresh = write(false);
          done = fresh ? *fresh ? mirror.Sync(true) : Status() : std::unexpected(fresh.error());
        }
        if (!done && !warned) {  // the job may write just now; the final report tells
          warned = true;
          log_.Write(runner::CleanLine("The report could not be updated: " + done.error().message));
        }
        const Time after = clock_.Now();
        next = after + std::max(kMinReportPause, kReportShare * (after - before));
      }
      clock_.Sleep(kPoll, stop_);
    }
    subject.settle();
    CLARY_CHECK_OK(refresh());
    CLARY_CHECK_OK(write(true));
    if (Status done = mirror.Sync(true); !done) {
      return std::unexpected(std::move(done).error().With("uploading the report"));
    }
    log_.Write(runner::CleanLine("The report is in " + spec_.output_uri));
    return {};
  }

  // A final report lists what the other rules found.
  void AwaitOtherRules() {
    const Time limit = clock_.Now() + kOtherRulesWait;
    const auto others_run = [&] {
      return std::ranges::any_of(watch_.Look().rules, [](const RuleContext::Rule& r) {
        return !IsReport(r.rule) && !api::IsFinalRuleStatus(r.status);
      });
    };
    while (others_run() && clock_.Now() < limit && !stop_.stop_requested()) {
      clock_.Sleep(kPoll, stop_);
    }
  }

  void Act(const std::string& rule, std::vector<RuleAction> actions, RuleResult& result) {
    // Options of StalledTrainingRule, older than actions; evaluating it has checked them.
    if (rule == "StalledTrainingRule") {
      const auto settings = debugger::RuleSettings::Read(*debugger::FindRule(rule), Parameters());
      if (settings && settings->Flag("stop_training_on_fire")) {
        const std::string prefix = settings->Text("training_job_name_prefix");
        actions.push_back({.target = prefix.empty() ? spec_.job_name : prefix});
      }
    }
    const RuleMessage message{.rule = rule, .job_name = spec_.job_name, .details = result.details};
    std::vector<std::string> said;
    for (const RuleAction& action : actions) {
      if (action.kind == RuleAction::Kind::kStopTraining) {
        const bool ours = StopsJob(action, spec_.job_name);
        result.stop_job = result.stop_job || ours;
        said.push_back(ours ? "StopTraining: the training job is being stopped."
                            : "StopTraining: '" + action.target + "' is not this training job.");
        continue;
      }
      const char* kind = action.kind == RuleAction::Kind::kEmail ? "Email" : "SMS";
      const Status sent = SendNotification(action, message, spec_.notify_file);
      said.push_back(fmt::format("{} to {}: {}", kind, action.target,
                                 sent ? std::string("sent.") : sent.error().message));
    }
    // What was done must not be cut off by a long finding.
    std::string done;
    for (const std::string& text : said) done += " " + text;
    const size_t room = api::kMaxStatusDetails - std::min(done.size(), api::kMaxStatusDetails / 2);
    result.details = api::CutText(result.details, room) + done;
  }

  const RuleSpec& spec_;
  const fs::path dir_;
  objects::ObjectStore& store_;
  Clock& clock_;
  runner::JobLog log_;
  Watch<RuleContext> watch_;
  const std::stop_token stop_;
};

// SIGTERM and SIGINT as a stop token. Made before any other thread.
class StopOnSignal {
 public:
  StopOnSignal() {
    sigemptyset(&set_);
    for (const int s : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&set_, s);
    ::pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    thread_ = std::jthread([this] {
      int signal = 0;
      if (::sigwait(&set_, &signal) == 0 && signal != SIGUSR1) stop_.request_stop();
    });
  }
  ~StopOnSignal() {
    if (thread_.joinable()) ::pthread_kill(thread_.native_handle(), SIGUSR1);
  }
  std::stop_token token() const { return stop_.get_token(); }

 private:
  sigset_t set_{};
  std::stop_source stop_;
  std::jthread thread_;
};

Result<RuleResult> RunDirectory(const fs::path& dir, std::stop_token stop) {
  CLARY_TRY(const std::string text, ReadFile(dir / "rule.json", kMaxRuleFile));
  CLARY_TRY(const RuleSpec spec, RuleSpec::FromJson(text));
  CLARY_TRY(const auto store, objects::OpenStoreForJob(spec.store));
  CLARY_TRY(auto log, meta::LogWriter::Open(spec.log_root, spec.log_group, spec.log_stream));
  return EvaluateRule(spec, dir, {*store, std::move(log), Clock::System()}, std::move(stop));
}

}  // namespace

RuleResult EvaluateRule(const RuleSpec& spec, const fs::path& rule_dir, RuleEnvironment environment,
                        std::stop_token stop) {
  return Evaluation(spec, rule_dir, environment, std::move(stop)).Run();
}

int RunRule(const fs::path& rule_dir) {
  const StopOnSignal signal;
  ::setpriority(PRIO_PROCESS, 0, kNice);  // training comes first
  std::error_code ec;
  const fs::path dir = fs::absolute(rule_dir, ec);
  auto result = RunDirectory(dir, signal.token());
  if (!result) result = ErrorResult("InternalServerError", result.error());
  const Status written = WriteFileAtomic(dir / "result.json", result->ToJson());
  if (written) return 0;
  LOG(kError, "the result of a rule is lost", {"rule_dir", dir.string()},
      {"error", written.error().message});
  return 1;
}

}  // namespace clary::rules
