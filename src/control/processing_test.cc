// Stories of processing jobs of users. Those of rules are in rules_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "control/testing/world.h"

namespace clary::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ProcessingWorld : public World {
 public:
  using World::World;

  static json Job(const std::string& name) {
    return {{"ProcessingJobName", name},
            {"RoleArn", "arn:aws:iam::123456789012:role/R"},
            {"AppSpecification",
             {{"ImageUri", "1.dkr/sagemaker-scikit-learn:1.2-1-cpu-py3"},
              {"ContainerEntrypoint", {"python3", "/opt/ml/processing/input/code/prep.py"}},
              {"ContainerArguments", {"--x", "1"}}}},
            {"ProcessingInputs",
             {{{"InputName", "raw"},
               {"AppManaged", false},
               {"S3Input",
                {{"S3Uri", "s3://bkt/in/"},
                 {"LocalPath", "/opt/ml/processing/input/raw"},
                 {"S3DataType", "S3Prefix"},
                 {"S3InputMode", "File"},
                 {"S3DataDistributionType", "ShardedByS3Key"},
                 {"S3CompressionType", "None"}}}}}},
            {"ProcessingOutputConfig",
             {{"Outputs",
               {{{"OutputName", "out"},
                 {"S3Output",
                  {{"S3Uri", "s3://bkt/processed"},
                   {"LocalPath", "/opt/ml/processing/output"},
                   {"S3UploadMode", "Continuous"}}}}}}}},
            {"ProcessingResources",
             {{"ClusterConfig",
               {{"InstanceCount", 1}, {"InstanceType", "ml.m5.xlarge"}, {"VolumeSizeInGB", 30}}}}},
            {"Environment", {{"A", "1"}}}};
  }
  void Start(const json& request) {
    const auto made = Call("CreateProcessingJob", request);
    ASSERT_TRUE(made) << made.error().message;
    service->Reconcile();
  }
  json Look(const std::string& name) {
    const auto out = Call("DescribeProcessingJob", {{"ProcessingJobName", name}});
    EXPECT_TRUE(out) << out.error().message;
    return out ? *out : json();
  }
  static std::string Place(const std::string& name) { return "processing_jobs/" + name; }
  void Finish(const std::string& name, int code, const std::string& detail = "",
              const std::string& message = "") {
    Event(Place(name), {.kind = api::JobEvent::Kind::kEnd,
                        .detail = detail,
                        .message = message,
                        .exit_code = code});
    executor.Exit(Key(name), 0);
    service->Reconcile();
    service->Reconcile();
  }
  std::string RefusedAs(const std::function<void(json& request)>& change) {
    json request = Job("refused");
    change(request);
    return Refusal("CreateProcessingJob", request);
  }
};

TEST(ProcessingJob, CompletesAndTellsItsStory) {
  ProcessingWorld w;
  const json request = ProcessingWorld::Job("p");
  w.Start(request);
  const json begun = w.Look("p");
  EXPECT_EQ(begun["ProcessingJobStatus"], "InProgress");
  EXPECT_FALSE(begun.contains("ProcessingStartTime"));
  // As the request, which the SDK's own tests compare.
  for (const auto& [member, value] : request.items()) EXPECT_EQ(begun[member], value) << member;
  EXPECT_EQ(begun["StoppingCondition"], json({{"MaxRuntimeInSeconds", 86400}}));

  w.clock.Advance(seconds(2));
  w.Phase(ProcessingWorld::Place("p"), "Downloading");
  w.service->Reconcile();
  w.clock.Advance(seconds(3));
  w.Phase(ProcessingWorld::Place("p"), "Processing");
  w.Finish("p", 0, "", "42 rows");
  const json d = w.Look("p");
  EXPECT_EQ(d["ProcessingJobStatus"], "Completed");
  EXPECT_EQ(d["ExitMessage"], "42 rows");
  EXPECT_EQ(d["ProcessingEndTime"].get<double>() - d["ProcessingStartTime"].get<double>(), 3);
  EXPECT_EQ(d["LastModifiedTime"], d["ProcessingEndTime"]);
  EXPECT_FALSE(d.contains("FailureReason"));
  EXPECT_EQ(w.service->Reconcile(), 0u);
}

