#include "server/cloudwatch.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/testing/manual_clock.h"
#include "meta/testing/stores.h"
#include "server/internal/metric_windows.h"
#include "server/served.h"

namespace clary::server {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

class CloudWatch : public testing::Test {
 protected:
  CloudWatch() { Restart(); }

  // As if the process had ended and begun again.
  void Restart() {
    front_.reset();
    metrics_.reset();
    metrics_ = *MetricStore::Open(dir_.path() / "metrics.db");
    front_ = *CloudWatchFront::Open(
        {.series = [](const std::string&,
                      std::string_view) -> Result<std::vector<control::MetricSeries>> {
           return Fail(Code::kNotFound, "ResourceNotFound", "no job");
         },
         .jobs = [] { return std::vector<std::string>(); }},
        *metrics_, records_, Account{.id = "123456789012"}, clock_);
  }

  Result<json> Try(std::string_view operation, const json& input) {
    CLARY_TRY(const json document, Understand("monitoring", operation, input, false));
    return front_->Handle(operation, document);
  }
  json Call(std::string_view operation, const json& input) {
    auto out = Try(operation, input);
    EXPECT_TRUE(out) << operation << ": " << out.error().message;
    return out.value_or(json());
  }
  std::string Refused(std::string_view operation, const json& input) {
    const auto out = Try(operation, input);
    return out ? "ok" : out.error().reason;
  }
  std::string Put(json item) {
    if (!item.contains("MetricName")) item["MetricName"] = "m";
    return Refused("PutMetricData", {{"Namespace", "own"}, {"MetricData", {item}}});
  }
  double Now() { return ToSeconds(clock_.Now()); }
  json Statistics(const json& names, json more = json::object()) {
    more.update({{"Namespace", "own"},
                 {"MetricName", more.value("MetricName", "m")},
                 {"StartTime", Now() - 3600},
                 {"EndTime", Now() + 3600},
                 {"Period", more.value("Period", 60)}});
    more[PercentileOf(names[0].get<std::string>()) ? "ExtendedStatistics" : "Statistics"] = names;
    return Call("GetMetricStatistics", more)["Datapoints"];
  }
  json Alarm(const std::string& name = "a") {
    return Call("DescribeAlarms", {{"AlarmNames", {name}}})["MetricAlarms"].at(0);
  }

  TempDir dir_ = *TempDir::Make();
  ManualClock clock_{FromMillis(1'796'083'205'000)};  // five seconds into a minute
  meta::MemoryStore records_;
  std::unique_ptr<MetricStore> metrics_;
  std::unique_ptr<CloudWatchFront> front_;
};

TEST_F(CloudWatch, AllFormsOfDataAddUp) {
  EXPECT_EQ(Put({{"Value", 1}}), "ok");
  EXPECT_EQ(Put({{"Values", {2, 3}}, {"Counts", {1, 2}}}), "ok");
  EXPECT_EQ(
      Put({{"StatisticValues", {{"SampleCount", 2}, {"Sum", 9}, {"Minimum", 4}, {"Maximum", 5}}}}),
      "ok");
  const json points = Statistics({"SampleCount", "Sum", "Minimum", "Maximum", "Average"});
  ASSERT_EQ(points.size(), 1u);
  EXPECT_EQ(points[0]["SampleCount"], 6.0);
  EXPECT_EQ(points[0]["Sum"], 18.0);
  EXPECT_EQ(points[0]["Minimum"], 1.0);
  EXPECT_EQ(points[0]["Maximum"], 5.0);
  EXPECT_EQ(points[0]["Average"], 3.0);
  EXPECT_EQ(points[0]["Unit"], "None");
  // The set's values are lost, so no percentile of the window is known.
  EXPECT_FALSE(Statistics({"p50"})[0].contains("ExtendedStatistics"));
  Restart();
  EXPECT_EQ(Statistics({"Sum"})[0]["Sum"], 18.0);
}

TEST_F(CloudWatch, UnitsAndDimensionsTellMetricsApart) {
  const json host = {{{"Name", "Host"}, {"Value", "a"}}, {{"Name", "Stage"}, {"Value", "x"}}};
  const json turned = {host[1], host[0]};
  EXPECT_EQ(Put({{"Value", 1}, {"Unit", "Seconds"}}), "ok");
  EXPECT_EQ(Put({{"Value", 2}, {"Unit", "Count"}}), "ok");
  EXPECT_EQ(Put({{"Value", 3}, {"Dimensions", host}}), "ok");
  EXPECT_EQ(Statistics({"Sum"}).size(), 2u);
  EXPECT_EQ(Statistics({"Sum"}, {{"Unit", "Count"}})[0]["Sum"], 2.0);
  EXPECT_EQ(Statistics({"Sum"}, {{"Dimensions", turned}})[0]["Sum"], 3.0);
  EXPECT_EQ(Call("ListMetrics", {{"Namespace", "own"}})["Metrics"].size(), 2u);
  const json filter = {{{"Name", "Stage"}}};
  const json found = Call("ListMetrics", {{"Dimensions", filter}})["Metrics"];
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0]["Dimensions"], host);
  clock_.Advance(4h);
  EXPECT_EQ(Call("ListMetrics", {{"RecentlyActive", "PT3H"}})["Metrics"].size(), 0u);
}

