// What every service asks of the keys of the tags that a client gives.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace clary::api {

// What is wrong with keys given together, in AWS's words; empty: nothing. Those that begin with
// "aws:" are AWS's own, and none may be there twice; with `fold_case` in no case of letters either.
std::string TagFault(std::span<const std::string> keys, bool fold_case = false);

}  // namespace clary::api
