#include "runner/runner.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <optional>
#include <thread>

#include "api/rule_spec.h"
#include "base/file.h"
#include "base/log.h"
#include "base/strings.h"
#include "debugger/profiler_files.h"
#include "net/forwarder.h"
#include "objects/file_store.h"
#include "runner/artifacts.h"
#include "runner/channels.h"
#include "runner/host.h"
#include "runner/internal/container.h"
#include "runner/internal/contract.h"
#include "runner/internal/monitor.h"
#include "runner/internal/pipes.h"
#include "runner/internal/script.h"
#include "runner/job_log.h"
#include "runner/program.h"
#include "runner/tree.h"
#include "runner/user_program.h"
#include "toolkit/frameworks.h"
#include "toolkit/python.h"

namespace clary::runner {
namespace fs = std::filesystem;
using api::JobEvent;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
namespace {

constexpr size_t kMaxFailureText = 1024;   // FailureReason's own limit
constexpr uint64_t kFullDisk = 256 << 10;  // bytes that are left to a program
constexpr milliseconds kMirrorPeriod(1000);
constexpr int kMirrorShare = 50;  // of the time, one part in this goes to mirroring
constexpr milliseconds kTermRetry(5);
constexpr milliseconds kDiskCheck(200);
constexpr uint64_t kDiskReserve = 1 << 30;   // left to the service by users' programs
constexpr uint64_t kOverlayFrom = 32 << 20;  // bytes of an input: less is copied as fast
constexpr size_t kTail = 64 << 10;           // of a program's output, where causes are looked for
constexpr size_t kMaxCause = 300;
constexpr size_t kMaxReason = 980;  // what FailureReason has room for beside its frame
constexpr uint64_t kMaxRequirements = 1 << 20;

// The end of a job as kEnd tells it.
struct Outcome {
  int exit_code = 0;
  std::string detail;
};
Outcome Blame(std::string_view who, const Error& error) {
  return {1, std::string(who) + ": " + error.message};
}

class Job {
 public:
  Job(const api::JobSpec& spec, const Contract& contract, const fs::path& dir,
      RunEnvironment& environment, const RunOptions& options, EventFile events, StopSignal stop)
      : spec_(spec),
        contract_(contract),
        work_(dir / "work"),
        temp_(dir / "tmp"),
        home_(dir / "home"),
        python_home_(dir / "python"),
        overlays_(dir / "overlays"),
        layer_(dir / "layer"),
        pack_(dir / "pack.tmp"),
        profile_(dir / "profile"),
        options_(options),
        store_(environment.store),
        log_(std::move(environment.log), environment.clock, options.log_limit),
        events_(std::move(events)),
        stop_(std::move(stop)),
        cores_(ClaimCores(dir.parent_path() / ".cores", spec.cpus)) {}

  Result<int> Run() {
    Outcome outcome;
    if (const auto prepared = Prepare()) {
      outcome = TrainAndUpload();
    } else if (prepared.error().code == Code::kCancelled) {
      outcome.exit_code = 128 + SIGTERM;
    } else {
      outcome = failed_.value_or(Blame("InternalServerError", prepared.error()));
    }
    CloseOutputs();
    if (!outcome.detail.empty() && !program_failed_) log_.Write(CleanLine(outcome.detail));
    CLARY_CHECK_OK(events_.Append({.kind = JobEvent::Kind::kEnd,
                                   .detail = outcome.detail,
                                   .message = exit_message_,
                                   .exit_code = outcome.exit_code}));
    CLARY_CHECK_OK(events_.Sync());
    for (const fs::path* folder : Folders()) (void)RemoveTree(*folder);
    return outcome.exit_code;
  }

 private:
  // A part of the job's time line, from `begin` until now.
  void Traced(const char* name, Time begin) {
    phases_.push_back({.name = name,
                       .process = "job",
                       .begin_us = ToMillis(begin) * 1000,
                       .duration_us = (Clock::System().Now() - begin).count() * 1000});
  }