TEST_F(CloudWatch, RefusesBadDataAsAWhole) {
  EXPECT_EQ(Put(json::object()), "MissingParameter");
  EXPECT_EQ(Put({{"Value", 1}, {"Values", {1}}}), "InvalidParameterCombination");
  EXPECT_EQ(Put({{"Value", 1}, {"Counts", {1}}}), "InvalidParameterCombination");
  EXPECT_EQ(Put({{"Values", {1, 2}}, {"Counts", {1}}}), "InvalidParameterValue");
  EXPECT_EQ(Put({{"Values", std::vector<double>(151, 1)}}), "InvalidParameterValue");
  EXPECT_EQ(Put({{"Value", 0x1p361}}), "InvalidParameterValue");
  EXPECT_EQ(Put({{"Value", std::numeric_limits<double>::infinity()}}), "InvalidParameterValue");
  EXPECT_EQ(Put({{"Value", std::nan("")}}), "InvalidParameterValue");
  EXPECT_EQ(Put({{"Value", 1}, {"Timestamp", Now() + 7201}}), "InvalidParameterValue");
  EXPECT_EQ(Put({{"Value", 1}, {"Timestamp", Now() - 15 * 86400}}), "InvalidParameterValue");
  EXPECT_EQ(Put({{"Value", 1}, {"StorageResolution", 5}}), "InvalidParameterValue");
  EXPECT_EQ(Put({{"Value", 1}, {"Unit", "Parsecs"}}), "ValidationError");
  const json twice = {{{"Name", "a"}, {"Value", "1"}}, {{"Name", "a"}, {"Value", "2"}}};
  EXPECT_EQ(Put({{"Value", 1}, {"Dimensions", twice}}), "InvalidParameterValue");
  const json both = {{{"MetricName", "m"}, {"Value", 1}}, {{"MetricName", "m"}}};
  EXPECT_EQ(Refused("PutMetricData", {{"Namespace", "own"}, {"MetricData", both}}),
            "MissingParameter");
  const json one = {{{"MetricName", "m"}, {"Value", 1}}};
  for (const char* space : {"AWS/EC2", "/aws/sagemaker/TrainingJobs"}) {
    EXPECT_EQ(Refused("PutMetricData", {{"Namespace", space}, {"MetricData", one}}),
              "InvalidParameterValue");
  }
  EXPECT_EQ(Call("ListMetrics", json::object())["Metrics"].size(), 0u);
}

TEST_F(CloudWatch, PercentilesAreBetweenTheNearestRanks) {
  EXPECT_EQ(Put({{"Values", {10, 20, 40}}, {"Counts", {1, 2, 1}}}), "ok");
  for (const auto& [name, value] : std::map<std::string, double>{
           {"p0", 10}, {"p50", 20}, {"p100", 40}, {"p25", 17.5}, {"p90", 34}}) {
    EXPECT_DOUBLE_EQ(Statistics({name})[0]["ExtendedStatistics"][name].get<double>(), value)
        << name;
  }
  for (const char* bad : {"p101", "p", "pp", "tm99", "p-1", "p1e1"}) {
    EXPECT_FALSE(IsStatistic(bad)) << bad;
  }
}

