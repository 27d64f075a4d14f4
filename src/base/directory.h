// What stands in a folder.
#pragma once

#include <string>
#include <vector>

namespace clary {

// The names in the open folder `dir`, without "." and ".."; none if it cannot be listed. By the
// descriptor, so that nobody can put another folder in its place.
std::vector<std::string> NamesIn(int dir);

}  // namespace clary
