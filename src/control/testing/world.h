// Everything around a control::Service in a test: a clock of the test's own, an executor that runs
// nothing, stores in memory, and the test in the runner's place, writing its events.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "api/job_spec.h"
#include "api/shapes.h"
#include "base/file.h"
#include "base/testing/manual_clock.h"
#include "control/service.h"
#include "exec/testing/fake_executor.h"
#include "meta/testing/stores.h"
#include "objects/testing/memory_store.h"

namespace clary::control {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

class World {
 public:
  explicit World(int capacity = 8) {
    options = {.jobs_directory = dir.path() / "jobs",
               .object_root = dir.path() / "objects",
               .runner_command = {"/clary", "runner"},
               .rule_command = {"/clary", "rule"},
               .model_server_command = {"/clary", "model-server"},
               .transform_command = {"/clary", "transform-job"},
               .capacity_cpus = capacity,
               .host_trials = false,
               .start_reconciler = false};
    EXPECT_TRUE(objects.CreateBucket("bkt", "us-east-1"));
    Put("in/train.csv", "1,2\n");
    Restart();
  }

  void Restart() {
    service.reset();
    auto started = Service::Start(
        {.records = faulty, .objects = objects, .executor = executor, .logs = logs, .clock = clock},
        options);
    ASSERT_TRUE(started) << started.error().message;
    service = *std::move(started);
  }

  void Put(const std::string& key, const std::string& bytes) {
    auto body = NewStringSource(bytes);
    EXPECT_TRUE(objects.Put({"bkt", key}, *body));
  }

  static json Request(const std::string& name) {
    return {
        {"TrainingJobName", name},
        {"AlgorithmSpecification",
         {{"TrainingImage", "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1"},
          {"TrainingInputMode", "File"}}},
        {"RoleArn", "arn:aws:iam::123456789012:role/R"},
        {"InputDataConfig",
         {{{"ChannelName", "train"},
           {"ContentType", "csv"},
           {"DataSource",
            {{"S3DataSource",
              {{"S3DataType", "S3Prefix"}, {"S3Uri", "s3://bkt/in/train.csv"}}}}}}}},
        {"OutputDataConfig", {{"S3OutputPath", "s3://bkt/out/"}}},
        {"ResourceConfig",
         {{"InstanceType", "ml.m5.xlarge"}, {"InstanceCount", 1}, {"VolumeSizeInGB", 5}}},
        {"StoppingCondition", {{"MaxRuntimeInSeconds", 60}}},
        {"HyperParameters", {{"num_round", "10"}, {"eta", "0.3"}}}};
  }

  Result<json> Call(const std::string& operation, const json& input) {
    auto text = service->Call(operation, input.dump());
    if (!text) return std::unexpected(text.error());
    json answer = json::parse(*text);
    // An answer has the members of the service's model and no others.
    if (const auto* known = api::FindOperation(api::SageMakerOperations(), operation)) {
      json copy = answer;
      const Status conforms = api::Conform(copy, *known->output);
      EXPECT_TRUE(conforms) << operation << ": " << conforms.error().message;
    }
    return answer;
  }
  std::string Refusal(const std::string& operation, const json& input) {
    const auto out = Call(operation, input);
    return out ? "accepted" : out.error().reason + ": " + out.error().message;
  }
  void Create(const char* name) { Create(Request(name)); }
  void Create(const json& request) {
    const auto made = Call("CreateTrainingJob", request);
    ASSERT_TRUE(made) << made.error().message;
  }
  json Describe(const std::string& name) {
    const auto out = Call("DescribeTrainingJob", {{"TrainingJobName", name}});
    EXPECT_TRUE(out) << out.error().message;
    return out ? *out : json();
  }
  std::string StatusOf(const std::string& name) {
    const json d = Describe(name);
    return d.value("TrainingJobStatus", "") + "/" + d.value("SecondaryStatus", "");
  }
  std::vector<std::string> History(const std::string& name) {
    std::vector<std::string> out;
    const json d = Describe(name);  // kept alive for the loop
    for (const json& t : d["SecondaryStatusTransitions"]) {
      out.push_back(t["Status"].get<std::string>() + ": " + t["StatusMessage"].get<std::string>());
    }
    return out;
  }
  Result<json> Stop(const std::string& name) {
    return Call("StopTrainingJob", {{"TrainingJobName", name}});
  }

  // What the job's runner does.
  std::filesystem::path JobDir(const std::string& name) const { return dir.path() / "jobs" / name; }
  api::JobSpec Spec(const std::string& name) const {
    auto spec = api::JobSpec::FromJson(*ReadFile(JobDir(name) / "job.json", 1 << 20));
    EXPECT_TRUE(spec);
    return *spec;
  }
  void Event(const std::string& name, api::JobEvent event) {
    event.time_ms = ToMillis(clock.Now());
    std::ofstream(JobDir(name) / "events.jsonl", std::ios::app) << event.ToJsonLine();
  }
  void Phase(const std::string& name, const std::string& phase) {
    Event(name, {.kind = api::JobEvent::Kind::kPhase, .phase = phase});
  }
  void Artifact(const std::string& name) {
    Put("out/" + name + "/output/model.tar.gz", "model");
    Event(name, {.kind = api::JobEvent::Kind::kArtifact,
                 .detail = "s3://bkt/out/" + name + "/output/model.tar.gz"});
  }
  void End(const std::string& name, int code, const std::string& detail = "") {
    Event(name, {.kind = api::JobEvent::Kind::kEnd, .detail = detail, .exit_code = code});
  }
  void Log(const std::string& name, const std::vector<std::string>& lines) {
    const api::JobSpec spec = Spec(name);
    auto writer = meta::LogWriter::Open(spec.log_root, spec.log_group, spec.log_stream);
    ASSERT_TRUE(writer);
    for (const auto& line : lines) {
      ASSERT_TRUE(writer->Append({{ToMillis(clock.Now()), line}}));
    }
  }
  std::string Key(const std::string& name) const {
    std::string last;
    for (const auto& launch : executor.launches()) {
      if (launch.key.starts_with(name + "-1")) last = launch.key;
    }
    if (last.empty()) ADD_FAILURE() << name << " was not launched";
    return last;
  }
  // A whole good run.
  void RunToEnd(const std::string& name) {
    service->Reconcile();
    clock.Advance(seconds(1));
    Phase(name, "Downloading");
    service->Reconcile();
    clock.Advance(seconds(1));
    Phase(name, "Training");
    clock.Advance(seconds(3));
    Phase(name, "Uploading");
    service->Reconcile();
    clock.Advance(seconds(1));
    Artifact(name);
    End(name, 0);
    executor.Exit(Key(name), 0);
    service->Reconcile();
    service->Reconcile();
  }

  TempDir dir = *TempDir::Make();
  ManualClock clock;
  meta::MemoryStore records;
  meta::FaultyStore faulty{records};
  objects::MemoryStore objects{clock};
  exec::FakeExecutor executor;
  meta::LogStore logs{dir.path() / "logs"};
  Options options;  // of the next Restart()
  std::unique_ptr<Service> service;
};

}  // namespace clary::control
