#include "serving/internal/container_host.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>

#include "base/file.h"
#include "base/strings.h"
#include "net/client.h"
#include "runner/job_log.h"
#include "runner/program.h"
#include "runner/unpack.h"

namespace clary::serving {
namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
namespace {

constexpr milliseconds kTermRetry(5);
constexpr Duration kPingTimeout{2'000};
constexpr Duration kPingPause{5};
constexpr int kBacklog = 1024;

// A listening socket at `path`, whatever its length; one that is there is replaced.
Result<Fd> ListenAt(const fs::path& path) {
  CLARY_TRY(const Fd directory, OpenFile(path.parent_path(), O_PATH | O_DIRECTORY));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name =
      fmt::format("/proc/self/fd/{}/{}", directory.get(), path.filename().string());
  if (name.size() >= sizeof address.sun_path) {
    return Fail(Code::kInvalidArgument, "BadSocket", "the name of the socket is too long");
  }
  std::memcpy(address.sun_path, name.c_str(), name.size() + 1);
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return std::unexpected(ErrnoError(errno, "socket"));
  ::unlink(path.c_str());
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd.get(), kBacklog) != 0) {
    return std::unexpected(ErrnoError(errno, "listening at " + path.string()));
  }
  return fd;
}

Error NoModelData(size_t index, const std::string& uri, const Error& why) {
  return {why.code, "NoModelData",
          fmt::format("Failed to download model data for container \"container_{}\" from URL: "
                      "\"{}\". Please ensure that there is an object located at the URL and that "
                      "the role passed to CreateModel has permissions to download the object. {}",
                      index + 1, uri, why.message)};
}

Status FetchModel(objects::ObjectStore& store, const std::string& uri, const fs::path& to) {
  CLARY_TRY(const auto ref, objects::ObjectRef::ParseUri(uri));
  CLARY_TRY(auto object, store.Get(ref));
  const auto unpacked = runner::UnpackTar(*object.body, to);
  if (!unpacked) return std::unexpected(unpacked.error());
  return {};
}

}  // namespace

struct ContainerHost::State {
  struct Container {
    const api::ContainerSpec* spec = nullptr;
    fs::path work;
    fs::path temp;
    Fd listener;
    std::unique_ptr<runner::JobLog> log;
    std::optional<runner::Program> program;
    runner::LineSplitter splitter;
    bool output_ended = false;
    std::optional<int> exit_code;
    std::string last_line;

    void Say(const std::vector<std::string>& lines) {
      if (lines.empty()) return;
      last_line = lines.back();
      log->Write(lines);
    }
    // Takes what is in the pipe now to the log.
    void Drain(std::vector<char>& buffer) {
      while (!output_ended) {
        const ssize_t n = ::read(program->output(), buffer.data(), buffer.size());
        if (n > 0) {
          Say(splitter.Feed({buffer.data(), static_cast<size_t>(n)}));
        } else if (n == 0) {
          output_ended = true;
        } else if (errno != EINTR) {
          return;
        }
      }
    }
    // Whether it has ended; its last lines are in the log then.
    bool Reap(std::vector<char>& buffer) {
      if (!exit_code && program) {
        exit_code = program->Wait();
        if (exit_code) {
          Drain(buffer);
          Say(splitter.Finish());
        }
      }
      return exit_code.has_value();
    }
  };

  Status MakeContainer(size_t index, objects::ObjectStore& store);
  Result<runner::Program> StartProgram(Container& c) const;
  std::vector<std::string> Environment(const Container& c) const;

  HostOptions options;
  bool sandbox = false;
  std::vector<std::unique_ptr<Container>> containers;
  std::vector<char> buffer = std::vector<char>(1 << 16);
};

