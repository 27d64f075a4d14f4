#include "clarify/online.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

namespace clary::clarify {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

// A model that answers a + 2 b, or how many words a text has.
class OnlineTest : public testing::Test {
 protected:
  OnlineTest() {
    config_ = {{"ShapConfig", {{"ShapBaselineConfig", {{"ShapBaseline", "0,0"}}}}}};
    model_.invoke = [this](const std::string& content_type, const std::string& accept,
                           std::string_view body) -> Result<OnlineReply> {
      ++requests_;
      std::stringstream lines{std::string(body)};
      std::string out;
      size_t rows = 0;
      for (std::string line; std::getline(lines, line);) {
        ++rows;
        if (line.find("boom") != std::string::npos) {
          return Fail(Code::kInvalidArgument, "415", "no booms");
        }
        double score = 0;
        if (content_type == "application/jsonlines") {
          const json row = json::parse(line)["x"];
          score = row[0].get<double>() + 2 * row[1].get<double>();
        } else if (line.find(',') == std::string::npos) {
          std::stringstream words(line);
          for (std::string word; words >> word;) ++score;
        } else {
          score = std::stod(line) + 2 * std::stod(line.substr(line.find(',') + 1));
        }
        out += accept == "text/csv" ? std::to_string(score) + "\n"
                                    : json({{"score", score}, {"label", "l"}}).dump() + "\n";
      }
      most_rows_ = std::max(most_rows_, rows);
      return OnlineReply{accept + "; charset=utf-8", out};
    };
  }
  json Answer(OnlineRequest request) {
    const auto explainer = OnlineExplainer::Make(config_.dump(), baseline_);
    EXPECT_TRUE(explainer) << explainer.error().message;
    auto answer = (*explainer)->Answer(request, model_);
    EXPECT_TRUE(answer) << answer.error().message;
    return answer ? json::parse(*answer) : json();
  }
  std::string Refused(OnlineRequest request) {
    const auto explainer = OnlineExplainer::Make(config_.dump(), baseline_);
    EXPECT_TRUE(explainer) << explainer.error().message;
    const auto answer = (*explainer)->Answer(request, model_);
    EXPECT_FALSE(answer) << *answer;
    return answer ? "" : answer.error().message;
  }
  std::string Unmakeable() {
    const auto explainer = OnlineExplainer::Make(config_.dump(), baseline_);
    EXPECT_FALSE(explainer);
    return explainer ? "" : explainer.error().message;
  }

