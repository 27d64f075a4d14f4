#include "rules/rule_runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/testing/manual_clock.h"
#include "debugger/tensor_writer.h"
#include "net/server.h"
#include "objects/testing/memory_store.h"
#include "rules/internal/rule_actions.h"
#include "runner/artifacts.h"

namespace clary::rules {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// A clock whose sleeper does something: the job that goes on meanwhile.
class BusyClock final : public Clock {
 public:
  Time Now() override { return clock_.Now(); }
  void Sleep(Duration d, std::stop_token) override {
    clock_.Advance(d);
    if (meanwhile) meanwhile();
  }
  std::function<void()> meanwhile;

 private:
  ManualClock clock_;
};

constexpr const char* kHook = R"({"CollectionConfigurations": [
    {"CollectionName": "metrics", "CollectionParameters": {"save_interval": "1"}},
    {"CollectionName": "labels", "CollectionParameters": {"save_interval": "1"}},
    {"CollectionName": "predictions", "CollectionParameters": {"save_interval": "1"}}]})";

class RuleRunner : public testing::Test {
 protected:
  RuleRunner() {
    EXPECT_TRUE(store_.CreateBucket("bkt", "us-east-1"));
    EXPECT_TRUE(MakeDirectories(rule_dir()));
    spec_.job_name = "My-Job";
    spec_.name = "rule";
    spec_.tensors_uri = "s3://bkt/out/My-Job/debug-output";
    spec_.profiler_uri = "s3://bkt/out/My-Job/profiler-output";
    spec_.output_uri = "s3://bkt/out/My-Job/rule-output/rule";
    spec_.notify_file = (dir_.path() / "notify.json").string();
    context_.job_name = "My-Job";
    context_.status = "InProgress";
    WriteContext();
    writer_ =
        *debugger::TensorWriter::Open(tensors(), *debugger::HookConfig::FromJson(kHook), clock_);
  }
  std::filesystem::path rule_dir() const { return dir_.path() / "rules/r"; }
  std::filesystem::path tensors() const { return dir_.path() / "tensors"; }

  void WriteContext() {
    ASSERT_TRUE(WriteFileAtomic(dir_.path() / "rules/context.json", context_.ToJson()));
  }
  void EndJob() {
    context_.job_ended = true;
    context_.status = "Completed";
    WriteContext();
  }
  // One round: the loss goes down by a tenth each time, the validation loss does what it is told.
  void Round(double validation) {
    writer_->Add("metrics", debugger::Scalar("train-logloss", 1.0 / (step_ + 1)));
    writer_->Add("metrics", debugger::Scalar("validation-logloss", validation));
    writer_->Add("labels", debugger::Vector("labels", std::vector<float>{0, 1, 1, 0}));
    writer_->Add("predictions",
                 debugger::Vector("predictions", std::vector<float>{0.2F, 0.7F, 0.6F, 0.1F}));
    ASSERT_TRUE(writer_->FinishStep(step_++));
    Upload();
  }
  void Upload() {
    ASSERT_TRUE(runner::UploadTree(dir_.path(), "tensors", spec_.tensors_uri, store_));
  }
  api::RuleResult Evaluate(const std::string& rule, std::stop_token stop = {}) {
    spec_.parameters["rule_to_invoke"] = rule;
    return EvaluateRule(
        spec_, rule_dir(),
        {store_, *meta::LogWriter::Open(dir_.path() / "logs", "g", "s/algo-1-1"), clock_},
        std::move(stop));
  }
  std::string Log() {
    const auto page = meta::LogStore(dir_.path() / "logs").Read("g", "s/algo-1-1", {});
    std::string all;
    for (const auto& event : page->events) all += event.message + "\n";
    return all;
  }
  bool Has(const std::string& key) {
    return store_.Head({"bkt", "out/My-Job/rule-output/rule/" + key}).has_value();
  }

