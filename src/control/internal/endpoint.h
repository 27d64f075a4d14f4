// What control knows of an endpoint beside what every record has. Its fleets keep what they were
// made of, so models and configurations may be deleted while it runs.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/server_spec.h"
#include "control/internal/context.h"

namespace clary::control {

// What may change of a variant while its instances stay.
struct VariantState {
  std::string name;
  double weight = 1;
  int64_t count = 1;            // instances asked for
  int64_t max_concurrency = 0;  // of a serverless variant; 0: it is none
  bool shadow = false;          // gets copies of requests
  bool empty = false;           // has no model: its instances are for inference components

  bool serverless() const { return max_concurrency > 0; }
};

// All that one endpoint configuration asked for, at the time of the call that named it.
struct Fleet {
  int64_t generation = 0;   // of this endpoint; 0: there is none
  std::string config_name;  // EndpointConfigName
  std::string config;       // the CreateEndpointConfig request: JSON text
  // By ModelName: {"containers": [...], "isolated": bool, "notices": [...], "role": ARN or empty}.
  std::string models;
  std::vector<VariantState> variants;

  VariantState* Find(std::string_view variant);
  int64_t instances() const;  // asked for, of all variants
};

// One model server. Instance i is launch i of the record.
struct Instance {
  std::string id;  // of its present launch; empty: it waits for one
  int64_t generation = 0;
  std::string variant;
  bool ready = false;      // it answers
  bool was_ready = false;  // one of its launches did
  int64_t since_ms = 0;    // it was launched or is ready; without an id: it may be launched then
  int64_t failures = 0;    // launches in a row that did not last
};

struct EndpointFacts : Facts {
  Fleet current;                     // answers, except while Creating
  Fleet next;                        // of an update under way
  std::vector<VariantState> before;  // of `current`: what a failed change of counts goes back to
  std::vector<Instance> instances;
  int64_t generations = 0;  // used so far
  std::string deployment;   // DeploymentConfig of the update under way: JSON text, or empty
  std::string last_deployment;
  int64_t stage = 0;     // of the traffic's way to `next`: how many shares it has got
  int64_t stage_ms = 0;  // since when
  std::string endpoint;  // of an inference component: the endpoint that it is part of

  nlohmann::json ToJson() const override;
  static FactsPtr FromJson(const nlohmann::json& j);  // throws what nlohmann throws
};

inline constexpr char kEndpointLogGroup[] = "/aws/sagemaker/Endpoints/";  // and the endpoint's name

// The member of a variant that an inference component's fleet has: ComputeResourceRequirements.
inline constexpr char kComponentNeeds[] = "ComputeResourceRequirements";

// The fleet of a configuration: a CreateEndpointConfig request. The error is the answer: a model of
// it is gone.
Result<Fleet> MakeFleet(const Context& context, std::string config_name,
                        const nlohmann::json& config);

// The name of the endpoint that a record with EndpointFacts is, or is part of.
const std::string& EndpointOf(const Record& record);
// The inference components of an endpoint, oldest first.
std::vector<SnapshotPtr> ComponentsOf(const Context& context, std::string_view endpoint);

// Why a fleet cannot run, as FailureReason; empty: nothing is known against it.
Result<std::string> WhatIsWrong(const Context& context, const Fleet& fleet);

// server.json of an instance whose launch is `key`; makes keys for its scripts. Errors as
// MakeContainers().
Result<api::ServerSpec> MakeServerSpec(const Context& context, const Record& endpoint,
                                       const Fleet& fleet, const Instance& instance,
                                       const std::string& key);
// How long an instance of the variant may take until it answers.
int64_t StartupLimitMs(const Fleet& fleet, std::string_view variant);

// Processes for `count` instances: as many as this machine has use for.
int64_t Processes(const Context& context, int64_t count);

// The shares of the traffic that the new fleet gets one after the other, the last of which is 1,
// how long to wait after each, and after the last until the old fleet goes.
struct TrafficPlan {
  std::vector<double> shares = {1.0};
  int64_t wait_ms = 0;
  int64_t termination_ms = 0;
};
// "ValidationException" if the DeploymentConfig contradicts itself.
Result<TrafficPlan> PlanTraffic(const nlohmann::json& deployment, int64_t instances);

// Kind::step of whatever has EndpointFacts.
Status StepFleets(Steps& steps, const SnapshotPtr& record);
// Plans the end of `launches`: SIGTERM, some time to drain, and their directories go.
void Retire(const Context& context, std::vector<Launch> launches, Plan& plan);
// How many instances of the variant answer, of all that were asked for.
int64_t Answering(const Context& context, const EndpointFacts& facts, const Fleet& fleet,
                  const VariantState& variant);

// Makes the endpoint's route what its newest record says.
void PublishRoute(Context& context, const std::string& endpoint);

nlohmann::json EndpointView(const Context& context, const Record& endpoint, Show show);

}  // namespace clary::control
