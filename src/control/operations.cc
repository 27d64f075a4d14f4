// The operations that every kind has, written once over their rows.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/sagemaker.h"
#include "api/tags.h"
#include "base/strings.h"
#include "control/internal/context.h"
#include "control/internal/paging.h"

namespace clary::control {
namespace {

using nlohmann::json;

constexpr int kMaxConflicts = 100;
constexpr size_t kMaxTags = 50;

// Empty for what its kind names itself, and for an ARN that none of the kind has. Where a name may
// be given, so may an ARN.
std::string KeyOf(const Context& context, const Kind& kind, const json& input) {
  const std::string name = input.value(kind.name_member, "");
  if (name.starts_with("arn:")) {
    const std::string key(ParseArn(name).key);
    return name == ArnOf(context, kind, key) ? key : "";
  }
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

Result<json> CreateForUser(Context& context, const Kind& kind, const json& input) {
  return Create(context, kind, input, {});
}

Result<json> Describe(Context& context, const Kind& kind, const json& input) {
  CLARY_TRY(const SnapshotPtr record, Named(context, kind, input));
  return kind.view(context, record->record, Show::kDescribe);
}

Result<json> Stop(Context& context, const Kind& kind, const json& input) {
  CLARY_CHECK_OK(Write(context, kind, input, [&](Record& record) -> Status {
    if (kind.stop_again && !record.terminal() && record.stop_requested_ms > 0) return {};
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
      for (const SnapshotPtr& one : GoingWith(context, base)) plan.Remove(one);
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
  if (records.FindArn(arn)) return {};
  const ArnParts parts = ParseArn(arn);
  if (parts.kind == nullptr) {
    return Invalid("The resource " + arn + " does not exist: nothing here has this ARN");
  }
  return std::unexpected(Say(parts.kind->not_found, parts.key, arn));
}

// The tags of a request: kMaxTags at most, no key twice, none of AWS's own.
Result<TagMap> GivenTags(const json& list) {
  std::vector<std::string> keys;
  for (const json& tag : list) keys.push_back(tag.at("Key"));
  if (std::string fault = api::TagFault(keys); !fault.empty()) return Invalid(std::move(fault));
  return TagsFromJson(list);
}

Result<json> AddTags(Context& context, const json& input) {
  Records& records = context.records;
  const std::string arn = input.at("ResourceArn");
  CLARY_TRY(const TagMap added, GivenTags(input.at("Tags")));
  CLARY_TRY(const TagMap tags, records.ChangeTags(arn, [&](TagMap& now) -> Status {
    CLARY_CHECK_OK(CheckTaggable(records, arn));
    for (const auto& [key, value] : added) now[key] = value;
    if (now.size() <= kMaxTags) return {};
    return Invalid("A resource may have at most " + std::to_string(kMaxTags) + " tags.");
  }));
  return json{{"Tags", TagsToJson(tags)}};
}

Result<json> ListTags(Context& context, const json& input) {
  const std::string arn = input.at("ResourceArn");
  CLARY_CHECK_OK(CheckTaggable(context.records, arn));
  // The smallest page holds all that a resource can have, so no token is ever given.
  CLARY_TRY(const json position, ReadToken("ListTags", input, 0));
  if (!position.is_null()) return Invalid("The provided NextToken is not valid for this request.");
  return json{{"Tags", TagsToJson(context.records.Tags(arn))}};
}

Result<json> DeleteTags(Context& context, const json& input) {
  const std::string arn = input.at("ResourceArn");
  CLARY_CHECK_OK(context.records.ChangeTags(arn, [&](TagMap& now) -> Status {
    CLARY_CHECK_OK(CheckTaggable(context.records, arn));
    for (const json& key : input.at("TagKeys")) now.erase(key.get<std::string>());
    return {};
  }));
  return json::object();
}

struct Operation {
  Handler run;
  const Kind* created = nullptr;    // it is this kind's Create
  const Kind* described = nullptr;  // it is this kind's Describe
};
using Operations = std::map<std::string, Operation, std::less<>>;

Operations AllOperations() {
  struct VerbRow {
    Verb verb;
    std::string_view before, after;
    Result<json> (*run)(Context& context, const Kind& kind, const json& input);
  };
  static constexpr VerbRow kVerbs[] = {{kCreate, "Create", "", CreateForUser},
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
      if (row.verb == kCreate) operation.created = kind;
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
  record.key = KeyOf(context, kind, input);
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
    CLARY_TRY(tags, GivenTags(*given));
  }
  std::string arn = record.arn;
  plan.Create(std::move(record), std::move(tags));
  return arn;
}

Result<json> Create(Context& context, const Kind& kind, const json& input, const Origin& origin) {
  CLARY_TRY(std::string arn, CreateFor(context, kind, input, origin));
  return json{{kind.arn_member, std::move(arn)}};
}

Result<std::string> CreateChild(Context& context, const Kind& kind, const json& input,
                                const Origin& origin) {
  CLARY_CHECK_OK(api::Validate("Create" + std::string(kind.stem), input));
  const SnapshotPtr old = context.records.Find(kind, KeyOf(context, kind, input));
  if (old && old->record.owner == origin.owner) return old->record.arn;
  return CreateFor(context, kind, input, origin);
}

Result<SnapshotPtr> Named(const Context& context, const Kind& kind, const json& input) {
  const std::string key = KeyOf(context, kind, input);
  SnapshotPtr record = context.records.Find(kind, key);
  if (!record) {
    const std::string name = input.at(kind.name_member);
    return std::unexpected(
        Say(kind.not_found, name, name.starts_with("arn:") ? name : ArnOf(context, kind, key)));
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

std::vector<SnapshotPtr> GoingWith(const Context& context, const SnapshotPtr& record) {
  std::vector<SnapshotPtr> going = {record};
  for (const SnapshotPtr& child : context.records.Children(record->record.arn)) {
    if (child->record.bound) going.push_back(child);
  }
  for (size_t i = 0, own = going.size(); i < own; ++i) {
    const Record& r = going[i]->record;
    if (r.kind->along == nullptr) continue;
    for (const SnapshotPtr& other : r.kind->along(context, r)) {
      if (std::ranges::find(going, other) == going.end()) going.push_back(other);
    }
  }
  return going;
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

const Kind* CreatedBy(std::string_view operation) {
  const Operation* found = FindOperation(operation);
  return found != nullptr ? found->created : nullptr;
}

const Kind* DescribedBy(std::string_view operation) {
  const Operation* found = FindOperation(operation);
  return found != nullptr ? found->described : nullptr;
}

}  // namespace clary::control
