// clary train --script, clary process: jobs that run a program of the user's.
#include "scripts.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/file.h"
#include "base/quote.h"
#include "base/strings.h"
#include "clary/estimator.h"
#include "clary/image_uris.h"
#include "clary/processor.h"
#include "endpoints.h"
#include "options.h"
#include "signals.h"
#include "table.h"
#include "terminal.h"

namespace clary::cli {
namespace fs = std::filesystem;
namespace {

// What runs a script of no framework: the service's own Python (clary serve --python).
constexpr char kPlainImage[] = "python:3";

// "name=value", split; `example` is shown to who wrote something else.
Result<std::pair<std::string, std::string>> Pair(const std::string& option, const std::string& text,
                                                 const char* example) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    return Usage(option + " " + text + ": write it as name=value, for example " + option + " " +
                 example);
  }
  return std::pair(text.substr(0, equals), text.substr(equals + 1));
}

Result<std::map<std::string, std::string>> Pairs(const std::string& option,
                                                 const std::vector<std::string>& texts,
                                                 const char* example) {
  std::map<std::string, std::string> out;
  for (const auto& text : texts) {
    CLARY_TRY(auto pair, Pair(option, text, example));
    if (!out.insert(std::move(pair)).second) return Usage(option + " " + text + " is given twice");
  }
  return out;
}

Result<std::string> ScriptImage(const Session& session, const std::string& framework,
                                const std::string& image) {
  if (!image.empty()) return image;
  if (framework.empty()) return std::string(kPlainImage);
  const auto colon = framework.find(':');
  if (colon == std::string::npos) {
    return Usage("--framework " + framework +
                 ": write it as name:version, for example --framework sklearn:1.2-1");
  }
  auto uri = image_uris::retrieve(framework.substr(0, colon), session.region_name(),
                                  framework.substr(colon + 1));
  if (!uri) return Usage("--framework: " + uri.error().message);
  return uri;
}

// A hyperparameter's value: JSON as it is, other text as text.
HyperparameterValue ValueOf(const std::string& text) {
  return nlohmann::json::accept(text) ? HyperparameterValue::of_json(text)
                                      : HyperparameterValue(text);
}

// Shows the job's statuses and what its script prints. How the script is started, many lines, is
// left out unless asked for.
class ScriptProgress : public TrainingObserver {
 public:
  ScriptProgress(bool verbose, bool silent) : verbose_(verbose), silent_(silent) {}

  void on_status(const TrainingJobDescription&, const StatusTransition& t) override {
    if (silent_ || t.status == "Failed") return;
    Line(Paint(t.status + ":", Style::kCyan) + " " + Paint(t.message, Style::kDim));
  }
  void on_log(int, const LogEvent& event) override {
    if (silent_) return;
    if (verbose_) return Line(LogLine(event.message));
    if (event.message.contains("Invoking user script")) starting_ = true;
    if (!starting_) Line(LogLine(Untabbed(event.message)));
    if (event.message.contains("Invoking script with the following command")) starting_ = false;
  }

 private:
  // "#011" is a TAB, as log stores keep it.
  static std::string Untabbed(std::string line) {
    for (size_t at; (at = line.find("#011")) != std::string::npos;) line.replace(at, 4, "\t");
    return line;
  }
  static void Line(const std::string& text) {
    std::puts(text.c_str());
    std::fflush(stdout);
  }
  bool verbose_;
  bool silent_;
  bool starting_ = false;
};

