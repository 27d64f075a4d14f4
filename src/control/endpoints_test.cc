// Stories of endpoints.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/testing/serving_world.h"

namespace clary::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr char kArn[] = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/e";

json Desired(const std::string& variant, double weight, int count) {
  return {{"VariantName", variant}, {"DesiredWeight", weight}, {"DesiredInstanceCount", count}};
}

TEST(Endpoint, ComesUpAndAnswers) {
  ServingWorld w;
  w.Config("c", {ServingWorld::Variant("A", 2)});
  EXPECT_EQ(w.Ok("CreateEndpoint", {{"EndpointName", "e"}, {"EndpointConfigName", "c"}}),
            (json{{"EndpointArn", kArn}}));
  EXPECT_TRUE(w.logs.HasGroup("/aws/sagemaker/Endpoints/e"));  // clients tail it at once
  EXPECT_EQ(w.Endpoint()["PendingDeploymentSummary"]["EndpointConfigName"], "c");
  EXPECT_GT(w.service->Reconcile(), 0u);
  ASSERT_EQ(w.Servers().size(), 2u);
  const exec::LaunchSpec launch = w.Servers().front();
  EXPECT_THAT(launch.argv, ElementsAre("/clary", "model-server", launch.directory));
  const api::ServerSpec spec = w.ServerSpecOf(launch);
  EXPECT_EQ(spec.endpoint, "e");
  EXPECT_EQ(spec.variant, "A");
  EXPECT_THAT(spec.instance, testing::MatchesRegex("i-[0-9a-f]+"));
  EXPECT_EQ(spec.instance.size(), 19u);
  EXPECT_EQ(spec.log_group, "/aws/sagemaker/Endpoints/e");
  EXPECT_EQ(spec.log_stream, "A/" + spec.instance);
  ASSERT_EQ(spec.containers.size(), 1u);
  EXPECT_EQ(spec.containers[0].name, "primary");
  EXPECT_EQ(spec.containers[0].program, "xgboost");
  EXPECT_EQ(spec.containers[0].image_version, "1.7-1");
  EXPECT_EQ(spec.containers[0].model_uri, "s3://bkt/m.tar.gz");
  EXPECT_FALSE(w.Route()->in_service);
  // One of two answers: not yet.
  w.Tell(launch, {.kind = api::JobEvent::Kind::kPhase, .phase = api::kInService});
  w.service->Reconcile();
  EXPECT_EQ(w.StatusOfEndpoint(), "Creating");
  w.AnswerAll();
  const json described = w.Endpoint();
  EXPECT_EQ(described["EndpointStatus"], "InService");
  EXPECT_EQ(described["EndpointConfigName"], "c");
  EXPECT_FALSE(described.contains("PendingDeploymentSummary"));
  EXPECT_EQ(described["ProductionVariants"][0]["CurrentInstanceCount"], 2);
  EXPECT_EQ(described["ProductionVariants"][0]["CurrentWeight"], 1.0);
  const auto route = w.Route();
  EXPECT_TRUE(route->in_service);
  ASSERT_EQ(route->variants.size(), 1u);
  ASSERT_EQ(route->variants[0].instances.size(), 2u);
  EXPECT_EQ(route->variants[0].instances[0].directory, launch.directory);
  EXPECT_EQ(w.service->Reconcile(), 0u);  // an endpoint that answers costs nothing
}

TEST(Endpoint, KeepsWhatItWasMadeOf) {
  ServingWorld w;
  w.Deploy({ServingWorld::Variant("A")});
  w.Ok("DeleteModel", {{"ModelName", "m"}});
  w.Ok("DeleteEndpointConfig", {{"EndpointConfigName", "c"}});
  w.executor.Exit(w.Servers().front().key, 139);
  w.service->Reconcile();
  w.AnswerAll();
  EXPECT_EQ(w.ServerSpecOf(w.Servers().front()).containers[0].model_uri, "s3://bkt/m.tar.gz");
  EXPECT_EQ(w.StatusOfEndpoint(), "InService");
}

