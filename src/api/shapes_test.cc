#include "api/shapes.h"

#include <gtest/gtest.h>
#include <re2/re2.h>

#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/file.h"
#include "base/testing/golden.h"

namespace clary::api {
namespace {

using nlohmann::json;

std::string ParseError(const std::string& body) {
  const auto parsed = ParseDocument(body);
  return parsed ? "" : parsed.error().reason + ": " + parsed.error().message;
}

const Shape& Input(std::string_view operation) {
  return *FindOperation(SageMakerOperations(), operation)->input;
}

// What a request of the operation is refused with; empty: it conforms and its values are allowed.
std::string Refusal(std::string_view operation, const std::string& body) {
  auto value = ParseDocument(body);
  if (!value) return value.error().message;
  const Status conforms = Conform(*value, Input(operation));
  if (!conforms) return conforms.error().reason + ": " + conforms.error().message;
  const Status valid = CheckValues(*value, Input(operation));
  return valid ? "" : valid.error().message;
}

TEST(ParseDocument, TakesWhatIsJson) {
  EXPECT_EQ(*ParseDocument(""), json::object());
  const std::string text =
      R"({"a":[1,-2,3.5,{"b":null,"c":[[]]}],"d":{"a":true},"e":"\u00e9\ud83d\ude00","f":18446744073709551615})";
  EXPECT_EQ(*ParseDocument(text), json::parse(text));
}

TEST(ParseDocument, RefusesWhatIsNoBoundedJson) {
  for (const std::string& body :
       {std::string("{"), std::string("{\"a\":1}x"), std::string("\xff\xfe"), std::string("nul"),
        std::string(100'000, '['), std::string(kMaxRequestBytes + 1, ' '),
        std::string("{\"a\":\"\xff\"}")}) {
    EXPECT_TRUE(ParseError(body).starts_with("SerializationException: ")) << ParseError(body);
  }
  EXPECT_EQ(ParseError(std::string(33, '[')),
            "SerializationException: The request body is nested deeper than 32 levels");
}

TEST(ParseDocument, RefusesWhatWouldBeLostAndSaysWhere) {
  EXPECT_EQ(ParseError(R"({"Tags":[{"Key":"a"},{"Key":"b","Key":"c"}]})"),
            "SerializationException: 'Tags[1].Key' is given twice");
  EXPECT_EQ(ParseError(R"({"A":{"B":1},"A":2})"), "SerializationException: 'A' is given twice");
  EXPECT_EQ(ParseError(R"({"Environment":{"A":"x\u0000y"}})"),
            "SerializationException: The character U+0000 is not allowed in 'Environment.A'");
  EXPECT_EQ(ParseError(R"({"X\u0000":1})"),
            "SerializationException: The character U+0000 is not allowed in a name in the request "
            "body");
  EXPECT_EQ(ParseError(R"({"A":[1,1e999]})"),
            "SerializationException: The number is out of range in 'A[1]'");
  for (const char* value : {"NaN", "Infinity", "-Infinity", "nan", "\"\\ud800\"", "\"\\udc00x\"",
                            "01", "+1", ".5", "'x'", "\"a\nb\""}) {
    EXPECT_TRUE(ParseError(R"({"A":{"B":)" + std::string(value) + "}}")
                    .starts_with("SerializationException: The request body is not valid JSON at "
                                 "byte "))
        << value;
    EXPECT_TRUE(ParseError(R"({"A":{"B":)" + std::string(value) + "}}").ends_with(", in 'A.B'"))
        << value;
  }
}

TEST(Conform, RefusesMembersThatTheShapeDoesNotHave) {
  EXPECT_EQ(Refusal("CreateTrainingJob", R"({"OutputDataConfig":{"Odd":1}})"),
            "ValidationException: 'outputDataConfig.Odd' is no member of OutputDataConfig");
  EXPECT_EQ(
      Refusal("CreateTrainingJob", R"({"InputDataConfig":[{"channelName":"x"}]})"),
      "ValidationException: 'inputDataConfig[0].channelName' is no member of Channel; did you "
      "mean 'ChannelName'? Names are case-sensitive");
  EXPECT_EQ(Refusal("StopTrainingJob", R"({"TrainingJobName":"a","Odd":null})"), "");
  // Names of a map are the user's.
  EXPECT_EQ(Refusal("UpdateTrainingJob", R"({"TrainingJobName":"a","ProfilerConfig":
      {"ProfilingParameters":{"Odd":"1"}}})"),
            "");
  EXPECT_LT(Refusal("AddTags", "{\"" + std::string(100'000, 'x') + "\":1}").size(), 300U);
}

TEST(Conform, NamesTheMemberWithTheWrongType) {
  const auto of = [](const std::string& member) {
    return Refusal("CreateTrainingJob", "{" + member + "}");
  };
  const std::string cannot = " can not be converted to ";
  EXPECT_EQ(of(R"("HyperParameters":{"eta":0.2})"),
            "SerializationException: DECIMAL_VALUE" + cannot + "a String at 'hyperParameters.eta'");
  EXPECT_EQ(of(R"("InputDataConfig":[{"ChannelName":true}])"),
            "SerializationException: TRUE_VALUE" + cannot +
                "a String at 'inputDataConfig[0].channelName'");
  EXPECT_EQ(of(R"("InputDataConfig":[null])"),
            "SerializationException: NULL_VALUE" + cannot + "a Structure at 'inputDataConfig[0]'");
  EXPECT_EQ(
      of(R"("EnableNetworkIsolation":"true")"),
      "SerializationException: STRING_VALUE" + cannot + "a Boolean at 'enableNetworkIsolation'");
  EXPECT_EQ(Refusal("AddTags", "[]"),
            "SerializationException: START_ARRAY" + cannot + "a Structure at 'the request body'");
}

TEST(Conform, TimesAreThoseThatClientsCanShow) {
  const auto of = [](const std::string& number) {
    return Refusal("CreateTrialComponent",
                   R"({"TrialComponentName":"p","StartTime":)" + number + "}");
  };
  EXPECT_EQ(of("1700000000.5"), "");
  EXPECT_EQ(of("0"), "");
  EXPECT_EQ(of("-62135596800"), "");
  for (const char* beyond : {"1e18", "1e300", "253402300800", "-1e12"}) {
    EXPECT_TRUE(of(beyond).starts_with("SerializationException")) << beyond << of(beyond);
    EXPECT_NE(of(beyond).find("years 1 to 9999"), std::string::npos) << of(beyond);
  }
}

TEST(Conform, IntegersAreWholeAndFit) {
  const auto of = [](const std::string& number) {
    return Refusal("ListTrainingJobs", R"({"MaxResults":)" + number + "}");
  };
  const std::string refused =
      "SerializationException: NUMBER_VALUE can not be converted to an Integer at 'maxResults'";
  EXPECT_EQ(of("60"), "");
  EXPECT_EQ(of("60.0"), "");
  EXPECT_EQ(of("6e1"), "");
  EXPECT_EQ(of("2147483648"), refused);
  EXPECT_EQ(of("-2147483649"), refused);
  EXPECT_EQ(of("1e300"), refused);
  EXPECT_EQ(of("99999999999999999999999"), refused);
  EXPECT_EQ(of("1.5"),
            "SerializationException: DECIMAL_VALUE can not be converted to an Integer at "
            "'maxResults'");
  // A long holds 64 bits.
  for (const char* fits : {"9223372036854775807", "-9223372036854775808"}) {
    json value = json::parse(R"({"ProfilerConfig":{"ProfilingIntervalInMilliseconds":)" +
                             std::string(fits) + "}}");
    EXPECT_TRUE(Conform(value, Input("UpdateTrainingJob"))) << fits;
  }
  json value =
      json::parse(R"({"ProfilerConfig":{"ProfilingIntervalInMilliseconds":9223372036854775808}})");
  EXPECT_FALSE(Conform(value, Input("UpdateTrainingJob")));
}

TEST(CheckValues, LimitsFractionsAndUnions) {
  EXPECT_EQ(Refusal("UpdateEndpointWeightsAndCapacities",
                    R"({"EndpointName":"e","DesiredWeightsAndCapacities":[{"VariantName":"v",
                        "DesiredWeight":-0.5}]})"),
            "1 validation error detected: Value '-0.5' at "
            "'desiredWeightsAndCapacities.1.member.desiredWeight' failed to satisfy constraint: "
            "Member must have value greater than or equal to 0");
  const std::string both = Refusal(
      "CreateAutoMLJobV2",
      R"({"AutoMLJobName":"a","AutoMLJobInputDataConfig":[],"RoleArn":"arn:aws:iam::123456789012:role/R",
          "OutputDataConfig":{"S3OutputPath":"s3://b/p"},"AutoMLProblemTypeConfig":
          {"TabularJobConfig":{"TargetAttributeName":"y"},"ImageClassificationJobConfig":{}}})");
  EXPECT_NE(both.find("at 'autoMLProblemTypeConfig' failed to satisfy constraint: Exactly one of "
                      "[ImageClassificationJobConfig, "),
            std::string::npos)
      << both;
}

// Calls `visit` once with each shape that `shape` reaches.
void Walk(const Shape* shape, std::set<const Shape*>& seen,
          const std::function<void(const Shape&)>& visit) {
  if (shape == nullptr || !seen.insert(shape).second) return;
  visit(*shape);
  Walk(shape->key, seen, visit);
  Walk(shape->item, seen, visit);
  for (const Member& m : Members(*shape)) Walk(m.shape, seen, visit);
}

TEST(Tables, AreWhole) {
  std::set<const Shape*> seen;
  std::string_view last;
  for (const Operation& op : SageMakerOperations()) {
    EXPECT_LT(last, op.name);
    last = op.name;
    EXPECT_EQ(op.input->type, Type::kStructure);
    for (const Shape* end : {op.input, op.output}) {
      Walk(end, seen, [&](const Shape& shape) {
        if (shape.pattern != nullptr) {
          EXPECT_TRUE(RE2(shape.pattern).ok()) << shape.pattern;
        }
        if (shape.type == Type::kList || shape.type == Type::kMap) {
          EXPECT_NE(shape.item, nullptr);
        }
        EXPECT_EQ(shape.name.empty(), shape.type != Type::kStructure);
      });
    }
  }
  EXPECT_GT(seen.size(), 500U);
}

TEST(Tables, PatternsWithoutLookAroundTellTheSame) {
  const auto matches = [](std::string_view operation, const char* member, const std::string& text) {
    return RE2::FullMatch(text, FindMember(Input(operation), member)->shape->pattern);
  };
  for (const char* good :
       {"group", "g", "arn:aws:sagemaker:us-east-1:123456789012:model-package-group/g-1"}) {
    EXPECT_TRUE(matches("DescribeModelPackageGroup", "ModelPackageGroupName", good)) << good;
  }
  for (const char* bad : {"group-", "-group", "a_b", ""}) {
    EXPECT_FALSE(matches("DescribeModelPackageGroup", "ModelPackageGroupName", bad)) << bad;
  }
  EXPECT_TRUE(matches("DescribeModelPackage", "ModelPackageName", "group/12"));
  EXPECT_FALSE(matches("DescribeModelPackage", "ModelPackageName", "group-/12"));
}

// What the SDKs really sent, of every operation whose shape is known: no member is unknown and
// every value is allowed.
TEST(Tables, AcceptWhatTheSdksSent) {
  const std::filesystem::path folder = GoldenPath("wire");
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no golden requests in " << folder;
  std::map<std::string, int> seen;
  const auto check = [&](std::string name, const json& body, const std::string& where) {
    if (const size_t dot = name.find('.'); dot != std::string::npos) {
      if (!name.starts_with("SageMaker.")) return;
      name = name.substr(dot + 1);
    }
    if (FindOperation(SageMakerOperations(), name) == nullptr || !body.is_object()) return;
    ++seen[name];
    EXPECT_EQ(Refusal(name, body.dump()), "") << where << ": " << name;
  };
  const auto check_calls = [&](const json& calls, const std::string& where) {
    for (const json& call : calls) {
      if (!call.is_object() || !call.contains("body")) continue;
      for (const char* key : {"op", "operation", "target", "http"}) {
        if (call.contains(key) && call[key].is_string()) check(call[key], call["body"], where);
      }
    }
  };
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".json") continue;
    const json file = json::parse(*ReadFile(entry.path(), 1 << 26));
    const std::string name = entry.path().filename();
    if (name.starts_with("requests-")) {
      for (const auto& [target, list] : file.items()) {
        for (const json& request : list) check(target, request, name);
      }
    } else if (name == "index.json") {
      for (const json& row : file) {
        const auto path = entry.path().parent_path() / row.at("file").get<std::string>();
        check(row.at("operation"), json::parse(*ReadFile(path, 1 << 26)), path);
      }
    } else {
      check_calls(file.is_object() ? file.value("calls", json::array()) : file, name);
    }
  }
  EXPECT_GT(seen.size(), 40U);
}

}  // namespace
}  // namespace clary::api