  TempDir dir_ = *TempDir::Make();
  BusyClock clock_;
  ManualClock store_clock_;
  objects::MemoryStore store_{store_clock_};
  api::RuleSpec spec_;
  api::RuleContext context_;
  std::unique_ptr<debugger::TensorWriter> writer_;
  int step_ = 0;
};

TEST_F(RuleRunner, FollowsTheJobUntilItsEnd) {
  int sleeps = 0;
  clock_.meanwhile = [&] {
    if (++sleeps <= 5) return Round(1.0 / sleeps);
    EndJob();  // its host died: there is no end marker
  };
  const auto result = Evaluate("Overfit");
  EXPECT_EQ(result.status, "NoIssuesFound") << result.details;
  EXPECT_EQ(result.details, "");
  EXPECT_FALSE(result.stop_job);
  EXPECT_GE(sleeps, 6);
  EXPECT_THAT(Log(), HasSubstr("NoIssuesFound"));
}

TEST_F(RuleRunner, FiresWhileTheJobRuns) {
  clock_.meanwhile = [&] {
    ASSERT_LT(step_, 50) << "it should have fired";
    Round(1.0 + step_);
  };
  const auto result = Evaluate("Overfit");
  EXPECT_EQ(result.status, "IssuesFound");
  EXPECT_THAT(result.details, StartsWith("RuleEvaluationConditionMet: Evaluation of the rule "
                                         "Overfit at step "));
  EXPECT_FALSE(result.stop_job) << "without an action";
}

TEST_F(RuleRunner, ActsWhenItFires) {
  // As the SDK sends it: lower case, each quote behind a backslash.
  spec_.parameters["action_json"] =
      R"([{\"name\": \"stoptraining\", \"training_job_prefix\": \"my-job\"},)"
      R"( {\"name\": \"email\", \"endpoint\": \"a@b.c\"}])";
  for (int i = 0; i < 9; ++i) Round(1.0 + i);
  const auto result = Evaluate("Overfit");
  EXPECT_EQ(result.status, "IssuesFound");
  EXPECT_TRUE(result.stop_job);
  EXPECT_THAT(result.details, HasSubstr("StopTraining: the training job is being stopped."));
  EXPECT_THAT(result.details, HasSubstr("Email to a@b.c: not sent: this service has neither"));
}

TEST_F(RuleRunner, StopsNoOtherJob) {
  spec_.parameters["action_json"] = R"([{"name":"stoptraining","training_job_prefix":"other"}])";
  for (int i = 0; i < 9; ++i) Round(1.0 + i);
  const auto result = Evaluate("Overfit");
  EXPECT_EQ(result.status, "IssuesFound");
  EXPECT_FALSE(result.stop_job);
  EXPECT_THAT(result.details, HasSubstr("'other' is not this training job"));
}

TEST_F(RuleRunner, DoesNothingWhenItDoesNotFire) {
  spec_.parameters["action_json"] = R"([{"name":"stoptraining","training_job_prefix":"my-job"}])";
  Round(1);
  EndJob();
  EXPECT_FALSE(Evaluate("Overfit").stop_job);
}

TEST_F(RuleRunner, SaysWhoIsToBlame) {
  EndJob();
  for (const auto& [rule, parameter, value, want] :
       std::vector<std::tuple<std::string, std::string, std::string, std::string>>{
           {"Overfit", "x", "y", "ClientError: No debugging data was saved by the training job"},
           {"CreateXgboostReport", "x", "y", "ClientError: No debugging data was saved"},
           {"ProfilerReport", "x", "y", "ClientError: No profiling data was saved"},
           {"Overfit", "patience", "many", "ClientError: rule Overfit: patience is 'many'"},
           {"Overfitt", "x", "y", "ClientError: no rule is named 'Overfitt'"},
           {"Overfit", "action_json", "{", "ClientError: action_json: it is no JSON list"},
           {"SimilarAcrossRuns", "other_trials", "/etc", "ClientError: other_trials: '/etc'"}}) {
    spec_.parameters = {{parameter, value}};
    const auto result = Evaluate(rule);
    EXPECT_EQ(result.status, "Error") << rule;
    EXPECT_THAT(result.details, StartsWith(want));
    EXPECT_LE(result.details.size(), api::kMaxStatusDetails);
  }
}

