#include "xgboost/timeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "base/file.h"
#include "base/hash.h"
#include "base/testing/manual_clock.h"

namespace clary::xgboost {
namespace {
namespace fs = std::filesystem;

class TimelineTest : public testing::Test {
 protected:
  fs::path base() const { return temp_.path(); }
  void Config(const char* name, const char* text) {
    ASSERT_TRUE(MakeDirectories(base() / "input/config"));
    std::ofstream(base() / "input/config" / name) << text;
  }
  std::vector<fs::path> Files(const char* below) const {
    std::vector<fs::path> out;
    if (!fs::exists(base() / below)) return out;
    for (const auto& e : fs::recursive_directory_iterator(base() / below)) {
      if (e.is_regular_file()) out.push_back(e.path());
    }
    return out;
  }
  TempDir temp_ = *TempDir::Make();
  ManualClock clock_;
};

TEST_F(TimelineTest, IsOnlyThereWhenAskedFor) {
  EXPECT_EQ(Timeline::Open(base(), clock_), nullptr);
  Config("profilerconfig.json", R"({"DisableProfiler": true})");
  EXPECT_EQ(Timeline::Open(base(), clock_), nullptr);
  Config("profilerconfig.json", R"({"S3OutputPath": "s3://b/p"})");
  EXPECT_NE(Timeline::Open(base(), clock_), nullptr);
  EXPECT_EQ(TensorBoardLog::Open(base(), clock_), nullptr);
}

TEST_F(TimelineTest, TellsEveryPhaseOfEveryRound) {
  Config("profilerconfig.json", "{}");
  auto timeline = Timeline::Open(base(), clock_);
  ASSERT_NE(timeline, nullptr);
  timeline->Add("load", timeline->Now());
  const gbdt::PhaseTime first[] = {{"binning", 0.001}, {"histogram", 0.002}};
  const gbdt::PhaseTime next[] = {{"histogram", 0.004}, {"tensors", 0.001}};
  timeline->Round(5, first);
  for (int64_t step = 6; step < 10; ++step) timeline->Round(step, next);
  ASSERT_TRUE(timeline->Flush(false));
  EXPECT_TRUE(Files("output/profiler").empty());  // half a minute has not passed
  ASSERT_TRUE(timeline->Flush(true));
  const auto files = Files("output/profiler");
  ASSERT_EQ(files.size(), 1U);
  EXPECT_THAT(files[0].filename().string(), testing::EndsWith("_0-algo-1_pythontimeline.json"));
  const auto events = debugger::ParseTrace(*ReadFile(files[0], 1 << 20), "n");
  ASSERT_TRUE(events) << events.error().message;
  std::map<std::string, int64_t> us;
  std::vector<int64_t> steps;
  for (const auto& e : *events) {
    us[e.name] += e.duration_us;
    if (e.is_step()) steps.push_back(e.step);
  }
  EXPECT_THAT(steps, testing::ElementsAre(5, 6, 7, 8, 9));
  EXPECT_EQ(us["binning"], 1000);
  EXPECT_NEAR(static_cast<double>(us["histogram"]), 18'000, 10);
  EXPECT_NEAR(static_cast<double>(us["tensors"]), 4000, 10);
  EXPECT_TRUE(us.contains("load"));
}

TEST_F(TimelineTest, ManyRoundsStaySmall) {
  Config("profilerconfig.json", "{}");
  auto timeline = Timeline::Open(base(), clock_);
  for (int64_t step = 0; step < 200'000; ++step) timeline->Round(step, {});
  ASSERT_TRUE(timeline->Flush(true));
  EXPECT_LT(fs::file_size(Files("output/profiler").at(0)), 5'000'000U);
}

TEST_F(TimelineTest, TensorBoardRunsAreFramedAndChecked) {
  Config("tensorboardoutputconfig.json", R"({"LocalPath": "/opt/ml/output/tb"})");
  auto log = TensorBoardLog::Open(base(), clock_);
  ASSERT_NE(log, nullptr);
  const gbdt::MetricValue values[] = {{"train", "auc", 0.5}, {"validation", "auc", 0.25}};
  for (int64_t step = 0; step < 3; ++step) ASSERT_TRUE(log->Round(step, values, step == 2));
  const auto files = Files("output/tb");
  ASSERT_EQ(files.size(), 2U);
  for (const fs::path& file : files) {
    EXPECT_THAT(file.filename().string(), testing::StartsWith("events.out.tfevents.1795000000."));
    EXPECT_THAT(file.parent_path().filename().string(), testing::AnyOf("train", "validation"));
    std::string_view rest;
    const std::string bytes = *ReadFile(file, 1 << 20);
    rest = bytes;
    size_t records = 0;
    const auto checked = [](std::string_view data, std::string_view stored) {
      const uint32_t crc = Crc32c(data);
      const uint32_t masked = ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
      return std::memcmp(&masked, stored.data(), 4) == 0;
    };
    while (!rest.empty()) {
      ASSERT_GE(rest.size(), 16U);
      uint64_t length = 0;
      std::memcpy(&length, rest.data(), 8);
      ASSERT_GE(rest.size(), length + 16);
      EXPECT_TRUE(checked(rest.substr(0, 8), rest.substr(8, 4)));
      EXPECT_TRUE(checked(rest.substr(12, length), rest.substr(12 + length, 4)));
      rest.remove_prefix(length + 16);
      ++records;
    }
    EXPECT_EQ(records, 4U);  // the version, and a value a round
  }
}

}  // namespace
}  // namespace clary::xgboost
