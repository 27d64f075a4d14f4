#include "runner/internal/trial_host.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <thread>

#include "base/file.h"
#include "base/file_watch.h"
#include "base/log.h"
#include "base/message_socket.h"
#include "base/mutex.h"
#include "base/strings.h"
#include "runner/channels.h"
#include "runner/host.h"
#include "runner/internal/container.h"
#include "runner/internal/contract.h"
#include "runner/internal/left.h"
#include "runner/job_log.h"
#include "runner/program.h"

namespace clary::runner {
namespace fs = std::filesystem;
using api::JobEvent;
using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
namespace {

constexpr uint64_t kMaxTrialSpec = 16 << 20;
constexpr uint64_t kLogLimit = uint64_t{1} << 30;  // as RunOptions::log_limit
constexpr milliseconds kGather{40};                // between looks at the output of a trial
constexpr milliseconds kLook{20};                  // between looks at the orders without a watch
constexpr milliseconds kFarewell{5000};  // for a program to end that has nothing to do any more

// A trial that runs. Its thread takes its output to its log and, when its process is gone, what it
// has left to the store; the host's thread does the rest.
class HostedTrial {
 public:
  // `work` is the trial's part of the program's tree.
  HostedTrial(api::JobSpec spec, const fs::path& dir, fs::path work, objects::ObjectStore& store,
              meta::LogWriter log, EventFile events, Clock& clock)
      : spec_(std::move(spec)),
        work_(std::move(work)),
        pack_(dir / "pack.tmp"),
        store_(store),
        log_(std::move(log), clock, kLogLimit),
        events_(std::move(events)),
        cores_(ClaimCores(dir.parent_path() / ".cores", spec_.cpus)) {}
  ~HostedTrial() { ProcessEnded(std::nullopt); }
  HostedTrial(const HostedTrial&) = delete;
  HostedTrial& operator=(const HostedTrial&) = delete;

  // What a runner does before the program, of which the host has done most; `why_open` is why there
  // is no sandbox, empty: there is one.
  Status Prepare(const std::string& why_open) {
    CLARY_CHECK_OK(Phase("Downloading", "Downloading input data"));
    for (const std::string& notice : spec_.notices) {
      log_.Write(CleanLine("[clary] NOTE: not provided on this machine: " + notice));
    }
    if (!why_open.empty()) log_.Write(NoSandboxWarning(why_open));
    CLARY_CHECK_OK(RemoveTree(work_));
    for (const char* folder : {"input/config", "model", "output/data"}) {
      CLARY_CHECK_OK(MakeDirectories(work_ / folder));
    }
    const json hyperparameters = spec_.hyperparameters;
    CLARY_CHECK_OK(
        WriteConfig(work_ / "input/config",
                    {{"hyperparameters.json",
                      hyperparameters.dump(-1, ' ', false, json::error_handler_t::replace)}}));
    return Phase(kTrainingContract.phase, kTrainingContract.phase_text);
  }
  // The program's command to run it as number `number`.
  std::string Command(int number) const {
    std::string text =
        "run " + std::to_string(number) + " " + std::to_string(UsableCores(spec_.cpus));
    for (const int core : cores_.cores) text += " " + std::to_string(core);
    return text;
  }
  // `done` is called when nothing is left to do, on the trial's thread.
  void Follow(Fd output, std::function<void()> done) {
    thread_ = std::jthread([this, output = std::move(output), done = std::move(done)] {
      std::future<std::optional<int>> code = code_.get_future();
      Read(output, code);
      if (const std::optional<int> known = code.get()) Finish(*known);
      done();
    });
  }
  // Its process has ended. Without a code nobody knows how, and no end is told. The first call
  // counts.
  void ProcessEnded(std::optional<int> code) {
    if (!std::exchange(ended_, true)) code_.set_value(code);
  }
  void WasStopped() { stopped_ = true; }

  void End(int code, const std::string& detail) {
    Status told =
        events_.Append({.kind = JobEvent::Kind::kEnd, .detail = detail, .exit_code = code});
    if (told) told = events_.Sync();
    if (!told) LOG(kError, "the end of a trial cannot be told", {"why", told.error().message});
  }

 private:
  Status Phase(std::string_view phase, std::string_view message) {
    return events_.Append({.kind = JobEvent::Kind::kPhase,
                           .phase = std::string(phase),
                           .detail = std::string(message)});
  }

