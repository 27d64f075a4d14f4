// The rows of the shape tables that tools/api_shapes.py writes.
#pragma once

#include <cstddef>
#include <string_view>

#include "api/shapes.h"

namespace clary::api {

constexpr Shape String(double min = kNoMin, double max = kNoMax, const char* pattern = nullptr,
                       const char* pattern_text = nullptr) {
  return {.type = Type::kString,
          .min = min,
          .max = max,
          .pattern = pattern,
          .pattern_text = pattern_text};
}
template <size_t N>
constexpr Shape Enum(const std::string_view (&values)[N], const char* pattern = nullptr) {
  return {.type = Type::kString, .pattern = pattern, .enums = values, .enum_count = N};
}
constexpr Shape Integer(double min = kNoMin, double max = kNoMax) {
  return {.type = Type::kInteger, .min = min, .max = max};
}
constexpr Shape Long(double min = kNoMin, double max = kNoMax) {
  return {.type = Type::kLong, .min = min, .max = max};
}
constexpr Shape Float(double min = kNoMin, double max = kNoMax) {
  return {.type = Type::kFloat, .min = min, .max = max};
}
constexpr Shape Double(double min = kNoMin, double max = kNoMax) {
  return {.type = Type::kDouble, .min = min, .max = max};
}
constexpr Shape Boolean() { return {.type = Type::kBoolean}; }
constexpr Shape Timestamp() { return {.type = Type::kTimestamp}; }
constexpr Shape Blob(double min = kNoMin, double max = kNoMax) {
  return {.type = Type::kBlob, .min = min, .max = max};
}
constexpr Shape List(const Shape* item, double min = kNoMin, double max = kNoMax) {
  return {.type = Type::kList, .min = min, .max = max, .item = item};
}
constexpr Shape Map(const Shape* key, const Shape* item, double min = kNoMin, double max = kNoMax) {
  return {.type = Type::kMap, .min = min, .max = max, .key = key, .item = item};
}
constexpr Shape Structure(std::string_view name) {
  return {.name = name, .type = Type::kStructure};
}
template <size_t N>
constexpr Shape Structure(std::string_view name, const Member (&members)[N]) {
  return {.name = name, .type = Type::kStructure, .members = members, .member_count = N};
}
template <size_t N>
constexpr Shape Union(std::string_view name, const Member (&members)[N]) {
  return {.name = name,
          .type = Type::kStructure,
          .members = members,
          .member_count = N,
          .one_of = true};
}

}  // namespace clary::api
