#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/file.h"
#include "base/quote.h"
#include "base/strings.h"
#include "base/suggest.h"
#include "clary/estimator.h"
#include "clary/image_uris.h"
#include "command.h"
#include "data/read.h"
#include "data/table.h"
#include "endpoints.h"
#include "objects/file_store.h"
#include "options.h"
#include "progress.h"
#include "reports.h"
#include "scripts.h"
#include "signals.h"
#include "table.h"
#include "terminal.h"
#include "xgboost/hyperparameters.h"

namespace clary::cli {
namespace {

namespace fs = std::filesystem;

constexpr char kDefaultVersion[] = "1.7-1";

struct TrainOptions {
  ScriptOptions program;            // with a script: what it has beside the options of both
  std::vector<std::string> inputs;  // name=path, of a script
  TableInput data;                  // a table only with a label
  std::string objective;
  int num_round = 0;
  std::vector<std::string> parameters;  // name=value
  std::string image;                    // empty: kDefaultVersion, or what --framework says
  std::string name;
  std::string output;
  std::vector<std::string> rules;
  Instances instances;
  int max_run = 24 * 60 * 60;
  std::string save;
  bool wait = true;
  bool serve = false;
  bool verbose = false;
};

// The version of the built-in algorithm's image; nullopt for another one.
std::optional<std::string> BuiltInVersion(const std::string& image) {
  constexpr std::string_view kBuiltIn = "/sagemaker-xgboost:";
  const auto at = image.find(kBuiltIn);
  if (at == std::string::npos) return std::nullopt;
  return image.substr(at + kBuiltIn.size());
}

Status CheckContentType(const std::string& said) {
  const auto type = data::ParseContentType(said);
  if (type) return {};
  constexpr std::string_view kNames[] = {"csv", "libsvm", "parquet", "recordio-protobuf"};
  return Usage("--content-type: " + type.error().message +
               DidYouMean(said.substr(0, said.find(';')), kNames));
}

// What the built-in algorithm would refuse, before anything is stored or queued for it.
Status CheckHyperparameters(const std::string& version,
                            const std::map<std::string, std::string>& given,
                            const data::Columns* columns) {
  const auto checked = xgboost::ParseHyperparameters(given, version);
  if (!checked) {
    return Usage(checked.error().message + "\n  docs/parameters.md lists all, with their ranges");
  }
  if (columns == nullptr) return {};
  std::vector<std::string> texts;
  for (const data::Column& c : columns->features) {
    if (c.is_category) texts.push_back("'" + c.name + "'");
  }
  const std::string why = texts.empty() ? "" : xgboost::WhyNoCategories(*checked);
  if (why.empty()) return {};
  return Usage("there are columns of texts: " + Join(texts, ", ") + ". " + why +
               ". --drop COLUMN leaves one out");
}

// Each said once: of two values neither is meant more than the other.
Result<Hyperparameters> ReadParameters(const TrainOptions& o) {
  Hyperparameters values;
  std::map<std::string, std::string> said;  // by the name that all spellings stand for
  const auto add = [&](const std::string& name, const HyperparameterValue& value,
                       const std::string& how) -> Status {
    const auto [first, fresh] = said.emplace(std::string(xgboost::CanonicalName(name)), how);
    if (!fresh) return Usage(first->second + " and " + how + " set the same: leave one out");
    values.emplace(name, value);
    return {};
  };
  if (!o.objective.empty()) {
    CLARY_CHECK_OK(add("objective", o.objective, "--objective " + o.objective));
  }
  if (o.num_round > 0) {
    CLARY_CHECK_OK(add("num_round", o.num_round, "--num-round " + std::to_string(o.num_round)));
  }
  for (const auto& text : o.parameters) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Usage("-P " + text + ": write it as name=value, for example -P max_depth=5");
    }
    CLARY_CHECK_OK(add(text.substr(0, equals), text.substr(equals + 1), "-P " + text));
  }
  values.try_emplace("num_round", 100);
  return values;
}

