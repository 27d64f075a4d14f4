// Inference components: models, each with copies of its own, on an endpoint that has none. A
// component is a fleet of one variant, its own name, and moves as an endpoint's fleets do.
#include <nlohmann/json.hpp>

#include "api/sagemaker.h"
#include "control/internal/endpoint.h"
#include "control/internal/models.h"

namespace clary::control {
namespace inference_component {
namespace {

using nlohmann::json;

// The endpoint's variant that hosts components; the error is the answer.
Result<json> HostOf(const Record& endpoint, const std::string& variant) {
  const auto& facts = endpoint.As<EndpointFacts>();
  const json config = json::parse(facts.current.config);
  for (const json& one : config.at("ProductionVariants")) {
    if (!variant.empty() && one.at("VariantName") != variant) continue;
    if (!one.contains("ModelName")) {
      json host = one;
      host["ExecutionRoleArn"] = config.value("ExecutionRoleArn", "");
      return host;
    }
    return Invalid("Variant '" + one.at("VariantName").get<std::string>() + "' of endpoint \"" +
                   endpoint.arn +
                   "\" has a model: an inference component needs one that was configured without.");
  }
  return Invalid("Endpoint \"" + endpoint.arn + "\" has no variant '" + variant + "'.");
}

Status CheckSpecification(const json& specification) {
  const bool container = specification.contains("Container");
  if (container == specification.contains("ModelName")) {
    return Invalid("Specification needs either a ModelName or a Container.");
  }
  if (container && !specification["Container"].contains("Image")) {
    return Invalid("Specification.Container needs an Image.");
  }
  const json needs = specification.value(kComponentNeeds, json::object());
  const int64_t least = needs.value("MinMemoryRequiredInMb", int64_t{0});
  if (needs.contains("MaxMemoryRequiredInMb") &&
      needs["MaxMemoryRequiredInMb"].get<int64_t>() < least) {
    return Invalid("ComputeResourceRequirements.MaxMemoryRequiredInMb is below the minimum.");
  }
  return {};
}

// The fleet of a component: the configuration that an endpoint of this one model would have.
Result<Fleet> FleetOf(const Context& context, const std::string& name, const json& host,
                      const json& specification, int64_t copies) {
  json variant = {{"VariantName", name}, {"InitialInstanceCount", copies}};
  if (host.contains("InstanceType")) variant["InstanceType"] = host["InstanceType"];
  for (const char* member :
       {"ContainerStartupHealthCheckTimeoutInSeconds", "ModelDataDownloadTimeoutInSeconds"}) {
    const json startup = specification.value("StartupParameters", json::object());
    if (startup.contains(member)) variant[member] = startup[member];
  }
  if (specification.contains(kComponentNeeds)) {
    variant[kComponentNeeds] = specification[kComponentNeeds];
  }
  json config = {{"ProductionVariants", json::array()}};
  if (specification.contains("ModelName")) {
    variant["ModelName"] = specification["ModelName"];
    config["ProductionVariants"].push_back(variant);
    return MakeFleet(context, name, config);
  }
  // A container of its own: a model that nobody else can name.
  const json& given = specification["Container"];
  json container = {{"Image", given.at("Image")},
                    {"Environment", given.value("Environment", json::object())}};
  if (given.contains("ArtifactUrl")) container["ModelDataUrl"] = given["ArtifactUrl"];
  Fleet fleet = {.config_name = name, .variants = {{.name = name, .count = copies}}};
  variant["ModelName"] = name;
  config["ProductionVariants"].push_back(variant);
  fleet.config = config.dump();
  fleet.models = json{{name,
                       {{"containers", json::array({container})},
                        {"isolated", false},
                        {"notices", json::array()},
                        {"role", host.value("ExecutionRoleArn", "")}}}}
                     .dump();
  return fleet;
}

Status Create(Context& context, json request, Record& record, Plan& /*plan*/) {
  CLARY_TRY(const SnapshotPtr endpoint, Named(context, kEndpoint, request));
  if (endpoint->record.status == "Failed") {
    return Invalid("Endpoint \"" + endpoint->record.arn + "\" has failed.");
  }
  CLARY_TRY(const json host, HostOf(endpoint->record, request.value("VariantName", "")));
  request["VariantName"] = host.at("VariantName");
  if (!request.contains("Specification")) {
    return Invalid("An inference component needs a Specification.");
  }
  CLARY_CHECK_OK(CheckSpecification(request["Specification"]));
  const int64_t copies =
      request.value("RuntimeConfig", json::object()).value("CopyCount", int64_t{1});
  auto& facts = record.Edit<EndpointFacts>();
  facts.endpoint = endpoint->record.name;
  CLARY_TRY(facts.current, FleetOf(context, record.name, host, request["Specification"], copies));
  facts.current.generation = facts.generations = 1;
  record.status = "Creating";
  record.request = request.dump();
  return {};
}

Status CheckCanChange(const Record& component) {
  if (component.status == "InService") return {};
  return Invalid(component.status == "Failed"
                     ? "Cannot update inference component \"" + component.arn +
                           "\": it has failed. Delete it and create it anew."
                     : "Cannot update in-progress inference component \"" + component.arn + "\".");
}

void Begin(const Context& context, Record& record) {
  record.status = "Updating";
  record.failure_reason.clear();
  record.modified_ms = record.started_ms = context.Now();
}

void SetCopies(EndpointFacts& facts, int64_t copies) {
  facts.before = facts.current.variants;
  facts.current.variants.front().count = copies;
}

Result<json> Update(Context& context, const json& input) {
  std::string arn;
  CLARY_CHECK_OK(Write(context, kInferenceComponent, input, [&](Record& record) -> Status {
    arn = record.arn;
    CLARY_CHECK_OK(CheckCanChange(record));
    auto& facts = record.Edit<EndpointFacts>();
    const int64_t copies = input.value("RuntimeConfig", json::object())
                               .value("CopyCount", facts.current.variants.front().count);
    json request = record.Request();
    if (const auto given = input.find("Specification"); given != input.end()) {
      CLARY_CHECK_OK(CheckSpecification(*given));
      const SnapshotPtr endpoint = context.records.Find(kEndpoint, facts.endpoint);
      if (!endpoint) return Invalid("Endpoint " + facts.endpoint + " is gone.");
      CLARY_TRY(const json host, HostOf(endpoint->record, request.at("VariantName")));
      CLARY_TRY(facts.next, FleetOf(context, record.name, host, *given, copies));
      facts.next.generation = ++facts.generations;
      facts.stage = 0;
      request["Specification"] = *given;
    } else {
      SetCopies(facts, copies);
    }
    record.request = request.dump();
    Begin(context, record);
    return {};
  }));
  return json{{"InferenceComponentArn", arn}};
}

Result<json> UpdateRuntimeConfig(Context& context, const json& input) {
  std::string arn;
  CLARY_CHECK_OK(Write(context, kInferenceComponent, input, [&](Record& record) -> Status {
    arn = record.arn;
    CLARY_CHECK_OK(CheckCanChange(record));
    SetCopies(record.Edit<EndpointFacts>(), input.at("DesiredRuntimeConfig").at("CopyCount"));
    Begin(context, record);
    return {};
  }));
  return json{{"InferenceComponentArn", arn}};
}

// At any time and at once, as an endpoint.
Result<json> Delete(Context& context, const json& input) {
  std::string endpoint;
  CLARY_CHECK_OK(Commit(context, [&](Plan& plan) -> Status {
    CLARY_TRY(const SnapshotPtr base, Named(context, kInferenceComponent, input));
    endpoint = EndpointOf(base->record);
    Retire(context, base->record.launches, plan);
    plan.Remove(base);
    return {};
  }));
  PublishRoute(context, endpoint);
  return json::object();
}

json ShowSpecification(const Record& component) {
  json shown = component.Request().value("Specification", json::object());
  if (const auto container = shown.find("Container"); container != shown.end()) {
    const std::string image = container->value("Image", "");
    container->erase("Image");
    (*container)["DeployedImage"] = {{"SpecifiedImage", image},
                                     {"ResolvedImage", image},
                                     {"ResolutionTime", Seconds(component.created_ms)}};
  }
  return shown;
}

json Summary(const Context& context, const Record& component) {
  const SnapshotPtr endpoint = context.records.Find(kEndpoint, EndpointOf(component));
  return {{"InferenceComponentName", component.name},
          {"InferenceComponentArn", component.arn},
          {"InferenceComponentStatus", component.status},
          {"EndpointName", EndpointOf(component)},
          {"EndpointArn", endpoint ? endpoint->record.arn : ""},
          {"VariantName", component.Request().value("VariantName", "")},
          {"CreationTime", Seconds(component.created_ms)},
          {"LastModifiedTime", Seconds(component.modified_ms)}};
}

json View(const Context& context, const Record& component, Show /*show*/) {
  const auto& facts = component.As<EndpointFacts>();
  const VariantState& copies = facts.current.variants.front();
  json view = Summary(context, component);
  view["Specification"] = ShowSpecification(component);
  view["RuntimeConfig"] = {{"DesiredCopyCount", copies.count},
                           {"CurrentCopyCount", Answering(context, facts, facts.current, copies)}};
  if (!component.failure_reason.empty()) view["FailureReason"] = component.failure_reason;
  return view;
}

Result<std::function<bool(const Record& record)>> Filter(const Context& /*context*/,
                                                         const json& input) {
  return [endpoint = input.value("EndpointNameEquals", ""),
          variant = input.value("VariantNameEquals", "")](const Record& record) {
    return (endpoint.empty() || EndpointOf(record) == endpoint) &&
           (variant.empty() || record.Request().value("VariantName", "") == variant);
  };
}

constexpr Extra kExtras[] = {{"DeleteInferenceComponent", Delete},
                             {"UpdateInferenceComponent", Update},
                             {"UpdateInferenceComponentRuntimeConfig", UpdateRuntimeConfig}};
constexpr std::string_view kEnds[] = {"Failed"};

}  // namespace
}  // namespace inference_component

constinit const Kind kInferenceComponent = {
    .stem = "InferenceComponent",
    .name_member = "InferenceComponentName",
    .arn_member = "InferenceComponentArn",
    .segment = "inference-component",
    .table = "inference_components",
    .noun = "inference component",
    .verbs = kCreate | kDescribe | kList,
    .extras = inference_component::kExtras,
    .ends = inference_component::kEnds,
    .serves = true,
    .summaries = "InferenceComponents",
    .not_found = {Code::kNotFound, "ValidationException",
                  "Could not find inference component \"{arn}\"."},
    .exists = {Code::kAlreadyExists, "ValidationException",
               "Cannot create already existing inference component \"{arn}\"."},
    .create = inference_component::Create,
    .step = StepFleets,
    .view = inference_component::View,
    .summary = inference_component::Summary,
    .facts = EndpointFacts::FromJson,
    .filter = inference_component::Filter,
};

}  // namespace clary::control
