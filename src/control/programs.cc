#include "control/internal/programs.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "api/images.h"
#include "api/rule_spec.h"
#include "base/strings.h"
#include "control/internal/kind.h"
#include "toolkit/distribution.h"
#include "toolkit/toolkit.h"

namespace clary::control {
namespace {

using nlohmann::json;

// Keys work as long as the job may run, and a while more, in which its stop is seen.
constexpr std::chrono::hours kKeyMargin{1};
constexpr std::string_view kOutOfMemory =
    "Please use an instance type with more memory, or reduce the size of training data processed "
    "on an instance.";
using TextMap = std::map<std::string, std::string>;

struct S3Location {
  std::string bucket;
  std::string key;  // may be empty
};

Result<S3Location> ParseLocation(std::string_view uri) {
  constexpr std::string_view kScheme = "s3://";
  if (!uri.starts_with(kScheme)) {
    return Invalid("The URL '" + std::string(uri) + "' is not of the form s3://bucket/prefix");
  }
  uri.remove_prefix(kScheme.size());
  const size_t slash = uri.find('/');
  if (slash == std::string_view::npos) return S3Location{.bucket = std::string(uri), .key = ""};
  return S3Location{.bucket = std::string(uri.substr(0, slash)),
                    .key = std::string(uri.substr(slash + 1))};
}

// What the store says of a name: not there, also when it could not be one; an error is one of the
// store.
template <typename T>
Result<bool> IsThere(const Result<T>& answer) {
  if (answer) return true;
  const Code code = answer.error().code;
  if (code == Code::kNotFound || code == Code::kInvalidArgument) return false;
  return std::unexpected(answer.error());
}

Result<bool> HasObject(objects::ObjectStore& store, const S3Location& at) {
  return IsThere(store.Head({.bucket = at.bucket, .key = at.key}));
}

TextMap Texts(const json& request, const char* member) {
  return request.value(member, json::object()).get<TextMap>();
}

// What a function of @remote was pickled with, which must be what it is unpickled with: that minor
// version. Other programs take any.
std::string ClientPython(const std::vector<std::string>& arguments) {
  const auto option = std::ranges::find(arguments, "--client_python_version");
  return option != arguments.end() && std::next(option) != arguments.end() ? *std::next(option)
                                                                           : "";
}

Status CheckScript(const json& request, const Environment& environment) {
  const toolkit::Script script = {.hyperparameters = Texts(request, "HyperParameters"),
                                  .environment = Texts(request, "Environment")};
  const auto command = toolkit::MakeCommand(script);
  if (!command) return Invalid(command.error().message);
  const std::string& code = command->submit_directory;
  if (code.empty()) {
    return Invalid("The code of the entry point '" + command->entry_point +
                   "' is not told: give the S3 URI of its sourcedir.tar.gz as hyperparameter "
                   "'sagemaker_submit_directory', as the SDKs do with entry_point and source_dir.");
  }
  constexpr std::string_view kChannels = "/opt/ml/input/data/";
  if (code.starts_with(kChannels)) {
    const std::string channel =
        code.substr(kChannels.size()).substr(0, code.substr(kChannels.size()).find('/'));
    const json channels = request.value("InputDataConfig", json::array());
    if (std::ranges::any_of(channels, [&](const json& c) { return c["ChannelName"] == channel; })) {
      return {};
    }
    return Invalid("The code of the entry point '" + command->entry_point + "' is to be in '" +
                   code + "', but InputDataConfig has no channel '" + channel + "'.");
  }
  if (!code.starts_with("s3://")) return {};
  CLARY_TRY(const S3Location at, ParseLocation(code));
  CLARY_TRY(const bool there, HasObject(environment.objects, at));
  if (there) return {};
  return Invalid("No S3 object found at \"" + code +
                 "\", which hyperparameter 'sagemaker_submit_directory' names as the code of the "
                 "entry point '" +
                 command->entry_point + "'.");
}

}  // namespace

std::string TextOf(const json& object, const char* name, const char* fallback) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : fallback;
}

