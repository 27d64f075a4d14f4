#include "clarify/analysis_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/testing/golden.h"

namespace clary::clarify {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

json Small() {
  return {{"dataset_type", "text/csv"},
          {"headers", {"y", "a", "b"}},
          {"label", "y"},
          {"label_values_or_threshold", {1}},
          {"facet", {{{"name_or_index", "a"}, {"value_or_threshold", {0, "x", 1.5}}}}},
          {"methods", {{"pre_training_bias", {{"methods", "all"}}}}}};
}

json Asking() {
  json c = Small();
  c["predictor"] = {{"model_name", "m"}, {"instance_type", "ml.m5.xlarge"}};
  c["methods"] = {{"shap", {{"baseline", {{1, 2}}}}}};
  return c;
}

AnalysisConfig Parsed(const json& c) {
  const auto out = ParseAnalysisConfig(c.dump());
  EXPECT_TRUE(out) << out.error().message;
  return out ? *out : AnalysisConfig{};
}

std::string Refused(json c, const std::function<void(json& c)>& change) {
  change(c);
  const auto out = ParseAnalysisConfig(c.dump());
  EXPECT_FALSE(out) << c;
  if (out) return "";
  EXPECT_EQ(out.error().reason, "ClientError");
  EXPECT_THAT(out.error().message, StartsWith("Analysis configuration schema validation error. "));
  return out.error().message;
}

TEST(AnalysisConfig, DefaultsAndValues) {
  const AnalysisConfig c = Parsed(Small());
  EXPECT_EQ(c.dataset_type, DatasetType::kCsv);
  EXPECT_THAT(c.headers, ElementsAre("y", "a", "b"));
  EXPECT_EQ(c.facets[0].values.size(), 3U);
  EXPECT_EQ(std::get<double>(c.facets[0].values[2]), 1.5);
  EXPECT_TRUE(c.pre_training_bias && c.pre_training_bias->empty());
  EXPECT_FALSE(c.asks_model());
  EXPECT_EQ(c.probability_threshold, 0.5);
  EXPECT_FALSE(c.report);

  const AnalysisConfig asking = Parsed(Asking());
  EXPECT_TRUE(asking.asks_model());
  EXPECT_EQ(asking.predictor->content_type, "text/csv");
  EXPECT_EQ(asking.predictor->accept_type, "text/csv");
  EXPECT_EQ(asking.shap->baseline_json, "[[1,2]]");
  EXPECT_FALSE(asking.shap->save_local_shap_values);
}

TEST(AnalysisConfig, WhatIsNoJson) {
  const auto out = ParseAnalysisConfig("{\"a\": ");
  ASSERT_FALSE(out);
  EXPECT_THAT(out.error().message, StartsWith("Unable to load analysis configuration as JSON. "));
  EXPECT_THAT(ParseAnalysisConfig("[1]").error().message, HasSubstr("expected an object"));
  EXPECT_THAT(ParseAnalysisConfig(std::string(200, '[')).error().message,
              HasSubstr("nests too deep"));
}

TEST(AnalysisConfig, EverythingWrongIsToldAtOnceWithItsPlace) {
  const std::string all = Refused(Small(), [](json& c) {
    c.erase("dataset_type");
    c["lable"] = "y";
    c["probability_threshold"] = "0.5";
    c["facet"][0]["value"] = 1;
    c["methods"]["pre_training_bias"]["methods"] = {"CI", "DPPL"};
  });
  EXPECT_THAT(all, HasSubstr("dataset_type is required"));
  EXPECT_THAT(all, HasSubstr("lable: unknown key. Did you mean label?"));
  EXPECT_THAT(all, HasSubstr("probability_threshold: found \"0.5\", expected a number"));
  EXPECT_THAT(all, HasSubstr("facet[0].value: unknown key."));
  EXPECT_THAT(all, HasSubstr("methods.pre_training_bias.methods: found \"DPPL\", expected names of "
                             "CDDL, CI, DPL"));
}

TEST(AnalysisConfig, RulesAcrossKeys) {
  EXPECT_THAT(Refused(Asking(), [](json& c) { c["methods"]["shap"]["num_clusters"] = 2; }),
              HasSubstr("Baseline and num_clusters cannot be provided together."));
  EXPECT_THAT(
      Refused(Asking(), [](json& c) { c["methods"] = {{"pdp", {{"grid_resolution", 10}}}}; }),
      HasSubstr("PDP features must be provided when ShapConfig is not provided"));
  EXPECT_THAT(Refused(Small(),
                      [](json& c) {
                        c["dataset_type"] = "application/x-parquet";
                        c["facet_headers"] = {"f"};
                      }),
              HasSubstr("The parameters 'facet_dataset_uri' and 'facet_headers' are not supported "
                        "for dataset_type 'application/x-parquet'"));
  EXPECT_THAT(
      Refused(Asking(), [](json& c) { c["predictor"]["content_type"] = "application/jsonlines"; }),
      HasSubstr("expected a template with $features"));
  EXPECT_THAT(
      Refused(Asking(), [](json& c) { c["predictor"]["content_type"] = "application/json"; }),
      HasSubstr("predictor.record_template is required"));
  EXPECT_THAT(Refused(Small(), [](json& c) { c.erase("label_values_or_threshold"); }),
              HasSubstr("label_values_or_threshold is required for bias metrics"));
  EXPECT_THAT(
      Refused(Small(),
              [](json& c) { c["methods"] = {{"post_training_bias", {{"methods", "all"}}}}; }),
      HasSubstr("post_training_bias needs predicted_label, or a predictor to ask"));
  EXPECT_THAT(Refused(Small(), [](json& c) { c["methods"] = json::object(); }),
              HasSubstr("expected at least one of"));
  EXPECT_THAT(Refused(Small(), [](json& c) { c["dataset_type"] = "application/json"; }),
              HasSubstr("features is required"));
  EXPECT_THAT(Refused(Small(),
                      [](json& c) {
                        c["dataset_type"] = "application/json";
                        c["features"] = "instances[*";
                      }),
              HasSubstr("features: the JMESPath expression 'instances[*' cannot be read"));
  EXPECT_THAT(Refused(Asking(), [](json& c) { c["predictor"]["probability"] = "scores"; }),
              HasSubstr("predictor.probability: found 'scores', expected a place from 0"));
  EXPECT_THAT(Refused(Asking(), [](json& c) { c["predictor"].erase("model_name"); }),
              HasSubstr("predictor: model_name or endpoint_name is required"));
}

TEST(AnalysisConfig, Texts) {
  json config = Asking();
  config["methods"]["shap"]["text_config"] = {
      {"granularity", "Sentence"}, {"language", "German"}, {"max_top_tokens", 3}};
  const AnalysisConfig c = Parsed(config);
  EXPECT_EQ(c.shap->text->granularity, TextGranularity::kSentence);
  EXPECT_EQ(c.shap->text->language, "de");
  EXPECT_EQ(c.shap->text->max_top_tokens, 3);
  EXPECT_THAT(Refused(config,
                      [](json& bad) {
                        bad["methods"]["shap"]["text_config"] = {{"granularity", "word"},
                                                                 {"language", "klingon"}};
                        bad["methods"]["shap"]["features_to_explain"] = {"a"};
                      }),
              testing::AllOf(HasSubstr("text_config.granularity: found \"word\", expected one of"),
                             HasSubstr("text_config.language: found \"klingon\", expected a lang"),
                             HasSubstr("features_to_explain and text_config exclude each other")));
}

TEST(AnalysisConfig, WhatIsNotThereYetIsRefusedByItsKey) {
  EXPECT_THAT(Refused(Small(), [](json& c) { c["dataset_type"] = "application/x-image"; }),
              HasSubstr("dataset_type: images are not supported yet"));
  EXPECT_THAT(
      Refused(Asking(),
              [](json& c) { c["methods"]["shap"]["image_config"] = {{"num_segments", 2}}; }),
      HasSubstr("methods.shap.image_config: explaining images is not supported yet"));
  EXPECT_THAT(Refused(Asking(),
                      [](json& c) {
                        c["methods"]["asymmetric_shapley_value"] = {{"direction", "chronological"},
                                                                    {"granularity", "timewise"}};
                      }),
              HasSubstr("methods.asymmetric_shapley_value: it is for time series, which are not "
                        "supported yet"));
  EXPECT_THAT(Refused(Small(), [](json& c) { c["time_series_data_config"] = json::object(); }),
              HasSubstr("time_series_data_config: time series are not supported yet"));
}

// Every configuration that the SDK writes, and those of its scenarios that the release refuses.
TEST(Golden, TheSdksConfigurationsAreRead) {
  const std::filesystem::path folder = GoldenPath("wire/clarify");
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "no ../shared/golden beside this checkout";
  size_t read = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().stem();
    if (!name.starts_with("run_") && !name.starts_with("processor_")) continue;
    std::ifstream in(entry.path());
    const json recorded = json::parse(in);
    for (const json& call : recorded["calls"]) {
      if (call["op"] != "S3.PutObject" || !call["body"].is_object()) continue;
      const auto parsed = ParseAnalysisConfig(call["body"].dump());
      const bool later = name.find("image") != name.npos || name.find("time_series") != name.npos;
      EXPECT_EQ(parsed.has_value(), !later)
          << name << ": " << (parsed ? "read" : parsed.error().message);
      if (later && !parsed) {
        EXPECT_THAT(parsed.error().message, HasSubstr("not supported yet")) << name;
      }
      ++read;
    }
  }
  EXPECT_GE(read, 15U);
}

}  // namespace
}  // namespace clary::clarify
