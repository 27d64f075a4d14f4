// Jobs on several hosts, with real namespaces and processes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/strings.h"
#include "runner/artifacts.h"
#include "runner/channels.h"
#include "runner/internal/network.h"
#include "runner/testing/job_world.h"

namespace clary::runner {
namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(ShareCores, InProportionAtLeastOneAndNoMoreThanWanted) {
  const auto counts = [](int total, const std::vector<int>& wanted) {
    std::vector<int> out;
    for (const CoreShare& s : ShareCores({}, total, wanted)) out.push_back(s.count);
    return out;
  };
  EXPECT_THAT(counts(8, {4, 4}), ElementsAre(4, 4));
  EXPECT_THAT(counts(16, {4, 4}), ElementsAre(4, 4));
  EXPECT_THAT(counts(6, {8, 4}), ElementsAre(4, 2));
  EXPECT_THAT(counts(3, {2, 2}), ElementsAre(2, 1));
  EXPECT_THAT(counts(2, {4, 4, 4}), ElementsAre(1, 1, 1));
  EXPECT_THAT(counts(4, {0, 0}), ElementsAre(1, 1));
}

TEST(ShareCores, PinsToCoresOfItsOwnWhereThereAreEnough) {
  const auto two = ShareCores({3, 5, 6}, 3, {2, 2});
  EXPECT_THAT(two[0].cores, ElementsAre(3, 5));
  EXPECT_THAT(two[1].cores, ElementsAre(6));
  const auto equal = ShareCores({3, 5}, 2, {2, 2});
  EXPECT_THAT(equal[0].cores, ElementsAre(3));
  EXPECT_THAT(equal[1].cores, ElementsAre(5));
  for (const CoreShare& s : ShareCores({3, 5}, 2, {2, 2, 2}))
    EXPECT_THAT(s.cores, ElementsAre(3, 5));
}

TEST(NamedDetail, GoesBehindTheWordThatSaysWhoIsToBlame) {
  EXPECT_EQ(NamedDetail("algo-2", "ValueError: bad"), "algo-2: ValueError: bad");
  EXPECT_EQ(NamedDetail("algo-2", "ClientError: no data"), "ClientError: algo-2: no data");
  EXPECT_EQ(NamedDetail("algo-2", ""), "algo-2: its program has failed");
}

class SharesTest : public testing::Test {
 protected:
  static std::vector<std::string> Keys(const std::vector<objects::ObjectRef>& refs) {
    std::vector<std::string> out;
    for (const auto& ref : refs) out.push_back(ref.key);
    return out;
  }
  std::vector<std::string> Of(const std::string& host, uint64_t epoch = 0) {
    spec_.host = host;
    return Keys(ObjectsOfHost(objects_, channel_, ShareOf(spec_, channel_), epoch));
  }
  void SetUp() override {
    spec_.hosts = {"algo-1", "algo-2", "algo-3"};
    for (const char* key : {"a", "b", "c", "d", "e"}) objects_.push_back({"bkt", key});
    channel_.distribution = "ShardedByS3Key";
  }
  api::JobSpec spec_;
  api::ChannelSpec channel_;
  std::vector<objects::ObjectRef> objects_;
};

TEST_F(SharesTest, KeyByKeyInTheOrderOfRanks) {
  EXPECT_THAT(Of("algo-1"), ElementsAre("a", "d"));
  EXPECT_THAT(Of("algo-2"), ElementsAre("b", "e"));
  EXPECT_THAT(Of("algo-3"), ElementsAre("c"));
  channel_.distribution = "FullyReplicated";
  EXPECT_EQ(Of("algo-3").size(), 5U);
}

TEST_F(SharesTest, OfAGroupsChannelAmongItsHosts) {
  spec_.groups = {{"one", "ml.m5.large", 2, {"algo-1"}},
                  {"two", "ml.c5.large", 2, {"algo-2", "algo-3"}}};
  channel_.groups = {"two"};
  EXPECT_THAT(Of("algo-2"), ElementsAre("a", "c", "e"));
  EXPECT_THAT(Of("algo-3"), ElementsAre("b", "d"));
  spec_.channels = {channel_};
  EXPECT_TRUE(spec_.OfHost(0).channels.empty());
  EXPECT_EQ(spec_.OfHost(2).channels.size(), 1U);
  EXPECT_EQ(spec_.OfHost(2).instance_type, "ml.c5.large");
}

TEST_F(SharesTest, ShuffledAnewInEachPassAndTheSameForAllHosts) {
  channel_.shuffle = true;
  channel_.shuffle_seed = 7;
  std::vector<std::vector<std::string>> passes;
  for (const uint64_t epoch : {0, 1, 2, 3}) {
    std::vector<std::string> all;
    for (const char* host : {"algo-1", "algo-2", "algo-3"}) {
      for (std::string& key : Of(host, epoch)) all.push_back(std::move(key));
    }
    passes.push_back(all);
    std::ranges::sort(all);
    EXPECT_THAT(all, ElementsAre("a", "b", "c", "d", "e"));
  }
  EXPECT_NE(passes[0], passes[1]);
  EXPECT_EQ(Of("algo-1", 2), Of("algo-1", 2));
  const auto of_seed_7 = Of("algo-1", 0);
  channel_.shuffle_seed = 8;
  channel_.distribution = "FullyReplicated";
  EXPECT_NE(Of("algo-1", 0), of_seed_7);
}

TEST(MergeTrees, TheEarlierRootWinsAndEveryClashIsTold) {
  const TempDir dir = *TempDir::Make();
  const auto write = [&](const std::string& path, const std::string& text) {
    ASSERT_TRUE(MakeDirectories((dir.path() / path).parent_path()).has_value());
    std::ofstream(dir.path() / path) << text;
  };
  write("1/model/m", "one");
  write("1/model/sub/a", "a");
  write("1/model/file", "f");
  write("2/model/m", "two");
  write("2/model/sub/b", "b");
  write("2/model/file/inside", "lost");
  fs::create_symlink("/etc/passwd", dir.path() / "2/model/link");
  ASSERT_TRUE(MakeDirectories(dir.path() / "to/model").has_value());
  const auto merged = MergeTrees({dir.path() / "1", dir.path() / "2", dir.path() / "3"}, "model",
                                 dir.path() / "to");
  ASSERT_TRUE(merged.has_value()) << merged.error().message;
  std::vector<std::string> clashes;
  for (const MergeClash& c : merged->clashes) {
    clashes.push_back(c.path + std::to_string(c.kept) + std::to_string(c.dropped));
  }
  EXPECT_THAT(clashes, ElementsAre("file01", "m01"));
  ASSERT_EQ(merged->skipped.size(), 1U);
  EXPECT_EQ(merged->skipped[0].first, 1U);
  EXPECT_EQ(ReadFile(dir.path() / "to/model/m", 9).value_or(""), "one");
  EXPECT_EQ(ReadFile(dir.path() / "to/model/sub/a", 9).value_or(""), "a");
  EXPECT_EQ(ReadFile(dir.path() / "to/model/sub/b", 9).value_or(""), "b");
  EXPECT_FALSE(fs::exists(dir.path() / "to/model/link"));
}

class HostsTest : public JobWorld, public testing::Test {
 protected:
  void SetUp() override {
    if (!HasSandbox()) GTEST_SKIP() << "bubblewrap is missing or not allowed here";
    if (!HasHostNetworks()) GTEST_SKIP() << "this kernel has no bridge or no veth for its user";
    MakeWorld();
    SetHosts(2);
  }
  static bool HasHostNetworks() { return MakeHostNetworks(1).has_value(); }
  void SetHosts(size_t count) {
    spec_.hosts.clear();
    spec_.log_streams.clear();
    for (size_t i = 1; i <= count; ++i) {
      spec_.hosts.push_back("algo-" + std::to_string(i));
      spec_.log_streams.push_back("j/algo-" + std::to_string(i) + "-1");
    }
  }
  std::string LogOfHost(size_t number) { return LogOf(spec_.log_streams[number - 1]); }
  std::string File(const std::string& relative) {
    return ReadFile(job_dir() / relative, 1 << 16).value_or("");
  }
  // The runners of the hosts, in their order, once they all run a program.
  static std::vector<pid_t> Children(pid_t pid) {
    const std::string p = std::to_string(pid);
    const auto text = ReadFile("/proc/" + p + "/task/" + p + "/children", 1 << 16);
    std::vector<pid_t> out;
    for (const std::string_view part : Split(Trim(text.value_or("")), ' ')) {
      if (const auto child = ParseInt(part)) out.push_back(static_cast<pid_t>(*child));
    }
    return out;
  }
  bool AllWait(size_t hosts) {
    return WaitFor([&] {
      for (size_t i = 1; i <= hosts; ++i) {
        const auto up = job_dir() / "hosts" / ("algo-" + std::to_string(i)) / "work/output/data/up";
        if (::access(up.c_str(), F_OK) != 0) return false;
      }
      return true;
    });
  }
};

// Programs that meet: each host tells algo-1 its name over eth0, which answers with the sum.
constexpr char kMeet[] = R"(
python3 - <<'END'
import json, os, socket, time
config = json.load(open("/opt/ml/input/config/resourceconfig.json"))
me, hosts = config["current_host"], config["hosts"]
assert socket.gethostname() == me == os.environ["SM_CURRENT_HOST"], me
addresses = {h: socket.gethostbyname(h) for h in hosts}
assert len(set(addresses.values())) == len(hosts), addresses
if me == hosts[0]:
    server = socket.create_server(("", 22))
    names = [me]
    for _ in hosts[1:]:
        peer, _ = server.accept()
        names.append(peer.makefile().readline().strip())
        peer.close()
    print("met", " ".join(sorted(names)))
else:
    for _ in range(2000):
        try:
            peer = socket.create_connection((hosts[0], 22))
            break
        except OSError:
            time.sleep(0.01)
    assert peer.getsockname()[0] == addresses[me]
    peer.sendall((me + "\n").encode())
    peer.recv(1)
    print("told", me)
END
)";

