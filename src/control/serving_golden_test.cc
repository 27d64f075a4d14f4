// Requests that real SDKs have sent for serving: each is taken, and shown again as it was sent, or
// refused for the reason that is known of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <optional>

#include "base/testing/golden.h"
#include "control/testing/serving_world.h"

namespace clary::control {
namespace {

namespace fs = std::filesystem;

// What is not taken, and a part of the answer.
const std::map<std::string, std::string>& NotServed() {
  static const std::map<std::string, std::string> kRefused = {
      {"endpoint-context ListContexts", "not supported"},
  };
  return kRefused;
}

class Replay {
 public:
  explicit Replay(std::string file) : file_(std::move(file)) {
    w_.options.account_id = "111122223333";
    w_.Restart();
    EXPECT_TRUE(w_.objects.CreateBucket(kBucket, "us-east-1"));
    for (const char* key : {"in/x.csv", "in/m.manifest"}) Put(key, "1,2\n");
    Put("in/m.manifest", R"([{"prefix":"s3://sagemaker-us-east-1-111122223333/in/"},"x.csv"])");
    Put("m/model.tar.gz", "x");
    EXPECT_TRUE(w_.Call("CreateExperiment", {{"ExperimentName", "e"}}));
    EXPECT_TRUE(w_.Call("CreateTrial", {{"TrialName", "t"}, {"ExperimentName", "e"}}));
  }

  void Take(const std::string& operation, const json& body) {
    SCOPED_TRACE(operation + " " + body.dump());
    Prepare(operation, body);
    const std::string answer = w_.Refusal(operation, body);
    const auto refused = NotServed().find(file_ + " " + operation);
    if (refused != NotServed().end()) {
      // A file may hold requests of both kinds.
      if (answer == "accepted") return;
      EXPECT_THAT(answer, testing::HasSubstr(refused->second));
      return;
    }
    if (answer.contains("already exist")) return;  // Prepare() was earlier
    EXPECT_EQ(answer, "accepted");
    if (answer == "accepted" && operation.starts_with("Create")) Compare(operation.substr(6), body);
    for (int i = 0; i < 4; ++i) {
      w_.service->Reconcile();
      w_.AnswerAll();
      w_.clock.Advance(seconds(130));  // behind the waits of a deployment
    }
  }

 private:
  static constexpr char kBucket[] = "sagemaker-us-east-1-111122223333";

  void Put(const std::string& key, const std::string& bytes) {
    auto body = NewStringSource(bytes);
    EXPECT_TRUE(w_.objects.Put({kBucket, key}, *body));
  }
  bool Has(const std::string& stem, const std::string& name) {
    return w_.Call("Describe" + stem, {{stem + "Name", name}}).has_value();
  }
  void NeedModel(const std::string& name) {
    if (Has("Model", name)) return;
    w_.Ok("CreateModel",
          ServingWorld::Model(name, std::string("s3://") + kBucket + "/m/model.tar.gz"));
  }
  void NeedConfig(const std::string& name) {
    NeedModel("m");
    if (!Has("EndpointConfig", name)) w_.Config(name, {ServingWorld::Variant("AllTraffic")});
  }
  void NeedEndpoint(const json& body) {
    const std::string name = body.at("EndpointName");
    if (Has("Endpoint", name)) return;
    std::vector<json> variants;
    for (const json& v : body.value("DesiredWeightsAndCapacities", json::array())) {
      variants.push_back(ServingWorld::Variant(v.at("VariantName")));
    }
    if (variants.empty()) variants.push_back(ServingWorld::Variant("AllTraffic"));
    NeedModel("m");
    w_.Config(name + "-first", variants);
    w_.Ok("CreateEndpoint", {{"EndpointName", name}, {"EndpointConfigName", name + "-first"}});
    w_.service->Reconcile();
    w_.AnswerAll();
  }
  // What earlier sessions of the SDK had made.
  void Prepare(const std::string& operation, const json& body) {
    w_.clock.Advance(seconds(1));
    for (const char* list : {"ProductionVariants", "ShadowProductionVariants"}) {
      for (const json& v : body.value(list, json::array())) {
        if (v.contains("ModelName")) NeedModel(v["ModelName"]);
      }
    }
    if (operation == "CreateTransformJob" || operation == "DeleteModel" ||
        operation == "DescribeModel") {
      NeedModel(body.at("ModelName"));
    }
    const bool endpoint = operation.ends_with("Endpoint") || operation.ends_with("Capacities");
    if (endpoint && operation != "CreateEndpoint") NeedEndpoint(body);
    if (body.contains("EndpointConfigName") && operation != "CreateEndpointConfig") {
      NeedConfig(body["EndpointConfigName"]);
    }
    if (body.contains("ModelPackageGroupName") && operation != "CreateModelPackageGroup") {
      if (!Has("ModelPackageGroup", body["ModelPackageGroupName"])) {
        w_.Ok("CreateModelPackageGroup",
              {{"ModelPackageGroupName", body["ModelPackageGroupName"]}});
      }
    }
    if (operation == "StopTransformJob" || operation == "DescribeTransformJob") {
      const std::string name = body.at("TransformJobName");
      NeedModel("m");
      if (!Has("TransformJob", name)) w_.Ok("CreateTransformJob", Transform(name));
    }
  }
  static json Transform(const std::string& name) {
    const std::string bucket = std::string("s3://") + kBucket;
    return {{"TransformJobName", name},
            {"ModelName", "m"},
            {"TransformInput",
             {{"DataSource",
               {{"S3DataSource", {{"S3DataType", "S3Prefix"}, {"S3Uri", bucket + "/in/"}}}}}}},
            {"TransformOutput", {{"S3OutputPath", bucket + "/o"}}},
            {"TransformResources", {{"InstanceType", "ml.m5.large"}, {"InstanceCount", 1}}}};
  }
  void Compare(const std::string& stem, const json& body) {
    if (stem == "ModelPackage" || stem == "Endpoint" || stem == "InferenceComponent") return;
    const json shown = w_.Ok("Describe" + stem, {{stem + "Name", body.at(stem + "Name")}});
    for (const auto& [member, value] : body.items()) {
      if (member == "Tags" || member == "ProductionVariants") continue;
      EXPECT_EQ(shown.value(member, json()), value) << member;
    }
  }

  const std::string file_;
  ServingWorld w_;
};

bool IsOfServing(const std::string& operation) {
  for (const char* part : {"Model", "Endpoint", "Transform", "Contexts", "InferenceComponent"}) {
    if (operation.find(part) != std::string::npos) return true;
  }
  return false;
}

TEST(Golden, RequestsOfSdksForServing) {
  const fs::path directory = GoldenPath("wire/serving");
  if (!fs::exists(directory)) GTEST_SKIP() << "no golden files (CLARY_SHARED)";
  size_t replayed = 0;
  for (const auto& entry : fs::directory_iterator(directory)) {
    const auto text = ReadFile(entry.path(), 1 << 24);
    ASSERT_TRUE(text) << entry.path();
    const json document = json::parse(*text);
    const std::string name = entry.path().stem();
    SCOPED_TRACE(name);
    Replay replay(name);
    for (const json& call : document.value("calls", json::array())) {
      const std::string target = call.value("target", "");
      if (!target.starts_with("SageMaker.")) continue;
      const std::string operation = target.substr(10);
      // These files are about things that are not there.
      if (name == "already-exists" || !IsOfServing(operation)) continue;
      const bool none_yet = name == "v3-core-resources" || name == "inference-component";
      if (none_yet && operation == "DescribeEndpoint") continue;
      replay.Take(operation, call["body"]);
      ++replayed;
    }
  }
  EXPECT_GE(replayed, 100u);
}

}  // namespace
}  // namespace clary::control
