// What the two halves of the Logs front share: typed access to a request's members, and errors.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/error.h"
#include "server/logs.h"

namespace clary::server {

inline std::unexpected<Error> Invalid(std::string message) {
  return Fail(Code::kInvalidArgument, "InvalidParameterException", std::move(message));
}

inline std::unexpected<Error> NoGroup() {
  return Fail(Code::kNotFound, "ResourceNotFoundException",
              "The specified log group does not exist.");
}

inline std::unexpected<Error> NoStream() {
  return Fail(Code::kNotFound, "ResourceNotFoundException",
              "The specified log stream does not exist.");
}

// Typed access to the members of a request.
class Input {
 public:
  Input(const nlohmann::json& document, const Account& account)
      : document_(document), account_(account) {}

  const nlohmann::json& document() const { return document_; }
  const nlohmann::json* Find(const char* name) const {
    const auto it = document_.find(name);
    return it == document_.end() || it->is_null() ? nullptr : &*it;
  }
  Result<std::string> Text(const char* name) const {
    const nlohmann::json* value = Find(name);
    if (!value) return std::string();
    if (!value->is_string()) return Mistyped(name, "a string");
    return value->get<std::string>();
  }
  Result<int64_t> Integer(const char* name, int64_t fallback, int64_t low, int64_t high) const {
    const nlohmann::json* value = Find(name);
    if (!value) return fallback;
    int64_t number = 0;
    if (value->is_number_unsigned()) {
      number = static_cast<int64_t>(std::min<uint64_t>(value->get<uint64_t>(), INT64_MAX));
    } else if (value->is_number_integer()) {
      number = value->get<int64_t>();
    } else if (value->is_number_float() && std::abs(value->get<double>()) < 9e15) {
      number = static_cast<int64_t>(value->get<double>());
    } else {
      return Mistyped(name, "an integer");
    }
    if (number < low || number > high) {
      return Invalid("1 validation error detected: Value '" + std::to_string(number) + "' at '" +
                     name + "' failed to satisfy constraint: Member must be from " +
                     std::to_string(low) + " to " + std::to_string(high));
    }
    return number;
  }
  Result<bool> Flag(const char* name) const {
    const nlohmann::json* value = Find(name);
    if (!value) return false;
    if (!value->is_boolean()) return Mistyped(name, "a boolean");
    return value->get<bool>();
  }
  // The log group by name, or by name or ARN in the member that may stand in its place.
  Result<std::string> Group() const {
    CLARY_TRY(std::string name, Text("logGroupName"));
    CLARY_TRY(const std::string identifier, Text("logGroupIdentifier"));
    if (!name.empty() && !identifier.empty()) {
      return Invalid("Only one of logGroupName and logGroupIdentifier may be given.");
    }
    if (name.empty() && !identifier.starts_with("arn:")) name = identifier;
    if (!name.empty()) return name;
    if (!identifier.empty()) return GroupOfArn(identifier);
    return Invalid(
        "1 validation error detected: Value null at 'logGroupName' failed to satisfy constraint: "
        "Member must not be null");
  }
  // The one that resourceArn names.
  Result<std::string> GroupOfResource() const {
    CLARY_TRY(const std::string arn, Text("resourceArn"));
    return GroupOfArn(arn);
  }

 private:
  // Of a group that can be here.
  Result<std::string> GroupOfArn(std::string_view arn) const {
    const std::string prefix =
        "arn:aws:logs:" + account_.region + ":" + account_.id + ":log-group:";
    if (!arn.starts_with(prefix)) return NoGroup();
    arn.remove_prefix(prefix.size());
    if (arn.ends_with(":*")) arn.remove_suffix(2);
    if (arn.empty()) return NoGroup();
    return std::string(arn);
  }
  static std::unexpected<Error> Mistyped(const char* name, const char* type) {
    return Fail(Code::kInvalidArgument, "SerializationException",
                std::string("the member '") + name + "' must be " + type);
  }
  const nlohmann::json& document_;
  const Account& account_;
};

// The operations on groups and streams that users own.
struct LogGroupOperations {
  using Result = clary::Result<nlohmann::json>;
  static Result CreateLogGroup(LogsFront& front, const Input& input);
  static Result DeleteLogGroup(LogsFront& front, const Input& input);
  static Result CreateLogStream(LogsFront& front, const Input& input);
  static Result DeleteLogStream(LogsFront& front, const Input& input);
  static Result PutLogEvents(LogsFront& front, const Input& input);
  static Result PutRetentionPolicy(LogsFront& front, const Input& input);
  static Result DeleteRetentionPolicy(LogsFront& front, const Input& input);
  static Result ListTagsForResource(LogsFront& front, const Input& input);
  static Result TagResource(LogsFront& front, const Input& input);
  static Result UntagResource(LogsFront& front, const Input& input);
};

}  // namespace clary::server
