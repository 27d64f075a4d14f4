// The parts of the SDK that need no service. tests/e2e runs the rest against the real one.
#include <gtest/gtest.h>

#include <cstdio>
#include <set>

#include "base/file.h"
#include "clary/estimator.h"
#include "clary/image_uris.h"
#include "clary/rule.h"
#include "clary/s3.h"
#include "client/home.h"
#include "client/internal/session_impl.h"
#include "client/internal/source_code.h"

namespace clary {
namespace {

TEST(ParseRound, ReadsBothFormsOfTheSeparator) {
  for (const std::string line :
       {"[12]\ttrain-logloss:0.25\tvalidation-auc:0.91",
        "[12]#011train-logloss:0.25#011validation-auc:0.91",
        "[2026-11-23:17:11:35:INFO] [12]\ttrain-logloss:0.25\tvalidation-auc:0.91"}) {
    const auto round = parse_round(line);
    ASSERT_TRUE(round) << line;
    EXPECT_EQ(round->round, 12);
    ASSERT_EQ(round->metrics.size(), 2U);
    EXPECT_EQ(round->metrics[0].name, "train-logloss");
    EXPECT_EQ(round->metrics[0].value, 0.25);
    EXPECT_EQ(round->metrics[1].name, "validation-auc");
    EXPECT_EQ(round->metrics[1].value, 0.91);
  }
}

TEST(ParseRound, TakesMetricNamesWithParametersAndNan) {
  const auto round = parse_round("[0]\tvalidation-error@0.7:nan\tvalidation-map@3-:1e-05");
  ASSERT_TRUE(round);
  EXPECT_EQ(round->metrics[0].name, "validation-error@0.7");
  EXPECT_EQ(round->metrics[1].value, 1e-05);
}

TEST(ParseRound, RefusesOtherLines) {
  for (const std::string line :
       {"", "[12]", "[12]\t", "[x]\ttrain-auc:1", "[1]\ttrain-auc", "[1]\ttrain-auc:one",
        "[-1]\ttrain-auc:1", "[99999999999]\ttrain-auc:1", "plain text ]\ttrain-auc:1"}) {
    EXPECT_FALSE(parse_round(line)) << line;
  }
}

TEST(ParseKeptRounds, ReadsTheLineOfEarlyStoppingAlone) {
  const auto kept = parse_kept_rounds(
      "[2026-11-23:17:11:35:INFO] Early stopping kept 12 of 22 rounds, the best by "
      "validation-auc, with train-auc 0.96097, validation-error@0.7 nan");
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->kept, 12);
  EXPECT_EQ(kept->trained, 22);
  ASSERT_EQ(kept->metrics.size(), 2U);
  EXPECT_EQ(kept->metrics[0].name, "train-auc");
  EXPECT_EQ(kept->metrics[0].value, 0.96097);
  EXPECT_EQ(kept->metrics[1].name, "validation-error@0.7");
  EXPECT_FALSE(parse_round("[x:INFO] Early stopping kept 1 of 2 rounds, the best by a, with a 1"));
  for (const std::string line :
       {"", "[x:INFO] Early stopping kept 3 of 2 rounds, the best by a, with a 1",
        "[x:INFO] Early stopping kept x of 2 rounds, the best by a, with a 1",
        "[x:INFO] Early stopping kept 1 of 2 rounds, the best by a, with a x",
        "[x:INFO] Early stopping kept 1 of 2 rounds, the best by a, with a", ", with a 1"}) {
    EXPECT_FALSE(parse_kept_rounds(line)) << line;
  }
}

TEST(ParseMemory, ReadsProgressLinesAlone) {
  EXPECT_EQ(parse_memory("[2026-11-23:17:11:35:INFO] Round 500 of 1000: 812 rounds a second, 12 s "
                         "left, 212 MB of memory"),
            212);
  for (const std::string line :
       {"", " MB of memory", "212 MB of memory", "[x:INFO] Round 1 of 2: x MB of memory",
        "[x:INFO] Round 1 of 2: -3 MB of memory", "[1]\ttrain-auc:1"}) {
    EXPECT_FALSE(parse_memory(line)) << line;
  }
}

TEST(Hyperparameters, AreTextInTheirShortestForm) {
  const Hyperparameters values = {{"a", 5},     {"b", 0.2},  {"c", "x"},   {"d", true},
                                  {"e", 1e-07}, {"f", 1e20}, {"g", -3.5F}, {"h", size_t{7}}};
  const std::map<std::string, std::string> expected = {
      {"a", "5"},     {"b", "0.2"},   {"c", "x"},    {"d", "true"},
      {"e", "1e-07"}, {"f", "1e+20"}, {"g", "-3.5"}, {"h", "7"}};
  for (const auto& [name, value] : values) EXPECT_EQ(value.text(), expected.at(name));
}

TEST(ImageUris, KnowRegionsAndVersions) {
  EXPECT_EQ(image_uris::retrieve("xgboost", "us-east-1", "1.2-1").value(),
            "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.2-1");
  EXPECT_EQ(image_uris::retrieve("xgboost", "cn-north-1", "1.7-1").value(),
            "450853457545.dkr.ecr.cn-north-1.amazonaws.com.cn/sagemaker-xgboost:1.7-1");
  EXPECT_EQ(image_uris::retrieve("pytorch", "us-east-1", "2").error().reason, "UnknownImage");
  EXPECT_EQ(image_uris::retrieve("xgboost", "mars-1", "1.7-1").error().reason, "UnknownRegion");
  const auto wrong = image_uris::retrieve("xgboost", "us-east-1", "9");
  EXPECT_EQ(wrong.error().reason, "UnknownImage");
  EXPECT_NE(wrong.error().message.find("1.7-1"), std::string::npos) << "says what there is";
}

TEST(Rules, EveryNamedConfigIsInTheTable) {
  std::set<std::string> seen;
  for (const auto& config :
       {rule_configs::create_xgboost_report(), rule_configs::class_imbalance(),
        rule_configs::confusion(), rule_configs::feature_importance_overweight(),
        rule_configs::loss_not_decreasing(), rule_configs::overfit(), rule_configs::overtraining(),
        rule_configs::tree_depth(), rule_configs::profiler_report()}) {
    EXPECT_EQ(config.rule_parameters.at("rule_to_invoke"), config.name);
    EXPECT_TRUE(seen.insert(config.name).second);
  }
  EXPECT_FALSE(rule_configs::find("Nothing"));
  EXPECT_FALSE(rule_configs::find("Overfi"));
  EXPECT_FALSE(rule_configs::find(""));
  EXPECT_EQ(rule_configs::find("loss_not_decreasing")->name, "LossNotDecreasing");
  EXPECT_EQ(rule_configs::find("cpu_bottleneck")->name, "CPUBottleneck");
  for (const auto& name : rule_configs::names()) {
    EXPECT_EQ(rule_configs::find(name)->name, name);
  }
}

TEST(Rules, OptionsOverrideTheRulesOwnParts) {
  const auto rule = Rule::sagemaker(rule_configs::overfit(),
                                    {.name = "mine", .rule_parameters = {{"patience", "3"}}});
  EXPECT_EQ(rule.name, "mine");
  EXPECT_EQ(rule.parameters.at("patience"), "3");
  EXPECT_EQ(rule.parameters.at("rule_to_invoke"), "Overfit");
}

TEST(S3Uri, ParsesAndJoins) {
  EXPECT_EQ(S3Uri::parse("s3://b/a/c").value().key, "a/c");
  EXPECT_EQ(S3Uri::parse("s3://b").value().bucket, "b");
  EXPECT_EQ(S3Uri::parse("s3://b").value().join("k").str(), "s3://b/k");
  EXPECT_EQ(S3Uri::parse("s3://b/p").value().join("k").str(), "s3://b/p/k");
  EXPECT_EQ(S3Uri::parse("s3://b/p/").value().join("k").str(), "s3://b/p/k");
  for (const auto* bad : {"", "s3://", "s3:///k", "http://b/k", "/etc/passwd"}) {
    EXPECT_EQ(S3Uri::parse(bad).error().reason, "BadS3Uri") << bad;
  }
}

TEST(PathBelow, KeepsFoldersAndNeverLeavesTheDirectory) {
  EXPECT_EQ(client::PathBelow("p/a/b", "p").value(), "a/b");
  EXPECT_EQ(client::PathBelow("p/a/b", "p/").value(), "a/b");
  EXPECT_EQ(client::PathBelow("p/train.csv", "p/train.csv").value_or("none"), "train.csv");
  EXPECT_EQ(client::PathBelow("p/train.csv", "p/tra").value(), "train.csv");
  for (const auto* bad : {"p/../../etc/passwd", "p/a/../b", "p//..", "p/"}) {
    EXPECT_EQ(client::PathBelow(bad, "p").error().reason, "UnsafeKey") << bad;
  }
}

class HomeTest : public testing::Test {
 protected:
  TempDir dir_ = TempDir::Make().value();
};

TEST_F(HomeTest, WithoutAServiceSaysHowToStartOne) {
  const auto endpoint = client::LiveEndpoint(dir_.path());
  EXPECT_EQ(endpoint.error().reason, "NoService");
  EXPECT_NE(endpoint.error().message.find("clary serve"), std::string::npos);
  // A service that was killed leaves its file behind; no process has this id.
  ASSERT_TRUE(WriteFileAtomic(dir_.path() / "service.json",
                              R"({"endpoint":"http://127.0.0.1:1","pid":2147480000})"));
  EXPECT_EQ(client::LiveEndpoint(dir_.path()).error().reason, "NoService");
  ASSERT_TRUE(WriteFileAtomic(dir_.path() / "service.json", "{torn"));
  EXPECT_EQ(client::LiveEndpoint(dir_.path()).error().reason, "NoService");
}

TEST_F(HomeTest, ReadsTheIdentityAndRefusesADamagedOne) {
  EXPECT_EQ(client::ReadIdentity(dir_.path()).error().reason, "NoIdentity");
  const auto path = dir_.path() / "credentials.json";
  ASSERT_TRUE(WriteFileAtomic(
      path, R"({"access_key_id":"AK","secret_access_key":"S","region":"eu-west-1"})"));
  const auto identity = client::ReadIdentity(dir_.path());
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->credentials.access_key, "AK");
  EXPECT_EQ(identity->region, "eu-west-1");
  ASSERT_TRUE(WriteFileAtomic(path, R"({"access_key_id":"AK"})"));
  EXPECT_EQ(client::ReadIdentity(dir_.path()).error().reason, "BadCredentials");
}

TEST(ImageUris, AreThoseOfTheFrameworks) {
  EXPECT_EQ(*image_uris::retrieve("sklearn", "us-east-1", "1.2-1"),
            "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3");
  EXPECT_EQ(*image_uris::retrieve("pytorch", "us-east-1", "2.3.0"),
            "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:2.3.0-cpu-py311");
  EXPECT_EQ(image_uris::retrieve("pytorch", "cn-north-1", "2.3.0").error().reason, "UnknownRegion");
  EXPECT_NE(image_uris::retrieve("sklaern", "us-east-1", "1.2-1").error().message.find("sklearn?"),
            std::string::npos);
}

std::string Listed(const std::filesystem::path& archive) {
  FILE* pipe = ::popen(("tar tzf " + archive.string()).c_str(), "r");
  std::string out(4096, '\0');
  out.resize(std::fread(out.data(), 1, out.size(), pipe));
  ::pclose(pipe);
  return out;
}

TEST(SourceCode, IsPackedAsTheJobUnpacksIt) {
  namespace fs = std::filesystem;
  const auto dir = TempDir::Make();
  const fs::path root = dir->path();
  for (const char* file : {"src/train.py", "src/deep/util.py", "src/__pycache__/train.pyc",
                           "lib/__init__.py", "extra.py"}) {
    fs::create_directories((root / file).parent_path());
    ASSERT_TRUE(WriteFileAtomic(root / file, "x"));
  }
  const fs::path to = root / "out.tar.gz";
  ASSERT_TRUE(client::PackSourceCode({.entry_point = "train.py",
                                      .source_dir = root / "src",
                                      .dependencies = {root / "lib/", root / "extra.py"}},
                                     to));
  EXPECT_EQ(Listed(to), "deep/util.py\nextra.py\nlib/__init__.py\ntrain.py\n");
  ASSERT_TRUE(client::PackSourceCode(
      {.entry_point = root / "extra.py", .source_dir = "", .dependencies = {}}, to));
  EXPECT_EQ(Listed(to), "extra.py\n");
  EXPECT_EQ(client::PackSourceCode({.entry_point = "train.py",
                                    .source_dir = root / "src",
                                    .dependencies = {root / "src/train.py"}},
                                   to)
                .error()
                .reason,
            "BadSource");
}

}  // namespace
}  // namespace clary
