// The SDK over the wire, against a scripted service on this machine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "clary/clarify.h"
#include "clary/estimator.h"
#include "clary/processor.h"
#include "clary/training_job.h"
#include "clary/tuner.h"
#include "client/testing/fake_service.h"

namespace clary {
namespace {

using client::Error400;
using client::FakeService;
using client::Ok;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

// A job that goes one transition and one log line further each time it is described.
class ScriptedJob {
 public:
  ScriptedJob(FakeService& service, std::vector<std::string> statuses, std::string end)
      : statuses_(std::move(statuses)), end_(std::move(end)) {
    service.On("DescribeTrainingJob", [this](const json&) { return Ok(Describe()); });
    service.On("DescribeLogStreams", [](const json&) {
      return Ok({{"logStreams", {{{"logStreamName", "job/algo-1-123"}}}}});
    });
    service.On("GetLogEvents", [this](const json& r) { return Ok(Events(r)); });
    service.On("StopTrainingJob", [this](const json&) {
      end_ = "Stopped";
      return Ok(json::object());
    });
  }

 private:
  json Describe() {
    if (step_ < statuses_.size()) ++step_;
    json transitions = json::array();
    for (size_t i = 0; i < step_; ++i) {
      transitions.push_back({{"Status", statuses_[i]}, {"StatusMessage", "m"}, {"StartTime", 1.5}});
    }
    const bool done = step_ == statuses_.size();
    return {{"TrainingJobName", "job"},
            {"TrainingJobStatus", done ? end_ : "InProgress"},
            {"SecondaryStatusTransitions", transitions},
            {"FailureReason", "ClientError: bad data"},
            {"ResourceConfig", {{"InstanceCount", 1}}}};
  }
  json Events(const json& request) const {
    const size_t from =
        request.contains("nextToken")
            ? static_cast<size_t>(std::stoi(request["nextToken"].get<std::string>()))
            : 0;
    json events = json::array();
    for (size_t i = from; i < step_; ++i) {
      events.push_back({{"timestamp", 1000 + i}, {"message", "line " + std::to_string(i)}});
    }
    return {{"events", events}, {"nextForwardToken", std::to_string(step_)}};
  }

