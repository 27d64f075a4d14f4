#include "control/service.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "api/sagemaker.h"
#include "base/file.h"
#include "control/internal/endpoint.h"
#include "control/internal/metrics.h"
#include "control/internal/steps.h"
#include "control/internal/training_job.h"
#include "control/internal/warm_pool.h"

namespace clary::control {
namespace {

using nlohmann::json;

constexpr int kMostClusterCores = 1 << 20;
constexpr std::chrono::milliseconds kPoll{10};  // while something is not settled
constexpr std::chrono::milliseconds kLookForLease{100};

// SDKs look at an endpoint right after they have made or changed it, and then not for 5 to 30 s. So
// an answer about one that has just changed waits a moment for the end of it, which is near.
constexpr std::chrono::milliseconds kEndpointPatience{1000};
constexpr std::chrono::milliseconds kEndpointLook{5};

void AwaitEndpoint(const Context& context, const std::string& endpoint) {
  const int64_t until = context.Now() + kEndpointPatience.count();
  while (context.Now() < until) {
    const SnapshotPtr now = context.records.Find(kEndpoint, endpoint);
    if (!now || (now->record.status != "Creating" && now->record.status != "Updating")) return;
    if (now->record.modified_ms + kEndpointPatience.count() < context.Now()) return;
    context.env.clock.Sleep(kEndpointLook);
  }
}

std::string Dump(const json& document) {
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

Context::Context(const Environment& environment, Options given)
    : env(environment),
      options(std::move(given)),
      capacity(options.capacity_cpus > 0
                   ? options.capacity_cpus
                   : std::max(1, static_cast<int>(std::thread::hardware_concurrency()))),
      job_capacity(options.cluster ? kMostClusterCores : capacity),
      records(env.records),
      file_bell(FileBell::Make(bell)),
      trash(options.jobs_directory / ".trash") {}

struct Service::State {
  State(const Environment& environment, Options given) : context(environment, std::move(given)) {}
  void Start() {
    thread = std::jthread([this](const std::stop_token& stop) { Run(stop); });
  }
  void Run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const auto active = Pass();
      auto wait = !active             ? std::optional(kLookForLease)
                  : *active > 0       ? std::optional(kPoll)
                  : context.env.lease ? std::optional(kLookForLease)
                                      : std::nullopt;
      if (active && *active == 0 && steps->wake_ms() != INT64_MAX) {
        const std::chrono::milliseconds until(
            std::max<int64_t>(1, steps->wake_ms() - context.Now()));
        wait = std::min(wait.value_or(until), until);
      }
      context.bell->Wait(stop, wait);
    }
  }
  // Nothing: another service leads.
  std::optional<size_t> Pass() {
    const meta::Lease* lease = context.env.lease;
    if (lease == nullptr) return steps->Pass();
    if (!lease->Held()) return std::nullopt;
    if (const int64_t now = lease->term(); now != term) {
      // What it remembers of an earlier term is not true any more.
      if (context.env.follower != nullptr && !context.env.follower->CatchUp()) return std::nullopt;
      steps.emplace(context);
      term = now;
    }
    const meta::Fence fence(meta::kLeases, lease->name(), term);
    return steps->Pass();
  }
  Status Absorb(const meta::Change& change) {
    CLARY_TRY(const SnapshotPtr changed, context.records.Absorb(change));
    if (!changed) return {};
    const Kind* kind = changed->record.kind;
    if (kind == &kEndpoint || kind == &kInferenceComponent) {
      PublishRoute(context, EndpointOf(changed->record));
    }
    context.bell->Ring(false);
    return {};
  }

