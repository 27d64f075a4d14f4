// The functions of JMESPath, by name: a closed table.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace clary::clarify {

struct JmespathArgument {
  nlohmann::json value;
  // Of an argument &expression: what it finds in an element.
  std::function<Result<nlohmann::json>(const nlohmann::json& element)> expression;
};

// What is wrong with calling `name` with so many arguments; "" if nothing.
std::string JmespathCallFault(std::string_view name, size_t arguments);
// kInvalidArgument "BadJmespath" if the arguments are of other types than the function takes.
Result<nlohmann::json> CallJmespathFunction(std::string_view name,
                                            const std::vector<JmespathArgument>& arguments);

}  // namespace clary::clarify
