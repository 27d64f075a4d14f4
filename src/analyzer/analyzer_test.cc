#include "analyzer/analyzer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file.h"

namespace clary::analyzer {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

class AnalyzerTest : public testing::Test {
 protected:
  void SetUp() override {
    config_ = {{"dataset_type", "text/csv"},
               {"label", "y"},
               {"label_values_or_threshold", {1}},
               {"facet", {{{"name_or_index", "sex"}, {"value_or_threshold", {"F"}}}}},
               {"methods", {{"pre_training_bias", {{"methods", "all"}}}}}};
    job_ = {{"ProcessingJobName", "p"},
            {"ProcessingJobArn", "arn:p"},
            {"ProcessingResources", {{"ClusterConfig", {{"InstanceCount", 1}}}}},
            {"ProcessingInputs",
             {Input("dataset", "/opt/ml/processing/input/data"),
              Input("analysis_config", "/opt/ml/processing/input/config")}},
            {"ProcessingOutputConfig",
             {{"Outputs",
               {{{"OutputName", "analysis_result"},
                 {"S3Output", {{"LocalPath", "/opt/ml/processing/output"}}}}}}}}};
    Write("processing/input/data/a.csv", "y,sex\n1,F\n0,F\n");
    Write("processing/input/data/deeper/b.csv", "y,sex\n1,M\n0,M\n");
  }
  static json Input(const char* name, const char* path) {
    return {{"InputName", name}, {"S3Input", {{"LocalPath", path}, {"S3Uri", "s3://bkt/x"}}}};
  }
  void Write(const std::string& name, const std::string& text) {
    const auto path = dir_.path() / name;
    ASSERT_TRUE(MakeDirectories(path.parent_path()));
    std::ofstream(path) << text;
  }
  int Run() {
    Write("config/processingjobconfig.json", job_.dump());
    Write("processing/input/config/any_name.json", config_.dump());
    return RunAnalyzer(dir_.path(), environment_);
  }
  std::string Text(const std::string& name) {
    return ReadFile(dir_.path() / name, 1 << 24).value_or("");
  }
  std::string Failure() {
    EXPECT_EQ(Run(), 1);
    EXPECT_EQ(Text("output/failure"), Text("output/message"));
    return Text("output/failure");
  }

  TempDir dir_ = TempDir::Make().value();
  json config_, job_;
  std::map<std::string, std::string> environment_;
};

TEST_F(AnalyzerTest, ReadsAllFilesAndTheOnlyConfigurationWhateverItsName) {
  EXPECT_EQ(Run(), 0) << Text("output/failure");
  EXPECT_EQ(Text("output/message"), "Completed: SageMaker XAI Analyzer ran successfully");
  const json analysis = json::parse(Text("processing/output/analysis.json"));
  EXPECT_EQ(analysis["pre_training_bias_metrics"]["facets"]["sex"][0]["metrics"].size(), 8U);
  EXPECT_EQ(json::parse(Text("processing/output/clary_analysis.json"))["rows"], 4);
}

TEST_F(AnalyzerTest, FailsInAWSsWords) {
  config_["methods"]["shap"] = json::object();
  EXPECT_THAT(Failure(),
              StartsWith("ClientError: Analysis configuration schema validation error. predictor "
                         "is required for shap"));
  config_["predictor"] = {{"model_name", "m"}, {"instance_type", "ml.m5.large"}};
  EXPECT_THAT(Failure(), HasSubstr("the job cannot call the service"));  // it has no keys here
  config_.erase("predictor");
  config_["methods"].erase("shap");
  config_["facet"][0]["name_or_index"] = "gender";
  EXPECT_THAT(Failure(), StartsWith("ClientError: Unable to locate the facet."));
  config_["dataset_uri"] = "s3://bkt/elsewhere";
  EXPECT_THAT(Failure(), HasSubstr("the job cannot call the service"));
  config_.erase("dataset_uri");
  job_["ProcessingInputs"].erase(0);
  EXPECT_THAT(Failure(), HasSubstr("The input 'dataset' is required"));
}

TEST_F(AnalyzerTest, SeveralConfigurationsAreNoneUnlessOneHasTheName) {
  Write("processing/input/config/other.json", "{}");
  EXPECT_THAT(Failure(), HasSubstr("The input 'analysis_config' has 2 files"));
  Write("processing/input/config/analysis_config.json", config_.dump());
  EXPECT_EQ(Run(), 0);
}

}  // namespace
}  // namespace clary::analyzer