  void Read(const Fd& output, const std::future<std::optional<int>>& ended) {
    LineSplitter splitter;
    std::vector<char> buffer(1 << 16);
    for (ssize_t n; (n = ::read(output.get(), buffer.data(), buffer.size())) != 0;) {
      if (n < 0 && errno != EINTR) break;
      if (n < 0) continue;
      log_.WriteOutput(splitter.Feed({buffer.data(), static_cast<size_t>(n)}));
      // Rounds may be shorter than what taking a line costs: some are taken together.
      if (static_cast<size_t>(n) < buffer.size() / 4) ended.wait_for(kGather);
    }
    log_.WriteOutput(splitter.Finish());
  }

  // What a runner does after the program.
  void Finish(int code) {
    std::string detail;
    if (code != 0) detail = FailureLeft(work_);
    if (code != 0 && detail.empty()) detail = DiskFailure(work_);
    Status done = Phase("Uploading", kTrainingContract.upload_text);
    if (done) {
      const Ended ended = {.exit_code = code, .stopped = stopped_, .last_output = ""};
      done = kTrainingContract.upload({spec_, work_, pack_, store_, log_, events_}, ended);
    }
    if (!done) {
      const Error error = std::move(done).error().With("Artifact upload failed");
      log_.Write(CleanLine("ClientError: " + error.message));
      if (code == 0) detail = "ClientError: " + error.message;
      code = std::max(code, 1);
    }
    End(code, detail);
    (void)RemoveTree(work_);
  }

  const api::JobSpec spec_;
  const fs::path work_;
  const fs::path pack_;
  objects::ObjectStore& store_;
  JobLog log_;
  EventFile events_;
  const Cores cores_;
  std::promise<std::optional<int>> code_;
  bool ended_ = false;
  std::atomic<bool> stopped_ = false;
  std::jthread thread_;  // last member: joined before what it uses goes
};

class Host {
 public:
  Host(const api::JobSpec& spec, const fs::path& dir, objects::ObjectStore& store, Clock& clock,
       const HostOptions& options, EventFile events, StopSignal stop, Fd rung)
      : spec_(spec),
        dir_(dir),
        work_(dir / "work"),
        temp_(dir / "tmp"),
        store_(store),
        clock_(clock),
        options_(options),
        events_(std::move(events)),
        stop_(std::move(stop)),
        rung_(std::move(rung)) {}

  Result<int> Run() {
    int code = 1;
    Status done = Prepare();
    if (done) {
      done = Serve();
      if (done) code = 0;
    }
    if (program_) program_->Kill();  // whoever still runs has no end
    running_.clear();
    for (const fs::path* folder : {&work_, &temp_}) (void)RemoveTree(*folder);
    CLARY_CHECK_OK(
        events_.Append({.kind = JobEvent::Kind::kEnd,
                        .detail = done ? "" : "InternalServerError: " + done.error().message,
                        .exit_code = code}));
    CLARY_CHECK_OK(events_.Sync());
    return code;
  }

 private:
  struct Running {
    std::string key;
    std::unique_ptr<HostedTrial> trial;
    std::optional<steady_clock::time_point> deadline;  // it was told to stop, and is killed then
    bool killed = false;
  };

  Status Prepare() {
    std::optional<SandboxProbe> probe;
    if (options_.sandbox) probe = SandboxProbe::Start(Network::kNone);
    for (const fs::path* folder : {&work_, &temp_}) CLARY_CHECK_OK(RemoveTree(*folder));
    CLARY_CHECK_OK(MakeDirectories(temp_));
    CLARY_CHECK_OK(kTrainingContract.lay_out(spec_, work_));
    CLARY_CHECK_OK(MakeDirectories(work_ / "trials"));
    why_open_ = probe ? probe->Wait() : "turned off";
    CLARY_TRY(const auto inputs, kTrainingContract.inputs(spec_));
    for (const Input& input : inputs) {
      CLARY_CHECK_OK(DownloadInput(
          input, ShareOf(spec_, input.channel), store_, work_ / input.directory,
          {.link = why_open_.empty(), .stopped = [this] { return stop_.Requested(); }}));
    }
    CLARY_TRY(MessagePair ends, MakeMessagePair());
    socket_ = std::move(ends.ours);
    ProgramSpec program = {.argv = options_.program,
                           .env = Environment(spec_, why_open_.empty() ? "/opt/ml" : work_.string(),
                                              UsableCores(spec_.cpus)),
                           .work = work_,
                           .temp = temp_,
                           .inherited = {ends.theirs.get()},
                           .sandbox = why_open_.empty()};
    if (program.argv.empty()) program.argv = {"clary", "algorithm", spec_.program + "-trials"};
    program.env.push_back("CLARY_TRIAL_SOCKET=" + std::to_string(ends.theirs.get()));
    CLARY_TRY(program_, Program::Start(program));
    // From here on there may be threads.
    CLARY_TRY(const Fd made, OpenFile(orders(), O_WRONLY | O_CREAT | O_APPEND, 0600));
    if (auto watch = FileWatch::Make(); watch && watch->Add(orders())) watch_ = std::move(*watch);
    return {};
  }

