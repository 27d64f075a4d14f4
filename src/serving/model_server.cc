#include "serving/model_server.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <optional>
#include <thread>

#include "base/file.h"
#include "base/log.h"
#include "objects/file_store.h"
#include "runner/host.h"
#include "serving/internal/container_host.h"

namespace clary::serving {
namespace fs = std::filesystem;
using api::JobEvent;
namespace {

constexpr std::chrono::seconds kHungGrace(2);  // between SIGTERM and SIGKILL

// Pings every container until all answer, then makes `wake` readable.
class HealthCheck {
 public:
  HealthCheck(const api::ServerSpec& spec, const fs::path& directory, int wake)
      : thread_([this, &spec, directory, wake](const std::stop_token& stop) {
          for (size_t i = 0; i < spec.containers.size() && status_; ++i) {
            status_ = AwaitPing(api::SocketOf(directory, i),
                                std::chrono::seconds(spec.startup_timeout_s), stop);
          }
          const uint64_t one = 1;
          [[maybe_unused]] const ssize_t n = ::write(wake, &one, sizeof one);
        }) {}
  // After `wake` became readable.
  Status Take() {
    thread_.join();
    return status_;
  }

 private:
  Status status_;
  std::jthread thread_;
};

Result<End> Serve(const api::ServerSpec& spec, const fs::path& directory,
                  objects::ObjectStore& store, const ServeOptions& options,
                  runner::EventFile& events, runner::StopSignal& stop) {
  HostOptions host_options = OptionsOf(spec, directory, options);
  host_options.startup_timeout = std::chrono::seconds(spec.startup_timeout_s);
  auto host = ContainerHost::Prepare(std::move(host_options), store);
  if (!host) return End{1, host.error().message};
  if (const Status started = (*host)->Start(stop); !started) {
    if (started.error().code == Code::kCancelled) return End{kStopped, ""};
    return End{1, started.error().message};
  }
  const Fd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return std::unexpected(ErrnoError(errno, "eventfd"));
  std::optional<HealthCheck> health(std::in_place, spec, directory, wake.get());
  if (!(*host)->Pump(stop, wake.get())) return End{1, (*host)->Cause()};
  if (!stop.Requested()) {
    if (const Status healthy = health->Take(); !healthy) {
      std::string why = healthy.error().message;
      if (const std::string line = (*host)->LastLine(); !line.empty()) {
        why += " The last that it said: " + line;
      }
      (*host)->Stop(kHungGrace);  // a script tells the log where it hangs
      return End{1, why};
    }
    CLARY_CHECK_OK(events.Append({.kind = JobEvent::Kind::kPhase, .phase = api::kInService}));
    if (!(*host)->Pump(stop, -1)) return End{1, (*host)->Cause()};
  }
  health.reset();
  (*host)->Stop(options.grace);
  return End{kStopped, ""};
}

}  // namespace

Result<int> RunInstance(const api::ServerSpec& spec, const fs::path& directory,
                        objects::ObjectStore& store, const ServeOptions& options) {
  return RunLaunch(directory, "", [&](const fs::path& absolute, auto& events, auto& stop) {
    return Serve(spec, absolute, store, options, events, stop);
  });
}

namespace {

Result<int> RunDirectory(const fs::path& directory) {
  CLARY_TRY(const std::string text, ReadFile(directory / "server.json", kMaxSpecBytes));
  CLARY_TRY(const api::ServerSpec spec, api::ServerSpec::FromJson(text));
  CLARY_TRY(const auto store, objects::FileStore::Open(spec.store));
  return RunInstance(spec, directory, *store);
}

}  // namespace

int RunModelServer(const fs::path& directory) {
  const auto ended = RunDirectory(directory);
  if (ended) return *ended;
  LOG(kError, "model server failed", {"directory", directory.string()},
      {"error", ended.error().message});
  return runner::AppendFailure(directory, ended.error().message);
}

}  // namespace clary::serving
