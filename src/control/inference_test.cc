// Stories of models with inference scripts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "control/testing/serving_world.h"

namespace clary::control {
namespace {

using testing::HasSubstr;

class ScriptEndpointTest : public testing::Test {
 protected:
  static constexpr char kSklearn[] =
      "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3";

  ScriptEndpointTest() {
    w_.options.find_python = [](const std::string& image,
                                const std::string&) -> Result<api::PythonSpec> {
      if (image.contains("pytorch")) {
        return Fail(Code::kInvalidArgument, "ValidationException", "no Python for " + image);
      }
      return api::PythonSpec{.environment = "sklearn:1.2-1",
                             .interpreter = "/venv/bin/python",
                             .framework = "sklearn"};
    };
    w_.options.lend_keys = [this](const std::string& owner, const std::string& role,
                                  Duration) -> Result<api::JobCredentials> {
      EXPECT_EQ(role, "arn:aws:iam::123456789012:role/R");
      lent_.insert(owner);
      return api::JobCredentials{.access_key_id = "ASIA"};
    };
    w_.options.take_back_keys = [this](const std::string& owner) {
      lent_.erase(owner);
      return Status();
    };
    w_.options.endpoint = "http://127.0.0.1:8460";
    w_.Restart();
    w_.Put("source.tar.gz", "code");
  }
  json Create(const std::string& image, const json& environment) {
    json model = ServingWorld::Model("s");
    model["PrimaryContainer"]["Image"] = image;
    model["PrimaryContainer"]["Environment"] = environment;
    w_.Ok("CreateModel", model);
    w_.Config("c", {ServingWorld::Variant("A", 1, 1, "s")});
    w_.Ok("CreateEndpoint", {{"EndpointName", "e"}, {"EndpointConfigName", "c"}});
    w_.service->Reconcile();
    return w_.Endpoint();
  }