  Status Phase(std::string_view phase, std::string_view message) {
    return events_.Append({.kind = JobEvent::Kind::kPhase,
                           .phase = std::string(phase),
                           .detail = std::string(message)});
  }

  // What this run makes in the job's directory, and removes.
  std::array<const fs::path*, 7> Folders() const {
    return {&work_, &temp_, &home_, &python_home_, &overlays_, &layer_, &profile_};
  }

  // Everything before the program runs. On an error `failed_` says how the job ends.
  Status Prepare() {
    network_ = NetworkOf(user_program_);
    // An algorithm of ours has nobody to call.
    if (!user_ && network_ == Network::kForwarded) network_ = Network::kHost;
    if (options_.sandbox) probe_ = SandboxProbe::Start(network_);
    CLARY_CHECK_OK(Phase("Downloading", "Downloading input data"));
    for (const std::string& notice : spec_.notices) {
      log_.Write(CleanLine("[clary] NOTE: not provided on this machine: " + notice));
    }
    const auto guilty = [&](std::string_view who, Status done) {
      if (!done) failed_ = Blame(who, done.error());
      return done;
    };
    for (const fs::path* folder : Folders()) {
      CLARY_CHECK_OK(guilty("InternalServerError", RemoveTree(*folder)));
    }
    for (const fs::path& folder : {temp_, home_}) {
      CLARY_CHECK_OK(guilty("InternalServerError", MakeDirectories(folder)));
    }
    CLARY_CHECK_OK(guilty("ClientError", contract_.lay_out(spec_, work_)));
    CLARY_CHECK_OK(guilty("InternalServerError", ChooseSandbox()));
    if (user_) log_.Write(PythonNotes(spec_.python));
    const Time begin = Clock::System().Now();
    const DownloadOptions options{.link = sandbox_ && !user_,
                                  .stopped = [&] { return stop_.Requested(); }};
    CLARY_CHECK_OK(guilty("ClientError", Download(options)));
    if (user_ && !spec_.python.interpreter.empty()) {
      auto python = toolkit::LookAtPython(spec_.python.interpreter);
      if (!python) return guilty("InternalServerError", std::unexpected(python.error()));
      python_ = *std::move(python);
    }
    if (script_) CLARY_CHECK_OK(PrepareScript());
    auto pipes = Pipes::Make(spec_, store_, work_ / "input/data");
    if (!pipes) return guilty("ClientError", std::unexpected(std::move(pipes).error()));
    pipes_ = std::move(*pipes);
    CLARY_CHECK_OK(guilty("ClientError", PrepareMirrors(options)));
    Traced("download", begin);
    return {};
  }

  Status ChooseSandbox() {
    std::string why = "turned off";
    if (probe_) why = probe_->Wait();
    sandbox_ = why.empty();
    if (sandbox_) return {};
    if (user_) {
      return Fail(Code::kFailedPrecondition, "NoSandbox",
                  "programs of users run in a sandbox only, and there is none: " + why);
    }
    if (!options_.sandbox) return {};
    log_.Write(CleanLine(
        "[clary] WARNING: this job runs without a sandbox: " + why +
        ". The program is a plain process with limits: it can read the files of this machine that "
        "the service's user can read, and network isolation is not enforced. It finds its "
        "directories by SAGEMAKER_BASE_DIR."));
    return {};
  }

  Status Download(const DownloadOptions& options) {
    CLARY_TRY(const auto inputs, contract_.inputs(spec_));
    CLARY_TRY(const auto taken, TakenWhileItRuns());
    for (const Input& input : inputs) {
      const fs::path at = work_ / input.directory;
      const size_t hosts = spec_.hosts.size();
      if (!user_ || !MayOverlay(input, inputs, taken)) {
        CLARY_CHECK_OK(DownloadInput(input, hosts, store_, at, options));
        continue;
      }
      // The store's own files below, read-only; what the program changes goes above them.
      const fs::path base = overlays_ / std::to_string(laid_.size());
      const Overlay overlay{at, base / "lower", base / "upper", base / "scratch"};
      for (const fs::path& folder : {overlay.lower, overlay.upper, overlay.scratch}) {
        CLARY_CHECK_OK(MakeDirectories(folder));
      }
      DownloadOptions linking = options;
      linking.link = true;
      CLARY_CHECK_OK(DownloadInput(input, hosts, store_, overlay.lower, linking));
      laid_.push_back(overlay);
    }
    return {};
  }

