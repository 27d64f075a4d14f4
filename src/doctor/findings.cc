#include "doctor/findings.h"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/quote.h"
#include "base/strings.h"

namespace clary::doctor {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kGiB = uint64_t{1} << 30;
constexpr const char* kLevels[] = {"ok", "note", "warning", "problem"};

// Clocks: logs and times of records look wrong from the one on, requests fail soon from the other
// (signatures are good for 15 minutes).
constexpr Duration kClocksDiffer{2'000};
constexpr Duration kClocksFail{5 * 60'000};

constexpr int64_t kConnectionsOfAService = 9;
constexpr Duration kSlowDatabase{20};

std::string Size(uint64_t bytes) {
  const bool large = bytes >= kGiB;
  const uint64_t tenths = bytes * 10 / (large ? kGiB : kMiB);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) +
         (large ? " GiB" : " MiB");
}

std::string Seconds(Duration d) {
  const int64_t tenths = (std::abs(d.count()) + 50) / 100;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

Finding Ok(std::string check, std::string what) {
  return {std::move(check), Level::kOk, std::move(what), ""};
}

Finding JudgeCores(const Facts& f) {
  const std::string there = std::to_string(f.cores) + (f.cores == 1 ? " core" : " cores");
  if (f.core_quota && *f.core_quota + 0.01 < f.cores) {
    const int whole = std::max(1, static_cast<int>(*f.core_quota));
    return {"cores", Level::kWarning,
            there + ", of which the control group gives this process the time of " +
                std::to_string(*f.core_quota).substr(0, 4),
            "start the service with --cpus " + std::to_string(whole) +
                ", or raise the limit of the container or unit (CPUQuota=)"};
  }
  return Ok("cores", there);
}

Finding JudgeMemory(const Facts& f) {
  const std::string there =
      Size(f.memory_bytes) + ", " + Size(f.memory_free_bytes) + " of it available";
  if (f.memory_free_bytes >= kGiB / 2) return Ok("memory", there);
  return {"memory", Level::kWarning, there,
          "a job that needs more than there is is ended by the kernel: end other programs, or give "
          "this host more"};
}

// What to do where namespaces are forbidden.
std::string NamespaceAdvice(const Facts& f) {
  const NamespaceSettings& n = f.namespaces;
  if (n.unprivileged_userns_clone == 0) {
    return "as root: sysctl -w kernel.unprivileged_userns_clone=1 (and in /etc/sysctl.d)";
  }
  if (n.max_user_namespaces == 0) {
    return "as root: sysctl -w user.max_user_namespaces=15000 (and in /etc/sysctl.d)";
  }
  if (n.apparmor_restricts.value_or(0) != 0) {
    return "AppArmor allows user namespaces only to programs that have a profile: as root sysctl "
           "-w "
           "kernel.apparmor_restrict_unprivileged_userns=0, or a profile with \"userns,\" for "
           "/usr/bin/bwrap and clary";
  }
  return "the kernel or a container around this host forbids user namespaces: in Docker "
         "--security-opt seccomp=unconfined --security-opt apparmor=unconfined, in a virtual "
         "machine nothing is needed";
}

Finding JudgeSandbox(const Facts& f) {
  if (f.sandbox.empty() && f.network.empty()) {
    return Ok("sandbox", "bubblewrap makes a job's namespaces, with a network of its own");
  }
  if (f.sandbox.contains("not installed")) {
    return {"sandbox", Level::kProblem, f.sandbox + ": no program of a user's will run",
            "apt-get install bubblewrap"};
  }
  if (f.sandbox.empty()) {
    return {"sandbox", Level::kProblem,
            "a job cannot have a network of its own: " + Printable(f.network, 300),
            NamespaceAdvice(f) + "; or start the service with --job-network open"};
  }
  return {"sandbox", Level::kProblem,
          "a job's namespaces cannot be made: " + Printable(f.sandbox, 300), NamespaceAdvice(f)};
}

Finding JudgeHosts(const Facts& f) {
  if (f.hosts.empty()) {
    return Ok("hosts", "several hosts of a job are joined by a bridge and veth pairs");
  }
  if (!f.sandbox.empty() || !f.network.empty()) {
    return {"hosts", Level::kProblem, "jobs on several hosts fail, as the sandbox does", ""};
  }
  return {"hosts", Level::kWarning, "jobs on several hosts fail here: " + Printable(f.hosts, 300),
          "as root: modprobe bridge; modprobe veth, and both names in "
          "/etc/modules-load.d/clary.conf; or a kernel that has them"};
}

Finding JudgeOverlays(const Facts& f) {
  if (f.overlays) return Ok("overlays", "large inputs are laid under a job, not copied");
  return {"overlays", Level::kNote, "no overlays for users: large inputs of scripts are copied",
          "a kernel from 5.11 on, and a home on a local file system, make that free"};
}

Finding JudgePython(const Subject& s, const Facts& f) {
  if (f.python_failure.empty()) return Ok("python", s.python + " is " + f.python);
  return {"python", Level::kWarning, f.python_failure,
          "scripts run in environments that are built only (clary environments build); for others "
          "apt-get install python3 python3-venv, or --python"};
}

Finding JudgeMpi(const Subject& s, const Facts& f) {
  if (f.mpi_library && !f.mpirun.empty()) return Ok("mpi", "Open MPI, " + f.mpirun);
  return {"mpi", s.slurm ? Level::kWarning : Level::kNote,
          std::string("Open MPI is not there") + (f.mpi_library ? " whole: no mpirun" : ""),
          std::string("jobs that are distributed by MPI need it") +
              (s.slurm ? ", and those on several nodes" : "") +
              ": apt-get install openmpi-bin, and mpi4py for the scripts' Python"};
}

Finding JudgeHome(const Subject& s, const Facts& f) {
  const Home& home = f.home;
  const std::string path = home.path.string();
  if (!home.sees) {
    return {"home", Level::kProblem,
            path + " is not the one that the other hosts have: " + s.sees.filename().string() +
                " is not in it",
            "mount the shared directory there on every host"};
  }
  if (!home.failure.empty()) {
    return {"home", Level::kProblem, "nothing can be written: " + home.failure,
            "mkdir -p " + ShellQuote(path) + " and chown it to the user of the service, or --home"};
  }
  const std::string& kind = home.file_system;
  if (kind == "tmpfs" || kind == "overlay") {
    return {"home", Level::kWarning,
            path + " is on " + kind + ": it goes with the host or container",
            "give --home a directory on a disk"};
  }
  if (!kind.empty()) {
    const bool shared = !s.sees.empty() || (!s.state.empty() && !s.objects.empty());
    return {"home", shared ? Level::kNote : Level::kProblem,
            path + " is on " + kind + ", where SQLite's files do not work",
            shared ? std::string("records and objects are elsewhere; ") +
                         "the rest needs POSIX locks, atomic rename and appends that others see "
                         "within a second (NFSv4: actimeo=1)"
                   : std::string("a local disk, or --state postgres://... and --objects s3://...")};
  }
  return Ok("home", path + (home.exists ? "" : ", which the first start makes"));
}

Finding JudgeDisk(const Facts& f) {
  const Home& home = f.home;
  // Of a small disk the runner wants 2 % (docs/operations.md).
  const uint64_t least = std::min(kGiB, home.total_bytes / 50);
  const std::string there = Size(home.free_bytes) + " of " + Size(home.total_bytes) +
                            " are free at " + home.path.string();
  const std::string advice =
      "free space: old jobs (aws sagemaker delete-training-job), objects "
      "(clary s3 rm), environments (clary environments remove)";
  if (home.free_bytes < least) {
    return {"disk", Level::kProblem, there + ": jobs are ended with less than " + Size(least),
            advice};
  }
  if (home.free_files < 1000) {
    return {"disk", Level::kProblem,
            there + ", but only " + std::to_string(home.free_files) + " files (inodes)", advice};
  }
  if (home.free_bytes < 10 * least) return {"disk", Level::kWarning, there, advice};
  return Ok("disk", there);
}

Finding JudgeFiles(const Facts& f) {
  const std::string there = std::to_string(f.open_files) + " open files a process at most";
  if (f.open_files >= 4096) return Ok("files", there);
  return {"files", Level::kWarning, there,
          "raise the hard limit: LimitNOFILE=65536 in the unit, or /etc/security/limits.d"};
}

Finding JudgeOwnClock(const Subject& s, const Facts& f) {
  if (f.clock_kept) return Ok("clock", "kept by NTP, says the kernel");
  const bool alone = s.state.empty() && s.objects.empty() && s.others.empty() && !s.slurm;
  return {"clock", alone ? Level::kNote : Level::kWarning,
          "the kernel knows of no NTP that keeps this clock",
          "apt-get install systemd-timesyncd (or chrony): requests are signed with the time"};
}

Finding JudgePostgres(const Facts& f) {
  if (!f.postgres) {
    const bool refused = f.postgres_reason == "PostgresRefused";
    return {"postgres", Level::kProblem, Printable(f.postgres_failure, 300),
            f.postgres_reason == "BadUrl" ? "--state postgres://USER@HOST/DATABASE"
            : refused ? "check the user, the password (PGPASSFILE), pg_hba.conf of the server, and "
                        "that the database exists: createdb"
                      : "check that the server runs and that this host reaches it: psql URL -c "
                        "'SELECT 1'"};
  }
  const meta::PostgresFacts& p = *f.postgres;
  const std::string name = "PostgreSQL " + p.version;
  const auto problem = [&](std::string what, std::string advice) {
    return Finding{"postgres", Level::kProblem, name + ": " + std::move(what), std::move(advice)};
  };
  const auto warning = [&](std::string what, std::string advice) {
    return Finding{"postgres", Level::kWarning, name + ": " + std::move(what), std::move(advice)};
  };
  if (p.read_only) {
    return problem("a standby, or read only",
                   "name the primary, or all servers with target_session_attrs=read-write");
  }
  if (p.schema < 0 && !p.may_create) {
    return problem("the role may not make the schema \"clary\"",
                   "GRANT CREATE ON DATABASE " + p.database + " TO " + p.user);
  }
  if (p.schema > p.known_schema) {
    return problem("the state is of a later release", "install that release of Clary here");
  }
  if (!p.durable) {
    return problem("fsync or synchronous_commit is off: what was answered may be lost",
                   "ALTER ROLE " + p.user +
                       " SET synchronous_commit = on; fsync = on in "
                       "postgresql.conf");
  }
  if (p.connections_free < kConnectionsOfAService) {
    return warning(std::to_string(p.connections_free) +
                       " connections are free, and a service holds " +
                       std::to_string(kConnectionsOfAService),
                   "raise max_connections in postgresql.conf");
  }
  if (p.answer > kSlowDatabase) {
    return warning("a question takes " + std::to_string(p.answer.count()) +
                       " ms; changes follow each other, each in that time at best",
                   "put the services near the database");
  }
  if (!p.encrypted && !p.local) {
    return warning("the connection is not encrypted", "sslmode=verify-full in --state");
  }
  return Ok("postgres", name + (p.schema < 0 ? ", the first start makes its schema"
                                             : ", schema " + std::to_string(p.schema)));
}

Finding JudgeObjects(const Facts& f) {
  const ObjectService& o = *f.objects;
  if (o.failure.empty()) {
    return Ok("objects",
              "it answers, and lists " + std::to_string(o.buckets) + " buckets for our keys");
  }
  std::string advice = "check the endpoint and that this host reaches it: curl -i ENDPOINT";
  if (o.reason == "NoCredentials") {
    advice = "export AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of that service";
  } else if (o.reason == "BadLocation") {
    advice = "--objects s3://HOST[:PORT][?tls=off]";
  } else if (o.reason == "TlsVerification") {
    advice = "trust its authority (update-ca-certificates), or ?tls=off for plain HTTP";
  } else if (o.reason == "RequestTimeTooSkewed") {
    advice = "set this host's clock, or that service's";
  } else if (o.reason == "AccessDenied" || o.reason == "SignatureDoesNotMatch" ||
             o.reason == "InvalidAccessKeyId") {
    advice = "check the two AWS_ keys; they must be allowed to list, make and fill buckets";
  }
  return {"objects", Level::kProblem, Printable(o.failure, 300), std::move(advice)};
}

void JudgeSlurm(const Subject& s, const Slurm& slurm, std::vector<Finding>& out) {
  if (!slurm.missing.empty()) {
    out.push_back(
        {"slurm", Level::kProblem, "not found: " + Join(slurm.missing, ", "),
         "apt-get install slurm-client munge, with the cluster's slurm.conf and munge.key"});
    return;
  }
  if (!slurm.failure.empty()) {
    out.push_back(
        {"slurm", Level::kProblem, slurm.failure,
         "check SLURM_CONF, that munge runs here and that slurmctld answers: scontrol ping"});
    return;
  }
  const auto up = std::ranges::count_if(slurm.nodes, &SlurmNode::Up);
  const std::string where = s.partition.empty() ? std::string() : " of partition " + s.partition;
  if (slurm.nodes.empty()) {
    out.push_back({"slurm", Level::kProblem, "there is no node" + where,
                   "sinfo lists the partitions there are"});
    return;
  }
  const std::string nodes = slurm.version + ", " + std::to_string(up) + " of " +
                            std::to_string(slurm.nodes.size()) + " nodes" + where + " take jobs";
  std::string first;  // that does not
  for (const SlurmNode& n : slurm.nodes) {
    if (n.Up() || !first.empty()) continue;
    first = n.name + " is " + n.state + (n.reason.empty() ? "" : " (" + n.reason + ")");
  }
  if (first.empty()) {
    out.push_back(Ok("slurm", nodes));
  } else {
    out.push_back(
        {"slurm", up == 0 ? Level::kProblem : Level::kWarning, nodes + "; " + first,
         "sinfo -R tells why; scontrol update nodename=NODE state=resume brings one back"});
  }
  if (!slurm.pmix) {
    out.push_back({"slurm-mpi", Level::kWarning,
                   "srun knows no pmix, so jobs of several nodes fail",
                   "apt-get install libpmix2 and Slurm's pmix plugin (slurm-wlm-basic-plugins) on "
                   "every node; srun --mpi=list"});
  }
  if (slurm.keeps_ended_s && *slurm.keeps_ended_s < 60) {
    out.push_back({"slurm-age", Level::kWarning,
                   "Slurm forgets a job " + std::to_string(*slurm.keeps_ended_s) +
                       " s after its end; how one ended while the service was away is lost then",
                   "MinJobAge=300 in slurm.conf"});
  }
}

}  // namespace

std::string_view LevelName(Level level) { return kLevels[static_cast<size_t>(level)]; }

bool Report::HasProblem() const {
  return std::ranges::any_of(findings, [](const Finding& f) { return f.level == Level::kProblem; });
}

Finding JudgeClock(const std::string& whose, Duration ahead, Duration uncertainty) {
  const Duration least(std::max<int64_t>(0, std::abs(ahead.count()) - uncertainty.count()));
  if (least <= kClocksDiffer) return Ok("clock", "that of " + whose + " agrees with ours");
  return {"clock", least > kClocksFail ? Level::kProblem : Level::kWarning,
          "that of " + whose + " is " + Seconds(ahead) + (ahead.count() > 0 ? " ahead" : " behind"),
          "keep both by NTP (timedatectl, chronyc tracking): times in records and logs do not "
          "agree, and from 15 minutes on requests are refused"};
}

Report Judge(const Subject& s, const Facts& f, Time now) {
  Report out{.host = f.host, .version = CLARY_VERSION, .time = now, .findings = {}};
  auto& all = out.findings;
  all = {JudgeCores(f),    JudgeMemory(f),    JudgeSandbox(f),    JudgeHosts(f),
         JudgeOverlays(f), JudgePython(s, f), JudgeMpi(s, f),     JudgeHome(s, f),
         JudgeDisk(f),     JudgeFiles(f),     JudgeOwnClock(s, f)};
  if (!s.state.empty()) all.push_back(JudgePostgres(f));
  if (f.objects) all.push_back(JudgeObjects(f));
  if (f.slurm) JudgeSlurm(s, *f.slurm, all);
  for (const RemoteClock& c : f.clocks) {
    if (c.failure.empty()) {
      all.push_back(JudgeClock(c.whose, c.ahead, c.uncertainty));
    } else {
      all.push_back({"clock", Level::kWarning,
                     "that of " + c.whose + " cannot be read: " + Printable(c.failure, 200),
                     "check that this host reaches it"});
    }
  }
  return out;
}

std::string ToJson(const Report& report, const std::vector<Report>& nodes) {
  const auto json = [](const Report& r) {
    Json findings = Json::array();
    for (const Finding& f : r.findings) {
      findings.push_back({{"check", f.check},
                          {"level", LevelName(f.level)},
                          {"what", f.what},
                          {"advice", f.advice}});
    }
    return Json{{"host", r.host},
                {"version", r.version},
                {"time_ms", ToMillis(r.time)},
                {"findings", std::move(findings)}};
  };
  Json out = json(report);
  if (!nodes.empty()) {
    out["nodes"] = Json::array();
    for (const Report& node : nodes) out["nodes"].push_back(json(node));
  }
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<Report> ParseReport(std::string_view text) {
  const auto bad = [] {
    return Fail(Code::kInvalidArgument, "BadReport", "that is no report of clary doctor");
  };
  const Json in = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto text_in = [](const Json& object, const char* name) -> std::optional<std::string> {
    const auto at = object.find(name);
    if (at == object.end() || !at->is_string()) return std::nullopt;
    return at->get<std::string>();
  };
  if (!in.is_object()) return bad();
  const auto host = text_in(in, "host");
  const auto version = text_in(in, "version");
  const auto time = in.find("time_ms");
  const auto findings = in.find("findings");
  if (!host || !version || time == in.end() || !time->is_number_integer() || findings == in.end() ||
      !findings->is_array()) {
    return bad();
  }
  Report out{
      .host = *host, .version = *version, .time = FromMillis(time->get<int64_t>()), .findings = {}};
  for (const Json& one : *findings) {
    if (!one.is_object()) return bad();
    const auto level = text_in(one, "level");
    const auto known = std::ranges::find(kLevels, level.value_or(""),
                                         [](const char* l) { return std::string(l); });
    if (known == std::end(kLevels)) return bad();
    out.findings.push_back({.check = text_in(one, "check").value_or(""),
                            .level = static_cast<Level>(known - std::begin(kLevels)),
                            .what = text_in(one, "what").value_or(""),
                            .advice = text_in(one, "advice").value_or("")});
  }
  return out;
}

}  // namespace clary::doctor
