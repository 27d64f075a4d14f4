// Models, endpoint configurations and the model registry.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/testing/world.h"

namespace clary::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kArn[] = "arn:aws:sagemaker:us-east-1:123456789012:";
constexpr char kImage[] = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1";

class Models : public testing::Test {
 protected:
  json Ok(const std::string& operation, const json& input) {
    const auto out = w.Call(operation, input);
    EXPECT_TRUE(out) << operation << " " << out.error().message;
    return out ? *out : json();
  }
  static json Container() {
    return {
        {"Image", kImage}, {"ModelDataUrl", "s3://bkt/m.tar.gz"}, {"Environment", {{"A", "1"}}}};
  }
  static json Model(const std::string& name) {
    return {{"ModelName", name},
            {"ExecutionRoleArn", "arn:aws:iam::123456789012:role/R"},
            {"PrimaryContainer", Container()}};
  }
  static json Variant(const std::string& name = "AllTraffic") {
    return {{"VariantName", name},
            {"ModelName", "m"},
            {"InitialInstanceCount", 1},
            {"InstanceType", "ml.m5.xlarge"}};
  }
  static json Config(const json& variant) {
    return {{"EndpointConfigName", "c"}, {"ProductionVariants", {variant}}};
  }
  static json Version(const std::string& group = "grp") {
    return {{"ModelPackageGroupName", group},
            {"InferenceSpecification", {{"Containers", {Container()}}}}};
  }
  World w;
};

TEST_F(Models, AreDescribedAsGivenAndMayAlwaysBeDeleted) {
  json request = Model("m");
  request["Tags"] = {{{"Key", "t"}, {"Value", "v"}}};
  EXPECT_EQ(Ok("CreateModel", request), (json{{"ModelArn", std::string(kArn) + "model/m"}}));
  json described = Ok("DescribeModel", {{"ModelName", "m"}});
  EXPECT_EQ(described["ModelArn"], std::string(kArn) + "model/m");
  EXPECT_EQ(described["EnableNetworkIsolation"], false);
  EXPECT_EQ(described["PrimaryContainer"], Container());
  EXPECT_FALSE(described.contains("Tags"));
  EXPECT_EQ(Ok("ListTags", {{"ResourceArn", described["ModelArn"]}})["Tags"], request["Tags"]);
  // The SDK swallows these words and goes on.
  EXPECT_EQ(w.Refusal("CreateModel", request),
            "ValidationException: Cannot create already existing model \"" + std::string(kArn) +
                "model/m\".");
  Ok("CreateEndpointConfig", Config(Variant()));
  EXPECT_EQ(Ok("DeleteModel", {{"ModelName", "m"}}), json::object());
  EXPECT_EQ(w.Refusal("DescribeModel", {{"ModelName", "m"}}),
            "ValidationException: Could not find model \"" + std::string(kArn) + "model/m\".");
}

TEST_F(Models, AreRefusedIfTheyCannotBeMeant) {
  json request = Model("m");
  request["Containers"] = {Container()};
  EXPECT_THAT(w.Refusal("CreateModel", request), HasSubstr("either a PrimaryContainer"));
  request.erase("Containers");
  request["PrimaryContainer"].erase("Image");
  EXPECT_THAT(w.Refusal("CreateModel", request), HasSubstr("either an Image"));
  request = Model("m");
  request.erase("PrimaryContainer");
  request["Containers"] = {Container(), Container()};
  request["Containers"][0]["ContainerHostname"] = "first";
  EXPECT_THAT(w.Refusal("CreateModel", request), HasSubstr("or none of them"));
}

TEST_F(Models, AreListedAndFound) {
  for (const char* name : {"a", "b", "c"}) {
    Ok("CreateModel", Model(name));
    w.clock.Advance(seconds(1));
  }
  const json page = Ok("ListModels", {{"MaxResults", 2}});
  ASSERT_EQ(page["Models"].size(), 2u);
  EXPECT_EQ(page["Models"][0]["ModelName"], "c");
  EXPECT_EQ(Ok("ListModels",
               {{"NextToken", page["NextToken"]}, {"MaxResults", 2}})["Models"][0]["ModelName"],
            "a");
  EXPECT_EQ(Ok("ListModels", {{"NameContains", "b"}})["Models"].size(), 1u);
  const json found =
      Ok("Search",
         {{"Resource", "Model"},
          {"SearchExpression",
           {{"Filters", {{{"Name", "ModelName"}, {"Operator", "Equals"}, {"Value", "b"}}}}}}});
  ASSERT_EQ(found["Results"].size(), 1u);
  EXPECT_EQ(found["Results"][0]["Model"]["Model"]["ModelName"], "b");
}

