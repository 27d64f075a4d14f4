#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "doctor/findings.h"
#include "doctor/internal/sinfo.h"

namespace clary::doctor {
namespace {

using testing::HasSubstr;

constexpr uint64_t kGiB = uint64_t{1} << 30;

// A host on which nothing is wrong.
Facts Healthy() {
  Facts f;
  f.host = "h";
  f.cores = 4;
  f.memory_bytes = 16 * kGiB;
  f.memory_free_bytes = 8 * kGiB;
  f.open_files = 65536;
  f.mpi_library = true;
  f.mpirun = "/usr/bin/mpirun";
  f.python = "3.11";
  f.home = {.path = "/srv/clary",
            .exists = true,
            .free_bytes = 100 * kGiB,
            .total_bytes = 200 * kGiB,
            .free_files = UINT64_MAX};
  return f;
}

meta::PostgresFacts Database() {
  return {.version = "15.4",
          .database = "clary",
          .user = "clary",
          .schema = 1,
          .known_schema = 1,
          .local = true,
          .connections_free = 90};
}

Finding Find(const Report& report, std::string_view check) {
  const auto found = std::ranges::find(report.findings, check, &Finding::check);
  EXPECT_NE(found, report.findings.end()) << check;
  return found == report.findings.end() ? Finding{} : *found;
}

Finding Find(const Subject& subject, const Facts& facts, std::string_view check) {
  return Find(Judge(subject, facts, Time()), check);
}

TEST(Doctor, NothingIsWrong) {
  const Report report = Judge({}, Healthy(), Time());
  for (const Finding& f : report.findings) EXPECT_EQ(f.level, Level::kOk) << f.check << f.what;
  EXPECT_FALSE(report.HasProblem());
}

TEST(Doctor, EveryProblemSaysWhatToDo) {
  struct Case {
    const char* check;
    std::function<void(Subject&, Facts&)> spoil;
    Level level;
    const char* advice;
  };
  const Case cases[] = {
      {"cores", [](Subject&, Facts& f) { f.core_quota = 1.5; }, Level::kWarning, "--cpus 1"},
      {"memory", [](Subject&, Facts& f) { f.memory_free_bytes = 1 << 20; }, Level::kWarning, "end"},
      {"sandbox", [](Subject&, Facts& f) { f.sandbox = "bubblewrap (bwrap) is not installed"; },
       Level::kProblem, "apt-get install bubblewrap"},
      {"sandbox",
       [](Subject&, Facts& f) {
         f.sandbox = "bwrap: No permissions to create new namespace";
         f.namespaces.unprivileged_userns_clone = 0;
       },
       Level::kProblem, "unprivileged_userns_clone=1"},
      {"sandbox",
       [](Subject&, Facts& f) {
         f.sandbox = "no";
         f.namespaces.max_user_namespaces = 0;
       },
       Level::kProblem, "max_user_namespaces="},
      {"sandbox",
       [](Subject&, Facts& f) {
         f.sandbox = "no";
         f.namespaces.apparmor_restricts = 1;
       },
       Level::kProblem, "AppArmor"},
      {"sandbox", [](Subject&, Facts& f) { f.sandbox = "no"; }, Level::kProblem, "seccomp"},
      {"sandbox", [](Subject&, Facts& f) { f.network = "no"; }, Level::kProblem,
       "--job-network open"},
      {"hosts", [](Subject&, Facts& f) { f.hosts = "a bridge: Operation not supported"; },
       Level::kWarning, "modprobe bridge"},
      {"overlays", [](Subject&, Facts& f) { f.overlays = false; }, Level::kNote, "5.11"},
      {"python", [](Subject&, Facts& f) { f.python_failure = "there is no /usr/bin/python3"; },
       Level::kWarning, "apt-get install python3"},
      {"mpi", [](Subject&, Facts& f) { f.mpirun.clear(); }, Level::kNote, "openmpi-bin"},
      {"mpi",
       [](Subject& s, Facts& f) {
         s.slurm = true;
         f.mpi_library = false;
       },
       Level::kWarning, "openmpi-bin"},
      {"home", [](Subject&, Facts& f) { f.home.failure = "/srv: Permission denied"; },
       Level::kProblem, "chown"},
      {"home", [](Subject&, Facts& f) { f.home.file_system = "nfs"; }, Level::kProblem, "--state"},
      {"home",
       [](Subject& s, Facts& f) {
         s.state = "postgres://x";
         s.objects = "s3://x";
         f.postgres = Database();
         f.home.file_system = "nfs";
       },
       Level::kNote, "actimeo=1"},
      {"home", [](Subject&, Facts& f) { f.home.file_system = "tmpfs"; }, Level::kWarning, "disk"},
      {"home",
       [](Subject& s, Facts& f) {
         s.sees = "/srv/clary/doctor-1";
         f.home.sees = false;
       },
       Level::kProblem, "mount the shared directory"},
      {"disk", [](Subject&, Facts& f) { f.home.free_bytes = kGiB / 2; }, Level::kProblem, "free"},
      {"disk", [](Subject&, Facts& f) { f.home.free_files = 3; }, Level::kProblem, "free"},
      {"disk", [](Subject&, Facts& f) { f.home.free_bytes = 5 * kGiB; }, Level::kWarning, "free"},
      {"files", [](Subject&, Facts& f) { f.open_files = 256; }, Level::kWarning, "LimitNOFILE"},
      {"clock", [](Subject&, Facts& f) { f.clock_kept = false; }, Level::kNote, "timesyncd"},
      {"clock",
       [](Subject& s, Facts& f) {
         s.others = {"http://other"};
         f.clock_kept = false;
       },
       Level::kWarning, "timesyncd"},
  };
  for (const Case& c : cases) {
    Subject subject;
    Facts facts = Healthy();
    c.spoil(subject, facts);
    const Finding found = Find(subject, facts, c.check);
    EXPECT_EQ(found.level, c.level) << found.check << ": " << found.what;
    EXPECT_THAT(found.advice, HasSubstr(c.advice)) << found.what;
  }
}

TEST(Doctor, TheDatabase) {
  Subject subject{.state = "postgres://clary@db/clary"};
  const auto judge = [&](const auto& spoil) {
    Facts facts = Healthy();
    facts.postgres = Database();
    spoil(*facts.postgres);
    return Find(subject, facts, "postgres");
  };
  EXPECT_EQ(judge([](auto&) {}).level, Level::kOk);
  EXPECT_EQ(judge([](auto& p) { p.schema = -1; }).level, Level::kOk);
  EXPECT_THAT(judge([](auto& p) { p.schema = -1, p.may_create = false; }).advice,
              HasSubstr("GRANT CREATE ON DATABASE clary TO clary"));
  EXPECT_THAT(judge([](auto& p) { p.read_only = true; }).advice, HasSubstr("read-write"));
  EXPECT_THAT(judge([](auto& p) { p.durable = false; }).advice, HasSubstr("synchronous_commit"));
  EXPECT_EQ(judge([](auto& p) { p.schema = 2; }).level, Level::kProblem);
  EXPECT_EQ(judge([](auto& p) { p.connections_free = 3; }).level, Level::kWarning);
  EXPECT_EQ(judge([](auto& p) { p.local = false; }).level, Level::kWarning);
  EXPECT_EQ(judge([](auto& p) { p.local = false, p.encrypted = true; }).level, Level::kOk);
  EXPECT_EQ(judge([](auto& p) { p.answer = Duration(80); }).level, Level::kWarning);

  Facts away = Healthy();
  away.postgres_failure = "PostgreSQL: connection refused";
  away.postgres_reason = "PostgresAway";
  EXPECT_EQ(Find(subject, away, "postgres").level, Level::kProblem);
  EXPECT_THAT(Find(subject, away, "postgres").advice, HasSubstr("psql"));
  away.postgres_reason = "PostgresRefused";
  EXPECT_THAT(Find(subject, away, "postgres").advice, HasSubstr("pg_hba.conf"));
}

TEST(Doctor, TheObjects) {
  const Subject subject{.objects = "s3://x"};
  const auto judge = [&](const std::string& reason) {
    Facts facts = Healthy();
    facts.objects = {.location = "s3://x", .failure = "no", .reason = reason};
    return Find(subject, facts, "objects");
  };
  EXPECT_THAT(judge("NoCredentials").advice, HasSubstr("AWS_SECRET_ACCESS_KEY"));
  EXPECT_THAT(judge("TlsVerification").advice, HasSubstr("tls=off"));
  EXPECT_THAT(judge("RequestTimeTooSkewed").advice, HasSubstr("clock"));
  EXPECT_THAT(judge("AccessDenied").advice, HasSubstr("keys"));
  EXPECT_EQ(judge("CouldNotConnect").level, Level::kProblem);
}

// What is known of a clock to within `uncertainty` is not held against it.
TEST(Doctor, ClocksApart) {
  const auto level = [](int64_t ahead, int64_t uncertainty) {
    return JudgeClock("x", Duration(ahead), Duration(uncertainty)).level;
  };
  EXPECT_EQ(level(1'500, 0), Level::kOk);
  EXPECT_EQ(level(-1'500, 0), Level::kOk);
  EXPECT_EQ(level(60'000, 500), Level::kWarning);
  EXPECT_EQ(level(-60'000, 500), Level::kWarning);
  EXPECT_EQ(level(60'000, 59'000), Level::kOk);
  EXPECT_EQ(level(600'000, 500), Level::kProblem);
  EXPECT_THAT(JudgeClock("db", Duration(-60'000), {}).what, HasSubstr("60.0 s behind"));

  Facts facts = Healthy();
  facts.clock_kept = false;
  facts.clocks = {{.whose = "http://other", .failure = "refused"}};
  const Report report = Judge({.others = {"http://other"}}, facts, Time());
  EXPECT_THAT(report.findings.back().what, HasSubstr("http://other"));
  EXPECT_EQ(report.findings.back().level, Level::kWarning);
}

TEST(Doctor, Slurm) {
  Subject subject{.slurm = true};
  const auto judge = [&](Slurm slurm, std::string_view check = "slurm") {
    Facts facts = Healthy();
    facts.slurm = std::move(slurm);
    return Find(subject, facts, check);
  };
  const Slurm good{.version = "slurm-wlm 22.05.8",
                   .nodes = {{.name = "n1", .state = "idle"}, {.name = "n2", .state = "mixed"}},
                   .pmix = true,
                   .keeps_ended_s = 300};
  EXPECT_EQ(judge(good).level, Level::kOk);
  EXPECT_THAT(judge(good).what, HasSubstr("2 of 2 nodes"));
  Slurm bad = good;
  bad.nodes[1] = {.name = "n2", .state = "down*", .reason = "Not responding"};
  EXPECT_EQ(judge(bad).level, Level::kWarning);
  EXPECT_THAT(judge(bad).what, HasSubstr("n2 is down* (Not responding)"));
  bad.nodes[0].state = "drained";
  EXPECT_EQ(judge(bad).level, Level::kProblem);
  bad.nodes.clear();
  EXPECT_EQ(judge(bad).level, Level::kProblem);
  EXPECT_THAT(judge({.missing = {"sbatch", "srun"}}).what, HasSubstr("sbatch, srun"));
  EXPECT_THAT(judge({.failure = "Unable to contact slurm controller"}).advice, HasSubstr("munge"));
  bad = good;
  bad.pmix = false;
  bad.keeps_ended_s = 10;
  EXPECT_THAT(judge(bad, "slurm-mpi").advice, HasSubstr("libpmix2"));
  EXPECT_THAT(judge(bad, "slurm-age").advice, HasSubstr("MinJobAge"));
}

TEST(Doctor, ReadsWhatSlurmTells) {
  const auto nodes = ParseSinfo(
      "n1|debug*|idle|2|4000|none\n"
      "n1|other|idle|2|4000|none\n"
      "n2|debug*|DOWN*|2|4000|Not responding\n"
      "n3|debug*|draining|64|256000|bad disk\n"
      "n4|debug*|allocated|64|256000|none\n"
      "nonsense\n");
  ASSERT_EQ(nodes.size(), 4U);
  EXPECT_EQ(nodes[0].partition, "debug");
  EXPECT_EQ(nodes[0].reason, "");
  EXPECT_TRUE(nodes[0].Free());
  EXPECT_FALSE(nodes[1].Up());
  EXPECT_EQ(nodes[1].reason, "Not responding");
  EXPECT_FALSE(nodes[2].Up());
  EXPECT_TRUE(nodes[3].Up());
  EXPECT_FALSE(nodes[3].Free());
  EXPECT_EQ(nodes[3].cores, 64);
  EXPECT_EQ(ParseMinJobAge("MaxJobCount   = 10000\nMinJobAge               = 3600 sec\n"), 3600);
  EXPECT_EQ(ParseMinJobAge("nothing"), std::nullopt);
}

TEST(Doctor, ReportsOfNodesAreRead) {
  Report report = Judge({}, Healthy(), FromMillis(1'700'000'000'123));
  report.findings.push_back({"x", Level::kProblem, "a \"b\"\n", "c"});
  const auto read = ParseReport(ToJson(report));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->host, "h");
  EXPECT_EQ(read->time, report.time);
  EXPECT_EQ(read->findings.size(), report.findings.size());
  EXPECT_EQ(Find(*read, "x").what, "a \"b\"\n");
  EXPECT_TRUE(read->HasProblem());
  for (const char* text : {"", "srun: error: x", "[]", "{}", "1", "{\"host\":1}",
                           R"({"host":"h","version":"1","time_ms":1,"findings":[{"level":"bad"}]})",
                           R"({"host":"h","version":"1","time_ms":1,"findings":[1]})"}) {
    EXPECT_EQ(ParseReport(text).error().reason, "BadReport") << text;
  }
}

}  // namespace
}  // namespace clary::doctor
