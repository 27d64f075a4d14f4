// Whole instances with real processes. The test is the container, too: started with a listening
// socket it serves.
#include "serving/model_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "api/job_spec.h"
#include "base/file.h"
#include "clary/gbdt.h"
#include "meta/log_store.h"
#include "net/client.h"
#include "objects/file_store.h"
#include "runner/artifacts.h"
#include "runner/program.h"
#include "serving/container.h"
#include "serving/local_model.h"

namespace clary::serving {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using api::JobEvent;
using testing::HasSubstr;

const bool kIsContainer = [] {
  if (std::getenv("CLARY_LISTENER") != nullptr) ::_exit(RunXgboostContainer());
  return false;
}();

template <typename Condition>
bool WaitFor(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

class ModelServerTest : public testing::TestWithParam<bool> {  // in the sandbox?
 protected:
  void SetUp() override {
    if (GetParam() && !runner::SandboxProbe::Start(runner::Network::kNone).Wait().empty()) {
      GTEST_SKIP() << "bubblewrap is missing or not allowed here";
    }
    options_.sandbox = GetParam();
    // Longer than the address of a socket.
    directory_ = home() / std::string(120, 'd');
    ASSERT_TRUE(MakeDirectories(directory_));
    store_ = *objects::FileStore::Open(home() / "objects");
    ASSERT_TRUE(store_->CreateBucket("bkt", "us-east-1"));
    spec_ = {.endpoint = "e",
             .variant = "AllTraffic",
             .instance = "i-0",
             .containers = {{.program = "xgboost",
                             .image_version = "1.7-1",
                             .model_uri = "s3://bkt/model.tar.gz"}},
             .store = (home() / "objects").string(),
             .log_root = (home() / "logs").string(),
             .log_group = "/aws/sagemaker/Endpoints/e",
             .log_stream = "AllTraffic/i-0"};
    options_.program = {"clary"};
  }
  void TearDown() override {
    if (pid_ > 0) Stop();
  }
  fs::path home() const { return temp_.path(); }

  void PutModel(const std::string& bytes) {
    ASSERT_TRUE(MakeDirectories(home() / "m"));
    ASSERT_TRUE(WriteFileAtomic(home() / "m/xgboost-model", bytes));
    ASSERT_TRUE(runner::Pack(home(), {{.directory = "m"}}, home() / "m.tgz"));
    ASSERT_TRUE(runner::UploadFile(home() / "m.tgz", {"bkt", "model.tar.gz"}, *store_).has_value());
  }
  void PutGoodModel() {
    const auto params = gbdt::TrainParams::FromMap({{"objective", "reg:squarederror"}});
    const auto data =
        gbdt::Dataset::FromDense({1, 2, 3, 4, 5, 6, 7, 8}, 4, 2, {.label = {1, 1, 2, 2}});
    PutModel(gbdt::Train(*params, *data)->ToUbjson());
  }
  void Start() {
    pid_ = ::fork();
    if (pid_ == 0) ::_exit(RunInstance(spec_, directory_, *store_, options_).value_or(99));
  }
  int Stop() {
    ::kill(pid_, SIGTERM);
    return Wait();
  }
  int Wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = 0;
    return WEXITSTATUS(status);
  }
  std::vector<JobEvent> Events() {
    uint64_t offset = 0;
    return api::ReadEvents(directory_ / "events.jsonl", &offset).value_or(std::vector<JobEvent>());
  }
  bool InService() {
    return WaitFor([&] { return !Events().empty(); }) && Events()[0].phase == api::kInService;
  }
  Result<net::Response> Ask(const std::string& body, const std::string& accept = "") {
    const auto client = *net::HttpClient::Create({.unix_socket = api::SocketOf(directory_, 0)});
    net::ClientRequest request{
        .method = "POST", .url = "http://localhost/invocations", .body = body};
    request.headers.Set("Content-Type", "text/csv");
    if (!accept.empty()) request.headers.Set("Accept", accept);
    return client->Send(request);
  }
  std::string LogText() {
    std::string text;
    const auto page = meta::LogStore(home() / "logs").Read(spec_.log_group, spec_.log_stream, {});
    if (!page) return page.error().message;
    for (const auto& event : page->events) text += event.message + "\n";
    return text;
  }

  TempDir temp_ = *TempDir::Make();
  fs::path directory_;
  std::unique_ptr<objects::FileStore> store_;
  api::ServerSpec spec_;
  ServeOptions options_;
  pid_t pid_ = 0;
};

TEST_P(ModelServerTest, ServesUntilItIsStopped) {
  PutGoodModel();
  Start();
  ASSERT_TRUE(InService()) << LogText();
  const auto answer = Ask("7,8");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->headers.Get("Content-Type"), "text/csv; charset=utf-8");
  EXPECT_EQ(Ask("7,x")->status, 415);
  Stop();
  const auto events = Events();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[1].kind, JobEvent::Kind::kEnd);
  EXPECT_EQ(events[1].detail, "");
  EXPECT_THAT(LogText(), HasSubstr("Model loaded successfully: reg:squarederror, 2 features"));
  EXPECT_THAT(LogText(), HasSubstr("could not convert string to float: 'x'"));
  EXPECT_FALSE(Ask("7,8"));
  EXPECT_FALSE(fs::exists(directory_ / "work-1"));
}