TEST_F(HostsTest, MeetUnderTheirNamesAndHaveAStreamEach) {
  SetHosts(3);
  EXPECT_EQ(RunScript(std::string("set -e\n") + kMeet +
                      "ls /opt/ml/input/data/train > /opt/ml/model/$(hostname)\n"),
            0)
      << LogOfHost(1) << LogOfHost(2) << LogOfHost(3) << End().detail;
  EXPECT_THAT(LogOfHost(1), HasSubstr("met algo-1 algo-2 algo-3\n"));
  EXPECT_THAT(LogOfHost(2), HasSubstr("told algo-2\n"));
  EXPECT_THAT(LogOfHost(3), HasSubstr("told algo-3\n"));
  EXPECT_EQ(Kinds(), "Downloading Training Uploading artifact end");
  EXPECT_EQ(Unpack("out/j/output/model.tar.gz"),
            "./algo-1 train.csv\n./algo-2 train.csv\n./algo-3 train.csv\n");
  EXPECT_FALSE(fs::exists(job_dir() / "hosts"));
  EXPECT_FALSE(fs::exists(job_dir() / "work"));
}

TEST_F(HostsTest, ShardsItsDataAndAHostMayHaveNone) {
  spec_.channels[0].s3_uri = "s3://bkt/in/";
  spec_.channels[0].distribution = "ShardedByS3Key";
  Put("in/other.csv", "1\n");
  SetHosts(3);
  ASSERT_EQ(RunScript("ls /opt/ml/input/data/train"), 0) << LogOfHost(1);
  EXPECT_THAT(LogOfHost(1), testing::EndsWith("other.csv\n"));
  EXPECT_THAT(LogOfHost(2), testing::EndsWith("train.csv\n"));
  EXPECT_THAT(LogOfHost(3), testing::Not(HasSubstr("csv\n")));
}

