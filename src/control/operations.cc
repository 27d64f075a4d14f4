// The operations that every kind has, written once over their rows.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/sagemaker.h"
#include "base/strings.h"
#include "control/internal/context.h"

namespace clary::control {
namespace {

using nlohmann::json;

constexpr int kMaxConflicts = 100;
constexpr size_t kMaxTags = 50;

// Empty for what its kind names itself. Where a name may be given, so may an ARN.
std::string KeyOf(const Kind& kind, const json& input) {
  const std::string name = input.value(kind.name_member, "");
  if (name.starts_with("arn:")) return std::string(ParseArn(name).key);
  return kind.fold_case ? ToLower(name) : name;
}

Result<std::string> CreateFor(Context& context, const Kind& kind, const json& input,
                              const Origin& origin) {
  std::string arn;
  CLARY_CHECK_OK(Commit(context, [&](Plan& plan) -> Status {
    CLARY_TRY(arn, PlanCreate(context, kind, input, origin, plan));
    return {};
  }));
  return arn;
}

Result<json> Create(Context& context, const Kind& kind, const json& input) {
  CLARY_TRY(std::string arn, CreateFor(context, kind, input, {}));
  return json{{kind.arn_member, std::move(arn)}};
}

Result<json> Describe(Context& context, const Kind& kind, const json& input) {
  CLARY_TRY(const SnapshotPtr record, Named(context, kind, input));
  return kind.view(context, record->record, Show::kDescribe);
}

Result<json> Stop(Context& context, const Kind& kind, const json& input) {
  CLARY_CHECK_OK(Write(context, kind, input, [&](Record& record) -> Status {
    CLARY_CHECK_OK(CheckInProgress(record));
    record.stop_requested_ms = context.Now();
    return {};
  }));
  return json::object();
}

// Of a kind that only is: at once. Of another: intent; the name is free again when Describe no
// longer knows it.
Result<json> Delete(Context& context, const Kind& kind, const json& input) {
  json answer = json::object();
  CLARY_CHECK_OK(Commit(context, [&](Plan& plan) -> Status {
    CLARY_TRY(const SnapshotPtr base, Named(context, kind, input));
    if (kind.delete_tells_arn) answer[kind.arn_member] = base->record.arn;
    if (base->record.delete_requested_ms > 0) return {};
    if (kind.may_delete != nullptr) CLARY_CHECK_OK(kind.may_delete(context, base->record));
    if (kind.step == nullptr) {
      plan.Remove(base);
    } else {
      Record record = base->record;
      record.delete_requested_ms = context.Now();
      plan.Update(base, std::move(record));
    }
    return {};
  }));
  return answer;
}

// A tag on what is not there would show up on a later resource of that name.
Status CheckTaggable(const Records& records, const std::string& arn) {
  const ArnParts parts = ParseArn(arn);
  if (parts.kind == nullptr || records.FindArn(arn)) return {};
  return std::unexpected(Say(parts.kind->not_found, parts.key, arn));
}

Result<json> AddTags(Context& context, const json& input) {
  Records& records = context.records;
  const std::string arn = input.at("ResourceArn");
  const TagMap added = TagsFromJson(input.at("Tags"));
  CLARY_TRY(const TagMap tags, records.ChangeTags(arn, [&](TagMap& now) -> Status {
    CLARY_CHECK_OK(CheckTaggable(records, arn));
    for (const auto& [key, value] : added) now[key] = value;
    if (now.size() <= kMaxTags) return {};
    return Invalid("A resource may have at most " + std::to_string(kMaxTags) + " tags.");
  }));
  return json{{"Tags", TagsToJson(tags)}};
}

Result<json> ListTags(Context& context, const json& input) {
  return json{{"Tags", TagsToJson(context.records.Tags(input.at("ResourceArn")))}};
}

Result<json> DeleteTags(Context& context, const json& input) {
  CLARY_CHECK_OK(context.records.ChangeTags(input.at("ResourceArn"), [&](TagMap& now) {
    for (const json& key : input.at("TagKeys")) now.erase(key.get<std::string>());
    return Status();
  }));
  return json::object();
}

struct Operation {
  Handler run;
  const Kind* described = nullptr;  // it is this kind's Describe
};
using Operations = std::map<std::string, Operation, std::less<>>;

Operations AllOperations() {
  struct VerbRow {
    Verb verb;
    std::string_view before, after;
    Result<json> (*run)(Context& context, const Kind& kind, const json& input);
  };
  static constexpr VerbRow kVerbs[] = {{kCreate, "Create", "", Create},
                                       {kDescribe, "Describe", "", Describe},
                                       {kList, "List", "s", List},
                                       {kStop, "Stop", "", Stop},
                                       {kDelete, "Delete", "", Delete}};
  Operations all;
  for (const Kind* kind : Kinds()) {
    for (const VerbRow& row : kVerbs) {
      if ((kind->verbs & row.verb) == 0) continue;
      Operation& operation =
          all[std::string(row.before) + std::string(kind->stem) + std::string(row.after)];
      operation.run = [kind, run = row.run](Context& context, const json& input) {
        return run(context, *kind, input);
      };
      if (row.verb == kDescribe) operation.described = kind;
    }
    for (const Extra& extra : kind->extras) all[std::string(extra.operation)].run = extra.run;
  }
  all["AddTags"].run = AddTags;
  all["ListTags"].run = ListTags;
  all["DeleteTags"].run = DeleteTags;
  all["Search"].run = Search;
  return all;
}

const Operation* FindOperation(std::string_view name) {
  static const Operations kAll = AllOperations();
  const auto it = kAll.find(name);
  return it != kAll.end() ? &it->second : nullptr;
}

}  // namespace

std::string ArnOf(const Context& context, const Kind& kind, std::string_view key) {
  return "arn:aws:sagemaker:" + context.options.region + ":" + context.options.account_id + ":" +
         std::string(kind.segment) + "/" + std::string(key);
}

Result<std::string> PlanCreate(Context& context, const Kind& kind, const json& input,
                               const Origin& origin, Plan& plan) {
  Record record;
  record.kind = &kind;
  record.name = input.value(kind.name_member, "");
  record.key = KeyOf(kind, input);
  record.arn = ArnOf(context, kind, record.key);
  record.owner = origin.owner;
  record.bound = origin.bound;
  record.facts = origin.facts;
  // What is planned together keeps its order.
  record.created_ms = context.Now() + static_cast<int64_t>(plan.size());
  record.modified_ms = record.created_ms;
  if (const SnapshotPtr old = context.records.Find(kind, record.key)) {
    return std::unexpected(Say(kind.exists, record.name, old->record.arn));
  }
  json request = input;
  request.erase("Tags");
  CLARY_CHECK_OK(kind.create(context, std::move(request), record, plan));
  TagMap tags;
  if (const auto given = input.find("Tags"); given != input.end()) {
    tags = TagsFromJson(*given);
    if (tags.size() != given->size()) {
      return Invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive.");
    }
  }
  std::string arn = record.arn;
  plan.Create(std::move(record), std::move(tags));
  return arn;
}

Result<std::string> CreateChild(Context& context, const Kind& kind, const json& input,
                                const std::string& owner) {
  CLARY_CHECK_OK(api::Validate("Create" + std::string(kind.stem), input));
  const SnapshotPtr old = context.records.Find(kind, KeyOf(kind, input));
  if (old && old->record.owner == owner) return old->record.arn;
  return CreateFor(context, kind, input, {.owner = owner, .bound = false, .facts = nullptr});
}

Result<SnapshotPtr> Named(const Context& context, const Kind& kind, const json& input) {
  const std::string key = KeyOf(kind, input);
  SnapshotPtr record = context.records.Find(kind, key);
  if (!record) {
    const std::string name = input.at(kind.name_member);
    return std::unexpected(Say(kind.not_found, name, ArnOf(context, kind, key)));
  }
  return record;
}

Status Commit(Context& context, const std::function<Status(Plan& plan)>& make) {
  for (int i = 0; i < kMaxConflicts; ++i) {
    Plan plan;
    CLARY_CHECK_OK(make(plan));
    const Status applied = context.records.Apply(std::move(plan));
    if (applied) {
      context.bell->Ring(false);
      return {};
    }
    const Code code = applied.error().code;
    if (code != Code::kConflict && code != Code::kAlreadyExists) return applied;
  }
  return Fail(Code::kUnavailable, "ThrottlingException", "Rate exceeded");
}

Status Write(Context& context, const Kind& kind, const json& input,
             const std::function<Status(Record& record)>& change) {
  return Commit(context, [&](Plan& plan) -> Status {
    CLARY_TRY(const SnapshotPtr base, Named(context, kind, input));
    Record record = base->record;
    CLARY_CHECK_OK(change(record));
    plan.Update(base, std::move(record));
    return {};
  });
}

Status CheckInProgress(const Record& record) {
  if (record.status == "InProgress") return {};
  return Invalid("The request was rejected because the " + std::string(record.kind->noun) +
                 " is in status " + record.status + ".");
}

Status CheckRole(const std::string& role_arn, const Options& options) {
  if (!options.role_exists || options.role_exists(role_arn)) return {};
  const auto parts = Split(role_arn, ':');
  if (parts.size() > 4 && parts[4] != options.account_id) {
    return Invalid("RoleArn: Cross-account pass role is not allowed.");
  }
  return Invalid("Could not assume role " + role_arn +
                 ". Please ensure that the role exists and allows principal "
                 "'sagemaker.amazonaws.com' to assume the role.");
}

const Handler* FindHandler(std::string_view operation) {
  const Operation* found = FindOperation(operation);
  return found != nullptr ? &found->run : nullptr;
}

const Kind* DescribedBy(std::string_view operation) {
  const Operation* found = FindOperation(operation);
  return found != nullptr ? found->described : nullptr;
}

}  // namespace clary::control