Result<std::string> ImageOf(const Session& session, const TrainOptions& o) {
  if (o.image.contains('/')) return o.image;
  return image_uris::retrieve("xgboost", session.region_name(),
                              o.image.empty() ? kDefaultVersion : o.image);
}

// The job as far as the command line alone tells it.
Result<Estimator> Prepare(const Session& session, const TrainOptions& o) {
  EstimatorOptions options{.role = {}, .max_run = o.max_run, .output_path = o.output};
  CLARY_CHECK_OK(SetInstances(o.instances, options));
  CLARY_TRY(options.image_uri, ImageOf(session, o));
  if (o.output.empty()) {
    CLARY_TRY(const auto bucket, session.default_bucket());
    options.output_path = "s3://" + bucket + "/clary/jobs";
  }
  options.base_job_name = "xgboost";
  for (const auto& list : o.rules) {
    for (const auto name : Split(list, ',')) {
      const auto rule = rule_configs::find(Trim(name));
      if (!rule) {
        const auto names = rule_configs::names();
        return Usage(
            "there is no rule '" + std::string(Trim(name)) + "'." +
            DidYouMean(Trim(name), std::vector<std::string_view>(names.begin(), names.end())) +
            "\n  there are: " + Join(names, ", "));
      }
      options.rules.push_back(Rule::sagemaker(*rule));
    }
  }
  Hyperparameters values;
  CLARY_TRY(values, ReadParameters(o));
  Estimator estimator(session, std::move(options));
  estimator.set_hyperparameters(values);
  return estimator;
}

// Everything that can be known to be wrong before data are looked at or stored.
Status CheckJob(const Session& session, const TrainOptions& o, const std::string& image,
                Estimator& estimator) {
  if (const auto version = BuiltInVersion(image)) {
    CLARY_CHECK_OK(CheckContentType(o.data.content_type));
    const auto values = estimator.hyperparameters();
    Status checked = CheckHyperparameters(*version, values, nullptr);
    // A table's label may bring the objective and the number of classes: one that fits is enough.
    if (!o.data.label.empty()) {
      for (const char* objective : {"binary:logistic", "multi:softprob"}) {
        if (checked) break;
        auto with = values;
        with.try_emplace("objective", objective);
        if (with["objective"].starts_with("multi:")) with.try_emplace("num_class", "3");
        if (CheckHyperparameters(*version, with, nullptr)) checked = {};
      }
    }
    CLARY_CHECK_OK(checked);
  }
  Channels channels;
  for (const auto& [channel, from] :
       {std::pair{"train", o.data.train}, {"validation", o.data.validation}}) {
    if (from.empty()) continue;
    channels.emplace_back(
        channel, TrainingInput{.s3_data = from.starts_with("s3://") ? from : "s3://bucket/key",
                               .content_type = "csv"});
    std::error_code ec;
    if (!from.starts_with("s3://") && !fs::exists(from, ec)) {
      return Fail(Code::kNotFound, "NoSuchFile", "there is no file " + from);
    }
  }
  if (auto checked = estimator.check(channels, {.job_name = o.name}); !checked) {
    return Usage(checked.error().message);
  }
  if (!o.name.empty() && TrainingJob(session, o.name).describe()) {
    return Fail(Code::kAlreadyExists, "JobExists",
                "there is a training job '" + o.name + "' already: choose another --name");
  }
  return {};
}

// What the table's columns decide; `lines` gets what was chosen.
Status FitToTable(const data::Columns& columns, const std::string& image, Estimator& estimator,
                  std::vector<std::string>& lines) {
  Hyperparameters values;
  for (const auto& [name, value] : estimator.hyperparameters()) values.emplace(name, value);
  CLARY_CHECK_OK(ChooseObjective(columns, values, lines));
  estimator.set_hyperparameters(values);
  const auto version = BuiltInVersion(image);
  return version ? CheckHyperparameters(*version, estimator.hyperparameters(), &columns) : Status();
}