TEST_F(RuleRunner, StopsWhenToldTo) {
  for (const char* rule : {"Overfit", "CreateXgboostReport", "ProfilerReport"}) {
    std::stop_source stop;
    clock_.meanwhile = [&] { stop.request_stop(); };
    EXPECT_EQ(Evaluate(rule, stop.get_token()).status, "Stopped") << rule;
  }
}

TEST_F(RuleRunner, KeepsAReportWhileTheJobRunsAndFinishesIt) {
  bool early = false;
  clock_.meanwhile = [&] {
    early = early || Has("xgboost_report.html");
    if (step_ < 3) return Round(0.5);
    if (early) EndJob();
  };
  const auto result = Evaluate("CreateXgboostReport");
  EXPECT_EQ(result.status, "NoIssuesFound") << result.details;
  EXPECT_TRUE(early) << "there is a report before the end";
  EXPECT_TRUE(Has("xgboost_report.html"));
  EXPECT_TRUE(Has("xgboost-reports/LossData.json"));
}

// The report of a tuning job follows tuning.json and the trials' logs.
TEST_F(RuleRunner, KeepsATuningReport) {
  spec_.log_root = (dir_.path() / "logs").string();
  spec_.region = "us-east-1";
  const std::string root = spec_.output_uri.substr(std::string("s3://bkt/").size());
  api::TuningContext tuning;
  tuning.job_name = "hpo";
  tuning.strategy = "Random";
  tuning.most = 8;
  tuning.definitions = {
      {.name = "",
       .metric = "validation:auc",
       .maximise = true,
       .metrics = {{"validation:auc", R"(validation-auc:(\S+))", "validation-auc"},
                   {"train:auc", R"(train-auc:(\S+))", "train-auc"}},
       .parameters = {
           {.name = "eta", .type = "continuous", .scale = "log", .min = 0.01, .max = 1}}}};
  ASSERT_TRUE(store_.CreateBucket("models", "us-east-1"));
  for (int i = 0; i < 8; ++i) {
    const std::string name = "hpo-00" + std::to_string(i);
    auto log = meta::LogWriter::Open(dir_.path() / "logs", "/aws/sagemaker/TrainingJobs", name);
    const double value = 0.5 + 0.01 * i;
    const std::string last = std::to_string(value);
    const bool folds = i == 7;
    std::vector<std::string> lines = {"[0]#011train-auc:0.6#011validation-auc:0.4",
                                      "[1]#011train-auc:0.7#011validation-auc:" + last};
    if (folds) {
      lines = {"Run 1-round of 2-fold cross validation with 9 rows",
               "Train cross validation fold 1",
               "[0]#011train-auc:0.6#011validation-auc:0.4",
               "[1]#011train-auc:0.8#011validation-auc:0.5",
               "Train cross validation fold 2",
               "[0]#011train-auc:0.6#011validation-auc:0.5",
               "[1]#011train-auc:0.6#011validation-auc:0.64",
               "The metrics of round 1 cross validation",
               "[2]#011train-auc:0.7#011validation-auc:0.57"};
    }
    for (const std::string& line : lines) ASSERT_TRUE(log->Append({{1, line}}));
    auto body = NewStringSource(std::string(static_cast<size_t>(100 + i), 'm'));
    ASSERT_TRUE(store_.Put({"models", name}, *body));
    tuning.trials.push_back({.name = name,
                             .status = "Completed",
                             .created_ms = 1000,
                             .started_ms = 1000,
                             .ended_ms = 2000,
                             .value = {value},
                             .config = {0.02 + 0.1 * i},
                             .tuned = {{"eta", "x"}},
                             .log_stream = name,
                             .model_uri = "s3://models/" + name});
  }
  const auto write = [&] {
    ASSERT_TRUE(WriteFileAtomic(rule_dir() / "tuning.json", tuning.ToJson()));
  };
  write();
  bool early = false;
  clock_.meanwhile = [&] {
    early = early || store_.Head({"bkt", root + "/tuning-report.html"}).has_value();
    if (!early) return;
    tuning.job_ended = true;
    tuning.status = "Completed";
    write();
  };
  const auto result = Evaluate("CreateTuningReport");
  EXPECT_EQ(result.status, "NoIssuesFound") << result.details;
  EXPECT_TRUE(early) << "there is a report before the end";
  const auto read = [&](const std::string& name) {
    auto got = store_.Get({"bkt", root + "/" + name});
    EXPECT_TRUE(got) << name;
    return got ? *ReadAll(*got->body, 1 << 24) : "";
  };
  const auto report = nlohmann::json::parse(read("tuning-report.json"));
  EXPECT_EQ(report["job"]["status"], "Completed");
  EXPECT_EQ(report["trials"].size(), 8u);
  EXPECT_EQ(report["best"], 7);
  EXPECT_EQ(report["trials"][3]["curve"][1][1], 0.53);
  EXPECT_EQ(report["trials"][3]["trainingCurve"][1][1], 0.7);
  EXPECT_EQ(report["trials"][3]["modelBytes"], 103);
  EXPECT_EQ(report["trials"][7]["folds"], (std::vector<double>{0.5, 0.64}));
  EXPECT_NEAR(report["trials"][7]["curve"][1][1].get<double>(), 0.57, 1e-12);
  EXPECT_EQ(report["trials"][7]["rounds"], 2) << "the line of the means is no round";
  EXPECT_THAT(read("tuning-report.html"), HasSubstr("hpo"));
  EXPECT_THAT(read("tuning-report.csv"), HasSubstr("hpo-007"));
}

