// Target tracking over a SageMaker that the test plays.
#include "server/autoscaling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/manual_clock.h"
#include "meta/sqlite_store.h"
#include "server/invocation_metrics.h"
#include "server/schedule.h"

namespace clary::server {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr char kInstanceCount[] = "sagemaker:variant:DesiredInstanceCount";

class AutoscalingTest : public testing::Test {
 protected:
  AutoscalingTest() { Open(); }
  void Open(int64_t cores = 8) {
    front_ = *AutoscalingFront::Open(
        {.sagemaker = [this](std::string_view operation,
                             const json& input) { return SageMaker(operation, input); },
         .metrics = *metrics_,
         .alarms = [this](const std::string& policy,
                          bool values) { return alarms_->AlarmsOf(policy, values); },
         .records = *records_,
         .cores = cores,
         .clock = clock_},
        {.id = "123456789012", .region = "us-east-1"});
  }
  Result<json> SageMaker(std::string_view operation, const json& input) {
    if (operation == "DescribeEndpoint" && input.at("EndpointName") == "e" && there_) {
      json endpoint = {
          {"EndpointName", "e"},
          {"ProductionVariants", {{{"VariantName", "v"}, {"DesiredInstanceCount", instances_}}}}};
      if (async_) endpoint["AsyncInferenceConfig"] = json::object();
      return endpoint;
    }
    if (operation == "DescribeInferenceComponent") {
      return json{{"EndpointName", "e"}, {"RuntimeConfig", {{"DesiredCopyCount", copies_}}}};
    }
    if (operation == "UpdateInferenceComponentRuntimeConfig") {
      copies_ = input.at("DesiredRuntimeConfig").at("CopyCount");
      return json::object();
    }
    if (operation == "UpdateEndpointWeightsAndCapacities") {
      if (updating_) {
        return Fail(Code::kFailedPrecondition, "ValidationException",
                    "Cannot update in-progress endpoint \"e\".");
      }
      ++updates_;
      instances_ = input.at("DesiredWeightsAndCapacities").at(0).at("DesiredInstanceCount");
      return json::object();
    }
    return Fail(Code::kNotFound, "ValidationException", "Could not find endpoint \"e\".");
  }
  json Of(json more = json::object()) const {
    json input = {{"ServiceNamespace", "sagemaker"},
                  {"ResourceId", "endpoint/e/variant/v"},
                  {"ScalableDimension", kInstanceCount}};
    input.update(more);
    return input;
  }
  Status Register(int64_t low, int64_t high) {
    const auto done =
        front_->Handle("RegisterScalableTarget", Of({{"MinCapacity", low}, {"MaxCapacity", high}}));
    return done ? Status() : std::unexpected(done.error());
  }
  Status Track(double target, json more = json::object()) {
    json tracking = {{"TargetValue", target},
                     {"PredefinedMetricSpecification",
                      {{"PredefinedMetricType", "SageMakerVariantInvocationsPerInstance"}}}};
    tracking.update(more);
    const auto done = front_->Handle("PutScalingPolicy",
                                     Of({{"PolicyName", "p"},
                                         {"PolicyType", "TargetTrackingScaling"},
                                         {"TargetTrackingScalingPolicyConfiguration", tracking}}));
    return done ? Status() : std::unexpected(done.error());
  }
  // So many requests a minute, for some minutes, shared by the instances that there are.
  void Load(int minutes, int requests) {
    for (int m = 0; m < minutes; ++m) {
      for (int i = 0; i < requests; ++i) {
        counted_.Count("e", "v", {.instances = static_cast<size_t>(instances_)});
      }
      clock_.Advance(std::chrono::minutes(1));
      counted_.Flush(*metrics_, false);
      alarms_->Evaluate();
      front_->Evaluate();
    }
  }
  // A step policy, and an alarm that names it where so many requests a minute and instance are
  // `comparison` 10.
  std::string Steps(const char* name, const char* comparison, json steps) {
    const auto put = front_->Handle("PutScalingPolicy",
                                    Of({{"PolicyName", name},
                                        {"PolicyType", "StepScaling"},
                                        {"StepScalingPolicyConfiguration", std::move(steps)}}));
    if (!put) return put.error().message;
    const auto alarm = alarms_->Handle(
        "PutMetricAlarm",
        {{"AlarmName", std::string(name) + "-alarm"},
         {"Namespace", "AWS/SageMaker"},
         {"MetricName", "InvocationsPerInstance"},
         {"Dimensions",
          {{{"Name", "EndpointName"}, {"Value", "e"}}, {{"Name", "VariantName"}, {"Value", "v"}}}},
         {"Statistic", "Sum"},
         {"Period", 60},
         {"EvaluationPeriods", 1},
         {"Threshold", 10},
         {"TreatMissingData", "notBreaching"},
         {"ComparisonOperator", comparison},
         {"AlarmActions", {put->at("PolicyARN")}}});
    return alarm ? "" : alarm.error().message;
  }
  json Activities() {
    return front_->Handle("DescribeScalingActivities", {{"ServiceNamespace", "sagemaker"}})
        ->at("ScalingActivities");
  }
  std::string Refused(std::string_view operation, const json& input) {
    const auto done = front_->Handle(operation, input);
    return done ? "done" : done.error().reason + ": " + done.error().message;
  }