TEST_P(ModelServerTest, SaysThatTheModelIsNotThere) {
  Start();
  EXPECT_EQ(Wait(), 1);
  const auto events = Events();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_THAT(events[0].detail, testing::StartsWith("Failed to download model data for container "
                                                    "\"container_1\" from URL: \"s3://bkt/"
                                                    "model.tar.gz\". Please ensure"));
}

TEST_P(ModelServerTest, SaysThatTheModelIsNone) {
  PutModel("hello");
  Start();
  EXPECT_EQ(Wait(), 1);
  ASSERT_EQ(Events().size(), 1U);
  EXPECT_THAT(Events()[0].detail, HasSubstr("Unable to load model: xgboost-model: "));
  EXPECT_THAT(LogText(), HasSubstr("Unable to load model: xgboost-model: "));
}

TEST_P(ModelServerTest, SaysThatTheArchiveIsNone) {
  ASSERT_TRUE(store_->Put({"bkt", "model.tar.gz"}, *NewStringSource("no tar at all")));
  Start();
  EXPECT_EQ(Wait(), 1);
  ASSERT_EQ(Events().size(), 1U);
  EXPECT_THAT(Events()[0].detail, HasSubstr("it is no .tar.gz, or a damaged one"));
}

TEST_P(ModelServerTest, AContainerThatNeverAnswersFails) {
  PutGoodModel();
  options_.program = {"/bin/sh", "-c", "echo waiting; sleep 600"};
  options_.grace = 0ms;
  spec_.startup_timeout_s = 0;
  Start();
  EXPECT_EQ(Wait(), 1);
  ASSERT_EQ(Events().size(), 1U);
  EXPECT_THAT(Events()[0].detail, HasSubstr("No container answered /ping with 200 within 0 s"));
}

TEST_P(ModelServerTest, ServesTheFilesBelowAPrefix) {
  PutGoodModel();
  ASSERT_TRUE(runner::UploadFile(home() / "m/xgboost-model", {"bkt", "f/xgboost-model"}, *store_)
                  .has_value());
  spec_.containers[0].model_uri = "s3://bkt/f/";
  spec_.containers[0].model_folder = true;
  Start();
  ASSERT_TRUE(InService()) << LogText();
  EXPECT_EQ(Ask("7,8")->status, 200);
}

TEST_P(ModelServerTest, AnotherProcessGivesTheSameAnswers) {
  PutGoodModel();
  spec_.containers[0].environment["MAX_CONTENT_LENGTH"] = "100";
  Start();
  ASSERT_TRUE(InService()) << LogText();
  ASSERT_TRUE(WriteFileAtomic(directory_ / "server.json", spec_.ToJson()));  // as control does
  const LocalModel local = LoadLocalModel(directory_);
  ASSERT_TRUE(local);
  const auto here = local("text/csv", "application/json", "7,8\n1,2");
  const auto there = Ask("7,8\n1,2", "application/json");
  ASSERT_TRUE(here && there);
  EXPECT_EQ(here->status, 200);
  EXPECT_EQ(here->body, there->body);
  EXPECT_EQ(here->headers.Get("Content-Type"), there->headers.Get("Content-Type"));
  // What is no success is the instance's to say.
  EXPECT_FALSE(local("text/csv", "", "7"));
  EXPECT_FALSE(local("text/csv", "", ""));
  EXPECT_FALSE(local("image/png", "", "7,8"));
  EXPECT_FALSE(local("text/csv", "", std::string(101, ' ')));
  Stop();
  EXPECT_FALSE(LoadLocalModel(directory_));  // its files are gone
}

