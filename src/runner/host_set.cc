#include "runner/internal/host_set.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <functional>
#include <numeric>
#include <optional>

#include "api/rule_spec.h"
#include "base/file.h"
#include "base/log.h"
#include "base/message_socket.h"
#include "exec/allocation.h"
#include "meta/log_store.h"
#include "objects/open_store.h"
#include "runner/artifacts.h"
#include "runner/host.h"
#include "runner/internal/container.h"
#include "runner/internal/contract.h"
#include "runner/internal/left.h"
#include "runner/internal/mirrors.h"
#include "runner/internal/network.h"
#include "runner/job_log.h"
#include "runner/user_program.h"

namespace clary::runner {
namespace fs = std::filesystem;
using api::JobEvent;
namespace {

constexpr size_t kMaxToldClashes = 50;

// A host and its runner.
struct HostProcess {
  std::string name;
  fs::path dir;
  pid_t pid = -1;
  Fd pidfd;
  Fd gate;
  std::string heard = {};  // of a word that is not whole
  std::string node = {};   // the machine that it is on; empty: this one
  bool ready = false;
  bool gone = false;
  std::optional<JobEvent> end;  // what its runner has told of its end
};

class HostSet {
 public:
  HostSet(const api::JobSpec& spec, const Contract& contract, const fs::path& dir, Clock& clock,
          const RunOptions& options, EventFile events, StopSignal stop)
      : spec_(spec),
        contract_(contract),
        dir_(dir),
        work_(dir / "work"),
        pack_(dir / "pack.tmp"),
        clock_(clock),
        options_(options),
        events_(std::move(events)),
        stop_(std::move(stop)),
        cores_(ClaimCores(dir.parent_path() / ".cores", spec.cpus)) {}

  Result<int> RunToEnd() {
    CLARY_CHECK_OK(Phase("Downloading", "Downloading input data"));
    JobEvent end{.kind = JobEvent::Kind::kEnd};
    Status done = Prepare();
    if (!done) StopAll();
    Follow();
    if (done) {
      Judge(end);
      done = Finish(end);
    }
    if (!done) {
      end.exit_code = std::max(end.exit_code, 1);
      if (end.detail.empty()) end.detail = "InternalServerError: " + done.error().message;
    }
    for (const fs::path& folder : {dir_ / "hosts", work_}) (void)RemoveTree(folder);
    stop_.AwaitCluster();
    CLARY_CHECK_OK(events_.Append(end));
    CLARY_CHECK_OK(events_.Sync());
    return end.exit_code;
  }

 private:
  Status Phase(std::string_view phase, std::string_view message) {
    return events_.Append({.kind = JobEvent::Kind::kPhase,
                           .phase = std::string(phase),
                           .detail = std::string(message)});
  }

  // Starts a runner for each host.
  Status Prepare() {
    for (const std::string_view folder : api::kRunnerFolders) {
      CLARY_CHECK_OK(RemoveTree(dir_ / folder));
    }
    if (exec::AllocatedCores() > 0) return PrepareNodes();
    CLARY_TRY(networks_, MakeHostNetworks(spec_.hosts.size()));
    std::vector<HostAddress> addresses;
    for (size_t i = 0; i < spec_.hosts.size(); ++i) {
      addresses.push_back({spec_.hosts[i], AddressOfHost(i)});
    }
    std::vector<int> wanted(spec_.hosts.size());
    for (const api::HostGroup& group : spec_.host_groups()) {
      for (const std::string& host : group.hosts) {
        const auto at = std::ranges::find(spec_.hosts, host) - spec_.hosts.begin();
        if (at < std::ssize(wanted)) wanted[static_cast<size_t>(at)] = group.cpus;
      }
    }
    const int total = UsableCores(spec_.cpus);
    std::vector<int> pinned = cores_.cores;
    if (pinned.empty() && total == UsableCores(0)) pinned = MachineCores();
    const auto shares = ShareCores(pinned, total, wanted);
    for (size_t i = 0; i < spec_.hosts.size(); ++i) {
      api::JobSpec spec = spec_.OfHost(i);
      spec.cpus = shares[i].count;
      HostRole role{.hosts = addresses,
                    .joined = {networks_.user.get(), networks_.hosts[i].get()},
                    .cores = shares[i].cores,
                    .note = "",
                    .first = i == 0,
                    .gate = -1};
      if (shares[i].count < wanted[i] || total < std::ssize(wanted)) {
        role.note = "[clary] NOTE: the job's " + std::to_string(wanted.size()) + " hosts share " +
                    std::to_string(total) + " cores of this machine; this one counts on " +
                    std::to_string(shares[i].count) + " of the " + std::to_string(wanted[i]) +
                    " that " + spec.instance_type + " has";
      }
      CLARY_CHECK_OK(Start(spec, std::move(role)));
    }
    return {};
  }

