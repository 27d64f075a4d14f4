// What a Service is made of; shared by its .cc files only.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "control/internal/job_record.h"
#include "control/service.h"

namespace clary::control {

inline constexpr char kJobsTable[] = "training_jobs";
inline constexpr char kTagsTable[] = "tags";

// One version of a record, as the store has it, with its intent folded in.
struct Snapshot {
  JobRecord record;
  int64_t version = 0;
};
using SnapshotPtr = std::shared_ptr<const Snapshot>;
using TagMap = std::map<std::string, std::string>;

inline std::unexpected<Error> Invalid(std::string message) {
  return Fail(Code::kInvalidArgument, "ValidationException", std::move(message));
}

// All records in memory, written through to the store. Any thread.
class Records {
 public:
  explicit Records(meta::MetadataStore& store) : store_(store) {}
  Status Load();

  SnapshotPtr Find(std::string_view name) const;  // null: no such job
  // The job whose rule this processing job evaluates; null: no such one.
  SnapshotPtr FindByRule(std::string_view processing_job) const;
  // Creates the job and its tags in one write. kAlreadyExists.
  Status Create(JobRecord record, const std::string& tags_json);
  // Replaces the version that `base` is. kConflict: somebody else wrote; the newer one has been
  // read, Find() it and try again.
  Result<SnapshotPtr> Update(const SnapshotPtr& base, JobRecord record);
  // Deletes the version that `base` is, and its tags, in one write. kConflict as above.
  Status Remove(const SnapshotPtr& base);

  // Jobs that have not ended, or whose rules have not, or with a launch that is still to be
  // forgotten; oldest first.
  std::vector<SnapshotPtr> Active() const;

  using TimeKey = std::pair<int64_t, std::string>;  // creation time, name
  // Calls visit(snapshot) in order of creation or of name, from behind `after` on (in the direction
  // of travel), until it returns false.
  template <typename Visit>
  void ByCreation(bool ascending, const std::optional<TimeKey>& after, Visit&& visit) const {
    MutexLock lock(mu_);
    if (ascending) {
      auto it = after ? by_creation_.upper_bound(*after) : by_creation_.begin();
      for (; it != by_creation_.end(); ++it) {
        if (!visit(it->second)) return;
      }
    } else {
      auto it = after ? by_creation_.lower_bound(*after) : by_creation_.end();
      while (it != by_creation_.begin()) {
        if (!visit((--it)->second)) return;
      }
    }
  }
  template <typename Visit>
  void ByName(bool ascending, const std::optional<std::string>& after, Visit&& visit) const {
    MutexLock lock(mu_);
    if (ascending) {
      auto it = after ? jobs_.upper_bound(*after) : jobs_.begin();
      for (; it != jobs_.end(); ++it) {
        if (!visit(it->second)) return;
      }
    } else {
      auto it = after ? jobs_.lower_bound(*after) : jobs_.end();
      while (it != jobs_.begin()) {
        if (!visit((--it)->second)) return;
      }
    }
  }

  TagMap Tags(const std::string& arn) const;
  // Replaces the tags of `arn` by what `change` makes of them. Returns the new ones. No job is
  // removed while `change` runs.
  Result<TagMap> ChangeTags(const std::string& arn,
                            const std::function<Status(TagMap& tags)>& change);

  // The answer to DescribeTrainingJob as text, made once per version.
  std::shared_ptr<const std::string> DescribeText(const SnapshotPtr& job) const;

 private:
  void Install(SnapshotPtr snapshot) REQUIRES(mu_);
  Status Reload(const std::string& name);

  meta::MetadataStore& store_;
  mutable Mutex mu_;
  std::map<std::string, SnapshotPtr, std::less<>> jobs_ GUARDED_BY(mu_);
  std::map<TimeKey, SnapshotPtr> by_creation_ GUARDED_BY(mu_);
  std::set<TimeKey> active_ GUARDED_BY(mu_);
  std::map<std::string, std::string, std::less<>> rule_jobs_ GUARDED_BY(mu_);  // to their jobs
  std::map<std::string, TagMap> tags_ GUARDED_BY(mu_);
  // Held over the store's reads and writes by what is rare: changes of tags, conflicts, removals.
  // So nothing brings a removed job back.
  Mutex rare_;
  struct Text {
    SnapshotPtr of;
    std::shared_ptr<const std::string> text;
  };
  mutable Mutex text_mu_;
  mutable std::unordered_map<std::string, Text> texts_ GUARDED_BY(text_mu_);
};

TagMap TagsFromJson(const nlohmann::json& list);
nlohmann::json TagsToJson(const TagMap& tags);

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

// Moves jobs on. Run by one thread at a time.
class Reconciler {
 public:
  Reconciler(const Environment& environment, const Options& options, int capacity, Records& records,
             Bell& bell)
      : env_(environment), options_(options), capacity_(capacity), records_(records), bell_(bell) {}
  size_t Pass();