TEST(Endpoint, SaysWhatIsMissingInWordsThatClientsMatch) {
  ServingWorld w;
  const json create = {{"EndpointName", "e"}, {"EndpointConfigName", "c"}};
  EXPECT_EQ(w.Refusal("CreateEndpoint", create),
            "ValidationException: Could not find endpoint configuration "
            "\"arn:aws:sagemaker:us-east-1:123456789012:endpoint-config/c\".");
  EXPECT_EQ(w.Refusal("DescribeEndpoint", {{"EndpointName", "e"}}),
            "ValidationException: Could not find endpoint \"" + std::string(kArn) + "\".");
  w.Config("c", {ServingWorld::Variant("A")});
  w.Ok("CreateEndpoint", create);
  EXPECT_EQ(w.Refusal("CreateEndpoint", create),
            "ValidationException: Cannot create already existing endpoint \"" + std::string(kArn) +
                "\".");
  const std::string busy =
      "ValidationException: Cannot update in-progress endpoint \"" + std::string(kArn) + "\".";
  EXPECT_EQ(w.Refusal("UpdateEndpoint", create), busy);
  const json weights = {{"EndpointName", "e"},
                        {"DesiredWeightsAndCapacities", {Desired("A", 1, 2)}}};
  EXPECT_EQ(w.Refusal("UpdateEndpointWeightsAndCapacities", weights), busy);
}

TEST(Endpoint, FailsIfItsModelIsNotThere) {
  ServingWorld w;
  w.Ok("CreateModel", ServingWorld::Model("gone", "s3://bkt/no.tar.gz"));
  w.Config("c", {ServingWorld::Variant("A", 1, 1, "gone")});
  w.Ok("CreateEndpoint", {{"EndpointName", "e"}, {"EndpointConfigName", "c"}});
  w.service->Reconcile();
  const json described = w.Endpoint();
  EXPECT_EQ(described["EndpointStatus"], "Failed");
  EXPECT_EQ(described["FailureReason"],
            "Failed to download model data for container \"container_1\" from URL: "
            "\"s3://bkt/no.tar.gz\". Please ensure that there is an object located at the URL and "
            "that the role passed to CreateModel has permissions to download the object.");
  EXPECT_TRUE(w.Servers().empty());
  EXPECT_FALSE(w.Route()->in_service);
  EXPECT_EQ(w.service->Reconcile(), 0u);
  w.Ok("DeleteEndpoint", {{"EndpointName", "e"}});
  EXPECT_EQ(w.Route(), nullptr);
}

TEST(Endpoint, FailsIfItsImageIsNotKnown) {
  ServingWorld w;
  json model = ServingWorld::Model("odd");
  model["PrimaryContainer"]["Image"] = "me/other:1";
  w.Ok("CreateModel", model);
  w.Config("c", {ServingWorld::Variant("A", 1, 1, "odd")});
  w.Ok("CreateEndpoint", {{"EndpointName", "e"}, {"EndpointConfigName", "c"}});
  w.service->Reconcile();
  const std::string reason = w.Endpoint()["FailureReason"];
  EXPECT_THAT(reason, StartsWith("Please make sure all images included in the model for the "
                                 "production variant A exist, and that the execution role used to "
                                 "create the model has permissions to access them. "));
  EXPECT_THAT(reason, HasSubstr("\"me/other:1\" is an image that is not served here."));
  EXPECT_THAT(reason, HasSubstr("sagemaker-xgboost:1.7-1"));  // what runs
}

TEST(Endpoint, FailsIfItsServerSaysWhyOrDiesTwice) {
  constexpr char kPing[] =
      "The primary container for production variant A did not pass the ping health check. Please "
      "check CloudWatch logs for this endpoint.";
  for (const bool says_why : {true, false}) {
    ServingWorld w;
    w.Config("c", {ServingWorld::Variant("A", 2)});
    w.Ok("CreateEndpoint", {{"EndpointName", "e"}, {"EndpointConfigName", "c"}});
    w.service->Reconcile();
    for (int i = 0; i < 2; ++i) {
      const exec::LaunchSpec launch = w.Servers().back();
      if (says_why) {
        w.Tell(launch,
               {.kind = api::JobEvent::Kind::kEnd, .detail = "no model in it", .exit_code = 1});
      }
      w.executor.Exit(launch.key, says_why ? 1 : 139);
      w.service->Reconcile();
      if (says_why) break;
      EXPECT_EQ(w.StatusOfEndpoint(), i == 0 ? "Creating" : "Failed");
      w.clock.Advance(seconds(1));
    }
    EXPECT_EQ(w.StatusOfEndpoint(), "Failed");
    EXPECT_EQ(w.Endpoint()["FailureReason"],
              std::string(kPing) +
                  (says_why ? " no model in it" : " Its model server ended with code 139."));
    w.service->Reconcile();
    w.DrainAll();
    EXPECT_TRUE(w.Servers().empty());
    EXPECT_EQ(w.service->Reconcile(), 0u);
  }
}