Result<Choice> ChooseProgram(const json& request) {
  const json& algorithm = request.at("AlgorithmSpecification");
  if (algorithm.contains("ContainerEntrypoint")) return Choice{.program = "command", .version = ""};
  if (algorithm.contains("ContainerArguments")) {
    return Invalid(
        "AlgorithmSpecification.ContainerArguments without ContainerEntrypoint are for the image's "
        "own entry point, which is not there without a container; give ContainerEntrypoint, too");
  }
  if (toolkit::IsScriptMode(Texts(request, "HyperParameters"), Texts(request, "Environment"))) {
    return Choice{.program = "script", .version = ""};
  }
  CLARY_TRY(api::Image image, api::ResolveImage(TextOf(algorithm, "TrainingImage")));
  return Choice{.program = std::move(image.program), .version = std::move(image.version)};
}

Status CheckProgram(const json& request, const Environment& environment, const Options& options) {
  const auto choice = ChooseProgram(request);
  if (choice && choice->program == "xgboost") return {};
  const json& algorithm = request.at("AlgorithmSpecification");
  const auto arguments =
      algorithm.value("ContainerArguments", json::array()).get<std::vector<std::string>>();
  api::PythonSpec python;
  if (options.find_python) {
    auto found = options.find_python(TextOf(algorithm, "TrainingImage"), ClientPython(arguments));
    if (found) python = *std::move(found);
    // What the request lacks is more to the point.
    if (!found && choice) return std::unexpected(std::move(found).error());
  }
  // The image's own program does the rest as it likes.
  if (python.container.root.empty()) {
    if (!choice) return std::unexpected(choice.error());
    if (choice->program == "script") CLARY_CHECK_OK(CheckScript(request, environment));
  }
  const auto hyperparameters = Texts(request, "HyperParameters");
  CLARY_CHECK_OK(CheckOnNodes(request.at("ResourceConfig"), "ResourceConfig",
                              request.value("EnableNetworkIsolation", false), options));
  const auto distribution = toolkit::DistributionOf(hyperparameters);
  if (options.cluster && distribution && *distribution == toolkit::Distribution::kMpi &&
      CountHosts(HostGroupsOf(request.at("ResourceConfig"))) > 1) {
    return Invalid(
        "Hyperparameter 'sagemaker_mpi_enabled' with several instances needs a network of their "
        "own, which jobs on Slurm do not have; use torch_distributed, or one instance.");
  }
  if (const auto it = hyperparameters.find("sagemaker_s3_output"); it != hyperparameters.end()) {
    const json uri = json::parse(it->second, nullptr, false);
    CLARY_CHECK_OK(CheckTarget(uri.is_string() ? uri.get<std::string>() : it->second,
                               "hyperparameter 'sagemaker_s3_output'", environment));
  }
  return {};
}

namespace {

// What a container engine would run: the request's words instead of the image's, as Docker has it.
void RunItsContainer(api::JobSpec& spec) {
  const api::ImageSpec& container = spec.python.container;
  spec.program = "command";
  if (!spec.entrypoint.empty()) return;
  spec.entrypoint = container.entrypoint;
  if (!spec.arguments.empty()) return;
  spec.arguments =
      spec.contract == "training" ? std::vector<std::string>{"train"} : container.command;
}

}  // namespace

Result<Program> RunnerProgram(api::JobSpec spec, const Record& job, int64_t max_runtime_s,
                              const Options& options) {
  // An analysis calls the service, too: for its model.
  if (spec.program != "xgboost") {
    spec.network = options.job_network;
    if (spec.program != "clarify" && options.find_python) {
      CLARY_TRY(spec.python, options.find_python(spec.image, ClientPython(spec.arguments)));
    }
    if (!spec.python.container.root.empty()) RunItsContainer(spec);
    if (spec.program.empty()) {
      return Fail(Code::kInvalidArgument, "ValidationException",
                  "the image '" + spec.image + "' is no longer mapped to a container image");
    }
    if (!spec.network_isolation && spec.network != "none") {
      spec.endpoint = options.endpoint;
      spec.contact = options.contact.string();
      spec.ca_bundle = options.ca_bundle.string();
      if (options.lend_keys) {
        CLARY_TRY(spec.credentials,
                  options.lend_keys(job.arn, job.Request().at("RoleArn"),
                                    std::chrono::seconds(max_runtime_s) + kKeyMargin));
      }
    }
  }
  std::vector<exec::HostNeed> hosts;
  for (const api::HostGroup& group : spec.host_groups()) {
    hosts.push_back({group.instance_type.empty() ? spec.instance_type : group.instance_type,
                     std::max(group.cpus, 1), static_cast<int>(group.hosts.size())});
  }
  return Program{.command = options.runner_command,
                 .file = "job.json",
                 .spec = spec.ToJson(),
                 .log = "runner.log",
                 .hosts = std::move(hosts)};
}