  ServingWorld w_;
  std::set<std::string> lent_;
};

TEST_F(ScriptEndpointTest, GetsThePythonOfItsImageAndKeysUntilItIsGone) {
  Create(kSklearn, {{"SAGEMAKER_PROGRAM", "inference.py"},
                    {"SAGEMAKER_SUBMIT_DIRECTORY", "s3://bkt/source.tar.gz"}});
  ASSERT_EQ(w_.Servers().size(), 1u);
  const api::ServerSpec spec = w_.ServerSpecOf(w_.Servers().front());
  EXPECT_EQ(spec.containers[0].program, "script");
  EXPECT_EQ(spec.containers[0].python.interpreter, "/venv/bin/python");
  EXPECT_EQ(spec.access.credentials.access_key_id, "ASIA");
  EXPECT_EQ(spec.access.endpoint, "http://127.0.0.1:8460");
  EXPECT_EQ(spec.invocation_timeout_s, 60);
  EXPECT_EQ(lent_, std::set<std::string>{w_.Servers().front().key});
  w_.AnswerAll();
  EXPECT_EQ(w_.StatusOfEndpoint(), "InService");
  w_.Ok("DeleteEndpoint", {{"EndpointName", "e"}});
  w_.service->Reconcile();
  EXPECT_FALSE(lent_.empty());  // it answers what it has begun
  w_.DrainAll();
  EXPECT_TRUE(lent_.empty());
}

TEST_F(ScriptEndpointTest, AFrameworksImageNeedsNoProgram) {
  Create(kSklearn, json::object());
  EXPECT_EQ(w_.ServerSpecOf(w_.Servers().front()).containers[0].program, "script");
}

TEST_F(ScriptEndpointTest, AnImageOfTheBuiltInAlgorithmIsAScriptsIfThereIsOne) {
  Create(ServingWorld::kImage, {{"SAGEMAKER_PROGRAM", ""}});
  const api::ServerSpec spec = w_.ServerSpecOf(w_.Servers().front());
  EXPECT_EQ(spec.containers[0].program, "xgboost");
  EXPECT_EQ(spec.access.credentials.access_key_id, "");
  EXPECT_TRUE(lent_.empty());
}

TEST_F(ScriptEndpointTest, SaysWhatIsMissing) {
  const json endpoint =
      Create("1.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.3.0-cpu-py311",
             {{"SAGEMAKER_PROGRAM", "inference.py"}});
  EXPECT_EQ(endpoint["EndpointStatus"], "Failed");
  EXPECT_THAT(endpoint["FailureReason"].get<std::string>(),
              testing::MatchesRegex("Please make sure all images included in the model for the "
                                    "production variant A exist.*no Python for 1.dkr.*"));
}

TEST_F(ScriptEndpointTest, SaysThatTheCodeIsNotThere) {
  const json endpoint = Create(kSklearn, {{"SAGEMAKER_PROGRAM", "inference.py"},
                                          {"SAGEMAKER_SUBMIT_DIRECTORY", "s3://bkt/other.tar.gz"}});
  EXPECT_EQ(endpoint["EndpointStatus"], "Failed");
  EXPECT_THAT(endpoint["FailureReason"].get<std::string>(), HasSubstr("s3://bkt/other.tar.gz"));
}

TEST(MultiModel, TheContainerGetsThePrefixAndTheFrontKnows) {
  ServingWorld w;
  json model = ServingWorld::Model("many", "s3://bkt/models/");
  model["PrimaryContainer"]["Mode"] = "MultiModel";
  model["PrimaryContainer"]["MultiModelConfig"] = {{"ModelCacheSetting", "Disabled"}};
  w.Ok("CreateModel", model);
  EXPECT_EQ(w.Ok("DescribeModel", {{"ModelName", "many"}})["PrimaryContainer"],
            model["PrimaryContainer"]);
  w.Deploy({ServingWorld::Variant("A", 1, 1, "many")});
  const api::ContainerSpec spec = w.ServerSpecOf(w.Servers().front()).containers.at(0);
  EXPECT_TRUE(spec.multi_model);
  EXPECT_FALSE(spec.keep_models);
  EXPECT_EQ(spec.model_uri, "s3://bkt/models/");
  EXPECT_EQ(spec.program, "xgboost");
  EXPECT_TRUE(w.Route()->variants.at(0).multi_model);
}

json TransformOf(const std::string& model) {
  return {
      {"TransformJobName", "t"},
      {"ModelName", model},
      {"TransformInput",
       {{"DataSource", {{"S3DataSource", {{"S3DataType", "S3Prefix"}, {"S3Uri", "s3://bkt/in/"}}}}},
        {"SplitType", "Line"}}},
      {"TransformOutput", {{"S3OutputPath", "s3://bkt/out"}}},
      {"ModelClientConfig", {{"InvocationsTimeoutInSeconds", 7}}},
      {"TransformResources", {{"InstanceType", "ml.m5.large"}, {"InstanceCount", 1}}}};
}

TEST_F(ScriptEndpointTest, ATransformHasThePythonAndKeysUntilItsEnd) {
  json model = ServingWorld::Model("s");
  model["PrimaryContainer"]["Image"] = kSklearn;
  w_.Ok("CreateModel", model);
  w_.Ok("CreateTransformJob", TransformOf("s"));
  w_.service->Reconcile();
  ASSERT_EQ(w_.executor.launches().size(), 1u);
  const exec::LaunchSpec launch = w_.executor.launches()[0];
  const auto spec = api::TransformSpec::FromJson(
      *ReadFile(std::filesystem::path(launch.directory) / "transform.json", 1 << 20));
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->containers.at(0).program, "script");
  EXPECT_EQ(spec->containers.at(0).python.interpreter, "/venv/bin/python");
  EXPECT_EQ(spec->invocation_timeout_s, 7);
  EXPECT_EQ(spec->access.credentials.access_key_id, "ASIA");
  EXPECT_EQ(lent_.size(), 1u);
  w_.Tell(launch, {.kind = api::JobEvent::Kind::kEnd, .exit_code = 0});
  w_.executor.Exit(launch.key, 0);
  w_.service->Reconcile();
  EXPECT_EQ(w_.Ok("DescribeTransformJob", {{"TransformJobName", "t"}})["TransformJobStatus"],
            "Completed");
  EXPECT_TRUE(lent_.empty());
}

TEST(MultiModel, NoBatchTransform) {
  ServingWorld w;
  json model = ServingWorld::Model("many", "s3://bkt/models/");
  model["PrimaryContainer"]["Mode"] = "MultiModel";
  w.Ok("CreateModel", model);
  const auto made = w.Call("CreateTransformJob", TransformOf("many"));
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, HasSubstr("a transform job runs one model"));
}

