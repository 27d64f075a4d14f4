// What a request of a JSON service must look like: the form of the shape tables, which
// tools/api_shapes.py writes from the services' public models, and the checks over them. Texts as
// AWS's own. Names in messages are paths, "inputDataConfig[0].channelName".
#pragma once

#include <cstddef>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string_view>

#include "base/error.h"

namespace clary::api {

enum class Type {
  kString,
  kInteger,  // 32 bits
  kLong,     // 64 bits
  kFloat,
  kDouble,
  kBoolean,
  kTimestamp,  // seconds since the epoch, with a fraction
  kBlob,       // a string in base64
  kList,
  kMap,
  kStructure,
};

constexpr double kNoMin = -std::numeric_limits<double>::infinity();
constexpr double kNoMax = std::numeric_limits<double>::infinity();

struct Member;

struct Shape {
  std::string_view name;  // of a structure, as the model calls it: "OutputDataConfig"
  Type type = Type::kString;
  double min = kNoMin;  // of the length in characters, the number of items, or the value
  double max = kNoMax;
  const char* pattern = nullptr;            // RE2; must match the whole text
  const char* pattern_text = nullptr;       // printed instead of `pattern`
  const std::string_view* enums = nullptr;  // all values; with a pattern: those that messages show
  size_t enum_count = 0;
  const Shape* key = nullptr;   // of a map
  const Shape* item = nullptr;  // of a list or a map
  const Member* members = nullptr;
  size_t member_count = 0;
  bool one_of = false;  // exactly one member must be there
};

struct Member {
  std::string_view name;
  const Shape* shape;
  bool required = false;
};

struct Operation {
  std::string_view name;
  const Shape* input;
  const Shape* output;
};

constexpr size_t kMaxRequestBytes = 4 << 20;
constexpr int kMaxRequestDepth = 32;

// The tables, by service. An operation that is listed here need not be served.
std::span<const Operation> SageMakerOperations();
std::span<const Operation> StsOperations();
std::span<const Operation> IamOperations();
std::span<const Operation> LogsOperations();
std::span<const Operation> CloudwatchOperations();
std::span<const Operation> KmsOperations();
std::span<const Operation> AutoscalingOperations();
std::span<const Operation> MetricsOperations();  // SageMaker Metrics

std::span<const Member> Members(const Shape& structure);

// The one of that name, or null.
const Operation* FindOperation(std::span<const Operation> operations, std::string_view name);
const Member* FindMember(const Shape& structure, std::string_view name);

// "s3Uri" of "S3Uri": how paths show a member.
std::string MemberInPath(std::string_view name);

// The JSON document in `body`; an empty body is an empty object. Strict: a name given twice in one
// object, the character U+0000, numbers beyond a double, NaN, lone surrogates and whatever else is
// no JSON are refused, as are bodies larger or deeper than the limits above. kInvalidArgument
// "SerializationException", which says where.
Result<nlohmann::json> ParseDocument(std::string_view body);

// Checks that `value` has the types of `shape`; drops members that are null. kInvalidArgument:
// "SerializationException" for a value of a wrong type, "ValidationException" for a member that the
// shape does not have: nobody can know what it was to change (ADR 19).
Status Conform(nlohmann::json& value, const Shape& shape);

// Required members, lengths, ranges, patterns and enums of a value that conforms. kInvalidArgument
// "ValidationException" with all violations in one message.
Status CheckValues(const nlohmann::json& value, const Shape& shape);

}  // namespace clary::api
