// Requests that real SDKs have sent for users' programs: each is taken, and shown again as it was
// sent, or refused for the reason that is known of it.
#include "base/testing/golden.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "control/testing/world.h"

namespace clary::control {
namespace {

namespace fs = std::filesystem;

// Whether `shown` has all that `sent` has; what else it has are defaults.
bool Holds(const json& shown, const json& sent) {
  if (sent.is_object()) {
    for (const auto& [name, value] : sent.items()) {
      if (!shown.contains(name) || !Holds(shown[name], value)) return false;
    }
    return true;
  }
  if (sent.is_array()) {
    if (!shown.is_array() || shown.size() < sent.size()) return false;
    for (size_t i = 0; i < sent.size(); ++i) {
      if (!Holds(shown[i], sent[i])) return false;
    }
    return true;
  }
  return shown == sent;
}

constexpr char kNoProgram[] = "or a ContainerEntrypoint";

// What is not taken, and a part of the answer.
const std::map<std::string, std::string>& Refused() {
  static const std::map<std::string, std::string> kRefused = {
      {"v2_estimator_spot_ckpt_warm", kNoProgram},
      {"v2_estimator_warm_pool_update", kNoProgram},
      {"v2_pyspark_processor", "ScriptProcessor and pyspark in local mode"},
      {"v2_pytorch_smddp", "smdistributed"},
      {"v2_pytorch_smddp_cpu_accepted", "smdistributed"},
      {"v3_modeltrainer_no_code", kNoProgram},
  };
  return kRefused;
}

void Replay(const std::string& name, const json& calls) {
  World w(64);
  w.options.find_python = [](const std::string&, const std::string&) -> Result<api::PythonSpec> {
    return api::PythonSpec{.environment = "default", .interpreter = "/usr/bin/python3"};
  };
  w.Restart();
  const auto put = [&w](const std::string& bucket, const std::string& key) {
    auto body = NewStringSource("x");
    EXPECT_TRUE(w.objects.Put({bucket, key}, *body));
  };
  for (const char* bucket : {"data-bucket", "sagemaker-us-east-1-111122223333"}) {
    EXPECT_TRUE(w.objects.CreateBucket(bucket, "us-east-1"));
    for (const json& call : calls) {
      if (call["op"] == "S3.PutObject") put(bucket, call["key"]);
    }
  }
  for (const char* key : {"train/x.csv", "val/x.csv", "raw/x.csv", "aux/x.csv", "code/prep.py"}) {
    put("data-bucket", key);
  }
  EXPECT_TRUE(w.Call("CreateExperiment", {{"ExperimentName", "e1"}}));
  EXPECT_TRUE(w.Call("CreateTrial", {{"TrialName", "t1"}, {"ExperimentName", "e1"}}));

  const auto refused = Refused().find(name);
  for (const json& call : calls) {
    const std::string op = call["op"];
    if (!op.starts_with("SageMaker.Create")) continue;
    const bool training = op == "SageMaker.CreateTrainingJob";
    const std::string stem = training ? "TrainingJob" : "ProcessingJob";
    json request = call["body"];
    const std::string answer = w.Refusal("Create" + stem, request);
    if (refused != Refused().end()) {
      EXPECT_TRUE(answer.starts_with("ValidationException: ")) << answer;
      EXPECT_TRUE(answer.contains(refused->second)) << answer;
      continue;
    }
    EXPECT_EQ(answer, "accepted");
    if (answer != "accepted") continue;
    const std::string job = request[stem + "Name"];
    request.erase("Tags");
    const json shown = *w.Call("Describe" + stem, {{stem + "Name", job}});
    for (const auto& [member, value] : request.items()) {
      EXPECT_TRUE(Holds(shown[member], value)) << member << ": " << shown[member].dump();
    }
    w.service->Reconcile();
    const api::JobSpec spec = w.Spec(training ? job : "processing_jobs/" + job);
    EXPECT_EQ(spec.contract, training ? "training" : "processing");
    if (request.contains("HyperParameters")) {
      EXPECT_EQ(json(spec.hyperparameters), request["HyperParameters"]);
    }
    if (request.contains("Environment")) {
      EXPECT_EQ(json(spec.environment), request["Environment"]);
    }
  }
}

TEST(Golden, RequestsOfSdksForUsersPrograms) {
  const fs::path directory = GoldenPath("wire/programs");
  if (!fs::exists(directory)) GTEST_SKIP() << "no golden files (CLARY_SHARED)";
  size_t replayed = 0;
  for (const auto& entry : fs::directory_iterator(directory)) {
    const auto text = ReadFile(entry.path(), 1 << 24);
    ASSERT_TRUE(text) << entry.path();
    const json document = json::parse(*text);
    if (!document.contains("calls")) continue;
    const std::string name = entry.path().stem();
    SCOPED_TRACE(name);
    Replay(name, document["calls"]);
    ++replayed;
  }
  EXPECT_GE(replayed, 40u);
}

}  // namespace
}  // namespace clary::control
