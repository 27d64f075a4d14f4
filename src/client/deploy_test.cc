// Models on their way to an endpoint or a batch transform, against a scripted service.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "clary/estimator.h"
#include "client/testing/fake_service.h"

namespace clary {
namespace {

using client::Error400;
using client::FakeService;
using client::Ok;
using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

class Deploy : public testing::Test {
 protected:
  Deploy() {
    Train(json::object());
    for (const char* operation : {"CreateModel", "CreateEndpointConfig", "CreateEndpoint",
                                  "UpdateEndpoint", "CreateTransformJob", "DeleteEndpoint"}) {
      service_.On(operation, [](const json&) { return Ok(json::object()); });
    }
    End("InService", "");
  }
  void Train(const json& hyperparameters) {
    service_.On("DescribeTrainingJob", [hyperparameters](const json&) {
      return Ok({{"TrainingJobName", "job"},
                 {"TrainingJobStatus", "Completed"},
                 {"AlgorithmSpecification", {{"TrainingImage", "image:1"}}},
                 {"RoleArn", "role"},
                 {"HyperParameters", hyperparameters},
                 {"ModelArtifacts", {{"S3ModelArtifacts", "s3://b/model.tar.gz"}}}});
    });
  }
  // The endpoint's first Describe says `before`, those behind it `status`.
  void End(const std::string& status, const std::string& reason,
           const std::string& before = "Creating") {
    described_ = 0;
    service_.On("DescribeEndpoint", [this, status, reason, before](const json& asked) {
      json answer = {{"EndpointName", asked["EndpointName"]},
                     {"EndpointConfigName", "config"},
                     {"EndpointStatus", described_++ == 0 ? before : status}};
      if (!reason.empty()) answer["FailureReason"] = reason;
      return Ok(answer);
    });
  }
  Estimator Attached() { return Estimator::attach(service_.session(), "job").value(); }