void Print(const nlohmann::json& json) {
  std::puts(json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

// What --no-wait leaves the user with.
int PrintCreated(const Context& context, const std::string& job) {
  if (context.json) {
    Print({{"name", job}, {"status", "InProgress"}});
  } else {
    std::printf("%s\n  clary logs %s -f\n", job.c_str(), job.c_str());
  }
  return kOk;
}

Result<Estimator> PrepareScript(const Session& session, const ScriptOptions& o) {
  EstimatorOptions options{.max_run = o.max_run,
                           .output_path = o.output,
                           .entry_point = o.script,
                           .source_dir = o.source_dir,
                           .dependencies = o.dependencies,
                           .checkpoint_s3_uri = o.checkpoints,
                           .enable_network_isolation = o.isolated};
  CLARY_CHECK_OK(SetInstances(o.instances, options));
  CLARY_TRY(options.image_uri, ScriptImage(session, o.framework, o.image));
  CLARY_TRY(options.environment, Pairs("--env", o.environment, "LEVEL=debug"));
  CLARY_TRY(const auto metrics, Pairs("--metric", o.metrics, "'accuracy=accuracy: ([0-9.]+)'"));
  for (const auto& [name, regex] : metrics) options.metric_definitions.push_back({name, regex});
  if (o.output.empty()) {
    CLARY_TRY(const auto bucket, session.default_bucket());
    options.output_path = "s3://" + bucket + "/clary/jobs";
  }
  options.base_job_name =
      o.framework.empty() ? "script" : o.framework.substr(0, o.framework.find(':'));
  CLARY_TRY(const auto given, Pairs("--hyperparameter", o.parameters, "epochs=3"));
  Hyperparameters values;
  for (const auto& [name, value] : given) values.emplace(name, ValueOf(value));
  Estimator estimator(session, std::move(options));
  estimator.set_hyperparameters(values);
  return estimator;
}

struct ProcessOptions {
  std::string script;
  std::string framework;
  std::string image;
  std::vector<std::string> command;
  std::vector<std::string> inputs;   // name=path
  std::vector<std::string> outputs;  // name=path
  std::vector<std::string> environment;
  std::vector<std::string> arguments;
  std::string name;
  std::string instance_type = "ml.m5.xlarge";
  int max_runtime = 0;
  bool isolated = false;
  bool wait = true;
};

int Process(const Context& context, const ProcessOptions& o) {
  const Signals signals;  // before any other thread
  const auto inputs = Pairs("--input", o.inputs, "raw=data.csv");
  if (!inputs) return Report(context, inputs.error());
  const auto outputs = Pairs("--output", o.outputs, "train=train/");
  if (!outputs) return Report(context, outputs.error());
  const auto environment = Pairs("--env", o.environment, "LEVEL=debug");
  if (!environment) return Report(context, environment.error());
  std::error_code ec;
  for (const auto& [name, path] : *inputs) {
    if (name == "code") {
      return Report(context, kUsage, "BadOption",
                    "--input code: the script's own folder has that name; choose another");
    }
    if (fs::is_directory(path, ec) && fs::is_empty(path, ec)) {
      return Report(context, kUsage, "NoFiles", "--input " + name + ": " + path + " is empty");
    }
    if (path.starts_with("s3://") || fs::exists(path, ec)) continue;
    return Report(context, kUsage, "NoSuchFile", "--input " + name + ": there is no file " + path);
  }
  for (const auto& [name, path] : *outputs) {  // before the job, not after it
    if (path.starts_with("s3://")) continue;
    if (fs::exists(path, ec) && !fs::is_directory(path, ec)) {
      return Report(context, kUsage, "NotAFolder", "--output " + name + ": " + path + " is a file");
    }
    fs::create_directories(path, ec);
    if (ec) {
      return Report(context, kUsage, "NotAFolder",
                    "--output " + name + ": " + path + " cannot be made: " + ec.message());
    }
  }
  auto access = Connect(context);
  if (!access) return Report(context, access.error());
  if (!o.wait && access->embedded != nullptr) return ReportNoService(context);
  const auto& session = access->session;
  const auto image = ScriptImage(session, o.framework, o.image);
  if (!image) return Report(context, image.error());
  RunOptions run{.code = o.script, .arguments = o.arguments, .wait = false, .job_name = o.name};
  for (const auto& [name, path] : *inputs) run.inputs.push_back({.source = path, .name = name});
  for (const auto& [name, path] : *outputs) {
    run.outputs.push_back(
        {.name = name, .destination = path.starts_with("s3://") ? path : std::string()});
  }
  ScriptProcessorOptions options{.image_uri = *image,
                                 .instance_type = o.instance_type,
                                 .max_runtime = o.max_runtime,
                                 .environment = *environment,
                                 .enable_network_isolation = o.isolated};
  if (!o.command.empty()) options.command = o.command;
  ScriptProcessor processor(session, std::move(options));
  if (const auto created = processor.run(run); !created) return Report(context, created.error());
  const ProcessingJob& job = *processor.latest_job();
  if (!o.wait) return PrintCreated(context, job.name());
  if (!context.json) {
    std::printf("processing job %s\n", Paint(job.name(), Style::kBold).c_str());
    std::fflush(stdout);
  }
  const auto ended = job.wait(
      [&context](const LogEvent& event) {
        if (context.json) return;
        std::puts(LogLine(event.message).c_str());
        std::fflush(stdout);
      },
      signals.token());
  if (!ended) return Report(context, ended.error());
  nlohmann::json shown = nlohmann::json::object();
  for (const auto& [name, uri] : ended->outputs) {
    const std::string& path = outputs->contains(name) ? outputs->at(name) : uri;
    shown[name] = path;
    // What a job that failed has made is in its bucket.
    if (path.starts_with("s3://") || ended->status != "Completed") continue;
    const auto from = S3Uri::parse(uri);
    if (!from) return Report(context, from.error());
    const auto got = session.download_data(path, from->bucket, from->key + "/");
    if (!got && got.error().code != Code::kNotFound) return Report(context, got.error());
  }
  if (context.json) {
    Print({{"name", ended->name},
           {"status", ended->status},
           {"exit_message", ended->exit_message},
           {"failure_reason", ended->failure_reason},
           {"outputs", shown},
           {"took_ms", ended->ended_ms - ended->created_ms}});
    return ended->status == "Completed" ? kOk : kFailed;
  }
  if (ended->status == "Failed") {
    const std::string& says = ended->exit_message;
    const bool said = says.empty() || ended->failure_reason.find(says) != std::string::npos;
    return Report(context, kFailed, "ProcessingJobFailed",
                  ended->failure_reason + (said ? "" : "\n  message: " + Printable(says)));
  }
  std::printf("%s %s in %s\n", Paint(ended->name, Style::kBold).c_str(),
              PaintStatus(ended->status).c_str(),
              FormatDuration(ended->ended_ms - ended->created_ms).c_str());
  if (!ended->exit_message.empty()) std::printf("  %s\n", Printable(ended->exit_message).c_str());
  for (const auto& [name, path] : shown.items()) {
    std::printf("  output  %s: %s\n", Printable(name).c_str(),
                Printable(path.get<std::string>()).c_str());
  }
  return ended->status == "Completed" ? kOk : kFailed;
}

}  // namespace

Status SetInstances(const Instances& instances, EstimatorOptions& options) {
  if (!instances.type.empty()) options.instance_type = instances.type;
  if (instances.count > 0) options.instance_count = instances.count;
  if (!instances.groups.empty() && (!instances.type.empty() || instances.count > 0)) {
    return Usage("give either --instance-group or --instance-type and --instance-count, not both");
  }
  for (const std::string& text : instances.groups) {
    const size_t equals = text.find('=');
    const size_t colon = text.find(':');
    const auto count = colon == std::string::npos
                           ? std::optional<uint64_t>(1)
                           : ParseUint(std::string_view(text).substr(colon + 1));
    if (equals == std::string::npos || equals == 0 || colon <= equals + 1 ||
        equals + 1 == text.size() || !count || *count < 1 || *count > 100) {
      return Usage("--instance-group " + text +
                   ": write it as NAME=TYPE:COUNT, for example workers=ml.m5.xlarge:2");
    }
    options.instance_groups.push_back({.name = text.substr(0, equals),
                                       .instance_type = text.substr(equals + 1, colon - equals - 1),
                                       .instance_count = static_cast<int>(*count)});
  }
  return {};
}

int TrainScript(const Context& context, const ScriptOptions& o) {
  const Signals signals;  // before any other thread
  auto access = Connect(context);
  if (!access) return Report(context, access.error());
  if (!o.wait && access->embedded != nullptr) return ReportNoService(context);
  if (o.serve && access->embedded != nullptr) return ReportNoServiceToServe(context);
  const auto& session = access->session;
  auto estimator = PrepareScript(session, o);
  if (!estimator) return Report(context, estimator.error());
  if (const auto checked = estimator->check({}, {.job_name = o.name}); !checked) {
    return Report(context, checked.error());
  }
  Channels channels;
  for (const auto& [name, from] : o.channels) {
    const auto uri = UploadChannel(session, from);
    if (!uri) return Report(context, uri.error());
    channels.emplace_back(name, TrainingInput{.s3_data = *uri, .content_type = o.content_type});
  }
  if (const auto created = estimator->fit(channels, {.wait = false, .job_name = o.name});
      !created) {
    return Report(context, created.error());
  }
  const auto& job = *estimator->latest_training_job();
  if (!o.wait) return PrintCreated(context, job.name());
  if (!context.json) std::printf("training job %s\n", Paint(job.name(), Style::kBold).c_str());
  ScriptProgress progress(o.verbose, context.json);
  const auto ended = job.wait({.observer = &progress, .stop = signals.token()});
  if (!ended) return Report(context, ended.error());
  std::string file = FileOf(context, *access, ended->model_data);
  if (!o.save.empty() && ended->status == "Completed" && !ended->model_data.empty()) {
    const auto uri = S3Uri::parse(ended->model_data);
    if (!uri) return Report(context, uri.error());
    const auto saved = session.s3().download_file(*uri, o.save);
    if (!saved) return Report(context, saved.error());
    file = fs::absolute(o.save).string();
  }
  std::string endpoint;
  if (o.serve && ended->status == "Completed") {
    const auto deployed = estimator->deploy();
    if (!deployed) return Report(context, deployed.error());
    endpoint = deployed->endpoint_name();
  }
  if (context.json) {
    nlohmann::json metrics = nlohmann::json::object();
    for (const auto& m : ended->final_metrics) metrics[m.name] = m.value;
    nlohmann::json done = {{"name", ended->name},
                           {"status", ended->status},
                           {"failure_reason", ended->failure_reason},
                           {"metrics", metrics},
                           {"model", ended->model_data},
                           {"model_file", file},
                           {"took_ms", ended->ended_ms - ended->created_ms}};
    if (!endpoint.empty()) done["endpoint"] = endpoint;
    Print(done);
    return ended->status == "Completed" ? kOk : kFailed;
  }
  if (ended->status == "Failed") {
    return Report(context, kFailed, "TrainingJobFailed",
                  ended->failure_reason + "\n  the whole log: clary logs " + job.name());
  }
  std::printf("%s %s in %s\n", Paint(ended->name, Style::kBold).c_str(),
              PaintStatus(ended->status).c_str(),
              FormatDuration(ended->ended_ms - ended->created_ms).c_str());
  for (const auto& m : ended->final_metrics) {
    std::printf("  %s %s\n", Printable(m.name).c_str(), FormatNumber(m.value).c_str());
  }
  if (!ended->model_data.empty()) std::printf("  model   %s\n", ended->model_data.c_str());
  if (!file.empty()) std::printf("  file    %s\n", file.c_str());
  if (!endpoint.empty()) {
    std::printf("  serves  endpoint %s\n\nNext:\n", endpoint.c_str());
    PrintHowToAsk(session, endpoint, {});
  }
  return ended->status == "Completed" ? kOk : kFailed;
}

void AddProcess(CLI::App& app, Context& context) {
  const auto o = std::make_shared<ProcessOptions>();
  auto* process = AddCommand(
      app, context, "process", "Run a script over data, and wait for it",
      {"clary process --script prep.py --input raw=data.csv --output train=train/",
       "clary process --script prep.py --framework sklearn:1.2-1 --input raw=s3://bucket/raw/ "
       "--output clean=s3://bucket/clean -- --share 0.8"},
      [&context, o] { return Process(context, *o); });
  const auto repeated = [&](const char* names, std::vector<std::string>& values, const char* text) {
    // One value each, so that a `--` behind it is that of the script's arguments.
    process->add_option(names, values, text)->expected(1)->take_all()->allow_extra_args(false);
  };
  process->add_option("--script", o->script, "File, or s3:// URI, of the program to run")
      ->required();
  process->add_option("arguments", o->arguments, "Arguments of the script, behind --")
      ->expected(-1);
  repeated("--input", o->inputs,
           "NAME=PATH or NAME=s3://...: to be there as /opt/ml/processing/input/NAME; may be "
           "repeated");
  repeated("--output", o->outputs,
           "NAME=FOLDER or NAME=s3://...: what the script leaves in "
           "/opt/ml/processing/output/NAME; may be repeated");
  process->add_option("--framework", o->framework,
                      "Environment to run in, e.g. sklearn:1.2-1 (default: the service's Python)");
  process->add_option("--image", o->image, "Name of an image instead (clary environments add)");
  repeated("--command", o->command,
           "Word in front of the script (default: python3); may be repeated");
  repeated("--env", o->environment, "NAME=value: a variable of the script; may be repeated");
  process->add_option("--name", o->name, "Name of the job (default: made from the time)");
  process->add_option("--instance-type", o->instance_type,
                      "Name of the machine (default ml.m5.xlarge)");
  AddNumber(*process, "--max-run", o->max_runtime,
            "Stop the job after so many seconds (default a day)");
  process->add_flag("--isolated", o->isolated, "Without network and keys");
  process->add_flag("--wait", o->wait, "Return when the job has ended (default)");
  process->add_flag_callback("--no-wait", [o] { o->wait = false; }, "Return at once");
}

}  // namespace clary::cli