TEST(ModelFolder, IsAllBelowAPrefix) {
  ServingWorld w;
  const auto model = [](const std::string& type, const std::string& compression,
                        const std::string& uri) {
    json out = ServingWorld::Model("folder");
    out["PrimaryContainer"].erase("ModelDataUrl");
    out["PrimaryContainer"]["ModelDataSource"] = {
        {"S3DataSource", {{"S3Uri", uri}, {"S3DataType", type}, {"CompressionType", compression}}}};
    return out;
  };
  for (const json& bad :
       {model("S3Prefix", "Gzip", "s3://bkt/f/"), model("S3Object", "None", "s3://bkt/f"),
        model("S3Prefix", "None", "s3://bkt/f")}) {
    EXPECT_FALSE(w.Call("CreateModel", bad)) << bad;
  }
  w.Put("f/xgboost-model", "model");
  w.Ok("CreateModel", model("S3Prefix", "None", "s3://bkt/f/"));
  w.Deploy({ServingWorld::Variant("A", 1, 1, "folder")});
  const api::ContainerSpec spec = w.ServerSpecOf(w.Servers().front()).containers.at(0);
  EXPECT_TRUE(spec.model_folder);
  EXPECT_EQ(spec.model_uri, "s3://bkt/f/");
}

TEST(MultiModel, WhatItCannotBe) {
  ServingWorld w;
  const auto refused = [&](json model) {
    const auto made = w.Call("CreateModel", model);
    return made ? "taken" : made.error().message;
  };
  json model = ServingWorld::Model("many");
  model["PrimaryContainer"]["MultiModelConfig"] = {{"ModelCacheSetting", "Enabled"}};
  EXPECT_THAT(refused(model), HasSubstr("MultiModelConfig is for Mode MultiModel"));
  model["PrimaryContainer"]["Mode"] = "MultiModel";
  model["PrimaryContainer"].erase("ModelDataUrl");
  EXPECT_THAT(refused(model), HasSubstr("needs a ModelDataUrl"));
  json pipeline = ServingWorld::Model("many");
  json many = pipeline["PrimaryContainer"];
  many["Mode"] = "MultiModel";
  pipeline["Containers"] = {many, pipeline["PrimaryContainer"]};
  pipeline.erase("PrimaryContainer");
  EXPECT_THAT(refused(pipeline), HasSubstr("Containers[0] has Mode MultiModel"));

  json good = ServingWorld::Model("many", "s3://no-such-bucket/models/");
  good["PrimaryContainer"]["Mode"] = "MultiModel";
  w.Ok("CreateModel", good);
  w.Config("c", {ServingWorld::Variant("A", 1, 1, "many")});
  w.Ok("CreateEndpoint", {{"EndpointName", "e"}, {"EndpointConfigName", "c"}});
  w.service->Reconcile();
  EXPECT_THAT(w.Endpoint()["FailureReason"].get<std::string>(),
              testing::StartsWith("Failed to download model data for container \"container_1\""));
}

TEST_F(ScriptEndpointTest, TensorFlowServingIsRefused) {
  const json endpoint =
      Create("1.dkr.ecr.us-east-1.amazonaws.com/tensorflow-inference:2.14-cpu", json::object());
  EXPECT_EQ(endpoint["EndpointStatus"], "Failed");
  EXPECT_THAT(endpoint["FailureReason"].get<std::string>(), HasSubstr("TensorFlow Serving"));
}

}  // namespace
}  // namespace clary::control