TEST_F(RuleRunner, AReportThatCannotBeUploadedIsAnError) {
  Round(0.5);
  EndJob();
  spec_.output_uri = "s3://gone/out";
  const auto result = Evaluate("CreateXgboostReport");
  EXPECT_EQ(result.status, "Error");
  EXPECT_THAT(result.details, HasSubstr("uploading the report"));
}

TEST_F(RuleRunner, TheFinalReportWaitsForTheOtherRules) {
  Round(0.5);
  context_.rules = {{.name = "o", .rule = "Overfit", .status = "InProgress", .details = ""},
                    {.name = "p", .rule = "ProfilerReport", .status = "InProgress", .details = ""}};
  EndJob();
  int sleeps = 0;
  clock_.meanwhile = [&] {
    if (++sleeps != 3) return;
    context_.rules[0].status = "IssuesFound";
    WriteContext();
  };
  EXPECT_EQ(Evaluate("CreateXgboostReport").status, "NoIssuesFound");
  EXPECT_EQ(sleeps, 3) << "and not for reports, which would wait for each other";
  // Not for ever.
  context_.rules[0].status = "InProgress";
  WriteContext();
  sleeps = 10;
  EXPECT_EQ(Evaluate("CreateXgboostReport").status, "NoIssuesFound");
  EXPECT_GT(sleeps, 50);
}

TEST_F(RuleRunner, LeavesItsResultWhateverHappens) {
  EXPECT_EQ(RunRule(rule_dir()), 0) << "without rule.json";
  const auto result =
      api::RuleResult::FromJson(*ReadFile(rule_dir() / "result.json", api::kMaxStatusDetails * 4));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->status, "Error");
  EXPECT_THAT(result->details, StartsWith("InternalServerError: "));
}

// --- Actions.

