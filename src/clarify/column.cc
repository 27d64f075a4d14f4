#include "clarify/column.h"

#include <fmt/format.h>

#include <cmath>

namespace clary::clarify {

bool Column::IsMissing(size_t row) const {
  if (type == Type::kText) return !missing.empty() && missing[row];
  return std::isnan(numbers[row]);
}

std::string Column::Text(size_t row) const {
  if (IsMissing(row)) return "nan";
  switch (type) {
    case Type::kText:
      return texts[row];
    case Type::kBoolean:
      return numbers[row] != 0 ? "True" : "False";
    case Type::kInteger:
      return fmt::format("{:.0f}", numbers[row]);
    case Type::kReal:
      break;
  }
  return RealText(numbers[row]);
}

std::string RealText(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::string text = fmt::format("{}", value);  // exponents from 1e16 on and below 1e-4, as Python
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string ValueText(const Value& value) {
  if (const auto* i = std::get_if<int64_t>(&value)) return fmt::format("{}", *i);
  if (const auto* d = std::get_if<double>(&value)) return RealText(*d);
  if (const auto* b = std::get_if<bool>(&value)) return *b ? "True" : "False";
  return std::get<std::string>(value);
}

}  // namespace clary::clarify
