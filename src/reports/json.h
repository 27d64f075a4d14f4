// JSON as the reports' models and files are written.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace clary::reports {

using Json = nlohmann::ordered_json;

// Text that is no UTF-8 is repaired; numbers that are not finite become null. -1: one line.
std::string DumpJson(const Json& value, int indent = -1);

}  // namespace clary::reports
