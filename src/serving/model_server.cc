#include "serving/model_server.h"

#include <sys/eventfd.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "net/client.h"
#include "objects/open_store.h"
#include "runner/host.h"
#include "runner/usage.h"
#include "serving/internal/container_host.h"

namespace clary::serving {
namespace fs = std::filesystem;
using api::JobEvent;
namespace {

constexpr size_t kMostUnloadsTold = 1000;
constexpr std::chrono::seconds kHungGrace(2);  // between SIGTERM and SIGKILL

// Writes usage.json.
class UsageFile {
 public:
  UsageFile(const api::ServerSpec& spec, fs::path directory)
      : directory_(std::move(directory)),
        memory_bytes_(spec.memory_bytes > 0 ? spec.memory_bytes
                                            : static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                                                  static_cast<uint64_t>(::sysconf(_SC_PAGESIZE))),
        last_(runner::UsageBelow(::getpid())) {}

  // `many` asks the container of many models; null: there is none.
  void Write(net::HttpClient* many) {
    const runner::Usage now = runner::UsageBelow(::getpid());
    const auto time = std::chrono::steady_clock::now();
    const double seconds = std::chrono::duration<double>(time - time_).count();
    api::InstanceUsage usage{
        .time_ms = ToMillis(Clock::System().Now()),
        .cpu_percent = 100 * std::max(0.0, now.cpu_seconds - last_.cpu_seconds) / seconds,
        .memory_percent = 100 * static_cast<double>(now.resident_bytes) /
                          static_cast<double>(std::max<uint64_t>(memory_bytes_, 1))};
    struct statvfs disk{};
    if (::statvfs(directory_.c_str(), &disk) == 0 && disk.f_blocks > 0) {
      const auto used = static_cast<double>(disk.f_blocks - disk.f_bfree);
      usage.disk_percent = 100 * used / (used + static_cast<double>(disk.f_bavail));
    }
    if (many != nullptr) AskForModels(*many, usage);
    last_ = now;
    time_ = time;
    if (const Status written = WriteFileAtomic(directory_ / "usage.json", usage.ToJson());
        !written) {
      LOG(kWarn, "usage.json is not written", {"message", written.error().message});
    }
  }

 private:
  static void AskForModels(net::HttpClient& many, api::InstanceUsage& usage) {
    const auto answer = many.Send({.url = "http://localhost/models"});
    if (!answer || answer->status != 200) return;
    const auto listed = nlohmann::json::parse(answer->body, nullptr, false);
    if (!listed.is_object()) return;
    const auto list = [&](const char* name) {
      const auto it = listed.find(name);
      return it != listed.end() && it->is_array() ? *it : nlohmann::json::array();
    };
    usage.multi_model = true;
    usage.loaded_models = static_cast<int64_t>(list("models").size());
    for (const auto& took : list("unloads_us")) {
      if (took.is_number_integer() && usage.unloads_us.size() < kMostUnloadsTold) {
        usage.unloads_us.push_back(took.get<int64_t>());
      }
    }
  }

  const fs::path directory_;
  const uint64_t memory_bytes_;
  runner::Usage last_;
  std::chrono::steady_clock::time_point time_ = std::chrono::steady_clock::now();
};

// A thread of its own that pings: first every container until all answer, then those that are ours
// as long as they do, and tells what the instance uses. Each of the two makes `wake` readable at
// its end.
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
    std::unique_ptr<net::HttpClient> many;
    for (size_t i = 0; i < spec.containers.size(); ++i) {
      const api::ContainerSpec& container = spec.containers[i];
      if (container.multi_model) {
        CLARY_TRY(many, net::HttpClient::Create({.unix_socket = api::SocketOf(directory, i),
                                                 .total_timeout = options.ping_timeout}));
      }
      if (container.program == "script" || container.program == "image") continue;
      CLARY_TRY(auto client, net::HttpClient::Create({.unix_socket = api::SocketOf(directory, i),
                                                      .total_timeout = options.ping_timeout}));
      watched.push_back({.name = container.name, .client = std::move(client)});
    }
    UsageFile usage(spec, directory);
    auto used = std::chrono::steady_clock::now();
    while (!stop.stop_requested()) {
      Clock::System().Sleep(watched.empty() ? options.usage_interval : options.ping_interval, stop);
      if (stop.stop_requested()) return {};
      if (const auto now = std::chrono::steady_clock::now(); now - used >= options.usage_interval) {
        used = now;
        usage.Write(many.get());
      }
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