  // The same, each on a machine of its own.
  Status PrepareNodes() {
    CLARY_TRY(const auto nodes, exec::AllocatedHosts());
    if (nodes.size() != spec_.hosts.size()) {
      return Fail(Code::kFailedPrecondition, "Hosts",
                  "the job has " + std::to_string(spec_.hosts.size()) + " hosts and was given " +
                      std::to_string(nodes.size()) + " nodes");
    }
    std::string addresses;
    for (const auto& node : nodes) addresses += (addresses.empty() ? "" : ",") + node.address;
    std::error_code ec;
    const std::string self = fs::read_symlink("/proc/self/exe", ec).string();
    for (size_t i = 0; i < nodes.size(); ++i) {
      auto argv =
          exec::CommandOn(nodes[i], {self, "host", dir_.string(), spec_.hosts[i], addresses});
      CLARY_CHECK_OK(Fork({.name = spec_.hosts[i], .dir = {}, .node = nodes[i].node},
                          [&argv](int gate) { return Become(argv, gate); }));
    }
    return {};
  }

  static int Become(std::vector<std::string>& argv, int gate) {
    ::dup2(gate, 0);
    ::dup2(gate, 1);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    std::vector<char*> words;
    for (std::string& word : argv) words.push_back(word.data());
    words.push_back(nullptr);
    ::execv(words[0], words.data());
    return 127;
  }

  Status Start(const api::JobSpec& spec, HostRole role) {
    return Fork({.name = spec.current_host(), .dir = {}}, [&](int gate) {
      role.gate = gate;
      return BeHost(spec, dir_ / "hosts" / spec.current_host(), options_, role);
    });
  }

  // A child that is `host`; it has its end of the gate.
  Status Fork(HostProcess host, const std::function<int(int gate)>& body) {
    host.dir = dir_ / "hosts" / host.name;
    CLARY_CHECK_OK(MakeDirectories(host.dir));
    CLARY_TRY(MessagePair ends, MakeMessagePair());
    const pid_t parent = ::getpid();
    host.pid = ::fork();
    if (host.pid < 0) return std::unexpected(ErrnoError(errno, "fork"));
    if (host.pid == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::_exit(::getppid() == parent ? body(ends.theirs.get()) : 1);
    }
    host.gate = std::move(ends.ours);
    host.pidfd = Fd(static_cast<int>(::syscall(SYS_pidfd_open, host.pid, 0)));
    if (!host.pidfd) {
      const Error error = ErrnoError(errno, "pidfd_open");
      ::kill(host.pid, SIGKILL);
      ::waitpid(host.pid, nullptr, 0);
      return std::unexpected(error);
    }
    hosts_.push_back(std::move(host));
    return {};
  }

  // Until no runner is left.
  void Follow() {
    size_t left = hosts_.size();
    while (left > 0) {
      std::vector<pollfd> polls = {{stop_.fd(), POLLIN, 0}};
      for (const HostProcess& h : hosts_) {
        polls.push_back({h.gate ? h.gate.get() : -1, POLLIN, 0});
        polls.push_back({h.gone ? -1 : h.pidfd.get(), POLLIN, 0});
      }
      ::poll(polls.data(), polls.size(), -1);
      if (stop_.Requested() && !stopped_) {
        stopped_ = !culprit_;
        StopAll();
      }
      for (size_t i = 0; i < hosts_.size(); ++i) {
        if (polls[1 + 2 * i].revents != 0) Hear(i);
        if (polls[2 + 2 * i].revents != 0) {
          Bury(i);
          --left;
        }
      }
    }
  }

  void Hear(size_t i) {
    HostProcess& host = hosts_[i];
    const auto words = HearWords(host.gate.get(), host.heard);
    if (!words) host.gate = Fd();
    for (const std::string& word : words.value_or(std::vector<std::string>())) {
      if (word == kFailed) {
        Blame(i);
      } else if (word == kReady) {
        host.ready = true;
        if (!std::ranges::all_of(hosts_, &HostProcess::ready) || stopping_) continue;
        started_ = true;
        (void)Phase(contract_.phase, contract_.phase_text);
        for (const HostProcess& h : hosts_) (void)SayWord(h.gate.get(), kGo);
      }
    }
  }

  // Its runner is gone.
  void Bury(size_t i) {
    HostProcess& host = hosts_[i];
    host.gone = true;
    while (::waitpid(host.pid, nullptr, 0) < 0 && errno == EINTR) continue;
    uint64_t offset = 0;
    for (uint64_t before = UINT64_MAX; before != offset;) {
      before = offset;
      const auto events = api::ReadEvents(host.dir / "events.jsonl", &offset);
      if (!events) break;
      for (const JobEvent& event : *events) {
        if (event.kind == JobEvent::Kind::kEnd) host.end = event;
      }
    }
    if (!host.end || host.end->exit_code != 0) Blame(i);
  }