  fs::path orders() const { return dir_ / "orders.jsonl"; }

  Status Serve() {
    auto idle_since = steady_clock::now();
    for (;;) {
      CLARY_CHECK_OK(TakeOrders());
      Reap();
      const auto now = steady_clock::now();
      if (!running_.empty()) idle_since = now;
      if (stop_.Requested()) {
        if (running_.empty()) return Farewell();
        for (auto& [number, running] : running_) Stop(number, running);
      } else if (now - idle_since >= options_.idle) {
        return Farewell();
      }
      Wait(NextLook(idle_since));
      if (auto code = program_->Wait()) {
        // The ends that it told of before its own.
        while (HasMessage()) CLARY_CHECK_OK(TakeMessage());
        for (auto& [number, running] : running_) running.trial->ProcessEnded(std::nullopt);
        return Fail(Code::kInternal, "ProgramEnded",
                    "the program of the trials ended with code " + std::to_string(*code));
      }
      if (HasMessage()) CLARY_CHECK_OK(TakeMessage());
    }
  }

  // When there is something to do even if nothing happens.
  steady_clock::time_point NextLook(steady_clock::time_point idle_since) {
    const auto now = steady_clock::now();
    auto next = running_.empty() ? idle_since + options_.idle : now + std::chrono::hours(1);
    if (!watch_) next = std::min(next, now + kLook);
    for (const auto& [number, running] : running_) {
      if (running.deadline && !running.killed) next = std::min(next, *running.deadline);
    }
    return next;
  }

  void Wait(steady_clock::time_point until) {
    const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now());
    pollfd polls[] = {{watch_ ? watch_->fd() : -1, POLLIN, 0},
                      {stop_.fd(), POLLIN, 0},
                      {socket_.get(), POLLIN, 0},
                      {rung_.get(), POLLIN, 0},
                      {program_->pidfd(), POLLIN, 0},
                      {program_->output(), POLLIN, 0}};
    if (deaf_) polls[2].fd = -1;
    if (output_ended_) polls[5].fd = -1;
    ::poll(polls, std::size(polls), static_cast<int>(std::max<int64_t>(0, left.count())));
    if (watch_) watch_->Drain();
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t n = ::read(rung_.get(), &count, sizeof count);
    if (polls[5].revents != 0) Echo();
  }

  // What the program itself says, which is nothing unless it is in trouble, goes to our own log.
  void Echo() {
    char buffer[4096];
    for (;;) {
      const ssize_t n = ::read(program_->output(), buffer, sizeof buffer);
      if (n == 0) output_ended_ = true;
      if (n <= 0) return;
      (void)WriteAll(STDERR_FILENO, {buffer, static_cast<size_t>(n)});
    }
  }

  Status TakeOrders() {
    for (uint64_t before = UINT64_MAX; before != offset_;) {
      before = offset_;
      CLARY_TRY(const auto taken, api::ReadOrders(orders(), &offset_));
      for (const api::TrialOrder& order : taken) {
        if (order.kind == api::TrialOrder::Kind::kRun) {
          if (known_.insert(order.key).second) Start(order);
          continue;
        }
        for (auto& [number, running] : running_) {
          if (running.key == order.key) Stop(number, running);
        }
      }
    }
    return {};
  }

  // A trial that cannot be started ends at once.
  void Start(const api::TrialOrder& order) {
    const int number = ++numbers_;
    if (const Status done = StartTrial(order, number); !done) {
      running_.erase(number);
      LOG(kError, "a trial cannot be started", {"directory", order.directory},
          {"why", done.error().message});
      AppendFailure(order.directory, "InternalServerError: " + done.error().message);
      Tell(order.key);
    }
  }

  Status StartTrial(const api::TrialOrder& order, int number) {
    const fs::path dir = order.directory;
    CLARY_TRY(const std::string text, ReadFile(dir / "job.json", kMaxTrialSpec));
    CLARY_TRY(api::JobSpec spec, api::JobSpec::FromJson(text));
    CLARY_TRY(auto writer, meta::LogWriter::Open(spec.log_root, spec.log_group, spec.log_stream));
    CLARY_TRY(EventFile events, EventFile::Open(dir / "events.jsonl", clock_));
    Running& running = running_[number];
    running.key = order.key;
    running.trial = std::make_unique<HostedTrial>(std::move(spec), dir,
                                                  work_ / "trials" / std::to_string(number), store_,
                                                  std::move(writer), std::move(events), clock_);
    CLARY_CHECK_OK(running.trial->Prepare(why_open_));
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return std::unexpected(ErrnoError(errno, "pipe"));
    Fd output(ends[0]);
    std::vector<Fd> theirs;
    theirs.emplace_back(ends[1]);
    // If the program is gone, what follows sees that: the trial has no end then.
    (void)SendMessage(socket_.get(), running.trial->Command(number), theirs);
    running.trial->Follow(std::move(output), [this, number] {
      {
        MutexLock lock(mu_);
        done_.push_back(number);
      }
      const uint64_t one = 1;
      [[maybe_unused]] const ssize_t n = ::write(rung_.get(), &one, sizeof one);
    });
    return {};
  }