struct Outcome {
  TrainingJobDescription job;
  std::string model_file;
  std::vector<std::string> reports;  // pages on this machine
  std::vector<MetricValue> metrics;  // of the last round
  int rounds = 0;
  int models = 0;  // of cross validation
  std::optional<KeptRounds> kept;
  std::string columns;                // of a table: docs/formats/columns.md
  std::vector<std::string> warnings;  // of it
  std::string endpoint;               // that answers with the model
};

void PrintLines(const std::vector<std::string>& lines) {
  for (const auto& line : lines) std::puts(Printable(line).c_str());
  std::fflush(stdout);
}

void PrintWarnings(const std::vector<std::string>& warnings) {
  for (const auto& warning : warnings) {
    std::printf("%s %s\n", Paint("warning:", Style::kYellow).c_str(), Printable(warning).c_str());
  }
  std::puts("");
}

void PrintOutcome(const Context& context, const Outcome& outcome) {
  const auto& job = outcome.job;
  if (context.json) {
    const auto values = [](const std::vector<MetricValue>& metrics) {
      nlohmann::json object = nlohmann::json::object();
      for (const auto& m : metrics) object[m.name] = m.value;
      return object;
    };
    nlohmann::json rules = nlohmann::json::array();
    for (const auto& r : job.rules) {
      rules.push_back({{"name", r.name}, {"status", r.status}, {"details", r.details}});
    }
    nlohmann::json done = {{"name", job.name},
                           {"status", job.status},
                           {"failure_reason", job.failure_reason},
                           {"rounds", outcome.rounds},
                           {"metrics", values(outcome.metrics)},
                           {"model", job.model_data},
                           {"model_file", outcome.model_file},
                           {"rules", rules},
                           {"reports", outcome.reports},
                           {"took_ms", job.ended_ms - job.created_ms}};
    if (outcome.kept) {
      done["best_round"] = outcome.kept->kept;
      done["best_metrics"] = values(outcome.kept->metrics);
    }
    if (!outcome.endpoint.empty()) done["endpoint"] = outcome.endpoint;
    if (!outcome.columns.empty()) {
      done["columns"] = nlohmann::json::parse(outcome.columns);
      done["warnings"] = outcome.warnings;
    }
    std::puts(done.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    return;
  }
  std::printf("%s %s in %s, %s\n\n", Paint(job.name, Style::kBold).c_str(),
              PaintStatus(job.status).c_str(),
              FormatDuration(job.ended_ms - job.created_ms).c_str(),
              RoundsText(outcome.rounds, outcome.models, outcome.kept).c_str());
  if (!outcome.metrics.empty()) {
    PrintMetrics(outcome.metrics, outcome.kept, "  ");
    std::puts("");
  }
  for (const auto& rule : job.rules) {
    std::printf("  rule    %s: %s %s\n", rule.name.c_str(), PaintStatus(rule.status).c_str(),
                rule.details.c_str());
  }
  for (const auto& page : outcome.reports) std::printf("  report  %s\n", page.c_str());
  if (!job.model_data.empty()) std::printf("  model   %s\n", job.model_data.c_str());
  if (!outcome.model_file.empty()) std::printf("  file    %s\n", outcome.model_file.c_str());
  if (!outcome.endpoint.empty()) std::printf("  serves  endpoint %s\n", outcome.endpoint.c_str());
}

void PrintNext(const std::string& job, bool embedded) {
  std::printf("\nNext:\n  %s\n", ("clary describe " + job).c_str());
  if (embedded) std::puts("  clary serve                                  for any AWS client");
  std::puts("  clary exec -- python examples/tutorial.py    with the SageMaker Python SDK");
}

// The options that only the built-in algorithm has, or only a script, do not go with the other.
Status CheckKind(const TrainOptions& o) {
  const bool script = !o.program.script.empty();
  const auto& p = o.program;
  for (const auto& [option, given, of_script] :
       {std::tuple{"--label", !o.data.label.empty(), false},
        {"--positive", !o.data.positive.empty(), false},
        {"--drop", !o.data.drop.empty(), false},
        {"--objective", !o.objective.empty(), false},
        {"--num-round", o.num_round > 0, false},
        {"--rule", !o.rules.empty(), false},
        {"--source-dir", !p.source_dir.empty(), true},
        {"--dependency", !p.dependencies.empty(), true},
        {"--framework", !p.framework.empty(), true},
        {"--input", !o.inputs.empty(), true},
        {"--env", !p.environment.empty(), true},
        {"--metric", !p.metrics.empty(), true},
        {"--checkpoints", !p.checkpoints.empty(), true},
        {"--isolated", p.isolated, true}}) {
    if (!given || of_script == script) continue;
    return Usage(std::string(option) +
                 (script ? " is of the built-in algorithm, and does not go with --script"
                         : " is for a program of yours: --script"));
  }
  EstimatorOptions unused;
  return SetInstances(o.instances, unused);
}

int RunScript(const Context& context, const TrainOptions& o) {
  ScriptOptions script = o.program;
  for (const auto& [name, from] :
       {std::pair{"train", o.data.train}, {"validation", o.data.validation}}) {
    if (!from.empty()) script.channels.emplace_back(name, from);
  }
  for (const auto& text : o.inputs) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Report(context, kUsage, "Usage",
                    "--input " + text + ": write it as NAME=PATH, for example --input test=test/");
    }
    script.channels.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  script.content_type = o.data.content_type;
  script.image = o.image;
  script.parameters = o.parameters;
  script.name = o.name;
  script.output = o.output;
  script.instances = o.instances;
  script.max_run = o.max_run;
  script.save = o.save;
  script.wait = o.wait;
  script.serve = o.serve;
  script.verbose = o.verbose;
  return TrainScript(context, script);
}