  // The folders below /opt/ml that this process reads itself: it does not see overlays.
  Result<std::vector<std::string>> TakenWhileItRuns() const {
    std::vector<std::string> out;
    CLARY_TRY(const auto mirrors, contract_.mirrors(spec_));
    for (const MirrorSpec& m : mirrors) out.push_back(m.directory);
    for (const api::ProcessingOutput& o : spec_.outputs) {
      CLARY_TRY(std::string directory, BelowOptMl(o.local_path, "S3Output.LocalPath"));
      out.push_back(std::move(directory));
    }
    if (script_) out.emplace_back("input/data/code");  // network isolation's place for the code
    return out;
  }

  // Whether `input` is large enough to be worth an overlay, and apart from everything else.
  bool MayOverlay(const Input& input, const std::vector<Input>& inputs,
                  const std::vector<std::string>& taken) {
    const auto nested = [&](const std::string& other) {
      const std::string a = input.directory + "/";
      const std::string b = other + "/";
      return a.starts_with(b) || b.starts_with(a);
    };
    if (std::ranges::any_of(taken, nested) ||
        std::ranges::count_if(inputs, [&](const Input& i) { return nested(i.directory); }) > 1) {
      return false;
    }
    const auto size = InputSize(input, store_, kOverlayFrom);
    if (!size || *size < kOverlayFrom) return false;
    if (!can_overlay_) can_overlay_ = CanOverlay(overlays_ / "probe");
    return *can_overlay_;
  }

  Status PrepareMirrors(const DownloadOptions& options) {
    CLARY_TRY(const auto mirrors, contract_.mirrors(spec_));
    for (const MirrorSpec& m : mirrors) {
      Mirror mirror(work_, m.directory, m.uri, store_);
      if (m.download) {
        Status done = DownloadFolder(m.uri, store_, work_ / m.directory, options);
        if (!done && done.error().code != Code::kNotFound) {
          return std::unexpected(std::move(done).error().With("Checkpoint download failed"));
        }
        CLARY_CHECK_OK(mirror.Seed());
      }
      mirrors_.push_back(std::move(mirror));
    }
    CLARY_TRY(profiler_, runner::Profiler(spec_));
    if (profiler_) {
      mirrors_.emplace_back(profile_.parent_path(), profile_.filename().string(), profiler_->uri,
                            store_);
    }
    return {};
  }

  Outcome TrainAndUpload() {
    if (Status done = Phase(contract_.phase, contract_.phase_text); !done) {
      return Blame("InternalServerError", done.error());
    }
    const Time begin = Clock::System().Now();
    auto ended = script_ ? RunScript() : RunProgram();
    Traced("train", begin);
    if (!ended) return Blame("InternalServerError", ended.error());
    Outcome outcome{ended->exit_code, ""};
    if (const Status fed = pipes_->status(); !fed) return Blame("ClientError", fed.error());
    if (disk_filled_) {
      outcome = {
          1,
          "ClientError: the job has filled the disk of the service's state directory and was "
          "ended; free some space, or let it write less"};
    } else if (outcome.exit_code != 0) {
      program_failed_ = true;
      outcome.detail = user_ ? UserFailure(*ended) : FailureText();
      if (outcome.detail.empty() && DiskIsFull()) {
        outcome.detail = "the disk of the job's directory is full; free some space and try again";
      }
    }
    Status uploaded = Phase("Uploading", contract_.upload_text);
    const Time upload = Clock::System().Now();
    if (uploaded) uploaded = Upload(*ended);
    Traced("upload", upload);
    if (!uploaded) {
      const Outcome blame =
          Blame("ClientError", std::move(uploaded).error().With("Artifact upload failed"));
      log_.Write(CleanLine(blame.detail));
      // A program that failed by itself says more about the cause.
      if (outcome.exit_code == 0) outcome = blame;
    }
    if (!contract_.message_file.empty()) {
      exit_message_ = ReadText(std::string(contract_.message_file), kMaxFailureText);
      if (outcome.exit_code == 0 && CleanLine(exit_message_) != exit_message_) {
        outcome = {1, "ClientError: /opt/ml/" + std::string(contract_.message_file) +
                          " is not text in UTF-8"};
      }
      exit_message_ = CleanLine(exit_message_);
    }
    return outcome;
  }

