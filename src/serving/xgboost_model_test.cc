#include "serving/xgboost_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/float_text.h"
#include "base/testing/golden.h"
#include "clary/gbdt.h"
#include "data/payload.h"
#include "serving/container.h"
#include "serving/internal/predictions.h"

namespace clary::serving {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

std::string Text(double v) {
  std::string out;
  AppendFloat(out, v);
  return out;
}

class XgboostModelTest : public testing::Test {
 protected:
  static constexpr size_t kRows = 200;
  static constexpr uint32_t kColumns = 4;

  static std::vector<float> Features() {
    std::vector<float> values;
    for (size_t i = 0; i < kRows * kColumns; ++i) {
      values.push_back(static_cast<float>((i * 7919) % 101) / 10.0F);
    }
    return values;
  }

  gbdt::Model Train(std::map<std::string, std::string> parameters, int seed = 0) {
    parameters.try_emplace("num_round", "5");
    parameters["seed"] = std::to_string(seed);
    const auto values = Features();
    std::vector<float> label;
    const bool classes = parameters["objective"].starts_with("multi:");
    for (size_t r = 0; r < kRows; ++r) {
      const float x = values[r * kColumns] + static_cast<float>(seed);
      label.push_back(classes ? static_cast<float>(static_cast<int>(x) % 3)
                              : (x > 5 ? 1.0F : 0.0F));
    }
    auto params = gbdt::TrainParams::FromMap(parameters);
    EXPECT_TRUE(params) << params.error().message;
    auto data = gbdt::Dataset::FromDense(values, kRows, kColumns, {.label = label});
    return *gbdt::Train(*params, *data);
  }
  void Save(const gbdt::Model& model, const std::string& name = "xgboost-model") {
    ASSERT_TRUE(WriteFileAtomic(directory() / name, model.ToUbjson()));
  }
  void Load(std::map<std::string, std::string> environment = {}) {
    auto loaded = XgboostModel::Load(directory(), {.environment = std::move(environment)});
    ASSERT_TRUE(loaded) << loaded.error().message;
    model_ = *std::move(loaded);
  }
  void TrainAndLoad(const std::string& objective,
                    std::map<std::string, std::string> environment = {}) {
    std::map<std::string, std::string> parameters = {{"objective", objective}};
    if (objective.starts_with("multi:")) parameters["num_class"] = "3";
    Save(Train(parameters));
    Load(std::move(environment));
  }
  std::vector<float> Expected(const gbdt::Model& model, std::vector<float> row) {
    const auto n = static_cast<uint32_t>(row.size());
    return *model.Predict(*gbdt::Dataset::FromDense(std::move(row), 1, n));
  }
  fs::path directory() const { return temp_.path(); }

