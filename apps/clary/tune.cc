#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "api/images.h"
#include "base/clock.h"
#include "base/quote.h"
#include "base/strings.h"
#include "clary/image_uris.h"
#include "clary/tuner.h"
#include "command.h"
#include "options.h"
#include "reports.h"
#include "signals.h"
#include "table.h"
#include "terminal.h"
#include "tunings.h"
#include "xgboost/hyperparameters.h"

namespace clary::cli {
namespace tune {
namespace {

using nlohmann::json;

constexpr size_t kBestShown = 5;      // rows of the live table, beside what runs
constexpr size_t kMostListed = 1000;  // with more trials there is no live table
constexpr Duration kBetweenTables{250};
constexpr int kDefaultTrials = 50;

struct TuneOptions {
  TableInput data;  // a table only with a label
  std::string objective, metric;
  int num_round = 0;
  std::vector<std::string> parameters;  // name=value
  std::vector<std::string> ranges;      // name=low:high[:scale], name=a,b,c
  std::string strategy = "bayesian";
  int max_jobs = 0, parallel = 0;  // 0: not given
  int max_run = 0;
  bool early_stopping = false;
  int64_t seed = -1;
  std::string image = "1.7-1";
  std::string name, output;
  bool wait = true;
};

std::string Capital(std::string_view word) {
  std::string out(word);
  if (!out.empty() && out[0] >= 'a' && out[0] <= 'z') out[0] = static_cast<char>(out[0] - 32);
  return out;
}

// "eta=0.01:0.5:log" and "booster=gbtree,dart".
Status AddRange(const std::string& text, std::map<std::string, ParameterRange>& ranges) {
  const size_t equals = text.find('=');
  const auto bad = [&] {
    return Usage("--range " + text +
                 ": write it as NAME=LOW:HIGH, NAME=LOW:HIGH:log or NAME=A,B,C, for example "
                 "--range eta=0.01:0.5:log");
  };
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) return bad();
  const std::string name = text.substr(0, equals);
  const std::string_view value = std::string_view(text).substr(equals + 1);
  const auto add = [&](ParameterRange range) -> Status {
    if (ranges.emplace(name, std::move(range)).second) return {};
    return Usage("--range " + text + ": there is another range of " + name);
  };
  if (value.find(':') == std::string_view::npos) {
    std::vector<HyperparameterValue> values;
    for (const auto one : Split(value, ',')) values.emplace_back(std::string(Trim(one)));
    return add(CategoricalParameter(std::move(values)));
  }
  const auto parts = Split(value, ':');
  if (parts.size() > 3) return bad();
  std::string scale = "Auto";
  if (parts.size() == 3) {
    if (parts[2] == "log") {
      scale = "Logarithmic";
    } else if (parts[2] == "reverse") {
      scale = "ReverseLogarithmic";
    } else if (parts[2] == "linear") {
      scale = "Linear";
    } else {
      return Usage("--range " + text + ": a scale is log, linear or reverse, not '" +
                   std::string(parts[2]) + "'");
    }
  }
  if (xgboost::HyperparameterValue(name) == xgboost::HyperparameterKind::kInteger) {
    const auto low = ParseInt(Trim(parts[0])), high = ParseInt(Trim(parts[1]));
    if (!low || !high) return Usage("--range " + text + ": " + name + " is an integer");
    return add(IntegerParameter(*low, *high, scale));
  }
  const auto number = [](std::string_view part) -> std::optional<double> {
    const std::string trimmed(Trim(part));
    char* end = nullptr;
    const double v = std::strtod(trimmed.c_str(), &end);
    return trimmed.empty() || *end != '\0' ? std::nullopt : std::optional(v);
  };
  const auto low = number(parts[0]), high = number(parts[1]);
  if (!low || !high) return bad();
  return add(ContinuousParameter(*low, *high, scale));
}

// What the validation data is measured by, unless it is said.
std::string MetricFor(const std::string& objective) {
  if (objective.starts_with("binary:")) return "auc";
  if (objective.starts_with("multi:")) return "mlogloss";
  if (objective.starts_with("rank:")) return "ndcg";
  if (objective.empty() || objective.starts_with("reg:")) return "rmse";
  return "";
}

Result<Hyperparameters> Statics(const TuneOptions& o) {
  Hyperparameters values;
  for (const auto& text : o.parameters) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Usage("-P " + text + ": write it as name=value, for example -P max_depth=5");
    }
    values.insert_or_assign(text.substr(0, equals), text.substr(equals + 1));
  }
  if (!o.objective.empty()) values.insert_or_assign("objective", o.objective);
  if (o.num_round > 0) values.insert_or_assign("num_round", o.num_round);
  return values;
}

