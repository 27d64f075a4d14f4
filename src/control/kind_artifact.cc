// Lineage: artifacts, which are known by the source that they stand for, and associations between
// them, trial components and experiments. An association goes with either of its ends.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

#include "api/page.h"
#include "base/hash.h"
#include "base/strings.h"
#include "control/internal/context.h"
#include "control/internal/experiments.h"
#include "control/internal/paging.h"

namespace clary::control {
namespace artifact {
namespace {

using nlohmann::json;

constexpr size_t kMaxProperties = 30;

// --- Artifacts.

// The key of the artifact of a source: another one of the same source is the same.
std::string ArtifactKey(const json& source) {
  std::vector<std::string> types;
  for (const json& type : source.value("SourceTypes", json::array())) types.push_back(type.dump());
  std::ranges::sort(types);
  const std::string whole = source.at("SourceUri").get<std::string>() + "\n" + Join(types, "\n");
  return HexEncode(Sha256(whole)).substr(0, 32);
}

Result<SnapshotPtr> FindArtifact(const Context& context, const std::string& arn) {
  const ArnParts parts = ParseArn(arn);
  SnapshotPtr found = parts.kind == &kArtifact ? context.records.FindArn(arn) : nullptr;
  if (!found) return std::unexpected(Say(kArtifact.not_found, arn));
  return found;
}

// Every association that the resource at `arn` is an end of.
std::vector<SnapshotPtr> AssociationsOf(const Context& context, const std::string& arn) {
  std::vector<SnapshotPtr> out;
  context.records.ByCreation(kAssociation, true, std::nullopt, [&](const SnapshotPtr& one) {
    const json request = one->record.Request();
    if (request.at("SourceArn") == arn || request.at("DestinationArn") == arn) out.push_back(one);
    return true;
  });
  return out;
}

Result<json> CreateArtifact(Context& context, const json& input) {
  json named = input;
  named[std::string(kArtifact.name_member)] = ArtifactKey(input.at("Source"));
  std::string arn;
  CLARY_CHECK_OK(Commit(context, [&](Plan& plan) -> Status {
    CLARY_TRY(arn, PlanCreate(context, kArtifact, named, {}, plan));
    return {};
  }));
  return json{{"ArtifactArn", arn}};
}

Status FillArtifact(Context& /*context*/, json request, Record& artifact, Plan& /*plan*/) {
  request.erase(std::string(kArtifact.name_member));
  artifact.request = request.dump();
  return {};
}

json ArtifactView(const Context& /*context*/, const Record& artifact, Show /*show*/) {
  json view = artifact.Request();
  view.update({{"ArtifactArn", artifact.arn},
               {"CreationTime", Seconds(artifact.created_ms)},
               {"LastModifiedTime", Seconds(artifact.modified_ms)}});
  return view;
}

json ArtifactSummary(const Context& context, const Record& artifact) {
  json view = ArtifactView(context, artifact, Show::kDescribe);
  view.erase("Properties");
  view.erase("MetadataProperties");
  return view;
}

Result<json> DescribeArtifact(Context& context, const json& input) {
  CLARY_TRY(const SnapshotPtr found, FindArtifact(context, input.at("ArtifactArn")));
  return ArtifactView(context, found->record, Show::kDescribe);
}

Result<json> UpdateArtifact(Context& context, const json& input) {
  const std::string arn = input.at("ArtifactArn");
  CLARY_CHECK_OK(Commit(context, [&](Plan& plan) -> Status {
    CLARY_TRY(const SnapshotPtr base, FindArtifact(context, arn));
    Record artifact = base->record;
    json request = artifact.Request();
    if (input.contains("ArtifactName")) request["ArtifactName"] = input["ArtifactName"];
    json& properties = request["Properties"];
    if (properties.is_null()) properties = json::object();
    properties.update(input.value("Properties", json::object()));
    for (const json& name : input.value("PropertiesToRemove", json::array())) {
      properties.erase(name.get<std::string>());
    }
    if (properties.size() > kMaxProperties) {
      return Invalid("Properties of an artifact may have at most " +
                     std::to_string(kMaxProperties) + " entries.");
    }
    artifact.request = request.dump();
    artifact.modified_ms = std::max(artifact.modified_ms, context.Now());
    plan.Update(base, std::move(artifact));
    return {};
  }));
  return json{{"ArtifactArn", arn}};
}

Result<json> DeleteArtifact(Context& context, const json& input) {
  if (input.contains("ArtifactArn") == input.contains("Source")) {
    return Invalid("Exactly one of ArtifactArn and Source must be given.");
  }
  std::string arn;
  CLARY_CHECK_OK(Commit(context, [&](Plan& plan) -> Status {
    SnapshotPtr found;
    if (input.contains("Source")) {
      found = context.records.Find(kArtifact, ArtifactKey(input["Source"]));
      if (!found) {
        return std::unexpected(
            Say(kArtifact.not_found, input["Source"]["SourceUri"].get<std::string>()));
      }
    } else {
      CLARY_TRY(found, FindArtifact(context, input["ArtifactArn"]));
    }
    arn = found->record.arn;
    if (!AssociationsOf(context, arn).empty()) {
      return Invalid("Artifact " + arn + " has associations. Delete them before the artifact.");
    }
    plan.Remove(found);
    return {};
  }));
  return json{{"ArtifactArn", arn}};
}

Result<std::function<bool(const Record&)>> FilterArtifacts(const Context& /*context*/,
                                                           const json& input) {
  return [uri = input.value("SourceUri", ""),
          type = input.value("ArtifactType", "")](const Record& artifact) {
    const json request = artifact.Request();
    return (uri.empty() || request.at("Source").at("SourceUri") == uri) &&
           (type.empty() || request.at("ArtifactType") == type);
  };
}

// --- Associations.

std::string AssociationKey(const json& input) {
  return HexEncode(Sha256(input.at("SourceArn").get<std::string>() + "\n" +
                          input.at("DestinationArn").get<std::string>()))
      .substr(0, 32);
}

// An end of an association, which must be there.
Result<SnapshotPtr> FindEnd(const Context& context, const std::string& arn) {
  SnapshotPtr found = context.records.FindArn(arn);
  const Kind* kind = found ? found->record.kind : nullptr;
  if (kind == &kArtifact || kind == &kTrialComponent || kind == &kExperiment) return found;
  return Fail(Code::kNotFound, "ResourceNotFound",
              "The lineage entity " + arn + " does not exist.");
}

Result<json> AddAssociation(Context& context, const json& input) {
  const std::string source = input.at("SourceArn");
  const std::string destination = input.at("DestinationArn");
  if (source == destination) return Invalid("An entity cannot be associated with itself.");
  json named = input;
  named[std::string(kAssociation.name_member)] = AssociationKey(input);
  CLARY_CHECK_OK(Commit(context, [&](Plan& plan) -> Status {
    for (const std::string& arn : {source, destination}) {
      CLARY_TRY(const SnapshotPtr end, FindEnd(context, arn));
      plan.Update(end, end->record);  // so that it cannot be deleted at the same time
    }
    if (context.records.Find(kAssociation, AssociationKey(input))) {
      return Invalid("Association between " + source + " and " + destination + " already exists.");
    }
    CLARY_CHECK_OK(PlanCreate(context, kAssociation, named, {}, plan));
    return {};
  }));
  return json{{"SourceArn", source}, {"DestinationArn", destination}};
}

Status FillAssociation(Context& /*context*/, json request, Record& association, Plan& /*plan*/) {
  request.erase(std::string(kAssociation.name_member));
  association.request = request.dump();
  return {};
}

Result<json> DeleteAssociation(Context& context, const json& input) {
  CLARY_CHECK_OK(Commit(context, [&](Plan& plan) -> Status {
    const SnapshotPtr found = context.records.Find(kAssociation, AssociationKey(input));
    if (!found) {
      return Fail(Code::kNotFound, "ResourceNotFound",
                  "Association between " + input["SourceArn"].get<std::string>() + " and " +
                      input["DestinationArn"].get<std::string>() + " does not exist.");
    }
    plan.Remove(found);
    return {};
  }));
  return json{{"SourceArn", input["SourceArn"]}, {"DestinationArn", input["DestinationArn"]}};
}

json AssociationSummary(const Context& context, const Record& association) {
  json view = association.Request();
  view["CreationTime"] = Seconds(association.created_ms);
  for (const char* end : {"Source", "Destination"}) {
    const SnapshotPtr found =
        context.records.FindArn(view[std::string(end) + "Arn"].get<std::string>());
    if (!found) continue;
    const Record& r = found->record;
    const json request = r.Request();
    std::string type = "SageMakerExperiment";
    if (r.kind == &kArtifact) {
      type = request.at("ArtifactType");
    } else if (r.kind == &kTrialComponent) {
      const Kind* owner = ParseArn(r.owner).kind;
      type = owner == nullptr ? "SageMakerExperimentTrialComponent"
                              : "SageMaker" + std::string(owner->stem);
    }
    view[std::string(end) + "Type"] = type;
    const std::string name = r.kind == &kArtifact ? request.value("ArtifactName", "") : r.name;
    if (!name.empty()) view[std::string(end) + "Name"] = name;
  }
  return view;
}

// By any of five members: its own order, so its own paging.
Result<json> ListAssociations(Context& context, const json& input) {
  const ListFilter common(input);
  const std::string sort_by = input.value("SortBy", "CreationTime");
  const bool ascending = input.value("SortOrder", "Descending") == "Ascending";
  const size_t limit = PageSize(input, kDefaultPage);
  CLARY_TRY(const json token, ReadToken("ListAssociations", input, 3));
  using Place = std::tuple<std::string, int64_t, std::string>;
  std::optional<Place> after;
  if (!token.is_null()) {
    if (!token[0].is_string() || !token[1].is_number_integer() || !token[2].is_string()) {
      return Invalid("The provided NextToken is not valid for this request.");
    }
    after = Place(token[0], token[1], token[2]);
  }
  std::vector<std::pair<Place, json>> found;
  context.records.ByCreation(kAssociation, true, std::nullopt, [&](const SnapshotPtr& one) {
    const Record& r = one->record;
    if (!common(r.name, r.status, r.created_ms, r.modified_ms)) return true;
    json summary = AssociationSummary(context, r);
    for (const char* member :
         {"SourceArn", "DestinationArn", "SourceType", "DestinationType", "AssociationType"}) {
      const auto wanted = input.find(member);
      if (wanted != input.end() && summary.value(member, "") != *wanted) return true;
    }
    Place place(sort_by == "CreationTime" ? "" : summary.value(sort_by, ""), r.created_ms, r.key);
    if (after && (ascending ? place <= *after : place >= *after)) return true;
    found.emplace_back(std::move(place), std::move(summary));
    return true;
  });
  std::ranges::sort(found, [&](const auto& a, const auto& b) {
    return ascending ? a.first < b.first : b.first < a.first;
  });
  json out = {{"AssociationSummaries", json::array()}};
  if (found.size() > limit) {
    found.resize(limit);
    const auto& [text, ms, key] = found.back().first;
    out["NextToken"] = MakeToken("ListAssociations", input, json::array({text, ms, key}));
  }
  for (auto& [place, summary] : found) out["AssociationSummaries"].push_back(std::move(summary));
  return out;
}

// --- Contexts and actions: none can be made here, so their lists are empty.

Result<json> ListContexts(Context& /*context*/, const json& input) {
  CLARY_CHECK_OK(ReadToken("ListContexts", input, 0));
  return json{{"ContextSummaries", json::array()}};
}

Result<json> ListActions(Context& /*context*/, const json& input) {
  CLARY_CHECK_OK(ReadToken("ListActions", input, 0));
  return json{{"ActionSummaries", json::array()}};
}

constexpr Extra kArtifactExtras[] = {
    {"CreateArtifact", CreateArtifact}, {"DescribeArtifact", DescribeArtifact},
    {"UpdateArtifact", UpdateArtifact}, {"DeleteArtifact", DeleteArtifact},
    {"ListContexts", ListContexts},     {"ListActions", ListActions}};
constexpr Extra kAssociationExtras[] = {{"AddAssociation", AddAssociation},
                                        {"DeleteAssociation", DeleteAssociation},
                                        {"ListAssociations", ListAssociations}};

}  // namespace
}  // namespace artifact

std::vector<SnapshotPtr> Lineage(const Context& context, const Record& record) {
  return artifact::AssociationsOf(context, record.arn);
}

// Their names are hashes that PlanCreate is given, under a member that no request has.
constinit const Kind kArtifact = {
    .stem = "Artifact",
    .name_member = "Key",
    .arn_member = "ArtifactArn",
    .segment = "artifact",
    .table = "artifacts",
    .noun = "artifact",
    .verbs = kList,
    .extras = artifact::kArtifactExtras,
    .summaries = "ArtifactSummaries",
    .not_found = {Code::kNotFound, "ResourceNotFound", "Artifact '{name}' does not exist."},
    // The SDK looks for this code and these words.
    .exists = {Code::kAlreadyExists, "ValidationException",
               "An artifact of this source already exists: {arn}"},
    .create = artifact::FillArtifact,
    .view = artifact::ArtifactView,
    .summary = artifact::ArtifactSummary,
    .filter = artifact::FilterArtifacts,
};

constinit const Kind kAssociation = {
    .stem = "Association",
    .name_member = "Key",
    .arn_member = "AssociationArn",
    .segment = "association",
    .table = "associations",
    .noun = "association",
    .extras = artifact::kAssociationExtras,
    .not_found = {Code::kNotFound, "ResourceNotFound", "The association does not exist."},
    .exists = {Code::kAlreadyExists, "ValidationException", "The association already exists."},
    .create = artifact::FillAssociation,
    .view = [](const Context& context, const Record& r,
               Show) { return artifact::AssociationSummary(context, r); },
    .summary = artifact::AssociationSummary,
};

}  // namespace clary::control
