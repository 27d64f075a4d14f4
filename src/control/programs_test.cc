// Stories of training jobs that run a program of their user's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <map>
#include <thread>

#include "base/file.h"
#include "control/internal/trash.h"
#include "control/testing/world.h"

namespace clary::control {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

constexpr char kSklearn[] =
    "1.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3";
constexpr char kXgboost[] = "1.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1";

// A world with Pythons for scikit-learn, and one for what is run as a command; and with keys, which
// it counts.
class ProgramWorld : public World {
 public:
  ProgramWorld() : World(64) {
    options.find_python = [](const std::string& image,
                             const std::string& version) -> Result<api::PythonSpec> {
      if (image == kSklearn) {
        return api::PythonSpec{.environment = "sklearn:1.2-1",
                               .interpreter = "/venv/bin/python",
                               .folders = {"/venv"},
                               .framework = "sklearn",
                               .notes = {"scikit-learn 1.2.2 instead of 1.2.1"}};
      }
      if (image.contains("pytorch") || version == "3.8") {
        return Fail(Code::kInvalidArgument, "ValidationException",
                    "no Python " + version + ": " + image);
      }
      return api::PythonSpec{.environment = "default", .interpreter = "/usr/bin/python3"};
    };
    options.lend_keys = [this](const std::string& arn, const std::string& role,
                               Duration lifetime) -> Result<api::JobCredentials> {
      lent.push_back(role + " " + std::to_string(lifetime.count() / 1000));
      ++keys[arn];
      return api::JobCredentials{
          .access_key_id = "ASIAJOB", .secret_access_key = "secret", .session_token = "token"};
    };
    options.take_back_keys = [this](const std::string& arn) {
      keys.erase(arn);
      return Status();
    };
    options.endpoint = "http://127.0.0.1:8460";
    Put("code/sourcedir.tar.gz", "code");
    Restart();
  }

  static json Script(const std::string& name, const std::string& image = kSklearn) {
    json request = Request(name);
    request["AlgorithmSpecification"]["TrainingImage"] = image;
    request["HyperParameters"] = {
        {"sagemaker_program", "\"train.py\""},
        {"sagemaker_submit_directory", "\"s3://bkt/code/sourcedir.tar.gz\""},
        {"quoted", "\"it's \\\"q\\\"\""},
        {"none", "null"}};
    return request;
  }
  static json Command(const std::string& name) {
    json request = Request(name);
    request["AlgorithmSpecification"] = {{"TrainingImage", "1.dkr/my-image:latest"},
                                         {"TrainingInputMode", "File"},
                                         {"ContainerEntrypoint", {"/bin/bash"}},
                                         {"ContainerArguments", {"-c", "echo hello; exit 3"}}};
    return request;
  }
  std::string RefusedAs(const std::function<void(json& request)>& change) {
    json request = Script("refused");
    change(request);
    return Refusal("CreateTrainingJob", request);
  }

