#include "runner/runner.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>
#include <thread>

#include "api/rule_spec.h"
#include "base/file.h"
#include "base/log.h"
#include "base/strings.h"
#include "debugger/profiler_files.h"
#include "exec/allocation.h"
#include "objects/open_store.h"
#include "runner/channels.h"
#include "runner/follow.h"
#include "runner/host.h"
#include "runner/internal/container.h"
#include "runner/internal/contract.h"
#include "runner/internal/host_set.h"
#include "runner/internal/left.h"
#include "runner/internal/mirrors.h"
#include "runner/internal/monitor.h"
#include "runner/internal/pipes.h"
#include "runner/internal/script.h"
#include "runner/internal/trial_host.h"
#include "runner/job_log.h"
#include "runner/program.h"
#include "runner/tree.h"
#include "runner/user_program.h"
#include "toolkit/distribution.h"
#include "toolkit/frameworks.h"
#include "toolkit/layers.h"
#include "toolkit/python.h"

namespace clary::runner {
namespace fs = std::filesystem;
using api::JobEvent;
namespace {

constexpr uint64_t kOverlayFrom = 32 << 20;  // bytes of an input: less is copied as fast
constexpr size_t kMaxCause = 300;
constexpr size_t kMaxReason = 980;  // what FailureReason has room for beside its frame
constexpr uint64_t kMaxRequirements = 1 << 20;
constexpr size_t kMaxVariable = (128 << 10) - 2;  // the kernel's limit, without '=' and NUL

// The end of a job as kEnd tells it.
struct Outcome {
  int exit_code = 0;
  std::string detail;
};
Outcome Blame(std::string_view who, const Error& error) {
  return {1, std::string(who) + ": " + error.message};
}

// Whether one of two folders is the other or lies in it.
bool Nested(const std::string& a, const std::string& b) {
  return (a + "/").starts_with(b + "/") || (b + "/").starts_with(a + "/");
}

// Why pip has found nothing, if that is why: SDKs' drivers and scripts call it themselves, too.
std::string WhyNoPackages(const UserProgram& program, std::string_view output) {
  const bool none = output.find("ERROR: No matching distribution found") != output.npos ||
                    output.find("ERROR: Could not find a version") != output.npos ||
                    output.find("when installing build dependencies") != output.npos;
  if (!none || ReachesPackages(program)) return "";
  return "this job reaches no package index: start `clary serve` with PIP_INDEX_URL, or with "
         "PIP_FIND_LINKS and a folder of wheels";
}

// Of a program that ended as it liked, by sys.exit("why") and the like.
std::string LastPrinted(std::string_view output) {
  output = Trim(output);
  const std::string_view last = Trim(output.substr(output.rfind('\n') + 1));
  return last.empty() ? "" : "it printed last: " + api::CutText(last, kMaxCause);
}

// What bubblewrap says of a program that it could not start: "bwrap: execvp NAME: why".
std::string WhyNotStarted(std::string_view output) {
  constexpr std::string_view kSays = "bwrap: execvp ";
  output = Trim(output);
  const std::string_view last = output.substr(output.rfind('\n') + 1);
  return last.starts_with(kSays) ? "cannot run " + std::string(last.substr(kSays.size())) : "";
}

class Job {
 public:
  Job(const api::JobSpec& spec, const Contract& contract, const fs::path& dir,
      RunEnvironment& environment, const RunOptions& options, EventFile events, StopSignal stop,
      const HostRole* role)
      : spec_(spec),
        contract_(contract),
        work_(dir / "work"),
        outside_(dir / "outside"),
        temp_(dir / "tmp"),
        home_(dir / "home"),
        python_home_(dir / "python"),
        overlays_(dir / "overlays"),
        image_root_(overlays_ / "image/root"),
        layer_(dir / "layer"),
        pack_(dir / "pack.tmp"),
        profile_(dir / "profile"),
        options_(options),
        store_(environment.store),
        log_(std::move(environment.log), environment.clock, options.log_limit),
        events_(std::move(events)),
        stop_(std::move(stop)),
        role_(role),
        cores_(role == nullptr ? ClaimCores(dir.parent_path() / ".cores", spec.cpus)
                               : Cores{role->cores, {}}) {}