TEST(ProcessingJob, TheRunnerIsToldEverything) {
  ProcessingWorld w;
  json request = ProcessingWorld::Job("p");
  request["NetworkConfig"] = {
      {"EnableNetworkIsolation", true},
      {"VpcConfig", {{"SecurityGroupIds", {"sg-1"}}, {"Subnets", {"s-1"}}}}};
  json managed = request["ProcessingInputs"][0];
  managed["InputName"] = "managed";
  managed["AppManaged"] = true;
  managed["S3Input"]["S3Uri"] = "s3://bkt/not-there";
  request["ProcessingInputs"].push_back(managed);
  w.Start(request);
  const auto spec = w.Spec(ProcessingWorld::Place("p"));
  EXPECT_EQ(spec.contract, "processing");
  EXPECT_EQ(spec.program, "command");
  EXPECT_THAT(spec.entrypoint, ElementsAre("python3", "/opt/ml/processing/input/code/prep.py"));
  EXPECT_THAT(spec.arguments, ElementsAre("--x", "1"));
  EXPECT_EQ(spec.environment.at("A"), "1");
  EXPECT_TRUE(spec.network_isolation);
  ASSERT_EQ(spec.inputs.size(), 1u);  // the program itself brings what it manages
  EXPECT_EQ(spec.inputs[0].local_path, "/opt/ml/processing/input/raw");
  EXPECT_EQ(spec.inputs[0].distribution, "ShardedByS3Key");
  ASSERT_EQ(spec.outputs.size(), 1u);
  EXPECT_EQ(spec.outputs[0].upload_mode, "Continuous");
  EXPECT_EQ(spec.log_group, "/aws/sagemaker/ProcessingJobs");
  EXPECT_TRUE(spec.log_stream.starts_with("p/algo-1-"));
  EXPECT_EQ(spec.cpus, 4);
  EXPECT_EQ(spec.volume_gb, 30u);
  ASSERT_EQ(spec.notices.size(), 1u);
  EXPECT_THAT(spec.notices[0], HasSubstr("NetworkConfig.VpcConfig"));
  const json config = json::parse(spec.request_json);
  EXPECT_EQ(config["ProcessingJobArn"],
            "arn:aws:sagemaker:us-east-1:123456789012:processing-job/p");
  EXPECT_EQ(config["ProcessingInputs"][0]["S3Input"]["S3DownloadMode"], "StartOfJob");
  EXPECT_FALSE(config["ProcessingInputs"][0].contains("AppManaged"));
  EXPECT_TRUE(config["ProcessingOutputConfig"]["KmsKeyId"].is_null());
  EXPECT_TRUE(config["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"].is_null());
}

json Analysis(const std::string& name) {
  json request = ProcessingWorld::Job(name);
  request["AppSpecification"] = {
      {"ImageUri",
       "205585389593.dkr.ecr.us-east-1.amazonaws.com/sagemaker-clarify-processing:1.0"}};
  request["ProcessingInputs"][0]["InputName"] = "analysis_config";
  request["ProcessingResources"]["ClusterConfig"]["InstanceCount"] = 2;
  return request;
}