  // The first host that fails by itself ends the job.
  void Blame(size_t i) {
    if (stopping_) return;
    culprit_ = i;
    StopAll();
  }

  void StopAll() {
    if (std::exchange(stopping_, true)) return;
    for (const HostProcess& h : hosts_) {
      if (h.gone) continue;
      // A launcher on this machine would not wait for it.
      if (!h.node.empty()) {
        (void)SayWord(h.gate.get(), kEnd);
      } else {
        ::kill(h.pid, SIGTERM);
      }
    }
  }

  // How the job ended, as far as the hosts say it.
  void Judge(JobEvent& end) const {
    if (culprit_) {
      const HostProcess& host = hosts_[*culprit_];
      end.exit_code = host.end ? std::max(host.end->exit_code, 1) : 1;
      end.detail = NamedDetail(
          host.name, host.end ? host.end->detail
                              : "InternalServerError: the runner of the host " +
                                    (host.node.empty() ? "" : "(node " + host.node + ") ") +
                                    "was lost before it reported its end");
      return;
    }
    for (const HostProcess& h : hosts_) {
      const int code = h.end ? h.end->exit_code : 128 + SIGKILL;
      if (end.exit_code == 0) end.exit_code = code;
    }
  }

  // What is done for all hosts together when none runs any more.
  Status Finish(JobEvent& end) {
    CLARY_TRY(const auto store, objects::OpenStoreForJob(spec_.store));
    CLARY_TRY(auto writer,
              meta::LogWriter::Open(spec_.log_root, spec_.log_group, spec_.log_stream));
    JobLog log(std::move(writer), clock_, options_.log_limit);
    if (culprit_ && hosts_.size() > 1) {
      log.Write(CleanLine("[clary] " + hosts_[*culprit_].name +
                          " has failed; the job's other hosts were stopped"));
    }
    if (started_) Upload(*store, log, end);
    const auto specs = contract_.mirrors(spec_);
    const auto profiler = Profiler(spec_);
    if (specs && profiler) Mirrors(*specs, *profiler, {}, *store, log).Close();
    return {};
  }

  void Upload(objects::ObjectStore& store, JobLog& log, JobEvent& end) {
    Status done = Phase("Uploading", contract_.upload_text);
    if (done) done = Merge(log);
    if (done) {
      const Ended ended{.exit_code = end.exit_code, .stopped = stopped_, .last_output = ""};
      done = contract_.upload({spec_, work_, pack_, store, log, events_}, ended);
    }
    if (!done) {
      const std::string text =
          "ClientError: " + std::move(done).error().With("Artifact upload failed").message;
      log.Write(CleanLine(text));
      // A program that failed by itself says more about the cause.
      if (end.exit_code == 0) {
        end.exit_code = 1;
        end.detail = text;
      }
    }
    if (contract_.message_file.empty()) return;
    for (const HostProcess& host : hosts_) {
      const auto message = MessageLeft(host.dir / "work", contract_.message_file);
      if (message) {
        end.message = api::CutText(end.message + *message, kMaxFailureText);
      } else if (end.exit_code == 0) {
        end.exit_code = 1;
        end.detail = NamedDetail(host.name, "ClientError: " + message.error().message);
      }
    }
  }

