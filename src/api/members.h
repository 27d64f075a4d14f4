// What a service does with each member of its requests. Its shapes (api/shapes.h) say what may be
// sent; a MemberTable says of every input member of every operation served that it is done, or what
// becomes of it instead, so that nothing is accepted and then silently not obeyed (ADR 19).
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/shapes.h"
#include "base/error.h"

namespace clary::api {

enum class Verdict {
  kRefused,      // a request that asks for it is refused; text: what to do, "is not supported; ..."
  kIgnored,      // changes nothing that the caller could miss; text: why
  kNotProvided,  // accepted, since SDKs send it; text: what it does not do here, for the job's log
};

// Members that are done. A member that is a structure, or a list or map of such, has no row of its
// own: its members have.
struct DoneRow {
  std::string_view structure;  // as the shapes call it
  std::string_view members;    // separated by spaces
};

// A member with another verdict; of a structure, it holds for all that is in it. A value that asks
// for nothing (false, 0, "", [], `harmless`) is let through whatever the verdict.
struct VerdictRow {
  std::string_view structure;
  std::string_view member;
  Verdict verdict;
  std::string_view text;
  std::string_view harmless = {};
};

struct MemberTable {
  std::span<const std::string_view> operations;  // those that are served
  std::span<const DoneRow> done;                 // sorted by structure
  std::span<const VerdictRow> others;            // sorted by structure
};

// Refuses a decoded request that asks for what the table refuses. kInvalidArgument
// "ValidationException": the member's path, as it was sent, and the row's text.
Status CheckMembers(const MemberTable& table, const Shape& shape, const nlohmann::json& input);

// What the request asks for and does not get: the member's path and the row's text, once each.
std::vector<std::string> NotProvided(const MemberTable& table, const Shape& shape,
                                     const nlohmann::json& input);

// What is wrong with a table, for tests: members without a verdict or with two, rows that no served
// operation reaches, rows out of order, operations that `known` does not have.
std::vector<std::string> Faults(const MemberTable& table, std::span<const Operation> known);

}  // namespace clary::api