TEST_P(ModelServerTest, ServesManyModels) {
  PutGoodModel();  // as model.tar.gz
  spec_.containers[0].model_uri = "s3://bkt/";
  spec_.containers[0].multi_model = true;
  options_.ping_interval = options_.usage_interval = 10ms;
  Start();
  ASSERT_TRUE(InService()) << LogText();
  const auto client = *net::HttpClient::Create({.unix_socket = api::SocketOf(directory_, 0)});
  const auto ask = [&](const std::string& model) {
    net::ClientRequest request{
        .method = "POST", .url = "http://localhost/invocations", .body = "7,8"};
    request.headers.Set("Content-Type", "text/csv");
    request.headers.Set("X-Amzn-SageMaker-Target-Model", model);
    return client->Send(request);
  };
  EXPECT_EQ(ask("model.tar.gz")->status, 200);
  EXPECT_EQ(ask("model.tar.gz")->status, 200);
  const auto none = ask("none.tar.gz");
  EXPECT_EQ(none->status, 404);
  EXPECT_EQ(none->headers.Get("X-Clary-Model"), "missing");
  EXPECT_EQ(ask("../x")->status, 400);
  api::InstanceUsage usage;
  EXPECT_TRUE(WaitFor([&] {
    const auto text = ReadFile(directory_ / "usage.json", 1 << 16);
    if (!text) return false;
    usage = *api::InstanceUsage::FromJson(*text);
    return usage.loaded_models == 1;
  }));
  EXPECT_TRUE(usage.multi_model);
  EXPECT_GT(usage.time_ms, 0);
  EXPECT_GT(usage.memory_percent, 0);
  EXPECT_GT(usage.disk_percent, 0);
  ASSERT_TRUE(WriteFileAtomic(directory_ / "server.json", spec_.ToJson()));
  EXPECT_FALSE(LoadLocalModel(directory_));
  Stop();
  EXPECT_THAT(LogText(), HasSubstr("Model model.tar.gz loaded successfully"));
  EXPECT_FALSE(fs::exists(directory_ / "models-1"));
}

// --- Inference scripts: in the sandbox only.

class ScriptServerTest : public ModelServerTest {
 protected:
  void SetUp() override {
    if (!fs::exists("/usr/bin/python3")) GTEST_SKIP() << "there is no Python";
    ModelServerTest::SetUp();
    options_.program.clear();
    spec_.invocation_timeout_s = 20;
    spec_.containers[0].program = "script";
    spec_.containers[0].python = {.environment = "default", .interpreter = "/usr/bin/python3"};
  }
  void PutScript(const std::string& script, const std::string& requirements = "") {
    ASSERT_TRUE(MakeDirectories(home() / "m/code"));
    ASSERT_TRUE(WriteFileAtomic(home() / "m/code/inference.py", script));
    ASSERT_TRUE(WriteFileAtomic(home() / "m/weights", "7"));
    if (!requirements.empty()) {
      ASSERT_TRUE(WriteFileAtomic(home() / "m/code/requirements.txt", requirements));
    }
    ASSERT_TRUE(runner::Pack(home(), {{.directory = "m"}}, home() / "m.tgz"));
    ASSERT_TRUE(runner::UploadFile(home() / "m.tgz", {"bkt", "model.tar.gz"}, *store_).has_value());
  }
};

constexpr char kEcho[] = R"(
def model_fn(model_dir):
    return open(model_dir + "/weights").read()
def transform_fn(model, data, content_type, accept):
    return model + data, "text/csv"
)";

TEST_P(ScriptServerTest, AnswersFromTheScript) {
  PutScript(kEcho);
  Start();
  ASSERT_TRUE(InService()) << LogText();
  const auto answer = Ask("1,2");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "71,2");
  EXPECT_EQ(Ask("3")->body, "73");
  Stop();
  ASSERT_EQ(Events().size(), 2U);
  EXPECT_EQ(Events()[1].detail, "");
  EXPECT_THAT(LogText(), HasSubstr("inference script /opt/ml/model/code/inference.py"));
  for (const char* left : {"work-1", "home-1", "python-1", "tmp-1"}) {
    EXPECT_FALSE(fs::exists(directory_ / left)) << left;
  }
}

