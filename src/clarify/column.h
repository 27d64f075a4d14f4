// A data set's column as the analyses see it: typed by its values, as pandas types a CSV column.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace clary::clarify {

// A value of the configuration: a facet's or a label's values or thresholds.
using Value = std::variant<int64_t, double, bool, std::string>;

struct Column {
  enum class Type { kInteger, kReal, kBoolean, kText };

  std::string name;
  Type type = Type::kReal;
  std::vector<double> numbers;     // of every type but kText; NaN is a missing value
  std::vector<std::string> texts;  // of kText
  std::vector<bool> missing;       // of kText; empty: none is

  size_t rows() const { return type == Type::kText ? texts.size() : numbers.size(); }
  bool IsMissing(size_t row) const;
  // Row `row` as Python prints it: "40", "40.0", "True", "Female", "nan".
  std::string Text(size_t row) const;
};

// The shortest text that reads back as the same double, with ".0" behind whole numbers, as Python
// prints it.
std::string RealText(double value);
std::string ValueText(const Value& value);

}  // namespace clary::clarify