  Result<int> RunToEnd() {
    Outcome outcome;
    if (const auto prepared = Prepare()) {
      outcome = TrainAndUpload();
    } else if (prepared.error().code == Code::kCancelled) {
      outcome.exit_code = 128 + SIGTERM;
    } else {
      outcome = failed_.value_or(Blame("InternalServerError", prepared.error()));
    }
    if (mirrors_) mirrors_->AddTimeLine(phases_, spec_.current_host());
    if (mirrors_ && role_ == nullptr) mirrors_->Close();
    if (!outcome.detail.empty() && !program_failed_) log_.Write(CleanLine(outcome.detail));
    stop_.AwaitCluster();
    CLARY_CHECK_OK(events_.Append({.kind = JobEvent::Kind::kEnd,
                                   .detail = outcome.detail,
                                   .message = exit_message_,
                                   .exit_code = outcome.exit_code}));
    CLARY_CHECK_OK(events_.Sync());
    // What the program has left is the host set's to take, of several hosts.
    (void)RemoveFolders(role_ != nullptr);
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

  // What this run, or an earlier one, has made in the job's directory; all but work/, `but_work`.
  Status RemoveFolders(bool but_work = false) const {
    Status all;
    for (const std::string_view folder : api::kRunnerFolders) {
      if (but_work && work_.filename() == folder) continue;
      if (Status done = RemoveTree(work_.parent_path() / folder); !done) all = std::move(done);
    }
    return all;
  }

  // Everything before the program runs. On an error `failed_` says how the job ends.
  Status Prepare() {
    network_ = NetworkOf(user_program_);
    // A program of ours calls nobody but the service, and that where it is.
    if (!user_ && network_ == Network::kForwarded) {
      network_ = role_ == nullptr ? Network::kHost : Network::kNone;
    }
    if (role_ != nullptr && !role_->private_network()) network_ = Network::kHost;
    if (options_.sandbox) probe_ = SandboxProbe::Start(network_);
    CLARY_CHECK_OK(Phase("Downloading", "Downloading input data"));
    const bool first = role_ == nullptr || role_->first;
    if (role_ != nullptr && !role_->note.empty()) log_.Write(CleanLine(role_->note));
    for (const std::string& notice : spec_.notices) {
      if (first) log_.Write(CleanLine("[clary] NOTE: not provided on this machine: " + notice));
    }
    const auto guilty = [&](std::string_view who, Status done) {
      if (!done) failed_ = Blame(who, done.error());
      return done;
    };
    CLARY_CHECK_OK(guilty("ClientError", PlanMirrors()));
    CLARY_CHECK_OK(guilty("InternalServerError", RemoveFolders()));
    for (const fs::path& folder : {temp_, home_}) {
      CLARY_CHECK_OK(guilty("InternalServerError", MakeDirectories(folder)));
    }
    CLARY_CHECK_OK(guilty("ClientError", contract_.lay_out(spec_, work_)));
    CLARY_CHECK_OK(guilty("InternalServerError", ChooseSandbox()));
    if (user_) {
      log_.Write(PythonNotes(spec_.python));
      if (first) NoteVolume();
    }
    const Time begin = Clock::System().Now();
    const DownloadOptions options{.link = sandbox_ && !user_,
                                  .stopped = [&] { return stop_.Requested(); }};
    CLARY_CHECK_OK(guilty("ClientError", Download(options)));
    if (user_ && first) {
      if (const std::string note = DriverNote(work_, spec_.hosts.size()); !note.empty()) {
        log_.Write(note);
      }
    }
    if (user_ && !spec_.python.interpreter.empty()) {
      auto python = toolkit::LookAtPython(spec_.python.interpreter);
      if (!python) return guilty("InternalServerError", std::unexpected(python.error()));
      python_ = *std::move(python);
    }
    if (script_) CLARY_CHECK_OK(PrepareScript());
    auto pipes = Pipes::Make(spec_, store_, work_ / "input/data");
    if (!pipes) return guilty("ClientError", std::unexpected(std::move(pipes).error()));
    pipes_ = std::move(*pipes);
    if (!spec_.python.container.root.empty()) {
      CLARY_CHECK_OK(guilty("InternalServerError", PrepareImage()));
    }
    CLARY_CHECK_OK(guilty("ClientError", CheckOutsideFolders()));
    CLARY_CHECK_OK(guilty("ClientError", mirrors_->Prepare(options)));
    Traced("download", begin);
    if (role_ != nullptr) return AwaitOthers();
    return {};
  }

  // Until the programs of all hosts can start.
  Status AwaitOthers() {
    CLARY_CHECK_OK(SayWord(role_->gate, kReady));
    std::string rest;
    while (!stop_.Requested()) {
      pollfd polls[] = {{stop_.fd(), POLLIN, 0}, {role_->gate, POLLIN, 0}};
      ::poll(polls, 2, -1);
      if (polls[1].revents == 0) continue;
      CLARY_TRY(const auto words, HearWords(role_->gate, rest));
      if (std::ranges::find(words, kGo) != words.end()) return {};
    }
    return Fail(Code::kCancelled, "Stopped", "the job was stopped");
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
    log_.Write(NoSandboxWarning(why));
    return {};
  }

  // There is one disk for all jobs.
  void NoteVolume() {
    const uint64_t free_gb = FreeDisk(work_) >> 30;
    if (spec_.volume_gb <= free_gb) return;
    log_.Write("[clary] NOTE: VolumeSizeInGB is " + std::to_string(spec_.volume_gb) +
               ", and the disk of the service has " + std::to_string(free_gb) + " GB free");
  }

  // Of inputs that are overlays, the program's changes alone count.
  DiskQuota Quota() const {
    DiskQuota out{.bytes = spec_.volume_gb * options_.volume_unit,
                  .folders = {work_, outside_, temp_, home_, python_home_, layer_,
                              overlays_ / "image/upper"}};
    for (const Overlay& overlay : laid_) out.folders.push_back(overlay.upper);
    return out;
  }

  Status Download(const DownloadOptions& options) {
    CLARY_TRY(const auto inputs, contract_.inputs(spec_));
    CLARY_TRY(const auto taken, TakenWhileItRuns());
    for (const Input& input : inputs) {
      const fs::path at = work_ / input.directory;
      const Share share = ShareOf(spec_, input.channel);
      if (!user_ || !MayOverlay(input, inputs, taken)) {
        CLARY_CHECK_OK(DownloadInput(input, share, store_, at, options));
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
      CLARY_CHECK_OK(DownloadInput(input, share, store_, overlay.lower, linking));
      laid_.push_back(overlay);
    }
    return {};
  }

  // The folders below /opt/ml that this process reads itself: it does not see overlays.
  Result<std::vector<std::string>> TakenWhileItRuns() const {
    std::vector<std::string> out;
    for (const MirrorSpec& m : mirrors_->specs()) {
      if (!m.outside) out.push_back(m.directory);
    }
    for (const api::ProcessingOutput& o : spec_.outputs) {
      CLARY_TRY(std::string directory, BelowOptMl(o.local_path, "S3Output.LocalPath"));
      out.push_back(std::move(directory));
    }
    if (script_) out.emplace_back("input/data/code");  // network isolation's place for the code
    return out;
  }

  Status PrepareImage() {
    if (!CanOverlay(overlays_ / "probe")) {
      return Fail(
          Code::kFailedPrecondition, "NoOverlay",
          "container images need overlays of ordinary users (Linux 5.11), which this kernel "
          "does not give");
    }
    for (const fs::path& folder :
         {image_root_, overlays_ / "image/upper", overlays_ / "image/scratch"}) {
      CLARY_CHECK_OK(MakeDirectories(folder));
    }
    return {};
  }

  // Folders outside /opt/ml are mounted, and not over or into what the program needs.
  Status CheckOutsideFolders() const {
    for (const Shown& folder : mirrors_->OutsideFolders()) {
      const std::string at = folder.to.string();
      const auto fail = [&](const std::string& why) {
        return Fail(Code::kInvalidArgument, "BadLocalPath", "LocalPath \"" + at + "\" " + why);
      };
      if (!sandbox_) return fail("is not below /opt/ml, and this job runs without a sandbox");
      for (const std::string& python : spec_.python.folders) {
        if (Nested(at, python)) return fail("lies in the folders of the job's Python, " + python);
      }
      // A link of an image may lead anywhere.
      const std::string& root = spec_.python.container.root;
      if (root.empty()) continue;
      const auto there = OpenBeneath(root, at.substr(1), O_PATH);
      if (!there && there.error().reason == "SymbolicLink") {
        return fail("leads over a link of the container image");
      }
    }
    return {};
  }

  // Whether `input` is large enough to be worth an overlay, and apart from everything else.
  bool MayOverlay(const Input& input, const std::vector<Input>& inputs,
                  const std::vector<std::string>& taken) {
    const auto nested = [&](const std::string& other) { return Nested(input.directory, other); };
    if (std::ranges::any_of(taken, nested) ||
        std::ranges::count_if(inputs, [&](const Input& i) { return nested(i.directory); }) > 1) {
      return false;
    }
    const auto size = InputSize(input, store_, kOverlayFrom);
    if (!size || *size < kOverlayFrom) return false;
    if (!can_overlay_) can_overlay_ = CanOverlay(overlays_ / "probe");
    return *can_overlay_;
  }

  Status PlanMirrors() {
    CLARY_TRY(auto specs, contract_.mirrors(spec_));
    CLARY_TRY(auto profiler, Profiler(spec_));
    mirrors_.emplace(std::move(specs), std::move(profiler),
                     Mirrors::Folders{work_, outside_, profile_}, store_, log_);
    return {};
  }

  Outcome TrainAndUpload() {
    if (Status done = Phase(contract_.phase, contract_.phase_text); !done) {
      return Blame("InternalServerError", done.error());
    }
    const Time begin = Clock::System().Now();
    const auto ended = script_ ? RunScript() : RunProgram();
    Traced("train", begin);
    if (!ended) return Blame("InternalServerError", ended.error());
    Outcome outcome{ended->exit_code, ""};
    if (const Status fed = pipes_->status(); !fed) return Blame("ClientError", fed.error());
    if (ended->disk_filled) {
      outcome = {
          1,
          "ClientError: the job has filled the disk of the service's state directory and was "
          "ended; free some space, or let it write less"};
    } else if (ended->over_quota) {
      outcome = {1, "ClientError: the job has written more than its VolumeSizeInGB (" +
                        std::to_string(spec_.volume_gb) +
                        ") holds and was ended; give it a larger one, or let it write less"};
    } else if (ended->too_many_processes) {
      outcome = {1, "ClientError: the job has started more than " +
                        std::to_string(options_.max_processes) +
                        " processes and threads and was ended"};
    } else if (outcome.exit_code != 0) {
      program_failed_ = true;
      outcome.detail = user_ ? UserFailure(*ended) : FailureLeft(work_);
      if (outcome.detail.empty()) outcome.detail = DiskFailure(work_);
    }
    if (role_ != nullptr && outcome.exit_code != 0 && !ended->stopped) {
      (void)SayWord(role_->gate, kFailed);
    }
    Status uploaded = Phase("Uploading", contract_.upload_text);
    const Time upload = Clock::System().Now();
    if (uploaded) uploaded = Upload(*ended);
    Traced("upload", upload);
    if (!uploaded) {
      Outcome blame =
          Blame("ClientError", std::move(uploaded).error().With("Artifact upload failed"));
      // As the program knows it.
      if (const size_t at = blame.detail.find(work_.string()); at != std::string::npos) {
        blame.detail.replace(at, work_.string().size(), "/opt/ml");
      }
      // A program that failed by itself says more about the cause.
      if (outcome.exit_code == 0) {
        outcome = std::move(blame);
      } else {
        log_.Write(CleanLine(blame.detail));
      }
    }
    if (!contract_.message_file.empty() && role_ == nullptr) {
      const auto message = MessageLeft(work_, contract_.message_file);
      if (message) exit_message_ = *message;
      if (outcome.exit_code != 0 && outcome.detail.empty()) outcome.detail = exit_message_;
      if (!message && outcome.exit_code == 0) outcome = Blame("ClientError", message.error());
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
    std::error_code ec;
    if (fetched && fs::file_size(work_ / "code/requirements.txt", ec) > kMaxRequirements && !ec) {
      fetched = Fail(Code::kInvalidArgument, "TooLarge", "requirements.txt is larger than 1 MiB");
    }
    if (!fetched) failed_ = Blame("ClientError", fetched.error());
    return fetched;
  }

  Result<Ended> RunProgram() {
    CLARY_TRY(const ProgramSpec program, MakeProgram());
    return Run(program, true);
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
      program.argv = command.start.empty() ? command.argv : command.start;
      program.directory = toolkit::kCodeDirectory;
      auto environment = UserEnvironment(user_program_, python_.has_value());
      for (const auto& [name, value] : command.environment) {
        if (name.size() + value.size() < kMaxVariable) {
          environment[name] = value;
          continue;
        }
        log_.Write("[clary] NOTE: " + name +
                   " is left out: with so many hyperparameters it is longer than 128 KiB, the most "
                   "that a variable may be");
      }
      program.env = EnvironmentList(environment);
      CLARY_TRY(ended, Run(program, true));
    }
    if (ended.exit_code == 0) {
      LeaveFile(work_, "output/success", "");
      if (!quiet) log_.Write("Reporting training SUCCESS");
      return ended;
    }
    if (ended.stopped || ended.disk_filled || ended.over_quota || ended.too_many_processes) {
      return ended;
    }
    constexpr int kSignals = 128;
    // What a shell has started it reports itself.
    const bool shell = failure.argv.front() == "/bin/sh";
    failure.exit_code = ended.exit_code > kSignals && ended.exit_code <= kSignals + 64 && !shell
                            ? kSignals - ended.exit_code
                            : ended.exit_code;
    const std::string output = toolkit::WithoutTags(ended.last_output);
    failure.stderr_text = output;
    failure.out_of_memory = ended.out_of_memory;
    const std::string text = toolkit::FailureText(failure);
    if (FailureLeft(work_).empty()) {
      std::string cause = CauseOf(failure);
      if (cause.empty()) cause = LastPrinted(failure.stderr_text);
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
    return Run(program, false);
  }

  // The packages of requirements.txt, as a layer that later jobs with the same file find ready.
  Result<Ended> InstallRequirements() {
    if (!python_) {
      return Fail(Code::kFailedPrecondition, "NoPython", "the job has no Python environment");
    }
    CLARY_TRY(const std::string text, ReadFile(work_ / "code/requirements.txt", kMaxRequirements));
    const Requirements requirements(user_program_, *python_, text);
    if (auto ready = requirements.Ready()) {
      shown_layer_ = *std::move(ready);
      log_.Write("[clary] requirements.txt: the packages of an earlier job with this file");
      return Ended{};
    }
    ProgramSpec program = MakeAnyProgram();
    CLARY_CHECK_OK(requirements.Prepare(layer_, program));
    program.home = home_;
    program.overlays = laid_;
    program.directory = toolkit::kCodeDirectory;
    CLARY_TRY(Ended ended, Run(program, false));
    if (ended.exit_code == 0) shown_layer_ = requirements.Keep(layer_);
    return ended;
  }

  // The cause in a line; empty: nothing tells.
  std::string CauseOf(const toolkit::Failure& failure) const {
    std::string cause = WhyNotStarted(failure.stderr_text);
    if (cause.empty()) cause = toolkit::FailureCause(failure);
    cause = api::CutText(cause, kMaxCause);
    const std::string more = WhyNoPackages(user_program_, failure.stderr_text);
    if (more.empty()) return cause;
    return cause.empty() ? more : cause + "; " + more;
  }

  // Why a user's program failed, the cause first.
  std::string UserFailure(const Ended& ended) {
    if (!script_failure_.empty()) return script_failure_;
    const std::string text = FailureLeft(work_);
    if (script_ || ended.stopped) return text;
    toolkit::Failure failure;
    failure.exit_code = ended.exit_code;
    failure.stderr_text = ended.last_output;
    failure.out_of_memory = ended.out_of_memory;
    const std::string cause = CauseOf(failure);
    if (text.empty()) return cause.empty() ? LastPrinted(failure.stderr_text) : cause;
    if (cause.empty()) return text;
    // A driver leaves its own traceback, which says only that the script failed.
    if (text.starts_with("Traceback")) return cause + "\n" + text;
    if (text.find(cause) != std::string::npos) return text;
    return api::CutText(text, kMaxReason - cause.size() - 1) + "\n" + cause;
  }

  // Runs a program of the job to its end. Only `main` is fed by Pipe channels, mirrored and
  // profiled.
  Result<Ended> Run(const ProgramSpec& program, bool main) {
    FollowOptions options{.stop = stop_,
                          .log = log_,
                          .grace = options_.grace,
                          .guard_disk = user_,
                          .quota = user_ ? Quota() : DiskQuota{},
                          .max_processes = user_ ? options_.max_processes : 0,
                          .contact = spec_.contact};
    if (!main) return Follow(program, options);
    std::jthread monitoring;
    std::jthread mirroring;
    options.pipes = pipes_.get();
    options.started = [&](pid_t pid) {
      if (mirrors_->profiler()) {
        monitoring = std::jthread([this, pid](const std::stop_token& stop) { Sample(pid, stop); });
      }
      if (!mirrors_->empty()) {
        mirroring = std::jthread([this](const std::stop_token& stop) { mirrors_->Run(stop); });
      }
    };
    return Follow(program, options);
  }

  void Sample(pid_t pid, const std::stop_token& stop) {
    Monitor monitor({.root = pid,
                     .cores = cores_.cores,
                     .memory_bytes = spec_.memory_bytes,
                     .interval = mirrors_->profiler()->interval,
                     .host = spec_.current_host(),
                     .directory = profile_},
                    Clock::System());
    if (const Status done = monitor.Run(stop); !done) {
      log_.Write(CleanLine("[clary] WARNING: profiling ended: " + done.error().message));
    }
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
      const auto distribution = toolkit::DistributionOf(spec_.hyperparameters);
      const bool distributed =
          script_ && distribution && *distribution != toolkit::Distribution::kNone;
      const auto* framework = toolkit::FindFramework(spec_.python.framework);
      CLARY_CHECK_OK(RemoveTree(python_home_));
      CLARY_CHECK_OK(MakeDirectories(python_home_));
      CLARY_CHECK_OK(
          toolkit::MakePythonHome({.python = *python_,
                                   .layer = !shown_layer_.path.empty(),
                                   .stand_ins = framework != nullptr && framework->stand_ins,
                                   .hosts = role_ != nullptr || distributed},
                                  python_home_));
    }
    ProgramSpec program = MakeAnyProgram();
    AddUserProgram(user_program_, python_ ? python_home_ : fs::path(), shown_layer_.path, program);
    // Agents for the others trust everybody in their network.
    if (python_ && role_ != nullptr && role_->private_network() &&
        spec_.python.container.root.empty()) {
      program.shown.push_back({"/usr/sbin", toolkit::kSystemSbin});
      program.shown.push_back({python_home_ / toolkit::kHostSbin, "/usr/sbin"});
    }
    program.argv = spec_.entrypoint;
    program.argv.insert(program.argv.end(), spec_.arguments.begin(), spec_.arguments.end());
    program.home = home_;
    program.overlays = laid_;
    if (!spec_.cache.empty()) CLARY_CHECK_OK(MakeDirectories(spec_.cache));
    if (const api::ImageSpec& image = spec_.python.container; !image.root.empty()) {
      // The image below, as all jobs see it; what this one changes goes above.
      program.root = image_root_;
      program.overlays.insert(
          program.overlays.begin(),
          {image_root_, image.root, overlays_ / "image/upper", overlays_ / "image/scratch"});
      program.directory = image.directory;
    }
    return program;
  }

  ProgramSpec MakeAnyProgram() const {
    return {.work = work_,
            .temp = temp_,
            .network = network_,
            .host = spec_.current_host(),
            .hosts = role_ != nullptr ? role_->hosts : std::vector<HostAddress>(),
            .joined = role_ != nullptr ? role_->joined : JoinedNetwork(),
            .memory_bytes = spec_.memory_bytes,
            .cores = cores_.cores,
            .shown = mirrors_->OutsideFolders(),
            .sandbox = sandbox_};
  }

  Status Upload(const Ended& ended) {
    CLARY_CHECK_OK(mirrors_->Finish());
    if (role_ != nullptr) return {};
    UploadContext context{spec_, work_, pack_, store_, log_, events_};
    // A job that was stopped keeps what it has left; one that is stopped now gives up.
    if (!ended.stopped) context.stopped = [this] { return stop_.Requested(); };
    return contract_.upload(context, ended);
  }

  const api::JobSpec& spec_;
  const Contract& contract_;
  const fs::path work_;
  const fs::path outside_;  // folders that the program sees elsewhere than below /opt/ml
  const fs::path temp_;
  const fs::path home_;         // of a user's program
  const fs::path python_home_;  // its virtual environment
  const fs::path overlays_;     // what large inputs are made of: the store's files, and changes
  const fs::path image_root_;   // where a container image and this job's changes are one
  const fs::path layer_;        // where packages of its requirements.txt are installed
  const fs::path pack_;
  const fs::path profile_;  // what the runner profiles; the program has its own below work_
  const RunOptions& options_;
  objects::ObjectStore& store_;
  JobLog log_;
  EventFile events_;
  StopSignal stop_;
  const HostRole* const role_;  // null: the job has one host
  Cores cores_;
  std::optional<SandboxProbe> probe_;
  std::optional<Mirrors> mirrors_;
  std::unique_ptr<Pipes> pipes_;
  std::vector<debugger::TraceEvent> phases_;  // of the job, for its time line
  std::optional<Outcome> failed_;
  const bool user_ = IsUserProgram(spec_);
  const UserProgram user_program_ = UserProgramOf(spec_);
  const bool script_ = spec_.program == "script";
  std::optional<toolkit::Python> python_;
  std::vector<Overlay> laid_;
  std::optional<bool> can_overlay_;
  toolkit::HeldLayer shown_layer_;  // packages of requirements.txt that the program sees
  std::string script_failure_;      // why a script failed that left no words of its own
  std::string exit_message_;
  Network network_ = Network::kNone;
  bool sandbox_ = false;
  bool program_failed_ = false;
};

}  // namespace

namespace {

Result<int> RunAny(const api::JobSpec& spec, const fs::path& job_dir, RunEnvironment& environment,
                   const RunOptions& options, const HostRole* role) {
  CLARY_TRY(StopSignal stop, StopSignal::Make());
  std::error_code ec;
  const fs::path dir = fs::absolute(job_dir, ec);
  CLARY_TRY(const Contract* contract, FindContract(spec.contract));
  CLARY_TRY(EventFile events, EventFile::Open(dir / "events.jsonl", environment.clock));
  Job job(spec, *contract, dir, environment, options, std::move(events), std::move(stop), role);
  return job.RunToEnd();
}

}  // namespace

Result<int> RunJob(const api::JobSpec& spec, const fs::path& job_dir, RunEnvironment environment,
                   const RunOptions& options) {
  return RunAny(spec, job_dir, environment, options, nullptr);
}

Result<int> RunHost(const api::JobSpec& spec, const fs::path& dir, RunEnvironment environment,
                    const RunOptions& options, const HostRole& role) {
  return RunAny(spec, dir, environment, options, &role);
}

namespace {

constexpr uint64_t kMaxSpecBytes = 16 << 20;

// Held by the runner that works in the directory. An earlier one, whose supervisor was killed, may
// still be dying.
Result<Fd> LockDirectory(const fs::path& job_dir) {
  CLARY_TRY(Fd fd, OpenFile(job_dir / api::kRunnerLock, O_RDWR | O_CREAT, 0600));
  while (::flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return std::unexpected(ErrnoError(errno, "locking the job's directory"));
  }
  return fd;
}

Result<int> RunDirectory(const fs::path& job_dir) {
  CLARY_TRY(const Fd lock, LockDirectory(job_dir));
  CLARY_TRY(const std::string text, ReadFile(job_dir / "job.json", kMaxSpecBytes));
  CLARY_TRY(api::JobSpec spec, api::JobSpec::FromJson(text));
  if (const int cores = exec::AllocatedCores(); cores > 0) spec.cpus = cores;
  if (spec.hosts.size() > 1) return RunHosts(spec, job_dir, Clock::System());
  CLARY_TRY(const auto store, objects::OpenStoreForJob(spec.store));
  if (spec.contract == "trials") return HostTrials(spec, job_dir, *store, Clock::System());
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
