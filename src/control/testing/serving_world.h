// A world with models in it, and the test in the model servers' place.
#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "api/server_spec.h"
#include "control/testing/world.h"

namespace clary::control {

class ServingWorld : public World {
 public:
  static constexpr char kImage[] =
      "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.7-1";

  explicit ServingWorld(int capacity = 8) : World(capacity) {
    Put("m.tar.gz", "model");
    Ok("CreateModel", Model("m"));
  }

  json Ok(const std::string& operation, const json& input) {
    const auto out = Call(operation, input);
    EXPECT_TRUE(out) << operation << ": " << out.error().message;
    return out ? *out : json();
  }
  static json Model(const std::string& name, const std::string& uri = "s3://bkt/m.tar.gz") {
    return {{"ModelName", name},
            {"ExecutionRoleArn", "arn:aws:iam::123456789012:role/R"},
            {"PrimaryContainer", {{"Image", kImage}, {"ModelDataUrl", uri}}}};
  }
  static json Variant(const std::string& name, int count = 1, double weight = 1,
                      const std::string& model = "m") {
    return {{"VariantName", name},
            {"ModelName", model},
            {"InitialInstanceCount", count},
            {"InitialVariantWeight", weight},
            {"InstanceType", "ml.m5.large"}};
  }
  void Config(const std::string& name, const std::vector<json>& variants) {
    Ok("CreateEndpointConfig", {{"EndpointConfigName", name}, {"ProductionVariants", variants}});
  }
  // An endpoint "e" with configuration "c" that answers.
  void Deploy(const std::vector<json>& variants) {
    Config("c", variants);
    Ok("CreateEndpoint", {{"EndpointName", "e"}, {"EndpointConfigName", "c"}});
    service->Reconcile();
    AnswerAll();
    EXPECT_EQ(StatusOfEndpoint(), "InService");
  }
  json Endpoint(const std::string& name = "e") {
    return Ok("DescribeEndpoint", {{"EndpointName", name}});
  }
  std::string StatusOfEndpoint(const std::string& name = "e") {
    return Endpoint(name).value("EndpointStatus", "");
  }

  // Model servers that run, in the order of their launches.
  std::vector<exec::LaunchSpec> Servers() const {
    std::vector<exec::LaunchSpec> out;
    for (const exec::LaunchSpec& launch : executor.launches()) {
      if (launch.argv.at(1) == "model-server" && executor.IsRunning(launch.key)) {
        out.push_back(launch);
      }
    }
    return out;
  }
  api::ServerSpec ServerSpecOf(const exec::LaunchSpec& launch) const {
    const auto text = ReadFile(std::filesystem::path(launch.directory) / "server.json", 1 << 20);
    EXPECT_TRUE(text);
    return *api::ServerSpec::FromJson(*text);
  }
  void Tell(const exec::LaunchSpec& launch, api::JobEvent event) {
    event.time_ms = ToMillis(clock.Now());
    std::ofstream(std::filesystem::path(launch.directory) / "events.jsonl", std::ios::app)
        << event.ToJsonLine();
  }
  // Every server that has not said so yet says that it answers; then a pass.
  void AnswerAll() {
    for (const exec::LaunchSpec& launch : Servers()) {
      if (!answering_.insert(launch.key).second) continue;
      Tell(launch, {.kind = api::JobEvent::Kind::kPhase, .phase = api::kInService});
    }
    service->Reconcile();
  }
  // Those that were told to stop have drained.
  void DrainAll() {
    for (const exec::LaunchSpec& launch : Servers()) {
      if (executor.stop_grace(launch.key)) executor.Exit(launch.key, 0);
    }
    for (int i = 0; i < 3; ++i) service->Reconcile();
  }
  std::shared_ptr<const EndpointRoute> Route(const std::string& name = "e") const {
    const auto routes = service->Routes();
    const auto it = routes->find(name);
    return it != routes->end() ? it->second : nullptr;
  }

 private:
  std::set<std::string> answering_;
};

}  // namespace clary::control
