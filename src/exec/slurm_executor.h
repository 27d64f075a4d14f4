// Runs launches as batch jobs of a Slurm cluster (ADR 44), by its command line tools. The directory
// is on a file system that all nodes see under the same path. docs/formats/executor.md.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/tool.h"
#include "exec/executor.h"
#include "exec/local_executor.h"

namespace clary::exec {

// Runs one of Slurm's tools; standard output and errors are both in its output. An error, or code
// 127, means that it did not run to its end.
using SlurmTools = std::function<Result<ToolOutcome>(const std::vector<std::string>& argv)>;
// By PATH, with no other variables than PATH, HOME and SLURM_CONF of this process.
SlurmTools SystemTools(std::chrono::milliseconds limit = std::chrono::seconds(30));

struct SlurmOptions {
  std::string partition;  // of every job, unless the table names another; empty: Slurm's default
  std::string account;
  std::string constraint;
  // docs/formats/slurm-resources.md; read anew when it has changed. It need not be there.
  std::filesystem::path table;
  // Command line of RunSupervisor(), on every node; the launch's directory is added.
  std::vector<std::string> supervisor;
  std::chrono::milliseconds poll = std::chrono::seconds(2);  // between looks, while something runs
  // For so long a job that Slurm says is gone may still have left something that is not seen yet.
  std::chrono::milliseconds settle = std::chrono::seconds(10);
  SlurmTools tools = {};     // none: SystemTools()
  bool start_thread = true;  // false: the caller calls Pass() (tests)
  Clock* clock = nullptr;    // none: the system's
};

struct SlurmJob;
class SlurmTable;

class SlurmExecutor : public Executor {
 public:
  // `local`, whose directory `dir` is, runs what needs no other machine. kInvalidArgument if the
  // table is wrong, kFailedPrecondition "NoSlurm" if the tools are not there, "BadPartition" if the
  // partition is not; a Slurm that does not answer is only logged.
  static Result<std::unique_ptr<SlurmExecutor>> Open(std::filesystem::path dir,
                                                     std::unique_ptr<LocalExecutor> local,
                                                     SlurmOptions options);
  ~SlurmExecutor() override;  // launches run on

  Status Launch(const LaunchSpec& spec) override;
  Result<std::optional<LaunchState>> Find(const std::string& key) override;
  Status Stop(const std::string& key, std::chrono::milliseconds grace) override;
  Status Forget(const std::string& key) override;
  void OnExit(std::function<void()> wake) override;

  // Names of this cluster's nodes as machines have them ("NodeHostName"), those of the partition
  // alone if there is one. kUnavailable.
  Result<std::vector<std::string>> NodeHosts();

  // One look at all launches that have not ended: at most one squeue, one scancel, and an sbatch
  // for each that Slurm does not know yet. Only without the thread.
  void Pass();

 private:
  struct Entry;
  SlurmExecutor(std::filesystem::path dir, std::unique_ptr<LocalExecutor> local,
                SlurmOptions options);
  Status CheckCluster();
  void Run(const std::stop_token& stop);
  std::filesystem::path DirectoryOf(const std::string& key) const { return dir_ / key; }
  std::optional<LaunchState> StateOf(const std::string& key) const;
  void Watch(const std::string& key, bool fresh);
  std::optional<std::map<std::string, SlurmJob>> AskQueue();
  void Look(const std::string& key, Entry& entry, const SlurmJob* job);
  void Submit(const std::string& key, Entry& entry);
  Result<std::vector<std::string>> SubmitCommand(const std::string& key);
  void ReadTable();
  void End(const std::string& key, const char* file, const std::string& text);
  void Cancel();

  const std::filesystem::path dir_;
  const std::unique_ptr<LocalExecutor> local_;
  const SlurmOptions options_;
  Clock& clock_;
  const SlurmTools tools_;
  Mutex mu_;
  std::condition_variable_any changed_;
  std::function<void()> wake_ GUARDED_BY(mu_);
  bool nudged_ GUARDED_BY(mu_) = false;
  // Launches that have not ended, and whether nobody can have submitted them yet.
  std::map<std::string, bool> live_ GUARDED_BY(mu_);
  // From here on of the thread, or of who calls Pass().
  std::map<std::string, std::unique_ptr<Entry>> entries_;
  std::vector<uint64_t> pending_to_cancel_;
  std::vector<uint64_t> to_cancel_;
  std::unique_ptr<SlurmTable> table_;
  std::optional<std::filesystem::file_time_type> table_time_;
  bool away_ = false;    // Slurm did not answer last
  std::jthread thread_;  // last: joined before what it uses goes
};

}  // namespace clary::exec