// A job of SageMaker Clarify's image runs our analysis, which may call the service, and leaves
// nothing behind that it made for itself, whatever way it ends.
TEST(ProcessingJob, AnAnalysisIsOursAndTakesItsEndpointWithIt) {
  ProcessingWorld w;
  std::string lent;
  w.options.endpoint = "http://127.0.0.1:1";
  w.options.lend_keys = [&](const std::string& arn, const std::string&,
                            Duration) -> Result<api::JobCredentials> {
    lent = arn;
    return api::JobCredentials{.access_key_id = "k", .secret_access_key = "s"};
  };
  w.options.take_back_keys = [&](const std::string&) -> Status {
    lent.clear();
    return {};
  };
  w.Restart();
  w.Start(Analysis("p"));
  const auto spec = w.Spec(ProcessingWorld::Place("p"));
  EXPECT_EQ(spec.program, "clarify");
  EXPECT_TRUE(spec.entrypoint.empty());
  EXPECT_EQ(spec.endpoint, "http://127.0.0.1:1");
  EXPECT_EQ(spec.credentials.access_key_id, "k");
  EXPECT_EQ(json::parse(spec.request_json)["ProcessingResources"]["ClusterConfig"]["InstanceCount"],
            2);
  const std::string arn = w.Look("p")["ProcessingJobArn"];
  EXPECT_EQ(lent, arn);

  const auto ok = [&](const char* operation, const json& input) {
    const auto done = w.Call(operation, input);
    ASSERT_TRUE(done) << operation << ": " << done.error().message;
  };
  w.Put("m.tar.gz", "model");
  ok("CreateModel",
     {{"ModelName", "m"},
      {"ExecutionRoleArn", "arn:aws:iam::123456789012:role/R"},
      {"PrimaryContainer",
       {{"Image", "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"},
        {"ModelDataUrl", "s3://bkt/m.tar.gz"}}}});
  const json tags = {{{"Key", "clary:processing-job"}, {"Value", arn}}};
  for (const bool own : {true, false}) {
    const std::string name = own ? "own" : "other";
    ok("CreateEndpointConfig", {{"EndpointConfigName", name},
                                {"ProductionVariants",
                                 {{{"VariantName", "v"},
                                   {"ModelName", "m"},
                                   {"InitialInstanceCount", 1},
                                   {"InstanceType", "ml.m5.large"}}}},
                                {"Tags", own ? tags : json::array()}});
    ok("CreateEndpoint", {{"EndpointName", name},
                          {"EndpointConfigName", name},
                          {"Tags", own ? tags : json::array()}});
  }
  // It is killed: nothing is reported.
  w.executor.Exit(w.Key("p"), 137);
  w.service->Reconcile();
  w.service->Reconcile();
  EXPECT_EQ(w.Look("p")["ProcessingJobStatus"], "Failed");
  EXPECT_EQ(lent, "");
  EXPECT_THAT(w.Refusal("DescribeEndpoint", {{"EndpointName", "own"}}),
              HasSubstr("Could not find"));
  EXPECT_THAT(w.Refusal("DescribeEndpointConfig", {{"EndpointConfigName", "own"}}),
              HasSubstr("Could not find"));
  EXPECT_TRUE(w.Call("DescribeEndpoint", {{"EndpointName", "other"}}));
  EXPECT_TRUE(w.Call("DescribeEndpointConfig", {{"EndpointConfigName", "other"}}));
}

TEST(ProcessingJob, WhatAnAnalysisNeedsIsSeenAtCreate) {
  ProcessingWorld w;
  const auto refused = [&](const std::function<void(json & r)>& change) {
    json request = Analysis("refused");
    change(request);
    return w.Refusal("CreateProcessingJob", request);
  };
  EXPECT_THAT(refused([](json& r) { r["AppSpecification"]["ContainerEntrypoint"] = {"sh"}; }),
              HasSubstr("AppSpecification.ContainerEntrypoint is not for the image"));
  EXPECT_THAT(refused([](json& r) { r["ProcessingInputs"][0]["InputName"] = "config"; }),
              HasSubstr("the input 'analysis_config' is required"));
  EXPECT_THAT(refused([](json& r) { r["ProcessingOutputConfig"]["Outputs"] = json::array(); }),
              HasSubstr("the output 'analysis_result' is required"));
}

TEST(ProcessingJob, FailsWithAReason) {
  ProcessingWorld w(16);
  const auto failed = [&](const char* name, int code, const char* detail) {
    w.Start(ProcessingWorld::Job(name));
    w.Phase(ProcessingWorld::Place(name), "Processing");
    w.Finish(name, code, detail, "sorry");
    const json d = w.Look(name);
    EXPECT_EQ(d["ProcessingJobStatus"], "Failed");
    EXPECT_EQ(d["ExitMessage"], "sorry");
    return d["FailureReason"].get<std::string>();
  };
  EXPECT_EQ(failed("a", 3, "ValueError: bad"), "AlgorithmError: ValueError: bad, exit code: 3");
  EXPECT_EQ(failed("b", 1, ""), "AlgorithmError: , exit code: 1");
  EXPECT_EQ(failed("c", 1, "ClientError: the message is not UTF-8"),
            "ClientError: the message is not UTF-8");
  EXPECT_THAT(failed("d", 137, ""), HasSubstr("more memory"));

  w.Start(ProcessingWorld::Job("lost"));
  w.executor.Exit(w.Key("lost"), 1);
  w.service->Reconcile();
  EXPECT_THAT(w.Look("lost")["FailureReason"].get<std::string>(),
              HasSubstr("before it reported the end"));
}

