// The model registry: groups, their versions, and packages without a version. Kinds that only are.
// A version is owned by its group, which counts them: no number is given twice.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "control/internal/models.h"

namespace clary::control {
namespace model_package {
namespace {

using nlohmann::json;

constexpr char kPending[] = "PendingManualApproval";

struct GroupFacts : Facts {
  int64_t last_version = 0;

  json ToJson() const override { return {{"last_version", last_version}}; }
  static FactsPtr FromJson(const json& j) {
    auto facts = std::make_shared<GroupFacts>();
    facts->last_version = j.at("last_version");
    return facts;
  }
};

struct PackageFacts : Facts {
  int64_t version = 0;  // 0: it has none
  bool updated = false;

  json ToJson() const override { return {{"version", version}, {"updated", updated}}; }
  static FactsPtr FromJson(const json& j) {
    auto facts = std::make_shared<PackageFacts>();
    facts->version = j.at("version");
    facts->updated = j.at("updated");
    return facts;
  }
};

const PackageFacts& FactsOf(const Record& package) { return package.As<PackageFacts>(); }

// --- Groups.

Status CreateGroup(Context& /*context*/, json request, Record& group, Plan& /*plan*/) {
  group.facts = std::make_shared<GroupFacts>();
  group.status = "Completed";
  group.request = request.dump();
  return {};
}

json GroupSummary(const Context& /*context*/, const Record& group) {
  json view = group.Request();
  view.update({{"ModelPackageGroupName", group.name},
               {"ModelPackageGroupArn", group.arn},
               {"CreationTime", Seconds(group.created_ms)},
               {"ModelPackageGroupStatus", group.status}});
  return view;
}

json GroupView(const Context& context, const Record& group, Show /*show*/) {
  json view = GroupSummary(context, group);
  view["CreatedBy"] = json::object();
  return view;
}

Status MayDeleteGroup(const Context& context, const Record& group) {
  if (context.records.Children(group.arn).empty()) return {};
  return Fail(Code::kFailedPrecondition, "ConflictException",
              "ModelPackageGroup " + group.arn +
                  " still has model packages. Delete its model packages before the group.");
}

// --- Packages.

Status CheckUnversioned(const json& request) {
  const json specification = request.value("InferenceSpecification", json::object());
  for (const char* member :
       {"SupportedRealtimeInferenceInstanceTypes", "SupportedTransformInstanceTypes"}) {
    if (specification.contains(member)) return {};
  }
  return Invalid(
      "A model package without a ModelPackageGroupName needs an InferenceSpecification with "
      "SupportedRealtimeInferenceInstanceTypes or SupportedTransformInstanceTypes.");
}

Status CreatePackage(Context& context, json request, Record& package, Plan& plan) {
  auto& facts = package.Edit<PackageFacts>();
  package.status = "Completed";
  if (const auto name = request.find("ModelPackageGroupName"); name != request.end()) {
    if (request.contains("ModelPackageName")) {
      return Invalid(
          "Give a ModelPackageGroupName, for a version of that group, or a ModelPackageName, not "
          "both.");
    }
    CLARY_TRY(const SnapshotPtr base, Named(context, kModelPackageGroup, request));
    Record group = base->record;
    facts.version = ++group.Edit<GroupFacts>().last_version;
    package.name = group.name;
    package.key = group.key + "/" + std::to_string(facts.version);
    package.arn = ArnOf(context, kModelPackage, package.key);
    package.owner = group.arn;
    *name = group.name;
    request.emplace("ModelApprovalStatus", kPending);
    plan.Update(base, std::move(group));
  } else if (package.key.empty()) {
    return Invalid("A model package needs a ModelPackageGroupName or a ModelPackageName.");
  } else {
    CLARY_CHECK_OK(CheckUnversioned(request));
  }
  package.request = request.dump();
  return {};
}

// One that this very request has made before, after which its answer was lost; null: none.
SnapshotPtr MadeBefore(const Context& context, const json& input) {
  const std::string token = input.value("ClientToken", "");
  if (token.empty()) return nullptr;
  const auto made_by_it = [&](const SnapshotPtr& one) {
    return one && one->record.Request().value("ClientToken", "") == token;
  };
  if (input.contains("ModelPackageName")) {
    SnapshotPtr one =
        context.records.Find(kModelPackage, input["ModelPackageName"].get<std::string>());
    return made_by_it(one) ? one : nullptr;
  }
  const auto group = Named(context, kModelPackageGroup, input);
  if (!group) return nullptr;
  const auto versions = context.records.Children((*group)->record.arn);
  const auto found = std::ranges::find_if(versions, made_by_it);
  return found != versions.end() ? *found : nullptr;
}

Result<json> CreateModelPackage(Context& context, const json& input) {
  std::string arn;
  CLARY_CHECK_OK(Commit(context, [&](Plan& plan) -> Status {
    if (input.contains("ModelPackageGroupName") && input.contains("Tags") &&
        !input["Tags"].empty()) {
      return Invalid("Tags of a versioned model package belong to its group: tag the group.");
    }
    if (const SnapshotPtr made = MadeBefore(context, input)) {
      arn = made->record.arn;
      return {};
    }
    CLARY_TRY(arn, PlanCreate(context, kModelPackage, input, {}, plan));
    return {};
  }));
  return json{{"ModelPackageArn", arn}};
}

json PackageSummary(const Context& /*context*/, const Record& package) {
  const json request = package.Request();
  json view = {{"ModelPackageArn", package.arn},
               {"CreationTime", Seconds(package.created_ms)},
               {"ModelPackageStatus", package.status}};
  if (const int64_t version = FactsOf(package).version; version > 0) {
    view["ModelPackageVersion"] = version;
  } else {
    view["ModelPackageName"] = package.name;
  }
  for (const char* member :
       {"ModelPackageGroupName", "ModelPackageDescription", "ModelApprovalStatus", "ModelLifeCycle",
        "ModelPackageRegistrationType"}) {
    if (request.contains(member)) view[member] = request[member];
  }
  return view;
}

json PackageView(const Context& context, const Record& package, Show /*show*/) {
  json view = package.Request();
  view.erase("ClientToken");
  view.update(PackageSummary(context, package));
  view["ModelPackageName"] = package.name;
  view["ModelPackageStatusDetails"] = {{"ValidationStatuses", json::array()},
                                       {"ImageScanStatuses", json::array()}};
  view["CreatedBy"] = json::object();
  if (FactsOf(package).updated) {
    view["LastModifiedTime"] = Seconds(package.modified_ms);
    view["LastModifiedBy"] = json::object();
  }
  return view;
}

Result<json> BatchDescribe(Context& context, const json& input) {
  json found = json::object();
  json errors = json::object();
  for (const json& arn : input.at("ModelPackageArnList")) {
    const auto package = Named(context, kModelPackage, {{"ModelPackageName", arn}});
    if (!package) {
      errors[arn.get<std::string>()] = {{"ErrorCode", package.error().reason},
                                        {"ErrorResponse", package.error().message}};
      continue;
    }
    const Record& record = (*package)->record;
    json view = PackageSummary(context, record);
    view.erase("ModelPackageName");
    view.erase("ModelLifeCycle");
    if (const json request = record.Request(); request.contains("InferenceSpecification")) {
      view["InferenceSpecification"] = request["InferenceSpecification"];
    }
    found[arn.get<std::string>()] = std::move(view);
  }
  json answer = {{"ModelPackageSummaries", std::move(found)}};
  if (!errors.empty()) answer["BatchDescribeModelPackageErrorMap"] = std::move(errors);
  return answer;
}

Result<json> UpdatePackage(Context& context, const json& input) {
  const json named = {{"ModelPackageName", input.at("ModelPackageArn")}};
  json answer;
  CLARY_CHECK_OK(Write(context, kModelPackage, named, [&](Record& package) -> Status {
    json request = package.Request();
    for (const char* member :
         {"ModelApprovalStatus", "ApprovalDescription", "ModelPackageRegistrationType",
          "InferenceSpecification", "SourceUri", "ModelCard", "ModelLifeCycle"}) {
      if (input.contains(member)) request[member] = input[member];
    }
    json& properties = request["CustomerMetadataProperties"];
    if (properties.is_null()) properties = json::object();
    properties.update(input.value("CustomerMetadataProperties", json::object()));
    for (const json& key : input.value("CustomerMetadataPropertiesToRemove", json::array())) {
      properties.erase(key.get<std::string>());
    }
    if (properties.size() > 50) {
      return Invalid("CustomerMetadataProperties of a model package may have at most 50 entries.");
    }
    if (properties.empty()) request.erase("CustomerMetadataProperties");
    for (const json& more : input.value("AdditionalInferenceSpecificationsToAdd", json::array())) {
      request["AdditionalInferenceSpecifications"].push_back(more);
    }
    package.request = request.dump();
    package.Edit<PackageFacts>().updated = true;
    package.modified_ms = std::max(package.modified_ms, context.Now());
    answer = {{"ModelPackageArn", package.arn}};
    return {};
  }));
  return answer;
}

// Packages without a version unless the request asks for others.
Result<std::function<bool(const Record&)>> FilterPackages(const Context& context,
                                                          const json& input) {
  std::string owner;
  if (input.contains("ModelPackageGroupName")) {
    CLARY_TRY(const SnapshotPtr group, Named(context, kModelPackageGroup, input));
    owner = group->record.arn;
  }
  const std::string type =
      input.value("ModelPackageType", owner.empty() ? "Unversioned" : "Versioned");
  return [owner, type, approval = input.value("ModelApprovalStatus", "")](const Record& package) {
    const bool versioned = FactsOf(package).version > 0;
    return (owner.empty() || package.owner == owner) &&
           (type == "Both" || versioned == (type == "Versioned")) &&
           (approval.empty() || package.Request().value("ModelApprovalStatus", "") == approval);
  };
}

constexpr Extra kPackageExtras[] = {{"CreateModelPackage", CreateModelPackage},
                                    {"BatchDescribeModelPackage", BatchDescribe},
                                    {"UpdateModelPackage", UpdatePackage}};

}  // namespace
}  // namespace model_package

Result<nlohmann::json> PackageContainers(const Context& context, const nlohmann::json& container) {
  CLARY_TRY(const SnapshotPtr found, Named(context, kModelPackage, container));
  const Record& package = found->record;
  const nlohmann::json request = package.Request();
  const std::string approval = request.value("ModelApprovalStatus", "");
  if (model_package::FactsOf(package).version > 0 && approval != "Approved") {
    return Invalid("ModelPackage " + package.arn + " is in ModelApprovalStatus " + approval +
                   ". Only an Approved model package can be deployed; UpdateModelPackage approves "
                   "it.");
  }
  nlohmann::json specification = request.value("InferenceSpecification", nlohmann::json::object());
  if (const auto name = container.find("InferenceSpecificationName"); name != container.end()) {
    const nlohmann::json additional =
        request.value("AdditionalInferenceSpecifications", nlohmann::json::array());
    const auto it = std::ranges::find_if(
        additional, [&](const nlohmann::json& one) { return one.at("Name") == *name; });
    if (it == additional.end()) {
      return Invalid("ModelPackage " + package.arn + " has no inference specification '" +
                     name->get<std::string>() + "'.");
    }
    specification = *it;
  }
  nlohmann::json out = nlohmann::json::array();
  for (const nlohmann::json& packaged :
       specification.value("Containers", nlohmann::json::array())) {
    nlohmann::json& one = out.emplace_back(
        nlohmann::json{{"Environment", packaged.value("Environment", nlohmann::json::object())}});
    for (const char* member : {"ContainerHostname", "Image", "ModelDataUrl", "ModelDataSource"}) {
      if (packaged.contains(member)) one[member] = packaged[member];
    }
    if (!one.contains("Image")) {
      return Invalid("A container of ModelPackage " + package.arn + " has no Image.");
    }
  }
  if (out.empty()) {
    return Invalid("ModelPackage " + package.arn +
                   " has no InferenceSpecification: it cannot be deployed.");
  }
  return out;
}

constinit const Kind kModelPackageGroup = {
    .stem = "ModelPackageGroup",
    .name_member = "ModelPackageGroupName",
    .arn_member = "ModelPackageGroupArn",
    .segment = "model-package-group",
    .table = "model_package_groups",
    .noun = "model package group",
    .verbs = kCreate | kDescribe | kList | kDelete,
    .summaries = "ModelPackageGroupSummaryList",
    .sort_order = "Ascending",
    .search_resource = "ModelPackageGroup",
    .not_found = {Code::kNotFound, "ValidationException",
                  "ModelPackageGroup {arn} does not exist."},
    .exists = {Code::kAlreadyExists, "ValidationException",
               "Model Package Group already exists: {arn}"},
    .create = model_package::CreateGroup,
    .view = model_package::GroupView,
    .summary = model_package::GroupSummary,
    .facts = model_package::GroupFacts::FromJson,
    .may_delete = model_package::MayDeleteGroup,
};

constinit const Kind kModelPackage = {
    .stem = "ModelPackage",
    .name_member = "ModelPackageName",
    .arn_member = "ModelPackageArn",
    .segment = "model-package",
    .table = "model_packages",
    .noun = "model package",
    .verbs = kDescribe | kList | kDelete,
    .extras = model_package::kPackageExtras,
    .summaries = "ModelPackageSummaryList",
    .sort_order = "Ascending",
    .search_resource = "ModelPackage",
    .not_found = {Code::kNotFound, "ValidationException", "ModelPackage {arn} does not exist."},
    // SDKs look for these words.
    .exists = {Code::kAlreadyExists, "ValidationException", "ModelPackage already exists: {arn}"},
    .create = model_package::CreatePackage,
    .view = model_package::PackageView,
    .summary = model_package::PackageSummary,
    .facts = model_package::PackageFacts::FromJson,
    .filter = model_package::FilterPackages,
};

}  // namespace clary::control
