#include "api/job_spec.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/file.h"

namespace clary::api {
namespace {

TEST(JobSpec, SurvivesARoundTrip) {
  JobSpec spec;
  spec.job_name = "j";
  spec.program = "xgboost";
  spec.hyperparameters = {{"eta", "0.2"}, {"odd", "\"q\" \xff"}};
  spec.environment = {{"A", "b"}};
  spec.channels = {{.name = "train", .s3_uri = "s3://b/p", .compression = "Gzip"}};
  spec.hosts = {"algo-1", "algo-2"};
  spec.log_streams = {"j/algo-1-1", "j/algo-2-1"};
  spec.groups = {{.name = "g", .instance_type = "ml.m5.large", .cpus = 2, .hosts = spec.hosts}};
  spec.channels[0].groups = {"g"};
  spec.network_isolation = true;
  spec.memory_bytes = 1ULL << 40;
  spec.cpus = 3;
  spec.report_tensors = true;
  spec.notices = {"VpcConfig: none here"};
  spec.python = {.environment = "sklearn:1.2-1", .folders = {"/opt/venv"}};
  spec.credentials = {.access_key_id = "A", .secret_access_key = "B", .session_token = "C"};
  spec.inputs = {{.name = "in", .local_path = "/opt/ml/processing/in"}};
  spec.outputs = {{.name = "out", .upload_mode = "Continuous"}};
  spec.entrypoint = {"python3", "a b.py"};
  const auto back = JobSpec::FromJson(spec.ToJson());
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->channels.at(0).compression, "Gzip");
  EXPECT_EQ(back->memory_bytes, spec.memory_bytes);
  EXPECT_TRUE(back->report_tensors);
  EXPECT_EQ(back->notices, spec.notices);
  EXPECT_EQ(back->python.folders, spec.python.folders);
  EXPECT_EQ(back->credentials.session_token, "C");
  EXPECT_EQ(back->inputs.at(0).local_path, "/opt/ml/processing/in");
  EXPECT_EQ(back->outputs.at(0).upload_mode, "Continuous");
  EXPECT_EQ(back->entrypoint, spec.entrypoint);
  EXPECT_EQ(back->host_groups().at(0).hosts, spec.hosts);
  EXPECT_EQ(back->OfHost(1).log_stream, "j/algo-2-1");
  EXPECT_EQ(back->OfHost(1).channels.size(), 1U);
  // Bytes that are no UTF-8 become U+FFFD once; after that the text is stable.
  EXPECT_EQ(JobSpec::FromJson(back->ToJson())->ToJson(), back->ToJson());
}

TEST(JobSpec, RefusesOtherVersionsAndWrongTypes) {
  EXPECT_EQ(JobSpec::FromJson("[]").error().code, Code::kDataLoss);
  EXPECT_EQ(JobSpec::FromJson(R"({"version":2})").error().code, Code::kFailedPrecondition);
  const auto bad =
      JobSpec::FromJson(R"({"version":1,"job_name":"j","program":"p","channels":[{"name":3}]})");
  EXPECT_NE(bad.error().message.find("channels.name"), std::string::npos);
  // Hosts without their log streams.
  EXPECT_EQ(
      JobSpec::FromJson(R"({"version":1,"job_name":"j","program":"p","hosts":["algo-1","algo-2"]})")
          .error()
          .code,
      Code::kDataLoss);
}

TEST(JobEvents, AreReadOnceAndTornLinesWait) {
  auto dir = TempDir::Make();
  ASSERT_TRUE(dir);
  const auto file = dir->path() / "events.jsonl";
  uint64_t offset = 0;
  EXPECT_TRUE(ReadEvents(file, &offset)->empty());
  const std::string end = JobEvent{.kind = JobEvent::Kind::kEnd,
                                   .time_ms = 9,
                                   .detail = "why",
                                   .message = "42 rows",
                                   .exit_code = 3}
                              .ToJsonLine();
  std::ofstream out(file);
  out << JobEvent{.time_ms = 5, .phase = "Training"}.ToJsonLine() << end.substr(0, 10)
      << std::flush;
  auto events = ReadEvents(file, &offset);
  ASSERT_EQ(events->size(), 1u);
  EXPECT_EQ(events->front().phase, "Training");
  EXPECT_TRUE(ReadEvents(file, &offset)->empty());
  out << end.substr(10) << std::flush;
  events = ReadEvents(file, &offset);
  ASSERT_EQ(events->size(), 1u);
  EXPECT_EQ(events->front().exit_code, 3);
  EXPECT_EQ(events->front().message, "42 rows");
  EXPECT_EQ(events->front().detail, "why");
}

TEST(JobEvents, WordsOfProgramsAreCleaned) {
  const auto event = JobEvent::FromJson(
      JobEvent{.kind = JobEvent::Kind::kEnd, .detail = "\x1B[2Jwhy\n", .message = "\x07"}
          .ToJsonLine());
  ASSERT_TRUE(event);
  EXPECT_EQ(event->detail, "\xEF\xBF\xBD[2Jwhy\n");
  EXPECT_EQ(event->message, "\xEF\xBF\xBD");
}

TEST(JobEvents, LinesThatAreNoEventAreSkipped) {
  auto dir = TempDir::Make();
  ASSERT_TRUE(dir);
  const auto file = dir->path() / "events.jsonl";
  const std::string end = JobEvent{.kind = JobEvent::Kind::kEnd, .exit_code = 3}.ToJsonLine();
  std::ofstream(file) << std::string(5000, '\0') << "\n{\"kind\":\"later\"}\n"
                      << std::string(3 << 20, 'x') << "\n"
                      << end;
  uint64_t offset = 0;
  std::vector<JobEvent> all;
  for (int i = 0; i < 10; ++i) {
    const auto events = ReadEvents(file, &offset);
    ASSERT_TRUE(events);
    all.insert(all.end(), events->begin(), events->end());
  }
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].exit_code, 3);
}

TEST(TrialOrders, AreReadAsTheyWereAppended) {
  auto dir = TempDir::Make();
  ASSERT_TRUE(dir);
  const auto file = dir->path() / "orders.jsonl";
  uint64_t offset = 0;
  EXPECT_TRUE(ReadOrders(file, &offset)->empty());
  const TrialOrder run = {.kind = TrialOrder::Kind::kRun, .key = "a-1", .directory = "/jobs/a"};
  ASSERT_TRUE(AppendOrder(file, run));
  std::ofstream(file, std::ios::app) << R"({"run":"torn)";
  EXPECT_EQ(ReadOrders(file, &offset)->size(), 1U);
  ASSERT_TRUE(AppendOrder(file, {.kind = TrialOrder::Kind::kStop, .key = "a-1", .directory = ""}));
  std::ofstream(file, std::ios::app) << "{}\n[]\n{\"run\":\"b\"}\n{\"stop\":3}\n";
  const auto rest = ReadOrders(file, &offset);
  ASSERT_TRUE(rest);
  ASSERT_EQ(rest->size(), 1U) << "what is torn or no order is skipped";
  EXPECT_EQ(rest->front().kind, TrialOrder::Kind::kStop);
  offset = 0;
  const auto all = ReadOrders(file, &offset);
  EXPECT_EQ(all->front().key, run.key);
  EXPECT_EQ(all->front().directory, run.directory);
}

}  // namespace
}  // namespace clary::api
