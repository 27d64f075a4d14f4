// What a search ranges over: parameters with bounds and scales, and their places in the unit cube.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"

namespace clary::tuning {

enum class Scale {
  kLinear,
  kLog,         // dense near the lower bound; bounds above 0
  kReverseLog,  // dense near the upper bound; bounds in [0, 1)
};

struct Parameter {
  enum class Type { kContinuous, kInteger, kCategorical };
  std::string name;
  Type type = Type::kContinuous;
  double min = 0;  // in the parameter's own unit; both bounds belong to the range
  double max = 1;
  Scale scale = Scale::kLinear;
  std::vector<std::string> values;  // of kCategorical, instead of bounds
};

// A value for each parameter, in the space's order: in its own unit, or the index of its category.
using Config = std::vector<double>;

// Immutable; any thread.
class Space {
 public:
  // kInvalidArgument "BadSpace" naming the parameter: bounds upside down or not finite, integer
  // bounds that are none, a scale that the bounds do not allow, no categories, two of a name.
  static Result<Space> Make(std::vector<Parameter> parameters);

  const std::vector<Parameter>& parameters() const { return parameters_; }
  size_t size() const { return parameters_.size(); }

  // Between a configuration and a point of the unit cube, a coordinate for each parameter. Integers
  // and categories own cells of equal width, and Encode gives a cell's middle. Decode accepts any
  // coordinates and cuts them to the cube. Its continuous values are bounds or short decimals, of
  // ten digits as the scale counts them: of the value (log), of the range (linear), of what is
  // missing to 1 (reverse log). So Decode(Encode(c)) is c for what Decode has given and for what
  // a person would write.
  std::vector<double> Encode(const Config& config) const;
  Config Decode(std::span<const double> point) const;
  // The configuration of the space that `config` is but for rounding; none if it is outside.
  std::optional<Config> Snap(const Config& config) const;

  // Cells of a parameter: its integers or categories; 0 for a continuous one.
  size_t Cells(size_t parameter) const;
  // How many configurations there are; infinity if one parameter is continuous with min < max.
  double Configurations() const;

 private:
  std::vector<Parameter> parameters_;
};

}  // namespace clary::tuning