TEST_F(HostsTest, AHostSeesItsGroup) {
  SetHosts(3);
  spec_.groups = {{"left", "ml.m5.large", 1, {"algo-1"}},
                  {"right", "ml.c5.xlarge", 1, {"algo-2", "algo-3"}}};
  spec_.channels[0].groups = {"right"};
  ASSERT_EQ(RunScript("cat /opt/ml/input/config/resourceconfig.json; echo; ls /opt/ml/input/data; "
                      "echo $SM_CHANNELS"),
            0);
  EXPECT_THAT(LogOfHost(1), HasSubstr("\n[]\n"));
  EXPECT_THAT(
      LogOfHost(3),
      HasSubstr(R"("current_group_name":"right","current_host":"algo-3",)"
                R"("current_instance_type":"ml.c5.xlarge","hosts":["algo-1","algo-2","algo-3"],)"
                R"("instance_groups":[{"hosts":["algo-1"],"instance_group_name":"left",)"
                R"("instance_type":"ml.m5.large"},{"hosts":["algo-2","algo-3"],)"));
  EXPECT_THAT(LogOfHost(3), HasSubstr("\ntrain\n[\"train\"]\n"));
}

TEST_F(HostsTest, TheFirstThatFailsEndsTheJobWithItsReason) {
  const int code = RunScript(
      "meet() { python3 -c \"import socket; socket.$1\" 2> /dev/null; }\n"
      "if [ $(hostname) = algo-2 ]; then until meet \"create_connection(('algo-1', 99))\"; do :; "
      "done; "
      "echo broken > /opt/ml/output/failure; echo d > /opt/ml/output/data/from2; exit 3; fi\n"
      "trap 'echo heard; touch /opt/ml/output/data/heard; exit 0' TERM\n"
      "meet \"create_server(('', 99)).accept()\"\n"
      "while :; do sleep 0.01; done");
  EXPECT_EQ(code, 3);
  EXPECT_EQ(End().exit_code, 3);
  EXPECT_EQ(End().detail, "algo-2: broken");
  EXPECT_THAT(LogOfHost(1), HasSubstr("heard\n"));
  EXPECT_THAT(LogOfHost(1), HasSubstr("algo-2 has failed; the job's other hosts were stopped"));
  EXPECT_EQ(Unpack("out/j/output/output.tar.gz"), "./failure broken\n./from2 d\n./heard \n");
  EXPECT_EQ(Object("out/j/output/model.tar.gz"), "!NoSuchKey");
}

