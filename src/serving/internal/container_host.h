// The host side of a model's containers: what both `clary model-server` and `clary transform-job`
// do to have them run.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/server_spec.h"
#include "base/error.h"
#include "objects/object_store.h"
#include "runner/host.h"
#include "serving/model_server.h"

namespace clary::serving {

constexpr uint64_t kMaxSpecBytes = 16 << 20;  // of server.json and transform.json
constexpr int kStopped = 128 + 15;            // the exit code of what SIGTERM ended

// What container `index` of a launch sees as /opt/ml.
std::filesystem::path WorkOf(const std::filesystem::path& directory, size_t index);

struct HostOptions {
  std::filesystem::path directory;  // of the launch
  std::vector<api::ContainerSpec> containers;
  std::string region;
  std::string log_root;
  std::string log_group;
  std::string log_stream;
  std::vector<std::string> notices;
  bool network_isolation = false;
  api::ScriptAccess access;
  std::chrono::seconds startup_timeout{240};
  std::chrono::seconds invocation_timeout{60};
  int cpus = 0;
  uint64_t memory_bytes = 0;
  ServeOptions serve;
};

// What a launch's spec says of its containers; Spec is api::ServerSpec or api::TransformSpec.
template <typename Spec>
HostOptions OptionsOf(const Spec& spec, const std::filesystem::path& directory,
                      const ServeOptions& serve) {
  return {.directory = directory,
          .containers = spec.containers,
          .region = spec.region,
          .log_root = spec.log_root,
          .log_group = spec.log_group,
          .log_stream = spec.log_stream,
          .notices = spec.notices,
          .network_isolation = spec.network_isolation,
          .access = spec.access,
          .invocation_timeout = std::chrono::seconds(spec.invocation_timeout_s),
          .cpus = spec.cpus,
          .memory_bytes = spec.memory_bytes,
          .serve = serve};
}

// What a launch's last event says.
struct End {
  int exit_code = 0;
  std::string detail;
};

// Runs `body` for the launch in `directory`, whose absolute path it is given, between its stop
// signal and its last event; an error of `body` is an end with 1 and `blame` before its message.
// Returns the exit code of that event; an error means that it could not be written. Call it while
// the process has one thread.
Result<int> RunLaunch(
    const std::filesystem::path& directory, std::string_view blame,
    const std::function<Result<End>(const std::filesystem::path& absolute,
                                    runner::EventFile& events, runner::StopSignal& stop)>& body);

// One object a launch, one thread. The programs die with this process.
class ContainerHost {
 public:
  // Makes the sockets and unpacks the models. `store` must outlive it. An error's message belongs
  // into events.jsonl as it is: "Failed to download model data ..." for a model that is not there.
  static Result<std::unique_ptr<ContainerHost>> Prepare(HostOptions options,
                                                        objects::ObjectStore& store);
  ~ContainerHost();  // kills what still runs, and removes the work directories

  // Starts the programs, after the packages of scripts' requirements are there. Forks: before any
  // other thread is made. kCancelled if `stop` is asked for meanwhile.
  Status Start(runner::StopSignal& stop);

  // Lines to the logs of all containers.
  void Log(const std::string& line);

  // Takes the programs' lines to the log until one of them has ended (false), or `stop` is asked
  // for or `wake` (a descriptor, or -1) is readable (true).
  bool Pump(runner::StopSignal& stop, int wake);
  // SIGTERM, after the grace SIGKILL; their last lines go to the log.
  void Stop(std::chrono::milliseconds grace);

  // After Pump() gave false: which container ended and how: "The container exited with status 1:
  // <its last line>".
  std::string Cause() const;
  // The last line that a container has written; empty: none has.
  std::string LastLine() const;

 private:
  struct State;
  explicit ContainerHost(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Asks /ping on `socket` until it answers 200. kDeadlineExceeded after `timeout`; kCancelled when
// `stop` is requested.
Status AwaitPing(const std::filesystem::path& socket, std::chrono::milliseconds timeout,
                 const std::stop_token& stop);

}  // namespace clary::serving
