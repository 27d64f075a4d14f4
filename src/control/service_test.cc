// Stories of training jobs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "api/members.h"
#include "api/sagemaker.h"
#include "control/testing/world.h"

namespace clary::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kGroup[] = "/aws/sagemaker/TrainingJobs";
constexpr char kInternalText[] =
    "InternalServerError: We encountered an internal error. Please try again.";

TEST(TrainingJob, CompletesAndTellsItsStory) {
  World w;
  w.Create("j");
  EXPECT_EQ(w.StatusOf("j"), "InProgress/Starting");
  w.RunToEnd("j");
  EXPECT_THAT(w.History("j"),
              ElementsAre("Starting: Preparing the instances for training...",
                          "Downloading: Downloading input data...",
                          "Training: Training image download completed. Training in progress.",
                          "Uploading: Uploading generated training model",
                          "Completed: Training job completed"));
  const json d = w.Describe("j");
  EXPECT_EQ(d["TrainingJobStatus"], "Completed");
  EXPECT_EQ(d["TrainingJobArn"], "arn:aws:sagemaker:us-east-1:123456789012:training-job/j");
  EXPECT_EQ(d["ModelArtifacts"]["S3ModelArtifacts"], "s3://bkt/out/j/output/model.tar.gz");
  EXPECT_EQ(d["TrainingTimeInSeconds"], 5);
  EXPECT_EQ(d["BillableTimeInSeconds"], 5);
  EXPECT_EQ(d["TrainingEndTime"].get<double>() - d["TrainingStartTime"].get<double>(), 5);
  EXPECT_EQ(d["LastModifiedTime"], d["TrainingEndTime"]);
  const json& history = d["SecondaryStatusTransitions"];
  for (size_t i = 0; i + 1 < history.size(); ++i) {
    EXPECT_EQ(history[i]["EndTime"], history[i + 1]["StartTime"]);
  }
  EXPECT_FALSE(d.contains("FailureReason"));
  EXPECT_EQ(w.service->Reconcile(), 0u);  // nothing is left to watch
  EXPECT_EQ(w.executor.Find(w.Key("j")), std::nullopt);
}