TEST(ProcessingJob, StopsOnRequestAndAtItsLimit) {
  ProcessingWorld w;
  w.Start(ProcessingWorld::Job("asked"));
  w.Phase(ProcessingWorld::Place("asked"), "Processing");
  w.service->Reconcile();
  ASSERT_TRUE(w.Call("StopProcessingJob", {{"ProcessingJobName", "asked"}}));
  EXPECT_EQ(w.Look("asked")["ProcessingJobStatus"], "Stopping");
  w.service->Reconcile();
  EXPECT_TRUE(w.executor.stop_grace(w.Key("asked")));
  EXPECT_THAT(w.Refusal("StopProcessingJob", {{"ProcessingJobName", "asked"}}),
              HasSubstr("is in status Stopping"));
  w.Finish("asked", 143);
  EXPECT_EQ(w.Look("asked")["ProcessingJobStatus"], "Stopped");
  EXPECT_FALSE(w.Look("asked").contains("FailureReason"));

  json limited = ProcessingWorld::Job("limited");
  limited["StoppingCondition"] = {{"MaxRuntimeInSeconds", 60}};
  w.Start(limited);
  w.Phase(ProcessingWorld::Place("limited"), "Processing");
  w.service->Reconcile();
  w.clock.Advance(seconds(61));
  w.service->Reconcile();
  EXPECT_EQ(w.Look("limited")["ProcessingJobStatus"], "Stopping");
  w.Restart();  // the cause outlives the service
  w.service->Reconcile();
  EXPECT_TRUE(w.executor.stop_grace(w.Key("limited")));
  w.Finish("limited", 143);
  EXPECT_EQ(w.Look("limited")["ProcessingJobStatus"], "Stopped");
}

// Each write fails once, and the service dies before each step.
TEST(ProcessingJob, LosesNothingWhateverFails) {
  const auto run = [](ProcessingWorld& w, const std::function<void(size_t step)>& before) {
    ASSERT_TRUE(w.Call("CreateProcessingJob", ProcessingWorld::Job("p")));
    const std::string place = ProcessingWorld::Place("p");
    size_t step = 0;
    const auto pass = [&] {
      before(step++);
      w.service->Reconcile();
      w.clock.Advance(seconds(1));
      w.service->Reconcile();
    };
    pass();
    w.Phase(place, "Downloading");
    pass();
    w.Phase(place, "Processing");
    pass();
    w.Event(place, {.kind = api::JobEvent::Kind::kEnd, .message = "done"});
    pass();
    w.executor.Exit(w.Key("p"), 0);
    pass();
    pass();
    EXPECT_EQ(w.Look("p")["ProcessingJobStatus"], "Completed");
    EXPECT_EQ(w.Look("p")["ExitMessage"], "done");
    EXPECT_EQ(w.executor.launches().size(), 1u);
    EXPECT_EQ(w.service->Reconcile(), 0u);
  };
  bool fired = true;
  int n = 1;
  for (; fired; ++n) {
    ProcessingWorld w;
    run(w, [&](size_t step) {
      if (step == 0) w.faulty.FailAt(n);
    });
    fired = w.faulty.fired();
  }
  EXPECT_GT(n, 3);
  for (size_t at = 0; at < 6; ++at) {
    ProcessingWorld w;
    run(w, [&](size_t step) {
      if (step == at) w.Restart();
    });
  }
}

TEST(ProcessingJob, WaitsForCoresBesideTrainingJobs) {
  ProcessingWorld w(4);
  w.Create("train");
  w.service->Reconcile();
  w.Start(ProcessingWorld::Job("p"));
  w.Start(ProcessingWorld::Job("q"));
  EXPECT_EQ(w.executor.launches().size(), 1u);
  ASSERT_TRUE(w.Call("StopProcessingJob", {{"ProcessingJobName", "q"}}));
  w.service->Reconcile();
  EXPECT_EQ(w.Look("q")["ProcessingJobStatus"], "Stopped");
  w.RunToEnd("train");
  w.service->Reconcile();
  EXPECT_EQ(w.executor.launches().size(), 2u);
}