int Train(const Context& context, const TrainOptions& options) {
  if (const auto kind = CheckKind(options); !kind) return Report(context, kind.error());
  if (!options.program.script.empty()) return RunScript(context, options);
  const Signals signals;  // before any other thread
  if (options.data.label.empty()) {
    for (const auto& [option, given] : {std::pair{"--drop COLUMN", !options.data.drop.empty()},
                                        {"--positive TEXT", !options.data.positive.empty()}}) {
      if (!given) continue;
      return Report(context, kUsage, "Usage",
                    std::string(option) + " is for tables with a header: --label");
    }
    if (const auto headless = CheckHeader(options.data, "train"); !headless) {
      return Report(context, headless.error());
    }
  }
  auto access = Connect(context);
  if (!access) return Report(context, access.error());
  if (!options.wait && access->embedded != nullptr) return ReportNoService(context);
  if (options.serve && access->embedded != nullptr) return ReportNoServiceToServe(context);
  const auto& session = access->session;
  auto estimator = Prepare(session, options);
  if (!estimator) return Report(context, estimator.error());
  const auto image = ImageOf(session, options);
  if (!image) return Report(context, image.error());
  if (const auto checked = CheckJob(session, options, *image, *estimator); !checked) {
    return Report(context, checked.error());
  }
  std::optional<TrainTable> table;
  std::vector<std::string> lines;
  if (!options.data.label.empty()) {
    auto looked = LookAtTable(options.data);
    if (!looked) return Report(context, looked.error());
    table = *std::move(looked);
    lines = DescribeTable(table->table.columns);
    const auto fits = FitToTable(table->table.columns, *image, *estimator, lines);
    if (!fits) return Report(context, fits.error());
    if (!context.json) PrintLines(lines);  // before the files are stored, which may take a while
  }

  Outcome outcome;
  Channels channels;
  ExampleRow row;
  if (table) {
    const auto stored = UploadTable(session, *table);
    if (!stored) return Report(context, stored.error());
    channels.emplace_back("train", TrainingInput{.s3_data = stored->train, .content_type = "csv"});
    if (!stored->validation.empty()) {
      channels.emplace_back("validation",
                            TrainingInput{.s3_data = stored->validation, .content_type = "csv"});
      if (!context.json) {
        PrintLines({"validation: " + std::to_string(stored->held_out.rows) + " rows"});
      }
    }
    row.text = stored->first_row;
    outcome.columns = data::ColumnsToJson(table->table.columns, data::Detail::kAll);
    outcome.warnings = stored->warnings;
    if (!context.json) PrintWarnings(outcome.warnings);
  } else {
    for (const auto& [channel, from] :
         {std::pair{"train", options.data.train}, {"validation", options.data.validation}}) {
      if (from.empty()) continue;
      const auto uri = UploadChannel(session, from);
      if (!uri) return Report(context, uri.error());
      channels.emplace_back(channel,
                            TrainingInput{.s3_data = *uri,
                                          .content_type = options.data.content_type.empty()
                                                              ? ContentTypeOf(from)
                                                              : options.data.content_type});
    }
    const bool weighted = estimator->hyperparameters()["csv_weights"] == "1";
    row = FirstRow(options.data.train, channels.front().second.content_type, weighted ? 2 : 1);
  }

  if (auto created = estimator->fit(channels, {.wait = false, .job_name = options.name});
      !created) {
    return Report(context, created.error());
  }
  const auto& job = *estimator->latest_training_job();
  if (!options.wait) {
    if (context.json) {
      std::puts(nlohmann::json{{"name", job.name()}, {"status", "InProgress"}}.dump().c_str());
    } else {
      std::printf("%s\n  clary logs %s -f\n", job.name().c_str(), job.name().c_str());
    }
    return kOk;
  }

  const auto number = [values = estimator->hyperparameters()](const char* name, int otherwise) {
    const auto it = values.find(name);
    const auto value = it != values.end() ? ParseInt(it->second) : std::nullopt;
    return value && *value > 0 && *value < INT32_MAX ? static_cast<int>(*value) : otherwise;
  };
  if (!context.json) std::printf("training job %s\n", Paint(job.name(), Style::kBold).c_str());
  Progress progress({.rounds = number("num_round", 0),
                     .models = number("_kfold", 1) * number("_num_cv_round", 1),
                     .live = IsTerminal(1),
                     .verbose = options.verbose,
                     .silent = context.json},
                    Clock::System());
  auto ended = job.wait({.observer = &progress, .stop = signals.token()});
  progress.Finish();
  if (!ended) return Report(context, ended.error());

  outcome.job = *std::move(ended);
  outcome.rounds = progress.rounds_done();
  outcome.models = progress.models_done();
  outcome.kept = progress.kept();
  if (!outcome.job.rules.empty()) {
    // They end soon after the job, and with an embedded service there is no later.
    auto rules = job.wait_for_rules(signals.token());
    if (!rules) return Report(context, rules.error());
    outcome.job.rules = *std::move(rules);
    const auto reports = FetchReports(session, job.name(), ReportDirectory(context, job.name()));
    if (!reports) return Report(context, reports.error());
    outcome.reports = reports->pages;
  }
  // The service's own last values, else those of the last line.
  outcome.metrics =
      outcome.job.final_metrics.empty() ? progress.last_metrics() : outcome.job.final_metrics;
  std::ranges::sort(outcome.metrics, {}, &MetricValue::name);
  if (outcome.job.status == "Failed") {
    if (context.json) {
      PrintOutcome(context, outcome);
    } else {
      Report(context, kFailed, "TrainingJobFailed",
             outcome.job.failure_reason + "\n  the whole log: clary logs " + job.name());
    }
    return kFailed;
  }
  if (!HasModel(session, outcome.job)) outcome.job.model_data.clear();
  outcome.model_file = FileOf(context, *access, outcome.job.model_data);
  if (!options.save.empty() && !outcome.job.model_data.empty()) {
    const auto uri = S3Uri::parse(outcome.job.model_data);
    const auto saved =
        uri ? session.s3().download_file(*uri, options.save) : Status(std::unexpected(uri.error()));
    if (!saved) return Report(context, saved.error());
    outcome.model_file = fs::absolute(options.save).string();
  }
  if (options.serve && outcome.job.status == "Completed") {
    const auto deployed = estimator->deploy();
    if (!deployed) return Report(context, deployed.error());
    outcome.endpoint = deployed->endpoint_name();
  }
  PrintOutcome(context, outcome);
  if (outcome.job.status == "Stopped") return kFailed;
  if (context.json) return kOk;
  if (!outcome.endpoint.empty()) {
    std::puts("\nNext:");
    PrintHowToAsk(session, outcome.endpoint, row);
  } else {
    PrintNext(job.name(), access->embedded != nullptr);
  }
  return kOk;
}

}  // namespace

