// The job's program as a child process, in a sandbox of its own.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"

namespace clary::runner {

// What a program in the sandbox reaches. kNone and kForwarded: a network of its own, with the
// interfaces lo and eth0, where its host's name is an address of eth0.
enum class Network {
  kNone,       // itself alone
  kForwarded,  // ProgramSpec::reach, too
  kHost,       // whatever the host does
};

// A service that a program reaches from a network of its own, under the name that it has outside.
struct Reach {
  std::string host;  // a name or an address; this machine itself is 127.0.0.1 inside
  uint16_t port = 0;
  bool service = false;  // Clary itself, which may be elsewhere once it has been started again
};

// A service that a program gives, at a port of 127.0.0.1 in a network of its own: whoever connects
// to `listener`, a listening socket of ours, reaches it. Connections are closed until it listens.
struct Served {
  int listener = -1;
  uint16_t port = 0;
};

// Files and folders of the host that the program sees.
struct Shown {
  std::filesystem::path from;
  std::filesystem::path to;
  bool writable = false;
};

// A folder of `work` that shows what is in `lower`; what the program changes goes to `upper`.
struct Overlay {
  std::filesystem::path at;     // of the host, below `work`
  std::filesystem::path lower;  // never written to
  std::filesystem::path upper;  // an empty folder, as `scratch` is, on one file system
  std::filesystem::path scratch;
};

// A host that programs know by name.
struct HostAddress {
  std::string name;
  std::string address;  // IPv4
};

// A network that was made before (internal/host_network.h): descriptors of the namespaces.
struct JoinedNetwork {
  int user = -1;  // the user namespace that owns the other; -1: there is none to join
  int network = -1;
};

struct ProgramSpec {
  // argv[0] "clary" stands for this executable, wherever it is; anything else is a path inside, or
  // a name that PATH of `env` finds there.
  std::vector<std::string> argv;
  std::vector<std::string> env;  // "NAME=value": the whole environment
  std::filesystem::path work;    // seen as /opt/ml
  bool input_read_only = true;   // its input/, where the store's own files may be
  std::filesystem::path temp;    // seen as /tmp
  // The file system of a container image, which the program may change; empty: this host's system,
  // read-only.
  std::filesystem::path root = {};
  std::filesystem::path home = {};  // seen as /root, the home of the program's user; empty: none
  Network network = Network::kNone;
  std::string host = "algo-1";          // its host's name
  std::vector<HostAddress> hosts = {};  // of the job; empty: its host alone
  JoinedNetwork joined = {};            // instead of a new one, unless `network` is kHost
  std::vector<Reach> reach = {};
  std::optional<Served> served = {};  // needs a sandbox, and a network that is not kHost
  uint64_t memory_bytes = 0;      // data segment and anonymous memory of each process; 0: no limit
  std::vector<int> cores;         // cores the program may run on; empty: all
  std::vector<Shown> shown = {};  // beside the system's own folders; what is missing is left out
  std::vector<Overlay> overlays = {};
  std::string directory = "/opt/ml";  // where it starts
  std::vector<int> inherited = {};    // descriptors of ours that it keeps, under their numbers
  bool sandbox = true;                // false: a plain process that sees the host's files
};

// Whether bubblewrap is installed and can make the namespaces a job needs, here and now. Starting
// the probe costs nothing; its answer takes a few milliseconds.
class SandboxProbe {
 public:
  static SandboxProbe Start(Network network);
  SandboxProbe(SandboxProbe&&) = default;
  SandboxProbe& operator=(SandboxProbe&&) = default;
  // Blocks until the probe has ended; empty: the sandbox works, else why not. Once.
  std::string Wait();

 private:
  SandboxProbe() = default;
  pid_t pid_ = -1;
  Fd output_;
  std::string failure_;
};

// Whether this kernel lets its user lay folders over others (Overlay) below `dir`.
bool CanOverlay(const std::filesystem::path& dir);

// Whether it lets its user make the network of a job with several hosts: makes a small one.
// kFailedPrecondition "NoNamespaces". Forks.
Status CanJoinHosts();

// A running program. Its end kills every process it started. If this process dies, so does it.
class Program {
 public:
  // Forks: call it while this process has one thread.
  static Result<Program> Start(const ProgramSpec& spec);
  Program(Program&&) = default;
  Program& operator=(Program&&) = default;

  pid_t pid() const { return pid_; }            // of the outermost process
  int output() const { return output_.get(); }  // standard output and error; non-blocking
  int pidfd() const { return pidfd_.get(); }    // readable when it has ended
  // The listening sockets inside of ProgramSpec::reach, in its order: whoever accepts from them
  // carries the bytes. Once.
  std::vector<Fd> TakeListeners() { return std::move(listeners_); }
  // SIGTERM to every process of the program, not to its sandbox. False: it has not come up yet, try
  // again.
  bool Terminate();
  void Kill();                // SIGKILL to everything
  size_t CountTasks() const;  // processes and threads of it now
  std::optional<int> Wait();  // exit code once it has ended: 0..255, or 128 + signal; never blocks

 private:
  Program() = default;
  pid_t pid_ = -1;
  bool sandbox_ = false;
  Fd output_;
  Fd pidfd_;
  Fd info_;  // bubblewrap tells the pid of the sandbox's first process
  std::string info_text_;
  std::vector<Fd> listeners_;
};

}  // namespace clary::runner