  Context context;
  std::optional<Steps> steps{std::in_place, context};
  int64_t term = 0;     // of the lease, in which `steps` was made
  std::jthread thread;  // last member: joined before what it uses goes
};

Service::Service(std::unique_ptr<State> state) : state_(std::move(state)) {}
Service::~Service() = default;

Result<std::unique_ptr<Service>> Service::Start(const Environment& environment, Options options) {
  if (options.runner_command.empty() || options.rule_command.empty() ||
      options.model_server_command.empty() || options.transform_command.empty() ||
      options.jobs_directory.empty()) {
    return Fail(Code::kInvalidArgument, "BadOptions",
                "the service needs commands for runners, rules, model servers and transforms and a "
                "directory for jobs");
  }
  CLARY_CHECK_OK(MakeDirectories(options.jobs_directory));
  const bool start = options.start_reconciler;
  std::unique_ptr<Service> service(
      new Service(std::make_unique<State>(environment, std::move(options))));
  State& state = *service->state_;
  if (meta::Follower* follower = environment.follower) {
    const auto absorb = [&state](const meta::Change& change) { return state.Absorb(change); };
    for (const Kind* kind : Kinds()) follower->Subscribe(kind->table, absorb);
    follower->Subscribe(kTagsTable, absorb);
  }
  CLARY_CHECK_OK(state.context.records.Load());
  state.context.records.ByCreation(kEndpoint, true, std::nullopt, [&](const SnapshotPtr& one) {
    PublishRoute(state.context, one->record.key);
    return true;
  });
  state.context.env.executor.OnExit([bell = state.context.bell] { bell->Ring(true); });
  if (start) state.Start();
  return service;
}

void Service::Begin(std::string endpoint) {
  state_->context.options.endpoint = std::move(endpoint);
  state_->Start();
}

template <typename Ask>
auto Service::WithNews(Ask&& ask) {
  meta::Follower* follower = state_->context.env.follower;
  const uint64_t known = follower != nullptr ? follower->taken() : 0;
  auto answer = ask();
  if (answer || follower == nullptr) return answer;
  switch (answer.error().code) {
    case Code::kNotFound:
    case Code::kAlreadyExists:
    case Code::kInvalidArgument:
    case Code::kFailedPrecondition:
    case Code::kConflict:
      break;
    default:
      return answer;
  }
  if (!follower->CatchUp() || follower->taken() == known) return answer;
  return ask();
}

Result<json> Service::Handle(std::string_view operation, const json& input) {
  return WithNews([&] { return HandleOnce(operation, input); });
}

Result<std::string> Service::Call(std::string_view operation, std::string_view body) {
  return WithNews([&] { return CallOnce(operation, body); });
}

Result<json> Service::HandleOnce(std::string_view operation, const json& input) {
  const Handler* handler = FindHandler(operation);
  if (handler == nullptr) {
    return Fail(Code::kInvalidArgument, "UnknownOperationException",
                "The requested operation '" + std::string(operation) +
                    "' is not supported by this service.");
  }
  CLARY_CHECK_OK(api::Validate(operation, input));
  return (*handler)(state_->context, input);
}

Result<std::string> Service::CallOnce(std::string_view operation, std::string_view body) {
  CLARY_TRY(const json input, api::Decode(operation, body));
  if (DescribedBy(operation) == &kTrainingJob) {
    // Asked all the time, by clients that wait.
    CLARY_CHECK_OK(api::Validate(operation, input));
    const std::string& name = input.at("TrainingJobName").get_ref<const std::string&>();
    const Context& context = state_->context;
    const auto show = [&](const Record& record) {
      return Dump(kTrainingJob.view(context, record, Show::kDescribe));
    };
    const SnapshotPtr job = context.records.Find(kTrainingJob, name);
    if (job && LeavesWarmPool(job->record)) return show(job->record);
    const auto text = context.records.Text(kTrainingJob, name, show);
    if (!text) return std::unexpected(Say(kTrainingJob.not_found, name));
    return *text;
  }
  if (DescribedBy(operation) == &kEndpoint && state_->thread.joinable()) {
    AwaitEndpoint(state_->context, input.value(kEndpoint.name_member, ""));
  }
  if (CreatedBy(operation) == &kTrainingJob) {
    CLARY_CHECK_OK(api::Validate(operation, input));
    CLARY_TRY(const json made,
              Create(state_->context, kTrainingJob, input, {.facts = FactsOfTrainingText(body)}));
    return Dump(made);
  }
  CLARY_TRY(const json output, HandleOnce(operation, input));
  return Dump(output);
}

Result<std::vector<MetricSeries>> Service::Metrics(const std::string& job, std::string_view name) {
  const SnapshotPtr found = state_->context.records.Find(kTrainingJob, job);
  if (!found) {
    return Fail(Code::kNotFound, "ResourceNotFound", "there is no training job '" + job + "'");
  }
  const Record& record = found->record;
  auto definitions = MetricDefinitions(record.Request());
  if (!name.empty()) std::erase_if(definitions, [&](const auto& d) { return d.name != name; });
  return ScanMetrics(state_->context.env.logs, record.launches.front().log_streams, definitions);
}

std::vector<std::string> Service::JobNames(size_t limit) const {
  std::vector<std::string> names;
  if (limit == 0) return names;
  state_->context.records.ByCreation(kTrainingJob, false, std::nullopt, [&](const SnapshotPtr& j) {
    names.push_back(j->record.name);
    return names.size() < limit;
  });
  return names;
}

void Service::Tidy() { RemovePoolFolders(state_->context); }

meta::LogStore& Service::Logs() const { return state_->context.env.logs; }

std::shared_ptr<const EndpointRoutes> Service::Routes() const {
  return state_->context.routes.Read();
}

size_t Service::Reconcile() { return state_->Pass().value_or(0); }

}  // namespace clary::control