Result<Progress> FollowRunner(Steps& steps, Record& record,
                              const std::function<Result<Program>()>& program,
                              const std::function<void(const api::JobEvent& event)>& fold) {
  using State = Progress::State;
  Launch& launch = record.launches.front();
  const Options& options = steps.context.options;
  const bool stopping = record.status == "Stopping";
  Progress progress;
  CLARY_CHECK_OK(steps.FoldEvents(launch, fold));
  if (!launch.ended) {
    CLARY_TRY(const Sighting sighting, steps.Follow(launch, !stopping, program));
    switch (sighting.state) {
      case Sighting::State::kWaits:
        return Progress{.state = State::kWaits, .reason = ""};
      case Sighting::State::kRuns:
        return progress;
      case Sighting::State::kNever:
        progress.state = State::kStopped;
        break;
      case Sighting::State::kCannotStart:
        progress = {
            .state = State::kFailed,
            .reason = std::string(kInternalError) + " (starting the runner: " + sighting.how + ")"};
        break;
      case Sighting::State::kRefused:
        progress = {.state = State::kFailed, .reason = "ClientError: " + sighting.how};
        break;
      case Sighting::State::kEnded:
        CLARY_CHECK_OK(steps.FoldEvents(launch, fold));  // what it wrote just before its end
        if (launch.ended) break;
        record.ended_ms = std::max(steps.now_ms(), record.started_ms);
        progress = {.state = stopping ? State::kStopped : State::kFailed,
                    .reason = std::string(kInternalError) + " (the job's runner " + sighting.how +
                              " before it reported the end of the job)",
                    .lost = sighting.lost};
        break;
    }
  }
  if (launch.ended) progress.state = State::kEnded;
  // Before anybody sees the end.
  if (options.take_back_keys) CLARY_CHECK_OK(options.take_back_keys(record.arn));
  return progress;
}

// FailureReason of a runner that ended with `exit_code` and left `detail`: the failure file, or a
// whole reason with its prefix.
std::string FailureReason(int exit_code, std::string_view detail) {
  for (const std::string_view prefix :
       {"AlgorithmError:", "ClientError:", "InternalServerError:", "CapacityError:"}) {
    if (detail.starts_with(prefix)) return api::CutText(detail, kMaxFailureReason);
  }
  if (detail.empty() && exit_code == 137) detail = kOutOfMemory;
  const std::string tail = ", exit code: " + std::to_string(exit_code);
  const std::string head = "AlgorithmError: ";
  return head + api::CutText(detail, kMaxFailureReason - head.size() - tail.size()) + tail;
}

