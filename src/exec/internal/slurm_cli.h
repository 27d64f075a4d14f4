// What Slurm's tools say, and the operator's table of instance types.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "exec/executor.h"

namespace clary::exec {

// A job as squeue tells it in kQueueFormat, one a line.
struct SlurmJob {
  uint64_t id = 0;
  std::string state;    // "PENDING", "RUNNING", "NODE_FAIL", ...
  std::string reason;   // "None", "Resources", "NodeDown", ...
  std::string nodes;    // "n[1-2]"; empty: none yet
  std::string comment;  // a launch's directory
};
inline constexpr char kQueueFormat[] = "%i|%T|%r|%N|%k";
// Lines that are none are skipped: jobs of others have comments of all kinds. Of several jobs with
// one comment the one that has not ended wins, then the last.
std::map<std::string, SlurmJob> ParseQueue(std::string_view text);

bool HasEnded(const SlurmJob& job);
// Whether it pends for a reason that no waiting will end.
bool IsHopeless(const SlurmJob& job);
// "Slurm: NODE_FAIL of job 12 on n2"; the reason too if it adds something.
std::string Describe(const SlurmJob& job);

// What sbatch has answered.
struct Submission {
  uint64_t id = 0;       // 0: it was not accepted
  bool refused = false;  // and never will be
  bool passing = false;  // but may be soon. Neither: its words are not known
  std::string why;       // its words, without "sbatch: error: "
};
Submission ParseSubmission(int exit_code, std::string_view output);

// What a job is given for an instance type. docs/formats/slurm-resources.md
struct SlurmRow {
  int cpus = 0;           // 0: as many as the instance type has
  int64_t memory_mb = 0;  // 0: Slurm's default
  std::string partition;
  std::string account;
  std::string constraint;
  std::vector<std::string> options;  // of sbatch, "--gres=gpu:1"
};
class SlurmTable {
 public:
  // kInvalidArgument says what is wrong, and where.
  static Result<SlurmTable> Parse(std::string_view json);
  // The row of this type's name, else of the longest "prefix*" that it has; an empty one else.
  SlurmRow Find(std::string_view type) const;

 private:
  std::map<std::string, SlurmRow, std::less<>> rows_;
};

// The options of sbatch that give a launch what it needs, from the table and the service's own
// `standard` row. kInvalidArgument if its hosts' rows ask for different partitions, constraints or
// options: one job has one of them.
Result<std::vector<std::string>> ResourceOptions(const std::vector<HostNeed>& hosts,
                                                 const SlurmTable& table, const SlurmRow& standard);

// A name in quotes for sh.
std::string ShellQuoted(std::string_view word);

}  // namespace clary::exec