 private:
  // What is known of a launch of a rule in this process only.
  struct RuleMemory {
    bool launched = false;
    bool stop_sent = false;
    int failures = 0;
    int64_t retry_ms = 0;
  };
  // What is known of a job in this process only.
  struct Memory {
    bool launched = false;  // the executor has it
    bool stop_sent = false;
    int failures = 0;                         // of launching, in a row
    int64_t retry_ms = 0;                     // not before
    bool complained = false;                  // one log line per trouble
    std::map<std::string, RuleMemory> rules;  // by processing job
    int64_t context_version = 0;              // of the record that context.json shows
    bool look_at_rules = false;               // a launch may have ended
  };

  struct Queue {
    bool blocked = false;  // a job waits, so the later ones do too
    int writes_left = 64;  // a long queue must not keep running jobs from being looked after
  };

  // Move one job on by what can be done now. They return whether it occupies its cores afterwards.
  Result<bool> StepQueued(const SnapshotPtr& job, Memory& memory, int cpus_in_use, Queue& queue);
  Result<bool> StepRunning(const SnapshotPtr& job, Memory& memory, bool look_for_exit);
  Result<bool> CleanUp(const SnapshotPtr& job);
  Result<bool> StepDeleting(const SnapshotPtr& job);

  // rules.cc: moves the rules of all jobs on, or of one.
  void PassRules(bool look);
  Status StepRules(SnapshotPtr job, Memory& memory);
  // Gives launch keys to the rules that may run now, and ends those that never will.
  Result<SnapshotPtr> AdmitRules(const SnapshotPtr& job);
  // Launches, follows and stops those that have a key.
  Result<SnapshotPtr> RunRules(const SnapshotPtr& job, Memory& memory);
  Status FollowRule(JobRecord& record, RuleStatus& rule, bool profiler, RuleMemory& memory,
                    bool look) const;
  Status LaunchRule(const JobRecord& record, const RuleStatus& rule, bool profiler) const;
  void FoldRuleEnd(JobRecord& record, RuleStatus& rule, const std::string& how) const;
  Status ForgetRules(const SnapshotPtr& job);
  Status WriteContext(const JobRecord& record) const;
  std::filesystem::path RuleDirectory(const JobRecord& record, const RuleStatus& rule) const {
    return Directory(record) / "rules" / rule.job_name();
  }
  Status Launch(const JobRecord& record);
  // Writes `spec` as `file` into `directory` and runs `command` on that directory; what the
  // process itself prints goes to `log` there.
  Status LaunchIn(const std::filesystem::path& directory, const std::string& key,
                  const std::vector<std::string>& command, const char* file,
                  const std::string& spec, const char* log) const;
  Status FoldEvents(JobRecord& record) const;
  Status Finish(JobRecord& record) const;
  void Close(JobRecord& record, std::string_view status, std::string_view secondary,
             std::string_view message, int64_t ms) const;
  std::filesystem::path Directory(const JobRecord& record) const {
    return options_.jobs_directory / record.name;
  }

  const Environment& env_;
  const Options& options_;
  const int capacity_;
  Records& records_;
  Bell& bell_;
  uint64_t passes_ = 0;
  int rules_running_ = 0;
  std::map<std::string, Memory> memory_;
};

struct Service::State {
  State(const Environment& environment, Options given);
  void Run(const std::stop_token& stop);

  Result<nlohmann::json> Create(const nlohmann::json& input);
  Result<nlohmann::json> Describe(const nlohmann::json& input);
  Result<nlohmann::json> List(const nlohmann::json& input);
  Result<nlohmann::json> Stop(const nlohmann::json& input);
  Result<nlohmann::json> Update(const nlohmann::json& input);
  Result<nlohmann::json> Delete(const nlohmann::json& input);
  Result<nlohmann::json> AddTags(const nlohmann::json& input);
  Result<nlohmann::json> ListTags(const nlohmann::json& input);
  Result<nlohmann::json> DeleteTags(const nlohmann::json& input);
  Result<nlohmann::json> Search(const nlohmann::json& input);
  // processing.cc: the processing jobs that evaluate rules.
  Result<nlohmann::json> DescribeProcessing(const nlohmann::json& input);
  Result<nlohmann::json> ListProcessing(const nlohmann::json& input);
  Result<nlohmann::json> StopProcessing(const nlohmann::json& input);
  Result<SnapshotPtr> Named(const nlohmann::json& input) const;
  // Writes what `change` makes of the newest version of the job that `input` names, and wakes the
  // reconciler. Its error is the answer.
  Result<SnapshotPtr> Write(const nlohmann::json& input,
                            const std::function<Status(JobRecord& record)>& change);

  Environment env;
  Options options;
  int capacity = 1;
  Records records;
  std::shared_ptr<Bell> bell = std::make_shared<Bell>();
  Reconciler reconciler;
  std::jthread thread;  // last member: joined before what it uses goes
};

}  // namespace clary::control
