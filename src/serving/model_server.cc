#include "serving/model_server.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/log.h"
#include "net/client.h"
#include "objects/open_store.h"
#include "runner/host.h"
#include "serving/internal/container_host.h"

namespace clary::serving {
namespace fs = std::filesystem;
using api::JobEvent;
namespace {

constexpr std::chrono::seconds kHungGrace(2);  // between SIGTERM and SIGKILL

// A thread of its own that pings: first every container until all answer, then those that are ours
// as long as they do. Each of the two makes `wake` readable at its end.
class HealthCheck {
 public:
  HealthCheck(const api::ServerSpec& spec, const fs::path& directory, const ServeOptions& options,
              int wake)
      : thread_([this, &spec, directory, options, wake](const std::stop_token& stop) {
          for (size_t i = 0; i < spec.containers.size() && status_; ++i) {
            status_ = AwaitPing(api::SocketOf(directory, i),
                                std::chrono::seconds(spec.startup_timeout_s), stop);
          }
          const bool started = status_.has_value();
          Wake(wake);
          if (!started) return;
          go_on_.wait(false);
          if (stop.stop_requested()) return;
          status_ = Watch(spec, directory, options, stop);
          if (!status_) Wake(wake);
        }) {}
  ~HealthCheck() {
    thread_.request_stop();
    GoOn();
  }
  // How the start was, after `wake` became readable; then, after GoOn(), how it hangs.
  const Status& status() const { return status_; }
  void GoOn() {
    go_on_ = true;
    go_on_.notify_all();
  }

 private:
  static void Wake(int wake) {
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = ::write(wake, &one, sizeof one);
  }

  static Status Watch(const api::ServerSpec& spec, const fs::path& directory,
                      const ServeOptions& options, const std::stop_token& stop) {
    struct Watched {
      std::string name;
      std::unique_ptr<net::HttpClient> client;
      int unanswered = 0;
    };
    std::vector<Watched> watched;
    for (size_t i = 0; i < spec.containers.size(); ++i) {
      const api::ContainerSpec& container = spec.containers[i];
      if (container.program == "script" || container.program == "image") continue;
      CLARY_TRY(auto client, net::HttpClient::Create({.unix_socket = api::SocketOf(directory, i),
                                                      .total_timeout = options.ping_timeout}));
      watched.push_back({.name = container.name, .client = std::move(client)});
    }
    while (!watched.empty() && !stop.stop_requested()) {
      Clock::System().Sleep(options.ping_interval, stop);
      for (Watched& one : watched) {
        const auto answer = one.client->Send({.url = "http://localhost/ping", .stop = stop});
        if (stop.stop_requested()) return {};
        one.unanswered = answer && answer->status == 200 ? 0 : one.unanswered + 1;
        if (one.unanswered < 2) continue;
        return Fail(Code::kDeadlineExceeded, "NoPing",
                    "The container " + one.name + " does not answer /ping any more.");
      }
    }
    return {};
  }

  Status status_;
  std::atomic<bool> go_on_ = false;
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
  HealthCheck health(spec, directory, options, wake.get());
  if (!(*host)->Pump(stop, wake.get())) return End{1, (*host)->Cause()};
  if (!stop.Requested()) {
    if (!health.status()) {
      std::string why = health.status().error().message;
      if (const std::string line = (*host)->LastLine(); !line.empty()) {
        why += " The last that it said: " + line;
      }
      (*host)->Stop(kHungGrace);  // a script tells the log where it hangs
      return End{1, why};
    }
    CLARY_CHECK_OK(events.Append({.kind = JobEvent::Kind::kPhase, .phase = api::kInService}));
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t n = ::read(wake.get(), &count, sizeof count);
    health.GoOn();
    if (!(*host)->Pump(stop, wake.get())) return End{1, (*host)->Cause()};
    if (!stop.Requested()) {
      (*host)->Log("[clary] " + health.status().error().message);
      return End{1, health.status().error().message};
    }
  }
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
  CLARY_TRY(const auto store, objects::OpenStore(spec.store));
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