  // The entry point and its code, before anything of the user's runs.
  Status PrepareScript() {
    const auto plan = PlanScript(spec_, work_, UsableCores(spec_.cpus));
    if (!plan) {
      failed_ = Outcome{toolkit::kFailureExitCode, plan.error().message};
      return std::unexpected(plan.error());
    }
    Status fetched = FetchCode(spec_, *plan, store_, work_, [this] { return stop_.Requested(); });
    if (!fetched) failed_ = Blame("ClientError", fetched.error());
    return fetched;
  }

  Result<Ended> RunProgram() {
    CLARY_TRY(const ProgramSpec program, MakeProgram());
    return Follow(program, true);
  }

  // Installs what the script needs, runs it, and leaves what its container leaves.
  Result<Ended> RunScript() {
    CLARY_TRY(const auto command, PlanScript(spec_, work_, UsableCores(spec_.cpus)));
    toolkit::Failure failure = FailureOf(spec_);
    failure.argv = command.argv;
    const bool quiet = command.log.empty();
    Ended ended;
    if (!command.install.empty()) {
      const bool package = command.install.back() != "requirements.txt" ||
                           std::ranges::find(command.install, ".") != command.install.end();
      CLARY_TRY(ended, package ? InstallPackage(command.install) : InstallRequirements());
      if (ended.exit_code != 0) {
        failure.error = package ? "InstallModuleError" : "InstallRequirementsError";
        failure.argv = command.install;
      }
    }
    if (ended.exit_code == 0 && !ended.stopped) {
      std::vector<std::string> lines;
      for (const std::string& line : command.log) lines.push_back(CleanLine(line));
      log_.Write(lines);
      CLARY_TRY(ProgramSpec program, MakeProgram());
      program.argv = command.argv;
      program.directory = toolkit::kCodeDirectory;
      auto environment = UserEnvironment(user_program_, python_.has_value());
      for (const auto& [name, value] : command.environment) environment[name] = value;
      program.env = EnvironmentList(environment);
      CLARY_TRY(ended, Follow(program, true));
    }
    if (ended.exit_code == 0) {
      LeaveFile(work_, "output/success", "");
      if (!quiet) log_.Write("Reporting training SUCCESS");
      return ended;
    }
    if (ended.stopped || disk_filled_) return ended;
    constexpr int kSignals = 128;
    // What a shell has started it reports itself.
    const bool shell = failure.argv.front() == "/bin/sh";
    failure.exit_code = ended.exit_code > kSignals && ended.exit_code <= kSignals + 64 && !shell
                            ? kSignals - ended.exit_code
                            : ended.exit_code;
    failure.stderr_text = ended.last_output;
    failure.out_of_memory = ended.out_of_memory;
    const std::string text = toolkit::FailureText(failure);
    if (FailureText().empty()) {
      const std::string cause = api::CutText(toolkit::FailureCause(failure), kMaxCause);
      script_failure_ = cause.empty() ? text : cause + "\n" + text;
      LeaveFile(work_, "output/failure", text);
    }
    if (!quiet) {
      log_.Write("Reporting training FAILURE");
      for (const std::string_view line : Split(text, '\n')) {
        log_.Write(CleanLine(line));
      }
      log_.Write("Encountered exit_code " + std::to_string(toolkit::kFailureExitCode));
    }
    ended.exit_code = toolkit::kFailureExitCode;
    return ended;
  }