TEST(TrainingJob, TheRunnerIsToldEverything) {
  World w;
  json request = World::Request("j");
  request["Environment"] = {{"A", "b"}};
  request["EnableNetworkIsolation"] = true;
  request["CheckpointConfig"] = {{"S3Uri", "s3://bkt/cp"}};
  request["DebugHookConfig"] = {{"S3OutputPath", "s3://bkt/d"}};
  request["DebugRuleConfigurations"] = {
      {{"RuleConfigurationName", "Report"},
       {"RuleEvaluatorImage", "i"},
       {"RuleParameters", {{"rule_to_invoke", "CreateXgboostReport"}}}}};
  w.Create(request);
  w.service->Reconcile();
  ASSERT_EQ(w.executor.launches().size(), 1u);
  const exec::LaunchSpec launch = w.executor.launches()[0];
  EXPECT_THAT(launch.argv, ElementsAre("/clary", "runner", w.JobDir("j").string()));
  const api::JobSpec spec = w.Spec("j");
  EXPECT_EQ(spec.program, "xgboost");
  EXPECT_EQ(spec.image_version, "1.7-1");
  EXPECT_EQ(spec.hyperparameters.at("num_round"), "10");
  EXPECT_EQ(spec.environment.at("A"), "b");
  EXPECT_EQ(spec.channels.at(0).content_type, "csv");
  EXPECT_EQ(spec.channels.at(0).distribution, "FullyReplicated");
  EXPECT_EQ(spec.output_uri, "s3://bkt/out");
  EXPECT_TRUE(spec.network_isolation);
  EXPECT_EQ(spec.checkpoint_path, "/opt/ml/checkpoints");
  EXPECT_EQ(spec.debug_hook_json, R"({"S3OutputPath":"s3://bkt/d"})");
  EXPECT_TRUE(spec.report_tensors);
  EXPECT_EQ(spec.log_group, kGroup);
  EXPECT_THAT(spec.log_stream, testing::StartsWith("j/algo-1-"));
  EXPECT_EQ(spec.cpus, 4);
}

TEST(TrainingJob, DescribeHasWhatClientsReadWithoutAsking) {
  World w;
  json request = World::Request("j");
  request.erase("StoppingCondition");
  w.Create(request);
  const json d = w.Describe("j");
  EXPECT_EQ(d["OutputDataConfig"]["KmsKeyId"], "");
  EXPECT_EQ(d["OutputDataConfig"]["S3OutputPath"], "s3://bkt/out/");
  EXPECT_EQ(d["InputDataConfig"], request["InputDataConfig"]);
  EXPECT_EQ(d["ResourceConfig"], request["ResourceConfig"]);
  EXPECT_EQ(d["HyperParameters"], request["HyperParameters"]);
  EXPECT_EQ(d["StoppingCondition"]["MaxRuntimeInSeconds"], 86400);
  EXPECT_EQ(d["EnableNetworkIsolation"], false);
  EXPECT_EQ(d["EnableInterContainerTrafficEncryption"], false);
  EXPECT_EQ(d["EnableManagedSpotTraining"], false);
  EXPECT_EQ(d["ProfilingStatus"], "Disabled");
  EXPECT_TRUE(d["ModelArtifacts"].contains("S3ModelArtifacts"));
  const json& definitions = d["AlgorithmSpecification"]["MetricDefinitions"];
  const json auc = {{"Name", "validation:auc"},
                    {"Regex", ".*\\[[0-9]+\\].*#011validation-auc:(\\S+)"}};
  EXPECT_THAT(definitions, testing::Contains(auc));
}

TEST(TrainingJob, MetricsComeFromTheLog) {
  World w;
  json request = World::Request("j");
  request["AlgorithmSpecification"]["MetricDefinitions"] = {
      {{"Name", "mine"}, {"Regex", "mine=([0-9.]+)"}}};
  w.Create(request);
  w.service->Reconcile();
  w.Log("j", {"[0]\ttrain-auc:0.5\tvalidation-auc:0.25", "mine=7.5 mine=8",
              "[1]\ttrain-auc:0.75\tvalidation-auc:nan", "noise validation-auc:1"});
  EXPECT_EQ(w.service->Metrics("j", "train:auc")->at(0).points.size(), 2u);
  EXPECT_TRUE(w.service->Metrics("j", "train:rmse")->empty());
  EXPECT_EQ(w.service->Metrics("no").error().code, Code::kNotFound);
  w.RunToEnd("j");
  json values;
  for (const json described = w.Describe("j"); const json& m : described["FinalMetricDataList"]) {
    values[m["MetricName"].get<std::string>()] = m["Value"];
    EXPECT_GT(m["Timestamp"].get<double>(), 1e9);
  }
  EXPECT_EQ(values, (json{{"mine", 7.5}, {"validation:auc", 0.25}, {"train:auc", 0.75}}));
}

TEST(TrainingJob, FailsWithTheReasonOfItsRunner) {
  struct Case {
    int code;
    std::string detail;
    std::string reason;
  };
  const std::string wide(2000, 'x');
  for (const Case& c :
       {Case{1, "", "AlgorithmError: , exit code: 1"},
        Case{1, "bad eta", "AlgorithmError: bad eta, exit code: 1"},
        Case{1, "ClientError: no such file", "ClientError: no such file"},
        Case{137, "",
             "AlgorithmError: Please use an instance type with more memory, or "
             "reduce the size of training data processed on an instance., exit "
             "code: 137"},
        Case{1, wide, "AlgorithmError: " + wide.substr(0, 994) + ", exit code: 1"}}) {
    World w;
    w.Create("j");
    w.service->Reconcile();
    w.Phase("j", "Downloading");
    w.Phase("j", "Training");
    w.Phase("j", "Uploading");
    w.End("j", c.code, c.detail);
    w.service->Reconcile();
    EXPECT_EQ(w.StatusOf("j"), "Failed/Failed");
    const json d = w.Describe("j");
    EXPECT_EQ(d["FailureReason"], c.reason);
    EXPECT_LE(d["FailureReason"].get<std::string>().size(), 1024u);
    EXPECT_EQ(w.History("j").back(), "Failed: Training job failed");
    EXPECT_EQ(d["TrainingTimeInSeconds"], 1);  // never 0
  }
}

TEST(TrainingJob, WithoutItsArtifactIsNotCompleted) {
  World w;
  w.Create("j");
  w.service->Reconcile();
  w.Event("j", {.kind = api::JobEvent::Kind::kArtifact, .detail = "s3://bkt/out/j/gone"});
  w.End("j", 0);
  w.service->Reconcile();
  EXPECT_EQ(w.StatusOf("j"), "Failed/Failed");
  EXPECT_THAT(w.Describe("j")["FailureReason"].get<std::string>(), HasSubstr(kInternalText));
}

TEST(TrainingJob, ARunnerThatDiesSilentlyFailsTheJob) {
  for (const bool lost : {false, true}) {
    World w;
    w.Create("j");
    w.service->Reconcile();
    w.Phase("j", "Training");
    if (lost) {
      w.executor.Lose(w.Key("j"));
    } else {
      w.executor.Exit(w.Key("j"), 139);
    }
    w.service->Reconcile();
    EXPECT_EQ(w.StatusOf("j"), "Failed/Failed");
    EXPECT_THAT(w.Describe("j")["FailureReason"].get<std::string>(), HasSubstr(kInternalText));
    w.service->Reconcile();
    EXPECT_EQ(w.service->Reconcile(), 0u);
  }
}

TEST(TrainingJob, StopsOnRequestAndKeepsItsModel) {
  World w;
  w.Create("j");
  w.service->Reconcile();
  w.Phase("j", "Downloading");
  w.Phase("j", "Training");
  w.service->Reconcile();
  EXPECT_EQ(*w.Stop("j"), json::object());
  EXPECT_EQ(w.StatusOf("j"), "Stopping/Stopping");  // at once, before the reconciler has run
  EXPECT_EQ(w.Stop("j").error().message,
            "The request was rejected because the training job is in status Stopping.");
  w.service->Reconcile();
  EXPECT_EQ(w.executor.stop_grace(w.Key("j")), std::chrono::minutes(32));
  w.clock.Advance(seconds(2));
  w.Phase("j", "Uploading");
  w.Artifact("j");
  w.End("j", 0);
  w.executor.Exit(w.Key("j"), 0);
  w.service->Reconcile();
  EXPECT_EQ(w.StatusOf("j"), "Stopped/Stopped");
  EXPECT_THAT(w.History("j"), testing::IsSupersetOf({"Stopping: Stopping the training job",
                                                     "Stopped: Training job stopped"}));
  const json d = w.Describe("j");
  EXPECT_EQ(d["ModelArtifacts"]["S3ModelArtifacts"], "s3://bkt/out/j/output/model.tar.gz");
  EXPECT_FALSE(d.contains("FailureReason"));
  EXPECT_EQ(w.Stop("j").error().message,
            "The request was rejected because the training job is in status Stopped.");
}

TEST(TrainingJob, StoppedBeforeItsLaunchNeverRuns) {
  World w;
  w.Create("j");
  ASSERT_TRUE(w.Stop("j"));
  w.service->Reconcile();
  EXPECT_EQ(w.StatusOf("j"), "Stopped/Stopped");
  EXPECT_TRUE(w.executor.launches().empty());
}

TEST(TrainingJob, StopsAtItsMaxRuntime) {
  World w;
  w.Create("j");
  w.service->Reconcile();
  w.clock.Advance(seconds(100));  // before the start of downloading: does not count
  w.Phase("j", "Downloading");
  w.service->Reconcile();
  w.clock.Advance(seconds(59));
  w.service->Reconcile();
  EXPECT_EQ(w.StatusOf("j"), "InProgress/Downloading");
  w.clock.Advance(seconds(1));
  w.service->Reconcile();
  EXPECT_EQ(w.StatusOf("j"), "Stopping/Stopping");
  EXPECT_TRUE(w.executor.stop_grace(w.Key("j")));
  w.Restart();  // the cause of the stop is not forgotten
  w.End("j", 143);
  w.executor.Exit(w.Key("j"), 143);
  w.service->Reconcile();
  EXPECT_EQ(w.StatusOf("j"), "Stopped/MaxRuntimeExceeded");
  EXPECT_FALSE(w.Describe("j").contains("FailureReason"));
  EXPECT_EQ(w.History("j").back(),
            "MaxRuntimeExceeded: Training job runtime exceeded MaxRuntimeInSeconds provided");
}

TEST(Delete, FreesTheNameAndLeavesNothingToALaterJob) {
  World w;
  json request = World::Request("j");
  request["Tags"] = {{{"Key", "team"}, {"Value", "one"}}};
  w.Create(request);
  const std::string arn = w.Describe("j")["TrainingJobArn"];
  const json name = {{"TrainingJobName", "j"}};
  EXPECT_THAT(w.Refusal("DeleteTrainingJob", name), HasSubstr("ResourceInUse: "));
  w.service->Reconcile();
  w.Log("j", {"[0]\ttrain-auc:0.5"});
  w.RunToEnd("j");
  const json first = w.Describe("j");

  EXPECT_EQ(*w.Call("DeleteTrainingJob", name), json::object());
  EXPECT_EQ(w.StatusOf("j"), "Deleting/Completed");
  EXPECT_THAT(w.Refusal("CreateTrainingJob", request), HasSubstr("ResourceInUse"));
  EXPECT_EQ(*w.Call("DeleteTrainingJob", name), json::object());  // again is no error
  w.Restart();
  EXPECT_EQ(w.StatusOf("j"), "Deleting/Completed");  // and is not forgotten
  w.service->Reconcile();
  EXPECT_EQ(w.Refusal("DescribeTrainingJob", name),
            "ValidationException: Requested resource not found.");
  EXPECT_FALSE(std::filesystem::exists(w.JobDir("j")));
  EXPECT_EQ(w.service->Metrics("j").error().code, Code::kNotFound);
  EXPECT_THAT(w.Refusal("AddTags", {{"ResourceArn", arn}, {"Tags", json::array()}}),
              HasSubstr("Requested resource not found."));
  w.Restart();
  EXPECT_EQ(w.Refusal("DescribeTrainingJob", name),
            "ValidationException: Requested resource not found.");

  w.Create("j");
  EXPECT_EQ(w.Call("ListTags", {{"ResourceArn", arn}})->at("Tags"), json::array());
  EXPECT_EQ(w.StatusOf("j"), "InProgress/Starting");
  w.RunToEnd("j");
  EXPECT_EQ(w.executor.launches().size(), 2u);
  const json second = w.Describe("j");
  EXPECT_EQ(second["TrainingJobStatus"], "Completed");
  EXPECT_GE(second["CreationTime"], first["TrainingEndTime"]);
  EXPECT_FALSE(second.contains("FinalMetricDataList"));  // the first one's log is gone
}

TEST(Delete, WaitsForTheRunnerToLeave) {
  World w;
  w.Create("j");
  w.service->Reconcile();
  w.Phase("j", "Downloading");
  w.End("j", 1, "ClientError: bad");
  w.service->Reconcile();
  EXPECT_EQ(w.StatusOf("j"), "Failed/Failed");
  EXPECT_TRUE(w.Call("DeleteTrainingJob", {{"TrainingJobName", "j"}}));
  w.service->Reconcile();
  EXPECT_EQ(w.StatusOf("j"), "Deleting/Failed");  // its process is still there
  w.executor.Exit(w.Key("j"), 1);
  w.service->Reconcile();
  w.service->Reconcile();
  EXPECT_THAT(w.Refusal("DescribeTrainingJob", {{"TrainingJobName", "j"}}), HasSubstr("not found"));
}

TEST(Update, ChangesWhatAJobInProgressMayChange) {
  World w;
  w.Create("j");
  w.clock.Advance(seconds(1));
  const auto updated =
      w.Call("UpdateTrainingJob", {{"TrainingJobName", "j"},
                                   {"ProfilerConfig", {{"DisableProfiler", false}}},
                                   {"ResourceConfig", {{"KeepAlivePeriodInSeconds", 60}}},
                                   {"RemoteDebugConfig", {{"EnableRemoteDebug", true}}}});
  ASSERT_TRUE(updated) << updated.error().message;
  const json d = w.Describe("j");
  EXPECT_EQ((*updated)["TrainingJobArn"], d["TrainingJobArn"]);
  EXPECT_EQ(d["ProfilingStatus"], "Enabled");
  EXPECT_EQ(d["ResourceConfig"]["KeepAlivePeriodInSeconds"], 60);
  EXPECT_EQ(d["ResourceConfig"]["InstanceType"], "ml.m5.xlarge");
  EXPECT_EQ(d["RemoteDebugConfig"]["EnableRemoteDebug"], true);
  EXPECT_GT(d["LastModifiedTime"], d["CreationTime"]);
  w.service->Reconcile();  // launches it
  EXPECT_THAT(w.Refusal("UpdateTrainingJob", {{"TrainingJobName", "j"},
                                              {"ProfilerConfig", {{"DisableProfiler", true}}}}),
              HasSubstr("ProfilerConfig of a training job that has started cannot be changed"));
  w.RunToEnd("j");
  EXPECT_EQ(w.StatusOf("j"), "Completed/Completed");
  EXPECT_EQ(w.Describe("j")["ProfilingStatus"], "Enabled");
  EXPECT_EQ(w.Refusal("UpdateTrainingJob",
                      {{"TrainingJobName", "j"}, {"ProfilerConfig", {{"DisableProfiler", true}}}}),
            "ValidationException: The request was rejected because the training job is in status "
            "Completed.");
  EXPECT_THAT(w.Refusal("UpdateTrainingJob",
                        {{"TrainingJobName", "j"}, {"ResourceConfig", json::object()}}),
              HasSubstr("'resourceConfig.keepAlivePeriodInSeconds' failed to satisfy constraint: "
                        "Member must not be null"));
}

TEST(Queue, JobsWaitForCoresInOrder) {
  World w(8);
  json big = World::Request("big");
  big["ResourceConfig"]["InstanceType"] = "ml.m5.24xlarge";  // all 8 cores
  w.Create("a");
  w.clock.Advance(milliseconds(1));
  w.Create(big);
  w.clock.Advance(milliseconds(1));
  w.Create("c");
  w.service->Reconcile();
  EXPECT_EQ(w.executor.launches().size(), 1u);
  EXPECT_EQ(w.StatusOf("big"), "InProgress/Pending");
  EXPECT_EQ(w.StatusOf("c"), "InProgress/Pending");  // does not overtake
  EXPECT_EQ(w.History("c").back(), "Pending: Training job waiting for capacity...");
  w.RunToEnd("a");
  EXPECT_EQ(w.executor.launches().size(), 2u);
  EXPECT_EQ(w.History("big").back(), "Pending: Preparing the instances for training...");
  w.RunToEnd("big");
  w.RunToEnd("c");
  EXPECT_EQ(w.StatusOf("c"), "Completed/Completed");
}

TEST(Queue, SpotWaitsNoLongerThanItsLimit) {
  World w(4);
  w.Create("a");
  json spot = World::Request("s");
  spot["EnableManagedSpotTraining"] = true;
  spot["StoppingCondition"]["MaxWaitTimeInSeconds"] = 90;
  w.clock.Advance(milliseconds(1));
  w.Create(spot);
  w.service->Reconcile();
  w.clock.Advance(seconds(91));
  w.service->Reconcile();
  EXPECT_EQ(w.StatusOf("s"), "Stopped/MaxWaitTimeExceeded");
}

TEST(Create, RefusesInTheServicesWords) {
  World w;
  w.Create("taken");
  const auto refused = [&](const std::function<void(json&)>& change) {
    json request = World::Request("j");
    change(request);
    return w.Refusal("CreateTrainingJob", request);
  };
  EXPECT_EQ(refused([](json& r) { r["TrainingJobName"] = "taken"; }),
            "ResourceInUse: Training job names must be unique within an AWS account and region, "
            "and a training job with this name already exists "
            "(arn:aws:sagemaker:us-east-1:123456789012:training-job/taken)");
  const std::string missing =
      "ValidationException: No S3 objects found under S3 URL \"s3://bkt/none\" given in input data "
      "source. Please ensure that the bucket exists in the selected region (us-east-1), that "
      "objects exist under that S3 prefix, and that the role \"arn:aws:iam::123456789012:role/R\" "
      "has \"s3:ListBucket\" permissions on bucket \"bkt\".";
  EXPECT_EQ(refused([](json& r) {
              r["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = "s3://bkt/none";
            }),
            missing);
  EXPECT_EQ(refused([](json& r) {
              r["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"] = "s3://bkt/none";
              r["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3DataType"] = "ManifestFile";
            }),
            missing);
  EXPECT_EQ(refused([](json& r) {
              r["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3DataType"] =
                  "AugmentedManifestFile";
              r["InputDataConfig"][0]["DataSource"]["S3DataSource"]["AttributeNames"] = {"a"};
            }),
            "ValidationException: Channel 'train': S3DataType 'AugmentedManifestFile' is for "
            "algorithms that read a stream of files and their labels, which XGBoost is not; use "
            "'S3Prefix' or 'ManifestFile'");
  EXPECT_THAT(
      refused([](json& r) { r["AlgorithmSpecification"]["TrainingImage"] = "x/linear-learner:1"; }),
      HasSubstr("sagemaker-xgboost:1.7-1"));
  EXPECT_THAT(refused([](json& r) { r["OutputDataConfig"]["S3OutputPath"] = "s3://nowhere/x"; }),
              HasSubstr("does not exist"));
  EXPECT_THAT(refused([](json& r) { r["EnableManagedSpotTraining"] = true; }),
              HasSubstr("Invalid MaxWaitTimeInSeconds"));
  EXPECT_THAT(refused([](json& r) { r["StoppingCondition"]["MaxWaitTimeInSeconds"] = 90; }),
              HasSubstr("Invalid MaxWaitTimeInSeconds"));
  EXPECT_THAT(refused([](json& r) { r["ResourceConfig"]["InstanceCount"] = 101; }),
              HasSubstr("at most 100 instances"));
  EXPECT_THAT(
      refused([](json& r) {
        r["AlgorithmSpecification"]["MetricDefinitions"] = {{{"Name", "m"}, {"Regex", "(["}}};
      }),
      HasSubstr("'m'"));
  EXPECT_THAT(refused([](json& r) { r["InputDataConfig"].push_back(r["InputDataConfig"][0]); }),
              HasSubstr("given twice"));
  EXPECT_EQ(refused([](json& r) { r.erase("TrainingJobName"); }),
            "ValidationException: 1 validation error detected: Value null at 'trainingJobName' "
            "failed to satisfy constraint: Member must not be null");
  EXPECT_EQ(w.Refusal("DescribeTrainingJob", {{"TrainingJobName", "j"}}),
            "ValidationException: Requested resource not found.");
  EXPECT_EQ(w.Refusal("StopTrainingJob", {{"TrainingJobName", "j"}}),
            "ValidationException: Requested resource not found.");
  EXPECT_THAT(w.Refusal("CreateCoffee", json::object()), HasSubstr("UnknownOperationException"));
  // Nothing of the refused was kept.
  EXPECT_EQ(w.service->JobNames().size(), 1u);
}

TEST(Operations, ThatTheApiSaysAreServedAre) {
  World w;
  for (const std::string_view operation : api::SageMakerMembers().operations) {
    const auto answer = w.service->Handle(operation, json::object());
    EXPECT_TRUE(answer || answer.error().reason != "UnknownOperationException") << operation;
  }
}

}  // namespace
}  // namespace clary::control