  void Stop(int number, Running& running) {
    const auto now = steady_clock::now();
    if (!running.deadline) {
      running.deadline = now + options_.grace;
      running.trial->WasStopped();
      (void)SendMessage(socket_.get(), "stop " + std::to_string(number));
    }
  }

  // Kills those whose time is over, and lets those go that are done.
  void Reap() {
    for (auto& [number, running] : running_) {
      if (running.killed || !running.deadline || steady_clock::now() < *running.deadline) continue;
      running.killed = true;
      (void)SendMessage(socket_.get(), "kill " + std::to_string(number));
    }
    std::vector<int> done;
    {
      MutexLock lock(mu_);
      done.swap(done_);
    }
    for (const int number : done) {
      Tell(running_.at(number).key);
      running_.erase(number);
    }
  }

  // Wakes control.
  void Tell(const std::string& key) {
    const Status told =
        events_.Append({.kind = JobEvent::Kind::kPhase, .phase = "TrialEnded", .detail = key});
    if (!told) LOG(kError, "the events cannot be written", {"why", told.error().message});
  }

  bool HasMessage() const {
    pollfd polls{deaf_ ? -1 : socket_.get(), POLLIN, 0};
    return ::poll(&polls, 1, 0) > 0 && (polls.revents & POLLIN) != 0;
  }

  // "end <number> <exit code>"
  Status TakeMessage() {
    const auto message = ReceiveMessage(socket_.get());
    if (!message) {
      deaf_ = true;  // the program's end is seen elsewhere
      return message.error().code == Code::kUnavailable ? Status()
                                                        : std::unexpected(message.error());
    }
    const auto words = Split(message->text, ' ');
    const auto number = words.size() == 3 ? ParseInt(words[1]) : std::nullopt;
    const auto code = words.size() == 3 ? ParseInt(words[2]) : std::nullopt;
    if (words.front() != "end" || !number || !code) return {};
    if (const auto at = running_.find(static_cast<int>(*number)); at != running_.end()) {
      at->second.trial->ProcessEnded(static_cast<int>(*code & 0xFF));
    }
    return {};
  }

  // The program ends when nobody can ask for anything any more.
  Status Farewell() {
    socket_ = Fd();
    pollfd polls{program_->pidfd(), POLLIN, 0};
    if (::poll(&polls, 1, static_cast<int>(kFarewell.count())) <= 0) program_->Kill();
    return {};
  }

  const api::JobSpec& spec_;
  const fs::path dir_;
  const fs::path work_;
  const fs::path temp_;
  objects::ObjectStore& store_;
  Clock& clock_;
  const HostOptions& options_;
  EventFile events_;
  StopSignal stop_;
  const Fd rung_;  // an eventfd: a trial is done
  std::string why_open_;
  Fd socket_;          // to the program
  bool deaf_ = false;  // nothing will come from there
  std::optional<Program> program_;
  bool output_ended_ = false;
  std::optional<FileWatch> watch_;
  uint64_t offset_ = 0;          // of the orders that are taken
  std::set<std::string> known_;  // keys that were ordered
  int numbers_ = 0;
  Mutex mu_;
  std::vector<int> done_ GUARDED_BY(mu_);
  std::map<int, Running> running_;  // by number; last: their threads use the rest
};

}  // namespace

Result<int> HostTrials(const api::JobSpec& spec, const fs::path& dir, objects::ObjectStore& store,
                       Clock& clock, const HostOptions& options) {
  CLARY_TRY(StopSignal stop, StopSignal::Make());
  std::error_code ec;
  const fs::path absolute = fs::absolute(dir, ec);
  CLARY_TRY(EventFile events, EventFile::Open(absolute / "events.jsonl", clock));
  Fd rung(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!rung) return std::unexpected(ErrnoError(errno, "eventfd"));
  Host host(spec, absolute, store, clock, options, std::move(events), std::move(stop),
            std::move(rung));
  return host.Run();
}

}  // namespace clary::runner