TEST_F(CloudWatch, DataComesInPages) {
  json values = json::array();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(Put({{"Value", i}, {"Timestamp", Now() - 600 + 60 * i}}), "ok");
  }
  json input = {{"StartTime", Now() - 900},
                {"EndTime", Now()},
                {"ScanBy", "TimestampAscending"},
                {"MaxDatapoints", 2},
                {"MetricDataQueries",
                 {{{"Id", "q"},
                   {"MetricStat",
                    {{"Metric", {{"Namespace", "own"}, {"MetricName", "m"}}},
                     {"Period", 60},
                     {"Stat", "Sum"}}}}}}};
  int pages = 0;
  do {
    const json page = Call("GetMetricData", input);
    for (const json& v : page["MetricDataResults"][0]["Values"]) values.push_back(v);
    input["NextToken"] = page.value("NextToken", "");
    ++pages;
  } while (input["NextToken"] != "");
  EXPECT_EQ(values, json({0.0, 1.0, 2.0, 3.0, 4.0}));
  EXPECT_EQ(pages, 3);
}

const json kAlarm = {{"AlarmName", "a"},  {"Namespace", "own"},
                     {"MetricName", "m"}, {"Statistic", "Average"},
                     {"Period", 60},      {"EvaluationPeriods", 1},
                     {"Threshold", 1.0},  {"ComparisonOperator", "GreaterThanThreshold"}};

TEST_F(CloudWatch, AnAlarmFollowsItsMetricOverARestart) {
  Call("PutMetricAlarm", kAlarm);
  EXPECT_EQ(Alarm()["StateValue"], "INSUFFICIENT_DATA");
  EXPECT_EQ(Alarm()["StateReason"], "Unchecked: Initial alarm creation");
  EXPECT_EQ(Alarm()["AlarmArn"], "arn:aws:cloudwatch:us-east-1:123456789012:alarm:a");
  EXPECT_EQ(Put({{"Value", 5}}), "ok");
  front_->EvaluateAlarms();
  EXPECT_EQ(Alarm()["StateValue"], "INSUFFICIENT_DATA");  // the minute is not over
  clock_.Advance(60s);
  front_->EvaluateAlarms();
  EXPECT_EQ(Alarm()["StateValue"], "ALARM");
  const std::string reason = Alarm()["StateReason"];
  EXPECT_TRUE(reason.starts_with("Threshold Crossed: 1 datapoint [5.0 (01/12/26 ")) << reason;
  EXPECT_TRUE(reason.ends_with(")] was greater than the threshold (1.0).")) << reason;
  Restart();
  EXPECT_EQ(Alarm()["StateValue"], "ALARM");
  EXPECT_EQ(Put({{"Value", 0.5}}), "ok");
  clock_.Advance(60s);
  front_->EvaluateAlarms();
  EXPECT_EQ(Alarm()["StateValue"], "OK");
  clock_.Advance(10min);
  front_->EvaluateAlarms();
  EXPECT_EQ(Alarm()["StateValue"], "INSUFFICIENT_DATA");
  const json history =
      Call("DescribeAlarmHistory", {{"AlarmName", "a"}, {"ScanBy", "TimestampAscending"}});
  std::string states;
  for (const json& item : history["AlarmHistoryItems"]) {
    states += item["HistorySummary"].get<std::string>() + "|";
  }
  EXPECT_EQ(states,
            "Alarm \"a\" created|Alarm updated from INSUFFICIENT_DATA to ALARM|"
            "Alarm updated from ALARM to OK|Alarm updated from OK to INSUFFICIENT_DATA|");
  Call("SetAlarmState", {{"AlarmName", "a"}, {"StateValue", "ALARM"}, {"StateReason", "drill"}});
  EXPECT_EQ(Alarm()["StateReason"], "drill");
  EXPECT_EQ(Refused("DeleteAlarms", {{"AlarmNames", {"a", "none"}}}), "ResourceNotFound");
  Call("DeleteAlarms", {{"AlarmNames", {"a"}}});
  EXPECT_EQ(Call("DescribeAlarms", json::object())["MetricAlarms"].size(), 0u);
}