  json config_;
  std::string baseline_;
  OnlineModel model_;
  size_t requests_ = 0, most_rows_ = 0;
};

TEST_F(OnlineTest, PredictionsAndWhatEachFeatureAdds) {
  const json answer = Answer({.content_type = "text/csv; charset=utf-8", .body = "1,2\n3,0\n"});
  EXPECT_EQ(answer["version"], "1.0");
  EXPECT_EQ(answer["predictions"],
            (json{{"content_type", "text/csv; charset=utf-8"}, {"data", "5.000000\n3.000000\n"}}));
  EXPECT_FALSE(answer.contains("label_headers"));
  const json shap = answer["explanations"]["kernel_shap"];
  ASSERT_EQ(shap.size(), 2U);
  ASSERT_EQ(shap[0].size(), 2U);
  EXPECT_FALSE(shap[0][0].contains("feature_header"));
  EXPECT_EQ(shap[0][0]["attributions"], (json{{{"attribution", {1.0}}}}));
  EXPECT_EQ(shap[0][1]["attributions"][0]["attribution"][0], 4.0);
  EXPECT_EQ(shap[1][1]["attributions"][0]["attribution"][0], 0.0);
}

TEST_F(OnlineTest, HeadersAndTypesStandWithTheirFeatures) {
  config_["InferenceConfig"] = {{"FeatureHeaders", {"a", "b"}},
                                {"FeatureTypes", {"numerical", "categorical"}},
                                {"LabelHeaders", {"risk"}}};
  const json answer = Answer({.content_type = "text/csv", .body = "1,2"});
  EXPECT_THAT(answer["label_headers"], ElementsAre("risk"));
  const json feature = answer["explanations"]["kernel_shap"][0][1];
  EXPECT_EQ(feature["feature_header"], "b");
  EXPECT_EQ(feature["feature_type"], "categorical");
}

TEST_F(OnlineTest, CodesAreSentAsTheyCame) {
  config_["InferenceConfig"] = {{"FeatureTypes", {"numerical", "categorical"}}};
  config_["ShapConfig"]["ShapBaselineConfig"]["ShapBaseline"] = "0,007";
  std::string sent;
  model_.invoke = [&](const std::string&, const std::string&,
                      std::string_view body) -> Result<OnlineReply> {
    sent += body;
    std::string out;
    for (const char c : body) out += c == '\n' ? "1\n" : "";
    return OnlineReply{"text/csv", out};
  };
  Answer({.content_type = "text/csv", .body = "1,008\n"});
  EXPECT_THAT(sent, HasSubstr("0,007\n"));
  EXPECT_THAT(sent, HasSubstr("1,007\n"));
  EXPECT_THAT(sent, HasSubstr("0,008\n"));
}

TEST_F(OnlineTest, TheExpressionChoosesRecords) {
  config_["EnableExplanations"] = "[0]>`4`";
  json answer = Answer({.content_type = "text/csv", .body = "1,2\n3,0\n"});
  EXPECT_FALSE(answer["explanations"]["kernel_shap"][0].is_null());
  EXPECT_TRUE(answer["explanations"]["kernel_shap"][1].is_null());
  const size_t asked = requests_;
  answer = Answer({.content_type = "text/csv", .enable = "`false`", .body = "1,2\n3,0\n"});
  EXPECT_EQ(answer["explanations"], json::object());
  EXPECT_EQ(requests_, asked + 1);
  EXPECT_THAT(Refused({.content_type = "text/csv", .enable = "[0]", .body = "1,2"}),
              HasSubstr("'[0]' finds number in the model's answer for record 1, expected true or"));
  EXPECT_THAT(Refused({.content_type = "text/csv", .enable = "[0", .body = "1,2"}),
              HasSubstr("EnableExplanations: the JMESPath expression '[0' cannot be read"));
  config_["EnableExplanations"] = "oh no";
  EXPECT_THAT(Unmakeable(), HasSubstr("The explainer: EnableExplanations: the JMESPath"));
}

TEST_F(OnlineTest, JsonLines) {
  config_["ShapConfig"]["ShapBaselineConfig"] = {{"MimeType", "application/jsonlines"},
                                                 {"ShapBaseline", R"({"x": [0, 0]})"}};
  config_["InferenceConfig"] = {{"FeaturesAttribute", "x"}, {"ProbabilityAttribute", "score"}};
  const std::string body = R"({"x": [1, 2]})"
                           "\n"
                           R"({"x": [3, 0.5]})"
                           "\n";
  const json answer =
      Answer({.content_type = "application/jsonlines", .enable = "score > `4.5`", .body = body});
  EXPECT_TRUE(answer["explanations"]["kernel_shap"][1].is_null());
  EXPECT_EQ(answer["explanations"]["kernel_shap"][0][1]["attributions"][0]["attribution"][0], 4.0);
  config_["InferenceConfig"].erase("ProbabilityAttribute");
  EXPECT_THAT(Refused({.content_type = "application/jsonlines", .body = body}),
              HasSubstr("ProbabilityAttribute (not given) finds object"));
  EXPECT_THAT(Refused({.content_type = "application/jsonlines", .body = R"({"y": [1]})"}),
              HasSubstr("record 1: 'x' finds null, expected a list of features"));
  EXPECT_THAT(Refused({.content_type = "application/jsonlines", .body = "{"}),
              HasSubstr("record 1: it is no JSON: {"));
}

TEST_F(OnlineTest, TextsByTheirUnits) {
  config_ = {{"ShapConfig",
              {{"ShapBaselineConfig", {{"ShapBaseline", "\"\""}}},
               {"TextConfig", {{"Language", "en"}, {"Granularity", "token"}}}}},
             {"InferenceConfig", {{"FeatureTypes", {"text"}}}}};
  const json answer = Answer({.content_type = "text/csv", .body = "abc defg\n"});
  const json feature = answer["explanations"]["kernel_shap"][0][0];
  EXPECT_EQ(feature["feature_type"], "text");
  ASSERT_EQ(feature["attributions"].size(), 2U);
  EXPECT_NEAR(feature["attributions"][1]["attribution"][0].get<double>(), 1, 1e-9);
  EXPECT_EQ(feature["attributions"][1]["description"],
            (json{{"partial_text", "defg"}, {"start_idx", 4}}));
  config_["ShapConfig"].erase("TextConfig");
  EXPECT_THAT(Unmakeable(), HasSubstr("ShapConfig.TextConfig is required"));
}

TEST_F(OnlineTest, RequestsToTheModelAreAsSmallAsItWants) {
  config_["InferenceConfig"] = {{"MaxRecordCount", 2}};
  Answer({.content_type = "text/csv", .body = "1,2\n"});
  EXPECT_EQ(most_rows_, 2U);
}

TEST_F(OnlineTest, WhatIsWrongIsNamed) {
  EXPECT_THAT(Refused({.content_type = "application/json", .body = "1,2"}),
              HasSubstr("takes ContentType text/csv or application/jsonlines, not"));
  EXPECT_THAT(Refused({.content_type = "text/csv", .accept = "application/json", .body = "1,2"}),
              HasSubstr("takes Accept text/csv or application/jsonlines, not"));
  EXPECT_THAT(Refused({.content_type = "text/csv", .body = " \n"}), HasSubstr("has no record"));
  EXPECT_THAT(Refused({.content_type = "text/csv", .body = "1,2,3"}),
              HasSubstr("the records have 3 features, the explainer's baseline has 2"));
  EXPECT_THAT(Refused({.content_type = "text/csv", .body = "1,2\n1"}),
              HasSubstr("record 2 has 1 features, those before it have 2"));
  const auto explainer = OnlineExplainer::Make(config_.dump(), "").value();
  const auto refused = explainer->Answer({.content_type = "text/csv", .body = "boom,2"}, model_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "415");  // the model's own answer
  EXPECT_EQ(refused.error().message, "no booms");
  config_["ShapConfig"]["UseLogit"] = true;
  EXPECT_THAT(Refused({.content_type = "text/csv", .body = "1,2"}),
              HasSubstr("record 1 has no finite attributions: UseLogit"));
  config_["InferenceConfig"] = {{"FeatureHeaders", {"a"}}};
  EXPECT_THAT(Unmakeable(), HasSubstr("FeatureHeaders has 1 names, the baseline has 2 features"));
  config_["InferenceConfig"] = {{"ContentTemplate", "{}"}};
  EXPECT_THAT(Unmakeable(), HasSubstr("ContentTemplate has no $features"));
  config_.erase("InferenceConfig");
  config_["ShapConfig"]["ShapBaselineConfig"] = {{"ShapBaselineUri", "s3://b/k"}};
  EXPECT_THAT(Unmakeable(), HasSubstr("the baseline has no rows"));
  baseline_ = "0,1\n0,2\n";
  config_["ShapConfig"]["UseLogit"] = false;
  Answer({.content_type = "text/csv", .body = "1,2"});
}

}  // namespace
}  // namespace clary::clarify
