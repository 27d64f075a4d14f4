#include "api/members.h"

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>

#include "base/strings.h"

namespace clary::api {
namespace {

using nlohmann::json;

const VerdictRow* FindRow(const MemberTable& table, std::string_view structure,
                          std::string_view member) {
  const auto rows = std::ranges::equal_range(table.others, structure, {}, &VerdictRow::structure);
  const auto it = std::ranges::find(rows, member, &VerdictRow::member);
  return it != rows.end() ? &*it : nullptr;
}

bool AsksForNothing(const json& value, const VerdictRow& row) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    return text.empty() || text == row.harmless;
  }
  if (value.is_boolean()) return !value.get<bool>();
  if (value.is_number()) return value == json(0);
  return value.is_array() && value.empty();
}

// Calls `visit` with each member of the request that has a row and asks for something, until it
// returns an error.
Status ForEachRow(const MemberTable& table, const Shape& shape, const json& value,
                  const std::string& path,
                  const std::function<Status(const VerdictRow&, const std::string& path)>& visit) {
  switch (shape.type) {
    case Type::kList: {
      size_t i = 0;
      for (const json& item : value) {
        CLARY_CHECK_OK(
            ForEachRow(table, *shape.item, item, path + "[" + std::to_string(i++) + "]", visit));
      }
      return {};
    }
    case Type::kMap:
      for (const auto& [key, item] : value.items()) {
        CLARY_CHECK_OK(ForEachRow(table, *shape.item, item, path + "." + key, visit));
      }
      return {};
    case Type::kStructure:
      for (const Member& m : Members(shape)) {
        const auto it = value.find(m.name);
        if (it == value.end()) continue;
        const std::string at = (path.empty() ? "" : path + ".") + std::string(m.name);
        if (const VerdictRow* row = FindRow(table, shape.name, m.name)) {
          if (!AsksForNothing(*it, *row)) CLARY_CHECK_OK(visit(*row, at));
        } else {
          CLARY_CHECK_OK(ForEachRow(table, *m.shape, *it, at, visit));
        }
      }
      return {};
    default:
      return {};
  }
}

// The structure that a shape is, or holds as a list or a map; null for others.
const Shape* StructureIn(const Shape* shape) {
  while (shape->type == Type::kList || shape->type == Type::kMap) shape = shape->item;
  return shape->type == Type::kStructure ? shape : nullptr;
}

class TableCheck {
 public:
  TableCheck(const MemberTable& table, std::vector<std::string>& faults) : faults_(faults) {
    for (const DoneRow& row : table.done) {
      for (const std::string_view member : Split(row.members, ' ')) {
        const std::string name = std::string(row.structure) + "." + std::string(member);
        if (!done_.insert(name).second) faults_.push_back(name + " is done twice");
      }
    }
    for (const VerdictRow& row : table.others) {
      const std::string name = std::string(row.structure) + "." + std::string(row.member);
      if (!others_.insert(name).second) faults_.push_back(name + " has two verdicts");
      if (done_.contains(name)) faults_.push_back(name + " is done and is not");
      if (row.text.empty()) faults_.push_back(name + " does not say why");
    }
  }

  void Visit(const Shape& structure) {
    if (!seen_.insert(&structure).second) return;
    for (const Member& m : Members(structure)) {
      const std::string name = std::string(structure.name) + "." + std::string(m.name);
      const Shape* inner = StructureIn(m.shape);
      if (others_.contains(name)) {
        reached_.insert(name);
      } else if (inner != nullptr) {
        Visit(*inner);
      } else if (done_.contains(name)) {
        reached_.insert(name);
      } else {
        faults_.push_back(name + " has no verdict");
      }
    }
  }

  void Finish() {
    for (const auto* rows : {&done_, &others_}) {
      for (const std::string& name : *rows) {
        if (!reached_.contains(name)) faults_.push_back(name + " is in no served request");
      }
    }
  }

 private:
  std::vector<std::string>& faults_;
  std::set<std::string> done_, others_, reached_;
  std::set<const Shape*> seen_;
};

}  // namespace

Status CheckMembers(const MemberTable& table, const Shape& shape, const json& input) {
  return ForEachRow(table, shape, input, "",
                    [](const VerdictRow& row, const std::string& path) -> Status {
                      if (row.verdict != Verdict::kRefused) return {};
                      return Fail(Code::kInvalidArgument, "ValidationException",
                                  path + " " + std::string(row.text));
                    });
}

std::vector<std::string> NotProvided(const MemberTable& table, const Shape& shape,
                                     const json& input) {
  std::vector<std::string> out;
  const Status walked =
      ForEachRow(table, shape, input, "", [&](const VerdictRow& row, const std::string& path) {
        if (row.verdict == Verdict::kNotProvided)
          out.push_back(path + ": " + std::string(row.text));
        return Status();
      });
  (void)walked;  // the visitor returns none
  return out;
}

std::vector<std::string> Faults(const MemberTable& table, std::span<const Operation> known) {
  std::vector<std::string> faults;
  if (!std::ranges::is_sorted(table.done, {}, &DoneRow::structure) ||
      !std::ranges::is_sorted(table.others, {}, &VerdictRow::structure)) {
    faults.emplace_back("the rows are not sorted by structure");
  }
  TableCheck check(table, faults);
  for (const std::string_view name : table.operations) {
    const Operation* operation = FindOperation(known, name);
    if (operation == nullptr) {
      faults.push_back(std::string(name) + " is no known operation");
    } else {
      check.Visit(*operation->input);
    }
  }
  check.Finish();
  return faults;
}

}  // namespace clary::api