  Result<Ended> InstallPackage(const std::vector<std::string>& argv) {
    CLARY_TRY(ProgramSpec program, MakeProgram());
    program.argv = argv;
    program.directory = toolkit::kCodeDirectory;
    return Follow(program, false);
  }

  // The packages of requirements.txt, as a layer that later jobs with the same file find ready.
  Result<Ended> InstallRequirements() {
    if (!python_) {
      return Fail(Code::kFailedPrecondition, "NoPython", "the job has no Python environment");
    }
    CLARY_TRY(const std::string text, ReadFile(work_ / "code/requirements.txt", kMaxRequirements));
    const Requirements requirements(user_program_, *python_, text);
    shown_layer_ = requirements.Ready();
    if (!shown_layer_.empty()) {
      log_.Write("[clary] requirements.txt: the packages of an earlier job with this file");
      return Ended{};
    }
    ProgramSpec program = MakeAnyProgram();
    CLARY_CHECK_OK(requirements.Prepare(layer_, program));
    program.home = home_;
    program.overlays = laid_;
    program.directory = toolkit::kCodeDirectory;
    CLARY_TRY(Ended ended, Follow(program, false));
    if (ended.exit_code == 0) shown_layer_ = requirements.Keep(layer_);
    return ended;
  }

  // Why a user's program failed, the cause first.
  std::string UserFailure(const Ended& ended) {
    if (!script_failure_.empty()) return script_failure_;
    const std::string text = FailureText();
    if (script_ || ended.stopped) return text;
    toolkit::Failure failure;
    failure.exit_code = ended.exit_code;
    failure.stderr_text = ended.last_output;
    failure.out_of_memory = ended.out_of_memory;
    const std::string cause = api::CutText(toolkit::FailureCause(failure), kMaxCause);
    if (text.empty() || cause.empty()) return text.empty() ? cause : text;
    if (text.find(cause) != std::string::npos) return text;
    return api::CutText(text, kMaxReason - cause.size() - 1) + "\n" + cause;
  }

  // Runs a program of the job to its end. Only `main` is fed by Pipe channels, mirrored and
  // profiled.
  Result<Ended> Follow(const ProgramSpec& program_spec, bool main) {
    const int64_t out_of_memory = OomKills();
    const uint64_t disk_reserve = user_ ? DiskReserve() : 0;
    CLARY_TRY(Program program, Program::Start(program_spec));
    // After the fork, so that the child was made by a process with one thread.
    CLARY_TRY(const auto forwarder, Forward(program_spec, program));
    if (main) pipes_->Start();
    std::jthread monitoring;
    if (main && profiler_) {
      monitoring = std::jthread([this, pid = program.pid()](const std::stop_token& stop) {
        Monitor monitor({.root = pid,
                         .cores = cores_.cores,
                         .memory_bytes = spec_.memory_bytes,
                         .interval = profiler_->interval,
                         .host = spec_.hosts.front(),
                         .directory = profile_},
                        Clock::System());
        if (const Status done = monitor.Run(stop); !done) {
          log_.Write(CleanLine("[clary] WARNING: profiling ended: " + done.error().message));
        }
      });
    }
    std::jthread mirroring;
    if (main && !mirrors_.empty()) {
      mirroring = std::jthread([this](const std::stop_token& stop) { MirrorLoop(stop); });
    }
    Output output;
    std::optional<int> code;
    std::optional<steady_clock::time_point> deadline;
    bool told = false;
    bool killed = false;
    while (!code) {
      int timeout = disk_reserve > 0 ? static_cast<int>(kDiskCheck.count()) : -1;
      if (stop_.Requested()) {
        const auto now = steady_clock::now();
        if (!deadline) deadline = now + options_.grace;
        if (!told) told = program.Terminate();
        if (now >= *deadline) program.Kill();
        auto wait =
            std::max(std::chrono::duration_cast<milliseconds>(*deadline - now) + milliseconds(1),
                     kTermRetry);
        if (!told) wait = kTermRetry;
        timeout =
            static_cast<int>(std::min<int64_t>(wait.count(), timeout < 0 ? INT_MAX : timeout));
      }
      pollfd polls[] = {{program.output(), POLLIN, 0},
                        {program.pidfd(), POLLIN, 0},
                        {stop_.fd(), POLLIN, 0},
                        {pipes_->failed_fd(), POLLIN, 0}};
      if (output.ended) polls[0].fd = -1;
      if (killed || !main) polls[3].fd = -1;
      ::poll(polls, 4, timeout);
      if (polls[3].revents != 0) {
        program.Kill();  // it would wait for data for ever
        killed = true;
      }
      if (disk_reserve > 0 && FreeDisk() < disk_reserve) {
        disk_filled_ = true;
        program.Kill();
      }
      Drain(program, output);
      if (polls[1].revents != 0) code = program.Wait();
    }
    // What the program wrote just before its end. Whoever may still hold the pipe is dead, or, in a
    // plain process that left its group, not worth waiting for.
    Drain(program, output);
    output.Take(output.splitter.Finish(), log_);
    if (main) pipes_->Stop();
    constexpr int kKilled = 128 + SIGKILL;
    return Ended{*code, deadline.has_value(),
                 *code == kKilled && !deadline && OomKills() > out_of_memory,
                 std::move(output.tail)};
  }

