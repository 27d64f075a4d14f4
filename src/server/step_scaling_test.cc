#include "server/step_scaling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace clary::server {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr double kNone = 1e9;  // for a bound that is not given

json Step(double low, double high, int adjustment) {
  json out = {{"ScalingAdjustment", adjustment}};
  if (low != -kNone) out["MetricIntervalLowerBound"] = low;
  if (high != kNone) out["MetricIntervalUpperBound"] = high;
  return out;
}

json Policy(const char* type, std::vector<json> steps, json more = json::object()) {
  json out = {{"AdjustmentType", type}, {"StepAdjustments", steps}};
  out.update(more);
  return out;
}

int64_t To(const json& policy, int64_t current, double value, double threshold = 50) {
  return StepTo(policy, current, std::vector{value}, threshold).value_or(-1);
}

// The example of Application Auto Scaling's guide: bounds 0, 10 and 20 above and below.
TEST(StepScaling, TheStepIsChosenByTheDistance) {
  const json policy =
      Policy("PercentChangeInCapacity", {Step(-kNone, -20, -30), Step(-20, -10, -10),
                                         Step(-10, 10, 0), Step(10, 20, 10), Step(20, kNone, 30)});
  ASSERT_TRUE(CheckSteps(policy));
  EXPECT_EQ(To(policy, 10, 50), 10);
  EXPECT_EQ(To(policy, 10, 59.9), 10);
  EXPECT_EQ(To(policy, 10, 60), 11);
  EXPECT_EQ(To(policy, 11, 70), 14);  // 3.3 are 3
  EXPECT_EQ(To(policy, 10, 1000), 13);
  EXPECT_EQ(To(policy, 10, 40), 9);
  EXPECT_EQ(To(policy, 10, 30), 7);
  EXPECT_EQ(To(policy, 10, 40.1), 10);
}

TEST(StepScaling, WaysToAdjust) {
  EXPECT_EQ(To(Policy("ChangeInCapacity", {Step(0, kNone, 2)}), 3, 60), 5);
  EXPECT_EQ(To(Policy("ChangeInCapacity", {Step(-kNone, 0, -5)}), 3, 40), 0);
  EXPECT_EQ(To(Policy("ExactCapacity", {Step(0, kNone, 4)}), 7, 60), 4);
  const json percent = Policy("PercentChangeInCapacity", {Step(0, kNone, 10)});
  EXPECT_EQ(To(percent, 2, 60), 3);  // a fifth of one is one
  const json least =
      Policy("PercentChangeInCapacity", {Step(0, kNone, 10)}, {{"MinAdjustmentMagnitude", 3}});
  EXPECT_EQ(To(least, 2, 60), 5);
  // Nothing is for values below.
  EXPECT_EQ(To(percent, 2, 40), -1);
}

TEST(StepScaling, ValuesAreAggregated) {
  const json steps = Policy("ExactCapacity", {Step(0, 10, 1), Step(10, 20, 2), Step(20, kNone, 3)});
  const std::vector<double> values = {55, 65, 75};
  const auto by = [&](const char* how) {
    json policy = steps;
    policy["MetricAggregationType"] = how;
    return StepTo(policy, 1, values, 50);
  };
  EXPECT_EQ(by("Minimum"), 1);
  EXPECT_EQ(by("Average"), 2);
  EXPECT_EQ(by("Maximum"), 3);
}

TEST(StepScaling, WhatIsWrongIsSaid) {
  const auto wrong = [](const json& policy) {
    const Status checked = CheckSteps(policy);
    return checked ? "" : checked.error().message;
  };
  const auto change = [](std::vector<json> steps, json more = json::object()) {
    return Policy("ChangeInCapacity", std::move(steps), std::move(more));
  };
  EXPECT_EQ(wrong(change({Step(-kNone, kNone, 1)})), "");
  EXPECT_EQ(wrong(change({Step(10, kNone, 2), Step(0, 10, 1)})), "");  // in any order
  EXPECT_THAT(wrong(json::object()), HasSubstr("AdjustmentType"));
  EXPECT_THAT(wrong(change({})), HasSubstr("needs StepAdjustments"));
  EXPECT_THAT(wrong(change({Step(0, 10, 1)})), HasSubstr("for all above"));
  EXPECT_THAT(wrong(change({Step(-10, 0, 1)})), HasSubstr("for all below"));
  EXPECT_THAT(wrong(change({Step(0, 10, 1), Step(5, kNone, 1)})), HasSubstr("overlap"));
  EXPECT_THAT(wrong(change({Step(0, 10, 1), Step(11, kNone, 1)})), HasSubstr("gap"));
  EXPECT_THAT(wrong(change({Step(5, 5, 1)})), HasSubstr("less than"));
  EXPECT_THAT(wrong(change({Step(0, kNone, 1)}, {{"MinAdjustmentMagnitude", 2}})),
              HasSubstr("PercentChangeInCapacity"));
  EXPECT_THAT(wrong(Policy("ExactCapacity", {Step(0, kNone, -1)})), HasSubstr("not negative"));
}

}  // namespace
}  // namespace clary::server
