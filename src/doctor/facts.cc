#include "doctor/facts.h"

#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "base/file.h"
#include "base/strings.h"
#include "collective/mpi.h"
#include "doctor/internal/sinfo.h"
#include "net/client.h"
#include "objects/open_store.h"
#include "runner/host.h"
#include "runner/program.h"
#include "toolkit/python.h"

namespace clary::doctor {
namespace {

namespace fs = std::filesystem;

constexpr Duration kLookAgain{1'000};
constexpr int kLooks = 5;  // for a file that another host has just made

// Magic numbers of statfs(2) and of the kernel's magic.h.
constexpr std::pair<uint32_t, const char*> kFileSystems[] = {
    {0x6969, "nfs"},        {0xFF534D42, "cifs"},  {0xFE534D42, "smb2"},   {0x65735546, "fuse"},
    {0x0BD00BD0, "lustre"}, {0x47504653, "gpfs"},  {0x19830326, "beegfs"}, {0x00C36400, "ceph"},
    {0x01021997, "9p"},     {0x01021994, "tmpfs"}, {0x794C7630, "overlay"}};

std::string TextOf(const fs::path& path) { return ReadFile(path, 1 << 20).value_or(""); }

std::optional<int64_t> Setting(const char* path) { return ParseInt(Trim(TextOf(path))); }

// The number in kB behind `name:` in /proc/meminfo, in bytes.
uint64_t Memory(std::string_view text, std::string_view name) {
  for (const std::string_view line : Split(text, '\n')) {
    if (!line.starts_with(name)) continue;
    const std::string_view rest = Trim(line.substr(name.size() + 1));
    return ParseUint(rest.substr(0, rest.find(' '))).value_or(0) << 10;
  }
  return 0;
}

// cpu.max of control groups v2: "max 100000" or "150000 100000".
std::optional<double> CoreQuota() {
  const std::string text = TextOf("/sys/fs/cgroup/cpu.max");
  const auto parts = Split(Trim(text), ' ');
  if (parts.size() != 2) return std::nullopt;
  const auto quota = ParseInt(parts[0]);
  const auto period = ParseInt(parts[1]);
  if (!quota || !period || *period <= 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

bool ClockIsKept() {
  timex t{};
  const int state = ::adjtimex(&t);
  return state >= 0 && state != TIME_ERROR && (t.status & STA_UNSYNC) == 0;
}

Home LookAtHome(const Subject& subject, Clock& clock) {
  Home out{.path = subject.home};
  std::error_code ec;
  out.exists = fs::is_directory(subject.home, ec);
  fs::path at = fs::absolute(subject.home, ec);
  while (!fs::is_directory(at, ec) && at.has_parent_path() && at != at.parent_path()) {
    if (fs::exists(at, ec)) {
      out.failure = at.string() + " is no directory";
      return out;
    }
    at = at.parent_path();
  }
  if (::access(at.c_str(), W_OK | X_OK) != 0) {
    out.failure = at.string() + ": " + std::strerror(errno);
  }
  struct statvfs space{};
  if (::statvfs(at.c_str(), &space) == 0) {
    out.free_bytes = uint64_t{space.f_bavail} * space.f_frsize;
    out.total_bytes = uint64_t{space.f_blocks} * space.f_frsize;
    out.free_files = space.f_files == 0 ? UINT64_MAX : uint64_t{space.f_favail};
  }
  struct statfs kind{};
  if (::statfs(at.c_str(), &kind) == 0) {
    for (const auto& [magic, name] : kFileSystems) {
      if (static_cast<uint32_t>(kind.f_type) == magic) out.file_system = name;
    }
  }
  for (int i = 0; !subject.sees.empty(); ++i) {
    out.sees = fs::exists(subject.sees, ec);
    if (out.sees || i + 1 == kLooks) break;
    clock.Sleep(kLookAgain);  // directories of network file systems are cached
  }
  return out;
}

// By the Date of any answer, which has whole seconds.
RemoteClock AskClock(const std::string& whose, const std::string& url, Clock& clock) {
  RemoteClock out{.whose = whose};
  auto client = net::HttpClient::Create({.total_timeout = Duration(10'000)});
  if (!client) {
    out.failure = client.error().message;
    return out;
  }
  const Time before = clock.Now();
  const auto answer = (*client)->Send({.url = url});
  const Time after = clock.Now();
  if (!answer) {
    out.failure = answer.error().message;
    return out;
  }
  const auto date = ParseRfc1123(answer->headers.Get("Date"));
  if (!date) {
    out.failure = "its answer has no date";
    return out;
  }
  const Duration half = (after - before) / 2;
  out.ahead = (*date + Duration(500)) - (before + half);
  out.uncertainty = half + Duration(500);
  return out;
}

void LookAtState(const Subject& subject, Facts& out, Clock& clock) {
  const Time before = clock.Now();
  auto found = meta::LookAtPostgres(subject.state);
  if (!found) {
    out.postgres_failure = found.error().message;
    out.postgres_reason = found.error().reason;
    return;
  }
  const Duration span = clock.Now() - before;  // the time was read somewhere in it
  out.clocks.push_back(
      {.whose = "PostgreSQL", .ahead = found->now - (before + span / 2), .uncertainty = span / 2});
  out.postgres = *std::move(found);
}

void LookAtObjects(const Subject& subject, Facts& out, Clock& clock) {
  ObjectService service{.location = subject.objects};
  auto endpoint = objects::EndpointOf(subject.objects);
  Result<std::vector<objects::BucketInfo>> buckets =
      std::unexpected(endpoint ? Error{} : endpoint.error());
  if (endpoint) {
    out.clocks.push_back(AskClock("the S3 service", *endpoint, clock));
    auto store = objects::OpenStore(subject.objects, clock);
    if (store) {
      buckets = (*store)->ListBuckets();
    } else {
      buckets = std::unexpected(std::move(store).error());
    }
  }
  if (buckets) {
    service.buckets = buckets->size();
  } else {
    service.failure = buckets.error().message;
    service.reason = buckets.error().reason;
  }
  out.objects = std::move(service);
}

}  // namespace

Facts Look(const Subject& subject, Clock& clock) {
  Facts out;
  // What forks comes first.
  auto plain = runner::SandboxProbe::Start(runner::Network::kHost);
  out.sandbox = plain.Wait();
  auto networked = runner::SandboxProbe::Start(runner::Network::kNone);
  out.network = networked.Wait();
  if (const Status joined = runner::CanJoinHosts(); !joined) out.hosts = joined.error().message;
  // Where jobs would lay them, if that is there.
  std::error_code ec;
  const bool there =
      fs::is_directory(subject.home, ec) && ::access(subject.home.c_str(), W_OK) == 0;
  if (const auto dir = TempDir::Make(there ? subject.home : fs::temp_directory_path(ec))) {
    out.overlays = runner::CanOverlay(dir->path());
  }
  if (subject.slurm) out.slurm = LookAtSlurm(subject.partition);

  utsname names{};
  ::uname(&names);
  out.host = names.nodename;
  out.kernel = names.release;
  out.root = ::geteuid() == 0;
  out.cores = runner::UsableCores(0);
  out.core_quota = CoreQuota();
  const std::string memory = TextOf("/proc/meminfo");
  out.memory_bytes = Memory(memory, "MemTotal");
  out.memory_free_bytes = Memory(memory, "MemAvailable");
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  out.open_files = files.rlim_max;
  out.clock_kept = ClockIsKept();
  out.namespaces = {
      .max_user_namespaces = Setting("/proc/sys/user/max_user_namespaces"),
      .unprivileged_userns_clone = Setting("/proc/sys/kernel/unprivileged_userns_clone"),
      .apparmor_restricts = Setting("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")};
  out.mpi_library = collective::HasMpi();
  for (const char* path : {"/usr/bin/mpirun", "/usr/local/bin/mpirun"}) {
    if (out.mpirun.empty() && ::access(path, X_OK) == 0) out.mpirun = path;
  }
  const auto python = toolkit::LookAtPython(fs::absolute(subject.python, ec));
  if (python) {
    out.python = python->version.empty() ? "of a version that is not known" : python->version;
  } else {
    out.python_failure = python.error().message;
  }
  out.home = LookAtHome(subject, clock);
  if (!subject.state.empty()) LookAtState(subject, out, clock);
  if (!subject.objects.empty()) LookAtObjects(subject, out, clock);
  for (const std::string& other : subject.others) {
    out.clocks.push_back(AskClock(other, other + "/health", clock));
  }
  return out;
}

}  // namespace clary::doctor