  ManualClock clock_;
  std::unique_ptr<MetricStore> metrics_ = *MetricStore::Open(":memory:");
  std::unique_ptr<meta::SqliteStore> records_ = *meta::SqliteStore::Open(":memory:");
  InvocationMetrics counted_{clock_};
  std::unique_ptr<AlarmBook> alarms_ =
      *AlarmBook::Open([this](const MetricKey& key, Time start,
                              Time end) { return metrics_->Read(key, start, end); },
                       *records_, {.id = "123456789012", .region = "us-east-1"}, clock_);
  std::unique_ptr<AutoscalingFront> front_;
  int64_t instances_ = 1;
  int64_t copies_ = 1;
  int updates_ = 0;
  bool there_ = true;
  bool async_ = false;
  bool updating_ = false;
};

TEST_F(AutoscalingTest, AddsInstancesAfterThreeMinutesAboveTheTarget) {
  ASSERT_TRUE(Register(1, 4));
  ASSERT_TRUE(Track(10, {{"ScaleOutCooldown", 60}}));
  Load(2, 30);
  EXPECT_EQ(instances_, 1);
  Load(1, 30);
  EXPECT_EQ(instances_, 3);  // 30 a minute are 10 for each of three
  Load(5, 30);
  EXPECT_EQ(instances_, 3);  // on target
  Load(5, 1000);
  EXPECT_EQ(instances_, 4);  // MaxCapacity
  const json activities = Activities();
  ASSERT_EQ(activities.size(), 2U);
  EXPECT_EQ(activities[1]["Description"], "Setting desired instance count to 3.");
  EXPECT_THAT(activities[1]["Cause"].get<std::string>(), HasSubstr("InvocationsPerInstance is 30"));
  EXPECT_EQ(activities[0]["StatusCode"], "Successful");
}

TEST_F(AutoscalingTest, TakesInstancesAwayAfterFifteenQuietMinutes) {
  instances_ = 4;
  ASSERT_TRUE(Register(1, 4));
  ASSERT_TRUE(Track(10));
  Load(14, 4);
  EXPECT_EQ(instances_, 4);
  Load(1, 4);
  EXPECT_EQ(instances_, 1);
  Load(30, 0);
  EXPECT_EQ(instances_, 1);  // MinCapacity
  ASSERT_TRUE(Track(10, {{"DisableScaleIn", true}}));
  instances_ = 2;
  Load(20, 0);
  EXPECT_EQ(instances_, 2);
}

TEST_F(AutoscalingTest, ACooldownPassesBetweenChanges) {
  ASSERT_TRUE(Register(1, 8));
  ASSERT_TRUE(Track(10, {{"ScaleOutCooldown", 600}}));
  Load(3, 20);
  EXPECT_EQ(instances_, 2);
  Load(5, 80);
  EXPECT_EQ(instances_, 2);
  Load(6, 80);
  EXPECT_EQ(instances_, 8);
}

TEST_F(AutoscalingTest, NeverAsksForMoreThanTheMachineHas) {
  Open(2);
  ASSERT_TRUE(Register(1, 50));
  ASSERT_TRUE(Track(10, {{"ScaleOutCooldown", 0}}));
  Load(10, 500);
  EXPECT_EQ(instances_, 2);
}

TEST_F(AutoscalingTest, BringsTheCapacityIntoItsRange) {
  instances_ = 1;
  ASSERT_TRUE(Register(2, 4));
  updating_ = true;
  front_->Evaluate();
  EXPECT_EQ(instances_, 1);  // waits for the update under way
  EXPECT_TRUE(Activities().empty());
  updating_ = false;
  front_->Evaluate();
  EXPECT_EQ(instances_, 2);
}

TEST_F(AutoscalingTest, FollowsAMetricOfOnesOwn) {
  async_ = true;
  instances_ = 0;
  ASSERT_TRUE(Register(0, 4));
  const json metric = {{"MetricName", "ApproximateBacklogSizePerInstance"},
                       {"Namespace", "AWS/SageMaker"},
                       {"Dimensions", {{{"Name", "EndpointName"}, {"Value", "e"}}}},
                       {"Statistic", "Average"}};
  const auto done = front_->Handle(
      "PutScalingPolicy", Of({{"PolicyName", "q"},
                              {"PolicyType", "TargetTrackingScaling"},
                              {"TargetTrackingScalingPolicyConfiguration",
                               {{"TargetValue", 5}, {"CustomizedMetricSpecification", metric}}}}));
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->at("Alarms"), json::array());
  for (int minute = 0; minute < 3; ++minute) {
    counted_.Add("e", "", "ApproximateBacklogSizePerInstance", "Count", 12);
    clock_.Advance(std::chrono::minutes(1));
    counted_.Flush(*metrics_, false);
  }
  clock_.Advance(std::chrono::minutes(5));  // no data: nothing is done
  front_->Evaluate();
  EXPECT_EQ(instances_, 0);
  for (int minute = 0; minute < 3; ++minute) {
    counted_.Add("e", "", "ApproximateBacklogSizePerInstance", "Count", 12);
    clock_.Advance(std::chrono::minutes(1));
    counted_.Flush(*metrics_, false);
  }
  front_->Evaluate();
  EXPECT_EQ(instances_, 3);
}

