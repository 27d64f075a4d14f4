// Users' programs in their sandbox: what they see, what they reach, and what they cannot do.
#include "runner/user_program.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "runner/testing/job_world.h"

namespace clary::runner {
namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

TEST(ParseReach, UrlsOfIndexesAndEndpoints) {
  const auto reach = [](const char* url) {
    const auto r = ParseReach(url);
    return r ? r->host + " " + std::to_string(r->port) : r.error().reason;
  };
  EXPECT_EQ(reach("http://127.0.0.1:8460"), "127.0.0.1 8460");
  EXPECT_EQ(reach("https://user:pass@pypi.example.org/simple/"), "pypi.example.org 443");
  EXPECT_EQ(reach("http://index"), "index 80");
  for (const char* bad :
       {"", "/opt/wheels", "file:///opt/wheels", "http://", "http://a:0", "http://a:x",
        "http://a:70000", "http://a b/", "http://a\n127.0.0.1 b/", "http://[::1]:80/"}) {
    EXPECT_EQ(reach(bad), "BadUrl") << bad;
  }
}

TEST(UserEnvironment, HasTheJobsOwnKeysOnlyWhereItHasANetwork) {
  UserProgram spec;
  spec.endpoint = "http://localhost:8460";
  spec.credentials = {"AKIA", "secret", "token"};
  spec.python.pip = {{"PIP_INDEX_URL", "https://pypi.org/simple"}};
  EXPECT_EQ(UserEnvironment(spec, false).at("AWS_ENDPOINT_URL"), "http://127.0.0.1:8460");
  EXPECT_EQ(UserEnvironment(spec, false).at("AWS_SESSION_TOKEN"), "token");
  const auto reach = ReachOf(spec);
  ASSERT_EQ(reach.size(), 3U);
  EXPECT_EQ(reach[1].host, "pypi.org");
  EXPECT_EQ(reach[2].host, "files.pythonhosted.org");
  // The service is the proxy for AWS's own names, and for nothing that is reached without.
  EXPECT_FALSE(UserEnvironment(spec, false).contains("HTTPS_PROXY"));
  spec.ca_bundle = "/state/ca/bundle.pem";
  EXPECT_EQ(UserEnvironment(spec, false).at("HTTPS_PROXY"), "http://127.0.0.1:8460");
  EXPECT_EQ(UserEnvironment(spec, false).at("NO_PROXY"),
            "localhost,127.0.0.1,::1,algo-1,pypi.org,files.pythonhosted.org");
  EXPECT_EQ(UserEnvironment(spec, false).at("AWS_CA_BUNDLE"), "/run/clary/ca.pem");
  spec.environment = {{"https_proxy", "http://mine"}};
  EXPECT_EQ(UserEnvironment(spec, false).at("https_proxy"), "http://mine");
  EXPECT_FALSE(UserEnvironment(spec, false).contains("HTTPS_PROXY"));
  spec.environment.clear();
  spec.network = "open";
  EXPECT_EQ(UserEnvironment(spec, false).at("AWS_ENDPOINT_URL"), "http://localhost:8460");
  EXPECT_FALSE(UserEnvironment(spec, false).contains("HTTPS_PROXY"));
  EXPECT_TRUE(ReachOf(spec).empty());
  spec.network_isolation = true;
  EXPECT_FALSE(UserEnvironment(spec, false).contains("AWS_ENDPOINT_URL"));
  EXPECT_FALSE(UserEnvironment(spec, false).contains("AWS_ACCESS_KEY_ID"));
  EXPECT_TRUE(ReachOf(spec).empty());
  spec.environment["AWS_DEFAULT_REGION"] = "eu-west-1";
  EXPECT_EQ(UserEnvironment(spec, false).at("AWS_DEFAULT_REGION"), "eu-west-1");
}

// A training job whose program is the user's own command.
class UserProgramTest : public JobWorld, public testing::Test {
 protected:
  void SetUp() override {
    if (!HasSandbox()) GTEST_SKIP() << "bubblewrap is missing or not allowed here";
    MakeWorld();
    spec_.program = "command";
    spec_.job_arn = "arn:aws:sagemaker:us-east-1:1:training-job/j";
  }
  pid_t StartCommand(const std::string& script) {
    spec_.entrypoint = {"bash", "-c"};
    spec_.arguments = {script};
    return StartProgram();
  }
  std::vector<std::string> AllLines() {
    std::vector<std::string> out;
    uint64_t position = 0;
    for (;;) {
      const auto page = meta::LogStore(spec_.log_root)
                            .Read(spec_.log_group, spec_.log_stream, {.position = position});
      if (!page || page->events.empty()) return out;
      for (const auto& event : page->events) out.push_back(event.message);
      position = page->next;
    }
  }
  int RunCommand(const std::string& script) { return Wait(StartCommand(script)); }
};

TEST_F(UserProgramTest, SeesAContainer) {
  EXPECT_EQ(RunCommand("set -e; hostname; getent hosts algo-1 | tr -s ' '; getent passwd $(id -u); "
                       "pwd; echo $HOME $USER $TRAINING_JOB_NAME $TRAINING_JOB_ARN; cd; touch f; "
                       "echo A=b >> /etc/environment; cat /etc/environment; df /dev/shm | tail -1 "
                       "| cut -d' ' -f1; for w in bash sh tar python3; do command -v $w > "
                       "/dev/null || echo no $w; done; cut -d: -f1 /proc/net/dev | tail -n +3 | "
                       "tr -d ' ' | sort | paste -sd' '; env | grep -c ^SM_ || true"),
            0)
      << Log();
  EXPECT_EQ(Log(),
            "algo-1\n172.31.255.2 algo-1\nroot:x:0:0:root:/root:/bin/bash\n/\n"
            "/root root j arn:aws:sagemaker:us-east-1:1:training-job/j\nA=b\ntmpfs\neth0 lo\n0\n");
}

TEST_F(UserProgramTest, MayDoWhatItLikesToItsInputsAndTheStoreKeepsItsObjects) {
  EXPECT_EQ(RunCommand("set -e; cd /opt/ml/input/data/train; ls -l train.csv | cut -c1-10; chmod "
                       "777 train.csv; : > train.csv; echo more >> train.csv; ln train.csv hard; "
                       "chmod 0 hard; rm -f train.csv; touch /opt/ml/input/sm_training.env; mv "
                       "hard /opt/ml/model/m; chmod 600 /opt/ml/model/m"),
            0)
      << Log();
  EXPECT_EQ(Log(), "-rw-r--r--\n");
  EXPECT_EQ(Object("in/train.csv"), "1,2\n0,3\n");
  const auto blob = store_->BlobPath({"bkt", "in/train.csv"});
  ASSERT_TRUE(blob.has_value());
  EXPECT_EQ(ReadFile(*blob, 100).value_or(""), "1,2\n0,3\n");
  EXPECT_EQ(Unpack("out/j/output/model.tar.gz"), "./m more\n");
}

// What listens here and greets whoever connects.
struct Greeter {
  explicit Greeter(std::string greeting = "hello\n")
      : listener(::socket(AF_INET, SOCK_STREAM, 0)), text(std::move(greeting)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof at;
    auto* address = reinterpret_cast<sockaddr*>(&at);
    EXPECT_EQ(::bind(listener.get(), address, length), 0);
    EXPECT_EQ(::listen(listener.get(), 16), 0);
    EXPECT_EQ(::getsockname(listener.get(), address, &length), 0);
    port = ntohs(at.sin_port);
    thread = std::thread([this] {
      for (;;) {
        const Fd one(::accept(listener.get(), nullptr, nullptr));
        if (!one) return;
        (void)WriteAll(one.get(), text);
      }
    });
  }
  ~Greeter() {
    ::shutdown(listener.get(), SHUT_RDWR);
    thread.join();
  }
  Fd listener;
  uint16_t port = 0;
  const std::string text;
  std::thread thread;
};

TEST_F(UserProgramTest, ReachesTheServiceAndNothingElse) {
  const Greeter service;
  const Greeter other;
  spec_.endpoint = "http://localhost:" + std::to_string(service.port);
  const auto call = [](uint16_t port) {
    return "timeout 10 bash -c 'cat < /dev/tcp/127.0.0.1/" + std::to_string(port) +
           "' 2>/dev/null || echo refused; ";
  };
  const std::string script = "echo $AWS_ENDPOINT_URL; " + call(service.port) + call(other.port);
  const std::string inside = "http://127.0.0.1:" + std::to_string(service.port) + "\n";
  EXPECT_EQ(RunCommand(script), 0);
  EXPECT_EQ(Log(), inside + "hello\nrefused\n");
  spec_.log_stream = "j/isolated";
  spec_.network_isolation = true;
  EXPECT_EQ(RunCommand(script), 0);
  EXPECT_EQ(Log(), "\nrefused\nrefused\n");
  spec_.log_stream = "j/open";
  spec_.network_isolation = false;
  spec_.network = "open";
  EXPECT_EQ(RunCommand(script), 0);
  EXPECT_EQ(Log(), spec_.endpoint + "\nhello\nhello\n");
}

TEST_F(UserProgramTest, FindsTheServiceThatWasStartedAgainElsewhere) {
  const Greeter before;
  const Greeter after("moved\n");
  spec_.endpoint = "http://127.0.0.1:" + std::to_string(before.port);
  spec_.contact = (home() / "service.json").string();  // not there yet
  const std::string call =
      "timeout 10 bash -c 'cat < /dev/tcp/127.0.0.1/" + std::to_string(before.port) + "'; ";
  const pid_t pid = StartCommand(call + "while [ ! -e /opt/ml/go ]; do sleep 0.01; done; " + call);
  ASSERT_TRUE(WaitFor([&] { return Log() == "hello\n"; })) << Log();
  std::ofstream(home() / "service.json")
      << R"({"endpoint": "http://127.0.0.1:)" << after.port << "\"}";
  std::ofstream(job_dir() / "work/go") << "";
  EXPECT_EQ(Wait(pid), 0);
  EXPECT_EQ(Log(), "hello\nmoved\n");
}

TEST_F(UserProgramTest, FoldersAnywhereInTheContainer) {
  Put("ck/old", "from before");
  spec_.checkpoint_uri = "s3://bkt/ck";
  spec_.tensorboard_json =
      R"({"S3OutputPath": "s3://bkt/tb", "LocalPath": "/tmp/logs/tensorboard"})";
  for (const char* path : {"/my/checkpoints", "/root/ck", "/opt/mine/"}) {
    spec_.checkpoint_path = path;
    EXPECT_EQ(RunCommand("set -e; cd " + std::string(path) +
                         "; cat old; echo $PWD > new; echo e > /tmp/logs/tensorboard/events"),
              0)
        << Log();
    std::string where = path;
    if (where.ends_with('/')) where.pop_back();
    EXPECT_EQ(Object("ck/new"), where + "\n");
    EXPECT_EQ(Object("tb/j/tensorboard-output/events"), "e\n");
    EXPECT_FALSE(fs::exists(job_dir() / "outside"));
  }
  spec_.python.folders = {"/opt/venv"};
  spec_.checkpoint_path = "/opt/venv/checkpoints";
  EXPECT_EQ(RunCommand("true"), 1);
  EXPECT_THAT(End().detail, HasSubstr("lies in the folders of the job's Python"));
}

TEST_F(UserProgramTest, JobsOfAWarmPoolShareAFolder) {
  spec_.cache = (home() / "pools/p").string();
  const std::string script =
      "cd $SAGEMAKER_MANAGED_WARMPOOL_CACHE_DIRECTORY; pwd; cat kept; echo first > kept; "
      "echo $PIP_CACHE_DIR; ls /opt/ml/model";
  for (int i = 0; i < 2; ++i) RunCommand(script + " 2>/dev/null");
  EXPECT_THAT(Log(), HasSubstr("first\n"));
  EXPECT_THAT(Log(), HasSubstr("/opt/ml/sagemaker/warmpoolcache/pip\n"));
  EXPECT_EQ(ReadFile(home() / "pools/p/kept", 100).value_or(""), "first\n");
  spec_.cache.clear();
  spec_.log_stream = "j/none";
  EXPECT_EQ(RunCommand("echo \"[$SAGEMAKER_MANAGED_WARMPOOL_CACHE_DIRECTORY]\""), 0);
  EXPECT_EQ(Log(), "[]\n");
}

TEST_F(UserProgramTest, ThatCannotBeStartedSaysWhy) {
  for (const auto& [program, why] : {std::pair("/no/such", "No such file or directory"),
                                     std::pair("/tmp", "Permission denied")}) {
    spec_.entrypoint = {program};
    EXPECT_NE(Wait(StartProgram()), 0);
    EXPECT_EQ(End().detail, std::string("cannot run ") + program + ": " + why);
  }
}

TEST_F(UserProgramTest, WhatItLeftInPlaceOfAFolderIsNamedAsItSeesIt) {
  EXPECT_EQ(RunCommand("rm -rf /opt/ml/model; ln -s / /opt/ml/model"), 1);
  EXPECT_EQ(End().detail,
            "ClientError: Artifact upload failed: /opt/ml/model: a symbolic link or a file where a "
            "directory was expected");
  EXPECT_EQ(Log(), End().detail + "\n");  // once
}

TEST_F(UserProgramTest, IsToldWhenTheDiskIsSmallerThanItsVolume) {
  spec_.volume_gb = 1 << 20;
  EXPECT_EQ(RunCommand("true"), 0);
  EXPECT_THAT(Log(), testing::StartsWith("[clary] NOTE: VolumeSizeInGB is 1048576, and the disk"));
}

// What reinforcement learning leaves goes up while it runs.
TEST_F(UserProgramTest, IntermediateOutputIsSeenWhileItRuns) {
  spec_.hyperparameters = {{"sagemaker_s3_output", "\"s3://bkt/rl/\""}};
  const pid_t pid = StartCommand(
      "cd /opt/ml/output/intermediate; mkdir a; echo 1 > a/step; while [ ! -e /opt/ml/go ]; do "
      "sleep 0.01; done; echo 2 > a/last; rm a/step");
  ASSERT_TRUE(WaitFor([&] { return Object("rl/j/output/intermediate/a/step") == "1\n"; }));
  std::ofstream(job_dir() / "work/go") << "";
  EXPECT_EQ(Wait(pid), 0);
  EXPECT_EQ(Object("rl/j/output/intermediate/a/last"), "2\n");
  EXPECT_EQ(Object("rl/j/output/intermediate/a/step"), "1\n");
}

TEST_F(UserProgramTest, RunsInTheFilesOfAContainerImage) {
  if (!CanOverlay(home() / "probe")) GTEST_SKIP() << "this kernel lays no overlays for its users";
  std::ofstream(home() / "make.sh")
      << "set -e; mkdir -p image; cd image; mkdir -p bin etc proc dev tmp root opt/ml work; cp -L "
         "$(command -v bash) bin/; for f in $(ldd bin/bash | grep -o '/[^ ]*'); do mkdir -p "
         ".$(dirname $f); cp -L $f .$f; done; echo as it was > work/file\n";
  ASSERT_EQ(std::system(("cd " + home().string() + " && bash make.sh").c_str()), 0);
  spec_.python = {.environment = "image my/image:1"};
  spec_.python.container = {.root = (home() / "image").string(),
                            .environment = {"PATH=/bin", "OWN=its own", "AWS_REGION=elsewhere"},
                            .directory = "/work"};
  EXPECT_EQ(
      RunCommand("echo $PWD $PATH $OWN $AWS_REGION $HOSTNAME; [ -e /usr/bin/env ] && echo host; "
                 "[[ $(</etc/hosts) == *algo-1* ]] || echo no hosts; echo mine > /bin/new; "
                 "echo more >> file; [ -s /opt/ml/input/data/train/train.csv ] || echo no data; "
                 "echo x > /tmp/x; echo x > /root/x; echo m > /opt/ml/model/m"),
      0)
      << Log();
  EXPECT_EQ(Log(), "[clary] Container image my/image:1\n/work /bin its own us-east-1 algo-1\n");
  EXPECT_EQ(Unpack("out/j/output/model.tar.gz"), "./m m\n");
  // What it changed was its own.
  EXPECT_FALSE(fs::exists(home() / "image/bin/new"));
  EXPECT_EQ(ReadFile(home() / "image/work/file", 100).value_or(""), "as it was\n");
  EXPECT_TRUE(fs::is_empty(home() / "image/tmp"));
  EXPECT_FALSE(fs::exists(job_dir() / "overlays"));
  spec_.checkpoint_uri = "s3://bkt/ck";
  spec_.checkpoint_path = "/led/away";
  fs::create_directory_symlink("/etc", home() / "image/led");
  EXPECT_EQ(RunCommand("true"), 1);
  EXPECT_THAT(End().detail, HasSubstr("leads over a link of the container image"));
}

// Each line that a program can get through is a fault of the sandbox.
TEST_F(UserProgramTest, CannotReachWhatIsNotItsOwn) {
  std::ofstream(home() / "credentials.json") << "key";
  ASSERT_TRUE(MakeDirectories(home() / "jobs/other/work").has_value());
  std::ofstream(home() / "jobs/other/work/model") << "theirs";
  const std::string state = home().string();
  const std::string pid = std::to_string(::getpid());
  EXPECT_EQ(
      RunCommand("for f in " + state + "/credentials.json " + state + "/objects " + state +
                 "/jobs/other/work/model " + job_dir().string() +
                 "/job.json /home /var/lib /etc/shadow /boot /sys/kernel; do [ -e $f ] && echo "
                 "sees $f; done; kill -0 " +
                 pid + " 2>/dev/null && echo signals; [ -e /proc/" + pid +
                 " ] && echo sees processes; for f in /proc/sys/kernel/core_pattern "
                 "/proc/sys/kernel/hostname /proc/sysrq-trigger /proc/irq/default_smp_affinity; do "
                 "(echo x > $f) 2>/dev/null && echo writes $f; done; find /proc/sys -type f "
                 "-writable | head -1; touch /usr/x /etc/ssl/x 2>/dev/null && echo writes usr; "
                 "mount -t tmpfs t /mnt 2>/dev/null && echo mounts; mount -o remount,rw /usr "
                 "2>/dev/null && echo remounts; grep -h Cap /proc/self/status | grep -v "
                 "0000000000000000; chown 1:1 /opt/ml/model 2>/dev/null && echo chowns; mknod "
                 "/tmp/d b 1 1 2>/dev/null && echo makes devices; ls /dev | grep -E "
                 "'^(vd|sd|nvme|mem|kmsg)'; true"),
      0);
  EXPECT_EQ(Log(), "");
}

TEST_F(UserProgramTest, NothingOfItOutlivesTheJob) {
  EXPECT_EQ(
      RunCommand(
          "cd /opt/ml/model; (setsid nohup sh -c 'while :; do date +%s%N > "
          "/opt/ml/alive; sleep 0.01; done' > /dev/null 2>&1 < /dev/null &) ; while [ "
          "! -s /opt/ml/alive ]; do sleep 0.01; done; echo m > m; pgrep -c sleep >/dev/null; true"),
      0);
  EXPECT_EQ(Unpack("out/j/output/model.tar.gz"), "./m m\n");
  EXPECT_FALSE(fs::exists(job_dir() / "work"));  // which somebody who still wrote would bring back
}

TEST_F(UserProgramTest, WithoutASandboxItDoesNotRun) {
  options_.sandbox = false;
  EXPECT_EQ(RunCommand("echo ran"), 1);
  EXPECT_THAT(End().detail, testing::StartsWith("InternalServerError: programs of users run in a "
                                                "sandbox only"));
  EXPECT_THAT(Log(), Not(HasSubstr("ran\n")));
}

TEST_F(UserProgramTest, SigtermReachesEveryProcess) {
  const pid_t pid = StartCommand(
      "trap : TERM; sh -c 'trap \"echo child > /opt/ml/model/child; exit 0\" TERM; echo up; while "
      ":; do sleep "
      "0.01; done' & wait; wait; exit 0");
  ASSERT_TRUE(WaitFor([&] { return Log() == "up\n"; })) << Log();
  ::kill(pid, SIGTERM);
  Wait(pid);
  EXPECT_EQ(Unpack("out/j/output/model.tar.gz"), "./child child\n");
}

// ---- hostile programs ----

TEST_F(UserProgramTest, LargeInputsAreOverlaysThatItMayChange) {
  if (!CanOverlay(home() / "probe")) GTEST_SKIP() << "this kernel lays no overlays for its users";
  const std::string big(40 << 20, 'x');
  Put("big/data.bin", big);
  Put("big/sub/other", "o\n");
  const fs::path blob = *store_->BlobPath({"bkt", "big/data.bin"});
  spec_.channels.push_back({.name = "big", .s3_uri = "s3://bkt/big/"});
  EXPECT_EQ(RunCommand("set -e; cd /opt/ml/input/data/big; stat -c %s data.bin; grep -c ' "
                       "/opt/ml/input/data/big overlay ' /proc/mounts; cat sub/other; chmod 777 "
                       "data.bin; truncate -s 3 data.bin; cat data.bin; echo; rm sub/other; mkdir "
                       "new; mv data.bin new/; ls; rm -rf sub new; ls | wc -l"),
            0)
      << Log();
  EXPECT_EQ(Log(), "41943040\n1\no\nxxx\nnew\nsub\n0\n");
  EXPECT_EQ(fs::file_size(blob), big.size());
  EXPECT_EQ(*ReadFile(blob, big.size()), big);
  EXPECT_EQ(Object("big/sub/other"), "o\n");
  EXPECT_FALSE(fs::exists(job_dir() / "overlays"));
}

TEST_F(UserProgramTest, AFloodOfOutputKeepsItsOrderUpToTheLimit) {
  options_.log_limit = 1 << 20;
  EXPECT_EQ(RunCommand("seq 1 2000000; echo m > /opt/ml/model/m"), 0);
  const std::vector<std::string> lines = AllLines();
  ASSERT_FALSE(lines.empty());
  size_t bytes = 0;
  const size_t last = lines.size() - 1;
  for (size_t i = 0; i < last; ++i) {
    ASSERT_EQ(lines[i], std::to_string(i + 1));
    bytes += lines[i].size() + 1;
  }
  EXPECT_GT(bytes, options_.log_limit);
  EXPECT_LT(bytes, options_.log_limit + 100);
  EXPECT_THAT(lines[last],
              testing::StartsWith("[clary] WARNING: the program has printed more than 1048576"));
  EXPECT_EQ(Unpack("out/j/output/model.tar.gz"), "./m m\n");
}

TEST_F(UserProgramTest, BinaryAndEndlessLines) {
  EXPECT_EQ(RunCommand("head -c 1000000 /dev/urandom; head -c 2000000 /dev/zero | tr '\\0' y; "
                       "printf '\\0\\377\\n'; echo done"),
            0);
  const std::vector<std::string> lines = AllLines();
  ASSERT_FALSE(lines.empty());
  EXPECT_EQ(lines.back(), "done");
}

TEST_F(UserProgramTest, MayCloseItsOutputAndGoOn) {
  EXPECT_EQ(RunCommand("echo said; exec >&- 2>&-; for i in 1 2 3; do sleep 0.02; done; echo m > "
                       "/opt/ml/model/m"),
            0);
  EXPECT_EQ(Log(), "said\n");
  EXPECT_EQ(Unpack("out/j/output/model.tar.gz"), "./m m\n");
}

TEST_F(UserProgramTest, ThatIgnoresSigtermWithAllItsChildrenIsKilled) {
  options_.grace = std::chrono::milliseconds(50);
  const pid_t pid = StartCommand(
      "trap '' TERM; (while :; do sleep 0.01; done) & echo part > /opt/ml/model/m; echo up; while "
      ":; do sleep 0.01; done");
  ASSERT_TRUE(WaitFor([&] { return Log() == "up\n"; }));
  ::kill(pid, SIGTERM);
  EXPECT_EQ(Wait(pid), 128 + SIGKILL);
  EXPECT_EQ(Unpack("out/j/output/model.tar.gz"), "./m part\n");
}

TEST_F(UserProgramTest, WhatItLeavesIsRemovedWhateverItIs) {
  EXPECT_EQ(RunCommand("cd /opt/ml; for i in $(seq 1 300); do mkdir deep; cd deep; done; touch f; "
                       "chmod 0 f .; cd /opt/ml/input; mkdir -p a/b/c; chmod 0 a/b a; mkfifo pipe; "
                       "ln -s /opt/ml/input loop; cd /root; mkdir x; chmod 0 x; cd /tmp; mkdir y; "
                       "chmod 0 y; chmod 0 /opt/ml/input/data /opt/ml/code"),
            0)
      << Log();
  for (const char* folder : {"work", "tmp", "home", "python", "overlays"}) {
    EXPECT_FALSE(fs::exists(job_dir() / folder)) << folder;
  }
}

TEST_F(UserProgramTest, ThatForksAwayIsEndedAndSaysSo) {
  options_.max_processes = 60;
  EXPECT_EQ(RunCommand("for i in $(seq 200); do (sleep 1000 & sleep 1000 & wait) & done; wait"), 1);
  EXPECT_EQ(End().detail,
            "ClientError: the job has started more than 60 processes and threads and was ended");
  options_.max_processes = 200;
  EXPECT_EQ(RunCommand("for i in $(seq 30); do sleep 0.4 & done; wait"), 0);
}

void WriteTo(const char* path, const std::string& text) {
  const Fd fd(::open(path, O_WRONLY));
  EXPECT_TRUE(WriteAll(fd.get(), text).has_value()) << path;
}

TEST_F(UserProgramTest, ThatFillsTheDiskIsEndedAndSaysSo) {
  before_ = [this] {
    // A small disk of this job alone.
    const std::string uid = std::to_string(::geteuid());
    const std::string gid = std::to_string(::getegid());
    EXPECT_EQ(::unshare(CLONE_NEWUSER | CLONE_NEWNS), 0);
    WriteTo("/proc/self/setgroups", "deny");
    WriteTo("/proc/self/uid_map", uid + " " + uid + " 1");
    WriteTo("/proc/self/gid_map", gid + " " + gid + " 1");
    EXPECT_EQ(::mount("small", job_dir().c_str(), "tmpfs", 0, "size=64m"), 0);
  };
  EXPECT_EQ(RunCommand("dd if=/dev/zero of=/opt/ml/fill bs=1M; sleep 100"), 1) << Log();
  EXPECT_THAT(Log(), HasSubstr("ClientError: the job has filled the disk"));
}

TEST_F(UserProgramTest, ThatOutgrowsItsVolumeIsEndedAndSaysSo) {
  options_.volume_unit = 4 << 20;
  spec_.volume_gb = 2;
  EXPECT_EQ(RunCommand("cd /tmp; for i in $(seq 1000); do head -c 1000000 /dev/zero > f$i; done; "
                       "sleep 100"),
            1);
  EXPECT_EQ(End().detail,
            "ClientError: the job has written more than its VolumeSizeInGB (2) holds and was "
            "ended; give it a larger one, or let it write less");
  // What it writes again, or under several names, it keeps once.
  EXPECT_EQ(RunCommand("cd /tmp; for i in $(seq 20); do head -c 3000000 /dev/zero > f; sync; ln f "
                       "name$i; done; for i in $(seq 20); do head -c 4000000 /dev/zero > g; rm g; "
                       "done"),
            0)
      << End().detail;
}

// Its memory is the kernel's to give; this one asks for more than it may have.
TEST_F(UserProgramTest, WithoutMemoryItFailsWithTheCause) {
  if (::access("/usr/bin/python3", X_OK) != 0) GTEST_SKIP() << "there is no python3";
  spec_.memory_bytes = 256 << 20;
  EXPECT_EQ(RunCommand("python3 -c 'x = bytearray(1 << 30)'"), 1);
  EXPECT_EQ(End().detail, "MemoryError");
}

}  // namespace clary::runner
