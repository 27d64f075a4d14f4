// What `clary doctor` finds on a host and in what its services would share. Looking leaves nothing
// behind. What it means is findings.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "meta/postgres_store.h"

namespace clary::doctor {

// What is looked at: a host as `clary serve` with these options would find it.
struct Subject {
  std::filesystem::path home;
  std::string python = "/usr/bin/python3";
  std::string state;                // empty: no PostgreSQL
  std::string objects;              // empty: no S3
  std::vector<std::string> others;  // endpoints of other services, for their clocks
  bool slurm = false;
  std::string partition;       // of Slurm; empty: all
  std::filesystem::path sees;  // a file that the home's other hosts have made there; empty: none
};

// A clock of another host.
struct RemoteClock {
  std::string whose;        // "PostgreSQL"; an endpoint
  std::string failure;      // why it could not be asked; empty: it was
  Duration ahead{0};        // of ours
  Duration uncertainty{0};  // how far off that may be
};

struct Home {
  std::filesystem::path path;
  bool exists = false;
  std::string failure;      // why nothing can be written there; empty: it can
  std::string file_system;  // "nfs", "tmpfs" and others that matter; empty: a local disk's
  uint64_t free_bytes = 0;  // for this user
  uint64_t total_bytes = 0;
  uint64_t free_files = 0;  // inodes; UINT64_MAX: no limit
  bool sees = true;         // Subject::sees is there
};

// Settings of the kernel that forbid namespaces; absent: this kernel has no such setting.
struct NamespaceSettings {
  std::optional<int64_t> max_user_namespaces;        // user.max_user_namespaces
  std::optional<int64_t> unprivileged_userns_clone;  // Debian's
  std::optional<int64_t> apparmor_restricts;         // Ubuntu's
};

struct SlurmNode {
  std::string name;
  std::string partition;
  std::string state;  // as sinfo says it, in full: "idle", "down*", ...
  std::string reason;
  int64_t cores = 0;
  int64_t memory_mib = 0;

  bool Up() const;    // takes jobs, now or later
  bool Free() const;  // takes a small one now
};

struct Slurm {
  std::vector<std::string> missing;  // of its commands
  std::string failure;               // why sinfo did not answer; empty: it did
  std::string version;
  std::vector<SlurmNode> nodes;          // of the partitions that were asked for, a node once
  bool pmix = false;                     // srun starts MPI programs by PMIx
  std::optional<int64_t> keeps_ended_s;  // MinJobAge: for so long it knows a job that has ended
};

struct ObjectService {
  std::string location;
  std::string failure;  // empty: it lists buckets for our keys
  std::string reason;   // of the failure, as Error::reason
  size_t buckets = 0;
};

struct Facts {
  std::string host;
  std::string kernel;
  bool root = false;
  int cores = 0;                     // that this process may use
  std::optional<double> core_quota;  // of its control group
  uint64_t memory_bytes = 0;
  uint64_t memory_free_bytes = 0;
  uint64_t open_files = 0;  // hard limit
  bool clock_kept = true;   // by NTP, says the kernel
  std::string sandbox;      // why a job's sandbox cannot be made; empty: it can
  std::string network;      // why not one with a network of its own
  std::string hosts;        // why several joined ones cannot; empty: they can
  bool overlays = true;
  NamespaceSettings namespaces;
  bool mpi_library = false;
  std::string mpirun;  // empty: not there
  std::string python;  // its version; empty: see python_failure
  std::string python_failure;
  Home home;
  std::optional<meta::PostgresFacts> postgres;
  std::string postgres_failure;  // empty: no state was given, or it answered
  std::string postgres_reason;
  std::optional<ObjectService> objects;
  std::optional<Slurm> slurm;
  std::vector<RemoteClock> clocks;
};

// Forks: call it while the process has one thread. Whatever does not answer costs at most some
// ten seconds.
Facts Look(const Subject& subject, Clock& clock);

}  // namespace clary::doctor