  std::vector<std::string> statuses_;
  std::string end_;
  size_t step_ = 0;
};

class Recorder : public TrainingObserver {
 public:
  void on_status(const TrainingJobDescription&, const StatusTransition& t) override {
    seen.push_back(t.status);
  }
  void on_log(int, const LogEvent& event) override { seen.push_back(event.message); }
  std::vector<std::string> seen;
};

TEST(Wait, TellsEveryStatusAndEveryLineOnceInOrder) {
  FakeService service;
  ScriptedJob script(service, {"Starting", "Training", "Uploading", "Completed"}, "Completed");
  Recorder recorder;
  const auto job = TrainingJob(service.session(), "job").wait({.observer = &recorder});
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(job->status, "Completed");
  EXPECT_EQ(job->transitions[0].start_ms, 1500);
  EXPECT_THAT(recorder.seen, ElementsAre("Starting", "line 0", "Training", "line 1", "line 2",
                                         "Uploading", "line 3", "Completed"));
}

TEST(Wait, GoesOnThroughAnOutage) {
  FakeService service;
  ScriptedJob script(service, {"Starting", "Training", "Completed"}, "Completed");
  int failures = 7;  // more than one call's own tries
  service.On("GetLogEvents", [&](const json&) {
    return failures-- > 0 ? net::Response{.status = 503}
                          : Ok({{"events", json::array()}, {"nextForwardToken", "t"}});
  });
  Recorder recorder;
  const auto job = TrainingJob(service.session(), "job").wait({.observer = &recorder});
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_THAT(recorder.seen, ElementsAre("Starting", "Training", "Completed"));
}

TEST(Wait, StopsTheJobOnceWhenAsked) {
  FakeService service;
  ScriptedJob script(service, {"Starting", "Training", "Stopping", "Stopped"}, "Completed");
  std::stop_source stop;
  stop.request_stop();
  Recorder recorder;
  const auto job =
      TrainingJob(service.session(), "job").wait({.observer = &recorder, .stop = stop.get_token()});
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(job->status, "Stopped");
  EXPECT_EQ(service.Calls("StopTrainingJob"), 1);
}

TEST(Calls, CarryTheServicesErrorAndWhatToDoNext) {
  FakeService service;
  const auto session = service.session();
  const auto code_of = [&](const std::string& type, const std::string& message) {
    service.On("DescribeTrainingJob", [=](const json&) { return Error400(type, message); });
    const auto answer = TrainingJob(session, "job").describe();
    EXPECT_EQ(answer.error().reason, type.substr(type.find('#') + 1));
    EXPECT_EQ(answer.error().message, message);
    return answer.error().code;
  };
  EXPECT_EQ(code_of("ValidationException", "Requested resource not found."), Code::kNotFound);
  EXPECT_EQ(code_of("ValidationException", "1 validation error"), Code::kInvalidArgument);
  EXPECT_EQ(code_of("com.amazon#ResourceInUse", "taken"), Code::kAlreadyExists);
  EXPECT_EQ(code_of("ResourceLimitExceeded", "full"), Code::kResourceExhausted);
  EXPECT_EQ(code_of("UnrecognizedClientException", "who"), Code::kUnauthenticated);
  EXPECT_EQ(code_of("AccessDeniedException", "no"), Code::kPermissionDenied);
  EXPECT_EQ(code_of("UnknownOperationException", "what"), Code::kUnimplemented);
  EXPECT_THAT(service.authorization(), HasSubstr("/us-east-1/sagemaker/aws4_request"));
}

TEST(Calls, RetryThrottlingAndGiveUpInTheEnd) {
  FakeService service;
  int failures = 2;
  service.On("DescribeTrainingJob", [&](const json&) {
    return failures-- > 0 ? Error400("ThrottlingException", "Rate exceeded")
                          : Ok({{"TrainingJobName", "job"}});
  });
  EXPECT_TRUE(TrainingJob(service.session(), "job").describe());
  EXPECT_EQ(service.Calls("DescribeTrainingJob"), 3);
}

TEST(Calls, AnswersThatAreNoJsonAreDataLoss) {
  FakeService service;
  service.On("DescribeTrainingJob", [](const json&) { return net::Response{.body = "<html>"}; });
  EXPECT_EQ(TrainingJob(service.session(), "job").describe().error().code, Code::kDataLoss);
}

TEST(Estimator, SendsWhatThePythonSdkSends) {
  FakeService service;
  service.On("CreateTrainingJob", [](const json&) { return Ok({{"TrainingJobArn", "arn"}}); });
  Estimator xgb(
      service.session(),
      {.image_uri = "1.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.2-1",
       .role = "arn:aws:iam::123456789012:role/R",
       .instance_type = "ml.m4.xlarge",
       .volume_size = 5,
       .output_path = "s3://b/out/",
       .rules = {
           Rule::sagemaker(rule_configs::create_xgboost_report()),
           Rule::sagemaker(rule_configs::overfit(),
                           {.actions = {RuleAction::stop_training(), RuleAction::email("a@b")}})}});
  xgb.set_hyperparameters({{"max_depth", 5}, {"eta", 0.2}});
  ASSERT_TRUE(xgb.fit({{"train", {.s3_data = "s3://b/train.csv", .content_type = "csv"}}},
                      {.wait = false}));
  const auto sent = service.Last("CreateTrainingJob");
  EXPECT_THAT(sent["TrainingJobName"].get<std::string>(), HasSubstr("sagemaker-xgboost-20"));
  EXPECT_LE(sent["TrainingJobName"].get<std::string>().size(), 63U);
  EXPECT_EQ(sent["HyperParameters"], (json{{"max_depth", "5"}, {"eta", "0.2"}}));
  EXPECT_EQ(sent["OutputDataConfig"], (json{{"S3OutputPath", "s3://b/out"}}));
  EXPECT_EQ(sent["InputDataConfig"],
            (json::array({{{"ChannelName", "train"},
                           {"ContentType", "csv"},
                           {"DataSource",
                            {{"S3DataSource",
                              {{"S3DataType", "S3Prefix"},
                               {"S3Uri", "s3://b/train.csv"},
                               {"S3DataDistributionType", "FullyReplicated"}}}}}}})));
  EXPECT_EQ(sent["DebugRuleConfigurations"][1]["RuleParameters"]["action_json"],
            R"([{\"name\":\"stoptraining\",\"training_job_prefix\":\")" +
                sent["TrainingJobName"].get<std::string>() +
                R"(\"},{\"endpoint\":\"a@b\",\"name\":\"email\"}])");
  EXPECT_EQ(sent["DebugRuleConfigurations"][0]["RuleEvaluatorImage"],
            "503895931360.dkr.ecr.us-east-1.amazonaws.com/sagemaker-debugger-rules:latest");
  EXPECT_EQ(sent["DebugHookConfig"]["CollectionConfigurations"].size(), 5U);
  EXPECT_EQ(sent["ProfilerConfig"]["DisableProfiler"], false);
}

TEST(Estimator, SendsAScriptAsTheFrameworkEstimatorsDo) {
  FakeService service;
  service.On("CreateTrainingJob", [](const json&) { return Ok({{"TrainingJobArn", "arn"}}); });
  Estimator sklearn(service.session(), {.image_uri = "x/sagemaker-scikit-learn:1.2-1-cpu-py3",
                                        .role = "arn:aws:iam::123456789012:role/R",
                                        .output_path = "s3://b/out",
                                        .entry_point = "train.py",
                                        .source_dir = "s3://b/source.tar.gz",
                                        .environment = {{"LEVEL", "debug"}}});
  sklearn.set_hyperparameters({{"epochs", 3},
                               {"flag", true},
                               {"name", "a \"b\""},
                               {"list", HyperparameterValue::of_json("[1, 2]")}});
  ASSERT_TRUE(sklearn.fit({}, {.wait = false, .job_name = "job"}));
  const auto sent = service.Last("CreateTrainingJob");
  EXPECT_EQ(sent["HyperParameters"],
            (json{{"epochs", "3"},
                  {"flag", "true"},
                  {"list", "[1, 2]"},
                  {"name", R"("a \"b\"")"},
                  {"sagemaker_submit_directory", R"("s3://b/source.tar.gz")"},
                  {"sagemaker_program", R"("train.py")"},
                  {"sagemaker_container_log_level", "20"},
                  {"sagemaker_job_name", R"("job")"},
                  {"sagemaker_region", R"("us-east-1")"}}));
  EXPECT_EQ(sent["Environment"], (json{{"LEVEL", "debug"}}));
  EXPECT_FALSE(sent.contains("InputDataConfig"));
}

TEST(Estimator, SendsTheCodeOfAnIsolatedJobAsAChannel) {
  FakeService service;
  service.On("CreateTrainingJob", [](const json&) { return Ok({{"TrainingJobArn", "arn"}}); });
  Estimator script(service.session(), {.image_uri = "x/mine:1",
                                       .role = "arn:aws:iam::123456789012:role/R",
                                       .output_path = "s3://b/out",
                                       .entry_point = "train.py",
                                       .source_dir = "s3://b/source.tar.gz",
                                       .enable_network_isolation = true});
  ASSERT_TRUE(script.fit({}, {.wait = false}));
  const auto sent = service.Last("CreateTrainingJob");
  EXPECT_EQ(sent["InputDataConfig"][0]["ChannelName"], "code");
  EXPECT_EQ(sent["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"],
            "s3://b/source.tar.gz");
  EXPECT_EQ(sent["HyperParameters"]["sagemaker_submit_directory"],
            R"("/opt/ml/input/data/code/sourcedir.tar.gz")");
}

TEST(Estimator, SaysWhatIsMissingOfAScriptBeforeItAsksAnything) {
  FakeService service;
  for (const EstimatorOptions& options :
       {EstimatorOptions{.entry_point = "none.py"},
        EstimatorOptions{.entry_point = "none.py", .source_dir = "/no/such/folder"},
        EstimatorOptions{.entry_point = "none.py", .source_dir = "/tmp"}}) {
    EstimatorOptions all = options;
    all.image_uri = "x/mine:1";
    all.role = "arn:aws:iam::123456789012:role/R";
    all.output_path = "s3://b/out";
    const auto sent = Estimator(service.session(), all).fit({}, {.wait = false});
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().reason, "NoSuchFile");
  }
  EXPECT_EQ(service.Calls("CreateTrainingJob"), 0);
}

TEST(ScriptProcessor, SendsWhatThePythonSdkSends) {
  FakeService service;
  service.On("CreateProcessingJob", [](const json&) { return Ok({{"ProcessingJobArn", "arn"}}); });
  ScriptProcessor processor(service.session(), {.image_uri = "x/mine:1",
                                                .role = "arn:aws:iam::123456789012:role/R",
                                                .max_runtime = 60,
                                                .environment = {{"A", "b"}}});
  ASSERT_TRUE(processor.run({.code = "s3://b/code/prep.py",
                             .inputs = {{.source = "s3://b/raw/", .name = "raw"}},
                             .outputs = {{.name = "clean", .destination = "s3://b/clean"}},
                             .arguments = {"--share", "0.8"},
                             .wait = false,
                             .job_name = "job"}));
  const auto sent = service.Last("CreateProcessingJob");
  EXPECT_EQ(sent["AppSpecification"],
            (json{{"ImageUri", "x/mine:1"},
                  {"ContainerEntrypoint", {"python3", "/opt/ml/processing/input/code/prep.py"}},
                  {"ContainerArguments", {"--share", "0.8"}}}));
  EXPECT_EQ(sent["ProcessingInputs"][0]["S3Input"]["LocalPath"], "/opt/ml/processing/input/raw");
  EXPECT_EQ(sent["ProcessingInputs"][1]["InputName"], "code");
  EXPECT_EQ(sent["ProcessingOutputConfig"]["Outputs"],
            (json::array({{{"OutputName", "clean"},
                           {"S3Output",
                            {{"S3Uri", "s3://b/clean"},
                             {"LocalPath", "/opt/ml/processing/output/clean"},
                             {"S3UploadMode", "EndOfJob"}}}}})));
  EXPECT_EQ(sent["StoppingCondition"]["MaxRuntimeInSeconds"], 60);
}

TEST(Clarify, WritesTheConfigurationThatTheSdkWrites) {
  FakeService service;
  service.On("Query", [](const json&) { return Ok(json::object()); });
  service.On("CreateProcessingJob", [](const json&) { return Ok(json::object()); });
  clarify::Processor processor(service.session(), {.role = "role"});
  clarify::SHAPConfig shap{.baseline = {{int64_t{1}, "none"}},
                           .num_samples = 100,
                           .seed = 7,
                           .text_config = clarify::TextConfig{.granularity = "sentence"}};
  const clarify::DataConfig data{.s3_data_input_path = "s3://b/in.csv",
                                 .s3_output_path = "s3://b/out",
                                 .label = "y",
                                 .headers = {"y", "a", "text"}};
  const auto explained = [&] {
    return processor.run_explainability(data, {.model_name = "m"}, shap, {}, {.wait = false});
  };
  ASSERT_TRUE(explained());
  json written = service.Last("Query")["methods"]["shap"];
  EXPECT_EQ(written["text_config"], json({{"granularity", "sentence"}, {"language", "english"}}));
  EXPECT_EQ(written["baseline"], json({{1, "none"}}));
  EXPECT_EQ(written["seed"], 7);
  EXPECT_FALSE(written.contains("features_to_explain"));
  shap.text_config.reset();
  shap.features_to_explain = {"a"};
  ASSERT_TRUE(explained());
  written = service.Last("Query")["methods"]["shap"];
  EXPECT_FALSE(written.contains("text_config"));
  EXPECT_EQ(written["features_to_explain"], json({"a"}));
}

TEST(Estimator, ChecksARequestWithoutSendingIt) {
  FakeService service;
  Estimator xgb(service.session(), {.image_uri = "1.dkr.ecr.us-east-1.amazonaws.com/x:1",
                                    .role = "arn:aws:iam::123456789012:role/R",
                                    .output_path = "s3://b/out"});
  const Channels channels = {{"train", {.s3_data = "s3://b/train.csv"}}};
  EXPECT_TRUE(xgb.check(channels));
  const auto wrong = xgb.check(channels, {.job_name = "no name"});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Code::kInvalidArgument);
  EXPECT_THAT(wrong.error().message, HasSubstr("'no name' at 'trainingJobName'"));
  EXPECT_TRUE(service.Last("CreateTrainingJob").is_null());
}

TEST(Estimator, AFailedJobIsAnErrorWithItsReason) {
  FakeService service;
  service.On("CreateTrainingJob", [](const json&) { return Ok({{"TrainingJobArn", "arn"}}); });
  ScriptedJob script(service, {"Starting", "Failed"}, "Failed");
  Estimator xgb(service.session(), {.image_uri = "x/y:1", .role = "r", .output_path = "s3://b"});
  Recorder recorder;
  const auto done = xgb.fit({}, {.job_name = "job", .observer = &recorder});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().reason, "TrainingJobFailed");
  EXPECT_THAT(done.error().message, HasSubstr("ClientError: bad data"));
  EXPECT_EQ(xgb.latest_training_job()->name(), "job");
}