  std::vector<std::string> lent;    // role and seconds, in order
  std::map<std::string, int> keys;  // by job, that work
};

TEST(UserProgram, AScriptIsToldWithItsPythonAndKeys) {
  ProgramWorld w;
  json request = ProgramWorld::Script("j");
  request["Environment"] = {{"A", "line\nbreak"}};
  w.Create(request);
  w.service->Reconcile();
  const api::JobSpec spec = w.Spec("j");
  EXPECT_EQ(spec.contract, "training");
  EXPECT_EQ(spec.program, "script");
  EXPECT_EQ(spec.image, kSklearn);
  EXPECT_EQ(spec.image_version, "");
  EXPECT_EQ(spec.python.interpreter, "/venv/bin/python");
  EXPECT_THAT(spec.python.notes, ElementsAre("scikit-learn 1.2.2 instead of 1.2.1"));
  EXPECT_EQ(spec.hyperparameters.at("quoted"), "\"it's \\\"q\\\"\"");
  EXPECT_EQ(spec.hyperparameters.at("none"), "null");
  EXPECT_EQ(spec.environment.at("A"), "line\nbreak");
  EXPECT_EQ(spec.network, "clary");
  EXPECT_EQ(spec.endpoint, "http://127.0.0.1:8460");
  EXPECT_EQ(spec.credentials.access_key_id, "ASIAJOB");
  // The job may run for 60 s; its keys work for an hour more.
  EXPECT_THAT(w.lent, ElementsAre("arn:aws:iam::123456789012:role/R 3660"));
  const json d = w.Describe("j");
  EXPECT_EQ(d["HyperParameters"], request["HyperParameters"]);
  EXPECT_EQ(d["AlgorithmSpecification"]["TrainingImage"], kSklearn);
}

TEST(UserProgram, HyperparametersKeepTheirOrder) {
  ProgramWorld w;
  json request = ProgramWorld::Command("ordered");
  request["HyperParameters"] = {{"a", "1"}, {"b", "2"}, {"c", "3"}};
  std::string text = request.dump();
  const std::string sorted = R"({"a":"1","b":"2","c":"3"})";
  text.replace(text.find(sorted), sorted.size(), R"({"c":"3","a":"1","b":"2"})");
  ASSERT_TRUE(w.service->Call("CreateTrainingJob", text).has_value());
  w.Restart();
  w.service->Reconcile();
  EXPECT_THAT(w.Spec("ordered").hyperparameter_order, ElementsAre("c", "a", "b"));
  w.Create(ProgramWorld::Command("plain"));
  w.service->Reconcile();
  EXPECT_THAT(w.Spec("plain").hyperparameter_order, IsEmpty());
}

TEST(UserProgram, ACommandRunsAsItStands) {
  ProgramWorld w;
  w.Create(ProgramWorld::Command("j"));
  w.service->Reconcile();
  const api::JobSpec spec = w.Spec("j");
  EXPECT_EQ(spec.program, "command");
  EXPECT_THAT(spec.entrypoint, ElementsAre("/bin/bash"));
  EXPECT_THAT(spec.arguments, ElementsAre("-c", "echo hello; exit 3"));
  EXPECT_EQ(spec.python.environment, "default");
  const json d = w.Describe("j");
  EXPECT_EQ(d["AlgorithmSpecification"]["ContainerArguments"], json({"-c", "echo hello; exit 3"}));
}

// The image's own program is only for requests that bring none.
TEST(UserProgram, TheRequestDecidesNotTheImage) {
  ProgramWorld w;
  w.Create("builtin");
  json script = ProgramWorld::Script("script", kXgboost);
  w.options.find_python = nullptr;
  w.Restart();
  w.Create(script);
  json by_environment = World::Request("by-environment");
  by_environment["Environment"] = {
      {"SAGEMAKER_PROGRAM", "t.py"},
      {"SAGEMAKER_SUBMIT_DIRECTORY", "s3://bkt/code/sourcedir.tar.gz"}};
  w.Create(by_environment);
  json both = ProgramWorld::Script("both", kXgboost);
  both["AlgorithmSpecification"]["ContainerEntrypoint"] = {"/bin/true"};
  w.Create(both);
  for (const char* name : {"builtin", "script", "by-environment", "both"}) {
    w.RunToEnd(name);
    EXPECT_EQ(w.StatusOf(name), "Completed/Completed") << name;
  }
  EXPECT_EQ(w.Spec("builtin").program, "xgboost");
  EXPECT_EQ(w.Spec("builtin").image_version, "1.7-1");
  EXPECT_EQ(w.Spec("script").program, "script");
  EXPECT_EQ(w.Spec("by-environment").program, "script");
  EXPECT_EQ(w.Spec("both").program, "command");
}

TEST(UserProgram, KeysEndBeforeTheJobIsSeenToEnd) {
  ProgramWorld w;
  w.Create("builtin");
  w.RunToEnd("builtin");
  EXPECT_EQ(w.lent.size(), 0u);  // our own program needs none
  w.Create(ProgramWorld::Script("good"));
  w.service->Reconcile();
  const std::string arn = w.Describe("good")["TrainingJobArn"];
  EXPECT_EQ(w.keys[arn], 1);
  w.RunToEnd("good");
  EXPECT_EQ(w.StatusOf("good"), "Completed/Completed");
  EXPECT_FALSE(w.keys.contains(arn));

  w.Create(ProgramWorld::Script("lost"));
  w.service->Reconcile();
  EXPECT_EQ(w.keys.size(), 1u);
  w.executor.Exit(w.Key("lost"), 137);
  w.service->Reconcile();
  EXPECT_EQ(w.StatusOf("lost"), "Failed/Failed");
  EXPECT_EQ(w.keys.size(), 0u);
}

TEST(UserProgram, WithoutNetworkThereAreNoKeys) {
  ProgramWorld w;
  json isolated = ProgramWorld::Script("isolated");
  isolated["EnableNetworkIsolation"] = true;
  w.Create(isolated);
  w.service->Reconcile();
  EXPECT_TRUE(w.Spec("isolated").network_isolation);
  EXPECT_EQ(w.Spec("isolated").credentials.access_key_id, "");
  w.options.job_network = "none";
  w.Restart();
  w.Create(ProgramWorld::Script("none"));
  w.service->Reconcile();
  EXPECT_EQ(w.Spec("none").network, "none");
  EXPECT_EQ(w.Spec("none").credentials.access_key_id, "");
  EXPECT_EQ(w.Spec("none").endpoint, "");
  EXPECT_TRUE(w.lent.empty());
}

// An environment may go while the job waits for its turn.
TEST(UserProgram, FailsAsItsUsersFaultIfItsPythonIsGone) {
  ProgramWorld w;
  w.Create(ProgramWorld::Script("j"));
  w.options.find_python = [](const std::string&, const std::string&) -> Result<api::PythonSpec> {
    return Fail(Code::kInvalidArgument, "ValidationException", "no Python any more");
  };
  w.Restart();
  w.service->Reconcile();
  EXPECT_EQ(w.StatusOf("j"), "Failed/Failed");
  EXPECT_EQ(w.Describe("j")["FailureReason"], "ClientError: no Python any more");
}

// --- Starting again, spot and warm pools.

TEST(StartAgain, AfterInternalErrorsAsOftenAsTheRetryStrategySays) {
  ProgramWorld w;
  json request = ProgramWorld::Script("j");
  request["RetryStrategy"] = {{"MaximumRetryAttempts", 1}};
  w.Create(request);
  w.service->Reconcile();
  const std::string first = w.Key("j");
  w.Phase("j", "Training");
  w.service->Reconcile();
  const std::string stream = w.Spec("j").log_stream;
  w.clock.Advance(seconds(5));
  w.executor.Exit(first, 1);
  w.service->Reconcile();
  EXPECT_EQ(w.StatusOf("j"), "InProgress/Starting");
  EXPECT_TRUE(w.keys.empty());
  w.Restart();
  w.service->Reconcile();
  EXPECT_NE(w.Key("j"), first);
  EXPECT_EQ(w.Spec("j").log_stream, stream);
  EXPECT_EQ(w.keys.size(), 1u);
  w.Phase("j", "Training");
  w.clock.Advance(seconds(3));
  w.Event("j", {.kind = api::JobEvent::Kind::kEnd,
                .detail = "InternalServerError: the disk is full",
                .exit_code = 1});
  w.executor.Exit(w.Key("j"), 0);
  w.service->Reconcile();
  EXPECT_EQ(w.StatusOf("j"), "Failed/Failed");
  EXPECT_EQ(w.Describe("j")["FailureReason"], "InternalServerError: the disk is full");
  EXPECT_EQ(w.Describe("j")["TrainingTimeInSeconds"], 8);  // of both
}

TEST(UserProgram, WhatAKilledRunnerLeavesIsRemoved) {
  ProgramWorld w;
  w.Create(ProgramWorld::Script("killed"));
  w.service->Reconcile();
  w.Phase("killed", "Training");
  for (const char* folder : {"work/model", "tmp", "overlays/0/upper"}) {
    ASSERT_TRUE(MakeDirectories(w.JobDir("killed") / folder));
    std::ofstream(w.JobDir("killed") / folder / "file") << "rest";
  }
  const auto path = w.JobDir("killed") / api::kRunnerLock;
  auto dying = FileLock::Acquire(path);
  ASSERT_TRUE(dying);
  w.executor.Exit(w.Key("killed"), 137);
  w.service->Reconcile();
  w.service->Reconcile();
  EXPECT_EQ(w.StatusOf("killed"), "Failed/Failed");
  EXPECT_TRUE(std::filesystem::exists(w.JobDir("killed") / "work/model/file"));
  dying = Fail(Code::kCancelled, "Dead", "");
  w.service->Reconcile();
  for (const char* folder : {"work", "tmp", "overlays"}) {
    EXPECT_FALSE(std::filesystem::exists(w.JobDir("killed") / folder)) << folder;
  }
  EXPECT_TRUE(std::filesystem::exists(w.JobDir("killed") / "job.json"));
}

TEST(Trash, EmptiesItselfOfWhateverThereIs) {
  const TempDir dir = *TempDir::Make();
  const std::string make =
      "cd " + dir.path().string() +
      " && mkdir -p jobs gone/a/b other && cd gone && for i in 1 2 3; do mkdir deep && cd deep && "
      "touch f; done && cd " +
      dir.path().string() +
      "/gone && ln -s / link && touch a/b/f && chmod 0 a/b a && chmod 0 ../gone";
  ASSERT_EQ(std::system(make.c_str()), 0);
  Trash trash(dir.path() / "jobs/.trash");
  EXPECT_TRUE(trash.Take(dir.path() / "gone"));
  EXPECT_TRUE(trash.Take(dir.path() / "other"));
  EXPECT_TRUE(trash.Take(dir.path() / "nothing"));
  EXPECT_FALSE(std::filesystem::exists(dir.path() / "gone"));
  while (!std::filesystem::is_empty(dir.path() / "jobs/.trash")) std::this_thread::yield();
  EXPECT_TRUE(std::filesystem::exists("/usr"));
}

TEST(StartAgain, NotForWhatTheProgramDid) {
  ProgramWorld w;
  json request = ProgramWorld::Script("j");
  request["RetryStrategy"] = {{"MaximumRetryAttempts", 5}};
  w.Create(request);
  w.service->Reconcile();
  w.Phase("j", "Training");
  w.End("j", 1, "ValueError: bad");
  w.service->Reconcile();
  EXPECT_EQ(w.Describe("j")["FailureReason"], "AlgorithmError: ValueError: bad, exit code: 1");
  EXPECT_EQ(w.executor.launches().size(), 1u);
}

TEST(StartAgain, ASpotJobIsInterruptedWhenItsMachineGoes) {
  ProgramWorld w;
  json request = ProgramWorld::Script("j");
  request["EnableManagedSpotTraining"] = true;
  request["StoppingCondition"] = {{"MaxRuntimeInSeconds", 60}, {"MaxWaitTimeInSeconds", 90}};
  w.Create(request);
  w.service->Reconcile();
  w.Phase("j", "Training");
  w.service->Reconcile();
  w.clock.Advance(seconds(40));
  w.executor.Lose(w.Key("j"));
  w.service->Reconcile();
  EXPECT_EQ(w.StatusOf("j"), "InProgress/Starting");
  EXPECT_EQ(w.History("j")[2],
            "Interrupted: The job's machine was lost; the job starts again from "
            "its checkpoints");
  w.service->Reconcile();
  w.Phase("j", "Training");
  w.service->Reconcile();
  w.clock.Advance(seconds(21));  // 61 s in both
  w.service->Reconcile();
  EXPECT_EQ(w.StatusOf("j"), "Stopping/Stopping");
  w.End("j", 0);
  w.executor.Exit(w.Key("j"), 0);
  w.service->Reconcile();
  EXPECT_EQ(w.StatusOf("j"), "Stopped/MaxRuntimeExceeded");
  EXPECT_EQ(w.Describe("j")["BillableTimeInSeconds"], 61);
  EXPECT_EQ(w.service->Reconcile(), 0u);

  // Waiting counts, too.
  request["TrainingJobName"] = "w";
  w.Create(request);
  w.service->Reconcile();
  w.clock.Advance(seconds(50));
  w.Phase("w", "Training");
  w.service->Reconcile();
  w.clock.Advance(seconds(41));
  w.service->Reconcile();
  w.End("w", 0);
  w.executor.Exit(w.Key("w"), 0);
  w.service->Reconcile();
  EXPECT_EQ(w.StatusOf("w"), "Stopped/MaxWaitTimeExceeded");
}

json Warm(const std::string& name, int keep_alive) {
  json request = ProgramWorld::Script(name);
  request["ResourceConfig"]["KeepAlivePeriodInSeconds"] = keep_alive;
  return request;
}

std::vector<std::string> InPool(World& w, const char* status) {
  std::vector<std::string> names;
  const json found = *w.Call("ListTrainingJobs", {{"WarmPoolStatusEquals", status}});
  for (const json& job : found["TrainingJobSummaries"]) names.push_back(job["TrainingJobName"]);
  return names;
}

TEST(WarmPool, IsTakenOverByTheNextJobThatFits) {
  ProgramWorld w;
  w.Create(Warm("a", 600));
  EXPECT_EQ(w.Describe("a")["WarmPoolStatus"], json({{"Status", "InUse"}}));
  w.RunToEnd("a");
  w.clock.Advance(seconds(10));
  EXPECT_EQ(w.Describe("a")["WarmPoolStatus"]["Status"], "Available");
  EXPECT_GE(w.Describe("a")["WarmPoolStatus"]["ResourceRetainedBillableTimeInSeconds"], 10);
  EXPECT_THAT(InPool(w, "Available"), ElementsAre("a"));

  json other = Warm("other", 600);
  other["ResourceConfig"]["VolumeSizeInGB"] = 6;
  w.Create(other);
  EXPECT_EQ(w.Describe("a")["WarmPoolStatus"]["Status"], "Available");
  w.Create(Warm("b", 600));
  EXPECT_EQ(w.Describe("a")["WarmPoolStatus"]["Status"], "Reused");
  EXPECT_EQ(w.Describe("a")["WarmPoolStatus"]["ReusedByJob"], "b");
  EXPECT_THAT(InPool(w, "InUse"), UnorderedElementsAre("other", "b"));
  w.Restart();
  EXPECT_THAT(InPool(w, "Reused"), ElementsAre("a"));
  w.RunToEnd("b");
  EXPECT_EQ(w.Describe("b")["WarmPoolStatus"]["Status"], "Available");
  EXPECT_FALSE(w.Describe("a")["WarmPoolStatus"]["ReusedByJob"].is_null());
}

TEST(WarmPool, ItsJobsShareAFolderThatGoesWithIt) {
  ProgramWorld w;
  w.options.pools_directory = w.dir.path() / "pools";
  w.Restart();
  const auto run = [&](const std::string& name) {
    w.Create(Warm(name, 600));
    w.RunToEnd(name);
    const std::string cache = w.Spec(name).cache;
    EXPECT_TRUE(MakeDirectories(cache).has_value());  // as its runner does
    return cache;
  };
  const std::string first = run("a");
  EXPECT_EQ(run("b"), first);
  w.service->Tidy();
  EXPECT_TRUE(std::filesystem::exists(first));
  w.clock.Advance(seconds(700));
  const std::string second = run("c");
  EXPECT_NE(second, first);
  w.service->Tidy();
  EXPECT_FALSE(std::filesystem::exists(first));
  EXPECT_TRUE(std::filesystem::exists(second));
  w.Create("plain");
  w.RunToEnd("plain");
  EXPECT_EQ(w.Spec("plain").cache, "");
}

TEST(WarmPool, EndsWithItsTimeOrWhenItIsGivenUp) {
  ProgramWorld w;
  w.Create(Warm("a", 600));
  w.RunToEnd("a");
  w.clock.Advance(seconds(590));
  EXPECT_EQ(w.Describe("a")["WarmPoolStatus"]["Status"], "Available");
  w.clock.Advance(seconds(20));  // nothing else happens meanwhile
  EXPECT_EQ(w.Describe("a")["WarmPoolStatus"],
            json({{"Status", "Terminated"}, {"ResourceRetainedBillableTimeInSeconds", 600}}));
  EXPECT_THAT(InPool(w, "Terminated"), ElementsAre("a"));
  w.Create(Warm("late", 600));
  EXPECT_EQ(w.Describe("a")["WarmPoolStatus"]["Status"], "Terminated");
  w.RunToEnd("late");
  w.clock.Advance(seconds(30));
  const json zero = {{"TrainingJobName", "late"},
                     {"ResourceConfig", {{"KeepAlivePeriodInSeconds", 0}}}};
  ASSERT_TRUE(w.Call("UpdateTrainingJob", zero));
  w.clock.Advance(seconds(30));
  EXPECT_EQ(w.Describe("late")["WarmPoolStatus"]["Status"], "Terminated");
  EXPECT_LE(w.Describe("late")["WarmPoolStatus"]["ResourceRetainedBillableTimeInSeconds"], 31);
  EXPECT_THAT(w.Refusal("UpdateTrainingJob", zero), HasSubstr("no warm pool"));
}

TEST(WarmPool, IsNotLeftByAnInternalError) {
  ProgramWorld w;
  w.Create(Warm("a", 600));
  w.service->Reconcile();
  w.Phase("a", "Training");
  w.executor.Exit(w.Key("a"), 1);
  w.service->Reconcile();
  EXPECT_EQ(w.Describe("a")["WarmPoolStatus"], json({{"Status", "Terminated"}}));
  w.Create("plain");
  EXPECT_FALSE(w.Describe("plain").contains("WarmPoolStatus"));
}

TEST(UserProgram, RefusesAtCreateWhatCannotRun) {
  ProgramWorld w;
  const auto image = [](const char* name) {
    return [name](json& r) { r["AlgorithmSpecification"]["TrainingImage"] = name; };
  };
  const auto hyperparameter = [](const char* name, const char* value) {
    return [=](json& r) { r["HyperParameters"][name] = value; };
  };
  EXPECT_EQ(w.RefusedAs(image("r/pytorch-training:2.3.0-cpu-py311")),
            "ValidationException: no Python : r/pytorch-training:2.3.0-cpu-py311");
  EXPECT_THAT(w.RefusedAs([](json& r) {
    r["AlgorithmSpecification"]["TrainingImage"] = "r/my-image:latest";
    r["HyperParameters"] = {{"a", "1"}};
  }),
              AllOf(HasSubstr("'r/my-image:latest'"), HasSubstr("ContainerEntrypoint")));
  EXPECT_THAT(
      w.RefusedAs([](json& r) { r["AlgorithmSpecification"]["ContainerArguments"] = {"--x"}; }),
      HasSubstr("without ContainerEntrypoint"));
  EXPECT_EQ(w.RefusedAs(hyperparameter("sagemaker_submit_directory", "\"s3://bkt/code/none.tgz\"")),
            "ValidationException: No S3 object found at \"s3://bkt/code/none.tgz\", which "
            "hyperparameter 'sagemaker_submit_directory' names as the code of the entry point "
            "'train.py'.");
  EXPECT_THAT(w.RefusedAs(hyperparameter("sagemaker_submit_directory", "s3://no-bucket/x")),
              HasSubstr("s3://no-bucket/x"));
  EXPECT_THAT(
      w.RefusedAs([](json& r) { r["HyperParameters"].erase("sagemaker_submit_directory"); }),
      HasSubstr("'sagemaker_submit_directory'"));
  EXPECT_THAT(w.RefusedAs(hyperparameter("sagemaker_submit_directory",
                                         "/opt/ml/input/data/code/sourcedir.tar.gz")),
              HasSubstr("no channel 'code'"));
  for (const char* bad : {"../train.py", "a/../../b.py", "/etc/x.py", "t;rm.py", ""}) {
    EXPECT_THAT(w.RefusedAs(hyperparameter("sagemaker_program", bad)),
                HasSubstr("ValidationException: "))
        << bad;
  }
  EXPECT_THAT(w.RefusedAs(hyperparameter("sagemaker_distributed_dataparallel_enabled", "true")),
              HasSubstr("smdistributed"));
  EXPECT_THAT(w.RefusedAs(hyperparameter("mp_parameters", "{}")), HasSubstr("smdistributed"));
  json mpi = ProgramWorld::Script("mpi");
  mpi["HyperParameters"]["sagemaker_mpi_enabled"] = "true";
  EXPECT_EQ(w.Refusal("CreateTrainingJob", mpi), "accepted");
  // A function of @remote is unpickled by the Python that has pickled it.
  json remote = ProgramWorld::Command("remote");
  remote["AlgorithmSpecification"]["ContainerArguments"] = {"--client_python_version", "3.8"};
  EXPECT_EQ(w.Refusal("CreateTrainingJob", remote),
            "ValidationException: no Python 3.8: 1.dkr/my-image:latest");
  EXPECT_THAT(w.RefusedAs(hyperparameter("sagemaker_s3_output", "\"s3://no-bucket/x\"")),
              HasSubstr("'sagemaker_s3_output'"));
  EXPECT_THAT(w.RefusedAs([](json& r) { r["CheckpointConfig"] = {{"S3Uri", "s3://no-bucket/x"}}; }),
              HasSubstr("CheckpointConfig.S3Uri"));
  for (const char* path : {"relative", "/", "/opt/ml/../../etc"}) {
    EXPECT_THAT(w.RefusedAs([&](json& r) {
      r["CheckpointConfig"] = {{"S3Uri", "s3://bkt/x"}, {"LocalPath", path}};
    }),
                HasSubstr("CheckpointConfig.LocalPath"))
        << path;
  }
  EXPECT_THAT(w.RefusedAs([](json& r) {
    for (int i = 0; i < 1000; ++i) r["HyperParameters"]["h" + std::to_string(i)] = "1";
  }),
              AllOf(HasSubstr("ValidationException: "), HasSubstr("hyperParameters")));
  std::string text = ProgramWorld::Script("bytes").dump();
  text.insert(1, "\"Environment\": {\"A\": \"\xff\xfe\"}, ");
  EXPECT_EQ(w.service->Call("CreateTrainingJob", text).error().reason, "SerializationException");
  for (const char* path : {"/", "/etc/x", "relative"}) {
    EXPECT_THAT(w.RefusedAs([&](json& r) {
      r["TensorBoardOutputConfig"] = {{"S3OutputPath", "s3://bkt/x"}, {"LocalPath", path}};
    }),
                HasSubstr("TensorBoardOutputConfig.LocalPath"))
        << path;
  }
  EXPECT_THAT(
      w.RefusedAs([](json& r) { r["OutputDataConfig"]["S3OutputPath"] = "s3://no-bucket/x"; }),
      HasSubstr("\"no-bucket\" of OutputDataConfig.S3OutputPath does not exist"));
  EXPECT_EQ(w.RefusedAs(hyperparameter("sagemaker_parameter_server_enabled", "false")), "accepted");
}

}  // namespace
}  // namespace clary::control
