#include "server/served.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>

#include "api/shapes.h"
#include "base/file.h"
#include "base/strings.h"

namespace clary::server {
namespace {

using nlohmann::json;

std::span<const api::Operation> OperationsOf(std::string_view service) {
  if (service == "sts") return api::StsOperations();
  if (service == "iam") return api::IamOperations();
  if (service == "logs") return api::LogsOperations();
  if (service == "kms") return api::KmsOperations();
  if (service == "application-autoscaling") return api::AutoscalingOperations();
  return api::CloudwatchOperations();
}

// Whether the path leads to a member of the operation's input, through lists.
bool Exists(const api::Operation& operation, std::string_view path) {
  const api::Shape* shape = operation.input;
  for (const std::string_view name : Split(path, '.')) {
    while (shape->type == api::Type::kList) shape = shape->item;
    const api::Member* member = api::FindMember(*shape, name);
    if (!member) return false;
    shape = member->shape;
  }
  return true;
}

TEST(Served, NamesMembersThatThereAre) {
  std::set<std::string> rows;
  for (const Served& row : ServedOperations()) {
    EXPECT_TRUE(rows.insert(std::string(row.service) + "." + std::string(row.operation)).second);
    const api::Operation* operation = api::FindOperation(OperationsOf(row.service), row.operation);
    ASSERT_TRUE(operation) << row.operation;
    for (const std::string_view path : Split(row.members, ' ')) {
      EXPECT_TRUE(path.empty() || Exists(*operation, path)) << row.operation << " " << path;
    }
    for (const api::Member& member : api::Members(*operation->input)) {
      if (!member.required) continue;
      const auto listed = Split(row.members, ' ');
      EXPECT_NE(std::ranges::find(listed, member.name), listed.end())
          << row.operation << " needs " << member.name;
    }
  }
  for (const Harmless& row : HarmlessMembers()) {
    const api::Operation* operation = api::FindOperation(OperationsOf(row.service), row.operation);
    ASSERT_TRUE(operation) << row.operation;
    EXPECT_TRUE(Exists(*operation, row.member)) << row.operation << " " << row.member;
    EXPECT_FALSE(row.reason.empty());
  }
}

TEST(Served, PageIsOfThisTable) {
  const auto path = std::string(CLARY_SOURCE_DIR) + "/docs/fronts.md";
  if (std::getenv("CLARY_UPDATE_GOLDEN")) {
    ASSERT_TRUE(WriteFileAtomic(path, FrontsPage()));
  }
  EXPECT_EQ(ReadFile(path, 1 << 20).value_or(""), FrontsPage())
      << "run this test with CLARY_UPDATE_GOLDEN=1";
}

std::string ReasonOf(std::string_view service, std::string_view operation, const json& input,
                     bool texts = false) {
  const auto understood = Understand(service, operation, input, texts);
  return understood ? understood->dump() : understood.error().reason;
}

TEST(Served, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(ReasonOf("sts", "DecodeAuthorizationMessage", json::object()), "InvalidAction");
  EXPECT_EQ(ReasonOf("logs", "StartQuery", json::object()), "UnknownOperationException");
  EXPECT_EQ(ReasonOf("logs", "DeleteLogGroup", {{"logGroupName", "g"}, {"new", 1}}),
            "InvalidParameterException");
  EXPECT_EQ(ReasonOf("logs", "DeleteLogGroup", {{"logGroupName", 1}}), "SerializationException");
  EXPECT_EQ(ReasonOf("iam", "GetRole", json::object()), "ValidationError");
  const auto unserved = Understand("iam", "CreateRole",
                                   {{"RoleName", "r"},
                                    {"AssumeRolePolicyDocument", "{}"},
                                    {"PermissionsBoundary", "arn:aws:iam::aws:policy/ReadOnly"}},
                                   true);
  ASSERT_FALSE(unserved);
  EXPECT_TRUE(unserved.error().message.contains("'PermissionsBoundary' of CreateRole"))
      << unserved.error().message;
}

TEST(Served, MembersBelowOneThatIsListedInPart) {
  json query = {
      {"Id", "a"},
      {"MetricStat",
       {{"Metric", {{"Namespace", "n"}, {"MetricName", "m"}}}, {"Period", 60}, {"Stat", "Sum"}}}};
  const json input = {{"StartTime", 1}, {"EndTime", 2}, {"MetricDataQueries", {query}}};
  EXPECT_TRUE(Understand("monitoring", "GetMetricData", input, false));
  json other = input;
  other["MetricDataQueries"][0]["Expression"] = "SUM(METRICS())";
  const auto refused = Understand("monitoring", "GetMetricData", other, false);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().message.contains("MetricDataQueries.Expression"))
      << refused.error().message;
}

TEST(Served, ReadsTextsByTheirShapes) {
  const auto understood = Understand("monitoring", "GetMetricStatistics",
                                     {{"Namespace", "n"},
                                      {"MetricName", "m"},
                                      {"StartTime", "2026-11-30T00:00:00Z"},
                                      {"EndTime", "1796000000"},
                                      {"Period", "60"},
                                      {"Dimensions", ""},
                                      {"Statistics", {"Sum"}}},
                                     true);
  ASSERT_TRUE(understood) << understood.error().message;
  EXPECT_EQ((*understood)["Period"], 60);
  EXPECT_EQ((*understood)["EndTime"], 1796000000.0);
  EXPECT_EQ((*understood)["StartTime"], 1795996800.0);
  EXPECT_EQ((*understood)["Dimensions"], json::array());
  EXPECT_EQ(ReasonOf("monitoring", "GetMetricStatistics",
                     {{"Namespace", "n"},
                      {"MetricName", "m"},
                      {"StartTime", "1"},
                      {"EndTime", "2"},
                      {"Period", "sixty"}},
                     true),
            "ValidationError");
}

}  // namespace
}  // namespace clary::server