TEST(Estimator, KnowsItHasNoJobYet) {
  FakeService service;
  const Estimator xgb(service.session(), {});
  EXPECT_FALSE(xgb.latest_training_job());
  EXPECT_EQ(xgb.model_data().error().reason, "NoTrainingJob");
}

TEST(Session, TurnsTheCallersSessionIntoItsRole) {
  FakeService service;
  const auto role_of = [&](const std::string& arn) {
    service.On("Query", [=](const json&) {
      return net::Response{.body = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>" +
                                   arn +
                                   "</Arn><Account>123456789012</Account>"
                                   "</GetCallerIdentityResult></GetCallerIdentityResponse>"};
    });
    return service.session().get_execution_role();
  };
  EXPECT_EQ(role_of("arn:aws:sts::123456789012:assumed-role/Trainer/me").value(),
            "arn:aws:iam::123456789012:role/Trainer");
  EXPECT_EQ(role_of("arn:aws:iam::123456789012:user/me").error().reason, "NotARole");
}

TEST(Session, WantsKeys) { EXPECT_EQ(Session::connect({}).error().reason, "NoCredentials"); }

// --- HyperparameterTuner.

json TrialSummary(int number, const std::string& status, double value) {
  json trial = {{"TrainingJobName", "t-00" + std::to_string(number)},
                {"TrainingJobStatus", status},
                {"CreationTime", 1.5},
                {"TunedHyperParameters", {{"eta", "0.1"}}},
                {"ObjectiveStatus", status == "Completed" ? "Succeeded" : "Pending"}};
  if (status == "Completed") {
    trial["FinalHyperParameterTuningJobObjectiveMetric"] = {{"MetricName", "validation:auc"},
                                                            {"Value", value}};
  }
  return trial;
}

