#include "api/rule_spec.h"

#include <gtest/gtest.h>

#include <limits>

namespace clary::api {
namespace {

TEST(RuleSpec, SurvivesARoundTrip) {
  RuleSpec spec;
  spec.job_name = "j";
  spec.name = "mine";
  spec.profiler = true;
  spec.parameters = {{"rule_to_invoke", "Overfit"}, {"patience", "3"}};
  spec.output_uri = "s3://b/o/j/rule-output/mine";
  const auto back = RuleSpec::FromJson(spec.ToJson());
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->ToJson(), spec.ToJson());
  EXPECT_EQ(back->Invoked(), "Overfit");
  spec.parameters.clear();
  EXPECT_EQ(spec.Invoked(), "mine");
}

TEST(RuleContext, SurvivesARoundTripAndLosesWhatIsNoNumber) {
  RuleContext context;
  context.job_name = "j";
  context.job_ended = true;
  context.ended_ms = 12;
  context.hyperparameters = {{"eta", "0.2"}};
  context.channels = {{.name = "train", .s3_uri = "s3://b/t", .content_type = "csv"}};
  context.rules = {{.name = "r", .rule = "Overfit", .status = "Error", .details = "why \xff"}};
  context.other_jobs = {{.name = "i",
                         .status = "Completed",
                         .ended_ms = 3,
                         .metrics = {{"a", 0.5}, {"b", std::numeric_limits<double>::quiet_NaN()}},
                         .hyperparameters = {{"eta", "0.1"}}}};
  const auto back = RuleContext::FromJson(context.ToJson());
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_TRUE(back->job_ended);
  EXPECT_EQ(back->rules.at(0).details, "why \xEF\xBF\xBD");
  EXPECT_EQ(back->other_jobs.at(0).metrics, (std::map<std::string, double>{{"a", 0.5}}));
  EXPECT_EQ(back->channels.at(0).s3_uri, "s3://b/t");
}

TEST(TuningContext, SurvivesARoundTrip) {
  TuningContext context;
  context.job_name = "t";
  context.seed = "7";
  context.definitions = {
      {.name = "d",
       .metric = "auc",
       .maximise = true,
       .metrics = {{.name = "auc", .regex = "(.*)", .literal = "auc"}},
       .parameters =
           {{.name = "eta", .type = "continuous", .scale = "log", .min = 0.1, .max = 0.5}},
       .defaults = {{"eta", "0.3"}}}};
  context.trials = {{.name = "t-001", .status = "Completed", .value = {0.1}, .config = {0.25}}};
  const auto back = TuningContext::FromJson(context.ToJson());
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->ToJson(), context.ToJson());
  EXPECT_EQ(back->trials[0].config[0], 0.25);
  context.trials[0].definition = 1;
  EXPECT_EQ(TuningContext::FromJson(context.ToJson()).error().code, Code::kDataLoss);
  context.trials[0].definition = 0;
  context.trials[0].config.clear();
  EXPECT_EQ(TuningContext::FromJson(context.ToJson()).error().code, Code::kDataLoss);
}

TEST(RuleResult, RefusesWhatIsNoEnd) {
  EXPECT_TRUE(RuleResult::FromJson(RuleResult{.status = "IssuesFound", .stop_job = true}.ToJson())
                  ->stop_job);
  EXPECT_EQ(RuleResult::FromJson(RuleResult{.status = "InProgress"}.ToJson()).error().reason,
            "BadRuleFile");
  EXPECT_EQ(RuleResult::FromJson("{}").error().code, Code::kFailedPrecondition);
  EXPECT_EQ(RuleResult::FromJson(R"({"version":1,"status":3})").error().code, Code::kDataLoss);
  const auto cut = RuleResult::FromJson(
      RuleResult{.status = "Error", .details = std::string(2000, 'x')}.ToJson());
  EXPECT_EQ(cut->details.size(), kMaxStatusDetails);
}

TEST(CutText, NeverSplitsACharacter) {
  EXPECT_EQ(CutText("ab\xC3\xA4", 3), "ab");
  EXPECT_EQ(CutText("ab\xC3\xA4", 4), "ab\xC3\xA4");
  EXPECT_EQ(CutText("", 4), "");
}

}  // namespace
}  // namespace clary::api