TEST_F(AutoscalingTest, ScalesComponentsDownToNothing) {
  const json component = {{"ServiceNamespace", "sagemaker"},
                          {"ResourceId", "inference-component/c"},
                          {"ScalableDimension", "sagemaker:inference-component:DesiredCopyCount"}};
  json input = component;
  input.update({{"MinCapacity", 0}, {"MaxCapacity", 2}});
  ASSERT_TRUE(front_->Handle("RegisterScalableTarget", input));
  input = component;
  input.update({{"PolicyName", "p"},
                {"PolicyType", "TargetTrackingScaling"},
                {"TargetTrackingScalingPolicyConfiguration",
                 {{"TargetValue", 10},
                  {"PredefinedMetricSpecification",
                   {{"PredefinedMetricType", "SageMakerInferenceComponentInvocationsPerCopy"}}}}}});
  ASSERT_TRUE(front_->Handle("PutScalingPolicy", input));
  clock_.Advance(std::chrono::minutes(20));
  front_->Evaluate();
  EXPECT_EQ(copies_, 0);
}

TEST_F(AutoscalingTest, IsKeptAndGoesWithItsEndpoint) {
  ASSERT_TRUE(Register(1, 4));
  ASSERT_TRUE(Track(10));
  Open();
  const json asked = {{"ServiceNamespace", "sagemaker"}};
  const json targets = *front_->Handle("DescribeScalableTargets", asked);
  ASSERT_EQ(targets["ScalableTargets"].size(), 1U);
  EXPECT_EQ(targets["ScalableTargets"][0]["MaxCapacity"], 4);
  const json policies = *front_->Handle("DescribeScalingPolicies", asked);
  ASSERT_EQ(policies["ScalingPolicies"].size(), 1U);
  EXPECT_EQ(policies["ScalingPolicies"][0]["PolicyName"], "p");
  there_ = false;
  front_->Evaluate();
  EXPECT_TRUE(front_->Handle("DescribeScalableTargets", asked)->at("ScalableTargets").empty());
  Open();
  EXPECT_TRUE(front_->Handle("DescribeScalingPolicies", asked)->at("ScalingPolicies").empty());
}