// Windows from the oldest to the newest: X above the threshold, 0 below, - none.
TEST_F(CloudWatch, MissingDataCountsAsItIsTold) {
  struct Case {
    const char* windows;  // five: three periods and two before them
    const char* missing;
    int needed;
    const char* state;
  };
  constexpr Case kCases[] = {
      {"0-X-X", "missing", 3, "OK"},
      {"0-X-X", "breaching", 3, "OK"},
      {"----X", "missing", 3, "ALARM"},
      {"----X", "breaching", 3, "ALARM"},
      {"----X", "notBreaching", 3, "OK"},
      {"----X", "ignore", 3, "INSUFFICIENT_DATA"},
      {"-----", "missing", 3, "INSUFFICIENT_DATA"},
      {"-----", "breaching", 3, "ALARM"},
      {"-----", "notBreaching", 3, "OK"},
      {"-----", "ignore", 3, "INSUFFICIENT_DATA"},
      {"0----", "missing", 3, "OK"},
      {"--0X-", "ignore", 2, "INSUFFICIENT_DATA"},
      {"--00-", "ignore", 2, "OK"},
      {"--X0X", "missing", 2, "ALARM"},
      {"--X0X", "missing", 3, "OK"},
      {"XXX--", "missing", 3, "ALARM"},
  };
  int n = 0;
  for (const Case& c : kCases) {
    const std::string metric = "m" + std::to_string(n++);
    json alarm = kAlarm;
    alarm.update({{"AlarmName", metric},
                  {"MetricName", metric},
                  {"EvaluationPeriods", 3},
                  {"DatapointsToAlarm", c.needed},
                  {"TreatMissingData", c.missing}});
    Call("PutMetricAlarm", alarm);
    const double minute = Now() - 5;
    for (int i = 0; i < 5; ++i) {
      if (c.windows[i] == '-') continue;
      EXPECT_EQ(Put({{"MetricName", metric},
                     {"Value", c.windows[i] == 'X' ? 2 : 0},
                     {"Timestamp", minute - 60 * (5 - i)}}),
                "ok");
    }
    front_->EvaluateAlarms();
    EXPECT_EQ(Alarm(metric)["StateValue"], c.state) << c.windows << " " << c.missing;
  }
}

TEST_F(CloudWatch, AlarmsAreCheckedBeforeTheyAreKept) {
  const auto with = [&](const json& change) {
    json alarm = kAlarm;
    alarm.update(change);
    return Refused("PutMetricAlarm", alarm);
  };
  EXPECT_EQ(with({{"Period", 45}}), "InvalidParameterValue");
  EXPECT_EQ(with({{"EvaluationPeriods", 1441}}), "ValidationError");
  EXPECT_EQ(with({{"DatapointsToAlarm", 2}}), "ValidationError");
  EXPECT_EQ(with({{"TreatMissingData", "maybe"}}), "InvalidParameterValue");
  EXPECT_EQ(with({{"ComparisonOperator", "LessThanLowerThreshold"}}), "InvalidParameterValue");
  EXPECT_EQ(with({{"ExtendedStatistic", "p90"}}), "InvalidParameterCombination");
  // Nothing would be told to anybody.
  EXPECT_EQ(with({{"AlarmActions", {"arn:aws:sns:us-east-1:1:topic"}}}), "ValidationError");
  EXPECT_EQ(with({{"ThresholdMetricId", "m1"}}), "ValidationError");
  EXPECT_EQ(Call("DescribeAlarms", json::object())["MetricAlarms"].size(), 0u);
  for (const char* name : {"a", "b", "c"})
    Call("PutMetricAlarm", [&] {
      json alarm = kAlarm;
      alarm["AlarmName"] = name;
      return alarm;
    }());
  const json page = Call("DescribeAlarms", {{"MaxRecords", 2}});
  EXPECT_EQ(page["MetricAlarms"].size(), 2u);
  const json rest = Call("DescribeAlarms", {{"NextToken", page["NextToken"]}});
  EXPECT_EQ(rest["MetricAlarms"].size(), 1u);
  EXPECT_FALSE(rest.contains("NextToken"));
}

}  // namespace
}  // namespace clary::server
