// The files of one launch, shared by the executor and the supervisor. docs/formats/executor.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "exec/executor.h"

namespace clary::exec {

inline constexpr char kSpecFile[] = "spec.json";   // the intent; durable before anything runs
inline constexpr char kLockFile[] = "lock";        // locked while the supervisor lives
inline constexpr char kStartedFile[] = "started";  // supervisor's pid; the command may have run
inline constexpr char kStopFile[] = "stop";        // CLOCK_BOOTTIME milliseconds of the SIGKILL
inline constexpr char kExitFile[] = "exit";        // exit code, decimal
inline constexpr char kBatchFile[] = "batch.sh";   // there if Slurm runs it: its batch script
inline constexpr char kJobFile[] = "job";          // the number of Slurm's job
inline constexpr char kLostFile[] = "lost";        // why it ended without an exit code
inline constexpr char kRefusedFile[] = "refused";  // why it cannot run
inline constexpr int kLockFd = 3;                  // where a supervisor finds its lock

inline constexpr uint64_t kMaxSpecBytes = 64 << 20;

// Of a command that Slurm runs: the path of its `stop`.
inline constexpr char kStopVariable[] = "CLARY_STOP_FILE";

// Instead of the id of a machine's boot, of a launch that Slurm runs: a number of machines.
inline constexpr char kOnSlurm[] = "slurm";

// kInvalidArgument "BadKey".
Status CheckKey(const std::string& key);

struct StoredSpec {
  LaunchSpec spec;
  std::string boot_id;  // of the machine at launch time, or kOnSlurm
};
std::string SpecToJson(const StoredSpec& stored);
Result<StoredSpec> SpecFromJson(std::string_view text);

// Takes the lock of the open file `fd` (an open-file-description lock: it goes with dup and exec,
// and ends when the last copy is closed). False: somebody else holds it.
Result<bool> TryLock(int fd);
// Whether somebody holds the lock; never takes it, not even for a moment.
Result<bool> IsLocked(const std::filesystem::path& lock_file);

// A small file holding one number; nullopt if it is missing or torn.
std::optional<int64_t> ReadNumber(const std::filesystem::path& file);
// Atomic against crashes of processes, not of the machine (the boot id covers that): no fsync.
Status WriteNumber(const std::filesystem::path& file, int64_t value);

int64_t BootMillis();  // CLOCK_BOOTTIME

}  // namespace clary::exec