TEST(Actions, AreReadInBothSpellings) {
  EXPECT_TRUE(ParseActions("")->empty());
  const auto plain = ParseActions(
      R"([{"name":"StopTraining","training_job_prefix":"j"},{"name":"sms","endpoint":"+491"}])");
  ASSERT_TRUE(plain) << plain.error().message;
  EXPECT_EQ(plain->at(0).kind, RuleAction::Kind::kStopTraining);
  EXPECT_EQ(plain->at(1).kind, RuleAction::Kind::kSms);
  EXPECT_EQ(plain->at(1).target, "+491");
  EXPECT_EQ(ParseActions(R"({\"endpoint\": \"a@b\", \"name\": \"email\"})")->at(0).target, "a@b");
  for (const char* bad : {"x", "3", "[3]", R"([{"name":"call"}])", R"([{"name":"email"}])",
                          R"([{"name":"stoptraining"}])"}) {
    EXPECT_EQ(ParseActions(bad).error().reason, "BadAction") << bad;
  }
}

class Webhook : public testing::Test {
 protected:
  void SetUp() override {
    auto server = net::Server::Start({}, [this](net::Request& r) {
      received_ = *ReadAll(*r.body, 1 << 16);
      return net::Response{.status = answer_};
    });
    ASSERT_TRUE(server);
    server_ = *std::move(server);
    Configure({{"webhook", "http://127.0.0.1:" + std::to_string(server_->port()) + "/key123"}});
  }
  void Configure(const nlohmann::json& settings) {
    ASSERT_TRUE(WriteFileAtomic(settings_, settings.dump()));
  }
  Status Send(RuleAction::Kind kind) {
    return SendNotification({.kind = kind, .target = "+491"},
                            {.rule = "Overfit", .job_name = "j", .details = "why \xff"}, settings_);
  }
  TempDir dir_ = *TempDir::Make();
  std::filesystem::path settings_ = dir_.path() / "notify.json";
  std::unique_ptr<net::Server> server_;
  std::string received_;
  std::atomic<int> answer_ = 204;
};

TEST_F(Webhook, TellsWhatFired) {
  ASSERT_TRUE(Send(RuleAction::Kind::kSms));
  const auto said = nlohmann::json::parse(received_);
  EXPECT_EQ(said["action"], "sms");
  EXPECT_EQ(said["endpoint"], "+491");
  EXPECT_EQ(said["subject"], "SMDebugRule:Overfit fired");
  EXPECT_THAT(said["message"].get<std::string>(), HasSubstr("of training job j fired"));
}

TEST_F(Webhook, SaysWhatWentWrongWithoutItsKey) {
  answer_ = 500;
  Status sent = Send(RuleAction::Kind::kEmail);
  ASSERT_FALSE(sent);
  EXPECT_THAT(sent.error().message, HasSubstr("status 500"));
  server_->Stop();
  sent = Send(RuleAction::Kind::kEmail);
  ASSERT_FALSE(sent);
  EXPECT_THAT(sent.error().message, HasSubstr("cannot be reached"));
  EXPECT_THAT(sent.error().message, testing::Not(HasSubstr("key123")));
}

TEST_F(Webhook, TakesOnlyWhatTheOperatorConfigured) {
  Configure({{"webhook", "file:///etc/passwd"}});
  EXPECT_EQ(Send(RuleAction::Kind::kEmail).error().reason, "NotConfigured");
  Configure(nlohmann::json::object());
  EXPECT_EQ(Send(RuleAction::Kind::kEmail).error().reason, "NotConfigured");
  Configure({{"smtp", {{"url", "smtp://127.0.0.1:1"}, {"from", "a@b"}}}});
  EXPECT_THAT(Send(RuleAction::Kind::kSms).error().message, HasSubstr("no webhook for text"));
  EXPECT_EQ(Send(RuleAction::Kind::kEmail).error().reason, "BadAddress");
  std::filesystem::remove(settings_);
  EXPECT_EQ(Send(RuleAction::Kind::kEmail).error().reason, "NotConfigured");
}

}  // namespace
}  // namespace clary::rules