namespace {

void ClosePlainJob(Record& job, std::string_view status, std::string_view reason, int64_t ms) {
  job.status = status;
  job.failure_reason = api::CutText(reason, kMaxFailureReason);
  if (job.ended_ms == 0) job.ended_ms = ms;
  job.ended_ms = std::max({job.ended_ms, job.created_ms, job.started_ms});
  job.modified_ms = std::max(job.modified_ms, job.ended_ms);
}

void FoldPlainJob(Record& job, const api::JobEvent& event, const PlainJob& plain) {
  if (event.kind == api::JobEvent::Kind::kPhase && job.started_ms == 0) {
    job.started_ms = std::max(event.time_ms, job.created_ms);
  }
  if (event.kind == api::JobEvent::Kind::kEnd) {
    job.ended_ms = std::max(event.time_ms, job.started_ms);
  }
  if (plain.fold != nullptr) plain.fold(job, event);
}

Status StepRunningPlainJob(Steps& steps, const SnapshotPtr& job, const PlainJob& plain) {
  Record record = job->record;
  const int64_t now = steps.now_ms();
  CLARY_TRY(const Progress progress,
            FollowRunner(
                steps, record, [&] { return plain.program(record); },
                [&](const api::JobEvent& event) { FoldPlainJob(record, event, plain); }));
  using State = Progress::State;
  const Launch& launch = record.launches.front();
  if (plain.release != nullptr && progress.state != State::kWaits &&
      progress.state != State::kRuns) {
    CLARY_CHECK_OK(plain.release(steps.context, record));
  }
  switch (progress.state) {
    case State::kWaits:
      return {};
    case State::kRuns:
      if (record.status == "InProgress" && plain.max_runtime_s > 0 && record.started_ms > 0 &&
          now - record.started_ms >= plain.max_runtime_s * 1000) {
        record.status = "Stopping";
        record.modified_ms = std::max(record.modified_ms, now);
      }
      break;
    case State::kEnded:
      if (record.status == "Stopping") {
        ClosePlainJob(record, "Stopped", "", now);
      } else if (launch.exit_code != 0) {
        ClosePlainJob(record, "Failed", FailureReason(launch.exit_code, launch.detail), now);
      } else {
        ClosePlainJob(record, "Completed", "", now);
      }
      break;
    case State::kStopped:
      ClosePlainJob(record, "Stopped", "", now);
      break;
    case State::kFailed:
      ClosePlainJob(record, "Failed", progress.reason, now);
      break;
  }
  const bool stop = record.status == "Stopping";
  if (record.status != job->record.status ||
      launch.events_offset != job->record.launches.front().events_offset) {
    CLARY_CHECK_OK(steps.context.records.Update(job, std::move(record)));
  }
  return stop ? steps.Stop(job->record.launches.front(), plain.grace) : Status();
}

}  // namespace

Status StepPlainJob(Steps& steps, const SnapshotPtr& job, const PlainJob& plain) {
  if (job->record.has_launch()) return StepRunningPlainJob(steps, job, plain);
  Record record = job->record;
  if (record.status == "Stopping") {
    ClosePlainJob(record, "Stopped", "", steps.now_ms());
  } else if (steps.Admit(record.launches.front())) {
    steps.Prepare(record, record.launches.front(), plain.hosts);
    CLARY_TRY(const SnapshotPtr next, steps.context.records.Update(job, std::move(record)));
    return StepRunningPlainJob(steps, next, plain);
  } else {
    return {};
  }
  CLARY_CHECK_OK(steps.context.records.Update(job, std::move(record)));
  return {};
}

Status CheckHasData(const std::string& uri, bool manifest, const std::string& role_arn,
                    const Environment& environment, const Options& options) {
  CLARY_TRY(const S3Location at, ParseLocation(uri));
  bool found = false;
  if (manifest) {
    CLARY_TRY(found, HasObject(environment.objects, at));
  } else {
    const auto page = environment.objects.List(at.bucket, {.prefix = at.key, .max_keys = 1});
    CLARY_TRY(found, IsThere(page));
    found = found && !page->objects.empty();
  }
  if (found) return {};
  return Invalid("No S3 objects found under S3 URL \"" + uri +
                 "\" given in input data source. Please ensure that the bucket exists in the "
                 "selected region (" +
                 options.region +
                 "), that objects exist under that S3 prefix, and that the role \"" + role_arn +
                 "\" has \"s3:ListBucket\" permissions on bucket \"" + at.bucket + "\".");
}

Status CheckTarget(const std::string& uri, std::string_view member,
                   const Environment& environment) {
  CLARY_TRY(const S3Location target, ParseLocation(uri));
  CLARY_TRY(const bool there, IsThere(environment.objects.HeadBucket(target.bucket)));
  if (there) return {};
  return Invalid("The bucket \"" + target.bucket + "\" of " + std::string(member) +
                 " does not exist. Please create it first.");
}

}  // namespace clary::control