Result<std::string> UploadChannel(const Session& session, const std::string& from) {
  if (from.starts_with("s3://")) return from;
  std::error_code ec;
  if (!fs::exists(from, ec)) {
    return Fail(Code::kNotFound, "NoSuchFile", "there is no file " + from);
  }
  CLARY_TRY(const auto bucket, session.default_bucket());
  if (fs::is_directory(from, ec)) {
    CLARY_TRY(const auto found, data::CollectFiles(from));
    if (found.files.empty()) {
      return Usage("folder " + from + " has no data");
    }
    return session.upload_data(from, bucket, "clary/data/" + RandomId());
  }
  CLARY_TRY(const auto digest, DigestOf(from));
  const S3Uri uri{
      .bucket = bucket,
      .key = "clary/data/" + digest.substr(0, 16) + "/" + fs::path(from).filename().string()};
  CLARY_TRY(const auto there, session.s3().list(uri));
  for (const auto& object : there.objects) {
    if (object.key == uri.key && object.size == fs::file_size(from, ec)) return uri.str();
  }
  CLARY_CHECK_OK(session.s3().upload_file(from, uri));
  return uri.str();
}

// The file that holds the model, when its store is on this machine.
std::string FileOf(const Context& context, const Access& access, const std::string& uri) {
  const auto parsed = objects::ObjectRef::ParseUri(uri);
  if (!access.on_home || !parsed) return {};
  const auto store = objects::FileStore::Open(context.home / "objects");
  if (!store) return {};
  const auto path = (*store)->BlobPath(*parsed);
  return path ? path->string() : std::string();
}

