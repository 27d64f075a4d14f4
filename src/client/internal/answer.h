// Members of a service's answers; what is absent or of another type is empty or 0.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace clary::client {

inline std::string Text(const nlohmann::json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_string() ? it->get<std::string>() : std::string();
}

inline int Int(const nlohmann::json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_number() ? it->get<int>() : 0;
}

inline int64_t Millis(const nlohmann::json& object, const char* name) {
  const auto it = object.find(name);
  if (it == object.end() || !it->is_number()) return 0;
  return static_cast<int64_t>(it->get<double>() * 1000.0 + 0.5);
}

inline const nlohmann::json& Child(const nlohmann::json& object, const char* name) {
  static const nlohmann::json kNone = nlohmann::json::object();
  const auto it = object.find(name);
  return it != object.end() && it->is_object() ? *it : kNone;
}

inline const nlohmann::json& List(const nlohmann::json& object, const char* name) {
  static const nlohmann::json kNone = nlohmann::json::array();
  const auto it = object.find(name);
  return it != object.end() && it->is_array() ? *it : kNone;
}

}  // namespace clary::client