// A tuning job with one trial more at each look, until there are three.
class ScriptedTuning {
 public:
  ScriptedTuning(FakeService& service, std::string end) : end_(std::move(end)) {
    service.On("CreateHyperParameterTuningJob",
               [](const json&) { return Ok({{"HyperParameterTuningJobArn", "arn"}}); });
    service.On("DescribeHyperParameterTuningJob", [this](const json& r) {
      if (trials_ < 3) ++trials_;
      json job = {
          {"HyperParameterTuningJobName", r["HyperParameterTuningJobName"]},
          {"HyperParameterTuningJobStatus", trials_ < 3 ? "InProgress" : end_},
          {"FailureReason", "no success"},
          {"HyperParameterTuningJobConfig",
           {{"Strategy", "Random"},
            {"HyperParameterTuningJobObjective",
             {{"Type", "Maximize"}, {"MetricName", "validation:auc"}}},
            {"ResourceLimits", {{"MaxNumberOfTrainingJobs", 3}}}}},
          {"TrainingJobDefinition",
           {{"StaticHyperParameters", {{"objective", "binary:logistic"}}},
            {"OutputDataConfig", {{"S3OutputPath", "s3://b/out/"}}}}},
          {"TrainingJobStatusCounters",
           {{"Completed", trials_}, {"InProgress", 3 - trials_}, {"NonRetryableError", 1}}}};
      if (trials_ > 1) job["BestTrainingJob"] = TrialSummary(2, "Completed", 0.875);
      return Ok(job);
    });
    service.On("ListTrainingJobsForHyperParameterTuningJob", [](const json& r) {
      if (!r.contains("NextToken")) {
        return Ok(
            {{"TrainingJobSummaries", {TrialSummary(1, "Completed", 0.5)}}, {"NextToken", "2"}});
      }
      return Ok({{"TrainingJobSummaries",
                  {TrialSummary(2, "Completed", 0.875), TrialSummary(3, "InProgress", 0)}}});
    });
  }

