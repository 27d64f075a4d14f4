#include "server/service.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <latch>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <thread>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/strings.h"
#include "control/service.h"
#include "exec/local_executor.h"
#include "exec/slurm_executor.h"
#include "meta/log_store.h"
#include "net/ca.h"
#include "net/server.h"
#include "objects/s3_front.h"
#include "server/async.h"
#include "server/autoscaling.h"
#include "server/capture.h"
#include "server/endpoint_usage.h"
#include "server/internal/state.h"
#include "server/invocation_metrics.h"
#include "server/router.h"
#include "server/runtime.h"
#include "server/shadow_traffic.h"
#include "toolkit/environments.h"

namespace clary::server {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kStateVersion = 1;
constexpr size_t kInlineHandlers = 4;
// For so long a key of a launch that was forgotten is not launched by one who comes too late.
constexpr std::chrono::seconds kForgottenKeys = std::chrono::hours(24);

Status CheckVersion(const fs::path& home) {
  const auto text = ReadFile(home / "version", 64);
  if (!text && text.error().code == Code::kNotFound) {
    return WriteFileAtomic(home / "version", std::to_string(kStateVersion) + "\n");
  }
  if (!text) return std::unexpected(text.error());
  const auto version = ParseInt(Trim(*text));
  if (!version || *version < 1) {
    return Fail(Code::kDataLoss, "BadVersion",
                (home / "version").string() + " does not hold a version number");
  }
  if (*version > kStateVersion) {
    return Fail(Code::kFailedPrecondition, "NewerState",
                home.string() + " was written by a newer release (state version " +
                    std::to_string(*version) + ", this one knows " + std::to_string(kStateVersion) +
                    "): use that release or another --home");
  }
  return {};
}

// A session of the job's role, with the name that SageMaker's have.
Result<api::JobCredentials> LendKeys(Identity& identity, const std::string& job,
                                     const std::string& role_arn, Duration lifetime) {
  CLARY_TRY(const AccessKey key,
            identity.CreateSession(std::string(RoleNameOf(role_arn)), "SageMaker", lifetime, job));
  return api::JobCredentials{
      .access_key_id = key.id, .secret_access_key = key.secret, .session_token = key.session_token};
}

// The Python that stands for an image, as the files say at this moment.
Result<api::PythonSpec> FindPython(const std::filesystem::path& home, const std::string& python,
                                   const std::string& image, const std::string& version) {
  std::error_code ec;
  const bool there = std::filesystem::exists(python, ec);
  const auto all =
      toolkit::Environments::Load({.state = home, .default_python = there ? python : ""});
  if (!all) {
    return Fail(Code::kInvalidArgument, "ValidationException",
                "The environments for scripts cannot be told: " + all.error().message);
  }
  CLARY_TRY(toolkit::Environment found, all->Resolve({.image = image, .python = version}));
  api::ImageSpec container;
  if (found.image) {
    container = {.root = found.image->root().string(),
                 .entrypoint = found.image->entrypoint,
                 .command = found.image->command,
                 .environment = found.image->environment,
                 .directory = found.image->directory};
  }
  return api::PythonSpec{.environment = std::move(found.name),
                         .interpreter = std::move(found.interpreter),
                         .folders = std::move(found.folders),
                         .framework = std::move(found.framework),
                         .notes = std::move(found.notes),
                         .pip = toolkit::PipSettings(),
                         .layers = toolkit::LayersDirectory(home).string(),
                         .container = std::move(container)};
}

// What a runner finds: the keys of the objects' store, if that wants some.
std::vector<std::string> RunnerEnvironment(const Options& options) {
  auto environment = control::Options().runner_environment;
  if (options.objects.empty()) return environment;
  for (const char* name : {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}) {
    if (const char* value = std::getenv(name))
      environment.push_back(fmt::format("{}={}", name, value));
  }
  return environment;
}

// What runs the launches of the service on `home`.
Result<std::unique_ptr<exec::Executor>> OpenExecutor(const fs::path& home,
                                                     const std::string& executable,
                                                     const Options& options) {
  CLARY_TRY(auto local,
            exec::LocalExecutor::Open(
                home / "exec", {executable, "supervise"},
                {.remember = options.state.empty() ? std::chrono::seconds(0) : kForgottenKeys}));
  if (options.executor != "slurm") return local;
  std::error_code ec;
  const fs::path own = fs::is_symlink(executable, ec) ? fs::read_symlink(executable, ec)
                                                      : fs::absolute(executable, ec);
  CLARY_TRY(auto slurm,
            exec::SlurmExecutor::Open(
                home / "exec", std::move(local),
                {.partition = options.slurm_partition,
                 .account = options.slurm_account,
                 .constraint = options.slurm_constraint,
                 .table = options.slurm_types.empty() ? home / "slurm.json" : options.slurm_types,
                 .supervisor = {own.string(), "supervise"}}));
  // The file store is SQLite's, for processes of one machine.
  const auto nodes = options.objects.empty() ? slurm->NodeHosts() : std::vector<std::string>();
  for (const std::string& node : nodes.value_or(std::vector<std::string>())) {
    if (node == "localhost" || node == HostName()) continue;
    return Fail(Code::kFailedPrecondition, "OtherNodes",
                "jobs will run on Slurm's node " + node + ", which cannot use the objects in " +
                    (home / "objects").string() +
                    ": keep them in an S3 service that all nodes reach, by --objects s3://...");
  }
  return slurm;
}

// Addresses that mean "all" are reached by loopback, but from the nodes of a cluster.
std::string EndpointOf(const std::string& address, uint16_t port, bool cluster) {
  std::string host = address;
  if (cluster && (host == "0.0.0.0" || host.empty() || host == "::")) host = HostName();
  if (host == "0.0.0.0" || host.empty()) host = "127.0.0.1";
  if (host == "::") host = "::1";
  if (host.contains(':')) host = "[" + host + "]";
  return "http://" + host + ":" + std::to_string(port);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> Environment(const Account& account,
                                                             const std::string& endpoint,
                                                             const fs::path& home) {
  const std::string bundle = (home / "ca" / "bundle.pem").string();
  const std::string direct = "localhost,127.0.0.1,::1";
  return {
      {"AWS_ENDPOINT_URL", endpoint},
      {"AWS_ACCESS_KEY_ID", account.access_key_id},
      {"AWS_SECRET_ACCESS_KEY", account.secret_access_key},
      {"AWS_SESSION_TOKEN", ""},
      {"AWS_DEFAULT_REGION", account.region},
      {"AWS_REGION", account.region},
      {"AWS_EC2_METADATA_DISABLED", "true"},
      // Clients that insist on https://<service>.<region>.amazonaws.com reach us as their proxy.
      // Both spellings: a program takes one or the other.
      {"HTTPS_PROXY", endpoint},
      {"https_proxy", endpoint},
      {"NO_PROXY", direct},
      {"no_proxy", direct},
      {"AWS_CA_BUNDLE", bundle},
      {"REQUESTS_CA_BUNDLE", bundle},
      {"CURL_CA_BUNDLE", bundle},
      {"SSL_CERT_FILE", bundle},
  };
}

// In order of making; members go in reverse.
struct Service::Parts {
  fs::path home;
  std::optional<FileLock> lock;  // of a shared state while it starts only
  State state;
  std::unique_ptr<Identity> identity;
  meta::LogStore logs;
  std::unique_ptr<exec::Executor> executor;
  std::unique_ptr<IamFront> iam;
  std::unique_ptr<control::Service> control;
  std::optional<StsFront> sts;
  std::unique_ptr<LogsFront> logs_front;
  std::unique_ptr<MetricStore> metrics;
  std::unique_ptr<CloudWatchFront> cloudwatch;
  std::optional<KmsFront> kms;
  std::optional<Capture> capture;
  std::optional<InvocationMetrics> invocations;
  std::optional<ModelCaller> models;
  std::optional<ShadowTraffic> shadows;
  std::unique_ptr<AsyncInvocations> async;
  std::optional<RuntimeFront> runtime;
  std::unique_ptr<AutoscalingFront> autoscaling;
  std::optional<objects::S3Front> s3;
  std::optional<Router> router;
  std::latch contact_written{1};  // requests wait for it
  std::unique_ptr<net::Server> server;
  std::string endpoint;
  std::optional<Membership> membership;
  std::jthread housekeeping;

  Parts(fs::path h, FileLock l) : home(std::move(h)), lock(std::move(l)), logs(home / "logs") {}
};

// Hands what other services have written to those who keep copies.
void Service::Follow(Parts& parts) {
  meta::Follower& follower = *parts.state.follower;
  const auto reload = [&](const char* table, std::function<Status()> all) {
    follower.Subscribe(table, [all = std::move(all)](const meta::Change&) { return all(); });
  };
  follower.Subscribe("access_keys", [&parts](const meta::Change& change) -> Status {
    parts.identity->Absorb(change);
    return {};
  });
  follower.Subscribe("async_invocations",
                     [&parts](const meta::Change& change) { return parts.async->Absorb(change); });
  reload("log_groups", [&parts] { return parts.logs_front->Reload(); });
  reload("alarms", [&parts] { return parts.cloudwatch->ReloadAlarms(); });
  for (const char* table : {"scalable_targets", "scaling_policies", "scheduled_actions"}) {
    reload(table, [&parts] { return parts.autoscaling->Reload(); });
  }
}

// Whoever makes or changes an asynchronous endpoint with topics has them tried.
void Service::TestTopics(Parts& parts, std::string_view operation, std::string_view body) {
  if (operation != "CreateEndpoint" && operation != "UpdateEndpoint" &&
      operation != "UpdateEndpointWeightsAndCapacities") {
    return;
  }
  const auto asked = nlohmann::json::parse(body, nullptr, false);
  const std::string endpoint = asked.at("EndpointName");
  std::string name = asked.value("EndpointConfigName", "");
  if (name.empty()) {
    const auto described = parts.control->Handle("DescribeEndpoint", {{"EndpointName", endpoint}});
    if (described) name = described->value("EndpointConfigName", "");
  }
  const auto config =
      parts.control->Handle("DescribeEndpointConfig", {{"EndpointConfigName", name}});
  if (!config) return;  // deleted since
  const nlohmann::json::json_pointer path("/AsyncInferenceConfig/OutputConfig/NotificationConfig");
  if (!config->contains(path)) return;
  const nlohmann::json& topics = config->at(path);
  for (const char* topic : {"SuccessTopic", "ErrorTopic"}) {
    if (topics.contains(topic)) parts.async->TestTopic(endpoint, topics[topic]);
  }
}

// What nobody asks for: alarms every few seconds, what is too old every hour.
void Service::KeepHouse(Parts& parts, Clock& clock, const std::stop_token& stop) {
  if (parts.state.files != nullptr) {
    const auto removed = parts.state.files->CollectGarbage(stop);
    if (!removed) {
      LOG(kWarn, "object store not tidied", {"message", removed.error().message});
    } else if (*removed > 0) {
      LOG(kInfo, "object store tidied", {"files", *removed});
    }
  }
  constexpr Duration kAlarms{5'000};
  constexpr Duration kTidy = std::chrono::hours(1);
  constexpr Duration kMetricAge = std::chrono::hours(455 * 24);
  constexpr std::chrono::seconds kGoneAge = std::chrono::hours(7 * 24);
  const meta::Lease* lease = parts.state.lease.get();
  Time tidied{};
  EndpointUsage usage;
  while (!stop.stop_requested()) {
    parts.invocations->Flush(*parts.metrics, false);
    if (!parts.state.leads()) {
      clock.Sleep(kAlarms, stop);
      continue;
    }
    std::optional<meta::Fence> fence;
    if (lease != nullptr) fence.emplace(meta::kLeases, lease->name(), lease->term());
    parts.async->LookAtTheTime();
    usage.Look(*parts.control->Routes(), *parts.metrics, *parts.invocations);
    parts.cloudwatch->EvaluateAlarms();
    parts.autoscaling->Evaluate();
    if (clock.Now() - tidied >= kTidy) {
      tidied = clock.Now();
      parts.logs_front->Sweep();
      parts.control->Tidy();
      if (const Status dropped = parts.metrics->DropBefore(tidied - kMetricAge); !dropped) {
        LOG(kWarn, "old metrics not dropped", {"message", dropped.error().message});
      }
      if (parts.state.postgres != nullptr) (void)parts.state.postgres->Purge(kGoneAge);
    }
    clock.Sleep(kAlarms, stop);
  }
}

Service::Service(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Service::~Service() { Stop(); }

std::string Service::endpoint() const { return parts_->endpoint; }
const Account& Service::account() const { return parts_->identity->account(); }
const fs::path& Service::home() const { return parts_->home; }

Result<std::unique_ptr<Service>> Service::Start(Options options) {
  Clock& clock = Clock::System();
  std::error_code ec;
  const fs::path home = fs::absolute(options.home, ec);
  // This name stays true when an upgrade replaces the file.
  const std::string executable =
      options.executable.empty() ? "/proc/self/exe" : options.executable.string();

  const fs::path notify_file =
      options.notify_file.empty() ? home / "notify.json" : fs::absolute(options.notify_file, ec);

  CLARY_CHECK_OK(MakeDirectories(home, 0700));
  CLARY_TRY(FileLock lock, LockHome(home, !options.state.empty(), clock));
  CLARY_CHECK_OK(CheckVersion(home));
  for (const char* directory : {"objects", "logs", "exec", "jobs"}) {
    CLARY_CHECK_OK(MakeDirectories(home / directory, 0700));
  }

  std::unique_ptr<Service> service(new Service(std::make_unique<Parts>(home, std::move(lock))));
  Parts& parts = *service->parts_;
  CLARY_TRY(parts.state, OpenState(home, options.state, options.objects, clock));
  meta::MetadataStore& records = *parts.state.records;
  objects::ObjectStore& objects = *parts.state.objects;
  CLARY_TRY(parts.identity, Identity::Open(home, records, clock));
  CLARY_TRY(parts.executor, OpenExecutor(home, executable, options));
  const bool cluster = options.executor == "slurm";
  const Account& account = parts.identity->account();
  CLARY_TRY(parts.iam, IamFront::Open(*parts.identity, records, clock));
  CLARY_TRY(
      parts.control,
      control::Service::Start(
          {.records = records,
           .objects = objects,
           .executor = *parts.executor,
           .logs = parts.logs,
           .clock = clock,
           .lease = parts.state.lease.get(),
           .follower = parts.state.follower.get()},
          {.account_id = account.id,
           .region = account.region,
           .jobs_directory = home / "jobs",
           .pools_directory = home / "pools",
           .object_root = parts.state.objects_location,
           .runner_command = {executable, "runner"},
           .rule_command = {executable, "rule"},
           .model_server_command = {executable, "model-server"},
           .transform_command = {executable, "transform-job"},
           .runner_environment = RunnerEnvironment(options),
           .capacity_cpus = options.capacity_cpus,
           .cluster = cluster,
           .host_trials = !cluster,
           .profiler_report = options.profiler_report,
           .notify_file = notify_file,
           .rule_python = options.rule_python,
           .find_python =
               [home, python = options.python](const std::string& image,
                                               const std::string& version) {
                 return FindPython(home, python, image, version);
               },
           .job_network = options.job_network,
           .contact = home / "service.json",
           .ca_bundle = home / "ca" / "bundle.pem",
           .lend_keys =
               [&identity = *parts.identity](const std::string& job, const std::string& role_arn,
                                             Duration lifetime) {
                 return LendKeys(identity, job, role_arn, lifetime);
               },
           .take_back_keys = [&identity = *parts.identity](
                                 const std::string& job) { return identity.EndJobSessions(job); },
           .role_exists = [&iam =
                               *parts.iam](const std::string& arn) { return iam.CanRunJobs(arn); },
           .check_hyperparameters = options.check_hyperparameters,
           .alarm_state =
               [&parts](const std::string& name) {  // asked once everything is there
                 return parts.cloudwatch->AlarmState(name);
               },
           .start_reconciler = false}));
  parts.sts.emplace(*parts.identity, *parts.iam);
  CLARY_TRY(parts.logs_front, LogsFront::Open(parts.logs, records, account, clock));
  control::Service& control = *parts.control;
  CLARY_TRY(parts.metrics, MetricStore::Open(home / "metrics.db"));
  CLARY_TRY(parts.cloudwatch,
            CloudWatchFront::Open(
                {.series = [&control](const std::string& job,
                                      std::string_view name) { return control.Metrics(job, name); },
                 .jobs = [&control] { return control.JobNames(); }},
                *parts.metrics, records, account, clock));
  parts.kms.emplace(records, account, clock);
  parts.capture.emplace(objects, clock);
  parts.invocations.emplace(clock);
  parts.models.emplace(account, CallerOptions{.local = options.local_models}, &*parts.invocations);
  parts.shadows.emplace(*parts.models, &*parts.capture, &*parts.invocations);
  const auto routes = [&control] { return control.Routes(); };
  CLARY_TRY(parts.async, AsyncInvocations::Open({.routes = routes,
                                                 .models = *parts.models,
                                                 .objects = objects,
                                                 .records = records,
                                                 .logs = parts.logs,
                                                 .metrics = *parts.invocations,
                                                 .clock = clock,
                                                 .capture = &*parts.capture,
                                                 .notify = notify_file,
                                                 .shared = parts.state.shared()}));
  parts.runtime.emplace(account, RuntimeFront::Parts{.routes = routes,
                                                     .models = *parts.models,
                                                     .capture = &*parts.capture,
                                                     .metrics = &*parts.invocations,
                                                     .shadows = &*parts.shadows,
                                                     .async = parts.async.get()});
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  CLARY_TRY(parts.autoscaling,
            AutoscalingFront::Open(
                {.sagemaker =
                     [&control](std::string_view operation, const nlohmann::json& input) {
                       return control.Handle(operation, input);
                     },
                 .metrics = *parts.metrics,
                 .alarms = [cloudwatch = parts.cloudwatch.get()](
                               const std::string& policy,
                               bool values) { return cloudwatch->AlarmsOf(policy, values); },
                 .records = records,
                 .cores = options.capacity_cpus > 0 ? options.capacity_cpus : std::max(cores, 1),
                 .clock = clock},
                account));
  parts.s3.emplace(objects);
  parts.router.emplace(
      Router::Parts{.identity = *parts.identity,
                    .clock = clock,
                    .iam = *parts.iam,
                    .sts = *parts.sts,
                    .logs = *parts.logs_front,
                    .cloudwatch = *parts.cloudwatch,
                    .kms = *parts.kms,
                    .autoscaling = *parts.autoscaling,
                    .runtime = *parts.runtime,
                    .s3 = *parts.s3,
                    .sagemaker = [&parts](std::string_view operation, std::string_view body) {
                      auto answer = parts.control->Call(operation, body);
                      if (answer) TestTopics(parts, operation, body);
                      return answer;
                    }});

  if (parts.state.shared()) Follow(parts);
  CLARY_TRY(auto ca, net::CertificateAuthority::OpenOrCreate(home / "ca", clock));
  net::ServerOptions listen{
      .address = options.address,
      .port = options.port,
      .inline_handlers = kInlineHandlers,
      .overloaded = Router::Throttled,
      .front = net::ConnectFront{.ca = std::move(ca), .tunnel_others = options.allow_tunnel},
      .lane = net::Lane{.takes = IsInvocation}};
  auto server = net::Server::Start(
      std::move(listen), [&router = *parts.router, &told = parts.contact_written](net::Request& r) {
        // Whoever gets an answer finds service.json, too.
        told.wait();
        return router.Handle(r);
      });
  if (!server && server.error().reason == "AddressInUse") {
    return std::unexpected(std::move(server).error().With("cannot listen on " + options.address +
                                                          ":" + std::to_string(options.port) +
                                                          " (choose another --port)"));
  }
  if (!server) return std::unexpected(std::move(server).error());
  parts.server = *std::move(server);
  parts.endpoint = EndpointOf(options.address, parts.server->port(), options.executor == "slurm");
  // Of several services the one that leads is told of, and any rather than none.
  const bool tells = !parts.state.shared() || !ContactLives(home);
  const Status told = tells ? TellContact(home, parts.endpoint) : Status();
  parts.control->Begin(parts.endpoint);
  parts.contact_written.count_down();
  CLARY_CHECK_OK(told);
  if (parts.state.shared()) {
    parts.membership.emplace(parts.state, clock, [&parts](bool leads) {
      if (leads) (void)TellContact(parts.home, parts.endpoint);
      const Status led = parts.async->Lead(leads);
      if (!led) LOG(kWarn, "asynchronous invocations wait", {"message", led.error().message});
    });
    parts.lock.reset();
  }
  parts.housekeeping = std::jthread(
      [&parts, &clock](const std::stop_token& stop) { KeepHouse(parts, clock, stop); });
  LOG(kInfo, "serving", {"endpoint", parts.endpoint}, {"home", home.string()});
  return service;
}

void Service::Stop() {
  Parts& parts = *parts_;
  parts.housekeeping = {};  // requests its stop and joins
  parts.membership.reset();
  if (parts.server) {
    parts.server->Stop();
    parts.server.reset();
    parts.async.reset();
    parts.shadows.reset();
    parts.invocations->Flush(*parts.metrics, true);
    std::error_code ec;
    if (!parts.state.shared() || EndpointIn(parts.home) == parts.endpoint) {
      std::filesystem::remove(parts.home / "service.json", ec);
    }
  }
  parts.control.reset();
  parts.executor.reset();
}

}  // namespace clary::server