TEST_P(ScriptServerTest, CodeComesFromTheObjectStore) {
  PutScript(kEcho);
  ASSERT_TRUE(MakeDirectories(home() / "s"));
  ASSERT_TRUE(
      WriteFileAtomic(home() / "s/serve.py",
                      "def model_fn(d): pass\ndef transform_fn(m, d, c, a): return 'own'\n"));
  ASSERT_TRUE(runner::Pack(home(), {{.directory = "s"}}, home() / "s.tgz"));
  ASSERT_TRUE(runner::UploadFile(home() / "s.tgz", {"bkt", "source.tar.gz"}, *store_).has_value());
  spec_.containers[0].environment = {{"SAGEMAKER_PROGRAM", "serve.py"},
                                     {"SAGEMAKER_SUBMIT_DIRECTORY", "s3://bkt/source.tar.gz"}};
  Start();
  ASSERT_TRUE(InService()) << LogText();
  EXPECT_EQ(Ask("1")->body, "own");
  Stop();
  EXPECT_THAT(LogText(), HasSubstr("inference script /opt/ml/code/serve.py"));
}

TEST_P(ScriptServerTest, SaysWhyTheScriptDoesNotLoad) {
  PutScript("def model_fn(model_dir):\n    raise RuntimeError('no weights')\n");
  Start();
  EXPECT_EQ(Wait(), 1);
  ASSERT_EQ(Events().size(), 1U);
  EXPECT_EQ(Events()[0].detail, "The container exited with status 1: RuntimeError: no weights");
}

TEST_P(ScriptServerTest, SaysWhereAModelFnHangs) {
  PutScript("import time\ndef model_fn(model_dir):\n    print('loading')\n    time.sleep(600)\n");
  spec_.startup_timeout_s = 8;
  Start();
  EXPECT_EQ(Wait(), 1);
  ASSERT_EQ(Events().size(), 1U);
  EXPECT_THAT(Events()[0].detail,
              testing::MatchesRegex("No container answered /ping with 200 within 8 s.*"
                                    "The last that it said: loading"));
  EXPECT_THAT(LogText(), HasSubstr("in model_fn"));
}

TEST_P(ScriptServerTest, SaysWhyRequirementsAreNotInstalled) {
  PutScript(kEcho, "no-such-package==7\n");
  spec_.containers[0].python.pip = {{"PIP_NO_INDEX", "1"}};
  Start();
  EXPECT_EQ(Wait(), 1);
  ASSERT_EQ(Events().size(), 1U);
  EXPECT_THAT(Events()[0].detail, HasSubstr("requirements.txt could not be installed: "));
}

TEST_P(ScriptServerTest, StopsWhileItLoads) {
  PutScript("import time\ndef model_fn(model_dir):\n    print('loading')\n    time.sleep(600)\n");
  Start();
  ASSERT_TRUE(WaitFor([&] { return LogText().find("loading") != std::string::npos; }));
  Stop();
  ASSERT_EQ(Events().size(), 1U);
  EXPECT_EQ(Events()[0].detail, "");
}

INSTANTIATE_TEST_SUITE_P(Sandbox, ScriptServerTest, testing::Values(true),
                         [](const auto&) { return "Yes"; });
// The process below `pid` that has no children of its own.
pid_t Leaf(pid_t pid) {
  for (;;) {
    const std::string path = "/proc/" + std::to_string(pid);
    const auto children =
        ReadFile(path + "/task/" + std::to_string(pid) + "/children", 1 << 16).value_or("");
    const int child = std::atoi(children.c_str());
    if (child <= 0) return pid;
    pid = child;
  }
}

TEST_P(ModelServerTest, AContainerThatHangsEndsTheInstance) {
  PutGoodModel();
  options_.ping_interval = 1ms;
  options_.ping_timeout = 1ms;
  Start();
  ASSERT_TRUE(InService()) << LogText();
  ::kill(Leaf(pid_), SIGSTOP);
  EXPECT_EQ(Wait(), 1);
  ASSERT_EQ(Events().size(), 2U);
  EXPECT_EQ(Events()[1].detail, "The container primary does not answer /ping any more.");
  EXPECT_THAT(LogText(), HasSubstr("does not answer /ping"));
}

INSTANTIATE_TEST_SUITE_P(Sandbox, ModelServerTest, testing::Values(false, true),
                         [](const auto& param_info) { return param_info.param ? "Yes" : "No"; });

}  // namespace
}  // namespace clary::serving
