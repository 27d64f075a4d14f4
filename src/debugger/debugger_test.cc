#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/file.h"
#include "base/testing/golden.h"
#include "base/testing/manual_clock.h"
#include "debugger/event_record.h"
#include "debugger/hook_config.h"
#include "debugger/tensor_writer.h"
#include "debugger/trial.h"

namespace clary::debugger {
namespace {
namespace fs = std::filesystem;

std::string Encode(const Tensor& t) {
  std::string out;
  AppendEventRecord(
      {.step = 7, .mode_step = 7, .wall_time = FromMillis(1'795'000'000'123), .tensor = t}, out);
  return out;
}

TEST(EventRecord, EveryElementTypeComesBack) {
  for (const Tensor& t :
       {Vector<float>("f", {1.5F, -std::numeric_limits<float>::infinity()}),
        Vector<double>("train-rmse", {0.5}), Vector<int64_t>("trees/ID", {-1, 1LL << 40}),
        Vector<std::string>("hyperparameters/objective", {"binary:logistic", ""}),
        Tensor{"m", {2, 3}, std::vector<float>(6, 2.0F)}}) {
    const auto back = ParseEventRecord(Encode(t));
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->tensor.name, t.name);
    EXPECT_EQ(back->tensor.shape, t.shape);
    EXPECT_EQ(back->tensor.values, t.values);
    EXPECT_EQ(back->step, 7);
    EXPECT_EQ(back->mode, Mode::kGlobal);
    EXPECT_EQ(back->wall_time, FromMillis(1'795'000'000'123));
  }
}

TEST(EventRecord, EveryTruncationAndEveryFlippedBitIsHandled) {
  const std::string good = Encode(Vector<double>("train-rmse", {0.5, 1.0}));
  for (size_t n = 0; n < good.size(); ++n) {
    EXPECT_FALSE(ParseEventRecord(std::string_view(good).substr(0, n)));
  }
  size_t refused = 0;
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    refused += !ParseEventRecord(bad);
  }
  EXPECT_GT(refused, 16U * 8);  // header and footer at least; flipped values stay valid
}

TEST(HookConfig, ReadsWhatTheSdkSends) {
  const auto config = HookConfig::FromJson(R"({
    "LocalPath": "/opt/ml/output/tensors",
    "CollectionConfigurations": [
      {"CollectionName": "predictions", "CollectionParameters": {"save_interval": "5"}},
      {"CollectionName": "hyperparameters", "CollectionParameters": {"save_steps": "0"}},
      {"CollectionName": "metrics", "CollectionParameters": {"save_interval": "5", "end_step": "11"}}]})");
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_EQ(config->collections.size(), 3U);
  EXPECT_EQ(config->collections[0].name, "hyperparameters");  // a hook's order, not the request's
  const SaveConfig& metrics = config->Find("metrics")->save;
  EXPECT_TRUE(metrics.Saves(10));
  EXPECT_FALSE(metrics.Saves(15));
  EXPECT_FALSE(metrics.Saves(3));
  EXPECT_TRUE(config->Find("hyperparameters")->save.Saves(0));
}

TEST(HookConfig, DefaultsToMetricsEveryTenSteps) {
  const auto config = HookConfig::FromJson(R"({"HookParameters": {}})");
  ASSERT_TRUE(config);
  ASSERT_EQ(config->collections.size(), 1U);
  EXPECT_EQ(config->collections[0].name, "metrics");
  EXPECT_TRUE(config->collections[0].save.Saves(20));
  EXPECT_FALSE(config->collections[0].save.Saves(25));
}

TEST(HookConfig, ABadValueIsNamed) {
  const auto config = HookConfig::FromJson(
      R"({"CollectionConfigurations":[{"CollectionName":"trees","CollectionParameters":{"save_interval":"x"}}]})");
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().message.find("collection trees: save_interval is 'x'"),
            std::string::npos)
      << config.error().message;
}

