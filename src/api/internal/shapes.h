// The form of the shape tables. Facts as the public service model states them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace clary::api {

enum class Type {
  kString,
  kInteger,
  kLong,
  kDouble,
  kBoolean,
  kTimestamp,
  kList,
  kMap,
  kStructure,
  kDocument,  // anything: kept and echoed
};

constexpr int64_t kNoLimit = INT64_MIN;

struct Member;

struct Shape {
  Type type = Type::kString;
  int64_t min = kNoLimit;  // of the length, the number of items, or the value
  int64_t max = kNoLimit;
  const char* pattern = nullptr;       // must match the whole text
  const char* pattern_text = nullptr;  // printed instead of the pattern's own text
  const std::string_view* enums = nullptr;
  size_t enum_count = 0;
  const Shape* key = nullptr;   // of a map; null: any
  const Shape* item = nullptr;  // of a list or a map
  const Member* members = nullptr;
  size_t member_count = 0;
};

struct Member {
  std::string_view name;
  Shape shape;
  bool required = false;
};

struct Operation {
  std::string_view name;
  const Shape* input;
};

std::span<const Operation> Operations();

}  // namespace clary::api
