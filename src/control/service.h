// The life cycle of training jobs: the operations of the SageMaker API over a metadata store, an
// object store and an executor. The only place with a job's state machine.
//
// A request handler writes intent (create, stop) and nothing else. One thread, the reconciler, is
// the only writer of a job's status: it launches runners, folds the facts of their events.jsonl
// into the record, stops jobs that ran too long, and commits the end. Everything it knows is in the
// store or follows from the job's directory and the executor, so the process may die at any step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "api/job_spec.h"
#include "base/clock.h"
#include "base/error.h"
#include "control/routes.h"
#include "exec/executor.h"
#include "meta/follower.h"
#include "meta/lease.h"
#include "meta/log_store.h"
#include "meta/metadata_store.h"
#include "objects/object_store.h"

namespace clary::control {

// Everything the service needs from outside; borrowed, and must outlive it.
struct Environment {
  meta::MetadataStore& records;
  objects::ObjectStore& objects;
  exec::Executor& executor;
  meta::LogStore& logs;
  Clock& clock;
  // Of a state that several services share; else null, both. The reconciler works while the lease
  // is held; what the others write is taken from the follower, which this service subscribes to.
  meta::Lease* lease = nullptr;
  meta::Follower* follower = nullptr;
};

struct Options {
  std::string account_id = "123456789012";
  std::string region = "us-east-1";
  std::filesystem::path jobs_directory;            // jobs/<job>/ of the state directory
  std::filesystem::path pools_directory;           // folders that jobs of a warm pool share
  std::string object_root;                         // told to runners: JobSpec.store
  std::vector<std::string> runner_command;         // "/path/clary", "runner"; the job's directory
                                                   // is added as last argument
  std::vector<std::string> rule_command;           // "/path/clary", "rule"; likewise
  std::vector<std::string> model_server_command;   // "/path/clary", "model-server"; likewise
  std::vector<std::string> transform_command;      // "/path/clary", "transform-job"; likewise
  std::vector<std::string> runner_environment = {  // "NAME=value"; nothing is inherited
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"};
  int capacity_cpus = 0;  // cores that running jobs may use in sum; 0: those of the machine
  // Jobs run on the machines of a cluster, which has a queue of its own: their launches say what
  // they need, and are never held back here.
  bool cluster = false;
  bool host_trials = true;  // trials of a tuning job share a process where they can (ADR 34)
  int max_rules = 32;       // rules that are evaluated at once; others wait for their turn
  // A job that is profiled and names no profiler rule gets a ProfilerReport.
  bool profiler_report = true;
  std::filesystem::path notify_file;             // told to rules: where their messages go
  std::string rule_python = "/usr/bin/python3";  // for rules of users
  // The Python that stands for an image, of the minor version `version` ("3.11") if it is not
  // empty; its error is the answer to who asked for a job with it. None: programs run without one.
  std::function<Result<api::PythonSpec>(const std::string& image, const std::string& version)>
      find_python;
  std::string job_network = "clary";  // JobSpec.network of users' programs
  std::string endpoint;               // JobSpec.endpoint of those that reach the service
  std::filesystem::path contact;      // JobSpec.contact, likewise
  std::filesystem::path ca_bundle;    // JobSpec.ca_bundle, likewise
  // Makes keys for the job or launch `arn` that act as `role_arn` for `lifetime` at most, and takes
  // all of a job back: also those of an earlier process, again, or none. None: jobs have no keys.
  std::function<Result<api::JobCredentials>(const std::string& arn, const std::string& role_arn,
                                            Duration lifetime)>
      lend_keys;
  std::function<Status(const std::string& arn)> take_back_keys;
  // Whether this role may be used; none: any well-formed ARN.
  std::function<bool(const std::string& role_arn)> role_exists;
  // Whether the built-in algorithm of this image version takes these hyperparameters; its error is
  // the answer to who wants to tune them. None: their training jobs find out.
  std::function<Status(const std::string& version,
                       const std::map<std::string, std::string>& hyperparameters)>
      check_hyperparameters;
  // The state of a CloudWatch alarm ("OK", "ALARM", ...); empty: there is none of that name. None:
  // no alarm stops an update.
  std::function<std::string(const std::string& name)> alarm_state;
  bool start_reconciler = true;  // false: Begin() does, or the caller calls Reconcile() (tests)
};

struct MetricPoint {
  Time time{};
  double value = 0;
};
struct MetricSeries {
  std::string name;  // "validation:auc"
  std::vector<MetricPoint> points;
};

class Service {
 public:
  // Loads all records and picks running jobs up again. Sets the executor's OnExit.
  static Result<std::unique_ptr<Service>> Start(const Environment& environment, Options options);
  ~Service();  // joins the reconciler; running jobs go on

  // Starts the reconciler of a service that was started without one, once `endpoint`, at which jobs
  // reach it (Options.endpoint), is known. At most once.
  void Begin(std::string endpoint);

  // One API call on a decoded document: validates it, then acts. The error's reason is the AWS
  // error code (api/errors.h). Any thread.
  Result<nlohmann::json> Handle(std::string_view operation, const nlohmann::json& input);
  // The same from and to JSON text, decoding included: what a server wants. DescribeTrainingJob of
  // an unchanged job costs one copy.
  Result<std::string> Call(std::string_view operation, std::string_view body);

  // What the job's log says its metrics are, by name, in order of time; all of them if `name` is
  // empty. kNotFound "ResourceNotFound". Any thread.
  Result<std::vector<MetricSeries>> Metrics(const std::string& job, std::string_view name = "");
  // Names of all jobs, newest first, at most `limit`. Any thread.
  std::vector<std::string> JobNames(size_t limit = SIZE_MAX) const;
  meta::LogStore& Logs() const;
  // Where invocations of each endpoint go now. Any thread; waits for no write.
  std::shared_ptr<const EndpointRoutes> Routes() const;

  // Removes what warm pools that have ended have left on the disk. Any thread.
  void Tidy();

  // One pass over the jobs that have not ended, if this service leads; only for a service without
  // its own reconciler, by one thread at a time. Returns how many have not ended.
  size_t Reconcile();

 private:
  struct State;
  explicit Service(std::unique_ptr<State> state);
  Result<nlohmann::json> HandleOnce(std::string_view operation, const nlohmann::json& input);
  Result<std::string> CallOnce(std::string_view operation, std::string_view body);
  // The answer of `ask`, which is asked again if it is an error that came of old records.
  template <typename Ask>
  auto WithNews(Ask&& ask);
  std::unique_ptr<State> state_;
};

}  // namespace clary::control