TEST_F(AutoscalingTest, PagesAndDeletes) {
  ASSERT_TRUE(Register(1, 4));
  ASSERT_TRUE(Track(10));
  json second = Of({{"PolicyName", "q"},
                    {"PolicyType", "TargetTrackingScaling"},
                    {"TargetTrackingScalingPolicyConfiguration",
                     {{"TargetValue", 1},
                      {"PredefinedMetricSpecification",
                       {{"PredefinedMetricType", "SageMakerVariantInvocationsPerInstance"}}}}}});
  ASSERT_TRUE(front_->Handle("PutScalingPolicy", second));
  json asked = {{"ServiceNamespace", "sagemaker"}, {"MaxResults", 1}};
  const json first = *front_->Handle("DescribeScalingPolicies", asked);
  ASSERT_EQ(first["ScalingPolicies"].size(), 1U);
  asked["NextToken"] = first["NextToken"];
  EXPECT_EQ(
      front_->Handle("DescribeScalingPolicies", asked)->at("ScalingPolicies")[0]["PolicyName"],
      "q");
  asked["NextToken"] = "none";
  EXPECT_THAT(Refused("DescribeScalingPolicies", asked), HasSubstr("InvalidNextToken"));
  EXPECT_TRUE(front_->Handle("DeleteScalingPolicy", Of({{"PolicyName", "q"}})));
  EXPECT_THAT(Refused("DeleteScalingPolicy", Of({{"PolicyName", "q"}})),
              HasSubstr("ObjectNotFoundException"));
  EXPECT_TRUE(front_->Handle("DeregisterScalableTarget", Of()));
  EXPECT_THAT(Refused("DeregisterScalableTarget", Of()), HasSubstr("No scalable target"));
}

TEST_F(AutoscalingTest, AScheduleSetsTheRange) {
  ASSERT_TRUE(Register(1, 2));
  const auto put = [&](const char* name, const char* schedule, json range) {
    const auto done = front_->Handle("PutScheduledAction", Of({{"ScheduledActionName", name},
                                                               {"Schedule", schedule},
                                                               {"ScalableTargetAction", range}}));
    return done ? "" : done.error().reason + ": " + done.error().message;
  };
  const std::string soon =
      "at(" + FormatIso8601(clock_.Now() + std::chrono::hours(1)).substr(0, 19) + ")";
  EXPECT_EQ(put("up", soon.c_str(), {{"MinCapacity", 3}, {"MaxCapacity", 6}}), "");
  EXPECT_EQ(put("down", "rate(2 hours)", {{"MinCapacity", 1}, {"MaxCapacity", 2}}), "");
  front_->Evaluate();
  EXPECT_EQ(instances_, 1);
  clock_.Advance(std::chrono::hours(1));
  front_->Evaluate();
  EXPECT_EQ(instances_, 3);
  const json targets =
      *front_->Handle("DescribeScalableTargets", {{"ServiceNamespace", "sagemaker"}});
  EXPECT_EQ(targets["ScalableTargets"][0]["MaxCapacity"], 6);
  const json activities = Activities();
  EXPECT_THAT(activities[1]["Cause"].get<std::string>(), HasSubstr("scheduled action name up"));
  // It is done once, and its successor in another process.
  ASSERT_TRUE(front_->Handle("RegisterScalableTarget", Of({{"MinCapacity", 4}})));
  front_->Evaluate();
  EXPECT_EQ(instances_, 4);
  clock_.Advance(std::chrono::hours(9));
  Open();
  front_->Evaluate();
  EXPECT_EQ(instances_, 2);
  const json listed =
      *front_->Handle("DescribeScheduledActions",
                      {{"ServiceNamespace", "sagemaker"}, {"ScheduledActionNames", {"down"}}});
  ASSERT_EQ(listed["ScheduledActions"].size(), 1U);
  EXPECT_EQ(listed["ScheduledActions"][0]["Schedule"], "rate(2 hours)");
  EXPECT_TRUE(front_->Handle("DeleteScheduledAction", Of({{"ScheduledActionName", "down"}})));
  EXPECT_THAT(Refused("DeleteScheduledAction", Of({{"ScheduledActionName", "down"}})),
              HasSubstr("ObjectNotFoundException"));
  // What would never act is refused.
  EXPECT_THAT(put("x", "at(2001-01-01T00:00:00)", {{"MinCapacity", 1}}), HasSubstr("never due"));
  EXPECT_THAT(put("x", "hourly", {{"MinCapacity", 1}}), HasSubstr("at(...), rate(...)"));
  EXPECT_THAT(put("x", "rate(1 hour)", json::object()), HasSubstr("needs a Schedule and"));
  EXPECT_THAT(put("x", "rate(1 hour)", {{"MinCapacity", 3}, {"MaxCapacity", 2}}),
              HasSubstr("cannot be less"));
}

