// Endpoints: what users ask of them, and how they look. What moves their fleets is fleet_steps.cc.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "control/internal/endpoint.h"
#include "control/internal/paging.h"

namespace clary::control {
namespace endpoint {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kDrain{30};  // between SIGTERM and SIGKILL

// --- What users ask for.

Error InProgress(const Record& endpoint) {
  return {Code::kFailedPrecondition, "ValidationException",
          "Cannot update in-progress endpoint \"" + endpoint.arn + "\"."};
}

Status CheckCanChange(const Record& endpoint) {
  if (endpoint.status == "InService") return {};
  if (endpoint.status == "Failed") {
    return Invalid("Cannot update endpoint \"" + endpoint.arn +
                   "\": it has failed. Delete it and create it anew.");
  }
  return std::unexpected(InProgress(endpoint));
}

Status Create(Context& context, json request, Record& record, Plan& /*plan*/) {
  CLARY_TRY(const SnapshotPtr config, Named(context, kEndpointConfig, request));
  auto& facts = record.Edit<EndpointFacts>();
  CLARY_TRY(facts.current, MakeFleet(context, config->record.name, config->record.Request()));
  facts.current.generation = facts.generations = 1;
  const json deployment = request.value("DeploymentConfig", json::object());
  CLARY_CHECK_OK(PlanTraffic(deployment, facts.current.instances()));
  if (!deployment.empty()) facts.last_deployment = deployment.dump();
  // Clients tail its log from the first moment on, and wait for ever if it is not there.
  CLARY_CHECK_OK(context.env.logs.CreateGroup(kEndpointLogGroup + record.name));
  record.status = "Creating";
  record.request = request.dump();
  return {};
}

// What of the present fleet the next one keeps.
void Retain(const Fleet& from, const json& input, Fleet& to) {
  if (!input.value("RetainAllVariantProperties", false)) return;
  const json excluded = input.value("ExcludeRetainedVariantProperties", json::array());
  const auto keeps = [&](const char* type) {
    return std::ranges::none_of(
        excluded, [&](const json& one) { return one.at("VariantPropertyType") == type; });
  };
  for (const VariantState& old : from.variants) {
    VariantState* variant = to.Find(old.name);
    if (variant == nullptr) continue;
    if (keeps("DesiredWeight")) variant->weight = old.weight;
    if (keeps("DesiredInstanceCount")) variant->count = old.count;
  }
  if (!keeps("DataCaptureConfig")) return;
  const json before = json::parse(from.config);
  json config = json::parse(to.config);
  config.erase("DataCaptureConfig");
  if (before.contains("DataCaptureConfig"))
    config["DataCaptureConfig"] = before["DataCaptureConfig"];
  to.config = config.dump();
}

Result<json> Update(Context& context, const json& input) {
  std::string arn;
  CLARY_CHECK_OK(Commit(context, [&](Plan& plan) -> Status {
    CLARY_TRY(const SnapshotPtr base, Named(context, kEndpoint, input));
    arn = base->record.arn;
    CLARY_CHECK_OK(CheckCanChange(base->record));
    CLARY_TRY(const SnapshotPtr config, Named(context, kEndpointConfig, input));
    Record record = base->record;
    auto& facts = record.Edit<EndpointFacts>();
    CLARY_TRY(facts.next, MakeFleet(context, config->record.name, config->record.Request()));
    facts.next.generation = ++facts.generations;
    Retain(facts.current, input, facts.next);
    facts.deployment.clear();
    if (const auto given = input.find("DeploymentConfig"); given != input.end()) {
      CLARY_CHECK_OK(PlanTraffic(*given, facts.next.instances()));
      facts.deployment = given->dump();
    } else if (input.value("RetainDeploymentConfig", false)) {
      facts.deployment = facts.last_deployment;
    }
    facts.stage = 0;
    record.status = "Updating";
    record.failure_reason.clear();
    record.modified_ms = record.started_ms = context.Now();
    plan.Update(base, std::move(record));
    return {};
  }));
  PublishRoute(context, input.at("EndpointName"));
  return json{{"EndpointArn", arn}};
}

Result<json> UpdateWeights(Context& context, const json& input) {
  std::string arn;
  CLARY_CHECK_OK(Write(context, kEndpoint, input, [&](Record& record) -> Status {
    arn = record.arn;
    CLARY_CHECK_OK(CheckCanChange(record));
    auto& facts = record.Edit<EndpointFacts>();
    facts.before = facts.current.variants;
    const bool asynchronous = json::parse(facts.current.config).contains("AsyncInferenceConfig");
    for (const json& desired : input.at("DesiredWeightsAndCapacities")) {
      const std::string name = desired.at("VariantName");
      VariantState* variant = facts.current.Find(name);
      if (variant == nullptr) {
        return Invalid("Endpoint \"" + record.arn + "\" has no variant '" + name + "'.");
      }
      variant->weight = desired.value("DesiredWeight", variant->weight);
      const int64_t count = desired.value("DesiredInstanceCount", variant->count);
      if (count < 1 && !asynchronous) {
        return Invalid("DesiredInstanceCount of variant '" + name +
                       "' is at least 1: only an asynchronous endpoint may have no instance.");
      }
      if (variant->serverless() && desired.contains("DesiredInstanceCount")) {
        return Invalid("Variant '" + name + "' is serverless: it has no DesiredInstanceCount.");
      }
      variant->count = count;
      if (const auto update = desired.find("ServerlessUpdateConfig"); update != desired.end()) {
        if (!variant->serverless()) {
          return Invalid("Variant '" + name +
                         "' is not serverless: it has no ServerlessUpdateConfig.");
        }
        variant->max_concurrency = update->value("MaxConcurrency", variant->max_concurrency);
      }
    }
    record.status = "Updating";
    record.failure_reason.clear();
    record.modified_ms = record.started_ms = context.Now();
    return {};
  }));
  PublishRoute(context, input.at("EndpointName"));
  return json{{"EndpointArn", arn}};
}

// At any time, also while it comes up or changes, and at once: its name is free when this returns.
Result<json> Delete(Context& context, const json& input) {
  CLARY_CHECK_OK(Commit(context, [&](Plan& plan) -> Status {
    CLARY_TRY(const SnapshotPtr base, Named(context, kEndpoint, input));
    if (const auto components = ComponentsOf(context, base->record.name); !components.empty()) {
      return Invalid("Cannot delete endpoint \"" + base->record.arn +
                     "\": delete its inference components first (" +
                     components.front()->record.name + ").");
    }
    Retire(context, base->record.launches, plan);
    plan.Remove(base);
    return {};
  }));
  PublishRoute(context, input.at("EndpointName"));
  return json::object();
}

json Summary(const Context& /*context*/, const Record& endpoint) {
  return {{"EndpointName", endpoint.name},
          {"EndpointArn", endpoint.arn},
          {"CreationTime", Seconds(endpoint.created_ms)},
          {"LastModifiedTime", Seconds(endpoint.modified_ms)},
          {"EndpointStatus", endpoint.status}};
}

json NoView(const Context& /*context*/, const Record& /*record*/, Show /*show*/) { return {}; }

// Nothing watches an endpoint in this release; SDKs ask before they delete one.
Result<json> ListMonitoringSchedules(Context& /*context*/, const json& input) {
  CLARY_CHECK_OK(ReadToken("ListMonitoringSchedules", input, 0));
  return json{{"MonitoringScheduleSummaries", json::array()}};
}

constexpr Extra kExtras[] = {{"UpdateEndpoint", Update},
                             {"UpdateEndpointWeightsAndCapacities", UpdateWeights},
                             {"DeleteEndpoint", Delete},
                             {"ListMonitoringSchedules", ListMonitoringSchedules}};
constexpr std::string_view kEnds[] = {"Failed"};

}  // namespace
}  // namespace endpoint

