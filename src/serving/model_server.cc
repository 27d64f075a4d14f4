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

struct Ended {
  int exit_code = 0;
  std::string detail;
};

Result<Ended> Serve(const api::ServerSpec& spec, const fs::path& directory,
                    objects::ObjectStore& store, const ServeOptions& options,
                    runner::EventFile& events, runner::StopSignal& stop) {
  auto host = ContainerHost::Prepare({.directory = directory,
                                      .containers = spec.containers,
                                      .region = spec.region,
                                      .log_root = spec.log_root,
                                      .log_group = spec.log_group,
                                      .log_stream = spec.log_stream,
                                      .notices = spec.notices,
                                      .cpus = spec.cpus,
                                      .memory_bytes = spec.memory_bytes,
                                      .serve = options},
                                     store);
  if (!host) return Ended{1, host.error().message};
  if (const Status started = (*host)->Start(); !started) return Ended{1, started.error().message};
  const Fd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return std::unexpected(ErrnoError(errno, "eventfd"));
  std::optional<HealthCheck> health(std::in_place, spec, directory, wake.get());
  if (!(*host)->Pump(stop, wake.get())) return Ended{1, (*host)->Cause()};
  if (!stop.Requested()) {
    if (const Status healthy = health->Take(); !healthy) return Ended{1, healthy.error().message};
    CLARY_CHECK_OK(events.Append({.kind = JobEvent::Kind::kPhase, .phase = api::kInService}));
    if (!(*host)->Pump(stop, -1)) return Ended{1, (*host)->Cause()};
  }
  health.reset();
  (*host)->Stop();
  return Ended{kStopped, ""};
}

}  // namespace

Result<int> RunInstance(const api::ServerSpec& spec, const fs::path& directory,
                        objects::ObjectStore& store, const ServeOptions& options) {
  CLARY_TRY(runner::StopSignal stop, runner::StopSignal::Make());
  std::error_code ec;
  const fs::path absolute = fs::absolute(directory, ec);
  CLARY_TRY(runner::EventFile events,
            runner::EventFile::Open(absolute / "events.jsonl", Clock::System()));
  auto ended = Serve(spec, absolute, store, options, events, stop);
  if (!ended) ended = Ended{1, ended.error().message};
  CLARY_CHECK_OK(events.Append(
      {.kind = JobEvent::Kind::kEnd, .detail = ended->detail, .exit_code = ended->exit_code}));
  CLARY_CHECK_OK(events.Sync());
  return ended->exit_code;
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
  // Without an end of its own it would only be lost; say why, if the disk lets us.
  if (auto events = runner::EventFile::Open(directory / "events.jsonl", Clock::System())) {
    (void)events->Append(
        {.kind = JobEvent::Kind::kEnd, .detail = ended.error().message, .exit_code = 1});
  }
  return 1;
}

}  // namespace clary::serving