TEST_F(AutoscalingTest, StepsFollowTheirAlarm) {
  ASSERT_TRUE(Register(1, 6));
  const json up = {{"AdjustmentType", "ChangeInCapacity"},
                   {"Cooldown", 300},
                   {"StepAdjustments",
                    {{{"MetricIntervalLowerBound", 0},
                      {"MetricIntervalUpperBound", 20},
                      {"ScalingAdjustment", 1}},
                     {{"MetricIntervalLowerBound", 20}, {"ScalingAdjustment", 3}}}}};
  const json down = {
      {"AdjustmentType", "ExactCapacity"},
      {"Cooldown", 60},
      {"StepAdjustments", {{{"MetricIntervalUpperBound", 0}, {"ScalingAdjustment", 1}}}}};
  ASSERT_EQ(Steps("up", "GreaterThanThreshold", up), "");
  ASSERT_EQ(Steps("down", "LessThanThreshold", down), "");
  Load(1, 20);  // 10 beyond
  EXPECT_EQ(instances_, 2);
  front_->Evaluate();  // the same minute again
  EXPECT_EQ(instances_, 2);
  Load(1, 40);  // still 10 beyond: it cools down
  EXPECT_EQ(instances_, 2);
  Load(1, 80);  // 30 beyond: a larger step, in which the first one is counted
  EXPECT_EQ(instances_, 4);
  Load(5, 80);  // 10 beyond, when the cooldown has passed
  EXPECT_EQ(instances_, 5);
  const json activities = Activities();
  ASSERT_EQ(activities.size(), 3U);
  EXPECT_EQ(activities[0]["Cause"], "monitor alarm up-alarm triggered policy up");
  const json policies =
      *front_->Handle("DescribeScalingPolicies", {{"ServiceNamespace", "sagemaker"}});
  const json& described = policies["ScalingPolicies"][1];
  EXPECT_EQ(described["StepScalingPolicyConfiguration"], up);
  EXPECT_EQ(described["Alarms"][0]["AlarmName"], "up-alarm");
  Load(1, 45);  // nine for each: the step down has a cooldown of its own
  EXPECT_EQ(instances_, 1);
  // An alarm whose actions are off does nothing.
  json alarm =
      alarms_->Handle("DescribeAlarms", {{"AlarmNames", {"up-alarm"}}})->at("MetricAlarms")[0];
  json silent = json::object();
  for (const char* member :
       {"AlarmName", "Namespace", "MetricName", "Dimensions", "Statistic", "Period",
        "EvaluationPeriods", "Threshold", "ComparisonOperator", "AlarmActions"}) {
    silent[member] = alarm[member];
  }
  silent["ActionsEnabled"] = false;
  ASSERT_TRUE(alarms_->Handle("PutMetricAlarm", silent));
  Load(5, 100);
  EXPECT_EQ(instances_, 1);
}