TEST(Endpoint, FailsIfItsServerNeverAnswers) {
  ServingWorld w;
  w.Config("c", {ServingWorld::Variant("A")});
  w.Ok("CreateEndpoint", {{"EndpointName", "e"}, {"EndpointConfigName", "c"}});
  w.service->Reconcile();
  w.clock.Advance(seconds(481));
  w.service->Reconcile();
  EXPECT_THAT(w.Endpoint()["FailureReason"].get<std::string>(), HasSubstr("within 480 s"));
}

TEST(Endpoint, UpdatesByANewFleetBesideTheOld) {
  ServingWorld w;
  w.Deploy({ServingWorld::Variant("A")});
  const exec::LaunchSpec old = w.Servers().front();
  w.Config("d", {ServingWorld::Variant("A", 1, 3), ServingWorld::Variant("B")});
  w.Ok("UpdateEndpoint", {{"EndpointName", "e"}, {"EndpointConfigName", "d"}});
  w.service->Reconcile();
  EXPECT_EQ(w.Servers().size(), 3u);
  json described = w.Endpoint();
  EXPECT_EQ(described["EndpointStatus"], "Updating");
  EXPECT_EQ(described["EndpointConfigName"], "c");
  EXPECT_EQ(described["PendingDeploymentSummary"]["EndpointConfigName"], "d");
  EXPECT_TRUE(w.Route()->in_service);
  EXPECT_EQ(w.Route()->variants.at(0).instances.at(0).directory, old.directory);
  w.AnswerAll();
  described = w.Endpoint();
  EXPECT_EQ(described["EndpointStatus"], "InService");
  EXPECT_EQ(described["EndpointConfigName"], "d");
  EXPECT_FALSE(described.contains("FailureReason"));
  const auto route = w.Route();
  ASSERT_EQ(route->variants.size(), 2u);
  EXPECT_EQ(route->variants[0].weight, 3);
  EXPECT_NE(route->variants[0].instances.at(0).directory, old.directory);
  // The old server drains, then nothing of it is left.
  w.service->Reconcile();
  EXPECT_EQ(w.executor.stop_grace(old.key), seconds(30));
  w.DrainAll();
  EXPECT_FALSE(std::filesystem::exists(old.directory));
  EXPECT_EQ(w.executor.Find(old.key)->has_value(), false);
  EXPECT_EQ(w.service->Reconcile(), 0u);
}

TEST(Endpoint, AFailedUpdateLeavesTheOldFleet) {
  ServingWorld w;
  w.Deploy({ServingWorld::Variant("A")});
  w.Ok("CreateModel", ServingWorld::Model("bad"));
  w.Config("d", {ServingWorld::Variant("A", 1, 1, "bad")});
  w.Ok("UpdateEndpoint", {{"EndpointName", "e"}, {"EndpointConfigName", "d"}});
  w.service->Reconcile();
  const exec::LaunchSpec fresh = w.Servers().back();
  w.Tell(fresh, {.kind = api::JobEvent::Kind::kEnd, .detail = "bad model", .exit_code = 1});
  w.executor.Exit(fresh.key, 1);
  w.service->Reconcile();
  const json described = w.Endpoint();
  EXPECT_EQ(described["EndpointStatus"], "InService");
  EXPECT_EQ(described["EndpointConfigName"], "c");
  EXPECT_THAT(described["FailureReason"].get<std::string>(), HasSubstr("bad model"));
  EXPECT_EQ(w.Route()->variants.at(0).instances.size(), 1u);
  // The next one that works takes the reason away.
  w.Config("f", {ServingWorld::Variant("A")});
  w.Ok("UpdateEndpoint", {{"EndpointName", "e"}, {"EndpointConfigName", "f"}});
  w.service->Reconcile();
  w.AnswerAll();
  EXPECT_FALSE(w.Endpoint().contains("FailureReason"));
  EXPECT_EQ(w.Endpoint()["EndpointConfigName"], "f");
}

