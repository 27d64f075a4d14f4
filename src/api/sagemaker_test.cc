#include "api/sagemaker.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/errors.h"
#include "api/images.h"

namespace clary::api {
namespace {

using nlohmann::json;

json Minimal() {
  return json::parse(R"({
    "TrainingJobName": "job-1",
    "AlgorithmSpecification": {"TrainingImage": "r/sagemaker-xgboost:1.7-1", "TrainingInputMode": "File"},
    "RoleArn": "arn:aws:iam::123456789012:role/R",
    "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource":
        {"S3DataType": "S3Prefix", "S3Uri": "s3://b/p"}}}],
    "OutputDataConfig": {"S3OutputPath": "s3://b/o"},
    "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 5},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60}})");
}

std::string CheckCreate(const json& input) {
  auto decoded = Decode("CreateTrainingJob", input.dump());
  if (!decoded) return decoded.error().reason + ": " + decoded.error().message;
  const Status valid = Validate("CreateTrainingJob", *decoded);
  return valid ? "" : valid.error().message;
}

TEST(Decode, DropsNullsAndRefusesWhatIsNotServed) {
  json input = Minimal();
  input["Tags"] = nullptr;
  input["Odd"] = nullptr;
  input["OutputDataConfig"]["KmsKeyId"] = nullptr;
  const auto decoded = Decode("CreateTrainingJob", input.dump());
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(*decoded, Minimal());
  EXPECT_EQ(*Decode("Search", ""), json::object());
  // One is no operation; of the other only the shape is known.
  for (const char* operation : {"MakeCoffee", "CreateAutoMLJob"}) {
    EXPECT_FALSE(IsOperation(operation));
    EXPECT_EQ(Decode(operation, "{").error().reason, "UnknownOperationException");
    EXPECT_EQ(Validate(operation, json::object()).error().reason, "UnknownOperationException");
  }
}

TEST(Validate, UsesTheWordsOfTheService) {
  EXPECT_EQ(CheckCreate(Minimal()), "");
  json input = Minimal();
  input["TrainingJobName"] = "a_b";
  EXPECT_EQ(CheckCreate(input),
            "1 validation error detected: Value 'a_b' at 'trainingJobName' failed to satisfy "
            "constraint: Member must satisfy regular expression pattern: "
            "^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}");
  input = Minimal();
  input.erase("RoleArn");
  input["InputDataConfig"][0]["ChannelName"] = std::string(65, 'c');
  EXPECT_EQ(CheckCreate(input),
            "2 validation errors detected: Value null at 'roleArn' failed to satisfy constraint: "
            "Member must not be null; Value '" +
                std::string(65, 'c') +
                "' at 'inputDataConfig.1.member.channelName' failed to satisfy constraint: Member "
                "must have length less than or equal to 64");
  input = Minimal();
  input["AlgorithmSpecification"]["TrainingInputMode"] = "Tape";
  EXPECT_EQ(CheckCreate(input),
            "1 validation error detected: Value 'Tape' at "
            "'algorithmSpecification.trainingInputMode' failed to satisfy constraint: Member must "
            "satisfy enum value set: [Pipe, File, FastFile]");
  input = Minimal();
  input["ResourceConfig"]["InstanceCount"] = 0;
  EXPECT_EQ(CheckCreate(input),
            "1 validation error detected: Value '0' at 'resourceConfig.instanceCount' failed to "
            "satisfy constraint: Member must have value greater than or equal to 1");
  input = Minimal();
  input["ResourceConfig"]["InstanceType"] = "local";
  EXPECT_NE(CheckCreate(input).find("Member must satisfy enum value set: [ml."), std::string::npos);
  input = Minimal();
  input["HyperParameters"] = {{"k", std::string(2501, 'v')}};
  EXPECT_NE(CheckCreate(input).find("Map value must satisfy constraint: [Member must have length "
                                    "less than or equal to 2500, Member must have length greater "
                                    "than or equal to 0, Member must satisfy regular expression "
                                    "pattern: .*]"),
            std::string::npos);
  input = Minimal();
  input["InputDataConfig"] = json::array();
  EXPECT_EQ(CheckCreate(input),
            "1 validation error detected: Value '[]' at 'inputDataConfig' failed to satisfy "
            "constraint: Member must have length greater than or equal to 1");
}

TEST(Validate, CountsCharactersNotBytes) {
  json input = Minimal();
  std::string value;
  for (int i = 0; i < 256; ++i) value += "\xC3\xA9";
  input["Tags"] = {{{"Key", "k"}, {"Value", value}}};
  EXPECT_EQ(CheckCreate(input), "");
}

TEST(Validate, NestedSearchExpressionsAreChecked) {
  const auto input = Decode("Search", R"({"Resource":"TrainingJob","SearchExpression":
      {"SubExpressions":[{"Filters":[{"Name":"x","Operator":"Like"}]}]}})");
  ASSERT_TRUE(input);
  EXPECT_NE(
      Validate("Search", *input)
          .error()
          .message.find("'searchExpression.subExpressions.1.member.filters.1.member.operator'"),
      std::string::npos);
}

TEST(Images, AreKnownByRepositoryNameAlone) {
  const auto image =
      ResolveImage("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.2-1");
  ASSERT_TRUE(image);
  EXPECT_EQ(image->program, "xgboost");
  EXPECT_EQ(image->version, "1.2-1");
  EXPECT_EQ(ResolveImage("xgboost:latest")->version, "3.2-0");
  EXPECT_EQ(ResolveImage("localhost:5000/xgboost")->version, "3.2-0");
  EXPECT_EQ(ResolveImage("r/sagemaker-xgboost:1.0-1-cpu-py3")->version, "1.0-1");
  for (const char* bad : {"", "r/linear-learner:1", "r/sagemaker-xgboost:9.9", "xgboost/other:1"}) {
    const auto refused = ResolveImage(bad);
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().reason, "ValidationException");
    EXPECT_NE(refused.error().message.find("sagemaker-xgboost:1.7-1"), std::string::npos);
  }
}

TEST(Images, MetricsGrowWithTheVersion) {
  const auto has = [](const char* version, std::string_view name) {
    for (const auto& m : BuiltInMetrics({"xgboost", version})) {
      if (m.name == name) return true;
    }
    return false;
  };
  EXPECT_TRUE(has("1", "validation:auc"));
  EXPECT_TRUE(has("1.7-1", "train:recall"));
  EXPECT_FALSE(has("0.90-1", "validation:recall"));
}

TEST(Errors, GoToTheWireAndBack) {
  const Error in_use{Code::kAlreadyExists, "ResourceInUse", "m"};
  EXPECT_EQ(ToApiError(in_use).code, "ResourceInUse");
  EXPECT_EQ(ToApiError(in_use).status, 400);
  EXPECT_EQ(FromApiError("ResourceInUse", 400, "m").code, Code::kAlreadyExists);
  EXPECT_EQ(ToApiError({Code::kInternal, "Sqlite", ""}).status, 500);
  EXPECT_EQ(ToApiError({Code::kFailedPrecondition, "x", ""}).code, "ValidationException");
  EXPECT_EQ(FromApiError("Whatever", 503, "").code, Code::kUnavailable);
  EXPECT_EQ(FromApiError("Whatever", 418, "").reason, "Whatever");
}

}  // namespace
}  // namespace clary::api