TEST_F(AutoscalingTest, StepsNeverLeaveTheRangeOrTheMachine) {
  Open(3);
  ASSERT_TRUE(Register(1, 10));
  ASSERT_EQ(
      Steps("up", "GreaterThanThreshold",
            {{"AdjustmentType", "PercentChangeInCapacity"},
             {"Cooldown", 0},
             {"StepAdjustments", {{{"MetricIntervalLowerBound", 0}, {"ScalingAdjustment", 100}}}}}),
      "");
  Load(4, 400);
  EXPECT_EQ(instances_, 3);
  EXPECT_EQ(updates_, 2);
}

TEST_F(AutoscalingTest, SchedulesAreByTheClocksOfTheirZone) {
  ASSERT_TRUE(Register(1, 2));
  const auto put = [&](const char* zone) {
    return Refused("PutScheduledAction", Of({{"ScheduledActionName", "a"},
                                             {"Schedule", "cron(0 9 * * ? *)"},
                                             {"Timezone", zone},
                                             {"ScalableTargetAction", {{"MinCapacity", 2}}}}));
  };
  EXPECT_EQ(put("America/New_York"), "done");
  EXPECT_THAT(put("Mars/Olympus"), HasSubstr("Mars/Olympus is not known"));
  EXPECT_THAT(put("../../etc/passwd"), HasSubstr("is not known"));
  const auto now = clock_.Now();
  const auto nine =
      *Schedule::Parse("cron(0 9 * * ? *)", *TimeZone::Find("America/New_York"))->Next(now, now);
  clock_.Advance(nine - now - std::chrono::seconds(1));
  front_->Evaluate();
  EXPECT_EQ(instances_, 1);
  clock_.Advance(std::chrono::seconds(1));
  front_->Evaluate();
  EXPECT_EQ(instances_, 2);
}

TEST_F(AutoscalingTest, WhatIsWrongIsSaid) {
  EXPECT_THAT(Register(3, 2).error().message, HasSubstr("cannot be less than minimum"));
  EXPECT_THAT(Register(0, 2).error().message, HasSubstr("at least 1"));
  EXPECT_THAT(Track(10).error().message, HasSubstr("No scalable target registered"));
  ASSERT_TRUE(Register(1, 2));
  EXPECT_THAT(Track(0).error().message, HasSubstr("above 0"));
  EXPECT_THAT(Refused("PutScalingPolicy", Of({{"PolicyName", "p"}, {"PolicyType", "StepScaling"}})),
              HasSubstr("needs a StepScalingPolicyConfiguration"));
  EXPECT_THAT(
      Refused("PutScalingPolicy",
              Of({{"PolicyName", "p"},
                  {"StepScalingPolicyConfiguration", {{"AdjustmentType", "ExactCapacity"}}}})),
      HasSubstr("needs StepAdjustments"));
  EXPECT_THAT(
      Refused("PutScalingPolicy", Of({{"PolicyName", "p"}, {"PolicyType", "PredictiveScaling"}})),
      HasSubstr("PredictiveScaling is not supported"));
  EXPECT_THAT(
      Refused("RegisterScalableTarget", Of({{"MinCapacity", 1}, {"ServiceNamespace", "ecs"}})),
      HasSubstr("Only the ServiceNamespace sagemaker"));
  EXPECT_THAT(Refused("RegisterScalableTarget", Of({{"ResourceId", "endpoint/e"}})),
              HasSubstr("endpoint/NAME/variant/NAME"));
  EXPECT_THAT(Refused("RegisterScalableTarget", Of({{"ResourceId", "endpoint/e/variant/w"}})),
              HasSubstr("has no variant w"));
  there_ = false;
  EXPECT_THAT(Register(1, 2).error().message, HasSubstr("Could not find endpoint"));
}

}  // namespace
}  // namespace clary::server