TEST(ProcessingJob, AreListed) {
  ProcessingWorld w(4);
  for (const char* name : {"b", "a"}) {
    w.Start(ProcessingWorld::Job(name));
    w.clock.Advance(seconds(1));
  }
  ASSERT_TRUE(w.Call("StopProcessingJob", {{"ProcessingJobName", "a"}}));
  w.service->Reconcile();
  const auto names = [&](const json& query) {
    std::vector<std::string> out;
    const json answer = *w.Call("ListProcessingJobs", query);
    for (const json& job : answer["ProcessingJobSummaries"])
      out.push_back(job["ProcessingJobName"]);
    return out;
  };
  EXPECT_THAT(names(json::object()), ElementsAre("b", "a"));
  EXPECT_THAT(names({{"SortBy", "Name"}, {"SortOrder", "Descending"}}), ElementsAre("b", "a"));
  EXPECT_THAT(names({{"StatusEquals", "Stopped"}}), ElementsAre("a"));
  EXPECT_THAT(names({{"NameContains", "b"}}), ElementsAre("b"));
}

// Of the same name as a training job's, and deleted: neither touches the other.
TEST(ProcessingJob, IsDeletedAlone) {
  ProcessingWorld w;
  w.Create("same");
  w.RunToEnd("same");
  w.Start(ProcessingWorld::Job("same"));
  EXPECT_THAT(w.Refusal("DeleteProcessingJob", {{"ProcessingJobName", "same"}}),
              HasSubstr("ResourceInUse"));
  w.Event(ProcessingWorld::Place("same"), {.kind = api::JobEvent::Kind::kEnd});
  w.executor.Exit(w.Key("same"), 0);
  w.service->Reconcile();
  w.service->Reconcile();
  ASSERT_TRUE(w.Call("DeleteProcessingJob", {{"ProcessingJobName", "same"}}));
  w.service->Reconcile();
  EXPECT_THAT(w.Refusal("DescribeProcessingJob", {{"ProcessingJobName", "same"}}),
              HasSubstr("Could not find requested job with name: same"));
  EXPECT_FALSE(std::filesystem::exists(w.JobDir(ProcessingWorld::Place("same"))));
  EXPECT_TRUE(std::filesystem::exists(w.JobDir("same") / "job.json"));
  EXPECT_EQ(w.StatusOf("same"), "Completed/Completed");
}

TEST(ProcessingJob, MakesATrialComponent) {
  ProcessingWorld w;
  ASSERT_TRUE(w.Call("CreateExperiment", {{"ExperimentName", "e"}}));
  ASSERT_TRUE(w.Call("CreateTrial", {{"TrialName", "t"}, {"ExperimentName", "e"}}));
  json request = ProcessingWorld::Job("p");
  request["ExperimentConfig"] = {
      {"ExperimentName", "e"}, {"TrialName", "t"}, {"TrialComponentDisplayName", "prep"}};
  request["Tags"] = {{{"Key", "k"}, {"Value", "v"}}};
  w.Start(request);
  EXPECT_EQ(w.Look("p")["ExperimentConfig"], request["ExperimentConfig"]);
  EXPECT_FALSE(w.Look("p").contains("Tags"));
  const json component =
      *w.Call("DescribeTrialComponent", {{"TrialComponentName", "p-aws-processing-job"}});
  EXPECT_EQ(component["DisplayName"], "prep");
  EXPECT_EQ(component["Source"]["SourceType"], "SageMakerProcessingJob");
  EXPECT_EQ(component["InputArtifacts"]["raw"]["Value"], "s3://bkt/in/");
  EXPECT_EQ(component["OutputArtifacts"]["out"]["Value"], "s3://bkt/processed");
  EXPECT_FALSE(component["Parameters"].contains("A"));  // it may be a secret
  const json tags = *w.Call("ListTags", {{"ResourceArn", w.Look("p")["ProcessingJobArn"]}});
  EXPECT_EQ(tags["Tags"], request["Tags"]);
}

