// What every kind's functions work with.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "control/internal/file_bell.h"
#include "control/internal/records.h"
#include "control/internal/route_table.h"
#include "control/internal/trash.h"
#include "control/service.h"

namespace clary::control {

// What wakes the reconciler. Shared with the executor, whose threads may still ring it while the
// service goes.
class Bell {
 public:
  void Ring(bool launch_ended) {
    {
      MutexLock lock(mu_);
      rung_ = true;
      launch_ended_ = launch_ended_ || launch_ended;
    }
    rings_.notify_one();
  }
  // Waits for a ring, for `limit` if there is one, or for the stop.
  void Wait(const std::stop_token& stop, std::optional<std::chrono::milliseconds> limit) {
    MutexLock lock(mu_);
    const auto rung = [this]() REQUIRES(mu_) { return rung_; };
    if (limit) {
      rings_.wait_for(lock, stop, *limit, rung);
    } else {
      rings_.wait(lock, stop, rung);
    }
    rung_ = false;
  }
  // Whether some launch may have ended since the last call.
  bool TakeLaunchEnded() {
    MutexLock lock(mu_);
    return std::exchange(launch_ended_, false);
  }

 private:
  Mutex mu_;
  std::condition_variable_any rings_;
  bool rung_ GUARDED_BY(mu_) = true;
  bool launch_ended_ GUARDED_BY(mu_) = true;
};

struct Context {
  Context(const Environment& environment, Options given);

  Environment env;
  Options options;
  int capacity = 1;      // cores of this machine
  int job_capacity = 1;  // cores for jobs: those, or as many as a cluster may have
  Records records;
  RouteTable routes;
  std::shared_ptr<Bell> bell = std::make_shared<Bell>();
  std::unique_ptr<FileBell> file_bell;  // may be null
  Trash trash;                          // jobs/.trash

  int64_t Now() const { return ToMillis(env.clock.Now()); }
};

// Who asks for a resource: a user, or another resource that owns it then.
struct Origin {
  std::string owner;   // ARN; empty: a user
  bool bound = false;  // it goes when its owner goes
  FactsPtr facts;      // what it tells the kind beside the request
};

// operations.cc: the operations that every kind shares.

std::string ArnOf(const Context& context, const Kind& kind, std::string_view key);
// Plans a new resource as its Create would make it. `input` has passed validation. The error is the
// answer. Returns its ARN.
Result<std::string> PlanCreate(Context& context, const Kind& kind, const nlohmann::json& input,
                               const Origin& origin, Plan& plan);
// Creates it; the answer of its Create.
Result<nlohmann::json> Create(Context& context, const Kind& kind, const nlohmann::json& input,
                              const Origin& origin);
// Creates a resource that `origin.owner` owns through the same checks as a user's Create, shape
// included. Again for the same owner and name is fine: a step may die after it. Returns its ARN.
Result<std::string> CreateChild(Context& context, const Kind& kind, const nlohmann::json& input,
                                const Origin& origin);
// The newest version of the resource that `input` names; its kind's "not found".
Result<SnapshotPtr> Named(const Context& context, const Kind& kind, const nlohmann::json& input);
// Applies the plan that `make` makes of the newest records, made again when somebody else wrote
// first, and wakes the reconciler. The error of `make` is the answer.
Status Commit(Context& context, const std::function<Status(Plan& plan)>& make);
// Writes what `change` makes of the newest version of the resource that `input` names.
Status Write(Context& context, const Kind& kind, const nlohmann::json& input,
             const std::function<Status(Record& record)>& change);

using Handler =
    std::function<Result<nlohmann::json>(Context& context, const nlohmann::json& input)>;
// The handler of an operation of any kind, or of all of them (tags, Search); null: there is none.
const Handler* FindHandler(std::string_view operation);
// The kind whose Create this operation is; null: of none.
const Kind* CreatedBy(std::string_view operation);
// The kind whose Describe this operation is; null: of none.
const Kind* DescribedBy(std::string_view operation);

// The record and what goes with it: what it binds, and what its kind takes along.
std::vector<SnapshotPtr> GoingWith(const Context& context, const SnapshotPtr& record);

// A "wrong state" unless the record is InProgress.
Status CheckInProgress(const Record& record);
// Refuses, in AWS's words, a role that is another account's or does not exist. For every kind whose
// Create has a RoleArn.
Status CheckRole(const std::string& role_arn, const Options& options);

// queries.cc
Result<nlohmann::json> List(Context& context, const Kind& kind, const nlohmann::json& input);
Result<nlohmann::json> Search(Context& context, const nlohmann::json& input);

}  // namespace clary::control
