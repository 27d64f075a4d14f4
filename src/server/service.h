// The whole service of one state directory: opens everything, listens, and takes it all down again.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "server/identity.h"
#include "server/local_model.h"

namespace clary::server {

struct Options {
  std::filesystem::path home;  // created if missing
  // "postgres://...": the records, which several services share then (ADR 43); empty: HOME/meta.db.
  std::string state;
  std::string objects;  // a location of an S3 service (objects/open_store.h); empty: HOME/objects
  // Where jobs run: "local", or "slurm" (exec/slurm_executor.h).
  std::string executor = "local";
  std::string slurm_partition;
  std::string slurm_account;
  std::string slurm_constraint;
  std::filesystem::path slurm_types;  // empty: HOME/slurm.json
  std::string address = "127.0.0.1";
  uint16_t port = 8460;               // 0: any free one
  int capacity_cpus = 0;              // cores for running jobs; 0: those of the machine
  bool allow_tunnel = false;          // CONNECT to hosts that are not AWS's is passed through
  bool profiler_report = true;        // for profiled jobs that name no profiler rule
  std::filesystem::path notify_file;  // where messages of rules go; empty: HOME/notify.json
  std::string rule_python = "/usr/bin/python3";  // for rules of users
  // For users' programs of images that no environment stands for; none if it is not there.
  std::string python = "/usr/bin/python3";
  std::string job_network = "clary";  // what users' programs reach: none | clary | open
  // Control's: whether the built-in algorithm takes these hyperparameters.
  std::function<Status(const std::string& version,
                       const std::map<std::string, std::string>& hyperparameters)>
      check_hyperparameters;
  LocalModels local_models;          // that answer in this process; null: none does
  std::filesystem::path executable;  // starts runners: `EXECUTABLE runner DIR`; empty: this one
};

// What `clary env` prints: the variables that make any AWS client use the service at `endpoint`
// ("http://127.0.0.1:8460").
std::vector<std::pair<std::string, std::string>> Environment(const Account& account,
                                                             const std::string& endpoint,
                                                             const std::filesystem::path& home);

// Moves the records of a home on which no service runs from its meta.db, which is kept as
// meta.db.moved, to PostgreSQL at `state`; services start with that from then on. How many there
// were. kNotFound "NoRecords"; kFailedPrecondition "AlreadyServing", "OtherState" (they are there
// already), "StateInUse" (services have run on that database). After a failure it can be done
// again.
Result<size_t> MoveRecords(const std::filesystem::path& home, const std::string& state);

class Service {
 public:
  // Serves when it returns. kFailedPrecondition "AlreadyServing" (the message names the endpoint of
  // the other), "NewerState", "AddressInUse", "OtherState"
  // if the directory's records are elsewhere, "OtherMachine", "NoSlurm", "BadPartition",
  // "OtherNodes" if jobs would run on machines that do not see the objects.
  static Result<std::unique_ptr<Service>> Start(Options options);
  ~Service();  // Stop()

  std::string endpoint() const;
  const Account& account() const;
  const std::filesystem::path& home() const;

  // Lets requests that have arrived run to their end, then closes everything. Jobs run on.
  // Idempotent; one thread at a time.
  void Stop();

 private:
  struct Parts;
  explicit Service(std::unique_ptr<Parts> parts);
  static void Follow(Parts& parts);
  static void TestTopics(Parts& parts, std::string_view operation, std::string_view body);
  static void KeepHouse(Parts& parts, Clock& clock, const std::stop_token& stop);
  std::unique_ptr<Parts> parts_;
};

}  // namespace clary::server
