#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/hash.h"
#include "base/strings.h"
#include "clary/estimator.h"
#include "clary/image_uris.h"
#include "command.h"
#include "objects/file_store.h"
#include "progress.h"
#include "reports.h"
#include "signals.h"
#include "terminal.h"

namespace clary::cli {
namespace {

namespace fs = std::filesystem;

struct TrainOptions {
  std::string train;
  std::string validation;
  std::string objective;
  int num_round = 0;
  std::vector<std::string> parameters;  // name=value
  std::string content_type;
  std::string image = "1.7-1";
  std::string name;
  std::string output;
  std::vector<std::string> rules;
  std::string instance_type = "ml.m5.xlarge";
  int instance_count = 1;
  int max_run = 24 * 60 * 60;
  std::string save;
  bool wait = true;
  bool verbose = false;
};

std::string ContentTypeOf(const std::string& path) {
  for (const auto& [suffix, type] : {std::pair{".libsvm", "libsvm"},
                                     {".svm", "libsvm"},
                                     {".parquet", "application/x-parquet"},
                                     {".pbr", "application/x-recordio-protobuf"},
                                     {".recordio", "application/x-recordio-protobuf"}}) {
    if (path.ends_with(suffix)) return type;
  }
  return "csv";
}

Result<std::string> DigestOf(const fs::path& path) {
  CLARY_TRY(const auto fd, OpenFile(path, O_RDONLY));
  std::error_code ec;
  const auto size = fs::file_size(path, ec);
  if (ec) {
    return Fail(Code::kInvalidArgument, "NotAFile", path.string() + ": " + ec.message());
  }
  CLARY_TRY(auto again, OpenFile(path, O_RDONLY));
  const auto source = NewFileSource(std::move(again), 0, size);
  Hasher hasher(HashKind::kSha256);
  std::array<char, 1 << 16> buffer;
  for (;;) {
    CLARY_TRY(const size_t n, source->Read(buffer));
    if (n == 0) return HexEncode(hasher.Finish());
    hasher.Update({buffer.data(), n});
  }
}

// A local file is kept in the default bucket under the digest of its bytes, so that training on the
// same file again stores nothing twice.
Result<std::string> Upload(const Session& session, const std::string& from) {
  if (from.starts_with("s3://")) return from;
  std::error_code ec;
  if (!fs::exists(from, ec)) {
    return Fail(Code::kNotFound, "NoSuchFile", "there is no file " + from);
  }
  CLARY_TRY(const auto bucket, session.default_bucket());
  if (fs::is_directory(from, ec)) {
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

Result<Estimator> Prepare(const Session& session, const TrainOptions& o) {
  EstimatorOptions options{.role = {},
                           .instance_count = o.instance_count,
                           .instance_type = o.instance_type,
                           .max_run = o.max_run,
                           .output_path = o.output};
  if (o.image.find('/') != std::string::npos) {
    options.image_uri = o.image;
  } else {
    CLARY_TRY(options.image_uri, image_uris::retrieve("xgboost", session.region_name(), o.image));
  }
  if (o.output.empty()) {
    CLARY_TRY(const auto bucket, session.default_bucket());
    options.output_path = "s3://" + bucket + "/clary/jobs";
  }
  options.base_job_name = "xgboost";
  for (const auto& list : o.rules) {
    for (const auto name : Split(list, ',')) {
      const auto rule = rule_configs::find(Trim(name));
      if (!rule) {
        return Fail(
            Code::kInvalidArgument, "Usage",
            "no rule '" + std::string(name) + "'; there are: " + Join(rule_configs::names(), ", "));
      }
      options.rules.push_back(Rule::sagemaker(*rule));
    }
  }
  Hyperparameters values;
  for (const auto& text : o.parameters) {
    const auto equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Fail(Code::kInvalidArgument, "Usage",
                  "-P " + text + ": write it as name=value, for example -P max_depth=5");
    }
    values.insert_or_assign(text.substr(0, equals), text.substr(equals + 1));
  }
  if (!o.objective.empty()) values.insert_or_assign("objective", o.objective);
  if (o.num_round > 0) values.insert_or_assign("num_round", o.num_round);
  values.try_emplace("num_round", 100);
  Estimator estimator(session, std::move(options));
  estimator.set_hyperparameters(values);
  return estimator;
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

struct Outcome {
  TrainingJobDescription job;
  std::string model_file;
  std::vector<std::string> reports;  // pages on this machine
  std::vector<MetricValue> metrics;
  int rounds = 0;
};

void PrintOutcome(const Context& context, const Outcome& outcome) {
  const auto& job = outcome.job;
  if (context.json) {
    nlohmann::json metrics = nlohmann::json::object();
    for (const auto& m : outcome.metrics) metrics[m.name] = m.value;
    nlohmann::json rules = nlohmann::json::array();
    for (const auto& r : job.rules) {
      rules.push_back({{"name", r.name}, {"status", r.status}, {"details", r.details}});
    }
    std::puts(nlohmann::json{{"name", job.name},
                             {"status", job.status},
                             {"failure_reason", job.failure_reason},
                             {"rounds", outcome.rounds},
                             {"metrics", metrics},
                             {"model", job.model_data},
                             {"model_file", outcome.model_file},
                             {"rules", rules},
                             {"reports", outcome.reports},
                             {"took_ms", job.ended_ms - job.created_ms}}
                  .dump(2)
                  .c_str());
    return;
  }
  std::printf("%s %s in %s, %d rounds\n\n", Paint(job.name, Style::kBold).c_str(),
              PaintStatus(job.status).c_str(),
              FormatDuration(job.ended_ms - job.created_ms).c_str(), outcome.rounds);
  if (!outcome.metrics.empty()) {
    Table table({"METRIC", "VALUE"});
    table.AlignRight(1);
    for (const auto& m : outcome.metrics) table.Add({m.name, FormatNumber(m.value)});
    table.Print("  ");
    std::puts("");
  }
  for (const auto& rule : job.rules) {
    std::printf("  rule    %s: %s %s\n", rule.name.c_str(), PaintStatus(rule.status).c_str(),
                rule.details.c_str());
  }
  for (const auto& page : outcome.reports) std::printf("  report  %s\n", page.c_str());
  std::printf("  model   %s\n", job.model_data.c_str());
  if (!outcome.model_file.empty()) std::printf("  file    %s\n", outcome.model_file.c_str());
}

void PrintNext(const std::string& job, bool embedded) {
  std::printf("\nNext:\n  %s\n", ("clary describe " + job).c_str());
  if (embedded) std::puts("  clary serve                                  for any AWS client");
  std::puts("  clary exec -- python examples/tutorial.py    with the SageMaker Python SDK");
}

int Train(const Context& context, const TrainOptions& options) {
  const Signals signals;  // before any other thread
  auto access = Connect(context);
  if (!access) return Report(context, access.error());
  if (!options.wait && access->embedded != nullptr) {
    return Report(context, kUsage, "NoService",
                  "--no-wait needs a service that stays: start `clary serve` first");
  }
  const auto& session = access->session;
  auto estimator = Prepare(session, options);
  if (!estimator) return Report(context, estimator.error());

  Channels channels;
  for (const auto& [channel, from] :
       {std::pair{"train", options.train}, {"validation", options.validation}}) {
    if (from.empty()) continue;
    const auto uri = Upload(session, from);
    if (!uri) return Report(context, uri.error());
    channels.emplace_back(channel, TrainingInput{.s3_data = *uri,
                                                 .content_type = options.content_type.empty()
                                                                     ? ContentTypeOf(from)
                                                                     : options.content_type});
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

  const auto rounds = ParseInt(estimator->hyperparameters()["num_round"]);
  if (!context.json) std::printf("training job %s\n", Paint(job.name(), Style::kBold).c_str());
  Progress progress(
      {.rounds = rounds && *rounds > 0 && *rounds < INT32_MAX ? static_cast<int>(*rounds) : 0,
       .live = IsTerminal(1),
       .verbose = options.verbose,
       .silent = context.json},
      Clock::System());
  auto ended = job.wait({.observer = &progress, .stop = signals.token()});
  progress.Finish();
  if (!ended) return Report(context, ended.error());

  Outcome outcome{.job = *std::move(ended), .rounds = progress.rounds_done()};
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
  outcome.model_file = FileOf(context, *access, outcome.job.model_data);
  if (!options.save.empty() && !outcome.job.model_data.empty()) {
    const auto uri = S3Uri::parse(outcome.job.model_data);
    const auto saved =
        uri ? session.s3().download_file(*uri, options.save) : Status(std::unexpected(uri.error()));
    if (!saved) return Report(context, saved.error());
    outcome.model_file = fs::absolute(options.save).string();
  }
  PrintOutcome(context, outcome);
  if (outcome.job.status == "Stopped") return kFailed;
  if (!context.json) PrintNext(job.name(), access->embedded != nullptr);
  return kOk;
}

}  // namespace

void AddTrain(CLI::App& app, Context& context) {
  const auto o = std::make_shared<TrainOptions>();
  auto* train = AddCommand(
      app, context, "train", "Train a model and wait for it",
      {"clary train --train train.csv --validation validation.csv --objective binary:logistic",
       "clary train --train s3://bucket/train/ --num-round 500 -P max_depth=5 -P eta=0.2",
       "clary train --train train.csv --validation validation.csv --rule create_xgboost_report"},
      [&context, o] { return Train(context, *o); });
  train->add_option("--train", o->train, "File, directory or s3:// URI to train on; label first")
      ->required();
  train->add_option("--validation", o->validation, "The same, to measure on");
  train->add_option("--objective", o->objective, "What to learn, e.g. binary:logistic");
  train->add_option("--num-round", o->num_round, "Boosting rounds (default 100)")
      ->check(CLI::PositiveNumber);
  train
      ->add_option("-P,--param", o->parameters,
                   "name=value: a hyperparameter (docs/parameters.md lists them); may be repeated")
      ->expected(1)
      ->take_all();
  train->add_option("--content-type", o->content_type,
                    "csv, libsvm, ... (default: by the file's ending, else csv)");
  train->add_option("--image", o->image,
                    "Version of the algorithm (default 1.7-1), or a whole URI");
  train->add_option("--name", o->name, "Name of the job (default: made from the time)");
  train->add_option("--output", o->output, "s3:// URI below which results go");
  train
      ->add_option("--rule", o->rules,
                   "Debugger rules, e.g. create_xgboost_report,overfit; may be repeated")
      ->expected(1)
      ->take_all();
  train->add_option("--instance-type", o->instance_type,
                    "Name of the machine (default ml.m5.xlarge)");
  train->add_option("--instance-count", o->instance_count, "Number of machines (default 1)")
      ->check(CLI::PositiveNumber);
  train->add_option("--max-run", o->max_run, "Stop the job after so many seconds (default a day)")
      ->check(CLI::PositiveNumber);
  train->add_option("--save", o->save, "Also write model.tar.gz to this file");
  train->add_flag("--wait,!--no-wait", o->wait, "Return when the job has ended (default)");
  train->add_flag("-v,--verbose", o->verbose, "Print every line of the job's log");
}

}  // namespace clary::cli
