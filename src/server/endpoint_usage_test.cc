#include "server/endpoint_usage.h"

#include <gtest/gtest.h>

#include "api/server_spec.h"
#include "base/file.h"
#include "base/testing/manual_clock.h"

namespace clary::server {
namespace {

class EndpointUsageTest : public testing::Test {
 protected:
  EndpointUsageTest() {
    auto route = std::make_shared<control::EndpointRoute>();
    route->name = "e";
    route->variants.push_back({.name = "v"});
    for (const char* id : {"i-1", "i-2"}) {
      EXPECT_TRUE(MakeDirectories(temp_.path() / id));
      route->variants[0].instances.push_back({.id = id, .directory = temp_.path() / id});
    }
    routes_["e"] = std::move(route);
  }
  void Write(const char* id, const std::string& text) {
    ASSERT_TRUE(WriteFileAtomic(temp_.path() / id / "usage.json", text));
  }
  void Use(const char* id, const api::InstanceUsage& usage) { Write(id, usage.ToJson()); }
  std::vector<double> Values(const char* space, const char* name) {
    std::vector<double> out;
    const auto samples = store_->Read(
        {.space = space, .name = name, .dimensions = {{"EndpointName", "e"}, {"VariantName", "v"}}},
        FromMillis(0), clock_.Now() + std::chrono::hours(1));
    EXPECT_TRUE(samples);
    for (const MetricSample& s : *samples) out.push_back(s.sum);
    return out;
  }
  void Look() { usage_.Look(routes_, *store_, metrics_); }

  TempDir temp_ = *TempDir::Make();
  ManualClock clock_;
  control::EndpointRoutes routes_;
  std::unique_ptr<MetricStore> store_ = *MetricStore::Open(":memory:");
  InvocationMetrics metrics_{clock_};
  EndpointUsage usage_;
};

constexpr char kSpace[] = "/aws/sagemaker/Endpoints";

TEST_F(EndpointUsageTest, EachInstanceCountsOnceAMinute) {
  const int64_t now = ToMillis(clock_.Now());
  Use("i-1", {.time_ms = now, .cpu_percent = 50, .memory_percent = 2, .disk_percent = 30});
  Use("i-2", {.time_ms = now + 1, .cpu_percent = 150, .memory_percent = 4, .disk_percent = 30});
  Look();
  Look();
  EXPECT_EQ(Values(kSpace, "CPUUtilization"), (std::vector<double>{50, 150}));
  EXPECT_EQ(Values(kSpace, "MemoryUtilization"), (std::vector<double>{2, 4}));
  EXPECT_TRUE(Values(kSpace, "LoadedModelCount").empty());
  Use("i-1", {.time_ms = now + 60'000, .cpu_percent = 70});
  Look();
  EXPECT_EQ(Values(kSpace, "CPUUtilization"), (std::vector<double>{50, 150, 70}));
}

TEST_F(EndpointUsageTest, ManyModelsAreCounted) {
  Use("i-1", {.time_ms = ToMillis(clock_.Now()),
              .multi_model = true,
              .loaded_models = 3,
              .unloads_us = {100, 200}});
  Look();
  EXPECT_EQ(Values(kSpace, "LoadedModelCount"), (std::vector<double>{3}));
  metrics_.Flush(*store_, true);
  EXPECT_EQ(Values("AWS/SageMaker", "ModelUnloadingTime"), (std::vector<double>{300}));
}

TEST_F(EndpointUsageTest, WhatIsNoFileOfUsageSaysNothing) {
  for (const char* text : {"", "{}", "[]", R"({"version":2,"time_ms":1})",
                           R"({"version":1,"time_ms":1,"unloads_us":["x"]})"}) {
    Write("i-1", text);
    Look();
  }
  EXPECT_TRUE(Values(kSpace, "CPUUtilization").empty());
}

}  // namespace
}  // namespace clary::server
