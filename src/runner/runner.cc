#include "runner/runner.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <optional>
#include <thread>

#include "api/rule_spec.h"
#include "base/file.h"
#include "base/log.h"
#include "debugger/profiler_files.h"
#include "objects/file_store.h"
#include "runner/artifacts.h"
#include "runner/channels.h"
#include "runner/internal/container.h"
#include "runner/internal/monitor.h"
#include "runner/internal/pipes.h"
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

// events.jsonl: whole lines, each in one write.
class EventFile {
 public:
  static Result<EventFile> Open(const fs::path& path, Clock& clock) {
    CLARY_TRY(Fd fd, OpenFile(path, O_RDWR | O_CREAT | O_APPEND));
    return EventFile(std::move(fd), clock);
  }
  Status Append(JobEvent event) {
    event.time_ms = ToMillis(clock_->Now());
    return WriteAll(fd_.get(), event.ToJsonLine());
  }
  Status Sync() { return SyncFile(fd_.get()); }

 private:
  EventFile(Fd fd, Clock& clock) : fd_(std::move(fd)), clock_(&clock) {}
  Fd fd_;
  Clock* clock_;
};

// SIGTERM as something to poll. Blocks the signal for the process (and threads made later).
class StopSignal {
 public:
  static Result<StopSignal> Make() {
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    ::sigprocmask(SIG_BLOCK, &mask, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    Fd fd(::signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd) return std::unexpected(ErrnoError(errno, "signalfd"));
    return StopSignal(std::move(fd));
  }
  int fd() const { return fd_.get(); }
  bool Requested() {
    signalfd_siginfo info{};
    while (::read(fd_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      requested_ = true;
    }
    return requested_;
  }

 private:
  explicit StopSignal(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
  bool requested_ = false;
};

// Cores of this machine that this job has for itself: a lock file per core under `dir`, held by
// the runner. Empty (no pinning) when the job wants all cores or too few are free.
struct Cores {
  std::vector<int> cores;
  std::vector<Fd> locks;
};
Cores ClaimCores(const fs::path& dir, int wanted) {
  Cores out;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (wanted <= 0 || ::sched_getaffinity(0, sizeof set, &set) != 0) return out;
  if (wanted >= CPU_COUNT(&set) || !MakeDirectories(dir)) return out;
  for (int core = 0; core < CPU_SETSIZE && std::ssize(out.cores) < wanted; ++core) {
    if (!CPU_ISSET(static_cast<size_t>(core), &set)) continue;
    auto fd = OpenFile(dir / std::to_string(core), O_RDWR | O_CREAT, 0600);
    if (!fd || ::flock(fd->get(), LOCK_EX | LOCK_NB) != 0) continue;
    out.cores.push_back(core);
    out.locks.push_back(std::move(*fd));
  }
  if (std::ssize(out.cores) < wanted) return {};
  return out;
}

int AvailableCores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

// The end of a job as kEnd tells it.
struct Outcome {
  int exit_code = 0;
  std::string detail;
};
Outcome Blame(std::string_view who, const Error& error) {
  return {1, std::string(who) + ": " + error.message};
}

// How the training phase went: the program's end, or why there was none.
struct Ended {
  int exit_code = 0;
  bool stopped = false;
};

class Job {
 public:
  Job(const api::JobSpec& spec, const fs::path& dir, RunEnvironment& environment,
      const RunOptions& options, EventFile events, StopSignal stop)
      : spec_(spec),
        work_(dir / "work"),
        temp_(dir / "tmp"),
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
    (void)RemoveTree(work_);
    (void)RemoveTree(temp_);
    (void)RemoveTree(profile_);
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

  Status Phase(const char* phase, const char* message) {
    return events_.Append({.kind = JobEvent::Kind::kPhase, .phase = phase, .detail = message});
  }

  // Everything before the program runs. On an error `failed_` says how the job ends.
  Status Prepare() {
    probe_ = options_.sandbox ? std::optional(SandboxProbe::Start(!spec_.network_isolation))
                              : std::nullopt;
    CLARY_CHECK_OK(Phase("Downloading", "Downloading input data"));
    for (const std::string& notice : spec_.notices) {
      log_.Write(CleanLine("[clary] NOTE: not provided on this machine: " + notice));
    }
    const auto guilty = [&](std::string_view who, Status done) {
      if (!done) failed_ = Blame(who, done.error());
      return done;
    };
    CLARY_CHECK_OK(guilty("InternalServerError", RemoveTree(work_)));
    CLARY_CHECK_OK(guilty("InternalServerError", RemoveTree(temp_)));
    CLARY_CHECK_OK(guilty("InternalServerError", RemoveTree(profile_)));
    CLARY_CHECK_OK(guilty("InternalServerError", MakeDirectories(temp_)));
    CLARY_CHECK_OK(guilty("ClientError", LayOut(spec_, work_)));
    ChooseSandbox();
    const Time begin = Clock::System().Now();
    const DownloadOptions options{.link = sandbox_, .stopped = [&] { return stop_.Requested(); }};
    CLARY_CHECK_OK(
        guilty("ClientError", DownloadChannels(spec_, store_, work_ / "input/data", options)));
    auto pipes = Pipes::Make(spec_, store_, work_ / "input/data");
    if (!pipes) return guilty("ClientError", std::unexpected(std::move(pipes).error()));
    pipes_ = std::move(*pipes);
    CLARY_CHECK_OK(guilty("ClientError", PrepareMirrors(options)));
    Traced("download", begin);
    return {};
  }

  void ChooseSandbox() {
    std::string why = "turned off";
    if (probe_) why = probe_->Wait();
    sandbox_ = why.empty();
    if (sandbox_ || !options_.sandbox) return;
    log_.Write(CleanLine(
        "[clary] WARNING: this job runs without a sandbox: " + why +
        ". The program is a plain process with limits: it can read the files of this machine that "
        "the service's user can read, and network isolation is not enforced. It finds its "
        "directories by SAGEMAKER_BASE_DIR."));
  }

  Status PrepareMirrors(const DownloadOptions& options) {
    CLARY_TRY(const auto mirrors, runner::Mirrors(spec_));
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
    if (Status done = Phase("Training", "Training image download completed. Training in progress.");
        !done) {
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
    Status uploaded = Phase("Uploading", "Uploading generated training model");
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
    CLARY_TRY(Program program, StartProgram());
    // After the fork, so that the child was made by a process with one thread.
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

  Result<Program> StartProgram() {
    ProgramSpec program{.argv = options_.program,
                        .work = work_,
                        .temp = temp_,
                        .network = !spec_.network_isolation,
                        .memory_bytes = spec_.memory_bytes,
                        .cores = cores_.cores,
                        .sandbox = sandbox_};
    if (program.argv.empty()) program.argv = {"clary", "algorithm", spec_.program};
    const int cpus = spec_.cpus > 0 ? std::min(spec_.cpus, AvailableCores()) : AvailableCores();
    program.env = Environment(spec_, sandbox_ ? "/opt/ml" : work_.string(), cpus);
    return Program::Start(program);
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
    const auto mirrors = runner::Mirrors(spec_);
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
    const std::string base = spec_.output_uri + "/" + spec_.job_name + "/output/";
    const bool trees = spec_.output_compression == "NONE";
    for (Mirror& mirror : mirrors_) CLARY_CHECK_OK(mirror.Sync(true));
    // The model of a program that failed may be half a model.
    if (ended.exit_code == 0 || ended.stopped) {
      JobEvent artifact{.kind = JobEvent::Kind::kArtifact};
      if (trees) {
        CLARY_CHECK_OK(UploadTree(work_, "model", base + "model", store_));
        artifact.detail = base + "model/";
      } else {
        CLARY_TRY(const auto packed, Pack(work_, {{.directory = "model"}}, pack_));
        Report(packed);
        CLARY_TRY(const auto info, PutPack(base + "model.tar.gz"));
        artifact.detail = base + "model.tar.gz";
        artifact.etag = info.etag;
      }
      CLARY_CHECK_OK(events_.Append(std::move(artifact)));
    }
    if (trees) {
      CLARY_CHECK_OK(UploadTree(work_, "output/data", base + "data", store_));
      return {};
    }
    CLARY_TRY(const auto data, ListTree(work_, "output/data"));
    const auto failure = OpenBeneath(work_, "output/failure", O_RDONLY);
    if (data.entries.empty() && !failure) return {};
    CLARY_TRY(const auto packed,
              Pack(work_, {{.directory = "output/data"}, {.file = "output/failure"}}, pack_));
    Report(packed);
    CLARY_CHECK_OK(PutPack(base + "output.tar.gz"));
    return {};
  }

  void Report(const PackResult& packed) {
    for (const std::string& path : packed.skipped) {
      log_.Write(CleanLine("[clary] WARNING: " + path +
                           " is a link or no plain file, so it is not in the archive"));
    }
  }

  Result<objects::ObjectInfo> PutPack(const std::string& uri) {
    CLARY_TRY(const auto ref, objects::ObjectRef::ParseUri(uri));
    auto info = UploadFile(pack_, ref, store_);
    ::unlink(pack_.c_str());
    return info;
  }

  const api::JobSpec& spec_;
  const fs::path work_;
  const fs::path temp_;
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
  CLARY_TRY(EventFile events, EventFile::Open(dir / "events.jsonl", environment.clock));
  Job job(spec, dir, environment, options, std::move(events), std::move(stop));
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