  // The job's program, but for what a script changes.
  Result<ProgramSpec> MakeProgram() const {
    if (!user_) {
      ProgramSpec program = MakeAnyProgram();
      program.argv = options_.program;
      if (program.argv.empty()) program.argv = {"clary", "algorithm", spec_.program};
      program.env =
          Environment(spec_, sandbox_ ? "/opt/ml" : work_.string(), UsableCores(spec_.cpus));
      return program;
    }
    if (python_) {
      const auto* framework = toolkit::FindFramework(spec_.python.framework);
      CLARY_CHECK_OK(RemoveTree(python_home_));
      CLARY_CHECK_OK(MakeDirectories(python_home_));
      CLARY_CHECK_OK(
          toolkit::MakePythonHome({.python = *python_,
                                   .layer = !shown_layer_.empty(),
                                   .stand_ins = framework != nullptr && framework->stand_ins},
                                  python_home_));
    }
    ProgramSpec program = MakeAnyProgram();
    AddUserProgram(user_program_, python_ ? python_home_ : fs::path(), shown_layer_, program);
    program.argv = spec_.entrypoint;
    program.argv.insert(program.argv.end(), spec_.arguments.begin(), spec_.arguments.end());
    program.home = home_;
    program.overlays = laid_;
    return program;
  }

  ProgramSpec MakeAnyProgram() const {
    return {.work = work_,
            .temp = temp_,
            .network = network_,
            .memory_bytes = spec_.memory_bytes,
            .cores = cores_.cores,
            .sandbox = sandbox_};
  }

  // What a program prints, on its way to the log.
  struct Output {
    LineSplitter splitter;
    std::vector<char> buffer = std::vector<char>(1 << 18);
    std::string tail;
    bool ended = false;

    void Take(std::vector<std::string> lines, JobLog& log) {
      for (const std::string& line : lines) tail.append(line).push_back('\n');
      if (tail.size() > 2 * kTail) tail.erase(0, tail.size() - kTail);
      log.WriteOutput(std::move(lines));
    }
  };

  // Takes what is in the pipe now to the log; of a program that never pauses, a part.
  void Drain(const Program& program, Output& output) {
    constexpr int kReads = 64;  // then the other things have their turn
    for (int i = 0; i < kReads && !output.ended; ++i) {
      const ssize_t n = ::read(program.output(), output.buffer.data(), output.buffer.size());
      if (n > 0) {
        output.Take(output.splitter.Feed({output.buffer.data(), static_cast<size_t>(n)}), log_);
      } else if (n == 0) {
        output.ended = true;
      } else if (errno != EINTR) {
        return;
      }
    }
  }

