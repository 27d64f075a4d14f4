// Facts that S3 adds to an error as elements of their own (Condition, PartNumber, ArgumentName,
// ...). They travel inside the error's message: its first line is for people, each line after it is
// one "Name: value", whose name has letters only.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace clary::objects {

using ErrorDetails = std::vector<std::pair<std::string, std::string>>;

// As Fail(), with details. A line break in a text becomes a space.
std::unexpected<Error> FailWith(Code code, std::string reason, std::string message,
                                const ErrorDetails& details);

// The first line of the error's message, and its details.
std::pair<std::string, ErrorDetails> SplitDetails(std::string_view message);

}  // namespace clary::objects
