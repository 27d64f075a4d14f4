#include "clarify/analysis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
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

// A model that fails, or says what nobody asked for.
TEST_F(AnalysisTest, WhatAModelMayAnswer) {
  std::string answer;
  input_.open_model = [&]() -> Result<ModelOptions> {
    return ModelOptions{.invoke = [&](const std::string& body) -> Result<std::string> {
      if (answer.empty() || std::ranges::count(answer, '\n') > 1) return answer;
      std::string out;
      for (const char c : body) out += c == '\n' ? answer : "";
      return out;
    }};
  };
  Json config = Config();
  config["predictor"] = Predictor();
  const auto refused = [&](const std::string& text, const char* method) {
    answer = text;
    config["methods"] = {{method, Json::object()}};
    if (std::string_view(method) != "shap") config["methods"][method]["methods"] = "all";
    const Status done = Run(config);
    EXPECT_FALSE(done) << text;
    return done ? "" : done.error().message;
  };
  EXPECT_THAT(refused("", "shap"), HasSubstr("row 1 of what the model was asked: the model "
                                             "answered 0 lines for 1 row"));
  EXPECT_THAT(refused("0.5\n0.5\n", "shap"), HasSubstr("answered 2 lines for 1 row: 0.5"));
  EXPECT_THAT(refused("<html>\n", "shap"), HasSubstr("the model's answer '<html>' is no number"));
  EXPECT_THAT(refused("nan\n", "shap"), HasSubstr("the model's answer 'nan' is no number"));
  EXPECT_THAT(refused("0.1,0.9\n", "post_training_bias"),
              HasSubstr("the model answers 2 scores a row; name them by predictor.label_headers"));
  EXPECT_THAT(refused("yes\n", "post_training_bias"),
              HasSubstr("the model's label 'yes' is none of column 'y', whose first value is '0'"));
}

TEST_F(AnalysisTest, DataOfEverySize) {
  Json config = Config();
  config["predictor"] = Predictor();
  config["methods"] = {{"pre_training_bias", {{"methods", "all"}}},
                       {"post_training_bias", {{"methods", "all"}}},
                       {"shap", {{"save_local_shap_values", true}}},
                       {"pdp", {{"grid_resolution", 5}}},
                       {"report", {{"name", "report"}, {"title", "t"}}}};
  config["group_variable"] = "city";
  const auto with = [&](const std::string& rows) {
    std::ofstream(dir_.path() / "data.csv") << "y,sex,a,b,city\n" << rows;
    return Run(config);
  };
  EXPECT_THAT(with("").error().message, HasSubstr("The data set has no rows (1 file)."));
  std::ofstream(dir_.path() / "data.csv").close();
  EXPECT_THAT(Run(config).error().message, HasSubstr("The data set has no rows"));
  // One row: its facet has nobody beside it.
  const Status one = with("1,F,2,3,x\n");
  ASSERT_TRUE(one) << one.error().message;
  EXPECT_EQ(Read("clary_analysis.json")["rows"], 1);
  EXPECT_THAT(Text("analysis.json"), HasSubstr("negated facet set is empty"));
  // A label of one class, a group variable of one value, and a facet's value that nobody has.
  config["facet"][0]["value_or_threshold"] = {"X"};
  const Status three = with("1,F,2,3,x\n1,M,3,4,x\n1,F,6,5,x\n");
  ASSERT_TRUE(three) << three.error().message;
  const Json first =
      Read("analysis.json")["pre_training_bias_metrics"]["facets"]["sex"][0]["metrics"];
  for (const Json& m : first) EXPECT_TRUE(m["value"].is_null() || m["value"] == 0.0) << m;
  EXPECT_THAT(log_, HasSubstr("nothing tells groups apart"));
  config["facet"] = Json::array();
  EXPECT_FALSE(ParseAnalysisConfig(config.dump()));
}

TEST_F(AnalysisTest, SegmentsAreIntervalsOrNothing) {
  Json config = Config();
  for (const char* bad : {"(a, b]", "(1, 2", "(1]", "(, 5]", "[1, 2x]"}) {
    config["segment_config"] = {{{"name_or_index", "b"}, {"segments", {{bad}}}}};
    const Status done = Run(config);
    ASSERT_FALSE(done) << bad;
    EXPECT_THAT(done.error().message, HasSubstr("segment_config 'b'")) << bad;
  }
}

TEST_F(AnalysisTest, TenThousandColumns) {
  constexpr size_t kColumns = 10'000;
  std::ofstream data(dir_.path() / "data.csv");
  data << "y,sex";
  for (size_t c = 2; c < kColumns; ++c) data << ",c" << c;
  for (int r = 0; r < 40; ++r) {
    data << '\n' << r % 2 << ',' << (r % 3 == 0 ? 'F' : 'M');
    for (size_t c = 2; c < kColumns; ++c) data << ',' << (c * static_cast<size_t>(r)) % 7;
  }
  data.close();
  Json config = Config();
  config["facet"].erase(1);
  config["methods"] = {{"pre_training_bias", {{"methods", "all"}}},
                       {"report", {{"name", "report"}, {"title", "t"}}}};
  ASSERT_TRUE(Run(config));
  EXPECT_EQ(Read("clary_analysis.json")["features"].size(), kColumns - 1);
  config["label"] = "c10000";
  const Status refused = Run(config);
  ASSERT_FALSE(refused);
  EXPECT_LT(refused.error().message.size(), 3000U);  // not all names
}