Status ContainerHost::State::MakeContainer(size_t index, objects::ObjectStore& store) {
  auto c = std::make_unique<Container>();
  c->spec = &options.containers[index];
  const std::string suffix = std::to_string(index + 1);
  c->work = options.directory / ("work-" + suffix);
  c->temp = options.directory / ("tmp-" + suffix);
  std::string stream = options.log_stream;
  if (options.containers.size() > 1) stream += "/" + c->spec->name;
  CLARY_TRY(auto writer, meta::LogWriter::Open(options.log_root, options.log_group, stream));
  c->log = std::make_unique<runner::JobLog>(std::move(writer), Clock::System());
  Container& made = *containers.emplace_back(std::move(c));
  for (const std::string& notice : options.notices) {
    made.log->Write(runner::CleanLine("[clary] NOTE: not provided on this machine: " + notice));
  }
  CLARY_TRY(made.listener, ListenAt(api::SocketOf(options.directory, index)));
  CLARY_CHECK_OK(RemoveTree(made.work));
  CLARY_CHECK_OK(RemoveTree(made.temp));
  for (const fs::path& d : {made.work / "model", made.work / "input", made.temp}) {
    CLARY_CHECK_OK(MakeDirectories(d));
  }
  if (made.spec->model_uri.empty()) return {};
  if (const Status got = FetchModel(store, made.spec->model_uri, made.work / "model"); !got) {
    return std::unexpected(NoModelData(index, made.spec->model_uri, got.error()));
  }
  return {};
}

std::vector<std::string> ContainerHost::State::Environment(const Container& c) const {
  std::map<std::string, std::string> env = {{"PATH", "/usr/local/bin:/usr/bin:/bin"},
                                            {"HOME", "/tmp"},
                                            {"LANG", "C.UTF-8"},
                                            {"PYTHONUNBUFFERED", "1"},
                                            {"AWS_REGION", options.region},
                                            {"SAGEMAKER_REGION", options.region}};
  for (const auto& [name, value] : c.spec->environment) env[name] = value;
  env["SAGEMAKER_BASE_DIR"] = sandbox ? "/opt/ml" : c.work.string();
  env["CLARY_IMAGE_VERSION"] = c.spec->image_version;
  env["CLARY_LISTENER"] = std::to_string(c.listener.get());
  env["SM_NUM_CPUS"] = std::to_string(runner::UsableCores(options.cpus));
  std::vector<std::string> out;
  for (const auto& [name, value] : env) {
    // A NUL would end the variable early and could hide another one behind it.
    if (value.find('\0') == std::string::npos) out.push_back(name + "=" + value);
  }
  return out;
}

Result<runner::Program> ContainerHost::State::StartProgram(Container& c) const {
  runner::ProgramSpec program{.argv = options.serve.program,
                              .env = Environment(c),
                              .work = c.work,
                              .temp = c.temp,
                              .network = runner::Network::kNone,
                              .memory_bytes = options.memory_bytes,
                              .inherited = {c.listener.get()},
                              .sandbox = sandbox};
  if (program.argv.empty()) program.argv = {"clary", "algorithm", c.spec->program + "-serve"};
  return runner::Program::Start(program);
}

ContainerHost::ContainerHost(std::unique_ptr<State> state) : state_(std::move(state)) {}

ContainerHost::~ContainerHost() {
  for (auto& c : state_->containers) {
    if (c->program && !c->exit_code) c->program->Kill();
    (void)RemoveTree(c->work);
    (void)RemoveTree(c->temp);
  }
}

Result<std::unique_ptr<ContainerHost>> ContainerHost::Prepare(HostOptions options,
                                                              objects::ObjectStore& store) {
  std::unique_ptr<ContainerHost> host(new ContainerHost(std::make_unique<State>()));
  State& state = *host->state_;
  state.options = std::move(options);
  auto probe = state.options.serve.sandbox
                   ? std::optional(runner::SandboxProbe::Start(runner::Network::kNone))
                   : std::nullopt;
  Status made;
  for (size_t i = 0; i < state.options.containers.size() && made; ++i) {
    made = state.MakeContainer(i, store);
  }
  const std::string why = probe ? probe->Wait() : "turned off";
  state.sandbox = why.empty();
  if (!made) {
    if (!state.containers.empty()) host->Log(made.error().message);
    return std::unexpected(made.error());
  }
  if (!state.sandbox && state.options.serve.sandbox) {
    host->Log("[clary] WARNING: this model is served without a sandbox: " + why +
              ". It is read by a plain process that can read the files of this machine that the "
              "service's user can read.");
  }
  return host;
}

Status ContainerHost::Start() {
  for (auto& c : state_->containers) {
    CLARY_TRY(c->program, state_->StartProgram(*c));
    c->listener = Fd();  // the program's alone: its end refuses connections
  }
  return {};
}

void ContainerHost::Log(const std::string& line) {
  for (auto& c : state_->containers) c->log->Write(runner::CleanLine(line));
}

