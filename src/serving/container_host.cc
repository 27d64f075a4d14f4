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
#include "runner/channels.h"
#include "runner/follow.h"
#include "runner/job_log.h"
#include "runner/program.h"
#include "runner/unpack.h"
#include "runner/user_program.h"
#include "serving/container.h"
#include "serving/internal/model_library.h"
#include "toolkit/python.h"

namespace clary::serving {
namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
namespace {

constexpr milliseconds kTermRetry(5);
constexpr Duration kPingTimeout{2'000};
constexpr Duration kPingPause{5};
constexpr int kBacklog = 1024;
constexpr milliseconds kInstallGrace(2'000);  // between SIGTERM and SIGKILL of pip
constexpr uint64_t kMaxRequirements = 1 << 20;
constexpr uint64_t kLogLimit = 64 << 20;  // bytes of a container's lines that are kept each hour
constexpr std::chrono::hours kLogEvery(1);
constexpr size_t kMaxTasks = 8192;                   // processes and threads of a user's program
constexpr char kSubmitDirectory[] = "/opt/ml/code";  // where code from S3 is unpacked
constexpr char kOptMl[] = "/opt/ml/";
constexpr uint16_t kImagePort = 8080;  // where a container image listens
// Where a container of many models finds the socket of its library, and their files.
constexpr char kLibrary[] = "/opt/clary/library";
constexpr char kLibrarySocket[] = "models.sock";
constexpr char kModels[] = "/opt/ml/models";
// Where an explainer finds the sockets of the model's containers, and its baseline.
constexpr char kUpstream[] = "/opt/clary/upstream";
constexpr char kBaseline[] = "input/baseline";

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

Status FetchArchive(objects::ObjectStore& store, const std::string& uri, const fs::path& to) {
  CLARY_TRY(const auto ref, objects::ObjectRef::ParseUri(uri));
  CLARY_TRY(auto object, store.Get(ref));
  const auto unpacked = runner::UnpackTar(*object.body, to);
  if (!unpacked) return std::unexpected(unpacked.error());
  return {};
}

std::string Variable(const api::ContainerSpec& spec, const char* name) {
  const auto it = spec.environment.find(name);
  return it != spec.environment.end() ? it->second : std::string();
}

// Where a script's code is told to be: a path inside; empty: nowhere.
std::string SubmitDirectory(const api::ContainerSpec& spec) {
  std::string given = Variable(spec, "SAGEMAKER_SUBMIT_DIRECTORY");
  if (given.starts_with("s3://")) return kSubmitDirectory;
  if (given.starts_with("file://")) given.erase(0, 7);
  return given;
}

bool IsScript(const api::ContainerSpec& spec) { return spec.program == "script"; }
bool IsImage(const api::ContainerSpec& spec) { return spec.program == "image"; }
// Whether users wrote what it runs.
bool IsUsers(const api::ContainerSpec& spec) { return IsScript(spec) || IsImage(spec); }
bool IsExplainer(const api::ContainerSpec& spec) { return spec.program == "explainer"; }

Status FetchBaseline(objects::ObjectStore& store, const std::string& uri, const fs::path& to) {
  constexpr uint64_t kMaxBaseline = uint64_t{64} << 20;
  const auto named = [&](const Error& error) {
    return Fail(Code::kInvalidArgument, "NoBaseline",
                fmt::format("ShapBaselineUri {}: {}", uri, error.message));
  };
  const auto ref = objects::ObjectRef::ParseUri(uri);
  if (!ref) return named(ref.error());
  auto object = store.Get(*ref);
  if (!object) return named(object.error());
  const auto bytes = ReadAll(*object->body, kMaxBaseline);
  if (!bytes) return named(bytes.error());
  return WriteFileAtomic(to, *bytes);
}

}  // namespace

fs::path WorkOf(const fs::path& directory, size_t index) {
  return directory / ("work-" + std::to_string(index + 1));
}

struct ContainerHost::State {
  struct Container {
    const api::ContainerSpec* spec = nullptr;
    fs::path work;
    fs::path temp;
    // Of a script: its home, its Python, and the packages of its requirements.
    runner::UserProgram user;
    fs::path home;
    fs::path python;
    fs::path layer;
    fs::path image;  // of a container image: what it changes of its files
    toolkit::HeldLayer shown_layer;
    std::vector<runner::Reach> reach;
    std::unique_ptr<net::Forwarder> forwarder;
    // Of many models: the socket's folder, the models' folder, who brings them.
    fs::path library;
    fs::path models;
    Fd library_listener;
    std::unique_ptr<ModelLibrary> librarian;
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
      log->WriteOutput(lines);
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
    std::vector<const fs::path*> Folders() const {
      return {&work, &temp, &home, &python, &layer, &image, &library, &models};
    }
  };

  Status MakeContainer(size_t index, objects::ObjectStore& store);
  Status FetchScript(Container& c, objects::ObjectStore& store) const;
  Status InstallRequirements(Container& c, runner::StopSignal& stop);
  Result<runner::Program> StartProgram(Container& c) const;
  Result<runner::ProgramSpec> ProgramOf(const Container& c) const;
  Result<runner::ProgramSpec> ScriptOf(const Container& c) const;
  Result<runner::ProgramSpec> ImageOf(const Container& c) const;
  std::map<std::string, std::string> ManyModels(const Container& c) const;
  std::vector<runner::Shown> Upstream() const;
  std::map<std::string, std::string> Environment(const Container& c) const;
  void EndIfHarmful();

  HostOptions options;
  objects::ObjectStore* store = nullptr;
  bool sandbox = false;
  std::string no_sandbox;  // why not
  std::vector<std::unique_ptr<Container>> containers;
  std::optional<runner::Guard> guard;  // of users' programs
  std::string ended_for;               // why we have ended them; empty: we have not
  std::vector<char> buffer = std::vector<char>(1 << 16);
};

Status ContainerHost::State::MakeContainer(size_t index, objects::ObjectStore& store) {
  auto c = std::make_unique<Container>();
  c->spec = &options.containers[index];
  const std::string suffix = std::to_string(index + 1);
  c->work = WorkOf(options.directory, index);
  c->temp = options.directory / ("tmp-" + suffix);
  c->home = options.directory / ("home-" + suffix);
  c->python = options.directory / ("python-" + suffix);
  c->layer = options.directory / ("layer-" + suffix);
  c->image = options.directory / ("image-" + suffix);
  c->library = options.directory / ("library-" + suffix);
  c->models = options.directory / ("models-" + suffix);
  std::string stream = options.log_stream;
  if (options.containers.size() > 1) stream += "/" + c->spec->name;
  CLARY_TRY(auto writer, meta::LogWriter::Open(options.log_root, options.log_group, stream));
  c->log =
      std::make_unique<runner::JobLog>(std::move(writer), Clock::System(), kLogLimit, kLogEvery);
  Container& made = *containers.emplace_back(std::move(c));
  for (const std::string& notice : options.notices) {
    made.log->Write(runner::CleanLine("[clary] NOTE: not provided on this machine: " + notice));
  }
  CLARY_TRY(made.listener, ListenAt(api::SocketOf(options.directory, index)));
  for (const fs::path* folder : made.Folders()) CLARY_CHECK_OK(RemoveTree(*folder));
  for (const fs::path& d : {made.work / "model", made.work / "input", made.temp}) {
    CLARY_CHECK_OK(MakeDirectories(d));
  }
  if (made.spec->multi_model) {
    for (const fs::path& d : {made.library, made.models, made.work / "models"}) {
      CLARY_CHECK_OK(MakeDirectories(d));
    }
    CLARY_TRY(made.library_listener, ListenAt(made.library / kLibrarySocket));
  } else if (!made.spec->model_uri.empty()) {
    const fs::path model = made.work / "model";
    const Status got = made.spec->model_folder
                           ? runner::DownloadFolder(made.spec->model_uri, store, model, {})
                           : FetchArchive(store, made.spec->model_uri, model);
    if (!got) {
      return std::unexpected(NoModelData(index, made.spec->model_uri, got.error()));
    }
  }
  if (!made.spec->baseline_uri.empty()) {
    CLARY_CHECK_OK(FetchBaseline(store, made.spec->baseline_uri, made.work / kBaseline));
  }
  return IsUsers(*made.spec) ? FetchScript(made, store) : Status();
}

Status ContainerHost::State::FetchScript(Container& c, objects::ObjectStore& store) const {
  const std::string uri = Variable(*c.spec, "SAGEMAKER_SUBMIT_DIRECTORY");
  c.user = {.region = options.region,
            .network_isolation = options.network_isolation,
            .network = options.access.network,
            .endpoint = options.access.endpoint,
            .contact = options.access.contact,
            .ca_bundle = options.access.ca_bundle,
            .credentials = options.access.credentials,
            .python = c.spec->python,
            .cpus = options.cpus,
            .environment = c.spec->environment};
  c.log->Write(runner::PythonNotes(c.spec->python));
  CLARY_CHECK_OK(MakeDirectories(c.home));
  if (IsImage(*c.spec)) {
    // All of its kind listen on one port.
    if (c.user.network == "open") c.user.network = "clary";
    return {};
  }
  // ModelBuilder of SDK v3 packs this folder even if it is empty, and its script would copy it over
  // /lib, where nobody may write.
  std::error_code ignored;
  fs::remove(c.work / "model/shared_libs", ignored);
  if (!uri.starts_with("s3://")) return {};
  CLARY_CHECK_OK(MakeDirectories(c.work / "code"));
  if (const Status got = FetchArchive(store, uri, c.work / "code"); !got) {
    return Fail(
        Code::kInvalidArgument, "NoCode",
        "The code of the inference script cannot be had from SAGEMAKER_SUBMIT_DIRECTORY \"" + uri +
            "\": " + got.error().message);
  }
  return {};
}

// The packages of the requirements.txt beside the script. The last lines of pip are in the log.
Status ContainerHost::State::InstallRequirements(Container& c, runner::StopSignal& stop) {
  // Nothing of the user's has run yet, and archives have no links: these are plain files.
  std::string folder;
  const std::string program = Variable(*c.spec, "SAGEMAKER_PROGRAM");
  for (const std::string& candidate :
       {SubmitDirectory(*c.spec), std::string("/opt/ml/model/code")}) {
    const std::string inside = fs::path(candidate).lexically_normal().string() + "/";
    if (!inside.starts_with(kOptMl)) continue;
    const fs::path outside = c.work / inside.substr(sizeof kOptMl - 1);
    std::error_code ec;
    if (!program.empty() && !fs::exists(outside / program, ec)) continue;
    if (!fs::is_directory(outside, ec)) continue;
    if (fs::is_regular_file(outside / "requirements.txt", ec)) folder = candidate;
    break;
  }
  if (folder.empty()) return {};
  const fs::path file =
      c.work / (fs::path(folder).lexically_normal().string() + "/requirements.txt")
                   .substr(sizeof kOptMl - 1);
  CLARY_TRY(const std::string text, ReadFile(file, kMaxRequirements));
  CLARY_TRY(const toolkit::Python python, toolkit::LookAtPython(c.spec->python.interpreter));
  const runner::Requirements requirements(c.user, python, text);
  if (auto ready = requirements.Ready()) {
    c.shown_layer = *std::move(ready);
    c.log->Write("[clary] requirements.txt: the packages of an earlier program with this file");
    return {};
  }
  CLARY_TRY(runner::ProgramSpec installer, ProgramOf(c));
  CLARY_CHECK_OK(requirements.Prepare(c.layer, installer));
  installer.directory = folder;
  CLARY_TRY(const runner::Ended ended, runner::Follow(installer, {.stop = stop,
                                                                  .log = *c.log,
                                                                  .grace = kInstallGrace,
                                                                  .limit = options.startup_timeout,
                                                                  .contact = c.user.contact}));
  if (ended.stopped) return Fail(Code::kCancelled, "Stopped", "stopped");
  if (ended.timed_out) {
    return Fail(Code::kDeadlineExceeded, "InstallFailed",
                fmt::format("The packages of requirements.txt were not installed within {} s.",
                            options.startup_timeout.count()));
  }
  if (ended.exit_code != 0) {
    const auto lines = Split(Trim(ended.last_output), '\n');
    return Fail(
        Code::kInvalidArgument, "InstallFailed",
        fmt::format("The packages of requirements.txt could not be installed: {}",
                    lines.back().empty() ? fmt::format("pip ended with status {}", ended.exit_code)
                                         : std::string(lines.back())));
  }
  c.shown_layer = requirements.Keep(c.layer);
  return {};
}

std::map<std::string, std::string> ContainerHost::State::Environment(const Container& c) const {
  std::map<std::string, std::string> env = {{"PATH", "/usr/local/bin:/usr/bin:/bin"},
                                            {"HOME", "/tmp"},
                                            {"LANG", "C.UTF-8"},
                                            {"PYTHONUNBUFFERED", "1"},
                                            {"AWS_REGION", options.region},
                                            {"SAGEMAKER_REGION", options.region}};
  for (const auto& [name, value] : c.spec->environment) env[name] = value;
  for (const auto& [name, value] : ManyModels(c)) env[name] = value;
  if (IsExplainer(*c.spec)) {
    std::vector<std::string> sockets;
    for (const runner::Shown& one : Upstream()) sockets.push_back(sandbox ? one.to : one.from);
    env["CLARY_UPSTREAM"] = Join(sockets, ":");
  }
  env["SAGEMAKER_BASE_DIR"] = sandbox ? "/opt/ml" : c.work.string();
  env["CLARY_IMAGE_VERSION"] = c.spec->image_version;
  env["CLARY_LISTENER"] = std::to_string(c.listener.get());
  env["SM_NUM_CPUS"] = std::to_string(runner::UsableCores(options.cpus));
  return env;
}

// What a container of many models is told; nothing to others.
std::map<std::string, std::string> ContainerHost::State::ManyModels(const Container& c) const {
  if (!c.spec->multi_model) return {};
  const uint64_t pages = static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES));
  const uint64_t machine = pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  const uint64_t all = options.memory_bytes > 0 ? options.memory_bytes : machine;
  return {{"SAGEMAKER_MULTI_MODEL", "true"},
          {"CLARY_MODELS", ((sandbox ? fs::path(kLibrary) : c.library) / kLibrarySocket).string()},
          {"CLARY_MODELS_MEMORY", std::to_string(all / 2)},
          {"CLARY_MODELS_CACHE", c.spec->keep_models ? "Enabled" : "Disabled"}};
}

// The sockets of all containers but the first, as the first sees them.
std::vector<runner::Shown> ContainerHost::State::Upstream() const {
  std::vector<runner::Shown> out;
  for (size_t i = 1; i < options.containers.size(); ++i) {
    out.push_back({.from = api::SocketOf(options.directory, i),
                   .to = fmt::format("{}/{}.sock", kUpstream, i)});
  }
  return out;
}

// A container as all are, but for its program.
Result<runner::ProgramSpec> ContainerHost::State::ProgramOf(const Container& c) const {
  runner::ProgramSpec program{.work = c.work,
                              .temp = c.temp,
                              .network = runner::Network::kNone,
                              .memory_bytes = options.memory_bytes,
                              .sandbox = sandbox};
  if (c.spec->multi_model) program.shown = {{c.library, kLibrary}, {c.models, kModels}};
  if (IsExplainer(*c.spec)) program.shown = Upstream();
  if (!IsUsers(*c.spec)) return program;
  if (!sandbox) {
    return Fail(Code::kFailedPrecondition, "NoSandbox",
                "programs of users run in a sandbox only, and there is none: " + no_sandbox);
  }
  program.home = c.home;
  program.network = runner::NetworkOf(c.user);
  return program;
}

Result<runner::ProgramSpec> ContainerHost::State::ScriptOf(const Container& c) const {
  CLARY_TRY(runner::ProgramSpec program, ProgramOf(c));
  CLARY_TRY(const toolkit::Python python, toolkit::LookAtPython(c.spec->python.interpreter));
  CLARY_CHECK_OK(MakeDirectories(c.python));
  CLARY_CHECK_OK(toolkit::MakePythonHome({.python = python,
                                          .layer = !c.shown_layer.path.empty(),
                                          .stand_ins = true,
                                          .inference = true},
                                         c.python));
  runner::AddUserProgram(c.user, c.python, c.shown_layer.path, program);
  const int cpus = runner::UsableCores(options.cpus);
  auto env = runner::UserEnvironment(c.user, true);
  const auto ours = [&](const char* name, std::string value) {
    env.emplace(name, std::move(value));
  };
  ours("SAGEMAKER_BASE_DIR", "/opt/ml");
  ours("SAGEMAKER_BIND_TO_PORT", "8080");
  ours("SM_MODEL_DIR", "/opt/ml/model");
  ours("SAGEMAKER_REGION", options.region);
  // Workers share the cores.
  const auto workers = ParseUint(Variable(*c.spec, "SAGEMAKER_MODEL_SERVER_WORKERS"));
  const auto share = static_cast<uint64_t>(cpus) / std::max<uint64_t>(1, workers.value_or(cpus));
  if (!c.spec->environment.contains("OMP_NUM_THREADS")) {
    env["OMP_NUM_THREADS"] = std::to_string(std::max<uint64_t>(1, share));
  }
  for (const auto& [name, value] : ManyModels(c)) env[name] = value;
  env["SM_NUM_CPUS"] = std::to_string(cpus);
  env["CLARY_LISTENER"] = std::to_string(c.listener.get());
  env["CLARY_FRAMEWORK"] = c.spec->python.framework;
  env["CLARY_MODEL_DIR"] = "/opt/ml/model";
  env["CLARY_SUBMIT_DIRECTORY"] = SubmitDirectory(*c.spec);
  env["CLARY_MAX_BODY"] = std::to_string(MaxBodyBytes(c.spec->environment));
  env["CLARY_INVOCATION_TIMEOUT"] = std::to_string(options.invocation_timeout.count());
  program.env = runner::EnvironmentList(env);
  program.argv = {std::string(toolkit::kPythonHome) + "/bin/python", toolkit::kInferenceServer};
  return program;
}

// The image's own program, `serve`, in the image's files, which it may change for itself.
Result<runner::ProgramSpec> ContainerHost::State::ImageOf(const Container& c) const {
  CLARY_TRY(runner::ProgramSpec program, ProgramOf(c));
  const api::ImageSpec& image = c.spec->python.container;
  const runner::Overlay own{c.image / "root", image.root, c.image / "upper", c.image / "scratch"};
  if (!runner::CanOverlay(c.image / "probe")) {
    return Fail(Code::kFailedPrecondition, "NoOverlay",
                "container images need overlays of ordinary users (Linux 5.11), which this kernel "
                "does not give");
  }
  for (const fs::path& folder : {own.at, own.upper, own.scratch}) {
    CLARY_CHECK_OK(MakeDirectories(folder));
  }
  runner::AddUserProgram(c.user, {}, {}, program);
  auto env = runner::UserEnvironment(c.user, false);
  env.emplace("SAGEMAKER_BIND_TO_PORT", std::to_string(kImagePort));
  env.emplace("SAGEMAKER_REGION", options.region);
  program.env = runner::EnvironmentList(env);
  program.root = own.at;
  program.home.clear();  // it has its own /root
  program.overlays = {own};
  program.directory = image.directory;
  program.served = {.listener = c.listener.get(), .port = kImagePort};
  program.argv = image.entrypoint;
  program.argv.emplace_back("serve");
  return program;
}

// Kills programs of users that fill the disk or the machine's table of processes.
void ContainerHost::State::EndIfHarmful() {
  using Verdict = runner::Guard::Verdict;
  for (auto& c : containers) {
    if (!IsUsers(*c->spec) || c->exit_code) continue;
    const Verdict verdict = guard->Look(*c->program);
    if (verdict == Verdict::kFine) continue;
    ended_for = verdict == Verdict::kDiskFilled
                    ? "The container has filled the disk of the service's state directory and was "
                      "ended; free some space, or let it write less."
                    : fmt::format(
                          "The container has started more than {} processes and threads "
                          "and was ended.",
                          kMaxTasks);
    c->log->Write(runner::CleanLine("[clary] " + ended_for));
    c->program->Kill();
    return;
  }
}

Result<runner::Program> ContainerHost::State::StartProgram(Container& c) const {
  runner::ProgramSpec program;
  if (IsScript(*c.spec)) {
    CLARY_TRY(program, ScriptOf(c));
    program.inherited = {c.listener.get()};
  } else if (IsImage(*c.spec)) {
    CLARY_TRY(program, ImageOf(c));
  } else {
    CLARY_TRY(program, ProgramOf(c));
    program.argv = options.serve.program;
    if (program.argv.empty()) program.argv = {"clary", "algorithm", c.spec->program + "-serve"};
    program.env = runner::EnvironmentList(Environment(c));
    program.inherited = {c.listener.get()};
  }
  CLARY_TRY(auto started, runner::Program::Start(program));
  c.reach = std::move(program.reach);
  return started;
}

ContainerHost::ContainerHost(std::unique_ptr<State> state) : state_(std::move(state)) {}

ContainerHost::~ContainerHost() {
  for (auto& c : state_->containers) {
    if (c->program && !c->exit_code) c->program->Kill();
    c->forwarder.reset();
    c->librarian.reset();
    for (const fs::path* folder : c->Folders()) (void)RemoveTree(*folder);
  }
}

Result<std::unique_ptr<ContainerHost>> ContainerHost::Prepare(HostOptions options,
                                                              objects::ObjectStore& store) {
  std::unique_ptr<ContainerHost> host(new ContainerHost(std::make_unique<State>()));
  State& state = *host->state_;
  state.options = std::move(options);
  state.store = &store;
  auto network = runner::Network::kNone;
  if (std::ranges::any_of(state.options.containers, IsUsers)) {
    network = runner::NetworkOf({.network_isolation = state.options.network_isolation,
                                 .network = state.options.access.network});
  }
  auto probe = state.options.serve.sandbox ? std::optional(runner::SandboxProbe::Start(network))
                                           : std::nullopt;
  Status made;
  for (size_t i = 0; i < state.options.containers.size() && made; ++i) {
    made = state.MakeContainer(i, store);
  }
  const std::string why = state.no_sandbox = probe ? probe->Wait() : "turned off";
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

Status ContainerHost::Start(runner::StopSignal& stop) {
  for (auto& c : state_->containers) {
    if (!IsScript(*c->spec)) continue;
    if (const Status done = state_->InstallRequirements(*c, stop); !done) {
      Log(done.error().message);
      return done;
    }
  }
  if (std::ranges::any_of(state_->options.containers, IsUsers)) {
    state_->guard.emplace(state_->options.directory, true, kMaxTasks);
  }
  for (auto& c : state_->containers) {
    CLARY_TRY(c->program, state_->StartProgram(*c));
    c->listener = Fd();  // the program's alone: its end refuses connections
  }
  for (auto& c : state_->containers) {
    CLARY_TRY(c->forwarder, runner::Forward({.reach = c->reach}, *c->program, c->user.contact));
    if (!c->library_listener) continue;
    CLARY_TRY(c->librarian,
              ModelLibrary::Start(*state_->store,
                                  {.prefix_uri = c->spec->model_uri,
                                   .directory = c->models,
                                   .inside = state_->sandbox ? fs::path(kModels) : c->models,
                                   .listener = std::move(c->library_listener)}));
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
    const bool watches = state_->guard && state_->guard->watches() && state_->ended_for.empty();
    ::poll(polls.data(), polls.size(),
           watches ? static_cast<int>(runner::Guard::kLook.count()) : -1);
    if (watches) state_->EndIfHarmful();
    bool ended = false;
    for (auto& c : state_->containers) {
      c->Drain(state_->buffer);
      ended = c->Reap(state_->buffer) || ended;
    }
    if (ended) return false;
    if (polls.back().revents != 0) return true;
  }
}

void ContainerHost::Stop(milliseconds grace) {
  const auto deadline = steady_clock::now() + grace;
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
  if (!state_->ended_for.empty()) return state_->ended_for;
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

std::string ContainerHost::LastLine() const {
  for (const auto& c : state_->containers) {
    if (!c->last_line.empty()) return c->last_line;
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
  stop.AwaitCluster();
  CLARY_CHECK_OK(events.Append(
      {.kind = api::JobEvent::Kind::kEnd, .detail = end->detail, .exit_code = end->exit_code}));
  CLARY_CHECK_OK(events.Sync());
  return end->exit_code;
}

}  // namespace clary::serving