TEST_F(Models, ConfigurationsCanBeCopied) {
  EXPECT_EQ(w.Refusal("CreateEndpointConfig", Config(Variant())),
            "ValidationException: Could not find model \"" + std::string(kArn) + "model/m\".");
  Ok("CreateModel", Model("m"));
  json request = Config(Variant());
  request["DataCaptureConfig"] = {{"EnableCapture", true},
                                  {"InitialSamplingPercentage", 20},
                                  {"DestinationS3Uri", "s3://bkt/cap"},
                                  {"CaptureOptions", {{{"CaptureMode", "Input"}}}}};
  Ok("CreateEndpointConfig", request);
  json copy = Ok("DescribeEndpointConfig", {{"EndpointConfigName", "c"}});
  EXPECT_EQ(copy["DataCaptureConfig"], request["DataCaptureConfig"]);
  EXPECT_EQ(copy["ProductionVariants"][0]["InitialVariantWeight"], 1.0);
  EXPECT_THAT(w.Refusal("CreateEndpointConfig", request),
              HasSubstr("Cannot create already existing endpoint configuration"));
  copy["EndpointConfigName"] = "d";
  copy.erase("EndpointConfigArn");
  copy.erase("CreationTime");
  Ok("CreateEndpointConfig", copy);
  Ok("DeleteEndpointConfig", {{"EndpointConfigName", "c"}});
  EXPECT_EQ(w.Refusal("DescribeEndpointConfig", {{"EndpointConfigName", "c"}}),
            "ValidationException: Could not find endpoint configuration \"" + std::string(kArn) +
                "endpoint-config/c\".");
}

TEST_F(Models, ConfigurationsAreChecked) {
  Ok("CreateModel", Model("m"));
  const auto refused = [&](const json& request) {
    return w.Refusal("CreateEndpointConfig", request);
  };
  json variant = Variant();
  variant.erase("InstanceType");
  EXPECT_THAT(refused(Config(variant)), HasSubstr("InstanceType"));
  json twice = Config(Variant());
  twice["ProductionVariants"].push_back(Variant());
  EXPECT_THAT(refused(twice), HasSubstr("that of another variant"));
  variant = Variant();
  variant["ServerlessConfig"] = {{"MemorySizeInMB", 2048}, {"MaxConcurrency", 5}};
  EXPECT_THAT(refused(Config(variant)), HasSubstr("has no InitialInstanceCount"));
  variant.erase("InitialInstanceCount");
  variant.erase("InstanceType");
  variant["ServerlessConfig"]["ProvisionedConcurrency"] = 6;
  EXPECT_THAT(refused(Config(variant)), HasSubstr("above MaxConcurrency"));
  variant["ServerlessConfig"] = {{"MemorySizeInMB", 1500}, {"MaxConcurrency", 5}};
  EXPECT_THAT(refused(Config(variant)), HasSubstr("MemorySizeInMB"));
  variant["ServerlessConfig"]["MemorySizeInMB"] = 2048;
  Ok("CreateEndpointConfig", Config(variant));
  variant = Variant();
  variant.erase("ModelName");
  json none = Config(variant);
  none["EndpointConfigName"] = "d";
  EXPECT_THAT(refused(none), HasSubstr("inference components"));
}

TEST_F(Models, VersionsAreNumberedOnceForEver) {
  Ok("CreateModelPackageGroup", {{"ModelPackageGroupName", "grp"}});
  EXPECT_THAT(w.Refusal("CreateModelPackageGroup", {{"ModelPackageGroupName", "grp"}}),
              HasSubstr("already exists"));
  const std::string arn = std::string(kArn) + "model-package/grp/";
  EXPECT_EQ(Ok("CreateModelPackage", Version())["ModelPackageArn"], arn + "1");
  // Groups may be named by their ARN.
  EXPECT_EQ(Ok("CreateModelPackage",
               Version(std::string(kArn) + "model-package-group/grp"))["ModelPackageArn"],
            arn + "2");
  EXPECT_THAT(w.Refusal("DeleteModelPackageGroup", {{"ModelPackageGroupName", "grp"}}),
              testing::StartsWith("ConflictException: "));
  Ok("DeleteModelPackage", {{"ModelPackageName", arn + "2"}});
  w.Restart();
  json again = Version();
  again["ClientToken"] = "t-1";
  EXPECT_EQ(Ok("CreateModelPackage", again)["ModelPackageArn"], arn + "3");
  EXPECT_EQ(Ok("CreateModelPackage", again)["ModelPackageArn"], arn + "3");  // its answer was lost
  const json described = Ok("DescribeModelPackage", {{"ModelPackageName", arn + "3"}});
  EXPECT_EQ(described["ModelPackageName"], "grp");
  EXPECT_EQ(described["ModelPackageVersion"], 3);
  EXPECT_EQ(described["ModelPackageStatus"], "Completed");
  EXPECT_EQ(described["ModelApprovalStatus"], "PendingManualApproval");
  EXPECT_EQ(described["ModelPackageStatusDetails"]["ValidationStatuses"], json::array());
  EXPECT_FALSE(described.contains("ClientToken"));
  EXPECT_EQ(w.Refusal("DescribeModelPackage", {{"ModelPackageName", arn + "2"}}),
            "ValidationException: ModelPackage " + arn + "2 does not exist.");
  EXPECT_EQ(w.Refusal("CreateModelPackage", Version("no")),
            "ValidationException: ModelPackageGroup " + std::string(kArn) +
                "model-package-group/no does not exist.");
  for (const char* version : {"1", "3"}) {
    Ok("DeleteModelPackage", {{"ModelPackageName", arn + version}});
  }
  Ok("DeleteModelPackageGroup", {{"ModelPackageGroupName", "grp"}});
}