 private:
  std::string end_;
  int trials_ = 0;
};

HyperparameterTuner Tuner(FakeService& service, TunerOptions options = {}) {
  Estimator estimator(service.session(),
                      {.image_uri = "1.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1",
                       .role = "arn:aws:iam::123456789012:role/R",
                       .output_path = "s3://b/out"});
  estimator.set_hyperparameters({{"objective", "binary:logistic"}, {"max_depth", 3}});
  return {std::move(estimator),
          "validation:auc",
          {{"eta", ContinuousParameter(0.01, 0.5, "Logarithmic")},
           {"max_depth", IntegerParameter(2, 10)},
           {"booster", CategoricalParameter({"gbtree", "dart"})}},
          std::move(options)};
}

TEST(HyperparameterTuner, SendsWhatTheSdkSends) {
  FakeService service;
  ScriptedTuning tuning(service, "Completed");
  auto tuner = Tuner(service, {.max_jobs = 3,
                               .max_parallel_jobs = 2,
                               .random_seed = 7,
                               .warm_start_parents = {"before"},
                               .tags = {{"team", "a"}}});
  int looks = 0;
  const auto fitted = tuner.fit({{"train", {"s3://b/train.csv", "csv"}}},
                                {.job_name = "t", .on_look = [&](const auto&) { ++looks; }});
  ASSERT_TRUE(fitted) << fitted.error().message;
  EXPECT_EQ(looks, 3);
  const json request = service.Last("CreateHyperParameterTuningJob");
  EXPECT_EQ(request["HyperParameterTuningJobName"], "t");
  const json config = request["HyperParameterTuningJobConfig"];
  EXPECT_EQ(config["ParameterRanges"]["ContinuousParameterRanges"][0],
            (json{{"Name", "eta"},
                  {"MinValue", "0.01"},
                  {"MaxValue", "0.5"},
                  {"ScalingType", "Logarithmic"}}));
  EXPECT_EQ(config["ParameterRanges"]["IntegerParameterRanges"][0]["MaxValue"], "10");
  EXPECT_EQ(config["ParameterRanges"]["CategoricalParameterRanges"][0]["Values"],
            (json{"gbtree", "dart"}));
  EXPECT_EQ(config["ResourceLimits"],
            (json{{"MaxNumberOfTrainingJobs", 3}, {"MaxParallelTrainingJobs", 2}}));
  EXPECT_EQ(config["RandomSeed"], 7);
  const json definition = request["TrainingJobDefinition"];
  EXPECT_EQ(definition["StaticHyperParameters"], (json{{"objective", "binary:logistic"}}))
      << "what is tuned is not static";
  EXPECT_EQ(definition["InputDataConfig"][0]["ChannelName"], "train");
  EXPECT_FALSE(definition.contains("TrainingJobName"));
  EXPECT_EQ(request["WarmStartConfig"]["ParentHyperParameterTuningJobs"][0]
                   ["HyperParameterTuningJobName"],
            "before");
  EXPECT_EQ(request["Tags"][0]["Key"], "team");

  EXPECT_EQ(*tuner.best_training_job(), "t-002");
  const auto trials = tuner.analytics();
  ASSERT_TRUE(trials);
  ASSERT_EQ(trials->size(), 3u) << "all pages";
  EXPECT_EQ((*trials)[1].value, 0.875);
  EXPECT_EQ((*trials)[1].hyperparameters.at("eta"), "0.1");
  EXPECT_FALSE((*trials)[2].value);
  const auto job = tuner.describe();
  EXPECT_EQ(job->report_path, "s3://b/out/t/tuning-report");
  EXPECT_EQ(job->failed, 1);
  EXPECT_TRUE(job->maximize);
}

