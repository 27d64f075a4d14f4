// Reading and writing the JSON files between control and the processes it starts.
#pragma once

#include <concepts>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace clary::api {

using nlohmann::json;

// Reads members of one object, remembering the first that has a wrong type.
class Reader {
 public:
  explicit Reader(const json& object) : object_(object) {}

  void Get(const char* name, std::string& out) {
    if (const json* v = Find(name, &json::is_string)) out = v->get_ref<const std::string&>();
  }
  void Get(const char* name, bool& out) {
    if (const json* v = Find(name, &json::is_boolean)) out = v->get<bool>();
  }
  template <std::integral T>
  void Get(const char* name, T& out) {
    if (const json* v = Find(name, &json::is_number_integer)) out = v->get<T>();
  }
  void Get(const char* name, std::vector<std::string>& out) {
    const json* v = Find(name, &json::is_array);
    if (v == nullptr) return;
    out.clear();
    for (const json& item : *v) {
      if (!item.is_string()) return Bad(name);
      out.push_back(item.get_ref<const std::string&>());
    }
  }
  void Get(const char* name, std::map<std::string, std::string>& out) {
    const json* v = Find(name, &json::is_object);
    if (v == nullptr) return;
    for (const auto& [key, item] : v->items()) {
      if (!item.is_string()) return Bad(name);
      out[key] = item.get_ref<const std::string&>();
    }
  }
  const json* Array(const char* name) { return Find(name, &json::is_array); }
  const std::string& bad() const { return bad_; }

 private:
  const json* Find(const char* name, bool (json::*is)() const noexcept) {
    const auto it = object_.find(name);
    if (it == object_.end()) return nullptr;
    if (((*it).*is)()) return &*it;
    Bad(name);
    return nullptr;
  }
  void Bad(const char* name) {
    if (bad_.empty()) bad_ = name;
  }
  const json& object_;
  std::string bad_;
};

inline std::string Dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace clary::api