TEST_F(HostsTest, DataThatCannotBeBroughtEndsAllBeforeAnyProgramRuns) {
  spec_.channels[0].s3_uri = "s3://bkt/nothing/";
  EXPECT_EQ(RunScript("echo ran"), 1);
  EXPECT_EQ(Kinds(), "Downloading end");
  EXPECT_THAT(End().detail, testing::StartsWith("ClientError: algo-"));
  EXPECT_THAT(End().detail, HasSubstr("no S3 objects found"));
  EXPECT_THAT(LogOfHost(1), testing::Not(HasSubstr("ran")));
}

TEST_F(HostsTest, AStopReachesAll) {
  const pid_t pid = Start(
      "trap 'echo stopped by name $(hostname) > /opt/ml/model/$(hostname); exit 0' TERM\n"
      "touch /opt/ml/output/data/up; while :; do sleep 0.01; done");
  ASSERT_TRUE(AllWait(2));
  ::kill(pid, SIGTERM);
  EXPECT_EQ(Wait(pid), 0);
  EXPECT_EQ(Unpack("out/j/output/model.tar.gz"),
            "./algo-1 stopped by name algo-1\n./algo-2 stopped by name algo-2\n");
  EXPECT_EQ(End().detail, "");
}

TEST_F(HostsTest, OfTwoModelsOfOneNameTheFirstHostsIsKept) {
  ASSERT_EQ(RunScript("hostname > /opt/ml/model/m; hostname > /opt/ml/model/$(hostname)"), 0);
  EXPECT_EQ(Unpack("out/j/output/model.tar.gz"), "./algo-1 algo-1\n./algo-2 algo-2\n./m algo-1\n");
  EXPECT_THAT(LogOfHost(1), HasSubstr("algo-1 and algo-2 have both left /opt/ml/model/m; that of "
                                      "algo-1 is kept"));
}

constexpr char kWaits[] = "touch /opt/ml/output/data/up; while :; do sleep 0.01; done";

TEST_F(HostsTest, ARunnerThatIsKilledEndsTheJob) {
  const pid_t pid = Start(kWaits);
  ASSERT_TRUE(AllWait(2));
  const auto runners = Children(pid);
  ASSERT_EQ(runners.size(), 2U);
  ::kill(runners[1], SIGKILL);
  EXPECT_EQ(Wait(pid), 1);
  EXPECT_THAT(End().detail, testing::StartsWith("InternalServerError: algo-2: "));
}

TEST_F(HostsTest, AProgramThatIsKilledEndsTheJob) {
  const pid_t pid =
      Start("if [ $(hostname) = algo-2 ]; then kill -9 $$; fi; " + std::string(kWaits));
  EXPECT_EQ(Wait(pid), 137);
  EXPECT_THAT(End().detail, testing::StartsWith("algo-2: "));
}

TEST_F(HostsTest, NothingOutlivesTheHostSet) {
  const pid_t pid = Start(kWaits);
  ASSERT_TRUE(AllWait(2));
  std::vector<pid_t> all = Children(pid);
  for (size_t i = 0; i < all.size(); ++i) {
    for (const pid_t child : Children(all[i])) all.push_back(child);
  }
  ASSERT_GE(all.size(), 4U);
  ::kill(pid, SIGKILL);
  Wait(pid);
  EXPECT_TRUE(WaitFor([&] {
    return std::ranges::none_of(all, [](pid_t p) {
      // A zombie waits for whoever has adopted it.
      const auto stat = ReadFile("/proc/" + std::to_string(p) + "/stat", 4096);
      return stat && stat->find(") Z") == std::string::npos;
    });
  }));
  EXPECT_NE(End().kind, api::JobEvent::Kind::kEnd);
}

TEST_F(HostsTest, SaysHowFewCoresItHas) {
  spec_.groups = {{"g", "ml.m5.24xlarge", 96000, {"algo-1", "algo-2"}}};
  spec_.instance_type = "ml.m5.24xlarge";
  ASSERT_EQ(RunScript("echo cores $OMP_NUM_THREADS"), 0);
  EXPECT_THAT(LogOfHost(2), HasSubstr("the job's 2 hosts share"));
  EXPECT_THAT(LogOfHost(2), HasSubstr("of the 96000 that ml.m5.24xlarge has"));
}

}  // namespace clary::runner
