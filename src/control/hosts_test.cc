// Jobs on several hosts, as control sees them: one launch.
#include "control/internal/hosts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "control/testing/world.h"

namespace clary::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

// A world whose requests run a command, on two hosts.
class HostsWorld : public World {
 public:
  HostsWorld() : World(8) {
    options.find_python = [](const std::string&, const std::string&) -> Result<api::PythonSpec> {
      return api::PythonSpec{.environment = "default", .interpreter = "/usr/bin/python3"};
    };
    Restart();
  }
  static json OnTwo(const std::string& name) {
    json request = Request(name);
    request["AlgorithmSpecification"] = {{"TrainingImage", "1.dkr/my-image:latest"},
                                         {"TrainingInputMode", "File"},
                                         {"ContainerEntrypoint", {"train.sh"}}};
    request["HyperParameters"] = json::object();
    request["ResourceConfig"] = {
        {"InstanceType", "ml.m5.large"}, {"InstanceCount", 2}, {"VolumeSizeInGB", 5}};
    return request;
  }
  static json InGroups(const std::string& name) {
    json request = OnTwo(name);
    request["ResourceConfig"] = {
        {"VolumeSizeInGB", 5},
        {"InstanceGroups",
         {{{"InstanceGroupName", "data"}, {"InstanceType", "ml.c5.xlarge"}, {"InstanceCount", 1}},
          {{"InstanceGroupName", "net"}, {"InstanceType", "ml.m5.large"}, {"InstanceCount", 2}}}}};
    request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["InstanceGroupNames"] = {"net"};
    return request;
  }
  std::string RefusedAs(const std::function<void(json& request)>& change) {
    json request = InGroups("refused");
    change(request);
    return Refusal("CreateTrainingJob", request);
  }
};

TEST(Hosts, ATrainingJobTellsItsRunnerOfAll) {
  HostsWorld w;
  json request = HostsWorld::OnTwo("j");
  request["InputDataConfig"][0]["ShuffleConfig"] = {{"Seed", -7}};
  w.Create(request);
  w.service->Reconcile();
  const api::JobSpec spec = w.Spec("j");
  EXPECT_THAT(spec.hosts, ElementsAre("algo-1", "algo-2"));
  ASSERT_THAT(spec.groups, SizeIs(1));
  EXPECT_EQ(spec.groups[0].name, "homogeneousCluster");
  EXPECT_EQ(spec.groups[0].cpus, 2);
  ASSERT_THAT(spec.log_streams, SizeIs(2));
  EXPECT_THAT(spec.log_streams[1], testing::StartsWith("j/algo-2-"));
  EXPECT_EQ(spec.cpus, 4);  // of both
  EXPECT_TRUE(spec.channels[0].shuffle);
  EXPECT_EQ(spec.channels[0].shuffle_seed, -7);
  EXPECT_EQ(w.Describe("j")["ResourceConfig"], request["ResourceConfig"]);
  EXPECT_THAT(w.executor.launches(), SizeIs(1));
}

TEST(Hosts, GroupsAreNumberedInTheirOrderAndShownAsSent) {
  HostsWorld w;
  const json request = HostsWorld::InGroups("j");
  w.Create(request);
  w.service->Reconcile();
  const api::JobSpec spec = w.Spec("j");
  EXPECT_THAT(spec.hosts, ElementsAre("algo-1", "algo-2", "algo-3"));
  EXPECT_THAT(spec.groups[1].hosts, ElementsAre("algo-2", "algo-3"));
  EXPECT_EQ(spec.OfHost(1).instance_type, "ml.m5.large");
  EXPECT_THAT(spec.channels[0].groups, ElementsAre("net"));
  EXPECT_THAT(spec.OfHost(0).channels, SizeIs(0));
  EXPECT_EQ(spec.cpus, 8);
  EXPECT_EQ(w.Describe("j")["ResourceConfig"], request["ResourceConfig"]);
}

TEST(Hosts, MetricsComeFromAllStreams) {
  HostsWorld w;
  json request = HostsWorld::OnTwo("j");
  request["AlgorithmSpecification"]["MetricDefinitions"] = {
      {{"Name", "loss"}, {"Regex", "loss=([0-9.]+)"}}};
  w.Create(request);
  w.service->Reconcile();
  const api::JobSpec spec = w.Spec("j");
  const auto say = [&](size_t host, const char* line) {
    auto writer = meta::LogWriter::Open(spec.log_root, spec.log_group, spec.log_streams[host]);
    ASSERT_TRUE(writer);
    w.clock.Advance(std::chrono::seconds(1));
    ASSERT_TRUE(writer->Append({{ToMillis(w.clock.Now()), line}}));
  };
  say(1, "loss=3");
  say(0, "loss=2");
  say(1, "loss=1");
  w.Phase("j", "Training");
  w.Artifact("j");
  w.End("j", 0);
  w.executor.Exit(w.Key("j"), 0);
  w.service->Reconcile();
  EXPECT_EQ(w.Describe("j")["FinalMetricDataList"][0]["Value"], 1);
}

