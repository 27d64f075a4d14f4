// How deep foreign JSON nests, before it is parsed: destroying a deep value needs the stack.
#pragma once

#include <string_view>

namespace clary {

// Whether `json` has more than `most` arrays and objects within each other. Of text that is no JSON
// the answer means nothing, and the parser will refuse it.
bool NestsDeeper(std::string_view json, int most);

}  // namespace clary