  // How many processes of this machine the kernel has killed for want of memory.
  static int64_t OomKills() {
    const auto text = ReadFile("/proc/vmstat", 1 << 20);
    constexpr std::string_view kName = "\noom_kill ";
    const size_t at = text ? text->find(kName) : std::string::npos;
    if (at == std::string::npos) return 0;
    return ParseInt(text->substr(at + kName.size(), text->find('\n', at + 1) - at - kName.size()))
        .value_or(0);
  }

  uint64_t FreeDisk() const {
    struct statvfs disk{};
    return ::statvfs(work_.c_str(), &disk) == 0 ? disk.f_bavail * disk.f_frsize : UINT64_MAX;
  }

  // How much of the disk a user's program leaves to the service, which writes to it too: without
  // room, no record and no log. Less where there was not much to begin with.
  uint64_t DiskReserve() const {
    struct statvfs disk{};
    if (::statvfs(work_.c_str(), &disk) != 0) return 0;
    constexpr uint64_t kPart = 50;
    constexpr uint64_t kHalf = 2;
    return std::min({kDiskReserve, disk.f_blocks * disk.f_frsize / kPart,
                     disk.f_bavail * disk.f_frsize / kHalf});
  }

  void MirrorLoop(const std::stop_token& stop) {
    bool warned = false;
    milliseconds period = kMirrorPeriod;
    while (!stop.stop_requested()) {
      Clock::System().Sleep(period, stop);
      const auto start = steady_clock::now();
      for (Mirror& mirror : mirrors_) {
        if (stop.stop_requested()) return;
        const Status done = mirror.Sync(false);
        if (!done && !warned) {
          log_.Write(CleanLine("[clary] WARNING: " + done.error().message));
          warned = true;
        }
      }
      // Whoever writes many files makes each pass longer: keep to a small share of one core.
      period = std::max(kMirrorPeriod, kMirrorShare * std::chrono::duration_cast<milliseconds>(
                                                          steady_clock::now() - start));
    }
  }

  // Tells the readers of the job's outputs that nothing will follow. It does not change how the job
  // ended: the job's own end says that too.
  void CloseOutputs() {
    const auto mirrors = contract_.mirrors(spec_);
    if (!mirrors) return;
    const auto put = [&](const std::string& uri, std::string_view text) -> Status {
      CLARY_TRY(const auto ref, objects::ObjectRef::ParseUri(uri));
      CLARY_CHECK_OK(store_.Put(ref, *NewStringSource(std::string(text))));
      return {};
    };
    const auto close = [&](const MirrorSpec& m) -> Status {
      if (m.tensors) {
        CLARY_TRY(const auto ref, objects::ObjectRef::ParseUri(m.uri + "/collections/"));
        CLARY_TRY(const auto page, store_.List(ref.bucket, {.prefix = ref.key, .max_keys = 1}));
        if (page.objects.empty()) {
          CLARY_CHECK_OK(put(m.uri + "/collections/000000000/worker_0_collections.json",
                             R"({"collections": {}, "_meta": {"num_workers": 1}})"));
        }
      }
      return put(m.uri + "/" + m.end_marker, "");
    };
    if (profiler_ && !phases_.empty()) {
      const debugger::TraceEvent& last = phases_.back();
      (void)put(profiler_->uri + "/" +
                    debugger::TraceFileName(last.begin_us + last.duration_us, spec_.hosts.front(),
                                            "model_timeline"),
                debugger::WriteTrace(phases_));
    }
    for (const MirrorSpec& m : *mirrors) {
      if (m.end_marker.empty()) continue;
      if (const Status done = close(m); !done) {
        log_.Write(CleanLine("[clary] WARNING: " + m.uri + ": " + done.error().message));
      }
    }
  }

  // The failure file's beginning; empty if there is none.
  std::string FailureText() {
    std::string text =
        api::CutText(CleanLine(ReadText("output/failure", kMaxFailureText * 4)), kMaxFailureText);
    while (text.ends_with('\n')) text.pop_back();
    return text;
  }

