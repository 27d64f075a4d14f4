// The profiler's files and rules.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "debugger/profiler_rules.h"

namespace clary::debugger {
namespace {
namespace fs = std::filesystem;
using nlohmann::json;

constexpr double kStart = 1795428180;  // 2026-11-23T10:03:00Z

TEST(ProfilerFiles, AreNamedByMinuteAndEnd) {
  EXPECT_EQ(SystemFileName(FromMillis(1795428185'500), "algo-1"),
            "system/incremental/2026112310/1795428180.algo-1.json");
  EXPECT_EQ(TraceFileName(1795428185'500'000, "algo-1", "pythontimeline"),
            "framework/pevents/2026112310/1795428185500000_0-algo-1_pythontimeline.json");
}

TEST(ProfilerFiles, SamplesComeBackAndACutLineWaits) {
  const SystemSample sample{.time = kStart + 0.25,
                            .type = "cpu",
                            .name = "cpu0",
                            .dimension = "CPUUtilization",
                            .node = "algo-1",
                            .value = 98.5};
  const std::string line = SystemSampleLine(sample);
  EXPECT_EQ(line, R"({"Type":"cpu","Name":"cpu0","Dimension":"CPUUtilization","Value":98.50,)"
                  R"("NodeId":"algo-1","Timestamp":1795428180.250000})"
                  "\n");
  const auto back = ParseSystemFile(line + line.substr(0, 20));
  ASSERT_TRUE(back);
  ASSERT_EQ(back->size(), 1U);
  EXPECT_EQ((*back)[0].name, "cpu0");
  EXPECT_EQ((*back)[0].value, 98.5);
  EXPECT_EQ((*back)[0].time, sample.time);
  for (const char* bad :
       {"nonsense\n", "[]\n", "{\"Value\":1}\n", "{\"Value\":\"1\",\"Timestamp\":1}\n"}) {
    EXPECT_EQ(ParseSystemFile(bad).error().reason, "BadProfile") << bad;
  }
}

TEST(ProfilerFiles, TracesComeBack) {
  const std::vector<TraceEvent> events = {
      {.name = "load", .process = "clary", .begin_us = 5'000'000, .duration_us = 10},
      {.name = "Step:ModeKeys.TRAIN",
       .process = "Step:ModeKeys.TRAIN",
       .begin_us = 4'000'000,
       .duration_us = 20,
       .step = 3,
       .worker = 7}};
  const std::string text = WriteTrace(events);
  EXPECT_TRUE(json::parse(text, nullptr, false).is_array()) << text;
  const auto back = ParseTrace(text, "0-algo-1");
  ASSERT_TRUE(back) << back.error().message;
  ASSERT_EQ(back->size(), 2U);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ((*back)[i].name, events[i].name);
    EXPECT_EQ((*back)[i].process, events[i].process);
    EXPECT_EQ((*back)[i].begin_us, events[i].begin_us);
    EXPECT_EQ((*back)[i].duration_us, events[i].duration_us);
    EXPECT_EQ((*back)[i].step, events[i].step);
    EXPECT_EQ((*back)[i].worker, events[i].worker);
    EXPECT_EQ((*back)[i].node, "0-algo-1");
  }
  EXPECT_EQ(ParseTrace(WriteTrace({}), "n")->size(), 0U);
  for (const char* bad : {"", "{}", "[1]", R"([{"ph":"X","name":"a","pid":1,"ts":1}])",
                          R"([{"ph":"X","name":"a","pid":1,"ts":1e300,"dur":1}])"}) {
    EXPECT_EQ(ParseTrace(bad, "n").error().reason, "BadProfile") << bad;
  }
}

// A profile on disk that a test fills.
class ProfileTest : public testing::Test {
 protected:
  void Write(const std::string& path, const std::string& text, bool append = false) {
    ASSERT_TRUE(MakeDirectories((root() / path).parent_path()));
    std::ofstream(root() / path, append ? std::ios::app : std::ios::trunc) << text;
  }
  fs::path root() const { return dir_.path(); }
  // One sample each half second from kStart on.
  void Samples(const char* type, const char* name, const char* dimension,
               const std::vector<double>& values) {
    std::string text;
    for (size_t i = 0; i < values.size(); ++i) {
      text += SystemSampleLine({.time = kStart + static_cast<double>(i) / 2,
                                .type = type,
                                .name = name,
                                .dimension = dimension,
                                .node = "algo-1",
                                .value = values[i]});
    }
    // A file of its own for each metric; hosts do not matter to a reader.
    Write("system/incremental/2026112310/1795428180." + std::to_string(++files_) + ".json", text);
  }
  void Steps(const std::vector<int64_t>& durations_us, double first_s = kStart) {
    std::vector<TraceEvent> events;
    auto at = static_cast<int64_t>(first_s * 1e6);
    for (size_t i = 0; i < durations_us.size(); ++i) {
      events.push_back({.name = "Step:ModeKeys.TRAIN",
                        .process = "Step:ModeKeys.TRAIN",
                        .begin_us = at,
                        .duration_us = durations_us[i],
                        .step = static_cast<int64_t>(i)});
      events.push_back({.name = "histogram",
                        .process = "engine",
                        .begin_us = at,
                        .duration_us = durations_us[i] * 3 / 4,
                        .step = static_cast<int64_t>(i)});
      at += durations_us[i];
    }
    Write(TraceFileName(at, "algo-1", "pythontimeline"), WriteTrace(events));
  }
  ProfilerRuleResult Run(const std::string& rule,
                         std::map<std::string, std::string> parameters = {}) {
    Profile profile(NewLocalTrialFiles(root()));
    const auto fresh = profile.Refresh();
    EXPECT_TRUE(fresh) << fresh.error().message;
    auto result = EvaluateProfilerRule(rule, parameters, profile);
    EXPECT_TRUE(result) << result.error().message;
    return result ? *result : ProfilerRuleResult{};
  }
  static std::vector<double> Repeat(double value, size_t n) {
    return std::vector<double>(n, value);
  }

  TempDir dir_ = *TempDir::Make();
  int files_ = 0;
};

TEST_F(ProfileTest, GrowsWithItsFiles) {
  Profile profile(NewLocalTrialFiles(root()));
  ASSERT_TRUE(profile.Refresh());
  EXPECT_TRUE(profile.system().empty());
  const auto line = [](double t) {
    return SystemSampleLine({.time = t, .type = "cpu", .name = "cpu0", .node = "algo-1"});
  };
  const std::string first = "system/incremental/2026112310/1795428180.algo-1.json";
  const std::string second = "system/incremental/2026112310/1795428240.algo-1.json";
  Write(first, line(kStart) + line(kStart + 1).substr(0, 9));
  ASSERT_TRUE(profile.Refresh());
  EXPECT_EQ(profile.system().size(), 1U);
  Write(first, line(kStart) + line(kStart + 1));
  Write(second, line(kStart + 60));
  ASSERT_TRUE(profile.Refresh());
  EXPECT_EQ(profile.system().size(), 3U);
  EXPECT_FALSE(profile.ended());
  Write(second, line(kStart + 61), true);
  Write("framework/training_job_end.ts", "");
  ASSERT_TRUE(profile.Refresh());
  EXPECT_EQ(profile.system().size(), 4U);
  EXPECT_TRUE(profile.ended());
  EXPECT_EQ(profile.system().back().time, kStart + 61);
}

TEST_F(ProfileTest, ACpuJobHasNoGpuFindings) {
  Samples("cpu", "cpu0", "CPUUtilization", Repeat(99, 3000));
  Steps({1000, 1000});
  for (const char* rule : {"BatchSize", "CPUBottleneck", "IOBottleneck", "GPUMemoryIncrease",
                           "LoadBalancing", "LowGPUUtilization", "Dataloader"}) {
    const auto result = Run(rule);
    EXPECT_EQ(result.triggered, 0) << rule;
    EXPECT_EQ(result.datapoints, 0) << rule;
    EXPECT_THAT(result.message, testing::HasSubstr("the job has no")) << rule;
  }
}

TEST_F(ProfileTest, BatchSizeWantsAllThreeLow) {
  Samples("cpu", "cpu0", "CPUUtilization", Repeat(20, 50));
  Samples("gpu", "gpu0", "GPUUtilization", Repeat(30, 50));
  Samples("gpu", "gpu0", "GPUMemoryUtilization", Repeat(30, 50));
  const std::map<std::string, std::string> small = {{"patience", "40"}, {"window", "20"}};
  EXPECT_EQ(Run("BatchSize").triggered, 0);  // patience
  EXPECT_EQ(Run("BatchSize", small).triggered, 1);
  auto low = small;
  low["gpu_threshold_p95"] = "25";
  EXPECT_EQ(Run("BatchSize", low).triggered, 0);
  EXPECT_EQ(Run("BatchSize", small)
                    .ToJson()
                    .find("\"RuleParameters\": \"cpu_threshold_p95:70\\n"
                          "gpu_threshold_p95:70\\n"
                          "gpu_memory_threshold_p95:70\\npatience:40\\n"
                          "window:20\"") != std::string::npos,
            true);
}

TEST_F(ProfileTest, BottlenecksAreIdleGpusBesideBusyOthers) {
  std::vector<double> gpu = Repeat(5, 30);
  gpu.resize(40, 95);
  Samples("gpu", "gpu0", "GPUUtilization", gpu);
  Samples("cpu", "cpu0", "CPUUtilization", Repeat(97, 40));
  Samples("cpu", "cpu0", "I/OWaitPercentage", Repeat(20, 40));
  const auto busy = Run("CPUBottleneck", {{"patience", "10"}});
  EXPECT_EQ(busy.triggered, 1);
  EXPECT_EQ(busy.violations, 30);
  EXPECT_EQ(busy.datapoints, 40);
  EXPECT_EQ(json::parse(busy.details)["low_gpu_utilization"], 30);
  EXPECT_EQ(Run("CPUBottleneck", {{"patience", "10"}, {"threshold", "80"}}).triggered, 0);
  EXPECT_EQ(Run("IOBottleneck", {{"patience", "10"}}).triggered, 0);
  EXPECT_EQ(Run("IOBottleneck", {{"patience", "10"}, {"io_threshold", "10"}}).triggered, 1);
}

TEST_F(ProfileTest, GpuMemoryIncreaseFollowsTheMovingAverage) {
  std::vector<double> flat = Repeat(20, 30);
  std::vector<double> jump = flat;
  jump.resize(60, 90);
  Samples("gpu", "gpu0", "GPUMemoryUtilization", flat);
  Samples("gpu", "gpu1", "GPUMemoryUtilization", jump);
  const auto result = Run("GPUMemoryIncrease", {{"patience", "10"}});
  EXPECT_EQ(result.violations, 10);  // while the window takes the jump in: 7 points each
  const json details = json::parse(result.details);
  EXPECT_NEAR(details["algo-1"]["gpu1"]["increase"].get<double>(), 7, 1e-9);
  EXPECT_FALSE(details["algo-1"].contains("gpu0"));
  EXPECT_EQ(Run("GPUMemoryIncrease", {{"patience", "10"}, {"increase", "8"}}).triggered, 0);
}

TEST_F(ProfileTest, LoadBalancingComparesHistograms) {
  Samples("gpu", "gpu0", "GPUUtilization", Repeat(90, 20));
  Samples("gpu", "gpu1", "GPUUtilization", Repeat(90, 20));
  EXPECT_EQ(Run("LoadBalancing", {{"patience", "10"}}).triggered, 0);
  Samples("gpu", "gpu2", "GPUUtilization", Repeat(10, 20));
  const auto result = Run("LoadBalancing", {{"patience", "10"}});
  EXPECT_EQ(result.violations, 2);
  const json details = json::parse(result.details);
  EXPECT_EQ(details["algo-1"]["workloads"]["gpu0"].size(), 49U);
  // Disjoint histograms are sqrt(ln 2) apart.
  EXPECT_NEAR(details["algo-1"]["distances"]["gpu0"]["gpu2"].get<double>(), 0.83255, 1e-5);
}

TEST_F(ProfileTest, LowGpuUtilizationIsLowOrHasGaps) {
  Samples("gpu", "gpu0", "GPUUtilization", Repeat(95, 40));
  EXPECT_EQ(Run("LowGPUUtilization", {{"patience", "10"}}).triggered, 0);
  Samples("gpu", "gpu1", "GPUUtilization", Repeat(30, 40));
  std::vector<double> gaps = Repeat(95, 40);
  for (size_t i = 0; i < 40; i += 4) gaps[i] = 0;
  Samples("gpu", "gpu2", "GPUUtilization", gaps);
  const auto result = Run("LowGPUUtilization", {{"patience", "10"}});
  EXPECT_EQ(result.violations, 2);
  const json details = json::parse(result.details);
  EXPECT_EQ(details["algo-1"]["gpu1"]["gpu_95"], 30);
  EXPECT_EQ(details["algo-1"]["gpu2"]["gpu_5"], 0);
}

TEST_F(ProfileTest, DataloaderCountsWorkers) {
  Samples("cpu", "cpu0", "CPUUtilization", Repeat(50, 4));
  Samples("cpu", "cpu1", "CPUUtilization", Repeat(50, 4));
  std::vector<TraceEvent> events;
  for (int64_t second = 0; second < 20; ++second) {
    for (int64_t worker = 0; worker < 8; ++worker) {
      events.push_back({.name = "load",
                        .process = "DataLoaderWorker",
                        .begin_us = (static_cast<int64_t>(kStart) + second) * 1'000'000,
                        .duration_us = 1000,
                        .worker = worker});
    }
  }
  Write(TraceFileName(static_cast<int64_t>(kStart * 1e6), "algo-1", "pythontimeline"),
        WriteTrace(events));
  const auto result = Run("Dataloader");
  EXPECT_EQ(result.triggered, 1);
  EXPECT_EQ(json::parse(result.details)["dataloaders"], 8);
  EXPECT_EQ(Run("Dataloader", {{"max_threshold", "500"}}).triggered, 0);
}

TEST_F(ProfileTest, MaxInitializationTimeWaitsForTheFirstStep) {
  Samples("cpu", "cpu0", "CPUUtilization", Repeat(50, 300));  // two and a half minutes
  EXPECT_EQ(Run("MaxInitializationTime").triggered, 0);
  EXPECT_EQ(Run("MaxInitializationTime", {{"threshold", "2"}}).triggered, 1);
  Steps({1000, 1000, 1000}, kStart + 30);
  const auto result = Run("MaxInitializationTime", {{"threshold", "2"}});
  EXPECT_EQ(result.triggered, 0);
  EXPECT_EQ(result.datapoints, 3);
  const json details = json::parse(result.details);
  EXPECT_EQ(details["step_num"]["first"].get<int64_t>(), int64_t{1795428210} * 1'000'000);
  EXPECT_EQ(details["job_start"], kStart);
}

TEST_F(ProfileTest, StepOutliersAreFarAboveTheMean) {
  std::vector<int64_t> durations(200, 1000);
  for (size_t i = 0; i < 12; ++i) durations[i * 16] = 50'000;
  Steps(durations);
  const auto result = Run("StepOutlier");
  EXPECT_EQ(result.triggered, 1);
  EXPECT_EQ(result.violations, 12);
  const json details = json::parse(result.details)["step_details"]["0-algo-1"];
  EXPECT_EQ(details["step_stats"]["max"], 50);
  EXPECT_EQ(details["number_of_outliers"], 12);
  EXPECT_EQ(details["probs"].size(), 100U);
  EXPECT_EQ(details["binedges"].size(), 101U);
  EXPECT_EQ(details["step_numbers"][1], "16");
  EXPECT_EQ(Run("StepOutlier", {{"n_outliers", "12"}}).triggered, 0);
  EXPECT_EQ(Run("StepOutlier", {{"mode", "EVAL"}}).datapoints, 0);
}

TEST_F(ProfileTest, StatisticsOfTheSystemAndOfTheSteps) {
  Samples("cpu", "cpu0", "CPUUtilization", {0, 50, 100});
  Samples("cpu", "cpu1", "CPUUtilization", {100, 50, 100});
  Samples("memory", "MemoryUsedPercent", "", {10, 20, 30});
  Samples("network", "ReceiveBytesPerSecond", "Algorithm", {1, 2, 3});
  Samples("network", "TransmitBytesPerSecond", "Algorithm", {10, 20, 30});
  const auto usage = Run("OverallSystemUsage");
  EXPECT_EQ(usage.datapoints, 3);
  const json system = json::parse(usage.details);
  EXPECT_EQ(system["CPU"]["algo-1"]["max"], 100);
  EXPECT_EQ(system["CPU"]["algo-1"]["p50"], 50);
  EXPECT_EQ(system["CPU memory"]["algo-1"]["min"], 10);
  EXPECT_EQ(system["Network"]["algo-1"]["max"], 33);
  EXPECT_EQ(system["GPU"], json::object());
  Steps({1'000'000, 3'000'000});
  const json framework = json::parse(Run("OverallFrameworkMetrics").details);
  EXPECT_EQ(framework["phase"]["histogram"], 75);
  EXPECT_EQ(framework["phase"]["others"], 25);
  EXPECT_EQ(framework["phase_time"]["histogram"], 3);
}

TEST_F(ProfileTest, ProfilerReportsParametersReachTheRules) {
  Samples("cpu", "cpu0", "CPUUtilization", Repeat(50, 300));
  Profile profile(NewLocalTrialFiles(root()));
  ASSERT_TRUE(profile.Refresh());
  const auto all = EvaluateProfilerRules({{"MaxInitializationTime_threshold", "1"},
                                          {"stepoutlier_stddev", "5"},
                                          {"opt_out_telemetry", "True"}},
                                         profile);
  ASSERT_TRUE(all) << all.error().message;
  ASSERT_EQ(all->size(), 11U);
  for (const ProfilerRuleResult& r : *all) {
    EXPECT_TRUE(json::parse(r.ToJson(), nullptr, false).is_object()) << r.ToJson();
    EXPECT_EQ(r.triggered, r.rule == "MaxInitializationTime" ? 1 : 0) << r.rule;
    if (r.rule == "StepOutlier") {
      EXPECT_EQ(r.parameters[0].second, "5");
      EXPECT_EQ(r.parameters[3].second, "5");
    }
  }
  EXPECT_EQ(EvaluateProfilerRule("NoSuch", {}, profile).error().reason, "NoRule");
  EXPECT_EQ(EvaluateProfilerRule("LoadBalancing", {{"threshold", "x"}}, profile).error().reason,
            "BadRuleParameter");
}

}  // namespace
}  // namespace clary::debugger