void AddTrain(CLI::App& app, Context& context) {
  const auto o = std::make_shared<TrainOptions>();
  auto* train = AddCommand(
      app, context, "train", "Train a model and wait for it",
      {"clary train --train train.csv --validation validation.csv --objective binary:logistic",
       "clary train --train data.csv --label income",
       "clary train --train train.csv --objective binary:logistic --serve",
       "clary train --train s3://bucket/train/ --num-round 500 -P max_depth=5 -P eta=0.2",
       "clary train --train train.csv --validation validation.csv --rule create_xgboost_report",
       "clary train --script train.py --train data/ --instance-count 2",
       "clary train --script train.py --source-dir src --framework sklearn:1.2-1 --train data/ "
       "--hyperparameter epochs=3"},
      [&context, o] { return Train(context, *o); });
  auto* data = train->add_option(
      "--train", o->data.train,
      "File, directory or s3:// URI to train on; without --label, label first and no header");
  data->required();  // but not of a script
  train->add_option("--validation", o->data.validation, "The same, to measure on");
  train->add_option(
      "--label", o->data.label,
      "Name of the column to learn, of CSV with a header or Parquet; texts are categories");
  train->add_option("--positive", o->data.positive,
                    "With --label of two texts: the one whose probability is predicted (default: "
                    "the later by the alphabet)");
  train->add_option("--drop", o->data.drop, "With --label: a column to leave out; may be repeated")
      ->expected(1)
      ->take_all();
  train->add_option("--objective", o->objective, "What to learn, e.g. binary:logistic");
  AddNumber(*train, "--num-round", o->num_round, "Boosting rounds (default 100)");
  train
      ->add_option("-P,--param,--hyperparameter", o->parameters,
                   "name=value: a hyperparameter (docs/parameters.md lists those of the built-in "
                   "algorithm); may be repeated")
      ->expected(1)
      ->take_all();
  train->add_option("--content-type", o->data.content_type,
                    "csv, libsvm, ... (default: by the file's ending, else csv)");
  train->add_option("--image", o->image,
                    "Version of the algorithm (default 1.7-1), or an image's whole URI");
  train->add_option("--name", o->name, "Name of the job (default: made from the time)");
  train->add_option("--output", o->output, "s3:// URI below which results go");
  train
      ->add_option("--rule", o->rules,
                   "Debugger rules, e.g. create_xgboost_report,overfit; may be repeated")
      ->expected(1)
      ->take_all();
  train->add_option("--instance-type", o->instances.type,
                    "Name of the machine (default ml.m5.xlarge)");
  AddNumber(*train, "--instance-count", o->instances.count,
            "Number of machines, which work together (default 1)");
  train
      ->add_option(
          "--instance-group", o->instances.groups,
          "NAME=TYPE:COUNT, a group of machines, instead of the two above; may be repeated")
      ->expected(1)
      ->take_all();
  AddNumber(*train, "--max-run", o->max_run, "Stop the job after so many seconds (default a day)");
  train->add_option("--save", o->save, "Also write model.tar.gz to this file")
      ->check([](const std::string& path) {  // before the training, not after it
        const Status replaceable = CheckReplaceable(path);
        return replaceable ? std::string() : replaceable.error().message;
      });
  train->add_flag("--wait", o->wait, "Return when the job has ended (default)");
  train->add_flag_callback("--no-wait", [o] { o->wait = false; }, "Return at once");
  train
      ->add_flag("--serve", o->serve,
                 "Then serve the model at an endpoint of the job's name, and show how to ask it; "
                 "needs `clary serve`")
      ->excludes("--no-wait");
  auto& p = o->program;
  train
      ->add_option("--script", p.script,
                   "Program of yours that trains, instead of the built-in algorithm: a file, below "
                   "--source-dir if that is given")
      ->each([data](const std::string&) { data->required(false); });
  train->add_option("--source-dir", p.source_dir,
                    "Folder with the script, what it imports and requirements.txt");
  train
      ->add_option("--framework", p.framework,
                   "Environment of the script, e.g. sklearn:1.2-1 (clary environments); default: "
                   "the service's Python")
      ->excludes(train->get_option("--image"));
  const auto repeated = [&](const char* names, std::vector<std::string>& values, const char* text) {
    train->add_option(names, values, text)->expected(1)->take_all();
  };
  repeated("--dependency", p.dependencies,
           "File or folder to have beside the script; may be repeated");
  repeated("--input", o->inputs,
           "NAME=PATH or NAME=s3://...: another channel of the script; may be repeated");
  repeated("--env", p.environment, "NAME=value: a variable of the script; may be repeated");
  repeated("--metric", p.metrics,
           "name=regex: a metric in the script's output, whose first group is the value; may be "
           "repeated");
  train->add_option("--checkpoints", p.checkpoints,
                    "s3:// URI that /opt/ml/checkpoints of the script is kept in step with");
  train->add_flag("--isolated", p.isolated, "Run the script without network and keys");
  train->add_flag("-v,--verbose", o->verbose, "Print every line of the job's log");
}

}  // namespace clary::cli
