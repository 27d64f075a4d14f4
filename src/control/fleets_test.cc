// Stories of what endpoints have beside their variants: shadows, queues, alarms, components.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/testing/serving_world.h"

namespace clary::control {
namespace {

using testing::HasSubstr;

json Desire(const std::string& variant, json more) {
  more["VariantName"] = variant;
  return {{"EndpointName", "e"}, {"DesiredWeightsAndCapacities", {std::move(more)}}};
}

void CreateEndpoint(ServingWorld& w, const json& config) {
  w.Ok("CreateEndpointConfig", config);
  w.Ok("CreateEndpoint", {{"EndpointName", "e"}, {"EndpointConfigName", "c"}});
  w.service->Reconcile();
  w.AnswerAll();
  EXPECT_EQ(w.StatusOfEndpoint(), "InService");
}

TEST(Shadow, RunsBesideTheProductionVariant) {
  ServingWorld w;
  const json config = {{"EndpointConfigName", "c"},
                       {"ProductionVariants", {ServingWorld::Variant("p")}},
                       {"ShadowProductionVariants", {ServingWorld::Variant("s", 1, 0.5)}}};
  CreateEndpoint(w, config);
  EXPECT_EQ(w.Servers().size(), 2U);
  const json shown = w.Endpoint();
  ASSERT_EQ(shown["ProductionVariants"].size(), 1U);
  EXPECT_EQ(shown["ProductionVariants"][0]["VariantName"], "p");
  ASSERT_EQ(shown["ShadowProductionVariants"].size(), 1U);
  EXPECT_EQ(shown["ShadowProductionVariants"][0]["VariantName"], "s");
  const auto route = w.Route();
  ASSERT_EQ(route->variants.size(), 1U);
  ASSERT_EQ(route->shadows.size(), 1U);
  EXPECT_EQ(route->shadows[0].weight, 0.5);
  EXPECT_EQ(route->shadows[0].instances.size(), 1U);
  EXPECT_EQ(w.Ok("DescribeEndpointConfig", {{"EndpointConfigName", "c"}})
                .at("ShadowProductionVariants")
                .size(),
            1U);
}

TEST(Shadow, IsOneBesideOne) {
  ServingWorld w;
  const auto refused = [&](const std::vector<json>& production, const std::vector<json>& shadows) {
    return w.Refusal("CreateEndpointConfig", {{"EndpointConfigName", "c"},
                                              {"ProductionVariants", production},
                                              {"ShadowProductionVariants", shadows}});
  };
  const auto variant = [](const std::string& name) { return ServingWorld::Variant(name); };
  EXPECT_THAT(refused({variant("a"), variant("b")}, {variant("s")}), HasSubstr("one variant"));
  EXPECT_THAT(refused({variant("a")}, {variant("s"), variant("t")}), HasSubstr("one variant"));
  EXPECT_THAT(refused({variant("a")}, {variant("a")}), HasSubstr("that of another variant"));
}

json AsyncConfig() {
  return {{"EndpointConfigName", "c"},
          {"ProductionVariants", {ServingWorld::Variant("v")}},
          {"AsyncInferenceConfig",
           {{"ClientConfig", {{"MaxConcurrentInvocationsPerInstance", 3}}},
            {"OutputConfig",
             {{"S3OutputPath", "s3://bkt/out/"}, {"S3FailurePath", "s3://bkt/failed"}}}}}};
}

TEST(AsyncEndpoint, TellsTheFrontWhereAnswersGoAndScalesToNothing) {
  ServingWorld w;
  CreateEndpoint(w, AsyncConfig());
  ASSERT_TRUE(w.Route()->async);
  EXPECT_EQ(w.Route()->async->output_uri, "s3://bkt/out");
  EXPECT_EQ(w.Route()->async->failure_uri, "s3://bkt/failed");
  EXPECT_EQ(w.Route()->async->max_concurrency, 3);
  EXPECT_EQ(w.Endpoint()["AsyncInferenceConfig"], AsyncConfig()["AsyncInferenceConfig"]);
  w.Ok("UpdateEndpointWeightsAndCapacities", Desire("v", {{"DesiredInstanceCount", 0}}));
  w.service->Reconcile();
  EXPECT_EQ(w.StatusOfEndpoint(), "InService");
  EXPECT_EQ(w.Endpoint()["ProductionVariants"][0]["CurrentInstanceCount"], 0);
  EXPECT_TRUE(w.Route()->variants.at(0).instances.empty());
  EXPECT_TRUE(w.Route()->in_service);  // it takes requests, which wait
  w.Ok("UpdateEndpointWeightsAndCapacities", Desire("v", {{"DesiredInstanceCount", 1}}));
  w.service->Reconcile();
  w.AnswerAll();
  EXPECT_EQ(w.Route()->variants.at(0).instances.size(), 1U);
}

TEST(AsyncEndpoint, IsCheckedWhenItIsConfigured) {
  ServingWorld w;
  json config = AsyncConfig();
  config["AsyncInferenceConfig"]["OutputConfig"]["S3OutputPath"] = "s3://nobody/out";
  EXPECT_THAT(w.Refusal("CreateEndpointConfig", config), HasSubstr("S3OutputPath"));
  config = AsyncConfig();
  config["AsyncInferenceConfig"]["OutputConfig"].erase("S3OutputPath");
  EXPECT_THAT(w.Refusal("CreateEndpointConfig", config), HasSubstr("needs an S3OutputPath"));
}

TEST(AsyncEndpoint, TellsTheFrontWhatIsCapturedAndWhoIsTold) {
  ServingWorld w;
  json config = AsyncConfig();
  config["DataCaptureConfig"] = {{"InitialSamplingPercentage", 1},
                                 {"DestinationS3Uri", "s3://bkt/c"},
                                 {"CaptureOptions", {{{"CaptureMode", "Input"}}}}};
  const std::string topic = "arn:aws:sns:us-east-1:123456789012:topic";
  config["AsyncInferenceConfig"]["OutputConfig"]["NotificationConfig"] = {{"ErrorTopic", topic}};
  CreateEndpoint(w, config);
  ASSERT_TRUE(w.Route()->capture);
  EXPECT_EQ(w.Route()->capture->destination_uri, "s3://bkt/c");
  EXPECT_EQ(w.Route()->async->success_topic, "");
  EXPECT_EQ(w.Route()->async->error_topic, topic);
}

json ExplainedConfig(json baseline = {{"ShapBaseline", "1,2"}}) {
  return {{"EndpointConfigName", "c"},
          {"ProductionVariants", {ServingWorld::Variant("v")}},
          {"ExplainerConfig",
           {{"ClarifyExplainerConfig",
             {{"EnableExplanations", "`true`"},
              {"ShapConfig", {{"ShapBaselineConfig", std::move(baseline)}}}}}}}};
}

TEST(ExplainedEndpoint, TheExplainerAnswersForABuiltInModel) {
  ServingWorld w;
  const json config = ExplainedConfig({{"ShapBaselineUri", "s3://bkt/base.csv"}});
  CreateEndpoint(w, config);
  EXPECT_EQ(w.Endpoint()["ExplainerConfig"], config["ExplainerConfig"]);
  EXPECT_TRUE(w.Route()->explains);
  EXPECT_EQ(w.Route()->variants.at(0).containers, std::vector<std::string>{"explainer"});
  const api::ServerSpec spec = w.ServerSpecOf(w.Servers().front());
  ASSERT_EQ(spec.containers.size(), 1U);  // the model is in its process
  EXPECT_EQ(spec.containers[0].program, "explainer");
  EXPECT_EQ(spec.containers[0].model_uri, "s3://bkt/m.tar.gz");
  EXPECT_EQ(spec.containers[0].baseline_uri, "s3://bkt/base.csv");
  EXPECT_EQ(json::parse(spec.containers[0].environment.at("CLARY_EXPLAINER")),
            config["ExplainerConfig"]["ClarifyExplainerConfig"]);
}

TEST(ExplainedEndpoint, IsCheckedWhenItIsConfigured) {
  ServingWorld w;
  const auto refusal = [&](const json& config) {
    return w.Refusal("CreateEndpointConfig", config);
  };
  EXPECT_THAT(refusal(ExplainedConfig(json::object())), HasSubstr("ShapBaselineConfig needs"));
  EXPECT_THAT(
      refusal(ExplainedConfig({{"ShapBaseline", "1"}, {"ShapBaselineUri", "s3://bkt/base.csv"}})),
      HasSubstr("ShapBaselineConfig needs"));
  json config = ExplainedConfig();
  config["AsyncInferenceConfig"] = AsyncConfig()["AsyncInferenceConfig"];
  EXPECT_THAT(refusal(config), HasSubstr("not supported with an AsyncInferenceConfig"));
  config = ExplainedConfig();
  config["ExplainerConfig"] = json::object();
  EXPECT_THAT(refusal(config), HasSubstr("needs a ClarifyExplainerConfig"));
}

TEST(ServerlessEndpoint, ItsConcurrencyChangesWithoutARestart) {
  ServingWorld w;
  const json variant = {{"VariantName", "v"},
                        {"ModelName", "m"},
                        {"ServerlessConfig", {{"MemorySizeInMB", 2048}, {"MaxConcurrency", 5}}}};
  CreateEndpoint(w, {{"EndpointConfigName", "c"}, {"ProductionVariants", {variant}}});
  EXPECT_EQ(w.Route()->variants.at(0).max_concurrency, 5);
  const std::string server = w.Servers().at(0).key;
  w.Ok("UpdateEndpointWeightsAndCapacities",
       Desire("v", {{"ServerlessUpdateConfig", {{"MaxConcurrency", 9}}}}));
  w.service->Reconcile();
  EXPECT_EQ(w.Route()->variants.at(0).max_concurrency, 9);
  EXPECT_EQ(w.Servers().at(0).key, server);
  const json shown = w.Endpoint()["ProductionVariants"][0];
  EXPECT_EQ(shown["CurrentServerlessConfig"],
            (json{{"MemorySizeInMB", 2048}, {"MaxConcurrency", 9}}));
  EXPECT_THAT(
      w.Refusal("UpdateEndpointWeightsAndCapacities", Desire("v", {{"DesiredInstanceCount", 2}})),
      HasSubstr("is serverless"));
}

TEST(Update, AnAlarmRollsItBack) {
  ServingWorld w;
  std::map<std::string, std::string> alarms = {{"quiet", "OK"}, {"errors", "OK"}};
  w.options.alarm_state = [&](const std::string& name) { return alarms[name]; };
  w.Restart();
  w.Deploy({ServingWorld::Variant("A")});
  const std::string old = w.Route()->variants.at(0).instances.at(0).id;
  w.Config("d", {ServingWorld::Variant("A")});
  const json canary = {{"BlueGreenUpdatePolicy",
                        {{"TrafficRoutingConfiguration",
                          {{"Type", "CANARY"},
                           {"WaitIntervalInSeconds", 60},
                           {"CanarySize", {{"Type", "CAPACITY_PERCENT"}, {"Value", 10}}}}}}},
                       {"AutoRollbackConfiguration",
                        {{"Alarms", {{{"AlarmName", "quiet"}}, {{"AlarmName", "errors"}}}}}}};
  w.Ok("UpdateEndpoint",
       {{"EndpointName", "e"}, {"EndpointConfigName", "d"}, {"DeploymentConfig", canary}});
  w.service->Reconcile();
  w.AnswerAll();
  EXPECT_EQ(w.Route()->variants.size(), 2U);  // both fleets answer
  alarms["errors"] = "ALARM";
  w.service->Reconcile();
  const json shown = w.Endpoint();
  EXPECT_EQ(shown["EndpointStatus"], "InService");
  EXPECT_EQ(shown["EndpointConfigName"], "c");
  EXPECT_THAT(shown["FailureReason"].get<std::string>(), HasSubstr("The alarm errors"));
  ASSERT_EQ(w.Route()->variants.size(), 1U);
  EXPECT_EQ(w.Route()->variants[0].instances.at(0).id, old);
  alarms["errors"] = "OK";  // now it goes through
  w.Ok("UpdateEndpoint",
       {{"EndpointName", "e"}, {"EndpointConfigName", "d"}, {"DeploymentConfig", canary}});
  w.service->Reconcile();
  for (int stage = 0; stage < 3; ++stage) {
    w.AnswerAll();
    w.clock.Advance(seconds(61));
    w.service->Reconcile();
  }
  EXPECT_EQ(w.Endpoint()["EndpointConfigName"], "d");
}

// An endpoint for components, and a component "x" of two copies that answers.
void DeployComponent(ServingWorld& w) {
  CreateEndpoint(w, {{"EndpointConfigName", "c"},
                     {"ExecutionRoleArn", "arn:aws:iam::123456789012:role/R"},
                     {"ProductionVariants",
                      {{{"VariantName", "hosts"},
                        {"InitialInstanceCount", 1},
                        {"InstanceType", "ml.m5.large"}}}}});
  EXPECT_TRUE(w.Servers().empty());
  EXPECT_TRUE(w.Route()->takes_components);
  w.Ok("CreateInferenceComponent", {{"InferenceComponentName", "x"},
                                    {"EndpointName", "e"},
                                    {"VariantName", "hosts"},
                                    {"Specification",
                                     {{"ModelName", "m"},
                                      {"StartupParameters", json::object()},
                                      {"ComputeResourceRequirements",
                                       {{"NumberOfCpuCoresRequired", 1.0},
                                        {"MinMemoryRequiredInMb", 128},
                                        {"MaxMemoryRequiredInMb", 512}}}}},
                                    {"RuntimeConfig", {{"CopyCount", 2}}}});
  w.service->Reconcile();
  w.AnswerAll();
}

json Component(ServingWorld& w) {
  return w.Ok("DescribeInferenceComponent", {{"InferenceComponentName", "x"}});
}

TEST(InferenceComponent, AnswersOnAnEndpointThatHasNoModel) {
  ServingWorld w;
  DeployComponent(w);
  const json shown = Component(w);
  EXPECT_EQ(shown["InferenceComponentStatus"], "InService");
  EXPECT_EQ(shown["EndpointName"], "e");
  EXPECT_EQ(shown["VariantName"], "hosts");
  EXPECT_EQ(shown["Specification"]["ModelName"], "m");
  EXPECT_EQ(shown["RuntimeConfig"], (json{{"DesiredCopyCount", 2}, {"CurrentCopyCount", 2}}));
  const auto route = w.Route();
  ASSERT_EQ(route->components.size(), 1U);
  EXPECT_EQ(route->components[0].name, "x");
  EXPECT_EQ(route->components[0].instances.size(), 2U);
  const api::ServerSpec spec = w.ServerSpecOf(w.Servers().at(0));
  EXPECT_EQ(spec.endpoint, "e");
  EXPECT_EQ(spec.log_group, "/aws/sagemaker/Endpoints/e");
  EXPECT_EQ(spec.memory_bytes, uint64_t{512} << 20);
  EXPECT_EQ(spec.cpus, 1);
  const json listed = w.Ok("ListInferenceComponents", {{"EndpointNameEquals", "e"}});
  EXPECT_EQ(listed["InferenceComponents"].size(), 1U);
  EXPECT_TRUE(w.Ok("ListInferenceComponents", {{"EndpointNameEquals", "f"}})["InferenceComponents"]
                  .empty());
  w.Restart();
  EXPECT_EQ(w.Route()->components.at(0).instances.size(), 2U);
}

TEST(InferenceComponent, ScalesToNothingAndBack) {
  ServingWorld w;
  DeployComponent(w);
  const auto scale = [&](int copies) {
    w.Ok("UpdateInferenceComponentRuntimeConfig",
         {{"InferenceComponentName", "x"}, {"DesiredRuntimeConfig", {{"CopyCount", copies}}}});
    // Those that are there answer until a pass has taken them out.
    EXPECT_EQ(Component(w)["RuntimeConfig"]["CurrentCopyCount"],
              w.Route()->components.at(0).instances.size());
    w.service->Reconcile();
    w.AnswerAll();
  };
  scale(0);
  EXPECT_EQ(Component(w)["InferenceComponentStatus"], "InService");
  EXPECT_EQ(Component(w)["RuntimeConfig"]["CurrentCopyCount"], 0);
  EXPECT_TRUE(w.Route()->components.at(0).instances.empty());
  scale(1);
  EXPECT_EQ(w.Route()->components.at(0).instances.size(), 1U);
}

TEST(InferenceComponent, UpdatesByNewCopiesBesideTheOld) {
  ServingWorld w;
  DeployComponent(w);
  w.Put("n.tar.gz", "other");
  w.Ok("CreateModel", ServingWorld::Model("n", "s3://bkt/n.tar.gz"));
  w.Ok("UpdateInferenceComponent",
       {{"InferenceComponentName", "x"},
        {"Specification",
         {{"ModelName", "n"}, {"ComputeResourceRequirements", {{"MinMemoryRequiredInMb", 128}}}}}});
  EXPECT_EQ(Component(w)["InferenceComponentStatus"], "Updating");
  EXPECT_THAT(
      w.Refusal("UpdateInferenceComponentRuntimeConfig",
                {{"InferenceComponentName", "x"}, {"DesiredRuntimeConfig", {{"CopyCount", 1}}}}),
      HasSubstr("in-progress"));
  w.service->Reconcile();
  EXPECT_EQ(w.Servers().size(), 4U);
  EXPECT_EQ(w.Route()->components.at(0).instances.size(), 2U);  // the old ones
  w.AnswerAll();
  EXPECT_EQ(Component(w)["InferenceComponentStatus"], "InService");
  EXPECT_EQ(Component(w)["Specification"]["ModelName"], "n");
  w.service->Reconcile();  // tells the old ones to stop
  w.DrainAll();
  ASSERT_EQ(w.Servers().size(), 2U);
  EXPECT_EQ(w.ServerSpecOf(w.Servers()[0]).containers[0].model_uri, "s3://bkt/n.tar.gz");
}

TEST(InferenceComponent, MayBringItsOwnContainer) {
  ServingWorld w;
  DeployComponent(w);
  w.Ok("CreateInferenceComponent", {{"InferenceComponentName", "own"},
                                    {"EndpointName", "e"},
                                    {"VariantName", "hosts"},
                                    {"Specification",
                                     {{"Container",
                                       {{"Image", ServingWorld::kImage},
                                        {"ArtifactUrl", "s3://bkt/m.tar.gz"},
                                        {"Environment", {{"A", "1"}}}}}}}});
  w.service->Reconcile();
  w.AnswerAll();
  EXPECT_EQ(w.Route()->components.size(), 2U);
  const json shown = w.Ok("DescribeInferenceComponent", {{"InferenceComponentName", "own"}});
  EXPECT_EQ(shown["Specification"]["Container"]["DeployedImage"]["SpecifiedImage"],
            ServingWorld::kImage);
}

TEST(InferenceComponent, IsGoneWhenItsDeletionReturns) {
  ServingWorld w;
  DeployComponent(w);
  EXPECT_THAT(w.Refusal("DeleteEndpoint", {{"EndpointName", "e"}}),
              HasSubstr("delete its inference components first (x)"));
  w.Ok("DeleteInferenceComponent", {{"InferenceComponentName", "x"}});
  EXPECT_THAT(w.Refusal("DescribeInferenceComponent", {{"InferenceComponentName", "x"}}),
              HasSubstr("Could not find inference component"));
  EXPECT_TRUE(w.Route()->components.empty());
  w.service->Reconcile();
  w.DrainAll();
  EXPECT_TRUE(w.Servers().empty());
  w.Ok("DeleteEndpoint", {{"EndpointName", "e"}});
  EXPECT_EQ(w.Route(), nullptr);
}

TEST(InferenceComponent, FailsInWordsAndIsChecked) {
  ServingWorld w;
  DeployComponent(w);
  const auto refused = [&](json more) {
    json input = {{"InferenceComponentName", "y"}, {"EndpointName", "e"}};
    input.update(more);
    return w.Refusal("CreateInferenceComponent", input);
  };
  const json specification = {{"ModelName", "m"}};
  EXPECT_THAT(refused({{"VariantName", "none"}, {"Specification", specification}}),
              HasSubstr("has no variant 'none'"));
  EXPECT_THAT(refused({{"EndpointName", "nobody"}, {"Specification", specification}}),
              HasSubstr("Could not find endpoint"));
  EXPECT_THAT(refused({{"Specification", json::object()}}), HasSubstr("ModelName or a Container"));
  EXPECT_THAT(refused(json::object()), HasSubstr("needs a Specification"));
  EXPECT_THAT(refused({{"Specification", {{"ModelName", "gone"}}}}), HasSubstr("Could not find"));
  w.Ok("CreateModel", ServingWorld::Model("empty", "s3://bkt/no.tar.gz"));
  w.Ok("CreateInferenceComponent", {{"InferenceComponentName", "y"},
                                    {"EndpointName", "e"},
                                    {"Specification", {{"ModelName", "empty"}}}});
  w.service->Reconcile();
  const json failed = w.Ok("DescribeInferenceComponent", {{"InferenceComponentName", "y"}});
  EXPECT_EQ(failed["InferenceComponentStatus"], "Failed");
  EXPECT_THAT(failed["FailureReason"].get<std::string>(), HasSubstr("Failed to download model"));
}

TEST(InferenceComponent, ItsEndpointIsConfiguredWithoutModels) {
  ServingWorld w;
  json host = {{"VariantName", "h"}, {"InitialInstanceCount", 1}, {"InstanceType", "ml.m5.large"}};
  EXPECT_THAT(w.Refusal("CreateEndpointConfig",
                        {{"EndpointConfigName", "c"}, {"ProductionVariants", {host}}}),
              HasSubstr("ExecutionRoleArn"));
  EXPECT_THAT(w.Refusal("CreateEndpointConfig",
                        {{"EndpointConfigName", "c"},
                         {"ExecutionRoleArn", "arn:aws:iam::123456789012:role/R"},
                         {"ProductionVariants", {host, ServingWorld::Variant("a")}}}),
              HasSubstr("or none of them"));
  w.Deploy({ServingWorld::Variant("A")});
  EXPECT_THAT(w.Refusal("CreateInferenceComponent", {{"InferenceComponentName", "x"},
                                                     {"EndpointName", "e"},
                                                     {"Specification", {{"ModelName", "m"}}}}),
              HasSubstr("has a model"));
}

}  // namespace
}  // namespace clary::control