TEST(HyperparameterTuner, NamesAreShortAndTellTheTime) {
  FakeService service;
  ScriptedTuning tuning(service, "Completed");
  auto tuner = Tuner(service, {.base_tuning_job_name = "a-name-that-is-rather-long-for-one"});
  ASSERT_TRUE(tuner.fit({}, {.wait = false}));
  const std::string name =
      service.Last("CreateHyperParameterTuningJob")["HyperParameterTuningJobName"];
  EXPECT_LE(name.size(), 32u);
  EXPECT_TRUE(name.starts_with("a-name-that-is-")) << name;
}

TEST(HyperparameterTuner, TellsWhyThereIsNothing) {
  FakeService service;
  ScriptedTuning tuning(service, "Failed");
  auto tuner = Tuner(service);
  EXPECT_EQ(tuner.best_training_job().error().reason, "NoTuningJob");
  EXPECT_EQ(tuner.wait().error().reason, "NoTuningJob");
  const auto fitted = tuner.fit({}, {.job_name = "t"});
  ASSERT_FALSE(fitted);
  EXPECT_EQ(fitted.error().reason, "TuningJobFailed");
  EXPECT_THAT(fitted.error().message, HasSubstr("no success"));
  service.On("CreateHyperParameterTuningJob",
             [](const json&) { return Error400("ValidationException", "MinValue 3 is greater"); });
  EXPECT_THAT(tuner.fit({}, {.job_name = "t"}).error().message, HasSubstr("MinValue 3 is greater"));
  const auto attached = HyperparameterTuner::attach(service.session(), "t");
  ASSERT_TRUE(attached);
  HyperparameterTuner again = *attached;
  EXPECT_EQ(again.fit({}).error().reason, "AttachedTuner");
}

}  // namespace
}  // namespace clary