Result<Channels> Upload(const Session& session, const TuneOptions& o,
                        const std::optional<TrainTable>& table,
                        std::vector<std::string>& warnings) {
  Channels channels;
  if (table) {
    CLARY_TRY(const TableChannels stored, UploadTable(session, *table));
    channels.emplace_back("train", TrainingInput{.s3_data = stored.train, .content_type = "csv"});
    if (!stored.validation.empty()) {
      channels.emplace_back("validation",
                            TrainingInput{.s3_data = stored.validation, .content_type = "csv"});
    }
    warnings = stored.warnings;
    return channels;
  }
  for (const auto& [channel, from] :
       {std::pair{"train", o.data.train}, {"validation", o.data.validation}}) {
    if (from.empty()) continue;
    CLARY_TRY(const std::string uri, UploadChannel(session, from));
    channels.emplace_back(
        channel, TrainingInput{.s3_data = uri,
                               .content_type = o.data.content_type.empty() ? ContentTypeOf(from)
                                                                           : o.data.content_type});
  }
  return channels;
}

// How many trials, and how many at once, where the command line does not say.
void FillLimits(const TuneOptions& o, const std::map<std::string, ParameterRange>& ranges,
                TunerOptions& options) {
  const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  options.max_jobs = o.max_jobs;
  options.max_parallel_jobs = o.parallel > 0 ? o.parallel : cores;
  int most = o.max_jobs;
  if (o.strategy != "grid") {
    if (o.max_jobs == 0) options.max_jobs = kDefaultTrials;
    most = options.max_jobs;
  } else if (o.max_jobs == 0) {
    most = 1;  // all combinations
    for (const auto& [name, range] : ranges) {
      const auto* values = std::get_if<CategoricalParameter>(&range);
      if (values != nullptr && most < 10'000) most *= static_cast<int>(values->values.size());
    }
  }
  if (o.parallel == 0) {
    options.max_parallel_jobs = std::min(options.max_parallel_jobs, std::max(1, most));
  }
}

// "eta=0.1  max_depth=5"
std::string TunedText(const TuningTrial& trial) {
  std::string text;
  for (const auto& [name, value] : trial.hyperparameters) {
    text += (text.empty() ? "" : "  ") + name + "=" + ShortNumber(value);
  }
  return text;
}

// What happens, while it happens. On a terminal a table that is redrawn: the best trials, then
// those that run. Elsewhere a line for each trial that is the best so far.
class Board {
 public:
  Board(const TuningJob& job, bool silent) : job_(job), live_(IsTerminal(1)), silent_(silent) {}

  void Show(const TuningJobDescription& job) {
    if (silent_) return;
    live_ ? Redraw(job) : Append(job);
    std::fflush(stdout);
  }
  void Clear() {
    if (drawn_ > 0) std::printf("\x1b[%dA\r\x1b[J", drawn_);
    drawn_ = 0;
  }

 private:
  void Append(const TuningJobDescription& job) {
    if (!job.best || job.best->name == best_) return;
    if (best_.empty()) {
      std::printf("  %8s  %-12s  HYPERPARAMETERS\n", "TRIALS", job.objective_metric_name.c_str());
    }
    best_ = job.best->name;
    std::printf("  %8d  %-12s  %s\n", job.completed + job.stopped + job.failed,
                FormatNumber(*job.best->value).c_str(), Printable(TunedText(*job.best)).c_str());
  }

  void Redraw(const TuningJobDescription& job) {
    const Time now = Clock::System().Now();
    const int ended = job.completed + job.stopped + job.failed;
    if (now >= next_ && ended + job.in_progress <= static_cast<int>(kMostListed) &&
        (ended != ended_ || job.in_progress != running_)) {
      if (auto trials = job_.trials()) trials_ = *std::move(trials);
      ended_ = ended;
      running_ = job.in_progress;
      next_ = now + kBetweenTables;
    }
    std::vector<const TuningTrial*> best, running;
    for (const TuningTrial& t : trials_) {
      if (t.value && t.status != "Failed") best.push_back(&t);
      if (t.status == "InProgress" || t.status == "Stopping") running.push_back(&t);
    }
    std::ranges::stable_sort(best, [&](const TuningTrial* a, const TuningTrial* b) {
      return job.maximize ? *a->value > *b->value : *a->value < *b->value;
    });
    best.resize(std::min(best.size(), kBestShown));
    running.resize(std::min(running.size(), kBestShown));
    std::string summary = std::to_string(ended) + "/" + std::to_string(job.max_jobs) + " trials, " +
                          std::to_string(job.in_progress) + " running";
    if (job.stopped > 0) summary += ", " + std::to_string(job.stopped) + " stopped early";
    if (job.failed > 0) summary += ", " + std::to_string(job.failed) + " failed";
    Clear();
    Line("  TRIAL  STATUS      " + Padded(job.objective_metric_name, 14) + "  HYPERPARAMETERS",
         Style::kBold);
    for (const TuningTrial* t : best) Row(*t, t == best.front() ? Style::kGreen : Style::kDim);
    for (const TuningTrial* t : running) Row(*t, Style::kCyan);
    Line("  " + summary, Style::kDim);
  }

  static std::string Padded(std::string text, size_t width) {
    text.resize(std::max(width, text.size()), ' ');
    return text;
  }
  void Row(const TuningTrial& t, Style style) {
    Line("  " + Padded(TrialNumber(job_.name(), t.name), 5) + "  " + Padded(t.status, 10) + "  " +
             Padded(t.value ? FormatNumber(*t.value) : "", 14) + "  " + TunedText(t),
         style);
  }
  // Never longer than the terminal is wide: what is drawn is taken back line by line.
  void Line(std::string text, Style style) {
    text = Printable(text);
    const auto width = static_cast<size_t>(std::max(20, TerminalWidth() - 1));
    if (text.size() > width) text.resize(width);
    std::printf("%s\n", Paint(text, style).c_str());
    ++drawn_;
  }

  const TuningJob& job_;
  bool live_, silent_;
  int drawn_ = 0;  // lines
  std::string best_;
  std::vector<TuningTrial> trials_;
  int ended_ = -1, running_ = -1;
  Time next_{};
};

json ToJson(const TuningTrial& trial) {
  json out = {
      {"name", trial.name}, {"status", trial.status}, {"hyperparameters", trial.hyperparameters}};
  if (trial.value) out["value"] = *trial.value;
  return out;
}

int PrintEnd(const Context& context, const TuningJob& tuning, const TuningJobDescription& job,
             const Reports& reports, const std::vector<std::string>& warnings) {
  const int code = job.status == "Completed" ? kOk : kFailed;
  if (context.json) {
    const auto trials = tuning.trials();
    if (!trials) return Report(context, trials.error());
    json all = json::array();
    for (const TuningTrial& trial : *trials) all.push_back(ToJson(trial));
    json done = {{"name", job.name},
                 {"status", job.status},
                 {"failure_reason", job.failure_reason},
                 {"metric", job.objective_metric_name},
                 {"reports", reports.pages},
                 {"report_path", job.report_path},
                 {"warnings", warnings},
                 {"trials", std::move(all)}};
    if (job.best) done["best"] = ToJson(*job.best);
    std::puts(done.dump(2, ' ', false, json::error_handler_t::replace).c_str());
    return code;
  }
  if (job.status == "Failed") {
    for (const auto& page : reports.pages) std::printf("  report  %s\n", page.c_str());
    return Report(context, kFailed, "TuningJobFailed", job.failure_reason);
  }
  std::printf("%s %s in %s, %d trials\n\n", Paint(job.name, Style::kBold).c_str(),
              PaintStatus(job.status).c_str(),
              FormatDuration(job.ended_ms - job.created_ms).c_str(),
              job.completed + job.stopped + job.failed);
  if (job.best) PrintBest(*job.best, job.objective_metric_name);
  for (const auto& page : reports.pages) std::printf("  report  %s\n", page.c_str());
  if (job.best) {
    std::printf("\nNext:\n  clary report %s --open\n  clary deploy %s\n  clary describe %s\n",
                job.name.c_str(), job.best->name.c_str(), job.best->name.c_str());
  }
  return code;
}

// The hyperparameters that the trials share, as the table's columns and the command line have them.
Result<Estimator> MakeEstimator(const Session& session, const TuneOptions& o, bool tunes_rounds,
                                bool autotune, const std::optional<TrainTable>& table,
                                std::vector<std::string>& lines) {
  CLARY_TRY(Hyperparameters values, Statics(o));
  if (!autotune && !tunes_rounds) values.try_emplace("num_round", 100);
  if (table) CLARY_CHECK_OK(ChooseObjective(table->table.columns, values, lines));
  EstimatorOptions options;
  options.image_uri = o.image;
  if (!o.image.contains('/')) {
    CLARY_TRY(options.image_uri, image_uris::retrieve("xgboost", session.region_name(), o.image));
  }
  options.output_path = o.output;
  if (o.output.empty()) {
    CLARY_TRY(const auto bucket, session.default_bucket());
    options.output_path = "s3://" + bucket + "/clary/jobs";
  }
  Estimator estimator(session, std::move(options));
  estimator.set_hyperparameters(values);
  return estimator;
}

Result<HyperparameterTuner> MakeTuner(const Session& session, const TuneOptions& o,
                                      const std::optional<TrainTable>& table,
                                      std::vector<std::string>& lines) {
  std::map<std::string, ParameterRange> ranges;
  for (const auto& text : o.ranges) CLARY_CHECK_OK(AddRange(text, ranges));
  const bool autotune = ranges.empty();
  CLARY_TRY(Estimator estimator,
            MakeEstimator(session, o, ranges.contains("num_round"), autotune, table, lines));
  const auto values = estimator.hyperparameters();
  const auto objective = values.find("objective");
  std::string metric = o.metric;
  if (metric.empty()) {
    metric = MetricFor(objective == values.end() ? "" : objective->second);
    if (metric.empty()) {
      return Usage("--metric is needed for objective " + objective->second +
                   ", for example --metric validation:mae");
    }
    metric = (o.data.validation.empty() ? "train:" : "validation:") + metric;
  }
  const bool more = api::MoreIsBetter(metric.substr(metric.find(':') + 1));
  TunerOptions options{.strategy = Capital(o.strategy),
                       .objective_type = more ? "Maximize" : "Minimize",
                       .max_runtime_in_seconds = o.max_run,
                       .early_stopping_type = o.early_stopping ? "Auto" : "Off",
                       .base_tuning_job_name = "tune",
                       .autotune = autotune};
  if (o.seed >= 0) options.random_seed = static_cast<uint64_t>(o.seed);
  FillLimits(o, ranges, options);
  return HyperparameterTuner(std::move(estimator), std::move(metric), std::move(ranges),
                             std::move(options));
}

int Tune(const Context& context, const TuneOptions& options) {
  if (options.data.label.empty()) {
    if (!options.data.drop.empty() || !options.data.positive.empty()) {
      return Report(context, kUsage, "Usage",
                    "--drop and --positive are for tables with a header: --label");
    }
    if (const auto headless = CheckHeader(options.data, "tune"); !headless) {
      return Report(context, headless.error());
    }
  }
  const Signals signals;  // before any other thread
  auto access = Connect(context);
  if (!access) return Report(context, access.error());
  if (!options.wait && access->embedded != nullptr) return ReportNoService(context);
  const Session& session = access->session;
  std::optional<TrainTable> table;
  std::vector<std::string> lines;
  if (!options.data.label.empty()) {
    auto looked = LookAtTable(options.data);
    if (!looked) return Report(context, looked.error());
    table = *std::move(looked);
    lines = DescribeTable(table->table.columns);
  }
  // Everything that can be wrong in the command line, before anything is stored.
  auto tuner = MakeTuner(session, options, table, lines);
  if (!tuner) return Report(context, tuner.error());
  if (!context.json) {
    for (const auto& line : lines) std::puts(Printable(line).c_str());
    std::fflush(stdout);
  }
  std::vector<std::string> warnings;
  const auto channels = Upload(session, options, table, warnings);
  if (!channels) return Report(context, channels.error());
  if (!context.json) {
    for (const auto& warning : warnings) {
      std::printf("%s %s\n", Paint("warning:", Style::kYellow).c_str(), Printable(warning).c_str());
    }
  }
  if (const auto created = tuner->fit(*channels, {.wait = false, .job_name = options.name});
      !created) {
    return Report(context, created.error());
  }
  const TuningJob& job = *tuner->latest_tuning_job();
  if (!options.wait) {
    if (context.json) {
      std::puts(json{{"name", job.name()}, {"status", "InProgress"}}.dump().c_str());
    } else {
      std::printf("%s\n  clary describe %s\n", job.name().c_str(), job.name().c_str());
    }
    return kOk;
  }
  if (!context.json) {
    std::printf("tuning job %s\n", Paint(job.name(), Style::kBold).c_str());
    std::fflush(stdout);
  }
  Board board(job, context.json);
  const auto ended =
      job.wait({.on_look = [&](const auto& now) { board.Show(now); }, .stop = signals.token()});
  board.Clear();
  if (!ended) return Report(context, ended.error());
  Reports reports;
  if (const auto written = job.wait_for_report(); written && *written) {
    if (auto fetched = FetchTuningReport(*ended, session, ReportDirectory(context, job.name()))) {
      reports = *std::move(fetched);
    }
  }
  return PrintEnd(context, job, *ended, reports, warnings);
}

}  // namespace
}  // namespace tune

