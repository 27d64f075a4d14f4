#include <algorithm>
#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "api/images.h"
#include "base/clock.h"
#include "base/quote.h"
#include "base/strings.h"
#include "clary/image_uris.h"
#include "command.h"
#include "options.h"
#include "signals.h"
#include "table.h"
#include "terminal.h"
#include "xgboost/hyperparameters.h"

namespace clary::cli {
namespace tune {
namespace {

using nlohmann::json;

constexpr Duration kPoll{100};
constexpr int kMaxList = 100;  // of the API

struct TuneOptions {
  std::string train, validation, content_type;
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
};

std::string Capital(std::string_view word) {
  std::string out(word);
  if (!out.empty() && out[0] >= 'a' && out[0] <= 'z') out[0] = static_cast<char>(out[0] - 32);
  return out;
}

// "eta=0.01:0.5:log" and "booster=gbtree,dart" as the API's ranges.
Status AddRange(const std::string& text, json& ranges) {
  const size_t equals = text.find('=');
  const auto bad = [&] {
    return Usage("--range " + text +
                 ": write it as NAME=LOW:HIGH, NAME=LOW:HIGH:log or NAME=A,B,C, for example "
                 "--range eta=0.01:0.5:log");
  };
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) return bad();
  const std::string name = text.substr(0, equals);
  const std::string_view value = std::string_view(text).substr(equals + 1);
  if (value.find(':') == std::string_view::npos) {
    json values = json::array();
    for (const auto one : Split(value, ',')) values.push_back(Trim(one));
    ranges["CategoricalParameterRanges"].push_back({{"Name", name}, {"Values", values}});
    return {};
  }
  const auto parts = Split(value, ':');
  if (parts.size() > 3 || parts[0].empty() || parts[1].empty()) return bad();
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
  const bool integer = xgboost::HyperparameterValue(name) == xgboost::HyperparameterKind::kInteger;
  ranges[integer ? "IntegerParameterRanges" : "ContinuousParameterRanges"].push_back(
      {{"Name", name}, {"MinValue", parts[0]}, {"MaxValue", parts[1]}, {"ScalingType", scale}});
  return {};
}

// What the validation data is measured by, unless it is said.
std::string MetricFor(const std::string& objective) {
  if (objective.starts_with("binary:")) return "auc";
  if (objective.starts_with("multi:")) return "mlogloss";
  if (objective.starts_with("rank:")) return "ndcg";
  if (objective.empty() || objective.starts_with("reg:")) return "rmse";
  return "";
}

// To the millisecond, so that two calls after each other have names of their own; within 32
// letters.
std::string NameNow() {
  const int64_t ms = ToMillis(Clock::System().Now());
  const std::time_t now = ms / 1000;
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof text, "tune-%Y%m%d-%H%M%S", &utc);
  return std::string(text) + "-" + std::to_string(1000 + ms % 1000).substr(1);
}

Result<json> Channel(const Session& session, const TuneOptions& o, const char* name,
                     const std::string& from) {
  CLARY_TRY(const std::string uri, UploadChannel(session, from));
  return json{{"ChannelName", name},
              {"ContentType", o.content_type.empty() ? ContentTypeOf(from) : o.content_type},
              {"DataSource",
               {{"S3DataSource",
                 {{"S3DataType", "S3Prefix"},
                  {"S3Uri", uri},
                  {"S3DataDistributionType", "FullyReplicated"}}}}}};
}

// Everything that can be wrong in the command line, before anything is stored.
Result<json> Hyperparameters(const TuneOptions& o) {
  json values = json::object();
  for (const auto& text : o.parameters) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Usage("-P " + text + ": write it as name=value, for example -P max_depth=5");
    }
    values[text.substr(0, equals)] = text.substr(equals + 1);
  }
  if (!o.objective.empty()) values["objective"] = o.objective;
  if (o.num_round > 0) values["num_round"] = std::to_string(o.num_round);
  return values;
}

