// JMESPath: which part of a JSON document is meant (jmespath.org/specification, the grammar and the
// functions of JEP 12 and those before it).
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/error.h"

namespace clary::clarify {

// A compiled expression. Copies are cheap; const calls from any thread.
class Jmespath {
 public:
  // kInvalidArgument "BadJmespath": the expression, the place and what was expected there. An
  // expression has at most 1,024 bytes and nests at most 100 deep.
  static Result<Jmespath> Compile(std::string_view expression);

  // What it finds in `document`; null if nothing. kInvalidArgument "BadJmespath" for a function
  // that is given what it does not take.
  Result<nlohmann::json> Search(const nlohmann::json& document) const;
  const std::string& text() const { return text_; }

  struct Node;

 private:
  std::string text_;
  std::shared_ptr<const Node> root_;
};

}  // namespace clary::clarify
