#include "exec/slurm_executor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "base/strings.h"
#include "exec/internal/launch_dir.h"
#include "exec/internal/slurm_cli.h"

namespace clary::exec {
namespace fs = std::filesystem;
namespace {

constexpr size_t kMostQueue = 4 << 20;  // bytes of squeue: it may have been cut there
constexpr size_t kMaxWhyFile = 4096;
constexpr uint64_t kMaxTableBytes = 1 << 20;
constexpr Duration kFirstRetry{1'000};  // of a submission that was not heard; doubles
constexpr int kMaxDoublings = 6;
constexpr int kMaxUnknown = 8;  // words of sbatch that nobody knows are final then: four minutes
// After its grace, a launch that Slurm still runs is cancelled: its node may not hear us.
constexpr Duration kUnheard = std::chrono::seconds(60);
constexpr int kHopelessLooks = 2;  // so often seen, a reason for pending is taken for final

bool There(const fs::path& file) { return ::access(file.c_str(), F_OK) == 0; }

// What `answer` complains about, in a line.
std::string Complaint(const Result<ToolOutcome>& answer) {
  if (!answer) return answer.error().message;
  const std::string_view output = Trim(answer->output);
  if (output.empty()) return "it ended with code " + std::to_string(answer->code);
  return std::string(output.substr(0, output.find('\n')));
}

}  // namespace

SlurmTools SystemTools(std::chrono::milliseconds limit) {
  return [limit](const std::vector<std::string>& argv) {
    std::vector<std::string> variables;
    for (const char* name : {"PATH", "HOME", "SLURM_CONF"}) {
      const char* const value = std::getenv(name);
      if (value != nullptr) variables.push_back(std::string(name) + "=" + value);
    }
    return RunTool(argv, variables, kToolBoth, {}, limit);
  };
}

// What is known of a launch beside its files.
struct SlurmExecutor::Entry {
  bool submitted = false;        // Slurm had a job of it
  bool asked = false;            // an sbatch may have been heard
  int failures = 0;              // of sbatch, in a row
  Time retry{};                  // when to submit again
  std::optional<Time> gone;      // since when Slurm says that it has ended, or knows nothing of it
  std::optional<Time> stopping;  // since when there is a stop
  int hopeless = 0;              // looks at which it was
  bool cancelled = false;
};

SlurmExecutor::SlurmExecutor(fs::path dir, std::unique_ptr<LocalExecutor> local,
                             SlurmOptions options)
    : dir_(std::move(dir)),
      local_(std::move(local)),
      options_(std::move(options)),
      clock_(options_.clock != nullptr ? *options_.clock : Clock::System()),
      tools_(options_.tools ? options_.tools : SystemTools()),
      table_(std::make_unique<SlurmTable>()) {}

SlurmExecutor::~SlurmExecutor() {
  thread_.request_stop();
  changed_.notify_all();
}

Result<std::unique_ptr<SlurmExecutor>> SlurmExecutor::Open(fs::path dir,
                                                           std::unique_ptr<LocalExecutor> local,
                                                           SlurmOptions options) {
  std::error_code ec;
  dir = fs::absolute(dir, ec);
  std::unique_ptr<SlurmExecutor> self(
      new SlurmExecutor(std::move(dir), std::move(local), std::move(options)));
  if (There(self->options_.table)) {
    CLARY_TRY(const std::string text, ReadFile(self->options_.table, kMaxTableBytes));
    auto table = SlurmTable::Parse(text);
    if (!table)
      return std::unexpected(std::move(table).error().With(self->options_.table.string()));
    *self->table_ = *std::move(table);
    self->table_time_ = fs::last_write_time(self->options_.table, ec);
  }
  CLARY_CHECK_OK(self->CheckCluster());
  if (self->options_.start_thread) {
    self->thread_ =
        std::jthread([raw = self.get()](const std::stop_token& stop) { raw->Run(stop); });
  }
  return self;
}

Status SlurmExecutor::CheckCluster() {
  for (const char* tool : {"sbatch", "squeue", "scancel"}) {
    const auto version = tools_({tool, "--version"});
    if (version && version->code != 127) continue;
    return Fail(Code::kFailedPrecondition, "NoSlurm",
                std::string(tool) +
                    " cannot be run; Slurm's client is needed on this machine "
                    "(Debian: slurm-client): " +
                    Complaint(version));
  }
  const auto answer = tools_({"sinfo", "-h", "-o", "%R"});
  if (!answer || answer->code != 0) {
    away_ = true;
    LOG(kWarn, "Slurm does not answer; launches wait for it", {"message", Complaint(answer)});
    return {};
  }
  if (options_.partition.empty()) return {};
  std::string known;
  for (const std::string_view line : Split(answer->output, '\n')) {
    const std::string_view name = Trim(line);
    if (name == options_.partition) return {};
    if (!name.empty()) known += (known.empty() ? "" : ", ") + std::string(name);
  }
  return Fail(Code::kFailedPrecondition, "BadPartition",
              "Slurm has no partition \"" + options_.partition + "\"; it has " + known);
}

Result<std::vector<std::string>> SlurmExecutor::NodeHosts() {
  std::vector<std::string> argv = {"sinfo", "-h", "-N", "-o", "%n"};
  if (!options_.partition.empty()) argv.push_back("--partition=" + options_.partition);
  const auto answer = tools_(argv);
  if (!answer || answer->code != 0) {
    return Fail(Code::kUnavailable, "SlurmAway", "sinfo: " + Complaint(answer));
  }
  std::vector<std::string> out;
  for (const std::string_view line : Split(answer->output, '\n')) {
    const std::string_view name = Trim(line);
    if (!name.empty()) out.emplace_back(name);
  }
  std::ranges::sort(out);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

// --- The caller's side: files.

std::optional<LaunchState> SlurmExecutor::StateOf(const std::string& key) const {
  const fs::path dir = DirectoryOf(key);
  const std::pair<const char*, LaunchPhase> kSaid[] = {{kLostFile, LaunchPhase::kLost},
                                                       {kRefusedFile, LaunchPhase::kRefused}};
  for (const auto& [file, phase] : kSaid) {
    const auto why = ReadFile(dir / file, kMaxWhyFile);
    if (why) return LaunchState{phase, 0, std::string(Trim(*why))};
  }
  if (const auto code = ReadNumber(dir / kExitFile)) {
    return LaunchState{LaunchPhase::kExited, static_cast<int>(*code)};
  }
  if (There(dir / kSpecFile)) return LaunchState{LaunchPhase::kRunning};
  return std::nullopt;
}

void SlurmExecutor::Watch(const std::string& key, bool fresh) {
  {
    MutexLock lock(mu_);
    if (!live_.try_emplace(key, fresh).second) return;
    nudged_ = true;
  }
  changed_.notify_all();
}

Status SlurmExecutor::Launch(const LaunchSpec& spec) {
  CLARY_CHECK_OK(CheckKey(spec.key));
  if (spec.argv.empty()) return Fail(Code::kInvalidArgument, "NoCommand", "argv is empty");
  if (spec.hosts.empty()) return local_->Launch(spec);
  const fs::path dir = DirectoryOf(spec.key);
  if (::mkdir(dir.c_str(), 0700) != 0 && errno != EEXIST) {
    return std::unexpected(ErrnoError(errno, "launching " + spec.key));
  }
  CLARY_TRY(const Fd lock, OpenFile(dir / kLockFile, O_RDWR | O_CREAT, 0600));
  CLARY_TRY(const bool mine, TryLock(lock.get()));
  if (!mine) return {};  // being launched by another thread
  if (local_->IsForgotten(spec.key)) {
    (void)RemoveTree(dir);
    return {};
  }
  if (There(dir / kSpecFile)) {
    if (There(dir / kBatchFile)) Watch(spec.key, false);
    return {};
  }
  std::string script = "#!/bin/sh\nexec";
  for (const std::string& word : options_.supervisor) script += " " + ShellQuoted(word);
  script += " " + ShellQuoted(dir.string()) + "\n";
  CLARY_CHECK_OK(WriteFileAtomic(dir / kBatchFile, script, 0700));
  CLARY_CHECK_OK(WriteFileAtomic(dir / kSpecFile, SpecToJson({spec, kOnSlurm}), 0600));
  Watch(spec.key, true);
  return {};
}

Result<std::optional<LaunchState>> SlurmExecutor::Find(const std::string& key) {
  CLARY_CHECK_OK(CheckKey(key));
  if (!There(DirectoryOf(key) / kBatchFile)) return local_->Find(key);
  auto state = StateOf(key);
  if (state && state->phase == LaunchPhase::kRunning) Watch(key, false);
  return state;
}

Status SlurmExecutor::Stop(const std::string& key, std::chrono::milliseconds grace) {
  CLARY_CHECK_OK(CheckKey(key));
  if (!There(DirectoryOf(key) / kBatchFile)) return local_->Stop(key, grace);
  const auto state = StateOf(key);
  if (!state) return Fail(Code::kNotFound, "NoSuchLaunch", "launch " + key + " is not known");
  if (state->phase != LaunchPhase::kRunning) return {};
  const fs::path file = DirectoryOf(key) / kStopFile;
  const auto earlier = ReadNumber(file);
  if (!earlier || *earlier > grace.count()) CLARY_CHECK_OK(WriteNumber(file, grace.count()));
  Watch(key, false);
  {
    MutexLock lock(mu_);
    nudged_ = true;
  }
  changed_.notify_all();
  return {};
}

Status SlurmExecutor::Forget(const std::string& key) {
  CLARY_CHECK_OK(CheckKey(key));
  if (There(DirectoryOf(key) / kBatchFile)) {
    const auto state = StateOf(key);
    if (state && state->phase == LaunchPhase::kRunning) {
      return Fail(Code::kFailedPrecondition, "Running", "launch " + key + " is still running");
    }
    MutexLock lock(mu_);
    live_.erase(key);
  }
  return local_->Forget(key);
}

void SlurmExecutor::OnExit(std::function<void()> wake) {
  local_->OnExit(wake);
  MutexLock lock(mu_);
  wake_ = std::move(wake);
}

// --- The thread's side: Slurm.

void SlurmExecutor::Run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    {
      MutexLock lock(mu_);
      const auto nudged = [this]() REQUIRES(mu_) { return nudged_; };
      if (live_.empty()) {
        changed_.wait(lock, stop, nudged);
      } else {
        changed_.wait_for(lock, stop, options_.poll, nudged);
      }
      nudged_ = false;
    }
    if (!stop.stop_requested()) Pass();
  }
}

// nullopt: Slurm has not answered.
std::optional<std::map<std::string, SlurmJob>> SlurmExecutor::AskQueue() {
  const auto answer = tools_({"squeue", "-h", "--me", "-t", "all", "-o", kQueueFormat});
  const bool away = !answer || answer->code != 0 || answer->output.size() >= kMostQueue;
  if (away != away_) {
    away_ = away;
    if (away) {
      LOG(kWarn, "Slurm does not answer; launches go on without being seen",
          {"message", Complaint(answer)});
    } else {
      LOG(kInfo, "Slurm answers again");
    }
  }
  if (away) return std::nullopt;
  return ParseQueue(answer->output);
}

void SlurmExecutor::Pass() {
  std::map<std::string, bool> live;
  {
    MutexLock lock(mu_);
    live = live_;
  }
  std::erase_if(entries_, [&](const auto& e) { return !live.contains(e.first); });
  bool ask = false;
  for (const auto& [key, fresh] : live) {
    auto& entry = entries_[key];
    if (entry == nullptr) {
      entry = std::make_unique<Entry>();
      entry->asked = !fresh;
      entry->submitted = There(DirectoryOf(key) / kJobFile);
    }
    const auto state = StateOf(key);
    if (state && state->phase == LaunchPhase::kRunning) ask = ask || entry->asked;
  }
  const auto queue = ask ? AskQueue() : std::nullopt;
  bool ended = false;
  for (const auto& [key, fresh] : live) {
    Entry& entry = *entries_.at(key);
    const auto running = [&] {
      const auto state = StateOf(key);
      return state && state->phase == LaunchPhase::kRunning;
    };
    if (running() && !entry.asked) {
      Submit(key, entry);
    } else if (running() && queue) {
      const auto job = queue->find(DirectoryOf(key).string());
      Look(key, entry, job != queue->end() ? &job->second : nullptr);
    }
    if (running()) continue;
    ended = true;
    MutexLock lock(mu_);
    live_.erase(key);
  }
  Cancel();
  if (!ended) return;
  std::function<void()> wake;
  {
    MutexLock lock(mu_);
    wake = wake_;
  }
  if (wake) wake();
}

// Writes how a launch has ended, unless it has left its own word meanwhile.
void SlurmExecutor::End(const std::string& key, const char* file, const std::string& text) {
  const fs::path dir = DirectoryOf(key);
  if (There(dir / kExitFile)) return;
  if (const Status done = WriteFileAtomic(dir / file, text + "\n", 0600); !done) {
    LOG(kError, "the end of a launch cannot be written", {"key", key},
        {"why", done.error().message});
  }
}

// A launch that has not ended, and its job as Slurm knows it; null: it knows of none.
void SlurmExecutor::Look(const std::string& key, Entry& entry, const SlurmJob* job) {
  const fs::path dir = DirectoryOf(key);
  const Time now = clock_.Now();
  const bool started = There(dir / kStartedFile);
  const auto grace = ReadNumber(dir / kStopFile);
  if (grace && !entry.stopping) entry.stopping = now;
  if (job == nullptr || HasEnded(*job)) {
    if (!entry.gone) entry.gone = now;
    // What its node has written last may not be seen here yet. A job that Slurm never had has none.
    const bool settled = now - *entry.gone >= options_.settle;
    if (!settled && (entry.submitted || started || job != nullptr)) return;
    if (started) {
      End(key, kLostFile, job != nullptr ? Describe(*job) : "Slurm no longer knows its job");
    } else if (grace) {
      (void)WriteNumber(dir / kExitFile, 128 + SIGTERM);  // it never ran
    } else if (job != nullptr) {
      End(key, kLostFile,
          Describe(*job) +
              ", which did not start `clary supervise`: is it there "
              "on every node, and the state directory?");
    } else if (now >= entry.retry) {
      Submit(key, entry);
    }
    return;
  }
  entry.gone.reset();
  if (!std::exchange(entry.submitted, true)) {
    (void)WriteNumber(dir / kJobFile, static_cast<int64_t>(job->id));
  }
  if (grace && !entry.cancelled) {
    if (job->state == "PENDING") {
      pending_to_cancel_.push_back(job->id);
    } else if (now - *entry.stopping > Duration(*grace) + kUnheard) {
      entry.cancelled = true;
      to_cancel_.push_back(job->id);
    }
  }
  entry.hopeless = IsHopeless(*job) ? entry.hopeless + 1 : 0;
  if (entry.hopeless >= kHopelessLooks) {
    to_cancel_.push_back(job->id);
    End(key, kRefusedFile, Describe(*job) + ", which no waiting will end");
  }
}

void SlurmExecutor::Cancel() {
  const auto cancel = [&](std::vector<uint64_t>& jobs, std::vector<std::string> argv) {
    if (jobs.empty()) return;
    for (const uint64_t id : jobs) argv.push_back(std::to_string(id));
    jobs.clear();
    (void)tools_(argv);  // what it has not done is seen at the next look
  };
  // Not those that have begun meanwhile: they have their grace.
  cancel(pending_to_cancel_, {"scancel", "--state=PENDING"});
  cancel(to_cancel_, {"scancel"});
}

void SlurmExecutor::ReadTable() {
  std::error_code ec;
  const auto time = fs::last_write_time(options_.table, ec);
  if (ec || time == table_time_) return;
  table_time_ = time;
  const auto text = ReadFile(options_.table, kMaxTableBytes);
  auto table = text ? SlurmTable::Parse(*text) : std::unexpected(text.error());
  if (table) {
    *table_ = *std::move(table);
  } else {
    LOG(kWarn, "the table of instance types is wrong; the one before goes on",
        {"file", options_.table.string()}, {"why", table.error().message});
  }
}

Result<std::vector<std::string>> SlurmExecutor::SubmitCommand(const std::string& key) {
  const fs::path dir = DirectoryOf(key);
  CLARY_TRY(const std::string text, ReadFile(dir / kSpecFile, kMaxSpecBytes));
  CLARY_TRY(const StoredSpec stored, SpecFromJson(text));
  ReadTable();
  CLARY_TRY(const auto resources, ResourceOptions(stored.spec.hosts, *table_,
                                                  {.partition = options_.partition,
                                                   .account = options_.account,
                                                   .constraint = options_.constraint,
                                                   .options = {}}));
  std::string output;
  for (const char c : stored.spec.output) output += c == '%' ? "%%" : std::string(1, c);
  std::vector<std::string> argv = {"sbatch",
                                   "--parsable",
                                   "--no-requeue",
                                   "--job-name=clary-" + key,
                                   "--comment=" + dir.string(),
                                   "--export=ALL",
                                   "--open-mode=append",
                                   "--output=" + (output.empty() ? "/dev/null" : output),
                                   "--chdir=/"};
  argv.insert(argv.end(), resources.begin(), resources.end());
  argv.push_back((dir / kBatchFile).string());
  return argv;
}

void SlurmExecutor::Submit(const std::string& key, Entry& entry) {
  const fs::path dir = DirectoryOf(key);
  if (There(dir / kStopFile)) {
    (void)WriteNumber(dir / kExitFile, 128 + SIGTERM);
    return;
  }
  const auto argv = SubmitCommand(key);
  if (!argv) {
    End(key, kRefusedFile, argv.error().message);
    return;
  }
  entry.asked = true;  // whatever it answers
  const auto answer = tools_(*argv);
  const Submission got = answer ? ParseSubmission(answer->code, answer->output)
                                : Submission{.passing = true, .why = answer.error().message};
  if (got.id > 0) {
    entry.submitted = true;
    entry.failures = 0;
    entry.gone.reset();
    (void)WriteNumber(dir / kJobFile, static_cast<int64_t>(got.id));
  } else if (got.refused || (!got.passing && entry.failures >= kMaxUnknown)) {
    End(key, kRefusedFile, "sbatch: " + got.why);
  } else {
    const int doublings = std::min(entry.failures++, kMaxDoublings);
    entry.retry = clock_.Now() + kFirstRetry * (1 << doublings);
    if (doublings == 0) LOG(kWarn, "a launch waits for Slurm", {"key", key}, {"why", got.why});
  }
}

}  // namespace clary::exec
