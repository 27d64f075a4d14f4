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
#include "runner/internal/user_program.h"
#include "runner/job_log.h"
#include "runner/program.h"
#include "runner/tree.h"

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
        pack_(dir / "pack.tmp"),
        profile_(dir / "profile"),
        options_(options),
        store_(environment.store),
        log_(std::move(environment.log), environment.clock),
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
    CLARY_CHECK_OK(events_.Append(
        {.kind = JobEvent::Kind::kEnd, .detail = outcome.detail, .exit_code = outcome.exit_code}));
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
  std::array<const fs::path*, 4> Folders() const { return {&work_, &temp_, &home_, &profile_}; }

  // Everything before the program runs. On an error `failed_` says how the job ends.
  Status Prepare() {
    network_ = NetworkOf(spec_);
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
    for (const Input& input : inputs) {
      CLARY_CHECK_OK(
          DownloadInput(input, spec_.hosts.size(), store_, work_ / input.directory, options));
    }
    return {};
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
    auto ended = Train();
    Traced("train", begin);
    if (!ended) return Blame("InternalServerError", ended.error());
    Outcome outcome{ended->exit_code, ""};
    if (const Status fed = pipes_->status(); !fed) return Blame("ClientError", fed.error());
    if (outcome.exit_code != 0) {
      program_failed_ = true;
      outcome.detail = FailureText();
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
    return outcome;
  }

  Result<Ended> Train() {
    const ProgramSpec program_spec = MakeProgram();
    CLARY_TRY(Program program, Program::Start(program_spec));
    // After the fork, so that the child was made by a process with one thread.
    CLARY_TRY(const auto forwarder, Forward(program_spec, program));
    pipes_->Start();
    std::jthread monitoring;
    if (profiler_) {
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
    if (!mirrors_.empty()) {
      mirroring = std::jthread([this](const std::stop_token& stop) { MirrorLoop(stop); });
    }
    LineSplitter splitter;
    std::optional<int> code;
    std::optional<steady_clock::time_point> deadline;
    bool told = false;
    bool killed = false;
    std::vector<char> buffer(1 << 16);
    while (!code) {
      int timeout = -1;
      if (stop_.Requested()) {
        const auto now = steady_clock::now();
        if (!deadline) deadline = now + options_.grace;
        if (!told) told = program.Terminate();
        if (now >= *deadline) program.Kill();
        auto wait =
            std::max(std::chrono::duration_cast<milliseconds>(*deadline - now) + milliseconds(1),
                     kTermRetry);
        if (!told) wait = kTermRetry;
        timeout = static_cast<int>(std::min<int64_t>(wait.count(), INT_MAX));
      }
      pollfd polls[] = {{program.output(), POLLIN, 0},
                        {program.pidfd(), POLLIN, 0},
                        {stop_.fd(), POLLIN, 0},
                        {pipes_->failed_fd(), POLLIN, 0}};
      if (output_ended_) polls[0].fd = -1;
      if (killed) polls[3].fd = -1;
      ::poll(polls, 4, timeout);
      if (polls[3].revents != 0) {
        program.Kill();  // it would wait for data for ever
        killed = true;
      }
      Drain(program, splitter, buffer);
      if (polls[1].revents != 0) code = program.Wait();
    }
    // What the program wrote just before its end. Whoever may still hold the pipe is dead, or, in a
    // plain process that left its group, not worth waiting for.
    Drain(program, splitter, buffer);
    log_.Write(splitter.Finish());
    pipes_->Stop();
    return Ended{*code, deadline.has_value()};
  }

  ProgramSpec MakeProgram() const {
    ProgramSpec program{.argv = options_.program,
                        .work = work_,
                        .temp = temp_,
                        .network = network_,
                        .memory_bytes = spec_.memory_bytes,
                        .cores = cores_.cores,
                        .sandbox = sandbox_};
    if (user_) {
      program.argv = spec_.entrypoint;
      program.argv.insert(program.argv.end(), spec_.arguments.begin(), spec_.arguments.end());
      program.env = EnvironmentList(UserEnvironment(spec_));
      program.input_read_only = false;
      program.home = home_;
      program.reach = ReachOf(spec_);
      program.directory = "/";
      for (const std::string& folder : spec_.python.folders) {
        program.shown.push_back({folder, folder});
      }
      return program;
    }
    if (program.argv.empty()) program.argv = {"clary", "algorithm", spec_.program};
    program.env =
        Environment(spec_, sandbox_ ? "/opt/ml" : work_.string(), UsableCores(spec_.cpus));
    return program;
  }

  Result<std::unique_ptr<net::Forwarder>> Forward(const ProgramSpec& spec, Program& program) {
    std::vector<net::Forwarder::Route> routes;
    for (Fd& listener : program.TakeListeners()) {
      const Reach& reach = spec.reach[routes.size()];
      routes.push_back({std::move(listener), reach.host, std::to_string(reach.port)});
    }
    return net::Forwarder::Start(std::move(routes));
  }

  // Takes what is in the pipe now to the log.
  void Drain(const Program& program, LineSplitter& splitter, std::vector<char>& buffer) {
    while (!output_ended_) {
      const ssize_t n = ::read(program.output(), buffer.data(), buffer.size());
      if (n > 0) {
        log_.Write(splitter.Feed({buffer.data(), static_cast<size_t>(n)}));
      } else if (n == 0) {
        output_ended_ = true;
      } else if (errno != EINTR) {
        return;
      }
    }
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
    const auto fd = OpenBeneath(work_, "output/failure", O_RDONLY);
    struct stat st{};
    if (!fd || ::fstat(fd->get(), &st) != 0 || !S_ISREG(st.st_mode)) return {};
    std::string text(kMaxFailureText * 4, '\0');
    const ssize_t n = ::read(fd->get(), text.data(), text.size());
    text.resize(n > 0 ? static_cast<size_t>(n) : 0);
    text = api::CutText(CleanLine(text), kMaxFailureText);
    while (text.ends_with('\n')) text.pop_back();
    return text;
  }

  // Then a program could not even say why it failed.
  bool DiskIsFull() const {
    struct statvfs disk{};
    return ::statvfs(work_.c_str(), &disk) == 0 && disk.f_bavail * disk.f_frsize < kFullDisk;
  }

  Status Upload(const Ended& ended) {
    for (Mirror& mirror : mirrors_) CLARY_CHECK_OK(mirror.Sync(true));
    return contract_.upload({spec_, work_, pack_, store_, log_, events_}, ended);
  }

  const api::JobSpec& spec_;
  const Contract& contract_;
  const fs::path work_;
  const fs::path temp_;
  const fs::path home_;  // of a user's program
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
  Network network_ = Network::kNone;
  bool sandbox_ = false;
  bool output_ended_ = false;
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
  // Without an end of its own the job would only be lost; say why, if the disk lets us.
  if (auto events = EventFile::Open(job_dir / "events.jsonl", Clock::System())) {
    (void)events->Append({.kind = JobEvent::Kind::kEnd,
                          .detail = "InternalServerError: " + ended.error().message,
                          .exit_code = 1});
  }
  return 1;
}

}  // namespace clary::runner