TEST(Endpoint, MovesTrafficAsItsDeploymentConfigSays) {
  ServingWorld w;
  w.Deploy({ServingWorld::Variant("A")});
  w.Config("d", {ServingWorld::Variant("A")});
  json update = {
      {"EndpointName", "e"},
      {"EndpointConfigName", "d"},
      {"DeploymentConfig",
       {{"BlueGreenUpdatePolicy",
         {{"TrafficRoutingConfiguration", {{"Type", "CANARY"}, {"WaitIntervalInSeconds", 60}}},
          {"TerminationWaitInSeconds", 10}}}}}};
  EXPECT_THAT(w.Refusal("UpdateEndpoint", update), HasSubstr("needs a CanarySize"));
  update["DeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["CanarySize"] =
      {{"Type", "CAPACITY_PERCENT"}, {"Value", 30}};
  w.Ok("UpdateEndpoint", update);
  w.service->Reconcile();
  w.AnswerAll();
  EXPECT_EQ(w.StatusOfEndpoint(), "Updating");
  ASSERT_EQ(w.Route()->variants.size(), 2u);
  EXPECT_DOUBLE_EQ(w.Route()->variants[0].weight, 0.7);
  EXPECT_DOUBLE_EQ(w.Route()->variants[1].weight, 0.3);
  w.clock.Advance(seconds(61));
  w.service->Reconcile();
  ASSERT_EQ(w.Route()->variants.size(), 1u);
  w.clock.Advance(seconds(61));
  w.service->Reconcile();
  EXPECT_EQ(w.StatusOfEndpoint(), "Updating");
  w.clock.Advance(seconds(10));
  w.service->Reconcile();
  EXPECT_EQ(w.StatusOfEndpoint(), "InService");
  EXPECT_EQ(w.Endpoint()["LastDeploymentConfig"], update["DeploymentConfig"]);
}

TEST(Endpoint, UpdatesMayRetainWeightsAndCounts) {
  ServingWorld w;
  w.Deploy({ServingWorld::Variant("A"), ServingWorld::Variant("B")});
  w.Ok("UpdateEndpointWeightsAndCapacities",
       {{"EndpointName", "e"}, {"DesiredWeightsAndCapacities", {Desired("A", 7, 3)}}});
  w.service->Reconcile();
  w.AnswerAll();
  w.Config("d", {ServingWorld::Variant("A")});
  w.Ok("UpdateEndpoint",
       {{"EndpointName", "e"},
        {"EndpointConfigName", "d"},
        {"RetainAllVariantProperties", true},
        {"ExcludeRetainedVariantProperties", {{{"VariantPropertyType", "DesiredWeight"}}}}});
  w.service->Reconcile();
  w.AnswerAll();
  const json variant = w.Endpoint()["ProductionVariants"][0];
  EXPECT_EQ(variant["CurrentWeight"], 1.0);
  EXPECT_EQ(variant["CurrentInstanceCount"], 3);
}

TEST(Endpoint, WeightsAndCountsChangeWithoutARestart) {
  ServingWorld w;
  w.Deploy({ServingWorld::Variant("A"), ServingWorld::Variant("B")});
  const auto before = w.Servers();
  w.Ok("UpdateEndpointWeightsAndCapacities",
       {{"EndpointName", "e"},
        {"DesiredWeightsAndCapacities", {Desired("A", 9, 2), Desired("B", 0.5, 1)}}});
  EXPECT_EQ(w.Route()->variants[0].weight, 9);  // at once
  w.service->Reconcile();
  EXPECT_EQ(w.StatusOfEndpoint(), "Updating");
  w.AnswerAll();
  EXPECT_EQ(w.StatusOfEndpoint(), "InService");
  ASSERT_EQ(w.Servers().size(), 3u);
  EXPECT_EQ(w.Servers()[0].key, before[0].key);
  EXPECT_EQ(w.Servers()[1].key, before[1].key);
  w.Ok("UpdateEndpointWeightsAndCapacities",
       {{"EndpointName", "e"}, {"DesiredWeightsAndCapacities", {Desired("A", 9, 1)}}});
  w.service->Reconcile();
  w.service->Reconcile();
  w.DrainAll();
  ASSERT_EQ(w.Servers().size(), 2u);
  EXPECT_EQ(w.Servers()[0].key, before[0].key);  // the newest goes
  EXPECT_EQ(w.StatusOfEndpoint(), "InService");
  EXPECT_THAT(
      w.Refusal("UpdateEndpointWeightsAndCapacities",
                {{"EndpointName", "e"}, {"DesiredWeightsAndCapacities", {Desired("no", 1, 1)}}}),
      HasSubstr("has no variant 'no'"));
}

TEST(Endpoint, RunsNoMoreServersThanTheMachineHasCores) {
  ServingWorld w(2);
  w.Deploy({ServingWorld::Variant("A", 5)});
  EXPECT_EQ(w.Servers().size(), 2u);
  EXPECT_EQ(w.Endpoint()["ProductionVariants"][0]["CurrentInstanceCount"], 5);
}

TEST(Endpoint, ADeadServerIsReplaced) {
  ServingWorld w;
  w.Deploy({ServingWorld::Variant("A", 2)});
  w.executor.Exit(w.Servers().front().key, 137);
  w.service->Reconcile();
  EXPECT_EQ(w.Route()->variants[0].instances.size(), 1u);
  EXPECT_EQ(w.Servers().size(), 2u);  // its successor starts in the same pass
  w.AnswerAll();
  EXPECT_EQ(w.Route()->variants[0].instances.size(), 2u);
  EXPECT_EQ(w.StatusOfEndpoint(), "InService");
  // One that dies young again and again waits longer and longer, and is never given up.
  w.executor.Exit(w.Servers().back().key, 137);
  w.service->Reconcile();
  EXPECT_EQ(w.Servers().size(), 1u);
  EXPECT_GT(w.service->Reconcile(), 0u);
  w.clock.Advance(milliseconds(100));
  w.service->Reconcile();
  EXPECT_EQ(w.Servers().size(), 2u);
  EXPECT_EQ(w.StatusOfEndpoint(), "InService");
  // One that has answered for a second starts again at once, however often it is killed.
  for (int kill = 0; kill < 5; ++kill) {
    w.AnswerAll();
    w.clock.Advance(milliseconds(1000));
    w.executor.Exit(w.Servers().front().key, 137);
    w.service->Reconcile();
    EXPECT_EQ(w.Servers().size(), 2u) << kill;
  }
}

TEST(Endpoint, AnswersAcrossARestartOfTheService) {
  ServingWorld w;
  w.Deploy({ServingWorld::Variant("A")});
  w.Restart();
  ASSERT_NE(w.Route(), nullptr);  // before the first pass
  EXPECT_EQ(w.Route()->variants.at(0).instances.size(), 1u);
  w.service->Reconcile();
  EXPECT_EQ(w.Servers().size(), 1u);
  EXPECT_EQ(w.executor.launches().size(), 1u);
  EXPECT_EQ(w.StatusOfEndpoint(), "InService");
}

TEST(Endpoint, IsGoneWhenItsDeletionReturns) {
  ServingWorld w;
  w.Deploy({ServingWorld::Variant("A")});
  const exec::LaunchSpec old = w.Servers().front();
  EXPECT_EQ(w.Ok("DeleteEndpoint", {{"EndpointName", "e"}}), json::object());
  EXPECT_THAT(w.Refusal("DescribeEndpoint", {{"EndpointName", "e"}}),
              HasSubstr("Could not find endpoint"));
  EXPECT_EQ(w.Route(), nullptr);
  // Its name is free, also before its servers have drained, and a restart forgets none of them.
  w.Ok("CreateEndpoint", {{"EndpointName", "e"}, {"EndpointConfigName", "c"}});
  w.Restart();
  w.service->Reconcile();
  EXPECT_TRUE(w.executor.stop_grace(old.key).has_value());
  w.DrainAll();
  w.AnswerAll();
  EXPECT_EQ(w.StatusOfEndpoint(), "InService");
  EXPECT_EQ(w.Servers().size(), 1u);
  EXPECT_FALSE(std::filesystem::exists(old.directory));
  EXPECT_TRUE(w.logs.HasGroup("/aws/sagemaker/Endpoints/e"));  // logs stay
  // One that comes up may be deleted, too.
  w.Ok("CreateEndpoint", {{"EndpointName", "f"}, {"EndpointConfigName", "c"}});
  w.service->Reconcile();
  w.Ok("DeleteEndpoint", {{"EndpointName", "f"}});
  w.service->Reconcile();
  w.DrainAll();
  EXPECT_EQ(w.Servers().size(), 1u);
}

TEST(Endpoint, SaysWhatItCaptures) {
  ServingWorld w;
  json config = {{"EndpointConfigName", "c"},
                 {"ProductionVariants", {ServingWorld::Variant("A")}},
                 {"DataCaptureConfig",
                  {{"EnableCapture", true},
                   {"InitialSamplingPercentage", 20},
                   {"DestinationS3Uri", "s3://bkt/cap/"},
                   {"CaptureOptions", {{{"CaptureMode", "Input"}}}},
                   {"CaptureContentTypeHeader", {{"CsvContentTypes", {"text/csv"}}}}}}};
  w.Ok("CreateEndpointConfig", config);
  w.Ok("CreateEndpoint", {{"EndpointName", "e"}, {"EndpointConfigName", "c"}});
  w.service->Reconcile();
  w.AnswerAll();
  EXPECT_EQ(w.Endpoint()["DataCaptureConfig"], (json{{"EnableCapture", true},
                                                     {"CaptureStatus", "Started"},
                                                     {"CurrentSamplingPercentage", 20},
                                                     {"DestinationS3Uri", "s3://bkt/cap/"},
                                                     {"KmsKeyId", ""}}));
  const auto capture = w.Route()->capture;
  ASSERT_TRUE(capture);
  EXPECT_TRUE(capture->input);
  EXPECT_FALSE(capture->output);
  EXPECT_EQ(capture->destination_uri, "s3://bkt/cap");
  EXPECT_THAT(capture->csv_types, ElementsAre("text/csv"));
}

TEST(Endpoint, IsListedAndFound) {
  ServingWorld w;
  w.Deploy({ServingWorld::Variant("A")});
  w.Ok("CreateEndpoint", {{"EndpointName", "f"}, {"EndpointConfigName", "c"}});
  EXPECT_EQ(w.Ok("ListEndpoints", json::object())["Endpoints"].size(), 2u);
  const json up = w.Ok("ListEndpoints", {{"StatusEquals", "InService"}});
  ASSERT_EQ(up["Endpoints"].size(), 1u);
  EXPECT_EQ(up["Endpoints"][0]["EndpointName"], "e");
  const json found = w.Ok("Search", {{"Resource", "Endpoint"}});
  EXPECT_EQ(found["Results"].size(), 2u);
  EXPECT_EQ(w.Ok("ListMonitoringSchedules", {{"EndpointName", "e"}}),
            (json{{"MonitoringScheduleSummaries", json::array()}}));
  EXPECT_FALSE(w.service->Call("ListMonitoringSchedules", R"({"NextToken":"x"})"));
}

// A fault of the store at any write of a story leaves it where the next pass goes on.
TEST(Endpoint, SurvivesAFaultOfTheStoreAtEveryWrite) {
  for (int n = 1; n <= 8; ++n) {
    ServingWorld w;
    w.Config("c", {ServingWorld::Variant("A")});
    w.Ok("CreateEndpoint", {{"EndpointName", "e"}, {"EndpointConfigName", "c"}});
    w.faulty.FailAt(n);
    for (int i = 0; i < 4; ++i) {
      w.service->Reconcile();
      w.AnswerAll();
    }
    EXPECT_EQ(w.StatusOfEndpoint(), "InService") << n;
    EXPECT_EQ(w.Servers().size(), 1u) << n;
  }
}

// --- Batch transforms.

json Transform(const std::string& name) {
  return {
      {"TransformJobName", name},
      {"ModelName", "m"},
      {"TransformInput",
       {{"DataSource", {{"S3DataSource", {{"S3DataType", "S3Prefix"}, {"S3Uri", "s3://bkt/in/"}}}}},
        {"ContentType", "text/csv"},
        {"SplitType", "Line"}}},
      {"TransformOutput", {{"S3OutputPath", "s3://bkt/out"}, {"AssembleWith", "Line"}}},
      {"TransformResources", {{"InstanceType", "ml.m5.large"}, {"InstanceCount", 1}}}};
}

TEST(TransformJob, RunsToItsEnd) {
  ServingWorld w;
  json request = Transform("t");
  request["Environment"] = {{"A", "1"}};
  request["DataProcessing"] = {{"InputFilter", "$[1:]"}, {"JoinSource", "Input"}};
  EXPECT_EQ(
      w.Ok("CreateTransformJob", request),
      (json{{"TransformJobArn", "arn:aws:sagemaker:us-east-1:123456789012:transform-job/t"}}));
  EXPECT_THAT(w.Refusal("CreateTransformJob", request), StartsWith("ResourceInUse: "));
  w.service->Reconcile();
  ASSERT_EQ(w.executor.launches().size(), 1u);
  const exec::LaunchSpec launch = w.executor.launches()[0];
  EXPECT_THAT(launch.argv, ElementsAre("/clary", "transform-job", launch.directory));
  const auto spec = api::TransformSpec::FromJson(
      *ReadFile(std::filesystem::path(launch.directory) / "transform.json", 1 << 20));
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->input_uri, "s3://bkt/in/");
  EXPECT_EQ(spec->split_type, "Line");
  EXPECT_EQ(spec->input_filter, "$[1:]");
  EXPECT_EQ(spec->output_filter, "$");
  EXPECT_EQ(spec->max_payload_mb, -1);
  EXPECT_EQ(spec->containers.at(0).environment.at("A"), "1");
  EXPECT_THAT(spec->log_stream, StartsWith("t/"));
  w.Tell(launch, {.kind = api::JobEvent::Kind::kPhase, .phase = "Transforming"});
  w.clock.Advance(seconds(2));
  w.service->Reconcile();
  w.Tell(launch, {.kind = api::JobEvent::Kind::kEnd, .exit_code = 0});
  w.executor.Exit(launch.key, 0);
  w.service->Reconcile();
  const json described = w.Ok("DescribeTransformJob", {{"TransformJobName", "t"}});
  EXPECT_EQ(described["TransformJobStatus"], "Completed");
  EXPECT_EQ(described["TransformInput"], request["TransformInput"]);
  EXPECT_EQ(
      described["TransformEndTime"].get<double>() - described["TransformStartTime"].get<double>(),
      2);
  EXPECT_EQ(w.Ok("ListTransformJobs", json::object())["TransformJobSummaries"].size(), 1u);
  EXPECT_EQ(w.Refusal("DescribeTransformJob", {{"TransformJobName", "no"}}).substr(0, 17),
            "ResourceNotFound:");
}

