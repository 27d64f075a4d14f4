// What a Search request asks, read once against the shape of what is searched and then held against
// the views of many records.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/shapes.h"
#include "base/error.h"

namespace clary::control {

// A property that an expression or SortBy names: a path of members ("ResourceConfig.InstanceType",
// "InputDataConfig.DataSource.S3DataSource.S3Uri": any element of a list), a key of a map
// ("HyperParameters.eta"), a tag ("Tags.team"), or a metric ("Metrics.validation:auc" of a job,
// "Metrics.loss.Min" of a trial component). Members may be written in any case, keys may hold dots.
struct Property {
  enum class Type {
    kText,
    kNumber,
    kTime,
    kFlag,
    kAny,   // texts that may be numbers: hyperparameters
    kGroup  // of other properties: it is there or not
  };
  Type type = Type::kText;
  std::vector<std::string> path;  // members and keys, from the outermost
  // Of the elements of the list at `path`: the one whose member `key` is `name`, and its `value`.
  std::string key, name, value;
};

class SearchQuery {
 public:
  // Reads SearchExpression and SortBy of a request that has passed validation.
  // "ValidationException" for a property that the shape does not have, an operator that does not
  // fit its type, and a value that is none of its type.
  static Result<SearchQuery> Parse(const api::Shape& shape, const nlohmann::json& input);

  // Whether `view` (a Describe answer plus Tags) is what was asked for.
  bool Matches(const nlohmann::json& view) const { return Holds(root_, view); }
  // The value that it is sorted by, or null.
  nlohmann::json SortKey(const nlohmann::json& view) const;
  // Whether the property at `path`, or one below it, is looked at.
  bool Asks(std::string_view path) const;

 private:
  enum class Op {
    kEquals,
    kNotEquals,
    kGreater,
    kGreaterOrEqual,
    kLess,
    kLessOrEqual,
    kContains,
    kExists,
    kNotExists,
    kIn
  };
  struct Filter {
    Property property;
    Op op = Op::kEquals;
    std::vector<std::string> texts;  // several of kIn
    std::optional<double> number;    // of the value, if it is one, or a time
  };
  struct Nested {
    Property list;
    std::vector<Filter> filters;
  };
  struct Expression {
    bool any = false;
    std::vector<Filter> filters;
    std::vector<Nested> nested;
    std::vector<Expression> below;
  };

  Result<Filter> ReadFilter(const api::Shape& shape, const nlohmann::json& filter,
                            const std::string& prefix);
  Result<Expression> Read(const api::Shape& shape, const nlohmann::json& expression);
  static bool Holds(const Expression& expression, const nlohmann::json& view);
  static bool Holds(const Filter& filter, const nlohmann::json& view);

  Expression root_;
  Property sort_;
  std::vector<std::string> asked_;  // canonical paths
};

}  // namespace clary::control