bool ContainerHost::Pump(runner::StopSignal& stop, int wake) {
  std::vector<pollfd> polls;
  for (;;) {
    if (stop.Requested()) return true;
    polls.clear();
    for (const auto& c : state_->containers) {
      polls.push_back({c->output_ended ? -1 : c->program->output(), POLLIN, 0});
      polls.push_back({c->program->pidfd(), POLLIN, 0});
    }
    polls.push_back({stop.fd(), POLLIN, 0});
    polls.push_back({wake, POLLIN, 0});
    ::poll(polls.data(), polls.size(), -1);
    bool ended = false;
    for (auto& c : state_->containers) {
      c->Drain(state_->buffer);
      ended = c->Reap(state_->buffer) || ended;
    }
    if (ended) return false;
    if (polls.back().revents != 0) return true;
  }
}

void ContainerHost::Stop() {
  const auto deadline = steady_clock::now() + state_->options.serve.grace;
  std::vector<bool> told(state_->containers.size());
  for (;;) {
    bool all_ended = true;
    const bool late = steady_clock::now() >= deadline;
    std::vector<pollfd> polls;
    bool all_told = true;
    for (size_t i = 0; i < state_->containers.size(); ++i) {
      auto& c = *state_->containers[i];
      if (!c.program) continue;
      c.Drain(state_->buffer);
      if (c.Reap(state_->buffer)) continue;
      all_ended = false;
      if (!told[i]) told[i] = c.program->Terminate();
      all_told = all_told && told[i];
      if (late) c.program->Kill();
      polls.push_back({c.output_ended ? -1 : c.program->output(), POLLIN, 0});
      polls.push_back({c.program->pidfd(), POLLIN, 0});
    }
    if (all_ended) return;
    const auto left =
        std::chrono::ceil<milliseconds>(deadline - steady_clock::now()) + milliseconds(1);
    const auto wait = all_told && !late ? std::max(left, kTermRetry) : kTermRetry;
    ::poll(polls.data(), polls.size(), static_cast<int>(wait.count()));
  }
}

std::string ContainerHost::Cause() const {
  for (const auto& c : state_->containers) {
    if (!c->exit_code) continue;
    const int code = *c->exit_code;
    std::string text = code > 128 ? fmt::format("The container was ended by signal {}", code - 128)
                                  : fmt::format("The container exited with status {}", code);
    if (state_->containers.size() > 1) text = c->spec->name + ": " + text;
    return c->last_line.empty() ? text + "." : text + ": " + c->last_line;
  }
  return "";
}

Status AwaitPing(const fs::path& socket, milliseconds timeout, const std::stop_token& stop) {
  const auto deadline = steady_clock::now() + timeout;
  CLARY_TRY(const auto client,
            net::HttpClient::Create(
                {.unix_socket = socket, .total_timeout = kPingTimeout, .max_body_bytes = 1 << 16}));
  std::string last = "no answer";
  while (steady_clock::now() < deadline) {
    if (stop.stop_requested()) return Fail(Code::kCancelled, "Stopped", "stopped");
    const auto answer = client->Send({.url = "http://localhost/ping"});
    if (answer && answer->status == 200) return {};
    last = answer ? fmt::format("it answered {}", answer->status) : answer.error().message;
    Clock::System().Sleep(kPingPause, stop);
  }
  return Fail(Code::kDeadlineExceeded, "NoPing",
              fmt::format("No container answered /ping with 200 within {} s; {}.",
                          std::chrono::ceil<std::chrono::seconds>(timeout).count(), last));
}

Result<int> RunLaunch(
    const fs::path& directory, std::string_view blame,
    const std::function<Result<End>(const fs::path& absolute, runner::EventFile& events,
                                    runner::StopSignal& stop)>& body) {
  CLARY_TRY(runner::StopSignal stop, runner::StopSignal::Make());
  std::error_code ec;
  const fs::path absolute = fs::absolute(directory, ec);
  CLARY_TRY(runner::EventFile events,
            runner::EventFile::Open(absolute / "events.jsonl", Clock::System()));
  auto end = body(absolute, events, stop);
  if (!end) end = End{1, std::string(blame) + end.error().message};
  CLARY_CHECK_OK(events.Append(
      {.kind = api::JobEvent::Kind::kEnd, .detail = end->detail, .exit_code = end->exit_code}));
  CLARY_CHECK_OK(events.Sync());
  return end->exit_code;
}

}  // namespace clary::serving
