#include "control/internal/endpoint.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "api/sagemaker.h"
#include "control/internal/models.h"
#include "control/internal/training_request.h"

namespace clary::control {
namespace {

using nlohmann::json;

constexpr int64_t kAsyncSeconds = 3600;   // that an asynchronous request may take
constexpr int64_t kStartupSeconds = 240;  // if the configuration does not say

json ToJson(const std::vector<VariantState>& variants) {
  json out = json::array();
  for (const VariantState& v : variants) {
    json one = {{"name", v.name}, {"weight", v.weight}, {"count", v.count}};
    if (v.max_concurrency != 0) one["max_concurrency"] = v.max_concurrency;
    if (v.shadow) one["shadow"] = true;
    if (v.empty) one["empty"] = true;
    out.push_back(std::move(one));
  }
  return out;
}

std::vector<VariantState> VariantsFromJson(const json& j) {
  std::vector<VariantState> out;
  for (const json& v : j) {
    out.push_back({.name = v.at("name"),
                   .weight = v.at("weight"),
                   .count = v.at("count"),
                   .max_concurrency = v.value("max_concurrency", int64_t{0}),
                   .shadow = v.value("shadow", false),
                   .empty = v.value("empty", false)});
  }
  return out;
}

json ToJson(const Fleet& f) {
  if (f.generation == 0) return nullptr;
  return {{"generation", f.generation},
          {"config_name", f.config_name},
          {"config", f.config},
          {"models", f.models},
          {"variants", ToJson(f.variants)}};
}

Fleet FleetFromJson(const json& j) {
  if (j.is_null()) return {};
  return {.generation = j.at("generation"),
          .config_name = j.at("config_name"),
          .config = j.at("config"),
          .models = j.at("models"),
          .variants = VariantsFromJson(j.at("variants"))};
}

json ParsedText(const std::string& text) {
  json parsed = json::parse(text, nullptr, false);
  return parsed.is_object() ? parsed : json::object();
}

constexpr char kExplainer[] = "explainer";
constexpr const char* kVariantLists[] = {"ProductionVariants", "ShadowProductionVariants"};

// The variant `name` of a configuration, a production or a shadow variant; null: none.
const json* VariantOf(const json& config, std::string_view name) {
  for (const char* list : kVariantLists) {
    const auto variants = config.find(list);
    if (variants == config.end()) continue;
    for (const json& variant : *variants) {
      if (variant.at("VariantName") == name) return &variant;
    }
  }
  return nullptr;
}

std::vector<std::string> TextList(const json& object, const char* member) {
  return object.value(member, std::vector<std::string>());
}

std::string WithoutSlash(std::string uri) {
  while (uri.ends_with('/')) uri.pop_back();
  return uri;
}

std::optional<AsyncRoute> AsyncOf(const json& config) {
  const auto async = config.find("AsyncInferenceConfig");
  if (async == config.end()) return std::nullopt;
  const json output = async->value("OutputConfig", json::object());
  const json topics = output.value("NotificationConfig", json::object());
  return AsyncRoute{.output_uri = WithoutSlash(output.value("S3OutputPath", "")),
                    .failure_uri = WithoutSlash(output.value("S3FailurePath", "")),
                    .max_concurrency = async->value("ClientConfig", json::object())
                                           .value("MaxConcurrentInvocationsPerInstance", 0),
                    .success_topic = topics.value("SuccessTopic", ""),
                    .error_topic = topics.value("ErrorTopic", "")};
}

std::optional<CaptureRoute> CaptureOf(const json& config) {
  const json capture = config.value("DataCaptureConfig", json());
  if (capture.is_null() || !capture.value("EnableCapture", true)) return std::nullopt;
  const json types = capture.value("CaptureContentTypeHeader", json::object());
  CaptureRoute out = {.percentage = capture.at("InitialSamplingPercentage"),
                      .destination_uri = WithoutSlash(capture.at("DestinationS3Uri")),
                      .csv_types = TextList(types, "CsvContentTypes"),
                      .json_types = TextList(types, "JsonContentTypes")};
  for (const json& option : capture.at("CaptureOptions")) {
    const std::string mode = option.at("CaptureMode");
    out.input = out.input || mode != "Output";
    out.output = out.output || mode != "Input";
  }
  return out;
}

// The route of a variant of a fleet whose launches are those of `record`.
VariantRoute MakeRoute(const Context& context, const Record& record, const Fleet& fleet,
                       const VariantState& v, const json& config, const json& models) {
  const auto& facts = record.As<EndpointFacts>();
  VariantRoute out = {.name = v.name};
  const json* variant = VariantOf(config, v.name);
  if (variant == nullptr) return out;
  out.least_outstanding =
      variant->value("RoutingConfig", json::object()).value("RoutingStrategy", "") ==
      "LEAST_OUTSTANDING_REQUESTS";
  out.max_concurrency = static_cast<int>(v.max_concurrency);
  const std::string model = variant->at("ModelName");
  out.containers = config.contains("ExplainerConfig")
                       ? std::vector<std::string>{kExplainer}
                       : ContainerNames(models.at(model).at("containers"));
  out.multi_model = HasManyModels(models.at(model).at("containers"));
  for (size_t i = 0; i < facts.instances.size(); ++i) {
    const Instance& one = facts.instances[i];
    if (!one.ready || one.generation != fleet.generation || one.variant != v.name) continue;
    out.instances.push_back(
        {.id = one.id,
         .directory = context.options.jobs_directory / record.launches.at(i).directory});
  }
  return out;
}

// Adds the routes of a fleet, whose weights sum up to `share`; nothing: they stay as they are.
void AddRoutes(const Context& context, const Fleet& fleet, std::optional<double> share,
               const Record& record, EndpointRoute& route) {
  const json config = ParsedText(fleet.config);
  const json models = ParsedText(fleet.models);
  double sum = 0;
  for (const VariantState& v : fleet.variants) sum += v.shadow ? 0 : v.weight;
  for (const VariantState& v : fleet.variants) {
    route.takes_components = route.takes_components || v.empty;
    if (v.empty) continue;
    VariantRoute out = MakeRoute(context, record, fleet, v, config, models);
    if (v.shadow) {
      out.weight = std::min(1.0, v.weight);
      route.shadows.push_back(std::move(out));
      continue;
    }
    out.weight = !share ? v.weight : sum > 0 ? v.weight * *share / sum : 0;
    route.variants.push_back(std::move(out));
  }
}

// Adds the route of an inference component: that of its present fleet.
void AddComponent(const Context& context, const Record& component, EndpointRoute& route) {
  const Fleet& fleet = component.As<EndpointFacts>().current;
  const json config = ParsedText(fleet.config);
  const json models = ParsedText(fleet.models);
  for (const VariantState& v : fleet.variants) {
    route.components.push_back(MakeRoute(context, component, fleet, v, config, models));
  }
}

std::shared_ptr<const EndpointRoute> RouteOf(const Context& context, const Record& record) {
  const auto& facts = record.As<EndpointFacts>();
  auto route = std::make_shared<EndpointRoute>();
  route->name = record.name;
  route->config_name = facts.current.config_name;
  route->status = record.status;
  route->in_service = record.status != "Creating" && record.status != "Failed";
  double share = 0;  // of the new fleet
  if (facts.next.generation != 0 && facts.stage > 0) {
    const auto plan = PlanTraffic(ParsedText(facts.deployment), facts.next.instances());
    const size_t stage = static_cast<size_t>(facts.stage);
    share = plan && stage <= plan->shares.size() ? plan->shares[stage - 1] : 1;
  }
  if (share < 1) {
    AddRoutes(context, facts.current, share > 0 ? std::optional(1 - share) : std::nullopt, record,
              *route);
  }
  if (share > 0) {
    AddRoutes(context, facts.next, share < 1 ? std::optional(share) : std::nullopt, record, *route);
  }
  const json config = ParsedText(share < 1 ? facts.current.config : facts.next.config);
  route->capture = CaptureOf(config);
  route->async = AsyncOf(config);
  route->explains = config.contains("ExplainerConfig");
  for (const SnapshotPtr& component : ComponentsOf(context, record.name)) {
    AddComponent(context, component->record, *route);
  }
  return route;
}

json Images(const json& models, const json& variant, int64_t made_ms) {
  json images = json::array();
  if (!variant.contains("ModelName")) return images;
  const std::string model = variant.at("ModelName");
  for (const json& container : models.at(model).at("containers")) {
    images.push_back({{"SpecifiedImage", container.at("Image")},
                      {"ResolvedImage", container.at("Image")},
                      {"ResolutionTime", Seconds(made_ms)}});
  }
  return images;
}

// ProductionVariants of a fleet, or its shadows. Those of one that comes up show their instance
// type, too.
json Variants(const Context& context, const Record& record, const Fleet& fleet, bool pending,
              bool shadows) {
  const auto& facts = record.As<EndpointFacts>();
  const json config = ParsedText(fleet.config);
  const json models = ParsedText(fleet.models);
  json out = json::array();
  for (const VariantState& v : fleet.variants) {
    const json* given = VariantOf(config, v.name);
    if (given == nullptr || v.shadow != shadows) continue;
    json one = {{"VariantName", v.name},
                {"DeployedImages", Images(models, *given, record.created_ms)},
                {"CurrentWeight", v.weight},
                {"DesiredWeight", v.weight}};
    if (const auto serverless = given->find("ServerlessConfig"); serverless != given->end()) {
      one["CurrentServerlessConfig"] = *serverless;
      one["CurrentServerlessConfig"]["MaxConcurrency"] = v.max_concurrency;
      one["DesiredServerlessConfig"] = one["CurrentServerlessConfig"];
    } else {
      one["CurrentInstanceCount"] = v.empty ? v.count : Answering(context, facts, fleet, v);
      one["DesiredInstanceCount"] = v.count;
    }
    for (const char* member : {"RoutingConfig", "ManagedInstanceScaling"}) {
      if (given->contains(member)) one[member] = (*given)[member];
    }
    if (pending && given->contains("InstanceType")) one["InstanceType"] = (*given)["InstanceType"];
    if (pending) one.erase("RoutingConfig");
    out.push_back(std::move(one));
  }
  return out;
}

// A reason of WhatIsWrongWith() as an endpoint's.
std::string OfVariant(std::string reason, const std::string& variant) {
  constexpr std::string_view kImages = "included in the model";
  const size_t at = reason.find(kImages);
  if (at != std::string::npos) {
    reason.insert(at + kImages.size(), " for the production variant " + variant);
  }
  return reason;
}

}  // namespace

VariantState* Fleet::Find(std::string_view variant) {
  const auto it = std::ranges::find(variants, variant, &VariantState::name);
  return it != variants.end() ? &*it : nullptr;
}

int64_t Fleet::instances() const {
  int64_t sum = 0;
  for (const VariantState& v : variants) sum += v.count;
  return sum;
}

const std::string& EndpointOf(const Record& record) {
  const auto& facts = record.As<EndpointFacts>();
  return facts.endpoint.empty() ? record.name : facts.endpoint;
}

std::vector<SnapshotPtr> ComponentsOf(const Context& context, std::string_view endpoint) {
  std::vector<SnapshotPtr> out;
  context.records.ByCreation(kInferenceComponent, true, std::nullopt, [&](const SnapshotPtr& one) {
    if (EndpointOf(one->record) == endpoint) out.push_back(one);
    return true;
  });
  return out;
}

int64_t Answering(const Context& context, const EndpointFacts& facts, const Fleet& fleet,
                  const VariantState& variant) {
  const int64_t ready = std::ranges::count_if(facts.instances, [&](const Instance& one) {
    return one.ready && one.generation == fleet.generation && one.variant == variant.name;
  });
  // More than asked for answer until they have gone.
  return ready == Processes(context, variant.count) ? variant.count : ready;
}

json EndpointFacts::ToJson() const {
  json all = json::array();
  for (const Instance& i : instances) {
    all.push_back({{"id", i.id},
                   {"generation", i.generation},
                   {"variant", i.variant},
                   {"ready", i.ready},
                   {"was_ready", i.was_ready},
                   {"since_ms", i.since_ms},
                   {"failures", i.failures}});
  }
  return {{"current", control::ToJson(current)},
          {"next", control::ToJson(next)},
          {"before", control::ToJson(before)},
          {"instances", std::move(all)},
          {"generations", generations},
          {"deployment", deployment},
          {"last_deployment", last_deployment},
          {"stage", stage},
          {"stage_ms", stage_ms},
          {"endpoint", endpoint}};
}

FactsPtr EndpointFacts::FromJson(const json& j) {
  auto facts = std::make_shared<EndpointFacts>();
  facts->current = FleetFromJson(j.at("current"));
  facts->next = FleetFromJson(j.at("next"));
  facts->before = VariantsFromJson(j.at("before"));
  for (const json& i : j.at("instances")) {
    facts->instances.push_back({.id = i.at("id"),
                                .generation = i.at("generation"),
                                .variant = i.at("variant"),
                                .ready = i.at("ready"),
                                .was_ready = i.at("was_ready"),
                                .since_ms = i.at("since_ms"),
                                .failures = i.at("failures")});
  }
  facts->generations = j.at("generations");
  facts->deployment = j.at("deployment");
  facts->last_deployment = j.at("last_deployment");
  facts->stage = j.at("stage");
  facts->stage_ms = j.at("stage_ms");
  facts->endpoint = j.value("endpoint", "");
  return facts;
}

Result<Fleet> MakeFleet(const Context& context, std::string config_name, const json& config) {
  Fleet fleet = {.config_name = std::move(config_name), .config = config.dump()};
  json models = json::object();
  for (const char* list : kVariantLists) {
    for (const json variants = config.value(list, json::array()); const json& v : variants) {
      const json serverless = v.value("ServerlessConfig", json::object());
      VariantState& state = fleet.variants.emplace_back(
          VariantState{.name = v.at("VariantName"),
                       .weight = v.value("InitialVariantWeight", 1.0),
                       .count = v.value("InitialInstanceCount", int64_t{1}),
                       .max_concurrency = serverless.value("MaxConcurrency", int64_t{0})});
      state.shadow = list != kVariantLists[0];
      state.empty = !v.contains("ModelName");
      if (state.empty) continue;
      CLARY_TRY(const SnapshotPtr found, Named(context, kModel, v));
      const json model = found->record.Request();
      CLARY_TRY(json containers, ResolveContainers(context, model));
      models[found->record.name] = {{"containers", std::move(containers)},
                                    {"isolated", model.value("EnableNetworkIsolation", false)},
                                    {"notices", api::Notices("CreateModel", model)},
                                    {"role", model.value("ExecutionRoleArn", "")}};
    }
  }
  fleet.models = models.dump();
  return fleet;
}

Result<std::string> WhatIsWrong(const Context& context, const Fleet& fleet) {
  const json models = ParsedText(fleet.models);
  const json config = ParsedText(fleet.config);
  for (const VariantState& v : fleet.variants) {
    if (v.empty) continue;
    const std::string model = VariantOf(config, v.name)->at("ModelName");
    CLARY_TRY(std::string wrong, WhatIsWrongWith(context, models.at(model).at("containers")));
    if (!wrong.empty()) return OfVariant(std::move(wrong), v.name);
  }
  return std::string();
}

// Puts the explainer before the model's containers; the built-in algorithm's model it answers by
// itself.
void AddExplainer(const json& config, std::vector<api::ContainerSpec>& containers) {
  const bool alone =
      containers.size() == 1 && containers[0].program == "xgboost" && !containers[0].multi_model;
  if (!alone) containers.insert(containers.begin(), api::ContainerSpec());
  api::ContainerSpec& explainer = containers.front();
  explainer.name = kExplainer;
  explainer.program = kExplainer;
  explainer.environment["CLARY_EXPLAINER"] = config.dump();
  explainer.baseline_uri =
      config.at("ShapConfig").at("ShapBaselineConfig").value("ShapBaselineUri", "");
}

Result<api::ServerSpec> MakeServerSpec(const Context& context, const Record& endpoint,
                                       const Fleet& fleet, const Instance& instance,
                                       const std::string& key) {
  const json config = ParsedText(fleet.config);
  const json& variant = *VariantOf(config, instance.variant);
  const json models = ParsedText(fleet.models);
  const json& model = models.at(variant.at("ModelName").get<std::string>());
  api::ServerSpec spec = {.endpoint = EndpointOf(endpoint),
                          .variant = instance.variant,
                          .instance = instance.id,
                          .region = context.options.region,
                          .instance_type = variant.value("InstanceType", ""),
                          .startup_timeout_s = variant.value(
                              "ContainerStartupHealthCheckTimeoutInSeconds", kStartupSeconds),
                          .network_isolation = model.at("isolated").get<bool>() ||
                                               config.value("EnableNetworkIsolation", false),
                          .notices = api::Notices("CreateEndpointConfig", config),
                          .store = context.options.object_root,
                          .log_root = context.env.logs.root().string(),
                          .log_group = kEndpointLogGroup + EndpointOf(endpoint),
                          .log_stream = instance.variant + "/" + instance.id};
  for (const json& notice : model.at("notices")) spec.notices.push_back(notice);
  CLARY_TRY(spec.containers, MakeContainers(context, model.at("containers")));
  if (const auto explainer = config.find("ExplainerConfig"); explainer != config.end()) {
    AddExplainer(explainer->at("ClarifyExplainerConfig"), spec.containers);
  }
  CLARY_TRY(spec.access, MakeAccess(context, spec.containers, spec.network_isolation, key,
                                    model.value("role", "")));
  if (const auto serverless = variant.find("ServerlessConfig"); serverless != variant.end()) {
    spec.memory_bytes = serverless->at("MemorySizeInMB").get<uint64_t>() << 20U;
    spec.cpus = 1;
  } else {
    spec.cpus = std::clamp(InstanceCpus(spec.instance_type), 1, context.capacity);
  }
  if (config.contains("AsyncInferenceConfig")) spec.invocation_timeout_s = kAsyncSeconds;
  if (const auto needs = variant.find(kComponentNeeds); needs != variant.end()) {
    spec.memory_bytes = needs->value("MaxMemoryRequiredInMb", uint64_t{0}) << 20U;
    const double cores = std::ceil(needs->value("NumberOfCpuCoresRequired", 0.0));
    if (cores >= 1) {
      spec.cpus = static_cast<int>(std::min(cores, static_cast<double>(context.capacity)));
    }
  }
  return spec;
}

int64_t StartupLimitMs(const Fleet& fleet, std::string_view variant) {
  const json config = ParsedText(fleet.config);
  const json* given = VariantOf(config, variant);
  if (given == nullptr) return kStartupSeconds * 1000;
  // The server itself gives up after the first of the two.
  return 1000 * (given->value("ContainerStartupHealthCheckTimeoutInSeconds", kStartupSeconds) +
                 given->value("ModelDataDownloadTimeoutInSeconds", kStartupSeconds));
}

int64_t Processes(const Context& context, int64_t count) {
  return std::min<int64_t>(count, std::max(1, context.capacity));
}

Result<TrafficPlan> PlanTraffic(const json& deployment, int64_t instances) {
  TrafficPlan plan;
  const bool blue_green = deployment.contains("BlueGreenUpdatePolicy");
  const bool rolling = deployment.contains("RollingUpdatePolicy");
  if (blue_green && rolling) {
    return Invalid(
        "DeploymentConfig may have a BlueGreenUpdatePolicy or a RollingUpdatePolicy, not both.");
  }
  const auto part = [&](const json& size) {
    const double value = size.at("Value").get<double>();
    const double all = size.at("Type") == "CAPACITY_PERCENT"
                           ? 100.0
                           : static_cast<double>(std::max<int64_t>(1, instances));
    return std::min(1.0, value / all);
  };
  const auto in_steps = [&](double step) {
    plan.shares.clear();
    for (double share = step; share < 1 - 1e-9; share += step) plan.shares.push_back(share);
    plan.shares.push_back(1);
  };
  if (blue_green) {
    const json& policy = deployment["BlueGreenUpdatePolicy"];
    const json& traffic = policy.at("TrafficRoutingConfiguration");
    const std::string type = traffic.at("Type");
    plan.wait_ms = traffic.value("WaitIntervalInSeconds", int64_t{0}) * 1000;
    plan.termination_ms = policy.value("TerminationWaitInSeconds", int64_t{0}) * 1000;
    const char* size = type == "CANARY" ? "CanarySize" : "LinearStepSize";
    if (type != "ALL_AT_ONCE" && !traffic.contains(size)) {
      return Invalid("TrafficRoutingConfiguration of Type " + type + " needs a " + size + ".");
    }
    if (type == "CANARY") plan.shares = {part(traffic[size]), 1};
    if (type == "LINEAR") in_steps(part(traffic[size]));
  }
  if (rolling) {
    const json& policy = deployment["RollingUpdatePolicy"];
    plan.wait_ms = policy.value("WaitIntervalInSeconds", int64_t{0}) * 1000;
    in_steps(part(policy.at("MaximumBatchSize")));
  }
  return plan;
}

void PublishRoute(Context& context, const std::string& endpoint) {
  context.routes.Refresh(endpoint, [&]() -> std::shared_ptr<const EndpointRoute> {
    const SnapshotPtr now = context.records.Find(kEndpoint, endpoint);
    return now ? RouteOf(context, now->record) : nullptr;
  });
}

json EndpointView(const Context& context, const Record& endpoint, Show /*show*/) {
  const auto& facts = endpoint.As<EndpointFacts>();
  const bool creating = endpoint.status == "Creating";
  json view = {{"EndpointName", endpoint.name},
               {"EndpointArn", endpoint.arn},
               {"EndpointConfigName", facts.current.config_name},
               {"EndpointStatus", endpoint.status},
               {"CreationTime", Seconds(endpoint.created_ms)},
               {"LastModifiedTime", Seconds(endpoint.modified_ms)}};
  if (!endpoint.failure_reason.empty()) view["FailureReason"] = endpoint.failure_reason;
  const auto show = [&](json& into, const Fleet& fleet, bool pending) {
    into["ProductionVariants"] = Variants(context, endpoint, fleet, pending, false);
    json shadows = Variants(context, endpoint, fleet, pending, true);
    if (!shadows.empty()) into["ShadowProductionVariants"] = std::move(shadows);
  };
  if (!creating) show(view, facts.current, false);
  if (creating || facts.next.generation != 0) {
    const Fleet& pending = creating ? facts.current : facts.next;
    json& summary = view["PendingDeploymentSummary"];
    summary = {{"EndpointConfigName", pending.config_name},
               {"StartTime", Seconds(creating ? endpoint.created_ms : endpoint.started_ms)}};
    show(summary, pending, true);
  }
  const json config = ParsedText(facts.current.config);
  if (const auto capture = config.find("DataCaptureConfig"); capture != config.end()) {
    const bool enabled = capture->value("EnableCapture", true);
    view["DataCaptureConfig"] = {
        {"EnableCapture", enabled},
        {"CaptureStatus", enabled && !creating ? "Started" : "Stopped"},
        {"CurrentSamplingPercentage", capture->at("InitialSamplingPercentage")},
        {"DestinationS3Uri", capture->at("DestinationS3Uri")},
        {"KmsKeyId", capture->value("KmsKeyId", "")}};
  }
  for (const char* member : {"MetricsConfig", "AsyncInferenceConfig", "ExplainerConfig"}) {
    if (config.contains(member)) view[member] = config[member];
  }
  if (!facts.last_deployment.empty()) {
    view["LastDeploymentConfig"] = ParsedText(facts.last_deployment);
  }
  return view;
}

}  // namespace clary::control
