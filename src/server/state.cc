#include "server/internal/state.h"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "base/strings.h"
#include "meta/sqlite_store.h"
#include "objects/open_store.h"
#include "server/internal/record_body.h"
#include "server/service.h"

namespace clary::server {
namespace {

namespace fs = std::filesystem;

constexpr Duration kStartOfOthers{60'000};
constexpr Duration kLookAgain{50};

nlohmann::json ReadContact(const fs::path& home) {
  const auto text = ReadFile(home / "service.json", 1 << 16);
  auto body = text ? nlohmann::json::parse(*text, nullptr, false) : nlohmann::json();
  return body.is_object() ? body : nlohmann::json::object();
}

// Processes and sockets of the local executor are one machine's.
Status CheckMachine(meta::MetadataStore& records, Clock& clock) {
  const auto lease = records.Get(meta::kLeases, "reconciler");
  if (!lease)
    return lease.error().code == Code::kNotFound ? Status() : std::unexpected(lease.error());
  const auto body = BodyOf(meta::kLeases, *lease);
  const std::string host = body ? TextIn(*body, "host") : "";
  if (host.empty() || host == HostName()) return {};
  const auto beat = [&] { return records.Get(meta::kLeases, "reconciler/beat"); };
  const auto first = beat();
  if (!first) return {};
  clock.Sleep(Duration(2'000));
  const auto second = beat();
  if (!second || second->version == first->version) return {};
  return Fail(Code::kFailedPrecondition, "OtherMachine",
              "services of this state run on " + host +
                  ", where its jobs are processes: start this one there, too");
}

}  // namespace

std::string HostName() {
  char name[256] = {};
  (void)::gethostname(name, sizeof name - 1);
  return name;
}

std::string EndpointIn(const fs::path& home) { return TextIn(ReadContact(home), "endpoint"); }

bool ContactLives(const fs::path& home) {
  const nlohmann::json contact = ReadContact(home);
  const std::string host = TextIn(contact, "host");
  if (!host.empty() && host != HostName()) return true;
  const int64_t pid = IntIn(contact, "pid");
  return pid > 0 && (::kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM);
}

Status TellContact(const fs::path& home, const std::string& endpoint) {
  const nlohmann::json contact = {
      {"endpoint", endpoint}, {"pid", ::getpid()}, {"host", HostName()}};
  return WriteFileAtomic(home / "service.json", contact.dump() + "\n", 0600);
}

Result<FileLock> LockHome(const fs::path& home, bool shared, Clock& clock) {
  const Time until = clock.Now() + kStartOfOthers;
  auto lock = FileLock::Acquire(home / "lock");
  while (!lock && lock.error().reason == "Locked" && shared && clock.Now() < until) {
    clock.Sleep(kLookAgain);
    lock = FileLock::Acquire(home / "lock");
  }
  if (!lock && lock.error().reason == "Locked") {
    const std::string endpoint = EndpointIn(home);
    return Fail(Code::kFailedPrecondition, "AlreadyServing",
                "another service is already running on " + home.string() +
                    (endpoint.empty() ? std::string() : " at " + endpoint) +
                    ": use that one, stop it first, or give this one another --home");
  }
  if (!lock) return lock;
  std::error_code ec;
  const bool is_shared = fs::exists(home / "shared", ec);
  if (is_shared && !shared) {
    return Fail(Code::kFailedPrecondition, "OtherState",
                "the records of " + home.string() + " are in PostgreSQL: start with --state");
  }
  if (!is_shared && shared) {
    if (fs::exists(home / "meta.db", ec)) {
      return Fail(Code::kFailedPrecondition, "OtherState",
                  "the records of " + home.string() +
                      " are in its meta.db: start without --state, or with a --home of its own");
    }
    CLARY_CHECK_OK(WriteFileAtomic(home / "shared", "postgres\n", 0600));
  }
  return lock;
}

Result<State> OpenState(const fs::path& home, const std::string& records,
                        const std::string& objects, Clock& clock) {
  State state;
  if (records.empty()) {
    CLARY_TRY(state.records, meta::SqliteStore::Open(home / "meta.db"));
  } else {
    CLARY_TRY(auto postgres, meta::PostgresStore::Open({.url = records}, clock));
    state.postgres = postgres.get();
    state.records = std::move(postgres);
    CLARY_CHECK_OK(CheckMachine(*state.records, clock));
    CLARY_TRY(state.follower, meta::Follower::Make(*state.postgres));
    const nlohmann::json who = {{"host", HostName()}, {"pid", ::getpid()}};
    state.lease = std::make_unique<meta::Lease>(*state.records, clock,
                                                meta::Lease::Options{.body = who.dump()});
  }
  state.objects_location = objects.empty() ? (home / "objects").string() : objects;
  if (objects.empty()) {
    CLARY_TRY(auto files, objects::FileStore::Open(home / "objects", clock));
    state.files = files.get();
    state.objects = std::move(files);
  } else {
    CLARY_TRY(state.objects, objects::OpenStore(objects, clock));
    CLARY_CHECK_OK(state.objects->ListBuckets());  // the endpoint answers, and takes our keys
  }
  return state;
}

Result<size_t> MoveRecords(const fs::path& home, const std::string& url) {
  constexpr size_t kBatch = 200;
  Clock& clock = Clock::System();
  std::error_code ec;
  if (!fs::is_directory(home, ec)) {
    return Fail(Code::kNotFound, "NoRecords", "there is no directory " + home.string());
  }
  CLARY_TRY(const FileLock lock, LockHome(home, /*shared=*/false, clock));
  const fs::path file = home / "meta.db";
  if (!fs::exists(file, ec)) {
    return Fail(Code::kNotFound, "NoRecords", "there are no records in " + file.string());
  }
  CLARY_TRY(auto from, meta::SqliteStore::Open(file));
  CLARY_TRY(const auto to, meta::PostgresStore::Open({.url = url}, clock));
  CLARY_TRY(const auto leases, to->List(meta::kLeases, "", 1));
  if (!leases.empty()) {
    return Fail(Code::kFailedPrecondition, "StateInUse",
                "services have run on that database: give an empty one");
  }
  size_t moved = 0;
  CLARY_TRY(const auto tables, from->Tables());
  for (const std::string& table : tables) {
    std::string next;
    for (;;) {
      CLARY_TRY(auto records, from->List(table, next, kBatch));
      if (records.empty()) break;
      next = records.back().key + '\0';
      std::vector<meta::Write> writes;
      for (meta::Record& record : records) {
        writes.push_back({table, std::move(record.key), std::move(record.body), std::nullopt});
      }
      CLARY_CHECK_OK(to->Apply(writes));
      moved += writes.size();
    }
  }
  from.reset();  // what is in its log is in its file then
  fs::rename(file, home / "meta.db.moved", ec);
  if (ec) return std::unexpected(ErrnoError(ec.value(), file.string()));
  CLARY_CHECK_OK(WriteFileAtomic(home / "shared", "postgres\n", 0600));
  return moved;
}

Membership::Membership(State& state, Clock& clock, std::function<void(bool leads)> led)
    : state_(state) {
  state_.follower->Start([](const Error&) { ::kill(::getpid(), SIGTERM); });
  thread_ = std::jthread([&state, &clock, led = std::move(led)](const std::stop_token& stop) {
    bool leads = false;
    bool complained = false;
    while (!stop.stop_requested()) {
      const Status looked = state.lease->Look();
      if (!looked && !std::exchange(complained, true)) {
        LOG(kWarn, "the lease cannot be seen", {"message", looked.error().message});
      }
      if (looked) complained = false;
      if (leads != state.lease->Held()) {
        leads = !leads;
        led(leads);
      }
      clock.Sleep(meta::Lease::kLook, stop);
    }
    if (leads) led(false);
    (void)state.lease->Release();
  });
}

Membership::~Membership() {
  state_.follower->Stop();
  thread_ = {};
}

}  // namespace clary::server