TEST(HookConfig, AnExpressionThatIsNoneIsNamed) {
  for (
      const char* text :
      {R"({"CollectionConfigurations":[{"CollectionName":"mine","CollectionParameters":{"include_regex":"a,b("}}]})",
       R"({"HookParameters":{"include_regex":"b("}})"}) {
    const auto config = HookConfig::FromJson(text);
    ASSERT_FALSE(config);
    EXPECT_NE(config.error().message.find("include_regex: 'b(' is no regular expression"),
              std::string::npos)
        << config.error().message;
  }
  // smdebug's own, with a look-behind that RE2 has not.
  EXPECT_TRUE(HookConfig::FromJson(
      R"({"HookParameters":{"include_regex":"^[a-zA-z]+-.+(?<!(auc|map))$"}})"));
}

TEST(Reduce, MatchesItsDefinitions) {
  const std::vector<double> v = {1, -2, 4};
  EXPECT_EQ(Reduce("min", v), -2);
  EXPECT_EQ(Reduce("abs_min", v), 1);
  EXPECT_EQ(Reduce("mean", v), 1);
  EXPECT_EQ(Reduce("prod", v), -8);
  EXPECT_EQ(Reduce("l1", v), 7);
  EXPECT_DOUBLE_EQ(Reduce("l2", v), std::sqrt(21.0));
  EXPECT_DOUBLE_EQ(Reduce("variance", v), 6.0);
  EXPECT_DOUBLE_EQ(Reduce("std", v), std::sqrt(6.0));
}

TEST(TensorWriter, ATrialFollowsWhatIsWritten) {
  auto dir = TempDir::Make();
  ManualClock clock;
  auto config = HookConfig::FromJson(
      R"({"CollectionConfigurations":[{"CollectionName":"metrics","CollectionParameters":{"save_interval":"2"}},
          {"CollectionName":"losses","CollectionParameters":{"save_interval":"2","reductions":"mean"}}]})");
  auto writer = TensorWriter::Open(dir->path(), *config, clock);
  ASSERT_TRUE(writer);
  Trial trial(NewLocalTrialFiles(dir->path()));
  ASSERT_TRUE(trial.Refresh());
  EXPECT_TRUE(trial.Steps().empty());
  EXPECT_EQ(trial.Collections(), (std::vector<std::string>{"losses", "metrics"}));

  for (int64_t step = 0; step <= 3; ++step) {
    for (const char* collection : {"metrics", "losses"}) {
      if ((*writer)->Saves(collection, step, step == 3)) {
        (*writer)->Add(collection, Scalar("validation-ndcg@5", static_cast<double>(step) / 2));
      }
    }
    ASSERT_TRUE((*writer)->FinishStep(step));
  }
  ASSERT_TRUE(trial.Refresh());
  EXPECT_EQ(trial.Steps(), (std::vector<int64_t>{0, 2, 3}));  // the last round is always saved
  EXPECT_FALSE(trial.ended());
  // "@" is outside the collection's expression; the stored names keep the metric.
  EXPECT_EQ(trial.TensorNames("metrics"), (std::vector<std::string>{"validation-ndcg@5"}));
  EXPECT_EQ(trial.Value("validation-ndcg@5", 3)->AsDoubles(), (std::vector<double>{1.5}));
  EXPECT_EQ(trial.Value("smdebug/reductions/mean/validation-ndcg@5", 2)->AsDoubles(),
            (std::vector<double>{1.0}));
  EXPECT_EQ(trial.Value("validation-ndcg@5", 1).error().reason, "NoTensor");
  ASSERT_TRUE((*writer)->Close());
  ASSERT_TRUE(trial.Refresh());
  EXPECT_TRUE(trial.ended());
}

// What the real XGBoost hook and an independent writer left (both read by the real smdebug).
class Golden : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    root_ = GoldenPath("smdebug") / GetParam();
    if (!fs::exists(root_)) GTEST_SKIP() << root_ << " is missing (set CLARY_SHARED)";
  }
  fs::path root_;
};

TEST_P(Golden, EveryTensorOfEveryStepIsRead) {
  Trial trial(NewLocalTrialFiles(root_));
  ASSERT_TRUE(trial.Refresh());
  EXPECT_TRUE(trial.ended());
  EXPECT_EQ(trial.Steps(), (std::vector<int64_t>{0, 5}));
  size_t values = 0;
  for (const std::string& name : trial.TensorNames()) {
    for (const int64_t step : trial.Steps(name)) {
      const auto t = trial.Value(name, step);
      ASSERT_TRUE(t) << name << ": " << t.error().message;
      ++values;
    }
  }
  EXPECT_GT(values, 3U);
}

TEST_P(Golden, OurRecordsAreTheirsByteForByte) {
  Trial trial(NewLocalTrialFiles(root_));
  ASSERT_TRUE(trial.Refresh());
  const auto file = ReadFile(root_ / "events/000000000005/000000000005_worker_0.tfevents", 1 << 26);
  ASSERT_TRUE(file);
  size_t same = 0;
  size_t records = 0;
  for (size_t at = 0; at + 16 <= file->size();) {
    uint64_t length = 0;
    std::memcpy(&length, file->data() + at, 8);
    const std::string_view record = std::string_view(*file).substr(at, length + 16);
    const auto event = ParseEventRecord(record);
    ASSERT_TRUE(event) << event.error().message;
    std::string ours;
    AppendEventRecord(*event, ours);
    // The wall time is kept to the millisecond; it is the first field: tag byte, then 8 bytes.
    ours.replace(13, 8, record.substr(13, 8));
    same += ours == record;
    ++records;
    at += length + 16;
  }
  EXPECT_EQ(same, records);
}

INSTANTIATE_TEST_SUITE_P(Smdebug, Golden, testing::Values("hook_all", "indep_train"));

}  // namespace
}  // namespace clary::debugger