TEST(ProcessingJob, RefusesAtCreateWhatCannotRun) {
  ProcessingWorld w;
  w.options.find_python = [](const std::string& image,
                             const std::string&) -> Result<api::PythonSpec> {
    if (image.contains("scikit")) return api::PythonSpec{};
    return Fail(Code::kInvalidArgument, "ValidationException", "no Python: " + image);
  };
  w.Restart();
  const auto input = [](const char* member, json value) {
    return [=](json& r) { r["ProcessingInputs"][0]["S3Input"][member] = value; };
  };
  const auto output = [](const char* member, json value) {
    return [=](json& r) { r["ProcessingOutputConfig"]["Outputs"][0]["S3Output"][member] = value; };
  };
  EXPECT_THAT(w.RefusedAs([](json& r) {
    r["AppSpecification"]["ImageUri"] = "1.dkr/sagemaker-spark-processing:3.3-cpu";
  }),
              HasSubstr("ScriptProcessor and pyspark in local mode"));
  EXPECT_EQ(w.RefusedAs([](json& r) { r["AppSpecification"]["ImageUri"] = "my:1"; }),
            "ValidationException: no Python: my:1");
  EXPECT_THAT(w.RefusedAs([](json& r) { r["AppSpecification"].erase("ContainerEntrypoint"); }),
              HasSubstr("AppSpecification.ContainerEntrypoint"));
  EXPECT_EQ(w.RefusedAs(input("S3Uri", "s3://bkt/nothing/")),
            "ValidationException: No S3 objects found under S3 URL \"s3://bkt/nothing/\" given in "
            "input data source. Please ensure that the bucket exists in the selected region "
            "(us-east-1), that objects exist under that S3 prefix, and that the role "
            "\"arn:aws:iam::123456789012:role/R\" has \"s3:ListBucket\" permissions on bucket "
            "\"bkt\".");
  for (const char* path : {"/opt/ml/code", "/opt/ml/processing", "/opt/ml/processing/",
                           "/opt/ml/processing/../model", "relative"}) {
    EXPECT_THAT(w.RefusedAs(input("LocalPath", path)), HasSubstr("is not below")) << path;
    EXPECT_THAT(w.RefusedAs(output("LocalPath", path)), HasSubstr("is not below")) << path;
  }
  EXPECT_THAT(w.RefusedAs([](json& r) { r["ProcessingInputs"][0]["S3Input"].erase("LocalPath"); }),
              HasSubstr("LocalPath is required"));
  EXPECT_THAT(w.RefusedAs(input("S3InputMode", "Pipe")), HasSubstr("'raw': S3InputMode 'Pipe'"));
  EXPECT_THAT(w.RefusedAs(input("S3CompressionType", "Gzip")), HasSubstr("'Gzip'"));
  EXPECT_THAT(w.RefusedAs(output("S3Uri", "s3://no-bucket/x")), HasSubstr("\"no-bucket\""));
  EXPECT_THAT(
      w.RefusedAs([](json& r) { r["ProcessingInputs"].push_back(r["ProcessingInputs"][0]); }),
      HasSubstr("'raw' is given twice"));
  EXPECT_THAT(w.RefusedAs([](json& r) {
    json& outputs = r["ProcessingOutputConfig"]["Outputs"];
    outputs.push_back(outputs[0]);
  }),
              HasSubstr("'out' is given twice"));
  EXPECT_THAT(w.RefusedAs([](json& r) {
    r["ProcessingInputs"][0].erase("S3Input");
    r["ProcessingInputs"][0]["DatasetDefinition"] = {{"LocalPath", "/opt/ml/processing/x"}};
  }),
              HasSubstr("ProcessingInputs[0].DatasetDefinition is not supported"));
  EXPECT_THAT(w.RefusedAs([](json& r) {
    r["ProcessingOutputConfig"]["Outputs"][0]["FeatureStoreOutput"] = {{"FeatureGroupName", "f"}};
  }),
              HasSubstr("FeatureStoreOutput is not supported"));
  EXPECT_EQ(w.RefusedAs([](json&) {}), "accepted");
  EXPECT_THAT(w.RefusedAs([](json&) {}), HasSubstr("ResourceInUse"));
}

}  // namespace
}  // namespace clary::control
