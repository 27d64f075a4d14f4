#include "clarify/analysis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "base/file.h"

namespace clary::clarify {
namespace {

using reports::Json;
using testing::ElementsAre;
using testing::HasSubstr;

// 60 people: y follows a; sex is every other row. The model says 1 / (1 + exp(-(a - 3 + b / 10))).
class AnalysisTest : public testing::Test {
 protected:
  void SetUp() override {
    std::ofstream data(dir_.path() / "data.csv");
    data << "y,sex,a,b,city\n";
    for (int i = 0; i < 60; ++i) {
      const int a = i % 7;
      data << (a > 3 ? 1 : 0) << ',' << (i % 2 == 0 ? "F" : "M") << ',' << a << ',' << i << ','
           << (i % 3 == 0 ? "x" : "y") << '\n';
    }
    input_.files.data = {dir_.path() / "data.csv"};
    input_.log = [this](const std::string& line) { log_ += line + "\n"; };
    input_.open_model = [this]() -> Result<ModelOptions> {
      ++opened_;
      return ModelOptions{.invoke = [](const std::string& body) -> Result<std::string> {
        std::string out;
        std::stringstream lines(body);
        for (std::string line; std::getline(lines, line);) {
          std::stringstream cells(line);
          std::string sex, a, b;
          std::getline(cells, sex, ',');
          std::getline(cells, a, ',');
          std::getline(cells, b, ',');
          out += std::to_string(1 / (1 + std::exp(-(std::stod(a) - 3 + std::stod(b) / 10)))) + "\n";
        }
        return out;
      }};
    };
  }
  Json Config() const {
    return {
        {"dataset_type", "text/csv"},
        {"label", "y"},
        {"label_values_or_threshold", {1}},
        {"facet",
         {{{"name_or_index", "sex"}, {"value_or_threshold", {"F"}}}, {{"name_or_index", "city"}}}},
        {"methods", {{"pre_training_bias", {{"methods", {"DPL", "CI"}}}}}}};
  }
  static Json Predictor() { return {{"model_name", "m"}, {"instance_type", "ml.m5.large"}}; }
  Status Run(const Json& config) {
    input_.config_text = config.dump();
    auto parsed = ParseAnalysisConfig(input_.config_text);
    EXPECT_TRUE(parsed) << parsed.error().message;
    if (!parsed) return std::unexpected(parsed.error());
    input_.config = *std::move(parsed);
    return RunAnalysis(input_, Out());
  }
  std::filesystem::path Out() const { return dir_.path() / "out"; }
  std::string Text(const std::string& name) const {
    const auto text = ReadFile(Out() / name, 1 << 26);
    EXPECT_TRUE(text) << name;
    return text.value_or("");
  }
  Json Read(const std::string& name) const { return Json::parse(Text(name)); }

