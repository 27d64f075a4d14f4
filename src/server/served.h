// What the fronts understand of a request, as one closed table: an operation's input members are
// served, or harmless for a reason that the table names, or refused. Nothing is half obeyed.
// docs/fronts.md is made from it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace clary::server {

// An operation and the paths of its input members that are obeyed, separated by spaces. A path
// stands for all below it, unless the table has longer ones that begin with it.
struct Served {
  std::string_view service;  // as in credential scopes
  std::string_view operation;
  std::string_view members;
};
std::span<const Served> ServedOperations();

// A member that is accepted and changes nothing.
struct Harmless {
  std::string_view service;
  std::string_view operation;
  std::string_view member;  // a path
  std::string_view reason;
};
std::span<const Harmless> HarmlessMembers();

// Whether the service is one of this table.
bool IsServed(std::string_view service);

// Checks a request's document: the operation is served, its members have the types and values of
// its shape, and each is served or harmless. With `texts` every value comes as a text, as in forms.
// kInvalidArgument, with the service's own code: "UnknownOperationException" | "InvalidAction",
// "UnsupportedOperationException", "SerializationException", "ValidationException" |
// "ValidationError" | "InvalidParameterException".
Result<nlohmann::json> Understand(std::string_view service, std::string_view operation,
                                  nlohmann::json document, bool texts);

// docs/fronts.md.
std::string FrontsPage();

}  // namespace clary::server
