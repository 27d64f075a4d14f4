#include "api/members.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "api/internal/shape_rows.h"
#include "api/sagemaker.h"

namespace clary::api {
namespace {

using nlohmann::json;

constexpr Shape kText = String();
constexpr Shape kFlag = Boolean();
constexpr Shape kCount = Integer();
constexpr Member kPartMembers[] = {{"Name", &kText}, {"Odd", &kCount}};
constexpr Shape kPart = Structure("Part", kPartMembers);
constexpr Shape kParts = List(&kPart);
constexpr Member kRequestMembers[] = {
    {"Parts", &kParts}, {"Key", &kText}, {"Fast", &kFlag}, {"Whole", &kPart}};
constexpr Shape kRequest = Structure("Request", kRequestMembers);
constexpr Operation kKnown[] = {{"Do", &kRequest, &kRequest}};
constexpr std::string_view kServed[] = {"Do"};
constexpr DoneRow kDone[] = {{"Part", "Name"}};
constexpr VerdictRow kOthers[] = {
    {"Part", "Odd", Verdict::kRefused, "is odd"},
    {"Request", "Key", Verdict::kNotProvided, "no lock", "none"},
    {"Request", "Fast", Verdict::kIgnored, "always fast"},
    {"Request", "Whole", Verdict::kNotProvided, "only parts"},
};
constexpr MemberTable kTable = {.operations = kServed, .done = kDone, .others = kOthers};

std::string Refused(const char* request) {
  const Status done = CheckMembers(kTable, kRequest, json::parse(request));
  return done ? "" : done.error().reason + ": " + done.error().message;
}

TEST(Members, AreRefusedByPathIfTheyAskForSomething) {
  EXPECT_EQ(Refused(R"({"Parts":[{"Name":"a"},{"Odd":1}],"Fast":true,"Key":"k"})"),
            "ValidationException: Parts[1].Odd is odd");
  EXPECT_EQ(Refused(R"({"Parts":[{"Odd":0}]})"), "");
  // The verdict on a structure holds for what is in it.
  EXPECT_EQ(Refused(R"({"Whole":{"Odd":1}})"), "");
}

TEST(Members, NotProvidedAreTold) {
  const auto told = [](const char* request) {
    return NotProvided(kTable, kRequest, json::parse(request));
  };
  EXPECT_EQ(told(R"({"Key":"k","Whole":{"Odd":1},"Fast":true})"),
            (std::vector<std::string>{"Key: no lock", "Whole: only parts"}));
  EXPECT_EQ(told(R"({"Key":"none"})"), std::vector<std::string>());
  EXPECT_EQ(told(R"({"Key":""})"), std::vector<std::string>());
}

TEST(Members, FaultsOfATableAreFound) {
  EXPECT_EQ(Faults(kTable, kKnown), std::vector<std::string>());
  MemberTable table = kTable;
  table.done = {};
  EXPECT_EQ(Faults(table, kKnown), std::vector<std::string>{"Part.Name has no verdict"});
  constexpr DoneRow kMore[] = {{"Part", "Name Odd"}, {"Request", "New"}};
  table.done = kMore;
  EXPECT_EQ(Faults(table, kKnown), (std::vector<std::string>{"Part.Odd is done and is not",
                                                             "Request.New is in no served "
                                                             "request"}));
  table = kTable;
  table.operations = {};
  EXPECT_EQ(Faults(table, kKnown).size(), 5U);
}

// Every input member of every operation that this release serves is done or says what it is.
TEST(SageMakerMembers, AllHaveAVerdict) {
  std::vector<Operation> known;
  for (const auto operations : {SageMakerOperations(), MetricsOperations()}) {
    known.insert(known.end(), operations.begin(), operations.end());
  }
  for (const std::string& fault : Faults(SageMakerMembers(), known)) {
    ADD_FAILURE() << fault << " (src/api/sagemaker_members.cc)";
  }
}

TEST(SageMakerMembers, WhatIsNotObeyedIsRefused) {
  const auto refused = [](const char* operation, const json& extra) {
    json request = {
        {"TrainingJobName", "job-1"},
        {"AlgorithmSpecification", {{"TrainingImage", "xgboost:1"}, {"TrainingInputMode", "File"}}},
        {"RoleArn", "arn:aws:iam::123456789012:role/R"},
        {"OutputDataConfig", {{"S3OutputPath", "s3://b/o"}}},
        {"ResourceConfig", {{"InstanceType", "ml.m5.large"}, {"InstanceCount", 1}}}};
    if (std::string_view(operation) != "CreateTrainingJob") request = json::object();
    request.merge_patch(extra);
    const Status valid = Validate(operation, request);
    return valid ? "" : valid.error().message;
  };
  const std::string unsupported = " is not supported by this release; leave it out";
  EXPECT_EQ(refused("CreateTrainingJob", json::object()), "");
  EXPECT_EQ(refused("CreateTrainingJob",
                    {{"MlflowConfig",
                      {{"MlflowResourceArn",
                        "arn:aws:sagemaker:us-east-1:123456789012:mlflow-app/app-ABC"}}}}),
            "MlflowConfig" + unsupported);
  EXPECT_EQ(
      refused("Search", {{"Resource", "TrainingJob"}, {"CrossAccountFilterOption", "SameAccount"}}),
      "");
  EXPECT_EQ(refused("Search",
                    {{"Resource", "TrainingJob"}, {"CrossAccountFilterOption", "CrossAccount"}}),
            "CrossAccountFilterOption is not supported: there is one account");
}

TEST(SageMakerMembers, ProtectionThatIsNotGivenIsTold) {
  const json request = json::parse(R"({"EnableInterContainerTrafficEncryption":true,
      "VpcConfig":{"Subnets":["s-1"],"SecurityGroupIds":["g-1"]},
      "OutputDataConfig":{"S3OutputPath":"s3://b/o","KmsKeyId":"alias/k"},
      "ResourceConfig":{"VolumeKmsKeyId":"alias/k"}})");
  const auto lines = Notices("CreateTrainingJob", request);
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_TRUE(lines[0].starts_with("OutputDataConfig.KmsKeyId: ")) << lines[0];
  EXPECT_TRUE(lines[1].starts_with("ResourceConfig.VolumeKmsKeyId: ")) << lines[1];
  EXPECT_TRUE(lines[2].starts_with("VpcConfig: ")) << lines[2];
  EXPECT_TRUE(lines[3].starts_with("EnableInterContainerTrafficEncryption: ")) << lines[3];
  EXPECT_TRUE(Notices("CreateTrainingJob", json::parse(R"({"OutputDataConfig":{"KmsKeyId":""},
      "EnableInterContainerTrafficEncryption":false})"))
                  .empty());
  EXPECT_TRUE(Notices("MakeCoffee", request).empty());
}

}  // namespace
}  // namespace clary::api