std::string ShortNumber(const std::string& text) {
  char* end = nullptr;
  const double v = std::strtod(text.c_str(), &end);
  return text.contains('.') && *end == '\0' ? FormatNumber(v) : text;
}

std::string TrialNumber(const std::string& tuning_job, const std::string& trial) {
  if (!trial.starts_with(tuning_job + "-")) return trial;
  const std::string rest = trial.substr(tuning_job.size() + 1);
  return rest.substr(0, rest.find('-'));
}

void PrintBest(const TuningTrial& best, const std::string& metric) {
  Table table({"HYPERPARAMETER", "BEST VALUE"});
  for (const auto& [name, value] : best.hyperparameters) table.Add({name, value});
  table.Print("  ");
  std::printf("\n  %s  %s\n  job     %s\n", Printable(metric).c_str(),
              best.value ? FormatNumber(*best.value).c_str() : "-", best.name.c_str());
}

void AddTune(CLI::App& app, Context& context) {
  const auto o = std::make_shared<tune::TuneOptions>();
  auto* command = AddCommand(
      app, context, "tune", "Find good hyperparameters by training many models",
      {"clary tune --train people.csv --validation held-out.csv --label income",
       "clary tune --train train.csv --validation validation.csv --objective binary:logistic",
       "clary tune --train train.csv --validation v.csv --objective binary:logistic --range "
       "eta=0.01:0.5:log --range max_depth=2:10 --max-jobs 50",
       "clary tune --train train.csv --validation v.csv --range max_depth=3,6,9 --range "
       "eta=0.1,0.3 --strategy grid",
       "clary report tune-261201-093000123 --open"},
      [&context, o] { return tune::Tune(context, *o); });
  command
      ->add_option(
          "--train", o->data.train,
          "File, directory or s3:// URI to train on; without --label, label first and no header")
      ->required();
  command->add_option("--validation", o->data.validation, "The same, to measure on");
  command->add_option("--label", o->data.label,
                      "The column to learn, of a table with a header; texts are categories");
  command->add_option("--positive", o->data.positive,
                      "With --label of two texts: the one whose probability is predicted (default: "
                      "the later in the alphabet)");
  command
      ->add_option("--drop", o->data.drop, "With --label: a column to leave out; may be repeated")
      ->expected(1)
      ->take_all();
  command->add_option("--objective", o->objective,
                      "What to learn, e.g. binary:logistic (default: by the label)");
  command->add_option("--metric", o->metric,
                      "What to make best, e.g. validation:auc (default: by the objective)");
  command
      ->add_option("--range", o->ranges,
                   "NAME=LOW:HIGH, NAME=LOW:HIGH:log or NAME=A,B,C; may be repeated (default: "
                   "ranges that suit most data)")
      ->expected(1)
      ->take_all();
  AddChoice(*command, "--strategy", o->strategy, "How the next trial is chosen (default bayesian)",
            {"bayesian", "random", "hyperband", "grid"});
  AddNumber(*command, "--max-jobs", o->max_jobs,
            "How many trials (default 50; with grid all combinations)");
  AddNumber(*command, "--parallel", o->parallel, "Trials at once (default: one a core)");
  AddNumber(*command, "--max-run", o->max_run, "End after so many seconds, at least 120", 120);
  command->add_flag("--early-stopping", o->early_stopping,
                    "Give trials up that are worse than the median of others");
  AddNumber(*command, "--seed", o->seed, "Same seed, same trials", 0);
  AddNumber(*command, "--num-round", o->num_round, "Boosting rounds of a trial (default 100)");
  command
      ->add_option("-P,--param", o->parameters,
                   "name=value: a hyperparameter that all trials have; may be repeated")
      ->expected(1)
      ->take_all();
  command->add_option("--content-type", o->data.content_type,
                      "csv, libsvm, ... (default: by the file's ending, else csv)");
  command->add_option("--image", o->image,
                      "Version of the algorithm (default 1.7-1), or a whole URI");
  command->add_option("--name", o->name, "Name of the tuning job (default: made from the time)");
  command->add_option("--output", o->output, "s3:// URI below which results go");
  command->add_flag("--wait", o->wait, "Return when the job has ended (default)");
  command->add_flag_callback("--no-wait", [o] { o->wait = false; }, "Return at once");
}

}  // namespace clary::cli
