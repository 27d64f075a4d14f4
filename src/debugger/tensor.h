// A named array of one step, as SageMaker Debugger's hooks save it.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace clary::debugger {

struct Tensor {
  std::string name;            // "train-logloss", "feature_importance/gain/f0", ...
  std::vector<int64_t> shape;  // strings have one dimension; a scalar is [1]
  // Row-major, product(shape) elements. Narrower types of a file are widened to these.
  std::variant<std::vector<float>, std::vector<double>, std::vector<int64_t>,
               std::vector<std::string>>
      values;
  std::vector<std::string> aliases;  // other names of the same value, which is written once

  size_t size() const;
  // The elements as double; empty for strings.
  std::vector<double> AsDoubles() const;
};

// One-dimensional tensors; the usual case.
Tensor Scalar(std::string name, double value);
template <typename T>
Tensor Vector(std::string name, std::vector<T> values) {
  const auto n = static_cast<int64_t>(values.size());
  return {std::move(name), {n}, std::move(values)};
}

}  // namespace clary::debugger
