// Whole jobs with real processes.
#include "runner/runner.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <fstream>
#include <thread>

#include "base/file.h"
#include "base/strings.h"
#include "objects/file_store.h"
#include "runner/program.h"
#include "runner/testing/job_world.h"

namespace clary::runner {
namespace fs = std::filesystem;
using namespace std::chrono_literals;
using api::JobEvent;
using testing::HasSubstr;

class RunnerTest : public JobWorld, public testing::TestWithParam<bool> {  // in the sandbox?
 protected:
  void SetUp() override {
    if (GetParam() && !HasSandbox()) GTEST_SKIP() << "bubblewrap is missing or not allowed here";
    options_.sandbox = GetParam();
    MakeWorld();
  }
};

INSTANTIATE_TEST_SUITE_P(Sandbox, RunnerTest, testing::Values(true));
INSTANTIATE_TEST_SUITE_P(Plain, RunnerTest, testing::Values(false));

TEST_P(RunnerTest, AJobFromDownloadToArtifact) {
  spec_.notices = {"VpcConfig: there is none"};
  const int code = RunScript(
      "cd $SAGEMAKER_BASE_DIR; printf 'hello\\tthere\\n'; cat input/data/train/train.csv; "
      "cp input/data/train/train.csv model/copy; mkdir model/sub; echo s > model/sub/s; "
      "echo d > output/data/d");
  EXPECT_EQ(code, 0) << Log();
  EXPECT_EQ(Kinds(), "Downloading Training Uploading artifact end");
  EXPECT_EQ(Log(),
            "[clary] NOTE: not provided on this machine: VpcConfig: there is none\n"
            "hello#011there\n1,2\n0,3\n");
  EXPECT_EQ(Unpack("out/j/output/model.tar.gz"), "./copy 1,2\n0,3\n./sub/s s\n");
  EXPECT_EQ(Unpack("out/j/output/output.tar.gz"), "./d d\n");
  const auto events = Events();
  EXPECT_EQ(events[3].detail, "s3://bkt/out/j/output/model.tar.gz");
  EXPECT_EQ(events[3].etag, store_->Head({"bkt", "out/j/output/model.tar.gz"})->etag);
  EXPECT_FALSE(fs::exists(job_dir() / "work"));
  EXPECT_EQ(Object("in/train.csv"), "1,2\n0,3\n");
}

TEST_P(RunnerTest, AFailingProgramReportsItsFailureFile) {
  const int code = RunScript(
      "cd $SAGEMAKER_BASE_DIR; echo half > model/half; echo broken >&2; "
      "printf 'row 7 is bad' > output/failure; exit 3");
  EXPECT_EQ(code, 3);
  EXPECT_EQ(Kinds(), "Downloading Training Uploading end");
  EXPECT_EQ(End().exit_code, 3);
  EXPECT_EQ(End().detail, "row 7 is bad");
  EXPECT_EQ(Object("out/j/output/model.tar.gz"), "!NoSuchKey");
  EXPECT_EQ(Unpack("out/j/output/output.tar.gz"), "./failure row 7 is bad\n");
  EXPECT_EQ(Log(), "broken\n");
}

TEST_P(RunnerTest, AProgramKilledBySignalOrMissing) {
  EXPECT_EQ(RunScript("kill -SEGV $$"), 128 + SIGSEGV);
  fs::remove(job_dir() / "events.jsonl");
  options_.program = {"/nowhere/prog"};
  EXPECT_NE(Wait(StartProgram()), 0);
  EXPECT_THAT(Log(), HasSubstr("/nowhere/prog"));
}

TEST_P(RunnerTest, ABadChannelFailsBeforeTheProgramRuns) {
  spec_.channels[0].s3_uri = "s3://bkt/nothing-there";
  EXPECT_EQ(RunScript("echo ran"), 1);
  EXPECT_EQ(Kinds(), "Downloading end");
  EXPECT_THAT(End().detail, testing::StartsWith(
                                "ClientError: Data download failed: channel train: no S3 objects"));
  EXPECT_THAT(Log(), HasSubstr("Data download failed"));
  EXPECT_EQ(Log().find("ran\n"), std::string::npos);
}

TEST_P(RunnerTest, PipeChannelsComeThroughFifos) {
  spec_.channels[0].input_mode = "Pipe";
  Put("in/train.csv", std::string(3 << 20, 'x') + "\n");
  const int code = RunScript(
      "cd $SAGEMAKER_BASE_DIR/input/data; head -c 3 train_0; echo; wc -c < train_1; "
      "tail -c 3 train_2");
  EXPECT_EQ(code, 0) << Log();
  EXPECT_EQ(Log(), "xxx\n3145729\nxx\n");
  // A program that wants nothing is not held up.
  fs::remove(job_dir() / "events.jsonl");
  EXPECT_EQ(RunScript("true"), 0);
  fs::remove(job_dir() / "events.jsonl");
  spec_.channels[0].compression = "Gzip";
  EXPECT_EQ(RunScript("cat $SAGEMAKER_BASE_DIR/input/data/train_0 | wc -c"), 1);
  EXPECT_EQ(End().detail,
            "ClientError: Data download failed: channel train: s3://bkt/in/train.csv: the object "
            "is not gzip data, or it is damaged");
}

TEST_P(RunnerTest, AnArtifactThatCannotBeStoredFailsTheJob) {
  spec_.output_uri = "s3://no-such-bucket/out";
  EXPECT_EQ(RunScript("true"), 1);
  EXPECT_THAT(End().detail, testing::StartsWith("ClientError: Artifact upload failed: "));
  EXPECT_EQ(Kinds(), "Downloading Training Uploading end");
}

TEST_P(RunnerTest, SigtermReachesTheProgramAndItsModelIsKept) {
  const pid_t pid = Start(
      "cd $SAGEMAKER_BASE_DIR; trap 'echo saved > model/m; exit 0' TERM; echo up; "
      "while :; do sleep 0.01; done");
  ASSERT_TRUE(WaitFor([&] { return Log() == "up\n"; })) << Log();
  ::kill(pid, SIGTERM);
  EXPECT_EQ(Wait(pid), 0);
  EXPECT_EQ(Unpack("out/j/output/model.tar.gz"), "./m saved\n");
  EXPECT_EQ(Kinds(), "Downloading Training Uploading artifact end");
}

TEST_P(RunnerTest, AProgramThatIgnoresSigtermIsKilledAfterTheGrace) {
  options_.grace = 50ms;
  const pid_t pid = Start(
      "cd $SAGEMAKER_BASE_DIR; trap '' TERM; echo part > model/m; echo up; sleep 1000 & "
      "while :; do sleep 0.01; done");
  ASSERT_TRUE(WaitFor([&] { return Log() == "up\n"; }));
  ::kill(pid, SIGTERM);
  EXPECT_EQ(Wait(pid), 128 + SIGKILL);
  EXPECT_EQ(Unpack("out/j/output/model.tar.gz"), "./m part\n");
}

TEST_P(RunnerTest, AProgramWithoutAHandlerDiesOfSigterm) {
  const pid_t pid = Start("echo up; exec sleep 1000");
  ASSERT_TRUE(WaitFor([&] { return Log() == "up\n"; }));
  ::kill(pid, SIGTERM);
  EXPECT_EQ(Wait(pid), 128 + SIGTERM);
  EXPECT_EQ(Kinds(), "Downloading Training Uploading end") << "it left no model";
}

TEST_P(RunnerTest, KillingTheRunnerKillsTheProgramAndLeavesNoArtifact) {
  const pid_t pid = Start(
      "cd $SAGEMAKER_BASE_DIR; echo m > model/m; echo up; "
      "while :; do date +%s%N > alive; sleep 0.01; done");
  ASSERT_TRUE(WaitFor([&] { return Log() == "up\n"; }));
  ::kill(pid, SIGKILL);
  EXPECT_EQ(Wait(pid), 1000 + SIGKILL);
  // The program is gone when its heart beats no more.
  const fs::path beat = job_dir() / "work/alive";
  EXPECT_TRUE(WaitFor([&] {
    const std::string before = ReadFile(beat, 100).value_or("");
    std::this_thread::sleep_for(100ms);
    return ReadFile(beat, 100).value_or("") == before;
  }));
  EXPECT_EQ(Object("out/j/output/model.tar.gz"), "!NoSuchKey");
  EXPECT_EQ(Kinds(), "Downloading Training ");
}

TEST_P(RunnerTest, KillingTheRunnerAtAnyInstantLeavesWholeArtifactsOrNone) {
  for (int i = 0; i < 25; ++i) {
    spec_.job_name = "k" + std::to_string(i);
    fs::remove(job_dir() / "events.jsonl");
    const pid_t pid =
        Start("cd $SAGEMAKER_BASE_DIR; head -c 300000 /dev/urandom > model/m; echo done");
    std::this_thread::sleep_for(std::chrono::milliseconds(2 * i));
    ::kill(pid, SIGKILL);
    Wait(pid);
    const std::string key = "out/" + spec_.job_name + "/output/model.tar.gz";
    const std::string object = Object(key);
    const bool told = Kinds().find("artifact") != std::string::npos;
    if (object == "!NoSuchKey") {
      EXPECT_FALSE(told) << i;
    } else {
      EXPECT_THAT(Unpack(key), testing::StartsWith("./m ")) << i;
      EXPECT_EQ(fs::file_size(home() / "x/m"), 300'000U) << i;
    }
  }
}

TEST_P(RunnerTest, CheckpointsGoBothWays) {
  Put("ck/old", "from before");
  Put("ck/gone", "too old");
  Put("ckx", "beside");
  spec_.checkpoint_uri = "s3://bkt/ck";
  const pid_t pid = Start(
      "cd $SAGEMAKER_BASE_DIR/checkpoints; cat old; echo one > new; rm gone; echo wait; "
      "while [ ! -e go ]; do sleep 0.01; done; echo two > last; rm new");
  // Uploaded, and removed, while the program is still at work.
  ASSERT_TRUE(WaitFor([&] { return Object("ck/new") == "one\n"; }));
  ASSERT_TRUE(WaitFor([&] { return Object("ck/gone").starts_with('!'); }));
  EXPECT_THAT(Log(), HasSubstr("from before"));
  std::ofstream(job_dir() / "work/checkpoints/go") << "";
  EXPECT_EQ(Wait(pid), 0);
  EXPECT_EQ(Object("ck/last"), "two\n");
  EXPECT_TRUE(Object("ck/new").starts_with('!'));
  EXPECT_EQ(Object("ck/old"), "from before");
  EXPECT_EQ(Object("ckx"), "beside");
}

TEST_P(RunnerTest, OutputsThatAreFollowedHaveAnEndWhateverTheEnd) {
  spec_.debug_hook_json = R"({"S3OutputPath":"s3://bkt/d"})";
  spec_.profiler_json = R"({"S3OutputPath":"s3://bkt/p","ProfilingIntervalInMilliseconds":100})";
  const auto ended = [&] {
    EXPECT_EQ(Object("d/j/debug-output/training_job_end.ts"), "");
    EXPECT_EQ(Object("p/j/profiler-output/framework/training_job_end.ts"), "");
    const std::string collections =
        Object("d/j/debug-output/collections/000000000/worker_0_collections.json");
    (void)store_->Delete({"bkt", "d/j/debug-output/training_job_end.ts"});
    (void)store_->Delete({"bkt", "p/j/profiler-output/framework/training_job_end.ts"});
    return collections;
  };
  // A program that saves nothing still has a trial that can be opened.
  EXPECT_EQ(RunScript("exit 3"), 3);
  EXPECT_EQ(ended(), R"({"collections": {}, "_meta": {"num_workers": 1}})");
  spec_.channels[0].s3_uri = "s3://bkt/none";
  EXPECT_EQ(RunScript("exit 0"), 1);
  ended();
  spec_.channels[0].s3_uri = "s3://bkt/in/train.csv";
  const std::string base = "$SAGEMAKER_BASE_DIR/output/tensors";
  EXPECT_EQ(RunScript("mkdir -p " + base + "/events/1 && echo e > " + base +
                      "/events/1/x.tfevents && sleep 0.3"),
            0);
  ended();
  EXPECT_EQ(Object("d/j/debug-output/events/1/x.tfevents"), "e\n");
  // What the runner itself saw: samples of the program, and the phases of the job.
  std::string samples;
  std::string trace;
  const auto listed = store_->List("bkt", {.prefix = "p/j/profiler-output/"});
  ASSERT_TRUE(listed.has_value());
  for (const auto& object : listed->objects) {
    (object.key.find("/system/") != std::string::npos ? samples : trace) += Object(object.key);
  }
  EXPECT_THAT(samples, HasSubstr("\"Dimension\":\"CPUUtilization\""));
  EXPECT_THAT(trace, HasSubstr("\"name\":\"download\""));
  EXPECT_THAT(trace, HasSubstr("\"name\":\"upload\""));
}

TEST_P(RunnerTest, UncompressedOutputIsATree) {
  spec_.output_compression = "NONE";
  EXPECT_EQ(RunScript("cd $SAGEMAKER_BASE_DIR; mkdir model/a; echo m > model/a/m"), 0);
  EXPECT_EQ(Object("out/j/output/model/a/m"), "m\n");
}

TEST_P(RunnerTest, NoLinkLeadsOutOfTheJob) {
  std::ofstream(home() / "secret") << "secret";
  const std::string secret = (home() / "secret").string();
  EXPECT_EQ(RunScript("cd $SAGEMAKER_BASE_DIR; ln -s " + secret +
                      " model/l; echo m > model/m; "
                      "rm -rf output/data; ln -s " +
                      home().string() + " output/data"),
            1);
  EXPECT_EQ(Unpack("out/j/output/model.tar.gz"), "./m m\n");
  EXPECT_EQ(Object("out/j/output/output.tar.gz"), "!NoSuchKey");
  EXPECT_THAT(Log(), HasSubstr("l is a link"));
  fs::remove(job_dir() / "events.jsonl");
  EXPECT_EQ(RunScript("cd $SAGEMAKER_BASE_DIR; ln -s " + secret + " output/failure; exit 5"), 5);
  EXPECT_EQ(End().detail, "");
}

TEST_P(RunnerTest, TheEnvironmentIsClean) {
  ::setenv("AWS_SECRET_ACCESS_KEY", "leak", 1);
  EXPECT_EQ(RunScript("env"), 0);
  ::unsetenv("AWS_SECRET_ACCESS_KEY");
  EXPECT_EQ(Log().find("AWS_SECRET"), std::string::npos) << Log();
  EXPECT_THAT(Log(), HasSubstr("TRAINING_JOB_NAME=j\n"));
  EXPECT_THAT(Log(), HasSubstr("SM_CHANNEL_TRAIN="));
}

TEST_P(RunnerTest, LimitsHold) {
  spec_.memory_bytes = 64 << 20;
  spec_.cpus = 1;
  const int code = RunScript("nproc; exec dd bs=200000000 count=1 if=/dev/zero of=/dev/null");
  EXPECT_NE(code, 0);
  EXPECT_THAT(Log(), testing::StartsWith("1\n"));
  EXPECT_THAT(Log(), HasSubstr("memory exhausted"));
}

TEST_P(RunnerTest, MuchOutputArrivesWholeAndInOrder) {
  EXPECT_EQ(RunScript("seq 1 20000"), 0);
  const auto page =
      meta::LogStore(spec_.log_root).Read(spec_.log_group, spec_.log_stream, {.max_events = 30000});
  ASSERT_TRUE(page.has_value());
  ASSERT_EQ(page->events.size(), 20000U);
  EXPECT_EQ(page->events[0].message, "1");
  EXPECT_EQ(page->events[19999].message, "20000");
}

class SandboxTest : public RunnerTest {};
INSTANTIATE_TEST_SUITE_P(Sandbox, SandboxTest, testing::Values(true));

TEST_P(SandboxTest, TheHostIsNotVisible) {
  std::ofstream(home() / "secret") << "secret";
  EXPECT_EQ(RunScript("ls -a / /home /root /var 2>&1; cat " + (home() / "secret").string() +
                      " 2>&1; cat /etc/shadow 2>&1; ls /tmp; pwd; hostname; ls /proc | grep -c "
                      "'^[0-9]'; id -u"),
            0);
  const std::string log = Log();
  EXPECT_EQ(log.find("secret\n"), std::string::npos) << log;
  EXPECT_THAT(log, HasSubstr("/etc/shadow: No such file"));
  EXPECT_THAT(log, HasSubstr("cannot access '/home'"));
  EXPECT_THAT(log, HasSubstr("cannot access '/var'"));
  EXPECT_THAT(log, HasSubstr("/opt/ml\nalgo-1\n"));
}

TEST_P(SandboxTest, InputIsReadOnlyAndTheSystemToo) {
  EXPECT_EQ(RunScript("echo x >> /opt/ml/input/data/train/train.csv; rm /opt/ml/input/data/train/*;"
                      "chmod 777 /opt/ml/input/data/train/train.csv; touch /usr/x; "
                      "mount -o remount,rw /opt/ml/input; touch /tmp/fine"),
            0);
  EXPECT_EQ(Object("in/train.csv"), "1,2\n0,3\n");
  EXPECT_THAT(Log(), HasSubstr("Read-only file system"));
}

TEST_P(SandboxTest, NetworkIsolation) {
  spec_.network_isolation = true;
  EXPECT_EQ(RunScript("cut -d: -f1 /proc/net/dev | tail -n +3 | tr -d ' ' | sort; getent ahostsv4 "
                      "localhost | head -1 | cut -d' ' -f1; tail -n +2 /proc/net/route | grep -v "
                      "'^eth0.*00FFFFFF' | wc -l"),
            0);
  EXPECT_EQ(Log(), "eth0\nlo\n127.0.0.1\n0\n");
}

TEST_P(SandboxTest, BwrapItselfDoesNotObeyTheJobsEnvironment) {
  spec_.environment["LD_PRELOAD"] = (home() / "evil.so").string();
  EXPECT_EQ(RunScript("true"), 0);
  // The program's loader complains once or twice, inside; bwrap, outside, would name itself.
  EXPECT_EQ(Log().find("bwrap"), std::string::npos) << Log();
}

TEST_P(SandboxTest, InputsAreTheStoresOwnFiles) {
  EXPECT_EQ(RunScript("stat -c %h /opt/ml/input/data/train/train.csv"), 0);
  EXPECT_EQ(Log(), "2\n");
}

TEST(RunTest, ABadJobDirectoryStillGetsAnEnd) {
  const TempDir temp = *TempDir::Make();
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(runner::Run(temp.path()));
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 1);
  uint64_t offset = 0;
  const auto events = api::ReadEvents(temp.path() / "events.jsonl", &offset);
  ASSERT_TRUE(events.has_value());
  ASSERT_EQ(events->size(), 1U);
  EXPECT_THAT((*events)[0].detail, testing::StartsWith("InternalServerError: "));
}

}  // namespace clary::runner
