// Members of a stored record. One that is missing or has another type gives the fallback: what is
// on disk may be damaged, and must not take the service down.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/log.h"
#include "meta/metadata_store.h"

namespace clary::server {

inline std::string TextIn(const nlohmann::json& body, const char* name) {
  const auto it = body.find(name);
  return it != body.end() && it->is_string() ? it->get<std::string>() : std::string();
}

inline int64_t IntIn(const nlohmann::json& body, const char* name, int64_t fallback = 0) {
  const auto it = body.find(name);
  return it != body.end() && it->is_number_integer() ? it->get<int64_t>() : fallback;
}

// An array; empty if there is none.
inline nlohmann::json ListIn(const nlohmann::json& body, const char* name) {
  const auto it = body.find(name);
  return it != body.end() && it->is_array() ? *it : nlohmann::json::array();
}

// The body as an object. kDataLoss "BadRecord", which names the record.
inline Result<nlohmann::json> BodyOf(std::string_view table, const meta::Record& record) {
  nlohmann::json body = nlohmann::json::parse(record.body, nullptr, false);
  if (body.is_object()) return body;
  return Fail(Code::kDataLoss, "BadRecord",
              "the record '" + record.key + "' of table '" + std::string(table) + "' is damaged");
}

}  // namespace clary::server