TEST_F(Models, ListsOfPackagesAreOfOnesWithoutVersionUnlessAsked) {
  Ok("CreateModelPackageGroup", {{"ModelPackageGroupName", "grp"}});
  Ok("CreateModelPackage", Version());
  json approved = Version();
  approved["ModelApprovalStatus"] = "Approved";
  Ok("CreateModelPackage", approved);
  json alone = {{"ModelPackageName", "alone"},
                {"InferenceSpecification", {{"Containers", {Container()}}}}};
  EXPECT_THAT(w.Refusal("CreateModelPackage", alone),
              HasSubstr("SupportedRealtimeInferenceInstanceTypes"));
  alone["InferenceSpecification"]["SupportedRealtimeInferenceInstanceTypes"] = {"ml.m5.large"};
  Ok("CreateModelPackage", alone);
  EXPECT_THAT(w.Refusal("CreateModelPackage", alone), HasSubstr("ModelPackage already exists"));
  const auto listed = [&](const json& input) {
    std::vector<std::string> out;
    const json page = Ok("ListModelPackages", input);
    for (const json& s : page["ModelPackageSummaryList"]) {
      const std::string arn = s["ModelPackageArn"];
      out.push_back(arn.substr(arn.find('/') + 1));
    }
    return out;
  };
  EXPECT_THAT(listed(json::object()), ElementsAre("alone"));
  EXPECT_THAT(listed({{"ModelPackageType", "Both"}}),
              testing::UnorderedElementsAre("grp/1", "grp/2", "alone"));
  EXPECT_THAT(listed({{"ModelPackageGroupName", "grp"},
                      {"ModelApprovalStatus", "Approved"},
                      {"SortOrder", "Descending"},
                      {"MaxResults", 1}}),
              ElementsAre("grp/2"));
  const json batch = Ok(
      "BatchDescribeModelPackage",
      {{"ModelPackageArnList",
        {std::string(kArn) + "model-package/grp/1", std::string(kArn) + "model-package/grp/9"}}});
  EXPECT_EQ(batch["ModelPackageSummaries"].size(), 1u);
  EXPECT_EQ(batch["BatchDescribeModelPackageErrorMap"].size(), 1u);
}

TEST_F(Models, OnlyApprovedVersionsAreDeployed) {
  Ok("CreateModelPackageGroup", {{"ModelPackageGroupName", "grp"}});
  const std::string arn = Ok("CreateModelPackage", Version())["ModelPackageArn"];
  const json model = {{"ModelName", "m"}, {"Containers", {{{"ModelPackageName", arn}}}}};
  EXPECT_THAT(w.Refusal("CreateModel", model), HasSubstr("PendingManualApproval"));
  w.clock.Advance(seconds(1));
  Ok("UpdateModelPackage", {{"ModelPackageArn", arn},
                            {"ModelApprovalStatus", "Approved"},
                            {"ApprovalDescription", "good"},
                            {"CustomerMetadataProperties", {{"a", "1"}, {"b", "2"}}}});
  Ok("UpdateModelPackage",
     {{"ModelPackageArn", arn}, {"CustomerMetadataPropertiesToRemove", {"a"}}});
  const json described = Ok("DescribeModelPackage", {{"ModelPackageName", arn}});
  EXPECT_EQ(described["ApprovalDescription"], "good");
  EXPECT_EQ(described["CustomerMetadataProperties"], (json{{"b", "2"}}));
  EXPECT_GT(described["LastModifiedTime"].get<double>(), described["CreationTime"].get<double>());
  Ok("CreateModel", model);
}

}  // namespace
}  // namespace clary::control