  // Puts what the hosts have left into work/, as if it came from one. Those of the first host win,
  // of the others the last.
  Status Merge(JobLog& log) {
    CLARY_TRY(const auto folders, contract_.left(spec_));
    std::vector<size_t> order(hosts_.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::reverse(order.begin() + 1, order.end());
    std::vector<fs::path> roots;
    for (const size_t i : order) roots.push_back(hosts_[i].dir / "work");
    CLARY_CHECK_OK(MakeDirectories(work_));
    size_t told = 0;
    for (const std::string& folder : folders) {
      CLARY_CHECK_OK(MakeDirectories(work_ / folder));
      CLARY_TRY(const Merged merged, MergeTrees(roots, folder, work_));
      for (const MergeClash& c : merged.clashes) {
        if (++told > kMaxToldClashes) break;
        log.Write(CleanLine("[clary] WARNING: " + hosts_[order[c.kept]].name + " and " +
                            hosts_[order[c.dropped]].name + " have both left /opt/ml/" + folder +
                            "/" + c.path + "; that of " + hosts_[order[c.kept]].name + " is kept"));
      }
      for (const auto& [root, path] : merged.skipped) {
        log.Write(CleanLine("[clary] WARNING: " + hosts_[order[root]].name + ": " + path +
                            " is a link or no plain file, so it is not in the archive"));
      }
    }
    if (told > kMaxToldClashes) {
      log.Write("[clary] WARNING: so it is with " + std::to_string(told - kMaxToldClashes) +
                " more files; give them names with the host's (SM_CURRENT_HOST) in them");
    }
    if (!culprit_) return {};
    std::error_code ec;  // there may be none
    fs::create_directories(work_ / "output", ec);
    const std::string failure = FailureLeft(hosts_[*culprit_].dir / "work");
    if (!failure.empty()) CLARY_CHECK_OK(WriteConfig(work_ / "output", {{"failure", failure}}));
    return {};
  }

  const api::JobSpec& spec_;
  const Contract& contract_;
  const fs::path dir_;
  const fs::path work_;
  const fs::path pack_;
  Clock& clock_;
  const RunOptions& options_;
  EventFile events_;
  StopSignal stop_;
  Cores cores_;
  HostNetworks networks_;
  std::vector<HostProcess> hosts_;
  std::optional<size_t> culprit_;  // the host that has failed
  bool started_ = false;           // their programs were
  bool stopping_ = false;          // all were told to stop
  bool stopped_ = false;           // somebody asked for that
};

}  // namespace

std::vector<CoreShare> ShareCores(const std::vector<int>& pinned, int total,
                                  const std::vector<int>& wanted) {
  std::vector<CoreShare> out(wanted.size());
  if (total <= std::ssize(wanted)) {
    for (size_t i = 0; i < out.size(); ++i) {
      out[i].cores = pinned;
      if (total == std::ssize(wanted) && std::ssize(pinned) == total) out[i].cores = {pinned[i]};
    }
    return out;
  }
  for (int left = total - static_cast<int>(wanted.size()); left > 0; --left) {
    // To the one that has the smallest part of what it wants.
    CoreShare* next = nullptr;
    size_t of = 0;
    for (size_t i = 0; i < out.size(); ++i) {
      if (out[i].count >= wanted[i]) continue;
      if (next == nullptr || out[i].count * wanted[of] < next->count * wanted[i]) {
        next = &out[i];
        of = i;
      }
    }
    if (next == nullptr) break;
    ++next->count;
  }
  size_t at = 0;
  for (CoreShare& share : out) {
    if (std::ssize(pinned) != total) break;
    const auto from = pinned.begin() + static_cast<std::ptrdiff_t>(at);
    share.cores.assign(from, from + share.count);
    at += static_cast<size_t>(share.count);
  }
  return out;
}

Status SayWord(int gate, std::string_view word) {
  return SendMessage(gate, std::string(word) + "\n");
}

Result<std::vector<std::string>> HearWords(int gate, std::string& rest) {
  char buffer[4096];
  ssize_t n = 0;
  while ((n = ::read(gate, buffer, sizeof buffer)) < 0 && errno == EINTR) continue;
  if (n <= 0) return Fail(Code::kUnavailable, "Gone", "the other end is gone");
  rest.append(buffer, static_cast<size_t>(n));
  std::vector<std::string> words;
  for (size_t end = 0; (end = rest.find('\n')) != std::string::npos; rest.erase(0, end + 1)) {
    words.push_back(rest.substr(0, end));
  }
  if (rest.size() > sizeof buffer) rest.clear();  // no word of ours
  return words;
}

int BeHost(const api::JobSpec& spec, const fs::path& dir, const RunOptions& options,
           const HostRole& role) {
  const auto run = [&]() -> Result<int> {
    CLARY_TRY(const auto store, objects::OpenStoreForJob(spec.store));
    CLARY_TRY(auto log, meta::LogWriter::Open(spec.log_root, spec.log_group, spec.log_stream));
    return RunHost(spec, dir, {*store, std::move(log), Clock::System()}, options, role);
  };
  const auto ended = run();
  if (ended) return *ended;
  LOG(kError, "a host's runner failed", {"host", spec.current_host()},
      {"error", ended.error().message});
  return AppendFailure(dir, "InternalServerError: " + ended.error().message);
}

std::string NamedDetail(const std::string& host, const std::string& detail) {
  for (const std::string_view prefix :
       {"AlgorithmError: ", "ClientError: ", "InternalServerError: "}) {
    if (detail.starts_with(prefix)) {
      return std::string(prefix) + host + ": " + detail.substr(prefix.size());
    }
  }
  return host + ": " + (detail.empty() ? "its program has failed" : detail);
}

Result<int> RunHosts(const api::JobSpec& spec, const fs::path& job_dir, Clock& clock,
                     const RunOptions& options) {
  CLARY_TRY(StopSignal stop, StopSignal::Make());
  std::error_code ec;
  const fs::path dir = fs::absolute(job_dir, ec);
  CLARY_TRY(const Contract* contract, FindContract(spec.contract));
  CLARY_TRY(EventFile events, EventFile::Open(dir / "events.jsonl", clock));
  HostSet set(spec, *contract, dir, clock, options, std::move(events), std::move(stop));
  return set.RunToEnd();
}

}  // namespace clary::runner