TEST(Hosts, WhatCannotBeIsRefused) {
  HostsWorld w;
  EXPECT_EQ(w.RefusedAs([](json& r) { r["TrainingJobName"] = "taken"; }), "accepted");
  EXPECT_THAT(w.RefusedAs([](json& r) {
    r["ResourceConfig"]["InstanceGroups"][1]["InstanceGroupName"] = "data";
  }),
              HasSubstr("'data' is given twice"));
  EXPECT_THAT(w.RefusedAs([](json& r) { r["ResourceConfig"]["InstanceCount"] = 2; }),
              HasSubstr("either InstanceGroups or InstanceCount"));
  EXPECT_THAT(w.RefusedAs([](json& r) {
    r["InputDataConfig"][0]["DataSource"]["S3DataSource"]["InstanceGroupNames"] = {"gpu"};
  }),
              HasSubstr("InstanceGroupNames has 'gpu'"));
  EXPECT_THAT(
      w.RefusedAs([](json& r) { r["ResourceConfig"]["InstanceGroups"][1]["InstanceCount"] = 100; }),
      HasSubstr("at most 100 instances"));
  EXPECT_THAT(w.RefusedAs([](json& r) { r["ResourceConfig"].erase("InstanceGroups"); }),
              HasSubstr("You must specify ResourceConfig.InstanceType"));
  w.options.job_network = "open";
  w.Restart();
  EXPECT_THAT(w.RefusedAs([](json& r) { r["TrainingJobName"] = "other"; }),
              HasSubstr("--job-network clary"));
}

// ---- On the machines of a cluster (ADR 44).

class ClusterWorld : public HostsWorld {
 public:
  ClusterWorld() {
    options.cluster = true;
    Restart();
  }
};

TEST(Cluster, ALaunchSaysWhatItNeedsAndWaitsForNobody) {
  ClusterWorld w;
  for (int i = 0; i < 5; ++i) {
    json request = World::Request("big" + std::to_string(i));
    request["ResourceConfig"]["InstanceType"] = "ml.m5.24xlarge";
    w.Create(request);
  }
  json two = World::Request("two");
  two["ResourceConfig"] = HostsWorld::InGroups("x")["ResourceConfig"];
  w.Create(two);
  w.service->Reconcile();
  const auto launches = w.executor.launches();
  ASSERT_THAT(launches, SizeIs(6));
  ASSERT_THAT(launches[0].hosts, SizeIs(1));
  EXPECT_EQ(launches[0].hosts[0].type, "ml.m5.24xlarge");
  EXPECT_EQ(launches[0].hosts[0].cpus, 96);
  EXPECT_EQ(w.Spec("big0").cpus, 96);
  ASSERT_THAT(launches[5].hosts, SizeIs(2));
  EXPECT_EQ(launches[5].hosts[1].type, "ml.m5.large");
  EXPECT_EQ(launches[5].hosts[1].count, 2);
  w.options.cluster = false;  // here it is the machine that is needed
  w.Restart();
  w.Create(World::Request("here"));
  w.executor.ExitAll();
  w.service->Reconcile();
  w.service->Reconcile();
  EXPECT_THAT(w.executor.launches().back().hosts, SizeIs(0));
}

TEST(Cluster, WhatTheClusterSaysIsTheReason) {
  ClusterWorld w;
  w.Create(World::Request("refused"));
  w.Create(World::Request("lost"));
  w.service->Reconcile();
  w.executor.Refuse(w.Key("refused"), "sbatch: Invalid partition name specified");
  w.executor.Lose(w.Key("lost"), "Slurm: NODE_FAIL (NodeDown) of job 7 on n2");
  w.service->Reconcile();
  EXPECT_THAT(std::string(w.Describe("refused")["FailureReason"]),
              testing::AllOf(testing::StartsWith("InternalServerError"),
                             HasSubstr("sbatch: Invalid partition name specified")));
  EXPECT_THAT(std::string(w.Describe("lost")["FailureReason"]),
              HasSubstr("was lost (Slurm: NODE_FAIL (NodeDown) of job 7 on n2) before"));
}

TEST(Cluster, HostsOfUsersProgramsNeedTheNodesNetwork) {
  ClusterWorld w;
  EXPECT_THAT(w.RefusedAs([](json&) {}), HasSubstr("start the service with --job-network open"));
  w.options.job_network = "open";
  w.Restart();
  EXPECT_EQ(w.RefusedAs([](json& r) { r["TrainingJobName"] = "open"; }), "accepted");
  EXPECT_THAT(w.RefusedAs([](json& r) { r["EnableNetworkIsolation"] = true; }),
              HasSubstr("EnableNetworkIsolation needs InstanceCount 1"));
  EXPECT_THAT(w.RefusedAs([](json& r) { r["HyperParameters"]["sagemaker_mpi_enabled"] = "true"; }),
              HasSubstr("use torch_distributed"));
}

}  // namespace
}  // namespace clary::control
