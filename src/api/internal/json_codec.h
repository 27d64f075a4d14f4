// One way to write and read the JSON files between control and the processes it starts. A struct
// names its members once, in a function
//
//     template <typename Io> void Fields(Io& io, ChannelSpec& c) { io("name", c.name); ... }
//
// which both directions call. Members may be texts, booleans, numbers, lists and maps of them, such
// structs and lists of such structs.
#pragma once

#include <concepts>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/error.h"

namespace clary::api {

// Bytes that are no UTF-8 become U+FFFD.
inline std::string Dump(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

template <typename T, typename Io>
concept HasFields = requires(Io& io, T& value) { Fields(io, value); };

template <typename T>
inline constexpr bool kIsList = false;
template <typename T>
inline constexpr bool kIsList<std::vector<T>> = true;
template <typename T>
inline constexpr bool kIsMap = false;
template <typename T>
inline constexpr bool kIsMap<std::map<std::string, T>> = true;

class JsonWriter {
 public:
  template <typename T>
  void operator()(const char* name, T& value) {
    object_[name] = Write(value);
  }
  template <typename T>
  static nlohmann::json Write(T& value) {
    if constexpr (HasFields<T, JsonWriter>) {
      JsonWriter inner;
      Fields(inner, value);
      return std::move(inner.object_);
    } else if constexpr (kIsList<T>) {
      auto list = nlohmann::json::array();
      for (auto& item : value) list.push_back(Write(item));
      return list;
    } else {
      return value;
    }
  }

 private:
  nlohmann::json object_ = nlohmann::json::object();
};

// A member that is absent keeps the value that it has; so does a number of a map that is null, as
// NaN is written. The first member of a wrong type is remembered.
class JsonReader {
 public:
  explicit JsonReader(const nlohmann::json& object) : object_(object) {}

  template <typename T>
  void operator()(const char* name, T& value) {
    if (const auto it = object_.find(name); it != object_.end()) Read(*it, value, name);
  }
  const std::string& bad() const { return bad_; }  // "channels.name"; empty: none

 private:
  template <typename T>
  void Read(const nlohmann::json& from, T& value, const std::string& path) {
    if constexpr (HasFields<T, JsonReader>) {
      if (!from.is_object()) return Bad(path);
      JsonReader inner(from);
      Fields(inner, value);
      if (!inner.bad_.empty()) Bad(path + "." + inner.bad_);
    } else if constexpr (kIsList<T>) {
      if (!from.is_array()) return Bad(path);
      value.clear();
      for (const auto& item : from) Read(item, value.emplace_back(), path);
    } else if constexpr (kIsMap<T>) {
      if (!from.is_object()) return Bad(path);
      for (const auto& [key, item] : from.items()) {
        if (std::floating_point<typename T::mapped_type> && item.is_null()) continue;
        Read(item, value[key], path);
      }
    } else if constexpr (std::same_as<T, std::string>) {
      if (!from.is_string()) return Bad(path);
      value = from.template get_ref<const std::string&>();
    } else if constexpr (std::same_as<T, bool>) {
      if (!from.is_boolean()) return Bad(path);
      value = from.template get<bool>();
    } else if constexpr (std::integral<T>) {
      if (!from.is_number_integer()) return Bad(path);
      value = from.template get<T>();
    } else {
      static_assert(std::floating_point<T>);
      if (!from.is_number()) return Bad(path);
      value = from.template get<T>();
    }
  }
  void Bad(const std::string& path) {
    if (bad_.empty()) bad_ = path;
  }

  const nlohmann::json& object_;
  std::string bad_;
};

// The text of a file of version 1.
template <typename T>
std::string WriteDocument(T value) {
  nlohmann::json document = JsonWriter::Write(value);
  document["version"] = 1;
  return Dump(document);
}

// What a file of version 1 holds. Errors have the reason `reason` and name the file: kDataLoss if
// it is not what was written, kFailedPrecondition if it is of another version.
template <typename T>
Result<T> ReadDocument(std::string_view text, const std::string& file, const char* reason) {
  const auto document = nlohmann::json::parse(text, nullptr, false);
  if (!document.is_object()) {
    return Fail(Code::kDataLoss, reason, file + " is no JSON object");
  }
  const auto version = document.find("version");
  if (version == document.end() || !version->is_number_integer() || *version != 1) {
    return Fail(Code::kFailedPrecondition, reason,
                file + " is not of version 1; it was written by another release");
  }
  T value;
  JsonReader reader(document);
  Fields(reader, value);
  if (!reader.bad().empty()) {
    return Fail(Code::kDataLoss, reason, file + ": member '" + reader.bad() + "' has a wrong type");
  }
  return value;
}

}  // namespace clary::api