Result<json> Request(const Session& session, const TuneOptions& o) {
  json ranges = json::object();
  for (const char* member :
       {"IntegerParameterRanges", "ContinuousParameterRanges", "CategoricalParameterRanges"}) {
    ranges[member] = json::array();
  }
  std::set<std::string> tuned;
  for (const auto& text : o.ranges) {
    CLARY_CHECK_OK(AddRange(text, ranges));
    tuned.insert(text.substr(0, text.find('=')));
  }
  CLARY_TRY(json statics, Hyperparameters(o));
  if (!tuned.empty() && !tuned.contains("num_round")) statics.emplace("num_round", "100");
  const std::string objective = statics.value("objective", "");
  std::string metric = o.metric;
  if (metric.empty()) {
    metric = MetricFor(objective);
    if (metric.empty()) {
      return Usage("--metric is needed for objective " + objective +
                   ", for example --metric validation:mae");
    }
    metric = (o.validation.empty() ? "train:" : "validation:") + metric;
  }
  const bool more = api::MoreIsBetter(metric.substr(metric.find(':') + 1));
  json limits = {{"MaxParallelTrainingJobs",
                  o.parallel > 0
                      ? o.parallel
                      : std::max(1, static_cast<int>(std::thread::hardware_concurrency()))}};
  const bool grid = o.strategy == "grid";
  if (o.max_jobs > 0 || !grid) {
    const int most = o.max_jobs > 0 ? o.max_jobs : 50;
    limits["MaxNumberOfTrainingJobs"] = most;
    if (o.parallel == 0) {
      limits["MaxParallelTrainingJobs"] =
          std::min(most, limits["MaxParallelTrainingJobs"].get<int>());
    }
  } else if (o.parallel == 0) {
    size_t combinations = 1;  // never more at once than there are
    for (const json& range : ranges["CategoricalParameterRanges"]) {
      combinations *= range["Values"].size();
    }
    limits["MaxParallelTrainingJobs"] =
        std::min<size_t>(combinations, std::max(1u, std::thread::hardware_concurrency()));
  }
  if (o.max_run > 0) limits["MaxRuntimeInSeconds"] = o.max_run;
  json config = {{"Strategy", Capital(o.strategy)},
                 {"HyperParameterTuningJobObjective",
                  {{"Type", more ? "Maximize" : "Minimize"}, {"MetricName", metric}}},
                 {"ResourceLimits", limits},
                 {"TrainingJobEarlyStoppingType", o.early_stopping ? "Auto" : "Off"}};
  json request = {{"HyperParameterTuningJobName", o.name.empty() ? NameNow() : o.name}};
  config["ParameterRanges"] = std::move(ranges);
  if (tuned.empty()) request["Autotune"] = {{"Mode", "Enabled"}};
  if (o.seed >= 0) config["RandomSeed"] = o.seed;

  std::string image = o.image;
  if (image.find('/') == std::string::npos) {
    CLARY_TRY(image, image_uris::retrieve("xgboost", session.region_name(), o.image));
  }
  CLARY_TRY(const std::string role, session.get_execution_role());
  std::string output = o.output;
  if (output.empty()) {
    CLARY_TRY(const auto bucket, session.default_bucket());
    output = "s3://" + bucket + "/clary/jobs";
  }
  json channels = json::array();
  CLARY_TRY(channels.emplace_back(), Channel(session, o, "train", o.train));
  if (!o.validation.empty()) {
    CLARY_TRY(channels.emplace_back(), Channel(session, o, "validation", o.validation));
  }
  request["HyperParameterTuningJobConfig"] = std::move(config);
  request["TrainingJobDefinition"] = {
      {"StaticHyperParameters", std::move(statics)},
      {"AlgorithmSpecification", {{"TrainingImage", image}, {"TrainingInputMode", "File"}}},
      {"RoleArn", role},
      {"InputDataConfig", std::move(channels)},
      {"OutputDataConfig", {{"S3OutputPath", output}}},
      {"ResourceConfig",
       {{"InstanceType", "ml.m5.xlarge"}, {"InstanceCount", 1}, {"VolumeSizeInGB", 30}}},
      {"StoppingCondition", {{"MaxRuntimeInSeconds", 86'400}}}};
  return request;
}

Result<json> Call(const Session& session, const char* operation, const json& input) {
  CLARY_TRY(const std::string text, session.request(operation, input.dump()));
  json answer = json::parse(text, nullptr, false);
  if (!answer.is_object()) {
    return Fail(Code::kDataLoss, "BadAnswer", std::string(operation) + " was answered by no JSON");
  }
  return answer;
}

struct Trial {
  std::string name, status, tuned;  // "eta=0.1 max_depth=5"
  json hyperparameters = json::object();
  std::optional<double> value;
};

Trial TrialOf(const json& summary) {
  Trial trial = {.name = summary.value("TrainingJobName", ""),
                 .status = summary.value("TrainingJobStatus", ""),
                 .tuned = ""};
  trial.hyperparameters = summary.value("TunedHyperParameters", json::object());
  for (const auto& [name, value] : trial.hyperparameters.items()) {
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    const bool number = text.find_first_not_of("0123456789.e+-") == std::string::npos;
    const bool fraction = number && text.find('.') != std::string::npos;
    trial.tuned += (trial.tuned.empty() ? "" : "  ") + name + "=" +
                   (fraction ? FormatNumber(std::strtod(text.c_str(), nullptr)) : text);
  }
  const json metric = summary.value("FinalHyperParameterTuningJobObjectiveMetric", json::object());
  if (metric.contains("Value")) trial.value = metric.at("Value").get<double>();
  return trial;
}

Result<std::vector<Trial>> ListTrials(const Session& session, const std::string& name) {
  std::vector<Trial> trials;
  json input = {{"HyperParameterTuningJobName", name}, {"MaxResults", kMaxList}};
  for (;;) {
    CLARY_TRY(const json page, Call(session, "ListTrainingJobsForHyperParameterTuningJob", input));
    for (const json& one : page.value("TrainingJobSummaries", json::array())) {
      trials.push_back(TrialOf(one));
    }
    const std::string token = page.value("NextToken", "");
    if (token.empty()) return trials;
    input["NextToken"] = token;
  }
}

// One line that is redrawn, and a row for each trial that is the best so far.
class Board {
 public:
  Board(int most, std::string metric, bool silent)
      : most_(most), metric_(std::move(metric)), live_(IsTerminal(1)), silent_(silent) {}

  void Show(const json& job) {
    if (silent_) return;
    const json& counters = job.at("TrainingJobStatusCounters");
    const int running = counters.value("InProgress", 0);
    const int failed = counters.value("NonRetryableError", 0) + counters.value("RetryableError", 0);
    const int ended = counters.value("Completed", 0) + counters.value("Stopped", 0) + failed;
    const Trial best = TrialOf(job.value("BestTrainingJob", json::object()));
    if (best.value && best.name != best_) {
      Clear();
      if (best_.empty()) {
        std::printf("  %8s  %-12s  HYPERPARAMETERS\n", "TRIALS", metric_.c_str());
      }
      best_ = best.name;
      std::printf("  %8d  %-12s  %s\n", ended, FormatNumber(*best.value).c_str(),
                  Printable(best.tuned).c_str());
    }
    if (live_) {
      Clear();
      std::string line = std::to_string(ended) + "/" + std::to_string(most_) + " trials, " +
                         std::to_string(running) + " running";
      if (failed > 0) line += ", " + std::to_string(failed) + " failed";
      std::printf("%s", Paint(line, Style::kDim).c_str());
      open_ = true;
    }
    std::fflush(stdout);
  }
  void Clear() {
    if (open_) std::printf("\r\x1b[K");
    open_ = false;
  }

 private:
  int most_;
  std::string metric_;
  bool live_, silent_;
  bool open_ = false;
  std::string best_;
};

json ToJson(const Trial& trial) {
  json out = {
      {"name", trial.name}, {"status", trial.status}, {"hyperparameters", trial.hyperparameters}};
  if (trial.value) out["value"] = *trial.value;
  return out;
}

int PrintEnd(const Context& context, const Session& session, const json& job) {
  const std::string name = job.value("HyperParameterTuningJobName", "");
  const std::string status = job.value("HyperParameterTuningJobStatus", "");
  const std::string metric = job.at("HyperParameterTuningJobConfig")
                                 .at("HyperParameterTuningJobObjective")
                                 .value("MetricName", "");
  const Trial best = TrialOf(job.value("BestTrainingJob", json::object()));
  if (context.json) {
    const auto trials = ListTrials(session, name);
    if (!trials) return Report(context, trials.error());
    json all = json::array();
    for (const Trial& trial : *trials) all.push_back(ToJson(trial));
    json done = {{"name", name},
                 {"status", status},
                 {"failure_reason", job.value("FailureReason", "")},
                 {"metric", metric},
                 {"trials", std::move(all)}};
    if (best.value) done["best"] = ToJson(best);
    std::puts(done.dump(2).c_str());
    return status == "Completed" ? kOk : kFailed;
  }
  if (status == "Failed") {
    return Report(context, kFailed, "TuningJobFailed", job.value("FailureReason", ""));
  }
  const double took =
      job.value("HyperParameterTuningEndTime", 0.0) - job.value("CreationTime", 0.0);
  std::printf("%s %s in %s, %d trials\n\n", Paint(name, Style::kBold).c_str(),
              PaintStatus(status).c_str(),
              FormatDuration(static_cast<int64_t>(took * 1000)).c_str(),
              job.at("TrainingJobStatusCounters").value("Completed", 0) +
                  job.at("TrainingJobStatusCounters").value("Stopped", 0));
  if (!best.value) return status == "Completed" ? kOk : kFailed;
  Table table({"HYPERPARAMETER", "BEST VALUE"});
  for (const auto& [hyperparameter, value] : best.hyperparameters.items()) {
    table.Add({hyperparameter, value.get<std::string>()});
  }
  table.Print("  ");
  std::printf("\n  %s  %s\n  job  %s\n", metric.c_str(), FormatNumber(*best.value).c_str(),
              best.name.c_str());
  std::printf("\nNext:\n  clary describe %s\n  clary logs %s\n", best.name.c_str(),
              best.name.c_str());
  return status == "Completed" ? kOk : kFailed;
}

int Tune(const Context& context, const TuneOptions& options) {
  const Signals signals;  // before any other thread
  auto access = Connect(context);
  if (!access) return Report(context, access.error());
  const Session& session = access->session;
  const auto request = Request(session, options);
  if (!request) return Report(context, request.error());
  if (const auto made = Call(session, "CreateHyperParameterTuningJob", *request); !made) {
    return Report(context, made.error());
  }
  const json name = {{"HyperParameterTuningJobName", request->at("HyperParameterTuningJobName")}};
  auto job = Call(session, "DescribeHyperParameterTuningJob", name);
  if (!job) return Report(context, job.error());
  const json& config = job->at("HyperParameterTuningJobConfig");
  if (!context.json) {
    std::printf(
        "tuning job %s\n",
        Paint(name.at("HyperParameterTuningJobName").get<std::string>(), Style::kBold).c_str());
  }
  Board board(config.at("ResourceLimits").value("MaxNumberOfTrainingJobs", 0),
              config.at("HyperParameterTuningJobObjective").value("MetricName", ""), context.json);
  bool stopped = false;
  for (;;) {
    const std::string status = job->value("HyperParameterTuningJobStatus", "");
    board.Show(*job);
    if (status != "InProgress" && status != "Stopping") break;
    if (signals.token().stop_requested() && !stopped) {
      stopped = true;
      if (const auto done = Call(session, "StopHyperParameterTuningJob", name);
          !done && status == "InProgress") {
        return Report(context, done.error());
      }
    }
    Clock::System().Sleep(kPoll, stopped ? std::stop_token() : signals.token());
    job = Call(session, "DescribeHyperParameterTuningJob", name);
    if (!job) return Report(context, job.error());
  }
  board.Clear();
  return PrintEnd(context, session, *job);
}

}  // namespace
}  // namespace tune

void AddTune(CLI::App& app, Context& context) {
  const auto o = std::make_shared<tune::TuneOptions>();
  auto* command = AddCommand(
      app, context, "tune", "Find good hyperparameters by training many models",
      {"clary tune --train train.csv --validation validation.csv --objective binary:logistic",
       "clary tune --train train.csv --validation v.csv --objective binary:logistic --range "
       "eta=0.01:0.5:log --range max_depth=2:10 --max-jobs 50",
       "clary tune --train train.csv --validation v.csv --range max_depth=3,6,9 --range "
       "eta=0.1,0.3 --strategy grid"},
      [&context, o] { return tune::Tune(context, *o); });
  command
      ->add_option("--train", o->train,
                   "File, directory or s3:// URI to train on: label first, no header")
      ->required();
  command->add_option("--validation", o->validation, "The same, to measure on");
  command->add_option("--objective", o->objective, "What to learn, e.g. binary:logistic");
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
  command->add_option("--content-type", o->content_type,
                      "csv, libsvm, ... (default: by the file's ending, else csv)");
  command->add_option("--image", o->image,
                      "Version of the algorithm (default 1.7-1), or a whole URI");
  command->add_option("--name", o->name, "Name of the tuning job (default: made from the time)");
  command->add_option("--output", o->output, "s3:// URI below which results go");
}

}  // namespace clary::cli