constinit const Kind kEndpoint = {
    .stem = "Endpoint",
    .name_member = "EndpointName",
    .arn_member = "EndpointArn",
    .segment = "endpoint",
    .table = "endpoints",
    .noun = "endpoint",
    .verbs = kCreate | kDescribe | kList,
    .extras = endpoint::kExtras,
    .ends = endpoint::kEnds,
    .serves = true,
    .summaries = "Endpoints",
    .search_resource = "Endpoint",
    .not_found = {Code::kNotFound, "ValidationException", "Could not find endpoint \"{arn}\"."},
    .exists = {Code::kAlreadyExists, "ValidationException",
               "Cannot create already existing endpoint \"{arn}\"."},
    .create = endpoint::Create,
    .step = StepFleets,
    .view = EndpointView,
    .summary = endpoint::Summary,
    .facts = EndpointFacts::FromJson,
};

// Launches that their endpoint needs no more. Each record is born with its deletion asked for,
// which stops what runs of it, forgets it and removes what it left.
constinit const Kind kRetiredFleet = {
    .stem = "RetiredFleet",
    .name_member = "",
    .arn_member = "",
    .segment = "retired-fleet",
    .table = "retired_fleets",
    .noun = "retired fleet",
    .serves = true,
    .stop_grace = endpoint::kDrain,
    .summaries = "",
    .not_found = {Code::kNotFound, "ValidationException", "There is no such fleet."},
    .exists = {Code::kAlreadyExists, "ValidationException", "There is such a fleet."},
    .view = endpoint::NoView,
};

}  // namespace clary::control