TEST_F(AnalysisTest, FreeTextsByTheirUnits) {
  std::ofstream data(dir_.path() / "data.csv");
  data << "y,stars,comment\n";
  for (int i = 0; i < 30; ++i) {
    data << i % 2 << ',' << i % 5 << ",\"number " << i << (i % 2 == 0 ? ", good" : " or bad")
         << "\"\n";
  }
  data.close();
  input_.open_model = []() -> Result<ModelOptions> {
    return ModelOptions{.invoke = [](const std::string& body) -> Result<std::string> {
      std::stringstream lines(body);
      std::string out;
      for (std::string line; std::getline(lines, line);) {
        const double score = line.find("good") != line.npos ? 0.75 : 0.25;
        out += std::to_string(score + (line[0] - '0') / 100.0) + "\n";
      }
      return out;
    }};
  };
  const Json config = {
      {"dataset_type", "text/csv"},
      {"label", "y"},
      {"predictor", Predictor()},
      {"methods",
       {{"shap",
         {{"save_local_shap_values", true},
          {"text_config",
           {{"granularity", "token"}, {"language", "english"}, {"max_top_tokens", 3}}}}},
        {"report", {{"name", "report"}, {"title", "t"}}}}}};
  ASSERT_TRUE(Run(config));
  const Json label = Read("analysis.json")["explanations"]["kernel_shap"]["label0"];
  EXPECT_THAT(Keys(label),
              ElementsAre("global_shap_values", "expected_value", "global_top_shap_text"));
  EXPECT_THAT(Keys(label["global_shap_values"]), ElementsAre("stars"));
  const Json& top = label["global_top_shap_text"]["comment"];
  ASSERT_EQ(top.size(), 3U);
  EXPECT_EQ(top.begin().key(), "good");
  EXPECT_NEAR(top["good"].get<double>(), 0.25, 1e-9);  // 0.5 in half of the rows
  std::stringstream lines(Text("explanations_shap/out.jsonl"));
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  const Json row = Json::parse(line)["explanations"];
  ASSERT_EQ(row.size(), 2U);
  EXPECT_EQ(row[0]["attributions"].size(), 1U);
  const Json& units = row[1]["attributions"];
  ASSERT_EQ(units.size(), 4U);  // number 0 , good
  EXPECT_EQ(units[3]["description"], (Json{{"partial_text", "good"}, {"start_idx", 10}}));
  EXPECT_NEAR(units[3]["attribution"][0].get<double>(), 0.5, 1e-9);
  EXPECT_FALSE(std::filesystem::exists(Out() / "explanations_shap/out.csv"));
  EXPECT_EQ(Read("clary_analysis.json")["shap"]["text_features"], (Json{"comment"}));
  EXPECT_THAT(log_, HasSubstr("explained by their units of text: 'comment'"));
}

TEST_F(AnalysisTest, TheReportTellsWhatIsUnlikeAndWhatChanged) {
  Json config = Config();
  config["predictor"] = Predictor();
  config["facet"].erase(1);
  config["methods"] = {{"pre_training_bias", {{"methods", "all"}}},
                       {"post_training_bias", {{"methods", "all"}}},
                       {"shap", {{"baseline", {{"M", 900, 0, "x"}}}}},
                       {"report", {{"name", "report"}, {"title", "t"}}}};
  ASSERT_TRUE(Run(config));
  std::string page = Text("report.html");
  EXPECT_THAT(page, HasSubstr("No row of the data goes so far in 1 of 4 features: a = 900."));
  EXPECT_THAT(page, testing::Not(HasSubstr("other than in the last run")));
  EXPECT_TRUE(
      Read("clary_analysis.json")["bias"]["facets"][0]["groups"][0].contains("calibration"));
  input_.last_extras = Text("clary_analysis.json");
  Json last = Read("analysis.json");
  for (Json& m : last["pre_training_bias_metrics"]["facets"]["sex"][0]["metrics"]) {
    if (m["name"] == "DPL") m["value"] = 0.9;
  }
  input_.last_analysis = last.dump();
  ASSERT_TRUE(Run(config));
  page = Text("report.html");
  EXPECT_THAT(page, HasSubstr("sex F: other than in the last run"));
  EXPECT_THAT(page, HasSubstr("DPL from 0.900 to"));
  config["probability_threshold"] = 0.4;  // another configuration: nothing to compare with
  ASSERT_TRUE(Run(config));
  EXPECT_THAT(Text("report.html"), testing::Not(HasSubstr("other than in the last run")));
  input_.last_analysis = "{";
  config["probability_threshold"] = 0.5;
  ASSERT_TRUE(Run(config));
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