  TempDir dir_ = TempDir::Make().value();
  AnalysisInput input_;
  std::string log_;
  int opened_ = 0;
};

std::vector<std::string> Keys(const Json& object) {
  std::vector<std::string> out;
  for (const auto& [key, value] : object.items()) out.push_back(key);
  return out;
}

TEST_F(AnalysisTest, BiasOfTheLabelsNeedsNoModel) {
  ASSERT_TRUE(Run(Config()));
  EXPECT_EQ(opened_, 0);
  const Json analysis = Read("analysis.json");
  EXPECT_THAT(Keys(analysis), ElementsAre("version", "pre_training_bias_metrics"));
  const Json& pre = analysis["pre_training_bias_metrics"];
  EXPECT_THAT(Keys(pre), ElementsAre("label", "facets", "label_value_or_threshold"));
  EXPECT_THAT(Keys(pre["facets"]), ElementsAre("sex", "city"));
  EXPECT_EQ(pre["facets"]["city"].size(), 2U);  // each value in turn
  const Json& metrics = pre["facets"]["sex"][0]["metrics"];
  EXPECT_EQ(metrics[0]["name"], "CI");
  EXPECT_EQ(metrics[0]["value"], 0.0);
  EXPECT_EQ(metrics[1]["description"], "Difference in Positive Proportions in Labels (DPL)");
  const Json more = Read("clary_analysis.json");
  EXPECT_EQ(more["rows"], 60);
  const Json& facet = more["bias"]["facets"][0];
  EXPECT_EQ(facet["groups"][0]["rows"], 30);
  EXPECT_LE(facet["intervals_95"]["DPL"][0], metrics[1]["value"]);
  EXPECT_GE(facet["intervals_95"]["DPL"][1], metrics[1]["value"]);
  EXPECT_EQ(more["bias"]["intersections"][0]["columns"], "sex & city");
  EXPECT_EQ(more["bias"]["intersections"][0]["cells"].size(), 4U);
  EXPECT_THAT(log_, HasSubstr("data.csv: the first row is its header"));
  EXPECT_FALSE(std::filesystem::exists(Out() / "report.html"));  // not asked for
}

TEST_F(AnalysisTest, EverythingWithAModelAndAReport) {
  Json config = Config();
  config["predictor"] = Predictor();
  config["methods"] = {
      {"pre_training_bias", {{"methods", "all"}}},
      {"post_training_bias", {{"methods", "all"}}},
      {"shap", {{"baseline", {{"M", 3, 0, "x"}}}, {"save_local_shap_values", true}}},
      {"pdp", {{"grid_resolution", 5}, {"top_k_features", 2}}},
      {"report", {{"name", "report"}, {"title", "A <title>"}}}};
  config["segment_config"] = {{{"name_or_index", "b"}, {"segments", {{"[0, 30)"}}}}};
  ASSERT_TRUE(Run(config));
  EXPECT_EQ(opened_, 1);
  const Json analysis = Read("analysis.json");
  EXPECT_THAT(Keys(analysis), ElementsAre("version", "post_training_bias_metrics",
                                          "pre_training_bias_metrics", "explanations"));
  const Json& shap = analysis["explanations"]["kernel_shap"]["label0"];
  EXPECT_THAT(Keys(shap["global_shap_values"]), ElementsAre("sex", "a", "b", "city"));
  EXPECT_NEAR(shap["expected_value"].get<double>(), 0.5, 1e-6);
  EXPECT_EQ(shap["global_shap_values"]["sex"], 0.0);
  const Json& pdp = analysis["explanations"]["pdp"];
  ASSERT_EQ(pdp.size(), 2U);
  EXPECT_THAT(Keys(pdp[0]), ElementsAre("feature_name", "data_type", "feature_values",
                                        "data_distribution", "model_predictions", "label_headers"));

  std::stringstream csv(Text("explanations_shap/out.csv"));
  std::string line;
  std::getline(csv, line);
  EXPECT_EQ(line, "sex_label0,a_label0,b_label0,city_label0");
  size_t rows = 0;
  for (double sum = 0; std::getline(csv, line); ++rows, sum = 0) {
    std::stringstream cells(line);
    for (std::string cell; std::getline(cells, cell, ',');) sum += std::stod(cell);
    const double a = static_cast<double>(rows % 7), b = static_cast<double>(rows);
    EXPECT_NEAR(sum + 0.5, 1 / (1 + std::exp(-(a - 3 + b / 10))), 2e-6) << rows;
  }
  EXPECT_EQ(rows, 60U);
  EXPECT_EQ(Text("explanations_shap/baseline.csv"), "sex,a,b,city\nM,3,0,x\n");

  const Json more = Read("clary_analysis.json");
  EXPECT_EQ(more["shap"]["method"], "exact_coalitions");
  EXPECT_EQ(more["bias"]["facets"][0]["thresholds"]["bins"], 1000);
  EXPECT_EQ(more["bias"]["segments"][0]["segments"][0]["rows"], 30);
  EXPECT_EQ(more["bias"]["segments"][0]["segments"][1]["segment"], "__default__");
  size_t counted = 0;
  for (const char* side : {"rest", "facet"}) {
    for (const char* label : {"negative", "positive"}) {
      for (const Json& n : more["bias"]["facets"][0]["thresholds"][side][label]) {
        counted += n.get<size_t>();
      }
    }
  }
  EXPECT_EQ(counted, 60U);

  const std::string page = Text("report.html");
  EXPECT_THAT(page, HasSubstr("A &lt;title&gt;"));
  EXPECT_LT(page.size(), 2'000'000U);
  EXPECT_EQ(Read("report.ipynb")["nbformat"], 4);
  const std::string pdf = Text("report.pdf");
  EXPECT_TRUE(pdf.starts_with("%PDF-1.4"));
  EXPECT_TRUE(pdf.ends_with("%%EOF\n"));
}

TEST_F(AnalysisTest, NoPositivePredictionKeepsWhatExists) {
  Json config = Config();
  config["predictor"] = Predictor();
  config["probability_threshold"] = 1;
  config["methods"] = {{"post_training_bias", {{"methods", "all"}}}};
  ASSERT_TRUE(Run(config));
  for (const Json& m :
       Read("analysis.json")["post_training_bias_metrics"]["facets"]["sex"][0]["metrics"]) {
    if (m["name"] == "DI") {
      EXPECT_THAT(m["error"].get<std::string>(),
                  HasSubstr("No Label values are present in the pred"));
    }
    if (m["name"] == "AD") {
      EXPECT_TRUE(m["value"].is_number());
    }
  }
}

TEST_F(AnalysisTest, WhatIsWrongIsNamed) {
  const auto refused = [&](const std::function<void(Json & c)>& change) {
    Json config = Config();
    config["predictor"] = Predictor();
    change(config);
    const Status done = Run(config);
    EXPECT_FALSE(done);
    if (done) return std::string();
    EXPECT_EQ(done.error().reason, "ClientError");
    return done.error().message;
  };
  EXPECT_THAT(refused([](Json& c) {
                c["facet"][0]["name_or_index"] = "a";
                c["facet"][0]["value_or_threshold"] = {"many"};
              }),
              HasSubstr("facet 'a': could not convert string to float: 'many'"));
  EXPECT_THAT(
      refused([](Json& c) { c["methods"] = {{"shap", {{"features_to_explain", {"nope"}}}}}; }),
      HasSubstr("Feature names not found. features_to_explain 'nope' is no feature; the "
                "features are sex, a, b, city"));
  EXPECT_EQ(opened_, 0);
  EXPECT_THAT(refused([](Json& c) {
                c["predictor"]["probability"] = 3;
                c["methods"] = {{"shap", Json::object()}};
              }),
              HasSubstr("predictor.probability is 3, but the model's line has 1 value"));
}

TEST_F(AnalysisTest, TheSameWhateverTheThreadsAndPartsOnSeveralInstances) {
  Json config = Config();
  config["predictor"] = Predictor();
  config["methods"] = {{"shap", {{"save_local_shap_values", true}, {"num_clusters", 2}}}};
  input_.threads = 1;
  ASSERT_TRUE(Run(config));
  const std::string one = Text("explanations_shap/out.csv");
  std::filesystem::remove_all(Out());
  input_.threads = 3;
  input_.parts = true;
  ASSERT_TRUE(Run(config));
  EXPECT_TRUE(std::filesystem::exists(Out() / "explanations_shap/out.csv/_SUCCESS"));
  std::string name;
  for (const auto& entry :
       std::filesystem::directory_iterator(Out() / "explanations_shap/out.csv")) {
    if (entry.path().filename().string().starts_with("part-00000-")) name = entry.path().filename();
  }
  EXPECT_THAT(name, testing::EndsWith("-c000.csv"));
  EXPECT_EQ(Text("explanations_shap/out.csv/" + name), one);
}

}  // namespace
}  // namespace clary::clarify
