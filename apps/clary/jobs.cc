#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/suggest.h"
#include "clary/processor.h"
#include "clary/s3.h"
#include "clary/training_job.h"
#include "clary/tuning_job.h"
#include "command.h"
#include "options.h"
#include "progress.h"
#include "terminal.h"
#include "tunings.h"

namespace clary::cli {
namespace {

struct JobsOptions {
  ListJobsOptions filter{.max_results = 20};
  std::string job;
  bool rules = false;
  bool tuning = false;
  bool processing = false;
  bool quiet = false;
  bool wait = false;
};

nlohmann::json RulesJson(const std::vector<RuleStatus>& rules) {
  auto list = nlohmann::json::array();
  for (const auto& r : rules) {
    list.push_back({{"name", r.name}, {"status", r.status}, {"details", r.details}});
  }
  return list;
}

// What the rules of each job say: one line a rule.
int PrintRules(const Context& context, const Session& session,
               const std::vector<TrainingJobSummary>& jobs) {
  auto list = nlohmann::json::array();
  Table table({"JOB", "STATUS", "RULE", "RESULT", "DETAILS"});
  for (const auto& job : jobs) {
    const auto rules = TrainingJob(session, job.name).rule_job_summary();
    if (!rules) return Report(context, rules.error());
    list.push_back({{"name", job.name}, {"status", job.status}, {"rules", RulesJson(*rules)}});
    for (const auto& r : *rules) {
      table.Add({job.name, PaintStatus(job.status), r.name, PaintStatus(r.status), r.details});
    }
  }
  PrintListing(context.json, list, table,
               "no job has rules: `clary train --rule create_xgboost_report ...` attaches one");
  return kOk;
}

int PrintTuningJobs(const Context& context, const Session& session, const JobsOptions& options) {
  const auto jobs = list_tuning_jobs(session, options.filter);
  if (!jobs) return Report(context, jobs.error());
  auto list = nlohmann::json::array();
  Table table({"NAME", "STATUS", "STRATEGY", "TRIALS", "CREATED", "TOOK"});
  for (const size_t right : {3, 5}) table.AlignRight(right);
  for (const auto& job : *jobs) {
    if (options.quiet) std::puts(job.name.c_str());
    const int ended = job.completed + job.stopped + job.failed;
    list.push_back({{"name", job.name},
                    {"status", job.status},
                    {"strategy", job.strategy},
                    {"trials", ended},
                    {"max_trials", job.max_jobs},
                    {"created_ms", job.created_ms},
                    {"ended_ms", job.ended_ms}});
    table.Add({job.name, PaintStatus(job.status), job.strategy,
               std::to_string(ended) + "/" + std::to_string(job.max_jobs),
               FormatLocalTime(job.created_ms),
               job.ended_ms > 0 ? FormatDuration(job.ended_ms - job.created_ms) : "-"});
  }
  if (options.quiet) return kOk;
  PrintListing(context.json, list, table,
               "no tuning job is like that: `clary tune --help` shows how to make one");
  return kOk;
}

int PrintProcessingJobs(const Context& context, const Session& session,
                        const JobsOptions& options) {
  const auto jobs = list_processing_jobs(session, options.filter);
  if (!jobs) return Report(context, jobs.error());
  auto list = nlohmann::json::array();
  Table table({"NAME", "STATUS", "CREATED", "TOOK", "MESSAGE"});
  table.AlignRight(3);
  for (const auto& job : *jobs) {
    if (options.quiet) std::puts(job.name.c_str());
    list.push_back({{"name", job.name},
                    {"status", job.status},
                    {"exit_message", job.exit_message},
                    {"created_ms", job.created_ms},
                    {"ended_ms", job.ended_ms}});
    table.Add({job.name, PaintStatus(job.status), FormatLocalTime(job.created_ms),
               job.ended_ms > 0 ? FormatDuration(job.ended_ms - job.created_ms) : "-",
               job.exit_message});
  }
  if (options.quiet) return kOk;
  PrintListing(context.json, list, table,
               "no processing job is like that: `clary process --help` shows how to make one");
  return kOk;
}

int PrintJobs(const Context& context, const JobsOptions& options) {
  auto access = Connect(context, Home::kMustExist);
  if (!access) return Report(context, access.error());
  if (options.tuning) return PrintTuningJobs(context, access->session, options);
  if (options.processing) return PrintProcessingJobs(context, access->session, options);
  const auto jobs = list_training_jobs(access->session, options.filter);
  if (!jobs) return Report(context, jobs.error());
  if (options.rules) return PrintRules(context, access->session, *jobs);
  if (context.json) {
    auto list = nlohmann::json::array();
    for (const auto& job : *jobs) {
      list.push_back({{"name", job.name},
                      {"status", job.status},
                      {"created_ms", job.created_ms},
                      {"ended_ms", job.ended_ms},
                      {"arn", job.arn}});
    }
    std::puts(list.dump(2).c_str());
    return kOk;
  }
  if (options.quiet) {
    for (const auto& job : *jobs) std::puts(job.name.c_str());
    return kOk;
  }
  Table table({"NAME", "STATUS", "CREATED", "TOOK"});
  table.AlignRight(3);
  for (const auto& job : *jobs) {
    table.Add({job.name, PaintStatus(job.status), FormatLocalTime(job.created_ms),
               job.ended_ms > 0 ? FormatDuration(job.ended_ms - job.created_ms) : "-"});
  }
  if (table.empty()) {
    const bool some = !options.filter.name_contains.empty() || !options.filter.status.empty();
    std::puts(some ? "no training job is like that: `clary jobs` lists all"
                   : "no training jobs yet: `clary train --help` shows how to make one");
  } else {
    table.Print();
  }
  return kOk;
}

// What early stopping kept of a job that has ended, as its log tells.
std::optional<KeptRounds> KeptRoundsOf(const Session& session, const TrainingJobDescription& job) {
  class Finder : public TrainingObserver {
   public:
    void on_log(int, const LogEvent& event) override {
      if (auto kept = parse_kept_rounds(event.message)) found = std::move(kept);
    }
    std::optional<KeptRounds> found;
  };
  if (!job.finished() || !job.hyperparameters.contains("early_stopping_rounds") ||
      job.hyperparameters.contains("_kfold")) {
    return std::nullopt;
  }
  Finder finder;
  (void)TrainingJob(session, job.name).logs(finder);
  return finder.found;
}

void PrintDescription(const TrainingJobDescription& job, bool has_model,
                      const std::optional<KeptRounds>& kept) {
  Table table({job.name, PaintStatus(job.status)});
  const auto row = [&](const char* name, std::string value) {
    if (!value.empty()) table.Add({name, std::move(value)});
  };
  row("reason", job.failure_reason);
  row("image", job.image_uri);
  row("instances", std::to_string(job.instance_count) + " x " + job.instance_type);
  row("created", FormatLocalTime(job.created_ms));
  if (job.ended_ms > 0) row("took", FormatDuration(job.ended_ms - job.created_ms));
  if (kept) row("rounds", RoundsText(kept->trained, 0, kept));
  if (has_model) row("model", job.model_data);
  table.Print();
  if (!job.hyperparameters.empty()) {
    std::puts("");
    Table values({"HYPERPARAMETER", "VALUE"});
    for (const auto& [name, value] : job.hyperparameters) values.Add({name, value});
    values.Print();
  }
  if (!job.transitions.empty()) {
    std::puts("");
    Table phases({"PHASE", "TOOK", "MESSAGE"});
    phases.AlignRight(1);
    for (const auto& t : job.transitions) {
      phases.Add({t.status, t.end_ms > 0 ? FormatDuration(t.end_ms - t.start_ms) : "-", t.message});
    }
    phases.Print();
  }
  if (!job.final_metrics.empty()) {
    std::puts("");
    PrintMetrics(job.final_metrics, kept, "");
  }
  if (!job.rules.empty()) {
    std::puts("");
    Table rules({"RULE", "STATUS", "DETAILS"});
    for (const auto& r : job.rules) rules.Add({r.name, PaintStatus(r.status), r.details});
    rules.Print();
  }
}

// A tuning job: how far it is, its best trial, and the ten best of all.
int DescribeTuning(const Context& context, const TuningJob& tuning,
                   const TuningJobDescription& job) {
  if (context.json) {
    std::puts(nlohmann::json::parse(job.json).dump(2).c_str());
    return kOk;
  }
  constexpr size_t kShown = 10;
  Table facts({job.name, PaintStatus(job.status)});
  const auto row = [&](const char* name, std::string value) {
    if (!value.empty()) facts.Add({name, std::move(value)});
  };
  row("reason", job.failure_reason);
  row("strategy", job.strategy);
  row("objective",
      job.objective_metric_name + (job.maximize ? ", larger is better" : ", smaller is better"));
  std::string counts = std::to_string(job.completed) + " completed";
  for (const auto& [n, word] : {std::pair{job.stopped, " stopped"},
                                {job.failed, " failed"},
                                {job.in_progress, " running"}}) {
    if (n > 0) counts += ", " + std::to_string(n) + word;
  }
  row("trials", counts + " of " + std::to_string(job.max_jobs));
  row("created", FormatLocalTime(job.created_ms));
  if (job.ended_ms > 0) row("took", FormatDuration(job.ended_ms - job.created_ms));
  row("report", job.report_path);
  facts.Print();
  auto trials = tuning.trials();
  if (!trials) return Report(context, trials.error());
  std::erase_if(*trials, [](const TuningTrial& t) { return !t.value || t.status == "Failed"; });
  std::ranges::stable_sort(*trials, [&](const TuningTrial& a, const TuningTrial& b) {
    return job.maximize ? *a.value > *b.value : *a.value < *b.value;
  });
  if (trials->empty()) return kOk;
  std::vector<std::string> heading = {"TRIAL", "STATUS", job.objective_metric_name};
  for (const auto& [name, value] : trials->front().hyperparameters) heading.push_back(name);
  Table table(heading);
  for (size_t i = 0; i < std::min(kShown, trials->size()); ++i) {
    const TuningTrial& t = (*trials)[i];
    std::vector<std::string> cells = {TrialNumber(job.name, t.name), PaintStatus(t.status),
                                      FormatNumber(*t.value)};
    for (size_t c = cells.size(); c < heading.size(); ++c) {
      const auto value = t.hyperparameters.find(heading[c]);
      cells.push_back(value == t.hyperparameters.end() ? "-" : ShortNumber(value->second));
    }
    table.Add(std::move(cells));
  }
  std::printf("\nThe best of %zu trials with a value:\n", trials->size());
  table.Print();
  if (job.best) std::printf("\nbest  %s\n", job.best->name.c_str());
  return kOk;
}

int DescribeProcessing(const Context& context, const ProcessingJobDescription& job) {
  if (context.json) {
    std::puts(nlohmann::json::parse(job.json).dump(2).c_str());
    return kOk;
  }
  Table table({job.name, PaintStatus(job.status)});
  const auto row = [&](const std::string& name, std::string value) {
    if (!value.empty()) table.Add({name, std::move(value)});
  };
  row("reason", job.failure_reason);
  row("message", job.exit_message);
  row("created", FormatLocalTime(job.created_ms));
  if (job.ended_ms > 0) row("took", FormatDuration(job.ended_ms - job.created_ms));
  for (const auto& [name, uri] : job.outputs) row("output " + name, uri);
  table.Print();
  return kOk;
}

int Describe(const Context& context, const std::string& name) {
  auto access = Connect(context, Home::kMustExist);
  if (!access) return Report(context, access.error());
  const auto job = TrainingJob(access->session, name).describe();
  if (!job) {
    const TuningJob tuning(access->session, name);
    if (const auto found = tuning.describe()) return DescribeTuning(context, tuning, *found);
    const auto processing = ProcessingJob(access->session, name).describe();
    if (processing) return DescribeProcessing(context, *processing);
    return Report(context, NoJob(access->session, name, job.error()));
  }
  if (context.json) {
    std::puts(nlohmann::json::parse(job->json).dump(2).c_str());
  } else {
    PrintDescription(*job, HasModel(access->session, *job), KeptRoundsOf(access->session, *job));
  }
  return kOk;
}

int Stop(const Context& context, const JobsOptions& options) {
  auto access = Connect(context, Home::kMustExist);
  if (!access) return Report(context, access.error());
  const TrainingJob job(access->session, options.job);
  const TuningJob tuning(access->session, options.job);
  const auto stopped = job.stop();
  const bool tunes = !stopped && tuning.describe().has_value();
  const ProcessingJob processing(access->session, options.job);
  const bool processes = !stopped && !tunes && processing.describe().has_value();
  if (processes) {
    if (const auto done = processing.stop(); !done) return Report(context, done.error());
  } else if (tunes) {
    if (const auto done = tuning.stop(); !done) return Report(context, done.error());
  } else if (!stopped) {
    return Report(context, NoJob(access->session, options.job, stopped.error()));
  }
  std::string status = "Stopping";
  if (options.wait && processes) {
    const auto end = processing.wait({});
    if (!end) return Report(context, end.error());
    status = end->status;
  } else if (options.wait && tunes) {
    const auto end = tuning.wait();
    if (!end) return Report(context, end.error());
    status = end->status;
  } else if (options.wait) {
    const auto end = job.wait({.logs = false});
    if (!end) return Report(context, end.error());
    status = end->status;
  }
  if (context.json) {
    std::puts(nlohmann::json{{"name", options.job}, {"status", status}}.dump().c_str());
  } else {
    std::printf("%s %s\n", options.job.c_str(), PaintStatus(status).c_str());
  }
  return kOk;
}

}  // namespace

Error NoJob(const Session& session, const std::string& name, Error error) {
  if (error.reason != "ValidationException" || !error.message.contains("not found")) return error;
  error.message += " There is no training job '" + name + "'.";
  if (const auto jobs = list_training_jobs(session, {.max_results = 1000})) {
    std::vector<std::string_view> names;
    for (const auto& job : *jobs) names.push_back(job.name);
    error.message += DidYouMean(name, names);
  }
  error.message += "\n  clary jobs lists them";
  return error;
}

bool HasModel(const Session& session, const TrainingJobDescription& job) {
  if (job.status == "Completed" || job.model_data.empty()) return !job.model_data.empty();
  const auto uri = S3Uri::parse(job.model_data);
  if (!uri) return false;
  const auto found = session.s3().list(*uri);
  return found &&
         std::ranges::any_of(found->objects, [&](const S3Object& o) { return o.key == uri->key; });
}

void AddJobs(CLI::App& app, Context& context) {
  const auto options = std::make_shared<JobsOptions>();
  auto* jobs = AddCommand(app, context, "jobs", "List training jobs, newest first",
                          {"clary jobs", "clary jobs --status Failed --json", "clary jobs --rules",
                           "clary jobs --tuning"},
                          [&context, options] { return PrintJobs(context, *options); });
  jobs->add_option("--name", options->filter.name_contains, "Only names that contain this");
  AddChoice(*jobs, "--status", options->filter.status, "Only jobs in this state",
            {"InProgress", "Completed", "Failed", "Stopping", "Stopped"});
  jobs->add_flag("--rules", options->rules, "Show what each job's rules have found");
  jobs->add_flag("--tuning", options->tuning, "List tuning jobs instead");
  jobs->add_flag("--processing", options->processing, "List processing jobs instead")
      ->excludes("--tuning");
  jobs->add_flag("-q,--quiet", options->quiet, "Print the names alone");
  AddNumber(*jobs, "--max", options->filter.max_results, "At most so many (default 20)");

  auto* describe =
      AddCommand(app, context, "describe", "Show one training, tuning or processing job",
                 {"clary describe my-job", "clary describe my-job --json"},
                 [&context, options] { return Describe(context, options->job); });
  describe->add_option("job", options->job, "Name of the job")->required();

  auto* stop = AddCommand(app, context, "stop", "Stop a running training, tuning or processing job",
                          {"clary stop my-job --wait"},
                          [&context, options] { return Stop(context, *options); });
  stop->add_option("job", options->job, "Name of the job")->required();
  stop->add_flag("--wait", options->wait, "Return when the job has ended");
}

}  // namespace clary::cli