  TempDir temp_ = *TempDir::Make();
  std::unique_ptr<XgboostModel> model_;
};

TEST_F(XgboostModelTest, AnswersCsvWithTheDoubleOfEachFloat) {
  const gbdt::Model model = Train({{"objective", "binary:logistic"}});
  Save(model);
  Load();
  const float p = Expected(model, {9, 1, 2, 3})[0];
  const Reply one = model_->Invoke("text/csv", "", "9,1,2,3");
  EXPECT_EQ(one.status, 200);
  EXPECT_EQ(one.content_type, "text/csv; charset=utf-8");
  EXPECT_EQ(one.body, Text(static_cast<double>(p)) + "\n");
  const Reply two = model_->Invoke("text/csv; charset=utf-8", "*/*", "9,1,2,3\n9,1,2,3\n");
  EXPECT_EQ(two.body, one.body + one.body);
  EXPECT_EQ(model_->Invoke("text/libsvm", "text/csv", "1 0:9 1:1 2:2 3:3").body, one.body);
  EXPECT_EQ(model_->Invoke("", "", "0:9 1:1 2:2 3:3").body, one.body);
}

TEST_F(XgboostModelTest, ManyRowsAreAnsweredAsOneByOne) {
  TrainAndLoad("multi:softprob");
  const auto values = Features();
  std::string all;
  std::string answers;
  for (size_t r = 0; r < kRows; ++r) {
    std::string row;
    for (size_t c = 0; c < kColumns; ++c) {
      row += (c > 0 ? "," : "") + Text(values[r * kColumns + c]);
    }
    answers += model_->Invoke("text/csv", "text/csv", row).body;
    all += row + "\n";
  }
  EXPECT_EQ(model_->Invoke("text/csv", "text/csv", all).body, answers);
}

TEST_F(XgboostModelTest, AnswersJsonJsonLinesAndRecordIo) {
  const gbdt::Model model = Train({{"objective", "binary:logistic"}});
  Save(model);
  Load();
  const double p = Expected(model, {9, 1, 2, 3})[0];
  const Reply reply = model_->Invoke("text/csv", "application/json", "9,1,2,3");
  EXPECT_EQ(reply.content_type, "application/json");
  EXPECT_EQ(reply.body, "{\"predictions\": [{\"score\": " + Text(p) + "}]}");
  EXPECT_EQ(model_->Invoke("text/csv", "application/jsonlines", "9,1,2,3").body,
            "{\"score\": " + Text(p) + "}\n");
  const Reply records = model_->Invoke("text/csv", "application/x-recordio-protobuf", "9,1,2,3");
  EXPECT_EQ(records.body.size() % 4, 0U);
  EXPECT_EQ(records.body.substr(0, 4), "\x0A\x23\xD7\xCE");
  EXPECT_THAT(records.body, HasSubstr("score"));
}

TEST_F(XgboostModelTest, RefusesAsTheContainerDoes) {
  TrainAndLoad("binary:logistic");
  EXPECT_EQ(model_->Invoke("text/csv", "", "").status, 204);
  EXPECT_EQ(model_->Invoke("text/csv", "", "\n\n").status, 204);
  const Reply text = model_->Invoke("text/csv", "", "a,b,c,d");
  EXPECT_EQ(text.status, 415);
  EXPECT_THAT(text.body, testing::StartsWith(
                             "Loading csv data failed with Exception, please ensure data is in csv "
                             "format:\n <class 'ValueError'>\n could not convert string to float: "
                             "'a'"));
  const Reply narrow = model_->Invoke("text/csv", "", "1,2,3");
  EXPECT_EQ(narrow.status, 400);
  EXPECT_EQ(narrow.body,
            "Unable to evaluate payload provided: the csv data has 3 features, the model was "
            "trained on 4");
  EXPECT_EQ(model_->Invoke("text/csv", "", "1,2,3,4,5").status, 400);
  EXPECT_EQ(model_->Invoke("text/csv", "", "1,2,3,4,").status, 200);  // nothing stands there
  EXPECT_EQ(model_->Invoke("text/libsvm", "", "1 0:1").status, 200);  // missing ones are missing
  EXPECT_EQ(model_->Invoke("text/libsvm", "", "1 9:1").status, 400);
  EXPECT_THAT(model_->Invoke("application/octet-stream", "", "1,2,3,4").body,
              HasSubstr("serializer"));
}

// The answers of the real container to what does not depend on its model.
TEST_F(XgboostModelTest, AnswersAsRecorded) {
  const auto path = GoldenPath("wire/serving/xgboost-container-answers.json");
  std::ifstream in(path);
  if (!in) GTEST_SKIP() << path << " is missing (set CLARY_SHARED)";
  const json golden = json::parse(in);
  TrainAndLoad("binary:logistic");
  int compared = 0;
  for (const json& answer : golden["algorithm_mode"]) {
    const std::string body = answer.value("body", "");
    // What we answer better is in docs/serving.md; 413 and the other paths are the container's.
    if (answer.contains("path") || body.starts_with("(") || answer["status"] == 200) continue;
    const std::string accept =
        answer.contains("accept") && answer["accept"].is_string() ? answer["accept"] : "";
    const Reply reply = model_->Invoke(answer["content_type"].get<std::string>(), accept,
                                       answer.value("request", "1,2,3,4"));
    EXPECT_EQ(reply.status, answer["status"].get<int>()) << answer;
    EXPECT_THAT(reply.body, testing::StartsWith(body)) << answer;
    ++compared;
  }
  EXPECT_GE(compared, 4);
}

TEST_F(XgboostModelTest, TakesTheFirstAcceptTypeItHas) {
  TrainAndLoad("reg:squarederror", {{"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "application/json"}});
  EXPECT_EQ(model_->Invoke("text/csv", "", "1,2,3,4").content_type, "application/json");
  EXPECT_EQ(model_->Invoke("text/csv", "image/png, text/csv;q=0.5", "1,2,3,4").content_type,
            "text/csv; charset=utf-8");
  EXPECT_EQ(model_->Invoke("text/csv", "image/png", "1,2,3,4").status, 406);
}

TEST_F(XgboostModelTest, SelectsTheOutput) {
  TrainAndLoad("binary:logistic",
               {{"SAGEMAKER_INFERENCE_OUTPUT", "probabilities, predicted_label,predicted_score"}});
  const Reply reply = model_->Invoke("text/csv", "application/json", "9,1,2,3");
  EXPECT_THAT(
      reply.body,
      testing::MatchesRegex("\\{\"predictions\": \\[\\{\"predicted_label\": 1, \"probabilities\": "
                            "\\[0\\.[0-9]+, 0\\.[0-9]+\\], \"predicted_score\": NaN\\}\\]\\}"));
  EXPECT_THAT(model_->Invoke("text/csv", "text/csv", "9,1,2,3").body,
              testing::MatchesRegex("\"\\[0\\.[0-9]+, 0\\.[0-9]+\\]\",1,nan"));
  EXPECT_THAT(model_->Invoke("text/csv", "application/jsonlines", "9,1,2,3\n1,1,1,1").body,
              testing::MatchesRegex("\\{[^}]*\\}\n\\{[^}]*\\}\n"));
}

TEST_F(XgboostModelTest, SelectsOnlyWhereThereIsSomethingToSelect) {
  TrainAndLoad("count:poisson", {{"SAGEMAKER_INFERENCE_OUTPUT", "predicted_score"}});
  const Reply reply = model_->Invoke("text/csv", "", "9,1,2,3");
  EXPECT_EQ(reply.status, 500);
  EXPECT_EQ(reply.body,
            "Objective `count:poisson` unsupported for selectable inference predictions.");
}

TEST_F(XgboostModelTest, BatchPrintsVectorsAsLists) {
  TrainAndLoad("multi:softprob", {{"SAGEMAKER_BATCH", "true"}});
  EXPECT_THAT(model_->Invoke("text/csv", "", "9,1,2,3").body,
              testing::MatchesRegex("\\[[0-9.e-]+, [0-9.e-]+, [0-9.e-]+\\]\n"));
  Load();
  EXPECT_THAT(model_->Invoke("text/csv", "", "9,1,2,3").body,
              testing::MatchesRegex("[0-9.e-]+,[0-9.e-]+,[0-9.e-]+\n"));
}

TEST_F(XgboostModelTest, SeveralModelsAreAveragedOrVote) {
  const gbdt::Model a = Train({{"objective", "reg:squarederror"}}, 0);
  const gbdt::Model b = Train({{"objective", "reg:squarederror"}}, 2);
  Save(a, "xgboost-model-0");
  Save(b, "xgboost-model-1");
  ASSERT_TRUE(WriteFileAtomic(directory() / "notes.txt", "not a model"));
  Load();
  const double mean =
      (static_cast<double>(Expected(a, {4, 1, 2, 3})[0]) + Expected(b, {4, 1, 2, 3})[0]) / 2;
  EXPECT_EQ(model_->Invoke("text/csv", "", "4,1,2,3").body,
            Text(static_cast<double>(static_cast<float>(mean))) + "\n");
  Load({{"SAGEMAKER_INFERENCE_ENSEMBLE", "false"}});
  EXPECT_EQ(model_->Invoke("text/csv", "", "4,1,2,3").body,
            Text(Expected(a, {4, 1, 2, 3})[0]) + "\n");
}

TEST_F(XgboostModelTest, HonoursTheBestIteration) {
  gbdt::Model model = Train({{"objective", "reg:squarederror"}});
  model.attributes()["best_iteration"] = "1";
  Save(model);
  Load();
  EXPECT_EQ(model_->Invoke("text/csv", "", "4,1,2,3").body,
            Text(Expected(model.Slice(0, 2), {4, 1, 2, 3})[0]) + "\n");
}

TEST_F(XgboostModelTest, SaysWhyAModelCannotBeLoaded) {
  EXPECT_EQ(XgboostModel::Load(directory(), {}).error().reason, "NoModel");
  ASSERT_TRUE(WriteFileAtomic(directory() / "xgboost-model", "hello"));
  EXPECT_THAT(XgboostModel::Load(directory(), {}).error().message,
              testing::StartsWith("Unable to load model: xgboost-model: "));
}

TEST_F(XgboostModelTest, SpeaksTheContainersHttp) {
  TrainAndLoad("binary:logistic");
  const std::shared_ptr<const XgboostModel> model(std::move(model_));
  const auto handle = ContainerHandler(
      {.find = [&](std::string_view) -> Result<FoundModel> { return FoundModel{.model = model}; }},
      {.cores = 2});
  const auto ask = [&](const char* method, const char* path, const std::string& body) {
    net::Request request{.method = method, .path = path};
    request.headers.Set("Content-Type", "text/csv");
    request.content_length = body.size();
    request.body = NewStringSource(body);
    return handle(request);
  };
  EXPECT_EQ(ask("GET", "/ping", "").status, 200);
  EXPECT_EQ(
      ask("GET", "/execution-parameters", "").body,
      R"({"MaxConcurrentTransforms": 2, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": 6})");
  EXPECT_EQ(ask("POST", "/invocations", "1,2,3,4").status, 200);
  EXPECT_EQ(ask("GET", "/invocations", "").status, 405);
  EXPECT_EQ(ask("POST", "/models", "").status, 404);
  EXPECT_EQ(ask("POST", "/invocations", std::string((25 << 20) + 1, '1')).status, 413);
  EXPECT_EQ(MaxBodyBytes({{"MAX_CONTENT_LENGTH", "1000"}}), 1000U);
  EXPECT_EQ(MaxBodyBytes({{"SAGEMAKER_BATCH", "true"}, {"SAGEMAKER_MAX_PAYLOAD_IN_MB", "100"}}),
            uint64_t{100} << 20);
}

}  // namespace
}  // namespace clary::serving