  // The first `size` bytes of a file that the program may have left, or put anything in its place.
  std::string ReadText(const std::string& relative, size_t size) const {
    const auto fd = OpenBeneath(work_, relative, O_RDONLY);
    struct stat st{};
    if (!fd || ::fstat(fd->get(), &st) != 0 || !S_ISREG(st.st_mode)) return {};
    std::string text(size, '\0');
    const ssize_t n = ::read(fd->get(), text.data(), text.size());
    text.resize(n > 0 ? static_cast<size_t>(n) : 0);
    if (text.size() == size) {  // cut, but not in the middle of a character
      while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80)
        text.pop_back();
      if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xC0) text.pop_back();
    }
    return text;
  }

  // Then a program could not even say why it failed.
  bool DiskIsFull() const { return FreeDisk() < kFullDisk; }

  Status Upload(const Ended& ended) {
    for (Mirror& mirror : mirrors_) CLARY_CHECK_OK(mirror.Sync(true));
    return contract_.upload({spec_, work_, pack_, store_, log_, events_}, ended);
  }

  const api::JobSpec& spec_;
  const Contract& contract_;
  const fs::path work_;
  const fs::path temp_;
  const fs::path home_;         // of a user's program
  const fs::path python_home_;  // its virtual environment
  const fs::path overlays_;     // what large inputs are made of: the store's files, and changes
  const fs::path layer_;        // where packages of its requirements.txt are installed
  const fs::path pack_;
  const fs::path profile_;  // what the runner profiles; the program has its own below work_
  const RunOptions& options_;
  objects::ObjectStore& store_;
  JobLog log_;
  EventFile events_;
  StopSignal stop_;
  Cores cores_;
  std::optional<SandboxProbe> probe_;
  std::vector<Mirror> mirrors_;
  std::unique_ptr<Pipes> pipes_;
  std::optional<ProfilerSpec> profiler_;
  std::vector<debugger::TraceEvent> phases_;  // of the job, for its time line
  std::optional<Outcome> failed_;
  const bool user_ = IsUserProgram(spec_);
  const UserProgram user_program_ = UserProgramOf(spec_);
  const bool script_ = spec_.program == "script";
  std::optional<toolkit::Python> python_;
  std::vector<Overlay> laid_;
  std::optional<bool> can_overlay_;
  fs::path shown_layer_;        // packages of requirements.txt that the program sees
  std::string script_failure_;  // why a script failed that left no words of its own
  std::string exit_message_;
  bool disk_filled_ = false;
  Network network_ = Network::kNone;
  bool sandbox_ = false;
  bool program_failed_ = false;
};

}  // namespace

Result<int> RunJob(const api::JobSpec& spec, const fs::path& job_dir, RunEnvironment environment,
                   const RunOptions& options) {
  CLARY_TRY(StopSignal stop, StopSignal::Make());
  std::error_code ec;
  const fs::path dir = fs::absolute(job_dir, ec);
  CLARY_TRY(const Contract* contract, FindContract(spec.contract));
  CLARY_TRY(EventFile events, EventFile::Open(dir / "events.jsonl", environment.clock));
  Job job(spec, *contract, dir, environment, options, std::move(events), std::move(stop));
  return job.Run();
}

namespace {

constexpr uint64_t kMaxSpecBytes = 16 << 20;

Result<int> RunDirectory(const fs::path& job_dir) {
  CLARY_TRY(const std::string text, ReadFile(job_dir / "job.json", kMaxSpecBytes));
  CLARY_TRY(const api::JobSpec spec, api::JobSpec::FromJson(text));
  CLARY_TRY(const auto store, objects::FileStore::Open(spec.store));
  CLARY_TRY(auto log, meta::LogWriter::Open(spec.log_root, spec.log_group, spec.log_stream));
  return RunJob(spec, job_dir, {*store, std::move(log), Clock::System()});
}

}  // namespace

int Run(const fs::path& job_dir) {
  const auto ended = RunDirectory(job_dir);
  if (ended) return *ended;
  LOG(kError, "runner failed", {"job_dir", job_dir.string()}, {"error", ended.error().message});
  return AppendFailure(job_dir, "InternalServerError: " + ended.error().message);
}

}  // namespace clary::runner
