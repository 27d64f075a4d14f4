// Whole batch transforms with real processes; model_server_test.cc makes this program a container.
#include "serving/transform_job.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/job_spec.h"
#include "base/file.h"
#include "clary/gbdt.h"
#include "meta/log_store.h"
#include "objects/file_store.h"
#include "runner/artifacts.h"

namespace clary::serving {
namespace {

namespace fs = std::filesystem;
using api::JobEvent;
using testing::HasSubstr;

TEST(OutputKey, KeepsWhatStandsBehindThePrefix) {
  EXPECT_EQ(OutputKey("o", "in/", "in/a/x.csv"), "o/a/x.csv.out");
  EXPECT_EQ(OutputKey("o/", "in/x.csv", "in/x.csv"), "o/x.csv.out");
  EXPECT_EQ(OutputKey("", "in/pre", "in/prefix.csv"), "prefix.csv.out");
  EXPECT_EQ(OutputKey("o", "", "x"), "o/x.out");
}

class TransformJobTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(MakeDirectories(directory()));
    store_ = *objects::FileStore::Open(home() / "objects");
    ASSERT_TRUE(store_->CreateBucket("bkt", "us-east-1"));
    const auto params = gbdt::TrainParams::FromMap({{"objective", "reg:squarederror"}});
    const auto data =
        gbdt::Dataset::FromDense({1, 2, 3, 4, 5, 6, 7, 8}, 4, 2, {.label = {1, 1, 2, 2}});
    ASSERT_TRUE(MakeDirectories(home() / "m"));
    ASSERT_TRUE(
        WriteFileAtomic(home() / "m/xgboost-model", gbdt::Train(*params, *data)->ToUbjson()));
    ASSERT_TRUE(runner::Pack(home(), {{.directory = "m"}}, home() / "m.tgz"));
    ASSERT_TRUE(runner::UploadFile(home() / "m.tgz", {"bkt", "model.tar.gz"}, *store_));
    spec_ = {.job_name = "t",
             .containers = {{.program = "xgboost", .model_uri = "s3://bkt/model.tar.gz"}},
             .input_uri = "s3://bkt/in/",
             .content_type = "text/csv",
             .split_type = "Line",
             .output_uri = "s3://bkt/out",
             .store = (home() / "objects").string(),
             .log_root = (home() / "logs").string(),
             .log_group = "/aws/sagemaker/TransformJobs",
             .log_stream = "t/i-0-1"};
  }
  fs::path home() const { return temp_.path(); }
  fs::path directory() const { return temp_.path() / "t"; }
  void Put(const std::string& key, const std::string& text) {
    ASSERT_TRUE(store_->Put({"bkt", key}, *NewStringSource(text)));
  }
  std::string Object(const std::string& key) {
    auto got = store_->Get({"bkt", key});
    return got ? *ReadAll(*got->body, 1 << 24) : "!" + got.error().reason;
  }
  // The detail of the last event.
  std::string Run() {
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::_exit(RunTransform(spec_, directory(), *store_, {.program = {"clary"}, .sandbox = false})
                  .value_or(99));
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    uint64_t offset = 0;
    const auto events = api::ReadEvents(directory() / "events.jsonl", &offset);
    if (!events || events->empty()) return "no events";
    EXPECT_EQ(events->back().kind, JobEvent::Kind::kEnd);
    EXPECT_EQ(events->back().exit_code, WEXITSTATUS(status));
    return events->back().detail;
  }
  std::string DataLog() {
    std::string text;
    const auto page =
        meta::LogStore(home() / "logs").Read(spec_.log_group, spec_.log_stream + "/data-log", {});
    if (!page) return page.error().message;
    for (const auto& event : page->events) text += event.message + "\n";
    return text;
  }

  TempDir temp_ = *TempDir::Make();
  std::unique_ptr<objects::FileStore> store_;
  api::TransformSpec spec_;
};

TEST_F(TransformJobTest, MakesAnObjectOfAnswersForEach) {
  Put("in/a.csv", "1,2\n7,8\n");
  Put("in/sub/b.csv", "7,8");
  Put("in/empty/", "");
  spec_.join_source = "Input";
  EXPECT_EQ(Run(), "");
  const std::string b = Object("out/sub/b.csv.out");
  ASSERT_TRUE(b.starts_with("7,8,")) << b;
  EXPECT_THAT(Object("out/a.csv.out"), testing::EndsWith(b));
  EXPECT_TRUE(Object("out/a.csv.out").starts_with("1,2,"));
  EXPECT_THAT(DataLog(), HasSubstr("BatchStrategy=MULTI_RECORD"));
}

TEST_F(TransformJobTest, OneBadObjectFailsAloneButFailsTheJob) {
  Put("in/a.csv", "1,2\n");
  Put("in/b.csv", "1,x\n");
  EXPECT_THAT(Run(), testing::StartsWith("ClientError: See job logs for more information"));
  EXPECT_EQ(Object("out/b.csv.out"), "!NoSuchKey");
  EXPECT_FALSE(Object("out/a.csv.out").starts_with("!"));
  EXPECT_THAT(DataLog(), HasSubstr("bkt/in/b.csv: ClientError: 415"));
  EXPECT_THAT(DataLog(), HasSubstr("could not convert string to float: 'x'"));
}

TEST_F(TransformJobTest, SaysWhatIsMissing) {
  EXPECT_THAT(Run(), testing::StartsWith("ClientError: "));
  Put("in/a.csv", "1,2\n");
  spec_.output_uri = "s3://missing/out";
  EXPECT_THAT(Run(), testing::StartsWith("ClientError: S3OutputPath: "));
  spec_.output_uri = "s3://bkt/out";
  spec_.containers[0].model_uri = "s3://bkt/nothing.tar.gz";
  EXPECT_THAT(Run(), testing::StartsWith("ClientError: Failed to download model data"));
  Put("broken.tar.gz", "x");
  spec_.containers[0].model_uri = "s3://bkt/broken.tar.gz";
  EXPECT_THAT(Run(), HasSubstr("it is no .tar.gz"));
}

}  // namespace
}  // namespace clary::serving