TEST(TransformJob, FailsAndStops) {
  ServingWorld w;
  w.Ok("CreateTransformJob", Transform("t"));
  w.service->Reconcile();
  w.Tell(w.executor.launches()[0], {.kind = api::JobEvent::Kind::kEnd,
                                    .detail = "ClientError: See job logs for more information",
                                    .exit_code = 1});
  w.executor.Exit(w.executor.launches()[0].key, 1);
  w.service->Reconcile();
  json described = w.Ok("DescribeTransformJob", {{"TransformJobName", "t"}});
  EXPECT_EQ(described["TransformJobStatus"], "Failed");
  EXPECT_EQ(described["FailureReason"], "ClientError: See job logs for more information");

  w.Ok("CreateTransformJob", Transform("s"));
  w.service->Reconcile();
  w.Ok("StopTransformJob", {{"TransformJobName", "s"}});
  w.service->Reconcile();
  EXPECT_EQ(w.Ok("DescribeTransformJob", {{"TransformJobName", "s"}})["TransformJobStatus"],
            "Stopping");
  w.executor.Exit(w.executor.launches()[1].key, 143);
  w.service->Reconcile();
  EXPECT_EQ(w.Ok("DescribeTransformJob", {{"TransformJobName", "s"}})["TransformJobStatus"],
            "Stopped");
}

TEST(TransformJob, IsCheckedWhenItIsMade) {
  ServingWorld w;
  const auto refused = [&](const std::function<void(json&)>& change) {
    json request = Transform("t");
    change(request);
    return w.Refusal("CreateTransformJob", request);
  };
  EXPECT_THAT(refused([](json& r) { r["ModelName"] = "no"; }), HasSubstr("Could not find model"));
  EXPECT_THAT(refused([](json& r) {
                r["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"] = "s3://bkt/none/";
              }),
              HasSubstr("s3://bkt/none/"));
  EXPECT_THAT(refused([](json& r) { r["TransformOutput"]["S3OutputPath"] = "s3://no-bucket/x"; }),
              HasSubstr("no-bucket"));
  EXPECT_THAT(refused([](json& r) {
                r["DataProcessing"] = {{"JoinSource", "Input"}};
                r["TransformInput"].erase("SplitType");
              }),
              HasSubstr("SplitType Line"));
  EXPECT_THAT(refused([](json& r) {
                r["MaxPayloadInMB"] = 50;
                r["MaxConcurrentTransforms"] = 3;
              }),
              HasSubstr("100 MB"));
}

}  // namespace
}  // namespace clary::control