  FakeService service_;
  int described_ = 0;
};

TEST_F(Deploy, MakesAModelAConfigurationAndAnEndpoint) {
  const auto predictor = Attached().deploy({.initial_instance_count = 2, .endpoint_name = "e"});
  ASSERT_TRUE(predictor) << predictor.error().message;
  EXPECT_EQ(predictor->endpoint_name(), "e");
  const json model = service_.Last("CreateModel");
  EXPECT_THAT(model["ModelName"].get<std::string>(), StartsWith("e-20"));
  EXPECT_EQ(model["PrimaryContainer"],
            json({{"Image", "image:1"}, {"ModelDataUrl", "s3://b/model.tar.gz"}}));
  const json config = service_.Last("CreateEndpointConfig");
  EXPECT_EQ(config["ProductionVariants"][0]["ModelName"], model["ModelName"]);
  EXPECT_EQ(config["ProductionVariants"][0]["InitialInstanceCount"], 2);
  EXPECT_EQ(service_.Last("CreateEndpoint"),
            json({{"EndpointName", "e"}, {"EndpointConfigName", config["EndpointConfigName"]}}));
  EXPECT_EQ(described_, 2);  // it waited for the second
  EXPECT_EQ(service_.Calls("UpdateEndpoint"), 0);
}

TEST_F(Deploy, IsNamedAfterTheJobAndNeedNotWait) {
  const auto predictor = Attached().deploy({.wait = false});
  ASSERT_TRUE(predictor) << predictor.error().message;
  EXPECT_EQ(predictor->endpoint_name(), "job");
  EXPECT_EQ(service_.Calls("DescribeEndpoint"), 0);
}

TEST_F(Deploy, UpdatesAnEndpointThatIsThere) {
  ASSERT_TRUE(Attached().deploy({.endpoint_name = "e", .update_endpoint = true}));
  EXPECT_EQ(service_.Calls("UpdateEndpoint"), 1);
  EXPECT_EQ(service_.Calls("CreateEndpoint"), 0);
}

TEST_F(Deploy, CreatesOneThatIsNotThereToUpdate) {
  service_.On("DescribeEndpoint", [this](const json&) {
    return described_++ == 0 ? Error400("ValidationException", "Could not find endpoint \"e\".")
                             : Ok({{"EndpointName", "e"}, {"EndpointStatus", "InService"}});
  });
  ASSERT_TRUE(Attached().deploy({.endpoint_name = "e", .update_endpoint = true}));
  EXPECT_EQ(service_.Calls("CreateEndpoint"), 1);
}

TEST_F(Deploy, SaysWhyAnEndpointFailed) {
  End("Failed", "no ping");
  const auto created = Attached().deploy({.endpoint_name = "e"});
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().reason, "EndpointFailed");
  EXPECT_EQ(created.error().message, "endpoint e is Failed: no ping");
  End("InService", "rolled back", "Updating");  // the old one answers, the new one does not
  const auto updated = Attached().deploy({.endpoint_name = "e", .update_endpoint = true});
  ASSERT_FALSE(updated);
  EXPECT_THAT(updated.error().message, HasSubstr("rolled back"));
}

TEST_F(Deploy, ServesWithTheScriptThatHasTrained) {
  Train({{"sagemaker_program", "\"train.py\""},
         {"sagemaker_submit_directory", "\"s3://b/code.tar.gz\""}});
  ASSERT_TRUE(Attached().deploy({.model = {.environment = {{"A", "1"}}}}));
  const json environment = service_.Last("CreateModel")["PrimaryContainer"]["Environment"];
  EXPECT_EQ(environment["SAGEMAKER_PROGRAM"], "train.py");
  EXPECT_EQ(environment["SAGEMAKER_SUBMIT_DIRECTORY"], "s3://b/code.tar.gz");
  EXPECT_EQ(environment["A"], "1");
}

TEST_F(Deploy, RefusesCodeThatOnlyTheJobCouldSee) {
  Train({{"sagemaker_program", "\"train.py\""},
         {"sagemaker_submit_directory", "\"/opt/ml/input/data/code/sourcedir.tar.gz\""}});
  const auto predictor = Attached().deploy();
  ASSERT_FALSE(predictor);
  EXPECT_EQ(predictor.error().reason, "NoScript");
}

TEST_F(Deploy, NeedsAJob) {
  EXPECT_EQ(Estimator(service_.session(), {.image_uri = "i"}).deploy().error().reason,
            "NoTrainingJob");
}

TEST_F(Deploy, TransformsAndSaysWhyItFailed) {
  std::string status = "Completed";
  service_.On("DescribeTransformJob", [&](const json& asked) {
    return Ok({{"TransformJobName", asked["TransformJobName"]},
               {"TransformJobStatus", status},
               {"FailureReason", "ClientError: See job logs for more information"}});
  });
  service_.On("DescribeLogStreams", [](const json&) {
    return Ok({{"logStreams", {{{"logStreamName", "t/i-1/data-log"}}}}});
  });
  service_.On("GetLogEvents", [](const json&) {
    return Ok({{"events", {{{"timestamp", 1}, {"message", "b/k: Message: bad row"}}}}});
  });
  auto transformer = Attached().transformer({.assemble_with = "Line", .output_path = "s3://b/out"});
  ASSERT_TRUE(transformer) << transformer.error().message;
  EXPECT_EQ(transformer->describe().error().reason, "NoTransformJob");
  ASSERT_TRUE(transformer->transform("s3://b/in/", {.split_type = "Line", .job_name = "t"}));
  EXPECT_EQ(transformer->output_path(), "s3://b/out");
  const json request = service_.Last("CreateTransformJob");
  EXPECT_EQ(request["ModelName"], transformer->options().model_name);
  EXPECT_EQ(request["TransformInput"]["SplitType"], "Line");
  EXPECT_EQ(request["TransformOutput"]["AssembleWith"], "Line");
  EXPECT_FALSE(request.contains("DataProcessing"));
  status = "Failed";
  const auto failed =
      transformer->transform("s3://b/in/", {.join_source = "Input", .job_name = "t"});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().reason, "TransformJobFailed");
  EXPECT_THAT(failed.error().message, HasSubstr("bad row"));
}

TEST_F(Deploy, DeletesAnEndpointWhoseConfigurationIsGone) {
  service_.On("DeleteEndpointConfig", [](const json&) {
    return Error400("ValidationException", "Could not find endpoint configuration \"config\".");
  });
  EXPECT_TRUE(Predictor(service_.session(), "e").delete_endpoint());
  EXPECT_EQ(service_.Last("DeleteEndpointConfig")["EndpointConfigName"], "config");
}

}  // namespace
}  // namespace clary
